//! Readings that the sender confirmed: `key:value` pairs, separated by commas.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Confirmed readings, by key.
///
/// A comma, colon or backslash within a key or value is written with a backslash before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed(BTreeMap<String, String>);

/// Text that is no list of `key:value` pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedError(String);

impl fmt::Display for ConfirmedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfirmedError {}

impl Confirmed {
    /// The confirmed readings in a text, such as `delimiter:semicolon,decimal:comma`.
    ///
    /// # Errors
    /// A part that is no pair, and a key that is given twice.
    pub fn parse(text: &str) -> Result<Self, ConfirmedError> {
        let mut confirmed = Self::default();
        confirmed.add(text)?;
        Ok(confirmed)
    }

    /// Adds the confirmed readings in a further text.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn add(&mut self, text: &str) -> Result<(), ConfirmedError> {
        let mut parts = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => parts.extend_last(characters.next().unwrap_or('\\')),
                // Two parts make a pair.
                ':' if parts.len() % 2 == 1 => parts.push(String::new()),
                ',' if parts.len() % 2 == 0 => parts.push(String::new()),
                other => parts.extend_last(other),
            }
        }
        if parts == [""] {
            return Ok(());
        }
        for pair in parts.chunks(2) {
            let [key, value] = pair else {
                return Err(ConfirmedError(format!(
                    "must be key:value pairs, separated by commas; {:?} is none",
                    pair[0]
                )));
            };
            let before = self
                .0
                .insert(key.trim().to_owned(), value.trim().to_owned());
            if before.is_some_and(|before| before != *value.trim()) {
                return Err(ConfirmedError(format!("confirms {key:?} twice")));
            }
        }
        Ok(())
    }

    /// The same readings, and this one.
    #[cfg(feature = "excel")]
    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.0.insert(key.to_owned(), value.to_owned());
        with
    }

    /// These, and what `others` confirms beside them.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let mut all = others.clone();
        all.0.extend(self.0.clone());
        all
    }

    /// The confirmed reading under a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether nothing is confirmed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As [`Confirmed::parse`] reads it.
impl fmt::Display for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", pair(key, value))?;
        }
        Ok(())
    }
}

trait ExtendLast {
    fn extend_last(&mut self, character: char);
}

impl ExtendLast for Vec<String> {
    fn extend_last(&mut self, character: char) {
        if let Some(last) = self.last_mut() {
            last.push(character);
        }
    }
}

/// A pair as [`Confirmed::parse`] reads it.
pub(crate) fn pair(key: &str, value: &str) -> String {
    let escaped = |text: &str| {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            if matches!(character, '\\' | ',' | ':') {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        escaped
    };
    format!("{}:{}", escaped(key), escaped(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_are_printed() {
        let confirmed = Confirmed::parse("delimiter:semicolon, decimal:comma").unwrap();
        assert_eq!(confirmed.get("delimiter"), Some("semicolon"));
        assert_eq!(confirmed.get("decimal"), Some("comma"));
        for (key, value) in [("a,b", "c:d"), ("\\", ","), ("a:b", "x=1|y,z")] {
            let confirmed = Confirmed::parse(&pair(key, value)).unwrap();
            assert_eq!(confirmed.get(key), Some(value), "{key} {value}");
        }
        assert!(Confirmed::parse("").unwrap().is_empty());
        let others = Confirmed::parse("a:1,b\\,c:2").unwrap();
        let both = Confirmed::parse("a:3").unwrap().or(&others);
        assert_eq!(both.to_string(), "a:3,b\\,c:2");
        assert_eq!(Confirmed::parse(&both.to_string()), Ok(both));
        assert!(Confirmed::parse("delimiter").is_err());
        assert!(Confirmed::parse("a:b,c").is_err());
        assert!(Confirmed::parse("a:b,a:c").is_err());
    }
}
