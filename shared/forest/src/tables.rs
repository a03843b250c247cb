//! Tables: filled at build time, added up at run time.
//!
//! A table's values lie target by target: all cells of one feature's contribution, then all of the next one's. A block of
//! rows first finds its cells, once for all targets, and then adds one target's few kilobytes at a time to one column of
//! sums, so that everything it touches stays in the nearest cache.

use crate::bins::Cuts;
use crate::format::is_margin;
use crate::games::{Game, Games};
use crate::plan::{Draft, pairs};
use bytemuck::{Pod, Zeroable};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// One table of a compiled model.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Table {
    first_input: u32,
    inputs: u32,
    cells: u32,
    /// Where its values start.
    first_value: u32,
    /// Where the columns of its pairs start, in a table of explanations.
    first_pair: u32,
}

impl Table {
    pub(crate) fn cells(&self) -> usize {
        self.cells as usize
    }
}

/// An axis of a table.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Input {
    feature: u32,
    /// Where its offsets start: one for each of the feature's bins. A row's cell is the sum of its offsets.
    first_offset: u32,
}

/// What tables for margins and for explanations have in common: how a row's bins lead to its cell.
#[derive(Default)]
pub(crate) struct IndexBuilder {
    pub(crate) tables: Vec<Table>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) offsets: Vec<u16>,
}

impl IndexBuilder {
    fn push(&mut self, draft: &Draft, first_value: usize, first_pair: usize) {
        self.tables.push(Table {
            first_input: self.inputs.len() as u32,
            inputs: draft.axes.len() as u32,
            cells: draft.cells() as u32,
            first_value: first_value as u32,
            first_pair: first_pair as u32,
        });
        let mut stride = 1;
        for axis in &draft.axes {
            self.inputs.push(Input {
                feature: axis.feature,
                first_offset: self.offsets.len() as u32,
            });
            self.offsets
                .extend(axis.positions.iter().map(|position| position * stride));
            stride *= axis.length as u16;
        }
    }
}

/// Tables whose cells hold margins.
#[derive(Default)]
pub(crate) struct MarginTables {
    pub(crate) index: IndexBuilder,
    pub(crate) values: Vec<f64>,
}

impl MarginTables {
    pub(crate) fn push(&mut self, draft: &Draft, games: &Games) {
        self.index.push(draft, self.values.len(), 0);
        let mut values = vec![0.0; draft.cells()];
        for game in draft.games.iter().map(|&game| &games.games[game]) {
            let reached = (1 << game.players.len()) - 1;
            for (value, pattern) in values.iter_mut().zip(patterns(draft, game, games)) {
                if pattern == reached {
                    *value += game.value;
                }
            }
        }
        self.values.extend(values);
    }
}

/// Tables whose cells hold contributions and interactions.
#[derive(Default)]
pub(crate) struct ExplanationTables {
    pub(crate) index: IndexBuilder,
    pub(crate) values: Vec<f32>,
    /// By table and pair of its axes: the column of sums that the pair's interaction goes to.
    pub(crate) pair_columns: Vec<u32>,
    /// By column: the two features, the smaller first.
    pub(crate) pairs: Vec<[u32; 2]>,
    known: BTreeMap<[u32; 2], u32>,
}

impl ExplanationTables {
    pub(crate) fn push(&mut self, draft: &Draft, games: &Games) {
        self.index
            .push(draft, self.values.len(), self.pair_columns.len());
        for (b, second) in draft.axes.iter().enumerate() {
            for first in &draft.axes[..b] {
                let pair = [first.feature, second.feature];
                let column = *self.known.entry(pair).or_insert_with(|| {
                    self.pairs.push(pair);
                    self.pairs.len() as u32 - 1
                });
                self.pair_columns.push(column);
            }
        }
        let (axes, cells) = (draft.axes.len(), draft.cells());
        let mut values = vec![0.0; cells * (axes + pairs(axes))];
        for game in draft.games.iter().map(|&game| &games.games[game]) {
            let patterns = patterns(draft, game, games);
            let outcomes = game.outcomes();
            let axis_of: Vec<usize> = game
                .players
                .iter()
                .filter_map(|player| draft.axis(player.feature))
                .collect();
            let mut add = |target: usize, outcomes: &[f64], width: usize, place: usize| {
                for (value, &pattern) in values[target * cells..][..cells].iter_mut().zip(&patterns)
                {
                    *value += outcomes[pattern as usize * width + place];
                }
            };
            let players = game.players.len();
            for b in 0..players {
                add(axis_of[b], &outcomes.contributions, players, b);
                for a in 0..b {
                    let target = axes + pair_index(axis_of[a], axis_of[b]);
                    add(target, &outcomes.pairs, pairs(players), pair_index(a, b));
                }
            }
        }
        self.values.extend(values.iter().map(|&value| value as f32));
    }
}

/// The place of the pair (a, b), a < b, in the order (0,1), (0,2), (1,2), (0,3), …
fn pair_index(a: usize, b: usize) -> usize {
    pairs(b) + a
}

/// By cell of the table: which of the game's players have their conditions met there, one bit each.
fn patterns(draft: &Draft, game: &Game, games: &Games) -> Vec<u16> {
    let mut patterns = vec![0u16];
    for axis in &draft.axes {
        let mut bits = vec![0; axis.length];
        if let Some(place) = game
            .players
            .iter()
            .position(|player| player.feature == axis.feature)
        {
            for (&position, &met) in axis
                .positions
                .iter()
                .zip(&games.sets[game.players[place].set])
            {
                bits[position as usize] = u16::from(met) << place;
            }
        }
        patterns = bits
            .iter()
            .flat_map(|bit| patterns.iter().map(move |pattern| pattern | bit))
            .collect();
    }
    patterns
}

/// The bins of a block of rows, feature by feature: those of feature `f` are `bins[f * stride..][..rows]`.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'b> {
    pub(crate) bins: &'b [u16],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
}

impl<'b> Columns<'b> {
    pub(crate) fn of(&self, feature: u32) -> &'b [u16] {
        &self.bins[feature as usize * self.stride..][..self.rows]
    }
}

/// How a row's bins lead to its cell in each table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) tables: &'a [Table],
    pub(crate) inputs: &'a [Input],
    pub(crate) offsets: &'a [u16],
}

impl Index<'_> {
    /// Checks that every row's bins lead to a cell of each table, and that the tables hold as many values as there are; a table
    /// of so many axes has as many `targets`.
    pub(crate) fn check(
        &self,
        cuts: &Cuts<'_>,
        features: usize,
        values: usize,
        targets: impl Fn(usize) -> usize,
    ) -> Result<(), &'static str> {
        // Each begins where the one before ends, so that no more is read than there is.
        let (mut inputs, mut offsets, mut value) = (0, 0, 0);
        for table in self.tables {
            let axes = self.inputs.get(inputs..inputs + table.inputs as usize);
            let axes = axes.ok_or("a table has axes that are not there")?;
            if table.first_input as usize != inputs || table.first_value as usize != value {
                return Err("a table does not begin where the one before it ends");
            }
            if !axes.is_sorted_by(|a, b| a.feature < b.feature)
                || axes.iter().any(|axis| axis.feature as usize >= features)
            {
                return Err("a table has an axis that is no feature");
            }
            let mut last = 0;
            for axis in axes {
                let end = offsets + cuts.count(axis.feature as usize);
                let own = self.offsets.get(offsets..end);
                let own = own.filter(|_| axis.first_offset as usize == offsets);
                let own = own.ok_or("an axis has offsets that are not there")?;
                last += own.iter().copied().max().map_or(0, usize::from);
                offsets = end;
            }
            let cells = table.cells as usize;
            if last >= cells || cells > 1 << u16::BITS {
                return Err("a table lacks cells");
            }
            inputs += axes.len();
            value += targets(axes.len()) * cells;
        }
        match [inputs, offsets, value] == [self.inputs.len(), self.offsets.len(), values] {
            true => Ok(()),
            false => Err("its tables are more or fewer than their values"),
        }
    }

    fn inputs(&self, table: &Table) -> &[Input] {
        &self.inputs[table.first_input as usize..][..table.inputs as usize]
    }

    fn cell(&self, table: &Table, bins: &[u16]) -> usize {
        let offset = |input: &Input| {
            self.offsets[input.first_offset as usize + bins[input.feature as usize] as usize]
        };
        self.inputs(table)
            .iter()
            .map(|input| usize::from(offset(input)))
            .sum()
    }

    pub(crate) fn cells(&self, table: &Table, columns: Columns, cells: &mut [u16]) {
        cells.fill(0);
        let first = table.first_input as usize;
        let inputs = first..first + table.inputs as usize;
        // Terms of the rows' sums, some at a time: an offset, and the bin of a feature that has it.
        let mut terms = Pending::default();
        let mut many = Pending::default();
        for input in inputs {
            let offsets = self.offsets_of(input);
            let input = &self.inputs[input];
            let of_bins = (0..).zip(offsets).filter(|(_, offset)| **offset != 0);
            if of_bins.clone().count() > FEW_TERMS {
                if let Some(some) = many.push((columns.of(input.feature), offsets)) {
                    add_offsets(some, cells);
                }
                continue;
            }
            for (bin, offset) in of_bins {
                if let Some(some) = terms.push((columns.of(input.feature), bin, *offset)) {
                    add_terms(some, cells);
                }
            }
        }
        match *terms.rest() {
            [] => {}
            [a] => add_terms([a], cells),
            [a, b] => add_terms([a, b], cells),
            [a, b, c, ..] => add_terms([a, b, c], cells),
        }
        match *many.rest() {
            [] => {}
            [a] => add_offsets([a], cells),
            [a, b] => add_offsets([a, b], cells),
            [a, b, c, ..] => add_offsets([a, b, c], cells),
        }
    }

    /// The offsets of an input by bin. Those of each end where the next one's begin.
    fn offsets_of(&self, input: usize) -> &[u16] {
        let start = self.inputs[input].first_offset as usize;
        let next = self.inputs.get(input + 1);
        let end = next.map_or(self.offsets.len(), |next| next.first_offset as usize);
        &self.offsets[start..end]
    }
}

/// Some things that are worked on together, until there are enough of them.
#[derive(Default)]
struct Pending<T> {
    some: [T; TOGETHER],
    count: usize,
}

/// How many inputs or terms are added to the cells at once, which are read and written once for all of them.
const TOGETHER: usize = 4;

/// Up to this many offsets of an input, each is compared with the bins of many rows at a time; more are looked up row by row.
const FEW_TERMS: usize = 6;

impl<T: Copy> Pending<T> {
    /// Adds one, and gives all when there are enough.
    fn push(&mut self, one: T) -> Option<[T; TOGETHER]> {
        self.some[self.count] = one;
        self.count = (self.count + 1) % TOGETHER;
        (self.count == 0).then_some(self.some)
    }

    fn rest(&self) -> &[T] {
        &self.some[..self.count]
    }
}

/// Adds to each row's cell the offsets of its bins.
fn add_offsets<const N: usize>(inputs: [(&[u16], &[u16]); N], cells: &mut [u16]) {
    // Of the same length, so that it is checked once.
    let inputs = inputs.map(|(bins, offsets)| (&bins[..cells.len()], offsets));
    for (row, cell) in cells.iter_mut().enumerate() {
        for (bins, offsets) in inputs {
            *cell += offsets[bins[row] as usize];
        }
    }
}

/// Adds to each row's cell the offsets whose bins it has.
fn add_terms<const N: usize>(terms: [(&[u16], u16, u16); N], cells: &mut [u16]) {
    let terms = terms.map(|(bins, bin, offset)| (&bins[..cells.len()], bin, offset));
    for (row, cell) in cells.iter_mut().enumerate() {
        for (bins, bin, offset) in terms {
            *cell += if bins[row] == bin { offset } else { 0 };
        }
    }
}

/// Adds to each row's sum the value of its cell.
fn add_values<T: Copy + AddAssign>(sums: &mut [T], values: &[T], cells: &[u16]) {
    for (sum, &cell) in sums.iter_mut().zip(cells) {
        *sum += values[cell as usize];
    }
}

/// Whether all hold. Looks at each, because that takes vectors of them and an early end does not.
fn all(holding: impl Iterator<Item = bool>) -> bool {
    holding.fold(true, |all, one| all & one)
}

/// The tables of margins of a compiled model, where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margins<'a> {
    pub(crate) index: Index<'a>,
    pub(crate) values: &'a [f64],
}

impl Margins<'_> {
    /// See [`Index::check`].
    pub(crate) fn check(&self, cuts: &Cuts<'_>, features: usize) -> Result<(), &'static str> {
        self.index.check(cuts, features, self.values.len(), |_| 1)?;
        match all(self.values.iter().map(|value| is_margin(*value))) {
            true => Ok(()),
            false => Err("a margin is no number"),
        }
    }

    /// `sum` and one row's margin, added table by table.
    pub(crate) fn add_row(&self, bins: &[u16], sum: f64) -> f64 {
        let value =
            |table: &Table| self.values[table.first_value as usize + self.index.cell(table, bins)];
        let values = self.index.tables.iter().map(value);
        values.fold(sum, |sum, value| sum + value)
    }

    /// Adds the margins of a block of rows to `sums`; `cells` is room for as many cells.
    pub(crate) fn add(&self, columns: Columns, cells: &mut [u16], sums: &mut [f64]) {
        for table in self.index.tables {
            self.index.cells(table, columns, cells);
            add_values(
                sums,
                &self.values[table.first_value as usize..][..table.cells as usize],
                cells,
            );
        }
    }
}

/// The tables of explanations of a compiled model, where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explanations<'a> {
    pub(crate) index: Index<'a>,
    pub(crate) values: &'a [f32],
    pub(crate) pair_columns: &'a [u32],
    pub(crate) pairs: &'a [[u32; 2]],
}

impl<'a> Explanations<'a> {
    /// See [`Index::check`].
    pub(crate) fn check(&self, cuts: &Cuts<'_>, features: usize) -> Result<(), &'static str> {
        let targets = |axes: usize| axes + pairs(axes);
        self.index
            .check(cuts, features, self.values.len(), targets)?;
        let mut columns = 0;
        for table in self.index.tables {
            let end = columns + pairs(table.inputs as usize);
            let own = self.pair_columns.get(columns..end);
            let own = own.filter(|_| table.first_pair as usize == columns);
            let own = own.ok_or("a table has pairs that are not there")?;
            if own.iter().any(|pair| *pair as usize >= self.pairs.len()) {
                return Err("a table has a pair that is none");
            }
            columns = end;
        }
        let is_pair = |pair: &[u32; 2]| pair[0] < pair[1] && (pair[1] as usize) < features;
        if columns != self.pair_columns.len()
            || self.pairs.len() > pairs(features)
            || !self.pairs.iter().all(is_pair)
        {
            return Err("its pairs are not of its features");
        }
        match all(self.values.iter().map(|value| value.is_finite())) {
            true => Ok(()),
            false => Err("a contribution is no number"),
        }
    }

    /// All cells' values of one target of a table: a contribution, or after them an interaction.
    fn target(&self, table: &Table, target: usize) -> &'a [f32] {
        &self.values[table.first_value as usize + target * table.cells as usize..]
            [..table.cells as usize]
    }

    /// The features of a table, each with all cells' values of its contribution.
    pub(crate) fn contributions(
        &self,
        table: &'a Table,
    ) -> impl Iterator<Item = (usize, &'a [f32])> {
        let inputs = self.index.inputs(table).iter().enumerate();
        inputs.map(move |(target, input)| (input.feature as usize, self.target(table, target)))
    }

    fn pair_columns(&self, table: &Table) -> &'a [u32] {
        &self.pair_columns[table.first_pair as usize..][..pairs(table.inputs as usize)]
    }

    /// Adds one row's contributions, one per feature, and with `interactions` the halves φ_ij to its entries i ≠ j; that
    /// matrix has `side` columns.
    pub(crate) fn explain(
        &self,
        bins: &[u16],
        contributions: &mut [f64],
        mut interactions: Option<(&mut [f64], usize)>,
    ) {
        for table in self.index.tables {
            let cell = self.index.cell(table, bins);
            for (target, input) in self.index.inputs(table).iter().enumerate() {
                contributions[input.feature as usize] +=
                    f64::from(self.target(table, target)[cell]);
            }
            let Some((matrix, side)) = &mut interactions else {
                continue;
            };
            for (pair, &column) in self.pair_columns(table).iter().enumerate() {
                let [a, b] = self.pairs[column as usize].map(|feature| feature as usize);
                let value = f64::from(self.target(table, table.inputs as usize + pair)[cell]);
                matrix[a * *side + b] += value;
                matrix[b * *side + a] += value;
            }
        }
    }

    /// Adds the contributions of a block of rows to `contributions`, one column of `stride` sums per feature, and with
    /// `interactions` those of each pair to its column there; `cells` is room for as many cells as rows.
    pub(crate) fn add(
        &self,
        columns: Columns,
        cells: &mut [u16],
        contributions: &mut [f32],
        mut interactions: Option<&mut [f32]>,
    ) {
        let Columns { stride, rows, .. } = columns;
        for table in self.index.tables {
            self.index.cells(table, columns, cells);
            for (target, input) in self.index.inputs(table).iter().enumerate() {
                let sums = &mut contributions[input.feature as usize * stride..][..rows];
                add_values(sums, self.target(table, target), cells);
            }
            let Some(interactions) = &mut interactions else {
                continue;
            };
            for (pair, &column) in self.pair_columns(table).iter().enumerate() {
                let sums = &mut interactions[column as usize * stride..][..rows];
                add_values(
                    sums,
                    self.target(table, table.inputs as usize + pair),
                    cells,
                );
            }
        }
    }
}
