use crate::home::{example_profile, get, post_csv, post_json, request, send, some_customer};
use serde_json::{Value, json};

const PREDICTION: [&str; 8] = [
    "base_rate",
    "customer_id",
    "model_version",
    "percentile",
    "probability",
    "risk_level",
    "status",
    "will_churn",
];

/// A customer in Telco's own spelling, who does not exist.
fn telco_row() -> Value {
    json!({"customerID":"0000-AAAAA","gender":"Male","SeniorCitizen":"0","Partner":"No","Dependents":"No","tenure":"0",
        "PhoneService":"No","MultipleLines":"No phone service","InternetService":"DSL","OnlineSecurity":"Yes",
        "OnlineBackup":"No","DeviceProtection":"No","TechSupport":"No","StreamingTV":"No","StreamingMovies":"No",
        "Contract":"One year","PaperlessBilling":"Yes","PaymentMethod":"Mailed check","MonthlyCharges":"30.15",
        "TotalCharges":" ","Churn":"Yes"})
}

const HEADER: &str = "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,\
    OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,\
    PaymentMethod,MonthlyCharges,TotalCharges,Churn";
const ROW: &str = "0000-AAAAA,Male,0,No,No,0,No,No phone service,DSL,Yes,No,No,No,No,No,One year,Yes,Mailed check,30.15, ,Yes";

#[test]
fn a_customer_is_predicted_by_id() {
    let id = some_customer();
    let answer = get(&format!("/v1/predict/{id}"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let prediction = answer.json();
    let members: Vec<&String> = prediction.as_object().unwrap().keys().collect();
    assert_eq!(members, PREDICTION);
    assert_eq!(prediction["customer_id"], id);
    let probability = prediction["probability"].as_f64().unwrap();
    assert_eq!(prediction["will_churn"], probability >= 0.5);
    let level = if probability >= 0.75 {
        "high"
    } else if probability >= 0.5 {
        "medium"
    } else {
        "low"
    };
    assert_eq!(prediction["risk_level"], level);
}

#[test]
fn a_profile_is_predicted_as_its_customer() {
    let id = some_customer();
    let summary = send(
        request("GET", &format!("/v1/summary/{id}")).header("accept", "application/json"),
        b"",
    )
    .json();
    let mut profile = summary["profile"].clone();
    let anonymous = post_json("/v1/predict", &profile).json();
    assert_eq!(anonymous["customer_id"], Value::Null);
    profile["customer_id"] = json!(id);
    assert_eq!(
        post_json("/v1/predict", &profile).json(),
        get(&format!("/v1/predict/{id}")).json()
    );
    assert_eq!(anonymous["probability"], summary["probability"]);
}

#[test]
fn both_spellings_mean_the_same() {
    let telco = post_json("/v1/predict", &telco_row());
    assert_eq!(telco.status, 200, "{}", telco.text);
    let ours = json!({"customer_id":"0000-AAAAA","gender":"Male","senior_citizen":false,"partner":false,"dependents":false,
        "tenure_months":0,"phone_service":false,"multiple_lines":false,"internet_service":"DSL","online_security":true,
        "online_backup":false,"device_protection":false,"tech_support":false,"streaming_tv":false,
        "streaming_movies":false,"contract":"One year","paperless_billing":true,"payment_method":"Mailed check",
        "monthly_charges":30.15,"total_charges":null});
    let mut telco = telco.json();
    let ours = post_json("/v1/predict", &ours).json();
    // Only Telco's row says what became of the customer.
    assert_eq!(
        (&telco["status"], &ours["status"]),
        (&json!("left"), &json!("active"))
    );
    telco["status"] = ours["status"].clone();
    assert_eq!(telco, ours);
}

#[test]
fn a_posted_outcome_decides_the_status_and_nothing_else() {
    let with_outcome = |outcome: Value| {
        let mut profile = example_profile();
        profile["Churn"] = outcome;
        profile
    };
    let plain = post_json("/v1/predict", &example_profile()).json();
    assert_eq!(plain["status"], "active");
    for (outcome, status) in [
        (json!("Yes"), "left"),
        (json!(1), "left"),
        (json!(true), "left"),
        (json!("No"), "active"),
        (json!(false), "active"),
        (json!(""), "active"),
        (Value::Null, "active"),
    ] {
        let profile = with_outcome(outcome.clone());
        for path in ["/v1/predict", "/v1/explain", "/v1/nudges"] {
            let answer = post_json(path, &profile).json();
            assert_eq!(answer["status"], status, "{path} {outcome}");
            assert_eq!(
                answer["probability"], plain["probability"],
                "{path} {outcome}"
            );
        }
    }
    for outcome in [json!("Churned"), json!(2), json!([])] {
        let answer = post_json("/v1/predict", &with_outcome(outcome));
        assert_eq!(answer.status, 422);
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            "/Churn",
            "{}",
            answer.text
        );
    }
}

#[test]
fn an_array_is_answered_in_its_order() {
    let mut late = example_profile();
    late["tenure_months"] = json!(70);
    let answer = post_json(
        "/v1/predict",
        &json!([example_profile(), late, telco_row()]),
    )
    .json();
    let alone = [example_profile(), late, telco_row()]
        .map(|profile| post_json("/v1/predict", &profile).json());
    assert_eq!(answer, json!(alone));
    assert_eq!(post_json("/v1/predict", &json!([])).json(), json!([]));
}

#[test]
fn one_bad_element_refuses_the_array() {
    let mut bad = example_profile();
    bad["tenure_months"] = json!(-3);
    let mut profiles = vec![example_profile(); 17];
    profiles.push(bad);
    let answer = post_json("/v1/predict", &json!(profiles));
    assert_eq!(answer.status, 422);
    let errors =
        json!([{"pointer": "/17/tenure_months", "detail": "must be between 0 and 600, got -3"}]);
    assert_eq!(answer.json()["errors"], errors);
}

#[test]
fn of_many_errors_the_first_hundred_are_listed() {
    let answer = post_json("/v1/predict", &json!(vec![json!({}); 1_000]));
    assert_eq!(answer.status, 422);
    let problem = answer.json();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
    assert_eq!(
        problem["detail"],
        "18000 fields can't be accepted; the first 100 are listed."
    );
    assert_eq!(
        post_json("/v1/predict", &json!(vec![json!({}); 1_001])).status,
        422
    );
}

#[test]
fn a_csv_file_comes_back_with_two_columns_more() {
    let answer = post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{ROW}\n"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let prediction = post_json("/v1/predict", &telco_row()).json();
    let scored = format!(
        "{ROW},{},{}",
        prediction["probability"],
        prediction["risk_level"].as_str().unwrap()
    );
    assert_eq!(
        answer.text,
        format!("{HEADER},churn_probability,risk_level\n{scored}\n{scored}\n")
    );
}

#[test]
fn columns_may_be_moved_and_added() {
    let answer = post_csv(
        "/v1/predict",
        &format!("note,{HEADER}\r\n\"a, b\",{ROW}\r\n"),
    );
    assert!(
        answer
            .text
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("\"a, b\",0000-AAAAA,Male"),
        "{}",
        answer.text
    );
}

#[test]
fn what_is_wrong_in_a_csv_file_is_located() {
    let wrong = ROW.replace("DSL", "Cable").replace("30.15", "-1");
    let answer = post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{wrong}\n"));
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors[0]["pointer"], "/1/InternetService");
    assert_eq!(errors[1]["pointer"], "/1/MonthlyCharges");
    let lacking = post_csv("/v1/predict", "customerID,gender\n0000-AAAAA,Male\n");
    assert_eq!(lacking.status, 422);
    assert_eq!(lacking.json()["errors"][0]["pointer"], "/SeniorCitizen");
}

#[test]
fn an_impossible_plan_is_refused_with_every_reason() {
    let mut profile = example_profile();
    profile["internet_service"] = json!("No");
    profile["phone_service"] = json!(false);
    profile["multiple_lines"] = json!(true);
    profile["monthly_charges"] = json!("a lot");
    let answer = post_json("/v1/predict", &profile);
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
        ["/monthly_charges", "/multiple_lines", "/online_backup"]
    );
}

#[test]
fn unknown_names_learn_the_known_ones() {
    let mut profile = example_profile();
    profile["colour"] = json!("red");
    profile["contract"] = json!("Weekly");
    let text = post_json("/v1/predict", &profile).text;
    assert!(
        text.contains("/colour") && text.contains("streaming_movies"),
        "{text}"
    );
    assert!(text.contains("Two year"), "{text}");
}

#[test]
fn a_csv_file_may_have_any_line_ends() {
    let expected = post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{ROW}\n"));
    for end in ["\r\n", "\r"] {
        let file = [HEADER, ROW, "", ROW].join(end);
        for file in [file.clone(), file + end] {
            let answer = post_csv("/v1/predict", &file);
            assert_eq!(
                (answer.status, answer.text),
                (200, expected.text.clone()),
                "{end:?}"
            );
        }
    }
}

#[test]
fn a_row_that_is_no_customer_is_located_in_a_csv_file() {
    let total = format!("Total{}1000.00,20000.00,", ",".repeat(18));
    let answer = post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{total}\n"));
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    let errors = errors.as_array().unwrap();
    assert_eq!(errors.len(), 17, "{errors:?}");
    assert!(
        errors
            .iter()
            .all(|error| error["pointer"].as_str().unwrap().starts_with("/1/"))
    );
    let titled = post_csv("/v1/predict", &format!("Churn report\n\n{HEADER}\n{ROW}\n"));
    assert_eq!(titled.status, 422);
    assert!(
        titled.text.contains("is a column that the header lacks"),
        "{}",
        titled.text
    );
}

#[test]
fn formulas_are_defused_in_a_csv_file() {
    let formula = "=10+20+cmd|' /C calc'!A0";
    let row = ROW.replace("0000-AAAAA", formula);
    let file = format!("{HEADER},@note,balance\n{row},\" +1-2, x\",-12.5\n");
    let answer = post_csv("/v1/predict", &file);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (header, scored) = answer.text.split_once('\n').unwrap();
    assert!(
        header.starts_with(&format!("{HEADER},'@note,balance,")),
        "{header}"
    );
    assert!(
        scored.starts_with(&format!("'{row},\"' +1-2, x\",-12.5,")),
        "{scored}"
    );

    // What was defused comes back the same.
    let columns = |text: &str| {
        let columns = text
            .lines()
            .map(|line| line.rsplitn(3, ',').last().unwrap().to_owned());
        columns.collect::<Vec<_>>().join("\n")
    };
    let again = post_csv("/v1/predict", &columns(&answer.text));
    assert_eq!(again.text, answer.text);
}

#[test]
fn a_customers_id_has_no_control_or_bidirectional_characters() {
    for id in [
        "a\u{7}b",
        "a\u{202e}b",
        "\u{2066}a",
        "a\tb",
        &"a".repeat(65),
    ] {
        let mut profile = example_profile();
        profile["customer_id"] = json!(id);
        for path in ["/v1/predict", "/v1/explain", "/v1/nudges"] {
            let answer = post_json(path, &profile);
            assert_eq!(answer.status, 422, "{id:?}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/customer_id");
            assert!(!answer.text.contains('\u{202e}') && !answer.text.contains('\u{2066}'));
        }
        let row = ROW.replace("0000-AAAAA", &format!("\"{id}\""));
        let answer = post_csv("/v1/predict", &format!("{HEADER}\n{row}\n"));
        assert_eq!(answer.status, 422, "{id:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/0/customerID");
    }
    for id in ["a%07b", "a%e2%80%aeb"] {
        for path in ["predict", "explain", "nudges", "summary"] {
            let answer = get(&format!("/v1/{path}/{id}"));
            assert_eq!(answer.status, 404);
            assert!(!answer.text.contains('\u{202e}'), "{}", answer.text);
        }
    }
    let mut profile = example_profile();
    profile["customer_id"] = json!("İd-Ünïcode 客户 7");
    assert_eq!(
        post_json("/v1/predict", &profile).json()["customer_id"],
        profile["customer_id"]
    );
}

#[test]
fn the_outcome_is_ignored_and_may_be_given_once() {
    let json = |members: &str| {
        let body = example_profile()
            .to_string()
            .replacen('{', &format!("{{{members},"), 1);
        let request = request("POST", "/v1/predict").header("content-type", "application/json");
        send(request, body.as_bytes())
    };
    assert_eq!(json("\"churned\":true").status, 200);
    for twice in [
        "\"Churn\":\"Yes\",\"Churn\":\"No\"",
        "\"churned\":true,\"Churn\":\"Yes\"",
    ] {
        let answer = json(twice);
        assert_eq!(answer.status, 422);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/Churn");
    }
    for twice in ["Churn", "churned", " Churn "] {
        let answer = post_csv("/v1/predict", &format!("{HEADER},{twice}\n{ROW},No\n"));
        assert_eq!(answer.status, 422);
        let detail = answer.json()["errors"][0]["detail"].clone();
        assert!(detail.as_str().unwrap().contains("given twice"), "{detail}");
    }
}

#[test]
fn a_file_has_a_thousand_columns_at_most() {
    let columns = |count: usize| {
        let more = count - HEADER.split(',').count();
        format!(
            "{HEADER}{}\n{ROW}{}\n",
            ",x".repeat(more),
            ",1".repeat(more)
        )
    };
    assert_eq!(post_csv("/v1/predict", &columns(1_000)).status, 200);
    let answer = post_csv("/v1/predict", &columns(1_001));
    assert_eq!(answer.status, 400);
    assert!(
        answer.text.contains("at most 1000 cells"),
        "{}",
        answer.text
    );
}

#[test]
fn a_profile_has_a_thousand_values_at_most() {
    let mut profile = example_profile();
    for index in 0..1_000 {
        profile[format!("x{index}")] = json!(index);
    }
    for body in [profile.clone(), json!([example_profile(), profile])] {
        let answer = post_json("/v1/predict", &body);
        assert_eq!(answer.status, 422);
        let detail = answer.json()["errors"][0]["detail"].clone();
        assert_eq!(detail, "is one value too many: there may be 1000");
    }
}
