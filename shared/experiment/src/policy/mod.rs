//! Whom to treat: what a randomised comparison says of treating everybody, nobody, or the first of a ranking.
//!
//! Customers have left or stayed (y = 1 for those who left), W = 1 for those who were treated, and e is the treatment's share. Each gets
//! a doubly robust score
//!
//! Γ = m̂₀ − m̂₁ + (1 − W)(y − m̂₀)/(1 − e) − W(y − m̂₁)/e,
//!
//! whose mean over any set of customers estimates how many fewer of them leave with the treatment than without it, whatever m̂ expects, because
//! e is known and m̂ is fitted on other customers. m̂ is that of the rung in use (`ladder`). Everything else is sums of these scores:
//!
//! - the Qini coefficient of a ranking, mean(Γ·(½ − rank)), with the standard error sd/√n;
//! - the value of treating a set, Σ over it of Γ·worth − cost, with the standard error √n·sd over all n customers.
//!
//! The churn score was trained elsewhere and before, so its ranking is fixed. A ranking that is learned from the same customers is
//! only believed out of fold.

mod curve;
mod estimate;
#[cfg(test)]
mod golden;
mod ladder;
mod logistic;
mod ranking;

pub use curve::{Curve, CurvePoint, PolicyValue};
pub use estimate::NormalEstimate;
pub use ladder::{FOLDS, Rung, RungReadout};
pub use ranking::{Qini, Slope};

use serde::Serialize;
use utoipa::ToSchema;

use crate::observations::Assignment;
use crate::proportions::{ArmReadout, Counts, Interval, SampleRatio, sample_ratio};
use crate::settings::DEFAULT_ALPHA;
use curve::{Targeting, Valued, random_order};
use ladder::Climb;
use ranking::Rank;

/// One customer of a randomised comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// The customer's arm.
    pub assignment: Assignment,
    /// Whether the customer left.
    pub left: bool,
    /// The chance to leave that was expected before, 0 to 1.
    pub probability: f64,
    /// What customers are ranked by, the highest first: a churn score, which need not be a probability. A number.
    pub score: f64,
    /// The fold, below [`FOLDS`]: by the customer alone, such as a hash of its id.
    pub fold: u8,
    /// What it is worth to keep the customer.
    pub worth: f64,
}

/// The customers of a randomised comparison, in columns.
#[derive(Debug, Clone)]
pub struct Subjects {
    treatment_share: f64,
    treated: Vec<bool>,
    left: Vec<bool>,
    log_odds: Vec<f64>,
    score: Vec<f64>,
    fold: Vec<u8>,
    worth: Vec<f64>,
    /// For each dimension each customer's segment.
    segments: Vec<Vec<u16>>,
}

impl Subjects {
    /// The segment of who is in none.
    pub const NO_SEGMENT: u16 = u16::MAX;

    /// Nobody yet; `treatment_share` of both arms' customers are assigned to the treatment, above 0 and below 1.
    #[must_use]
    pub fn new(treatment_share: f64, dimensions: usize) -> Self {
        Self {
            treatment_share,
            treated: Vec::new(),
            left: Vec::new(),
            log_odds: Vec::new(),
            score: Vec::new(),
            fold: Vec::new(),
            worth: Vec::new(),
            segments: vec![Vec::new(); dimensions],
        }
    }

    /// Adds a customer, with its segment in each dimension.
    pub fn push(&mut self, subject: Subject, segments: impl IntoIterator<Item = u16>) {
        /// A probability of exactly 0 or 1 has no log-odds.
        const SMALLEST: f64 = 1e-12;
        let probability = subject.probability.clamp(SMALLEST, 1.0 - SMALLEST);
        self.treated
            .push(subject.assignment == Assignment::Treatment);
        self.left.push(subject.left);
        self.log_odds.push((probability / (1.0 - probability)).ln());
        self.score.push(subject.score);
        self.fold.push(subject.fold % FOLDS as u8);
        self.worth.push(subject.worth);
        let mut segments = segments.into_iter();
        for dimension in &mut self.segments {
            dimension.push(segments.next().unwrap_or(Self::NO_SEGMENT));
        }
    }

    /// How many customers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.treated.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.treated.is_empty()
    }

    fn log_odds_vary(&self) -> bool {
        self.log_odds.windows(2).any(|pair| pair[0] != pair[1])
    }

    fn counts(&self) -> [Counts; 2] {
        let mut counts = [Counts::default(); 2];
        for (treated, left) in self.treated.iter().zip(&self.left) {
            counts[usize::from(*treated)].add(*left);
        }
        counts
    }

    /// Which policy is worth what, and what to do.
    #[must_use]
    pub fn read_policy(&self, terms: PolicyTerms) -> PolicyReadout {
        let [control, treatment] = self.counts();
        let split = [1.0 - self.treatment_share, self.treatment_share];
        let sample_ratio_mismatch = sample_ratio(control, treatment, split);
        let comparable = control.users > 0 && treatment.users > 0;
        let evaluated = match comparable {
            true => self.evaluate(terms),
            false => None,
        };
        let (decision, treated) = match &evaluated {
            _ if !sample_ratio_mismatch.healthy => (PolicyDecision::Invalid, None),
            Some(evaluation) => evaluation.decide(terms.most(self.len() as u64)),
            None => (PolicyDecision::CannotTell, None),
        };
        PolicyReadout {
            control: ArmReadout::new(control, DEFAULT_ALPHA),
            treatment: ArmReadout::new(treatment, DEFAULT_ALPHA),
            sample_ratio_mismatch,
            evaluation: evaluated.map(Evaluation::shown),
            decision,
            treated,
        }
    }

    /// At least one customer in each arm.
    fn evaluate(&self, terms: PolicyTerms) -> Option<Evaluation> {
        let climb = Climb::new(self);
        let by_score = Rank::within(&self.score, 1, |_| 0);
        let (scores, by_effect) = (&climb.scores, climb.ranks.as_deref());
        let of_effect = by_effect.and_then(|ranks| Qini::of(scores, ranks));
        let valued = Valued {
            scores,
            worth: &self.worth,
            cost: terms.cost,
        };
        let most = terms.most(self.len() as u64);
        let everybody = valued.everybody();
        Some(Evaluation {
            everybody,
            rung: climb.rung,
            effect: NormalEstimate::of_mean(scores.iter().copied())?,
            ladder: climb.rungs,
            targetability: Targetability {
                churn_score: Qini::of(scores, &by_score),
                estimated_effect: of_effect,
                effect_by_score: EffectByScore {
                    points: Slope::of(scores, &by_score),
                    log_odds: climb.interaction,
                },
                targetable: of_effect.is_some_and(Qini::is_shown_of_two),
            },
            by_score: Targeting::new(valued, &by_score, most),
            by_effect: by_effect.map(|ranks| Targeting::new(valued, ranks, most)),
            random: random_order(&everybody, most),
        })
    }
}

/// What treating costs, and how much may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PolicyTerms {
    /// What it costs to treat one customer, in the unit of the customers' worth.
    pub cost: f64,
    /// The most that treating may cost altogether.
    pub budget: Option<f64>,
}

impl PolicyTerms {
    /// How many of some customers may be treated.
    fn most(self, users: u64) -> u64 {
        /// A budget for three customers is for three, although 0.3/0.1 is less than 3 in double precision.
        const ROUNDING: f64 = 1e-9;
        match self.budget {
            Some(budget) if self.cost > 0.0 => {
                users.min((budget / self.cost * (1.0 + ROUNDING)) as u64)
            }
            _ => users,
        }
    }
}

/// What a randomised comparison says of whom to treat.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PolicyReadout {
    /// The customers in control with a known outcome; those who converted are those who left.
    pub control: ArmReadout,
    /// The customers in treatment with a known outcome.
    pub treatment: ArmReadout,
    /// Whether the arms' sizes fit the intended split.
    pub sample_ratio_mismatch: SampleRatio,
    /// What treating is worth; null when an arm is empty.
    #[schema(required)]
    pub evaluation: Option<PolicyEvaluation>,
    /// What to do.
    pub decision: PolicyDecision,
    /// The customers whom the decision is to treat; null where it treats nobody.
    #[schema(required)]
    pub treated: Option<Treated>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyDecision {
    /// Treating everybody pays, and no part of them is shown to be worth more.
    TreatEverybody,
    /// Treating everybody is a loss, and no part of them is shown to pay.
    TreatNobody,
    /// Treating the first of a ranking pays, and more than any others as far as the data show.
    TreatFirst,
    /// Treating pays, the budget is too small for everybody, and nothing shows whom to prefer.
    TreatAny,
    /// The data can't tell.
    CannotTell,
    /// The sample-ratio check failed: the arms can't be compared.
    Invalid,
}

/// How customers are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ranking {
    /// The highest churn score first.
    ChurnScore,
    /// The largest estimated effect first.
    EstimatedEffect,
    /// In any order.
    Random,
}

/// The customers whom the decision is to treat.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Treated {
    /// By which ranking they are the first.
    pub ranking: Ranking,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub policy: PolicyValue,
    /// The interval of `value` that holds although the share was chosen by the curve; that of everybody is chosen by nothing.
    pub simultaneous: Interval,
}

/// What treating is worth.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PolicyEvaluation {
    /// How many fewer leave of those treated, per customer: the mean of the doubly robust scores.
    pub effect: NormalEstimate,
    /// The rung in use: the highest that was taken.
    pub rung: Rung,
    /// The rungs, from the lowest.
    pub ladder: Vec<RungReadout>,
    /// Whether there is anything to target.
    pub targeting: Targetability,
    /// Treating everybody.
    pub everybody: PolicyValue,
    /// What treating is worth by the share treated.
    pub curves: Curves,
}

/// Whether the effect differs between customers by anything that is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Targetability {
    /// The Qini coefficient of the ranking by churn score.
    #[schema(required)]
    pub churn_score: Option<Qini>,
    /// The Qini coefficient of the ranking by estimated effect; null on the lowest rung, which has none.
    #[schema(required)]
    pub estimated_effect: Option<Qini>,
    /// How the effect changes with the churn score.
    pub effect_by_score: EffectByScore,
    /// Whether the ranking by estimated effect is shown to gain over a random order: its Qini coefficient is above 0, p < 0.025. That
    /// is half of 5 %, because two rungs have such a ranking and either may be the one in use.
    pub targetable: bool,
}

/// The interaction of effect and churn score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct EffectByScore {
    /// The slope of the doubly robust scores over the ranks by churn score, from the highest score to the lowest one: below 0 where the
    /// treatment helps those more who are likelier to leave. Null where the score does not vary.
    #[schema(required)]
    pub points: Option<Slope>,
    /// The change of the log-odds shift per unit of the churn score's log-odds (a Wald test). Null where the data do not determine it.
    #[schema(required)]
    pub log_odds: Option<Slope>,
}

/// What treating is worth by the share treated.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Curves {
    /// The highest churn score first.
    pub churn_score: Curve,
    /// The largest estimated effect first, out of fold; null on the lowest rung, which expects the same of everybody.
    #[schema(required)]
    pub estimated_effect: Option<Curve>,
    /// In a random order.
    pub random: Curve,
}

/// An evaluation with what is needed to decide.
struct Evaluation {
    everybody: PolicyValue,
    rung: Rung,
    effect: NormalEstimate,
    ladder: Vec<RungReadout>,
    targetability: Targetability,
    by_score: Targeting,
    by_effect: Option<Targeting>,
    random: Curve,
}

impl Evaluation {
    /// What to do if at most `most` customers may be treated.
    ///
    /// One ranking is considered: the learned one where it is shown to gain, else the churn score. Its best share is judged by the
    /// simultaneous band, everybody, which nothing chose, by the interval.
    fn decide(&self, most: u64) -> (PolicyDecision, Option<Treated>) {
        let is_learned = self.targetability.targetable;
        let (ranking, targeting) = match &self.by_effect {
            Some(targeting) if is_learned => (Ranking::EstimatedEffect, targeting),
            _ => (Ranking::ChurnScore, &self.by_score),
        };
        let users = self.everybody.customers;
        let everybody_pays = self.everybody.value.is_above_zero();
        let is_for_all = most >= users;
        let is_shown_to_rank = ranking == Ranking::EstimatedEffect || self.score_gains();
        let pays = |point: &CurvePoint| point.simultaneous.0[0] > 0.0;
        let first = match everybody_pays && is_for_all {
            true => targeting.best(most, |targeting, point| {
                pays(point) && targeting.is_better_than_everybody(point)
            }),
            false => targeting.best(most, |_, _| true).filter(|(point, _)| {
                let is_preferred = match everybody_pays {
                    true => is_shown_to_rank,
                    false => point.customers < users,
                };
                pays(point) && is_preferred
            }),
        };
        if let Some((point, policy)) = first {
            let treated = Treated {
                ranking,
                policy,
                simultaneous: point.simultaneous,
            };
            return (PolicyDecision::TreatFirst, Some(treated));
        }
        let of_random = |policy: PolicyValue| Treated {
            ranking: Ranking::Random,
            simultaneous: policy.value.interval,
            policy,
        };
        match everybody_pays {
            true if is_for_all => (
                PolicyDecision::TreatEverybody,
                Some(of_random(self.everybody)),
            ),
            true => (
                PolicyDecision::TreatAny,
                Some(of_random(self.everybody.part(most))),
            ),
            false if self.everybody.value.is_below_zero() => (PolicyDecision::TreatNobody, None),
            false => (PolicyDecision::CannotTell, None),
        }
    }

    fn score_gains(&self) -> bool {
        let qini = self.targetability.churn_score;
        qini.is_some_and(|qini| qini.coefficient.is_above_zero())
    }

    fn shown(self) -> PolicyEvaluation {
        PolicyEvaluation {
            effect: self.effect,
            rung: self.rung,
            ladder: self.ladder,
            targeting: self.targetability,
            everybody: self.everybody,
            curves: Curves {
                churn_score: self.by_score.curve,
                estimated_effect: self.by_effect.map(|targeting| targeting.curve),
                random: self.random,
            },
        }
    }
}
