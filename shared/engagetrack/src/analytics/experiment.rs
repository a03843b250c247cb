//! The embedded experiment, for any selection of its customers.

use super::table::Table;
use crate::customer::Variant;
use crate::experiment::{Dimension, Observation, SelectionReadout, Settings, read_selection};
use crate::selection::{CHOICES, Selection, choice_index};

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

/// Reads out the embedded experiment for a selection. Customers outside the experiment are left out.
pub fn experiment(selection: &Selection) -> SelectionReadout {
    let variant = choice_index("variant");
    let segments = SEGMENTS.map(choice_index);
    let rows = Table::get().select(selection);
    let observations = rows.iter().filter_map(|row| {
        let code = |index: usize| usize::from(row.traits.choices[index]);
        Some(Observation {
            variant: Variant::from_code(code(variant))?,
            churned: row.churned,
            churn_score: row.probability,
            segments: segments.map(|index| CHOICES[index].values[code(index)]),
        })
    });
    let dimensions = segments.map(|index| Dimension {
        name: CHOICES[index].name,
        values: CHOICES[index].values,
    });
    read_selection(observations, dimensions, &Settings::default())
}
