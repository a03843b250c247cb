//! A cohort before and after one change of plan.

use crate::View;
use crate::prediction::Status;
use crate::query::Query;
use crate::selection::Selection;
use crate::vocabulary;
use schema::intake::{self, Json};
use schema::{Change, FieldError, FieldErrors};
use serde::Serialize;
use utoipa::ToSchema;

/// What a what-if must not be mistaken for.
const CAVEAT: &str = "This is what the model expects of customers who have such a plan today. It is a projection, not the \
    effect that moving customers to the plan would cause; only an experiment shows that.";

/// Customers changed at once, so that their rows stay in cache.
const GROUP: usize = 1024;

/// Whom to change, and how.
#[derive(ToSchema)]
#[schema(as = WhatIfRequest)]
#[allow(dead_code)]
pub struct RequestDocument {
    /// Which customers are selected; every active one when absent. The same names as in a query; several values as an
    /// array.
    #[schema(required = false)]
    filters: vocabulary::Filters,
    /// What changes for those whom it fits.
    change: vocabulary::CohortChange,
}

/// Whom to change, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIfRequest {
    /// Which customers are selected.
    pub selection: Selection,
    /// What changes for those whom it fits.
    pub change: Change,
}

impl WhatIfRequest {
    /// Reads `filters` and `change` from a JSON object.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(view: &View<'_>, json: &Json) -> Result<Self, FieldErrors> {
        let Json::Object(members) = json else {
            return Err(FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: "must be an object with filters and change".to_owned(),
            }));
        };
        let mut errors = FieldErrors::default();
        let mut selection = Selection::default();
        let mut change = None;
        for (index, (name, value)) in members.iter().enumerate() {
            match (name.as_str(), value) {
                _ if members[..index].iter().any(|(before, _)| before == name) => {
                    errors.push(intake::given_twice(name, name));
                }
                ("filters", Json::Null) => {}
                ("filters", Json::Object(filters)) => {
                    let mut query = Query::from_members(filters);
                    selection = Selection::from_query(view, &mut query);
                    if let Err(found) = query.finish() {
                        errors.within(name, |errors| errors.append(found));
                    }
                }
                ("filters", _) => errors.add(name, "must be an object of filters"),
                ("change", value) => match view.schema.cohort_change(value) {
                    Ok(read) => change = Some(read),
                    Err(found) => errors.within(name, |errors| errors.append(found)),
                },
                _ => errors.add(name, "is unknown; the members are filters, change"),
            }
        }
        match change {
            Some(change) if errors.is_empty() => Ok(Self { selection, change }),
            None if members.iter().all(|(name, _)| name != "change") => {
                errors.add("change", "is required");
                Err(errors)
            }
            _ => Err(errors),
        }
    }

    /// The selection before and after.
    pub fn project(&self, view: &View<'_>) -> WhatIf {
        let recurring = view.schema.roles().recurring;
        let amount = |codes: &[f64]| recurring.map(|field| codes[field]);
        let none = Cohort::none(recurring.is_some());
        let (mut before, mut changed_before, mut changed_after) = (none, none, none);
        let (mut customers, mut changed) = (0, 0);
        let mut amounts = Vec::new();
        let mut rows: Vec<f32> = Vec::new();
        let mask = self.selection.mask(view);
        for (group, mask) in mask.chunks(GROUP).enumerate() {
            let selected = mask.iter().enumerate().filter(|(_, selected)| **selected);
            for customer in selected.map(|(within, _)| group * GROUP + within) {
                let profile = view.profile(customer);
                let probability = view.customers.probability(customer);
                customers += 1;
                before.add(probability, amount(profile.codes()));
                if let Some(after) = view.schema.apply(&profile, &self.change) {
                    changed += 1;
                    changed_before.add(probability, amount(profile.codes()));
                    amounts.push(amount(after.codes()));
                    view.model.push_row(after.codes(), &mut rows);
                }
            }
            let probabilities = view.model.probabilities(&rows);
            for (probability, amount) in probabilities.into_iter().zip(amounts.drain(..)) {
                changed_after.add(probability, amount);
            }
            rows.clear();
        }
        WhatIf {
            customers,
            statuses: self.selection.statuses(),
            changed,
            before,
            after: before.replacing(changed_before, changed_after),
            changed_before,
            changed_after,
            caveat: CAVEAT,
        }
    }
}

/// What is expected of some customers on some plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Cohort {
    /// How many are expected to leave: the sum of their churn probabilities.
    pub expected_churners: f64,
    /// The recurring amount of all of them, where the schema has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64)]
    pub monthly_revenue: Option<f64>,
    /// What is expected to go with those who leave: the sum of recurring amount times probability, where the schema has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64)]
    pub revenue_at_risk: Option<f64>,
}

impl Cohort {
    /// Nobody, with or without money.
    fn none(money: bool) -> Self {
        Self {
            expected_churners: 0.0,
            monthly_revenue: money.then_some(0.0),
            revenue_at_risk: money.then_some(0.0),
        }
    }

    /// Adds a customer; an unknown amount adds nothing.
    fn add(&mut self, probability: f64, amount: Option<f64>) {
        self.expected_churners += probability;
        let known = amount.filter(|amount| !amount.is_nan());
        if let (Some(amount), Some(revenue), Some(at_risk)) =
            (known, &mut self.monthly_revenue, &mut self.revenue_at_risk)
        {
            *revenue += amount;
            *at_risk += amount * probability;
        }
    }

    /// The cohort with one of its parts replaced by another. What the two have in common stays exactly as it is.
    fn replacing(self, part: Self, by: Self) -> Self {
        let replaced = |whole: f64, part: f64, by: f64| whole + (by - part);
        let money = |figure: fn(&Self) -> Option<f64>| {
            Some(replaced(figure(&self)?, figure(&part)?, figure(&by)?))
        };
        Self {
            expected_churners: replaced(
                self.expected_churners,
                part.expected_churners,
                by.expected_churners,
            ),
            monthly_revenue: money(|cohort| cohort.monthly_revenue),
            revenue_at_risk: money(|cohort| cohort.revenue_at_risk),
        }
    }
}

/// A selection before and after one change of plan.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WhatIf {
    /// How many customers the filters select.
    pub customers: usize,
    /// Their statuses.
    pub statuses: Vec<Status>,
    /// How many of them the change fits: their plan can have it and does not have it yet.
    pub changed: usize,
    /// All selected customers as they are.
    pub before: Cohort,
    /// All selected customers, those whom the change fits having taken it at the price list's prices.
    pub after: Cohort,
    /// Those whom the change fits, as they are.
    pub changed_before: Cohort,
    /// Those whom the change fits, after it.
    pub changed_after: Cohort,
    /// What this must not be mistaken for.
    pub caveat: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    fn request(view: &View<'_>, json: &str) -> Result<WhatIfRequest, FieldErrors> {
        WhatIfRequest::from_json(view, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_cohort_is_what_its_customers_add_up_to() {
        let live = embedded::live(embedded::whole());
        let view = live.view();
        let json = r#"{"filters":{"contract":["Month-to-month","One year"],"tenure_max":24},"change":{"contract":"One year"}}"#;
        let answer = request(view, json).unwrap().project(view);
        let field = |name: &str| view.schema.find(name).unwrap().index();
        let (contract, tenure) = (field("contract"), field("tenure_months"));
        let (mut expected, mut unchanged) = (0.0, 0.0);
        let (mut customers, mut changed) = (0, 0);
        for customer in Selection::default().positions(view) {
            let profile = view.profile(customer);
            if profile.code(contract) == 2.0 || profile.code(tenure) > 24.0 {
                continue;
            }
            customers += 1;
            if profile.code(contract) == 0.0 {
                changed += 1;
                let mut codes = profile.codes().to_vec();
                codes[contract] = 1.0;
                expected += view.model.probability(&codes);
            } else {
                unchanged += view.model.probability(profile.codes());
            }
        }
        assert_eq!((answer.customers, answer.changed), (customers, changed));
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-9 * expected;
        assert!(unchanged > 0.0);
        assert!(close(answer.changed_after.expected_churners, expected));
        assert!(close(answer.after.expected_churners, expected + unchanged));
        let difference =
            |after: Cohort, before: Cohort| after.expected_churners - before.expected_churners;
        let whole = difference(answer.after, answer.before);
        assert!((whole - difference(answer.changed_after, answer.changed_before)).abs() < 1e-9);
        assert!(answer.after.expected_churners < answer.before.expected_churners);
        assert_eq!(answer.after.monthly_revenue, answer.before.monthly_revenue);
    }

    #[test]
    fn before_is_what_the_analytics_say_of_the_same_selection() {
        let live = embedded::live(embedded::whole());
        let view = live.view();
        for (filters, query) in [
            ("{}", ""),
            (r#"{"stage":"growth"}"#, "stage=growth"),
            (
                r#"{"status":["active","left"]}"#,
                "status=active&status=left",
            ),
            (
                r#"{"status":"left","contract":"One year"}"#,
                "status=left&contract=One+year",
            ),
        ] {
            let json = format!(r#"{{"filters":{filters},"change":{{"contract":"One year"}}}}"#);
            let answer = request(view, &json).unwrap().project(view);
            let selection = Selection::from_query(view, &mut Query::parse(query).unwrap());
            let analytics = crate::analytics::read(view, &selection);
            assert_eq!(answer.customers, analytics.group.count, "{query}");
            assert_eq!(answer.statuses, analytics.statuses);
            assert_eq!(
                answer.before,
                Cohort {
                    expected_churners: analytics.expected_churners,
                    monthly_revenue: analytics.monthly_revenue,
                    revenue_at_risk: analytics.revenue_at_risk,
                },
                "{query}"
            );
        }
    }

    #[test]
    fn a_change_that_fits_nobody_changes_nothing() {
        let live = embedded::live(embedded::whole());
        let view = live.view();
        let json = r#"{"filters":{"internet_service":"No"},"change":{"tech_support":true}}"#;
        let answer = request(view, json).unwrap().project(view);
        assert!(answer.customers > 0);
        assert_eq!(answer.before, answer.after);
        assert!(answer.before.expected_churners > 0.0);
        assert_eq!(
            (answer.changed, answer.changed_before, answer.changed_after),
            (0, Cohort::none(true), Cohort::none(true))
        );
    }

    #[test]
    fn faults_are_told_with_where() {
        let live = embedded::live(embedded::whole());
        let json = r#"{"filters":{"colour":"red","tenure_min":[1,2]},"change":{"contract":"Weekly"},"who":1}"#;
        let errors = request(live.view(), json).unwrap_err();
        let pointers: Vec<&str> = errors
            .listed()
            .iter()
            .map(|error| error.pointer.as_str())
            .collect();
        assert_eq!(
            pointers,
            [
                "/filters/tenure_min",
                "/filters/colour",
                "/change/contract",
                "/who"
            ]
        );
        let pointer = |json: &str| {
            request(live.view(), json).unwrap_err().listed()[0]
                .pointer
                .clone()
        };
        assert_eq!(pointer("{}"), "/change");
        assert_eq!(pointer("[]"), "");
    }
}
