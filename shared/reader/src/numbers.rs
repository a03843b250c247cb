//! How the numbers of a column are written: decided from all of its cells, and where these don't tell, from other columns.

use crate::evidence::{Evidence, Uncertain};
use crate::tally::{Tally, quoted};
use crate::{Confirmed, Table};
use schema::number::{NumberStyle, is_sign};

/// The numbers of a column, by the styles in which they are numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Whether the cells are numbers and no texts, so that nobody wrote them in a way of their own.
    pub are_typed: bool,
    /// Numbers with a decimal point only, or with a decimal comma only.
    pub point: u64,
    pub comma: u64,
    /// A different number with each.
    pub either: u64,
    /// The same number with each.
    pub same: u64,
    /// Numbers that no program would write, and those with the sign of a currency or of percent.
    pub styled: u64,
    pub signs: Tally,
}

/// What decides between styles beyond the column itself.
pub(crate) struct Context<'a> {
    /// Whether a point can't be taken for a separator of thousands.
    is_plain_text: bool,
    styles: Styles,
    confirmed: &'a Confirmed,
    /// Whether there are further cells.
    is_sample: bool,
}

/// The styles that columns have beyond doubt.
#[derive(Clone, Copy, Default)]
struct Styles {
    point: bool,
    comma: bool,
}

impl<'a> Context<'a> {
    /// What the numbers of all columns say about each.
    pub(crate) fn of<'n>(
        table: &Table<'_>,
        confirmed: &'a Confirmed,
        columns: impl Iterator<Item = &'n Numbers>,
    ) -> Self {
        let mut styles = Styles::default();
        for numbers in columns {
            styles.point |= numbers.point > 0 && numbers.comma == 0;
            styles.comma |= numbers.comma > 0 && numbers.point == 0;
        }
        Self {
            is_plain_text: table
                .dialect()
                .is_none_or(|dialect| dialect.delimiter == b','),
            styles,
            confirmed,
            is_sample: table.is_sample(),
        }
    }
}

impl Numbers {
    /// Counts a text; false if it is no number in any style. `holds` leaves out numbers that the column can't hold.
    pub(crate) fn see(&mut self, text: &str, holds: impl Fn(f64) -> bool) -> bool {
        let holds = |number: Option<f64>| number.filter(|number| holds(*number));
        let plain = holds(NumberStyle::Plain.number(text));
        let point = holds(NumberStyle::Point.number(text)).or(plain);
        let comma = holds(NumberStyle::Comma.number(text));
        match (point, comma) {
            (None, None) => return false,
            (Some(_), None) => self.point += 1,
            (None, Some(_)) => self.comma += 1,
            (Some(point), Some(comma)) if point != comma => self.either += 1,
            _ => self.same += 1,
        }
        if plain.is_none() {
            self.styled += 1;
            if let Some(sign) = text.chars().find(|letter| is_sign(*letter)) {
                self.signs.add(sign.encode_utf8(&mut [0; 4]));
            }
        }
        true
    }

    /// How many cells are numbers in the style in which most are.
    pub(crate) fn most(&self) -> u64 {
        self.same + self.either + self.point.max(self.comma)
    }

    /// How the numbers are written.
    pub(crate) fn style(
        &self,
        column: &str,
        context: &Context<'_>,
    ) -> Result<NumberStyle, Uncertain> {
        if self.are_typed {
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
            (false, false, false) if !context.is_sample => NumberStyle::Point,
            (true, true, _) => chosen.ok_or_else(|| {
                let detail = format!(
                    "has {} numbers with a decimal point and {} with a decimal comma",
                    self.point, self.comma
                );
                uncertain_decimal(column, detail)
            })?,
            (false, false, either) => match (chosen, context.styles) {
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
                // A later cell may be two different numbers.
                _ if !either => NumberStyle::Undecided,
                _ => {
                    let detail = format!(
                        "has {} numbers of which the last three digits may be decimals or thousands",
                        self.either
                    );
                    return Err(uncertain_decimal(column, detail));
                }
            },
        };
        Ok(match style {
            // Written by a program.
            NumberStyle::Point if self.styled == 0 => NumberStyle::Plain,
            style => style,
        })
    }

    /// What is unusual about how the numbers are written.
    pub(crate) fn evidence(&self, column: &str, style: NumberStyle) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        let with_commas = self.comma + self.either;
        let separated = self.styled.saturating_sub(self.signs.count());
        if style == NumberStyle::Comma && with_commas > 0 {
            evidence.push(Evidence::of_column(column, "decimal comma", with_commas));
        } else if style != NumberStyle::Plain && separated > 0 {
            evidence.push(Evidence::of_column(
                column,
                "separated thousands",
                separated,
            ));
        }
        for (sign, count) in &self.signs.texts {
            let reading = format!("{} is left out", quoted(sign));
            evidence.push(Evidence::of_column(column, reading, *count));
        }
        evidence
    }
}

fn uncertain_decimal(column: &str, detail: String) -> Uncertain {
    Uncertain {
        column: Some(column.to_owned()),
        detail,
        key: "decimal".to_owned(),
        values: ["comma", "point"].map(str::to_owned).to_vec(),
    }
}
