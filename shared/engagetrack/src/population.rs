//! The embedded customers, sorted by id.

use crate::customer::{CustomerId, Profile, Status};
use crate::encoding;
use crate::model::RiskLevel;
use crate::record::{Record, band};
use bytemuck::Pod;
use forest::Aligned;
use std::ops::Range;
use std::sync::LazyLock;

static RECORDS: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/population.bin")));
/// For each number that an id may begin with, where those customers begin; at last, how many there are.
static NUMBERS: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/numbers.bin")));
/// All probabilities, ascending.
static RANKED: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/ranked.bin")));
/// For each band of probabilities, where it begins among them; at last, how many there are.
static BANDS: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/bands.bin")));

/// One of the embedded customers.
#[derive(Clone, Copy)]
pub struct Customer(&'static Record);

impl Customer {
    /// The id.
    pub fn id(self) -> CustomerId {
        let text = std::str::from_utf8(self.0.id()).ok();
        text.and_then(CustomerId::parse)
            .expect("the build admits only ids of the right shape")
    }

    /// The profile.
    pub fn profile(self) -> Profile {
        encoding::profile(&self.codes()).expect("the build packs only profiles")
    }

    /// The code of every field, as [`encoding::codes`] gives it.
    pub fn codes(self) -> [f64; encoding::FIELDS.len()] {
        self.0.codes()
    }

    /// Whether the customer left, in the (simulated) history.
    pub fn churned(self) -> bool {
        self.0.churned()
    }

    /// Whether the customer is still one.
    pub fn status(self) -> Status {
        Status::of_outcome(Some(self.churned()))
    }

    /// The model's calibrated churn probability, 0 to 1, computed by the build.
    pub fn probability(self) -> f64 {
        self.0.probability
    }

    /// The risk level of that probability.
    pub fn risk_level(self) -> RiskLevel {
        RiskLevel::of(self.probability())
    }
}

fn records() -> &'static [Record] {
    static CAST: LazyLock<&[Record]> = LazyLock::new(|| cast(&RECORDS.0));
    &CAST
}

/// How many customers there are.
pub fn len() -> usize {
    records().len()
}

/// All customers, by ascending id.
pub fn all() -> impl ExactSizeIterator<Item = Customer> + Clone {
    records().iter().map(Customer)
}

/// The customer with this id.
pub fn find(id: &str) -> Option<Customer> {
    static CAST: LazyLock<&[u32]> = LazyLock::new(|| cast(&NUMBERS.0));
    let id = CustomerId::parse(id)?;
    let alike = &records()[stretch(&CAST, id.number())];
    let index = alike
        .binary_search_by(|record| record.id().cmp(id.as_bytes()))
        .ok()?;
    Some(Customer(&alike[index]))
}

/// The positions of those who share a number or a band: from its first one to the next one's.
fn stretch(starts: &[u32], which: usize) -> Range<usize> {
    starts[which] as usize..starts[which + 1] as usize
}

fn cast<T: Pod>(bytes: &'static [u8]) -> &'static [T] {
    bytemuck::try_cast_slice(bytes).expect("the build writes whole, aligned values")
}

/// The share of the population with a lower churn probability, times 100.
pub fn percentile(probability: f64) -> f64 {
    static RANKED_CAST: LazyLock<&[f64]> = LazyLock::new(|| cast(&RANKED.0));
    static BANDS_CAST: LazyLock<&[u32]> = LazyLock::new(|| cast(&BANDS.0));
    let alike = stretch(&BANDS_CAST, band(probability));
    let ranked = &RANKED_CAST[alike.clone()];
    let below = alike.start + ranked.partition_point(|other| *other < probability);
    100.0 * below as f64 / RANKED_CAST.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_found_by_id_and_only_by_id() {
        for customer in all() {
            assert_eq!(find(customer.id().as_str()).unwrap().id(), customer.id());
        }
        for wrong in ["", "0000-AAAAA", "zzzz", "1234-ABCDE\0"] {
            assert!(find(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn percentiles_count_the_customers_below() {
        assert_eq!(percentile(0.0), 0.0);
        assert_eq!(percentile(1.0), 100.0);
        let customer = all().nth(17).unwrap();
        let below = all()
            .filter(|other| other.probability() < customer.probability())
            .count();
        assert_eq!(
            percentile(customer.probability()),
            100.0 * below as f64 / len() as f64
        );
    }

    #[test]
    fn the_stored_probability_is_the_models() {
        for customer in all() {
            let live = crate::model::probability(&customer.profile());
            assert!(
                (live - customer.probability()).abs() < 1e-12,
                "{}",
                customer.id()
            );
        }
    }
}
