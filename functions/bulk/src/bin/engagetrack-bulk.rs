//! Scores a file of customers into a folder: `engagetrack-bulk FILE FOLDER`.

#![forbid(unsafe_code)]

use bulk::TOLERATED_REJECT_PERCENTAGE;
use bulk::folder::{self, Cut, Event, Task, TaskError};
use engagetrack::embedded;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::ffi::OsString;
use std::fmt::Write;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const USAGE: &str = "usage: engagetrack-bulk FILE FOLDER [--unsharded | --shard-bytes N] [--threads N] [--tolerated-reject-percentage P]

Scores the customers in FILE (CSV with the columns of the schema, plain or gzip, or JSON lines) into parts in FOLDER.
  --unsharded      in one piece: for files with line breaks in quotes
  --shard-bytes N  in pieces of N bytes instead of what the file's size suggests
  --threads N      number of pieces at a time; one per processor without it
  --tolerated-reject-percentage P
                   exit with code 3 when more than P of a hundred records are rejected, instead of 10";

/// The results are complete, but of too few of the customers.
const UNUSABLE: u8 = 3;

/// What a shell expects of a program that was interrupted.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let (task, tolerated_reject_percentage) = match task(lexopt::Parser::from_env()) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    if let Err(error) = ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)) {
        eprintln!("Ctrl-C can't be caught: {error}");
        return ExitCode::FAILURE;
    }
    let live = embedded::live(embedded::explanations(embedded::core()));
    let shown = Shown::new();
    let done = folder::run(live.view(), &task, &stop, &|event| shown.update(event));
    shown.bar.finish_and_clear();
    match done {
        Ok(manifest) => {
            if std::io::stderr().is_terminal() {
                eprintln!(
                    "{} customers scored, {} records rejected; see {}",
                    HumanCount(manifest.rows_out),
                    HumanCount(manifest.rows_rejected),
                    task.out.join(folder::MANIFEST).display()
                );
            }
            match manifest.judge(tolerated_reject_percentage) {
                Ok(()) => ExitCode::SUCCESS,
                Err(unusable) => {
                    eprintln!("{}: {unusable}", task.input.display());
                    ExitCode::from(UNUSABLE)
                }
            }
        }
        Err(error) => {
            eprintln!("{error}");
            match error {
                TaskError::Stopped => ExitCode::from(INTERRUPTED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// What is to be done, and how many of a hundred records may be rejected.
fn task(mut arguments: lexopt::Parser) -> Result<(Task, f64), lexopt::Error> {
    use lexopt::prelude::*;
    let mut paths: Vec<OsString> = Vec::new();
    let mut cut = Cut::BySize;
    let mut tolerated = TOLERATED_REJECT_PERCENTAGE;
    let mut threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("unsharded") => cut = Cut::Unsharded,
            Long("shard-bytes") => cut = Cut::Every(arguments.value()?.parse()?),
            Long("threads") => threads = arguments.value()?.parse()?,
            Long("tolerated-reject-percentage") => {
                let given = arguments.value()?;
                tolerated = given.parse_with(percentage)?;
            }
            Value(path) => paths.push(path),
            other => return Err(other.unexpected()),
        }
    }
    let [input, out] = <[OsString; 2]>::try_from(paths)
        .map_err(|paths| format!("expected FILE and FOLDER, got {} paths", paths.len()))?;
    let task = Task {
        input: input.into(),
        out: out.into(),
        cut,
        threads,
    };
    Ok((task, tolerated))
}

fn percentage(text: &str) -> Result<f64, &'static str> {
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
