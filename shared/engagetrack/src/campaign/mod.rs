//! A campaign: whom to contact and with what, in the order of what that brings, with a share of the customers held out.
//!
//! Nothing of a campaign is stored. Its list follows from the workspace and the request, and its arms from its name.

mod arm;
mod effects;
mod outcomes;

pub use arm::{Assigner, CampaignArm};
pub(crate) use effects::Prospects;
pub use effects::{EffectKind, Success};
pub use outcomes::{
    CampaignReadout, ContactedEffect, Impact, NudgeEffect, Outcomes, OutcomesRequest, find,
};

use crate::View;
use crate::directory::{Cursor, LONGEST_PAGE, Line, USUAL_PAGE};
use crate::nudges::wording;
use crate::query::Query;
use crate::selection::Selection;
use crate::vocabulary::{self, Keyed};
use experiment::Interval;
use schema::intake::Quoted;
use serde::Serialize;
use std::fmt::Write;
use std::ops::Range;
use utoipa::{IntoParams, ToSchema};
use workspace::customers::Column;

/// The parameter that names a campaign.
pub const CAMPAIGN: &str = "campaign";
/// The parameter for the share that is held out.
pub const HOLDOUT: &str = "holdout";

/// Bytes of a campaign's name at most.
const LONGEST_NAME: usize = 200;
const USUAL_HOLDOUT: f64 = 0.1;
const LARGEST_HOLDOUT: f64 = 0.9;
const USUAL_MONTHS: u32 = 12;
const MOST_MONTHS: u32 = 120;
const MOST_CONTACTS: usize = 100_000_000;
const MOST_MONEY: f64 = 1e12;

/// What may be asked about a campaign beside the filters, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct CampaignParameters {
    /// The campaign's name. It decides which customers are held out: another name holds out others.
    #[param(min_length = 1, max_length = 200)]
    campaign: String,
    /// How many customers are contacted: the list ends with the last of them. All when absent.
    #[param(required = false, minimum = 1, maximum = 100_000_000)]
    contacts: usize,
    /// What all contacts together may cost: the list ends with the last that it pays for. Not together with `contacts`.
    #[param(required = false, minimum = 0, maximum = 1e12)]
    budget: f64,
    /// What one contact costs; when absent, what the catalogue says of the nudge, else 0.
    #[param(required = false, minimum = 0, maximum = 1e12)]
    cost: f64,
    /// How many months a customer who is kept goes on paying; 12 when absent.
    #[param(required = false, minimum = 1, maximum = 120)]
    months: u32,
    /// How often an offer whose effect was not measured succeeds, 0 to 1: its projected effect is multiplied by this. When absent,
    /// the effect of the workspace's experiment over the mean probability of its customers; required where there is no experiment.
    #[param(required = false, minimum = 0, maximum = 1)]
    success: f64,
}

/// The share that a list holds out, as a parameter of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct ListHoldout {
    /// The share of the customers that is held out; 0.1 when absent.
    #[param(required = false, minimum = 0, maximum = 0.9)]
    holdout: f64,
}

/// The share that a readout compares with, as a parameter of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct ReadoutHoldout {
    /// The share of the customers that was held out; 0.1 when absent.
    #[param(required = false, exclusive_minimum = 0, maximum = 0.9)]
    holdout: f64,
}

/// How a list of a campaign is paged, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct CampaignPaging {
    /// Most customers on the page; 50 when absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: usize,
    /// `next_cursor` of the page before. It ends with the workspace that it is of.
    #[param(required = false, pattern = "^[0-9a-f]{8}-[0-9]+$")]
    cursor: String,
}

/// How far a campaign goes down its ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    Everybody,
    Contacts(usize),
    Budget(f64),
}

/// A request for a campaign.
#[derive(Clone, Debug)]
pub struct CampaignRequest {
    selection: Selection,
    name: String,
    holdout: f64,
    reach: Reach,
    cost: Option<f64>,
    months: u32,
    success: Option<f64>,
    limit: Option<usize>,
    cursor: Cursor,
}

impl CampaignRequest {
    /// Reads filters, the campaign's parameters, `limit` and `cursor` from a query. What is wrong with them becomes an error of the
    /// query.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let mut request = Self::of_list(view, query);
        request.limit = query.number("limit", 1..=LONGEST_PAGE);
        request.cursor = Cursor::from_query(view, query);
        request.require_success(view, query);
        request
    }

    /// Refuses a request for a list that nothing tells how often an offer succeeds.
    fn require_success(&self, view: &View<'_>, query: &mut Query) {
        let is_ranked = view.schema.roles().recurring.is_some();
        if is_ranked && self.success(view).is_none() {
            query.refuse(
                "success",
                "is required: no experiment of this workspace has an effect from which it would follow",
            );
        }
    }

    /// Reads what decides the list and not how it is paged. Whether anything says how often an offer succeeds is left open.
    fn of_list(view: &View<'_>, query: &mut Query) -> Self {
        let selection = Selection::from_query(view, query);
        let name = name(query);
        let holdout = query.number(HOLDOUT, 0.0..=LARGEST_HOLDOUT);
        let contacts = query.number("contacts", 1..=MOST_CONTACTS);
        let budget = query.number("budget", 0.0..=MOST_MONEY);
        let cost = query.number("cost", 0.0..=MOST_MONEY);
        if contacts.is_some() && budget.is_some() {
            query.refuse("budget", "can't be combined with contacts");
        }
        let mut costs = view.nudges.entries().filter_map(|entry| entry.cost());
        let detail = match cost {
            Some(0.0) => Some("must be above 0 with budget, or nothing is spent"),
            None if costs.all(|cost| cost == 0.0) => {
                Some("is required with budget: the catalogue has no cost of any nudge")
            }
            _ => None,
        };
        if let (Some(_), Some(detail)) = (budget, detail) {
            query.refuse("cost", detail);
        }
        Self {
            selection,
            name,
            holdout: holdout.unwrap_or(USUAL_HOLDOUT),
            reach: match (contacts, budget) {
                (Some(contacts), _) => Reach::Contacts(contacts),
                (None, Some(budget)) => Reach::Budget(budget),
                (None, None) => Reach::Everybody,
            },
            cost,
            months: query
                .number("months", 1..=MOST_MONTHS)
                .unwrap_or(USUAL_MONTHS),
            success: query.number("success", 0.0..=1.0),
            limit: None,
            cursor: Cursor::default(),
        }
    }

    /// The workspace that the cursor is of, where that is not this one.
    pub fn cursor_of_another(&self) -> Option<&str> {
        self.cursor.of_another.as_deref()
    }

    /// The campaign's list without these customers, by their positions; none where the business has no recurring amount, which is
    /// what a kept customer is worth.
    pub fn list<'w>(&self, view: &'w View<'w>, excluded: &[usize]) -> Option<Campaign<'w>> {
        let valuation = self.valuation(view)?;
        let mut mask = self.selection.mask(view);
        let mut left_out = LeftOut::default();
        for customer in excluded {
            // Of customers who are not selected, none is missed.
            left_out.excluded += usize::from(std::mem::take(&mut mask[*customer]));
        }
        if let Some(field) = view.schema.roles().contactable {
            let contactable = view.customers.column(field);
            for (customer, selected) in mask.iter_mut().enumerate() {
                if *selected && contactable.code(customer) != 1.0 {
                    *selected = false;
                    left_out.not_contactable += 1;
                }
            }
        }
        let mut ranking: Vec<Ranked> = (0..mask.len())
            .filter(|customer| mask[*customer])
            .map(|customer| Ranked {
                customer,
                value: valuation.of(customer).value.unwrap_or(f64::NEG_INFINITY),
                probability: view.customers.probability(customer),
            })
            .collect();
        ranking.sort_unstable_by(Ranked::order);
        let assigner = Assigner::new(&self.name, self.holdout);
        let mut listed = Vec::new();
        let mut totals = Tally::new(valuation.sources);
        // Up to the last who is treated: hold-outs after the reach is exhausted belong to nobody's comparison.
        let (mut end, mut is_exhausted) = (0, false);
        for ranked in ranking {
            let arm = assigner.arm(view.customers.id(ranked.customer));
            let prospect = valuation.of(ranked.customer);
            if arm == CampaignArm::Treat {
                if totals.would_exceed(self.reach, prospect.cost) {
                    is_exhausted = true;
                    break;
                }
                totals.add(&prospect);
                end = listed.len() + 1;
            }
            listed.push((ranked.customer, arm));
        }
        if is_exhausted || totals.is_exactly(self.reach) {
            listed.truncate(end);
        }
        Some(Campaign {
            request: self.clone(),
            totals: totals.totals(&listed),
            listed,
            left_out,
            valuation,
        })
    }

    fn success<'w>(&self, view: &'w View<'w>) -> Option<Success<'w>> {
        self.success
            .map(Success::given)
            .or_else(|| Success::measured(view))
    }

    /// None where the business has no recurring amount, or nothing says how often an offer succeeds.
    fn valuation<'w>(&self, view: &'w View<'w>) -> Option<Valuation<'w>> {
        let recurring = view.schema.roles().recurring?;
        Some(Valuation {
            view,
            prospects: Prospects::of(view),
            amounts: view.customers.column(recurring),
            success: self.success(view)?,
            cost: self.cost,
            months: f64::from(self.months),
            sources: view.schema.experiments().len() + view.nudges.len(),
        })
    }
}

/// Reads the name of a campaign.
fn name(query: &mut Query) -> String {
    let Some(name) = query.text(CAMPAIGN) else {
        query.refuse(
            CAMPAIGN,
            "is required: it decides which customers are held out",
        );
        return String::new();
    };
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        query.refuse(
            CAMPAIGN,
            format_args!(
                "must be a name of 1 to {LONGEST_NAME} bytes without control characters, got {}",
                Quoted(&name)
            ),
        );
    }
    name
}

/// A customer in the order of a campaign.
struct Ranked {
    customer: usize,
    value: f64,
    probability: f64,
}

impl Ranked {
    /// The highest value first, equal ones by falling probability, then by rising id.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        other
            .value
            .total_cmp(&self.value)
            .then(other.probability.total_cmp(&self.probability))
            .then(self.customer.cmp(&other.customer))
    }
}

/// What a contact is worth, by customer.
struct Valuation<'w> {
    view: &'w View<'w>,
    prospects: &'w Prospects,
    amounts: Column<'w>,
    success: Success<'w>,
    cost: Option<f64>,
    months: f64,
    /// How many things an effect may rest on.
    sources: usize,
}

/// What a contact with one customer is worth.
struct Prospect {
    /// The position of the best nudge.
    entry: usize,
    effect: f64,
    kind: EffectKind,
    /// Half the width of the effect's interval, and what it rests on; none where nothing is said of it.
    margin: f64,
    source: Option<usize>,
    cost: f64,
    /// What the customer pays for the months, if that is known.
    revenue: Option<f64>,
    value: Option<f64>,
}

impl Valuation<'_> {
    fn of(&self, customer: usize) -> Prospect {
        let probability = self.view.customers.probability(customer);
        let head = self.prospects.head(customer);
        let (kind, effect, margin, source) = match self.prospects.shift(head.entry) {
            Some(shift) => {
                let (effect, margin) = shift.reduction(probability);
                (EffectKind::Measured, effect, margin, Some(shift.source))
            }
            None => {
                let projected = probability - head.projected;
                let effect = projected * self.success.rate;
                let margin = projected * self.success.margin();
                (EffectKind::Projected, effect, margin, self.success.source)
            }
        };
        let own = || self.view.nudges.entry(head.entry).cost();
        let cost = self.cost.or_else(own).unwrap_or(0.0);
        let amount = Some(self.amounts.code(customer)).filter(|amount| !amount.is_nan());
        let revenue = amount.map(|amount| amount * self.months);
        Prospect {
            entry: head.entry,
            effect,
            kind,
            margin,
            source,
            cost,
            revenue,
            value: revenue.map(|revenue| effect * revenue - cost),
        }
    }
}

/// An amount with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Expected {
    /// The expected amount.
    pub estimate: f64,
    /// Its 95 % interval, from those of the measured effects; null where none is known.
    pub interval: Option<Interval>,
}

impl Expected {
    fn new(estimate: f64, margin: Option<f64>) -> Self {
        Self {
            estimate,
            interval: margin.map(|margin| Interval([estimate - margin, estimate + margin])),
        }
    }
}

/// What a campaign comes to. Hold-outs cost and bring nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignTotals {
    /// How many customers on the list are contacted.
    pub treat: usize,
    /// How many are held out.
    pub hold_out: usize,
    /// What the contacts cost.
    pub cost: f64,
    /// How many customers stay who would have left.
    pub customers_kept: Expected,
    /// What these pay within the months, less the cost.
    pub expected_value: Expected,
    /// How many of those who are contacted would bring more than they cost.
    pub worthwhile: usize,
    /// How many of those who are contacted pay an unknown amount, which counts as 0.
    pub amount_unknown: usize,
}

/// Totals as far as they are added up.
struct Tally {
    treat: usize,
    cost: f64,
    kept: f64,
    revenue: f64,
    worthwhile: usize,
    amount_unknown: usize,
    /// Margins of customers kept and of revenue by what they rest on. What rests on one thing errs together.
    margins: Vec<[f64; 2]>,
    has_margin: bool,
}

impl Tally {
    fn new(sources: usize) -> Self {
        Self {
            treat: 0,
            cost: 0.0,
            kept: 0.0,
            revenue: 0.0,
            worthwhile: 0,
            amount_unknown: 0,
            margins: vec![[0.0; 2]; sources],
            has_margin: false,
        }
    }

    /// Whether one contact more, of this cost, is more than a campaign reaches.
    fn would_exceed(&self, reach: Reach, cost: f64) -> bool {
        match reach {
            Reach::Everybody => false,
            Reach::Contacts(contacts) => self.treat >= contacts,
            // Costs such as 0.1 add up to a little more than they do on paper.
            Reach::Budget(budget) => self.cost + cost > budget * (1.0 + 1e-12),
        }
    }

    /// Whether the last contact has used up what a campaign reaches.
    fn is_exactly(&self, reach: Reach) -> bool {
        matches!(reach, Reach::Contacts(contacts) if contacts == self.treat)
    }

    fn add(&mut self, prospect: &Prospect) {
        self.treat += 1;
        self.cost += prospect.cost;
        self.kept += prospect.effect;
        let revenue = prospect.revenue.unwrap_or(0.0);
        self.revenue += prospect.effect * revenue;
        self.worthwhile += usize::from(prospect.value.is_some_and(|value| value > 0.0));
        self.amount_unknown += usize::from(prospect.revenue.is_none());
        if let Some(source) = prospect.source {
            self.has_margin = true;
            let [kept, earned] = &mut self.margins[source];
            *kept += prospect.margin;
            *earned += prospect.margin * revenue;
        }
    }

    fn totals(self, listed: &[(usize, CampaignArm)]) -> CampaignTotals {
        let margin = |of: usize| {
            let squares = self.margins.iter().map(|margins| margins[of] * margins[of]);
            self.has_margin.then(|| squares.sum::<f64>().sqrt())
        };
        CampaignTotals {
            treat: self.treat,
            hold_out: listed.len() - self.treat,
            cost: self.cost,
            customers_kept: Expected::new(self.kept, margin(0)),
            expected_value: Expected::new(self.revenue - self.cost, margin(1)),
            worthwhile: self.worthwhile,
            amount_unknown: self.amount_unknown,
        }
    }
}

/// Customers whom the filters select and who are not on the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    /// Customers who may not be contacted, or of whom that is unknown.
    pub not_contactable: usize,
    /// Customers whose ids were sent to be left out.
    pub excluded: usize,
}

/// A customer on the list of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignRow<'w> {
    /// The id.
    pub customer_id: &'w str,
    /// Whether the customer is contacted or held out.
    pub arm: CampaignArm,
    /// Calibrated churn probability, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// What the customer pays.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::RecurringAmount)]
    pub recurring: Keyed<'w, Option<f64>>,
    /// The best nudge: the first of those at `/v1/nudges/{customer_id}`.
    pub nudge: &'w str,
    /// What it is about.
    #[schema(value_type = vocabulary::Category)]
    pub category: &'w str,
    /// What to do, for the one who does it.
    pub title: &'w str,
    /// What to say to the customer.
    pub message: String,
    /// Why it is suggested.
    pub reasons: Vec<String>,
    /// By how much it is expected to lower the probability of leaving.
    #[schema(minimum = -1, maximum = 1)]
    pub effect: f64,
    /// What the effect rests on.
    pub effect_kind: EffectKind,
    /// The effect times what the customer pays within the months, less the cost; null where the amount is unknown.
    #[schema(required)]
    pub expected_value: Option<f64>,
    /// What the contact costs.
    pub cost: f64,
}

/// A page of the list of a campaign, with what the whole list comes to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignPage<'w> {
    /// The campaign's name.
    pub campaign: String,
    /// The share of the customers that is held out.
    pub holdout: f64,
    /// How many months a customer who is kept goes on paying.
    pub months: u32,
    /// How often an offer whose effect was not measured succeeds.
    pub success: Success<'w>,
    /// What the whole list comes to.
    pub totals: CampaignTotals,
    /// Who is not on the list.
    pub left_out: LeftOut,
    /// The customers on this page, those of the highest expected value first.
    pub items: Vec<CampaignRow<'w>>,
    /// How many customers there are on all pages.
    pub total: usize,
    /// Where the next page begins; none on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The list of a campaign.
pub struct Campaign<'w> {
    request: CampaignRequest,
    /// Positions and arms, in order.
    listed: Vec<(usize, CampaignArm)>,
    totals: CampaignTotals,
    left_out: LeftOut,
    valuation: Valuation<'w>,
}

impl<'w> Campaign<'w> {
    /// What the list comes to.
    pub fn totals(&self) -> CampaignTotals {
        self.totals
    }

    /// The positions of the listed customers with their arms, in order.
    pub fn listed(&self) -> &[(usize, CampaignArm)] {
        &self.listed
    }

    fn row(&self, (customer, arm): (usize, CampaignArm)) -> CampaignRow<'w> {
        let view = self.valuation.view;
        let prospect = self.valuation.of(customer);
        let roles = view.schema.roles();
        let recurring = roles.recurring.map(|field| view.schema.field(field).name());
        let amount = self.valuation.amounts.code(customer);
        let wording = wording(view, prospect.entry, &view.profile(customer));
        let entry = view.nudges.entry(prospect.entry);
        CampaignRow {
            customer_id: view.customers.id(customer),
            arm,
            probability: view.customers.probability(customer),
            recurring: Keyed::new(recurring, Some(amount).filter(|amount| !amount.is_nan())),
            nudge: entry.id(),
            category: entry.category_name(),
            title: wording.title,
            message: wording.message,
            reasons: wording.reasons,
            effect: prospect.effect,
            effect_kind: prospect.kind,
            expected_value: prospect.value,
            cost: prospect.cost,
        }
    }

    fn rows(&self, places: Range<usize>) -> impl Iterator<Item = CampaignRow<'w>> + '_ {
        let end = places.end.min(self.listed.len());
        let listed = &self.listed[places.start.min(end)..end];
        listed.iter().map(|listed| self.row(*listed))
    }

    /// The page.
    pub fn page(&self) -> CampaignPage<'w> {
        let request = &self.request;
        let total = self.listed.len();
        let from = request.cursor.offset;
        let end = from
            .saturating_add(request.limit.unwrap_or(USUAL_PAGE))
            .min(total);
        CampaignPage {
            campaign: request.name.clone(),
            holdout: request.holdout,
            months: request.months,
            success: self.valuation.success,
            totals: self.totals,
            left_out: self.left_out,
            items: self.rows(from..end).collect(),
            total,
            next_cursor: Cursor::after(self.valuation.view, end, total),
        }
    }

    /// The list as a CSV file (RFC 4180), and how many customers it has: all of them, unless there is a limit. The id has the name that
    /// the business gives it, so that the file is read again.
    pub fn csv(&self) -> (Vec<u8>, usize) {
        let schema = &self.valuation.view.schema;
        let recurring = schema
            .roles()
            .recurring
            .map(|field| schema.field(field).name());
        let from = self.request.cursor.offset;
        let end = self
            .request
            .limit
            .map_or(usize::MAX, |limit| from.saturating_add(limit));
        let mut file = Vec::new();
        let names = [schema.id_name(), "arm", "probability"]
            .into_iter()
            .chain(recurring)
            .chain([
                "nudge",
                "category",
                "title",
                "message",
                "reasons",
                "effect",
                "effect_kind",
                "expected_value",
                "cost",
            ]);
        let mut header = Line::of(&mut file);
        for name in names {
            let Ok(()) = header.push(name);
        }
        header.end();
        let mut count = 0;
        let mut number = String::new();
        for row in self.rows(from..end) {
            let mut line = Line::of(&mut file);
            let reasons = row.reasons.join(" ");
            let mut push = |cell: Cell<'_>| {
                let Ok(()) = match cell {
                    Cell::Text(text) => line.push(text),
                    Cell::Number(value) => {
                        number.clear();
                        if let Some(value) = value {
                            write!(number, "{value}").expect("memory takes every number");
                        }
                        line.push(&number)
                    }
                };
            };
            push(Cell::Text(row.customer_id));
            push(Cell::Text(row.arm.name()));
            push(Cell::Number(Some(row.probability)));
            if recurring.is_some() {
                push(Cell::Number(*row.recurring.value()));
            }
            for text in [row.nudge, row.category, row.title, &row.message, &reasons] {
                push(Cell::Text(text));
            }
            push(Cell::Number(Some(row.effect)));
            push(Cell::Text(row.effect_kind.name()));
            push(Cell::Number(row.expected_value));
            push(Cell::Number(Some(row.cost)));
            line.end();
            count += 1;
        }
        (file, count)
    }
}

/// A cell of the file.
enum Cell<'c> {
    Text(&'c str),
    /// Blank where it is unknown.
    Number(Option<f64>),
}

#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod tests;
