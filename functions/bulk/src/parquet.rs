//! Parquet files, in and out.

pub(crate) mod results;
