//! A cohort before and after one change of plan.

use super::table::Table;
use crate::cohort_change::{CohortChange, CohortChangeJson};
use crate::customer::Status;
use crate::encoding;
use crate::error::{FieldError, FieldErrors};
use crate::intake::{self, Json};
use crate::model;
use crate::query::Query;
use crate::selection::{Filters, Selection};
use serde::Serialize;
use utoipa::ToSchema;

/// What a what-if must not be mistaken for.
const CAVEAT: &str = "This is what the model expects of customers who have such a plan today. It is a projection, not the \
    effect that moving customers to the plan would cause; only an experiment shows that.";

/// Whom to change, and how.
#[derive(ToSchema)]
#[schema(as = WhatIfRequest)]
#[allow(dead_code)]
pub struct WhatIfJson {
    /// Which customers are selected; every active one when absent. The same names as in a query; several values as an
    /// array.
    #[schema(required = false)]
    filters: Filters,
    /// What changes for those whom it fits.
    change: CohortChangeJson,
}

/// Whom to change, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIfRequest {
    /// Which customers are meant.
    pub selection: Selection,
    /// What changes for those whom it fits.
    pub change: CohortChange,
}

impl WhatIfRequest {
    /// Reads `filters` and `change` from a JSON object.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(json: &Json) -> Result<Self, FieldErrors> {
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
                    selection = Selection::from_query(&mut query);
                    if let Err(found) = query.finish() {
                        errors.within(name, |errors| errors.append(found));
                    }
                }
                ("filters", _) => errors.add(name, "must be an object of filters"),
                ("change", value) => match CohortChange::from_json(value) {
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
    pub fn project(&self) -> WhatIf {
        let mut selected = Table::get().select(&self.selection);
        selected.retain(|row| self.selection.admits_status(row.status));
        let (mut before, mut changed_before) = (Cohort::default(), Cohort::default());
        let mut monthly_charges = Vec::new();
        let mut encoded: Vec<f32> = Vec::new();
        for row in &selected {
            before.add(row.probability, row.monthly_charges());
            if let Some(changed) = self.change.applied(&row.customer.profile()) {
                changed_before.add(row.probability, row.monthly_charges());
                monthly_charges.push(changed.monthly_charges);
                encoded.extend(encoding::encode(&changed));
            }
        }
        let mut changed_after = Cohort::default();
        for (probability, monthly_charges) in model::probabilities(&encoded)
            .into_iter()
            .zip(&monthly_charges)
        {
            changed_after.add(probability, *monthly_charges);
        }
        WhatIf {
            customers: selected.len(),
            statuses: self.selection.statuses(),
            changed: monthly_charges.len(),
            before,
            after: before.replacing(changed_before, changed_after),
            changed_before,
            changed_after,
            caveat: CAVEAT,
        }
    }
}

/// What is expected of some customers on some plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Cohort {
    /// How many are expected to leave: the sum of their churn probabilities.
    pub expected_churners: f64,
    /// What they pay, in dollars a month.
    pub monthly_revenue: f64,
    /// What is expected to go with those who leave, in dollars a month.
    pub revenue_at_risk: f64,
}

impl Cohort {
    fn add(&mut self, probability: f64, monthly_charges: f64) {
        self.expected_churners += probability;
        self.monthly_revenue += monthly_charges;
        self.revenue_at_risk += monthly_charges * probability;
    }

    /// The cohort with one of its parts replaced by another. What the two have in common stays exactly as it is.
    fn replacing(self, part: Self, by: Self) -> Self {
        let replaced = |whole: f64, part: f64, by: f64| whole + (by - part);
        Self {
            expected_churners: replaced(
                self.expected_churners,
                part.expected_churners,
                by.expected_churners,
            ),
            monthly_revenue: replaced(
                self.monthly_revenue,
                part.monthly_revenue,
                by.monthly_revenue,
            ),
            revenue_at_risk: replaced(
                self.revenue_at_risk,
                part.revenue_at_risk,
                by.revenue_at_risk,
            ),
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
    use crate::customer::Contract;
    use crate::population;

    fn request(json: &str) -> Result<WhatIfRequest, FieldErrors> {
        WhatIfRequest::from_json(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_cohort_is_what_its_customers_add_up_to() {
        let json = r#"{"filters":{"contract":["Month-to-month","One year"],"tenure_max":24},"change":{"contract":"One year"}}"#;
        let request = request(json).unwrap();
        let answer = request.project();
        let (mut expected, mut unchanged) = (0.0, 0.0);
        let (mut customers, mut changed) = (0, 0);
        let active = population::all().filter(|customer| !customer.churned());
        for profile in active.map(|customer| customer.profile()) {
            if profile.contract == Contract::TwoYear || profile.tenure_months > 24 {
                continue;
            }
            customers += 1;
            if profile.contract == Contract::MonthToMonth {
                changed += 1;
                expected += model::probability(&crate::customer::Profile {
                    contract: Contract::OneYear,
                    ..profile
                });
            } else {
                unchanged += model::probability(&profile);
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
            let answer = request(&json).unwrap().project();
            let selection = Selection::from_query(&mut Query::parse(query).unwrap());
            let analytics = crate::analytics::read(&selection);
            assert_eq!(answer.customers, analytics.group.count, "{query}");
            assert_eq!(answer.statuses, analytics.statuses);
            let pairs = [
                (answer.before.expected_churners, analytics.expected_churners),
                (answer.before.monthly_revenue, analytics.monthly_revenue),
                (answer.before.revenue_at_risk, analytics.revenue_at_risk),
            ];
            for (found, expected) in pairs {
                assert!((found - expected).abs() < 1e-9 * expected, "{query}");
            }
        }
    }

    #[test]
    fn a_change_that_fits_nobody_changes_nothing() {
        let json = r#"{"filters":{"internet_service":"No"},"change":{"tech_support":true}}"#;
        let answer = request(json).unwrap().project();
        assert!(answer.customers > 0);
        assert_eq!(answer.before, answer.after);
        assert!(answer.before.expected_churners > 0.0);
        assert_eq!(
            (answer.changed, answer.changed_before, answer.changed_after),
            (0, Cohort::default(), Cohort::default())
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_with_where() {
        let json = r#"{"filters":{"colour":"red","tenure_min":[1,2]},"change":{"contract":"Weekly"},"who":1}"#;
        let errors = request(json).unwrap_err();
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
        assert_eq!(request("{}").unwrap_err().listed()[0].pointer, "/change");
        assert_eq!(request("[]").unwrap_err().listed()[0].pointer, "");
    }
}
