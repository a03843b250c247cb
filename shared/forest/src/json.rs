//! Reading the JSON that XGBoost's `save_model` writes, and refusing whatever this crate would get wrong.

use crate::model::{MAX_CATEGORIES, Model, Node, Split, Test, Tree};
use serde::Deserialize;
use std::collections::HashMap;

/// The longest path from a root to a leaf that is read. XGBoost's own trees are shallower by far.
pub(crate) const MAX_DEPTH: usize = 4096;

/// The most features. The number alone makes memory be allocated, so that it may not be just any.
const MAX_FEATURES: usize = 1 << 16;

/// Why bytes are not a model that this crate can run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not JSON, cut short, or a field of the wrong type; the message has line and column.
    #[error("the model is not XGBoost's JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A valid model of a kind that is not supported.
    #[error("{field} is {found}, and only {supported} is supported")]
    Unsupported {
        /// The path of the JSON field.
        field: &'static str,
        /// What the model says there.
        found: String,
        /// What it would have to say.
        supported: &'static str,
    },
    /// A field outside the trees that contradicts itself or the others.
    #[error("{field}: {problem}")]
    Field {
        /// The path of the JSON field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A tree that contradicts itself.
    #[error("tree {tree}: {problem}")]
    Tree {
        /// Index in `learner.gradient_booster.model.trees`.
        tree: usize,
        /// What is wrong with it, and at which node.
        problem: TreeProblem,
    },
}

/// What is wrong with one tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeProblem {
    /// The tree has no node.
    #[error("it has no nodes")]
    Empty,
    /// The arrays that describe the nodes differ in length.
    #[error("`{array}` has {found} entries for {nodes} nodes")]
    Length {
        /// The array's name in the JSON.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The number of nodes that the tree has.
        nodes: usize,
    },
    /// More than one value per leaf.
    #[error("`tree_param.size_leaf_vector` is {0}, and only one value per leaf is supported")]
    LeafVector(String),
    /// A node has one child, or a child that does not exist.
    #[error("node {node} has the children {left} and {right}, and there are {nodes} nodes")]
    Children {
        /// The node.
        node: usize,
        /// Its left child.
        left: i64,
        /// Its right child.
        right: i64,
        /// The number of nodes that the tree has.
        nodes: usize,
    },
    /// Two paths lead to a node: it is its own ancestor or has two parents.
    #[error("node {node} is reached twice")]
    ReachedTwice {
        /// The node.
        node: usize,
    },
    /// The path to a node is too long.
    #[error("node {node} lies deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// The node.
        node: usize,
    },
    /// A split on a feature that the model does not have.
    #[error("node {node} splits on feature {feature}, and the model has {features}")]
    Feature {
        /// The node.
        node: usize,
        /// The feature it names.
        feature: i64,
        /// The number of features that the model has.
        features: usize,
    },
    /// A number that is infinite or out of its range.
    #[error("node {node} has the {what} {found}")]
    Number {
        /// The node.
        node: usize,
        /// Which number it is.
        what: &'static str,
        /// The number.
        found: f64,
    },
    /// A split that is neither numerical (0) nor categorical (1).
    #[error("node {node} has the split type {found}, and only 0 and 1 exist")]
    SplitType {
        /// The node.
        node: usize,
        /// Its `split_type`.
        found: i64,
    },
    /// The categories of a split are missing or lie outside the array that holds them.
    #[error("node {node}: {problem}")]
    Categories {
        /// The node.
        node: usize,
        /// What is wrong with its categories.
        problem: String,
    },
    /// The same feature is split by a threshold in one place and by categories in another.
    #[error(
        "node {node} splits feature {feature} the other way (by threshold or by category) than a tree before it"
    )]
    MixedFeature {
        /// The node.
        node: usize,
        /// The feature.
        feature: u32,
    },
}

#[derive(Deserialize)]
struct Document {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    feature_names: Vec<String>,
    gradient_booster: Booster,
    learner_model_param: LearnerParam,
    objective: Objective,
}

#[derive(Deserialize, Default)]
struct Attributes {
    best_iteration: Option<String>,
}

#[derive(Deserialize)]
struct LearnerParam {
    base_score: String,
    #[serde(default)]
    num_class: Option<String>,
    num_feature: String,
    #[serde(default)]
    num_target: Option<String>,
}

#[derive(Deserialize)]
struct Objective {
    name: String,
}

/// Other boosters have other fields, so all are optional until the name is known.
#[derive(Deserialize)]
struct Booster {
    name: String,
    model: Option<Trees>,
}

#[derive(Deserialize)]
struct Trees {
    trees: Option<Vec<RawTree>>,
    #[serde(default)]
    iteration_indptr: Vec<usize>,
    #[serde(default)]
    gbtree_model_param: BoosterParam,
    #[serde(default)]
    tree_info: Vec<i64>,
}

#[derive(Deserialize, Default)]
struct BoosterParam {
    num_parallel_tree: Option<String>,
    num_trees: Option<String>,
}

/// A tree as XGBoost lays it out: one array per property, one entry per node, deleted nodes included.
#[derive(Deserialize)]
struct RawTree {
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_indices: Vec<i64>,
    split_conditions: Vec<f32>,
    default_left: Vec<Flag>,
    sum_hessian: Vec<f32>,
    #[serde(default)]
    split_type: Vec<i64>,
    #[serde(default)]
    categories: Vec<i64>,
    #[serde(default)]
    categories_nodes: Vec<usize>,
    #[serde(default)]
    categories_segments: Vec<usize>,
    #[serde(default)]
    categories_sizes: Vec<usize>,
    #[serde(default)]
    tree_param: TreeParam,
}

#[derive(Deserialize, Default)]
struct TreeParam {
    size_leaf_vector: Option<String>,
    num_nodes: Option<String>,
}

/// `default_left` is written as 0 and 1 or, by older versions, as booleans.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    fn is_set(self) -> bool {
        match self {
            Flag::Bool(set) => set,
            Flag::Number(number) => number != 0,
        }
    }
}

impl Model {
    /// Reads what XGBoost's `save_model("….json")` wrote. Where early stopping left a `best_iteration`, the trees after
    /// it are left out, as XGBoost's scikit-learn interface does.
    ///
    /// # Errors
    /// [`ModelError`] for anything that is not a single-output `gbtree` model with the objective `binary:logistic`, and
    /// for a model that is cut short or contradicts itself: it names the place.
    pub fn from_json(json: &[u8]) -> Result<Model, ModelError> {
        let learner = serde_json::from_slice::<Document>(json)?.learner;
        let trees = supported(&learner)?;
        let base_margin = base_margin(&learner.learner_model_param.base_score)?;
        let feature_names = feature_names(&learner)?;
        let used = trees_in_use(&learner, trees.len())?;
        let mut kinds = HashMap::new();
        let trees = trees[..used]
            .iter()
            .enumerate()
            .map(|(tree, raw)| {
                raw.check(feature_names.len(), &mut kinds)
                    .map_err(|problem| ModelError::Tree { tree, problem })
            })
            .collect::<Result<_, _>>()?;
        Ok(Model {
            feature_names,
            base_margin,
            trees,
        })
    }
}

fn unsupported(
    field: &'static str,
    found: impl Into<String>,
    supported: &'static str,
) -> ModelError {
    ModelError::Unsupported {
        field,
        found: found.into(),
        supported,
    }
}

/// The model's trees, once its kind is known to be supported.
fn supported(learner: &Learner) -> Result<&[RawTree], ModelError> {
    let booster = &learner.gradient_booster;
    if booster.name != "gbtree" {
        return Err(unsupported(
            "learner.gradient_booster.name",
            &booster.name,
            "gbtree",
        ));
    }
    if learner.objective.name != "binary:logistic" {
        return Err(unsupported(
            "learner.objective.name",
            &learner.objective.name,
            "binary:logistic",
        ));
    }
    let param = &learner.learner_model_param;
    let several = |count: &Option<String>| {
        count
            .as_deref()
            .is_some_and(|count| count != "0" && count != "1")
    };
    if several(&param.num_class) {
        let found = param.num_class.clone().unwrap_or_default();
        return Err(unsupported(
            "learner.learner_model_param.num_class",
            found,
            "one class",
        ));
    }
    if several(&param.num_target) {
        let found = param.num_target.clone().unwrap_or_default();
        return Err(unsupported(
            "learner.learner_model_param.num_target",
            found,
            "one target",
        ));
    }
    let field = "learner.gradient_booster.model.trees";
    let model = booster.model.as_ref();
    let trees = model
        .and_then(|model| model.trees.as_deref())
        .ok_or(ModelError::Field {
            field,
            problem: "is missing".into(),
        })?;
    if let Some(count) = model.and_then(|model| model.gbtree_model_param.num_trees.as_deref())
        && count.parse() != Ok(trees.len())
    {
        let problem = format!("there are {}, and `num_trees` says {count}", trees.len());
        return Err(ModelError::Field { field, problem });
    }
    if let Some(group) = model.and_then(|model| model.tree_info.iter().find(|&&group| group != 0)) {
        return Err(unsupported(
            "learner.gradient_booster.model.tree_info",
            group.to_string(),
            "group 0",
        ));
    }
    Ok(trees)
}

/// The log-odds of the base score, which stands as `5E-1` or, from XGBoost 3.1 on, as `[5E-1]`.
fn base_margin(text: &str) -> Result<f64, ModelError> {
    let number = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let problem = || ModelError::Field {
        field: "learner.learner_model_param.base_score",
        problem: format!("must be one probability between 0 and 1, got {text:?}"),
    };
    let probability = f64::from(number.trim().parse::<f32>().map_err(|_| problem())?);
    if !(probability > 0.0 && probability < 1.0) {
        return Err(problem());
    }
    Ok((probability / (1.0 - probability)).ln())
}

fn feature_names(learner: &Learner) -> Result<Vec<String>, ModelError> {
    let text = &learner.learner_model_param.num_feature;
    let field = "learner.learner_model_param.num_feature";
    let count = match text.parse::<usize>() {
        Ok(count) if (1..=MAX_FEATURES).contains(&count) => count,
        _ => {
            let problem = format!("must be a number from 1 to {MAX_FEATURES}, got {text:?}");
            return Err(ModelError::Field { field, problem });
        }
    };
    let names = &learner.feature_names;
    if names.is_empty() {
        return Ok((0..count).map(|feature| format!("f{feature}")).collect());
    }
    if names.len() != count {
        let problem = format!("there are {} names for {count} features", names.len());
        return Err(ModelError::Field {
            field: "learner.feature_names",
            problem,
        });
    }
    Ok(names.clone())
}

/// How many of the trees belong to the model: all of them, or those up to the best iteration.
fn trees_in_use(learner: &Learner, trees: usize) -> Result<usize, ModelError> {
    let Some(text) = &learner.attributes.best_iteration else {
        return Ok(trees);
    };
    let problem = || ModelError::Field {
        field: "learner.attributes.best_iteration",
        problem: format!("must be one of the model's iterations, got {text:?}"),
    };
    let iteration: usize = text.parse().map_err(|_| problem())?;
    let model = learner.gradient_booster.model.as_ref();
    let starts = model.map_or(&[][..], |model| &model.iteration_indptr);
    let end = if starts.is_empty() {
        let parallel = model
            .and_then(|model| model.gbtree_model_param.num_parallel_tree.as_deref())
            .unwrap_or("1");
        iteration
            .checked_add(1)
            .and_then(|count| count.checked_mul(parallel.parse().ok()?))
    } else {
        iteration
            .checked_add(1)
            .and_then(|next| starts.get(next).copied())
    };
    end.filter(|&end| end <= trees).ok_or_else(problem)
}

/// Whether a feature's splits are categorical, and which features have been seen so far.
type Kinds = HashMap<u32, bool>;

impl RawTree {
    /// The tree in pre-order, so that children come after their parent and deleted nodes are gone.
    fn check(&self, features: usize, kinds: &mut Kinds) -> Result<Tree, TreeProblem> {
        self.check_lengths()?;
        let categories = self.categories_by_node()?;
        let mut reached = vec![false; self.left_children.len()];
        let mut nodes: Vec<Node> = Vec::new();
        // (node, depth, the parent whose right child it is)
        let mut pending = vec![(0usize, 0usize, None)];
        while let Some((node, depth, right_of)) = pending.pop() {
            if std::mem::replace(&mut reached[node], true) {
                return Err(TreeProblem::ReachedTwice { node });
            }
            if depth > MAX_DEPTH {
                return Err(TreeProblem::TooDeep { node });
            }
            let place = nodes.len() as u32;
            if let Some(parent) = right_of
                && let Node::Split(split) = &mut nodes[parent]
            {
                split.right = place;
            }
            let Some((left, right)) = self.children(node)? else {
                nodes.push(Node::Leaf(self.finite(node, "leaf value")?));
                continue;
            };
            let feature = self.feature(node, features)?;
            let test = self.test(node, &categories)?;
            let categorical = matches!(test, Test::NotIn(_));
            if *kinds.entry(feature).or_insert(categorical) != categorical {
                return Err(TreeProblem::MixedFeature { node, feature });
            }
            pending.push((right, depth + 1, Some(place as usize)));
            pending.push((left, depth + 1, None));
            nodes.push(Node::Split(Split {
                feature,
                test,
                missing_left: self.default_left[node].is_set(),
                left: place + 1,
                right: 0, // known once the left side has been laid out
                left_share: self.left_share(left, right)?,
            }));
        }
        Ok(Tree { nodes })
    }

    fn check_lengths(&self) -> Result<(), TreeProblem> {
        let nodes = self.left_children.len();
        if nodes == 0 {
            return Err(TreeProblem::Empty);
        }
        let lengths = [
            ("right_children", self.right_children.len()),
            ("split_indices", self.split_indices.len()),
            ("split_conditions", self.split_conditions.len()),
            ("default_left", self.default_left.len()),
            ("sum_hessian", self.sum_hessian.len()),
            // Models from before categorical splits have no such array.
            (
                "split_type",
                if self.split_type.is_empty() {
                    nodes
                } else {
                    self.split_type.len()
                },
            ),
        ];
        if let Some(&(array, found)) = lengths.iter().find(|(_, found)| *found != nodes) {
            return Err(TreeProblem::Length {
                array,
                found,
                nodes,
            });
        }
        if let Some(count) = &self.tree_param.num_nodes
            && count.parse() != Ok(nodes)
        {
            let found = count.parse().unwrap_or(usize::MAX);
            return Err(TreeProblem::Length {
                array: "tree_param.num_nodes",
                found,
                nodes,
            });
        }
        match self.tree_param.size_leaf_vector.as_deref() {
            None | Some("0" | "1") => Ok(()),
            Some(size) => Err(TreeProblem::LeafVector(size.to_owned())),
        }
    }

    /// Each categorical node's stretch of `categories`.
    fn categories_by_node(&self) -> Result<HashMap<usize, &[i64]>, TreeProblem> {
        let nodes = self.categories_nodes.len();
        for (array, found) in [
            ("categories_segments", self.categories_segments.len()),
            ("categories_sizes", self.categories_sizes.len()),
        ] {
            if found != nodes {
                return Err(TreeProblem::Length {
                    array,
                    found,
                    nodes,
                });
            }
        }
        let segments = self.categories_segments.iter().zip(&self.categories_sizes);
        self.categories_nodes
            .iter()
            .zip(segments)
            .map(|(&node, (&start, &size))| {
                let codes = start
                    .checked_add(size)
                    .and_then(|end| self.categories.get(start..end));
                let problem = || TreeProblem::Categories {
                    node,
                    problem: format!(
                        "{size} categories from {start} on, of {}",
                        self.categories.len()
                    ),
                };
                Ok((node, codes.ok_or_else(problem)?))
            })
            .collect()
    }

    /// Both children, or none for a leaf.
    fn children(&self, node: usize) -> Result<Option<(usize, usize)>, TreeProblem> {
        let nodes = self.left_children.len();
        let (left, right) = (self.left_children[node], self.right_children[node]);
        if left == -1 && right == -1 {
            return Ok(None);
        }
        let inside = |child: i64| usize::try_from(child).ok().filter(|&child| child < nodes);
        match (inside(left), inside(right)) {
            (Some(left), Some(right)) => Ok(Some((left, right))),
            _ => Err(TreeProblem::Children {
                node,
                left,
                right,
                nodes,
            }),
        }
    }

    fn feature(&self, node: usize, features: usize) -> Result<u32, TreeProblem> {
        let feature = self.split_indices[node];
        match u32::try_from(feature) {
            Ok(index) if (index as usize) < features => Ok(index),
            _ => Err(TreeProblem::Feature {
                node,
                feature,
                features,
            }),
        }
    }

    /// The node's `split_conditions`: a threshold or a leaf value.
    fn finite(&self, node: usize, what: &'static str) -> Result<f64, TreeProblem> {
        let found = f64::from(self.split_conditions[node]);
        if found.is_finite() {
            Ok(found)
        } else {
            Err(TreeProblem::Number { node, what, found })
        }
    }

    fn test(&self, node: usize, categories: &HashMap<usize, &[i64]>) -> Result<Test, TreeProblem> {
        match self.split_type.get(node).copied().unwrap_or(0) {
            0 => Ok(Test::Below(self.finite(node, "threshold")? as f32)),
            1 => {
                let problem = |problem: String| TreeProblem::Categories { node, problem };
                let codes = categories
                    .get(&node)
                    .ok_or_else(|| problem("it lists no categories".into()))?;
                let mut listed = codes
                    .iter()
                    .map(|&code| {
                        let valid = u32::try_from(code)
                            .ok()
                            .filter(|&code| code < MAX_CATEGORIES);
                        valid.ok_or_else(|| problem(format!("{code} is not a category")))
                    })
                    .collect::<Result<Vec<u32>, _>>()?;
                listed.sort_unstable();
                listed.dedup();
                Ok(Test::NotIn(listed))
            }
            found => Err(TreeProblem::SplitType { node, found }),
        }
    }

    /// The left child's share of both children's training weight. A node that no row ever reached has no shares, and
    /// halves are as good as any.
    fn left_share(&self, left: usize, right: usize) -> Result<f64, TreeProblem> {
        let weight = |node: usize| {
            let found = f64::from(self.sum_hessian[node]);
            let valid = found.is_finite() && found >= 0.0;
            if valid {
                Ok(found)
            } else {
                Err(TreeProblem::Number {
                    node,
                    what: "sum of hessians",
                    found,
                })
            }
        };
        let (left, right) = (weight(left)?, weight(right)?);
        Ok(if left + right > 0.0 {
            left / (left + right)
        } else {
            0.5
        })
    }
}
