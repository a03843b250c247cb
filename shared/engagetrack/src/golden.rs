//! What XGBoost itself says of 500 rows, from `models/golden/`, against what the embedded tables say.

use crate::encoding::{FEATURES, Row};
use crate::{explanation, model, quality};
use std::fs;
use std::path::PathBuf;

const SIDE: usize = FEATURES + 1;

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

fn rows() -> Vec<Row> {
    let row = |cells: Vec<f64>| -> Row { std::array::from_fn(|position| cells[position] as f32) };
    table("rows.csv").into_iter().map(row).collect()
}

fn calibration() -> quality::Calibration {
    let quality: quality::Quality = serde_json::from_str(quality::DOCUMENT).unwrap();
    quality.card.unwrap().calibration
}

#[test]
fn probabilities_are_xgboosts_calibrated_ones() {
    let (rows, expected) = (rows(), table("margins.csv"));
    assert_eq!(rows.len(), 500);
    let calibration = calibration();
    for (row, expected) in rows.iter().zip(expected) {
        let margin = (model::log_odds(row) - calibration.intercept) / calibration.slope;
        // XGBoost adds 600 leaves in 32 bits.
        assert!(
            (margin - expected[0]).abs() < 2e-5,
            "{margin} {}",
            expected[0]
        );
        assert!((model::row_probability(row) - expected[1]).abs() < 1e-6);
    }
}

#[test]
fn contributions_are_xgboosts_times_the_slope() {
    let calibration = calibration();
    let rows: Vec<f32> = rows().concat();
    let shap = explanation::contributions(&rows);
    for (shap, expected) in shap.chunks(SIDE).zip(table("contributions.csv")) {
        for position in 0..FEATURES {
            let expected = calibration.slope * expected[position];
            assert!((f64::from(shap[position]) - expected).abs() < 1e-5);
        }
        let base_value = calibration.slope * expected[FEATURES] + calibration.intercept;
        assert!((f64::from(shap[FEATURES]) - base_value).abs() < 1e-5);
    }
}

#[test]
fn interactions_are_xgboosts_times_the_slope() {
    let calibration = calibration();
    let bytes = fs::read(file("interactions.f32")).unwrap();
    let mut expected = bytes
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    for row in rows() {
        let mut matrix = [0.0; SIDE * SIDE];
        explanation::row_interactions(&row, &mut matrix);
        for first in 0..SIDE {
            for second in first..SIDE {
                let mut expected = calibration.slope * f64::from(expected.next().unwrap());
                if first == FEATURES {
                    expected += calibration.intercept;
                }
                let found = matrix[first * SIDE + second];
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{first} {second}: {found} {expected}"
                );
                assert_eq!(found, matrix[second * SIDE + first]);
            }
        }
    }
    assert_eq!(expected.next(), None);
}
