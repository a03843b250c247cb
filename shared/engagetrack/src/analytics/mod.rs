//! What a selection of customers looks like: counts, churn, distributions, calibration, and what sets it apart.

mod bins;
mod cases;
mod changes;
mod contributions;
mod dimension;
mod drivers;
mod experiment;
mod policy;
mod table;
mod what_if;

pub use changes::{Changes, Mover, changes};
pub use dimension::FilterValue;
pub use drivers::Driver;
pub use experiment::{EmbeddedReadout, ReadoutRequest, readout};
pub use policy::{Policy, PolicyParameters, PolicyRequest, Terms};
pub use table::Table;
pub use what_if::{Cohort, RequestDocument, WhatIf, WhatIfRequest};

use crate::View;
use crate::expected::{ExpectedPerformance, Scores};
use crate::prediction::Status;
use crate::selection::Selection;
use ::experiment::{Counts, Interval, ReadoutSettings};
use cases::{Cases, GROUP, KnownOutcomes, in_groups};
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
    /// How the model is expected to perform on them, from their probabilities alone.
    pub expected_performance: ExpectedPerformance,
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

/// How many customers there are of some who have the same outcome, and the sum of their probabilities.
#[derive(Clone, Copy, Default)]
struct Sum {
    customers: u64,
    probability: f64,
}

/// Sums over some customers by the codes of their outcomes. One more than there are outcomes, so that a code of two bits is always
/// one of them.
#[derive(Clone, Copy, Default)]
struct Sums([Sum; 4]);

impl Sums {
    fn add(&mut self, outcome: u8, probability: f64) {
        let sum = &mut self.0[usize::from(outcome & 3)];
        sum.customers += 1;
        sum.probability += probability;
    }

    fn group(&self, selected: [bool; 3]) -> Group {
        let [stayed, left, unknown, _] = self.0;
        let (mut count, mut probability) = (0, 0.0);
        for (sum, selected) in [stayed, left, unknown].iter().zip(selected) {
            if selected {
                count += sum.customers as usize;
                probability += sum.probability;
            }
        }
        let (stayed, churned) = (stayed.customers as usize, left.customers as usize);
        Group::of(stayed + churned, churned, count, probability)
    }
}

impl Group {
    /// A group of `count` customers of the selected statuses, and of `known` outcomes of which `churned` left.
    fn of(known: usize, churned: usize, count: usize, probability: f64) -> Self {
        let counts = counts(known, churned);
        Self {
            count,
            mean_probability: per(probability, count),
            known_outcomes: known,
            churned,
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
    let cases = Cases::of(view, selection);
    let selected = selection.outcomes();
    let figures = Figures::of(view, &table.dimensions, &cases, selected);
    let by_outcome = cases.by_outcome.iter().zip(selected);
    let count = by_outcome.filter(|(_, selected)| *selected);
    let count = count.map(|(customers, _)| customers).sum();
    let churned = cases.churned();
    let distributions = table.dimensions.iter().zip(&figures.by_bin);
    Analytics {
        population: view.customers.len(),
        statuses: selection.statuses(),
        group: Group::of(cases.known(), churned, count, figures.expected_churners),
        expected_churners: figures.expected_churners,
        expected_performance: figures.scores.performance(),
        monthly_revenue: figures.money.map(|(revenue, _)| revenue),
        revenue_at_risk: figures.money.map(|(_, at_risk)| at_risk),
        distributions: distributions
            .map(|(dimension, sums)| distribution(view, dimension, sums, selected, count))
            .collect(),
        calibration: calibration(view, &cases),
        drivers: drivers::drivers(view, &table.contributions, &cases),
    }
}

/// What is added up over the cases.
struct Figures {
    /// The probabilities of the selected statuses.
    expected_churners: f64,
    scores: Scores,
    /// The recurring amount of the selected statuses, and what is expected to go; none where the schema has no such amount.
    money: Option<(f64, f64)>,
    /// By dimension and bin.
    by_bin: Vec<Vec<Sums>>,
}

impl Figures {
    /// Adds up group by group: what is gathered of a group is used by all dimensions.
    fn of(view: &View<'_>, dimensions: &[Dimension], cases: &Cases, selected: [bool; 3]) -> Self {
        let customers = &view.customers;
        let columns: Vec<Column<'_>> = dimensions
            .iter()
            .map(|dimension| dimension.column(view))
            .collect();
        let recurring = view.schema.roles().recurring;
        let recurring = recurring.map(|field| customers.column(field));
        let mut figures = Self {
            expected_churners: 0.0,
            scores: Scores::default(),
            money: recurring.map(|_| (0.0, 0.0)),
            by_bin: dimensions
                .iter()
                .map(|dimension| vec![Sums::default(); dimension.bins.len()])
                .collect(),
        };
        let [stayed, left, unknown] = selected.map(|selected| f64::from(u8::from(selected)));
        let weights = [stayed, left, unknown, 0.0];
        let mut outcomes = [0; GROUP];
        let mut probabilities = [0.0; GROUP];
        let mut bins = vec![[0; GROUP]; dimensions.len()];
        in_groups(
            &cases.codes,
            |code| code != Cases::NONE,
            |group| {
                for (number, customer) in group.iter().enumerate() {
                    let customer = *customer as usize;
                    let outcome = cases.codes[customer] - 1;
                    let probability = customers.probability(customer);
                    outcomes[number] = outcome;
                    probabilities[number] = probability;
                    // Adds nothing for the others, because that takes less time than to guess who is one.
                    let weight = weights[usize::from(outcome & 3)];
                    figures.expected_churners += weight * probability;
                    if weight > 0.0 {
                        figures.scores.count(probability);
                    }
                    if let (Some(column), Some((revenue, at_risk))) =
                        (recurring, &mut figures.money)
                    {
                        let amount = column.code(customer);
                        let amount = if amount.is_nan() {
                            0.0
                        } else {
                            weight * amount
                        };
                        *revenue += amount;
                        *at_risk += amount * probability;
                    }
                }
                let each = || outcomes[..group.len()].iter().zip(&probabilities);
                for ((dimension, column), bins) in dimensions.iter().zip(&columns).zip(&mut bins) {
                    let bins = &mut bins[..group.len()];
                    dimension.of_customers.find(*column, group, bins);
                }
                let together = bins
                    .chunks(TOGETHER)
                    .zip(figures.by_bin.chunks_mut(TOGETHER));
                for some in together {
                    match some {
                        ([a, b, c, d], [e, f, g, h]) => add([a, b, c, d], [e, f, g, h], each()),
                        (bins, sums) => {
                            for (bins, sums) in bins.iter().zip(sums) {
                                add([bins], [sums], each());
                            }
                        }
                    }
                }
            },
        );
        figures
    }
}

/// How many dimensions are added to at once: an addition to the same sum has to wait for the one before.
const TOGETHER: usize = 4;

/// Adds each of a group to the sums of its bin in each of some dimensions.
fn add<'g, const N: usize>(
    bins: [&[u16; GROUP]; N],
    sums: [&mut Vec<Sums>; N],
    group: impl Iterator<Item = (&'g u8, &'g f64)>,
) {
    let mut sums = sums.map(Vec::as_mut_slice);
    for (number, (outcome, probability)) in group.take(GROUP).enumerate() {
        for (bins, sums) in bins.iter().zip(&mut sums) {
            sums[usize::from(bins[number])].add(*outcome, *probability);
        }
    }
}

/// How some customers are distributed over a dimension; `count` of them have a status that is selected.
fn distribution<'w>(
    view: &View<'w>,
    dimension: &'w Dimension,
    sums: &[Sums],
    selected: [bool; 3],
    count: usize,
) -> Distribution<'w> {
    let bin = |(bin, sums): (&'w Bin, &Sums)| {
        let group = sums.group(selected);
        BinOutcome {
            label: &bin.label,
            filter: &bin.filter,
            share: per(group.count as f64, count),
            group,
        }
    };
    Distribution {
        field: dimension.name(view),
        label: dimension.label(view),
        numeric: dimension.is_numeric(view),
        bins: dimension.bins.iter().zip(sums).map(bin).collect(),
    }
}

/// Compares predicted with actual, by rising probability.
fn calibration(view: &View<'_>, cases: &Cases) -> Calibration {
    let known = cases.known();
    let outcomes = cases.known_outcomes();
    let end = |bin: usize| bin * known / CALIBRATION_BINS;
    let (mut customers, mut ranked) = (by_probability(view), view.customers.ranked());
    let mut distance = 0.0;
    let mut bins = Vec::with_capacity(CALIBRATION_BINS);
    for bin in 0..CALIBRATION_BINS {
        let size = end(bin + 1) - end(bin);
        if size == 0 {
            continue;
        }
        let (passed, churned, probability) = first_known(&outcomes, size, customers, ranked);
        (customers, ranked) = (&customers[passed..], &ranked[passed..]);
        distance += f64::abs(probability - churned as f64);
        let counts = counts(size, churned);
        bins.push(Outcome {
            count: size,
            churned,
            churn_rate: counts.rate(),
            churn_rate_interval: counts.wilson_interval(ReadoutSettings::default().alpha),
            mean_probability: per(probability, size),
        });
    }
    Calibration {
        bins,
        expected_calibration_error: per(distance, known),
    }
}

/// Looks for the first `size` customers with a known outcome: how many customers it looked at, how many of those with a known
/// outcome left, and the sum of their probabilities.
fn first_known(
    outcomes: &KnownOutcomes,
    size: usize,
    customers: &[u32],
    probabilities: &[f64],
) -> (usize, usize, f64) {
    let (mut found, mut churned, mut sum) = (0, 0, 0.0);
    for (place, (customer, probability)) in customers.iter().zip(probabilities).enumerate() {
        let outcome = outcomes.of(*customer);
        // Adds nothing for the others, because that takes less time than to guess who is one.
        found += usize::from(outcome.known);
        churned += usize::from(outcome.left);
        sum += f64::from(u8::from(outcome.known)) * probability;
        if found == size {
            return (place + 1, churned, sum);
        }
    }
    (customers.len(), churned, sum)
}
