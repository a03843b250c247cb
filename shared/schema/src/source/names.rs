//! The names under which fields, id and outcome are accepted, and those of the parameters that filter.

use super::Compiler;
use super::field::{RESERVED, WrittenField};
use super::roles::WrittenRoles;
use crate::intake::CUSTOMER_ID;
use crate::layout::{FieldRecord, NAMES_ID, NAMES_OUTCOME, NameRecord};
use std::collections::{BTreeMap, BTreeSet};

impl Compiler {
    /// Every name under which something is accepted, and every parameter, once.
    pub(super) fn names(&mut self, roles: &WrittenRoles, fields: &[WrittenField]) {
        let mut known = BTreeMap::new();
        for (index, field) in fields.iter().enumerate() {
            if let Some(name) = &field.name
                && !self.add_name(&mut known, name, index as u32, &field.entry)
            {
                // Which of the two is meant is not known.
                self.doubts.fields.add(Some(name));
            }
        }
        for (index, field) in fields.iter().enumerate() {
            for column in &field.columns {
                self.add_name(&mut known, column, index as u32, &field.entry);
            }
        }
        let id = &roles.id;
        let outcome = roles.outcome.iter();
        let ids = [&id.name].into_iter().chain(&id.columns);
        let outcomes =
            outcome.flat_map(|outcome| [&outcome.name].into_iter().chain(&outcome.columns));
        for name in ids {
            self.add_name(&mut known, name, NAMES_ID, "roles.id");
        }
        for name in outcomes {
            self.add_name(&mut known, name, NAMES_OUTCOME, "roles.outcome");
        }
        self.parameters(fields);
        // BTreeMap iterates in the order in which `Schema::named` searches.
        for (name, field) in known {
            let text = self.pool.add(&name);
            self.names.push(NameRecord {
                text,
                field,
                unused: 0,
            });
        }
    }

    /// Adds a name unless something else has it, which it says.
    fn add_name(
        &mut self,
        known: &mut BTreeMap<String, u32>,
        name: &str,
        field: u32,
        entry: &str,
    ) -> bool {
        // The cells of a header are read without the blanks at their ends.
        if name.trim() != name || name.is_empty() {
            self.fault(
                entry,
                format_args!("the name {name:?} is empty or has blanks at an end"),
            );
        }
        if name == CUSTOMER_ID && field != NAMES_ID {
            self.fault(
                entry,
                format_args!(
                    "the name {name:?} is that of the customer's id in JSON; choose another"
                ),
            );
            return false;
        }
        let before = *known.entry(name.to_owned()).or_insert(field);
        let taken = before != field;
        if taken {
            self.fault(entry, format_args!("the name {name:?} is used twice"));
        }
        !taken
    }

    fn parameters(&mut self, fields: &[WrittenField]) {
        let mut faults = Vec::new();
        let pool = self.pool.as_str();
        let mut parameters: BTreeSet<&str> = RESERVED.into_iter().collect();
        for (index, (record, field)) in self.fields.iter().zip(fields).enumerate() {
            // The parameters of a name that is refused itself are those of another, too.
            let refused = field
                .name
                .as_deref()
                .is_none_or(|name| RESERVED.contains(&name))
                || fields[..index].iter().any(|other| other.name == field.name);
            for parameter in [record.filter, record.filter_end] {
                if let Some(parameter) = parameter.get(pool)
                    && !parameters.insert(parameter)
                    && !refused
                {
                    faults.push(format!(
                        "{}: the parameter {parameter:?} is used twice",
                        field.entry
                    ));
                }
            }
        }
        // A query would not tell a filter by one from a filter by the other.
        for (index, field) in fields.iter().enumerate() {
            let Some(name) = field.name.as_deref() else {
                continue;
            };
            let bounded = |other: &WrittenField, record: &FieldRecord| {
                let mut parameters = [record.filter, record.filter_end].into_iter();
                let mut bounds = ["_min", "_max", "_below"].into_iter();
                parameters.any(|parameter| parameter.get(pool) == Some(name))
                    || bounds.any(|bound| {
                        name.strip_suffix(bound)
                            .is_some_and(|stem| stem == other.name())
                    })
            };
            let mut others = fields.iter().zip(&self.fields).enumerate();
            if let Some((_, (other, _))) = others
                .find(|(position, (other, record))| *position != index && bounded(other, record))
            {
                faults.push(format!(
                    "{}: the name is that of a parameter of {:?}; call it {name}_field and keep the column under `columns`",
                    field.entry, other.name()
                ));
            }
        }
        self.faults.append(&mut faults);
    }
}
