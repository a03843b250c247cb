//! Reads conditions on fields, of rules as of nudges.

use crate::condition::Condition;
use crate::field::{About, Field, Kind};
use crate::schema::Schema;
use toml::Value;

/// Refuses a field that says who a customer is: it decides nothing.
///
/// # Errors
/// The field's name, and why.
pub fn impersonal(schema: &Schema<'_>, name: &str) -> Result<(), String> {
    match schema.find(name) {
        Some(field) if field.about() == About::Person => Err(format!(
            "`{name}` says who a customer is; that decides nothing that is done"
        )),
        _ => Ok(()),
    }
}

/// Reads a condition on one field: a value or a list of values, or `{ above, at_least, below, at_most }` of a number.
///
/// # Errors
/// What is wrong with it.
pub fn condition(schema: &Schema<'_>, name: &str, value: &Value) -> Result<Condition, String> {
    let Some(field) = schema.find(name) else {
        let known: Vec<&str> = schema.fields().map(|field| field.name()).collect();
        return Err(format!(
            "unknown field `{name}`; the fields are {}",
            known.join(", ")
        ));
    };
    let wrong = |detail: String| format!("`{name}` {detail}");
    match field.kind() {
        Kind::Flag | Kind::Choice => {
            let wanted = match value {
                Value::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            if wanted.is_empty() {
                return Err(wrong("can never hold: the list is empty".to_owned()));
            }
            let codes: Result<Vec<usize>, String> =
                wanted.iter().map(|value| code(field, value)).collect();
            Ok(Condition::among(field.index(), codes.map_err(wrong)?))
        }
        Kind::Whole | Kind::Number | Kind::Money => within(field, value).map_err(wrong),
    }
}

/// Reads the code of a value of a flag or choice.
///
/// # Errors
/// What is wrong with it.
pub fn code(field: Field<'_>, value: &Value) -> Result<usize, String> {
    match (field.kind(), value) {
        (Kind::Flag, Value::Boolean(flag)) => Ok(usize::from(*flag)),
        (Kind::Flag, _) => Err(format!("must be true or false, got {value}")),
        _ => {
            let found = field
                .values()
                .find(|known| value.as_str() == Some(known.name()));
            found.map(|value| value.code()).ok_or_else(|| {
                let names: Vec<&str> = field.values().map(|value| value.name()).collect();
                format!("must be one of {names:?}, got {value}")
            })
        }
    }
}

fn within(field: Field<'_>, value: &Value) -> Result<Condition, String> {
    let example = "must be like { above = 3 }, with above, at_least, below or at_most";
    let Value::Table(bounds) = value else {
        return Err(format!("{example}, got {value}"));
    };
    let range = field.range();
    let (mut low, mut high) = (*range.start(), *range.end());
    for (bound, value) in bounds {
        let number = match value {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            other => return Err(format!("{bound} must be a number, got {other}")),
        };
        if !range.contains(&number) {
            return Err(format!(
                "{bound} must be between {} and {}, got {number}",
                range.start(),
                range.end()
            ));
        }
        match bound.as_str() {
            "above" => low = low.max(number.next_up()),
            "at_least" => low = low.max(number),
            "below" => high = high.min(number.next_down()),
            "at_most" => high = high.min(number),
            _ => return Err(format!("{example}, got `{bound}`")),
        }
    }
    if bounds.is_empty() {
        return Err(format!("{example}, got nothing"));
    }
    if low > high {
        return Err("can never hold: its bounds leave nothing".to_owned());
    }
    Ok(Condition::within(field.index(), low, high))
}
