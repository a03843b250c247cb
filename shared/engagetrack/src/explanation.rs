//! Why the model expects what it expects: exact SHAP values, of one profile and over many customers.
//!
//! Contributions are in log-odds and calibrated: base value + sum of contributions = log-odds of the probability shown.

use crate::customer::Profile;
use crate::encoding::{self, FEATURES, FIELDS, Kind, Row, at};
use crate::model;
use crate::population::Customer;
use forest::{Aligned, Forest};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::ToSchema;

static TABLES: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(
    env!("OUT_DIR"),
    "/explanations.bin"
)));

fn forest() -> &'static Forest<'static> {
    static FOREST: LazyLock<Forest> =
        LazyLock::new(|| Forest::from_bytes(&TABLES.0).expect("the build compiled it"));
    &FOREST
}

/// Side of an interaction matrix as the forest gives it: the features, then the bias.
const SIDE: usize = FEATURES + 1;
/// How many customers are explained at once when everyone is; keeps the matrices in cache.
const BLOCK: usize = 64;
/// How many reasons a sentence gives.
const REASONS: usize = 3;

/// What one feature adds to the log-odds of one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Contribution {
    /// The feature's name.
    pub feature: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Its value, as a person reads it.
    pub value: Cow<'static, str>,
    /// Value and feature in a few words, such as `month-to-month contract`.
    pub words: Cow<'static, str>,
    /// What it adds to the log-odds: its SHAP value.
    pub contribution: f64,
}

/// How the features add up to a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// Calibrated churn probability, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// The scale of all that follows: `logit`, log-odds.
    pub link: &'static str,
    /// E[f(X)], the log-odds expected before anything is known of the customer.
    pub base_value: f64,
    /// f(x), the log-odds of `probability`.
    pub prediction_value: f64,
    /// The reasons that weigh most, in one sentence.
    pub sentence: String,
    /// All 19 features, largest magnitude first.
    pub contributions: Vec<Contribution>,
}

/// How much each pair of features contributes together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Interactions {
    /// The features, in the order of rows and columns.
    pub features: Vec<&'static str>,
    /// SHAP interaction values in log-odds, symmetric. Off the diagonal stands half of what a pair contributes together, on
    /// it what a feature contributes alone; each row adds up to the feature's contribution.
    pub values: Vec<Vec<f64>>,
}

/// Explains the prediction for a profile.
pub fn explain(profile: &Profile) -> Explanation {
    let codes = encoding::codes(profile);
    let row = encoding::row(&codes);
    let mut shap = [0.0; SIDE];
    forest().contributions(&row, &mut shap);
    let prediction_value = model::log_odds(&row);
    let base_value = shap[FEATURES];
    let mut order: [usize; FEATURES] = std::array::from_fn(|position| position);
    order.sort_by(|a, b| shap[*b].abs().total_cmp(&shap[*a].abs()));
    let contribution = |position: usize| {
        let code = codes[position];
        let value = encoding::display(position, code);
        Contribution {
            feature: FIELDS[position].name,
            label: FIELDS[position].label,
            words: words(position, code, &value),
            value,
            contribution: shap[position],
        }
    };
    let contributions: Vec<Contribution> = order.into_iter().map(contribution).collect();
    Explanation {
        probability: model::logistic(prediction_value),
        link: "logit",
        base_value,
        prediction_value,
        sentence: sentence(&contributions, prediction_value > base_value),
        contributions,
    }
}

/// The pairwise interactions behind the prediction for a profile.
pub fn interactions(profile: &Profile) -> Interactions {
    let mut matrix = [0.0; SIDE * SIDE];
    row_interactions(&encoding::encode(profile), &mut matrix);
    Interactions {
        features: FIELDS[..FEATURES].iter().map(|field| field.name).collect(),
        values: matrix
            .chunks(SIDE)
            .take(FEATURES)
            .map(|row| row[..FEATURES].to_vec())
            .collect(),
    }
}

/// The interactions behind the prediction for an encoded profile, as a matrix row by row, the bias last.
pub(crate) fn row_interactions(row: &Row, matrix: &mut [f64; SIDE * SIDE]) {
    forest().interactions(row, matrix);
}

/// The contributions of many encoded profiles, row after row: the features in order, then the base value.
pub fn contributions(rows: &[f32]) -> Vec<f32> {
    let mut shap = vec![0.0; rows.len() / FEATURES * SIDE];
    forest().contributions_batch(rows, &mut shap);
    shap
}

fn sentence(contributions: &[Contribution], raised: bool) -> String {
    let fitting = contributions
        .iter()
        .filter(|contribution| (contribution.contribution > 0.0) == raised);
    let reasons: Vec<&str> = fitting
        .take(REASONS)
        .map(|contribution| &*contribution.words)
        .collect();
    match (raised, reasons.as_slice()) {
        (_, []) => "Nothing about this customer stands out.".to_owned(),
        (true, reasons) => format!("Mostly because: {}.", reasons.join(", ")),
        (false, reasons) => format!("Mostly kept by: {}.", reasons.join(", ")),
    }
}

/// A feature's value in a few words; `value` is it as a person reads it.
fn words(position: usize, code: f64, value: &str) -> Cow<'static, str> {
    static NAMED: LazyLock<[Vec<String>; FEATURES]> = LazyLock::new(|| {
        std::array::from_fn(|position| {
            let names = match FIELDS[position].kind {
                Kind::Flag => 2,
                Kind::Dependent(_) => 3,
                Kind::Choice(names) => names.len(),
                Kind::Whole(_) | Kind::Dollars(_) => 0,
            };
            (0..names)
                .map(|code| name_in_words(position, code))
                .collect()
        })
    });
    match position {
        _ if code.is_nan() => format!("{} unknown", label(position)).into(),
        at::TENURE_MONTHS if code == 1.0 => [value, " month with us"].concat().into(),
        at::TENURE_MONTHS => [value, " months with us"].concat().into(),
        at::MONTHLY_CHARGES => ["$", value, " a month"].concat().into(),
        at::TOTAL_CHARGES => ["$", value, " paid so far"].concat().into(),
        _ => NAMED[position]
            .get(code as usize)
            .map_or("unknown", String::as_str)
            .into(),
    }
}

/// A feature's label in the midst of a sentence.
fn label(position: usize) -> String {
    FIELDS[position].label.to_lowercase().replace(" tv", " TV")
}

/// In a few words, the value of a feature whose codes stand for names.
fn name_in_words(position: usize, code: usize) -> String {
    let value = encoding::display(position, code as f64);
    let words = match (position, code) {
        (at::GENDER, _) => return value.to_lowercase(),
        (at::SENIOR_CITIZEN, 1) => "senior citizen",
        (at::SENIOR_CITIZEN, _) => "not a senior citizen",
        (at::PARTNER, 1) => "with a partner",
        (at::PARTNER, _) => "without a partner",
        (at::MULTIPLE_LINES, 0) => "a single phone line",
        (at::MULTIPLE_LINES, 1) => "several phone lines",
        (at::MULTIPLE_LINES, _) => "no phone",
        (at::INTERNET_SERVICE, 0) => "DSL internet",
        (at::INTERNET_SERVICE, 1) => "fibre internet",
        (at::INTERNET_SERVICE, _) => "no internet",
        (at::CONTRACT, 0) => "month-to-month contract",
        (at::CONTRACT, 1) => "one-year contract",
        (at::CONTRACT, _) => "two-year contract",
        (at::PAPERLESS_BILLING, 1) => "paperless billing",
        (at::PAPERLESS_BILLING, _) => "paper bills",
        (at::PAYMENT_METHOD, _) => {
            let method = value.to_lowercase();
            return format!(
                "pays by {}",
                method.replace(" (automatic)", ", automatically")
            );
        }
        (_, 0) => return format!("without {}", label(position)),
        (_, 1) => return format!("with {}", label(position)),
        _ => return format!("no internet, so no {}", label(position)),
    };
    words.to_owned()
}

/// A feature's value: a number where the feature is one, else as a person reads it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FeatureValue {
    /// Months or dollars; null where missing.
    Number(Option<f64>),
    /// A name, or `yes` or `no`.
    Name(Cow<'static, str>),
}

impl FeatureValue {
    fn of(position: usize, code: f64) -> Self {
        match FIELDS[position].kind {
            Kind::Whole(_) | Kind::Dollars(_) => {
                Self::Number(Some(code).filter(|code| !code.is_nan()))
            }
            _ => Self::Name(encoding::display(position, code)),
        }
    }
}

/// One customer's value of a feature and what it adds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// The value.
    pub value: FeatureValue,
    /// Its SHAP value, in log-odds.
    pub contribution: f64,
}

/// How many customers have a value of a feature, or one within a range.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ValueCount {
    /// The value; of a range, the smallest. Null for customers of whom it is not known.
    pub value: FeatureValue,
    /// The end of a range, which belongs to the next one, if there is one; null for a name.
    #[schema(required)]
    pub end: Option<f64>,
    /// How many customers have it.
    pub customers: usize,
}

/// What a feature does over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeatureImportance {
    /// The feature's name.
    pub feature: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Mean magnitude of its SHAP values, in log-odds.
    pub mean_abs_contribution: f64,
    /// How all of them are distributed: by name, or over up to 24 ranges of equal width.
    pub distribution: Vec<ValueCount>,
    /// Some customers: the same for every feature, in the same order.
    pub points: Vec<Point>,
}

/// What two features do together over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PairImportance {
    /// The two features.
    pub features: [&'static str; 2],
    /// Mean magnitude of their SHAP interaction value, half of what they contribute together, in log-odds.
    pub mean_abs_interaction: f64,
}

/// What drives the model's predictions over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GlobalExplanation {
    /// How many customers these are.
    pub population: usize,
    /// E[f(X)], in log-odds.
    pub base_value: f64,
    /// All 19 features, the most important first.
    pub features: Vec<FeatureImportance>,
    /// Every pair of features, the strongest first.
    pub interactions: Vec<PairImportance>,
}

/// How many ranges a number's distribution has.
const RANGES: usize = 24;

/// How a feature is distributed, from its codes.
fn distribution(position: usize, codes: &[f64]) -> Vec<ValueCount> {
    let known = || codes.iter().copied().filter(|code| !code.is_nan());
    let mut counts = match FIELDS[position].kind {
        Kind::Whole(_) | Kind::Dollars(_) => ranges(known()),
        _ => {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            for code in known() {
                *counts.entry(code as usize).or_default() += 1;
            }
            let counts = counts.into_iter();
            counts
                .map(|(code, customers)| ValueCount {
                    value: FeatureValue::of(position, code as f64),
                    end: None,
                    customers,
                })
                .collect()
        }
    };
    let unknown = codes.len() - known().count();
    if unknown > 0 {
        counts.push(ValueCount {
            value: FeatureValue::Number(None),
            end: None,
            customers: unknown,
        });
    }
    counts
}

/// Numbers over ranges of equal width; one range where all are the same.
fn ranges(numbers: impl Iterator<Item = f64> + Clone) -> Vec<ValueCount> {
    let least = numbers.clone().fold(f64::INFINITY, f64::min);
    let most = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
    if least > most {
        return Vec::new();
    }
    let count = if least < most { RANGES } else { 1 };
    let width = (most - least) / count as f64;
    let mut counts = vec![0; count];
    for number in numbers {
        let range = ((number - least) / width) as usize;
        counts[range.min(count - 1)] += 1;
    }
    let ranges = counts.into_iter().enumerate();
    ranges
        .map(|(range, customers)| ValueCount {
            value: FeatureValue::Number(Some(least + range as f64 * width)),
            end: Some(least + (range + 1) as f64 * width),
            customers,
        })
        .collect()
}

/// Explains the predictions for many customers, with at most so many points per feature. With no customers, every
/// importance is 0.
pub fn explain_all(customers: &[Customer], max_points: usize) -> GlobalExplanation {
    let sampled = sample(customers.len(), max_points);
    let mut shown = sampled.iter().peekable();
    let mut importance = [0.0; FEATURES];
    let mut together = vec![0.0; SIDE * SIDE];
    let mut columns: [Vec<f64>; FEATURES] =
        std::array::from_fn(|_| Vec::with_capacity(customers.len()));
    let mut points: [Vec<Point>; FEATURES] =
        std::array::from_fn(|_| Vec::with_capacity(sampled.len()));
    let mut matrices = vec![0.0_f32; BLOCK * SIDE * SIDE];
    for (block, customers) in customers.chunks(BLOCK).enumerate() {
        let codes: Vec<_> = customers.iter().map(|customer| customer.codes()).collect();
        let rows: Vec<f32> = codes.iter().flat_map(encoding::row).collect();
        let shap = contributions(&rows);
        for (within, (shap, codes)) in shap.chunks(SIDE).zip(&codes).enumerate() {
            let is_shown = shown
                .next_if(|index| **index == block * BLOCK + within)
                .is_some();
            for position in 0..FEATURES {
                let contribution = f64::from(shap[position]);
                importance[position] += contribution.abs();
                columns[position].push(codes[position]);
                if is_shown {
                    let value = FeatureValue::of(position, codes[position]);
                    points[position].push(Point {
                        value,
                        contribution,
                    });
                }
            }
        }
        let matrices = &mut matrices[..customers.len() * SIDE * SIDE];
        forest().interactions_batch(&rows, matrices);
        for matrix in matrices.chunks(SIDE * SIDE) {
            for (sum, interaction) in together.iter_mut().zip(matrix) {
                *sum += f64::from(interaction.abs());
            }
        }
    }
    let mean = |sum: f64| sum / customers.len().max(1) as f64;
    let mut features: Vec<FeatureImportance> = points
        .into_iter()
        .enumerate()
        .map(|(position, points)| FeatureImportance {
            feature: FIELDS[position].name,
            label: FIELDS[position].label,
            mean_abs_contribution: mean(importance[position]),
            distribution: distribution(position, &columns[position]),
            points,
        })
        .collect();
    features.sort_by(|a, b| b.mean_abs_contribution.total_cmp(&a.mean_abs_contribution));
    let pairs =
        (0..FEATURES).flat_map(|first| (first + 1..FEATURES).map(move |second| (first, second)));
    let mut interactions: Vec<PairImportance> = pairs
        .map(|(first, second)| PairImportance {
            features: [FIELDS[first].name, FIELDS[second].name],
            mean_abs_interaction: mean(together[first * SIDE + second]),
        })
        .collect();
    interactions.sort_by(|a, b| b.mean_abs_interaction.total_cmp(&a.mean_abs_interaction));
    GlobalExplanation {
        population: customers.len(),
        base_value: forest().base_value(),
        features,
        interactions,
    }
}

/// Ascending positions of at most `most` of `count` things, one at random from each of as many equal stretches; always the
/// same ones.
fn sample(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let mut random = fastrand::Rng::with_seed(0);
    let start = |stretch: usize| stretch * count / most;
    (0..most)
        .map(|stretch| random.usize(start(stretch)..start(stretch + 1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population;

    #[test]
    fn explanations_add_up_to_the_probability_that_is_shown() {
        for customer in population::all() {
            let explanation = explain(&customer.profile());
            let sum: f64 = explanation
                .contributions
                .iter()
                .map(|contribution| contribution.contribution)
                .sum();
            assert!((explanation.base_value + sum - explanation.prediction_value).abs() < 1e-5);
            assert_eq!(
                explanation.probability,
                model::predict(&customer.profile()).probability
            );
            let magnitudes = explanation
                .contributions
                .iter()
                .map(|contribution| contribution.contribution.abs());
            assert!(magnitudes.is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn interactions_add_up_to_contributions() {
        for customer in population::all().step_by(97) {
            let explanation = explain(&customer.profile());
            let interactions = interactions(&customer.profile());
            for (name, row) in interactions.features.iter().zip(&interactions.values) {
                let contribution = explanation
                    .contributions
                    .iter()
                    .find(|other| other.feature == *name)
                    .unwrap();
                assert!((row.iter().sum::<f64>() - contribution.contribution).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_global_picture_is_the_mean_of_the_single_ones() {
        let customers: Vec<Customer> = population::all().step_by(11).collect();
        let all = explain_all(&customers, 50);
        assert_eq!(all.population, customers.len());
        assert_eq!(all.interactions.len(), 171);
        for feature in &all.features {
            assert_eq!(feature.points.len(), 50);
            let magnitude = |customer: &Customer| {
                let explanation = explain(&customer.profile());
                let own = explanation
                    .contributions
                    .iter()
                    .find(|other| other.feature == feature.feature);
                own.unwrap().contribution.abs()
            };
            let mean = customers.iter().map(magnitude).sum::<f64>() / customers.len() as f64;
            assert!((mean - feature.mean_abs_contribution).abs() < 1e-5);
        }
    }

    #[test]
    fn distributions_count_everybody_and_not_only_those_drawn() {
        let customers: Vec<Customer> = population::all().collect();
        for max_points in [0, 300] {
            let all = explain_all(&customers, max_points);
            for feature in &all.features {
                let counted = feature.distribution.iter().map(|count| count.customers);
                assert_eq!(
                    counted.sum::<usize>(),
                    customers.len(),
                    "{}",
                    feature.feature
                );
            }
            let of = |feature: &str| {
                let mut features = all.features.iter();
                &features
                    .find(|one| one.feature == feature)
                    .unwrap()
                    .distribution
            };
            for count in of("contract") {
                let FeatureValue::Name(name) = &count.value else {
                    panic!("{count:?}")
                };
                let have = |customer: &&Customer| customer.profile().contract.name() == name;
                assert_eq!(count.customers, customers.iter().filter(have).count());
            }
            let (first, last) = (&of("tenure_months")[0], of("tenure_months").last().unwrap());
            assert_eq!(first.value, FeatureValue::Number(Some(0.0)));
            assert_eq!(last.end, Some(72.0));
            let never_billed = |customer: &&Customer| customer.profile().total_charges.is_none();
            let unknown = of("total_charges").last().unwrap();
            assert_eq!(unknown.value, FeatureValue::Number(None));
            assert_eq!(
                unknown.customers,
                customers.iter().filter(never_billed).count()
            );
        }
    }

    #[test]
    fn a_number_that_never_varies_has_one_range() {
        let counts = ranges([5.0, 5.0].into_iter());
        assert_eq!(counts.len(), 1);
        assert_eq!((counts[0].customers, counts[0].end), (2, Some(5.0)));
        assert_eq!(ranges(std::iter::empty()), []);
    }

    #[test]
    fn of_nobody_there_is_nothing_to_say() {
        let nobody = explain_all(&[], 10);
        assert_eq!(nobody.population, 0);
        assert!(
            nobody
                .features
                .iter()
                .all(|feature| feature.mean_abs_contribution == 0.0 && feature.points.is_empty())
        );
    }

    #[test]
    fn samples_are_even_and_always_the_same() {
        let sampled = sample(7043, 300);
        assert_eq!(sampled, sample(7043, 300));
        assert_eq!(sampled.len(), 300);
        assert!(
            sampled
                .windows(2)
                .all(|pair| pair[0] < pair[1] && pair[1] - pair[0] < 48)
        );
        assert_eq!(sample(3, 300), [0, 1, 2]);
        assert_eq!(sample(3, 0), [0; 0]);
    }

    #[test]
    fn reasons_are_given_in_words() {
        let words = |position, code| words(position, code, &encoding::display(position, code));
        assert_eq!(words(at::CONTRACT, 0.0), "month-to-month contract");
        assert_eq!(words(at::TENURE_MONTHS, 1.0), "1 month with us");
        assert_eq!(words(at::ADD_ONS, 0.0), "without online security");
        assert_eq!(
            words(at::ADD_ONS + 4, 2.0),
            "no internet, so no streaming TV"
        );
        assert_eq!(
            words(at::PAYMENT_METHOD, 3.0),
            "pays by credit card, automatically"
        );
        assert_eq!(words(at::MONTHLY_CHARGES, 29.85), "$29.85 a month");
        assert_eq!(words(at::TOTAL_CHARGES, f64::NAN), "total charges unknown");
    }
}
