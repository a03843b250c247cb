//! Which customers are meant: the filters that the directory, the explanations and the analytics share.

use crate::customer::{Contract, InternetService, PaymentMethod, Status, Variant, vocabulary};
use crate::encoding::{FIELDS, Kind, at};
use crate::lifecycle::{Persona, Stage};
use crate::model::RiskLevel;
use crate::population::Customer;
use crate::query::Query;
use utoipa::{IntoParams, ToSchema};

vocabulary! {
    /// What need not be known of a customer.
    Optional { /// Dollars so far.
        TotalCharges = "total_charges", /// Active days in the last 30.
        UsageFrequency = "usage_frequency", /// Support calls in the last 90 days.
        SupportCalls = "support_calls", /// Days the last invoice was late.
        PaymentDelay = "payment_delay", /// Arm of the experiment.
        Variant = "variant" }
}

/// The filters. All must hold; each that names values may be repeated to allow any of several.
#[derive(IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Filters {
    /// `active` for customers who stayed or whose outcome is not known yet, `left` for those who left. When absent, directory,
    /// analytics and what-if select active customers, explanations everybody. In the analytics it narrows counts, money and
    /// expected churners; rates, calibration, drivers and experiments are always about everybody with a known outcome.
    #[serde(default)]
    status: Vec<Status>,
    /// The contract.
    #[serde(default)]
    contract: Vec<Contract>,
    /// The kind of internet line.
    #[serde(default)]
    internet_service: Vec<InternetService>,
    /// How bills are paid.
    #[serde(default)]
    payment_method: Vec<PaymentMethod>,
    /// The arm of the experiment.
    #[serde(default)]
    variant: Vec<Variant>,
    /// The persona.
    #[serde(default)]
    persona: Vec<Persona>,
    /// The lifecycle stage.
    #[serde(default)]
    stage: Vec<Stage>,
    /// The risk level.
    #[serde(default)]
    risk_level: Vec<RiskLevel>,
    /// 65 years or older.
    #[serde(default)]
    senior_citizen: Vec<bool>,
    /// What is not known of the customer.
    #[serde(default)]
    missing: Vec<Optional>,
    /// Fewest months as a customer, 0 to 600.
    #[serde(default)]
    #[param(minimum = 0, maximum = 600)]
    #[schema(minimum = 0, maximum = 600)]
    tenure_min: u16,
    /// Most months as a customer, 0 to 600.
    #[serde(default)]
    #[param(minimum = 0, maximum = 600)]
    #[schema(minimum = 0, maximum = 600)]
    tenure_max: u16,
    /// Fewest active days in the last 30.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30)]
    #[schema(minimum = 0, maximum = 30)]
    usage_frequency_min: u16,
    /// Most active days in the last 30.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30)]
    #[schema(minimum = 0, maximum = 30)]
    usage_frequency_max: u16,
    /// Fewest support calls in the last 90 days.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1000)]
    #[schema(minimum = 0, maximum = 1000)]
    support_calls_min: u16,
    /// Most support calls in the last 90 days.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1000)]
    #[schema(minimum = 0, maximum = 1000)]
    support_calls_max: u16,
    /// Fewest days the last invoice was late.
    #[serde(default)]
    #[param(minimum = 0, maximum = 365)]
    #[schema(minimum = 0, maximum = 365)]
    payment_delay_min: u16,
    /// Most days the last invoice was late.
    #[serde(default)]
    #[param(minimum = 0, maximum = 365)]
    #[schema(minimum = 0, maximum = 365)]
    payment_delay_max: u16,
    /// Fewest dollars a month.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    monthly_charges_min: f64,
    /// More dollars a month than any of them pays.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    monthly_charges_below: f64,
    /// Fewest dollars so far.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    total_charges_min: f64,
    /// More dollars so far than any of them paid.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1_000_000)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    total_charges_below: f64,
}

/// A filter that names values.
pub(crate) struct ChoiceFilter {
    /// The parameter.
    pub name: &'static str,
    /// What it may name.
    pub values: &'static [&'static str],
}

/// The filters that name values, in the order of [`Traits::choices`].
pub(crate) const CHOICES: [ChoiceFilter; 8] = [
    choice("contract", Contract::NAMES),
    choice("internet_service", InternetService::NAMES),
    choice("payment_method", PaymentMethod::NAMES),
    choice("variant", Variant::NAMES),
    choice("persona", Persona::NAMES),
    choice("stage", Stage::NAMES),
    choice("risk_level", RiskLevel::NAMES),
    choice("senior_citizen", &["false", "true"]),
];

const fn choice(name: &'static str, values: &'static [&'static str]) -> ChoiceFilter {
    ChoiceFilter { name, values }
}

/// Where the filter of this name stands in [`CHOICES`].
pub(crate) fn choice_index(name: &str) -> usize {
    let index = CHOICES.iter().position(|filter| filter.name == name);
    index.expect("only names that stand there are asked for")
}

/// The filter by what is missing; its values are [`Optional`].
pub(crate) const MISSING: &str = "missing";

/// The filter by status; its values are [`Status`].
const STATUS: &str = "status";

/// A pair of filters that bound a number. Whole numbers have a largest value, dollars a limit that none reaches, so that
/// neighbouring ranges of either kind neither overlap nor leave a gap.
pub(crate) struct RangeFilter {
    /// Position in [`FIELDS`].
    pub position: usize,
    /// The parameter for the smallest value.
    pub min: &'static str,
    /// The parameter for the upper end.
    pub end: &'static str,
}

/// The filters that bound numbers, in the order of [`Traits::amounts`].
pub(crate) const RANGES: [RangeFilter; 6] = [
    range(at::TENURE_MONTHS, "tenure_min", "tenure_max"),
    range(
        at::USAGE_FREQUENCY,
        "usage_frequency_min",
        "usage_frequency_max",
    ),
    range(at::SUPPORT_CALLS, "support_calls_min", "support_calls_max"),
    range(at::PAYMENT_DELAY, "payment_delay_min", "payment_delay_max"),
    range(
        at::MONTHLY_CHARGES,
        "monthly_charges_min",
        "monthly_charges_below",
    ),
    range(
        at::TOTAL_CHARGES,
        "total_charges_min",
        "total_charges_below",
    ),
];

const fn range(position: usize, min: &'static str, end: &'static str) -> RangeFilter {
    RangeFilter { position, min, end }
}

impl RangeFilter {
    /// Reads both ends; what is wrong with them, the query notes.
    fn read(&self, query: &mut Query) -> Option<HalfOpen> {
        let (from, below) = match FIELDS[self.position].kind {
            Kind::Whole(limit) => {
                let limit = limit as u16;
                let from = query.number(self.min, 0..=limit).map(f64::from);
                let to = query.number(self.end, 0..=limit).map(f64::from);
                (from, to.map(|to| to + 1.0))
            }
            Kind::Dollars(limit) => (
                query.number(self.min, 0.0..=limit),
                query.number(self.end, 0.0..=limit),
            ),
            _ => (None, None),
        };
        if let (Some(from), Some(below)) = (from, below)
            && from >= below
        {
            query.refuse(
                self.min,
                format!("leaves nothing: {from} lies above what {} allows", self.end),
            );
        }
        (from.is_some() || below.is_some()).then(|| HalfOpen {
            from: from.unwrap_or(0.0),
            below: below.unwrap_or(f64::INFINITY),
        })
    }
}

/// The numbers from one to below another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HalfOpen {
    from: f64,
    below: f64,
}

/// Any of some values, as bits by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AnyOf(u8);

impl AnyOf {
    /// All values, and none.
    const WHATEVER: Self = Self(u8::MAX);

    /// Customers who have not left.
    const ACTIVE: Self = Self(1 << Status::Active as u8);

    /// These values, or whatever there is when none was named.
    fn of(codes: &[usize]) -> Self {
        Self::of_or(codes, Self::WHATEVER)
    }

    /// These values, or the others when none was named.
    fn of_or(codes: &[usize], otherwise: Self) -> Self {
        match codes {
            [] => otherwise,
            codes => Self(codes.iter().fold(0, |bits, code| bits | 1 << code)),
        }
    }

    /// Whether the value with this code is one of them.
    fn has(self, code: u8) -> bool {
        self.0 >> code & 1 != 0
    }
}

/// What the filters look at of a customer, packed so that a population is passed through them at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// Code of each of [`CHOICES`]; [`Traits::NONE`] where there is none.
    pub choices: [u8; CHOICES.len()],
    /// Each of [`RANGES`]; NaN where it is not known.
    pub amounts: [f64; RANGES.len()],
    /// What is not known, as bits by the code of [`Optional`].
    missing: u8,
}

impl Traits {
    /// The code of no value; no enum of the filters has that many.
    pub const NONE: u8 = 7;

    /// What the filters look at of this customer.
    pub fn of(customer: Customer) -> Self {
        let codes = customer.codes();
        let profile = customer.profile();
        let missing = Optional::ALL.iter().filter(|field| {
            let position = match field {
                Optional::TotalCharges => at::TOTAL_CHARGES,
                Optional::UsageFrequency => at::USAGE_FREQUENCY,
                Optional::SupportCalls => at::SUPPORT_CALLS,
                Optional::PaymentDelay => at::PAYMENT_DELAY,
                Optional::Variant => at::VARIANT,
            };
            codes[position].is_nan()
        });
        Self {
            choices: [
                profile.contract as u8,
                profile.internet.service() as u8,
                profile.payment_method as u8,
                profile.variant.map_or(Self::NONE, |variant| variant as u8),
                Persona::of(&profile) as u8,
                Stage::of(&profile) as u8,
                customer.risk_level() as u8,
                u8::from(profile.senior_citizen),
            ],
            amounts: RANGES.map(|range| codes[range.position]),
            missing: missing.fold(0, |bits, field| bits | 1 << *field as u8),
        }
    }
}

/// A set of customers, described by filters. All filters must hold; within one, any of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    choices: [AnyOf; CHOICES.len()],
    ranges: [Option<HalfOpen>; RANGES.len()],
    missing: AnyOf,
    statuses: AnyOf,
}

impl Default for Selection {
    /// Every active customer.
    fn default() -> Self {
        Self {
            statuses: AnyOf::ACTIVE,
            choices: [AnyOf::WHATEVER; CHOICES.len()],
            ranges: [None; RANGES.len()],
            missing: AnyOf::WHATEVER,
        }
    }
}

impl Selection {
    /// Reads the filters among the parameters of a query; without a status, customers who left are not selected. What is
    /// wrong with the filters, the query notes.
    pub fn from_query(query: &mut Query) -> Self {
        Self::with_usual_statuses(query, AnyOf::ACTIVE)
    }

    /// As [`Self::from_query`], but without a status customers who left are selected, too.
    pub fn of_everybody(query: &mut Query) -> Self {
        Self::with_usual_statuses(query, AnyOf::WHATEVER)
    }

    fn with_usual_statuses(query: &mut Query, usual: AnyOf) -> Self {
        Self {
            statuses: AnyOf::of_or(&query.choices(STATUS, Status::NAMES), usual),
            choices: CHOICES.map(|filter| AnyOf::of(&query.choices(filter.name, filter.values))),
            ranges: RANGES.map(|filter| filter.read(query)),
            missing: AnyOf::of(&query.choices(MISSING, Optional::NAMES)),
        }
    }

    /// Whether the customer is selected.
    pub fn contains(&self, customer: Customer) -> bool {
        self.admits_status(customer.status()) && self.admits(&Traits::of(customer))
    }

    /// The statuses that are selected.
    pub fn statuses(&self) -> Vec<Status> {
        let all = Status::ALL.iter().copied();
        all.filter(|status| self.admits_status(*status)).collect()
    }

    /// Whether customers with this status are selected.
    pub(crate) fn admits_status(&self, status: Status) -> bool {
        self.statuses.has(status as u8)
    }

    /// Whether a customer with these traits is selected, whatever the status.
    pub(crate) fn admits(&self, traits: &Traits) -> bool {
        let mut chosen = self.choices.iter().zip(traits.choices);
        let mut bounded = self.ranges.iter().zip(traits.amounts);
        chosen.all(|(filter, code)| filter.has(code))
            && bounded.all(|(filter, amount)| {
                filter.is_none_or(|range| range.from <= amount && amount < range.below)
            })
            && (self.missing == AnyOf::WHATEVER || self.missing.0 & traits.missing != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population;

    fn select(query: &str) -> Vec<Customer> {
        let mut query = Query::parse(query).unwrap();
        let selection = Selection::from_query(&mut query);
        query.finish().unwrap();
        population::all()
            .filter(|customer| selection.contains(*customer))
            .collect()
    }

    const EVERYBODY: &str = "status=active&status=left";

    #[test]
    fn status_selects_active_customers_unless_it_is_given() {
        let churned = |query: &str| -> Vec<bool> {
            select(query).into_iter().map(Customer::churned).collect()
        };
        assert!(!churned("").is_empty() && !churned("").contains(&true));
        assert_eq!(churned("status=active"), churned(""));
        assert!(!churned("status=left").is_empty() && !churned("status=left").contains(&false));
        assert_eq!(
            churned(EVERYBODY).len(),
            churned("").len() + churned("status=left").len()
        );
        let of_everybody = |text: &str| {
            let mut query = Query::parse(text).unwrap();
            let selection = Selection::of_everybody(&mut query);
            query.finish().unwrap();
            population::all()
                .filter(|customer| selection.contains(*customer))
                .count()
        };
        assert_eq!(of_everybody(""), population::len());
        assert_eq!(of_everybody("status=left"), churned("status=left").len());
    }

    #[test]
    fn filters_combine() {
        assert_eq!(select(EVERYBODY).len(), population::len());
        let some =
            select("contract=One+year&contract=Two+year&tenure_min=3&tenure_max=9&variant=B");
        assert!(!some.is_empty());
        for customer in some {
            let profile = customer.profile();
            assert_ne!(profile.contract, Contract::MonthToMonth);
            assert!((3..=9).contains(&profile.tenure_months));
            assert_eq!(profile.variant, Some(Variant::B));
        }
    }

    #[test]
    fn neighbouring_ranges_of_dollars_share_no_customer() {
        let below = select(&format!("monthly_charges_below=70&{EVERYBODY}"));
        let above = select(&format!("monthly_charges_min=70&{EVERYBODY}"));
        assert!(
            above
                .iter()
                .any(|customer| customer.profile().monthly_charges == 70.0)
        );
        assert_eq!(below.len() + above.len(), population::len());
    }

    #[test]
    fn what_is_not_known_lies_in_no_range_but_can_be_asked_for() {
        let missing = select(&format!(
            "missing=total_charges&missing=variant&{EVERYBODY}"
        ));
        assert!(!missing.is_empty());
        for customer in &missing {
            assert_eq!(customer.profile().total_charges, None);
        }
        assert_eq!(
            select(&format!("total_charges_min=0&{EVERYBODY}")).len() + missing.len(),
            population::len()
        );
    }

    #[test]
    fn no_value_has_the_code_of_none() {
        for filter in &CHOICES {
            assert!(
                filter.values.len() <= usize::from(Traits::NONE),
                "{}",
                filter.name
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_said() {
        let text = "status=gone&persona=nobody&tenure_min=9&tenure_max=3&monthly_charges_below=nan&total_charges_min=-1";
        let mut query = Query::parse(text).unwrap();
        Selection::from_query(&mut query);
        let errors = query.finish().unwrap_err();
        assert_eq!(errors.count(), 5, "{errors:?}");
    }
}
