use crate::home::{example_profile, get, post_json, request, send};
use serde_json::{Value, json};

#[test]
fn the_business_is_told_with_its_version_as_entity_tag() {
    let answer = get("/v1/schema");
    assert_eq!(answer.status, 200);
    let business = answer.json();
    let version = business["versions"]["workspace"].as_str().unwrap();
    let tag = answer.header("etag");
    assert!(tag.starts_with(&format!("\"{version}-")), "{tag}");
    assert_eq!(business["population"], 7043);
    assert_eq!(business["roles"]["recurring"], "monthly_charges");
    assert_eq!(business["fields"].as_array().unwrap().len(), 23);
}

#[test]
fn the_business_that_is_known_is_not_sent_again() {
    let tag = get("/v1/schema").header("etag").to_owned();
    let asked = |known: &str| {
        send(
            request("GET", "/v1/schema").header("if-none-match", known),
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
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), get("/v1/schema").json());
}

#[test]
fn filters_and_sorts_of_the_business_are_those_of_the_directory() {
    let business = get("/v1/schema").json();
    for sort in business["sorts"].as_array().unwrap() {
        let path = format!("/v1/summary?limit=1&sort=-{}", sort.as_str().unwrap());
        assert_eq!(get(&path).status, 200, "{path}");
    }
    let filters = business["filters"].as_array().unwrap();
    let named = filters.iter().filter(|filter| filter["kind"] == "values");
    for filter in named {
        let value = filter["values"][0]["value"].as_str().unwrap();
        let parameter = filter["parameter"].as_str().unwrap();
        let path = format!(
            "/v1/summary?limit=1&{parameter}={}",
            value.replace(' ', "+")
        );
        assert_eq!(get(&path).status, 200, "{path}");
    }
}

fn project(change: &Value) -> Value {
    let answer = post_json(
        "/v1/explain/what-if",
        &json!({"profile": example_profile(), "change": change}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[test]
fn a_changed_profile_is_answered_as_the_other_functions_do() {
    let answer =
        project(&json!({"contract": "Two year", "tenure_months": 30, "tech_support": true}));
    let profile = &answer["profile"];
    assert_eq!(profile["contract"], "Two year");
    let price = get("/v1/schema").json();
    let price = price["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["name"] == "tech_support")
        .unwrap()["values"][1]["price"]
        .as_f64()
        .unwrap();
    let charges = profile["monthly_charges"].as_f64().unwrap();
    assert!((charges - 29.85 - price).abs() < 1e-9, "{charges} {price}");
    for (name, value) in answer["change"].as_object().unwrap() {
        assert_eq!(profile[name], *value);
    }
    let explanation = post_json("/v1/explain", profile).json();
    for (name, value) in answer["explanation"].as_object().unwrap() {
        assert_eq!(explanation[name], *value, "{name}");
    }
    let advice = post_json("/v1/nudges", profile).json();
    for name in ["nudges", "recourse", "note"] {
        assert_eq!(answer[name], advice[name], "{name}");
    }
    let prediction = post_json("/v1/predict", profile).json();
    for (name, value) in answer["prediction"].as_object().unwrap() {
        assert_eq!(prediction[name], *value, "{name}");
    }
}

#[test]
fn faults_of_a_changed_profile_are_pointed_at() {
    let wrong = |body: &Value| {
        let answer = post_json("/v1/explain/what-if", body);
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let errors = answer.json()["errors"].clone();
        let mut pointers: Vec<String> = errors
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect();
        pointers.sort();
        pointers
    };
    let mut profile = example_profile();
    profile["tenure_months"] = json!(-1);
    let change = json!({"contract": null, "colour": "red"});
    assert_eq!(
        wrong(&json!({"profile": profile, "change": change})),
        [
            "/change/colour",
            "/change/contract",
            "/profile/tenure_months"
        ]
    );
    assert_eq!(wrong(&json!({})), ["/change", "/profile"]);
    let change = json!({"internet_service": "No", "streaming_tv": true});
    let body = json!({"profile": example_profile(), "change": change});
    assert_eq!(wrong(&body), ["/change/streaming_tv"]);
}
