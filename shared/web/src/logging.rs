//! Diagnostic logs: JSON lines on stderr, filtered by `$LOG_LEVEL` (`info` when unset).

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the process; a second call changes nothing.
pub fn init() {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr)
        .with_filter(filter());
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// What `$LOG_LEVEL` lets through.
pub(crate) fn filter() -> Targets {
    wanted(&std::env::var("LOG_LEVEL").unwrap_or_default())
}

/// What a level lets through, or levels by target such as `warn,web=debug`; `info` holds where none is said.
///
/// No `EnvFilter`, which would bring a regular-expression engine into every function.
fn wanted(text: &str) -> Targets {
    // An empty name would stand for everything, from `trace` on.
    let named: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    let targets: Targets = match named.is_empty() {
        true => Targets::new(),
        false => named.join(",").parse().unwrap_or_default(),
    };
    match targets.default_level() {
        Some(_) => targets,
        None => targets.with_default(LevelFilter::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn info_holds_where_no_level_is_said() {
        for text in ["", "verbose", "web=debug", ",,", "web==debug"] {
            assert!(wanted(text).would_enable("server", &Level::INFO), "{text}");
            assert!(
                !wanted(text).would_enable("server", &Level::DEBUG),
                "{text}"
            );
        }
        assert!(wanted("web=debug").would_enable("web", &Level::DEBUG));
    }

    #[test]
    fn a_level_is_for_everything_that_is_not_named() {
        let quiet = wanted("error,web=info");
        assert!(!quiet.would_enable("server", &Level::WARN));
        assert!(quiet.would_enable("web::frame", &Level::INFO));
    }
}
