//! `engagetrack compile`: a folder becomes one file.

use crate::business;
use crate::intake::IntakeOptions;
use crate::output::{self, FAILED, USAGE};
use crate::replace::replace;
use clap::Args;
use engagetrack::Live;
use indicatif::HumanCount;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use workspace::compile::Intake;
use workspace::file;

/// Compile the folder of a workspace into one file, for `serve`, `bulk` and the functions
///
/// The file is replaced as a whole: even when this program is killed, it is the former one or
/// the new one. Only its owner may read it (mode 0600). A server that uses it takes the new one
/// over.
///
/// When the folder has faults, all are listed, a line each (FILE: ENTRY: FAULT), the exit code is
/// 1, and the file stays as it was.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Compile {
    /// Folder that holds data/ and models/
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Compiled workspace from before: answers say what changed since. May be the -o file
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    #[command(flatten)]
    customers: IntakeOptions,
}

impl Compile {
    pub fn run(self) -> ExitCode {
        let intake = match self.customers.intake() {
            Ok(intake) => intake,
            Err(message) => return output::fail(message, USAGE),
        };
        match self.compile(&intake) {
            Ok(summary) => output::print(&summary, 0),
            Err(message) => output::fail(message, FAILED),
        }
    }

    fn compile(&self, intake: &Intake) -> Result<String, String> {
        let name = self.output.display();
        refuse_what_is_no_target(&self.output)?;
        let compilation = Compilation::of(&self.folder, intake, self.previous.as_deref());
        let compilation = compilation.map_err(|faults| match self.output.exists() {
            true => format!("{faults}\n{name}: left as it was"),
            false => faults,
        })?;
        let bytes = compilation.bytes.len() as u64;
        if bytes > file::LARGEST {
            return Err(format!("{name}: not written: {}", file::too_large(bytes)));
        }
        replace(&self.output, &compilation.bytes)
            .map_err(|error| format!("{name}: can't be written: {error}"))?;
        Ok(compilation.summary(
            "Compiled",
            &[("file", format!("{name}, {} bytes", HumanCount(bytes)))],
        ))
    }
}

/// A compiled workspace that has passed the checks of those who read it.
pub struct Compilation {
    bytes: Vec<u8>,
    live: Live,
    took: Duration,
}

impl Compilation {
    /// Compiles the workspace in a folder, where wanted after a compiled one from before.
    ///
    /// # Errors
    /// Every fault, a line each.
    pub fn of(folder: &Path, intake: &Intake, previous: Option<&Path>) -> Result<Self, String> {
        let started = Instant::now();
        let previous = previous.map(business::previous).transpose()?;
        let compiled = business::compiled(folder, intake, previous.as_ref())?;
        let bytes = file::to_bytes(&compiled.parts);
        let live = business::checked(folder, compiled)?;
        let took = started.elapsed();
        Ok(Self { bytes, live, took })
    }

    /// What it holds, under the verb's own word for it.
    pub fn summary(&self, done: &str, further: &[(&str, String)]) -> String {
        let view = self.live.view();
        let mut rows = vec![
            (
                "version",
                format!(
                    "{}, data as of {}",
                    self.live.version(),
                    view.schema.as_of()
                ),
            ),
            (
                "customers",
                HumanCount(view.customers.len() as u64).to_string(),
            ),
            (
                "model",
                format!(
                    "{}, {} features",
                    view.model.version(),
                    view.model.features().len()
                ),
            ),
            ("nudges", view.nudges.len().to_string()),
        ];
        rows.extend(business::before(view).map(|before| ("previous", before)));
        rows.extend(further.iter().cloned());
        rows.push(("time", format!("{:.2} s", self.took.as_secs_f64())));
        output::table(&format!("{done}: {}", view.schema.title()), &rows)
    }
}

/// Only a compiled workspace is replaced, so that a slip of the keyboard costs nobody a file of customers.
fn refuse_what_is_no_target(path: &Path) -> Result<(), String> {
    let name = path.display();
    business::refuse_a_bucket(path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        return Err(format!(
            "{name}: there is no folder {}; make it first",
            folder.display()
        ));
    }
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    if metadata.is_dir() {
        return Err(format!("{name}: is a folder; name a file in it"));
    }
    let mut beginning = Vec::new();
    let read = match metadata.is_file() {
        true => File::open(path).and_then(|file| file.take(8).read_to_end(&mut beginning)),
        false => return Err(format!("{name}: not a file; name one")),
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    match beginning.is_empty() || file::is_workspace(&beginning) {
        true => Ok(()),
        false => Err(format!(
            "{name}: is there and is no compiled workspace; name another file, or remove this one first"
        )),
    }
}
