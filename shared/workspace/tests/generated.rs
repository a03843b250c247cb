//! Drawn customers make a workspace of any size, and are nobody whom the business knows.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use workspace::compile::{Sources, compile_folder};
use workspace::{Workspace, generate};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(root.join("examples")).unwrap();
    let is_workspace = |folder: &PathBuf| folder.join(Sources::PATHS[0]).is_file();
    let examples = examples
        .map(|entry| entry.unwrap().path())
        .filter(is_workspace);
    [root.clone()].into_iter().chain(examples).collect()
}

/// Everything of a row but the id.
fn rows(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().skip(1).filter_map(|line| line.split_once(','));
    rows.map(|(_, rest)| rest.to_owned()).collect()
}

#[test]
fn drawn_customers_make_a_workspace_that_is_verified() {
    for business in folders() {
        let out = tempfile::tempdir().unwrap();
        generate::folder(&business, 3000, 7, out.path()).unwrap();
        let compiled = compile_folder(out.path()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let parts = compiled.into_parts();
        let workspace = Workspace::open(&parts).unwrap();
        assert_eq!(workspace.customers.len(), 3000, "{}", business.display());
        let left = workspace
            .customers
            .outcomes()
            .iter()
            .filter(|outcome| **outcome == 1);
        let share = left.count() as f64 / 3000.0;
        let expected = workspace.customers.probabilities().iter().sum::<f64>() / 3000.0;
        // Five standard errors of a share of 3,000 customers.
        assert!((share - expected).abs() < 0.05, "{share} {expected}");
    }
}

#[test]
fn drawn_customers_are_the_same_for_a_seed_and_none_of_the_business() {
    let business = &folders()[0];
    let drawn = |seed: u64| {
        let out = tempfile::tempdir().unwrap();
        generate::folder(business, 500, seed, out.path()).unwrap();
        rows(&out.path().join(Sources::PATHS[1]))
    };
    let first = drawn(1);
    assert_eq!(first, drawn(1));
    assert_ne!(first, drawn(2));
    let known: HashSet<String> = rows(&business.join(Sources::PATHS[1]))
        .into_iter()
        .collect();
    assert!(first.iter().all(|row| !known.contains(row)));
}

#[test]
fn a_folder_that_is_no_workspace_is_told() {
    let out = tempfile::tempdir().unwrap();
    let error = generate::folder(out.path(), 1, 1, out.path()).unwrap_err();
    assert!(error.to_string().contains("data/schema.toml"), "{error}");
}
