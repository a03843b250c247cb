//! `/v1/analytics`: what do the customers look like, what would a change of plan do, and did the experiment work?

#![forbid(unsafe_code)]

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use engagetrack::analytics::{self, Analytics, WhatIf, WhatIfJson, WhatIfRequest};
use engagetrack::card;
use engagetrack::experiment::{ExperimentRequest, Plan, PlanRequest, Readout, SelectionReadout};
use engagetrack::intake;
use engagetrack::query::Query;
use engagetrack::selection::{Filters, Selection};
use utoipa::OpenApi;
use web::body::Json;
use web::negotiation::preferred;
use web::{Problem, Usage};

/// The paths of this function and what answers there.
pub fn routes() -> [(&'static str, MethodRouter); 4] {
    [
        ("/v1/analytics", get(read)),
        ("/v1/analytics/what-if", post(what_if)),
        (
            "/v1/analytics/experiment",
            get(read_experiment).post(read_posted_experiment),
        ),
        ("/v1/analytics/experiment/plan", post(plan_experiment)),
    ]
}

/// The router of this function.
pub fn router() -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
}

/// What this function adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(
    read,
    what_if,
    read_experiment,
    read_posted_experiment,
    plan_experiment
))]
pub struct Api;

/// Reads the filters, and nothing else, from a query.
fn selection(query: Option<String>) -> Result<Selection, Problem> {
    let mut query = Query::parse(&query.unwrap_or_default()).map_err(Problem::malformed)?;
    let selection = Selection::from_query(&mut query);
    query.finish().map_err(Problem::invalid)?;
    Ok(selection)
}

/// What a call leaves in the usage log that scored so many customers.
fn scored(count: usize) -> Extension<Usage> {
    Usage::of_many("analytics", count)
        .scored_by(card::VERSION)
        .noted()
}

/// Shows the customers who pass the filters: churn, distributions, calibration, and what sets them apart.
#[utoipa::path(get, path = "/v1/analytics", tag = "analytics", params(Filters),
    responses((status = 200, body = Analytics),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn read(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<(Extension<Usage>, Json<Analytics>), Problem> {
    preferred(&headers, &["application/json"])?;
    let analytics = analytics::read(&selection(query)?);
    Ok((scored(analytics.outcome.count), Json(analytics)))
}

/// Projects what one change of plan would do to the customers who pass the filters and whom it fits.
#[utoipa::path(post, path = "/v1/analytics/what-if", tag = "analytics", request_body = WhatIfJson,
    responses((status = 200, body = WhatIf),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn what_if(
    headers: HeaderMap,
    Json(body): Json<intake::Json>,
) -> Result<(Extension<Usage>, Json<WhatIf>), Problem> {
    preferred(&headers, &["application/json"])?;
    let request = WhatIfRequest::from_json(&body).map_err(Problem::invalid)?;
    let answer = request.project();
    Ok((scored(answer.customers), Json(answer)))
}

/// Reads out the embedded experiment for the customers who pass the filters.
#[utoipa::path(get, path = "/v1/analytics/experiment", tag = "analytics", params(Filters),
    responses((status = 200, body = SelectionReadout),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn read_experiment(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<(Extension<Usage>, Json<SelectionReadout>), Problem> {
    preferred(&headers, &["application/json"])?;
    let readout = analytics::experiment(&selection(query)?);
    let users = readout.readout.control.users + readout.readout.treatment.users;
    Ok((scored(users as usize), Json(readout)))
}

/// Reads out an experiment of the caller's own from its counts.
#[utoipa::path(post, path = "/v1/analytics/experiment", tag = "analytics", request_body = ExperimentRequest,
    responses((status = 200, body = Readout),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn read_posted_experiment(
    headers: HeaderMap,
    Json(request): Json<ExperimentRequest>,
) -> Result<Json<Readout>, Problem> {
    preferred(&headers, &["application/json"])?;
    let experiment = request.validate().map_err(Problem::invalid)?;
    Ok(Json(experiment.readout()))
}

/// Plans an experiment: users per arm, and days, to detect an effect.
#[utoipa::path(post, path = "/v1/analytics/experiment/plan", tag = "analytics", request_body = PlanRequest,
    responses((status = 200, body = Plan),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn plan_experiment(
    headers: HeaderMap,
    Json(request): Json<PlanRequest>,
) -> Result<Json<Plan>, Problem> {
    preferred(&headers, &["application/json"])?;
    let experiment = request.validate().map_err(Problem::invalid)?;
    Ok(Json(experiment.plan()))
}
