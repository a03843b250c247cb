//! The home under test, and how to ask it.

use serde_json::Value;
use std::env;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::thread;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, request};

static BASE: LazyLock<String> = LazyLock::new(|| env::var("BASE_URL").unwrap_or_else(|_| start()));

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true);
    config.build().into()
});

/// Starts the server on a free port of this process; it ends with the process.
fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let settings = server::Settings::from_env().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            server::serve(listener, &settings, web::usage_log::UsageLog::off())
                .await
                .unwrap();
        });
    });
    format!("http://{address}")
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Begins a request to a path of the home.
pub fn request(method: &str, path: &str) -> request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("{}{path}", *BASE))
}

/// Sends a request with a body and reads the answer.
pub fn send(request: request::Builder, body: &[u8]) -> Answer {
    let mut response = AGENT.run(request.body(body).unwrap()).unwrap();
    let text = response
        .body_mut()
        .with_config()
        .limit(32 << 20)
        .read_to_string()
        .unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text,
    }
}

pub fn get(path: &str) -> Answer {
    send(request("GET", path), b"")
}

pub fn post_json(path: &str, body: &Value) -> Answer {
    let request = request("POST", path).header("content-type", "application/json");
    send(request, body.to_string().as_bytes())
}

pub fn post_csv(path: &str, body: &str) -> Answer {
    send(
        request("POST", path).header("content-type", "text/csv"),
        body.as_bytes(),
    )
}

/// The profile that api.md shows.
pub fn example_profile() -> Value {
    serde_json::json!({"gender":"Female","senior_citizen":false,"partner":true,"dependents":false,"tenure_months":1,
        "phone_service":true,"multiple_lines":false,"internet_service":"DSL",
        "online_security":false,"online_backup":true,"device_protection":false,"tech_support":false,
        "streaming_tv":false,"streaming_movies":false,
        "contract":"Month-to-month","paperless_billing":true,"payment_method":"Electronic check",
        "monthly_charges":29.85,"total_charges":29.85,
        "usage_frequency":12,"support_calls":2,"payment_delay":0,"variant":"A"})
}

/// An id that some customer has.
pub fn some_customer() -> String {
    get("/v1/summary?limit=1").json()["items"][0]["customer_id"]
        .as_str()
        .unwrap()
        .to_owned()
}
