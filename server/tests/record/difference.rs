//! Where two answers differ.

use serde_json::Value;

/// Numbers may differ by this share, or by this much near 0: the last digits of `exp` depend on the processor.
const TOLERANCE: f64 = 1e-9;

/// The first difference between an answer and the recorded one.
pub fn difference(now: &Value, then: &Value) -> Option<String> {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            let names = |members: &serde_json::Map<String, Value>| -> Vec<String> {
                members.keys().cloned().collect()
            };
            if names(now) != names(then) {
                return Some(format!("members {:?}, were {:?}", names(now), names(then)));
            }
            let mut members = now.iter();
            members.find_map(|(name, value)| {
                difference(value, &then[name]).map(|found| format!("/{name}{found}"))
            })
        }
        (Value::Array(now), Value::Array(then)) => {
            if now.len() != then.len() {
                return Some(format!(": {} elements, were {}", now.len(), then.len()));
            }
            let mut elements = now.iter().zip(then).enumerate();
            elements.find_map(|(index, (now, then))| {
                difference(now, then).map(|found| format!("/{index}{found}"))
            })
        }
        (Value::String(now), Value::String(then)) => text(now, then),
        (Value::Number(a), Value::Number(b)) => {
            let same = a == b || close(a.as_f64()?, b.as_f64()?);
            (!same).then(|| format!(": {a}, was {b}"))
        }
        _ => (now != then).then(|| format!(": {now}, was {then}")),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// Texts are compared cell by cell, because those of a CSV file may be numbers.
fn text(now: &str, then: &str) -> Option<String> {
    let cells = |text: &str| -> Vec<String> {
        text.split_inclusive([',', '\n', '\r'])
            .map(str::to_owned)
            .collect()
    };
    let (now_cells, then_cells) = (cells(now), cells(then));
    if now_cells.len() != then_cells.len() {
        return Some(format!(": {now:?}, was {then:?}"));
    }
    let same = |a: &str, b: &str| {
        let number = |cell: &str| cell.trim_end_matches([',', '\n', '\r']).parse::<f64>().ok();
        a == b || number(a).zip(number(b)).is_some_and(|(a, b)| close(a, b))
    };
    now_cells
        .iter()
        .zip(&then_cells)
        .find(|(now, then)| !same(now, then))
        .map(|(now, then)| format!(": {now:?}, was {then:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_found_and_the_last_digits_are_none() {
        let then = json!({"a": [1.0, {"b": "x,0.25\r\n"}], "c": null});
        assert_eq!(difference(&then, &then), None);
        let mut now = then.clone();
        now["a"][0] = json!(1.000_000_000_1);
        now["a"][1]["b"] = json!("x,0.2500000000001\r\n");
        assert_eq!(difference(&now, &then), None);
        now["a"][1]["b"] = json!("x,0.26\r\n");
        assert_eq!(
            difference(&now, &then).unwrap(),
            "/a/1/b: \"0.26\\r\", was \"0.25\\r\""
        );
        assert!(
            difference(&json!({"a": 1}), &then)
                .unwrap()
                .starts_with("members")
        );
    }
}
