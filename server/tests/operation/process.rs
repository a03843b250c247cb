//! A server of one's own.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// A running server. Its log and its dashboard lie in a folder that ends with it.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Starts the binary on a free port, with settings beside those that a test needs.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dashboard = folder.path().join("dashboard");
        std::fs::create_dir_all(dashboard.join("assets")).unwrap();
        std::fs::write(dashboard.join("index.html"), "<!doctype html>").unwrap();
        std::fs::write(dashboard.join("assets/app-0a1b.js"), "1;".repeat(5_000)).unwrap();
        let mut child = command()
            .env("PORT", "0")
            // What the tests' client calls it.
            .env("ALLOWED_HOSTS", "test")
            .env("DASHBOARD_DIR", dashboard)
            .env("USAGE_LOG", folder.path().join("usage.log"))
            .env("USAGE_LOG_KEY", "a secret of a decent length")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1;
        Self {
            child,
            address: address.parse().unwrap(),
            folder,
        }
    }

    pub fn usage_log(&self) -> PathBuf {
        self.folder.path().join("usage.log")
    }

    /// The ids of the requests in the usage log.
    pub fn logged(&self) -> BTreeSet<String> {
        let log = std::fs::read_to_string(self.usage_log()).unwrap_or_default();
        let id = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["request_id"].as_str().unwrap().to_owned()
        };
        log.lines().map(id).collect()
    }

    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test.
pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_server"))
}
