//! What is acknowledged is logged, even when the server is killed in the middle of it.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};
use web::usage_log::{Check, Key, Order, Verifier};

const REQUESTS: usize = 2_000;
const CLIENTS: usize = 8;
const KILLED_AFTER: usize = REQUESTS / 2;
const SECRET: &str = "a secret of this test, long enough";

#[test]
fn a_killed_server_has_logged_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.log");
    let mut server = Command::new(env!("CARGO_BIN_EXE_server"))
        .env("PORT", "0")
        .env("USAGE_LOG", &path)
        .env("USAGE_LOG_KEY", SECRET)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let base = line.split_whitespace().last().unwrap().to_owned();
    let list: serde_json::Value = ureq::get(format!("{base}/v1/summary?limit=1"))
        .call()
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    let customer = list["items"][0]["customer_id"].as_str().unwrap().to_owned();

    let acknowledged = Arc::new(Mutex::new(HashSet::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let url = format!("{base}/v1/predict/{customer}");
            let (acknowledged, count) = (acknowledged.clone(), count.clone());
            thread::spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                for request in 0..REQUESTS / CLIENTS {
                    let id = format!("{client}-{request}");
                    if agent.get(&url).header("x-request-id", &id).call().is_err() {
                        break; // the server is gone
                    }
                    acknowledged.lock().unwrap().insert(id);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while count.load(Ordering::Relaxed) < KILLED_AFTER {
        thread::yield_now();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    for client in clients {
        client.join().unwrap();
    }

    let text = fs::read_to_string(&path).unwrap();
    let logged: HashSet<String> = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["request_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let acknowledged = acknowledged.lock().unwrap();
    assert!(
        acknowledged.len() >= KILLED_AFTER && acknowledged.len() < REQUESTS,
        "{}",
        acknowledged.len()
    );
    let lost: Vec<&String> = acknowledged.difference(&logged).collect();
    assert!(lost.is_empty(), "acknowledged and not logged: {lost:?}");

    let key = Key::new(SECRET.as_bytes(), None);
    let mut verifier = Verifier::new(Order::AsWritten, Check::Authenticity(vec![key]));
    verifier.read("usage.log", text.as_bytes()).unwrap();
    let report = verifier.finish();
    assert!(report.fault.is_none(), "{report:?}");
}
