//! The shipped workspace and each of the examples compiles, opens, and holds what its files say.

#![allow(clippy::unwrap_used)]

use schema::intake::{Columns, json_code};
use schema::{Field, FieldErrors};
use std::fs;
use std::path::{Path, PathBuf};
use workspace::compile::{Sources, compile_folder};
use workspace::nudges::{Catalogue, Set};
use workspace::{Key, Part, Parts, Workspace};

/// The repository's own workspace, and those of the examples.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(root.join("examples")).map_or_else(
        |_| Vec::new(),
        |entries| entries.map(|entry| entry.unwrap().path()).collect(),
    );
    let is_workspace = |folder: &PathBuf| folder.join(Sources::PATHS[0]).is_file();
    [root]
        .into_iter()
        .chain(examples.into_iter().filter(is_workspace))
        .collect()
}

fn compiled(folder: &Path) -> Parts {
    let compiled = compile_folder(folder).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}: {}", folder.display(), faults.join("\n"))
    });
    assert_eq!(compiled.warnings, [], "{}", folder.display());
    compiled.into_parts()
}

/// Each folder, with what its files compile to.
fn workspaces() -> impl Iterator<Item = (PathBuf, Parts)> {
    folders().into_iter().map(|folder| {
        let parts = compiled(&folder);
        (folder, parts)
    })
}

#[test]
fn customers_are_those_of_the_file() {
    for (folder, parts) in workspaces() {
        let workspace = Workspace::open(&parts).unwrap();
        let mut reader = csv::Reader::from_path(folder.join(Sources::PATHS[1])).unwrap();
        let columns =
            Columns::from_header(&workspace.schema, reader.byte_headers().unwrap()).unwrap();
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
}

#[test]
fn stored_probabilities_are_the_models_and_percentiles_count_those_below() {
    for (_, parts) in workspaces() {
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
}

#[test]
fn orders_rise_with_unknown_ones_last_and_keep_equal_customers_by_id() {
    for (_, parts) in workspaces() {
        let workspace = Workspace::open(&parts).unwrap();
        let orders = workspace.orders();
        for field in workspace.schema.fields() {
            let sorted = orders.by(Key::Field(field.index()));
            let listed = workspace
                .schema
                .list()
                .any(|listed| listed.index() == field.index());
            assert_eq!(
                sorted.is_some(),
                listed && !field.kind().is_named(),
                "{}",
                field.name()
            );
            let Some(sorted) = sorted else { continue };
            let rises = |one: u32, next: u32| {
                let [a, b] = [one, next]
                    .map(|customer| workspace.customers.code(customer as usize, field.index()));
                a < b
                    || (b.is_nan() && !a.is_nan())
                    || ((a == b || a.is_nan() && b.is_nan()) && one < next)
            };
            assert!(
                sorted.windows(2).all(|pair| rises(pair[0], pair[1])),
                "{}",
                field.name()
            );
            assert_eq!(sorted.len(), workspace.customers.len());
        }
    }
}

#[test]
fn nudges_are_those_whose_conditions_hold() {
    for (_, parts) in workspaces() {
        let workspace = Workspace::open(&parts).unwrap();
        let (schema, catalogue) = (&workspace.schema, &workspace.nudges);
        let conditions = || catalogue.entries().flat_map(|entry| entry.conditions());
        // Around every bound, and all that a flag or choice can be; each customer is tried with each.
        let mut tried = 0;
        for (customer, field) in (0..500).flat_map(|customer| {
            let asked = conditions().map(|condition| condition.field());
            asked.map(move |field| (customer, schema.field(field)))
        }) {
            let mut codes: Vec<f64> = workspace.profile(customer).codes().to_vec();
            let bounds = conditions().filter(|condition| condition.field() == field.index());
            let numbers = bounds.flat_map(|condition| {
                let around = |bound: f64| [bound.floor() - 1.0, bound.floor(), bound.floor() + 1.0];
                condition.bounds().into_iter().flat_map(around)
            });
            let candidates: Vec<f64> = match field.codes() {
                0 => numbers.chain([f64::NAN]).collect(),
                codes => (0..codes)
                    .map(|code| code as f64)
                    .chain([f64::NAN])
                    .collect(),
            };
            for code in candidates {
                if code.is_nan() || field.codes() > 0 || field.range().contains(&code) {
                    codes[field.index()] = code;
                    assert_eq!(
                        catalogue.present(&codes),
                        present(catalogue, &codes),
                        "{} is {code}",
                        field.name()
                    );
                    tried += 1;
                }
            }
        }
        assert!(tried > 10_000, "{tried}");
    }
}

/// The entries that a customer with these codes gets, condition by condition.
fn present(catalogue: &Catalogue<'_>, codes: &[f64]) -> Set {
    let (mut present, mut excluded, mut otherwise) = (0, 0, 0);
    for entry in catalogue.entries() {
        let bit: Set = 1 << entry.index();
        if entry.otherwise() {
            otherwise = bit;
            continue;
        }
        let mut conditions = entry.conditions().iter();
        if excluded & bit == 0 && conditions.all(|condition| condition.holds(codes)) {
            present |= bit;
            excluded |= entry.excluded();
        }
    }
    if present == 0 { otherwise } else { present }
}

#[test]
fn cells_mean_in_a_table_what_they_mean_in_json() {
    for (_, parts) in workspaces() {
        let schema = Workspace::open(&parts).unwrap().schema;
        let common = [
            "", " ", "Yes", "No", "yes", "0", "1", "true", "false", "-1", "2", " No ", "x",
        ];
        let good = |field: Field<'_>| match field.codes() {
            0 => field.range().start().to_string(),
            _ => field.value(0.0).unwrap().name().to_owned(),
        };
        for field in schema.fields() {
            let values = (0..field.codes()).filter_map(|code| field.value(code as f64));
            let texts =
                values.flat_map(|value| value.spelled().chain([value.name(), value.label()]));
            for text in texts.chain(common) {
                let json = serde_json::to_string(text).unwrap();
                let json = serde_json::from_str(&json).unwrap();
                let wanted = json_code(field, &json).map_err(|unfit| unfit.to_string());
                let mut errors = FieldErrors::default();
                let header = schema.fields().map(|field| field.column().as_bytes());
                let columns = Columns::from_header(&schema, header).unwrap();
                // Of what is wrong with the row, only what is wrong with this cell counts: others may contradict it.
                let others: Vec<String> = schema.fields().map(good).collect();
                let cell = |column: usize| match column == field.index() {
                    true => Some(Ok(text)),
                    false => Some(Ok(others[column].as_str())),
                };
                let profile = columns.profile_in(&schema, cell, &mut errors);
                let unfit = errors
                    .listed()
                    .iter()
                    .find(|error| error.pointer == format!("/{}", field.column()));
                match (wanted, profile) {
                    (Err(wanted), _) => assert_eq!(unfit.unwrap().detail, wanted),
                    (Ok(code), Some(profile)) if !code.is_nan() && field.needs().is_empty() => {
                        assert_eq!(
                            profile.code(field.index()),
                            code,
                            "{} {text:?}",
                            field.name()
                        );
                    }
                    (Ok(_), _) => {}
                }
            }
        }
    }
}

#[test]
fn shipped_workspaces_pass_verification_whole_and_in_part() {
    for folder in folders() {
        let mut all = compiled(&folder).into_read();
        let whole = Parts::default();
        let whole = all.iter().fold(whole, |parts, (part, bytes)| {
            parts.with_read(*part, bytes.clone())
        });
        assert_eq!(Workspace::open(&whole).unwrap().verify(), Ok(()));
        let optional = [Part::Explanations, Part::Orders, Part::Quality];
        all.retain(|(part, _)| !optional.contains(part));
        let core = all
            .into_iter()
            .fold(Parts::default(), |parts, (part, bytes)| {
                parts.with_read(part, bytes)
            });
        assert_eq!(Workspace::open(&core).unwrap().verify(), Ok(()));
    }
}
