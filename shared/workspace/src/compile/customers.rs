//! The customers, from rows to columns.

use super::model::CompiledModel;
use super::{Intake, previous};
use crate::Workspace;
use crate::customers::{
    AMOUNT, BANDS, FORMAT, Outcome, Section, UNKNOWN, band, fault_of_count, slot, slots,
};
use crate::orders::{self, Key, by_code};
use reader::{Needed, Reading, TableError};
use schema::intake::{Columns, is_id, unread_kind};
use schema::source::Doubts;
use schema::{FieldError, FieldErrors, Named, Profile, Schema};
use sections::{AlignedBytes, Writer};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Lines that a fault of several rows names.
const MOST_LINES: usize = 10;

/// A row.
pub struct Customer {
    id: String,
    line: u64,
    profile: Profile,
    outcome: Outcome,
}

impl Customer {
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Customers, and what was read in another way than it was written.
pub struct Read {
    /// Sorted by id.
    pub customers: Vec<Customer>,
    /// Evidence, warnings and the rows that were left out, each in words.
    pub notes: Vec<String>,
}

/// Reads the customers. What of the schema is in doubt refuses nothing. Exact names and values are tried first; a file with others
/// is read as every entrance reads it.
///
/// # Errors
/// Everything that is wrong with the header, the columns and the rows, unless no more rows are wrong than may be left out.
pub fn read(
    schema: &Schema<'_>,
    doubts: &Doubts,
    intake: &Intake,
    bytes: &[u8],
) -> Result<Read, Vec<String>> {
    if let Some(kind) = unread_kind(bytes) {
        return Err(vec![format!(
            "{kind} files are not read yet; export the customers as CSV"
        )]);
    }
    let Intake {
        confirmed,
        tolerated_reject_percentage,
    } = intake;
    let tolerated = tolerated_reject_percentage.unwrap_or_default();
    let mut exact = match confirmed.is_empty() {
        true => Some(exact(schema, doubts, bytes)?),
        false => None,
    };
    let is_enough = |exact: &Collected| !exact.has_faults() && !reader::must_look(schema);
    if let Some(exact) = exact.take_if(|exact| is_enough(exact)) {
        return exact.finish(tolerated, Vec::new());
    }
    let table = match reader::table(schema, bytes, confirmed) {
        Ok(table) => table,
        Err(error) => {
            return match (error, exact) {
                (TableError::Malformed(_), Some(exact)) => exact.finish(tolerated, Vec::new()),
                (error, _) => Err(vec![with_place(error.to_string())]),
            };
        }
    };
    let reading = Reading::of(schema, &table, confirmed, Needed::All);
    // Of a file as the schema has it, the faults are worded for exact names.
    if reading.is_plain
        && let Some(exact) = exact.filter(Collected::has_faults)
    {
        return exact.finish(tolerated, Vec::new());
    }
    let doubtful =
        |column: &str| is_doubtful(schema, doubts, &reading.columns, table.columns(), column);
    let mut collected = Collected {
        details: listed(&reading.faults, doubtful),
        has_ids: !doubts.roles(),
        ..Collected::default()
    };
    for detail in &mut collected.details {
        *detail = with_place(std::mem::take(detail));
    }
    let mut of_columns: BTreeSet<String> = reading.faults.listed().iter().map(column).collect();
    let unplaced = schema.fields().filter(|field| {
        let named = Named::Field(field.index());
        let spread = reading.columns.spread_over(field.index());
        reading.columns.column(named).is_none() && spread.is_none()
    });
    of_columns.extend(unplaced.map(|field| field.column().to_owned()));
    let id_column = reading.columns.id_column();
    if id_column.is_none() && !doubts.roles() {
        collected.lacks_id(schema);
    }
    let said = |name: &str| {
        let is_id = id_column.is_some_and(|column| table.columns()[column] == name);
        doubtful(name) || of_columns.contains(name) || is_id
    };
    let needs_id = id_column.is_some() && !doubts.roles();
    let mut rows = table.rows();
    while let Some(row) = rows.next_row() {
        if let Some(fault) = &row.fault {
            if row.aside().is_none() {
                collected.refuse(row.line, "", fault);
            }
            continue;
        }
        let id = id_column.and_then(|column| row.cell(column)).map(str::trim);
        let mut errors = FieldErrors::default();
        let cell = |column| row.cell(column).map(Ok);
        let profile = reading.columns.profile_in(schema, cell, &mut errors);
        let outcome = reading
            .columns
            .column(Named::Outcome)
            .and_then(|column| Some((&table.columns()[column], row.cell(column)?)));
        let outcome = outcome.map_or(Ok(None), |(name, text)| {
            let read = reading.columns.outcome_of(schema, text);
            read.map_err(|unfit| FieldErrors::one(FieldError::new(name, unfit)))
        });
        collected.add(
            schema,
            row.line,
            id,
            needs_id,
            profile.ok_or(errors),
            outcome,
            said,
        );
    }
    let notes = reading.evidence.iter().chain(&reading.warnings);
    let notes = notes.map(ToString::to_string).collect();
    collected.finish(tolerated, notes)
}

/// A refusal that asks for a reading, with the places where it is given.
fn with_place(detail: String) -> String {
    match detail.contains("; confirm with read=") {
        true => detail + ", by --read or under [customers] in data/schema.toml",
        false => detail,
    }
}

/// Whether a column is of a field or role of the schema that is in doubt.
fn is_doubtful(
    schema: &Schema<'_>,
    doubts: &Doubts,
    columns: &Columns,
    names: &[String],
    column: &str,
) -> bool {
    let position = names.iter().position(|name| name == column);
    let is_there = |named: &Named| position.is_some() && columns.column(*named) == position;
    let mut fields = (0..schema.len()).map(Named::Field);
    match schema.named(column).or_else(|| fields.find(is_there)) {
        Some(Named::Field(field)) => doubts.field(schema, schema.field(field).name()),
        Some(Named::Outcome) => doubts.roles(),
        Some(Named::Id) | None => false,
    }
}

/// Reads the customers by the schema's own names and values.
///
/// # Errors
/// What is wrong with a header that is no table's.
fn exact(schema: &Schema<'_>, doubts: &Doubts, bytes: &[u8]) -> Result<Collected, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let header = reader
        .byte_headers()
        .map_err(|error| vec![error.to_string()])?;
    let mut errors = FieldErrors::default();
    let columns = Columns::of_header(schema, header, &mut errors);
    let doubtful = |column: &str| is_doubtful(schema, doubts, &columns, &[], column);
    let mut collected = Collected {
        details: listed(&errors, doubtful),
        has_ids: !doubts.roles(),
        ..Collected::default()
    };
    let of_header: BTreeSet<String> = errors.listed().iter().map(column).collect();
    let has_id = columns.id_column().is_some();
    if !has_id && !doubts.roles() {
        collected.lacks_id(schema);
    }
    // A header that is no table's.
    if of_header.contains("") {
        return Err(collected.details);
    }
    // What is wrong with a column is not said of every row again, and what is wrong with an id is said below.
    let said = |column: &str| {
        doubtful(column) || of_header.contains(column) || schema.named(column) == Some(Named::Id)
    };
    for record in reader.byte_records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                match error.kind() {
                    csv::ErrorKind::UnequalLengths {
                        pos: Some(position),
                        expected_len,
                        len,
                    } => {
                        let detail = format!("has {len} cells, and the header has {expected_len}");
                        collected.refuse(position.line(), "", &detail);
                    }
                    _ => collected.details.push(error.to_string()),
                }
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let id = columns
            .id(&record)
            .and_then(|id| std::str::from_utf8(id).ok());
        let profile = columns.profile(schema, &record);
        let outcome = columns.outcome(schema, &record);
        let needs_id = has_id && !doubts.roles();
        collected.add(schema, line, id, needs_id, profile, outcome, said);
    }
    Ok(collected)
}

/// Customers while they are read, and what is wrong.
#[derive(Default)]
struct Collected {
    customers: Vec<Customer>,
    /// What is wrong with the file or whole columns.
    details: Vec<String>,
    rows: usize,
    /// Whether the schema is sure of the ids, without which no row is a customer.
    has_ids: bool,
    /// The rows that are wrong, and the ids and lines of those that have an id.
    refused_rows: usize,
    refused: Vec<(String, u64)>,
    /// What is wrong with rows: by column and rule, in the order in which it was found.
    faults: Vec<RowsFault>,
    places: HashMap<(String, String), usize>,
}

/// What is wrong with some rows.
struct RowsFault {
    /// The column; blank where it is the row as a whole.
    column: String,
    /// What is wrong with the first of them.
    detail: String,
    count: usize,
    /// The first lines.
    lines: Vec<u64>,
}

impl RowsFault {
    /// In words: of one row by its line, of several by the column.
    fn text(&self, rows: usize) -> String {
        let Self {
            column,
            detail,
            count,
            lines,
        } = self;
        let column_is = |separator: &str| match column.as_str() {
            "" => String::new(),
            column => format!("{column}{separator}"),
        };
        match lines.as_slice() {
            [line] => format!("line {line}: {}{detail}", column_is(" ")),
            lines => format!(
                "{}{count} of {rows} rows: {detail}; lines {}",
                column_is(": "),
                listed_lines(lines, *count)
            ),
        }
    }
}

/// The first of some lines, and how many more there are.
fn listed_lines(lines: &[u64], count: usize) -> String {
    let shown = lines.iter().take(MOST_LINES);
    let mut shown: Vec<String> = shown.map(u64::to_string).collect();
    let last = match count - shown.len() {
        0 => shown.pop().unwrap_or_default(),
        more => format!("{more} more"),
    };
    format!("{} and {last}", shown.join(", "))
}

impl Collected {
    fn lacks_id(&mut self, schema: &Schema<'_>) {
        self.details.push(format!(
            "{} is a column that the header lacks",
            schema.id_name()
        ));
    }

    fn has_faults(&self) -> bool {
        !self.details.is_empty() || self.refused_rows > 0
    }

    fn fault(&mut self, line: u64, column: &str, detail: &str) {
        let error = FieldError {
            pointer: String::new(),
            detail: detail.to_owned(),
        };
        let key = (column.to_owned(), error.rule().to_owned());
        let next = self.faults.len();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.faults.push(RowsFault {
                column: column.to_owned(),
                detail: error.detail,
                count: 0,
                lines: Vec::new(),
            });
        }
        let fault = &mut self.faults[place];
        fault.count += 1;
        if fault.lines.len() < MOST_LINES {
            fault.lines.push(line);
        }
    }

    /// Counts a row that is none of a customer.
    fn refuse(&mut self, line: u64, column: &str, detail: &str) {
        self.rows += 1;
        self.refused_rows += 1;
        self.fault(line, column, detail);
    }

    /// Adds a row, or what is wrong with it and has not been said of its column.
    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        schema: &Schema<'_>,
        line: u64,
        id: Option<&str>,
        needs_id: bool,
        profile: Result<Profile, FieldErrors>,
        outcome: Result<Option<bool>, FieldErrors>,
        said: impl Fn(&str) -> bool,
    ) {
        self.rows += 1;
        let id = id.filter(|id| is_id(id));
        if id.is_none() && needs_id {
            self.fault(line, schema.id_name(), "must be text of 1 to 64 characters");
        }
        match (id, profile, outcome) {
            (Some(id), Ok(profile), Ok(outcome)) => self.customers.push(Customer {
                id: id.to_owned(),
                line,
                profile,
                outcome: match outcome {
                    Some(true) => Outcome::Left,
                    Some(false) => Outcome::Stayed,
                    None => Outcome::Unknown,
                },
            }),
            (id, profile, outcome) => {
                self.refused_rows += 1;
                for errors in [profile.err(), outcome.err()].iter().flatten() {
                    for error in errors.listed() {
                        let column = column(error);
                        if !said(&column) {
                            self.fault(line, &column, &error.detail);
                        }
                    }
                }
                self.refused.extend(id.map(|id| (id.to_owned(), line)));
            }
        }
    }

    /// The lines of each id that is used more than once.
    fn repeated(&self) -> BTreeMap<&str, Vec<u64>> {
        let accepted = self.customers.iter().map(|one| (one.id.as_str(), one.line));
        let refused = self.refused.iter().map(|(id, line)| (id.as_str(), *line));
        let mut seen: Vec<(&str, u64)> = accepted.chain(refused).collect();
        seen.sort_unstable();
        let runs = seen.chunk_by(|one, other| one.0 == other.0);
        let repeated = runs.filter(|run| run.len() > 1);
        let lines = |run: &[(&str, u64)]| run.iter().map(|(_, line)| *line).collect();
        repeated.map(|run| (run[0].0, lines(run))).collect()
    }

    /// The customers, sorted by id, where at most `tolerated` of a hundred rows are wrong; these are left out.
    fn finish(mut self, tolerated: f64, mut notes: Vec<String>) -> Result<Read, Vec<String>> {
        let repeated = self.repeated();
        // Which of the rows is the customer's can't be told, so none is.
        let is_repeated = |one: &Customer| repeated.contains_key(one.id.as_str());
        let left_out: BTreeSet<u64> = self
            .customers
            .iter()
            .filter(|one| is_repeated(one))
            .map(|one| one.line)
            .collect();
        let mut faults: Vec<&RowsFault> = self.faults.iter().collect();
        faults.sort_by_key(|fault| (fault.count == 1, std::cmp::Reverse(fault.count)));
        let mut details: Vec<String> = faults.iter().map(|fault| fault.text(self.rows)).collect();
        details.extend(repeated.iter().map(|(id, lines)| {
            let times = match lines.len() {
                2 => "twice".to_owned(),
                times => format!("{times} times"),
            };
            let lines = listed_lines(lines, lines.len());
            format!("the id {id:?} is used {times}, in lines {lines}")
        }));
        let count = self.refused_rows + left_out.len();
        self.details.extend(fault_of_count(self.rows));
        let is_sound = self.details.is_empty();
        let percentage = 100.0 * count as f64 / self.rows.max(1) as f64;
        if !is_sound || percentage > tolerated || count == self.rows {
            if is_sound && count > 0 && self.has_ids {
                details.push(match tolerated > 0.0 {
                    _ if count == self.rows => "no row can be read".to_owned(),
                    true => format!(
                        "{count} of {} rows can't be read, and at most {tolerated} of a hundred are tolerated",
                        self.rows
                    ),
                    false => format!(
                        "{count} of {} rows can't be read; tolerated_reject_percentage leaves out as many of a hundred",
                        self.rows
                    ),
                });
            }
            self.details.append(&mut details);
            return Err(self.details);
        }
        if count > 0 {
            let summary = format!(
                "{count} of {} rows can't be read and are left out",
                self.rows
            );
            notes.push(summary);
            notes.append(&mut details);
        }
        let mut customers = self.customers;
        customers.retain(|one| !left_out.contains(&one.line));
        customers.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Read { customers, notes })
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
        .map(|(column, detail)| format!("{column} {detail}").trim_start().to_owned())
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
