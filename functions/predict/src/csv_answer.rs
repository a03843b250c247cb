//! A CSV file of profiles, answered by the same file with two added columns.

use crate::records::{Record, Records};
use engagetrack::{View, csv_cell};
use schema::intake::Columns;
use schema::{FieldError, FieldErrors};
use web::Problem;

const APPENDED: [&str; 2] = ["churn_probability", "risk_level"];

/// Rows that are scored at a time.
const BATCH: usize = 512;

/// The file with `churn_probability` and `risk_level` in each row, and the encoded profiles, row after row. Columns may
/// be in any order; those that are not of a profile are kept. Cells that a spreadsheet would run are defused.
///
/// # Errors
/// 400 where the bytes are not CSV in UTF-8, 422 with pointers such as `/17/tenure` (data rows count from 0) where a
/// profile is wrong.
pub fn scored(view: &View<'_>, bytes: &[u8]) -> Result<(Vec<u8>, Vec<f32>), Problem> {
    let mut records = Records::new(bytes)?;
    let mut answer = Answer::new(view, bytes.len());
    let (columns, width) = match records.next()? {
        Some(header) => (answer.begin(&header)?, header.len()),
        None => (
            Columns::from_header(&view.schema, []).map_err(Problem::invalid)?,
            0,
        ),
    };
    let mut errors = FieldErrors::default();
    for row in 0_usize.. {
        let Some(record) = records.next()? else {
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
            answer.push(&record, profile.codes());
        }
    }
    errors.unless_any(answer.finish()).map_err(Problem::invalid)
}

/// The answer as far as it is written.
struct Answer<'v, 'w> {
    view: &'v View<'w>,
    text: Vec<u8>,
    /// The encoded profiles of all rows.
    rows: Vec<f32>,
    /// The cells of the rows that are not scored yet, and where those of each end.
    waiting: Vec<u8>,
    ends: Vec<usize>,
}

impl<'v, 'w> Answer<'v, 'w> {
    fn new(view: &'v View<'w>, body_length: usize) -> Self {
        Self {
            view,
            text: Vec::with_capacity(body_length + body_length / 2),
            rows: Vec::new(),
            waiting: Vec::new(),
            ends: Vec::with_capacity(BATCH),
        }
    }

    /// Writes the header, and says which columns it has.
    fn begin(&mut self, header: &Record<'_>) -> Result<Columns, Problem> {
        let cells = header.cells().map(str::as_bytes);
        let columns = Columns::from_header(&self.view.schema, cells).map_err(Problem::invalid)?;
        let taken = APPENDED
            .iter()
            .find(|name| header.cells().any(|cell| cell == **name));
        if let Some(taken) = taken {
            let detail = "is a column that the answer adds; leave it out";
            let error = FieldErrors::one(FieldError::new(taken, detail));
            return Err(Problem::invalid(error));
        }
        push_cells(&mut self.text, header);
        for name in APPENDED {
            self.text.push(b',');
            self.text.extend_from_slice(name.as_bytes());
        }
        self.text.push(b'\n');
        Ok(columns)
    }

    fn push(&mut self, record: &Record<'_>, codes: &[f64]) {
        push_cells(&mut self.waiting, record);
        self.ends.push(self.waiting.len());
        self.view.model.push_row(codes, &mut self.rows);
        if self.ends.len() == BATCH {
            self.score();
        }
    }

    /// Scores and writes the rows that wait for it.
    fn score(&mut self) {
        let first = self.rows.len() - self.ends.len() * self.view.model.features().len();
        let probabilities = self.view.model.probabilities(&self.rows[first..]);
        let mut start = 0;
        for (&end, probability) in self.ends.iter().zip(probabilities) {
            self.text.extend_from_slice(&self.waiting[start..end]);
            let level = self.view.schema.level(probability).name;
            self.text
                .extend_from_slice(format!(",{probability},{level}\n").as_bytes());
            start = end;
        }
        self.waiting.clear();
        self.ends.clear();
    }

    fn finish(mut self) -> (Vec<u8>, Vec<f32>) {
        self.score();
        (self.text, self.rows)
    }
}

fn push_cells(out: &mut Vec<u8>, record: &Record<'_>) {
    for (column, cell) in record.cells().enumerate() {
        if column > 0 {
            out.push(b',');
        }
        csv_cell::push(out, cell);
    }
}
