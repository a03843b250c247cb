//! The record: what the functions answer to 2,500 requests, committed in `answers.jsonl.gz` and compared here.
//!
//! A change that moves an answer either does not mean to, and fails here, or commits the new record with
//! `UPDATE_GOLDEN=1 cargo test --package server --test record` and says why.

#![allow(clippy::unwrap_used)]

mod difference;
mod requests;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use difference::difference;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use requests::{Asked, WORKSPACE};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{Read, Write};
use std::sync::LazyLock;
use tower::{Service, ServiceExt};
use web::Routes;
use web::usage_log::UsageLog;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/record/answers.jsonl.gz");
/// Headers that belong to an answer.
const HEADERS: [&str; 4] = [
    "content-type",
    "content-disposition",
    "allow",
    "retry-after",
];
/// Differences that are shown before the rest is only counted.
const SHOWN: usize = 20;

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    request: String,
    status: u16,
    headers: Vec<(String, String)>,
    /// JSON as it is, everything else as text.
    body: Value,
}

/// The functions, as every home serves them.
fn app()
-> impl Service<Request<Body>, Response = axum::response::Response, Error = std::convert::Infallible>
+ Clone {
    static ROUTES: LazyLock<Routes> =
        LazyLock::new(|| server::functions(server::embedded()).into());
    web::app(ROUTES.clone(), UsageLog::off())
}

async fn answer(asked: &Asked) -> Answer {
    static VERSION: LazyLock<String> = LazyLock::new(|| server::embedded().version().to_owned());
    let mut request = Request::builder()
        .method(asked.method)
        .uri(asked.target.replace(WORKSPACE, &VERSION))
        .header("x-request-id", "record");
    for (name, value) in &asked.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(asked.body.clone())).unwrap();
    let response = app().oneshot(request).await.unwrap();
    let headers = HEADERS.iter().filter_map(|name| {
        let value = response.headers().get(*name)?.to_str().unwrap();
        Some(((*name).to_owned(), value.to_owned()))
    });
    let (status, headers) = (response.status().as_u16(), headers.collect());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let cursor = |version: &str| format!("\"next_cursor\":\"{version}-");
    let text = text.replace(&cursor(&VERSION), &cursor(WORKSPACE));
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        request: asked.to_string(),
        status,
        headers,
        body: rounded(body),
    }
}

/// The same with numbers of eleven digits, which are enough for the comparison and take half the space.
fn rounded(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().map(rounded).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, rounded(value)))
            .collect(),
        Value::Number(number) if number.is_f64() => {
            let digits = format!("{:.10e}", number.as_f64().unwrap());
            digits.parse::<f64>().unwrap().into()
        }
        other => other,
    }
}

#[tokio::test]
async fn answers_are_those_of_the_record() {
    let mut answers = Vec::new();
    for asked in requests::all() {
        answers.push(answer(&asked).await);
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write(&answers);
    }
    let recorded = read();
    let asked = |answers: &[Answer]| -> Vec<String> {
        answers
            .iter()
            .map(|answer| answer.request.clone())
            .collect()
    };
    assert_eq!(
        asked(&answers),
        asked(&recorded),
        "the record is of other requests"
    );
    let differences: Vec<String> = answers
        .iter()
        .zip(&recorded)
        .filter_map(|(now, then)| {
            let found = match now.status == then.status && now.headers == then.headers {
                true => difference(&now.body, &then.body)?,
                false => format!(
                    "{} {:?}, was {} {:?}",
                    now.status, now.headers, then.status, then.headers
                ),
            };
            Some(format!("{}\n    {found}", now.request))
        })
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {} answers differ from the record:\n{}",
        differences.len(),
        answers.len(),
        differences[..differences.len().min(SHOWN)].join("\n")
    );
}

fn write(answers: &[Answer]) {
    // Without a time or a name in its header, the same answers give the same file.
    let mut file = GzEncoder::new(Vec::new(), Compression::best());
    for answer in answers {
        serde_json::to_writer(&mut file, answer).unwrap();
        file.write_all(b"\n").unwrap();
    }
    std::fs::write(FILE, file.finish().unwrap()).unwrap();
}

fn read() -> Vec<Answer> {
    let mut text = String::new();
    let file = std::fs::read(FILE).unwrap();
    GzDecoder::new(&*file).read_to_string(&mut text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
