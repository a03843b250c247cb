//! What a selection of customers looks like: counts, churn, distributions, calibration, and what sets it apart.

mod changes;
mod dimension;
mod drivers;
mod experiment;
mod table;
mod what_if;

pub use changes::{Changes, Mover, changes};
pub use dimension::FilterValue;
pub use drivers::Driver;
pub use experiment::{EmbeddedReadout, ReadoutRequest, readout};
pub use table::Table;
pub use what_if::{Cohort, RequestDocument, WhatIf, WhatIfRequest};

use crate::View;
use crate::prediction::Status;
use crate::selection::Selection;
use ::experiment::{Counts, Interval, ReadoutSettings};
use dimension::{Bin, Dimension, Filter};
use serde::Serialize;
use table::by_probability;
use utoipa::ToSchema;
use workspace::customers::Column;

/// How many groups of equal size the calibration compares.
const CALIBRATION_BINS: usize = 10;

/// What happened to customers with a known outcome, and what the model expected of them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Outcome {
    /// How many customers these are, those who left included.
    pub count: usize,
    /// How many of them left.
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
    /// How many of those left.
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
pub struct BinOutcome<'w> {
    /// The bin, as a person reads it.
    pub label: &'w str,
    /// The filters that select exactly this bin, by name.
    #[schema(value_type = std::collections::BTreeMap<String, FilterValue>)]
    pub filter: &'w Filter,
    /// The bin's share of `count`, 0 to 1; null when that is 0.
    #[schema(required, minimum = 0, maximum = 1)]
    pub share: Option<f64>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub group: Group,
}

/// How the selection is distributed over one field. Every customer is in exactly one bin.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Distribution<'w> {
    /// The field.
    pub field: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// Whether the bins are ranges of a number; otherwise they are values.
    pub numeric: bool,
    /// The bins in their natural order; those who lack the field, if anybody does, in the last.
    pub bins: Vec<BinOutcome<'w>>,
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
pub struct Analytics<'w> {
    /// How many customers there are in all, whatever their status.
    pub population: usize,
    /// The statuses of the customers in `count`, in `expected_churners` and in the money. Rates and calibration are about everybody
    /// with a known outcome, drivers about everybody.
    pub statuses: Vec<Status>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub group: Group,
    /// How many of `count` the model expects to leave: the sum of their probabilities.
    pub expected_churners: f64,
    /// What they pay, or paid until they left: the recurring amount of all of them, where the schema has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64)]
    pub monthly_revenue: Option<f64>,
    /// What is expected to go with those who leave: the sum of recurring amount times probability, where the schema has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64)]
    pub revenue_at_risk: Option<f64>,
    /// The selection by every field, and whatever else, that the schema distributes customers over.
    pub distributions: Vec<Distribution<'w>>,
    /// Predicted against actual, for everybody with a known outcome.
    pub calibration: Calibration,
    /// What sets the selection, whatever the status, apart from everyone else in the model's eyes, the largest difference
    /// first. Empty when the selection is empty or everyone.
    pub drivers: Vec<Driver<'w>>,
}

/// A customer who passes the filters, whatever the status.
struct Case {
    customer: u32,
    /// How many customers come before by rising probability.
    rank: u32,
    probability: f64,
    /// Whether the outcome is known.
    known: bool,
    churned: bool,
    /// Whether the status is selected.
    selected: bool,
}

/// Sums over some customers.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// Of those with a known outcome.
    known: u32,
    churned: u32,
    /// Of those whose status is selected.
    selected: u32,
    probability: f64,
}

impl Tally {
    fn add(&mut self, case: &Case) {
        self.known += u32::from(case.known);
        self.churned += u32::from(case.churned);
        self.selected += u32::from(case.selected);
        self.probability += f64::from(u8::from(case.selected)) * case.probability;
    }

    fn group(&self) -> Group {
        let counts = counts(self.known as usize, self.churned as usize);
        Group {
            count: self.selected as usize,
            mean_probability: per(self.probability, self.selected as usize),
            known_outcomes: self.known as usize,
            churned: self.churned as usize,
            churn_rate: counts.rate(),
            churn_rate_interval: counts.wilson_interval(ReadoutSettings::default().alpha),
        }
    }
}

/// This part of a whole; none when the whole is nothing.
fn per(part: f64, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}

fn counts(users: usize, churned: usize) -> Counts {
    Counts {
        users: users as u64,
        conversions: churned as u64,
    }
}

/// Describes a selection. Counts, money and expected churners are those of its statuses; rates, calibration and drivers are
/// about every customer who passes its other filters.
pub fn read<'w>(view: &'w View<'w>, selection: &Selection) -> Analytics<'w> {
    let table = Table::of(view);
    let cases = cases(view, selection);
    let mut whole = Tally::default();
    cases.iter().for_each(|case| whole.add(case));
    let money = money(view, &cases);
    Analytics {
        population: view.customers.len(),
        statuses: selection.statuses(),
        group: whole.group(),
        expected_churners: whole.probability,
        monthly_revenue: money.map(|(revenue, _)| revenue),
        revenue_at_risk: money.map(|(_, at_risk)| at_risk),
        distributions: table
            .dimensions
            .iter()
            .map(|dimension| distribution(view, dimension, &cases, whole.selected as usize))
            .collect(),
        calibration: calibration(&cases),
        drivers: drivers::drivers(view, table, &cases),
    }
}

/// The customers who pass the filters, by rising probability.
fn cases(view: &View<'_>, selection: &Selection) -> Vec<Case> {
    let mask = selection.mask_of_any_status(view);
    let selected = selection.outcomes();
    let mut cases = Vec::with_capacity(crate::selection::count(&mask));
    let ranked = by_probability(view).iter().zip(0..);
    let passing = ranked.filter(|(customer, _)| mask[**customer as usize]);
    cases.extend(passing.map(|(&customer, rank)| {
        let outcome = view.customers.outcome(customer as usize);
        Case {
            customer,
            rank,
            probability: view.customers.probability(customer as usize),
            known: outcome.left().is_some(),
            churned: outcome.left() == Some(true),
            selected: selected[outcome as usize],
        }
    }));
    cases
}

/// The recurring amount of the selected ones, and what is expected to go; none where the schema has no such amount. An unknown
/// amount adds nothing.
fn money(view: &View<'_>, cases: &[Case]) -> Option<(f64, f64)> {
    let column = view.customers.column(view.schema.roles().recurring?);
    let selected = cases.iter().filter(|case| case.selected);
    let amounts = selected.map(|case| (column.code(case.customer as usize), case.probability));
    let known = amounts.filter(|(amount, _)| !amount.is_nan());
    Some(
        known.fold((0.0, 0.0), |(revenue, at_risk), (amount, probability)| {
            (revenue + amount, at_risk + amount * probability)
        }),
    )
}

/// How some customers are distributed over a dimension; `count` of them have a status that is selected.
fn distribution<'w>(
    view: &'w View<'w>,
    dimension: &'w Dimension,
    cases: &[Case],
    count: usize,
) -> Distribution<'w> {
    let mut tallies = vec![Tally::default(); dimension.bins.len()];
    match dimension.column(view) {
        Column::Codes(codes) => {
            for case in cases {
                let code = codes[case.customer as usize];
                tallies[usize::from(dimension.by_code[usize::from(code)])].add(case);
            }
        }
        Column::Amounts(numbers) => {
            // Unknown numbers are in the last bin, which is there where somebody has one.
            let unknown = tallies.len() - 1;
            for case in cases {
                tallies[dimension.bin(numbers[case.customer as usize], unknown)].add(case);
            }
        }
    }
    let bin = |(bin, tally): (&'w Bin, Tally)| BinOutcome {
        label: &bin.label,
        filter: &bin.filter,
        share: per(f64::from(tally.selected), count),
        group: tally.group(),
    };
    Distribution {
        field: dimension.name(view),
        label: dimension.label(view),
        numeric: dimension.is_numeric(view),
        bins: dimension.bins.iter().zip(tallies).map(bin).collect(),
    }
}

/// Compares predicted with actual; the customers come by rising probability.
fn calibration(cases: &[Case]) -> Calibration {
    let known: Vec<&Case> = cases.iter().filter(|case| case.known).collect();
    let end = |bin: usize| bin * known.len() / CALIBRATION_BINS;
    let mut distance = 0.0;
    let mut bins = Vec::with_capacity(CALIBRATION_BINS);
    for bin in 0..CALIBRATION_BINS {
        let cases = &known[end(bin)..end(bin + 1)];
        if cases.is_empty() {
            continue;
        }
        let churned = cases.iter().filter(|case| case.churned).count();
        let probability = cases.iter().fold(0.0, |sum, case| sum + case.probability);
        distance += f64::abs(probability - churned as f64);
        let counts = counts(cases.len(), churned);
        bins.push(Outcome {
            count: cases.len(),
            churned,
            churn_rate: counts.rate(),
            churn_rate_interval: counts.wilson_interval(ReadoutSettings::default().alpha),
            mean_probability: per(probability, cases.len()),
        });
    }
    Calibration {
        bins,
        expected_calibration_error: per(distance, known.len()),
    }
}
