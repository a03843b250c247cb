//! Reads a source file's tables key by key: each key that can't be read is reported, and none hides another.

use serde::de::DeserializeOwned;
use toml::de::DeTable;
use toml::{Table, Value};

/// Reads a TOML document.
///
/// # Errors
/// Everything that keeps it from being one: the first error of each line, as others follow from it.
pub fn document(text: &str) -> Result<Table, Vec<String>> {
    let (_, mut errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return toml::from_str(text).map_err(|error| vec![one_line(&error)]);
    }
    errors.dedup_by_key(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.as_bytes().iter().take(start);
        before.filter(|byte| **byte == b'\n').count()
    });
    Err(errors.iter().map(one_line).collect())
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim_end().replace('\n', ", ")
}

/// A table whose keys are taken one by one.
#[derive(Debug)]
pub struct Entry {
    name: String,
    table: Table,
    known: Vec<&'static str>,
    unread: Vec<&'static str>,
    /// Whether it is a table at all.
    is_table: bool,
    faults: Vec<String>,
}

impl Entry {
    /// An entry of this name.
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        let mut entry = Self {
            name: name.into(),
            table: Table::new(),
            known: Vec::new(),
            unread: Vec::new(),
            is_table: true,
            faults: Vec::new(),
        };
        match value {
            Value::Table(table) => entry.table = table,
            other => {
                entry.is_table = false;
                entry.fault(format_args!("must be a table, got {other}"));
            }
        }
        entry
    }

    /// The entries of a list of tables, named by their key `id`.
    pub fn list(list: &str, id: &str, value: Option<Value>) -> Result<Vec<Self>, String> {
        let written = match value {
            None => return Ok(Vec::new()),
            Some(Value::Array(written)) => written,
            Some(_) => return Err(format!("`{list}` must be a list of [[{list}]]")),
        };
        let entries = written.into_iter().enumerate();
        let named = |(position, entry): (usize, Value)| {
            let name = match entry.get(id).and_then(Value::as_str) {
                Some(name) => format!("{list} {name:?}"),
                None => format!("{list} number {}", position + 1),
            };
            Self::new(name, entry)
        };
        Ok(entries.map(named).collect())
    }

    /// Its name, as faults begin with it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn fault(&mut self, detail: impl std::fmt::Display) {
        self.faults.push(format!("{}: {detail}", self.name));
    }

    /// The value of a key; none where it is missing or, which is reported, can't be read.
    pub fn take<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        self.read(key, key, value)
    }

    /// The value of a key that must be there.
    pub fn require<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.missing(key);
        }
        self.take(key)
    }

    /// Reports a key that is missing.
    pub(crate) fn missing(&mut self, key: &'static str) {
        if self.is_table {
            self.unread.push(key);
            self.fault(format_args!("missing field `{key}`"));
        }
    }

    /// The elements of a key's list that can be read; each other is reported.
    pub fn take_list<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let values: Vec<Value> = self.take(key)?;
        let read = values
            .into_iter()
            .enumerate()
            .filter_map(|(index, value)| self.read(key, &format!("{key}[{index}]"), value));
        Some(read.collect())
    }

    /// The table of a key as an entry of its own.
    pub fn nested(&mut self, key: &'static str) -> Option<Self> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        Some(Self::new(format!("{}.{key}", self.name), value))
    }

    fn read<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        place: &str,
        value: Value,
    ) -> Option<T> {
        T::deserialize(value)
            .map_err(|error| {
                self.unread.push(key);
                self.fault(format_args!("`{place}`: {}", one_line(&error)));
            })
            .ok()
    }

    /// The keys that were not taken.
    pub fn take_others(&mut self) -> Table {
        std::mem::take(&mut self.table)
    }

    /// Reports the keys that were not taken, and returns what was not read.
    pub fn close(mut self, faults: &mut Vec<String>) -> Unread {
        for key in self.take_others().keys() {
            let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
            let known = known.join(", ");
            self.unread.push("");
            self.fault(format_args!(
                "unknown field `{key}`, expected one of {known}"
            ));
        }
        faults.append(&mut self.faults);
        Unread {
            keys: self.unread,
            all: !self.is_table,
        }
    }
}

/// What could not be read of an entry.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    /// Keys; an empty one stands for those that are unknown.
    keys: Vec<&'static str>,
    all: bool,
}

impl Unread {
    /// Whether a key is among it.
    pub fn has(&self, key: &str) -> bool {
        self.all || self.keys.contains(&key)
    }

    /// Whether any key but these is among it.
    pub fn has_any_but(&self, keys: &[&str]) -> bool {
        self.all || self.keys.iter().any(|key| !keys.contains(key))
    }
}
