//! The Lambda home of a router.

mod invocation;
mod key_source;
mod log;
mod metrics;
mod origin_guard;

use crate::usage_log::{Destination, Key, UsageLog};
use crate::{Caller, Problem, Routes};
use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::response::Response;
use invocation::Invocation;
use key_source::KeySource;
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use metrics::Metrics;
use origin_guard::{OriginGuard, wrong_origin};
use std::convert::Infallible;
use tokio::sync::OnceCell;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

/// Serves a function's routes to the Lambda runtime until the platform ends it.
///
/// # Errors
/// A setting that can't be used, and whatever the runtime API answers that can't be survived.
pub async fn run(routes: impl Into<Routes>) -> Result<(), Error> {
    log::init();
    let variable = |name: &str| std::env::var(name).ok();
    let home = &Home::new(
        routes.into(),
        OriginGuard::from_variables(variable)?,
        KeySource::from_variables(variable),
        |key| UsageLog::with_key(Destination::Stdout, key),
    );
    lambda_http::run(service_fn(async |request: Request| {
        let caller = caller(&request);
        let mut request = request.map(Body::new);
        let invocation = Invocation::begin(&mut request);
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        invocation.around(home.answer(request)).await
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

type App = BoxCloneSyncService<axum::extract::Request, Response, Infallible>;

/// A function's routes, and what must hold before it is asked.
struct Home<O> {
    routes: Routes,
    guard: OriginGuard,
    /// Where the usage log's key is fetched from; the environment holds it, if anything does, without.
    key_source: Option<KeySource>,
    /// Opens the usage log.
    open: O,
    /// Made when the key is there.
    app: OnceCell<App>,
}

impl<O: Fn(Option<Key>) -> UsageLog> Home<O> {
    fn new(routes: Routes, guard: OriginGuard, key_source: Option<KeySource>, open: O) -> Self {
        let app = match key_source {
            // The extension that has the key serves no earlier than at the first invocation.
            Some(_) => OnceCell::new(),
            None => {
                let key = Key::from_variables(|name| std::env::var(name).ok());
                OnceCell::new_with(Some(app(routes.clone(), open(key))))
            }
        };
        Self {
            routes,
            guard,
            key_source,
            open,
            app,
        }
    }

    async fn answer(&self, request: axum::extract::Request) -> Result<Response, Infallible> {
        let app = match self.guard.admits(request.headers()) {
            true => self.app.get_or_try_init(|| self.with_fetched_key()).await,
            false => Err(wrong_origin()),
        };
        match app {
            Ok(app) => app.clone().oneshot(request).await,
            Err(problem) => refusing(problem).oneshot(request).await,
        }
    }

    async fn with_fetched_key(&self) -> Result<App, Problem> {
        let key = match &self.key_source {
            Some(source) => Some(source.key().await?),
            None => None,
        };
        Ok(app(self.routes.clone(), (self.open)(key)))
    }
}

/// Routes in their frame, measured.
fn app(routes: impl Into<Routes> + 'static, usage_log: UsageLog) -> App {
    let metrics = Metrics::from_env(usage_log.clone());
    // Around the frame, so that a handler's panic is measured as the 500 that it becomes.
    let app = middleware::from_fn_with_state(metrics, metrics::measured)
        .layer(crate::app(routes, usage_log));
    BoxCloneSyncService::new(app)
}

/// Answers every request with a problem, without the router, and logs no usage.
fn refusing(problem: Problem) -> App {
    app(
        Router::new().fallback(async move || problem),
        UsageLog::off(),
    )
}

#[cfg(test)]
mod tests;
