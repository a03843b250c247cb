//! Parquet files, in and out: what CSV of the same customers gives, to the bit.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use bulk::{Input, Job, Layout, Manifest, Report, ResultsFormat, score};
use engagetrack::{Live, embedded};
use reader::{Confirmed, Table};

const CUSTOMERS: &str = include_str!("../../../data/customers.csv");

/// The parts of a job.
struct Done {
    results: Vec<Vec<u8>>,
    rejects: String,
    manifest: Manifest,
}

fn live() -> Live {
    embedded::live(embedded::explanations(embedded::core()))
}

fn run(live: &Live, input: &[u8], shard_bytes: Option<u64>, results: ResultsFormat) -> Done {
    let view = live.view();
    let described = Input {
        name: "customers".to_owned(),
        bytes: input.len() as u64,
        version: "1".to_owned(),
    };
    let layout = Layout::read(view, input, &Confirmed::default()).unwrap();
    let job = Job::new(view, described, layout, shard_bytes).with_results(results);
    let mut done = Vec::new();
    let mut rejects = Vec::new();
    let mut reports: Vec<Report> = Vec::new();
    for shard in job.shards() {
        let mut results = Vec::new();
        reports.push(
            score(
                view,
                &job,
                &shard,
                input,
                &mut results,
                &mut rejects,
                |_| {},
            )
            .unwrap(),
        );
        done.push(results);
    }
    Done {
        results: done,
        rejects: String::from_utf8(rejects).unwrap(),
        manifest: Manifest::of(view, &job, reports).unwrap(),
    }
}

/// The names and cells of tables that follow each other.
fn cells(parts: &[Vec<u8>]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut names = Vec::new();
    let mut read = Vec::new();
    for part in parts {
        let table = Table::read(part, &Confirmed::default(), &|_| false).unwrap();
        names = table.columns().to_vec();
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            read.push(
                row.cells()
                    .map(|cell| cell.unwrap_or_default().to_owned())
                    .collect(),
            );
        }
    }
    (names, read)
}

/// Results that are equal to the bit, whatever their numbers look like.
fn assert_same(parquet: &[Vec<u8>], csv: &[Vec<u8>]) {
    let csv = csv.concat();
    let (names, expected) = cells(&[csv]);
    let (found, rows) = cells(parquet);
    assert_eq!(found, names);
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        for ((name, cell), expected) in names.iter().zip(row).zip(expected) {
            let is_same = match name.as_str() {
                "churn_probability" | "projected_probability" => {
                    cell.parse::<f64>().unwrap().to_bits()
                        == expected.parse::<f64>().unwrap().to_bits()
                }
                name if name.starts_with("contribution_") => {
                    cell.parse::<f32>().unwrap().to_bits()
                        == expected.parse::<f32>().unwrap().to_bits()
                }
                _ => cell == expected,
            };
            assert!(is_same, "{name}: {cell}, and as CSV {expected}");
        }
    }
}

/// The customers with a column that is no field's, a blank and a wrong row among them.
fn customers(rows: usize) -> String {
    let mut lines = CUSTOMERS.lines();
    let mut text = format!("{},note\n", lines.next().unwrap());
    for (index, line) in lines.cycle().take(rows).enumerate() {
        let line = match index % 1_000 {
            7 => line.replace("Female", "Weiblich"),
            _ => line.to_owned(),
        };
        let note = ["", "plain", "\"a, \"\"b\"\"\"", "é"][index % 4];
        text += &format!("{line},{note}\n");
    }
    text
}

#[test]
fn results_as_parquet_are_those_of_csv() {
    let live = live();
    // More than a row group has.
    let input = customers(70_000);
    let csv = run(&live, input.as_bytes(), None, ResultsFormat::Csv);
    let parquet = run(&live, input.as_bytes(), None, ResultsFormat::Parquet);
    assert!(parquet.results[0].len() < csv.results[0].len() / 2);
    assert_same(&parquet.results, &csv.results);
    assert_eq!(parquet.rejects, csv.rejects);
    assert_eq!(parquet.manifest.rows_out, csv.manifest.rows_out);
    assert_eq!(
        parquet.manifest.parts[0].results.name,
        "results-00000.parquet"
    );
    assert_ne!(parquet.manifest.job, csv.manifest.job);
    let again = run(&live, input.as_bytes(), None, ResultsFormat::Parquet);
    assert_eq!(again.results, parquet.results);

    let cut = run(
        &live,
        input.as_bytes(),
        Some(1 << 20),
        ResultsFormat::Parquet,
    );
    assert!(cut.results.len() > 5);
    assert_same(&cut.results, &csv.results);
}

#[test]
fn two_columns_of_one_name_are_refused_as_parquet() {
    let live = live();
    let view = live.view();
    let input = CUSTOMERS.lines().next().unwrap().to_owned() + ",note,note\n";
    let layout = Layout::read(view, input.as_bytes(), &Confirmed::default()).unwrap();
    let described = Input {
        name: "customers".to_owned(),
        bytes: input.len() as u64,
        version: "1".to_owned(),
    };
    let job = Job::new(view, described, layout, None).with_results(ResultsFormat::Parquet);
    let shard = job.shards().next().unwrap();
    let (mut results, mut rejects) = (Vec::new(), Vec::new());
    let bytes = input.as_bytes();
    let refused = score(
        view,
        &job,
        &shard,
        bytes,
        &mut results,
        &mut rejects,
        |_| {},
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "note is there twice, and columns of a Parquet file have different names; rename one"
    );
}

#[test]
fn results_of_nobody_are_a_file_without_rows() {
    let header = CUSTOMERS.lines().next().unwrap();
    let done = run(&live(), header.as_bytes(), None, ResultsFormat::Parquet);
    let (names, rows) = cells(&done.results);
    assert_eq!((names[0].as_str(), rows.len()), ("customerID", 0));
}
