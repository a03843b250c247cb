//! `engagetrack check`: what `compile` does, without writing anything.

use crate::compile::Compilation;
use crate::intake::IntakeOptions;
use crate::output;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Look for faults in the folder of a workspace
///
/// Compiles the folder and writes nothing. All faults of all files are listed, a line each:
/// FILE: ENTRY: FAULT. The exit code is 1 when there are any.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// Folder that holds data/ and models/
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    customers: IntakeOptions,
}

impl Check {
    pub fn run(self) -> ExitCode {
        let intake = match self.customers.intake() {
            Ok(intake) => intake,
            Err(message) => return output::fail(message, output::USAGE),
        };
        match Compilation::of(&self.folder, &intake, None) {
            Ok(compilation) => output::print(&compilation.summary("Sound", &[]), 0),
            Err(faults) => output::fail(faults, output::FAILED),
        }
    }
}
