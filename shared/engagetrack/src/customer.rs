//! Customers as types that can't be wrong: an add-on exists only with internet, a second line only with a phone.
//!
//! Telco's flat spellings ("No internet service", "Yes", a blank total) are known only to [`crate::intake`] and
//! [`crate::encoding`].

use serde::Serialize;

/// Declares an enum whose variants are known to the outside by fixed names.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $type { $($(#[$variant_doc])* #[serde(rename = $name)] $variant),+ }

        impl $type {
            /// Every value, in the order of its codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The name of every value, in the same order.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The name by which the outside knows it.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// The value with this code, its position in [`Self::ALL`].
            pub fn from_code(code: usize) -> Option<Self> {
                Self::ALL.get(code).copied()
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::from_code(Self::NAMES.iter().position(|known| *known == name)?)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
#[allow(unused_imports)] // build.rs compiles this module without those that use it
pub(crate) use vocabulary;

vocabulary! {
    /// Gender, as Telco records it.
    Gender { /// Female.
        Female = "Female", /// Male.
        Male = "Male" }
}
vocabulary! {
    /// The kind of internet line.
    InternetService { /// Over the telephone line.
        Dsl = "DSL", /// Over glass fibre.
        FiberOptic = "Fiber optic", /// None.
        No = "No" }
}
vocabulary! {
    /// How long the customer is bound.
    Contract { /// Can leave at the end of any month.
        MonthToMonth = "Month-to-month", /// Bound for one year.
        OneYear = "One year", /// Bound for two years.
        TwoYear = "Two year" }
}
vocabulary! {
    /// How the customer pays.
    PaymentMethod { /// Pays each bill by hand, electronically.
        ElectronicCheck = "Electronic check", /// Pays each bill by post.
        MailedCheck = "Mailed check", /// The bank pays without being asked.
        BankTransfer = "Bank transfer (automatic)", /// The card is charged without being asked.
        CreditCard = "Credit card (automatic)" }
}
vocabulary! {
    /// The arm of the embedded A/B experiment. A is control, B treatment.
    Variant { /// Control.
        A = "A", /// Treatment.
        B = "B" }
}
vocabulary! {
    /// The six services that need an internet line, in Telco's order.
    AddOn { /// Online security.
        OnlineSecurity = "online_security", /// Online backup.
        OnlineBackup = "online_backup", /// Device protection.
        DeviceProtection = "device_protection", /// Premium technical support.
        TechSupport = "tech_support", /// Television over the line.
        StreamingTv = "streaming_tv", /// Films over the line.
        StreamingMovies = "streaming_movies" }
}

vocabulary! {
    /// Whom a marketer would see in the plan and the behaviour of a customer: [`crate::lifecycle`] says how.
    Persona { /// More than three support calls, or an invoice more than 15 days late.
        Strained = "strained", /// No internet line.
        Essentials = "essentials", /// Three or more of security, backup, protection, support.
        Protected = "protected", /// Both streaming services.
        Entertainer = "entertainer", /// Bound for a year or two.
        Committed = "committed", /// Fibre.
        SpeedSeeker = "speed-seeker", /// DSL.
        ValueSeeker = "value-seeker" }
}

vocabulary! {
    /// How far a customer has come with us: [`crate::lifecycle`] says how.
    Stage { /// The first three months.
        Onboarding = "onboarding", /// Months 4 to 12.
        Adoption = "adoption", /// Months 13 to 36.
        Growth = "growth", /// Beyond three years.
        Mature = "mature" }
}

vocabulary! {
    /// Whether a customer is still one.
    Status { /// Stayed, or the outcome is not known yet.
        Active = "active", /// The outcome says that the customer left.
        Left = "left" }
}

impl Status {
    /// The status of a customer with this outcome: whether the customer left, if that is known.
    pub fn of_outcome(left: Option<bool>) -> Self {
        match left {
            Some(true) => Self::Left,
            Some(false) | None => Self::Active,
        }
    }
}

/// Which of the six add-ons a customer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddOns(u8);

impl AddOns {
    /// Whether the add-on is there.
    pub fn has(self, add_on: AddOn) -> bool {
        self.0 & (1 << add_on as u8) != 0
    }

    /// The same add-ons, with this one there or not.
    #[must_use]
    pub fn with(self, add_on: AddOn, present: bool) -> Self {
        let bit = 1 << add_on as u8;
        Self(if present { self.0 | bit } else { self.0 & !bit })
    }

    /// Those that are in one of the two, and not in both.
    #[must_use]
    pub fn toggled(self, toggled: Self) -> Self {
        Self(self.0 ^ toggled.0)
    }

    /// Every set of add-ons.
    pub fn every() -> impl Iterator<Item = Self> {
        (0..1 << AddOn::ALL.len()).map(Self)
    }

    /// How many there are, 0 to 6.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// The internet line, with the add-ons that only it makes possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Internet {
    /// No line, hence no add-ons.
    None,
    /// A DSL line.
    Dsl(AddOns),
    /// A fibre line.
    FiberOptic(AddOns),
}

impl Internet {
    /// The kind of line.
    pub fn service(self) -> InternetService {
        match self {
            Self::None => InternetService::No,
            Self::Dsl(_) => InternetService::Dsl,
            Self::FiberOptic(_) => InternetService::FiberOptic,
        }
    }

    /// The add-ons, where there is a line.
    pub fn add_ons(self) -> Option<AddOns> {
        match self {
            Self::None => None,
            Self::Dsl(add_ons) | Self::FiberOptic(add_ons) => Some(add_ons),
        }
    }

    /// Whether there is a line with this add-on.
    pub fn has(self, add_on: AddOn) -> bool {
        self.add_ons().is_some_and(|add_ons| add_ons.has(add_on))
    }

    /// The same line with this add-on there or not; without a line, nothing changes.
    #[must_use]
    pub fn with(self, add_on: AddOn, present: bool) -> Self {
        let add_ons = self.add_ons().unwrap_or_default();
        self.holding(add_ons.with(add_on, present))
    }

    /// The same line with these add-ons; without a line, nothing changes.
    #[must_use]
    pub fn holding(self, add_ons: AddOns) -> Self {
        match self {
            Self::None => Self::None,
            Self::Dsl(_) => Self::Dsl(add_ons),
            Self::FiberOptic(_) => Self::FiberOptic(add_ons),
        }
    }
}

/// The telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phone {
    /// No telephone.
    None,
    /// One line.
    SingleLine,
    /// Two lines or more.
    MultipleLines,
}

/// What a customer did lately. The model never sees it; nudges and lifecycle use what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Behaviour {
    /// Active days in the last 30, 0 to 30.
    pub usage_frequency: Option<u8>,
    /// Support calls in the last 90 days, 0 to 1,000.
    pub support_calls: Option<u16>,
    /// Days the last invoice was paid late, 0 to 365.
    pub payment_delay: Option<u16>,
}

/// All that is known of a customer except who it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Gender.
    pub gender: Gender,
    /// 65 years or older.
    pub senior_citizen: bool,
    /// Lives with a partner.
    pub partner: bool,
    /// Lives with dependents.
    pub dependents: bool,
    /// Months as a customer, 0 to 600.
    pub tenure_months: u16,
    /// The telephone.
    pub phone: Phone,
    /// The internet line and its add-ons.
    pub internet: Internet,
    /// The contract.
    pub contract: Contract,
    /// Bills come by e-mail.
    pub paperless_billing: bool,
    /// How bills are paid.
    pub payment_method: PaymentMethod,
    /// Dollars a month, 0 to 1,000,000.
    pub monthly_charges: f64,
    /// Dollars so far, 0 to 1,000,000; none for a customer who was never billed.
    pub total_charges: Option<f64>,
    /// Recent behaviour, as far as it is known.
    pub behaviour: Behaviour,
    /// Arm of the embedded experiment, if the customer is in it.
    pub variant: Option<Variant>,
}

/// A customer's id in Telco's shape, `1234-ABCDE`: four digits, a dash, five capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId([u8; CustomerId::LEN]);

impl CustomerId {
    /// Bytes in an id.
    pub const LEN: usize = 10;
    /// How many numbers there are for it to begin with.
    pub const NUMBERS: usize = 10_000;

    /// The id that this text spells, if it has the shape.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        let shaped = bytes[..4].iter().all(u8::is_ascii_digit)
            && bytes[4] == b'-'
            && bytes[5..].iter().all(u8::is_ascii_uppercase);
        shaped.then_some(Self(bytes))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("parse admits only ASCII")
    }

    /// The number that it begins with, below [`Self::NUMBERS`].
    pub fn number(&self) -> usize {
        let digits = self.0[..4].iter();
        digits.fold(0, |number, digit| 10 * number + usize::from(digit - b'0'))
    }

    /// The id as its ten ASCII bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl std::fmt::Display for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomerId({self})")
    }
}

impl Serialize for CustomerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_telcos_shape() {
        assert_eq!(
            CustomerId::parse("1234-ABCDE").unwrap().as_str(),
            "1234-ABCDE"
        );
        for wrong in [
            "",
            "1234-ABCD",
            "1234-abcde",
            "12345ABCDE",
            "1234-ABCD\n",
            "1234-ABCDEF",
            "١٢-ABCDE",
        ] {
            assert_eq!(CustomerId::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn names_and_codes_agree() {
        for (code, method) in PaymentMethod::ALL.iter().enumerate() {
            assert_eq!(PaymentMethod::from_code(code), Some(*method));
            assert_eq!(PaymentMethod::from_name(method.name()), Some(*method));
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
        assert_eq!(PaymentMethod::from_name("Cash"), None);
    }

    #[test]
    fn without_a_line_an_add_on_stays_impossible() {
        assert_eq!(
            Internet::None.with(AddOn::TechSupport, true),
            Internet::None
        );
        let line = Internet::Dsl(AddOns::default()).with(AddOn::TechSupport, true);
        assert!(line.has(AddOn::TechSupport) && !line.has(AddOn::StreamingTv));
    }
}
