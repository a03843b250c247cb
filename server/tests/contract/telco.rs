//! What is known of the shipped business alone: its golden sentences, names and numbers. These tests hold of nothing where another
//! business is served.

use crate::home::{Home, homes};
use crate::json::{items, members, number, text};
use serde_json::{Value, json};

fn telco(test: impl Fn(&Home)) {
    let mut homes = homes().iter();
    if let Some(home) = homes.find(|home| home.schema()["name"] == "telco") {
        test(home);
    }
}

/// The profile that the documentation shows.
fn example_profile() -> Value {
    json!({"gender":"Female","senior_citizen":false,"partner":true,"dependents":false,"tenure_months":1,
        "phone_service":true,"multiple_lines":false,"internet_service":"DSL",
        "online_security":false,"online_backup":true,"device_protection":false,"tech_support":false,
        "streaming_tv":false,"streaming_movies":false,
        "contract":"Month-to-month","paperless_billing":true,"payment_method":"Electronic check",
        "monthly_charges":29.85,"total_charges":29.85,
        "usage_frequency":12,"support_calls":2,"payment_delay":0,"variant":"A"})
}

/// A customer in IBM's own spelling, who does not exist.
fn ibm_row() -> Value {
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
fn schema_is_telcos() {
    telco(|home| {
        let schema = home.schema();
        assert_eq!(schema["population"], 7043);
        assert_eq!(schema["roles"]["recurring"], "monthly_charges");
        assert_eq!(home.fields().len(), 23);
        let ids = home.page("sort=customer_id");
        assert_eq!(
            text(&ids["items"][0]["customer_id"]).len(),
            "0000-AAAAA".len()
        );
    });
}

#[test]
fn directory_counts_active_and_left() {
    telco(|home| {
        let [usual, left, both] = ["", "status=left", "status=left&status=active"];
        assert_eq!(
            [usual, left, both].map(|query| home.total(query)),
            [5188, 1855, 7043]
        );
        let page = home.read("/v1/summary");
        assert_eq!(items(&page["items"]).len(), 50);
        let expected = [
            "at_risk",
            "churned",
            "contract",
            "customer_id",
            "monthly_charges",
            "percentile",
            "persona",
            "probability",
            "risk_level",
            "stage",
            "status",
            "tenure_months",
            "variant",
        ];
        assert_eq!(members(&page["items"][0]), expected);
        let file = home.get_as("text/csv", "/v1/summary?status=left").text;
        assert!(file.lines().skip(1).all(|row| row.ends_with(",true,left")));
        assert!(file.starts_with("customer_id,probability,"));
    });
}

#[test]
fn filters_and_sort_combine() {
    telco(|home| {
        let page = home.page(
            "contract=One+year&contract=Two+year&tenure_max=12&risk_level=low&sort=-monthly_charges",
        );
        let rows = items(&page["items"]);
        assert!(!rows.is_empty());
        assert_eq!(page["next_cursor"], Value::Null);
        for row in rows {
            assert_ne!(row["contract"], "Month-to-month");
            assert!(number(&row["tenure_months"]) <= 12.0);
            assert_eq!(row["risk_level"], "low");
        }
        let charges = |row: &Value| number(&row["monthly_charges"]);
        assert!(rows.is_sorted_by(|a, b| charges(a) >= charges(b)));
        let id = text(&rows[0]["customer_id"]);
        assert_eq!(home.page(&format!("q={id}"))["items"][0], rows[0]);
        assert_eq!(home.total(&format!("q={id}&contract=Month-to-month")), 0);
        let wrong = home.get("/v1/summary?persona=nobody&colour=red").text;
        assert!(
            wrong.contains("essentials") && wrong.contains("tenure_min"),
            "{wrong}"
        );
    });
}

#[test]
fn spellings_of_ibm_and_of_the_api_mean_the_same() {
    telco(|home| {
        let mut theirs = home.post("/v1/predict", &ibm_row()).ok();
        let ours = json!({"customer_id":"0000-AAAAA","gender":"Male","senior_citizen":false,"partner":false,"dependents":false,
            "tenure_months":0,"phone_service":false,"multiple_lines":false,"internet_service":"DSL","online_security":true,
            "online_backup":false,"device_protection":false,"tech_support":false,"streaming_tv":false,
            "streaming_movies":false,"contract":"One year","paperless_billing":true,"payment_method":"Mailed check",
            "monthly_charges":30.15,"total_charges":null});
        let ours = home.post("/v1/predict", &ours).ok();
        // Only IBM's row says what became of the customer.
        assert_eq!(
            (&theirs["status"], &ours["status"]),
            (&json!("left"), &json!("active"))
        );
        theirs["status"] = ours["status"].clone();
        assert_eq!(theirs, ours);
    });
}

#[test]
fn churn_decides_the_status_and_is_given_once() {
    telco(|home| {
        for (outcome, status) in [("Yes", "left"), ("No", "active")] {
            let mut profile = example_profile();
            profile["Churn"] = json!(outcome);
            assert_eq!(home.post("/v1/predict", &profile).ok()["status"], status);
        }
        let mut profile = example_profile();
        profile["Churn"] = json!("Gone");
        let answer = home.post("/v1/predict", &profile);
        assert_eq!(answer.pointers(), ["/Churn"], "{}", answer.text);
        for twice in [
            "\"Churn\":\"Yes\",\"Churn\":\"No\"",
            "\"churned\":true,\"Churn\":\"Yes\"",
        ] {
            let body = example_profile().to_string();
            let body = body.replacen('{', &format!("{{{twice},"), 1);
            let answer = home.post_text("/v1/predict", "application/json", &body);
            assert_eq!(answer.pointers(), ["/Churn"]);
        }
        for twice in ["Churn", "churned", " Churn "] {
            let answer = home.post_csv("/v1/predict", &format!("{HEADER},{twice}\n{ROW},No\n"));
            assert_eq!(answer.pointers().len(), 1);
            assert!(answer.text.contains("given twice"), "{}", answer.text);
        }
    });
}

#[test]
fn errors_are_worded_for_people() {
    telco(|home| {
        let mut bad = example_profile();
        bad["tenure_months"] = json!(-3);
        let errors = home
            .post("/v1/predict", &json!([example_profile(), bad]))
            .json()["errors"]
            .clone();
        let expected =
            json!([{"pointer": "/1/tenure_months", "detail": "must be between 0 and 600, got -3"}]);
        assert_eq!(errors, expected);
        let many = home
            .post("/v1/predict", &json!(vec![json!({}); 1_000]))
            .json();
        assert_eq!(
            many["detail"],
            "18000 fields can't be accepted; the first 100 are listed."
        );
        let mut profile = example_profile();
        profile["colour"] = json!("red");
        profile["contract"] = json!("Weekly");
        let answer = home.post("/v1/predict", &profile).text;
        for said in ["/contract", "Month-to-month", "Two year"] {
            assert!(answer.contains(said), "{said}: {answer}");
        }
        let twice = example_profile()
            .to_string()
            .replacen('{', "{\"tenure\":1,", 1);
        let answer = home
            .post_text("/v1/predict", "application/json", &twice)
            .text;
        assert!(
            answer.contains("given twice, as tenure and as tenure_months"),
            "{answer}"
        );
        let mut profile = example_profile();
        profile["usage_frequency"] = json!(31);
        assert_eq!(
            home.post("/v1/predict", &profile).pointers(),
            ["/usage_frequency"]
        );
    });
}

#[test]
fn impossible_plans_are_refused_with_every_reason() {
    telco(|home| {
        let mut profile = example_profile();
        profile["internet_service"] = json!("No");
        profile["phone_service"] = json!(false);
        profile["multiple_lines"] = json!(true);
        profile["monthly_charges"] = json!("a lot");
        assert_eq!(
            home.post("/v1/predict", &profile).pointers(),
            ["/monthly_charges", "/multiple_lines", "/online_backup"]
        );
        let change = json!({"internet_service": "No", "streaming_tv": true});
        let body = json!({"profile": example_profile(), "change": change});
        let answer = home.post("/v1/explain/what-if", &body);
        assert_eq!(answer.pointers(), ["/change/streaming_tv"]);
        let mut profile = example_profile();
        profile["tenure_months"] = json!(-1);
        let body = json!({"profile": profile, "change": {"contract": null, "colour": "red"}});
        let mut found = home.post("/v1/explain/what-if", &body).pointers();
        found.sort();
        assert_eq!(
            found,
            [
                "/change/colour",
                "/change/contract",
                "/profile/tenure_months"
            ]
        );
    });
}

#[test]
fn files_of_ibm_come_back_with_two_columns_more() {
    telco(|home| {
        let answer = home.post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{ROW}\n"));
        let prediction = home.post("/v1/predict", &ibm_row()).ok();
        let level = text(&prediction["risk_level"]);
        let scored = format!("{ROW},{},{level}", prediction["probability"]);
        assert_eq!(
            answer.text,
            format!("{HEADER},churn_probability,risk_level\n{scored}\n{scored}\n")
        );
        let wrong = ROW.replace("DSL", "Cable").replace("30.15", "-1");
        let answer = home.post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{wrong}\n"));
        assert_eq!(
            answer.pointers(),
            ["/1/InternetService", "/1/MonthlyCharges"]
        );
        let lacking = home.post_csv("/v1/predict", "customerID,gender\n0000-AAAAA,Male\n");
        assert_eq!(lacking.pointers()[0], "/SeniorCitizen");
        let sums = format!("0000-SUMUP{}1000.00,20000.00,", ",".repeat(18));
        let answer = home.post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{sums}\n"));
        let pointers = answer.pointers();
        assert_eq!(pointers.len(), 17, "{pointers:?}");
        assert!(pointers.iter().all(|pointer| pointer.starts_with("/1/")));
        let total = sums.replace("0000-SUMUP", "Total");
        let summed = home.post_csv("/v1/predict", &format!("{HEADER}\n{ROW}\n{total}\n"));
        assert_eq!(
            summed.text,
            format!("{HEADER},churn_probability,risk_level\n{scored}\n")
        );
        let bad_id = ROW.replace("0000-AAAAA", "\"a\u{7}b\"");
        let answer = home.post_csv("/v1/predict", &format!("{HEADER}\n{bad_id}\n"));
        assert_eq!(answer.pointers(), ["/0/customerID"]);
    });
}

#[test]
fn values_are_shown_as_a_person_reads_them() {
    telco(|home| {
        let explanation = home.post("/v1/explain", &example_profile()).ok();
        let contributions = items(&explanation["contributions"]);
        assert_eq!(contributions.len(), 19);
        let shown = |feature: &str| {
            let mut contributions = contributions.iter();
            contributions
                .find(|other| other["feature"] == feature)
                .unwrap()["value"]
                .clone()
        };
        assert_eq!(shown("contract"), "Month-to-month");
        assert_eq!(shown("monthly_charges"), "29.85");
        assert_eq!(shown("partner"), "yes");
        assert!(text(&explanation["sentence"]).starts_with("Mostly "));
    });
}

#[test]
fn explanations_are_of_everybody_or_of_a_selection() {
    telco(|home| {
        let population = |query: &str| {
            home.read(&format!("/v1/explain?max_points=0{query}"))["population"].clone()
        };
        assert_eq!(population(""), 7043);
        assert_eq!(population("&status=active"), 5188);
        assert_eq!(population("&risk_level=high&contract=Two+year"), 0);
        let all = home.read("/v1/explain");
        assert_eq!(items(&all["features"]).len(), 19);
        assert_eq!(items(&all["interactions"]).len(), 171);
        assert!(
            items(&all["features"])
                .iter()
                .all(|one| items(&one["points"]).len() == 300)
        );
        let some =
            home.read("/v1/explain?internet_service=Fiber+optic&tenure_max=12&max_points=50");
        let mut features = items(&some["features"]).iter();
        let internet = features
            .find(|one| one["feature"] == "internet_service")
            .unwrap();
        assert!(
            items(&internet["points"])
                .iter()
                .all(|point| point["value"] == "Fiber optic")
        );
        let quality = home.read("/v1/explain/model");
        assert!(number(&quality["card"]["metrics"]["roc_auc"]["mean"]) >= 0.849);
        assert_eq!(items(&quality["evaluation"]["by_cutoff"]).len(), 101);
    });
}

#[test]
fn the_assistant_has_a_measured_effect_and_comes_first() {
    telco(|home| {
        let advice = |query: &str| {
            let page = home.read(&format!("/v1/summary?limit=1&sort=-probability&{query}"));
            home.read(&format!(
                "/v1/nudges/{}",
                text(&page["items"][0]["customer_id"])
            ))
        };
        for status in ["active", "left"] {
            let answer = advice(&format!("variant=B&status={status}"));
            let nudges = items(&answer["nudges"]);
            let measured = &nudges[0]["measured"];
            assert!(number(&measured["interval"][1]) < 0.0);
            assert_eq!(measured["customers"], 7043);
            assert_eq!(measured["experiment"], "variant");
            assert_eq!(measured["control"], "the priority plan");
            // Beside it, not instead of it: the model projects nothing for an offer that leaves the plan as it is.
            assert_eq!(nudges[0]["projected_probability"], answer["probability"]);
            assert!(nudges[1..].iter().all(|nudge| nudge["measured"].is_null()));
            assert!(number(&nudges[1]["risk_reduction"]) > 0.0);
        }
        let answer = advice("variant=A");
        let nudges = items(&answer["nudges"]);
        assert!(nudges.iter().any(|nudge| nudge["id"] == "priority-plan"));
        assert!(nudges.iter().all(|nudge| nudge["measured"].is_null()));
    });
}

#[test]
fn nudges_of_the_example_are_of_several_categories() {
    telco(|home| {
        let all = home.post("/v1/nudges", &example_profile()).ok();
        let path = "/v1/nudges?category=billing&category=contract";
        let some = home.post(path, &example_profile()).ok();
        let (all, some) = (items(&all["nudges"]), items(&some["nudges"]));
        assert!(!some.is_empty() && some.len() < all.len());
        let names = [
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
        assert_eq!(members(&all[0]), names);
    });
}

#[test]
fn a_change_of_the_example_is_priced() {
    telco(|home| {
        let change = json!({"contract": "Two year", "tenure_months": 30, "tech_support": true});
        let body = json!({"profile": example_profile(), "change": change});
        let answer = home.post("/v1/explain/what-if", &body).ok();
        assert_eq!(answer["profile"]["contract"], "Two year");
        let price = number(&home.field("tech_support")["values"][1]["price"]);
        let charges = number(&answer["profile"]["monthly_charges"]);
        assert!((charges - 29.85 - price).abs() < 1e-9, "{charges} {price}");
        assert!((price - 5.03130313).abs() < 1e-9, "{price}");
    });
}

#[test]
fn riskiest_customer_is_kept_by_recourse() {
    telco(|home| {
        let id = home.some_customer();
        let recourse = |target: &str| {
            home.read(&format!("/v1/nudges/{id}?target={target}"))["recourse"].clone()
        };
        let reached = recourse("0.5");
        assert_eq!(reached["reachable"], true);
        assert!(number(&reached["projected_probability"]) < 0.5);
        assert!(number(&reached["steps"]) > 0.0);
        let beyond = recourse("0.000001");
        assert!(
            number(&beyond["projected_probability"]) < number(&reached["projected_probability"])
        );
    });
}

#[test]
fn analytics_distribute_customers_over_telcos_fields() {
    telco(|home| {
        let answer = home.read("/v1/analytics");
        assert_eq!(
            [
                &answer["count"],
                &answer["known_outcomes"],
                &answer["population"]
            ],
            [&json!(5188), &json!(7043), &json!(7043)]
        );
        let fields = items(&answer["distributions"]).iter();
        let fields: Vec<&str> = fields.map(|one| text(&one["field"])).collect();
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
        assert_eq!(items(&answer["calibration"]["bins"]).len(), 10);
        // The level that the page shows first: customers who can still be kept.
        let mut distributions = items(&answer["distributions"]).iter();
        let risk = distributions
            .find(|one| one["field"] == "risk_level")
            .unwrap();
        let high = items(&risk["bins"]).last().unwrap();
        assert_eq!(high["filter"], json!({"risk_level": "high"}));
        assert_eq!(high["known_outcomes"], 348);
        assert_eq!(high["count"], home.total("risk_level=high"));
    });
}

#[test]
fn directory_and_analytics_agree_on_filters_of_all_kinds() {
    telco(|home| {
        for query in [
            "status=left&risk_level=high",
            "status=left&status=active&stage=growth",
            "contract=One+year&contract=Two+year&internet_service=DSL",
            "persona=strained&usage_frequency_max=9&support_calls_min=2",
            "monthly_charges_min=70&monthly_charges_below=80&payment_delay_min=1",
            "missing=total_charges",
        ] {
            let answer = home.read(&format!("/v1/analytics?{query}"));
            assert!(number(&answer["count"]) > 0.0, "{query}");
            assert_eq!(answer["count"], home.total(query), "{query}");
            assert_eq!(items(&answer["drivers"]).len(), 19, "{query}");
        }
        let nobody = "contract=Two+year&risk_level=high&tenure_max=1";
        assert_eq!(home.read(&format!("/v1/analytics?{nobody}"))["count"], 0);
        let readout = home.read(&format!("/v1/analytics/experiment?{nobody}"));
        assert_eq!(readout["control"]["users"], 0);
        for path in ["/v1/analytics", "/v1/analytics/experiment"] {
            let query = "colour=red&support_calls_min=5&support_calls_max=2&total_charges_min=nan";
            assert_eq!(home.get(&format!("{path}?{query}")).pointers().len(), 3);
        }
    });
}

#[test]
fn contract_and_support_lower_the_risk_and_raise_the_revenue() {
    telco(|home| {
        let body = json!({"filters": {"contract": "Month-to-month", "internet_service": ["DSL", "Fiber optic"], "tenure_min": 3},
            "change": {"contract": "One year", "tech_support": true}});
        let answer = home.post("/v1/analytics/what-if", &body).ok();
        assert_eq!(answer["customers"], answer["changed"]);
        assert_eq!(answer["statuses"], json!(["active"]));
        let figure = |part: &str, figure: &str| number(&answer[part][figure]);
        assert!(figure("after", "expected_churners") < figure("before", "expected_churners"));
        assert!(figure("after", "monthly_revenue") > figure("before", "monthly_revenue"));
        for filters in [
            json!({}),
            json!({"stage": "growth"}),
            json!({"status": ["active", "left"]}),
        ] {
            let body = json!({"filters": filters, "change": {"contract": "One year"}});
            let answer = home.post("/v1/analytics/what-if", &body).ok();
            assert!(number(&answer["changed"]) < number(&answer["customers"]));
            let part = |part: &str| number(&answer[part]["monthly_revenue"]);
            assert!(part("changed_before") < part("before"));
        }
        let body = json!({"filters": {"contract": ["Weekly"]}, "change": {"internet_service": "No", "tech_support": true, "total_charges": 1}});
        assert_eq!(
            home.post("/v1/analytics/what-if", &body).pointers(),
            [
                "/change/total_charges",
                "/change/tech_support",
                "/filters/contract"
            ]
        );
        let analytics =
            |query: &str| home.read(&format!("/v1/analytics?contract=Month-to-month{query}"));
        let [active, both] = ["", "&status=left&status=active"].map(analytics);
        for sum in [
            "count",
            "expected_churners",
            "monthly_revenue",
            "revenue_at_risk",
        ] {
            assert!(number(&active[sum]) < number(&both[sum]), "{sum}");
        }
    });
}

#[test]
fn experiment_compares_the_assistant_with_the_priority_plan() {
    telco(|home| {
        let answer = home.read("/v1/analytics/experiment");
        assert_eq!(
            answer["arms"],
            json!({"control": {"variant": "A", "offer": "the priority plan"},
                "treatment": {"variant": "B", "offer": "the smart assistant"}})
        );
        let comparison = text(&answer["comparison"]);
        assert!(
            comparison.contains("against the priority plan, not against no offer"),
            "{comparison}"
        );
        let users = number(&answer["control"]["users"]) + number(&answer["treatment"]["users"]);
        assert_eq!(users, 7043.0);
        let mut segments = items(&answer["segments"]).iter();
        assert!(segments.any(|one| one["dimension"] == "contract" && one["value"] == "Two year"));
    });
}
