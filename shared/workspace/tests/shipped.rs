//! The shipped workspace compiles, opens, and holds what its files say.

#![allow(clippy::unwrap_used)]

use workspace::compile::{Sources, compile};
use workspace::{Key, Parts, Workspace};

fn files() -> [Vec<u8>; 6] {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Sources::PATHS.map(|path| std::fs::read(root.join(path)).unwrap())
}

fn parts() -> Parts {
    let compiled = compile(&Sources::of(&files())).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    });
    assert_eq!(compiled.warnings, []);
    compiled.into_parts()
}

#[test]
fn customers_are_those_of_the_file() {
    let parts = parts();
    let workspace = Workspace::open(&parts).unwrap();
    let files = files();
    let mut reader = csv::Reader::from_reader(&*files[1]);
    let columns =
        schema::intake::Columns::from_header(&workspace.schema, reader.byte_headers().unwrap())
            .unwrap();
    let mut count = 0;
    for record in reader.byte_records() {
        let record = record.unwrap();
        let id = std::str::from_utf8(columns.id(&record).unwrap()).unwrap();
        let customer = workspace.customers.find(id).unwrap();
        assert_eq!(workspace.customers.id(customer), id);
        assert_eq!(
            workspace.profile(customer),
            columns.profile(&workspace.schema, &record).unwrap()
        );
        let left = workspace.customers.outcome(customer).left();
        assert_eq!(left, columns.outcome(&workspace.schema, &record).unwrap());
        count += 1;
    }
    assert_eq!(count, workspace.customers.len());
    for wrong in ["", "0000-AAAAA", "\0"] {
        assert_eq!(workspace.customers.find(wrong), None, "{wrong:?}");
    }
}

#[test]
fn stored_probabilities_are_the_models_and_percentiles_count_those_below() {
    let parts = parts();
    let workspace = Workspace::open(&parts).unwrap();
    let customers = &workspace.customers;
    for customer in 0..customers.len() {
        let live = workspace
            .model
            .probability(workspace.profile(customer).codes());
        assert_eq!(live, customers.probability(customer));
    }
    assert_eq!(
        (customers.percentile(0.0), customers.percentile(1.0)),
        (0.0, 100.0)
    );
    let probability = customers.probability(17);
    let below = customers
        .probabilities()
        .iter()
        .filter(|other| **other < probability)
        .count();
    assert_eq!(
        customers.percentile(probability),
        100.0 * below as f64 / customers.len() as f64
    );
}

#[test]
fn orders_rise_and_keep_equal_customers_by_id() {
    let parts = parts();
    let workspace = Workspace::open(&parts).unwrap();
    let orders = workspace.orders();
    let tenure = workspace.schema.roles().tenure.unwrap();
    let by = orders.by(Key::Field(tenure)).unwrap();
    let key = |customer: u32| {
        (
            workspace.customers.code(customer as usize, tenure),
            customer,
        )
    };
    assert!(by.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
    assert_eq!(by.len(), workspace.customers.len());
    assert!(orders.by(Key::Field(0)).is_none());
}
