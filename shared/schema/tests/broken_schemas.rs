//! A random schema that is broken in several places: each fault is reported, and nothing else.

#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use proptest::sample::Index;
use schema::Schema;
use schema::testing::schemas;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// A fault as it is expected: the entry that it begins with, and what it says of it.
type Fault = (String, &'static str);

/// Draws, of which each decides one thing.
struct Draws<'d>(std::slice::Iter<'d, Index>);

impl Draws<'_> {
    fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |index| index.index(count))
    }
}

/// Whether a break is new at its place; two breaks of one place would hide each other.
fn is_new(broken: &mut BTreeSet<(String, &'static str)>, entry: &str, place: &'static str) -> bool {
    broken.insert((entry.to_owned(), place))
}

fn entries<'t>(document: &'t mut Table, list: &str) -> Vec<&'t mut Table> {
    let listed = document.get_mut(list).and_then(Value::as_array_mut);
    listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_table_mut)
        .collect()
}

fn texts(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|text| Value::from(*text)).collect())
}

/// Breaks what others rely on of a field; once per field, so that the faults are independent.
fn break_meaning(field: &mut Table, draws: &mut Draws<'_>) -> &'static str {
    let kind = field["kind"].as_str().unwrap().to_owned();
    let person = field["about"].as_str() == Some("person");
    match (kind.as_str(), draws.below(4)) {
        (_, 0) => {
            field.insert("kind".into(), "colour".into());
            "`kind`: unknown variant `colour`"
        }
        (_, 1) => {
            field.remove("about");
            "missing field `about`"
        }
        ("flag" | "choice", 2) => {
            field.insert("most".into(), 3.into());
            "`least` and `most` go with numbers only"
        }
        ("choice", _) => {
            let values = field
                .get_mut("values")
                .and_then(Value::as_array_mut)
                .unwrap();
            let mut again = Table::new();
            again.insert("name".into(), values[0]["name"].clone());
            values.push(Value::Table(again));
            "is given twice"
        }
        ("flag", _) => {
            field.insert("values".into(), texts(&["a"]));
            "`values` do not go with kind \"flag\""
        }
        (_, 2) if !person => {
            field.insert("change".into(), "any".into());
            "`change` goes with flags and choices only"
        }
        _ => {
            field.insert("least".into(), 9.into());
            field.insert("most".into(), 3.into());
            "are no range of this kind"
        }
    }
}

/// Breaks what is only shown of a field, or a key that it has not.
fn break_wording(field: &mut Table, draws: &mut Draws<'_>) -> (&'static str, &'static str) {
    match draws.below(4) {
        0 => {
            field.insert("colour".into(), 3.into());
            ("colour", "unknown field `colour`")
        }
        1 => {
            field.insert("help".into(), 3.into());
            ("help", "`help`: invalid type")
        }
        2 => {
            field.insert("unknown".into(), texts(&[]));
            ("unknown", "`unknown`: invalid type")
        }
        _ => {
            field.insert("list".into(), "yes".into());
            ("list", "`list`: invalid type")
        }
    }
}

fn break_field(
    document: &mut Table,
    draws: &mut Draws<'_>,
    broken: &mut BTreeSet<(String, &'static str)>,
) -> Option<Fault> {
    let mut fields = entries(document, "field");
    let position = draws.below(fields.len());
    let field = &mut fields[position];
    let entry = format!("field \"field_{position}\"");
    match draws.below(3) {
        0 if is_new(broken, &entry, "meaning") => Some((entry, break_meaning(field, draws))),
        1 => {
            let mut tried = (*field).clone();
            let (place, fault) = break_wording(&mut tried, draws);
            is_new(broken, &entry, place).then(|| {
                **field = tried;
                (entry, fault)
            })
        }
        // What a field without a kind needs is not read.
        2 if is_new(broken, &entry, "meaning")
            && matches!(field["kind"].as_str(), Some("flag" | "choice")) =>
        {
            let needs = field
                .entry("needs")
                .or_insert_with(|| Value::Table(Table::new()));
            needs.as_table_mut()?.insert("nothing".into(), true.into());
            Some((entry, "`needs`: unknown field `nothing`"))
        }
        _ => None,
    }
}

fn break_rule(
    document: &mut Table,
    draws: &mut Draws<'_>,
    broken: &mut BTreeSet<(String, &'static str)>,
) -> Option<Fault> {
    let list = ["persona", "stage"][draws.below(2)];
    let mut rules = entries(document, list);
    if rules.len() < 2 {
        return None;
    }
    let position = draws.below(rules.len());
    let last = position + 1 == rules.len();
    let name = match last {
        true => "others".to_owned(),
        false => format!("{list}-{position}"),
    };
    let entry = format!("{list} {name:?}");
    let place = ["key", "rule"][draws.below(2)];
    if !is_new(broken, &entry, place) {
        return None;
    }
    let rule = &mut rules[position];
    let mut nothing = Table::new();
    nothing.insert("nothing".into(), true.into());
    match (place, last) {
        ("key", _) => {
            rule.insert("colour".into(), 3.into());
            Some((entry, "unknown field `colour`"))
        }
        (_, true) => {
            rule.insert("description".into(), 3.into());
            Some((entry, "`description`: invalid type"))
        }
        (_, false) => {
            for key in ["when", "any", "at_least"] {
                rule.remove(key);
            }
            rule.insert("all".into(), Value::Array(vec![Value::Table(nothing)]));
            Some((entry, "`all`: unknown field `nothing`"))
        }
    }
}

/// Breaks something that is there once.
fn break_whole(
    document: &mut Table,
    draws: &mut Draws<'_>,
    broken: &mut BTreeSet<(String, &'static str)>,
) -> Option<Fault> {
    let places = [
        ("schema", "format", "`format` must be 1, got 2"),
        ("schema", "currency", "`currency` must be a code"),
        ("schema", "as_of", "`as_of`: invalid type"),
        ("schema", "name", "missing field `name`"),
        ("schema", "list", "`list`: \"nothing\" is no field"),
        (
            "schema",
            "distributions",
            "`distributions`: \"nothing\" is no field",
        ),
        ("schema", "colour", "unknown field `colour`"),
        (
            "roles",
            "tenure",
            "`tenure` must name a field of kind whole or number; \"nothing\" is no field",
        ),
        ("roles", "contactable", "`contactable`: invalid type"),
        ("roles.id", "colour", "unknown field `colour`"),
        (
            "risk",
            "will_churn",
            "`will_churn` must lie between 0 and 1",
        ),
        ("risk", "levels", "there must be 1 to 16 `levels`"),
        (
            "experiment",
            "arm",
            "`arm` must name a choice, got \"nothing\"",
        ),
        (
            "experiment",
            "segments",
            "the segment \"nothing\" is no flag or choice with a filter",
        ),
    ];
    let (entry, key, fault) = places[draws.below(places.len())];
    let value: Value = match key {
        "format" => 2.into(),
        "currency" => "usd".into(),
        "contactable" | "colour" => 3.into(),
        "list" | "distributions" | "segments" => texts(&["nothing"]),
        "will_churn" => 2.5.into(),
        "levels" => texts(&[]),
        _ => "nothing".into(),
    };
    let (table, entry) = match entry {
        "schema" => (document, entry.to_owned()),
        "experiment" => {
            let experiment = entries(document, "experiment").into_iter().next()?;
            (experiment, "experiment \"trial\"".to_owned())
        }
        "roles.id" => (
            document["roles"]["id"].as_table_mut().unwrap(),
            entry.to_owned(),
        ),
        name => {
            let table = document
                .entry(name)
                .or_insert_with(|| Value::Table(Table::new()));
            (table.as_table_mut().unwrap(), entry.to_owned())
        }
    };
    if !is_new(broken, &entry, key) {
        return None;
    }
    match (entry.as_str(), key) {
        ("schema", "name") => table.remove(key),
        _ => table.insert(key.to_owned(), value),
    };
    Some((entry, fault))
}

proptest! {
    #[test]
    fn every_fault_of_a_broken_schema_is_reported_once_and_nothing_else(
        text in schemas(), draws in prop::collection::vec(any::<Index>(), 60), count in 1..10usize,
    ) {
        let mut document: Table = toml::from_str(&text).unwrap();
        let mut draws = Draws(draws.iter());
        let mut broken = BTreeSet::new();
        let mut wanted: Vec<Fault> = Vec::new();
        for _ in 0..count {
            wanted.extend(match draws.below(4) {
                0 | 1 => break_field(&mut document, &mut draws, &mut broken),
                2 => break_rule(&mut document, &mut draws, &mut broken),
                _ => break_whole(&mut document, &mut draws, &mut broken),
            });
        }
        let text = toml::to_string(&document).unwrap();
        let draft = schema::source::draft(&text);
        for (entry, fault) in &wanted {
            let found = draft.faults.iter().filter(|found| found.starts_with(&format!("{entry}: ")) && found.contains(fault));
            prop_assert_eq!(found.count(), 1, "{}: {} among {:#?} of\n{}", entry, fault, draft.faults, text);
        }
        prop_assert_eq!(draft.faults.len(), wanted.len(), "{:#?} wanted {:#?} of\n{}", draft.faults, wanted, text);
        prop_assert!(Schema::open(&draft.bytes).is_ok());
        prop_assert_eq!(schema::source::compile(&text).is_ok(), wanted.is_empty());
    }

    #[test]
    fn a_field_without_a_name_is_the_only_fault(text in schemas(), field in any::<Index>()) {
        let mut document: Table = toml::from_str(&text).unwrap();
        let mut fields = entries(&mut document, "field");
        let position = field.index(fields.len());
        let name = fields[position].remove("name").unwrap();
        // What refers to it may be at fault, too, which is not known.
        prop_assert!(text.contains(name.as_str().unwrap()));
        let faults = schema::source::compile(&toml::to_string(&document).unwrap()).unwrap_err();
        prop_assert_eq!(faults, [format!("field number {}: missing field `name`", position + 1)]);
    }
}
