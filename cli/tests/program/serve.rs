//! The verb `serve` does what the program `server` does.

use crate::{Answer, engagetrack};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server, and what it needs of files.
struct Server {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("index.html"), "<!doctype html>").unwrap();
        let mut child = engagetrack("serve")
            .args(arguments)
            .envs([("PORT", "0"), ("USAGE_LOG", "off"), ("DRAIN", "0")])
            .env("DASHBOARD_DIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        Self {
            child,
            address: line.trim_end().rsplit_once("http://").unwrap().1.to_owned(),
            _folder: folder,
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "host: localhost\r\nconnection: close\r\n\r\n";
        write!(stream, "GET {path} HTTP/1.1\r\n{head}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_answers_and_tells_its_health_until_it_is_stopped() {
    let mut server = Server::start(&[]);
    let answer = server.get("/v1/predict/1866-PVWWG");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(r#""risk_level":"high""#), "{answer}");
    assert!(server.get("/").ends_with("<!doctype html>"));

    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    let health = || {
        let mut health = engagetrack("serve");
        health.arg("--health").env("PORT", &port).output().unwrap()
    };
    assert_eq!(health().status.code(), Some(0));
    let id = server.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert_eq!(health().status.code(), Some(1));
}

#[test]
fn serve_takes_the_workspace_that_is_named_to_it() {
    let saas = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/saas");
    let server = Server::start(&["--workspace", saas]);
    let answer = server.get("/v1/schema");
    assert!(answer.contains(r#""name":"saas""#), "{answer}");

    let output = engagetrack("serve")
        .args(["--workspace", "/nowhere"])
        .env("PORT", "0")
        .output();
    let answer = Answer::from(output.unwrap());
    assert!(answer.stderr.contains("/nowhere"), "{answer:?}");
    assert_eq!(answer.code, 1);
}

#[test]
fn a_setting_that_makes_no_sense_ends_with_code_2() {
    for arguments in [&[][..], &["--health"]] {
        let output = engagetrack("serve")
            .args(arguments)
            .env("PORT", "70000")
            .output()
            .unwrap();
        Answer::from(output).refuses(2, "PORT must be a port from 0 to 65535");
    }
}
