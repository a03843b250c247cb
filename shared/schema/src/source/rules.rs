//! Personas and stages: the first whose rule holds.

use super::conditions::{condition, impersonal};
use super::entry::{Entry, Unread};
use super::{Compiler, MOST_RULES, is_id, label_of, span};
use crate::layout::{GroupRecord, PersonaRecord};
use crate::schema::Schema;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Table;

/// A persona or a stage as it is written.
pub(super) struct WrittenPersona {
    entry: String,
    name: Option<String>,
    label: Option<String>,
    description: String,
    when: Option<Table>,
    any: Option<Vec<Table>>,
    all: Option<Vec<Table>>,
    at_least: Option<WrittenAtLeast>,
    unread: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAtLeast {
    count: usize,
    of: Vec<Table>,
}

impl WrittenPersona {
    pub fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        Self {
            entry: entry.name().to_owned(),
            name: entry.require("name"),
            label: entry.take("label"),
            description: entry.take("description").unwrap_or_default(),
            when: entry.take("when"),
            any: entry.take("any"),
            all: entry.take("all"),
            at_least: entry.take("at_least"),
            unread: entry.close(faults),
        }
    }

    /// Whether it has a condition, be it one at fault.
    fn has_condition(&self) -> bool {
        let written = [self.when.is_some(), self.at_least.is_some()];
        let lists = [self.any.is_some(), self.all.is_some()];
        written.into_iter().chain(lists).any(|written| written)
    }

    /// Whether what could not be read may be a condition.
    fn may_have_condition(&self) -> bool {
        self.unread.has_any_but(&["name", "label", "description"])
    }
}

impl Compiler {
    pub(super) fn rules(
        &mut self,
        schema: &Schema<'_>,
        personas: &[WrittenPersona],
        stages: &[WrittenPersona],
    ) {
        for (kind, written) in [("persona", personas), ("stage", stages)] {
            let mut known = BTreeSet::new();
            if written.len() > MOST_RULES {
                self.fault(
                    "schema",
                    format_args!(
                        "there are {} entries [[{kind}]]; there may be {MOST_RULES}",
                        written.len()
                    ),
                );
            }
            for (index, persona) in written.iter().enumerate() {
                let entry = &persona.entry;
                if let Some(name) = &persona.name {
                    if !is_id(name) {
                        self.fault(
                            entry,
                            "`name` must be of lower-case letters, digits and dashes",
                        );
                    }
                    if !known.insert(name) {
                        self.fault(entry, "the name is used twice");
                    }
                }
                let groups = self.groups.len();
                self.rule(schema, persona);
                let groups = span(groups, self.groups.len());
                let last = index + 1 == written.len();
                match (last, persona.has_condition()) {
                    (true, true) => self.fault(
                        entry,
                        "the last one takes everybody who is left, so it must have no condition",
                    ),
                    (false, false) if !persona.may_have_condition() => self.fault(
                        entry,
                        "has no condition, so those after it are never reached",
                    ),
                    _ => {}
                }
                let name = persona.name.clone().unwrap_or_default();
                let label = persona.label.clone().unwrap_or_else(|| label_of(&name));
                let record = PersonaRecord {
                    name: self.pool.add(&name),
                    label: self.pool.add(&label),
                    description: self.pool.add(&persona.description),
                    groups,
                };
                self.personas.push(record);
                if persona.name.is_none() {
                    let doubts = &mut self.doubts;
                    match kind {
                        "persona" => doubts.personas.add(None),
                        _ => doubts.stages.add(None),
                    }
                }
            }
        }
    }

    fn rule(&mut self, schema: &Schema<'_>, persona: &WrittenPersona) {
        let entry = &persona.entry;
        if let Some(when) = &persona.when {
            self.group(schema, entry, "when", 1, std::slice::from_ref(when));
        }
        if let Some(any) = &persona.any {
            self.group(schema, entry, "any", 1, any);
        }
        if let Some(all) = &persona.all {
            self.group(schema, entry, "all", all.len(), all);
        }
        if let Some(at_least) = &persona.at_least {
            self.group(schema, entry, "at_least", at_least.count, &at_least.of);
        }
    }

    fn group(
        &mut self,
        schema: &Schema<'_>,
        entry: &str,
        key: &str,
        least: usize,
        tables: &[Table],
    ) {
        if !(1..=tables.len()).contains(&least) {
            self.fault(
                entry,
                format_args!("`{key}` asks for {least} of {} conditions", tables.len()),
            );
        }
        let start = self.conjunctions.len();
        for table in tables {
            let first = self.conditions.len();
            if table.is_empty() {
                self.fault(entry, format_args!("`{key}` has an empty condition"));
            }
            for (name, value) in table {
                if self.doubts.field(schema, name) {
                    continue;
                }
                let read = impersonal(schema, name).and_then(|()| condition(schema, name, value));
                match read {
                    Ok(condition) => self.conditions.push(condition),
                    Err(detail) => self.fault(entry, format_args!("`{key}`: {detail}")),
                }
            }
            self.conjunctions.push(span(first, self.conditions.len()));
        }
        self.groups.push(GroupRecord {
            least: least as u32,
            unused: 0,
            conjunctions: span(start, self.conjunctions.len()),
        });
    }
}
