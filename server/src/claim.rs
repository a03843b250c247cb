//! A claim that a token must have.

use serde_json::{Map, Value};

/// The name of a claim, and the value that it must have or contain, where one is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    name: String,
    value: Option<String>,
}

impl Claim {
    /// Reads `name`, or `name=value`.
    pub fn named(text: &str) -> Self {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        Self {
            name: name.to_owned(),
            value,
        }
    }

    /// Whether a token's claims have it. Without a value, it must not be false, null, zero or empty. With one, it must be that value,
    /// or a list with it, or a text with it among words, as a scope is.
    pub fn is_held(&self, claims: &Map<String, Value>) -> bool {
        let found = claims.get(&self.name).unwrap_or(&Value::Null);
        let Some(wanted) = &self.value else {
            return is_affirmative(found);
        };
        let is_wanted = |value: &Value| match value {
            Value::String(text) => text == wanted,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
            Value::Bool(_) | Value::Number(_) => {
                wanted.parse().is_ok_and(|wanted: Value| wanted == *value)
            }
        };
        match found {
            Value::Array(values) => values.iter().any(is_wanted),
            Value::String(text) => {
                is_wanted(found) || text.split_ascii_whitespace().any(|word| word == wanted)
            }
            value => is_wanted(value),
        }
    }
}

/// Some issuers write every claim as text.
fn is_affirmative(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            !(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false"))
        }
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(claim: &str, claims: Value) -> bool {
        Claim::named(claim).is_held(claims.as_object().unwrap())
    }

    #[test]
    fn claim_without_a_value_must_be_affirmative() {
        for value in [
            json!(true),
            json!("true"),
            json!("yes"),
            json!(1),
            json!(["a"]),
        ] {
            assert!(holds("export", json!({"export": value})), "{value}");
        }
        for value in [
            json!(false),
            json!(null),
            json!("False"),
            json!(""),
            json!("0"),
            json!(0),
            json!([]),
        ] {
            assert!(!holds("export", json!({"export": value})), "{value}");
        }
        assert!(!holds("export", json!({"Export": true})));
    }

    #[test]
    fn claim_with_a_value_must_be_or_contain_it() {
        for value in [
            json!("export"),
            json!(["read", "export"]),
            json!("read export"),
        ] {
            assert!(holds("roles=export", json!({"roles": value})), "{value}");
        }
        for value in [
            json!("exports"),
            json!(["exporter"]),
            json!(true),
            json!({"export": true}),
            json!([["export"]]),
        ] {
            assert!(!holds("roles=export", json!({"roles": value})), "{value}");
        }
        assert!(holds(
            "https://a.test/tier=2",
            json!({"https://a.test/tier": 2})
        ));
    }
}
