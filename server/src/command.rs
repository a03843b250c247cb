//! The command line: serve, or answer a question about the server.

use crate::{Settings, memory, settings};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use workspace::compile::Intake;

/// The longest that each step of a health check may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Does what the arguments, without the program's name, ask for.
///
/// The exit code is 0 after a graceful stop, 1 when something failed, 2 for arguments or settings that make no sense.
pub fn command(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => serve_until_stopped(None, Intake::default()),
        ["--health"] => health(),
        ["--help"] => exit(writeln!(io::stdout(), "{}", settings::help().trim_end()), 1),
        _ => exit(Err("the server takes --help, --health or nothing"), 2),
    }
}

/// Serves as the environment says until a signal to stop, and the workspace at this path in place of the environment's if there is
/// one. The customers in a folder are read as `intake` says.
///
/// The exit code is 0 after a graceful stop, 1 when something failed, 2 for settings that make no sense.
pub fn serve_until_stopped(workspace: Option<PathBuf>, intake: Intake) -> ExitCode {
    with_settings(|settings| {
        serve(Settings {
            workspace: workspace.or(settings.workspace),
            intake,
            ..settings
        })
    })
}

/// Asks the server that runs under the environment's settings whether it is alive.
///
/// The exit code is 0 if so, 1 if not, 2 for settings that make no sense.
pub fn health() -> ExitCode {
    with_settings(|settings| ask_health(&settings))
}

fn with_settings(work: impl FnOnce(Settings) -> io::Result<()>) -> ExitCode {
    match Settings::from_env() {
        Ok(settings) => exit(work(settings), 1),
        Err(invalid) => exit(Err(invalid), 2),
    }
}

fn exit<E: std::fmt::Display>(result: Result<(), E>, code: u8) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed too.
            let _ = writeln!(io::stderr(), "{error}");
            code.into()
        }
    }
}

fn serve(settings: Settings) -> io::Result<()> {
    // Each connection takes a descriptor; the usual soft limit of 1,024 is for programs that use select(2).
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(memory::give_back)
        .build()?;
    runtime.block_on(crate::run(settings))
}

/// Asks `/healthz` of the server that runs under these settings.
fn ask_health(settings: &Settings) -> io::Result<()> {
    let host = match settings.host.parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "::1".to_owned(),
        _ => settings.host.clone(),
    };
    let port = settings.health_port.unwrap_or(settings.port);
    let mut stream = TcpStream::connect((host.as_str(), port))?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: health\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        let status = answer.lines().next().unwrap_or("nothing");
        Err(io::Error::other(format!("/healthz answered: {status}")))
    }
}
