//! A field of a profile: what it may hold, and what it is called, costs and needs.

use crate::layout::{self, FieldRecord, NeedRecord, ValueRecord};
use crate::text::Text;
use std::ops::RangeInclusive;

/// Declares an enum whose codes are stored and whose names are written.
macro_rules! coded {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $type { $($(#[$variant_doc])* #[serde(rename = $name)] $variant),+ }

        impl $type {
            /// Every value, in the order of its codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value with this code.
            pub fn from_code(code: u32) -> Option<Self> {
                Self::ALL.get(code as usize).copied()
            }

            /// The name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

coded! {
    /// What a field may hold. The code of a value is the number that stands for it in a profile and for the model.
    Kind {
        /// No (0) or yes (1).
        Flag = "flag",
        /// One of its values; the code is the position.
        Choice = "choice",
        /// A whole number.
        Whole = "whole",
        /// A number.
        Number = "number",
        /// An amount of the schema's currency.
        Money = "money",
    }
}

impl Kind {
    /// Whether its codes stand for named values.
    pub fn is_named(self) -> bool {
        matches!(self, Self::Flag | Self::Choice)
    }
}

coded! {
    /// What a field is about.
    About {
        /// Who the customer is. Decides nothing that is done.
        Person = "person",
        /// What the customer has.
        Plan = "plan",
        /// What the customer pays.
        Money = "money",
        /// What the customer did lately.
        Behaviour = "behaviour",
        /// What was tried on the customer.
        Experiment = "experiment",
    }
}

coded! {
    /// Which changes of a field there are.
    ChangePolicy {
        /// None.
        Never = "never",
        /// To any value.
        Any = "any",
        /// To a value further down the list; a whole cohort may go anywhere.
        Up = "up",
        /// For a whole cohort only.
        Cohort = "cohort",
    }
}

/// Where a number becomes a warning sign.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// Beyond this.
    Above(f64),
    /// Short of this.
    Below(f64),
}

impl Alarm {
    /// Whether a code is a warning sign; an unknown one is none.
    pub fn rings(self, code: f64) -> bool {
        match self {
            Self::Above(threshold) => code > threshold,
            Self::Below(threshold) => code < threshold,
        }
    }

    /// How far a code is beyond what is unremarkable, 0 to 1.
    pub fn urgency(self, code: f64) -> f64 {
        let beyond = match self {
            Self::Above(threshold) => (code - threshold) / code,
            Self::Below(threshold) => (threshold - code) / threshold,
        };
        match self.rings(code) {
            true => beyond.clamp(0.0, 1.0),
            false => 0.0,
        }
    }
}

/// The parameters that filter by a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterParameters<'w> {
    /// Names values.
    Values(&'w str),
    /// Bound a whole number, both ends included.
    Whole {
        /// The smallest.
        min: &'w str,
        /// The largest.
        max: &'w str,
    },
    /// Bound a number, the upper end excluded, so that neighbouring ranges neither overlap nor leave a gap.
    Number {
        /// The smallest.
        min: &'w str,
        /// What none reaches.
        below: &'w str,
    },
}

/// A field of a schema.
#[derive(Clone, Copy)]
pub struct Field<'w> {
    pub(crate) pool: &'w str,
    pub(crate) record: &'w FieldRecord,
    pub(crate) values: &'w [ValueRecord],
    pub(crate) needs: &'w [NeedRecord],
    pub(crate) bins: &'w [f64],
    pub(crate) lists: &'w [Text],
    pub(crate) index: usize,
}

impl std::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field({})", self.name())
    }
}

impl<'w> Field<'w> {
    #[inline]
    fn text(&self, text: Text) -> &'w str {
        text.get(self.pool).unwrap_or_default()
    }

    #[inline]
    fn text_if(&self, text: Text) -> Option<&'w str> {
        text.get(self.pool)
    }

    /// Its position in the schema, and in a profile.
    #[inline]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its name in JSON.
    #[inline]
    pub fn name(&self) -> &'w str {
        self.text(self.record.name)
    }

    /// The column that a file without it lacks.
    pub fn column(&self) -> &'w str {
        self.text(self.record.column)
    }

    /// Its name for people.
    #[inline]
    pub fn label(&self) -> &'w str {
        self.text(self.record.label)
    }

    /// Its name within a sentence.
    #[inline]
    pub fn phrase(&self) -> &'w str {
        self.text(self.record.phrase)
    }

    /// A sentence about it.
    pub fn help(&self) -> Option<&'w str> {
        self.text_if(self.record.help)
    }

    /// What a number counts, in the singular.
    #[inline]
    pub fn unit(&self) -> Option<&'w str> {
        self.text_if(self.record.unit)
    }

    /// How a number is worded, with `{value}` and `{unit}`.
    #[inline]
    pub fn template(&self) -> &'w str {
        self.text(self.record.template)
    }

    /// How a missing value is worded.
    #[inline]
    pub fn unknown(&self) -> &'w str {
        self.text(self.record.unknown)
    }

    /// What it may hold.
    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::from_code(self.record.kind).unwrap_or(Kind::Number)
    }

    /// What it is about.
    pub fn about(&self) -> About {
        About::from_code(self.record.about).unwrap_or(About::Person)
    }

    /// Which changes there are.
    pub fn change(&self) -> ChangePolicy {
        ChangePolicy::from_code(self.record.change).unwrap_or(ChangePolicy::Never)
    }

    #[inline]
    fn has(&self, bit: u32) -> bool {
        self.record.bits & bit != 0
    }

    /// Whether a profile without it is refused.
    #[inline]
    pub fn required(&self) -> bool {
        self.has(layout::REQUIRED)
    }

    /// Whether the directory has it as a column.
    pub fn listed(&self) -> bool {
        self.has(layout::LISTED)
    }

    /// Whether the model may see it.
    pub fn for_model(&self) -> bool {
        self.has(layout::MODEL)
    }

    /// Whether some value has a price.
    pub fn priced(&self) -> bool {
        self.has(layout::PRICED)
    }

    /// The smallest and the largest number.
    pub fn range(&self) -> RangeInclusive<f64> {
        self.record.least..=self.record.most
    }

    /// The number of the range that is nearest.
    pub fn clamped(&self, number: f64) -> f64 {
        // Adding 0 turns a negative zero into a plain one.
        number.clamp(self.record.least, self.record.most) + 0.0
    }

    /// Where it becomes a warning sign.
    #[inline]
    pub fn alarm(&self) -> Option<Alarm> {
        match self.record.alarm_kind {
            1 => Some(Alarm::Above(self.record.alarm)),
            2 => Some(Alarm::Below(self.record.alarm)),
            _ => None,
        }
    }

    /// Where the bins of its distribution begin, the first at the smallest number.
    pub fn bins(&self) -> &'w [f64] {
        self.bins
    }

    /// The parameters that filter by it.
    pub fn filter(&self) -> Option<FilterParameters<'w>> {
        let min = self.text_if(self.record.filter)?;
        let end = self.text(self.record.filter_end);
        Some(match self.kind() {
            Kind::Flag | Kind::Choice => FilterParameters::Values(min),
            Kind::Whole => FilterParameters::Whole { min, max: end },
            Kind::Number | Kind::Money => FilterParameters::Number { min, below: end },
        })
    }

    /// Its values, without the one that says what it lacks.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Value<'w>> + Clone + use<'w> {
        let field = *self;
        (0..self.choices()).map(move |code| field.value_at(code))
    }

    /// How many values a choice or flag has, without the one that says what it lacks.
    pub fn choices(&self) -> usize {
        self.values.len() - usize::from(self.has(layout::WITHOUT))
    }

    /// How many codes there are; 0 for a number.
    pub fn codes(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn value_at(&self, code: usize) -> Value<'w> {
        Value {
            pool: self.pool,
            lists: self.lists,
            record: &self.values[code],
            code,
        }
    }

    /// The value with this code; none for a number or an unknown value.
    #[inline]
    pub fn value(&self, code: f64) -> Option<Value<'w>> {
        // NaN becomes 0, which the first condition excludes.
        let known = !code.is_nan() && (code as usize) < self.values.len();
        known.then(|| self.value_at(code as usize))
    }

    /// The code of the value that has this text as a spelling or, where names are accepted, as its name.
    pub(crate) fn code_of(&self, text: &str, accepts_names: bool) -> Option<usize> {
        self.values.iter().position(|value| {
            let spelled = value.spelled.of(self.lists).unwrap_or_default();
            (accepts_names && value.name.is(text, self.pool))
                || spelled.iter().any(|spelled| spelled.is(text, self.pool))
        })
    }

    /// What it is called where its needs do not hold, with the code for it.
    pub fn without(&self) -> Option<Value<'w>> {
        self.has(layout::WITHOUT)
            .then(|| self.value_at(self.values.len() - 1))
    }

    /// The code that it has where its needs do not hold.
    #[inline]
    pub fn absent_code(&self) -> f64 {
        match self.has(layout::WITHOUT) {
            true => (self.values.len() - 1) as f64,
            false => 0.0,
        }
    }

    /// The code of the value that stands for all that are not named.
    pub fn other(&self) -> Option<f64> {
        let known = (self.record.other as usize) < self.values.len();
        known.then(|| f64::from(self.record.other))
    }

    /// What other fields must be for it to be more than absent.
    #[inline]
    pub fn needs(&self) -> &'w [NeedRecord] {
        self.needs
    }

    /// What a code costs per period.
    pub fn price(&self, code: f64) -> f64 {
        let known = self
            .values
            .get(code as u32 as usize)
            .filter(|_| !code.is_nan());
        known.map_or(0.0, |value| value.price)
    }
}

/// What another field must be.
pub type Need = NeedRecord;

impl NeedRecord {
    /// The other field.
    #[inline]
    pub fn field(&self) -> usize {
        self.field as usize
    }

    /// Whether this code of the other field will do.
    #[inline]
    pub fn allows(&self, code: f64) -> bool {
        !code.is_nan() && in_set(&self.allowed, code)
    }
}

/// Whether a set of codes holds this one.
#[inline]
pub(crate) fn in_set(set: &[u64; 4], code: f64) -> bool {
    let code = code as u32 as usize;
    set.get(code / 64)
        .is_some_and(|bits| bits >> (code % 64) & 1 == 1)
}

/// Whether a set holds a code, and none from `codes` on.
pub(crate) fn in_whole_set(set: &[u64; 4], codes: usize) -> bool {
    let beyond = (codes..crate::MOST_VALUES).any(|code| in_set(set, code as f64));
    set.iter().any(|bits| *bits != 0) && !beyond
}

/// A value of a flag or a choice.
#[derive(Clone, Copy)]
pub struct Value<'w> {
    pool: &'w str,
    lists: &'w [Text],
    record: &'w ValueRecord,
    code: usize,
}

impl<'w> Value<'w> {
    #[inline]
    fn text(&self, text: Text) -> &'w str {
        text.get(self.pool).unwrap_or_default()
    }

    /// Its code.
    pub fn code(&self) -> usize {
        self.code
    }

    /// Its name: of a choice in JSON, of a flag `no` or `yes`.
    #[inline]
    pub fn name(&self) -> &'w str {
        self.text(self.record.name)
    }

    /// Its name for people.
    #[inline]
    pub fn label(&self) -> &'w str {
        self.text(self.record.label)
    }

    /// The value and its field in a few words.
    #[inline]
    pub fn words(&self) -> &'w str {
        self.text(self.record.words)
    }

    /// What it costs per period.
    pub fn price(&self) -> f64 {
        self.record.price
    }

    /// Further spellings under which it is accepted.
    pub fn spelled(&self) -> impl Iterator<Item = &'w str> + use<'w> {
        let value = *self;
        let spelled = value.record.spelled.of(value.lists).unwrap_or_default();
        spelled.iter().map(move |text| value.text(*text))
    }
}
