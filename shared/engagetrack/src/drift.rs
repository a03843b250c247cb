//! How far profiles have drifted from those that the model was trained on: the population stability index (PSI) of each
//! feature.
//!
//! What is kept are counts by bin, which add up over any number of processes; the index is computed from their sum.

use crate::card;
use crate::encoding::{FEATURES, FIELDS, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Fewer profiles say nothing: the index of ten bins would pass 0.01 by chance alone.
pub const FEWEST_PROFILES: u64 = 1_000;

/// From this index on, a feature has drifted.
pub const DRIFTED: f64 = 0.1;

/// Stands for the share of an empty bin, whose logarithm does not exist.
const EMPTY_SHARE: f64 = 0.0001;

/// More bins than any feature has; the build would not compile with more.
const MOST_BINS: usize = 12;

/// How a feature was distributed in training.
#[derive(Clone, Copy, Debug)]
pub struct Distribution {
    /// The inner edges of the bins, rising; bin i holds codes from edge i − 1 to below edge i. A last bin, beyond those
    /// between the edges, holds the missing ones.
    pub edges: &'static [f32],
    /// The share of each bin, 0 to 1; one more than there are bins between the edges.
    pub shares: &'static [f64],
}

const _: () = {
    let mut position = 0;
    while position < FEATURES {
        assert!(card::TRAINING[position].shares.len() <= MOST_BINS);
        position += 1;
    }
};

impl Distribution {
    fn bin(&self, code: f32) -> usize {
        if code.is_nan() {
            return self.edges.len() + 1;
        }
        self.edges.iter().filter(|edge| code >= **edge).count()
    }
}

/// How many profiles fell into each bin of each feature.
///
/// As JSON an object with an array per feature, the missing ones last: `{"partner": [517, 483, 0], …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "ByName", try_from = "ByName")]
pub struct BinCounts([[u64; MOST_BINS]; FEATURES]);

type ByName = BTreeMap<String, Vec<u64>>;

impl BinCounts {
    /// Counts no profile.
    pub const fn new() -> Self {
        Self([[0; MOST_BINS]; FEATURES])
    }

    /// Counts one encoded profile.
    pub fn count(&mut self, row: &Row) {
        for ((counts, training), code) in self.0.iter_mut().zip(&card::TRAINING).zip(row) {
            counts[training.bin(*code)] += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *count += more;
        }
    }

    /// How many profiles were counted.
    pub fn profiles(&self) -> u64 {
        self.0[0].iter().sum()
    }

    /// How far these profiles have drifted from those in training.
    pub fn drift(&self) -> Drift {
        if !card::DESCRIBED {
            return Drift::UnknownTraining;
        }
        if self.profiles() < FEWEST_PROFILES {
            return Drift::TooFew;
        }
        let index = |position: usize| {
            let (_, counts) = self.feature(position);
            let index = stability_index(card::TRAINING[position].shares, counts);
            (FIELDS[position].name.to_owned(), index)
        };
        Drift::Psi((0..FEATURES).map(index).collect())
    }

    fn feature(&self, position: usize) -> (&'static str, &[u64]) {
        let bins = card::TRAINING[position].shares.len();
        (FIELDS[position].name, &self.0[position][..bins])
    }
}

impl From<BinCounts> for ByName {
    fn from(counts: BinCounts) -> Self {
        let named = |(name, counts): (&str, &[u64])| (name.to_owned(), counts.to_vec());
        (0..FEATURES)
            .map(|position| named(counts.feature(position)))
            .collect()
    }
}

impl TryFrom<ByName> for BinCounts {
    type Error = String;

    fn try_from(named: ByName) -> Result<Self, String> {
        let mut counts = Self::new();
        let features = FIELDS.iter().zip(&card::TRAINING).zip(&mut counts.0);
        for ((field, training), counts) in features {
            let bins = training.shares.len();
            match named.get(field.name) {
                Some(given) if given.len() == bins => counts[..bins].copy_from_slice(given),
                _ => {
                    return Err(format!(
                        "{} must have the counts of {bins} bins",
                        field.name
                    ));
                }
            }
        }
        let profiles = counts.profiles();
        if named.len() > FEATURES
            || counts
                .0
                .iter()
                .any(|bins| bins.iter().sum::<u64>() != profiles)
        {
            return Err(
                "each feature, and nothing else, must count the same number of profiles".to_owned(),
            );
        }
        Ok(counts)
    }
}

/// The profiles that a process gets, counted until they are enough to speak of drift; then the next count begins.
///
/// Nothing is said of fewer: the bins of a few profiles would tell whose they are.
#[derive(Debug)]
pub struct Window(Mutex<BinCounts>);

impl Window {
    /// A window that no profile has passed.
    pub const fn new() -> Self {
        Self(Mutex::new(BinCounts::new()))
    }

    /// Counts encoded profiles. With [`FEWEST_PROFILES`] or more since it last did, returns the distribution and the drift of
    /// them all.
    pub fn observe<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r Row>,
    ) -> Option<(BinCounts, Drift)> {
        let mut bins = BinCounts::new();
        rows.into_iter().for_each(|row| bins.count(row));
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.add(&bins);
        (passed.profiles() >= FEWEST_PROFILES).then(|| {
            let drift = passed.drift();
            (std::mem::take(&mut *passed), drift)
        })
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

/// How far profiles have drifted. As JSON `{"psi": {"partner": 0.003, …}}`, `"too few"` or `"unknown training"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Drift {
    /// The population stability index of each feature by name: 0 for no drift, [`DRIFTED`] or more for drift.
    #[serde(rename = "psi")]
    Psi(BTreeMap<String, f64>),
    /// Fewer than [`FEWEST_PROFILES`] were counted.
    #[serde(rename = "too few")]
    TooFew,
    /// The embedded model is not the one whose card says how its training data were distributed.
    #[serde(rename = "unknown training")]
    UnknownTraining,
}

impl Drift {
    /// The index of each feature by name.
    ///
    /// # Errors
    /// Why there is none, in the words of the JSON.
    pub fn psi(self) -> Result<BTreeMap<String, f64>, &'static str> {
        match self {
            Self::Psi(indices) => Ok(indices),
            Self::TooFew => Err("too few"),
            Self::UnknownTraining => Err("unknown training"),
        }
    }
}

/// Σ (q − p) ln(q / p) over the bins, p their shares in training and q among the counted profiles (N. Siddiqi, *Credit Risk
/// Scorecards*, 2006).
fn stability_index(shares: &[f64], counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let of_bin = |(share, count): (&f64, &u64)| {
        let expected = share.max(EMPTY_SHARE);
        let found = (*count as f64 / total).max(EMPTY_SHARE);
        (found - expected) * (found / expected).ln()
    };
    shares.iter().zip(counts).map(of_bin).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{at, encode};
    use crate::population;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn counted<'r>(rows: impl IntoIterator<Item = &'r Row>) -> BinCounts {
        let mut counts = BinCounts::new();
        rows.into_iter().for_each(|row| counts.count(row));
        counts
    }

    fn population() -> Vec<Row> {
        population::all()
            .map(|customer| encode(&customer.profile()))
            .collect()
    }

    fn index(drift: &Drift, name: &str) -> f64 {
        match drift {
            Drift::Psi(indices) => indices[name],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_index_is_what_numpy_gives() {
        // p, q = np.array([.1, .2, .3, .4]), np.array([.0001, .3, .3, .4]); ((q - p) * np.log(q / p)).sum()
        let expected = 0.730_631_263_181;
        let found = stability_index(&[0.1, 0.2, 0.3, 0.4], &[0, 300, 300, 400]);
        assert!((found - expected).abs() < 1e-9, "{found}");
        assert_eq!(stability_index(&[0.25, 0.75, 0.0], &[25, 75, 0]), 0.0);
    }

    #[test]
    fn bins_begin_at_their_edges() {
        let tenure = &card::TRAINING[at::TENURE_MONTHS];
        let first = tenure.edges[0];
        assert_eq!(tenure.bin(first - 1.0), 0);
        assert_eq!(tenure.bin(first), 1);
        assert_eq!(tenure.bin(f32::INFINITY), tenure.edges.len());
        assert_eq!(tenure.bin(f32::NAN), tenure.edges.len() + 1);
        let payment = &card::TRAINING[at::PAYMENT_METHOD];
        assert_eq!(
            [0.0, 1.0, 2.0, 3.0].map(|code| payment.bin(code)),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn the_shipped_customers_are_like_those_in_training() {
        let Drift::Psi(indices) = counted(&population()).drift() else {
            panic!("7,043 customers are enough");
        };
        assert_eq!(indices.len(), FEATURES);
        for (name, index) in indices {
            assert!(index < DRIFTED / 2.0, "{name}: {index}");
        }
    }

    #[test]
    fn a_feature_that_changed_has_drifted_and_no_other() {
        let mut rows = population();
        let before = counted(&rows).drift();
        for row in &mut rows {
            row[at::TOTAL_CHARGES] = f32::NAN;
        }
        let after = counted(&rows).drift();
        assert!(index(&after, "total_charges") > 1.0);
        assert_eq!(
            index(&after, "tenure_months"),
            index(&before, "tenure_months")
        );
    }

    #[test]
    fn a_thousand_profiles_are_enough() {
        let rows = population();
        assert_eq!(counted(&rows[..999]).drift(), Drift::TooFew);
        assert!(matches!(counted(&rows[..1_000]).drift(), Drift::Psi(_)));
        for none in [Drift::TooFew, Drift::UnknownTraining] {
            let json = serde_json::to_value(&none).unwrap();
            assert_eq!(json, none.psi().unwrap_err());
        }
    }

    #[test]
    fn a_window_tells_of_a_thousand_profiles_or_more_and_begins_anew() {
        let rows = population();
        let window = Window::new();
        assert_eq!(window.observe(&rows[..600]), None);
        let all = counted(&rows[..1_200]);
        let drift = all.drift();
        assert_eq!(window.observe(&rows[600..1_200]), Some((all, drift)));
        assert_eq!(window.observe(&rows[..999]), None);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let counts = counted(&population()[..10]);
        let good = serde_json::to_value(&counts).unwrap();
        assert_eq!(
            serde_json::from_value::<BinCounts>(good.clone()).unwrap(),
            counts
        );
        let refused = |change: fn(&mut serde_json::Value)| {
            let mut bad = good.clone();
            change(&mut bad);
            serde_json::from_value::<BinCounts>(bad)
                .unwrap_err()
                .to_string()
        };
        let error = refused(|bad| bad["partner"] = serde_json::json!([10, 0]));
        assert_eq!(error, "partner must have the counts of 3 bins");
        let error = refused(|bad| bad["partner"] = serde_json::json!([1, 1, 1]));
        assert!(error.contains("the same number"), "{error}");
        let error = refused(|bad| bad["height"] = serde_json::json!([10]));
        assert!(error.contains("nothing else"), "{error}");
    }

    proptest! {
        #[test]
        fn counts_add_up(split in 0..300_usize) {
            static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| population()[..300].to_vec());
            let mut sum = counted(&ROWS[..split]);
            sum.add(&counted(&ROWS[split..]));
            prop_assert_eq!(sum, counted(ROWS.iter()));
        }
    }
}
