//! Reads out an experiment and decides.

use serde::Serialize;
use utoipa::ToSchema;

use crate::anytime::{Anytime, Verdict};
use crate::effect::{Effect, Sample, effect};
use crate::power::{Power, observed_power};
use crate::proportions::{ArmReadout, Counts, PooledZ, SampleRatio, pooled_z, sample_ratio};
use crate::settings::{Metric, ReadoutSettings};

/// Two arms and how to read them: what [`crate::ExperimentRequest::validate`] accepts, or a selection of an experiment's
/// users, whose arms may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The arm that keeps things as they were.
    pub control: Counts,
    /// The arm that tries something new.
    pub treatment: Counts,
    /// How to read them.
    pub settings: ReadoutSettings,
}

/// The readout of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Readout {
    /// Direction of an improvement.
    pub metric: Metric,
    /// Two-sided error rate that intervals and verdicts use.
    pub alpha: f64,
    /// The arm that keeps things as they were.
    pub control: ArmReadout,
    /// The arm that tries something new.
    pub treatment: ArmReadout,
    /// The effect by every engine.
    #[serde(flatten)]
    pub effect: Effect,
    /// The pooled z test of equal rates; null when an arm is empty, or when none or all of all users converted.
    pub pooled_z: Option<PooledZ>,
    /// Whether the arms' sizes fit the intended split.
    pub sample_ratio_mismatch: SampleRatio,
    /// What may be read at any look: the evidence that decides, and intervals that hold at any rate.
    pub anytime: Anytime,
    /// What the experiment could see.
    pub power: Power,
    /// What to do.
    pub decision: Decision,
    /// Why, in one sentence.
    pub reason: String,
}

/// What an experiment says to do. It follows the evidence that may be read at any look, because a readout is looked at any
/// day. Without an effect, each of `ship` and `roll_back` is ever said with probability α at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The evidence that the treatment is better has reached 1/α.
    Ship,
    /// The evidence that the treatment is worse has reached 1/α.
    RollBack,
    /// Neither is shown yet.
    KeepRunning,
    /// The sample-ratio check failed.
    Invalid,
}

impl Experiment {
    /// Everything the counts say.
    #[must_use]
    pub fn readout(&self) -> Readout {
        let Self {
            control,
            treatment,
            settings,
        } = self;
        let (control, treatment) = (*control, *treatment);
        let effect = effect(
            Sample::of_counts(control),
            Sample::of_counts(treatment),
            settings,
        );
        let sample_ratio_mismatch = sample_ratio(control, treatment, settings.expected_split);
        let anytime = Anytime::new(control, treatment, settings);
        let (decision, reason) = self.decide(&anytime, sample_ratio_mismatch);
        Readout {
            metric: settings.metric,
            alpha: settings.alpha,
            control: ArmReadout::new(control, settings.alpha),
            treatment: ArmReadout::new(treatment, settings.alpha),
            pooled_z: pooled_z(control, treatment),
            sample_ratio_mismatch,
            anytime,
            power: observed_power(control, treatment, settings),
            decision,
            reason,
            effect,
        }
    }

    fn decide(&self, anytime: &Anytime, sample_ratio: SampleRatio) -> (Decision, String) {
        if !sample_ratio.healthy {
            let [control_share, treatment_share] = self.settings.expected_split;
            return (
                Decision::Invalid,
                format!(
                    "The arms hold {} and {} users where shares of {} and {} were expected, too far off to be \
                     chance, so the arms cannot be compared.",
                    self.control.users,
                    self.treatment.users,
                    percent(control_share),
                    percent(treatment_share),
                ),
            );
        }
        let rates = [
            ("control", self.control.rate()),
            ("treatment", self.treatment.rate()),
        ];
        if let Some((name, _)) = rates.iter().find(|(_, rate)| rate.is_none()) {
            return (
                Decision::KeepRunning,
                format!("There are no users in the {name} arm, so there is nothing to compare."),
            );
        }
        let [control, treatment] = rates.map(|(_, rate)| percent_of_rate(rate.unwrap_or_default()));
        let threshold = evidence(anytime.threshold);
        let (better, worse) = match self.settings.metric {
            Metric::LowerIsBetter => ("lower", "higher"),
            Metric::HigherIsBetter => ("higher", "lower"),
        };
        let moved = |direction: &str, e_value: f64| {
            format!(
                "The treatment\u{2019}s rate is {direction}, {treatment} against {control}: the evidence for it is {}, and \
                 {threshold} decides.",
                evidence(e_value)
            )
        };
        match anytime.shown() {
            Verdict::Better => (Decision::Ship, moved(better, anytime.better)),
            Verdict::Worse => (Decision::RollBack, moved(worse, anytime.worse)),
            Verdict::Nothing => (
                Decision::KeepRunning,
                format!(
                    "Neither a lower nor a higher rate is shown yet: the evidence for a {better} one is {}, for a \
                     {worse} one {}, and {threshold} decides.",
                    evidence(anytime.better),
                    evidence(anytime.worse),
                ),
            ),
        }
    }
}

/// A share that a person chose, as they would write it.
fn percent(share: f64) -> String {
    // At most four digits after the point: 50%, 14.9%, 99.9999%.
    without_trailing_zeros(format!("{:.4}", share * 100.0)) + "%"
}

/// A rate with three digits: 26.8%, 0.05%.
fn percent_of_rate(rate: f64) -> String {
    let percent = rate * 100.0;
    let decimals = if percent > 0.0 {
        (2.0 - percent.log10().floor()).clamp(1.0, 17.0) as usize
    } else {
        0
    };
    without_trailing_zeros(format!("{percent:.decimals$}")) + "%"
}

/// An e-value with as many digits as a reader needs.
fn evidence(e_value: f64) -> String {
    if e_value >= 1e6 {
        "over a million".to_owned()
    } else if e_value >= 100.0 {
        format!("{e_value:.0}")
    } else {
        without_trailing_zeros(format!("{e_value:.2}"))
    }
}

fn without_trailing_zeros(digits: String) -> String {
    if digits.contains('.') {
        digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        digits
    }
}
