//! Examples for the description: requests about a customer of the workspace, and what the handlers answer to them.

use super::operations;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header;
use engagetrack::View;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tower::ServiceExt;
use utoipa::openapi::content::Content;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{OpenApi, RefOr};
use workspace::Key;

/// Elements that an array keeps.
const ELEMENTS: usize = 2;
/// Lines that a text keeps.
const LINES: usize = 4;
/// Numbers are rounded to a fraction with this denominator, because their last digits differ between processors.
const DENOMINATOR: f64 = 1e4;

const JSON: &str = "application/json";

/// The bodies that operations are asked with, by operation id.
fn body(operation: &str, view: &View<'_>, customer: usize) -> Option<Value> {
    let profile = view.profile(customer);
    let profile = || json!(view.schema.json(&profile));
    // What most clients will try first.
    let change = view.schema.changeable().last().and_then(|field| {
        let last = field.values().last()?;
        Some(json!({field.name(): view.schema.json_value(field.index(), last.code() as f64)}))
    });
    let body = match operation {
        "predict_posted" | "explain_posted" | "advise_posted" => profile(),
        "project_change" => json!({"filters": {"status": ["active"]}, "change": change?}),
        "project_profile_change" => {
            json!({"profile": profile(), "change": change.unwrap_or(json!({}))})
        }
        "read_posted_experiment" => json!({
            "control": {"users": 3439, "conversions": 922}, "treatment": {"users": 3604, "conversions": 947}
        }),
        "plan_experiment" => {
            json!({"baseline_rate": 0.265, "detectable_effect": -0.04, "users_per_day": 120})
        }
        "record_event" => {
            json!({"kind": "applied", "nudge_id": view.nudges.entries().next()?.id()})
        }
        _ => return None,
    };
    Some(body)
}

/// Gives each operation an example of its body and of its successful response.
pub async fn add(api: &mut OpenApi, router: &Router, view: &View<'_>) {
    // The customer likeliest to leave of those who are still here.
    let order = view
        .orders()
        .by(Key::Probability)
        .unwrap_or_default()
        .iter()
        .rev();
    let mut active = order
        .map(|customer| *customer as usize)
        .filter(|customer| view.customers.outcome(*customer).left() != Some(true));
    let Some(customer) = active.next() else {
        return;
    };
    let id = view.customers.id(customer);
    for (path, item) in &mut api.paths.paths {
        // An id may hold what a path can't.
        let segment = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        let path = path.replace("{customer_id}", &segment);
        for operation in operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(described) = &parameter
                    && described.name == "customer_id"
                {
                    *parameter = RefOr::T(with_example(described, id));
                }
            }
            let operation_id = operation.operation_id.as_deref();
            let body = operation_id.and_then(|operation| body(operation, view, customer));
            if let Some(RefOr::T(described)) = &mut operation.request_body {
                // A body that is a file has none.
                if let Some(content) = described.content.get_mut(JSON).and_then(inline) {
                    content.example = body.clone();
                }
            }
            let asked = body.map(|body| body.to_string());
            let target = match operation_id {
                Some("list_campaign") => format!("{path}?campaign=spring&contacts=200"),
                _ => path.clone(),
            };
            answer(operation, router, &target, asked).await;
        }
    }
}

/// The parameter with an example, which the builder can only give to a new one.
fn with_example(parameter: &Parameter, example: &str) -> Parameter {
    let mut described = json!(parameter);
    described["example"] = example.into();
    serde_json::from_value(described).expect("it was a parameter before")
}

/// Asks the operation once for each media type of its successful response.
async fn answer(operation: &mut Operation, router: &Router, path: &str, body: Option<String>) {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(response)) = responses.get_mut("200") else {
        return;
    };
    for (media_type, content) in &mut response.content {
        // A file is answered as a file: the profile would have to be sent as one.
        if media_type == "text/csv" && body.is_some() {
            continue;
        }
        let request = match &body {
            Some(body) => Request::post(path).body(Body::from(body.clone())),
            None => Request::get(path).body(Body::empty()),
        };
        let mut request = request.expect("a path of the description is a target");
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, media_type.parse().expect("a media type"));
        headers.insert(header::CONTENT_TYPE, JSON.parse().expect("a media type"));
        let Ok(answer) = router.clone().oneshot(request).await;
        // What the business lacks, such as an experiment, has no example.
        if !answer.status().is_success() {
            continue;
        }
        let bytes = to_bytes(answer.into_body(), usize::MAX).await;
        let text = String::from_utf8(bytes.expect("memory can be read").into());
        let text = text.expect("every answer is UTF-8");
        let example = match media_type.as_str() {
            JSON => shortened(serde_json::from_str(&text).expect("the answer is JSON")),
            _ => text
                .split_inclusive('\n')
                .take(LINES)
                .collect::<String>()
                .into(),
        };
        inline(content).expect("contents are written out").example = Some(example);
    }
}

fn inline(content: &mut RefOr<Content>) -> Option<&mut Content> {
    match content {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    }
}

/// The same with fewer elements and digits.
fn shortened(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().take(ELEMENTS).map(shortened).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, shortened(value)))
            .collect(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            json!((number * DENOMINATOR).round() / DENOMINATOR)
        }
        other => other,
    }
}
