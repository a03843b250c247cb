//! Parts of JSON documents that must be there.

use serde_json::Value;

pub fn items(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} should be an array"))
}

pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} should be text"))
}

pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} should be a number"))
}

pub fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().map(text).collect()
}

/// The names of an object's members, in alphabetical order.
pub fn members(value: &Value) -> Vec<&str> {
    let members = value
        .as_object()
        .unwrap_or_else(|| panic!("{value} should be an object"));
    members.keys().map(String::as_str).collect()
}

/// Names in alphabetical order.
pub fn sorted<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names
}

/// Asserts that two numbers are the same but for what adding up in another order does to them.
#[track_caller]
pub fn assert_close(found: f64, expected: f64) {
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!((found - expected).abs() <= tolerance, "{found} {expected}");
}
