//! What the previous workspace knew of the customers: their former probabilities, and who is gone.

use crate::customers::{Customers, Outcome};
use crate::error::WorkspaceError;
use crate::ids::Ids;
use crate::orders::rises;
use bytemuck::{Pod, Zeroable};
use schema::{Schema, Text};
use sections::{Format, Sections};
use std::cmp::Ordering;
use std::ops::Range;

pub(crate) static FORMAT: Format = Format {
    name: "compiled previous workspace",
    magic: *b"\x89FORMER\n",
    version: 1,
    sections: Section::ByChange as usize + 1,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    Text,
    Head,
    /// The former probability of each customer, NaN for new ones.
    Probabilities,
    /// Codes of [`Movement`].
    Movements,
    /// The ids of those who are gone, one after the other.
    GoneIds,
    /// Where each of these begins; then the end.
    GoneIdStarts,
    GoneProbabilities,
    /// Codes of [`Outcome`].
    GoneOutcomes,
    /// The positions of those who are gone by rising probability, then by id.
    GoneRanked,
    /// The positions of customers by rising change of the probability, then by id; new ones last.
    ByChange,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Head {
    pub(crate) workspace: Text,
    pub(crate) model: Text,
    pub(crate) as_of: Text,
    pub(crate) customers: u32,
    pub(crate) unused: u32,
}

/// Where a customer's risk level moved since the previous workspace. Both levels are those of today's schema, so that new thresholds
/// move nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The level is the same.
    Same = 0,
    /// The level rose.
    Up = 1,
    /// The level fell.
    Down = 2,
    /// The previous workspace did not have the customer.
    New = 3,
}

impl Movement {
    /// Where the level of a probability moved, given the former one, NaN of a new customer.
    pub(crate) fn between(schema: &Schema<'_>, former: f64, probability: f64) -> Self {
        let level = |probability: f64| schema.level(probability).index;
        match level(probability).cmp(&level(former)) {
            _ if former.is_nan() => Self::New,
            Ordering::Less => Self::Down,
            Ordering::Equal => Self::Same,
            Ordering::Greater => Self::Up,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Up,
            2 => Self::Down,
            3 => Self::New,
            _ => Self::Same,
        }
    }
}

/// The previous workspace, as far as this one keeps it.
#[derive(Clone, Copy)]
pub struct Previous<'w> {
    pool: &'w str,
    head: &'w Head,
    probabilities: &'w [f64],
    movements: &'w [u8],
    by_change: &'w [u32],
    gone: Gone<'w>,
}

impl<'w> Previous<'w> {
    /// The previous workspace of one with `count` customers.
    pub(crate) fn open(bytes: &'w [u8], count: usize) -> Result<Self, WorkspaceError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let text = std::str::from_utf8(sections.get::<u8>(Section::Text as usize)?);
        let gone = Gone {
            ids: Ids::new(
                sections.get(Section::GoneIds as usize)?,
                sections.get(Section::GoneIdStarts as usize)?,
            ),
            probabilities: sections.get(Section::GoneProbabilities as usize)?,
            outcomes: sections.get(Section::GoneOutcomes as usize)?,
            ranked: sections.get(Section::GoneRanked as usize)?,
        };
        let previous = Self {
            pool: text.map_err(|_| {
                WorkspaceError::Unsound("the texts of the previous workspace are not UTF-8")
            })?,
            head: sections.get_one(Section::Head as usize)?,
            probabilities: sections.get(Section::Probabilities as usize)?,
            movements: sections.get(Section::Movements as usize)?,
            by_change: sections.get(Section::ByChange as usize)?,
            gone,
        };
        let head = previous.head;
        let sound = [head.workspace, head.model, head.as_of]
            .iter()
            .all(|text| text.get(previous.pool).is_some())
            && [
                previous.probabilities.len(),
                previous.movements.len(),
                previous.by_change.len(),
            ] == [count; 3]
            && [
                gone.probabilities.len(),
                gone.outcomes.len(),
                gone.ranked.len(),
            ] == [gone.len(); 3];
        match sound {
            true => Ok(previous),
            false => Err(WorkspaceError::Unsound(
                "the previous workspace and the customers do not fit",
            )),
        }
    }

    fn text(&self, text: Text) -> &'w str {
        text.get(self.pool).unwrap_or_default()
    }

    /// Which workspace it was.
    pub fn workspace_version(&self) -> &'w str {
        self.text(self.head.workspace)
    }

    /// The model that gave the former probabilities.
    pub fn model_version(&self) -> &'w str {
        self.text(self.head.model)
    }

    /// The date of its data, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &'w str {
        self.text(self.head.as_of)
    }

    /// How many customers it had.
    pub fn customers(&self) -> usize {
        self.head.customers as usize
    }

    /// The former churn probability of a customer, 0 to 1; none of a new one.
    pub fn probability(&self, customer: usize) -> Option<f64> {
        Some(self.probabilities[customer]).filter(|probability| !probability.is_nan())
    }

    /// Where a customer's risk level moved.
    pub fn movement(&self, customer: usize) -> Movement {
        Movement::from_code(self.movements[customer])
    }

    /// The codes of [`Movement`] of all.
    pub fn movements(&self) -> &'w [u8] {
        self.movements
    }

    /// The positions of customers by rising change of the probability, then by id; new ones last.
    pub fn by_change(&self) -> &'w [u32] {
        self.by_change
    }

    /// Compares the bytes that it was opened from with their hashes, and checks every index and value.
    pub(crate) fn verify(
        &self,
        bytes: &[u8],
        schema: &Schema<'_>,
        customers: &Customers<'_>,
    ) -> Result<(), String> {
        let intact = Sections::open(bytes, &FORMAT).and_then(|sections| sections.verify());
        intact.map_err(|error| error.to_string())?;
        let gone = self.gone;
        gone.ids.verify(|_| ())?;
        let is_probability = |probability: &f64| (0.0..=1.0).contains(probability);
        let movement = |customer: usize| {
            Movement::between(
                schema,
                self.probabilities[customer],
                customers.probability(customer),
            )
        };
        let change =
            |customer: usize| customers.probability(customer) - self.probabilities[customer];
        let checks = [
            (
                self.probabilities
                    .iter()
                    .chain(gone.probabilities)
                    .all(|one| one.is_nan() || is_probability(one))
                    && gone.probabilities.iter().all(is_probability),
                "a former probability is none",
            ),
            (
                (0..customers.len())
                    .all(|customer| movement(customer) as u8 == self.movements[customer]),
                "a movement does not go with the probabilities",
            ),
            (
                rises(self.by_change, customers.len(), change),
                "the order by change is none",
            ),
            (
                gone.outcomes
                    .iter()
                    .all(|outcome| *outcome <= Outcome::Unknown as u8),
                "an outcome of those who are gone is none",
            ),
            (
                rises(gone.ranked, gone.len(), |position| {
                    gone.probabilities[position]
                }),
                "the order of those who are gone is none",
            ),
            (
                (0..gone.len()).all(|position| customers.find(gone.id(position)).is_none()),
                "a customer who is gone is there",
            ),
            (
                self.customers()
                    == gone.len()
                        + self
                            .probabilities
                            .iter()
                            .filter(|one| !one.is_nan())
                            .count(),
                "the number of former customers does not add up",
            ),
        ];
        match checks.iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(()),
        }
    }

    /// Its customers who are gone.
    pub fn gone(&self) -> Gone<'w> {
        self.gone
    }
}

/// Customers of the previous workspace who are gone, by ascending id. Nothing else is kept of them.
#[derive(Clone, Copy)]
pub struct Gone<'w> {
    ids: Ids<'w>,
    probabilities: &'w [f64],
    outcomes: &'w [u8],
    ranked: &'w [u32],
}

impl<'w> Gone<'w> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the one at a position.
    pub fn id(&self, position: usize) -> &'w str {
        self.ids.get(position)
    }

    /// The positions of those whose ids begin with this.
    pub fn with_prefix(&self, prefix: &str) -> Range<usize> {
        self.ids.with_prefix(prefix)
    }

    /// The former churn probability, 0 to 1.
    pub fn probability(&self, position: usize) -> f64 {
        self.probabilities[position]
    }

    /// What the previous workspace said became of the customer.
    pub fn outcome(&self, position: usize) -> Outcome {
        Outcome::from_code(self.outcomes[position])
    }

    /// The positions of all by rising probability, then by id.
    pub fn ranked(&self) -> &'w [u32] {
        self.ranked
    }
}
