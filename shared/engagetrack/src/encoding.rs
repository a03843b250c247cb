//! The fields of a profile and how the model sees them: names, order, labels, codes. Written once, here; the model
//! file, the population and every input are checked against this table.

use std::borrow::Cow;

use crate::customer::{
    AddOn, AddOns, Behaviour, Contract, Gender, Internet, InternetService, PaymentMethod, Phone,
    Profile, Variant,
};

/// How many fields the model sees: the first of [`FIELDS`].
pub const FEATURES: usize = 19;

/// One customer as the model sees it, in the order of [`FIELDS`]; NaN is missing.
pub type Row = [f32; FEATURES];

/// What a field may hold. Its code is the number that stands for a value in [`Row`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// No (0) or yes (1).
    Flag,
    /// One of these names; the code is the position.
    Choice(&'static [&'static str]),
    /// No (0), yes (1), or impossible (2), which Telco spells as given here.
    Dependent(&'static str),
    /// A whole number from 0 to this.
    Whole(f64),
    /// A number of dollars from 0 to this.
    Dollars(f64),
}

/// A field of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON and in the model file.
    pub name: &'static str,
    /// Its column in the Telco file.
    pub column: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether a profile without it is refused.
    pub required: bool,
}

const fn field(name: &'static str, column: &'static str, label: &'static str, kind: Kind) -> Field {
    Field {
        name,
        column,
        label,
        kind,
        required: true,
    }
}

const fn optional(field: Field) -> Field {
    Field {
        required: false,
        ..field
    }
}

const NO_PHONE: Kind = Kind::Dependent("No phone service");
const NO_INTERNET: Kind = Kind::Dependent("No internet service");
/// The most dollars, a month or in total, that a profile may hold.
pub const LARGEST_CHARGE: f64 = 1_000_000.0;

/// Every field of a profile: the model's features in the model's order, then behaviour and variant.
#[rustfmt::skip]
pub const FIELDS: [Field; 23] = [
    field("gender", "gender", "Gender", Kind::Choice(Gender::NAMES)),
    field("senior_citizen", "SeniorCitizen", "Senior citizen", Kind::Flag),
    field("partner", "Partner", "Partner", Kind::Flag),
    field("dependents", "Dependents", "Dependents", Kind::Flag),
    field("tenure_months", "tenure", "Tenure", Kind::Whole(600.0)),
    field("phone_service", "PhoneService", "Phone service", Kind::Flag),
    field("multiple_lines", "MultipleLines", "Multiple lines", NO_PHONE),
    field("internet_service", "InternetService", "Internet service", Kind::Choice(InternetService::NAMES)),
    field("online_security", "OnlineSecurity", "Online security", NO_INTERNET),
    field("online_backup", "OnlineBackup", "Online backup", NO_INTERNET),
    field("device_protection", "DeviceProtection", "Device protection", NO_INTERNET),
    field("tech_support", "TechSupport", "Tech support", NO_INTERNET),
    field("streaming_tv", "StreamingTV", "Streaming TV", NO_INTERNET),
    field("streaming_movies", "StreamingMovies", "Streaming movies", NO_INTERNET),
    field("contract", "Contract", "Contract", Kind::Choice(Contract::NAMES)),
    field("paperless_billing", "PaperlessBilling", "Paperless billing", Kind::Flag),
    field("payment_method", "PaymentMethod", "Payment method", Kind::Choice(PaymentMethod::NAMES)),
    field("monthly_charges", "MonthlyCharges", "Monthly charges", Kind::Dollars(LARGEST_CHARGE)),
    optional(field("total_charges", "TotalCharges", "Total charges", Kind::Dollars(LARGEST_CHARGE))),
    optional(field("usage_frequency", "UsageFrequency", "Active days in the last 30", Kind::Whole(30.0))),
    optional(field("support_calls", "SupportCalls", "Support calls in the last 90 days", Kind::Whole(1_000.0))),
    optional(field("payment_delay", "PaymentDelay", "Days the last invoice was late", Kind::Whole(365.0))),
    optional(field("variant", "variant", "Variant", Kind::Choice(Variant::NAMES))),
];

/// Positions in [`FIELDS`] that are named in code.
pub mod at {
    #![allow(missing_docs)]
    pub const GENDER: usize = 0;
    pub const SENIOR_CITIZEN: usize = 1;
    pub const PARTNER: usize = 2;
    pub const DEPENDENTS: usize = 3;
    pub const TENURE_MONTHS: usize = 4;
    pub const PHONE_SERVICE: usize = 5;
    pub const MULTIPLE_LINES: usize = 6;
    pub const INTERNET_SERVICE: usize = 7;
    /// The six add-ons stand here, in the order of `AddOn`.
    pub const ADD_ONS: usize = 8;
    pub const CONTRACT: usize = 14;
    pub const PAPERLESS_BILLING: usize = 15;
    pub const PAYMENT_METHOD: usize = 16;
    pub const MONTHLY_CHARGES: usize = 17;
    pub const TOTAL_CHARGES: usize = 18;
    pub const USAGE_FREQUENCY: usize = 19;
    pub const SUPPORT_CALLS: usize = 20;
    pub const PAYMENT_DELAY: usize = 21;
    pub const VARIANT: usize = 22;
}

/// The code of something that can't be had, because the line it needs is not there.
pub const IMPOSSIBLE: f64 = 2.0;

/// The code of every field of a profile, in the order of [`FIELDS`]; NaN where there is none.
pub fn codes(profile: &Profile) -> [f64; FIELDS.len()] {
    let mut codes = [f64::NAN; FIELDS.len()];
    codes[at::GENDER] = f64::from(profile.gender as u8);
    codes[at::SENIOR_CITIZEN] = f64::from(profile.senior_citizen);
    codes[at::PARTNER] = f64::from(profile.partner);
    codes[at::DEPENDENTS] = f64::from(profile.dependents);
    codes[at::TENURE_MONTHS] = f64::from(profile.tenure_months);
    codes[at::PHONE_SERVICE] = f64::from(profile.phone != Phone::None);
    codes[at::MULTIPLE_LINES] = match profile.phone {
        Phone::None => IMPOSSIBLE,
        Phone::SingleLine => 0.0,
        Phone::MultipleLines => 1.0,
    };
    codes[at::INTERNET_SERVICE] = f64::from(profile.internet.service() as u8);
    for &add_on in AddOn::ALL {
        codes[at::ADD_ONS + add_on as usize] = match profile.internet.add_ons() {
            None => IMPOSSIBLE,
            Some(add_ons) => f64::from(add_ons.has(add_on)),
        };
    }
    codes[at::CONTRACT] = f64::from(profile.contract as u8);
    codes[at::PAPERLESS_BILLING] = f64::from(profile.paperless_billing);
    codes[at::PAYMENT_METHOD] = f64::from(profile.payment_method as u8);
    codes[at::MONTHLY_CHARGES] = profile.monthly_charges;
    codes[at::TOTAL_CHARGES] = profile.total_charges.unwrap_or(f64::NAN);
    codes[at::USAGE_FREQUENCY] = profile
        .behaviour
        .usage_frequency
        .map_or(f64::NAN, f64::from);
    codes[at::SUPPORT_CALLS] = profile.behaviour.support_calls.map_or(f64::NAN, f64::from);
    codes[at::PAYMENT_DELAY] = profile.behaviour.payment_delay.map_or(f64::NAN, f64::from);
    codes[at::VARIANT] = profile
        .variant
        .map_or(f64::NAN, |variant| f64::from(variant as u8));
    codes
}

/// The profile that these codes stand for. Each must fit its field; NaN is "not given", allowed where the field is
/// optional.
///
/// # Errors
/// Pairs of a position in [`FIELDS`] and what is wrong: a field that is missing, or an add-on or second line that
/// needs a line which is not there (or is declared impossible although it is).
pub fn profile(codes: &[f64; FIELDS.len()]) -> Result<Profile, Vec<(usize, &'static str)>> {
    let mut errors = Vec::new();
    for (position, field) in FIELDS.iter().enumerate() {
        if field.required && codes[position].is_nan() {
            errors.push((position, "is required"));
        }
    }
    let flag = |position: usize| codes[position] == 1.0;
    let service = InternetService::from_code(codes[at::INTERNET_SERVICE] as usize);
    let has_internet =
        service != Some(InternetService::No) && !codes[at::INTERNET_SERVICE].is_nan();
    let no_internet = service == Some(InternetService::No) && !codes[at::INTERNET_SERVICE].is_nan();
    let mut add_ons = AddOns::default();
    for &add_on in AddOn::ALL {
        let position = at::ADD_ONS + add_on as usize;
        if flag(position) && no_internet {
            errors.push((
                position,
                "needs an internet service, and internet_service is \"No\"",
            ));
        }
        if codes[position] == IMPOSSIBLE && has_internet {
            errors.push((
                position,
                "is \"No internet service\", but there is an internet service",
            ));
        }
        add_ons = add_ons.with(add_on, flag(position));
    }
    let phone_known = !codes[at::PHONE_SERVICE].is_nan();
    if flag(at::MULTIPLE_LINES) && phone_known && !flag(at::PHONE_SERVICE) {
        errors.push((
            at::MULTIPLE_LINES,
            "needs a phone service, and phone_service is false",
        ));
    }
    if codes[at::MULTIPLE_LINES] == IMPOSSIBLE && flag(at::PHONE_SERVICE) {
        errors.push((
            at::MULTIPLE_LINES,
            "is \"No phone service\", but there is a phone service",
        ));
    }
    let (Some(gender), Some(service), Some(contract), Some(payment_method), true) = (
        Gender::from_code(codes[at::GENDER] as usize),
        service,
        Contract::from_code(codes[at::CONTRACT] as usize),
        PaymentMethod::from_code(codes[at::PAYMENT_METHOD] as usize),
        errors.is_empty(),
    ) else {
        return Err(errors);
    };
    let given = |position: usize| Some(codes[position]).filter(|code| !code.is_nan());
    Ok(Profile {
        gender,
        senior_citizen: flag(at::SENIOR_CITIZEN),
        partner: flag(at::PARTNER),
        dependents: flag(at::DEPENDENTS),
        tenure_months: codes[at::TENURE_MONTHS] as u16,
        phone: match (flag(at::PHONE_SERVICE), flag(at::MULTIPLE_LINES)) {
            (false, _) => Phone::None,
            (true, false) => Phone::SingleLine,
            (true, true) => Phone::MultipleLines,
        },
        internet: match service {
            InternetService::No => Internet::None,
            InternetService::Dsl => Internet::Dsl(add_ons),
            InternetService::FiberOptic => Internet::FiberOptic(add_ons),
        },
        contract,
        paperless_billing: flag(at::PAPERLESS_BILLING),
        payment_method,
        monthly_charges: codes[at::MONTHLY_CHARGES],
        total_charges: given(at::TOTAL_CHARGES),
        behaviour: Behaviour {
            usage_frequency: given(at::USAGE_FREQUENCY).map(|days| days as u8),
            support_calls: given(at::SUPPORT_CALLS).map(|calls| calls as u16),
            payment_delay: given(at::PAYMENT_DELAY).map(|days| days as u16),
        },
        variant: given(at::VARIANT).and_then(|code| Variant::from_code(code as usize)),
    })
}

/// The profile as the model sees it.
pub fn encode(profile: &Profile) -> Row {
    row(&codes(profile))
}

/// The codes of a profile as the model sees them.
pub fn row(codes: &[f64; FIELDS.len()]) -> Row {
    std::array::from_fn(|position| codes[position] as f32)
}

/// A feature's value as a person reads it: `Month-to-month`, `29.85`, `yes`, `unknown` for a missing one.
pub fn display(position: usize, code: f64) -> Cow<'static, str> {
    let name = |names: &[&'static str]| names.get(code as usize).map_or("unknown", |name| *name);
    match FIELDS[position].kind {
        _ if code.is_nan() => "unknown".into(),
        Kind::Flag => name(&["no", "yes"]).into(),
        Kind::Choice(names) => name(names).into(),
        Kind::Dependent(impossible) => name(&["no", "yes", impossible]).into(),
        Kind::Whole(_) => whole(code).into(),
        Kind::Dollars(_) => dollars(code).into(),
    }
}

/// A whole number.
fn whole(number: f64) -> String {
    match number as u64 {
        exact if exact as f64 == number => exact.to_string(),
        _ => format!("{number:.0}"),
    }
}

/// An amount with two decimals. What is a whole number of cents needs none of the long arithmetic that rounds exactly.
fn dollars(amount: f64) -> String {
    let cents = (100.0 * amount).round();
    match cents / 100.0 == amount && (0.0..=100.0 * LARGEST_CHARGE).contains(&cents) {
        true => format!("{}.{:02}", cents as u64 / 100, cents as u64 % 100),
        false => format!("{amount:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_positions_are_where_they_say() {
        let expected = [
            (at::GENDER, "gender"),
            (at::SENIOR_CITIZEN, "senior_citizen"),
            (at::PARTNER, "partner"),
            (at::DEPENDENTS, "dependents"),
            (at::TENURE_MONTHS, "tenure_months"),
            (at::PHONE_SERVICE, "phone_service"),
            (at::MULTIPLE_LINES, "multiple_lines"),
            (at::INTERNET_SERVICE, "internet_service"),
            (at::CONTRACT, "contract"),
            (at::PAPERLESS_BILLING, "paperless_billing"),
            (at::PAYMENT_METHOD, "payment_method"),
            (at::MONTHLY_CHARGES, "monthly_charges"),
            (at::TOTAL_CHARGES, "total_charges"),
            (at::USAGE_FREQUENCY, "usage_frequency"),
            (at::SUPPORT_CALLS, "support_calls"),
            (at::PAYMENT_DELAY, "payment_delay"),
            (at::VARIANT, "variant"),
        ];
        for (position, name) in expected {
            assert_eq!(FIELDS[position].name, name);
        }
        for &add_on in AddOn::ALL {
            assert_eq!(FIELDS[at::ADD_ONS + add_on as usize].name, add_on.name());
        }
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(display(at::CONTRACT, 0.0), "Month-to-month");
        assert_eq!(display(at::MONTHLY_CHARGES, 29.85), "29.85");
        assert_eq!(display(at::PARTNER, 1.0), "yes");
        assert_eq!(display(at::ADD_ONS, 2.0), "No internet service");
        assert_eq!(display(at::TENURE_MONTHS, 12.0), "12");
        assert_eq!(display(at::TOTAL_CHARGES, f64::NAN), "unknown");
    }

    #[test]
    fn dollars_are_rounded_as_the_standard_library_rounds() {
        let cents = (0..200_000).map(|cents| f64::from(cents) / 100.0);
        let between = (0..200_000).map(|step| f64::from(step) / 1_024.0);
        for amount in cents.chain(between).chain([1e6, 1e9, -1.5, 0.125]) {
            assert_eq!(dollars(amount), format!("{amount:.2}"), "{amount:?}");
        }
        // Which would have a sign there.
        assert_eq!(dollars(-0.0), "0.00");
    }
}
