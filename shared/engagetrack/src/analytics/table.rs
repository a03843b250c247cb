//! The population as the analytics want it: packed, in bins, by rising probability.

use super::dimension::{self, Dimension};
use crate::customer::Status;
use crate::encoding::at;
use crate::population::{self, Customer};
use crate::selection::{RANGES, Selection, Traits};
use std::sync::LazyLock;

/// How many fields selections are distributed over.
pub const DIMENSIONS: usize = 13;
/// Room for the bins of any of them, a power of two.
pub const MOST_BINS: usize = 16;

/// One customer.
pub struct Row {
    /// Who it is.
    pub customer: Customer,
    /// What the filters look at.
    pub traits: Traits,
    /// Churn probability, 0 to 1.
    pub probability: f64,
    /// The bin in each dimension, below [`MOST_BINS`].
    pub bins: [u8; DIMENSIONS],
    /// Whether the customer left.
    pub churned: bool,
    /// Whether the customer is still one.
    pub status: Status,
    /// Position in the table.
    pub position: usize,
}

impl Row {
    /// Dollars a month.
    pub fn monthly_charges(&self) -> f64 {
        self.traits.amounts[MONTHLY_CHARGES]
    }
}

/// Where the amounts hold the monthly charges.
const MONTHLY_CHARGES: usize = 4;
const _: () = assert!(RANGES[MONTHLY_CHARGES].position == at::MONTHLY_CHARGES);

/// Every customer and every dimension.
pub struct Table {
    /// All customers, by rising probability, then by id.
    pub rows: Vec<Row>,
    /// The dimensions; "Unknown" is a bin only where somebody is in it.
    pub dimensions: Vec<Dimension>,
}

impl Table {
    /// The table, made when it is first asked for.
    pub fn get() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(Table::new);
        &TABLE
    }

    fn new() -> Self {
        let mut dimensions = dimension::all();
        let mut customers: Vec<Customer> = population::all().collect();
        customers.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
        let row = |(position, customer): (usize, Customer)| {
            let traits = Traits::of(customer);
            Row {
                customer,
                traits,
                probability: customer.probability(),
                bins: std::array::from_fn(|index| dimensions[index].bin(&traits) as u8),
                churned: customer.churned(),
                status: customer.status(),
                position,
            }
        };
        let rows: Vec<Row> = customers.into_iter().enumerate().map(row).collect();
        for (index, dimension) in dimensions.iter_mut().enumerate() {
            let unknown = dimension.bins.len() - 1;
            if rows
                .iter()
                .all(|row| usize::from(row.bins[index]) != unknown)
            {
                dimension.bins.truncate(unknown);
            }
        }
        Self { rows, dimensions }
    }

    /// The rows of a selection, whatever their status, in the table's order.
    pub fn select(&self, selection: &Selection) -> Vec<&Row> {
        self.rows
            .iter()
            .filter(|row| selection.admits(&row.traits))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dimensions_fit_their_room() {
        let dimensions = dimension::all();
        assert_eq!(dimensions.len(), DIMENSIONS);
        assert!(
            dimensions
                .iter()
                .all(|dimension| dimension.bins.len() <= MOST_BINS)
        );
    }

    #[test]
    fn unknown_is_a_bin_only_where_somebody_is_in_it() {
        for dimension in &Table::get().dimensions {
            let unknown = dimension.bins.iter().any(|bin| bin.label == "Unknown");
            assert_eq!(
                unknown,
                dimension.field == "total_charges",
                "{}",
                dimension.field
            );
        }
    }
}
