//! `/v1/nudges`: what to do about it?

#![forbid(unsafe_code)]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engagetrack::nudges::{Advice, Options, Request};
use engagetrack::prediction::Status;
use engagetrack::query::{Confirmation, Query};
use engagetrack::{Live, View, units, vocabulary};
use schema::Profile;
use serde::Serialize;
use utoipa::ToSchema;
use web::body::{Json, Unparsed};
use web::negotiation::JsonOnly;
use web::reading::{self, ReadAs};
use web::{Accept, Parameters, Problem, Segment, Usage};

web::operations!("nudges", Live: advise_posted, advise_customer);

/// What to do about one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerAdvice<'w> {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is the member of
    /// that name, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub advice: Advice<'w>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub read_as: ReadAs,
}

impl<'w> CustomerAdvice<'w> {
    fn new(
        view: &'w View<'w>,
        customer_id: Option<String>,
        left: Option<bool>,
        profile: &Profile,
        request: &Request,
    ) -> Self {
        Self {
            customer_id,
            status: Status::of_outcome(left),
            advice: request.advice(view, profile),
            read_as: ReadAs::default(),
        }
    }

    fn usage(&self, view: &View<'_>) -> Usage {
        let level = view.level_name(self.advice.probability);
        Usage::of_customer(self.customer_id.as_deref()).scored(level, view.model_version())
    }
}

/// Suggests what to do about one customer of the directory.
///
/// Ranked nudges from the catalogue with their reasons and effects, and the smallest change of plan that brings the risk below the
/// target.
#[utoipa::path(get, path = "/v1/nudges/{customer_id}", tag = "nudges",
    params(("customer_id" = String, Path, description = "The customer's id."), Options),
    responses((status = 200, description = "The nudges and the recourse.", body = CustomerAdvice)))]
async fn advise_customer(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Segment(id): Segment,
    Parameters(query): Parameters<Query>,
) -> Result<Response, Problem> {
    let view = live.view();
    let request = query
        .read(|query| Request::from_query(view, query))
        .map_err(Problem::invalid)?;
    let customer = view
        .customers
        .find(&id)
        .ok_or_else(|| Problem::unknown_customer(&id))?;
    let left = view.customers.outcome(customer).left();
    let advice = CustomerAdvice::new(view, Some(id), left, &view.profile(customer), &request);
    Ok((advice.usage(view).noted(), Json(advice)).into_response())
}

/// Suggests what to do about a customer with the posted profile.
///
/// The same as for a customer of the directory.
#[utoipa::path(post, path = "/v1/nudges", tag = "nudges", params(Options, Confirmation), request_body = vocabulary::Profile,
    responses((status = 200, description = "The nudges and the recourse.", body = CustomerAdvice)))]
async fn advise_posted(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    body: Unparsed,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| (Request::from_query(live.view(), query), query.confirmed()));
    let (request, confirmed) = wanted.map_err(Problem::invalid)?;
    let read = {
        let live = live.clone();
        body.0
            .work(move |bytes| reading::profile(&live.view().schema, bytes, &confirmed))
            .await
    };
    let view = live.view();
    let (submission, mut read_as) = read?;
    let row = view.model.row(submission.profile.codes());
    read_as.warnings.extend(units::warnings(view, &row));
    let recent = view.posted.observe(view, [&*row]);
    let mut advice = CustomerAdvice::new(
        view,
        submission.customer_id,
        submission.left,
        &submission.profile,
        &request,
    );
    advice.read_as = read_as.clone();
    let usage = advice.usage(view);
    let usage = match recent {
        Some((bins, drift)) => usage.posted(bins.by_name(view), drift.psi()),
        None => usage,
    };
    Ok((usage.noted(), read_as, Json(advice)).into_response())
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
        let live = embedded::live(embedded::core());
        let view = live.view();
        let profile = view.profile(0);
        let posted = Request::post("/v1/nudges")
            .header("content-type", "application/json")
            .body(Body::from(
                serde_json::to_vec(&view.schema.json(&profile)).unwrap(),
            ));
        let asked =
            Request::get(format!("/v1/nudges/{}", view.customers.id(0))).body(Body::empty());

        // One profile short of what may be described.
        let row = view.model.row(profile.codes());
        let rows = vec![&*row; FEWEST_PROFILES as usize - 1];
        assert_eq!(view.posted.observe(view, rows), None);

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
