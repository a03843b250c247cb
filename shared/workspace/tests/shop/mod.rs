//! A small business whose files are broken by tests.

#![allow(dead_code)]

use serde_json::{Value, json};
use workspace::compile::{Sources, compile};

pub const SCHEMA: &str = r#"
format = 1
name = "shop"
as_of = 2026-10-01

[roles]
id = { name = "member_id", columns = ["member"] }
outcome = { name = "cancelled", left = ["yes"], stayed = ["no"] }
recurring = "monthly_charges"

[[field]]
name = "gender"
kind = "choice"
values = ["Female", "Male"]
about = "person"
model = false

[[field]]
name = "tenure_months"
kind = "whole"
most = 600
about = "plan"
required = true

[[field]]
name = "internet_service"
kind = "choice"
values = ["DSL", "Fiber optic", "No"]
about = "plan"
change = "cohort"
required = true

[[field]]
name = "tech_support"
kind = "flag"
about = "plan"
needs = { internet_service = ["DSL", "Fiber optic"] }
without = { spelled = "No internet service" }
change = "any"
price = 5
required = true

[[field]]
name = "streaming_tv"
kind = "flag"
about = "plan"
needs = { internet_service = ["DSL", "Fiber optic"] }
without = { spelled = "No internet service" }
change = "any"
price = 10
required = true

[[field]]
name = "contract"
kind = "choice"
values = ["Month-to-month", "One year", "Two year"]
about = "plan"
change = "up"
filter = true
required = true

[[field]]
name = "support_calls"
kind = "whole"
most = 1000
about = "behaviour"
model = false

[[field]]
name = "payment_delay"
kind = "whole"
most = 1000
about = "behaviour"
model = false

[[field]]
name = "variant"
kind = "choice"
values = ["A", "B"]
about = "experiment"
filter = true
model = false

[[field]]
name = "monthly_charges"
kind = "money"
most = 1000
about = "money"
required = true

[[persona]]
name = "strained"
when = { support_calls = { above = 3 } }

[[persona]]
name = "steady"

[[experiment]]
name = "assistant"
arm = "variant"
"#;

pub const CUSTOMERS: &str = "\
member,cancelled,gender,tenure_months,internet_service,tech_support,streaming_tv,contract,support_calls,payment_delay,variant,monthly_charges
m-1,no,Male,12,DSL,No,Yes,One year,1,0,A,25
m-2,yes,Female,1,No,No internet service,No internet service,Month-to-month,,,B,10
m-3,,,9,Fiber optic,Yes,No,Two year,5,20,,40.5
";

pub const THANKS: &str = r#"
[[nudge]]
id = "thanks"
category = "engagement"
title = "Thank you"
otherwise = true
reasons = ["Nothing to do."]
messages = ["Thank you.", "Thanks."]
"#;

pub const SUPPORT: &str = r#"
[[nudge]]
id = "support"
category = "support"
title = "Enable tech support"
when = { tech_support = false, support_calls = { above = 3 } }
change = { tech_support = true }
placeholders = { calls = "support_calls", price = "price_difference" }
reasons = ["{calls} calls."]
messages = ["For {price} more.", "We help."]
persona = { strained = ["We are sorry."] }
"#;

pub const CATEGORIES: &str = "categories = [\"support\", \"contract\", \"engagement\"]\n";

/// One tree of XGBoost's with a single split, by the tenure.
pub fn model() -> Value {
    let tree = json!({
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [6.0, 0.5, -0.5],
        "default_left": [0, 0, 0],
        "sum_hessian": [4.0, 2.0, 2.0],
        "split_type": [0, 0, 0],
        "tree_param": {"num_nodes": "3", "num_feature": "2", "size_leaf_vector": "1"},
    });
    json!({"learner": {
        "attributes": {},
        "feature_names": ["tenure_months", "contract"],
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
            "iteration_indptr": [0, 1],
            "tree_info": [0],
            "trees": [tree],
        }},
    }, "version": [3, 2, 0]})
}

pub fn card() -> Value {
    json!({"version": "shop-none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}})
}

/// The texts of the source files, in the order of [`Sources::PATHS`].
pub fn files() -> [String; 6] {
    [
        SCHEMA.to_owned(),
        CUSTOMERS.to_owned(),
        format!("{CATEGORIES}{SUPPORT}{THANKS}"),
        model().to_string(),
        card().to_string(),
        "{}".to_owned(),
    ]
}

/// What is wrong with some files, each fault with its file.
pub fn faults(files: &[String; 6]) -> Vec<String> {
    let files = files.each_ref().map(|text| text.clone().into_bytes());
    match compile(&Sources::of(&files)) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

/// What is wrong with a nudges file beside files that are sound.
pub fn nudge_faults(nudges: &str) -> Vec<String> {
    let mut files = files();
    files[2] = nudges.to_owned();
    let faults = faults(&files);
    let detail = |fault: &String| {
        let detail = fault.strip_prefix("data/nudges.toml: ");
        detail.unwrap_or_else(|| panic!("{fault}")).to_owned()
    };
    faults.iter().map(detail).collect()
}
