//! Random source files that compile.

use super::Numbers;
use proptest::prelude::*;
use schema::testing::{Draws, schemas};
use schema::{About, ChangePolicy, Field, Kind, Profile, Schema};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Numbers that decide one workspace: enough for its customers and a model.
const NUMBERS: usize = 3_000;
/// Customers that a workspace has at most.
const MOST_CUSTOMERS: usize = 40;
/// Numbers that decide one profile.
const OF_A_PROFILE: usize = 40;

/// The files of random workspaces, in the order of [`Sources::PATHS`](crate::compile::Sources::PATHS). All compile: to schemas of
/// every kind, a few customers, nudges with and without a change, and a model whose card describes it or another one.
pub fn workspaces() -> impl Strategy<Value = [Vec<u8>; 6]> {
    let numbers = prop::collection::vec(any::<u32>(), NUMBERS).prop_map(Numbers::new);
    (schemas(), numbers).prop_map(|(schema, mut numbers)| {
        // A model sees something.
        let schema = schema.replacen("model = false", "model = true", 1);
        let compiled = schema::source::compile(&schema).expect("random schemas are valid");
        let opened = Schema::open(&compiled).expect("it was just compiled");
        let customers = customers(&opened, &mut numbers);
        let nudges = nudges(&opened, &mut numbers);
        let (model, card, evaluation) = model(&opened, &mut numbers);
        let files = [schema, customers, nudges, model, card, evaluation];
        files.map(String::into_bytes)
    })
}

fn id(number: usize) -> String {
    match number % 4 {
        0 => format!("{number:04}-ä"),
        1 => format!("c/{number}"),
        2 => format!("Customer no. {number}"),
        _ => number.to_string(),
    }
}

fn customers(schema: &Schema<'_>, numbers: &mut Numbers) -> String {
    let outcome = schema.outcome_name();
    let mut file = csv::Writer::from_writer(Vec::new());
    let columns = schema.fields().map(|field| field.column());
    let header = [schema.id_column()]
        .into_iter()
        .chain(columns)
        .chain(outcome);
    file.write_record(header).expect("memory takes every row");
    for customer in 0..1 + numbers.below(MOST_CUSTOMERS) {
        let draws = (0..OF_A_PROFILE).map(|_| numbers.any()).collect();
        let profile = Draws::new(draws).profile(schema);
        let cells = schema.fields().map(|field| cell(field, &profile));
        let mut row: Vec<String> = [id(customer)].into_iter().chain(cells).collect();
        if outcome.is_some() {
            row.push(["In", "Out", ""][numbers.below(3)].to_owned());
        }
        file.write_record(row).expect("memory takes every row");
    }
    let file = file.into_inner().expect("memory takes every row");
    String::from_utf8(file).expect("all cells are text")
}

fn cell(field: Field<'_>, profile: &Profile) -> String {
    let code = profile.code(field.index());
    let absent = field.without().is_some() && code == field.absent_code();
    match field.kind() {
        _ if code.is_nan() => String::new(),
        Kind::Flag if !absent => ["No", "Yes"][code as usize].to_owned(),
        Kind::Flag | Kind::Choice => {
            let value = field.value(code);
            value.map_or_else(String::new, |value| value.name().to_owned())
        }
        _ => code.to_string(),
    }
}

/// A value as TOML has it.
fn value(field: Field<'_>, code: usize) -> String {
    let name = field.value(code as f64).map_or("", |value| value.name());
    match field.kind() {
        Kind::Flag => (code == 1).to_string(),
        _ => toml::Value::from(name).to_string(),
    }
}

fn nudges(schema: &Schema<'_>, numbers: &mut Numbers) -> String {
    let decisive: Vec<Field<'_>> = schema
        .fields()
        .filter(|field| field.about() != About::Person)
        .collect();
    let mut text = String::new();
    let mut write = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for position in 0..numbers.below(6) {
        let Some(&field) = numbers.pick(&decisive) else {
            continue;
        };
        let from = numbers.below(field.choices());
        write(format!(
            "[[nudge]]\nid = \"nudge-{position}\"\ncategory = \"{}\"\ntitle = \"Do no. {position}\"",
            ["care", "price"][numbers.below(2)]
        ));
        let condition = match field.kind() {
            Kind::Flag | Kind::Choice => value(field, from),
            _ => "{ at_least = 2, below = 60 }".to_owned(),
        };
        write(format!("when = {{ {} = {condition} }}", field.name()));
        let to: Vec<usize> = match field.change() {
            _ if !field.needs().is_empty() => Vec::new(),
            ChangePolicy::Any => (0..field.choices()).filter(|to| *to != from).collect(),
            ChangePolicy::Up => (from + 1..field.choices()).collect(),
            ChangePolicy::Never | ChangePolicy::Cohort => Vec::new(),
        };
        let to = numbers.pick(&to).copied();
        if let Some(to) = to {
            write(format!(
                "change = {{ {} = {} }}",
                field.name(),
                value(field, to)
            ));
        }
        if numbers.one_in(3) {
            write(format!("cost = {}.5", numbers.below(100)));
        }
        if numbers.one_in(3) {
            let customers = 1 + numbers.below(1_000);
            let log_odds = ["", ", log_odds = -0.5"][numbers.below(2)];
            write(format!(
                "measured = {{ effect = -0.04, interval = [-0.09, 0.01], customers = {customers}, campaign = \"c\"{log_odds} }}"
            ));
        }
        write(format!("placeholders = {{ it = \"{}\" }}", field.name()));
        write("reasons = [\"It is {it}.\"]".to_owned());
        write("messages = [\"We saw {it}, and more.\", \"Let us talk.\"]".to_owned());
        let mut experiments = schema.experiments();
        let experiment = experiments.find(|experiment| experiment.field() == field.index());
        if let Some(experiment) = experiment {
            // An arm has one offer.
            if position == 0 && experiment.arms().any(|(code, _)| code == from) {
                write(format!(
                    "experiment = {{ arm = {}, offer = \"something\" }}",
                    value(field, from)
                ));
            }
            write(format!(
                "{} = {{ {} = [\"To your arm.\"] }}",
                field.name(),
                value(field, from)
            ));
        }
        if let Some(persona) = schema.personas().next().filter(|_| numbers.one_in(2)) {
            write(format!(
                "persona = {{ {:?} = [\"To you alone.\"] }}",
                persona.name
            ));
        }
    }
    write(
        "[[nudge]]\nid = \"thanks\"\ncategory = \"care\"\ntitle = \"Say thanks\"\notherwise = true"
            .to_owned(),
    );
    write(
        "reasons = [\"Nothing else applies.\"]\nmessages = [\"Thanks.\", \"Thank you.\"]"
            .to_owned(),
    );
    text
}

/// Model, card and evaluation.
fn model(schema: &Schema<'_>, numbers: &mut Numbers) -> (String, String, String) {
    let mut features: Vec<Field<'_>> = schema.fields().filter(|field| field.for_model()).collect();
    // A model may see the fields in any order.
    for place in (1..features.len()).rev() {
        features.swap(place, numbers.below(place + 1));
    }
    let trees: Vec<Value> = (0..1 + numbers.below(5))
        .map(|_| {
            let mut tree = Tree::default();
            // A deep one is walked, or has masks.
            let depth = if numbers.one_in(8) {
                7
            } else {
                1 + numbers.below(3)
            };
            tree.grow(&features, depth, numbers);
            tree.written(features.len())
        })
        .collect();
    let count = features.len().to_string();
    let names: Vec<&str> = features.iter().map(|field| field.name()).collect();
    let model = json!({"learner": {
        "attributes": {},
        "feature_names": names,
        "learner_model_param": {
            "base_score": "[4E-1]", "num_class": "0", "num_feature": count, "num_target": "1",
        },
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": trees.len().to_string()},
            "iteration_indptr": (0..=trees.len()).collect::<Vec<_>>(),
            "tree_info": vec![0; trees.len()],
            "trees": trees,
        }},
    }, "version": [3, 2, 0]})
    .to_string();
    let hash = Sha256::digest(&model)[..4]
        .iter()
        .fold(String::new(), |mut hash, byte| {
            // Writing to a string can't fail.
            let _ = write!(hash, "{byte:02x}");
            hash
        });
    let version = match numbers.one_in(4) {
        true => "another".to_owned(),
        false => format!("random-{hash}"),
    };
    (model, card(&version, &features), evaluation(&version))
}

fn card(version: &str, features: &[Field<'_>]) -> String {
    let figure = json!({"mean": 0.7, "sd": 0.01});
    let training: serde_json::Map<String, Value> = features
        .iter()
        .map(|field| {
            let distribution = match field.kind() {
                Kind::Flag | Kind::Choice => {
                    let values = (0..field.codes()).filter_map(|code| field.value(code as f64));
                    let names: Vec<&str> = values.map(|value| value.name()).collect();
                    let share = 1.0 / names.len() as f64;
                    json!({"values": names, "shares": vec![share; names.len()], "missing": 0.125})
                }
                _ => json!({"edges": [0, 10.5, 40], "shares": vec![0.25; 4], "missing": 0.0}),
            };
            (field.name().to_owned(), distribution)
        })
        .collect();
    json!({
        "version": version,
        "trained_on": {"file": "f", "source": null, "sha256": "0", "customers": 10, "churners": 4},
        "data_date": "2026-01-31",
        "base_rate": 0.4,
        "libraries": {},
        "settings": {"max_depth": 3.0, "tree_method": "hist"},
        "calibration": {"method": "platt", "slope": 1.1, "intercept": -0.2},
        "metrics": {
            "folds": 5, "repeats": 2, "roc_auc": figure, "average_precision": figure,
            "log_loss": figure, "brier": figure, "ece": 0.02,
        },
        "training_distribution": training,
    })
    .to_string()
}

fn evaluation(version: &str) -> String {
    json!({
        "version": version, "customers": 10, "churners": 4, "folds": 5, "repeats": 2, "roc": [],
        "precision_recall": [], "calibration": [], "gains": [], "by_cutoff": [], "by_group": {},
    })
    .to_string()
}

/// A tree as XGBoost lays it out.
#[derive(Default)]
struct Tree {
    left: Vec<i64>,
    right: Vec<i64>,
    features: Vec<usize>,
    conditions: Vec<f64>,
    default_left: Vec<u8>,
    weights: Vec<f64>,
    kinds: Vec<u8>,
    categories: Vec<usize>,
    nodes_of_categories: Vec<usize>,
    segments: Vec<usize>,
    sizes: Vec<usize>,
}

impl Tree {
    /// Adds a node with at most so many levels below, and tells which it is.
    fn grow(&mut self, features: &[Field<'_>], levels: usize, numbers: &mut Numbers) -> i64 {
        let node = self.left.len();
        let is_leaf = levels == 0 || (levels < 3 && numbers.one_in(5));
        let feature = numbers.below(features.len());
        let named = features[feature].kind().is_named();
        self.left.push(-1);
        self.right.push(-1);
        self.features.push(feature);
        self.default_left.push(numbers.below(2) as u8);
        self.weights.push(1.0 + numbers.below(40) as f64);
        self.kinds.push(u8::from(named && !is_leaf));
        self.conditions.push(match is_leaf {
            true => numbers.below(200) as f64 / 64.0 - 1.5,
            false => numbers.below(600) as f64 / 8.0 - 20.0,
        });
        if is_leaf {
            return node as i64;
        }
        if named {
            let codes = features[feature].codes();
            let mut right: Vec<usize> = (0..codes).filter(|_| numbers.one_in(2)).collect();
            if right.is_empty() {
                right.push(numbers.below(codes));
            }
            self.nodes_of_categories.push(node);
            self.segments.push(self.categories.len());
            self.sizes.push(right.len());
            self.categories.extend(right);
        }
        self.left[node] = self.grow(features, levels - 1, numbers);
        self.right[node] = self.grow(features, levels - 1, numbers);
        node as i64
    }

    fn written(self, features: usize) -> Value {
        json!({
            "left_children": self.left,
            "right_children": self.right,
            "split_indices": self.features,
            "split_conditions": self.conditions,
            "default_left": self.default_left,
            "sum_hessian": self.weights,
            "split_type": self.kinds,
            "categories": self.categories,
            "categories_nodes": self.nodes_of_categories,
            "categories_segments": self.segments,
            "categories_sizes": self.sizes,
            "tree_param": {
                "num_nodes": self.left.len().to_string(),
                "num_feature": features.to_string(),
                "size_leaf_vector": "1",
            },
        })
    }
}
