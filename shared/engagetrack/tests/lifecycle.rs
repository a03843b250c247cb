//! Personas and stages of the shipped customers.

#![allow(clippy::unwrap_used)]

use engagetrack::{Live, View, embedded};
use schema::Profile;
use serde_json::Value;
use std::sync::LazyLock;

static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::core()));

fn view() -> &'static View<'static> {
    LIVE.view()
}

fn profiles() -> impl Iterator<Item = Profile> {
    (0..view().customers.len()).map(|customer| view().profile(customer))
}

fn written(profile: &Profile) -> Value {
    serde_json::to_value(view().schema.json(profile)).unwrap()
}

fn read(profile: &Value) -> Profile {
    let json = serde_json::from_value(profile.clone()).unwrap();
    view().schema.submission(&json).unwrap().profile
}

#[test]
fn every_persona_and_stage_is_at_least_a_twentieth_of_the_population() {
    let schema = &view().schema;
    let mut personas = vec![0; schema.personas().len()];
    let mut stages = vec![0; schema.stages().len()];
    for (customer, profile) in profiles().enumerate() {
        let persona = schema.persona_of(profile.codes()).unwrap();
        let stage = schema.stage_of(profile.codes()).unwrap();
        // The columns hold what the rules say.
        let stored = [view().customers.personas(), view().customers.stages()];
        assert_eq!(
            stored.map(|column| usize::from(column[customer])),
            [persona, stage]
        );
        personas[persona] += 1;
        stages[stage] += 1;
    }
    assert_eq!((personas.len(), stages.len()), (7, 4));
    let named = schema.personas().chain(schema.stages());
    for (rule, count) in named.zip(personas.into_iter().chain(stages)) {
        let share = f64::from(count) / view().customers.len() as f64;
        assert!(share >= 0.05, "{}: {share}", rule.name);
    }
}

#[test]
fn who_a_customer_is_decides_neither_persona_nor_stage() {
    let schema = &view().schema;
    for profile in profiles() {
        let mut json = written(&profile);
        json["gender"] = match json["gender"].as_str() {
            Some("Female") => "Male".into(),
            _ => "Female".into(),
        };
        for flag in ["senior_citizen", "partner", "dependents"] {
            json[flag] = (!json[flag].as_bool().unwrap()).into();
        }
        let other = read(&json);
        assert_ne!(profile, other);
        let of = |profile: &Profile| {
            let codes = profile.codes();
            (schema.persona_of(codes), schema.stage_of(codes))
        };
        assert_eq!(of(&profile), of(&other));
    }
}

#[test]
fn stages_begin_at_their_months() {
    let schema = &view().schema;
    let mut json = written(&profiles().next().unwrap());
    let mut stage = |tenure_months: u32| {
        json["tenure_months"] = tenure_months.into();
        let position = schema.stage_of(read(&json).codes()).unwrap();
        schema.stages().nth(position).unwrap().name
    };
    assert_eq!(
        [0, 3, 4, 12, 13, 36, 37].map(&mut stage),
        [
            "onboarding",
            "onboarding",
            "adoption",
            "adoption",
            "growth",
            "growth",
            "mature"
        ]
    );
}
