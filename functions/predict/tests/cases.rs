//! Files as people keep them, where they are at hand: each must be answered with the probability that XGBoost gives.

#![allow(clippy::unwrap_used, missing_docs)]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use engagetrack::{Live, embedded};
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tower::ServiceExt;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases");

/// What an answer is compared with to this, in absolute terms.
const TOLERANCE: f64 = 1e-6;

/// Cases that are no profiles, of another business, or that are refused or warned of.
const OTHERS: [&str; 6] = ["03-", "38-", "40-", "47-", "49-", "54-"];

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

async fn post(live: &Live, query: &str, kind: &str, body: Vec<u8>) -> Answered {
    let request = Request::post(format!("/v1/predict{query}"))
        .header("content-type", kind)
        .body(Body::from(body))
        .unwrap();
    let router = Router::from(predict::router().with_state(live.clone()));
    let response = router.oneshot(request).await.unwrap();
    let problem = response
        .extensions()
        .get::<web::Problem>()
        .map(|problem| format!("{problem:?}"));
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: problem.map_or(body.to_vec(), String::into_bytes),
    }
}

/// Ids and probabilities of an answer.
fn probabilities(answered: &Answered) -> Vec<(String, f64)> {
    if answered.headers["content-type"] == "application/json" {
        let json: Value = serde_json::from_slice(&answered.body).unwrap();
        let one = |answer: &Value| {
            let id = answer["customer_id"].as_str().unwrap().to_owned();
            (id, answer["probability"].as_f64().unwrap())
        };
        return match json.as_array() {
            Some(answers) => answers.iter().map(one).collect(),
            None => vec![one(&json)],
        };
    }
    let mut reader = csv::Reader::from_reader(answered.body.as_slice());
    let header = reader.headers().unwrap().clone();
    let id = header
        .iter()
        .position(|name| name.to_lowercase().replace(['_', ' '], "") == "customerid")
        .unwrap();
    let probability = header
        .iter()
        .position(|name| name == "churn_probability")
        .unwrap();
    let records = reader.records().map(Result::unwrap);
    let records = records.filter(|record| !record[probability].is_empty());
    records
        .map(|record| (record[id].to_owned(), record[probability].parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn cases_are_answered_with_the_right_values() {
    let Ok(folder) = fs::read_dir(CASES) else {
        eprintln!("skipped: there is no {CASES}");
        return;
    };
    let right = fs::read(Path::new(CASES).join("RIGHT-VALUES.csv")).unwrap();
    let mut right = csv::Reader::from_reader(right.as_slice());
    let right: BTreeMap<String, f64> = right
        .records()
        .map(Result::unwrap)
        .map(|record| (record[0].to_owned(), record[1].parse().unwrap()))
        .collect();
    let mut files: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let live = embedded::live(embedded::core());
    let mut wrong = Vec::new();
    let mut answered = 0;
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(|first: char| first.is_ascii_digit())
            || OTHERS.iter().any(|other| name.starts_with(other))
        {
            continue;
        }
        let kind = match name.contains(".json") {
            true => "application/json",
            false => "text/csv",
        };
        let query = if kind == "text/csv" {
            "?rejects=list"
        } else {
            ""
        };
        let answer = post(&live, query, kind, fs::read(&file).unwrap()).await;
        if answer.status != 200 {
            wrong.push(format!(
                "{name}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ));
            continue;
        }
        let predictions = probabilities(&answer);
        // An add-on against its line is a row that can't be.
        let expected = right.len() - usize::from(name.starts_with("46-"));
        if predictions.len() < expected {
            wrong.push(format!(
                "{name}: {} predictions: {}",
                predictions.len(),
                String::from_utf8_lossy(&answer.body)
            ));
        }
        for (id, probability) in predictions {
            let Some(expected) = right.get(&id) else {
                continue;
            };
            if (probability - expected).abs() > TOLERANCE {
                wrong.push(format!("{name}: {id}: {probability}, not {expected}"));
            }
        }
        answered += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(answered >= 25, "{answered}");
}
