//! An XGBoost model compiled for speed: margins, exact SHAP values, interactions.
#![forbid(unsafe_code)]

mod blob;
mod compile;
mod forest;
mod json;
mod model;
mod shapley;
mod walk;

pub use blob::{Aligned, BlobError};
pub use compile::Part;
pub use forest::Forest;
pub use json::{ModelError, TreeProblem};
pub use model::Model;
