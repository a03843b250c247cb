//! Means and sums over customers with their standard errors.

use serde::Serialize;
use utoipa::ToSchema;

use crate::distributions::{normal_two_sided_p, normal_upper_quantile};
use crate::proportions::Interval;
use crate::settings::DEFAULT_ALPHA;

/// A number with its normal confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct NormalEstimate {
    /// Point estimate.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its 95 % confidence interval.
    pub interval: Interval,
}

/// Count, sum and sum of squares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) sum: f64,
    pub(crate) squares: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, value: f64) {
        self.sum += value;
        self.squares += value * value;
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    /// The sum over some of `users` customers, the others counting 0, with the error √n·sd over all of them. At least two users.
    pub(crate) fn sum_among(self, users: f64) -> NormalEstimate {
        let variance = (self.squares - self.sum * self.sum / users).max(0.0) / (users - 1.0);
        NormalEstimate::new(self.sum, (users * variance).sqrt())
    }
}

/// Standard errors to each side of a 95 % interval.
pub(crate) fn two_sided_z() -> f64 {
    normal_upper_quantile(DEFAULT_ALPHA / 2.0)
}

impl NormalEstimate {
    pub(crate) fn new(estimate: f64, standard_error: f64) -> Self {
        Self {
            estimate,
            standard_error,
            interval: Interval::around(estimate, two_sided_z() * standard_error),
        }
    }

    /// The mean of some numbers; none of fewer than two.
    pub(crate) fn of_mean(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (mut users, mut sum) = (0_u64, 0.0);
        for value in values.clone() {
            users += 1;
            sum += value;
        }
        if users < 2 {
            return None;
        }
        let users = users as f64;
        let mean = sum / users;
        let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
        Some(Self::new(mean, (squares / (users - 1.0) / users).sqrt()))
    }

    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self::new(self.estimate * factor, self.standard_error * factor.abs())
    }

    pub(crate) fn p_value(self) -> Option<f64> {
        let z = self.estimate / self.standard_error;
        (self.standard_error > 0.0).then(|| normal_two_sided_p(z))
    }

    pub(crate) fn is_above_zero(self) -> bool {
        self.interval.0[0] > 0.0
    }

    pub(crate) fn is_below_zero(self) -> bool {
        self.interval.0[1] < 0.0
    }
}
