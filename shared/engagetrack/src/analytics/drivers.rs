//! What sets a selection apart from everyone else, in the model's eyes.

use super::cases::Cases;
use super::contributions::Contributions;
use crate::View;
use serde::Serialize;
use utoipa::ToSchema;

/// How differently a feature weighs in the selection and elsewhere. All in log-odds of churn.
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
pub(super) fn drivers<'w>(
    view: &View<'w>,
    contributions: &Contributions,
    cases: &Cases,
) -> Vec<Driver<'w>> {
    let selected = cases.count();
    let others = view.customers.len() - selected;
    if selected == 0 || others == 0 {
        return Vec::new();
    }
    // The fewer are added up; the others are what is left of all.
    let few_selected = selected <= others;
    let fewer = contributions.sum(view, &cases.codes, |code| {
        (code != Cases::NONE) == few_selected
    });
    let driver = |(feature, field): (usize, schema::Field<'w>)| {
        let rest = contributions.total[feature] - fewer[feature];
        let (within, outside) = match few_selected {
            true => (fewer[feature], rest),
            false => (rest, fewer[feature]),
        };
        let (selection, everyone_else) = (within / selected as f64, outside / others as f64);
        Driver {
            feature: field.name(),
            label: field.label(),
            selection,
            everyone_else,
            difference: selection - everyone_else,
        }
    };
    let mut drivers: Vec<Driver<'w>> = view.model.fields().enumerate().map(driver).collect();
    drivers.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
    drivers
}
