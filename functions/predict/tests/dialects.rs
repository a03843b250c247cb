//! One table of customers, written as people and programs write it: every file is answered with the same probabilities.

#![allow(clippy::unwrap_used, missing_docs)]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use engagetrack::{Live, embedded};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use tower::ServiceExt;

const CUSTOMERS: usize = 40;

static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::core()));

/// A header, and rows of cells.
#[derive(Clone)]
struct File {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The first of the simulated customers as IBM's file has them, two of whom were never billed.
fn customers() -> File {
    let mut reader = csv::Reader::from_path("../../data/customers.csv").unwrap();
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader.records().take(CUSTOMERS);
    let rows = rows.map(|record| record.unwrap().iter().map(str::to_owned).collect());
    let mut file = File {
        header,
        rows: rows.collect(),
    };
    for row in 0..2 {
        file.set("tenure", row, "0");
        file.set("TotalCharges", row, "");
    }
    for column in ["UsageFrequency", "SupportCalls", "PaymentDelay", "variant"] {
        file.drop(column);
    }
    file
}

impl File {
    fn column(&self, name: &str) -> usize {
        self.header.iter().position(|other| other == name).unwrap()
    }

    fn set(&mut self, column: &str, row: usize, cell: &str) {
        let column = self.column(column);
        cell.clone_into(&mut self.rows[row][column]);
    }

    fn drop(&mut self, column: &str) {
        let column = self.column(column);
        self.header.remove(column);
        for row in &mut self.rows {
            row.remove(column);
        }
    }

    fn rename(mut self, names: &[(&str, &str)]) -> Self {
        for (from, to) in names {
            let column = self.column(from);
            (*to).clone_into(&mut self.header[column]);
        }
        self
    }

    /// With other cells in these columns, or in all where none is named.
    fn map(mut self, columns: &[&str], cell: impl Fn(&str) -> String) -> Self {
        for (column, name) in self.header.iter().enumerate() {
            if columns.is_empty() || columns.contains(&name.as_str()) {
                for row in &mut self.rows {
                    row[column] = cell(&row[column]);
                }
            }
        }
        self
    }

    fn map_header(mut self, name: impl Fn(&str) -> String) -> Self {
        self.header = self.header.iter().map(|cell| name(cell)).collect();
        self
    }

    fn with(mut self, name: &str, cell: impl Fn(usize) -> String) -> Self {
        self.header.push(name.to_owned());
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.push(cell(index));
        }
        self
    }

    fn csv(&self, delimiter: u8) -> String {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(Vec::new());
        writer.write_record(&self.header).unwrap();
        self.rows
            .iter()
            .for_each(|row| writer.write_record(row).unwrap());
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    /// The rows as JSON objects, with numbers where there are numbers.
    fn objects(&self) -> Vec<Map<String, Value>> {
        let value = |cell: &String| match cell.parse::<f64>() {
            Ok(number) => json!(number),
            Err(_) if cell.is_empty() => Value::Null,
            Err(_) => json!(cell),
        };
        let object = |row: &Vec<String>| {
            self.header
                .iter()
                .cloned()
                .zip(row.iter().map(value))
                .collect()
        };
        self.rows.iter().map(object).collect()
    }

    /// As `get_dummies` of pandas writes these columns, without the first of their values.
    fn one_hot(mut self, columns: &[&str]) -> Self {
        for name in columns {
            let column = self.column(name);
            let cells: Vec<String> = self.rows.iter().map(|row| row[column].clone()).collect();
            let mut values = cells.clone();
            values.sort();
            values.dedup();
            self.drop(name);
            for value in values.iter().skip(1) {
                let is_it = |row: usize| {
                    if cells[row] == *value {
                        "True"
                    } else {
                        "False"
                    }
                    .to_owned()
                };
                self = self.with(&format!("{name}_{value}"), is_it);
            }
        }
        self
    }
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The probabilities in the order of the rows, none for a row that is listed as rejected.
    fn probabilities(&self) -> Vec<Option<f64>> {
        assert_eq!(self.status, 200, "{}", self.body);
        if self.header("content-type") == "application/json" {
            let json: Value = serde_json::from_str(&self.body).unwrap();
            let answers = json.as_array().unwrap().iter();
            return answers
                .map(|answer| answer["probability"].as_f64())
                .collect();
        }
        let mut reader = csv::Reader::from_reader(self.body.as_bytes());
        let column = reader
            .headers()
            .unwrap()
            .iter()
            .position(|name| name == "churn_probability")
            .unwrap();
        reader
            .records()
            .map(|record| record.unwrap()[column].parse().ok())
            .collect()
    }
}

async fn post(query: &str, kind: &str, body: impl Into<Body>) -> Answered {
    let request = Request::post(format!("/v1/predict{query}"))
        .header("content-type", kind)
        .body(body.into())
        .unwrap();
    let router = Router::from(predict::router().with_state(LIVE.clone()));
    let response = router.oneshot(request).await.unwrap();
    let problem = response
        .extensions()
        .get::<web::Problem>()
        .map(|problem| format!("{problem:?}"));
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: problem.unwrap_or_else(|| String::from_utf8(body).unwrap()),
    }
}

/// The probabilities of the file as IBM has it, which no reading is told of.
async fn expected() -> Vec<Option<f64>> {
    let answered = post("", "text/csv", customers().csv(b',')).await;
    assert_eq!(
        (answered.header("x-read-as"), answered.header("x-warnings")),
        ("", "")
    );
    answered.probabilities()
}

fn title(text: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn swapped(text: &str, pairs: &[(&str, &str)]) -> String {
    let found = pairs.iter().find(|(from, _)| *from == text);
    found.map_or(text, |(_, to)| to).to_owned()
}

#[tokio::test]
async fn files_in_other_dialects_are_answered_alike() {
    let money = ["MonthlyCharges", "TotalCharges"];
    let flags = [
        "SeniorCitizen",
        "Partner",
        "Dependents",
        "PhoneService",
        "PaperlessBilling",
        "Churn",
    ];
    let choices = [
        "gender",
        "Partner",
        "Dependents",
        "PhoneService",
        "MultipleLines",
        "InternetService",
        "OnlineSecurity",
        "OnlineBackup",
        "DeviceProtection",
        "TechSupport",
        "StreamingTV",
        "StreamingMovies",
        "Contract",
        "PaperlessBilling",
        "PaymentMethod",
    ];
    let plain = customers();
    let comma = |file: &File| file.csv(b',').into_bytes();
    let narrow = |text: String| text.chars().map(|letter| letter as u8).collect::<Vec<u8>>();
    let wide = |text: String| {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let spaced = [
        ("customerID", "CustomerID"),
        ("gender", "Gender"),
        ("SeniorCitizen", "Senior Citizen"),
        ("tenure", "Tenure Months"),
        ("PhoneService", "Phone Service"),
        ("MultipleLines", "Multiple Lines"),
        ("InternetService", "Internet Service"),
        ("OnlineSecurity", "Online Security"),
        ("OnlineBackup", "Online Backup"),
        ("DeviceProtection", "Device Protection"),
        ("TechSupport", "Tech Support"),
        ("StreamingTV", "Streaming TV"),
        ("StreamingMovies", "Streaming Movies"),
        ("PaperlessBilling", "Paperless Billing"),
        ("PaymentMethod", "Payment Method"),
        ("MonthlyCharges", "Monthly Charges"),
        ("TotalCharges", "Total Charges"),
        ("Churn", "Churn Label"),
    ];
    let renamed = [
        ("Contract", "contract_type"),
        ("PaymentMethod", "payment_type"),
        ("InternetService", "internet_service_type"),
    ];
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "IBM's 33 columns",
            comma(
                &plain
                    .clone()
                    .map(&["SeniorCitizen"], |cell| {
                        swapped(cell, &[("0", "No"), ("1", "Yes")])
                    })
                    .rename(&spaced)
                    .with("Lat Long", |_| "34.0, -118.0".to_owned())
                    .with("Churn Value", |_| "0".to_owned()),
            ),
            "\"reading\":\"is tenure_months\"",
        ),
        (
            "contract_type",
            comma(
                &plain
                    .clone()
                    .map(&["InternetService"], |cell| {
                        swapped(cell, &[("No", "None")])
                    })
                    .rename(&renamed)
                    .map(&["payment_type"], |cell| {
                        cell.trim_end_matches(" (automatic)").to_owned()
                    }),
            ),
            "",
        ),
        (
            "decimal commas",
            plain
                .clone()
                .map(&money, |cell| cell.replace('.', ","))
                .csv(b';')
                .into_bytes(),
            "{\"column\":null,\"reading\":\"delimiter: semicolon\",\"count\":1},{\"column\":\"MonthlyCharges\",\"reading\":\"decimal comma\"",
        ),
        ("tabs", plain.csv(b'\t').into_bytes(), "delimiter: tab"),
        ("pipes", plain.csv(b'|').into_bytes(), "delimiter: pipe"),
        (
            "True and False",
            comma(&plain.clone().map(&flags, |cell| {
                swapped(
                    cell,
                    &[
                        ("No", "False"),
                        ("Yes", "True"),
                        ("0", "False"),
                        ("1", "True"),
                    ],
                )
            })),
            "'False' is 'No'",
        ),
        (
            "VRAI and FAUX",
            comma(&plain.clone().map(&flags, |cell| {
                swapped(
                    cell,
                    &[
                        ("No", "FAUX"),
                        ("Yes", "VRAI"),
                        ("0", "FAUX"),
                        ("1", "VRAI"),
                    ],
                )
            })),
            "'VRAI' is 'Yes'",
        ),
        (
            "floats",
            comma(
                &plain
                    .clone()
                    .map(&["SeniorCitizen", "tenure"], |cell| format!("{cell}.0")),
            ),
            "'0.0' is 'No'",
        ),
        (
            "NaN",
            comma(
                &plain
                    .clone()
                    .map(&["TotalCharges"], |cell| swapped(cell, &[("", "NaN")])),
            ),
            "\"'NaN' is missing\",\"count\":2",
        ),
        (
            "NULL",
            comma(
                &plain
                    .clone()
                    .map(&["TotalCharges"], |cell| swapped(cell, &[("", "NULL")])),
            ),
            "'NULL' is missing",
        ),
        (
            "lower case header",
            comma(&plain.clone().map_header(str::to_lowercase)),
            "is senior_citizen",
        ),
        (
            "upper case",
            comma(
                &plain
                    .clone()
                    .map_header(str::to_uppercase)
                    .map(&["CONTRACT"], str::to_uppercase),
            ),
            "'ONE YEAR' is 'One year'",
        ),
        (
            "blanks in the header",
            comma(&plain.clone().map_header(|name| format!(" {name} "))),
            "",
        ),
        (
            "title case",
            comma(&plain.clone().map(&["InternetService", "Contract"], title)),
            "'One Year' is 'One year'",
        ),
        (
            "dollars",
            comma(&plain.clone().map(&money, |cell| {
                if cell.is_empty() {
                    String::new()
                } else {
                    format!("${cell}")
                }
            })),
            "'$' is left out",
        ),
        (
            "one-hot",
            comma(&plain.clone().one_hot(&choices)),
            "none is 'Female'",
        ),
        (
            "an index without a name",
            comma(&File {
                header: [vec![String::new()], plain.header.clone()].concat(),
                rows: plain
                    .rows
                    .iter()
                    .enumerate()
                    .map(|(index, row)| [vec![index.to_string()], row.clone()].concat())
                    .collect(),
            }),
            "",
        ),
        (
            "a title",
            format!("Customer churn report\n\n{}", plain.csv(b',')).into_bytes(),
            "lines above the header, skipped",
        ),
        (
            "Windows-1252",
            narrow(
                plain
                    .clone()
                    .with("Name", |_| "José Müller".to_owned())
                    .csv(b','),
            ),
            "encoding: Windows-1252",
        ),
        ("UTF-16", wide(plain.csv(b',')), "encoding: UTF-16"),
        (
            "lines of old Macs",
            plain.csv(b',').replace('\n', "\r").into_bytes(),
            "",
        ),
        (
            "Stayed and Churned",
            comma(&plain.clone().map(&["Churn"], |cell| {
                swapped(cell, &[("No", "Stayed"), ("Yes", "Churned")])
            })),
            "",
        ),
        (
            "control and treatment",
            comma(&plain.clone().with("variant", |row| {
                ["control", "treatment"][row % 2].to_owned()
            })),
            "",
        ),
        (
            "a formula as id",
            comma(&plain.clone().map(&["customerID"], |id| format!("=1+{id}"))),
            "",
        ),
        (
            "trailing cells",
            plain.csv(b',').replace('\n', ",,\n").into_bytes(),
            "",
        ),
        (
            "JSON in place of CSV",
            serde_json::to_vec(&plain.objects()).unwrap(),
            "",
        ),
    ];
    let expected = expected().await;
    for (name, body, evidence) in cases {
        let answered = post("", "text/csv", body).await;
        assert_eq!(answered.status, 200, "{name}: {}", answered.body);
        assert_eq!(answered.probabilities(), expected, "{name}");
        assert!(
            answered.header("x-read-as").contains(evidence),
            "{name}: {}",
            answered.header("x-read-as")
        );
        assert_eq!(
            answered.header("x-read-as").is_empty(),
            evidence.is_empty(),
            "{name}: {}",
            answered.header("x-read-as")
        );
        assert_eq!(answered.header("x-warnings"), "", "{name}");
    }
}

#[tokio::test]
async fn documents_of_other_shapes_are_answered_alike() {
    let objects = customers().objects();
    let header = customers().header;
    // pandas numbers the rows in their order, which a map of serde_json would sort as text.
    let column = |name: &String| {
        let cells = objects.iter().enumerate();
        let cells = cells.map(|(row, object)| format!("\"{row}\":{}", object[name]));
        format!(
            "{}:{{{}}}",
            json!(name),
            cells.collect::<Vec<_>>().join(",")
        )
    };
    let columns = header.iter().map(column).collect::<Vec<_>>().join(",");
    let rows: Vec<Vec<Value>> = objects
        .iter()
        .map(|object| header.iter().map(|name| object[name].clone()).collect())
        .collect();
    let nested = |object: &Map<String, Value>| {
        json!({
            "customerID": object["customerID"],
            "customer": { "gender": object["gender"], "SeniorCitizen": object["SeniorCitizen"], "Partner": object["Partner"],
                "Dependents": object["Dependents"], "tenure": object["tenure"] },
            "phone": { "PhoneService": object["PhoneService"], "MultipleLines": object["MultipleLines"] },
            "internet": { "InternetService": object["InternetService"], "OnlineSecurity": object["OnlineSecurity"],
                "OnlineBackup": object["OnlineBackup"], "DeviceProtection": object["DeviceProtection"],
                "TechSupport": object["TechSupport"], "StreamingTV": object["StreamingTV"],
                "StreamingMovies": object["StreamingMovies"] },
            "account": { "Contract": object["Contract"], "PaperlessBilling": object["PaperlessBilling"],
                "PaymentMethod": object["PaymentMethod"],
                "Charges": { "Monthly": object["MonthlyCharges"], "Total": object["TotalCharges"] } },
        })
    };
    let more = |object: &Map<String, Value>| {
        let mut object = object.clone();
        object.insert("CLTV".to_owned(), json!(3239));
        object
    };
    let lines: Vec<String> = objects
        .iter()
        .map(|object| serde_json::to_string(object).unwrap())
        .collect();
    let text = serde_json::to_string(&objects).unwrap();
    let cases = [
        ("columns", format!("{{{columns}}}"), "orient: columns", ""),
        (
            "split",
            json!({ "columns": header, "data": rows }).to_string(),
            "orient: split",
            "",
        ),
        ("lines", lines.join("\n"), "orient: lines", ""),
        ("NaN", text.replace("null", "NaN"), "NaN is missing", ""),
        (
            "nested",
            json!(objects.iter().map(nested).collect::<Vec<_>>()).to_string(),
            "\"account.Charges.Monthly\",\"reading\":\"is monthly_charges\"",
            "",
        ),
        (
            "one more member",
            json!(objects.iter().map(more).collect::<Vec<_>>()).to_string(),
            "",
            "\"CLTV\",\"reading\":\"is no field and is left out\",\"count\":40",
        ),
    ];
    let expected = expected().await;
    for (name, body, evidence, warning) in cases {
        let answered = post("", "application/json", body).await;
        assert_eq!(answered.probabilities(), expected, "{name}");
        assert!(
            answered.header("x-read-as").contains(evidence),
            "{name}: {}",
            answered.header("x-read-as")
        );
        assert!(
            answered.header("x-warnings").contains(warning),
            "{name}: {}",
            answered.header("x-warnings")
        );
    }
}

#[tokio::test]
async fn a_single_profile_says_in_its_answer_how_it_was_read() {
    let mut profile = customers().objects().remove(5);
    let plain = post("", "application/json", json!(profile).to_string()).await;
    let plain: Value = serde_json::from_str(&plain.body).unwrap();
    assert!(
        plain.get("read_as").is_none() && plain.get("warnings").is_none(),
        "{plain}"
    );
    let contract = profile["Contract"].as_str().unwrap().to_uppercase();
    profile["Contract"] = json!(contract);
    profile.insert("colour".to_owned(), json!("red"));
    let answered = post("", "application/json", json!(profile).to_string()).await;
    let answer: Value = serde_json::from_str(&answered.body).unwrap();
    assert_eq!(answer["probability"], plain["probability"]);
    assert_eq!(answer["read_as"][0]["column"], "Contract");
    assert_eq!(
        answer["warnings"],
        json!([{ "column": "colour", "reading": "is no field and is left out", "count": 1 }])
    );
    assert_eq!(
        serde_json::from_str::<Value>(answered.header("x-read-as")).unwrap(),
        answer["read_as"]
    );
}

#[tokio::test]
async fn rejected_rows_are_listed_where_that_is_asked_for() {
    let mut file = customers();
    file.set("InternetService", 1, "DSL");
    file.set("OnlineSecurity", 1, "No internet service");
    file.set("tenure", 3, "long");
    let total = ["Total".to_owned()]
        .into_iter()
        .chain(vec![String::new(); file.header.len() - 1]);
    file.rows.push(total.collect());
    file.rows.push(file.rows[5][..4].to_vec());
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    writer.write_record(&file.header).unwrap();
    file.rows
        .iter()
        .for_each(|row| writer.write_record(row).unwrap());
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let listed = post("?rejects=list", "text/csv", text.clone()).await;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(listed.body.as_bytes());
    let width = reader.headers().unwrap().len();
    assert!(
        listed
            .body
            .lines()
            .next()
            .unwrap()
            .ends_with(",churn_probability,risk_level,line,fault")
    );
    let faults: Vec<(String, String)> = reader
        .records()
        .map(Result::unwrap)
        .filter(|record| record[width - 4].is_empty())
        .map(|record| (record[width - 2].to_owned(), record[width - 1].to_owned()))
        .collect();
    let faults: Vec<(&str, &str)> = faults
        .iter()
        .map(|(line, fault)| (line.as_str(), fault.as_str()))
        .collect();
    assert_eq!(faults[0].0, "3");
    assert!(
        faults[0]
            .1
            .starts_with("OnlineSecurity is \"No internet service\""),
        "{faults:?}"
    );
    assert_eq!(
        faults[1..],
        [
            ("5", "tenure must be a number, got \"long\""),
            ("42", "is a total of the others"),
            ("43", "has 4 cells, and the header has 21"),
        ]
    );
    let expected = expected().await;
    let answered: Vec<Option<f64>> = listed.probabilities();
    assert_eq!(answered[4..CUSTOMERS], expected[4..]);
    // Without being asked for, one bad row refuses the file; a file of nothing else is refused in any case.
    assert_ne!(post("", "text/csv", text).await.status, 200);
    let bad = customers()
        .map(&["Contract"], |_| "Weekly".to_owned())
        .csv(b',');
    let refused = post("?rejects=list", "text/csv", bad).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .body
            .contains("40 of 40 values are 'Weekly'; must be one of"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn units_that_training_never_saw_are_warned_of() {
    let times = |factor: f64| {
        move |cell: &str| {
            cell.parse::<f64>()
                .map_or(String::new(), |number| (number * factor).to_string())
        }
    };
    let years = |cell: &str| (cell.parse::<f64>().unwrap() / 12.0).floor().to_string();
    let money = ["MonthlyCharges", "TotalCharges"];
    let plain = customers();
    for (name, file, warned) in [
        (
            "cents",
            plain.clone().map(&money, times(100.0)),
            "monthly_charges",
        ),
        (
            "scaled",
            plain.clone().map(&["MonthlyCharges"], times(0.008)),
            "monthly_charges",
        ),
        (
            "years",
            plain.clone().map(&["tenure"], years),
            "tenure_months",
        ),
        (
            "totals",
            plain.clone().map(&["TotalCharges"], times(12.0)),
            "total_charges",
        ),
    ] {
        let answered = post("", "text/csv", file.csv(b',')).await;
        let warnings: Value =
            serde_json::from_str(answered.header("x-warnings")).unwrap_or_default();
        assert!(
            warnings
                .as_array()
                .is_some_and(|warnings| warnings.iter().any(|one| one["column"] == warned)),
            "{name}: {warnings}"
        );
    }
}

#[tokio::test]
async fn files_of_other_kinds_are_named_with_what_to_do() {
    let workbook = [&b"PK\x03\x04"[..], &[0; 26], b"[Content_Types].xml"].concat();
    for (bytes, sentence) in [
        (workbook, "is an Excel workbook (.xlsx)"),
        (b"PK\x03\x04 and more".to_vec(), "is a zip archive"),
        (b"PAR1....".to_vec(), "is a Parquet file"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(),
            "is an Excel workbook (.xls)",
        ),
        (b"\x1f\x8b\x08\0".to_vec(), "is compressed with gzip"),
    ] {
        for kind in ["text/csv", "application/json"] {
            let answered = post("", kind, bytes.clone()).await;
            assert_eq!(answered.status, 400);
            assert!(
                answered.body.contains(sentence),
                "{sentence}: {}",
                answered.body
            );
        }
    }
}

#[tokio::test]
async fn an_uncertain_reading_is_confirmed_as_the_refusal_says() {
    let codes = [
        ("Month-to-month", "0"),
        ("One year", "1"),
        ("Two year", "2"),
    ];
    let file = customers()
        .map(&["Contract"], |cell| swapped(cell, &codes))
        .csv(b';');
    let refused = post("", "text/csv", file.clone()).await;
    assert_eq!(refused.status, 422);
    let (_, read) = refused.body.split_once("confirm with read=").unwrap();
    let (read, _) = read.split_once('"').unwrap();
    assert_eq!(read, "Contract:0=Month-to-month|1=One year|2=Two year");
    let query = format!("?read={}", read.replace('|', "%7C").replace(' ', "%20"));
    let answered = post(&query, "text/csv", file).await;
    assert_eq!(answered.probabilities(), expected().await);
    assert_eq!(post("?read=nonsense", "text/csv", "").await.status, 422);
}

#[tokio::test]
async fn units_behind_names_are_those_of_the_fields_or_are_asked_about() {
    let expected = expected().await;
    let renamed = |from: &str, to: &str| {
        let mut file = customers();
        let column = file.column(from);
        to.clone_into(&mut file.header[column]);
        file.csv(b',')
    };
    for (from, to) in [
        ("MonthlyCharges", "Monthly Charges ($)"),
        ("TotalCharges", "TotalCharges\n(USD)"),
        ("TotalCharges", "Total charges [usd]"),
        ("MonthlyCharges", "monthly_charges_usd"),
        ("tenure", "Tenure (months)"),
    ] {
        let answered = post("", "text/csv", renamed(from, to)).await;
        assert_eq!(answered.status, 200, "{to}: {}", answered.body);
        assert_eq!(answered.probabilities(), expected, "{to}");
        assert!(answered.header("x-read-as").contains("is "), "{to}");
    }
    for (from, to, field) in [
        ("tenure", "tenure (years)", "tenure_months"),
        ("TotalCharges", "TotalCharges (EUR)", "total_charges"),
        ("TotalCharges", "TotalCharges (cents)", "total_charges"),
        ("TotalCharges", "AvgTotalCharges", "total_charges"),
    ] {
        let answered = post("", "text/csv", renamed(from, to)).await;
        assert_eq!(answered.status, 422, "{to}");
        let asked = format!("may be {field}; confirm with read={to}:{field} or read={to}:other");
        assert!(answered.body.contains(&asked), "{to}: {}", answered.body);
    }
}

#[tokio::test]
async fn further_dialects_give_the_same_probabilities() {
    let expected = expected().await;
    let plain = customers().csv(b',');
    let (header, rows) = plain.split_once('\n').unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    let markdown = |line: &str| format!("| {} |\n", line.replace(',', " | "));
    let dashes = format!("|{}\n", "---|".repeat(header.split(',').count()));
    let table = lines.iter().map(|line| markdown(line)).collect::<String>();
    let no_in_choices = |cell: &str| match cell {
        "No" => "False".to_owned(),
        "Yes" => "True".to_owned(),
        other => other.to_owned(),
    };
    let all: Vec<String> = customers().header;
    let all: Vec<&str> = all.iter().skip(1).map(String::as_str).collect();
    for (name, text) in [
        ("markdown", markdown(header) + &dashes + &table),
        (
            "two files in one",
            format!(
                "{header}\n{}\n{header}\n{}\n",
                lines[..9].join("\n"),
                lines[9..].join("\n")
            ),
        ),
        ("sep", format!("sep=,\r\n{plain}")),
        ("blanks that don't break", plain.replace(',', "\u{a0},")),
        (
            "yes and no of a whole table",
            customers().map(&all, no_in_choices).csv(b','),
        ),
        ("errors of a spreadsheet", plain.replace(",,", ",#VALUE!,")),
    ] {
        let answered = post("", "text/csv", text).await;
        assert_eq!(answered.status, 200, "{name}: {}", answered.body);
        assert_eq!(answered.probabilities(), expected, "{name}");
    }
    let objects = customers().objects();
    for (name, document) in [
        (
            "pages",
            json!({ "count": CUSTOMERS, "next": null, "results": objects }),
        ),
        (
            "data in data",
            json!({ "data": { "customers": objects }, "status": "ok" }),
        ),
        (
            "links",
            json!({ "links": {}, "meta": { "page": 1 }, "data": objects }),
        ),
    ] {
        let answered = post("", "application/json", document.to_string()).await;
        assert_eq!(answered.status, 200, "{name}: {}", answered.body);
        let answers: Value = serde_json::from_str(&answered.body).unwrap();
        let answers = answers.as_array().unwrap().iter();
        let probabilities: Vec<Option<f64>> =
            answers.map(|one| one["probability"].as_f64()).collect();
        assert_eq!(probabilities, expected, "{name}");
    }
    // What a profile holds beside its fields makes no envelope of it.
    let mut one = customers().objects().remove(5);
    one.insert("orders".to_owned(), json!([{ "id": 1 }]));
    let answered = post("", "application/json", json!(one).to_string()).await;
    let answer: Value = serde_json::from_str(&answered.body).unwrap();
    assert_eq!(answer["probability"].as_f64(), expected[5], "{answer}");
}

#[tokio::test]
async fn documents_that_are_no_tables_are_named() {
    for (text, sentence) in [
        (
            "\u{feff}<html><table><tr><th>customerID</th></tr></table></html>",
            "is an HTML page",
        ),
        ("\n<!DOCTYPE HTML>\n<table></table>", "is an HTML page"),
        (
            "<?xml version=\"1.0\"?><Workbook/>",
            "is XML; export its table as CSV",
        ),
        ("%PDF-1.7\n", "is a PDF document; export its table as CSV"),
    ] {
        let answered = post("", "text/csv", text.to_owned()).await;
        assert_eq!(answered.status, 400, "{}", answered.body);
        assert!(answered.body.contains(sentence), "{}", answered.body);
    }
}
