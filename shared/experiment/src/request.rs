//! Checks requests for a readout or a plan.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::power::{PlannedExperiment, TARGET_POWER};
use crate::proportions::Counts;
use crate::settings::{DEFAULT_ALPHA, EVEN_SPLIT, Metric, Prior, ReadoutSettings};
use crate::{Correction, Experiment};

/// Counts up to here are whole numbers in double precision, with room for sums of them.
const MOST_USERS: f64 = 1e15;

/// An effect smaller than this would need more users than there are people.
const SMALLEST_EFFECT: f64 = 1e-6;

/// A smaller share of the users makes no experiment, and its inverse may be infinite.
const SMALLEST_SHARE: f64 = 1e-6;

/// A request for a readout of the caller's own experiment, finished or running.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentRequest {
    /// Direction of an improvement.
    #[serde(default)]
    pub metric: Metric,
    /// The arm that keeps things as they were.
    pub control: ArmCounts,
    /// The arm that tries something new.
    pub treatment: ArmCounts,
    /// Intended shares of control and treatment, each at least 0.000001.
    #[serde(default = "even_split")]
    #[schema(value_type = Vec<f64>, min_items = 2, max_items = 2, default = json!([0.5, 0.5]))]
    pub expected_split: [f64; 2],
    /// Two-sided error rate, 0.000001 to 0.5.
    #[serde(default = "default_alpha")]
    #[schema(minimum = 0.000_001, maximum = 0.5, default = 0.05)]
    pub alpha: f64,
    /// Prior of the relative lift.
    #[serde(default)]
    pub prior: Prior,
}

/// One arm's counts.
// Read as plain numbers, so that 1e12 is a count, and −5 or 1.5 is reported like any other impossible value, together
// with all others.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmCounts {
    /// Users in the arm, 1 to 10^15.
    #[schema(value_type = u64, minimum = 1, maximum = 1_000_000_000_000_000_u64)]
    pub users: f64,
    /// Those who converted, at most `users`.
    #[schema(value_type = u64, minimum = 0, maximum = 1_000_000_000_000_000_u64)]
    pub conversions: f64,
}

/// A request for a plan.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The rate without the treatment, above 0 and below 1.
    #[schema(exclusive_minimum = 0.0, exclusive_maximum = 1.0)]
    pub baseline_rate: f64,
    /// The change of the rate to be detected, as a difference: −0.04 plans for 0.265 falling to 0.225.
    #[schema(exclusive_minimum = -1.0, exclusive_maximum = 1.0)]
    pub detectable_effect: f64,
    /// Two-sided error rate, 0.000001 to 0.5.
    #[serde(default = "default_alpha")]
    #[schema(minimum = 0.000_001, maximum = 0.5, default = 0.05)]
    pub alpha: f64,
    /// Chance to detect the effect when it is there, above α and at most 0.999999.
    #[serde(default = "target_power")]
    #[schema(exclusive_minimum = 0.000_001, maximum = 0.999_999, default = 0.8)]
    pub power: f64,
    /// Intended shares of control and treatment, each at least 0.000001.
    #[serde(default = "even_split")]
    #[schema(value_type = Vec<f64>, min_items = 2, max_items = 2, default = json!([0.5, 0.5]))]
    pub split: [f64; 2],
    /// Users who enter the experiment a day, both arms together: 0.000001 to 10^15.
    #[serde(default)]
    #[schema(minimum = 0.000_001, maximum = 1_000_000_000_000_000_u64)]
    pub users_per_day: Option<f64>,
}

impl ExperimentRequest {
    /// The experiment, if every field is in its range.
    ///
    /// # Errors
    ///
    /// Every field that is out of its range, at once.
    pub fn validate(&self) -> Result<Experiment, Vec<RequestFault>> {
        let mut checks = Checks::default();
        let control = checks.counts("/control", self.control);
        let treatment = checks.counts("/treatment", self.treatment);
        let expected_split = checks.split("/expected_split", self.expected_split);
        checks.alpha(self.alpha);
        checks.between("/prior/mean", self.prior.mean, -1e6, 1e6);
        checks.between("/prior/sd", self.prior.sd, 1e-6, 1e6);
        checks.finish(Experiment {
            control,
            treatment,
            settings: ReadoutSettings {
                metric: self.metric,
                alpha: self.alpha,
                expected_split,
                prior: self.prior,
                correction: Correction::default(),
            },
        })
    }
}

impl PlanRequest {
    /// The planned experiment, if every field is in its range.
    ///
    /// # Errors
    ///
    /// Every field that is out of its range, at once.
    pub fn validate(&self) -> Result<PlannedExperiment, Vec<RequestFault>> {
        let mut checks = Checks::default();
        let (baseline_rate, detectable_effect) = (self.baseline_rate, self.detectable_effect);
        checks.require(is_inner_share(baseline_rate), "/baseline_rate", || {
            format!("must be above 0 and below 1, got {baseline_rate}")
        });
        if detectable_effect.abs() < SMALLEST_EFFECT {
            checks.fail(
                "/detectable_effect",
                format!(
                    "must differ from 0 by at least {SMALLEST_EFFECT}, got {detectable_effect}"
                ),
            );
        } else if is_inner_share(baseline_rate) {
            let rate = baseline_rate + detectable_effect;
            checks.require(is_inner_share(rate), "/detectable_effect", || {
                format!(
                    "must leave a rate above 0 and below 1, but {baseline_rate} and \
                     {detectable_effect} make {rate}"
                )
            });
        }
        checks.alpha(self.alpha);
        let power = self.power;
        checks.require(power > self.alpha && power <= 0.999_999, "/power", || {
            format!(
                "must be above alpha ({}) and at most 0.999999, got {power}",
                self.alpha
            )
        });
        let split = checks.split("/split", self.split);
        if let Some(users_per_day) = self.users_per_day {
            checks.between("/users_per_day", users_per_day, 1e-6, MOST_USERS);
        }
        checks.finish(PlannedExperiment {
            baseline_rate,
            detectable_effect,
            alpha: self.alpha,
            power,
            split,
            users_per_day: self.users_per_day,
        })
    }
}

/// One thing that is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    /// The field: an RFC 6901 JSON pointer into the request, such as `/control/users`.
    pub pointer: String,
    /// A sentence fragment that names what is allowed and what was found.
    pub detail: String,
}

/// Collects everything that is wrong with a request.
#[derive(Default)]
struct Checks {
    faults: Vec<RequestFault>,
}

impl Checks {
    fn fail(&mut self, pointer: impl Into<String>, detail: String) {
        self.faults.push(RequestFault {
            pointer: pointer.into(),
            detail,
        });
    }

    fn require(&mut self, holds: bool, pointer: &str, detail: impl FnOnce() -> String) {
        if !holds {
            self.fail(pointer, detail());
        }
    }

    fn between(&mut self, pointer: &str, value: f64, least: f64, most: f64) {
        self.require((least..=most).contains(&value), pointer, || {
            format!("must be between {least} and {most}, got {value}")
        });
    }

    fn alpha(&mut self, alpha: f64) {
        self.between("/alpha", alpha, 1e-6, 0.5);
    }

    fn counts(&mut self, arm: &str, counts: ArmCounts) -> Counts {
        let ArmCounts { users, conversions } = counts;
        let users_possible = is_whole(users) && (1.0..=MOST_USERS).contains(&users);
        self.require(users_possible, &format!("{arm}/users"), || {
            format!("must be a whole number between 1 and {MOST_USERS}, got {users}")
        });
        let conversions_possible = is_whole(conversions) && conversions >= 0.0;
        if !conversions_possible {
            self.fail(
                format!("{arm}/conversions"),
                format!("must be a whole number from 0 to users, got {conversions}"),
            );
        } else if users_possible && conversions > users {
            self.fail(
                format!("{arm}/conversions"),
                format!("must not exceed users ({users}), got {conversions}"),
            );
        }
        Counts {
            users: users as u64,
            conversions: conversions as u64,
        }
    }

    /// The split with shares that add up to exactly 1, where rounded ones were given.
    fn split(&mut self, pointer: &str, split: [f64; 2]) -> [f64; 2] {
        /// Three digits a share, such as [0.333, 0.666], may miss 1 by one in the last.
        const MOST_ROUNDING: f64 = 0.0015;
        let [control, treatment] = split;
        let total = control + treatment;
        let possible = split.into_iter().all(|share| share >= SMALLEST_SHARE)
            && (total - 1.0).abs() <= MOST_ROUNDING;
        self.require(possible, pointer, || {
            format!(
                "must be two shares of at least {SMALLEST_SHARE} that add up to 1, got [{control}, {treatment}]"
            )
        });
        split.map(|share| share / total)
    }

    fn finish<T>(self, valid: T) -> Result<T, Vec<RequestFault>> {
        match self.faults.is_empty() {
            true => Ok(valid),
            false => Err(self.faults),
        }
    }
}

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0
}

fn is_inner_share(value: f64) -> bool {
    value > 0.0 && value < 1.0
}

fn even_split() -> [f64; 2] {
    EVEN_SPLIT
}

fn default_alpha() -> f64 {
    DEFAULT_ALPHA
}

fn target_power() -> f64 {
    TARGET_POWER
}
