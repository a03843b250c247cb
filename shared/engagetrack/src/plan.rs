//! What a customer can change about a plan, and how the API writes what changed.

use crate::customer::{AddOn, Contract, PaymentMethod, Profile};
use crate::encoding::at;
use serde::Serialize;
use utoipa::ToSchema;

/// One thing that a customer can change. Who they are and how long they have been here is not among it, nor is the line
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Signs this contract.
    Contract(Contract),
    /// Pays in this way from now on.
    PaymentMethod(PaymentMethod),
    /// Gets bills by e-mail, or no longer.
    PaperlessBilling(bool),
    /// Adds or drops a service.
    AddOn(AddOn, bool),
}

impl Step {
    /// The step that gives a field of [`FIELDS`](crate::encoding::FIELDS) this code, where a customer can take it.
    pub fn to(field: usize, code: usize) -> Option<Self> {
        let flag = || (code < 2).then_some(code == 1);
        match field {
            at::CONTRACT => Contract::from_code(code).map(Self::Contract),
            at::PAYMENT_METHOD => PaymentMethod::from_code(code).map(Self::PaymentMethod),
            at::PAPERLESS_BILLING => flag().map(Self::PaperlessBilling),
            _ => {
                let add_on = AddOn::from_code(field.checked_sub(at::ADD_ONS)?)?;
                flag().map(|present| Self::AddOn(add_on, present))
            }
        }
    }

    /// The code that it gives its field.
    pub fn code(self) -> usize {
        match self {
            Self::Contract(contract) => contract as usize,
            Self::PaymentMethod(payment_method) => payment_method as usize,
            Self::PaperlessBilling(flag) | Self::AddOn(_, flag) => usize::from(flag),
        }
    }

    /// The position of the field that it changes.
    pub fn field(self) -> usize {
        match self {
            Self::Contract(_) => at::CONTRACT,
            Self::PaymentMethod(_) => at::PAYMENT_METHOD,
            Self::PaperlessBilling(_) => at::PAPERLESS_BILLING,
            Self::AddOn(add_on, _) => at::ADD_ONS + add_on as usize,
        }
    }

    /// The profile after this step, at the old price.
    #[must_use]
    pub fn taken(self, profile: Profile) -> Profile {
        match self {
            Self::Contract(contract) => Profile {
                contract,
                ..profile
            },
            Self::PaymentMethod(payment_method) => Profile {
                payment_method,
                ..profile
            },
            Self::PaperlessBilling(paperless_billing) => Profile {
                paperless_billing,
                ..profile
            },
            Self::AddOn(add_on, present) => Profile {
                internet: profile.internet.with(add_on, present),
                ..profile
            },
        }
    }
}

/// Every field of a profile that a change of plan alters, with its new value; fields that stay are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = AlteredFields)]
pub struct PlanChange {
    /// The new contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Whether bills come by e-mail from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paperless_billing: Option<bool>,
    /// The new way to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// Whether online security is added or dropped, as the five below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_security: Option<bool>,
    /// Online backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_backup: Option<bool>,
    /// Device protection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_protection: Option<bool>,
    /// Premium technical support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tech_support: Option<bool>,
    /// Television over the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming_tv: Option<bool>,
    /// Films over the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming_movies: Option<bool>,
    /// The new monthly charge, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_charges: Option<f64>,
    /// The new total, in dollars: the old one moved by the tenure times the change in the monthly charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_charges: Option<f64>,
}

impl PlanChange {
    /// What a customer has to change to get from one profile to another that differs by [`Step`]s and their price.
    pub fn between(from: &Profile, to: &Profile) -> Self {
        fn altered<T: PartialEq>(from: T, to: T) -> Option<T> {
            (from != to).then_some(to)
        }
        let add_on = |add_on| altered(from.internet.has(add_on), to.internet.has(add_on));
        Self {
            contract: altered(from.contract, to.contract),
            paperless_billing: altered(from.paperless_billing, to.paperless_billing),
            payment_method: altered(from.payment_method, to.payment_method),
            online_security: add_on(AddOn::OnlineSecurity),
            online_backup: add_on(AddOn::OnlineBackup),
            device_protection: add_on(AddOn::DeviceProtection),
            tech_support: add_on(AddOn::TechSupport),
            streaming_tv: add_on(AddOn::StreamingTv),
            streaming_movies: add_on(AddOn::StreamingMovies),
            monthly_charges: altered(from.monthly_charges, to.monthly_charges),
            total_charges: altered(from.total_charges, to.total_charges).flatten(),
        }
    }

    /// Each add-on with what becomes of it: added, dropped or left as it is.
    pub fn add_ons(&self) -> [(AddOn, Option<bool>); 6] {
        [
            (AddOn::OnlineSecurity, self.online_security),
            (AddOn::OnlineBackup, self.online_backup),
            (AddOn::DeviceProtection, self.device_protection),
            (AddOn::TechSupport, self.tech_support),
            (AddOn::StreamingTv, self.streaming_tv),
            (AddOn::StreamingMovies, self.streaming_movies),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{FIELDS, codes};
    use crate::population;

    #[test]
    fn a_step_gives_its_field_the_code_and_leaves_the_others() {
        let customer = population::all()
            .find(|customer| customer.profile().internet.add_ons().is_some())
            .unwrap();
        let mut changeable = Vec::new();
        for (field, description) in FIELDS.iter().enumerate() {
            for code in 0..4 {
                let Some(step) = Step::to(field, code) else {
                    continue;
                };
                assert_eq!((step.field(), step.code()), (field, code));
                let mut expected = customer.codes();
                expected[field] = code as f64;
                let taken = codes(&step.taken(customer.profile()));
                assert_eq!(format!("{taken:?}"), format!("{expected:?}"));
                changeable.push(description.name);
            }
        }
        changeable.dedup();
        let expected = [
            "online_security",
            "online_backup",
            "device_protection",
            "tech_support",
            "streaming_tv",
            "streaming_movies",
            "contract",
            "paperless_billing",
            "payment_method",
        ];
        assert_eq!(changeable, expected);
    }

    #[test]
    fn only_what_is_altered_is_written() {
        let from = population::all().next().unwrap().profile();
        let to = Profile {
            paperless_billing: !from.paperless_billing,
            monthly_charges: from.monthly_charges + 5.0,
            ..from
        };
        let written = serde_json::to_value(PlanChange::between(&from, &to)).unwrap();
        let expected = serde_json::json!({"paperless_billing": to.paperless_billing, "monthly_charges": to.monthly_charges});
        assert_eq!(written, expected);
    }
}
