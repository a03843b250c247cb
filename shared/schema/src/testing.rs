//! Random schemas, profiles and changes for property tests.
//!
//! ```
//! use proptest::prelude::*;
//! use schema::testing::{Draws, schemas};
//!
//! proptest!(|(text in schemas(), mut draws in any::<Vec<u32>>().prop_map(Draws::new))| {
//!     let bytes = schema::source::compile(&text).expect("it is valid");
//!     let schema = schema::Schema::open(&bytes)?;
//!     let profile = draws.profile(&schema);
//!     prop_assert_eq!(profile.codes().len(), schema.len());
//! });
//! ```

use crate::profile::Codes;
use crate::{Change, ChangePolicy, Field, Kind, Profile, Schema};
use proptest::prelude::*;
use std::fmt::Write;

/// What a random field is made of; what does not go with its kind is left out.
type Drawn = (
    usize,
    usize,
    u32,
    (prop::sample::Index, u8),
    Vec<i16>,
    (usize, usize),
);

/// The texts of random valid schemas: all kinds, needs without circles, prices, changes, optional and required fields, roles, risk
/// levels, personas, stages and experiments.
pub fn schemas() -> impl Strategy<Value = String> {
    let field = (
        0..Kind::ALL.len(),
        1..=6usize,
        any::<u32>(),
        any::<(prop::sample::Index, u8)>(),
        prop::collection::vec(-5_000..5_000i16, 6),
        (0..ChangePolicy::ALL.len(), 0..4usize),
    );
    let fields = prop::collection::vec(field, 1..12);
    (fields, any::<u32>()).prop_map(|(fields, bits)| text(&fields, bits))
}

fn text(fields: &[Drawn], bits: u32) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = written(&mut text, fields, bits);
    text
}

fn has(bits: u32, bit: u32) -> bool {
    bits >> bit & 1 == 1
}

/// A value of field 0 to 4 by its position. Some need quotes or more than a byte for a character.
fn value_name(position: usize) -> String {
    ["Basic", "Plus é", "2 \\\"lines\\\"", "no", "a-b", "V_6"][position].to_owned()
}

fn written(text: &mut String, fields: &[Drawn], bits: u32) -> std::fmt::Result {
    let kind = |index: usize| Kind::ALL[fields[index].0];
    let of_kind = |wanted: &[Kind]| {
        let mut found = (0..fields.len()).filter(|index| wanted.contains(&kind(*index)));
        found.next()
    };
    let currency = if has(bits, 0) { "EUR" } else { "CHF" };
    writeln!(
        text,
        "format = 1\nname = \"random\"\ncurrency = {currency:?}\nas_of = 2026-01-31\n\n[roles]"
    )?;
    writeln!(text, "id = {{ columns = [\"Account\"] }}")?;
    if has(bits, 1) {
        writeln!(
            text,
            "outcome = {{ name = \"gone\", columns = [\"Gone\"], left = [\"Out\"], stayed = [\"In\"] }}"
        )?;
    }
    let amounts: Vec<usize> = (0..fields.len())
        .filter(|index| kind(*index) == Kind::Money)
        .collect();
    let tenure = of_kind(&[Kind::Whole]).filter(|_| has(bits, 2));
    let recurring = amounts.first().copied();
    if let Some(tenure) = tenure {
        writeln!(text, "tenure = \"field_{tenure}\"")?;
    }
    if let Some(recurring) = recurring {
        writeln!(text, "recurring = \"field_{recurring}\"")?;
    }
    if let (Some(_), Some(lifetime)) = (tenure, amounts.get(1)) {
        writeln!(text, "lifetime = \"field_{lifetime}\"")?;
    }
    if let Some(flag) = of_kind(&[Kind::Flag]).filter(|_| has(bits, 3)) {
        writeln!(text, "contactable = \"field_{flag}\"")?;
    }
    if has(bits, 4) {
        writeln!(
            text,
            "\n[risk]\nwill_churn = 0.4\nalarms = 1\nlevels = [{{ name = \"calm\" }}, {{ name = \"high\", from = 0.6 }}]"
        )?;
    }
    let mut usable = Vec::new();
    for (index, drawn) in fields.iter().enumerate() {
        if one_field(text, fields, index, drawn, recurring.is_some())? {
            usable.push(index);
        }
    }
    for (list, on) in [("persona", has(bits, 5)), ("stage", has(bits, 6))] {
        if !on {
            continue;
        }
        for (position, &index) in usable.iter().take(3).enumerate() {
            writeln!(text, "\n[[{list}]]\nname = \"{list}-{position}\"")?;
            let condition = condition(kind(index));
            match position {
                0 => writeln!(text, "when = {{ field_{index} = {condition} }}")?,
                1 => writeln!(text, "any = [{{ field_{index} = {condition} }}]")?,
                _ => writeln!(
                    text,
                    "at_least = {{ count = 1, of = [{{ field_{index} = {condition} }}, {{ field_{} = {} }}] }}",
                    usable[0],
                    self::condition(kind(usable[0])),
                )?,
            }
        }
        writeln!(text, "\n[[{list}]]\nname = \"others\"")?;
    }
    let arm = (0..fields.len()).find(|index| kind(*index) == Kind::Choice && fields[*index].1 > 1);
    if let Some(arm) = arm.filter(|_| has(bits, 7)) {
        writeln!(
            text,
            "\n[[experiment]]\nname = \"trial\"\narm = \"field_{arm}\""
        )?;
    }
    Ok(())
}

/// A condition that some customers pass.
fn condition(kind: Kind) -> String {
    match kind {
        Kind::Flag => "true".to_owned(),
        Kind::Choice => format!("\"{}\"", value_name(0)),
        Kind::Whole | Kind::Number | Kind::Money => "{ above = 3 }".to_owned(),
    }
}

/// Writes a field, and says whether rules may ask for it.
fn one_field(
    text: &mut String,
    fields: &[Drawn],
    index: usize,
    drawn: &Drawn,
    recurring: bool,
) -> Result<bool, std::fmt::Error> {
    let (kind, count, bits, (needed, allowed), cents, (change, about)) = drawn;
    let kind = Kind::ALL[*kind];
    let change = ChangePolicy::ALL[*change];
    let price = |position: usize| f64::from(cents[position]) / 100.0;
    writeln!(
        text,
        "\n[[field]]\nname = \"field_{index}\"\nkind = {:?}",
        kind.name()
    )?;
    if has(*bits, 0) {
        writeln!(
            text,
            "columns = [\"Column{index}\", \"Further column {index}\"]"
        )?;
    }
    if has(*bits, 1) {
        writeln!(text, "label = \"Field no. {index}\"")?;
    }
    writeln!(text, "required = {}", has(*bits, 2))?;
    writeln!(text, "model = {}", has(*bits, 3))?;
    writeln!(text, "filter = {}", has(*bits, 4))?;
    writeln!(text, "list = {}", has(*bits, 5))?;
    let changes = kind.is_named() && change != ChangePolicy::Never;
    let about = match about {
        0 if !changes => "person",
        1 => "behaviour",
        2 => "money",
        _ => "plan",
    };
    writeln!(text, "about = {about:?}")?;
    if kind.is_named() {
        writeln!(text, "change = {:?}", change.name())?;
        one_need(text, fields, index, *needed, *allowed, *bits)?;
    }
    match kind {
        Kind::Flag => {
            if recurring && has(*bits, 6) {
                writeln!(text, "price = {:?}", price(0))?;
            }
            if has(*bits, 7) {
                writeln!(text, "words = [\"not {index}\", \"with {index}\"]")?;
            }
        }
        Kind::Choice => {
            let values: Vec<String> = (0..*count)
                .map(|position| {
                    let name = value_name(position);
                    let price = if recurring && has(*bits, 6) {
                        price(position)
                    } else {
                        0.0
                    };
                    let other = has(*bits, 8) && position == 0;
                    format!(
                        "{{ name = \"{name}\", spelled = [\"s{position}\"], price = {price:?}, other = {other} }}"
                    )
                })
                .collect();
            writeln!(text, "values = [{}]", values.join(", "))?;
        }
        Kind::Whole | Kind::Number | Kind::Money => {
            if has(*bits, 6) {
                writeln!(text, "least = -40\nmost = 90")?;
            }
            if has(*bits, 7) {
                writeln!(
                    text,
                    "unit = \"thing\"\nwords = \"{{value}} {{unit}} of it\""
                )?;
            }
            if has(*bits, 8) {
                writeln!(text, "bins = [0, 1, 10]\nunknown = \"nobody asked\"")?;
            }
            if has(*bits, 9) {
                let side = if has(*bits, 10) { "above" } else { "below" };
                writeln!(text, "alarm = {{ {side} = 5 }}")?;
            }
        }
    }
    Ok(about != "person")
}

/// Makes a field need one before it, if there is one of a kind that can be needed.
fn one_need(
    text: &mut String,
    fields: &[Drawn],
    index: usize,
    needed: prop::sample::Index,
    allowed: u8,
    bits: u32,
) -> std::fmt::Result {
    let named: Vec<usize> = (0..index)
        .filter(|index| Kind::ALL[fields[*index].0].is_named())
        .collect();
    if named.is_empty() || !has(bits, 11) {
        return Ok(());
    }
    let of_one = |needed: usize| {
        let (kind, count, ..) = fields[needed];
        let allowed = match Kind::ALL[kind] {
            Kind::Flag => has(u32::from(allowed), 0).to_string(),
            _ => {
                let among: Vec<String> = (0..count)
                    .filter(|position| *position == 0 || has(u32::from(allowed), *position as u32))
                    .map(|position| format!("\"{}\"", value_name(position)))
                    .collect();
                format!("[{}]", among.join(", "))
            }
        };
        format!("field_{needed} = {allowed}")
    };
    let first = named[needed.index(named.len())];
    let mut needs = vec![of_one(first)];
    if let Some(second) = named.iter().find(|other| **other != first)
        && has(bits, 12)
    {
        needs.push(of_one(*second));
    }
    writeln!(text, "needs = {{ {} }}", needs.join(", "))?;
    if Kind::ALL[fields[index].0] == Kind::Flag && has(bits, 13) {
        writeln!(text, "without = {{ spelled = \"Not possible\" }}")?;
    }
    Ok(())
}

/// Random numbers that decide codes. When they run out, the rest is 0.
#[derive(Clone, Debug)]
pub struct Draws(std::vec::IntoIter<u32>);

impl Draws {
    /// Draws of these numbers.
    pub fn new(numbers: Vec<u32>) -> Self {
        Self(numbers.into_iter())
    }

    fn next(&mut self) -> usize {
        self.0.next().unwrap_or_default() as usize
    }

    /// A code that the field may hold, NaN now and then where it need not be known. It says that the field is absent only where
    /// `absent`.
    fn code(&mut self, field: Field<'_>, absent: bool) -> f64 {
        let draw = self.next();
        if !field.required() && draw.is_multiple_of(5) {
            return f64::NAN;
        }
        let draw = self.next();
        match field.kind() {
            Kind::Flag | Kind::Choice if absent => (draw % field.codes()) as f64,
            Kind::Flag | Kind::Choice => (draw % field.choices()) as f64,
            Kind::Whole => field.clamped((draw % 200) as f64 - 60.0),
            Kind::Number | Kind::Money => field.clamped((draw % 40_000) as f64 / 128.0 - 60.0),
        }
    }

    /// Codes that fit their fields, and need not fit each other.
    pub fn codes(&mut self, schema: &Schema<'_>) -> Codes {
        schema
            .fields()
            .map(|field| self.code(field, true))
            .collect()
    }

    /// A profile.
    pub fn profile(&mut self, schema: &Schema<'_>) -> Profile {
        let mut codes: Codes = schema
            .fields()
            .map(|field| self.code(field, false))
            .collect();
        for &field in schema.dependents() {
            let field = schema.field(field as usize);
            let unmet = field.needs().iter().any(|need| {
                let code = codes[need.field()];
                !code.is_nan() && !need.allows(code)
            });
            if unmet {
                codes[field.index()] = field.absent_code();
            }
        }
        let refused = |field: usize, fault| {
            panic!("{} {fault}", schema.field(field).name());
        };
        schema
            .admit(codes, refused)
            .expect("nothing of it was refused")
    }

    /// A change of a few fields to codes that fit them.
    pub fn change(&mut self, schema: &Schema<'_>) -> Change {
        let count = 1 + self.next() % 3;
        let altered: Vec<(usize, f64)> = (0..count)
            .map(|_| {
                let field = schema.field(self.next() % schema.len());
                (field.index(), self.code(field, false))
            })
            .collect();
        Change::of(altered)
    }
}
