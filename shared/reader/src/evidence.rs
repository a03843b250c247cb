//! What was detected, and what could not be decided.

use crate::confirmed::pair;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One thing that was read in another way than it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The column, as the input calls it; none for the input as a whole.
    #[schema(required)]
    pub column: Option<String>,
    /// How it was read: `delimiter: semicolon`, or of a column `'NA' is missing`.
    pub reading: String,
    /// How many cells or rows were read like this.
    pub count: u64,
}

impl Evidence {
    /// Evidence about the input as a whole.
    pub fn of_input(reading: impl Into<String>, count: u64) -> Self {
        Self {
            column: None,
            reading: reading.into(),
            count,
        }
    }

    /// Evidence about a column.
    pub fn of_column(column: &str, reading: impl Into<String>, count: u64) -> Self {
        Self {
            column: Some(column.to_owned()),
            reading: reading.into(),
            count,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "{column}: ")?;
        }
        write!(f, "{}: {}", self.reading, self.count)
    }
}

/// Characters of a key that a refusal repeats at most, and of a reading, which may list the values of a choice.
const LONGEST_NAME: usize = 150;
const LONGEST_READING: usize = 700;

/// A reading that is plausible and not certain, so that it must be confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertain {
    /// The column, as the input calls it; none for the input as a whole.
    pub column: Option<String>,
    /// What can't be decided.
    pub detail: String,
    /// The key under which a reading is confirmed.
    pub key: String,
    /// The readings to choose from, the likeliest first.
    pub values: Vec<String>,
}

impl fmt::Display for Uncertain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; confirm with ", self.detail)?;
        // Longer ones are no names that a person would confirm.
        let cut = |text: &str, most| text.chars().take(most).collect::<String>();
        let key = cut(&self.key, LONGEST_NAME);
        for (index, value) in self.values.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}read={}", pair(&key, &cut(value, LONGEST_READING)))?;
        }
        Ok(())
    }
}
