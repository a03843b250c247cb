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
    /// Where health is asked: at a port of its own, if the settings name one.
    pub health: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Starts the binary on a free port, with settings beside those that a test needs.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_by(command(), settings)
    }

    /// Starts it by a command of one's own.
    pub fn start_by(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dashboard = folder.path().join("dashboard");
        std::fs::create_dir_all(dashboard.join("assets")).unwrap();
        std::fs::write(dashboard.join("index.html"), "<!doctype html>").unwrap();
        std::fs::write(dashboard.join("assets/app-0a1b.js"), "1;".repeat(5_000)).unwrap();
        let mut child = command
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
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = || -> SocketAddr {
            let line = lines.next().unwrap().unwrap();
            line.rsplit_once("http://").unwrap().1.parse().unwrap()
        };
        let has_its_own = settings.iter().any(|(name, _)| *name == "HEALTH_PORT");
        let first = address();
        let health = if has_its_own { address() } else { first };
        Self {
            child,
            address: first,
            health,
            folder,
        }
    }

    /// A figure of its memory in bytes, such as `VmRSS`.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure));
        let kibibytes = line.unwrap().trim_matches([':', '\t', ' ']);
        kibibytes
            .strip_suffix(" kB")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            << 10
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
        self.signal("-TERM");
    }

    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Ends it at once, with whatever it is doing.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it runs still.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
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
