//! Nudges: what to do about a customer, from the catalogue in `data/nudges.toml`.
//!
//! Which nudges are present depends on plan, tenure, behaviour and the arm of the experiment alone. A nudge that the
//! experiment has shown to help comes first; the model's probability orders the others.

use crate::card::PRICES;
use crate::catalogue::{Category, Entry, Fact, Part, Set, Template, Test};
use crate::customer::{Persona, Profile, Variant};
use crate::encoding::{self, FEATURES, FIELDS, Kind, Row, at};
use crate::lifecycle::{LITTLE_USE, MANY_CALLS, VERY_LATE};
use crate::measured::{Finding, Measured};
use crate::model;
use crate::plan::{PlanChange, Step};
use crate::query::Query;
use crate::recourse::{self, Recourse};
use serde::Serialize;
use std::cmp::Ordering;
use std::sync::LazyLock;
use utoipa::{IntoParams, ToSchema};

static CATALOGUE: &[Entry] = include!(concat!(env!("OUT_DIR"), "/nudges.rs"));

/// Which catalogue this is: the first eight digits of the file's SHA-256.
pub const CATALOGUE_VERSION: &str = include_str!(concat!(env!("OUT_DIR"), "/nudges.version"));

/// What a projected probability is, and what it is not.
pub const NOTE: &str = "A projected probability is what the model expects of a customer who has that plan; it does not say that \
    the change would cause it.";

/// About how many entries a customer gets: room is made for so many.
const USUALLY: usize = 6;

/// The nudges of so many customers are projected together: what they take stays in the nearer caches.
const GROUP: usize = 128;

/// Highest `limit`. No catalogue is that large.
const MOST_NUDGES: usize = 1_000;

/// Highest variation of wording that can be asked for; beyond an entry's last, its wordings begin again.
const MOST_ROTATIONS: usize = 1_000_000;

/// The id of an entry of the catalogue, if this is one.
pub fn known_id(id: &str) -> Option<&'static str> {
    CATALOGUE
        .iter()
        .map(|entry| entry.id)
        .find(|known| *known == id)
}

/// What the catalogue offers customers in this arm of the experiment, as part of a sentence.
pub fn offer_of(arm: Variant) -> Option<&'static str> {
    let trials = CATALOGUE.iter().filter_map(|entry| entry.trial);
    let mut offers = trials.filter(|trial| trial.arm == arm);
    offers.next().map(|trial| trial.offer)
}

/// One suggestion for one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Nudge {
    /// The entry of the catalogue.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// What to do, for the one who does it.
    pub title: &'static str,
    /// What to say to the customer.
    pub message: String,
    /// Why it is suggested.
    pub reasons: Vec<String>,
    /// Every field that it alters; null when it changes nothing that the model sees.
    #[schema(required)]
    pub change: Option<PlanChange>,
    /// The effect that an experiment measured, on average over its customers; null where none did.
    #[schema(required)]
    pub measured: Option<&'static Measured>,
    /// What the model expects of a customer with the changed plan, 0 to 1; today's probability where the plan stays. Not a
    /// measured effect.
    #[schema(minimum = 0, maximum = 1)]
    pub projected_probability: f64,
    /// Today's probability minus the projected one.
    #[schema(minimum = -1, maximum = 1)]
    pub risk_reduction: f64,
    /// By how much the monthly charge changes, in dollars.
    pub monthly_charges_change: f64,
}

/// What to do about one customer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Advice {
    /// Calibrated churn probability today, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// The nudges: those that an experiment has shown to help, then those with a projected reduction of risk, the largest
    /// first, then the others, the most urgent first.
    pub nudges: Vec<Nudge>,
    /// The smallest change of plan that brings the risk under the target.
    pub recourse: Recourse,
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
    #[param(required = false)]
    category: Vec<Category>,
    /// The probability that recourse is to get below, between 0 and 1; 0.5 when absent.
    #[param(required = false, exclusive_minimum = 0, exclusive_maximum = 1)]
    target: f64,
    /// Which variation of the wording, 0 for the first; after the last the first comes again.
    #[param(required = false, minimum = 0, maximum = 1_000_000)]
    rotate: usize,
}

/// A request for advice.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Most nudges; all that apply when there is none.
    pub limit: Option<usize>,
    /// Only nudges of these; of any when empty.
    pub categories: Vec<Category>,
    /// The probability that recourse is to get below, between 0 and 1.
    pub target: f64,
    /// Which variation of the wording.
    pub rotation: usize,
}

impl Default for Request {
    /// All nudges in their first wording, and the usual target.
    fn default() -> Self {
        Self {
            limit: None,
            categories: Vec::new(),
            target: recourse::USUAL_TARGET,
            rotation: 0,
        }
    }
}

impl Request {
    /// Reads `limit`, `category`, `target` and `rotate` from a query. What is wrong with them, the query notes.
    pub fn from_query(query: &mut Query) -> Self {
        let categories = query.choices("category", Category::NAMES);
        Self {
            limit: query.number("limit", 1..=MOST_NUDGES),
            categories: categories
                .into_iter()
                .filter_map(Category::from_code)
                .collect(),
            target: target(query),
            rotation: query.number("rotate", 0..=MOST_ROTATIONS).unwrap_or(0),
        }
    }

    /// What to do about a customer with this profile.
    pub fn advice(&self, profile: &Profile) -> Advice {
        let probability = model::probability(profile);
        let mut suggestions = suggestions(std::slice::from_ref(profile), &[probability]);
        suggestions.sort_by(Suggestion::order);
        let asked = |suggestion: &Suggestion| {
            self.categories.is_empty() || self.categories.contains(&suggestion.entry.category)
        };
        let nudges = suggestions
            .into_iter()
            .filter(asked)
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|suggestion| suggestion.written(profile, probability, self.rotation))
            .collect();
        Advice {
            probability,
            nudges,
            recourse: recourse::find(profile, self.target),
            note: NOTE,
        }
    }
}

fn target(query: &mut Query) -> f64 {
    let Some(text) = query.text("target") else {
        return recourse::USUAL_TARGET;
    };
    let between = |target: &f64| 0.0 < *target && *target < 1.0;
    match text.parse().ok().filter(between) {
        Some(target) => target,
        None => {
            let detail = format!("must be a number above 0 and below 1, got {text:?}");
            query.refuse("target", detail);
            recourse::USUAL_TARGET
        }
    }
}

/// The catalogue, turned around: which entries a customer's codes leave over.
struct Lookup {
    /// The entries for whoever fulfils their conditions.
    conditional: Set,
    /// The entry for those to whom no other applies.
    otherwise: Set,
    /// For each field of which some entries want certain values, and each of its codes, the entries that would have it.
    would_have: Vec<(usize, [Set; Self::UNKNOWN + 1])>,
}

impl Lookup {
    /// Stands for a code that is not known, behind those that a condition can name.
    const UNKNOWN: usize = u8::BITS as usize;

    fn of(catalogue: &[Entry]) -> Self {
        let entries = |wanted: &dyn Fn(&Entry) -> bool| -> Set {
            let positions = catalogue.iter().enumerate();
            let wanted = positions.filter(|(_, entry)| wanted(entry));
            wanted.fold(0, |set, (position, _)| set | 1 << position)
        };
        let would_have = (0..FIELDS.len()).map(|field| {
            let by_code = std::array::from_fn(|code| {
                entries(&|entry| {
                    let conditions = entry.conditions.iter();
                    conditions
                        .filter(|condition| condition.field == field)
                        .all(|condition| match condition.test {
                            Test::Among(allowed) => u32::from(allowed) >> code & 1 == 1,
                            Test::Within(..) => true,
                        })
                })
            });
            (field, by_code)
        });
        let tells_apart =
            |(_, by_code): &(usize, [Set; _])| by_code.iter().any(|set| *set != by_code[0]);
        Self {
            conditional: entries(&|entry| !entry.otherwise),
            otherwise: entries(&|entry| entry.otherwise),
            would_have: would_have.filter(tells_apart).collect(),
        }
    }

    /// The entries whose conditions on names and flags hold; those on numbers are yet to be looked at.
    fn candidates(&self, codes: &[f64; FIELDS.len()]) -> Set {
        let fields = self.would_have.iter();
        fields.fold(self.conditional, |candidates, (field, by_code)| {
            let code = match codes[*field] {
                unknown if unknown.is_nan() => Self::UNKNOWN,
                code => code as usize,
            };
            candidates & by_code[code]
        })
    }
}

/// The entries that a customer with these codes gets. Conflicts are settled by the catalogue's order.
fn present(codes: &[f64; FIELDS.len()]) -> Set {
    static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::of(CATALOGUE));
    let mut candidates = LOOKUP.candidates(codes);
    let mut present = 0;
    while candidates != 0 {
        let position = candidates.trailing_zeros();
        candidates &= candidates - 1;
        let entry = &CATALOGUE[position as usize];
        if entry
            .conditions
            .iter()
            .all(|condition| condition.holds(codes))
        {
            present |= 1 << position;
            candidates &= !entry.excluded;
        }
    }
    match present {
        0 => LOOKUP.otherwise,
        present => present,
    }
}

/// How far behaviour that an entry asks about is beyond what is unremarkable, 0 to 1.
fn urgency(entry: &Entry, codes: &[f64; FIELDS.len()]) -> f64 {
    let share_below = |value: f64, threshold: f64| (threshold - value) / threshold;
    let share_above = |value: f64, threshold: f64| (value - threshold) / value;
    let urgencies = entry.conditions.iter().map(|condition| {
        let value = codes[condition.field];
        let beyond = match condition.field {
            at::USAGE_FREQUENCY => share_below(value, f64::from(LITTLE_USE)),
            at::SUPPORT_CALLS => share_above(value, f64::from(MANY_CALLS)),
            at::PAYMENT_DELAY => share_above(value, f64::from(VERY_LATE)),
            _ => 0.0,
        };
        beyond.max(0.0)
    });
    urgencies.fold(0.0, f64::max)
}

/// An entry that a customer gets.
struct Suggestion {
    /// The position of the customer.
    customer: usize,
    entry: &'static Entry,
    urgency: f64,
    projected: f64,
    measured: Option<&'static Measured>,
}

/// What each of many customers gets, customer by customer and in the catalogue's order; `probabilities` are today's.
fn suggestions(profiles: &[Profile], probabilities: &[f64]) -> Vec<Suggestion> {
    let mut suggestions = Vec::with_capacity(profiles.len() * USUALLY);
    let mut rows = Vec::with_capacity(profiles.len() * USUALLY * FEATURES);
    for (customer, (profile, &probability)) in profiles.iter().zip(probabilities).enumerate() {
        let codes = encoding::codes(profile);
        let row = encoding::row(&codes);
        let mut present = present(&codes);
        while present != 0 {
            let entry = &CATALOGUE[present.trailing_zeros() as usize];
            present &= present - 1;
            if !entry.steps.is_empty() {
                rows.extend_from_slice(&changed_row(row, profile, entry));
            }
            suggestions.push(Suggestion {
                customer,
                entry,
                urgency: urgency(entry, &codes),
                projected: probability,
                measured: measured(entry),
            });
        }
    }
    let with_change = suggestions
        .iter_mut()
        .filter(|suggestion| !suggestion.entry.steps.is_empty());
    for (suggestion, projected) in with_change.zip(model::probabilities(&rows)) {
        suggestion.projected = projected;
    }
    suggestions
}

/// The effect that an experiment measured of an entry. The experiment compares the treatment with control, so only the
/// treatment's offer has one.
fn measured(entry: &Entry) -> Option<&'static Measured> {
    let treatment = entry.trial.is_some_and(|trial| trial.arm == Variant::B);
    treatment.then(Measured::of_treatment).flatten()
}

/// The profile after an entry's steps, re-priced.
fn changed(profile: &Profile, entry: &Entry) -> Profile {
    let steps = entry.steps.iter();
    let changed = steps.fold(*profile, |profile, step| step.taken(profile));
    PRICES.repriced(profile, changed)
}

/// What [`changed`] gives, as the model sees it: the row of the profile, altered where the steps and their price alter it.
fn changed_row(mut row: Row, profile: &Profile, entry: &Entry) -> Row {
    let mut internet = profile.internet;
    for step in entry.steps {
        row[step.field()] = step.code() as f32;
        if let Step::AddOn(add_on, present) = *step {
            internet = internet.with(add_on, present);
        }
    }
    if internet != profile.internet {
        let (monthly, total) = PRICES.charges(profile, profile.phone, internet);
        row[at::MONTHLY_CHARGES] = monthly as f32;
        row[at::TOTAL_CHARGES] = total.map_or(f32::NAN, |total| total as f32);
    }
    row
}

impl Suggestion {
    /// What was measured to help first; then the lowest projected risk, which is the largest reduction; then the most
    /// urgent. What is equal stays in the catalogue's order, for sorts are stable.
    fn order(&self, other: &Self) -> Ordering {
        self.standing()
            .cmp(&other.standing())
            .then(self.projected.total_cmp(&other.projected))
            .then(other.urgency.total_cmp(&self.urgency))
    }

    /// The place that the measured effect gives it, lower first.
    fn standing(&self) -> u8 {
        match self.measured.map(Measured::finding) {
            Some(Finding::Helps) => 0,
            None | Some(Finding::Open) => 1,
            Some(Finding::Harms) => 2,
        }
    }

    fn written(&self, profile: &Profile, probability: f64, rotation: usize) -> Nudge {
        let entry = self.entry;
        let changed = changed(profile, entry);
        let written = |template: &Template| filled(template, profile, &changed);
        let wordings = wordings(entry, profile);
        Nudge {
            id: entry.id,
            category: entry.category,
            title: entry.title,
            message: written(&wordings[rotation % wordings.len()]),
            reasons: entry.reasons.iter().map(written).collect(),
            change: (!entry.steps.is_empty()).then(|| PlanChange::between(profile, &changed)),
            measured: self.measured,
            projected_probability: self.projected,
            risk_reduction: probability - self.projected,
            monthly_charges_change: changed.monthly_charges - profile.monthly_charges,
        }
    }
}

/// The wordings of an entry for a customer: first those for the persona, then those for the variant, then the others.
fn wordings(entry: &Entry, profile: &Profile) -> Vec<Template> {
    let persona = Persona::of(profile);
    let of_persona = entry.persona_messages.iter();
    let of_persona = of_persona.filter(|(other, _)| *other == persona);
    let of_variant = entry.variant_messages.iter();
    let of_variant = of_variant.filter(|(other, _)| Some(*other) == profile.variant);
    let of_persona = of_persona.flat_map(|(_, wordings)| *wordings);
    let of_variant = of_variant.flat_map(|(_, wordings)| *wordings);
    let wordings = of_persona.chain(of_variant).chain(entry.messages);
    wordings.copied().collect()
}

fn filled(template: &Template, profile: &Profile, changed: &Profile) -> String {
    let codes = encoding::codes(profile);
    let dollars = |amount: f64| format!("${amount:.2}");
    let part = |part: &Part| match *part {
        Part::Text(text) => text.to_owned(),
        Part::Gap(Fact::Field(field)) => match FIELDS[field].kind {
            Kind::Dollars(_) => dollars(codes[field]),
            _ => encoding::display(field, codes[field]).into_owned(),
        },
        Part::Gap(Fact::NewMonthlyCharges) => dollars(changed.monthly_charges),
        Part::Gap(Fact::PriceDifference) => {
            dollars((changed.monthly_charges - profile.monthly_charges).abs())
        }
    };
    template.iter().map(part).collect()
}

/// The nudge at the head of a customer's list, without its wording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The entry of the catalogue.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// What the model expects of a customer with the changed plan, 0 to 1.
    pub projected_probability: f64,
}

/// The nudge at the head of each customer's list, for many customers at a time; `probabilities` are today's.
///
/// # Panics
/// When there are not as many probabilities as profiles.
pub fn best(profiles: &[Profile], probabilities: &[f64]) -> Vec<Best> {
    assert_eq!(profiles.len(), probabilities.len(), "one probability each");
    let mut best = Vec::with_capacity(profiles.len());
    let groups = profiles.chunks(GROUP).zip(probabilities.chunks(GROUP));
    for (profiles, probabilities) in groups {
        let suggestions = suggestions(profiles, probabilities);
        let lists = suggestions.chunk_by(|a, b| a.customer == b.customer);
        let heads = lists.filter_map(|list| list.iter().min_by(|a, b| a.order(b)));
        best.extend(heads.map(|head| Best {
            id: head.entry.id,
            category: head.entry.category,
            projected_probability: head.projected,
        }));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue_source;
    use crate::customer::{AddOn, Contract, Gender, InternetService, PaymentMethod, Variant};
    use crate::intake::{self, tests::any_profile};
    use crate::population;
    use crate::profile_json::ProfileJson;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ids(profile: &Profile) -> BTreeSet<&'static str> {
        let advice = Request::default().advice(profile);
        advice.nudges.iter().map(|nudge| nudge.id).collect()
    }

    /// A customer to whom no nudge applies.
    fn content() -> Profile {
        let mut profile = population::all()
            .map(|customer| customer.profile())
            .find(|profile| profile.internet.has(AddOn::TechSupport))
            .unwrap();
        profile.tenure_months = 18;
        profile.internet = profile.internet.with(AddOn::OnlineSecurity, true);
        profile.contract = Contract::TwoYear;
        profile.paperless_billing = true;
        profile.payment_method = PaymentMethod::CreditCard;
        profile.monthly_charges = 60.0;
        profile.behaviour.usage_frequency = Some(16);
        profile.behaviour.support_calls = Some(0);
        profile.behaviour.payment_delay = Some(0);
        profile.variant = None;
        profile
    }

    #[test]
    fn the_embedded_catalogue_is_the_file() {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../data/nudges.toml"
        ));
        assert_eq!(catalogue_source::read(text).unwrap(), CATALOGUE);
    }

    #[test]
    fn the_catalogue_covers_all_categories() {
        assert!((24..MOST_NUDGES).contains(&CATALOGUE.len()));
        for category in Category::ALL {
            assert!(CATALOGUE.iter().any(|entry| entry.category == *category));
        }
    }

    #[test]
    fn who_has_nothing_to_be_told_is_thanked() {
        assert_eq!(ids(&content()), BTreeSet::from(["thank-you"]));
    }

    #[test]
    fn the_classic_rules_begin_where_they_say() {
        type Edit = fn(&mut Profile);
        let rules: [(&str, Edit, Edit); 9] = [
            (
                "quick-start",
                |p| p.behaviour.usage_frequency = Some(10),
                |p| p.behaviour.usage_frequency = Some(9),
            ),
            (
                "help-centre",
                |p| p.behaviour.support_calls = Some(3),
                |p| p.behaviour.support_calls = Some(4),
            ),
            (
                "auto-pay",
                |p| {
                    p.payment_method = PaymentMethod::MailedCheck;
                    p.behaviour.payment_delay = Some(15);
                },
                |p| p.behaviour.payment_delay = Some(16),
            ),
            (
                "annual-contract",
                |p| p.contract = Contract::OneYear,
                |p| p.contract = Contract::MonthToMonth,
            ),
            (
                "review-services",
                |p| p.monthly_charges = 80.0,
                |p| p.monthly_charges = 80.05,
            ),
            (
                "tech-support",
                |p| p.internet = p.internet.with(AddOn::TechSupport, true),
                |p| p.internet = p.internet.with(AddOn::TechSupport, false),
            ),
            (
                "paperless-billing",
                |p| p.paperless_billing = true,
                |p| p.paperless_billing = false,
            ),
            (
                "priority-plan",
                |p| p.variant = Some(Variant::B),
                |p| p.variant = Some(Variant::A),
            ),
            (
                "smart-assistant",
                |p| p.variant = Some(Variant::A),
                |p| p.variant = Some(Variant::B),
            ),
        ];
        for (id, before, beyond) in rules {
            let mut profile = content();
            before(&mut profile);
            assert!(!ids(&profile).contains(id), "{id}");
            beyond(&mut profile);
            assert!(ids(&profile).contains(id), "{id}");
            assert!(!ids(&profile).contains("thank-you"));
        }
    }

    #[test]
    fn who_a_customer_is_changes_no_nudges_presence() {
        for customer in population::all().step_by(3) {
            let profile = customer.profile();
            let other = Profile {
                gender: match profile.gender {
                    Gender::Female => Gender::Male,
                    Gender::Male => Gender::Female,
                },
                senior_citizen: !profile.senior_citizen,
                partner: !profile.partner,
                dependents: !profile.dependents,
                ..profile
            };
            assert_ne!(model::probability(&profile), model::probability(&other));
            assert_eq!(ids(&profile), ids(&other), "{}", customer.id());
        }
    }

    /// What must be true of any advice to anybody.
    fn assert_sound(profile: &Profile) {
        let advice = Request::default().advice(profile);
        let codes = encoding::codes(profile);
        let mut changed = BTreeSet::new();
        assert!(!advice.nudges.is_empty());
        let entry = |id: &str| CATALOGUE.iter().find(|entry| entry.id == id).unwrap();
        for nudge in &advice.nudges {
            let entry = entry(nudge.id);
            assert!(
                entry
                    .conditions
                    .iter()
                    .all(|condition| condition.holds(&codes))
            );
            assert_eq!(entry.otherwise, advice.nudges.len() == 1 && entry.otherwise);
            for other in &advice.nudges {
                let position = CATALOGUE.iter().position(|known| known.id == other.id);
                assert_eq!(
                    entry.excluded & (1 << position.unwrap()),
                    0,
                    "{}, {}",
                    nudge.id,
                    other.id
                );
            }
            for step in entry.steps {
                assert!(
                    changed.insert(step.field()),
                    "{} changes what another changes",
                    nudge.id
                );
            }
            assert_eq!(nudge.change.is_none(), entry.steps.is_empty());
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
        let order = |nudge: &Nudge| {
            let standing = match nudge.measured.map(Measured::finding) {
                Some(Finding::Helps) => 0,
                Some(Finding::Harms) => 2,
                _ => 1,
            };
            let urgency = urgency(entry(nudge.id), &codes);
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
        let head = best(&[*profile], &[advice.probability])[0];
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
    fn sent(profile: &Profile, change: Option<&PlanChange>) -> f64 {
        let mut written = serde_json::to_value(ProfileJson::from(profile)).unwrap();
        if let Some(change) = change {
            let change = serde_json::to_value(change).unwrap();
            for (field, value) in change.as_object().unwrap() {
                written[field] = value.clone();
            }
        }
        let read = serde_json::from_str(&written.to_string()).unwrap();
        model::probability(&intake::from_json(&read).unwrap().profile)
    }

    #[test]
    fn advice_to_customers_is_sound() {
        for customer in population::all().step_by(31) {
            assert_sound(&customer.profile());
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
        let of_arm = |variant| {
            let mut profile = content();
            profile.variant = variant;
            profile.contract = Contract::MonthToMonth;
            Request::default().advice(&profile).nudges
        };
        let treated = of_arm(Some(Variant::B));
        assert_eq!(treated[0].id, "smart-assistant");
        assert_eq!(treated[0].measured, Measured::of_treatment());
        assert_eq!(treated[1].id, "annual-contract");
        assert!(treated[1].risk_reduction > 0.0 && treated[1].measured.is_none());
        for arm in [Some(Variant::A), None] {
            let nudges = of_arm(arm);
            assert_eq!(nudges[0].id, "annual-contract");
            assert!(nudges.iter().all(|nudge| nudge.measured.is_none()));
        }
    }

    #[test]
    fn every_entry_is_of_use_to_somebody() {
        let mut used: BTreeSet<&str> = population::all()
            .flat_map(|customer| {
                let present = present(&customer.codes());
                let entries = CATALOGUE.iter().enumerate();
                entries
                    .filter(move |(position, _)| present & (1 << position) != 0)
                    .map(|(_, entry)| entry.id)
            })
            .collect();
        used.insert("thank-you");
        let unused: Vec<&str> = CATALOGUE
            .iter()
            .map(|entry| entry.id)
            .filter(|id| !used.contains(id))
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn wordings_go_round() {
        let mut profile = content();
        profile.contract = Contract::MonthToMonth;
        profile.internet =
            crate::customer::Internet::FiberOptic(profile.internet.add_ons().unwrap());
        let message = |rotation| {
            let request = Request {
                rotation,
                ..Request::default()
            };
            let mut nudges = request.advice(&profile).nudges.into_iter();
            nudges
                .find(|nudge| nudge.id == "annual-contract")
                .unwrap()
                .message
        };
        let entry = CATALOGUE
            .iter()
            .find(|entry| entry.id == "annual-contract")
            .unwrap();
        let wordings = wordings(entry, &profile).len();
        let all: BTreeSet<String> = (0..wordings).map(message).collect();
        assert_eq!(all.len(), wordings);
        assert_eq!(message(wordings), message(0));
    }

    #[test]
    fn the_persona_is_addressed_before_the_variant() {
        let entry = CATALOGUE
            .iter()
            .find(|entry| entry.id == "annual-contract")
            .unwrap();
        let profile = population::all()
            .map(|customer| customer.profile())
            .find(|profile| {
                Persona::of(profile) == Persona::SpeedSeeker && profile.variant == Some(Variant::B)
            })
            .unwrap();
        assert_eq!(profile.internet.service(), InternetService::FiberOptic);
        let of = |texts: &[(Persona, &'static [Template])]| {
            texts
                .iter()
                .find(|(persona, _)| *persona == Persona::SpeedSeeker)
                .unwrap()
                .1
        };
        let wordings = wordings(entry, &profile);
        assert_eq!(wordings[..1], *of(entry.persona_messages));
        assert_eq!(wordings[1..2], *entry.variant_messages[0].1);
        assert_eq!(wordings[2..], *entry.messages);
    }

    #[test]
    fn requests_are_read_and_checked() {
        let read = |text: &str| {
            let mut query = Query::parse(text).unwrap();
            let request = Request::from_query(&mut query);
            query.finish().map(|()| request)
        };
        assert_eq!(read("").unwrap(), Request::default());
        let request =
            read("limit=2&category=billing&category=support&target=0.3&rotate=5").unwrap();
        assert_eq!(request.limit, Some(2));
        assert_eq!(request.categories, [Category::Billing, Category::Support]);
        assert_eq!((request.target, request.rotation), (0.3, 5));
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
