use crate::home::{get, post_json, request, send};
use serde_json::{Value, json};

fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_whole_population_is_shown() {
    let answer = get("/v1/analytics").json();
    let expected = [
        "calibration",
        "churn_rate",
        "churn_rate_interval",
        "churned",
        "count",
        "distributions",
        "drivers",
        "expected_churners",
        "mean_probability",
        "monthly_revenue",
        "population",
        "revenue_at_risk",
    ];
    assert_eq!(members(&answer), expected);
    assert_eq!(
        (&answer["count"], &answer["population"]),
        (&json!(7043), &json!(7043))
    );
    let fields: Vec<&str> = answer["distributions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|distribution| distribution["field"].as_str().unwrap())
        .collect();
    let expected = [
        "usage_frequency",
        "payment_delay",
        "support_calls",
        "contract",
        "tenure_months",
        "monthly_charges",
        "total_charges",
        "internet_service",
        "payment_method",
        "persona",
        "stage",
        "risk_level",
        "variant",
    ];
    assert_eq!(fields, expected);
    let bin = &answer["distributions"][4]["bins"][1];
    assert_eq!(bin["label"], "4–6");
    assert_eq!(bin["filter"], json!({"tenure_min": 4, "tenure_max": 6}));
    assert!(
        bin["share"].is_number()
            && bin["churn_rate"].is_number()
            && bin["mean_probability"].is_number()
    );
    assert_eq!(answer["calibration"]["bins"].as_array().unwrap().len(), 10);
    assert_eq!(answer["drivers"], json!([]));
}

#[test]
fn the_directory_and_the_analytics_agree_on_every_filter() {
    for query in [
        "contract=One+year&contract=Two+year&internet_service=DSL",
        "persona=strained&usage_frequency_max=9&support_calls_min=2",
        "monthly_charges_min=70&monthly_charges_below=80&payment_delay_min=1",
        "missing=total_charges",
    ] {
        let answer = get(&format!("/v1/analytics?{query}")).json();
        assert!(answer["count"].as_u64().unwrap() > 0, "{query}");
        assert_eq!(
            answer["count"],
            get(&format!("/v1/summary?{query}")).json()["total"],
            "{query}"
        );
        assert_eq!(answer["drivers"].as_array().unwrap().len(), 19, "{query}");
    }
}

#[test]
fn nobody_is_a_valid_selection() {
    let answer = get("/v1/analytics?contract=Two+year&risk_level=high&tenure_max=1");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["count"], 0);
    assert_eq!(answer.json()["churn_rate"], Value::Null);
    let readout = get("/v1/analytics/experiment?contract=Two+year&risk_level=high&tenure_max=1");
    assert_eq!(readout.status, 200);
    assert_eq!(readout.json()["control"]["users"], 0);
}

#[test]
fn wrong_filters_are_refused_everywhere() {
    for path in ["/v1/analytics", "/v1/analytics/experiment"] {
        let answer = get(&format!(
            "{path}?colour=red&support_calls_min=5&support_calls_max=2&total_charges_min=nan"
        ));
        assert_eq!(answer.status, 422);
        assert_eq!(
            answer.json()["errors"].as_array().unwrap().len(),
            3,
            "{}",
            answer.text
        );
        assert_eq!(get(&format!("{path}?contract=%zz")).status, 400);
        assert_eq!(
            send(request("GET", path).header("accept", "text/csv"), b"").status,
            406
        );
    }
}

#[test]
fn a_what_if_changes_those_whom_it_fits() {
    let body = json!({"filters": {"contract": "Month-to-month", "internet_service": ["DSL", "Fiber optic"], "tenure_min": 3},
        "change": {"contract": "One year", "tech_support": true}});
    let answer = post_json("/v1/analytics/what-if", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(
        members(&answer),
        ["after", "before", "caveat", "changed", "customers"]
    );
    assert_eq!(answer["customers"], answer["changed"]);
    let (before, after) = (&answer["before"], &answer["after"]);
    assert!(after["expected_churners"].as_f64() < before["expected_churners"].as_f64());
    assert!(after["monthly_revenue"].as_f64() > before["monthly_revenue"].as_f64());
    assert!(answer["caveat"].as_str().unwrap().contains("projection"));
}

#[test]
fn a_wrong_what_if_is_refused_with_where() {
    let body = json!({"filters": {"contract": ["Weekly"]}, "change": {"internet_service": "No", "tech_support": true, "total_charges": 1}});
    let answer = post_json("/v1/analytics/what-if", &body);
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
        [
            "/change/total_charges",
            "/change/tech_support",
            "/filters/contract"
        ]
    );
    for body in [
        json!({}),
        json!([]),
        json!({"change": {}}),
        json!({"change": 5, "filters": 5}),
    ] {
        assert_eq!(
            post_json("/v1/analytics/what-if", &body).status,
            422,
            "{body}"
        );
    }
    let json = request("POST", "/v1/analytics/what-if").header("content-type", "application/json");
    assert_eq!(send(json, b"{").status, 400);
}

#[test]
fn the_embedded_experiment_is_read_out() {
    let answer = get("/v1/analytics/experiment").json();
    for member in [
        "control",
        "treatment",
        "absolute_difference",
        "relative_lift",
        "frequentist",
        "bayesian",
        "sequential",
        "sample_ratio_mismatch",
        "power",
        "decision",
        "reason",
        "cuped",
        "segments",
    ] {
        assert!(!answer[member].is_null(), "{member}: {answer}");
    }
    assert_eq!(
        answer["control"]["users"].as_u64().unwrap()
            + answer["treatment"]["users"].as_u64().unwrap(),
        7043
    );
    let segments = answer["segments"].as_array().unwrap();
    assert!(
        segments
            .iter()
            .any(|segment| segment["dimension"] == "contract" && segment["value"] == "Two year")
    );
    let some = get("/v1/analytics/experiment?contract=Two+year").json();
    let segment = segments
        .iter()
        .find(|segment| segment["value"] == "Two year")
        .unwrap();
    assert_eq!(some["control"]["users"], segment["control"]["users"]);
}

#[test]
fn counts_of_the_callers_own_are_read_out() {
    let body = json!({"metric": "higher_is_better", "control": {"users": 100, "conversions": 49}, "treatment": {"users": 100, "conversions": 51}});
    let answer = post_json("/v1/analytics/experiment", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    let chance = answer["bayesian"]["chance_to_win"].as_f64().unwrap();
    assert!((chance - 0.60918).abs() < 5e-6, "{chance}");
    assert_eq!(answer["decision"], "keep_running");
}

#[test]
fn impossible_counts_are_refused_at_once() {
    let body = json!({"control": {"users": 10, "conversions": 11}, "treatment": {"users": 0, "conversions": 0}, "alpha": 2});
    let answer = post_json("/v1/analytics/experiment", &body);
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 3, "{errors}");
    for (body, pointer) in [
        (
            json!({"control": {"users": 10, "conversions": "many"}}),
            "/control/conversions",
        ),
        (json!({"colour": 1}), "/colour"),
    ] {
        let answer = post_json("/v1/analytics/experiment", &body);
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            pointer,
            "{}",
            answer.text
        );
    }
    let json =
        request("POST", "/v1/analytics/experiment").header("content-type", "application/json");
    assert_eq!(send(json, b"{").status, 400);
}

#[test]
fn an_experiment_is_planned() {
    let body = json!({"baseline_rate": 0.265, "detectable_effect": -0.04, "users_per_day": 100});
    let answer = post_json("/v1/analytics/experiment/plan", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.json()["days"].as_f64().unwrap() > 30.0,
        "{}",
        answer.text
    );
    let body = json!({"baseline_rate": 0.265, "detectable_effect": 0, "power": 2});
    let answer = post_json("/v1/analytics/experiment/plan", &body);
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.json()["errors"].as_array().unwrap().len(),
        2,
        "{}",
        answer.text
    );
}
