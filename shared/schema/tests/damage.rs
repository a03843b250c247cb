//! Damaged schemas, as texts and as bytes: no panic, and every fault is told.

#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use schema::testing::{Draws, schemas};
use schema::{Change, Condition, Schema};
use sections::AlignedBytes;

const TELCO: &str = include_str!("../../../data/schema.toml");

/// Calls what a request calls, of whatever was opened.
fn use_all(schema: &Schema<'_>) {
    let codes = |code: f64| std::iter::repeat_n(code, schema.len());
    let mut texts = vec![
        schema.title(),
        schema.note(),
        schema.currency_sign(),
        schema.id_name(),
    ];
    texts.extend(schema.left_spellings().chain(schema.distributions()));
    texts.extend(schema.list().map(|field| field.name()));
    for field in schema.fields() {
        texts.extend([
            field.name(),
            field.column(),
            field.label(),
            field.template(),
        ]);
        texts.extend(field.values().map(|value| value.words()));
        texts.extend(field.values().flat_map(|value| value.spelled()));
        let _ = (
            field.filter(),
            field.about(),
            field.change(),
            field.other(),
            field.without().map(|value| value.code()),
        );
        for code in [f64::NAN, 0.0, 1.0, 2.0, 300.0, -7.5] {
            texts.push(field.value(code).map_or("", |value| value.label()));
            let _ = (
                schema.words(field, code),
                schema.spoken(field, code),
                field.counted(code),
                field.price(code),
            );
            let _ = (
                field.clamped(code),
                field.alarm().map(|alarm| alarm.urgency(code)),
            );
        }
        assert_eq!(
            schema.named(field.name()).is_some(),
            schema.named(field.name()).is_some()
        );
    }
    for code in [f64::NAN, 0.0, 1.0, 2.0] {
        let mut faults = Vec::new();
        let admitted = schema.admit(codes(code).collect(), |_, fault| {
            faults.push(fault.to_string())
        });
        let codes: Vec<f64> = codes(code).collect();
        let _ = (
            schema.persona_of(&codes),
            schema.stage_of(&codes),
            schema.at_risk(&codes, 0.4),
            schema.level(0.4),
        );
        if let Some(profile) = admitted {
            assert!(serde_json::to_string(&schema.json(&profile)).is_ok());
            for field in 0..schema.len() {
                let change = Change::of([(field, 1.0)]);
                let _ = schema.apply(&profile, &change);
                let _ = schema.edit(&profile, &change);
                assert!(serde_json::to_string(&schema.change_json(&change)).is_ok());
            }
        }
    }
    for experiment in schema.experiments() {
        assert!(experiment.field() < schema.len());
        let _ = (experiment.arms().count(), experiment.segments().count());
    }
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() < 1 << 30);
}

fn opened(bytes: &[u8]) {
    let bytes = AlignedBytes::from(bytes);
    if let Ok(schema) = Schema::open(&bytes) {
        use_all(&schema);
    }
}

#[test]
fn schemas_with_any_byte_flipped_open_and_work_or_are_refused() {
    let bytes = schema::source::compile(TELCO).unwrap();
    opened(&bytes);
    let mut damaged = bytes.to_vec();
    for position in 0..damaged.len() {
        damaged[position] = !damaged[position];
        opened(&damaged);
        damaged[position] = !damaged[position];
    }
}

/// A valid text with some of its lines or values damaged.
fn broken(text: &str, edits: &[(prop::sample::Index, u8, prop::sample::Index)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (line, kind, other) in edits {
        if lines.is_empty() {
            break;
        }
        let line = line.index(lines.len());
        let other = other.index(lines.len());
        let replacement = match (kind % 8, lines[line].split_once(" = ")) {
            (0, _) => {
                lines.remove(line);
                continue;
            }
            (1, _) => {
                let copy = lines[line].clone();
                lines.insert(other, copy);
                continue;
            }
            (2, _) => {
                lines.swap(line, other);
                continue;
            }
            (_, None) => continue,
            (3, Some((key, _))) => format!("{key} = nan"),
            (4, Some((key, _))) => format!("{key} = \"\""),
            (5, Some((key, _))) => format!("{key} = []"),
            (6, Some((key, _))) => format!("{key} = -99999999999999999.5"),
            (_, Some((key, value))) => match lines[other].split_once(" = ") {
                Some((_, others)) => format!("{key} = {others}"),
                None => format!("{}x = {value}", key),
            },
        };
        lines[line] = replacement;
    }
    lines.join("\n")
}

/// Either faults in words, or a schema that works.
fn told(text: &str) {
    match schema::source::compile(text) {
        Ok(bytes) => use_all(&Schema::open(&bytes).unwrap()),
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(
                faults
                    .iter()
                    .all(|fault| !fault.trim().is_empty() && !fault.contains('\n')),
                "{faults:?}"
            );
        }
    }
}

type Edits = Vec<(prop::sample::Index, u8, prop::sample::Index)>;

proptest! {
    #[test]
    fn broken_schemas_are_refused_in_words(text in schemas(), edits in prop::collection::vec(any::<(prop::sample::Index, u8, prop::sample::Index)>(), 1..6)) {
        let edits: Edits = edits;
        told(&broken(&text, &edits));
        told(&broken(TELCO, &edits));
    }

    #[test]
    fn truncated_schemas_are_refused(text in schemas(), end in any::<prop::sample::Index>()) {
        let bytes = schema::source::compile(&text).unwrap();
        let truncated = AlignedBytes::from(&bytes[..end.index(bytes.len())]);
        prop_assert!(Schema::open(&truncated).is_err());
    }

    #[test]
    fn random_schemas_with_bytes_overwritten_open_and_work_or_are_refused(
        text in schemas(), writes in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)
    ) {
        let mut bytes = schema::source::compile(&text).unwrap().to_vec();
        for (position, byte) in writes {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        opened(&bytes);
    }

    #[test]
    fn a_fault_of_each_field_is_told(text in schemas()) {
        let broken = text.replace("\nmodel = ", "\nmodell = ");
        let fields = text.matches("[[field]]").count();
        let faults = schema::source::compile(&broken).unwrap_err();
        prop_assert_eq!(faults.iter().filter(|fault| fault.contains("modell")).count(), fields);
    }
}

#[test]
fn conditions_of_codes_admit_those_and_no_others() {
    let condition = Condition::among(3, [0, 255]);
    assert!(condition.admits(0.0) && condition.admits(255.0));
    assert!(!condition.admits(1.0) && !condition.admits(f64::NAN) && !condition.admits(256.0));
}

#[test]
fn draws_that_run_out_still_make_a_profile() {
    let bytes = schema::source::compile(TELCO).unwrap();
    let schema = Schema::open(&bytes).unwrap();
    assert_eq!(
        Draws::new(Vec::new()).profile(&schema).codes().len(),
        schema.len()
    );
}
