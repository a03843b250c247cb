//! The dashboard's files.

use crate::client::{Answer, Client};
use crate::process::{Server, command};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "/assets/app-0a1b.js";

fn ask(server: &Server, path: &str, headers: &[&str]) -> Answer {
    let mut client = Client::connect(server.address).unwrap();
    client.get(path, headers).unwrap()
}

fn etag(server: &Server, path: &str, headers: &[&str]) -> String {
    let answer = ask(server, path, headers);
    answer.header("etag").unwrap().to_owned()
}

fn serving(folder: &Path) -> Server {
    Server::start(&[("DASHBOARD_DIR", folder.to_str().unwrap())])
}

#[test]
fn files_may_be_kept_as_their_names_allow() {
    let server = Server::start(&[]);
    let page = ask(&server, "/", &[]);
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(page.text(), ask(&server, "/index.html", &[]).text());
    let script = ask(&server, SCRIPT, &[]);
    let lifetime = Some("public, max-age=31536000, immutable");
    assert_eq!(script.header("cache-control"), lifetime);
    assert_eq!(script.header("content-type"), Some("text/javascript"));
    let gone = ask(&server, "/assets/gone.js", &[]);
    assert_eq!(gone.header("cache-control"), Some("no-store"));
}

#[test]
fn each_encoding_has_its_own_etag() {
    let server = Server::start(&[]);
    let plain = ask(&server, SCRIPT, &[]);
    let gzip = ask(&server, SCRIPT, &["accept-encoding: br, gzip"]);
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < plain.body.len() / 10);
    assert_ne!(plain.header("etag"), gzip.header("etag"));
    for answer in [&plain, &gzip] {
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert!(!answer.header("etag").unwrap().starts_with("W/"));
    }
    let (plain, gzip) = (plain.header("etag").unwrap(), gzip.header("etag").unwrap());
    let accepted = "accept-encoding: gzip";
    for (kept, headers, status) in [
        (plain, &[][..], 304),
        (gzip, &[accepted], 304),
        (plain, &[accepted], 200),
        (gzip, &[], 200),
    ] {
        let condition = format!("if-none-match: {kept}");
        let answer = ask(&server, SCRIPT, &[headers, &[&condition]].concat());
        assert_eq!(answer.status, status, "{condition} {headers:?}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        let cached = answer.header("cache-control").unwrap();
        assert!(cached.contains("immutable"), "{cached}");
    }
    let both = format!("if-none-match: {plain}, W/{gzip}");
    assert_eq!(ask(&server, SCRIPT, &[&both, accepted]).status, 304);
    assert_eq!(ask(&server, SCRIPT, &[&both]).status, 304);
}

#[test]
fn etags_are_those_of_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("index.html");
    fs::write(&page, "one").unwrap();
    let one = etag(&serving(folder.path()), "/", &[]);
    fs::write(&page, "two").unwrap();
    assert_ne!(etag(&serving(folder.path()), "/", &[]), one);
    fs::write(&page, "one").unwrap();
    assert_eq!(etag(&serving(folder.path()), "/", &[]), one);
}

#[test]
fn answer_without_an_acceptable_encoding_comes_as_it_is() {
    let server = Server::start(&[]);
    for path in [SCRIPT, "/v1/summary?limit=50", "/openapi.json"] {
        for refusal in ["identity;q=0", "*;q=0", "gzip;q=0, identity;q=0"] {
            let answer = ask(&server, path, &[&format!("accept-encoding: {refusal}")]);
            assert_eq!(answer.status, 200, "{path} {refusal}");
            assert_eq!(answer.header("content-encoding"), None);
        }
    }
    let compressed = ask(&server, "/v1/summary?limit=50", &["accept-encoding: gzip"]);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
}

#[test]
fn conditions_are_checked_in_their_order() {
    let server = Server::start(&[]);
    let page = ask(&server, "/", &[]);
    let tag = page.header("etag").unwrap();
    let modified = page.header("last-modified").unwrap();
    let long_ago = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (conditions, status) in [
        (vec![format!("if-match: {tag}")], 200),
        (vec!["if-match: *".to_owned()], 200),
        (vec!["if-match: \"another\"".to_owned()], 412),
        (vec![format!("if-match: W/{tag}")], 412),
        (vec![format!("if-unmodified-since: {modified}")], 200),
        (vec![format!("if-unmodified-since: {long_ago}")], 412),
        (vec![format!("if-none-match: W/{tag}")], 304),
        (vec!["if-none-match: *".to_owned()], 304),
        (vec![format!("if-modified-since: {modified}")], 304),
        (vec![format!("if-modified-since: {long_ago}")], 200),
        (
            vec![
                "if-none-match: \"another\"".to_owned(),
                format!("if-modified-since: {modified}"),
            ],
            200,
        ),
        (
            vec![
                format!("if-match: {tag}"),
                format!("if-unmodified-since: {long_ago}"),
            ],
            200,
        ),
        (vec!["if-modified-since: yesterday".to_owned()], 200),
    ] {
        let headers: Vec<&str> = conditions.iter().map(String::as_str).collect();
        let answer = ask(&server, "/", &headers);
        assert_eq!(answer.status, status, "{conditions:?}");
        if status == 412 {
            assert!(answer.text().contains("/problems/precondition-failed"));
        }
    }
}

#[test]
fn parts_are_of_the_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let content: String = (0..2_000).map(|number| format!("{number:04}")).collect();
    fs::write(folder.path().join("index.html"), &content).unwrap();
    fs::write(folder.path().join("empty.txt"), "").unwrap();
    let server = serving(folder.path());
    let tag = etag(&server, "/", &[]);
    for (range, part) in [
        ("bytes=4-7", "0001"),
        ("bytes=7996-", "1999"),
        ("bytes=7996-99999", "1999"),
        ("bytes=-4", "1999"),
        ("bytes=-99999", &content),
    ] {
        let range = format!("range: {range}");
        for condition in [
            format!("if-range: {tag}"),
            "accept-encoding: gzip".to_owned(),
        ] {
            let answer = ask(&server, "/", &[&range, &condition]);
            assert_eq!((answer.status, answer.text()), (206, part), "{range}");
            assert_eq!(answer.header("content-encoding"), None);
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            let said = answer.header("content-range").unwrap();
            assert!(said.ends_with("/8000"), "{said}");
        }
    }
    for ignored in [
        "bytes=0-3, 8-11",
        "bytes=a-b",
        "lines=1-2",
        "bytes=--1",
        "bytes=",
    ] {
        let answer = ask(&server, "/", &[&format!("range: {ignored}")]);
        assert_eq!(
            (answer.status, answer.text()),
            (200, &*content),
            "{ignored}"
        );
    }
    let stale = ask(&server, "/", &["range: bytes=0-3", "if-range: \"another\""]);
    assert_eq!(stale.status, 200);
    for (path, range) in [
        ("/", "bytes=8000-"),
        ("/", "bytes=-0"),
        ("/empty.txt", "bytes=0-0"),
    ] {
        let answer = ask(&server, path, &[&format!("range: {range}")]);
        assert_eq!(answer.status, 416, "{range}");
        let problem = answer.text();
        assert!(
            problem.contains("/problems/range-not-satisfiable"),
            "{problem}"
        );
        assert!(
            answer
                .header("content-range")
                .unwrap()
                .starts_with("bytes */")
        );
    }
}

#[test]
fn head_is_answered_without_the_file_and_other_methods_are_405() {
    let server = Server::start(&[]);
    let exchange = |method: &str| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        let head = format!("{method} {SCRIPT} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let head = exchange("HEAD");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\ncontent-length: 10000\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let refused = exchange("DELETE");
    assert!(refused.starts_with("HTTP/1.1 405 "), "{refused}");
    assert!(refused.contains("\r\nallow: GET,HEAD\r\n"), "{refused}");
}

#[test]
fn dotfiles_links_and_special_files_are_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    let site = folder.path().join("site");
    fs::create_dir_all(site.join("sub/.hidden")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    for (path, content) in [
        ("index.html", "page"),
        (".env", "secret"),
        (".git", "secret"),
        ("sub/file.txt", "file"),
        ("sub/.htaccess", "secret"),
        ("sub/.hidden/file.txt", "secret"),
        ("../outside/secret.txt", "secret"),
    ] {
        fs::write(site.join(path), content).unwrap();
    }
    symlink(outside.join("secret.txt"), site.join("link.txt")).unwrap();
    symlink(&outside, site.join("folder")).unwrap();
    symlink("index.html", site.join("inside.html")).unwrap();
    // Whoever opened it would wait for ever.
    let pipe = Command::new("mkfifo").arg(site.join("pipe")).status();
    assert!(pipe.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(site.join("socket")).unwrap();

    let server = serving(&site);
    assert_eq!(ask(&server, "/", &[]).text(), "page");
    assert_eq!(ask(&server, "/sub/file.txt", &[]).text(), "file");
    assert_eq!(ask(&server, "/sub/%66ile%2Etxt", &[]).text(), "file");
    for path in [
        "/.env",
        "/%2eenv",
        "/.git",
        "/sub/.htaccess",
        "/sub/.hidden/file.txt",
        "/link.txt",
        "/folder/secret.txt",
        "/inside.html",
        "/pipe",
        "/socket",
        "/../outside/secret.txt",
        "/sub/..%2f..%2foutside/secret.txt",
        "/sub/../index.html",
        "/sub",
        "/sub/",
        "//index.html",
        "/index.html/",
        "/index.html%00",
        "/%ff",
        "/%",
    ] {
        let answer = ask(&server, path, &[]);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("/problems/unknown-path"), "{path}");
    }
}

#[test]
fn long_name_is_404() {
    let server = Server::start(&[]);
    for length in [255, 256, 4_096, 10_000] {
        let answer = ask(&server, &format!("/{}", "a".repeat(length)), &[]);
        assert_eq!(answer.status, 404, "{length}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn folder_without_a_page_says_how_to_make_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let server = serving(folder.path());
    let page = ask(&server, "/", &[]);
    assert_eq!(page.status, 404);
    assert!(page.text().contains("make dashboard"), "{}", page.text());
    assert_eq!(ask(&server, "/secret.txt", &[]).status, 404);
    assert_eq!(ask(&server, "/v1/summary?limit=1", &[]).status, 200);
}

#[test]
fn folder_larger_than_memory_is_for_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), "page").unwrap();
    let video = fs::File::create(folder.path().join("video.mp4")).unwrap();
    video.set_len((16 << 20) - 3).unwrap();
    let mut start = command();
    start.env("PORT", "0").env("USAGE_LOG", "off");
    let output = start.env("DASHBOARD_DIR", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.ends_with("a dashboard has at most 16777216 bytes in 4096 files\n"),
        "{message}"
    );
}
