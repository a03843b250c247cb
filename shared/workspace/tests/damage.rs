//! Random workspaces pass verification; damaged ones are refused, or are workspaces that answer.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sections::AlignedBytes;
use sections::testing::{contents, with_contents};
use std::hint::black_box;
use workspace::compile::{Sources, compile};
use workspace::testing::{Numbers, damaged, workspaces};
use workspace::{Movement, Part, Parts, Workspace};

fn compiled(files: &[Vec<u8>; 6]) -> Vec<(Part, AlignedBytes)> {
    compiled_after(files, None)
}

fn compiled_after(
    files: &[Vec<u8>; 6],
    previous: Option<&Workspace<'_>>,
) -> Vec<(Part, AlignedBytes)> {
    let compiled = compile(&Sources {
        previous,
        ..Sources::of(files)
    });
    let compiled = compiled.unwrap_or_else(|faults| {
        let files = files.iter().map(|file| String::from_utf8_lossy(file));
        panic!("{faults:?}\n{}", files.collect::<Vec<_>>().join("\n\n"))
    });
    compiled.parts
}

fn parts(compiled: &[(Part, AlignedBytes)]) -> Parts {
    let parts = compiled.iter();
    parts.fold(Parts::default(), |parts, (part, bytes)| {
        parts.with_read(*part, bytes.clone())
    })
}

/// What a request reads of every customer, of whatever was opened.
fn read_all(workspace: &Workspace<'_>) {
    let (schema, customers) = (&workspace.schema, &workspace.customers);
    for customer in 0..customers.len() {
        let profile = workspace.profile(customer);
        let again = schema.admit(profile.codes().into(), |field, fault| {
            panic!("{}: {fault}", schema.field(field).name())
        });
        assert_eq!(again, Some(profile.clone()));
        assert_eq!(customers.find(customers.id(customer)), Some(customer));
        let percentile = customers.percentile(customers.probability(customer));
        assert!((0.0..=100.0).contains(&percentile));
        let present = workspace.nudges.present(profile.codes());
        assert!(present != 0);
        for entry in workspace
            .nudges
            .entries()
            .filter(|entry| present >> entry.index() & 1 == 1)
        {
            let mut conditions = entry.conditions().iter();
            assert!(conditions.all(|condition| condition.holds(profile.codes())));
            assert!(entry.cost().is_none_or(|cost| cost >= 0.0));
            if let Some(measured) = entry.campaign_effect() {
                let [low, high] = measured.interval;
                assert!((low..=high).contains(&measured.effect) && measured.customers > 0);
                assert!(!measured.campaign.is_empty());
            }
            let persona = schema.persona_of(profile.codes());
            assert!(!entry.wordings(persona, profile.codes()).is_empty());
        }
        assert!((0.0..=1.0).contains(&workspace.model.probability(profile.codes())));
    }
    let Some(previous) = &workspace.previous else {
        return;
    };
    for customer in previous.by_change() {
        let former = previous.probability(*customer as usize);
        let moved = previous.movement(*customer as usize);
        assert_eq!(former.is_none(), moved == Movement::New);
    }
    let gone = previous.gone();
    for position in gone.ranked() {
        let position = *position as usize;
        assert!(gone.with_prefix(gone.id(position)).contains(&position));
        assert!((0.0..=1.0).contains(&gone.probability(position)));
        gone.outcome(position);
    }
    assert!(gone.len() <= previous.customers());
    // Texts may say anything.
    black_box((
        previous.as_of(),
        previous.model_version(),
        previous.workspace_version(),
    ));
}

fn numbers() -> impl Strategy<Value = Numbers> {
    prop::collection::vec(any::<u32>(), 40).prop_map(Numbers::new)
}

/// A program that asks for a part would find none in it.
#[test]
fn empty_parts_are_refused() {
    let mut runner = TestRunner::deterministic();
    let files = workspaces().new_tree(&mut runner).unwrap().current();
    let whole = compiled(&files);
    for part in Part::ALL {
        let parts = parts(&whole).with_read(part, AlignedBytes::from(&[][..]));
        let verified = Workspace::open(&parts).and_then(|workspace| workspace.verify());
        // Without bytes there is no previous workspace, as in every file of one without.
        assert_eq!(verified.is_err(), part != Part::Previous, "{part}");
    }
}

/// The section of the customers that holds all probabilities, rising.
const RANKED: usize = 10;

#[test]
fn ranked_probabilities_of_others_are_refused() {
    let mut runner = TestRunner::deterministic();
    let mut altered = 0;
    for _ in 0..20 {
        let files = workspaces().new_tree(&mut runner).unwrap().current();
        let whole = compiled(&files);
        let bytes = parts(&whole).get(Part::Customers).to_vec();
        let contents = contents(&AlignedBytes::from(bytes.as_slice())).unwrap();
        let ranked = contents[RANKED].as_chunks().0.iter();
        let ranked: Vec<f64> = ranked.copied().map(f64::from_le_bytes).collect();
        assert!(ranked.is_sorted());
        // One as high as the one before, so that they still rise and lie in the bands of others.
        for place in 1..ranked.len() {
            let mut others = ranked.clone();
            others[place] = ranked[place - 1];
            let mut contents = contents.clone();
            contents[RANKED] = others.iter().flat_map(|one| one.to_le_bytes()).collect();
            let damaged = AlignedBytes::from(with_contents(&bytes, &contents).as_slice());
            let parts = parts(&whole).with_read(Part::Customers, damaged);
            let verified = Workspace::open(&parts).and_then(|workspace| workspace.verify());
            assert_eq!(verified.is_ok(), others == ranked);
            altered += usize::from(others != ranked);
        }
    }
    assert!(altered > 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn random_workspaces_pass_verification(files in workspaces()) {
        let parts = parts(&compiled(&files));
        let workspace = Workspace::open(&parts).unwrap();
        prop_assert_eq!(workspace.verify(), Ok(()));
        read_all(&workspace);
    }

    #[test]
    fn damaged_workspaces_are_refused_or_can_be_read(files in workspaces(), others in workspaces(), draws in prop::collection::vec(numbers(), 20)) {
        let opened = [&files, &others].map(|files| parts(&compiled(files)));
        let [previous, other] = opened.each_ref().map(|parts| Workspace::open(parts).unwrap());
        // Each after the other, so that some customers are new and others gone.
        let [whole, other] = [(&files, &other), (&others, &previous)].map(|(files, previous)| compiled_after(files, Some(previous)));
        for mut numbers in draws {
            let (parts, _) = damaged(&whole, &other, &mut numbers);
            if let Ok(workspace) = Workspace::open(&parts)
                && workspace.verify().is_ok()
            {
                read_all(&workspace);
            }
        }
    }

    /// Bytes that keep their hashes are found by them.
    #[test]
    fn flipped_bits_are_found(files in workspaces(), others in workspaces(), place in any::<prop::sample::Index>(), bit in 0..8) {
        let previous = parts(&compiled(&others));
        let whole = compiled_after(&files, Some(&Workspace::open(&previous).unwrap()));
        for index in 0..whole.len() {
            let (part, bytes) = &whole[index];
            // It has no hash of its own: that of the file is checked where it is read.
            if *part == Part::Quality {
                continue;
            }
            let mut altered = bytes.to_vec();
            let place = place.index(altered.len());
            altered[place] ^= 1u8 << bit;
            let parts = parts(&whole).with_read(*part, AlignedBytes::from(altered.as_slice()));
            let verified = Workspace::open(&parts).and_then(|workspace| workspace.verify());
            prop_assert!(verified.is_err(), "{} {}", part, place);
        }
    }
}
