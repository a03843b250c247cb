//! Checks the catalogue once: texts, conditions and changes fit the schema, and the lookup says what the conditions say.

use super::{
    COSTS, Catalogue, EntryRecord, FORMAT, LOG_ODDS, LookupRecord, MOST_MOVES, MeasuredRecord,
    MoveStep, PartRecord, Set, TargetedRecord, is_entangled,
};
use schema::layout::Span;
use schema::{ChangePolicy, Condition, Field, Kind, Schema, Text};
use sections::Sections;

type Checked = Result<(), &'static str>;

fn that(holds: bool, what: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(what) }
}

/// Whether spans lie one after another up to the end of a section, as the compiler wrote them. So no record belongs to two, and
/// no request takes more than the bytes are worth.
fn are_chained(spans: impl IntoIterator<Item = Span>, end: usize) -> bool {
    let mut next = 0;
    let follows = |span: Span| {
        let follows = span.start as usize == next;
        next += span.length as usize;
        follows
    };
    spans.into_iter().all(follows) && next == end
}

/// Whether one step of a customer's own can change a field.
fn can_change(field: Field<'_>) -> bool {
    matches!(field.change(), ChangePolicy::Any | ChangePolicy::Up)
}

impl Catalogue<'_> {
    /// Compares the bytes that it was opened from with their hashes, and checks every record.
    pub(crate) fn verify(&self, bytes: &[u8], schema: &Schema<'_>) -> Result<(), String> {
        let intact = Sections::open(bytes, &FORMAT).and_then(|sections| sections.verify());
        intact.map_err(|error| error.to_string())?;
        self.check(schema).map_err(str::to_owned)
    }

    fn check(&self, schema: &Schema<'_>) -> Checked {
        self.check_spans()?;
        self.check_texts(schema)?;
        self.check_between_entries()?;
        self.entries
            .iter()
            .try_for_each(|entry| self.check_entry(schema, entry))?;
        self.check_lookup(schema)?;
        self.check_moves(schema)
    }

    fn targeted(&self, span: Span) -> &[TargetedRecord] {
        span.of(self.targeted).unwrap_or_default()
    }

    fn check_spans(&self) -> Checked {
        let entries = || self.entries.iter();
        let of_targets = |span: Span| self.targeted(span).iter().map(|record| record.templates);
        let templates = entries().flat_map(|entry| {
            [entry.reasons, entry.messages]
                .into_iter()
                .chain(of_targets(entry.persona_messages))
                .chain(of_targets(entry.arm_messages))
        });
        let targeted = entries().flat_map(|entry| [entry.persona_messages, entry.arm_messages]);
        let sets = self.lookup.iter().map(|record| record.sets);
        that(
            are_chained(
                entries().map(|entry| entry.conditions),
                self.conditions.len(),
            ) && are_chained(entries().map(|entry| entry.steps), self.steps.len())
                && are_chained(targeted, self.targeted.len())
                && are_chained(entries().map(|entry| entry.measured), self.measured.len())
                && are_chained(templates, self.templates.len())
                && are_chained(self.templates.iter().copied(), self.parts.len())
                && are_chained(sets, self.sets.len())
                && are_chained(self.levels.iter().copied(), self.moves.len())
                && are_chained(self.moves.iter().copied(), self.move_steps.len()),
            "the records do not lie one after another",
        )
    }

    fn check_texts(&self, schema: &Schema<'_>) -> Checked {
        let there = |text: Text| text.get(self.pool).is_some();
        let given = |text: Text| text.get(self.pool).is_some_and(|text| !text.is_empty());
        that(
            given(self.head.version)
                && self.categories.iter().all(|name| there(*name))
                && self.entries.iter().all(|entry| {
                    let offer = entry.experiment == u32::MAX || given(entry.offer);
                    given(entry.id) && given(entry.title) && offer
                })
                && self
                    .measured
                    .iter()
                    .all(|measured| given(measured.campaign)),
            "a text is not there",
        )?;
        let part = |part: &PartRecord| match part.kind {
            0 => there(part.text),
            1 => (part.field as usize) < schema.len(),
            2 | 3 => schema.roles().recurring.is_some(),
            _ => false,
        };
        that(
            self.templates.iter().all(|span| span.length > 0) && self.parts.iter().all(part),
            "a text has a gap that nothing fills",
        )
    }

    fn check_between_entries(&self) -> Checked {
        let count = self.entries.len();
        let set = |holds: &dyn Fn(&EntryRecord) -> bool| -> Set {
            let holding = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| holds(entry));
            holding.fold(0, |set, (position, _)| set | 1 << position)
        };
        let otherwise = set(&|entry| entry.otherwise != 0);
        that(
            otherwise.count_ones() == 1
                && self.entries.iter().all(|entry| entry.otherwise <= 1)
                && self.head.otherwise == otherwise
                && self.head.conditional == set(&|entry| entry.otherwise == 0),
            "the nudge for customers to whom no other applies is none",
        )?;
        let mut ids: Vec<Option<&str>> = self
            .entries
            .iter()
            .map(|entry| entry.id.get(self.pool))
            .collect();
        ids.sort_unstable();
        let trials = self
            .entries
            .iter()
            .filter(|entry| entry.experiment != u32::MAX);
        let mut arms: Vec<(u32, u32)> = trials.map(|entry| (entry.experiment, entry.arm)).collect();
        arms.sort_unstable();
        that(
            ids.is_sorted_by(|a, b| a < b) && arms.is_sorted_by(|a, b| a < b),
            "two nudges have one id, or are the offer of one arm",
        )?;
        let excludes = |one: usize, other: usize| self.entries[one].excluded >> other & 1 == 1;
        let mutual = |one: usize| {
            let mut others = 0..count;
            !excludes(one, one) && others.all(|other| excludes(one, other) == excludes(other, one))
        };
        let known = Set::MAX >> (Set::BITS as usize - count);
        that(
            self.entries
                .iter()
                .all(|entry| entry.excluded & !known == 0)
                && (0..count).all(mutual),
            "a nudge excludes one that does not exclude it",
        )
    }

    fn check_entry(&self, schema: &Schema<'_>, entry: &EntryRecord) -> Checked {
        that(
            entry.cost.is_nan() || COSTS.contains(&entry.cost),
            "a nudge has a cost that is none",
        )?;
        let measured = entry.measured.of(self.measured).unwrap_or_default();
        let is_effect = |record: &MeasuredRecord| {
            let MeasuredRecord {
                effect,
                interval: [low, high],
                log_odds,
                customers,
                ..
            } = *record;
            (-1.0..=effect).contains(&low)
                && (effect..=1.0).contains(&high)
                && (log_odds.is_nan() || LOG_ODDS.contains(&log_odds))
                && customers > 0
        };
        that(
            measured.len() <= 1 && measured.iter().all(is_effect),
            "a nudge has a measured effect that is none",
        )?;
        let conditions = entry.conditions.of(self.conditions).unwrap_or_default();
        let steps = entry.steps.of(self.steps).unwrap_or_default();
        let fits = |condition: &Condition| condition.fits(schema.field(condition.field()));
        that(
            conditions.is_sorted_by(|a, b| a.field() < b.field()) && conditions.iter().all(fits),
            "a condition does not fit its field",
        )?;
        let otherwise = entry.otherwise != 0;
        that(
            otherwise == conditions.is_empty() && (!otherwise || steps.is_empty()),
            "a nudge has no condition",
        )?;
        let mut fields: Vec<u32> = steps.iter().map(|step| step.field).collect();
        fields.sort_unstable();
        let possible = steps.iter().all(|step| {
            let field = schema.field(step.field as usize);
            can_change(field) && (step.code as usize) < field.choices()
        });
        that(
            possible && fields.is_sorted_by(|a, b| a < b),
            "a nudge changes what can't be changed",
        )?;
        if entry.experiment != u32::MAX {
            let experiment = schema.experiments().nth(entry.experiment as usize);
            let in_arm = experiment.is_some_and(|experiment| {
                let arm = entry.arm as usize;
                let in_arm = |condition: &Condition| {
                    condition.field() == experiment.field()
                        && condition.admits(arm as f64)
                        && (0..schema.field(experiment.field()).codes())
                            .all(|code| code == arm || !condition.admits(code as f64))
                };
                experiment.arms().any(|(code, _)| code == arm) && conditions.iter().any(in_arm)
            });
            that(in_arm, "a nudge is the offer of an arm that is none")?;
        }
        let mut for_persona = self.targeted(entry.persona_messages).iter();
        let mut for_arm = self.targeted(entry.arm_messages).iter();
        let is_arm = |record: &TargetedRecord| {
            let mut fields = schema.experiments().map(|experiment| experiment.field());
            fields.any(|field| {
                field == record.target as usize
                    && (record.code as usize) < schema.field(field).choices()
            })
        };
        that(
            for_persona.all(|record| (record.target as usize) < schema.personas().len())
                && for_arm.all(is_arm),
            "a wording is for nobody",
        )
    }

    /// The sets of the lookup are the entries whose conditions hold, and hold for all customers of an entry that they settle.
    fn check_lookup(&self, schema: &Schema<'_>) -> Checked {
        let asked = |entry: &EntryRecord, field: usize| {
            let conditions = entry.conditions.of(self.conditions).unwrap_or_default();
            let mut asked = conditions
                .iter()
                .filter(move |condition| condition.field() == field);
            asked.next().copied()
        };
        that(
            self.lookup.is_sorted_by(|a, b| a.field < b.field),
            "the fields of the lookup do not rise",
        )?;
        for record in self.lookup {
            let field = schema.field(record.field as usize);
            let sets = record.sets.of(self.sets).unwrap_or_default();
            let known = sets.len().saturating_sub(1);
            let last = known.saturating_sub(1) as f64;
            let beyond_is_alike = |condition: &Condition| {
                let [low, high] = condition.bounds();
                low <= last && (high >= *field.range().end() || high < last)
            };
            for (position, entry) in self.entries.iter().enumerate() {
                let condition = asked(entry, field.index());
                let alike = field.kind().is_named()
                    || (field.kind() == Kind::Whole
                        && *field.range().start() >= 0.0
                        && condition.as_ref().is_none_or(beyond_is_alike));
                let codes = (0..known).map(|code| code as f64).chain([f64::NAN]);
                let says = |(set, code): (&Set, f64)| {
                    let admits = condition.is_none_or(|condition| condition.admits(code));
                    (set >> position & 1 == 1) == admits
                };
                that(
                    alike && sets.iter().zip(codes).all(says),
                    "the lookup says another thing than the conditions",
                )?;
            }
        }
        let looked_up = |condition: &Condition| {
            let field = |record: &LookupRecord| record.field as usize;
            self.lookup
                .binary_search_by_key(&condition.field(), field)
                .is_ok()
        };
        let settled = |(position, entry): (usize, &EntryRecord)| {
            let conditions = entry.conditions.of(self.conditions).unwrap_or_default();
            self.head.unsettled >> position & 1 == 1 || conditions.iter().all(looked_up)
        };
        that(
            self.entries.iter().enumerate().all(settled),
            "the lookup lacks a field",
        )
    }

    fn check_moves(&self, schema: &Schema<'_>) -> Checked {
        let head = self.head;
        that(
            head.searched as usize + 1 == self.levels.len()
                && head.cut <= 1
                && (head.entangled != 0) == is_entangled(schema)
                && self.moves.len() <= MOST_MOVES
                && self.levels.first().is_some_and(|level| level.length == 1),
            "the plans are others than those of the schema",
        )?;
        let choices: Vec<usize> = schema
            .fields()
            .map(|field| {
                if can_change(field) {
                    field.choices()
                } else {
                    0
                }
            })
            .collect();
        let possible = |step: &MoveStep| {
            let choices = choices.get(usize::from(step.field)).copied().unwrap_or(0);
            (1..choices).contains(&usize::from(step.places))
        };
        let mut levels = self.levels.iter().enumerate();
        let whole = levels.all(|(count, level)| {
            let moves = level.of(self.moves).unwrap_or_default();
            moves.iter().all(|span| {
                let steps = span.of(self.move_steps).unwrap_or_default();
                steps.len() == count && steps.is_sorted_by(|a, b| a.field < b.field)
            })
        });
        that(
            whole && self.move_steps.iter().all(possible),
            "a plan has a step that nobody can take",
        )
    }
}
