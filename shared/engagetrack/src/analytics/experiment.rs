//! The workspace's experiments, for any selection of their customers.

use super::table::by_probability;
use crate::View;
use crate::measured::{Arms, assignment, comparison};
use crate::query::Query;
use crate::selection::{PERSONA, RISK_LEVEL, STAGE, Selection, filter_values, value_of_code};
use ::experiment::{Observation, Segmentation, SelectionReadout, read_selection};
use serde::Serialize;
use smallvec::SmallVec;
use utoipa::ToSchema;
use workspace::customers::{Column, UNKNOWN};

/// The parameter that names an experiment.
const EXPERIMENT: &str = "experiment";

/// Reads the position of the experiment that a query names; the first where it names none.
pub(super) fn named(view: &View<'_>, query: &mut Query) -> usize {
    let names: Vec<&str> = view
        .schema
        .experiments()
        .map(|experiment| experiment.name())
        .collect();
    match names.is_empty() {
        true => 0,
        false => query.choice(EXPERIMENT, names).unwrap_or(0),
    }
}

/// The readout of one of the workspace's experiments, with what it compares. The covariate of `cuped` is the churn probability.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EmbeddedReadout<'w> {
    /// What each arm is offered.
    pub arms: Arms<'w>,
    /// What is compared, in one sentence.
    pub comparison: String,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub readout: SelectionReadout,
}

impl<'w> EmbeddedReadout<'w> {
    /// Reads out the experiment at a position for a selection; none where there is no such experiment.
    pub fn of(view: &View<'w>, experiment: usize, selection: &Selection) -> Option<Self> {
        let arms = Arms::of(view, experiment)?;
        Some(Self {
            comparison: arms.comparison(),
            readout: readout(view, experiment, selection)?,
            arms,
        })
    }
}

/// Which experiment is read out, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadoutRequest {
    /// The position of the experiment.
    pub experiment: usize,
    /// The customers.
    pub selection: Selection,
}

impl ReadoutRequest {
    /// Reads the filters and `experiment` from a query; without it, the first experiment is read out. What is wrong with them becomes
    /// an error of the query.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let selection = Selection::from_query(view, query);
        Self {
            experiment: named(view, query),
            selection,
        }
    }

    /// The readout; none where the schema has no experiment.
    pub fn readout<'w>(&self, view: &View<'w>) -> Option<EmbeddedReadout<'w>> {
        EmbeddedReadout::of(view, self.experiment, &self.selection)
    }
}

/// Where a segmentation finds a customer's segment.
pub(super) enum Segments<'w> {
    /// By the code of a field, of which this is the segment.
    Field(schema::Field<'w>, Column<'w>),
    /// By the position of a persona or stage.
    Rule(&'w [u8]),
    RiskLevel(schema::Schema<'w>, &'w [f64]),
}

impl<'w> Segments<'w> {
    pub(super) fn named(view: &View<'w>, name: &'w str) -> Option<(Segmentation<'w>, Self)> {
        let schema = &view.schema;
        let (values, segments) = match name {
            PERSONA => {
                let names = schema.personas().map(|persona| persona.name).collect();
                (names, Self::Rule(view.customers.personas()))
            }
            STAGE => {
                let names = schema.stages().map(|stage| stage.name).collect();
                (names, Self::Rule(view.customers.stages()))
            }
            RISK_LEVEL => {
                let names = schema.levels().map(|level| level.name).collect();
                (
                    names,
                    Self::RiskLevel(*schema, view.customers.probabilities()),
                )
            }
            name => {
                let field = schema.find(name)?;
                let column = view.customers.column(field.index());
                (filter_values(field).collect(), Self::Field(field, column))
            }
        };
        Some((Segmentation { name, values }, segments))
    }

    /// The segment of a customer, beyond all segments where it is unknown.
    pub(super) fn of(&self, customer: usize) -> usize {
        match self {
            Self::Field(field, column) => match column.code(customer) {
                code if code.is_nan() => usize::MAX,
                code => value_of_code(*field, code as usize),
            },
            Self::Rule(positions) => match positions[customer] {
                UNKNOWN => usize::MAX,
                position => usize::from(position),
            },
            Self::RiskLevel(schema, probabilities) => schema.level(probabilities[customer]).index,
        }
    }
}

/// Reads out control and first treatment of the experiment at a position for a selection, whatever the customers' status: an outcome
/// is what it counts. Customers outside the experiment are left out. None where there is no such experiment.
pub fn readout(
    view: &View<'_>,
    position: usize,
    selection: &Selection,
) -> Option<SelectionReadout> {
    let described = view.schema.experiments().nth(position)?;
    let ([control, treatment], settings) = comparison(&described)?;
    let named = described
        .segments()
        .filter_map(|name| Segments::named(view, name));
    let (segmentations, segments): (Vec<Segmentation<'_>>, Vec<Segments<'_>>) = named.unzip();
    let arms = view.customers.column(described.field());
    let mask = selection.mask_of_any_status(view, 0..view.customers.len());
    let selected = by_probability(view)
        .iter()
        .map(|customer| *customer as usize);
    let observations = selected
        .filter(|customer| mask[*customer])
        .filter_map(|customer| {
            let within: SmallVec<[usize; 8]> = segments
                .iter()
                .map(|segments| segments.of(customer))
                .collect();
            Some(Observation {
                assignment: assignment(arms.code(customer), control, treatment)?,
                converted: view.customers.outcome(customer).left()?,
                covariate: view.customers.probability(customer),
                segments: within,
            })
        });
    Some(read_selection(observations, &segmentations, &settings))
}
