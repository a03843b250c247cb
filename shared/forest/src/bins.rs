//! Bins: the stretches of a feature's values that no split tells apart.
//!
//! Every test that XGBoost knows is constant between finitely many cut points: a threshold is one, and a category `c`,
//! which is whatever truncates to `c`, lies between the two cut points `c` and `c + 1`. So one search per feature
//! replaces every comparison in every tree, and a categorical feature needs no code of its own.

use crate::forest::BLOCK;
use crate::model::{Node, Split, Test, Tree};

/// The most bins, the one for missing values included, that a feature may have in tables.
pub(crate) const MAX_BINS: usize = 1 << 12;

/// Up to this many cut points a feature's bin is counted, beyond it is searched.
const COUNTED: usize = 16;

/// The cut points that a set of trees needs, by feature.
pub(crate) struct Bins {
    /// Sorted and distinct.
    cuts: Vec<Vec<f32>>,
}

impl Bins {
    /// The bins that tell apart whatever the trees' splits tell apart.
    pub(crate) fn of<'t>(features: usize, trees: impl IntoIterator<Item = &'t Tree>) -> Bins {
        let mut cuts = vec![Vec::new(); features];
        for tree in trees {
            for node in &tree.nodes {
                if let Node::Split(split) = node {
                    cuts_of(&split.test, &mut cuts[split.feature as usize]);
                }
            }
        }
        for cuts in &mut cuts {
            cuts.sort_unstable_by(f32::total_cmp);
            cuts.dedup();
        }
        Bins { cuts }
    }

    /// How many bins the feature has. The last is that of missing values.
    pub(crate) fn count(&self, feature: u32) -> usize {
        self.cuts[feature as usize].len() + 2
    }

    /// Which of its feature's bins the split sends left.
    pub(crate) fn left(&self, split: &Split) -> Vec<bool> {
        let cuts = &self.cuts[split.feature as usize];
        let representatives = [f32::NEG_INFINITY]
            .into_iter()
            .chain(cuts.iter().copied())
            .chain([f32::NAN]);
        representatives
            .map(|value| split.goes_left(value))
            .collect()
    }

    /// All cut points, and where each feature's start.
    pub(crate) fn flatten(&self) -> (Vec<f32>, Vec<u32>) {
        let mut starts = vec![0];
        let mut flat = Vec::new();
        for cuts in &self.cuts {
            flat.extend(cuts);
            starts.push(flat.len() as u32);
        }
        (flat, starts)
    }
}

fn cuts_of(test: &Test, cuts: &mut Vec<f32>) {
    match test {
        // Adding zero turns −0 into 0, which compares equal but sorts apart.
        Test::Below(threshold) => cuts.push(threshold + 0.0),
        Test::NotIn(categories) => {
            cuts.extend(
                categories
                    .iter()
                    .flat_map(|&code| [code as f32, (code + 1) as f32]),
            );
        }
    }
}

/// Those of the trees whose features all have few enough bins for tables.
pub(crate) fn trees_with_few_bins(features: usize, trees: &[Tree]) -> Vec<bool> {
    let all = Bins::of(features, trees);
    let few = |tree: &Tree| {
        tree.nodes.iter().all(|node| match node {
            Node::Leaf(_) => true,
            Node::Split(split) => all.count(split.feature) <= MAX_BINS,
        })
    };
    trees.iter().map(few).collect()
}

/// The cut points of a compiled model, where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) starts: &'a [u32],
}

impl Cuts<'_> {
    fn of(&self, feature: usize) -> &[f32] {
        &self.values[self.starts[feature] as usize..self.starts[feature + 1] as usize]
    }

    /// Checks that each feature has cut points, which rise, and no more bins than tables may have.
    pub(crate) fn check(&self, features: usize) -> Result<(), &'static str> {
        let whole = self.starts.len() == features + 1
            && self.starts[0] == 0
            && self.starts[features] as usize == self.values.len()
            && self.starts.is_sorted();
        if !whole {
            return Err("the cut points are not those of its features");
        }
        let sound = (0..features).all(|feature| {
            let cuts = self.of(feature);
            self.count(feature) <= MAX_BINS
                && cuts.is_sorted_by(|low, high| low < high)
                && cuts.iter().all(|cut| cut.is_finite())
        });
        match sound {
            true => Ok(()),
            false => Err("a feature's cut points do not rise"),
        }
    }

    /// How many bins a feature has. The last is that of missing values.
    pub(crate) fn count(&self, feature: usize) -> usize {
        self.of(feature).len() + 2
    }

    /// The bin of a value of a feature.
    pub(crate) fn bin(&self, feature: usize, value: f32) -> u16 {
        bin_of(value, self.of(feature))
    }

    /// The bin of each of a row's values.
    pub(crate) fn bin_row(&self, row: &[f32], bins: &mut [u16]) {
        for (feature, (bin, &value)) in bins.iter_mut().zip(row).enumerate() {
            *bin = bin_of(value, self.of(feature));
        }
    }

    /// The bins of at most [`BLOCK`] rows, feature by feature: those of feature `f` are `columns[f * stride..][..rows]`.
    pub(crate) fn bin_columns(
        &self,
        rows: &[f32],
        features: usize,
        columns: &mut [u16],
        stride: usize,
    ) {
        let mut values = [0.0; BLOCK];
        let values = &mut values[..rows.len() / features];
        for (feature, column) in columns.chunks_exact_mut(stride).enumerate() {
            let cuts = self.of(feature);
            for (value, row) in values.iter_mut().zip(rows.chunks_exact(features)) {
                *value = row[feature];
            }
            bin_column(values, cuts, column);
        }
    }
}

/// [`bin_of`] each value; few cut points are counted for all values at once, which takes one vector comparison each.
fn bin_column(values: &[f32], cuts: &[f32], bins: &mut [u16]) {
    if cuts.len() > COUNTED {
        for (bin, &value) in bins.iter_mut().zip(values) {
            *bin = bin_of(value, cuts);
        }
        return;
    }
    bins.fill(0);
    for &cut in cuts {
        for (bin, &value) in bins.iter_mut().zip(values) {
            *bin += u16::from(cut <= value);
        }
    }
    // No comparison with a missing value holds, so that its count is zero so far.
    let missing = cuts.len() as u16 + 1;
    for (bin, &value) in bins.iter_mut().zip(values) {
        *bin |= if value.is_nan() { missing } else { 0 };
    }
}

/// How many cut points do not exceed the value, or one more than any value can have for a missing one.
fn bin_of(value: f32, cuts: &[f32]) -> u16 {
    let bin = if value.is_nan() {
        cuts.len() + 1
    } else {
        cuts.partition_point(|&cut| cut <= value)
    };
    bin as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_get_the_same_bins() {
        let many: Vec<f32> = (0..=COUNTED).map(|cut| cut as f32).collect();
        // A split that lists no category has no cut point, and still tells the missing values from the others.
        for cuts in [&[][..], &[0.5], &[-1.0, 0.0, 2.0], &many] {
            let values = [
                f32::NAN,
                f32::NEG_INFINITY,
                -1.0,
                0.0,
                0.5,
                3.0,
                f32::INFINITY,
            ];
            let cuts = Cuts {
                values: cuts,
                starts: &[0, cuts.len() as u32],
            };
            let mut column = [0; 7];
            cuts.bin_columns(&values, 1, &mut column, 7);
            for (value, bin) in values.iter().zip(column) {
                let mut alone = [0];
                cuts.bin_row(&[*value], &mut alone);
                assert_eq!([bin], alone, "{value} between {:?}", cuts.values);
            }
        }
    }
}
