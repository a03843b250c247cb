//! Estimates the effect of a treatment on a mean by three engines: frequentist, Bayesian and sequential.
//!
//! Closed forms of GrowthBook's gbstats 0.8. With m the means, v the variances and n the users of control A and
//! treatment B, the relative lift is (m_B − m_A)/|m_A| with the delta method's variance
//! v_B/n_B/m_A² + v_A/n_A · m_B²/m_A⁴.

use serde::Serialize;
use utoipa::ToSchema;

use crate::distributions::{
    normal_density, normal_upper_quantile, normal_upper_tail, student_two_sided_p,
    student_two_sided_quantile,
};
use crate::proportions::{Counts, Interval};
use crate::settings::{Prior, ReadoutSettings};

/// Users at which gbstats' always-valid interval is tightest, relative to a fixed-horizon one.
pub const SEQUENTIAL_TUNING: f64 = 5_000.0;

/// An effect's size. What the data do not determine is null: everything when an arm is empty; the lift when no control
/// user converted; error and interval when an arm has no variance, that is when none or all of its users converted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct Estimate {
    /// Point estimate, treatment against control.
    pub estimate: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Welch's confidence interval at level 1 − α.
    pub interval: Option<Interval>,
}

/// Welch's t test of the relative lift against 0, valid at one look that was fixed in advance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Frequentist {
    /// Lift over its standard error.
    pub statistic: f64,
    /// Welch–Satterthwaite degrees of freedom.
    pub degrees_of_freedom: f64,
    /// Two-sided p value.
    pub p_value: f64,
    /// Confidence interval of the lift at level 1 − α.
    pub interval: Interval,
    /// Whether the p value is below α.
    pub significant: bool,
}

/// The normal posterior of the relative lift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Bayesian {
    /// Posterior mean of the lift.
    pub mean: f64,
    /// Posterior standard deviation of the lift.
    pub standard_deviation: f64,
    /// Credible interval of the lift at level 1 − α.
    pub interval: Interval,
    /// Posterior probability that the treatment is better than control.
    pub chance_to_win: f64,
    /// What choosing an arm would cost on average.
    pub risk: Risk,
}

/// Expected loss, in lift, of choosing an arm: the mean over the posterior of how much worse it is where it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Risk {
    /// Loss of staying with control.
    pub control: f64,
    /// Loss of choosing the treatment.
    pub treatment: f64,
}

/// gbstats' always-valid reading of the relative lift (Waudby-Smith et al. 2023, arXiv:2103.06476v7, equations 9, 155 and 161).
///
/// It rests on many conversions. At rates of some 2% and less it finds improvements that are not there more often than promised, as
/// the lift's standard error shrinks with the treatment's count; so no decision rests on it, but on `anytime`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Sequential {
    /// Always-valid p value.
    pub p_value: f64,
    /// Always-valid confidence interval of the lift at level 1 − α.
    pub interval: Interval,
    /// Whether the interval excludes 0.
    pub significant: bool,
}

/// The effect of the treatment, by every engine. The engines are null together, whenever the lift or its standard error is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Effect {
    /// Difference of the rates, treatment minus control.
    pub absolute_difference: Estimate,
    /// Difference of the rates over control's rate.
    pub relative_lift: Estimate,
    /// Welch's t test of the lift.
    pub frequentist: Option<Frequentist>,
    /// Normal posterior of the lift.
    pub bayesian: Option<Bayesian>,
    /// gbstats' always-valid interval of the lift, for many conversions.
    pub sequential: Option<Sequential>,
}

/// One arm's mean, as the engines need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) users: f64,
    /// Mean, adjusted by the covariate where there is one.
    pub(crate) mean: f64,
    /// Mean before any adjustment: what lifts are relative to.
    pub(crate) unadjusted_mean: f64,
    /// Variance of one user.
    pub(crate) variance: f64,
}

impl Sample {
    /// The arm's conversion rate with variance p(1−p); none without users.
    pub(crate) fn of_counts(counts: Counts) -> Option<Self> {
        let rate = counts.rate()?;
        Some(Self {
            users: counts.users as f64,
            mean: rate,
            unadjusted_mean: rate,
            variance: rate * (1.0 - rate),
        })
    }

    /// Squared standard error of the mean.
    pub(crate) fn squared_error(self) -> f64 {
        self.variance / self.users
    }
}

/// The effect between two arms, either of which may be empty.
pub(crate) fn effect(
    control: Option<Sample>,
    treatment: Option<Sample>,
    settings: &ReadoutSettings,
) -> Effect {
    let (Some(control), Some(treatment)) = (control, treatment) else {
        return Effect::default();
    };
    let difference = treatment.mean - control.mean;
    let baseline = control.unadjusted_mean;
    let lift = (baseline != 0.0).then(|| difference / baseline);
    if control.variance <= 0.0 || treatment.variance <= 0.0 {
        let without_error = |estimate| Estimate {
            estimate,
            ..Estimate::default()
        };
        return Effect {
            absolute_difference: without_error(Some(difference)),
            relative_lift: without_error(lift),
            ..Effect::default()
        };
    }

    let degrees_of_freedom = welch_degrees_of_freedom(control, treatment);
    let critical = student_two_sided_quantile(settings.alpha, degrees_of_freedom);
    let welch_estimate = |estimate: f64, standard_error: f64| Estimate {
        estimate: Some(estimate),
        standard_error: Some(standard_error),
        interval: Some(Interval::around(estimate, critical * standard_error)),
    };
    let absolute_difference = welch_estimate(
        difference,
        (treatment.squared_error() + control.squared_error()).sqrt(),
    );
    let Some(lift) = lift else {
        return Effect {
            absolute_difference,
            ..Effect::default()
        };
    };

    let relative_mean = treatment.unadjusted_mean / baseline;
    let standard_error = (treatment.squared_error()
        + control.squared_error() * relative_mean * relative_mean)
        .sqrt()
        / baseline;
    Effect {
        absolute_difference,
        relative_lift: welch_estimate(lift, standard_error),
        frequentist: Some(frequentist(
            lift,
            standard_error,
            degrees_of_freedom,
            critical,
            settings.alpha,
        )),
        bayesian: Some(bayesian(lift, standard_error, settings)),
        sequential: Some(sequential(
            lift,
            standard_error,
            control.users + treatment.users,
            settings.alpha,
        )),
    }
}

fn welch_degrees_of_freedom(a: Sample, b: Sample) -> f64 {
    let (a_error, b_error) = (a.squared_error(), b.squared_error());
    // Squares of shares of the sum rather than of the errors themselves, which could underflow.
    let (a_share, b_share) = (a_error / (a_error + b_error), b_error / (a_error + b_error));
    1.0 / (a_share * a_share / (a.users - 1.0) + b_share * b_share / (b.users - 1.0))
}

fn frequentist(
    lift: f64,
    standard_error: f64,
    degrees_of_freedom: f64,
    critical: f64,
    alpha: f64,
) -> Frequentist {
    let statistic = lift / standard_error;
    let p_value = student_two_sided_p(statistic, degrees_of_freedom);
    Frequentist {
        statistic,
        degrees_of_freedom,
        p_value,
        interval: Interval::around(lift, critical * standard_error),
        significant: p_value < alpha,
    }
}

fn bayesian(lift: f64, standard_error: f64, settings: &ReadoutSettings) -> Bayesian {
    let (mean, standard_deviation) = posterior(lift, standard_error, settings.prior);
    let favourable_z = settings.metric.improvement_sign() * mean / standard_deviation;
    Bayesian {
        mean,
        standard_deviation,
        interval: Interval::around(
            mean,
            normal_upper_quantile(settings.alpha / 2.0) * standard_deviation,
        ),
        chance_to_win: normal_upper_tail(-favourable_z),
        risk: Risk {
            control: expected_excess(favourable_z) * standard_deviation,
            treatment: expected_excess(-favourable_z) * standard_deviation,
        },
    }
}

/// Mean and standard deviation of the posterior: precision-weighted with a proper prior, the data alone with a flat one.
fn posterior(lift: f64, standard_error: f64, prior: Prior) -> (f64, f64) {
    if !prior.proper {
        return (lift, standard_error);
    }
    let data_precision = standard_error.powi(-2);
    let prior_precision = prior.sd.powi(-2);
    let precision = data_precision + prior_precision;
    let mean = (lift * data_precision + prior.mean * prior_precision) / precision;
    (mean, precision.powf(-0.5))
}

/// E[max(X, 0)] of a normal X with mean `z` and standard deviation 1: φ(z) + zΦ(z), which rounding may push below 0 far
/// in the tail.
fn expected_excess(z: f64) -> f64 {
    (normal_density(z) + z * normal_upper_tail(-z)).max(0.0)
}

fn sequential(lift: f64, standard_error: f64, users: f64, alpha: f64) -> Sequential {
    let two_log = -2.0 * alpha.ln();
    let rho_squared = (two_log + (two_log + 1.0).ln()) / SEQUENTIAL_TUNING;
    let growth = users * rho_squared;
    let half_width = standard_error
        * (2.0 * (growth + 1.0) * (0.5 * growth.ln_1p() - alpha.ln()) / growth).sqrt();
    let z_squared = (lift / standard_error).powi(2);
    let log_e_value = growth * z_squared / (2.0 * (growth + 1.0)) - 0.5 * growth.ln_1p();
    let interval = Interval::around(lift, half_width);
    Sequential {
        p_value: (-log_e_value).exp().min(1.0),
        interval,
        significant: interval.excludes_zero(),
    }
}
