//! Golden reports: five customers who differ, as a person would read them. `UPDATE_GOLDEN=1` writes them anew.

#![allow(clippy::unwrap_used)]

use engagetrack::customer::{Contract, Internet};
use engagetrack::population::{self, Customer};
use engagetrack::summary::report;
use std::{env, fs};

/// The first customer, by id, of whom this holds.
fn first(holds: impl Fn(Customer) -> bool) -> Customer {
    population::all().find(|customer| holds(*customer)).unwrap()
}

#[test]
fn reports_are_as_they_were() {
    let late = |customer: Customer| {
        customer
            .profile()
            .behaviour
            .payment_delay
            .is_some_and(|days| days > 40)
    };
    let loyal = |customer: Customer| {
        customer.profile().contract == Contract::TwoYear && customer.profile().tenure_months > 70
    };
    let cases = [
        (
            "likely-to-leave",
            first(|customer| customer.probability() > 0.85),
        ),
        ("loyal", first(loyal)),
        (
            "no-internet",
            first(|customer| customer.profile().internet == Internet::None),
        ),
        (
            "never-billed",
            first(|customer| customer.profile().total_charges.is_none()),
        ),
        ("late-payer", first(late)),
    ];
    for (name, customer) in cases {
        let path = format!("{}/testdata/reports/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let written = report(customer);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &written).unwrap();
        }
        assert_eq!(written, fs::read_to_string(&path).unwrap(), "{name}");
    }
}
