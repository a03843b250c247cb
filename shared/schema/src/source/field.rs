//! Fields: what each may hold, and what it is called.

use super::entry::{Entry, Unread};
use super::values::{DescribedValue, WrittenValue, WrittenWithout, WrittenWords};
use super::{Compiler, MOST_RULES, is_name, label_of, span};
use crate::field::{About, ChangePolicy, Kind};
use crate::intake::CUSTOMER_ID;
use crate::layout::{self, FieldRecord, NO_FIELD, Span};
use crate::text::Text;
use crate::words::{UNKNOWN, phrase_of};
use crate::{MOST_FIELDS, MOST_VALUES};
use serde::Deserialize;
use toml::Table;

/// The largest whole number that a field may hold unless the schema says otherwise.
const USUAL_MOST: f64 = 1e9;

/// Names that answers and queries use for other things.
pub(super) const RESERVED: [&str; 33] = [
    CUSTOMER_ID,
    "q",
    "sort",
    "limit",
    "cursor",
    "status",
    "moved",
    "missing",
    "persona",
    "stage",
    "risk_level",
    "percentile",
    "at_risk",
    "change",
    "model_changed",
    "probability",
    "experiment",
    "treatment",
    "campaign",
    "holdout",
    "contacts",
    "budget",
    "cost",
    "months",
    "success",
    "value",
    "target",
    "category",
    "rotate",
    "read",
    "rejects",
    "interactions",
    "max_points",
];

/// The keys of a field on which nothing else depends.
const WORDING: [&str; 7] = ["label", "words", "unit", "help", "unknown", "list", "alarm"];

/// A field as it is written.
#[derive(Default)]
pub(super) struct WrittenField {
    /// What faults call it.
    pub entry: String,
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub label: Option<String>,
    pub kind: Option<Kind>,
    pub values: Vec<DescribedValue>,
    pub words: Option<WrittenWords>,
    pub unit: Option<String>,
    pub help: Option<String>,
    pub unknown: Option<String>,
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub about: Option<About>,
    pub required: bool,
    pub model: bool,
    pub change: Option<ChangePolicy>,
    pub price: Option<f64>,
    pub filter: Option<WrittenFilter>,
    pub list: bool,
    pub needs: Table,
    pub without: Option<WrittenWithout>,
    pub alarm: Option<WrittenAlarm>,
    pub bins: Vec<f64>,
    pub unread: Unread,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "true, false, or the beginning of the parameters' names"
)]
pub(super) enum WrittenFilter {
    Flag(bool),
    Stem(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAlarm {
    above: Option<f64>,
    below: Option<f64>,
}

impl WrittenField {
    pub fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        let values = entry.take_list::<WrittenValue>("values");
        Self {
            entry: entry.name().to_owned(),
            name: entry.require("name"),
            columns: entry.take_list("columns").unwrap_or_default(),
            label: entry.take("label"),
            kind: entry.require("kind"),
            values: values
                .into_iter()
                .flatten()
                .map(WrittenValue::described)
                .collect(),
            words: entry.take("words"),
            unit: entry.take("unit"),
            help: entry.take("help"),
            unknown: entry.take("unknown"),
            least: entry.take("least"),
            most: entry.take("most"),
            about: entry.require("about"),
            required: entry.take("required").unwrap_or_default(),
            model: entry.take("model").unwrap_or(true),
            change: entry.take("change"),
            price: entry.take("price"),
            filter: entry.take("filter"),
            list: entry.take("list").unwrap_or_default(),
            needs: entry.take("needs").unwrap_or_default(),
            without: entry.take("without"),
            alarm: entry.take("alarm"),
            bins: entry.take("bins").unwrap_or_default(),
            unread: entry.close(faults),
        }
    }

    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Compiler {
    pub(super) fn fields(&mut self, fields: &mut Vec<WrittenField>) {
        if fields.len() > MOST_FIELDS {
            self.fault(
                "schema",
                format_args!(
                    "there are {} fields; there may be {MOST_FIELDS}",
                    fields.len()
                ),
            );
            for field in fields.drain(MOST_FIELDS..) {
                self.doubts.fields.add(field.name.as_deref());
            }
        }
        for field in fields {
            self.name_of(field);
            let before = self.faults.len();
            let record = match field.kind {
                Some(kind) => self.field(field, kind),
                // Nothing else of it can be judged.
                None => {
                    let unknown = WrittenField {
                        name: field.name.clone(),
                        ..WrittenField::default()
                    };
                    self.field(&unknown, Kind::Number)
                }
            };
            self.fields.push(record);
            let unsure = self.faults.len() > before || field.unread.has_any_but(&WORDING);
            if unsure || field.name.is_none() {
                self.doubts.fields.add(field.name.as_deref());
            }
            if field.kind.is_some() {
                self.wording(field);
            }
        }
    }

    fn name_of(&mut self, field: &WrittenField) {
        let Some(name) = &field.name else {
            return;
        };
        if !is_name(name) {
            self.fault(&field.entry, "`name` must be of lower-case letters, digits and underscores, and begin with a letter");
        }
        // What is wrong with the id's name is said where names are collected.
        if name != CUSTOMER_ID && RESERVED.contains(&name.as_str()) {
            self.fault(
                &field.entry,
                format_args!(
                    "the name is reserved; call it {name}_field and keep the column under `columns`"
                ),
            );
        }
    }

    /// Checks what others rely on, and makes a record that can be relied on where something is at fault.
    fn field(&mut self, field: &WrittenField, kind: Kind) -> FieldRecord {
        let entry = &field.entry;
        let label = field
            .label
            .clone()
            .unwrap_or_else(|| label_of(field.name()));
        let phrase = phrase_of(&label);
        let values = self.values(field, kind, &phrase);
        let numeric = !kind.is_named();
        let (least, most) = self.range(field, kind);
        for (key, given, fits) in [
            ("unit", field.unit.is_some(), numeric),
            ("bins", !field.bins.is_empty(), numeric),
            ("alarm", field.alarm.is_some(), numeric),
            ("without", field.without.is_some(), kind == Kind::Flag),
            ("price", field.price.is_some(), kind == Kind::Flag),
            ("needs", !field.needs.is_empty(), !numeric),
        ] {
            if given && !fits {
                self.fault(
                    entry,
                    format_args!("`{key}` does not go with kind {:?}", kind.name()),
                );
            }
        }
        if field.without.is_some() && field.needs.is_empty() && !field.unread.has("needs") {
            self.fault(entry, "`without` says what the field is where its `needs` do not hold, and there are none");
        }
        if field.bins.len() >= MOST_RULES {
            self.fault(
                entry,
                format_args!(
                    "there are {} bins; there may be {}",
                    field.bins.len(),
                    MOST_RULES - 1
                ),
            );
        }
        let change = field.change.unwrap_or(ChangePolicy::Never);
        if change != ChangePolicy::Never && numeric {
            self.fault(entry, "`change` goes with flags and choices only");
        }
        if change != ChangePolicy::Never && field.about == Some(About::Person) {
            self.fault(entry, "`change`: who a customer is can't be changed");
        }
        let bins = self.bins.len();
        self.bins.extend(&field.bins);
        let (alarm_kind, alarm) = match field.alarm {
            Some(WrittenAlarm {
                above: Some(above),
                below: None,
            }) => (1, above),
            Some(WrittenAlarm {
                above: None,
                below: Some(below),
            }) => (2, below),
            _ => (0, 0.0),
        };
        let (filter, filter_end) = self.filter(field, kind);
        let template = match &field.words {
            Some(WrittenWords::Template(template)) if numeric => template.clone(),
            Some(_) => String::new(),
            None => format!("{phrase}: {{value}}"),
        };
        let priced = field.price.is_some_and(|price| price != 0.0)
            || field.values.iter().any(|value| value.price != 0.0);
        let bits = [
            (field.required, layout::REQUIRED),
            (
                field.without.is_some() && kind == Kind::Flag,
                layout::WITHOUT,
            ),
            (priced, layout::PRICED),
            (field.list, layout::LISTED),
            (field.model, layout::MODEL),
        ];
        let other = field.values.iter().position(|value| value.other);
        let about = field.about.unwrap_or(About::Plan);
        FieldRecord {
            least,
            most,
            alarm,
            name: self.pool.add(field.name()),
            column: self
                .pool
                .add(field.columns.first().map_or(field.name(), String::as_str)),
            label: self.pool.add(&label),
            phrase: self.pool.add(&phrase),
            help: self.pool.add_if(field.help.as_deref()),
            unit: self.pool.add_if(field.unit.as_deref()),
            template: self.pool.add(&template),
            unknown: self.pool.add(field.unknown.as_deref().unwrap_or(UNKNOWN)),
            filter,
            filter_end,
            values,
            needs: Span::default(),
            bins: span(bins, self.bins.len()),
            kind: kind as u32,
            about: about as u32,
            change: change as u32,
            alarm_kind,
            bits: bits
                .into_iter()
                .filter(|(set, _)| *set)
                .fold(0, |bits, (_, bit)| bits | bit),
            other: other.map_or(NO_FIELD, |code| code as u32),
        }
    }

    fn range(&mut self, field: &WrittenField, kind: Kind) -> (f64, f64) {
        let (least, most) = match kind {
            Kind::Flag | Kind::Choice => (0.0, MOST_VALUES as f64),
            Kind::Whole | Kind::Money => (0.0, USUAL_MOST),
            Kind::Number => (-1e15, 1e15),
        };
        if kind.is_named() && (field.least.is_some() || field.most.is_some()) {
            self.fault(&field.entry, "`least` and `most` go with numbers only");
            return (least, most);
        }
        let usual = (least, most);
        let (least, most) = (field.least.unwrap_or(least), field.most.unwrap_or(most));
        let whole = kind != Kind::Whole || (least.fract() == 0.0 && most.fract() == 0.0);
        // Beyond these, a 64-bit float no longer tells neighbouring whole numbers apart.
        let within = -9e15 <= least && most <= 9e15;
        if field.unread.has("least") || field.unread.has("most") {
            return usual;
        }
        if !(least < most && whole && within) {
            self.fault(
                &field.entry,
                format_args!("`least` = {least} and `most` = {most} are no range of this kind"),
            );
            return usual;
        }
        (least, most)
    }

    /// Checks what is only shown, and where bins and the warning sign begin.
    fn wording(&mut self, field: &WrittenField) {
        let entry = &field.entry;
        let record = self.fields[self.fields.len() - 1];
        let numeric = record.values.length == 0;
        let (least, most) = (record.least, record.most);
        // A range that is at fault leaves nothing to compare with.
        let ranged = numeric
            && !field.unread.has("least")
            && !field.unread.has("most")
            && least == field.least.unwrap_or(least)
            && most == field.most.unwrap_or(most);
        let inside = |number: &f64| !ranged || (least..=most).contains(number);
        if numeric && (!field.bins.is_sorted_by(|a, b| a < b) || !field.bins.iter().all(inside)) {
            self.fault(
                entry,
                format_args!("`bins` must rise and lie between {least} and {most}"),
            );
        }
        if numeric && let Some(WrittenAlarm { above, below }) = &field.alarm {
            match (above, below) {
                (Some(alarm), None) | (None, Some(alarm)) if !inside(alarm) => self.fault(
                    entry,
                    format_args!("`alarm` must lie between {least} and {most}, got {alarm}"),
                ),
                (Some(_), None) | (None, Some(_)) => {}
                _ => self.fault(entry, "`alarm` must be { above = … } or { below = … }"),
            }
        }
        self.no_blank(
            entry,
            [
                ("label", field.label.as_deref()),
                ("help", field.help.as_deref()),
                ("unit", field.unit.as_deref()),
                ("unknown", field.unknown.as_deref()),
            ],
        );
        self.words(field, numeric);
    }

    fn filter(&mut self, field: &WrittenField, kind: Kind) -> (Text, Text) {
        let stem = match &field.filter {
            None | Some(WrittenFilter::Flag(false)) => return (Text::NONE, Text::NONE),
            Some(WrittenFilter::Flag(true)) => field.name(),
            Some(WrittenFilter::Stem(stem)) => stem,
        };
        let end = match kind {
            Kind::Flag | Kind::Choice => return (self.pool.add(stem), Text::NONE),
            Kind::Whole => "max",
            Kind::Number | Kind::Money => "below",
        };
        (
            self.pool.add(&format!("{stem}_min")),
            self.pool.add(&format!("{stem}_{end}")),
        )
    }
}
