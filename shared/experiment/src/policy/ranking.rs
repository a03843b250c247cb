//! Ranks of customers, and what treating them in that order gains over any order: the Qini coefficient.

use serde::Serialize;
use utoipa::ToSchema;

use super::estimate::NormalEstimate;
use crate::distributions::normal_two_sided_p;
use crate::settings::DEFAULT_ALPHA;

/// Points of a targeting curve: shares of 1 % to 100 %.
pub(crate) const SHARES: usize = 100;

/// A position among customers, first those who come first; ties share their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rank {
    /// (position − ½)/n, above 0 and below 1.
    pub(crate) rank: f64,
    /// The first of the shares, each a percent, that reaches the rank: 1 to 100.
    pub(crate) share: u8,
}

impl Rank {
    /// Of customers of whom none comes first.
    pub(crate) const MIDDLE: Self = Self {
        rank: 0.5,
        share: 50,
    };

    /// The ranks of customers by falling score, within each of some groups: `group_of` tells a customer's. The scores are numbers.
    pub(crate) fn within(
        scores: &[f64],
        groups: usize,
        group_of: impl Fn(usize) -> usize,
    ) -> Vec<Self> {
        let mut sizes = vec![0_usize; groups];
        for customer in 0..scores.len() {
            sizes[group_of(customer)] += 1;
        }
        let mut keyed: Vec<Vec<(u64, u32)>> = sizes.into_iter().map(Vec::with_capacity).collect();
        for (customer, score) in scores.iter().enumerate() {
            keyed[group_of(customer)].push((falling_key(*score), customer as u32));
        }
        let mut ranks = vec![Self::MIDDLE; scores.len()];
        for mut keyed in keyed {
            // Stable, because it finds the runs of scores that are sorted already.
            keyed.sort_by_key(|(key, _)| *key);
            let users = keyed.len();
            let mut before = 0;
            for ties in keyed.chunk_by(|(a, _), (b, _)| a == b) {
                let after = before + ties.len();
                // The first of these positions is before + 1 and the last one is after.
                let twice = before + after;
                let rank = Self {
                    rank: twice as f64 / (2 * users) as f64,
                    share: (SHARES * twice).div_ceil(2 * users) as u8,
                };
                for (_, customer) in ties {
                    ranks[*customer as usize] = rank;
                }
                before = after;
            }
        }
        ranks
    }
}

/// A key that rises as the score falls; equal scores have equal keys.
fn falling_key(score: f64) -> u64 {
    // 0 and −0 are equal.
    let bits = (score + 0.0).to_bits();
    let rising = match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    };
    !rising
}

/// What a ranking gains over none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Qini {
    /// The area between the ranking's curve of customers kept and that of a random order, per customer: mean(Γ·(½ − rank)). 0 where
    /// the ranking says nothing.
    #[serde(flatten)]
    pub coefficient: NormalEstimate,
    /// Two-sided p value of no gain; null where the coefficient has no error.
    #[schema(required)]
    pub p_value: Option<f64>,
}

impl Qini {
    /// The Qini coefficient of ranks; none with fewer than two customers.
    pub(crate) fn of(scores: &[f64], ranks: &[Rank]) -> Option<Self> {
        let summands = scores
            .iter()
            .zip(ranks)
            .map(|(score, rank)| score * (0.5 - rank.rank));
        let coefficient = NormalEstimate::of_mean(summands)?;
        Some(Self {
            coefficient,
            p_value: coefficient.p_value(),
        })
    }

    /// Whether it is above 0 although it may be the better of two.
    pub(crate) fn is_shown_of_two(self) -> bool {
        let is_rare = |p: f64| p < DEFAULT_ALPHA / 2.0;
        self.coefficient.estimate > 0.0 && self.p_value.is_some_and(is_rare)
    }
}

/// How the effect changes over the ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Slope {
    /// The change from the first rank to the last one in points, or per unit of the churn score's log-odds in log-odds.
    pub slope: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Two-sided p value of no change.
    pub p_value: f64,
}

impl Slope {
    pub(crate) fn new(slope: f64, standard_error: f64) -> Option<Self> {
        (standard_error > 0.0).then(|| Self {
            slope,
            standard_error,
            p_value: normal_two_sided_p(slope / standard_error),
        })
    }

    /// The least-squares slope of the doubly robust scores over the ranks, with an error that allows for any variances (White's HC0).
    /// None where the ranks do not vary.
    pub(crate) fn of(scores: &[f64], ranks: &[Rank]) -> Option<Self> {
        let users = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / users;
        let pairs = || {
            let pairs = scores.iter().zip(ranks);
            pairs.map(|(score, rank)| (score - mean, rank.rank - 0.5))
        };
        let squares: f64 = pairs().map(|(_, rank)| rank * rank).sum();
        if squares <= 0.0 {
            return None;
        }
        let slope = pairs().map(|(score, rank)| score * rank).sum::<f64>() / squares;
        let noise: f64 = pairs()
            .map(|(score, rank)| (rank * (score - slope * rank)).powi(2))
            .sum();
        Self::new(slope, noise.sqrt() / squares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(scores: &[f64]) -> Vec<f64> {
        let ranks = Rank::within(scores, 1, |_| 0);
        ranks.into_iter().map(|rank| rank.rank).collect()
    }

    #[test]
    fn ranks_fall_with_the_score_and_ties_share_their_mean() {
        assert_eq!(ranks(&[0.2, 0.9, 0.2, -1.0]), [0.5, 0.125, 0.5, 0.875]);
        assert_eq!(ranks(&[0.0, -0.0]), [0.5, 0.5]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn ranks_are_within_groups() {
        let ranks = Rank::within(&[1.0, 2.0, 3.0, 4.0], 2, |customer| customer % 2);
        let ranks: Vec<f64> = ranks.into_iter().map(|rank| rank.rank).collect();
        assert_eq!(ranks, [0.75, 0.75, 0.25, 0.25]);
    }

    #[test]
    fn shares_are_the_first_that_reach_a_rank() {
        for users in [1, 7, 99, 100, 101, 1_234] {
            let scores: Vec<f64> = (0..users).map(|user| f64::from(user / 3)).collect();
            for rank in Rank::within(&scores, 1, |_| 0) {
                let share = f64::from(rank.share) / SHARES as f64;
                assert!(rank.rank <= share + 1e-12 && rank.rank > share - 0.01 - 1e-12);
            }
        }
    }
}
