//! Which columns a part has.

use engagetrack::csv_cell;
use schema::intake::Columns;
use schema::{FieldErrors, Schema};
use serde::{Deserialize, Serialize};

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

/// A column of the input that the results have too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptColumn {
    /// Where its cells are in a row.
    pub column: usize,
    /// Its name.
    pub name: String,
}

impl KeptColumn {
    /// The same column in records of which each is at another place.
    pub(crate) fn at(self, places: &[usize]) -> Self {
        Self {
            column: places[self.column],
            ..self
        }
    }
}

/// The columns that hold neither the id nor a field.
///
/// # Errors
/// Those that the results add.
pub(crate) fn kept(columns: &Columns) -> Result<Vec<KeptColumn>, FieldErrors> {
    let mut errors = FieldErrors::default();
    let mut kept = Vec::new();
    for column in columns.others() {
        let name = columns.column_name(column);
        if ADDED.contains(&name) {
            errors.add(name, "is a column that the results add; leave it out");
        }
        kept.push(KeptColumn {
            column,
            name: name.to_owned(),
        });
    }
    errors.unless_any(kept)
}

/// The header of results with these columns kept.
pub(crate) fn results_header(schema: &Schema<'_>, kept: &[KeptColumn]) -> Vec<u8> {
    let mut header = Vec::new();
    csv_cell::push(&mut header, schema.id_column());
    for column in kept {
        header.push(b',');
        csv_cell::push(&mut header, &column.name);
    }
    for name in ADDED {
        header.push(b',');
        header.extend_from_slice(name.as_bytes());
    }
    header.push(b'\n');
    header
}
