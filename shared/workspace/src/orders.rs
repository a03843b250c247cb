//! The customers by every sortable key: a permutation for each.

use crate::customers::{Column, Customers};
use crate::error::WorkspaceError;
use schema::Schema;
use sections::{Format, Sections};
use std::cmp::Ordering;

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
    /// The keys that customers of a schema are sorted by, in their order.
    pub(crate) fn all<'w>(schema: &Schema<'w>) -> impl Iterator<Item = Self> + use<'w> {
        let numbers = schema.list().filter(|field| !field.kind().is_named());
        let outcome = schema.outcome_name().map(|_| Self::Outcome);
        [Self::Probability]
            .into_iter()
            .chain(numbers.map(|field| Self::Field(field.index())))
            .chain(outcome)
    }

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

    /// Compares the bytes that they were opened from with their hashes, and checks that each order is one of all customers and
    /// rises.
    pub(crate) fn verify(
        &self,
        bytes: &[u8],
        schema: &Schema<'_>,
        customers: &Customers<'_>,
    ) -> Result<(), String> {
        let intact = Sections::open(bytes, &FORMAT).and_then(|sections| sections.verify());
        intact.map_err(|error| error.to_string())?;
        if !self
            .keys
            .iter()
            .copied()
            .eq(Key::all(schema).map(Key::code))
        {
            return Err("the keys are not those of the schema".to_owned());
        }
        for (key, positions) in Key::all(schema).zip(self.positions.chunks(self.count)) {
            let rises = match key {
                Key::Probability => rises(positions, self.count, |customer| {
                    customers.probability(customer)
                }),
                Key::Outcome => rises(positions, self.count, |customer| {
                    f64::from(customers.outcomes()[customer])
                }),
                Key::Field(field) => match customers.column(field) {
                    Column::Amounts(numbers) => {
                        rises(positions, self.count, |customer| numbers[customer])
                    }
                    // Unknown is the largest code.
                    Column::Codes(codes) => {
                        rises(positions, self.count, |customer| f64::from(codes[customer]))
                    }
                },
            };
            if !rises {
                return Err(match key {
                    Key::Probability => "the order by probability is none".to_owned(),
                    Key::Outcome => "the order by outcome is none".to_owned(),
                    Key::Field(field) => {
                        format!("the order by {} is none", schema.field(field).name())
                    }
                });
            }
        }
        Ok(())
    }

    /// The positions of all customers by a rising key, then by id; none where customers can't be sorted by it.
    pub fn by(&self, key: Key) -> Option<&'w [u32]> {
        let index = self.keys.iter().position(|code| *code == key.code())?;
        Some(&self.positions[index * self.count..(index + 1) * self.count])
    }
}

/// How two codes are sorted: rising, unknown ones last.
pub fn by_code(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
}

/// Whether positions are those of all customers, by rising value and then by position: as no two are equal in that order, those
/// that rise are each another one.
pub(crate) fn rises(positions: &[u32], count: usize, value: impl Fn(usize) -> f64) -> bool {
    let Some((first, others)) = positions.split_first() else {
        return true;
    };
    let known = |position: u32| {
        let customer = position as usize;
        (customer < count).then(|| (value(customer), position))
    };
    let mut before = known(*first);
    before.is_some()
        && others.iter().all(|position| {
            let next = known(*position);
            let rises = before.zip(next).is_some_and(|((a, first), (b, second))| {
                by_code(a, b).then(first.cmp(&second)) == Ordering::Less
            });
            before = next;
            rises
        })
}
