//! Tests whether the effect differs between the segments of one dimension, and shrinks the segments' estimates towards their
//! common mean.
//!
//! Cochran's Q and the random effects of DerSimonian and Laird ("Meta-analysis in clinical trials", Controlled Clinical Trials
//! 7, 1986), as statsmodels' `combine_effects` computes them with `method_re="dl"`. With d the effects, v their squared errors
//! and w = 1/v:
//!
//! - Q = Σ w·(d − d̄)², d̄ the mean weighted by w; χ² with one degree of freedom fewer than segments if all effects are equal;
//! - τ² = max(0, (Q − (K − 1)) / (Σ w − Σ w²/Σ w)), the variance of the true effects;
//! - μ, their mean, weighted by 1/(v + τ²), with the squared error 1/Σ 1/(v + τ²);
//! - the shrunken estimate μ + B·(d − μ), B = τ²/(v + τ²), with the squared error B·v + (1 − B)²/Σ 1/(v + τ²).
//!
//! The effect is compared on two scales. Where a treatment multiplies everybody's odds by the same factor, the points differ
//! between segments with different rates and the log-odds do not.

use serde::Serialize;
use utoipa::ToSchema;

use crate::distributions::{chi_squared_upper_tail, normal_upper_quantile};
use crate::effect::Estimate;
use crate::proportions::{Counts, Interval};
use crate::settings::ReadoutSettings;

/// Customers who converted, and customers who did not, that a segment needs in each arm to be compared: below, its error is too
/// uncertain for Q to keep its error rate.
const FEWEST_PER_CELL: u64 = 5;

/// Whether and how far the effect differs between the segments of one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DimensionEffect {
    /// What the users are divided by: `plan`.
    pub dimension: String,
    /// The segments that are compared: those with at least 5 users who converted and 5 who did not, in each arm.
    pub segments: usize,
    /// The difference of the rates, in points.
    pub points: Option<Homogeneity>,
    /// The difference of the log-odds.
    pub log_odds: Option<Homogeneity>,
    /// Whether the effect differs on both scales: the larger of the two adjusted p values is below α.
    pub differs: bool,
}

/// The test that all segments have the same effect, on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Homogeneity {
    /// Cochran's Q.
    pub q: f64,
    /// Degrees of freedom: one fewer than the segments compared.
    pub degrees_of_freedom: usize,
    /// Chance of a Q this large if all segments have the same effect.
    pub p_value: f64,
    /// The p value adjusted over all dimensions (Benjamini–Hochberg by default).
    pub adjusted_p_value: f64,
    /// Variance of the true effects (DerSimonian–Laird); 0 where the segments differ no more than chance explains.
    pub tau_squared: f64,
    /// Mean of the true effects.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// An effect with its squared error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measurement {
    pub(crate) effect: f64,
    pub(crate) variance: f64,
}

impl Measurement {
    /// The difference of two rates and of their log-odds (Woolf), treatment minus control; none where a cell is too small.
    pub(crate) fn of_counts(control: Counts, treatment: Counts) -> Option<[Self; 2]> {
        let [(rate, odds), (other_rate, other_odds)] =
            [Self::of_arm(treatment)?, Self::of_arm(control)?];
        Some([rate.less(other_rate), odds.less(other_odds)])
    }

    fn of_arm(counts: Counts) -> Option<(Self, Self)> {
        let Counts { users, conversions } = counts;
        let retained = users - conversions;
        if conversions.min(retained) < FEWEST_PER_CELL {
            return None;
        }
        let [users, conversions, retained] =
            [users, conversions, retained].map(|count| count as f64);
        let rate = conversions / users;
        let points = Self {
            effect: rate,
            variance: rate * (1.0 - rate) / users,
        };
        let log_odds = Self {
            effect: (conversions / retained).ln(),
            variance: 1.0 / conversions + 1.0 / retained,
        };
        Some((points, log_odds))
    }

    fn less(self, other: Self) -> Self {
        Self {
            effect: self.effect - other.effect,
            variance: self.variance + other.variance,
        }
    }

    fn weight(self, tau_squared: f64) -> f64 {
        1.0 / (self.variance + tau_squared)
    }
}

impl DimensionEffect {
    /// Compares the segments of a dimension by their differences of rates and of log-odds; nothing is adjusted yet.
    pub(crate) fn new(
        dimension: &str,
        measured: impl IntoIterator<Item = [Measurement; 2]>,
    ) -> Self {
        let (points, log_odds): (Vec<Measurement>, Vec<Measurement>) = measured
            .into_iter()
            .map(|[points, log_odds]| (points, log_odds))
            .unzip();
        Self {
            dimension: dimension.to_owned(),
            segments: points.len(),
            points: Homogeneity::of(&points),
            log_odds: Homogeneity::of(&log_odds),
            differs: false,
        }
    }

    /// Adjusts the p values over all dimensions, each scale by itself: a dimension differs only if it does on both.
    pub(crate) fn adjust(dimensions: &mut [Self], settings: &ReadoutSettings) {
        type Scale = fn(&mut DimensionEffect) -> Option<&mut Homogeneity>;
        let scales: [Scale; 2] = [
            |dimension| dimension.points.as_mut(),
            |dimension| dimension.log_odds.as_mut(),
        ];
        for scale in scales {
            let mut tests: Vec<&mut Homogeneity> =
                dimensions.iter_mut().filter_map(scale).collect();
            let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
            for (test, adjusted) in tests.iter_mut().zip(settings.correction.adjust(&p_values)) {
                test.adjusted_p_value = adjusted;
            }
        }
        for dimension in dimensions {
            let below = |test: Option<Homogeneity>| {
                test.is_some_and(|test| test.adjusted_p_value < settings.alpha)
            };
            dimension.differs = below(dimension.points) && below(dimension.log_odds);
        }
    }
}

impl Homogeneity {
    /// Compares at least two measurements; the p value is not adjusted yet.
    pub(crate) fn of(measured: &[Measurement]) -> Option<Self> {
        let degrees_of_freedom = measured
            .len()
            .checked_sub(1)
            .filter(|degrees| *degrees > 0)?;
        let fixed = mean(measured, 0.0).0;
        let sum = |summand: &dyn Fn(f64, &Measurement) -> f64| -> f64 {
            measured
                .iter()
                .map(|measurement| summand(measurement.weight(0.0), measurement))
                .sum()
        };
        let q = sum(&|weight, measurement| weight * (measurement.effect - fixed).powi(2));
        let weights = sum(&|weight, _| weight);
        let scale = weights - sum(&|weight, _| weight * weight) / weights;
        let tau_squared = ((q - degrees_of_freedom as f64) / scale).max(0.0);
        let (mean, squared_error) = mean(measured, tau_squared);
        let p_value = chi_squared_upper_tail(q, degrees_of_freedom as f64);
        Some(Self {
            q,
            degrees_of_freedom,
            p_value,
            adjusted_p_value: p_value,
            tau_squared,
            mean,
            standard_error: squared_error.sqrt(),
        })
    }

    /// The share of a segment's deviation from the mean that chance does not explain.
    fn kept(&self, measurement: Measurement) -> f64 {
        self.tau_squared / (measurement.variance + self.tau_squared)
    }

    /// How far one segment is from the mean, shrunken by as much as chance explains.
    pub(crate) fn deviation(&self, measurement: Measurement) -> f64 {
        self.kept(measurement) * (measurement.effect - self.mean)
    }

    /// The estimate of one segment, shrunken towards the mean by as much of its deviation as chance explains.
    pub(crate) fn shrunken(&self, measurement: Measurement, alpha: f64) -> Estimate {
        let variance = measurement.variance;
        let kept = self.kept(measurement);
        let estimate = self.mean + self.deviation(measurement);
        let standard_error =
            (kept * variance + ((1.0 - kept) * self.standard_error).powi(2)).sqrt();
        let half_width = normal_upper_quantile(alpha / 2.0) * standard_error;
        Estimate {
            estimate: Some(estimate),
            standard_error: Some(standard_error),
            interval: Some(Interval::around(estimate, half_width)),
        }
    }
}

/// The mean weighted by the inverse of each variance, with its squared error.
fn mean(measured: &[Measurement], tau_squared: f64) -> (f64, f64) {
    let weights = || {
        measured
            .iter()
            .map(|measurement| measurement.weight(tau_squared))
    };
    let total: f64 = weights().sum();
    let effects = measured.iter().map(|measurement| measurement.effect);
    let weighted: f64 = weights()
        .zip(effects)
        .map(|(weight, effect)| weight * effect)
        .sum();
    (weighted / total, 1.0 / total)
}
