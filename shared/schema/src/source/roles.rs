//! Roles: which fields play a part, and what id and outcome are called.

use super::Compiler;
use super::entry::{Entry, Unread};
use super::field::WrittenField;
use crate::field::Kind;
use crate::intake::CUSTOMER_ID;
use crate::layout::{self, NO_FIELD};
use toml::Value;

/// The roles as they are written.
pub(super) struct WrittenRoles {
    pub id: WrittenId,
    pub outcome: Option<WrittenOutcome>,
    tenure: Option<String>,
    recurring: Option<String>,
    lifetime: Option<String>,
    contactable: Option<String>,
    unread: Unread,
}

pub(super) struct WrittenId {
    pub name: String,
    pub columns: Vec<String>,
}

pub(super) struct WrittenOutcome {
    pub name: String,
    pub columns: Vec<String>,
    pub left: Vec<String>,
    pub stayed: Vec<String>,
}

/// The positions of the fields that play a part, or [`NO_FIELD`].
pub(super) struct Roles {
    pub tenure: u32,
    pub recurring: u32,
    pub lifetime: u32,
    pub contactable: u32,
}

impl WrittenRoles {
    pub fn read(value: Option<Value>, faults: &mut Vec<String>) -> Self {
        let missing = value.is_none();
        let mut entry = Entry::new(
            "roles",
            value.unwrap_or_else(|| Value::Table(<_>::default())),
        );
        let id = match entry.nested("id") {
            Some(id) => WrittenId::read(id, faults),
            None => {
                match missing {
                    true => faults.push("[roles] is missing".to_owned()),
                    false => entry.missing("id"),
                }
                WrittenId::usual()
            }
        };
        let outcome = entry.nested("outcome");
        Self {
            id,
            outcome: outcome.map(|outcome| WrittenOutcome::read(outcome, faults)),
            tenure: entry.take("tenure"),
            recurring: entry.take("recurring"),
            lifetime: entry.take("lifetime"),
            contactable: entry.take("contactable"),
            unread: entry.close(faults),
        }
    }
}

impl WrittenId {
    fn usual() -> Self {
        Self {
            name: CUSTOMER_ID.to_owned(),
            columns: Vec::new(),
        }
    }

    fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        let name = entry.take("name");
        let columns = entry.take_list("columns").unwrap_or_default();
        entry.close(faults);
        Self {
            name: name.unwrap_or_else(|| Self::usual().name),
            columns,
        }
    }
}

impl WrittenOutcome {
    fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        let name = entry.require("name");
        let mut list = |key| entry.take_list(key).unwrap_or_default();
        let (columns, left, stayed) = (list("columns"), list("left"), list("stayed"));
        entry.close(faults);
        Self {
            // Of a name that is missing nothing more is said.
            name: name.unwrap_or_else(|| "outcome".to_owned()),
            columns,
            left,
            stayed,
        }
    }
}

impl Compiler {
    /// The fields that play a part.
    pub(super) fn roles(&mut self, roles: &WrittenRoles, fields: &[WrittenField]) -> Roles {
        let numbers = [Kind::Whole, Kind::Number];
        let amounts = [Kind::Money, Kind::Number];
        let mut role = |key: &str, name: &Option<String>, kinds: &[Kind]| {
            self.role(key, name.as_deref(), kinds, fields)
        };
        let found = Roles {
            tenure: role("tenure", &roles.tenure, &numbers),
            recurring: role("recurring", &roles.recurring, &amounts),
            lifetime: role("lifetime", &roles.lifetime, &amounts),
            contactable: role("contactable", &roles.contactable, &[Kind::Flag]),
        };
        // A role that names no field of its kind has been refused already.
        let missing = |key: &str, role: &Option<String>| role.is_none() && !roles.unread.has(key);
        if missing("recurring", &roles.recurring) {
            let priced = self
                .fields
                .iter()
                .zip(fields)
                .filter(|(record, _)| record.bits & layout::PRICED != 0);
            let priced: Vec<&str> = priced.map(|(_, field)| field.name()).collect();
            if !priced.is_empty() {
                let detail = format!(
                    "{} have prices, and `recurring` names no field that they move",
                    priced.join(", ")
                );
                self.fault("roles", detail);
            }
        }
        if roles.lifetime.is_some()
            && (missing("recurring", &roles.recurring) || missing("tenure", &roles.tenure))
        {
            self.fault(
                "roles",
                "`lifetime` moves with `recurring` times `tenure`, so it needs both",
            );
        }
        found
    }

    fn role(
        &mut self,
        key: &str,
        name: Option<&str>,
        kinds: &[Kind],
        fields: &[WrittenField],
    ) -> u32 {
        let Some(name) = name else {
            return NO_FIELD;
        };
        let found = fields
            .iter()
            .position(|field| field.name.as_deref() == Some(name));
        let kind = found.and_then(|index| fields[index].kind);
        match (found, kind) {
            (Some(index), Some(kind)) if kinds.contains(&kind) => return index as u32,
            _ if self.doubts.fields.has(name, found.is_some()) => return NO_FIELD,
            _ => {}
        }
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let what = match found {
            Some(_) => "is of another kind",
            None => "is no field",
        };
        self.fault(
            "roles",
            format_args!(
                "`{key}` must name a field of kind {}; {name:?} {what}",
                wanted.join(" or "),
            ),
        );
        NO_FIELD
    }
}
