//! Workbooks: the sheet that holds the table.

use crate::evidence::{Evidence, Uncertain};
use crate::text::OLE;
use crate::{Confirmed, TableError};
use calamine::{Data, Range, Reader, SheetType, SheetVisible, Xls, Xlsb, Xlsx};
use std::cmp::Reverse;
use std::fmt::Display;
use std::io::Cursor;

/// A sheet is the one that is meant beyond doubt if it has this many times as many cells as any other.
const BEYOND_DOUBT: usize = 10;

/// Rows in which a header is looked for.
const MOST_TITLES: usize = 10;

/// The sheet as CSV with commas, each row at the line of its number, so that it is read by the rules of every other table.
pub(crate) fn as_csv(
    bytes: &[u8],
    confirmed: &Confirmed,
    is_known: &dyn Fn(&str) -> bool,
    evidence: &mut Vec<Evidence>,
) -> Result<String, TableError> {
    let wanted = confirmed.get("sheet");
    let sheets = if bytes.starts_with(OLE) {
        sheets(Xls::new(Cursor::new(bytes)), wanted)
    } else {
        match Xlsb::new(Cursor::new(bytes)) {
            Ok(binary) => sheets(Ok(binary), wanted),
            Err(_) => sheets(Xlsx::new(Cursor::new(bytes)), wanted),
        }
    }?;
    let (name, range) = chosen(sheets, is_known)?;
    evidence.push(Evidence::of_input(format!("sheet: {name}"), 1));
    Ok(csv(&range, evidence))
}

/// The name of a sheet, and its cells.
type Sheet = (String, Range<Data>);

/// The visible sheets that hold a table, or the one that is wanted.
fn sheets<'b, W>(
    workbook: Result<W, W::Error>,
    wanted: Option<&str>,
) -> Result<Vec<Sheet>, TableError>
where
    W: Reader<Cursor<&'b [u8]>>,
    W::Error: Display,
{
    let failed = |error: W::Error| {
        TableError::Malformed(format!("is an Excel workbook that can't be read: {error}"))
    };
    let mut workbook = workbook.map_err(failed)?;
    let mut found = Vec::new();
    let mut names = Vec::new();
    for sheet in workbook.sheets_metadata().to_vec() {
        // A sheet of charts has no cells.
        if sheet.typ != SheetType::WorkSheet {
            continue;
        }
        let is_candidate = match wanted {
            Some(wanted) => sheet.name.trim() == wanted,
            None => sheet.visible == SheetVisible::Visible,
        };
        if is_candidate {
            let range = workbook.worksheet_range(&sheet.name).map_err(failed)?;
            if is_table(&range) {
                found.push((sheet.name.clone(), range));
            }
        }
        names.push(sheet.name);
    }
    match (wanted, found.is_empty()) {
        (_, false) => Ok(found),
        (Some(wanted), true) => Err(TableError::Malformed(format!(
            "is an Excel workbook without a sheet {wanted:?} that has a header and rows; its sheets are {}",
            names.join(", ")
        ))),
        (None, true) => Err(TableError::Malformed(
            "is an Excel workbook without a sheet that has a header and rows".to_owned(),
        )),
    }
}

/// The only sheet, the one with most of the names that are expected, or the one that is much larger than the others.
fn chosen(mut sheets: Vec<Sheet>, is_known: &dyn Fn(&str) -> bool) -> Result<Sheet, TableError> {
    let known = |(_, range): &Sheet| {
        let rows = range.rows().take(MOST_TITLES);
        let known = |row: &[Data]| row.iter().filter(|cell| is_known(&written(cell))).count();
        rows.map(known).max().unwrap_or_default()
    };
    let most = sheets.iter().map(known).max().unwrap_or_default();
    sheets.retain(|sheet| known(sheet) == most);
    let cells = |(_, range): &Sheet| range.used_cells().count();
    sheets.sort_by_key(|sheet| Reverse(cells(sheet)));
    let is_certain = match sheets.as_slice() {
        [largest, next, ..] => cells(largest) >= BEYOND_DOUBT * cells(next),
        _ => true,
    };
    if is_certain && !sheets.is_empty() {
        return Ok(sheets.swap_remove(0));
    }
    Err(TableError::Uncertain(Uncertain {
        column: None,
        detail: format!("has {} sheets that hold a table", sheets.len()),
        key: "sheet".to_owned(),
        values: sheets.into_iter().map(|(name, _)| name).collect(),
    }))
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
