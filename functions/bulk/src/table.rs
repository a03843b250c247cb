//! Which columns an input has, and which a part has.

use crate::layout::Format;
use engagetrack::csv_cell;
use schema::intake::Columns;
use schema::{FieldErrors, Schema};

/// The columns that the results have beyond those that are kept.
pub(crate) const ADDED: [&str; 11] = [
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
    /// What those are called but for the id.
    pub(crate) names: Vec<String>,
}

impl Table {
    /// The columns of an input in this format; none of JSON lines.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub(crate) fn of(schema: &Schema<'_>, format: &Format) -> Result<Option<Self>, FieldErrors> {
        let Format::Csv { header } = format else {
            return Ok(None);
        };
        let columns = Columns::from_header(schema, header.iter().map(String::as_bytes))?;
        let kept: Vec<usize> = columns.others().collect();
        let names: Vec<String> = kept.iter().map(|column| header[*column].clone()).collect();
        let taken = names.iter().filter(|name| ADDED.contains(&name.trim()));
        let mut errors = FieldErrors::default();
        taken.for_each(|name| errors.add(name, "is a column that the results add; leave it out"));
        errors.unless_any(Some(Self {
            width: header.len(),
            columns,
            kept,
            names,
        }))
    }
}

/// The header of results with these columns kept.
pub(crate) fn results_header(schema: &Schema<'_>, kept: &[String]) -> Vec<u8> {
    let mut header = Vec::new();
    csv_cell::push(&mut header, schema.id_column());
    for name in kept {
        header.push(b',');
        csv_cell::push(&mut header, name);
    }
    for name in ADDED {
        header.push(b',');
        header.extend_from_slice(name.as_bytes());
    }
    header.push(b'\n');
    header
}
