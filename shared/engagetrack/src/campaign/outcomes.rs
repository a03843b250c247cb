//! What became of a campaign's customers: whether those who were treated left less often than those who were held out.
//!
//! Customers are compared by the arm that they were assigned to, whoever was reached.

use super::effects::shift_of;
use super::{Assigner, CampaignArm, CampaignRequest, Expected, Prospects, Reach};
use crate::View;
use crate::csv_cell::defused;
use crate::query::Query;
use crate::selection::Selection;
use experiment::{
    ArmReadout, Assignment, Cuped, Decision, Estimate, Interval, Observation, Readout,
    ReadoutSettings, Segmentation, SelectionReadout, read_selection,
};
use reader::{Member, Members};
use schema::intake::Quoted;
use schema::{FieldError, FieldErrors};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A request to read out a campaign: the one for its list, repeated.
#[derive(Clone, Debug)]
pub struct OutcomesRequest {
    campaign: CampaignRequest,
    /// Whether the list is a part of the customers, so that only its customers count.
    narrows: bool,
}

impl OutcomesRequest {
    /// Reads the parameters of the campaign from a query. What is wrong with them becomes an error of the query.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let campaign = CampaignRequest::of_list(view, query);
        let narrows =
            campaign.selection != Selection::default() || campaign.reach != Reach::Everybody;
        if campaign.holdout == 0.0 {
            query.refuse(
                super::HOLDOUT,
                "must be above 0: without customers who are held out there is nothing to compare with",
            );
        }
        if narrows {
            campaign.require_success(view, query);
        }
        Self { campaign, narrows }
    }

    /// Compares the arms that the file names, if it does, with those of the campaign: where they differ, the request has another name
    /// or hold-out than the list had.
    ///
    /// # Errors
    /// How many differ.
    pub fn check_arms(&self, view: &View<'_>, outcomes: &Outcomes) -> Result<(), FieldErrors> {
        let CampaignRequest { name, holdout, .. } = &self.campaign;
        let assigner = Assigner::new(name, *holdout);
        let (mut named, mut others) = (0_usize, 0_usize);
        for member in &outcomes.members {
            let mut arms = [CampaignArm::Treat, CampaignArm::HoldOut].into_iter();
            let arm = arms.find(|arm| member.arm.as_deref() == Some(arm.name()));
            if let (Some(arm), Some(customer)) = (arm, find(view, &member.id)) {
                named += 1;
                others += usize::from(assigner.arm(view.customers.id(customer)) != arm);
            }
        }
        match others {
            0 => Ok(()),
            _ => Err(FieldErrors::one(FieldError::new(
                "arm",
                format_args!(
                    "is another for {others} of {named} customers than campaign {} with a hold-out of {holdout} gives; repeat the \
                     name and the hold-out of the list",
                    Quoted(name)
                ),
            ))),
        }
    }

    /// The readout of these outcomes; none where the list is to count and the business has no recurring amount to rank it by.
    pub fn readout<'w>(
        &self,
        view: &'w View<'w>,
        outcomes: Outcomes,
    ) -> Option<CampaignReadout<'w>> {
        let listed = match self.narrows {
            true => {
                let campaign = self.campaign.list(view, &[])?;
                Some(
                    campaign
                        .listed()
                        .iter()
                        .map(|(customer, _)| *customer)
                        .collect::<BTreeSet<usize>>(),
                )
            }
            false => None,
        };
        Some(Comparison::of(view, self, outcomes, listed).readout(view, self))
    }
}

/// What a file says of a campaign's customers.
#[derive(Debug, Default)]
pub struct Outcomes {
    members: Vec<Member>,
    says_contacted: bool,
}

impl From<Members> for Outcomes {
    fn from(read: Members) -> Self {
        Self {
            members: read.members,
            says_contacted: read.says_contacted,
        }
    }
}

/// The position of the customer with an id as a file has it: one that a spreadsheet would run has an apostrophe before it.
pub fn find(view: &View<'_>, id: &str) -> Option<usize> {
    view.customers.find(id).or_else(|| {
        let bare = id.strip_prefix('\'').filter(|bare| defused(bare) == id)?;
        view.customers.find(bare)
    })
}

/// The effect divided by how many were reached.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ContactedEffect {
    /// The share of the treated customers who were reached.
    #[schema(minimum = 0, maximum = 1)]
    pub contact_rate: f64,
    /// How many held-out customers were reached all the same; they weaken the comparison.
    pub held_out_contacted: u64,
    /// The adjusted difference over the contact rate: the effect on those who were reached, if the offer did nothing for the others.
    /// Null when nobody was reached, or there is no difference.
    #[schema(required)]
    pub effect_on_contacted: Option<f64>,
    /// Its 95 % interval.
    #[schema(required)]
    pub interval: Option<Interval>,
}

/// What the campaign brought, from the adjusted difference. Null where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Impact {
    /// How many treated customers stayed who would have left.
    #[schema(required)]
    pub customers_kept: Option<Expected>,
    /// What these pay within the months: their number times what a treated customer pays on average. Null where the business has no
    /// recurring amount.
    #[schema(required)]
    pub revenue: Option<Expected>,
    /// What the contacts cost, by the request, else by the file's column `cost`, else by the catalogue: of those who were reached
    /// where the file says who, else of all treated customers.
    pub cost: f64,
    /// The revenue less the cost.
    #[schema(required)]
    pub net: Option<Expected>,
}

/// The effect among the customers of one nudge.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NudgeEffect<'w> {
    /// The nudge; null for all that the file names and the catalogue does not have today.
    #[schema(required)]
    pub nudge: Option<&'w str>,
    /// What to do.
    #[schema(required)]
    pub title: Option<&'w str>,
    /// The held-out customers.
    pub control: ArmReadout,
    /// The treated customers.
    pub treatment: ArmReadout,
    /// Difference of the churn rates, treated minus held out.
    pub absolute_difference: Estimate,
    /// The same adjusted by the churn score (CUPED); null when an arm is empty.
    #[schema(required)]
    pub adjusted_difference: Option<Estimate>,
    /// Welch's two-sided p value of the relative lift; null where that has no error.
    #[schema(required)]
    pub p_value: Option<f64>,
    /// The p value adjusted over all nudges (Benjamini–Hochberg).
    #[schema(required)]
    pub adjusted_p_value: Option<f64>,
    /// The measured effect as a line for this nudge's entry in `nudges.toml`; null where nothing can be measured.
    #[schema(required)]
    pub toml: Option<String>,
}

/// The readout of a campaign. Control are the held-out customers, treatment the others; the covariate of `cuped` is the churn
/// probability: the file's where it has a column `probability`, else today's.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignReadout<'w> {
    /// The campaign's name.
    pub campaign: String,
    /// The share of the customers that was held out.
    pub holdout: f64,
    /// What to do now, in words.
    pub sentence: String,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub readout: Readout,
    /// The effect adjusted by the churn probability; null when an arm is empty.
    pub cuped: Option<Cuped>,
    /// What the campaign brought.
    pub impact: Impact,
    /// Who was reached; null where the file does not say.
    #[schema(required)]
    pub contacted: Option<ContactedEffect>,
    /// The effect by nudge, in the catalogue's order: the file's where it has a column `nudge`, else today's best.
    pub nudges: Vec<NudgeEffect<'w>>,
    /// Customers of the file whose outcome is not known yet.
    pub outcome_unknown: usize,
    /// Customers of the file who are not on the campaign's list.
    pub not_listed: usize,
    /// Customers on the campaign's list who are not in the file; null where the file is the list.
    #[schema(required)]
    pub missing: Option<usize>,
    /// Ids of the file that no customer has, sorted. They count for nothing.
    pub unknown: Vec<String>,
    /// Ids that the file has more than once, sorted. They count once where their rows agree, and not at all where one says that the customer
    /// left and another does not.
    pub repeated: Vec<String>,
}

/// A customer whose outcome is known.
struct Observed {
    customer: usize,
    arm: Assignment,
    left: bool,
    contacted: bool,
    cost: Option<f64>,
    probability: f64,
    /// The position of the nudge in the catalogue, or beyond its end.
    nudge: usize,
}

/// The customers of a campaign who are compared.
struct Comparison {
    observed: Vec<Observed>,
    says_contacted: bool,
    outcome_unknown: usize,
    not_listed: usize,
    missing: Option<usize>,
    unknown: Vec<String>,
    repeated: Vec<String>,
}

impl Comparison {
    fn of(
        view: &View<'_>,
        request: &OutcomesRequest,
        outcomes: Outcomes,
        listed: Option<BTreeSet<usize>>,
    ) -> Self {
        let mut unknown = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        // By customer; none where the rows of one contradict each other.
        let mut by_customer: BTreeMap<usize, Option<Member>> = BTreeMap::new();
        for member in outcomes.members {
            let Some(customer) = find(view, &member.id) else {
                unknown.insert(member.id);
                continue;
            };
            let Some(before) = by_customer.get_mut(&customer) else {
                by_customer.insert(customer, Some(member));
                continue;
            };
            repeated.insert(customer);
            let joined = before.take().and_then(|before| joined(before, member));
            *before = joined;
        }
        let missing = listed.as_ref().map(|listed| {
            listed
                .iter()
                .filter(|customer| !by_customer.contains_key(customer))
                .count()
        });
        let assigner = Assigner::new(&request.campaign.name, request.campaign.holdout);
        let prospects = Prospects::of(view);
        let ids = view.nudges.entries().map(|entry| entry.id());
        let positions: BTreeMap<&str, usize> = ids.zip(0..).collect();
        let (mut outcome_unknown, mut not_listed) = (0, 0);
        let mut observed = Vec::new();
        for (customer, member) in by_customer {
            let Some(member) = member else {
                continue;
            };
            if listed
                .as_ref()
                .is_some_and(|listed| !listed.contains(&customer))
            {
                not_listed += 1;
                continue;
            }
            let Some(left) = member.left else {
                outcome_unknown += 1;
                continue;
            };
            let nudge = match member.nudge {
                Some(id) => positions.get(&*id).copied().unwrap_or(view.nudges.len()),
                None => prospects.head(customer).entry,
            };
            observed.push(Observed {
                customer,
                arm: match assigner.arm(view.customers.id(customer)) {
                    CampaignArm::HoldOut => Assignment::Control,
                    CampaignArm::Treat => Assignment::Treatment,
                },
                left,
                contacted: member.contacted,
                cost: member.cost,
                probability: member
                    .probability
                    .unwrap_or_else(|| view.customers.probability(customer)),
                nudge,
            });
        }
        Self {
            observed,
            says_contacted: outcomes.says_contacted,
            outcome_unknown,
            not_listed,
            missing,
            unknown: unknown.into_iter().collect(),
            repeated: repeated
                .into_iter()
                .map(|customer| view.customers.id(customer).to_owned())
                .collect(),
        }
    }

    fn treated(&self) -> impl Iterator<Item = &Observed> {
        self.observed
            .iter()
            .filter(|one| one.arm == Assignment::Treatment)
    }

    fn readout<'w>(self, view: &'w View<'w>, request: &OutcomesRequest) -> CampaignReadout<'w> {
        let CampaignRequest { name, holdout, .. } = &request.campaign;
        let settings = ReadoutSettings {
            expected_split: [*holdout, 1.0 - holdout],
            ..ReadoutSettings::default()
        };
        // No id of the catalogue is empty: it stands for those that the catalogue does not have.
        let ids: Vec<&str> = view
            .nudges
            .entries()
            .map(|entry| entry.id())
            .chain([""])
            .collect();
        let by_nudge = Segmentation {
            name: "nudge",
            values: ids.clone(),
        };
        let observations = self.observed.iter().map(|one| Observation {
            assignment: one.arm,
            converted: one.left,
            covariate: one.probability,
            segments: [one.nudge],
        });
        let whole = read_selection(observations, &[by_nudge], &settings);
        let difference = adjusted(&whole);
        let impact = self.impact(view, request, &difference);
        let contacted = self.contacted(&difference);
        let sentence = sentence(&whole.readout, &difference, &impact);
        let SelectionReadout {
            readout,
            cuped,
            segments,
            ..
        } = whole;
        let nudges = segments
            .into_iter()
            .map(|segment| {
                let nudge = ids.iter().position(|id| *id == segment.value);
                let of_nudge = || self.observed.iter().filter(|one| Some(one.nudge) == nudge);
                let alone = of_nudge().map(|one| Observation {
                    assignment: one.arm,
                    converted: one.left,
                    covariate: one.probability,
                    segments: [],
                });
                let alone = read_selection(alone, &[], &settings);
                let probabilities: Vec<f64> = of_nudge().map(|one| one.probability).collect();
                let entry = nudge.filter(|nudge| *nudge < view.nudges.len());
                let entry = entry.map(|entry| view.nudges.entry(entry));
                NudgeEffect {
                    nudge: entry.map(|entry| entry.id()),
                    title: entry.map(|entry| entry.title()),
                    toml: entry.and_then(|_| line(name, &alone, &probabilities)),
                    adjusted_difference: alone.cuped.map(|cuped| cuped.effect.absolute_difference),
                    control: segment.control,
                    treatment: segment.treatment,
                    absolute_difference: segment.absolute_difference,
                    p_value: segment.p_value,
                    adjusted_p_value: segment.adjusted_p_value,
                }
            })
            .collect();
        CampaignReadout {
            campaign: name.clone(),
            holdout: *holdout,
            sentence,
            readout,
            cuped,
            impact,
            contacted,
            nudges,
            outcome_unknown: self.outcome_unknown,
            not_listed: self.not_listed,
            missing: self.missing,
            unknown: self.unknown,
            repeated: self.repeated,
        }
    }

    fn impact(&self, view: &View<'_>, request: &OutcomesRequest, difference: &Estimate) -> Impact {
        let treated = self.treated().count() as f64;
        let kept = scaled(difference, -treated);
        let revenue = view.schema.roles().recurring.and_then(|field| {
            let amounts = view.customers.column(field);
            let amounts = self.treated().map(|one| amounts.code(one.customer));
            let (count, sum) = amounts
                .filter(|amount| !amount.is_nan())
                .fold((0.0, 0.0), |(count, sum), amount| {
                    (count + 1.0, sum + amount)
                });
            let each = f64::from(request.campaign.months) * sum / count;
            scaled(difference, -treated * each).filter(|_| count > 0.0)
        });
        let cost_of = |one: &Observed| {
            let entry = (one.nudge < view.nudges.len()).then(|| view.nudges.entry(one.nudge));
            let given = request.campaign.cost.or(one.cost);
            given.or_else(|| entry?.cost()).unwrap_or(0.0)
        };
        let paid = self
            .treated()
            .filter(|one| one.contacted || !self.says_contacted);
        let cost: f64 = paid.map(cost_of).sum();
        let less_cost = |revenue: Expected| Expected {
            estimate: revenue.estimate - cost,
            interval: revenue
                .interval
                .map(|Interval(ends)| Interval(ends.map(|end| end - cost))),
        };
        Impact {
            customers_kept: kept,
            net: revenue.map(less_cost),
            revenue,
            cost,
        }
    }

    fn contacted(&self, difference: &Estimate) -> Option<ContactedEffect> {
        if !self.says_contacted {
            return None;
        }
        let treated = self.treated().count();
        let reached = self.treated().filter(|one| one.contacted).count();
        let rate = reached as f64 / treated.max(1) as f64;
        let over_rate = (reached > 0)
            .then(|| scaled(difference, 1.0 / rate))
            .flatten();
        let held_out = self
            .observed
            .iter()
            .filter(|one| one.arm == Assignment::Control);
        Some(ContactedEffect {
            contact_rate: rate,
            held_out_contacted: held_out.filter(|one| one.contacted).count() as u64,
            effect_on_contacted: over_rate.map(|effect| effect.estimate),
            interval: over_rate.and_then(|effect| effect.interval),
        })
    }
}

/// Two rows of one customer as one; none where only one says that the customer left.
fn joined(one: Member, other: Member) -> Option<Member> {
    let left = match (one.left, other.left) {
        (Some(one), Some(other)) if one != other => return None,
        (one, other) => one.or(other),
    };
    Some(Member {
        left,
        contacted: one.contacted || other.contacted,
        nudge: one.nudge.or(other.nudge),
        arm: one.arm.or(other.arm),
        probability: one.probability.or(other.probability),
        cost: one.cost.or(other.cost),
        id: one.id,
    })
}

/// The adjusted difference, or the plain one where nothing can be adjusted.
fn adjusted(readout: &SelectionReadout) -> Estimate {
    let adjusted = readout
        .cuped
        .as_ref()
        .map(|cuped| cuped.effect.absolute_difference);
    adjusted.unwrap_or(readout.readout.effect.absolute_difference)
}

/// An estimate times a number; none where it is not known.
fn scaled(estimate: &Estimate, by: f64) -> Option<Expected> {
    let ends = |Interval(ends): Interval| {
        let [one, other] = ends.map(|end| end * by);
        Interval([one.min(other), one.max(other)])
    };
    Some(Expected {
        estimate: estimate.estimate? * by,
        interval: estimate.interval.map(ends),
    })
}

/// The measured effect as a line of `nudges.toml`; none where the arms can't be compared, or the effect has no interval.
fn line(campaign: &str, readout: &SelectionReadout, probabilities: &[f64]) -> Option<String> {
    if !readout.readout.sample_ratio_mismatch.healthy {
        return None;
    }
    let difference = adjusted(readout);
    let (effect, Interval([low, high])) = (difference.estimate?, difference.interval?);
    // As the catalogue takes it: adjusted differences may leave their range.
    let within = |number: f64| number.clamp(-1.0, 1.0);
    let [effect, low, high] = [effect, low, high].map(within);
    let (log_odds, _) = shift_of(probabilities, effect);
    // Of texts without control characters, JSON's strings are TOML's.
    let campaign = serde_json::to_string(campaign).ok()?;
    // Six digits are a ten-thousandth of a point.
    Some(format!(
        "measured = {{ effect = {effect:.6}, interval = [{low:.6}, {high:.6}], customers = {}, campaign = {campaign}, log_odds = {log_odds:.6} }}",
        probabilities.len()
    ))
}

/// What to do now: the decision, the difference, and what was kept.
fn sentence(readout: &Readout, difference: &Estimate, impact: &Impact) -> String {
    let verdict = match readout.decision {
        Decision::Ship => "Go on: the campaign keeps customers.",
        Decision::RollBack => "Stop: of those who were treated, more left.",
        Decision::KeepRunning => "Not decided yet.",
        Decision::Invalid => "The arms can't be compared.",
    };
    let mut sentence = format!("{verdict} {}", readout.reason);
    let points = |share: f64| format!("{:.1}", 100.0 * share).replace('-', "\u{2212}");
    if readout.decision != Decision::Invalid
        && let (Some(estimate), Some(Interval([low, high]))) =
            (difference.estimate, difference.interval)
    {
        sentence += &format!(
            " Adjusted by the churn score, the churn rate of the treated less that of the held-out is {} points (95 % interval {} to {})",
            points(estimate),
            points(low),
            points(high)
        );
        if let Some(Expected {
            estimate,
            interval: Some(Interval([low, high])),
        }) = impact.customers_kept
        {
            let whole = |number: f64| format!("{number:.0}").replace('-', "\u{2212}");
            sentence += &format!(
                ": {} customers kept ({} to {})",
                whole(estimate),
                whole(low),
                whole(high)
            );
        }
        sentence.push('.');
    }
    sentence
}
