//! How good the model is: its card and its evaluation.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The model's card and evaluation; each null where the embedded model is not the one that it describes.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Which model this is.
    pub model_version: String,
    /// What the model is and how it was made.
    #[schema(required)]
    pub card: Option<Card>,
    /// How it did on customers that it had not seen.
    #[schema(required)]
    pub evaluation: Option<Evaluation>,
}

/// What the model is and how it was made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ModelCard)]
pub struct Card {
    /// Which model this is.
    pub version: String,
    /// The data it was trained on.
    pub trained_on: TrainingData,
    /// The date of the data, `YYYY-MM-DD`.
    pub data_date: String,
    /// Share of the training customers who left, 0 to 1.
    pub base_rate: f64,
    /// Versions of the libraries that trained it.
    pub libraries: BTreeMap<String, String>,
    /// Settings of XGBoost.
    #[schema(value_type = BTreeMap<String, Setting>)]
    pub settings: BTreeMap<String, Setting>,
    /// How margins become probabilities.
    pub calibration: Calibration,
    /// Quality out of fold.
    pub metrics: Metrics,
    /// How each feature was distributed in training.
    pub training_distribution: BTreeMap<String, Distribution>,
}

/// The data a model was trained on.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingData {
    /// The name of the file.
    pub file: String,
    /// Where it comes from; null for data of somebody's own.
    #[schema(required)]
    pub source: Option<String>,
    /// Its SHA-256.
    pub sha256: String,
    /// Rows in it.
    pub customers: u64,
    /// Rows of customers who left.
    pub churners: u64,
}

/// A setting of XGBoost.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A name.
    Name(String),
}

/// Platt scaling: log-odds = slope × margin + intercept.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlattScaling)]
pub struct Calibration {
    /// `platt`.
    pub method: String,
    /// Slope.
    pub slope: f64,
    /// Intercept, in log-odds.
    pub intercept: f64,
}

/// A figure and its spread over repeats.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Mean over the repeats.
    pub mean: f64,
    /// Standard deviation over the repeats.
    pub sd: f64,
}

/// Quality out of fold.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Folds of a repeat.
    pub folds: u64,
    /// Repeats.
    pub repeats: u64,
    /// Area under the ROC curve.
    pub roc_auc: Figure,
    /// Average precision.
    pub average_precision: Figure,
    /// Log loss.
    pub log_loss: Figure,
    /// Brier score.
    pub brier: Figure,
    /// Expected calibration error on ten equal-mass bins, pooled over the repeats.
    pub ece: f64,
}

/// How a feature was distributed in training.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrainingDistribution)]
pub struct Distribution {
    /// The values of a feature that is not a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// The inner edges of the bins of a number; bin i holds values from edge i − 1 to below edge i.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<f64>>,
    /// The share of each value or bin among those present, 0 to 1.
    pub shares: Vec<f64>,
    /// The share of customers without a value, 0 to 1.
    pub missing: f64,
}

/// How a model did on customers that it had not seen.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Which model this is.
    pub version: String,
    /// Customers scored.
    pub customers: u64,
    /// Those who left.
    pub churners: u64,
    /// Folds of a repeat.
    pub folds: u64,
    /// Repeats.
    pub repeats: u64,
    /// The ROC curve.
    pub roc: Vec<RocPoint>,
    /// The precision–recall curve.
    pub precision_recall: Vec<PrecisionRecallPoint>,
    /// Predicted against observed.
    pub calibration: Vec<CalibrationBin>,
    /// Churners found among the customers of highest score.
    pub gains: Vec<Gain>,
    /// Confusion counts at every percentile of the score.
    pub by_cutoff: Vec<Confusion>,
    /// The same figures for parts of the customers.
    pub by_group: BTreeMap<String, Vec<Group>>,
}

/// A point of the ROC curve.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RocPoint {
    /// Share of the loyal who are called churners.
    pub false_positive_rate: f64,
    /// Share of the churners who are called so.
    pub true_positive_rate: f64,
    /// The probability from which on a customer is called a churner.
    pub cutoff: f64,
}

/// A point of the precision–recall curve.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecallPoint {
    /// Share of the churners who are called so.
    pub recall: f64,
    /// Share of churners among those called so.
    pub precision: f64,
    /// The probability from which on a customer is called a churner.
    pub cutoff: f64,
}

/// One of ten bins of equal mass.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share who left.
    pub observed: f64,
    /// Predictions in the bin, over all repeats.
    pub predictions: u64,
    /// Lower end of the 95 % Wilson interval of `observed`.
    pub observed_low: f64,
    /// Upper end.
    pub observed_high: f64,
}

/// Churners among the customers of highest score.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Customers contacted, in percent of all.
    pub percent: u64,
    /// Share of all churners among them.
    pub gain: f64,
    /// Churn rate among them over that of all.
    pub lift: f64,
}

/// Confusion counts at one cutoff.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    /// Share of customers below the cutoff, times 100.
    pub percentile: u64,
    /// The probability from which on a customer is called a churner.
    pub cutoff: f64,
    /// Churners called so.
    pub true_positives: u64,
    /// The loyal called churners.
    pub false_positives: u64,
    /// The loyal called so.
    pub true_negatives: u64,
    /// Churners called loyal.
    pub false_negatives: u64,
}

/// The figures of a part of the customers.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QualityGroup)]
pub struct Group {
    /// Which part.
    pub group: String,
    /// Its customers.
    pub customers: u64,
    /// The share who left.
    pub churn_rate: f64,
    /// Their mean predicted probability.
    pub mean_predicted: f64,
    /// Area under the ROC curve.
    pub roc_auc: Figure,
    /// Average precision.
    pub average_precision: Figure,
    /// Log loss.
    pub log_loss: Figure,
    /// Brier score.
    pub brier: Figure,
    /// Expected calibration error on ten equal-mass bins.
    pub ece: f64,
}

/// Checks that bytes are the quality of a model of this version.
pub(crate) fn verify(bytes: &[u8], model_version: &str) -> Result<(), String> {
    let quality: Quality = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match quality.model_version == model_version {
        true => Ok(()),
        false => Err(format!("it is of the model {:?}", quality.model_version)),
    }
}
