//! Which entries of a faulty schema can't be relied on: what refers to them is not refused, or one fault would be reported twice.

use crate::schema::Schema;
use std::collections::BTreeSet;

/// The entries that are at fault themselves.
#[derive(Clone, Debug, Default)]
pub struct Doubts {
    pub(super) fields: Entries,
    pub(super) personas: Entries,
    pub(super) stages: Entries,
    pub(super) experiments: Entries,
    pub(super) roles: bool,
}

/// Entries of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    names: BTreeSet<String>,
    /// Whether the names of some are not known: each name that is no other entry's may be theirs.
    unnamed: bool,
}

impl Entries {
    /// Adds an entry by its name, if that is known.
    pub(super) fn add(&mut self, name: Option<&str>) {
        match name {
            Some(name) => {
                self.names.insert(name.to_owned());
            }
            None => self.unnamed = true,
        }
    }

    /// Whether entries are missing of which nothing is known.
    pub(super) fn unnamed(&self) -> bool {
        self.unnamed
    }

    /// Whether the entry of a name is among them, or may be; `known` is whether some entry that was read has the name.
    pub(super) fn has(&self, name: &str, known: bool) -> bool {
        self.names.contains(name) || (self.unnamed && !known)
    }
}

impl Doubts {
    /// Of a schema of which nothing can be read.
    pub(super) fn everything() -> Self {
        let all = Entries {
            names: BTreeSet::new(),
            unnamed: true,
        };
        Self {
            fields: all.clone(),
            personas: all.clone(),
            stages: all.clone(),
            experiments: all,
            roles: true,
        }
    }

    /// Whether the field of this name is at fault, or may be.
    pub fn field(&self, schema: &Schema<'_>, name: &str) -> bool {
        self.fields.has(name, schema.find(name).is_some())
    }

    /// Whether the persona of this name is at fault, or may be.
    pub fn persona(&self, schema: &Schema<'_>, name: &str) -> bool {
        let known = schema.personas().any(|persona| persona.name == name);
        self.personas.has(name, known)
    }

    /// Whether the experiment of this name is at fault, or may be; without a name, whether any is.
    pub fn experiment(&self, schema: &Schema<'_>, name: Option<&str>) -> bool {
        let experiments = &self.experiments;
        name.map_or_else(
            || experiments.unnamed || !experiments.names.is_empty(),
            |name| {
                let known = schema
                    .experiments()
                    .any(|experiment| experiment.name() == name);
                experiments.has(name, known)
            },
        )
    }

    /// Whether some role, or the name of id or outcome, is at fault.
    pub fn roles(&self) -> bool {
        self.roles
    }

    /// Whether columns may belong to fields that could not be read.
    pub fn columns(&self) -> bool {
        self.fields.unnamed
    }
}
