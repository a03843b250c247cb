//! The whole readout of an experiment, and the decision that follows from it.

use serde::Serialize;
use utoipa::ToSchema;

use super::effect::{Effect, Sample, effect};
use super::power::{Power, observed_power};
use super::proportions::{ArmReadout, Counts, PooledZ, SampleRatio, pooled_z, sample_ratio};
use super::settings::{Metric, Settings};

/// Two arms and how to read them: what [`super::ExperimentRequest::validate`] lets through, or a selection of the
/// embedded experiment, whose arms may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The arm that keeps things as they were.
    pub control: Counts,
    /// The arm that tries something new.
    pub treatment: Counts,
    /// How to read them.
    pub settings: Settings,
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
    /// What the experiment could see.
    pub power: Power,
    /// What to do.
    pub decision: Decision,
    /// Why, in one sentence.
    pub reason: String,
}

/// What an experiment says to do. It rests on the always-valid interval, because a readout is looked at any day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The always-valid interval holds improvements only.
    Ship,
    /// The always-valid interval holds deteriorations only.
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
        let (decision, reason) = self.decide(&effect, sample_ratio_mismatch);
        Readout {
            metric: settings.metric,
            alpha: settings.alpha,
            control: ArmReadout::new(control, settings.alpha),
            treatment: ArmReadout::new(treatment, settings.alpha),
            pooled_z: pooled_z(control, treatment),
            sample_ratio_mismatch,
            power: observed_power(control, treatment, settings),
            decision,
            reason,
            effect,
        }
    }

    fn decide(&self, effect: &Effect, sample_ratio: SampleRatio) -> (Decision, String) {
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
        let Some((sequential, lift)) = effect.sequential.zip(effect.relative_lift.estimate) else {
            return (Decision::KeepRunning, self.why_nothing_is_known());
        };
        let [lower, upper] = sequential.interval.0.map(signed_percent);
        let interval = format!(
            "always-valid {} interval of the lift, {lower} to {upper},",
            percent(1.0 - self.settings.alpha)
        );
        if !sequential.significant {
            return (
                Decision::KeepRunning,
                format!("The {interval} still includes no change."),
            );
        }
        let verb = if lift < 0.0 { "lowers" } else { "raises" };
        let decision = if lift * self.settings.metric.improvement_sign() > 0.0 {
            Decision::Ship
        } else {
            Decision::RollBack
        };
        (
            decision,
            format!(
                "The treatment {verb} the rate by {:.1}%, and the {interval} excludes no change.",
                lift.abs() * 100.0
            ),
        )
    }

    /// Why the counts determine no lift or no error of it.
    fn why_nothing_is_known(&self) -> String {
        let arms = [("control", self.control), ("treatment", self.treatment)];
        if let Some((name, _)) = arms.iter().find(|(_, counts)| counts.users == 0) {
            return format!(
                "There are no users in the {name} arm, so there is nothing to compare."
            );
        }
        for (name, counts) in arms {
            let extent = if counts.conversions == 0 {
                "None"
            } else if counts.conversions == counts.users {
                "All"
            } else {
                continue;
            };
            return format!(
                "{extent} of the users in the {name} arm converted, so the uncertainty of the lift cannot be \
                 estimated yet."
            );
        }
        "The counts do not determine a lift.".to_owned()
    }
}

/// A share that somebody chose, as they would write it.
fn percent(share: f64) -> String {
    // At most four digits after the point, none of them a trailing zero: 50%, 14.9%, 99.9999%.
    let digits = format!("{:.4}", share * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn signed_percent(share: f64) -> String {
    format!("{:+.1}%", share * 100.0).replace('-', "\u{2212}")
}
