//! What the analytics compute once for a workspace.

use super::contributions::Contributions;
use super::dimension::Dimension;
use crate::View;
use workspace::Key;

/// The dimensions, and what the contributions of any customers add up to.
pub struct Table {
    /// The dimensions.
    pub(super) dimensions: Vec<Dimension>,
    /// The contributions.
    pub(super) contributions: Contributions,
}

impl Table {
    /// The table of a workspace, made when it is first asked for.
    pub(super) fn of<'v>(view: &'v View<'_>) -> &'v Self {
        view.table.get_or_init(|| Self {
            dimensions: Dimension::all(view),
            contributions: Contributions::of(view),
        })
    }
}

/// All customers by rising probability, then by id.
pub(super) fn by_probability<'w>(view: &View<'w>) -> &'w [u32] {
    // Every workspace has this order.
    view.orders().by(Key::Probability).unwrap_or_default()
}
