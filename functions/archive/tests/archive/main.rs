//! The archive, against an S3 server in this process.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

mod delivery;
mod store;
