//! What changed about a customer since the previous workspace.

use crate::View;
use serde::Serialize;
use utoipa::ToSchema;
use workspace::Movement;
use workspace::previous::Gone;

/// The filter by where a customer's risk level moved; its values are [`MOVEMENTS`], in the directory also [`GONE`].
pub const MOVED: &str = "moved";
/// The value of [`MOVED`] for customers of the previous workspace who are gone.
pub const GONE: &str = "gone";
/// The movements of customers that can be filtered by, with their names for machines and for people.
pub const MOVEMENTS: [(&str, &str, Movement); 3] = [
    ("up", "Risk level rose", Movement::Up),
    ("down", "Risk level fell", Movement::Down),
    ("new", "New customer", Movement::New),
];
/// Why nothing is known of changes.
pub const UNKNOWN: &str = "needs a workspace that was compiled with --previous; this one was not";

/// The name of a movement; none where the risk level is the same.
pub fn name(movement: Movement) -> Option<&'static str> {
    let mut named = MOVEMENTS.iter();
    named
        .find(|(.., one)| *one == movement)
        .map(|(name, ..)| *name)
}

/// The change of a customer's probability; none where the customer is new, or there is no previous workspace.
pub fn change(view: &View<'_>, customer: usize) -> Option<f64> {
    let former = view.previous.as_ref()?.probability(customer)?;
    Some(view.customers.probability(customer) - former)
}

/// The customers who are gone, where there is a previous workspace.
pub(crate) fn gone<'w>(view: &View<'w>) -> Option<Gone<'w>> {
    view.previous.as_ref().map(|previous| previous.gone())
}

/// What changed about a customer's risk, as members of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RiskChange {
    /// Probability minus former probability; none of a new customer.
    pub change: Option<f64>,
    /// Where the risk level moved; none where it is the same.
    pub moved: Option<&'static str>,
    /// Whether another model gave the former probability.
    pub model_changed: bool,
}

impl RiskChange {
    /// What changed about the customer at a position, where there is a previous workspace.
    pub fn of(view: &View<'_>, customer: usize) -> Option<Self> {
        let previous = view.previous.as_ref()?;
        Some(Self {
            change: change(view, customer),
            moved: name(previous.movement(customer)),
            model_changed: view.model_changed(),
        })
    }
}

/// A workspace by its versions and its date.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Snapshot<'w> {
    /// The version of the workspace.
    pub workspace: &'w str,
    /// The version of its model.
    pub model: &'w str,
    /// The date of its data, `YYYY-MM-DD`.
    pub as_of: &'w str,
    /// How many customers it has.
    pub population: usize,
}

impl<'w> Snapshot<'w> {
    /// This workspace.
    pub fn of(view: &View<'w>) -> Self {
        Self {
            workspace: view.version(),
            model: view.model.version(),
            as_of: view.schema.as_of(),
            population: view.customers.len(),
        }
    }

    /// The previous workspace, if there is one.
    pub fn of_previous(view: &View<'w>) -> Option<Self> {
        let previous = view.previous.as_ref()?;
        Some(Self {
            workspace: previous.workspace_version(),
            model: previous.model_version(),
            as_of: previous.as_of(),
            population: previous.customers(),
        })
    }
}
