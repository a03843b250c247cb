//! What the analytics compute once for a workspace.

use super::dimension::Dimension;
use crate::View;
use crate::explanation;
use workspace::Key;
use workspace::customers::Column;

/// Customers explained at once, so that their rows stay in cache.
const GROUP: usize = 1024;

/// The dimensions, and the contributions of every customer.
pub struct Table {
    /// The dimensions.
    pub(super) dimensions: Vec<Dimension>,
    /// The contributions.
    pub(super) contributions: Contributions,
}

impl Table {
    /// The table of a workspace, made when it is first asked for.
    pub(super) fn of<'v>(view: &'v View<'_>) -> &'v Self {
        view.table.get_or_init(|| Self {
            dimensions: Dimension::all(view),
            contributions: Contributions::of(view),
        })
    }
}

/// All customers by rising probability, then by id.
pub(super) fn by_probability<'w>(view: &View<'w>) -> &'w [u32] {
    // Every workspace has this order.
    view.orders().by(Key::Probability).unwrap_or_default()
}

/// The contributions of all customers, by rising probability.
pub(super) struct Contributions {
    /// The features of one customer after those of another.
    rows: Vec<f32>,
    features: usize,
    /// The sum over all customers of each feature.
    pub total: Vec<f64>,
}

impl Contributions {
    fn of(view: &View<'_>) -> Self {
        let features = view.model.features().len();
        let columns: Vec<Column<'_>> = view
            .model
            .fields()
            .map(|field| view.customers.column(field.index()))
            .collect();
        let mut contributions = Self {
            rows: Vec::with_capacity(view.customers.len() * features),
            features,
            total: Vec::new(),
        };
        let mut rows = Vec::with_capacity(GROUP * features);
        for group in by_probability(view).chunks(GROUP) {
            rows.clear();
            for customer in group {
                rows.extend(
                    columns
                        .iter()
                        .map(|column| column.code(*customer as usize) as f32),
                );
            }
            for shap in explanation::contributions(view, &rows).chunks(features + 1) {
                contributions.rows.extend(&shap[..features]);
            }
        }
        contributions.total = contributions.sum(0..view.customers.len());
        contributions
    }

    /// The sum of each feature over the customers at these ranks.
    pub fn sum(&self, ranks: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut sum = vec![0.0; self.features];
        for rank in ranks {
            let row = &self.rows[rank * self.features..(rank + 1) * self.features];
            for (sum, contribution) in sum.iter_mut().zip(row) {
                *sum += f64::from(*contribution);
            }
        }
        sum
    }
}
