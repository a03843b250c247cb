//! Margins of trees that are too rich for tables: every leaf is a bit, every bin of a feature knows which leaves it can
//! still reach, and the leaf that all features agree on is the row's.
//!
//! This is QuickScorer (Lucchese et al., 2015) turned around. There each false comparison clears the leaves that it
//! rules out; here the comparisons of a feature are already folded into its bin, so a row takes one step per feature and
//! not one per comparison, and each step serves as many trees as fit a cache line of 512 bits.

use crate::bins::Cuts;
use crate::format::is_margin;
use crate::games::Games;
use crate::tables::Columns;
use bytemuck::{Pod, Zeroable};
use std::collections::BTreeSet;
use std::ops::Range;

/// The most leaves of a tree: as many as a word has bits.
pub(crate) const MOST_LEAVES: usize = 64;

/// The words of a cache line.
const WORDS: usize = 8;

/// Sets of leaves of as many trees as fit.
pub(crate) type Line = [u64; WORDS];

/// No leaf ruled out yet.
const ALL: Line = [u64::MAX; WORDS];

/// How many rows a group works on at a time.
const CHUNK: usize = 64;

/// Trees that share lines.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Group {
    /// Bits per tree: a power of two.
    width: u32,
    trees: u32,
    first_input: u32,
    inputs: u32,
    /// Where the leaves' values start: `width` for each tree.
    first_leaf: u32,
}

/// A feature that a group's trees look at.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MaskInput {
    feature: u32,
    /// Where its lines start: one for each of the feature's bins.
    first_line: u32,
}

/// The masks of a model to be.
#[derive(Default)]
pub(crate) struct MaskBuilder {
    pub(crate) groups: Vec<Group>,
    pub(crate) inputs: Vec<MaskInput>,
    pub(crate) lines: Vec<Line>,
    pub(crate) leaves: Vec<f64>,
}

impl MaskBuilder {
    /// Masks for trees of at most [`MOST_LEAVES`] leaves, each given as the stretch of its leaves in `games`.
    pub(crate) fn of(trees: &[Range<usize>], games: &Games) -> MaskBuilder {
        let mut trees = trees.to_vec();
        let width = |tree: &Range<usize>| tree.len().next_power_of_two().max(4);
        trees.sort_by_key(width);
        let mut masks = MaskBuilder::default();
        for same in trees.chunk_by(|a, b| width(a) == width(b)) {
            let width = width(&same[0]);
            for group in same.chunks(WORDS * u64::BITS as usize / width) {
                masks.push(group, width, games);
            }
        }
        masks
    }

    /// The time per row in rough machine cycles.
    pub(crate) fn time(&self) -> f64 {
        let trees: u32 = self.groups.iter().map(|group| group.trees).sum();
        2.0 * f64::from(trees) + 5.0 * self.inputs.len() as f64
    }

    fn push(&mut self, trees: &[Range<usize>], width: usize, games: &Games) {
        let leaves = || {
            trees
                .iter()
                .enumerate()
                .flat_map(|(place, tree)| tree.clone().map(move |leaf| (place, leaf)))
        };
        let features: BTreeSet<u32> = leaves()
            .flat_map(|(_, leaf)| {
                games.games[leaf]
                    .players
                    .iter()
                    .map(|player| player.feature)
            })
            .collect();
        self.groups.push(Group {
            width: width as u32,
            trees: trees.len() as u32,
            first_input: self.inputs.len() as u32,
            inputs: features.len() as u32,
            first_leaf: self.leaves.len() as u32,
        });
        for feature in features {
            let first_line = self.lines.len();
            self.inputs.push(MaskInput {
                feature,
                first_line: first_line as u32,
            });
            for (place, leaf) in leaves() {
                let Some(player) = games.games[leaf]
                    .players
                    .iter()
                    .find(|player| player.feature == feature)
                else {
                    continue;
                };
                let set = &games.sets[player.set];
                self.lines.resize(first_line + set.len(), ALL);
                let bit = place * width + leaf - trees[place].start;
                for (line, _) in self.lines[first_line..]
                    .iter_mut()
                    .zip(set)
                    .filter(|(_, reached)| !**reached)
                {
                    line[bit / 64] &= !(1 << (bit % 64));
                }
            }
        }
        for tree in trees {
            let values = tree.clone().map(|leaf| games.games[leaf].value);
            self.leaves
                .extend(values.chain(std::iter::repeat(0.0)).take(width));
        }
    }
}

/// The masks of a compiled model, where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Masks<'a> {
    pub(crate) groups: &'a [Group],
    pub(crate) inputs: &'a [MaskInput],
    pub(crate) lines: &'a [Line],
    pub(crate) leaves: &'a [f64],
}

impl Masks<'_> {
    /// Checks that every row's bins lead to a line of each input, and that each group has its leaves.
    pub(crate) fn check(&self, cuts: &Cuts<'_>, features: usize) -> Result<(), &'static str> {
        // Each begins where the one before ends, so that no more is read than there is.
        let (mut inputs, mut lines, mut leaves) = (0, 0, 0);
        for group in self.groups {
            let (width, trees) = (group.width as usize, group.trees as usize);
            if !(4..=MOST_LEAVES).contains(&width)
                || !width.is_power_of_two()
                || trees > WORDS * u64::BITS as usize / width
            {
                return Err("a group of trees is wider than a line");
            }
            if group.first_input as usize != inputs || group.first_leaf as usize != leaves {
                return Err("a group of trees does not begin where the one before it ends");
            }
            let own = self.inputs.get(inputs..inputs + group.inputs as usize);
            let own = own.ok_or("a group of trees has inputs that are not there")?;
            for input in own {
                if input.feature as usize >= features || input.first_line as usize != lines {
                    return Err("a group of trees has an input that is no feature");
                }
                lines += cuts.count(input.feature as usize);
            }
            inputs += own.len();
            leaves += trees * width;
        }
        if [inputs, lines, leaves] != [self.inputs.len(), self.lines.len(), self.leaves.len()] {
            return Err("its groups of trees are more or fewer than their leaves");
        }
        match self.leaves.iter().all(|leaf| is_margin(*leaf)) {
            true => Ok(()),
            false => Err("a leaf is no number"),
        }
    }

    /// `sum` and one row's margin, added group by group.
    pub(crate) fn add_row(&self, bins: &[u16], sum: f64) -> f64 {
        let margin = |group: &Group| {
            let mut reached = ALL;
            for input in self.inputs(group) {
                let bin = bins[input.feature as usize];
                intersect(
                    &mut reached,
                    &self.lines[input.first_line as usize + bin as usize],
                );
            }
            self.sum_of_leaves(group, &reached)
        };
        let margins = self.groups.iter().map(margin);
        margins.fold(sum, |sum, margin| sum + margin)
    }

    /// Adds the margins of a block of rows to `sums`.
    pub(crate) fn add(&self, columns: Columns, sums: &mut [f64]) {
        for group in self.groups {
            let (fours, rest) = self.inputs(group).as_chunks::<4>();
            for (chunk, sums) in sums.chunks_mut(CHUNK).enumerate() {
                let start = chunk * CHUNK;
                let mut reached = [ALL; CHUNK];
                let reached = &mut reached[..sums.len()];
                fours
                    .iter()
                    .for_each(|inputs| self.narrow(inputs, columns, start, reached));
                rest.iter()
                    .for_each(|input| self.narrow(&[*input], columns, start, reached));
                for (sum, reached) in sums.iter_mut().zip(reached) {
                    *sum += self.sum_of_leaves(group, reached);
                }
            }
        }
    }

    /// Leaves each row, from `start` on, what all of these features leave over: several at a time, because a line then
    /// goes to memory and back once for all of them.
    fn narrow<const N: usize>(
        &self,
        inputs: &[MaskInput; N],
        columns: Columns,
        start: usize,
        reached: &mut [Line],
    ) {
        let lines = inputs.map(|input| &self.lines[input.first_line as usize..]);
        let bins = inputs.map(|input| &columns.of(input.feature)[start..][..reached.len()]);
        for (row, reached) in reached.iter_mut().enumerate() {
            let mut allowed = *reached;
            for input in 0..N {
                intersect(&mut allowed, &lines[input][usize::from(bins[input][row])]);
            }
            *reached = allowed;
        }
    }

    fn inputs(&self, group: &Group) -> &[MaskInput] {
        &self.inputs[group.first_input as usize..][..group.inputs as usize]
    }

    /// The sum of the values of the one leaf of each tree that is still reached.
    fn sum_of_leaves(&self, group: &Group, reached: &Line) -> f64 {
        let width = group.width as usize;
        let leaves = &self.leaves[group.first_leaf as usize..][..group.trees as usize * width];
        let mut sum = 0.0;
        for (&word, leaves) in reached.iter().zip(leaves.chunks(u64::BITS as usize)) {
            let mut word = word;
            for leaves in leaves.chunks_exact(width) {
                // A width is a power of two, so that this is the remainder; it keeps the place within the tree.
                sum += leaves[word.trailing_zeros() as usize & (width - 1)];
                word = word.unbounded_shr(width as u32);
            }
        }
        sum
    }
}

fn intersect(reached: &mut Line, allowed: &Line) {
    for (reached, allowed) in reached.iter_mut().zip(allowed) {
        *reached &= allowed;
    }
}
