use crate::home::{example_profile, get, post_json, request, send, some_customer};
use serde_json::{Value, json};

fn members(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

fn nudges(answer: &Value) -> &Vec<Value> {
    answer["nudges"].as_array().unwrap()
}

/// What `/v1/predict` says of a profile with a change.
fn predicted(profile: &Value, change: &Value) -> Value {
    let mut changed = profile.clone();
    for (field, value) in change.as_object().unwrap() {
        changed[field] = value.clone();
    }
    post_json("/v1/predict", &changed).json()["probability"].clone()
}

/// Some customer's id and profile.
fn customer_with_profile(filter: &str) -> (String, Value) {
    let page = get(&format!("/v1/summary?limit=1&{filter}")).json();
    let id = page["items"][0]["customer_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/summary/{id}");
    let accept = request("GET", &path).header("accept", "application/json");
    let profile = send(accept, b"").json()["profile"].clone();
    (id, profile)
}

#[test]
fn advice_has_the_agreed_shape() {
    let id = some_customer();
    let answer = get(&format!("/v1/nudges/{id}")).json();
    assert_eq!(
        members(&answer),
        [
            "customer_id",
            "note",
            "nudges",
            "probability",
            "recourse",
            "status"
        ]
    );
    assert_eq!(answer["customer_id"], id);
    assert!(answer["note"].as_str().unwrap().contains("expects"));
    for nudge in nudges(&answer) {
        let expected = [
            "category",
            "change",
            "id",
            "measured",
            "message",
            "monthly_charges_change",
            "projected_probability",
            "reasons",
            "risk_reduction",
            "title",
        ];
        assert_eq!(members(nudge), expected);
        if nudge["change"].is_null() {
            assert_eq!(nudge["projected_probability"], answer["probability"]);
            assert_eq!(nudge["risk_reduction"], 0.0);
            assert_eq!(nudge["monthly_charges_change"], 0.0);
        }
    }
    let expected = [
        "changes",
        "monthly_charges_change",
        "projected_probability",
        "reachable",
        "steps",
        "target_probability",
    ];
    assert_eq!(members(&answer["recourse"]), expected);
    assert_eq!(answer["recourse"]["target_probability"], 0.5);
}

#[test]
fn the_measured_effect_comes_before_the_projected_ones_and_says_where_it_is_from() {
    let readout = get("/v1/analytics/experiment").json();
    let adjusted = &readout["cuped"]["absolute_difference"];
    let close = |one: &Value, other: &Value| {
        let difference = one.as_f64().unwrap() - other.as_f64().unwrap();
        assert!(difference.abs() < 1e-12, "{one} {other}");
    };
    for status in ["active", "left"] {
        let (id, _) =
            customer_with_profile(&format!("variant=B&sort=-probability&status={status}"));
        let answer = get(&format!("/v1/nudges/{id}")).json();
        let measured = &nudges(&answer)[0]["measured"];
        let members = members(measured);
        assert_eq!(
            members,
            ["control", "customers", "effect", "experiment", "interval"]
        );
        close(&measured["effect"], &adjusted["estimate"]);
        close(&measured["interval"][0], &adjusted["interval"][0]);
        close(&measured["interval"][1], &adjusted["interval"][1]);
        assert!(measured["interval"][1].as_f64().unwrap() < 0.0);
        assert_eq!(measured["customers"], 7043);
        assert_eq!(measured["experiment"], "variant");
        assert_eq!(measured["control"], readout["arms"]["control"]["offer"]);
        // Beside it, not instead of it: the model projects nothing for an offer that leaves the plan as it is.
        assert_eq!(
            nudges(&answer)[0]["projected_probability"],
            answer["probability"]
        );
        assert!(
            nudges(&answer)[1..]
                .iter()
                .all(|nudge| nudge["measured"].is_null())
        );
        assert!(nudges(&answer)[1]["risk_reduction"].as_f64().unwrap() > 0.0);
    }
    let (id, _) = customer_with_profile("variant=A&sort=-probability");
    let answer = get(&format!("/v1/nudges/{id}")).json();
    let nudges = nudges(&answer);
    assert!(nudges.iter().any(|nudge| nudge["id"] == "priority-plan"));
    assert!(nudges.iter().all(|nudge| nudge["measured"].is_null()));
}

#[test]
fn a_changed_profile_is_predicted_as_projected() {
    for filter in [
        "sort=-probability",
        "sort=probability",
        "contract=One+year",
        "internet_service=No",
        "tenure_max=0",
        "sort=-monthly_charges",
    ] {
        let (id, profile) = customer_with_profile(filter);
        let answer = get(&format!("/v1/nudges/{id}?target=0.2")).json();
        assert_eq!(
            answer["probability"],
            get(&format!("/v1/predict/{id}")).json()["probability"]
        );
        for nudge in nudges(&answer)
            .iter()
            .filter(|nudge| !nudge["change"].is_null())
        {
            assert_eq!(
                predicted(&profile, &nudge["change"]),
                nudge["projected_probability"]
            );
        }
        let recourse = &answer["recourse"];
        assert_eq!(
            predicted(&profile, &recourse["changes"]),
            recourse["projected_probability"]
        );
    }
}

#[test]
fn a_profile_is_advised_as_its_customer() {
    let (id, mut profile) = customer_with_profile("sort=-probability");
    let anonymous = post_json("/v1/nudges?rotate=1", &profile).json();
    assert_eq!(anonymous["customer_id"], Value::Null);
    profile["customer_id"] = json!(id);
    assert_eq!(
        post_json("/v1/nudges?rotate=1", &profile).json(),
        get(&format!("/v1/nudges/{id}?rotate=1")).json()
    );
    assert_eq!(
        anonymous["nudges"],
        get(&format!("/v1/nudges/{id}?rotate=1")).json()["nudges"]
    );
}

#[test]
fn limit_and_category_choose_among_the_ranked() {
    let all = post_json("/v1/nudges", &example_profile()).json();
    let two = post_json("/v1/nudges?limit=2", &example_profile()).json();
    assert_eq!(nudges(&two)[..], nudges(&all)[..2]);
    let some = post_json(
        "/v1/nudges?category=billing&category=contract",
        &example_profile(),
    )
    .json();
    let expected: Vec<&Value> = nudges(&all)
        .iter()
        .filter(|nudge| nudge["category"] == "billing" || nudge["category"] == "contract")
        .collect();
    assert!(!expected.is_empty() && expected.len() < nudges(&all).len());
    assert_eq!(nudges(&some).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn rotation_changes_the_wording_and_nothing_else() {
    let stripped = |path: &str| {
        let mut answer = post_json(path, &example_profile()).json();
        let messages: Vec<Value> = answer["nudges"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .map(|nudge| nudge["message"].take())
            .collect();
        (answer, messages)
    };
    let (first, first_messages) = stripped("/v1/nudges");
    let (next, next_messages) = stripped("/v1/nudges?rotate=1");
    assert_eq!(first, next);
    assert!(
        first_messages
            .iter()
            .zip(&next_messages)
            .all(|(one, other)| one != other)
    );
    assert_eq!(stripped("/v1/nudges?rotate=0").1, first_messages);
}

#[test]
fn recourse_gets_below_the_target_or_says_that_it_can_not() {
    let (id, profile) = customer_with_profile("sort=-probability");
    let recourse =
        |target: &str| get(&format!("/v1/nudges/{id}?target={target}")).json()["recourse"].clone();
    let reached = recourse("0.5");
    assert_eq!(reached["reachable"], true);
    assert!(reached["projected_probability"].as_f64().unwrap() < 0.5);
    assert!(reached["steps"].as_u64().unwrap() > 0);
    let mut moved = profile.clone();
    for (field, value) in reached["changes"].as_object().unwrap() {
        moved[field] = value.clone();
    }
    let again = post_json("/v1/nudges", &moved).json()["recourse"].clone();
    assert_eq!(again["changes"], json!({}));
    assert_eq!(again["steps"], 0);
    let out_of_reach = recourse("0.000001");
    assert_eq!(out_of_reach["reachable"], false);
    assert!(
        out_of_reach["projected_probability"].as_f64().unwrap()
            < reached["projected_probability"].as_f64().unwrap()
    );
}

#[test]
fn what_can_not_be_asked_is_refused() {
    let id = some_customer();
    let query = "target=1&limit=0&category=sales&rotate=x&colour=red";
    let answer = get(&format!("/v1/nudges/{id}?{query}"));
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    let pointers: Vec<&str> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        ["/category", "/limit", "/target", "/rotate", "/colour"]
    );
    assert_eq!(
        post_json("/v1/nudges", &json!([example_profile()])).status,
        422
    );
    assert_eq!(get("/v1/nudges/0000-ZZZZZ").status, 404);
    assert_eq!(get("/v1/nudges").status, 405);
}
