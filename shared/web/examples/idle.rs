//! A function that does nothing, by which the cold starts of the others are measured.

use axum::Router;
use axum::routing::any;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(Router::new().fallback(any(async || "idle\n"))).await
}
