use crate::home::{example_profile, get, post_json, some_customer};
use serde_json::{Value, json};

fn sum(contributions: &Value) -> f64 {
    contributions
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| feature["contribution"].as_f64().unwrap())
        .sum()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn an_explanation_adds_up_to_the_prediction() {
    let id = some_customer();
    let explanation = get(&format!("/v1/explain/{id}")).json();
    assert_eq!(explanation["customer_id"], id);
    assert_eq!(explanation["link"], "logit");
    assert_eq!(
        explanation["probability"],
        get(&format!("/v1/predict/{id}")).json()["probability"]
    );
    let contributions = &explanation["contributions"];
    assert_eq!(contributions.as_array().unwrap().len(), 19);
    let log_odds = number(&explanation["base_value"]) + sum(contributions);
    assert!((log_odds - number(&explanation["prediction_value"])).abs() < 1e-5);
    let probability = 1.0 / (1.0 + (-number(&explanation["prediction_value"])).exp());
    assert!((probability - number(&explanation["probability"])).abs() < 1e-12);
    assert!(explanation.get("interactions").is_none());
}

#[test]
fn values_are_shown_as_a_person_reads_them() {
    let explanation = post_json("/v1/explain", &example_profile()).json();
    assert_eq!(explanation["customer_id"], Value::Null);
    let shown = |feature: &str| {
        let mut contributions = explanation["contributions"].as_array().unwrap().iter();
        contributions
            .find(|other| other["feature"] == feature)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(shown("contract"), "Month-to-month");
    assert_eq!(shown("monthly_charges"), "29.85");
    assert_eq!(shown("partner"), "yes");
    assert!(
        explanation["sentence"]
            .as_str()
            .unwrap()
            .starts_with("Mostly ")
    );
}

#[test]
fn everybody_is_explained_unless_a_status_is_given() {
    let population =
        |query: &str| get(&format!("/v1/explain?max_points=0{query}")).json()["population"].clone();
    assert_eq!(population(""), 7043);
    assert_eq!(population("&status=active"), 5188);
    assert_eq!(population("&status=left"), 1855);
}

#[test]
fn interactions_come_when_asked_for() {
    let explanation = post_json("/v1/explain?interactions=true", &example_profile()).json();
    let values = explanation["interactions"]["values"].as_array().unwrap();
    assert_eq!(values.len(), 19);
    for (row, (name, others)) in explanation["interactions"]["features"]
        .as_array()
        .unwrap()
        .iter()
        .zip(values)
        .enumerate()
    {
        let contributions = explanation["contributions"].as_array().unwrap();
        let own = contributions
            .iter()
            .find(|other| other["feature"] == *name)
            .unwrap();
        let total: f64 = others.as_array().unwrap().iter().map(number).sum();
        assert!(
            (total - number(&own["contribution"])).abs() < 1e-5,
            "{name}"
        );
        assert_eq!(others[3], values[3][row]);
    }
}

#[test]
fn everyone_is_explained_at_once() {
    let all = get("/v1/explain").json();
    assert_eq!(all["population"], 7043);
    let features = all["features"].as_array().unwrap();
    assert_eq!(features.len(), 19);
    assert!(features.is_sorted_by(
        |a, b| number(&a["mean_abs_contribution"]) >= number(&b["mean_abs_contribution"])
    ));
    assert_eq!(all["interactions"].as_array().unwrap().len(), 171);
    for feature in features {
        assert_eq!(feature["points"].as_array().unwrap().len(), 300);
    }
    let few = get("/v1/explain?max_points=7").json();
    assert_eq!(few["features"][0]["points"].as_array().unwrap().len(), 7);
    assert_eq!(
        few["features"][0]["mean_abs_contribution"],
        features[0]["mean_abs_contribution"]
    );
}

#[test]
fn filters_narrow_whom_is_explained() {
    let some = get("/v1/explain?internet_service=Fiber+optic&tenure_max=12&max_points=50").json();
    let listed = get(
        "/v1/summary?internet_service=Fiber+optic&tenure_max=12&limit=1&status=active&status=left",
    );
    let listed = listed.json();
    assert_eq!(some["population"], listed["total"]);
    let features = some["features"].as_array().unwrap();
    let internet = features
        .iter()
        .find(|feature| feature["feature"] == "internet_service")
        .unwrap();
    assert!(
        internet["points"]
            .as_array()
            .unwrap()
            .iter()
            .all(|point| point["value"] == "Fiber optic")
    );
    assert_eq!(
        get("/v1/explain?risk_level=high&contract=Two+year").json()["population"],
        json!(0)
    );
}

#[test]
fn the_model_shows_its_card_and_its_evaluation() {
    let quality = get("/v1/explain/model").json();
    assert_eq!(
        quality["model_version"],
        get(&format!("/v1/predict/{}", some_customer())).json()["model_version"]
    );
    assert!(number(&quality["card"]["metrics"]["roc_auc"]["mean"]) >= 0.849);
    assert_eq!(
        quality["evaluation"]["by_cutoff"].as_array().unwrap().len(),
        101
    );
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(get("/v1/explain/0000-ZZZZZ").status, 404);
    assert_eq!(get("/v1/explain?max_points=2001").status, 422);
    assert_eq!(
        get(&format!(
            "/v1/explain/{}?interactions=maybe",
            some_customer()
        ))
        .status,
        422
    );
    assert_eq!(post_json("/v1/explain", &json!({})).status, 422);
    assert_eq!(post_json("/v1/explain", &json!([])).status, 422);
}
