//! The customers by every sortable key: a permutation for each.

use crate::error::WorkspaceError;
use sections::{Format, Sections};

pub(crate) static FORMAT: Format = Format {
    name: "compiled orders",
    magic: *b"\x89ORDERS\n",
    version: 1,
    sections: Section::Positions as usize + 1,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    /// The keys, as [`Key::code`] gives them.
    Keys,
    /// Positions of customers for each key, by rising key and then by id; unknown ones last.
    Positions,
}

/// What customers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The churn probability.
    Probability,
    /// The outcome; those who stayed first, those of whom it is not known last.
    Outcome,
    /// A field.
    Field(usize),
}

impl Key {
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Probability => u32::MAX,
            Self::Outcome => u32::MAX - 1,
            Self::Field(field) => field as u32,
        }
    }
}

/// The permutations.
#[derive(Clone, Copy)]
pub struct Orders<'w> {
    keys: &'w [u32],
    positions: &'w [u32],
    count: usize,
}

impl<'w> Orders<'w> {
    pub(crate) fn open(bytes: &'w [u8], count: usize) -> Result<Self, WorkspaceError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let orders = Self {
            keys: sections.get(Section::Keys as usize)?,
            positions: sections.get(Section::Positions as usize)?,
            count,
        };
        match orders.positions.len() == orders.keys.len() * count {
            true => Ok(orders),
            false => Err(WorkspaceError::Unsound("the orders are of other customers")),
        }
    }

    /// The positions of all customers by a rising key, then by id; none where customers can't be sorted by it.
    pub fn by(&self, key: Key) -> Option<&'w [u32]> {
        let index = self.keys.iter().position(|code| *code == key.code())?;
        Some(&self.positions[index * self.count..(index + 1) * self.count])
    }
}
