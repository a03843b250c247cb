//! What sets a selection apart from everyone else, in the model's eyes.

use super::table::{Row, Table};
use crate::encoding::{self, FEATURES, FIELDS};
use crate::explanation;
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// How differently a feature weighs in the selection and elsewhere. All in log-odds of churn.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Driver {
    /// The feature's name.
    pub feature: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Mean contribution (SHAP value) in the selection.
    pub selection: f64,
    /// Mean contribution among everyone else.
    pub everyone_else: f64,
    /// The first less the second: above 0 where the feature drives the selection away more than others.
    pub difference: f64,
}

/// The contributions of every customer in the order of the table, and their sum.
struct Contributions {
    rows: Vec<[f32; FEATURES]>,
    total: [f64; FEATURES],
}

impl Contributions {
    /// The contributions, computed when they are first asked for.
    fn get() -> &'static Self {
        static CONTRIBUTIONS: LazyLock<Contributions> = LazyLock::new(Contributions::new);
        &CONTRIBUTIONS
    }

    fn new() -> Self {
        let customers = Table::get().rows.iter().map(|row| row.customer);
        let encoded: Vec<f32> = customers
            .flat_map(|customer| encoding::row(&customer.codes()))
            .collect();
        let rows: Vec<[f32; FEATURES]> = explanation::contributions(&encoded)
            .chunks(FEATURES + 1)
            .map(|shap| std::array::from_fn(|feature| shap[feature]))
            .collect();
        let total = sum(&rows);
        Self { rows, total }
    }
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a [f32; FEATURES]>) -> [f64; FEATURES] {
    rows.into_iter().fold([0.0; FEATURES], |mut sum, row| {
        for (sum, contribution) in sum.iter_mut().zip(row) {
            *sum += f64::from(*contribution);
        }
        sum
    })
}

/// All features, the largest difference first; none when there is nobody in the selection or nobody else. The selection
/// holds customers of every status.
pub fn drivers(selection: &[&Row]) -> Vec<Driver> {
    let contributions = Contributions::get();
    let others = contributions.rows.len() - selection.len();
    if selection.is_empty() || others == 0 {
        return Vec::new();
    }
    let within = sum(selection
        .iter()
        .map(|row| &contributions.rows[row.position]));
    let driver = |feature: usize| {
        let selected = within[feature] / selection.len() as f64;
        let everyone_else = (contributions.total[feature] - within[feature]) / others as f64;
        Driver {
            feature: FIELDS[feature].name,
            label: FIELDS[feature].label,
            selection: selected,
            everyone_else,
            difference: selected - everyone_else,
        }
    };
    let mut drivers: Vec<Driver> = (0..FEATURES).map(driver).collect();
    drivers.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
    drivers
}
