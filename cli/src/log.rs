//! `engagetrack log`: what can be done with a usage log.

use crate::output::{self, FAILED, USAGE};
use archive::verify::{describe, read_file};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use web::usage_log::{Check, Head, Key, Order, Verifier};

/// Most bytes of a key's file.
const LONGEST_KEY: u64 = 64 << 10;

/// How the address of something in a bucket begins.
const S3: &str = "s3://";

/// Check a usage log
#[derive(Subcommand)]
#[command(
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs"
)]
pub enum Log {
    Verify(Verify),
}

impl Log {
    pub fn run(self) -> ExitCode {
        let Self::Verify(verify) = self;
        match verify.verify() {
            Ok((text, code)) => output::print(&text, code),
            Err(message) => output::fail(message, USAGE),
        }
    }
}

/// Check that a usage log is genuine and complete
///
/// Checks that each line was sealed with one of the log's keys, that nothing is missing between
/// the lines of a chain, and that there is a line at all. USAGE_LOG_KEY holds the key,
/// USAGE_LOG_KEY_ID its id where it has one of its own. Prints the head of each chain: keep them
/// elsewhere, and a later --expect shows whether the log was cut.
///
/// The exit code is 0 for a sound log, 1 for a faulty one, 2 when it could not be checked.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Verify {
    /// Files of a log in their order, or s3://BUCKET/PREFIX
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// Accept lines of a former key too, which is read from FILE
    #[arg(long, value_name = "ID=FILE", conflicts_with = "integrity_only")]
    also_key: Vec<FormerKey>,
    /// Have the log hold this head, which an earlier run printed
    #[arg(long, value_name = "HEAD")]
    expect: Vec<Head>,
    /// Check without a key that the lines fit together; anybody can write lines that do
    #[arg(long)]
    integrity_only: bool,
}

/// The id of a former key, and the file that holds the key.
#[derive(Clone)]
struct FormerKey {
    id: String,
    file: PathBuf,
}

impl FromStr for FormerKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, file) = text
            .split_once('=')
            .filter(|(id, _)| Key::is_id(id))
            .ok_or("it must be ID=FILE")?;
        Ok(Self {
            id: id.to_owned(),
            file: file.into(),
        })
    }
}

impl FormerKey {
    /// Reads the key. Line ends after the secret are no part of it.
    fn read(&self) -> Result<Key, String> {
        let unreadable = |error| could_not_be_read(&self.file, &error);
        let mut secret = Vec::new();
        let file = File::open(&self.file).map_err(unreadable)?;
        file.take(LONGEST_KEY)
            .read_to_end(&mut secret)
            .map_err(unreadable)?;
        match secret.trim_ascii_end() {
            [] => Err(unreadable(io::Error::other("it holds no key"))),
            secret => Ok(Key::new(secret, Some(&self.id))),
        }
    }
}

fn could_not_be_read(path: &Path, error: &io::Error) -> String {
    format!("{} could not be read: {error}", path.display())
}

impl Verify {
    /// What is to be said of the log, and the exit code.
    ///
    /// # Errors
    /// Why it could not be checked.
    fn verify(self) -> Result<(String, u8), String> {
        let check = self.check()?;
        let is_proof = matches!(check, Check::Authenticity(_));
        let in_a_bucket = self.paths.iter().find(|path| path.starts_with(S3));
        let order = match in_a_bucket {
            Some(_) => Order::Any,
            None => Order::AsWritten,
        };
        let mut verifier = Verifier::new(order, check);
        self.expect
            .into_iter()
            .for_each(|head| verifier.expect(head));
        match in_a_bucket {
            Some(place) if self.paths.len() == 1 => read_bucket(&mut verifier, place)?,
            Some(_) => return Err("expected files or one place in a bucket".to_owned()),
            None => {
                for path in &self.paths {
                    read_file(&mut verifier, path)
                        .map_err(|error| could_not_be_read(Path::new(path), &error))?;
                }
            }
        }
        let report = verifier.finish();
        let code = match report.fault {
            None => 0,
            Some(_) => FAILED,
        };
        Ok((describe(&self.paths.join(", "), &report, is_proof), code))
    }

    fn check(&self) -> Result<Check, String> {
        if self.integrity_only {
            return Ok(Check::Integrity);
        }
        let mut keys = Vec::from_iter(Key::from_variables(|name| std::env::var(name).ok()));
        for key in &self.also_key {
            keys.push(key.read()?);
        }
        match keys.is_empty() {
            true => Err(
                "USAGE_LOG_KEY is not set. Without the log's key nobody can tell a genuine line from a forged one; \
                --integrity-only checks the rest."
                    .to_owned(),
            ),
            false => Ok(Check::Authenticity(keys)),
        }
    }
}

/// Reads what lies at s3://BUCKET/PREFIX.
#[cfg(feature = "s3")]
fn read_bucket(verifier: &mut Verifier, place: &str) -> Result<(), String> {
    use archive::bucket::Bucket;

    let place = place.strip_prefix(S3).unwrap_or(place);
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(async {
            let bucket = Bucket::connect(name.to_owned()).await;
            archive::verify::read_bucket(verifier, &bucket, prefix).await
        })
        .map_err(|error| error.to_string())
}

#[cfg(not(feature = "s3"))]
fn read_bucket(_: &mut Verifier, place: &str) -> Result<(), String> {
    Err(format!(
        "{place}: is in a bucket, which this program can't read; build one that can with \
        `cargo build --release --package cli --features s3`, or copy the files to this machine"
    ))
}
