//! The command line: `engagetrack-log verify PATH|s3://BUCKET/PREFIX`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;

use futures_util::{StreamExt, TryStreamExt, stream};
use web::usage_log::{Key, Order, Report, Verifier};

use crate::bucket::{Bucket, BucketError};

const USAGE: &str = "usage: engagetrack-log verify PATH|s3://BUCKET/PREFIX";

/// Objects that are fetched at the same time.
const CONCURRENT_READS: usize = 16;

/// A log that could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The command line was not understood.
    #[error("{USAGE}")]
    Usage,
    /// The file could not be read.
    #[error("{path} could not be read: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The bucket could not be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// There was nothing to check.
    #[error("s3://{bucket}/{prefix} holds no objects")]
    Empty {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

/// Runs the command and prints what it found. The exit code is 0 for a sound log, 1 for a faulty one, 2 when it could not
/// be checked.
pub async fn run(arguments: impl Iterator<Item = String>, output: &mut impl Write) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let key = Key::from_variables(|name| std::env::var(name).ok());
    let verified = match &*arguments {
        [verb, target] if verb == "verify" => verify(target, key.clone())
            .await
            .map(|report| (target, report)),
        _ => Err(VerifyError::Usage),
    };
    match verified {
        Ok((target, report)) => {
            let code = if report.fault.is_none() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(1)
            };
            // Whoever closed the output does not want to read it; the exit code still tells.
            let _ = output.write_all(describe(target, &report, key.as_ref()).as_bytes());
            code
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn verify(target: &str, key: Option<Key>) -> Result<Report, VerifyError> {
    match target.strip_prefix("s3://") {
        None => verify_file(target, key),
        Some(place) => {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            verify_bucket(&Bucket::connect(bucket.to_owned()).await, prefix, key).await
        }
    }
}

/// Checks a file, whose lines must stand in their order.
///
/// # Errors
/// When it can't be read.
pub fn verify_file(path: &str, key: Option<Key>) -> Result<Report, VerifyError> {
    let unreadable = |source| VerifyError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut verifier = Verifier::new(Order::AsWritten, key);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        verifier.take(&line, format!("{path}:{number}"));
    }
    Ok(verifier.finish())
}

/// Checks all lines under a prefix, of whatever writers, in whatever order.
///
/// # Errors
/// When the bucket can't be read, or holds nothing there.
pub async fn verify_bucket(
    bucket: &Bucket,
    prefix: &str,
    key: Option<Key>,
) -> Result<Report, VerifyError> {
    let keys = bucket.keys(prefix).await?;
    if keys.is_empty() {
        return Err(VerifyError::Empty {
            bucket: bucket.name().to_owned(),
            prefix: prefix.to_owned(),
        });
    }
    let mut verifier = Verifier::new(Order::Any, key);
    let mut objects = stream::iter(keys)
        .map(async |key| bucket.read(&key).await.map(|content| (key, content)))
        .buffered(CONCURRENT_READS);
    while let Some((key, content)) = objects.try_next().await? {
        for (index, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
            verifier.take(line, format!("{key}:{}", index + 1));
        }
    }
    Ok(verifier.finish())
}

/// What a report says, in sentences.
fn describe(target: &str, report: &Report, key: Option<&Key>) -> String {
    let Report {
        lines,
        repeated,
        chains,
        unauthenticated,
        incomplete,
        fault,
    } = report;
    let mut sentences = vec![match fault {
        Some(fault) => fault.to_string(),
        None => format!("{target}: sound; lines: {lines}, chains: {chains}"),
    }];
    if *repeated > 0 {
        sentences.push(format!("lines delivered more than once: {repeated}"));
    }
    sentences.extend(incomplete.iter().map(|location| {
        format!("{location}: the last line is incomplete, as a crash leaves it; its response had not left")
    }));
    match key {
        _ if *unauthenticated == 0 => {}
        None => sentences
            .push("integrity only: without USAGE_LOG_KEY, hashes were not checked".to_owned()),
        Some(key) => sentences.push(format!(
            "integrity only for lines under another key than {}: {unauthenticated}",
            key.id()
        )),
    }
    sentences.join("\n") + "\n"
}
