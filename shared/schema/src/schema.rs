//! The compiled schema: a view of its sections.

use crate::condition::{Condition, Rule};
use crate::field::{ChangePolicy, Field};
use crate::layout::{
    ArmRecord, ExperimentRecord, FORMAT, FieldRecord, GroupRecord, Head, LevelRecord, NAMES_ID,
    NAMES_OUTCOME, NO_FIELD, NameRecord, NeedRecord, PersonaRecord, Section, Span, ValueRecord,
};
use crate::text::Text;
use sections::{Sections, SectionsError};

mod verify;

/// What a business knows about its customers.
#[derive(Clone, Copy)]
pub struct Schema<'w> {
    pool: &'w str,
    head: &'w Head,
    fields: &'w [FieldRecord],
    values: &'w [ValueRecord],
    needs: &'w [NeedRecord],
    names: &'w [NameRecord],
    bins: &'w [f64],
    dependents: &'w [u32],
    conditions: &'w [Condition],
    conjunctions: &'w [Span],
    groups: &'w [GroupRecord],
    personas: &'w [PersonaRecord],
    levels: &'w [LevelRecord],
    lists: &'w [Text],
    experiments: &'w [ExperimentRecord],
    arms: &'w [ArmRecord],
}

impl std::fmt::Debug for Schema<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Schema({})", self.name())
    }
}

/// What a name in an input stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The field at this position.
    Field(usize),
    /// The customer's id.
    Id,
    /// Whether the customer left.
    Outcome,
}

/// The fields that play a part; none where the schema has no such field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Grows by itself.
    pub tenure: Option<usize>,
    /// What a plan costs per period; moved by prices.
    pub recurring: Option<usize>,
    /// Moves with the recurring amount times the tenure.
    pub lifetime: Option<usize>,
    /// Whether the customer may be contacted.
    pub contactable: Option<usize>,
}

/// A persona.
#[derive(Clone, Copy)]
pub struct Persona<'w> {
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// What characterises it.
    pub description: &'w str,
    /// What must hold, unless an earlier one's rule does.
    pub rule: Rule<'w>,
}

/// A stage of a customer's life.
pub type Stage<'w> = Persona<'w>;

/// How urgent a probability is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskLevel<'w> {
    /// Its position, the lowest first.
    pub index: usize,
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// The probability at which it begins, 0 to 1.
    pub from: f64,
}

/// An experiment on the customers.
#[derive(Clone, Copy)]
pub struct Experiment<'w> {
    schema_pool: &'w str,
    lists: &'w [Text],
    arms: &'w [ArmRecord],
    record: &'w ExperimentRecord,
}

impl<'w> Experiment<'w> {
    /// Its name.
    pub fn name(&self) -> &'w str {
        self.record.name.get(self.schema_pool).unwrap_or_default()
    }

    /// The field that holds a customer's arm.
    pub fn field(&self) -> usize {
        self.record.arm as usize
    }

    /// Code and share of each arm, control first.
    pub fn arms(&self) -> impl ExactSizeIterator<Item = (usize, f64)> + use<'w> {
        let arms = self.record.arms.of(self.arms).unwrap_or_default();
        arms.iter().map(|arm| (arm.code as usize, arm.share))
    }

    /// What its effect is read out by: fields, `stage`, `risk_level`.
    pub fn segments(&self) -> impl Iterator<Item = &'w str> + use<'w> {
        texts(self.schema_pool, self.lists, self.record.segments)
    }
}

fn texts<'w>(
    pool: &'w str,
    lists: &'w [Text],
    span: Span,
) -> impl Iterator<Item = &'w str> + use<'w> {
    let listed = span.of(lists).unwrap_or_default();
    listed
        .iter()
        .map(move |text| text.get(pool).unwrap_or_default())
}

/// Why bytes are no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaError {
    /// The sections can't be read.
    Sections(SectionsError),
    /// The sections contradict each other; what is wrong.
    Unsound(&'static str),
}

impl From<SectionsError> for SchemaError {
    fn from(error: SectionsError) -> Self {
        Self::Sections(error)
    }
}

impl std::fmt::Display for SchemaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sections(error) => error.fmt(f),
            Self::Unsound(what) => write!(f, "the compiled schema is damaged: {what}"),
        }
    }
}

impl std::error::Error for SchemaError {}

impl<'w> Schema<'w> {
    /// The schema that these bytes hold. Every index in them is checked, so that nothing that is asked later can fail.
    ///
    /// # Errors
    /// Bytes that are no compiled schema of this version, or not a sound one.
    pub fn open(bytes: &'w [u8]) -> Result<Self, SchemaError> {
        let sections = Sections::open(bytes, &FORMAT)?;
        let pool = std::str::from_utf8(sections.get::<u8>(Section::Text as usize)?);
        let head = sections.get::<Head>(Section::Head as usize)?;
        let [head] = head else {
            return Err(SchemaError::Unsound("it has no head"));
        };
        let schema = Self {
            pool: pool.map_err(|_| SchemaError::Unsound("its texts are not UTF-8"))?,
            head,
            fields: sections.get(Section::Fields as usize)?,
            values: sections.get(Section::Values as usize)?,
            needs: sections.get(Section::Needs as usize)?,
            names: sections.get(Section::Names as usize)?,
            bins: sections.get(Section::Bins as usize)?,
            dependents: sections.get(Section::Dependents as usize)?,
            conditions: sections.get(Section::Conditions as usize)?,
            conjunctions: sections.get(Section::Conjunctions as usize)?,
            groups: sections.get(Section::Groups as usize)?,
            personas: sections.get(Section::Personas as usize)?,
            levels: sections.get(Section::Levels as usize)?,
            lists: sections.get(Section::Lists as usize)?,
            experiments: sections.get(Section::Experiments as usize)?,
            arms: sections.get(Section::Shares as usize)?,
        };
        schema.check().map_err(SchemaError::Unsound)?;
        Ok(schema)
    }

    fn check(&self) -> Result<(), &'static str> {
        let that = |holds: bool, what: &'static str| if holds { Ok(()) } else { Err(what) };
        let field = |index: u32| (index as usize) < self.fields.len();
        let role = |index: u32| index == NO_FIELD || field(index);
        let head = self.head;
        let number = |index: u32| {
            index == NO_FIELD
                || self
                    .fields
                    .get(index as usize)
                    .is_some_and(|record| record.values.length == 0)
        };
        that(
            self.fields.len() <= crate::MOST_FIELDS,
            "it has too many fields",
        )?;
        that(role(head.contactable), "a role names no field")?;
        that(
            [head.tenure, head.recurring, head.lifetime]
                .into_iter()
                .all(number),
            "a role names no number",
        )?;
        that(
            head.personas as usize <= self.personas.len(),
            "it lacks personas",
        )?;
        for span in [head.list, head.distributions, head.left, head.stayed] {
            that(span.of(self.lists).is_some(), "a list reaches too far")?;
        }
        for record in self.fields {
            that(
                record.values.of(self.values).is_some()
                    && record.needs.of(self.needs).is_some()
                    && record.bins.of(self.bins).is_some(),
                "a field reaches too far",
            )?;
            let named = crate::Kind::from_code(record.kind).is_some_and(crate::Kind::is_named);
            let fewest = 1 + (record.bits & crate::layout::WITHOUT) / crate::layout::WITHOUT;
            that(
                named || record.bits & crate::layout::WITHOUT == 0,
                "a number has values",
            )?;
            that(
                named == (record.values.length > 0)
                    && (!named
                        || (fewest..=crate::MOST_VALUES as u32).contains(&record.values.length)),
                "a field's values do not fit its kind",
            )?;
            // A comparison with NaN is false.
            that(record.least <= record.most, "a field's range is empty")?;
        }
        that(
            self.values
                .iter()
                .all(|value| value.spelled.of(self.lists).is_some()),
            "a value reaches too far",
        )?;
        that(
            self.needs.iter().all(|need| {
                self.fields
                    .get(need.field as usize)
                    .is_some_and(|record| record.values.length > 0)
            }),
            "a need names no field with values",
        )?;
        let names = [NAMES_ID, NAMES_OUTCOME];
        that(
            self.names
                .iter()
                .all(|name| field(name.field) || names.contains(&name.field)),
            "a name stands for no field",
        )?;
        that(
            self.dependents.iter().all(|index| field(*index)),
            "a dependent field is none",
        )?;
        that(
            self.conditions
                .iter()
                .all(|condition| condition.field() < self.fields.len()),
            "a condition names no field",
        )?;
        that(
            self.conjunctions
                .iter()
                .all(|span| span.of(self.conditions).is_some())
                && self
                    .groups
                    .iter()
                    .all(|group| group.conjunctions.of(self.conjunctions).is_some())
                && self
                    .personas
                    .iter()
                    .all(|record| record.groups.of(self.groups).is_some()),
            "a rule reaches too far",
        )?;
        that(
            self.experiments.iter().all(|record| {
                field(record.arm)
                    && record.segments.of(self.lists).is_some()
                    && record.arms.of(self.arms).is_some()
            }),
            "an experiment reaches too far",
        )?;
        that(
            self.levels.first().is_some_and(|level| level.from == 0.0)
                && self
                    .levels
                    .windows(2)
                    .all(|pair| pair[0].from < pair[1].from),
            "the risk levels do not rise from 0",
        )
    }

    fn text(&self, text: Text) -> &'w str {
        text.get(self.pool).unwrap_or_default()
    }

    /// Its name for machines.
    pub fn name(&self) -> &'w str {
        self.text(self.head.name)
    }

    /// Its name for people.
    pub fn title(&self) -> &'w str {
        self.text(self.head.title)
    }

    /// The currency of all money, ISO 4217.
    pub fn currency(&self) -> &'w str {
        self.text(self.head.currency)
    }

    /// What goes before an amount.
    pub fn currency_sign(&self) -> &'w str {
        self.text(self.head.currency_sign)
    }

    /// The date of the data, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &'w str {
        self.text(self.head.as_of)
    }

    /// What is to be known of the data.
    pub fn note(&self) -> &'w str {
        self.text(self.head.note)
    }

    /// What the business calls a customer's id in its files.
    pub fn id_name(&self) -> &'w str {
        self.text(self.head.id)
    }

    /// The column of a customer's id in tables: the first that is accepted, or the name where there is no other.
    pub fn id_column(&self) -> &'w str {
        self.text(self.head.id_column)
    }

    /// The key of the outcome, if there is one.
    pub fn outcome_name(&self) -> Option<&'w str> {
        self.head.outcome.get(self.pool)
    }

    /// Spellings of the outcome of customers who left.
    pub fn left_spellings(&self) -> impl Iterator<Item = &'w str> + use<'w> {
        texts(self.pool, self.lists, self.head.left)
    }

    /// Spellings of the outcome of customers who stayed.
    pub fn stayed_spellings(&self) -> impl Iterator<Item = &'w str> + use<'w> {
        texts(self.pool, self.lists, self.head.stayed)
    }

    /// The fields that play a part.
    pub fn roles(&self) -> Roles {
        let role = |field: u32| (field != NO_FIELD).then_some(field as usize);
        Roles {
            tenure: role(self.head.tenure),
            recurring: role(self.head.recurring),
            lifetime: role(self.head.lifetime),
            contactable: role(self.head.contactable),
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The field at a position.
    ///
    /// # Panics
    /// When there are not as many.
    #[inline]
    pub fn field(&self, index: usize) -> Field<'w> {
        let record = &self.fields[index];
        Field {
            pool: self.pool,
            record,
            values: record.values.of(self.values).unwrap_or_default(),
            needs: record.needs.of(self.needs).unwrap_or_default(),
            bins: record.bins.of(self.bins).unwrap_or_default(),
            lists: self.lists,
            index,
        }
    }

    /// All fields.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'w>> + Clone + use<'w> {
        let schema = *self;
        (0..self.fields.len()).map(move |index| schema.field(index))
    }

    /// The fields of which a customer or a whole cohort can change something.
    pub fn changeable(&self) -> impl Iterator<Item = Field<'w>> + use<'w> {
        self.fields()
            .filter(|field| field.change() != ChangePolicy::Never)
    }

    /// The field with this name.
    pub fn find(&self, name: &str) -> Option<Field<'w>> {
        match self.named(name)? {
            Named::Field(index) => Some(self.field(index)).filter(|field| field.name() == name),
            Named::Id | Named::Outcome => None,
        }
    }

    /// What this name stands for, be it a name in JSON or that of a column.
    pub fn named(&self, name: &str) -> Option<Named> {
        let found = self
            .names
            .binary_search_by(|record| self.text(record.text).cmp(name))
            .ok()?;
        Some(match self.names[found].field {
            NAMES_ID => Named::Id,
            NAMES_OUTCOME => Named::Outcome,
            field => Named::Field(field as usize),
        })
    }

    /// Every name under which something is accepted, in JSON or as a column.
    pub fn names(&self) -> impl ExactSizeIterator<Item = (&'w str, Named)> + use<'w> {
        let schema = *self;
        self.names.iter().map(move |record| {
            let named = match record.field {
                NAMES_ID => Named::Id,
                NAMES_OUTCOME => Named::Outcome,
                field => Named::Field(field as usize),
            };
            (schema.text(record.text), named)
        })
    }

    /// Whether a field needs others, or others need it.
    pub(crate) fn is_entangled(&self, field: usize) -> bool {
        self.fields[field].needs.length > 0 || self.needs.iter().any(|need| need.field() == field)
    }

    /// The fields with needs, each after those that it needs.
    pub(crate) fn dependents(&self) -> &'w [u32] {
        self.dependents
    }

    fn persona_at(&self, index: usize) -> Persona<'w> {
        let record = &self.personas[index];
        Persona {
            name: self.text(record.name),
            label: self.text(record.label),
            description: self.text(record.description),
            rule: Rule {
                groups: record.groups.of(self.groups).unwrap_or_default(),
                conjunctions: self.conjunctions,
                conditions: self.conditions,
            },
        }
    }

    /// The personas.
    pub fn personas(&self) -> impl ExactSizeIterator<Item = Persona<'w>> + Clone + use<'w> {
        let schema = *self;
        (0..self.head.personas as usize).map(move |index| schema.persona_at(index))
    }

    /// The stages of a customer's life.
    pub fn stages(&self) -> impl ExactSizeIterator<Item = Stage<'w>> + Clone + use<'w> {
        let schema = *self;
        (self.head.personas as usize..self.personas.len())
            .map(move |index| schema.persona_at(index))
    }

    /// The position of the persona of a profile with these codes: the first whose rule holds.
    pub fn persona_of(&self, codes: &[f64]) -> Option<usize> {
        self.personas()
            .position(|persona| persona.rule.holds(codes))
    }

    /// The position of the stage of a profile with these codes.
    pub fn stage_of(&self, codes: &[f64]) -> Option<usize> {
        self.stages().position(|stage| stage.rule.holds(codes))
    }

    /// The risk levels, the lowest first.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = RiskLevel<'w>> + Clone + use<'w> {
        let schema = *self;
        (0..self.levels.len()).map(move |index| schema.level_at(index))
    }

    fn level_at(&self, index: usize) -> RiskLevel<'w> {
        let record = &self.levels[index];
        RiskLevel {
            index,
            name: self.text(record.name),
            label: self.text(record.label),
            from: record.from,
        }
    }

    /// The level of a probability, 0 to 1.
    pub fn level(&self, probability: f64) -> RiskLevel<'w> {
        let beyond = self
            .levels
            .partition_point(|level| level.from <= probability);
        self.level_at(beyond.saturating_sub(1))
    }

    /// The probability from which on a customer is expected to leave, 0 to 1.
    pub fn will_churn(&self) -> f64 {
        self.head.will_churn
    }

    /// How many warning signs make a customer one at risk.
    pub fn alarms(&self) -> usize {
        self.head.alarms as usize
    }

    /// Whether a customer is at risk: expected to leave, or with as many warning signs as the schema says.
    pub fn at_risk(&self, codes: &[f64], probability: f64) -> bool {
        let alarms = self.fields().filter(|field| {
            let alarm = field.alarm();
            alarm.is_some_and(|alarm| alarm.rings(codes[field.index()]))
        });
        probability >= self.will_churn() || (self.alarms() > 0 && alarms.count() >= self.alarms())
    }

    /// The fields that are columns of the directory, in their order.
    pub fn list(&self) -> impl Iterator<Item = Field<'w>> + use<'w> {
        let schema = *self;
        texts(self.pool, self.lists, self.head.list).filter_map(move |name| schema.find(name))
    }

    /// What the analytics distribute customers over: fields, `persona`, `stage`, `risk_level`.
    pub fn distributions(&self) -> impl Iterator<Item = &'w str> + use<'w> {
        texts(self.pool, self.lists, self.head.distributions)
    }

    /// The experiments; the first is the one that is meant where none is named.
    pub fn experiments(&self) -> impl ExactSizeIterator<Item = Experiment<'w>> + use<'w> {
        let schema = *self;
        self.experiments.iter().map(move |record| Experiment {
            schema_pool: schema.pool,
            lists: schema.lists,
            arms: schema.arms,
            record,
        })
    }
}
