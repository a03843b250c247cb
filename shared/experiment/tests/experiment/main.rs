//! The experiment readout against other packages' numbers, at its edges, and over many simulated experiments.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

mod anytime;
mod degenerate;
mod false_positives;
mod golden;
mod looks;
mod policy;
mod policy_simulation;
mod properties;
mod requests;
mod segments;
mod simulation;
