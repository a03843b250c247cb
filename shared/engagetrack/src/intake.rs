//! Profiles from the outside, as JSON or as a row of a CSV file, in our spelling or in Telco's.
//!
//! Everything that is wrong with an input is reported at once.

use crate::customer::{Profile, Status};
use crate::encoding::{self, FIELDS, Kind};
use crate::error::{FieldError, FieldErrors, echoed, is_deceptive};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;
use std::str::Utf8Error;

/// A JSON document that keeps the members of an object as they were written, repeated ones included.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// Values that one JSON document may hold, or one element where the document is an array of profiles. The tree of a value
/// takes many times its text, so its size must not follow that of the body.
const MOST_VALUES: usize = 1_000;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut room = MOST_VALUES;
        AnyJson { room: &mut room }.deserialize(deserializer)
    }
}

/// Reads any JSON as long as there is room for its values.
struct AnyJson<'r> {
    room: &'r mut usize,
}

impl<'de> DeserializeSeed<'de> for AnyJson<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        *self.room = self.room.checked_sub(1).ok_or_else(|| {
            de::Error::custom(format_args!(
                "is one value too many: there may be {MOST_VALUES}"
            ))
        })?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyJson<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(AnyJson { room: self.room })? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(name) = members.next_key()? {
            object.push((name, members.next_value_seed(AnyJson { room: self.room })?));
        }
        Ok(Json::Object(object))
    }
}

/// A value of a field before it is understood.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Raw<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(&'a str),
    Nested(&'static str),
}

impl<'a> From<&'a Json> for Raw<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Raw::Null,
            Json::Bool(value) => Raw::Bool(*value),
            Json::Number(value) => Raw::Number(*value),
            Json::Text(value) => Raw::Text(value),
            Json::Array(_) => Raw::Nested("an array"),
            Json::Object(_) => Raw::Nested("an object"),
        }
    }
}

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Null => f.write_str("null"),
            Raw::Bool(value) => write!(f, "{value}"),
            Raw::Number(value) => write!(f, "{value}"),
            Raw::Nested(what) => f.write_str(what),
            Raw::Text(text) => Quoted(text).fmt(f),
        }
    }
}

/// Text as an error quotes it: its beginning, with anything that is not printable escaped.
pub(crate) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(40) {
            None => f.write_str(&echoed(&format!("{:?}", self.0))),
            Some((end, _)) => write!(f, "{}…", echoed(&format!("{:?}", &self.0[..end]))),
        }
    }
}

/// A number, from a number or from decimal text.
fn number(raw: Raw<'_>) -> Option<f64> {
    match raw {
        Raw::Number(value) => Some(value),
        Raw::Text(text) => {
            let decimal = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            text.parse().ok().filter(|_| decimal)
        }
        _ => None,
    }
}

/// The code of a yes or no, in any spelling.
fn flag(raw: Raw<'_>) -> Option<f64> {
    match raw {
        Raw::Bool(value) => Some(f64::from(value)),
        Raw::Number(value) if value == 0.0 || value == 1.0 => Some(value),
        Raw::Text("No" | "0" | "false") => Some(0.0),
        Raw::Text("Yes" | "1" | "true") => Some(1.0),
        _ => None,
    }
}

/// A value that its field can't hold. It is put into words only where it is shown: most errors of a large file are counted
/// and no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfit<'a> {
    wanted: Wanted,
    got: Raw<'a>,
}

/// What a value should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    OneOf(&'static [&'static str]),
    Flag,
    Dependent(&'static str),
    Number,
    UpTo(f64),
    Whole,
    Outcome,
}

impl fmt::Display for Unfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let got = self.got;
        match self.wanted {
            Wanted::OneOf(names) => write!(f, "must be one of {}; got {got}", quoted(names)),
            Wanted::Flag => write!(f, "must be true or false, got {got}"),
            Wanted::Dependent(impossible) => {
                write!(f, "must be true, false or {impossible:?}, got {got}")
            }
            Wanted::Number => write!(f, "must be a number, got {got}"),
            Wanted::UpTo(limit) => write!(f, "must be between 0 and {limit}, got {got}"),
            Wanted::Whole => write!(f, "must be a whole number, got {got}"),
            Wanted::Outcome => write!(f, "must be \"Yes\", \"No\" or null, got {got}"),
        }
    }
}

/// A field's code, NaN when nothing is given, or what is wrong.
fn code<'a>(kind: Kind, raw: Raw<'a>) -> Result<f64, Unfit<'a>> {
    let got = match raw {
        Raw::Text(text) => Raw::Text(text.trim_ascii()),
        other => other,
    };
    if matches!(got, Raw::Null | Raw::Text("")) {
        return Ok(f64::NAN);
    }
    let unfit = |wanted| Unfit { wanted, got };
    let ranged = |limit: f64| {
        let value = number(got).ok_or(unfit(Wanted::Number))?;
        match (0.0..=limit).contains(&value) {
            true => Ok(value),
            false => Err(unfit(Wanted::UpTo(limit))),
        }
    };
    match kind {
        Kind::Flag => flag(got).ok_or(unfit(Wanted::Flag)),
        Kind::Dependent(impossible) => match got {
            Raw::Text(text) if text == impossible => Ok(encoding::IMPOSSIBLE),
            _ => flag(got).ok_or(unfit(Wanted::Dependent(impossible))),
        },
        Kind::Choice(names) => match got {
            Raw::Text(text) => names.iter().position(|name| *name == text),
            _ => None,
        }
        .map(|position| position as f64)
        .ok_or(unfit(Wanted::OneOf(names))),
        Kind::Dollars(limit) => ranged(limit),
        Kind::Whole(limit) => match ranged(limit)? {
            value if value.fract() == 0.0 => Ok(value),
            _ => Err(unfit(Wanted::Whole)),
        },
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}

/// A profile as somebody sent it, with the id they gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The sender's id for the customer, echoed and never looked up.
    pub customer_id: Option<String>,
    /// The profile.
    pub profile: Profile,
    /// Left where Telco's outcome came with the profile and says so, otherwise active.
    pub status: Status,
}

/// Names under which a customer's id is accepted, ours and Telco's.
const ID_NAMES: [&str; 2] = ["customer_id", "customerID"];
/// Names under which the outcome is accepted, ours and Telco's, so that a customer's row can be sent as it is. It decides the status
/// and nothing else.
const OUTCOME_NAMES: [&str; 2] = ["churned", "Churn"];
const LONGEST_ID: usize = 64;

/// A value that is no customer's id.
#[derive(Clone, Copy, Debug, PartialEq)]
struct UnfitId<'a>(Raw<'a>);

impl fmt::Display for UnfitId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "must be text of at most {LONGEST_ID} characters without control or bidirectional characters, got {}",
            self.0
        )
    }
}

/// A customer's id, if one is given.
fn customer_id(raw: Raw<'_>) -> Result<Option<&str>, UnfitId<'_>> {
    match raw {
        Raw::Null => Ok(None),
        Raw::Text(text)
            if text.chars().nth(LONGEST_ID).is_none() && !text.chars().any(is_deceptive) =>
        {
            Ok(Some(text).filter(|id| !id.is_empty()))
        }
        _ => Err(UnfitId(raw)),
    }
}

/// Whether the customer left, if that is known.
fn outcome(got: Raw<'_>) -> Result<Option<bool>, Unfit<'_>> {
    match got {
        Raw::Null => Ok(None),
        Raw::Text(text) if text.trim().is_empty() => Ok(None),
        _ => flag(got).map(|left| Some(left == 1.0)).ok_or(Unfit {
            wanted: Wanted::Outcome,
            got,
        }),
    }
}

/// The code of a field's value in JSON, NaN when it is null.
///
/// # Errors
/// What is wrong with it.
pub fn json_code(kind: Kind, json: &Json) -> Result<f64, Unfit<'_>> {
    code(kind, Raw::from(json))
}

fn field_named(name: &str) -> Option<usize> {
    FIELDS
        .iter()
        .position(|field| field.name == name || field.column == name)
}

/// Reads one profile from a JSON object.
///
/// # Errors
/// Everything that is wrong with it, each with a pointer to the member as it was written.
pub fn from_json(json: &Json) -> Result<Submission, FieldErrors> {
    let mut errors = FieldErrors::default();
    submission(json, &mut errors).ok_or(errors)
}

/// Reads one profile from a JSON object, unless something is wrong with it.
fn submission(json: &Json, errors: &mut FieldErrors) -> Option<Submission> {
    let Json::Object(members) = json else {
        errors.push(FieldError {
            pointer: String::new(),
            detail: format!("must be a profile, a JSON object; got {}", Raw::from(json)),
        });
        return None;
    };
    let before = errors.count();
    let mut codes = [f64::NAN; FIELDS.len()];
    let mut written: [Option<&str>; FIELDS.len()] = [None; FIELDS.len()];
    let mut refused = [false; FIELDS.len()];
    let mut id = None;
    let mut id_written: Option<&str> = None;
    let mut left = None;
    let mut outcome_written: Option<&str> = None;
    for (name, value) in members {
        let raw = Raw::from(value);
        if ID_NAMES.contains(&name.as_str()) {
            match (id_written.replace(name), customer_id(raw)) {
                (Some(before), _) => errors.push(given_twice(name, before)),
                (None, Err(unfit)) => errors.add(name, unfit),
                (None, Ok(given)) => id = given,
            }
        } else if let Some(position) = field_named(name) {
            if let Some(before) = written[position].replace(name) {
                errors.push(given_twice(name, before));
                continue;
            }
            match code(FIELDS[position].kind, raw) {
                Ok(code) => codes[position] = code,
                Err(unfit) => {
                    refused[position] = true;
                    errors.add(name, unfit);
                }
            }
        } else if OUTCOME_NAMES.contains(&name.as_str()) {
            match (outcome_written.replace(name), outcome(raw)) {
                (Some(before), _) => errors.push(given_twice(name, before)),
                (None, Err(unfit)) => errors.add(name, unfit),
                (None, Ok(known)) => left = known,
            }
        } else {
            errors.add(name, UnknownField);
        }
    }
    let name = |position: usize| written[position].unwrap_or(FIELDS[position].name);
    finish(&codes, &refused, before, errors, name).map(|profile| Submission {
        customer_id: id.map(str::to_owned),
        profile,
        status: Status::of_outcome(left),
    })
}

/// The error of a member that a profile has not.
struct UnknownField;

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is unknown; the fields are customer_id")?;
        FIELDS
            .iter()
            .try_for_each(|field| write!(f, ", {}", field.name))
    }
}

/// Profiles that one array may hold.
pub const MOST_PROFILES: usize = 1_000;

/// Profiles from a JSON array, or everything that is wrong with them, each with a pointer such as `/17/tenure_months`.
///
/// They are read one by one, so that no more of the document than one element is in memory.
#[derive(Debug)]
pub struct Submissions(pub Result<Vec<Submission>, FieldErrors>);

impl<'de> Deserialize<'de> for Submissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Submissions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of profiles")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<Submissions, A::Error> {
                let mut submissions = Vec::new();
                let mut errors = FieldErrors::default();
                for index in 0..MOST_PROFILES {
                    let Some(json) = elements.next_element::<Json>()? else {
                        return Ok(Submissions(errors.unless_any(submissions)));
                    };
                    let read = errors.within(index, |errors| submission(&json, errors));
                    submissions.extend(read);
                }
                let mut beyond = 0;
                while elements.next_element::<IgnoredAny>()?.is_some() {
                    beyond += 1;
                }
                if beyond > 0 {
                    errors = FieldErrors::one(FieldError {
                        pointer: String::new(),
                        detail: format!(
                            "must hold at most {MOST_PROFILES} profiles, got {}; send CSV for more",
                            MOST_PROFILES + beyond
                        ),
                    });
                }
                Ok(Submissions(errors.unless_any(submissions)))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// The error of a member that is given twice, under one name or under two.
pub fn given_twice(name: &str, before: &str) -> FieldError {
    let detail = match name == before {
        true => "is given twice".to_owned(),
        false => format!("is given twice, as {before} and as {name}"),
    };
    FieldError::new(name, detail)
}

/// The profile, unless errors were added after the first so many or show between its fields.
fn finish<'n>(
    codes: &[f64; FIELDS.len()],
    refused: &[bool; FIELDS.len()],
    before: usize,
    errors: &mut FieldErrors,
    name: impl Fn(usize) -> &'n str,
) -> Option<Profile> {
    match encoding::profile(codes) {
        Ok(profile) => (errors.count() == before).then_some(profile),
        Err(between) => {
            // A value that was refused has already been reported; it is not also missing.
            for (position, detail) in between {
                if !refused[position] {
                    errors.add(name(position), detail);
                }
            }
            None
        }
    }
}

/// Columns that a CSV file may have.
pub const MOST_COLUMNS: usize = 1_000;

/// Where the fields of a profile stand in a CSV file.
#[derive(Clone, Debug)]
pub struct Columns {
    names: Vec<String>,
    fields: [Option<usize>; FIELDS.len()],
    id: Option<usize>,
    outcome: Option<usize>,
}

impl Columns {
    /// Finds the fields in a header, in any order, under our names or Telco's. Other columns are let be.
    ///
    /// # Errors
    /// Each field that every profile needs and the header lacks, and each that stands there twice.
    pub fn from_header<'h>(
        header: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut columns = Self {
            names: Vec::new(),
            fields: [None; FIELDS.len()],
            id: None,
            outcome: None,
        };
        for (column, cell) in header.into_iter().enumerate() {
            if column == MOST_COLUMNS {
                return Err(FieldErrors::one(FieldError {
                    pointer: String::new(),
                    detail: format!("has more than {MOST_COLUMNS} columns"),
                }));
            }
            let cell = String::from_utf8_lossy(cell);
            let name = cell.trim_start_matches('\u{feff}').trim();
            let place = match field_named(name) {
                Some(position) => Some(&mut columns.fields[position]),
                None if ID_NAMES.contains(&name) => Some(&mut columns.id),
                None if OUTCOME_NAMES.contains(&name) => Some(&mut columns.outcome),
                None => None,
            };
            if let Some(before) = place.and_then(|place| place.replace(column)) {
                errors.push(given_twice(name, &columns.names[before]));
            }
            columns.names.push(name.to_owned());
        }
        for (field, column) in FIELDS.iter().zip(columns.fields) {
            if column.is_none() && (field.required || field.name == "total_charges") {
                errors.add(field.column, "is a column that the header lacks");
            }
        }
        errors.unless_any(columns)
    }

    /// Reads the profile in one record.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with a pointer to the column's name.
    pub fn profile(&self, record: &csv::ByteRecord) -> Result<Profile, FieldErrors> {
        let mut errors = FieldErrors::default();
        self.profile_in(|column| record.get(column).map(str::from_utf8), &mut errors)
            .ok_or(errors)
    }

    /// Reads the profile in one record, given its cells by their columns. There is none if something is wrong with it or
    /// with the customer's id; each error has a pointer to the column's name.
    pub fn profile_in<'r>(
        &self,
        cell: impl Fn(usize) -> Option<Result<&'r str, Utf8Error>>,
        errors: &mut FieldErrors,
    ) -> Option<Profile> {
        const NOT_UTF8: &str = "must be UTF-8";
        let before = errors.count();
        if let Some(column) = self.id
            && let Some(id) = cell(column)
        {
            match id.map(|id| customer_id(Raw::Text(id))) {
                Ok(Ok(_)) => {}
                Ok(Err(unfit)) => errors.add(&self.names[column], unfit),
                Err(_) => errors.add(&self.names[column], NOT_UTF8),
            }
        }
        let mut codes = [f64::NAN; FIELDS.len()];
        let mut refused = [false; FIELDS.len()];
        for (position, column) in self.fields.iter().enumerate() {
            let Some(cell) = column.and_then(&cell) else {
                continue;
            };
            match cell.map(|text| code(FIELDS[position].kind, Raw::Text(text))) {
                Ok(Ok(code)) => codes[position] = code,
                Ok(Err(unfit)) => {
                    refused[position] = true;
                    errors.add(self.name(position), unfit);
                }
                Err(_) => {
                    refused[position] = true;
                    errors.add(self.name(position), NOT_UTF8);
                }
            }
        }
        finish(&codes, &refused, before, errors, |position| {
            self.name(position)
        })
    }

    /// The column of the customer's id.
    pub fn id_column(&self) -> Option<usize> {
        self.id
    }

    /// The columns that hold neither the id nor a field of a profile.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        let taken =
            |column: &usize| self.id == Some(*column) || self.fields.contains(&Some(*column));
        (0..self.names.len()).filter(move |column| !taken(column))
    }

    /// The customer's id in one record, as it stands there.
    pub fn id<'r>(&self, record: &'r csv::ByteRecord) -> Option<&'r [u8]> {
        self.id.and_then(|column| record.get(column))
    }

    /// Whether the customer left, where the record says so.
    pub fn churned(&self, record: &csv::ByteRecord) -> Option<bool> {
        match record.get(self.outcome?)?.trim_ascii() {
            b"Yes" | b"1" | b"true" => Some(true),
            b"No" | b"0" | b"false" => Some(false),
            _ => None,
        }
    }

    fn name(&self, position: usize) -> &str {
        self.fields[position].map_or(FIELDS[position].column, |column| &self.names[column])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::encoding::codes;
    use proptest::prelude::*;

    /// Some value that the field allows, as its code.
    fn any_code(kind: Kind) -> BoxedStrategy<f64> {
        match kind {
            Kind::Flag => (0..2u32).prop_map(f64::from).boxed(),
            Kind::Dependent(_) => (0..3u32).prop_map(f64::from).boxed(),
            Kind::Choice(names) => (0..names.len()).prop_map(|code| code as f64).boxed(),
            Kind::Whole(limit) => (0..=limit as u32).prop_map(f64::from).boxed(),
            Kind::Dollars(limit) => (0.0..=limit).boxed(),
        }
    }

    /// Any profile. Values that contradict each other are settled rather than rejected: most random ones do.
    pub(crate) fn any_profile() -> impl Strategy<Value = Profile> {
        use crate::encoding::{IMPOSSIBLE, at};
        let fields: Vec<_> = FIELDS.iter().map(|field| any_code(field.kind)).collect();
        fields.prop_map(|codes| {
            let mut codes: [f64; FIELDS.len()] = codes.try_into().unwrap();
            let no_internet = codes[at::INTERNET_SERVICE] == IMPOSSIBLE;
            let no_phone = codes[at::PHONE_SERVICE] == 0.0;
            let add_ons = at::ADD_ONS..at::ADD_ONS + 6;
            let dependent = add_ons.map(|position| (position, no_internet));
            for (position, impossible) in dependent.chain([(at::MULTIPLE_LINES, no_phone)]) {
                codes[position] = match (impossible, codes[position]) {
                    (true, _) => IMPOSSIBLE,
                    (false, code) => code.min(1.0),
                };
            }
            encoding::profile(&codes).unwrap()
        })
    }

    /// A code in the words of the Telco file.
    fn telco_text(kind: Kind, code: f64) -> String {
        let name = |names: &[&str]| names[code as usize].to_owned();
        match kind {
            _ if code.is_nan() => " ".to_owned(),
            Kind::Flag => name(&["No", "Yes"]),
            Kind::Dependent(impossible) => name(&["No", "Yes", impossible]),
            Kind::Choice(names) => name(names),
            Kind::Whole(_) | Kind::Dollars(_) => code.to_string(),
        }
    }

    proptest! {
        #[test]
        fn json_and_csv_in_telcos_words_give_the_same_profile(profile in any_profile()) {
            let cells: Vec<String> =
                FIELDS.iter().zip(codes(&profile)).map(|(field, code)| telco_text(field.kind, code)).collect();
            let json = FIELDS.iter().zip(&cells).map(|(field, cell)| (field.column.to_owned(), Json::Text(cell.clone())));
            prop_assert_eq!(from_json(&Json::Object(json.collect())).unwrap().profile, profile);
            let header: Vec<&str> = FIELDS.iter().map(|field| field.column).collect();
            let columns = Columns::from_header(&csv::ByteRecord::from(header)).unwrap();
            prop_assert_eq!(columns.profile(&csv::ByteRecord::from(cells)).unwrap(), profile);
        }

        #[test]
        fn whatever_is_sent_is_answered(text in "\\PC*", number in any::<f64>()) {
            for field in &FIELDS {
                let _ = code(field.kind, Raw::Text(&text));
                let _ = code(field.kind, Raw::Number(number));
            }
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_meant() {
        let whole = Kind::Whole(600.0);
        assert_eq!(code(whole, Raw::Text(" 12 ")), Ok(12.0));
        assert_eq!(code(whole, Raw::Number(12.0)), Ok(12.0));
        assert!(code(whole, Raw::Text("")).unwrap().is_nan());
        for wrong in ["nan", "inf", "1e9", "0x10", "1.5", "-1", "1,000"] {
            assert!(code(whole, Raw::Text(wrong)).is_err(), "{wrong}");
        }
        assert!(code(Kind::Dollars(1e6), Raw::Number(f64::NAN)).is_err());
    }
}
