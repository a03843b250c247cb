//! Says why bytes cannot be used as sections.

/// Why bytes are not the sections of a format that this program reads. `name` is the format's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionsError {
    /// The bytes do not start with the format's magic.
    #[error("these bytes are not a {name}")]
    Unrecognized {
        #[allow(missing_docs)]
        name: &'static str,
    },
    /// The bytes have another version of the format.
    #[error("the {name} has format {found}, and this program reads format {expected}")]
    Version {
        #[allow(missing_docs)]
        name: &'static str,
        /// The version that the bytes have.
        found: u32,
        /// The version that this program reads.
        expected: u32,
    },
    /// The bytes start at an address that is not a multiple of eight, or of what a section's values need.
    #[error("the {name} must lie at a multiple of {alignment} bytes (see `Aligned`)")]
    Misaligned {
        #[allow(missing_docs)]
        name: &'static str,
        /// The alignment that is needed.
        alignment: usize,
    },
    /// The header is damaged, or the bytes are fewer or more than it says.
    #[error("the {name} is cut short, or its header is damaged")]
    Header {
        #[allow(missing_docs)]
        name: &'static str,
    },
    /// A section does not have its hash, or does not hold a whole number of values.
    #[error("section {section} of the {name} is damaged")]
    Section {
        #[allow(missing_docs)]
        name: &'static str,
        /// The section's index.
        section: usize,
    },
    /// The sections are whole, but their values contradict each other.
    #[error("the {name} is damaged: {what}")]
    Unsound {
        #[allow(missing_docs)]
        name: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}
