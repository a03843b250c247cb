//! Mutated requests: whatever arrives, the server answers no 5xx and describes each refusal.

use crate::client::{Answer, Client, get};
use crate::process::Server;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;

/// Requests that `make test` sends. Each depends only on its number, so that a failure can be repeated.
const REQUESTS: u64 = 4_000;
/// Requests of the long lane.
const MANY_REQUESTS: u64 = 100_000;
/// Connections at a time.
const CLIENTS: u64 = 16;
/// Times that a request is sent again after a 503, which tells of the load and not of the request.
const REPEATS: usize = 20;
/// Most mutations of one request.
const MUTATIONS: u64 = 4;

/// What programs and people get wrong, or try on purpose.
const TOKENS: [&str; 34] = [
    "\0",
    "%00",
    "%",
    "%ff",
    "%2e%2e%2f",
    "../",
    "//",
    "?",
    "#",
    "&",
    "=",
    "+",
    "\r\n",
    "\n",
    "\t",
    "\"",
    "\\",
    "{",
    "[[[[[[[[",
    "]",
    "null",
    "NaN",
    "-0",
    "1e999",
    "-1",
    "18446744073709551616",
    "0.1e-400",
    "\u{202e}",
    "\u{feff}",
    "é",
    "transfer-encoding: chunked\r\n",
    "content-length: 5\r\n",
    "host: other\r\n",
    "expect: 100-continue\r\n",
];

/// Paths that only the server serves.
const BESIDE: [&str; 6] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/assets/app-0a1b.js",
];

#[test]
fn mutated_requests_get_no_5xx_and_each_refusal_is_described() {
    fuzz(REQUESTS);
}

#[test]
#[ignore = "takes minutes; `make test-long` runs it"]
fn many_mutated_requests_get_no_5xx_and_each_refusal_is_described() {
    fuzz(MANY_REQUESTS);
}

fn fuzz(requests: u64) {
    // A request that a mutation left incomplete is given up soon.
    let server = Server::start(&[("HEADER_TIMEOUT", "0.2"), ("REQUEST_TIMEOUT", "1")]);
    let address = server.address;
    let valid = valid_requests(address);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let valid = &valid;
            scope.spawn(move || {
                for number in (client..requests).step_by(CLIENTS as usize) {
                    let request = mutated(valid, number);
                    check(address, number, &request);
                }
            });
        }
    });
    assert_eq!(get(address, "/v1/summary?limit=1").status, 200);
}

/// A request for each operation of the API's description and for each path beside it.
fn valid_requests(address: SocketAddr) -> Vec<Vec<u8>> {
    let description: Value = serde_json::from_slice(&get(address, "/openapi.json").body).unwrap();
    let mut requests: Vec<Vec<u8>> = BESIDE
        .iter()
        .map(|path| request("GET", path, None))
        .collect();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{customer_id}", "6695-BFJAG");
            let names = operation["parameters"].as_array().unwrap().iter();
            let query: Vec<String> = names
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| format!("{}=1", parameter["name"].as_str().unwrap()))
                .collect();
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = Some(body).filter(|body| !body.is_null());
            let method = method.to_uppercase();
            requests.push(request(&method, &path, body));
            if !query.is_empty() {
                let target = format!("{path}?{}", query.join("&"));
                requests.push(request(&method, &target, body));
            }
        }
    }
    let header = "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,OnlineSecurity,\
        OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,\
        TotalCharges";
    let row = "0000-AAAAA,Male,0,No,No,3,Yes,No,DSL,No,No,No,No,No,No,Month-to-month,Yes,Mailed check,44.8,134.4";
    let file = format!("{header}\n{row}\n{row}\n");
    let files = [
        ("/v1/predict", file.as_str()),
        (
            "/v1/nudges?campaign=a&contacts=20",
            "customer_id\n6695-BFJAG\n",
        ),
        (
            "/v1/analytics/campaign?campaign=a&contacts=20",
            "customer_id,left,contacted,nudge,probability\n6695-BFJAG,yes,x,thank-you,0.5\n",
        ),
    ];
    for (target, file) in files {
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n",
            file.len()
        );
        requests.push([head.as_bytes(), file.as_bytes()].concat());
    }
    requests.push(request("GET", "/v1/nudges?campaign=a&limit=3", None));
    requests
}

/// The name that the server under test answers to.
const HOST: &str = "test";

fn request(method: &str, target: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n");
    if !body.is_empty() {
        let length = body.len();
        head += &format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    }
    (head + "\r\n" + &body).into_bytes()
}

/// The request of this number.
fn mutated(valid: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(number);
    let mut below = move |end: usize| (random.next_u64() % end.max(1) as u64) as usize;
    let mut bytes = valid[below(valid.len())].clone();
    for _ in 0..=below(MUTATIONS as usize) {
        let at = below(bytes.len());
        let end = (at + 1 + below(8)).min(bytes.len());
        match below(6) {
            0 => bytes[at] = below(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let token = TOKENS[below(TOKENS.len())];
                bytes.splice(at..at, token.bytes());
            }
            3 => {
                let token = TOKENS[below(TOKENS.len())];
                bytes.splice(at..end, token.bytes());
            }
            4 => {
                // Names and values that are too long, by a little or by much.
                let length = [256, 300, 5_000, 70_000][below(4)];
                let byte = bytes[at];
                bytes.splice(at..at, std::iter::repeat_n(byte, length));
            }
            _ => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes
}

fn check(address: SocketAddr, number: u64, request: &[u8]) {
    let shown = || String::from_utf8_lossy(&request[..request.len().min(600)]).into_owned();
    let mut attempts = (0..REPEATS).map(|_| answer(address, request));
    let is_load = |answer: &Answer| answer.status == 503 && answer.header("retry-after").is_some();
    let answer = attempts.find(|answer| !answer.as_ref().is_some_and(is_load));
    let answer =
        answer.unwrap_or_else(|| panic!("request {number} is answered 503 each time\n{}", shown()));
    let Some(answer) = answer else {
        return;
    };
    let status = answer.status;
    assert!(status < 500, "request {number}: {status}\n{}", shown());
    if status >= 400 {
        let kind = answer.header("content-type");
        assert_eq!(
            kind,
            Some("application/problem+json"),
            "request {number}: {status}\n{}",
            shown()
        );
        for header in ["x-request-id", "x-content-type-options"] {
            assert!(
                answer.header(header).is_some(),
                "request {number}: {status} without {header}\n{}",
                shown()
            );
        }
    }
}

/// The final answer, if the connection did not end before it: a mutation may have made a request that has none, such as half of one.
fn answer(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut client = Client::connect(address).unwrap();
    // The server may close the connection before all of a wrong request was sent.
    let _ = client.send(request);
    loop {
        let answer = client.answer().ok()?;
        if answer.status >= 200 {
            return Some(answer);
        }
    }
}
