//! Checks compiled bytes once, as thoroughly as the compiler checks the source: what passes means what it says.

use super::{Named, Schema, SchemaError};
use crate::field::{Field, in_whole_set};
use crate::layout::{self, FORMAT, FieldRecord, NO_FIELD, PersonaRecord, Span};
use crate::text::Text;
use crate::{About, ChangePolicy, Kind};
use sections::Sections;

/// Beyond this, a 64-bit float no longer tells neighbouring whole numbers apart.
const LARGEST: f64 = 9e15;
/// Personas, stages or bins that there may be: a byte tells them apart, and one value is for none.
const MOST_RULES: usize = 255;
/// Risk levels that there may be.
const MOST_LEVELS: usize = 16;
/// What distributions and segments may name besides fields.
const OF_RULES: [&str; 3] = ["persona", "stage", "risk_level"];

type Checked = Result<(), &'static str>;

fn that(holds: bool, what: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(what) }
}

/// Whether spans lie one after another up to the end of a section, as the compiler wrote them. So no entry belongs to two, and
/// nothing asked of a schema takes more than its bytes are worth.
fn are_chained(spans: impl IntoIterator<Item = Span>, end: usize) -> bool {
    let mut next = 0;
    let follows = |span: Span| {
        let follows = span.start as usize == next;
        next += span.length as usize;
        follows
    };
    spans.into_iter().all(follows) && next == end
}

impl<'w> Schema<'w> {
    /// Compares compiled bytes with their hashes, and checks all that [`open`](Self::open) leaves to the compiler: that texts are
    /// there, names are found, codes and bounds fit their fields, and rules leave nobody out.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and the first thing that is wrong.
    pub fn verify(bytes: &'w [u8]) -> Result<(), SchemaError> {
        Sections::open(bytes, &FORMAT)?.verify()?;
        Self::open(bytes)?
            .check_meaning()
            .map_err(SchemaError::Unsound)
    }

    fn check_meaning(&self) -> Checked {
        self.check_spans()?;
        self.check_texts()?;
        self.check_names()?;
        self.fields()
            .try_for_each(|field| self.check_field(field))?;
        self.check_dependents()?;
        self.check_roles()?;
        self.check_rules()?;
        self.check_risk()?;
        self.check_lists()
    }

    fn check_spans(&self) -> Checked {
        let fields = || self.fields.iter();
        let of_values = self.values.iter().map(|value| value.spelled);
        let of_experiments = self.experiments.iter().map(|record| record.segments);
        let lists = of_values
            .chain([self.head.left, self.head.stayed])
            .chain(of_experiments)
            .chain([self.head.list, self.head.distributions]);
        let conjunctions = self.groups.iter().map(|group| group.conjunctions);
        let arms = self.experiments.iter().map(|record| record.arms);
        that(
            are_chained(fields().map(|field| field.values), self.values.len())
                && are_chained(fields().map(|field| field.needs), self.needs.len())
                && are_chained(fields().map(|field| field.bins), self.bins.len())
                && are_chained(
                    self.personas.iter().map(|record| record.groups),
                    self.groups.len(),
                )
                && are_chained(conjunctions, self.conjunctions.len())
                && are_chained(self.conjunctions.iter().copied(), self.conditions.len())
                && are_chained(arms, self.arms.len())
                && are_chained(lists, self.lists.len()),
            "its entries do not lie one after another",
        )
    }

    fn check_texts(&self) -> Checked {
        let given = |text: &Text| text.get(self.pool).is_some_and(|text| !text.is_empty());
        let there = |text: &Text| text.get(self.pool).is_some();
        let head = self.head;
        let names = [
            head.name,
            head.currency,
            head.as_of,
            head.id,
            head.id_column,
        ];
        that(
            names.iter().all(given)
                && [head.title, head.currency_sign, head.note]
                    .iter()
                    .all(there)
                && head.outcome.is_sound(self.pool),
            "a text of its head is not there",
        )?;
        let of_field = |record: &FieldRecord| {
            let optional = [record.help, record.unit, record.filter, record.filter_end];
            [
                record.name,
                record.column,
                record.label,
                record.phrase,
                record.unknown,
            ]
            .iter()
            .all(given)
                && there(&record.template)
                && optional.iter().all(|text| text.is_sound(self.pool))
        };
        that(
            self.fields.iter().all(of_field),
            "a text of a field is not there",
        )?;
        let values = self.values.iter();
        that(
            values
                .flat_map(|value| [value.name, value.label, value.words])
                .all(|text| given(&text)),
            "a text of a value is not there",
        )?;
        let of_persona = |record: &PersonaRecord| {
            given(&record.name) && [record.label, record.description].iter().all(there)
        };
        that(
            self.personas.iter().all(of_persona)
                && self
                    .levels
                    .iter()
                    .all(|level| given(&level.name) && there(&level.label))
                && self.experiments.iter().all(|record| given(&record.name))
                && self.lists.iter().all(there),
            "a name is not there",
        )
    }

    fn check_names(&self) -> Checked {
        let names = || self.names.iter().map(|record| record.text.get(self.pool));
        that(
            names().all(|name| name.is_some()) && names().is_sorted_by(|a, b| a < b),
            "its names do not rise",
        )?;
        let outcome = self.outcome_name();
        that(
            self.named(self.id_name()) == Some(Named::Id)
                && outcome.is_none_or(|name| self.named(name) == Some(Named::Outcome)),
            "the name of the id or the outcome stands for another",
        )?;
        let is_found =
            |field: Field<'_>| self.named(field.name()) == Some(Named::Field(field.index()));
        that(
            self.fields().all(is_found),
            "a field is not found by its name",
        )?;
        let parameters = self
            .fields
            .iter()
            .flat_map(|record| [record.filter, record.filter_end]);
        let mut parameters: Vec<&str> = parameters.filter_map(|text| text.get(self.pool)).collect();
        parameters.sort_unstable();
        that(
            parameters.windows(2).all(|pair| pair[0] != pair[1]),
            "two filters have one name",
        )
    }

    fn check_field(&self, field: Field<'w>) -> Checked {
        let record = field.record;
        let kind = Kind::from_code(record.kind).ok_or("a field has no kind")?;
        let about = About::from_code(record.about).ok_or("a field is about nothing")?;
        let change =
            ChangePolicy::from_code(record.change).ok_or("a field has no policy of change")?;
        let known =
            layout::REQUIRED | layout::WITHOUT | layout::PRICED | layout::LISTED | layout::MODEL;
        that(record.bits & !known == 0, "a field has unknown properties")?;
        let (least, most) = (record.least, record.most);
        let whole = kind != Kind::Whole || (least.fract() == 0.0 && most.fract() == 0.0);
        that(
            -LARGEST <= least && least < most && most <= LARGEST && whole,
            "a field has no range",
        )?;
        let bins = field.bins();
        that(
            bins.len() < MOST_RULES
                && bins.is_sorted_by(|a, b| a < b)
                && bins.iter().all(|bin| field.range().contains(bin)),
            "the bins of a field do not rise within its range",
        )?;
        that(
            record.alarm_kind <= 2
                && (record.alarm_kind == 0 || field.range().contains(&record.alarm)),
            "the warning sign of a field is beyond its range",
        )?;
        let has_end = record.filter_end != Text::NONE;
        let filtered = record.filter != Text::NONE;
        that(
            has_end == (filtered && !kind.is_named()),
            "a filter lacks a parameter",
        )?;
        if !kind.is_named() {
            return that(
                change == ChangePolicy::Never
                    && field.needs().is_empty()
                    && record.other == NO_FIELD
                    && field.template().contains("{value}"),
                "a number has what only values have",
            );
        }
        that(
            record.alarm_kind == 0 && bins.is_empty(),
            "a field of values has what only numbers have",
        )?;
        that(
            change == ChangePolicy::Never || about != About::Person,
            "who a customer is can be changed",
        )?;
        let without = field.without().is_some();
        that(
            match kind {
                Kind::Flag => field.choices() == 2,
                _ => !without,
            } && (!without || !field.needs().is_empty()),
            "a flag has other values than no and yes",
        )?;
        that(
            record.other == NO_FIELD || (record.other as usize) < field.choices(),
            "the value for all others is none",
        )?;
        let prices = || field.values.iter().map(|value| value.price);
        that(
            prices().all(f64::is_finite) && field.priced() == prices().any(|price| price != 0.0),
            "a price is none",
        )?;
        let values = (0..field.codes()).filter_map(|code| field.value(code as f64));
        let mut spellings: Vec<&str> = values
            .flat_map(|value| value.spelled().chain([value.name()]))
            .collect();
        spellings.sort_unstable();
        that(
            spellings.windows(2).all(|pair| pair[0] != pair[1]),
            "two values have one name",
        )
    }

    /// What a field needs is possible, and the dependent fields are those with needs, each after those that it needs.
    fn check_dependents(&self) -> Checked {
        let allows = |need: &crate::Need| {
            let codes = self.field(need.field()).codes();
            in_whole_set(&need.allowed, codes)
        };
        that(
            self.needs.iter().all(allows),
            "a need names values that are none",
        )?;
        let mut settled: Vec<bool> = self
            .fields()
            .map(|field| field.needs().is_empty())
            .collect();
        for &index in self.dependents {
            let field = self.field(index as usize);
            let mut needs = field.needs().iter();
            that(
                !settled[field.index()] && needs.all(|need| settled[need.field()]),
                "a field does not come after those that it needs",
            )?;
            settled[field.index()] = true;
        }
        that(
            settled.iter().all(|settled| *settled),
            "a field with needs is left out",
        )
    }

    fn check_roles(&self) -> Checked {
        let of_kind = |role: Option<usize>, kinds: &[Kind]| {
            role.is_none_or(|field| kinds.contains(&self.field(field).kind()))
        };
        let roles = self.roles();
        that(
            of_kind(roles.tenure, &[Kind::Whole, Kind::Number])
                && of_kind(roles.recurring, &[Kind::Money, Kind::Number])
                && of_kind(roles.lifetime, &[Kind::Money, Kind::Number])
                && of_kind(roles.contactable, &[Kind::Flag]),
            "a role is of another kind",
        )?;
        that(
            roles.recurring.is_some()
                || (roles.lifetime.is_none() && !self.fields().any(|field| field.priced())),
            "there are prices and no field that they move",
        )?;
        that(
            roles.lifetime.is_none() || roles.tenure.is_some(),
            "the lifetime amount has no tenure",
        )
    }

    fn check_rules(&self) -> Checked {
        let fits = |condition: &crate::Condition| {
            let field = self.field(condition.field());
            field.about() != About::Person && condition.fits(field)
        };
        that(
            self.conditions.iter().all(fits),
            "a condition does not fit its field",
        )?;
        that(
            self.conjunctions.iter().all(|span| span.length > 0)
                && self
                    .groups
                    .iter()
                    .all(|group| (1..=group.conjunctions.length).contains(&group.least)),
            "a rule asks for more than it has",
        )?;
        let (personas, stages) = self.personas.split_at(self.head.personas as usize);
        for rules in [personas, stages] {
            let Some((last, others)) = rules.split_last() else {
                continue;
            };
            that(
                rules.len() <= MOST_RULES
                    && last.groups.length == 0
                    && others.iter().all(|record| record.groups.length > 0),
                "its personas or stages leave somebody out",
            )?;
        }
        Ok(())
    }

    fn check_risk(&self) -> Checked {
        let probability = |number: f64| 0.0 < number && number < 1.0;
        that(
            probability(self.head.will_churn)
                && self.levels.len() <= MOST_LEVELS
                && self.levels[1..].iter().all(|level| probability(level.from)),
            "its risk levels are no probabilities",
        )
    }

    fn check_lists(&self) -> Checked {
        let mut listed = super::texts(self.pool, self.lists, self.head.list);
        let is_listed = |name: &str| self.find(name).is_some_and(|field| field.listed());
        that(listed.all(is_listed), "it lists what is no field")?;
        let of_rules = |name: &str| match name {
            "persona" => self.personas().len() > 0,
            "stage" => self.stages().len() > 0,
            name => name == OF_RULES[2],
        };
        let distributed = |name: &str| {
            let field = self.find(name).filter(|field| field.filter().is_some());
            of_rules(name)
                || field.is_some_and(|field| field.kind().is_named() || !field.bins().is_empty())
        };
        that(
            self.distributions().all(distributed),
            "it distributes customers over nothing",
        )?;
        for experiment in self.experiments() {
            let field = self.field(experiment.field());
            let mut codes: Vec<usize> = experiment.arms().map(|(code, _)| code).collect();
            codes.sort_unstable();
            let shares = || experiment.arms().map(|(_, share)| share);
            that(
                field.kind() == Kind::Choice
                    && codes.len() > 1
                    && codes.is_sorted_by(|a, b| a < b)
                    && codes.iter().all(|code| *code < field.choices()),
                "an experiment has arms that are none",
            )?;
            that(
                shares().all(|share| 0.0 < share && share < 1.0)
                    && (shares().sum::<f64>() - 1.0).abs() <= 1e-6,
                "the shares of an experiment's arms are none",
            )?;
            let segment = |name: &str| {
                let field = self.find(name).filter(|field| field.filter().is_some());
                OF_RULES.contains(&name) || field.is_some_and(|field| field.kind().is_named())
            };
            that(
                experiment.segments().all(segment),
                "an experiment has a segment that is none",
            )?;
        }
        Ok(())
    }
}
