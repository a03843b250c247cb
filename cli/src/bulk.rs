//! `engagetrack bulk`: a file of customers is scored into a folder, on all cores.

use crate::business;
use crate::output::{self, FAILED, USAGE};
use crate::read::{self, OTHER_BUILD};
use bulk::folder::{self, Cut, Event, Task, TaskError};
use bulk::{LayoutError, Manifest, ResultsFormat, TOLERATED_REJECT_PERCENTAGE};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use reader::{Confirmed, TableError};
use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// The results are complete, but of too few of the customers.
const UNUSABLE: u8 = 3;

/// What a shell expects of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Score a file of customers of any size into a folder
///
/// FILE is CSV of any dialect or JSON, plain or compressed with gzip or zip; in a build that has
/// the features excel and parquet also a workbook or a Parquet file. How its first megabyte
/// and some places after it are written decides how all of it is read. Results, rejects and a
/// manifest, which says how FILE was read, go to FOLDER. The same command resumes a run that was
/// stopped.
///
/// The exit code is 3 when the results are complete but too many records were rejected, and
/// 130 after Ctrl-C.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Bulk {
    /// File of customers
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Folder for the results, made where there is none
    #[arg(value_name = "FOLDER")]
    out: PathBuf,
    /// Workspace to score with [default: $WORKSPACE, or else the one in the program]
    #[arg(long, value_name = "FILE|DIR")]
    workspace: Option<PathBuf>,
    /// Reading to use where two are plausible, as the refusal printed it
    #[arg(long = "read", value_name = "KEY:VALUE")]
    confirmed: Vec<String>,
    /// Score in one piece: for files with line breaks in quotes
    #[arg(long, conflicts_with = "shard_bytes")]
    unsharded: bool,
    /// Score in pieces of N bytes instead of what the file's size suggests
    #[arg(long, value_name = "N")]
    shard_bytes: Option<NonZeroUsize>,
    /// Pieces that are scored at the same time [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write the results as Parquet files instead of CSV, in a build that has the feature parquet
    #[arg(long)]
    parquet: bool,
    /// Exit with code 3 when more than P of a hundred records are rejected
    #[arg(long, value_name = "P", default_value_t = TOLERATED_REJECT_PERCENTAGE, value_parser = percentage)]
    tolerated_reject_percentage: f64,
}

impl Bulk {
    pub fn run(self) -> ExitCode {
        keep_pages_small();
        let named = self.workspace.clone().or_else(business::of_the_environment);
        let opened =
            business::refuse_a_bucket(&self.input).and_then(|()| business::open(named.as_deref()));
        let live = match opened {
            Ok(live) => live,
            Err(message) => return output::fail(message, FAILED),
        };
        let confirmed = read::confirmed(&self.confirmed);
        let task = match confirmed.and_then(|confirmed| self.task(confirmed)) {
            Ok(task) => task,
            Err(message) => return output::fail(message, USAGE),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        if let Err(error) = ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)) {
            return output::fail(format_args!("Ctrl-C can't be caught: {error}"), FAILED);
        }
        let shown = Shown::new();
        let done = folder::run(live.view(), &task, &stop, &|event| shown.update(event));
        shown.bar.finish_and_clear();
        match done {
            Ok(manifest) => {
                tell_how_it_was_read(&task, &manifest);
                if io::stderr().is_terminal() {
                    output::tell(format_args!(
                        "{} customers scored, {} records rejected; see {}",
                        HumanCount(manifest.rows_out),
                        HumanCount(manifest.rows_rejected),
                        task.out.join(folder::MANIFEST).display()
                    ));
                }
                match manifest.judge(self.tolerated_reject_percentage) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(unusable) => output::fail(
                        format_args!("{}: {unusable}", task.input.display()),
                        UNUSABLE,
                    ),
                }
            }
            Err(error @ TaskError::Stopped) => output::fail(error, INTERRUPTED),
            Err(
                error @ TaskError::Input {
                    source: LayoutError::Table(TableError::Unread(_)),
                    ..
                },
            ) => output::fail(format_args!("{error}, or {OTHER_BUILD}"), FAILED),
            Err(error) => output::fail(error, FAILED),
        }
    }

    fn task(&self, confirmed: Confirmed) -> Result<Task, String> {
        let cut = match (self.unsharded, self.shard_bytes) {
            (true, _) => Cut::Unsharded,
            (false, Some(bytes)) => Cut::Every(bytes),
            (false, None) => Cut::BySize,
        };
        let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Task {
            input: self.input.clone(),
            out: self.out.clone(),
            confirmed,
            cut,
            results: match self.parquet {
                true => parquet()?,
                false => ResultsFormat::Csv,
            },
            threads: self.threads.unwrap_or_else(processors),
        })
    }
}

#[cfg(feature = "parquet")]
fn parquet() -> Result<ResultsFormat, String> {
    Ok(ResultsFormat::Parquet)
}

#[cfg(not(feature = "parquet"))]
fn parquet() -> Result<ResultsFormat, String> {
    Err(format!(
        "--parquet: is not written by this program; {OTHER_BUILD}"
    ))
}

/// Says what was not as the schema has it; of most files there is nothing to say.
fn tell_how_it_was_read(task: &Task, manifest: &Manifest) {
    let name = task.input.display();
    for evidence in &manifest.read_as.read_as {
        output::tell(format_args!("{name}: read as {evidence}"));
    }
    for warning in &manifest.read_as.warnings {
        output::tell(format_args!("{name}: warning: {warning}"));
    }
}

/// A percentage on the command line.
///
/// # Errors
/// What is none.
pub fn percentage(text: &str) -> Result<f64, &'static str> {
    let percentage = text.parse().ok();
    percentage
        .filter(|percentage| (0.0..=100.0).contains(percentage))
        .ok_or("a percentage is a number from 0 to 100")
}

/// What a terminal shows meanwhile; nothing where there is none.
struct Shown {
    bar: ProgressBar,
    records: Arc<AtomicU64>,
}

impl Shown {
    fn new() -> Self {
        let records = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&records);
        let speed = move |state: &ProgressState, out: &mut dyn Write| {
            let seconds = state.elapsed().as_secs_f64().max(f64::EPSILON);
            let speed = counted.load(Ordering::Relaxed) as f64 / seconds;
            // A bar has nowhere to say that it could not be drawn.
            let _ = write!(out, "{} rows/s", HumanCount(speed as u64));
        };
        let template = "{wide_bar} {bytes} of {total_bytes}, {rows_per_second}, {eta} left";
        let style = ProgressStyle::with_template(template)
            .expect("the template is well formed")
            .with_key("rows_per_second", speed);
        // indicatif draws on no terminal but this one.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style);
        Self { bar, records }
    }

    fn update(&self, event: Event) {
        match event {
            Event::Begun(bytes) => {
                self.bar.set_length(bytes);
                self.bar.reset_elapsed();
            }
            Event::Read(bytes) | Event::Resumed(bytes) => self.bar.inc(bytes),
            Event::Records(records) => {
                self.records.fetch_add(records, Ordering::Relaxed);
            }
        }
    }
}

/// Turns off huge pages, which the allocator asks for and of which each thread fills several a little: 50 MB instead of 7. Where
/// the system refuses, the program takes more memory and does the same.
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
}
