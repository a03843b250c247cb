//! Where an issuer is set, `/v1` wants its tokens.

use crate::client::{Answer, Client, get};
use crate::process::Server;
use axum::Json;
use axum::routing::get as route;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

const AUDIENCE: &str = "engagetrack";
const ASKED: &str = "/v1/predict/nobody";

/// Keys of issuers, the last of them a short one; making one takes a moment.
static KEYS: LazyLock<[EncodingKey; 3]> = LazyLock::new(|| {
    [2048, 2048, 1024].map(|bits| {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
        EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes())
    })
});

/// An issuer of this process, and how often its keys were fetched. It ends with the process.
struct Issuer {
    url: String,
    published: Arc<Mutex<Vec<Value>>>,
    fetches: Arc<AtomicUsize>,
    /// Closed by an issuer that does not answer yet.
    door: Arc<Semaphore>,
}

impl Issuer {
    fn start() -> Self {
        Self::behind(Semaphore::new(Semaphore::MAX_PERMITS))
    }

    fn behind(door: Semaphore) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let issuer = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            published: Arc::default(),
            fetches: Arc::default(),
            door: Arc::new(door),
        };
        let url = issuer.url.clone();
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let (published, fetches) = (Arc::clone(&issuer.published), Arc::clone(&issuer.fetches));
        let door = Arc::clone(&issuer.door);
        let keys = async move || {
            fetches.fetch_add(1, Ordering::Relaxed);
            let _open = door.acquire().await.unwrap();
            Json(json!({"keys": *published.lock().unwrap()}))
        };
        let router = axum::Router::new()
            .route(
                "/.well-known/openid-configuration",
                route(async move || Json(discovery.clone())),
            )
            .route("/keys", route(keys));
        thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        issuer
    }

    /// Signs with one of the keys from now on, and with no other.
    fn publish(&self, number: usize) {
        let unknown = json!({"kty": "new", "kid": "unheard-of"});
        *self.published.lock().unwrap() = vec![unknown, public(number)];
    }

    fn server(&self) -> Server {
        self.server_with(("OIDC_CLIENT_ID", "dashboard"))
    }

    fn server_with(&self, setting: (&str, &str)) -> Server {
        Server::start(&[
            ("OIDC_ISSUER", &self.url),
            ("OIDC_AUDIENCE", AUDIENCE),
            setting,
        ])
    }

    fn claims(&self) -> Value {
        json!({"iss": self.url, "aud": AUDIENCE, "sub": "somebody", "exp": now() + 600})
    }

    /// Claims that differ in one.
    fn claims_but(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }
}

/// One of the keys as an issuer publishes it.
fn public(number: usize) -> Value {
    let mut key = Jwk::from_encoding_key(&KEYS[number], Algorithm::RS256).unwrap();
    key.common.key_id = Some(number.to_string());
    serde_json::to_value(key).unwrap()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

/// A token signed with one of the keys, under that key's id.
fn token(claims: &Value, number: usize) -> String {
    under(&number.to_string(), claims, number)
}

fn under(id: &str, claims: &Value, number: usize) -> String {
    with_header(claims, number, |header| header.kid = Some(id.to_owned()))
}

/// A token signed with one of the keys, whose header is like that of others but for a change.
fn with_header(claims: &Value, number: usize, change: impl FnOnce(&mut Header)) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(number.to_string());
    change(&mut header);
    jsonwebtoken::encode(&header, claims, &KEYS[number]).unwrap()
}

fn ask(server: &Server, credential: &str) -> Answer {
    let mut client = Client::connect(server.address).unwrap();
    client
        .get(ASKED, &[&format!("authorization: {credential}")])
        .unwrap()
}

fn ask_with(server: &Server, token: &str) -> u16 {
    ask(server, &format!("Bearer {token}")).status
}

#[test]
fn a_valid_token_opens_the_api_and_names_the_caller() {
    let issuer = Issuer::start();
    issuer.publish(0);
    let server = issuer.server();
    assert_eq!(get(server.address, ASKED).status, 401);
    let valid = token(&issuer.claims(), 0);
    // Nobody has this id: the call has reached the function.
    assert_eq!(ask_with(&server, &valid), 404);
    assert_eq!(ask(&server, &format!("bearer {valid}")).status, 404);
    let several = issuer.claims_but("aud", json!(["another", AUDIENCE]));
    assert_eq!(ask_with(&server, &token(&several, 0)), 404);
    for kind in [
        None,
        Some("jwt"),
        Some("at+JWT"),
        Some("application/at+jwt"),
    ] {
        let typed = with_header(&issuer.claims(), 0, |header| {
            header.typ = kind.map(str::to_owned);
        });
        assert_eq!(ask_with(&server, &typed), 404, "{kind:?}");
    }

    let log = std::fs::read_to_string(server.usage_log()).unwrap();
    let callers: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["caller"].clone())
        .collect();
    assert_eq!(callers, ["somebody"; 7]);
}

#[test]
fn every_failure_is_the_same_401() {
    let issuer = Issuer::start();
    issuer.publish(0);
    let server = issuer.server();
    let valid = token(&issuer.claims(), 0);
    assert_eq!(ask_with(&server, &valid), 404);

    let published = issuer.published.lock().unwrap()[1].clone();
    issuer.published.lock().unwrap().push(public(2));
    let claims = issuer.claims();
    let headed = |change: fn(&mut Header)| bearer(&with_header(&claims, 0, change));
    let symmetric = |secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("0".to_owned());
        jsonwebtoken::encode(&header, &issuer.claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let unsigned = {
        let encode = |value: &Value| base64(value.to_string().as_bytes());
        let header = json!({"alg": "none", "kid": "0"});
        format!("{}.{}.", encode(&header), encode(&issuer.claims()))
    };
    let without_exp = {
        let mut claims = issuer.claims();
        claims.as_object_mut().unwrap().remove("exp");
        claims
    };
    let (start, signature) = valid.rsplit_once('.').unwrap();
    let (header, _) = start.split_once('.').unwrap();
    let other_claims = base64(
        issuer
            .claims_but("sub", json!("root"))
            .to_string()
            .as_bytes(),
    );
    let refused = [
        ("nothing", String::new()),
        ("no token", "Bearer ".to_owned()),
        ("another scheme", format!("Basic {valid}")),
        ("no JWT", "Bearer abc".to_owned()),
        (
            "another audience",
            bearer(&token(&issuer.claims_but("aud", json!("another")), 0)),
        ),
        (
            "another issuer",
            bearer(&token(
                &issuer.claims_but("iss", json!("https://example.com")),
                0,
            )),
        ),
        (
            "over",
            bearer(&token(&issuer.claims_but("exp", json!(now() - 120)), 0)),
        ),
        (
            "an end that is no number",
            bearer(&token(&issuer.claims_but("exp", json!("never")), 0)),
        ),
        ("no end", bearer(&token(&without_exp, 0))),
        (
            "not begun",
            bearer(&token(&issuer.claims_but("nbf", json!(now() + 600)), 0)),
        ),
        (
            "nobody",
            bearer(&token(&issuer.claims_but("sub", Value::Null), 0)),
        ),
        (
            "nobody by name",
            bearer(&token(&issuer.claims_but("sub", json!("")), 0)),
        ),
        (
            "a list of issuers",
            bearer(&token(&issuer.claims_but("iss", json!([issuer.url])), 0)),
        ),
        (
            "an extension that must be understood",
            headed(|header| header.crit = Some(vec!["exp".to_owned()])),
        ),
        (
            "no extension that must be understood",
            headed(|header| header.crit = Some(Vec::new())),
        ),
        (
            "a token for something else",
            headed(|header| header.typ = Some("logout+jwt".to_owned())),
        ),
        (
            "a token of no type",
            headed(|header| header.typ = Some(String::new())),
        ),
        (
            "another algorithm than the key's own",
            headed(|header| header.alg = Algorithm::RS512),
        ),
        (
            "another padding than the key's own",
            headed(|header| header.alg = Algorithm::PS256),
        ),
        ("a short key", bearer(&token(&issuer.claims(), 2))),
        (
            "another's signature",
            bearer(&under("0", &issuer.claims(), 1)),
        ),
        ("an unknown key", bearer(&token(&issuer.claims(), 1))),
        (
            "changed claims",
            bearer(&format!("{header}.{other_claims}.{signature}")),
        ),
        ("no signature", bearer(&unsigned)),
        (
            "the public key as a secret",
            bearer(&symmetric(published["n"].as_str().unwrap().as_bytes())),
        ),
        (
            "the public key's document as a secret",
            bearer(&symmetric(published.to_string().as_bytes())),
        ),
    ];
    let mut answers = refused.iter().map(|(what, credential)| {
        let answer = ask(&server, credential);
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        let mut problem: Value = serde_json::from_slice(&answer.body).unwrap();
        problem.as_object_mut().unwrap().remove("request_id");
        problem
    });
    let first = answers.next().unwrap();
    assert_eq!(first["type"], "/problems/unauthenticated");
    assert!(answers.all(|answer| answer == first));
}

#[test]
fn keys_are_rotated_when_a_token_names_a_new_one() {
    let issuer = Issuer::start();
    issuer.publish(0);
    let server = issuer.server();
    for _ in 0..3 {
        assert_eq!(ask_with(&server, &token(&issuer.claims(), 0)), 404);
    }
    assert_eq!(issuer.fetches.load(Ordering::Relaxed), 1);
    issuer.publish(1);
    assert_eq!(ask_with(&server, &token(&issuer.claims(), 1)), 404);
    assert_eq!(ask_with(&server, &token(&issuer.claims(), 0)), 401);
}

#[test]
fn invented_keys_do_not_make_the_server_ask_the_issuer_for_ever() {
    let issuer = Issuer::start();
    issuer.publish(0);
    let server = issuer.server();
    assert_eq!(ask_with(&server, &token(&issuer.claims(), 0)), 404);
    for number in 0..40 {
        let invented = under(&format!("invented-{number}"), &issuer.claims(), 0);
        assert_eq!(ask_with(&server, &invented), 401);
    }
    // Six at once, and one more for each ten seconds that this took.
    assert!((2..20).contains(&issuer.fetches.load(Ordering::Relaxed)));
    assert_eq!(ask_with(&server, &token(&issuer.claims(), 0)), 404);
}

#[test]
fn request_that_waits_for_keys_holds_no_slot_and_gives_up_before_the_issuer() {
    let issuer = Issuer::behind(Semaphore::new(0));
    issuer.publish(0);
    let server = issuer.server_with(("MAX_REQUESTS", "1"));
    let valid = token(&issuer.claims(), 0);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ask_with(&server, &valid));
        while !waiting.is_finished() {
            assert_eq!(get(server.address, "/openapi.json").status, 200);
        }
        assert_eq!(waiting.join().unwrap(), 401);
    });
    // The server is still asking the issuer, once, and has its answer as soon as it comes.
    issuer.door.add_permits(Semaphore::MAX_PERMITS);
    while ask_with(&server, &valid) == 401 {}
    assert_eq!(issuer.fetches.load(Ordering::Relaxed), 1);
}

#[test]
fn lists_are_downloaded_only_with_the_claim_for_it() {
    let issuer = Issuer::start();
    issuer.publish(0);
    let server = issuer.server_with(("OIDC_EXPORT_CLAIM", "roles=exporter"));
    let ask = |claims: &Value, path: &str, accept: &str| {
        let mut client = Client::connect(server.address).unwrap();
        let credential = format!("authorization: Bearer {}", token(claims, 0));
        client
            .get(path, &[&credential, &format!("accept: {accept}")])
            .unwrap()
    };
    let reader = issuer.claims_but("roles", json!(["reader"]));
    let exporter = issuer.claims_but("roles", json!(["reader", "exporter"]));
    for claims in [&issuer.claims(), &reader] {
        let refused = ask(claims, "/v1/summary?limit=3", "text/csv");
        let problem: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(refused.status, 403, "{problem}");
        assert_eq!(problem["type"], "/problems/download-withheld");
    }
    let campaign = "/v1/nudges?campaign=a&limit=2";
    assert_eq!(ask(&reader, campaign, "text/csv").status, 403);
    let list = ask(&exporter, "/v1/summary?limit=3", "text/csv");
    assert_eq!((list.status, list.text().lines().count()), (200, 4));
    let list = ask(&exporter, campaign, "text/csv");
    assert_eq!((list.status, list.text().lines().count()), (200, 3));
    let page = ask(&reader, "/v1/summary?limit=3", "application/json");
    assert_eq!(page.status, 200);
    assert_eq!(ask(&reader, campaign, "application/json").status, 200);

    let log = std::fs::read_to_string(server.usage_log()).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| json!([line["action"], line["outcome"], line["count"]]))
        .collect();
    let refused = json!(["summary", 403, 0]);
    let expected = [
        refused.clone(),
        refused,
        json!(["nudges", 403, 0]),
        json!(["export", 200, 3]),
        json!(["export", 200, 2]),
        json!(["list", 200, 3]),
        json!(["campaign", 200, 2]),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn an_issuer_that_can_not_be_reached_lets_nobody_in_and_breaks_nothing_else() {
    let server = Server::start(&[
        ("OIDC_ISSUER", "http://127.0.0.1:1"),
        ("OIDC_AUDIENCE", AUDIENCE),
    ]);
    let claims =
        json!({"iss": "http://127.0.0.1:1", "aud": AUDIENCE, "sub": "x", "exp": now() + 600});
    assert_eq!(ask_with(&server, &token(&claims, 0)), 401);
    assert_eq!(get(server.address, "/readyz").status, 200);
}

#[test]
fn the_rest_stays_open_and_the_dashboard_learns_where_to_sign_in() {
    let issuer = Issuer::start();
    let server = issuer.server();
    for path in ["/", "/openapi.json", "/healthz", "/metrics"] {
        assert_eq!(get(server.address, path).status, 200, "{path}");
    }
    assert_eq!(get(server.address, "/v1/nowhere").status, 401);
    let answer = get(server.address, "/sign-in.json");
    let settings: Value = serde_json::from_slice(&answer.body).unwrap();
    let expected = json!({"authority": issuer.url, "client_id": "dashboard", "scope": "openid"});
    assert_eq!(settings, expected);
    let policy = answer.header("content-security-policy").unwrap();
    let connect = format!("; connect-src 'self' {}", issuer.url);
    assert!(policy.ends_with(&connect), "{policy}");
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// RFC 4648's base64url without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk
            .iter()
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |digit| DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char)
    });
    digits.collect()
}
