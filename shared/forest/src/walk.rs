//! Trees that are walked node by node, because tables for them would not fit the budget: contributions in time
//! proportional to a tree's size and half the number of distinct features on its longest path.

use crate::format::is_margin;
use crate::json::MAX_DEPTH;
use crate::model::{Node, Split, Test, Tree, is_listed};
use crate::shapley::{Condition, QuadratureNode};
use bytemuck::{Pod, Zeroable};

/// One node of a tree in pre-order: the left child follows its parent.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct WalkNode {
    /// A leaf's value, or the share of the training weight that goes left.
    value: f64,
    threshold: f32,
    feature: u32,
    /// How far behind its parent the right child lies; 0 in a leaf.
    right: u32,
    missing_left: u32,
    /// Where the categories that go right start, and how many there are, plus one; 0 for a numerical split.
    categories_start: u32,
    categories: u32,
}

/// The walked trees' nodes one after another, each tree starting at its root, and the categories they list.
#[derive(Default)]
pub(crate) struct WalkBuilder {
    pub(crate) nodes: Vec<WalkNode>,
    pub(crate) categories: Vec<u32>,
    /// The most distinct features, and the most levels, on any path.
    pub(crate) features: usize,
    pub(crate) depth: usize,
}

impl WalkBuilder {
    /// Adds a tree, and tells where its root is.
    pub(crate) fn push(&mut self, tree: &Tree) -> u32 {
        let root = self.nodes.len() as u32;
        for (index, node) in tree.nodes.iter().enumerate() {
            let node = match node {
                Node::Leaf(value) => WalkNode {
                    value: *value,
                    ..WalkNode::zeroed()
                },
                Node::Split(split) => self.split(split, index as u32),
            };
            self.nodes.push(node);
        }
        tree.for_each_leaf(|path, _| {
            self.depth = self.depth.max(path.len());
            let mut features: Vec<u32> = path.iter().map(|(split, _)| split.feature).collect();
            features.sort_unstable();
            features.dedup();
            self.features = self.features.max(features.len());
        });
        root
    }

    fn split(&mut self, split: &Split, index: u32) -> WalkNode {
        let node = WalkNode {
            value: split.left_share,
            feature: split.feature,
            right: split.right - index,
            missing_left: u32::from(split.missing_left),
            ..WalkNode::zeroed()
        };
        match &split.test {
            Test::Below(threshold) => WalkNode {
                threshold: *threshold,
                ..node
            },
            Test::NotIn(categories) => {
                let categories_start = self.categories.len() as u32;
                self.categories.extend(categories);
                WalkNode {
                    categories_start,
                    categories: categories.len() as u32 + 1,
                    ..node
                }
            }
        }
    }
}

/// The walked trees of a compiled model, where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) nodes: &'a [WalkNode],
    pub(crate) categories: &'a [u32],
    /// The roots of the trees that are walked for margins, and for explanations.
    pub(crate) margin_roots: &'a [u32],
    pub(crate) explanation_roots: &'a [u32],
    /// Exact for the longest path.
    pub(crate) quadrature: &'a [QuadratureNode],
    /// The levels of the deepest tree.
    pub(crate) depth: usize,
}

impl Walk<'_> {
    /// Checks that each walk ends in a leaf of its tree and asks for features and categories that are there.
    pub(crate) fn check(&self, features: usize) -> Result<(), &'static str> {
        let mut roots = Vec::new();
        let (mut categories, mut deepest) = (0, 0);
        // The level of the left child that comes next, and the places and levels of the right ones that are still to come.
        let (mut left, mut pending) = (None, Vec::new());
        for (index, node) in self.nodes.iter().enumerate() {
            let level = match (left.take(), pending.last()) {
                (Some(level), _) => level,
                (None, None) => {
                    roots.push(index as u32);
                    0
                }
                (None, Some(&(right, level))) if right == index => {
                    pending.pop();
                    level
                }
                (None, Some(_)) => {
                    return Err("a node's right side is not where its left one ends");
                }
            };
            deepest = deepest.max(level);
            if node.right == 0 {
                if !is_margin(node.value) {
                    return Err("a leaf is no number");
                }
                continue;
            }
            let own = node.categories.saturating_sub(1) as usize;
            let listed = self.categories.get(categories..categories + own);
            let sound = (node.feature as usize) < features
                && (0.0..=1.0).contains(&node.value)
                && node.threshold.is_finite()
                && (node.categories == 0 || node.categories_start as usize == categories)
                && listed.is_some_and(|listed| listed.is_sorted_by(|a, b| a < b));
            if !sound {
                return Err("a node has no split");
            }
            categories += own;
            left = Some(level + 1);
            pending.push((index + node.right as usize, level + 1));
        }
        if left.is_some() || !pending.is_empty() {
            return Err("a tree is cut short");
        }
        let is_root = |root: &u32| roots.binary_search(root).is_ok();
        for chosen in [self.margin_roots, self.explanation_roots] {
            if !chosen.is_sorted_by(|a, b| a < b) || !chosen.iter().all(is_root) {
                return Err("a tree has no root");
            }
        }
        if categories != self.categories.len() {
            return Err("its categories are more than its nodes list");
        }
        if deepest != self.depth || deepest > MAX_DEPTH {
            return Err("its trees are deeper than it says");
        }
        let within = |number: f64| 0.0 < number && number < 1.0;
        let exact = (1..=deepest.div_ceil(2).max(1)).contains(&self.quadrature.len());
        let sound = |point: &QuadratureNode| {
            within(point.at) && point.weight > 0.0 && point.weight.is_finite()
        };
        match exact && self.quadrature.iter().all(sound) {
            true => Ok(()),
            false => Err("its quadrature is none"),
        }
    }

    fn goes_left(&self, node: &WalkNode, value: f32) -> bool {
        if value.is_nan() {
            node.missing_left != 0
        } else if node.categories == 0 {
            value < node.threshold
        } else {
            let listed =
                &self.categories[node.categories_start as usize..][..node.categories as usize - 1];
            !is_listed(listed, value)
        }
    }

    /// The sum of the leaf values that the row reaches.
    pub(crate) fn margin(&self, row: &[f32]) -> f64 {
        self.margin_roots
            .iter()
            .map(|&root| self.leaf(root as usize, row))
            .sum()
    }

    fn leaf(&self, root: usize, row: &[f32]) -> f64 {
        let mut index = root;
        loop {
            let node = &self.nodes[index];
            if node.right == 0 {
                return node.value;
            }
            let left = self.goes_left(node, row[node.feature as usize]);
            index += if left { 1 } else { node.right as usize };
        }
    }

    /// Adds the trees' contributions of one row to `contributions`, one per feature, and with `interactions` the halves
    /// φ_ij to its entries i ≠ j; that matrix has `stride` columns.
    pub(crate) fn explain(
        &self,
        row: &[f32],
        contributions: &mut [f64],
        interactions: Option<(&mut [f64], usize)>,
    ) {
        if self.explanation_roots.is_empty() {
            return;
        }
        let width = self.quadrature.len();
        let mut visit = Visit {
            walk: self,
            row,
            contributions,
            interactions,
            conditions: vec![Condition::NONE; row.len()],
            path: Vec::with_capacity(self.depth),
            products: vec![1.0; width * (self.depth + 1)],
            sums: vec![0.0; width * (self.depth + 1)],
        };
        for &root in self.explanation_roots {
            visit.node(root as usize, 0);
        }
    }
}

/// One row's way through a tree, with everything that the path so far says.
struct Visit<'v> {
    walk: &'v Walk<'v>,
    row: &'v [f32],
    contributions: &'v mut [f64],
    interactions: Option<(&'v mut [f64], usize)>,
    /// By feature.
    conditions: Vec<Condition>,
    /// The distinct features on the path.
    path: Vec<u32>,
    /// By level and quadrature node: the product of the path's factors.
    products: Vec<f64>,
    /// By level and quadrature node: the sum of product times value over the leaves below.
    sums: Vec<f64>,
}

impl Visit<'_> {
    /// Visits the tree below a node. A feature that the path meets again gets a new factor: what the old one contributed
    /// through the leaves below is taken back and the new one's contribution added (Linear TreeSHAP, Yu et al., 2022,
    /// here on quadrature nodes instead of polynomial coefficients).
    fn node(&mut self, index: usize, level: usize) {
        let walk = self.walk;
        let rule = walk.quadrature;
        let width = rule.len();
        let here = level * width;
        let node = &walk.nodes[index];
        if node.right == 0 {
            for q in here..here + width {
                self.sums[q] = self.products[q] * node.value;
            }
            self.interact(here, node.value);
            return;
        }
        self.sums[here..here + width].fill(0.0);
        let feature = node.feature as usize;
        let left = walk.goes_left(node, self.row[feature]);
        let before = self.conditions[feature];
        let first_meeting = !self.path.contains(&node.feature);
        if first_meeting {
            self.path.push(node.feature);
        }
        let children = [
            (index + 1, node.value, left),
            (index + node.right as usize, 1.0 - node.value, !left),
        ];
        let below = here + width;
        for (child, share, satisfied) in children {
            let after = before.and(share, satisfied);
            for (q, point) in rule.iter().enumerate() {
                self.products[below + q] =
                    self.products[here + q] / before.factor(point.at) * after.factor(point.at);
            }
            self.conditions[feature] = after;
            self.node(child, level + 1);
            for (q, point) in rule.iter().enumerate() {
                let sum = self.sums[below + q];
                let change = after.difference() / after.factor(point.at)
                    - before.difference() / before.factor(point.at);
                self.contributions[feature] += point.weight * sum * change;
                self.sums[here + q] += sum;
            }
        }
        self.conditions[feature] = before;
        if first_meeting {
            self.path.pop();
        }
    }

    /// One leaf's interactions between the features on its path, where they are wanted.
    fn interact(&mut self, here: usize, value: f64) {
        let Some((matrix, stride)) = &mut self.interactions else {
            return;
        };
        for (place, &a) in self.path.iter().enumerate() {
            let first = self.conditions[a as usize];
            for &b in &self.path[..place] {
                let second = self.conditions[b as usize];
                let integral: f64 = self
                    .walk
                    .quadrature
                    .iter()
                    .zip(&self.products[here..])
                    .fold(0.0, |sum, (point, product)| {
                        sum + point.weight * product
                            / (first.factor(point.at) * second.factor(point.at))
                    });
                let interaction = 0.5 * value * first.difference() * second.difference() * integral;
                matrix[a as usize * *stride + b as usize] += interaction;
                matrix[b as usize * *stride + a as usize] += interaction;
            }
        }
    }
}
