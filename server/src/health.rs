//! Liveness and readiness, for whoever runs the process.

use crate::Stopping;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use web::Problem;
use web::usage_log::UsageLog;

/// Seconds after which it is worth to ask an unready server again.
const RETRY_AFTER_S: u32 = 5;

/// `/healthz`: the process answers. `/readyz`: it should get requests.
pub fn router(usage_log: UsageLog, stopping: Stopping) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route(
        "/readyz",
        get(async move || readiness(&usage_log, &stopping)),
    )
}

/// A log that can't be written is no reason to refuse requests as long as their events are kept for a retry; once no
/// more can be kept, other replicas should take over.
fn readiness(usage_log: &UsageLog, stopping: &Stopping) -> Response {
    let unready = |detail: &str| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-ready",
            "Not ready",
            detail,
        )
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
        Json(json!({"ready": true, "usage_log": usage_log})).into_response()
    }
}
