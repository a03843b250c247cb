//! The steps of the state machine in `infra/bulk.asl.json`.
//!
//! A job's objects lie under one prefix, which is derived from the input, its version, the shards' size and the program with
//! its model, nudges and workspace: `job.json` and `shards.json`, which [`Steps::plan`] writes; per shard two parts and, once
//! both are complete, a report, which [`Steps::score`] writes; `manifest.json`, which [`Steps::finish`] writes. So a job that
//! is started again finds what is done, and another job never does.

use std::io::{self, Read};
use std::panic::resume_unwind;

use bulk::folder::number_lines;
use bulk::{Input, Job, Layout, LineBreak, Manifest, Part, Report, Shard};
use engagetrack::Live;
use futures_util::{StreamExt, TryStreamExt, stream};
use reader::Confirmed;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::bucket::{Bucket, BucketError, Object};
use crate::event::{Answer, Event, Failure, FailureNote, Request, StepError};
use crate::reader::{ObjectBytes, ObjectReader};
use crate::writer::ObjectWriter;

/// Where inputs lie in the bucket.
const INPUTS: &str = "bulk/in/";

/// Where the parts of all jobs lie.
const OUTPUTS: &str = "bulk/out/";

/// Inputs up to this size are read once more before they are scored, so that rejects can name lines: less than two minutes.
const NUMBERED_BYTES: u64 = 4 << 30;

/// Reports that are fetched at the same time.
const CONCURRENT_READS: usize = 32;

/// Missing parts of which the reason is told; the others are counted.
const REASONS: usize = 5;

/// What an execution does where its request says nothing else.
#[derive(Debug)]
pub(crate) struct Defaults {
    shard_bytes: u64,
    concurrency: u32,
    tolerated_failure_percentage: f64,
    tolerated_reject_percentage: f64,
}

/// An environment variable is missing or not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{name} must be {wanted}")]
pub(crate) struct VariableError {
    name: &'static str,
    wanted: &'static str,
}

/// The steps, on one bucket.
pub(crate) struct Steps {
    live: Live,
    bucket: Bucket,
    defaults: Defaults,
}

impl Steps {
    /// The steps on the bucket that `BULK_BUCKET` names, with the defaults of the environment.
    pub async fn from_env(live: Live) -> Result<Self, VariableError> {
        let bucket = variable("BULK_BUCKET", "the name of the bulk bucket")?;
        Ok(Self {
            live,
            bucket: Bucket::connect(bucket).await,
            defaults: Defaults {
                shard_bytes: variable("BULK_SHARD_BYTES", "a number of bytes")?,
                concurrency: variable("BULK_CONCURRENCY", "a number of shards")?,
                tolerated_failure_percentage: variable(
                    "BULK_TOLERATED_FAILURE_PERCENTAGE",
                    "a percentage",
                )?,
                tolerated_reject_percentage: variable(
                    "BULK_TOLERATED_REJECT_PERCENTAGE",
                    "a percentage",
                )?,
            },
        })
    }

    /// Does one step.
    pub async fn take(&self, event: Event) -> Result<Answer, StepError> {
        match event {
            Event::Plan { request } => self.plan(request).await,
            Event::Score { output, shard } => self.score(output, shard).await,
            Event::Finish {
                output,
                tolerated_failure_percentage,
                tolerated_reject_percentage,
            } => {
                let rejects = tolerated_reject_percentage
                    .unwrap_or(self.defaults.tolerated_reject_percentage);
                self.finish(output, tolerated_failure_percentage, rejects)
                    .await
            }
            Event::NoteFailure { key, of, failure } => self.note_failure(key, of, failure).await,
        }
    }

    async fn plan(&self, request: Value) -> Result<Answer, StepError> {
        let request = self.checked(request)?;
        let shard_bytes = request.shard_bytes.unwrap_or(self.defaults.shard_bytes);
        let object = self.bucket.look_up(&request.key).await?;
        let input = Input {
            name: object.key.clone(),
            bytes: object.bytes,
            version: object.version.clone(),
        };
        let bytes = self.bytes(object.clone());
        let live = self.live.clone();
        let confirmed = Confirmed::parse(request.read.as_deref().unwrap_or_default());
        let confirmed = confirmed.map_err(|error| StepError::Refused(format!("read {error}")))?;
        let layout = blocking(move || Layout::read(live.view(), &bytes, &confirmed)).await?;
        let job = Job::new(
            self.live.view(),
            input,
            layout,
            (shard_bytes > 0).then_some(shard_bytes),
        );
        let shards = self.numbered_shards(&job, object).await?;
        let name = request.key.trim_start_matches(INPUTS);
        let output = format!("{OUTPUTS}{name}/{}", &job.fingerprint()[..16]);
        let shards_key = format!("{output}/shards.json");
        self.bucket
            .write_json(&format!("{output}/job.json"), &job)
            .await?;
        self.bucket.write_json(&shards_key, &shards).await?;
        tracing::info!(output, shards = shards.len(), "planned");
        let defaults = &self.defaults;
        Ok(Answer::Planned {
            output,
            shards_key,
            concurrency: request.concurrency.unwrap_or(defaults.concurrency),
            tolerated_failure_percentage: request
                .tolerated_failure_percentage
                .unwrap_or(defaults.tolerated_failure_percentage),
            tolerated_reject_percentage: request
                .tolerated_reject_percentage
                .unwrap_or(defaults.tolerated_reject_percentage),
        })
    }

    /// The shards, with the numbers of their lines where the input is small enough to be read for that.
    async fn numbered_shards(&self, job: &Job, object: Object) -> Result<Vec<Shard>, StepError> {
        let mut shards: Vec<Shard> = job.shards().collect();
        if shards.len() > 1 && object.bytes <= NUMBERED_BYTES {
            let ends: Vec<u64> = shards.iter().filter_map(|shard| shard.end).collect();
            let body = job.layout.body;
            let line_break = job.layout.line_break;
            let reader = self.reader(object.clone(), body..object.bytes);
            let line_breaks = blocking(move || line_breaks(reader, line_break, body, &ends)).await;
            number_lines(&mut shards, job, &line_breaks.map_err(StepError::of_io)?);
        }
        Ok(shards)
    }

    fn checked(&self, request: Value) -> Result<Request, StepError> {
        let request: Request = serde_json::from_value(request).map_err(|error| {
            StepError::Refused(format!("the execution's input is wrong: {error}"))
        })?;
        if !request.key.starts_with(INPUTS) {
            return Err(StepError::Refused(format!("key must begin with {INPUTS}")));
        }
        if request.concurrency == Some(0) {
            return Err(StepError::Refused(
                "concurrency must be at least 1".to_owned(),
            ));
        }
        for (name, percentage) in [
            (
                "tolerated_failure_percentage",
                request.tolerated_failure_percentage,
            ),
            (
                "tolerated_reject_percentage",
                request.tolerated_reject_percentage,
            ),
        ] {
            if percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
                return Err(StepError::Refused(format!(
                    "{name} must be between 0 and 100"
                )));
            }
        }
        Ok(request)
    }

    async fn score(&self, output: String, shard: Shard) -> Result<Answer, StepError> {
        let job = self.job(&output).await?;
        let (report, resumed) = match self.complete_report(&output, &job, &shard).await? {
            Some(report) => (report, true),
            None => (self.score_anew(&output, job, &shard).await?, false),
        };
        tracing::info!(
            output,
            shard = shard.index,
            rows = report.rows_in,
            resumed,
            "scored"
        );
        Ok(Answer::Scored {
            shard: shard.index,
            rows_in: report.rows_in,
            rows_rejected: report.rows_rejected,
            resumed,
        })
    }

    /// Reads a shard, writes its parts, and then its report.
    async fn score_anew(&self, output: &str, job: Job, shard: &Shard) -> Result<Report, StepError> {
        let object = Object {
            key: job.input.name.clone(),
            bytes: job.input.bytes,
            version: job.input.version.clone(),
        };
        let input = self.bytes(object);
        let mut results = self.writer(format!("{output}/{}", job.results_name(shard)));
        let mut rejects = self.writer(format!("{output}/{}", shard.rejects_name()));
        let scored = shard.clone();
        let live = self.live.clone();
        let (report, results, rejects) = blocking(move || {
            let view = live.view();
            let report = bulk::score(
                view,
                &job,
                &scored,
                &input,
                &mut results,
                &mut rejects,
                |_| {},
            );
            (report, results, rejects)
        })
        .await;
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                results.abort().await;
                rejects.abort().await;
                return Err(error.into());
            }
        };
        results.finish().await?;
        rejects.finish().await?;
        let key = format!("{output}/{}", shard.report_name());
        self.bucket.write_json(&key, &report).await?;
        Ok(report)
    }

    async fn finish(
        &self,
        output: String,
        tolerated: f64,
        tolerated_rejects: f64,
    ) -> Result<Answer, StepError> {
        let job = &self.job(&output).await?;
        let prefix = &output;
        let reports = stream::iter(job.shards())
            .map(async |shard| self.complete_report(prefix, job, &shard).await)
            .buffer_unordered(CONCURRENT_READS)
            .try_filter_map(async |report| Ok(report))
            .try_collect::<Vec<Report>>()
            .await?;
        let manifest = Manifest::of(self.live.view(), job, reports)?;
        let missing = manifest.missing.len();
        if missing as f64 * 100.0 > tolerated * manifest.shards as f64 {
            return Err(StepError::PartsMissing {
                missing,
                shards: manifest.shards,
                tolerated,
                reasons: self.reasons(&output, &manifest.missing).await?,
            });
        }
        let manifest_key = format!("{output}/manifest.json");
        self.bucket
            .write(&manifest_key, "application/json", manifest.to_json())
            .await?;
        manifest.judge(tolerated_rejects)?;
        tracing::info!(manifest_key, rows = manifest.rows_in, missing, "finished");
        Ok(Answer::Finished {
            manifest_key,
            rows_in: manifest.rows_in,
            rows_out: manifest.rows_out,
            rows_rejected: manifest.rows_rejected,
            missing_parts: missing,
        })
    }

    /// Why parts are missing, a sentence each.
    async fn reasons(&self, output: &str, missing: &[u64]) -> Result<String, StepError> {
        let mut reasons = Vec::new();
        for shard in missing.iter().take(REASONS) {
            let note: Option<FailureNote> =
                self.bucket.read_json(&failure_key(output, *shard)).await?;
            let message = note.map_or("it was not scored".to_owned(), |note| note.message);
            reasons.push(format!("shard {shard}: {message}"));
        }
        if missing.len() > REASONS {
            reasons.push(format!("and {} more", missing.len() - REASONS));
        }
        Ok(reasons.join("; "))
    }

    async fn note_failure(
        &self,
        key: String,
        of: Value,
        failure: Failure,
    ) -> Result<Answer, StepError> {
        let note = FailureNote {
            of,
            message: failure.message(),
            error: failure.error,
        };
        self.bucket.write_json(&key, &note).await?;
        Ok(Answer::Noted { key })
    }

    /// The job of a prefix, if this very program would plan it the same.
    async fn job(&self, output: &str) -> Result<Job, StepError> {
        let key = format!("{output}/job.json");
        let written: Option<Value> = self.bucket.read_json(&key).await?;
        let written = written.ok_or(BucketError::Missing(key))?;
        // One of another version may have other members.
        let job = serde_json::from_value::<Job>(written).ok();
        let planned = |job: &Job| {
            let (input, layout) = (job.input.clone(), job.layout.clone());
            Job::new(self.live.view(), input, layout, job.shard_bytes) == *job
        };
        let job = job.filter(planned).ok_or_else(|| {
            let reason = "the job was planned by another version of the program, its model, its nudges or its workspace; start it again";
            StepError::Refused(reason.to_owned())
        })?;
        Ok(job)
    }

    /// The report of a shard whose parts are there as the report says.
    async fn complete_report(
        &self,
        output: &str,
        job: &Job,
        shard: &Shard,
    ) -> Result<Option<Report>, StepError> {
        let key = format!("{output}/{}", shard.report_name());
        let Some(report) = self.bucket.read_json::<Report>(&key).await? else {
            return Ok(None);
        };
        let whole = report.job == job.fingerprint()
            && self.has(output, &report.results).await?
            && self.has(output, &report.rejects).await?;
        Ok(whole.then_some(report))
    }

    /// Whether a part is there in its size. It was written with a checksum that S3 verified.
    async fn has(&self, output: &str, part: &Part) -> Result<bool, BucketError> {
        match self
            .bucket
            .look_up(&format!("{output}/{}", part.name))
            .await
        {
            Ok(object) => Ok(object.bytes == part.bytes),
            Err(BucketError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn reader(&self, object: Object, range: std::ops::Range<u64>) -> ObjectReader {
        ObjectReader::new(self.bucket.clone(), object, range, Handle::current())
    }

    fn bytes(&self, object: Object) -> ObjectBytes {
        ObjectBytes::new(self.bucket.clone(), object, Handle::current())
    }

    fn writer(&self, key: String) -> ObjectWriter {
        ObjectWriter::new(self.bucket.clone(), key, Handle::current())
    }
}

/// Where the state machine has a shard's failure noted.
fn failure_key(output: &str, shard: u64) -> String {
    format!("{output}/failures/{shard}.json")
}

/// How many line breaks stand from here to the byte before the first of these ends, from there to the byte before the next, and
/// so on.
fn line_breaks(
    mut input: impl Read,
    line_break: LineBreak,
    mut from: u64,
    ends: &[u64],
) -> io::Result<Vec<u64>> {
    let mut chunk = vec![0; 128 << 10];
    let mut count_until = |end: u64| {
        let mut range = input.by_ref().take(end - 1 - from);
        from = end - 1;
        let mut line_breaks = 0;
        loop {
            match range.read(&mut chunk)? {
                0 => return Ok(line_breaks),
                read => line_breaks += line_break.count(&chunk[..read]),
            }
        }
    };
    ends.iter().map(|end| count_until(*end)).collect()
}

/// Does what may wait on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|ended| resume_unwind(ended.into_panic()))
}

fn variable<T: std::str::FromStr>(
    name: &'static str,
    wanted: &'static str,
) -> Result<T, VariableError> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    let parsed = value.and_then(|value| value.parse().ok());
    parsed.ok_or(VariableError { name, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_counted_from_the_byte_before_a_shard_to_the_byte_before_its_end() {
        // Seven bytes behind a header of two, in shards of three.
        let body = b"a\n\nb\nc\n";
        let counted = line_breaks(&body[..], LineBreak::Lf, 2, &[5, 8, 9]).unwrap();
        assert_eq!(counted, [1, 2, 0]);
    }
}
