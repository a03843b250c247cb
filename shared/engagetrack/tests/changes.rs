//! What changed since the previous workspace, over pairs of workspaces of a small made-up business.

#![allow(clippy::unwrap_used)]

use engagetrack::business::Business;
use engagetrack::movement::RiskChange;
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::summary::{Summary, report};
use engagetrack::{Live, View, analytics, directory, prediction};
use proptest::prelude::*;
use schema::FieldErrors;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use workspace::compile::{Compiled, Fault, Sources, compile};
use workspace::{Part, Parts, Workspace};

const EVERYBODY: &str = "status=active&status=left";

const NUDGES: &str = r#"
categories = ["training"]

[[nudge]]
id = "thanks"
category = "training"
title = "Say thanks"
otherwise = true
reasons = ["Nothing else applies."]
messages = ["Thanks for training with us.", "See you soon."]
"#;

fn schema(name: &str, as_of: &str) -> String {
    format!(
        r#"
format = 1
name = "{name}"
as_of = {as_of}
list = ["plan"]

[roles]
id = {{ name = "member_id" }}
outcome = {{ name = "cancelled", left = ["yes"], stayed = ["no"] }}

[risk]
levels = [{{ name = "calm" }}, {{ name = "wary", from = 0.4 }}, {{ name = "urgent", from = 0.7 }}]

[[field]]
name = "plan"
kind = "choice"
values = ["Day", "Full"]
about = "plan"
filter = true
required = true

[[field]]
name = "visits"
kind = "whole"
most = 60
about = "behaviour"
filter = true
"#
    )
}

/// One tree of XGBoost's with these leaves: for the full plan, for the day pass with four visits or more, and with fewer.
fn model(leaves: [f64; 3]) -> String {
    let tree = json!({
        "left_children": [1, 3, -1, -1, -1],
        "right_children": [2, 4, -1, -1, -1],
        "split_indices": [0, 1, 0, 0, 0],
        "split_conditions": [0.5, 4.0, leaves[0], leaves[2], leaves[1]],
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
    .to_string()
}

/// A member: outcome, plan and visits.
type Member = (&'static str, &'static str, Option<u8>);
type Members = BTreeMap<u8, Member>;

/// The source files of a gym.
#[derive(Clone, Debug)]
struct Gym {
    name: &'static str,
    as_of: &'static str,
    members: Members,
    leaves: [f64; 3],
}

const LEAVES: [f64; 3] = [-1.5, 0.25, 1.5];

impl Gym {
    fn before(members: impl IntoIterator<Item = (u8, Member)>) -> Self {
        Self {
            name: "gym",
            as_of: "2026-10-01",
            members: members.into_iter().collect(),
            leaves: LEAVES,
        }
    }

    fn after(members: impl IntoIterator<Item = (u8, Member)>) -> Self {
        Self {
            as_of: "2026-10-02",
            ..Self::before(members)
        }
    }

    fn compile(&self, previous: Option<&Live>) -> Result<Compiled, Vec<Fault>> {
        let mut customers = "member_id,cancelled,plan,visits\n".to_owned();
        for (id, (cancelled, plan, visits)) in &self.members {
            let visits = visits.map(|visits| visits.to_string()).unwrap_or_default();
            customers += &format!("{},{cancelled},{plan},{visits}\n", id_of(*id));
        }
        let card = json!({"version": "none", "base_rate": 0.25, "calibration": {"slope": 1.0, "intercept": 0.0}});
        let files = [
            schema(self.name, self.as_of).into_bytes(),
            customers.into_bytes(),
            NUDGES.into(),
            model(self.leaves).into_bytes(),
            card.to_string().into_bytes(),
            b"{}".to_vec(),
        ];
        let previous: Option<&Workspace<'_>> = previous.map(|live| &**live.view());
        compile(&Sources {
            previous,
            ..Sources::of(&files)
        })
    }

    fn open(&self, previous: Option<&Live>) -> Live {
        let compiled = self.compile(previous);
        let compiled = compiled.unwrap_or_else(|faults| panic!("{faults:?}"));
        Live::open(compiled.into_parts()).unwrap()
    }
}

fn id_of(id: u8) -> String {
    format!("m-{id:02}")
}

/// The probabilities and statuses that a workspace answers with, by id.
fn answers(view: &View<'_>) -> BTreeMap<String, (f64, Value)> {
    let of_one = |customer: usize| {
        let summary = serde_json::to_value(Summary::of(view, customer)).unwrap();
        let probability = prediction::predict(view, view.profile(customer).codes()).probability;
        assert_eq!(summary["probability"], probability);
        let id = view.customers.id(customer).to_owned();
        (id, (probability, summary["status"].clone()))
    };
    (0..view.customers.len()).map(of_one).collect()
}

fn request(view: &View<'_>, text: &str) -> Result<directory::Request, FieldErrors> {
    let query = Query::parse(text).unwrap();
    query.read(|query| directory::Request::from_query(view, query))
}

/// All rows that the directory lists.
fn rows(view: &View<'_>, text: &str) -> Vec<Value> {
    let request = request(view, &format!("{text}&limit=500")).unwrap();
    let page = serde_json::to_value(request.page(view)).unwrap();
    let items = page["items"].as_array().unwrap().clone();
    assert_eq!(page["total"], items.len());
    let (file, count) = request.csv(view);
    assert_eq!(count, items.len());
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let header = reader.headers().unwrap().clone();
    assert_eq!(&header[0], "member_id");
    for (record, item) in reader.records().zip(&items) {
        let record = record.unwrap();
        assert_eq!(header.len(), item.as_object().unwrap().len());
        for (name, cell) in header.iter().zip(&record) {
            let name = if name == "member_id" {
                "customer_id"
            } else {
                name
            };
            let written = match &item[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Number(number) => number.as_f64().unwrap().to_string(),
                other => other.to_string(),
            };
            assert_eq!(cell, written, "{name}");
        }
    }
    items
}

fn id(row: &Value) -> &str {
    row["customer_id"].as_str().unwrap()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(id).collect()
}

fn selection(view: &View<'_>, text: &str) -> Selection {
    let query = Query::parse(text).unwrap();
    let read = query.read(|query| Selection::from_query(view, query));
    read.unwrap()
}

fn changes(view: &View<'_>, text: &str) -> Value {
    serde_json::to_value(analytics::changes(view, &selection(view, text)).unwrap()).unwrap()
}

fn members() -> impl Strategy<Value = Members> {
    let member = (
        prop::sample::select(vec!["yes", "no", ""]),
        prop::sample::select(vec!["Day", "Full"]),
        prop::option::of(0..9u8),
    );
    prop::collection::btree_map(0..24u8, member, 1..20)
}

fn leaves() -> impl Strategy<Value = [f64; 3]> {
    prop_oneof![
        Just(LEAVES),
        prop::array::uniform3((-30..30i8).prop_map(|tenths| f64::from(tenths) / 10.0)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn changes_are_the_differences_of_both_answers(
        (before, after) in (members(), members()),
        (leaves_before, leaves_after) in (leaves(), leaves()),
    ) {
        let before = Gym { leaves: leaves_before, ..Gym::before(before) }.open(None);
        let after = Gym { leaves: leaves_after, ..Gym::after(after) }.open(Some(&before));
        let (former, view) = (answers(before.view()), after.view());
        let now = answers(view);
        let level = |probability: f64| view.schema.level(probability);
        let model_changed = before.view().model.version() != view.model.version();
        prop_assert_eq!(model_changed, leaves_before != leaves_after);

        // Each customer's row and summary say by how much the answers of the two workspaces differ.
        let rows_of_all = rows(view, EVERYBODY);
        prop_assert_eq!(rows_of_all.len(), now.len());
        for row in &rows_of_all {
            let id = id(row);
            let probability = now[id].0;
            let (change, moved) = match former.get(id) {
                None => (Value::Null, json!("new")),
                Some((before, _)) => {
                    let moved = match level(probability).index.cmp(&level(*before).index) {
                        std::cmp::Ordering::Greater => json!("up"),
                        std::cmp::Ordering::Less => json!("down"),
                        std::cmp::Ordering::Equal => Value::Null,
                    };
                    (json!(probability - before), moved)
                }
            };
            let expected = [("change", change), ("moved", moved), ("model_changed", json!(model_changed))];
            let customer = view.customers.find(id).unwrap();
            let summary = serde_json::to_value(Summary::of(view, customer)).unwrap();
            let alone = serde_json::to_value(RiskChange::of(view, customer)).unwrap();
            for (name, value) in &expected {
                prop_assert_eq!(&row[*name], value, "{} of {}", name, id);
                prop_assert_eq!(&summary[*name], value);
                prop_assert_eq!(&alone[*name], value);
            }
        }

        // The filter by movement divides the customers, and those who are gone are the others of the previous workspace.
        for statuses in [EVERYBODY, "status=active", "status=left"] {
            let all = rows(view, statuses);
            let of = |moved: &Value| -> Vec<Value> {
                all.iter().filter(|row| row["moved"] == *moved).cloned().collect()
            };
            let mut counted = of(&Value::Null).len();
            for moved in ["up", "down", "new"] {
                let found = rows(view, &format!("{statuses}&moved={moved}"));
                prop_assert_eq!(&found, &of(&json!(moved)));
                counted += found.len();
            }
            prop_assert_eq!(counted, all.len());
            let two = rows(view, &format!("{statuses}&moved=up&moved=new"));
            prop_assert_eq!(two.len(), of(&json!("up")).len() + of(&json!("new")).len());

            let gone = rows(view, &format!("{statuses}&moved=gone"));
            let expected: BTreeSet<&str> = former
                .iter()
                .filter(|(id, (_, status))| !now.contains_key(*id) && statuses.contains(status.as_str().unwrap()))
                .map(|(id, _)| id.as_str())
                .collect();
            prop_assert_eq!(ids(&gone).into_iter().collect::<BTreeSet<_>>(), expected);
            for row in &gone {
                let (probability, status) = &former[id(row)];
                let expected = json!({"customer_id": row["customer_id"], "former_probability": probability,
                    "former_risk_level": level(*probability).name, "moved": "gone", "former_status": status});
                prop_assert_eq!(row, &expected);
            }
            let probability = |row: &Value| row["former_probability"].as_f64().unwrap();
            let falls = gone.is_sorted_by(|a, b| {
                probability(a) > probability(b) || (probability(a) == probability(b) && id(a) < id(b))
            });
            prop_assert!(falls);
            let by_id = rows(view, &format!("{statuses}&moved=gone&sort=-customer_id"));
            prop_assert!(ids(&by_id).is_sorted_by(|a, b| a > b) && by_id.len() == gone.len());

            // The summary counts them.
            let summary = changes(view, statuses);
            prop_assert_eq!(&summary["count"], all.len());
            prop_assert_eq!(&summary["gone"], gone.len());
            for (name, moved) in [("new", json!("new")), ("up", json!("up")), ("down", json!("down")), ("same", Value::Null)] {
                prop_assert_eq!(&summary[name], of(&moved).len(), "{}", name);
            }
            let mut matrix = vec![vec![0; 3]; 3];
            let mut sum = 0.0;
            let known: Vec<&Value> = all.iter().filter(|row| row["moved"] != "new").collect();
            for row in &known {
                let id = id(row);
                matrix[level(former[id].0).index][level(now[id].0).index] += 1;
                sum += now[id].0 - former[id].0;
            }
            prop_assert_eq!(&summary["matrix"], &json!(matrix));
            match summary["mean_change"].as_f64() {
                Some(mean) => prop_assert!((mean - sum / known.len() as f64).abs() < 1e-12),
                None => prop_assert!(known.is_empty()),
            }
            for (side, sign, sort) in [("risen", 1.0, "-change"), ("fallen", -1.0, "change")] {
                let sorted = rows(view, &format!("{statuses}&sort={sort}"));
                let expected: Vec<&str> = sorted
                    .iter()
                    .filter(|row| row["change"].as_f64().is_some_and(|change| change * sign > 0.0))
                    .map(id)
                    .take(10)
                    .collect();
                let movers = summary[side].as_array().unwrap();
                prop_assert_eq!(ids(movers), expected);
                for mover in movers {
                    let id = id(mover);
                    prop_assert_eq!(&mover["former_probability"], &json!(former[id].0));
                    prop_assert_eq!(&mover["probability"], &json!(now[id].0));
                    prop_assert_eq!(&mover["change"], &json!(now[id].0 - former[id].0));
                }
            }
        }

        // Sorted by change, new customers come last, and equal ones by id.
        for (sort, sign) in [("change", 1.0), ("-change", -1.0)] {
            let sorted = rows(view, &format!("{EVERYBODY}&sort={sort}"));
            let mut expected = sorted.clone();
            let key = |row: &Value| row["change"].as_f64().map_or(f64::INFINITY, |change| change * sign);
            expected.sort_by(|a, b| key(a).total_cmp(&key(b)).then_with(|| id(a).cmp(id(b))));
            prop_assert_eq!(ids(&sorted), ids(&expected));
        }
    }
}

/// One member who rises, one who falls, one who stays as before, one who is new and one who is gone.
fn five() -> (Gym, Gym) {
    let before = [
        (1, ("no", "Full", Some(9))),
        (2, ("no", "Day", Some(1))),
        (3, ("no", "Day", Some(9))),
        (4, ("yes", "Full", None)),
    ];
    let after = [
        (1, ("no", "Day", Some(9))),
        (2, ("no", "Full", Some(1))),
        (3, ("no", "Day", Some(8))),
        (5, ("", "Day", Some(2))),
    ];
    (Gym::before(before), Gym::after(after))
}

fn details(errors: &FieldErrors) -> Vec<(String, String)> {
    let listed = errors.listed().iter();
    listed
        .map(|error| (error.pointer.clone(), error.detail.clone()))
        .collect()
}

#[test]
fn a_workspace_without_a_previous_one_says_so_and_carries_nothing_of_it() {
    let (before, _) = five();
    let compiled = before.compile(None).unwrap();
    assert!(
        compiled
            .parts
            .iter()
            .all(|(part, _)| *part != Part::Previous)
    );
    let live = Live::open(compiled.into_parts()).unwrap();
    let view = live.view();
    let detail = "needs a workspace that was compiled with --previous; this one was not";
    for (text, pointer) in [
        ("sort=change", "/sort"),
        ("sort=-change", "/sort"),
        ("moved=up", "/moved"),
        ("moved=gone", "/moved"),
        ("moved=nonsense", "/moved"),
    ] {
        let errors = details(&request(view, text).unwrap_err());
        assert_eq!(errors, [(pointer.to_owned(), detail.to_owned())], "{text}");
    }
    // Neither is offered.
    for text in ["sort=colour", "colour=red"] {
        let errors = format!("{:?}", details(&request(view, text).unwrap_err()));
        assert!(
            !errors.contains("change") && !errors.contains("moved"),
            "{errors}"
        );
    }
    assert!(analytics::changes(view, &Selection::default()).is_none());
    let answers = [
        json!(Business::of(view)),
        json!(Summary::of(view, 0)),
        json!(directory::Row::new(view, 0)),
    ];
    for answer in answers {
        for key in ["previous", "change", "moved", "model_changed"] {
            assert_eq!(answer.get(key), None, "{key}");
        }
    }
    assert!(!report(view, 0).contains("the data of 2026-10-01 "));
}

#[test]
fn the_business_tells_that_there_is_a_previous_workspace() {
    let (before, after) = five();
    let before = before.open(None);
    let after = after.open(Some(&before));
    let business = serde_json::to_value(Business::of(after.view())).unwrap();
    let previous = json!({"workspace": before.version(), "model": before.model_version(), "as_of": "2026-10-01", "population": 4});
    assert_eq!(business["previous"], previous);
    assert!(
        business["sorts"]
            .as_array()
            .unwrap()
            .contains(&json!("change"))
    );
    let filters = business["filters"].as_array().unwrap();
    let moved = filters
        .iter()
        .find(|filter| filter["parameter"] == "moved")
        .unwrap();
    assert_eq!(
        moved["values"],
        json!([{"value": "up", "label": "Risk level rose"}, {"value": "down", "label": "Risk level fell"},
            {"value": "new", "label": "New customer"}])
    );
    // The answers differ by what came before, so the versions do.
    assert_ne!(after.version(), five().1.open(None).version());
}

#[test]
fn customers_who_are_gone_are_listed_alone_and_by_what_is_known_of_them() {
    let (before, after) = five();
    let before = before.open(None);
    let after = after.open(Some(&before));
    let view = after.view();
    // Whoever had left before is gone, too, but is listed with others who left.
    assert_eq!(ids(&rows(view, "moved=gone")), <[&str; 0]>::default());
    assert_eq!(ids(&rows(view, "moved=gone&status=left")), ["m-04"]);
    assert_eq!(
        ids(&rows(view, "moved=gone&status=left&q=M-0")),
        <[&str; 0]>::default()
    );
    assert_eq!(ids(&rows(view, "moved=gone&status=left&q=m-0")), ["m-04"]);
    for (text, pointers) in [
        ("moved=gone&moved=up", &["/moved"][..]),
        ("moved=gone&plan=Day", &["/plan"]),
        (
            "moved=gone&risk_level=calm&visits_min=3",
            &["/risk_level", "/visits_min"],
        ),
        ("moved=gone&sort=change", &["/sort"]),
        ("moved=gone&moved=gone", &["/moved"]),
        ("moved=sideways", &["/moved"]),
    ] {
        let errors = details(&request(view, text).unwrap_err());
        let mut found: Vec<&str> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, pointers, "{text}: {errors:?}");
    }
    // They have no profile that could be analysed.
    let query = Query::parse("moved=gone").unwrap();
    let errors = query.read(|query| Selection::from_query(view, query));
    let errors = details(&errors.unwrap_err());
    assert!(errors[0].1.contains("they have no profile"), "{errors:?}");
    // Nor can they be counted by a filter on it.
    assert_eq!(changes(view, "status=left")["gone"], 1);
    assert_eq!(changes(view, "status=left&plan=Day")["gone"], Value::Null);
}

#[test]
fn reports_say_what_changed_in_a_sentence() {
    let (before, after) = five();
    let before = before.open(None);
    let sentence = |live: &Live, id: u8| {
        let view = live.view();
        let report = report(view, view.customers.find(&id_of(id)).unwrap());
        let (_, risk) = report.split_once("CHURN RISK\n").unwrap();
        let (risk, _) = risk.split_once("\n\n").unwrap();
        let entries = risk.lines().skip(4).map(str::trim);
        entries.collect::<Vec<_>>().join(" ")
    };
    let same_model = after.open(Some(&before));
    assert_eq!(
        sentence(&same_model, 1),
        "Since the data of 2026-10-01 the probability rose by 38.0 points from 18.2 %, and the risk level rose from calm."
    );
    assert_eq!(
        sentence(&same_model, 2),
        "Since the data of 2026-10-01 the probability fell by 63.5 points from 81.8 %, and the risk level fell from urgent."
    );
    assert_eq!(
        sentence(&same_model, 3),
        "Since the data of 2026-10-01 the probability has not changed."
    );
    assert_eq!(
        sentence(&same_model, 5),
        "The data of 2026-10-01 did not have the customer."
    );
    let other_model = Gym {
        leaves: [-1.5, 0.251, 1.5],
        ..after
    }
    .open(Some(&before));
    assert_eq!(
        sentence(&other_model, 3),
        "Since the data of 2026-10-01 the probability changed by less than 0.1 points. Another model gave the former probability, so \
        this is not a change of the customer alone."
    );
}

#[test]
fn the_workspace_before_the_previous_one_is_forgotten() {
    let (before, after) = five();
    let before = before.open(None);
    let between = after.open(Some(&before));
    assert_eq!(
        ids(&rows(between.view(), "moved=gone&status=left")),
        ["m-04"]
    );
    let last = Gym {
        as_of: "2026-10-03",
        ..after
    };
    let last = last.open(Some(&between));
    let view = last.view();
    assert_eq!(
        rows(view, &format!("{EVERYBODY}&moved=gone")),
        [] as [Value; 0]
    );
    assert_eq!(changes(view, EVERYBODY)["same"], 4);
    let part = last_part(&five().1, &between);
    assert!(!part.windows(4).any(|bytes| bytes == b"m-04"));
}

/// What a workspace keeps of the previous one.
fn last_part(gym: &Gym, previous: &Live) -> Vec<u8> {
    let compiled = gym.compile(Some(previous)).unwrap();
    let parts: Parts = compiled.into_parts();
    parts.get(Part::Previous).to_vec()
}

#[test]
fn another_business_is_refused_and_older_data_are_warned_of() {
    let (before, after) = five();
    let other = Gym {
        name: "pool",
        ..before.clone()
    };
    let faults = after.compile(Some(&other.open(None))).unwrap_err();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["the previous workspace: is of the business \"pool\", and this one is \"gym\""]
    );
    let warnings = |gym: &Gym, previous: &Gym| {
        let compiled = gym.compile(Some(&previous.open(None))).unwrap();
        let warnings = compiled.warnings.iter();
        let all = warnings.map(ToString::to_string);
        all.filter(|text| text.contains("previous"))
            .collect::<Vec<_>>()
    };
    assert_eq!(warnings(&after, &before), <[String; 0]>::default());
    assert_eq!(
        warnings(&before, &after),
        [
            "the previous workspace: has data of 2026-10-02, which is not before 2026-10-01: see as_of"
        ]
    );
    assert_eq!(warnings(&after, &after).len(), 1);
}
