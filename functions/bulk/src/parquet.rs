//! Parquet files, in and out.

mod results;
mod rows;

pub(crate) use results::{ParquetResults, text_type};
pub(crate) use rows::ParquetRows;

use crate::input::Open;
use crate::layout::LayoutError;
use reader::Parquet;
use std::io::Read;

/// Opens an input that is a Parquet file.
///
/// # Errors
/// When it can't be read, or is damaged.
pub(crate) fn open(input: &(impl Open + ?Sized)) -> Result<Parquet, LayoutError> {
    if let Some(file) = input.file()? {
        return Ok(Parquet::open(file)?);
    }
    let mut held = Vec::new();
    input.open(0..input.size())?.read_to_end(&mut held)?;
    Ok(Parquet::open(bytes::Bytes::from(held))?)
}
