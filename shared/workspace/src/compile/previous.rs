//! What is kept of the previous workspace.

use super::Fault;
use super::customers::Customer;
use crate::Workspace;
use crate::orders::by_code;
use crate::previous::{FORMAT, Head, Movement, Section};
use schema::{Pool, Schema};
use sections::{AlignedBytes, Writer};
use std::cmp::Ordering;

/// What faults of the previous workspace are reported under: it is no file of the workspace.
pub const NAME: &str = "the previous workspace";

/// The previous workspace beside the customers.
pub struct Former<'p> {
    workspace: &'p Workspace<'p>,
    /// The former probability of each customer, NaN for new ones.
    pub probabilities: Vec<f64>,
    /// The positions in the previous workspace of those who are gone.
    gone: Vec<usize>,
}

/// Refuses the workspace of another business.
pub fn check(schema: &Schema<'_>, previous: &Workspace<'_>) -> Result<(), Vec<Fault>> {
    let former = previous.schema.name();
    match former == schema.name() {
        true => Ok(()),
        false => Err(vec![Fault {
            file: NAME,
            detail: format!(
                "is of the business {former:?}, and this one is {:?}",
                schema.name()
            ),
        }]),
    }
}

/// Warns of data that are not younger: the changes would be told as since a wrong date.
pub fn warning(schema: &Schema<'_>, previous: &Workspace<'_>) -> Option<Fault> {
    let (former, date) = (previous.schema.as_of(), schema.as_of());
    (former >= date).then(|| Fault {
        file: NAME,
        detail: format!("has data of {former}, which is not before {date}: see as_of"),
    })
}

/// Finds the customers in the previous workspace. Both are sorted by id.
pub fn find<'p>(previous: &'p Workspace<'p>, customers: &[Customer]) -> Former<'p> {
    let former = &previous.customers;
    let mut probabilities = Vec::with_capacity(customers.len());
    let mut gone = Vec::new();
    let mut position = 0;
    for customer in customers {
        let mut probability = f64::NAN;
        while position < former.len() {
            match former.id(position).cmp(customer.id()) {
                Ordering::Less => gone.push(position),
                Ordering::Equal => probability = former.probability(position),
                Ordering::Greater => break,
            }
            position += 1;
        }
        probabilities.push(probability);
    }
    gone.extend(position..former.len());
    Former {
        workspace: previous,
        probabilities,
        gone,
    }
}

/// The part.
pub fn compile(schema: &Schema<'_>, former: &Former<'_>, probabilities: &[f64]) -> AlignedBytes {
    let movements: Vec<u8> = former
        .probabilities
        .iter()
        .zip(probabilities)
        .map(|(former, now)| Movement::between(schema, *former, *now) as u8)
        .collect();
    let (workspace, customers) = (former.workspace, &former.workspace.customers);
    let (mut ids, mut starts) = (String::new(), vec![0u32]);
    for &customer in &former.gone {
        ids.push_str(customers.id(customer));
        starts.push(ids.len() as u32);
    }
    let gone = former.gone.iter();
    let gone_probabilities: Vec<f64> = gone
        .clone()
        .map(|customer| customers.probability(*customer))
        .collect();
    let outcomes: Vec<u8> = gone
        .map(|customer| customers.outcome(*customer) as u8)
        .collect();
    let mut ranked: Vec<u32> = (0..former.gone.len() as u32).collect();
    // A stable sort keeps equal ones by id.
    ranked.sort_by(|a, b| {
        gone_probabilities[*a as usize].total_cmp(&gone_probabilities[*b as usize])
    });
    let change = |customer: &u32| {
        let customer = *customer as usize;
        probabilities[customer] - former.probabilities[customer]
    };
    let mut by_change: Vec<u32> = (0..probabilities.len() as u32).collect();
    by_change.sort_by(|a, b| by_code(change(a), change(b)));
    let mut pool = Pool::default();
    let head = Head {
        workspace: pool.add(workspace.version()),
        model: pool.add(workspace.model.version()),
        as_of: pool.add(workspace.schema.as_of()),
        customers: customers.len() as u32,
        unused: 0,
    };
    let mut writer = Writer::new(&FORMAT);
    writer.write(Section::Text as usize, pool.as_str().as_bytes());
    writer.write(Section::Head as usize, &[head]);
    writer.write(Section::Probabilities as usize, &former.probabilities);
    writer.write(Section::Movements as usize, &movements);
    writer.write(Section::GoneIds as usize, ids.as_bytes());
    writer.write(Section::GoneIdStarts as usize, &starts);
    writer.write(Section::GoneProbabilities as usize, &gone_probabilities);
    writer.write(Section::GoneOutcomes as usize, &outcomes);
    writer.write(Section::GoneRanked as usize, &ranked);
    writer.write(Section::ByChange as usize, &by_change);
    AlignedBytes::from(writer.finish().as_slice())
}
