//! `/v1/nudges`: what to do about it?

#![forbid(unsafe_code)]

use axum::Extension;
use engagetrack::customer::{Profile, Status};
use engagetrack::drift::Window;
use engagetrack::model::RiskLevel;
use engagetrack::nudges::{Advice, Options, Request};
use engagetrack::profile_json::ProfileJson;
use engagetrack::query::Query;
use engagetrack::{card, encoding, intake, population};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::body::Json;
use web::negotiation::JsonOnly;
use web::{Accept, Parameters, Problem, Segment, Usage};

/// The profiles that came by request.
static POSTED: Window = Window::new();

/// The operations of this function, with their descriptions.
pub fn router() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(advise_posted))
        .routes(routes!(advise_customer))
}

/// What to do about one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerAdvice {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is its
    /// `Churn`, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub advice: Advice,
}

impl CustomerAdvice {
    fn new(
        customer_id: Option<String>,
        status: Status,
        profile: &Profile,
        request: &Request,
    ) -> Self {
        Self {
            customer_id,
            status,
            advice: request.advice(profile),
        }
    }

    fn usage(&self) -> Usage {
        let usage = Usage::of_customer(self.customer_id.as_deref());
        usage.scored(
            self.advice.probability,
            RiskLevel::of(self.advice.probability).name(),
            card::VERSION,
        )
    }
}

/// Suggests what to do about one customer of the directory.
///
/// Ranked nudges from the catalogue with their reasons and effects, and the smallest change of plan that brings the risk below the
/// target.
#[utoipa::path(get, path = "/v1/nudges/{customer_id}", tag = "nudges",
    params(("customer_id" = String, Path, description = "The customer's id.", example = "1866-PVWWG"), Options),
    responses((status = 200, description = "The nudges and the recourse.", body = CustomerAdvice)))]
async fn advise_customer(
    _: Accept<JsonOnly>,
    Segment(id): Segment,
    Parameters(query): Parameters<Query>,
) -> Result<(Extension<Usage>, Json<CustomerAdvice>), Problem> {
    let request = query.read(Request::from_query).map_err(Problem::invalid)?;
    let customer = population::find(&id).ok_or_else(|| Problem::unknown_customer(&id))?;
    let advice = CustomerAdvice::new(Some(id), customer.status(), &customer.profile(), &request);
    Ok((advice.usage().noted(), Json(advice)))
}

/// Suggests what to do about a customer with the posted profile.
///
/// The same as for a customer of the directory.
#[utoipa::path(post, path = "/v1/nudges", tag = "nudges", params(Options), request_body = ProfileJson,
    responses((status = 200, description = "The nudges and the recourse.", body = CustomerAdvice)))]
async fn advise_posted(
    _: Accept<JsonOnly>,
    Parameters(query): Parameters<Query>,
    body: Json<intake::Json>,
) -> Result<(Extension<Usage>, Json<CustomerAdvice>), Problem> {
    let request = query.read(Request::from_query).map_err(Problem::invalid)?;
    let submission = intake::from_json(&body.0).map_err(Problem::invalid)?;
    let recent = POSTED.observe([&encoding::encode(&submission.profile)]);
    let advice = CustomerAdvice::new(
        submission.customer_id,
        submission.status,
        &submission.profile,
        &request,
    );
    let usage = advice.usage();
    let usage = match recent {
        Some((bins, drift)) => usage.posted(bins.into(), drift.psi()),
        None => usage,
    };
    Ok((usage.noted(), Json(advice)))
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
        let posted = Request::post("/v1/nudges")
            .header("content-type", "application/json")
            .body(Body::from(serde_json::to_vec(&profile).unwrap()));
        let asked = Request::get(format!("/v1/nudges/{}", customer.id())).body(Body::empty());

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
