//! What XGBoost itself says of 500 rows, from `models/golden/`, against what the embedded tables say.

#![allow(clippy::unwrap_used)]

use engagetrack::quality::{Calibration, Quality};
use engagetrack::{Live, View, embedded, explanation};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use workspace::model::logistic;

static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::whole()));

fn view() -> &'static View<'static> {
    LIVE.view()
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/golden")
        .join(name)
}

/// The numbers of a CSV file, blanks as NaN.
fn table(name: &str) -> Vec<Vec<f64>> {
    let number = |cell: &str| {
        if cell.is_empty() {
            f64::NAN
        } else {
            cell.parse().unwrap()
        }
    };
    let mut reader = csv::Reader::from_path(file(name)).unwrap();
    reader
        .records()
        .map(|record| record.unwrap().iter().map(number).collect())
        .collect()
}

/// The rows, whose columns are the model's features in its order.
fn rows() -> Vec<Vec<f32>> {
    let mut reader = csv::Reader::from_path(file("rows.csv")).unwrap();
    let features = view().model.fields().map(|field| field.name());
    assert!(features.eq(reader.headers().unwrap()));
    let row = |cells: Vec<f64>| cells.into_iter().map(|cell| cell as f32).collect();
    table("rows.csv").into_iter().map(row).collect()
}

fn calibration() -> Calibration {
    let quality: Quality = serde_json::from_slice(view().quality()).unwrap();
    quality.card.unwrap().calibration
}

#[test]
fn probabilities_are_xgboosts_calibrated_ones() {
    let (rows, expected) = (rows(), table("margins.csv"));
    assert_eq!(rows.len(), 500);
    let calibration = calibration();
    let probabilities = view().model.probabilities(&rows.concat());
    for ((row, probability), expected) in rows.iter().zip(probabilities).zip(expected) {
        let log_odds = view().model.log_odds(row);
        let margin = (log_odds - calibration.intercept) / calibration.slope;
        // XGBoost adds 600 leaves in 32 bits.
        assert!(
            (margin - expected[0]).abs() < 2e-5,
            "{margin} {}",
            expected[0]
        );
        assert!((probability - expected[1]).abs() < 1e-6);
        assert_eq!(probability, logistic(log_odds));
    }
}

#[test]
fn contributions_are_xgboosts_times_the_slope() {
    let calibration = calibration();
    let features = view().model.features().len();
    let shap = explanation::contributions(view(), &rows().concat());
    assert_eq!(shap.len(), 500 * (features + 1));
    for (shap, expected) in shap.chunks(features + 1).zip(table("contributions.csv")) {
        for position in 0..features {
            let expected = calibration.slope * expected[position];
            assert!((f64::from(shap[position]) - expected).abs() < 1e-5);
        }
        let base_value = calibration.slope * expected[features] + calibration.intercept;
        assert!((f64::from(shap[features]) - base_value).abs() < 1e-5);
    }
}

#[test]
fn interactions_are_xgboosts_times_the_slope() {
    let calibration = calibration();
    let features = view().model.features().len();
    let side = features + 1;
    let bytes = fs::read(file("interactions.f32")).unwrap();
    let mut expected = bytes
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let mut matrix = vec![0.0; side * side];
    for row in rows() {
        view().explanations().interactions(&row, &mut matrix);
        for first in 0..side {
            for second in first..side {
                let mut expected = calibration.slope * f64::from(expected.next().unwrap());
                if first == features {
                    expected += calibration.intercept;
                }
                let found = matrix[first * side + second];
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{first} {second}: {found} {expected}"
                );
                assert_eq!(found, matrix[second * side + first]);
            }
        }
    }
    assert_eq!(expected.next(), None);
}
