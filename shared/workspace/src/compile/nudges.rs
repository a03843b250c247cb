//! `data/nudges.toml`: every entry is checked, and what is wrong is named together with the entry.

use super::moves;
use crate::nudges::{
    COSTS, EntryRecord, FORMAT, Head, LOG_ODDS, LookupRecord, MOST_ENTRIES, MeasuredRecord,
    PartRecord, Section, Set, StepRecord, TargetedRecord,
};
use schema::layout::Span;
use schema::source::{Doubts, Entry, Unread, condition, document, impersonal};
use schema::{Change, ChangePolicy, Condition, Field, Kind, MOST_VALUES, Pool, Schema, Text};
use sections::{AlignedBytes, Writer};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// An entry as it is written. Wordings for the arms of an experiment are in a table named like the field of the arms.
struct Written {
    /// What faults call it.
    entry: String,
    id: Option<String>,
    category: Option<String>,
    title: Option<String>,
    otherwise: bool,
    when: Table,
    change: Table,
    experiment: Option<WrittenTrial>,
    measured: Option<WrittenEffect>,
    cost: Option<f64>,
    excludes: Vec<String>,
    placeholders: BTreeMap<String, String>,
    reasons: Vec<String>,
    messages: Vec<String>,
    persona: BTreeMap<String, Vec<String>>,
    others: Table,
    unread: Unread,
}

impl Written {
    fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        Self {
            entry: entry.name().to_owned(),
            id: entry.require("id"),
            category: entry.require("category"),
            title: entry.require("title"),
            otherwise: entry.take("otherwise").unwrap_or_default(),
            when: entry.take("when").unwrap_or_default(),
            change: entry.take("change").unwrap_or_default(),
            experiment: entry.take("experiment"),
            measured: entry.take("measured"),
            cost: entry.take("cost"),
            excludes: entry.take("excludes").unwrap_or_default(),
            placeholders: entry.take("placeholders").unwrap_or_default(),
            reasons: entry.require("reasons").unwrap_or_default(),
            messages: entry.require("messages").unwrap_or_default(),
            persona: entry.take("persona").unwrap_or_default(),
            others: entry.take_others(),
            unread: entry.close(faults),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrial {
    /// The experiment; the schema's first where none is named.
    name: Option<String>,
    arm: String,
    offer: String,
}

/// The effect that a campaign measured, as `POST /v1/analytics/campaign` words it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEffect {
    effect: f64,
    interval: [f64; 2],
    customers: u64,
    campaign: String,
    log_odds: Option<f64>,
}

/// The fewest general wordings of an entry: with one, asking for another would give the same again.
const FEWEST_MESSAGES: usize = 2;
/// The name of the difference in price among the placeholders.
const PRICE_DIFFERENCE: &str = "price_difference";

/// What fills a gap.
#[derive(Clone, Copy)]
enum Fact {
    Field(usize),
    NewRecurring,
    PriceDifference,
}

impl Fact {
    fn part(self) -> PartRecord {
        let (kind, field) = match self {
            Self::Field(field) => (1, field as u32),
            Self::NewRecurring => (2, 0),
            Self::PriceDifference => (3, 0),
        };
        PartRecord {
            text: Text::NONE,
            kind,
            field,
        }
    }
}

/// Compiles the catalogue. What of the schema is in doubt refuses nothing.
///
/// # Errors
/// Everything that is wrong, each with the entry's id.
pub fn compile(
    schema: &Schema<'_>,
    doubts: &Doubts,
    text: &str,
    version: &str,
) -> Result<AlignedBytes, Vec<String>> {
    let mut document = document(text)?;
    let nudges = document.remove("nudge");
    let categories = document.remove("categories");
    let mut faults: Vec<String> = document
        .keys()
        .map(|key| format!("`{key}`: unknown; the file is `categories` and a list of [[nudge]]"))
        .collect();
    let listed = categories.map(Vec::<String>::deserialize);
    let mut compiler = Compiler {
        schema,
        doubts,
        pool: Pool::default(),
        closed: matches!(listed, Some(Ok(_))),
        categories: match listed {
            Some(Ok(categories)) => categories,
            Some(Err(error)) => {
                faults.push(format!("`categories`: {}", one_line(&error)));
                Vec::new()
            }
            None => Vec::new(),
        },
        entries: Vec::new(),
        conditions: Vec::new(),
        steps: Vec::new(),
        templates: Vec::new(),
        parts: Vec::new(),
        targeted: Vec::new(),
        measured: Vec::new(),
    };
    let nudges = Entry::list("nudge", "id", nudges).and_then(|nudges| match nudges.is_empty() {
        true => Err("there is no [[nudge]]".to_owned()),
        false => Ok(nudges),
    });
    let nudges = nudges.unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    });
    let mut written = Vec::new();
    for nudge in nudges {
        let nudge = Written::read(nudge, &mut faults);
        let mut details = Vec::new();
        compiler.entry(&nudge, &mut details);
        let named = |detail: &String| format!("{}: {detail}", nudge.entry);
        faults.extend(details.iter().map(named));
        written.push(nudge);
    }
    if !written.is_empty() {
        compiler.exclude(&written, &mut faults);
        compiler.between_entries(&written, &mut faults);
    }
    if faults.is_empty() {
        Ok(compiler.written(version))
    } else {
        Err(faults)
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim_end().replace('\n', ", ")
}

/// The facts by the names of their placeholders, and whether a text used them yet. A fact that was refused is none.
type Facts<'w> = BTreeMap<&'w str, (Option<Fact>, bool)>;

/// What the texts of an entry may name.
struct Texts<'w> {
    facts: Facts<'w>,
    /// Whether the placeholders could not be read.
    unread: bool,
    /// Whether some text could not be read.
    unsure: bool,
}

/// The keys of an entry that hold no text with placeholders.
const OTHER_THAN_TEXTS: [&str; 11] = [
    "id",
    "category",
    "title",
    "otherwise",
    "when",
    "change",
    "experiment",
    "measured",
    "cost",
    "excludes",
    "placeholders",
];

/// The conditions of an entry.
#[derive(Default)]
struct Conditions {
    all: Vec<Condition>,
    /// The fields of conditions that could not be read.
    unsure: BTreeSet<String>,
    /// Whether none could be read.
    unread: bool,
}

impl Conditions {
    fn of(&self, field: usize) -> Option<&Condition> {
        self.all.iter().find(|condition| condition.field() == field)
    }

    /// Whether there may be a condition on a field that could not be read.
    fn unsure_of(&self, field: Field<'_>) -> bool {
        self.unread || self.unsure.contains(field.name())
    }
}

/// The change of an entry.
#[derive(Default)]
struct Steps {
    change: Change,
    /// Whether some of it could not be read.
    unsure: bool,
}

struct Compiler<'s> {
    schema: &'s Schema<'s>,
    doubts: &'s Doubts,
    pool: Pool,
    categories: Vec<String>,
    /// Whether the categories are listed; otherwise each that is used is one.
    closed: bool,
    entries: Vec<EntryRecord>,
    conditions: Vec<Condition>,
    steps: Vec<StepRecord>,
    templates: Vec<Span>,
    parts: Vec<PartRecord>,
    targeted: Vec<TargetedRecord>,
    measured: Vec<MeasuredRecord>,
}

fn since(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        length: (end - start) as u32,
    }
}

impl<'s> Compiler<'s> {
    /// Checks one entry and adds it; which others it excludes is found out later.
    fn entry(&mut self, written: &Written, faults: &mut Vec<String>) {
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let unread = &written.unread;
        let is_id = |id: &String| !id.is_empty() && id.bytes().all(shaped);
        if written.id.as_ref().is_some_and(|id| !is_id(id)) {
            faults.push("`id` must be of lower-case letters, digits and dashes".to_owned());
        }
        let title = written.title.as_deref();
        if title.is_some_and(|title| title.trim().is_empty()) {
            faults.push("`title` is empty".to_owned());
        }
        let category = match &written.category {
            Some(category) => self.category(category, faults),
            None => 0,
        };
        let conditions = self.conditions_of(written, faults);
        let steps = self.steps_of(written, &conditions, faults);
        let plain =
            written.when.is_empty() && written.change.is_empty() && written.excludes.is_empty();
        match (written.otherwise, plain) {
            (true, false) => faults.push(
                "`otherwise` means where no other nudge applies, so `when`, `change` and `excludes` can't go with it".to_owned(),
            ),
            (false, _)
                if written.when.is_empty() && !unread.has("when") && !unread.has("otherwise") =>
            {
                faults.push("`when` is missing".to_owned());
            }
            _ => {}
        }
        let trial = written
            .experiment
            .as_ref()
            .and_then(|trial| self.trial(trial, &conditions, faults));
        let cost = written.cost.unwrap_or(f64::NAN);
        if !cost.is_nan() && !COSTS.contains(&cost) || written.cost.is_some_and(f64::is_nan) {
            faults.push(format!(
                "`cost` must be between {} and {}, got {cost}",
                COSTS.start(),
                COSTS.end()
            ));
        }
        let first_measured = self.measured.len();
        if let Some(effect) = &written.measured {
            self.effect(effect, faults);
        }
        let mut facts = Facts::new();
        for (name, fact) in &written.placeholders {
            let fact = self
                .fact(fact, &conditions, &steps)
                .unwrap_or_else(|detail| {
                    faults.push(format!("placeholder {name:?}: {detail}"));
                    None
                });
            facts.insert(name, (fact, false));
        }
        if written.reasons.is_empty() && !unread.has("reasons") {
            faults.push("`reasons` is empty".to_owned());
        }
        if written.messages.len() < FEWEST_MESSAGES && !unread.has("messages") {
            faults.push(format!(
                "`messages` must hold {FEWEST_MESSAGES} wordings or more"
            ));
        }
        let mut texts = Texts {
            facts,
            unread: unread.has("placeholders"),
            unsure: false,
        };
        let reasons = self.texts("reasons", &written.reasons, &mut texts, faults);
        let messages = self.texts("messages", &written.messages, &mut texts, faults);
        let persona_messages = self.persona_messages(&written.persona, &mut texts, faults);
        let start = self.targeted.len();
        for (key, value) in &written.others {
            self.arm_messages(key, value, &mut texts, faults);
        }
        let arm_messages = since(start, self.targeted.len());
        // A placeholder may be in a text that could not be read.
        if !texts.unsure && !unread.has_any_but(&OTHER_THAN_TEXTS) {
            for (name, (_, used)) in &texts.facts {
                if !used {
                    faults.push(format!("placeholder {name:?} is not used in any text"));
                }
            }
        }
        let first_condition = self.conditions.len();
        self.conditions.extend(conditions.all);
        let first_step = self.steps.len();
        let codes = steps.change.codes();
        self.steps.extend(codes.map(|(field, code)| StepRecord {
            field: field as u32,
            code: code as u32,
        }));
        let (experiment, arm, offer) = trial.unwrap_or((u32::MAX, 0, Text::NONE));
        self.entries.push(EntryRecord {
            excluded: 0,
            cost,
            id: self.pool.add(written.id.as_deref().unwrap_or_default()),
            title: self.pool.add(title.unwrap_or_default()),
            offer,
            conditions: since(first_condition, self.conditions.len()),
            steps: since(first_step, self.steps.len()),
            reasons,
            messages,
            persona_messages,
            arm_messages,
            category,
            otherwise: u32::from(written.otherwise),
            experiment,
            arm,
            measured: since(first_measured, self.measured.len()),
        });
    }

    /// Checks the effect that a campaign measured and adds it.
    fn effect(&mut self, written: &WrittenEffect, faults: &mut Vec<String>) {
        let WrittenEffect {
            effect,
            interval: [low, high],
            customers,
            campaign,
            log_odds,
        } = written;
        let before = faults.len();
        let mut require = |holds: bool, detail: String| {
            if !holds {
                faults.push(format!("`measured`: {detail}"));
            }
        };
        require(
            (-1.0..=1.0).contains(effect),
            format!("`effect` is a difference of churn rates, between -1 and 1, got {effect}"),
        );
        require(
            (-1.0..=*effect).contains(low) && (*effect..=1.0).contains(high),
            format!(
                "`interval` must hold `effect` ({effect}) and lie between -1 and 1, got [{low}, {high}]"
            ),
        );
        require(
            *customers > 0,
            "`customers` must be 1 or more, got 0".to_owned(),
        );
        require(
            !campaign.trim().is_empty(),
            "`campaign` is empty".to_owned(),
        );
        let shift = log_odds.unwrap_or(f64::NAN);
        let agrees =
            |shift: f64| shift == 0.0 || *effect == 0.0 || shift.signum() == effect.signum();
        require(
            log_odds.is_none_or(|shift| LOG_ODDS.contains(&shift) && agrees(shift)),
            format!(
                "`log_odds` must be between {} and {} with the sign of `effect`, got {shift}",
                LOG_ODDS.start(),
                LOG_ODDS.end()
            ),
        );
        if faults.len() == before {
            let campaign = self.pool.add(campaign);
            self.measured.push(MeasuredRecord {
                effect: *effect,
                interval: [*low, *high],
                log_odds: shift,
                customers: *customers,
                campaign,
            });
        }
    }

    fn persona_messages(
        &mut self,
        personas: &BTreeMap<String, Vec<String>>,
        texts: &mut Texts<'_>,
        faults: &mut Vec<String>,
    ) -> Span {
        let start = self.targeted.len();
        for (name, wordings) in personas {
            let templates = self.texts("persona", wordings, texts, faults);
            let mut personas = self.schema.personas();
            match personas.position(|persona| persona.name == name) {
                Some(persona) => self.targeted.push(TargetedRecord {
                    target: persona as u32,
                    code: 0,
                    templates,
                }),
                None if self.doubts.persona(self.schema, name) => {}
                None => {
                    let known = self.schema.personas().map(|persona| persona.name);
                    let known: Vec<&str> = known.collect();
                    faults.push(format!(
                        "`persona`: {name:?} is no persona; they are {}",
                        known.join(", ")
                    ));
                }
            }
        }
        since(start, self.targeted.len())
    }

    fn category(&mut self, name: &str, faults: &mut Vec<String>) -> u32 {
        if let Some(position) = self.categories.iter().position(|category| category == name) {
            return position as u32;
        }
        if self.closed {
            faults.push(format!(
                "`category` must be one of {:?}, got {name:?}",
                self.categories
            ));
            return 0;
        }
        self.categories.push(name.to_owned());
        self.categories.len() as u32 - 1
    }

    /// The field of a name that nudges may depend on.
    fn field(&self, name: &str) -> Result<Field<'s>, String> {
        impersonal(self.schema, name)?;
        self.schema.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.schema.fields().map(|field| field.name()).collect();
            format!(
                "unknown field `{name}`; the fields are {}",
                known.join(", ")
            )
        })
    }

    fn conditions_of(&self, written: &Written, faults: &mut Vec<String>) -> Conditions {
        let mut read = Conditions {
            unread: written.unread.has("when"),
            ..Conditions::default()
        };
        for (name, value) in &written.when {
            if self.doubts.field(self.schema, name) {
                read.unsure.insert(name.clone());
                continue;
            }
            match impersonal(self.schema, name).and_then(|()| condition(self.schema, name, value)) {
                Ok(condition) => read.all.push(condition),
                Err(detail) => {
                    read.unsure.insert(name.clone());
                    faults.push(format!("`when`: {detail}"));
                }
            }
        }
        // The table is sorted by name; in the order of the fields the cheap and telling ones come first.
        read.all.sort_by_key(Condition::field);
        for condition in &read.all {
            let field = self.schema.field(condition.field());
            // Where what it needs is missing, it has this code.
            if field.needs().is_empty() || condition.admits(field.absent_code()) {
                continue;
            }
            for need in field.needs() {
                let needed = self.schema.field(need.field());
                let of_needed = read.of(need.field());
                let may_hold = |other: &Condition| {
                    (0..needed.codes())
                        .any(|code| other.admits(code as f64) && need.allows(code as f64))
                };
                if of_needed.is_some_and(|other| !may_hold(other)) {
                    faults.push(format!(
                        "`when`: `{}` can never hold without what it needs of {}",
                        field.name(),
                        needed.name()
                    ));
                }
            }
        }
        read
    }

    /// What a `change` does, made sure to be possible for every customer whom the conditions admit.
    fn steps_of(
        &self,
        written: &Written,
        conditions: &Conditions,
        faults: &mut Vec<String>,
    ) -> Steps {
        let mut codes = Vec::new();
        let mut unsure = written.unread.has("change");
        for (name, value) in &written.change {
            if self.doubts.field(self.schema, name) {
                unsure = true;
                continue;
            }
            match self.step(name, value, conditions) {
                Ok(step) => codes.push(step),
                Err(detail) => {
                    unsure = true;
                    faults.push(format!("`change`: {detail}"));
                }
            }
        }
        let change = Change::of(codes);
        for (field, code) in change.codes() {
            let field = self.schema.field(field);
            if code == field.absent_code() && field.without().is_none() {
                continue;
            }
            for need in field.needs() {
                let needed = self.schema.field(need.field());
                let becomes = change
                    .code(need.field())
                    .is_some_and(|code| need.allows(code));
                let is = conditions.of(need.field()).is_some_and(|condition| {
                    (0..needed.codes())
                        .all(|code| !condition.admits(code as f64) || need.allows(code as f64))
                });
                // A field that has another code than the one for what is missing has what it needs.
                let has = field.without().is_some()
                    && conditions
                        .of(field.index())
                        .is_some_and(|condition| !condition.admits(field.absent_code()));
                let unsure = conditions.unsure_of(needed)
                    || conditions.unsure_of(field)
                    || written.change.contains_key(needed.name());
                if !becomes && !is && !has && !unsure {
                    faults.push(format!(
                        "`change`: `{}` needs something of {}, which `when` must make sure",
                        field.name(),
                        needed.name()
                    ));
                }
            }
        }
        Steps { change, unsure }
    }

    fn step(
        &self,
        name: &str,
        value: &Value,
        conditions: &Conditions,
    ) -> Result<(usize, f64), String> {
        let field = self.field(name)?;
        let wrong = |detail: String| format!("`{name}` {detail}");
        if !matches!(field.change(), ChangePolicy::Any | ChangePolicy::Up) {
            return Err(wrong("is impossible: no customer can change it".to_owned()));
        }
        let code = schema::source::code(field, value).map_err(wrong)?;
        // Everything that the field may hold in a customer for whom the conditions hold.
        if conditions.unsure_of(field) {
            return Ok((field.index(), code as f64));
        }
        let condition = conditions.of(field.index());
        let admits = |code: usize| condition.is_none_or(|condition| condition.admits(code as f64));
        if admits(code) {
            return Err(wrong(format!(
                "may be {value} already; say in `when` what it has to be"
            )));
        }
        let further = (code + 1..field.choices()).rev().find(|from| admits(*from));
        match (
            field.change(),
            further.and_then(|from| field.value(from as f64)),
        ) {
            (ChangePolicy::Up, Some(from)) => Err(wrong(format!(
                "is impossible: it only moves down the list of its values, and `when` admits {:?}",
                from.name()
            ))),
            _ => Ok((field.index(), code as f64)),
        }
    }

    /// Checks which arm an entry is the offer of: only customers in this arm may get it, or its effect would be another's.
    fn trial(
        &mut self,
        written: &WrittenTrial,
        conditions: &Conditions,
        faults: &mut Vec<String>,
    ) -> Option<(u32, u32, Text)> {
        let offer = written.offer.trim();
        if offer.is_empty() {
            faults.push("`experiment`: `offer` is empty".to_owned());
        }
        if self.doubts.experiment(self.schema, written.name.as_deref()) {
            return None;
        }
        let named = |name: &str| written.name.as_deref().is_none_or(|wanted| wanted == name);
        let mut experiments = self.schema.experiments().enumerate();
        let Some((position, experiment)) =
            experiments.find(|(_, experiment)| named(experiment.name()))
        else {
            faults.push("`experiment`: the schema has no such experiment".to_owned());
            return None;
        };
        let field = self.schema.field(experiment.field());
        let of_arm = |code: usize| {
            field
                .value(code as f64)
                .is_some_and(|value| value.name() == written.arm)
        };
        let Some((arm, _)) = experiment.arms().find(|(code, _)| of_arm(*code)) else {
            let arms = experiment
                .arms()
                .filter_map(|(code, _)| field.value(code as f64))
                .map(|value| value.name());
            let arms: Vec<&str> = arms.collect();
            faults.push(format!(
                "`experiment`: `arm` must be one of {arms:?}, got {:?}",
                written.arm
            ));
            return None;
        };
        let in_arm = Condition::among(field.index(), [arm]);
        if !conditions.unsure_of(field) && !conditions.all.contains(&in_arm) {
            faults.push(format!(
                "`experiment`: `when` must say {} = {:?}, the arm that gets the offer",
                field.name(),
                written.arm
            ));
        }
        Some((position as u32, arm as u32, self.pool.add(offer)))
    }

    /// The fact of this name, made sure to be known of every customer whom the conditions admit; none where that is in doubt.
    fn fact(
        &self,
        name: &str,
        conditions: &Conditions,
        steps: &Steps,
    ) -> Result<Option<Fact>, String> {
        let recurring = self
            .schema
            .roles()
            .recurring
            .map(|field| self.schema.field(field));
        let new_recurring = recurring.map(|field| format!("new_{}", field.name()));
        let of_price = match name {
            PRICE_DIFFERENCE => Some(Fact::PriceDifference),
            _ if new_recurring.as_deref() == Some(name) => Some(Fact::NewRecurring),
            _ => None,
        };
        if let Some(fact) = of_price {
            let mut codes = steps.change.codes();
            let priced = codes.any(|(field, _)| self.schema.field(field).priced());
            return match priced || steps.unsure {
                true => Ok(Some(fact)),
                false => Err(format!("`{name}` needs a `change` that has a price")),
            };
        }
        let may_be_recurring = self.doubts.roles() && name.starts_with("new_");
        if may_be_recurring || self.doubts.field(self.schema, name) {
            return Ok(None);
        }
        let field = self.field(name)?;
        let asked = conditions.of(field.index()).is_some() || conditions.unsure_of(field);
        match field.required() || asked {
            true => Ok(Some(Fact::Field(field.index()))),
            false => Err(format!(
                "`{name}` is not known of every customer; `when` must ask for it"
            )),
        }
    }

    fn arm_messages(
        &mut self,
        key: &str,
        value: &Value,
        texts: &mut Texts<'_>,
        faults: &mut Vec<String>,
    ) {
        let arms = self
            .schema
            .experiments()
            .map(|experiment| experiment.field());
        let field = arms
            .map(|field| self.schema.field(field))
            .find(|field| field.name() == key);
        let Some(field) = field else {
            texts.unsure = true;
            if !self.doubts.experiment(self.schema, None) {
                faults.push(format!("unknown field `{key}`"));
            }
            return;
        };
        let wordings = BTreeMap::<String, Vec<String>>::deserialize(value.clone());
        let wordings = match wordings {
            Ok(wordings) => wordings,
            Err(error) => {
                texts.unsure = true;
                faults.push(format!("`{key}`: {}", one_line(&error)));
                return;
            }
        };
        for (name, wordings) in &wordings {
            let templates = self.texts(key, wordings, texts, faults);
            let Some(arm) = field.values().find(|value| value.name() == name) else {
                faults.push(format!("`{key}`: {name:?} is no arm"));
                continue;
            };
            self.targeted.push(TargetedRecord {
                target: field.index() as u32,
                code: arm.code() as u32,
                templates,
            });
        }
    }

    fn texts(
        &mut self,
        key: &str,
        wordings: &[String],
        texts: &mut Texts<'_>,
        faults: &mut Vec<String>,
    ) -> Span {
        // A template's own spans are pushed last, so that those of one list are neighbours.
        let mut templates = Vec::new();
        for text in wordings {
            match self.template(text, texts) {
                Ok(template) => templates.push(template),
                Err(detail) => faults.push(format!("`{key}`: {detail}")),
            }
        }
        let start = self.templates.len();
        self.templates.extend(templates);
        since(start, self.templates.len())
    }

    /// Splits a text at its placeholders.
    fn template(&mut self, text: &str, texts: &mut Texts<'_>) -> Result<Span, String> {
        let start = self.parts.len();
        let mut rest = text;
        while let Some(gap_start) = rest.find(['{', '}']) {
            let (before, gap) = rest.split_at(gap_start);
            let name = gap.strip_prefix('{').and_then(|gap| gap.split_once('}'));
            let (name, after) =
                name.ok_or_else(|| format!("a brace is not closed or not opened in {text:?}"))?;
            self.text_part(before);
            match texts.facts.get_mut(name) {
                Some((fact, used)) => {
                    *used = true;
                    self.parts.extend(fact.map(Fact::part));
                }
                None if texts.unread => {}
                None => return Err(format!("{{{name}}} is not among the `placeholders`")),
            }
            rest = after;
        }
        self.text_part(rest);
        match text.is_empty() {
            true => Err("a text is empty".to_owned()),
            false => Ok(since(start, self.parts.len())),
        }
    }

    fn text_part(&mut self, text: &str) {
        if !text.is_empty() {
            let text = self.pool.add(text);
            self.parts.push(PartRecord {
                text,
                kind: 0,
                field: 0,
            });
        }
    }

    /// Marks which entries can't be given together: those that say so, and those that change the same field.
    fn exclude(&mut self, written: &[Written], faults: &mut Vec<String>) {
        let fields = |entry: &EntryRecord, steps: &[StepRecord]| -> BTreeSet<u32> {
            let steps = entry.steps.of(steps).unwrap_or_default();
            steps.iter().map(|step| step.field).collect()
        };
        let unnamed = written.iter().any(|other| other.id.is_none());
        let mut pairs = Vec::new();
        for (one, entry) in written.iter().enumerate() {
            for name in &entry.excludes {
                let found = written
                    .iter()
                    .position(|other| other.id.as_ref() == Some(name));
                match found {
                    Some(other) if other != one => pairs.push((one, other)),
                    Some(_) => faults.push(format!("nudge {name:?}: excludes itself")),
                    None if unnamed => {}
                    None => faults.push(format!(
                        "{}: excludes {name:?}, which is no nudge",
                        entry.entry
                    )),
                }
            }
            for other in 0..one {
                let [a, b] =
                    [one, other].map(|position| fields(&self.entries[position], &self.steps));
                if !a.is_disjoint(&b) {
                    pairs.push((one, other));
                }
            }
        }
        for (one, other) in pairs {
            self.entries[one].excluded |= Set::from(1u8).unbounded_shl(other as u32);
            self.entries[other].excluded |= Set::from(1u8).unbounded_shl(one as u32);
        }
    }

    /// What no entry shows alone.
    fn between_entries(&self, written: &[Written], faults: &mut Vec<String>) {
        let mut known = BTreeSet::new();
        let ids = written.iter().filter_map(|entry| entry.id.as_ref());
        for id in ids.filter(|id| !known.insert(*id)) {
            faults.push(format!("nudge {id:?}: the id is used twice"));
        }
        let mut arms = BTreeSet::new();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.experiment != u32::MAX)
        {
            if !arms.insert((entry.experiment, entry.arm)) {
                let experiment = self.schema.experiments().nth(entry.experiment as usize);
                let field = experiment.map(|experiment| self.schema.field(experiment.field()));
                let arm = field
                    .and_then(|field| field.value(f64::from(entry.arm)))
                    .map_or("", |value| value.name());
                faults.push(format!(
                    "`experiment` names arm {arm} in more than one nudge; an arm has one offer"
                ));
            }
        }
        if self.entries.len() > MOST_ENTRIES {
            faults.push(format!(
                "there are {} nudges; there may be {MOST_ENTRIES}",
                self.entries.len()
            ));
        }
        let otherwise: Vec<&str> = written
            .iter()
            .filter(|entry| entry.otherwise)
            .map(|entry| entry.id.as_deref().unwrap_or(&entry.entry))
            .collect();
        let unsure = written.iter().any(|entry| entry.unread.has("otherwise"));
        if otherwise.len() > 1 || (otherwise.is_empty() && !unsure) {
            faults.push(format!(
                "`otherwise = true` must be in exactly one nudge; it is in {otherwise:?}"
            ));
        }
    }

    /// For each field of which some entries want certain values, and each of its codes, the entries that would have it.
    fn lookup(&self) -> (Vec<LookupRecord>, Vec<Set>) {
        let (mut records, mut sets) = (Vec::new(), Vec::new());
        for field in self.schema.fields() {
            let Some(count) = self.looked_up(field) else {
                continue;
            };
            let codes = (0..count).map(|code| code as f64).chain([f64::NAN]);
            let set = |code: f64| {
                let entries = self.entries.iter().enumerate().filter(|(_, entry)| {
                    let mut conditions = self
                        .asked_of(entry)
                        .iter()
                        .filter(|condition| condition.field() == field.index());
                    conditions.all(|condition| condition.admits(code))
                });
                entries.fold(0, |set: Set, (position, _)| set | 1 << position)
            };
            let by_code: Vec<Set> = codes.map(set).collect();
            if by_code.iter().any(|set| *set != by_code[0]) {
                records.push(LookupRecord {
                    field: field.index() as u32,
                    unused: 0,
                    sets: since(sets.len(), sets.len() + by_code.len()),
                });
                sets.extend(by_code);
            }
        }
        (records, sets)
    }

    /// How many codes of a field the lookup has sets for, from 0 on: of a flag or choice, all; of a whole number, as many as make a
    /// difference to some condition. None where those are too many, or where a price may leave a fraction.
    fn looked_up(&self, field: Field<'_>) -> Option<usize> {
        let roles = self.schema.roles();
        let is_priced = [roles.recurring, roles.lifetime].contains(&Some(field.index()));
        let (least, most) = field.range().into_inner();
        match field.kind() {
            Kind::Flag | Kind::Choice => Some(field.codes()),
            Kind::Whole if least >= 0.0 && !is_priced => {
                let entries = self.entries.iter();
                let conditions = entries
                    .flat_map(|entry| self.asked_of(entry))
                    .filter(|condition| condition.field() == field.index());
                // All whole numbers beyond the last of the bounds are alike. No number is beyond the range.
                let last = conditions
                    .flat_map(|condition| {
                        let [low, high] = condition.bounds();
                        [low, if high < most { high } else { low }]
                    })
                    .fold(0.0, f64::max);
                (last < MOST_VALUES as f64).then_some(last as usize + 2)
            }
            _ => None,
        }
    }

    fn asked_of(&self, entry: &EntryRecord) -> &[Condition] {
        entry.conditions.of(&self.conditions).unwrap_or_default()
    }

    fn written(mut self, version: &str) -> AlignedBytes {
        let (lookup, sets) = self.lookup();
        let moves = moves::of(self.schema);
        let set = |otherwise: bool| {
            let entries = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| (entry.otherwise != 0) == otherwise);
            entries.fold(0, |set: Set, (position, _)| set | 1 << position)
        };
        let unsettled = self.entries.iter().enumerate().filter(|(_, entry)| {
            let mut fields = self.asked_of(entry).iter().map(Condition::field);
            fields.any(|field| self.looked_up(self.schema.field(field)).is_none())
        });
        let head = Head {
            conditional: set(false),
            unsettled: unsettled.fold(0, |set: Set, (position, _)| set | 1 << position),
            otherwise: set(true),
            version: self.pool.add(version),
            searched: moves.levels.len() as u32 - 1,
            entangled: u32::from(moves.entangled),
            cut: u32::from(moves.cut),
            unused: 0,
        };
        let categories: Vec<Text> = self
            .categories
            .iter()
            .map(|name| self.pool.add(name))
            .collect();
        let mut writer = Writer::new(&FORMAT);
        writer.write(Section::Text as usize, self.pool.as_str().as_bytes());
        writer.write(Section::Head as usize, &[head]);
        writer.write(Section::Categories as usize, &categories);
        writer.write(Section::Entries as usize, &self.entries);
        writer.write(Section::Conditions as usize, &self.conditions);
        writer.write(Section::Steps as usize, &self.steps);
        writer.write(Section::Templates as usize, &self.templates);
        writer.write(Section::Parts as usize, &self.parts);
        writer.write(Section::Targeted as usize, &self.targeted);
        writer.write(Section::Lookup as usize, &lookup);
        writer.write(Section::Sets as usize, &sets);
        writer.write(Section::MoveSteps as usize, &moves.steps);
        writer.write(Section::Moves as usize, &moves.moves);
        writer.write(Section::Levels as usize, &moves.levels);
        writer.write(Section::Measured as usize, &self.measured);
        AlignedBytes::from(writer.finish().as_slice())
    }
}
