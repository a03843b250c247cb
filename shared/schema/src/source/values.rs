//! The values of flags and choices, and the words for them.

use super::field::WrittenField;
use super::{Compiler, is_id, label_of, span};
use crate::MOST_VALUES;
use crate::field::Kind;
use crate::layout::{Span, ValueRecord};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a name, or a table with name, label, words, price, spelled, other"
)]
pub(super) enum WrittenValue {
    Name(String),
    Described(DescribedValue),
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribedValue {
    pub name: String,
    label: Option<String>,
    words: Option<String>,
    #[serde(default)]
    pub price: f64,
    #[serde(default)]
    spelled: Vec<String>,
    #[serde(default)]
    pub other: bool,
}

impl WrittenValue {
    pub fn described(self) -> DescribedValue {
        match self {
            Self::Described(value) => value,
            Self::Name(name) => DescribedValue {
                name,
                ..DescribedValue::default()
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a text with {value}, or for a flag the words for no and for yes"
)]
pub(super) enum WrittenWords {
    Template(String),
    Flag([String; 2]),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWithout {
    spelled: String,
    words: Option<String>,
}

/// No and yes of a flag.
fn no_and_yes(field: &WrittenField, phrase: &str) -> Vec<DescribedValue> {
    let words = match &field.words {
        Some(WrittenWords::Flag(words)) => words.clone(),
        _ => [format!("without {phrase}"), format!("with {phrase}")],
    };
    let names = [
        ("no", "No", 0.0),
        ("yes", "Yes", field.price.unwrap_or(0.0)),
    ];
    let values = names.into_iter().zip(words);
    let value = |((name, label, price), words): ((&str, &str, f64), String)| DescribedValue {
        name: name.to_owned(),
        label: Some(label.to_owned()),
        words: Some(words),
        price,
        ..DescribedValue::default()
    };
    values.map(value).collect()
}

impl Compiler {
    /// Checks and adds the values of a field: at least one of a flag or a choice, whatever is at fault.
    pub(super) fn values(&mut self, field: &WrittenField, kind: Kind, phrase: &str) -> Span {
        let entry = &field.entry;
        let mut described = match kind {
            Kind::Choice => field.values.clone(),
            Kind::Flag => no_and_yes(field, phrase),
            _ => Vec::new(),
        };
        if kind != Kind::Choice && !field.values.is_empty() {
            self.fault(
                entry,
                format_args!("`values` do not go with kind {:?}", kind.name()),
            );
        }
        if kind == Kind::Choice && described.is_empty() && !field.unread.has("values") {
            self.fault(entry, "a choice needs `values`");
        }
        if let (Some(without), Kind::Flag) = (&field.without, kind) {
            let words = without.words.clone();
            described.push(DescribedValue {
                name: without.spelled.clone(),
                words: Some(words.unwrap_or_else(|| format!("no {phrase}"))),
                ..DescribedValue::default()
            });
        }
        if described.len() > MOST_VALUES {
            self.fault(
                entry,
                format_args!(
                    "there are {} values; there may be {MOST_VALUES}",
                    described.len()
                ),
            );
        }
        self.spellings(entry, &described);
        if described.iter().filter(|value| value.other).count() > 1 {
            self.fault(entry, "only one value can stand for all others");
        }
        if kind == Kind::Choice && described.is_empty() {
            described.push(DescribedValue::default());
        }
        described.truncate(MOST_VALUES);
        let start = self.values.len();
        for value in described {
            let label = value.label.clone().unwrap_or_else(|| match kind {
                Kind::Choice if is_id(&value.name) => label_of(&value.name),
                _ => value.name.clone(),
            });
            let words = value
                .words
                .clone()
                .unwrap_or_else(|| format!("{phrase}: {}", value.name));
            let spelled = self.texts(value.spelled.iter().map(String::as_str));
            self.values.push(ValueRecord {
                price: value.price,
                name: self.pool.add(&value.name),
                label: self.pool.add(&label),
                words: self.pool.add(&words),
                spelled,
            });
        }
        span(start, self.values.len())
    }

    fn spellings(&mut self, entry: &str, described: &[DescribedValue]) {
        let mut known = BTreeSet::new();
        for value in described {
            for spelling in [&value.name].into_iter().chain(&value.spelled) {
                if spelling.trim() != spelling || spelling.is_empty() {
                    self.fault(
                        entry,
                        format_args!("the value {spelling:?} is empty or has blanks at an end"),
                    );
                }
                if !known.insert(spelling) {
                    self.fault(entry, format_args!("the value {spelling:?} is given twice"));
                }
            }
            if !value.price.is_finite() {
                self.fault(entry, "a `price` must be a number");
            }
            self.no_blank(
                entry,
                [
                    ("label", value.label.as_deref()),
                    ("words", value.words.as_deref()),
                ],
            );
        }
    }

    /// Checks that the words go with the kind.
    pub(super) fn words(&mut self, field: &WrittenField, numeric: bool) {
        let kind = field.kind.unwrap_or(Kind::Number);
        match &field.words {
            Some(WrittenWords::Template(template)) if numeric && !template.contains("{value}") => {
                self.fault(&field.entry, "`words` must contain {value}");
            }
            Some(WrittenWords::Template(_)) if numeric => {}
            Some(WrittenWords::Flag(_)) if kind == Kind::Flag => {}
            Some(_) => self.fault(
                &field.entry,
                format_args!("`words` do not fit kind {:?}", kind.name()),
            ),
            None => {}
        }
    }
}
