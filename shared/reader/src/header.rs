//! Which column of a table stands for what.

use crate::Confirmed;
use crate::evidence::{Evidence, Uncertain};
use crate::fold::folded;
use crate::reading::Findings;
use crate::spelling::{Meaning, distance, meaning};
use schema::intake::{CUSTOMER_ID, Columns, given_twice, yes_or_no};
use schema::number::is_currency_code;
use schema::{Field, FieldError, Kind, Named, Schema};
use std::collections::HashMap;

/// Words by which the readings of a whole input are confirmed; all other keys are columns.
const KEYS: [&str; 5] = ["encoding", "delimiter", "decimal", "orient", "sheet"];

/// What a column is confirmed to be when it stands for nothing.
const OTHER: &str = "other";

/// The columns of one field, one for each of its values.
pub(crate) struct Spread {
    pub field: usize,
    pub columns: Vec<(usize, f64)>,
}

/// A name among those that the schema accepts, after folding; none where two things have it.
pub(crate) struct Names<'w> {
    schema: Schema<'w>,
    by_folded: HashMap<String, Option<Named>>,
}

impl<'w> Names<'w> {
    pub(crate) fn of(schema: Schema<'w>) -> Self {
        let mut by_folded = HashMap::new();
        for (name, named) in schema.names() {
            let entry = by_folded.entry(folded(name)).or_insert(Some(named));
            if *entry != Some(named) {
                *entry = None;
            }
        }
        by_folded.remove("");
        Self { schema, by_folded }
    }

    /// Whether a unit is the one of a field. Another one would be another number.
    fn is_unit_of(&self, named: Named, unit: &str) -> bool {
        let Named::Field(field) = named else {
            return false;
        };
        let field = self.schema.field(field);
        let unit = unit.trim().to_lowercase();
        match field.kind() {
            Kind::Money => {
                let sign = self.schema.currency_sign().trim();
                unit == sign.to_lowercase() || unit == self.schema.currency().to_lowercase()
            }
            _ => field
                .unit()
                .is_some_and(|one| unit == one || unit == format!("{one}s")),
        }
    }

    /// What a name stands for, and whether it is written exactly as the schema has it. Of a path, the last names count.
    pub(crate) fn named(&self, name: &str) -> Option<(Named, bool)> {
        if let Some(named) = self.schema.named(name) {
            return Some((named, true));
        }
        let mut path = name;
        loop {
            if let Some(found) = self.by_folded.get(&folded(path)) {
                return found.map(|named| (named, false));
            }
            if let Some((name, unit)) = with_unit(path)
                && let Some(Some(named)) = self.by_folded.get(&folded(name))
                && self.is_unit_of(*named, unit)
            {
                return Some((*named, false));
            }
            path = path.split_once('.')?.1;
        }
    }
}

/// Whether a name may be that of a field, its values, the id or the outcome, written in any way.
pub(crate) fn may_be_known(names: &Names<'_>, name: &str) -> bool {
    let text = folded(name);
    let begins = |field: &Field<'_>| {
        let mut prefixes = [field.name(), field.column()].into_iter().map(folded);
        prefixes.any(|prefix| text.starts_with(&prefix))
    };
    names.named(name).is_some()
        || (names.schema.fields()).any(|field| begins(&field) || is_similar(field, name))
}

/// A name and the unit behind it: in brackets, or as the code of a currency.
fn with_unit(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some(inner) = name.strip_suffix(close) {
            return inner.rsplit_once(open);
        }
    }
    let (rest, code) = name.split_at_checked(name.len().checked_sub(3)?)?;
    let is_apart = rest.ends_with([' ', '_', '-', ',', '/']);
    (is_apart && is_currency_code(&code.to_uppercase())).then_some((rest, code))
}

/// Finds out which column stands for what.
pub(crate) fn placed(
    schema: &Schema<'_>,
    names: &[String],
    confirmed: &Confirmed,
    is_json: bool,
    rows: u64,
    columns: &mut Columns,
    findings: &mut Findings,
) -> Vec<Spread> {
    let known = Names::of(*schema);
    for key in confirmed.keys() {
        if !KEYS.contains(&key)
            && !names.iter().any(|name| name == key)
            && schema.named(key).is_none()
        {
            findings.fault(FieldError {
                pointer: String::new(),
                detail: format!(
                    "is confirmed to be read with {key:?}, which is neither a column nor one of {}",
                    KEYS.join(", ")
                ),
            });
        }
    }
    // What is confirmed comes first, then exact names, then what is alike.
    let mut free = Vec::new();
    for (column, name) in names.iter().enumerate() {
        match confirmed.get(name).filter(|value| !value.contains('=')) {
            Some(OTHER) => {}
            Some(value) => match schema.named(value) {
                Some(named) => {
                    if columns.place(named, column).is_some() {
                        findings.fault(FieldError::new(
                            name,
                            format!("is confirmed to be {value}, and so is another column"),
                        ));
                    }
                    findings
                        .evidence
                        .push(Evidence::of_column(name, format!("is {value}"), rows));
                }
                None => findings.fault(FieldError::new(
                    name,
                    format!("is confirmed to be {value:?}, which is no field"),
                )),
            },
            // In JSON the id has one key, whatever it is called in files.
            None if is_json && name == CUSTOMER_ID => {
                free.push((column, name.as_str(), Some((Named::Id, true))))
            }
            None => free.push((column, name.as_str(), known.named(name))),
        }
    }
    for (column, name, named) in &free {
        if let Some((named, true)) = named
            && let Some(before) = columns.place(*named, *column)
        {
            findings.plain_fault(given_twice(name, &names[before]));
        }
    }
    let mut alike: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut others = Vec::new();
    for (column, name, named) in free {
        match named {
            Some((_, true)) => {}
            Some((named, false)) if columns.column(named).is_none() => {
                columns.place(named, column);
                alike.insert(column, vec![column]);
                findings.evidence.push(Evidence::of_column(
                    name,
                    format!("is {}", called(schema, named)),
                    rows,
                ));
            }
            Some((named, false)) => {
                let before = columns.column(named).unwrap_or(column);
                match alike.get_mut(&before) {
                    Some(columns) => columns.push(column),
                    // A name that is written exactly goes before one that is alike.
                    None => others.push(column),
                }
            }
            None => others.push(column),
        }
    }
    for columns in alike.values().filter(|columns| columns.len() > 1) {
        let listed: Vec<&str> = columns
            .iter()
            .map(|column| names[*column].as_str())
            .collect();
        let Some((named, _)) = known.named(listed[0]) else {
            continue;
        };
        for (name, other) in [(listed[0], listed[1]), (listed[1], listed[0])] {
            findings.uncertain(Uncertain {
                column: Some(name.to_owned()),
                detail: format!("may be {}, and so may {other}", called(schema, named)),
                key: name.to_owned(),
                values: vec![called(schema, named).to_owned(), OTHER.to_owned()],
            });
        }
    }
    let missing: Vec<Field<'_>> = schema
        .fields()
        .filter(|field| columns.column(Named::Field(field.index())).is_none())
        .collect();
    let spread = spread(&missing, names, &mut others);
    for field in &missing {
        if spread.iter().any(|spread| spread.field == field.index())
            || !(field.required() || field.for_model())
        {
            continue;
        }
        let similar = others
            .iter()
            .map(|column| names[*column].as_str())
            .find(|name| is_similar(*field, name));
        if let Some(name) = similar {
            findings.uncertain(Uncertain {
                column: Some(name.to_owned()),
                detail: format!("may be {}", field.name()),
                key: name.to_owned(),
                values: vec![field.name().to_owned(), OTHER.to_owned()],
            });
        } else if field.required() && !is_json {
            findings.plain_fault(FieldError::new(
                field.column(),
                "is a column that the header lacks",
            ));
        } else if !field.required() && !is_json {
            let reading = "is missing; the model takes its branch for missing values";
            findings
                .missing
                .push(Evidence::of_column(field.column(), reading, rows));
        }
    }
    if !missing.is_empty()
        && missing.len() == schema.len()
        && spread.is_empty()
        && !is_json
        && !findings.has_faults()
    {
        let listed: Vec<&str> = schema
            .fields()
            .take(3)
            .map(|field| field.column())
            .collect();
        let detail = format!(
            "has no column that is a field's, such as {}",
            listed.join(", ")
        );
        findings.fault(FieldError {
            pointer: String::new(),
            detail,
        });
    }
    if is_json {
        for column in others {
            findings.warnings.push(Evidence::of_column(
                &names[column],
                "is no field and is left out",
                rows,
            ));
        }
    }
    spread
}

fn called<'w>(schema: &Schema<'w>, named: Named) -> &'w str {
    match named {
        Named::Field(field) => schema.field(field).name(),
        Named::Id => schema.id_name(),
        Named::Outcome => schema.outcome_name().unwrap_or_default(),
    }
}

/// Letters of a name that says something where it is the beginning or end of another.
const SHORTEST_WITHIN: usize = 6;

/// Whether a name is one of a field's with a slip of the finger in it, or with more before or behind it.
fn is_similar(field: Field<'_>, name: &str) -> bool {
    let name = folded(name);
    let mut names = [field.name(), field.column()].into_iter().map(folded);
    names.any(|wanted| {
        let most = wanted.chars().count() / 5;
        let is_within = wanted.len() >= SHORTEST_WITHIN
            && (name.starts_with(&wanted) || name.ends_with(&wanted));
        name != wanted && (is_within || distance(&name, &wanted, most) <= most)
    })
}

/// The fields that are spread over columns, which are taken out of the others.
fn spread(missing: &[Field<'_>], names: &[String], others: &mut Vec<usize>) -> Vec<Spread> {
    let mut found: Vec<Spread> = Vec::new();
    others.retain(|column| {
        let name = folded(&names[*column]);
        let candidates = missing.iter().filter(|field| field.kind().is_named());
        let mut of_value = candidates.filter_map(|field| {
            let prefixes = [field.name(), field.column()].into_iter().map(folded);
            let mut values =
                prefixes.filter_map(|prefix| value_of(*field, name.strip_prefix(&prefix)?));
            Some((field.index(), values.next()?))
        });
        let (Some((field, code)), None) = (of_value.next(), of_value.next()) else {
            return true;
        };
        match found.iter_mut().find(|spread| spread.field == field) {
            Some(spread) => spread.columns.push((*column, code)),
            None => found.push(Spread {
                field,
                columns: vec![(*column, code)],
            }),
        }
        false
    });
    found
}

fn value_of(field: Field<'_>, text: &str) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    match (field.kind(), yes_or_no(text)) {
        (Kind::Flag, Some(yes)) => Some(f64::from(yes)),
        _ => match meaning(field, text) {
            Meaning::Code(code) if field.other() != Some(code) => Some(code),
            _ => None,
        },
    }
}
