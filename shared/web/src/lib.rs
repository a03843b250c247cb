//! Everything HTTP: problems, bodies, content negotiation, request ids, the usage log and the Lambda bootstrap.
//!
//! A function hands in its plain axum router; [`app`] adds what every response of every home has in common.

#![forbid(unsafe_code)]

pub mod body;
pub mod budget;
pub mod download;
mod frame;
pub mod lambda;
pub mod logging;
pub mod negotiation;
pub mod path;
pub mod problem;
mod usage;
pub mod usage_log;

pub use frame::{app, refusal};
pub use path::Segment;
pub use problem::Problem;
pub use usage::{Caller, Posted, Usage};
