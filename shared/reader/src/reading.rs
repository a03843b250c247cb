//! How a table is read: which field each column stands for, and how its cells are written.

use crate::evidence::{Evidence, Uncertain};
use crate::header::{self, Spread};
use crate::numbers::{Context, Numbers};
use crate::spelling::{Meaning, code_named, is_missing, meaning, name_of};
use crate::tally::{Tally, quoted};
use crate::{Aside, Confirmed, Row, Table};
use schema::intake::{Columns, Json, OneHot, json_code, yes_or_no};
use schema::number::is_currency_sign;
use schema::{Field, FieldError, FieldErrors, Kind, Named, Schema};
use std::collections::BTreeMap;

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
    /// What is wrong with whole columns. With any, the table as a whole can't be read.
    pub faults: FieldErrors,
    /// Those of the faults that are of most values of a column: rows with others can be read.
    pub of_values: FieldErrors,
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
    of_values: FieldErrors,
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
    ///
    /// The other rows of a table of which this is a [sample](Table::as_sample) are read by the same decisions; what the sample says
    /// nothing of can't be read in them.
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
        let mut count = 0;
        let mut asides: BTreeMap<Aside, u64> = BTreeMap::new();
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            count += u64::from(row.fault.is_none());
            if let Some(aside) = row.aside() {
                *asides.entry(aside).or_default() += 1;
            }
        }
        for (aside, rows) in asides {
            let reading = format!("a row that {} and is no customer", aside.fault());
            findings.evidence.push(Evidence::of_input(reading, rows));
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
                survey.numbers.are_typed = table.is_number(column);
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
            spread.decide(table, confirmed, &mut columns, &mut findings);
        }
        let numbers = surveys.iter().map(|survey| &survey.numbers);
        let context = Context::of(table, confirmed, numbers);
        for survey in surveys {
            let is_needed =
                needed == Needed::All || survey.field.required() || survey.field.for_model();
            survey.decide(
                &context,
                schema.currency_sign(),
                is_needed,
                &mut columns,
                &mut findings,
            );
        }
        let mut warnings = findings.warnings;
        warnings.append(&mut findings.missing);
        let is_plain = findings.evidence.is_empty() && warnings.is_empty() && !findings.has_more;
        Self {
            columns,
            evidence: findings.evidence,
            warnings,
            faults: findings.faults,
            of_values: findings.of_values,
            is_plain,
            rows: count,
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
    numbers: Numbers,
    is_confirmed: bool,
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
            numbers: Numbers::default(),
            is_confirmed: false,
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
                false if crate::fold::folded(value) == "missing" => Some(f64::NAN),
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
        let (range, is_whole) = (self.field.range(), self.field.kind() == Kind::Whole);
        let holds = |number: f64| range.contains(&number) && (!is_whole || number.fract() == 0.0);
        if text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse().is_ok_and(holds) {
            return;
        }
        if !self.numbers.see(text, holds) {
            self.texts.add(text);
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

    fn decide(
        mut self,
        context: &Context<'_>,
        currency: &str,
        is_needed: bool,
        columns: &mut Columns,
        findings: &mut Findings,
    ) {
        let index = self.field.index();
        if !self.field.kind().is_named() {
            match self.numbers.style(self.name, context) {
                Ok(style) => {
                    columns.style(index, style);
                    let evidence = self.numbers.evidence(self.name, style);
                    findings.evidence.extend(evidence);
                    self.compare_currency(currency, findings);
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
            let fault = FieldError::new(self.name, detail);
            findings.of_values.push(fault.clone());
            findings.fault(fault);
        }
    }

    /// Warns of signs of another currency.
    fn compare_currency(&self, currency: &str, findings: &mut Findings) {
        if self.field.kind() != Kind::Money {
            return;
        }
        for (sign, count) in &self.numbers.signs.texts {
            if sign.chars().all(is_currency_sign) && !currency.contains(sign.as_str()) {
                let reading = format!(
                    "amounts have the sign {}, and the schema's currency is {currency}",
                    quoted(sign)
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
        let Some(left) = left_of(schema, &text) else {
            continue;
        };
        columns.accept_outcome(&text, left);
        let reading = format!("{} is {}", quoted(&text), meant(left));
        findings
            .evidence
            .push(Evidence::of_column(name, reading, count));
    }
}

/// Whether a text says in some spelling that a customer left; the inner none where it says that this is not known, the outer where it
/// says nothing.
pub(crate) fn left_of(schema: &Schema<'_>, text: &str) -> Option<Option<bool>> {
    let folded = crate::fold::folded(text);
    let is_one = |mut spellings: Box<dyn Iterator<Item = &str> + '_>| {
        !folded.is_empty() && spellings.any(|spelling| crate::fold::folded(spelling) == folded)
    };
    let left = match (
        is_one(Box::new(schema.left_spellings())),
        is_one(Box::new(schema.stayed_spellings())),
    ) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => yes_or_no(text),
    };
    (left.is_some() || is_missing(text)).then_some(left)
}

/// An outcome in a word.
pub(crate) fn meant(left: Option<bool>) -> &'static str {
    match left {
        Some(true) => "left",
        Some(false) => "stayed",
        None => "missing",
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
        table: &Table<'_>,
        confirmed: &Confirmed,
        columns: &mut Columns,
        findings: &mut Findings,
    ) {
        let names = table.columns();
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
            _ if none == 0 && !table.is_sample() => None,
            (Some(code), _) => Some(code),
            (None, [code]) => Some(*code),
            // A flag that is not yes is no, or lacks what it needs, which its needs tell.
            (None, [no, ..]) if field.kind() == Kind::Flag && *no == 0.0 => Some(0.0),
            // A row that says nothing of its kind may still come, and can't be read.
            _ if none == 0 => None,
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
