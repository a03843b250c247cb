//! What every request and response has in common: a request id, problems as documents, no cache, no panic.

use crate::problem::{Kind, Problem};
use crate::routes::Routes;
use crate::usage::{self, Call, Caller, Usage};
use crate::usage_log::UsageLog;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tower::{Service, ServiceExt, service_fn};

const REQUEST_ID: &str = "x-request-id";
/// The headers that name the workspace and the model an answer is from.
const VERSIONS: [HeaderName; 2] = [
    HeaderName::from_static("workspace-version"),
    HeaderName::from_static("model-version"),
];
/// Headers that the frame and a home add to a response.
const MOST_HEADERS: usize = 12;
const LONGEST_REQUEST_ID: usize = 128;

/// The id of a request: the caller's where it sent a valid one, else a fresh UUID.
///
/// Valid are 1 to 128 letters, digits, and `-`, `_`, `.`, `:`, `=`, `+`, `/`.
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    fn of(request: &Request) -> Self {
        let valid = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(byte);
            (1..=LONGEST_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(allowed)
        };
        Self(
            request
                .headers()
                .get(REQUEST_ID)
                .filter(valid)
                .cloned()
                .unwrap_or_else(|| Self::fresh().0),
        )
    }

    fn fresh() -> Self {
        let fresh = uuid::Uuid::new_v4().to_string();
        Self(HeaderValue::try_from(fresh).expect("a UUID is ASCII"))
    }

    /// Chooses the request's id and writes it into its header, so that the frame takes the same.
    pub(crate) fn settle(request: &mut Request) -> Self {
        let id = Self::of(request);
        request.headers_mut().insert(REQUEST_ID, id.0.clone());
        id
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("valid ids are ASCII")
    }
}

/// Puts the frame around routes: this is what a home serves.
///
/// Around the router, not a layer inside it, because axum adds `allow` to a 405 outside all layers.
pub fn app(
    routes: impl Into<Routes> + 'static,
    usage_log: UsageLog,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send {
    let routes = routes.into();
    // Boxed, because the services around it move its future again and again, and it is large.
    service_fn(move |request| Box::pin(frame(routes.clone(), usage_log.clone(), request)))
}

/// The answer to what can't be read as a request: it has an id, but no path is known.
pub fn refusal(problem: Problem) -> axum::http::Response<Bytes> {
    let id = RequestId::fresh();
    problem.trace(id.as_str(), None);
    let (mut head, document) = problem.into_document("", id.as_str()).into_parts();
    head.headers.insert(REQUEST_ID, id.0);
    let uncached = HeaderValue::from_static("no-store");
    head.headers.insert(header::CACHE_CONTROL, uncached);
    // A document is whole from the beginning.
    let document = to_bytes(document, usize::MAX).now_or_never();
    let document = document.and_then(Result::ok).unwrap_or_default();
    axum::http::Response::from_parts(head, document)
}

async fn frame(
    routes: Routes,
    usage_log: UsageLog,
    mut request: Request,
) -> Result<Response, Infallible> {
    let arrival = Instant::now();
    let id = RequestId::of(&request);
    let uri = request.uri().clone();
    // For the answer only: in a log, beside the request id, a path with a customer's id would name the usage line's subject.
    let path = uri.path();
    let function = routes.functions.at(path);
    let caller = request.extensions_mut().remove::<Caller>();
    let handled = AssertUnwindSafe(routes.router.clone().oneshot(request))
        .catch_unwind()
        .await;
    let mut response = handled.unwrap_or_else(|panic| {
        tracing::error!(
            request_id = id.as_str(),
            function = function.map(|name| &**name),
            panic = panic_message(&*panic),
            "a handler panicked"
        );
        Ok(Problem::internal().into_response())
    })?;
    let caller = response.extensions_mut().remove::<Caller>().or(caller);
    // axum answers a wrong method by itself, with an empty body and the list of allowed methods.
    let allow = response.headers().get(header::ALLOW).cloned();
    let problem = match (
        response.extensions_mut().remove::<Problem>(),
        response.status(),
    ) {
        (Some(problem), _) => Some(problem),
        (None, StatusCode::METHOD_NOT_ALLOWED) => Some(Problem::method_not_allowed(allow.as_ref())),
        (None, _) => None,
    };
    if let Some(problem) = problem {
        let function = function.map(|name| &**name);
        if problem.kind() == Kind::InternalError {
            tracing::error!(
                request_id = id.as_str(),
                function,
                status = problem.status().as_u16(),
                "a request failed"
            );
        } else {
            problem.trace(id.as_str(), function);
        }
        response = problem.into_document(path, id.as_str());
    }
    let event = function.and_then(|function| {
        let call = Call {
            function,
            request_id: id.as_str(),
            caller,
            outcome: response.status().as_u16(),
            latency: arrival.elapsed(),
            workspace_version: routes.versions.as_ref().map(|versions| &versions.workspace),
        };
        usage::event(call, response.extensions().get::<Usage>())
    });
    if let Some(event) = event {
        usage_log.record(event).await;
    }
    let headers = response.headers_mut();
    // The home adds some more. A map that grows step by step hashes every name again at each.
    headers.reserve(MOST_HEADERS);
    headers.insert(REQUEST_ID, id.0);
    if let (Some(versions), Some(_)) = (routes.versions, function) {
        headers.extend(VERSIONS.into_iter().zip(versions.headers.clone()));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown kind")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage_log::Key;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::any;
    use axum::routing::get;
    use serde_json::{Value, json};
    use std::time::SystemTime;
    use utoipa_axum::router::OpenApiRouter;
    use utoipa_axum::routes;

    async fn panicking() -> StatusCode {
        panic!("the secret inside")
    }

    async fn ask(request: axum::http::request::Builder) -> (Response, Value) {
        let router = Router::new()
            .route("/fine", get(async || "fine"))
            .route("/panics", get(panicking));
        let mut response = app(router, UsageLog::off())
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let body = std::mem::take(response.body_mut());
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (response, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_says_nothing_of_the_inside() {
        let (response, problem) = ask(Request::get("/panics").header(REQUEST_ID, "abc-1")).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(problem["request_id"], "abc-1");
        assert_eq!(problem["instance"], "/panics");
        assert!(!problem.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn each_call_that_reads_a_customer_leaves_one_line() {
        let (log, lines) =
            UsageLog::in_memory(Key::new(b"a secret of tests", None), SystemTime::now);
        #[utoipa::path(get, path = "/v1/weather/{customer_id}", tag = "weather")]
        async fn read() -> impl IntoResponse {
            let usage = Usage::of_customer(Some("1234-ABCDE")).scored("low".into(), "v1".into());
            (usage.doing("read").noted(), "read")
        }
        // The tag names the function, whatever the path begins with.
        #[utoipa::path(get, path = "/v1/tides", tag = "sea")]
        async fn count() -> impl IntoResponse {
            (Usage::of_many(2).noted(), "read")
        }
        #[utoipa::path(post, path = "/v1/tides", tag = "sea")]
        async fn refuse() -> Problem {
            Problem::malformed("No.")
        }
        #[utoipa::path(get, path = "/v1/stars", tag = "stars")]
        async fn look() -> &'static str {
            "nobody was read"
        }
        let router = OpenApiRouter::new()
            .routes(routes!(read))
            .routes(routes!(count, refuse))
            .routes(routes!(look))
            .route("/v1/{*path}", any(async || Problem::unknown_path()))
            .route("/healthz", get(async || "ok"));
        let app = app(router, log);
        for (method, path) in [
            ("GET", "/v1/weather/x"),
            ("GET", "/v1/tides"),
            ("POST", "/v1/tides"),
            ("DELETE", "/v1/tides"),
            ("GET", "/v1/stars"),
            ("GET", "/v1/1234-ABCDE"),
            ("GET", "/healthz"),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(REQUEST_ID, "a\"b")
                .body(Body::empty())
                .unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
        let lines: Vec<Value> = lines
            .lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| {
                let what = (&line["function"], &line["action"]);
                (what.0, what.1, &line["outcome"], &line["count"])
            })
            .collect();
        let expected = [
            json!(["weather", "read", 200, 1]),
            json!(["sea", "sea", 200, 2]),
            json!(["sea", "sea", 400, 0]),
            json!(["sea", "sea", 405, 0]),
        ];
        assert_eq!(
            seen.iter().map(|line| json!(line)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(lines[0]["risk_level"], "low");
        assert_eq!(lines[0].get("probability"), None);
        assert_eq!(lines[0]["caller"], "anonymous");
        assert!(!lines[0].to_string().contains("1234-ABCDE"));
    }

    #[tokio::test]
    async fn a_request_id_is_kept_when_valid_and_replaced_when_not() {
        let (response, _) = ask(Request::get("/fine").header(REQUEST_ID, "caller:1/2")).await;
        assert_eq!(response.headers()[REQUEST_ID], "caller:1/2");
        for wrong in ["", "with space", "{\"forged\":1}", &"x".repeat(129)] {
            let (response, _) = ask(Request::get("/fine").header(REQUEST_ID, wrong)).await;
            assert_eq!(response.headers()[REQUEST_ID].len(), 36, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_a_document() {
        let refused = refusal(Problem::malformed("No."));
        let problem: Value = serde_json::from_slice(refused.body()).unwrap();
        assert_eq!(
            problem["request_id"],
            refused.headers()[REQUEST_ID].to_str().unwrap()
        );
        assert_eq!(
            (&problem["instance"], &problem["detail"]),
            (&json!(""), &json!("No."))
        );
        assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn a_wrong_method_names_the_right_ones() {
        let (response, problem) = ask(Request::delete("/fine")).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(problem["detail"], "Allowed here: GET, HEAD.");
    }
}
