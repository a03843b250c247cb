//! The load and the rate that a server takes on.

use crate::client::{Client, get};
use crate::process::{Server, command};
use std::thread;

#[test]
fn a_client_over_its_rate_is_429_and_told_when_to_come_back() {
    let server = Server::start(&[
        ("RATE_LIMIT", "1"),
        ("RATE_LIMIT_BURST", "2"),
        ("TRUSTED_PROXIES", "1"),
    ]);
    let mut client = Client::connect(server.address).unwrap();
    let mut ask = |forwarded| client.get("/v1/summary?limit=1", &[forwarded]).unwrap();
    let statuses: Vec<u16> = (0..10)
        .map(|_| ask("x-forwarded-for: 203.0.113.1").status)
        .collect();
    assert_eq!(statuses[..2], [200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = std::iter::repeat_with(|| ask("x-forwarded-for: 203.0.113.1"))
        .find(|answer| answer.status == 429)
        .unwrap();
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(ask("x-forwarded-for: 203.0.113.2").status, 200);
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn a_request_too_many_is_503_and_the_next_is_served() {
    let server = Server::start(&[("MAX_REQUESTS", "2")]);
    let unfinished = || {
        let mut client = Client::connect(server.address).unwrap();
        // The server asks for the body: it has the request in hand.
        client
            .send("POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
            .unwrap();
        assert_eq!(client.answer().unwrap().status, 100);
        client
    };
    let mut held = [unfinished(), unfinished()];
    let shed = get(server.address, "/v1/summary?limit=1");
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    assert_eq!(
        shed.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(get(server.address, "/readyz").status, 200);

    held[0].send("[]").unwrap();
    assert_eq!(held[0].answer().unwrap().status, 200);
    assert_eq!(get(server.address, "/v1/summary?limit=1").status, 200);
}

#[test]
fn bodies_have_a_budget_and_each_client_a_share_of_it() {
    // A quarter, 16 MiB, is for bodies and answers; a client may have half of that, which is the largest body twice.
    let server = Server::start(&[("MEMORY_LIMIT", "67108864"), ("REQUEST_TIMEOUT", "600")]);
    let connect = |last| Client::connect_from([127, 0, 0, last].into(), server.address).unwrap();
    let most = vec![b'\n'; 4 << 20];
    let upload = |last| {
        let mut client = connect(last);
        client
            .send(format!(
                "POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n",
                most.len()
            ))
            .unwrap();
        client.send(&most[1..]).unwrap();
        client
    };
    let until_held = |bytes: usize| {
        let line = format!("body_bytes {bytes}\n");
        while !get(server.address, "/metrics").text().contains(&line) {
            thread::yield_now();
        }
    };
    let refusal_of = |last| {
        connect(last)
            .post("/v1/predict", "text/csv", &most[..1 << 20])
            .unwrap()
    };
    let mut first = upload(2);
    until_held(8 << 20);
    let refused = refusal_of(2);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    assert!(refused.text().contains("/problems/client-share-used-up"));
    until_held(8 << 20);
    let second = upload(3);
    until_held(16 << 20);
    let refused = refusal_of(4);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert!(refused.text().contains("all the memory that there is"));
    // A small body is always taken.
    let mut small = connect(4);
    let answer = small
        .post("/v1/predict", "application/json", b"[]")
        .unwrap();
    assert_eq!(answer.status, 200);

    first.send("\n").unwrap();
    assert!((400..500).contains(&first.answer().unwrap().status));
    drop((first, second));
    until_held(0);
    let again = connect(4).post("/v1/predict", "text/csv", &most[..1 << 20]);
    assert!(matches!(again.unwrap().status, 400 | 422));
}

#[test]
fn sixty_four_connections_are_no_overload() {
    let server = Server::start(&[]);
    let ask = || {
        let mut client = Client::connect(server.address).unwrap();
        (0..20).all(|_| client.get("/v1/summary?limit=1", &[]).unwrap().status == 200)
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        assert!(clients.into_iter().all(|client| client.join().unwrap()));
    });
}

#[test]
fn a_setting_that_makes_no_sense_ends_the_start() {
    let output = command().env("PORT", "eighty").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        message,
        "PORT must be a port from 0 to 65535, got \"eighty\"\n"
    );
}
