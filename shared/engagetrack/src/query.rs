//! Parameters of a query string, read one by one; everything that is wrong is reported at once.

use reader::Confirmed;
use schema::FieldErrors;
use schema::intake::{Json, Quoted};
use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;
use std::str::FromStr;
use utoipa::IntoParams;

/// A query string whose percent signs or bytes make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Display for Malformed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("The query string is not percent-encoded UTF-8.")
    }
}

/// The parameter that confirms how a body is read.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Confirmation {
    /// Readings to use where two are plausible: `key:value` pairs, separated by commas, as the refusal printed them, such as
    /// `delimiter:semicolon,decimal:comma`.
    #[param(required = false)]
    read: String,
}

/// The parameters that are still to be read, and what was wrong with those that were.
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    /// The names of the parameters that were asked for, with commas between them.
    known: String,
    errors: FieldErrors,
}

impl Query {
    /// Splits a query string (without the question mark) into its parameters.
    ///
    /// # Errors
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let hexadecimal = |pair: &[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
        let mut after_percent = text.as_bytes().split(|byte| *byte == b'%').skip(1);
        if !after_percent.all(|rest| rest.get(..2).is_some_and(hexadecimal)) {
            return Err(Malformed);
        }
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect();
        let replaced = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if pairs
            .iter()
            .any(|(name, value)| replaced(name) || replaced(value))
        {
            return Err(Malformed);
        }
        Ok(Self {
            pairs,
            ..Self::default()
        })
    }

    /// Reads what is wanted, and ends the reading.
    ///
    /// # Errors
    /// All that was wrong, and each parameter that was not asked for.
    pub fn read<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> Result<T, FieldErrors> {
        let read = read(&mut self);
        self.finish().map(|()| read)
    }

    /// The same parameters as members of a JSON object: one value, an array of values, or null for none. Anything else is an
    /// error of the query.
    pub fn from_members(members: &[(String, Json)]) -> Self {
        let mut query = Self::default();
        for (name, value) in members {
            let values = match value {
                Json::Array(values) => values.as_slice(),
                Json::Null => &[],
                value => std::slice::from_ref(value),
            };
            for value in values {
                let text = match value {
                    Json::Text(text) => text.clone(),
                    Json::Bool(value) => value.to_string(),
                    Json::Number(value) => value.to_string(),
                    Json::Null | Json::Array(_) | Json::Object(_) => {
                        query.refuse(name, "must be a value or an array of values");
                        continue;
                    }
                };
                query.pairs.push((name.clone(), text));
            }
        }
        query
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        if !self.known.is_empty() {
            self.known.push_str(", ");
        }
        self.known.push_str(name);
        let taken = self.pairs.extract_if(.., |(other, _)| other == name);
        taken.map(|(_, value)| value).collect()
    }

    /// A parameter that may be given once.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.take(name);
        if values.len() > 1 {
            self.refuse(name, "is given more than once");
        }
        values.pop()
    }

    /// A number within a range.
    pub fn number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(
                name,
                format!(
                    "must be a number between {} and {}, got {}",
                    range.start(),
                    range.end(),
                    Quoted(&text)
                ),
            );
        }
        number
    }

    /// `true` or `false`; absent is false.
    pub fn flag(&mut self, name: &str) -> bool {
        self.choice(name, ["false", "true"]) == Some(1)
    }

    /// The readings that `read` confirms.
    pub fn confirmed(&mut self) -> Confirmed {
        let text = self.text("read").unwrap_or_default();
        Confirmed::parse(&text).unwrap_or_else(|error| {
            self.refuse("read", error);
            Confirmed::default()
        })
    }

    /// One of these names, as its position.
    pub fn choice<'n>(
        &mut self,
        name: &str,
        names: impl IntoIterator<Item = &'n str, IntoIter: Clone>,
    ) -> Option<usize> {
        let text = self.text(name)?;
        self.position(name, &text, names.into_iter())
    }

    /// Any of these names, as their positions; the parameter may be repeated.
    pub fn choices<'n>(
        &mut self,
        name: &str,
        names: impl IntoIterator<Item = &'n str, IntoIter: Clone>,
    ) -> Vec<usize> {
        let names = names.into_iter();
        let values = self.take(name);
        values
            .iter()
            .filter_map(|value| self.position(name, value, names.clone()))
            .collect()
    }

    fn position<'n>(
        &mut self,
        name: &str,
        value: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<usize> {
        let position = names.clone().position(|known| known == value);
        if position.is_none() {
            let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
            let names = names.join(", ");
            self.refuse(
                name,
                format_args!("must be one of {names}; got {}", Quoted(value)),
            );
        }
        position
    }

    /// The values of a parameter that is still to be read.
    fn given<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let pairs = self.pairs.iter().filter(move |(other, _)| other == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is given, perhaps among others, with one of these values.
    pub fn has(&self, name: &str, values: &[&str]) -> bool {
        self.given(name).any(|value| values.contains(&value))
    }

    /// Whether a parameter is given, once, with this value.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.given(name).eq([value])
    }

    /// Refuses a parameter if it is given, and does not offer it.
    pub fn refuse_given(&mut self, name: &str, detail: impl Display) {
        if self
            .pairs
            .extract_if(.., |(other, _)| other == name)
            .count()
            > 0
        {
            self.refuse(name, detail);
        }
    }

    /// Notes what is wrong with a parameter.
    pub fn refuse(&mut self, name: &str, detail: impl Display) {
        self.errors.add(name, detail);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All that was wrong, and each parameter that was not asked for.
    pub fn finish(self) -> Result<(), FieldErrors> {
        let mut errors = self.errors;
        for (name, _) in &self.pairs {
            match self.known.as_str() {
                "" => errors.add(name, "is not a parameter; there are none"),
                known => errors.add(
                    name,
                    format_args!("is not a parameter; expected one of {known}"),
                ),
            }
        }
        errors.unless_any(())
    }
}

impl FromStr for Query {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let mut query =
            Query::parse("limit=0&contract=Weekly&contract=One+year&colour=red&q=a&q=b").unwrap();
        assert_eq!(query.number("limit", 1..=500), None);
        assert_eq!(query.choices("contract", ["One year"]), [0]);
        query.text("q");
        let errors = query.finish().unwrap_err();
        let errors = errors.listed();
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/limit", "/contract", "/q", "/colour"]);
        assert_eq!(
            errors[0].detail,
            "must be a number between 1 and 500, got \"0\""
        );
        assert_eq!(
            errors[1].detail,
            "must be one of \"One year\"; got \"Weekly\""
        );
        assert_eq!(
            errors[3].detail,
            "is not a parameter; expected one of limit, contract, q"
        );
    }

    #[test]
    fn members_of_json_are_read_like_parameters() {
        let json = r#"{"contract":["One year","Two year"],"tenure_min":3,"senior_citizen":true,"q":null,"stage":{}}"#;
        let Json::Object(members) = serde_json::from_str(json).unwrap() else {
            unreachable!()
        };
        let mut query = Query::from_members(&members);
        assert_eq!(query.choices("contract", ["One year", "Two year"]), [0, 1]);
        assert_eq!(query.number("tenure_min", 0..=600), Some(3));
        assert!(query.flag("senior_citizen"));
        assert_eq!(query.text("q"), None);
        let errors = query.finish().unwrap_err();
        assert_eq!(errors.count(), 1, "{errors:?}");
        assert_eq!(errors.listed()[0].pointer, "/stage");
    }

    #[test]
    fn nonsense_is_malformed() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(Query::parse(text).unwrap_err(), Malformed, "{text}");
        }
        assert!(Query::parse("a=%41+b").is_ok());
    }
}
