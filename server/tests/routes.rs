//! A route stands in four places: axum, the description of the API, the emulator's router and the AWS template.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::MethodRouter;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tower::ServiceExt;

/// The function of each path.
type Functions = BTreeMap<String, String>;

fn routers() -> Vec<(&'static str, &'static str, MethodRouter)> {
    let of = |function, routes: Vec<(&'static str, MethodRouter)>| {
        routes
            .into_iter()
            .map(move |(path, methods)| (function, path, methods))
    };
    of("analytics", analytics::routes().into())
        .chain(of("explain", explain::routes().into()))
        .chain(of("nudges", nudges::routes().into()))
        .chain(of("predict", predict::routes().into()))
        .chain(of("summary", summary::routes().into()))
        .collect()
}

fn functions_in_axum() -> Functions {
    routers()
        .into_iter()
        .map(|(function, path, _)| (path.to_owned(), function.to_owned()))
        .collect()
}

fn description() -> serde_json::Map<String, Value> {
    let document = serde_json::to_value(server::openapi()).unwrap();
    document["paths"].as_object().unwrap().clone()
}

#[test]
fn the_description_puts_each_path_under_its_function() {
    let described: Functions = description()
        .into_iter()
        .flat_map(|(path, operations)| {
            let operations = operations.as_object().unwrap().clone();
            operations.into_iter().map(move |(_, operation)| {
                (
                    path.clone(),
                    operation["tags"][0].as_str().unwrap().to_owned(),
                )
            })
        })
        .collect();
    assert_eq!(described, functions_in_axum());
}

#[tokio::test]
async fn the_description_has_each_paths_methods() {
    let description = description();
    for (_, path, methods) in routers() {
        // A method that no route takes is answered with those that it does.
        let request = Request::trace(path).body(Body::empty()).unwrap();
        let response = methods.oneshot(request).await.unwrap();
        let allowed = response.headers()[header::ALLOW].to_str().unwrap();
        let taken: BTreeSet<String> = allowed
            .split(',')
            .filter(|method| *method != "HEAD")
            .map(str::to_ascii_lowercase)
            .collect();
        let described: BTreeSet<String> = description[path]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(described, taken, "{path}");
    }
}

#[test]
fn the_emulator_sends_each_path_to_its_function() {
    let manifest = include_str!("../../Cargo.toml")
        .parse::<toml::Table>()
        .unwrap();
    let router = &manifest["workspace"]["metadata"]["lambda"]["watch"]["router"];
    let routed: Functions = router.clone().try_into().unwrap();
    assert_eq!(routed, functions_in_axum());
}
