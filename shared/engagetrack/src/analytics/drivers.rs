//! What sets a selection apart from everyone else, in the model's eyes.

use super::Case;
use super::table::Table;
use crate::View;
use serde::Serialize;
use utoipa::ToSchema;

/// How differently a feature weighs in the selection and elsewhere. All in log-odds of churn. With more than 100,000 customers each
/// contribution is rounded to within a 65,000th of the feature's largest before the mean is taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Driver<'w> {
    /// The feature's name.
    pub feature: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// Mean contribution (SHAP value) in the selection.
    pub selection: f64,
    /// Mean contribution among everyone else.
    pub everyone_else: f64,
    /// The first less the second: above 0 where the feature drives the selection away more than others.
    pub difference: f64,
}

/// All features, the largest difference first; none when there is nobody in the selection or nobody else. The selection
/// holds customers of every status.
pub(super) fn drivers<'w>(view: &View<'w>, table: &Table, selection: &[Case]) -> Vec<Driver<'w>> {
    let others = view.customers.len() - selection.len();
    if selection.is_empty() || others == 0 {
        return Vec::new();
    }
    let within = table
        .contributions
        .sum(selection.iter().map(|case| case.rank as usize));
    let driver = |(feature, field): (usize, schema::Field<'w>)| {
        let selected = within[feature] / selection.len() as f64;
        let outside = table.contributions.total[feature] - within[feature];
        let everyone_else = outside / others as f64;
        Driver {
            feature: field.name(),
            label: field.label(),
            selection: selected,
            everyone_else,
            difference: selected - everyone_else,
        }
    };
    let mut drivers: Vec<Driver<'w>> = view.model.fields().enumerate().map(driver).collect();
    drivers.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
    drivers
}
