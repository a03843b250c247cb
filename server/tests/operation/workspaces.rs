//! Workspaces from a file or a folder, and their replacement while the server runs.

use crate::client::{Client, get};
use crate::process::{Server, command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use web::usage_log::{Check, Key, Order, Verifier};
use workspace::compile::{Sources, compile_folder};

/// Long enough for a change to be taken up on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A copy of the repository's workspace.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in Sources::PATHS {
        let copy = folder.path().join(path);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(root().join(path), copy).unwrap();
    }
    folder
}

/// Replaces a text that occurs in a file.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    // As editors do: a whole new file takes the place of the old one.
    let new = file.with_extension("new");
    fs::write(&new, text.replacen(from, to, 1)).unwrap();
    fs::rename(new, file).unwrap();
}

/// Two compiled workspaces whose titles differ.
static COMPILED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = folder();
    let compiled = || {
        let compiled = compile_folder(folder.path()).unwrap();
        workspace::file::to_bytes(&compiled.parts)
    };
    let first = compiled();
    let schema = folder.path().join("data/schema.toml");
    edit(&schema, "title = \"", "title = \"Other ");
    [first, compiled()]
});

/// A file with a workspace, replaced by renaming as the docs say.
struct File {
    folder: TempDir,
}

impl File {
    fn with(bytes: &[u8]) -> Self {
        let file = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        file.replace(bytes);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("telco.workspace")
    }

    fn replace(&self, bytes: &[u8]) {
        let new = self.folder.path().join("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

fn server(path: &Path) -> Server {
    Server::start(&[("WORKSPACE", path.to_str().unwrap())])
}

fn title(address: SocketAddr) -> String {
    let schema: Value = serde_json::from_slice(&get(address, "/v1/schema").body).unwrap();
    schema["title"].as_str().unwrap().to_owned()
}

fn status(address: SocketAddr) -> Value {
    serde_json::from_slice(&get(address, "/workspace").body).unwrap()
}

fn faults(address: SocketAddr) -> Vec<String> {
    serde_json::from_value(status(address)["faults"].clone()).unwrap()
}

/// Asks until something holds, which it must within the patience. The time that it took.
fn until(mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it does not come about");
        thread::yield_now();
    }
    start.elapsed()
}

#[test]
fn a_file_renamed_over_the_one_in_use_is_served_and_no_request_is_lost() {
    let file = File::with(&COMPILED[0]);
    let server = server(&file.path());
    let address = server.address;
    let before = status(address);
    assert_eq!(before["source"], "file");
    let done = AtomicBool::new(false);
    let (swaps, answered) = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Client::connect(address).unwrap();
                    let mut versions = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        let answer = connection.get("/v1/schema", &[]).unwrap();
                        assert_eq!(answer.status, 200);
                        let version = answer.header("workspace-version").unwrap().to_owned();
                        // What is in the answer is of the workspace that its header names.
                        let schema: Value = serde_json::from_slice(&answer.body).unwrap();
                        let is_other = schema["title"].as_str().unwrap().starts_with("Other ");
                        versions.push((version, is_other));
                    }
                    versions
                })
            })
            .collect();
        for round in 1..=4 {
            file.replace(&COMPILED[round % 2]);
            until(|| title(address).starts_with("Other ") == (round % 2 == 1));
        }
        done.store(true, Ordering::Relaxed);
        let answers = clients.into_iter().map(|client| client.join().unwrap());
        (4, answers.collect::<Vec<_>>())
    });
    let first = before["version"].as_str().unwrap();
    let mut seen = [false; 2];
    for (version, is_other) in answered.iter().flatten() {
        assert_eq!(version != first, *is_other);
        seen[usize::from(*is_other)] = true;
    }
    assert_eq!(seen, [true; 2]);
    let metrics = get(server.health, "/metrics");
    assert!(
        metrics
            .text()
            .contains(&format!("workspace_swaps_total {swaps}\n"))
    );
    assert!(metrics.text().contains(&format!("version=\"{first}\"")));
    let ready: Value = serde_json::from_slice(&get(server.health, "/readyz").body).unwrap();
    assert_eq!(ready["workspace"]["version"], first);
    let log = fs::read_to_string(server.usage_log()).unwrap_or_default();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["workspace_version"].is_string(), "{line}");
    }
}

#[test]
fn sighup_takes_a_file_up_that_looks_unchanged() {
    let file = File::with(&COMPILED[0]);
    let server = server(&file.path());
    let since = status(server.address)["loaded_at"].clone();
    // Time is told in seconds.
    until(|| {
        server.hang_up();
        let status = status(server.address);
        assert_eq!(status["faults"], serde_json::json!([]));
        status["loaded_at"] != since
    });
}

#[test]
fn a_damaged_or_newer_file_is_refused_with_its_reason_and_the_old_one_stays() {
    let file = File::with(&COMPILED[0]);
    let server = server(&file.path());
    let address = server.address;
    let version = status(address)["version"].clone();
    let whole = &COMPILED[1];
    let half = &whole[..whole.len() / 2];
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut newer = whole.clone();
    newer[8] += 1;
    let cases: [(&[u8], &str); 5] = [
        (half, "cut short"),
        (&damaged, "quality.json is damaged"),
        (&newer, "format 2, and this program reads format 1"),
        (b"customer_id,churned\n", "not a compiled workspace"),
        (b"", "not a compiled workspace"),
    ];
    for (refused, (bytes, reason)) in (1..).zip(cases) {
        file.replace(bytes);
        let counted = format!("workspace_refusals_total {refused}\n");
        until(|| get(server.health, "/metrics").text().contains(&counted));
        let faults = faults(address);
        assert!(faults[0].contains(reason), "{reason}: {faults:?}");
        assert_eq!(status(address)["version"], version);
        assert!(!title(address).starts_with("Other "));
    }
    fs::remove_file(file.path()).unwrap();
    until(|| {
        faults(address)
            .iter()
            .any(|fault| fault.contains("No such file"))
    });
    file.replace(whole);
    until(|| faults(address).is_empty());
    assert!(title(address).starts_with("Other "));
}

#[test]
fn a_folder_is_compiled_again_when_a_source_changes_and_tells_its_faults() {
    let folder = folder();
    let server = server(folder.path());
    let address = server.address;
    assert_eq!(status(address)["source"], "folder");
    let schema = folder.path().join("data/schema.toml");
    edit(&schema, "title = \"", "title = \"Other ");
    until(|| title(address).starts_with("Other "));
    edit(&schema, "[roles]", "[rolls]");
    until(|| !faults(address).is_empty());
    assert!(
        faults(address)[0].starts_with("data/schema.toml: "),
        "{:?}",
        faults(address)
    );
    assert!(title(address).starts_with("Other "));
    edit(&schema, "[rolls]", "[roles]");
    until(|| faults(address).is_empty());
}

#[test]
fn a_server_without_a_workspace_to_serve_says_why_and_ends() {
    let file = File::with(&COMPILED[0][..COMPILED[0].len() - 1]);
    let broken = folder();
    let schema = broken.path().join("data/schema.toml");
    edit(&schema, "[roles]", "[rolls]");
    for (path, reason) in [
        (file.path(), "cut short"),
        (broken.path().to_owned(), "data/schema.toml: "),
        (broken.path().join("nothing"), "No such file"),
        (
            broken.path().join("data"),
            "data/customers.csv: the file can't be read",
        ),
    ] {
        let ended = command()
            .env("PORT", "0")
            .env("USAGE_LOG", "off")
            .env("WORKSPACE", path)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_server_killed_while_workspaces_are_replaced_starts_again_with_a_whole_one() {
    let file = File::with(&COMPILED[0]);
    for round in 0..4 {
        let mut server = server(&file.path());
        let before = status(server.address)["version"].clone();
        file.replace(&COMPILED[(round + 1) % 2]);
        server.hang_up();
        // Sometimes before, sometimes amid, sometimes after the change.
        for _ in 0..round {
            get(server.address, "/v1/schema");
        }
        server.kill();
        let again = self::server(&file.path());
        assert_ne!(status(again.address)["version"], before);
    }
}

/// Asks a server about some of its customers. Returns their ids.
fn visit(address: SocketAddr) -> Vec<String> {
    let json = |path: &str| -> Value {
        let answer = get(address, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    };
    let page = json("/v1/summary?limit=20&status=active&status=left");
    let rows = page["items"].as_array().unwrap().iter();
    let ids: Vec<String> = rows
        .map(|row| row["customer_id"].as_str().unwrap().to_owned())
        .collect();
    for id in &ids {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        for function in ["predict", "explain", "nudges"] {
            json(&format!("/v1/{function}/{id}"));
        }
        assert_eq!(get(address, &format!("/v1/summary/{id}")).status, 200);
    }
    json("/v1/analytics");
    assert_eq!(get(address, "/v1/summary?no_such_filter=1").status, 422);
    ids
}

#[test]
fn two_servers_serve_two_businesses_and_write_one_format_of_log() {
    let saas = root().join("examples/saas");
    let mut servers = [Server::start(&[]), server(&saas)];
    let addresses = servers.each_ref().map(|server| server.address);
    let ids = thread::scope(|scope| {
        let visits = addresses.map(|address| scope.spawn(move || visit(address)));
        visits.map(|visit| visit.join().unwrap())
    });
    // Neither knows the other's customers.
    for (address, others) in addresses.into_iter().zip([&ids[1], &ids[0]]) {
        for id in others {
            let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
            assert_eq!(get(address, &format!("/v1/predict/{id}")).status, 404);
        }
    }
    let logs = servers.each_mut().map(|server| {
        server.interrupt();
        assert!(server.ended().success());
        fs::read_to_string(server.usage_log()).unwrap()
    });
    // The fields of a line, in their order, by what was done.
    let format = |log: &str| -> BTreeMap<String, Vec<String>> {
        let lines = log.lines().map(|line| {
            let fields: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
            let done = ["function", "action", "outcome"].map(|name| fields[name].to_string());
            let place = |name: &str| line.find(&format!("{name:?}:")).unwrap();
            let mut names: Vec<String> = fields.keys().cloned().collect();
            names.sort_by_key(|name| place(name));
            (done.join(" "), names)
        });
        lines.collect()
    };
    assert_eq!(format(&logs[0]), format(&logs[1]));
    assert!(format(&logs[0]).len() > 6, "{:?}", format(&logs[0]));
    for log in &logs {
        for id in ids.iter().flatten() {
            let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
            assert!(!log.contains(id) && !log.contains(&encoded), "{id}");
        }
        let key = Key::new(b"a secret of a decent length", None);
        let mut verifier = Verifier::new(Order::AsWritten, Check::Authenticity(vec![key]));
        verifier.read("usage.log", log.as_bytes()).unwrap();
        let report = verifier.finish();
        assert!(report.fault.is_none(), "{report:?}");
    }
    let version = |log: &str| {
        let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        line["workspace_version"].clone()
    };
    assert_ne!(version(&logs[0]), version(&logs[1]));
}
