//! `engagetrack serve`: what the program `server` does.

use crate::intake::IntakeOptions;
use crate::output::{self, USAGE};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serve API and dashboard over HTTP
///
/// Serves until SIGTERM or SIGINT. A workspace that changes meanwhile, or at the latest on SIGHUP,
/// is taken over without a lost request, and one with faults is refused.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = format!("The environment sets:\n\n{}", server::environment()))]
pub struct Serve {
    /// Workspace to serve [default: $WORKSPACE, or else the one in the program]
    #[arg(long, value_name = "FILE|DIR")]
    workspace: Option<PathBuf>,
    #[command(flatten)]
    customers: IntakeOptions,
    /// Ask the server with the same settings whether it is alive (exit code 0, else 1)
    #[arg(long)]
    health: bool,
}

impl Serve {
    pub fn run(self) -> ExitCode {
        match self.health {
            true => server::health(),
            false => match self.customers.intake() {
                Ok(intake) => server::serve_until_stopped(self.workspace, intake),
                Err(message) => output::fail(message, USAGE),
            },
        }
    }
}
