//! What a failed or refused request leaves in the diagnostic log. Alone in its process: whether `tracing` looks at a line at all is decided
//! for all threads together.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::Value;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Problem;
use web::usage_log::UsageLog;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[utoipa::path(get, path = "/v1/predict/{id}", tag = "predict")]
async fn panicking() -> StatusCode {
    panic!("on purpose")
}

#[utoipa::path(get, path = "/v1/explain/{id}", tag = "explain")]
async fn failing() -> Problem {
    Problem::internal()
}

/// What has been logged so far, by all tests.
static LOG: LazyLock<Written> = LazyLock::new(|| {
    let log = Written::default();
    let sink = log.clone();
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || sink.clone())
        .init();
    log
});

/// The line about a request.
fn line(request_id: &str) -> Value {
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut about = lines.filter(|line| line["fields"]["request_id"] == request_id);
    let line = about.next().unwrap();
    assert_eq!(about.next(), None);
    line
}

#[utoipa::path(post, path = "/v1/predict/{id}", tag = "predict")]
async fn refusing(body: String) -> Problem {
    let pointers = ["/tenure_months", "/17/Churn", "", "/address_2"].map(str::to_owned);
    let names = [
        format!("/{body}"),
        format!("/3/{body}/partner"),
        "/0401234567".to_owned(),
    ];
    let errors = pointers.into_iter().chain(names).map(|pointer| {
        let detail = format!("must be less, got {body:?}");
        (pointer, detail)
    });
    Problem::invalid((7, errors.collect::<Vec<_>>()))
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_places_and_without_values() {
    LazyLock::force(&LOG);
    let values = [
        "1234-ABCDE",
        "ann@example.com",
        "Ann Lee",
        "2026-11-26",
        "12345678",
        "<{\"",
        "é",
    ];
    for (index, value) in values.into_iter().enumerate() {
        let id = format!("refused-{index}");
        let router = OpenApiRouter::new().routes(routes!(refusing));
        let request = Request::post("/v1/predict/5678-FGHIJ?q=secret")
            .header("x-request-id", &id)
            .body(Body::from(value))
            .unwrap();
        let app = web::app(router, UsageLog::off());
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let line = line(&id);
        assert_eq!(line["level"], "DEBUG");
        let fields = &line["fields"];
        assert_eq!(fields["problem"], "invalid-input");
        assert_eq!(
            (&fields["status"], &fields["function"]),
            (&422.into(), &"predict".into())
        );
        let pointers: Vec<String> =
            serde_json::from_str(fields["pointers"].as_str().unwrap()).unwrap();
        let places = [
            "/tenure_months",
            "/17/Churn",
            "",
            "/address_2",
            "/?",
            "/3/?/partner",
            "/?",
        ];
        assert_eq!(pointers, places);
        let text = line.to_string();
        for sent in [value, "5678-FGHIJ", "secret"] {
            assert!(!text.contains(sent), "{sent}: {text}");
        }
    }
}

#[test]
fn a_refusal_of_what_is_no_request_is_logged() {
    LazyLock::force(&LOG);
    let refused = web::refusal(Problem::malformed("No HTTP."));
    let id = refused.headers()["x-request-id"].to_str().unwrap();
    let fields = &line(id)["fields"];
    assert_eq!(fields["problem"], "malformed-request");
    assert_eq!(fields["pointers"], "[]");
}

#[tokio::test]
async fn a_failure_is_logged_without_the_customers_id() {
    LazyLock::force(&LOG);
    let router = OpenApiRouter::new()
        .routes(routes!(panicking))
        .routes(routes!(failing));
    for path in ["/v1/predict/1234-ABCDE", "/v1/explain/1234-ABCDE"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let app = web::app(router.clone(), UsageLog::off());
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    for part in [
        "a handler panicked",
        "a request failed",
        "\"function\":\"predict\"",
        "\"function\":\"explain\"",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("1234-ABCDE"), "{log}");
}
