//! The workspace that a verb uses.

use crate::output;
use engagetrack::movement::Snapshot;
use engagetrack::{Live, View, embedded, units};
use indicatif::HumanCount;
use std::env;
use std::path::{Path, PathBuf};
use workspace::compile::{Compiled, Intake, Sources, compile_folder_as};

/// Opens the workspace at a path, which is a compiled file or a folder to be compiled, or else the one that the program embeds.
/// Only what scoring uses is read.
///
/// # Errors
/// What can't be used, and why.
pub fn open(path: Option<&Path>) -> Result<Live, String> {
    let parts = embedded::explanations(embedded::core());
    if let Some(path) = path {
        refuse_a_bucket(path)?;
    }
    match path {
        None => Ok(embedded::live(parts)),
        Some(path) if path.is_dir() => checked(path, compiled(path, &Intake::default(), None)?),
        Some(path) => Live::from_file(path, &parts.present()).map_err(|error| error.to_string()),
    }
}

/// Opens the compiled workspace that another one is compiled after. Only what that needs is read.
///
/// # Errors
/// A file that can't be used, and why.
pub fn previous(path: &Path) -> Result<Live, String> {
    refuse_a_bucket(path)?;
    let name = path.display();
    if path.is_dir() {
        return Err(format!(
            "{name}: is a folder; --previous takes the file that was compiled of it before it changed"
        ));
    }
    Live::from_file(path, &embedded::core().present())
        .map_err(|error| format!("{error}; the first time, compile without --previous"))
}

/// Says of a workspace which one it was compiled after, if any.
pub fn before(view: &View<'_>) -> Option<String> {
    let previous = Snapshot::of_previous(view)?;
    Some(format!(
        "{}, data as of {}, {} customers",
        previous.workspace,
        previous.as_of,
        HumanCount(previous.population as u64)
    ))
}

/// Compiles the workspace in a folder, where wanted after another one, and tells its warnings.
///
/// # Errors
/// Every fault, a line each.
pub fn compiled(
    folder: &Path,
    intake: &Intake,
    previous: Option<&Live>,
) -> Result<Compiled, String> {
    refuse_a_bucket(folder)?;
    let name = folder.display();
    if !folder.is_dir() {
        let what = match folder.exists() {
            true => "is not a folder",
            false => "there is no such folder",
        };
        return Err(format!(
            "{name}: {what}; name the one that holds data/ and models/"
        ));
    }
    let previous = previous.map(|previous| &**previous.view());
    let compiled = compile_folder_as(folder, intake, previous).map_err(|faults| {
        let faults: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        format!("{faults}{name}: not compiled; these faults have to be put right first")
    })?;
    for warning in &compiled.warnings {
        output::tell(format_args!("warning: {warning}"));
    }
    Ok(compiled)
}

/// Puts what was compiled of a folder to use, after the same checks as a file, and tells what is implausible about its customers.
///
/// # Errors
/// When it does not pass them.
pub fn checked(folder: &Path, compiled: Compiled) -> Result<Live, String> {
    let live = Live::checked(compiled.into_parts()).map_err(|error| {
        let name = folder.display();
        format!("{name}: what was compiled does not pass the checks of those who read it, which is a fault of this program: {error}")
    })?;
    for warning in units::directory_warnings(live.view()) {
        output::tell(format_args!("warning: {}: {warning}", Sources::CUSTOMERS));
    }
    Ok(live)
}

/// The workspace that the environment names.
pub fn of_the_environment() -> Option<PathBuf> {
    env::var_os("WORKSPACE")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// # Errors
/// An address in a bucket, where a file or a folder of this machine is wanted.
pub fn refuse_a_bucket(path: &Path) -> Result<(), String> {
    match path.to_string_lossy().starts_with("s3://") {
        false => Ok(()),
        true => Err(format!(
            "{}: is in a bucket; copy it to this machine first",
            path.display()
        )),
    }
}
