//! The sections of a compiled model.

use bytemuck::{Pod, Zeroable};
use sections::Format;

/// A compiled model from the outside.
pub(crate) static FORMAT: Format = Format {
    magic: *b"\x89FOREST\n",
    version: 2,
    sections: Section::Quadrature as usize + 1,
    name: "compiled model",
};

/// The only entry of [`Section::Facts`].
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Facts {
    pub(crate) base_margin: f64,
    /// E[f(X)].
    pub(crate) base_value: f64,
    pub(crate) n_features: u32,
    /// 1 where contributions and interactions are in it.
    pub(crate) explains: u32,
    /// Levels of the deepest tree that is walked.
    pub(crate) walk_depth: u32,
    pub(crate) unused: u32,
}

/// The sections, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    Facts,
    Cuts,
    CutStarts,
    MarginTables,
    MarginInputs,
    MarginOffsets,
    MarginValues,
    MaskGroups,
    MaskInputs,
    MaskLines,
    MaskLeaves,
    ExplanationTables,
    ExplanationInputs,
    ExplanationOffsets,
    ExplanationValues,
    PairColumns,
    Pairs,
    WalkNodes,
    WalkCategories,
    WalkMargins,
    WalkExplanations,
    Quadrature,
}

/// Whether a number may be a part of a margin: not NaN, and so far from the largest number that no sum of such parts gets there.
pub(crate) fn is_margin(number: f64) -> bool {
    number.abs() <= f64::from(f32::MAX)
}
