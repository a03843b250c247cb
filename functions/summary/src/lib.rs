//! `/v1/summary`: the directory of all customers, and all that is known of one.

#![forbid(unsafe_code)]

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use engagetrack::card;
use engagetrack::customer::CustomerId;
use engagetrack::directory::{self, Page, Paging};
use engagetrack::lifecycle::{self, Persona, PersonaCard, Stage};
use engagetrack::model::{self, Prediction};
use engagetrack::population::{self, Customer};
use engagetrack::profile_json::ProfileJson;
use engagetrack::query::Query;
use engagetrack::selection::Filters;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use web::negotiation::preferred;
use web::{Problem, Segment, Usage};

/// The paths of this function and what answers there.
pub fn routes() -> [(&'static str, MethodRouter); 2] {
    [
        ("/v1/summary", get(list)),
        ("/v1/summary/{customer_id}", get(summarise)),
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
#[openapi(paths(list, summarise))]
pub struct Api;

/// All that is known of one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Summary {
    /// The id.
    #[schema(value_type = String)]
    pub customer_id: CustomerId,
    /// The profile.
    pub profile: ProfileJson,
    /// Whether the customer left, in the simulated history.
    pub churned: bool,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub prediction: Prediction,
    /// The persona.
    pub persona: PersonaCard,
    /// The lifecycle stage.
    pub stage: Stage,
    /// Whether the customer is at risk.
    pub at_risk: bool,
}

impl From<Customer> for Summary {
    fn from(customer: Customer) -> Self {
        let profile = customer.profile();
        let prediction = model::predict(&profile);
        Self {
            customer_id: customer.id(),
            profile: ProfileJson::from(&profile),
            churned: customer.churned(),
            persona: Persona::of(&profile).card(),
            stage: Stage::of(&profile),
            at_risk: lifecycle::at_risk(&profile, prediction.probability),
            prediction,
        }
    }
}

/// Lists the customers who pass the filters, searched, sorted and paged.
#[utoipa::path(get, path = "/v1/summary", tag = "summary",
    params(Filters, Paging),
    responses((status = 200, body = Page),
        (status = 422, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn list(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<(Extension<Usage>, axum::Json<Page>), Problem> {
    preferred(&headers, &["application/json"])?;
    let mut query = Query::parse(&query.unwrap_or_default()).map_err(Problem::malformed)?;
    let request = directory::Request::from_query(&mut query);
    query.finish().map_err(Problem::invalid)?;
    let page = request.page();
    Ok((
        Usage::of_many("list", page.items.len())
            .scored_by(card::VERSION)
            .noted(),
        axum::Json(page),
    ))
}

/// Tells all that is known of one customer.
#[utoipa::path(get, path = "/v1/summary/{customer_id}", tag = "summary",
    params(("customer_id" = String, Path, description = "The customer's id, such as 1234-ABCDE")),
    responses((status = 200, body = Summary),
        (status = 404, content_type = "application/problem+json", body = web::problem::ProblemDocument)))]
async fn summarise(
    headers: HeaderMap,
    Segment(id): Segment,
) -> Result<(Extension<Usage>, axum::Json<Summary>), Problem> {
    preferred(&headers, &["application/json"])?;
    let customer = population::find(&id).ok_or_else(|| Problem::unknown_customer(&id))?;
    let summary = Summary::from(customer);
    let usage = Usage::of_customer("summary", Some(&id))
        .scored(summary.prediction.probability, card::VERSION);
    Ok((usage.noted(), axum::Json(summary)))
}
