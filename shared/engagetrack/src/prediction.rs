//! What the model expects of a customer.

use crate::View;
use crate::vocabulary;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Whether a customer is still one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stayed, or the outcome is not known yet.
    Active,
    /// The outcome says that the customer left.
    Left,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 2] = [Self::Active, Self::Left];

    /// The status of a customer with this outcome: whether the customer left, if that is known.
    pub fn of_outcome(left: Option<bool>) -> Self {
        match left {
            Some(true) => Self::Left,
            Some(false) | None => Self::Active,
        }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Left => "left",
        }
    }
}

/// What the model expects of one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction<'w> {
    /// Calibrated probability that the customer leaves, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// Whether the probability reaches the schema's threshold.
    pub will_churn: bool,
    /// The risk level of the probability.
    #[schema(value_type = vocabulary::RiskLevel)]
    #[serde(serialize_with = "level_name")]
    pub risk_level: schema::RiskLevel<'w>,
    /// Share of the workspace's customers with a lower probability, times 100.
    #[schema(minimum = 0, maximum = 100)]
    pub percentile: f64,
    /// Share of the training customers who left, 0 to 1.
    pub base_rate: f64,
    /// Which model said so.
    pub model_version: &'w str,
}

fn level_name<S: Serializer>(
    level: &schema::RiskLevel<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.name)
}

impl<'w> Prediction<'w> {
    /// The prediction that goes with a probability.
    pub fn of(view: &View<'w>, probability: f64) -> Self {
        Self {
            probability,
            will_churn: probability >= view.schema.will_churn(),
            risk_level: view.schema.level(probability),
            percentile: view.customers.percentile(probability),
            base_rate: view.model.base_rate(),
            model_version: view.model.version(),
        }
    }
}

/// Predicts for a profile, given its codes.
pub fn predict<'w>(view: &View<'w>, codes: &[f64]) -> Prediction<'w> {
    Prediction::of(view, view.model.probability(codes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::{profiles, view};

    #[test]
    fn risk_levels_begin_at_their_thresholds() {
        let level = |probability| Prediction::of(view(), probability).risk_level.name;
        assert_eq!([0.0, 0.4999].map(level), ["low"; 2]);
        assert_eq!([0.5, 0.7499].map(level), ["medium"; 2]);
        assert_eq!([0.75, 1.0].map(level), ["high"; 2]);
        let will_churn = |probability| Prediction::of(view(), probability).will_churn;
        assert_eq!([0.4999, 0.5].map(will_churn), [false, true]);
    }

    #[test]
    fn batches_agree_with_single_rows() {
        let mut rows = Vec::new();
        profiles().for_each(|profile| view().model.push_row(profile.codes(), &mut rows));
        let batch = view().model.probabilities(&rows);
        assert_eq!(batch.len(), view().customers.len());
        for (profile, batched) in profiles().zip(batch) {
            assert_eq!(predict(view(), profile.codes()).probability, batched);
        }
    }
}
