//! The Lambda home of a router.

use axum::Router;
use axum::body::Body;
use lambda_http::{Error, Request};
use tower::util::MapRequest;

/// Serves a function's router to the Lambda runtime until the platform ends it.
///
/// # Errors
/// Whatever the runtime API answers that can't be survived.
pub async fn run(router: Router) -> Result<(), Error> {
    crate::logging::init();
    lambda_http::run(MapRequest::new(crate::app(router), |request: Request| {
        request.map(Body::new)
    }))
    .await
}
