//! What is written of the customers that were scored.

use crate::part::{Noting, Part};
use crate::table::{KeptColumn, results_header};
use engagetrack::csv_cell;
use engagetrack::nudges::Best;
use schema::{RiskLevel, Schema};
use std::io::{self, Write};

/// How many reasons are given for each customer.
pub(crate) const REASONS: usize = 3;

/// Results, written a batch of customers at a time.
pub(crate) trait Results {
    /// Writes a batch.
    ///
    /// # Errors
    /// When it can't be written.
    fn write(&mut self, scored: &Scored<'_>) -> io::Result<()>;

    /// Ends the part.
    ///
    /// # Errors
    /// When its end can't be written.
    fn finish(self, name: String) -> io::Result<Part>;
}

/// Customers that were scored together: a value of each list for each of them.
pub(crate) struct Scored<'b> {
    /// Their ids and the columns that are kept of them.
    pub(crate) kept: &'b Kept,
    /// Their probabilities.
    pub(crate) probabilities: &'b [f64],
    /// Their levels of risk.
    pub(crate) levels: &'b [RiskLevel<'b>],
    /// The features that moved them most, and how far; fewer where the model has fewer.
    pub(crate) reasons: &'b [[Option<(&'b str, f32)>; REASONS]],
    /// The nudges that help them most.
    pub(crate) nudges: &'b [Best<'b>],
}

/// The cells that are kept of customers: the id of each, and those of the columns that are no field's.
#[derive(Default)]
pub(crate) struct Kept {
    text: String,
    ends: Vec<usize>,
}

impl Kept {
    /// Adds a cell; each customer has as many.
    #[inline]
    pub(crate) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    /// All cells, customer by customer.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let cell = &self.text[start..*end];
            start = *end;
            cell
        })
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// Results as CSV.
pub(crate) struct CsvResults<W> {
    out: Noting<W>,
    /// How many cells are kept of each customer.
    kept: usize,
    /// What is to be written next.
    text: Vec<u8>,
}

impl<W: Write> CsvResults<W> {
    /// Results with these columns kept, under a header where they are the first.
    ///
    /// # Errors
    /// When the header can't be written.
    pub(crate) fn begin(
        out: W,
        schema: &Schema<'_>,
        kept: &[KeptColumn],
        is_first: bool,
    ) -> io::Result<Self> {
        let mut out = Noting::new(out);
        if is_first {
            out.write_all(&results_header(schema, kept))?;
        }
        Ok(Self {
            out,
            kept: 1 + kept.len(),
            text: Vec::new(),
        })
    }
}

impl<W: Write> Results for CsvResults<W> {
    fn write(&mut self, scored: &Scored<'_>) -> io::Result<()> {
        let text = &mut self.text;
        text.clear();
        let mut numbers = zmij::Buffer::new();
        let mut kept = scored.kept.cells();
        let customers = (scored.probabilities.iter())
            .zip(scored.levels)
            .zip(scored.reasons)
            .zip(scored.nudges);
        for (((&probability, level), reasons), nudge) in customers {
            for (index, cell) in kept.by_ref().take(self.kept).enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                csv_cell::push(text, cell);
            }
            let mut cell = |cell: &str| {
                text.push(b',');
                text.extend_from_slice(cell.as_bytes());
            };
            cell(numbers.format_finite(probability));
            cell(level.name);
            for reason in reasons {
                cell(reason.map_or("", |(feature, _)| feature));
                cell(reason.map_or("", |(_, contribution)| numbers.format_finite(contribution)));
            }
            cell(nudge.id);
            cell(nudge.category);
            cell(numbers.format_finite(nudge.projected_probability));
            text.push(b'\n');
        }
        self.out.write_all(&self.text)
    }

    fn finish(self, name: String) -> io::Result<Part> {
        Ok(self.out.noted(name))
    }
}
