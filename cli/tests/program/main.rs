//! The program `engagetrack`, as a person runs it.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

mod bulk;
mod compile;
mod help;
mod inspect;
mod read;
mod serve;
mod source;

use std::ffi::OsStr;
use std::process::{Command, Output};

/// The program with a verb, and without the environment's workspace.
fn engagetrack(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engagetrack"));
    command.arg(verb).env_remove("WORKSPACE");
    command
}

/// What came of a run.
#[derive(Debug)]
struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

fn answer(verb: &str, arguments: &[&dyn AsRef<OsStr>]) -> Answer {
    let arguments = arguments.iter().map(|argument| argument.as_ref());
    engagetrack(verb).args(arguments).output().unwrap().into()
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Answer {
    /// Has it be a refusal: a sentence on standard error, and nothing else.
    #[track_caller]
    fn refuses(&self, code: i32, sentence: &str) {
        assert!(self.stderr.contains(sentence), "{self:?}");
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
    }
}
