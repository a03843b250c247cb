//! The static dashboard.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::path::Path;
use tower_http::services::ServeDir;
use web::Problem;

const NOT_BUILT: &str =
    "The dashboard is not built yet: run `make dashboard`, or `make run` for everything.\n";

/// Below this path a file's name holds a hash of its content, so that it never changes.
const HASHED: &str = "/assets/";

/// Serves the files of a folder; where there is none, `/` says how to make it.
pub fn service(folder: &Path) -> Router {
    if folder.join("index.html").is_file() {
        let missing =
            tower::service_fn(async |_: Request| Ok(Problem::unknown_path().into_response()));
        Router::new()
            .fallback_service(ServeDir::new(folder).fallback(missing))
            .layer(middleware::from_fn(cached))
    } else {
        Router::new().fallback(async |request: Request| -> Response {
            match request.uri().path() {
                "/" => (StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT).into_response(),
                _ => Problem::unknown_path().into_response(),
            }
        })
    }
}

/// Says how long a browser may keep a file: for ever where its name changes with its content, else until it has asked.
async fn cached(request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with(HASHED);
    let mut response = next.run(request).await;
    let lifetime = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    response
}
