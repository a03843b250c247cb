//! Reads customers from files as people keep them, says what it detected, and guesses nothing in silence.
//!
//! A [`Table`] knows no schema: it finds out how bytes are encoded, compressed and separated, where the header is, and
//! which shape a JSON document has, and yields rows of text cells.

#![forbid(unsafe_code)]

mod confirmed;
mod csv;
mod evidence;
#[cfg(feature = "excel")]
mod excel;
mod fold;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod table;
mod text;
#[cfg(feature = "compressed")]
mod zip;

pub use confirmed::{Confirmed, ConfirmedError};
pub use csv::{Record, Records, TooWide};
pub use evidence::{Evidence, Uncertain};
pub use table::{Cells, Row, Rows, Table, TableError};
