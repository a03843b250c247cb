//! The HTTP contract, the same for every home and every business. `$BASE_URL` names a home that runs; without it, the suite serves
//! the workspace that `$WORKSPACE` names, or else every workspace of the repository, each at a home of its own.
//!
//! What is asked and expected follows from what the business says of itself at `/v1/schema`, and from its answers. What is known of
//! one business alone is in a module of its name.

#![allow(clippy::unwrap_used)]

mod analytics;
mod business;
mod campaign;
mod explain;
mod home;
mod json;
mod nudges;
mod predict;
mod problems;
mod summary;
mod telco;
