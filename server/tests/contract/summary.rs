use crate::home::{get, post_json, request, send, some_customer};
use serde_json::{Value, json};

#[test]
fn the_directory_is_paged_from_the_likeliest_to_leave() {
    let page = get("/v1/summary").json();
    assert_eq!(page["total"], 5188);
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    let next = get(&format!(
        "/v1/summary?cursor={}",
        page["next_cursor"].as_str().unwrap()
    ))
    .json();
    let probability = |entry: &Value| entry["probability"].as_f64().unwrap();
    assert!(probability(&next["items"][0]) <= probability(&page["items"][49]));
    let members: Vec<&String> = page["items"][0].as_object().unwrap().keys().collect();
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
    assert_eq!(members, expected);
}

#[test]
fn customers_who_left_are_listed_only_where_they_are_asked_for() {
    let items = |query: &str| {
        let page = get(&format!("/v1/summary?limit=500{query}")).json();
        let items = page["items"].as_array().unwrap().clone();
        (items, page["total"].as_u64().unwrap())
    };
    let (active, active_total) = items("");
    let (left, left_total) = items("&status=left");
    let (_, everybody) = items("&status=left&status=active");
    assert_eq!((active_total, left_total, everybody), (5188, 1855, 7043));
    assert_eq!(items("&status=active"), (active.clone(), active_total));
    let all = |items: &[Value], status: &str, churned: bool| {
        let mut items = items.iter();
        items.all(|item| item["status"] == status && item["churned"] == churned)
    };
    assert!(all(&active, "active", false) && all(&left, "left", true));
    // The file as well.
    let file = |query: &str| {
        let path = format!("/v1/summary{query}");
        send(request("GET", &path).header("accept", "text/csv"), b"").text
    };
    assert_eq!(file("").lines().count() as u64, 1 + active_total);
    assert!(file("").lines().next().unwrap().ends_with(",status"));
    let rows = file("?status=left");
    assert!(rows.lines().skip(1).all(|row| row.ends_with(",true,left")));

    let answer = get("/v1/summary?status=gone");
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/status");
}

#[test]
fn one_customer_is_answered_with_the_status_whoever_it_is() {
    for status in ["active", "left"] {
        let page = get(&format!("/v1/summary?status={status}&limit=1")).json();
        let entry = &page["items"][0];
        let id = entry["customer_id"].as_str().unwrap();
        let path = format!("/v1/summary/{id}");
        let summary = send(
            request("GET", &path).header("accept", "application/json"),
            b"",
        )
        .json();
        let answers = [
            summary,
            get(&format!("/v1/predict/{id}")).json(),
            get(&format!("/v1/explain/{id}")).json(),
            get(&format!("/v1/nudges/{id}")).json(),
        ];
        for answer in &answers {
            assert_eq!(answer["status"], status, "{answer}");
        }
        // A rank among everybody, in the list as alone.
        assert_eq!(answers[1]["percentile"], entry["percentile"]);
        let report = get(&path).text;
        let line = report
            .lines()
            .find(|line| line.trim_start().starts_with("Status"));
        assert!(line.unwrap().ends_with(status), "{report}");
    }
}

#[test]
fn filters_search_and_sort_combine() {
    let page = get(
        "/v1/summary?contract=One+year&contract=Two+year&tenure_max=12&risk_level=low&sort=-monthly_charges&limit=500",
    );
    let page = page.json();
    let items = page["items"].as_array().unwrap();
    assert!(!items.is_empty());
    assert_eq!(page["next_cursor"], Value::Null);
    for item in items {
        assert_ne!(item["contract"], "Month-to-month");
        assert!(item["tenure_months"].as_u64().unwrap() <= 12);
        assert_eq!(item["risk_level"], "low");
    }
    assert!(
        items.is_sorted_by(|a, b| a["monthly_charges"].as_f64() >= b["monthly_charges"].as_f64())
    );
    let id = items[0]["customer_id"].as_str().unwrap();
    assert_eq!(
        get(&format!("/v1/summary?q={id}")).json()["items"][0],
        items[0]
    );
    assert_eq!(
        get(&format!("/v1/summary?q={id}&contract=Month-to-month")).json()["total"],
        0
    );
}

#[test]
fn a_wrong_filter_names_what_is_allowed() {
    let answer = get("/v1/summary?limit=501&persona=nobody&colour=red");
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 3, "{errors}");
    assert!(
        errors.to_string().contains("essentials") && errors.to_string().contains("tenure_min"),
        "{errors}"
    );
}

#[test]
fn one_customer_is_summarised() {
    let id = some_customer();
    let summary = send(
        request("GET", &format!("/v1/summary/{id}")).header("accept", "application/json"),
        b"",
    )
    .json();
    assert_eq!(summary["customer_id"], id);
    assert!(
        summary["persona"]["description"]
            .as_str()
            .unwrap()
            .ends_with('.')
    );
    assert!(summary["profile"]["contract"].is_string() && summary["churned"].is_boolean());
    let prediction = get(&format!("/v1/predict/{id}")).json();
    assert_eq!(summary["probability"], prediction["probability"]);
}

#[test]
fn a_report_is_a_file_to_forward() {
    let id = some_customer();
    let answer = get(&format!("/v1/summary/{id}"));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        answer.header("content-disposition"),
        format!("attachment; filename=\"summary_{id}.txt\"")
    );
    assert!(answer.text.contains(&id) && answer.text.ends_with('\n'));
    let prediction = get(&format!("/v1/predict/{id}")).json();
    let percent = format!(
        "{:.1} %",
        100.0 * prediction["probability"].as_f64().unwrap()
    );
    assert!(
        answer.text.contains(&percent)
            && answer
                .text
                .contains(prediction["model_version"].as_str().unwrap())
    );
}

#[test]
fn the_data_behind_the_report_are_those_of_the_other_functions() {
    let id = some_customer();
    let summary = send(
        request("GET", &format!("/v1/summary/{id}")).header("accept", "application/json"),
        b"",
    )
    .json();
    let nudges = get(&format!("/v1/nudges/{id}")).json();
    assert_eq!(summary["nudges"], nudges["nudges"]);
    assert_eq!(summary["recourse"], nudges["recourse"]);
    let explanation = get(&format!("/v1/explain/{id}")).json();
    assert_eq!(
        summary["explanation"]["contributions"],
        explanation["contributions"]
    );
}

#[test]
fn the_directory_is_also_a_file() {
    let csv = |path: &str| send(request("GET", path).header("accept", "text/csv"), b"");
    let answer = csv("/v1/summary?contract=Two+year&sort=-probability");
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"customers.csv\""
    );
    let page = get("/v1/summary?contract=Two+year&sort=-probability&limit=1").json();
    assert_eq!(
        answer.text.lines().count() as u64,
        1 + page["total"].as_u64().unwrap()
    );
    assert!(
        answer
            .text
            .lines()
            .nth(1)
            .unwrap()
            .starts_with(page["items"][0]["customer_id"].as_str().unwrap())
    );
    assert_eq!(csv("/v1/summary?limit=3").text.lines().count(), 4);
}

#[test]
fn what_a_person_did_is_noted() {
    let id = some_customer();
    let path = format!("/v1/summary/{id}/events");
    let nudge = get(&format!("/v1/nudges/{id}")).json()["nudges"][0]["id"].clone();
    for kind in [
        "applied", "rotated", "exported", "sent", "accepted", "declined",
    ] {
        let answer = post_json(&path, &json!({"kind": kind, "nudge_id": nudge}));
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    }
    assert_eq!(post_json(&path, &json!({"kind": "exported"})).status, 204);
    for wrong in [
        json!({}),
        json!([]),
        json!({"kind": "looked"}),
        json!({"kind": "sent", "nudge_id": "nonsense"}),
        json!({"kind": "sent", "who": 1}),
    ] {
        assert_eq!(post_json(&path, &wrong).status, 422, "{wrong}");
    }
    assert_eq!(
        post_json("/v1/summary/0000-ZZZZZ/events", &json!({"kind": "sent"})).status,
        404
    );
}
