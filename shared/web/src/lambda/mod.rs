//! The Lambda home of a router.

mod invocation;
mod log;
mod metrics;

use crate::Caller;
use crate::usage_log::{Destination, UsageLog};
use axum::Router;
use axum::body::Body;
use axum::middleware;
use invocation::Invocation;
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use metrics::Metrics;
use tower::{Layer, ServiceExt};

/// Serves a function's router to the Lambda runtime until the platform ends it.
///
/// # Errors
/// Whatever the runtime API answers that can't be survived.
pub async fn run(router: Router) -> Result<(), Error> {
    log::init();
    let usage_log = UsageLog::from_env(Destination::Stdout);
    let metrics = Metrics::from_env(usage_log.clone());
    // Around the frame, so that a handler's panic is measured as the 500 that it becomes.
    let app = middleware::from_fn_with_state(metrics, metrics::measured)
        .layer(crate::app(router, usage_log));
    lambda_http::run(service_fn(move |request: Request| {
        let caller = caller(&request);
        let mut request = request.map(Body::new);
        let invocation = Invocation::begin(&mut request);
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        invocation.around(app.clone().oneshot(request))
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
