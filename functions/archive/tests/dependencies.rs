//! The functions that answer HTTP link neither an AWS SDK nor TLS: either would make them start measurably slower. The program links
//! no SDK unless it is built to reach S3: it would take twice as long to build.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use std::fs;
use std::path::Path;
use std::process::Command;

/// The functions that reach S3; all others answer HTTP.
const REACH_S3: [&str; 2] = ["archive", "bulk"];

/// The functions that answer HTTP; folder and package have the same name.
fn answer_http() -> Vec<String> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifests = fs::read_dir(functions)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("Cargo.toml"));
    let name = |manifest: &Path| {
        manifest
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let names = manifests
        .filter(|manifest| manifest.exists())
        .map(|manifest| name(&manifest));
    names.filter(|name| !REACH_S3.contains(&&**name)).collect()
}

/// The names of all crates that a package links.
fn linked_by(package: &str) -> Vec<String> {
    linked_with(package, &[])
}

/// The names of all crates that a package with these features links.
fn linked_with(package: &str, features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
        ])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn is_sdk(name: &str) -> bool {
    name.starts_with("aws-")
}

fn is_sdk_or_tls(name: &str) -> bool {
    const BEGINNINGS: [&str; 5] = ["rustls", "openssl", "native-tls", "s2n-", "boring"];
    is_sdk(name)
        || BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
        || matches!(name, "ring" | "tokio-rustls" | "hyper-rustls")
}

#[test]
fn the_functions_that_answer_http_link_neither_sdk_nor_tls() {
    let packages = answer_http();
    assert!(
        packages.iter().any(|package| package == "predict"),
        "{packages:?}"
    );
    for package in packages {
        let linked = linked_by(&package);
        assert!(
            linked.iter().any(|name| name == "lambda_http"),
            "{package} must be looked at as a whole"
        );
        let found: Vec<_> = linked.iter().filter(|name| is_sdk_or_tls(name)).collect();
        assert!(found.is_empty(), "{package} links {found:?}");
    }
}

#[test]
fn the_program_links_no_sdk_unless_it_is_built_to_reach_s3() {
    let linked = linked_by("cli");
    assert!(linked.iter().any(|name| name == "bulk"), "{linked:?}");
    let found: Vec<_> = linked.iter().filter(|name| is_sdk(name)).collect();
    assert!(found.is_empty(), "cli links {found:?}");
    let linked = linked_with("cli", &["--features", "s3"]);
    assert!(linked.iter().any(|name| is_sdk(name)));
}

#[test]
fn the_archive_links_both() {
    let linked = linked_by("archive");
    for name in ["aws-sdk-s3", "rustls"] {
        assert!(linked.iter().any(|linked| linked == name) && is_sdk_or_tls(name));
    }
}
