//! Whom to treat, by one of the workspace's experiments, for any selection of its customers.

use super::experiment::{Segments, named};
use crate::View;
use crate::measured::{Arms, FIRST_TREATMENT, assignment, comparison_with};
use crate::query::Query;
use crate::selection::Selection;
use crate::vocabulary;
use ::experiment::{
    FOLDS, Interval, NormalEstimate, PolicyDecision, PolicyReadout, PolicyTerms, PolicyValue,
    Ranking, Subject, Subjects,
};
use schema::Schema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::ops::RangeInclusive;
use utoipa::{IntoParams, ToSchema};

const TREATMENT: &str = "treatment";
const COST: &str = "cost";
const MONTHS: &str = "months";
const VALUE: &str = "value";
const BUDGET: &str = "budget";

/// Amounts of money for one customer.
const AMOUNTS: RangeInclusive<f64> = 0.0..=1e9;
/// Amounts of money for all customers.
const BUDGETS: RangeInclusive<f64> = 0.0..=1e15;
const MONTHS_RANGE: RangeInclusive<f64> = 0.0..=1_200.0;
const USUAL_MONTHS: f64 = 12.0;

/// What may be asked about a policy beside the filters, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct PolicyParameters {
    /// The experiment; the first one when absent.
    #[param(required = false, value_type = vocabulary::ExperimentName)]
    experiment: String,
    /// The arm of the experiment that is compared with control; its first treatment when absent.
    #[param(required = false, value_type = vocabulary::Treatment)]
    treatment: String,
    /// What it costs to treat one customer, in the schema's currency; nothing when absent.
    #[param(required = false, minimum = 0, maximum = 1_000_000_000)]
    cost: f64,
    /// How many months of the recurring amount it is worth to keep a customer; 12 when absent.
    #[param(required = false, minimum = 0, maximum = 1200)]
    months: f64,
    /// What it is worth to keep a customer, whoever it is, in the schema's currency, in place of `months`.
    #[param(required = false, minimum = 0, maximum = 1_000_000_000)]
    value: f64,
    /// The most that treating may cost altogether.
    #[param(required = false, minimum = 0, maximum = 1_000_000_000_000_000_u64)]
    budget: f64,
}

/// What it is worth to keep a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Worth {
    /// Months of the customer's recurring amount.
    Months(f64),
    /// The same for everybody, in money.
    Value(f64),
    /// One, because there is no money.
    Customer,
}

/// Which experiment says whom to treat, on what terms, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRequest {
    experiment: usize,
    /// A position among the arms.
    treatment: usize,
    selection: Selection,
    worth: Worth,
    terms: PolicyTerms,
}

/// On which terms the policies are compared.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Terms<'w> {
    /// The arm that is compared with control.
    #[schema(value_type = vocabulary::Treatment)]
    pub treatment: &'w str,
    /// What it costs to treat one customer.
    pub cost: f64,
    /// How many months of the recurring amount it is worth to keep a customer; null where another worth is used.
    #[schema(required)]
    pub months: Option<f64>,
    /// The field of the recurring amount; null where it is not used.
    #[schema(required)]
    pub recurring: Option<&'w str>,
    /// What it is worth to keep any customer; null where another worth is used.
    #[schema(required)]
    pub value: Option<f64>,
    /// The most that treating may cost altogether; null without a limit.
    #[schema(required)]
    pub budget: Option<f64>,
    /// The currency of costs and values, ISO 4217. Null where the business has no recurring amount and no `value` is given: then a value is a
    /// number of customers kept.
    #[schema(required)]
    pub currency: Option<&'w str>,
}

/// Whom to treat, by an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Policy<'w> {
    /// The experiment.
    #[schema(value_type = vocabulary::ExperimentName)]
    pub experiment: &'w str,
    /// What each arm is offered.
    pub arms: Arms<'w>,
    /// What is compared, in one sentence.
    pub comparison: String,
    /// On which terms.
    pub terms: Terms<'w>,
    /// How many customers of both arms have a known outcome. Numbers of customers and amounts are about as many, alike in all.
    pub customers: usize,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub readout: PolicyReadout,
    /// What to do and why, in one sentence.
    pub reason: String,
    /// What this must not be mistaken for.
    pub caveat: &'static str,
}

const CAVEAT: &str = "Numbers are about as many customers as the experiment compared, alike in all: treating other customers, or at \
    another time, may do something else.";

impl PolicyRequest {
    /// Reads the filters and terms from a query. What is wrong with them becomes an error of the query.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let selection = Selection::from_query(view, query);
        let experiment = named(view, query);
        Self {
            experiment,
            treatment: treatment(view, experiment, query),
            selection,
            worth: Worth::Customer,
            terms: PolicyTerms::default(),
        }
        .with_terms(view, query)
    }

    fn with_terms(mut self, view: &View<'_>, query: &mut Query) -> Self {
        let has_recurring = view.schema.roles().recurring.is_some();
        let cost = query.number(COST, AMOUNTS);
        let months = query.number(MONTHS, MONTHS_RANGE);
        let value = query.number(VALUE, AMOUNTS);
        let budget = query.number(BUDGET, BUDGETS);
        if let (Some(_), Some(_)) = (months, value) {
            query.refuse(MONTHS, "can't be combined with value");
        }
        if months.is_some() && !has_recurring {
            query.refuse(
                MONTHS,
                "needs a recurring amount, which the business does not have; give a value",
            );
        }
        self.worth = match value {
            Some(value) => Worth::Value(value),
            None if has_recurring => Worth::Months(months.unwrap_or(USUAL_MONTHS)),
            None => Worth::Customer,
        };
        if self.worth == Worth::Customer && cost.is_some_and(|cost| cost > 0.0) {
            query.refuse(
                COST,
                "needs a value to compare it with, because the business has no recurring amount",
            );
        }
        if let (Some(cost), Some(budget)) = (cost, budget)
            && budget < cost
        {
            query.refuse(
                BUDGET,
                format_args!("pays for nobody: treating one customer costs {cost}, got {budget}"),
            );
        }
        self.terms = PolicyTerms {
            cost: cost.unwrap_or(0.0),
            budget,
        };
        self
    }

    /// Whom to treat; none where the schema has no experiment.
    pub fn read<'w>(&self, view: &View<'w>) -> Option<Policy<'w>> {
        let described = view.schema.experiments().nth(self.experiment)?;
        let arms = Arms::with(view, self.experiment, self.treatment)?;
        let subjects = self.subjects(view)?;
        let readout = subjects.read_policy(self.terms);
        let terms = self.described(view, arms.treatment.arm);
        let words = Words {
            schema: &view.schema,
            has_money: terms.currency.is_some(),
            is_limited: (self.terms.budget)
                .is_some_and(|budget| budget < self.terms.cost * subjects.len() as f64),
            customers: subjects.len(),
        };
        Some(Policy {
            experiment: described.name(),
            comparison: arms.comparison(),
            arms,
            terms,
            customers: subjects.len(),
            reason: words.reason(&readout),
            readout,
            caveat: CAVEAT,
        })
    }

    fn described<'w>(&self, view: &View<'w>, treatment: &'w str) -> Terms<'w> {
        let recurring = view.schema.roles().recurring;
        let (months, value) = match self.worth {
            Worth::Months(months) => (Some(months), None),
            Worth::Value(value) => (None, Some(value)),
            Worth::Customer => (None, None),
        };
        let has_money = self.worth != Worth::Customer;
        Terms {
            treatment,
            cost: self.terms.cost,
            months,
            recurring: recurring
                .filter(|_| months.is_some())
                .map(|field| view.schema.field(field).name()),
            value,
            budget: self.terms.budget,
            currency: has_money.then(|| view.schema.currency()),
        }
    }

    /// The customers of the two arms with a known outcome, whatever their status: an outcome is what is compared.
    fn subjects(&self, view: &View<'_>) -> Option<Subjects> {
        let described = view.schema.experiments().nth(self.experiment)?;
        let ([control, treatment], settings) = comparison_with(&described, self.treatment)?;
        let segments: Vec<Segments<'_>> = described
            .segments()
            .filter_map(|name| Segments::named(view, name))
            .map(|(_, segments)| segments)
            .collect();
        let customers = &view.customers;
        let arms = customers.column(described.field());
        let recurring = view.schema.roles().recurring;
        let recurring = recurring.map(|field| customers.column(field));
        let [_, treatment_share] = settings.expected_split;
        let mask = self.selection.mask_of_any_status(view, 0..customers.len());
        let folds = folds(view);
        let mut subjects = Subjects::new(treatment_share, segments.len());
        for customer in (0..mask.len()).filter(|customer| mask[*customer]) {
            let Some(assignment) = assignment(arms.code(customer), control, treatment) else {
                continue;
            };
            let Some(left) = customers.outcome(customer).left() else {
                continue;
            };
            let probability = customers.probability(customer);
            let worth = match (self.worth, recurring) {
                // An unknown amount is worth nothing, as everywhere.
                (Worth::Months(months), Some(amounts)) => {
                    Some(amounts.code(customer) * months).filter(|worth| !worth.is_nan())
                }
                (Worth::Value(value), _) => Some(value),
                (Worth::Customer, _) => Some(1.0),
                (Worth::Months(_), None) => None,
            };
            let subject = Subject {
                assignment,
                left,
                probability,
                score: probability,
                fold: folds[customer],
                worth: worth.unwrap_or(0.0),
            };
            let within = segments.iter().map(|segments| segments.of(customer));
            subjects.push(
                subject,
                within.map(|segment| u16::try_from(segment).unwrap_or(Subjects::NO_SEGMENT)),
            );
        }
        Some(subjects)
    }
}

/// Reads the position among the arms of the treatment that a query names; that of the first where it names none.
fn treatment(view: &View<'_>, experiment: usize, query: &mut Query) -> usize {
    let arms = Arms::all(view, experiment).unwrap_or_default();
    let treatments = arms.get(FIRST_TREATMENT..).unwrap_or_default();
    let names = treatments.iter().map(|arm| arm.arm);
    let named = match treatments.is_empty() {
        true => None,
        false => query.choice(TREATMENT, names),
    };
    FIRST_TREATMENT + named.unwrap_or(0)
}

/// Every customer's fold.
fn folds<'v>(view: &'v View<'_>) -> &'v [u8] {
    view.folds.get_or_init(|| {
        let customers = 0..view.customers.len();
        customers
            .map(|customer| fold(view.customers.id(customer)))
            .collect()
    })
}

/// The fold of a customer: the first eight bytes of the SHA-256 of its id, as a number, modulo the number of folds.
fn fold(id: &str) -> u8 {
    let digest = Sha256::digest(id.as_bytes());
    let first = digest
        .first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first));
    (first % FOLDS as u64) as u8
}

/// What a policy's sentence is worded with.
struct Words<'a, 'w> {
    schema: &'a Schema<'w>,
    has_money: bool,
    /// Whether the budget is not enough for everybody.
    is_limited: bool,
    /// How many customers were compared.
    customers: usize,
}

impl Words<'_, '_> {
    fn reason(&self, readout: &PolicyReadout) -> String {
        let [control, treatment] = [readout.control.users, readout.treatment.users];
        let Some(evaluation) = &readout.evaluation else {
            let empty = if control == 0 { "control" } else { "treatment" };
            return format!("The data can't tell: nobody of the {empty} arm has a known outcome.");
        };
        let everybody = &evaluation.everybody;
        match (readout.decision, &readout.treated) {
            (PolicyDecision::Invalid, _) => format!(
                "The data can't tell: the arms hold {} and {} customers, too far from their planned shares to be chance, so they can't be \
                 compared.",
                grouped(control as f64),
                grouped(treatment as f64)
            ),
            (PolicyDecision::TreatEverybody, Some(treated)) => format!(
                "Treat everybody, {}: {}, and no part of them is shown to be worth more.",
                self.some(&treated.policy),
                self.outcome(&treated.policy, treated.simultaneous)
            ),
            (PolicyDecision::TreatFirst, Some(treated)) => format!(
                "Treat the {} of the customers with the {}, {}: {}; {}.",
                percent(treated.policy.share),
                match treated.ranking {
                    Ranking::EstimatedEffect => "largest estimated effect",
                    _ => "highest churn score",
                },
                self.some(&treated.policy),
                self.outcome(&treated.policy, treated.simultaneous),
                match everybody.value.interval.0[0] > 0.0 {
                    true if self.is_limited => "the budget is not enough for everybody",
                    true => "treating everybody is shown to be worth less",
                    false => "treating everybody is not shown to pay",
                }
            ),
            (PolicyDecision::TreatAny, Some(treated)) => format!(
                "Treat as many as the budget allows, {}, in any order: {}; nothing shows whom to prefer.",
                self.some(&treated.policy),
                self.outcome(&treated.policy, treated.simultaneous)
            ),
            (PolicyDecision::TreatNobody, _) => format!(
                "Treat nobody: treating everybody would be worth {}{}, and no part of them is shown to pay.",
                self.estimate(&everybody.value),
                self.after_cost(everybody)
            ),
            _ => {
                let Interval([low, high]) = everybody.value.interval;
                format!(
                    "The data can't tell: treating everybody is worth anything from {} to {}{}, and no part of them is shown to pay.",
                    self.amount(low),
                    self.amount(high),
                    self.after_cost(everybody)
                )
            }
        }
    }

    /// How many of the customers these are.
    fn some(&self, policy: &PolicyValue) -> String {
        match policy.customers as usize == self.customers {
            true => format!("{} customers", grouped(policy.customers as f64)),
            false => format!(
                "{} of {} customers",
                grouped(policy.customers as f64),
                grouped(self.customers as f64)
            ),
        }
    }

    /// What treating them does.
    fn outcome(&self, policy: &PolicyValue, interval: Interval) -> String {
        let kept = &policy.customers_kept;
        let Interval([low, high]) = kept.interval;
        let kept = format!(
            "{} more stay ({} to {})",
            grouped(kept.estimate),
            grouped(low),
            grouped(high)
        );
        if !self.has_money {
            return kept;
        }
        let Interval([low, high]) = interval;
        format!(
            "{kept}, worth {} ({} to {}){}",
            self.amount(policy.value.estimate),
            self.amount(low),
            self.amount(high),
            self.after_cost(policy)
        )
    }

    fn after_cost(&self, policy: &PolicyValue) -> &'static str {
        match policy.cost > 0.0 {
            true => " after the cost",
            false => "",
        }
    }

    fn estimate(&self, value: &NormalEstimate) -> String {
        let Interval([low, high]) = value.interval;
        let [estimate, low, high] = [value.estimate, low, high].map(|amount| self.amount(amount));
        format!("{estimate} ({low} to {high})")
    }

    /// A value: money without cents, or customers.
    fn amount(&self, amount: f64) -> String {
        let digits = grouped(amount.abs());
        let minus = if amount < 0.0 && digits != "0" {
            "-"
        } else {
            ""
        };
        match self.has_money {
            true => format!("{minus}{}{digits}", self.schema.currency_sign()),
            false => format!("{minus}{digits} customers"),
        }
    }
}

/// A share with at most one digit after the point.
fn percent(share: f64) -> String {
    let percent = format!("{:.1}", 100.0 * share);
    percent.strip_suffix(".0").unwrap_or(&percent).to_owned() + "%"
}

/// A number without a fraction, with commas between its thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let minus = if number < 0.0 && digits != "0" {
        "-"
    } else {
        ""
    };
    let mut grouped = String::from(minus);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
