//! What the embedded experiment compared, and the effect it measured.

use crate::customer::Variant;
use crate::nudges;
use crate::population;
use experiment::{Assignment, Interval, Observation, ReadoutSettings, read_selection};
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// The name of the embedded experiment: the field that holds the arms.
const EXPERIMENT: &str = "variant";

/// The effect of a nudge as an experiment measured it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Measured {
    /// Churn rate with the nudge less that of control, adjusted by the churn score (CUPED), -1 to 1: below 0, fewer leave.
    #[schema(minimum = -1, maximum = 1)]
    pub effect: f64,
    /// Its 95 % confidence interval.
    pub interval: Interval,
    /// How many customers the experiment has, both arms together.
    pub customers: u64,
    /// The experiment.
    #[schema(example = "variant")]
    pub experiment: &'static str,
    /// What control is offered: the effect is against this.
    #[schema(example = "the priority plan")]
    pub control: &'static str,
}

/// What the measured effect says about a nudge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Its interval holds improvements only.
    Helps,
    /// Its interval includes no effect.
    Open,
    /// Its interval holds deteriorations only.
    Harms,
}

impl Measured {
    /// What it says about the nudge.
    pub fn finding(&self) -> Finding {
        match self.interval.0 {
            [_, high] if high < 0.0 => Finding::Helps,
            [low, _] if low > 0.0 => Finding::Harms,
            _ => Finding::Open,
        }
    }

    /// The effect of the treatment in the embedded experiment; none where its arms can't be compared. Computed once.
    pub fn of_treatment() -> Option<&'static Self> {
        static MEASURED: LazyLock<Option<Measured>> = LazyLock::new(Measured::compute);
        MEASURED.as_ref()
    }

    fn compute() -> Option<Self> {
        let observations = population::all().filter_map(|customer| {
            Some(Observation {
                assignment: assignment(customer.profile().variant?),
                converted: customer.churned(),
                covariate: customer.probability(),
                segments: [],
            })
        });
        let readout = read_selection(observations, &[], &ReadoutSettings::default());
        let counts = &readout.readout;
        if !counts.sample_ratio_mismatch.healthy {
            return None;
        }
        let difference = readout.cuped?.effect.absolute_difference;
        Some(Self {
            effect: difference.estimate?,
            interval: difference.interval?,
            customers: counts.control.users + counts.treatment.users,
            experiment: EXPERIMENT,
            control: offer(Variant::A),
        })
    }
}

/// The arm of the embedded experiment that a variant is.
pub fn assignment(variant: Variant) -> Assignment {
    match variant {
        Variant::A => Assignment::Control,
        Variant::B => Assignment::Treatment,
    }
}

/// What customers in an arm are offered, as part of a sentence.
pub fn offer(arm: Variant) -> &'static str {
    nudges::offer_of(arm).unwrap_or("nothing")
}

/// One arm of the embedded experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Arm {
    /// Its name.
    pub variant: Variant,
    /// What its customers are offered.
    #[schema(example = "the priority plan")]
    pub offer: &'static str,
}

/// What the embedded experiment compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Arms {
    /// What the treatment is compared with.
    pub control: Arm,
    /// What is tried.
    pub treatment: Arm,
}

impl Arms {
    /// The arms of the embedded experiment.
    pub fn of_experiment() -> Self {
        let arm = |variant| Arm {
            variant,
            offer: offer(variant),
        };
        Self {
            control: arm(Variant::A),
            treatment: arm(Variant::B),
        }
    }

    /// What is compared, as a sentence.
    pub fn comparison(&self) -> String {
        let [control, treatment] = [self.control, self.treatment];
        let against = match nudges::offer_of(control.variant) {
            Some(offer) => format!("against {offer}, not against no offer"),
            None => "against no offer".to_owned(),
        };
        format!(
            "Treatment {} is offered {}; control {} is offered {}. The effect is {against}.",
            treatment.variant, treatment.offer, control.variant, control.offer
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics;
    use crate::selection::Selection;

    #[test]
    fn the_measured_effect_is_that_of_the_readout() {
        let measured = Measured::of_treatment().unwrap();
        let readout = analytics::experiment(&Selection::default());
        let difference = readout.cuped.unwrap().effect.absolute_difference;
        let close = |one: f64, other: f64| (one - other).abs() < 1e-12;
        assert!(close(measured.effect, difference.estimate.unwrap()));
        let ends = measured
            .interval
            .0
            .into_iter()
            .zip(difference.interval.unwrap().0);
        assert!(ends.into_iter().all(|(one, other)| close(one, other)));
        // Every customer of the population is in an arm.
        assert_eq!(measured.customers, population::len() as u64);
        assert_eq!(
            (measured.experiment, measured.control),
            ("variant", "the priority plan")
        );
        assert_eq!(measured.finding(), Finding::Helps);
    }

    #[test]
    fn the_measured_effect_is_3_4_points_with_a_margin_of_1_8() {
        // numpy on the population, the churn score as covariate: -0.033973, standard error 0.008959.
        let measured = Measured::of_treatment().unwrap();
        let [low, high] = measured.interval.0;
        assert!((measured.effect + 0.033973).abs() < 1e-5, "{measured:?}");
        assert!(
            ((high - low) / 2.0 - 1.96 * 0.008959).abs() < 1e-5,
            "{measured:?}"
        );
    }

    #[test]
    fn an_interval_across_zero_leaves_the_effect_open() {
        let finding = |low, high| {
            let measured = Measured::of_treatment().unwrap().clone();
            let interval = Interval([low, high]);
            Measured {
                interval,
                ..measured
            }
            .finding()
        };
        assert_eq!(finding(-0.02, -0.01), Finding::Helps);
        assert_eq!(finding(-0.02, 0.0), Finding::Open);
        assert_eq!(finding(-0.02, 0.01), Finding::Open);
        assert_eq!(finding(0.01, 0.02), Finding::Harms);
    }

    #[test]
    fn the_comparison_says_what_control_is_offered() {
        assert_eq!(
            Arms::of_experiment().comparison(),
            "Treatment B is offered the smart assistant; control A is offered the priority plan. The effect is against \
            the priority plan, not against no offer."
        );
    }
}
