//! EngageTrack AI in one process: the five functions and the dashboard.

/// A request makes about a hundred small allocations, which the system's allocator takes a seventh of its time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::command(std::env::args().skip(1))
}
