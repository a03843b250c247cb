//! The catalogue of nudges, and the plans that recourse tries.

use crate::error::WorkspaceError;
use bytemuck::{Pod, Zeroable};
use schema::layout::Span;
use schema::{Change, ChangePolicy, Condition, Schema, Text};
use sections::{Format, Sections};
use std::ops::RangeInclusive;

mod verify;

pub(crate) static FORMAT: Format = Format {
    name: "compiled nudges",
    magic: *b"\x89NUDGES\n",
    version: 2,
    sections: Section::Measured as usize + 1,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    Text,
    Head,
    /// Names of categories.
    Categories,
    Entries,
    Conditions,
    Steps,
    /// Spans of parts.
    Templates,
    Parts,
    Targeted,
    Lookup,
    /// Sets of entries by code, of all fields of the lookup.
    Sets,
    MoveSteps,
    /// Spans of steps.
    Moves,
    /// Spans of moves with the same number of steps, the fewest first.
    Levels,
    /// Effects that campaigns measured.
    Measured,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Head {
    /// Those with conditions.
    pub(crate) conditional: Set,
    /// Those with conditions that the lookup does not settle.
    pub(crate) unsettled: Set,
    /// The one for customers to whom no other applies.
    pub(crate) otherwise: Set,
    pub(crate) version: Text,
    /// Steps up to which every plan is tried.
    pub(crate) searched: u32,
    /// 1 where a step may alter what another field needs.
    pub(crate) entangled: u32,
    /// 1 where there are plans of more steps than are tried.
    pub(crate) cut: u32,
    pub(crate) unused: u32,
}

/// Entries that a catalogue may have: sets of them are the bits of a [`Set`].
pub const MOST_ENTRIES: usize = Set::BITS as usize;

/// What one contact may cost.
pub(crate) const COSTS: RangeInclusive<f64> = 0.0..=1e9;

/// Shifts of log-odds that may be said of an effect.
pub(crate) const LOG_ODDS: RangeInclusive<f64> = -20.0..=20.0;

/// Plans that are tried at most: all with one step more are left out where they would be too many.
pub(crate) const MOST_MOVES: usize = 100_000;

/// Whether a step of a plan may alter what another field needs.
pub(crate) fn is_entangled(schema: &Schema<'_>) -> bool {
    let needed = schema.fields().flat_map(|field| field.needs());
    needed.into_iter().any(|need| {
        let change = schema.field(need.field()).change();
        matches!(change, ChangePolicy::Any | ChangePolicy::Up)
    })
}

/// A set of entries, by their positions in the catalogue.
pub type Set = u64;

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct EntryRecord {
    pub(crate) excluded: Set,
    /// What one contact costs; NaN where nothing is said.
    pub(crate) cost: f64,
    pub(crate) id: Text,
    pub(crate) title: Text,
    pub(crate) offer: Text,
    pub(crate) conditions: Span,
    pub(crate) steps: Span,
    pub(crate) reasons: Span,
    pub(crate) messages: Span,
    pub(crate) persona_messages: Span,
    pub(crate) arm_messages: Span,
    pub(crate) category: u32,
    pub(crate) otherwise: u32,
    /// The experiment of which it is an offer, or `u32::MAX`.
    pub(crate) experiment: u32,
    pub(crate) arm: u32,
    /// The effect that a campaign measured, if one did: one record or none.
    pub(crate) measured: Span,
}

/// An effect that a campaign measured.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MeasuredRecord {
    pub(crate) effect: f64,
    pub(crate) interval: [f64; 2],
    /// NaN where nothing is said.
    pub(crate) log_odds: f64,
    pub(crate) customers: u64,
    pub(crate) campaign: Text,
}

/// A field and the code that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct StepRecord {
    pub(crate) field: u32,
    pub(crate) code: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PartRecord {
    pub(crate) text: Text,
    /// 0: the text; 1: the field; 2: the new recurring amount; 3: the difference in price.
    pub(crate) kind: u32,
    pub(crate) field: u32,
}

/// Wordings for customers of one persona or in one arm.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct TargetedRecord {
    /// The persona, or the field of the arm.
    pub(crate) target: u32,
    /// The code of the arm.
    pub(crate) code: u32,
    pub(crate) templates: Span,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct LookupRecord {
    pub(crate) field: u32,
    pub(crate) unused: u32,
    /// The sets by code, that for an unknown one last. Of a number, the one before is for all larger codes, too.
    pub(crate) sets: Span,
}

/// A step of a plan: how many places further in the list of a field's values, which is a ring unless it only goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct MoveStep {
    /// The field.
    pub field: u16,
    /// Places further.
    pub places: u16,
}

/// The catalogue.
#[derive(Clone, Copy)]
pub struct Catalogue<'w> {
    pool: &'w str,
    head: &'w Head,
    categories: &'w [Text],
    entries: &'w [EntryRecord],
    conditions: &'w [Condition],
    steps: &'w [StepRecord],
    templates: &'w [Span],
    parts: &'w [PartRecord],
    targeted: &'w [TargetedRecord],
    lookup: &'w [LookupRecord],
    sets: &'w [Set],
    move_steps: &'w [MoveStep],
    moves: &'w [Span],
    levels: &'w [Span],
    measured: &'w [MeasuredRecord],
}

/// One suggestion and when to make it.
#[derive(Clone, Copy)]
pub struct Entry<'w> {
    catalogue: Catalogue<'w>,
    record: &'w EntryRecord,
    index: usize,
}

/// What an arm of an experiment is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial<'w> {
    /// The position of the experiment.
    pub experiment: usize,
    /// The code of the arm.
    pub arm: usize,
    /// The offer as part of a sentence.
    pub offer: &'w str,
}

/// The effect of a nudge as a campaign measured it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CampaignEffect<'w> {
    /// Churn rate with the nudge less that of the hold-out, -1 to 1.
    pub effect: f64,
    /// Its 95 % confidence interval.
    pub interval: [f64; 2],
    /// The shift of every customer's log-odds that has this effect on the campaign's customers, where it is known.
    pub log_odds: Option<f64>,
    /// How many customers it was measured on, both arms together.
    pub customers: u64,
    /// The name of the campaign.
    pub campaign: &'w str,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart<'w> {
    /// As it is.
    Text(&'w str),
    /// The value of a field.
    Field(usize),
    /// The recurring amount after the change.
    NewRecurring,
    /// By how much the change moves the recurring amount, without a sign.
    PriceDifference,
}

/// A text with gaps.
#[derive(Clone, Copy)]
pub struct Template<'w> {
    pool: &'w str,
    parts: &'w [PartRecord],
}

impl<'w> Template<'w> {
    /// Its pieces.
    pub fn parts(&self) -> impl Iterator<Item = TemplatePart<'w>> + use<'w> {
        let pool = self.pool;
        self.parts.iter().map(move |part| match part.kind {
            0 => TemplatePart::Text(part.text.get(pool).unwrap_or_default()),
            1 => TemplatePart::Field(part.field as usize),
            2 => TemplatePart::NewRecurring,
            _ => TemplatePart::PriceDifference,
        })
    }
}

impl<'w> Entry<'w> {
    fn text(&self, text: Text) -> &'w str {
        text.get(self.catalogue.pool).unwrap_or_default()
    }

    /// Its position in the catalogue.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its name for machines.
    pub fn id(&self) -> &'w str {
        self.text(self.record.id)
    }

    /// What it is about: a position among the categories.
    pub fn category(&self) -> usize {
        self.record.category as usize
    }

    /// The name of what it is about.
    pub fn category_name(&self) -> &'w str {
        self.catalogue
            .categories()
            .nth(self.category())
            .unwrap_or_default()
    }

    /// What to do, for the one who does it.
    pub fn title(&self) -> &'w str {
        self.text(self.record.title)
    }

    /// Whether it is for customers to whom no other entry applies.
    pub fn otherwise(&self) -> bool {
        self.record.otherwise != 0
    }

    /// The arm of an experiment of which it is the offer, if it is one.
    pub fn trial(&self) -> Option<Trial<'w>> {
        (self.record.experiment != u32::MAX).then(|| Trial {
            experiment: self.record.experiment as usize,
            arm: self.record.arm as usize,
            offer: self.text(self.record.offer),
        })
    }

    /// What one contact with it costs, if the catalogue says so.
    pub fn cost(&self) -> Option<f64> {
        Some(self.record.cost).filter(|cost| !cost.is_nan())
    }

    /// The effect that a campaign measured, if the catalogue holds one.
    pub fn campaign_effect(&self) -> Option<CampaignEffect<'w>> {
        let [record] = self.record.measured.of(self.catalogue.measured)? else {
            return None;
        };
        Some(CampaignEffect {
            effect: record.effect,
            interval: record.interval,
            log_odds: Some(record.log_odds).filter(|shift| !shift.is_nan()),
            customers: record.customers,
            campaign: self.text(record.campaign),
        })
    }

    /// What must hold of a customer, all of it.
    pub fn conditions(&self) -> &'w [Condition] {
        self.record
            .conditions
            .of(self.catalogue.conditions)
            .unwrap_or_default()
    }

    /// The entries that can't stand beside it.
    pub fn excluded(&self) -> Set {
        self.record.excluded
    }

    /// Whether it suggests to change something.
    pub fn changes(&self) -> bool {
        self.record.steps.length > 0
    }

    /// What it suggests to change.
    pub fn change(&self) -> Change {
        let steps = self
            .record
            .steps
            .of(self.catalogue.steps)
            .unwrap_or_default();
        Change::of(
            steps
                .iter()
                .map(|step| (step.field as usize, f64::from(step.code))),
        )
    }

    fn templates(
        &self,
        span: Span,
    ) -> impl ExactSizeIterator<Item = Template<'w>> + Clone + use<'w> {
        let catalogue = self.catalogue;
        let templates = span.of(catalogue.templates).unwrap_or_default();
        templates.iter().map(move |span| Template {
            pool: catalogue.pool,
            parts: span.of(catalogue.parts).unwrap_or_default(),
        })
    }

    /// Why it is suggested.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = Template<'w>> + Clone + use<'w> {
        self.templates(self.record.reasons)
    }

    /// What to say to a customer with this persona and these codes: first the wordings for the persona, then those for the arm of
    /// an experiment, then those for everybody.
    pub fn wordings(&self, persona: Option<usize>, codes: &[f64]) -> Vec<Template<'w>> {
        let of = |span: Span| span.of(self.catalogue.targeted).unwrap_or_default().iter();
        let of_persona = of(self.record.persona_messages)
            .filter(|record| persona == Some(record.target as usize));
        let of_arm = of(self.record.arm_messages).filter(|record| {
            let code = codes.get(record.target as usize);
            code.is_some_and(|code| *code == f64::from(record.code))
        });
        let targeted = of_persona
            .chain(of_arm)
            .flat_map(|record| self.templates(record.templates));
        targeted
            .chain(self.templates(self.record.messages))
            .collect()
    }
}

impl<'w> Catalogue<'w> {
    pub(crate) fn open(bytes: &'w [u8], schema: &Schema<'_>) -> Result<Self, WorkspaceError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let pool = std::str::from_utf8(sections.get::<u8>(Section::Text as usize)?);
        let [head] = sections.get::<Head>(Section::Head as usize)? else {
            return Err(WorkspaceError::Unsound("the nudges have no head"));
        };
        let catalogue = Self {
            pool: pool
                .map_err(|_| WorkspaceError::Unsound("the texts of the nudges are not UTF-8"))?,
            head,
            categories: sections.get(Section::Categories as usize)?,
            entries: sections.get(Section::Entries as usize)?,
            conditions: sections.get(Section::Conditions as usize)?,
            steps: sections.get(Section::Steps as usize)?,
            templates: sections.get(Section::Templates as usize)?,
            parts: sections.get(Section::Parts as usize)?,
            targeted: sections.get(Section::Targeted as usize)?,
            lookup: sections.get(Section::Lookup as usize)?,
            sets: sections.get(Section::Sets as usize)?,
            move_steps: sections.get(Section::MoveSteps as usize)?,
            moves: sections.get(Section::Moves as usize)?,
            levels: sections.get(Section::Levels as usize)?,
            measured: sections.get(Section::Measured as usize)?,
        };
        match catalogue.is_sound(schema) {
            true => Ok(catalogue),
            false => Err(WorkspaceError::Unsound(
                "the nudges and the schema do not fit",
            )),
        }
    }

    fn is_sound(&self, schema: &Schema<'_>) -> bool {
        let field = |field: u32| (field as usize) < schema.len();
        let known: Set = match self.entries.len() {
            0 => 0,
            count => Set::MAX >> (MOST_ENTRIES - count.min(MOST_ENTRIES)),
        };
        let head = self.head;
        let sets = [head.conditional, head.unsettled, head.otherwise];
        let entry = |record: &EntryRecord| {
            record.conditions.of(self.conditions).is_some()
                && record.steps.of(self.steps).is_some()
                && record.reasons.of(self.templates).is_some()
                && record.messages.of(self.templates).is_some()
                && record.messages.length > 0
                && record.persona_messages.of(self.targeted).is_some()
                && record.arm_messages.of(self.targeted).is_some()
                && record.measured.of(self.measured).is_some()
                && (record.category as usize) < self.categories.len()
                && (record.experiment == u32::MAX
                    || (record.experiment as usize) < schema.experiments().len())
        };
        let lookup = |record: &LookupRecord| {
            let codes = field(record.field).then(|| schema.field(record.field as usize).codes());
            record.sets.of(self.sets).is_some()
                && match (codes, record.sets.length as usize) {
                    (None, _) => false,
                    (Some(0), sets) => sets >= 2,
                    (Some(codes), sets) => sets == codes + 1,
                }
        };
        let step = |step: &StepRecord| {
            field(step.field) && (step.code as usize) < schema.field(step.field as usize).codes()
        };
        // The plans are many; whoever tries one looks at each step anyway.
        self.entries.len() <= MOST_ENTRIES
            && self.entries.iter().all(entry)
            && sets.iter().chain(self.sets).all(|set| set & !known == 0)
            && self
                .conditions
                .iter()
                .all(|condition| condition.field() < schema.len())
            && self.steps.iter().all(step)
            && self
                .templates
                .iter()
                .all(|span| span.of(self.parts).is_some())
            && self
                .parts
                .iter()
                .all(|part| part.kind != 1 || field(part.field))
            && self
                .targeted
                .iter()
                .all(|record| record.templates.of(self.templates).is_some())
            && self.lookup.iter().all(lookup)
            && self.levels.iter().all(|span| span.of(self.moves).is_some())
    }

    /// Which catalogue this is: the first eight digits of the source's SHA-256.
    pub fn version(&self) -> &'w str {
        self.head.version.get(self.pool).unwrap_or_default()
    }

    /// What nudges are about.
    pub fn categories(&self) -> impl ExactSizeIterator<Item = &'w str> + Clone + use<'w> {
        let pool = self.pool;
        self.categories
            .iter()
            .map(move |text| text.get(pool).unwrap_or_default())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at a position.
    ///
    /// # Panics
    /// When there are not as many.
    pub fn entry(&self, index: usize) -> Entry<'w> {
        Entry {
            catalogue: *self,
            record: &self.entries[index],
            index,
        }
    }

    /// All entries.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'w>> + Clone + use<'w> {
        let catalogue = *self;
        (0..self.entries.len()).map(move |index| catalogue.entry(index))
    }

    /// The entries that a customer with these codes gets. Conflicts are settled by the catalogue's order.
    pub fn present(&self, codes: &[f64]) -> Set {
        let mut candidates =
            self.lookup
                .iter()
                .fold(self.head.conditional, |candidates, record| {
                    let sets = record.sets.of(self.sets).unwrap_or_default();
                    let known = sets.len().saturating_sub(1);
                    let place = match codes[record.field as usize] {
                        unknown if unknown.is_nan() => known,
                        code => (code as u32 as usize).min(known.saturating_sub(1)),
                    };
                    candidates & sets.get(place).copied().unwrap_or_default()
                });
        let mut present = 0;
        while candidates != 0 {
            let position = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let entry = &self.entries[position as usize];
            let is_settled = self.head.unsettled >> position & 1 == 0;
            let holds = || {
                let conditions = entry.conditions.of(self.conditions).unwrap_or_default();
                conditions.iter().all(|condition| condition.holds(codes))
            };
            if is_settled || holds() {
                present |= 1 << position;
                candidates &= !entry.excluded;
            }
        }
        match present {
            0 => self.head.otherwise,
            present => present,
        }
    }

    /// Whether a step of a plan may alter what another field needs.
    pub fn is_entangled(&self) -> bool {
        self.head.entangled != 0
    }

    /// The most steps of the plans that are tried, if there are plans of more.
    pub fn searched_steps(&self) -> Option<u32> {
        (self.head.cut != 0).then_some(self.head.searched)
    }

    /// Every plan that is tried, as steps from the one that a customer has: those with the same number of steps together, the
    /// fewest first.
    pub fn levels(
        &self,
    ) -> impl Iterator<Item = impl ExactSizeIterator<Item = &'w [MoveStep]> + Clone + use<'w>> + use<'w>
    {
        let catalogue = *self;
        self.levels.iter().map(move |level| {
            let moves = level.of(catalogue.moves).unwrap_or_default();
            moves
                .iter()
                .map(move |span| span.of(catalogue.move_steps).unwrap_or_default())
        })
    }
}
