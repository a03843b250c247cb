//! Compiled models against what XGBoost 3.2.0 itself says (`testdata/make.py`).
#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use forest::{AlignedBytes, Forest, Model, Part};
use std::path::Path;

/// XGBoost adds in 32 bits.
const MARGIN_TOLERANCE: f64 = 2e-5;
const EXPLANATION_TOLERANCE: f64 = 1e-5;

/// No tables at all, tables for some of the trees, and for all of them.
const BUDGETS: [usize; 4] = [0, 4 << 10, 64 << 10, 32 << 20];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn model(name: &str) -> Model {
    Model::from_json(read(&format!("{name}.json")).as_bytes()).unwrap()
}

fn numbers(line: &str) -> Vec<f64> {
    line.split(',')
        .map(|field| {
            if field.is_empty() {
                f64::NAN
            } else {
                field.parse().unwrap()
            }
        })
        .collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}, place {place}: {found} for {expected}"
        );
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Margins, contributions and interactions, row by row and as a batch, for every budget.
fn check(name: &str) {
    let model = model(name);
    let features = model.n_features();
    let side = features + 1;
    let rows: Vec<Vec<f32>> = read(&format!("{name}.csv"))
        .lines()
        .skip(1)
        .map(|line| numbers(line).iter().map(|&value| value as f32).collect())
        .collect();
    let golden: Vec<Vec<f64>> = read(&format!("{name}.golden.csv"))
        .lines()
        .map(numbers)
        .collect();
    assert_eq!(rows.len(), golden.len());
    for budget in BUDGETS {
        let margins = AlignedBytes::from(&model.compile(Part::Margins, budget)[..]);
        let margins = Forest::from_bytes(&margins).unwrap();
        let explanations = AlignedBytes::from(&model.compile(Part::Explanations, budget)[..]);
        let explanations = Forest::from_bytes(&explanations).unwrap();
        let flat = rows.concat();
        let mut margin_batch = vec![0.0; rows.len()];
        margins.margins(&flat, &mut margin_batch);
        let mut contribution_batch = vec![0.0; rows.len() * side];
        explanations.contributions_batch(&flat, &mut contribution_batch);
        let mut interaction_batch = vec![0.0; rows.len() * side * side];
        explanations.interactions_batch(&flat, &mut interaction_batch);

        for (index, (row, golden)) in rows.iter().zip(&golden).enumerate() {
            let what = |part: &str| format!("{name}, budget {budget}, row {index} {row:?}: {part}");
            let exact = model.margin(row);
            assert_close(&[exact], &golden[..1], MARGIN_TOLERANCE, &what("margin"));
            let compiled = [
                margins.margin(row),
                explanations.margin(row),
                margin_batch[index],
            ];
            assert_close(
                &compiled,
                &[exact; 3],
                1e-9 * exact.abs(),
                &what("compiled margin"),
            );

            let (expected, expected_interactions) = golden[1..].split_at(side);
            let mut contributions = vec![f64::NAN; side];
            explanations.contributions(row, &mut contributions);
            assert_close(
                &contributions,
                expected,
                EXPLANATION_TOLERANCE,
                &what("contributions"),
            );
            let batch = widen(&contribution_batch[index * side..][..side]);
            assert_close(
                &batch,
                expected,
                EXPLANATION_TOLERANCE,
                &what("contributions of a batch"),
            );
            assert_close(
                &[batch.iter().sum()],
                &[exact],
                1e-5,
                &what("sum of contributions"),
            );

            let mut interactions = vec![f64::NAN; side * side];
            explanations.interactions(row, &mut interactions);
            assert_close(
                &interactions,
                expected_interactions,
                EXPLANATION_TOLERANCE,
                &what("interactions"),
            );
            let batch = widen(&interaction_batch[index * side * side..][..side * side]);
            assert_close(
                &batch,
                expected_interactions,
                EXPLANATION_TOLERANCE,
                &what("interactions of a batch"),
            );
        }
    }
}

macro_rules! golden {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*
    };
}

golden! { deep stump one_hot partition missing repeated single_leaf pairs wide stopped lossguide }

#[test]
fn affine_scales_margin_bias_and_contributions() {
    let plain = model("pairs");
    let scaled = plain.clone().affine(0.9, -0.2);
    let row = [0.3, f32::NAN, 1.0, 2.0, 0.0];
    assert!((scaled.margin(&row) - (0.9 * plain.margin(&row) - 0.2)).abs() < 1e-12);
    let explain = |model: &Model| {
        let bytes = AlignedBytes::from(&model.compile(Part::Explanations, 1 << 20)[..]);
        let mut out = vec![0.0; 6];
        Forest::from_bytes(&bytes)
            .unwrap()
            .contributions(&row, &mut out);
        out
    };
    let mut expected: Vec<f64> = explain(&plain)
        .iter()
        .map(|contribution| 0.9 * contribution)
        .collect();
    expected[5] -= 0.2;
    assert_close(&explain(&scaled), &expected, 1e-6, "scaled contributions");
}

#[test]
fn blocks_of_a_long_batch_are_independent() {
    let model = model("one_hot");
    let bytes = AlignedBytes::from(&model.compile(Part::Explanations, 1 << 20)[..]);
    let forest = Forest::from_bytes(&bytes).unwrap();
    let side = model.n_features() + 1;
    let rows: Vec<f32> = (0..2500 * model.n_features())
        .map(|place| (place * 7 % 11) as f32 / 2.0 - 1.0)
        .collect();
    let mut margins = vec![0.0; 2500];
    forest.margins(&rows, &mut margins);
    let mut interactions = vec![0.0; 2500 * side * side];
    forest.interactions_batch(&rows, &mut interactions);
    for (index, row) in rows.chunks(model.n_features()).enumerate() {
        let mut expected = vec![0.0; side * side];
        forest.interactions(row, &mut expected);
        let found = widen(&interactions[index * side * side..][..side * side]);
        assert_close(&found, &expected, 1e-6, "interactions");
        assert_close(&[margins[index]], &[model.margin(row)], 1e-12, "margin");
    }
}
