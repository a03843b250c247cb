//! The error types of the domain: what is wrong with an input, field by field.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;
use utoipa::ToSchema;

/// Errors that are listed at most; further ones are only counted.
pub const MOST_LISTED: usize = 100;

/// Bytes of an input's own text that an error repeats at most.
const LONGEST_ECHO: usize = 200;

/// One thing that is wrong with one field of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: an RFC 6901 JSON pointer into the input, such as `/17/age`.
    pub pointer: String,
    /// What: a sentence fragment that names what is allowed and what was found.
    pub detail: String,
}

impl FieldError {
    /// An error at `/field`.
    pub fn new(field: &str, detail: impl Display) -> Self {
        let escaped = echoed(field).replace('~', "~0").replace('/', "~1");
        Self {
            pointer: format!("/{}", echoed(&escaped)),
            detail: detail.to_string(),
        }
    }

    /// What is wrong without the values that were found, so that equal faults can be counted: `must be a number` of
    /// `must be a number, got "x"`.
    pub fn rule(&self) -> &str {
        let ends = [", got ", "; "].map(|after| self.detail.find(after));
        let end = ends.into_iter().flatten().min();
        &self.detail[..end.unwrap_or(self.detail.len())]
    }
}

/// Everything that is wrong with an input: the first [`MOST_LISTED`] errors, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    listed: Vec<FieldError>,
    count: usize,
}

impl FieldErrors {
    /// A single error.
    pub fn one(error: FieldError) -> Self {
        Self {
            listed: vec![error],
            count: 1,
        }
    }

    /// Adds an error at `/field`. Its text is made only if it is listed.
    pub fn add(&mut self, field: &str, detail: impl Display) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push(FieldError::new(field, detail));
        }
        self.count += 1;
    }

    /// Adds an error.
    pub fn push(&mut self, error: FieldError) {
        self.append(Self::one(error));
    }

    /// Adds all errors of a part of the same input.
    pub fn append(&mut self, other: Self) {
        let room = MOST_LISTED - self.listed.len();
        self.listed.extend(other.listed.into_iter().take(room));
        self.count += other.count;
    }

    /// Reads an element of the input. The pointers of errors that are added meanwhile lead into it: `/age` in
    /// element 17 is `/17/age`. A member's name must need no escape.
    pub fn within<T>(&mut self, element: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.listed.len();
        let value = read(self);
        for error in &mut self.listed[before..] {
            error.pointer.insert_str(0, &format!("/{element}"));
        }
        value
    }

    /// How many errors there are, listed or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The errors that are listed, in the order in which they were found.
    pub fn listed(&self) -> &[FieldError] {
        &self.listed
    }

    /// The value if nothing is wrong, else the errors.
    ///
    /// # Errors
    /// These, if there are any.
    pub fn unless_any<T>(self, value: T) -> Result<T, Self> {
        match self.is_empty() {
            true => Ok(value),
            false => Err(self),
        }
    }
}

/// How many errors there are, and pointer and detail of those that are listed.
impl From<FieldErrors> for (usize, Vec<(String, String)>) {
    fn from(errors: FieldErrors) -> Self {
        let listed = errors.listed.into_iter();
        let listed = listed.map(|error| (error.pointer, error.detail));
        (errors.count, listed.collect())
    }
}

/// Text of an input as an error repeats it: at most 200 bytes, with an ellipsis where something is missing, and nothing that a
/// terminal would obey.
pub(crate) fn echoed(text: &str) -> Cow<'_, str> {
    let mut echoed: Cow<'_, str> = text.into();
    if text.len() > LONGEST_ECHO {
        let end = text.floor_char_boundary(LONGEST_ECHO - '…'.len_utf8());
        echoed = format!("{}…", &text[..end]).into();
    }
    if echoed.contains(is_deceptive) {
        echoed = echoed.replace(is_deceptive, "?").into();
    }
    echoed
}

/// Whether a character could make text look like other text: a control character, or one that turns the direction of
/// writing (Unicode's property `Bidi_Control`).
pub(crate) fn is_deceptive(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_all_counted_and_a_hundred_are_kept() {
        let mut errors = FieldErrors::default();
        for index in 0..150 {
            errors.within(index, |errors| errors.add("tenure", "is required"));
        }
        let mut all = FieldErrors::one(FieldError::new("contract", "is required"));
        all.append(errors);
        assert_eq!((all.count(), all.listed().len()), (151, MOST_LISTED));
        assert_eq!(all.listed()[0].pointer, "/contract");
        assert_eq!(all.listed()[99].pointer, "/98/tenure");
        assert_eq!(all.unless_any(()).unwrap_err().count(), 151);
        assert_eq!(FieldErrors::default().unless_any(5), Ok(5));
    }

    #[test]
    fn a_name_is_repeated_with_two_hundred_bytes_at_most() {
        for name in ["é".repeat(150), "~".repeat(150), "/".repeat(1 << 20)] {
            let error = FieldError::new(&name, "is unknown");
            assert!(error.pointer.len() <= 1 + LONGEST_ECHO, "{}", error.pointer);
            assert!(error.pointer.ends_with('…'), "{}", error.pointer);
        }
        let error = FieldError::new("\u{1b}[2J\u{202e}x", "is unknown");
        assert_eq!(error.pointer, "/?[2J?x");
        let short = "é".repeat(100);
        assert_eq!(FieldError::new(&short, "").pointer, format!("/{short}"));
    }
}
