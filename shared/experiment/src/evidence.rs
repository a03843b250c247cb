//! Weighs the evidence that one arm's rate is above the other's, alike for both arms and valid at any look.
//!
//! Without an effect, the arm of a user says nothing about the outcome, so given the outcome it is a coin flip that shows an
//! arm with that arm's share s of the users. With rates θ it shows arm i with probability s_i θ_i/θ₀ if the user
//! converted and s_i (1 − θ_i)/(1 − θ₀) if not, where θ₀ = s_l θ_l + s_h θ_h. The ratio of the two, multiplied over all users,
//!
//! Λ = (θ_l/θ₀)^x_l ((1−θ_l)/(1−θ₀))^(n_l−x_l) (θ_h/θ₀)^x_h ((1−θ_h)/(1−θ₀))^(n_h−x_h),
//!
//! is a martingale with mean 1 for any fixed pair of rates, whatever the true rate is, and so is its average over
//! pairs. By Ville's inequality such an average ever reaches 1/α with probability α at most. The pairs are a log-odds ratio
//! δ > 0 apart, logit θ = μ ∓ δ/2, and δ is spread by a mixture of half-normal distributions. The centre μ comes from the
//! pooled counts. Those depend on the outcomes alone, so at each look the mean given the outcomes is still exactly 1;
//! that it hardly matters over many looks is checked by simulation.

use crate::numeric::log_integral;
use crate::proportions::Counts;

/// Weights and scales of the half-normal distributions of δ.
const SCALES: [(f64, f64); 2] = [(0.6, 0.2), (0.4, 0.8)];

/// An arm's counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArmTally {
    pub(crate) conversions: f64,
    /// Users who did not convert.
    pub(crate) others: f64,
    /// Expected share of all users.
    pub(crate) share: f64,
}

impl ArmTally {
    pub(crate) fn new(counts: Counts, share: f64) -> Self {
        Self {
            conversions: counts.conversions as f64,
            others: (counts.users - counts.conversions) as f64,
            share,
        }
    }

    /// Conversions per user; ½ without users.
    pub(crate) fn rate(&self) -> f64 {
        if self.conversions + self.others == 0.0 {
            return 0.5;
        }
        self.conversions / (self.conversions + self.others)
    }
}

/// Two arms, the second of which is held to have the higher rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contrast {
    pub(crate) lower: ArmTally,
    pub(crate) higher: ArmTally,
}

/// How the pair of rates is placed.
#[derive(Debug, Clone, Copy)]
enum Centre {
    /// Log-odds δ/2 below and above those of the pooled rate.
    LogOdds,
    /// Such that the mean over the arms, θ₀, is the pooled rate.
    Mean,
}

impl Contrast {
    pub(crate) fn conversions(&self) -> f64 {
        self.lower.conversions + self.higher.conversions
    }

    pub(crate) fn others(&self) -> f64 {
        self.lower.others + self.higher.others
    }

    /// The contrast in the other direction.
    pub(crate) fn reversed(self) -> Self {
        Self {
            lower: self.higher,
            higher: self.lower,
        }
    }

    /// ln E of the higher rate: the statistic that decides.
    pub(crate) fn log_evidence(&self) -> f64 {
        self.log_average(Centre::LogOdds)
    }

    /// The same over pairs with the pooled rate as their mean, among which is the pair of the observed rates when the arms
    /// have their expected shares. Intervals rest on it, because only so they shrink to a point.
    pub(crate) fn log_evidence_around_mean(&self) -> f64 {
        self.log_average(Centre::Mean)
    }

    fn log_average(&self, centre: Centre) -> f64 {
        /// The log-odds ratio past which every pair of rates is 0 and 1 to any number of users.
        const FARTHEST: f64 = 160.0;
        /// Likelihood and prior vary with δ over distances of some tenths, peaks of the likelihood aside.
        const STEP: f64 = 0.25;
        /// Logs of what is left out lie this much below the rest.
        const NEGLIGIBLE: f64 = 45.0;
        let (_, widest) = SCALES[1];
        let end = widest * (2.0 * (self.most_log_likelihood_ratio() + NEGLIGIBLE)).sqrt();
        log_integral(end.min(FARTHEST), STEP, |delta| {
            log_density(delta) + self.log_likelihood_ratio(self.odds(centre, delta), delta)
        })
    }

    /// ln Λ for rates with log-odds ln `odds` ∓ `delta`/2.
    fn log_likelihood_ratio(&self, odds: f64, delta: f64) -> f64 {
        let Self { lower, higher } = self;
        // 2 sinh(δ/2) and exp(−δ/2)
        let growth = (0.5 * delta).exp_m1();
        let shrinkage = 1.0 / (1.0 + growth);
        let gap = growth + growth * shrinkage;
        // θ_h/θ_l − 1 and (1 − θ_l)/(1 − θ_h) − 1. Written with them, no digits are lost where δ is small.
        let more_conversions = gap / (odds + shrinkage);
        let more_others = gap / (1.0 / odds + shrinkage);
        higher.conversions * more_conversions.ln_1p()
            - self.conversions() * (higher.share * more_conversions).ln_1p()
            + lower.others * more_others.ln_1p()
            - self.others() * (lower.share * more_others).ln_1p()
    }

    /// An upper bound of ln Λ over all rates.
    fn most_log_likelihood_ratio(&self) -> f64 {
        let divergence = |lower: f64, higher: f64| {
            [(lower, self.lower.share), (higher, self.higher.share)]
                .into_iter()
                .filter(|(count, _)| *count > 0.0)
                .map(|(count, share)| count * (count / (lower + higher) / share).ln())
                .sum::<f64>()
        };
        let conversions = divergence(self.lower.conversions, self.higher.conversions);
        (conversions + divergence(self.lower.others, self.higher.others)).max(0.0)
    }

    /// exp μ
    fn odds(&self, centre: Centre, delta: f64) -> f64 {
        let (conversions, others) = (self.conversions() + 0.5, self.others() + 0.5);
        match centre {
            Centre::LogOdds => conversions / others,
            Centre::Mean => {
                // s_l θ_l + s_h θ_h = rate is a quadratic equation in the odds.
                let users = conversions + others;
                let (rate, complement) = (conversions / users, others / users);
                let root = (0.5 * delta).exp();
                let linear = (self.lower.share - rate) + (self.higher.share - rate) * root * root;
                let discriminant = linear.hypot(2.0 * (rate * complement).sqrt() * root);
                if linear > 0.0 {
                    2.0 * rate * root / (discriminant + linear)
                } else {
                    (discriminant - linear) / (2.0 * complement * root)
                }
            }
        }
    }
}

/// Log density of δ.
fn log_density(delta: f64) -> f64 {
    // Two half-normal densities of scales 0.2 and 0.8, the wider one taken out.
    let [(narrow_weight, narrow), (wide_weight, wide)] = SCALES;
    let squares = 0.5 * delta * delta;
    let ratio = narrow_weight / narrow / (wide_weight / wide)
        * (squares * (1.0 / (wide * wide) - 1.0 / (narrow * narrow))).exp();
    const LOG_HALF_NORMAL: f64 = -0.225_791_352_644_727_4; // ln √(2/π)
    LOG_HALF_NORMAL + (wide_weight / wide).ln() + ratio.ln_1p() - squares / (wide * wide)
}
