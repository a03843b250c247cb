//! How the file of customers is read, where it does not say so itself.

use super::entry::Entry;
use toml::{Table, Value};

/// What `[customers]` says of the file of customers. It is for compiling and is not part of the compiled schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomersFile {
    /// The confirmed readings, as `key:value` pairs.
    pub read: String,
    /// At most this many of a hundred rows may be left out because they can't be read.
    pub tolerated_reject_percentage: f64,
}

impl CustomersFile {
    pub(super) fn read(value: Option<Value>, faults: &mut Vec<String>) -> Self {
        let table = value.unwrap_or_else(|| Value::Table(Table::new()));
        let mut entry = Entry::new("customers", table);
        let read = entry.take("read").unwrap_or_default();
        let percentage = entry
            .take::<f64>("tolerated_reject_percentage")
            .unwrap_or_default();
        entry.close(faults);
        if !(0.0..=100.0).contains(&percentage) {
            faults.push(
                "customers: `tolerated_reject_percentage` must be between 0 and 100".to_owned(),
            );
        }
        Self {
            read,
            tolerated_reject_percentage: percentage,
        }
    }
}
