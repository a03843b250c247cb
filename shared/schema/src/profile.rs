//! A customer's profile: one code per field.

use crate::field::Kind;
use crate::schema::Schema;
use serde::{Serialize, Serializer, ser::SerializeMap};
use smallvec::SmallVec;
use std::fmt;

/// The codes of many a business lie on the stack.
pub(crate) type Codes = SmallVec<[f64; 32]>;

/// What is known of a customer except who it is: the code of every field, NaN where it is not known.
///
/// Made only by [`Schema::admit`], [`Schema::apply`] and a workspace's own columns: every code fits its field, and what a field
/// needs is there.
#[derive(Clone)]
pub struct Profile(pub(crate) Codes);

impl Profile {
    /// The codes, in the order of the schema's fields; NaN where nothing is known.
    #[inline]
    pub fn codes(&self) -> &[f64] {
        &self.0
    }

    /// The code of one field.
    #[inline]
    pub fn code(&self, field: usize) -> f64 {
        self.0[field]
    }

    /// A profile of codes that [`Schema::admit`] accepted before, as a workspace's columns hold them.
    pub fn from_admitted(codes: impl IntoIterator<Item = f64>) -> Self {
        Self(codes.into_iter().collect())
    }
}

impl PartialEq for Profile {
    /// What is not known on both sides is equal.
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

fn same(one: &[f64], other: &[f64]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What keeps codes from being a profile.
#[derive(Clone, Copy, Debug)]
pub enum Fault<'w> {
    /// A required field is unknown.
    Required,
    /// The field is there, and what it needs is not.
    Needs {
        /// The schema.
        schema: &'w Schema<'w>,
        /// The field.
        field: usize,
        /// The position of the need that does not hold.
        need: usize,
        /// The code of the needed field.
        got: f64,
    },
    /// The field is said to be impossible, and what it needs is there.
    Possible {
        /// The schema.
        schema: &'w Schema<'w>,
        /// The field.
        field: usize,
        /// The needed field.
        needed: usize,
        /// Its code.
        got: f64,
    },
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Required => f.write_str("is required"),
            Self::Needs {
                schema,
                field,
                need,
                got,
            } => {
                let need = &schema.field(field).needs()[need];
                let needed = schema.field(need.field());
                let allowed = needed
                    .values()
                    .filter(|value| need.allows(value.code() as f64));
                let allowed: Vec<String> = allowed
                    .map(|value| schema.written(needed.index(), value.code() as f64))
                    .collect();
                let name = needed.name();
                let got = schema.written(needed.index(), got);
                write!(
                    f,
                    "needs {name} to be {}, and it is {got}",
                    allowed.join(" or ")
                )
            }
            Self::Possible {
                schema,
                field,
                needed,
                got,
            } => {
                let without = schema
                    .field(field)
                    .without()
                    .map_or("", |value| value.name());
                let name = schema.field(needed).name();
                write!(
                    f,
                    "is {without:?}, but {name} is {}",
                    schema.written(needed, got)
                )
            }
        }
    }
}

impl<'w> Schema<'w> {
    /// Makes a profile of codes, of which each fits its field or is NaN. A field whose needs do not hold gets the code that says
    /// so where it was not given.
    ///
    /// `refuse` is told of every fault with its field; a profile with any is none.
    pub fn admit<'s>(
        &'s self,
        mut codes: Codes,
        mut refuse: impl FnMut(usize, Fault<'s>),
    ) -> Option<Profile> {
        let mut sound = true;
        let mut refuse = |field: usize, fault: Fault<'s>| {
            sound = false;
            refuse(field, fault);
        };
        for (field, code) in codes.iter().enumerate() {
            if code.is_nan() && self.field(field).required() {
                refuse(field, Fault::Required);
            }
        }
        for &field in self.dependents() {
            let field = field as usize;
            let described = self.field(field);
            let absent = described.absent_code();
            match self.unmet(field, &codes) {
                Unmet::No(needed) if described.without().is_some() && codes[field] == absent => {
                    let got = codes[needed];
                    refuse(
                        field,
                        Fault::Possible {
                            schema: self,
                            field,
                            needed,
                            got,
                        },
                    );
                }
                // It has been refused already.
                Unmet::Yes(_) if codes[field].is_nan() && described.required() => {}
                Unmet::Yes(need) if codes[field] != absent && codes[field] > 0.0 => {
                    let got = codes[described.needs()[need].field()];
                    refuse(
                        field,
                        Fault::Needs {
                            schema: self,
                            field,
                            need,
                            got,
                        },
                    );
                }
                Unmet::Yes(_) => codes[field] = absent,
                Unmet::No(_) | Unmet::Unknown => {}
            }
        }
        // Adding 0 turns a negative zero into a plain one.
        codes.iter_mut().for_each(|code| *code += 0.0);
        sound.then_some(Profile(codes))
    }

    /// Whether one of a field's needs does not hold.
    #[inline]
    pub(crate) fn unmet(&self, field: usize, codes: &[f64]) -> Unmet {
        let needs = self.field(field).needs();
        let mut unknown = false;
        for (position, need) in needs.iter().enumerate() {
            let code = codes[need.field()];
            match code.is_nan() {
                true => unknown = true,
                false if !need.allows(code) => return Unmet::Yes(position),
                false => {}
            }
        }
        match unknown {
            true => Unmet::Unknown,
            false => Unmet::No(needs.first().map_or(field, |need| need.field())),
        }
    }

    /// A profile as JSON has it.
    pub fn json<'s>(&'s self, profile: &'s Profile) -> ProfileJson<'s> {
        ProfileJson {
            schema: self,
            codes: profile.codes(),
        }
    }

    /// The JSON of one field's code.
    pub fn json_value(&self, field: usize, code: f64) -> CodeJson<'_> {
        let field = self.field(field);
        match field.kind() {
            _ if code.is_nan() => CodeJson::Null,
            Kind::Flag => CodeJson::Flag(code == 1.0),
            Kind::Choice => CodeJson::Name(field.value(code).map_or("", |value| value.name())),
            Kind::Whole => CodeJson::Whole(code as i64),
            Kind::Number | Kind::Money => CodeJson::Number(code),
        }
    }

    /// A code as an error quotes it.
    pub(crate) fn written(&self, field: usize, code: f64) -> String {
        match self.json_value(field, code) {
            CodeJson::Null => "unknown".to_owned(),
            CodeJson::Flag(flag) => flag.to_string(),
            CodeJson::Name(name) => format!("{name:?}"),
            CodeJson::Whole(number) => number.to_string(),
            CodeJson::Number(number) => number.to_string(),
        }
    }
}

/// Whether what a field needs is missing.
pub(crate) enum Unmet {
    /// The need at this position does not hold.
    Yes(usize),
    /// All hold; the first is of this field.
    No(usize),
    /// Some needed field is unknown, and no other is in the way.
    Unknown,
}

/// A code in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CodeJson<'w> {
    /// Not known.
    Null,
    /// Of a flag.
    Flag(bool),
    /// Of a choice.
    Name(&'w str),
    /// A whole number.
    Whole(i64),
    /// A number or an amount.
    Number(f64),
}

/// A profile as JSON: an object of all fields.
#[derive(Clone, Copy)]
pub struct ProfileJson<'s> {
    schema: &'s Schema<'s>,
    codes: &'s [f64],
}

impl Serialize for ProfileJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.codes.len()))?;
        for (field, code) in self.schema.fields().zip(self.codes) {
            members.serialize_entry(field.name(), &self.schema.json_value(field.index(), *code))?;
        }
        members.end()
    }
}
