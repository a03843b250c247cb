//! `/v1/explain`: why does the model expect that?

#![forbid(unsafe_code)]

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use engagetrack::explanation::{self, Explanation, GlobalExplanation, Interactions};
use engagetrack::prediction::Status;
use engagetrack::quality::Quality;
use engagetrack::query::{Confirmation, Query};
use engagetrack::selection::Selection;
use engagetrack::vocabulary::FilterParameters as Filters;
use engagetrack::{Live, View, units, vocabulary, what_if};
use reader::{Confirmed, must_look, without_literals_of_python};
use schema::intake;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use web::body::{self, Json, Unparsed};
use web::budget::Worker;
use web::negotiation::JsonOnly;
use web::reading::{self, ReadAs};
use web::{Accept, Parameters, Problem, Segment, Usage};

/// Most points per feature: the answer must fit into the 6 MB that Lambda allows.
const MOST_POINTS: usize = 2_000;
const USUAL_POINTS: usize = 300;

web::operations!("explain", Live: explain_population, explain_posted, explain_model, explain_change, explain_customer);

/// An explanation of one customer's prediction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerExplanation<'w> {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is the member of
    /// that name, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub explanation: Explanation<'w>,
    /// The pairwise interactions, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactions: Option<Interactions<'w>>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub read_as: ReadAs,
}

impl<'w> CustomerExplanation<'w> {
    fn usage(&self, view: &View<'_>) -> Usage {
        let level = view.level_name(self.explanation.probability);
        Usage::of_customer(self.customer_id.as_deref()).scored(level, view.model_version())
    }

    fn new(
        view: &View<'w>,
        customer_id: Option<String>,
        left: Option<bool>,
        codes: &[f64],
        detail: Detail,
    ) -> Self {
        Self {
            customer_id,
            status: Status::of_outcome(left),
            explanation: explanation::explain(view, codes),
            interactions: detail
                .interactions
                .then(|| explanation::interactions(view, codes)),
            read_as: ReadAs::default(),
        }
    }
}

/// How much of an explanation is wanted, as parameters of a query.
#[derive(Clone, Copy, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Detail {
    /// Adds the matrix of pairwise interactions.
    #[param(required = false)]
    interactions: bool,
}

impl Detail {
    fn from_query(query: &mut Query) -> Self {
        Self {
            interactions: query.flag("interactions"),
        }
    }
}

/// How much of the picture of many customers is wanted, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct Cloud {
    /// Most points per feature; 300 when absent.
    #[param(required = false, minimum = 0, maximum = 2000)]
    max_points: usize,
}

/// Explains the prediction for one customer of the directory.
///
/// One contribution per model feature, in log-odds, largest magnitude first. They add up with the base value to the log-odds of
/// the probability.
#[utoipa::path(get, path = "/v1/explain/{customer_id}", tag = "explain",
    params(("customer_id" = String, Path, description = "The customer's id."), Detail),
    responses((status = 200, description = "The explanation.", body = CustomerExplanation)))]
async fn explain_customer(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Segment(id): Segment,
    Parameters(query): Parameters<Query>,
) -> Result<Response, Problem> {
    let view = live.view();
    let detail = query.read(Detail::from_query).map_err(Problem::invalid)?;
    let customer = view
        .customers
        .find(&id)
        .ok_or_else(|| Problem::unknown_customer(&id))?;
    let left = view.customers.outcome(customer).left();
    let explanation =
        CustomerExplanation::new(view, Some(id), left, view.profile(customer).codes(), detail);
    Ok((explanation.usage(view).noted(), Json(explanation)).into_response())
}

/// Explains the prediction for a posted profile.
///
/// The same as for a customer of the directory.
#[utoipa::path(post, path = "/v1/explain", tag = "explain", params(Detail, Confirmation), request_body = vocabulary::Profile,
    responses((status = 200, description = "The explanation.", body = CustomerExplanation)))]
async fn explain_posted(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    body: Unparsed,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| (Detail::from_query(query), query.confirmed()));
    let (detail, confirmed) = wanted.map_err(Problem::invalid)?;
    let read = {
        let live = live.clone();
        body.0
            .work(move |bytes| reading::profile(&live.view().schema, bytes, &confirmed))
            .await
    };
    let view = live.view();
    let (submission, mut read_as) = read?;
    let codes = submission.profile.codes();
    let row = view.model.row(codes);
    read_as.warnings.extend(units::warnings(view, &row));
    let mut explanation =
        CustomerExplanation::new(view, submission.customer_id, submission.left, codes, detail);
    explanation.read_as = read_as.clone();
    let probability = explanation.explanation.probability;
    let usage = posted(view, explanation.usage(view), &row, probability);
    Ok((usage.noted(), read_as, Json(explanation)).into_response())
}

/// Counts the row of a posted profile, and tells of recent ones in the usage when they are enough.
fn posted(view: &View<'_>, usage: Usage, row: &[f32], probability: f64) -> Usage {
    match view.posted.observe(view, row, [probability]) {
        Some(recent) => usage.posted(
            recent.bins.by_name(view),
            recent.drift.psi(),
            recent.performance.figures(),
        ),
        None => usage,
    }
}

/// A posted profile after a change, and how it was read.
#[derive(Serialize, ToSchema)]
#[schema(as = PostedProfileWhatIf)]
struct PostedWhatIf<'w> {
    #[serde(flatten)]
    what_if: what_if::WhatIf<'w>,
    #[serde(flatten)]
    read_as: ReadAs,
}

/// Projects a change of one profile.
///
/// The profile after the change, re-priced by the price list, with its prediction, explanation, nudges and recourse. The profile is
/// read as every posted one; the change takes the schema's own names and values.
#[utoipa::path(post, path = "/v1/explain/what-if", operation_id = "project_profile_change", tag = "explain", params(Confirmation),
    request_body = what_if::RequestDocument,
    responses((status = 200, description = "The profile after the change.", body = PostedWhatIf)))]
async fn explain_change(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    body: Unparsed,
) -> Result<Response, Problem> {
    let confirmed = query.read(Query::confirmed).map_err(Problem::invalid)?;
    let read = {
        let live = live.clone();
        body.0
            .work(move |bytes| what_if_request(live.view(), bytes, &confirmed))
            .await
    };
    let view = live.view();
    let (request, mut read_as) = read?;
    let row = request.row(view);
    read_as.warnings.extend(units::warnings(view, &row));
    // Of the profile as it was posted, as the row is.
    let probability = request.probability(view);
    let what_if = request.answer(view).map_err(Problem::invalid)?;
    let level = view.level_name(what_if.prediction.probability);
    let usage = Usage::of_customer(what_if.customer_id.as_deref());
    let usage = usage.scored(level, view.model_version());
    let noted = posted(view, usage, &row, probability).noted();
    let answer = PostedWhatIf {
        what_if,
        read_as: read_as.clone(),
    };
    Ok((noted, read_as, Json(answer)).into_response())
}

/// Reads a profile and a change of it: by exact names and values where that is enough.
fn what_if_request(
    view: &View<'_>,
    bytes: &[u8],
    confirmed: &Confirmed,
) -> Result<(what_if::Request, ReadAs), Problem> {
    let (bytes, literals) = without_literals_of_python(bytes);
    let json: intake::Json = body::parse(&bytes)?;
    let exact = what_if::Request::from_json(view, &json);
    let is_enough = confirmed.is_empty() && literals.is_none() && !must_look(&view.schema);
    if exact.is_ok() && is_enough {
        return exact
            .map(|request| (request, ReadAs::default()))
            .map_err(Problem::invalid);
    }
    let mut read_as = ReadAs::default();
    let read =
        what_if::Request::with_profile(view, &json, |profile| {
            match reading::profile_member(&view.schema, &bytes, confirmed) {
                Ok((submission, how)) => {
                    read_as = how;
                    Ok(submission)
                }
                Err(None) => view.schema.submission(profile),
                Err(Some(errors)) => Err(errors),
            }
        });
    read_as.read_as.extend(literals);
    read.map(|request| (request, read_as))
        .map_err(Problem::invalid)
}

/// Explains what drives the predictions for a selection of customers.
///
/// The mean absolute contribution of each feature and of each pair of features, and a sample of points per feature. Customers
/// of every status are selected unless `status` is given.
#[utoipa::path(get, path = "/v1/explain", tag = "explain", params(Filters, Cloud),
    responses((status = 200, description = "The explanation of the selection.", body = GlobalExplanation)))]
async fn explain_population(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| {
        let selection = Selection::of_everybody(live.view(), query);
        let max_points = query.number("max_points", 0..=MOST_POINTS);
        (selection, max_points.unwrap_or(USUAL_POINTS))
    });
    let (selection, max_points) = wanted.map_err(Problem::invalid)?;
    let work = move || {
        let view = live.view();
        let customers = selection.positions(view);
        let usage = Usage::of_many(customers.len()).scored_by(view.model_version());
        let explanation = explanation::explain_all(view, &customers, max_points);
        (usage.noted(), Json(explanation)).into_response()
    };
    Ok(worker.work(work).await)
}

/// Returns the model card and the model's evaluation.
///
/// All measures are out of fold: each customer is scored by models that were not trained on it.
#[utoipa::path(get, path = "/v1/explain/model", tag = "explain", responses((status = 200, description = "The card and the evaluation.", body = Quality)))]
async fn explain_model(_: Accept<JsonOnly>, State(live): State<Live>) -> Result<Response, Problem> {
    let quality = live.view().quality().to_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], quality).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use engagetrack::drift::FEWEST_PROFILES;
    use engagetrack::embedded;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_posted_profile_is_counted_and_a_customer_is_not() {
        let live = embedded::live(embedded::explanations(embedded::core()));
        let view = live.view();
        let profile = view.profile(0);
        let posted = Request::post("/v1/explain")
            .header("content-type", "application/json")
            .body(Body::from(
                serde_json::to_vec(&view.schema.json(&profile)).unwrap(),
            ));
        let asked =
            Request::get(format!("/v1/explain/{}", view.customers.id(0))).body(Body::empty());

        // One profile short of what may be described.
        let row = view.model.row(profile.codes());
        let rows = row.repeat(FEWEST_PROFILES as usize - 1);
        assert_eq!(view.posted.observe(view, &rows, []), None);

        let router = || Router::from(router().with_state(live.clone()));
        let answer = router().oneshot(asked.unwrap()).await.unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        assert!(usage.posted_profiles().is_none());

        let answer = router().oneshot(posted.unwrap()).await.unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        let bins = &usage.posted_profiles().unwrap().bins;
        assert_eq!(bins["partner"].iter().sum::<u64>(), FEWEST_PROFILES);
    }
}
