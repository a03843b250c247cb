//! Random workspaces: a random schema, customers of it, and a small random model.

use engagetrack::{Live, View};
use proptest::prelude::*;
use schema::testing::{Draws, schemas};
use schema::{Kind, Profile, Schema};
use serde_json::{Value, json};
use workspace::compile::{Sources, compile};

const NUDGES: &str = "[[nudge]]\nid = \"thanks\"\ncategory = \"thanks\"\ntitle = \"Say thanks\"\notherwise = true\n\
    reasons = [\"Nothing else applies.\"]\nmessages = [\"Thanks.\", \"Thank you.\"]\n";

/// A workspace and the customers that it was made of, by their ids.
pub struct Random {
    pub live: Live,
    pub customers: Vec<(String, Profile, Option<bool>)>,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} customers", self.customers.len())
    }
}

impl Random {
    pub fn view(&self) -> &View<'_> {
        self.live.view()
    }
}

/// Random workspaces with at most `changeable` fields that a customer can change.
pub fn workspaces(changeable: usize) -> impl Strategy<Value = (String, Vec<u32>, Draws)> {
    let numbers = prop::collection::vec(any::<u32>(), 120);
    let draws = prop::collection::vec(any::<u32>(), 600).prop_map(Draws::new);
    let text = schemas().prop_map(move |text| few_changes(&text, changeable));
    (text, numbers, draws)
}

/// The schema with the changes of all fields but the first few left to whole cohorts, and with a field for the model.
fn few_changes(text: &str, changeable: usize) -> String {
    let mut count = 0;
    let lines = text.lines().map(|line| match line {
        "change = \"any\"" | "change = \"up\"" => {
            count += 1;
            if count > changeable {
                "change = \"cohort\""
            } else {
                line
            }
        }
        line => line,
    });
    let text: Vec<&str> = lines.collect();
    match text.contains(&"model = true") {
        true => text.join("\n"),
        false => text.join("\n").replacen("model = false", "model = true", 1),
    }
}

/// The workspace of a schema; the numbers decide on its model, the draws on its customers.
pub fn workspace(text: &str, numbers: &[u32], draws: &mut Draws) -> Random {
    let bytes = schema::source::compile(text)
        .unwrap_or_else(|faults| panic!("{}\n{text}", faults.join("\n")));
    let schema = Schema::open(&bytes).unwrap();
    let mut customers: Vec<(String, Profile, Option<bool>)> = (0..12)
        .map(|number| {
            let outcome = [None, Some(true), Some(false)][numbers[number] as usize % 3];
            // Ids of which some begin like others, not in the order of the file.
            let id = format!("c{}-{number}", numbers[number] % 5);
            let known = outcome.filter(|_| schema.outcome_name().is_some());
            (id, draws.profile(&schema), known)
        })
        .collect();
    let files = [
        text.to_owned(),
        table(&schema, &customers),
        NUDGES.to_owned(),
        model(&schema, &numbers[12..]).to_string(),
        json!({"version": "none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}})
            .to_string(),
        "{}".to_owned(),
    ];
    let files = files.map(String::into_bytes);
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    customers.sort_by(|a, b| a.0.cmp(&b.0));
    Random {
        live: Live::open(compiled.into_parts()).unwrap(),
        customers,
    }
}

fn table(schema: &Schema<'_>, customers: &[(String, Profile, Option<bool>)]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = schema.fields().map(|field| field.column());
    let outcome = schema.outcome_name();
    writer
        .write_record([schema.id_name()].into_iter().chain(header).chain(outcome))
        .unwrap();
    for (id, profile, left) in customers {
        let cells = schema.fields().map(|field| {
            let code = profile.code(field.index());
            match field.kind() {
                _ if code.is_nan() => String::new(),
                Kind::Flag if field.without().is_none() || code != field.absent_code() => {
                    ["No", "Yes"][code as usize].to_owned()
                }
                Kind::Flag | Kind::Choice => field.value(code).unwrap().name().to_owned(),
                _ => code.to_string(),
            }
        });
        let left = outcome.map(|_| match left {
            None => "",
            Some(true) => "Out",
            Some(false) => "In",
        });
        writer
            .write_record(
                [id.clone()]
                    .into_iter()
                    .chain(cells)
                    .chain(left.map(str::to_owned)),
            )
            .unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The arrays of one tree, node by node.
#[derive(Default)]
struct Tree {
    left: Vec<i32>,
    right: Vec<i32>,
    feature: Vec<usize>,
    condition: Vec<f64>,
    missing_left: Vec<u8>,
    weight: Vec<f64>,
}

impl Tree {
    fn node(
        &mut self,
        features: usize,
        depth: usize,
        weight: f64,
        next: &mut impl FnMut() -> usize,
    ) -> i32 {
        let index = self.left.len();
        self.left.push(-1);
        self.right.push(-1);
        self.feature.push(0);
        self.missing_left.push(0);
        self.weight.push(weight);
        // Few values, so that plans often come to the same risk.
        self.condition.push([-1.5, -0.5, 0.0, 0.5, 1.5][next() % 5]);
        if depth > 0 && !next().is_multiple_of(4) {
            self.feature[index] = next() % features;
            self.condition[index] = [0.5, 1.5, 2.5, 3.5, 10.0, -4.0][next() % 6];
            self.missing_left[index] = (next() % 2) as u8;
            self.left[index] = self.node(features, depth - 1, weight / 2.0, next);
            self.right[index] = self.node(features, depth - 1, weight / 2.0, next);
        }
        index as i32
    }
}

/// A model of three trees of XGBoost's over the fields that it may see, in their reverse order.
fn model(schema: &Schema<'_>, numbers: &[u32]) -> Value {
    let mut names: Vec<&str> = schema
        .fields()
        .filter(|field| field.for_model())
        .map(|field| field.name())
        .collect();
    names.reverse();
    let count = names.len().to_string();
    let mut numbers = numbers.iter().cycle();
    let mut next = || *numbers.next().unwrap() as usize;
    let trees: Vec<Value> = (0..3)
        .map(|_| {
            let mut tree = Tree::default();
            tree.node(names.len(), 3, 8.0, &mut next);
            let nodes = tree.left.len();
            json!({
                "left_children": tree.left,
                "right_children": tree.right,
                "split_indices": tree.feature,
                "split_conditions": tree.condition,
                "default_left": tree.missing_left,
                "sum_hessian": tree.weight,
                "split_type": vec![0; nodes],
                "tree_param": {"num_nodes": nodes.to_string(), "num_feature": count, "size_leaf_vector": "1"},
            })
        })
        .collect();
    json!({"learner": {
        "attributes": {},
        "feature_names": names,
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": count, "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "3"},
            "iteration_indptr": [0, 1, 2, 3],
            "tree_info": [0, 0, 0],
            "trees": trees,
        }},
    }, "version": [3, 2, 0]})
}
