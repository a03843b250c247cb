use super::*;
use crate::Usage;
use crate::usage_log::Memory;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const SECRET: &str = "a secret of a decent length";
const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key+1-AbCdEf";

/// AWS's extension, as far as the function sees it.
struct Extension {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Extension {
    /// Gives one of these answers over each connection, and none when there are no more.
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut held = Vec::new();
            let mut answers = answers.into_iter();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                match answers.next() {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => held.push(stream),
                }
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A secret as Secrets Manager describes it.
fn good() -> String {
    let answer = serde_json::json!({"ARN": ARN, "Name": "key", "SecretString": SECRET, "VersionStages": ["AWSCURRENT"]});
    http("200 OK", &answer.to_string())
}

fn source(port: u16) -> Option<KeySource> {
    KeySource::from_variables(|name| match name {
        "USAGE_LOG_KEY_SECRET" => Some(ARN.to_owned()),
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT" => Some(port.to_string()),
        "AWS_SESSION_TOKEN" => Some("a token".to_owned()),
        _ => None,
    })
}

/// A function that counts its calls, and the log that it opens.
struct Function {
    answer: Box<dyn AsyncAnswer>,
    calls: Arc<AtomicUsize>,
    log: Arc<Mutex<Option<Memory>>>,
}

trait AsyncAnswer {
    fn ask<'s>(
        &'s self,
        request: axum::extract::Request,
    ) -> futures_util::future::BoxFuture<'s, Response>;
}

impl<O: Fn(Option<Key>) -> UsageLog + Send + Sync> AsyncAnswer for Home<O> {
    fn ask<'s>(
        &'s self,
        request: axum::extract::Request,
    ) -> futures_util::future::BoxFuture<'s, Response> {
        Box::pin(async { self.answer(request).await.unwrap() })
    }
}

#[utoipa::path(get, path = "/v1/predict/x", tag = "predict")]
async fn read_customer(State(calls): State<Arc<AtomicUsize>>) -> impl IntoResponse {
    calls.fetch_add(1, Ordering::Relaxed);
    (Usage::of_customer(Some("1234-ABCDE")).noted(), "read")
}

impl Function {
    fn new(guard: &str, key_source: Option<KeySource>) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let log = Arc::new(Mutex::new(None));
        let opened = Arc::clone(&log);
        let guard = OriginGuard::from_variables(|_| Some(guard.to_owned())).unwrap();
        let router: OpenApiRouter = OpenApiRouter::new()
            .routes(routes!(read_customer))
            .with_state(Arc::clone(&calls));
        let home = Home::new(router.into(), guard, key_source, move |key| {
            let (log, memory) = UsageLog::in_memory(key.unwrap(), SystemTime::now);
            *opened.lock().unwrap() = Some(memory);
            log
        });
        Self {
            answer: Box::new(home),
            calls,
            log,
        }
    }

    /// Status, type of problem, and `retry-after`.
    async fn ask(&self, secret: Option<&str>) -> (StatusCode, String, bool) {
        let mut request = axum::extract::Request::get("/v1/predict/x");
        if let Some(secret) = secret {
            request = request.header("x-origin-secret", secret);
        }
        let answer = self.answer.ask(request.body(Body::empty()).unwrap()).await;
        let (status, may_retry) = (
            answer.status(),
            answer.headers().contains_key("retry-after"),
        );
        assert!(answer.headers().contains_key("x-request-id"));
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        (
            status,
            problem["type"].as_str().unwrap_or_default().to_owned(),
            may_retry,
        )
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The lines that were logged; `None` where no log was opened.
    fn lines(&self) -> Option<Vec<Value>> {
        let log = self.log.lock().unwrap();
        let lines = log.as_ref()?.lines();
        Some(
            lines
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        )
    }
}

fn unavailable() -> (StatusCode, String, bool) {
    let kind = "/problems/usage-log-key-unavailable".to_owned();
    (StatusCode::SERVICE_UNAVAILABLE, kind, true)
}

fn read() -> (StatusCode, String, bool) {
    (StatusCode::OK, String::new(), false)
}

#[tokio::test]
async fn the_key_is_fetched_once_before_the_first_line() {
    let extension = Extension::start(vec![good()]).await;
    let function = Function::new("", source(extension.port));
    assert!(extension.requests().is_empty() && function.lines().is_none());
    for _ in 0..3 {
        assert_eq!(function.ask(None).await, read());
    }
    let requests = extension.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_lowercase();
    let path = "get /secretsmanager/get?secretid=arn:aws:secretsmanager:eu-central-1:123456789012:secret:key%2b1-abcdef http/1.1";
    assert!(head.starts_with(path), "{head}");
    assert!(
        head.contains("\r\nx-aws-parameters-secrets-token: a token\r\n"),
        "{head}"
    );
    let lines = function.lines().unwrap();
    assert_eq!(lines.len(), 3);
    let key = Key::new(SECRET.as_bytes(), None);
    assert!(lines.iter().all(|line| line["key_id"] == key.id()));
}

#[tokio::test]
async fn an_extension_that_is_not_ready_is_asked_again() {
    let wait = http("400 Bad Request", "not ready to serve traffic, please wait");
    let extension = Extension::start(vec![wait.clone(), wait, good()]).await;
    let function = Function::new("", source(extension.port));
    assert_eq!(function.ask(None).await, read());
    assert_eq!(extension.requests().len(), 3);
}

#[tokio::test]
async fn without_the_key_nothing_is_answered_or_logged_and_the_next_request_tries_again() {
    let bad = vec![
        http("400 Bad Request", "AccessDeniedException"),
        http("500 Internal Server Error", ""),
        http("200 OK", "no JSON"),
        http("200 OK", r#"{"SecretBinary":"AAAA"}"#),
        http("200 OK", r#"{"SecretString":""}"#),
        http(
            "200 OK",
            &format!("{{\"SecretString\":\"{}\"}}", "x".repeat(600_000)),
        ),
        http("200 OK", "cut short").replace("length: 9", "length: 900"),
        "this is not HTTP\r\n\r\n".to_owned(),
        String::new(),
    ];
    let count = bad.len();
    let extension = Extension::start(bad.into_iter().chain([good()]).collect()).await;
    let function = Function::new("", source(extension.port));
    for turn in 0..count {
        assert_eq!(function.ask(None).await, unavailable(), "{turn}");
    }
    assert_eq!((function.calls(), function.lines()), (0, None));
    assert_eq!(function.ask(None).await, read());
    assert_eq!((function.calls(), function.lines().unwrap().len()), (1, 1));
    assert_eq!(extension.requests().len(), count + 1);
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_stalls_or_is_not_there_is_given_up() {
    let extension = Extension::start(Vec::new()).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = gone.local_addr().unwrap().port();
    drop(gone);
    for port in [extension.port, nowhere] {
        let function = Function::new("", source(port));
        assert_eq!(function.ask(None).await, unavailable());
        assert_eq!((function.calls(), function.lines()), (0, None));
    }
}

#[tokio::test]
async fn a_request_from_elsewhere_is_refused_before_anything_is_read() {
    let extension = Extension::start(vec![good()]).await;
    // hashlib.sha256(b"the secret of the origin")
    let digest = "61832d8533caa6ec748b6b9b0e12bc321a8b6da1e03b9f502c126ef606f06694";
    let function = Function::new(digest, source(extension.port));
    let refused = (
        StatusCode::FORBIDDEN,
        "/problems/wrong-origin".to_owned(),
        false,
    );
    for secret in [None, Some("another"), Some(digest)] {
        assert_eq!(function.ask(secret).await, refused);
    }
    assert!(extension.requests().is_empty());
    assert_eq!((function.calls(), function.lines()), (0, None));
    assert_eq!(function.ask(Some("the secret of the origin")).await, read());
    assert_eq!((function.calls(), function.lines().unwrap().len()), (1, 1));
}

#[test]
fn a_log_that_is_off_needs_no_key() {
    let variable = |log: &'static str| {
        move |name: &str| match name {
            "USAGE_LOG_KEY_SECRET" => Some(ARN.to_owned()),
            "USAGE_LOG" => Some(log.to_owned()),
            _ => None,
        }
    };
    assert!(KeySource::from_variables(variable("stdout")).is_some());
    assert!(KeySource::from_variables(variable("off")).is_none());
    assert!(KeySource::from_variables(|_| None).is_none());
}
