//! The records of a compiled schema, and the sections that hold them.

use crate::text::Text;
use bytemuck::{Pod, Zeroable};
use sections::Format;

/// A compiled schema.
pub static FORMAT: Format = Format {
    name: "compiled schema",
    magic: *b"\x89SCHEMA\n",
    version: 1,
    sections: Section::Shares as usize + 1,
};

/// The sections of a compiled schema, in their order.
#[derive(Clone, Copy, Debug)]
pub enum Section {
    /// The pool of texts.
    Text,
    /// One [`Head`].
    Head,
    /// [`FieldRecord`]s.
    Fields,
    /// [`ValueRecord`]s of all fields.
    Values,
    /// [`NeedRecord`]s of all fields.
    Needs,
    /// [`NameRecord`]s, sorted by their texts.
    Names,
    /// Where bins begin, of all fields.
    Bins,
    /// The fields with needs, each after those that it needs.
    Dependents,
    /// [`Condition`](crate::Condition)s of all rules.
    Conditions,
    /// [`Span`]s of conditions that must hold together.
    Conjunctions,
    /// [`GroupRecord`]s of all rules.
    Groups,
    /// [`PersonaRecord`]s, then those of the stages.
    Personas,
    /// [`LevelRecord`]s.
    Levels,
    /// Names of what is listed, distributed or a segment: [`Text`]s.
    Lists,
    /// [`ExperimentRecord`]s.
    Experiments,
    /// Codes and shares of the arms: [`ArmRecord`]s.
    Shares,
}

/// Some neighbouring entries of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Span {
    /// The first.
    pub start: u32,
    /// How many.
    pub length: u32,
}

impl Span {
    /// The entries, unless the section does not hold them.
    #[inline]
    pub fn of<T>(self, entries: &[T]) -> Option<&[T]> {
        let start = self.start as usize;
        entries.get(start..start.checked_add(self.length as usize)?)
    }
}

/// Stands for a field that is not there.
pub const NO_FIELD: u32 = u32::MAX;

/// What is true of a schema as a whole.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Head {
    /// The probability from which on a customer is expected to leave.
    pub will_churn: f64,
    /// The name for machines.
    pub name: Text,
    /// The name for people.
    pub title: Text,
    /// ISO 4217.
    pub currency: Text,
    /// What goes before an amount.
    pub currency_sign: Text,
    /// The date of the data, `YYYY-MM-DD`.
    pub as_of: Text,
    /// What every page says of the data.
    pub note: Text,
    /// The key of a customer's id.
    pub id: Text,
    /// The column of a customer's id in what is written.
    pub id_column: Text,
    /// The key of the outcome.
    pub outcome: Text,
    /// Spellings of an outcome: those of who left, then those of who stayed; in `Lists`.
    pub left: Span,
    /// See `left`.
    pub stayed: Span,
    /// The field that grows by itself.
    pub tenure: u32,
    /// The field that prices move.
    pub recurring: u32,
    /// The field that moves with the recurring one times the tenure.
    pub lifetime: u32,
    /// The field that says whether a customer may be contacted.
    pub contactable: u32,
    /// So many warning signs make a customer one at risk.
    pub alarms: u32,
    /// How many of the personas' records are personas; the others are stages.
    pub personas: u32,
    /// The columns of the directory, in `Lists`.
    pub list: Span,
    /// The distributions of the analytics, in `Lists`.
    pub distributions: Span,
}

/// A field.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct FieldRecord {
    /// The smallest number.
    pub least: f64,
    /// The largest number.
    pub most: f64,
    /// Where the warning sign begins.
    pub alarm: f64,
    /// The name in JSON.
    pub name: Text,
    /// The column that errors about a file without it name.
    pub column: Text,
    /// The name for people.
    pub label: Text,
    /// The name within a sentence.
    pub phrase: Text,
    /// A sentence about it.
    pub help: Text,
    /// What a number counts.
    pub unit: Text,
    /// How a number is worded.
    pub template: Text,
    /// How a missing value is worded.
    pub unknown: Text,
    /// The parameter for the smallest value, or for values.
    pub filter: Text,
    /// The parameter for the upper end.
    pub filter_end: Text,
    /// The values.
    pub values: Span,
    /// The needs.
    pub needs: Span,
    /// The bins.
    pub bins: Span,
    /// The code of [`Kind`](crate::Kind).
    pub kind: u32,
    /// The code of [`About`](crate::About).
    pub about: u32,
    /// The code of [`ChangePolicy`](crate::ChangePolicy).
    pub change: u32,
    /// 1: above `alarm`; 2: below it; 0: no warning sign.
    pub alarm_kind: u32,
    /// Bits: [`REQUIRED`], [`WITHOUT`], [`PRICED`], [`LISTED`], [`MODEL`].
    pub bits: u32,
    /// The code of the value that stands for all others, or [`NO_FIELD`].
    pub other: u32,
}

/// A profile without the field is refused.
pub const REQUIRED: u32 = 1;
/// The last of the values stands for a field whose needs do not hold.
pub const WITHOUT: u32 = 2;
/// Some value has a price.
pub const PRICED: u32 = 4;
/// A column of the directory.
pub const LISTED: u32 = 8;
/// The model may see it.
pub const MODEL: u32 = 16;

/// A value of a field.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct ValueRecord {
    /// What it costs per period.
    pub price: f64,
    /// The name.
    pub name: Text,
    /// The name for people.
    pub label: Text,
    /// The value and its field in a few words.
    pub words: Text,
    /// Further spellings, in `Lists`.
    pub spelled: Span,
}

/// What another field must be.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct NeedRecord {
    /// The other field.
    pub field: u32,
    /// Unused.
    pub unused: u32,
    /// Its codes that will do, as bits.
    pub allowed: [u64; 4],
}

/// A name under which something is accepted.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct NameRecord {
    /// The name.
    pub text: Text,
    /// The field, or [`NAMES_ID`] or [`NAMES_OUTCOME`].
    pub field: u32,
    /// Unused.
    pub unused: u32,
}

/// The name of a customer's id.
pub const NAMES_ID: u32 = u32::MAX;
/// The name of the outcome.
pub const NAMES_OUTCOME: u32 = u32::MAX - 1;

/// Conjunctions of which some must hold.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct GroupRecord {
    /// The fewest that must hold.
    pub least: u32,
    /// Unused.
    pub unused: u32,
    /// The conjunctions.
    pub conjunctions: Span,
}

/// A persona or a stage.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct PersonaRecord {
    /// The name for machines.
    pub name: Text,
    /// The name for people.
    pub label: Text,
    /// What characterises it.
    pub description: Text,
    /// The groups that must all hold.
    pub groups: Span,
}

/// A risk level.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct LevelRecord {
    /// The probability at which it begins.
    pub from: f64,
    /// The name for machines.
    pub name: Text,
    /// The name for people.
    pub label: Text,
}

/// An experiment.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct ExperimentRecord {
    /// The name.
    pub name: Text,
    /// The segments of its readout, in `Lists`.
    pub segments: Span,
    /// Its arms, control first, in `Shares`.
    pub arms: Span,
    /// The field that holds the arm.
    pub arm: u32,
    /// Unused.
    pub unused: u32,
}

/// An arm of an experiment.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct ArmRecord {
    /// The share of customers it was given, 0 to 1.
    pub share: f64,
    /// The code of the arm's field.
    pub code: u32,
    /// Unused.
    pub unused: u32,
}
