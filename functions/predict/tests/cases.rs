//! Files as people keep them, where they are at hand: each must be answered with the probability that XGBoost gives,
//! and scored by a bulk job with the same.

#![allow(clippy::unwrap_used, missing_docs)]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use bulk::{Input, Job, Layout, LayoutError, Manifest, score};
use engagetrack::{Live, embedded};
use http_body_util::BodyExt;
use reader::Confirmed;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tower::ServiceExt;
use workspace::compile::{Sources, compile};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases");

/// What an answer is compared with to this, in absolute terms.
const TOLERANCE: f64 = 1e-6;

/// Cases that are no profiles, of another business, or that are refused or warned of: each has a test of its own, those of experiments
/// in the contract of `/v1/analytics/experiment`.
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

/// Ids and probabilities of a bulk job in shards of a few rows, with its manifest; or why there is none.
fn scored(live: &Live, name: &str, bytes: &[u8]) -> Result<(Vec<(String, f64)>, Manifest), String> {
    let view = live.view();
    let layout = Layout::read(view, bytes, &Confirmed::default()).map_err(|error| match error {
        LayoutError::Table(error) => error.to_string(),
        LayoutError::Columns(errors) => errors.listed()[0].detail.clone(),
        error => error.to_string(),
    })?;
    let input = Input {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        version: "1".to_owned(),
    };
    let job = Job::new(view, input, layout, Some(500));
    let (mut results, mut rejects) = (Vec::new(), Vec::new());
    let reports = job.shards().map(|shard| {
        let parts = (&mut results, &mut rejects);
        score(view, &job, &shard, bytes, parts.0, parts.1, |_| {}).unwrap()
    });
    let reports: Vec<_> = reports.collect();
    let manifest = Manifest::of(view, &job, reports).unwrap();
    let mut reader = csv::Reader::from_reader(results.as_slice());
    let header = reader.headers().unwrap().clone();
    let probability = header.iter().position(|name| name == "churn_probability");
    let records = reader.records().map(Result::unwrap);
    let probabilities = records.map(|record| {
        let probability = record[probability.unwrap()].parse().unwrap();
        (record[0].to_owned(), probability)
    });
    Ok((probabilities.collect(), manifest))
}

/// All cases by their names.
fn cases() -> Option<Vec<(String, Vec<u8>)>> {
    let Ok(folder) = fs::read_dir(CASES) else {
        eprintln!("skipped: there is no {CASES}");
        return None;
    };
    let files = folder.map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    cases.sort();
    Some(cases)
}

/// What a case is answered, with the rows that can't be read left out.
async fn answered(live: &Live, name: &str, bytes: Vec<u8>) -> Answered {
    match name.contains(".json") {
        true => post(live, "", "application/json", bytes).await,
        false => post(live, "?rejects=list", "text/csv", bytes).await,
    }
}

#[tokio::test]
async fn cases_are_scored_in_bulk_as_they_are_answered() {
    let Some(cases) = cases() else {
        return;
    };
    let live = embedded::live(embedded::explanations(embedded::core()));
    let (mut wrong, mut same, mut refused) = (Vec::new(), 0, 0);
    for (name, bytes) in cases {
        let in_bulk = scored(&live, &name, &bytes);
        let answer = answered(&live, &name, bytes).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match (in_bulk, answer.status) {
            (Ok((scored, manifest)), 200) => {
                let predicted = probabilities(&answer);
                let is_same = |(one, other): (&(String, f64), &(String, f64))| {
                    // An id that a spreadsheet would run is defused in CSV.
                    one.0.trim_start_matches('\'') == other.0.trim_start_matches('\'')
                        && (one.1 - other.1).abs() <= TOLERANCE
                };
                if scored.len() != predicted.len() || !scored.iter().zip(&predicted).all(is_same) {
                    wrong.push(format!("{name}: {scored:?}, not {predicted:?}"));
                }
                for (header, evidence) in [
                    ("x-read-as", &manifest.read_as.read_as),
                    ("x-warnings", &manifest.read_as.warnings),
                ] {
                    let value = answer.headers.get(header);
                    let value = value.map_or(&b"[]"[..], |value| value.as_bytes());
                    let value: Value = serde_json::from_slice(value).unwrap();
                    if value != serde_json::to_value(evidence).unwrap() {
                        wrong.push(format!("{name}: {evidence:?}, not {value}"));
                    }
                }
                same += 1;
            }
            (Ok((scored, manifest)), 400..) if scored.is_empty() => {
                for reason in &manifest.reject_reasons {
                    let (column, rule) = reason.reason.split_once(' ').unwrap();
                    if !text.contains(column) || !text.contains(rule) {
                        wrong.push(format!("{name}: {reason}, not {text}"));
                    }
                }
                refused += 1;
            }
            (Err(sentence), 400..) => {
                // Within what is printed of a problem, quotes have a backslash.
                if !text.contains(&sentence.replace('"', "\\\"")) {
                    wrong.push(format!("{name}: {sentence}, not {text}"));
                }
                refused += 1;
            }
            (in_bulk, status) => wrong.push(format!(
                "{name}: {:?}, not {status}: {text}",
                in_bulk.map(|(scored, _)| scored)
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 25 && refused >= 1, "{same} {refused}");
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
        // As the dashboard asks, and as a program does.
        let queries: &[&str] = match kind {
            "text/csv" => &["?rejects=list", ""],
            _ => &[""],
        };
        for query in queries {
            let answer = post(&live, query, kind, fs::read(&file).unwrap()).await;
            // An add-on against its line is a row that can't be, which refuses the others unless it is listed.
            let is_refused = name.starts_with("46-");
            if is_refused && query.is_empty() {
                assert_eq!(answer.status, 422, "{name}");
                continue;
            }
            if answer.status != 200 {
                wrong.push(format!(
                    "{name}{query}: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                ));
                continue;
            }
            let predictions = probabilities(&answer);
            let expected = right.len() - usize::from(is_refused);
            if predictions.len() < expected {
                wrong.push(format!(
                    "{name}{query}: {} predictions: {}",
                    predictions.len(),
                    String::from_utf8_lossy(&answer.body)
                ));
            }
            for (id, probability) in predictions {
                let Some(expected) = right.get(&id) else {
                    continue;
                };
                if (probability - expected).abs() > TOLERANCE {
                    wrong.push(format!(
                        "{name}{query}: {id}: {probability}, not {expected}"
                    ));
                }
            }
        }
        answered += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(answered >= 25, "{answered}");
}

/// The case whose name begins like this; none where the cases are not at hand.
fn case(beginning: &str) -> Option<Vec<u8>> {
    let Ok(folder) = fs::read_dir(CASES) else {
        eprintln!("skipped: there is no {CASES}");
        return None;
    };
    let mut names = folder.map(|entry| entry.unwrap().path());
    let file = names
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(beginning)
        })
        .unwrap();
    Some(fs::read(file).unwrap())
}

#[tokio::test]
async fn a_workbook_is_named_with_what_to_do() {
    let Some(workbook) = case("03-") else {
        return;
    };
    let live = embedded::live(embedded::core());
    let answer = post(&live, "", "text/csv", workbook).await;
    assert_eq!(answer.status, 400);
    let sentence = String::from_utf8_lossy(&answer.body).into_owned();
    let wanted =
        "is an Excel workbook (.xlsx), which is not read here; save its sheet as CSV UTF-8";
    assert!(sentence.contains(wanted), "{sentence}");
}

#[tokio::test]
async fn units_that_the_training_never_saw_are_told_of_the_cases() {
    let live = embedded::live(embedded::core());
    for (beginning, words) in [("38-", "perhaps a smaller unit"), ("40-", "perhaps scaled")] {
        let Some(file) = case(beginning) else {
            return;
        };
        for query in ["", "?rejects=list"] {
            let answer = post(&live, query, "text/csv", file.clone()).await;
            assert_eq!(answer.status, 200, "{beginning}");
            let warnings = answer.headers["x-warnings"].to_str().unwrap();
            let warnings: Value = serde_json::from_str(warnings).unwrap();
            let mut warnings = warnings.as_array().unwrap().iter();
            let told = warnings.any(|one| {
                one["column"] == "monthly_charges"
                    && one["reading"].as_str().unwrap().contains(words)
            });
            assert!(told, "{beginning}: {:?}", answer.headers["x-warnings"]);
        }
    }
}

/// The columns of BigML's file that a small business of another kind has.
const BIGML: &str = r#"
format = 1
name = "bigml"
as_of = 2026-01-01

[roles]
id = { columns = ["Phone"] }
outcome = { name = "churned", columns = ["Churn"], left = ["Yes"], stayed = ["No"] }

[[field]]
name = "state"
kind = "choice"
values = ["KS", "OH", { name = "elsewhere", other = true }]
about = "person"
model = false

[[field]]
name = "international_plan"
kind = "flag"
about = "plan"
required = true

[[field]]
name = "total_day_minutes"
kind = "number"
least = 0
about = "behaviour"
required = true

[[field]]
name = "customer_service_calls"
kind = "whole"
about = "behaviour"
required = true
"#;

/// That business with customers whose outcomes are in French, and a tree that splits at 200 minutes a day.
fn bigml() -> Live {
    let tree = json!({
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [200.0, -0.5, 0.5],
        "default_left": [0, 0, 0],
        "sum_hessian": [4.0, 2.0, 2.0],
        "split_type": [0, 0, 0],
        "tree_param": {"num_nodes": "3", "num_feature": "3", "size_leaf_vector": "1"},
    });
    let model = json!({"learner": {
        "attributes": {},
        "feature_names": ["total_day_minutes", "international_plan", "customer_service_calls"],
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "3", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
            "iteration_indptr": [0, 1],
            "tree_info": [0],
            "trees": [tree],
        }},
    }, "version": [3, 2, 0]});
    let customers = "Phone;State;International plan;Total day minutes;Customer service calls;Churn\n\
        1;KS;No;301.5;1;FAUX\n2;OH;Yes;100.25;4;VRAI\n3;NJ;No;99;0;FAUX\n";
    let nudges = r#"
categories = ["engagement"]

[[nudge]]
id = "thanks"
category = "engagement"
title = "Thank you"
otherwise = true
reasons = ["Nothing to do."]
messages = ["Thank you.", "Thanks."]
"#;
    let card = json!({"version": "bigml-none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}});
    let files = [
        BIGML.to_owned(),
        customers.to_owned(),
        nudges.to_owned(),
        model.to_string(),
        card.to_string(),
        "{}".to_owned(),
    ];
    let compiled = compile(&Sources::of(&files.map(String::into_bytes))).unwrap();
    let live = Live::open(compiled.into_parts()).unwrap();
    let left = |customer| live.view().customers.outcome(customer).left();
    assert_eq!([0, 1, 2].map(left), [Some(false), Some(true), Some(false)]);
    live
}

#[tokio::test]
async fn a_file_in_french_is_read_by_the_schema_of_its_business() {
    let live = bigml();
    let Some(file) = case("54-") else {
        return;
    };
    let text = String::from_utf8(file.clone()).unwrap();
    let minutes: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.split(';').nth(6).unwrap().parse().unwrap())
        .collect();
    for query in ["", "?rejects=list"] {
        let answer = post(&live, query, "text/csv", file.clone()).await;
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        let read_as = answer.headers["x-read-as"].to_str().unwrap();
        assert!(read_as.contains("'VRAI' is left"), "{read_as}");
        let mut reader = csv::Reader::from_reader(answer.body.as_slice());
        let header = reader.headers().unwrap().clone();
        let place = header.iter().position(|name| name == "churn_probability");
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), minutes.len());
        for (record, minutes) in records.iter().zip(&minutes) {
            let margin: f64 = if *minutes < 200.0 { -0.5 } else { 0.5 };
            let probability: f64 = record[place.unwrap()].parse().unwrap();
            let expected = 1.0 / (1.0 + (-margin).exp());
            assert!((probability - expected).abs() < TOLERANCE, "{record:?}");
        }
    }
}
