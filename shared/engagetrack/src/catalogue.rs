//! The entries of the nudge catalogue, as they are compiled into the crate.
//!
//! The build reads them from `data/nudges.toml`, checks them and writes them as constants.

use crate::customer::{Persona, Variant, vocabulary};
use crate::encoding::FIELDS;
use crate::plan::Step;

vocabulary! {
    /// What a nudge is about.
    Category { /// How and how much the customer pays.
        Billing = "billing", /// How much the customer uses the service.
        Engagement = "engagement", /// Help with what does not work.
        Support = "support", /// How long the customer is bound.
        Contract = "contract", /// Which services the customer has.
        Product = "product" }
}

/// The most entries: sets of them are the bits of a [`Set`].
pub const MOST_ENTRIES: usize = Set::BITS as usize;

/// A set of entries, by their positions in the catalogue.
pub type Set = u64;

/// One suggestion and when to make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Its name for machines.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// What to do, for the one who does it.
    pub title: &'static str,
    /// Whether it is what remains when no other entry applies.
    pub otherwise: bool,
    /// What must hold of a customer, all of it.
    pub conditions: &'static [Condition],
    /// The arm of the experiment of which it is the offer, if it is one.
    pub trial: Option<Trial>,
    /// The entries that can't stand beside it.
    pub excluded: Set,
    /// What it suggests to change; empty when the plan stays.
    pub steps: &'static [Step],
    /// Why it is suggested.
    pub reasons: &'static [Template],
    /// What to say to a customer, in more than one wording.
    pub messages: &'static [Template],
    /// Wordings for customers of one persona, which come first.
    pub persona_messages: &'static [(Persona, &'static [Template])],
    /// Wordings for customers of one variant, which come next.
    pub variant_messages: &'static [(Variant, &'static [Template])],
}

/// What an arm of the experiment is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The arm.
    pub arm: Variant,
    /// The offer as part of a sentence, such as `the priority plan`.
    pub offer: &'static str,
}

/// A condition on one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The position in [`FIELDS`].
    pub field: usize,
    /// What must hold of the field's code.
    pub test: Test,
}

/// What must hold of a code; what is not known passes no test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// The code is one of these bits.
    Among(u8),
    /// The number lies between these two, both included.
    Within(f64, f64),
}

impl Condition {
    /// Whether it holds of a profile with these [codes](crate::encoding::codes).
    pub fn holds(&self, codes: &[f64; FIELDS.len()]) -> bool {
        let code = codes[self.field];
        match self.test {
            Test::Among(allowed) => !code.is_nan() && allowed & (1 << code as u8) != 0,
            Test::Within(low, high) => low <= code && code <= high,
        }
    }
}

/// Text with gaps.
pub type Template = &'static [Part];

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// As it stands.
    Text(&'static str),
    /// A gap, filled for each customer.
    Gap(Fact),
}

/// What fills a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The field at this position in [`FIELDS`].
    Field(usize),
    /// The monthly charge after the change.
    NewMonthlyCharges,
    /// By how much the change moves the monthly charge, without a sign.
    PriceDifference,
}
