//! Settings of a readout: the metric's direction, the error rate, the prior and the intended split.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Correction;

/// Which direction of the rate is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Churn, complaints: fewer conversions win.
    #[default]
    LowerIsBetter,
    /// Sales, sign-ups: more conversions win.
    HigherIsBetter,
}

impl Metric {
    /// −1 or 1: the sign of a change that is an improvement.
    pub(crate) fn improvement_sign(self) -> f64 {
        match self {
            Self::LowerIsBetter => -1.0,
            Self::HigherIsBetter => 1.0,
        }
    }
}

/// Normal prior of the relative lift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prior {
    /// Mean of the lift, −1,000,000 to 1,000,000.
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub mean: f64,
    /// Standard deviation of the lift, 0.000001 to 1,000,000.
    #[schema(minimum = 0.000_001, maximum = 1_000_000)]
    pub sd: f64,
    /// Whether mean and standard deviation count at all; otherwise the prior is flat.
    pub proper: bool,
}

impl Default for Prior {
    fn default() -> Self {
        Self {
            mean: 0.0,
            sd: 0.3,
            proper: false,
        }
    }
}

/// How an experiment is read out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadoutSettings {
    /// Direction of an improvement.
    pub metric: Metric,
    /// Two-sided error rate; intervals hold at level 1 − α.
    pub alpha: f64,
    /// Intended shares of control and treatment, positive, adding up to 1.
    pub expected_split: [f64; 2],
    /// Prior of the lift.
    pub prior: Prior,
    /// How p values of segments are adjusted.
    pub correction: Correction,
}

impl Default for ReadoutSettings {
    fn default() -> Self {
        Self {
            metric: Metric::default(),
            alpha: DEFAULT_ALPHA,
            expected_split: EVEN_SPLIT,
            prior: Prior::default(),
            correction: Correction::default(),
        }
    }
}

pub(crate) const DEFAULT_ALPHA: f64 = 0.05;
pub(crate) const EVEN_SPLIT: [f64; 2] = [0.5, 0.5];
