//! What the server says of itself.

use crate::client::{Answer, Client, get};
use crate::process::{Server, command};
use std::net::SocketAddr;
use web::problem::Kind;

/// Sends bytes and reads the answer.
fn exchange(address: SocketAddr, bytes: &str) -> Answer {
    let mut client = Client::connect(address).unwrap();
    client.send(bytes).unwrap();
    client.answer().unwrap()
}

/// The value of a sample in a scrape.
fn sample(metrics: &str, name: &str) -> f64 {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in {metrics}"))
        .parse()
        .unwrap()
}

#[test]
fn the_binary_checks_its_own_health() {
    let server = Server::start(&[]);
    let port = server.address.port().to_string();
    let mut check = command();
    check
        .arg("--health")
        .env("PORT", &port)
        .env("HOST", "0.0.0.0");
    assert!(check.status().unwrap().success());
    drop(server);
    assert_eq!(check.status().unwrap().code(), Some(1));
}

#[test]
fn health_has_a_port_of_its_own_where_one_is_set() {
    let mut server = Server::start(&[("HEALTH_PORT", "0"), ("DRAIN", "600")]);
    assert_ne!(server.health, server.address);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(server.health, path).status, 200, "{path}");
    }
    let elsewhere = get(server.health, "/v1/summary?limit=1");
    assert_eq!(elsewhere.status, 404);
    assert!(elsewhere.text().contains("/problems/unknown-path"));
    assert!(elsewhere.header("content-security-policy").is_some());
    // Both ports tell of the same requests.
    assert_eq!(get(server.address, "/v1/predict/nobody").status, 404);
    let labels = "{route=\"/v1/predict/{customer_id}\",status=\"404\"}";
    let name = format!("http_requests_total{labels}");
    assert_eq!(sample(get(server.health, "/metrics").text(), &name), 1.0);

    let mut check = command();
    check
        .arg("--health")
        .env("HEALTH_PORT", server.health.port().to_string())
        .env("PORT", "1");
    assert!(check.status().unwrap().success());
    server.terminate();
    let unready = std::iter::repeat_with(|| get(server.health, "/readyz"))
        .find(|answer| answer.status != 200)
        .unwrap();
    assert_eq!(unready.status, 503);
    server.interrupt();
    assert!(server.ended().success());
    assert_eq!(check.status().unwrap().code(), Some(1));
}

#[test]
fn the_help_names_each_setting() {
    let output = command().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for name in ["PORT", "USAGE_LOG_KEY", "RATE_LIMIT", "DRAIN"] {
        assert!(help.contains(&format!("  {name} ")), "{help}");
    }
    assert_eq!(command().arg("--hlep").status().unwrap().code(), Some(2));
}

#[test]
fn metrics_count_requests_predictions_and_lines() {
    let server = Server::start(&[]);
    let list: serde_json::Value =
        serde_json::from_slice(&get(server.address, "/v1/summary?limit=1").body).unwrap();
    let id = list["items"][0]["customer_id"].as_str().unwrap();
    for _ in 0..3 {
        assert_eq!(
            get(server.address, &format!("/v1/predict/{id}")).status,
            200
        );
    }
    assert_eq!(get(server.address, "/v1/predict/nobody").status, 404);
    let answer = get(server.address, "/metrics");
    let metrics = answer.text();
    let requests = |status| {
        let labels = format!("{{route=\"/v1/predict/{{customer_id}}\",status=\"{status}\"}}");
        sample(metrics, &format!("http_requests_total{labels}"))
    };
    assert_eq!((requests(200), requests(404)), (3.0, 1.0));
    let durations = "http_request_duration_seconds_count{route=\"/v1/predict/{customer_id}\"}";
    assert_eq!(sample(metrics, durations), 4.0);
    // The directory scored the one customer that it listed.
    assert_eq!(sample(metrics, "predictions_total"), 4.0);
    assert_eq!(sample(metrics, "usage_log_writable"), 1.0);
    assert_eq!(sample(metrics, "usage_log_failures_total"), 0.0);
    let lines = std::fs::read_to_string(server.usage_log())
        .unwrap()
        .lines()
        .count();
    assert_eq!(sample(metrics, "usage_log_lines_total"), lines as f64);
}

#[test]
fn problems_are_counted_by_their_type() {
    let server = Server::start(&[]);
    let count = |kind: &str| {
        let answer = get(server.address, "/metrics");
        let name = format!("problems_total{{type=\"{kind}\"}}");
        sample(answer.text(), &name)
    };
    for kind in Kind::ALL {
        assert_eq!(count(kind.explanation().slug), 0.0, "{kind:?}");
    }
    for _ in 0..2 {
        assert_eq!(get(server.address, "/v1/predict/nobody").status, 404);
    }
    for path in ["/v1/nowhere", "/nowhere", "/v1/a/b/c"] {
        assert_eq!(get(server.address, path).status, 404, "{path}");
    }
    assert_eq!(
        get(server.address, "/v1/summary?limit=0&limits=1").status,
        422
    );
    // axum refuses the one by itself, hyper the other.
    for (head, status) in [
        ("DELETE /v1/predict HTTP/1.1\r\nhost: test", 405),
        ("nonsense", 400),
    ] {
        let answer = exchange(server.address, &format!("{head}\r\n\r\n"));
        assert_eq!(answer.status, status, "{head}");
    }
    let counts = [
        ("unknown-customer", 2.0),
        ("unknown-path", 3.0),
        ("invalid-input", 1.0),
        ("method-not-allowed", 1.0),
        ("malformed-request", 1.0),
    ];
    for (kind, expected) in counts {
        assert_eq!(count(kind), expected, "{kind}");
    }
    let metrics = get(server.address, "/metrics");
    let types = metrics.text().matches("problems_total{").count();
    assert_eq!(types, Kind::ALL.len());
}

#[test]
fn each_type_of_problem_is_explained_at_its_path() {
    let server = Server::start(&[]);
    let ask = |path: &str, accept: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\naccept: {accept}\r\n\r\n");
        exchange(server.address, &head)
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for kind in Kind::ALL {
        let known = kind.explanation();
        let answer = ask(&kind.path(), "*/*");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("vary"), Some("accept"));
        let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let expected = serde_json::json!({
            "type": kind.path(), "title": known.title, "status": known.status.as_u16(),
            "when": known.when, "remedy": known.remedy,
        });
        assert_eq!(told, expected);
        let page = ask(&kind.path(), browser);
        let kind_of_page = page.header("content-type").unwrap();
        assert_eq!(kind_of_page, "text/html; charset=utf-8");
        assert!(page.text().contains(&format!("<h1>{}</h1>", known.title)));
    }
    // A problem leads to its own explanation.
    let refused = get(server.address, "/problems/nothing");
    assert_eq!(refused.status, 404);
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(problem["type"], "/problems/unknown-problem");
    let explained = get(server.address, problem["type"].as_str().unwrap());
    let explained: serde_json::Value = serde_json::from_slice(&explained.body).unwrap();
    for member in ["type", "title", "status"] {
        assert_eq!(explained[member], problem[member]);
    }
}

#[test]
fn a_log_that_can_not_be_written_shows_and_fails_no_call() {
    let server = Server::start(&[("USAGE_LOG", "/nowhere/usage.log")]);
    assert_eq!(get(server.address, "/v1/predict/nobody").status, 404);
    let ready = get(server.address, "/readyz");
    assert_eq!(ready.status, 200);
    assert!(
        ready.text().contains("\"writable\":false"),
        "{}",
        ready.text()
    );
    let answer = get(server.address, "/metrics");
    let metrics = answer.text();
    assert_eq!(sample(metrics, "usage_log_writable"), 0.0);
    assert!(sample(metrics, "usage_log_failures_total") >= 1.0);
}

#[test]
fn every_answer_tells_browsers_to_be_strict() {
    let server = Server::start(&[]);
    for path in ["/", "/v1/summary?limit=1", "/v1/predict/nobody", "/nowhere"] {
        let answer = get(server.address, path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe-eval"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
