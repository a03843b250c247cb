//! What a business says of itself, and what a change of a profile does by its schema.

use crate::home::{Home, encoded, everywhere, homes, parameter, send};
use crate::json::{assert_close, items, members, number, sorted, text, texts};
use serde_json::{Value, json};
use std::env;

const EVERYBODY: &str = "status=active&status=left";

#[test]
fn schema_has_its_version_as_entity_tag() {
    everywhere(|home| {
        let answer = home.get("/v1/schema");
        let schema = answer.ok();
        let version = text(&schema["versions"]["workspace"]);
        let tag = answer.header("etag");
        assert!(tag.starts_with(&format!("\"{version}-")), "{tag}");
        assert_eq!(schema["population"], home.total(EVERYBODY));
        let id = home.some_customer();
        let prediction = home.read(&format!("/v1/predict/{}", encoded(&id)));
        assert_eq!(prediction["model_version"], schema["versions"]["model"]);
        assert_eq!(prediction["base_rate"], schema["risk"]["base_rate"]);
    });
}

#[test]
fn schema_that_is_known_is_not_sent_again() {
    everywhere(|home| {
        let tag = home.get("/v1/schema").header("etag").to_owned();
        let asked = |known: &str| {
            send(
                home.request("GET", "/v1/schema")
                    .header("if-none-match", known),
                b"",
            )
        };
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"old\", {tag}"),
            "*".to_owned(),
        ] {
            let answer = asked(&known);
            assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{known}");
            assert_eq!(answer.header("etag"), tag);
        }
        let answer = asked("\"old\"");
        assert_eq!(answer.ok(), home.get("/v1/schema").json());
    });
}

#[test]
fn roles_name_fields_of_the_right_kind() {
    everywhere(|home| {
        for role in ["tenure", "recurring", "lifetime", "contactable"] {
            let Some(name) = home.role(role) else {
                continue;
            };
            let field = home.field(name);
            assert_eq!(field["least"].is_number(), role != "contactable", "{field}");
        }
        let change = home.role("recurring").map(|name| format!("{name}_change"));
        assert_eq!(home.role("recurring_change"), change.as_deref());
        let listed = texts(&home.schema()["list"]);
        for field in home.fields() {
            assert_eq!(field["list"], listed.contains(&text(&field["name"])));
        }
    });
}

/// Where the suite starts its homes itself, each role is there in one business and not in another: nothing below holds for want of
/// a case.
#[test]
fn businesses_under_test_differ_in_their_roles() {
    let given = ["BASE_URL", "WORKSPACE"];
    if given.iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    for role in ["outcome", "tenure", "recurring", "lifetime"] {
        let has = |home: &&Home| home.role(role).is_some();
        assert!(homes().iter().any(|home| has(&home)), "{role}");
        assert!(!homes().iter().all(|home| has(&home)), "{role}");
    }
    for part in ["personas", "stages", "experiments"] {
        let has = |home: &Home| !items(&home.schema()[part]).is_empty();
        assert!(
            homes().iter().any(has) && !homes().iter().all(has),
            "{part}"
        );
    }
}

#[test]
fn filters_and_sorts_of_the_schema_are_those_of_the_directory() {
    everywhere(|home| {
        for sort in texts(&home.schema()["sorts"]) {
            for dash in ["", "-"] {
                home.read(&format!("/v1/summary?limit=1&sort={dash}{sort}"));
            }
        }
        for filter in home.filters("values") {
            for choice in items(&filter["values"]) {
                home.total(&parameter(&filter["parameter"], &choice["value"]));
            }
        }
        for filter in home.filters("range") {
            let field = home.field(text(&filter["field"]));
            for (name, bound) in [("min", "least"), ("max", "most"), ("below", "most")] {
                if filter[name].is_string() {
                    let bound = as_number(field, number(&field[bound]));
                    home.total(&parameter(&filter[name], &bound));
                }
            }
        }
    });
}

/// A number as the field has it in JSON.
pub fn as_number(field: &Value, number: f64) -> Value {
    match field["kind"] == "whole" {
        true => json!(number as i64),
        false => json!(number),
    }
}

/// Values that a field can have other than this one: each name, and of numbers two.
pub fn other_values(field: &Value, than: &Value) -> Vec<Value> {
    let values = match field["least"].as_f64() {
        Some(least) => vec![as_number(field, least), as_number(field, least + 1.0)],
        None => {
            let values = items(&field["values"]).iter();
            values.map(|value| value["value"].clone()).collect()
        }
    };
    let differs = |value: &Value| match (value.as_f64(), than.as_f64()) {
        (Some(value), Some(than)) => value != than,
        _ => value != than,
    };
    values.into_iter().filter(differs).collect()
}

/// What the price list says that a value of a field costs.
pub fn price(field: &Value, value: &Value) -> f64 {
    let values = items(&field["values"]).iter();
    let found = values.clone().find(|one| one["value"] == *value);
    found.map_or(0.0, |one| number(&one["price"]))
}

/// What all of a profile costs.
fn plan_price(home: &Home, profile: &Value) -> f64 {
    let fields = home.fields().iter();
    fields
        .map(|field| price(field, &profile[text(&field["name"])]))
        .sum()
}

/// An amount of a profile after its plan's price changed: within what its field can hold.
fn moved(home: &Home, field: &str, before: f64, by: f64) -> f64 {
    let field = home.field(field);
    (before + by).clamp(number(&field["least"]), number(&field["most"]))
}

fn what_if(home: &Home, profile: &Value, change: &Value) -> crate::home::Answer {
    let body = json!({"profile": profile, "change": change});
    home.post("/v1/explain/what-if", &body)
}

#[test]
fn changes_are_priced_by_the_schema_and_answered_as_the_other_functions_do() {
    everywhere(|home| {
        let mut priced = 0;
        for id in home.some_customers().iter().take(3) {
            let before = home.profile(id);
            for field in home.fields() {
                let name = text(&field["name"]);
                for value in other_values(field, &before[name]) {
                    let answer = what_if(home, &before, &json!({ name: value }));
                    if answer.status == 422 {
                        // A value that lacks what it needs.
                        assert!(!items(&field["needs"]).is_empty(), "{}", answer.text);
                        assert_eq!(answer.pointers(), [format!("/change/{name}")]);
                        continue;
                    }
                    let answer = answer.ok();
                    let profile = &answer["profile"];
                    assert_eq!(profile[name].as_f64(), value.as_f64());
                    if value.is_string() || value.is_boolean() {
                        assert_eq!(profile[name], value);
                    }
                    assert_changes(&before, profile, &answer["change"]);
                    let by = plan_price(home, profile) - plan_price(home, &before);
                    let tenure = home
                        .role("tenure")
                        .and_then(|tenure| before[tenure].as_f64());
                    for (role, weight) in [("recurring", Some(1.0)), ("lifetime", tenure)] {
                        let Some(amount) = home.role(role).filter(|amount| *amount != name) else {
                            continue;
                        };
                        match before[amount].as_f64() {
                            Some(known) => {
                                let by = by * weight.unwrap_or(0.0);
                                let expected = moved(home, amount, known, by);
                                assert_close(number(&profile[amount]), expected);
                            }
                            None => assert_eq!(profile[amount], Value::Null),
                        }
                        priced += u32::from(by != 0.0);
                    }
                    assert_answered_as_elsewhere(home, &answer);
                }
            }
        }
        assert_eq!(priced > 0, home.role("recurring").is_some());
    });
}

/// A change is every field that differs, with its new value.
fn assert_changes(before: &Value, after: &Value, change: &Value) {
    for name in members(after) {
        match change.get(name) {
            Some(value) => assert_eq!((value, before == after), (&after[name], false), "{name}"),
            None => assert_eq!(before[name], after[name], "{name}"),
        }
    }
}

fn assert_answered_as_elsewhere(home: &Home, answer: &Value) {
    let profile = &answer["profile"];
    let explanation = home.post("/v1/explain", profile).ok();
    for name in members(&answer["explanation"]) {
        assert_eq!(explanation[name], answer["explanation"][name], "{name}");
    }
    let advice = home.post("/v1/nudges", profile).ok();
    for name in ["nudges", "recourse", "note"] {
        assert_eq!(answer[name], advice[name], "{name}");
    }
    let prediction = home.post("/v1/predict", profile).ok();
    for name in members(&answer["prediction"]) {
        assert_eq!(prediction[name], answer["prediction"][name], "{name}");
    }
}

#[test]
fn null_makes_a_field_unknown_where_the_schema_allows_it() {
    everywhere(|home| {
        let profile = home.some_profile();
        for field in home.fields() {
            let name = text(&field["name"]);
            let answer = what_if(home, &profile, &json!({ name: null }));
            if field["required"] == true {
                assert_eq!(answer.pointers(), [format!("/change/{name}")]);
                continue;
            }
            // A field that lacks what it needs is known to be off.
            let known = answer.ok()["profile"][name].clone();
            assert!(known.is_null() || known == false, "{name} {known}");
        }
    });
}

#[test]
fn faults_of_a_change_are_pointed_at() {
    everywhere(|home| {
        let mut profile = home.some_profile();
        let mut change = json!({"no_such_field": "red"});
        let mut expected = vec!["/change/no_such_field".to_owned()];
        if let Some(field) = home.numbers().next() {
            let name = text(&field["name"]);
            profile[name] = as_number(field, number(&field["least"]) - 1.0);
            expected.push(format!("/profile/{name}"));
        }
        for field in home.fields() {
            let name = text(&field["name"]);
            change[name] = json!([]);
            expected.push(format!("/change/{name}"));
        }
        let mut found = what_if(home, &profile, &change).pointers();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let mut found = home.post("/v1/explain/what-if", &json!({})).pointers();
        found.sort();
        assert_eq!(found, ["/change", "/profile"]);
    });
}

#[test]
fn profiles_of_what_ifs_are_read_as_every_posted_one() {
    everywhere(|home| {
        let profile = home.some_profile();
        let expected = what_if(home, &profile, &json!({})).ok();
        assert!(expected.get("read_as").is_none(), "{expected}");
        let mut written = serde_json::Map::new();
        for (name, value) in profile.as_object().unwrap() {
            // As another program has it: names with blanks in capitals, values as texts in capitals.
            let value = match value {
                Value::Bool(yes) => json!(if *yes { "Y" } else { "N" }),
                Value::Number(number) => json!(number.to_string()),
                Value::String(value) => json!(value.to_uppercase()),
                other => other.clone(),
            };
            written.insert(name.replace('_', " ").to_uppercase(), value);
        }
        written.insert("colour".to_owned(), json!("red"));
        written.insert("customer_id".to_owned(), json!("C-1"));
        let read = what_if(home, &json!(written), &json!({}));
        let answer = read.ok();
        assert_eq!(answer["customer_id"], "C-1");
        for same in ["profile", "change", "prediction", "explanation", "nudges"] {
            assert_eq!(answer[same], expected[same], "{same}");
        }
        assert!(read.header("x-read-as").contains("is "), "{}", read.text);
        assert!(!items(&answer["read_as"]).is_empty());
        let left_out =
            json!({"column": "colour", "reading": "is no field and is left out", "count": 1});
        assert!(
            items(&answer["warnings"]).contains(&left_out),
            "{}",
            answer["warnings"]
        );

        // A slip in a name is asked about, and confirmed.
        let some = home
            .fields()
            .iter()
            .find(|field| field["model"] == true && text(&field["name"]).len() >= 5);
        let name = text(&some.unwrap()["name"]);
        let slip = format!("{}x", &name[..name.len() - 1]);
        let mut slipped = profile.clone();
        let value = slipped.as_object_mut().unwrap().remove(name).unwrap();
        slipped[&slip] = value;
        let wrong = json!({"no such field": 1});
        let asked = what_if(home, &slipped, &wrong);
        assert_eq!(asked.status, 422);
        let mut pointers = asked.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/change/no such field".to_owned(),
                format!("/profile/{slip}")
            ]
        );
        let reading = format!("{slip}:{name}");
        assert!(
            asked.text.contains(&format!("read={reading}")),
            "{}",
            asked.text
        );
        let body = json!({"profile": slipped, "change": {}});
        let path = format!(
            "/v1/explain/what-if?{}",
            parameter(&json!("read"), &json!(reading))
        );
        assert_eq!(
            home.post(&path, &body).ok()["prediction"],
            expected["prediction"]
        );

        // As Python's json writes what is missing.
        let mut missing = profile.clone();
        let optional = home
            .fields()
            .iter()
            .find(|field| field["required"] == false);
        missing[text(&optional.unwrap()["name"])] = json!("NaN");
        let body = json!({"profile": missing, "change": {}}).to_string();
        let body = body.replace("\"NaN\"", "NaN");
        let answer = home
            .post_text("/v1/explain/what-if", "application/json", &body)
            .ok();
        let told = json!({"column": null, "reading": "NaN is missing", "count": 1});
        assert!(items(&answer["read_as"]).contains(&told), "{answer}");
    });
}

#[test]
fn schema_has_the_same_members_for_every_business() {
    let of_the_first = members(homes()[0].schema());
    everywhere(|home| {
        let schema = home.schema();
        assert_eq!(members(schema), of_the_first);
        let roles = [
            "id",
            "outcome",
            "tenure",
            "recurring",
            "recurring_change",
            "lifetime",
            "contactable",
        ];
        assert_eq!(members(&schema["roles"]), sorted(roles));
    });
}
