//! Workbooks: the first visible sheet that holds a table.

use crate::TableError;
use crate::evidence::Evidence;
use crate::text::OLE;
use calamine::{Data, Range, Reader, SheetType, SheetVisible, Xls, Xlsb, Xlsx};
use std::fmt::Display;
use std::io::Cursor;

/// The sheet as CSV with commas, each row at the line of its number, so that it is read by the rules of every other table.
pub(crate) fn as_csv(bytes: &[u8], evidence: &mut Vec<Evidence>) -> Result<String, TableError> {
    if bytes.starts_with(OLE) {
        return first_table(Xls::new(Cursor::new(bytes)), evidence);
    }
    match Xlsb::new(Cursor::new(bytes)) {
        Ok(binary) => first_table(Ok(binary), evidence),
        Err(_) => first_table(Xlsx::new(Cursor::new(bytes)), evidence),
    }
}

fn first_table<'b, W>(
    workbook: Result<W, W::Error>,
    evidence: &mut Vec<Evidence>,
) -> Result<String, TableError>
where
    W: Reader<Cursor<&'b [u8]>>,
    W::Error: Display,
{
    let failed = |error: W::Error| {
        TableError::Malformed(format!("is an Excel workbook that can't be read: {error}"))
    };
    let mut workbook = workbook.map_err(failed)?;
    for sheet in workbook.sheets_metadata().to_vec() {
        // A sheet of charts has no cells.
        if sheet.visible != SheetVisible::Visible || sheet.typ != SheetType::WorkSheet {
            continue;
        }
        let range = workbook.worksheet_range(&sheet.name).map_err(failed)?;
        if is_table(&range) {
            evidence.push(Evidence::of_input(format!("sheet: {}", sheet.name), 1));
            return Ok(csv(&range, evidence));
        }
    }
    Err(TableError::Malformed(
        "is an Excel workbook without a sheet that has a header and rows".to_owned(),
    ))
}

/// A table has a header and a row of more than one cell; a cover sheet has neither.
fn is_table(range: &Range<Data>) -> bool {
    let filled = |row: &&[Data]| row.iter().filter(|cell| **cell != Data::Empty).count() > 1;
    range.rows().filter(filled).nth(1).is_some()
}

fn csv(range: &Range<Data>, evidence: &mut Vec<Evidence>) -> String {
    let (above, _) = range.start().unwrap_or_default();
    let mut text = "\n".repeat(above as usize);
    let mut errors = 0;
    for row in range.rows() {
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            if let Data::Error(_) = cell {
                errors += 1;
            }
            push_quoted(&mut text, &written(cell));
        }
        text.push('\n');
    }
    if errors > 0 {
        let reading = "errors of formulas, such as #N/A, are missing";
        evidence.push(Evidence::of_input(reading, errors));
    }
    text
}

/// A cell as CSV would have it.
fn written(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let mut text = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) != (0, 0, 0) {
                text += &format!(" {hour:02}:{minute:02}:{second:02}");
            }
            text
        }
        Data::DateTime(duration) => duration.as_f64().to_string(),
        other => other.to_string(),
    }
}

/// A break within a cell becomes a blank, so that each row is one line.
fn push_quoted(text: &mut String, cell: &str) {
    text.push('"');
    for character in cell.chars() {
        match character {
            '"' => text.push_str("\"\""),
            '\r' | '\n' => text.push(' '),
            other => text.push(other),
        }
    }
    text.push('"');
}
