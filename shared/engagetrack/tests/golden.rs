//! What XGBoost itself says of some rows of each workspace, from its `models/golden/`, against what the compiled tables say.

#![allow(clippy::unwrap_used)]

use engagetrack::quality::{Calibration, Quality};
use engagetrack::{Live, View, explanation};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use workspace::compile::compile_folder;
use workspace::model::logistic;

/// A workspace that has golden rows.
struct Golden {
    folder: PathBuf,
    live: Live,
}

/// The repository's own workspace, and the examples that have golden rows.
static WORKSPACES: LazyLock<Vec<Golden>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(root.join("examples")).unwrap();
    let examples = examples.map(|entry| entry.unwrap().path());
    let examples = examples.filter(|folder| folder.join("models/golden").is_dir());
    let golden = |folder: PathBuf| Golden {
        live: Live::open(compile_folder(&folder).unwrap().into_parts()).unwrap(),
        folder,
    };
    [root.clone()]
        .into_iter()
        .chain(examples)
        .map(golden)
        .collect()
});

impl Golden {
    fn view(&self) -> &View<'_> {
        self.live.view()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("models/golden").join(name)
    }

    /// The numbers of a CSV file, blanks as NaN.
    fn table(&self, name: &str) -> Vec<Vec<f64>> {
        let number = |cell: &str| match cell.is_empty() {
            true => f64::NAN,
            false => cell.parse().unwrap(),
        };
        let mut reader = csv::Reader::from_path(self.file(name)).unwrap();
        let rows = reader.records();
        rows.map(|record| record.unwrap().iter().map(number).collect())
            .collect()
    }

    /// The rows, whose columns are the model's features in its order.
    fn rows(&self) -> Vec<Vec<f32>> {
        let mut reader = csv::Reader::from_path(self.file("rows.csv")).unwrap();
        let features = self.view().model.fields().map(|field| field.name());
        assert!(features.eq(reader.headers().unwrap()));
        let row = |cells: Vec<f64>| cells.into_iter().map(|cell| cell as f32).collect();
        self.table("rows.csv").into_iter().map(row).collect()
    }

    fn calibration(&self) -> Calibration {
        let quality: Quality = serde_json::from_slice(self.view().quality()).unwrap();
        quality.card.unwrap().calibration
    }
}

#[test]
fn rows_lack_every_feature_here_and_there() {
    for golden in &*WORKSPACES {
        let rows = golden.rows();
        assert_eq!(rows.len(), 500);
        for feature in 0..rows[0].len() {
            assert!(rows.iter().any(|row| row[feature].is_nan()), "{feature}");
        }
    }
}

#[test]
fn probabilities_are_xgboosts_calibrated_ones() {
    for golden in &*WORKSPACES {
        let (rows, expected) = (golden.rows(), golden.table("margins.csv"));
        let (view, calibration) = (golden.view(), golden.calibration());
        let probabilities = view.model.probabilities(&rows.concat());
        for ((row, probability), expected) in rows.iter().zip(probabilities).zip(expected) {
            let log_odds = view.model.log_odds(row);
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
}

#[test]
fn contributions_are_xgboosts_times_the_slope() {
    for golden in &*WORKSPACES {
        let (view, calibration) = (golden.view(), golden.calibration());
        let (rows, features) = (golden.rows(), view.model.features().len());
        let shap = explanation::contributions(view, &rows.concat());
        assert_eq!(shap.len(), rows.len() * (features + 1));
        for (shap, expected) in shap
            .chunks(features + 1)
            .zip(golden.table("contributions.csv"))
        {
            for position in 0..features {
                let expected = calibration.slope * expected[position];
                assert!((f64::from(shap[position]) - expected).abs() < 1e-5);
            }
            let base_value = calibration.slope * expected[features] + calibration.intercept;
            assert!((f64::from(shap[features]) - base_value).abs() < 1e-5);
        }
    }
}

#[test]
fn interactions_are_xgboosts_times_the_slope() {
    for golden in &*WORKSPACES {
        let (view, calibration) = (golden.view(), golden.calibration());
        let features = view.model.features().len();
        let side = features + 1;
        let bytes = fs::read(golden.file("interactions.f32")).unwrap();
        let mut expected = bytes
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        let mut matrix = vec![0.0; side * side];
        for row in golden.rows() {
            view.explanations().interactions(&row, &mut matrix);
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
}
