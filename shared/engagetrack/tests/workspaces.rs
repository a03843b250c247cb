//! Two workspaces in one process: the shipped one, and a small made-up gym compiled from texts.

#![allow(clippy::unwrap_used)]

use engagetrack::business::Business;
use engagetrack::nudges::Request;
use engagetrack::query::Query;
use engagetrack::summary::{Summary, report};
use engagetrack::{
    Live, analytics, directory, embedded, explanation, prediction, selection, what_if,
};
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;
use workspace::compile::{Sources, compile};

const SCHEMA: &str = r#"
format = 1
name = "gym"
title = "Hill Street Gym"
currency = "GBP"
as_of = 2026-10-01
note = "Nobody here is real."
distributions = ["plan", "visits"]
list = ["plan", "visits"]

[roles]
id = { name = "member_id" }
outcome = { name = "cancelled", left = ["yes"], stayed = ["no"] }
recurring = "fee"

[risk]
will_churn = 0.4
levels = [{ name = "calm" }, { name = "urgent", from = 0.4 }]

[[field]]
name = "plan"
label = "Plan"
kind = "choice"
values = [
  { name = "Day", words = "day pass", price = 10 },
  { name = "Full", words = "full membership", price = 25 },
]
about = "plan"
change = "any"
filter = true
required = true

[[field]]
name = "visits"
label = "Visits a month"
kind = "whole"
most = 60
unit = "visit"
words = "{value} {unit} a month"
about = "behaviour"
filter = true
bins = [0, 4, 12]

[[field]]
name = "fee"
label = "Fee"
kind = "money"
most = 500
words = "{value} a month"
about = "money"
required = true
"#;

const MEMBERS: &str = "\
member_id,cancelled,plan,visits,fee
m-1,no,Full,12,25
m-2,yes,Day,1,10
m-3,no,Day,9,10
m-4,,Full,,25
";

const NUDGES: &str = r#"
categories = ["training"]

[[nudge]]
id = "trainer"
category = "training"
title = "Offer an hour with a trainer"
when = { visits = { below = 4 } }
reasons = ["Comes rarely."]
messages = ["An hour with a trainer is on us.", "Shall we plan your training?"]

[[nudge]]
id = "thanks"
category = "training"
title = "Say thanks"
otherwise = true
reasons = ["Nothing else applies."]
messages = ["Thanks for training with us.", "See you soon."]
"#;

/// One tree of XGBoost's: who has the day pass is likelier to leave, most of all with fewer than four visits.
fn model() -> Value {
    let tree = json!({
        "left_children": [1, 3, -1, -1, -1],
        "right_children": [2, 4, -1, -1, -1],
        "split_indices": [0, 1, 0, 0, 0],
        "split_conditions": [0.5, 4.0, -1.5, 1.5, 0.25],
        "default_left": [1, 0, 0, 0, 0],
        "sum_hessian": [8.0, 4.0, 4.0, 2.0, 2.0],
        "split_type": [0, 0, 0, 0, 0],
        "tree_param": {"num_nodes": "5", "num_feature": "3", "size_leaf_vector": "1"},
    });
    json!({"learner": {
        "attributes": {},
        "feature_names": ["plan", "visits", "fee"],
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "3", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
            "iteration_indptr": [0, 1],
            "tree_info": [0],
            "trees": [tree],
        }},
    }, "version": [3, 2, 0]})
}

fn gym() -> Live {
    let card = json!({"version": "gym-xgb-none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}});
    let files = [
        SCHEMA.into(),
        MEMBERS.into(),
        NUDGES.into(),
        model().to_string().into_bytes(),
        card.to_string().into_bytes(),
        b"{}".to_vec(),
    ];
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    Live::open(compiled.into_parts()).unwrap()
}

/// All that a workspace says of itself and of its first customer.
fn said(live: &Live) -> Value {
    let view = live.view();
    let profile = view.profile(0);
    let posted = json!({"profile": view.schema.json(&profile), "change": {}});
    let posted = serde_json::from_str(&posted.to_string()).unwrap();
    let projected = what_if::Request::from_json(view, &posted).unwrap();
    json!([
        Business::of(view),
        Summary::of(view, 0),
        report(view, 0),
        prediction::predict(view, profile.codes()),
        explanation::explain(view, profile.codes()),
        Request::default().advice(view, &profile),
        analytics::read(view, &selection::Selection::default()),
        projected.answer(view).unwrap(),
    ])
}

#[test]
fn two_workspaces_answer_at_once_each_in_its_own_names() {
    let lives = [embedded::live(embedded::whole()), gym()];
    let alone = lives.each_ref().map(said);
    let start = Barrier::new(4);
    thread::scope(|scope| {
        // Opened anew, so that what is computed once is computed while the other answers.
        let fresh = [embedded::live(embedded::whole()), gym()];
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (index, live) = (worker % 2, fresh[worker % 2].clone());
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    (index, said(&live))
                })
            })
            .collect();
        for worker in workers {
            let (index, found) = worker.join().unwrap();
            assert_eq!(found, alone[index]);
        }
    });
    let [telco, gym] = alone.map(|said| said.to_string());
    for name in ["member_id", "cancelled", "Hill Street Gym", "m-1", "\u{a3}"] {
        assert!(gym.contains(name), "{name}");
        assert!(!telco.contains(name), "{name}");
    }
    for name in ["monthly_charges", "contract", "telco", "$"] {
        assert!(telco.contains(name), "{name}");
        assert!(!gym.contains(name), "{name}");
    }
}

#[test]
fn a_small_business_is_scored_advised_and_shown_by_its_own_files() {
    let live = gym();
    let view = live.view();
    let logistic = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
    // The leaves of its tree.
    let leaves = [-1.5, 1.5, 0.25, -1.5];
    for (customer, leaf) in leaves.into_iter().enumerate() {
        let found = view.customers.probability(customer);
        assert!((found - logistic(leaf)).abs() < 1e-6, "{customer}: {found}");
    }
    let rare = Request::default().advice(view, &view.profile(1));
    assert_eq!(rare.nudges[0].id, "trainer");
    assert!(rare.recourse.reachable);
    let json = serde_json::to_value(&rare.recourse).unwrap();
    assert_eq!(json["changes"], json!({"plan": "Full", "fee": 25.0}));
    assert_eq!(json["fee_change"], 15.0);
    let prediction = prediction::predict(view, view.profile(2).codes());
    assert!(prediction.will_churn);
    assert_eq!(prediction.risk_level.name, "urgent");
    let summary = serde_json::to_value(Summary::of(view, 3)).unwrap();
    assert_eq!(summary["customer_id"], "m-4");
    assert_eq!(summary["cancelled"], Value::Null);
    assert_eq!(summary["profile"]["visits"], Value::Null);
    assert_eq!((summary.get("persona"), summary.get("stage")), (None, None));
    assert_eq!(summary["data_date"], "2026-10-01");
}

#[test]
fn an_id_is_customer_id_in_json_and_in_files_what_the_business_calls_it() {
    let live = gym();
    let view = live.view();
    let listed = |query: &str| {
        let query = Query::parse(query).unwrap();
        query
            .read(|query| directory::Request::from_query(view, query))
            .unwrap()
    };
    let by_id = listed("sort=-customer_id&status=active&status=left");
    let page = serde_json::to_value(by_id.page(view)).unwrap();
    let ids: Vec<&Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["customer_id"])
        .collect();
    assert_eq!(ids, ["m-4", "m-3", "m-2", "m-1"]);
    let (file, _) = by_id.csv(view);
    assert!(file.starts_with(b"member_id,probability,"));
}
