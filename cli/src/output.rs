//! Results go to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Something failed, or a fault was found.
pub const FAILED: u8 = 1;

/// The command line, or what it names, was not understood.
pub const USAGE: u8 = 2;

/// Prints a result and ends with this code. A reader that has closed its end has read enough, which is no failure.
pub fn print(text: &str, code: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(
            format_args!("standard output can't be written: {error}"),
            FAILED,
        ),
        _ => code.into(),
    }
}

/// Says why there is no result and ends with this code.
pub fn fail(message: impl Display, code: u8) -> ExitCode {
    tell(message);
    code.into()
}

/// Says something beside the result.
pub fn tell(message: impl Display) {
    // Nobody is left to tell when standard error is closed too.
    let _ = writeln!(io::stderr(), "{message}");
}

/// A title over rows of names and values.
pub fn table(title: &str, rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = rows
        .iter()
        .map(|(name, value)| format!("  {name:<width$}  {value}\n"));
    format!("{title}\n{}", rows.collect::<String>())
}
