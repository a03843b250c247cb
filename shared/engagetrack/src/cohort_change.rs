//! One change of plan, for whomever it fits.

use crate::card;
use crate::customer::{AddOn, Contract, InternetService, PaymentMethod, Profile};
use crate::encoding::{self, FIELDS, at};
use crate::error::{FieldError, FieldErrors};
use crate::intake::{self, Json};
use utoipa::ToSchema;

/// The fields of a plan that can be changed; positions in [`FIELDS`].
const CHANGEABLE: [usize; 12] = [
    at::PHONE_SERVICE,
    at::MULTIPLE_LINES,
    at::INTERNET_SERVICE,
    at::ADD_ONS,
    at::ADD_ONS + 1,
    at::ADD_ONS + 2,
    at::ADD_ONS + 3,
    at::ADD_ONS + 4,
    at::ADD_ONS + 5,
    at::CONTRACT,
    at::PAPERLESS_BILLING,
    at::PAYMENT_METHOD,
];

/// A change of plan as JSON: the new value of at least one field. Charges follow from the price list.
#[derive(ToSchema)]
#[schema(as = CohortChange)]
#[allow(dead_code)]
pub struct CohortChangeJson {
    /// Has a telephone.
    phone_service: Option<bool>,
    /// Has several lines; needs a telephone.
    multiple_lines: Option<bool>,
    /// The kind of internet line; without one, all add-ons go.
    internet_service: Option<InternetService>,
    /// Has online security; needs internet, as the five below.
    online_security: Option<bool>,
    /// Has online backup.
    online_backup: Option<bool>,
    /// Has device protection.
    device_protection: Option<bool>,
    /// Has premium technical support.
    tech_support: Option<bool>,
    /// Streams television.
    streaming_tv: Option<bool>,
    /// Streams films.
    streaming_movies: Option<bool>,
    /// The contract.
    contract: Option<Contract>,
    /// Bills come by e-mail.
    paperless_billing: Option<bool>,
    /// How bills are paid.
    payment_method: Option<PaymentMethod>,
}

/// A change of plan that does not contradict itself.
#[derive(Clone, Debug, PartialEq)]
pub struct CohortChange {
    /// Positions in [`FIELDS`] and their new codes.
    codes: Vec<(usize, f64)>,
}

impl CohortChange {
    /// Reads a change from a JSON object; a null changes nothing.
    ///
    /// # Errors
    /// All that is wrong with it: fields that are unknown or not of the plan, values that are not allowed, values that
    /// contradict each other, no change at all.
    pub fn from_json(json: &Json) -> Result<Self, FieldErrors> {
        let names = || CHANGEABLE.map(|position| FIELDS[position].name).join(", ");
        let nothing = || {
            FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: format!("must be an object that changes at least one of {}", names()),
            })
        };
        let Json::Object(members) = json else {
            return Err(nothing());
        };
        let mut errors = FieldErrors::default();
        let mut codes: Vec<(usize, f64)> = Vec::new();
        for (index, (name, value)) in members.iter().enumerate() {
            let position = CHANGEABLE
                .into_iter()
                .find(|position| FIELDS[*position].name == name);
            match position {
                _ if members[..index].iter().any(|(before, _)| before == name) => {
                    errors.push(intake::given_twice(name, name));
                }
                None => errors.add(name, refusal(name, &names())),
                Some(position) => match intake::json_code(FIELDS[position].kind, value) {
                    Ok(code) if code.is_nan() => {}
                    Ok(encoding::IMPOSSIBLE) if needed(position).is_some() => {
                        errors.add(name, "must be true or false");
                    }
                    Ok(code) => codes.push((position, code)),
                    Err(unfit) => errors.add(name, unfit),
                },
            }
        }
        let change = Self { codes };
        change.contradictions().for_each(|error| errors.push(error));
        match change.codes.is_empty() {
            _ if !errors.is_empty() => Err(errors),
            true => Err(nothing()),
            false => Ok(change),
        }
    }

    fn code(&self, position: usize) -> Option<f64> {
        let found = self.codes.iter().find(|(other, _)| *other == position);
        found.map(|(_, code)| *code)
    }

    /// What is added in the same breath in which the line it needs is taken away.
    fn contradictions(&self) -> impl Iterator<Item = FieldError> {
        self.codes.iter().filter_map(|(position, code)| {
            let (line, gone) = needed(*position)?;
            let contradicts = *code == 1.0 && self.code(line) == Some(gone);
            contradicts.then(|| {
                let line = FIELDS[line].name;
                FieldError::new(
                    FIELDS[*position].name,
                    format!("needs the line that {line} takes away"),
                )
            })
        })
    }

    /// The profile after the change, re-priced by the price list; none where the change does not fit: the customer lacks
    /// the line it needs, or has it all already.
    pub fn applied(&self, from: &Profile) -> Option<Profile> {
        let before = encoding::codes(from);
        let mut codes = before;
        for (position, code) in &self.codes {
            codes[*position] = *code;
        }
        for position in CHANGEABLE {
            // What the change does not name stays, as long as the line it needs does.
            if let (Some((line, gone)), None) = (needed(position), self.code(position)) {
                let stays = before[position] == 1.0 && codes[line] != gone;
                codes[position] = f64::from(stays);
            }
        }
        let to = encoding::profile(&codes).ok()?;
        (to != *from).then(|| card::PRICES.repriced(from, to))
    }
}

/// The line that a field needs, and the code of that line when there is none.
fn needed(position: usize) -> Option<(usize, f64)> {
    const ADD_ONS_END: usize = at::ADD_ONS + AddOn::ALL.len();
    match position {
        at::MULTIPLE_LINES => Some((at::PHONE_SERVICE, 0.0)),
        at::ADD_ONS..ADD_ONS_END => {
            Some((at::INTERNET_SERVICE, InternetService::No as usize as f64))
        }
        _ => None,
    }
}

fn refusal(name: &str, changeable: &str) -> String {
    match name {
        "monthly_charges" | "total_charges" => {
            "follows from the price list for each customer; leave it out".to_owned()
        }
        _ => format!("is not a field that a change of plan has; they are {changeable}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{Internet, Phone};
    use crate::population;

    fn change(json: &str) -> Result<CohortChange, FieldErrors> {
        CohortChange::from_json(&serde_json::from_str(json).unwrap())
    }

    fn pointers(json: &str) -> Vec<String> {
        let errors = change(json).unwrap_err();
        let listed = errors.listed().iter();
        listed.map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn a_change_fits_those_whose_plan_can_have_it_and_has_not() {
        let support = change(r#"{"tech_support":true}"#).unwrap();
        for customer in population::all() {
            let profile = customer.profile();
            let fits =
                profile.internet != Internet::None && !profile.internet.has(AddOn::TechSupport);
            let after = support.applied(&profile);
            assert_eq!(after.is_some(), fits, "{}", customer.id());
            if let Some(after) = after {
                let rise = after.monthly_charges - profile.monthly_charges;
                let price = card::PRICES.add_ons[AddOn::TechSupport as usize];
                assert!((rise - price).abs() < 1e-9);
                assert_eq!(
                    after.internet,
                    profile.internet.with(AddOn::TechSupport, true)
                );
            }
        }
    }

    #[test]
    fn what_needs_a_line_goes_with_it() {
        let bare = change(r#"{"internet_service":"No","phone_service":false}"#).unwrap();
        for customer in population::all() {
            if let Some(after) = bare.applied(&customer.profile()) {
                assert_eq!((after.internet, after.phone), (Internet::None, Phone::None));
            }
        }
    }

    #[test]
    fn a_new_line_comes_without_extras() {
        let fibre = change(r#"{"internet_service":"Fiber optic"}"#).unwrap();
        let without =
            population::all().find(|customer| customer.profile().internet == Internet::None);
        let after = fibre.applied(&without.unwrap().profile()).unwrap();
        assert_eq!(after.internet, Internet::FiberOptic(Default::default()));
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        assert_eq!(pointers("{}"), [""]);
        assert_eq!(pointers("5"), [""]);
        assert_eq!(pointers(r#"{"contract":null}"#), [""]);
        assert_eq!(
            pointers(
                r#"{"contract":"Weekly","tenure_months":3,"monthly_charges":9,"tech_support":"No internet service"}"#
            ),
            [
                "/contract",
                "/tenure_months",
                "/monthly_charges",
                "/tech_support"
            ]
        );
        assert_eq!(
            pointers(r#"{"internet_service":"No","tech_support":true}"#),
            ["/tech_support"]
        );
        assert_eq!(
            pointers(r#"{"phone_service":false,"multiple_lines":true}"#),
            ["/multiple_lines"]
        );
        assert_eq!(
            pointers(r#"{"contract":"One year","contract":"Two year"}"#),
            ["/contract"]
        );
    }
}
