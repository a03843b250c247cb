//! What the state machine asks of the function, and what it is answered.

use std::io;

use bulk::{LayoutError, ManifestError, ScoreError, Shard, Unusable};
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bucket::BucketError;

/// What the state machine asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    /// Cut an input into shards.
    Plan {
        /// What the execution was started with: a [`Request`].
        request: Value,
    },
    /// Score one shard.
    Score {
        /// The job's prefix.
        output: String,
        /// The shard, one of `shards.json`.
        shard: Shard,
    },
    /// Add the shards up.
    Finish {
        /// The job's prefix.
        output: String,
        /// How many of a hundred parts may be missing.
        tolerated_failure_percentage: f64,
        /// How many of a hundred records may be rejected; absent from executions that began before this was asked.
        tolerated_reject_percentage: Option<f64>,
    },
    /// Write down what failed, and why.
    NoteFailure {
        /// The key to write it to.
        key: String,
        /// What failed.
        of: Value,
        /// How it failed.
        failure: Failure,
    },
}

/// What an execution is started with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The input.
    pub key: String,
    /// How the input is read where that is not certain: `key:value` pairs as a refusal printed them.
    pub read: Option<String>,
    /// Bytes of each shard; 0 for one shard over all.
    pub shard_bytes: Option<u64>,
    /// Shards that are scored at the same time.
    pub concurrency: Option<u32>,
    /// How many of a hundred parts may be missing.
    pub tolerated_failure_percentage: Option<f64>,
    /// How many of a hundred records may be rejected.
    pub tolerated_reject_percentage: Option<f64>,
}

/// How a state of the machine failed, in the words of Step Functions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failure {
    /// Its name.
    pub error: String,
    /// What the function answered, or a text.
    pub cause: String,
}

/// What is written down of a failure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailureNote {
    /// What failed.
    pub of: Value,
    /// The failure's name.
    pub error: String,
    /// What happened, for people.
    pub message: String,
}

/// What a step answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// A job is ready to be scored.
    Planned {
        output: String,
        shards_key: String,
        concurrency: u32,
        tolerated_failure_percentage: f64,
        tolerated_reject_percentage: f64,
    },
    /// A shard's parts are complete.
    Scored {
        shard: u64,
        rows_in: u64,
        rows_rejected: u64,
        /// Whether they were complete before.
        resumed: bool,
    },
    /// The job is complete, or as complete as is tolerated.
    Finished {
        manifest_key: String,
        rows_in: u64,
        rows_out: u64,
        rows_rejected: u64,
        missing_parts: usize,
    },
    /// The failure is written down.
    Noted { key: String },
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// What was asked for can't be done, however often it is tried.
    #[error("{0}")]
    Refused(String),
    /// The bucket could not be read or written.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// More parts are missing than is tolerated.
    #[error("{missing} of {shards} parts are missing, and {tolerated} % are tolerated: {reasons}")]
    PartsMissing {
        missing: usize,
        shards: u64,
        tolerated: f64,
        reasons: String,
    },
    /// The parts are not those of the job.
    #[error(transparent)]
    Inconsistent(#[from] ManifestError),
    /// The parts are complete, but too many records were rejected. The manifest is written.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// The state machine retries by the name of an error; `Refused`, `PartsMissing`, `Inconsistent` and `Unusable` it does not.
impl From<StepError> for Diagnostic {
    fn from(error: StepError) -> Self {
        let error_type = match &error {
            StepError::Refused(_)
            | StepError::Bucket(BucketError::Missing(_) | BucketError::Changed(_)) => "Refused",
            StepError::Bucket(_) => "BucketFailed",
            StepError::PartsMissing { .. } => "PartsMissing",
            StepError::Inconsistent(_) => "Inconsistent",
            StepError::Unusable(_) => "Unusable",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

impl From<LayoutError> for StepError {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Read(error) => Self::of_io(error),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<ScoreError> for StepError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Read(error) | ScoreError::Write(error) => Self::of_io(error),
            ScoreError::Layout(error) => error.into(),
            error @ ScoreError::QuotedLineBreak(_) => {
                Self::Refused(format!("{error}, with a shard_bytes of 0"))
            }
        }
    }
}

impl StepError {
    /// The bucket's error if it is one; else what comes from the bucket can't be decompressed.
    pub fn of_io(error: io::Error) -> Self {
        match error.downcast() {
            Ok(error) => Self::Bucket(error),
            Err(error) => Self::Refused(format!("the input can't be read: {error}")),
        }
    }
}

impl Failure {
    /// What happened, for people: a function's cause is a document with a message, any other a text.
    pub fn message(&self) -> String {
        let document: Option<Value> = serde_json::from_str(&self.cause).ok();
        let message = document
            .as_ref()
            .and_then(|document| document["errorMessage"].as_str());
        message.unwrap_or(&self.cause).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(cause: &str) -> String {
        let failure = Failure {
            error: "States.TaskFailed".to_owned(),
            cause: cause.to_owned(),
        };
        failure.message()
    }

    #[test]
    fn a_functions_cause_is_told_by_its_message_and_any_other_as_it_is() {
        assert_eq!(
            message(r#"{"errorType":"Refused","errorMessage":"the input is empty"}"#),
            "the input is empty"
        );
        assert_eq!(message("it took too long"), "it took too long");
        assert_eq!(
            message(r#"{"Status":"ABORTED"}"#),
            r#"{"Status":"ABORTED"}"#
        );
    }

    #[test]
    fn what_comes_from_the_bucket_is_the_buckets_and_what_can_not_be_read_is_refused() {
        let missing = io::Error::other(BucketError::Missing("bucket/key".to_owned()));
        let damaged = io::Error::new(io::ErrorKind::InvalidInput, "corrupt deflate stream");
        assert!(matches!(
            StepError::of_io(missing),
            StepError::Bucket(BucketError::Missing(_))
        ));
        assert!(matches!(StepError::of_io(damaged), StepError::Refused(_)));
    }
}
