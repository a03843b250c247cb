//! What a nudge does to one customer: the measured effect moved to the customer's own probability, or the projected one times how
//! often an offer succeeds.

use crate::View;
use crate::measured::{Effect, assignment, comparison};
use crate::nudges::{GROUP, Head, heads};
use experiment::Interval;
use serde::Serialize;
use utoipa::ToSchema;
use workspace::Outcome;
use workspace::model::logistic;

/// Log-odds beyond which every probability is 0 or 1 to any number of customers.
const FARTHEST: f64 = 20.0;

/// What an effect rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// An experiment or a campaign measured it.
    Measured,
    /// The model projects it, and it is multiplied by how often an offer succeeds.
    Projected,
}

impl EffectKind {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Projected => "projected",
        }
    }
}

/// How often an offer succeeds: by how much of its projection a nudge lowers the probability of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Success<'w> {
    /// The share, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub rate: f64,
    /// Its 95 % interval; null where the request gives the rate.
    pub interval: Option<Interval>,
    /// The experiment that it is taken from: its effect over the mean probability of its customers. Null where the request gives it.
    #[schema(required)]
    pub experiment: Option<&'w str>,
    /// The position of the experiment.
    #[serde(skip)]
    pub(crate) source: Option<usize>,
}

impl<'w> Success<'w> {
    /// The one that the request gives.
    pub(crate) fn given(rate: f64) -> Self {
        Self {
            rate,
            interval: None,
            experiment: None,
            source: None,
        }
    }

    /// The one that follows from the first experiment with an effect; none without such an experiment.
    pub(crate) fn measured(view: &'w View<'w>) -> Option<Self> {
        let effects = Effect::all(view).iter().enumerate();
        let (source, effect) = effects
            .filter_map(|(position, effect)| Some((position, effect.as_ref()?)))
            .next()?;
        let share = |effect: f64, mean: f64| (-effect / mean).clamp(0.0, 1.0);
        let [low, high] = effect.interval.0;
        let mean = effect.mean_probability;
        Some(Self {
            rate: share(effect.estimate, mean),
            interval: Some(Interval([share(high, mean), share(low, mean)])),
            experiment: view.schema.experiments().nth(source).map(|one| one.name()),
            source: Some(source),
        })
    }

    /// Half the width of its interval.
    pub(crate) fn margin(&self) -> f64 {
        self.interval
            .map_or(0.0, |Interval([low, high])| (high - low) / 2.0)
    }
}

/// A measured effect on the scale on which it is moved to other customers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    pub(crate) log_odds: f64,
    /// Half the width of its 95 % interval.
    margin: f64,
    /// What it rests on: two shifts with the same source err together.
    pub(crate) source: usize,
}

impl Shift {
    /// By how much it lowers a probability, and half the width of the interval of that.
    pub(crate) fn reduction(&self, probability: f64) -> (f64, f64) {
        let odds = (probability / (1.0 - probability)).ln();
        let after = logistic(odds + self.log_odds);
        (probability - after, self.margin * after * (1.0 - after))
    }
}

/// The shift of everybody's log-odds that changes the mean of these probabilities by an effect, and how fast the mean changes with
/// the shift there.
pub(crate) fn shift_of(probabilities: &[f64], effect: f64) -> (f64, f64) {
    let count = probabilities.len().max(1) as f64;
    let odds: Vec<f64> = probabilities
        .iter()
        .map(|probability| (probability / (1.0 - probability)).ln())
        .collect();
    let wanted = probabilities.iter().sum::<f64>() / count + effect;
    let mean_and_slope = |shift: f64| {
        let after = odds.iter().map(|odds| logistic(odds + shift));
        let (sum, slope) = after.fold((0.0, 0.0), |(sum, slope), after| {
            (sum + after, slope + after * (1.0 - after))
        });
        (sum / count, slope / count)
    };
    // Newton's method, within bounds that close in where a step leaves them.
    let (mut low, mut high) = (-FARTHEST, FARTHEST);
    let mut shift = 0.0;
    for _ in 0..100 {
        let (mean, slope) = mean_and_slope(shift);
        let miss = mean - wanted;
        if miss.abs() < 1e-13 {
            break;
        }
        match miss > 0.0 {
            true => high = shift,
            false => low = shift,
        }
        let step = shift - miss / slope;
        let next = match low < step && step < high {
            true => step,
            false => (low + high) / 2.0,
        };
        if next == shift {
            break;
        }
        shift = next;
    }
    (shift, mean_and_slope(shift).1)
}

/// What all campaigns of a workspace rest on: each customer's best nudge, and the measured effects.
pub(crate) struct Prospects {
    /// The entry at the head of each customer's list, and its projected probability. A catalogue has fewer than 256 entries.
    entries: Vec<u8>,
    projected: Vec<f64>,
    /// The measured effect of each entry of the catalogue.
    shifts: Vec<Option<Shift>>,
}

impl Prospects {
    /// Those of a workspace, computed when they are first asked for.
    pub(crate) fn of<'w>(view: &'w View<'w>) -> &'w Self {
        view.prospects.get_or_init(|| {
            let probabilities = view.customers.probabilities();
            let mut entries = Vec::with_capacity(probabilities.len());
            let mut projected = Vec::with_capacity(probabilities.len());
            for start in (0..probabilities.len()).step_by(GROUP) {
                let group = start..probabilities.len().min(start + GROUP);
                let profiles: Vec<_> = group
                    .clone()
                    .map(|customer| view.profile(customer))
                    .collect();
                for head in heads(view, &profiles, &probabilities[group]) {
                    entries.push(head.entry as u8);
                    projected.push(head.projected);
                }
            }
            Self {
                entries,
                projected,
                shifts: shifts(view),
            }
        })
    }

    pub(crate) fn head(&self, customer: usize) -> Head {
        Head {
            entry: usize::from(self.entries[customer]),
            projected: self.projected[customer],
        }
    }

    pub(crate) fn shift(&self, entry: usize) -> Option<Shift> {
        self.shifts[entry]
    }
}

fn shifts(view: &View<'_>) -> Vec<Option<Shift>> {
    let experiments = view.schema.experiments().len();
    let of_experiments: Vec<Option<Shift>> = Effect::all(view)
        .iter()
        .enumerate()
        .map(|(position, effect)| {
            let effect = effect.as_ref()?;
            let probabilities = probabilities_of(view, position)?;
            let margin = half_width(effect.interval.0);
            let (log_odds, slope) = shift_of(&probabilities, effect.estimate);
            Some(Shift {
                log_odds,
                margin: margin / slope,
                source: position,
            })
        })
        .collect();
    let mut active = None;
    view.nudges
        .entries()
        .map(|entry| {
            let Some(measured) = entry.campaign_effect() else {
                let trial = entry.trial()?;
                let effect = Effect::all(view).get(trial.experiment)?.as_ref()?;
                return of_experiments[trial.experiment].filter(|_| effect.treatment == trial.arm);
            };
            let margin = half_width(measured.interval);
            let (log_odds, slope) = match measured.log_odds {
                Some(log_odds) if log_odds != 0.0 && measured.effect != 0.0 => {
                    (log_odds, measured.effect / log_odds)
                }
                // Of the campaign's customers nothing else is known.
                _ => shift_of(
                    active.get_or_insert_with(|| active_probabilities(view)),
                    measured.effect,
                ),
            };
            Some(Shift {
                log_odds,
                margin: margin / slope,
                source: experiments + entry.index(),
            })
        })
        .collect()
}

fn half_width([low, high]: [f64; 2]) -> f64 {
    (high - low) / 2.0
}

fn active_probabilities(view: &View<'_>) -> Vec<f64> {
    let customers = &view.customers;
    let all = customers.probabilities().iter().zip(customers.outcomes());
    let active = all.filter(|(_, outcome)| **outcome != Outcome::Left as u8);
    active.map(|(probability, _)| *probability).collect()
}

/// The probabilities of the customers that an experiment compares.
pub(crate) fn probabilities_of(view: &View<'_>, experiment: usize) -> Option<Vec<f64>> {
    let described = view.schema.experiments().nth(experiment)?;
    let ([control, treatment], _) = comparison(&described)?;
    let arms = view.customers.column(described.field());
    let compared = (0..view.customers.len()).filter(|customer| {
        assignment(arms.code(*customer), control, treatment).is_some()
            && view.customers.outcome(*customer).left().is_some()
    });
    Some(
        compared
            .map(|customer| view.customers.probability(customer))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::view;
    use proptest::prelude::*;

    #[test]
    fn the_shift_of_an_experiment_has_its_effect_on_its_own_customers() {
        let effect = Effect::all(view())[0].as_ref().unwrap();
        let probabilities = probabilities_of(view(), 0).unwrap();
        let entry = view().nudges.entries().find(|entry| {
            entry
                .trial()
                .is_some_and(|trial| trial.arm == effect.treatment)
        });
        let shift = Prospects::of(view()).shift(entry.unwrap().index()).unwrap();
        let reductions = probabilities.iter().map(|one| shift.reduction(*one));
        let (sum, margin) = reductions.fold((0.0, 0.0), |(sum, margin), (one, its)| {
            (sum + one, margin + its)
        });
        let count = probabilities.len() as f64;
        assert!((sum / count + effect.estimate).abs() < 1e-12, "{shift:?}");
        assert!((margin / count - half_width(effect.interval.0)).abs() < 1e-12);
    }

    #[test]
    fn the_shift_of_equal_probabilities_is_a_difference_of_log_odds() {
        let odds = |probability: f64| (probability / (1.0 - probability)).ln();
        let (shift, slope) = shift_of(&[0.3; 5], -0.1);
        assert!((shift - (odds(0.2) - odds(0.3))).abs() < 1e-12);
        assert!((slope - 0.2 * 0.8).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_shift_gives_the_effect_that_it_is_of(
            probabilities in prop::collection::vec(0.001..0.999_f64, 1..60),
            share in 0.001..0.999_f64,
        ) {
            let mean = probabilities.iter().sum::<f64>() / probabilities.len() as f64;
            // Any mean between 0 and 1 can be reached.
            let effect = share - mean;
            let (shift, slope) = shift_of(&probabilities, effect);
            let shift = Shift { log_odds: shift, margin: 1.0, source: 0 };
            let (reduced, slopes) = probabilities.iter().fold((0.0, 0.0), |(sum, slopes), one| {
                let (reduction, slope) = shift.reduction(*one);
                (sum + reduction, slopes + slope)
            });
            prop_assert!((reduced / probabilities.len() as f64 + effect).abs() < 1e-10);
            prop_assert!((slopes / probabilities.len() as f64 - slope).abs() < 1e-10);
        }
    }

    #[test]
    fn an_effect_that_nobody_can_have_ends_at_the_bounds() {
        let (shift, _) = shift_of(&[0.2, 0.3], -0.9);
        assert!((-FARTHEST..-FARTHEST + 1e-6).contains(&shift), "{shift}");
        assert!(shift_of(&[], -0.1).0.is_finite());
    }
}
