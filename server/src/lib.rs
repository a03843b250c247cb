//! The companion of the Lambda functions: the same routers in one process, with the dashboard and a health check.

#![forbid(unsafe_code)]

mod api;
mod dashboard;

pub use api::openapi;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use web::Problem;
use web::usage_log::{Destination, UsageLog};

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on, `$HOST`; 127.0.0.1 when unset.
    pub host: String,
    /// Port to listen on, `$PORT`; 8080 when unset, 0 for any free one.
    pub port: String,
    /// Where the built dashboard lies, `$DASHBOARD_DIR`; `dashboard/dist` when unset.
    pub dashboard: PathBuf,
}

impl Settings {
    /// Reads the settings from the environment.
    pub fn from_env() -> Self {
        let variable =
            |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
        Self {
            host: variable("HOST", "127.0.0.1"),
            port: variable("PORT", "8080"),
            dashboard: variable("DASHBOARD_DIR", "dashboard/dist").into(),
        }
    }
}

/// The five functions, the description of the API, the health check and the dashboard.
pub fn router(settings: &Settings) -> Router {
    Router::new()
        .merge(analytics::router())
        .merge(explain::router())
        .merge(nudges::router())
        .merge(predict::router())
        .merge(summary::router())
        .route("/healthz", get(async || "ok\n"))
        .route(
            "/openapi.json",
            get(async || ([(header::CONTENT_TYPE, "application/json")], api::DOCUMENT)),
        )
        .route(
            "/v1/{*path}",
            axum::routing::any(async || Problem::unknown_path()),
        )
        .fallback_service(dashboard::service(&settings.dashboard))
}

/// Listens where the settings say, says so on stdout, and serves until a signal to stop.
///
/// # Errors
/// An address that can't be listened on.
pub async fn run(settings: Settings) -> io::Result<()> {
    web::logging::init();
    let listener = TcpListener::bind(format!("{}:{}", settings.host, settings.port)).await?;
    writeln!(
        io::stdout(),
        "EngageTrack AI is at http://{}",
        listener.local_addr()?
    )?;
    let usage_log = UsageLog::from_env(Destination::File("logs/usage.log".into()));
    serve(listener, &settings, usage_log).await
}

/// Serves until a signal to stop, then finishes the requests in hand and closes the usage log.
///
/// # Errors
/// Signals that can't be listened for.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    usage_log: UsageLog,
) -> io::Result<()> {
    let app = tower::make::Shared::new(web::app(router(settings), usage_log.clone()));
    let served = axum::serve(listener, app)
        .with_graceful_shutdown(stopped()?)
        .await;
    usage_log.close();
    served
}

fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}
