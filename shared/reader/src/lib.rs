//! Reads customers from files as people keep them, says what it detected, and guesses nothing in silence.
//!
//! A [`Table`] knows no schema: it finds out how bytes are encoded, compressed and separated, where the header is, and
//! which shape a JSON document has, and yields rows of text cells. A [`Reading`] knows the schema: it finds out which field each
//! column stands for and how its cells are written, from all rows. Its [`schema::intake::Columns`] then read row by row, at no more
//! cost than the exact ones. A file that is too large for memory is read by a sample: a table of some of its rows, its dialect and
//! its reading.

#![forbid(unsafe_code)]

mod confirmed;
mod csv;
mod evidence;
#[cfg(feature = "excel")]
mod excel;
mod fold;
mod header;
mod json;
mod members;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod profiles;
mod reading;
mod spelling;
mod table;
mod tally;
mod text;
#[cfg(feature = "compressed")]
mod zip;

pub use confirmed::{Confirmed, ConfirmedError};
pub use csv::{Dialect, Record, Records, TooWide};
pub use evidence::{Evidence, Uncertain};
pub use json::{Objects, is_json, is_object, without_literals_of_python};
pub use members::{Member, Members, MembersError};
#[cfg(feature = "parquet")]
pub use parquet::{Chunk, Chunks, Codes, Column, Parquet, RowGroup};
pub use plain::{PlainCells, PlainColumn};
pub use profiles::{Profiles, ProfilesError, is_known, must_look, table};
pub use reading::{Needed, Reading};
pub use table::{Aside, Cells, Row, Rows, Table, TableError, record_fault};
pub use text::{
    GZIP, HALF_A_CHARACTER, PARQUET, UTF_16, Utf16, ZIP, has_utf8_letter, is_workbook, unread,
    windows_1252,
};
#[cfg(feature = "compressed")]
pub use zip::ZipEntry;
