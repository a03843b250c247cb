//! What the analytics compute once for a workspace.

use super::dimension::Dimension;
use crate::View;
use crate::explanation;
use workspace::Key;
use workspace::customers::Column;

/// Customers explained at once, so that their rows stay in cache.
const GROUP: usize = 1024;
/// Customers whose contributions are kept as they are. Those of more are kept in half the memory, each within a 65,000th of the
/// largest in its group.
const MOST_EXACT: usize = 100_000;

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
    rows: Rows,
    features: usize,
    /// The sum over all customers of each feature.
    pub total: Vec<f64>,
}

/// The features of one customer after those of another.
enum Rows {
    Exact(Vec<f32>),
    /// In units, of which each feature has its own in each group.
    Scaled {
        rows: Vec<i16>,
        units: Vec<f32>,
    },
}

impl Rows {
    fn of_some(customers: usize, features: usize, most_exact: usize) -> Self {
        match customers <= most_exact {
            true => Self::Exact(Vec::with_capacity(customers * features)),
            false => Self::Scaled {
                rows: Vec::with_capacity(customers * features),
                units: Vec::with_capacity(customers.div_ceil(GROUP) * features),
            },
        }
    }

    /// Adds a group of contributions, each of which has the base value behind the features. All groups but the last are whole.
    fn push(&mut self, group: &[f32], features: usize) {
        let each = group.chunks(features + 1).map(|row| &row[..features]);
        match self {
            Self::Exact(rows) => each.for_each(|row| rows.extend(row)),
            Self::Scaled { rows, units } => {
                let mut largest = vec![0.0_f32; features];
                for row in each.clone() {
                    for (largest, contribution) in largest.iter_mut().zip(row) {
                        *largest = largest.max(contribution.abs());
                    }
                }
                let of_group: Vec<f32> = largest
                    .into_iter()
                    .map(|largest| largest / f32::from(i16::MAX))
                    .collect();
                for row in each {
                    let scaled =
                        row.iter()
                            .zip(&of_group)
                            .map(|(contribution, unit)| match *unit {
                                0.0 => 0,
                                unit => (contribution / unit).round() as i16,
                            });
                    rows.extend(scaled);
                }
                units.extend(of_group);
            }
        }
    }
}

impl Contributions {
    fn of(view: &View<'_>) -> Self {
        Self::with_exact(view, MOST_EXACT)
    }

    fn with_exact(view: &View<'_>, most_exact: usize) -> Self {
        let features = view.model.features().len();
        let columns: Vec<Column<'_>> = view
            .model
            .fields()
            .map(|field| view.customers.column(field.index()))
            .collect();
        let mut contributions = Self {
            rows: Rows::of_some(view.customers.len(), features, most_exact),
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
            let shap = explanation::contributions(view, &rows);
            contributions.rows.push(&shap, features);
        }
        contributions.total = contributions.sum(0..view.customers.len());
        contributions
    }

    /// The sum of each feature over the customers at these ranks.
    pub fn sum(&self, ranks: impl Iterator<Item = usize>) -> Vec<f64> {
        let features = self.features;
        let place = |index: usize| index * features..(index + 1) * features;
        let mut sum = vec![0.0; features];
        match &self.rows {
            Rows::Exact(rows) => {
                for rank in ranks {
                    for (sum, contribution) in sum.iter_mut().zip(&rows[place(rank)]) {
                        *sum += f64::from(*contribution);
                    }
                }
            }
            Rows::Scaled { rows, units } => {
                for rank in ranks {
                    let scaled = rows[place(rank)].iter().zip(&units[place(rank / GROUP)]);
                    for (sum, (contribution, unit)) in sum.iter_mut().zip(scaled) {
                        *sum += f64::from(f32::from(*contribution) * unit);
                    }
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn contributions_in_half_the_memory_add_up_to_the_exact_ones() {
        let live = embedded::live(embedded::whole());
        let view = live.view();
        let exact = Contributions::with_exact(view, usize::MAX);
        let scaled = Contributions::with_exact(view, 0);
        assert!(matches!(exact.rows, Rows::Exact(_)));
        assert!(matches!(scaled.rows, Rows::Scaled { .. }));
        let count = view.customers.len();
        for (start, end, step) in [
            (0, count, 1),
            (0, count, 7),
            (5, 6, 1),
            (count - 1, count, 1),
            (0, 0, 1),
        ] {
            let [one, other] = [&exact, &scaled]
                .map(|contributions| contributions.sum((start..end).step_by(step)));
            let customers = (start..end).step_by(step).count() as f64;
            for (one, other) in one.into_iter().zip(other) {
                // No contribution is larger than 8.
                assert!(
                    (one - other).abs() <= customers * 8.0 / 65_000.0,
                    "{one} {other}"
                );
            }
        }
    }
}
