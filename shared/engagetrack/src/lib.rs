//! The domain of EngageTrack AI: who the customers are, whether they will leave, why, what to do, and whether it worked.
//!
//! Pure: data in, `Result` out. No clock, no environment, no I/O, no HTTP. The model and the customers are embedded by
//! `build.rs`, which checks them first, so nothing here can fail because of them.

#![forbid(unsafe_code)]

pub mod analytics;
pub mod card;
pub mod catalogue;
#[cfg(test)]
mod catalogue_source;
pub mod cohort_change;
pub mod csv_cell;
pub mod customer;
pub mod directory;
pub mod drift;
pub mod encoding;
pub mod error;
pub mod explanation;
#[cfg(test)]
mod golden;
pub mod intake;
pub mod lifecycle;
pub mod measured;
pub mod model;
pub mod nudges;
pub mod plan;
pub mod population;
pub mod pricing;
pub mod profile_json;
pub mod quality;
pub mod query;
mod record;
pub mod recourse;
pub mod selection;
pub mod summary;
