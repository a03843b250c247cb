//! Parquet files, some rows of one row group at a time.

mod codes;
mod column;

pub use codes::Codes;
pub use column::Column;

use crate::TableError;
use crate::table::Cells;
use ::parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Stored};
use ::parquet::column::reader::ColumnReader;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use ::parquet::schema::types::Type;
use column::Kind;
use schema::intake::MOST_COLUMNS;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many rows are read at a time.
const CHUNK: usize = 1 << 10;

/// Row groups that a sample looks at after its beginning.
const SAMPLED_GROUPS: usize = 16;

/// A Parquet file, of which no more than what describes it is in memory.
pub struct Parquet {
    reader: Box<dyn FileReader>,
    names: Vec<String>,
    kinds: Vec<Kind>,
    numbers: Vec<bool>,
    groups: Vec<RowGroup>,
}

/// Rows that are stored together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGroup {
    /// The position of its first row in the file.
    pub first: u64,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes of the file they take, at least one.
    pub bytes: u64,
}

/// Does what the crate `parquet` may panic at, for it believes some of what a damaged file says of itself.
fn checked<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| damaged(&error.to_string())),
        Err(_) => Err(damaged("it contradicts itself")),
    }
}

fn damaged(what: &str) -> TableError {
    TableError::Malformed(format!("is a Parquet file that can't be read: {what}"))
}

impl Parquet {
    /// Opens a file, whose description is at its end. The members of a group are columns, with a dot between the names.
    ///
    /// # Errors
    /// A file that is no Parquet or is damaged, and a column whose cells are more than one value each.
    pub fn open(file: impl ChunkReader + 'static) -> Result<Self, TableError> {
        let reader = checked(|| SerializedFileReader::new(file))?;
        let description = reader.metadata().file_metadata().schema_descr_ptr();
        let mut names = Vec::new();
        let mut kinds = Vec::new();
        if description.num_columns() > MOST_COLUMNS {
            return Err(TableError::Malformed(format!(
                "has more than {MOST_COLUMNS} columns"
            )));
        }
        let mut numbers = Vec::new();
        for column in description.columns() {
            let name = column.path().parts().join(".");
            let kind = Kind::of(column).map_err(|why| {
                let name = match column.max_rep_level() {
                    // Of a list, what is within has names of its own.
                    1.. => &column.path().parts()[0],
                    _ => &name,
                };
                TableError::Malformed(format!("has a column {name} that holds {why}"))
            })?;
            names.push(name);
            kinds.push(kind);
            numbers.push(kind.is_number(column.physical_type()));
        }
        let mut first = 0;
        let mut groups = Vec::new();
        for group in reader.metadata().row_groups() {
            let (Ok(rows), Ok(bytes)) = (
                u64::try_from(group.num_rows()),
                u64::try_from(group.compressed_size()),
            ) else {
                return Err(damaged("a row group has a negative size"));
            };
            groups.push(RowGroup {
                first,
                rows,
                bytes: bytes.max(1),
            });
            first = first
                .checked_add(rows)
                .ok_or_else(|| damaged("it claims too many rows"))?;
        }
        Ok(Self {
            reader: Box::new(reader),
            names,
            kinds,
            numbers,
            groups,
        })
    }

    /// The names of all columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether each column holds numbers, of which it needn't be found out how they are written.
    pub(crate) fn numbers(&self) -> &[bool] {
        &self.numbers
    }

    /// A column's type under another name, where its values are kept: its own, or text where there is no simpler one.
    ///
    /// # Errors
    /// A type that contradicts itself, which that of a file does not.
    pub fn type_kept(&self, column: usize, name: &str) -> Result<Type, ParquetError> {
        let description = self.reader.metadata().file_metadata().schema_descr();
        let description = description.column(column);
        let stored = description.physical_type();
        let kept = match stored {
            Stored::INT96 => Type::primitive_type_builder(name, Stored::INT64)
                .with_logical_type(Some(LogicalType::timestamp(false, TimeUnit::NANOS))),
            Stored::BYTE_ARRAY | Stored::FIXED_LEN_BYTE_ARRAY => {
                Type::primitive_type_builder(name, Stored::BYTE_ARRAY)
                    .with_logical_type(Some(LogicalType::String))
            }
            _ => Type::primitive_type_builder(name, stored)
                .with_logical_type(description.logical_type_ref().cloned())
                .with_converted_type(description.converted_type())
                .with_precision(description.type_precision())
                .with_scale(description.type_scale()),
        };
        kept.with_repetition(Repetition::OPTIONAL).build()
    }

    /// The row groups, in their order.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.groups
    }

    /// The rows of a row group.
    ///
    /// # Errors
    /// A damaged file.
    pub fn rows_of(&self, group: usize) -> Result<Chunks, TableError> {
        let rows = self.groups[group];
        let readers = checked(|| {
            let group = self.reader.get_row_group(group)?;
            (0..self.names.len())
                .map(|column| group.get_column_reader(column))
                .collect()
        })?;
        let description = self.reader.metadata().file_metadata().schema_descr();
        let columns = self.kinds.iter().enumerate();
        Ok(Chunks {
            readers,
            chunk: Chunk {
                first: rows.first,
                rows: 0,
                columns: columns
                    .map(|(column, kind)| Column::new(*kind, &description.column(column)))
                    .collect(),
            },
            left: rows.rows,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// The cells of some rows as text: of the fewest first chunks that would be CSV of this size, and of one chunk of each of at
    /// most 16 later row groups, evenly spread; or of all rows.
    ///
    /// # Errors
    /// A damaged file.
    pub fn sample(&self, bytes: usize) -> Result<Cells, TableError> {
        let mut cells = Cells::default();
        let mut text = String::new();
        let mut begun = 0;
        while begun < self.groups.len() && cells.bytes() < bytes {
            let mut chunks = self.rows_of(begun)?;
            while cells.bytes() < bytes
                && let Some(chunk) = chunks.next_chunk()?
            {
                push(chunk, &mut cells, &mut text)?;
            }
            begun += 1;
        }
        let later = self.groups.len() - begun;
        let looked_at = later.min(SAMPLED_GROUPS);
        for place in 1..=looked_at {
            let group = begun + later * place / looked_at - 1;
            if let Some(chunk) = self.rows_of(group)?.next_chunk()? {
                push(chunk, &mut cells, &mut text)?;
            }
        }
        Ok(cells)
    }
}

/// Adds the rows of a chunk to cells, as text.
fn push(chunk: &Chunk, cells: &mut Cells, text: &mut String) -> Result<(), TableError> {
    for row in 0..chunk.rows() {
        for (place, column) in chunk.columns().iter().enumerate() {
            if let Some(text) = column.text(row, text) {
                cells.push(place, text);
            }
        }
        cells.end_row();
    }
    if cells.is_full() {
        return Err(TableError::Malformed(
            "holds more than 4 GB of text, which is too much to be read at once".to_owned(),
        ));
    }
    Ok(())
}

/// The rows of a row group, from the first.
pub struct Chunks {
    readers: Vec<ColumnReader>,
    chunk: Chunk,
    left: u64,
}

impl Chunks {
    /// The rows that were read last.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The next rows, if there are more.
    ///
    /// # Errors
    /// A damaged file.
    pub fn next_chunk(&mut self) -> Result<Option<&Chunk>, TableError> {
        let rows = self.left.min(CHUNK as u64) as usize;
        self.chunk.first += self.chunk.rows as u64;
        self.chunk.rows = rows;
        self.left -= rows as u64;
        if rows == 0 {
            return Ok(None);
        }
        let Self { readers, chunk, .. } = self;
        let are_complete = checked(|| {
            for (column, reader) in chunk.columns.iter_mut().zip(readers) {
                if column.fill(reader, rows)? != rows {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if !are_complete {
            return Err(damaged(
                "a column has fewer values than its row group has rows",
            ));
        }
        Ok(Some(&self.chunk))
    }
}

/// Some rows that follow each other.
pub struct Chunk {
    first: u64,
    rows: usize,
    columns: Vec<Column>,
}

impl Chunk {
    /// The position of its first row in the file.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All columns of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}
