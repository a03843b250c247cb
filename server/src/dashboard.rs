//! The static dashboard.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::path::Path;
use tower_http::services::ServeDir;
use web::Problem;

const NOT_BUILT: &str =
    "The dashboard is not built yet: run `make dashboard`, or `make run` for everything.\n";

/// Serves the files of a folder; where there is none, `/` says how to make it.
pub fn service(folder: &Path) -> Router {
    if folder.join("index.html").is_file() {
        let missing =
            tower::service_fn(async |_: Request| Ok(Problem::unknown_path().into_response()));
        Router::new().fallback_service(ServeDir::new(folder).fallback(missing))
    } else {
        Router::new().fallback(async |request: Request| -> Response {
            match request.uri().path() {
                "/" => (StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT).into_response(),
                _ => Problem::unknown_path().into_response(),
            }
        })
    }
}
