//! Simulated comparisons whose true effects are known: how often policies err.

use experiment::{
    Assignment, Decision, FOLDS, Interval, PolicyDecision, PolicyEvaluation, PolicyReadout,
    PolicyTerms, Subject, Subjects,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution};

/// Where the columns of customers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// The score is the chance to leave.
    Foretells,
    /// The score has nothing to do with the customer.
    Noise,
}

/// Customers without arms.
pub struct Population {
    /// Chance to leave without the treatment.
    pub chances: Vec<f64>,
    /// The churn score.
    scores: Vec<f64>,
    worth: Vec<f64>,
    folds: Vec<u8>,
    segments: Vec<[u16; 2]>,
    treatment_share: f64,
}

fn uniform(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A chance with its log-odds shifted.
pub fn shifted(chance: f64, log_odds: f64) -> f64 {
    let odds = chance / (1.0 - chance) * log_odds.exp();
    odds / (1.0 + odds)
}

impl Population {
    /// Customers of whom 28 % leave, with segments that say nothing of them.
    pub fn draw(users: usize, score: Score, treatment_share: f64, random: &mut impl Rng) -> Self {
        let chances = Beta::new(0.8, 2.05).expect("both are positive");
        let chances: Vec<f64> = (0..users)
            .map(|_| f64::clamp(chances.sample(random), 0.005, 0.95))
            .collect();
        let noise: Vec<f64> = (0..users).map(|_| 0.01 + 0.9 * uniform(random)).collect();
        let mut below = |most: u64| random.next_u64() % most;
        Self {
            scores: match score {
                Score::Foretells => chances.clone(),
                Score::Noise => noise,
            },
            worth: (0..users).map(|_| 0.2 + below(100) as f64 / 60.0).collect(),
            folds: (0..users).map(|_| below(FOLDS as u64) as u8).collect(),
            segments: (0..users)
                .map(|_| [below(4) as u16, below(2) as u16])
                .collect(),
            chances,
            treatment_share,
        }
    }

    pub fn len(&self) -> usize {
        self.chances.len()
    }

    /// Everybody's outcome in each arm, by one draw: equal where the chances are.
    pub fn outcomes(&self, treated: &[f64], random: &mut impl Rng) -> Vec<[bool; 2]> {
        let pairs = self.chances.iter().zip(treated);
        pairs
            .map(|(control, treatment)| {
                let draw = uniform(random);
                [draw < *control, draw < *treatment]
            })
            .collect()
    }

    /// The comparison after arms were drawn.
    pub fn assign(&self, outcomes: &[[bool; 2]], random: &mut impl Rng) -> Subjects {
        let mut subjects = Subjects::new(self.treatment_share, 2);
        for (user, [control, treatment]) in outcomes.iter().enumerate() {
            let is_treated = uniform(random) < self.treatment_share;
            let (assignment, left) = match is_treated {
                true => (Assignment::Treatment, *treatment),
                false => (Assignment::Control, *control),
            };
            let subject = Subject {
                assignment,
                left,
                probability: self.scores[user],
                score: self.scores[user],
                fold: self.folds[user],
                worth: self.worth[user],
            };
            subjects.push(subject, self.segments[user]);
        }
        subjects
    }

    /// The true value of treating the first customers by score, for each number of them.
    pub fn true_values(&self, treated: &[f64], cost: f64) -> Vec<f64> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]));
        let mut sum = 0.0;
        let values = order.into_iter().map(|user| {
            sum += (self.chances[user] - treated[user]) * self.worth[user] - cost;
            sum
        });
        [0.0].into_iter().chain(values).collect()
    }
}

/// How often something was found in comparisons where the treatment does nothing, or the same to everybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct FalseAlarms {
    pub comparisons: u32,
    /// The Qini coefficient of the churn score, p < 5 %.
    pub qini: u32,
    /// The slope of the effect over the score, in points.
    pub points: u32,
    /// The same in log-odds.
    pub log_odds: u32,
    /// The estimated effect is shown to be a ranking worth using.
    pub targetable: u32,
    /// Each rung above the lowest was taken.
    pub taken: [u32; 2],
    /// Somebody is to be treated.
    pub treat: u32,
    /// Nobody is to be treated.
    pub treat_nobody: u32,
    /// The readout's decision, to each side.
    pub shipped: u32,
    pub rolled_back: u32,
}

const ALPHA: f64 = 0.05;

fn evaluation(readout: &PolicyReadout) -> &PolicyEvaluation {
    let evaluation = readout.evaluation.as_ref();
    evaluation.expect("neither arm is empty")
}

impl FalseAlarms {
    /// `arms` draws of arms, each under a salt of its own. `effect` is the log-odds shift of everybody.
    pub fn of(users: usize, score: Score, effect: f64, arms: u32, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let population = Population::draw(users, score, 0.5, &mut random);
        let treated: Vec<f64> = population
            .chances
            .iter()
            .map(|chance| shifted(*chance, effect))
            .collect();
        let outcomes = population.outcomes(&treated, &mut random);
        let mut alarms = Self::default();
        for salt in 0..arms {
            let mut random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(salt + 1) << 20);
            // Where there is an effect, a fixed draw of outcomes would make it differ between customers.
            let outcomes = match effect == 0.0 {
                true => outcomes.clone(),
                false => population.outcomes(&treated, &mut random),
            };
            let subjects = population.assign(&outcomes, &mut random);
            alarms.add(&subjects.read_policy(PolicyTerms::default()));
        }
        alarms
    }

    fn add(&mut self, readout: &PolicyReadout) {
        let evaluation = evaluation(readout);
        let targeting = evaluation.targeting;
        let found = |p: Option<f64>| u32::from(p.is_some_and(|p| p < ALPHA));
        let slope = |slope: Option<experiment::Slope>| found(slope.map(|slope| slope.p_value));
        self.comparisons += 1;
        self.qini += found(targeting.churn_score.and_then(|qini| qini.p_value));
        self.points += slope(targeting.effect_by_score.points);
        self.log_odds += slope(targeting.effect_by_score.log_odds);
        for (taken, rung) in self.taken.iter_mut().zip(&evaluation.ladder[1..]) {
            *taken += u32::from(rung.taken);
        }
        self.targetable += u32::from(targeting.targetable);
        self.treat += u32::from(readout.treated.is_some());
        self.treat_nobody += u32::from(readout.decision == PolicyDecision::TreatNobody);
        let counts = |arm: &experiment::ArmReadout| experiment::Counts {
            users: arm.users,
            conversions: arm.conversions,
        };
        let readout = experiment::Experiment {
            control: counts(&readout.control),
            treatment: counts(&readout.treatment),
            settings: experiment::ReadoutSettings::default(),
        }
        .readout();
        self.shipped += u32::from(readout.decision == Decision::Ship);
        self.rolled_back += u32::from(readout.decision == Decision::RollBack);
    }

    pub fn rate(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.comparisons)
    }
}

/// How often the true value was covered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coverage {
    pub redraws: u32,
    /// Of the first 20, 50, 80 and 100 % by churn score, by their intervals.
    pub fixed: [u32; 4],
    /// Of the share of the highest value, by the simultaneous band.
    pub picked: u32,
    /// Of the share of the highest value, by its interval: what the band is for.
    pub picked_by_interval: u32,
    /// Of all shares at once, by the simultaneous band.
    pub everywhere: u32,
}

/// Shares whose sets are fixed beforehand, in percent.
pub const FIXED_SHARES: [usize; 4] = [20, 50, 80, 100];

impl Coverage {
    /// Redraws arms and outcomes of the same customers; the treatment shifts the log-odds by what `effect` says of a chance.
    pub fn of(
        users: usize,
        cost: f64,
        effect: impl Fn(f64) -> f64,
        redraws: u32,
        seed: u64,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let population = Population::draw(users, Score::Foretells, 0.4, &mut random);
        let treated: Vec<f64> = population
            .chances
            .iter()
            .map(|chance| shifted(*chance, effect(*chance)))
            .collect();
        let values = population.true_values(&treated, cost);
        let terms = PolicyTerms { cost, budget: None };
        let mut coverage = Self::default();
        for _ in 0..redraws {
            // Each arm's outcome by a draw of its own: a customer has one of them.
            let outcomes = population.outcomes(&treated, &mut random);
            let readout = population.assign(&outcomes, &mut random).read_policy(terms);
            coverage.add(&readout, &values);
        }
        coverage
    }

    fn add(&mut self, readout: &PolicyReadout, values: &[f64]) {
        let covers = |Interval([low, high]): Interval, customers: u64| {
            let value = values[customers as usize];
            u32::from(low <= value && value <= high)
        };
        let curve = &evaluation(readout).curves.churn_score;
        self.redraws += 1;
        for (covered, percent) in self.fixed.iter_mut().zip(FIXED_SHARES) {
            let point = curve.points[percent - 1];
            *covered += covers(point.interval, point.customers);
        }
        let picked = curve
            .points
            .iter()
            .find(|point| point.share == curve.best_share);
        let picked = picked.expect("the best share is one of the curve's");
        self.picked += covers(picked.simultaneous, picked.customers);
        self.picked_by_interval += covers(picked.interval, picked.customers);
        let mut points = curve.points.iter();
        let all = points.all(|point| covers(point.simultaneous, point.customers) == 1);
        self.everywhere += u32::from(all);
    }

    pub fn rate(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.redraws)
    }
}
