//! The shipped workspace, for the tests of this crate: its profiles as JSON has them, edited ones, and any that it admits.

use crate::{Live, View, embedded};
use proptest::prelude::*;
use schema::{Field, Kind, Profile};
use serde_json::Value;
use std::sync::LazyLock;

static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::whole()));

pub fn view() -> &'static View<'static> {
    LIVE.view()
}

/// The position of a field.
pub fn at(name: &str) -> usize {
    view().schema.find(name).unwrap().index()
}

/// The code of a value by its name.
pub fn code(field: &str, value: &str) -> f64 {
    let mut values = view().schema.find(field).unwrap().values();
    values.find(|one| one.name() == value).unwrap().code() as f64
}

/// Every customer's profile.
pub fn profiles() -> impl Iterator<Item = Profile> {
    (0..view().customers.len()).map(|customer| view().profile(customer))
}

pub fn written(profile: &Profile) -> Value {
    serde_json::to_value(view().schema.json(profile)).unwrap()
}

pub fn read(profile: &Value) -> Profile {
    let json = serde_json::from_str(&profile.to_string()).unwrap();
    view().schema.submission(&json).unwrap().profile
}

/// A profile with other values of some fields, as if it had been sent that way.
pub fn edited(profile: &Profile, edit: &Value) -> Profile {
    let mut json = written(profile);
    for (field, value) in edit.as_object().unwrap() {
        json[field] = value.clone();
    }
    read(&json)
}

/// The same customer as another person.
pub fn somebody_else(profile: &Profile) -> Profile {
    let mut json = written(profile);
    json["gender"] = match json["gender"].as_str() {
        Some("Female") => "Male".into(),
        _ => "Female".into(),
    };
    for flag in ["senior_citizen", "partner", "dependents"] {
        json[flag] = (!json[flag].as_bool().unwrap()).into();
    }
    read(&json)
}

fn any_code(field: Field<'static>) -> BoxedStrategy<f64> {
    let (least, most) = (*field.range().start(), *field.range().end());
    let known = match field.kind() {
        Kind::Flag | Kind::Choice => (0..field.choices()).prop_map(|code| code as f64).boxed(),
        Kind::Whole => (least as i64..=most as i64)
            .prop_map(|number| number as f64)
            .boxed(),
        Kind::Number | Kind::Money => (least..=most).boxed(),
    };
    match field.required() {
        true => known,
        false => prop_oneof![1 => Just(f64::NAN), 4 => known].boxed(),
    }
}

/// Any profile. Values that contradict each other are settled rather than rejected: most random ones do.
pub fn any_profile() -> impl Strategy<Value = Profile> {
    let fields: Vec<_> = view().schema.fields().map(any_code).collect();
    fields.prop_map(|mut codes| {
        for field in view().schema.fields() {
            let mut needs = field.needs().iter();
            if !needs.all(|need| need.allows(codes[need.field()])) {
                codes[field.index()] = field.absent_code();
            }
        }
        let refuse = |field, fault: schema::profile::Fault<'_>| panic!("{field}: {fault}");
        view()
            .schema
            .admit(codes.into_iter().collect(), refuse)
            .unwrap()
    })
}
