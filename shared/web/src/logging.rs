//! Diagnostic logs: JSON lines on stderr, filtered by `$LOG_LEVEL` (`info` when unset).

use tracing_subscriber::EnvFilter;

/// Starts logging for the process; a second call changes nothing.
pub fn init() {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter())
        .with_writer(std::io::stderr);
    let _ = subscriber.try_init();
}

/// What `$LOG_LEVEL` lets through.
pub(crate) fn filter() -> EnvFilter {
    EnvFilter::builder()
        .with_env_var("LOG_LEVEL")
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy()
}
