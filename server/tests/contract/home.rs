//! The businesses under test, each at its own home, and how to ask them.

use crate::json::{items, text};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, request};
use web::usage_log::UsageLog;

/// One business, and the address that answers for it.
pub struct Home {
    base: String,
    schema: Value,
}

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true);
    config.build().into()
});

static HOMES: LazyLock<Vec<Home>> = LazyLock::new(|| match env::var("BASE_URL") {
    Ok(base) => vec![Home::at(base)],
    Err(_) => workspaces().into_iter().map(Home::start).collect(),
});

/// The workspaces under test: the one that `$WORKSPACE` names, or else the one in the program, the examples, and a business that has
/// next to nothing.
fn workspaces() -> Vec<Option<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(named) = env::var_os("WORKSPACE") {
        return vec![Some(root.join(named))];
    }
    let examples = root.join("examples").read_dir().into_iter().flatten();
    let examples = examples.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = examples
        .filter(|folder| folder.join("data/schema.toml").is_file())
        .collect();
    folders.push(root.join("server/tests/workspaces/gym"));
    [None]
        .into_iter()
        .chain(folders.into_iter().map(Some))
        .collect()
}

/// Every home under test.
pub fn homes() -> &'static [Home] {
    &HOMES
}

/// Runs a test on every business.
pub fn everywhere(test: impl Fn(&Home)) {
    /// Says on the way out of a failed test which business failed it.
    struct OnFailure<'h>(&'h Home);
    impl Drop for OnFailure<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!("the business is {}", self.0.schema["name"]);
            }
        }
    }
    for home in homes() {
        let _said = OnFailure(home);
        test(home);
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The document of an answer that must be one.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What a refusal points at, in its order.
    pub fn pointers(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let errors = self.json();
        let errors = items(&errors["errors"]).iter();
        errors
            .map(|error| text(&error["pointer"]).to_owned())
            .collect()
    }
}

/// Sends a request with a body and reads the answer.
pub fn send(request: request::Builder, body: &[u8]) -> Answer {
    let mut response = AGENT.run(request.body(body).unwrap()).unwrap();
    let text = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()
        .unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text,
    }
}

/// A text as a segment of a path or a value of a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A parameter of a query.
pub fn parameter(name: &Value, value: &Value) -> String {
    let value = match value {
        Value::String(text) => encoded(text),
        other => other.to_string(),
    };
    format!("{}={value}", text(name))
}

impl Home {
    /// A home that runs elsewhere.
    fn at(base: String) -> Self {
        let mut home = Self {
            base,
            schema: Value::Null,
        };
        home.schema = home.read("/v1/schema");
        home
    }

    /// Serves a workspace at a free port of this process until its end.
    pub fn start(workspace: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut settings = server::Settings::from_env().unwrap();
            settings.workspace = workspace;
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                server::serve(listener, &settings, UsageLog::off())
                    .await
                    .unwrap();
            });
        });
        Self::at(format!("http://{address}"))
    }

    /// Begins a request to a path.
    pub fn request(&self, method: &str, path: &str) -> request::Builder {
        let uri = format!("{}{path}", self.base);
        Request::builder().method(method).uri(uri)
    }

    pub fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path), b"")
    }

    /// Asks for an answer of a type.
    pub fn get_as(&self, accept: &str, path: &str) -> Answer {
        send(self.request("GET", path).header("accept", accept), b"")
    }

    /// The document at a path.
    pub fn read(&self, path: &str) -> Value {
        self.get_as("application/json", path).ok()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, "application/json", &body.to_string())
    }

    pub fn post_csv(&self, path: &str, body: &str) -> Answer {
        self.post_text(path, "text/csv", body)
    }

    pub fn post_text(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let request = self
            .request("POST", path)
            .header("content-type", content_type);
        send(request, body.as_bytes())
    }

    /// What the home says of its business.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The key of a role, if the business has it.
    pub fn role(&self, role: &str) -> Option<&str> {
        self.schema["roles"][role].as_str()
    }

    pub fn fields(&self) -> &[Value] {
        items(&self.schema["fields"])
    }

    pub fn field(&self, name: &str) -> &Value {
        let found = self.fields().iter().find(|field| field["name"] == name);
        found.unwrap_or_else(|| panic!("there is a field {name}"))
    }

    /// The fields that hold numbers.
    pub fn numbers(&self) -> impl Iterator<Item = &Value> {
        self.fields()
            .iter()
            .filter(|field| field["least"].is_number())
    }

    /// The filters of a kind, `values` or `range`.
    pub fn filters<'h>(&'h self, kind: &'h str) -> impl Iterator<Item = &'h Value> {
        let filters = items(&self.schema["filters"]).iter();
        filters.filter(move |filter| filter["kind"] == kind)
    }

    /// A page of the directory, as long as it may be.
    pub fn page(&self, query: &str) -> Value {
        self.read(&format!("/v1/summary?limit=500&{query}"))
    }

    /// How many customers a query selects.
    pub fn total(&self, query: &str) -> u64 {
        let page = self.read(&format!("/v1/summary?limit=1&{query}"));
        page["total"].as_u64().unwrap()
    }

    /// Some active customer's id.
    pub fn some_customer(&self) -> String {
        let page = self.read("/v1/summary?limit=1");
        text(&items(&page["items"])[0]["customer_id"]).to_owned()
    }

    /// Active customers who differ: the first and the last by every sort.
    pub fn some_customers(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for sort in items(&self.schema["sorts"]) {
            for dash in ["", "-"] {
                let page = self.read(&format!("/v1/summary?limit=1&sort={dash}{}", text(sort)));
                let id = text(&items(&page["items"])[0]["customer_id"]).to_owned();
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        ids
    }

    /// All that is known of a customer.
    pub fn summary(&self, id: &str) -> Value {
        self.read(&format!("/v1/summary/{}", encoded(id)))
    }

    pub fn profile(&self, id: &str) -> Value {
        self.summary(id)["profile"].clone()
    }

    /// The profile of some active customer, without the id.
    pub fn some_profile(&self) -> Value {
        self.profile(&self.some_customer())
    }
}

/// A file of customers as the business would have it: the id, then every field under its name.
impl Home {
    pub fn csv_header(&self) -> String {
        let fields = self.fields().iter().map(|field| text(&field["name"]));
        csv_line(std::iter::once(self.role("id").unwrap()).chain(fields))
    }

    pub fn csv_row(&self, id: &str, profile: &Value) -> String {
        let cells = self
            .fields()
            .iter()
            .map(|field| as_cell(&profile[text(&field["name"])]));
        let cells: Vec<String> = cells.collect();
        csv_line(std::iter::once(id).chain(cells.iter().map(String::as_str)))
    }
}

/// A value as the cell of a file.
pub fn as_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A line of a CSV file, without its end.
pub fn csv_line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).unwrap();
    let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    line.trim_end_matches('\n').to_owned()
}
