//! Amounts and durations that are plausible by themselves and not beside those that the model was trained on: cents for dollars,
//! durations in a larger unit, columns that were scaled.

use crate::View;
use reader::Evidence;
use schema::Kind;
use workspace::model::Row;

/// Profiles that are looked at.
const MOST_PROFILES: usize = 1_000;

/// Fewer profiles may differ from those in training by chance.
const FEWEST_PROFILES: usize = 5;

/// How many times what most values in training are below is another unit, unless a customer of the directory has as much.
const FAR: f32 = 5.0;

/// By how much a total may miss the tenure's amounts.
const TOTAL_MISSES: f64 = 3.0;

/// What is implausible about rows of the model, by columns.
pub fn warnings(view: &View<'_>, rows: &[f32]) -> Vec<Evidence> {
    let features = view.model.features().len();
    if features == 0 {
        return Vec::new();
    }
    let rows: Vec<&[f32]> = rows.chunks_exact(features).take(MOST_PROFILES).collect();
    of_rows(view, &rows, |field| largest_known(view, field))
}

/// What is implausible about the customers of the directory, by columns.
pub fn directory_warnings(view: &View<'_>) -> Vec<Evidence> {
    let step = view.customers.len().div_ceil(MOST_PROFILES).max(1);
    let customers = (0..view.customers.len()).step_by(step);
    let row = |customer| -> Row {
        let features = view.model.features().iter();
        features
            .map(|field| view.customers.code(customer, *field as usize) as f32)
            .collect()
    };
    let rows: Vec<Row> = customers.map(row).collect();
    let rows: Vec<&[f32]> = rows.iter().map(|row| &**row).collect();
    // That a customer of the directory has as much is no evidence for the directory.
    of_rows(view, &rows, |_| 0.0)
}

fn of_rows(
    view: &View<'_>,
    rows: &[&[f32]],
    largest_known: impl Fn(usize) -> f64,
) -> Vec<Evidence> {
    let mut warnings = Vec::new();
    if !view.model.is_described() {
        return warnings;
    }
    for feature in 0..view.model.features().len() {
        let field = view.model.field(feature);
        let training = view.model.training(feature);
        let (Some(&low), Some(&high)) = (training.edges.first(), training.edges.last()) else {
            continue;
        };
        if field.kind().is_named() || high <= 0.0 {
            continue;
        }
        let mut values: Vec<f32> = rows
            .iter()
            .map(|row| row[feature])
            .filter(|value| !value.is_nan())
            .collect();
        values.sort_by(f32::total_cmp);
        let (Some(&median), Some(&largest)) = (values.get(values.len() / 2), values.last()) else {
            continue;
        };
        let many = values.len() >= FEWEST_PROFILES;
        let is_whole = field.kind() == Kind::Whole;
        // The probability that none of these values is larger if they are distributed as in training.
        let below: f64 = training
            .shares
            .iter()
            .take(
                training
                    .edges
                    .iter()
                    .filter(|edge| **edge <= largest)
                    .count()
                    + 1,
            )
            .sum();
        let chance = below.powi(i32::try_from(values.len()).unwrap_or(i32::MAX));
        let count = values.len() as u64;
        let reading = if median > FAR * high
            && f64::from(median) > 2.0 * largest_known(field.index())
        {
            format!(
                "the median is {median}, and most values in training are below {high}: perhaps a smaller unit"
            )
        } else if many && largest <= 1.0 && low > 1.0 && !is_whole {
            format!(
                "no value is above {largest}, and most values in training are above {low}: the column is perhaps scaled"
            )
        } else if many && 10.0 * largest <= high && chance < 1e-6 {
            format!(
                "no value is above {largest}, and the largest in training are above {high}: perhaps a larger unit"
            )
        } else {
            continue;
        };
        warnings.push(Evidence::of_column(field.name(), reading, count));
    }
    warnings.extend(total(view, rows));
    warnings
}

/// The largest code of a field in the directory.
fn largest_known(view: &View<'_>, field: usize) -> f64 {
    let codes = (0..view.customers.len()).map(|customer| view.customers.code(customer, field));
    codes.fold(0.0, f64::max)
}

/// A total that is not what the tenure's amounts add up to.
fn total(view: &View<'_>, rows: &[&[f32]]) -> Option<Evidence> {
    let roles = view.schema.roles();
    let feature = |field: Option<usize>| {
        let field = field?;
        (0..view.model.features().len()).find(|feature| view.model.field(*feature).index() == field)
    };
    let (tenure, recurring, lifetime) = (
        feature(roles.tenure)?,
        feature(roles.recurring)?,
        feature(roles.lifetime)?,
    );
    let ratio = |row: &&[f32]| {
        let expected = f64::from(row[tenure]) * f64::from(row[recurring]);
        let ratio = f64::from(row[lifetime]) / expected;
        (expected > 0.0 && ratio.is_finite()).then_some(ratio)
    };
    let mut ratios: Vec<f64> = rows.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let median = *ratios.get(ratios.len() / 2)?;
    if ratios.len() < FEWEST_PROFILES || (1.0 / TOTAL_MISSES..=TOTAL_MISSES).contains(&median) {
        return None;
    }
    let name = |feature: usize| view.model.field(feature).name();
    let reading = format!(
        "the median is {median:.2} times {} times {}: perhaps one of the three has another unit",
        name(recurring),
        name(tenure)
    );
    Some(Evidence::of_column(
        name(lifetime),
        reading,
        ratios.len() as u64,
    ))
}
