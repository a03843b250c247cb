//! A rolling restart: each of two servers behind a proxy is replaced under load, and no request is lost.

use crate::client::{Client, get};
use crate::process::Server;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const CLIENTS: usize = 8;
/// Requests that are answered between one step of the rollout and the next.
const BETWEEN: usize = 200;

/// A proxy that sends each request to the next server that is ready, and tries none twice.
struct Proxy {
    address: SocketAddr,
    servers: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Proxy {
    /// It serves until the process ends.
    fn start(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let servers = Arc::new(Mutex::new(servers));
        let for_thread = Arc::clone(&servers);
        thread::spawn(move || {
            let turn = Arc::new(AtomicUsize::new(0));
            for client in listener.incoming() {
                let (servers, turn) = (Arc::clone(&for_thread), Arc::clone(&turn));
                // What breaks here, the client notices.
                thread::spawn(move || client.and_then(|client| forward(client, &servers, &turn)));
            }
        });
        Self { address, servers }
    }

    fn replace(&self, old: SocketAddr, new: SocketAddr) {
        let mut servers = self.servers.lock().unwrap();
        servers.retain(|server| *server != old);
        servers.push(new);
    }
}

/// Hands on one client's requests until it is gone.
fn forward(
    client: TcpStream,
    servers: &Mutex<Vec<SocketAddr>>,
    turn: &AtomicUsize,
) -> io::Result<()> {
    let mut open: HashMap<SocketAddr, Client> = HashMap::new();
    let mut requests = BufReader::new(client.try_clone()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if requests.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let server = loop {
            let servers = servers.lock().unwrap().clone();
            let server = servers[turn.fetch_add(1, Ordering::Relaxed) % servers.len()];
            let ready = Client::connect(server).and_then(|mut it| it.get("/readyz", &[]));
            if ready.is_ok_and(|answer| answer.status == 200) {
                break server;
            }
        };
        let mut connection = match open.remove(&server) {
            Some(connection) => connection,
            None => Client::connect(server)?,
        };
        connection.send(&head)?;
        let answer = connection.answer()?;
        if answer.header("connection") != Some("close") {
            open.insert(server, connection);
        }
        let (status, length) = (answer.status, answer.body.len());
        let head = format!("HTTP/1.1 {status} Forwarded\r\ncontent-length: {length}\r\n\r\n");
        (&client).write_all(&[head.as_bytes(), &answer.body].concat())?;
    }
}

/// Asks without a pause until told that it is enough. The ids of the requests, all of which were answered.
fn ask(
    proxy: SocketAddr,
    client: usize,
    answered: &AtomicUsize,
    enough: &AtomicBool,
) -> Vec<String> {
    let mut connection = Client::connect(proxy).unwrap();
    let mut ids = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let id = format!("{client}-{}", ids.len());
        let answer = connection
            .get("/v1/predict/nobody", &[&format!("x-request-id: {id}")])
            .unwrap_or_else(|error| panic!("request {id} was lost: {error}"));
        assert_eq!(answer.status, 404);
        ids.push(id);
        answered.fetch_add(1, Ordering::Relaxed);
    }
    ids
}

#[test]
fn a_rolling_restart_drops_nothing() {
    // Longer than a request can be on its way through the proxy, also on a busy machine.
    let start = || Server::start(&[("DRAIN", "3")]);
    let mut running = vec![start(), start()];
    let proxy = Proxy::start(running.iter().map(|server| server.address).collect());
    let (answered, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let under_load = || {
        let before = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) < before + BETWEEN {
            thread::yield_now();
        }
    };
    let asked: BTreeSet<String> = thread::scope(|scope| {
        let (answered, enough) = (&answered, &enough);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || ask(proxy.address, client, answered, enough)))
            .collect();
        for old in 0..2 {
            under_load();
            let new = start();
            assert_eq!(get(new.address, "/readyz").status, 200);
            running[old].terminate();
            // The proxy may still send to it: it is told by /readyz only.
            under_load();
            assert!(running[old].ended().success());
            proxy.replace(running[old].address, new.address);
            running.push(new);
        }
        under_load();
        enough.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let logged: BTreeSet<String> = running.iter().flat_map(Server::logged).collect();
    assert_eq!(logged, asked);
    assert!(running.iter().all(|server| !server.logged().is_empty()));
}
