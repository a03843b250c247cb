//! Reads out and plans A/B experiments on a conversion rate: what happened, how sure that is, and what to do.
//!
//! Three engines read the same relative lift. The frequentist one (Welch's t) is right at a single look that was fixed in
//! advance; the Bayesian one (a normal posterior) gives the chance to win and the cost of being wrong; the sequential
//! one allows for looks at any time, where conversions are many. The numbers are those of GrowthBook's gbstats, statsmodels and
//! scipy.
//!
//! The decision rests on none of them, but on evidence (`anytime`) that treats both arms alike, may be read every day, and
//! keeps its error rate at any conversion rate, without a single conversion in an arm too.
//!
//! Whom to treat, where the effect may differ between users, is read from the same experiment (`policy`).
//!
//! Counts that determine no answer give `None` (null in JSON), never a made-up number: an empty arm has no rate, a
//! control arm without conversions no lift, and an arm in which nobody or everybody converted no standard error, hence
//! no interval and no verdict by the three engines. What else can be said (rates, Wilson intervals, the pooled z test, the
//! sample-ratio check, the evidence and its intervals) is still said.

#![forbid(unsafe_code)]

mod adjust;
mod anytime;
mod beta_binomial;
mod cuped;
mod distributions;
mod effect;
mod evidence;
mod heterogeneity;
mod numeric;
mod observations;
mod policy;
mod power;
mod proportions;
mod readout;
mod request;
mod settings;

pub use adjust::Correction;
pub use anytime::{Anytime, LARGEST_EVIDENCE, RatioInterval};
pub use cuped::{CovariateSums, Cuped, cuped};
pub use effect::{Bayesian, Effect, Estimate, Frequentist, Risk, SEQUENTIAL_TUNING, Sequential};
pub use heterogeneity::{DimensionEffect, Homogeneity};
pub use observations::{
    Assignment, Observation, SegmentEffect, Segmentation, SelectionReadout, read_selection,
};
pub use policy::{
    Curve, CurvePoint, Curves, EffectByScore, FOLDS, NormalEstimate, PolicyDecision,
    PolicyEvaluation, PolicyReadout, PolicyTerms, PolicyValue, Qini, Ranking, Rung, RungReadout,
    Slope, Subject, Subjects, Targetability, Treated,
};
pub use power::{ArmUsers, Plan, PlannedExperiment, Power, TARGET_POWER};
pub use proportions::{ArmReadout, Counts, Interval, PooledZ, SAMPLE_RATIO_ALPHA, SampleRatio};
pub use readout::{Decision, Experiment, Readout};
pub use request::{ArmCounts, ExperimentRequest, PlanRequest, RequestFault};
pub use settings::{Metric, Prior, ReadoutSettings};
