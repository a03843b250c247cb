//! Scores or explains rows of numbers with an XGBoost model: the engine's own command line.
//!
//! ```text
//! cargo run --release -p forest --example score -- MODEL.json [OPTION…] < rows.csv
//! ```
//!
//! The CSV's header is the model's feature names in their order; a blank is a missing value, a category is its code.
//! A header line is printed, then one line per row: its margin (log-odds); with `--contributions` the contribution of
//! each feature, then the bias; with `--interactions` the matrix of interactions, row by row, the bias last.
//!
//! - `--repeat N` does the work N times, each time from the raw rows, and prints the median time to stderr
//!   (`812.4 ns/row`).
//! - `--budget MIB` is the memory that tables may take, 64 MiB where it is not given.

use forest::{AlignedBytes, Forest, Model, Part};
use std::error::Error;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Clone, Copy, PartialEq)]
enum Output {
    Margins,
    Contributions,
    Interactions,
}

struct Options {
    model: String,
    output: Output,
    repeat: usize,
    budget: usize,
}

const USAGE: &str = "usage: score MODEL.json [--contributions | --interactions] [--repeat N] [--budget MIB] < rows.csv";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("score: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = options(std::env::args().skip(1))?;
    let json =
        std::fs::read(&options.model).map_err(|error| format!("{}: {error}", options.model))?;
    let model = Model::from_json(&json).map_err(|error| format!("{}: {error}", options.model))?;
    let rows = read_rows(&model)?;
    let part = if options.output == Output::Margins {
        Part::Margins
    } else {
        Part::Explanations
    };
    let bytes = AlignedBytes::from(&model.compile(part, options.budget)[..]);
    let forest = Forest::from_bytes(&bytes)?;

    let names = model.feature_names();
    let sides = || names.iter().map(String::as_str).chain(["bias"]);
    let count = rows.len() / names.len();
    match options.output {
        Output::Margins => {
            let mut margins = vec![0.0; count];
            measure(&options, count, || forest.margins(&rows, &mut margins));
            print_table(["margin".into()], &margins)
        }
        Output::Contributions => {
            let mut contributions = vec![0.0; count * (names.len() + 1)];
            measure(&options, count, || {
                forest.contributions_batch(&rows, &mut contributions)
            });
            print_table(sides().map(String::from), &contributions)
        }
        Output::Interactions => {
            let mut interactions = vec![0.0; count * (names.len() + 1) * (names.len() + 1)];
            measure(&options, count, || {
                forest.interactions_batch(&rows, &mut interactions)
            });
            print_table(
                sides().flat_map(|a| sides().map(move |b| format!("{a}:{b}"))),
                &interactions,
            )
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let model = arguments.next().ok_or(USAGE)?;
    let mut options = Options {
        model,
        output: Output::Margins,
        repeat: 1,
        budget: 64 << 20,
    };
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize, Box<dyn Error>> {
            let value = arguments.next().ok_or(USAGE)?;
            Ok(value
                .parse()
                .map_err(|_| format!("{argument} needs a whole number, got {value:?}"))?)
        };
        match argument.as_str() {
            "--contributions" => options.output = Output::Contributions,
            "--interactions" => options.output = Output::Interactions,
            "--repeat" => options.repeat = number()?.max(1),
            "--budget" => options.budget = number()?.saturating_mul(1 << 20),
            _ => return Err(format!("unknown option {argument:?}\n{USAGE}").into()),
        }
    }
    Ok(options)
}

/// The rows of standard input, one after another.
fn read_rows(model: &Model) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut reader = csv::Reader::from_reader(std::io::stdin().lock());
    if !reader.headers()?.iter().eq(model.feature_names()) {
        return Err(format!("the header must be {}", model.feature_names().join(",")).into());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        for (name, field) in model.feature_names().iter().zip(&record) {
            let value = match field {
                "" => f32::NAN,
                field => field.parse().map_err(|_| {
                    let line = record.position().map_or(0, csv::Position::line);
                    format!("line {line}: {name} must be a number or blank, got {field:?}")
                })?,
            };
            rows.push(value);
        }
    }
    Ok(rows)
}

/// Does the work as often as asked and reports the median time per row.
fn measure(options: &Options, rows: usize, mut work: impl FnMut()) {
    let mut nanoseconds: Vec<f64> = (0..options.repeat)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / rows.max(1) as f64
        })
        .collect();
    nanoseconds.sort_by(f64::total_cmp);
    eprintln!("{:.1} ns/row", nanoseconds[nanoseconds.len() / 2]);
}

/// Prints a header and as many values per line as it has names.
fn print_table(
    header: impl IntoIterator<Item = String>,
    values: &[impl std::fmt::Display],
) -> Result<(), Box<dyn Error>> {
    let header: Vec<String> = header.into_iter().collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", header.join(","))?;
    for line in values.chunks(header.len()) {
        for (place, value) in line.iter().enumerate() {
            write!(out, "{}{value}", if place == 0 { "" } else { "," })?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
