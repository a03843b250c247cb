//! Parquet files, in and out: what CSV of the same customers gives, to the bit.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use bulk::{Input, Job, Layout, Manifest, Report, ResultsFormat, score};
use engagetrack::{Live, embedded};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use reader::{Confirmed, Table};
use std::sync::Arc;

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

/// The same table as a Parquet file: numbers as numbers, blanks as missing values, and this many rows in a group.
fn parquet_of(csv: &str, rows_of_group: usize) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let type_of = |name: &str| match name {
        "tenure" | "SupportCalls" => "int64",
        "MonthlyCharges" | "TotalCharges" => "double",
        _ => "binary",
    };
    let columns: Vec<String> = names
        .iter()
        .map(|name| match type_of(name) {
            "binary" => format!("optional binary {name} (STRING);"),
            number => format!("optional {number} {name};"),
        })
        .collect();
    let message = format!("message customers {{ {} }}", columns.join(" "));
    let schema = Arc::new(parse_message_type(&message).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    for rows in rows.chunks(rows_of_group) {
        let mut group = writer.next_row_group().unwrap();
        for (place, name) in names.iter().enumerate() {
            let cells: Vec<&str> = rows.iter().map(|row| row[place].trim()).collect();
            let levels: Vec<i16> = cells
                .iter()
                .map(|cell| i16::from(!cell.is_empty()))
                .collect();
            let there = cells.into_iter().filter(|cell| !cell.is_empty());
            let mut column = group.next_column().unwrap().unwrap();
            match type_of(name) {
                "int64" => {
                    let numbers: Vec<i64> = there.map(|cell| cell.parse().unwrap()).collect();
                    let column = column.typed::<Int64Type>();
                    column.write_batch(&numbers, Some(&levels), None).unwrap();
                }
                "double" => {
                    let numbers: Vec<f64> = there.map(|cell| cell.parse().unwrap()).collect();
                    let column = column.typed::<DoubleType>();
                    column.write_batch(&numbers, Some(&levels), None).unwrap();
                }
                _ => {
                    let texts: Vec<ByteArray> = there.map(ByteArray::from).collect();
                    let column = column.typed::<ByteArrayType>();
                    column.write_batch(&texts, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// The lines and details of rejects.
fn rejected(rejects: &str) -> Vec<(u64, String)> {
    let mut reader = csv::Reader::from_reader(rejects.as_bytes());
    let records = reader.records().map(|record| record.unwrap());
    records
        .map(|record| (record[0].parse().unwrap(), record[2].to_owned()))
        .collect()
}

#[test]
fn customers_of_a_parquet_file_are_scored_as_those_of_csv() {
    let live = live();
    let text = customers(12_000);
    let csv = run(&live, text.as_bytes(), None, ResultsFormat::Csv);
    let input = parquet_of(&text, 2_500);
    let whole = run(&live, &input, None, ResultsFormat::Csv);
    assert_eq!(whole.results, csv.results);
    // A row is called by its position; a line of CSV also counts the header.
    let expected: Vec<(u64, String)> = rejected(&csv.rejects)
        .into_iter()
        .map(|(line, detail)| (line - 1, detail))
        .collect();
    assert_eq!(expected.len(), 7);
    assert_eq!(rejected(&whole.rejects), expected);
    assert_eq!(whole.manifest.drift, csv.manifest.drift);
    assert_eq!(whole.manifest.risk_levels, csv.manifest.risk_levels);
    assert_eq!(whole.manifest.reject_reasons, csv.manifest.reject_reasons);

    // Shards are whole row groups, however small they are asked to be.
    let group = input.len() as u64 / 5;
    for (shard_bytes, shards) in [(1, 5), (group * 3 / 2, 3), (group * 10, 1)] {
        let cut = run(&live, &input, Some(shard_bytes), ResultsFormat::Csv);
        assert_eq!(cut.manifest.shards, shards, "{shard_bytes}");
        assert_eq!(cut.results.concat(), csv.results.concat());
        assert_eq!(cut.rejects, whole.rejects);
        let cut = run(&live, &input, Some(shard_bytes), ResultsFormat::Parquet);
        assert_same(&cut.results, &csv.results);
    }
}

#[test]
fn a_parquet_file_without_rows_is_read() {
    let header = CUSTOMERS.lines().next().unwrap();
    let input = parquet_of(header, 10);
    let done = run(&live(), &input, Some(1), ResultsFormat::Csv);
    assert_eq!((done.manifest.rows_in, done.manifest.shards), (0, 1));
}

#[test]
fn rows_that_are_blank_or_sum_up_the_others_are_no_customers() {
    let live = live();
    let mut text = customers(10);
    let width = CUSTOMERS.lines().next().unwrap().split(',').count() + 1;
    text += &format!("{}\n", ",".repeat(width - 1));
    text += &format!("Total{}\n", ",".repeat(width - 1));
    let csv = run(&live, text.as_bytes(), None, ResultsFormat::Csv);
    let parquet = run(&live, &parquet_of(&text, 100), None, ResultsFormat::Csv);
    assert_eq!(parquet.results, csv.results);
    assert_eq!(parquet.manifest.rows_in, csv.manifest.rows_in);
    assert_eq!(parquet.manifest.reject_reasons, csv.manifest.reject_reasons);
    assert_eq!(parquet.manifest.rows_rejected, 2);
}

#[test]
fn a_parquet_file_that_is_cut_off_is_refused() {
    let live = live();
    let input = parquet_of(&customers(100), 100);
    let cut = &input[..input.len() / 2];
    let refused = Layout::read(live.view(), cut, &Confirmed::default());
    let message = refused.unwrap_err().to_string();
    assert!(
        message.starts_with("the input is a Parquet file that can't be read: "),
        "{message}"
    );
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
