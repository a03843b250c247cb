//! The command line: `engagetrack-log verify PATH... | s3://BUCKET/PREFIX`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use futures_util::{StreamExt, TryStreamExt, stream};
use web::usage_log::{Check, Head, Key, Order, Report, Verifier};

use crate::bucket::{Bucket, BucketError};

const USAGE: &str = "usage: engagetrack-log verify PATH... [OPTIONS]
       engagetrack-log verify s3://BUCKET/PREFIX [OPTIONS]

Checks that each line of a usage log was sealed with one of its keys, that nothing is missing between the lines of a chain, and
that there is a line at all. USAGE_LOG_KEY holds the key, USAGE_LOG_KEY_ID its id where it has one of its own. Prints the head of
each chain: keep them elsewhere, and a later --expect shows whether the log was cut.
  --also-key ID=FILE  accept lines of a former key too, which is read from FILE
  --expect HEAD       have the log hold this head, which an earlier run printed; may be repeated
  --integrity-only    check without a key that the lines fit together; anybody can write lines that do
  --help              print this

The exit code is 0 for a sound log, 1 for a faulty one, 2 when it could not be checked.";

/// Objects that are opened at the same time.
const CONCURRENT_READS: usize = 16;

/// Most bytes of a key's file.
const LONGEST_KEY: u64 = 64 << 10;

/// A log that could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The command line was not understood.
    #[error("{0}\n\n{USAGE}")]
    Usage(String),
    /// There is no key to check with.
    #[error(
        "USAGE_LOG_KEY is not set. Without the log's key nobody can tell a genuine line from a forged one; \
        --integrity-only checks the rest."
    )]
    NoKey,
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
}

impl VerifyError {
    fn of_file(path: &str) -> impl Fn(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// What the command line asks for.
enum Command {
    Help,
    Verify(Task),
}

struct Task {
    log: Log,
    check: Check,
    expected: Vec<Head>,
}

/// Where the lines are.
enum Log {
    Files(Vec<String>),
    Bucket { name: String, prefix: String },
}

/// Runs the command and prints what it found. The exit code is 0 for a sound log, 1 for a faulty one, 2 when it could not
/// be checked.
pub async fn run(arguments: impl Iterator<Item = OsString>, output: &mut impl Write) -> ExitCode {
    let done = match command(arguments) {
        Ok(Command::Help) => Ok((format!("{USAGE}\n"), ExitCode::SUCCESS)),
        Ok(Command::Verify(task)) => verify(task).await,
        Err(error) => Err(error),
    };
    match done {
        Ok((text, code)) => {
            // Whoever closed the output does not want to read it; the exit code still tells.
            let _ = output.write_all(text.as_bytes());
            code
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn command(arguments: impl Iterator<Item = OsString>) -> Result<Command, VerifyError> {
    use lexopt::prelude::*;
    let usage = |error: lexopt::Error| VerifyError::Usage(error.to_string());
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut verb, mut targets) = (None, Vec::new());
    let (mut former, mut expected, mut integrity_only) = (Vec::new(), Vec::new(), false);
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("integrity-only") => integrity_only = true,
            Long("also-key") => {
                let value = parser.value().and_then(ValueExt::string).map_err(usage)?;
                former.push(value);
            }
            Long("expect") => {
                let value = parser.value().and_then(ValueExt::string).map_err(usage)?;
                expected.push(value.parse().map_err(VerifyError::Usage)?);
            }
            Value(value) if verb.is_none() => verb = Some(value),
            Value(value) => targets.push(value.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    if verb.is_none_or(|verb| verb != "verify") {
        return Err(VerifyError::Usage("expected the command verify".to_owned()));
    }
    let check = match (integrity_only, former.is_empty()) {
        (true, true) => Check::Integrity,
        (true, false) => {
            let reason = "--integrity-only takes no key";
            return Err(VerifyError::Usage(reason.to_owned()));
        }
        (false, _) => {
            let mut keys = Vec::from_iter(Key::from_variables(|name| std::env::var(name).ok()));
            for argument in &former {
                keys.push(former_key(argument)?);
            }
            if keys.is_empty() {
                return Err(VerifyError::NoKey);
            }
            Check::Authenticity(keys)
        }
    };
    Ok(Command::Verify(Task {
        log: log(targets)?,
        check,
        expected,
    }))
}

/// Reads the key that `ID=FILE` names. Line ends after the secret are no part of it.
fn former_key(argument: &str) -> Result<Key, VerifyError> {
    let Some((id, path)) = argument.split_once('=').filter(|(id, _)| Key::is_id(id)) else {
        let reason = format!("--also-key must be ID=FILE, got {argument:?}");
        return Err(VerifyError::Usage(reason));
    };
    let unreadable = VerifyError::of_file(path);
    let mut secret = Vec::new();
    let file = File::open(path).map_err(&unreadable)?;
    file.take(LONGEST_KEY)
        .read_to_end(&mut secret)
        .map_err(&unreadable)?;
    let secret = secret.trim_ascii_end();
    if secret.is_empty() {
        return Err(unreadable(io::Error::other("it holds no key")));
    }
    Ok(Key::new(secret, Some(id)))
}

fn log(targets: Vec<String>) -> Result<Log, VerifyError> {
    let in_a_bucket = |target: &&String| target.starts_with("s3://");
    match (&*targets, targets.iter().filter(in_a_bucket).count()) {
        ([], _) => Err(VerifyError::Usage(
            "expected a path or s3://BUCKET/PREFIX".to_owned(),
        )),
        (_, 0) => Ok(Log::Files(targets)),
        ([target], 1) => {
            let place = &target["s3://".len()..];
            let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
            Ok(Log::Bucket {
                name: name.to_owned(),
                prefix: prefix.to_owned(),
            })
        }
        _ => Err(VerifyError::Usage(
            "expected files or one place in a bucket".to_owned(),
        )),
    }
}

async fn verify(task: Task) -> Result<(String, ExitCode), VerifyError> {
    let is_proof = matches!(task.check, Check::Authenticity(_));
    let order = match task.log {
        Log::Files(_) => Order::AsWritten,
        Log::Bucket { .. } => Order::Any,
    };
    let mut verifier = Verifier::new(order, task.check);
    task.expected
        .into_iter()
        .for_each(|head| verifier.expect(head));
    let name = match task.log {
        Log::Files(paths) => {
            for path in &paths {
                read_file(&mut verifier, path)?;
            }
            paths.join(", ")
        }
        Log::Bucket { name, prefix } => {
            let bucket = Bucket::connect(name).await;
            read_bucket(&mut verifier, &bucket, &prefix).await?;
            format!("s3://{}/{prefix}", bucket.name())
        }
    };
    let report = verifier.finish();
    let code = match report.fault {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(1),
    };
    Ok((describe(&name, &report, is_proof), code))
}

/// Reads a file, whose lines must stand in their order.
///
/// # Errors
/// When it can't be read.
pub fn read_file(verifier: &mut Verifier, path: &str) -> Result<(), VerifyError> {
    let file = File::open(path).map_err(VerifyError::of_file(path))?;
    verifier
        .read(path, file)
        .map_err(VerifyError::of_file(path))
}

/// Reads all lines under a prefix, of any writers, in any order.
///
/// # Errors
/// When the bucket can't be read.
pub async fn read_bucket(
    verifier: &mut Verifier,
    bucket: &Bucket,
    prefix: &str,
) -> Result<(), VerifyError> {
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

/// What a report says, in sentences, and its heads.
fn describe(name: &str, report: &Report, is_proof: bool) -> String {
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
