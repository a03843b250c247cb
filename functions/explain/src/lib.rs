//! `/v1/explain`: why does the model expect that?

#![forbid(unsafe_code)]

use axum::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use engagetrack::customer::{Profile, Status};
use engagetrack::drift::Window;
use engagetrack::explanation::{self, Explanation, GlobalExplanation, Interactions};
use engagetrack::intake;
use engagetrack::model::RiskLevel;
use engagetrack::population::{self, Customer};
use engagetrack::profile_json::ProfileJson;
use engagetrack::quality::{self, Quality};
use engagetrack::query::Query;
use engagetrack::selection::{Filters, Selection};
use engagetrack::{card, encoding};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::body::Json;
use web::budget::Worker;
use web::negotiation::JsonOnly;
use web::{Accept, Parameters, Problem, Segment, Usage};

/// Most points per feature: the answer must fit into the 6 MB that Lambda allows.
const MOST_POINTS: usize = 2_000;
const USUAL_POINTS: usize = 300;

/// The profiles that came by request.
static POSTED: Window = Window::new();

/// The operations of this function, with their descriptions.
pub fn router() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(explain_population, explain_posted))
        .routes(routes!(explain_model))
        .routes(routes!(explain_customer))
}

/// An explanation of one customer's prediction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerExplanation {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is its
    /// `Churn`, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub explanation: Explanation,
    /// The pairwise interactions, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactions: Option<Interactions>,
}

impl CustomerExplanation {
    fn usage(&self) -> Usage {
        let usage = Usage::of_customer(self.customer_id.as_deref());
        usage.scored(
            self.explanation.probability,
            RiskLevel::of(self.explanation.probability).name(),
            card::VERSION,
        )
    }

    fn new(customer_id: Option<String>, status: Status, profile: &Profile, detail: Detail) -> Self {
        Self {
            customer_id,
            status,
            explanation: explanation::explain(profile),
            interactions: detail
                .interactions
                .then(|| explanation::interactions(profile)),
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
    params(("customer_id" = String, Path, description = "The customer's id.", example = "1866-PVWWG"), Detail),
    responses((status = 200, description = "The explanation.", body = CustomerExplanation)))]
async fn explain_customer(
    _: Accept<JsonOnly>,
    Segment(id): Segment,
    Parameters(query): Parameters<Query>,
) -> Result<(Extension<Usage>, Json<CustomerExplanation>), Problem> {
    let detail = query.read(Detail::from_query).map_err(Problem::invalid)?;
    let customer = population::find(&id).ok_or_else(|| Problem::unknown_customer(&id))?;
    let explanation =
        CustomerExplanation::new(Some(id), customer.status(), &customer.profile(), detail);
    Ok((explanation.usage().noted(), Json(explanation)))
}

/// Explains the prediction for a posted profile.
///
/// The same as for a customer of the directory.
#[utoipa::path(post, path = "/v1/explain", tag = "explain", params(Detail), request_body = ProfileJson,
    responses((status = 200, description = "The explanation.", body = CustomerExplanation)))]
async fn explain_posted(
    _: Accept<JsonOnly>,
    Parameters(query): Parameters<Query>,
    body: Json<intake::Json>,
) -> Result<(Extension<Usage>, Json<CustomerExplanation>), Problem> {
    let detail = query.read(Detail::from_query).map_err(Problem::invalid)?;
    let submission = intake::from_json(&body.0).map_err(Problem::invalid)?;
    let recent = POSTED.observe([&encoding::encode(&submission.profile)]);
    let explanation = CustomerExplanation::new(
        submission.customer_id,
        submission.status,
        &submission.profile,
        detail,
    );
    let usage = explanation.usage();
    let usage = match recent {
        Some((bins, drift)) => usage.posted(bins.into(), drift.psi()),
        None => usage,
    };
    Ok((usage.noted(), Json(explanation)))
}

/// Explains what drives the predictions for a selection of customers.
///
/// The mean absolute contribution of each feature and of each pair of features, and a sample of points per feature. Customers
/// of every status are selected unless `status` is given.
#[utoipa::path(get, path = "/v1/explain", tag = "explain", params(Filters, Cloud),
    responses((status = 200, description = "The explanation of the selection.", body = GlobalExplanation)))]
async fn explain_population(
    _: Accept<JsonOnly>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| {
        let selection = Selection::of_everybody(query);
        let max_points = query.number("max_points", 0..=MOST_POINTS);
        (selection, max_points.unwrap_or(USUAL_POINTS))
    });
    let (selection, max_points) = wanted.map_err(Problem::invalid)?;
    let work = move || {
        let customers: Vec<Customer> = population::all()
            .filter(|customer| selection.contains(*customer))
            .collect();
        let usage = Usage::of_many(customers.len()).scored_by(card::VERSION);
        let explanation = explanation::explain_all(&customers, max_points);
        (usage.noted(), Json(explanation)).into_response()
    };
    Ok(worker.work(work).await)
}

/// Returns the model card and the model's evaluation.
///
/// All measures are out of fold: each customer is scored by models that were not trained on it.
#[utoipa::path(get, path = "/v1/explain/model", tag = "explain", responses((status = 200, description = "The card and the evaluation.", body = Quality)))]
async fn explain_model(_: Accept<JsonOnly>) -> Result<Response, Problem> {
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        quality::DOCUMENT,
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use engagetrack::drift::FEWEST_PROFILES;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_posted_profile_is_counted_and_a_customer_is_not() {
        let customer = population::all().next().unwrap();
        let profile = ProfileJson::from(&customer.profile());
        let posted = Request::post("/v1/explain")
            .header("content-type", "application/json")
            .body(Body::from(serde_json::to_vec(&profile).unwrap()));
        let asked = Request::get(format!("/v1/explain/{}", customer.id())).body(Body::empty());

        // One profile short of what may be described.
        let row = encoding::encode(&customer.profile());
        assert_eq!(POSTED.observe(&[row; FEWEST_PROFILES as usize - 1]), None);

        let answer = Router::from(router())
            .oneshot(asked.unwrap())
            .await
            .unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        assert!(usage.posted_profiles().is_none());

        let answer = Router::from(router())
            .oneshot(posted.unwrap())
            .await
            .unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        let bins = &usage.posted_profiles().unwrap().bins;
        assert_eq!(bins["partner"].iter().sum::<u64>(), FEWEST_PROFILES);
    }
}
