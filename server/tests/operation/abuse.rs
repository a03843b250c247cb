//! Whoever misbehaves is cut off, and the others are served.

use crate::client::{Answer, Client, get};
use crate::process::Server;
use std::io;
use std::net::IpAddr;

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
    // The server may close before it has got all of it.
    let _ = client.send(head);
    let answer = client.answer().unwrap();
    assert_refusal(&answer, 431);
    assert!(
        answer
            .text()
            .contains("at most 32768 bytes, and 100 fields")
    );
    assert_served(&server);
}

/// A refusal is a document with the id of the request, and tells browsers to be strict.
fn assert_refusal(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["status"], status);
    let id = problem["request_id"].as_str();
    assert_eq!(answer.header("x-request-id"), id);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").is_some());
    assert!(answer.header("date").is_some());
}

#[test]
fn what_is_no_http_is_refused_with_a_document() {
    let server = Server::start(&[]);
    let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "x-more: 1\r\n".repeat(101));
    let address = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    let cases: [(&str, u16); 8] = [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET /\u{1} HTTP/1.1\r\nhost: test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: no name\r\n\r\n", 400),
        (
            "POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-length: many\r\n\r\n",
            400,
        ),
        (&fields, 431),
        (&address, 431),
    ];
    for (request, status) in cases {
        for earlier in [false, true] {
            let mut client = Client::connect(server.address).unwrap();
            if earlier {
                assert_eq!(client.get("/v1/summary?limit=1", &[]).unwrap().status, 200);
            }
            let _ = client.send(request);
            let answer = client.answer().unwrap();
            assert_refusal(&answer, status);
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(client.until_closed(), b"");
        }
    }
    assert_served(&server);
}

#[test]
fn no_address_is_a_fault_of_the_server() {
    let server = Server::start(&[]);
    let mut client = Client::connect(server.address).unwrap();
    let long = |length| format!("/{}", "a".repeat(length));
    let paths = [
        long(255),
        long(256),
        long(5_000),
        long(20_000),
        format!("/assets{}", long(256)),
        format!("/v1/predict{}", long(256)),
        format!("/v1{}", long(256)),
        "/%00".to_owned(),
        "/%ff".to_owned(),
        "/index.html/x".to_owned(),
        "/..%2f..%2fetc%2fpasswd".to_owned(),
        "//".to_owned(),
    ];
    for path in paths {
        let answer = client.get(&path, &[]).unwrap();
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert_refusal(&answer, answer.status);
    }
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_at_once() {
    let server = Server::start(&[]);
    for (content_type, length) in [("text/csv", (4 << 20) + 1), ("application/json", 2 << 20)] {
        let mut client = Client::connect(server.address).unwrap();
        client
            .send(format!(
                "POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
                 expect: 100-continue\r\n\r\n"
            ))
            .unwrap();
        assert_refusal(&client.answer().unwrap(), 413);
    }
}

/// A request that the server has in hand, because its body is yet to come.
fn in_hand(source: IpAddr, server: &Server) -> Client {
    let mut client = Client::connect_from(source, server.address).unwrap();
    client
        .send("POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(client.answer().unwrap().status, 100);
    client
}

#[test]
fn a_client_has_so_many_connections_and_the_silent_ones_give_way() {
    let server = Server::start(&[
        ("MAX_CONNECTIONS_PER_CLIENT", "2"),
        ("HEADER_TIMEOUT", "600"),
    ]);
    let (one, other) = ([127, 0, 0, 2].into(), [127, 0, 0, 3].into());
    let ask = |source| {
        let mut client = Client::connect_from(source, server.address).unwrap();
        let answer = client.get("/v1/summary?limit=1", &[]).unwrap();
        (client, answer)
    };
    let mut first = in_hand(one, &server);
    let (silent, answer) = ask(one);
    assert_eq!(answer.status, 200);
    let mut second = in_hand(one, &server);
    assert_eq!(silent.until_closed(), b"");
    let (_, refused) = ask(one);
    assert_refusal(&refused, 429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(ask(other).1.status, 200);
    for client in [&mut first, &mut second] {
        client.send("[]").unwrap();
        assert_eq!(client.answer().unwrap().status, 200);
    }
    assert_eq!(ask(one).1.status, 200);
}

#[test]
fn silent_connections_leave_the_others_served_when_all_slots_are_taken() {
    let server = Server::start(&[("MAX_CONNECTIONS", "8"), ("HEADER_TIMEOUT", "600")]);
    let connect = |last: u8| Client::connect_from([127, 0, 1, last].into(), server.address);
    let silent: Vec<Client> = (0..20)
        .map(|number| {
            let mut client = connect(1 + number % 10).unwrap();
            // Half of them have begun to speak.
            if number % 2 == 0 {
                let _ = client.send("GET / HTTP/1.1\r\n");
            }
            client
        })
        .collect();
    let mut served = connect(100).unwrap();
    assert_eq!(served.get("/v1/summary?limit=1", &[]).unwrap().status, 200);
    drop(silent);
}

#[test]
fn large_bodies_leave_the_other_requests_served_meanwhile() {
    let server = Server::start(&[("TOKIO_WORKER_THREADS", "1")]);
    let customers = std::fs::read("../data/customers.csv").unwrap();
    let mut busy: Vec<Client> = (2..8)
        .map(|last| {
            let mut client =
                Client::connect_from([127, 0, 0, last].into(), server.address).unwrap();
            client
                .send_post("/v1/predict", "text/csv", &customers)
                .unwrap();
            client
        })
        .collect();
    assert_served(&server);
    let last = busy.last_mut().unwrap();
    assert!(!last.has_answered().unwrap());
    for client in &mut busy {
        assert_eq!(client.answer().unwrap().status, 200);
    }
}

#[test]
fn a_body_that_never_ends_is_408() {
    let server = Server::start(&[("REQUEST_TIMEOUT", "0.3")]);
    let mut endless = Client::connect(server.address).unwrap();
    let head = "POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n[\r\n";
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
    let server = Server::start(&[
        ("HEADER_TIMEOUT", "600"),
        ("MAX_CONNECTIONS", "16384"),
        ("MAX_CONNECTIONS_PER_CLIENT", "16384"),
    ]);
    let mut open: Vec<Client> = (0..10_000)
        .map(|_| Client::connect(server.address).unwrap())
        .collect();
    assert_served(&server);
    for client in open.iter_mut().step_by(1_000) {
        assert_eq!(client.get("/v1/summary?limit=1", &[]).unwrap().status, 200);
    }
}
