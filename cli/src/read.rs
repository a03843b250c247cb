//! `engagetrack read`: a file of any kind that is read becomes a plain CSV file.

use crate::business;
use crate::output::{self, FAILED, USAGE};
use crate::replace::replace;
use clap::Args;
use reader::{Confirmed, Evidence, PlainCells, Table, TableError, Uncertain};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The build that reads workbooks and Parquet files.
pub const OTHER_BUILD: &str =
    "build the program with `cargo build --release --package cli --features excel,parquet`";

/// Rejected rows that are listed; further ones are only counted.
const MOST_LISTED: usize = 100;

/// Convert a table of any supported kind to CSV
///
/// FILE may be CSV (comma, semicolon, tab or pipe; UTF-8, UTF-16 or Windows-1252), JSON in any
/// usual shape, or either of these compressed with gzip or zip; and, in a build that has the
/// features excel and parquet, a workbook, of which the sheet that holds the table is read, or a
/// Parquet file. OUT becomes CSV in UTF-8, with a header and commas. What was detected is
/// printed as JSON: {"read_as", "warnings", "rows", "columns", "rejected"}.
///
/// Missing values, such as NA, are written as blank cells, and numbers with a decimal point and
/// without currency or separators; how a column's numbers are written is decided from all of its
/// cells. "columns" says of each column whether it holds numbers, and which of its cells say yes
/// and no. Rows that are no rows of the table, such as a spreadsheet's totals, are left out and
/// listed under "rejected".
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Read {
    /// File to read
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Reading to use where two are plausible, as the refusal printed it
    #[arg(long = "read", value_name = "KEY:VALUE")]
    confirmed: Vec<String>,
    /// CSV file to write
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

impl Read {
    pub fn run(self) -> ExitCode {
        let confirmed = match confirmed(&self.confirmed) {
            Ok(confirmed) => confirmed,
            Err(message) => return output::fail(message, USAGE),
        };
        match self.read(&confirmed) {
            Ok(summary) => output::print(&summary, 0),
            Err(message) => output::fail(message, FAILED),
        }
    }

    fn read(&self, confirmed: &Confirmed) -> Result<String, String> {
        business::refuse_a_bucket(&self.input)?;
        business::refuse_a_bucket(&self.output)?;
        let name = self.input.display();
        if is_same_file(&self.input, &self.output) {
            return Err(format!(
                "{name}: would be replaced by what is read from it; name another file"
            ));
        }
        let bytes = std::fs::read(&self.input).map_err(|error| format!("{name}: {error}"))?;
        let table = Table::read(&bytes, confirmed, &|_| false).map_err(|error| match error {
            TableError::Unread(what)
                if ["Excel", "Parquet"].iter().any(|kind| what.contains(kind)) =>
            {
                format!("{name}: {error}, or {OTHER_BUILD}")
            }
            _ => format!("{name}: {error}"),
        })?;
        let cells = PlainCells::of(&table, confirmed).map_err(|uncertain| {
            let one = |one: &Uncertain| {
                let column = one.column.as_deref().unwrap_or_default();
                format!("{name}: {column} {one}")
            };
            let lines: Vec<String> = uncertain.iter().map(one).collect();
            lines.join("\n")
        })?;
        let converted = Converted::of(&table, &cells)?;
        if converted.rows == 0 {
            return Err(format!("{name}: has no row that can be read"));
        }
        replace(&self.output, &converted.csv)
            .map_err(|error| format!("{}: can't be written: {error}", self.output.display()))?;
        let read_as: Vec<&Evidence> = table.evidence().iter().chain(&cells.evidence).collect();
        let mut summary = json!({
            "read_as": read_as,
            "warnings": converted.warnings,
            "rows": converted.rows,
            "columns": cells.columns,
            "rejected": converted.rejected,
        })
        .to_string();
        summary.push('\n');
        Ok(summary)
    }
}

/// The readings of all `--read` options.
///
/// # Errors
/// One that is no list of pairs.
pub fn confirmed(options: &[String]) -> Result<Confirmed, String> {
    let mut confirmed = Confirmed::default();
    for option in options {
        let added = confirmed.add(option);
        added.map_err(|error| format!("--read {option}: {error}"))?;
    }
    Ok(confirmed)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().ok();
    resolved(one).is_some() && resolved(one) == resolved(other)
}

/// A table as CSV.
struct Converted {
    csv: Vec<u8>,
    rows: u64,
    rejected: Vec<serde_json::Value>,
    warnings: Vec<Evidence>,
}

impl Converted {
    fn of(table: &Table<'_>, plain: &PlainCells) -> Result<Self, String> {
        let failed = |error: csv::Error| error.to_string();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(table.columns()).map_err(failed)?;
        let (mut read, mut rejected, mut count) = (0, Vec::new(), 0_u64);
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            if let Some(fault) = &row.fault {
                count += 1;
                if rejected.len() < MOST_LISTED {
                    rejected.push(json!({ "line": row.line, "detail": fault }));
                }
                continue;
            }
            let cells = plain.columns.iter().zip(row.cells());
            let cells = cells.map(|(column, cell)| column.cell(cell.unwrap_or_default()));
            for cell in cells {
                writer.write_field(cell.as_bytes()).map_err(failed)?;
            }
            writer.write_record(None::<&[u8]>).map_err(failed)?;
            read += 1;
        }
        let rejections = (count > 0)
            .then(|| Evidence::of_input("rows that are none of the table, left out", count));
        Ok(Self {
            csv: writer.into_inner().map_err(|error| error.to_string())?,
            rows: read,
            rejected,
            warnings: rejections.into_iter().collect(),
        })
    }
}
