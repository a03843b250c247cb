//! Files about customers who are known already: their ids alone, or what became of them.

use crate::evidence::Evidence;
use crate::fold::folded;
use crate::header::Names;
use crate::reading::{left_of, meant};
use crate::spelling::is_missing;
use crate::tally::{Tally, quoted};
use crate::{Confirmed, Row, Table, TableError, profiles};
use schema::intake::{CUSTOMER_ID, Columns, yes_or_no};
use schema::{FieldError, FieldErrors, Named, Schema};

/// The column that says whether a customer left, unless it has the name of the schema's outcome.
const LEFT: &str = "left";
/// The column that says whether a customer was reached.
const CONTACTED: &str = "contacted";
/// The columns of a list of nudges that are read when it comes back with outcomes.
const ARM: &str = "arm";
const NUDGE: &str = "nudge";
const PROBABILITY: &str = "probability";
const COST: &str = "cost";

/// A customer in a file, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// The id, without blanks at its ends.
    pub id: String,
    /// Whether the customer left, where that is known.
    pub left: Option<bool>,
    /// Whether the customer was reached. A blank says no.
    pub contacted: bool,
    /// The arm that the customer was listed in, as it is written.
    pub arm: Option<String>,
    /// The nudge that was chosen for the customer.
    pub nudge: Option<String>,
    /// The churn probability when the customer was listed, 0 to 1.
    pub probability: Option<f64>,
    /// What the contact costs, 0 or more.
    pub cost: Option<f64>,
}

/// Customers in a file, and how it was read.
#[derive(Debug, Default)]
pub struct Members {
    /// The customers, in the file's order.
    pub members: Vec<Member>,
    /// Whether the file says who was reached.
    pub says_contacted: bool,
    /// What was read in another way than it was written.
    pub evidence: Vec<Evidence>,
}

/// Why a file has no customers.
#[derive(Debug)]
pub enum MembersError {
    /// It is no table.
    Table(TableError),
    /// What is wrong, by columns or by rows.
    Invalid(FieldErrors),
}

impl From<TableError> for MembersError {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

/// Where the columns are.
struct Places {
    id: usize,
    left: Option<usize>,
    contacted: Option<usize>,
    arm: Option<usize>,
    nudge: Option<usize>,
    probability: Option<usize>,
    cost: Option<usize>,
}

impl Members {
    /// The ids in a file: in the column of ids, or in the only column, whatever its name. `is_customer` tells whether the header of
    /// such a column is an id itself.
    ///
    /// # Errors
    /// See [`MembersError`].
    pub fn ids(
        schema: &Schema<'_>,
        bytes: &[u8],
        confirmed: &Confirmed,
        is_customer: &dyn Fn(&str) -> bool,
    ) -> Result<Self, MembersError> {
        let table = profiles::table(schema, bytes, confirmed)?;
        let mut read = Self {
            evidence: table.evidence().to_vec(),
            ..Self::default()
        };
        let id = match (id_column(schema, &table, confirmed), table.columns()) {
            (Some(id), _) => id,
            (None, [only]) => {
                let reading = match is_customer(only) {
                    true => {
                        read.members.push(Member {
                            id: only.clone(),
                            ..Member::default()
                        });
                        "the first line is an id and no header".to_owned()
                    }
                    false => format!("is {}", schema.id_name()),
                };
                read.evidence.push(Evidence::of_column(only, reading, 1));
                0
            }
            (None, _) => return Err(lacks(schema.id_name())),
        };
        read.rows(schema, &table, &Places::of_ids(id))?;
        Ok(read)
    }

    /// Ids and outcomes in a file: `left` (or the schema's outcome), optionally `contacted`, and what a list of nudges says of the
    /// customers.
    ///
    /// # Errors
    /// See [`MembersError`].
    pub fn outcomes(
        schema: &Schema<'_>,
        bytes: &[u8],
        confirmed: &Confirmed,
    ) -> Result<Self, MembersError> {
        let table = profiles::table(schema, bytes, confirmed)?;
        let named = |wanted: &str| column(&table, confirmed, wanted, |_| false);
        let names = Names::of(*schema);
        let outcome = |name: &str| stands_for(&names, name, Named::Outcome);
        let left = named(LEFT).or_else(|| column(&table, confirmed, LEFT, outcome));
        let mut errors = FieldErrors::default();
        let id = id_column(schema, &table, confirmed);
        for (found, name) in [(id, schema.id_name()), (left, LEFT)] {
            if found.is_none() {
                errors.push(FieldError::new(name, LACKED));
            }
        }
        let Some(id) = id else {
            return Err(MembersError::Invalid(errors));
        };
        errors.unless_any(()).map_err(MembersError::Invalid)?;
        let places = Places {
            left,
            contacted: named(CONTACTED),
            arm: named(ARM),
            nudge: named(NUDGE),
            probability: named(PROBABILITY),
            cost: named(COST),
            ..Places::of_ids(id)
        };
        let mut read = Self {
            says_contacted: places.contacted.is_some(),
            evidence: table.evidence().to_vec(),
            ..Self::default()
        };
        read.rows(schema, &table, &places)?;
        Ok(read)
    }

    fn rows(
        &mut self,
        schema: &Schema<'_>,
        table: &Table<'_>,
        places: &Places,
    ) -> Result<(), MembersError> {
        let columns = Columns::unplaced(schema, table.columns().iter().cloned());
        let mut errors = FieldErrors::default();
        let mut spellings = Tally::default();
        let mut rows = table.rows();
        for index in 0_usize.. {
            let Some(row) = rows.next_row() else {
                break;
            };
            // What is there beside the customers refuses none of them.
            if let Some(aside) = row.aside() {
                let reading = format!("a row that {} and is no customer", aside.fault());
                self.evidence.push(Evidence::of_input(reading, 1));
                continue;
            }
            errors.within(index, |errors| {
                let member = places.member(schema, table, &columns, &row, &mut spellings, errors);
                self.members.extend(member);
            });
        }
        let left = places.left.map_or("", |left| &table.columns()[left]);
        for (reading, count) in spellings.texts {
            self.evidence
                .push(Evidence::of_column(left, reading, count));
        }
        errors.unless_any(()).map_err(MembersError::Invalid)
    }
}

impl Places {
    fn of_ids(id: usize) -> Self {
        Self {
            id,
            left: None,
            contacted: None,
            arm: None,
            nudge: None,
            probability: None,
            cost: None,
        }
    }

    fn member(
        &self,
        schema: &Schema<'_>,
        table: &Table<'_>,
        columns: &Columns,
        row: &Row<'_>,
        spellings: &mut Tally,
        errors: &mut FieldErrors,
    ) -> Option<Member> {
        if let Some(fault) = &row.fault {
            errors.push(FieldError {
                pointer: String::new(),
                detail: fault.clone(),
            });
            return None;
        }
        let before = errors.count();
        let cell = |column: Option<usize>| {
            let text = row.cell(column?)?.trim();
            (!text.is_empty()).then_some(text)
        };
        let mut refuse = |column: Option<usize>, detail: String| {
            let name = column.map_or("", |column| &table.columns()[column]);
            errors.push(FieldError::new(name, detail));
        };
        let id = cell(Some(self.id));
        if id.is_none() {
            refuse(Some(self.id), "is blank".to_owned());
        }
        let left = cell(self.left).and_then(|text| match columns.outcome_of(schema, text) {
            Ok(left) => left,
            Err(unfit) => match left_of(schema, text) {
                Some(left) => {
                    if yes_or_no(text).is_none() {
                        spellings.add(&format!("{} is {}", quoted(text), meant(left)));
                    }
                    left
                }
                None => {
                    refuse(self.left, unfit.to_string());
                    None
                }
            },
        });
        let contacted = cell(self.contacted).is_some_and(|text| match yes_or_no(text) {
            Some(yes) => yes,
            // As people tick off a list.
            None if folded(text) == "x" => true,
            None if is_missing(text) => false,
            None => {
                refuse(
                    self.contacted,
                    format!("must be yes, no or blank, got {}", quoted(text)),
                );
                false
            }
        });
        let mut number = |column: Option<usize>, most: f64, wanted: &str| {
            let text = cell(column)?;
            let number = text.parse().ok();
            let number = number.filter(|number| (0.0..=most).contains(number));
            if number.is_none() {
                refuse(column, format!("must be {wanted}, got {}", quoted(text)));
            }
            number
        };
        let probability = number(self.probability, 1.0, "a number between 0 and 1");
        let cost = number(self.cost, f64::MAX, "a number of 0 or more");
        let [arm, nudge] = [self.arm, self.nudge].map(|column| cell(column).map(str::to_owned));
        (errors.count() == before).then(|| Member {
            id: id.unwrap_or_default().to_owned(),
            left,
            contacted,
            arm,
            nudge,
            probability,
            cost,
        })
    }
}

/// What is said of a column that is not there.
const LACKED: &str = "is a column that the header lacks";

fn lacks(name: &str) -> MembersError {
    MembersError::Invalid(FieldErrors::one(FieldError::new(name, LACKED)))
}

/// The column that is confirmed to be of this name, or has it, or of which something else says that it is meant.
fn column(
    table: &Table<'_>,
    confirmed: &Confirmed,
    wanted: &str,
    is_meant: impl Fn(&str) -> bool,
) -> Option<usize> {
    let mut names = table.columns().iter();
    let is_confirmed = |name: &String| confirmed.get(name).is_some_and(|to| to == wanted);
    names.clone().position(is_confirmed).or_else(|| {
        let free = |name: &&String| confirmed.get(name).is_none_or(|to| to.contains('='));
        names.position(|name| free(&name) && (folded(name) == folded(wanted) || is_meant(name)))
    })
}

fn stands_for(names: &Names<'_>, name: &str, wanted: Named) -> bool {
    names.named(name).is_some_and(|(named, _)| named == wanted)
}

fn id_column(schema: &Schema<'_>, table: &Table<'_>, confirmed: &Confirmed) -> Option<usize> {
    let names = Names::of(*schema);
    let is_id = |name: &str| stands_for(&names, name, Named::Id);
    column(table, confirmed, schema.id_name(), is_id)
        .or_else(|| column(table, confirmed, CUSTOMER_ID, is_id))
}
