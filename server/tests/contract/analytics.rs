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
        "known_outcomes",
        "mean_probability",
        "monthly_revenue",
        "population",
        "revenue_at_risk",
        "statuses",
    ];
    assert_eq!(members(&answer), expected);
    assert_eq!(
        [
            &answer["count"],
            &answer["known_outcomes"],
            &answer["population"]
        ],
        [&json!(5188), &json!(7043), &json!(7043)]
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
fn status_narrows_counts_and_money_and_never_rates() {
    let read = |query: &str| get(&format!("/v1/analytics?{query}")).json();
    let active = read("contract=Month-to-month");
    assert_eq!(active, read("contract=Month-to-month&status=active"));
    let left = read("contract=Month-to-month&status=left");
    let both = read("contract=Month-to-month&status=left&status=active");
    assert_eq!(active["statuses"], json!(["active"]));
    assert_eq!(both["statuses"], json!(["active", "left"]));
    for sum in [
        "count",
        "expected_churners",
        "monthly_revenue",
        "revenue_at_risk",
    ] {
        let number = |answer: &Value| answer[sum].as_f64().unwrap();
        let parts = number(&active) + number(&left);
        assert!((parts - number(&both)).abs() < 1e-6 * parts, "{sum}");
        assert!(number(&active) < number(&both), "{sum}");
    }
    for rate in [
        "churn_rate",
        "churn_rate_interval",
        "churned",
        "known_outcomes",
        "calibration",
        "drivers",
    ] {
        assert_eq!(active[rate], both[rate], "{rate}");
        assert_eq!(left[rate], both[rate], "{rate}");
    }
    assert_eq!(left["count"], both["churned"]);
    // The level that the page shows first: customers who can still be kept.
    let high = get("/v1/summary?risk_level=high&limit=500").json();
    let risk = |answer: &Value| {
        let distributions = answer["distributions"].as_array().unwrap().clone();
        let mut distributions = distributions.into_iter();
        let risk = distributions
            .find(|one| one["field"] == "risk_level")
            .unwrap();
        risk["bins"].as_array().unwrap().last().unwrap().clone()
    };
    let bin = risk(&get("/v1/analytics").json());
    assert_eq!(bin["filter"], json!({"risk_level": "high"}));
    assert_eq!(
        (&bin["count"], &bin["known_outcomes"]),
        (&high["total"], &json!(348))
    );
}

#[test]
fn the_readout_says_what_control_is_and_takes_every_status() {
    let answer = get("/v1/analytics/experiment").json();
    assert_eq!(
        answer["arms"],
        json!({"control": {"variant": "A", "offer": "the priority plan"},
            "treatment": {"variant": "B", "offer": "the smart assistant"}})
    );
    let comparison = answer["comparison"].as_str().unwrap();
    assert!(
        comparison.contains("against the priority plan, not against no offer"),
        "{comparison}"
    );
    for query in ["status=active", "status=left", "status=left&status=active"] {
        assert_eq!(
            get(&format!("/v1/analytics/experiment?{query}")).json(),
            answer,
            "{query}"
        );
    }
}

#[test]
fn the_directory_and_the_analytics_agree_on_every_filter() {
    for query in [
        "status=left&risk_level=high",
        "status=left&status=active&stage=growth",
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
        [
            "after",
            "before",
            "caveat",
            "changed",
            "changed_after",
            "changed_before",
            "customers",
            "statuses"
        ]
    );
    assert_eq!(answer["customers"], answer["changed"]);
    assert_eq!(answer["statuses"], json!(["active"]));
    let (before, after) = (&answer["before"], &answer["after"]);
    assert!(after["expected_churners"].as_f64() < before["expected_churners"].as_f64());
    assert!(after["monthly_revenue"].as_f64() > before["monthly_revenue"].as_f64());
    assert!(answer["caveat"].as_str().unwrap().contains("projection"));
}

#[test]
fn a_what_if_is_about_the_selection_that_the_analytics_show() {
    for (filters, query) in [
        (json!({}), ""),
        (json!({"stage": "growth"}), "stage=growth"),
        (
            json!({"status": ["active", "left"]}),
            "status=active&status=left",
        ),
    ] {
        let body = json!({"filters": filters, "change": {"contract": "One year"}});
        let answer = post_json("/v1/analytics/what-if", &body).json();
        let analytics = get(&format!("/v1/analytics?{query}")).json();
        assert_eq!(answer["customers"], analytics["count"]);
        assert!(answer["changed"].as_u64() < answer["customers"].as_u64());
        for figure in ["expected_churners", "monthly_revenue", "revenue_at_risk"] {
            let number = |value: &Value| value[figure].as_f64().unwrap();
            let gap = number(&answer["before"]) - number(&analytics);
            assert!(gap.abs() < 1e-6, "{figure} {query}");
            let whole = number(&answer["after"]) - number(&answer["before"]);
            let part = number(&answer["changed_after"]) - number(&answer["changed_before"]);
            assert!((whole - part).abs() < 1e-6, "{figure} {query}");
            assert!(number(&answer["changed_before"]) < number(&answer["before"]));
        }
    }
    assert_eq!(
        post_json(
            "/v1/analytics/what-if",
            &json!({"change": {"contract": "One year"}})
        )
        .json()["customers"],
        5188
    );
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
        "anytime",
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
fn low_rates_favour_neither_arm() {
    let read = |control: [u64; 2], treatment: [u64; 2]| {
        let arm =
            |[users, conversions]: [u64; 2]| json!({"users": users, "conversions": conversions});
        let body = json!({"control": arm(control), "treatment": arm(treatment)});
        post_json("/v1/analytics/experiment", &body).json()
    };
    let few = read([2_000, 6], [2_000, 1]);
    assert_eq!(few["decision"], "keep_running", "{few}");
    assert!(few["anytime"]["better"].as_f64().unwrap() < 3.0, "{few}");
    assert_eq!(few["anytime"]["threshold"], 20.0, "{few}");
    for (control, treatment, decision) in [(0, 100, "roll_back"), (100, 0, "ship")] {
        let answer = read([5_000, control], [5_000, treatment]);
        assert_eq!(answer["decision"], decision, "{answer}");
        let ratio = &answer["anytime"]["rate_ratio"];
        assert_eq!(ratio[0] == 0.0, treatment == 0, "{answer}");
        assert_eq!(ratio[1].is_null(), control == 0, "{answer}");
        assert!(answer["sequential"].is_null(), "{answer}");
    }
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
