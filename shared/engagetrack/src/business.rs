//! The business as a client sees it: all that it takes to show a workspace.

use crate::View;
use crate::directory;
use crate::measured::Arms;
use crate::movement::{MOVED, MOVEMENTS, Snapshot};
use crate::prediction::Status;
use crate::selection::{self, MISSING, PERSONA, RISK_LEVEL, STAGE, STATUS};
use schema::profile::CodeJson;
use schema::{About, Alarm, ChangePolicy, Field, FilterParameters, Kind};
use serde::Serialize;
use utoipa::ToSchema;

/// A business: what its fields mean, and how it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Business<'w> {
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub title: &'w str,
    /// The currency of all money, ISO 4217.
    pub currency: &'w str,
    /// The date of the data, `YYYY-MM-DD`.
    pub as_of: &'w str,
    /// What is to be known of the data.
    pub note: &'w str,
    /// Which workspace, model and catalogue these are.
    pub versions: Versions<'w>,
    /// The workspace that answers say what changed since; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Snapshot)]
    pub previous: Option<Snapshot<'w>>,
    /// How many customers there are.
    pub population: usize,
    /// The fields that play a part, and the keys of answers that they name; null where there is none.
    pub roles: RoleNames<'w>,
    /// When a probability is called what.
    pub risk: RiskDescription<'w>,
    /// The fields of a profile.
    pub fields: Vec<FieldDescription<'w>>,
    /// The fields that are columns of the directory.
    pub list: Vec<&'w str>,
    /// What the directory can be sorted by; prefix with `-` for descending order.
    pub sorts: Vec<&'w str>,
    /// Every filter.
    pub filters: Vec<FilterDescription<'w>>,
    /// The personas, of which a customer has the first that fits.
    pub personas: Vec<PersonaDescription<'w>>,
    /// The stages of a customer's life.
    pub stages: Vec<Labelled<'w>>,
    /// The experiments; the first is the one that is meant where none is named.
    pub experiments: Vec<ExperimentDescription<'w>>,
    /// What nudges are about.
    pub categories: Vec<&'w str>,
    /// What the analytics distribute customers over, in their order.
    pub distributions: Vec<&'w str>,
}

/// Which workspace, model and catalogue these are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Versions<'w> {
    /// The workspace.
    pub workspace: &'w str,
    /// The model.
    pub model: &'w str,
    /// The catalogue of nudges.
    pub nudges: &'w str,
}

/// The fields that play a part.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoleNames<'w> {
    /// The column of a customer's id in files; in JSON its key is always `customer_id`.
    pub id: &'w str,
    /// The key of the outcome.
    #[schema(required)]
    pub outcome: Option<&'w str>,
    /// Grows by itself.
    #[schema(required)]
    pub tenure: Option<&'w str>,
    /// What a plan costs per period.
    #[schema(required)]
    pub recurring: Option<&'w str>,
    /// The key of a change of the recurring amount.
    #[schema(required)]
    pub recurring_change: Option<&'w str>,
    /// Moves with the recurring amount times the tenure.
    #[schema(required)]
    pub lifetime: Option<&'w str>,
    /// Whether the customer may be contacted.
    #[schema(required)]
    pub contactable: Option<&'w str>,
}

/// When a probability is called what.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RiskDescription<'w> {
    /// The probability from which on a customer is expected to leave, 0 to 1.
    pub will_churn: f64,
    /// Share of the training customers who left, 0 to 1.
    pub base_rate: f64,
    /// How many warning signs make a customer one at risk, whatever the probability.
    pub alarms: usize,
    /// The levels, the lowest first.
    pub levels: Vec<LevelDescription<'w>>,
}

/// A risk level.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct LevelDescription<'w> {
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// The probability at which it begins, 0 to 1.
    pub from: f64,
}

/// A field of a profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Field)]
pub struct FieldDescription<'w> {
    /// Its name in JSON.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// What it may hold.
    pub kind: Kind,
    /// What it is about.
    pub about: About,
    /// A sentence about it.
    #[schema(required)]
    pub help: Option<&'w str>,
    /// What a number counts, in the singular.
    #[schema(required)]
    pub unit: Option<&'w str>,
    /// Whether a profile without it is refused.
    pub required: bool,
    /// Whether the model sees it.
    pub model: bool,
    /// The smallest number.
    #[schema(required)]
    pub least: Option<f64>,
    /// The largest number.
    #[schema(required)]
    pub most: Option<f64>,
    /// The values of a flag or choice.
    pub values: Vec<ValueDescription<'w>>,
    /// How a number is worded, with `{value}` and `{unit}`.
    #[schema(required)]
    pub words: Option<&'w str>,
    /// How a missing value is worded.
    pub unknown: &'w str,
    /// What other fields must be, all of it, for this one to be more than its first value.
    pub needs: Vec<NeedDescription<'w>>,
    /// What it is called where its needs do not hold.
    #[schema(required)]
    pub without: Option<Without<'w>>,
    /// Which changes there are.
    pub change: ChangePolicy,
    /// The parameters that filter by it.
    #[schema(required)]
    pub filter: Option<FilterNames<'w>>,
    /// Whether it is a column of the directory.
    pub list: bool,
    /// Where it becomes a warning sign.
    #[schema(required)]
    pub alarm: Option<Alarm>,
    /// Where the bins of its distribution begin.
    pub bins: Vec<f64>,
}

/// A value of a flag or choice.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FieldValue)]
pub struct ValueDescription<'w> {
    /// The value in JSON: a text, or of a flag true or false.
    #[schema(value_type = serde_json::Value)]
    pub value: CodeJson<'w>,
    /// Its name for people.
    pub label: &'w str,
    /// The value and its field in a few words.
    pub words: &'w str,
    /// What it costs per period.
    pub price: f64,
}

/// What another field must be.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FieldNeed)]
pub struct NeedDescription<'w> {
    /// The other field.
    pub field: &'w str,
    /// The values that will do.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub values: Vec<CodeJson<'w>>,
}

/// What a field is called where its needs do not hold.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Without<'w> {
    /// For people.
    pub label: &'w str,
    /// In a few words.
    pub words: &'w str,
}

/// The parameters of a filter.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FilterNames<'w> {
    /// Names values.
    Values {
        /// The parameter.
        parameter: &'w str,
    },
    /// Bounds a number.
    Range {
        /// The parameter for the smallest.
        min: &'w str,
        /// That for the largest, of whole numbers.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<&'w str>,
        /// That for what none reaches, of other numbers.
        #[serde(skip_serializing_if = "Option::is_none")]
        below: Option<&'w str>,
    },
}

/// A filter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FilterDescription)]
pub struct FilterDescription<'w> {
    /// Its name for people.
    pub label: &'w str,
    /// The field, if it is about one.
    #[schema(required)]
    pub field: Option<&'w str>,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub names: FilterNames<'w>,
    /// The values that it can name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<FilterChoice<'w>>,
}

/// A value that a filter can name.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FilterChoice<'w> {
    /// As the parameter has it.
    pub value: &'w str,
    /// For people.
    pub label: &'w str,
}

/// Something with a name for machines and one for people.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Labelled<'w> {
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
}

/// A persona.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct PersonaDescription<'w> {
    /// Its name for machines.
    pub name: &'w str,
    /// Its name for people.
    pub label: &'w str,
    /// What characterises it.
    pub description: &'w str,
}

/// An experiment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExperimentDescription)]
pub struct ExperimentDescription<'w> {
    /// Its name.
    pub name: &'w str,
    /// The field that holds a customer's arm.
    pub arm: &'w str,
    /// What the treatments are compared with.
    pub control: ArmDescription<'w>,
    /// What is tried.
    pub treatments: Vec<ArmDescription<'w>>,
    /// The share of customers in each arm, control first.
    pub shares: Vec<f64>,
    /// What its effect is read out by.
    pub segments: Vec<&'w str>,
}

/// An arm of an experiment.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ArmDescription<'w> {
    /// Its name.
    pub arm: &'w str,
    /// What its customers are offered, as part of a sentence.
    pub offer: &'w str,
}

impl<'w> Business<'w> {
    /// The business of a workspace.
    pub fn of(view: &'w View<'w>) -> Self {
        let schema = &view.schema;
        let name = |field: Option<usize>| field.map(|field| schema.field(field).name());
        let roles = schema.roles();
        Self {
            name: schema.name(),
            title: schema.title(),
            currency: schema.currency(),
            as_of: schema.as_of(),
            note: schema.note(),
            versions: Versions {
                workspace: view.version(),
                model: view.model.version(),
                nudges: view.nudges.version(),
            },
            previous: Snapshot::of_previous(view),
            population: view.customers.len(),
            roles: RoleNames {
                id: schema.id_name(),
                outcome: schema.outcome_name(),
                tenure: name(roles.tenure),
                recurring: name(roles.recurring),
                recurring_change: view.recurring_change_key(),
                lifetime: name(roles.lifetime),
                contactable: name(roles.contactable),
            },
            risk: RiskDescription {
                will_churn: schema.will_churn(),
                base_rate: view.model.base_rate(),
                alarms: schema.alarms(),
                levels: schema
                    .levels()
                    .map(|level| LevelDescription {
                        name: level.name,
                        label: level.label,
                        from: level.from,
                    })
                    .collect(),
            },
            fields: schema
                .fields()
                .map(|field| FieldDescription::of(view, field))
                .collect(),
            list: schema.list().map(|field| field.name()).collect(),
            sorts: directory::SortKey::all(view)
                .map(|(name, _)| name)
                .collect(),
            filters: filters(view),
            personas: schema
                .personas()
                .map(|persona| PersonaDescription {
                    name: persona.name,
                    label: persona.label,
                    description: persona.description,
                })
                .collect(),
            stages: schema
                .stages()
                .map(|stage| Labelled {
                    name: stage.name,
                    label: stage.label,
                })
                .collect(),
            experiments: (0..schema.experiments().len())
                .filter_map(|position| experiment(view, position))
                .collect(),
            categories: view.nudges.categories().collect(),
            distributions: schema.distributions().collect(),
        }
    }
}

impl<'w> FieldDescription<'w> {
    fn of(view: &View<'w>, field: Field<'w>) -> Self {
        let named = field.kind().is_named();
        let number = |number: f64| (!named).then_some(number);
        Self {
            name: field.name(),
            label: field.label(),
            kind: field.kind(),
            about: field.about(),
            help: field.help(),
            unit: field.unit(),
            required: field.required(),
            model: view.model.feature_of(field.index()).is_some(),
            least: number(*field.range().start()),
            most: number(*field.range().end()),
            values: field
                .values()
                .map(|value| ValueDescription {
                    value: json(field, value.code() as f64),
                    label: value.label(),
                    words: value.words(),
                    price: value.price(),
                })
                .collect(),
            words: (!named).then(|| field.template()),
            unknown: field.unknown(),
            needs: field
                .needs()
                .iter()
                .map(|need| needed(view, need))
                .collect(),
            without: field.without().map(|without| Without {
                label: without.name(),
                words: without.words(),
            }),
            change: field.change(),
            filter: field.filter().map(names),
            list: field.listed(),
            alarm: field.alarm(),
            bins: field.bins().to_vec(),
        }
    }
}

fn json<'w>(field: Field<'w>, code: f64) -> CodeJson<'w> {
    match field.kind() {
        Kind::Flag => CodeJson::Flag(code == 1.0),
        _ => CodeJson::Name(field.value(code).map_or("", |value| value.name())),
    }
}

fn needed<'w>(view: &View<'w>, need: &schema::Need) -> NeedDescription<'w> {
    let field = view.schema.field(need.field());
    let values = field
        .values()
        .filter(|value| need.allows(value.code() as f64));
    NeedDescription {
        field: field.name(),
        values: values
            .map(|value| json(field, value.code() as f64))
            .collect(),
    }
}

fn names(filter: FilterParameters<'_>) -> FilterNames<'_> {
    match filter {
        FilterParameters::Values(parameter) => FilterNames::Values { parameter },
        FilterParameters::Whole { min, max } => FilterNames::Range {
            min,
            max: Some(max),
            below: None,
        },
        FilterParameters::Number { min, below } => FilterNames::Range {
            min,
            max: None,
            below: Some(below),
        },
    }
}

/// Every filter that a query may name.
fn filters<'w>(view: &View<'w>) -> Vec<FilterDescription<'w>> {
    let schema = &view.schema;
    let named =
        |parameter: &'w str, label: &'w str, values: Vec<FilterChoice<'w>>| FilterDescription {
            label,
            field: None,
            names: FilterNames::Values { parameter },
            values,
        };
    let of_field = |field: Field<'w>| {
        let values = match field.filter()? {
            FilterParameters::Values(_) => {
                let names = selection::filter_values(field).zip(field.values());
                let choice = |(value, described): (&'w str, schema::Value<'w>)| FilterChoice {
                    value,
                    label: described.label(),
                };
                names.map(choice).collect()
            }
            _ => Vec::new(),
        };
        Some(FilterDescription {
            label: field.label(),
            field: Some(field.name()),
            names: names(field.filter()?),
            values,
        })
    };
    let status = Status::ALL.map(|status| FilterChoice {
        value: status.name(),
        label: match status {
            Status::Active => "Active",
            Status::Left => "Left",
        },
    });
    let choice = |value: &'w str, label: &'w str| FilterChoice { value, label };
    let personas: Vec<_> = schema
        .personas()
        .map(|persona| choice(persona.name, persona.label))
        .collect();
    let stages: Vec<_> = schema
        .stages()
        .map(|stage| choice(stage.name, stage.label))
        .collect();
    let levels: Vec<_> = schema
        .levels()
        .map(|level| choice(level.name, level.label))
        .collect();
    let optional: Vec<_> = selection::optional(schema)
        .map(|field| choice(field.name(), field.label()))
        .collect();
    let movements = MOVEMENTS.iter().filter(|_| view.previous.is_some());
    let moved: Vec<_> = movements
        .map(|(name, label, _)| choice(name, label))
        .collect();
    let rules = [
        (STATUS, "Status", status.to_vec()),
        (PERSONA, "Persona", personas),
        (STAGE, "Lifecycle stage", stages),
        (RISK_LEVEL, "Risk level", levels),
        (MOVED, "Since the previous data", moved),
        (MISSING, "Not known", optional),
    ];
    let rules = rules
        .into_iter()
        .filter(|(_, _, values)| !values.is_empty());
    let rules = rules.map(|(parameter, label, values)| named(parameter, label, values));
    schema.fields().filter_map(of_field).chain(rules).collect()
}

fn experiment<'w>(view: &View<'w>, position: usize) -> Option<ExperimentDescription<'w>> {
    let described = view.schema.experiments().nth(position)?;
    let arms = Arms::all(view, position)?.into_iter();
    let mut arms = arms.map(|arm| ArmDescription {
        arm: arm.arm,
        offer: arm.offer,
    });
    Some(ExperimentDescription {
        name: described.name(),
        arm: view.schema.field(described.field()).name(),
        control: arms.next()?,
        treatments: arms.collect(),
        shares: described.arms().map(|(_, share)| share).collect(),
        segments: described.segments().collect(),
    })
}
