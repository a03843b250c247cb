//! All of a job: its reports added up and checked.

use crate::job::{Input, Job};
use crate::layout::ReadAs;
use crate::part::Part;
use crate::reasons::{Reason, Reasons};
use crate::score::{Report, RiskLevels};
use engagetrack::View;
use engagetrack::drift::{BinCounts, Drift};
use engagetrack::expected::{ExpectedPerformance, Scores};
use serde::{Deserialize, Serialize};

/// What a job gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the model that scored.
    pub model_version: String,
    /// The version of the catalogue of nudges.
    pub nudges_version: String,
    /// What was scored.
    pub input: Input,
    /// How it was read.
    #[serde(flatten)]
    pub read_as: ReadAs,
    /// Which job this was: [`Job::fingerprint`].
    pub job: String,
    /// How many shards it has.
    pub shards: u64,
    /// The shards of which there is no part.
    pub missing: Vec<u64>,
    /// Records in the shards that are there; blank lines are none.
    pub rows_in: u64,
    /// Those that were scored.
    pub rows_out: u64,
    /// Those that were not.
    pub rows_rejected: u64,
    /// The most common reasons for which those were not.
    pub reject_reasons: Vec<Reason>,
    /// Those that were scored, by risk.
    pub risk_levels: RiskLevels,
    /// How far those that were scored have drifted from the customers of the training.
    pub drift: Drift,
    /// How the model is expected to perform on those that were scored, from their probabilities alone.
    pub expected_performance: ExpectedPerformance,
    /// The parts, in the order of the shards.
    pub parts: Vec<ManifestPart>,
}

/// The parts of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The shard's position.
    pub shard: u64,
    /// Customers in `results`.
    pub rows_out: u64,
    /// Records in `rejects`.
    pub rows_rejected: u64,
    /// Scored customers.
    pub results: Part,
    /// Records that could not be read, and why.
    pub rejects: Part,
}

/// Why reports are not those of a job.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A report is of another job: another input, cut, model, catalogue of nudges or workspace.
    #[error("the report of shard {0} is of another job")]
    OtherJob(u64),
    /// The job has fewer shards.
    #[error("there is a report of shard {0}, which the job has not")]
    NoSuchShard(u64),
    /// Two reports are of the same shard.
    #[error("there are two reports of shard {0}")]
    Twice(u64),
    /// A report's counts contradict each other.
    #[error("shard {0}: rows in are not rows out and rows rejected, or not all rows were counted")]
    Counts(u64),
}

/// Records that are tolerated to be rejected where nothing else is said, in percent.
pub const TOLERATED_REJECT_PERCENTAGE: f64 = 10.0;

/// Why complete results should not be used as they are.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// There is nothing but a header.
    #[error("the input holds no customers")]
    NoCustomers,
    /// Too many records were rejected, so that the others may not be like all customers; or none was scored.
    #[error(
        "{rejected} of {records} records were rejected, and {tolerated} % are tolerated: {}",
        in_one_line(.faults, .reasons)
    )]
    Rejected {
        /// Records that were rejected.
        rejected: u64,
        /// All records.
        records: u64,
        /// What is tolerated, in percent.
        tolerated: f64,
        /// What is wrong with most values of a column.
        faults: Vec<String>,
        /// The most common reasons.
        reasons: Vec<Reason>,
    },
}

/// What is wrong by columns, then by rows.
fn in_one_line(faults: &[String], reasons: &[Reason]) -> String {
    let reasons = reasons.iter().map(ToString::to_string);
    let all: Vec<String> = faults.iter().cloned().chain(reasons).collect();
    all.join("; ")
}

impl Manifest {
    /// Adds up a job's reports, in any order.
    ///
    /// # Errors
    /// When they are not those of this job or do not add up. Missing ones are no error; they are listed.
    pub fn of(
        view: &View<'_>,
        job: &Job,
        reports: impl IntoIterator<Item = Report>,
    ) -> Result<Self, ManifestError> {
        let fingerprint = job.fingerprint();
        let mut risk_levels = RiskLevels::none(&view.schema);
        let mut bins = BinCounts::new(view.model.features().len());
        let mut scores = Scores::default();
        let (mut rows_in, mut rows_rejected) = (0, 0);
        let mut reasons = Reasons::default();
        let mut parts = Vec::new();
        for report in reports {
            let shard = report.shard;
            if report.job != fingerprint {
                return Err(ManifestError::OtherJob(shard));
            }
            if shard >= job.shard_count() {
                return Err(ManifestError::NoSuchShard(shard));
            }
            let shard_bins = BinCounts::from_names(view, &report.bins)
                .map_err(|_| ManifestError::Counts(shard))?;
            let adds_up = report.rows_in == report.rows_out + report.rows_rejected
                && report.rows_out == report.risk_levels.total()
                && report.rows_out == shard_bins.profiles()
                && report.rows_out == report.scores.customers();
            if !adds_up {
                return Err(ManifestError::Counts(shard));
            }
            rows_in += report.rows_in;
            rows_rejected += report.rows_rejected;
            reasons.add(report.reasons);
            risk_levels.add(&report.risk_levels);
            bins.add(&shard_bins);
            scores.add(&report.scores);
            parts.push(ManifestPart {
                shard,
                rows_out: report.rows_out,
                rows_rejected: report.rows_rejected,
                results: report.results,
                rejects: report.rejects,
            });
        }
        parts.sort_by_key(|part| part.shard);
        if let Some(pair) = parts.windows(2).find(|pair| pair[0].shard == pair[1].shard) {
            return Err(ManifestError::Twice(pair[0].shard));
        }
        let mut there = parts.iter().map(|part| part.shard).peekable();
        let missing = (0..job.shard_count())
            .filter(|shard| there.next_if_eq(shard).is_none())
            .collect();
        Ok(Self {
            model_version: job.model_version.clone(),
            nudges_version: job.nudges_version.clone(),
            input: job.input.clone(),
            read_as: job.layout.read_as.clone(),
            job: fingerprint,
            shards: job.shard_count(),
            missing,
            rows_in,
            rows_out: risk_levels.total(),
            rows_rejected,
            reject_reasons: reasons.most_common(),
            risk_levels,
            drift: bins.drift(view),
            expected_performance: scores.performance(),
            parts,
        })
    }

    /// Checks that the results cover the input: at most this percentage of the records may be rejected, and at least one
    /// customer must have been scored.
    ///
    /// # Errors
    /// When they are not.
    pub fn judge(&self, tolerated_reject_percentage: f64) -> Result<(), Unusable> {
        if self.rows_in == 0 {
            return Err(Unusable::NoCustomers);
        }
        let tolerated = tolerated_reject_percentage * self.rows_in as f64;
        if self.rows_out > 0 && self.rows_rejected as f64 * 100.0 <= tolerated {
            return Ok(());
        }
        Err(Unusable::Rejected {
            rejected: self.rows_rejected,
            records: self.rows_in,
            tolerated: tolerated_reject_percentage,
            faults: self.read_as.faults.clone(),
            reasons: self.reject_reasons.clone(),
        })
    }

    /// The manifest as it is written: JSON with line breaks, the same bytes for the same job.
    ///
    /// # Panics
    /// Never: everything in it is JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        json.push(b'\n');
        json
    }
}
