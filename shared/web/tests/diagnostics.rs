//! What a failed request leaves in the diagnostic log. Alone in its process: whether `tracing` looks at a line at all is decided
//! for all threads together.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use std::io;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;
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

async fn panicking() -> StatusCode {
    panic!("on purpose")
}

#[tokio::test]
async fn a_failure_is_logged_without_the_customers_id() {
    let log = Written::default();
    let sink = log.clone();
    tracing_subscriber::fmt()
        .json()
        .with_writer(move || sink.clone())
        .init();
    let router = Router::new()
        .route("/v1/predict/{id}", get(panicking))
        .route("/v1/explain/{id}", get(async || Problem::internal()));
    for path in ["/v1/predict/1234-ABCDE", "/v1/explain/1234-ABCDE"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let app = web::app(router.clone(), UsageLog::off());
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
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
