//! Computes what counts alone determine: rates with their intervals, the pooled z test and the sample-ratio check.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::distributions::{normal_two_sided_p, normal_upper_quantile};

/// Lower and upper end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(value_type = Vec<f64>, min_items = 2, max_items = 2)]
pub struct Interval(pub [f64; 2]);

impl Interval {
    /// The interval that reaches `half_width` to both sides of `centre`.
    pub(crate) fn around(centre: f64, half_width: f64) -> Self {
        Self([centre - half_width, centre + half_width])
    }

    /// Whether 0 lies outside.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        let Self([lower, upper]) = self;
        lower > 0.0 || upper < 0.0
    }
}

/// Users of one arm and how many of them converted. Where churn is the metric, a conversion is a customer who left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Users in the arm.
    pub users: u64,
    /// Those who converted, at most `users`.
    pub conversions: u64,
}

impl Counts {
    /// Conversions per user, 0..=1; none without users.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.users > 0).then(|| self.conversions as f64 / self.users as f64)
    }

    /// Wilson's score interval of the rate at level 1 − α; none without users.
    #[must_use]
    pub fn wilson_interval(self, alpha: f64) -> Option<Interval> {
        let rate = self.rate()?;
        let users = self.users as f64;
        let z = normal_upper_quantile(alpha / 2.0);
        let z_squared_per_user = z * z / users;
        let centre = (rate + z_squared_per_user / 2.0) / (1.0 + z_squared_per_user);
        let half_width = z / (1.0 + z_squared_per_user)
            * ((rate * (1.0 - rate) + z_squared_per_user / 4.0) / users).sqrt();
        let Interval([lower, upper]) = Interval::around(centre, half_width);
        // At the ends of the range the interval touches them; rounding would miss them by a bit.
        Some(Interval([
            if self.conversions == 0 { 0.0 } else { lower },
            if self.conversions == self.users {
                1.0
            } else {
                upper
            },
        ]))
    }

    /// Counts one more user.
    pub fn add(&mut self, converted: bool) {
        self.users += 1;
        self.conversions += u64::from(converted);
    }
}

/// One arm of a readout.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ArmReadout {
    /// Users in the arm.
    pub users: u64,
    /// Those who converted.
    pub conversions: u64,
    /// Conversions per user, 0..1; null without users.
    pub rate: Option<f64>,
    /// Wilson's score interval of the rate at level 1 − α; null without users.
    pub interval: Option<Interval>,
}

impl ArmReadout {
    pub(crate) fn new(counts: Counts, alpha: f64) -> Self {
        Self {
            users: counts.users,
            conversions: counts.conversions,
            rate: counts.rate(),
            interval: counts.wilson_interval(alpha),
        }
    }
}

/// The textbook test of equal rates with a pooled variance (statsmodels' `proportions_ztest`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct PooledZ {
    /// Control minus treatment, over the standard error: statsmodels' sign when control is named first.
    pub statistic: f64,
    /// Two-sided p value.
    pub p_value: f64,
}

/// The pooled z test; none when an arm is empty, or when none or all of all users converted.
pub(crate) fn pooled_z(control: Counts, treatment: Counts) -> Option<PooledZ> {
    let (control_rate, treatment_rate) = (control.rate()?, treatment.rate()?);
    let (control_users, treatment_users) = (control.users as f64, treatment.users as f64);
    let pooled =
        (control.conversions + treatment.conversions) as f64 / (control_users + treatment_users);
    let variance = pooled * (1.0 - pooled) * (1.0 / control_users + 1.0 / treatment_users);
    if variance <= 0.0 {
        return None;
    }
    let statistic = (control_rate - treatment_rate) / variance.sqrt();
    Some(PooledZ {
        statistic,
        p_value: normal_two_sided_p(statistic),
    })
}

/// A sample ratio this unlikely is a fault, not chance.
pub const SAMPLE_RATIO_ALPHA: f64 = 0.001;

/// Whether the arms' sizes fit the intended split: Pearson's χ² with one degree of freedom.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct SampleRatio {
    /// Pearson's χ²; 0 when both arms are empty.
    pub chi_squared: f64,
    /// Chance of a deviation this large under the intended split; 1 when both arms are empty.
    pub p_value: f64,
    /// False at p < 0.001: something else than the split decides who is counted, and no comparison can be trusted.
    pub healthy: bool,
}

/// The sample-ratio check; `split` holds positive shares that add up to 1.
pub(crate) fn sample_ratio(control: Counts, treatment: Counts, split: [f64; 2]) -> SampleRatio {
    let observed = [control.users as f64, treatment.users as f64];
    let total: f64 = observed.iter().sum();
    let chi_squared: f64 = if total == 0.0 {
        0.0
    } else {
        observed
            .iter()
            .zip(split)
            .map(|(users, share)| (users - share * total).powi(2) / (share * total))
            .sum()
    };
    // χ² with one degree of freedom is a standard normal variable, squared.
    let p_value = normal_two_sided_p(chi_squared.sqrt());
    SampleRatio {
        chi_squared,
        p_value,
        healthy: p_value >= SAMPLE_RATIO_ALPHA,
    }
}
