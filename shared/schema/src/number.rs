//! Numbers as people write them.

use serde::{Deserialize, Serialize};

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStyle {
    /// Digits with a decimal point, perhaps with an exponent, as programs write them.
    #[default]
    Plain,
    /// Plain, or with a decimal point; thousands may be separated by commas, blanks or apostrophes, and a sign of a currency or of percent may be
    /// there.
    Point,
    /// With a decimal comma; thousands may be separated by points, blanks or apostrophes, and a sign of a currency or of percent may be there.
    Comma,
    /// In one of these ways, it is not known in which: a number that would be another one in another of them is none.
    Undecided,
}

impl NumberStyle {
    /// The number that a text is in this style.
    pub fn number(self, text: &str) -> Option<f64> {
        let (decimal, thousands) = match self {
            Self::Plain => return plain(text),
            Self::Undecided => {
                let (point, comma) = (Self::Point.number(text), Self::Comma.number(text));
                let differ = point.is_some() && comma.is_some() && point != comma;
                return point.or(comma).filter(|_| !differ);
            }
            Self::Point => match plain(text) {
                None => ('.', ','),
                plain => return plain,
            },
            Self::Comma => (',', '.'),
        };
        let amount = Amount::of(text)?;
        let (whole, fraction) = match amount.digits.split_once(decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (amount.digits, None),
        };
        let (fraction, exponent) = match fraction.and_then(|text| text.split_once(['e', 'E'])) {
            Some((fraction, exponent)) => (Some(fraction), Some(exponent)),
            None => (fraction, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !fraction.is_none_or(digits) {
            return None;
        }
        let mut number = String::with_capacity(text.len());
        if amount.is_negative {
            number.push('-');
        }
        let mut groups = whole.split([thousands, ' ', '\u{a0}', '\u{202f}', '\'', '’']);
        let first = groups.next().unwrap_or_default();
        if !digits(first) {
            return None;
        }
        number.push_str(first);
        for group in groups {
            // A group belongs to one of up to three digits that is no leading zero.
            let follows = (1..=3).contains(&first.len()) && !first.starts_with('0');
            if !follows || group.len() != 3 || !digits(group) {
                return None;
            }
            number.push_str(group);
        }
        number.push('.');
        number.push_str(fraction.unwrap_or("0"));
        if let Some(exponent) = exponent {
            number.push('e');
            number.push_str(exponent);
        }
        (!first.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty()))
            .then(|| number.parse().ok())
            .flatten()
    }
}

/// A number as programs write it.
pub(crate) fn plain(text: &str) -> Option<f64> {
    let decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| decimal)
}

/// A text without its sign and what says that it is an amount of money.
struct Amount<'t> {
    digits: &'t str,
    is_negative: bool,
}

impl<'t> Amount<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let mut digits = text.trim();
        let mut is_negative = false;
        // As accountants write it.
        if let Some(inner) = digits
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'))
        {
            (digits, is_negative) = (inner.trim(), true);
        }
        let mut has_sign = is_negative;
        // A sign is before or after a currency.
        for _ in 0..2 {
            digits = without_currency(digits);
            if let Some(rest) = digits.strip_prefix(['-', '−', '+']) {
                if has_sign {
                    return None;
                }
                is_negative = !digits.starts_with('+');
                has_sign = true;
                digits = rest.trim_start();
            }
        }
        (!digits.is_empty()).then_some(Self {
            digits,
            is_negative,
        })
    }
}

fn without_currency(text: &str) -> &str {
    let text = text.trim_matches(|letter: char| is_sign(letter) || letter.is_whitespace());
    let is_code = is_currency_code;
    if let Some((code, rest)) = text.split_at_checked(3)
        && is_code(code)
    {
        return rest.trim_start();
    }
    match text
        .len()
        .checked_sub(3)
        .and_then(|at| text.split_at_checked(at))
    {
        Some((rest, code)) if is_code(code) => rest.trim_end(),
        _ => text,
    }
}

/// Codes of currencies that are often written beside amounts, ISO 4217.
const CODES: [&str; 16] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "INR", "JPY", "NOK", "NZD",
    "PLN", "SEK", "USD",
];

/// Whether a character is the sign of a currency or of percent, which people write beside numbers.
pub fn is_sign(letter: char) -> bool {
    is_currency_sign(letter) || letter == '%'
}

/// Whether a text is such a code.
pub fn is_currency_code(text: &str) -> bool {
    CODES.contains(&text)
}

/// Whether a character is the sign of a currency (Unicode's category Sc), except the one for cents.
pub fn is_currency_sign(letter: char) -> bool {
    matches!(
        letter,
        '$' | '£' | '¤' | '¥' | '֏' | '؋' | '৲' | '৳' | '฿' | '\u{20a0}'
            ..='\u{20c0}' | '＄' | '￡' | '￥' | '￦'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_in_their_style() {
        let both = |text| [NumberStyle::Point, NumberStyle::Comma].map(|style| style.number(text));
        for (text, expected) in [
            ("12", [Some(12.0); 2]),
            ("-12", [Some(-12.0); 2]),
            ("$12", [Some(12.0); 2]),
            ("12 €", [Some(12.0); 2]),
            ("12 %", [Some(12.0); 2]),
            ("12.5%", [Some(12.5), None]),
            ("-$ 1", [Some(-1.0); 2]),
            ("$-1", [Some(-1.0); 2]),
            ("(1)", [Some(-1.0); 2]),
            ("USD 3", [Some(3.0); 2]),
            ("3 EUR", [Some(3.0); 2]),
            ("1'234", [Some(1234.0); 2]),
            ("1 234", [Some(1234.0); 2]),
            ("1\u{a0}234\u{202f}567", [Some(1_234_567.0); 2]),
            ("29.85", [Some(29.85), None]),
            ("29,85", [None, Some(29.85)]),
            ("1,234", [Some(1234.0), Some(1.234)]),
            ("1.234", [Some(1.234), Some(1234.0)]),
            ("0.234", [Some(0.234), None]),
            ("1,234.5", [Some(1234.5), None]),
            ("1.234,5", [None, Some(1234.5)]),
            ("1.234.567", [None, Some(1_234_567.0)]),
            ("1.5e3", [Some(1500.0), None]),
            // As programs write it, which a decimal point may be beside.
            ("1e5", [Some(100_000.0), None]),
            ("12,34,567", [None; 2]),
            ("1,2345", [None, Some(1.2345)]),
            ("1234,567", [None, Some(1234.567)]),
            ("--1", [None; 2]),
            ("-(1)", [None; 2]),
            ("5¢", [None; 2]),
            ("", [None; 2]),
            ("$", [None; 2]),
            (".", [None; 2]),
            ("NaN", [None; 2]),
            ("inf", [None; 2]),
        ] {
            assert_eq!(both(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_finite_number_or_none(text in "[-+−()$€A-Z0-9.,' eE]{0,12}") {
            for style in [NumberStyle::Plain, NumberStyle::Point, NumberStyle::Comma] {
                if let Some(number) = style.number(&text) {
                    prop_assert!(!number.is_nan(), "{text}");
                }
            }
        }
    }
}
