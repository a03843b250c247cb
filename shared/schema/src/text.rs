//! Texts in one pool, as compiled bytes hold them.

use bytemuck::{Pod, Zeroable};

/// Where a text lies in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Text {
    start: u32,
    length: u32,
}

impl Text {
    /// No text.
    pub const NONE: Self = Self {
        start: u32::MAX,
        length: 0,
    };

    /// The text, unless there is none or the pool does not hold it.
    #[inline]
    pub fn get(self, pool: &str) -> Option<&str> {
        let start = self.start as usize;
        pool.get(start..start.checked_add(self.length as usize)?)
    }

    /// Whether it is this text.
    pub(crate) fn is(self, text: &str, pool: &str) -> bool {
        let start = self.start as usize;
        self.length as usize == text.len()
            && pool.as_bytes().get(start..start + text.len()) == Some(text.as_bytes())
    }

    /// Whether the pool holds it, or there is none.
    pub fn is_sound(self, pool: &str) -> bool {
        self == Self::NONE || self.get(pool).is_some()
    }
}

/// A pool that is being filled. Equal texts share their bytes.
#[derive(Debug, Default)]
pub struct Pool {
    bytes: String,
    known: std::collections::HashMap<String, Text>,
}

impl Pool {
    /// Adds a text.
    pub fn add(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let added = Text {
            start: self.bytes.len() as u32,
            length: text.len() as u32,
        };
        self.bytes.push_str(text);
        self.known.insert(text.to_owned(), added);
        added
    }

    /// Adds a text where there is one.
    pub fn add_if(&mut self, text: Option<&str>) -> Text {
        text.map_or(Text::NONE, |text| self.add(text))
    }

    /// The bytes of all.
    pub fn as_str(&self) -> &str {
        &self.bytes
    }
}
