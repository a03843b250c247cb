//! The description of the whole API, OpenAPI 3.1.

use utoipa::OpenApi;

/// The description as it is served: the committed file, which a test holds against the code.
pub const DOCUMENT: &str = include_str!("../openapi.json");

#[derive(OpenApi)]
#[openapi(
    info(title = "EngageTrack AI", description = "Churn of a subscription business: who will leave, why, what to do, and did it work. \
        The customers are simulated; the model is trained on IBM's Telco Customer Churn data."),
    tags((name = "predict", description = "Will this customer leave?"),
        (name = "explain", description = "Why does the model expect that?"),
        (name = "analytics", description = "What do the customers look like, and did the experiment work?"),
        (name = "nudges", description = "What to do about it?"),
        (name = "summary", description = "The directory, and all that is known of one customer."))
)]
struct Whole;

/// The description derived from the code.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Whole::openapi();
    api.merge(predict::Api::openapi());
    api.merge(explain::Api::openapi());
    api.merge(analytics::Api::openapi());
    api.merge(nudges::Api::openapi());
    api.merge(summary::Api::openapi());
    api.openapi = utoipa::openapi::OpenApiVersion::Version31;
    api
}
