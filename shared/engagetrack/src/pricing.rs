//! The price list: what each service adds to the monthly charge, as fitted on the real customers.

use crate::customer::{AddOn, Internet, InternetService, Phone, Profile};
use crate::encoding::LARGEST_CHARGE;

/// Dollars a month for each service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceList {
    /// A telephone.
    pub phone_service: f64,
    /// Further lines.
    pub multiple_lines: f64,
    /// A DSL line.
    pub dsl: f64,
    /// A fibre line.
    pub fiber_optic: f64,
    /// The add-ons, in the order of [`AddOn`].
    pub add_ons: [f64; 6],
}

impl PriceList {
    /// What the list says a plan costs, in dollars a month.
    pub fn monthly(&self, phone: Phone, internet: Internet) -> f64 {
        let telephone = match phone {
            Phone::None => 0.0,
            Phone::SingleLine => self.phone_service,
            Phone::MultipleLines => self.phone_service + self.multiple_lines,
        };
        let line = match internet.service() {
            InternetService::No => 0.0,
            InternetService::Dsl => self.dsl,
            InternetService::FiberOptic => self.fiber_optic,
        };
        let add_ons = AddOn::ALL.iter().filter(|add_on| internet.has(**add_on));
        telephone
            + line
            + add_ons
                .map(|add_on| self.add_ons[*add_on as usize])
                .sum::<f64>()
    }

    /// The profile with this plan, re-priced: the monthly charge moves by what the list says of the difference, and
    /// the total by that times the tenure, as if the customer had had the plan from the start. Both stay within what a profile may
    /// hold, so that the result can be sent as a profile.
    #[must_use]
    pub fn repriced(&self, from: &Profile, to: Profile) -> Profile {
        let (monthly_charges, total_charges) = self.charges(from, to.phone, to.internet);
        Profile {
            monthly_charges,
            total_charges,
            ..to
        }
    }

    /// What becomes of a customer's charges with this telephone and this internet, by month and in total.
    pub fn charges(&self, from: &Profile, phone: Phone, internet: Internet) -> (f64, Option<f64>) {
        let change = self.monthly(phone, internet) - self.monthly(from.phone, from.internet);
        if change == 0.0 {
            return (from.monthly_charges, from.total_charges);
        }
        let over_tenure = f64::from(from.tenure_months) * change;
        let allowed = |dollars: f64| dollars.clamp(0.0, LARGEST_CHARGE);
        (
            allowed(from.monthly_charges + change),
            from.total_charges.map(|total| allowed(total + over_tenure)),
        )
    }
}
