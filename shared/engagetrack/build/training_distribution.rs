//! The training distribution of the model card, checked against the encoding and written as Rust.

use super::encoding::{FEATURES, FIELDS, Kind};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// By how much shares may miss 1 in sum: the card rounds them to nine digits.
const ROUNDING: f64 = 1e-6;

#[derive(Deserialize)]
struct Distribution {
    values: Option<Vec<String>>,
    edges: Option<Vec<f64>>,
    shares: Vec<f64>,
    missing: f64,
}

/// A constant `TRAINING` with the distribution of every feature, from the card's `training_distribution`.
///
/// # Errors
/// A sentence that names the feature which is missing or does not fit the encoding.
pub fn as_rust(card: &serde_json::Value) -> Result<String, String> {
    let features: BTreeMap<String, Distribution> =
        Deserialize::deserialize(&card["training_distribution"])
            .map_err(|error| format!("training_distribution: {error}"))?;
    let mut constant = format!(
        "/// How each feature was distributed in training, in the model's order.\n\
         pub const TRAINING: [Distribution; {FEATURES}] = ["
    );
    for field in &FIELDS[..FEATURES] {
        let wrong = |what: &str| format!("training_distribution: {} {what}", field.name);
        let found = features
            .get(field.name)
            .ok_or_else(|| wrong("is missing"))?;
        let edges = match (names(field.kind), &found.values, &found.edges) {
            (Some(names), Some(values), None) if same(&names, values) => {
                (1..names.len()).map(|code| code as f64).collect()
            }
            (None, None, Some(edges)) if edges.is_sorted_by(|low, high| low < high) => {
                edges.clone()
            }
            _ => {
                return Err(wrong(
                    "must have its values, or the rising edges of its bins",
                ));
            }
        };
        if found.shares.len() != edges.len() + 1
            || (found.shares.iter().sum::<f64>() - 1.0).abs() > ROUNDING
        {
            return Err(wrong("must have a share for each bin, which add up to 1"));
        }
        let mut shares: Vec<f64> = found
            .shares
            .iter()
            .map(|share| share * (1.0 - found.missing))
            .collect();
        shares.push(found.missing);
        write!(
            constant,
            "\n    Distribution {{ edges: &{edges:?}, shares: &{shares:?} }},"
        )
        .map_err(|error| error.to_string())?;
    }
    Ok(constant + "\n];\n")
}

/// The names of a field's codes, as the card spells them; none for a number.
fn names(kind: Kind) -> Option<Vec<&'static str>> {
    match kind {
        Kind::Flag => Some(vec!["No", "Yes"]),
        Kind::Choice(names) => Some(names.to_vec()),
        Kind::Dependent(impossible) => Some(vec!["No", "Yes", impossible]),
        Kind::Whole(_) | Kind::Dollars(_) => None,
    }
}

/// Whether the card's values are these. Telco writes some flags as 0 and 1.
fn same(names: &[&str], values: &[String]) -> bool {
    values == names || (names == ["No", "Yes"] && values == ["0", "1"])
}
