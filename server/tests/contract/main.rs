//! The HTTP contract, the same for every home. `$BASE_URL` names a running one; without it the server is started here.

#![allow(clippy::unwrap_used)]

mod analytics;
mod business;
mod explain;
mod home;
mod nudges;
mod predict;
mod problems;
mod summary;
