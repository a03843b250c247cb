//! Rows of text cells, whatever they are read from.

use crate::layout::{listed, sentence};
use crate::score::ScoreError;
use schema::FieldErrors;
#[cfg(feature = "parquet")]
use schema::Profile;
use std::ops::Range;

/// The rows of a shard, one at a time.
pub(crate) trait Rows {
    /// Reads the next row.
    ///
    /// # Errors
    /// When the input can't be read, or not in shards.
    fn next(&mut self) -> Result<Next<'_>, ScoreError>;
}

/// What is next among rows.
pub(crate) enum Next<'r> {
    /// Nothing.
    End,
    /// A blank line, or what was passed over for another reason.
    Blank,
    /// A row whose profile is read already, with the cells that are kept.
    #[cfg(feature = "parquet")]
    Known(&'r Profile, Cells<'r>),
    /// A row, or why it is none.
    Row(Place, Result<Cells<'r>, Reject>),
}

/// Where a row begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// The number of its line, or of its record where there are no lines; none where that is not known.
    pub(crate) line: Option<u64>,
    /// How far it is from the beginning of the input, in bytes; none where that says nothing.
    pub(crate) offset: Option<u64>,
}

/// The cells of a row.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'r> {
    /// All of them, perhaps with something between them.
    pub(crate) text: &'r str,
    /// Where in the text each of them is, by its place in the row.
    pub(crate) bounds: &'r [Range<usize>],
}

impl<'r> Cells<'r> {
    /// The cell at this place; none where the row has none.
    #[inline]
    pub(crate) fn cell(&self, place: usize) -> Option<&'r str> {
        self.text.get(self.bounds.get(place)?.clone())
    }
}

/// Why a row can't be scored.
#[derive(Debug)]
pub(crate) struct Reject {
    /// Everything that is wrong with it, with what was found.
    pub(crate) detail: String,
    /// What is wrong, one by one, without what was found.
    pub(crate) reasons: Vec<String>,
}

impl Reject {
    pub(crate) fn of_row(detail: &'static str) -> Self {
        Self::new(detail.to_owned(), detail)
    }

    pub(crate) fn new(detail: String, reason: &str) -> Self {
        Self {
            detail,
            reasons: vec![reason.to_owned()],
        }
    }
}

impl From<FieldErrors> for Reject {
    fn from(errors: FieldErrors) -> Self {
        let each = errors.listed().iter();
        Self {
            reasons: each.map(|error| sentence(error, error.rule())).collect(),
            detail: listed(&errors),
        }
    }
}
