//! `data/nudges.toml`: every entry is checked, and what is wrong is named together with the entry.

use super::moves;
use crate::nudges::{
    EntryRecord, FORMAT, Head, LookupRecord, MOST_ENTRIES, PartRecord, Section, Set, StepRecord,
    TargetedRecord,
};
use schema::layout::Span;
use schema::source::{condition, impersonal};
use schema::{Change, ChangePolicy, Condition, Field, Kind, MOST_VALUES, Pool, Schema, Text};
use sections::{AlignedBytes, Writer};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// An entry as it is written. Wordings for the arms of an experiment are in a table named like the field of the arms.
#[derive(Deserialize)]
struct Written {
    id: String,
    category: String,
    title: String,
    #[serde(default)]
    otherwise: bool,
    #[serde(default)]
    when: Table,
    #[serde(default)]
    change: Table,
    experiment: Option<WrittenTrial>,
    #[serde(default)]
    excludes: Vec<String>,
    #[serde(default)]
    placeholders: BTreeMap<String, String>,
    reasons: Vec<String>,
    messages: Vec<String>,
    #[serde(default)]
    persona: BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrial {
    /// The experiment; the schema's first where none is named.
    name: Option<String>,
    arm: String,
    offer: String,
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

/// Compiles the catalogue.
///
/// # Errors
/// Everything that is wrong, each with the entry's id.
pub fn compile(
    schema: &Schema<'_>,
    text: &str,
    version: &str,
) -> Result<AlignedBytes, Vec<String>> {
    let mut document: Table = toml::from_str(text).map_err(|error| vec![one_line(&error)])?;
    let nudges = document.remove("nudge");
    let categories = document.remove("categories");
    let mut faults: Vec<String> = document
        .keys()
        .map(|key| format!("`{key}`: unknown; the file is `categories` and a list of [[nudge]]"))
        .collect();
    let nudges = match nudges {
        Some(Value::Array(nudges)) => nudges,
        _ => {
            faults.push("there is no [[nudge]]".to_owned());
            return Err(faults);
        }
    };
    let mut compiler = Compiler {
        schema,
        pool: Pool::default(),
        categories: Vec::new(),
        closed: categories.is_some(),
        entries: Vec::new(),
        ids: Vec::new(),
        conditions: Vec::new(),
        steps: Vec::new(),
        templates: Vec::new(),
        parts: Vec::new(),
        targeted: Vec::new(),
    };
    if let Some(categories) = categories {
        match Vec::<String>::deserialize(categories) {
            Ok(categories) => compiler.categories = categories,
            Err(error) => faults.push(format!("`categories`: {}", one_line(&error))),
        }
    }
    let mut excludes = Vec::new();
    for (position, nudge) in nudges.into_iter().enumerate() {
        let name = match nudge.get("id").and_then(Value::as_str) {
            Some(id) => format!("nudge {id:?}"),
            None => format!("nudge number {}", position + 1),
        };
        let written = Written::deserialize(nudge).map_err(|error| vec![one_line(&error)]);
        match written.and_then(|written| compiler.entry(&written).map(|()| written.excludes)) {
            Ok(names) => excludes.push(names),
            Err(details) => faults.extend(details.iter().map(|detail| format!("{name}: {detail}"))),
        }
    }
    compiler.exclude(&excludes, &mut faults);
    compiler.between_entries(&mut faults);
    if faults.is_empty() {
        Ok(compiler.written(version))
    } else {
        Err(faults)
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim_end().replace('\n', ", ")
}

/// The facts by the names of their placeholders, and whether a text used them yet.
type Facts<'w> = BTreeMap<&'w str, (Fact, bool)>;

struct Compiler<'s> {
    schema: &'s Schema<'s>,
    pool: Pool,
    categories: Vec<String>,
    /// Whether the categories are listed; otherwise each that is used is one.
    closed: bool,
    entries: Vec<EntryRecord>,
    ids: Vec<String>,
    conditions: Vec<Condition>,
    steps: Vec<StepRecord>,
    templates: Vec<Span>,
    parts: Vec<PartRecord>,
    targeted: Vec<TargetedRecord>,
}

fn since(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        length: (end - start) as u32,
    }
}

impl<'s> Compiler<'s> {
    /// Checks one entry and adds it; which others it excludes is found out later.
    fn entry(&mut self, written: &Written) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if written.id.is_empty() || !written.id.bytes().all(shaped) {
            faults.push("`id` must be of lower-case letters, digits and dashes".to_owned());
        }
        if written.title.trim().is_empty() {
            faults.push("`title` is empty".to_owned());
        }
        let category = self.category(&written.category, &mut faults);
        let conditions = self.conditions_of(&written.when, &mut faults);
        let steps = self.steps_of(&written.change, &conditions, &mut faults);
        let plain = conditions.is_empty() && steps.is_empty() && written.excludes.is_empty();
        match (written.otherwise, plain) {
            (true, false) => faults.push(
                "`otherwise` means where no other nudge applies, so `when`, `change` and `excludes` can't go with it".to_owned(),
            ),
            (false, _) if conditions.is_empty() => faults.push("`when` is missing".to_owned()),
            _ => {}
        }
        let trial = written
            .experiment
            .as_ref()
            .and_then(|trial| self.trial(trial, &conditions, &mut faults));
        let mut facts = Facts::new();
        for (name, fact) in &written.placeholders {
            match self.fact(fact, &conditions, &steps) {
                Ok(fact) => {
                    facts.insert(name, (fact, false));
                }
                Err(detail) => faults.push(format!("placeholder {name:?}: {detail}")),
            }
        }
        if written.reasons.is_empty() {
            faults.push("`reasons` is empty".to_owned());
        }
        if written.messages.len() < FEWEST_MESSAGES {
            faults.push(format!(
                "`messages` must hold {FEWEST_MESSAGES} wordings or more"
            ));
        }
        let reasons = self.texts("reasons", &written.reasons, &mut facts, &mut faults);
        let messages = self.texts("messages", &written.messages, &mut facts, &mut faults);
        let start = self.targeted.len();
        for (name, wordings) in &written.persona {
            let Some(persona) = self
                .schema
                .personas()
                .position(|persona| persona.name == name)
            else {
                let known: Vec<&str> = self.schema.personas().map(|persona| persona.name).collect();
                faults.push(format!(
                    "`persona`: {name:?} is no persona; they are {}",
                    known.join(", ")
                ));
                continue;
            };
            let templates = self.texts("persona", wordings, &mut facts, &mut faults);
            self.targeted.push(TargetedRecord {
                target: persona as u32,
                code: 0,
                templates,
            });
        }
        let persona_messages = since(start, self.targeted.len());
        let start = self.targeted.len();
        for (key, value) in &written.others {
            self.arm_messages(key, value, &mut facts, &mut faults);
        }
        let arm_messages = since(start, self.targeted.len());
        for (name, (_, used)) in &facts {
            if !used {
                faults.push(format!("placeholder {name:?} is not used in any text"));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let first_condition = self.conditions.len();
        self.conditions.extend(conditions);
        let first_step = self.steps.len();
        self.steps
            .extend(steps.codes().map(|(field, code)| StepRecord {
                field: field as u32,
                code: code as u32,
            }));
        let (experiment, arm, offer) = trial.unwrap_or((u32::MAX, 0, Text::NONE));
        self.entries.push(EntryRecord {
            excluded: 0,
            id: self.pool.add(&written.id),
            title: self.pool.add(&written.title),
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
        });
        self.ids.push(written.id.clone());
        Ok(())
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

    fn conditions_of(&self, when: &Table, faults: &mut Vec<String>) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (name, value) in when {
            let read =
                impersonal(self.schema, name).and_then(|()| condition(self.schema, name, value));
            match read {
                Ok(condition) => conditions.push(condition),
                Err(detail) => faults.push(format!("`when`: {detail}")),
            }
        }
        // The table is sorted by name; in the order of the fields the cheap and telling ones come first.
        conditions.sort_by_key(Condition::field);
        for condition in &conditions {
            let field = self.schema.field(condition.field());
            // Where what it needs is missing, it has this code.
            if field.needs().is_empty() || condition.admits(field.absent_code()) {
                continue;
            }
            for need in field.needs() {
                let needed = self.schema.field(need.field());
                let of_needed = conditions
                    .iter()
                    .find(|other| other.field() == need.field());
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
        conditions
    }

    /// What a `change` does, made sure to be possible for every customer whom the conditions admit.
    fn steps_of(
        &self,
        change: &Table,
        conditions: &[Condition],
        faults: &mut Vec<String>,
    ) -> Change {
        let mut codes = Vec::new();
        for (name, value) in change {
            match self.step(name, value, conditions) {
                Ok(step) => codes.push(step),
                Err(detail) => faults.push(format!("`change`: {detail}")),
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
                let condition = |index: usize| {
                    conditions
                        .iter()
                        .find(|condition| condition.field() == index)
                };
                let becomes = change
                    .code(need.field())
                    .is_some_and(|code| need.allows(code));
                let is = condition(need.field()).is_some_and(|condition| {
                    (0..needed.codes())
                        .all(|code| !condition.admits(code as f64) || need.allows(code as f64))
                });
                // A field that has another code than the one for what is missing has what it needs.
                let has = field.without().is_some()
                    && condition(field.index())
                        .is_some_and(|condition| !condition.admits(field.absent_code()));
                if !becomes && !is && !has {
                    faults.push(format!(
                        "`change`: `{}` needs something of {}, which `when` must make sure",
                        field.name(),
                        needed.name()
                    ));
                }
            }
        }
        change
    }

    fn step(
        &self,
        name: &str,
        value: &Value,
        conditions: &[Condition],
    ) -> Result<(usize, f64), String> {
        let field = self.field(name)?;
        let wrong = |detail: String| format!("`{name}` {detail}");
        if !matches!(field.change(), ChangePolicy::Any | ChangePolicy::Up) {
            return Err(wrong("is impossible: no customer can change it".to_owned()));
        }
        let code = schema::source::code(field, value).map_err(wrong)?;
        // Everything that the field may hold in a customer for whom the conditions hold.
        let condition = conditions
            .iter()
            .find(|condition| condition.field() == field.index());
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
        conditions: &[Condition],
        faults: &mut Vec<String>,
    ) -> Option<(u32, u32, Text)> {
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
        if !conditions.contains(&in_arm) {
            faults.push(format!(
                "`experiment`: `when` must say {} = {:?}, the arm that gets the offer",
                field.name(),
                written.arm
            ));
        }
        let offer = written.offer.trim();
        if offer.is_empty() {
            faults.push("`experiment`: `offer` is empty".to_owned());
        }
        Some((position as u32, arm as u32, self.pool.add(offer)))
    }

    /// The fact of this name, made sure to be known of every customer whom the conditions admit.
    fn fact(&self, name: &str, conditions: &[Condition], steps: &Change) -> Result<Fact, String> {
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
            let priced = steps
                .codes()
                .any(|(field, _)| self.schema.field(field).priced());
            return match priced {
                true => Ok(fact),
                false => Err(format!("`{name}` needs a `change` that has a price")),
            };
        }
        let field = self.field(name)?;
        let asked = conditions
            .iter()
            .any(|condition| condition.field() == field.index());
        match field.required() || asked {
            true => Ok(Fact::Field(field.index())),
            false => Err(format!(
                "`{name}` is not known of every customer; `when` must ask for it"
            )),
        }
    }

    fn arm_messages(
        &mut self,
        key: &str,
        value: &Value,
        facts: &mut Facts<'_>,
        faults: &mut Vec<String>,
    ) {
        let arms = self
            .schema
            .experiments()
            .map(|experiment| experiment.field());
        let Some(field) = arms
            .map(|field| self.schema.field(field))
            .find(|field| field.name() == key)
        else {
            faults.push(format!("unknown field `{key}`"));
            return;
        };
        let wordings = BTreeMap::<String, Vec<String>>::deserialize(value.clone());
        let wordings = match wordings {
            Ok(wordings) => wordings,
            Err(error) => {
                faults.push(format!("`{key}`: {}", one_line(&error)));
                return;
            }
        };
        for (name, wordings) in &wordings {
            let Some(arm) = field.values().find(|value| value.name() == name) else {
                faults.push(format!("`{key}`: {name:?} is no arm"));
                continue;
            };
            let templates = self.texts(key, wordings, facts, faults);
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
        texts: &[String],
        facts: &mut Facts<'_>,
        faults: &mut Vec<String>,
    ) -> Span {
        // A template's own spans are pushed last, so that those of one list are neighbours.
        let mut templates = Vec::new();
        for text in texts {
            match self.template(text, facts) {
                Ok(template) => templates.push(template),
                Err(detail) => faults.push(format!("`{key}`: {detail}")),
            }
        }
        let start = self.templates.len();
        self.templates.extend(templates);
        since(start, self.templates.len())
    }

    /// Splits a text at its placeholders.
    fn template(&mut self, text: &str, facts: &mut Facts<'_>) -> Result<Span, String> {
        let start = self.parts.len();
        let mut rest = text;
        while let Some(gap_start) = rest.find(['{', '}']) {
            let (before, gap) = rest.split_at(gap_start);
            let name = gap.strip_prefix('{').and_then(|gap| gap.split_once('}'));
            let (name, after) =
                name.ok_or_else(|| format!("a brace is not closed or not opened in {text:?}"))?;
            let (fact, used) = facts
                .get_mut(name)
                .ok_or_else(|| format!("{{{name}}} is not among the `placeholders`"))?;
            *used = true;
            self.text_part(before);
            self.parts.push(fact.part());
            rest = after;
        }
        self.text_part(rest);
        match self.parts.len() == start {
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
    fn exclude(&mut self, excludes: &[Vec<String>], faults: &mut Vec<String>) {
        let fields = |entry: &EntryRecord, steps: &[StepRecord]| -> BTreeSet<u32> {
            let steps = entry.steps.of(steps).unwrap_or_default();
            steps.iter().map(|step| step.field).collect()
        };
        let mut pairs = Vec::new();
        for (one, names) in excludes.iter().enumerate() {
            for name in names {
                match self.ids.iter().position(|other| other == name) {
                    Some(other) if other != one => pairs.push((one, other)),
                    Some(_) => faults.push(format!("nudge {name:?}: excludes itself")),
                    None => faults.push(format!(
                        "nudge {:?}: excludes {name:?}, which is no nudge",
                        self.ids[one]
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
    fn between_entries(&self, faults: &mut Vec<String>) {
        let mut known = BTreeSet::new();
        for id in self.ids.iter().filter(|id| !known.insert(*id)) {
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
        let otherwise = self
            .entries
            .iter()
            .zip(&self.ids)
            .filter(|(entry, _)| entry.otherwise != 0);
        let otherwise: Vec<&String> = otherwise.map(|(_, id)| id).collect();
        if otherwise.len() != 1 {
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
        AlignedBytes::from(writer.finish().as_slice())
    }
}
