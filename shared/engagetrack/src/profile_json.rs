//! A profile as the API writes it, and as it documents the ones it reads.

use crate::customer::{
    AddOn, Contract, Gender, InternetService, PaymentMethod, Phone, Profile, Variant,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A customer's profile. Telco's own names and spellings are accepted as well, so that a row of the Telco file, as JSON, is
/// a profile.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileJson {
    /// Gender.
    pub gender: Gender,
    /// 65 years or older.
    pub senior_citizen: bool,
    /// Lives with a partner.
    pub partner: bool,
    /// Lives with dependents.
    pub dependents: bool,
    /// Months as a customer.
    #[schema(minimum = 0, maximum = 600)]
    pub tenure_months: u16,
    /// Has a telephone.
    pub phone_service: bool,
    /// Has several lines; needs a telephone.
    pub multiple_lines: bool,
    /// The kind of internet line.
    pub internet_service: InternetService,
    /// Has online security; needs internet, as the five below.
    pub online_security: bool,
    /// Has online backup.
    pub online_backup: bool,
    /// Has device protection.
    pub device_protection: bool,
    /// Has premium technical support.
    pub tech_support: bool,
    /// Streams television.
    pub streaming_tv: bool,
    /// Streams films.
    pub streaming_movies: bool,
    /// The contract.
    pub contract: Contract,
    /// Bills come by e-mail.
    pub paperless_billing: bool,
    /// How bills are paid.
    pub payment_method: PaymentMethod,
    /// Dollars a month.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub monthly_charges: f64,
    /// Dollars so far; null for a customer who was never billed.
    #[schema(required = false, minimum = 0, maximum = 1_000_000)]
    pub total_charges: Option<f64>,
    /// Active days in the last 30.
    #[schema(required = false, minimum = 0, maximum = 30)]
    pub usage_frequency: Option<u8>,
    /// Support calls in the last 90 days.
    #[schema(required = false, minimum = 0, maximum = 1000)]
    pub support_calls: Option<u16>,
    /// Days the last invoice was paid late.
    #[schema(required = false, minimum = 0, maximum = 365)]
    pub payment_delay: Option<u16>,
    /// Arm of the embedded experiment.
    #[schema(required = false)]
    pub variant: Option<Variant>,
}

impl From<&Profile> for ProfileJson {
    fn from(profile: &Profile) -> Self {
        let has = |add_on| profile.internet.has(add_on);
        Self {
            gender: profile.gender,
            senior_citizen: profile.senior_citizen,
            partner: profile.partner,
            dependents: profile.dependents,
            tenure_months: profile.tenure_months,
            phone_service: profile.phone != Phone::None,
            multiple_lines: profile.phone == Phone::MultipleLines,
            internet_service: profile.internet.service(),
            online_security: has(AddOn::OnlineSecurity),
            online_backup: has(AddOn::OnlineBackup),
            device_protection: has(AddOn::DeviceProtection),
            tech_support: has(AddOn::TechSupport),
            streaming_tv: has(AddOn::StreamingTv),
            streaming_movies: has(AddOn::StreamingMovies),
            contract: profile.contract,
            paperless_billing: profile.paperless_billing,
            payment_method: profile.payment_method,
            monthly_charges: profile.monthly_charges,
            total_charges: profile.total_charges,
            usage_frequency: profile.behaviour.usage_frequency,
            support_calls: profile.behaviour.support_calls,
            payment_delay: profile.behaviour.payment_delay,
            variant: profile.variant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{intake, population};

    #[test]
    fn what_is_written_is_read_back_the_same() {
        for customer in population::all() {
            let written = serde_json::to_string(&ProfileJson::from(&customer.profile())).unwrap();
            let read = intake::from_json(&serde_json::from_str(&written).unwrap()).unwrap();
            assert_eq!(read.profile, customer.profile());
        }
    }
}
