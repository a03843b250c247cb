//! What treating the first of a ranking is worth, by the share treated, with bands that hold for one share and for all of them.
//!
//! With g = Γ·worth − cost of a customer, the value of a set S is Σ over S of g, with the error √n·sd of 1[i ∈ S]·g over all n
//! customers. The values at all shares together are partial sums: between neighbouring shares they grow by independent amounts with the
//! variances Σ g², but for the part Σ g·Σ g/n that all shares have in common. The simultaneous band is as many standard errors wide
//! as 95 % of 2,000 drawn Gaussian partial sums keep within at every share.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

use super::estimate::{Moments, NormalEstimate};
use super::ranking::{Rank, SHARES};
use crate::proportions::Interval;
use crate::settings::DEFAULT_ALPHA;

const DRAWS: usize = 2_000;
/// The same draws each time, so that the same question has the same answer.
const SEED: u64 = 1;

/// What partial sums are drawn from: standard normal numbers, for each draw and share.
static NORMAL: LazyLock<Vec<[f64; SHARES]>> = LazyLock::new(|| {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let draws = (0..DRAWS).map(|_| std::array::from_fn(|_| StandardNormal.sample(&mut random)));
    draws.collect()
});

/// Treating the first customers of a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct CurvePoint {
    /// The share treated, above 0 and at most 1.
    pub share: f64,
    /// How many customers that is. Customers who tie are treated together, where the share reaches the middle of them.
    pub customers: u64,
    /// What it is worth after the cost.
    pub value: f64,
    /// Its 95 % interval, for a share that was chosen beforehand.
    pub interval: Interval,
    /// Its interval that holds at all shares at once with 95 %, hence for a share that was chosen by the curve, too.
    pub simultaneous: Interval,
}

/// The value of a ranking by the share treated.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Curve {
    /// Standard errors to each side of the simultaneous band; 1.96 for one share.
    pub critical_value: f64,
    /// The share of the highest value, among those that the budget allows.
    pub best_share: f64,
    /// From 1 % to 100 %.
    pub points: Vec<CurvePoint>,
}

/// What the customers between two neighbouring shares add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    customers: u64,
    kept: Moments,
    value: Moments,
}

impl Step {
    fn plus(self, other: Self) -> Self {
        Self {
            customers: self.customers + other.customers,
            kept: self.kept.plus(other.kept),
            value: self.value.plus(other.value),
        }
    }
}

/// Treating one set of customers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct PolicyValue {
    /// The share of the customers who are treated, 0 to 1.
    pub share: f64,
    /// How many customers are treated.
    pub customers: u64,
    /// How many fewer leave.
    pub customers_kept: NormalEstimate,
    /// What treating them costs.
    pub cost: f64,
    /// What it costs to keep a customer: cost over customers kept. Null where treating is not expected to keep anybody.
    #[schema(required)]
    pub cost_per_kept: Option<f64>,
    /// Its 95 % interval, cost over the ends of the customers kept; the upper end is null where it may be that nobody is kept, and
    /// the whole where that is all but sure.
    #[schema(required, value_type = Option<Vec<Option<f64>>>, min_items = 2, max_items = 2)]
    pub cost_per_kept_interval: Option<[Option<f64>; 2]>,
    /// What the customers kept are worth, after the cost.
    pub value: NormalEstimate,
}

impl PolicyValue {
    fn new(step: Step, share: f64, users: f64, cost: f64) -> Self {
        let cost = cost * step.customers as f64;
        let customers_kept = step.kept.sum_among(users);
        let Interval([least, most]) = customers_kept.interval;
        let per = |kept: f64| (kept > 0.0).then(|| cost / kept);
        Self {
            share,
            customers: step.customers,
            customers_kept,
            cost,
            cost_per_kept: per(customers_kept.estimate),
            cost_per_kept_interval: per(most).map(|low| [Some(low), per(least)]),
            value: step.value.sum_among(users),
        }
    }
}

impl PolicyValue {
    /// A random part of the customers: its share of everything.
    pub(crate) fn part(&self, customers: u64) -> Self {
        let share = customers as f64 / self.customers as f64;
        Self {
            share: self.share * share,
            customers,
            customers_kept: self.customers_kept.scaled(share),
            cost: self.cost * share,
            value: self.value.scaled(share),
            ..*self
        }
    }
}

/// The scores of customers with what they are worth.
#[derive(Clone, Copy)]
pub(crate) struct Valued<'a> {
    /// Doubly robust scores.
    pub(crate) scores: &'a [f64],
    /// What each customer is worth who is kept.
    pub(crate) worth: &'a [f64],
    /// What it costs to treat one.
    pub(crate) cost: f64,
}

impl Valued<'_> {
    fn step(&self, step: &mut Step, user: usize) {
        let score = self.scores[user];
        step.customers += 1;
        step.kept.add(score);
        step.value.add(score * self.worth[user] - self.cost);
    }

    /// Treating everybody. At least two customers.
    pub(crate) fn everybody(&self) -> PolicyValue {
        let mut all = Step::default();
        for user in 0..self.scores.len() {
            self.step(&mut all, user);
        }
        PolicyValue::new(all, 1.0, self.scores.len() as f64, self.cost)
    }
}

/// A curve with what is needed to choose a share of it.
pub(crate) struct Targeting {
    /// Each share's set: all steps up to it.
    sums: Vec<Step>,
    users: f64,
    /// What it costs to treat one customer.
    cost: f64,
    pub(crate) curve: Curve,
    /// Standard errors to each side, at all shares at once, of a share's value less that of everybody.
    critical_of_rest: f64,
}

impl Targeting {
    /// The curve of ranks. At least two customers; `most` is how many may be treated.
    pub(crate) fn new(valued: Valued<'_>, ranks: &[Rank], most: u64) -> Self {
        let users = valued.scores.len() as f64;
        let mut steps = [Step::default(); SHARES];
        for (user, rank) in ranks.iter().enumerate() {
            valued.step(&mut steps[usize::from(rank.share) - 1], user);
        }
        let [critical_value, critical_of_rest] = critical_values(&steps, users);
        let mut sum = Step::default();
        let sums: Vec<Step> = steps
            .into_iter()
            .map(|step| {
                sum = sum.plus(step);
                sum
            })
            .collect();
        let points: Vec<CurvePoint> = sums
            .iter()
            .zip(1..)
            .map(|(sum, percent)| {
                let value = sum.value.sum_among(users);
                CurvePoint {
                    share: f64::from(percent) / SHARES as f64,
                    customers: sum.customers,
                    value: value.estimate,
                    interval: value.interval,
                    simultaneous: Interval::around(
                        value.estimate,
                        critical_value * value.standard_error,
                    ),
                }
            })
            .collect();
        let allowed = points.iter().filter(|point| point.customers <= most);
        let best = allowed.max_by(|a, b| a.value.total_cmp(&b.value));
        let best_share = best.map_or(0.0, |best| best.share);
        Self {
            sums,
            users,
            cost: valued.cost,
            curve: Curve {
                critical_value,
                best_share,
                points,
            },
            critical_of_rest,
        }
    }

    /// The share of the highest value that the budget allows and of which this holds; it may be judged by the simultaneous band.
    pub(crate) fn best(
        &self,
        most: u64,
        holds: impl Fn(&Self, &CurvePoint) -> bool,
    ) -> Option<(CurvePoint, PolicyValue)> {
        let points = self.curve.points.iter().zip(&self.sums);
        let allowed = points.filter(|(point, _)| point.customers <= most && holds(self, point));
        let (point, sum) = allowed.max_by(|(a, _), (b, _)| a.value.total_cmp(&b.value))?;
        let share = sum.customers as f64 / self.users;
        Some((*point, PolicyValue::new(*sum, share, self.users, self.cost)))
    }

    /// Whether a share is shown to be worth more than everybody, by a band that holds at all shares at once.
    pub(crate) fn is_better_than_everybody(&self, point: &CurvePoint) -> bool {
        let position = (point.share * SHARES as f64).round() as usize - 1;
        let (all, some) = (self.sums[SHARES - 1], self.sums[position]);
        let rest = Moments {
            sum: all.value.sum - some.value.sum,
            squares: all.value.squares - some.value.squares,
        };
        let rest = rest.sum_among(self.users);
        rest.estimate + self.critical_of_rest * rest.standard_error < 0.0
    }
}

/// The curve of a random order: a share of treating everybody. One number moves all of it, so one band holds everywhere.
pub(crate) fn random_order(everybody: &PolicyValue, most: u64) -> Curve {
    let points: Vec<CurvePoint> = (1..=SHARES as u32)
        .map(|percent| {
            let share = f64::from(percent) / SHARES as f64;
            let value = everybody.value.scaled(share);
            CurvePoint {
                share,
                customers: (everybody.customers as f64 * share).round() as u64,
                value: value.estimate,
                interval: value.interval,
                simultaneous: value.interval,
            }
        })
        .collect();
    let allowed = points.iter().filter(|point| point.customers <= most);
    let best = allowed.max_by(|a, b| a.value.total_cmp(&b.value));
    Curve {
        critical_value: super::estimate::two_sided_z(),
        best_share: best.map_or(0.0, |best| best.share),
        points,
    }
}

/// How many standard errors wide a band is that holds at all shares at once: of the value of each share, and of what the others
/// would add to it.
fn critical_values(steps: &[Step; SHARES], users: f64) -> [f64; 2] {
    let scales = steps.map(|step| step.value.squares.sqrt());
    // What the shares have in common: the drawn steps x are replaced by x − c·u·(u·x), of which the covariance is 1 − u·u'/n.
    let common: [f64; SHARES] = std::array::from_fn(|step| match scales[step] > 0.0 {
        true => steps[step].value.sum / scales[step] / users.sqrt(),
        false => 0.0,
    });
    let length: f64 = common.iter().map(|part| part * part).sum();
    let factor = match length > 0.0 {
        true => (1.0 - (1.0 - length).max(0.0).sqrt()) / length,
        false => 0.0,
    };
    let error = |moments: Moments| {
        (moments.squares - moments.sum * moments.sum / users)
            .max(0.0)
            .sqrt()
    };
    let mut before = Moments::default();
    let inverse = |error: f64| if error > 0.0 { 1.0 / error } else { 0.0 };
    let per_error = steps.map(|step| {
        before = before.plus(step.value);
        inverse(error(before))
    });
    let all = before;
    let mut before = Moments::default();
    let per_error_of_rest = steps.map(|step| {
        before = before.plus(step.value);
        inverse(error(Moments {
            sum: all.sum - before.sum,
            squares: all.squares - before.squares,
        }))
    });
    let mut largest = [vec![0.0; DRAWS], vec![0.0; DRAWS]];
    for (draw, drawn) in NORMAL.iter().enumerate() {
        let along: f64 = drawn.iter().zip(&common).map(|(a, b)| a * b).sum();
        let mut sum = 0.0;
        let sums: [f64; SHARES] = std::array::from_fn(|step| {
            sum += scales[step] * (drawn[step] - factor * along * common[step]);
            sum
        });
        let (mut most, mut most_of_rest): (f64, f64) = (0.0, 0.0);
        for (partial, (of_share, of_rest)) in
            sums.iter().zip(per_error.iter().zip(&per_error_of_rest))
        {
            most = most.max(partial.abs() * of_share);
            most_of_rest = most_of_rest.max((sum - partial).abs() * of_rest);
        }
        largest[0][draw] = most;
        largest[1][draw] = most_of_rest;
    }
    largest.map(|mut largest| {
        // The smallest number that at most 5 % of the draws exceed.
        let position = (DRAWS as f64 * (1.0 - DEFAULT_ALPHA)).ceil() as usize - 1;
        let (_, critical, _) = largest.select_nth_unstable_by(position, f64::total_cmp);
        critical.max(super::estimate::two_sided_z())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A band for one share, which is all that there is, is as wide as its interval; the drawn one may miss it by chance.
    #[test]
    fn the_band_of_one_step_is_the_interval() {
        let mut steps = [Step::default(); SHARES];
        for value in 0..1_000 {
            steps[30].value.add(f64::from(value % 7) - 3.0);
        }
        let [critical, rest] = critical_values(&steps, 1_000.0);
        assert!((critical - 1.96).abs() < 0.12, "{critical}");
        assert!((rest - 1.96).abs() < 0.12, "{rest}");
    }

    #[test]
    fn many_steps_need_a_wider_band() {
        let mut steps = [Step::default(); SHARES];
        for step in &mut steps {
            for value in [-1.0, 1.0, 0.5, -0.5] {
                step.value.add(value);
            }
        }
        let [critical, _] = critical_values(&steps, 400.0);
        // Of a standardised Brownian motion from 1 % to 100 % of its time.
        assert!((2.6..3.1).contains(&critical), "{critical}");
    }
}
