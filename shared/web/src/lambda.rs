//! The Lambda home of a router.

use crate::Caller;
use crate::usage_log::{Destination, UsageLog};
use axum::Router;
use axum::body::Body;
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt};
use tower::util::MapRequest;

/// Serves a function's router to the Lambda runtime until the platform ends it.
///
/// # Errors
/// Whatever the runtime API answers that can't be survived.
pub async fn run(router: Router) -> Result<(), Error> {
    crate::logging::init();
    let usage_log = UsageLog::from_env(Destination::Stdout);
    let app = crate::app(router, usage_log);
    lambda_http::run(MapRequest::new(app, |request: Request| {
        let caller = caller(&request);
        let mut request = request.map(Body::new);
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        request
    }))
    .await
}

/// The subject of the token that the gateway's authorizer checked.
fn caller(request: &Request) -> Option<Caller> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else {
        return None;
    };
    let claims = context.authorizer.as_ref()?.jwt.as_ref()?;
    claims.claims.get("sub").cloned().map(Caller)
}
