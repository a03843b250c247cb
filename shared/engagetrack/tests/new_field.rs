//! A new field is data: it is added to schema, customers and model, and no source knows of it.

#![allow(clippy::unwrap_used)]

use engagetrack::business::Business;
use engagetrack::explanation;
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{Live, View};
use schema::Change;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use workspace::compile::{Sources, compile};

const FIELD: &str = r#"
[[field]]
name = "age"
columns = ["Age"]
label = "Age"
kind = "whole"
least = 18
most = 120
unit = "year"
words = "{value} {unit} old"
about = "person"
filter = true
bins = [18, 30, 50]
required = true
"#;

/// From this age on, the altered tree takes the other branch.
const SPLIT: f64 = 40.0;

/// The age of the customer in a line of the file.
fn age(line: usize) -> usize {
    18 + line % 60
}

/// The repository's workspace with an age.
fn with_an_age() -> Live {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let [schema, customers, nudges, model, card, evaluation] =
        Sources::PATHS.map(|path| std::fs::read_to_string(root.join(path)).unwrap());
    let customers = customers.lines().enumerate().map(|(line, row)| match line {
        0 => format!("{row},Age\n"),
        _ => format!("{row},{}\n", age(line)),
    });
    let model = model_with_an_age(&model);
    let files = [
        schema
            .replacen("[[persona]]", &format!("{FIELD}\n[[persona]]"), 1)
            .into_bytes(),
        customers.collect::<String>().into_bytes(),
        nudges.into_bytes(),
        model.clone().into_bytes(),
        card_of(&card, &model).into_bytes(),
        evaluation.into_bytes(),
    ];
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(compiled.warnings, []);
    Live::open(compiled.into_parts()).unwrap()
}

/// The model with a twentieth feature, by which the first tree that splits on a number splits now.
fn model_with_an_age(model: &str) -> String {
    let mut model: Value = serde_json::from_str(model).unwrap();
    let learner = &mut model["learner"];
    learner["feature_names"]
        .as_array_mut()
        .unwrap()
        .push("age".into());
    learner["feature_types"]
        .as_array_mut()
        .unwrap()
        .push("q".into());
    let count = learner["feature_names"].as_array().unwrap().len();
    learner["learner_model_param"]["num_feature"] = count.to_string().into();
    let trees = learner["gradient_booster"]["model"]["trees"]
        .as_array_mut()
        .unwrap();
    for tree in trees.iter_mut() {
        tree["tree_param"]["num_feature"] = count.to_string().into();
    }
    let tree = trees
        .iter_mut()
        .find(|tree| tree["split_type"][0] == 0)
        .unwrap();
    tree["split_indices"][0] = (count - 1).into();
    tree["split_conditions"][0] = SPLIT.into();
    model.to_string()
}

/// The card, made to describe this model.
fn card_of(card: &str, model: &str) -> String {
    let mut card: Value = serde_json::from_str(card).unwrap();
    let hash = Sha256::digest(model);
    let digits: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    card["version"] = format!("with-an-age-{digits}").into();
    card["training_distribution"]["age"] =
        json!({"edges": [30, 50], "shares": [0.2, 0.5, 0.3], "missing": 0});
    card.to_string()
}

fn probability(view: &View<'_>, age: f64) -> f64 {
    let field = view.schema.find("age").unwrap().index();
    let aged = view
        .schema
        .edit(&view.profile(0), &Change::of([(field, age)]))
        .unwrap();
    view.model.probability(aged.codes())
}

#[test]
fn a_new_field_is_predicted_with_explained_filtered_and_described() {
    let live = with_an_age();
    let view = live.view();
    let field = view.schema.find("age").unwrap();
    assert_eq!(view.model.features().len(), 20);

    assert_eq!(probability(view, SPLIT), probability(view, SPLIT + 1.0));
    assert_ne!(probability(view, SPLIT - 1.0), probability(view, SPLIT));

    let profile = view.profile(0);
    let explanation = explanation::explain(view, profile.codes());
    let contribution = explanation
        .contributions
        .iter()
        .find(|one| one.feature == "age")
        .unwrap();
    let years = profile.code(field.index());
    assert_eq!(contribution.words, format!("{years} years old"));
    assert_ne!(contribution.contribution, 0.0);

    let written = serde_json::to_value(view.schema.json(&profile)).unwrap();
    assert_eq!(written["age"], years);
    let read = view
        .schema
        .submission(&serde_json::from_value(written).unwrap())
        .unwrap();
    assert_eq!(read.profile, profile);

    let query = Query::parse("age_min=30&age_max=49&status=active&status=left").unwrap();
    let selection = query
        .read(|query| Selection::from_query(view, query))
        .unwrap();
    let expected = (1..=view.customers.len()).filter(|line| (30..50).contains(&age(*line)));
    assert_eq!(selection.positions(view).len(), expected.count());

    let business = serde_json::to_value(Business::of(view)).unwrap();
    let fields = business["fields"].as_array().unwrap();
    let described = fields.iter().find(|field| field["name"] == "age").unwrap();
    assert_eq!(
        described["filter"],
        json!({"kind": "range", "min": "age_min", "max": "age_max"})
    );
    assert_eq!(described["label"], "Age");
}

#[test]
fn a_profile_without_a_new_required_field_is_refused() {
    let live = with_an_age();
    let view = live.view();
    let mut profile = serde_json::to_value(view.schema.json(&view.profile(0))).unwrap();
    profile.as_object_mut().unwrap().remove("age");
    let errors = view
        .schema
        .submission(&serde_json::from_value(profile).unwrap())
        .unwrap_err();
    assert_eq!(errors.listed()[0].pointer, "/age");
    assert_eq!(errors.listed()[0].detail, "is required");
}
