//! How values are spelled: what is missing, and which value of a field a text means.

use crate::fold::folded;
use schema::intake::yes_or_no;
use schema::{Field, Kind};

/// How people and programs write that nothing is known, in lower case.
const MISSING: [&str; 44] = [
    "na",
    "n/a",
    "n.a.",
    "#n/a",
    "<na>",
    "nan",
    "nat",
    "null",
    "<null>",
    "(null)",
    "[null]",
    "#null!",
    "#div/0!",
    "#value!",
    "#ref!",
    "#name?",
    "#num!",
    "n/d",
    "n.d.",
    "s/d",
    "k.a.",
    "k. a.",
    "keine angabe",
    "no data",
    "\\n",
    "none",
    "nil",
    "undefined",
    "unknown",
    "missing",
    "not available",
    "(blank)",
    "blank",
    "empty",
    "-",
    "--",
    "---",
    "–",
    "—",
    "?",
    "??",
    "???",
    ".",
    "..",
];

/// Whether a text says that nothing is known.
pub(crate) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 16 && MISSING.contains(&text.to_lowercase().as_str())
}

/// Words among these that are also values: without a schema, a column of texts may mean them.
const PERHAPS_VALUES: [&str; 6] = [
    "none",
    "undefined",
    "unknown",
    "not available",
    "blank",
    "empty",
];

/// Whether a text that says that nothing is known may also be a value of a choice.
pub(crate) fn may_be_a_value(text: &str) -> bool {
    PERHAPS_VALUES.contains(&text.trim().to_lowercase().as_str())
}

/// What a text means to a field of named values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// The value with this code.
    Code(f64),
    /// Nothing is known.
    Missing,
    /// Nothing is known, or the value that says no.
    MissingOrNo(f64),
    /// It may be the value with this code.
    Perhaps(f64),
    /// None of its values.
    Unfit,
}

/// What a text means to a field of named values.
pub(crate) fn meaning(field: Field<'_>, text: &str) -> Meaning {
    // An array or object of JSON is none of its values, whatever it holds.
    if text.starts_with(['[', '{']) {
        return Meaning::Unfit;
    }
    let wanted = folded(text);
    let mut same = codes(field, |name| !wanted.is_empty() && name == wanted);
    if let (Some(code), None) = (same.next(), same.next()) {
        return Meaning::Code(code);
    }
    if field.kind() == Kind::Flag
        && let Some(yes) = yes_or_no(text)
    {
        return Meaning::Code(f64::from(yes));
    }
    // A program that made yes and no of a whole table did so where a choice has such a value, too.
    if let (Kind::Choice, Some(yes)) = (field.kind(), yes_or_no(text))
        && text.contains(char::is_alphabetic)
    {
        let wanted = if yes { "yes" } else { "no" };
        let mut same = codes(field, |name| name == wanted);
        if let (Some(code), None) = (same.next(), same.next()) {
            return Meaning::Code(code);
        }
    }
    if is_missing(text) {
        let no = match field.kind() {
            Kind::Flag => Some(0.0),
            _ => codes(field, |name| name == "no" || name == "none").next(),
        };
        return match no {
            Some(no) if wanted == "none" => Meaning::MissingOrNo(no),
            _ => Meaning::Missing,
        };
    }
    if let Some(other) = field.other() {
        return Meaning::Code(other);
    }
    let mut similar = codes(field, |name| {
        wanted.len() >= 2 && name.starts_with(&wanted)
            || name.len() >= 4 && wanted.starts_with(name)
    });
    match (similar.next(), similar.next()) {
        (Some(code), None) => Meaning::Perhaps(code),
        _ => Meaning::Unfit,
    }
}

/// The codes of the values of which a name or spelling is one of these, folded.
fn codes<'w>(field: Field<'w>, is_one: impl Fn(&str) -> bool) -> impl Iterator<Item = f64> {
    (0..field.codes())
        .map(|code| code as f64)
        .filter(move |code| {
            let is_flag = field.kind() == Kind::Flag;
            field.value(*code).is_some_and(|value| {
                // The names of a flag are for people; the one that says what it lacks is a spelling.
                let named = !is_flag
                    || field
                        .without()
                        .is_some_and(|without| without.code() == value.code());
                let name = named.then(|| value.name());
                name.into_iter()
                    .chain(value.spelled())
                    .any(|spelled| is_one(&folded(spelled)))
            })
        })
}

/// The code of a value that a person named.
pub(crate) fn code_named(field: Field<'_>, text: &str) -> Option<f64> {
    match meaning(field, text) {
        Meaning::Code(code) => Some(code),
        Meaning::Missing => Some(f64::NAN),
        _ => (folded(text) == "missing").then_some(f64::NAN),
    }
}

/// The name under which a code is confirmed.
pub(crate) fn name_of(field: Field<'_>, code: f64) -> String {
    let without = field
        .without()
        .filter(|without| without.code() as f64 == code);
    match (field.kind(), field.value(code)) {
        (_, None) => "missing".to_owned(),
        (Kind::Flag, Some(_)) if without.is_none() => {
            if code == 1.0 { "Yes" } else { "No" }.to_owned()
        }
        (_, Some(value)) => value.name().to_owned(),
    }
}

/// How many letters must be changed, added or left out to make one text of another; `most` + 1 where there are more.
pub(crate) fn distance(one: &str, other: &str, most: usize) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > most {
        return most + 1;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()].min(most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (one, other, expected) in [
            ("kitten", "sitting", 3),
            ("", "ab", 2),
            ("tenure", "tenure", 0),
            ("tenur", "tenure", 1),
        ] {
            assert_eq!(distance(one, other, 5), expected);
        }
        assert_eq!(distance("abcdef", "a", 2), 3);
    }

    #[test]
    fn missing_values_are_known_as_people_write_them() {
        for text in ["NA", "n/a", " NaN ", "NULL", "None", "-", "?", "\\N"] {
            assert!(is_missing(text), "{text}");
        }
        for text in ["", "0", "no", "nano", "unknown to us all and everyone"] {
            assert!(!is_missing(text), "{text}");
        }
    }
}
