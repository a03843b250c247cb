//! Codes in words.

use crate::field::{Field, Kind};
use crate::schema::Schema;
use std::borrow::Cow;

/// What a missing value is called where the schema does not say.
pub const UNKNOWN: &str = "unknown";

impl<'w> Field<'w> {
    /// A code as a person reads it: the label of a choice, `29.85`, `yes`; the field's own word for an unknown one is left to
    /// [`Field::unknown`].
    pub fn display(&self, code: f64) -> Cow<'w, str> {
        match self.kind() {
            _ if code.is_nan() => UNKNOWN.into(),
            Kind::Flag => self
                .value(code)
                .map_or(UNKNOWN, |value| value.name())
                .into(),
            Kind::Choice => self
                .value(code)
                .map_or(UNKNOWN, |value| value.label())
                .into(),
            Kind::Whole => whole(code).into(),
            Kind::Number => code.to_string().into(),
            Kind::Money => amount(code).into(),
        }
    }

    /// The number with the unit that it counts, such as `12 months`; of one without a unit, the number.
    pub fn counted(&self, code: f64) -> String {
        let value = self.display(code);
        match self.unit() {
            Some(unit) => format!("{value} {}", plural(code, unit)),
            None => value.into_owned(),
        }
    }
}

impl<'w> Schema<'w> {
    /// A code as a person reads it, money with its sign and an unknown value in the field's own words.
    pub fn spoken(&self, field: Field<'w>, code: f64) -> Cow<'w, str> {
        match field.kind() {
            _ if code.is_nan() => field.unknown().into(),
            Kind::Money => self.money(code).into(),
            _ => field.display(code),
        }
    }

    /// The value of a field, and the field, in a few words: `a yearly plan`.
    pub fn words(&self, field: Field<'w>, code: f64) -> Cow<'w, str> {
        self.value_and_words(field, code).1
    }

    /// A code as a person reads it, an unknown value in the field's own words, and [`Schema::words`].
    pub fn value_and_words(&self, field: Field<'w>, code: f64) -> (Cow<'w, str>, Cow<'w, str>) {
        if code.is_nan() {
            let unknown = field.unknown();
            let words = match unknown {
                UNKNOWN => format!("{} {UNKNOWN}", field.phrase()),
                own => format!("{}: {own}", field.phrase()),
            };
            return (unknown.into(), words.into());
        }
        if let Some(value) = field.value(code) {
            let shown = match field.kind() {
                Kind::Flag => value.name(),
                _ => value.label(),
            };
            return (shown.into(), value.words().into());
        }
        let value = field.display(code);
        let unit = field.unit().map(|unit| plural(code, unit));
        let words = match field.kind() {
            Kind::Money => filled(field.template(), &self.signed(&value), unit.as_deref()),
            _ => filled(field.template(), &value, unit.as_deref()),
        };
        (value, words.into())
    }

    /// An amount with two decimals and its sign: `$29.85`.
    pub fn money(&self, amount: f64) -> String {
        self.signed(&self::amount(amount))
    }

    /// An amount in digits with the sign of the currency.
    fn signed(&self, amount: &str) -> String {
        let (minus, digits) = match amount.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", amount),
        };
        [minus, self.currency_sign(), digits].concat()
    }
}

/// A template with its `{value}` and `{unit}` filled in; without a unit, that placeholder stays as it is written.
fn filled(template: &str, value: &str, unit: Option<&str>) -> String {
    let mut words = String::with_capacity(template.len() + value.len() + unit.map_or(0, str::len));
    let mut rest = template;
    while let Some(start) = rest.bytes().position(|byte| byte == b'{') {
        let (before, placeholder) = rest.split_at(start);
        words.push_str(before);
        let of_value = || Some((value, placeholder.strip_prefix("{value}")?));
        let of_unit = || Some((unit?, placeholder.strip_prefix("{unit}")?));
        let (filling, after) = of_value()
            .or_else(of_unit)
            .unwrap_or_else(|| placeholder.split_at(1));
        words.push_str(filling);
        rest = after;
    }
    words + rest
}

/// A label within a sentence: its first letter small, unless the word is an abbreviation.
pub fn phrase_of(label: &str) -> String {
    let mut letters = label.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => label.to_owned(),
    }
}

/// Words as a label: the first letter is a capital.
pub fn sentence_case(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The noun in the number that fits a count.
pub fn plural(count: f64, noun: &str) -> Cow<'_, str> {
    match count == 1.0 {
        true => noun.into(),
        false => [noun, "s"].concat().into(),
    }
}

/// A whole number.
fn whole(number: f64) -> String {
    match number as i64 {
        exact if exact as f64 == number => exact.to_string(),
        _ => format!("{number:.0}"),
    }
}

/// An amount with two decimals. What is a whole number of cents needs none of the long arithmetic that rounds exactly.
fn amount(amount: f64) -> String {
    const MOST_CENTS: f64 = 1e15;
    let cents = (100.0 * amount).round();
    match cents / 100.0 == amount && (0.0..=MOST_CENTS).contains(&cents) {
        true => {
            let mut text = (cents as u64 / 100).to_string();
            let cents = (cents as u64 % 100) as u8;
            text.extend([
                '.',
                char::from(b'0' + cents / 10),
                char::from(b'0' + cents % 10),
            ]);
            text
        }
        false => format!("{amount:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_as_the_standard_library_rounds() {
        let cents = (0..200_000).map(|cents| f64::from(cents) / 100.0);
        let between = (0..200_000).map(|step| f64::from(step) / 1_024.0);
        for number in cents.chain(between).chain([1e6, 1e9, -1.5, 0.125]) {
            assert_eq!(amount(number), format!("{number:.2}"), "{number:?}");
        }
        // Which would have a sign there.
        assert_eq!(amount(-0.0), "0.00");
    }

    #[test]
    fn templates_are_filled_once() {
        let unit = Some("months");
        assert_eq!(filled("{value} {unit} in", "12", unit), "12 months in");
        assert_eq!(filled("{unit}: {value}/{value}", "1", unit), "months: 1/1");
        assert_eq!(filled("{value} {unit}", "3", None), "3 {unit}");
        assert_eq!(filled("a {brace} and {", "3", unit), "a {brace} and {");
        // What is filled in is not filled in turn.
        assert_eq!(filled("{value}", "{unit}", unit), "{unit}");
    }

    #[test]
    fn nouns_are_counted() {
        assert_eq!(plural(1.0, "month"), "month");
        assert_eq!(plural(0.0, "month"), "months");
    }
}
