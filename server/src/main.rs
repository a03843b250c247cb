//! EngageTrack AI in one process: the five functions and the dashboard.

fn main() -> std::process::ExitCode {
    server::command(std::env::args().skip(1))
}
