//! Conditions on fields, and the rules of personas and stages that are made of them.

use crate::field::{Field, in_set, in_whole_set};
use crate::layout::{GroupRecord, Span};
use bytemuck::{Pod, Zeroable};

/// What must hold of one field. An unknown value passes no condition.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Condition {
    low: f64,
    high: f64,
    /// The codes that pass, as bits; of a number, none.
    codes: [u64; 4],
    field: u32,
    /// 1 for a number.
    numeric: u32,
}

impl Condition {
    /// The code is one of these.
    pub fn among(field: usize, codes: impl IntoIterator<Item = usize>) -> Self {
        let mut set = [0; 4];
        for code in codes {
            set[code / 64] |= 1 << (code % 64);
        }
        Self {
            low: 0.0,
            high: 0.0,
            codes: set,
            field: field as u32,
            numeric: 0,
        }
    }

    /// The number lies between these two, both included.
    pub fn within(field: usize, low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            codes: [0; 4],
            field: field as u32,
            numeric: 1,
        }
    }

    /// The field.
    #[inline]
    pub fn field(&self) -> usize {
        self.field as usize
    }

    /// Whether it is about a number.
    #[inline]
    pub fn is_numeric(&self) -> bool {
        self.numeric != 0
    }

    /// Between which numbers those that pass lie; meaningless where it is not about a number.
    pub fn bounds(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// Whether a code passes.
    #[inline]
    pub fn admits(&self, code: f64) -> bool {
        match self.is_numeric() {
            true => self.low <= code && code <= self.high,
            false => !code.is_nan() && in_set(&self.codes, code),
        }
    }

    /// Whether it is a condition on this field: about codes or numbers that it may have, of which some pass.
    pub fn fits(&self, field: Field<'_>) -> bool {
        let range = field.range();
        match self.numeric {
            0 => field.kind().is_named() && in_whole_set(&self.codes, field.codes()),
            1 => {
                let within = range.contains(&self.low) && range.contains(&self.high);
                !field.kind().is_named() && within && self.low <= self.high
            }
            _ => false,
        }
    }

    /// Whether it holds of a profile with these codes.
    #[inline]
    pub fn holds(&self, codes: &[f64]) -> bool {
        codes
            .get(self.field())
            .is_some_and(|code| self.admits(*code))
    }
}

/// Groups of conditions, all of which must hold.
#[derive(Clone, Copy)]
pub struct Rule<'w> {
    pub(crate) groups: &'w [GroupRecord],
    pub(crate) conjunctions: &'w [Span],
    pub(crate) conditions: &'w [Condition],
}

impl Rule<'_> {
    /// Whether it holds of a profile with these codes.
    pub fn holds(&self, codes: &[f64]) -> bool {
        self.groups.iter().all(|group| {
            let members = group.conjunctions.of(self.conjunctions).unwrap_or_default();
            let holding = members.iter().filter(|span| {
                let conditions = span.of(self.conditions).unwrap_or_default();
                conditions.iter().all(|condition| condition.holds(codes))
            });
            holding.count() >= group.least as usize
        })
    }
}
