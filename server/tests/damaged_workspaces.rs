//! Damaged workspaces: each is refused, or answers every request without a panic and in time.

#![allow(clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use engagetrack::{Live, View};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use schema::FilterParameters;
use sections::AlignedBytes;
use serde_json::{Value, json};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tower::ServiceExt;
use web::Routes;
use web::usage_log::UsageLog;
use workspace::compile::{Sources, compile};
use workspace::testing::{Numbers, damaged, workspaces};
use workspace::{Part, Parts};

/// Damaged workspaces of `make test`. Each depends only on its number, so that a failure can be repeated.
const MUTATIONS: usize = 20_000;
/// Those of the long lane.
const MANY_MUTATIONS: usize = 1_000_000;
/// Workspaces that are damaged.
const WORKSPACES: usize = 24;
/// Every so often an accepted workspace gets all requests, otherwise a few.
const ALL_REQUESTS_IN: usize = 64;
const FEW: usize = 2;
/// A mutation that takes longer hangs. It takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Every so often a workspace is written to a file and read from there, half of the files with damage of their own.
const FILES_IN: usize = 8;
/// Failures that are told.
const MOST_TOLD: usize = 10;

type Compiled = Vec<(Part, AlignedBytes)>;

#[test]
fn damaged_workspaces_are_refused_or_answer_every_request() {
    fuzz(MUTATIONS);
}

#[test]
#[ignore = "takes minutes; `make test-long` runs it"]
fn many_damaged_workspaces_are_refused_or_answer_every_request() {
    fuzz(MANY_MUTATIONS);
}

/// Random workspaces, the same in every run.
fn whole() -> Vec<Compiled> {
    let mut runner = TestRunner::deterministic();
    let strategy = workspaces();
    (0..WORKSPACES)
        .map(|_| {
            let files = strategy.new_tree(&mut runner).unwrap().current();
            compile(&Sources::of(&files)).unwrap().parts
        })
        .collect()
}

/// What became of a mutation.
enum Outcome {
    Refused,
    Accepted { requests: usize },
    Failed(String),
}

fn fuzz(mutations: usize) {
    let whole = whole();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let (mut accepted, mut requests, mut failures) = (0, 0, Vec::new());
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for worker in 0..workers {
            let (tell, whole) = (tell.clone(), &whole);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                for number in (worker..mutations).step_by(workers) {
                    let outcome = mutation(whole, number, &runtime);
                    if tell.send((number, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for _ in 0..mutations {
            let Ok((number, outcome)) = told.recv_timeout(PATIENCE) else {
                // The thread that hangs would keep the test from ending.
                eprintln!("a mutation hangs");
                std::process::abort();
            };
            match outcome {
                Outcome::Refused => {}
                Outcome::Accepted { requests: asked } => {
                    accepted += 1;
                    requests += asked;
                }
                Outcome::Failed(what) => failures.push(format!("mutation {number}: {what}")),
            }
        }
    });
    println!(
        "{mutations} damaged workspaces: {accepted} accepted ({:.1} %), {requests} requests answered",
        100.0 * accepted as f64 / mutations as f64
    );
    let told = &failures[..failures.len().min(MOST_TOLD)];
    assert!(
        failures.is_empty(),
        "{}: {}",
        failures.len(),
        told.join("\n")
    );
    assert!(
        10 * accepted >= mutations,
        "too few are accepted to say anything: {accepted}"
    );
}

fn mutation(whole: &[Compiled], number: usize, runtime: &tokio::runtime::Runtime) -> Outcome {
    let mut random = ChaCha8Rng::seed_from_u64(number as u64);
    let mut numbers = Numbers::new((0..60).map(|_| random.next_u32()).collect());
    let [one, other] = [(); 2].map(|()| &whole[numbers.below(whole.len())]);
    let (parts, damage) = damaged(one, other, &mut numbers);
    let opened = catch_unwind(AssertUnwindSafe(|| match number.is_multiple_of(FILES_IN) {
        true => from_file(parts, &mut numbers),
        false => Live::checked(parts).ok(),
    }));
    let live = match opened {
        Ok(Some(live)) => live,
        Ok(None) => return Outcome::Refused,
        Err(_) => return Outcome::Failed(format!("verification panicked; {damage}")),
    };
    let asked = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(ask(&live, &mut numbers, number))
    }));
    match asked {
        Ok(Ok(requests)) => Outcome::Accepted { requests },
        Ok(Err(request)) => Outcome::Failed(format!("{request}; {damage}")),
        Err(_) => Outcome::Failed(format!("a request panicked; {damage}")),
    }
}

/// Puts a workspace to use by way of a file. One that is damaged must be refused.
fn from_file(parts: Parts, numbers: &mut Numbers) -> Option<Live> {
    let mut bytes = workspace::file::to_bytes(&parts.into_read());
    let place = numbers.below(bytes.len());
    let whole = match numbers.below(6) {
        0 => {
            bytes[place] ^= 1 << numbers.below(8);
            false
        }
        1 => {
            bytes.truncate(place);
            false
        }
        2 => {
            bytes.resize(bytes.len() + 1 + numbers.below(200), 0);
            false
        }
        _ => true,
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let live = Live::from_file(file.path(), &Part::ALL).ok();
    assert!(whole || live.is_none(), "a damaged file is taken");
    live
}

/// Sends requests, and counts them. The first that fails is returned.
async fn ask(live: &Live, numbers: &mut Numbers, number: usize) -> Result<usize, String> {
    let mut requests = requests(live.view(), numbers);
    let all = number.is_multiple_of(ALL_REQUESTS_IN);
    if all {
        // What the description says is made from the whole schema.
        server::openapi(live).await;
    } else {
        let first = numbers.below(requests.len());
        requests.rotate_left(first);
        requests.truncate(FEW);
    }
    let routes = Routes::from(server::functions(live.clone()))
        .answering_from(live.version(), live.model_version());
    let count = requests.len();
    for (method, target, kind, accept, body) in requests {
        let request = Request::builder()
            .method(method)
            .uri(&target)
            .header("content-type", kind)
            .header("accept", accept)
            .body(Body::from(body))
            .unwrap();
        let answer = web::app(routes.clone(), UsageLog::off()).oneshot(request);
        let answer = answer.await.unwrap();
        let status = answer.status();
        let read = to_bytes(answer.into_body(), usize::MAX).await;
        if status.is_server_error() || read.is_err() {
            return Err(format!("{method} {target}: {status}"));
        }
    }
    Ok(count)
}

type Asked = (&'static str, String, &'static str, &'static str, String);

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Requests to every endpoint, about a customer of the workspace and in its own names.
fn requests(view: &View<'_>, numbers: &mut Numbers) -> Vec<Asked> {
    const JSON: &str = "application/json";
    let schema = &view.schema;
    let customer = numbers.below(view.customers.len());
    let id = encoded(view.customers.id(customer));
    let profile = serde_json::to_value(schema.json(&view.profile(customer))).unwrap();
    let value = |field: &schema::Field<'_>| {
        let last = field.choices().saturating_sub(1);
        serde_json::to_value(schema.json_value(field.index(), last as f64)).unwrap()
    };
    let change: serde_json::Map<String, Value> = schema
        .changeable()
        .map(|field| (field.name().to_owned(), value(&field)))
        .collect();
    let get = |target: String| ("GET", target, JSON, "application/json", String::new());
    let get_as =
        |accept: &'static str, target: String| ("GET", target, JSON, accept, String::new());
    let post =
        |target: &str, body: Value| ("POST", target.to_owned(), JSON, JSON, body.to_string());
    let columns = schema.fields().map(|field| field.column());
    let header: Vec<&str> = [schema.id_column()].into_iter().chain(columns).collect();
    let row = ["7"].into_iter().chain(schema.fields().map(|_| "1"));
    let csv = format!(
        "{}\r\n{}\r\n",
        header.join(","),
        row.collect::<Vec<_>>().join(",")
    );
    let mut all = vec![
        get(format!("/v1/predict/{id}")),
        post("/v1/predict", profile.clone()),
        (
            "POST",
            "/v1/predict".to_owned(),
            "text/csv",
            "text/csv",
            csv,
        ),
        get(format!("/v1/explain/{id}?interactions=true")),
        post("/v1/explain", profile.clone()),
        post(
            "/v1/explain/what-if",
            json!({"profile": profile, "change": change}),
        ),
        get("/v1/explain?max_points=5".to_owned()),
        get("/v1/explain/model".to_owned()),
        get(format!("/v1/nudges/{id}?rotate=3&target=0.01")),
        post("/v1/nudges", profile.clone()),
        get("/v1/nudges?campaign=a&success=0.5&contacts=20".to_owned()),
        get_as("text/csv", "/v1/nudges?campaign=a&success=0.5".to_owned()),
        (
            "POST",
            "/v1/analytics/campaign?campaign=a".to_owned(),
            "text/csv",
            JSON,
            format!(
                "customer_id,left\r\n{},yes\r\n",
                view.customers.id(customer)
            ),
        ),
        get(format!("/v1/summary/{id}")),
        get_as("text/plain", format!("/v1/summary/{id}")),
        post(
            &format!("/v1/summary/{id}/events"),
            json!({"kind": "applied"}),
        ),
        get("/v1/schema".to_owned()),
        get("/v1/analytics".to_owned()),
        get("/v1/analytics?status=active&status=left&risk_level=high".to_owned()),
        post("/v1/analytics/what-if", json!({"change": change})),
        get("/v1/analytics/experiment".to_owned()),
        get("/v1/summary?limit=5".to_owned()),
        get_as("text/csv", "/v1/summary".to_owned()),
        get(format!("/v1/summary?q={id}")),
    ];
    for (field, change) in schema.changeable().zip(change.iter()) {
        let one = json!({"change": {field.name(): change.1}});
        all.push(post("/v1/analytics/what-if", one));
    }
    let everybody = "status=active&status=left";
    for sort in engagetrack::directory::sorts(view) {
        all.push(get(format!(
            "/v1/summary?{everybody}&sort={}",
            encoded(&sort)
        )));
    }
    for field in schema.fields() {
        let filter = match field.filter() {
            None => continue,
            Some(FilterParameters::Values(name)) => {
                let first = engagetrack::selection::filter_values(field).next();
                format!("{}={}", encoded(name), encoded(first.unwrap_or_default()))
            }
            Some(FilterParameters::Whole { min, .. } | FilterParameters::Number { min, .. }) => {
                format!("{}={}", encoded(min), field.range().start())
            }
        };
        all.push(get(format!("/v1/analytics?{filter}&{everybody}")));
    }
    all
}
