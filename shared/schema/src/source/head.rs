//! What is true of a business as a whole: its name, currency and date.

use super::entry::Entry;
use super::roles::{Roles, WrittenRoles};
use super::{Compiler, is_id, label_of};
use crate::layout::{Head, Span};
use toml::value::Datetime;

/// The version of the source that this compiler reads.
const FORMAT_VERSION: i64 = 1;

/// The top of the file as it is written.
pub(super) struct WrittenHead {
    format: Option<i64>,
    name: Option<String>,
    title: Option<String>,
    currency: String,
    as_of: Option<Datetime>,
    note: String,
    pub list: Option<Vec<String>>,
    pub distributions: Option<Vec<String>>,
}

impl WrittenHead {
    pub fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        let head = Self {
            format: entry.require("format"),
            name: entry.require("name"),
            title: entry.take("title"),
            currency: entry.take("currency").unwrap_or_else(|| "USD".to_owned()),
            as_of: entry.require("as_of"),
            note: entry.take("note").unwrap_or_default(),
            list: entry.take("list"),
            distributions: entry.take("distributions"),
        };
        entry.close(faults);
        head
    }
}

impl Compiler {
    pub(super) fn head(&mut self, head: &WrittenHead) {
        if let Some(format) = head.format
            && format != FORMAT_VERSION
        {
            self.fault(
                "schema",
                format_args!("`format` must be {FORMAT_VERSION}, got {format}"),
            );
        }
        if head.name.as_deref().is_some_and(|name| !is_id(name)) {
            self.fault(
                "schema",
                "`name` must be of lower-case letters, digits and dashes",
            );
        }
        if head.currency.len() != 3 || !head.currency.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            self.fault(
                "schema",
                "`currency` must be a code of ISO 4217, such as USD",
            );
        }
        if head
            .as_of
            .is_some_and(|as_of| as_of.date.is_none() || as_of.time.is_some())
        {
            self.fault("schema", "`as_of` must be a date, such as 2026-11-22");
        }
    }

    pub(super) fn head_record(
        &mut self,
        head: &WrittenHead,
        written: &WrittenRoles,
        roles: &Roles,
        will_churn: f64,
        alarms: u32,
    ) -> Head {
        let outcome = written.outcome.as_ref();
        let mut outcomes = |spellings: Option<&Vec<String>>| {
            self.texts(spellings.into_iter().flatten().map(String::as_str))
        };
        let left = outcomes(outcome.map(|outcome| &outcome.left));
        let stayed = outcomes(outcome.map(|outcome| &outcome.stayed));
        let name = head.name.as_deref().unwrap_or_default();
        let title = head.title.clone().unwrap_or_else(|| label_of(name));
        let as_of = head.as_of.map(|as_of| as_of.to_string());
        let id = &written.id;
        Head {
            will_churn,
            name: self.pool.add(name),
            title: self.pool.add(&title),
            currency: self.pool.add(&head.currency),
            currency_sign: self.pool.add(&sign_of(&head.currency)),
            as_of: self.pool.add(&as_of.unwrap_or_default()),
            note: self.pool.add(&head.note),
            id: self.pool.add(&id.name),
            id_column: self.pool.add(id.columns.first().unwrap_or(&id.name)),
            outcome: self
                .pool
                .add_if(outcome.map(|outcome| outcome.name.as_str())),
            left,
            stayed,
            tenure: roles.tenure,
            recurring: roles.recurring,
            lifetime: roles.lifetime,
            contactable: roles.contactable,
            alarms,
            personas: 0,
            list: Span::default(),
            distributions: Span::default(),
        }
    }
}

/// What goes before an amount of a currency.
fn sign_of(currency: &str) -> String {
    match currency {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        "INR" => "₹".to_owned(),
        other => format!("{other} "),
    }
}
