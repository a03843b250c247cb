//! A compiled model at work.

use crate::bins::Cuts;
use crate::counts::Counts;
use crate::format::{FORMAT, Facts, Section, is_margin};
use crate::masks::Masks;
use crate::tables::{Columns, Explanations, Index, Margins};
use crate::walk::Walk;
use sections::{Sections, SectionsError};

/// How many rows a batch takes at a time: enough to pay for bringing a table into the caches, and few enough for the
/// rows' own bins and sums to stay there.
pub(crate) const BLOCK: usize = 1024;

/// Columns of a block start this far apart: not a multiple of a page, so that the same row of many columns does not
/// always fall on the same few lines of a cache.
pub(crate) const STRIDE: usize = BLOCK + 32;

/// How many rows are turned from columns into rows at a time: as many sums as a cache line holds.
const TILE: usize = 16;

/// Fewer margins than this are computed one by one: a block's columns would cost more than they save.
const FEW: usize = 16;

/// Rows of up to so many features are binned on the stack.
const ON_STACK: usize = 128;

/// A compiled model, used where its bytes lie: making one copies and allocates nothing.
///
/// Rows hold one 32-bit value per feature, in the order of the model's feature names: NaN is a missing value, a category
/// is its code. Every content of a row has an answer, and it is XGBoost's.
#[derive(Clone, Copy, Debug)]
pub struct Forest<'a> {
    facts: &'a Facts,
    cuts: Cuts<'a>,
    margins: Margins<'a>,
    masks: Masks<'a>,
    explanations: Explanations<'a>,
    walk: Walk<'a>,
}

impl<'a> Forest<'a> {
    /// A forest over what [`Model::compile`](crate::Model::compile) made. The bytes must start at a multiple of eight and
    /// best at a multiple of 64: see [`Aligned`](crate::Aligned).
    ///
    /// # Errors
    /// [`SectionsError`] if the bytes are not a compiled model of this version, lie at a wrong address or are cut short.
    /// Only the header and the sections' bounds are checked: altered bytes may give wrong numbers or a panic. Call
    /// [`verify`](Self::verify) first on bytes that may be damaged.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Forest<'a>, SectionsError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let facts: &Facts = sections.get_one(Section::Facts as usize)?;
        Ok(Forest {
            facts,
            cuts: Cuts {
                values: sections.get(Section::Cuts as usize)?,
                starts: sections.get(Section::CutStarts as usize)?,
            },
            margins: Margins {
                index: Index {
                    tables: sections.get(Section::MarginTables as usize)?,
                    inputs: sections.get(Section::MarginInputs as usize)?,
                    offsets: sections.get(Section::MarginOffsets as usize)?,
                },
                values: sections.get(Section::MarginValues as usize)?,
            },
            masks: Masks {
                groups: sections.get(Section::MaskGroups as usize)?,
                inputs: sections.get(Section::MaskInputs as usize)?,
                lines: sections.get(Section::MaskLines as usize)?,
                leaves: sections.get(Section::MaskLeaves as usize)?,
            },
            explanations: Explanations {
                index: Index {
                    tables: sections.get(Section::ExplanationTables as usize)?,
                    inputs: sections.get(Section::ExplanationInputs as usize)?,
                    offsets: sections.get(Section::ExplanationOffsets as usize)?,
                },
                values: sections.get(Section::ExplanationValues as usize)?,
                pair_columns: sections.get(Section::PairColumns as usize)?,
                pairs: sections.get(Section::Pairs as usize)?,
            },
            walk: Walk {
                nodes: sections.get(Section::WalkNodes as usize)?,
                categories: sections.get(Section::WalkCategories as usize)?,
                margin_roots: sections.get(Section::WalkMargins as usize)?,
                explanation_roots: sections.get(Section::WalkExplanations as usize)?,
                quadrature: sections.get(Section::Quadrature as usize)?,
                depth: facts.walk_depth as usize,
            },
        })
    }

    /// Compares a compiled model with the hashes in it, and checks every index and value: whatever the bytes, a forest over
    /// those that pass has a number for every row. The hashes find damage, not forgery.
    ///
    /// # Errors
    /// [`SectionsError`] as for [`from_bytes`](Self::from_bytes), and if a section was altered.
    pub fn verify(bytes: &[u8]) -> Result<(), SectionsError> {
        Sections::open(bytes, &FORMAT)?.verify()?;
        let name = FORMAT.name;
        Forest::from_bytes(bytes)?
            .check()
            .map_err(|what| SectionsError::Unsound { name, what })
    }

    fn check(&self) -> Result<(), &'static str> {
        let Facts {
            base_margin,
            base_value,
            explains,
            ..
        } = *self.facts;
        let features = self.n_features();
        if features == 0 || explains > 1 || !is_margin(base_margin) || !is_margin(base_value) {
            return Err("its facts are none");
        }
        self.cuts.check(features)?;
        self.margins.check(&self.cuts, features)?;
        self.masks.check(&self.cuts, features)?;
        self.explanations.check(&self.cuts, features)?;
        self.walk.check(features)
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
        // In the order in which `margins` adds, so that a row's margin is the same to the last bit in any batch.
        let tables = self.with_bins(row, |bins| {
            let tables = self.margins.add_row(bins, self.facts.base_margin);
            self.masks.add_row(bins, tables)
        });
        tables + self.walk.margin(row)
    }

    /// The margins of many rows, which lie one after another in `rows`.
    ///
    /// # Panics
    /// When `rows` does not hold one row per entry of `out`.
    pub fn margins(&self, rows: &[f32], out: &mut [f64]) {
        let features = self.n_features();
        assert_eq!(rows.len(), out.len() * features, "one row per margin");
        if out.len() < FEW {
            for (row, margin) in rows.chunks_exact(features).zip(out) {
                *margin = self.margin(row);
            }
            return;
        }
        let mut bins = vec![0; features * STRIDE];
        let mut cells = [0; BLOCK];
        for (rows, out) in rows.chunks(BLOCK * features).zip(out.chunks_mut(BLOCK)) {
            let columns = self.bin_block(rows, &mut bins);
            out.fill(self.facts.base_margin);
            self.margins.add(columns, &mut cells[..out.len()], out);
            self.masks.add(columns, out);
            for (row, margin) in rows.chunks_exact(features).zip(out) {
                *margin += self.walk.margin(row);
            }
        }
    }

    /// The contribution (SHAP value, in log-odds) of each feature to the margin of one row, then the base value: together
    /// they add up to the margin.
    ///
    /// # Panics
    /// When `row` has not `n_features` values or `out` not one more, or the forest was compiled for margins alone.
    pub fn contributions(&self, row: &[f32], out: &mut [f64]) {
        self.check_explanation(row.len(), out.len(), self.n_features() + 1);
        out.fill(0.0);
        self.explain(row, &mut out[..row.len()], None);
        out[row.len()] = self.base_value();
    }

    /// The pairwise interactions of one row: a symmetric matrix of `n_features + 1` rows and columns, row by row, the bias
    /// last. Off the diagonal stands half the interaction of two features, on it what remains of the feature's
    /// contribution, so that a row adds up to that contribution and the matrix to the margin.
    ///
    /// # Panics
    /// When `row` has not `n_features` values or `out` not `(n_features + 1)²`, or the forest was compiled for margins
    /// alone.
    pub fn interactions(&self, row: &[f32], out: &mut [f64]) {
        let features = self.n_features();
        let side = features + 1;
        self.check_explanation(row.len(), out.len(), side * side);
        out.fill(0.0);
        // The last row is the bias's: until it gets its only entry it serves as room for the contributions.
        let (matrix, contributions) = out.split_at_mut(features * side);
        self.explain(row, &mut contributions[..features], Some((matrix, side)));
        for (feature, contribution) in contributions[..features].iter_mut().enumerate() {
            let interactions = &mut matrix[feature * side..][..features];
            interactions[feature] = *contribution - interactions.iter().sum::<f64>();
            *contribution = 0.0;
        }
        contributions[features] = self.base_value();
    }

    /// The contributions of many rows, which lie one after another in `rows` as in `out`.
    ///
    /// # Panics
    /// When the lengths of `rows` and `out` are not those of the same number of rows, or the forest was compiled for
    /// margins alone.
    pub fn contributions_batch(&self, rows: &[f32], out: &mut [f32]) {
        let features = self.n_features();
        let side = features + 1;
        self.check_batch(rows.len(), out.len(), side);
        let mut room = Room::new(features, 0);
        for (rows, out) in rows
            .chunks(BLOCK * features)
            .zip(out.chunks_mut(BLOCK * side))
        {
            self.explain_block(rows, &mut room);
            for (tile, out) in out.chunks_mut(TILE * side).enumerate() {
                for (feature, column) in room.contributions.chunks_exact(STRIDE).enumerate() {
                    for (row, &sum) in out.chunks_exact_mut(side).zip(&column[tile * TILE..]) {
                        row[feature] = sum;
                    }
                }
            }
            for (row, out) in rows.chunks_exact(features).zip(out.chunks_exact_mut(side)) {
                out[features] = self.base_value() as f32;
                self.walk_contributions(row, &mut out[..features]);
            }
        }
    }

    /// How many look-ups finding a row's cells in the tables of explanations takes; none where trees are walked, because those
    /// have no cells that rows could be counted in.
    pub fn explanation_lookups(&self) -> Option<usize> {
        let tables_alone = self.walk.explanation_roots.is_empty();
        tables_alone.then_some(self.explanations.index.inputs.len())
    }

    /// Counts of no rows yet, which give the sum of the contributions of those that they are given.
    ///
    /// # Panics
    /// When the forest was compiled for margins alone, or [trees are walked](Self::explanation_lookups).
    pub fn counts(&self) -> Counts<'a> {
        assert!(self.explains(), "the forest was compiled for margins alone");
        assert!(
            self.walk.explanation_roots.is_empty(),
            "trees that are walked have no cells"
        );
        Counts::new(self.explanations, self.n_features())
    }

    /// The bin of a value of a feature: values in the same one have the same explanations.
    ///
    /// # Panics
    /// When there is no such feature.
    pub fn bin(&self, feature: usize, value: f32) -> u16 {
        self.cuts.bin(feature, value)
    }

    /// The interactions of many rows, which lie one after another in `rows` as in `out`.
    ///
    /// # Panics
    /// When the lengths of `rows` and `out` are not those of the same number of rows, or the forest was compiled for
    /// margins alone.
    pub fn interactions_batch(&self, rows: &[f32], out: &mut [f32]) {
        let features = self.n_features();
        let side = features + 1;
        let size = side * side;
        self.check_batch(rows.len(), out.len(), size);
        let mut room = Room::new(features, self.explanations.pairs.len());
        for (rows, out) in rows
            .chunks(BLOCK * features)
            .zip(out.chunks_mut(BLOCK * size))
        {
            self.explain_block(rows, &mut room);
            room.leave_main_effects(self.explanations.pairs);
            for (tile, out) in out.chunks_mut(TILE * size).enumerate() {
                out.fill(0.0);
                let mut place = |column: &[f32], at: usize, mirrored: usize| {
                    for (matrix, &sum) in out.chunks_exact_mut(size).zip(&column[tile * TILE..]) {
                        matrix[at] = sum;
                        matrix[mirrored] = sum;
                    }
                };
                for (feature, column) in room.contributions.chunks_exact(STRIDE).enumerate() {
                    place(column, feature * side + feature, feature * side + feature);
                }
                for (&[a, b], column) in self
                    .explanations
                    .pairs
                    .iter()
                    .zip(room.interactions.chunks_exact(STRIDE))
                {
                    let [a, b] = [a as usize, b as usize];
                    place(column, a * side + b, b * side + a);
                }
            }
            for (row, out) in rows.chunks_exact(features).zip(out.chunks_exact_mut(size)) {
                out[size - 1] = self.base_value() as f32;
                self.walk_interactions(row, out);
            }
        }
    }

    /// One row's contributions and, where wanted, interactions off the diagonal, from tables and walks.
    fn explain(
        &self,
        row: &[f32],
        contributions: &mut [f64],
        mut interactions: Option<(&mut [f64], usize)>,
    ) {
        let reborrowed = interactions
            .as_mut()
            .map(|(matrix, side)| (&mut **matrix, *side));
        self.with_bins(row, |bins| {
            self.explanations.explain(bins, contributions, reborrowed)
        });
        self.walk.explain(row, contributions, interactions);
    }

    /// A block's sums, column by column, from tables alone.
    fn explain_block(&self, rows: &[f32], room: &mut Room) {
        let columns = self.bin_block(rows, &mut room.bins);
        room.contributions.fill(0.0);
        room.interactions.fill(0.0);
        let interactions = (!room.interactions.is_empty()).then_some(&mut room.interactions[..]);
        self.explanations.add(
            columns,
            &mut room.cells[..columns.rows],
            &mut room.contributions,
            interactions,
        );
    }

    /// Adds one row's contributions by the trees that are walked.
    fn walk_contributions(&self, row: &[f32], out: &mut [f32]) {
        if self.walk.explanation_roots.is_empty() {
            return;
        }
        let mut contributions = vec![0.0; out.len()];
        self.walk.explain(row, &mut contributions, None);
        add(out, &contributions);
    }

    /// Adds one row's interactions by the trees that are walked.
    fn walk_interactions(&self, row: &[f32], out: &mut [f32]) {
        if self.walk.explanation_roots.is_empty() {
            return;
        }
        let side = row.len() + 1;
        let mut matrix = vec![0.0; out.len()];
        let mut contributions = vec![0.0; row.len()];
        self.walk
            .explain(row, &mut contributions, Some((&mut matrix, side)));
        for (feature, contribution) in contributions.iter().enumerate() {
            let interactions = &mut matrix[feature * side..][..side];
            interactions[feature] = contribution - interactions.iter().sum::<f64>();
        }
        add(out, &matrix);
    }

    fn bin_block<'b>(&self, rows: &[f32], bins: &'b mut [u16]) -> Columns<'b> {
        let features = self.n_features();
        self.cuts.bin_columns(rows, features, bins, STRIDE);
        Columns {
            bins,
            stride: STRIDE,
            rows: rows.len() / features,
        }
    }

    /// Calls `with` with a row's bins, which lie on the stack unless the row is long.
    fn with_bins<T>(&self, row: &[f32], with: impl FnOnce(&[u16]) -> T) -> T {
        let (mut small, mut large) = ([0; ON_STACK], Vec::new());
        let bins = match small.get_mut(..row.len()) {
            Some(bins) => bins,
            None => {
                large.resize(row.len(), 0);
                &mut large[..]
            }
        };
        self.cuts.bin_row(row, bins);
        with(bins)
    }

    fn check_explanation(&self, row: usize, out: usize, expected: usize) {
        assert!(self.explains(), "the forest was compiled for margins alone");
        assert_eq!(row, self.n_features(), "a row has one value per feature");
        assert_eq!(out, expected, "an explanation has another number of values");
    }

    fn check_batch(&self, rows: usize, out: usize, size: usize) {
        assert!(self.explains(), "the forest was compiled for margins alone");
        assert!(
            rows.is_multiple_of(self.n_features()),
            "a row has one value per feature"
        );
        assert_eq!(
            out,
            rows / self.n_features() * size,
            "one explanation per row"
        );
    }
}

fn add(sums: &mut [f32], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += *term as f32;
    }
}

/// Where a block's bins, cells and sums lie while it is explained.
struct Room {
    bins: Vec<u16>,
    cells: Vec<u16>,
    /// One column per feature.
    contributions: Vec<f32>,
    /// One column per pair of features.
    interactions: Vec<f32>,
}

impl Room {
    fn new(features: usize, pairs: usize) -> Room {
        Room {
            bins: vec![0; features * STRIDE],
            cells: vec![0; BLOCK],
            contributions: vec![0.0; features * STRIDE],
            interactions: vec![0.0; pairs * STRIDE],
        }
    }

    /// Takes each pair's interaction off both features' contributions.
    fn leave_main_effects(&mut self, pairs: &[[u32; 2]]) {
        for (pair, interactions) in pairs.iter().zip(self.interactions.chunks_exact(STRIDE)) {
            for feature in pair {
                let contributions = &mut self.contributions[*feature as usize * STRIDE..][..STRIDE];
                for (contribution, interaction) in contributions.iter_mut().zip(interactions) {
                    *contribution -= interaction;
                }
            }
        }
    }
}
