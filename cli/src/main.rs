//! EngageTrack AI as one program: `engagetrack VERB`.

#![forbid(unsafe_code)]

mod bulk;
mod business;
mod check;
mod compile;
mod inspect;
mod intake;
mod log;
mod output;
mod read;
mod replace;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A request makes about a hundred small allocations, which the system's allocator takes a seventh of its time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AFTERWORD: &str = "`engagetrack VERB --help` explains a verb. The exit code is 0 when all is well, 1 when something
failed or a fault was found, 2 when the command line was not understood.";

/// Scores the customers of a subscription business for churn, and explains the scores.
#[derive(Parser)]
#[command(name = "engagetrack", version, disable_help_subcommand = true)]
#[command(after_help = AFTERWORD)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
struct Program {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Serve(serve::Serve),
    Compile(compile::Compile),
    Check(check::Check),
    Inspect(inspect::Inspect),
    Bulk(bulk::Bulk),
    Read(read::Read),
    #[command(subcommand)]
    Log(log::Log),
}

fn main() -> ExitCode {
    match Program::parse().verb {
        Verb::Serve(serve) => serve.run(),
        Verb::Compile(compile) => compile.run(),
        Verb::Check(check) => check.run(),
        Verb::Inspect(inspect) => inspect.run(),
        Verb::Bulk(bulk) => bulk.run(),
        Verb::Read(read) => read.run(),
        Verb::Log(log) => log.run(),
    }
}
