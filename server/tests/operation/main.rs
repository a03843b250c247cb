//! The server as a process: how it treats clients that misbehave, how it stops, and what it tells its operator.

#![allow(clippy::unwrap_used)]

mod abuse;
mod attack;
mod cgroup;
mod client;
mod dashboard;
mod fuzz;
mod hosts;
mod limits;
mod observation;
mod process;
mod rollout;
mod sign_in;
mod stopping;
mod workspaces;
