//! Golden reports: five customers who differ, as a person would read them. `UPDATE_GOLDEN=1` writes them anew.

#![allow(clippy::unwrap_used)]

use engagetrack::summary::report;
use engagetrack::{View, embedded};
use serde_json::Value;
use std::{env, fs};

/// The position of the first customer, by id, whose profile is such.
fn first(view: &View<'_>, holds: impl Fn(&Value) -> bool) -> usize {
    let written =
        |customer: usize| serde_json::to_value(view.schema.json(&view.profile(customer))).unwrap();
    (0..view.customers.len())
        .find(|customer| holds(&written(*customer)))
        .unwrap()
}

#[test]
fn reports_are_as_they_were() {
    let live = embedded::live(embedded::whole());
    let view = live.view();
    let likely = |customer: &usize| view.customers.probability(*customer) > 0.85;
    let late = |profile: &Value| {
        profile["payment_delay"]
            .as_u64()
            .is_some_and(|days| days > 40)
    };
    let loyal = |profile: &Value| {
        profile["contract"] == "Two year" && profile["tenure_months"].as_u64() > Some(70)
    };
    let cases = [
        (
            "likely-to-leave",
            (0..view.customers.len()).find(likely).unwrap(),
        ),
        ("loyal", first(view, loyal)),
        (
            "no-internet",
            first(view, |profile| profile["internet_service"] == "No"),
        ),
        (
            "never-billed",
            first(view, |profile| profile["total_charges"].is_null()),
        ),
        ("late-payer", first(view, late)),
    ];
    for (name, customer) in cases {
        let path = format!("{}/testdata/reports/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let written = report(view, customer);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &written).unwrap();
        }
        assert_eq!(written, fs::read_to_string(&path).unwrap(), "{name}");
    }
}
