//! The churn model: from a profile to a calibrated probability.

use crate::customer::{Profile, vocabulary};
use crate::encoding::{self, Row};
use crate::{card, population};
use forest::{Aligned, Forest};
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

static MARGINS: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/margins.bin")));

fn forest() -> &'static Forest<'static> {
    static FOREST: LazyLock<Forest> =
        LazyLock::new(|| Forest::from_bytes(&MARGINS.0).expect("the build compiled it"));
    &FOREST
}

vocabulary! {
    /// How urgent a churn probability is.
    RiskLevel { /// Below 0.5.
        Low = "low", /// 0.5 or more, below 0.75.
        Medium = "medium", /// 0.75 or more.
        High = "high" }
}

impl RiskLevel {
    /// The level of a churn probability, 0 to 1.
    pub fn of(probability: f64) -> Self {
        match probability {
            p if p >= card::HIGH => Self::High,
            p if p >= card::MEDIUM => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// What the model expects of one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction {
    /// Calibrated probability that the customer leaves, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// Whether the probability is 0.5 or more.
    pub will_churn: bool,
    /// `high` from 0.75, `medium` from 0.5, else `low`.
    pub risk_level: RiskLevel,
    /// Share of the embedded population with a lower probability, times 100.
    #[schema(minimum = 0, maximum = 100)]
    pub percentile: f64,
    /// Share of the training customers who left, 0 to 1.
    pub base_rate: f64,
    /// Which model said so.
    pub model_version: &'static str,
}

impl Prediction {
    /// The prediction that goes with a probability.
    pub fn of(probability: f64) -> Self {
        Self {
            probability,
            will_churn: probability >= card::WILL_CHURN,
            risk_level: RiskLevel::of(probability),
            percentile: population::percentile(probability),
            base_rate: card::BASE_RATE,
            model_version: card::VERSION,
        }
    }
}

/// Predicts for one profile.
pub fn predict(profile: &Profile) -> Prediction {
    Prediction::of(probability(profile))
}

/// The calibrated churn probability of a profile, 0 to 1.
pub fn probability(profile: &Profile) -> f64 {
    row_probability(&encoding::encode(profile))
}

/// The calibrated churn probability of an encoded profile, 0 to 1.
pub fn row_probability(row: &Row) -> f64 {
    logistic(log_odds(row))
}

/// The calibrated log-odds of an encoded profile.
pub fn log_odds(row: &Row) -> f64 {
    forest().margin(row)
}

/// The calibrated churn probabilities of many encoded profiles, row after row, 0 to 1: for each the very number that it
/// gets alone.
pub fn probabilities(rows: &[f32]) -> Vec<f64> {
    let mut margins = vec![0.0; rows.len() / encoding::FEATURES];
    forest().margins(rows, &mut margins);
    margins.into_iter().map(logistic).collect()
}

/// The probability that has these log-odds.
pub fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_levels_begin_at_their_thresholds() {
        assert_eq!(RiskLevel::of(0.4999), RiskLevel::Low);
        assert_eq!(RiskLevel::of(0.5), RiskLevel::Medium);
        assert_eq!(RiskLevel::of(0.75), RiskLevel::High);
    }

    #[test]
    fn batches_agree_with_single_rows() {
        let rows: Vec<f32> = population::all()
            .flat_map(|customer| encoding::encode(&customer.profile()))
            .collect();
        let batch = probabilities(&rows);
        for (customer, batched) in population::all().zip(batch) {
            assert_eq!(probability(&customer.profile()), batched);
        }
    }
}
