//! Liveness and readiness, for probes, at a port of their own if wanted.

use crate::security::Exit;
use crate::workspaces::Watch;
use crate::{Settings, Stopping, connections};
use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;
use std::thread;
use tokio::sync::oneshot;
use tower::Service;
use web::Problem;
use web::problem::Kind;
use web::usage_log::UsageLog;

/// Most connections to the port for health: some probes and a scraper or two.
const MOST_CONNECTIONS: usize = 64;

/// Seconds after which it is worth to ask an unready server again.
const RETRY_AFTER_S: u32 = 5;

/// `/healthz`: the process answers. `/readyz`: it should get requests.
pub fn router(usage_log: UsageLog, stopping: Stopping, watch: Watch) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route(
        "/readyz",
        get(async move || readiness(&usage_log, &stopping, &watch)),
    )
}

/// Serves an app at the settings' host and a port of its own, from a thread of its own, so that it answers in time however
/// busy the other threads are. It ends when what is returned is dropped.
pub fn listen<A, B>(
    port: u16,
    app: A,
    exit: &Exit,
    settings: &Settings,
    stopping: &Stopping,
) -> io::Result<oneshot::Sender<()>>
where
    A: Service<Request, Response = axum::http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: HttpBody<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let listener = TcpListener::bind((settings.host.as_str(), port))?;
    listener.set_nonblocking(true)?;
    let said = format!("Its health is at http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let settings = Settings {
        max_connections: MOST_CONNECTIONS,
        max_connections_per_client: MOST_CONNECTIONS,
        ..settings.clone()
    };
    let (exit, stopping) = (exit.clone(), stopping.clone());
    let (end, ended) = oneshot::channel();
    thread::Builder::new()
        .name("health".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => {
                        let ended = async { drop(ended.await) };
                        connections::serve(listener, app, &exit, &settings, &stopping, ended).await;
                    }
                    Err(error) => tracing::error!(%error, "the health port is not served"),
                }
            });
        })?;
    // A reader that wanted only the first line may have closed the output.
    let _ = writeln!(io::stdout(), "{said}");
    Ok(end)
}

/// A log that can't be written is no reason to refuse requests as long as their events are kept for a retry; once no
/// more can be kept, other replicas should take over.
fn readiness(usage_log: &UsageLog, stopping: &Stopping, watch: &Watch) -> Response {
    let unready = |detail: &str| {
        Problem::new(Kind::NotReady, detail)
            .retry_after(RETRY_AFTER_S)
            .into_response()
    };
    let log = usage_log.status();
    if stopping.has_begun() {
        unready("The server is about to stop.")
    } else if !log.writable && log.full {
        unready("The usage log can't be written, and no more events can be kept.")
    } else {
        let usage_log = json!({"writable": log.writable, "pending": log.pending});
        let served = watch.status();
        let workspace = json!({"version": served.version, "model_version": served.model_version});
        Json(json!({"ready": true, "usage_log": usage_log, "workspace": workspace})).into_response()
    }
}
