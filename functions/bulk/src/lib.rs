//! Scores and explains a file of customers of any size, in memory that does not grow with it.
//!
//! A [`Job`] says what is to be scored: an input, as [`Layout::read`] found it, cut into [`Shard`]s by byte range. [`score`]
//! reads one shard from anything that [`Open`]s ranges of it and writes two parts, the results and the rejects, to anything that
//! can be written; its [`Report`] says what is in them. A [`Manifest`] adds the reports up and checks them.
//!
//! None of these opens a file or knows where the bytes come from; [`folder`] does it on a laptop. The same job gives the same bytes, part by part, wherever
//! it runs, and the parts in their order give what one shard over all of the input would have given.

#![forbid(unsafe_code)]

mod decode;
pub mod folder;
mod input;
mod job;
mod json_lines;
mod layout;
mod lines;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
mod reasons;
mod records;
mod results;
mod rows;
mod score;
mod table;
mod table_rows;

pub use decode::Compression;
pub use input::Open;
pub use job::{Input, Job, ResultsFormat, Shard};
pub use layout::{Encoding, Format, Layout, LayoutError, ReadAs};
pub use lines::{LONGEST_LINE, LineBreak};
pub use manifest::{Manifest, ManifestError, ManifestPart, TOLERATED_REJECT_PERCENTAGE, Unusable};
pub use part::Part;
pub use reasons::{Reason, Reasons};
pub use score::{Report, RiskLevels, ScoreError, score};
pub use table::KeptColumn;
