//! The requests of the record. They are made from the directory and from a fixed seed, and never change by themselves.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Map, Value, json};
use std::fmt::{self, Display, Formatter};

/// Customers who are asked about by every endpoint.
const CUSTOMERS: usize = 500;
/// Profiles that are posted.
const PROFILES: usize = 200;
const SEED: u64 = 7;

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Vec<u8>,
}

/// What the record has in place of the version of the workspace in a cursor, which changes with every source file.
pub const WORKSPACE: &str = "WORKSPACE";

impl Display for Asked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        for (name, value) in &self.headers {
            write!(f, " {name}: {value}")?;
        }
        // A file is told by its beginning and its length.
        let body = String::from_utf8_lossy(&self.body);
        let beginning: String = body.chars().take(600).collect();
        write!(f, " {beginning} ({} bytes)", self.body.len())
    }
}

fn get(target: impl Into<String>) -> Asked {
    Asked {
        method: "GET",
        target: target.into(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

fn accepting(target: impl Into<String>, media_type: &'static str) -> Asked {
    Asked {
        headers: vec![("accept", media_type)],
        ..get(target)
    }
}

fn post(target: impl Into<String>, media_type: &'static str, body: impl Into<Vec<u8>>) -> Asked {
    Asked {
        method: "POST",
        headers: vec![("content-type", media_type)],
        body: body.into(),
        ..get(target)
    }
}

fn post_json(target: impl Into<String>, body: &Value) -> Asked {
    post(target, "application/json", body.to_string())
}

/// All requests, in order.
pub fn all() -> Vec<Asked> {
    let file = include_str!("../../../data/customers.csv");
    let (header, rows) = file.split_once('\n').unwrap();
    let columns: Vec<&str> = header.split(',').collect();
    let rows: Vec<&str> = rows.lines().collect();
    let mut requests = customers(&rows);
    requests.extend(profiles(&columns, &rows));
    requests.extend(files(header, &rows));
    requests.extend(selections());
    requests.extend(experiments());
    requests.extend(faults());
    requests
}

fn customers(rows: &[&str]) -> Vec<Asked> {
    let every = rows.len() / CUSTOMERS;
    let ids = rows.iter().step_by(every).take(CUSTOMERS);
    let ids = ids.map(|row| row.split(',').next().unwrap());
    let of_one = |(index, id): (usize, &str)| {
        // The parameters vary from one customer to the next, so that all are covered.
        let target = [0.5, 0.2, 0.05, 0.8][index % 4];
        let category = ["billing", "engagement", "support", "contract", "product"][index % 5];
        let advice = match index % 3 {
            0 => String::new(),
            1 => format!("?target={target}&rotate={}", index % 7),
            _ => format!("?limit={}&category={category}", 1 + index % 4),
        };
        let mut requests = vec![
            get(format!("/v1/predict/{id}")),
            get(format!("/v1/explain/{id}")),
            get(format!("/v1/nudges/{id}{advice}")),
            accepting(format!("/v1/summary/{id}"), "text/plain"),
        ];
        // The summary as data repeats the others, and interactions are long.
        if index % 10 == 0 {
            requests.push(accepting(format!("/v1/summary/{id}"), "application/json"));
        }
        if index % 25 == 0 {
            requests.push(get(format!("/v1/explain/{id}?interactions=true")));
        }
        requests
    };
    ids.enumerate().flat_map(of_one).collect()
}

/// Rows of the directory as JSON, in Telco's names, with one or two values changed.
fn profiles(columns: &[&str], rows: &[&str]) -> Vec<Asked> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut below = move |end: usize| (random.next_u64() % end as u64) as usize;
    let mut requests = Vec::new();
    for index in 0..PROFILES {
        let cells: Vec<&str> = rows[below(rows.len())].split(',').collect();
        let mut profile = Map::new();
        for (column, cell) in columns.iter().zip(&cells) {
            profile.insert((*column).to_owned(), json!(cell));
        }
        for _ in 0..=below(2) {
            // A value of another customer: the profile may become impossible, and is then refused with all reasons.
            let at = 1 + below(columns.len() - 1);
            let other = rows[below(rows.len())].split(',').nth(at).unwrap();
            profile.insert(columns[at].to_owned(), json!(other));
        }
        let profile = Value::Object(profile);
        let path = ["/v1/predict", "/v1/explain", "/v1/nudges"][index % 3];
        requests.push(post_json(path, &profile));
        if index % 20 == 0 {
            requests.push(post_json("/v1/predict", &json!([profile, profile])));
        }
    }
    requests
}

fn files(header: &str, rows: &[&str]) -> Vec<Asked> {
    let part = |rows: &[&str], end: &str| {
        rows.iter()
            .map(|row| format!("{row}{end}"))
            .collect::<String>()
    };
    let few = &rows[..40];
    let file = |text: String| post("/v1/predict", "text/csv", text);
    let reversed: Vec<String> = std::iter::once(header)
        .chain(few.iter().copied())
        .map(|row| row.split(',').rev().collect::<Vec<_>>().join(","))
        .collect();
    vec![
        file(format!("{header}\n{}", part(&rows[..1_000], "\n"))),
        file(format!("{header}\r\n{}", part(few, "\r\n"))),
        file(format!("\u{feff}{header}\n{}", part(few, "\n"))),
        file(format!(
            "{header},note\n{}",
            part(few, ",\"a, \"\"quoted\"\" note\"\n")
        )),
        file(reversed.join("\n")),
        file(format!("{header}\n")),
        file(header.to_owned()),
        file(String::new()),
        file(format!(
            "{header}\n{}",
            part(few, "\n").replace("Month-to-month", "Weekly")
        )),
        file(format!("{header}\n{}", part(few, "\n").replace("Male", ""))),
        file(format!("{header},gender\n{}", part(few, ",Male\n"))),
        file(format!("{header},churn_probability\n{}", part(few, ",1\n"))),
        file(format!("{header}\n{}", part(few, ",more\n"))),
        file(part(few, "\n")),
    ]
}

/// Selections for every endpoint that takes filters.
fn selections() -> Vec<Asked> {
    const FILTERS: [&str; 40] = [
        "",
        "contract=Month-to-month",
        "contract=One+year&contract=Two+year",
        "internet_service=Fiber+optic",
        "internet_service=DSL&internet_service=No",
        "payment_method=Electronic+check",
        "payment_method=Bank+transfer+%28automatic%29&payment_method=Mailed+check",
        "variant=A",
        "variant=B",
        "persona=strained",
        "persona=essentials",
        "persona=speed-seeker",
        "stage=onboarding",
        "stage=growth&stage=mature",
        "risk_level=high",
        "risk_level=medium&risk_level=low",
        "senior_citizen=true",
        "senior_citizen=false",
        "missing=total_charges",
        "missing=variant",
        "tenure_min=1&tenure_max=1",
        "tenure_max=12",
        "tenure_min=13&tenure_max=24",
        "tenure_min=60",
        "usage_frequency_max=3",
        "usage_frequency_min=20&usage_frequency_max=30",
        "support_calls_min=4",
        "support_calls_max=0",
        "payment_delay_min=16",
        "payment_delay_max=0",
        "monthly_charges_below=20",
        "monthly_charges_min=90.5",
        "monthly_charges_min=45&monthly_charges_below=70",
        "total_charges_below=100",
        "total_charges_min=5000",
        "contract=Month-to-month&internet_service=Fiber+optic&tenure_max=12",
        "contract=Month-to-month&payment_method=Electronic+check&senior_citizen=true&risk_level=high",
        "tenure_min=600",
        "monthly_charges_min=1000000",
        "contract=Two+year&tenure_max=2&support_calls_min=3",
    ];
    const SORTS: [&str; 10] = [
        "probability",
        "-probability",
        "tenure_months",
        "-tenure_months",
        "monthly_charges",
        "-monthly_charges",
        "customer_id",
        "-customer_id",
        "churned",
        "-churned",
    ];
    const CHANGES: [&str; 4] = [
        r#"{"contract":"One year"}"#,
        r#"{"contract":"Two year","tech_support":true}"#,
        r#"{"internet_service":"DSL","online_security":true}"#,
        r#"{"payment_method":"Credit card (automatic)","paperless_billing":false}"#,
    ];
    let and = |filter: &str, more: &str| match filter {
        "" => format!("?{more}"),
        filter => format!("?{filter}&{more}"),
    };
    let of_one = |(index, filter): (usize, &&str)| {
        let sort = SORTS[index % SORTS.len()];
        let change: Value = serde_json::from_str(CHANGES[index % CHANGES.len()]).unwrap();
        let (limit, from) = (5 + index % 20, index % 3);
        let page = format!("sort={sort}&limit={limit}&cursor={WORKSPACE}-{from}");
        vec![
            get(format!("/v1/summary{}", and(filter, &page))),
            get(format!("/v1/analytics?{filter}")),
            get(format!("/v1/analytics/experiment?{filter}")),
            get(format!("/v1/explain{}", and(filter, "max_points=3"))),
            post_json(
                "/v1/analytics/what-if",
                &json!({"filters": members(filter), "change": change}),
            ),
        ]
    };
    let mut requests: Vec<Asked> = FILTERS.iter().enumerate().flat_map(of_one).collect();
    for (filter, sort) in ["contract=Two+year&tenure_min=70", "risk_level=high"]
        .iter()
        .zip(SORTS)
    {
        requests.push(accepting(
            format!("/v1/summary?{filter}&sort={sort}"),
            "text/csv",
        ));
    }
    requests.push(get("/v1/summary?q=66&limit=9"));
    requests.push(get("/v1/summary?q=6695-BFJAG"));
    requests.push(get("/v1/explain/model"));
    requests
}

/// The filters of a query as members of an object.
fn members(query: &str) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        let value = value
            .replace('+', " ")
            .replace("%28", "(")
            .replace("%29", ")");
        let values = members.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(json!(value));
    }
    members.into()
}

fn experiments() -> Vec<Asked> {
    let counts = [
        [100, 49, 100, 51],
        [2_000, 6, 2_000, 1],
        [20_000, 10, 20_000, 100],
        [5_000, 0, 5_000, 100],
        [5_000, 0, 5_000, 0],
        [3_439, 922, 3_604, 947],
        [10_000, 2_650, 10_000, 2_250],
        [1, 0, 1, 1],
        [1_000, 1_000, 1_000, 1_000],
        [5_000, 500, 6_000, 500],
    ];
    let of_one = |[a, x, b, y]: [u64; 4]| {
        let arms = |mut body: Value| {
            body["control"] = json!({"users": a, "conversions": x});
            body["treatment"] = json!({"users": b, "conversions": y});
            post_json("/v1/analytics/experiment", &body)
        };
        [
            arms(json!({})),
            arms(json!({"metric": "higher_is_better", "alpha": 0.01, "prior": {"proper": true}})),
        ]
    };
    let mut requests: Vec<Asked> = counts.into_iter().flat_map(of_one).collect();
    for (rate, effect) in [(0.265, -0.04), (0.01, -0.002), (0.5, 0.1), (0.002, -0.001)] {
        let body =
            json!({"baseline_rate": rate, "detectable_effect": effect, "users_per_day": 120});
        requests.push(post_json("/v1/analytics/experiment/plan", &body));
    }
    requests
}

/// Requests that are refused, each for another reason.
fn faults() -> Vec<Asked> {
    const ID: &str = "6695-BFJAG";
    let mut requests: Vec<Asked> = [
        "/v1/predict/0000-ZZZZZ",
        "/v1/predict/%ff",
        "/v1/predict/nobody",
        "/v1/explain/0000-ZZZZZ",
        "/v1/nudges/0000-ZZZZZ",
        "/v1/summary/0000-ZZZZZ",
        "/v1/nudges/6695-BFJAG?limit=0",
        "/v1/nudges/6695-BFJAG?target=1",
        "/v1/nudges/6695-BFJAG?target=x",
        "/v1/nudges/6695-BFJAG?category=none",
        "/v1/nudges/6695-BFJAG?colour=red",
        "/v1/nudges/6695-BFJAG?rotate=-1",
        "/v1/explain/6695-BFJAG?interactions=yes",
        "/v1/explain/6695-BFJAG?interactions=true&interactions=true",
        "/v1/explain?max_points=2001",
        "/v1/summary?limit=0",
        "/v1/summary?limit=501",
        "/v1/summary?sort=age",
        "/v1/summary?cursor=-1",
        "/v1/summary?q=a&q=b",
        "/v1/summary?contract=Weekly&stage=none&tenure_min=601",
        "/v1/summary?q=%zz",
        "/v1/summary?%41=%ff",
        "/v1/analytics?tenure_min=10&tenure_max=5",
        "/v1/analytics?monthly_charges_min=9&monthly_charges_below=9",
        "/v1/analytics?senior_citizen=1",
        "/v1/analytics?missing=gender",
        "/v1/analytics?colour=red",
        "/v1/analytics/experiment?limit=3",
        "/v1/analytics?tenure_min=1e3",
    ]
    .map(get)
    .into();
    requests.push(Asked {
        method: "DELETE",
        ..get("/v1/predict")
    });
    requests.push(Asked {
        method: "PUT",
        ..get(format!("/v1/summary/{ID}"))
    });
    requests.push(accepting(format!("/v1/predict/{ID}"), "text/html"));
    requests.push(accepting(format!("/v1/summary/{ID}"), "image/png"));
    requests.push(accepting("/v1/summary", "application/xml"));
    let bodies: [(&'static str, &'static str); 25] = [
        ("/v1/predict", ""),
        ("/v1/predict", "{"),
        ("/v1/predict", "[]"),
        ("/v1/predict", "[1, null, {}]"),
        ("/v1/predict", "\"profile\""),
        ("/v1/predict", r#"{"tenure_months": 1e999}"#),
        (
            "/v1/predict",
            r#"{"gender":"Male","gender":"Female","colour":"red"}"#,
        ),
        (
            "/v1/predict",
            r#"{"gender":"male","tenure":-3,"MonthlyCharges":"much","contract":["One year"]}"#,
        ),
        ("/v1/explain", "{}"),
        ("/v1/explain", "[]"),
        ("/v1/nudges", r#"{"customer_id":7}"#),
        ("/v1/nudges", "null"),
        ("/v1/analytics/what-if", "{}"),
        ("/v1/analytics/what-if", r#"{"change":{}}"#),
        ("/v1/analytics/what-if", r#"{"change":{"gender":"Male"}}"#),
        (
            "/v1/analytics/what-if",
            r#"{"filters":7,"change":{"contract":"One year"}}"#,
        ),
        (
            "/v1/analytics/what-if",
            r#"{"filters":{"colour":1},"change":{"internet_service":"No","tech_support":true},"more":1}"#,
        ),
        ("/v1/analytics/experiment", "{}"),
        (
            "/v1/analytics/experiment",
            r#"{"control":{"users":0,"conversions":1},"treatment":{"users":1.5,"conversions":-1}}"#,
        ),
        (
            "/v1/analytics/experiment",
            r#"{"control":{"users":5,"conversions":1},"treatment":{"users":5,"conversions":1},"alpha":2,"expected_split":[1,1]}"#,
        ),
        (
            "/v1/analytics/experiment/plan",
            r#"{"baseline_rate":0,"detectable_effect":0}"#,
        ),
        (
            "/v1/analytics/experiment/plan",
            r#"{"baseline_rate":0.2,"detectable_effect":-0.3,"power":0.01}"#,
        ),
        ("/v1/summary/6695-BFJAG/events", "{}"),
        (
            "/v1/summary/6695-BFJAG/events",
            r#"{"kind":"seen","nudge_id":"none","more":1}"#,
        ),
        ("/v1/summary/0000-ZZZZZ/events", r#"{"kind":"applied"}"#),
    ];
    for (path, body) in bodies {
        requests.push(post(path, "application/json", body));
    }
    requests.push(post("/v1/predict", "application/xml", "<profile/>"));
    requests.push(post(
        "/v1/predict",
        "application/json; charset=utf-16",
        "{}",
    ));
    requests.push(post("/v1/explain", "text/csv", "a,b"));
    requests.push(post(
        "/v1/predict",
        "text/csv",
        b"customerID\n\xff".to_vec(),
    ));
    requests
}
