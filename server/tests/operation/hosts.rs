//! The host names that the server answers under.

use crate::client::{Answer, Client, get};
use crate::process::Server;

/// Sends a request's head and reads the answer.
fn ask(server: &Server, head: &str) -> Answer {
    let mut client = Client::connect(server.address).unwrap();
    client.send(format!("{head}\r\n\r\n")).unwrap();
    client.answer().unwrap()
}

fn assert_refused(answer: &Answer, status: u16, kind: &str) {
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, status, "{problem}");
    assert_eq!(problem["type"], format!("/problems/{kind}"));
    assert_eq!(
        problem["request_id"].as_str(),
        answer.header("x-request-id")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn loopback_server_answers_under_loopback_names_only() {
    let server = Server::start(&[("ALLOWED_HOSTS", "")]);
    for path in ["/", "/v1/summary?limit=1", "/openapi.json"] {
        for host in ["localhost", "LOCALHOST.:80", "127.0.0.1:1", "[::1]"] {
            let answer = ask(&server, &format!("GET {path} HTTP/1.1\r\nhost: {host}"));
            assert_eq!(answer.status, 200, "{path} of {host}");
        }
        let rebound = ask(
            &server,
            &format!("GET {path} HTTP/1.1\r\nhost: evil.test:8080"),
        );
        assert_refused(&rebound, 421, "misdirected-request");
    }
    let absolute = "GET http://evil.test/v1/summary HTTP/1.1\r\nhost: localhost";
    assert_refused(&ask(&server, absolute), 421, "misdirected-request");
    let absolute = "GET http://localhost/v1/summary?limit=1 HTTP/1.1\r\nhost: evil.test";
    assert_eq!(ask(&server, absolute).status, 200);
}

#[test]
fn listed_hosts_replace_the_loopback_names() {
    let server = Server::start(&[("ALLOWED_HOSTS", "engagetrack.test, 192.0.2.7")]);
    let status = |host: &str| ask(&server, &format!("GET / HTTP/1.1\r\nhost: {host}")).status;
    assert_eq!(status("EngageTrack.test:443"), 200);
    assert_eq!(status("192.0.2.7"), 200);
    assert_eq!(status("localhost"), 421);
    let everyone = Server::start(&[("ALLOWED_HOSTS", "*")]);
    assert_eq!(
        ask(&everyone, "GET / HTTP/1.1\r\nhost: evil.test").status,
        200
    );
}

#[test]
fn host_is_wanted_exactly_once() {
    let server = Server::start(&[]);
    for path in ["/", "/v1/summary", "/nowhere", "/healthz"] {
        for hosts in ["", "\r\nhost: test\r\nhost: test", "\r\nhost: a@b"] {
            let answer = ask(&server, &format!("GET {path} HTTP/1.1{hosts}"));
            assert_refused(&answer, 400, "malformed-request");
        }
    }
    // HTTP/1.0 may leave it out, and then names none of the allowed hosts.
    assert_eq!(ask(&server, "GET /healthz HTTP/1.0").status, 200);
    assert_refused(&ask(&server, "GET / HTTP/1.0"), 421, "misdirected-request");
    assert_eq!(ask(&server, "GET / HTTP/1.0\r\nhost: test").status, 200);
}

#[test]
fn health_and_metrics_answer_under_any_name() {
    let server = Server::start(&[]);
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = ask(
            &server,
            &format!("GET {path} HTTP/1.1\r\nhost: 10.0.0.7:8080"),
        );
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[test]
fn misdirected_requests_leave_no_usage_line_and_are_counted() {
    let server = Server::start(&[]);
    let head = "GET /v1/predict/nobody HTTP/1.1\r\nhost: evil.test";
    assert_eq!(ask(&server, head).status, 421);
    assert!(server.logged().is_empty());
    let metrics = get(server.address, "/metrics");
    let sample = "http_requests_total{route=\"/v1/predict/{customer_id}\",status=\"421\"} 1";
    assert!(metrics.text().contains(sample), "{}", metrics.text());
}
