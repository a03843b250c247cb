//! The error table: each row that a function can give.

use crate::home::{Answer, example_profile, get, post_json, request, send, some_customer};
use serde_json::json;

fn assert_problem(answer: &Answer, status: u16, kind: &str, instance: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], format!("/problems/{kind}"));
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], instance);
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert!(
        !problem["title"].as_str().unwrap().is_empty()
            && !problem["detail"].as_str().unwrap().is_empty()
    );
}

fn post(path: &str, content_type: &str, body: &[u8]) -> Answer {
    send(
        request("POST", path).header("content-type", content_type),
        body,
    )
}

#[test]
fn malformed_input_is_400() {
    for body in ["", "{", "[1,", "{\"tenure\":1e999}", "nonsense"] {
        assert_problem(
            &post("/v1/predict", "application/json", body.as_bytes()),
            400,
            "malformed-request",
            "/v1/predict",
        );
    }
    let deep = "[".repeat(100_000);
    assert_problem(
        &post("/v1/predict", "application/json", deep.as_bytes()),
        400,
        "malformed-request",
        "/v1/predict",
    );
    let uneven = "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,\
        OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,\
        PaymentMethod,MonthlyCharges,TotalCharges\n0000-AAAAA,Male\n";
    assert_problem(
        &post("/v1/predict", "text/csv", uneven.as_bytes()),
        400,
        "malformed-request",
        "/v1/predict",
    );
    assert_problem(
        &get("/v1/summary?q=%zz"),
        400,
        "malformed-request",
        "/v1/summary",
    );
}

#[test]
fn post_from_a_page_of_another_site_is_403() {
    let body = example_profile().to_string();
    let from = |site: &str| {
        let request = request("POST", "/v1/predict").header("sec-fetch-site", site);
        send(
            request.header("content-type", "application/json"),
            body.as_bytes(),
        )
    };
    assert_problem(
        &from("cross-site"),
        403,
        "cross-site-request",
        "/v1/predict",
    );
    for site in ["same-origin", "same-site", "none"] {
        assert_eq!(from(site).status, 200, "{site}");
    }
    let read = request("GET", "/v1/summary?limit=1").header("sec-fetch-site", "cross-site");
    assert_eq!(send(read, b"").status, 200);
}

#[test]
fn an_unknown_customer_is_404() {
    for id in ["0000-ZZZZZ", "nobody", "%22%0a%7b"] {
        assert_problem(
            &get(&format!("/v1/predict/{id}")),
            404,
            "unknown-customer",
            &format!("/v1/predict/{id}"),
        );
        let path = format!("/v1/summary/{id}");
        assert_problem(&get(&path), 404, "unknown-customer", &path);
    }
}

#[test]
fn a_wrong_method_is_405_and_names_the_right_ones() {
    let answer = send(request("DELETE", "/v1/predict"), b"");
    assert_problem(&answer, 405, "method-not-allowed", "/v1/predict");
    assert_eq!(answer.header("allow"), "POST");
    let answer = send(request("PUT", "/v1/summary"), b"");
    assert_problem(&answer, 405, "method-not-allowed", "/v1/summary");
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[test]
fn an_unacceptable_answer_is_406() {
    let id = some_customer();
    for path in [
        format!("/v1/predict/{id}"),
        format!("/v1/summary/{id}"),
        "/v1/summary".to_owned(),
    ] {
        let answer = send(request("GET", &path).header("accept", "image/png"), b"");
        assert_problem(&answer, 406, "not-acceptable", &path);
    }
}

#[test]
fn a_large_body_is_413() {
    let spaces = |count: usize| vec![b' '; count];
    assert_problem(
        &post("/v1/predict", "application/json", &spaces((1 << 20) + 1)),
        413,
        "body-too-large",
        "/v1/predict",
    );
    assert_problem(
        &post("/v1/predict", "application/json", &spaces(1 << 20)),
        400,
        "malformed-request",
        "/v1/predict",
    );
    assert_problem(
        &post("/v1/predict", "text/csv", &spaces((4 << 20) + 1)),
        413,
        "body-too-large",
        "/v1/predict",
    );
}

#[test]
fn a_type_not_offered_is_415() {
    let body = example_profile().to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/json; charset=latin1",
        "json",
    ] {
        let answer = post("/v1/predict", content_type, body.as_bytes());
        assert_problem(&answer, 415, "unsupported-media-type", "/v1/predict");
    }
    let untyped = send(request("POST", "/v1/predict"), body.as_bytes());
    assert_problem(&untyped, 415, "unsupported-media-type", "/v1/predict");
    assert_eq!(
        post(
            "/v1/predict",
            "application/json; charset=UTF-8",
            body.as_bytes()
        )
        .status,
        200
    );
}

#[test]
fn the_impossible_is_422() {
    let mut profile = example_profile();
    profile["usage_frequency"] = json!(31);
    assert_problem(
        &post_json("/v1/predict", &profile),
        422,
        "invalid-input",
        "/v1/predict",
    );
    for body in [json!(5), json!(null), json!("text"), json!([5])] {
        assert_problem(
            &post_json("/v1/predict", &body),
            422,
            "invalid-input",
            "/v1/predict",
        );
    }
    let twice = example_profile()
        .to_string()
        .replacen('{', "{\"tenure\":1,", 1);
    let answer = post("/v1/predict", "application/json", twice.as_bytes());
    assert_problem(&answer, 422, "invalid-input", "/v1/predict");
    assert!(
        answer
            .text
            .contains("given twice, as tenure and as tenure_months"),
        "{}",
        answer.text
    );
}

#[test]
fn the_callers_request_id_is_kept() {
    let answer = send(
        request("GET", "/v1/predict/nobody").header("x-request-id", "caller-7"),
        b"",
    );
    assert_eq!(answer.header("x-request-id"), "caller-7");
    assert_eq!(answer.json()["request_id"], "caller-7");
    let other = send(
        request("GET", "/v1/predict/nobody").header("x-request-id", "{forged}"),
        b"",
    );
    assert_eq!(other.header("x-request-id").len(), 36);
}

/// The longest run of this letter, in bytes.
fn longest_run(text: &str, letter: char) -> usize {
    let runs = text.split(|other| other != letter);
    runs.map(str::len).max().unwrap_or_default()
}

#[test]
fn a_clients_text_is_repeated_with_two_hundred_bytes_at_most() {
    let long = "ÿ".repeat(1_500);
    let encoded = "%c3%bf".repeat(500);
    let id = some_customer();
    let mut profile = example_profile();
    profile["contract"] = json!(long);
    profile[&long] = json!(1);
    let csv = format!("{long},{long}\n{long},{long}\n");
    let events = format!("/v1/summary/{id}/events");
    let event = json!({"kind": long, "nudge_id": long, long.as_str(): 1});
    let what_if = json!({"filters": {"contract": long, long.as_str(): 1}, "change": {"contract": long, long.as_str(): long}});
    let experiment = json!({"control": {"users": long}, long.as_str(): 1});
    let answers = [
        get(&format!("/v1/predict/{encoded}")),
        get(&format!("/v1/summary/{encoded}")),
        get(&format!(
            "/v1/summary?{encoded}={encoded}&contract={encoded}&limit={encoded}"
        )),
        get(&format!("/v1/analytics?{encoded}=1&tenure_min={encoded}")),
        post_json("/v1/predict", &profile),
        post_json("/v1/predict", &json!([profile])),
        post_json("/v1/nudges", &profile),
        post_json("/v1/explain", &profile),
        post_json("/v1/predict", &json!(long)),
        post_json("/v1/analytics/what-if", &what_if),
        post_json("/v1/analytics/experiment", &experiment),
        post_json("/v1/analytics/experiment", &json!({long.as_str(): 1})),
        post_json("/v1/analytics/experiment/plan", &json!({"power": long})),
        post_json(&events, &event),
        post("/v1/predict", "text/csv", csv.as_bytes()),
        post("/v1/predict", &format!("text/{}", "y".repeat(1_000)), b""),
        send(
            request("GET", "/v1/predict/nobody")
                .header("accept", "y".repeat(1_000))
                .header("x-request-id", "y".repeat(1_000)),
            b"",
        ),
    ];
    for answer in answers {
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        assert!(longest_run(&answer.text, 'ÿ') <= 200, "{}", answer.text);
        assert!(longest_run(&answer.text, 'y') <= 200, "{}", answer.text);
        let problem = answer.json();
        assert!(
            problem["instance"].as_str().unwrap().len() <= 200,
            "{}",
            answer.text
        );
        for error in problem["errors"].as_array().unwrap_or(&Vec::new()) {
            assert!(
                error["pointer"].as_str().unwrap().len() <= 200,
                "{}",
                answer.text
            );
        }
    }
}
