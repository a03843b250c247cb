//! `/v1/analytics`: what do the customers look like, what would a change of plan do, and did the experiment work?

#![forbid(unsafe_code)]

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engagetrack::analytics::{
    self, Analytics, Changes, EmbeddedReadout, Policy, PolicyParameters, PolicyRequest,
    RequestDocument, WhatIf, WhatIfRequest,
};
use engagetrack::campaign::{
    CampaignParameters, CampaignReadout, Outcomes, OutcomesRequest, ReadoutHoldout,
};
use engagetrack::query::{Confirmation, Query};
use engagetrack::selection::Selection;
use engagetrack::vocabulary::FilterParameters as Filters;
use engagetrack::{Live, View};
use experiment::{ExperimentRequest, Plan, PlanRequest, Readout, RequestFault};
use reader::Members;
use schema::intake;
use serde::Serialize;
use utoipa::ToSchema;
use web::body::{CsvBody, Json};
use web::budget::Worker;
use web::negotiation::JsonOnly;
use web::reading::ReadAs;
use web::{Accept, Parameters, Problem, Usage};

web::operations!("analytics", Live: read, read_changes, what_if, read_experiment, read_posted_experiment, plan_experiment, read_policy, read_campaign);

/// 422 with every fault of a request about an experiment.
fn invalid(faults: Vec<RequestFault>) -> Problem {
    let pairs = faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.detail));
    let listed: Vec<_> = pairs.collect();
    Problem::invalid((listed.len(), listed))
}

/// What a call leaves in the usage log that scored so many customers.
fn scored(view: &View<'_>, count: usize) -> Extension<Usage> {
    Usage::of_many(count)
        .scored_by(view.model_version())
        .noted()
}

/// Describes a selection of customers.
///
/// Churn, distributions, calibration, and what sets the selection apart from everybody else. `status` narrows counts, money
/// and expected churners (to active customers when absent), never rates, calibration and drivers.
#[utoipa::path(get, path = "/v1/analytics", operation_id = "read_analytics", tag = "analytics", params(Filters),
    responses((status = 200, description = "The selection in numbers.", body = Analytics)))]
async fn read(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let selection = query
        .read(|query| Selection::from_query(live.view(), query))
        .map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let analytics = analytics::read(view, &selection);
        (
            scored(view, analytics.group.known_outcomes),
            Json(analytics),
        )
            .into_response()
    };
    Ok(worker.work(work).await)
}

/// Says what changed since the previous workspace, for a selection of customers.
///
/// How many are new, are gone, or crossed a risk level, the risk levels before and after, and whose probability changed most. Both
/// levels of a customer are those of today's schema. 404 where the workspace was compiled without `--previous`.
#[utoipa::path(get, path = "/v1/analytics/changes", tag = "analytics", params(Filters),
    responses((status = 200, description = "What changed.", body = Changes)))]
async fn read_changes(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let selection = query
        .read(|query| Selection::from_query(live.view(), query))
        .map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let answer = analytics::changes(view, &selection).ok_or_else(|| {
            Problem::switched_off("previous workspace: this one was compiled without --previous")
        })?;
        Ok((scored(view, answer.count), Json(answer)).into_response())
    };
    worker.work(work).await
}

/// Projects one change of plan for a selection of customers.
///
/// What the model expects before and after the change, at list prices, of the whole selection and of those whom the change
/// fits. A projection is not a measured effect.
#[utoipa::path(post, path = "/v1/analytics/what-if", operation_id = "project_change", tag = "analytics", request_body = RequestDocument,
    responses((status = 200, description = "The selection before and after the change.", body = WhatIf)))]
async fn what_if(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    worker: Worker,
    Json(body): Json<intake::Json>,
) -> Result<Response, Problem> {
    let request = WhatIfRequest::from_json(live.view(), &body).map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let answer = request.project(view);
        (scored(view, answer.customers), Json(answer)).into_response()
    };
    Ok(worker.work(work).await)
}

/// Reads out the directory's experiment for a selection of customers.
///
/// Rates, effect, every engine's verdict, the decision, the effect by segment, and what each arm is offered. `status` narrows
/// nothing here: an experiment counts outcomes.
#[utoipa::path(get, path = "/v1/analytics/experiment", tag = "analytics", params(Filters),
    responses((status = 200, description = "The readout.", body = EmbeddedReadout)))]
async fn read_experiment(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let selection = query
        .read(|query| Selection::from_query(live.view(), query))
        .map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let answer = EmbeddedReadout::of(view, 0, &selection)
            .ok_or_else(|| Problem::switched_off("experiment"))?;
        let readout = &answer.readout.readout;
        let users = readout.control.users + readout.treatment.users;
        Ok((scored(view, users as usize), Json(answer)).into_response())
    };
    worker.work(work).await
}

/// Reads out the caller's own experiment from its counts.
///
/// The same readout, without what needs single customers.
#[utoipa::path(post, path = "/v1/analytics/experiment", tag = "analytics", request_body = ExperimentRequest,
    responses((status = 200, description = "The readout.", body = Readout)))]
async fn read_posted_experiment(
    _: Accept<JsonOnly>,
    Json(request): Json<ExperimentRequest>,
) -> Result<Json<Readout>, Problem> {
    let experiment = request.validate().map_err(invalid)?;
    Ok(Json(experiment.readout()))
}

/// Plans an experiment.
///
/// The users per arm, and the days, that it takes to detect an effect.
#[utoipa::path(post, path = "/v1/analytics/experiment/plan", tag = "analytics", request_body = PlanRequest,
    responses((status = 200, description = "The size and duration of the experiment.", body = Plan)))]
async fn plan_experiment(
    _: Accept<JsonOnly>,
    Json(request): Json<PlanRequest>,
) -> Result<Json<Plan>, Problem> {
    let experiment = request.validate().map_err(invalid)?;
    Ok(Json(experiment.plan()))
}

/// The readout of a campaign, and how its file was read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CampaignAnswer<'w> {
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub readout: CampaignReadout<'w>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub read_as: ReadAs,
}

/// Reads out a campaign from what became of its customers.
///
/// The body has a column with the customers' ids and one, `left`, that says who left; `contacted` may say who was reached. The URL
/// repeats the campaign's own parameters, from which the arms follow. With filters, `contacts` or `budget` only the customers on the
/// campaign's list count, else all in the file. Best is the file of `GET /v1/nudges` with the column `left` added: of it the columns
/// `nudge`, `probability` and `cost` are read, too, as they were when the customers were chosen. 404 where a list is to count and the
/// business has no recurring amount.
#[utoipa::path(post, path = "/v1/analytics/campaign", operation_id = "read_campaign", tag = "analytics",
    params(Filters, CampaignParameters, ReadoutHoldout, Confirmation), request_body(content((String = "text/csv"))),
    responses((status = 200, description = "The readout.", body = CampaignAnswer)))]
async fn read_campaign(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
    CsvBody(body): CsvBody,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| {
        (
            OutcomesRequest::from_query(live.view(), query),
            query.confirmed(),
        )
    });
    let (request, confirmed) = wanted.map_err(Problem::invalid)?;
    let read = {
        let live = live.clone();
        body.work(move |bytes| Members::outcomes(&live.view().schema, bytes, &confirmed))
            .await
    };
    let mut read = read?;
    let read_as = ReadAs {
        read_as: std::mem::take(&mut read.evidence),
        warnings: Vec::new(),
    };
    let work = move || {
        let view = live.view();
        let outcomes = Outcomes::from(read);
        request
            .check_arms(view, &outcomes)
            .map_err(Problem::invalid)?;
        let readout = request
            .readout(view, outcomes)
            .ok_or_else(|| Problem::switched_off("recurring amount"))?;
        let arms = &readout.readout;
        let usage = scored(view, (arms.control.users + arms.treatment.users) as usize);
        let answer = CampaignAnswer {
            readout,
            read_as: read_as.clone(),
        };
        Ok((usage, read_as, Json(answer)).into_response())
    };
    worker.work(work).await
}

/// Says whom to treat, by an experiment.
///
/// What treating everybody, nobody, or the first of a ranking is worth, by the share treated, with its uncertainty; whether there is
/// anything to target; and what to do, which may be that the data can't tell. `status` narrows nothing here: an experiment counts outcomes.
#[utoipa::path(get, path = "/v1/analytics/policy", tag = "analytics", params(Filters, PolicyParameters),
    responses((status = 200, description = "Whom to treat.", body = Policy)))]
async fn read_policy(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let request = query
        .read(|query| PolicyRequest::from_query(live.view(), query))
        .map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let answer = request
            .read(view)
            .ok_or_else(|| Problem::switched_off("experiment"))?;
        Ok((scored(view, answer.customers), Json(answer)).into_response())
    };
    worker.work(work).await
}
