//! The sum of the contributions of many rows, without those of each.
//!
//! All rows in the same cell of a table have the same contributions from it. So the rows are counted by cell, and what each cell
//! holds is multiplied by its count: a row costs one cell per table, however many features it has, and the sum is taken in 64
//! bits.

use crate::forest::{BLOCK, STRIDE};
use crate::tables::{Columns, Explanations};

/// How many rows fell into each cell of each table: see [`Forest::counts`](crate::Forest::counts).
#[derive(Clone, Debug)]
pub struct Counts<'a> {
    explanations: Explanations<'a>,
    features: usize,
    /// Table by table.
    counts: Vec<u32>,
    /// The bins of some rows, feature by feature.
    bins: Vec<u16>,
    /// Their cells in one table.
    cells: Vec<u16>,
}

impl<'a> Counts<'a> {
    /// Most rows that are counted at a time.
    pub const MOST_ROWS: usize = BLOCK;

    pub(crate) fn new(explanations: Explanations<'a>, features: usize) -> Self {
        let cells = explanations.index.tables.iter().map(|table| table.cells());
        Self {
            counts: vec![0; cells.sum()],
            bins: vec![0; features * STRIDE],
            cells: vec![0; BLOCK],
            explanations,
            features,
        }
    }

    /// Counts some rows, each once. `fill` writes the bins of one feature, as [`Forest::bin`](crate::Forest::bin) gives them,
    /// for all of these rows.
    ///
    /// # Panics
    /// With more than [`MOST_ROWS`](Self::MOST_ROWS) rows, or a bin that the feature does not have.
    pub fn add(&mut self, rows: usize, mut fill: impl FnMut(usize, &mut [u16])) {
        assert!(rows <= BLOCK, "a block has at most {BLOCK} rows");
        for (feature, bins) in self.bins.chunks_exact_mut(STRIDE).enumerate() {
            fill(feature, &mut bins[..rows]);
        }
        let columns = Columns {
            bins: &self.bins,
            stride: STRIDE,
            rows,
        };
        let cells = &mut self.cells[..rows];
        let mut counts = &mut self.counts[..];
        for table in self.explanations.index.tables {
            let (own, rest) = counts.split_at_mut(table.cells());
            self.explanations.index.cells(table, columns, cells);
            for cell in &*cells {
                own[usize::from(*cell)] += 1;
            }
            counts = rest;
        }
    }

    /// The sum of each feature's contributions over all rows that were counted.
    pub fn sum(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.features];
        let mut counts = &self.counts[..];
        let mut taken: Vec<(usize, f64)> = Vec::new();
        for table in self.explanations.index.tables {
            let (own, rest) = counts.split_at(table.cells());
            taken.clear();
            let of_rows = own.iter().enumerate().filter(|(_, count)| **count > 0);
            taken.extend(of_rows.map(|(cell, count)| (cell, f64::from(*count))));
            for (feature, values) in self.explanations.contributions(table) {
                let products = taken
                    .iter()
                    .map(|(cell, count)| count * f64::from(values[*cell]));
                sum[feature] += products.sum::<f64>();
            }
            counts = rest;
        }
        sum
    }
}
