//! The domain of EngageTrack AI: who the customers are, whether they will leave, why, what to do, and whether it worked.
//!
//! Pure: a workspace and a request in, an answer out. No clock, no environment, no HTTP, no I/O but for reading a workspace from a
//! file, and no business of its own: all that is said of customers comes from the workspace.

#![forbid(unsafe_code)]

pub mod analytics;
pub mod business;
pub mod campaign;
pub mod csv_cell;
pub mod directory;
pub mod drift;
pub mod embedded;
pub mod expected;
pub mod explanation;
mod live;
pub mod measured;
pub mod movement;
pub mod nudges;
pub mod prediction;
pub mod query;
pub mod recourse;
pub mod selection;
#[cfg(test)]
mod shipped;
pub mod summary;
pub mod units;
pub mod vocabulary;
pub mod what_if;

pub use live::{Live, View};
pub use workspace::quality;
