//! A CSV file of profiles, answered by the same file with added columns.

use engagetrack::{View, csv_cell};
use reader::{
    Confirmed, Needed, Reading, Record, Records, Row, Table, TableError, TooWide, must_look,
};
use schema::intake::{Columns, MOST_COLUMNS};
use schema::{FieldError, FieldErrors};
use web::Problem;
use web::reading::ReadAs;

const APPENDED: [&str; 2] = ["churn_probability", "risk_level"];

/// What is appended where rejected rows are listed: the line of each row, and what is wrong with it.
const APPENDED_TO_REJECTS: [&str; 2] = ["line", "fault"];

/// Rows that are scored at a time.
const BATCH: usize = 512;

/// What becomes of rows that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejects {
    /// They refuse the file.
    Refuse,
    /// They are answered with what is wrong with them.
    List,
}

/// A file that was scored.
pub struct Scored {
    /// The answer.
    pub text: Vec<u8>,
    /// The encoded profiles, row after row.
    pub rows: Vec<f32>,
    /// Their probabilities.
    pub probabilities: Vec<f64>,
    /// How the file was read.
    pub read_as: ReadAs,
}

/// The file with `churn_probability` and `risk_level` in each row. Columns may be in any order; those that are not of a profile
/// are kept. Cells that a spreadsheet would run are defused.
///
/// # Errors
/// 400 where the bytes are no table, 422 with pointers such as `/17/tenure` (data rows count from 0) where a profile is wrong,
/// and with pointers such as `/tenure` where a whole column is.
pub fn scored(
    view: &View<'_>,
    bytes: &[u8],
    confirmed: &Confirmed,
    rejects: Rejects,
) -> Result<Scored, Problem> {
    let is_enough = confirmed.is_empty() && rejects == Rejects::Refuse && !must_look(&view.schema);
    let exact = match is_enough {
        true => match exact(view, bytes) {
            Ok(scored) => return Ok(scored),
            Err(problem) => Some(problem),
        },
        false => None,
    };
    let table = match reader::table(&view.schema, bytes, confirmed) {
        Ok(table) => table,
        Err(error) => {
            return Err(match (exact, error) {
                (Some(exact), TableError::Malformed(_)) => exact,
                (_, error) => error.into(),
            });
        }
    };
    let reading = Reading::of(&view.schema, &table, confirmed, Needed::ByModel);
    // Of a file as the schema has it, the problem is worded as for any.
    let refused = |errors: FieldErrors| {
        let is_plain = reading.is_plain && rejects == Rejects::Refuse;
        let worded = is_plain.then(|| exact.clone().or_else(|| self::exact(view, bytes).err()));
        worded.flatten().unwrap_or_else(|| Problem::invalid(errors))
    };
    if !reading.faults.is_empty() {
        return Err(refused(reading.faults.clone()));
    }
    let answered = read(view, bytes.len(), &table, &reading, rejects);
    let mut scored = answered.map_err(|error| match error {
        ReadError::Taken(problem) => problem,
        ReadError::Rows(errors) => refused(errors),
    })?;
    // Lines without a value are no rows, and a file of nothing else is no answer.
    if let (true, Some(problem)) = (scored.rows.is_empty(), exact) {
        return Err(problem);
    }
    scored.read_as = ReadAs {
        read_as: reading.evidence,
        warnings: reading.warnings,
    };
    Ok(scored)
}

/// The answer to a file with the schema's own names and values.
fn exact(view: &View<'_>, bytes: &[u8]) -> Result<Scored, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::malformed(format!(
            "The body is not UTF-8 from byte {} on.",
            error.valid_up_to()
        ))
    })?;
    let mut records = Records::new(text, b',');
    let mut answer = Answer::new(view, bytes.len());
    let (columns, width) = match records.next_record().map_err(too_wide)? {
        Some(header) => {
            let cells = header.cells().map(str::as_bytes);
            let columns = Columns::from_header(&view.schema, cells).map_err(Problem::invalid)?;
            answer.begin(|| header.cells(), &APPENDED)?;
            (columns, header.len())
        }
        None => (
            Columns::from_header(&view.schema, []).map_err(Problem::invalid)?,
            0,
        ),
    };
    let mut errors = FieldErrors::default();
    for row in 0_usize.. {
        let Some(record) = records.next_record().map_err(too_wide)? else {
            break;
        };
        if record.len() != width {
            return Err(Problem::malformed(format!(
                "The body is not the CSV wanted here: data row {row} has {} cells, and the header has {width}.",
                record.len()
            )));
        }
        let profile = errors.within(row, |errors| {
            columns.profile_in(&view.schema, |column| record.cell(column).map(Ok), errors)
        });
        // Where a row is wrong there is no answer, and the others are only checked.
        if let Some(profile) = profile
            && errors.is_empty()
        {
            answer.push(|out| push_record(out, &record), profile.codes(), None);
        }
    }
    errors.unless_any(answer.finish()).map_err(Problem::invalid)
}

fn too_wide(TooWide: TooWide) -> Problem {
    Problem::malformed(format!(
        "The body is not the CSV wanted here: a record may have at most {MOST_COLUMNS} cells."
    ))
}

/// Why a table has no answer.
enum ReadError {
    /// It has a column that the answer adds.
    Taken(Problem),
    /// Its rows are wrong.
    Rows(FieldErrors),
}

/// The answer to a table that is read like this.
fn read(
    view: &View<'_>,
    length: usize,
    table: &Table<'_>,
    reading: &Reading,
    rejects: Rejects,
) -> Result<Scored, ReadError> {
    let mut answer = Answer::new(view, length);
    let lists = rejects == Rejects::List;
    let appended = [APPENDED, APPENDED_TO_REJECTS].concat();
    let appended = &appended[..if lists {
        appended.len()
    } else {
        APPENDED.len()
    }];
    let header = || table.columns().iter().map(String::as_str);
    answer.begin(header, appended).map_err(ReadError::Taken)?;
    let mut errors = FieldErrors::default();
    let mut asides = FieldErrors::default();
    let mut rows = table.rows();
    for index in 0_usize.. {
        let Some(row) = rows.next_row() else {
            break;
        };
        let mut found = FieldErrors::default();
        let profile = match &row.fault {
            Some(fault) => {
                found.push(FieldError {
                    pointer: String::new(),
                    detail: fault.clone(),
                });
                None
            }
            None => reading.columns.profile_in(
                &view.schema,
                |column| row.cell(column).map(Ok),
                &mut found,
            ),
        };
        match profile {
            Some(profile) if lists || errors.is_empty() => {
                let line = lists.then_some(row.line);
                answer.push(|out| push_row(out, &row), profile.codes(), line);
            }
            Some(_) => {}
            None => {
                if lists {
                    answer.reject(&row, &found);
                }
                // What is there beside the customers refuses none of them.
                let errors = match row.aside().is_some() {
                    true => &mut asides,
                    false => &mut errors,
                };
                errors.within(index, |errors| errors.append(found));
            }
        }
    }
    let scored = answer.finish();
    if scored.rows.is_empty() {
        errors.append(asides);
    }
    match errors.is_empty() || lists && !scored.rows.is_empty() {
        true => Ok(scored),
        false => Err(ReadError::Rows(errors)),
    }
}

/// The answer as far as it is written.
struct Answer<'v, 'w> {
    view: &'v View<'w>,
    text: Vec<u8>,
    /// The encoded profiles of all rows.
    rows: Vec<f32>,
    /// The probabilities of those that are scored.
    probabilities: Vec<f64>,
    /// The cells of the rows that are not scored yet, where those of each end, and at which line it is, where that is listed.
    waiting: Vec<u8>,
    ends: Vec<(usize, Option<u64>)>,
}

impl<'v, 'w> Answer<'v, 'w> {
    fn new(view: &'v View<'w>, body_length: usize) -> Self {
        Self {
            view,
            text: Vec::with_capacity(body_length + body_length / 2),
            rows: Vec::new(),
            probabilities: Vec::new(),
            waiting: Vec::new(),
            ends: Vec::with_capacity(BATCH),
        }
    }

    /// Writes the header.
    fn begin<'h, I: Iterator<Item = &'h str>>(
        &mut self,
        header: impl Fn() -> I,
        appended: &[&str],
    ) -> Result<(), Problem> {
        let taken = appended
            .iter()
            .find(|name| header().any(|cell| cell == **name));
        if let Some(taken) = taken {
            let detail = "is a column that the answer adds; leave it out";
            let error = FieldErrors::one(FieldError::new(taken, detail));
            return Err(Problem::invalid(error));
        }
        push_cells(&mut self.text, header());
        for name in appended {
            self.text.push(b',');
            self.text.extend_from_slice(name.as_bytes());
        }
        self.text.push(b'\n');
        Ok(())
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>), codes: &[f64], line: Option<u64>) {
        write(&mut self.waiting);
        self.ends.push((self.waiting.len(), line));
        self.view.model.push_row(codes, &mut self.rows);
        if self.ends.len() == BATCH {
            self.score();
        }
    }

    /// Writes a row that is not scored, with what is wrong with it.
    fn reject(&mut self, row: &Row<'_>, errors: &FieldErrors) {
        self.score();
        push_row(&mut self.text, row);
        let faults: Vec<String> = errors.listed().iter().map(sentence).collect();
        self.text
            .extend_from_slice(format!(",,,{},", row.line).as_bytes());
        csv_cell::push(&mut self.text, &faults.join("; "));
        self.text.push(b'\n');
    }

    /// Scores and writes the rows that wait for it.
    fn score(&mut self) {
        let first = self.rows.len() - self.ends.len() * self.view.model.features().len();
        let probabilities = self.view.model.probabilities(&self.rows[first..]);
        let mut start = 0;
        for (&(end, line), probability) in self.ends.iter().zip(&probabilities) {
            self.text.extend_from_slice(&self.waiting[start..end]);
            let level = self.view.schema.level(*probability).name;
            let line = line.map(|line| format!(",{line},")).unwrap_or_default();
            self.text
                .extend_from_slice(format!(",{probability},{level}{line}\n").as_bytes());
            start = end;
        }
        self.probabilities.extend(probabilities);
        self.waiting.clear();
        self.ends.clear();
    }

    fn finish(mut self) -> Scored {
        self.score();
        Scored {
            text: self.text,
            rows: self.rows,
            probabilities: self.probabilities,
            read_as: ReadAs::default(),
        }
    }
}

/// What is wrong with a field, as a sentence.
fn sentence(error: &FieldError) -> String {
    let name = error.pointer.trim_start_matches('/');
    let name = name.replace("~1", "/").replace("~0", "~");
    format!("{name} {}", error.detail).trim_start().to_owned()
}

fn push_record(out: &mut Vec<u8>, record: &Record<'_>) {
    push_cells(out, record.cells());
}

fn push_row(out: &mut Vec<u8>, row: &Row<'_>) {
    push_cells(out, row.cells().map(Option::unwrap_or_default));
}

fn push_cells<'c>(out: &mut Vec<u8>, cells: impl Iterator<Item = &'c str>) {
    for (column, cell) in cells.enumerate() {
        if column > 0 {
            out.push(b',');
        }
        csv_cell::push(out, cell);
    }
}
