//! In which bin each customer is.

use workspace::customers::{Column, UNKNOWN};

/// The bins of a column, of a distribution or of the model.
#[derive(Debug)]
pub(super) struct Bins {
    /// By code, where the column is one of codes.
    by_code: Box<[u16; 256]>,
    /// Otherwise customer by customer, because a bin takes longer to find than to read.
    by_customer: Vec<u16>,
}

impl Bins {
    /// The bins that each code or number of a column is in; the unknown ones are NaN.
    pub fn of(column: Column<'_>, bin: impl Fn(f64) -> u16) -> Self {
        let mut bins = Self {
            by_code: Box::new([0; 256]),
            by_customer: Vec::new(),
        };
        match column {
            Column::Codes(_) => {
                *bins.by_code = std::array::from_fn(|code| match code as u8 {
                    UNKNOWN => bin(f64::NAN),
                    code => bin(f64::from(code)),
                });
            }
            Column::Amounts(numbers) => {
                bins.by_customer = numbers.iter().map(|number| bin(*number)).collect();
            }
        }
        bins
    }

    /// The bins of some customers, of whom this is the column.
    pub fn find(&self, column: Column<'_>, customers: &[u32], bins: &mut [u16]) {
        let each = bins.iter_mut().zip(customers);
        match column {
            Column::Codes(codes) => each.for_each(|(bin, customer)| {
                *bin = self.by_code[usize::from(codes[*customer as usize])];
            }),
            Column::Amounts(_) => each.for_each(|(bin, customer)| {
                *bin = self.by_customer[*customer as usize];
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_of_codes_and_of_numbers_are_those_of_each_customer() {
        let bin = |number: f64| match number.is_nan() {
            true => 9,
            false => number as u16 / 2,
        };
        let codes = [3, UNKNOWN, 0, 7, 254];
        let numbers = [3.5, f64::NAN, 0.0, 7.0, 254.9];
        for column in [Column::Codes(&codes), Column::Amounts(&numbers)] {
            let bins = Bins::of(column, bin);
            let mut found = [0; 4];
            bins.find(column, &[4, 1, 0, 3], &mut found);
            assert_eq!(found, [127, 9, 1, 3]);
        }
    }
}
