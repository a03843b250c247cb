//! Checks the lines of a usage log, in files or in a bucket.

use std::fs::File;
use std::io;
#[cfg(feature = "s3")]
use std::io::Write;

#[cfg(feature = "s3")]
use futures_util::{StreamExt, TryStreamExt, stream};
use web::usage_log::{Report, Verifier};

#[cfg(feature = "s3")]
use crate::bucket::{Bucket, BucketError};

/// Objects that are opened at the same time.
#[cfg(feature = "s3")]
const CONCURRENT_READS: usize = 16;

/// Reads a file, whose lines must stand in their order.
///
/// # Errors
/// When it can't be read.
pub fn read_file(verifier: &mut Verifier, path: &str) -> io::Result<()> {
    verifier.read(path, File::open(path)?)
}

/// Reads all lines under a prefix, of any writers, in any order.
///
/// # Errors
/// When the bucket can't be read.
#[cfg(feature = "s3")]
pub async fn read_bucket(
    verifier: &mut Verifier,
    bucket: &Bucket,
    prefix: &str,
) -> Result<(), BucketError> {
    let keys = bucket.keys(prefix).await?;
    let mut objects = stream::iter(keys)
        .map(async |key| bucket.open(&key).await.map(|content| (key, content)))
        .buffered(CONCURRENT_READS);
    while let Some((key, mut content)) = objects.try_next().await? {
        let mut source = verifier.source(&key);
        while let Some(chunk) = content.next().await? {
            // A source takes everything.
            let _ = source.write_all(chunk.as_ref());
        }
        source.end();
    }
    Ok(())
}

/// What a report says of the log with this name, in sentences, and its heads. It is proof where a key was checked.
pub fn describe(name: &str, report: &Report, is_proof: bool) -> String {
    let mut lines = Vec::new();
    lines.push(match (&report.fault, is_proof) {
        (Some(fault), _) if fault.location.is_some() => fault.to_string(),
        (Some(fault), _) => format!("{name}: {fault}"),
        (None, true) => format!(
            "{name}: sound; lines: {}, chains: {}",
            report.lines,
            report.heads.len()
        ),
        (None, false) => format!(
            "{name}: integrity only; lines: {}, chains: {}\nThe lines fit together. That shows no accidental damage; \
            it does not show who wrote them, because anybody can write lines that fit together.",
            report.lines,
            report.heads.len()
        ),
    });
    if report.repeated > 0 {
        lines.push(format!(
            "lines delivered more than once: {}",
            report.repeated
        ));
    }
    lines.extend(report.incomplete.iter().map(|location| {
        format!("{location}: the last line is incomplete, as a crash leaves it; its response was never sent")
    }));
    if report.fault.is_none() {
        lines.extend(report.heads.iter().map(|head| format!("head {head}")));
    }
    lines.join("\n") + "\n"
}
