//! A request takes memory in proportion to its body, whatever the body holds.

#![allow(clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use peak_alloc::PeakAlloc;
use std::fmt::Write;
use std::sync::LazyLock;
use tower::ServiceExt;
use web::Routes;
use web::usage_log::UsageLog;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// How much memory a request may take at most, in sizes of its body, which is one of them.
const MOST_BODIES: usize = 8;

const MIB: usize = 1 << 20;

const HEADER: &str = "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,\
    OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,\
    PaymentMethod,MonthlyCharges,TotalCharges,Churn\n";
const ROW: &str = "0000-AAAAA,Male,0,No,No,0,No,No phone service,DSL,Yes,No,No,No,No,No,One year,Yes,Mailed check,30.15, ,Yes\n";

/// A body of exactly this size: a beginning, the same over and over, and an end after which blanks don't matter.
fn filled(bytes: usize, beginning: &str, repeated: &str, end: &str) -> Vec<u8> {
    let times = (bytes - beginning.len() - end.len()) / repeated.len();
    let mut body = format!("{beginning}{}{end}", repeated.repeat(times));
    let pad = bytes - body.len();
    body.insert_str(body.len() - end.len(), &" ".repeat(pad));
    body.into_bytes()
}

fn csv(beginning: &str, repeated: &str) -> Vec<u8> {
    let mut body = filled(4 * MIB, beginning, repeated, "");
    body.truncate(body.trim_ascii_end().len());
    body
}

/// An object of as many different members as fit.
fn unknown_members() -> Vec<u8> {
    let mut body = String::from("{");
    for index in 0.. {
        if body.len() > MIB - 20 {
            break;
        }
        write!(body, "\"{index:x}\":1,").unwrap();
    }
    body.pop();
    (body + "}").into_bytes()
}

/// A thousand profiles that are wrong in every field.
fn wrong_profiles() -> Vec<u8> {
    let names = HEADER.trim_end().split(',').skip(1);
    let members: Vec<String> = names.map(|name| format!("\"{name}\":\"?\"")).collect();
    let profile = format!("{{{}}}", members.join(","));
    format!("[{}]", vec![profile; 1_000].join(",")).into_bytes()
}

struct Case {
    name: &'static str,
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    /// Whether it is answered with 200, and not refused.
    accepted: bool,
}

fn cases() -> Vec<Case> {
    let case = |name, path, content_type, body, accepted| Case {
        name,
        path,
        content_type,
        body,
        accepted,
    };
    let table = |name, body, accepted| case(name, "/v1/predict", "text/csv", body, accepted);
    let mut cases = vec![
        table(
            "rows of empty cells",
            csv(HEADER, &format!("{}\n", ",".repeat(20))),
            false,
        ),
        table(
            "rows of wrong cells",
            csv(HEADER, &format!("{}?\n", "?,".repeat(20))),
            false,
        ),
        table("right rows", csv(HEADER, ROW), true),
        table(
            "rows of formulas",
            csv(HEADER, &ROW.replace("0000-AAAAA", "=1")),
            true,
        ),
        table("a header of commas", csv("", ","), false),
        table(
            "a header of a thousand columns",
            filled(4 * MIB, &format!("{}\n", ",".repeat(999)), "\n", ROW),
            false,
        ),
        table("a row of commas", csv(HEADER, ","), false),
        table("a cell", csv(HEADER, "x"), false),
        table(
            "a cell of quotes",
            csv(&format!("{HEADER}\""), "\"\""),
            false,
        ),
        table("an id", csv(&format!("{HEADER}\""), "i"), false),
        table("blank lines", filled(4 * MIB, HEADER, "\r", ROW), true),
        table(
            "rows with semicolons",
            csv(&HEADER.replace(',', ";"), &ROW.replace(',', ";")),
            true,
        ),
        table(
            "Windows-1252",
            csv(HEADER, ROW)
                .into_iter()
                .map(|byte| if byte == b'0' { 0x80 } else { byte })
                .collect(),
            false,
        ),
        table(
            "UTF-16",
            csv(HEADER, ROW)[..2 * MIB]
                .iter()
                .flat_map(|byte| [*byte, 0])
                .collect(),
            false,
        ),
        table(
            "numbers in an array",
            filled(4 * MIB, "[", "0,", "0]"),
            false,
        ),
    ];
    let json = |repeated: &str| filled(MIB, "[", repeated, "0]");
    for path in [
        "/v1/predict",
        "/v1/explain",
        "/v1/nudges",
        "/v1/analytics/what-if",
        "/v1/analytics/experiment",
        "/v1/analytics/experiment/plan",
    ] {
        let object = |name, body| case(name, path, "application/json", body, false);
        cases.extend([
            object("unknown members", unknown_members()),
            object(
                "one member over and over",
                filled(MIB, "{", "\"tenure\":0,", "\"tenure\":0}"),
            ),
            object("a name", filled(MIB, "{\"", "n", "\":0}")),
            object("a text", filled(MIB, "{\"gender\":\"", "t", "\"}")),
            object(
                "an escaped text",
                filled(MIB, "{\"gender\":\"", "\\n", "\"}"),
            ),
            object(
                "a list in a member",
                filled(MIB, "{\"filters\":[", "0,", "0]}"),
            ),
            object("an array of numbers", json("0,")),
            object("a column of numbers", filled(MIB, "{\"a\":[", "0,", "0]}")),
            object(
                "a column of members",
                filled(MIB, "{\"a\":{", "\"0\":0,", "\"0\":0}}"),
            ),
            object("lines of objects", filled(MIB, "", "{\"a\":1}\n", "{}")),
            object("literals of Python", json("NaN,")),
            object("an array of arrays", json("[],")),
            object("an array of objects", json("{},")),
            object("wrong profiles", wrong_profiles()),
            object("open brackets", filled(MIB, "", "[", "")),
            object("open braces", filled(MIB, "", "{\"a\":", "")),
        ]);
    }
    cases
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| server::functions(server::embedded()).into());

/// Status and length of the answer.
async fn send(case: &Case, body: Vec<u8>) -> (u16, usize) {
    let request = Request::post(case.path)
        .header("content-type", case.content_type)
        .body(Body::from(body))
        .unwrap();
    let response = web::app(ROUTES.clone(), UsageLog::off())
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status().as_u16();
    let answer = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, answer.len())
}

// One test, because all tests of a process share the allocator.
#[tokio::test]
async fn a_request_takes_eight_times_its_body_at_most() {
    let cases = cases();
    for case in &cases {
        // What is made on the first request is no part of it.
        send(case, b"{}".to_vec()).await;
    }
    let mut greedy = Vec::new();
    for case in &cases {
        let size = case.body.len();
        let body = case.body.clone();
        let before = ALLOCATED.current_usage() - size;
        ALLOCATED.reset_peak_usage();
        let (status, answered) = send(case, body).await;
        let peak = ALLOCATED.peak_usage() - before;
        let line = format!(
            "{:>32} to {:<29} {:5.2} MiB: {:5.2} MiB at most, {:4.1} times; {status} with {answered} bytes",
            case.name,
            case.path,
            size as f64 / MIB as f64,
            peak as f64 / MIB as f64,
            peak as f64 / size as f64,
        );
        println!("{line}");
        assert_eq!(status == 200, case.accepted, "{line}");
        assert!(status < 500, "{line}");
        if peak > MOST_BODIES * size {
            greedy.push(line);
        }
    }
    assert!(greedy.is_empty(), "\n{}", greedy.join("\n"));
}
