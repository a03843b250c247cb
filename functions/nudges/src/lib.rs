//! `/v1/nudges`: what to do about it?

#![forbid(unsafe_code)]

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use engagetrack::customer::{Profile, Status};
use engagetrack::drift::Window;
use engagetrack::model::RiskLevel;
use engagetrack::nudges::{Advice, Options, Request};
use engagetrack::profile_json::ProfileJson;
use engagetrack::query::Query;
use engagetrack::{card, encoding, intake, population};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use web::body::Json;
use web::negotiation::preferred;
use web::{Problem, Segment, Usage};

/// The profiles that came by request.
static POSTED: Window = Window::new();

/// The paths of this function and what answers there.
pub fn routes() -> [(&'static str, MethodRouter); 2] {
    [
        ("/v1/nudges", post(advise_posted)),
        ("/v1/nudges/{customer_id}", get(advise_customer)),
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
#[openapi(paths(advise_customer, advise_posted))]
pub struct Api;

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
        let usage = Usage::of_customer("nudges", self.customer_id.as_deref());
        usage.scored(
            self.advice.probability,
            RiskLevel::of(self.advice.probability).name(),
            card::VERSION,
        )
    }
}

fn request(query: Option<String>) -> Result<Request, Problem> {
    let mut query = Query::parse(&query.unwrap_or_default()).map_err(Problem::malformed)?;
    let request = Request::from_query(&mut query);
    query.finish().map_err(Problem::invalid)?;
    Ok(request)
}

/// Suggests what to do about one customer of the directory.
///
/// Ranked nudges from the catalogue with their reasons and effects, and the smallest change of plan that brings the risk below the
/// target.
#[utoipa::path(get, path = "/v1/nudges/{customer_id}", tag = "nudges",
    params(("customer_id" = String, Path, description = "The customer's id.", example = "1866-PVWWG"), Options),
    responses((status = 200, description = "The nudges and the recourse.", body = CustomerAdvice)))]
async fn advise_customer(
    headers: HeaderMap,
    Segment(id): Segment,
    RawQuery(query): RawQuery,
) -> Result<(Extension<Usage>, Json<CustomerAdvice>), Problem> {
    preferred(&headers, &["application/json"])?;
    let request = request(query)?;
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
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Json<intake::Json>,
) -> Result<(Extension<Usage>, Json<CustomerAdvice>), Problem> {
    preferred(&headers, &["application/json"])?;
    let request = request(query)?;
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

        let answer = router().oneshot(asked.unwrap()).await.unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        assert!(usage.posted_profiles().is_none());

        let answer = router().oneshot(posted.unwrap()).await.unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        let bins = &usage.posted_profiles().unwrap().bins;
        assert_eq!(bins["partner"].iter().sum::<u64>(), FEWEST_PROFILES);
    }
}
