//! Predictions, one by one, many at once and as files.

use crate::business::as_number;
use crate::home::{Home, as_cell, csv_line, encoded, everywhere};
use crate::json::{items, members, number, text};
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

/// Somebody who is in no directory.
const NOBODY: &str = "nobody-7";

/// The rows of a CSV file without its header, the marks of what a spreadsheet would run removed.
fn rows(file: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(file.as_bytes());
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let cells = record.iter().map(|cell| cell.trim_start_matches('\''));
        cells.map(str::to_owned).collect()
    });
    rows.skip(1).collect()
}

#[test]
fn customers_are_predicted_by_id() {
    everywhere(|home| {
        let risk = &home.schema()["risk"];
        for id in home.some_customers() {
            let answer = home.get(&format!("/v1/predict/{}", encoded(&id)));
            let prediction = answer.ok();
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(members(&prediction), PREDICTION);
            assert_eq!(prediction["customer_id"], id);
            let probability = number(&prediction["probability"]);
            let expected = probability >= number(&risk["will_churn"]);
            assert_eq!(prediction["will_churn"], expected);
            let mut levels = items(&risk["levels"]).iter();
            let level = levels.rfind(|level| number(&level["from"]) <= probability);
            assert_eq!(prediction["risk_level"], level.unwrap()["name"]);
        }
    });
}

#[test]
fn profiles_are_predicted_as_their_customers() {
    everywhere(|home| {
        for status in ["active", "left"] {
            let page = home.read(&format!("/v1/summary?limit=5&status={status}"));
            for row in items(&page["items"]) {
                let id = text(&row["customer_id"]);
                let summary = home.summary(id);
                let mut profile = summary["profile"].clone();
                let anonymous = home.post("/v1/predict", &profile).ok();
                assert_eq!(anonymous["customer_id"], Value::Null);
                assert_eq!(anonymous["probability"], summary["probability"]);
                profile["customer_id"] = json!(id);
                if let Some(outcome) = home.role("outcome") {
                    profile[outcome] = summary[outcome].clone();
                }
                assert_eq!(
                    home.post("/v1/predict", &profile).ok(),
                    home.read(&format!("/v1/predict/{}", encoded(id)))
                );
            }
        }
    });
}

#[test]
fn values_as_texts_mean_the_same() {
    everywhere(|home| {
        for id in home.some_customers() {
            let profile = home.profile(&id);
            let mut texts = profile.clone();
            for value in texts.as_object_mut().unwrap().values_mut() {
                *value = json!(as_cell(value));
            }
            assert_eq!(
                home.post("/v1/predict", &texts).ok(),
                home.post("/v1/predict", &profile).ok()
            );
        }
    });
}

#[test]
fn posted_outcomes_decide_the_status_and_nothing_else() {
    everywhere(|home| {
        let plain = home.post("/v1/predict", &home.some_profile()).ok();
        assert_eq!(plain["status"], "active");
        let Some(outcome) = home.role("outcome") else {
            return;
        };
        let with_outcome = |value: &Value| {
            let mut profile = home.some_profile();
            profile[outcome] = value.clone();
            profile
        };
        for (value, status) in [
            (json!("Yes"), "left"),
            (json!(1), "left"),
            (json!(true), "left"),
            (json!("No"), "active"),
            (json!(false), "active"),
            (json!(""), "active"),
            (Value::Null, "active"),
        ] {
            let profile = with_outcome(&value);
            for path in ["/v1/predict", "/v1/explain", "/v1/nudges"] {
                let answer = home.post(path, &profile).ok();
                assert_eq!(answer["status"], status, "{path} {value}");
                assert_eq!(
                    answer["probability"], plain["probability"],
                    "{path} {value}"
                );
            }
        }
        for value in [json!("no such outcome"), json!(2), json!([])] {
            let answer = home.post("/v1/predict", &with_outcome(&value));
            assert_eq!(answer.pointers(), [format!("/{outcome}")]);
        }
    });
}

#[test]
fn arrays_are_answered_in_their_order() {
    everywhere(|home| {
        let profiles: Vec<Value> = home
            .some_customers()
            .iter()
            .map(|id| home.profile(id))
            .collect();
        let alone: Vec<Value> = profiles
            .iter()
            .map(|profile| home.post("/v1/predict", profile).ok())
            .collect();
        assert_eq!(
            home.post("/v1/predict", &json!(profiles)).ok(),
            json!(alone)
        );
        assert_eq!(home.post("/v1/predict", &json!([])).ok(), json!([]));
    });
}

#[test]
fn one_bad_element_refuses_the_array() {
    everywhere(|home| {
        let Some(field) = home.numbers().next() else {
            return;
        };
        let name = text(&field["name"]);
        let (least, most) = (number(&field["least"]), number(&field["most"]));
        let mut bad = home.some_profile();
        bad[name] = as_number(field, least - 3.0);
        let mut profiles = vec![home.some_profile(); 17];
        profiles.push(bad);
        let answer = home.post("/v1/predict", &json!(profiles));
        assert_eq!(answer.pointers(), [format!("/17/{name}")]);
        let got = least - 3.0;
        let detail = format!("must be between {least} and {most}, got {got}");
        assert_eq!(answer.json()["errors"][0]["detail"], detail);
    });
}

#[test]
fn of_many_errors_the_first_hundred_are_listed() {
    everywhere(|home| {
        let required = home
            .fields()
            .iter()
            .filter(|field| field["required"] == true);
        let errors = 1_000 * required.count();
        let answer = home.post("/v1/predict", &json!(vec![json!({}); 1_000]));
        match errors {
            0 => assert_eq!(answer.status, 200),
            _ => {
                assert_eq!(answer.pointers().len(), 100);
                let detail =
                    format!("{errors} fields can't be accepted; the first 100 are listed.");
                assert_eq!(answer.json()["detail"], detail);
            }
        }
        let beyond = home.post("/v1/predict", &json!(vec![json!({}); 1_001]));
        assert_eq!(beyond.pointers(), [""]);
    });
}

#[test]
fn csv_files_come_back_with_two_columns_more() {
    everywhere(|home| {
        let ids = home.some_customers();
        let mut file = home.csv_header() + "\n";
        for id in &ids {
            file += &(home.csv_row(id, &home.profile(id)) + "\n");
        }
        let answer = home.post_csv("/v1/predict", &file);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        let header = format!("{},churn_probability,risk_level\n", home.csv_header());
        assert!(answer.text.starts_with(&header), "{}", answer.text);
        let (sent, scored) = (rows(&file), rows(&answer.text));
        assert_eq!(sent.len(), scored.len());
        for ((id, sent), scored) in ids.iter().zip(sent).zip(scored) {
            let prediction = home.read(&format!("/v1/predict/{}", encoded(id)));
            let [kept @ .., probability, level] = &scored[..] else {
                panic!("{scored:?}");
            };
            assert_eq!(kept, sent);
            assert_eq!(
                probability.parse::<f64>().ok(),
                prediction["probability"].as_f64()
            );
            assert_eq!(prediction["risk_level"], *level);
        }
    });
}

#[test]
fn columns_may_be_moved_and_added() {
    everywhere(|home| {
        let row = home.csv_row(NOBODY, &home.some_profile());
        let file = format!("note,{}\r\n\"a, b\",{row}\r\n", home.csv_header());
        let answer = home.post_csv("/v1/predict", &file);
        let scored = answer.text.lines().nth(1).unwrap_or_default();
        assert!(
            scored.starts_with(&format!("\"a, b\",{NOBODY},")),
            "{}",
            answer.text
        );
        let reversed = |file: &str| {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(file.as_bytes());
            let lines = reader.records().map(|record| {
                let record = record.unwrap();
                let cells: Vec<&str> = record.iter().collect();
                csv_line(cells.into_iter().rev())
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let turned = home.post_csv("/v1/predict", &reversed(&file));
        let score = |file: &str| {
            rows(file)[0]
                .iter()
                .rev()
                .take(2)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(score(&turned.text), score(&answer.text));
    });
}

/// A cell that a field refuses; a choice may have a value that stands for every text.
fn unfit(field: &Value) -> Option<&'static str> {
    match text(&field["kind"]) {
        "flag" => Some("perhaps"),
        "choice" => None,
        _ => Some("a lot"),
    }
}

#[test]
fn faults_of_a_csv_file_are_located() {
    everywhere(|home| {
        let good = home.csv_row(NOBODY, &home.some_profile());
        let mut bad = home.some_profile();
        let mut expected = Vec::new();
        let is_needed = |field: &&Value| field["required"] == true || field["model"] == true;
        for field in home.fields().iter().filter(is_needed) {
            if let Some(cell) = unfit(field) {
                let name = text(&field["name"]);
                bad[name] = json!(cell);
                expected.push(format!("/1/{name}"));
            }
        }
        let bad = home.csv_row(NOBODY, &bad);
        let answer = home.post_csv(
            "/v1/predict",
            &format!("{}\n{good}\n{bad}\n", home.csv_header()),
        );
        assert_eq!(answer.pointers(), expected);
        let lacking = home.post_csv(
            "/v1/predict",
            &format!("{}\n{NOBODY}\n", home.role("id").unwrap()),
        );
        let fields = home.fields().iter();
        let wanted = fields.filter(|field| field["required"] == true);
        match wanted.count() {
            0 => assert!(lacking.text.contains("has no column that is a field's")),
            wanted => assert_eq!(lacking.pointers().len(), wanted),
        }
    });
}

#[test]
fn impossible_plans_are_refused() {
    everywhere(|home| {
        for field in home.fields() {
            let name = text(&field["name"]);
            for need in items(&field["needs"]) {
                let needed = text(&need["field"]);
                let unmet = items(&home.field(needed)["values"]).iter();
                let mut unmet = unmet.map(|value| &value["value"]);
                let unmet = unmet.find(|value| !items(&need["values"]).contains(value));
                let mut profile = home.some_profile();
                profile[needed] = unmet.unwrap().clone();
                profile[name] = items(&field["values"])[1]["value"].clone();
                let answer = home.post("/v1/predict", &profile);
                let pointers = answer.pointers();
                assert!(pointers.contains(&format!("/{name}")), "{}", answer.text);
            }
        }
    });
}

#[test]
fn unknown_names_are_left_out_with_a_warning() {
    everywhere(|home| {
        let mut profile = home.some_profile();
        profile["no_such_field"] = json!("red");
        let answer = home.post("/v1/predict", &profile);
        let warnings = answer.ok()["warnings"].clone();
        assert_eq!(warnings[0]["column"], "no_such_field");
        assert!(answer.header("x-warnings").contains("no_such_field"));
        for field in home
            .fields()
            .iter()
            .filter(|field| field["kind"] == "choice")
        {
            let mut profile = home.some_profile();
            profile[text(&field["name"])] = json!([]);
            let answer = home.post("/v1/predict", &profile);
            for value in items(&field["values"]) {
                let name = text(&value["value"]);
                assert!(answer.text.contains(name), "{name}: {}", answer.text);
            }
        }
    });
}

#[test]
fn csv_files_may_have_any_line_ends() {
    everywhere(|home| {
        let (header, row) = (
            home.csv_header(),
            home.csv_row(NOBODY, &home.some_profile()),
        );
        let expected = home.post_csv("/v1/predict", &format!("{header}\n{row}\n{row}\n"));
        assert_eq!(expected.status, 200, "{}", expected.text);
        for end in ["\r\n", "\r"] {
            let file = [&header[..], &row, "", &row].join(end);
            for file in [file.clone(), file + end] {
                let answer = home.post_csv("/v1/predict", &file);
                assert_eq!(
                    (answer.status, &answer.text),
                    (200, &expected.text),
                    "{end:?}"
                );
            }
        }
    });
}

#[test]
fn rows_that_are_no_customers_are_located_in_a_csv_file() {
    everywhere(|home| {
        let (header, row) = (
            home.csv_header(),
            home.csv_row(NOBODY, &home.some_profile()),
        );
        let blank = home.csv_row("somebody", &json!({}));
        let answer = home.post_csv("/v1/predict", &format!("{header}\n{row}\n{blank}\n"));
        let required = home
            .fields()
            .iter()
            .filter(|field| field["required"] == true);
        let mut expected: Vec<String> = required
            .map(|field| format!("/1/{}", text(&field["name"])))
            .collect();
        if expected.is_empty() {
            assert_eq!(answer.status, 200, "{}", answer.text);
        } else {
            let mut found = answer.pointers();
            found.sort();
            expected.sort();
            assert_eq!(found, expected);
        }
        let titled = home.post_csv("/v1/predict", &format!("Churn report\n\n{header}\n{row}\n"));
        let plain = home.post_csv("/v1/predict", &format!("{header}\n{row}\n"));
        assert_eq!((titled.status, &titled.text), (200, &plain.text));
        let total = home.csv_row("Total", &json!({}));
        let summed = home.post_csv("/v1/predict", &format!("{header}\n{row}\n{total}\n"));
        assert_eq!((summed.status, &summed.text), (200, &plain.text));
        assert!(
            summed
                .header("x-read-as")
                .contains("is a total of the others")
        );
        let listed = format!("{header}\n{row}\n{total}\n");
        let listed = home.post_csv("/v1/predict?rejects=list", &listed);
        assert!(
            listed.text.ends_with(",,,3,is a total of the others\n"),
            "{}",
            listed.text
        );
        let alone = home.post_csv("/v1/predict", &format!("{header}\n{total}\n"));
        assert_eq!(alone.pointers(), ["/0"], "{}", alone.text);
    });
}

#[test]
fn formulas_are_defused_in_a_csv_file() {
    everywhere(|home| {
        let formula = "=10+20+cmd|' /C calc'!A0";
        let row = home.csv_row(formula, &home.some_profile());
        let header = home.csv_header();
        let file = format!("{header},@note,balance\n{row},\" +1-2, x\",-12.5\n");
        let answer = home.post_csv("/v1/predict", &file);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let (scored_header, scored) = answer.text.split_once('\n').unwrap();
        assert!(
            scored_header.starts_with(&format!("{header},'@note,balance,")),
            "{scored_header}"
        );
        assert!(scored.starts_with(&format!("'{formula},")), "{scored}");
        assert!(scored.contains(",\"' +1-2, x\",-12.5,"), "{scored}");

        // What was defused comes back the same.
        let columns = |text: &str| {
            let columns = text
                .lines()
                .map(|line| line.rsplitn(3, ',').last().unwrap().to_owned());
            columns.collect::<Vec<_>>().join("\n")
        };
        let again = home.post_csv("/v1/predict", &columns(&answer.text));
        assert_eq!(again.text, answer.text);
    });
}

#[test]
fn ids_have_no_control_or_bidirectional_characters() {
    everywhere(|home| {
        for id in [
            "a\u{7}b",
            "a\u{202e}b",
            "\u{2066}a",
            "a\tb",
            &"a".repeat(65),
        ] {
            let mut profile = home.some_profile();
            let row = home.csv_row(id, &profile);
            profile["customer_id"] = json!(id);
            for path in ["/v1/predict", "/v1/explain", "/v1/nudges"] {
                let answer = home.post(path, &profile);
                assert_eq!(answer.pointers(), ["/customer_id"], "{id:?}");
                assert!(!answer.text.contains('\u{202e}') && !answer.text.contains('\u{2066}'));
            }
            let answer = home.post_csv("/v1/predict", &format!("{}\n{row}\n", home.csv_header()));
            let column = home.role("id").unwrap();
            assert_eq!(answer.pointers(), [format!("/0/{column}")], "{id:?}");
        }
        for id in ["a%07b", "a%e2%80%aeb"] {
            for path in ["predict", "explain", "nudges", "summary"] {
                let answer = home.get(&format!("/v1/{path}/{id}"));
                assert_eq!(answer.status, 404);
                assert!(!answer.text.contains('\u{202e}'), "{}", answer.text);
            }
        }
        let mut profile = home.some_profile();
        profile["customer_id"] = json!("İd-Ünïcode 客户 7");
        let answer = home.post("/v1/predict", &profile).ok();
        assert_eq!(answer["customer_id"], profile["customer_id"]);
    });
}

#[test]
fn ids_may_have_the_name_that_the_business_gives_them() {
    everywhere(|home| {
        let mut profile = home.some_profile();
        profile[home.role("id").unwrap()] = json!(NOBODY);
        for path in ["/v1/predict", "/v1/explain", "/v1/nudges"] {
            let answer = home.post(path, &profile).ok();
            assert_eq!(answer["customer_id"], NOBODY, "{path}");
        }
    });
}

/// Posts a profile with further members written before it, be they repeated.
fn post_with(home: &Home, members: &str) -> crate::home::Answer {
    let body = home.some_profile().to_string();
    let body = body.replacen('{', &format!("{{{members},"), 1);
    home.post_text("/v1/predict", "application/json", &body)
}

#[test]
fn members_and_columns_are_given_once() {
    everywhere(|home| {
        let field = text(&home.fields()[0]["name"]);
        let mut names = vec!["customer_id", field];
        names.extend(home.role("outcome"));
        for name in names {
            let twice = format!("\"{name}\":null,\"{name}\":null");
            let answer = post_with(home, &twice);
            let pointers = answer.pointers();
            assert!(
                pointers
                    .iter()
                    .all(|pointer| *pointer == format!("/{name}")),
                "{pointers:?}"
            );
            assert!(answer.text.contains("given twice"), "{}", answer.text);
        }
        let row = home.csv_row(NOBODY, &home.some_profile());
        let id = home.role("id").unwrap();
        for name in [id, field, &format!(" {field} ")] {
            let file = format!("{},{name}\n{row},\n", home.csv_header());
            let answer = home.post_csv("/v1/predict", &file);
            assert_eq!(answer.pointers().len(), 1);
            assert!(answer.text.contains("given twice"), "{}", answer.text);
        }
        if let Some(outcome) = home.role("outcome") {
            assert_eq!(post_with(home, &format!("\"{outcome}\":true")).status, 200);
            let file = format!("{},{outcome},{outcome}\n{row},No,No\n", home.csv_header());
            assert_eq!(home.post_csv("/v1/predict", &file).pointers().len(), 1);
        }
    });
}

#[test]
fn files_have_a_thousand_columns_at_most() {
    everywhere(|home| {
        let (header, row) = (
            home.csv_header(),
            home.csv_row(NOBODY, &home.some_profile()),
        );
        let columns = |count: usize| {
            let more = count - 1 - home.fields().len();
            let file = format!(
                "{header}{}\n{row}{}\n",
                ",x".repeat(more),
                ",1".repeat(more)
            );
            home.post_csv("/v1/predict", &file)
        };
        assert_eq!(columns(1_000).status, 200);
        let answer = columns(1_001);
        assert_eq!(answer.status, 400);
        assert!(
            answer.text.contains("at most 1000 cells"),
            "{}",
            answer.text
        );
    });
}

#[test]
fn profiles_have_a_thousand_values_at_most() {
    everywhere(|home| {
        let mut profile = home.some_profile();
        for index in 0..1_000 {
            profile[format!("x{index}")] = json!(index);
        }
        for body in [profile.clone(), json!([home.some_profile(), profile])] {
            let answer = home.post("/v1/predict", &body);
            assert_eq!(answer.status, 422);
            let detail = answer.json()["errors"][0]["detail"].clone();
            assert_eq!(detail, "is one value too many: there may be 1000");
        }
    });
}
