//! `/v1/nudges`: what to do about it, for one customer or for those of a campaign?

#![forbid(unsafe_code)]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engagetrack::campaign::{
    self, CampaignPage, CampaignPaging, CampaignParameters, CampaignRequest, ListHoldout,
};
use engagetrack::nudges::{Advice, Options, Request};
use engagetrack::prediction::Status;
use engagetrack::query::{Confirmation, Query};
use engagetrack::vocabulary::FilterParameters as Filters;
use engagetrack::{Live, View, units, vocabulary};
use reader::{Confirmed, Members};
use schema::Profile;
use serde::Serialize;
use utoipa::ToSchema;
use web::body::{Json, Payload, Received};
use web::budget::Worker;
use web::download::DownloadRight;
use web::negotiation::{JsonOnly, ListFormat};
use web::reading::{self, ReadAs};
use web::{Accept, Parameters, Problem, Segment, Usage};

web::operations!("nudges", Live: list_campaign, advise_posted, advise_customer);

/// A page of the list of a campaign.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ListedCampaign<'w> {
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub campaign: CampaignPage<'w>,
    /// Ids that were sent to be left out and that no customer has; absent where none were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<String>>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub read_as: ReadAs,
}

/// What a posted profile, or posted ids, are answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PostedAnswer<'w> {
    /// What to do about the customer with the posted profile.
    Advice(CustomerAdvice<'w>),
    /// The campaign without the customers with the posted ids.
    Campaign(ListedCampaign<'w>),
}

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

/// Customers who are to be left out of a campaign.
#[derive(Default)]
struct Excluded {
    customers: Vec<usize>,
    /// Ids that no customer has; none where no ids were sent.
    unknown: Option<Vec<String>>,
    read_as: ReadAs,
}

impl Excluded {
    /// The customers with the ids in a file.
    fn read(view: &View<'_>, bytes: &[u8], confirmed: &Confirmed) -> Result<Self, Problem> {
        let is_customer = |id: &str| campaign::find(view, id).is_some();
        let read = Members::ids(&view.schema, bytes, confirmed, &is_customer)?;
        let (mut customers, mut unknown) = (Vec::new(), Vec::new());
        for member in read.members {
            match campaign::find(view, &member.id) {
                Some(customer) => customers.push(customer),
                None => unknown.push(member.id),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        Ok(Self {
            customers,
            unknown: Some(unknown),
            read_as: ReadAs {
                read_as: read.evidence,
                warnings: Vec::new(),
            },
        })
    }
}

/// The campaign of a request, as a page or as a file.
fn campaign(
    live: &Live,
    request: &CampaignRequest,
    excluded: Excluded,
    file: Option<DownloadRight>,
) -> Result<Response, Problem> {
    let view = live.view();
    if let Some(other) = request.cursor_of_another() {
        return Err(Problem::stale_cursor(other, view.version()));
    }
    let campaign = request
        .list(view, &excluded.customers)
        .ok_or_else(|| Problem::switched_off("recurring amount"))?;
    let read_as = excluded.read_as;
    if let Some(right) = file {
        let (content, count) = campaign.csv();
        let file = right.csv("campaign.csv", content, count, view.model_version());
        return Ok((read_as, file).into_response());
    }
    let answer = ListedCampaign {
        campaign: campaign.page(),
        unknown: excluded.unknown,
        read_as: read_as.clone(),
    };
    let usage = Usage::of_many(answer.campaign.items.len())
        .doing("campaign")
        .scored_by(view.model_version());
    Ok((usage.noted(), read_as, Json(answer)).into_response())
}

/// Lists whom to contact in a campaign and with what, those of the highest expected value first.
///
/// Active customers, unless `status` is given, without those who may not be contacted. A share of them is held out, decided by the
/// campaign's name and the customer's id alone. A page as JSON; or, where `Accept` prefers `text/csv`, the whole list (or the first
/// `limit` rows) as a file. 404 where the business has no recurring amount.
#[utoipa::path(get, path = "/v1/nudges", tag = "nudges", params(Filters, CampaignParameters, ListHoldout, CampaignPaging),
    responses((status = 200, description = "The list.", content((ListedCampaign = "application/json"), (String = "text/csv")))))]
async fn list_campaign(
    right: Result<DownloadRight, Problem>,
    Accept(format): Accept<ListFormat>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
) -> Result<Response, Problem> {
    let request = query
        .read(|query| CampaignRequest::from_query(live.view(), query))
        .map_err(Problem::invalid)?;
    let file = match format {
        ListFormat::Page => None,
        ListFormat::File => Some(right?),
    };
    let work = move || campaign(&live, &request, Excluded::default(), file);
    worker.work(work).await
}

/// Suggests what to do about a customer with the posted profile, or lists a campaign without some customers.
///
/// A profile as JSON is answered as a customer of the directory is. With `campaign` and ids as CSV, the answer is that of
/// `GET /v1/nudges` without the customers of these ids, such as members of other campaigns; the filters and the parameters of a
/// campaign are for ids alone, and those of advice for a profile.
#[utoipa::path(post, path = "/v1/nudges", tag = "nudges", params(Options, Confirmation),
    request_body(content((vocabulary::Profile = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "The nudges and the recourse, or the campaign.",
        content((PostedAnswer = "application/json"), (String = "text/csv")))))]
async fn advise_posted(
    right: Result<DownloadRight, Problem>,
    Accept(format): Accept<ListFormat>,
    State(live): State<Live>,
    Parameters(query): Parameters<Query>,
    worker: Worker,
    body: Payload,
) -> Result<Response, Problem> {
    match body {
        Payload::Csv(body) => {
            let wanted = query.read(|query| {
                (
                    CampaignRequest::from_query(live.view(), query),
                    query.confirmed(),
                )
            });
            let (request, confirmed) = wanted.map_err(Problem::invalid)?;
            let file = match format {
                ListFormat::Page => None,
                ListFormat::File => Some(right?),
            };
            let read = {
                let live = live.clone();
                body.work(move |bytes| Excluded::read(live.view(), bytes, &confirmed))
                    .await
            };
            let excluded = read?;
            let work = move || campaign(&live, &request, excluded, file);
            worker.work(work).await
        }
        Payload::Json(_) if format == ListFormat::File => {
            Err(Problem::not_acceptable(&["application/json"]))
        }
        Payload::Json(body) => advise(live, query, body).await,
    }
}

async fn advise(live: Live, query: Query, body: Received) -> Result<Response, Problem> {
    let wanted = query.read(|query| (Request::from_query(live.view(), query), query.confirmed()));
    let (request, confirmed) = wanted.map_err(Problem::invalid)?;
    let read = {
        let live = live.clone();
        body.work(move |bytes| reading::profile(&live.view().schema, bytes, &confirmed))
            .await
    };
    let view = live.view();
    let (submission, mut read_as) = read?;
    let row = view.model.row(submission.profile.codes());
    read_as.warnings.extend(units::warnings(view, &row));
    let mut advice = CustomerAdvice::new(
        view,
        submission.customer_id,
        submission.left,
        &submission.profile,
        &request,
    );
    advice.read_as = read_as.clone();
    let usage = advice.usage(view);
    let usage = match view.posted.observe(view, &row, [advice.advice.probability]) {
        Some(recent) => usage.posted(
            recent.bins.by_name(view),
            recent.drift.psi(),
            recent.performance.figures(),
        ),
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
