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
    let document: Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
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

#[test]
fn the_gateway_sends_each_path_to_its_function() {
    let template: Value = serde_saphyr::from_str(include_str!("../../template.yaml")).unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let property =
        |resource: &str, name: &str| resources[resource]["Properties"][name].as_str().unwrap();
    let routed: Functions = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::ApiGatewayV2::Route")
        .map(|(route, _)| {
            let path = property(route, "RouteKey").strip_prefix("ANY ").unwrap();
            let integration = inner(property(route, "Target"), "integrations/${", "}");
            let function = inner(property(integration, "IntegrationUri"), "", ".Alias");
            let code = inner(property(function, "CodeUri"), "target/lambda/", ".zip");
            (path.to_owned(), code.to_owned())
        })
        .collect();
    assert_eq!(routed, functions_in_axum());
}

/// What stands between two ends.
fn inner<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.strip_prefix(start)
        .and_then(|rest| rest.strip_suffix(end))
        .unwrap_or_else(|| panic!("{text} is not {start}…{end}"))
}
