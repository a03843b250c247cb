//! Memory does not grow with the file that is scored.

#![allow(clippy::unwrap_used)]

use nix::sys::resource::{UsageWho, getrusage};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Command;
use tempfile::TempDir;

const CUSTOMERS: &str = include_str!("../../data/customers.csv");
const MOST_KIB: i64 = 64 << 10;

/// Scores a file of so many bytes, and says how much memory that took at most, in KiB.
fn peak(bytes: usize) -> i64 {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("input.csv");
    let (header, rows) = CUSTOMERS.split_once('\n').unwrap();
    let mut file = BufWriter::new(File::create(&input).unwrap());
    writeln!(file, "{header}").unwrap();
    let times = bytes.div_ceil(rows.len());
    for _ in 0..times {
        file.write_all(rows.as_bytes()).unwrap();
    }
    file.into_inner().unwrap();
    let out = folder.path().join("out");
    let mut program = Command::new(env!("CARGO_BIN_EXE_engagetrack"));
    assert!(
        program
            .arg("bulk")
            .arg(input)
            .arg(&out)
            .status()
            .unwrap()
            .success()
    );
    let manifest = std::fs::read(out.join("manifest.json")).unwrap();
    let manifest: bulk::Manifest = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.rows_out, (times * rows.lines().count()) as u64);
    // A child starts with what this process holds at most, which is little.
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

#[test]
fn a_file_of_32_mb_takes_no_64_mb() {
    let peak = peak(32_000_000);
    assert!(peak < MOST_KIB, "{peak} KiB");
}

#[test]
#[ignore = "writes and scores 2 GB; `make bulk-memory` runs it, optimised"]
fn a_file_of_2_gb_takes_no_64_mb() {
    let peak = peak(2_000_000_000);
    println!("2 GB of customers took {peak} KiB at most");
    assert!(peak < MOST_KIB, "{peak} KiB");
}
