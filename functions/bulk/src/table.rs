//! Which columns an input has, and which a part has.

use crate::layout::Format;
use engagetrack::error::FieldError;
use engagetrack::intake::Columns;

/// The column of the customer's id in the results.
const ID: &str = "customerID";

/// The columns that the results have beyond those that are kept.
const ADDED: [&str; 11] = [
    "churn_probability",
    "risk_level",
    "reason_1",
    "contribution_1",
    "reason_2",
    "contribution_2",
    "reason_3",
    "contribution_3",
    "nudge_id",
    "nudge_category",
    "projected_probability",
];

/// The header of the rejects.
pub(crate) const REJECTS_HEADER: &[u8] = b"line,byte_offset,detail\n";

/// The columns of a CSV input.
pub(crate) struct Table {
    /// Where the fields of a profile stand.
    pub(crate) columns: Columns,
    /// How many columns there are.
    pub(crate) width: usize,
    /// The columns that stand in the results too: the id, where there is one, and those that hold no field of a profile.
    pub(crate) kept: Vec<usize>,
    names: Vec<String>,
}

impl Table {
    /// The columns of an input in this format; none of JSON lines.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub(crate) fn of(format: &Format) -> Result<Option<Self>, Vec<FieldError>> {
        let Format::Csv { header } = format else {
            return Ok(None);
        };
        let columns = Columns::from_header(&csv::ByteRecord::from(header.as_slice()))?;
        let kept: Vec<usize> = columns.others().collect();
        let names: Vec<String> = kept.iter().map(|column| header[*column].clone()).collect();
        let taken = names.iter().filter(|name| {
            let name = name.trim();
            ADDED.contains(&name) || name == ID
        });
        let taken: Vec<FieldError> = taken
            .map(|name| FieldError::new(name, "is a column that the results add; leave it out"))
            .collect();
        if !taken.is_empty() {
            return Err(taken);
        }
        Ok(Some(Self {
            width: header.len(),
            columns,
            kept,
            names,
        }))
    }
}

/// The header of the results.
pub(crate) fn results_header(table: Option<&Table>) -> Vec<u8> {
    let mut header = ID.as_bytes().to_vec();
    for name in table.iter().flat_map(|table| &table.names) {
        header.push(b',');
        push_cell(&mut header, name.as_bytes());
    }
    for name in ADDED {
        header.push(b',');
        header.extend_from_slice(name.as_bytes());
    }
    header.push(b'\n');
    header
}

/// Writes a cell, in quotes where it must stand in them (RFC 4180).
pub(crate) fn push_cell(out: &mut Vec<u8>, cell: &[u8]) {
    if !cell.iter().any(|byte| b",\"\r\n".contains(byte)) {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    for byte in cell {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
