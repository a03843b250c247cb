//! The workspace that a verb uses.

use crate::output;
use engagetrack::{Live, embedded};
use std::env;
use std::path::{Path, PathBuf};
use workspace::compile::{Compiled, compile_folder};

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
        Some(path) if path.is_dir() => checked(path, compiled(path)?),
        Some(path) => Live::from_file(path, &parts.present()).map_err(|error| error.to_string()),
    }
}

/// Compiles the workspace in a folder, and tells its warnings.
///
/// # Errors
/// Every fault, a line each.
pub fn compiled(folder: &Path) -> Result<Compiled, String> {
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
    let compiled = compile_folder(folder).map_err(|faults| {
        let faults: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        format!("{faults}{name}: not compiled; these faults have to be put right first")
    })?;
    for warning in &compiled.warnings {
        output::tell(format_args!("warning: {warning}"));
    }
    Ok(compiled)
}

/// Puts what was compiled of a folder to use, after the same checks as a file.
///
/// # Errors
/// When it does not pass them.
pub fn checked(folder: &Path, compiled: Compiled) -> Result<Live, String> {
    Live::checked(compiled.into_parts()).map_err(|error| {
        let name = folder.display();
        format!("{name}: what was compiled does not pass the checks of those who read it, which is a fault of this program: {error}")
    })
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
