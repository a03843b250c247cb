//! Attacks of all kinds at once, on a server in a cgroup of the size that the manifest gives it: it is not killed, ordinary requests are
//! answered, and its memory comes back.
//!
//! `make bench-attack` runs the same with what ships, and prints the figures.

use crate::cgroup::Cgroup;
use crate::client::Client;
use crate::process::{Server, command};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How often each client sends each of the heavy bodies.
const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 5 };
/// Clients that send heavy bodies without a pause.
const HEAVY_CLIENTS: u8 = 16;
/// Clients that send a body and never end it.
const SLOW_UPLOADS: u8 = 80;
/// Connections that say nothing, and ones that never end a head, from each of a few addresses.
const IDLE: usize = 700;
const IDLE_CLIENTS: u8 = 6;
/// Clients that ask for large answers and read none.
const DEAF: u8 = 50;
/// Clients whose requests are ordinary, and those of each of them before the attack.
const ORDINARY_CLIENTS: u8 = 4;
const BEFORE: usize = 100;

/// How much more memory may be resident after the attack, and how long it may take until then.
const MORE_RESIDENT: u64 = 20 << 20;
const RETURN: Duration = Duration::from_secs(30);

const CSV_LIMIT: usize = 4 << 20;
const JSON_LIMIT: usize = 1 << 20;

static CUSTOMERS: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string("../data/customers.csv").unwrap());

/// The memory limit in the manifest.
fn manifests_limit() -> u64 {
    let manifest = std::fs::read_to_string("../infra/aks/base/deployment.yaml").unwrap();
    let manifest: Value = serde_saphyr::from_str(&manifest).unwrap();
    let container = &manifest["spec"]["template"]["spec"]["containers"][0];
    let limit = container["resources"]["limits"]["memory"].as_str().unwrap();
    limit.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() << 20
}

/// The address of a client of a kind.
fn source(kind: u8, number: u8) -> IpAddr {
    [127, 0, kind, number + 1].into()
}

/// Rows of a header's columns until the file is almost as large as it may be.
fn filled(header: &str, row: &str) -> Vec<u8> {
    let rows = (CSV_LIMIT - header.len()) / row.len();
    [header, &row.repeat(rows)].concat().into_bytes()
}

fn header() -> &'static str {
    CUSTOMERS.split_inclusive('\n').next().unwrap()
}

fn empty_cells() -> Vec<u8> {
    let header = header();
    filled(
        header,
        &format!("{}\n", ",".repeat(header.matches(',').count())),
    )
}

fn customers() -> Vec<u8> {
    let rows = &CUSTOMERS[header().len()..][..100_000];
    let whole = rows.rfind('\n').unwrap() + 1;
    filled(header(), &rows[..whole])
}

fn unknown_members() -> Vec<u8> {
    let mut json = String::from("{");
    for number in 0.. {
        json.push_str(&format!("\"{number:x}\":0,"));
        if json.len() > JSON_LIMIT - 32 {
            break;
        }
    }
    (json + "\"last\":0}").into_bytes()
}

/// What a heavy client posts in turn.
fn heavy_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let commas = [b",".repeat(CSV_LIMIT - 1), b"\n".to_vec()].concat();
    let numbers = format!("[{}0]", "0,".repeat(JSON_LIMIT / 2 - 2)).into_bytes();
    vec![
        ("text/csv", customers()),
        ("text/csv", empty_cells()),
        ("text/csv", commas),
        ("text/csv", vec![b'\n'; CSV_LIMIT]),
        ("application/json", unknown_members()),
        ("application/json", numbers),
        ("application/json", vec![b'['; JSON_LIMIT]),
    ]
}

/// What ordinary clients ask, in turn.
fn ordinary(client: &mut Client, id: &str, profile: &[u8], number: usize) -> io::Result<u16> {
    let answer = match number % 6 {
        0 => client.get(&format!("/v1/predict/{id}"), &[]),
        1 => client.get(&format!("/v1/explain/{id}"), &[]),
        2 => client.get(&format!("/v1/nudges/{id}"), &[]),
        3 => client.get("/v1/summary?limit=5", &[]),
        4 => client.post("/v1/predict", "application/json", profile),
        _ => client.get("/", &[]),
    };
    Ok(answer?.status)
}

/// One ordinary client: asks until there is no more to do, and tells how long each answer took.
fn asks(address: SocketAddr, number: u8, more: impl Fn(usize) -> bool) -> Vec<Duration> {
    let mut client = Client::connect_from(source(1, number), address).unwrap();
    let row = CUSTOMERS.lines().nth(1).unwrap();
    let id = row.split(',').next().unwrap();
    let answer = client
        .get(&format!("/v1/summary/{id}"), &["accept: application/json"])
        .unwrap();
    let summary: Value = serde_json::from_slice(&answer.body).unwrap();
    let profile = summary["profile"].to_string().into_bytes();
    let mut latencies = Vec::new();
    for request in 0.. {
        if !more(request) {
            break;
        }
        let start = Instant::now();
        let status = ordinary(&mut client, id, &profile, request).unwrap();
        assert_eq!(status, 200, "request {request}");
        latencies.push(start.elapsed());
    }
    latencies
}

fn percentile_99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort();
    latencies[(latencies.len() * 99).div_ceil(100) - 1]
}

/// The slowest answer about health, asked without a pause until told that it is enough.
fn slowest_health(address: SocketAddr, enough: &AtomicBool) -> Duration {
    let mut slowest = Duration::ZERO;
    while !enough.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut client = Client::connect(address).unwrap();
        assert_eq!(client.get("/healthz", &[]).unwrap().status, 200);
        slowest = slowest.max(start.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    slowest
}

/// The answers of one kind, by status; 0 for a connection that broke, as it may while the server refuses what still comes in.
type Answers = Mutex<BTreeMap<u16, usize>>;

fn count(answers: &Answers, status: u16) {
    *answers.lock().unwrap().entry(status).or_default() += 1;
}

/// Posts heavy bodies, and reads what comes.
fn heavy(address: SocketAddr, number: u8, answers: &Answers) {
    let bodies = heavy_bodies();
    for round in 0..ROUNDS * bodies.len() {
        let (content_type, body) = &bodies[(round + usize::from(number)) % bodies.len()];
        let status = Client::connect_from(source(2, number), address)
            .and_then(|mut client| client.post("/v1/predict", content_type, body))
            .map_or(0, |answer| answer.status);
        count(answers, status);
    }
}

/// Sends almost all of a large body. The connection is kept, so that the server must give it up by itself.
fn slow_upload(address: SocketAddr, number: u8) -> io::Result<Client> {
    let mut client = Client::connect_from(source(3, number), address)?;
    let head = format!(
        "POST /v1/predict HTTP/1.1\r\nhost: test\r\ncontent-type: text/csv\r\ncontent-length: {CSV_LIMIT}\r\n\r\n"
    );
    client.send(head)?;
    // Refused uploads break here.
    let _ = client.send(vec![b','; CSV_LIMIT - 1]);
    Ok(client)
}

fn deaf(address: SocketAddr, number: u8) -> io::Result<Client> {
    let mut client = Client::connect_from(source(4, number), address)?;
    for _ in 0..8 {
        client.send("GET /v1/summary HTTP/1.1\r\nhost: test\r\naccept: text/csv\r\n\r\n")?;
        client.send("GET /v1/explain?max_points=2000 HTTP/1.1\r\nhost: test\r\n\r\n")?;
    }
    Ok(client)
}

/// Connections that say nothing, and ones that begin a head as long as it may be.
fn idle(address: SocketAddr, number: u8) -> Vec<Client> {
    let unfinished = format!("GET / HTTP/1.1\r\nx-long: {}", "x".repeat(30 << 10));
    (0..IDLE)
        .filter_map(|connection| {
            let mut client = Client::connect_from(source(5, number), address).ok()?;
            if connection % 2 == 0 {
                // The server may have closed it already in favour of a newer one.
                let _ = client.send(&unfinished);
            }
            Some(client)
        })
        .collect()
}

#[test]
fn attacks_of_all_kinds_bring_nothing_down() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let limit = manifests_limit();
    let cgroup = Cgroup::with_memory(limit);
    let command = match &cgroup {
        Ok(cgroup) => {
            println!("in a memory cgroup of {} MiB", limit >> 20);
            cgroup.command(env!("CARGO_BIN_EXE_server"))
        }
        Err(error) => {
            println!(
                "no memory cgroup can be made here ({error}): the peak of resident memory is compared with {} MiB",
                limit >> 20
            );
            command()
        }
    };
    let given = limit.to_string();
    let mut settings = vec![("HEALTH_PORT", "0"), ("REQUEST_TIMEOUT", "20")];
    if cgroup.is_err() {
        settings.push(("MEMORY_LIMIT", &given));
    }
    let mut server = Server::start_by(command, &settings);
    let (address, health) = (server.address, server.health);

    let quiet: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..ORDINARY_CLIENTS)
            .map(|number| scope.spawn(move || asks(address, number, |request| request < BEFORE)))
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let resident_before = server.memory("VmRSS");

    let enough = AtomicBool::new(false);
    let answers = Answers::default();
    let (under_attack, slowest) = thread::scope(|scope| {
        let (enough, answers) = (&enough, &answers);
        let ordinary: Vec<_> = (0..ORDINARY_CLIENTS)
            .map(|number| {
                let more = |_| !enough.load(Ordering::Relaxed);
                scope.spawn(move || asks(address, number, more))
            })
            .collect();
        let health = scope.spawn(move || slowest_health(health, enough));
        let idle: Vec<_> = (0..IDLE_CLIENTS)
            .map(|number| scope.spawn(move || idle(address, number)))
            .collect();
        let slow: Vec<_> = (0..SLOW_UPLOADS)
            .map(|number| scope.spawn(move || slow_upload(address, number)))
            .collect();
        let deaf: Vec<_> = (0..DEAF)
            .map(|number| scope.spawn(move || deaf(address, number)))
            .collect();
        let heavy: Vec<_> = (0..HEAVY_CLIENTS)
            .map(|number| scope.spawn(move || heavy(address, number, answers)))
            .collect();
        for client in heavy {
            client.join().unwrap();
        }
        // The others are held until the heavy ones are through.
        let held: Vec<_> = slow
            .into_iter()
            .chain(deaf)
            .map(thread::ScopedJoinHandle::join)
            .collect();
        let idle: Vec<_> = idle
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        drop((held, idle));
        enough.store(true, Ordering::Relaxed);
        let under_attack: Vec<Duration> = ordinary
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect();
        (under_attack, health.join().unwrap())
    });

    assert!(server.is_running());
    let (requests, quiet, attacked) = (
        under_attack.len(),
        percentile_99(quiet),
        percentile_99(under_attack),
    );
    println!(
        "{requests} ordinary requests answered   p99 {quiet:.1?} in quiet, {attacked:.1?} under attack: {:.1} times (goal 5)",
        attacked.as_secs_f64() / quiet.as_secs_f64()
    );
    println!("slowest answer about health {slowest:.1?} (goal under 1 s)");
    let peak = server.memory("VmHWM");
    let before = resident_before / 1_000_000;
    println!(
        "resident {before} MB before, {} MB at the peak",
        peak / 1_000_000
    );
    match &cgroup {
        Ok(cgroup) => assert_eq!(cgroup.kills(), 0),
        Err(_) => assert!(peak < limit, "{peak} bytes were resident"),
    }
    let answers = answers.into_inner().unwrap();
    for status in answers.keys() {
        assert!(
            [0, 200, 400, 408, 413, 422, 429, 503].contains(status),
            "{answers:?}"
        );
    }
    let start = Instant::now();
    let resident = loop {
        let resident = server.memory("VmRSS");
        if resident <= resident_before + MORE_RESIDENT {
            break resident;
        }
        assert!(
            start.elapsed() < RETURN,
            "{resident} bytes are resident still, {resident_before} were before"
        );
        thread::sleep(Duration::from_millis(100));
    };
    println!(
        "resident {} MB {:.1?} after the attack",
        resident / 1_000_000,
        start.elapsed()
    );
    println!("answers to heavy bodies by status, 0 for a broken connection: {answers:?}");
}
