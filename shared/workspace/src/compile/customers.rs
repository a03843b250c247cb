//! The customers, from rows to columns.

use super::model::CompiledModel;
use super::previous;
use crate::Workspace;
use crate::customers::{
    AMOUNT, BANDS, FORMAT, Outcome, Section, UNKNOWN, band, fault_of_count, slot, slots,
};
use crate::orders::{self, Key, by_code};
use schema::intake::{Columns, is_id, unread_kind};
use schema::source::Doubts;
use schema::{FieldError, FieldErrors, Named, Profile, Schema};
use sections::{AlignedBytes, Writer};
use std::collections::BTreeSet;

/// A row.
pub struct Customer {
    id: String,
    profile: Profile,
    outcome: Outcome,
}

impl Customer {
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Reads the customers, sorted by id. What of the schema is in doubt refuses nothing.
///
/// # Errors
/// Everything that is wrong with the header and the rows.
pub fn read(
    schema: &Schema<'_>,
    doubts: &Doubts,
    bytes: &[u8],
) -> Result<Vec<Customer>, Vec<String>> {
    if let Some(kind) = unread_kind(bytes) {
        return Err(vec![format!(
            "{kind} files are not read yet; export the customers as CSV"
        )]);
    }
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let header = reader
        .byte_headers()
        .map_err(|error| vec![error.to_string()])?;
    let mut errors = FieldErrors::default();
    let columns = Columns::of_header(schema, header, &mut errors);
    let doubtful = |column: &str| match schema.named(column) {
        Some(Named::Field(field)) => doubts.field(schema, schema.field(field).name()),
        Some(Named::Outcome) => doubts.roles(),
        Some(Named::Id) | None => false,
    };
    let mut details = listed(&errors, doubtful);
    let of_header: BTreeSet<String> = errors.listed().iter().map(column).collect();
    let has_id = columns.id_column().is_some();
    if !has_id && !doubts.roles() {
        details.push(format!(
            "{} is a column that the header lacks",
            schema.id_name()
        ));
    }
    // A header that is no table's.
    if of_header.contains("") {
        return Err(details);
    }
    // What is wrong with a column is not said of every row again, and what is wrong with an id is said below.
    let said = |column: &str| {
        doubtful(column) || of_header.contains(column) || schema.named(column) == Some(Named::Id)
    };
    let mut customers: Vec<Customer> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    let mut rows = 0;
    for record in reader.byte_records() {
        rows += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                details.push(error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let mut fault = |detail: String| details.push(format!("line {line}: {detail}"));
        let id = columns
            .id(&record)
            .and_then(|id| std::str::from_utf8(id).ok())
            .filter(|id| is_id(id));
        if id.is_none() && has_id && !doubts.roles() {
            fault(format!(
                "{} must be text of 1 to 64 characters",
                schema.id_name()
            ));
        }
        let profile = columns.profile(schema, &record);
        let outcome = columns.outcome(schema, &record);
        match (id, profile, outcome) {
            (Some(id), Ok(profile), Ok(outcome)) => customers.push(Customer {
                id: id.to_owned(),
                profile,
                outcome: match outcome {
                    Some(true) => Outcome::Left,
                    Some(false) => Outcome::Stayed,
                    None => Outcome::Unknown,
                },
            }),
            (id, profile, outcome) => {
                for errors in [profile.err(), outcome.err()].iter().flatten() {
                    let listed = listed(errors, said);
                    if !listed.is_empty() {
                        fault(listed.join("; "));
                    }
                }
                refused.extend(id.map(str::to_owned));
            }
        }
    }
    customers.sort_by(|a, b| a.id.cmp(&b.id));
    let twice = customers.windows(2).filter(|pair| pair[0].id == pair[1].id);
    let mut twice: BTreeSet<&str> = twice.map(|pair| pair[0].id.as_str()).collect();
    let mut known = BTreeSet::new();
    let is_accepted = |id: &String| customers.binary_search_by(|other| other.id.cmp(id)).is_ok();
    twice.extend(
        refused
            .iter()
            .filter(|id| is_accepted(id) || !known.insert(*id))
            .map(String::as_str),
    );
    details.extend(
        twice
            .into_iter()
            .map(|id| format!("the id {id:?} is used twice")),
    );
    details.extend(fault_of_count(rows));
    if details.is_empty() {
        Ok(customers)
    } else {
        Err(details)
    }
}

/// The column that an error is about.
fn column(error: &FieldError) -> String {
    let name = error.pointer.trim_start_matches('/');
    name.replace("~1", "/").replace("~0", "~")
}

/// Errors in words, without those of columns of which all is said.
fn listed(errors: &FieldErrors, said: impl Fn(&str) -> bool) -> Vec<String> {
    let errors = errors.listed().iter();
    errors
        .map(|error| (column(error), &error.detail))
        .filter(|(column, _)| !said(column))
        .map(|(column, detail)| format!("{column} {detail}"))
        .collect()
}

/// What the customers were compiled to.
pub struct CompiledCustomers {
    pub columns: AlignedBytes,
    pub orders: AlignedBytes,
    pub previous: Option<AlignedBytes>,
}

/// The columns, the customers by every sortable key, and what is kept of the previous workspace, if there is one.
pub fn compile(
    schema: &Schema<'_>,
    model: &CompiledModel,
    customers: &[Customer],
    previous: Option<&Workspace<'_>>,
) -> CompiledCustomers {
    let probabilities =
        model.probabilities(customers.iter().map(|customer| customer.profile.codes()));
    let former = previous.map(|previous| previous::find(previous, customers));
    CompiledCustomers {
        columns: columns(schema, customers, &probabilities),
        orders: sorted(schema, customers, &probabilities),
        previous: former.map(|former| previous::compile(schema, &former, &probabilities)),
    }
}

fn columns(schema: &Schema<'_>, customers: &[Customer], probabilities: &[f64]) -> AlignedBytes {
    let mut ids = String::new();
    let mut id_starts = vec![0u32];
    let mut id_table = vec![0u32; slots(customers.len())];
    for (position, customer) in customers.iter().enumerate() {
        ids.push_str(&customer.id);
        id_starts.push(ids.len() as u32);
        let mut slot = slot(&customer.id, id_table.len());
        while id_table[slot] != 0 {
            slot = (slot + 1) & (id_table.len() - 1);
        }
        id_table[slot] = position as u32 + 1;
    }
    let (mut places, mut codes, mut amounts) = (Vec::new(), Vec::<u8>::new(), Vec::<f64>::new());
    let count = customers.len().max(1);
    for field in schema.fields() {
        let column = || {
            customers
                .iter()
                .map(|customer| customer.profile.code(field.index()))
        };
        let fits = |code: f64| {
            code.is_nan() || (code.fract() == 0.0 && (0.0..f64::from(UNKNOWN)).contains(&code))
        };
        // A byte is enough for most choices and many a count.
        match column().all(fits) {
            true => {
                places.push((codes.len() / count) as u32);
                codes.extend(column().map(|code| if code.is_nan() { UNKNOWN } else { code as u8 }));
            }
            false => {
                places.push(AMOUNT | (amounts.len() / count) as u32);
                amounts.extend(column());
            }
        }
    }
    let position = |found: Option<usize>| found.map_or(UNKNOWN, |position| position as u8);
    let personas: Vec<u8> = customers
        .iter()
        .map(|customer| position(schema.persona_of(customer.profile.codes())))
        .collect();
    let stages: Vec<u8> = customers
        .iter()
        .map(|customer| position(schema.stage_of(customer.profile.codes())))
        .collect();
    let outcomes: Vec<u8> = customers
        .iter()
        .map(|customer| customer.outcome as u8)
        .collect();
    let mut ranked = probabilities.to_vec();
    ranked.sort_by(f64::total_cmp);
    let mut bands = vec![0u32; BANDS + 1];
    for probability in &ranked {
        bands[band(*probability) + 1] += 1;
    }
    for band in 0..BANDS {
        bands[band + 1] += bands[band];
    }
    let mut writer = Writer::new(&FORMAT);
    writer.write(Section::Ids as usize, ids.as_bytes());
    writer.write(Section::IdStarts as usize, &id_starts);
    writer.write(Section::IdTable as usize, &id_table);
    writer.write(Section::Columns as usize, &places);
    writer.write(Section::Codes as usize, &codes);
    writer.write(Section::Amounts as usize, &amounts);
    writer.write(Section::Outcomes as usize, &outcomes);
    writer.write(Section::Personas as usize, &personas);
    writer.write(Section::Stages as usize, &stages);
    writer.write(Section::Probabilities as usize, probabilities);
    writer.write(Section::Ranked as usize, &ranked);
    writer.write(Section::Bands as usize, &bands);
    AlignedBytes::from(writer.finish().as_slice())
}

fn sorted(schema: &Schema<'_>, customers: &[Customer], probabilities: &[f64]) -> AlignedBytes {
    let keys: Vec<Key> = Key::all(schema).collect();
    let order = |key: Key, a: usize, b: usize| match key {
        Key::Probability => probabilities[a].total_cmp(&probabilities[b]),
        Key::Outcome => (customers[a].outcome as u8).cmp(&(customers[b].outcome as u8)),
        Key::Field(field) => by_code(
            customers[a].profile.code(field),
            customers[b].profile.code(field),
        ),
    };
    let mut positions: Vec<u32> = Vec::new();
    for key in &keys {
        let mut by_key: Vec<u32> = (0..customers.len() as u32).collect();
        // A stable sort keeps equal ones by id.
        by_key.sort_by(|a, b| order(*key, *a as usize, *b as usize));
        positions.extend(by_key);
    }
    let keys: Vec<u32> = keys.into_iter().map(Key::code).collect();
    let mut writer = Writer::new(&orders::FORMAT);
    writer.write(orders::Section::Keys as usize, &keys);
    writer.write(orders::Section::Positions as usize, &positions);
    AlignedBytes::from(writer.finish().as_slice())
}
