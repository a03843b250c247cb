//! The verb `log`, as a person runs it. What reaches a bucket is tested by `cargo test --features cli/s3 --test log`.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

#[cfg(feature = "s3")]
mod bucket;
mod verify;
