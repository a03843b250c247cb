//! Cells in one spelling where no schema says what they mean: missing values blank, numbers with a decimal point.

use crate::evidence::{Evidence, Uncertain};
use crate::numbers::{Context, Numbers};
use crate::spelling::{is_missing, may_be_a_value};
use crate::tally::{Tally, quoted};
use crate::{Confirmed, Table};
use schema::intake::yes_or_no;
use schema::number::NumberStyle;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A column holds numbers if this many percent of its cells that are not missing are some.
const LEAST_NUMBERS: u64 = 98;

/// What the columns of a table hold, found out from all of their cells.
#[derive(Debug)]
pub struct PlainCells {
    /// The columns, in the order of the table.
    pub columns: Vec<PlainColumn>,
    /// What is written in another way than it was.
    pub evidence: Vec<Evidence>,
}

/// What a column holds.
#[derive(Debug, Serialize)]
pub struct PlainColumn {
    /// The column's name.
    pub name: String,
    /// How its numbers are written; none if it holds texts.
    #[serde(skip)]
    style: Option<NumberStyle>,
    /// Whether it holds numbers.
    pub numbers: bool,
    /// Cells that say yes, each spelling once.
    pub yes: BTreeSet<String>,
    /// Cells that say no, each spelling once.
    pub no: BTreeSet<String>,
}

/// What is counted of a column.
#[derive(Default)]
struct Survey {
    filled: u64,
    numbers: Numbers,
    /// Texts that say that nothing is known, and those that may also be values of a choice.
    missing: Tally,
    perhaps_missing: Tally,
    yes: BTreeSet<String>,
    no: BTreeSet<String>,
}

impl PlainCells {
    /// Looks at all cells of a table.
    ///
    /// # Errors
    /// One for each column whose numbers can't be told apart.
    pub fn of(table: &Table<'_>, confirmed: &Confirmed) -> Result<Self, Vec<Uncertain>> {
        let mut surveys: Vec<Survey> = Vec::new();
        for column in 0..table.columns().len() {
            let mut survey = Survey::default();
            survey.numbers.are_typed = table.is_number(column);
            surveys.push(survey);
        }
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            if row.fault.is_some() {
                continue;
            }
            for (survey, cell) in surveys.iter_mut().zip(row.cells()) {
                survey.see(cell.unwrap_or_default().trim());
            }
        }
        let of_numbers = surveys.iter().filter(|survey| survey.holds_numbers());
        let context = Context::of(table, confirmed, of_numbers.map(|survey| &survey.numbers));
        let mut plain = Self {
            columns: Vec::new(),
            evidence: Vec::new(),
        };
        let mut uncertain = Vec::new();
        for (name, survey) in table.columns().iter().zip(surveys) {
            match survey.style(name, &context) {
                Ok(style) => plain.add(name, survey, style),
                Err(why) => uncertain.push(why),
            }
        }
        if uncertain.is_empty() {
            Ok(plain)
        } else {
            Err(uncertain)
        }
    }

    fn add(&mut self, name: &str, survey: Survey, style: Option<NumberStyle>) {
        let also = style.map(|_| &survey.perhaps_missing.texts);
        for (text, count) in survey
            .missing
            .texts
            .iter()
            .chain(also.into_iter().flatten())
        {
            let reading = format!("{} is missing", quoted(text));
            self.evidence
                .push(Evidence::of_column(name, reading, *count));
        }
        if let Some(style) = style {
            self.evidence.extend(survey.numbers.evidence(name, style));
        }
        self.columns.push(PlainColumn {
            name: name.to_owned(),
            style,
            numbers: style.is_some(),
            yes: survey.yes,
            no: survey.no,
        });
    }
}

impl PlainColumn {
    /// A cell in the one spelling.
    pub fn cell<'c>(&self, cell: &'c str) -> Cow<'c, str> {
        let text = cell.trim();
        if is_missing(text) && (self.numbers || !may_be_a_value(text)) {
            return Cow::Borrowed("");
        }
        let number = match self.style {
            // A program wrote it, and may have meant its digits: leading zeros are part of an id.
            None | Some(NumberStyle::Plain) => None,
            Some(style) => style.number(text),
        };
        number.map_or(Cow::Borrowed(text), |number| Cow::Owned(number.to_string()))
    }
}

impl Survey {
    fn see(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if is_missing(text) {
            match may_be_a_value(text) {
                true => self.perhaps_missing.add(text),
                false => self.missing.add(text),
            }
            return;
        }
        self.filled += 1;
        match yes_or_no(text) {
            Some(true) => self.yes.insert(text.to_owned()),
            Some(false) => self.no.insert(text.to_owned()),
            None => false,
        };
        self.numbers.see(text, f64::is_finite);
    }

    fn holds_numbers(&self) -> bool {
        self.filled > 0 && self.numbers.most() * 100 >= self.filled * LEAST_NUMBERS
    }

    fn style(&self, name: &str, context: &Context<'_>) -> Result<Option<NumberStyle>, Uncertain> {
        if !self.holds_numbers() {
            return Ok(None);
        }
        self.numbers.style(name, context).map(Some)
    }
}
