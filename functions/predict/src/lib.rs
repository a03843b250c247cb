//! `/v1/predict`: will this customer leave?

#![forbid(unsafe_code)]

mod csv_answer;
mod records;

use axum::Extension;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use engagetrack::customer::Status;
use engagetrack::drift::Window;
use engagetrack::encoding::{FEATURES, Row};
use engagetrack::intake::{self, Submission, Submissions};
use engagetrack::model::{self, Prediction};
use engagetrack::profile_json::ProfileJson;
use engagetrack::{card, encoding, population};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::body::{self, Payload};
use web::negotiation::{CsvOnly, JsonOnly};
use web::{Accept, Problem, Segment, Usage};

/// The profiles that came by request.
static POSTED: Window = Window::new();

/// The operations of this function, with their descriptions.
pub fn router() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(predict_posted))
        .routes(routes!(predict_customer))
}

/// A prediction for one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerPrediction {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is its
    /// `Churn`, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub prediction: Prediction,
}

/// One profile, or up to 1,000.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Posted {
    One(ProfileJson),
    Many(Vec<ProfileJson>),
}

/// One prediction, or as many as profiles were sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Answer {
    /// For one profile.
    One(CustomerPrediction),
    /// For an array of profiles, in the same order.
    Many(Vec<CustomerPrediction>),
}

/// Predicts churn for one customer of the directory.
///
/// The probability is calibrated. The percentile ranks it among all customers.
#[utoipa::path(get, path = "/v1/predict/{customer_id}", tag = "predict",
    params(("customer_id" = String, Path, description = "The customer's id.", example = "1866-PVWWG")),
    responses((status = 200, description = "The prediction.", body = CustomerPrediction)))]
async fn predict_customer(
    _: Accept<JsonOnly>,
    Segment(id): Segment,
) -> Result<(Extension<Usage>, body::Json<CustomerPrediction>), Problem> {
    let customer = population::find(&id).ok_or_else(|| Problem::unknown_customer(&id))?;
    let row = encoding::row(&customer.codes());
    let prediction = Prediction::of(model::row_probability(&row));
    let usage = scored(Some(&id), &prediction);
    let customer_id = Some(id);
    Ok((
        usage.noted(),
        body::Json(CustomerPrediction {
            customer_id,
            status: customer.status(),
            prediction,
        }),
    ))
}

/// Predicts churn for posted profiles.
///
/// One profile is a JSON object and up to 1,000 are an array, answered in the same order. A CSV file with Telco's header comes back
/// with `churn_probability` and `risk_level` appended.
#[utoipa::path(post, path = "/v1/predict", tag = "predict",
    request_body(content((Posted = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "A prediction for each profile.", content((Answer = "application/json"), (String = "text/csv")))))]
async fn predict_posted(headers: HeaderMap, payload: Payload) -> Result<Response, Problem> {
    match payload {
        Payload::Json(body) => {
            Accept::<JsonOnly>::of(&headers)?;
            body.work(answer_json).await
        }
        Payload::Csv(body) => {
            Accept::<CsvOnly>::of(&headers)?;
            body.work(answer_csv).await
        }
    }
}

fn answer_json(bytes: &[u8]) -> Result<Response, Problem> {
    let (answer, rows) = predict_json(bytes)?;
    let usage = posted(answer.usage(), &rows);
    Ok((usage.noted(), body::Json(answer)).into_response())
}

fn answer_csv(bytes: &[u8]) -> Result<Response, Problem> {
    let (answer, rows) = csv_answer::scored(bytes)?;
    let usage = Usage::of_many(rows.len() / FEATURES).scored_by(card::VERSION);
    Ok((
        posted(usage, &rows).noted(),
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8")],
        answer,
    )
        .into_response())
}

/// The usage of a call that predicts for one customer.
fn scored(customer_id: Option<&str>, prediction: &Prediction) -> Usage {
    Usage::of_customer(customer_id).scored(
        prediction.probability,
        prediction.risk_level.name(),
        prediction.model_version,
    )
}

/// Counts the encoded profiles, row after row, and adds the distribution of recent ones to the usage when they are enough.
fn posted(usage: Usage, rows: &[f32]) -> Usage {
    let rows: &[Row] = rows.as_chunks().0;
    match POSTED.observe(rows) {
        Some((bins, drift)) => usage.posted(bins.into(), drift.psi()),
        None => usage,
    }
}

impl Answer {
    fn usage(&self) -> Usage {
        match self {
            Self::One(CustomerPrediction {
                customer_id,
                prediction,
                ..
            }) => scored(customer_id.as_deref(), prediction),
            Self::Many(predictions) => Usage::of_many(predictions.len()).scored_by(card::VERSION),
        }
    }
}

/// The answer to a body, and the encoded profiles it is about, row after row.
fn predict_json(bytes: &[u8]) -> Result<(Answer, Vec<f32>), Problem> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        let Submissions(submissions) = body::parse(bytes)?;
        let (predictions, rows) = answers(submissions.map_err(Problem::invalid)?);
        return Ok((Answer::Many(predictions), rows));
    }
    let submission = intake::from_json(&body::parse(bytes)?).map_err(Problem::invalid)?;
    let (mut predictions, rows) = answers(vec![submission]);
    Ok((Answer::One(predictions.remove(0)), rows))
}

fn answers(submissions: Vec<Submission>) -> (Vec<CustomerPrediction>, Vec<f32>) {
    let rows: Vec<f32> = submissions
        .iter()
        .flat_map(|submission| encoding::encode(&submission.profile))
        .collect();
    let probabilities = model::probabilities(&rows);
    let answer = |(submission, probability): (Submission, f64)| CustomerPrediction {
        customer_id: submission.customer_id,
        status: submission.status,
        prediction: Prediction::of(probability),
    };
    let predictions = submissions.into_iter().zip(probabilities).map(answer);
    (predictions.collect(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use tower::ServiceExt;

    /// How many profiles the usage of a request describes, and whether it tells their drift.
    async fn counted(request: axum::http::request::Builder, body: Vec<u8>) -> Option<(u64, bool)> {
        let request: Request = request.body(Body::from(body)).unwrap();
        let answer = Router::from(router()).oneshot(request).await.unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        let posted = usage.posted_profiles()?;
        Some((posted.bins["partner"].iter().sum(), posted.psi.is_ok()))
    }

    #[tokio::test]
    async fn posted_profiles_are_counted_until_they_are_enough_to_speak_of_drift() {
        let customer = population::all().next().unwrap();
        let profile = ProfileJson::from(&customer.profile());
        let json = |body| {
            counted(
                Request::post("/v1/predict").header("content-type", "application/json"),
                body,
            )
        };
        let one = json(serde_json::to_vec(&profile).unwrap()).await;
        assert_eq!(one, None);
        let many = json(serde_json::to_vec(&vec![profile; 998]).unwrap()).await;
        assert_eq!(many, None);

        let file = std::fs::read("../../data/customers.csv").unwrap();
        let line = |number| {
            file.split_inclusive(|byte| *byte == b'\n')
                .nth(number)
                .unwrap()
        };
        let csv = || Request::post("/v1/predict").header("content-type", "text/csv");
        let the_thousandth = counted(csv(), [line(0), line(1)].concat()).await;
        assert_eq!(the_thousandth, Some((1_000, true)));
        let the_next = counted(csv(), [line(0), line(1)].concat()).await;
        assert_eq!(the_next, None);

        let asked = Request::get(format!("/v1/predict/{}", customer.id()));
        assert_eq!(counted(asked, Vec::new()).await, None);
    }
}
