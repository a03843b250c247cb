//! Why the model expects what it expects: exact SHAP values, of one profile and over many customers.
//!
//! Contributions are in log-odds and calibrated: base value + sum of contributions = log-odds of the probability shown.

use crate::View;
use schema::Field;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use workspace::customers::Column;
use workspace::model::logistic;

/// Customers explained at once when everyone is; keeps the matrices in cache.
const GROUP: usize = 64;
/// Reasons that a sentence gives.
const REASONS: usize = 3;

/// What one feature adds to the log-odds of one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Contribution<'w> {
    /// The feature's name.
    pub feature: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// Its value, as a person reads it.
    pub value: Cow<'w, str>,
    /// Value and feature in a few words, such as `a yearly plan`.
    pub words: Cow<'w, str>,
    /// What it adds to the log-odds: its SHAP value.
    pub contribution: f64,
}

/// How the features add up to a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Explanation<'w> {
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
    /// All features, largest magnitude first.
    pub contributions: Vec<Contribution<'w>>,
}

/// How much each pair of features contributes together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Interactions<'w> {
    /// The features, in the order of rows and columns.
    pub features: Vec<&'w str>,
    /// SHAP interaction values in log-odds, symmetric. Off the diagonal is half of what a pair contributes together, on
    /// it what a feature contributes alone; each row adds up to the feature's contribution.
    pub values: Vec<Vec<f64>>,
}

/// Explains the prediction for a profile.
pub fn explain<'w>(view: &View<'w>, codes: &[f64]) -> Explanation<'w> {
    let row = view.model.row(codes);
    let features = row.len();
    let mut shap = vec![0.0; features + 1];
    view.explanations().contributions(&row, &mut shap);
    let prediction_value = view.model.log_odds(&row);
    let base_value = shap[features];
    // Descending magnitude, equal ones in the model's order: the bits of positive numbers are ordered as the numbers are.
    let magnitudes = shap[..features].iter().map(|shap| shap.abs().to_bits());
    let keys = magnitudes
        .zip(0_u128..)
        .map(|(bits, feature)| u128::from(!bits) << 64 | feature);
    let mut order: Vec<u128> = keys.collect();
    order.sort_unstable();
    let contribution = |key: u128| {
        let feature = key as u64 as usize;
        let field = view.model.field(feature);
        let code = codes[field.index()];
        let (value, words) = view.schema.value_and_words(field, code);
        Contribution {
            feature: field.name(),
            label: field.label(),
            value,
            words,
            contribution: shap[feature],
        }
    };
    let contributions: Vec<Contribution<'w>> = order.into_iter().map(contribution).collect();
    Explanation {
        probability: logistic(prediction_value),
        link: "logit",
        base_value,
        prediction_value,
        sentence: sentence(&contributions, prediction_value > base_value),
        contributions,
    }
}

/// The pairwise interactions behind the prediction for a profile.
pub fn interactions<'w>(view: &View<'w>, codes: &[f64]) -> Interactions<'w> {
    let row = view.model.row(codes);
    let side = row.len() + 1;
    let mut matrix = vec![0.0; side * side];
    view.explanations().interactions(&row, &mut matrix);
    Interactions {
        features: view.model.fields().map(|field| field.name()).collect(),
        values: matrix
            .chunks(side)
            .take(row.len())
            .map(|row| row[..side - 1].to_vec())
            .collect(),
    }
}

/// The contributions of many rows of the model: the features in order, then the base value.
pub fn contributions(view: &View<'_>, rows: &[f32]) -> Vec<f32> {
    let features = view.model.features().len();
    let mut shap = vec![0.0; rows.len() / features * (features + 1)];
    view.explanations().contributions_batch(rows, &mut shap);
    shap
}

fn sentence(contributions: &[Contribution<'_>], raised: bool) -> String {
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

/// A feature's value: a number where the feature is one, else as a person reads it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FeatureValue<'w> {
    /// A number; null where missing.
    Number(Option<f64>),
    /// A name, or `yes` or `no`.
    Name(Cow<'w, str>),
}

impl<'w> FeatureValue<'w> {
    fn of(field: Field<'w>, code: f64) -> Self {
        match field.kind().is_named() {
            false => Self::Number(Some(code).filter(|code| !code.is_nan())),
            true => Self::Name(field.display(code)),
        }
    }
}

/// One customer's value of a feature and what it adds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point<'w> {
    /// The value.
    pub value: FeatureValue<'w>,
    /// Its SHAP value, in log-odds.
    pub contribution: f64,
}

/// How many customers have a value of a feature, or one within a range.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ValueCount<'w> {
    /// The value; of a range, the smallest. Null for customers of whom it is not known.
    pub value: FeatureValue<'w>,
    /// The end of a range, which belongs to the next one, if there is one; null for a name.
    #[schema(required)]
    pub end: Option<f64>,
    /// How many customers have it.
    pub customers: usize,
}

/// What a feature does over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeatureImportance<'w> {
    /// The feature's name.
    pub feature: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// Mean magnitude of its SHAP values, in log-odds.
    pub mean_abs_contribution: f64,
    /// How all of them are distributed: by name, or over up to 24 ranges of equal width.
    pub distribution: Vec<ValueCount<'w>>,
    /// Some customers: the same for every feature, in the same order.
    pub points: Vec<Point<'w>>,
}

/// What two features do together over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PairImportance<'w> {
    /// The two features.
    pub features: [&'w str; 2],
    /// Mean magnitude of their SHAP interaction value, half of what they contribute together, in log-odds.
    pub mean_abs_interaction: f64,
}

/// What drives the model's predictions over many customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GlobalExplanation<'w> {
    /// How many customers these are.
    pub population: usize,
    /// E[f(X)], in log-odds.
    pub base_value: f64,
    /// All features, the most important first.
    pub features: Vec<FeatureImportance<'w>>,
    /// Every pair of features, the strongest first.
    pub interactions: Vec<PairImportance<'w>>,
}

/// How many ranges a number's distribution has.
const RANGES: usize = 24;

/// How the codes of some customers in a field's column are distributed.
fn distribution<'w>(
    field: Field<'w>,
    column: Column<'_>,
    customers: &[usize],
) -> Vec<ValueCount<'w>> {
    let codes = || customers.iter().map(|customer| column.code(*customer));
    let known = || codes().filter(|code| !code.is_nan());
    let mut counts = match field.kind().is_named() {
        false => ranges(known()),
        true => {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            for code in known() {
                *counts.entry(code as usize).or_default() += 1;
            }
            let counts = counts.into_iter();
            counts
                .map(|(code, customers)| ValueCount {
                    value: FeatureValue::of(field, code as f64),
                    end: None,
                    customers,
                })
                .collect()
        }
    };
    let unknown = customers.len() - known().count();
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
fn ranges<'w>(numbers: impl Iterator<Item = f64> + Clone) -> Vec<ValueCount<'w>> {
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

/// Explains the predictions for many customers, given their rising positions, with at most `max_points` points per feature. Without
/// customers, every importance is 0.
pub fn explain_all<'w>(
    view: &View<'w>,
    customers: &[usize],
    max_points: usize,
) -> GlobalExplanation<'w> {
    let fields: Vec<Field<'w>> = view.model.fields().collect();
    let columns: Vec<Column<'w>> = fields
        .iter()
        .map(|field| view.customers.column(field.index()))
        .collect();
    let side = fields.len() + 1;
    let sampled = sample(customers.len(), max_points);
    let mut shown = sampled.iter().peekable();
    let mut importance = vec![0.0; fields.len()];
    let mut together = vec![0.0; side * side];
    let mut points: Vec<Vec<Point<'w>>> = fields
        .iter()
        .map(|_| Vec::with_capacity(sampled.len()))
        .collect();
    let mut matrices = vec![0.0_f32; GROUP * side * side];
    let mut rows: Vec<f32> = Vec::with_capacity(GROUP * fields.len());
    for (group, customers) in customers.chunks(GROUP).enumerate() {
        rows.clear();
        for customer in customers {
            rows.extend(columns.iter().map(|column| column.code(*customer) as f32));
        }
        let shap = contributions(view, &rows);
        for (within, (shap, customer)) in shap.chunks(side).zip(customers).enumerate() {
            for (sum, contribution) in importance.iter_mut().zip(shap) {
                *sum += f64::from(*contribution).abs();
            }
            if shown
                .next_if(|index| **index == group * GROUP + within)
                .is_some()
            {
                for (feature, points) in points.iter_mut().enumerate() {
                    points.push(Point {
                        value: FeatureValue::of(fields[feature], columns[feature].code(*customer)),
                        contribution: f64::from(shap[feature]),
                    });
                }
            }
        }
        let matrices = &mut matrices[..customers.len() * side * side];
        view.explanations().interactions_batch(&rows, matrices);
        for matrix in matrices.chunks(side * side) {
            for (sum, interaction) in together.iter_mut().zip(matrix) {
                *sum += f64::from(interaction.abs());
            }
        }
    }
    let mean = |sum: f64| sum / customers.len().max(1) as f64;
    let mut features: Vec<FeatureImportance<'w>> = points
        .into_iter()
        .enumerate()
        .map(|(feature, points)| FeatureImportance {
            feature: fields[feature].name(),
            label: fields[feature].label(),
            mean_abs_contribution: mean(importance[feature]),
            distribution: distribution(fields[feature], columns[feature], customers),
            points,
        })
        .collect();
    features.sort_by(|a, b| b.mean_abs_contribution.total_cmp(&a.mean_abs_contribution));
    let pairs = (0..fields.len())
        .flat_map(|first| (first + 1..fields.len()).map(move |second| (first, second)));
    let mut interactions: Vec<PairImportance<'w>> = pairs
        .map(|(first, second)| PairImportance {
            features: [fields[first].name(), fields[second].name()],
            mean_abs_interaction: mean(together[first * side + second]),
        })
        .collect();
    interactions.sort_by(|a, b| b.mean_abs_interaction.total_cmp(&a.mean_abs_interaction));
    GlobalExplanation {
        population: customers.len(),
        base_value: view.explanations().base_value(),
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
    use crate::prediction;
    use crate::shipped::{at, profiles, view};

    fn own<'e, 'w>(explanation: &'e Explanation<'w>, feature: &str) -> &'e Contribution<'w> {
        let mut contributions = explanation.contributions.iter();
        contributions
            .find(|other| other.feature == feature)
            .unwrap()
    }

    #[test]
    fn explanations_add_up_to_the_probability_that_is_shown() {
        for profile in profiles() {
            let explanation = explain(view(), profile.codes());
            let sum: f64 = explanation
                .contributions
                .iter()
                .map(|contribution| contribution.contribution)
                .sum();
            assert!((explanation.base_value + sum - explanation.prediction_value).abs() < 1e-5);
            assert_eq!(
                explanation.probability,
                prediction::predict(view(), profile.codes()).probability
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
        for profile in profiles().step_by(97) {
            let explanation = explain(view(), profile.codes());
            let interactions = interactions(view(), profile.codes());
            for (name, row) in interactions.features.iter().zip(&interactions.values) {
                let contribution = own(&explanation, name).contribution;
                assert!((row.iter().sum::<f64>() - contribution).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_global_picture_is_the_mean_of_the_single_ones() {
        let customers: Vec<usize> = (0..view().customers.len()).step_by(11).collect();
        let single: Vec<Explanation<'_>> = customers
            .iter()
            .map(|customer| explain(view(), view().profile(*customer).codes()))
            .collect();
        let all = explain_all(view(), &customers, 50);
        assert_eq!(all.population, customers.len());
        assert_eq!(all.interactions.len(), 171);
        for feature in &all.features {
            assert_eq!(feature.points.len(), 50);
            let magnitudes = single
                .iter()
                .map(|explanation| own(explanation, feature.feature).contribution.abs());
            let mean = magnitudes.sum::<f64>() / customers.len() as f64;
            assert!((mean - feature.mean_abs_contribution).abs() < 1e-5);
        }
    }

    #[test]
    fn distributions_count_everybody_and_not_only_those_drawn() {
        let customers: Vec<usize> = (0..view().customers.len()).collect();
        for max_points in [0, 300] {
            let all = explain_all(view(), &customers, max_points);
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
            let contract = view().schema.find("contract").unwrap();
            for count in of("contract") {
                let FeatureValue::Name(name) = &count.value else {
                    panic!("{count:?}")
                };
                let have = profiles().filter(|profile| {
                    let value = contract.value(profile.code(contract.index())).unwrap();
                    value.name() == name
                });
                assert_eq!(count.customers, have.count());
            }
            let (first, last) = (&of("tenure_months")[0], of("tenure_months").last().unwrap());
            assert_eq!(first.value, FeatureValue::Number(Some(0.0)));
            assert_eq!(last.end, Some(72.0));
            let total = at("total_charges");
            let never_billed = profiles().filter(|profile| profile.code(total).is_nan());
            let unknown = of("total_charges").last().unwrap();
            assert_eq!(unknown.value, FeatureValue::Number(None));
            assert_eq!(unknown.customers, never_billed.count());
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
        let nobody = explain_all(view(), &[], 10);
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
        let words = |name: &str, code| {
            let field = view().schema.find(name).unwrap();
            view().schema.words(field, code)
        };
        assert_eq!(words("contract", 0.0), "month-to-month contract");
        assert_eq!(words("tenure_months", 1.0), "1 month with us");
        assert_eq!(words("online_security", 0.0), "without online security");
        assert_eq!(
            words("streaming_tv", 2.0),
            "no internet, so no streaming TV"
        );
        assert_eq!(
            words("payment_method", 3.0),
            "pays by credit card, automatically"
        );
        assert_eq!(words("monthly_charges", 29.85), "$29.85 a month");
        assert_eq!(
            words("total_charges", f64::NAN),
            "total charges: not billed yet"
        );
    }
}
