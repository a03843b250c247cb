//! `/v1/predict`: will this customer leave?

#![forbid(unsafe_code)]

mod csv_answer;

use crate::csv_answer::{Rejects, Scored};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use engagetrack::movement::RiskChange;
use engagetrack::prediction::{Prediction, Status};
use engagetrack::query::{Confirmation, Query};
use engagetrack::vocabulary::{self, Profile};
use engagetrack::{Live, View, units};
use reader::{Confirmed, Profiles, must_look};
use schema::intake::{Submission, Submissions};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use web::body::{self, Payload};
use web::negotiation::{CsvOnly, JsonOnly};
use web::reading::{self, ReadAs};
use web::{Accept, Parameters, Problem, Segment, Usage};

web::operations!("predict", Live: predict_posted, predict_customer);

/// A prediction for one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerPrediction<'w> {
    /// The customer's id; null for an anonymous profile.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the outcome says that the customer left, otherwise `active`. Of a posted profile the outcome is the member or
    /// column of that name, where it has one.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub prediction: Prediction<'w>,
    /// What changed about a customer of the directory, where there is a previous workspace.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::RiskChange)]
    pub risk_change: Option<RiskChange>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub read_as: ReadAs,
}

/// What becomes of rows that can't be read, as a parameter of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct RejectsParameter {
    /// Of CSV: `list` answers the rows that can be read, and the others with empty `churn_probability` and `risk_level`. `line` and
    /// `fault` are then added columns. Otherwise a row that can't be read refuses the file.
    #[param(required = false, inline)]
    rejects: RejectsName,
}

#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
enum RejectsName {
    Refuse,
    List,
}

/// One profile, or up to 1,000.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Posted {
    One(Profile),
    Many(Vec<Profile>),
}

/// One prediction, or as many as profiles were sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Answer<'w> {
    /// For one profile.
    One(CustomerPrediction<'w>),
    /// For an array of profiles, in the same order.
    Many(Vec<CustomerPrediction<'w>>),
}

/// Predicts churn for one customer of the directory.
///
/// The probability is calibrated. The percentile ranks it among all customers. Where the workspace was compiled with `--previous`,
/// `change` is the probability minus the former one.
#[utoipa::path(get, path = "/v1/predict/{customer_id}", tag = "predict",
    params(("customer_id" = String, Path, description = "The customer's id.")),
    responses((status = 200, description = "The prediction.", body = CustomerPrediction)))]
async fn predict_customer(
    _: Accept<JsonOnly>,
    State(live): State<Live>,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let view = live.view();
    let customer = view
        .customers
        .find(&id)
        .ok_or_else(|| Problem::unknown_customer(&id))?;
    // The workspace holds what its own model says of each.
    let prediction = Prediction::of(view, view.customers.probability(customer));
    let usage = scored(view, Some(&id), &prediction);
    let answer = CustomerPrediction {
        customer_id: Some(id),
        status: Status::of_outcome(view.customers.outcome(customer).left()),
        prediction,
        risk_change: RiskChange::of(view, customer),
        read_as: ReadAs::default(),
    };
    Ok((usage.noted(), body::Json(answer)).into_response())
}

/// Predicts churn for posted profiles.
///
/// One profile is a JSON object and up to 1,000 are an array, answered in the same order. A CSV file with the schema's columns comes
/// back with `churn_probability` and `risk_level` appended. Other spellings, delimiters, encodings and shapes are detected: the
/// headers `x-read-as` and `x-warnings` list what was read in another way than it was written, and what is perhaps not what was
/// meant, each as `{"column", "reading", "count"}`.
#[utoipa::path(post, path = "/v1/predict", tag = "predict", params(Confirmation, RejectsParameter),
    request_body(content((Posted = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "A prediction for each profile.", content((Answer = "application/json"), (String = "text/csv")))))]
async fn predict_posted(
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<Response, Problem> {
    let wanted = query.read(|query| {
        let rejects = match query.choice("rejects", ["refuse", "list"]) {
            Some(1) => Rejects::List,
            _ => Rejects::Refuse,
        };
        (query.confirmed(), rejects)
    });
    let (confirmed, rejects) = wanted.map_err(Problem::invalid)?;
    match payload {
        Payload::Json(body) => {
            Accept::<JsonOnly>::of(&headers)?;
            body.work(move |bytes| answer_json(live.view(), bytes, &confirmed))
                .await
        }
        Payload::Csv(body) => {
            Accept::<CsvOnly>::of(&headers)?;
            body.work(move |bytes| answer_csv(live.view(), bytes, &confirmed, rejects))
                .await
        }
    }
}

fn answer_json(view: &View<'_>, bytes: &[u8], confirmed: &Confirmed) -> Result<Response, Problem> {
    let Profiles {
        submissions,
        is_single,
        evidence,
        warnings,
    } = profiles(view, bytes, confirmed)?;
    let (mut predictions, rows) = answers(view, submissions);
    let mut read_as = ReadAs {
        read_as: evidence,
        warnings,
    };
    read_as.warnings.extend(units::warnings(view, &rows));
    let answer = match predictions.pop() {
        Some(mut only) if is_single => {
            only.read_as = read_as.clone();
            Answer::One(only)
        }
        last => {
            predictions.extend(last);
            Answer::Many(predictions)
        }
    };
    let usage = posted(view, answer.usage(view), &rows, answer.probabilities());
    Ok((usage.noted(), read_as, body::Json(answer)).into_response())
}

fn answer_csv(
    view: &View<'_>,
    bytes: &[u8],
    confirmed: &Confirmed,
    rejects: Rejects,
) -> Result<Response, Problem> {
    let Scored {
        text,
        rows,
        probabilities,
        mut read_as,
    } = csv_answer::scored(view, bytes, confirmed, rejects)?;
    read_as.warnings.extend(units::warnings(view, &rows));
    let usage =
        Usage::of_many(rows.len() / view.model.features().len()).scored_by(view.model_version());
    Ok((
        posted(view, usage, &rows, probabilities).noted(),
        read_as,
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8")],
        text,
    )
        .into_response())
}

/// The usage of a call that predicts for one customer.
fn scored(view: &View<'_>, customer_id: Option<&str>, prediction: &Prediction<'_>) -> Usage {
    let level = view.level_name(prediction.probability);
    Usage::of_customer(customer_id).scored(level, view.model_version())
}

/// Counts the rows of posted profiles, and tells of recent ones in the usage when they are enough.
fn posted(
    view: &View<'_>,
    usage: Usage,
    rows: &[f32],
    probabilities: impl IntoIterator<Item = f64>,
) -> Usage {
    match view.posted.observe(view, rows, probabilities) {
        Some(recent) => usage.posted(
            recent.bins.by_name(view),
            recent.drift.psi(),
            recent.performance.figures(),
        ),
        None => usage,
    }
}

impl Answer<'_> {
    fn probabilities(&self) -> impl Iterator<Item = f64> {
        let predictions = match self {
            Self::One(prediction) => std::slice::from_ref(prediction),
            Self::Many(predictions) => predictions,
        };
        predictions
            .iter()
            .map(|prediction| prediction.prediction.probability)
    }

    fn usage(&self, view: &View<'_>) -> Usage {
        match self {
            Self::One(CustomerPrediction {
                customer_id,
                prediction,
                ..
            }) => scored(view, customer_id.as_deref(), prediction),
            Self::Many(predictions) => {
                Usage::of_many(predictions.len()).scored_by(view.model_version())
            }
        }
    }
}

/// The profiles in a body: read by exact names and values where that is enough.
fn profiles(view: &View<'_>, bytes: &[u8], confirmed: &Confirmed) -> Result<Profiles, Problem> {
    let is_array = bytes.trim_ascii_start().starts_with(b"[");
    let exact = match is_array {
        true => body::parse_seed(Submissions(&view.schema), bytes)
            .and_then(|read| read.map_err(Problem::invalid)),
        false => body::parse(bytes).and_then(|json| {
            let read = view.schema.submission(&json).map_err(Problem::invalid);
            read.map(|submission| vec![submission])
        }),
    };
    let exact = exact.map(|submissions| Profiles {
        submissions,
        is_single: !is_array,
        evidence: Vec::new(),
        warnings: Vec::new(),
    });
    if exact.is_ok() && confirmed.is_empty() && !must_look(&view.schema) {
        return exact;
    }
    match reading::read(&view.schema, bytes, confirmed) {
        Ok(profiles) => Ok(profiles),
        Err(None) => exact,
        Err(Some(problem)) => Err(problem),
    }
}

fn answers<'w>(
    view: &View<'w>,
    submissions: Vec<Submission>,
) -> (Vec<CustomerPrediction<'w>>, Vec<f32>) {
    let mut rows = Vec::with_capacity(submissions.len() * view.model.features().len());
    for submission in &submissions {
        view.model.push_row(submission.profile.codes(), &mut rows);
    }
    let probabilities = view.model.probabilities(&rows);
    let answer = |(submission, probability): (Submission, f64)| CustomerPrediction {
        customer_id: submission.customer_id,
        status: Status::of_outcome(submission.left),
        prediction: Prediction::of(view, probability),
        read_as: ReadAs::default(),
        risk_change: None,
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
    use engagetrack::embedded;
    use tower::ServiceExt;

    /// How many profiles the usage of a request describes, and whether it tells their drift.
    async fn counted(
        live: &Live,
        request: axum::http::request::Builder,
        body: Vec<u8>,
    ) -> Option<(u64, bool)> {
        let request: Request = request.body(Body::from(body)).unwrap();
        let answer = Router::from(router().with_state(live.clone()))
            .oneshot(request)
            .await
            .unwrap();
        let usage = answer.extensions().get::<Usage>().unwrap();
        let posted = usage.posted_profiles()?;
        assert!(
            posted
                .expected
                .iter()
                .all(|(_, figure)| (0.0..1.0).contains(figure))
        );
        assert_eq!(posted.expected.len(), 3);
        Some((posted.bins["partner"].iter().sum(), posted.psi.is_ok()))
    }

    #[tokio::test]
    async fn posted_profiles_are_counted_until_they_are_enough_to_speak_of_drift() {
        let live = embedded::live(embedded::core());
        let view = live.view();
        let profile = serde_json::to_value(view.schema.json(&view.profile(0))).unwrap();
        let json = |body| {
            counted(
                &live,
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
        let the_thousandth = counted(&live, csv(), [line(0), line(1)].concat()).await;
        assert_eq!(the_thousandth, Some((1_000, true)));
        let the_next = counted(&live, csv(), [line(0), line(1)].concat()).await;
        assert_eq!(the_next, None);

        let asked = Request::get(format!("/v1/predict/{}", view.customers.id(0)));
        assert_eq!(counted(&live, asked, Vec::new()).await, None);
    }

    #[tokio::test]
    async fn two_workspaces_in_one_process_count_for_themselves() {
        let [one, other] = [embedded::core(), embedded::core()].map(embedded::live);
        let profile = serde_json::to_vec(&one.view().schema.json(&one.view().profile(0))).unwrap();
        let post = |live: &Live, count: usize| {
            let body = [
                b"[",
                [profile.as_slice()]
                    .repeat(count)
                    .join(&b","[..])
                    .as_slice(),
                b"]",
            ]
            .concat();
            let live = live.clone();
            async move {
                let request =
                    Request::post("/v1/predict").header("content-type", "application/json");
                counted(&live, request, body).await
            }
        };
        assert_eq!(post(&one, 600).await, None);
        assert_eq!(post(&other, 600).await, None);
        assert_eq!(post(&one, 400).await, Some((1_000, true)));
    }
}
