//! The error table: each row that a function can give.

use crate::business::as_number;
use crate::home::{Answer, encoded, everywhere, send};
use crate::json::{items, number, text};
use serde_json::json;

fn assert_problem(answer: &Answer, status: u16, kind: &str, instance: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], format!("/problems/{kind}"));
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], instance);
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert!(!text(&problem["title"]).is_empty() && !text(&problem["detail"]).is_empty());
}

#[test]
fn malformed_input_is_400() {
    everywhere(|home| {
        let malformed = |content_type: &str, body: &str| {
            let answer = home.post_text("/v1/predict", content_type, body);
            assert_problem(&answer, 400, "malformed-request", "/v1/predict");
        };
        for body in [
            "",
            "{",
            "[1,",
            "{\"x\":1e999}",
            "nonsense",
            &"[".repeat(100_000),
        ] {
            malformed("application/json", body);
        }
        let uneven = format!("{}\n0000-AAAAA\n", home.csv_header());
        malformed("text/csv", &uneven);
        assert_problem(
            &home.get("/v1/summary?q=%zz"),
            400,
            "malformed-request",
            "/v1/summary",
        );
    });
}

#[test]
fn posts_from_a_page_of_another_site_are_403() {
    everywhere(|home| {
        let body = home.some_profile().to_string();
        let from = |site: &str| {
            let request = home
                .request("POST", "/v1/predict")
                .header("sec-fetch-site", site);
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
        let read = home.request("GET", "/v1/summary?limit=1");
        let read = read.header("sec-fetch-site", "cross-site");
        assert_eq!(send(read, b"").status, 200);
    });
}

#[test]
fn unknown_customers_are_404() {
    everywhere(|home| {
        for id in ["0000-ZZZZZ", "nobody", "%22%0a%7b"] {
            for function in ["predict", "explain", "nudges", "summary"] {
                let path = format!("/v1/{function}/{id}");
                assert_problem(&home.get(&path), 404, "unknown-customer", &path);
            }
        }
    });
}

#[test]
fn what_a_business_lacks_is_404() {
    everywhere(|home| {
        let answer = home.get("/v1/analytics/experiment");
        match items(&home.schema()["experiments"]).is_empty() {
            true => {
                assert_problem(&answer, 404, "switched-off", "/v1/analytics/experiment");
                assert!(answer.text.contains("experiment"), "{}", answer.text);
            }
            false => assert_eq!(answer.status, 200),
        }
    });
}

#[test]
fn wrong_methods_are_405_and_name_the_right_ones() {
    everywhere(|home| {
        let answer = send(home.request("DELETE", "/v1/predict"), b"");
        assert_problem(&answer, 405, "method-not-allowed", "/v1/predict");
        assert_eq!(answer.header("allow"), "POST");
        let answer = send(home.request("PUT", "/v1/summary"), b"");
        assert_problem(&answer, 405, "method-not-allowed", "/v1/summary");
        assert_eq!(answer.header("allow"), "GET,HEAD");
    });
}

#[test]
fn unacceptable_answers_are_406() {
    everywhere(|home| {
        let id = encoded(&home.some_customer());
        for path in [
            format!("/v1/predict/{id}"),
            format!("/v1/summary/{id}"),
            "/v1/summary".to_owned(),
            "/v1/schema".to_owned(),
            "/v1/analytics".to_owned(),
        ] {
            let answer = home.get_as("image/png", &path);
            assert_problem(&answer, 406, "not-acceptable", &path);
        }
        let answer = home.get_as("text/csv", "/v1/analytics");
        assert_problem(&answer, 406, "not-acceptable", "/v1/analytics");
    });
}

#[test]
fn large_bodies_are_413() {
    everywhere(|home| {
        let posted = |content_type: &str, spaces: usize| {
            home.post_text("/v1/predict", content_type, &" ".repeat(spaces))
        };
        for (content_type, limit) in [("application/json", 1 << 20), ("text/csv", 4 << 20)] {
            let answer = posted(content_type, limit + 1);
            assert_problem(&answer, 413, "body-too-large", "/v1/predict");
        }
        let answer = posted("application/json", 1 << 20);
        assert_problem(&answer, 400, "malformed-request", "/v1/predict");
    });
}

#[test]
fn types_not_offered_are_415() {
    everywhere(|home| {
        let body = home.some_profile().to_string();
        for content_type in [
            "text/plain",
            "application/xml",
            "application/json; charset=latin1",
            "json",
        ] {
            let answer = home.post_text("/v1/predict", content_type, &body);
            assert_problem(&answer, 415, "unsupported-media-type", "/v1/predict");
        }
        let untyped = send(home.request("POST", "/v1/predict"), body.as_bytes());
        assert_problem(&untyped, 415, "unsupported-media-type", "/v1/predict");
        let utf8 = home.post_text("/v1/predict", "application/json; charset=UTF-8", &body);
        assert_eq!(utf8.status, 200);
    });
}

#[test]
fn impossible_values_are_422() {
    everywhere(|home| {
        for field in home.numbers() {
            let name = text(&field["name"]);
            for (bound, by) in [("least", -1.0), ("most", 1.0)] {
                let mut profile = home.some_profile();
                profile[name] = as_number(field, number(&field[bound]) + by);
                let answer = home.post("/v1/predict", &profile);
                assert_problem(&answer, 422, "invalid-input", "/v1/predict");
                assert_eq!(answer.pointers(), [format!("/{name}")]);
            }
        }
        for body in [json!(5), json!(null), json!("text"), json!([5])] {
            assert_problem(
                &home.post("/v1/predict", &body),
                422,
                "invalid-input",
                "/v1/predict",
            );
        }
    });
}

#[test]
fn request_ids_of_callers_are_kept() {
    everywhere(|home| {
        let asked = |id: &str| {
            let request = home.request("GET", "/v1/predict/nobody");
            send(request.header("x-request-id", id), b"")
        };
        let answer = asked("caller-7");
        assert_eq!(answer.header("x-request-id"), "caller-7");
        assert_eq!(answer.json()["request_id"], "caller-7");
        assert_eq!(asked("{forged}").header("x-request-id").len(), 36);
    });
}

/// The longest run of this letter, in bytes.
fn longest_run(text: &str, letter: char) -> usize {
    let runs = text.split(|other| other != letter);
    runs.map(str::len).max().unwrap_or_default()
}

#[test]
fn texts_of_clients_are_repeated_with_two_hundred_bytes_at_most() {
    everywhere(|home| {
        let long = "ÿ".repeat(1_500);
        let encoded_long = "%c3%bf".repeat(500);
        let id = encoded(&home.some_customer());
        let mut profile = home.some_profile();
        let mut fields = json!({});
        for field in home.fields() {
            profile[text(&field["name"])] = json!(long);
            fields[text(&field["name"])] = json!(long);
        }
        profile[&long] = json!(1);
        fields[&long] = json!(long);
        let mut query = format!("limit={encoded_long}&{encoded_long}={encoded_long}");
        let mut filters = json!({long.as_str(): 1});
        for filter in items(&home.schema()["filters"]) {
            for name in ["parameter", "min", "max", "below"] {
                let Some(name) = filter[name].as_str() else {
                    continue;
                };
                filters[name] = json!(long);
                // An address is no longer than servers in front take it.
                if query.len() < 12_000 {
                    query += &format!("&{name}={encoded_long}");
                }
            }
        }
        let events = format!("/v1/summary/{id}/events");
        let event = json!({"kind": long, "nudge_id": long, long.as_str(): 1});
        let what_if = json!({"filters": filters, "change": fields});
        let experiment = json!({"control": {"users": long}, long.as_str(): 1});
        let answers = [
            home.get(&format!("/v1/predict/{encoded_long}")),
            home.get(&format!("/v1/summary/{encoded_long}")),
            home.get(&format!("/v1/summary?{query}")),
            home.get(&format!("/v1/analytics?{query}")),
            home.post("/v1/predict", &profile),
            home.post("/v1/predict", &json!([profile])),
            home.post("/v1/nudges", &profile),
            home.post("/v1/explain", &profile),
            home.post(
                "/v1/explain/what-if",
                &json!({"profile": profile, "change": fields}),
            ),
            home.post("/v1/predict", &json!(long)),
            home.post("/v1/analytics/what-if", &what_if),
            home.post("/v1/analytics/experiment", &experiment),
            home.post("/v1/analytics/experiment", &json!({long.as_str(): 1})),
            home.post("/v1/analytics/experiment/plan", &json!({"power": long})),
            home.post(&events, &event),
            home.post_csv("/v1/predict", &format!("{long},{long}\n{long},{long}\n")),
            home.post_text("/v1/predict", &format!("text/{}", "y".repeat(1_000)), ""),
            send(
                home.request("GET", "/v1/predict/nobody")
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
            assert!(text(&problem["instance"]).len() <= 200, "{}", answer.text);
            for error in problem["errors"].as_array().unwrap_or(&Vec::new()) {
                assert!(text(&error["pointer"]).len() <= 200, "{}", answer.text);
            }
        }
    });
}
