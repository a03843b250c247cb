//! `/v1/analytics`: what do the customers look like, what would a change of plan do, and did the experiment work?

#![forbid(unsafe_code)]

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use engagetrack::analytics::{self, Analytics, EmbeddedReadout, WhatIf, WhatIfJson, WhatIfRequest};
use engagetrack::card;
use engagetrack::intake;
use engagetrack::query::Query;
use engagetrack::selection::{Filters, Selection};
use experiment::{ExperimentRequest, Plan, PlanRequest, Readout, RequestFault};
use utoipa::OpenApi;
use web::body::Json;
use web::budget::Worker;
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

/// 422 with every fault of a request about an experiment.
fn invalid(faults: Vec<RequestFault>) -> Problem {
    let pairs = faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.detail));
    let listed: Vec<_> = pairs.collect();
    Problem::invalid((listed.len(), listed))
}

/// What a call leaves in the usage log that scored so many customers.
fn scored(count: usize) -> Extension<Usage> {
    Usage::of_many("analytics", count)
        .scored_by(card::VERSION)
        .noted()
}

/// Describes a selection of customers.
///
/// Churn, distributions, calibration, and what sets the selection apart from everybody else. `status` narrows counts, money
/// and expected churners (to active customers when absent), never rates, calibration and drivers.
#[utoipa::path(get, path = "/v1/analytics", operation_id = "read_analytics", tag = "analytics", params(Filters),
    responses((status = 200, description = "The selection in numbers.", body = Analytics)))]
async fn read(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    worker: Worker,
) -> Result<(Extension<Usage>, Json<Analytics>), Problem> {
    preferred(&headers, &["application/json"])?;
    let selection = selection(query)?;
    let analytics = worker.work(move || analytics::read(&selection)).await;
    Ok((scored(analytics.group.known_outcomes), Json(analytics)))
}

/// Projects one change of plan for a selection of customers.
///
/// What the model expects before and after the change, at list prices, of the whole selection and of those whom the change
/// fits. A projection is not a measured effect.
#[utoipa::path(post, path = "/v1/analytics/what-if", operation_id = "project_change", tag = "analytics", request_body = WhatIfJson,
    responses((status = 200, description = "The selection before and after the change.", body = WhatIf)))]
async fn what_if(
    headers: HeaderMap,
    worker: Worker,
    Json(body): Json<intake::Json>,
) -> Result<(Extension<Usage>, Json<WhatIf>), Problem> {
    preferred(&headers, &["application/json"])?;
    let request = WhatIfRequest::from_json(&body).map_err(Problem::invalid)?;
    let answer = worker.work(move || request.project()).await;
    Ok((scored(answer.customers), Json(answer)))
}

/// Reads out the directory's experiment for a selection of customers.
///
/// Rates, effect, every engine's verdict, the decision, the effect by segment, and what each arm is offered. `status` narrows
/// nothing here: an experiment counts outcomes.
#[utoipa::path(get, path = "/v1/analytics/experiment", tag = "analytics", params(Filters),
    responses((status = 200, description = "The readout.", body = EmbeddedReadout)))]
async fn read_experiment(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    worker: Worker,
) -> Result<(Extension<Usage>, Json<EmbeddedReadout>), Problem> {
    preferred(&headers, &["application/json"])?;
    let selection = selection(query)?;
    let answer = worker.work(move || EmbeddedReadout::of(&selection)).await;
    let readout = &answer.readout.readout;
    let users = readout.control.users + readout.treatment.users;
    Ok((scored(users as usize), Json(answer)))
}

/// Reads out the caller's own experiment from its counts.
///
/// The same readout, without what needs single customers.
#[utoipa::path(post, path = "/v1/analytics/experiment", tag = "analytics", request_body = ExperimentRequest,
    responses((status = 200, description = "The readout.", body = Readout)))]
async fn read_posted_experiment(
    headers: HeaderMap,
    Json(request): Json<ExperimentRequest>,
) -> Result<Json<Readout>, Problem> {
    preferred(&headers, &["application/json"])?;
    let experiment = request.validate().map_err(invalid)?;
    Ok(Json(experiment.readout()))
}

/// Plans an experiment.
///
/// The users per arm, and the days, that it takes to detect an effect.
#[utoipa::path(post, path = "/v1/analytics/experiment/plan", tag = "analytics", request_body = PlanRequest,
    responses((status = 200, description = "The size and duration of the experiment.", body = Plan)))]
async fn plan_experiment(
    headers: HeaderMap,
    Json(request): Json<PlanRequest>,
) -> Result<Json<Plan>, Problem> {
    preferred(&headers, &["application/json"])?;
    let experiment = request.validate().map_err(invalid)?;
    Ok(Json(experiment.plan()))
}
