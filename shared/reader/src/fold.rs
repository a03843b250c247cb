//! What two spellings of a name or value have in common.

/// A text without what its spellings differ in: upper and lower case, blanks, underscores and punctuation.
pub(crate) fn folded(text: &str) -> String {
    text.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
