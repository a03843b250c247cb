//! Which customers are meant: the filters that the directory, the explanations and the analytics share.

use crate::customer::{Contract, InternetService, PaymentMethod, Variant};
use crate::encoding::{FIELDS, Kind, at};
use crate::lifecycle::{Persona, Stage};
use crate::model::RiskLevel;
use crate::population::Customer;
use crate::query::Query;
use std::ops::RangeInclusive;
use utoipa::IntoParams;

/// Any of some values of an enum, as bits by code; all of them when none was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AnyOf(u8);

impl AnyOf {
    fn of(codes: &[usize]) -> Self {
        match codes {
            [] => Self(u8::MAX),
            codes => Self(codes.iter().fold(0, |bits, code| bits | 1 << code)),
        }
    }

    fn has(self, code: usize) -> bool {
        self.0 & (1 << code) != 0
    }
}

/// The filters, as parameters of a query. All must hold; each may be repeated to allow any of several values.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Filters {
    /// The contract.
    #[param(required = false)]
    contract: Vec<Contract>,
    /// The kind of internet line.
    #[param(required = false)]
    internet_service: Vec<InternetService>,
    /// How bills are paid.
    #[param(required = false)]
    payment_method: Vec<PaymentMethod>,
    /// The arm of the experiment.
    #[param(required = false)]
    variant: Vec<Variant>,
    /// The persona.
    #[param(required = false)]
    persona: Vec<Persona>,
    /// The lifecycle stage.
    #[param(required = false)]
    stage: Vec<Stage>,
    /// The risk level.
    #[param(required = false)]
    risk_level: Vec<RiskLevel>,
    /// 65 years or older.
    #[param(required = false)]
    senior_citizen: Vec<bool>,
    /// Fewest months as a customer.
    #[param(required = false, minimum = 0, maximum = 600)]
    tenure_min: u16,
    /// Most months as a customer.
    #[param(required = false, minimum = 0, maximum = 600)]
    tenure_max: u16,
}

/// A set of customers, described by filters. All filters must hold; within one, any of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    contract: AnyOf,
    internet_service: AnyOf,
    payment_method: AnyOf,
    variant: AnyOf,
    persona: AnyOf,
    stage: AnyOf,
    risk_level: AnyOf,
    senior_citizen: AnyOf,
    tenure_months: RangeInclusive<u16>,
}

impl Default for Selection {
    /// Everyone.
    fn default() -> Self {
        let all = AnyOf::of(&[]);
        Self {
            contract: all,
            internet_service: all,
            payment_method: all,
            variant: all,
            persona: all,
            stage: all,
            risk_level: all,
            senior_citizen: all,
            tenure_months: 0..=u16::MAX,
        }
    }
}

impl Selection {
    /// Reads the filters among the parameters of a query. What is wrong with them, the query notes.
    pub fn from_query(query: &mut Query) -> Self {
        let mut any_of = |name, names| AnyOf::of(&query.choices(name, names));
        let contract = any_of("contract", Contract::NAMES);
        let internet_service = any_of("internet_service", InternetService::NAMES);
        let payment_method = any_of("payment_method", PaymentMethod::NAMES);
        let variant = any_of("variant", Variant::NAMES);
        let persona = any_of("persona", Persona::NAMES);
        let stage = any_of("stage", Stage::NAMES);
        let risk_level = any_of("risk_level", RiskLevel::NAMES);
        let senior_citizen = any_of("senior_citizen", &["false", "true"]);
        let longest = match FIELDS[at::TENURE_MONTHS].kind {
            Kind::Whole(longest) => longest as u16,
            _ => u16::MAX,
        };
        let from = query.number("tenure_min", 0..=longest);
        let to = query.number("tenure_max", 0..=longest);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            query.refuse(
                "tenure_min",
                format!("must not exceed tenure_max, {to}, got {from}"),
            );
        }
        Self {
            contract,
            internet_service,
            payment_method,
            variant,
            persona,
            stage,
            risk_level,
            senior_citizen,
            tenure_months: from.unwrap_or(0)..=to.unwrap_or(u16::MAX),
        }
    }

    /// Whether the customer is meant.
    pub fn contains(&self, customer: Customer) -> bool {
        let profile = customer.profile();
        self.contract.has(profile.contract as usize)
            && self
                .internet_service
                .has(profile.internet.service() as usize)
            && self.payment_method.has(profile.payment_method as usize)
            && self.variant.is_met_by(profile.variant)
            && self.senior_citizen.has(usize::from(profile.senior_citizen))
            && self.tenure_months.contains(&profile.tenure_months)
            && self.risk_level.has(customer.risk_level() as usize)
            && self.stage.has(Stage::of(&profile) as usize)
            && self.persona.has(Persona::of(&profile) as usize)
    }
}

impl AnyOf {
    /// A customer outside the experiment is met only where no variant was asked for.
    fn is_met_by(self, variant: Option<Variant>) -> bool {
        variant.map_or(self.0 == u8::MAX, |variant| self.has(variant as usize))
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

    #[test]
    fn filters_combine() {
        assert_eq!(select("").len(), population::len());
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
    fn what_is_wrong_with_a_filter_is_said() {
        let mut query = Query::parse("persona=nobody&tenure_min=9&tenure_max=3").unwrap();
        Selection::from_query(&mut query);
        let errors = query.finish().unwrap_err();
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
