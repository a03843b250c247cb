//! `/v1/summary`: the directory of all customers, all that is known of one, and what people did with it.

#![forbid(unsafe_code)]

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engagetrack::business::Business;
use engagetrack::directory::{Page, Paging, Request};
use engagetrack::query::Query;
use engagetrack::summary::{Summary, report};
use engagetrack::vocabulary::FilterParameters as Filters;
use engagetrack::{Live, View, nudges};
use schema::intake;
use schema::{FieldError, FieldErrors};
use utoipa::ToSchema;
use web::budget::Worker;
use web::download::{DownloadRight, attachment};
use web::negotiation::{JsonOnly, ListFormat, Offer};
use web::{Accept, Parameters, Problem, Segment, Usage, body};

web::operations!("summary", Live: list, summarise, note, read_schema);

/// As what a summary is answered.
#[derive(Clone, Copy)]
enum SummaryFormat {
    Report,
    Data,
}

impl Offer for SummaryFormat {
    const OFFERED: &'static [(&'static str, Self)] = &[
        ("text/plain", Self::Report),
        ("application/json", Self::Data),
    ];
}

const TEXT: &str = "text/plain; charset=utf-8";

fn find(view: &View<'_>, id: &str) -> Result<usize, Problem> {
    view.customers
        .find(id)
        .ok_or_else(|| Problem::unknown_customer(id))
}

/// Lists a selection of customers, searched and sorted.
///
/// Active customers, unless `status` is given. A page as JSON; or, where `Accept` prefers `text/csv`, the whole list (or the first `limit` rows) as a file.
#[utoipa::path(get, path = "/v1/summary", operation_id = "list_customers", tag = "summary", params(Filters, Paging),
    responses((status = 200, description = "The list.", content((Page = "application/json"), (String = "text/csv")))))]
async fn list(
    right: Result<DownloadRight, Problem>,
    Accept(format): Accept<ListFormat>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let view = live.view();
    let request = query
        .read(|query| Request::from_query(view, query))
        .map_err(Problem::invalid)?;
    if let Some(other) = request.cursor_of_another() {
        return Err(Problem::stale_cursor(other, view.version()));
    }
    if let ListFormat::Page = format {
        let page = request.page(view);
        let usage = Usage::of_many(page.items.len())
            .doing("list")
            .scored_by(view.model_version());
        return Ok((usage.noted(), body::Json(page)).into_response());
    }
    let right = right?;
    let version = view.model_version();
    let (file, count) = worker.work(move || request.csv(live.view())).await;
    Ok(right.csv("customers.csv", file, count, version))
}

/// Summarises one customer of the directory.
///
/// A report as plain text to download; or, where `Accept` prefers `application/json`, the same as data.
#[utoipa::path(get, path = "/v1/summary/{customer_id}", operation_id = "summarise_customer", tag = "summary",
    params(("customer_id" = String, Path, description = "The customer's id.")),
    responses((status = 200, description = "The summary.", content((String = "text/plain"), (Summary = "application/json")))))]
async fn summarise(
    Accept(format): Accept<SummaryFormat>,
    State(live): State<Live>,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let view = live.view();
    let customer = find(view, &id)?;
    let level = view.level_name(view.customers.probability(customer));
    let usage = Usage::of_customer(Some(&id)).scored(level, view.model_version());
    if let SummaryFormat::Data = format {
        return Ok((usage.noted(), body::Json(Summary::of(view, customer))).into_response());
    }
    let file = format!("summary_{id}.txt");
    let headers = [
        (header::CONTENT_TYPE, TEXT.to_owned()),
        (header::CONTENT_DISPOSITION, attachment(&file)),
    ];
    Ok((
        usage.doing("report").noted(),
        headers,
        report(view, customer),
    )
        .into_response())
}

/// What a person can have done: taken a change into the what-if, asked for another wording, downloaded the report, sent a
/// nudge, seen it accepted or declined.
const KINDS: [&str; 6] = [
    "applied", "rotated", "exported", "sent", "accepted", "declined",
];

/// What a person did with a customer's nudges or report.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Deed {
    /// `applied`, `rotated`, `exported`, `sent`, `accepted` or `declined`.
    #[schema(example = "applied")]
    kind: String,
    /// With which nudge, if with one.
    nudge_id: Option<String>,
}

/// Reads a deed: its kind, and the nudge it was done with.
fn deed<'w>(
    view: &View<'w>,
    json: &intake::Json,
) -> Result<(&'static str, Option<&'w str>), FieldErrors> {
    let mut errors = FieldErrors::default();
    let intake::Json::Object(members) = json else {
        errors.push(FieldError {
            pointer: String::new(),
            detail: "must be an object with kind and nudge_id".to_owned(),
        });
        return Err(errors);
    };
    let (mut kind, mut nudge_id) = (None, None);
    for (index, (name, value)) in members.iter().enumerate() {
        match (name.as_str(), value) {
            _ if members[..index].iter().any(|(before, _)| before == name) => {
                errors.push(intake::given_twice(name, name));
            }
            ("kind", intake::Json::Text(text)) if KINDS.contains(&text.as_str()) => {
                kind = KINDS.into_iter().find(|known| known == text);
            }
            ("kind", _) => errors.add(name, format_args!("must be one of {KINDS:?}")),
            ("nudge_id", intake::Json::Null) => {}
            ("nudge_id", intake::Json::Text(text)) if nudges::known_id(view, text).is_some() => {
                nudge_id = nudges::known_id(view, text)
            }
            ("nudge_id", _) => errors.add(name, "must be the id of a nudge in the catalogue"),
            _ => errors.add(name, "is unknown; the fields are kind, nudge_id"),
        }
    }
    if members.iter().all(|(name, _)| name != "kind") {
        errors.add("kind", "is required");
    }
    match kind {
        Some(kind) => errors.unless_any((kind, nudge_id)),
        None => Err(errors),
    }
}

/// Records what a person did with a customer's nudges or report.
///
/// Each event leaves a line in the usage log.
#[utoipa::path(post, path = "/v1/summary/{customer_id}/events", operation_id = "record_event", tag = "summary", request_body = Deed,
    params(("customer_id" = String, Path, description = "The customer's id.")),
    responses((status = 204, description = "The event is in the usage log.")))]
async fn note(
    State(live): State<Live>,
    Segment(id): Segment,
    body::Json(json): body::Json<intake::Json>,
) -> Result<(Extension<Usage>, StatusCode), Problem> {
    let view = live.view();
    find(view, &id)?;
    let (kind, nudge_id) = deed(view, &json).map_err(Problem::invalid)?;
    let usage = Usage::of_customer(Some(&id))
        .doing("event")
        .reporting(kind, nudge_id.map(str::to_owned));
    Ok((usage.noted(), StatusCode::NO_CONTENT))
}

/// Describes the business: all that a client needs to show it.
///
/// Fields with their values, words, prices and filters, roles, risk levels, personas, stages, experiments and versions. The entity tag
/// changes with the workspace.
#[utoipa::path(get, path = "/v1/schema", operation_id = "read_schema", tag = "summary",
    responses((status = 200, description = "The business.", body = Business),
        (status = 304, description = "The business that `if-none-match` names.")))]
async fn read_schema(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    headers: HeaderMap,
) -> Response {
    let view = live.view();
    // Another program may describe the same workspace in another shape.
    let etag = format!("\"{}-{}\"", view.version(), env!("CARGO_PKG_VERSION"));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut known = known
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"));
    let cached = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    match known.any(|tag| tag == etag || tag == "*") {
        true => (StatusCode::NOT_MODIFIED, cached).into_response(),
        false => (cached, body::Json(Business::of(view))).into_response(),
    }
}
