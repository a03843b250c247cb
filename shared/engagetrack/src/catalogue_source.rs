//! `data/nudges.toml` as the build reads it: every entry is checked, and what is wrong is named together with the entry.

use crate::catalogue::{
    Category, Condition, Entry, Fact, MOST_ENTRIES, Part, Set, Template, Test, Trial,
};
use crate::customer::{Contract, Persona, Variant};
use crate::encoding::{FIELDS, Kind, at};
use crate::plan::Step;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    category: Category,
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
    persona: BTreeMap<Persona, Vec<String>>,
    #[serde(default)]
    variant: BTreeMap<Variant, Vec<String>>,
}

/// What an arm is offered, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrial {
    arm: Variant,
    offer: String,
}

/// The fewest general wordings of an entry: with one, asking for another would give the same again.
const FEWEST_MESSAGES: usize = 2;

/// The names of the facts that are no fields.
const NEW_MONTHLY_CHARGES: &str = "new_monthly_charges";
const PRICE_DIFFERENCE: &str = "price_difference";

/// Reads the catalogue. What it gives is never freed: it is for a build, or a test.
///
/// # Errors
/// Everything that is wrong, each with the entry's id.
pub fn read(text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let mut document: Table = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
    let nudges = document.remove("nudge");
    let mut errors: Vec<String> = document
        .keys()
        .map(|key| format!("`{key}`: unknown; the file is a list of [[nudge]]"))
        .collect();
    let Some(Value::Array(nudges)) = nudges else {
        errors.push("there is no [[nudge]]".to_owned());
        return Err(errors);
    };
    let mut read = Vec::new();
    for (position, nudge) in nudges.into_iter().enumerate() {
        let name = match nudge.get("id").and_then(Value::as_str) {
            Some(id) => format!("nudge {id:?}"),
            None => format!("nudge number {}", position + 1),
        };
        let written = Written::deserialize(nudge).map_err(|error| {
            let error = error.to_string();
            vec![error.trim_end().replace('\n', ", ")]
        });
        let entry = written.and_then(|written| Ok((entry(&written)?, written.excludes)));
        match entry {
            Ok(entry) => read.push(entry),
            Err(details) => {
                errors.extend(details.iter().map(|detail| format!("{name}: {detail}")));
            }
        }
    }
    let entries = exclude(read, &mut errors);
    between_entries(&entries, &mut errors);
    if errors.is_empty() {
        Ok(entries)
    } else {
        Err(errors)
    }
}

/// Marks which entries can't stand beside which: those that say so, and those that change the same field.
fn exclude(read: Vec<(Entry, Vec<String>)>, errors: &mut Vec<String>) -> Vec<Entry> {
    let mut excluded = vec![Set::default(); read.len()];
    let mut exclude = |one: usize, other: usize| {
        excluded[one] |= Set::from(1u8).unbounded_shl(other as u32);
        excluded[other] |= Set::from(1u8).unbounded_shl(one as u32);
    };
    for (one, (entry, names)) in read.iter().enumerate() {
        for name in names {
            match read.iter().position(|(other, _)| other.id == name) {
                Some(other) if other != one => exclude(one, other),
                Some(_) => errors.push(format!("nudge {name:?}: excludes itself")),
                None => errors.push(format!(
                    "nudge {:?}: excludes {name:?}, which is no nudge",
                    entry.id
                )),
            }
        }
        for (other, (earlier, _)) in read[..one].iter().enumerate() {
            let fields = |entry: &Entry| -> BTreeSet<usize> {
                entry.steps.iter().map(|step| step.field()).collect()
            };
            if !fields(entry).is_disjoint(&fields(earlier)) {
                exclude(one, other);
            }
        }
    }
    let entries = read.into_iter().zip(excluded);
    entries
        .map(|((entry, _), excluded)| Entry { excluded, ..entry })
        .collect()
}

/// What no entry shows alone.
fn between_entries(entries: &[Entry], errors: &mut Vec<String>) {
    let mut known = BTreeSet::new();
    for entry in entries.iter().filter(|entry| !known.insert(entry.id)) {
        errors.push(format!("nudge {:?}: the id is used twice", entry.id));
    }
    for arm in Variant::ALL {
        let trials = entries.iter().filter_map(|entry| entry.trial);
        if trials.filter(|trial| trial.arm == *arm).count() > 1 {
            errors.push(format!(
                "`experiment` names arm {arm} in more than one nudge; an arm has one offer"
            ));
        }
    }
    if entries.len() > MOST_ENTRIES {
        errors.push(format!(
            "there are {} nudges; there is room for {MOST_ENTRIES}",
            entries.len()
        ));
    }
    let otherwise: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.otherwise)
        .map(|entry| entry.id)
        .collect();
    if otherwise.len() != 1 {
        errors.push(format!(
            "`otherwise = true` must stand in exactly one nudge; it stands in {otherwise:?}"
        ));
    }
}

/// Checks one entry; which others it excludes is found out later.
fn entry(written: &Written) -> Result<Entry, Vec<String>> {
    let mut errors = Vec::new();
    let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if written.id.is_empty() || !written.id.bytes().all(shaped) {
        errors.push("`id` must be of lower-case letters, digits and dashes".to_owned());
    }
    if written.title.trim().is_empty() {
        errors.push("`title` is empty".to_owned());
    }
    let conditions = conditions(&written.when, &mut errors);
    let steps = steps(&written.change, &conditions, &mut errors);
    let plain = conditions.is_empty() && steps.is_empty() && written.excludes.is_empty();
    match (written.otherwise, plain) {
        (true, false) => errors.push(
            "`otherwise` means where no other nudge applies, so `when`, `change` and `excludes` can't stand beside it"
                .to_owned(),
        ),
        (false, _) if conditions.is_empty() => errors.push("`when` is missing".to_owned()),
        _ => {}
    }
    let trial = written.experiment.as_ref();
    let trial = trial.and_then(|written| trial_of(written, &conditions, &mut errors));
    let mut facts = facts(&written.placeholders, &conditions, &steps, &mut errors);
    if written.reasons.is_empty() {
        errors.push("`reasons` is empty".to_owned());
    }
    if written.messages.len() < FEWEST_MESSAGES {
        errors.push(format!(
            "`messages` must hold {FEWEST_MESSAGES} wordings or more"
        ));
    }
    let mut texts = |key: &str, texts: &[String]| -> &'static [Template] {
        let templates = texts.iter().map(|text| template(text, &mut facts));
        let templates = templates.map(|template| match template {
            Ok(template) => template,
            Err(detail) => {
                errors.push(format!("`{key}`: {detail}"));
                &[]
            }
        });
        templates.collect::<Vec<_>>().leak()
    };
    let reasons = texts("reasons", &written.reasons);
    let messages = texts("messages", &written.messages);
    let persona_messages = written
        .persona
        .iter()
        .map(|(persona, wordings)| (*persona, texts("persona", wordings)));
    let persona_messages = persona_messages.collect::<Vec<_>>().leak();
    let variant_messages = written
        .variant
        .iter()
        .map(|(variant, wordings)| (*variant, texts("variant", wordings)));
    let variant_messages = variant_messages.collect::<Vec<_>>().leak();
    for (name, (_, used)) in &facts {
        if !used {
            errors.push(format!("placeholder {name:?} is not used in any text"));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Entry {
        id: written.id.clone().leak(),
        category: written.category,
        title: written.title.clone().leak(),
        otherwise: written.otherwise,
        conditions: conditions.leak(),
        trial,
        excluded: Set::default(),
        steps: steps.leak(),
        reasons,
        messages,
        persona_messages,
        variant_messages,
    })
}

/// Checks which arm an entry is the offer of: only customers in this arm may get it, or its effect would be another's.
fn trial_of(
    written: &WrittenTrial,
    conditions: &[Condition],
    errors: &mut Vec<String>,
) -> Option<Trial> {
    let in_arm = Condition {
        field: at::VARIANT,
        test: Test::Among(1 << written.arm as u8),
    };
    if !conditions.contains(&in_arm) {
        errors.push(format!(
            "`experiment`: `when` must say variant = \"{}\", the arm that gets the offer",
            written.arm
        ));
    }
    let offer = written.offer.trim();
    if offer.is_empty() {
        errors.push("`experiment`: `offer` is empty".to_owned());
    }
    Some(Trial {
        arm: written.arm,
        offer: offer.to_owned().leak(),
    })
}

/// The position of a field that nudges may depend on.
fn field(name: &str) -> Result<usize, String> {
    /// Fields that say who a customer is: nobody gets another suggestion for them.
    const PERSONAL: [usize; 4] = [at::GENDER, at::SENIOR_CITIZEN, at::PARTNER, at::DEPENDENTS];
    let allowed = (0..FIELDS.len()).filter(|position| !PERSONAL.contains(position));
    match FIELDS.iter().position(|field| field.name == name) {
        Some(position) if PERSONAL.contains(&position) => Err(format!(
            "`{name}` says who a customer is; nudges depend on plan, behaviour and tenure only"
        )),
        Some(position) => Ok(position),
        None => {
            let allowed: Vec<&str> = allowed.map(|position| FIELDS[position].name).collect();
            Err(format!(
                "unknown field `{name}`; the fields are {}",
                allowed.join(", ")
            ))
        }
    }
}

fn conditions(when: &Table, errors: &mut Vec<String>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (name, value) in when {
        let condition = field(name).and_then(|field| {
            let test =
                test(FIELDS[field].kind, value).map_err(|detail| format!("`{name}` {detail}"))?;
            Ok(Condition { field, test })
        });
        match condition {
            Ok(condition) => conditions.push(condition),
            Err(detail) => errors.push(format!("`when`: {detail}")),
        }
    }
    // The table is sorted by name; in the order of the fields the cheap and telling ones come first.
    conditions.sort_by_key(|condition| condition.field);
    let of_add_on =
        |condition: &&Condition| (at::ADD_ONS..at::ADD_ONS + 6).contains(&condition.field);
    let offline = Test::Among(1 << crate::customer::InternetService::No as u8);
    let without_internet = Condition {
        field: at::INTERNET_SERVICE,
        test: offline,
    };
    if conditions.contains(&without_internet)
        && let Some(condition) = conditions.iter().find(of_add_on)
    {
        errors.push(format!(
            "`when`: `{}` can never hold without internet",
            FIELDS[condition.field].name
        ));
    }
    conditions
}

/// What a value in `when` asks of a field of this kind.
fn test(kind: Kind, value: &Value) -> Result<Test, String> {
    match kind {
        Kind::Flag | Kind::Dependent(_) => match value {
            Value::Boolean(wanted) => Ok(Test::Among(1 << u8::from(*wanted))),
            _ => Err(format!("must be true or false, got {value}")),
        },
        Kind::Choice(names) => {
            let wanted = match value {
                Value::Array(wanted) => wanted.as_slice(),
                one => std::slice::from_ref(one),
            };
            let mut allowed = 0;
            for value in wanted {
                allowed |= 1 << choice(names, value)?;
            }
            match allowed {
                0 => Err("can never hold: the list is empty".to_owned()),
                allowed => Ok(Test::Among(allowed)),
            }
        }
        Kind::Whole(limit) | Kind::Dollars(limit) => within(limit, value),
    }
}

fn within(limit: f64, value: &Value) -> Result<Test, String> {
    let example = "must be like { above = 3 }, with above, at_least, below or at_most";
    let Value::Table(bounds) = value else {
        return Err(format!("{example}, got {value}"));
    };
    let (mut low, mut high) = (0f64, limit);
    for (bound, value) in bounds {
        let number = match value {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            other => return Err(format!("{bound} must be a number, got {other}")),
        };
        if !(0.0..=limit).contains(&number) {
            return Err(format!(
                "{bound} must be between 0 and {limit}, got {number}"
            ));
        }
        match bound.as_str() {
            "above" => low = low.max(number.next_up()),
            "at_least" => low = low.max(number),
            "below" => high = high.min(number.next_down()),
            "at_most" => high = high.min(number),
            _ => return Err(format!("{example}, got `{bound}`")),
        }
    }
    if bounds.is_empty() {
        return Err(format!("{example}, got nothing"));
    }
    if low > high {
        return Err("can never hold: its bounds leave nothing".to_owned());
    }
    Ok(Test::Within(low, high))
}

fn choice(names: &[&str], value: &Value) -> Result<usize, String> {
    let position = names.iter().position(|name| value.as_str() == Some(name));
    position.ok_or_else(|| format!("must be one of {names:?}, got {value}"))
}

/// What a `change` does, made sure to be possible for everybody whom the conditions admit.
fn steps(change: &Table, conditions: &[Condition], errors: &mut Vec<String>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, value) in change {
        match step(name, value, conditions) {
            Ok(step) => steps.push(step),
            Err(detail) => errors.push(format!("`change`: {detail}")),
        }
    }
    steps
}

fn step(name: &str, value: &Value, conditions: &[Condition]) -> Result<Step, String> {
    let field = field(name)?;
    let wrong = |detail: String| format!("`{name}` {detail}");
    let code = match (FIELDS[field].kind, value) {
        (Kind::Choice(names), value) => choice(names, value).map_err(wrong)?,
        (_, Value::Boolean(wanted)) => usize::from(*wanted),
        (Kind::Flag | Kind::Dependent(_), _) => {
            return Err(wrong(format!("must be true or false, got {value}")));
        }
        _ => usize::MAX,
    };
    let step = Step::to(field, code)
        .ok_or_else(|| wrong("is impossible: no customer can change it".to_owned()))?;
    // Everything that the field may hold in a customer for whom the conditions hold.
    let condition = conditions.iter().find(|condition| condition.field == field);
    let admitted = match condition.map(|condition| condition.test) {
        Some(Test::Among(admitted)) => admitted,
        _ => u8::MAX,
    };
    if admitted & (1 << code) != 0 {
        return Err(wrong(format!(
            "may be {value} already; say in `when` what it has to be"
        )));
    }
    let shorter = |contract: &&Contract| admitted & (1 << **contract as u8) != 0;
    match step {
        Step::Contract(to) => match Contract::ALL.iter().rev().find(shorter) {
            Some(from) if *from > to => Err(wrong(format!(
                "is impossible: a contract only gets longer, and `when` admits {:?}",
                from.name()
            ))),
            _ => Ok(step),
        },
        _ => Ok(step),
    }
}

/// The facts by the names of their placeholders, and whether a text used them yet.
type Facts<'w> = BTreeMap<&'w str, (Fact, bool)>;

fn facts<'w>(
    placeholders: &'w BTreeMap<String, String>,
    conditions: &[Condition],
    steps: &[Step],
    errors: &mut Vec<String>,
) -> Facts<'w> {
    let mut facts = Facts::new();
    for (name, fact) in placeholders {
        match self::fact(fact, conditions, steps) {
            Ok(fact) => {
                facts.insert(name, (fact, false));
            }
            Err(detail) => errors.push(format!("placeholder {name:?}: {detail}")),
        }
    }
    facts
}

/// The fact of this name, made sure to be known of everybody whom the conditions admit.
fn fact(name: &str, conditions: &[Condition], steps: &[Step]) -> Result<Fact, String> {
    let of_price = match name {
        NEW_MONTHLY_CHARGES => Some(Fact::NewMonthlyCharges),
        PRICE_DIFFERENCE => Some(Fact::PriceDifference),
        _ => None,
    };
    if let Some(fact) = of_price {
        return match steps.iter().any(|step| matches!(step, Step::AddOn(..))) {
            true => Ok(fact),
            false => Err(format!("`{name}` needs a `change` that has a price")),
        };
    }
    let field = field(name)?;
    let asked = conditions.iter().any(|condition| condition.field == field);
    match FIELDS[field].required || asked {
        true => Ok(Fact::Field(field)),
        false => Err(format!(
            "`{name}` is not known of every customer; `when` must ask for it"
        )),
    }
}

/// Splits a text at its placeholders.
fn template(text: &str, facts: &mut Facts) -> Result<Template, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['{', '}']) {
        let (before, gap) = rest.split_at(start);
        let name = gap.strip_prefix('{').and_then(|gap| gap.split_once('}'));
        let (name, after) = name.ok_or_else(|| format!("a brace has no partner in {text:?}"))?;
        let (fact, used) = facts
            .get_mut(name)
            .ok_or_else(|| format!("{{{name}}} is not among the `placeholders`"))?;
        *used = true;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned().leak()));
        }
        parts.push(Part::Gap(*fact));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned().leak()));
    }
    match parts.is_empty() {
        true => Err("a text is empty".to_owned()),
        false => Ok(parts.leak()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THANKS: &str = r#"
        [[nudge]]
        id = "thanks"
        category = "engagement"
        title = "Thank you"
        otherwise = true
        reasons = ["Nothing to do."]
        messages = ["Thank you.", "Thanks."]
    "#;

    /// A sound entry; `edit` replaces one of its lines.
    fn catalogue(from: &str, to: &str) -> String {
        let sound = r#"
            [[nudge]]
            id = "support"
            category = "support"
            title = "Enable tech support"
            when = { tech_support = false, support_calls = { above = 3 } }
            change = { tech_support = true }
            placeholders = { calls = "support_calls", price = "price_difference" }
            reasons = ["{calls} calls."]
            messages = ["For {price} more.", "We help."]
            persona = { strained = ["We are sorry."] }
        "#;
        assert!(sound.contains(from), "{from}");
        sound.replace(from, to) + THANKS
    }

    #[test]
    fn a_sound_entry_is_read() {
        let entries = read(&catalogue("", "")).unwrap();
        let support = entries[0];
        assert_eq!(
            support.steps,
            [Step::AddOn(crate::customer::AddOn::TechSupport, true)]
        );
        let calls = Condition {
            field: at::SUPPORT_CALLS,
            test: Test::Within(3f64.next_up(), 1_000.0),
        };
        assert!(support.conditions.contains(&calls));
        let calls = [
            Part::Gap(Fact::Field(at::SUPPORT_CALLS)),
            Part::Text(" calls."),
        ];
        assert_eq!(support.reasons, [&calls]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_entry() {
        let cases = [
            (
                "title =",
                "colour = 1\ntitle =",
                "nudge \"support\": unknown field `colour`",
            ),
            (
                "category = \"support\"",
                "category = \"sales\"",
                "unknown variant `sales`",
            ),
            (
                "title = \"Enable tech support\"",
                "",
                "missing field `title`",
            ),
            (
                "id = \"support\"",
                "id = \"thanks\"",
                "nudge \"thanks\": the id is used twice",
            ),
            (
                "tech_support = false",
                "gender = \"Male\"",
                "`gender` says who a customer is",
            ),
            (
                "tech_support = false",
                "probability = 1",
                "unknown field `probability`; the fields are tenure_months",
            ),
            (
                "tech_support = false",
                "tech_support = 3",
                "`tech_support` must be true or false, got 3",
            ),
            ("above = 3", "over = 3", "got `over`"),
            (
                "above = 3",
                "above = 3, below = 2",
                "`support_calls` can never hold",
            ),
            (
                "above = 3",
                "above = 5000",
                "above must be between 0 and 1000, got 5000",
            ),
            (
                "tech_support = false",
                "tech_support = false, internet_service = \"No\"",
                "can never hold without internet",
            ),
            (
                "change = { tech_support = true }",
                "change = { tech_support = false }",
                "`tech_support` may be false already",
            ),
            (
                "change = { tech_support = true }",
                "change = { streaming_tv = true }",
                "`streaming_tv` may be true already",
            ),
            (
                "change = { tech_support = true }",
                "change = { tenure_months = 70 }",
                "`tenure_months` is impossible",
            ),
            (
                "change = { tech_support = true }",
                "change = { internet_service = \"DSL\" }",
                "`internet_service` is impossible",
            ),
            (
                "change = { tech_support = true }",
                "change = { contract = \"Weekly\" }",
                "`contract` must be one of",
            ),
            (
                "\"{calls} calls.\"",
                "\"Many calls.\"",
                "placeholder \"calls\" is not used",
            ),
            (
                "\"We help.\"",
                "\"{name}, we help.\"",
                "{name} is not among the `placeholders`",
            ),
            ("\"We help.\"", "\"We } help.\"", "a brace has no partner"),
            ("\"We help.\"", "\"\"", "a text is empty"),
            (
                ", \"We help.\"",
                "",
                "`messages` must hold 2 wordings or more",
            ),
            (
                "\"support_calls\"",
                "\"payment_delay\"",
                "`payment_delay` is not known of every customer",
            ),
            ("strained", "angry", "unknown variant `angry`"),
            (
                "title =",
                "excludes = [\"nobody\"]\ntitle =",
                "excludes \"nobody\", which is no nudge",
            ),
            (
                "title =",
                "otherwise = true\ntitle =",
                "can't stand beside it",
            ),
            ("title =", "title", "TOML parse error"),
            (
                "title =",
                "experiment = { arm = \"B\", offer = \"help\" }\ntitle =",
                "`when` must say variant = \"B\"",
            ),
            (
                "title =",
                "experiment = { arm = \"C\", offer = \"help\" }\ntitle =",
                "unknown variant `C`",
            ),
            (
                "title =",
                "experiment = { arm = \"B\", offer = \" \" }\ntitle =",
                "`offer` is empty",
            ),
        ];
        for (from, to, expected) in cases {
            let errors = read(&catalogue(from, to)).unwrap_err();
            assert!(
                errors.iter().any(|error| error.contains(expected)),
                "{expected}: {errors:?}"
            );
        }
    }

    #[test]
    fn an_arm_of_the_experiment_has_one_offer() {
        let offer = |id: &str| {
            format!(
                "[[nudge]]\nid = \"{id}\"\ncategory = \"support\"\ntitle = \"Help\"\nwhen = {{ variant = \"B\" }}\n\
                experiment = {{ arm = \"B\", offer = \"help\" }}\nreasons = [\"a\"]\nmessages = [\"a\", \"b\"]\n"
            )
        };
        let entries = read(&(offer("one") + THANKS)).unwrap();
        let trial = Trial {
            arm: Variant::B,
            offer: "help",
        };
        assert_eq!([entries[0].trial, entries[1].trial], [Some(trial), None]);
        let errors = read(&(offer("one") + &offer("other") + THANKS)).unwrap_err();
        assert_eq!(
            errors,
            ["`experiment` names arm B in more than one nudge; an arm has one offer"]
        );
    }

    #[test]
    fn a_contract_only_gets_longer() {
        let change = |when: &str, to: &str| {
            let text = format!(
                "[[nudge]]\nid = \"longer\"\ncategory = \"contract\"\ntitle = \"Longer\"\nwhen = {{ contract = {when} }}\n\
                change = {{ contract = \"{to}\" }}\nreasons = [\"a\"]\nmessages = [\"a\", \"b\"]\n{THANKS}"
            );
            read(&text)
        };
        assert!(change("[\"Month-to-month\", \"One year\"]", "Two year").is_ok());
        let errors = change("\"Two year\"", "One year").unwrap_err();
        assert_eq!(
            errors,
            [
                "nudge \"longer\": `change`: `contract` is impossible: a contract only gets longer, and `when` admits \"Two year\""
            ]
        );
    }

    #[test]
    fn exactly_one_entry_is_for_nobody_else() {
        let errors =
            read(&THANKS.replace("otherwise = true", "when = { contract = \"One year\" }"));
        assert!(errors.unwrap_err()[0].starts_with("`otherwise = true` must stand in exactly one"));
        assert_eq!(read("").unwrap_err(), ["there is no [[nudge]]"]);
    }

    #[test]
    fn entries_that_change_the_same_field_exclude_each_other() {
        let sound = catalogue("", "");
        let other = catalogue("id = \"support\"", "id = \"other\"").replace(THANKS, "");
        let entries = read(&format!("{other}{sound}")).unwrap();
        let excluded: Vec<Set> = entries.iter().map(|entry| entry.excluded).collect();
        assert_eq!(excluded, [0b010, 0b001, 0]);
    }
}
