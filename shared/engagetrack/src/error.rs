//! The one error type of the domain.

use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// One thing that is wrong with one field of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: an RFC 6901 JSON pointer into the input, such as `/17/tenure_months`.
    pub pointer: String,
    /// What: a sentence fragment that names what is allowed and what was found.
    pub detail: String,
}

impl FieldError {
    /// An error at `/field`.
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        let escaped = field.replace('~', "~0").replace('/', "~1");
        Self {
            pointer: format!("/{escaped}"),
            detail: detail.into(),
        }
    }

    /// The same error, one level deeper: `/tenure_months` in element 17 is `/17/tenure_months`. A member's name must need
    /// no escape.
    pub fn within(self, element: impl Display) -> Self {
        Self {
            pointer: format!("/{element}{}", self.pointer),
            ..self
        }
    }
}

impl From<FieldError> for (String, String) {
    fn from(error: FieldError) -> Self {
        (error.pointer, error.detail)
    }
}
