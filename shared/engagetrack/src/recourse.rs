//! The smallest change of plan that brings a customer's risk under a target, found by trying every plan there is.
//!
//! The plans are tried with the fewest changes first, so the search ends at the first number of changes that suffices.

use crate::View;
use crate::vocabulary::{self, Keyed};
use schema::{Amounts, Change, ChangePolicy, Profile};
use serde::Serialize;
use smallvec::SmallVec;
use utoipa::ToSchema;
use workspace::model::Row;
use workspace::nudges::MoveStep;

/// The smallest set of changes that brings the risk under a target, or the best that can be had.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Recourse<'w> {
    /// The probability to get below, between 0 and 1.
    pub target_probability: f64,
    /// Whether any plan gets there.
    pub reachable: bool,
    /// What to change; nothing when the risk is below the target already. When the target can't be reached, what leads to the lowest
    /// risk there is.
    #[schema(value_type = vocabulary::Change)]
    pub changes: Altered<'w>,
    /// What the model expects of a customer with that plan, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub projected_probability: f64,
    /// How many things to change; their price does not count.
    #[schema(minimum = 0)]
    pub steps: u32,
    /// By how much the recurring amount changes.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::RecurringChange)]
    pub recurring_change: Keyed<'w, f64>,
    /// Plans of more steps than this were not tried; absent where all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched_steps: Option<u32>,
}

/// A change with the schema that says how it is written.
#[derive(Clone)]
pub struct Altered<'w> {
    schema: &'w schema::Schema<'w>,
    /// What is altered.
    pub change: Change,
}

impl<'w> Altered<'w> {
    /// What has to be altered to get from one profile to another.
    pub fn between(view: &'w View<'w>, from: &Profile, to: &Profile) -> Self {
        Self::of(view, Change::between(from, to))
    }

    /// A change.
    fn of(view: &'w View<'w>, change: Change) -> Self {
        Self {
            schema: &view.schema,
            change,
        }
    }
}

impl PartialEq for Altered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.change == other.change
    }
}

impl std::fmt::Debug for Altered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.change.fmt(f)
    }
}

impl Serialize for Altered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.schema.change_json(&self.change).serialize(serializer)
    }
}

/// A plan that was tried.
#[derive(Clone, Copy)]
struct Tried<'m> {
    steps: &'m [MoveStep],
    recurring: f64,
    probability: f64,
}

impl Tried<'_> {
    fn is_cheaper_or_safer(&self, other: &Self) -> bool {
        (self.recurring, self.probability) < (other.recurring, other.probability)
    }
}

/// What the search looks at of a field that can be changed, side by side.
struct Changeable {
    /// The feature that it is; none where the model does not see it.
    feature: Option<usize>,
    policy: ChangePolicy,
    /// The code that the customer has; none where it is unknown or impossible, or what it needs is unknown.
    from: Option<usize>,
    /// Whether the customer lacks what it needs, which may come with another step.
    lacks_needs: bool,
    /// What each code costs more than the one that the customer has.
    prices: SmallVec<[f64; 4]>,
}

/// The code after a step, if there is one.
fn destination(step: MoveStep, field: &Changeable) -> Option<usize> {
    let choices = field.prices.len();
    let to = field.from? + usize::from(step.places);
    let to = match field.policy {
        ChangePolicy::Any if to >= choices => to - choices,
        _ => to,
    };
    (to < choices).then_some(to)
}

/// Finds the fewest changes, of those the ones with the lowest price (a lower price counts as a negative change), and of those the
/// ones with the lowest risk, that bring the probability below the target, between 0 and 1. Where no plan does, the lowest risk
/// there is, with the fewest changes and then the lowest price. `probability` is today's, by the model.
pub fn find<'w>(
    view: &'w View<'w>,
    profile: &Profile,
    probability: f64,
    target: f64,
) -> Recourse<'w> {
    let staying = Tried {
        steps: &[],
        recurring: recurring(view, profile),
        probability,
    };
    if staying.probability < target {
        return answer(view, profile, profile, target, staying);
    }
    let mut search = Search::new(view, profile);
    let mut lowest = staying;
    // The first level is to stay.
    for level in view.nudges.levels().skip(1) {
        search.try_all(level);
        let mut reached: Option<Tried<'w>> = None;
        for tried in search.tried() {
            if tried.probability < target
                && reached.is_none_or(|best| tried.is_cheaper_or_safer(&best))
            {
                reached = Some(tried);
            }
            if tried.probability < lowest.probability
                || (tried.probability == lowest.probability
                    && tried.steps.len() == lowest.steps.len()
                    && tried.is_cheaper_or_safer(&lowest))
            {
                lowest = tried;
            }
        }
        if let Some(reached) = reached {
            return search.answer(target, reached);
        }
    }
    search.answer(target, lowest)
}

/// What a customer pays per period; 0 where that is not known or the schema has no such role, so that plans cost the same.
fn recurring(view: &View<'_>, profile: &Profile) -> f64 {
    let field = view.schema.roles().recurring;
    let paid = field.map(|field| profile.code(field));
    paid.filter(|paid| !paid.is_nan()).unwrap_or(0.0)
}

fn answer<'w>(
    view: &'w View<'w>,
    before: &Profile,
    after: &Profile,
    target: f64,
    tried: Tried<'w>,
) -> Recourse<'w> {
    Recourse {
        target_probability: target,
        reachable: tried.probability < target,
        changes: match tried.steps {
            [] => Altered::of(view, Change::default()),
            _ => Altered::between(view, before, after),
        },
        projected_probability: tried.probability,
        steps: tried.steps.len() as u32,
        recurring_change: Keyed::new(
            view.recurring_change_key(),
            recurring(view, after) - recurring(view, before),
        ),
        searched_steps: view.nudges.searched_steps(),
    }
}

/// The position of a field that no step can change.
const NONE: u16 = u16::MAX;

struct Search<'p, 'w> {
    view: &'w View<'w>,
    profile: &'p Profile,
    /// Those that a step can change.
    fields: SmallVec<[Changeable; 16]>,
    /// By position in the schema, the position among these.
    positions: SmallVec<[u16; 64]>,
    amounts: Amounts,
    /// The features that the recurring and the lifetime amount are.
    recurring: Option<usize>,
    lifetime: Option<usize>,
    row: Row,
    rows: Vec<f32>,
    plans: Vec<(&'w [MoveStep], f64)>,
}

impl<'p, 'w> Search<'p, 'w> {
    fn new(view: &'w View<'w>, profile: &'p Profile) -> Self {
        let codes = profile.codes();
        let mut fields = SmallVec::new();
        let mut positions = SmallVec::new();
        for field in view.schema.fields() {
            let policy = field.change();
            if !matches!(policy, ChangePolicy::Any | ChangePolicy::Up) {
                positions.push(NONE);
                continue;
            }
            positions.push(fields.len() as u16);
            let code = codes[field.index()];
            let possible =
                !code.is_nan() && (code as usize) < field.choices() && has_needs(field, codes);
            let price = field.price(code);
            fields.push(Changeable {
                feature: view.model.feature_of(field.index()),
                policy,
                from: possible.then_some(code as usize),
                lacks_needs: !code.is_nan() && lacks_needs(field, codes),
                prices: field.values().map(|value| value.price() - price).collect(),
            });
        }
        let roles = view.schema.roles();
        let feature = |field: Option<usize>| field.and_then(|field| view.model.feature_of(field));
        Self {
            view,
            profile,
            fields,
            positions,
            amounts: view.schema.amounts(codes),
            recurring: feature(roles.recurring),
            lifetime: feature(roles.lifetime),
            row: view.model.row(codes),
            rows: Vec::new(),
            plans: Vec::new(),
        }
    }

    /// The field of a step, if a step can change it.
    #[inline]
    fn field(&self, step: MoveStep) -> Option<&Changeable> {
        let position = self.positions.get(usize::from(step.field))?;
        self.fields.get(usize::from(*position))
    }

    /// Collects the rows of the plans that the customer can have.
    fn try_all(&mut self, level: impl ExactSizeIterator<Item = &'w [MoveStep]>) {
        self.rows.clear();
        self.plans.clear();
        self.rows.reserve(level.len() * self.row.len());
        self.plans.reserve(level.len());
        match self.view.nudges.is_entangled() {
            true => level.for_each(|steps| self.try_entangled(steps)),
            false => {
                let known = recurring(self.view, self.profile);
                level.for_each(|steps| self.try_alone(steps, known));
            }
        }
    }

    /// A plan whose steps leave what other fields need as it is: the row is altered where the steps and their price alter it.
    fn try_alone(&mut self, steps: &'w [MoveStep], known: f64) {
        let start = self.rows.len();
        let mut difference = 0.0;
        self.rows.extend_from_slice(&self.row);
        for step in steps {
            let field = self.field(*step);
            let moved = field.and_then(|field| Some((field, destination(*step, field)?)));
            let Some((field, to)) = moved else {
                self.rows.truncate(start);
                return;
            };
            let (feature, price) = (field.feature, field.prices[to]);
            if let Some(feature) = feature {
                self.rows[start + feature] = to as f32;
            }
            difference += price;
        }
        let mut paid = known;
        if difference != 0.0 {
            if let Some(amount) = self.amounts.recurring {
                paid = amount.after(difference);
                if let Some(feature) = self.recurring {
                    self.rows[start + feature] = paid as f32;
                }
            }
            if let (Some(amount), Some(feature)) = (self.amounts.lifetime, self.lifetime) {
                self.rows[start + feature] = amount.after(difference) as f32;
            }
        }
        self.plans.push((steps, paid));
    }

    /// A plan whose steps may alter what other fields need.
    fn try_entangled(&mut self, steps: &'w [MoveStep]) {
        let Some(after) = self.after(steps) else {
            return;
        };
        self.view.model.push_row(after.codes(), &mut self.rows);
        self.plans.push((steps, recurring(self.view, &after)));
    }

    fn tried(&self) -> impl Iterator<Item = Tried<'w>> {
        let probabilities = self.view.model.probabilities(&self.rows);
        self.plans
            .iter()
            .zip(probabilities)
            .map(|((steps, recurring), probability)| Tried {
                steps,
                recurring: *recurring,
                probability,
            })
    }

    /// The profile after some steps, if the customer can take them all.
    fn after(&self, steps: &[MoveStep]) -> Option<Profile> {
        if steps.is_empty() {
            return Some(self.profile.clone());
        }
        let entangled = self.view.nudges.is_entangled();
        let code = |step: &MoveStep| {
            let index = usize::from(step.field);
            let field = self.field(*step)?;
            let to = match entangled && field.lacks_needs {
                true => usize::from(step.places),
                false => destination(*step, field)?,
            };
            Some((index, to as f64))
        };
        let codes: Option<Vec<(usize, f64)>> = steps.iter().map(code).collect();
        let after = self.view.schema.apply(self.profile, &Change::of(codes?))?;
        Some(after)
    }

    fn answer(&self, target: f64, tried: Tried<'w>) -> Recourse<'w> {
        // What was tried can be had.
        let after = self.after(tried.steps);
        let after = after.as_ref().unwrap_or(self.profile);
        answer(self.view, self.profile, after, target, tried)
    }
}

/// Whether all that a field needs is there.
fn has_needs(field: schema::Field<'_>, codes: &[f64]) -> bool {
    let mut needs = field.needs().iter();
    let absent = field.without().is_some() && codes[field.index()] == field.absent_code();
    !absent && needs.all(|need| need.allows(codes[need.field()]))
}

/// Whether something that a field needs is not there; what is unknown may be.
fn lacks_needs(field: schema::Field<'_>, codes: &[f64]) -> bool {
    field.needs().iter().any(|need| {
        let code = codes[need.field()];
        !code.is_nan() && !need.allows(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::{any_profile, at, profiles, view};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const ADD_ONS: [&str; 6] = [
        "online_security",
        "online_backup",
        "device_protection",
        "tech_support",
        "streaming_tv",
        "streaming_movies",
    ];

    fn today(profile: &Profile) -> f64 {
        view().model.probability(profile.codes())
    }

    fn has_internet(profile: &Profile) -> bool {
        let internet = view().schema.find("internet_service").unwrap();
        let service = internet.value(profile.code(internet.index())).unwrap();
        service.name() != "No"
    }

    /// Steps, monthly charge and probability of every plan that a customer can have, found without the catalogue's moves.
    fn every_plan(from: &Profile) -> Vec<(u32, f64, f64)> {
        let [contract, payment_method, paperless_billing, monthly] = [
            "contract",
            "payment_method",
            "paperless_billing",
            "monthly_charges",
        ]
        .map(at);
        let add_ons: Vec<usize> = match has_internet(from) {
            true => ADD_ONS.map(at).to_vec(),
            false => Vec::new(),
        };
        let mut plans = Vec::new();
        for to_contract in from.code(contract) as usize..3 {
            for to_payment_method in 0..4 {
                for to_paperless_billing in 0..2 {
                    for bits in 0..1_usize << add_ons.len() {
                        let mut codes = vec![
                            (contract, to_contract as f64),
                            (payment_method, f64::from(to_payment_method)),
                            (paperless_billing, f64::from(to_paperless_billing)),
                        ];
                        let add_ons = add_ons.iter().enumerate();
                        codes
                            .extend(add_ons.map(|(bit, field)| (*field, (bits >> bit & 1) as f64)));
                        let steps = codes
                            .iter()
                            .filter(|(field, code)| from.code(*field) != *code)
                            .count();
                        let to = match steps {
                            0 => from.clone(),
                            _ => view().schema.apply(from, &Change::of(codes)).unwrap(),
                        };
                        let probability = view().model.probability(to.codes());
                        plans.push((steps as u32, to.code(monthly), probability));
                    }
                }
            }
        }
        plans
    }

    fn assert_agrees_with_brute_force(profile: &Profile, target: f64) {
        let found = find(view(), profile, today(profile), target);
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
            *found.recurring_change.value(),
            price - profile.code(at("monthly_charges"))
        );
    }

    #[test]
    fn brute_force_agrees_on_customers() {
        for (position, profile) in profiles().step_by(281).enumerate() {
            let target = [0.5, 0.3, 0.1, 0.02][position % 4];
            assert_agrees_with_brute_force(&profile, target);
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
        let levels: Vec<Vec<&[MoveStep]>> = view()
            .nudges
            .levels()
            .map(|level| level.collect())
            .collect();
        for (steps, level) in levels.iter().enumerate() {
            assert!(level.iter().all(|plan| plan.len() == steps));
        }
        let moves = levels.concat();
        assert_eq!(moves.len(), 3 * 4 * 2 * 64);
        assert_eq!(view().nudges.searched_steps(), None);
        let from = profiles()
            .find(|profile| profile.code(at("contract")) == 0.0 && has_internet(profile))
            .unwrap();
        let search = Search::new(view(), &from);
        let plans: BTreeSet<String> = moves
            .iter()
            .map(|steps| format!("{:?}", search.after(steps).unwrap()))
            .collect();
        assert_eq!(plans.len(), moves.len());
    }

    #[test]
    fn the_recourse_of_a_recourse_is_empty() {
        for profile in profiles().step_by(17) {
            let found = find(view(), &profile, today(&profile), 0.3);
            let made = view().schema.edit(&profile, &found.changes.change).unwrap();
            let again = find(view(), &made, today(&made), 0.3);
            assert_eq!(again.projected_probability, found.projected_probability);
            assert_eq!((again.steps, again.reachable), (0, found.reachable));
            assert!(again.changes.change.is_empty());
        }
    }
}
