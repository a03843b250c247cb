//! How the model is expected to perform on customers whose outcomes nobody knows yet, from their calibrated probabilities alone.
//!
//! A calibrated probability says how likely a customer is to leave, and so how often a pair will be ranked rightly and what each
//! customer will add to the log loss (confidence-based performance estimation, J. Białek et al., *Estimating Model Performance Under
//! Covariate Shift Without Labels*, 2024). The figures are wrong by as much as the probabilities are: whether these are calibrated,
//! only outcomes tell.

use experiment::Interval;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A figure that the outcomes will have, with its 95 % interval: in 95 of 100 cases it will lie there if each customer leaves with
/// the probability that the model gives, by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedFigure {
    /// What it is expected to be.
    pub estimate: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// How the model is expected to perform on some customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedPerformance {
    /// How many customers these are.
    pub customers: u64,
    /// How many of them will leave.
    pub churners: ExpectedFigure,
    /// Share of the pairs of one who leaves and one who stays that the probabilities rank rightly, 0 to 1; null with fewer than two
    /// customers.
    #[schema(required)]
    pub roc_auc: Option<ExpectedFigure>,
    /// Mean of -ln of the probability of what happened, 0 or more; null without customers.
    #[schema(required)]
    pub log_loss: Option<ExpectedFigure>,
}

impl ExpectedPerformance {
    /// The figures that say something of any number of customers, by the names of metrics.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let share = |churners: ExpectedFigure| churners.estimate / self.customers as f64;
        let churn_rate = (self.customers > 0).then(|| share(self.churners));
        let estimate =
            |expected: Option<ExpectedFigure>| expected.map(|expected| expected.estimate);
        let figures = [
            ("ExpectedChurnRate", churn_rate),
            ("ExpectedRocAuc", estimate(self.roc_auc)),
            ("ExpectedLogLoss", estimate(self.log_loss)),
        ];
        let known = figures.into_iter();
        known
            .filter_map(|(name, figure)| Some((name, figure?)))
            .collect()
    }
}

/// Customers by their probabilities: counts that add up over any number of processes.
///
/// A bin is at most 1/32 as wide as the probability (of the rarer outcome). Within a bin the mean stands for each, which changes the
/// area under the curve by less than 0.001 and the log loss by less than 0.0005.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, u64, u64)>", into = "Vec<(usize, u64, u64)>")]
pub struct Scores(Vec<Bin>);

/// Customers with nearly the same probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bin {
    customers: u64,
    /// The sum of their probabilities, in units of [`UNIT`].
    probability: u64,
}

/// Sums of whole units are the same in any order.
const UNIT: f64 = 1.0 / (1_u64 << 32) as f64;

/// The bits of a number that its bin has: sign, exponent and the first five digits.
const SHIFT: u32 = 52 - 5;

/// What is rarer than this is in the first bin, with 0.
const RAREST: f64 = 1.0 / (1 << 14) as f64;

/// Where the first bin of one half ends.
const FIRST: usize = (RAREST.to_bits() >> SHIFT) as usize;

/// How many bins each half has: 13 times the probability doubles to one half, in 32 steps each.
const HALF: usize = 13 * 32;

/// 95 % of a normal distribution are within this many standard deviations.
const REACH: f64 = 1.959_963_984_540_054;

impl Scores {
    /// Counts a customer with this probability.
    #[inline]
    pub fn count(&mut self, probability: f64) {
        let rarer = probability.min(1.0 - probability);
        let step = (rarer.max(RAREST).to_bits() >> SHIFT) as usize - FIRST;
        let bin = match probability < 0.5 {
            true => step,
            false => 2 * HALF + 1 - step,
        };
        if let Some(bin) = self.0.get_mut(bin) {
            bin.customers += 1;
            bin.probability += (probability / UNIT) as u64;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (bin, more) in self.0.iter_mut().zip(&other.0) {
            bin.customers += more.customers;
            bin.probability += more.probability;
        }
    }

    /// How many customers were counted.
    pub fn customers(&self) -> u64 {
        self.0.iter().map(|bin| bin.customers).sum()
    }

    /// How the model is expected to perform on them.
    pub fn performance(&self) -> ExpectedPerformance {
        let groups: Vec<(f64, f64)> = (self.0.iter())
            .filter(|bin| bin.customers > 0)
            .map(|bin| {
                let customers = bin.customers as f64;
                (customers, bin.probability as f64 * UNIT / customers)
            })
            .collect();
        let sum = |of: fn(f64) -> f64| -> f64 {
            let of_group = |(customers, probability): &(f64, f64)| customers * of(*probability);
            groups.iter().map(of_group).sum()
        };
        let customers = sum(|_| 1.0);
        let expected = |estimate: f64, variance: f64, [least, most]: [f64; 2]| {
            let reach = REACH * variance.sqrt();
            ExpectedFigure {
                estimate,
                interval: Interval([(estimate - reach).max(least), (estimate + reach).min(most)]),
            }
        };
        let variance = sum(|p| p * (1.0 - p));
        let auc = roc_auc(&groups).map(|(auc, variance)| expected(auc, variance, [0.0, 1.0]));
        let log_loss = (customers > 0.0).then(|| {
            expected(
                sum(entropy) / customers,
                sum(|p| p * (1.0 - p) * log_odds(p).powi(2)) / customers.powi(2),
                [0.0, f64::INFINITY],
            )
        });
        ExpectedPerformance {
            customers: self.customers(),
            churners: expected(sum(|p| p), variance, [0.0, customers]),
            roc_auc: auc,
            log_loss,
        }
    }
}

/// The expected area under the curve of groups of customers with the same probability, by rising probability, and its variance;
/// none where no pair is to be expected.
///
/// It is the expected number of pairs that are ranked rightly, ties as halves, over that of all pairs. The variance is that of
/// its projection on the single outcomes (delta method).
fn roc_auc(groups: &[(f64, f64)]) -> Option<(f64, f64)> {
    let leave: f64 = groups.iter().map(|(customers, p)| customers * p).sum();
    let stay: f64 = (groups.iter())
        .map(|(customers, p)| customers * (1.0 - p))
        .sum();
    let own: f64 = (groups.iter())
        .map(|(customers, p)| customers * p * (1.0 - p))
        .sum();
    // Nobody is a pair with themselves.
    let pairs = leave * stay - own;
    if pairs <= f64::EPSILON {
        return None;
    }
    let (mut right, mut stay_below, mut leave_below) = (0.0, 0.0, 0.0);
    for (customers, p) in groups {
        right += customers * p * (stay_below + (customers - 1.0) * (1.0 - p) / 2.0);
        stay_below += customers * (1.0 - p);
    }
    let auc = right / pairs;
    stay_below = 0.0;
    let mut variance = 0.0;
    for (customers, p) in groups {
        let (others_leave, others_stay) = ((customers - 1.0) * p, (customers - 1.0) * (1.0 - p));
        let leave_above = leave - leave_below - customers * p;
        // By how much one more who leaves, instead of staying, changes the pairs that are right, and all pairs.
        let more_right = stay_below + others_stay / 2.0 - leave_above - others_leave / 2.0;
        let more_pairs = (stay - (1.0 - p)) - (leave - p);
        let influence = (more_right - auc * more_pairs) / pairs;
        variance += customers * p * (1.0 - p) * influence.powi(2);
        stay_below += customers * (1.0 - p);
        leave_below += customers * p;
    }
    Some((auc, variance))
}

/// What a customer with this probability is expected to add to the log loss.
fn entropy(p: f64) -> f64 {
    let of = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    of(p) + of(1.0 - p)
}

/// The logarithm of the odds; 0 for what is certain, whose weight is 0.
fn log_odds(p: f64) -> f64 {
    let log_odds = (p / (1.0 - p)).ln();
    if log_odds.is_finite() { log_odds } else { 0.0 }
}

impl Default for Scores {
    fn default() -> Self {
        Self(vec![Bin::default(); 2 * HALF + 2])
    }
}

impl From<Scores> for Vec<(usize, u64, u64)> {
    fn from(scores: Scores) -> Self {
        let bins = scores.0.iter().enumerate();
        bins.filter(|(_, bin)| bin.customers > 0)
            .map(|(position, bin)| (position, bin.customers, bin.probability))
            .collect()
    }
}

impl From<Vec<(usize, u64, u64)>> for Scores {
    fn from(written: Vec<(usize, u64, u64)>) -> Self {
        let mut scores = Self::default();
        for (position, customers, probability) in written {
            // Those of another program have no bin; the sum of customers tells.
            if let Some(bin) = scores.0.get_mut(position) {
                bin.customers = bin.customers.saturating_add(customers);
                bin.probability = bin.probability.saturating_add(probability);
            }
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::view;
    use proptest::prelude::*;

    fn counted(probabilities: &[f64]) -> Scores {
        let mut scores = Scores::default();
        for probability in probabilities {
            scores.count(*probability);
        }
        scores
    }

    /// The figures of outcomes that are known.
    fn actual(probabilities: &[f64], left: &[bool]) -> (f64, f64, f64) {
        let mut ranked: Vec<(f64, bool)> = probabilities
            .iter()
            .copied()
            .zip(left.iter().copied())
            .collect();
        ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
        let churners = left.iter().filter(|left| **left).count() as f64;
        let (mut right, mut stay_below) = (0.0, 0.0);
        for ties in ranked.chunk_by(|one, other| one.0 == other.0) {
            let leave = ties.iter().filter(|(_, left)| *left).count() as f64;
            let stay = ties.len() as f64 - leave;
            right += leave * (stay_below + stay / 2.0);
            stay_below += stay;
        }
        let loss = |(p, left): (&f64, &bool)| -(if *left { *p } else { 1.0 - p }).ln();
        let losses: f64 = probabilities.iter().zip(left).map(loss).sum();
        (
            churners,
            right / (churners * stay_below),
            losses / left.len() as f64,
        )
    }

    #[test]
    fn figures_of_few_customers_are_those_of_all_their_outcomes() {
        // Numbers that are means of their bins.
        let probabilities = [0.125, 0.25, 0.25, 0.625, 0.875];
        let performance = counted(&probabilities).performance();
        let (mut weights, mut churners, mut right, mut pairs, mut losses) =
            (0.0, 0.0, 0.0, 0.0, 0.0);
        for outcomes in 0..32_u32 {
            let left: Vec<bool> = (0..5).map(|bit| outcomes >> bit & 1 == 1).collect();
            let chances = probabilities.iter().zip(&left);
            let weight: f64 = chances
                .map(|(p, left)| if *left { *p } else { 1.0 - p })
                .product();
            let (count, auc, loss) = actual(&probabilities, &left);
            let all = count * (5.0 - count);
            weights += weight;
            churners += weight * count;
            pairs += weight * all;
            right += if all > 0.0 { weight * auc * all } else { 0.0 };
            losses += weight * loss;
        }
        assert!((weights - 1.0).abs() < 1e-12);
        assert_eq!(performance.customers, 5);
        let close = |found: ExpectedFigure, expected: f64| (found.estimate - expected).abs() < 1e-9;
        assert!(close(performance.churners, churners));
        assert!(close(performance.roc_auc.unwrap(), right / pairs));
        assert!(close(performance.log_loss.unwrap(), losses));
    }

    #[test]
    fn intervals_hold_what_outcomes_give_in_95_of_100_cases() {
        let probabilities: Vec<f64> = view()
            .customers
            .ranked()
            .iter()
            .step_by(7)
            .copied()
            .collect();
        let performance = counted(&probabilities).performance();
        let (auc, loss) = (performance.roc_auc.unwrap(), performance.log_loss.unwrap());
        let mut random = fastrand::Rng::with_seed(18);
        let (mut held, mut means) = ([0; 3], [0.0; 3]);
        const CASES: usize = 1_000;
        for _ in 0..CASES {
            let left: Vec<bool> = probabilities.iter().map(|p| random.f64() < *p).collect();
            let actual = actual(&probabilities, &left);
            let actual = [actual.0, actual.1, actual.2];
            for (number, expected) in [performance.churners, auc, loss].iter().enumerate() {
                let [low, high] = expected.interval.0;
                held[number] += usize::from((low..=high).contains(&actual[number]));
                means[number] += actual[number] / CASES as f64;
            }
        }
        // Three standard errors of a share of 1,000.
        assert!(
            held.iter().all(|held| (929..=971).contains(held)),
            "{held:?}"
        );
        assert!(
            (means[0] - performance.churners.estimate).abs() < 1.5,
            "{means:?}"
        );
        assert!((means[1] - auc.estimate).abs() < 0.002, "{means:?}");
        assert!((means[2] - loss.estimate).abs() < 0.002, "{means:?}");
    }

    #[test]
    fn the_shipped_model_is_expected_to_perform_as_its_card_says() {
        let card = include_str!("../../../models/card.json");
        let card: serde_json::Value = serde_json::from_str(card).unwrap();
        let performance = counted(view().customers.ranked()).performance();
        for (found, name) in [
            (performance.roc_auc, "roc_auc"),
            (performance.log_loss, "log_loss"),
        ] {
            let [low, high] = found.unwrap().interval.0;
            let measured = card["metrics"][name]["mean"].as_f64().unwrap();
            assert!(
                (low..=high).contains(&measured),
                "{name} {measured} {found:?}"
            );
        }
    }

    #[test]
    fn nobody_and_those_who_surely_stay_have_no_curve() {
        let nobody = Scores::default().performance();
        assert_eq!((nobody.customers, nobody.churners.estimate), (0, 0.0));
        assert_eq!((nobody.roc_auc, nobody.log_loss), (None, None));
        let sure = counted(&[0.0, 0.0, 1.0]).performance();
        assert_eq!(sure.roc_auc.unwrap().estimate, 1.0);
        assert_eq!(sure.log_loss.unwrap().interval, Interval([0.0, 0.0]));
        assert_eq!(counted(&[0.0, 0.0]).performance().roc_auc, None);
        assert_eq!(counted(&[0.4]).performance().roc_auc, None);
    }

    proptest! {
        #[test]
        fn counts_add_up_and_bins_change_little(
            probabilities in prop::collection::vec(prop_oneof![0.0..=1.0_f64, 0.0..0.001_f64], 2..200),
            split in 0..200_usize,
        ) {
            let scores = counted(&probabilities);
            let split = split.min(probabilities.len());
            let mut sum = counted(&probabilities[..split]);
            sum.add(&counted(&probabilities[split..]));
            prop_assert_eq!(sum.customers(), probabilities.len() as u64);
            prop_assert_eq!(&sum, &scores);
            let written = serde_json::to_string(&scores).unwrap();
            prop_assert_eq!(serde_json::from_str::<Scores>(&written).unwrap(), scores.clone());

            let mut exact: Vec<(f64, f64)> = probabilities.iter().map(|p| (1.0, *p)).collect();
            exact.sort_by(|one, other| one.1.total_cmp(&other.1));
            let performance = scores.performance();
            let churners: f64 = probabilities.iter().sum();
            prop_assert!((performance.churners.estimate - churners).abs() < 1e-6);
            let entropy: f64 = probabilities.iter().map(|p| entropy(*p)).sum();
            let loss = performance.log_loss.unwrap().estimate;
            prop_assert!((loss - entropy / probabilities.len() as f64).abs() < 5e-4);
            let found = performance.roc_auc.map(|auc| auc.estimate);
            if let (Some((auc, _)), Some(found)) = (roc_auc(&exact), found)
                && churners > 1.0
            {
                prop_assert!((auc - found).abs() < 0.01, "{auc} {found}");
            }
        }
    }
}
