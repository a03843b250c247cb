//! A change of plan: fields and the codes that they get.

use crate::error::{FieldError, FieldErrors};
use crate::field::{ChangePolicy, Field};
use crate::intake::{self, Json};
use crate::profile::{Fault, Profile, Unmet};
use crate::schema::{Named, Schema};
use serde::{Serialize, Serializer, ser::SerializeMap};
use smallvec::SmallVec;

/// What is altered: positions of fields, each once, and their new codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change(SmallVec<[(u16, f64); 8]>);

impl Change {
    /// A change of these fields to these codes. Of a field that is named twice, the first counts.
    pub fn of(codes: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let mut change = Self::default();
        for (field, code) in codes {
            if change.code(field).is_none() {
                change.0.push((field as u16, code));
            }
        }
        change
    }

    /// What has to be altered to get from one profile to another, in the order of the fields.
    pub fn between(from: &Profile, to: &Profile) -> Self {
        let codes = from.codes().iter().zip(to.codes()).enumerate();
        let altered = codes.filter(|(_, (from, to))| from != to && !(from.is_nan() && to.is_nan()));
        Self(
            altered
                .map(|(field, (_, to))| (field as u16, *to))
                .collect(),
        )
    }

    /// Whether nothing is altered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields and their new codes.
    pub fn codes(&self) -> impl ExactSizeIterator<Item = (usize, f64)> + Clone + '_ {
        self.0
            .iter()
            .map(|(field, code)| (usize::from(*field), *code))
    }

    /// The new code of a field, if it is altered.
    pub fn code(&self, field: usize) -> Option<f64> {
        self.codes()
            .find(|(other, _)| *other == field)
            .map(|(_, code)| code)
    }
}

/// How charges follow a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charges {
    /// By the price list.
    Repriced,
    /// As the change says, where it names them.
    AsGiven,
}

impl<'w> Schema<'w> {
    /// The profile after a change, re-priced; none where the change does not fit: something that it adds lacks what it needs, or
    /// the profile has it all already.
    ///
    /// What needs something that the change takes away goes with it, and what gets back what it needs begins at its first value.
    pub fn apply(&self, from: &Profile, change: &Change) -> Option<Profile> {
        let mut changed = from.clone();
        self.apply_into(from, change, &mut changed)
            .then_some(changed)
    }

    /// As [`Self::apply`], with a place for the profile after the change: many are changed faster where none is moved. Says whether
    /// the change fits; where it does not, `into` becomes `from`.
    pub fn apply_into(&self, from: &Profile, change: &Change, into: &mut Profile) -> bool {
        self.changed(from, change, into, Charges::Repriced, |_, _| {})
    }

    /// As [`Self::apply`], but charges that the change names are taken as they are, and a change of nothing gives the same profile.
    ///
    /// # Errors
    /// Each field that the change adds and that lacks what it needs.
    pub fn edit(&self, from: &Profile, change: &Change) -> Result<Profile, FieldErrors> {
        let mut errors = FieldErrors::default();
        let refuse = |field: usize, fault: Fault<'_>| errors.add(self.field(field).name(), fault);
        let mut changed = from.clone();
        self.changed(from, change, &mut changed, Charges::AsGiven, refuse);
        errors.unless_any(changed)
    }

    fn changed<'s>(
        &'s self,
        from: &Profile,
        change: &Change,
        into: &mut Profile,
        charges: Charges,
        mut refuse: impl FnMut(usize, Fault<'s>),
    ) -> bool {
        let mut sound = true;
        let from = from.codes();
        into.0.clear();
        into.0.extend_from_slice(from);
        let codes = into.0.as_mut_slice();
        for (field, code) in change.codes() {
            // Adding 0 turns a negative zero into a plain one, as in every admitted profile.
            codes[field] = code + 0.0;
        }
        // What a profile needs is there, so only a field that is needed or needs something upsets another.
        let entangled = change.codes().any(|(field, _)| self.is_entangled(field));
        let dependents = if entangled { self.dependents() } else { &[] };
        for &field in dependents {
            let field = field as usize;
            let absent = self.field(field).absent_code();
            let without = self.field(field).without().is_some();
            match self.unmet(field, codes) {
                Unmet::Yes(need) => {
                    let added = change.code(field);
                    if added.is_some_and(|code| code > 0.0 && code != absent) {
                        sound = false;
                        let got = codes[self.field(field).needs()[need].field()];
                        let fault = Fault::Needs {
                            schema: self,
                            field,
                            need,
                            got,
                        };
                        refuse(field, fault);
                    }
                    codes[field] = absent;
                }
                Unmet::No(_) if without && codes[field] == absent => codes[field] = 0.0,
                Unmet::No(_) | Unmet::Unknown => {}
            }
        }
        let (true, Some(difference)) = (sound, self.price_difference(from, codes)) else {
            codes.copy_from_slice(from);
            return false;
        };
        if difference != 0.0 {
            let amounts = self.amounts(from);
            for amount in [amounts.recurring, amounts.lifetime].into_iter().flatten() {
                let given = charges == Charges::AsGiven && change.code(amount.field).is_some();
                if !given {
                    codes[amount.field] = amount.after(difference);
                }
            }
        }
        true
    }

    /// By how much the price list says that a plan costs more than another, per period. None where the plans are the same.
    fn price_difference(&self, from: &[f64], to: &[f64]) -> Option<f64> {
        let mut difference = None;
        for (index, (from, to)) in from.iter().zip(to).enumerate() {
            if !same(*from, *to) {
                let field = self.field(index);
                *difference.get_or_insert(0.0) += field.price(*to) - field.price(*from);
            }
        }
        difference
    }

    /// The amounts of a customer with these codes that follow the price.
    pub fn amounts(&self, codes: &[f64]) -> Amounts {
        let roles = self.roles();
        let tenure = roles.tenure.map_or(f64::NAN, |field| codes[field]);
        let amount = |field: Option<usize>, weight: f64| {
            let field = field?;
            let range = self.field(field).range();
            let known = Some(codes[field]).filter(|amount| !amount.is_nan())?;
            Some(Amount {
                field,
                known,
                weight,
                least: *range.start(),
                most: *range.end(),
            })
        };
        Amounts {
            recurring: amount(roles.recurring, 1.0),
            lifetime: amount(roles.lifetime, if tenure.is_nan() { 0.0 } else { tenure }),
        }
    }

    /// Reads a change of the plan of a cohort from a JSON object; a null changes nothing. Charges follow from the price list.
    ///
    /// # Errors
    /// All that is wrong with it: fields that are unknown or can't be changed, values that are not allowed, values that contradict
    /// each other, no change at all.
    pub fn cohort_change(&self, json: &Json) -> Result<Change, FieldErrors> {
        let names = || {
            let names: Vec<&str> = self.changeable().map(|field| field.name()).collect();
            names.join(", ")
        };
        let nothing = || {
            FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: format!("must be an object that changes at least one of {}", names()),
            })
        };
        let Json::Object(members) = json else {
            return Err(nothing());
        };
        let mut errors = FieldErrors::default();
        let roles = self.roles();
        let changeable = |field: &Field<'_>| field.change() != ChangePolicy::Never;
        let change = self.read_change(members, &mut errors, |field| match changeable(&field) {
            true => Ok(()),
            false if [roles.recurring, roles.lifetime].contains(&Some(field.index())) => {
                Err("follows from the price list for each customer; leave it out".to_owned())
            }
            false => Err(format!(
                "can't be changed; the fields that can are {}",
                names()
            )),
        });
        let change = Change(
            change
                .0
                .into_iter()
                .filter(|(_, code)| !code.is_nan())
                .collect(),
        );
        self.contradictions(&change, &mut errors);
        match change.is_empty() {
            _ if !errors.is_empty() => Err(errors),
            true => Err(nothing()),
            false => Ok(change),
        }
    }

    /// Reads a change of any fields of a profile from a JSON object; a null makes a field unknown, where it may be.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn profile_change(&self, json: &Json) -> Result<Change, FieldErrors> {
        let Json::Object(members) = json else {
            return Err(FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: "must be an object of fields and their new values".to_owned(),
            }));
        };
        let mut errors = FieldErrors::default();
        let change = self.read_change(members, &mut errors, |_| Ok(()));
        for (field, code) in change.codes() {
            if code.is_nan() && self.field(field).required() {
                errors.add(self.field(field).name(), "is required");
            }
        }
        self.contradictions(&change, &mut errors);
        errors.unless_any(change)
    }

    fn read_change(
        &self,
        members: &[(String, Json)],
        errors: &mut FieldErrors,
        allowed: impl Fn(Field<'w>) -> Result<(), String>,
    ) -> Change {
        let mut change = Change::default();
        for (index, (name, value)) in members.iter().enumerate() {
            if members[..index].iter().any(|(before, _)| before == name) {
                errors.push(intake::given_twice(name, name));
                continue;
            }
            let Some(Named::Field(position)) = self.named(name) else {
                let detail = allowed_names(self, &allowed);
                errors.add(
                    name,
                    format_args!("is not a field; expected one of {detail}"),
                );
                continue;
            };
            let field = self.field(position);
            if let Err(detail) = allowed(field) {
                errors.add(name, detail);
                continue;
            }
            match intake::json_code(field, value) {
                Ok(code) if field.without().is_some() && code == field.absent_code() => {
                    errors.add(name, "must be true or false");
                }
                Ok(_) if change.code(position).is_some() => {
                    errors.push(intake::given_twice(name, field.name()))
                }
                Ok(code) => change.0.push((position as u16, code)),
                Err(unfit) => errors.add(name, unfit),
            }
        }
        change
    }

    /// What is added by the same change that takes away what it needs.
    fn contradictions(&self, change: &Change, errors: &mut FieldErrors) {
        for (position, code) in change.codes() {
            let field = self.field(position);
            let needs = field.needs().iter();
            let gone = needs
                .filter(|need| {
                    change
                        .code(need.field())
                        .is_some_and(|code| !code.is_nan() && !need.allows(code))
                })
                .map(|need| self.field(need.field()).name())
                .next();
            if let Some(needed) = gone
                && code > 0.0
            {
                let detail = format!("needs something of {needed} that the same change takes away");
                errors.push(FieldError::new(field.name(), detail));
            }
        }
    }

    /// A change as JSON has it.
    pub fn change_json<'s>(&'s self, change: &'s Change) -> ChangeJson<'s> {
        ChangeJson {
            schema: self,
            change,
        }
    }
}

fn allowed_names<'w>(
    schema: &Schema<'w>,
    allowed: &impl Fn(Field<'w>) -> Result<(), String>,
) -> String {
    let names: Vec<&str> = schema
        .fields()
        .filter(|field| allowed(*field).is_ok())
        .map(|field| field.name())
        .collect();
    names.join(", ")
}

fn same(one: f64, other: f64) -> bool {
    one == other || (one.is_nan() && other.is_nan())
}

/// The amounts that follow the price: none where the schema has no such role, or the customer's amount is not known.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// What the customer pays per period.
    pub recurring: Option<Amount>,
    /// It moves by the price times the tenure, as if the customer had always paid the new price.
    pub lifetime: Option<Amount>,
}

/// An amount that follows the price.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// The field that holds it.
    pub field: usize,
    known: f64,
    weight: f64,
    least: f64,
    most: f64,
}

impl Amount {
    /// The amount after the price moved by this, within its range.
    #[inline]
    pub fn after(&self, difference: f64) -> f64 {
        // Adding 0 turns a negative zero into a plain one.
        (self.known + self.weight * difference).clamp(self.least, self.most) + 0.0
    }
}

/// A change as JSON: an object of what is altered.
#[derive(Clone, Copy)]
pub struct ChangeJson<'s> {
    schema: &'s Schema<'s>,
    change: &'s Change,
}

impl Serialize for ChangeJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.change.0.len()))?;
        for (field, code) in self.change.codes() {
            members.serialize_entry(
                self.schema.field(field).name(),
                &self.schema.json_value(field, code),
            )?;
        }
        members.end()
    }
}
