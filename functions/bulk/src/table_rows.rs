//! The rows of a table that is held as a whole.

use crate::rows::{Cells, Next, Place, Reject, Rows};
use crate::score::ScoreError;
use reader::Table;
use std::ops::Range;

/// The rows of a table.
pub(crate) struct TableRows<'t> {
    rows: reader::Rows<'t>,
    text: String,
    bounds: Vec<Range<usize>>,
}

impl<'t> TableRows<'t> {
    pub(crate) fn new(table: &'t Table<'_>) -> Self {
        Self {
            rows: table.rows(),
            text: String::new(),
            bounds: Vec::new(),
        }
    }
}

impl Rows for TableRows<'_> {
    fn next(&mut self) -> Result<Next<'_>, ScoreError> {
        let Some(row) = self.rows.next_row() else {
            return Ok(Next::End);
        };
        let place = Place {
            line: Some(row.line),
            offset: None,
        };
        if let Some(fault) = row.fault {
            let reject = Reject::new(fault.clone(), &fault);
            return Ok(Next::Row(place, Err(reject)));
        }
        self.text.clear();
        self.bounds.clear();
        for cell in row.cells() {
            let start = self.text.len();
            self.text.push_str(cell.unwrap_or_default());
            self.bounds.push(start..self.text.len());
        }
        let cells = Cells {
            text: &self.text,
            bounds: &self.bounds,
        };
        Ok(Next::Row(place, Ok(cells)))
    }
}
