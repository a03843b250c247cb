//! The catalogue of nudges as the constants that the crate embeds.

use crate::catalogue::{Condition, Entry, Fact, Part, Template, Trial};
use crate::plan::Step;

/// The entries as a Rust expression, for the inside of this crate.
pub fn as_rust(entries: &[Entry]) -> String {
    slice(entries, |entry| {
        let Entry {
            id,
            category,
            title,
            otherwise,
            excluded,
            ..
        } = entry;
        format!(
            "crate::catalogue::Entry {{ id: {id:?}, category: crate::catalogue::Category::{category:?}, title: {title:?}, \
            otherwise: {otherwise}, excluded: {excluded}, trial: {}, conditions: {}, steps: {}, reasons: {}, messages: {}, \
            persona_messages: {}, variant_messages: {} }}",
            trial_as_rust(entry.trial),
            slice(entry.conditions, |Condition { field, test }| format!(
                "crate::catalogue::Condition {{ field: {field}, test: crate::catalogue::Test::{test:?} }}"
            )),
            slice(entry.steps, step_as_rust),
            templates(entry.reasons),
            templates(entry.messages),
            slice(entry.persona_messages, |(persona, texts)| format!(
                "(crate::customer::Persona::{persona:?}, {})",
                templates(texts)
            )),
            slice(entry.variant_messages, |(variant, texts)| format!(
                "(crate::customer::Variant::{variant:?}, {})",
                templates(texts)
            )),
        )
    })
}

fn trial_as_rust(trial: Option<Trial>) -> String {
    match trial {
        None => "None".to_owned(),
        Some(Trial { arm, offer }) => format!(
            "Some(crate::catalogue::Trial {{ arm: crate::customer::Variant::{arm:?}, offer: {offer:?} }})"
        ),
    }
}

fn step_as_rust(step: &Step) -> String {
    let inside = match step {
        Step::Contract(to) => format!("Contract(crate::customer::Contract::{to:?})"),
        Step::PaymentMethod(to) => format!("PaymentMethod(crate::customer::PaymentMethod::{to:?})"),
        Step::PaperlessBilling(to) => format!("PaperlessBilling({to})"),
        Step::AddOn(add_on, to) => format!("AddOn(crate::customer::AddOn::{add_on:?}, {to})"),
    };
    format!("crate::plan::Step::{inside}")
}

fn templates(templates: &[Template]) -> String {
    slice(templates, |template| {
        slice(template, |part| match part {
            Part::Text(text) => format!("crate::catalogue::Part::Text({text:?})"),
            Part::Gap(Fact::Field(field)) => {
                format!("crate::catalogue::Part::Gap(crate::catalogue::Fact::Field({field}))")
            }
            Part::Gap(fact) => {
                format!("crate::catalogue::Part::Gap(crate::catalogue::Fact::{fact:?})")
            }
        })
    })
}

fn slice<T>(items: &[T], as_rust: impl FnMut(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(as_rust).collect();
    format!("&[{}]", items.join(", "))
}
