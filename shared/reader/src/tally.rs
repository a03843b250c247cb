//! Texts of a column, and how often each was seen.

use schema::intake::Quoted;
use std::collections::BTreeMap;

/// Different texts of a column that are kept; further ones count as none of its values.
const MOST_TEXTS: usize = 300;

/// Texts and how often each was seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub texts: BTreeMap<String, u64>,
    pub beyond: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, text: &str) {
        if let Some(count) = self.texts.get_mut(text) {
            *count += 1;
        } else if self.texts.len() < MOST_TEXTS {
            self.texts.insert(text.to_owned(), 1);
        } else {
            self.beyond += 1;
        }
    }

    /// Whether a text is one of those that are no longer kept.
    pub(crate) fn is_beyond(&self, text: &str) -> bool {
        self.texts.len() >= MOST_TEXTS && !self.texts.contains_key(text)
    }

    pub(crate) fn count(&self) -> u64 {
        self.texts.values().sum::<u64>() + self.beyond
    }

    /// The most common texts in words.
    pub(crate) fn most_common(&self) -> String {
        let mut texts: Vec<(&String, &u64)> = self.texts.iter().collect();
        texts.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let named: Vec<String> = texts.iter().take(3).map(|(text, _)| quoted(text)).collect();
        let more = if texts.len() > named.len() {
            " and others"
        } else {
            ""
        };
        format!("{}{more}", named.join(" or "))
    }
}

/// A text in single quotes, shortened.
pub(crate) fn quoted(text: &str) -> String {
    let text = Quoted(text).to_string();
    format!("'{}'", text.trim_matches('"'))
}
