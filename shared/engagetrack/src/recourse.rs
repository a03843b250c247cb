//! The smallest change of plan that brings a customer's risk under a target, found by trying every plan there is.
//!
//! A customer can sign a longer contract, pay in another way, get bills by e-mail or by post, and add or drop each of the
//! six add-ons: at most 3 × 4 × 2 × 64 = 1,536 plans. They are tried with the fewest changes first, so the search ends
//! at the first number of changes that suffices, and only then.

use crate::card::PRICES;
use crate::customer::{AddOns, Contract, PaymentMethod, Profile};
use crate::encoding;
use crate::model;
use crate::plan::PlanChange;
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// The target where none is given: below it, nobody is expected to leave.
pub const USUAL_TARGET: f64 = 0.5;

/// The smallest set of changes that brings the risk under a target, or the best that can be had.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Recourse {
    /// The probability to get below, between 0 and 1.
    pub target_probability: f64,
    /// Whether any plan gets there.
    pub reachable: bool,
    /// What to change; nothing when the risk is below the target already. When the target can't be reached, what leads
    /// to the lowest risk there is.
    pub changes: PlanChange,
    /// What the model expects of a customer with that plan, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub projected_probability: f64,
    /// How many things to change, 0 to 9; their price does not count.
    #[schema(minimum = 0, maximum = 9)]
    pub steps: u32,
    /// By how much the monthly charge changes, in dollars.
    pub monthly_charges_change: f64,
}

/// A plan, as seen from the one that a customer has.
#[derive(Clone, Copy)]
struct Move {
    /// How many places further in the list of contracts.
    longer: usize,
    /// How many places further in the list of payment methods, which is a ring.
    payment: usize,
    /// Whether bills come the other way.
    billing: bool,
    /// The add-ons that are there and were not, or the other way round.
    toggled: AddOns,
}

impl Move {
    fn steps(self) -> u32 {
        u32::from(self.longer > 0)
            + u32::from(self.payment > 0)
            + u32::from(self.billing)
            + self.toggled.count()
    }

    /// The profile after the move, re-priced, if this customer can make it.
    fn made(self, profile: &Profile) -> Option<Profile> {
        let contract = Contract::from_code(profile.contract as usize + self.longer)?;
        let payment = (profile.payment_method as usize + self.payment) % PaymentMethod::ALL.len();
        let internet = match profile.internet.add_ons() {
            None if self.toggled != AddOns::default() => return None,
            None => profile.internet,
            Some(add_ons) => profile.internet.holding(add_ons.toggled(self.toggled)),
        };
        let moved = Profile {
            contract,
            payment_method: PaymentMethod::from_code(payment)?,
            paperless_billing: profile.paperless_billing != self.billing,
            internet,
            ..*profile
        };
        Some(PRICES.repriced(profile, moved))
    }
}

/// Every move, those with the fewest steps first.
fn moves() -> &'static [Move] {
    static MOVES: LazyLock<Vec<Move>> = LazyLock::new(|| {
        let mut moves = Vec::new();
        for toggled in AddOns::every() {
            for longer in 0..Contract::ALL.len() {
                for payment in 0..PaymentMethod::ALL.len() {
                    for billing in [false, true] {
                        moves.push(Move {
                            longer,
                            payment,
                            billing,
                            toggled,
                        });
                    }
                }
            }
        }
        moves.sort_by_key(|candidate| candidate.steps());
        moves
    });
    &MOVES
}

/// Where a move leads.
#[derive(Clone, Copy)]
struct Outcome {
    steps: u32,
    profile: Profile,
    probability: f64,
}

impl Outcome {
    fn is_cheaper_or_safer(&self, other: &Self) -> bool {
        let key = |outcome: &Self| (outcome.profile.monthly_charges, outcome.probability);
        key(self) < key(other)
    }
}

/// Finds the fewest changes, of those the ones with the lowest price change (dropping a service counts as below nothing),
/// and of those the ones with the lowest risk, that bring the probability below the target, between 0 and 1. Where no
/// plan does, the lowest risk there is, with the fewest changes and then the lowest price change.
pub fn find(profile: &Profile, target: f64) -> Recourse {
    let mut lowest: Option<Outcome> = None;
    let mut rows = Vec::new();
    let mut outcomes = Vec::new();
    for level in moves().chunk_by(|a, b| a.steps() == b.steps()) {
        rows.clear();
        outcomes.clear();
        for candidate in level {
            if let Some(moved) = candidate.made(profile) {
                rows.extend(encoding::encode(&moved));
                outcomes.push((candidate.steps(), moved));
            }
        }
        let mut reached: Option<Outcome> = None;
        for (&(steps, profile), probability) in outcomes.iter().zip(model::probabilities(&rows)) {
            let outcome = Outcome {
                steps,
                profile,
                probability,
            };
            if probability < target && reached.is_none_or(|best| outcome.is_cheaper_or_safer(&best))
            {
                reached = Some(outcome);
            }
            if lowest.is_none_or(|best| {
                probability < best.probability
                    || (probability == best.probability
                        && steps == best.steps
                        && outcome.is_cheaper_or_safer(&best))
            }) {
                lowest = Some(outcome);
            }
        }
        if let Some(reached) = reached {
            return told(profile, target, reached);
        }
    }
    let lowest = lowest.expect("staying is a move that everybody can make");
    told(profile, target, lowest)
}

fn told(from: &Profile, target: f64, outcome: Outcome) -> Recourse {
    Recourse {
        target_probability: target,
        reachable: outcome.probability < target,
        changes: PlanChange::between(from, &outcome.profile),
        projected_probability: outcome.probability,
        steps: outcome.steps,
        monthly_charges_change: outcome.profile.monthly_charges - from.monthly_charges,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{AddOn, Internet};
    use crate::intake::tests::any_profile;
    use crate::plan::Step;
    use crate::population;
    use proptest::prelude::*;

    /// Steps, monthly charge and probability of every plan that a customer can have, found without [`Move`].
    fn every_plan(from: &Profile) -> Vec<(u32, f64, f64)> {
        let add_ons = match from.internet {
            Internet::None => 0,
            _ => AddOn::ALL.len(),
        };
        let mut plans = Vec::new();
        for &contract in Contract::ALL.iter().filter(|to| **to >= from.contract) {
            for &payment_method in PaymentMethod::ALL {
                for paperless_billing in [false, true] {
                    for bits in 0..1 << add_ons {
                        let mut to = Profile {
                            contract,
                            payment_method,
                            paperless_billing,
                            ..*from
                        };
                        let mut steps = u32::from(contract != from.contract)
                            + u32::from(payment_method != from.payment_method)
                            + u32::from(paperless_billing != from.paperless_billing);
                        for &add_on in &AddOn::ALL[..add_ons] {
                            let present = bits & (1 << add_on as u32) != 0;
                            steps += u32::from(present != from.internet.has(add_on));
                            to = Step::AddOn(add_on, present).taken(to);
                        }
                        let to = PRICES.repriced(from, to);
                        plans.push((steps, to.monthly_charges, model::probability(&to)));
                    }
                }
            }
        }
        plans
    }

    fn assert_agrees_with_brute_force(profile: &Profile, target: f64) {
        let found = find(profile, target);
        let plans = every_plan(profile);
        let reached = plans.iter().filter(|(_, _, risk)| *risk < target);
        let best = reached.min_by(|a, b| a.partial_cmp(b).unwrap());
        let by_risk = |plan: &(u32, f64, f64)| (plan.2, plan.0, plan.1);
        let lowest = plans
            .iter()
            .min_by(|a, b| by_risk(a).partial_cmp(&by_risk(b)).unwrap())
            .unwrap();
        let (steps, price, risk) = best.unwrap_or(lowest);
        assert_eq!(found.reachable, best.is_some());
        assert_eq!(
            (found.steps, found.projected_probability),
            (*steps, *risk),
            "{found:?}"
        );
        assert_eq!(
            found.monthly_charges_change,
            price - profile.monthly_charges
        );
    }

    #[test]
    fn brute_force_agrees_on_customers() {
        for (position, customer) in population::all().step_by(281).enumerate() {
            let target = [0.5, 0.3, 0.1, 0.02][position % 4];
            assert_agrees_with_brute_force(&customer.profile(), target);
        }
    }

    proptest! {
        // A share of the usual number, which PROPTEST_CASES sets.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 20))]
        #[test]
        fn brute_force_agrees_on_anybody(profile in any_profile(), target in 0.01..0.99f64) {
            assert_agrees_with_brute_force(&profile, target);
        }
    }

    #[test]
    fn there_is_each_plan_once() {
        assert_eq!(moves().len(), 3 * 4 * 2 * 64);
        assert!(moves().is_sorted_by_key(|candidate| candidate.steps()));
        let from = population::all()
            .map(|customer| customer.profile())
            .find(|profile| {
                profile.contract == Contract::MonthToMonth && profile.internet.add_ons().is_some()
            })
            .unwrap();
        let mut plans: Vec<String> = moves()
            .iter()
            .map(|candidate| format!("{:?}", candidate.made(&from).unwrap()))
            .collect();
        plans.sort();
        plans.dedup();
        assert_eq!(plans.len(), 3 * 4 * 2 * 64);
    }

    #[test]
    fn the_recourse_of_a_recourse_is_empty() {
        for customer in population::all().step_by(17) {
            let profile = customer.profile();
            let found = find(&profile, 0.3);
            let made = moves()
                .iter()
                .filter_map(|candidate| candidate.made(&profile))
                .find(|moved| PlanChange::between(&profile, moved) == found.changes)
                .unwrap();
            let again = find(&made, 0.3);
            assert_eq!(again.projected_probability, found.projected_probability);
            assert_eq!((again.steps, again.reachable), (0, found.reachable));
            assert_eq!(again.changes, PlanChange::default());
        }
    }
}
