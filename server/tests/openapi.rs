//! The committed description of the API is the one that the code derives, and its bounds are those that the handlers enforce.

#![allow(clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use engagetrack::Live;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tower::ServiceExt;
use web::Routes;
use web::usage_log::UsageLog;
use workspace::compile::{Sources, compile};

#[tokio::test]
async fn the_committed_description_is_the_codes() {
    let derived = server::openapi(&server::embedded())
        .await
        .to_pretty_json()
        .unwrap()
        + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &derived).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == derived,
        "server/openapi.json is stale; `make openapi` writes it anew"
    );
}

fn description() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

#[test]
fn references_resolve() {
    fn check(value: &Value, description: &Value) {
        if let Some(pointer) = value.get("$ref").and_then(Value::as_str) {
            let target = pointer.trim_start_matches('#');
            assert!(description.pointer(target).is_some(), "{pointer}");
        }
        match value {
            Value::Object(members) => members.values().for_each(|one| check(one, description)),
            Value::Array(items) => items.iter().for_each(|one| check(one, description)),
            _ => {}
        }
    }
    let description = description();
    check(&description, &description);
}

#[test]
fn operation_ids_begin_with_a_verb() {
    const VERBS: [&str; 9] = [
        "advise",
        "explain",
        "list",
        "plan",
        "predict",
        "project",
        "read",
        "record",
        "summarise",
    ];
    let mut ids = BTreeSet::new();
    for (_, _, operation) in operations(&description()) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        let verb = id.split('_').next().unwrap();
        assert!(VERBS.contains(&verb), "{id}");
        assert!(ids.insert(id.clone()), "{id} is used twice");
    }
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (path.clone(), method, operation))
    };
    paths.iter().flat_map(of_path).collect()
}

/// The functions as a server holds them.
async fn status_and_pointers(
    method: &str,
    target: &str,
    body: Option<&Value>,
    content_type: &str,
) -> (u16, Vec<String>) {
    let request = Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(target)
        .header("content-type", content_type);
    let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
    static ROUTES: LazyLock<Routes> =
        LazyLock::new(|| server::functions(server::embedded()).into());
    let response = web::app(ROUTES.clone(), UsageLog::off())
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let pointers = errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap().to_owned())
        .collect();
    (status, pointers)
}

/// A schema, or the one that it refers to.
fn resolved<'d>(description: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(reference) => description.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

fn is_numeric(schema: &Value) -> bool {
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    types.iter().any(|it| it == "integer" || it == "number")
}

/// Values at the bounds of a number, and beyond them.
fn at_and_beyond(schema: &Value) -> (Vec<Value>, Vec<Value>) {
    let whole = schema["type"] == "integer" || schema["type"][0] == "integer";
    let number = |value: f64| match whole {
        true => json!(value as i64),
        false => json!(value),
    };
    let (mut at, mut beyond) = (Vec::new(), Vec::new());
    for (inclusive, exclusive, outwards) in [
        ("minimum", "exclusiveMinimum", -1.0),
        ("maximum", "exclusiveMaximum", 1.0),
    ] {
        let step = |value: f64| match whole {
            true => value + outwards,
            false => value + outwards * value.abs().max(1e-3) * 1e-6,
        };
        if let Some(bound) = schema[inclusive].as_f64() {
            at.push(number(bound));
            beyond.push(number(step(bound)));
        } else {
            let bound = schema[exclusive].as_f64();
            beyond.push(number(
                bound.unwrap_or_else(|| panic!("{schema} is not bounded")),
            ));
        }
    }
    (at, beyond)
}

#[tokio::test]
async fn parameters_have_the_bounds_and_values_of_the_description() {
    let description = description();
    let mut checked = 0;
    for (path, method, operation) in operations(&description) {
        let path = path.replace("{customer_id}", "1866-PVWWG");
        // The body comes after the query: one that is refused for its query needs none.
        let content = &operation["requestBody"]["content"];
        let body = content["application/json"]["example"].clone();
        let content_type = match content["application/json"].is_null() {
            true => "text/csv",
            false => "application/json",
        };
        let body = Some(&body).filter(|body| !body.is_null());
        for parameter in operation["parameters"].as_array().unwrap() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let schema = resolved(&description, &parameter["schema"]);
            let items = resolved(&description, &schema["items"]);
            let (at, beyond) = if is_numeric(schema) {
                at_and_beyond(schema)
            } else if let Some(values) = schema["enum"].as_array().or(items["enum"].as_array()) {
                (values.clone(), vec![json!("neither"), json!("")])
            } else if schema["type"] == "boolean" || items["type"] == "boolean" {
                (vec![json!(true), json!(false)], vec![json!("yes")])
            } else if name == "cursor" {
                let version = server::embedded().version().to_owned();
                let beyond = ["0", "-1", "x", "", "0123abcd", "0123ABCD-0", "0123abcd--1"];
                (
                    vec![json!(format!("{version}-0")), json!("0123abcd-0")],
                    beyond.map(Value::from).to_vec(),
                )
            } else {
                assert!(["q", "read", "campaign"].contains(&name), "{name}");
                assert_eq!(schema["type"], "string", "{name}");
                continue;
            };
            checked += 1;
            for (values, accepted) in [(at, true), (beyond, false)] {
                for value in values {
                    let text = value.as_str().map_or(value.to_string(), str::to_owned);
                    let text: String = form_urlencoded(&text);
                    let target = format!("{path}?{name}={text}");
                    let (status, pointers) =
                        status_and_pointers(&method, &target, body, content_type).await;
                    // A bound of one end can leave nothing of a range; that is another error than a wrong value.
                    let refused = pointers.contains(&format!("/{name}"));
                    assert_eq!(
                        refused, !accepted,
                        "{method} {target}: {status} {pointers:?}"
                    );
                }
            }
        }
    }
    assert!(checked > 90, "{checked}");
}

fn form_urlencoded(text: &str) -> String {
    text.replace('%', "%25")
        .replace(' ', "+")
        .replace('(', "%28")
        .replace(')', "%29")
}

/// Numbers whose bounds depend on other fields, so that being within their own does not suffice.
const DEPENDENT: [&str; 6] = [
    "/control/users",
    "/control/conversions",
    "/treatment/users",
    "/treatment/conversions",
    "/power",
    "/filters",
];

#[tokio::test]
async fn bodies_have_the_bounds_of_the_description() {
    let description = description();
    let mut checked = 0;
    for (path, method, operation) in operations(&description) {
        let path = path.replace("{customer_id}", "1866-PVWWG");
        let content = &operation["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        let schema = resolved(&description, &content["schema"]);
        let schema = resolved(&description, schema["oneOf"].get(0).unwrap_or(schema));
        let mut numbers = Vec::new();
        find_numbers(&description, schema, String::new(), &mut numbers);
        for (pointer, number) in numbers {
            checked += 1;
            let (at, beyond) = at_and_beyond(&number);
            let dependent = DEPENDENT.iter().any(|prefix| pointer.starts_with(prefix));
            let at = if dependent { Vec::new() } else { at };
            for (values, accepted) in [(at, true), (beyond, false)] {
                for value in values {
                    let mut body = content["example"].clone();
                    put(&mut body, &pointer, value.clone());
                    let (status, pointers) =
                        status_and_pointers(&method, &path, Some(&body), "application/json").await;
                    let refused = pointers.contains(&pointer);
                    assert_eq!(
                        refused, !accepted,
                        "{method} {path}: {pointer} = {value}: {status} {pointers:?}"
                    );
                }
            }
        }
    }
    assert!(checked > 30, "{checked}");
}

/// The numbers of a body by their pointers.
fn find_numbers(description: &Value, schema: &Value, at: String, found: &mut Vec<(String, Value)>) {
    for (name, property) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        let property = resolved(description, property);
        let pointer = format!("{at}/{name}");
        if is_numeric(property) {
            found.push((pointer, property.clone()));
        } else {
            find_numbers(description, property, pointer, found);
        }
    }
}

/// Puts a value into a document where a pointer says, objects on the way included.
fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

/// The shipped business without its experiment.
fn without_an_experiment() -> Live {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Sources::PATHS.map(|path| std::fs::read_to_string(root.join(path)).unwrap());
    let experiment = files[0].find("[[experiment]]").unwrap();
    files[0].truncate(experiment);
    let mut nudges: toml::Table = files[2].parse().unwrap();
    for nudge in nudges["nudge"].as_array_mut().unwrap() {
        let nudge = nudge.as_table_mut().unwrap();
        nudge.remove("experiment");
        nudge.remove("variant");
    }
    files[2] = nudges.to_string();
    let compiled = compile(&Sources::of(&files.map(String::into_bytes)));
    Live::open(
        compiled
            .unwrap_or_else(|faults| panic!("{faults:?}"))
            .into_parts(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_business_without_an_experiment_is_described_without_an_example_of_it() {
    let live = without_an_experiment();
    let description: Value = serde_json::to_value(server::openapi(&live).await).unwrap();
    let example = |path: &str| {
        let content =
            &description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
        content.get("example").cloned()
    };
    assert_eq!(example("/v1/analytics/experiment"), None);
    assert!(example("/v1/analytics").is_some());

    let request = Request::get("/v1/analytics/experiment")
        .body(Body::empty())
        .unwrap();
    let answer = web::app(server::functions(live), UsageLog::off())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let problem: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(problem["type"], "/problems/switched-off");
}

/// Of two types with one name the description would hold one, and say so of neither.
#[test]
fn no_two_types_are_described_by_one_name() {
    fn walk(folder: &Path, names: &mut BTreeMap<String, PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, names);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for derived in text.split("#[derive(").skip(1) {
                    let (traits, rest) = derived.split_once(")]").unwrap();
                    if !traits.contains("ToSchema") {
                        continue;
                    }
                    let declared = rest.split_once("struct ").into_iter();
                    let declared = declared.chain(rest.split_once("enum "));
                    let (above, named) = declared.min_by_key(|(above, _)| above.len()).unwrap();
                    let alias = above.split_once("schema(as = ");
                    let named = alias.map_or(named, |(_, alias)| alias);
                    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
                    let name: String = named.chars().take_while(|c| is_of_name(*c)).collect();
                    let other = names.insert(name.clone(), path.clone());
                    assert_eq!(other, None, "{name} of {}, too", path.display());
                }
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = BTreeMap::new();
    for folder in ["shared", "functions"] {
        for package in std::fs::read_dir(root.join(folder)).unwrap() {
            walk(&package.unwrap().path().join("src"), &mut names);
        }
    }
    assert!(names.contains_key("ExpectedPerformance") && names.len() > 100);
}
