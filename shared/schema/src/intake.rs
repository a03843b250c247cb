//! Profiles from the outside, as JSON or as a row of a CSV file.
//!
//! Everything that is wrong with an input is reported at once.

// An error is worded or counted where it arises; a box would allocate for each faulty cell of a large file.
#![allow(clippy::result_large_err)]

use crate::error::{FieldError, FieldErrors, echoed, is_deceptive};
use crate::field::{Field, Kind};
use crate::number::{NumberStyle, plain};
use crate::profile::{Codes, Profile};
use crate::schema::{Named, Schema};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};
use smallvec::smallvec;
use std::fmt;
use std::str::Utf8Error;

/// The kind of a file of customers that begins with these bytes, if it is one that is not read.
pub fn unread_kind(beginning: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 3] = [
        (b"PAR1", "Parquet"),
        (b"PK\x03\x04", "Excel (.xlsx) and zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel (.xls)"),
    ];
    let kind = KINDS.iter().find(|(magic, _)| beginning.starts_with(magic));
    kind.map(|(_, name)| *name)
}

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
pub struct Quoted<'a>(pub &'a str);

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
        Raw::Text(text) => plain(text),
        _ => None,
    }
}

/// The spellings of no and yes, with their codes.
const FLAGS: [(&str, f64); 6] = [
    ("No", 0.0),
    ("Yes", 1.0),
    ("0", 0.0),
    ("1", 1.0),
    ("false", 0.0),
    ("true", 1.0),
];

/// The code of a yes or no, in any spelling.
fn flag(raw: Raw<'_>) -> Option<f64> {
    match raw {
        Raw::Bool(value) => Some(f64::from(value)),
        Raw::Number(value) if value == 0.0 || value == 1.0 => Some(value),
        Raw::Text(text) => {
            let found = FLAGS.iter().find(|(spelling, _)| *spelling == text);
            found.map(|(_, code)| *code)
        }
        _ => None,
    }
}

/// A value that its field can't hold. It is put into words only where it is shown: most errors of a large file are counted
/// and no more.
#[derive(Clone, Copy, Debug)]
pub struct Unfit<'a> {
    wanted: Wanted<'a>,
    got: Raw<'a>,
}

/// What a value should have been.
#[derive(Clone, Copy, Debug)]
enum Wanted<'a> {
    OneOf(Field<'a>),
    Flag,
    FlagOr(&'a str),
    Number,
    Decided,
    Between(f64, f64),
    Whole,
    Outcome(&'a Schema<'a>),
}

impl fmt::Display for Unfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let got = self.got;
        match self.wanted {
            Wanted::OneOf(field) => {
                f.write_str("must be one of ")?;
                for (index, value) in field.values().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{:?}", value.name())?;
                }
                write!(f, "; got {got}")
            }
            Wanted::Flag => write!(f, "must be true or false, got {got}"),
            Wanted::FlagOr(without) => write!(f, "must be true, false or {without:?}, got {got}"),
            Wanted::Number => write!(f, "must be a number, got {got}"),
            Wanted::Decided => write!(
                f,
                "is a number of which the last three digits may be decimals or thousands; confirm with read=decimal:comma or read=decimal:point; got {got}"
            ),
            Wanted::Between(least, most) => {
                write!(f, "must be between {least} and {most}, got {got}")
            }
            Wanted::Whole => write!(f, "must be a whole number, got {got}"),
            Wanted::Outcome(schema) => {
                let spellings = schema.left_spellings().chain(schema.stayed_spellings());
                let spellings: Vec<String> =
                    spellings.map(|spelling| format!("{spelling:?}")).collect();
                write!(f, "must be {} or null, got {got}", spellings.join(", "))
            }
        }
    }
}

/// A field's code, NaN when nothing is given, or what is wrong.
fn code<'a>(field: Field<'a>, raw: Raw<'a>) -> Result<f64, Unfit<'a>> {
    let got = match raw {
        // Pages and spreadsheets have blanks that don't break.
        Raw::Text(text) => Raw::Text(match text.trim_ascii() {
            text if text.is_ascii() => text,
            text => text.trim(),
        }),
        other => other,
    };
    if matches!(got, Raw::Null | Raw::Text("")) {
        return Ok(f64::NAN);
    }
    let unfit = |wanted| Unfit { wanted, got };
    let ranged = || {
        let value = number(got).ok_or_else(|| unfit(Wanted::Number))?;
        let range = field.range();
        match range.contains(&value) {
            true => Ok(value),
            false => Err(unfit(Wanted::Between(*range.start(), *range.end()))),
        }
    };
    match field.kind() {
        Kind::Flag => match (field.without(), got) {
            (Some(without), Raw::Text(text)) if text == without.name() => Ok(without.code() as f64),
            (without, _) => named(field, got).or_else(|| flag(got)).ok_or_else(|| {
                unfit(without.map_or(Wanted::Flag, |without| Wanted::FlagOr(without.name())))
            }),
        },
        Kind::Choice => named(field, got).ok_or_else(|| unfit(Wanted::OneOf(field))),
        Kind::Number | Kind::Money => ranged(),
        Kind::Whole => match ranged()? {
            value if value.fract() == 0.0 => Ok(value),
            _ => Err(unfit(Wanted::Whole)),
        },
    }
}

/// The texts for values of a flag or choice, with their codes.
fn usual_texts(field: Field<'_>) -> Vec<(Box<str>, f64)> {
    let values = (0..field.codes()).filter_map(|code| field.value(code as f64));
    let spelled = values.flat_map(|value| [value.name()].into_iter().chain(value.spelled()));
    let texts = FLAGS.iter().map(|(text, _)| *text).chain(spelled);
    let mut usual = Vec::new();
    if field.kind().is_named() {
        usual.extend(texts.filter_map(|text| {
            let code = code(field, Raw::Text(text)).ok()?;
            Some((text.into(), code))
        }));
    }
    usual
}

/// The code of the value with this name or spelling. The names of flags are for people, not for inputs.
fn named(field: Field<'_>, got: Raw<'_>) -> Option<f64> {
    let Raw::Text(text) = got else {
        return None;
    };
    let is_choice = field.kind() == Kind::Choice;
    let found = field.code_of(text, is_choice).map(|code| code as f64);
    found.or_else(|| field.other().filter(|_| is_choice))
}

/// A profile as somebody sent it, with the id they gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The sender's id for the customer, echoed and never looked up.
    pub customer_id: Option<String>,
    /// The profile.
    pub profile: Profile,
    /// Whether the customer left, where an outcome came with the profile. It decides the status and nothing else.
    pub left: Option<bool>,
}

/// The key of a customer's id in JSON, whatever the id is called in files.
pub const CUSTOMER_ID: &str = "customer_id";

/// Characters of the longest id.
pub const LONGEST_ID: usize = 64;

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

/// Whether a text may be a customer's id: 1 to 64 characters, none of which makes it look like another text.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().nth(LONGEST_ID).is_none() && !text.chars().any(is_deceptive)
}

/// A customer's id, if one is given.
fn customer_id(raw: Raw<'_>) -> Result<Option<&str>, UnfitId<'_>> {
    match raw {
        Raw::Null | Raw::Text("") => Ok(None),
        Raw::Text(text) if is_id(text) => Ok(Some(text)),
        _ => Err(UnfitId(raw)),
    }
}

/// Whether the customer left, if that is known. Beside the schema's own spellings, a yes or no in any spelling.
fn outcome<'a>(schema: &'a Schema<'a>, raw: Raw<'a>) -> Result<Option<bool>, Unfit<'a>> {
    match raw {
        Raw::Null => Ok(None),
        Raw::Text(text) if text.trim().is_empty() => Ok(None),
        _ => left(schema, raw).map(Some).ok_or(Unfit {
            wanted: Wanted::Outcome(schema),
            got: raw,
        }),
    }
}

fn left(schema: &Schema<'_>, raw: Raw<'_>) -> Option<bool> {
    if let Raw::Text(text) = raw {
        if schema.left_spellings().any(|spelling| spelling == text) {
            return Some(true);
        }
        if schema.stayed_spellings().any(|spelling| spelling == text) {
            return Some(false);
        }
    }
    flag(raw).map(|code| code == 1.0)
}

/// The code of a field's value in JSON, NaN when it is null.
///
/// # Errors
/// What is wrong with it.
pub fn json_code<'a>(field: Field<'a>, json: &'a Json) -> Result<f64, Unfit<'a>> {
    code(field, Raw::from(json))
}

impl<'w> Schema<'w> {
    /// Reads one profile from a JSON object.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with a pointer to the member as it was written.
    pub fn submission(&self, json: &Json) -> Result<Submission, FieldErrors> {
        let mut errors = FieldErrors::default();
        submission(self, json, &mut errors).ok_or(errors)
    }
}

/// Reads one profile from a JSON object, unless something is wrong with it.
fn submission(schema: &Schema<'_>, json: &Json, errors: &mut FieldErrors) -> Option<Submission> {
    let Json::Object(members) = json else {
        errors.push(FieldError {
            pointer: String::new(),
            detail: format!("must be a profile, a JSON object; got {}", Raw::from(json)),
        });
        return None;
    };
    let before = errors.count();
    let mut codes: Codes = smallvec![f64::NAN; schema.len()];
    let mut written: Vec<Option<&str>> = vec![None; schema.len()];
    let mut refused = Vec::new();
    let mut id = None;
    let mut id_written: Option<&str> = None;
    let mut left = None;
    let mut outcome_written: Option<&str> = None;
    for (name, value) in members {
        let raw = Raw::from(value);
        let named = match name.as_str() {
            CUSTOMER_ID => Some(Named::Id),
            name => schema.named(name),
        };
        match named {
            Some(Named::Id) => match (id_written.replace(name), customer_id(raw)) {
                (Some(before), _) => errors.push(given_twice(name, before)),
                (None, Err(unfit)) => errors.add(name, unfit),
                (None, Ok(given)) => id = given,
            },
            Some(Named::Field(position)) => {
                if let Some(before) = written[position].replace(name) {
                    errors.push(given_twice(name, before));
                    continue;
                }
                match code(schema.field(position), raw) {
                    Ok(code) => codes[position] = code,
                    Err(unfit) => {
                        refused.push(position);
                        errors.add(name, unfit);
                    }
                }
            }
            Some(Named::Outcome) => match (outcome_written.replace(name), outcome(schema, raw)) {
                (Some(before), _) => errors.push(given_twice(name, before)),
                (None, Err(unfit)) => errors.add(name, unfit),
                (None, Ok(known)) => left = known,
            },
            None => errors.add(name, UnknownField(schema)),
        }
    }
    let name = |position: usize| written[position].unwrap_or(schema.field(position).name());
    finish(schema, codes, &refused, before, errors, name).map(|profile| Submission {
        customer_id: id.map(str::to_owned),
        profile,
        left,
    })
}

/// The error of a member that a profile has not.
struct UnknownField<'a>(&'a Schema<'a>);

impl fmt::Display for UnknownField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is unknown; the fields are {CUSTOMER_ID}")?;
        self.0
            .fields()
            .try_for_each(|field| write!(f, ", {}", field.name()))
    }
}

/// Profiles that one array may hold.
pub const MOST_PROFILES: usize = 1_000;

/// Reads profiles from a JSON array, or everything that is wrong with them, each with a pointer such as `/17/age`.
///
/// They are read one by one, so that no more of the document than one element is in memory.
#[derive(Clone, Copy)]
pub struct Submissions<'s>(pub &'s Schema<'s>);

impl<'de> DeserializeSeed<'de> for Submissions<'_> {
    type Value = Result<Vec<Submission>, FieldErrors>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Submissions<'_> {
    type Value = Result<Vec<Submission>, FieldErrors>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of profiles")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut submissions = Vec::new();
        let mut errors = FieldErrors::default();
        for index in 0..MOST_PROFILES {
            let Some(json) = elements.next_element::<Json>()? else {
                return Ok(errors.unless_any(submissions));
            };
            let read = errors.within(index, |errors| submission(self.0, &json, errors));
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
        Ok(errors.unless_any(submissions))
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

/// The profile, unless there are more than `before` errors or the fields contradict each other.
fn finish<'n>(
    schema: &'n Schema<'n>,
    codes: Codes,
    refused: &[usize],
    before: usize,
    errors: &mut FieldErrors,
    name: impl Fn(usize) -> &'n str,
) -> Option<Profile> {
    let profile = schema.admit(codes, |position, fault| {
        // A value that was refused has already been reported; it is not also missing.
        if !refused.contains(&position) {
            errors.add(name(position), fault);
        }
    });
    profile.filter(|_| errors.count() == before)
}

/// Columns that a CSV file may have.
pub const MOST_COLUMNS: usize = 1_000;

/// Where the fields of a profile are in a table, and how their cells are read.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct Columns {
    names: Vec<String>,
    fields: Vec<Source>,
    id: Option<usize>,
    outcome: Option<usize>,
    /// Further spellings of the outcome.
    outcomes: Vec<(Box<str>, Option<bool>)>,
}

/// Where a field is, and how its cells are read.
#[derive(Clone, Debug, Default, Serialize, serde::Deserialize)]
struct Source {
    column: Option<usize>,
    /// The texts that a column of this kind holds as a rule, with their codes.
    #[serde(with = "coded")]
    usual: Vec<(Box<str>, f64)>,
    style: NumberStyle,
    one_hot: Option<OneHot>,
    /// Whether what the field can't hold is taken for missing.
    lenient: bool,
}

/// A field that is spread over several columns, one for each value, of which at most one says yes.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct OneHot {
    /// The columns, and the code that each stands for.
    pub columns: Vec<(usize, f64)>,
    /// The code where none says yes; without one, such a row can't be read.
    #[serde(with = "code_or_none")]
    pub base: Option<f64>,
}

/// Texts with their codes, of which JSON can't hold NaN.
mod coded {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        texts: &[(Box<str>, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let codes = texts.iter().map(|(text, code)| (text, known(*code)));
        codes.collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Box<str>, f64)>, D::Error> {
        let codes = Vec::<(Box<str>, Option<f64>)>::deserialize(deserializer)?;
        let codes = codes.into_iter();
        Ok(codes
            .map(|(text, code)| (text, code.unwrap_or(f64::NAN)))
            .collect())
    }

    /// A code, unless it says that nothing is known.
    pub(super) fn known(code: f64) -> Option<f64> {
        (!code.is_nan()).then_some(code)
    }
}

/// A code that may be NaN, which JSON can't hold, or be absent.
mod code_or_none {
    use super::{Deserialize, Deserializer, Serialize, Serializer, coded::known};

    pub(super) fn serialize<S: Serializer>(
        code: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let codes: Vec<Option<f64>> = code.iter().map(|code| known(*code)).collect();
        codes.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        let codes = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(codes.first().map(|code| code.unwrap_or(f64::NAN)))
    }
}

impl Columns {
    /// Finds the fields in a header, in any order, under any of their names. Other columns are ignored.
    ///
    /// # Errors
    /// Each field that every profile needs or that the model sees and the header lacks, and each that is there twice.
    pub fn from_header<'h>(
        schema: &Schema<'_>,
        header: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let columns = Self::of_header(schema, header, &mut errors);
        errors.unless_any(columns)
    }

    /// As [`Self::from_header`], with the fields that are found although others are not.
    pub fn of_header<'h>(
        schema: &Schema<'_>,
        header: impl IntoIterator<Item = &'h [u8]>,
        errors: &mut FieldErrors,
    ) -> Self {
        let mut columns = Self::unplaced(schema, []);
        for (column, cell) in header.into_iter().enumerate() {
            if column == MOST_COLUMNS {
                *errors = FieldErrors::one(FieldError {
                    pointer: String::new(),
                    detail: format!("has more than {MOST_COLUMNS} columns"),
                });
                return columns;
            }
            let cell = String::from_utf8_lossy(cell);
            let name = cell.trim_start_matches('\u{feff}').trim();
            columns.names.push(name.to_owned());
            if let Some(named) = schema.named(name)
                && let Some(before) = columns.place(named, column)
            {
                errors.push(given_twice(name, &columns.names[before]));
            }
        }
        for (field, source) in schema.fields().zip(&columns.fields) {
            if source.column.is_none() && (field.required() || field.for_model()) {
                errors.add(field.column(), "is a column that the header lacks");
            }
        }
        columns
    }

    /// Columns of these names, none of which stands for anything yet.
    pub fn unplaced(schema: &Schema<'_>, names: impl IntoIterator<Item = String>) -> Self {
        let source = |field| Source {
            usual: usual_texts(field),
            ..Source::default()
        };
        Self {
            names: names.into_iter().collect(),
            fields: schema.fields().map(source).collect(),
            id: None,
            outcome: None,
            outcomes: Vec::new(),
        }
    }

    /// Says where something is. Returns the column that stood for it before.
    pub fn place(&mut self, named: Named, column: usize) -> Option<usize> {
        let place = match named {
            Named::Field(position) => &mut self.fields[position].column,
            Named::Id => &mut self.id,
            Named::Outcome => &mut self.outcome,
        };
        place.replace(column)
    }

    /// The column in which something is.
    pub fn column(&self, named: Named) -> Option<usize> {
        match named {
            Named::Field(position) => self.fields[position].column,
            Named::Id => self.id,
            Named::Outcome => self.outcome,
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The name of a column.
    pub fn column_name(&self, column: usize) -> &str {
        &self.names[column]
    }

    /// The same columns in records of which each is at another place.
    pub fn at(mut self, places: &[usize]) -> Self {
        let last = places.iter().max().map_or(0, |last| last + 1);
        let mut names = vec![String::new(); last];
        for (name, place) in self.names.into_iter().zip(places) {
            names[*place] = name;
        }
        self.names = names;
        let to = |column: &mut usize| *column = places[*column];
        self.id.iter_mut().for_each(to);
        self.outcome.iter_mut().for_each(to);
        for source in &mut self.fields {
            source.column.iter_mut().for_each(to);
            if let Some(one_hot) = &mut source.one_hot {
                one_hot
                    .columns
                    .iter_mut()
                    .for_each(|(column, _)| to(column));
            }
        }
        self
    }

    /// Accepts a further text for a field: a code, or NaN where it says that nothing is known.
    pub fn accept(&mut self, field: usize, text: &str, code: f64) {
        let usual = &mut self.fields[field].usual;
        usual.retain(|(known, _)| **known != *text);
        usual.push((text.into(), code));
    }

    /// The code of a text that needs no further look; none of one that does.
    pub fn usual(&self, field: usize, text: &str) -> Option<f64> {
        let found = self.fields[field]
            .usual
            .iter()
            .find(|(usual, _)| **usual == *text);
        found.map(|(_, code)| *code)
    }

    /// Accepts a further text for the outcome.
    pub fn accept_outcome(&mut self, text: &str, left: Option<bool>) {
        self.outcomes.push((text.into(), left));
    }

    /// Says how the numbers of a field are written.
    pub fn style(&mut self, field: usize, style: NumberStyle) {
        self.fields[field].style = style;
    }

    /// Spreads a field over several columns.
    pub fn spread(&mut self, field: usize, one_hot: OneHot) {
        self.fields[field].one_hot = Some(one_hot);
    }

    /// The columns over which a field is spread.
    pub fn spread_over(&self, field: usize) -> Option<&OneHot> {
        self.fields[field].one_hot.as_ref()
    }

    /// Takes whatever a field can't hold for missing.
    pub fn forgive(&mut self, field: usize) {
        self.fields[field].lenient = true;
    }

    /// Whether numbers of a field's column mean what they are, whatever their texts would be.
    pub fn takes_numbers(&self, schema: &Schema<'_>, field: usize) -> bool {
        let source = &self.fields[field];
        !schema.field(field).kind().is_named()
            && source.usual.is_empty()
            && source.style == NumberStyle::Plain
    }

    /// The code of a number in the column of a field that [takes](Self::takes_numbers) them; none where the field can't hold it.
    #[inline]
    pub fn code_of_number(&self, schema: &Schema<'_>, field: usize, number: f64) -> Option<f64> {
        if number.is_nan() {
            return Some(number);
        }
        match code(schema.field(field), Raw::Number(number)) {
            Ok(code) if number.is_finite() => Some(code),
            _ => self.fields[field].lenient.then_some(f64::NAN),
        }
    }

    /// The code of a text in a field's column; none where the field can't hold it.
    pub fn code_of_text(&self, schema: &Schema<'_>, field: usize, text: &str) -> Option<f64> {
        let source = &self.fields[field];
        match source.code(schema, field, text) {
            Ok(code) => Some(code),
            Err(_) => source.lenient.then_some(f64::NAN),
        }
    }

    /// Reads the profile in one record.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with a pointer to the column's name.
    pub fn profile(
        &self,
        schema: &Schema<'_>,
        record: &csv::ByteRecord,
    ) -> Result<Profile, FieldErrors> {
        let mut errors = FieldErrors::default();
        let cell = |column| record.get(column).map(str::from_utf8);
        self.profile_in(schema, cell, &mut errors).ok_or(errors)
    }

    /// Reads the profile in one record, given its cells by their columns. There is none if something is wrong with it or
    /// with the customer's id; each error has a pointer to the column's name.
    pub fn profile_in<'r>(
        &self,
        schema: &Schema<'_>,
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
        let mut codes: Codes = smallvec![f64::NAN; schema.len()];
        let mut refused = Vec::new();
        for (position, source) in self.fields.iter().enumerate() {
            let Some(column) = source.column else {
                if let Some(one_hot) = &source.one_hot {
                    match one_hot.code(&cell) {
                        Ok(code) => codes[position] = code,
                        Err(unfit) => {
                            refused.push(position);
                            errors.add(schema.field(position).column(), unfit);
                        }
                    }
                }
                continue;
            };
            let Some(cell) = cell(column) else {
                continue;
            };
            match cell.map(|text| source.code(schema, position, text)) {
                Ok(Ok(code)) => codes[position] = code,
                Ok(Err(_)) if source.lenient => {}
                Ok(Err(unfit)) => {
                    refused.push(position);
                    errors.add(self.name(schema, position), unfit);
                }
                Err(_) => {
                    refused.push(position);
                    errors.add(self.name(schema, position), NOT_UTF8);
                }
            }
        }
        finish(schema, codes, &refused, before, errors, |position| {
            self.name(schema, position)
        })
    }

    /// Reads id, profile and outcome in one record, given its cells by their columns.
    pub fn submission_in<'r>(
        &self,
        schema: &Schema<'_>,
        cell: impl Fn(usize) -> Option<&'r str>,
        errors: &mut FieldErrors,
    ) -> Option<Submission> {
        let before = errors.count();
        let profile = self.profile_in(schema, |column| cell(column).map(Ok), errors);
        let outcome = self
            .outcome
            .and_then(|column| Some((column, cell(column)?)));
        let left = outcome.and_then(|(column, text)| match self.outcome_of(schema, text) {
            Ok(left) => left,
            Err(unfit) => {
                errors.add(&self.names[column], unfit);
                None
            }
        });
        let id = self.id.and_then(cell).filter(|id| !id.is_empty());
        profile
            .filter(|_| errors.count() == before)
            .map(|profile| Submission {
                customer_id: id.map(str::to_owned),
                profile,
                left,
            })
    }

    /// The column of the customer's id.
    pub fn id_column(&self) -> Option<usize> {
        self.id
    }

    /// The columns that hold neither the id nor a field of a profile.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        let spread = |source: &Source, column: usize| {
            let mut columns = source.one_hot.iter().flat_map(|one_hot| &one_hot.columns);
            source.column == Some(column) || columns.any(|(of_value, _)| *of_value == column)
        };
        let taken = move |column: &usize| {
            self.id == Some(*column) || self.fields.iter().any(|source| spread(source, *column))
        };
        (0..self.names.len()).filter(move |column| !taken(column))
    }

    /// The customer's id in one record, as it was written.
    pub fn id<'r>(&self, record: &'r csv::ByteRecord) -> Option<&'r [u8]> {
        self.id.and_then(|column| record.get(column))
    }

    /// Whether the customer left, where the record says so.
    ///
    /// # Errors
    /// A value that is no outcome, with a pointer to its column.
    pub fn outcome(
        &self,
        schema: &Schema<'_>,
        record: &csv::ByteRecord,
    ) -> Result<Option<bool>, FieldErrors> {
        let Some((column, cell)) = self
            .outcome
            .and_then(|column| Some((column, record.get(column)?)))
        else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(cell);
        self.outcome_of(schema, &text)
            .map_err(|unfit| FieldErrors::one(FieldError::new(&self.names[column], unfit)))
    }

    /// Whether a text says that the customer left; none where it says that this is not known.
    ///
    /// # Errors
    /// A text that is no outcome.
    pub fn outcome_of<'a>(
        &self,
        schema: &'a Schema<'a>,
        text: &'a str,
    ) -> Result<Option<bool>, Unfit<'a>> {
        let text = text.trim();
        match self.outcomes.iter().find(|(known, _)| **known == *text) {
            Some((_, left)) => Ok(*left),
            None => outcome(schema, Raw::Text(text)),
        }
    }

    fn name<'n>(&'n self, schema: &Schema<'n>, position: usize) -> &'n str {
        self.fields[position].column.map_or_else(
            || schema.field(position).column(),
            |column| &self.names[column],
        )
    }
}

impl Source {
    /// The code of a cell. Usual texts, which most are, need no more than a comparison.
    #[inline]
    fn code<'a>(
        &self,
        schema: &'a Schema<'a>,
        position: usize,
        text: &'a str,
    ) -> Result<f64, Unfit<'a>> {
        if let Some((_, known)) = self.usual.iter().find(|(usual, _)| **usual == *text) {
            return Ok(*known);
        }
        let field = schema.field(position);
        if self.usual.is_empty() && self.style == NumberStyle::Plain {
            return code(field, Raw::Text(text));
        }
        self.unusual_code(field, text.trim())
    }

    #[cold]
    fn unusual_code<'a>(&self, field: Field<'a>, text: &'a str) -> Result<f64, Unfit<'a>> {
        if let Some((_, known)) = self.usual.iter().find(|(usual, _)| **usual == *text) {
            return Ok(*known);
        }
        if self.style == NumberStyle::Plain || text.is_empty() {
            return code(field, Raw::Text(text));
        }
        let unfit = Unfit {
            wanted: match NumberStyle::Point.number(text) {
                Some(_) if self.style == NumberStyle::Undecided => Wanted::Decided,
                _ => Wanted::Number,
            },
            got: Raw::Text(text),
        };
        code(field, Raw::Number(self.style.number(text).ok_or(unfit)?))
    }
}

impl OneHot {
    /// The code of the column that says yes.
    fn code<'r>(
        &self,
        cell: impl Fn(usize) -> Option<Result<&'r str, Utf8Error>>,
    ) -> Result<f64, &'static str> {
        let mut found = None;
        let mut known = false;
        for (column, code) in &self.columns {
            let text = cell(*column).and_then(Result::ok).unwrap_or_default();
            match yes_or_no(text) {
                Some(true) if found.is_some() => {
                    return Err("has several columns that say yes, and one may");
                }
                Some(true) => found = Some(*code),
                Some(false) => known = true,
                None if text.trim().is_empty() => {}
                None => return Err("has columns that must all be yes or no"),
            }
        }
        match found {
            Some(code) => Ok(code),
            None if known => self
                .base
                .ok_or("has no column that says yes, and it is not known which value that means"),
            None => Ok(f64::NAN),
        }
    }
}

/// Yes and no as people and programs write them, without blanks and in lower case.
const YES: [&str; 20] = [
    "yes",
    "y",
    "true",
    "t",
    "1",
    "1.0",
    "1,0",
    "on",
    "oui",
    "o",
    "vrai",
    "ja",
    "j",
    "wahr",
    "si",
    "sí",
    "sim",
    "verdadero",
    "verdadeiro",
    "✓",
];
const NO: [&str; 19] = [
    "no", "n", "false", "f", "0", "0.0", "0,0", "off", "non", "faux", "nein", "falsch", "nee",
    "onwaar", "falso", "não", "nao", "nej", "✗",
];

/// Whether a text says yes or no in any usual spelling; none where it says neither.
pub fn yes_or_no(text: &str) -> Option<bool> {
    let text = text.trim();
    // Most are short, and none is longer than the longest here.
    if text.len() > 12 {
        return None;
    }
    let lower = text.to_lowercase();
    match () {
        () if YES.contains(&lower.as_str()) => Some(true),
        () if NO.contains(&lower.as_str()) => Some(false),
        () => None,
    }
}
