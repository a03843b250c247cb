//! Compiles `schema.toml`: every entry is checked, and all faults are reported at once, each with its entry.

use crate::condition::Condition;
use crate::field::{About, ChangePolicy, Field, Kind};
use crate::intake::CUSTOMER_ID;
use crate::layout::{
    self, ArmRecord, ExperimentRecord, FORMAT, FieldRecord, GroupRecord, Head, LevelRecord,
    NAMES_ID, NAMES_OUTCOME, NO_FIELD, NameRecord, NeedRecord, PersonaRecord, Section, Span,
    ValueRecord,
};
use crate::schema::Schema;
use crate::text::{Pool, Text};
use crate::words::{UNKNOWN, phrase_of, sentence_case};
use crate::{MOST_FIELDS, MOST_VALUES};
use sections::{AlignedBytes, Writer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The version of the source that this compiler reads.
const FORMAT_VERSION: i64 = 1;
/// The largest whole number that a field may hold unless the schema says otherwise.
const USUAL_MOST: f64 = 1e9;

/// Personas, stages or bins that there may be: a byte tells them apart, and one value is for none.
const MOST_RULES: usize = 255;

/// Names that answers and queries use for other things.
const RESERVED: [&str; 29] = [
    CUSTOMER_ID,
    "q",
    "sort",
    "limit",
    "cursor",
    "status",
    "moved",
    "missing",
    "persona",
    "stage",
    "risk_level",
    "change",
    "probability",
    "experiment",
    "treatment",
    "campaign",
    "holdout",
    "contacts",
    "budget",
    "cost",
    "months",
    "value",
    "target",
    "category",
    "rotate",
    "read",
    "rejects",
    "interactions",
    "max_points",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHead {
    format: i64,
    name: String,
    title: Option<String>,
    #[serde(default = "usual_currency")]
    currency: String,
    as_of: toml::value::Datetime,
    #[serde(default)]
    note: String,
    list: Option<Vec<String>>,
    distributions: Option<Vec<String>>,
}

fn usual_currency() -> String {
    "USD".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoles {
    id: WrittenId,
    outcome: Option<WrittenOutcome>,
    tenure: Option<String>,
    recurring: Option<String>,
    lifetime: Option<String>,
    contactable: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenId {
    #[serde(default = "usual_id")]
    name: String,
    #[serde(default)]
    columns: Vec<String>,
}

fn usual_id() -> String {
    CUSTOMER_ID.to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOutcome {
    name: String,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    left: Vec<String>,
    #[serde(default)]
    stayed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenRisk {
    will_churn: f64,
    alarms: u32,
    levels: Vec<WrittenLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLevel {
    name: String,
    label: Option<String>,
    #[serde(default)]
    from: f64,
}

impl Default for WrittenRisk {
    fn default() -> Self {
        let level = |name: &str, from| WrittenLevel {
            name: name.to_owned(),
            label: None,
            from,
        };
        Self {
            will_churn: 0.5,
            alarms: 2,
            levels: vec![level("low", 0.0), level("medium", 0.5), level("high", 0.75)],
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    name: String,
    #[serde(default)]
    columns: Vec<String>,
    label: Option<String>,
    kind: Kind,
    #[serde(default)]
    values: Vec<WrittenValue>,
    words: Option<WrittenWords>,
    unit: Option<String>,
    help: Option<String>,
    unknown: Option<String>,
    least: Option<f64>,
    most: Option<f64>,
    about: About,
    #[serde(default)]
    required: bool,
    #[serde(default = "yes")]
    model: bool,
    change: Option<ChangePolicy>,
    price: Option<f64>,
    filter: Option<WrittenFilter>,
    #[serde(default)]
    list: bool,
    #[serde(default)]
    needs: Table,
    without: Option<WrittenWithout>,
    alarm: Option<WrittenAlarm>,
    #[serde(default)]
    bins: Vec<f64>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "a name, or a table with name, label, words, price, spelled, other"
)]
enum WrittenValue {
    Name(String),
    Described(DescribedValue),
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedValue {
    name: String,
    label: Option<String>,
    words: Option<String>,
    #[serde(default)]
    price: f64,
    #[serde(default)]
    spelled: Vec<String>,
    #[serde(default)]
    other: bool,
}

impl WrittenValue {
    fn described(&self) -> DescribedValue {
        match self {
            Self::Described(value) => value.clone(),
            Self::Name(name) => DescribedValue {
                name: name.clone(),
                ..DescribedValue::default()
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a text with {value}, or for a flag the words for no and for yes"
)]
enum WrittenWords {
    Template(String),
    Flag([String; 2]),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "true, false, or the beginning of the parameters' names"
)]
enum WrittenFilter {
    Flag(bool),
    Stem(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWithout {
    spelled: String,
    words: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAlarm {
    above: Option<f64>,
    below: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPersona {
    name: String,
    label: Option<String>,
    #[serde(default)]
    description: String,
    when: Option<Table>,
    any: Option<Vec<Table>>,
    all: Option<Vec<Table>>,
    at_least: Option<WrittenAtLeast>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAtLeast {
    count: usize,
    of: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExperiment {
    name: String,
    arm: String,
    arms: Option<Vec<String>>,
    shares: Option<Vec<f64>>,
    segments: Option<Vec<String>>,
}

/// Compiles a schema.
///
/// # Errors
/// Everything that is wrong with it, each with its entry.
pub fn compile(text: &str) -> Result<AlignedBytes, Vec<String>> {
    let mut document: Table = toml::from_str(text).map_err(|error| vec![one_line(&error)])?;
    let mut faults = Vec::new();
    let fields = entries::<WrittenField>(&mut document, "field", &mut faults);
    let personas = entries::<WrittenPersona>(&mut document, "persona", &mut faults);
    let stages = entries::<WrittenPersona>(&mut document, "stage", &mut faults);
    let experiments = entries::<WrittenExperiment>(&mut document, "experiment", &mut faults);
    let roles = table::<WrittenRoles>(document.remove("roles"), "roles", &mut faults);
    let risk = match document.remove("risk") {
        None => Some(WrittenRisk::default()),
        written => table(written, "risk", &mut faults),
    };
    let head = table::<WrittenHead>(Some(Value::Table(document)), "schema", &mut faults);
    if fields.is_empty() && faults.is_empty() {
        faults.push("there is no [[field]]".to_owned());
    }
    let (Some(roles), Some(risk), Some(head), true) = (roles, risk, head, faults.is_empty()) else {
        return Err(faults);
    };
    let mut compiler = Compiler::default();
    compiler.fields(&fields);
    compiler.names(&roles, &fields);
    let head = compiler.head(&head, &roles, &risk, &fields);
    if !compiler.faults.is_empty() {
        return Err(compiler.faults);
    }
    // Conditions are read against the fields, so these are compiled first.
    let bytes = compiler.written(&head);
    let schema = opened(&bytes)?;
    compiler.needs(&schema, &fields);
    compiler.rules(&schema, &personas, &stages);
    compiler.experiments(&schema, &experiments);
    let mut head = head;
    head.personas = personas.len() as u32;
    compiler.lists_of(&schema, &mut head, &fields);
    if !compiler.faults.is_empty() {
        return Err(compiler.faults);
    }
    let bytes = compiler.written(&head);
    opened(&bytes)?;
    Ok(bytes)
}

fn opened(bytes: &[u8]) -> Result<Schema<'_>, Vec<String>> {
    Schema::open(bytes).map_err(|error| vec![error.to_string()])
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim_end().replace('\n', ", ")
}

/// The entries of a list of tables, each read for itself.
fn entries<T: DeserializeOwned>(
    document: &mut Table,
    list: &str,
    faults: &mut Vec<String>,
) -> Vec<T> {
    let written = match document.remove(list) {
        None => return Vec::new(),
        Some(Value::Array(written)) => written,
        Some(_) => {
            faults.push(format!("`{list}` must be a list of [[{list}]]"));
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for (position, entry) in written.into_iter().enumerate() {
        let name = match entry.get("name").and_then(Value::as_str) {
            Some(name) => format!("{list} {name:?}"),
            None => format!("{list} number {}", position + 1),
        };
        match T::deserialize(entry) {
            Ok(entry) => read.push(entry),
            Err(error) => faults.push(format!("{name}: {}", one_line(&error))),
        }
    }
    read
}

fn table<T: DeserializeOwned>(
    value: Option<Value>,
    name: &str,
    faults: &mut Vec<String>,
) -> Option<T> {
    let Some(value) = value else {
        faults.push(format!("[{name}] is missing"));
        return None;
    };
    match T::deserialize(value) {
        Ok(read) => Some(read),
        Err(error) => {
            faults.push(format!("{name}: {}", one_line(&error)));
            None
        }
    }
}

/// A name for people, made of one for machines.
fn label_of(name: &str) -> String {
    sentence_case(&name.replace(['_', '-'], " "))
}

fn is_name(name: &str) -> bool {
    let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(shaped)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 64
}

fn is_id(name: &str) -> bool {
    let shaped = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    !name.is_empty() && name.bytes().all(shaped) && name.len() <= 64
}

#[derive(Default)]
struct Compiler {
    faults: Vec<String>,
    pool: Pool,
    fields: Vec<FieldRecord>,
    values: Vec<ValueRecord>,
    needs: Vec<NeedRecord>,
    names: Vec<NameRecord>,
    bins: Vec<f64>,
    dependents: Vec<u32>,
    conditions: Vec<Condition>,
    conjunctions: Vec<Span>,
    groups: Vec<GroupRecord>,
    personas: Vec<PersonaRecord>,
    levels: Vec<LevelRecord>,
    lists: Vec<Text>,
    experiments: Vec<ExperimentRecord>,
    arms: Vec<ArmRecord>,
    list: Option<Vec<String>>,
    distributions: Option<Vec<String>>,
}

/// The entries from one position to another.
fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        length: (end - start) as u32,
    }
}

impl Compiler {
    fn fault(&mut self, entry: &str, detail: impl std::fmt::Display) {
        self.faults.push(format!("{entry}: {detail}"));
    }

    /// Refuses texts that are given and say nothing: they would leave gaps in sentences.
    fn no_blank<'t>(
        &mut self,
        entry: &str,
        texts: impl IntoIterator<Item = (&'static str, Option<&'t str>)>,
    ) {
        for (key, text) in texts {
            if text.is_some_and(|text| text.trim().is_empty()) {
                self.fault(entry, format_args!("`{key}` is empty; leave it out"));
            }
        }
    }

    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Span {
        let start = self.lists.len();
        for text in texts {
            let text = self.pool.add(text);
            self.lists.push(text);
        }
        span(start, self.lists.len())
    }

    fn fields(&mut self, fields: &[WrittenField]) {
        if fields.len() > MOST_FIELDS {
            self.fault(
                "schema",
                format_args!(
                    "there are {} fields; there may be {MOST_FIELDS}",
                    fields.len()
                ),
            );
        }
        for field in fields {
            let record = self.field(field);
            self.fields.push(record);
        }
    }

    fn field(&mut self, field: &WrittenField) -> FieldRecord {
        let entry = format!("field {:?}", field.name);
        if !is_name(&field.name) {
            self.fault(&entry, "`name` must be of lower-case letters, digits and underscores, and begin with a letter");
        }
        // What is wrong with the id's name is said where names are collected.
        if field.name != CUSTOMER_ID && RESERVED.contains(&field.name.as_str()) {
            self.fault(
                &entry,
                format_args!(
                    "the name is reserved; call it {}_field and keep the column under `columns`",
                    field.name
                ),
            );
        }
        let label = field.label.clone().unwrap_or_else(|| label_of(&field.name));
        let phrase = phrase_of(&label);
        let values = self.values(&entry, field, &phrase);
        let numeric = !field.kind.is_named();
        let (least, most) = self.range(&entry, field);
        for (key, given, fits) in [
            ("unit", field.unit.is_some(), numeric),
            ("bins", !field.bins.is_empty(), numeric),
            ("alarm", field.alarm.is_some(), numeric),
            ("without", field.without.is_some(), field.kind == Kind::Flag),
            ("price", field.price.is_some(), field.kind == Kind::Flag),
            ("needs", !field.needs.is_empty(), !numeric),
        ] {
            if given && !fits {
                self.fault(
                    &entry,
                    format_args!("`{key}` does not go with kind {:?}", field.kind.name()),
                );
            }
        }
        if field.without.is_some() && field.needs.is_empty() {
            self.fault(&entry, "`without` says what the field is where its `needs` do not hold, and there are none");
        }
        if field.bins.len() >= MOST_RULES {
            self.fault(
                &entry,
                format_args!(
                    "there are {} bins; there may be {}",
                    field.bins.len(),
                    MOST_RULES - 1
                ),
            );
        }
        let bins = self.bins.len();
        if !field.bins.is_sorted_by(|a, b| a < b)
            || field.bins.iter().any(|bin| !(least..=most).contains(bin))
        {
            self.fault(
                &entry,
                format_args!("`bins` must rise and lie between {least} and {most}"),
            );
        }
        self.bins.extend(&field.bins);
        let change = field.change.unwrap_or(ChangePolicy::Never);
        if change != ChangePolicy::Never && numeric {
            self.fault(&entry, "`change` goes with flags and choices only");
        }
        if change != ChangePolicy::Never && field.about == About::Person {
            self.fault(&entry, "`change`: who a customer is can't be changed");
        }
        let (alarm_kind, alarm) = match &field.alarm {
            None => (0, 0.0),
            Some(WrittenAlarm {
                above: Some(above),
                below: None,
            }) => (1, *above),
            Some(WrittenAlarm {
                above: None,
                below: Some(below),
            }) => (2, *below),
            Some(_) => {
                self.fault(&entry, "`alarm` must be { above = … } or { below = … }");
                (0, 0.0)
            }
        };
        if alarm_kind != 0 && !(least..=most).contains(&alarm) {
            self.fault(
                &entry,
                format_args!("`alarm` must lie between {least} and {most}, got {alarm}"),
            );
        }
        self.no_blank(
            &entry,
            [
                ("label", field.label.as_deref()),
                ("help", field.help.as_deref()),
                ("unit", field.unit.as_deref()),
                ("unknown", field.unknown.as_deref()),
            ],
        );
        let (filter, filter_end) = self.filter(field);
        let template = match &field.words {
            Some(WrittenWords::Template(template)) if numeric => {
                if !template.contains("{value}") {
                    self.fault(&entry, "`words` must contain {value}");
                }
                template.clone()
            }
            Some(WrittenWords::Flag(_)) if field.kind == Kind::Flag => String::new(),
            Some(_) => {
                self.fault(
                    &entry,
                    format_args!("`words` do not fit kind {:?}", field.kind.name()),
                );
                String::new()
            }
            None => format!("{phrase}: {{value}}"),
        };
        let priced = field.price.is_some_and(|price| price != 0.0)
            || field
                .values
                .iter()
                .any(|value| value.described().price != 0.0);
        let bits = [
            (field.required, layout::REQUIRED),
            (field.without.is_some(), layout::WITHOUT),
            (priced, layout::PRICED),
            (field.list, layout::LISTED),
            (field.model, layout::MODEL),
        ];
        let other = field
            .values
            .iter()
            .position(|value| value.described().other);
        FieldRecord {
            least,
            most,
            alarm,
            name: self.pool.add(&field.name),
            column: self.pool.add(field.columns.first().unwrap_or(&field.name)),
            label: self.pool.add(&label),
            phrase: self.pool.add(&phrase),
            help: self.pool.add_if(field.help.as_deref()),
            unit: self.pool.add_if(field.unit.as_deref()),
            template: self.pool.add(&template),
            unknown: self.pool.add(field.unknown.as_deref().unwrap_or(UNKNOWN)),
            filter,
            filter_end,
            values,
            needs: Span::default(),
            bins: span(bins, self.bins.len()),
            kind: Kind::ALL
                .iter()
                .position(|kind| *kind == field.kind)
                .unwrap_or(0) as u32,
            about: About::ALL
                .iter()
                .position(|about| *about == field.about)
                .unwrap_or(0) as u32,
            change: ChangePolicy::ALL
                .iter()
                .position(|policy| *policy == change)
                .unwrap_or(0) as u32,
            alarm_kind,
            bits: bits
                .into_iter()
                .filter(|(set, _)| *set)
                .fold(0, |bits, (_, bit)| bits | bit),
            other: other.map_or(NO_FIELD, |code| code as u32),
        }
    }

    fn range(&mut self, entry: &str, field: &WrittenField) -> (f64, f64) {
        let (least, most) = match field.kind {
            Kind::Flag | Kind::Choice => (0.0, MOST_VALUES as f64),
            Kind::Whole | Kind::Money => (0.0, USUAL_MOST),
            Kind::Number => (-1e15, 1e15),
        };
        let numeric = !field.kind.is_named();
        if !numeric && (field.least.is_some() || field.most.is_some()) {
            self.fault(entry, "`least` and `most` go with numbers only");
        }
        let (least, most) = (field.least.unwrap_or(least), field.most.unwrap_or(most));
        let whole = field.kind != Kind::Whole || (least.fract() == 0.0 && most.fract() == 0.0);
        // Beyond these, a 64-bit float no longer tells neighbouring whole numbers apart.
        let within = -9e15 <= least && most <= 9e15;
        if !(least < most && whole && within) {
            self.fault(
                entry,
                format_args!("`least` = {least} and `most` = {most} are no range of this kind"),
            );
            return (0.0, 1.0);
        }
        (least, most)
    }

    fn values(&mut self, entry: &str, field: &WrittenField, phrase: &str) -> Span {
        let mut described: Vec<DescribedValue> = match field.kind {
            Kind::Choice => field.values.iter().map(WrittenValue::described).collect(),
            Kind::Flag => {
                let words = match &field.words {
                    Some(WrittenWords::Flag(words)) => words.clone(),
                    _ => [format!("without {phrase}"), format!("with {phrase}")],
                };
                let names = [
                    ("no", "No", 0.0),
                    ("yes", "Yes", field.price.unwrap_or(0.0)),
                ];
                let values = names.into_iter().zip(words);
                let value =
                    |((name, label, price), words): ((&str, &str, f64), String)| DescribedValue {
                        name: name.to_owned(),
                        label: Some(label.to_owned()),
                        words: Some(words),
                        price,
                        ..DescribedValue::default()
                    };
                values.map(value).collect()
            }
            _ => Vec::new(),
        };
        if field.kind != Kind::Choice && !field.values.is_empty() {
            self.fault(
                entry,
                format_args!("`values` do not go with kind {:?}", field.kind.name()),
            );
        }
        if field.kind == Kind::Choice && described.is_empty() {
            self.fault(entry, "a choice needs `values`");
        }
        if let (Some(without), Kind::Flag) = (&field.without, field.kind) {
            described.push(DescribedValue {
                name: without.spelled.clone(),
                words: Some(
                    without
                        .words
                        .clone()
                        .unwrap_or_else(|| format!("no {phrase}")),
                ),
                ..DescribedValue::default()
            });
        }
        if described.len() > MOST_VALUES {
            self.fault(
                entry,
                format_args!(
                    "there are {} values; there may be {MOST_VALUES}",
                    described.len()
                ),
            );
        }
        let mut known = BTreeSet::new();
        for value in &described {
            for spelling in [&value.name].into_iter().chain(&value.spelled) {
                if spelling.trim() != spelling || spelling.is_empty() {
                    self.fault(
                        entry,
                        format_args!("the value {spelling:?} is empty or has blanks at an end"),
                    );
                }
                if !known.insert(spelling.clone()) {
                    self.fault(entry, format_args!("the value {spelling:?} is given twice"));
                }
            }
            if !value.price.is_finite() {
                self.fault(entry, "a `price` must be a number");
            }
            self.no_blank(
                entry,
                [
                    ("label", value.label.as_deref()),
                    ("words", value.words.as_deref()),
                ],
            );
        }
        if described.iter().filter(|value| value.other).count() > 1 {
            self.fault(entry, "only one value can stand for all others");
        }
        let start = self.values.len();
        for value in described {
            let label = value.label.clone().unwrap_or_else(|| match field.kind {
                Kind::Choice if is_id(&value.name) => label_of(&value.name),
                _ => value.name.clone(),
            });
            let words = value
                .words
                .clone()
                .unwrap_or_else(|| format!("{phrase}: {}", value.name));
            let spelled = self.texts(value.spelled.iter().map(String::as_str));
            self.values.push(ValueRecord {
                price: value.price,
                name: self.pool.add(&value.name),
                label: self.pool.add(&label),
                words: self.pool.add(&words),
                spelled,
            });
        }
        span(start, self.values.len())
    }

    fn filter(&mut self, field: &WrittenField) -> (Text, Text) {
        let stem = match &field.filter {
            None | Some(WrittenFilter::Flag(false)) => return (Text::NONE, Text::NONE),
            Some(WrittenFilter::Flag(true)) => &field.name,
            Some(WrittenFilter::Stem(stem)) => stem,
        };
        let end = match field.kind {
            Kind::Flag | Kind::Choice => return (self.pool.add(stem), Text::NONE),
            Kind::Whole => "max",
            Kind::Number | Kind::Money => "below",
        };
        (
            self.pool.add(&format!("{stem}_min")),
            self.pool.add(&format!("{stem}_{end}")),
        )
    }

    /// Every name under which something is accepted, and every parameter, once.
    fn names(&mut self, roles: &WrittenRoles, fields: &[WrittenField]) {
        let mut known: BTreeMap<String, u32> = BTreeMap::new();
        let mut faults = Vec::new();
        let mut add = |name: &str, field: u32, entry: &str| {
            // The cells of a header are read without the blanks at their ends.
            if name.trim() != name || name.is_empty() {
                faults.push(format!(
                    "{entry}: the name {name:?} is empty or has blanks at an end"
                ));
            }
            if name == CUSTOMER_ID && field != NAMES_ID {
                faults.push(format!(
                    "{entry}: the name {name:?} is that of the customer's id in JSON; choose another"
                ));
                return;
            }
            match known.insert(name.to_owned(), field) {
                Some(other) if other != field => {
                    faults.push(format!("{entry}: the name {name:?} is used twice"))
                }
                _ => {}
            }
        };
        for (index, field) in fields.iter().enumerate() {
            let entry = format!("field {:?}", field.name);
            let twice = fields[..index].iter().any(|other| other.name == field.name);
            add(
                &field.name,
                if twice { NO_FIELD - 2 } else { index as u32 },
                &entry,
            );
            for column in &field.columns {
                add(column, index as u32, &entry);
            }
        }
        let id = &roles.id;
        for name in [&id.name].into_iter().chain(&id.columns) {
            add(name, NAMES_ID, "roles.id");
        }
        if let Some(outcome) = &roles.outcome {
            for name in [&outcome.name].into_iter().chain(&outcome.columns) {
                add(name, NAMES_OUTCOME, "roles.outcome");
            }
        }
        self.faults.append(&mut faults);
        let mut parameters: BTreeSet<&str> = RESERVED.into_iter().collect();
        for (record, field) in self.fields.iter().zip(fields) {
            for parameter in [record.filter, record.filter_end] {
                if let Some(parameter) = parameter.get(self.pool.as_str())
                    && !parameters.insert(parameter)
                {
                    self.faults.push(format!(
                        "field {:?}: the parameter {parameter:?} is used twice",
                        field.name
                    ));
                }
            }
        }
        // A query would not tell a filter by one from a filter by the other.
        for (index, field) in fields.iter().enumerate() {
            let bounded = |other: &WrittenField, record: &FieldRecord| {
                let mut parameters = [record.filter, record.filter_end].into_iter();
                let mut bounds = ["_min", "_max", "_below"].into_iter();
                parameters.any(|parameter| parameter.get(self.pool.as_str()) == Some(&field.name))
                    || bounds.any(|bound| field.name.strip_suffix(bound) == Some(&other.name))
            };
            let mut others = fields.iter().zip(&self.fields).enumerate();
            if let Some((_, (other, _))) = others
                .find(|(position, (other, record))| *position != index && bounded(other, record))
            {
                self.faults.push(format!(
                    "field {:?}: the name is that of a parameter of {:?}; call it {}_field and keep the column under `columns`",
                    field.name, other.name, field.name
                ));
            }
        }
        // BTreeMap iterates in the order in which `Schema::named` searches.
        for (name, field) in known {
            let text = self.pool.add(&name);
            self.names.push(NameRecord {
                text,
                field,
                unused: 0,
            });
        }
    }

    fn head(
        &mut self,
        head: &WrittenHead,
        roles: &WrittenRoles,
        risk: &WrittenRisk,
        fields: &[WrittenField],
    ) -> Head {
        if head.format != FORMAT_VERSION {
            self.fault(
                "schema",
                format_args!("`format` must be {FORMAT_VERSION}, got {}", head.format),
            );
        }
        if !is_id(&head.name) {
            self.fault(
                "schema",
                "`name` must be of lower-case letters, digits and dashes",
            );
        }
        if head.currency.len() != 3 || !head.currency.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            self.fault(
                "schema",
                "`currency` must be a code of ISO 4217, such as USD",
            );
        }
        if head.as_of.date.is_none() || head.as_of.time.is_some() {
            self.fault("schema", "`as_of` must be a date, such as 2026-11-22");
        }
        let position = |name: &Option<String>| {
            let name = name.as_ref()?;
            Some(fields.iter().position(|field| field.name == *name))
        };
        let mut role = |key: &str, name: &Option<String>, kinds: &[Kind]| match position(name) {
            None => NO_FIELD,
            Some(Some(index)) if kinds.contains(&fields[index].kind) => index as u32,
            Some(found) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                let what = if found.is_some() {
                    "is of another kind"
                } else {
                    "is no field"
                };
                let detail = format!(
                    "`{key}` must name a field of kind {}; {:?} {what}",
                    kinds.join(" or "),
                    name.as_deref().unwrap_or_default()
                );
                self.faults.push(format!("roles: {detail}"));
                NO_FIELD
            }
        };
        let numbers = [Kind::Whole, Kind::Number];
        let amounts = [Kind::Money, Kind::Number];
        let tenure = role("tenure", &roles.tenure, &numbers);
        let recurring = role("recurring", &roles.recurring, &amounts);
        let lifetime = role("lifetime", &roles.lifetime, &amounts);
        let contactable = role("contactable", &roles.contactable, &[Kind::Flag]);
        if recurring == NO_FIELD {
            let priced = self
                .fields
                .iter()
                .zip(fields)
                .filter(|(record, _)| record.bits & layout::PRICED != 0);
            let priced: Vec<&str> = priced.map(|(_, field)| field.name.as_str()).collect();
            if !priced.is_empty() {
                self.faults.push(format!(
                    "roles: {} have prices, and `recurring` names no field that they move",
                    priced.join(", ")
                ));
            }
        }
        if lifetime != NO_FIELD && (recurring == NO_FIELD || tenure == NO_FIELD) {
            self.fault(
                "roles",
                "`lifetime` moves with `recurring` times `tenure`, so it needs both",
            );
        }
        let probability = |number: f64| 0.0 < number && number < 1.0;
        if !probability(risk.will_churn) {
            self.fault("risk", "`will_churn` must lie between 0 and 1");
        }
        if risk.levels.is_empty() || risk.levels.len() > 16 {
            self.fault("risk", "there must be 1 to 16 `levels`");
        }
        let rising = risk.levels.is_sorted_by(|a, b| a.from < b.from);
        let ends = risk.levels.first().is_some_and(|level| level.from == 0.0);
        if !rising
            || !ends
            || risk
                .levels
                .iter()
                .skip(1)
                .any(|level| !probability(level.from))
        {
            self.fault(
                "risk",
                "`levels` must begin at 0 (where no `from` is needed) and rise, below 1",
            );
        }
        for level in &risk.levels {
            if !is_id(&level.name) {
                self.fault(
                    "risk",
                    format_args!(
                        "the level {:?} must be of lower-case letters, digits and dashes",
                        level.name
                    ),
                );
            }
            let label = level.label.clone().unwrap_or_else(|| label_of(&level.name));
            let record = LevelRecord {
                from: level.from,
                name: self.pool.add(&level.name),
                label: self.pool.add(&label),
            };
            self.levels.push(record);
        }
        self.list = head.list.clone();
        self.distributions = head.distributions.clone();
        let outcome = roles.outcome.as_ref();
        let left = self.texts(
            outcome
                .into_iter()
                .flat_map(|outcome| outcome.left.iter().map(String::as_str)),
        );
        let stayed = self.texts(
            outcome
                .into_iter()
                .flat_map(|outcome| outcome.stayed.iter().map(String::as_str)),
        );
        let title = head.title.clone().unwrap_or_else(|| label_of(&head.name));
        let sign = match head.currency.as_str() {
            "USD" => "$".to_owned(),
            "EUR" => "€".to_owned(),
            "GBP" => "£".to_owned(),
            "JPY" => "¥".to_owned(),
            "INR" => "₹".to_owned(),
            other => format!("{other} "),
        };
        Head {
            will_churn: risk.will_churn,
            name: self.pool.add(&head.name),
            title: self.pool.add(&title),
            currency: self.pool.add(&head.currency),
            currency_sign: self.pool.add(&sign),
            as_of: self.pool.add(&head.as_of.to_string()),
            note: self.pool.add(&head.note),
            id: self.pool.add(&roles.id.name),
            id_column: self
                .pool
                .add(roles.id.columns.first().unwrap_or(&roles.id.name)),
            outcome: self
                .pool
                .add_if(outcome.map(|outcome| outcome.name.as_str())),
            left,
            stayed,
            tenure,
            recurring,
            lifetime,
            contactable,
            alarms: risk.alarms,
            personas: 0,
            list: Span::default(),
            distributions: Span::default(),
        }
    }

    /// What fields need, and an order in which each comes after those that it needs.
    fn needs(&mut self, schema: &Schema<'_>, fields: &[WrittenField]) {
        let mut needed: Vec<Vec<usize>> = vec![Vec::new(); fields.len()];
        for (index, field) in fields.iter().enumerate() {
            let entry = format!("field {:?}", field.name);
            let start = self.needs.len();
            for (name, value) in &field.needs {
                match condition(schema, name, value) {
                    Ok(condition) if condition.is_numeric() => {
                        self.fault(
                            &entry,
                            format_args!(
                                "`needs`: {name} is a number; only flags and choices can be needed"
                            ),
                        );
                    }
                    Ok(condition) => {
                        needed[index].push(condition.field());
                        let codes = schema.field(condition.field()).codes();
                        let mut allowed = [0; 4];
                        for code in (0..codes).filter(|code| condition.admits(*code as f64)) {
                            allowed[code / 64] |= 1 << (code % 64);
                        }
                        self.needs.push(NeedRecord {
                            field: condition.field() as u32,
                            unused: 0,
                            allowed,
                        });
                    }
                    Err(detail) => self.fault(&entry, format_args!("`needs`: {detail}")),
                }
            }
            self.fields[index].needs = span(start, self.needs.len());
        }
        let dependent = |index: &usize| !needed[*index].is_empty();
        let mut left: Vec<usize> = (0..fields.len()).filter(dependent).collect();
        while !left.is_empty() {
            let (ready, waiting): (Vec<usize>, Vec<usize>) = left
                .iter()
                .partition(|index| needed[**index].iter().all(|other| !left.contains(other)));
            if ready.is_empty() {
                let names: Vec<&str> = waiting
                    .iter()
                    .map(|index| fields[*index].name.as_str())
                    .collect();
                self.fault(
                    "schema",
                    format_args!("`needs` go round in a circle: {}", names.join(", ")),
                );
                return;
            }
            self.dependents
                .extend(ready.iter().map(|index| *index as u32));
            left = waiting;
        }
    }

    fn rules(
        &mut self,
        schema: &Schema<'_>,
        personas: &[WrittenPersona],
        stages: &[WrittenPersona],
    ) {
        for (kind, written) in [("persona", personas), ("stage", stages)] {
            let mut known = BTreeSet::new();
            if written.len() > MOST_RULES {
                self.fault(
                    "schema",
                    format_args!(
                        "there are {} entries [[{kind}]]; there may be {MOST_RULES}",
                        written.len()
                    ),
                );
            }
            for (index, persona) in written.iter().enumerate() {
                let entry = format!("{kind} {:?}", persona.name);
                if !is_id(&persona.name) {
                    self.fault(
                        &entry,
                        "`name` must be of lower-case letters, digits and dashes",
                    );
                }
                if !known.insert(&persona.name) {
                    self.fault(&entry, "the name is used twice");
                }
                let groups = self.groups.len();
                self.rule(schema, &entry, persona);
                let groups = span(groups, self.groups.len());
                let last = index + 1 == written.len();
                match (last, groups.length) {
                    (true, 1..) => self.fault(
                        &entry,
                        "the last one takes everybody who is left, so it must have no condition",
                    ),
                    (false, 0) => self.fault(
                        &entry,
                        "has no condition, so those after it are never reached",
                    ),
                    _ => {}
                }
                let label = persona
                    .label
                    .clone()
                    .unwrap_or_else(|| label_of(&persona.name));
                let record = PersonaRecord {
                    name: self.pool.add(&persona.name),
                    label: self.pool.add(&label),
                    description: self.pool.add(&persona.description),
                    groups,
                };
                self.personas.push(record);
            }
        }
    }

    fn rule(&mut self, schema: &Schema<'_>, entry: &str, persona: &WrittenPersona) {
        if let Some(when) = &persona.when {
            self.group(schema, entry, "when", 1, std::slice::from_ref(when));
        }
        if let Some(any) = &persona.any {
            self.group(schema, entry, "any", 1, any);
        }
        if let Some(all) = &persona.all {
            self.group(schema, entry, "all", all.len(), all);
        }
        if let Some(at_least) = &persona.at_least {
            self.group(schema, entry, "at_least", at_least.count, &at_least.of);
        }
    }

    fn group(
        &mut self,
        schema: &Schema<'_>,
        entry: &str,
        key: &str,
        least: usize,
        tables: &[Table],
    ) {
        if !(1..=tables.len()).contains(&least) {
            self.fault(
                entry,
                format_args!("`{key}` asks for {least} of {} conditions", tables.len()),
            );
        }
        let start = self.conjunctions.len();
        for table in tables {
            let first = self.conditions.len();
            if table.is_empty() {
                self.fault(entry, format_args!("`{key}` has an empty condition"));
            }
            for (name, value) in table {
                let read = impersonal(schema, name).and_then(|()| condition(schema, name, value));
                match read {
                    Ok(condition) => self.conditions.push(condition),
                    Err(detail) => self.fault(entry, format_args!("`{key}`: {detail}")),
                }
            }
            self.conjunctions.push(span(first, self.conditions.len()));
        }
        self.groups.push(GroupRecord {
            least: least as u32,
            unused: 0,
            conjunctions: span(start, self.conjunctions.len()),
        });
    }

    fn experiments(&mut self, schema: &Schema<'_>, experiments: &[WrittenExperiment]) {
        let mut known = BTreeSet::new();
        for experiment in experiments {
            let entry = format!("experiment {:?}", experiment.name);
            if !is_name(&experiment.name) || !known.insert(&experiment.name) {
                self.fault(
                    &entry,
                    "`name` must be of lower-case letters, digits and underscores, and used once",
                );
            }
            let Some(field) = schema
                .find(&experiment.arm)
                .filter(|field| field.kind() == Kind::Choice)
            else {
                self.fault(
                    &entry,
                    format_args!("`arm` must name a choice, got {:?}", experiment.arm),
                );
                continue;
            };
            let all = || {
                field
                    .values()
                    .map(|value| value.name().to_owned())
                    .collect()
            };
            let names: Vec<String> = experiment.arms.clone().unwrap_or_else(all);
            let shares = experiment
                .shares
                .clone()
                .unwrap_or_else(|| vec![1.0 / names.len() as f64; names.len()]);
            let whole: f64 = shares.iter().sum();
            if names.len() < 2 || shares.len() != names.len() {
                self.fault(
                    &entry,
                    "there must be two `arms` or more, and a share for each",
                );
            }
            if shares.iter().any(|share| !(0.0 < *share && *share < 1.0))
                || (whole - 1.0).abs() > 1e-6
            {
                self.fault(&entry, "`shares` must lie between 0 and 1 and add up to 1");
            }
            for (position, name) in names.iter().enumerate() {
                if names[..position].contains(name) {
                    self.fault(&entry, format_args!("the arm {name:?} is given twice"));
                }
            }
            let start = self.arms.len();
            for (name, share) in names.iter().zip(&shares) {
                match field.values().find(|value| value.name() == name) {
                    Some(value) => self.arms.push(ArmRecord {
                        share: *share,
                        code: value.code() as u32,
                        unused: 0,
                    }),
                    None => self.fault(
                        &entry,
                        format_args!("the arm {name:?} is no value of {}", field.name()),
                    ),
                }
            }
            let arms = span(start, self.arms.len());
            let segments = experiment.segments.clone().unwrap_or_else(|| {
                let fields = schema
                    .fields()
                    .filter(|other| other.kind().is_named() && other.filter().is_some());
                let fields = fields.filter(|other| other.index() != field.index());
                fields.map(|field| field.name().to_owned()).collect()
            });
            for segment in &segments {
                let named = schema
                    .find(segment)
                    .is_some_and(|field| field.kind().is_named() && field.filter().is_some());
                if !named && !["persona", "stage", "risk_level"].contains(&segment.as_str()) {
                    self.fault(
                        &entry,
                        format_args!("the segment {segment:?} is no flag or choice with a filter"),
                    );
                }
            }
            let segments = self.texts(segments.iter().map(String::as_str));
            let name = self.pool.add(&experiment.name);
            self.experiments.push(ExperimentRecord {
                name,
                segments,
                arms,
                arm: field.index() as u32,
                unused: 0,
            });
        }
    }

    /// The columns of the directory and the distributions of the analytics.
    fn lists_of(&mut self, schema: &Schema<'_>, head: &mut Head, fields: &[WrittenField]) {
        let listed = || {
            let listed = fields.iter().filter(|field| field.list);
            listed.map(|field| field.name.clone()).collect()
        };
        let list: Vec<String> = self.list.take().unwrap_or_else(listed);
        for name in &list {
            match schema.find(name) {
                Some(field) => self.fields[field.index()].bits |= layout::LISTED,
                None => self.fault("schema", format_args!("`list`: {name:?} is no field")),
            }
        }
        head.list = self.texts(list.iter().map(String::as_str));
        let can_be = |field: &Field<'_>| {
            field.filter().is_some() && (field.kind().is_named() || !field.bins().is_empty())
        };
        let of_rules = [
            ("persona", head.personas > 0),
            ("stage", self.personas.len() > head.personas as usize),
        ];
        let of_rules = || {
            of_rules
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .chain(["risk_level"])
        };
        let distributions: Vec<String> = self.distributions.take().unwrap_or_else(|| {
            let fields = schema.fields().filter(can_be).map(|field| field.name());
            fields.chain(of_rules()).map(str::to_owned).collect()
        });
        for name in &distributions {
            let fits = schema.find(name).is_some_and(|field| can_be(&field));
            if !fits && !of_rules().any(|rule| rule == name) {
                self.fault(
                    "schema",
                    format_args!("`distributions`: {name:?} is no field with a filter and values or bins, nor persona, stage or risk_level"),
                );
            }
        }
        head.distributions = self.texts(distributions.iter().map(String::as_str));
    }

    fn written(&self, head: &Head) -> AlignedBytes {
        let mut writer = Writer::new(&FORMAT);
        writer.write(Section::Text as usize, self.pool.as_str().as_bytes());
        writer.write(Section::Head as usize, std::slice::from_ref(head));
        writer.write(Section::Fields as usize, &self.fields);
        writer.write(Section::Values as usize, &self.values);
        writer.write(Section::Needs as usize, &self.needs);
        writer.write(Section::Names as usize, &self.names);
        writer.write(Section::Bins as usize, &self.bins);
        writer.write(Section::Dependents as usize, &self.dependents);
        writer.write(Section::Conditions as usize, &self.conditions);
        writer.write(Section::Conjunctions as usize, &self.conjunctions);
        writer.write(Section::Groups as usize, &self.groups);
        writer.write(Section::Personas as usize, &self.personas);
        writer.write(Section::Levels as usize, &self.levels);
        writer.write(Section::Lists as usize, &self.lists);
        writer.write(Section::Experiments as usize, &self.experiments);
        writer.write(Section::Shares as usize, &self.arms);
        AlignedBytes::from(writer.finish().as_slice())
    }
}

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
