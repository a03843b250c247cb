//! Computes the evidence and the intervals that are valid at every look.

use serde::Serialize;
use utoipa::ToSchema;

use crate::beta_binomial::BetaBinomial;
use crate::evidence::{ArmTally, Contrast};
use crate::numeric::{crossing, log_add, maximum};
use crate::proportions::{Counts, Interval};
use crate::settings::{Metric, ReadoutSettings};

/// A larger e-value is given as this one. It is still an e-value, and JSON has no infinity.
pub const LARGEST_EVIDENCE: f64 = 1e300;

/// The share of α that the interval of the difference spends on the pooled rate, which matters little near no effect.
const ALPHA_SHARE_OF_RATE: f64 = 0.1;

/// Evidence and intervals that treat both arms alike and hold at every look, at any rate. They hold for the intended split; a
/// failed sample-ratio check makes them void.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Anytime {
    /// Evidence that the treatment is better, an e-value: how much likelier the arms of the users are, given their outcomes,
    /// under better rates than under equal ones. Without an effect its mean is 1, and it ever reaches 1/α with
    /// probability α at most. At most 1e300.
    #[schema(minimum = 0, maximum = 1e300)]
    pub better: f64,
    /// Evidence that the treatment is worse, likewise.
    #[schema(minimum = 0, maximum = 1e300)]
    pub worse: f64,
    /// 1/α, the evidence that decides.
    pub threshold: f64,
    /// Difference of the rates, treatment minus control, at level 1 − α: an interval that covers it at every look at once.
    pub absolute_difference: Interval,
    /// The treatment's rate over control's, likewise, from the arms of the users who converted.
    pub rate_ratio: RatioInterval,
}

/// Lower and upper end of a ratio's interval. The lower end is 0 without conversions in treatment; the upper end is null, without
/// bound, where control has none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(value_type = Vec<Option<f64>>, min_items = 2, max_items = 2)]
pub struct RatioInterval(pub (f64, Option<f64>));

/// What the evidence shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    Worse,
    Nothing,
}

impl Anytime {
    pub(crate) fn new(control: Counts, treatment: Counts, settings: &ReadoutSettings) -> Self {
        let [control_share, treatment_share] = settings.expected_split;
        let upwards = Contrast {
            lower: ArmTally::new(control, control_share),
            higher: ArmTally::new(treatment, treatment_share),
        };
        let [higher, lower] = [upwards, upwards.reversed()]
            .map(|contrast| contrast.log_evidence().exp().min(LARGEST_EVIDENCE));
        let (better, worse) = match settings.metric {
            Metric::LowerIsBetter => (lower, higher),
            Metric::HigherIsBetter => (higher, lower),
        };
        Self {
            better,
            worse,
            threshold: 1.0 / settings.alpha,
            absolute_difference: difference_interval(&upwards, settings.alpha),
            rate_ratio: ratio_interval(&upwards, settings.alpha),
        }
    }

    /// What is shown at this look. Evidence for both sides at once, which no split that passes its check allows, shows
    /// nothing.
    pub(crate) fn shown(&self) -> Verdict {
        match [self.better, self.worse].map(|evidence| evidence >= self.threshold) {
            [true, false] => Verdict::Better,
            [false, true] => Verdict::Worse,
            _ => Verdict::Nothing,
        }
    }
}

/// The rates' ratio ρ makes the arm of a converted user a coin flip with odds ρ s_h/s_l, so the ratio's interval is that
/// of a coin's.
fn ratio_interval(contrast: &Contrast, alpha: f64) -> RatioInterval {
    let Contrast { lower, higher } = contrast;
    // About as much as four flips of the expected coin: narrow at some dozens to thousands of conversions.
    let prior = [higher, lower].map(|arm| 1.0 + 2.0 * arm.share);
    let coin = BetaBinomial {
        successes: higher.conversions,
        failures: lower.conversions,
        prior,
    };
    let [low, high] = coin
        .odds_interval(alpha)
        .map(|odds| odds * lower.share / higher.share);
    RatioInterval((low, high.is_finite().then_some(high)))
}

/// The interval of θ_h − θ_l: every difference that fits the arms given the outcomes, at some pooled rate that fits the
/// outcomes. Given the pooled rate, the arms are coin flips whose bias the difference fixes, so the evidence against a
/// difference is an e-value as that against none is.
fn difference_interval(contrast: &Contrast, alpha: f64) -> Interval {
    let outcomes = BetaBinomial {
        successes: contrast.conversions(),
        failures: contrast.others(),
        prior: [0.5, 0.5],
    };
    let pooled_odds = outcomes.odds_interval(alpha * ALPHA_SHARE_OF_RATE);
    let log_evidence = log_add(
        contrast.log_evidence_around_mean(),
        contrast.reversed().log_evidence_around_mean(),
    ) - 2_f64.ln();
    let least_log_likelihood_ratio = log_evidence + (alpha * (1.0 - ALPHA_SHARE_OF_RATE)).ln();
    let highest =
        |contrast: &Contrast| highest_difference(contrast, pooled_odds, least_log_likelihood_ratio);
    Interval([-highest(&contrast.reversed()), highest(contrast)])
}

/// The highest θ_h − θ_l at which the log likelihood ratio to no difference reaches `least`, at some pooled rate with odds
/// in `pooled_odds`.
fn highest_difference(contrast: &Contrast, pooled_odds: [f64; 2], least: f64) -> f64 {
    /// Of the width of the pooled rate's interval.
    const PRECISION: f64 = 1e-3;
    let observed = Rate::of_odds((contrast.conversions() + 0.5) / (contrast.others() + 0.5));
    let ends = pooled_odds.map(Rate::of_odds);
    let near = PRECISION * (ends[1].rate - ends[0].rate);
    let highest = ends
        .into_iter()
        .map(|end| {
            let at = |way| highest_difference_at(observed.towards(end, way), contrast, least);
            maximum(0.0, 1.0, near, at).1
        })
        .fold(f64::NEG_INFINITY, f64::max);
    // To the outside, so that the interval misses nothing.
    (highest + near).min(1.0)
}

/// The same at one pooled rate; −∞ when no difference fits there.
fn highest_difference_at(pooled: Rate, contrast: &Contrast, least: f64) -> f64 {
    let Contrast { lower, higher } = contrast;
    let Rate { rate, complement } = pooled;
    // Past these ends an arm's rate would leave 0..=1.
    let lowest = -(rate / lower.share).min(complement / higher.share);
    let highest = (rate / higher.share).min(complement / lower.share);
    if lowest >= highest {
        return if least <= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    // The log likelihood ratio, concave in the difference, and its slope.
    let fit = |difference: f64| {
        let mut value = -least;
        let mut slope = 0.0;
        for (count, pooled, gradient) in [
            (lower.conversions, rate, -higher.share),
            (higher.conversions, rate, lower.share),
            (lower.others, complement, higher.share),
            (higher.others, complement, -lower.share),
        ] {
            if count > 0.0 {
                let change = (gradient * difference / pooled).max(-1.0);
                value += count * change.ln_1p();
                slope += count * gradient / (pooled * (1.0 + change));
            }
        }
        (value, slope)
    };
    let value = |difference: f64| fit(difference).0;
    let observed = (higher.rate() - lower.rate()).clamp(lowest, highest);
    let inside = if value(observed) >= 0.0 {
        observed
    } else {
        maximum(lowest, highest, 0.1, value).0
    };
    if value(inside) < 0.0 {
        f64::NEG_INFINITY
    } else if value(highest) >= 0.0 {
        highest
    } else {
        crossing(inside, highest, fit)
    }
}

/// A rate and 1 − rate, each with all its digits.
#[derive(Debug, Clone, Copy)]
struct Rate {
    rate: f64,
    complement: f64,
}

impl Rate {
    /// For odds of 0..=∞.
    fn of_odds(odds: f64) -> Self {
        Self {
            rate: 1.0 / (1.0 + 1.0 / odds),
            complement: 1.0 / (1.0 + odds),
        }
    }

    /// The rate this part of the way to another.
    fn towards(self, other: Self, part: f64) -> Self {
        let between = |from: f64, to: f64| (1.0 - part) * from + part * to;
        Self {
            rate: between(self.rate, other.rate),
            complement: between(self.complement, other.complement),
        }
    }
}
