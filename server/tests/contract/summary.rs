//! The directory, and all that is known of one customer.

use crate::home::{Home, encoded, everywhere, parameter};
use crate::json::{items, members, number, sorted, text, texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The members of a row, in the order of the file's columns.
fn row_members(home: &Home) -> Vec<&str> {
    let schema = home.schema();
    let has = |part: &str| !items(&schema[part]).is_empty();
    let mut members = vec!["customer_id", "probability", "risk_level", "percentile"];
    members.extend(has("personas").then_some("persona"));
    members.extend(has("stages").then_some("stage"));
    members.push("at_risk");
    members.extend(texts(&schema["list"]));
    members.extend(home.role("outcome"));
    members.push("status");
    members
}

/// The directory as a file: its header and its rows.
fn file(home: &Home, query: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let answer = home.get_as("text/csv", &format!("/v1/summary?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let header = cells(reader.headers().unwrap());
    let rows = reader.records().map(|record| cells(&record.unwrap()));
    (header, rows.collect())
}

#[test]
fn directory_is_paged_from_the_likeliest_to_leave() {
    everywhere(|home| {
        let page = home.read("/v1/summary");
        let rows = items(&page["items"]);
        let total = page["total"].as_u64().unwrap();
        assert_eq!(rows.len() as u64, total.min(50));
        assert_eq!(members(&rows[0]), sorted(row_members(home)));
        let mut all = rows.to_vec();
        let mut cursor = page["next_cursor"].clone();
        while let Some(from) = cursor.as_str() {
            let next = home.read(&format!("/v1/summary?limit=500&cursor={from}"));
            assert_eq!(next["total"], total);
            all.extend(items(&next["items"]).iter().cloned());
            cursor = next["next_cursor"].clone();
        }
        assert!(all.is_sorted_by(|a, b| number(&a["probability"]) >= number(&b["probability"])));
        let ids: BTreeSet<&str> = all.iter().map(|row| text(&row["customer_id"])).collect();
        assert_eq!((ids.len(), all.len()), (total as usize, total as usize));
    });
}

#[test]
fn rows_are_sorted_by_every_sort_with_the_unknown_last() {
    everywhere(|home| {
        for sort in texts(&home.schema()["sorts"]) {
            for (dash, descending) in [("", false), ("-", true)] {
                let page = home.page(&format!("sort={dash}{sort}&status=active&status=left"));
                let rows = items(&page["items"]).iter();
                let keys: Vec<Value> = rows
                    .map(|row| match row.get(sort) {
                        Some(key) => key.clone(),
                        // What is no column is looked up.
                        None => home.profile(text(&row["customer_id"]))[sort].clone(),
                    })
                    .collect();
                let in_order = |a: &Value, b: &Value| match (a, b) {
                    (_, Value::Null) => true,
                    (Value::Null, _) => false,
                    (Value::String(a), Value::String(b)) => (a <= b) != descending || a == b,
                    (Value::Bool(a), Value::Bool(b)) => (a <= b) != descending || a == b,
                    (a, b) => match descending {
                        false => number(a) <= number(b),
                        true => number(a) >= number(b),
                    },
                };
                // Names rank as the schema lists them.
                let field = home.fields().iter().find(|field| field["name"] == sort);
                let rank = |key: &Value| {
                    let values = field.map_or(&[][..], |field| items(&field["values"]));
                    match values.iter().position(|value| value["value"] == *key) {
                        Some(position) => json!(position),
                        None => key.clone(),
                    }
                };
                assert!(
                    keys.is_sorted_by(|a, b| in_order(&rank(a), &rank(b))),
                    "{dash}{sort}: {keys:?}"
                );
            }
        }
    });
}

#[test]
fn customers_who_left_are_listed_only_where_they_are_asked_for() {
    everywhere(|home| {
        let outcome = home.role("outcome");
        let [usual, active, left, both] = [
            "",
            "status=active",
            "status=left",
            "status=left&status=active",
        ]
        .map(|query| home.page(query));
        let total = |page: &Value| page["total"].as_u64().unwrap();
        assert_eq!(usual, active);
        assert_eq!(total(&active) + total(&left), total(&both));
        assert_eq!(home.schema()["population"], total(&both));
        for (page, status) in [(&active, "active"), (&left, "left")] {
            for row in items(&page["items"]) {
                assert_eq!(row["status"], status);
                if let Some(outcome) = outcome {
                    assert_eq!(row[outcome] == true, status == "left", "{row}");
                }
            }
        }
        assert_eq!(total(&left) > 0, outcome.is_some());
        // The file as well.
        for (query, page, status) in [("", &active, "active"), ("status=left", &left, "left")] {
            let (header, rows) = file(home, query);
            assert_eq!(header.last().unwrap(), "status");
            assert_eq!(rows.len() as u64, total(page));
            assert!(rows.iter().all(|row| row.last().unwrap() == status));
        }
        let answer = home.get("/v1/summary?status=gone");
        assert_eq!(answer.pointers(), ["/status"]);
    });
}

#[test]
fn answers_about_one_customer_state_the_status() {
    everywhere(|home| {
        for status in ["active", "left"] {
            let page = home.read(&format!("/v1/summary?status={status}&limit=1"));
            let Some(entry) = items(&page["items"]).first() else {
                continue;
            };
            let id = encoded(text(&entry["customer_id"]));
            let answers = ["summary", "predict", "explain", "nudges"]
                .map(|function| home.read(&format!("/v1/{function}/{id}")));
            for answer in &answers {
                assert_eq!(answer["status"], status, "{answer}");
                assert_eq!(answer["customer_id"], entry["customer_id"]);
                assert_eq!(answer["probability"], entry["probability"]);
            }
            // A rank among everybody, in the list as alone.
            assert_eq!(answers[1]["percentile"], entry["percentile"]);
            let report = home.get(&format!("/v1/summary/{id}")).text;
            let mut lines = report.lines();
            let line = lines.find(|line| line.trim_start().starts_with("Status"));
            assert!(line.unwrap().ends_with(status), "{report}");
        }
    });
}

/// What a row or its customer's profile says of a field.
fn value_of(home: &Home, row: &Value, field: &str) -> Value {
    match row.get(field) {
        Some(value) => value.clone(),
        None => home.profile(text(&row["customer_id"]))[field].clone(),
    }
}

#[test]
fn filters_by_values_select_those_who_have_them() {
    everywhere(|home| {
        let all = home.total("");
        for filter in home.filters("values") {
            let name = text(&filter["parameter"]);
            let (mut selected, mut any) = (0, Vec::new());
            for choice in items(&filter["values"]) {
                let query = parameter(&filter["parameter"], &choice["value"]);
                let page = home.page(&query);
                selected += page["total"].as_u64().unwrap();
                any.push(query);
                for row in items(&page["items"]).iter().take(5) {
                    let found = match name {
                        "missing" => {
                            let field = text(&choice["value"]);
                            assert_eq!(value_of(home, row, field), Value::Null, "{field}");
                            continue;
                        }
                        "status" | "persona" | "stage" | "risk_level" => row[name].clone(),
                        _ => value_of(home, row, text(&filter["field"])),
                    };
                    match &found {
                        Value::Bool(flag) => assert_eq!(choice["value"], flag.to_string()),
                        found => assert_eq!(choice["value"], *found),
                    }
                }
            }
            // A choice's values exclude each other, and everybody has one, but for those of whom it is not known.
            if name == "missing" {
                continue;
            }
            let whole = if name == "status" {
                home.total("status=active&status=left")
            } else {
                all
            };
            let unknown = match filter["field"].as_str() {
                Some(field) if home.field(field)["required"] == false => {
                    home.total(&format!("missing={field}"))
                }
                _ => 0,
            };
            assert_eq!(selected + unknown, whole, "{name}");
            assert_eq!(home.total(&any.join("&")), selected, "{name}");
        }
    });
}

#[test]
fn filters_by_ranges_meet_without_gap_or_overlap() {
    everywhere(|home| {
        let all = home.total("");
        for filter in home.filters("range") {
            let field = home.field(text(&filter["field"]));
            let name = text(&field["name"]);
            let unknown = match field["required"] == true {
                true => 0,
                false => home.total(&format!("missing={name}")),
            };
            for bin in items(&field["bins"]).iter().skip(1) {
                let bin = number(bin);
                let whole = field["kind"] == "whole";
                let from = parameter(&filter["min"], &super::business::as_number(field, bin));
                let below = match whole {
                    true => parameter(&filter["max"], &json!(bin as i64 - 1)),
                    false => parameter(&filter["below"], &json!(bin)),
                };
                assert_eq!(
                    home.total(&from) + home.total(&below) + unknown,
                    all,
                    "{name} {bin}"
                );
                for (query, is_above) in [(&from, true), (&below, false)] {
                    for row in items(&home.page(query)["items"]).iter().take(5) {
                        let found = number(&value_of(home, row, name));
                        assert_eq!(found >= bin, is_above, "{query}: {found}");
                    }
                }
            }
        }
    });
}

#[test]
fn filters_search_and_sort_combine() {
    everywhere(|home| {
        let filters: Vec<String> = home
            .filters("values")
            .map(|filter| parameter(&filter["parameter"], &items(&filter["values"])[0]["value"]))
            .collect();
        let ids = |query: &str| {
            let (_, rows) = file(home, query);
            let ids = rows.into_iter().map(|mut row| row.swap_remove(0));
            ids.collect::<BTreeSet<String>>()
        };
        let alone: Vec<BTreeSet<String>> = filters.iter().map(|filter| ids(filter)).collect();
        for (index, one) in filters.iter().enumerate().skip(1) {
            let other = &filters[index - 1];
            let common: BTreeSet<String> = alone[index]
                .intersection(&alone[index - 1])
                .cloned()
                .collect();
            assert_eq!(ids(&format!("{one}&{other}")), common, "{one} {other}");
        }
        let all = alone.iter().skip(1).fold(alone[0].clone(), |common, one| {
            common.intersection(one).cloned().collect()
        });
        assert_eq!(ids(&filters.join("&")), all);
        let page = home.page("");
        let row = &items(&page["items"])[0];
        let id = encoded(text(&row["customer_id"]));
        let found = home.page(&format!("q={id}"));
        assert!(items(&found["items"]).contains(row), "{found}");
        let levels = items(&home.schema()["risk"]["levels"]).iter();
        let mut others = levels.filter(|level| level["name"] != row["risk_level"]);
        let other = text(&others.next().unwrap()["name"]);
        let found = home.page(&format!("q={id}&risk_level={other}"));
        assert!(!items(&found["items"]).contains(row), "{found}");
    });
}

#[test]
fn wrong_filters_name_what_is_allowed() {
    everywhere(|home| {
        let answer = home.get("/v1/summary?limit=501&risk_level=none&no_such_filter=red");
        assert_eq!(
            sorted(answer.pointers().iter().map(String::as_str)),
            ["/limit", "/no_such_filter", "/risk_level"]
        );
        for level in items(&home.schema()["risk"]["levels"]) {
            assert!(
                answer.text.contains(text(&level["name"])),
                "{}",
                answer.text
            );
        }
        for filter in home.filters("range") {
            assert!(
                answer.text.contains(text(&filter["min"])),
                "{}",
                answer.text
            );
        }
    });
}

#[test]
fn one_customer_is_summarised() {
    everywhere(|home| {
        for id in home.some_customers() {
            let summary = home.summary(&id);
            assert_eq!(summary["customer_id"], id);
            let fields = home.fields().iter().map(|field| text(&field["name"]));
            assert_eq!(members(&summary["profile"]), sorted(fields));
            match summary.get("persona") {
                Some(persona) => {
                    let personas = items(&home.schema()["personas"]).iter();
                    let mut personas = personas.filter(|one| one["name"] == persona["id"]);
                    let described = personas.next().unwrap();
                    assert_eq!(persona["name"], described["label"]);
                    assert_eq!(persona["description"], described["description"]);
                }
                None => assert!(items(&home.schema()["personas"]).is_empty()),
            }
            if let Some(outcome) = home.role("outcome") {
                assert!(summary[outcome].is_boolean() || summary[outcome].is_null());
            }
            let prediction = home.read(&format!("/v1/predict/{}", encoded(&id)));
            assert_eq!(summary["probability"], prediction["probability"]);
        }
    });
}

#[test]
fn reports_are_files_to_forward() {
    everywhere(|home| {
        for id in home.some_customers() {
            let answer = home.get(&format!("/v1/summary/{}", encoded(&id)));
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
            let disposition = answer.header("content-disposition");
            match id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            {
                true => assert_eq!(
                    disposition,
                    format!("attachment; filename=\"summary_{id}.txt\"")
                ),
                false => assert!(
                    disposition.starts_with("attachment; filename"),
                    "{disposition}"
                ),
            }
            assert!(answer.text.contains(&id) && answer.text.ends_with('\n'));
            assert!(answer.text.lines().all(|line| line.chars().count() <= 80));
            let prediction = home.read(&format!("/v1/predict/{}", encoded(&id)));
            let percent = format!("{:.1} %", 100.0 * number(&prediction["probability"]));
            let schema = home.schema();
            for said in [
                &percent,
                text(&prediction["model_version"]),
                text(&schema["as_of"]),
            ] {
                assert!(answer.text.contains(said), "{said}: {}", answer.text);
            }
            for field in home.fields() {
                let shown =
                    ["person", "plan", "money", "behaviour"].contains(&text(&field["about"]));
                let label = text(&field["label"]);
                assert!(
                    !shown || answer.text.contains(label),
                    "{label}: {}",
                    answer.text
                );
            }
        }
    });
}

#[test]
fn data_behind_the_report_are_those_of_the_other_functions() {
    everywhere(|home| {
        for id in home.some_customers() {
            let summary = home.summary(&id);
            let nudges = home.read(&format!("/v1/nudges/{}", encoded(&id)));
            assert_eq!(summary["nudges"], nudges["nudges"]);
            assert_eq!(summary["recourse"], nudges["recourse"]);
            let explanation = home.read(&format!("/v1/explain/{}", encoded(&id)));
            assert_eq!(
                summary["explanation"]["contributions"],
                explanation["contributions"]
            );
        }
    });
}

#[test]
fn directory_is_also_a_file() {
    everywhere(|home| {
        let level = text(&items(&home.schema()["risk"]["levels"])[0]["name"]);
        let query = format!("risk_level={level}&sort=-probability");
        let answer = home.get_as("text/csv", &format!("/v1/summary?{query}"));
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"customers.csv\""
        );
        let (header, rows) = file(home, &query);
        // In files the id has the business's own name.
        let mut columns = row_members(home);
        columns[0] = home.role("id").unwrap();
        assert_eq!(header, columns);
        let page = home.page(&query);
        assert_eq!(page["total"], rows.len());
        for (row, entry) in rows.iter().zip(items(&page["items"])) {
            for (cell, name) in row.iter().zip(row_members(home)) {
                match &entry[name] {
                    Value::Null => assert_eq!(cell, ""),
                    Value::String(text) => assert_eq!(cell.trim_start_matches('\''), text),
                    Value::Number(number) => {
                        assert_eq!(cell.parse::<f64>().ok(), number.as_f64(), "{name}");
                    }
                    other => assert_eq!(*cell, other.to_string(), "{name}"),
                }
            }
        }
        assert_eq!(file(home, "limit=3").1.len(), 3);
    });
}

#[test]
fn events_are_recorded() {
    everywhere(|home| {
        let id = encoded(&home.some_customer());
        let path = format!("/v1/summary/{id}/events");
        let nudge = home.read(&format!("/v1/nudges/{id}"))["nudges"][0]["id"].clone();
        for kind in [
            "applied", "rotated", "exported", "sent", "accepted", "declined",
        ] {
            let answer = home.post(&path, &json!({"kind": kind, "nudge_id": nudge}));
            assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        }
        assert_eq!(home.post(&path, &json!({"kind": "exported"})).status, 204);
        for wrong in [
            json!({}),
            json!([]),
            json!({"kind": "looked"}),
            json!({"kind": "sent", "nudge_id": "no-such-nudge"}),
            json!({"kind": "sent", "who": 1}),
        ] {
            assert_eq!(home.post(&path, &wrong).status, 422, "{wrong}");
        }
        let nobody = "/v1/summary/no%20such%20customer/events";
        assert_eq!(home.post(nobody, &json!({"kind": "sent"})).status, 404);
    });
}

#[test]
fn cursors_of_another_workspace_are_told_apart_from_wrong_ones() {
    everywhere(|home| {
        let page = home.read("/v1/summary?limit=1");
        let (version, offset) = text(&page["next_cursor"]).split_once('-').unwrap();
        let schema = home.get("/v1/schema");
        assert_eq!(version, schema.header("workspace-version"));
        let other = match version {
            "00000000" => "00000001",
            _ => "00000000",
        };
        let stale = home.get(&format!("/v1/summary?cursor={other}-{offset}"));
        assert_eq!(stale.status, 409);
        assert_eq!(stale.json()["type"], "/problems/stale-cursor");
        let wrong = home.get(&format!("/v1/summary?cursor={offset}"));
        assert_eq!(wrong.pointers(), ["/cursor"]);
    });
}

#[test]
fn answers_name_the_workspace_and_the_model_they_are_from() {
    everywhere(|home| {
        let versions = &home.schema()["versions"];
        for path in [
            "/v1/schema",
            "/v1/summary",
            "/v1/analytics",
            "/v1/predict/nobody",
            "/v1/nudges/nobody",
            "/v1/explain/model?x=1",
        ] {
            let answer = home.get(path);
            assert_eq!(
                answer.header("workspace-version"),
                text(&versions["workspace"])
            );
            assert_eq!(
                answer.header("model-version"),
                text(&versions["model"]),
                "{path}"
            );
        }
    });
}
