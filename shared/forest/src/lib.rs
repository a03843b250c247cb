//! An XGBoost model compiled for speed: margins, exact SHAP values, interactions.
//!
//! [`Model::from_json`] reads and checks what XGBoost saves, [`Model::compile`] turns it into bytes, and a [`Forest`]
//! uses those bytes where they lie, in a file, in memory or in the program itself:
//!
//! ```
//! use forest::{AlignedBytes, Forest, Model, Part};
//!
//! # let json = include_bytes!("../testdata/stump.json");
//! let model = Model::from_json(json)?;
//! let bytes = AlignedBytes::from(&model.compile(Part::Explanations, 4 << 20)[..]);
//! let forest = Forest::from_bytes(&bytes)?;
//!
//! let row = [0.5, f32::NAN]; // one value per feature; NaN is missing, a category is its code
//! let mut contributions = [0.0; 3]; // one per feature, then the base value
//! forest.contributions(&row, &mut contributions);
//! assert!((contributions.iter().sum::<f64>() - forest.margin(&row)).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Contributions and interactions are what XGBoost's `pred_contribs` and `pred_interactions` give: path-dependent
//! TreeSHAP, in log-odds. `examples/score.rs` is the same as a command line.
//!
//! # How it works
//!
//! **Bins.** Every split compares a feature with a threshold or looks a category up, so a feature's values fall into
//! finitely many bins that no split of the model tells apart; categories are bins between whole numbers, and missing
//! values are a bin of their own. One search per feature replaces all comparisons in all trees, and compares in 32 bits as
//! XGBoost does.
//!
//! **Games.** A tree is the sum of its leaves, and so are its SHAP values. A leaf asks of each feature on its path one
//! thing, whether the row's bin is among those that the path lets through; so its contributions take one of 2^m values
//! for m distinct features, however often a feature is met. They are integrals of polynomials, which a short quadrature
//! gives exactly in 64 bits and without cancellation.
//!
//! **Tables.** Tables add. A table has one axis per feature and along it only the positions that its leaves tell apart;
//! all leaves over the same features, of any tree, are added up into one table at build time, in 64 bits. Each row then
//! finds its cell by adding one small offset per axis, and the cell holds the sum of all those leaves. Then tables over
//! different features are united, always the two whose union saves most time for the memory it takes: the 2,368 leaves
//! of a depth-2 model with 600 trees end up in about 20 tables, the 1,461 leaves of 100 trees of depth 4 in some 60. Cells
//! hold 64-bit sums for margins, which agree with the 64-bit sum of the leaf values, and 32-bit sums for contributions
//! and for interactions off the diagonal; the diagonal is what is missing from a row's contribution.
//!
//! **Blocks.** A batch is worked on in blocks of rows, feature by feature and table by table: first the bins of all rows,
//! then for each table the cells of all rows, then each of its targets, whose values (some kilobytes) stay in the nearest
//! cache while the rows stream past.
//!
//! **Counts.** Of many rows together, only the sum of the contributions may be wanted. Then the rows are counted by cell, and
//! each cell's values are multiplied by its count: see [`Counts`].
//!
//! **Masks.** The margin of deep trees takes too many tables. There each leaf is a bit, each bin of a feature holds the
//! set of leaves that it does not rule out, and the one leaf that all features leave over is the row's: eight trees of 64
//! leaves, or 32 of 16, per cache line. Tables or masks are chosen by their estimated time.
//!
//! **Walks.** What fits neither is walked node by node: for explanations, trees with a leaf below more than eight distinct
//! features, and those for which the memory budget leaves no room (those with the smallest tables come first); for
//! margins, trees of more than 64 leaves. A walk is Linear TreeSHAP on the quadrature's nodes: its time is proportional
//! to a tree's nodes times half the number of features on its longest path.
//!
//! # The memory budget
//!
//! It bounds the values of the tables. In a model for explanations a quarter of it may go to the tables for margins, the
//! rest is for contributions and interactions. Tables of up to 16,384 cells are tried first, and smaller ones until the
//! plan fits. What is left pays for unions.
//!
//! # What it takes
//!
//! `bench/peers.py` measures the engine beside XGBoost and woodelf in the same run; the README has figures.
#![forbid(unsafe_code)]

mod bins;
mod compile;
mod counts;
mod forest;
mod format;
mod games;
mod json;
mod masks;
mod model;
mod plan;
#[cfg(test)]
mod properties;
mod shapley;
mod tables;
mod walk;

pub use compile::Part;
pub use counts::Counts;
pub use forest::Forest;
pub use json::{ModelError, TreeProblem};
pub use model::Model;
pub use sections::{Aligned, AlignedBytes, SectionsError};
