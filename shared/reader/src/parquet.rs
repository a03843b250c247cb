//! Parquet files, row by row.

use crate::TableError;
use crate::table::Cells;
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::collections::HashMap;

/// The columns and cells of a file. The members of a group are columns, with a dot between the names.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<String>, Cells), TableError> {
    let failed = |error: parquet::errors::ParquetError| {
        TableError::Malformed(format!("is a Parquet file that can't be read: {error}"))
    };
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).map_err(failed)?;
    let description = reader.metadata().file_metadata().schema_descr_ptr();
    let columns: Vec<String> = description
        .columns()
        .iter()
        .map(|column| column.path().parts().join("."))
        .collect();
    let lists = description.columns().iter();
    if let Some(list) = lists
        .filter(|column| column.max_rep_level() > 0)
        .map(|column| &column.path().parts()[0])
        .next()
    {
        return Err(TableError::Malformed(format!(
            "has a column {list} that holds lists; each cell must be one value"
        )));
    }
    let places = columns.iter().map(String::as_str).enumerate();
    let places: HashMap<&str, usize> = places.map(|(place, name)| (name, place)).collect();
    let mut cells = Cells::default();
    let mut name = String::new();
    for row in reader.get_row_iter(None).map_err(failed)? {
        push_members(&mut cells, &places, &mut name, &row.map_err(failed)?);
        cells.end_row();
    }
    Ok((columns, cells))
}

/// Adds the members of a row or group, whose name is the beginning of theirs.
fn push_members(cells: &mut Cells, places: &HashMap<&str, usize>, name: &mut String, row: &Row) {
    let beginning = name.len();
    for (member, field) in row.get_column_iter() {
        if beginning > 0 {
            name.push('.');
        }
        name.push_str(member);
        match field {
            Field::Group(group) => push_members(cells, places, name, group),
            value => {
                if let (Some(place), Some(text)) = (places.get(name.as_str()), written(value)) {
                    cells.push(*place, &text);
                }
            }
        }
        name.truncate(beginning);
    }
}

/// A value as CSV would have it; none of a missing one.
fn written(value: &Field) -> Option<String> {
    match value {
        Field::Null => None,
        Field::Float(number) => (!number.is_nan()).then(|| number.to_string()),
        Field::Double(number) => (!number.is_nan()).then(|| number.to_string()),
        Field::Float16(number) => (!number.is_nan()).then(|| number.to_string()),
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => Some(String::from_utf8_lossy(bytes.data()).into_owned()),
        other => Some(other.to_string()),
    }
}
