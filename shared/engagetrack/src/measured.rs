//! What the experiments compared, and the effects that they measured.

use crate::View;
use crate::vocabulary;
use experiment::{Assignment, Interval, Observation, ReadoutSettings, read_selection};
use schema::Experiment;
use serde::Serialize;
use utoipa::ToSchema;
use workspace::nudges::Entry;

/// The effect of a nudge as an experiment or a campaign measured it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Measured<'w> {
    /// Churn rate with the nudge less that of control, adjusted by the churn score (CUPED), -1 to 1: below 0, fewer leave.
    #[schema(minimum = -1, maximum = 1)]
    pub effect: f64,
    /// Its 95 % confidence interval.
    pub interval: Interval,
    /// How many customers it was measured on, both arms together.
    pub customers: u64,
    /// The experiment; null where a campaign measured it.
    #[schema(required)]
    pub experiment: Option<&'w str>,
    /// The campaign; absent where an experiment measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<&'w str>,
    /// What control is offered: the effect is against this.
    pub control: &'w str,
}

/// A measured effect without its names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    experiment: String,
    /// The code of the arm that is compared with control.
    pub(crate) treatment: usize,
    /// What control is offered.
    control: String,
    pub(crate) estimate: f64,
    pub(crate) interval: Interval,
    customers: u64,
    /// The mean churn probability of its customers.
    pub(crate) mean_probability: f64,
}

/// What an arm without an offer is offered.
const NO_OFFER: &str = "nothing";

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

impl Finding {
    /// What an interval says.
    fn of(interval: Interval) -> Self {
        match interval.0 {
            [_, high] if high < 0.0 => Self::Helps,
            [low, _] if low > 0.0 => Self::Harms,
            _ => Self::Open,
        }
    }
}

impl<'w> Measured<'w> {
    /// What it says about the nudge.
    pub fn finding(&self) -> Finding {
        Finding::of(self.interval)
    }

    /// The effect of an arm of an experiment; none where its arms can't be compared, and none of control. An experiment of more
    /// than two arms has none yet.
    pub fn of_arm(view: &'w View<'w>, experiment: usize, arm: usize) -> Option<Self> {
        let effect = Effect::all(view)
            .get(experiment)?
            .as_ref()
            .filter(|effect| effect.treatment == arm)?;
        Some(Self {
            effect: effect.estimate,
            interval: effect.interval,
            customers: effect.customers,
            experiment: Some(&effect.experiment),
            campaign: None,
            control: &effect.control,
        })
    }

    /// The effect of an entry of the catalogue: the one that the catalogue holds, or else that of the experiment whose offer it is.
    pub fn of_entry(view: &'w View<'w>, entry: Entry<'w>) -> Option<Self> {
        let Some(measured) = entry.campaign_effect() else {
            let trial = entry.trial()?;
            return Self::of_arm(view, trial.experiment, trial.arm);
        };
        Some(Self {
            effect: measured.effect,
            interval: Interval(measured.interval),
            customers: measured.customers,
            experiment: None,
            campaign: Some(measured.campaign),
            control: NO_OFFER,
        })
    }
}

impl Effect {
    /// The effect of each experiment's first treatment, where it can be compared.
    pub(crate) fn all<'w>(view: &'w View<'w>) -> &'w [Option<Self>] {
        view.effects.get_or_init(|| {
            let experiments = view.schema.experiments().enumerate();
            experiments
                .map(|(position, experiment)| Self::compute(view, position, experiment))
                .collect()
        })
    }

    fn compute(view: &View<'_>, position: usize, experiment: Experiment<'_>) -> Option<Self> {
        if experiment.arms().len() > 2 {
            return None;
        }
        let ([control, treatment], settings) = comparison(&experiment)?;
        let column = view.customers.column(experiment.field());
        let mut sum = 0.0;
        let observations = (0..view.customers.len()).filter_map(|customer| {
            let observation = Observation {
                assignment: assignment(column.code(customer), control, treatment)?,
                converted: view.customers.outcome(customer).left()?,
                covariate: view.customers.probability(customer),
                segments: [],
            };
            sum += observation.covariate;
            Some(observation)
        });
        let readout = read_selection(observations, &[], &settings);
        let counts = &readout.readout;
        if !counts.sample_ratio_mismatch.healthy {
            return None;
        }
        let difference = readout.cuped?.effect.absolute_difference;
        let customers = counts.control.users + counts.treatment.users;
        Some(Self {
            experiment: experiment.name().to_owned(),
            treatment,
            control: Arms::of(view, position)?.control.offer.to_owned(),
            estimate: difference.estimate?,
            interval: difference.interval?,
            customers,
            mean_probability: sum / customers as f64,
        })
    }
}

/// The position among an experiment's arms of the treatment that is compared where none is named.
pub const FIRST_TREATMENT: usize = 1;

/// The codes of an experiment's control and first treatment, and how the two are read out: against their planned shares.
pub fn comparison(experiment: &Experiment<'_>) -> Option<([usize; 2], ReadoutSettings)> {
    comparison_with(experiment, FIRST_TREATMENT)
}

/// The same of control and the treatment at a position among the arms.
pub fn comparison_with(
    experiment: &Experiment<'_>,
    treatment: usize,
) -> Option<([usize; 2], ReadoutSettings)> {
    let mut arms = experiment.arms();
    let (control, control_share) = arms.next()?;
    let (treatment, treatment_share) = arms.nth(treatment.checked_sub(1)?)?;
    let both = control_share + treatment_share;
    let settings = ReadoutSettings {
        expected_split: [control_share / both, treatment_share / both],
        ..ReadoutSettings::default()
    };
    Some(([control, treatment], settings))
}

/// The arm of a code, if it is one of these two.
pub fn assignment(code: f64, control: usize, treatment: usize) -> Option<Assignment> {
    match code {
        code if code == control as f64 => Some(Assignment::Control),
        code if code == treatment as f64 => Some(Assignment::Treatment),
        _ => None,
    }
}

/// One arm of an experiment with its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OfferedArm<'w> {
    /// Its name.
    #[schema(value_type = vocabulary::Arm)]
    #[serde(rename = "variant")]
    pub arm: &'w str,
    /// Its name for people.
    #[serde(skip)]
    pub label: &'w str,
    /// What its customers are offered, as part of a sentence.
    pub offer: &'w str,
}

/// What an experiment compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Arms<'w> {
    /// What the treatment is compared with.
    pub control: OfferedArm<'w>,
    /// What is tried.
    pub treatment: OfferedArm<'w>,
    /// Whether control is offered something.
    #[serde(skip)]
    is_offered: bool,
}

impl<'w> Arms<'w> {
    /// Control and the first treatment of the experiment at a position.
    pub fn of(view: &View<'w>, experiment: usize) -> Option<Self> {
        Self::with(view, experiment, FIRST_TREATMENT)
    }

    /// Control of the experiment at a position, and the treatment at a position among its arms.
    pub fn with(view: &View<'w>, experiment: usize, treatment: usize) -> Option<Self> {
        let mut arms = Self::all(view, experiment)?.into_iter();
        let control = arms.next()?;
        let treatment = arms.nth(treatment.checked_sub(1)?)?;
        Some(Self {
            is_offered: control.offer != NO_OFFER,
            control,
            treatment,
        })
    }

    /// All arms of the experiment at a position, control first.
    pub fn all(view: &View<'w>, experiment: usize) -> Option<Vec<OfferedArm<'w>>> {
        let described = view.schema.experiments().nth(experiment)?;
        let field = view.schema.field(described.field());
        let offered = |arm: usize| {
            let mut trials = view.nudges.entries().filter_map(|entry| entry.trial());
            trials
                .find(|trial| trial.experiment == experiment && trial.arm == arm)
                .map(|trial| trial.offer)
        };
        let arm = |(code, _): (usize, f64)| {
            let value = field.value(code as f64);
            OfferedArm {
                arm: value.map_or("", |value| value.name()),
                label: value.map_or("", |value| value.label()),
                offer: offered(code).unwrap_or(NO_OFFER),
            }
        };
        Some(described.arms().map(arm).collect())
    }

    /// What is compared, as a sentence.
    pub fn comparison(&self) -> String {
        let [control, treatment] = [self.control, self.treatment];
        let against = match self.is_offered {
            true => format!("against {}, not against no offer", control.offer),
            false => "against no offer".to_owned(),
        };
        format!(
            "Treatment {} is offered {}; control {} is offered {}. The effect is {against}.",
            treatment.label, treatment.offer, control.label, control.offer
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics;
    use crate::selection::Selection;

    #[test]
    fn an_interval_across_zero_leaves_the_effect_open() {
        let finding = |low, high| Finding::of(Interval([low, high]));
        assert_eq!(finding(-0.02, -0.01), Finding::Helps);
        assert_eq!(finding(-0.02, 0.0), Finding::Open);
        assert_eq!(finding(-0.02, 0.01), Finding::Open);
        assert_eq!(finding(0.01, 0.02), Finding::Harms);
    }

    #[test]
    fn the_measured_effect_is_that_of_the_readout() {
        let live = crate::embedded::live(crate::embedded::whole());
        let view = live.view();
        let mut arms = view.schema.experiments().next().unwrap().arms();
        let (control, treatment) = (arms.next().unwrap().0, arms.next().unwrap().0);
        let measured = Measured::of_arm(view, 0, treatment).unwrap();
        let readout = analytics::readout(view, 0, &Selection::default()).unwrap();
        let difference = readout.cuped.unwrap().effect.absolute_difference;
        let close = |one: f64, other: f64| (one - other).abs() < 1e-12;
        assert!(close(measured.effect, difference.estimate.unwrap()));
        let ends = measured
            .interval
            .0
            .into_iter()
            .zip(difference.interval.unwrap().0);
        assert!(ends.into_iter().all(|(one, other)| close(one, other)));
        assert_eq!(
            (measured.experiment, measured.control),
            (Some("variant"), "the priority plan")
        );
        // Control is what the effect is against, and there is no second experiment.
        assert_eq!(Measured::of_arm(view, 0, control), None);
        assert_eq!(Measured::of_arm(view, 1, treatment), None);
    }

    #[test]
    fn the_shipped_effect_is_3_4_points_with_a_margin_of_1_8() {
        let live = crate::embedded::live(crate::embedded::whole());
        let view = live.view();
        let treatment = view
            .schema
            .experiments()
            .next()
            .unwrap()
            .arms()
            .nth(1)
            .unwrap()
            .0;
        let measured = Measured::of_arm(view, 0, treatment).unwrap();
        // numpy on the population, the churn score as covariate: -0.033973, standard error 0.008959.
        let [low, high] = measured.interval.0;
        assert!((measured.effect + 0.033973).abs() < 1e-5, "{measured:?}");
        assert!(
            ((high - low) / 2.0 - 1.96 * 0.008959).abs() < 1e-5,
            "{measured:?}"
        );
        assert_eq!(measured.customers, view.customers.len() as u64);
        assert_eq!(measured.finding(), Finding::Helps);
        assert_eq!(
            Arms::of(view, 0).unwrap().comparison(),
            "Treatment B is offered the smart assistant; control A is offered the priority plan. The effect is against \
            the priority plan, not against no offer."
        );
    }
}
