//! A business without money, personas, stages and experiments, whose columns are named and divided in other ways. It has the shipped
//! model and customers.

use engagetrack::analytics::{self, FilterValue, PolicyRequest, WhatIfRequest};
use engagetrack::directory::{Request, Row};
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{Live, View};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use workspace::Outcome;
use workspace::compile::{Sources, compile};

/// Customers that it has.
const CUSTOMERS: usize = 500;

const NUDGES: &str = r#"
[[nudge]]
id = "hello"
category = "contact"
title = "Say hello"
otherwise = true
reasons = ["Nothing else applies."]
messages = ["Hello.", "Good day."]
"#;

static LIVE: LazyLock<Live> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Sources::PATHS.map(|path| fs::read(root.join(path)).unwrap());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    files[0] = schema(&text(&files[0])).into_bytes();
    // Of every fourth customer it is not known yet whether it left.
    let rows = text(&files[1]);
    let mut lines = rows.lines();
    let header = lines.next().unwrap();
    let outcome = header
        .split(',')
        .position(|column| column == "Churn")
        .unwrap();
    let mut customers = vec![header.to_owned()];
    for (row, line) in lines.take(CUSTOMERS).enumerate() {
        let mut cells: Vec<&str> = line.split(',').collect();
        if row % 4 == 0 {
            cells[outcome] = "";
        }
        customers.push(cells.join(","));
    }
    files[1] = customers.join("\n").into_bytes();
    files[2] = NUDGES.as_bytes().to_vec();
    let compiled = compile(&Sources::of(&files)).unwrap();
    Live::open(compiled.into_parts()).unwrap()
});

fn view() -> &'static View<'static> {
    LIVE.view()
}

/// The shipped schema without its money, rules and experiments; with a flag that needs something and ranges in other places.
fn schema(shipped: &str) -> String {
    let (fields, _) = shipped.split_once("[[persona]]").unwrap();
    let mut edited = fields.to_owned();
    for (from, to) in [
        ("recurring = \"monthly_charges\"\n", ""),
        ("lifetime = \"total_charges\"\n", ""),
        ("currency = \"USD\"", "currency = \"EUR\""),
        (
            "\"internet_service\", \"payment_method\", \"persona\", \"stage\", \"risk_level\", \"variant\",",
            "\"online_security\", \"risk_level\",",
        ),
        (
            "list = [\"variant\", \"contract\", \"tenure_months\", \"monthly_charges\"]",
            "list = [\"support_calls\"]",
        ),
        ("bins = [0, 1, 2, 3, 4, 6]", "bins = [2, 3.5]"),
        ("bins = [0, 20, 40, 60, 80, 100]", "bins = [0]"),
        (
            "label = \"Online security\"\nkind = \"flag\"",
            "label = \"Online security\"\nkind = \"flag\"\nfilter = true",
        ),
    ] {
        assert!(edited.contains(from), "{from}");
        edited = edited.replace(from, to);
    }
    // Without a recurring amount there is nothing that a price could move.
    let without_prices = edited.lines().filter(|line| !line.starts_with("price = "));
    let edited: Vec<String> = without_prices
        .map(|line| {
            let Some(start) = line.find(", price = ") else {
                return line.to_owned();
            };
            let end = start + line[start..].find(" }").unwrap();
            [&line[..start], &line[end..]].concat()
        })
        .collect();
    edited.join("\n")
}

fn selection(text: &str) -> Selection {
    let query = Query::parse(text).unwrap();
    query
        .read(|query| Selection::from_query(view(), query))
        .unwrap()
}

fn labels(distribution: &analytics::Distribution<'_>) -> Vec<String> {
    distribution
        .bins
        .iter()
        .map(|bin| bin.label.to_owned())
        .collect()
}

#[test]
fn bins_hold_everybody_once_and_their_filters_select_them() {
    let everybody = "status=active&status=left";
    let analytics = analytics::read(view(), &selection(everybody));
    assert_eq!(analytics.group.count, CUSTOMERS);
    for distribution in &analytics.distributions {
        let mut sum = 0;
        for bin in &distribution.bins {
            let filters = bin.filter.iter().map(|(name, value)| match value {
                FilterValue::Name(value) => format!("&{name}={}", value.replace(' ', "+")),
                FilterValue::Flag(value) => format!("&{name}={value}"),
                FilterValue::Number(value) => format!("&{name}={value}"),
            });
            let filters: String = filters.collect();
            let selected = selection(&format!("{everybody}{filters}")).positions(view());
            assert_eq!(selected.len(), bin.group.count, "{filters}");
            sum += bin.group.count;
        }
        assert_eq!(sum, CUSTOMERS, "{}", distribution.field);
    }
    let named = |name: &str| {
        let mut distributions = analytics.distributions.iter();
        labels(
            distributions
                .find(|distribution| distribution.field == name)
                .unwrap(),
        )
    };
    // The first bin takes what lies below, and between whole numbers begins the next one.
    assert_eq!(named("support_calls"), ["0–3", "4 or more"]);
    assert_eq!(named("monthly_charges"), ["€0 or more"]);
    assert_eq!(
        named("total_charges")[..2],
        ["under €100", "€100 to under €500"]
    );
    assert_eq!(named("online_security"), ["No", "Yes"]);
    assert_eq!(named("risk_level"), ["Low", "Medium", "High"]);
}

#[test]
fn rates_are_of_known_outcomes_and_counts_of_everybody_selected() {
    let analytics = analytics::read(view(), &selection(""));
    let outcomes = |wanted: Outcome| {
        let all = 0..view().customers.len();
        all.filter(|customer| view().customers.outcome(*customer) == wanted)
            .count()
    };
    let (stayed, left, unknown) = (
        outcomes(Outcome::Stayed),
        outcomes(Outcome::Left),
        outcomes(Outcome::Unknown),
    );
    assert_eq!(unknown, CUSTOMERS / 4);
    assert_eq!(analytics.group.count, stayed + unknown);
    assert_eq!(analytics.group.known_outcomes, stayed + left);
    assert_eq!(analytics.group.churned, left);
    assert_eq!(
        analytics.group.churn_rate,
        Some(left as f64 / (stayed + left) as f64)
    );
    let calibrated: usize = analytics.calibration.bins.iter().map(|bin| bin.count).sum();
    assert_eq!(calibrated, stayed + left);
}

#[test]
fn what_the_schema_lacks_is_absent() {
    let json = serde_json::to_value(analytics::read(view(), &selection(""))).unwrap();
    assert_eq!(
        (json.get("monthly_revenue"), json.get("revenue_at_risk")),
        (None, None)
    );
    let request = serde_json::from_str(r#"{"change":{"tech_support":true}}"#).unwrap();
    let answer = WhatIfRequest::from_json(view(), &request)
        .unwrap()
        .project(view());
    assert!(answer.changed > 0);
    let json = serde_json::to_value(answer.after).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
    assert_eq!(analytics::readout(view(), 0, &selection("")), None);
    let policy = |text: &str| {
        let query = Query::parse(text).unwrap();
        query.read(|query| PolicyRequest::from_query(view(), query))
    };
    assert_eq!(policy("").unwrap().read(view()), None);
    for text in ["cost=3", "months=12", "experiment=variant"] {
        assert_eq!(policy(text).unwrap_err().count(), 1, "{text}");
    }
    assert!(policy("cost=3&value=10").is_ok());
    for parameter in ["persona=strained", "stage=growth"] {
        let query = Query::parse(parameter).unwrap();
        let errors = query
            .read(|query| Selection::from_query(view(), query))
            .unwrap_err();
        assert!(
            errors.listed()[0]
                .detail
                .starts_with("is not a parameter; expected one of status, ")
        );
    }
    let unknown =
        (0..CUSTOMERS).find(|customer| view().customers.outcome(*customer) == Outcome::Unknown);
    let row = serde_json::to_string(&Row::new(view(), unknown.unwrap())).unwrap();
    let row: Vec<&str> = row
        .trim_matches(['{', '}'])
        .split(',')
        .map(|member| member.split_once(':').unwrap().0)
        .collect();
    let columns = [
        "customer_id",
        "probability",
        "risk_level",
        "percentile",
        "at_risk",
        "support_calls",
        "churned",
        "status",
    ];
    assert_eq!(row, columns.map(|column| format!("{column:?}")));
    let query = Query::parse("").unwrap();
    let request = query
        .read(|query| Request::from_query(view(), query))
        .unwrap();
    let (file, _) = request.csv(view());
    assert!(file.starts_with(columns.join(",").as_bytes()));
}

#[test]
fn an_order_downwards_keeps_unknown_ones_last_and_equal_ones_by_id() {
    for (sort, falling) in [("churned", false), ("-churned", true)] {
        let query = Query::parse(&format!("status=active&status=left&sort={sort}")).unwrap();
        let request = query
            .read(|query| Request::from_query(view(), query))
            .unwrap();
        let listed = request.customers(view());
        let key = |customer: usize| match view().customers.outcome(customer) {
            Outcome::Unknown => 2,
            Outcome::Left => u8::from(!falling),
            Outcome::Stayed => u8::from(falling),
        };
        assert!(
            listed.is_sorted_by_key(|customer| (key(*customer), *customer)),
            "{sort}"
        );
        assert_eq!(listed.len(), CUSTOMERS);
    }
}
