//! A compiled model at work.

use crate::blob::{BlobError, Facts, Reader, Section};
use crate::walk::Walk;

/// A compiled model, used where its bytes lie: making one copies and allocates nothing.
///
/// Rows hold one 32-bit value per feature, in the order of the model's feature names: NaN is a missing value, a category
/// is its code. Every content of a row has an answer, and it is XGBoost's.
#[derive(Clone, Copy, Debug)]
pub struct Forest<'a> {
    facts: &'a Facts,
    walk: Walk<'a>,
}

impl<'a> Forest<'a> {
    /// A forest over what [`Model::compile`](crate::Model::compile) made. The bytes must start at a multiple of eight and
    /// best at a multiple of 64: see [`Aligned`](crate::Aligned).
    ///
    /// # Errors
    /// [`BlobError`] when the bytes are not a compiled model of this version, lie at a wrong address or are cut short.
    /// Header and bounds are checked and nothing else: bytes that were altered may give wrong numbers or a panic.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Forest<'a>, BlobError> {
        let reader = Reader::new(bytes)?;
        let facts = reader.facts();
        Ok(Forest {
            facts,
            walk: Walk {
                nodes: reader.section(Section::WalkNodes)?,
                categories: reader.section(Section::WalkCategories)?,
                roots: reader.section(Section::WalkRoots)?,
                quadrature: reader.section(Section::Quadrature)?,
                depth: facts.walk_depth as usize,
            },
        })
    }

    /// How many values a row has.
    pub fn n_features(&self) -> usize {
        self.facts.n_features as usize
    }

    /// Whether contributions and interactions can be asked of it: it was compiled for
    /// [`Part::Explanations`](crate::Part::Explanations).
    pub fn explains(&self) -> bool {
        self.facts.explains != 0
    }

    /// E\[f(X)\] in log-odds: what the model gives on average over its training weight, and the bias of every
    /// explanation.
    pub fn base_value(&self) -> f64 {
        self.facts.base_value
    }

    /// The margin (log-odds) of one row.
    ///
    /// # Panics
    /// When `row` has not [`n_features`](Self::n_features) values.
    pub fn margin(&self, row: &[f32]) -> f64 {
        assert_eq!(
            row.len(),
            self.n_features(),
            "a row has one value per feature"
        );
        self.facts.base_margin + self.walk.margin(row)
    }

    /// The margins of many rows, which lie one after another in `rows`.
    ///
    /// # Panics
    /// When `rows` does not hold one row per entry of `out`.
    pub fn margins(&self, rows: &[f32], out: &mut [f64]) {
        assert_eq!(
            rows.len(),
            out.len() * self.n_features(),
            "one row per margin"
        );
        for (row, margin) in rows.chunks_exact(self.n_features()).zip(out) {
            *margin = self.margin(row);
        }
    }

    /// The contribution (SHAP value, in log-odds) of each feature to the margin of one row, then the base value: together
    /// they add up to the margin.
    ///
    /// # Panics
    /// When `row` has not `n_features` values or `out` not one more, or the forest was compiled for margins alone.
    pub fn contributions(&self, row: &[f32], out: &mut [f64]) {
        let features = self.check_explanation(row, out.len(), self.n_features() + 1);
        out.fill(0.0);
        self.walk.explain(row, &mut out[..features], None);
        out[features] = self.base_value();
    }

    /// The contributions of many rows, which lie one after another in `rows` as in `out`.
    ///
    /// # Panics
    /// When the lengths of `rows` and `out` are not those of the same number of rows, or the forest was compiled for
    /// margins alone.
    pub fn contributions_batch(&self, rows: &[f32], out: &mut [f32]) {
        let features = self.n_features();
        assert_eq!(
            rows.len() / features * (features + 1),
            out.len(),
            "one more value per row of `out`"
        );
        let mut row_out = vec![0.0; features + 1];
        for (row, out) in rows
            .chunks_exact(features)
            .zip(out.chunks_exact_mut(features + 1))
        {
            self.contributions(row, &mut row_out);
            for (to, from) in out.iter_mut().zip(&row_out) {
                *to = *from as f32;
            }
        }
    }

    /// The pairwise interactions of one row: a symmetric matrix of `n_features + 1` rows and columns, row by row, the bias
    /// last. Off the diagonal stands half the interaction of two features, on it what remains of the feature's
    /// contribution, so that a row adds up to that contribution and the matrix to the margin.
    ///
    /// # Panics
    /// When `row` has not `n_features` values or `out` not `(n_features + 1)²`, or the forest was compiled for margins
    /// alone.
    pub fn interactions(&self, row: &[f32], out: &mut [f64]) {
        let side = self.n_features() + 1;
        let features = self.check_explanation(row, out.len(), side * side);
        out.fill(0.0);
        // The last row is the bias's: until it gets its only entry it serves as room for the contributions.
        let (matrix, contributions) = out.split_at_mut(features * side);
        self.walk
            .explain(row, &mut contributions[..features], Some((matrix, side)));
        for feature in 0..features {
            let interactions = &mut matrix[feature * side..][..features];
            interactions[feature] = contributions[feature] - interactions.iter().sum::<f64>();
        }
        contributions.fill(0.0);
        contributions[features] = self.base_value();
    }

    /// The interactions of many rows, which lie one after another in `rows` as in `out`.
    ///
    /// # Panics
    /// When the lengths of `rows` and `out` are not those of the same number of rows, or the forest was compiled for
    /// margins alone.
    pub fn interactions_batch(&self, rows: &[f32], out: &mut [f32]) {
        let features = self.n_features();
        let size = (features + 1) * (features + 1);
        assert_eq!(
            rows.len() / features * size,
            out.len(),
            "one matrix per row"
        );
        let mut matrix = vec![0.0; size];
        for (row, out) in rows.chunks_exact(features).zip(out.chunks_exact_mut(size)) {
            self.interactions(row, &mut matrix);
            for (to, from) in out.iter_mut().zip(&matrix) {
                *to = *from as f32;
            }
        }
    }

    fn check_explanation(&self, row: &[f32], out: usize, expected: usize) -> usize {
        assert!(self.explains(), "the forest was compiled for margins alone");
        assert_eq!(
            row.len(),
            self.n_features(),
            "a row has one value per feature"
        );
        assert_eq!(out, expected, "an explanation has another number of values");
        self.n_features()
    }
}
