//! Computes the power of a comparison of two proportions, and the sample size for a given power.
//!
//! Power is that of a two-sided z test at one look that was fixed in advance. The decision, which may be taken at any look, needs
//! more users for the same power.
//!
//! Effects are measured by Cohen's h, the difference of the arcsine-transformed rates, whose variance does not depend on
//! the rates; statsmodels' `NormalIndPower` with `proportion_effectsize` computes the same.

use serde::Serialize;
use utoipa::ToSchema;

use crate::distributions::{normal_upper_quantile, normal_upper_tail};
use crate::proportions::Counts;
use crate::settings::ReadoutSettings;

/// The power a readout aims at: the chance to detect an effect that is there.
pub const TARGET_POWER: f64 = 0.8;

/// What a two-sided z test at α finds in an experiment of this size, at one look that was fixed in advance. The decision may be
/// taken at any look, and needs more users for the same power.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Power {
    /// Cohen's h of the observed rates, treatment against control; null when an arm is empty.
    pub cohens_h: Option<f64>,
    /// Chance that an experiment of this size finds an effect of the observed size, 0..1; null when an arm is empty.
    pub achieved: Option<f64>,
    /// The smallest change of the rate, as a difference (−0.03 = 3 points lower), that these arms would detect with a
    /// power of 0.8, in the direction that improves the metric. Null when an arm is empty or no rate in 0..1 is that far away.
    pub detectable_effect: Option<f64>,
    /// Users it takes to detect the observed effect with a power of 0.8 at the expected split, not rounded. Null when
    /// an arm is empty or there is no effect to detect.
    pub users_per_arm_needed: Option<ArmUsers>,
}

/// Users in each arm; planned numbers are not rounded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ArmUsers {
    /// Users in the control arm.
    pub control: f64,
    /// Users in the treatment arm.
    pub treatment: f64,
}

impl ArmUsers {
    /// Users of both arms together.
    #[must_use]
    pub fn total(self) -> f64 {
        self.control + self.treatment
    }

    /// 1 / (1/n_A + 1/n_B), to which the variance of a difference of two means is inversely proportional.
    fn harmonic(self) -> f64 {
        1.0 / (1.0 / self.control + 1.0 / self.treatment)
    }
}

/// A planned experiment, checked by [`crate::PlanRequest::validate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedExperiment {
    pub(crate) baseline_rate: f64,
    pub(crate) detectable_effect: f64,
    pub(crate) alpha: f64,
    pub(crate) power: f64,
    pub(crate) split: [f64; 2],
    pub(crate) users_per_day: Option<f64>,
}

/// The size of a planned experiment that is looked at once, at its end, by a two-sided z test. A decision that may be taken at any
/// look needs more users for the same power, about half as many again for a power of 0.8.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    /// Cohen's h of the planned effect.
    pub cohens_h: f64,
    /// Users each arm needs, not rounded: round up.
    pub users_per_arm: ArmUsers,
    /// Users of both arms together, not rounded.
    pub total_users: f64,
    /// Days until both arms are full, not rounded; null unless `users_per_day` was given.
    pub days: Option<f64>,
}

impl PlannedExperiment {
    /// Users per arm and days that detect the planned effect.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let cohens_h = cohens_h(
            self.baseline_rate + self.detectable_effect,
            self.baseline_rate,
        );
        let noncentrality = noncentrality_for(self.alpha, self.power);
        let users_per_arm = users_needed(cohens_h, noncentrality, self.split);
        let total_users = users_per_arm.total();
        Plan {
            cohens_h,
            users_per_arm,
            total_users,
            days: self
                .users_per_day
                .map(|users_per_day| total_users / users_per_day),
        }
    }
}

/// Power of the comparison that was made.
pub(crate) fn observed_power(
    control: Counts,
    treatment: Counts,
    settings: &ReadoutSettings,
) -> Power {
    let (Some(control_rate), Some(treatment_rate)) = (control.rate(), treatment.rate()) else {
        return Power {
            cohens_h: None,
            achieved: None,
            detectable_effect: None,
            users_per_arm_needed: None,
        };
    };
    let users = ArmUsers {
        control: control.users as f64,
        treatment: treatment.users as f64,
    };
    let alpha = settings.alpha;
    let h = cohens_h(treatment_rate, control_rate);
    let noncentrality = noncentrality_for(alpha, TARGET_POWER);
    let detectable_h = noncentrality / users.harmonic().sqrt();
    Power {
        cohens_h: Some(h),
        achieved: Some(power_at(h.abs() * users.harmonic().sqrt(), alpha)),
        detectable_effect: rate_at_distance(
            control_rate,
            settings.metric.improvement_sign() * detectable_h,
        )
        .map(|rate| rate - control_rate),
        users_per_arm_needed: (h != 0.0)
            .then(|| users_needed(h, noncentrality, settings.expected_split)),
    }
}

/// Cohen's h: 2 asin √rate − 2 asin √baseline, written so that close rates lose no digits.
fn cohens_h(rate: f64, baseline: f64) -> f64 {
    let sum_of_roots = (rate * (1.0 - baseline)).sqrt() + (baseline * (1.0 - rate)).sqrt();
    if sum_of_roots == 0.0 {
        return 0.0; // both rates are 0, or both are 1
    }
    2.0 * ((rate - baseline) / sum_of_roots).clamp(-1.0, 1.0).asin()
}

/// The rate whose Cohen's h against `baseline` is `h`, if there is one in 0..1.
fn rate_at_distance(baseline: f64, h: f64) -> Option<f64> {
    let angle = baseline.sqrt().asin() + h / 2.0;
    (0.0..=std::f64::consts::FRAC_PI_2)
        .contains(&angle)
        .then(|| angle.sin().powi(2))
}

/// Users in each arm that give an effect of `cohens_h` (not 0) the noncentrality.
fn users_needed(cohens_h: f64, noncentrality: f64, split: [f64; 2]) -> ArmUsers {
    let harmonic = (noncentrality / cohens_h).powi(2);
    let ratio = split[1] / split[0];
    let control = harmonic * (1.0 + 1.0 / ratio);
    ArmUsers {
        control,
        treatment: control * ratio,
    }
}

/// Power of a two-sided z test whose statistic has mean `noncentrality` ≥ 0.
fn power_at(noncentrality: f64, alpha: f64) -> f64 {
    let critical = normal_upper_quantile(alpha / 2.0);
    normal_upper_tail(critical - noncentrality) + normal_upper_tail(critical + noncentrality)
}

/// The noncentrality at which a two-sided z test has the given power, which must be above α.
///
/// The textbook's z_{α/2} + z_{power} leaves out that the test may also reject on the wrong side, so it is an upper
/// bound; below it power rises from α, so bisection finds the root.
fn noncentrality_for(alpha: f64, power: f64) -> f64 {
    let mut low = 0.0;
    let mut high = normal_upper_quantile(alpha / 2.0) + normal_upper_quantile(1.0 - power);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if power_at(middle, alpha) < power {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noncentrality_inverts_power() {
        for alpha in [1e-6, 0.05, 0.5] {
            for power in [0.51, 0.8, 0.999] {
                let noncentrality = noncentrality_for(alpha, power);
                assert!((power_at(noncentrality, alpha) - power).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn the_detectable_rate_lies_at_its_distance() {
        for (baseline, h) in [(0.265, -0.1), (0.01, 0.02), (0.9, 0.3)] {
            let rate = rate_at_distance(baseline, h).unwrap();
            assert!((cohens_h(rate, baseline) - h).abs() < 1e-12);
        }
        assert_eq!(rate_at_distance(0.01, -0.5), None);
        assert_eq!(rate_at_distance(0.99, 0.5), None);
    }

    #[test]
    fn cohens_h_keeps_its_digits_for_close_rates() {
        // dh/dp = 1/√(p(1−p)) at p = ½
        assert!((cohens_h(0.5 + 1e-9, 0.5) / 2e-9 - 1.0).abs() < 1e-6);
        assert_eq!(cohens_h(0.0, 0.0), 0.0);
        assert_eq!(cohens_h(1.0, 1.0), 0.0);
        assert!((cohens_h(1.0, 0.0) - std::f64::consts::PI).abs() < 1e-15);
    }
}
