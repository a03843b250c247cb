//! Draws customers of any number for a business, to see how the product behaves at a size. The business is that of a folder: its
//! schema, model and nudges. None of its customers is copied: every value is drawn by itself, as the model's card says that it was
//! distributed in training, or evenly where the card is silent.

use crate::Workspace;
use crate::compile::{Fault, Sources, compile};
use fastrand::Rng;
use schema::{Field, Kind, Profile, Schema};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The share of customers of whom a value is not known where it need not be, and the card is silent.
const UNKNOWN: f64 = 0.05;
/// Decimals of a number that is no amount of money.
const DECIMALS: f64 = 1000.0;

/// Writes a workspace folder with so many customers of the business in another folder, the same ones for the same seed.
///
/// # Errors
/// A folder that is no workspace, or can't be read or written.
pub fn folder(business: &Path, customers: u32, seed: u64, out: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for path in Sources::PATHS {
        let file = fs::read(business.join(path));
        files.push(file.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}: {error}", business.join(path).display()),
            )
        })?);
    }
    let files: [Vec<u8>; Sources::PATHS.len()] =
        files.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    let parts = compile(&Sources::of(&files)).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
        io::Error::other(faults.join("\n"))
    })?;
    let parts = parts.into_parts();
    let workspace = Workspace::open(&parts).map_err(io::Error::other)?;
    let [_, customers_file, ..] = Sources::PATHS;
    for (path, file) in Sources::PATHS.iter().zip(&files) {
        let path_out = out.join(path);
        fs::create_dir_all(path_out.parent().unwrap_or(out))?;
        match *path == customers_file {
            true => {
                let mut file = BufWriter::new(fs::File::create(path_out)?);
                write(&workspace, customers, seed, &mut file)?;
                file.flush()?;
            }
            false => fs::write(path_out, file)?,
        }
    }
    Ok(())
}

/// Writes so many customers of a business as CSV, by no order of their ids.
///
/// # Errors
/// Where `file` can't be written.
pub fn write(
    workspace: &Workspace<'_>,
    customers: u32,
    seed: u64,
    file: &mut impl Write,
) -> io::Result<()> {
    let schema = &workspace.schema;
    let mut random = Rng::with_seed(seed);
    let outcomes = schema
        .left_spellings()
        .next()
        .zip(schema.stayed_spellings().next());
    let mut writer = csv::Writer::from_writer(file);
    let fields = schema.fields().map(|field| field.name());
    let names = [schema.id_name()].into_iter().chain(fields);
    writer.write_record(names.chain(schema.outcome_name()))?;
    let mut record = csv::StringRecord::new();
    for customer in 0..customers {
        record.clear();
        // An odd factor makes each another one, without order.
        record.push_field(&format!("c-{:08x}", customer.wrapping_mul(0x9e37_79b1)));
        let profile = profile(workspace, &mut random);
        for (field, code) in schema.fields().zip(profile.codes()) {
            match field.kind() {
                _ if code.is_nan() => record.push_field(""),
                Kind::Flag if *code <= 1.0 => {
                    record.push_field(if *code == 1.0 { "true" } else { "false" });
                }
                Kind::Flag | Kind::Choice => {
                    record.push_field(field.value(*code).map_or("", |value| value.name()));
                }
                Kind::Whole | Kind::Number | Kind::Money => record.push_field(&code.to_string()),
            }
        }
        if let Some((left, stayed)) = outcomes.filter(|_| schema.outcome_name().is_some()) {
            let leaves = random.f64() < workspace.model.probability(profile.codes());
            record.push_field(if leaves { left } else { stayed });
        }
        writer.write_record(&record)?;
    }
    writer.flush()
}

/// A profile that the schema admits.
fn profile(workspace: &Workspace<'_>, random: &mut Rng) -> Profile {
    let schema = &workspace.schema;
    let mut codes: Vec<f64> = schema
        .fields()
        .map(|field| code(workspace, field, random))
        .collect();
    let roles = schema.roles();
    if let (Some(lifetime), Some(tenure), Some(recurring)) =
        (roles.lifetime, roles.tenure, roles.recurring)
    {
        let field = schema.field(lifetime);
        let paid = fitting(field, codes[tenure] * codes[recurring]);
        let known = !paid.is_nan() && (paid != 0.0 || field.required());
        codes[lifetime] = if known {
            paid
        } else if field.required() {
            fitting(field, 0.0)
        } else {
            f64::NAN
        };
    }
    // Needs have no circles, so that this ends.
    while deny(schema, &mut codes) {}
    let refused = |field: usize, fault| panic!("{} {fault}", schema.field(field).name());
    let profile = schema.admit(codes.into_iter().collect(), refused);
    profile.expect("nothing of it was refused")
}

/// Gives fields whose needs do not hold the code that says so, and says whether there was one.
fn deny(schema: &Schema<'_>, codes: &mut [f64]) -> bool {
    let mut denied = false;
    for field in schema.fields() {
        let unmet = field.needs().iter().any(|need| {
            let code = codes[need.field()];
            !code.is_nan() && !need.allows(code)
        });
        let absent = field.absent_code();
        let code = &mut codes[field.index()];
        if unmet && *code != absent && !(code.is_nan() && absent.is_nan()) {
            *code = absent;
            denied = true;
        }
    }
    denied
}

/// A code of a field, other fields aside.
fn code(workspace: &Workspace<'_>, field: Field<'_>, random: &mut Rng) -> f64 {
    let schema = &workspace.schema;
    let mut experiments = schema.experiments();
    if let Some(experiment) = experiments.find(|experiment| experiment.field() == field.index()) {
        let shares: Vec<f64> = experiment.arms().map(|(_, share)| share).collect();
        let arm = experiment.arms().nth(drawn(&shares, random));
        return arm.map_or(0.0, |(code, _)| code as f64);
    }
    let training = workspace.model.feature_of(field.index());
    let training = training.map(|feature| workspace.model.training(feature));
    let Some(training) = training.filter(|training| training.shares.iter().sum::<f64>() > 0.0)
    else {
        if !field.required() && random.f64() < UNKNOWN {
            return f64::NAN;
        }
        return match field.kind() {
            Kind::Flag | Kind::Choice => random.usize(..field.choices()) as f64,
            Kind::Whole | Kind::Number | Kind::Money => {
                let starts = field.bins();
                let bin = random.usize(..=starts.len());
                between(field, starts, bin, random)
            }
        };
    };
    let bin = drawn(training.shares, random);
    if bin == training.edges.len() + 1 {
        if !field.required() {
            return f64::NAN;
        }
        return fitting(field, 0.0);
    }
    match field.kind() {
        Kind::Flag | Kind::Choice => {
            let choices = (0..field.choices()).map(|code| code as f64);
            let alike: Vec<f64> = choices
                .filter(|code| training.bin(*code as f32) == bin)
                .collect();
            // What a field has not is drawn by what it needs.
            match alike.is_empty() {
                true => random.usize(..field.choices()) as f64,
                false => alike[random.usize(..alike.len())],
            }
        }
        Kind::Whole | Kind::Number | Kind::Money => {
            let edges: Vec<f64> = training.edges.iter().map(|edge| f64::from(*edge)).collect();
            between(field, &edges, bin, random)
        }
    }
}

/// The position of a share, as likely as it is large.
fn drawn(shares: &[f64], random: &mut Rng) -> usize {
    let mut rest = random.f64() * shares.iter().sum::<f64>();
    let position = shares.iter().position(|share| {
        rest -= share;
        rest < 0.0
    });
    position.unwrap_or(shares.len() - 1)
}

/// A number between two edges: of bin 0 from as far below the first edge as the next is above it, of the last likewise.
fn between(field: Field<'_>, edges: &[f64], bin: usize, random: &mut Rng) -> f64 {
    let (first, last) = match (edges.first(), edges.last()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => (*field.range().start(), *field.range().start()),
    };
    let width = match edges {
        [_, .., _] => (last - first) / (edges.len() - 1) as f64,
        _ => 100.0,
    };
    let low = match bin {
        0 => first - width,
        bin => edges.get(bin - 1).copied().unwrap_or(last),
    };
    let high = edges.get(bin).copied().unwrap_or(low + width);
    fitting(field, low + random.f64() * (high - low))
}

/// The number that a field can hold nearest to one.
fn fitting(field: Field<'_>, number: f64) -> f64 {
    let number = match field.kind() {
        Kind::Whole => number.floor(),
        Kind::Money => (number * 100.0).round() / 100.0,
        _ => (number * DECIMALS).round() / DECIMALS,
    };
    match number.is_nan() {
        true => number,
        // Adding 0 turns a negative zero into a plain one.
        false => field.clamped(number) + 0.0,
    }
}
