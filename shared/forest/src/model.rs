//! A checked gradient-boosted model: what it predicts, walked node by node. The compiled [`Forest`](crate::Forest) is
//! the fast way to the same numbers; this is the plain one.

/// A parsed, checked XGBoost model: `gbtree` with the objective `binary:logistic`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) feature_names: Vec<String>,
    /// The margin before any tree has spoken.
    pub(crate) base_margin: f64,
    pub(crate) trees: Vec<Tree>,
}

/// One tree; node 0 is the root, and every child has a larger index than its parent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Ends a path and adds this to the margin.
    Leaf(f64),
    Split(Split),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) feature: u32,
    pub(crate) test: Test,
    /// Where a missing value goes.
    pub(crate) missing_left: bool,
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// The share of the node's training weight that went left, 0 to 1. The share that went right is the rest.
    pub(crate) left_share: f64,
}

/// What a present value must satisfy to go left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// To be smaller than the threshold, compared in 32 bits.
    Below(f32),
    /// Not to be one of the listed categories, which are sorted and distinct.
    NotIn(Vec<u32>),
}

/// XGBoost counts a code from this on as invalid: above it a 32-bit float no longer holds every whole number.
pub(crate) const MAX_CATEGORIES: u32 = 1 << 24;

/// The category that a value stands for, as XGBoost reads it: the whole part, and none for a value that is negative or
/// too large to be a code. A value without a category is in no set.
pub(crate) fn category(value: f32) -> Option<u32> {
    (value >= 0.0 && value < MAX_CATEGORIES as f32).then_some(value as u32)
}

/// Whether the value is one of the listed categories, which are sorted.
pub(crate) fn is_listed(categories: &[u32], value: f32) -> bool {
    category(value).is_some_and(|code| categories.binary_search(&code).is_ok())
}

impl Split {
    /// Whether a row with this value of the split's feature goes left.
    pub(crate) fn goes_left(&self, value: f32) -> bool {
        if value.is_nan() {
            return self.missing_left;
        }
        match &self.test {
            Test::Below(threshold) => value < *threshold,
            Test::NotIn(categories) => !is_listed(categories, value),
        }
    }
}

impl Tree {
    /// The value of the leaf in which the row ends.
    fn leaf(&self, row: &[f32]) -> f64 {
        let mut node = 0;
        loop {
            match &self.nodes[node] {
                Node::Leaf(value) => return *value,
                Node::Split(split) => {
                    let left = split.goes_left(row[split.feature as usize]);
                    node = if left { split.left } else { split.right } as usize;
                }
            }
        }
    }
}

impl Model {
    /// The features' names in the order in which a row holds their values; `f0`, `f1`, … where the model has none.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// How many values a row has.
    pub fn n_features(&self) -> usize {
        self.feature_names.len()
    }

    /// The margin (log-odds) of one row: base and leaf values added up in 64 bits, tree by tree. NaN is a missing
    /// value, a category is its code.
    ///
    /// # Panics
    /// When `row` has not [`n_features`](Self::n_features) values.
    pub fn margin(&self, row: &[f32]) -> f64 {
        assert_eq!(
            row.len(),
            self.n_features(),
            "a row has one value per feature"
        );
        self.base_margin + self.trees.iter().map(|tree| tree.leaf(row)).sum::<f64>()
    }

    /// The model whose margin is `slope * margin + intercept`. So a calibration that is affine in the log-odds becomes
    /// part of the model, and its contributions add up to the calibrated log-odds.
    pub fn affine(mut self, slope: f64, intercept: f64) -> Model {
        self.base_margin = slope * self.base_margin + intercept;
        for tree in &mut self.trees {
            for node in &mut tree.nodes {
                if let Node::Leaf(value) = node {
                    *value *= slope;
                }
            }
        }
        self
    }
}

impl Tree {
    /// Calls `visit` with each leaf's value and the splits on its path from the root, each with whether it goes left.
    pub(crate) fn for_each_leaf<'t>(&'t self, mut visit: impl FnMut(&[(&'t Split, bool)], f64)) {
        let mut path = Vec::new();
        // (node, level, whether it is a left child)
        let mut pending = vec![(0, 0, true)];
        while let Some((index, level, left)) = pending.pop() {
            path.truncate(level);
            if let Some((_, last_left)) = path.last_mut() {
                *last_left = left;
            }
            match &self.nodes[index as usize] {
                Node::Leaf(value) => visit(&path, *value),
                Node::Split(split) => {
                    path.push((split, true));
                    pending.push((split.right, level + 1, false));
                    pending.push((split.left, level + 1, true));
                }
            }
        }
    }

    /// The splits on its longest path.
    pub(crate) fn depth(&self) -> usize {
        let mut depth = 0;
        self.for_each_leaf(|path, _| depth = depth.max(path.len()));
        depth
    }

    /// What the tree gives on average over its training weight: E[f(X)].
    pub(crate) fn expected_value(&self) -> f64 {
        let mut sum = 0.0;
        self.for_each_leaf(|path, value| {
            sum += path
                .iter()
                .fold(value, |product, (split, left)| product * split.share(*left));
        });
        sum
    }
}

impl Split {
    /// The share of the training weight that takes this branch.
    pub(crate) fn share(&self, left: bool) -> f64 {
        if left {
            self.left_share
        } else {
            1.0 - self.left_share
        }
    }
}
