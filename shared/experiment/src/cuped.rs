//! Adjusts the effect by a covariate that was known beforehand (CUPED, Deng et al. 2013).

use serde::Serialize;
use utoipa::ToSchema;

use crate::effect::{Effect, Sample, effect};
use crate::proportions::Counts;
use crate::settings::ReadoutSettings;

/// Sums over one arm's users that are all CUPED needs. The covariate may be shifted by any constant, the same in both
/// arms; one near its mean keeps the sums accurate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CovariateSums {
    /// Users and conversions; the conversions are the sum of the outcome.
    pub counts: Counts,
    /// Sum of the covariate.
    pub covariate: f64,
    /// Sum of its square.
    pub covariate_squared: f64,
    /// Sum of the covariate over the users who converted.
    pub cross: f64,
}

/// The effect adjusted by the covariate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Cuped {
    /// What one unit of the covariate changes the outcome by: cov(outcome, covariate)/var(covariate) over both arms
    /// together; 0 when either does not vary, and then nothing is adjusted.
    pub theta: f64,
    /// Share of the variance of the difference that the adjustment removes; below 0 when it adds some. Null when
    /// the difference has no variance.
    pub variance_reduction: Option<f64>,
    /// Control's rate if its covariate had the mean of both arms.
    pub control_rate: f64,
    /// The treatment's rate if its covariate had the mean of both arms.
    pub treatment_rate: f64,
    /// The adjusted effect.
    #[serde(flatten)]
    pub effect: Effect,
}

impl CovariateSums {
    /// Counts one more user.
    pub fn add(&mut self, converted: bool, covariate: f64) {
        self.counts.add(converted);
        self.covariate += covariate;
        self.covariate_squared += covariate * covariate;
        if converted {
            self.cross += covariate;
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            counts: Counts {
                users: self.counts.users + other.counts.users,
                conversions: self.counts.conversions + other.counts.conversions,
            },
            covariate: self.covariate + other.covariate,
            covariate_squared: self.covariate_squared + other.covariate_squared,
            cross: self.cross + other.cross,
        }
    }

    fn users(self) -> f64 {
        self.counts.users as f64
    }

    fn covariate_mean(self) -> f64 {
        self.covariate / self.users()
    }

    fn covariate_variance(self) -> f64 {
        self.per_degree_of_freedom(
            self.covariate_squared - self.covariate * self.covariate / self.users(),
        )
    }

    fn covariance(self) -> f64 {
        self.per_degree_of_freedom(
            self.cross - self.counts.conversions as f64 * self.covariate / self.users(),
        )
    }

    fn per_degree_of_freedom(self, sum: f64) -> f64 {
        if self.counts.users > 1 {
            sum / (self.users() - 1.0)
        } else {
            0.0
        }
    }

    /// The regression slope of the outcome on the covariate; 0 when either does not vary.
    fn theta(self) -> f64 {
        let varies = |counts: Counts| 0 < counts.conversions && counts.conversions < counts.users;
        let variance = self.covariate_variance();
        if varies(self.counts) && variance > 0.0 {
            self.covariance() / variance
        } else {
            0.0
        }
    }
}

/// The effect adjusted by the covariate; none when an arm is empty.
#[must_use]
pub fn cuped(
    control: CovariateSums,
    treatment: CovariateSums,
    settings: &ReadoutSettings,
) -> Option<Cuped> {
    let plain = [
        Sample::of_counts(control.counts)?,
        Sample::of_counts(treatment.counts)?,
    ];
    let both = control.plus(treatment);
    let theta = both.theta();
    let adjust = |sample: Sample, sums: CovariateSums| Sample {
        mean: sample.mean - theta * (sums.covariate_mean() - both.covariate_mean()),
        variance: sample.variance + theta * theta * sums.covariate_variance()
            - 2.0 * theta * sums.covariance(),
        ..sample
    };
    let adjusted = [adjust(plain[0], control), adjust(plain[1], treatment)];
    let squared_error = |arms: [Sample; 2]| arms[0].squared_error() + arms[1].squared_error();
    Some(Cuped {
        theta,
        variance_reduction: (squared_error(plain) > 0.0)
            .then(|| 1.0 - squared_error(adjusted) / squared_error(plain)),
        control_rate: adjusted[0].mean,
        treatment_rate: adjusted[1].mean,
        effect: effect(Some(adjusted[0]), Some(adjusted[1]), settings),
    })
}
