//! The model and its card.

use super::{Fault, MEMORY_BUDGET, Sources, faults, short_hash};
use crate::model::{FORMAT, Head, ROUNDING, Section, is_version};
use crate::quality::{Card, Evaluation};
use forest::{Forest, Part};
use schema::source::Doubts;
use schema::{Field, Kind, Schema};
use sections::{AlignedBytes, Writer};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the model was compiled to.
pub struct CompiledModel {
    pub card: AlignedBytes,
    pub margins: AlignedBytes,
    pub explanations: AlignedBytes,
    pub quality: Vec<u8>,
    pub warnings: Vec<Fault>,
    features: Vec<u32>,
}

impl CompiledModel {
    /// The calibrated probability of each of many profiles, given their codes.
    pub fn probabilities<'c>(&self, codes: impl Iterator<Item = &'c [f64]>) -> Vec<f64> {
        let forest = Forest::from_bytes(&self.margins).expect("it was just compiled");
        let row = |codes: &[f64]| -> Vec<f32> {
            self.features
                .iter()
                .map(|field| codes[*field as usize] as f32)
                .collect()
        };
        codes
            .map(|codes| crate::model::logistic(forest.margin(&row(codes))))
            .collect()
    }
}

#[derive(Deserialize)]
struct TrainingDistribution {
    values: Option<Vec<String>>,
    edges: Option<Vec<f64>>,
    shares: Vec<f64>,
    missing: f64,
}

/// Compiles the model. What of the schema is in doubt refuses nothing.
///
/// # Errors
/// Everything that is wrong with the model, its card and its evaluation.
pub fn compile(
    schema: &Schema<'_>,
    doubts: &Doubts,
    sources: &Sources<'_>,
) -> Result<CompiledModel, Vec<Fault>> {
    let [.., model_file, card_file, evaluation_file] = Sources::PATHS;
    let mut all = Vec::new();
    let mut fault = |file: &'static str, detail: String| all.extend(faults(file, vec![detail]));
    let model = forest::Model::from_json(sources.model)
        .map_err(|error| fault(model_file, error.to_string()))
        .ok();
    let evaluation = serde_json::from_slice(sources.evaluation).unwrap_or_else(|error| {
        fault(evaluation_file, error.to_string());
        Value::Null
    });
    if model.as_ref().is_some_and(|model| model.n_features() == 0) {
        fault(model_file, "the model has no feature".to_owned());
    }
    let mut features = Vec::new();
    let names = model.iter().flat_map(forest::Model::feature_names);
    for name in names.filter(|name| !doubts.field(schema, name)) {
        match schema.find(name) {
            Some(field) if field.for_model() => features.push(field.index() as u32),
            Some(_) => fault(
                model_file,
                format!("the feature {name:?} is a field that the schema keeps from the model"),
            ),
            None => fault(
                model_file,
                format!("the feature {name:?} is no field of the schema"),
            ),
        }
    }
    let hash = short_hash(sources.model);
    let card = WrittenCard::read(sources.card).unwrap_or_else(|details| {
        details
            .into_iter()
            .for_each(|detail| fault(card_file, detail));
        WrittenCard::default()
    });
    // The card speaks of one model. Another one in its place is served uncalibrated, under its own name.
    let described = card.version.ends_with(&hash);
    let mut warnings = Vec::new();
    let (version, slope, intercept) = match described {
        true => (card.version, card.slope, card.intercept),
        false => {
            let detail =
                format!("describes another model than {model_file}: no calibration is applied");
            warnings.extend(faults(card_file, vec![detail]));
            (format!("uncalibrated-{hash}"), 1.0, 0.0)
        }
    };
    let training = match described {
        true => training(schema, &features, &card.json).unwrap_or_else(|details| {
            details
                .into_iter()
                .for_each(|detail| fault(card_file, detail));
            Vec::new()
        }),
        // Of a model that nothing describes, nothing is known.
        false => features
            .iter()
            .map(|_| (Vec::new(), vec![0.0, 0.0]))
            .collect(),
    };
    // What describes another model is left out.
    let is_described = |document: &Value| document["version"] == version.as_str();
    let details = [
        (card_file, Card::deserialize(&card.json).err(), &card.json),
        (
            evaluation_file,
            Evaluation::deserialize(&evaluation).err(),
            &evaluation,
        ),
    ];
    for (file, error, document) in details {
        if let Some(error) = error.filter(|_| is_described(document)) {
            fault(file, error.to_string());
        }
    }
    let (Some(model), true) = (model, all.is_empty()) else {
        return Err(all);
    };
    let model = model.affine(slope, intercept);
    let compiled = |part: Part| AlignedBytes::from(model.compile(part, MEMORY_BUDGET).as_slice());
    Ok(CompiledModel {
        card: written(
            &sources.version(),
            &version,
            described,
            card.base_rate,
            &features,
            &training,
        ),
        margins: compiled(Part::Margins),
        explanations: compiled(Part::Explanations),
        quality: quality(&version, described.then_some(card.json), evaluation),
        warnings,
        features,
    })
}

/// What the card says of the model.
#[derive(Default)]
struct WrittenCard {
    json: Value,
    version: String,
    base_rate: f64,
    slope: f64,
    intercept: f64,
}

impl WrittenCard {
    fn read(bytes: &[u8]) -> Result<Self, Vec<String>> {
        let json: Value = serde_json::from_slice(bytes).map_err(|error| vec![error.to_string()])?;
        let mut details = Vec::new();
        let mut number = |pointer: &str| {
            let value = json.pointer(pointer).and_then(Value::as_f64);
            value.unwrap_or_else(|| {
                details.push(format!("{pointer} must be a number"));
                0.0
            })
        };
        let base_rate = number("/base_rate");
        let (slope, intercept) = (
            number("/calibration/slope"),
            number("/calibration/intercept"),
        );
        if !(0.0..=1.0).contains(&base_rate) {
            details.push(format!(
                "/base_rate must lie between 0 and 1, got {base_rate}"
            ));
        }
        let version = json.pointer("/version").and_then(Value::as_str);
        let version = version.filter(|version| is_version(version));
        if version.is_none() {
            details.push("/version must be 1 to 128 letters, digits, dashes, dots, underscores and plus signs".to_owned());
        }
        let version = version.unwrap_or_default().to_owned();
        match details.is_empty() {
            true => Ok(Self {
                json,
                version,
                base_rate,
                slope,
                intercept,
            }),
            false => Err(details),
        }
    }
}

/// Edges and shares of each feature.
type Training = Vec<(Vec<f32>, Vec<f64>)>;

fn training(schema: &Schema<'_>, features: &[u32], card: &Value) -> Result<Training, Vec<String>> {
    let written: BTreeMap<String, TrainingDistribution> =
        Deserialize::deserialize(&card["training_distribution"])
            .map_err(|error| vec![format!("training_distribution: {error}")])?;
    let mut details = Vec::new();
    let mut training = Vec::new();
    for &field in features {
        let field = schema.field(field as usize);
        let found = written
            .get(field.name())
            .ok_or_else(|| "is missing".to_owned());
        match found.and_then(|found| distribution(field, found)) {
            Ok(distribution) => training.push(distribution),
            Err(what) => details.push(format!("training_distribution: {} {what}", field.name())),
        }
    }
    if details.is_empty() {
        Ok(training)
    } else {
        Err(details)
    }
}

fn distribution(
    field: Field<'_>,
    found: &TrainingDistribution,
) -> Result<(Vec<f32>, Vec<f64>), String> {
    let edges: Vec<f32> = match (&found.values, &found.edges) {
        (Some(values), None) if field.kind().is_named() && are_named(field, values) => {
            (1..field.codes()).map(|code| code as f32).collect()
        }
        (None, Some(edges))
            if !field.kind().is_named() && edges.is_sorted_by(|low, high| low < high) =>
        {
            edges.iter().map(|edge| *edge as f32).collect()
        }
        _ => return Err("must have its values, or the rising edges of its bins".to_owned()),
    };
    let sum: f64 = found.shares.iter().sum();
    let share = |share: &f64| (0.0..=1.0).contains(share);
    if found.shares.len() != edges.len() + 1
        || !found.shares.iter().chain([&found.missing]).all(share)
        || (sum - 1.0).abs() > ROUNDING
    {
        return Err("must have a share for each bin, which add up to 1".to_owned());
    }
    let mut shares: Vec<f64> = found
        .shares
        .iter()
        .map(|share| share * (1.0 - found.missing))
        .collect();
    shares.push(found.missing);
    Ok((edges, shares))
}

/// Whether the card's values are those of the field, in their order. Flags may be spelled in other ways.
fn are_named(field: Field<'_>, values: &[String]) -> bool {
    let names: Vec<&str> = (0..field.codes())
        .filter_map(|code| field.value(code as f64))
        .map(|value| value.name())
        .collect();
    match field.kind() {
        Kind::Flag => {
            values.len() == names.len()
                && values.get(2).map(String::as_str) == names.get(2).copied()
        }
        _ => values == names,
    }
}

fn written(
    workspace: &str,
    version: &str,
    described: bool,
    base_rate: f64,
    features: &[u32],
    training: &Training,
) -> AlignedBytes {
    let mut pool = schema::Pool::default();
    let head = Head {
        base_rate,
        version: pool.add(version),
        workspace: pool.add(workspace),
        described: u32::from(described),
        unused: 0,
    };
    let mut starts = vec![0u32];
    let (mut edges, mut shares) = (Vec::new(), Vec::new());
    for (feature_edges, feature_shares) in training {
        edges.extend_from_slice(feature_edges);
        shares.extend_from_slice(feature_shares);
        starts.push(edges.len() as u32);
    }
    let mut writer = Writer::new(&FORMAT);
    writer.write(Section::Text as usize, pool.as_str().as_bytes());
    writer.write(Section::Head as usize, &[head]);
    writer.write(Section::Features as usize, features);
    writer.write(Section::EdgeStarts as usize, &starts);
    writer.write(Section::Edges as usize, &edges);
    writer.write(Section::Shares as usize, &shares);
    AlignedBytes::from(writer.finish().as_slice())
}

/// Card and evaluation in one JSON document; each null where it describes another model.
fn quality(version: &str, card: Option<Value>, evaluation: Value) -> Vec<u8> {
    let evaluation = (evaluation["version"] == version).then_some(evaluation);
    let quality = json!({"model_version": version, "card": card, "evaluation": evaluation});
    quality.to_string().into_bytes()
}
