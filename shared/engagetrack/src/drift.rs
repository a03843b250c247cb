//! How far profiles have drifted from those that the model was trained on: the population stability index (PSI) of each
//! feature.
//!
//! What is kept are counts by bin, which add up over any number of processes; the index is computed from their sum.

use crate::View;
use crate::expected::{ExpectedPerformance, Scores};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Fewer profiles say nothing: the index of ten bins would pass 0.01 by chance alone.
pub const FEWEST_PROFILES: u64 = 1_000;

/// From this index on, a feature has drifted.
pub const DRIFTED: f64 = 0.1;

/// Stands for the share of an empty bin, whose logarithm does not exist.
const EMPTY_SHARE: f64 = 0.0001;

/// How many profiles fell into each bin of each feature; the missing ones come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinCounts(Vec<Vec<u64>>);

/// Counts or indices by the feature's name, as JSON has them: `{"age": [517, 483, 0], …}`.
pub type ByName<T> = BTreeMap<String, T>;

impl BinCounts {
    /// Counts no profile.
    pub fn new(features: usize) -> Self {
        Self(vec![Vec::new(); features])
    }

    /// Counts rows of the model.
    pub fn count(&mut self, view: &View<'_>, rows: &[f32]) {
        let features = self.0.len();
        for (feature, counts) in self.0.iter_mut().enumerate() {
            let training = view.model.training(feature);
            counts.resize(training.shares.len(), 0);
            for row in rows.chunks_exact(features) {
                counts[training.bin(row[feature])] += 1;
            }
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (counts, more) in self.0.iter_mut().zip(&other.0) {
            counts.resize(counts.len().max(more.len()), 0);
            for (count, more) in counts.iter_mut().zip(more) {
                *count += more;
            }
        }
    }

    /// How many profiles were counted.
    pub fn profiles(&self) -> u64 {
        self.0.first().map_or(0, |counts| counts.iter().sum())
    }

    /// How far these profiles have drifted from those in training.
    pub fn drift(&self, view: &View<'_>) -> Drift {
        if !view.model.is_described() {
            return Drift::UnknownTraining;
        }
        if self.profiles() < FEWEST_PROFILES {
            return Drift::TooFew;
        }
        let index = |(feature, counts): (usize, &Vec<u64>)| {
            let index = stability_index(view.model.training(feature).shares, counts);
            (view.model.field(feature).name().to_owned(), index)
        };
        Drift::Psi(self.0.iter().enumerate().map(index).collect())
    }

    /// The counts by the feature's name.
    pub fn by_name(&self, view: &View<'_>) -> ByName<Vec<u64>> {
        let named = |(feature, counts): (usize, &Vec<u64>)| {
            let mut counts = counts.clone();
            counts.resize(view.model.training(feature).shares.len(), 0);
            (view.model.field(feature).name().to_owned(), counts)
        };
        self.0.iter().enumerate().map(named).collect()
    }

    /// The counts of a workspace's features by their names.
    ///
    /// # Errors
    /// Counts that are not of these features and bins, or not of the same number of profiles.
    pub fn from_names(view: &View<'_>, named: &ByName<Vec<u64>>) -> Result<Self, String> {
        let mut counts = Self::new(view.model.features().len());
        for (feature, counts) in counts.0.iter_mut().enumerate() {
            let name = view.model.field(feature).name();
            let bins = view.model.training(feature).shares.len();
            match named.get(name) {
                Some(given) if given.len() == bins => counts.clone_from(given),
                _ => return Err(format!("{name} must have the counts of {bins} bins")),
            }
        }
        let profiles = counts.profiles();
        if named.len() > counts.0.len()
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
pub struct Window(Mutex<Passed>);

/// What has passed through a window.
#[derive(Debug)]
struct Passed {
    bins: BinCounts,
    scores: Scores,
}

/// The profiles that a window tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// How many fell into each bin.
    pub bins: BinCounts,
    /// How far they have drifted.
    pub drift: Drift,
    /// How the model is expected to perform on them.
    pub performance: ExpectedPerformance,
}

impl Passed {
    fn new(features: usize) -> Self {
        Self {
            bins: BinCounts::new(features),
            scores: Scores::default(),
        }
    }
}

impl Window {
    /// An empty window for a model with this many features.
    pub fn new(features: usize) -> Self {
        Self(Mutex::new(Passed::new(features)))
    }

    /// Counts rows of the model, one after another, with their probabilities. With [`FEWEST_PROFILES`] or more since it last did,
    /// tells of them all.
    pub fn observe(
        &self,
        view: &View<'_>,
        rows: &[f32],
        probabilities: impl IntoIterator<Item = f64>,
    ) -> Option<Recent> {
        let features = view.model.features().len();
        let mut bins = BinCounts::new(features);
        bins.count(view, rows);
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.bins.add(&bins);
        for probability in probabilities {
            passed.scores.count(probability);
        }
        (passed.bins.profiles() >= FEWEST_PROFILES).then(|| {
            let told = std::mem::replace(&mut *passed, Passed::new(features));
            Recent {
                drift: told.bins.drift(view),
                performance: told.scores.performance(),
                bins: told.bins,
            }
        })
    }
}

/// How far profiles have drifted. As JSON `{"psi": {"age": 0.003, …}}`, `"too few"` or `"unknown training"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Drift {
    /// The population stability index of each feature by name: 0 for no drift, [`DRIFTED`] or more for drift.
    #[serde(rename = "psi")]
    Psi(ByName<f64>),
    /// Fewer than [`FEWEST_PROFILES`] were counted.
    #[serde(rename = "too few")]
    TooFew,
    /// The model is not the one whose card says how its training data were distributed.
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
    use crate::shipped::{profiles, view};
    use proptest::prelude::*;
    use std::sync::LazyLock;
    use workspace::model::Row;

    fn counted<'r>(rows: impl IntoIterator<Item = &'r Row>) -> BinCounts {
        let mut counts = BinCounts::new(view().model.features().len());
        rows.into_iter().for_each(|row| counts.count(view(), row));
        counts
    }

    fn population() -> Vec<Row> {
        profiles()
            .map(|profile| view().model.row(profile.codes()))
            .collect()
    }

    /// The position of a feature.
    fn feature(name: &str) -> usize {
        let field = view().schema.find(name).unwrap();
        view().model.feature_of(field.index()).unwrap()
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
        let tenure = view().model.training(feature("tenure_months"));
        let first = tenure.edges[0];
        assert_eq!(tenure.bin(first - 1.0), 0);
        assert_eq!(tenure.bin(first), 1);
        assert_eq!(tenure.bin(f32::INFINITY), tenure.edges.len());
        assert_eq!(tenure.bin(f32::NAN), tenure.edges.len() + 1);
        let payment = view().model.training(feature("payment_method"));
        assert_eq!(
            [0.0, 1.0, 2.0, 3.0].map(|code| payment.bin(code)),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn the_shipped_customers_are_like_those_in_training() {
        let Drift::Psi(indices) = counted(&population()).drift(view()) else {
            panic!("7,043 customers are enough");
        };
        assert_eq!(indices.len(), view().model.features().len());
        for (name, index) in indices {
            assert!(index < DRIFTED / 2.0, "{name}: {index}");
        }
    }

    #[test]
    fn a_feature_that_changed_has_drifted_and_no_other() {
        let mut rows = population();
        let before = counted(&rows).drift(view());
        for row in &mut rows {
            row[feature("total_charges")] = f32::NAN;
        }
        let after = counted(&rows).drift(view());
        assert!(index(&after, "total_charges") > 1.0);
        assert_eq!(
            index(&after, "tenure_months"),
            index(&before, "tenure_months")
        );
    }

    #[test]
    fn a_thousand_profiles_are_enough() {
        let rows = population();
        assert_eq!(counted(&rows[..999]).drift(view()), Drift::TooFew);
        assert!(matches!(
            counted(&rows[..1_000]).drift(view()),
            Drift::Psi(_)
        ));
        for none in [Drift::TooFew, Drift::UnknownTraining] {
            let json = serde_json::to_value(&none).unwrap();
            assert_eq!(json, none.psi().unwrap_err());
        }
    }

    #[test]
    fn a_window_tells_of_a_thousand_profiles_or_more_and_begins_anew() {
        let rows = population();
        let window = Window::new(view().model.features().len());
        let observe = |rows: &[Row], probability: f64| {
            let flat: Vec<f32> = rows.iter().flat_map(|row| row.to_vec()).collect();
            window.observe(view(), &flat, rows.iter().map(|_| probability))
        };
        assert_eq!(observe(&rows[..600], 0.25), None);
        let all = counted(&rows[..1_200]);
        let told = observe(&rows[600..1_200], 0.5).unwrap();
        assert_eq!(told.drift, all.drift(view()));
        assert_eq!(told.bins, all);
        assert_eq!(told.performance.customers, 1_200);
        assert!((told.performance.churners.estimate - 450.0).abs() < 1e-6);
        assert_eq!(observe(&rows[..999], 0.5), None);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let counts = counted(&population()[..10]);
        let good = counts.by_name(view());
        assert_eq!(BinCounts::from_names(view(), &good).unwrap(), counts);
        let refused = |name: &str, bins: &[u64]| {
            let mut bad = good.clone();
            bad.insert(name.to_owned(), bins.to_vec());
            BinCounts::from_names(view(), &bad).unwrap_err()
        };
        let error = refused("partner", &[10, 0]);
        assert_eq!(error, "partner must have the counts of 3 bins");
        let error = refused("partner", &[1, 1, 1]);
        assert!(error.contains("the same number"), "{error}");
        let error = refused("height", &[10]);
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
