//! Personas and lifecycle stages: stated rules on plan, tenure and behaviour, nothing else.
//!
//! Every customer has exactly one of each. The rules of the personas are tried in the order of the enum; the first that
//! holds decides. Behaviour that is not known counts as unremarkable.

pub use crate::customer::{Persona, Stage};

use crate::customer::{AddOn, Behaviour, Contract, Internet, Profile};
use serde::Serialize;
use utoipa::ToSchema;

/// A persona with its name and what characterises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonaCard {
    /// Which one.
    pub id: Persona,
    /// Its name.
    pub name: &'static str,
    /// One sentence on what characterises it.
    pub description: &'static str,
}

/// More support calls in 90 days than this are a warning sign.
pub const MANY_CALLS: u16 = 3;
/// An invoice later than this, in days, is a warning sign.
pub const VERY_LATE: u16 = 15;
/// Fewer active days in 30 than this are a warning sign.
pub const LITTLE_USE: u8 = 10;

const PROTECTION: [AddOn; 4] = [
    AddOn::OnlineSecurity,
    AddOn::OnlineBackup,
    AddOn::DeviceProtection,
    AddOn::TechSupport,
];
const STREAMING: [AddOn; 2] = [AddOn::StreamingTv, AddOn::StreamingMovies];

fn calls_often(behaviour: Behaviour) -> bool {
    behaviour
        .support_calls
        .is_some_and(|calls| calls > MANY_CALLS)
}

fn pays_late(behaviour: Behaviour) -> bool {
    behaviour.payment_delay.is_some_and(|days| days > VERY_LATE)
}

fn uses_little(behaviour: Behaviour) -> bool {
    behaviour
        .usage_frequency
        .is_some_and(|days| days < LITTLE_USE)
}

impl Persona {
    /// The persona of a profile.
    pub fn of(profile: &Profile) -> Self {
        let has = |add_on: &AddOn| profile.internet.has(*add_on);
        match profile.internet {
            _ if calls_often(profile.behaviour) || pays_late(profile.behaviour) => Self::Strained,
            Internet::None => Self::Essentials,
            _ if PROTECTION
                .iter()
                .copied()
                .filter(|add_on| has(add_on))
                .count()
                >= 3 =>
            {
                Self::Protected
            }
            _ if STREAMING.iter().all(has) => Self::Entertainer,
            _ if profile.contract != Contract::MonthToMonth => Self::Committed,
            Internet::FiberOptic(_) => Self::SpeedSeeker,
            Internet::Dsl(_) => Self::ValueSeeker,
        }
    }

    /// Its name and what characterises it.
    pub const fn card(self) -> PersonaCard {
        let (name, description) = match self {
            Self::Strained => (
                "Strained",
                "Something is not working: many support calls, or an invoice long overdue.",
            ),
            Self::Essentials => (
                "Essentials",
                "A telephone and nothing else; content, and rarely in touch.",
            ),
            Self::Protected => (
                "Protected",
                "Keeps the household safe with three or more protective services.",
            ),
            Self::Entertainer => (
                "Entertainer",
                "Streams both television and films, and pays for the pleasure.",
            ),
            Self::Committed => (
                "Committed",
                "Signed for a year or two and lives with a lean plan.",
            ),
            Self::SpeedSeeker => (
                "Speed seeker",
                "Came for fibre, month by month, and compares offers.",
            ),
            Self::ValueSeeker => (
                "Value seeker",
                "A plain DSL line, month by month, with an eye on the price.",
            ),
        };
        PersonaCard {
            id: self,
            name,
            description,
        }
    }
}

impl Stage {
    /// The stage of a profile.
    pub fn of(profile: &Profile) -> Self {
        match profile.tenure_months {
            0..=3 => Self::Onboarding,
            4..=12 => Self::Adoption,
            13..=36 => Self::Growth,
            _ => Self::Mature,
        }
    }
}

/// Whether a customer is at risk, at any stage: the model expects them to leave, or behaviour shows two or more of
/// the three warning signs (little use, many calls, a very late payment).
pub fn at_risk(profile: &Profile, probability: f64) -> bool {
    let signs = [
        uses_little(profile.behaviour),
        calls_often(profile.behaviour),
        pays_late(profile.behaviour),
    ];
    probability >= crate::card::WILL_CHURN || signs.into_iter().filter(|sign| *sign).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population;

    #[test]
    fn every_persona_and_stage_is_at_least_a_twentieth_of_the_population() {
        let profiles: Vec<Profile> = population::all()
            .map(|customer| customer.profile())
            .collect();
        let share = |count: usize| count as f64 / profiles.len() as f64;
        for &persona in Persona::ALL {
            let share = share(
                profiles
                    .iter()
                    .filter(|profile| Persona::of(profile) == persona)
                    .count(),
            );
            assert!(share >= 0.05, "{persona}: {share}");
        }
        for &stage in Stage::ALL {
            let share = share(
                profiles
                    .iter()
                    .filter(|profile| Stage::of(profile) == stage)
                    .count(),
            );
            assert!(share >= 0.05, "{stage}: {share}");
        }
    }

    #[test]
    fn who_a_customer_is_decides_neither_persona_nor_stage() {
        for customer in population::all() {
            let profile = customer.profile();
            let other = Profile {
                gender: match profile.gender {
                    crate::customer::Gender::Female => crate::customer::Gender::Male,
                    crate::customer::Gender::Male => crate::customer::Gender::Female,
                },
                senior_citizen: !profile.senior_citizen,
                partner: !profile.partner,
                dependents: !profile.dependents,
                ..profile
            };
            assert_eq!(Persona::of(&profile), Persona::of(&other));
            assert_eq!(Stage::of(&profile), Stage::of(&other));
        }
    }

    #[test]
    fn stages_begin_at_their_months() {
        let profile = population::all().next().unwrap().profile();
        let stage = |tenure_months| {
            Stage::of(&Profile {
                tenure_months,
                ..profile
            })
        };
        assert_eq!(
            [0, 3, 4, 12, 13, 36, 37].map(stage),
            [
                Stage::Onboarding,
                Stage::Onboarding,
                Stage::Adoption,
                Stage::Adoption,
                Stage::Growth,
                Stage::Growth,
                Stage::Mature
            ]
        );
    }
}
