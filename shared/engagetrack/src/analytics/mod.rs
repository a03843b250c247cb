//! What a selection of customers looks like: counts, churn, distributions, calibration, and what sets it apart.

mod dimension;
mod drivers;
mod experiment;
mod table;
mod what_if;

pub use dimension::FilterValue;
pub use drivers::Driver;
pub use experiment::{EmbeddedReadout, experiment};
pub use what_if::{Cohort, WhatIf, WhatIfJson, WhatIfRequest};

use crate::customer::Status;
use crate::selection::Selection;
use ::experiment::{Counts, Interval, ReadoutSettings};
use dimension::{Bin, Dimension, Filter};
use serde::Serialize;
use table::{DIMENSIONS, MOST_BINS, Row, Table};
use utoipa::ToSchema;

/// How many groups of equal size the calibration compares.
const CALIBRATION_BINS: usize = 10;

/// What happened to customers with a known outcome, and what the model expected of them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Outcome {
    /// How many customers these are, those who left included.
    pub count: usize,
    /// How many of them left, in the simulated history.
    pub churned: usize,
    /// Share of them who left, 0 to 1; null without customers.
    #[schema(required, minimum = 0, maximum = 1)]
    pub churn_rate: Option<f64>,
    /// Wilson's 95 % interval of that share; null without customers.
    #[schema(required)]
    pub churn_rate_interval: Option<Interval>,
    /// Mean of their churn probabilities, 0 to 1; null without customers.
    #[schema(required, minimum = 0, maximum = 1)]
    pub mean_probability: Option<f64>,
}

/// Customers of the selected statuses, beside what happened to all customers who pass the other filters.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Group {
    /// How many customers of the selected statuses there are.
    pub count: usize,
    /// Mean of their churn probabilities, 0 to 1; null without customers.
    #[schema(required, minimum = 0, maximum = 1)]
    pub mean_probability: Option<f64>,
    /// How many customers pass the other filters and have a known outcome, whatever their status: what the churn rate is a
    /// share of.
    pub known_outcomes: usize,
    /// How many of those left, in the simulated history.
    pub churned: usize,
    /// Share of those who left, 0 to 1; null without customers.
    #[schema(required, minimum = 0, maximum = 1)]
    pub churn_rate: Option<f64>,
    /// Wilson's 95 % interval of that share; null without customers.
    #[schema(required)]
    pub churn_rate_interval: Option<Interval>,
}

/// One bar of a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BinOutcome {
    /// The bin, as a person reads it.
    pub label: &'static str,
    /// The filters that select exactly this bin, by name.
    #[schema(value_type = std::collections::BTreeMap<String, FilterValue>)]
    pub filter: &'static Filter,
    /// The bin's share of `count`, 0 to 1; null when that is 0.
    #[schema(required, minimum = 0, maximum = 1)]
    pub share: Option<f64>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub group: Group,
}

/// How the selection is distributed over one field. Every customer is in exactly one bin.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Distribution {
    /// The field.
    pub field: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Whether the bins are ranges of a number; otherwise they are values.
    pub numeric: bool,
    /// The bins in their natural order; those who lack the field, if anybody does, in the last.
    pub bins: Vec<BinOutcome>,
}

/// How well probabilities and outcomes of the selection agree.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Calibration {
    /// Ten groups of equal size (give or take one), by rising probability; fewer where there are fewer customers.
    pub bins: Vec<Outcome>,
    /// Mean distance of predicted and actual share over the bins, weighted by size; null without customers.
    #[schema(required)]
    pub expected_calibration_error: Option<f64>,
}

/// What a selection of customers looks like.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Analytics {
    /// How many customers there are in all, whatever their status.
    pub population: usize,
    /// The statuses of the customers in `count`, in `expected_churners` and in the money. Rates, calibration and drivers are
    /// about every status.
    pub statuses: Vec<Status>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub group: Group,
    /// How many of `count` the model expects to leave: the sum of their probabilities.
    pub expected_churners: f64,
    /// What they pay, or paid until they left, in dollars a month.
    pub monthly_revenue: f64,
    /// What is expected to go with those who leave: the sum of monthly charge times probability, in dollars a month.
    pub revenue_at_risk: f64,
    /// The selection by thirteen fields.
    pub distributions: Vec<Distribution>,
    /// Predicted against actual, for every status.
    pub calibration: Calibration,
    /// What sets the selection, whatever the status, apart from everyone else in the model's eyes, the largest difference
    /// first. Empty when the selection is empty or everyone.
    pub drivers: Vec<Driver>,
}

/// Sums over some customers.
#[derive(Clone, Copy, Default)]
struct Tally {
    count: usize,
    churned: usize,
    probability: f64,
    /// Of those whose status is selected.
    selected: Selected,
}

/// Sums over customers of the selected statuses.
#[derive(Clone, Copy, Default)]
struct Selected {
    count: usize,
    probability: f64,
}

impl Tally {
    fn add(&mut self, row: &Row, selection: &Selection) {
        self.count += 1;
        self.churned += usize::from(row.churned);
        self.probability += row.probability;
        if selection.admits_status(row.status) {
            self.selected.count += 1;
            self.selected.probability += row.probability;
        }
    }

    fn of(rows: &[&Row], selection: &Selection) -> Self {
        let mut tally = Self::default();
        for row in rows {
            tally.add(row, selection);
        }
        tally
    }

    /// This part of a whole; none when the whole is nothing.
    fn per(part: f64, whole: usize) -> Option<f64> {
        (whole > 0).then(|| part / whole as f64)
    }

    fn counts(&self) -> Counts {
        Counts {
            users: self.count as u64,
            conversions: self.churned as u64,
        }
    }

    fn group(&self) -> Group {
        let counts = self.counts();
        Group {
            count: self.selected.count,
            mean_probability: Self::per(self.selected.probability, self.selected.count),
            known_outcomes: self.count,
            churned: self.churned,
            churn_rate: counts.rate(),
            churn_rate_interval: counts.wilson_interval(ReadoutSettings::default().alpha),
        }
    }

    fn outcome(&self) -> Outcome {
        let counts = self.counts();
        Outcome {
            count: self.count,
            churned: self.churned,
            churn_rate: counts.rate(),
            churn_rate_interval: counts.wilson_interval(ReadoutSettings::default().alpha),
            mean_probability: Self::per(self.probability, self.count),
        }
    }
}

/// Describes a selection. Counts, money and expected churners are those of its statuses; rates, calibration and drivers are
/// about every customer who passes its other filters.
pub fn read(selection: &Selection) -> Analytics {
    let table = Table::get();
    let rows = table.select(selection);
    let whole = Tally::of(&rows, selection);
    let paying = || {
        let rows = rows.iter();
        rows.filter(|row| selection.admits_status(row.status))
    };
    Analytics {
        population: table.rows.len(),
        statuses: selection.statuses(),
        group: whole.group(),
        expected_churners: whole.selected.probability,
        monthly_revenue: paying().map(|row| row.monthly_charges()).sum(),
        revenue_at_risk: paying()
            .map(|row| row.monthly_charges() * row.probability)
            .sum(),
        distributions: distributions(&rows, selection, whole.selected.count),
        calibration: calibration(&rows, selection),
        drivers: drivers::drivers(&rows),
    }
}

/// The distributions of the rows, of which `count` have a status that is selected.
fn distributions(rows: &[&Row], selection: &Selection, count: usize) -> Vec<Distribution> {
    let mut tallies = [[Tally::default(); MOST_BINS]; DIMENSIONS];
    for row in rows {
        for (tallies, bin) in tallies.iter_mut().zip(row.bins) {
            // The table keeps bins below MOST_BINS; the remainder only spares the check.
            tallies[usize::from(bin) % MOST_BINS].add(row, selection);
        }
    }
    let distribution = |(dimension, tallies): (&'static Dimension, [Tally; MOST_BINS])| {
        let bin = |(bin, tally): (&'static Bin, Tally)| BinOutcome {
            label: &bin.label,
            filter: &bin.filter,
            share: Tally::per(tally.selected.count as f64, count),
            group: tally.group(),
        };
        Distribution {
            field: dimension.field,
            label: dimension.label,
            numeric: dimension.is_numeric(),
            bins: dimension.bins.iter().zip(tallies).map(bin).collect(),
        }
    };
    Table::get()
        .dimensions
        .iter()
        .zip(tallies)
        .map(distribution)
        .collect()
}

/// Compares predicted with actual; the rows come by rising probability.
fn calibration(rows: &[&Row], selection: &Selection) -> Calibration {
    let end = |bin: usize| bin * rows.len() / CALIBRATION_BINS;
    let tallies: Vec<Tally> = (0..CALIBRATION_BINS)
        .map(|bin| Tally::of(&rows[end(bin)..end(bin + 1)], selection))
        .filter(|tally| tally.count > 0)
        .collect();
    let distance = tallies
        .iter()
        .map(|tally| (tally.probability - tally.churned as f64).abs());
    Calibration {
        expected_calibration_error: Tally::per(distance.sum(), rows.len()),
        bins: tallies.iter().map(Tally::outcome).collect(),
    }
}
