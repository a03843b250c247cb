//! Models and compiled models that are broken, by accident or on purpose.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use forest::{AlignedBytes, Forest, Model, Part, SectionsError};
use proptest::prelude::*;
use serde_json::{Value, json};

const ONE_HOT: &str = include_str!("../testdata/one_hot.json");
const STUMP: &str = include_str!("../testdata/stump.json");

/// The message for the stump with one JSON value replaced.
fn refusal(pointer: &str, value: Value) -> String {
    refusal_of(STUMP, pointer, value)
}

fn refusal_of(model: &str, pointer: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(model).unwrap();
    *document
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("no {pointer}")) = value;
    Model::from_json(document.to_string().as_bytes())
        .expect_err("a refusal")
        .to_string()
}

const TREE: &str = "/learner/gradient_booster/model/trees/0";

#[test]
fn other_kinds_of_models_are_named() {
    for (pointer, value, message) in [
        (
            "/learner/gradient_booster/name",
            json!("dart"),
            "learner.gradient_booster.name is dart",
        ),
        (
            "/learner/gradient_booster/name",
            json!("gblinear"),
            "learner.gradient_booster.name is gblinear",
        ),
        (
            "/learner/objective/name",
            json!("multi:softprob"),
            "learner.objective.name is multi:softprob",
        ),
        (
            "/learner/objective/name",
            json!("reg:squarederror"),
            "only binary:logistic is supported",
        ),
        (
            "/learner/learner_model_param/num_class",
            json!("3"),
            "num_class is 3",
        ),
        (
            "/learner/learner_model_param/num_target",
            json!("2"),
            "num_target is 2",
        ),
        (
            "/learner/gradient_booster/model/tree_info",
            json!([1]),
            "tree_info is 1",
        ),
    ] {
        let found = refusal(pointer, value);
        assert!(found.contains(message), "{found}");
    }
    let vector = refusal(&format!("{TREE}/tree_param/size_leaf_vector"), json!("4"));
    assert!(vector.contains("only one value per leaf"), "{vector}");
}

#[test]
fn contradictions_are_named_with_their_place() {
    for (path, value, message) in [
        (
            "left_children",
            json!([1, -1]),
            "`right_children` has 3 entries for 2 nodes",
        ),
        (
            "left_children",
            json!([0, -1, -1]),
            "tree 0: node 0 is reached twice",
        ),
        (
            "left_children",
            json!([2, -1, -1]),
            "tree 0: node 2 is reached twice",
        ),
        (
            "left_children",
            json!([7, -1, -1]),
            "node 0 has the children 7 and 2, and there are 3 nodes",
        ),
        (
            "left_children",
            json!([-1, -1, -1]),
            "node 0 has the children -1 and 2",
        ),
        (
            "split_indices",
            json!([2, 0, 0]),
            "node 0 splits on feature 2, and the model has 2",
        ),
        (
            "split_indices",
            json!([-1, 0, 0]),
            "node 0 splits on feature -1",
        ),
        (
            "split_conditions",
            json!([1e39, 0, 0]),
            "number out of range",
        ),
        (
            "split_conditions",
            json!([0, 0, -1e39]),
            "number out of range",
        ),
        ("split_conditions", json!([0, "NaN", 0]), "invalid type"),
        (
            "sum_hessian",
            json!([1, -1, 2]),
            "node 1 has the sum of hessians -1",
        ),
        (
            "split_type",
            json!([2, 0, 0]),
            "node 0 has the split type 2",
        ),
        (
            "split_type",
            json!([1, 0, 0]),
            "node 0: it lists no categories",
        ),
        (
            "tree_param/num_nodes",
            json!("4"),
            "`tree_param.num_nodes` has 4 entries for 3 nodes",
        ),
    ] {
        let found = refusal(&format!("{TREE}/{path}"), value);
        assert!(found.contains(message), "{path}: {found}");
    }
    for (pointer, value, message) in [
        (
            "/learner/learner_model_param/base_score",
            json!("1.5"),
            "learner.learner_model_param.base_score",
        ),
        (
            "/learner/learner_model_param/base_score",
            json!("[5E-1,5E-1]"),
            "one probability",
        ),
        (
            "/learner/learner_model_param/base_score",
            json!("nan"),
            "one probability",
        ),
        (
            "/learner/learner_model_param/num_feature",
            json!("9999999999"),
            "learner.learner_model_param.num_feature",
        ),
        (
            "/learner/learner_model_param/num_feature",
            json!("3"),
            "2 names for 3 features",
        ),
        (
            "/learner/gradient_booster/model/gbtree_model_param/num_trees",
            json!("9"),
            "`num_trees` says 9",
        ),
        (
            "/learner/attributes",
            json!({"best_iteration": "1"}),
            "one of the model's iterations",
        ),
        (
            "/learner/attributes",
            json!({"best_iteration": "18446744073709551615"}),
            "one of the model's iterations",
        ),
    ] {
        let found = refusal(pointer, value);
        assert!(found.contains(message), "{pointer}: {found}");
    }
    for (path, value, message) in [
        ("categories", json!([16_777_216]), "categories"),
        (
            "categories_segments",
            json!([u64::MAX, 0, 0, 0, 0, 0, 0]),
            "entries for",
        ),
    ] {
        let found = refusal_of(ONE_HOT, &format!("{TREE}/{path}"), value);
        assert!(found.contains(message), "{path}: {found}");
    }
}

#[test]
fn both_spellings_of_the_base_score_are_one() {
    let bare = STUMP.replace("\"[", "\"").replace("]\"", "\"");
    assert_ne!(bare, STUMP);
    let read = |json: &str| Model::from_json(json.as_bytes()).unwrap();
    assert_eq!(
        read(&bare).margin(&[0.0, 0.0]),
        read(STUMP).margin(&[0.0, 0.0])
    );
}

#[test]
fn no_prefix_of_a_model_is_a_model() {
    for end in (0..ONE_HOT.trim_end().len()).step_by(7) {
        assert!(
            Model::from_json(&ONE_HOT.as_bytes()[..end]).is_err(),
            "{end} bytes"
        );
    }
}

#[test]
fn a_path_as_long_as_the_tree_is_refused_without_exhausting_the_stack() {
    let splits = 100_000;
    let nodes = 2 * splits + 1;
    let child = |offset: usize| {
        (0..nodes)
            .map(|node| {
                if node % 2 == 0 && node + 1 < nodes {
                    (node + offset) as i64
                } else {
                    -1
                }
            })
            .collect::<Vec<_>>()
    };
    let mut document: Value = serde_json::from_str(STUMP).unwrap();
    let tree = document.pointer_mut(TREE).unwrap();
    tree["left_children"] = json!(child(1));
    tree["right_children"] = json!(child(2));
    for array in [
        "split_indices",
        "split_conditions",
        "default_left",
        "sum_hessian",
        "split_type",
    ] {
        tree[array] = json!(vec![0; nodes]);
    }
    tree["tree_param"]["num_nodes"] = json!(nodes.to_string());
    let found = Model::from_json(document.to_string().as_bytes())
        .expect_err("a refusal")
        .to_string();
    assert!(found.contains("lies deeper than"), "{found}");
}

/// Uses a model in every way that there is.
fn exercise(model: &Model) {
    let features = model.n_features();
    if features > 64 {
        return; // its interactions alone would take gigabytes
    }
    for budget in [0, 1 << 20] {
        let bytes = AlignedBytes::from(&model.compile(Part::Explanations, budget)[..]);
        let forest = Forest::from_bytes(&bytes).unwrap();
        for value in [0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX] {
            let row = vec![value; features];
            let expected = model.margin(&row);
            assert!((forest.margin(&row) - expected).abs() <= 1e-9 * expected.abs().max(1.0));
            forest.contributions(&row, &mut vec![0.0; features + 1]);
            forest.interactions(&row, &mut vec![0.0; (features + 1) * (features + 1)]);
        }
    }
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 2))]

    #[test]
    fn changed_bytes_give_an_error_or_a_model_that_works(
        changes in prop::collection::vec((0..ONE_HOT.len(), prop::sample::select(b"0123456789-.,[]{}\"eE: t".to_vec())), 1..4),
    ) {
        let mut bytes = ONE_HOT.as_bytes().to_vec();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        if let Ok(model) = Model::from_json(&bytes) {
            exercise(&model);
        }
    }

    #[test]
    fn changed_numbers_give_an_error_or_a_model_that_works(
        array in prop::sample::select(vec![
            "left_children", "right_children", "split_indices", "split_type", "categories", "categories_nodes",
            "categories_segments", "categories_sizes", "default_left", "sum_hessian", "split_conditions",
        ]),
        tree in 0usize..6,
        place in 0usize..15,
        value in prop::sample::select(vec![-2i64, -1, 0, 1, 2, 3, 14, 15, 1 << 24, 1 << 40, i64::MAX]),
    ) {
        let mut document: Value = serde_json::from_str(ONE_HOT).unwrap();
        let tree = &mut document["learner"]["gradient_booster"]["model"]["trees"][tree];
        if let Some(entry) = tree[array].get_mut(place) {
            *entry = json!(value);
        }
        if let Ok(model) = Model::from_json(document.to_string().as_bytes()) {
            exercise(&model);
        }
    }
}

const NAME: &str = "compiled model";

fn compiled() -> Vec<u8> {
    let model = Model::from_json(ONE_HOT.as_bytes()).unwrap();
    model.compile(Part::Explanations, 1 << 20)
}

#[test]
fn bytes_that_are_not_a_compiled_model_are_refused() {
    let compiled = compiled();
    let refusal =
        |bytes: &[u8]| Forest::from_bytes(&AlignedBytes::from(bytes)).expect_err("a refusal");
    assert_eq!(refusal(b""), SectionsError::Unrecognized { name: NAME });
    assert_eq!(
        refusal(&[0; 4096]),
        SectionsError::Unrecognized { name: NAME }
    );
    assert_eq!(
        refusal(&compiled[..compiled.len() - 1]),
        SectionsError::Header { name: NAME }
    );
    let mut newer = compiled.clone();
    newer[8] = 99;
    assert_eq!(
        refusal(&newer).to_string(),
        "the compiled model has format 99, and this program reads format 2"
    );
    let shifted = [&[0][..], &compiled].concat();
    assert_eq!(
        Forest::from_bytes(&AlignedBytes::from(&shifted[..])[1..]).err(),
        Some(SectionsError::Misaligned {
            name: NAME,
            alignment: 8
        })
    );
}

#[test]
fn an_altered_model_is_found_by_its_hashes() {
    let compiled = compiled();
    let fault = |bytes: &[u8]| Forest::verify(&AlignedBytes::from(bytes)).err();
    assert_eq!(fault(&compiled), None);
    for place in (0..compiled.len()).step_by(61) {
        let mut altered = compiled.clone();
        altered[place] ^= 0x10;
        assert!(fault(&altered).is_some(), "{place}");
    }
    let mut altered = compiled.clone();
    altered[compiled.len() - 1] ^= 1;
    assert!(matches!(
        fault(&altered),
        Some(SectionsError::Section { .. })
    ));
}

/// Models that are compiled to each of the three ways: tables, masks and walks.
fn every_way() -> Vec<Vec<u8>> {
    let models = [
        ONE_HOT,
        include_str!("../testdata/deep.json"),
        include_str!("../testdata/partition.json"),
    ];
    let compiled = |model: &&str| {
        let model = Model::from_json(model.as_bytes()).unwrap();
        let budgets = [(Part::Margins, 1 << 20), (Part::Explanations, 1 << 20)];
        let walked = [(Part::Explanations, 0)];
        let all = budgets.into_iter().chain(walked);
        all.map(|(part, budget)| model.compile(part, budget))
            .collect::<Vec<_>>()
    };
    models.iter().flat_map(compiled).collect()
}

/// Asks a forest all that can be asked, of single rows and of a batch.
fn ask(forest: &Forest<'_>) {
    let features = forest.n_features();
    let side = features + 1;
    let values = [0.0, 1.0, -1.0, 0.4, f32::NAN, f32::INFINITY, 1e9, 3.0];
    let rows: Vec<f32> = (0..40)
        .flat_map(|row| (0..features).map(move |feature| values[(row + feature) % values.len()]))
        .collect();
    let mut margins = vec![0.0; 40];
    forest.margins(&rows, &mut margins);
    assert_eq!(margins[3], forest.margin(&rows[3 * features..4 * features]));
    if forest.explains() {
        let row = &rows[..features];
        forest.contributions(row, &mut vec![0.0; side]);
        forest.interactions(row, &mut vec![0.0; side * side]);
        forest.contributions_batch(&rows, &mut vec![0.0; 40 * side]);
        forest.interactions_batch(&rows, &mut vec![0.0; 40 * side * side]);
    }
}

#[test]
fn compiled_models_pass_and_answer() {
    for bytes in every_way() {
        let bytes = AlignedBytes::from(&bytes[..]);
        assert_eq!(Forest::verify(&bytes), Ok(()));
        ask(&Forest::from_bytes(&bytes).unwrap());
    }
}

proptest! {
    // A multiple of the usual number, which PROPTEST_CASES sets: most are refused at once.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 8))]

    /// The hashes are those of the altered sections, so that what is found is what the values say.
    #[test]
    fn models_with_other_values_are_refused_or_answer(
        model in prop::sample::select(every_way()),
        section in 0_usize..22,
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![0, 1, 2, 3, 7, 64, 255, 256, 65_535, 1 << 20, u32::MAX - 1, u32::MAX]),
        kind in 0..4,
    ) {
        let mut contents = sections::testing::contents(&model).unwrap();
        let content = &mut contents[section];
        if content.len() < 4 {
            return Ok(());
        }
        let place = place.index(content.len() / 4) * 4;
        match kind {
            0 => content.truncate(place),
            1 => content.extend_from_within(place..),
            _ => content[place..place + 4].copy_from_slice(&value.to_le_bytes()),
        }
        let bytes = AlignedBytes::from(&sections::testing::with_contents(&model, &contents)[..]);
        if Forest::verify(&bytes).is_ok() {
            ask(&Forest::from_bytes(&bytes).unwrap());
        }
    }
}
