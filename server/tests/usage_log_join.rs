//! The usage log, read without its key, joined with all that the API says of all customers: hardly anybody is found again, whichever
//! business is served and however small it is.

#![allow(clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use engagetrack::Live;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tower::ServiceExt;
use tower::util::BoxCloneService;
use web::usage_log::{Key, Memory, UsageLog};
use workspace::compile::{Sources, compile};

/// The share of customers that may be told apart from all others by all of their lines. No single line may be.
const UNIQUE: f64 = 0.01;

/// What the key, the clock, the chain and the request's own id put into a line. The first test holds that nothing of this is
/// the same for the same customer elsewhere.
const KEYED: [&str; 9] = [
    "time",
    "request_id",
    "subject",
    "nudge",
    "key_id",
    "chain_id",
    "prev_hash",
    "digest",
    "hash",
];

/// How many lines came before, and how long the machine took.
const CIRCUMSTANCES: [&str; 2] = ["seq", "latency_us"];

/// The functions that know customers, and what they log.
struct Home {
    app: BoxCloneService<Request, Response, Infallible>,
    log: Memory,
}

type Line = Map<String, Value>;

impl Home {
    fn new(live: Live, secret: &str, hour: u64) -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * hour);
        let key = Key::new(secret.as_bytes(), None);
        let (log, memory) = UsageLog::in_memory(key, move || now);
        let router = predict::router()
            .merge(explain::router())
            .merge(summary::router())
            .with_state(live);
        Self {
            app: web::app(router, log).boxed_clone(),
            log: memory,
        }
    }

    async fn ask(&self, path: &str, accept: &str, body: Option<Value>) -> String {
        let request = match &body {
            None => Request::get(path),
            Some(_) => Request::post(path).header("content-type", "application/json"),
        };
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let request = request.header("accept", accept).body(body).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// The ids of all customers, first those who have not left.
    async fn customers(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for status in ["active", "left"] {
            let mut cursor = String::new();
            loop {
                let path = format!("/v1/summary?status={status}&limit=500{cursor}");
                let page = self.ask(&path, "application/json", None).await;
                let page: Value = serde_json::from_str(&page).unwrap();
                let items = page["items"].as_array().unwrap().iter();
                ids.extend(items.map(|item| item["customer_id"].as_str().unwrap().to_owned()));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
        }
        ids
    }

    /// Reads what the dashboard reads of a customer, takes up each nudge, and scores the profile under the id. Returns the profile
    /// without it.
    async fn visit(&self, id: &str) -> Value {
        let json = "application/json";
        let path = utf8_percent_encode(id, NON_ALPHANUMERIC);
        self.ask(&format!("/v1/predict/{path}"), json, None).await;
        self.ask(&format!("/v1/explain/{path}"), json, None).await;
        let summary = self.ask(&format!("/v1/summary/{path}"), json, None).await;
        let mut summary: Value = serde_json::from_str(&summary).unwrap();
        for nudge in summary["nudges"].as_array().unwrap() {
            let event = json!({"kind": "applied", "nudge_id": nudge["id"]});
            self.ask(&format!("/v1/summary/{path}/events"), json, Some(event))
                .await;
        }
        let mut profile = summary["profile"].take();
        profile["customer_id"] = json!(id);
        self.ask("/v1/predict", json, Some(profile.clone())).await;
        profile["customer_id"] = Value::Null;
        profile
    }

    /// The lines, without those of the list.
    fn lines(&self) -> Vec<Line> {
        let lines = self.log.lines();
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Line| line["action"] != "list")
            .collect()
    }
}

/// What remains of a line that could be the same for the same customer elsewhere.
fn joinable(line: &Line) -> String {
    let mut line = line.clone();
    line.retain(|name, _| !KEYED.contains(&&**name) && !CIRCUMSTANCES.contains(&&**name));
    serde_json::to_string(&line).unwrap()
}

/// The share of those that are like no other.
fn unique(of: impl IntoIterator<Item = String>) -> f64 {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for description in of {
        *counts.entry(description).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    counts.values().filter(|count| **count == 1).count() as f64 / all as f64
}

#[tokio::test]
async fn what_the_join_leaves_out_differs_in_each_log() {
    let homes = [
        Home::new(server::embedded(), "the key of one log, long enough", 1),
        Home::new(server::embedded(), "the key of another, long enough", 2),
    ];
    let id = homes[0].customers().await.remove(0);
    let mut lines = Vec::new();
    for home in &homes {
        home.visit(&id).await;
        lines.push(home.lines());
    }
    assert!(lines[0].len() > 4);
    let mut seen = BTreeSet::new();
    for (line, other) in lines[0].iter().zip(&lines[1]) {
        assert_eq!(joinable(line), joinable(other));
        for name in KEYED {
            let values = (line.get(name), other.get(name));
            assert!(values == (None, None) || values.0 != values.1, "{name}");
            seen.extend(line.contains_key(name).then_some(name));
        }
    }
    assert_eq!(seen, BTreeSet::from(KEYED));
}

/// A workspace of the repository, or the first so many of its customers.
fn workspace_of(folder: &str, customers: Option<usize>) -> Live {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut files = Sources::PATHS.map(|file| fs::read(root.join(file)).unwrap());
    if let Some(customers) = customers {
        let text = String::from_utf8(files[1].clone()).unwrap();
        let lines: Vec<&str> = text.lines().take(1 + customers).collect();
        files[1] = lines.join("\n").into_bytes();
    }
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    Live::open(compiled.into_parts()).unwrap()
}

/// Visits everybody, and says which share of subjects and of lines without one is unique.
async fn hardly_anybody_is_unique(live: Live) {
    let customers = live.view().customers.len();
    let home = Home::new(live, "the key of one log, long enough", 1);
    let ids = home.customers().await;
    assert_eq!(ids.len(), customers);
    for id in &ids {
        let profile = home.visit(id).await;
        home.ask("/v1/predict", "application/json", Some(profile))
            .await;
    }
    // All lines of a subject, as whoever reads the log puts them together, and each line without one.
    let mut subjects: HashMap<String, String> = HashMap::new();
    let (mut anonymous, mut each) = (Vec::new(), Vec::new());
    // Lines are in the order of the visits, so a subject that is new belongs to the next id.
    let mut visited = ids.iter();
    let mut id = "";
    for line in home.lines() {
        each.push(joinable(&line));
        match line.get("subject").and_then(Value::as_str) {
            Some(subject) => {
                if !subjects.contains_key(subject) {
                    id = visited.next().unwrap();
                }
                let of_subject = subjects.entry(subject.to_owned()).or_default();
                of_subject.push_str(&joinable(&line));
            }
            None => anonymous.push(joinable(&line)),
        }
        let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        let mut texts = line.values().filter_map(Value::as_str);
        let is_clear = texts.any(|text| text.contains(id) || text.contains(&encoded));
        assert!(!is_clear, "{id}: {line:?}");
    }
    assert_eq!((subjects.len(), anonymous.len()), (ids.len(), ids.len()));
    let shares = [
        unique(subjects.into_values()),
        unique(anonymous),
        unique(each),
    ];
    println!(
        "unique: {:.2} % of subjects, {:.2} % of lines without one, {:.4} % of all",
        shares[0] * 100.0,
        shares[1] * 100.0,
        shares[2] * 100.0,
    );
    let [of_subjects, of_anonymous, of_all] = shares;
    assert!(of_subjects < UNIQUE, "{shares:?}");
    assert_eq!([of_anonymous, of_all], [0.0, 0.0]);
}

#[tokio::test]
async fn hardly_any_customer_is_found_again_by_all_that_the_log_says() {
    hardly_anybody_is_unique(workspace_of(".", None)).await;
}

#[tokio::test]
async fn hardly_any_account_is_found_again_by_all_that_the_log_says() {
    hardly_anybody_is_unique(workspace_of("examples/saas", None)).await;
}

#[tokio::test]
async fn hardly_any_of_500_is_found_again_by_all_that_the_log_says() {
    for folder in [".", "examples/saas"] {
        hardly_anybody_is_unique(workspace_of(folder, Some(500))).await;
    }
}
