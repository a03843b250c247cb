//! A stop loses no request and no event.

use crate::client::{Client, get};
use crate::process::Server;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

const CLIENTS: usize = 16;
/// Requests of each client before the signal comes.
const BEFORE: usize = 50;

/// Asks without a pause on one connection until the server closes it. The ids of the requests that were answered.
fn ask_until_told_to_go(address: SocketAddr, client: usize, under_load: &Barrier) -> Vec<String> {
    let mut connection = Client::connect(address).unwrap();
    let mut answered = Vec::new();
    loop {
        if answered.len() == BEFORE {
            under_load.wait();
        }
        let id = format!("{client}-{}", answered.len());
        let answer = connection
            .get("/v1/predict/nobody", &[&format!("x-request-id: {id}")])
            .unwrap_or_else(|error| panic!("request {id} was lost: {error}"));
        assert_eq!(answer.status, 404);
        answered.push(id);
        if answer.header("connection") == Some("close") {
            return answered;
        }
    }
}

#[test]
fn sigterm_under_load_loses_no_request_and_no_event() {
    let mut server = Server::start(&[("DRAIN", "3")]);
    let under_load = Barrier::new(CLIENTS + 1);
    let address = server.address;
    let answered: BTreeSet<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn({
                    let under_load = &under_load;
                    move || ask_until_told_to_go(address, client, under_load)
                })
            })
            .collect();
        under_load.wait();
        server.terminate();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    assert!(server.ended().success());
    assert!(answered.len() >= CLIENTS * BEFORE);
    assert_eq!(server.logged(), answered);
}

/// Asks without a pause, on a new connection whenever the server has closed the old one, until the server takes none. The ids
/// of the requests that were answered.
fn ask_until_refused(address: SocketAddr, client: usize, under_load: &Barrier) -> Vec<String> {
    let mut answered = Vec::new();
    while let Ok(mut connection) = Client::connect(address) {
        let mut fresh = true;
        loop {
            if answered.len() == BEFORE {
                under_load.wait();
            }
            let id = format!("{client}-{}", answered.len());
            match connection.get("/v1/predict/nobody", &[&format!("x-request-id: {id}")]) {
                Ok(answer) => {
                    assert_eq!(answer.status, 404);
                    answered.push(id);
                    fresh = false;
                    if answer.header("connection") == Some("close") {
                        break;
                    }
                }
                // The kernel had taken the connection, and the server took none any more.
                Err(_) if fresh => return answered,
                Err(error) => panic!("request {id} was lost: {error}"),
            }
        }
    }
    answered
}

#[test]
fn clients_that_come_back_lose_no_request_and_no_event_either() {
    let mut server = Server::start(&[("DRAIN", "1")]);
    let under_load = Barrier::new(CLIENTS + 1);
    let address = server.address;
    let answered: BTreeSet<String> = thread::scope(|scope| {
        let under_load = &under_load;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || ask_until_refused(address, client, under_load)))
            .collect();
        under_load.wait();
        server.terminate();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    assert!(server.ended().success());
    assert!(answered.len() > CLIENTS * BEFORE);
    // What was logged was answered, and what was answered was logged.
    assert_eq!(server.logged(), answered);
}

#[test]
fn a_server_about_to_stop_says_so_and_still_answers() {
    let server = Server::start(&[("DRAIN", "600")]);
    assert_eq!(get(server.address, "/readyz").status, 200);
    server.terminate();
    let unready = std::iter::repeat_with(|| get(server.address, "/readyz"))
        .find(|answer| answer.status != 200)
        .unwrap();
    assert_eq!(
        (unready.status, unready.header("connection")),
        (503, Some("close"))
    );
    assert!(unready.header("retry-after").is_some());
    assert_eq!(get(server.address, "/v1/summary?limit=1").status, 200);
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn a_request_in_hand_is_finished_after_the_drain() {
    let mut server = Server::start(&[("DRAIN", "0")]);
    let mut client = Client::connect(server.address).unwrap();
    client
        .send("POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(client.answer().unwrap().status, 100);
    server.terminate();
    while Client::connect(server.address).is_ok() {}
    client.send("[]").unwrap();
    assert_eq!(client.answer().unwrap().status, 200);
    assert!(server.ended().success());
}
