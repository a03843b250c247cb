//! Computes a confidence sequence of a share, which covers the share at every look at once.

use std::f64::consts::TAU;

use statrs::function::gamma::ln_gamma;

use crate::numeric::crossing;

/// Trials with two outcomes, each with the same unknown share of successes.
///
/// The likelihood of the trials, averaged over a beta distribution of the share and divided by that at the true share, is a
/// martingale with mean 1. By Ville's inequality it ever reaches 1/α with probability α at most, so the shares at which
/// it stays below are a confidence sequence (Robbins 1970), exact for any share and any counts, 0 included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BetaBinomial {
    pub(crate) successes: f64,
    pub(crate) failures: f64,
    /// The two parameters of the beta distribution. They decide where the interval is narrowest, never whether it holds.
    pub(crate) prior: [f64; 2],
}

impl BetaBinomial {
    /// The interval of the odds successes : failures at level 1 − `alpha`, 0..=∞.
    pub(crate) fn odds_interval(self, alpha: f64) -> [f64; 2] {
        let Self {
            successes,
            failures,
            ..
        } = self;
        // How much less likely than at the observed share the trials may be.
        let margin = -alpha.ln() - self.log_evidence_against_observed();
        [
            1.0 / highest_odds(failures, successes, margin),
            highest_odds(successes, failures, margin),
        ]
    }

    /// The log of the martingale at the observed share, 0 at most.
    ///
    /// Its terms are of the size of ln Γ(trials), its value of that of ln(trials). They are therefore cancelled on paper, with
    /// ln Γ(z) = (z − ½) ln z − z + ½ ln 2π + r(z).
    fn log_evidence_against_observed(self) -> f64 {
        let Self {
            successes,
            failures,
            prior: [a, b],
        } = self;
        let trials = successes + failures;
        let (posterior_a, posterior_b) = (a + successes, b + failures);
        let posterior = posterior_a + posterior_b;
        let log_gain = |count: f64, prior: f64| {
            if count == 0.0 {
                0.0
            } else {
                count * (prior / count).ln_1p()
            }
        };
        let log_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        log_gain(successes, a) + log_gain(failures, b) - log_gain(trials, a + b)
            + (a - 0.5) * (posterior_a / posterior).ln()
            + (b - 0.5) * (posterior_b / posterior).ln()
            - 0.5 * posterior.ln()
            + 0.5 * TAU.ln()
            + stirling_remainder(posterior_a)
            + stirling_remainder(posterior_b)
            - stirling_remainder(posterior)
            - log_beta
    }
}

/// The highest odds of success at which the trials are less likely by `margin` than at the observed share; ∞ without
/// failures.
fn highest_odds(successes: f64, failures: f64, margin: f64) -> f64 {
    if failures == 0.0 {
        return f64::INFINITY;
    }
    if successes == 0.0 {
        return (margin / failures).exp_m1();
    }
    let trials = successes + failures;
    // In the shift of the log-odds away from the observed ones, seen from the rarer outcome, which keeps all digits.
    let (rarer, direction) = if successes <= failures {
        (successes, 1.0)
    } else {
        (failures, -1.0)
    };
    let slack = |shift: f64| {
        let shift = direction * shift;
        let growth = (rarer / trials * shift.exp_m1()).ln_1p();
        (
            margin - trials * growth + rarer * shift,
            direction * rarer * (1.0 - (shift - growth).exp()),
        )
    };
    // The failures alone are less likely by more than the margin here.
    let outside = (margin + trials * (failures / successes).ln_1p()) / failures;
    successes / failures * crossing(0.0, outside, slack).exp()
}

/// ln Γ(z) − ((z − ½) ln z − z + ½ ln 2π), for positive z.
fn stirling_remainder(z: f64) -> f64 {
    /// From here on the series is good to 1e-13.
    const SERIES_FROM: f64 = 20.0;
    if z < SERIES_FROM {
        return ln_gamma(z) - ((z - 0.5) * z.ln() - z + 0.5 * TAU.ln());
    }
    let inverse_square = 1.0 / (z * z);
    (1.0 / 12.0 - inverse_square * (1.0 / 360.0 - inverse_square / 1_260.0)) / z
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds_interval(successes: f64, failures: f64, prior: [f64; 2]) -> [f64; 2] {
        BetaBinomial {
            successes,
            failures,
            prior,
        }
        .odds_interval(0.05)
    }

    /// Expected values: `scipy.special.betaln` and `scipy.optimize.brentq`, scipy 1.17.1.
    #[test]
    fn odds_interval_agrees_with_scipy() {
        for (successes, failures, prior, expected) in [
            (
                3.0,
                3.0,
                [2.0, 2.0],
                [0.093_349_394_673_7, 10.712_442_255_201_2],
            ),
            (
                1.0,
                6.0,
                [1.2, 2.8],
                [0.001_575_944_940_714, 1.720_915_871_612_98],
            ),
            (
                947.0,
                922.0,
                [2.0, 2.0],
                [0.873_450_373_028_15, 1.207_954_985_996_29],
            ),
            (
                40.0,
                160_000.0,
                [0.5, 0.5],
                [0.000_116_321_366_279_18, 0.000_460_113_735_758_93],
            ),
            (0.0, 100.0, [2.0, 2.0], [0.0, 0.110_307_213_620_678]),
        ] {
            let actual = odds_interval(successes, failures, prior);
            for (actual, expected) in actual.into_iter().zip(expected) {
                assert!(
                    (actual - expected).abs() <= 1e-8 * expected,
                    "{successes}, {failures}: {actual} is not {expected}"
                );
            }
        }
    }

    /// The normal approximation of the martingale, for as many trials as double precision can count.
    #[test]
    fn odds_interval_keeps_its_digits_for_huge_counts() {
        let half = 5e14_f64;
        let [lower, upper] = odds_interval(half, half, [2.0, 2.0]);
        // ln M ≈ z²/2 + ln(density of Beta(2, 2) at ½ · √(2π/4n)), and log-odds are 2z/√n wide.
        let log_mixture = (1.5 * (TAU / (4.0 * 2.0 * half)).sqrt()).ln();
        let half_width = 2.0 * (2.0 * (20_f64.ln() - log_mixture)).sqrt() / (2.0 * half).sqrt();
        assert!((upper.ln() / half_width - 1.0).abs() < 1e-6, "{upper:e}");
        assert!((lower.ln() / half_width + 1.0).abs() < 1e-6, "{lower:e}");
    }

    #[test]
    fn odds_interval_is_open_to_the_side_without_counts() {
        assert_eq!(odds_interval(0.0, 0.0, [2.0, 2.0]), [0.0, f64::INFINITY]);
        let [lower, upper] = odds_interval(0.0, 100.0, [2.0, 2.0]);
        assert_eq!(lower, 0.0);
        let [reverse_lower, reverse_upper] = odds_interval(100.0, 0.0, [2.0, 2.0]);
        assert_eq!(reverse_upper, f64::INFINITY);
        assert!((upper * reverse_lower - 1.0).abs() < 1e-12);
    }
}
