//! Why bytes are no workspace.

use crate::parts::Part;
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
    /// Something in a part can't be.
    #[error("the compiled workspace is damaged: {part}: {what}")]
    Damaged {
        /// The part.
        part: Part,
        /// What is wrong in it.
        what: String,
    },
    /// The parts contradict each other.
    #[error("the compiled workspace is damaged: {0}")]
    Unsound(&'static str),
}

impl WorkspaceError {
    /// What is wrong in a part.
    pub(crate) fn in_part(part: Part, what: impl ToString) -> Self {
        let what = what.to_string();
        Self::Damaged { part, what }
    }
}
