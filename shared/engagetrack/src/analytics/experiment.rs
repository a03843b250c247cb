//! The embedded experiment, for any selection of its customers.

use super::table::Table;
use crate::customer::Variant;
use crate::measured::{Arms, assignment};
use crate::selection::{CHOICES, Selection, choice_index};
use ::experiment::{Observation, ReadoutSettings, Segmentation, SelectionReadout, read_selection};
use serde::Serialize;
use utoipa::ToSchema;

/// The filters whose values are the segments. All were settled before the experiment began. The persona was not: it looks at
/// behaviour meanwhile, which the treatment may have changed.
const SEGMENTS: [&str; 6] = [
    "contract",
    "internet_service",
    "payment_method",
    "stage",
    "risk_level",
    "senior_citizen",
];

/// The readout of the embedded experiment, with what it compares. The covariate of `cuped` is the churn probability.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EmbeddedReadout {
    /// What each arm is offered.
    pub arms: Arms,
    /// What is compared, in one sentence.
    pub comparison: String,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub readout: SelectionReadout,
}

impl EmbeddedReadout {
    /// Reads out the embedded experiment for a selection.
    pub fn of(selection: &Selection) -> Self {
        let arms = Arms::of_experiment();
        Self {
            comparison: arms.comparison(),
            arms,
            readout: experiment(selection),
        }
    }
}

/// Reads out the embedded experiment for a selection, whatever the customers' status: an outcome is what it counts.
/// Customers outside the experiment are left out.
pub fn experiment(selection: &Selection) -> SelectionReadout {
    let variant = choice_index("variant");
    let segments = SEGMENTS.map(choice_index);
    let rows = Table::get().select(selection);
    let observations = rows.iter().filter_map(|row| {
        let code = |index: usize| usize::from(row.traits.choices[index]);
        Some(Observation {
            assignment: assignment(Variant::from_code(code(variant))?),
            converted: row.churned,
            covariate: row.probability,
            segments: segments.map(code),
        })
    });
    let segmentations = segments.map(|index| Segmentation {
        name: CHOICES[index].name,
        values: CHOICES[index].values.to_vec(),
    });
    read_selection(observations, &segmentations, &ReadoutSettings::default())
}
