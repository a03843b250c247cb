//! The customers in columns, by ascending id.

use crate::error::WorkspaceError;
use crate::ids::Ids;
use crate::parts::Part;
use schema::{Profile, Schema};
use sections::{Format, Sections};
use std::ops::Range;
use twox_hash::XxHash3_64;

mod verify;

pub(crate) static FORMAT: Format = Format {
    name: "compiled customers",
    magic: *b"\x89CUSTOM\n",
    version: 1,
    sections: Section::Bands as usize + 1,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    /// All ids, one after the other.
    Ids,
    /// Where each id begins; then the end.
    IdStarts,
    /// Positions plus one by the hash of the id; 0 where there is none. Its length is a power of two.
    IdTable,
    /// For each field its column: [`AMOUNT`] and the index among the amounts, or the index among the codes.
    Columns,
    /// Columns of codes, and of whole numbers that are as small, [`UNKNOWN`] where nothing is known.
    Codes,
    /// Columns of numbers, NaN where nothing is known.
    Amounts,
    /// Codes of [`Outcome`].
    Outcomes,
    /// Positions of personas, [`UNKNOWN`] where there are none.
    Personas,
    /// Positions of stages, [`UNKNOWN`] where there are none.
    Stages,
    Probabilities,
    /// All probabilities, rising.
    Ranked,
    /// For each band of probabilities, where it begins among the ranked ones; then the end.
    Bands,
}

/// The code of an unknown value.
pub const UNKNOWN: u8 = u8::MAX;
/// Marks a column of numbers.
pub(crate) const AMOUNT: u32 = 1 << 31;
/// How many equal bands of probabilities there are.
pub(crate) const BANDS: usize = 256;
/// Customers that a workspace may have.
pub const MOST_CUSTOMERS: usize = 16_777_215;

/// What is wrong with so many customers, if they are more than a workspace may have.
fn too_many(customers: usize) -> Option<String> {
    (customers > MOST_CUSTOMERS)
        .then(|| format!("there are {customers} customers; there may be {MOST_CUSTOMERS}"))
}

/// What is wrong with so many customers of a file, if anything is.
#[cfg(feature = "compile")]
pub(crate) fn fault_of_count(customers: usize) -> Option<String> {
    match customers {
        0 => Some("there is no customer".to_owned()),
        customers => too_many(customers),
    }
}

/// The band of a probability, 0 to 1.
pub(crate) fn band(probability: f64) -> usize {
    ((probability * BANDS as f64) as usize).min(BANDS - 1)
}

/// How many slots the table of the ids of so many customers has: more than twice as many, so that searches are short.
pub(crate) fn slots(customers: usize) -> usize {
    (2 * customers + 1).next_power_of_two()
}

/// Where the search for an id begins in a table with `slots` slots, a power of two.
pub(crate) fn slot(id: &str, slots: usize) -> usize {
    XxHash3_64::oneshot(id.as_bytes()) as usize & (slots - 1)
}

/// What became of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Is still a customer.
    Stayed = 0,
    /// Left.
    Left = 1,
    /// Not known yet.
    Unknown = 2,
}

impl Outcome {
    /// Whether the customer left, if that is known.
    pub fn left(self) -> Option<bool> {
        match self {
            Self::Stayed => Some(false),
            Self::Left => Some(true),
            Self::Unknown => None,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Stayed,
            1 => Self::Left,
            _ => Self::Unknown,
        }
    }
}

/// A column of a field.
#[derive(Clone, Copy, Debug)]
pub enum Column<'w> {
    /// Codes, or whole numbers as small; [`UNKNOWN`] where nothing is known.
    Codes(&'w [u8]),
    /// Numbers; NaN where nothing is known.
    Amounts(&'w [f64]),
}

impl Column<'_> {
    /// The same of some customers.
    pub fn of(self, customers: Range<usize>) -> Self {
        match self {
            Self::Codes(codes) => Self::Codes(&codes[customers]),
            Self::Amounts(amounts) => Self::Amounts(&amounts[customers]),
        }
    }

    /// Whether nothing is known of some customer.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::Codes(codes) => codes.contains(&UNKNOWN),
            Self::Amounts(amounts) => amounts.iter().any(|amount| amount.is_nan()),
        }
    }

    /// The code of one customer, NaN where nothing is known.
    #[inline]
    pub fn code(&self, customer: usize) -> f64 {
        match self {
            Self::Codes(codes) => match codes[customer] {
                UNKNOWN => f64::NAN,
                code => f64::from(code),
            },
            Self::Amounts(amounts) => amounts[customer],
        }
    }
}

/// The customers.
#[derive(Clone, Copy)]
pub struct Customers<'w> {
    ids: Ids<'w>,
    id_table: &'w [u32],
    columns: &'w [u32],
    codes: &'w [u8],
    amounts: &'w [f64],
    outcomes: &'w [u8],
    personas: &'w [u8],
    stages: &'w [u8],
    probabilities: &'w [f64],
    ranked: &'w [f64],
    bands: &'w [u32],
}

impl<'w> Customers<'w> {
    pub(crate) fn open(bytes: &'w [u8], schema: &Schema<'_>) -> Result<Self, WorkspaceError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let customers = Self {
            ids: Ids::new(
                sections.get(Section::Ids as usize)?,
                sections.get(Section::IdStarts as usize)?,
            ),
            id_table: sections.get(Section::IdTable as usize)?,
            columns: sections.get(Section::Columns as usize)?,
            codes: sections.get(Section::Codes as usize)?,
            amounts: sections.get(Section::Amounts as usize)?,
            outcomes: sections.get(Section::Outcomes as usize)?,
            personas: sections.get(Section::Personas as usize)?,
            stages: sections.get(Section::Stages as usize)?,
            probabilities: sections.get(Section::Probabilities as usize)?,
            ranked: sections.get(Section::Ranked as usize)?,
            bands: sections.get(Section::Bands as usize)?,
        };
        let count = customers.outcomes.len();
        if let Some(fault) = too_many(count) {
            return Err(WorkspaceError::in_part(Part::Customers, fault));
        }
        let by_customer = [
            customers.personas.len(),
            customers.stages.len(),
            customers.probabilities.len(),
            customers.ranked.len(),
        ];
        let fits = |column: &u32| match column & AMOUNT {
            0 => customers.codes.len() >= (*column as usize + 1) * count,
            _ => customers.amounts.len() >= ((column & !AMOUNT) as usize + 1) * count,
        };
        let sound = by_customer.iter().all(|length| *length == count)
            && customers.ids.len() == count
            && customers.id_table.len().is_power_of_two()
            && customers.id_table.len() > count
            && customers.columns.len() == schema.len()
            && customers.columns.iter().all(fits)
            && customers.bands.len() == BANDS + 1
            && customers.bands.is_sorted()
            && customers
                .bands
                .last()
                .is_some_and(|end| *end as usize == count);
        match sound {
            true => Ok(customers),
            false => Err(WorkspaceError::Unsound(
                "the customers and the schema do not fit",
            )),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// The id of the customer at a position.
    pub fn id(&self, customer: usize) -> &'w str {
        self.ids.get(customer)
    }

    /// The position of the customer with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        let mut slot = slot(id, self.id_table.len());
        // A table has an empty slot; a damaged one must not be searched forever.
        for _ in 0..self.id_table.len() {
            let customer = (self.id_table[slot] as usize).checked_sub(1)?;
            if customer < self.len() && self.id(customer) == id {
                return Some(customer);
            }
            slot = (slot + 1) & (self.id_table.len() - 1);
        }
        None
    }

    /// The positions of the customers whose ids begin with this.
    pub fn with_prefix(&self, prefix: &str) -> Range<usize> {
        self.ids.with_prefix(prefix)
    }

    /// The column of a field.
    #[inline]
    pub fn column(&self, field: usize) -> Column<'w> {
        let count = self.len();
        let column = self.columns[field];
        let start = (column & !AMOUNT) as usize * count;
        match column & AMOUNT {
            0 => Column::Codes(&self.codes[start..start + count]),
            _ => Column::Amounts(&self.amounts[start..start + count]),
        }
    }

    /// The code of a field of one customer, NaN where nothing is known.
    #[inline]
    pub fn code(&self, customer: usize, field: usize) -> f64 {
        self.column(field).code(customer)
    }

    /// The profile of a customer.
    pub fn profile(&self, customer: usize) -> Profile {
        Profile::from_admitted((0..self.columns.len()).map(|field| self.code(customer, field)))
    }

    /// The calibrated churn probabilities of all, 0 to 1.
    pub fn probabilities(&self) -> &'w [f64] {
        self.probabilities
    }

    /// The calibrated churn probability of one, 0 to 1.
    #[inline]
    pub fn probability(&self, customer: usize) -> f64 {
        self.probabilities[customer]
    }

    /// The calibrated churn probabilities of all, rising.
    pub fn ranked(&self) -> &'w [f64] {
        self.ranked
    }

    /// What became of a customer.
    #[inline]
    pub fn outcome(&self, customer: usize) -> Outcome {
        Outcome::from_code(self.outcomes[customer])
    }

    /// The codes of [`Outcome`] of all.
    pub fn outcomes(&self) -> &'w [u8] {
        self.outcomes
    }

    /// The positions of the personas of all; [`UNKNOWN`] where the schema has none.
    pub fn personas(&self) -> &'w [u8] {
        self.personas
    }

    /// The positions of the stages of all; [`UNKNOWN`] where the schema has none.
    pub fn stages(&self) -> &'w [u8] {
        self.stages
    }

    /// The share of the customers with a lower churn probability, times 100.
    pub fn percentile(&self, probability: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let band = band(probability);
        let alike = self.bands[band] as usize..self.bands[band + 1] as usize;
        let ranked = &self.ranked[alike.clone()];
        let below = alike.start + ranked.partition_point(|other| *other < probability);
        100.0 * below as f64 / self.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sections::{AlignedBytes, Writer};

    #[test]
    fn more_customers_than_there_may_be_are_refused_with_both_numbers() {
        let fault = "there are 16777216 customers; there may be 16777215";
        assert_eq!(too_many(MOST_CUSTOMERS), None);
        assert_eq!(too_many(MOST_CUSTOMERS + 1).as_deref(), Some(fault));
        // Nothing but their outcomes, by which customers are counted.
        let opened = |count: usize| {
            let mut writer = Writer::new(&FORMAT);
            writer.write(Section::Outcomes as usize, &vec![0_u8; count]);
            let bytes = AlignedBytes::from(&writer.finish()[..]);
            let schema = include_str!("../../../data/schema.toml");
            let schema = schema::source::compile(schema).unwrap();
            let schema = Schema::open(&schema).unwrap();
            Customers::open(&bytes, &schema)
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            opened(MOST_CUSTOMERS + 1),
            format!("the compiled workspace is damaged: customers: {fault}")
        );
        // These are not too many; all else is missing.
        assert!(opened(3).ends_with("the customers and the schema do not fit"));
    }

    #[test]
    fn files_of_customers_have_some_and_not_too_many() {
        assert_eq!(fault_of_count(0).as_deref(), Some("there is no customer"));
        assert_eq!(fault_of_count(1), None);
        assert_eq!(fault_of_count(MOST_CUSTOMERS), None);
        assert_eq!(fault_of_count(usize::MAX), too_many(usize::MAX));
        assert!(too_many(usize::MAX).is_some());
    }
}
