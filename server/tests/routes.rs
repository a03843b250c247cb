//! A route is declared once, in its function. The committed description, the emulator's router and the AWS template derive from it.

#![allow(clippy::unwrap_used)]

use engagetrack::Live;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// The function of each path.
type Functions = BTreeMap<String, String>;

fn description<S: Clone + Send + Sync + 'static>(router: OpenApiRouter<S>) -> OpenApi {
    router.into_openapi()
}

fn functions_in_axum() -> Functions {
    let of = |function: &'static str, router: OpenApiRouter<Live>| {
        let paths = description(router).paths.paths;
        paths
            .into_keys()
            .map(move |path| (path, function.to_owned()))
    };
    of("analytics", analytics::router())
        .chain(of("explain", explain::router()))
        .chain(of("nudges", nudges::router()))
        .chain(of("predict", predict::router()))
        .chain(of("summary", summary::router()))
        .collect()
}

/// The template's writer and the logs go by tags, and the logs by the first segment of a path.
#[test]
fn tags_name_the_function_of_a_path_and_each_first_segment_has_one() {
    let functions = functions_in_axum();
    let paths = description(server::functions(server::embedded()))
        .paths
        .paths;
    assert_eq!(paths.len(), functions.len());
    let mut by_segment = Functions::new();
    for (path, item) in paths {
        let function = &functions[&path];
        for operation in [item.get, item.post].into_iter().flatten() {
            assert_eq!(operation.tags, Some(vec![function.clone()]), "{path}");
        }
        let segment = path
            .strip_prefix("/v1/")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let known = by_segment.insert(segment.to_owned(), function.clone());
        assert!(known.is_none_or(|known| known == *function), "{path}");
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
