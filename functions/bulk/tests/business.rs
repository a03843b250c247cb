//! A file of another business's customers: its columns, levels and features, and nobody else's.

#![allow(clippy::unwrap_used)]

use bulk::{Input, Job, Layout, Manifest, score};
use engagetrack::{Live, embedded};
use reader::Confirmed;
use serde_json::{Value, json};
use workspace::compile::{Sources, compile};

const SCHEMA: &str = r#"
format = 1
name = "gym"
title = "Hill Street Gym"
currency = "GBP"
as_of = 2026-10-01
note = "Nobody here is real."

[roles]
id = { name = "member_id", columns = ["Member, no."] }

[risk]
will_churn = 0.4
levels = [{ name = "calm" }, { name = "urgent", from = 0.4 }]

[[field]]
name = "plan"
columns = ["Plan"]
kind = "choice"
values = [{ name = "Day", words = "day pass" }, { name = "Full", words = "full membership" }]
about = "plan"
required = true

[[field]]
name = "visits"
columns = ["Visits"]
kind = "whole"
most = 60
words = "{value} visits"
about = "behaviour"
"#;

const MEMBERS: &str = "member_id,plan,visits\nm-1,Full,12\nm-2,Day,1\n";

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
        "tree_param": {"num_nodes": "5", "num_feature": "2", "size_leaf_vector": "1"},
    });
    json!({"learner": {
        "attributes": {},
        "feature_names": ["plan", "visits"],
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

fn gym(schema: &str) -> Live {
    let card = json!({"version": "gym-xgb-none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}});
    let files = [
        schema.into(),
        MEMBERS.into(),
        NUDGES.into(),
        model().to_string().into_bytes(),
        card.to_string().into_bytes(),
        b"{}".to_vec(),
    ];
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    Live::open(compiled.into_parts()).unwrap()
}

fn job(live: &Live, input: &[u8]) -> Job {
    let view = live.view();
    let layout = Layout::read(view, input, &Confirmed::default()).unwrap();
    let described = Input {
        name: "members.csv".to_owned(),
        bytes: input.len() as u64,
        version: "1".to_owned(),
    };
    Job::new(view, described, layout, None)
}

const INPUT: &[u8] = b"Plan,coach,Visits,member_id\nDay,Ann,1,m-7\nFull,,30,m-8\nWeekly,,1,m-9\n";

#[test]
fn results_are_in_the_terms_of_the_business() {
    let live = gym(SCHEMA);
    let view = live.view();
    let job = job(&live, INPUT);
    let shard = job.shards().next().unwrap();
    let (mut results, mut rejects) = (Vec::new(), Vec::new());
    let report = score(
        view,
        &job,
        &shard,
        INPUT,
        &mut results,
        &mut rejects,
        |_| {},
    )
    .unwrap();
    let results = String::from_utf8(results).unwrap();
    let [header, day, full] = results.lines().collect::<Vec<_>>()[..] else {
        panic!("{results}");
    };
    assert!(header.starts_with("\"Member, no.\",coach,churn_probability,risk_level,reason_1,"));
    let day: Vec<&str> = day.split(',').collect();
    assert_eq!([day[0], day[1], day[3]], ["m-7", "Ann", "urgent"]);
    assert_eq!([day[4], day[6]], ["plan", "visits"]);
    // The model has no third feature to name.
    assert_eq!([day[8], day[9]], ["", ""]);
    assert_eq!([day[10], day[11]], ["trainer", "training"]);
    let full: Vec<&str> = full.split(',').collect();
    assert_eq!([full[0], full[3], full[10]], ["m-8", "calm", "thanks"]);
    let rejects = String::from_utf8(rejects).unwrap();
    assert!(rejects.contains("Plan must be one of"), "{rejects}");

    let report = serde_json::to_string(&report).unwrap();
    assert!(
        report.contains(r#""risk_levels":{"calm":1,"urgent":1}"#),
        "{report}"
    );
    assert!(report.contains(r#""bins":{"plan":["#), "{report}");
    let manifest = Manifest::of(view, &job, [serde_json::from_str(&report).unwrap()]).unwrap();
    assert_eq!((manifest.rows_out, manifest.rows_rejected), (2, 1));
}

#[test]
fn a_job_is_another_for_another_schema_alone() {
    let (live, other) = (
        gym(SCHEMA),
        gym(&SCHEMA.replace("from = 0.4", "from = 0.5")),
    );
    let (job, other) = (job(&live, INPUT), job(&other, INPUT));
    assert_eq!(
        (&job.model_version, &job.nudges_version),
        (&other.model_version, &other.nudges_version)
    );
    assert_ne!(job.fingerprint(), other.fingerprint());
}

#[test]
fn a_job_of_a_program_with_but_one_workspace_is_of_none_of_these() {
    let live = embedded::live(embedded::explanations(embedded::core()));
    let header = include_str!("../../../data/customers.csv")
        .lines()
        .next()
        .unwrap();
    let job = job(&live, header.as_bytes());
    let mut written = serde_json::to_value(&job).unwrap();
    written.as_object_mut().unwrap().remove("workspace_version");
    let read: Job = serde_json::from_value(written).unwrap();
    assert_ne!(read, job);
}
