//! What changed since the previous workspace.

use crate::View;
use crate::directory::descending;
use crate::movement::{self, Snapshot};
use crate::prediction::Status;
use crate::selection::Selection;
use crate::vocabulary;
use serde::Serialize;
use utoipa::ToSchema;
use workspace::Movement;

/// Customers that are listed on each side.
const MOVERS: usize = 10;

/// A customer whose probability changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Mover<'w> {
    /// The id.
    pub customer_id: &'w str,
    /// The former churn probability, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub former_probability: f64,
    /// The churn probability, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// `probability` minus `former_probability`.
    #[schema(minimum = -1, maximum = 1)]
    pub change: f64,
    /// The risk level of the former probability.
    #[schema(value_type = vocabulary::RiskLevel)]
    pub former_risk_level: &'w str,
    /// The risk level.
    #[schema(value_type = vocabulary::RiskLevel)]
    pub risk_level: &'w str,
}

/// What changed since the previous workspace, for a selection of today's customers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Changes<'w> {
    /// The workspace that the changes start from.
    pub previous: Snapshot<'w>,
    /// The workspace in use.
    pub current: Snapshot<'w>,
    /// Whether another model gave the former probabilities. Then a change is not the customers' alone.
    pub model_changed: bool,
    /// The statuses of the customers in `count`; of those who are gone, the former status.
    pub statuses: Vec<Status>,
    /// How many customers are selected: `new`, `up`, `down` and `same` add up to it.
    pub count: usize,
    /// How many of them the previous workspace did not have.
    pub new: usize,
    /// How many have a higher risk level than before.
    pub up: usize,
    /// How many have a lower risk level than before.
    pub down: usize,
    /// How many have the same risk level as before.
    pub same: usize,
    /// How many customers of the previous workspace are gone. Null where a filter other than `status` is set, because nothing is known
    /// of those who are gone but id, former probability and status.
    #[schema(required)]
    pub gone: Option<usize>,
    /// Mean change of the probability of `up`, `down` and `same` together; null without customers.
    #[schema(required, minimum = -1, maximum = 1)]
    pub mean_change: Option<f64>,
    /// The risk levels, the lowest first: what rows and columns of `matrix` stand for.
    #[schema(value_type = Vec<vocabulary::RiskLevel>)]
    pub risk_levels: Vec<&'w str>,
    /// How many customers have each pair of risk levels: a row for each level before, with a number for each level now.
    pub matrix: Vec<Vec<usize>>,
    /// The customers whose probability rose most, at most ten.
    pub risen: Vec<Mover<'w>>,
    /// The customers whose probability fell most, at most ten.
    pub fallen: Vec<Mover<'w>>,
}

/// What changed for a selection; none where the workspace was compiled without a previous one.
pub fn changes<'w>(view: &'w View<'w>, selection: &Selection) -> Option<Changes<'w>> {
    let previous = view.previous.as_ref()?;
    let (schema, customers) = (&view.schema, &view.customers);
    let mask = selection.mask(view);
    let levels = schema.levels().len();
    let mut counts = [0; 4];
    let mut matrix = vec![vec![0; levels]; levels];
    let (mut sum, mut known) = (0.0, 0);
    for customer in (0..mask.len()).filter(|customer| mask[*customer]) {
        counts[previous.movement(customer) as usize] += 1;
        if let Some(former) = previous.probability(customer) {
            let probability = customers.probability(customer);
            matrix[schema.level(former).index][schema.level(probability).index] += 1;
            sum += probability - former;
            known += 1;
        }
    }
    let mover = |customer: usize| {
        let former = previous.probability(customer)?;
        let probability = customers.probability(customer);
        Some(Mover {
            customer_id: customers.id(customer),
            former_probability: former,
            probability,
            change: probability - former,
            former_risk_level: schema.level(former).name,
            risk_level: schema.level(probability).name,
        })
    };
    let by_change = previous.by_change();
    let change = |customer: u32| movement::change(view, customer as usize).unwrap_or(f64::NAN);
    let rising = by_change.iter().map(|customer| *customer as usize);
    let fallen = rising.filter(|customer| mask[*customer]).map_while(mover);
    let falling = descending(by_change, change);
    let risen = falling.filter(|customer| mask[*customer]).map_while(mover);
    let count = |movement: Movement| counts[movement as usize];
    Some(Changes {
        previous: Snapshot::of_previous(view)?,
        current: Snapshot::of(view),
        model_changed: view.model_changed(),
        statuses: selection.statuses(),
        count: counts.iter().sum(),
        new: count(Movement::New),
        up: count(Movement::Up),
        down: count(Movement::Down),
        same: count(Movement::Same),
        gone: selection.count_of_gone(view),
        mean_change: super::per(sum, known),
        risk_levels: schema.levels().map(|level| level.name).collect(),
        matrix,
        risen: risen
            .take_while(|mover| mover.change > 0.0)
            .take(MOVERS)
            .collect(),
        fallen: fallen
            .take_while(|mover| mover.change < 0.0)
            .take(MOVERS)
            .collect(),
    })
}
