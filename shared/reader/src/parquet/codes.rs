//! Profiles read by the types of their columns: a number without its text, and a text once for many rows.

use super::{Chunk, Column};
use schema::intake::{Columns, is_id};
use schema::{Named, Profile, Schema};

/// What a code can't be.
const REFUSED: f64 = f64::INFINITY;

/// Reads the profiles of chunks. What [`Columns::profile_in`] makes of the same rows is the same; this is only faster.
pub struct Codes<'c> {
    schema: Schema<'c>,
    columns: &'c Columns,
    /// The codes of a chunk, row by row.
    codes: Vec<f64>,
    known: Known,
    text: String,
    /// Whether a field is spread over several columns, which are read one row at a time.
    is_spread: bool,
}

impl<'c> Codes<'c> {
    /// Reads by these columns, which are those of a file.
    pub fn new(schema: Schema<'c>, columns: &'c Columns) -> Self {
        let mut fields = 0..schema.len();
        Self {
            is_spread: fields.any(|field| columns.spread_over(field).is_some()),
            schema,
            columns,
            codes: Vec::new(),
            known: Known::default(),
            text: String::new(),
        }
    }

    /// Reads a chunk.
    pub fn read(&mut self, chunk: &Chunk) {
        let width = self.schema.len();
        self.codes.clear();
        self.codes.resize(chunk.rows() * width, f64::NAN);
        if self.is_spread {
            return;
        }
        for field in 0..width {
            let Some(column) = self.columns.column(Named::Field(field)) else {
                continue;
            };
            let column = &chunk.columns()[column];
            self.read_field(field, column, chunk.rows());
        }
    }

    fn read_field(&mut self, field: usize, column: &Column, rows: usize) {
        let (schema, columns) = (&self.schema, self.columns);
        let width = schema.len();
        let by_number = columns.takes_numbers(schema, field);
        self.known.forget();
        for row in 0..rows {
            let Some(place) = column.place(row) else {
                continue;
            };
            let code = &mut self.codes[row * width + field];
            if by_number && let Some(number) = column.number_at(place) {
                *code = columns
                    .code_of_number(schema, field, number)
                    .unwrap_or(REFUSED);
                continue;
            }
            *code = self.known.code(column.identity_at(place), || {
                column
                    .text_at(place, &mut self.text)
                    .map_or(f64::NAN, |text| {
                        columns.code_of_text(schema, field, text).unwrap_or(REFUSED)
                    })
            });
        }
    }

    /// The profile in a row of the chunk, unless something is wrong with it or it can't be read like this: then
    /// [`Columns::profile_in`] tells.
    pub fn profile(&mut self, chunk: &Chunk, row: usize) -> Option<Profile> {
        if self.is_spread {
            return None;
        }
        if let Some(id) = self.columns.id_column() {
            let id = chunk.columns()[id].text(row, &mut self.text);
            if id.is_some_and(|id| !id.is_empty() && !is_id(id)) {
                return None;
            }
        }
        let width = self.schema.len();
        let codes = &self.codes[row * width..][..width];
        if codes.contains(&REFUSED) {
            return None;
        }
        self.schema.admit(codes.into(), |_, _| {})
    }
}

/// The codes of the values that were seen last.
struct Known([((u64, usize), f64); KNOWN]);

const KNOWN: usize = 64;

/// No value's, for none is so long.
const NOBODY: (u64, usize) = (0, usize::MAX);

impl Default for Known {
    fn default() -> Self {
        Self([(NOBODY, f64::NAN); KNOWN])
    }
}

impl Known {
    /// Addresses may have other values by now.
    fn forget(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn code(&mut self, identity: (u64, usize), read: impl FnOnce() -> f64) -> f64 {
        let mixed = identity.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let known = &mut self.0[(mixed >> (u64::BITS - KNOWN.ilog2())) as usize];
        if known.0 != identity {
            *known = (identity, read());
        }
        known.1
    }
}
