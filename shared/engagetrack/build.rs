//! Reads `models/` and `data/` once, checks them against each other and against the encoding, and writes what the
//! crate embeds: aligned bytes that are used where they lie.
//!
//! What does not fit stops the build with a message that names file, row and field.

#![allow(dead_code)]

#[path = "src/catalogue.rs"]
mod catalogue;
#[path = "build/catalogue_constants.rs"]
mod catalogue_constants;
#[path = "src/catalogue_source.rs"]
mod catalogue_source;
#[path = "src/customer.rs"]
mod customer;
#[path = "src/encoding.rs"]
mod encoding;
#[path = "src/error.rs"]
mod error;
#[path = "src/intake.rs"]
mod intake;
#[path = "src/plan.rs"]
mod plan;
#[path = "src/record.rs"]
mod record;
#[path = "build/training_distribution.rs"]
mod training_distribution;

use customer::{AddOn, CustomerId, Profile};
use encoding::{FEATURES, FIELDS};
use forest::{Forest, Model, Part};
use record::{BANDS, Record, band};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// What the tables of contributions may take up in the binary.
const MEMORY_BUDGET: usize = 4 << 20;

fn main() {
    if let Err(message) = build() {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
        process::exit(1);
    }
}

fn build() -> Result<(), String> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(|e| e.to_string())?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?);
    let input = |name: &str| -> Result<Vec<u8>, String> {
        let path = root.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read(&path).map_err(|error| format!("{name}: {error}"))
    };
    let write = |name: &str, bytes: &[u8]| {
        fs::write(out.join(name), bytes).map_err(|error| format!("{name}: {error}"))
    };

    let model_json = input("models/churn.json")?;
    let card = Card::read(&input("models/card.json")?, &model_json)?;
    let model =
        Model::from_json(&model_json).map_err(|error| format!("models/churn.json: {error}"))?;
    let expected: Vec<&str> = FIELDS[..FEATURES].iter().map(|field| field.name).collect();
    if model.feature_names() != expected {
        return Err(format!(
            "models/churn.json: its features are {:?}; they must be {expected:?}, in this order",
            model.feature_names()
        ));
    }
    let model = model.affine(card.slope, card.intercept);
    let margins = model.compile(Part::Margins, MEMORY_BUDGET);
    write("margins.bin", &margins)?;
    write(
        "explanations.bin",
        &model.compile(Part::Explanations, MEMORY_BUDGET),
    )?;
    write("card.rs", card.constants.as_bytes())?;
    write(
        "quality.json",
        &card.quality(&input("models/evaluation.json")?)?,
    )?;

    let customers = read_customers(&input("data/customers.csv")?)?;
    let records = score(&margins, &customers)?;
    write("population.bin", bytemuck::cast_slice(&records))?;
    let mut ranked: Vec<f64> = records.iter().map(|record| record.probability).collect();
    ranked.sort_by(f64::total_cmp);
    write("ranked.bin", bytemuck::cast_slice(&ranked))?;
    let numbers = customers.iter().map(|customer| customer.id.number());
    let bands = ranked.iter().map(|probability| band(*probability));
    for (name, starts) in [
        ("numbers.bin", starts(numbers, CustomerId::NUMBERS)),
        ("bands.bin", starts(bands, BANDS)),
    ] {
        write(name, bytemuck::cast_slice(&starts))?;
    }

    let catalogue = input("data/nudges.toml")?;
    write("nudges.version", short_hash(&catalogue)?.as_bytes())?;
    let nudges = read_nudges(&catalogue)?;
    write(
        "nudges.rs",
        catalogue_constants::as_rust(&nudges).as_bytes(),
    )
}

/// Of ascending keys below `end`, the position from which on they are at least 0, 1 … `end`.
fn starts(keys: impl Iterator<Item = usize>, end: usize) -> Vec<u32> {
    let mut starts = vec![0; end + 1];
    for key in keys {
        starts[key + 1] += 1;
    }
    for key in 0..end {
        starts[key + 1] += starts[key];
    }
    starts
}

/// The first eight digits of a file's SHA-256.
fn short_hash(bytes: &[u8]) -> Result<String, String> {
    let mut hash = String::new();
    for byte in &Sha256::digest(bytes)[..4] {
        write!(hash, "{byte:02x}").map_err(|error| error.to_string())?;
    }
    Ok(hash)
}

/// What is needed of `models/card.json`.
struct Card {
    slope: f64,
    intercept: f64,
    constants: String,
    version: String,
    /// The whole card, where it describes the model.
    document: Option<Value>,
}

impl Card {
    fn read(bytes: &[u8], model: &[u8]) -> Result<Self, String> {
        let card: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("models/card.json: {error}"))?;
        let number = |pointer: &str| {
            let value = card.pointer(pointer).and_then(Value::as_f64);
            value.ok_or_else(|| format!("models/card.json: {pointer} must be a number"))
        };
        let text = |pointer: &str| {
            let value = card.pointer(pointer).and_then(Value::as_str);
            value.ok_or_else(|| format!("models/card.json: {pointer} must be text"))
        };
        let hash = short_hash(model)?;
        // The card speaks of one model. Another one in its place is served uncalibrated, under its own name.
        let described = text("/version")?.ends_with(&hash);
        let (version, slope, intercept) = match described {
            true => (
                text("/version")?.to_owned(),
                number("/calibration/slope")?,
                number("/calibration/intercept")?,
            ),
            false => {
                println!(
                    "cargo::warning=models/card.json describes another model than models/churn.json: no calibration is applied"
                );
                (format!("uncalibrated-{hash}"), 1.0, 0.0)
            }
        };
        let mut constants = String::new();
        let mut constant = |doc: &str, name: &str, kind: &str, value: String| {
            writeln!(constants, "/// {doc}\npub const {name}: {kind} = {value};")
                .map_err(|error| error.to_string())
        };
        constant(
            "Which model this is.",
            "VERSION",
            "&str",
            format!("{version:?}"),
        )?;
        constant(
            "Whether the card and the evaluation describe this very model.",
            "DESCRIBED",
            "bool",
            described.to_string(),
        )?;
        constant(
            "The date of the data, `YYYY-MM-DD`.",
            "DATA_DATE",
            "&str",
            format!("{:?}", text("/data_date")?),
        )?;
        for (doc, name, pointer) in [
            (
                "Share of the training customers who left, 0 to 1.",
                "BASE_RATE",
                "/base_rate",
            ),
            (
                "From this probability on, a customer is expected to leave.",
                "WILL_CHURN",
                "/thresholds/will_churn",
            ),
            (
                "From this probability on, the risk is medium.",
                "MEDIUM",
                "/thresholds/medium",
            ),
            (
                "From this probability on, the risk is high.",
                "HIGH",
                "/thresholds/high",
            ),
        ] {
            constant(doc, name, "f64", format!("{:?}", number(pointer)?))?;
        }
        let price = |name: &str| number(&format!("/price_list/{name}"));
        let add_ons: Vec<f64> = AddOn::NAMES
            .iter()
            .map(|name| price(name))
            .collect::<Result<_, _>>()?;
        let prices = format!(
            "PriceList {{ phone_service: {:?}, multiple_lines: {:?}, dsl: {:?}, fiber_optic: {:?}, add_ons: {add_ons:?} }}",
            price("phone_service")?,
            price("multiple_lines")?,
            price("internet_service/DSL")?,
            price("internet_service/Fiber optic")?,
        );
        constant("What each service costs.", "PRICES", "PriceList", prices)?;
        let training = training_distribution::as_rust(&card)
            .map_err(|message| format!("models/card.json: {message}"))?;
        constants.push_str(&training);
        Ok(Self {
            slope,
            intercept,
            constants,
            version,
            document: described.then_some(card),
        })
    }

    /// Card and evaluation in one JSON document; null where they describe another model.
    fn quality(&self, evaluation: &[u8]) -> Result<Vec<u8>, String> {
        let evaluation: Value = serde_json::from_slice(evaluation)
            .map_err(|error| format!("models/evaluation.json: {error}"))?;
        let evaluation = (evaluation["version"] == self.version.as_str()).then_some(evaluation);
        let quality =
            json!({"model_version": self.version, "card": self.document, "evaluation": evaluation});
        serde_json::to_vec(&quality).map_err(|error| error.to_string())
    }
}

/// A row of `data/customers.csv`.
struct Customer {
    id: CustomerId,
    profile: Profile,
    churned: bool,
}

/// Reads the population, sorted by id.
fn read_customers(bytes: &[u8]) -> Result<Vec<Customer>, String> {
    let file = "data/customers.csv";
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader
        .byte_headers()
        .map_err(|error| format!("{file}: {error}"))?;
    let columns = intake::Columns::from_header(header)
        .map_err(|errors| format!("{file}: {}", listed(&errors)))?;
    let mut customers = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| format!("{file}: {error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = || -> Result<Customer, String> {
            let id = columns
                .id(&record)
                .and_then(|id| std::str::from_utf8(id).ok());
            Ok(Customer {
                id: id
                    .and_then(CustomerId::parse)
                    .ok_or("customerID must have the shape 1234-ABCDE")?,
                profile: columns.profile(&record).map_err(|errors| listed(&errors))?,
                churned: columns.churned(&record).ok_or("Churn must be Yes or No")?,
            })
        };
        customers.push(row().map_err(|message| format!("{file} line {line}: {message}"))?);
    }
    customers.sort_by_key(|customer| customer.id);
    match customers.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(format!(
            "{file}: customerID {} stands there twice",
            pair[0].id
        )),
        None if customers.is_empty() => Err(format!("{file}: holds no customer")),
        None => Ok(customers),
    }
}

/// Reads the catalogue of nudges. Each line of an error is about one entry.
fn read_nudges(bytes: &[u8]) -> Result<Vec<catalogue::Entry>, String> {
    let file = "data/nudges.toml";
    let text = std::str::from_utf8(bytes).map_err(|error| format!("{file}: {error}"))?;
    catalogue_source::read(text).map_err(|errors| {
        let errors: Vec<String> = errors
            .iter()
            .map(|error| format!("{file}: {error}"))
            .collect();
        errors.join("\n")
    })
}

fn listed(errors: &error::FieldErrors) -> String {
    let errors: Vec<String> = errors
        .listed()
        .iter()
        .map(|error| format!("{} {}", error.pointer.trim_start_matches('/'), error.detail))
        .collect();
    errors.join("; ")
}

fn score(margins: &[u8], customers: &[Customer]) -> Result<Vec<Record>, String> {
    let mut aligned = vec![0u64; margins.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<u64, u8>(&mut aligned)[..margins.len()].copy_from_slice(margins);
    let bytes = &bytemuck::cast_slice(&aligned)[..margins.len()];
    let forest =
        Forest::from_bytes(bytes).map_err(|error| format!("the compiled model: {error}"))?;
    Ok(customers
        .iter()
        .map(|customer| {
            let margin = forest.margin(&encoding::encode(&customer.profile));
            let probability = 1.0 / (1.0 + (-margin).exp());
            Record::new(
                customer.id,
                &customer.profile,
                customer.churned,
                probability,
            )
        })
        .collect())
}
