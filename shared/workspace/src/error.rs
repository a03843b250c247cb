//! Why bytes are no workspace.

use schema::SchemaError;
use sections::SectionsError;

/// Why bytes are no workspace that this version can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// A part can't be read.
    #[error(transparent)]
    Sections(#[from] SectionsError),
    /// The schema can't be read.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The parts contradict each other.
    #[error("the compiled workspace is damaged: {0}")]
    Unsound(&'static str),
}
