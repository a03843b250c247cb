//! Profiles in JSON that is not as the schema has it.

use crate::header::Names;
use crate::{Confirmed, Evidence, Needed, Reading, Table, TableError, text};
use schema::intake::{MOST_PROFILES, Submission};
use schema::{FieldError, FieldErrors, Named, Schema};

/// Profiles, and how they were read.
#[derive(Debug)]
pub struct Profiles {
    /// The profiles, in their order.
    pub submissions: Vec<Submission>,
    /// Whether it is one, and not a list of one.
    pub is_single: bool,
    /// What was read in another way than it was written.
    pub evidence: Vec<Evidence>,
    /// What was read and is perhaps not what was meant.
    pub warnings: Vec<Evidence>,
}

/// Why there are no profiles.
#[derive(Debug)]
pub enum ProfilesError {
    /// It is no table.
    Table(TableError),
    /// A reader of exact names and values finds the same faults.
    Plain,
    /// What is wrong, by columns or by rows.
    Invalid(FieldErrors),
}

/// Whether exact names and values are not enough to tell that a table is read as it was meant: a value may stand for all that are not
/// named, or a row may lack everything.
pub fn must_look(schema: &Schema<'_>) -> bool {
    schema.fields().any(|field| field.other().is_some())
        || !schema.fields().any(|field| field.required())
}

/// The table in bytes of a plain text, where the names of a schema's fields are expected.
///
/// # Errors
/// See [`TableError`].
pub fn table<'b>(
    schema: &Schema<'_>,
    bytes: &'b [u8],
    confirmed: &Confirmed,
) -> Result<Table<'b>, TableError> {
    // What a few compressed bytes hold may be too large for a request, whatever else the program reads.
    if let Some(what) = text::unread(bytes) {
        return Err(TableError::Unread(what));
    }
    Table::read(bytes, confirmed, &is_known(schema))
}

/// Whether a name is one that a schema's fields, id or outcome may have.
pub fn is_known(schema: &Schema<'_>) -> impl Fn(&str) -> bool {
    let names = Names::of(*schema);
    move |name| names.named(name).is_some()
}

impl Profiles {
    /// The profiles in JSON of any shape: all of them, or what is wrong.
    ///
    /// # Errors
    /// See [`ProfilesError`].
    pub fn read(
        schema: &Schema<'_>,
        bytes: &[u8],
        confirmed: &Confirmed,
    ) -> Result<Self, ProfilesError> {
        let table = table(schema, bytes, confirmed).map_err(ProfilesError::Table)?;
        if !table.is_json() {
            return Err(ProfilesError::Plain);
        }
        let is_single = table.is_single();
        let needed = match is_single {
            true => Needed::All,
            false => Needed::ByModel,
        };
        let reading = Reading::of(schema, &table, confirmed, needed);
        let refused = |errors| match reading.is_plain {
            true => Err(ProfilesError::Plain),
            false => Err(ProfilesError::Invalid(errors)),
        };
        if reading.rows > MOST_PROFILES as u64 {
            return Err(ProfilesError::Invalid(FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: format!(
                    "must hold at most {MOST_PROFILES} profiles, got {}; send CSV for more",
                    reading.rows
                ),
            })));
        }
        // An array that should be a value is named by a reader of exact values.
        let mut fields =
            (0..schema.len()).filter_map(|field| reading.columns.column(Named::Field(field)));
        if fields.any(|column| table.is_nested(column)) {
            return Err(ProfilesError::Plain);
        }
        if !reading.faults.is_empty() {
            return refused(reading.faults);
        }
        let mut errors = FieldErrors::default();
        let mut asides = FieldErrors::default();
        let mut submissions = Vec::new();
        let mut rows = table.rows();
        for index in 0_usize.. {
            let Some(row) = rows.next_row() else {
                break;
            };
            // A member that is given twice is named by a reader of exact names.
            if row.fault.is_some() && row.aside().is_none() {
                return Err(ProfilesError::Plain);
            }
            // What is there beside the profiles refuses none of them.
            let errors = match row.aside().is_some() {
                true => &mut asides,
                false => &mut errors,
            };
            let mut read = |errors: &mut FieldErrors| match &row.fault {
                Some(fault) => errors.push(FieldError {
                    pointer: String::new(),
                    detail: fault.clone(),
                }),
                None => submissions.extend(reading.columns.submission_in(
                    schema,
                    |column| row.cell(column),
                    errors,
                )),
            };
            match is_single {
                true => read(errors),
                false => errors.within(index, read),
            }
        }
        if submissions.is_empty() {
            errors.append(asides);
        }
        if !errors.is_empty() {
            return refused(errors);
        }
        if is_single && submissions.is_empty() {
            return Err(ProfilesError::Plain);
        }
        Ok(Self {
            submissions,
            is_single,
            evidence: reading.evidence,
            warnings: reading.warnings,
        })
    }
}
