//! Whoever misbehaves is cut off, and the others are served.

use crate::client::{Client, get};
use crate::process::Server;
use std::io;

/// What an honest client asks meanwhile.
fn assert_served(server: &Server) {
    assert_eq!(get(server.address, "/v1/summary?limit=1").status, 200);
}

#[test]
fn headers_that_come_too_slowly_end_the_connection() {
    let server = Server::start(&[("HEADER_TIMEOUT", "0.3")]);
    let slow: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = Client::connect(server.address).unwrap();
            client.send("GET /v1/summary HTTP/1.1\r\nhost:").unwrap();
            client
        })
        .collect();
    assert_served(&server);
    for client in slow {
        client.until_closed();
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let server = Server::start(&[("HEADER_TIMEOUT", "0.3")]);
    let mut client = Client::connect(server.address).unwrap();
    assert_eq!(client.get("/healthz", &[]).unwrap().status, 200);
    assert_eq!(client.until_closed(), b"");
}

#[test]
fn oversized_headers_are_431() {
    let server = Server::start(&[]);
    let header = |size| format!("x-long: {}", "x".repeat(size));
    let mut client = Client::connect(server.address).unwrap();
    let answer = client
        .get("/v1/summary?limit=1", &[&header(15 << 10)])
        .unwrap();
    assert_eq!(answer.status, 200);
    let answer = client.get("/v1/summary", &[&header(16 << 10)]).unwrap();
    assert_eq!(answer.status, 431);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert!(answer.text().contains("at most 16384 bytes"));

    let mut client = Client::connect(server.address).unwrap();
    let head = format!("GET / HTTP/1.1\r\n{}", "x-more: 1\r\n".repeat(6_000));
    client.send(head).unwrap();
    assert!(client.until_closed().starts_with(b"HTTP/1.1 431 "));
    assert_served(&server);
}

#[test]
fn a_body_that_never_ends_is_408() {
    let server = Server::start(&[("REQUEST_TIMEOUT", "0.3")]);
    let mut endless = Client::connect(server.address).unwrap();
    let head =
        "POST /v1/predict HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n1\r\n[\r\n";
    endless.send(head).unwrap();
    assert_served(&server);
    let answer = endless.answer().unwrap();
    assert_eq!(answer.status, 408);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    endless.until_closed();
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let server = Server::start(&[("WRITE_TIMEOUT", "0.5"), ("HEADER_TIMEOUT", "600")]);
    let mut client = Client::connect(server.address).unwrap();
    let request = "GET /v1/summary?limit=500 HTTP/1.1\r\nhost: test\r\n\r\n";
    // Until the answers fill all buffers on the way back, and the requests those on the way there.
    let cut_off = loop {
        if let Err(error) = client.send(request) {
            break error.kind();
        }
    };
    let ends = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(ends.contains(&cut_off), "{cut_off}");
    assert_served(&server);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_ends() {
    let server = Server::start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    client
        .send("POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n")
        .unwrap();
    // The server may answer and close before it has got all of it.
    let _ = client.send(vec![b' '; 2 << 20]);
    assert_eq!(client.answer().unwrap().status, 413);
}

#[test]
fn ten_thousand_open_connections_leave_the_others_served() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let server = Server::start(&[("HEADER_TIMEOUT", "600")]);
    let mut open: Vec<Client> = (0..10_000)
        .map(|_| Client::connect(server.address).unwrap())
        .collect();
    assert_served(&server);
    for client in open.iter_mut().step_by(1_000) {
        assert_eq!(client.get("/v1/summary?limit=1", &[]).unwrap().status, 200);
    }
}
