//! What the contributions of any customers add up to.

use super::bins::Bins;
use super::cases::{GROUP, in_groups};
use crate::View;
use crate::explanation;
use forest::Counts;
use workspace::customers::Column;

/// Most customers whose contributions are kept without need: they take less memory than the program does.
const MOST_KEPT: usize = 100_000;
/// Most look-ups per customer with which customers are counted, each time: more take too long.
const MOST_LOOKUPS: usize = 256;

/// The contributions of all customers.
pub(super) struct Contributions {
    way: Way,
    /// The sum over all customers of each feature.
    pub total: Vec<f64>,
}

/// How the contributions of some customers are added up. Both are exact to 32 bits of each.
enum Way {
    /// Each customer's are kept, feature by feature.
    Kept(Vec<f32>),
    /// The customers are counted by the cells of the model's tables, in which they are by the bins of their features.
    Counted(Vec<Bins>),
}

impl Contributions {
    /// Kept where they take little memory, or where the model is too large to count by.
    pub fn of(view: &View<'_>) -> Self {
        let lookups = view.explanations().explanation_lookups();
        let countable = lookups.is_some_and(|lookups| lookups <= MOST_LOOKUPS);
        match countable && view.customers.len() > MOST_KEPT {
            true => Self::counted(view),
            false => Self::kept(view),
        }
    }

    fn kept(view: &View<'_>) -> Self {
        let features = view.model.features().len();
        let columns = columns(view);
        let mut kept = Vec::with_capacity(view.customers.len() * features);
        let mut rows = Vec::with_capacity(GROUP * features);
        in_groups(
            &everyone(view),
            |_| true,
            |group| {
                rows.clear();
                for customer in group {
                    let codes = columns.iter().map(|column| column.code(*customer as usize));
                    rows.extend(codes.map(|code| code as f32));
                }
                // Behind the features of each is the base value.
                let each = explanation::contributions(view, &rows);
                let each = each.chunks(features + 1);
                each.for_each(|row| kept.extend_from_slice(&row[..features]));
            },
        );
        Self::totalled(view, Way::Kept(kept))
    }

    fn counted(view: &View<'_>) -> Self {
        let forest = view.explanations();
        let columns = columns(view).into_iter().enumerate();
        let bins = columns
            .map(|(feature, column)| Bins::of(column, |code| forest.bin(feature, code as f32)));
        Self::totalled(view, Way::Counted(bins.collect()))
    }

    fn totalled(view: &View<'_>, way: Way) -> Self {
        let mut contributions = Self {
            way,
            total: Vec::new(),
        };
        contributions.total = contributions.sum(view, &everyone(view), |_| true);
        contributions
    }

    /// The sum of each feature over the customers whose codes belong.
    pub fn sum(&self, view: &View<'_>, codes: &[u8], belongs: impl Fn(u8) -> bool) -> Vec<f64> {
        let features = view.model.features().len();
        match &self.way {
            Way::Kept(kept) => {
                let mut sum = vec![0.0; features];
                in_groups(codes, belongs, |group| {
                    for customer in group {
                        let row = &kept[*customer as usize * features..][..features];
                        for (sum, contribution) in sum.iter_mut().zip(row) {
                            *sum += f64::from(*contribution);
                        }
                    }
                });
                sum
            }
            Way::Counted(bins_of_features) => {
                let mut counts = view.explanations().counts();
                let columns = columns(view);
                in_groups(codes, belongs, |group| {
                    for rows in group.chunks(Counts::MOST_ROWS) {
                        counts.add(rows.len(), |feature, bins| {
                            bins_of_features[feature].find(columns[feature], rows, bins);
                        });
                    }
                });
                counts.sum()
            }
        }
    }
}

/// The columns of the model's features.
fn columns<'w>(view: &View<'w>) -> Vec<Column<'w>> {
    let fields = view.model.fields();
    fields
        .map(|field| view.customers.column(field.index()))
        .collect()
}

/// A code for each customer, all the same.
fn everyone(view: &View<'_>) -> Vec<u8> {
    vec![0; view.customers.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn contributions_of_customers_who_are_counted_add_up_to_those_that_are_kept() {
        let live = embedded::live(embedded::whole());
        let view = live.view();
        let ways = [Contributions::kept(view), Contributions::counted(view)];
        let mut random = fastrand::Rng::with_seed(7);
        let codes: Vec<u8> = (0..view.customers.len()).map(|_| random.u8(..)).collect();
        let close = |one: &[f64], other: &[f64], customers: usize| {
            assert_eq!(one.len(), view.model.features().len());
            for (one, other) in one.iter().zip(other) {
                // Each is a sum of 32-bit numbers of which none is larger than 8.
                let tolerance = customers as f64 * 8.0 * 20.0 * f64::from(f32::EPSILON);
                assert!((one - other).abs() <= tolerance, "{one} {other}");
            }
        };
        for below in [0, 1, 2, 30, 128, 255] {
            let [kept, counted] = ways
                .each_ref()
                .map(|one| one.sum(view, &codes, |code| code < below));
            let customers = codes.iter().filter(|code| **code < below).count();
            assert_eq!(customers == 0, counted.iter().all(|sum| *sum == 0.0));
            close(&kept, &counted, customers);
        }
        close(&ways[0].total, &ways[1].total, view.customers.len());
    }
}
