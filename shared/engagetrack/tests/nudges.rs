//! Golden advice for ten customers who differ. `UPDATE_GOLDEN=1 cargo test -p engagetrack --test nudges` writes the file
//! anew, from the model and the catalogue as they are; its numbers are this crate's own, checked here to 1e-9.

#![allow(clippy::unwrap_used)]

use engagetrack::nudges::Request;
use engagetrack::{Live, embedded};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The shipped workspace.
static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::core()));

const TOLERANCE: f64 = 1e-9;

/// A customer in the middle of everything.
fn usual() -> Value {
    json!({"gender":"Female","senior_citizen":false,"partner":true,"dependents":false,"tenure_months":20,
        "phone_service":true,"multiple_lines":false,"internet_service":"DSL",
        "online_security":true,"online_backup":false,"device_protection":false,"tech_support":false,
        "streaming_tv":false,"streaming_movies":false,
        "contract":"Month-to-month","paperless_billing":true,"payment_method":"Credit card (automatic)",
        "monthly_charges":50.0,"total_charges":1000.0,
        "usage_frequency":15,"support_calls":0,"payment_delay":0,"variant":"A"})
}

/// Ten customers, each told apart from the usual one by some fields.
fn customers() -> Vec<(&'static str, Value)> {
    let edits = [
        (
            "newcomer",
            json!({"tenure_months":1,"internet_service":"Fiber optic","online_security":false,
            "payment_method":"Electronic check","monthly_charges":70.35,"total_charges":70.35,"support_calls":2}),
        ),
        (
            "loyal",
            json!({"tenure_months":72,"contract":"Two year","tech_support":true,"monthly_charges":55.0,
            "total_charges":3960.0}),
        ),
        (
            "no internet",
            json!({"internet_service":"No","online_security":false,"monthly_charges":20.05,
            "total_charges":401.0,"payment_method":"Mailed check","paperless_billing":false}),
        ),
        ("tenure 0", json!({"tenure_months":0,"total_charges":null})),
        (
            "late payer",
            json!({"payment_method":"Electronic check","payment_delay":31}),
        ),
        (
            "late although automatic",
            json!({"payment_delay":40,"variant":"B"}),
        ),
        (
            "heavy caller",
            json!({"internet_service":"Fiber optic","support_calls":9,"monthly_charges":75.0,
            "total_charges":1500.0}),
        ),
        (
            "idle streamer",
            json!({"internet_service":"Fiber optic","streaming_tv":true,"streaming_movies":true,
            "usage_frequency":5,"monthly_charges":95.0,"total_charges":1900.0,"payment_method":"Electronic check"}),
        ),
        (
            "frequent user",
            json!({"contract":"One year","usage_frequency":29,"streaming_movies":true,
            "monthly_charges":60.0,"total_charges":1200.0,"variant":"B"}),
        ),
        (
            "nothing known, nothing to do",
            json!({"contract":"Two year","tenure_months":20,"tech_support":true,
            "usage_frequency":null,"support_calls":null,"payment_delay":null,"variant":null}),
        ),
    ];
    edits
        .into_iter()
        .map(|(name, edit)| {
            let mut profile = usual();
            for (field, value) in edit.as_object().unwrap() {
                profile[field] = value.clone();
            }
            (name, profile)
        })
        .collect()
}

fn advice(profile: &Value) -> Value {
    let view = LIVE.view();
    let json = serde_json::from_value(profile.clone()).unwrap();
    let submission = view.schema.submission(&json).unwrap();
    serde_json::to_value(Request::default().advice(view, &submission.profile)).unwrap()
}

fn assert_close(path: &str, golden: &Value, found: &Value) {
    match (golden, found) {
        (Value::Number(golden), Value::Number(found)) => {
            let gap = golden.as_f64().unwrap() - found.as_f64().unwrap();
            assert!(gap.abs() <= TOLERANCE, "{path}: {golden} and {found}");
        }
        (Value::Array(goldens), Value::Array(founds)) if goldens.len() == founds.len() => {
            for (position, (golden, found)) in goldens.iter().zip(founds).enumerate() {
                assert_close(&format!("{path}/{position}"), golden, found);
            }
        }
        (Value::Object(goldens), Value::Object(founds)) if goldens.keys().eq(founds.keys()) => {
            for (key, golden) in goldens {
                assert_close(&format!("{path}/{key}"), golden, &founds[key]);
            }
        }
        _ => assert_eq!(golden, found, "{path}"),
    }
}

#[test]
fn ten_customers_get_the_advice_they_got() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/nudges.json");
    let found: Map<String, Value> = customers()
        .into_iter()
        .map(|(name, profile)| (name.to_owned(), advice(&profile)))
        .collect();
    assert_eq!(found.len(), 10);
    let found = Value::Object(found);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let written = serde_json::to_string_pretty(&found).unwrap() + "\n";
        std::fs::write(path, written).unwrap();
    }
    let golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_close("", &golden, &found);
}

#[test]
fn each_of_the_ten_gets_what_is_theirs() {
    let expected = [
        ("newcomer", "welcome"),
        ("loyal", "loyal-customer"),
        ("no internet", "home-internet"),
        ("tenure 0", "first-bill"),
        ("late payer", "auto-pay"),
        ("late although automatic", "failed-payment"),
        ("heavy caller", "help-centre"),
        ("idle streamer", "quick-start"),
        ("frequent user", "regular-user"),
        ("nothing known, nothing to do", "thank-you"),
    ];
    for ((name, profile), (expected_name, id)) in customers().into_iter().zip(expected) {
        assert_eq!(name, expected_name);
        let advice = advice(&profile);
        let nudges = advice["nudges"].as_array().unwrap();
        assert!(nudges.iter().any(|nudge| nudge["id"] == id), "{name}: {id}");
    }
}
