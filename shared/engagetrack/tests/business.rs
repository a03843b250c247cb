//! The business as a client sees it, against what the other requests accept.

#![allow(clippy::unwrap_used)]

use engagetrack::business::Business;
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{Live, View, directory, embedded};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::whole()));

fn view() -> &'static View<'static> {
    LIVE.view()
}

fn business() -> Value {
    serde_json::to_value(Business::of(view())).unwrap()
}

fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).unwrap().as_array().unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn field<'v>(business: &'v Value, name: &str) -> &'v Value {
    items(business, "/fields")
        .iter()
        .find(|field| field["name"] == name)
        .unwrap()
}

/// A parameter of a query.
fn parameter(name: &Value, value: &Value) -> String {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let value = value.replace(' ', "+");
    format!("{}={value}", name.as_str().unwrap())
}

#[test]
fn the_document_has_the_members_that_clients_rely_on() {
    let business = business();
    let members = [
        "name",
        "title",
        "currency",
        "as_of",
        "note",
        "versions",
        "population",
        "roles",
        "risk",
        "fields",
        "list",
        "sorts",
        "filters",
        "personas",
        "stages",
        "experiments",
        "categories",
        "distributions",
    ];
    assert_eq!(keys(&business), BTreeSet::from(members));
    assert_eq!(
        keys(&business["versions"]),
        BTreeSet::from(["workspace", "model", "nudges"])
    );
    assert_eq!(business["versions"]["workspace"], view().version());
    assert_eq!(business["versions"]["model"], view().model.version());
    assert_eq!(business["population"], view().customers.len());
    assert_eq!(
        business["roles"],
        json!({"id": "customer_id", "outcome": "churned", "tenure": "tenure_months",
            "recurring": "monthly_charges", "recurring_change": "monthly_charges_change",
            "lifetime": "total_charges", "contactable": null})
    );
    assert_eq!(business["risk"]["will_churn"], 0.5);
    assert_eq!(business["risk"]["alarms"], 2);
    assert_eq!(
        business["risk"]["levels"],
        json!([{"name": "low", "label": "Low", "from": 0.0},
            {"name": "medium", "label": "Medium", "from": 0.5},
            {"name": "high", "label": "High", "from": 0.75}])
    );
    assert_eq!(
        business["experiments"],
        json!([{"name": "variant", "arm": "variant",
            "control": {"arm": "A", "offer": "the priority plan"},
            "treatments": [{"arm": "B", "offer": "the smart assistant"}],
            "shares": [0.5, 0.5],
            "segments": ["contract", "internet_service", "payment_method", "stage", "risk_level", "senior_citizen"]}])
    );
    let stage = &items(&business, "/stages")[0];
    assert_eq!(*stage, json!({"name": "onboarding", "label": "Onboarding"}));
    let persona = &items(&business, "/personas")[0];
    assert_eq!(
        keys(persona),
        BTreeSet::from(["name", "label", "description"])
    );
}

#[test]
fn fields_say_all_of_themselves() {
    let business = business();
    let members = [
        "name", "label", "kind", "about", "help", "unit", "required", "model", "least", "most",
        "values", "words", "unknown", "needs", "without", "change", "filter", "list", "alarm",
        "bins",
    ];
    let fields = items(&business, "/fields");
    assert_eq!(fields.len(), view().schema.len());
    for field in fields {
        assert_eq!(keys(field), BTreeSet::from(members));
        let numeric = ["whole", "number", "money"].contains(&field["kind"].as_str().unwrap());
        assert_eq!(numeric, field["least"].is_number(), "{field}");
        assert_eq!(numeric, field["most"].is_number());
        assert_eq!(numeric, field["words"].is_string());
        assert_eq!(numeric, items(field, "/values").is_empty());
        for value in items(field, "/values") {
            assert_eq!(
                keys(value),
                BTreeSet::from(["value", "label", "words", "price"])
            );
            assert_eq!(value["value"].is_boolean(), field["kind"] == "flag");
        }
    }
    let security = field(&business, "online_security");
    assert_eq!(
        security["needs"],
        json!([{"field": "internet_service", "values": ["DSL", "Fiber optic"]}])
    );
    assert_eq!(
        security["without"],
        json!({"label": "No internet service", "words": "no internet, so no online security"})
    );
    assert_eq!(security["change"], "any");
    let values = |name: &str| -> Vec<Value> {
        items(field(&business, name), "/values")
            .iter()
            .map(|value| value["value"].clone())
            .collect()
    };
    assert_eq!(values("online_security"), [json!(false), json!(true)]);
    assert_eq!(values("internet_service"), ["DSL", "Fiber optic", "No"]);
    assert_eq!(
        field(&business, "contract")["filter"],
        json!({"kind": "values", "parameter": "contract"})
    );
    assert_eq!(
        field(&business, "tenure_months")["filter"],
        json!({"kind": "range", "min": "tenure_min", "max": "tenure_max"})
    );
    assert_eq!(
        field(&business, "monthly_charges")["filter"],
        json!({"kind": "range", "min": "monthly_charges_min", "below": "monthly_charges_below"})
    );
    assert_eq!(field(&business, "gender")["filter"], Value::Null);
    assert_eq!(
        field(&business, "support_calls")["alarm"],
        json!({"above": 3.0})
    );
    assert_eq!(
        field(&business, "usage_frequency")["alarm"],
        json!({"below": 10.0})
    );
    assert_eq!(
        field(&business, "total_charges")["unknown"],
        "not billed yet"
    );
    let seen = fields.iter().filter(|field| field["model"] == true);
    assert_eq!(seen.count(), view().model.features().len());
    let listed = items(&business, "/list");
    for field in fields {
        assert_eq!(field["list"], listed.contains(&field["name"]));
    }
}

/// The parameters that a filter names, with a value for each.
fn parameters(business: &Value, filter: &Value) -> Vec<String> {
    if filter["kind"] == "values" {
        let values = items(filter, "/values");
        assert!(!values.is_empty(), "{filter}");
        return values
            .iter()
            .map(|choice| parameter(&filter["parameter"], &choice["value"]))
            .collect();
    }
    assert_eq!(filter["kind"], "range");
    let field = field(business, filter["field"].as_str().unwrap());
    let bounds = [
        (&filter["min"], &field["least"]),
        (&filter["max"], &field["most"]),
        (&filter["below"], &field["most"]),
    ];
    let named = bounds.iter().filter(|(name, _)| name.is_string());
    named
        .map(|(name, bound)| {
            let bound = bound.as_f64().unwrap();
            match field["kind"] == "whole" {
                true => parameter(name, &json!(bound as i64)),
                false => parameter(name, &json!(bound)),
            }
        })
        .collect()
}

#[test]
fn every_filter_that_is_named_is_accepted() {
    let business = business();
    let mut named = BTreeSet::new();
    for filter in items(&business, "/filters") {
        for parameter in parameters(&business, filter) {
            let query = Query::parse(&parameter).unwrap();
            let read = query.read(|query| Selection::from_query(view(), query));
            assert!(read.is_ok(), "{parameter}: {read:?}");
            named.insert(parameter.split('=').next().unwrap().to_owned());
        }
    }
    // And no other: an unknown parameter is told which there are.
    let query = Query::parse("colour=red").unwrap();
    let errors = query
        .read(|query| Selection::from_query(view(), query))
        .unwrap_err();
    let detail = &errors.listed()[0].detail;
    let (_, accepted) = detail.split_once("expected one of ").unwrap();
    let accepted: BTreeSet<String> = accepted.split(", ").map(str::to_owned).collect();
    assert_eq!(named, accepted);
    // A field's own filter is in the list.
    for field in items(&business, "/fields") {
        let filters = items(&business, "/filters").iter();
        let own: Vec<&Value> = filters
            .filter(|filter| filter["field"] == field["name"])
            .collect();
        assert_eq!(own.len(), usize::from(!field["filter"].is_null()));
        for own in own {
            for (member, value) in field["filter"].as_object().unwrap() {
                assert_eq!(own[member], *value);
            }
        }
    }
}

#[test]
fn every_sort_is_accepted_upwards_and_downwards() {
    let business = business();
    for sort in items(&business, "/sorts") {
        for sign in ["", "-"] {
            let text = format!("sort={sign}{}", sort.as_str().unwrap());
            let query = Query::parse(&text).unwrap();
            let read = query.read(|query| directory::Request::from_query(view(), query));
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }
    assert_eq!(
        2 * items(&business, "/sorts").len(),
        directory::sorts(view()).len()
    );
}
