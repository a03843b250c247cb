//! The ladder of models of the effect, each fitted out of fold.
//!
//! With x the log-odds of the churn score, W = 1 for the treatment, and the coefficients fitted on the other folds:
//!
//! - one difference: m̂₀ = m̄ − e·Δ, m̂₁ = m̄ + (1 − e)·Δ, with m̄ the next rung's mean of both arms and Δ its mean difference;
//! - one log-odds shift: m̂ = sigmoid(a + b·x + δ·W);
//! - segment shifts: the same with the shifts of the customer's segments added to δ. The shift of a segment is one Newton step
//!   for both arms of it, less that of all segments together, shrunken by as much as chance explains (DerSimonian and Laird,
//!   as in `heterogeneity`); each dimension is measured beside the shifts of those before it.
//!
//! A higher rung is taken where its ranking gains over the one in use: mean(Γ·(rank in use − rank of the rung)) − 1.96 standard
//! errors > 0, with Γ of the rung in use. Ranks are within the fold, because two folds' estimates are of two models: who looks best
//! overall is in a fold whose *other* folds show a large effect, which hence shows a smaller one itself.

use serde::Serialize;
use utoipa::ToSchema;

use super::Subjects;
use super::estimate::NormalEstimate;
use super::logistic::fit;
use super::ranking::{Rank, Slope};
use crate::heterogeneity::{Homogeneity, Measurement};
use crate::proportions::Counts;

/// How many folds there are.
pub const FOLDS: usize = 5;

/// A model of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The same difference in points for everybody: there is nobody to prefer.
    OneDifference,
    /// The same shift of everybody's log-odds: a difference in points that depends on the churn score.
    LogOddsShift,
    /// A shift of the log-odds for each segment, shrunken to the common one.
    SegmentShifts,
}

/// What a rung gains over the one in use below it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct RungReadout {
    /// The rung.
    pub rung: Rung,
    /// What its ranking gains over the one in use, in customers kept per customer, averaged over all shares treated. Null for the
    /// lowest rung, and where the data do not determine the rung.
    #[schema(required)]
    pub gain: Option<NormalEstimate>,
    /// Whether it was taken: its gain is above 0 by 1.96 standard errors. The lowest rung always is.
    pub taken: bool,
}

/// The chances to leave that a rung expects of each customer in control and in treatment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expectations {
    pub(crate) control: Vec<f64>,
    pub(crate) treatment: Vec<f64>,
}

impl Expectations {
    fn with_room(users: usize) -> Self {
        Self {
            control: vec![0.0; users],
            treatment: vec![0.0; users],
        }
    }

    fn set(&mut self, user: usize, control: f64, treatment: f64) {
        self.control[user] = control;
        self.treatment[user] = treatment;
    }

    /// The customers by falling estimated effect, within their folds.
    pub(crate) fn ranks(&self, subjects: &Subjects) -> Vec<Rank> {
        let arms = self.control.iter().zip(&self.treatment);
        let effects: Vec<f64> = arms
            .map(|(control, treatment)| control - treatment)
            .collect();
        Rank::within(&effects, FOLDS, |user| usize::from(subjects.fold[user]))
    }
}

/// Where the climb ended.
pub(crate) struct Climb {
    pub(crate) rungs: Vec<RungReadout>,
    pub(crate) rung: Rung,
    /// The doubly robust scores of the rung in use.
    pub(crate) scores: Vec<f64>,
    /// The ranks of the rung in use; none of the lowest rung.
    pub(crate) ranks: Option<Vec<Rank>>,
    /// How the log-odds shift changes with the churn score.
    pub(crate) interaction: Option<Slope>,
}

impl Climb {
    /// Climbs as far as the data carry.
    pub(crate) fn new(subjects: &Subjects) -> Self {
        let models = Models::fit(subjects);
        let lowest = models.one_difference(subjects);
        let mut climb = Self {
            rungs: vec![RungReadout {
                rung: Rung::OneDifference,
                gain: None,
                taken: true,
            }],
            rung: Rung::OneDifference,
            scores: subjects.scores(&lowest),
            ranks: None,
            interaction: models.interaction(subjects),
        };
        drop(lowest);
        climb.try_rung(
            subjects,
            Rung::LogOddsShift,
            models.log_odds_shift(subjects),
        );
        climb.try_rung(
            subjects,
            Rung::SegmentShifts,
            models.segment_shifts(subjects),
        );
        climb
    }

    fn try_rung(&mut self, subjects: &Subjects, rung: Rung, expected: Option<Expectations>) {
        let mut readout = RungReadout {
            rung,
            gain: None,
            taken: false,
        };
        if let Some(expected) = expected {
            let ranks = expected.ranks(subjects);
            readout.gain = self.gain(&ranks);
            readout.taken = readout.gain.is_some_and(NormalEstimate::is_above_zero);
            if readout.taken {
                self.rung = rung;
                self.scores = subjects.scores(&expected);
                self.ranks = Some(ranks);
            }
        }
        self.rungs.push(readout);
    }

    /// What other ranks gain over those in use.
    fn gain(&self, ranks: &[Rank]) -> Option<NormalEstimate> {
        let in_use = |user: usize| match &self.ranks {
            Some(ranks) => ranks[user].rank,
            None => Rank::MIDDLE.rank,
        };
        let summands = self.scores.iter().zip(ranks).enumerate();
        NormalEstimate::of_mean(
            summands.map(|(user, (score, rank))| score * (in_use(user) - rank.rank)),
        )
    }
}

/// The coefficients of one fold's model, which its own customers had no part in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
    pub(crate) shift: f64,
}

impl Model {
    fn odds_of_control(self, log_odds: f64) -> f64 {
        (self.intercept + self.slope * log_odds).exp()
    }
}

/// The chances in control and in treatment, which multiplies the odds by a factor.
fn chances(odds: f64, factor: f64) -> [f64; 2] {
    [odds, odds * factor].map(chance)
}

fn chance(odds: f64) -> f64 {
    match odds.is_finite() {
        true => odds / (1.0 + odds),
        false => 1.0,
    }
}

/// The fitted models.
pub(crate) struct Models {
    /// Of everybody.
    pub(crate) everybody: Option<Model>,
    /// Of each fold; none where the data do not determine one of them.
    pub(crate) folds: Option<[Model; FOLDS]>,
}

impl Models {
    pub(crate) fn fit(subjects: &Subjects) -> Self {
        let everybody = Self::fit_to(subjects, None, [0.0; 3]);
        let fitted = everybody.map(|start| {
            std::array::from_fn(|fold| {
                let start = [start.intercept, start.shift, start.slope];
                Self::fit_to(subjects, Some(fold as u8), start)
            })
        });
        let mut models = fitted.unwrap_or([None; FOLDS]).into_iter();
        let models = std::array::from_fn(|_| models.next().flatten());
        let all = models.iter().all(Option::is_some);
        Self {
            everybody,
            folds: all.then(|| models.map(|model| model.expect("there are all"))),
        }
    }

    /// Fits everybody but a fold. A score that does not vary has no slope.
    pub(crate) fn fit_to(
        subjects: &Subjects,
        without: Option<u8>,
        start: [f64; 3],
    ) -> Option<Model> {
        let others = || {
            let users = 0..subjects.len();
            users.filter(move |user| without != Some(subjects.fold[*user]))
        };
        let treated = |user: usize| f64::from(u8::from(subjects.treated[user]));
        if subjects.log_odds_vary() {
            let rows = || {
                others().map(|user| {
                    let row = [1.0, treated(user), subjects.log_odds[user]];
                    (row, subjects.left[user])
                })
            };
            let [intercept, shift, slope] = fit(rows, start)?.coefficients;
            return Some(Model {
                intercept,
                slope,
                shift,
            });
        }
        let rows = || others().map(|user| ([1.0, treated(user)], subjects.left[user]));
        let [intercept, shift] = fit(rows, [start[0], start[1]])?.coefficients;
        Some(Model {
            intercept,
            slope: 0.0,
            shift,
        })
    }

    /// The change of the log-odds shift per unit of the churn score's log-odds, from one fit to everybody: the interaction of effect
    /// and score.
    pub(crate) fn interaction(&self, subjects: &Subjects) -> Option<Slope> {
        let start = self.everybody?;
        if !subjects.log_odds_vary() {
            return None;
        }
        let rows = || {
            (0..subjects.len()).map(|user| {
                let treated = f64::from(u8::from(subjects.treated[user]));
                let log_odds = subjects.log_odds[user];
                let row = [1.0, treated, log_odds, treated * log_odds];
                (row, subjects.left[user])
            })
        };
        let fitted = fit(rows, [start.intercept, start.shift, start.slope, 0.0])?;
        Slope::new(fitted.coefficients[3], fitted.covariance[3][3].sqrt())
    }

    pub(crate) fn one_difference(&self, subjects: &Subjects) -> Expectations {
        let Some(models) = &self.folds else {
            return Self::rates(subjects);
        };
        let share = subjects.treatment_share;
        let factors = models.map(|model| model.shift.exp());
        let mut expected = Expectations::with_room(subjects.len());
        // Each fold's mean difference under each model.
        let mut differences = [[0.0; FOLDS]; FOLDS];
        let mut sizes = [0.0; FOLDS];
        for user in 0..subjects.len() {
            let fold = usize::from(subjects.fold[user]);
            sizes[fold] += 1.0;
            for (other, model) in models.iter().enumerate() {
                let odds = model.odds_of_control(subjects.log_odds[user]);
                let [control, treatment] = chances(odds, factors[other]);
                differences[other][fold] += treatment - control;
                if other == fold {
                    expected.control[user] = (1.0 - share) * control + share * treatment;
                }
            }
        }
        let differences: [f64; FOLDS] = std::array::from_fn(|model| {
            let others = (0..FOLDS).filter(|fold| *fold != model);
            let (sum, users) = others.fold((0.0, 0.0), |(sum, users), fold| {
                (sum + differences[model][fold], users + sizes[fold])
            });
            sum / users
        });
        for user in 0..subjects.len() {
            let difference = differences[usize::from(subjects.fold[user])];
            let mean = expected.control[user];
            expected.set(
                user,
                mean - share * difference,
                mean + (1.0 - share) * difference,
            );
        }
        expected
    }

    /// Without a model, what is expected of an arm is its rate in the other folds; that of both arms where it has nobody there.
    fn rates(subjects: &Subjects) -> Expectations {
        let mut counts = [[Counts::default(); 2]; FOLDS];
        for user in 0..subjects.len() {
            let arm = usize::from(subjects.treated[user]);
            for (fold, arms) in counts.iter_mut().enumerate() {
                if fold != usize::from(subjects.fold[user]) {
                    arms[arm].add(subjects.left[user]);
                }
            }
        }
        let rates = counts.map(|[control, treatment]| {
            let both = Counts {
                users: control.users + treatment.users,
                conversions: control.conversions + treatment.conversions,
            };
            let both = both.rate().unwrap_or(0.5);
            [control, treatment].map(|arm| arm.rate().unwrap_or(both))
        });
        let mut expected = Expectations::with_room(subjects.len());
        for user in 0..subjects.len() {
            let [control, treatment] = rates[usize::from(subjects.fold[user])];
            expected.set(user, control, treatment);
        }
        expected
    }

    pub(crate) fn log_odds_shift(&self, subjects: &Subjects) -> Option<Expectations> {
        let models = self.folds.as_ref()?;
        let factors = models.map(|model| model.shift.exp());
        let mut expected = Expectations::with_room(subjects.len());
        for user in 0..subjects.len() {
            let fold = usize::from(subjects.fold[user]);
            let odds = models[fold].odds_of_control(subjects.log_odds[user]);
            let [control, treatment] = chances(odds, factors[fold]);
            expected.set(user, control, treatment);
        }
        Some(expected)
    }

    /// None without segments, too.
    pub(crate) fn segment_shifts(&self, subjects: &Subjects) -> Option<Expectations> {
        let models = self.folds.as_ref()?;
        if subjects.segments.is_empty() {
            return None;
        }
        let mut expected = Expectations::with_room(subjects.len());
        for (fold, model) in models.iter().enumerate() {
            let fold = fold as u8;
            let factor = model.shift.exp();
            // A customer's chance in its own arm.
            let chance_of = |user: usize| {
                let [control, treatment] =
                    chances(model.odds_of_control(subjects.log_odds[user]), factor);
                match subjects.treated[user] {
                    true => treatment,
                    false => control,
                }
            };
            let mut chances_in_arm: Vec<f64> = (0..subjects.len()).map(chance_of).collect();
            let mut shifts: Vec<Vec<f64>> = Vec::with_capacity(subjects.segments.len());
            for segments in &subjects.segments {
                let factors = segment_factors(subjects, segments, fold, &chances_in_arm);
                if factors.iter().any(|factor| *factor != 1.0) {
                    for (user, expected) in chances_in_arm.iter_mut().enumerate() {
                        if subjects.treated[user] {
                            let factor = factor_of(&factors, segments[user]);
                            *expected = *expected * factor / (1.0 + *expected * (factor - 1.0));
                        }
                    }
                }
                shifts.push(factors);
            }
            for user in (0..subjects.len()).filter(|user| subjects.fold[*user] == fold) {
                let odds = model.odds_of_control(subjects.log_odds[user]);
                let of_dimensions = shifts.iter().zip(&subjects.segments);
                let factors =
                    of_dimensions.map(|(factors, segments)| factor_of(factors, segments[user]));
                let [control, treatment] = chances(odds, factor * factors.product::<f64>());
                expected.set(user, control, treatment);
            }
        }
        Some(expected)
    }
}

fn factor_of(factors: &[f64], segment: u16) -> f64 {
    factors.get(usize::from(segment)).copied().unwrap_or(1.0)
}

/// One arm of one segment under a model.
#[derive(Clone, Copy, Default)]
struct Cell {
    counts: Counts,
    /// Outcomes less what was expected.
    residual: f64,
    /// Their variance.
    information: f64,
}

/// What the odds of each segment's treated customers are multiplied by, from everybody but a fold, beside what is expected of them.
fn segment_factors(
    subjects: &Subjects,
    segments: &[u16],
    without: u8,
    expected: &[f64],
) -> Vec<f64> {
    let count = segments
        .iter()
        .filter(|segment| **segment != Subjects::NO_SEGMENT);
    let count = count.max().map_or(0, |last| usize::from(*last) + 1);
    let mut cells = vec![[Cell::default(); 2]; count];
    for (user, expected) in expected.iter().enumerate() {
        let Some(arms) = cells.get_mut(usize::from(segments[user])) else {
            continue;
        };
        if subjects.fold[user] == without {
            continue;
        }
        let left = subjects.left[user];
        let cell = &mut arms[usize::from(subjects.treated[user])];
        cell.counts.add(left);
        cell.residual += f64::from(u8::from(left)) - expected;
        cell.information += expected * (1.0 - expected);
    }
    let measured: Vec<Option<Measurement>> = cells
        .iter()
        .map(|[control, treatment]| {
            Measurement::of_counts(control.counts, treatment.counts)?;
            let information = [control, treatment].map(|cell| cell.information);
            (information.iter().all(|it| *it > 0.0)).then(|| Measurement {
                effect: treatment.residual / treatment.information
                    - control.residual / control.information,
                variance: 1.0 / treatment.information + 1.0 / control.information,
            })
        })
        .collect();
    let compared: Vec<Measurement> = measured.iter().flatten().copied().collect();
    let homogeneity = Homogeneity::of(&compared);
    let shift = |measured: Option<Measurement>| match (homogeneity, measured) {
        (Some(homogeneity), Some(measured)) => homogeneity.deviation(measured),
        _ => 0.0,
    };
    measured
        .into_iter()
        .map(|measured| shift(measured).exp())
        .collect()
}

impl Subjects {
    /// The doubly robust scores: how many fewer leave with the treatment, by what is expected of a customer and by how far the
    /// outcome is from that.
    pub(crate) fn scores(&self, expected: &Expectations) -> Vec<f64> {
        let share = self.treatment_share;
        let users = 0..self.len();
        let score = |user: usize| {
            let (control, treatment) = (expected.control[user], expected.treatment[user]);
            let outcome = f64::from(u8::from(self.left[user]));
            let correction = match self.treated[user] {
                true => -(outcome - treatment) / share,
                false => (outcome - control) / (1.0 - share),
            };
            control - treatment + correction
        };
        users.map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::logistic::sigmoid;

    #[test]
    fn chances_of_any_odds_are_chances() {
        for log_odds in [-800.0, -3.0, 0.0, 3.0, 800.0] {
            let expected = sigmoid(log_odds);
            assert!((chance(f64::exp(log_odds)) - expected).abs() < 1e-15);
        }
    }
}
