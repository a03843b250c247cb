//! The parts that a workspace is compiled to. A program embeds those that it uses.

use sections::{Aligned, AlignedBytes};
use std::fmt;

/// A part of a compiled workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is known about a customer.
    Schema,
    /// The model's features, card and training distribution.
    Model,
    /// The trees, for margins.
    Margins,
    /// The trees, for contributions.
    Explanations,
    /// The customers in columns.
    Customers,
    /// The customers by every sortable key.
    Orders,
    /// What can be done about customers.
    Nudges,
    /// Card and evaluation as JSON.
    Quality,
    /// What the previous workspace knew of the customers; absent where there is none.
    Previous,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 9] = [
        Self::Schema,
        Self::Model,
        Self::Margins,
        Self::Explanations,
        Self::Customers,
        Self::Orders,
        Self::Nudges,
        Self::Quality,
        Self::Previous,
    ];

    /// The name of its file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Schema => "schema.bin",
            Self::Model => "model.bin",
            Self::Margins => "margins.bin",
            Self::Explanations => "explanations.bin",
            Self::Customers => "customers.bin",
            Self::Orders => "orders.bin",
            Self::Nudges => "nudges.bin",
            Self::Quality => "quality.json",
            Self::Previous => "previous.bin",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Schema => "schema",
            Self::Model => "model",
            Self::Margins => "margins",
            Self::Explanations => "explanations",
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Nudges => "nudges",
            Self::Quality => "quality",
            Self::Previous => "previous",
        })
    }
}

/// The bytes of the parts, embedded in the program or read at run time.
#[derive(Debug, Default)]
pub struct Parts([Bytes; Part::ALL.len()]);

#[derive(Debug, Default)]
enum Bytes {
    #[default]
    Absent,
    Embedded(&'static Aligned<[u8]>),
    Read(AlignedBytes),
}

impl Parts {
    /// Adds a part that the program embeds.
    #[must_use]
    pub fn with(mut self, part: Part, bytes: &'static Aligned<[u8]>) -> Self {
        self.0[part as usize] = Bytes::Embedded(bytes);
        self
    }

    /// Adds a part that was read or compiled at run time.
    #[must_use]
    pub fn with_read(mut self, part: Part, bytes: AlignedBytes) -> Self {
        self.0[part as usize] = Bytes::Read(bytes);
        self
    }

    /// Which parts there are.
    pub fn present(&self) -> Vec<Part> {
        let present = |part: &Part| self.find(*part).is_some();
        Part::ALL.into_iter().filter(present).collect()
    }

    /// The parts that were read or compiled at run time.
    pub fn into_read(self) -> Vec<(Part, AlignedBytes)> {
        let parts = Part::ALL.into_iter().zip(self.0);
        let read = parts.filter_map(|(part, bytes)| match bytes {
            Bytes::Read(bytes) => Some((part, bytes)),
            Bytes::Absent | Bytes::Embedded(_) => None,
        });
        read.collect()
    }

    /// The bytes of a part, no bytes where it is absent.
    pub fn get(&self, part: Part) -> &[u8] {
        self.find(part).unwrap_or_default()
    }

    /// The bytes of a part, unless it is absent. One that was read and is empty is there, and damaged.
    pub fn find(&self, part: Part) -> Option<&[u8]> {
        match &self.0[part as usize] {
            Bytes::Absent => None,
            Bytes::Embedded(bytes) => Some(&bytes.0),
            Bytes::Read(bytes) => Some(bytes),
        }
    }
}
