//! Everything HTTP: problems, bodies, content negotiation, request ids, the usage log and the Lambda bootstrap.
//!
//! A function hands in its routes; [`app`] adds what every response of every home has in common.

#![forbid(unsafe_code)]

pub mod body;
pub mod budget;
pub mod download;
mod frame;
pub mod lambda;
pub mod logging;
pub mod negotiation;
pub mod parameters;
pub mod path;
pub mod problem;
pub mod reading;
mod routes;
mod usage;
pub mod usage_log;

pub use frame::{app, refusal};
pub use negotiation::Accept;
pub use parameters::Parameters;
pub use path::Segment;
pub use problem::Problem;
pub use routes::Routes;
pub use usage::{Caller, Posted, Usage};
#[doc(hidden)]
pub use {axum, utoipa, utoipa_axum};
