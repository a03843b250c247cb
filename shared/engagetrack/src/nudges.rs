//! Nudges: what to do about a customer, from the workspace's catalogue.
//!
//! Which nudges are present depends on plan, tenure, behaviour and the arm of an experiment alone. A nudge that an experiment or a
//! campaign has shown to help comes first; the model's probability orders the others.

use crate::View;
use crate::measured::{Finding, Measured};
use crate::query::Query;
use crate::recourse::{self, Altered, Recourse};
use crate::vocabulary::{self, Keyed};
use schema::{Alarm, Change, Condition, Kind, Profile};
use serde::Serialize;
use std::cmp::Ordering;
use utoipa::{IntoParams, ToSchema};
use workspace::nudges::{Entry, Template, TemplatePart};

/// What a projected probability is, and what it is not.
pub const NOTE: &str = "A projected probability is what the model expects of a customer who has that plan; it does not say that \
    the change would cause it.";

/// Typical number of nudges per customer; used to pre-allocate.
const TYPICAL: usize = 6;

/// The nudges of this many customers are projected together, so that their rows fit in L1 and L2.
pub(crate) const GROUP: usize = 128;

/// Highest `limit`. No catalogue is that large.
const MOST_NUDGES: usize = 1_000;

/// Highest variation of wording that can be asked for; beyond an entry's last, its wordings begin again.
const MOST_ROTATIONS: usize = 1_000_000;

/// The id of an entry of the catalogue, if this is one.
pub fn known_id<'w>(view: &View<'w>, id: &str) -> Option<&'w str> {
    view.nudges
        .entries()
        .map(|entry| entry.id())
        .find(|known| *known == id)
}

/// One suggestion for one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Nudge<'w> {
    /// The entry of the catalogue.
    pub id: &'w str,
    /// What it is about.
    #[schema(value_type = vocabulary::Category)]
    pub category: &'w str,
    /// What to do, for the one who does it.
    pub title: &'w str,
    /// What to say to the customer.
    pub message: String,
    /// Why it is suggested.
    pub reasons: Vec<String>,
    /// Every field that it alters; null when it changes nothing that the model sees.
    #[schema(required, value_type = Option<vocabulary::Change>)]
    pub change: Option<Altered<'w>>,
    /// The effect that an experiment or a campaign measured, on average over its customers; null where none did.
    #[schema(required)]
    pub measured: Option<Measured<'w>>,
    /// What the model expects of a customer with the changed plan, 0 to 1; today's probability where the plan stays. Not a
    /// measured effect.
    #[schema(minimum = 0, maximum = 1)]
    pub projected_probability: f64,
    /// Today's probability minus the projected one.
    #[schema(minimum = -1, maximum = 1)]
    pub risk_reduction: f64,
    /// By how much the recurring amount changes.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::RecurringChange)]
    pub recurring_change: Keyed<'w, f64>,
    /// What one contact with it costs; absent where the catalogue says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// What to do about one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Advice<'w> {
    /// Calibrated churn probability today, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// The nudges: those that an experiment or a campaign has shown to help, then those with a projected reduction of risk, the largest
    /// first, then the others, the most urgent first.
    pub nudges: Vec<Nudge<'w>>,
    /// The smallest change of plan that brings the risk under the target.
    pub recourse: Recourse<'w>,
    /// What a projected probability is, and what it is not.
    pub note: &'static str,
}

/// What may be asked about nudges, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Options {
    /// Most nudges; all that apply when absent.
    #[param(required = false, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Only nudges of these categories.
    #[param(required = false, value_type = Vec<vocabulary::Category>)]
    category: Vec<String>,
    /// The probability that recourse is to get below, between 0 and 1; the schema's `will_churn` when absent.
    #[param(required = false, exclusive_minimum = 0, exclusive_maximum = 1)]
    target: f64,
    /// Which variation of the wording, 0 for the first; after the last the first comes again.
    #[param(required = false, minimum = 0, maximum = 1_000_000)]
    rotate: usize,
}

/// A request for advice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Most nudges; all that apply when there is none.
    pub limit: Option<usize>,
    /// Only nudges of these, by their positions; of any when empty.
    pub categories: Vec<usize>,
    /// The probability that recourse is to get below, between 0 and 1; the one from which on a customer is expected to leave when
    /// there is none.
    pub target: Option<f64>,
    /// Which variation of the wording.
    pub rotation: usize,
}

impl Request {
    /// Reads `limit`, `category`, `target` and `rotate` from a query. What is wrong with them, the query notes.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let categories = query.choices("category", view.nudges.categories());
        Self {
            limit: query.number("limit", 1..=MOST_NUDGES),
            categories,
            target: target(query),
            rotation: query.number("rotate", 0..=MOST_ROTATIONS).unwrap_or(0),
        }
    }

    /// What to do about a customer with this profile.
    pub fn advice<'w>(&self, view: &'w View<'w>, profile: &Profile) -> Advice<'w> {
        let probability = view.model.probability(profile.codes());
        let profiles = std::slice::from_ref(profile);
        let mut suggestions = suggestions(view, profiles, &[probability], |present| present);
        suggestions.sort_by(Suggestion::order);
        let asked = |suggestion: &Suggestion| {
            let category = || view.nudges.entry(suggestion.entry).category();
            self.categories.is_empty() || self.categories.contains(&category())
        };
        let nudges = suggestions
            .into_iter()
            .filter(asked)
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|suggestion| suggestion.written(view, profile, probability, self.rotation))
            .collect();
        let target = self.target.unwrap_or(view.schema.will_churn());
        Advice {
            probability,
            nudges,
            recourse: recourse::find(view, profile, probability, target),
            note: NOTE,
        }
    }
}

fn target(query: &mut Query) -> Option<f64> {
    let text = query.text("target")?;
    let between = |target: &f64| 0.0 < *target && *target < 1.0;
    let target = text.parse().ok().filter(between);
    if target.is_none() {
        query.refuse(
            "target",
            format_args!("must be a number above 0 and below 1, got {text:?}"),
        );
    }
    target
}

/// What is the same of an entry for all customers.
pub(crate) struct Offer {
    change: Change,
    /// The fields with a warning sign that it asks about.
    alarms: Vec<(usize, Alarm)>,
    /// Whether it changes anything.
    changes: bool,
    /// The place that the measured effect gives it, lower first.
    standing: usize,
}

/// How many standings there are.
const STANDINGS: usize = 3;

impl Offer {
    /// The offers of all entries, in the catalogue's order.
    fn all<'w>(view: &'w View<'w>) -> &'w [Self] {
        view.offers.get_or_init(|| {
            let entries = view.nudges.entries();
            entries.map(|entry| Self::of(view, entry)).collect()
        })
    }

    fn of<'w>(view: &'w View<'w>, entry: Entry<'w>) -> Self {
        let asked = entry.conditions().iter().map(Condition::field);
        let change = entry.change();
        Self {
            changes: !change.is_empty(),
            change,
            alarms: asked
                .filter_map(|field| Some((field, view.schema.field(field).alarm()?)))
                .collect(),
            standing: match Measured::of_entry(view, entry)
                .as_ref()
                .map(Measured::finding)
            {
                Some(Finding::Helps) => 0,
                None | Some(Finding::Open) => 1,
                Some(Finding::Harms) => 2,
            },
        }
    }

    /// How far behaviour that it asks about is beyond what is unremarkable, 0 to 1.
    fn urgency(&self, codes: &[f64]) -> f64 {
        let alarms = self.alarms.iter();
        let urgencies = alarms.map(|(field, alarm)| alarm.urgency(codes[*field]));
        urgencies.fold(0.0, f64::max)
    }

    /// The profile after its change, re-priced. The catalogue's conditions make sure that it fits.
    fn changed(&self, view: &View<'_>, profile: &Profile) -> Profile {
        let changed = view.schema.apply(profile, &self.change);
        changed.unwrap_or_else(|| profile.clone())
    }
}

/// An entry that a customer gets.
struct Suggestion {
    /// The position of the customer.
    customer: usize,
    /// The position of the entry in the catalogue.
    entry: usize,
    /// See [`Offer::standing`].
    standing: usize,
    urgency: f64,
    projected: f64,
}

/// What each of many customers gets, customer by customer and in the catalogue's order; `probabilities` are today's. Of the entries
/// that apply, which are bits by their positions, those remain that `wanted` keeps.
fn suggestions<'w>(
    view: &'w View<'w>,
    profiles: &[Profile],
    probabilities: &[f64],
    wanted: impl Fn(u64) -> u64,
) -> Vec<Suggestion> {
    let Some(mut changed) = profiles.first().cloned() else {
        return Vec::new();
    };
    let offers = Offer::all(view);
    let mut suggestions = Vec::with_capacity(profiles.len() * TYPICAL);
    let mut rows = Vec::with_capacity(profiles.len() * TYPICAL * view.model.features().len());
    for (customer, (profile, &probability)) in profiles.iter().zip(probabilities).enumerate() {
        let mut present = wanted(view.nudges.present(profile.codes()));
        while present != 0 {
            let entry = present.trailing_zeros() as usize;
            present &= present - 1;
            let offer = &offers[entry];
            if offer.changes {
                view.schema.apply_into(profile, &offer.change, &mut changed);
                view.model.push_row(changed.codes(), &mut rows);
            }
            suggestions.push(Suggestion {
                customer,
                entry,
                standing: offer.standing,
                urgency: offer.urgency(profile.codes()),
                projected: probability,
            });
        }
    }
    let with_change = suggestions
        .iter_mut()
        .filter(|suggestion| offers[suggestion.entry].changes);
    for (suggestion, projected) in with_change.zip(view.model.probabilities(&rows)) {
        suggestion.projected = projected;
    }
    suggestions
}

impl Suggestion {
    /// What was measured to help first; then the lowest projected risk, which is the largest reduction; then the most
    /// urgent. What is equal stays in the catalogue's order, for sorts are stable.
    fn order(&self, other: &Self) -> Ordering {
        self.standing
            .cmp(&other.standing)
            .then(self.projected.total_cmp(&other.projected))
            .then(other.urgency.total_cmp(&self.urgency))
    }

    fn written<'w>(
        self,
        view: &'w View<'w>,
        profile: &Profile,
        probability: f64,
        rotation: usize,
    ) -> Nudge<'w> {
        let entry = view.nudges.entry(self.entry);
        let after = Offer::all(view)[self.entry].changed(view, profile);
        let written = |template: Template<'_>| filled(view, template, profile, &after);
        let wordings = entry.wordings(view.schema.persona_of(profile.codes()), profile.codes());
        Nudge {
            id: entry.id(),
            category: entry.category_name(),
            title: entry.title(),
            message: written(wordings[rotation % wordings.len()]),
            reasons: entry.reasons().map(written).collect(),
            change: entry
                .changes()
                .then(|| Altered::between(view, profile, &after)),
            measured: Measured::of_entry(view, entry),
            projected_probability: self.projected,
            risk_reduction: probability - self.projected,
            recurring_change: Keyed::new(
                view.recurring_change_key(),
                recurring_change(view, profile, &after),
            ),
            cost: entry.cost(),
        }
    }
}

/// By how much the recurring amount differs; 0 where it is not known.
pub(crate) fn recurring_change(view: &View<'_>, from: &Profile, to: &Profile) -> f64 {
    let change = view
        .schema
        .roles()
        .recurring
        .map(|field| to.code(field) - from.code(field));
    change.filter(|change| !change.is_nan()).unwrap_or(0.0)
}

fn filled(view: &View<'_>, template: Template<'_>, profile: &Profile, after: &Profile) -> String {
    let recurring = view.schema.roles().recurring;
    let mut text = String::new();
    for part in template.parts() {
        match part {
            TemplatePart::Text(piece) => text.push_str(piece),
            TemplatePart::Field(index) => {
                let field = view.schema.field(index);
                let code = profile.code(index);
                match field.kind() {
                    Kind::Money => text.push_str(&view.schema.money(code)),
                    _ => text.push_str(&field.display(code)),
                }
            }
            TemplatePart::NewRecurring => {
                let amount = recurring.map_or(0.0, |field| after.code(field));
                text.push_str(&view.schema.money(amount));
            }
            TemplatePart::PriceDifference => {
                text.push_str(
                    &view
                        .schema
                        .money(recurring_change(view, profile, after).abs()),
                );
            }
        }
    }
    text
}

/// The nudge at the head of a customer's list, without its wording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best<'w> {
    /// The entry of the catalogue.
    pub id: &'w str,
    /// What it is about.
    pub category: &'w str,
    /// What the model expects of a customer with the changed plan, 0 to 1.
    pub projected_probability: f64,
}

/// The nudge at the head of each customer's list, for many customers at a time; `probabilities` are today's.
///
/// # Panics
/// When there are not as many probabilities as profiles.
pub fn best<'w>(view: &'w View<'w>, profiles: &[Profile], probabilities: &[f64]) -> Vec<Best<'w>> {
    let heads = heads(view, profiles, probabilities).into_iter();
    let best = heads.map(|head| {
        let entry = view.nudges.entry(head.entry);
        Best {
            id: entry.id(),
            category: entry.category_name(),
            projected_probability: head.projected,
        }
    });
    best.collect()
}

/// The head of a customer's list by its position in the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The position of the entry.
    pub(crate) entry: usize,
    /// What the model expects of a customer with the changed plan, 0 to 1.
    pub(crate) projected: f64,
}

/// As [`best`]: one head for each customer, because a catalogue has a nudge for customers to whom no other applies.
pub(crate) fn heads(view: &View<'_>, profiles: &[Profile], probabilities: &[f64]) -> Vec<Head> {
    assert_eq!(profiles.len(), probabilities.len(), "one probability each");
    let mut standings = [0; STANDINGS];
    for (entry, offer) in Offer::all(view).iter().enumerate() {
        standings[offer.standing] |= 1_u64 << entry;
    }
    // The others can't be at the head, so that nothing need be projected for them.
    let foremost = |present: u64| {
        let of_standings = standings.iter().map(|entries| present & entries);
        of_standings.into_iter().find(|of| *of != 0).unwrap_or(0)
    };
    let mut all = Vec::with_capacity(profiles.len());
    let groups = profiles.chunks(GROUP).zip(probabilities.chunks(GROUP));
    for (profiles, probabilities) in groups {
        let suggestions = suggestions(view, profiles, probabilities, foremost);
        let lists = suggestions.chunk_by(|a, b| a.customer == b.customer);
        let heads = lists.filter_map(|list| list.iter().min_by(|a, b| a.order(b)));
        all.extend(heads.map(|head| Head {
            entry: head.entry,
            projected: head.projected,
        }));
    }
    all
}

/// Title, message and reasons of an entry for a customer.
pub(crate) struct Wording<'w> {
    pub(crate) title: &'w str,
    pub(crate) message: String,
    pub(crate) reasons: Vec<String>,
}

/// The first wording of an entry for a customer with this profile.
pub(crate) fn wording<'w>(view: &'w View<'w>, entry: usize, profile: &Profile) -> Wording<'w> {
    let after = Offer::all(view)[entry].changed(view, profile);
    let entry = view.nudges.entry(entry);
    let written = |template: Template<'_>| filled(view, template, profile, &after);
    let wordings = entry.wordings(view.schema.persona_of(profile.codes()), profile.codes());
    Wording {
        title: entry.title(),
        message: wordings.first().copied().map(written).unwrap_or_default(),
        reasons: entry.reasons().map(written).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction;
    use crate::shipped::{
        any_profile, at, code, edited, profiles, read, somebody_else, view, written,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use workspace::nudges::MOST_ENTRIES;

    fn advice(profile: &Profile) -> Advice<'static> {
        Request::default().advice(view(), profile)
    }

    fn ids(profile: &Profile) -> BTreeSet<&'static str> {
        advice(profile)
            .nudges
            .iter()
            .map(|nudge| nudge.id)
            .collect()
    }

    fn entry(id: &str) -> Entry<'static> {
        view()
            .nudges
            .entries()
            .find(|entry| entry.id() == id)
            .unwrap()
    }

    /// A customer to whom no nudge applies.
    fn content() -> Profile {
        let supported = profiles()
            .find(|profile| profile.code(at("tech_support")) == 1.0)
            .unwrap();
        edited(
            &supported,
            &json!({"tenure_months": 18, "online_security": true, "contract": "Two year",
                "paperless_billing": true, "payment_method": "Credit card (automatic)",
                "monthly_charges": 60.0, "usage_frequency": 16, "support_calls": 0, "payment_delay": 0,
                "variant": null}),
        )
    }

    #[test]
    fn the_catalogue_covers_all_categories() {
        assert!((24..MOST_ENTRIES).contains(&view().nudges.len()));
        let categories: Vec<&str> = view().nudges.categories().collect();
        assert_eq!(
            categories,
            ["billing", "engagement", "support", "contract", "product"]
        );
        for category in categories {
            let mut entries = view().nudges.entries();
            assert!(entries.any(|entry| entry.category_name() == category));
        }
    }

    #[test]
    fn who_has_nothing_to_be_told_is_thanked() {
        assert_eq!(ids(&content()), BTreeSet::from(["thank-you"]));
    }

    #[test]
    fn the_classic_rules_begin_where_they_say() {
        let late = |days: u32| json!({"payment_method": "Mailed check", "payment_delay": days});
        let rules: [(&str, Value, Value); 9] = [
            (
                "quick-start",
                json!({"usage_frequency": 10}),
                json!({"usage_frequency": 9}),
            ),
            (
                "help-centre",
                json!({"support_calls": 3}),
                json!({"support_calls": 4}),
            ),
            ("auto-pay", late(15), late(16)),
            (
                "annual-contract",
                json!({"contract": "One year"}),
                json!({"contract": "Month-to-month"}),
            ),
            (
                "review-services",
                json!({"monthly_charges": 80.0}),
                json!({"monthly_charges": 80.05}),
            ),
            (
                "tech-support",
                json!({"tech_support": true}),
                json!({"tech_support": false}),
            ),
            (
                "paperless-billing",
                json!({"paperless_billing": true}),
                json!({"paperless_billing": false}),
            ),
            (
                "priority-plan",
                json!({"variant": "B"}),
                json!({"variant": "A"}),
            ),
            (
                "smart-assistant",
                json!({"variant": "A"}),
                json!({"variant": "B"}),
            ),
        ];
        for (id, before, beyond) in rules {
            let profile = edited(&content(), &before);
            assert!(!ids(&profile).contains(id), "{id}");
            let profile = edited(&profile, &beyond);
            assert!(ids(&profile).contains(id), "{id}");
            assert!(!ids(&profile).contains("thank-you"));
        }
    }

    #[test]
    fn who_a_customer_is_changes_no_nudges_presence() {
        for (customer, profile) in profiles().enumerate().step_by(3) {
            let other = somebody_else(&profile);
            let probability = |profile: &Profile| view().model.probability(profile.codes());
            assert_ne!(probability(&profile), probability(&other));
            assert_eq!(
                ids(&profile),
                ids(&other),
                "{}",
                view().customers.id(customer)
            );
        }
    }

    /// What must be true of any advice to anybody.
    fn assert_sound(profile: &Profile) {
        let advice = advice(profile);
        let codes = profile.codes();
        let mut changed = BTreeSet::new();
        assert!(!advice.nudges.is_empty());
        for nudge in &advice.nudges {
            let entry = entry(nudge.id);
            assert!(
                entry
                    .conditions()
                    .iter()
                    .all(|condition| condition.holds(codes))
            );
            assert_eq!(
                entry.otherwise(),
                advice.nudges.len() == 1 && entry.otherwise()
            );
            for other in &advice.nudges {
                let mut entries = view().nudges.entries();
                let position = entries.position(|known| known.id() == other.id).unwrap();
                assert_eq!(
                    entry.excluded() & (1 << position),
                    0,
                    "{}, {}",
                    nudge.id,
                    other.id
                );
            }
            for (field, _) in entry.change().codes() {
                assert!(
                    changed.insert(field),
                    "{} changes what another changes",
                    nudge.id
                );
            }
            assert_eq!(nudge.change.is_none(), !entry.changes());
            assert_eq!(
                nudge.risk_reduction,
                advice.probability - nudge.projected_probability
            );
            assert!(!nudge.message.contains(['{', '}']) && !nudge.message.contains("unknown"));
            assert_eq!(
                sent(profile, nudge.change.as_ref()),
                nudge.projected_probability
            );
        }
        let order = |nudge: &Nudge<'_>| {
            let standing = match nudge.measured.as_ref().map(Measured::finding) {
                Some(Finding::Helps) => 0,
                Some(Finding::Harms) => 2,
                _ => 1,
            };
            let urgency = Offer::all(view())[entry(nudge.id).index()].urgency(codes);
            (standing, -nudge.risk_reduction, -urgency)
        };
        assert!(advice.nudges.is_sorted_by(|a, b| order(a) <= order(b)));
        let recourse = &advice.recourse;
        assert_eq!(
            sent(profile, Some(&recourse.changes)),
            recourse.projected_probability
        );
        assert_eq!(
            recourse.reachable,
            recourse.projected_probability < recourse.target_probability
        );
        let profiles = std::slice::from_ref(profile);
        let head = best(view(), profiles, &[advice.probability])[0];
        assert_eq!(
            (head.id, head.category),
            (advice.nudges[0].id, advice.nudges[0].category)
        );
        assert_eq!(
            head.projected_probability,
            advice.nudges[0].projected_probability
        );
    }

    /// The probability of a profile with a change, both having been written as JSON.
    fn sent(profile: &Profile, change: Option<&Altered<'_>>) -> f64 {
        let mut written = written(profile);
        if let Some(change) = change {
            let change = serde_json::to_value(change).unwrap();
            for (field, value) in change.as_object().unwrap() {
                written[field] = value.clone();
            }
        }
        prediction::predict(view(), read(&written).codes()).probability
    }

    #[test]
    fn advice_to_customers_is_sound() {
        for profile in profiles().step_by(31) {
            assert_sound(&profile);
        }
    }

    proptest! {
        // A share of the usual number, which PROPTEST_CASES sets.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]
        #[test]
        fn advice_to_anybody_is_sound(profile in any_profile()) {
            assert_sound(&profile);
        }
    }

    #[test]
    fn what_was_measured_to_help_comes_before_what_is_projected() {
        let of_arm = |variant: Value| {
            let edit = json!({"variant": variant, "contract": "Month-to-month"});
            advice(&edited(&content(), &edit)).nudges
        };
        let treated = of_arm("B".into());
        assert_eq!(treated[0].id, "smart-assistant");
        let measured = Measured::of_arm(view(), 0, code("variant", "B") as usize);
        assert!(measured.is_some());
        assert_eq!(treated[0].measured, measured);
        assert_eq!(treated[1].id, "annual-contract");
        assert!(treated[1].risk_reduction > 0.0 && treated[1].measured.is_none());
        for arm in ["A".into(), Value::Null] {
            let nudges = of_arm(arm);
            assert_eq!(nudges[0].id, "annual-contract");
            assert!(nudges.iter().all(|nudge| nudge.measured.is_none()));
        }
    }

    #[test]
    fn every_entry_is_of_use_to_somebody() {
        let used = profiles().fold(0, |used, profile| {
            used | view().nudges.present(profile.codes())
        });
        let unused: Vec<&str> = view()
            .nudges
            .entries()
            .enumerate()
            .filter(|(position, entry)| !entry.otherwise() && used & (1 << position) == 0)
            .map(|(_, entry)| entry.id())
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn wordings_go_round() {
        let edit = json!({"contract": "Month-to-month", "internet_service": "Fiber optic"});
        let profile = edited(&content(), &edit);
        let message = |rotation| {
            let request = Request {
                rotation,
                ..Request::default()
            };
            let mut nudges = request.advice(view(), &profile).nudges.into_iter();
            nudges
                .find(|nudge| nudge.id == "annual-contract")
                .unwrap()
                .message
        };
        let persona = view().schema.persona_of(profile.codes());
        let wordings = entry("annual-contract")
            .wordings(persona, profile.codes())
            .len();
        let all: BTreeSet<String> = (0..wordings).map(message).collect();
        assert_eq!(all.len(), wordings);
        assert_eq!(message(wordings), message(0));
    }

    #[test]
    fn the_persona_is_addressed_before_the_variant() {
        let entry = entry("annual-contract");
        let seeker = view()
            .schema
            .personas()
            .position(|persona| persona.name == "speed-seeker");
        let profile = profiles()
            .find(|profile| {
                view().schema.persona_of(profile.codes()) == seeker
                    && profile.code(at("variant")) == code("variant", "B")
            })
            .unwrap();
        let texts = |persona: Option<usize>, profile: &Profile| -> Vec<String> {
            let wordings = entry.wordings(persona, profile.codes()).into_iter();
            wordings
                .map(|template| filled(view(), template, profile, profile))
                .collect()
        };
        let nobody = edited(&profile, &json!({"variant": null}));
        let everybodys = texts(None, &nobody);
        let of_variant = texts(None, &profile);
        let of_persona = texts(seeker, &nobody);
        let all = texts(seeker, &profile);
        assert_eq!(of_variant[1..], everybodys);
        assert_eq!(of_persona[1..], everybodys);
        assert_eq!(all[0], of_persona[0]);
        assert_eq!(all[1..], of_variant);
    }

    #[test]
    fn requests_are_read_and_checked() {
        let read = |text: &str| {
            let query = Query::parse(text).unwrap();
            query.read(|query| Request::from_query(view(), query))
        };
        assert_eq!(read("").unwrap(), Request::default());
        let request =
            read("limit=2&category=billing&category=support&target=0.3&rotate=5").unwrap();
        assert_eq!(request.limit, Some(2));
        let categories: Vec<&str> = view().nudges.categories().collect();
        let asked: Vec<&str> = request
            .categories
            .iter()
            .map(|category| categories[*category])
            .collect();
        assert_eq!(asked, ["billing", "support"]);
        assert_eq!((request.target, request.rotation), (Some(0.3), 5));
        for wrong in [
            "limit=0",
            "category=sales",
            "target=0",
            "target=1",
            "target=nan",
            "target=x",
            "rotate=-1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
