//! What holds of every schema, profile and change.

#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schema::intake::{Columns, Json, Submission};
use schema::testing::{Draws, schemas};
use schema::{Change, FieldErrors, Kind, Profile, Schema};
use sections::AlignedBytes;
use std::collections::BTreeSet;

fn compiled(text: &str) -> AlignedBytes {
    schema::source::compile(text).unwrap_or_else(|faults| panic!("{}\n{text}", faults.join("\n")))
}

fn draws() -> impl Strategy<Value = Draws> {
    prop::collection::vec(any::<u32>(), 100).prop_map(Draws::new)
}

/// That a profile is one: admitted unchanged, with everything that its fields need.
fn assert_legal(schema: &Schema<'_>, profile: &Profile) {
    let again = schema.admit(profile.codes().into(), |field, fault| {
        panic!("{} {fault} in {profile:?}", schema.field(field).name())
    });
    assert_eq!(again.as_ref(), Some(profile));
    for field in schema.fields() {
        let code = profile.code(field.index());
        assert!(code.to_bits() != (-0.0f64).to_bits());
        assert!(!(field.required() && code.is_nan()), "{field:?}");
        match field.kind() {
            _ if code.is_nan() => {}
            Kind::Flag | Kind::Choice => assert!(field.value(code).is_some(), "{field:?} {code}"),
            _ => assert!(field.range().contains(&code), "{field:?} {code}"),
        }
        let unmet = field.needs().iter().any(|need| {
            let needed = profile.code(need.field());
            !needed.is_nan() && !need.allows(needed)
        });
        if unmet {
            assert_eq!(code, field.absent_code(), "{field:?} without what it needs");
        }
        let known = field
            .needs()
            .iter()
            .all(|need| !profile.code(need.field()).is_nan());
        if field.without().is_some() && known && !unmet {
            assert_ne!(code, field.absent_code(), "{field:?} is possible");
        }
    }
}

fn read(schema: &Schema<'_>, json: &str) -> Result<Submission, FieldErrors> {
    let json: Json = serde_json::from_str(json).unwrap();
    schema.submission(&json)
}

/// As a CSV file spells a code.
fn cell(schema: &Schema<'_>, field: usize, code: f64) -> String {
    let field = schema.field(field);
    match field.kind() {
        _ if code.is_nan() => String::new(),
        Kind::Flag if field.without().is_none_or(|_| code != field.absent_code()) => {
            ["No", "Yes"][code as usize].to_owned()
        }
        Kind::Flag | Kind::Choice => field.value(code).unwrap().name().to_owned(),
        _ => code.to_string(),
    }
}

proptest! {
    #[test]
    fn profiles_stay_legal_under_every_sequence_of_changes(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let mut profile = draws.profile(&schema);
        assert_legal(&schema, &profile);
        for step in 0..8 {
            let change = draws.change(&schema);
            let next = match step % 2 {
                0 => schema.apply(&profile, &change),
                _ => schema.edit(&profile, &change).ok(),
            };
            let Some(next) = next else { continue };
            assert_legal(&schema, &next);
            let roles = schema.roles();
            // Charges that a change does not name follow from the price list, so it names them.
            let charges = [roles.recurring, roles.lifetime].into_iter().flatten();
            let charges: Vec<(usize, f64)> = charges.map(|field| (field, next.code(field))).collect();
            let between = Change::of(Change::between(&profile, &next).codes().chain(charges));
            prop_assert_eq!(schema.edit(&profile, &between).ok(), Some(next.clone()));
            for field in schema.fields().map(|field| field.index()) {
                let charged = [roles.recurring, roles.lifetime].contains(&Some(field));
                let code = change.code(field).filter(|_| !charged);
                // What gets back what it needs begins at its first value, whatever the change says of it.
                if let Some(code) = code.filter(|code| *code > 0.0) {
                    prop_assert_eq!(next.code(field), code);
                }
            }
            profile = next;
        }
    }

    #[test]
    fn codes_are_refused_or_become_a_legal_profile(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let codes = draws.codes(&schema);
        let mut faults = Vec::new();
        let admitted = schema.admit(codes, |field, fault| faults.push((field, fault.to_string())));
        prop_assert_eq!(admitted.is_some(), faults.is_empty());
        prop_assert!(faults.iter().all(|(field, fault)| *field < schema.len() && !fault.is_empty()));
        if let Some(profile) = admitted {
            assert_legal(&schema, &profile);
        }
    }

    #[test]
    fn profiles_round_trip_through_json_and_csv(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let profile = draws.profile(&schema);
        let mut json = serde_json::to_value(schema.json(&profile)).unwrap();
        // A flag that can't be is false there: what it needs says so.
        let known = |needed: usize| !profile.code(needed).is_nan();
        for field in schema.fields() {
            let absent = field.without().is_some() && profile.code(field.index()) == field.absent_code();
            if absent && !field.needs().iter().all(|need| known(need.field())) {
                json[field.name()] = field.without().unwrap().name().into();
            }
        }
        let sent = read(&schema, &json.to_string());
        prop_assert_eq!(sent.map(|sent| sent.profile), Ok(profile.clone()));

        let header: Vec<&[u8]> = schema.fields().map(|field| field.column().as_bytes()).collect();
        let columns = Columns::from_header(&schema, header).unwrap();
        let cells: Vec<String> = (0..schema.len()).map(|field| cell(&schema, field, profile.code(field))).collect();
        let record = csv::ByteRecord::from(cells);
        prop_assert_eq!(columns.profile(&schema, &record), Ok(profile));
    }

    #[test]
    fn changes_round_trip_through_json(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let change = draws.change(&schema);
        let json = serde_json::to_string(&schema.change_json(&change)).unwrap();
        let json: Json = serde_json::from_str(&json).unwrap();
        match schema.profile_change(&json) {
            Ok(read) => {
                let same = |(one, other): ((usize, f64), (usize, f64))| {
                    one.0 == other.0 && (one.1 == other.1 || (one.1.is_nan() && other.1.is_nan()))
                };
                prop_assert!(read.codes().len() == change.codes().len());
                prop_assert!(read.codes().zip(change.codes()).all(same), "{:?} {:?}", read, change);
            }
            // Two of its codes may contradict each other.
            Err(errors) => prop_assert!(errors.listed().iter().all(|error| error.detail.contains("takes away"))),
        }
    }

    #[test]
    fn values_that_are_not_listed_become_the_one_for_all_others(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let profile = draws.profile(&schema);
        for field in schema.fields().filter(|field| field.kind() == Kind::Choice) {
            let mut json = serde_json::to_value(schema.json(&profile)).unwrap();
            json[field.name()] = "never listed".into();
            let sent = read(&schema, &json.to_string());
            let is_refused = sent.as_ref().err().is_some_and(|errors| {
                let pointer = format!("/{}", field.name());
                errors.listed().iter().any(|error| error.pointer == pointer && error.detail.starts_with("must be one of"))
            });
            prop_assert_eq!(is_refused, field.other().is_none(), "{:?}", sent);
            if let (Ok(sent), Some(other)) = (sent, field.other()) {
                assert_legal(&schema, &sent.profile);
                prop_assert_eq!(sent.profile.code(field.index()), other);
            }
        }
    }

    #[test]
    fn words_are_never_empty(text in schemas(), mut draws in draws()) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let profile = draws.profile(&schema);
        let any = [f64::NAN, 0.0, 1.0, -1.0, 2.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
        for field in schema.fields() {
            let any = any.into_iter().filter(|_| !field.kind().is_named()).chain([f64::NAN]);
            let codes = (0..field.codes()).map(|code| code as f64);
            for code in any.chain(codes).chain([profile.code(field.index())]) {
                let words = [
                    field.display(code),
                    schema.spoken(field, code),
                    schema.words(field, code),
                    field.counted(code).into(),
                ];
                for word in words {
                    prop_assert!(!word.trim().is_empty(), "{:?} {}", field, code);
                    prop_assert!(!word.contains("{value}"), "{}", word);
                }
            }
            prop_assert!(!field.label().is_empty() && !field.phrase().is_empty() && !field.unknown().is_empty());
        }
        prop_assert_eq!(schema.persona_of(profile.codes()).is_some(), schema.personas().len() > 0);
        prop_assert_eq!(schema.stage_of(profile.codes()).is_some(), schema.stages().len() > 0);
    }
}

#[test]
fn random_schemas_and_profiles_have_all_that_the_properties_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let text = schemas().new_tree(&mut runner).unwrap().current();
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let profile = draws()
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .profile(&schema);
        for field in schema.fields() {
            let code = profile.code(field.index());
            let needs = |index: usize| !schema.field(index).needs().is_empty();
            let facts = [
                ("a value for all others", field.other().is_some()),
                ("a flag of three values", field.without().is_some()),
                (
                    "a flag that can't be",
                    field.without().is_some() && code == field.absent_code(),
                ),
                (
                    "a chain of needs",
                    field.needs().iter().any(|need| needs(need.field())),
                ),
                ("two needs", field.needs().len() > 1),
                ("a required field", field.required()),
                ("an unknown value", code.is_nan()),
                (
                    "a negative amount",
                    field.kind() == Kind::Money && code < 0.0,
                ),
                ("a price", field.priced()),
            ];
            seen.extend(
                facts
                    .into_iter()
                    .filter_map(|(fact, holds)| holds.then_some(fact)),
            );
        }
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}
