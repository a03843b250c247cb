//! How a table is read: which field each column stands for, and how its cells are written.

use crate::evidence::{Evidence, Uncertain};
use crate::header::{self, Spread};
use crate::spelling::{Meaning, code_named, is_missing, meaning, name_of};
use crate::{Confirmed, Row, Table};
use schema::intake::{Columns, Json, OneHot, Quoted, json_code, yes_or_no};
use schema::number::{NumberStyle, is_currency_sign};
use schema::{Field, FieldError, FieldErrors, Kind, Named, Schema};
use std::collections::BTreeMap;

/// Different texts of a column that are kept; further ones count as none of its values.
const MOST_TEXTS: usize = 300;

/// Which fields a row needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// All: what a field can't hold refuses the row.
    All,
    /// Those that the model sees or that are required: others are missing where they can't be read.
    ByModel,
}

/// How a table is read.
#[derive(Debug)]
pub struct Reading {
    /// Where the fields are, and how their cells are read.
    pub columns: Columns,
    /// What was read in another way than it was written.
    pub evidence: Vec<Evidence>,
    /// What was read and is perhaps not what was meant.
    pub warnings: Vec<Evidence>,
    /// What is wrong with whole columns. With any, no row can be read.
    pub faults: FieldErrors,
    /// Whether exact names and values, row by row, say all there is to say.
    pub is_plain: bool,
    /// How many rows there are, without those that are none of the table.
    pub rows: u64,
}

/// What is found out about columns.
#[derive(Default)]
pub(crate) struct Findings {
    pub evidence: Vec<Evidence>,
    pub warnings: Vec<Evidence>,
    /// Warnings of fields without a column.
    pub missing: Vec<Evidence>,
    faults: FieldErrors,
    has_more: bool,
}

impl Findings {
    /// A fault that a reader of exact names would find, too.
    pub(crate) fn plain_fault(&mut self, fault: FieldError) {
        self.faults.push(fault);
    }

    pub(crate) fn fault(&mut self, fault: FieldError) {
        self.has_more = true;
        self.faults.push(fault);
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    pub(crate) fn uncertain(&mut self, uncertain: Uncertain) {
        let column = uncertain.column.clone().unwrap_or_default();
        self.fault(FieldError::new(&column, uncertain));
    }
}

impl Reading {
    /// Finds out how a table is read. All of its rows are looked at: what a column's cells mean is decided from all of them.
    pub fn of(
        schema: &Schema<'_>,
        table: &Table<'_>,
        confirmed: &Confirmed,
        needed: Needed,
    ) -> Self {
        let mut columns = Columns::unplaced(schema, table.columns().iter().cloned());
        let mut findings = Findings {
            evidence: table.evidence().to_vec(),
            ..Findings::default()
        };
        let (mut count, mut totals) = (0, 0);
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            count += u64::from(row.fault.is_none());
            totals += u64::from(row.fault.is_some() && row.is_total());
        }
        if totals > 0 {
            let reading = "a row that is a total of the others and no customer";
            findings.evidence.push(Evidence::of_input(reading, totals));
        }
        let spread = header::placed(
            schema,
            table.columns(),
            confirmed,
            table.is_json(),
            count,
            &mut columns,
            &mut findings,
        );
        let mut surveys: Vec<Survey<'_>> = schema
            .fields()
            .filter_map(|field| {
                let column = columns.column(Named::Field(field.index()))?;
                let mut survey = Survey::new(field, column, &table.columns()[column]);
                survey.is_number = table.is_number(column);
                Some(survey)
            })
            .collect();
        for survey in &mut surveys {
            survey.confirm(confirmed, &mut columns, &mut findings);
        }
        let mut outcomes = Tally::default();
        let mut of_values: Vec<SpreadSurvey<'_>> = spread
            .into_iter()
            .map(|spread| SpreadSurvey::new(schema, spread))
            .collect();
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            if row.fault.is_some() {
                continue;
            }
            for survey in &mut surveys {
                survey.see(&row, &columns);
            }
            for spread in &mut of_values {
                spread.see(&row);
            }
            if let Some(text) = columns
                .column(Named::Outcome)
                .and_then(|column| row.cell(column))
                && columns.outcome_of(schema, text).is_err()
            {
                outcomes.add(text.trim());
            }
        }
        decide_outcome(schema, table, outcomes, &mut columns, &mut findings);
        for spread in of_values {
            spread.decide(table.columns(), confirmed, &mut columns, &mut findings);
        }
        let styles = Styles::of(&surveys);
        let context = Context {
            is_plain_text: table
                .dialect()
                .is_none_or(|dialect| dialect.delimiter == b','),
            styles,
            confirmed,
            currency: schema.currency_sign(),
        };
        for survey in surveys {
            let is_needed =
                needed == Needed::All || survey.field.required() || survey.field.for_model();
            survey.decide(&context, is_needed, &mut columns, &mut findings);
        }
        let mut warnings = findings.warnings;
        warnings.append(&mut findings.missing);
        let is_plain = findings.evidence.is_empty() && warnings.is_empty() && !findings.has_more;
        Self {
            columns,
            evidence: findings.evidence,
            warnings,
            faults: findings.faults,
            is_plain,
            rows: count,
        }
    }
}

/// Texts and how often each was seen.
#[derive(Default)]
struct Tally {
    texts: BTreeMap<String, u64>,
    beyond: u64,
}

impl Tally {
    fn add(&mut self, text: &str) {
        if let Some(count) = self.texts.get_mut(text) {
            *count += 1;
        } else if self.texts.len() < MOST_TEXTS {
            self.texts.insert(text.to_owned(), 1);
        } else {
            self.beyond += 1;
        }
    }

    /// Whether a text is one of those that are no longer kept.
    fn is_beyond(&self, text: &str) -> bool {
        self.texts.len() >= MOST_TEXTS && !self.texts.contains_key(text)
    }

    fn count(&self) -> u64 {
        self.texts.values().sum::<u64>() + self.beyond
    }

    /// The most common texts in words.
    fn most_common(&self) -> String {
        let mut texts: Vec<(&String, &u64)> = self.texts.iter().collect();
        texts.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let named: Vec<String> = texts.iter().take(3).map(|(text, _)| quoted(text)).collect();
        let more = if texts.len() > named.len() {
            " and others"
        } else {
            ""
        };
        format!("{}{more}", named.join(" or "))
    }
}

fn quoted(text: &str) -> String {
    let text = Quoted(text).to_string();
    format!("'{}'", text.trim_matches('"'))
}

/// What decides between readings beyond the column itself.
struct Context<'a> {
    /// Whether a point can't be taken for a separator of thousands.
    is_plain_text: bool,
    styles: Styles,
    confirmed: &'a Confirmed,
    currency: &'a str,
}

/// The styles that columns have beyond doubt.
#[derive(Clone, Copy, Default)]
struct Styles {
    point: bool,
    comma: bool,
}

impl Styles {
    fn of(surveys: &[Survey<'_>]) -> Self {
        let is_point = |survey: &Survey<'_>| survey.point > 0 && survey.comma == 0;
        let is_comma = |survey: &Survey<'_>| survey.comma > 0 && survey.point == 0;
        Self {
            point: surveys.iter().any(is_point),
            comma: surveys.iter().any(is_comma),
        }
    }
}

/// What the cells of a field's column hold.
struct Survey<'w> {
    field: Field<'w>,
    column: usize,
    name: &'w str,
    /// Cells that are not blank.
    filled: u64,
    /// Those that need no further look, by the digit that they are: 0, 1 or something else.
    digits: [u64; 2],
    /// Texts that need a look.
    texts: Tally,
    /// Numbers that are one with a decimal point, or one with a decimal comma, or a different one with each.
    point: u64,
    comma: u64,
    either: u64,
    /// Numbers that no program would write, and those with the sign of a currency.
    styled: u64,
    currencies: Tally,
    is_confirmed: bool,
    /// Whether the cells are numbers and no texts, so that nobody wrote them in a way of their own.
    is_number: bool,
}

impl<'w> Survey<'w> {
    fn new(field: Field<'w>, column: usize, name: &'w str) -> Self {
        Self {
            field,
            column,
            name,
            filled: 0,
            digits: [0; 2],
            texts: Tally::default(),
            point: 0,
            comma: 0,
            either: 0,
            styled: 0,
            currencies: Tally::default(),
            is_confirmed: false,
            is_number: false,
        }
    }

    /// Takes over what the values of the column are confirmed to mean.
    fn confirm(&mut self, confirmed: &Confirmed, columns: &mut Columns, findings: &mut Findings) {
        let Some(pairs) = confirmed.get(self.name).filter(|pairs| pairs.contains('=')) else {
            return;
        };
        self.is_confirmed = true;
        for pair in pairs.split('|') {
            let Some((text, value)) = pair.rsplit_once('=') else {
                let detail = format!("is confirmed with {pair:?}, which is no text=value");
                findings.fault(FieldError::new(self.name, detail));
                continue;
            };
            let code = match self.field.kind().is_named() {
                true => code_named(self.field, value),
                false => json_code(self.field, &Json::Text(value.to_owned())).ok(),
            };
            match code {
                Some(code) => {
                    columns.accept(self.field.index(), text, code);
                    let reading = format!("{} is {}", quoted(text), quoted(value));
                    findings
                        .evidence
                        .push(Evidence::of_column(self.name, reading, 1));
                }
                None => {
                    let detail =
                        format!("is confirmed to have {value:?}, which is none of its values");
                    findings.fault(FieldError::new(self.name, detail));
                }
            }
        }
    }

    fn see(&mut self, row: &Row<'_>, columns: &Columns) {
        let text = row.cell(self.column).unwrap_or_default().trim();
        if text.is_empty() {
            return;
        }
        self.filled += 1;
        if columns.usual(self.field.index(), text).is_some() {
            match text {
                "0" => self.digits[0] += 1,
                "1" => self.digits[1] += 1,
                _ => {}
            }
            return;
        }
        if self.field.kind().is_named() {
            self.see_text(text);
            return;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) && self.holds(text.parse().ok()).is_some()
        {
            return;
        }
        let plain = self.holds(NumberStyle::Plain.number(text));
        let point = self.holds(NumberStyle::Point.number(text)).or(plain);
        let comma = self.holds(NumberStyle::Comma.number(text));
        match (point, comma) {
            (None, None) => return self.texts.add(text),
            (Some(_), None) => self.point += 1,
            (None, Some(_)) => self.comma += 1,
            (Some(point), Some(comma)) if point != comma => self.either += 1,
            _ => {}
        }
        if plain.is_none() {
            self.styled += 1;
            if let Some(sign) = text.chars().find(|letter| is_currency_sign(*letter)) {
                self.currencies.add(sign.encode_utf8(&mut [0; 4]));
            }
        }
    }

    /// Where one value stands for all others there is no end of texts that mean it, and they need no further look.
    fn see_text(&mut self, text: &str) {
        match self.field.other() {
            Some(other) if self.texts.is_beyond(text) => {
                if meaning(self.field, text) != Meaning::Code(other) {
                    self.texts.texts.insert(text.to_owned(), 1);
                }
            }
            _ => self.texts.add(text),
        }
    }

    /// A number that the field can hold.
    fn holds(&self, number: Option<f64>) -> Option<f64> {
        number.filter(|number| {
            self.field.range().contains(number)
                && (self.field.kind() != Kind::Whole || number.fract() == 0.0)
        })
    }

    fn decide(
        mut self,
        context: &Context<'_>,
        is_needed: bool,
        columns: &mut Columns,
        findings: &mut Findings,
    ) {
        let index = self.field.index();
        if !self.field.kind().is_named() {
            match self.style(context) {
                Ok(style) => {
                    columns.style(index, style);
                    self.tell_style(style, context, findings);
                }
                Err(uncertain) => findings.uncertain(uncertain),
            }
        }
        let texts = std::mem::take(&mut self.texts);
        let mut unfit = Tally {
            beyond: texts.beyond,
            ..Tally::default()
        };
        let mut perhaps = Vec::new();
        let mut accepted: Vec<(String, f64, u64)> = Vec::new();
        for (text, count) in texts.texts {
            let meant = match self.field.kind().is_named() {
                true => meaning(self.field, &text),
                false if is_missing(&text) => Meaning::Missing,
                false => Meaning::Unfit,
            };
            match meant {
                Meaning::Code(code) => accepted.push((text, code, count)),
                Meaning::Missing => accepted.push((text, f64::NAN, count)),
                Meaning::MissingOrNo(no) => perhaps.push((text, vec![no, f64::NAN], count)),
                Meaning::Perhaps(code) => perhaps.push((text, vec![code], count)),
                Meaning::Unfit => {
                    unfit.texts.insert(text, count);
                }
            }
        }
        // Codes of categories are digits throughout.
        if let Some(uncertain) = self.labels(&unfit, &accepted) {
            findings.uncertain(uncertain);
            return;
        }
        for (text, code, count) in accepted {
            columns.accept(index, &text, code);
            // What a choice has no other value for is no other reading.
            if self.field.other() == Some(code)
                && !code.is_nan()
                && meaning_is_other(self.field, &text)
            {
                continue;
            }
            let reading = match code.is_nan() {
                true => format!("{} is missing", quoted(&text)),
                false => format!(
                    "{} is {}",
                    quoted(&text),
                    quoted(&name_of(self.field, code))
                ),
            };
            findings
                .evidence
                .push(Evidence::of_column(self.name, reading, count));
        }
        let guessed: u64 = perhaps.iter().map(|(_, _, count)| *count).sum();
        // A slip in a few rows is a fault of these rows.
        if guessed > 0 && 20 * guessed >= self.filled {
            findings.uncertain(self.guess(&perhaps));
            return;
        }
        for (text, _, count) in perhaps {
            unfit.texts.insert(text, count);
        }
        let count = unfit.count();
        if count == 0 {
            return;
        }
        let example = unfit.texts.keys().next().cloned().unwrap_or_default();
        let rule = json_code(self.field, &Json::Text(example))
            .err()
            .map(|unfit| unfit.to_string());
        let rule = rule.map(|detail| {
            FieldError {
                pointer: String::new(),
                detail,
            }
            .rule()
            .to_owned()
        });
        let detail = format!(
            "{count} of {} values are {}; {}",
            self.filled,
            unfit.most_common(),
            rule.unwrap_or_default()
        );
        if !is_needed {
            columns.forgive(index);
            let reading = format!("{detail}; they are taken for missing");
            findings
                .warnings
                .push(Evidence::of_column(self.name, reading, count));
        } else if count >= 2 && 2 * count >= self.filled {
            findings.fault(FieldError::new(self.name, detail));
        }
    }

    /// How the numbers are written.
    fn style(&self, context: &Context<'_>) -> Result<NumberStyle, Uncertain> {
        if self.is_number {
            return Ok(NumberStyle::Plain);
        }
        let chosen = match context.confirmed.get("decimal") {
            Some("comma") => Some(NumberStyle::Comma),
            Some("point") => Some(NumberStyle::Point),
            _ => None,
        };
        let style = match (self.point > 0, self.comma > 0, self.either > 0) {
            (true, false, _) => NumberStyle::Point,
            (false, true, _) => NumberStyle::Comma,
            (false, false, false) => NumberStyle::Point,
            (true, true, _) => {
                return chosen.ok_or_else(|| {
                    self.uncertain_decimal(format!(
                        "has {} numbers with a decimal point and {} with a decimal comma",
                        self.point, self.comma
                    ))
                });
            }
            (false, false, true) => match (chosen, context.styles) {
                (Some(chosen), _) => chosen,
                (
                    None,
                    Styles {
                        point: true,
                        comma: false,
                    },
                ) => NumberStyle::Point,
                (
                    None,
                    Styles {
                        point: false,
                        comma: true,
                    },
                ) => NumberStyle::Comma,
                _ if context.is_plain_text && self.styled == 0 => NumberStyle::Point,
                _ => {
                    return Err(self.uncertain_decimal(format!(
                        "has {} numbers of which the last three digits may be decimals or thousands",
                        self.either
                    )));
                }
            },
        };
        Ok(match style {
            // Written by a program.
            NumberStyle::Point if self.styled == 0 => NumberStyle::Plain,
            style => style,
        })
    }

    fn uncertain_decimal(&self, detail: String) -> Uncertain {
        Uncertain {
            column: Some(self.name.to_owned()),
            detail,
            key: "decimal".to_owned(),
            values: ["comma", "point"].map(str::to_owned).to_vec(),
        }
    }

    fn tell_style(&self, style: NumberStyle, context: &Context<'_>, findings: &mut Findings) {
        if style == NumberStyle::Comma && self.comma + self.either > 0 {
            let count = self.comma + self.either;
            findings
                .evidence
                .push(Evidence::of_column(self.name, "decimal comma", count));
        } else if style != NumberStyle::Plain && self.styled > self.currencies.count() {
            let count = self.styled - self.currencies.count();
            findings
                .evidence
                .push(Evidence::of_column(self.name, "separated thousands", count));
        }
        for (sign, count) in &self.currencies.texts {
            let reading = format!("{} is left out", quoted(sign));
            findings
                .evidence
                .push(Evidence::of_column(self.name, reading, *count));
            if self.field.kind() == Kind::Money && !context.currency.contains(sign.as_str()) {
                let reading = format!(
                    "amounts have the sign {}, and the schema's currency is {}",
                    quoted(sign),
                    context.currency
                );
                findings
                    .warnings
                    .push(Evidence::of_column(self.name, reading, *count));
            }
        }
    }

    /// The proposal for a column that holds positions in place of values.
    fn labels(&self, unfit: &Tally, accepted: &[(String, f64, u64)]) -> Option<Uncertain> {
        if !self.field.kind().is_named()
            || self.field.other().is_some()
            || self.is_confirmed
            || unfit.beyond > 0
        {
            return None;
        }
        let position = |text: &str| {
            text.parse::<f64>()
                .ok()
                .filter(|code| code.fract() == 0.0 && (0.0..256.0).contains(code))
        };
        let mut texts: Vec<(String, f64)> = Vec::new();
        for text in unfit.texts.keys() {
            texts.push((text.clone(), position(text)?));
        }
        if texts.is_empty() {
            return None;
        }
        // The digits of a flag are yes and no unless a third one is among them.
        let digits: u64 = self.digits.iter().sum();
        let as_digits = accepted
            .iter()
            .filter_map(|(text, _, count)| Some((text, position(text)?, *count)));
        let mut also: u64 = digits;
        for (text, code, count) in as_digits {
            texts.push((text.clone(), code));
            also += count;
        }
        if also + unfit.count() != self.filled {
            return None;
        }
        for (digit, count) in self.digits.iter().enumerate() {
            if *count > 0 {
                texts.push((digit.to_string(), digit as f64));
            }
        }
        texts.sort_by(|one, other| one.1.total_cmp(&other.1));
        // As scikit-learn's LabelEncoder and pandas' codes have them: by the alphabet.
        let mut names: Vec<String> = (0..self.field.codes())
            .map(|code| name_of(self.field, code as f64))
            .collect();
        names.sort();
        let first = if texts[0].1 == 0.0 { 0 } else { 1 };
        let mut pairs = Vec::new();
        for (text, position) in &texts {
            let name = names.get((*position as usize).checked_sub(first)?)?;
            pairs.push(format!("{text}={name}"));
        }
        Some(Uncertain {
            column: Some(self.name.to_owned()),
            detail: format!(
                "has positions in place of values, {} to {}, perhaps in the order of the alphabet",
                texts[0].0,
                texts[texts.len() - 1].0
            ),
            key: self.name.to_owned(),
            values: vec![pairs.join("|")],
        })
    }

    /// The proposal for texts that are perhaps values.
    fn guess(&self, perhaps: &[(String, Vec<f64>, u64)]) -> Uncertain {
        let pairs = |choice: usize| {
            let pairs = perhaps.iter().map(|(text, codes, _)| {
                let code = codes
                    .get(choice)
                    .or(codes.first())
                    .copied()
                    .unwrap_or(f64::NAN);
                format!("{text}={}", name_of(self.field, code))
            });
            pairs.collect::<Vec<_>>().join("|")
        };
        let mut values = vec![pairs(0)];
        if perhaps.iter().any(|(_, codes, _)| codes.len() > 1) {
            values.push(pairs(1));
        }
        let texts: Vec<String> = perhaps
            .iter()
            .take(3)
            .map(|(text, _, _)| quoted(text))
            .collect();
        let count: u64 = perhaps.iter().map(|(_, _, count)| count).sum();
        Uncertain {
            column: Some(self.name.to_owned()),
            detail: format!(
                "{count} of {} values are {}, which are not quite values of {}",
                self.filled,
                texts.join(" or "),
                self.field.name()
            ),
            key: self.name.to_owned(),
            values,
        }
    }
}

/// Whether a text is taken for the value that stands for all others.
fn meaning_is_other(field: Field<'_>, text: &str) -> bool {
    let other = field.other().and_then(|code| field.value(code));
    other.is_some_and(|other| {
        let folded = crate::fold::folded(text);
        let mut names = [other.name()].into_iter().chain(other.spelled());
        !names.any(|name| crate::fold::folded(name) == folded)
    })
}

/// What the outcome's column holds beside what the schema names.
fn decide_outcome(
    schema: &Schema<'_>,
    table: &Table<'_>,
    outcomes: Tally,
    columns: &mut Columns,
    findings: &mut Findings,
) {
    let Some(column) = columns.column(Named::Outcome) else {
        return;
    };
    let name = &table.columns()[column];
    for (text, count) in outcomes.texts {
        let folded = crate::fold::folded(&text);
        let is_one = |mut spellings: Box<dyn Iterator<Item = &str> + '_>| {
            !folded.is_empty() && spellings.any(|spelling| crate::fold::folded(spelling) == folded)
        };
        let left = match (
            is_one(Box::new(schema.left_spellings())),
            is_one(Box::new(schema.stayed_spellings())),
        ) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => yes_or_no(&text),
        };
        if left.is_none() && !is_missing(&text) {
            continue;
        }
        columns.accept_outcome(&text, left);
        let meant = match left {
            Some(true) => "left",
            Some(false) => "stayed",
            None => "missing",
        };
        let reading = format!("{} is {meant}", quoted(&text));
        findings
            .evidence
            .push(Evidence::of_column(name, reading, count));
    }
}

/// What the columns hold over which a field is spread.
struct SpreadSurvey<'w> {
    field: Field<'w>,
    spread: Spread,
    /// Rows in which one column says yes, and in which none does.
    one: u64,
    none: u64,
}

impl<'w> SpreadSurvey<'w> {
    fn new(schema: &Schema<'w>, spread: Spread) -> Self {
        Self {
            field: schema.field(spread.field),
            spread,
            one: 0,
            none: 0,
        }
    }

    fn see(&mut self, row: &Row<'_>) {
        let cells = self
            .spread
            .columns
            .iter()
            .filter_map(|(column, _)| yes_or_no(row.cell(*column)?));
        let (mut known, mut yes) = (0, 0);
        for cell in cells {
            known += 1;
            yes += u64::from(cell);
        }
        self.one += u64::from(yes == 1);
        self.none += u64::from(yes == 0 && known > 0);
    }

    fn decide(
        self,
        names: &[String],
        confirmed: &Confirmed,
        columns: &mut Columns,
        findings: &mut Findings,
    ) {
        let Self {
            field,
            spread,
            one,
            none,
        } = self;
        let left: Vec<f64> = (0..field.codes())
            .map(|code| code as f64)
            .filter(|code| {
                !spread
                    .columns
                    .iter()
                    .any(|(_, of_column)| of_column == code)
            })
            .collect();
        let key = field.column();
        let named = confirmed
            .get(key)
            .and_then(|value| code_named(field, value.strip_prefix("none=")?));
        let base = match (named, left.as_slice()) {
            _ if none == 0 => None,
            (Some(code), _) => Some(code),
            (None, [code]) => Some(*code),
            // A flag that is not yes is no, or lacks what it needs, which its needs tell.
            (None, [no, ..]) if field.kind() == Kind::Flag && *no == 0.0 => Some(0.0),
            (None, left) => {
                let mut values: Vec<String> = left
                    .iter()
                    .map(|code| format!("none={}", name_of(field, *code)))
                    .collect();
                values.sort();
                values.push("none=missing".to_owned());
                findings.uncertain(Uncertain {
                    column: Some(key.to_owned()),
                    detail: format!(
                        "is spread over {} columns, of which none says yes in {none} rows",
                        spread.columns.len()
                    ),
                    key: key.to_owned(),
                    values,
                });
                return;
            }
        };
        let listed: Vec<&str> = spread
            .columns
            .iter()
            .map(|(column, _)| names[*column].as_str())
            .collect();
        let mut reading = format!("is spread over {}", listed.join(", "));
        if let Some(base) = base {
            reading += &format!("; none is {}", quoted(&name_of(field, base)));
        }
        findings
            .evidence
            .push(Evidence::of_column(field.column(), reading, one + none));
        columns.spread(
            spread.field,
            OneHot {
                columns: spread.columns,
                base,
            },
        );
    }
}
