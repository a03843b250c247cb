//! What the workspace decides of the description: names, ranges and required fields, exact for this business.

use super::operations;
use engagetrack::View;
use engagetrack::business::{Business, FieldDescription, FilterDescription, FilterNames};
use engagetrack::directory;
use engagetrack::movement::{GONE, MOVED, MOVEMENTS};
use schema::intake::CUSTOMER_ID;
use schema::{ChangePolicy, Kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

/// The parameter in whose place the filters are described.
const FILTERS: &str = "filters";
/// The operation that lists customers of the previous workspace who are gone, too.
const DIRECTORY: &str = "list_customers";
/// The members that are there only with a previous workspace.
const RISK_CHANGE: &str = "RiskChange";

/// Replaces the components and parameters that functions leave to the workspace.
pub fn complete(api: &mut OpenApi, view: &View<'_>) {
    let business = Business::of(view);
    let components = api.components.get_or_insert_default();
    for (name, schema) in components_of(view, &business) {
        let schema =
            serde_json::from_value(schema).expect("a schema is described as JSON Schema has it");
        // What no operation of this program uses is not described.
        if components.schemas.contains_key(name) {
            components.schemas.insert(name.to_owned(), schema);
        }
    }
    if business.previous.is_none() {
        remove(&mut components.schemas, RISK_CHANGE);
    }
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        let gone = operation.operation_id.as_deref() == Some(DIRECTORY);
        let Some(parameters) = operation.parameters.take() else {
            continue;
        };
        let parameters = parameters
            .into_iter()
            .flat_map(|parameter| match &parameter {
                RefOr::T(one) if one.name == FILTERS => filters(&business, gone).collect(),
                _ => vec![parameter],
            });
        operation.parameters = Some(parameters.collect());
    }
}

/// Removes a component, and its members from those that it is a part of.
fn remove(schemas: &mut BTreeMap<String, RefOr<Schema>>, name: &str) {
    schemas.remove(name);
    let reference = Ref::from_schema_name(name).ref_location;
    let is_it =
        |part: &RefOr<Schema>| matches!(part, RefOr::Ref(one) if one.ref_location == reference);
    for schema in schemas.values_mut() {
        if let RefOr::T(Schema::AllOf(whole)) = schema {
            whole.items.retain(|part| !is_it(part));
        }
    }
}

fn components_of(view: &View<'_>, business: &Business<'_>) -> Vec<(&'static str, Value)> {
    let names = |description: &str, names: Vec<&str>| match names.is_empty() {
        // An enumeration needs a value.
        true => json!({"type": "string", "description": description}),
        false => json!({"type": "string", "description": description, "enum": names}),
    };
    let arms: Vec<&str> = business
        .experiments
        .iter()
        .flat_map(|experiment| {
            [experiment.control]
                .into_iter()
                .chain(experiment.treatments.iter().copied())
        })
        .map(|arm| arm.arm)
        .collect();
    let experiments = business.experiments.iter();
    let treatments = experiments
        .clone()
        .flat_map(|experiment| experiment.treatments.iter());
    let treatments = treatments.map(|arm| arm.arm).collect();
    let sorts = directory::sorts(view);
    let required: Vec<&str> = business
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let all = |fields: &mut dyn Iterator<Item = &FieldDescription<'_>>,
               optional: bool|
     -> Map<String, Value> {
        fields
            .map(|field| {
                (
                    field.name.to_owned(),
                    of_field(field, optional || !field.required),
                )
            })
            .collect()
    };
    let changeable = |field: &&FieldDescription<'_>| field.change != ChangePolicy::Never;
    let profile = json!({"type": "object", "description": "A customer's profile.", "required": required,
        "properties": all(&mut business.fields.iter(), false)});
    let change = json!({"type": "object", "description": "Fields and their new values.",
        "properties": all(&mut business.fields.iter(), true)});
    let cohort_change = json!({"type": "object", "minProperties": 1,
        "description": "The new value of at least one field; charges follow from the price list.",
        "properties": all(&mut business.fields.iter().filter(changeable), true)});
    vec![
        (
            "RiskLevel",
            names(
                "A risk level.",
                business
                    .risk
                    .levels
                    .iter()
                    .map(|level| level.name)
                    .collect(),
            ),
        ),
        (
            "Persona",
            names(
                "A persona.",
                business
                    .personas
                    .iter()
                    .map(|persona| persona.name)
                    .collect(),
            ),
        ),
        (
            "Stage",
            names(
                "A stage of a customer's life.",
                business.stages.iter().map(|stage| stage.name).collect(),
            ),
        ),
        (
            "Category",
            names("What a nudge is about.", business.categories.clone()),
        ),
        ("Arm", names("The arm of an experiment.", unique(arms))),
        (
            "ExperimentName",
            names(
                "An experiment.",
                experiments.map(|experiment| experiment.name).collect(),
            ),
        ),
        (
            "Treatment",
            names(
                "An arm of an experiment other than control.",
                unique(treatments),
            ),
        ),
        (
            "Sort",
            names(
                "The order of the directory.",
                sorts.iter().map(String::as_str).collect(),
            ),
        ),
        ("Profile", profile),
        ("Change", change),
        ("CohortChange", cohort_change),
        ("Filters", filters_object(business)),
        ("DirectoryRow", row(business)),
        (RISK_CHANGE, risk_change()),
        (
            "RecurringAmount",
            member(
                business.roles.recurring,
                &json!({"type": ["number", "null"],
            "description": "What the customer pays per period; null if unknown."}),
            ),
        ),
        (
            "RecurringChange",
            member(
                business.roles.recurring_change,
                &json!({"type": "number",
            "description": "By how much the recurring amount changes."}),
            ),
        ),
        (
            "OutcomeMember",
            member(
                business.roles.outcome,
                &json!({"type": ["boolean", "null"],
            "description": "Whether the customer left; null while it is not known."}),
            ),
        ),
    ]
}

fn unique(names: Vec<&str>) -> Vec<&str> {
    let mut known = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

/// An object of one member, if the schema names it.
fn member(key: Option<&str>, schema: &Value) -> Value {
    match key {
        Some(key) => json!({"type": "object", "required": [key], "properties": {key: schema}}),
        None => json!({"type": "object"}),
    }
}

/// The JSON Schema of a field's values.
fn of_field(field: &FieldDescription<'_>, optional: bool) -> Value {
    let kind = match field.kind {
        Kind::Flag => "boolean",
        Kind::Choice => "string",
        Kind::Whole => "integer",
        Kind::Number | Kind::Money => "number",
    };
    let label = match field.label.ends_with('.') {
        true => field.label.to_owned(),
        false => format!("{}.", field.label),
    };
    let mut schema = json!({"type": kind, "description": field.help.map_or(label, str::to_owned)});
    if optional {
        schema["type"] = json!([kind, "null"]);
    }
    if field.kind == Kind::Choice {
        let mut values: Vec<Value> = field
            .values
            .iter()
            .map(|value| json!(value.value))
            .collect();
        if optional {
            values.push(Value::Null);
        }
        schema["enum"] = values.into();
    }
    if let (Some(least), Some(most)) = (field.least, field.most) {
        schema["minimum"] = number(field.kind, least);
        schema["maximum"] = number(field.kind, most);
    }
    schema
}

/// A bound, written without a fraction where it has none.
fn number(kind: Kind, number: f64) -> Value {
    match kind == Kind::Whole || number.fract() == 0.0 {
        true => json!(number as i64),
        false => json!(number),
    }
}

/// Name, JSON Schema and description of each parameter of a filter; whether it can be repeated.
fn parameters_of(
    business: &Business<'_>,
    filter: &FilterDescription<'_>,
) -> Vec<(String, Value, String, bool)> {
    match filter.names {
        FilterNames::Values { parameter } => {
            let field = business
                .fields
                .iter()
                .find(|field| Some(field.name) == filter.field);
            let is_flag = field.is_some_and(|field| field.kind == Kind::Flag);
            let values: Vec<Value> = match is_flag {
                true => vec![json!(false), json!(true)],
                false => filter
                    .values
                    .iter()
                    .map(|choice| json!(choice.value))
                    .collect(),
            };
            let kind = if is_flag { "boolean" } else { "string" };
            let items = json!({"type": kind, "enum": values});
            let description = match parameter {
                "status" => STATUS.to_owned(),
                "missing" => "Fields that are not known of the customer.".to_owned(),
                _ => format!("{}. May be repeated to allow any of several.", filter.label),
            };
            vec![(
                parameter.to_owned(),
                json!({"type": "array", "items": items}),
                description,
                true,
            )]
        }
        FilterNames::Range { min, max, below } => {
            let field = business
                .fields
                .iter()
                .find(|field| Some(field.name) == filter.field);
            let bounds = field.and_then(|field| Some((field.kind, field.least?, field.most?)));
            let bound = || match bounds {
                Some((kind, least, most)) => {
                    let name = if kind == Kind::Whole {
                        "integer"
                    } else {
                        "number"
                    };
                    json!({"type": name, "minimum": number(kind, least), "maximum": number(kind, most)})
                }
                None => json!({"type": "number"}),
            };
            let label = filter.label;
            let least = (
                min.to_owned(),
                bound(),
                format!("{label}: the smallest."),
                false,
            );
            let most = max.map(|name| {
                (
                    name.to_owned(),
                    bound(),
                    format!("{label}: the largest."),
                    false,
                )
            });
            let below = below.map(|name| {
                (
                    name.to_owned(),
                    bound(),
                    format!("{label}: the upper bound, exclusive."),
                    false,
                )
            });
            [Some(least), most, below].into_iter().flatten().collect()
        }
    }
}

const STATUS: &str = "`active` for customers who stayed or whose outcome is not known yet, `left` for those who left. When absent, \
    directory, analytics and what-if select active customers, explanations everybody. In the analytics it narrows counts, money and \
    expected churners; rates, calibration, drivers and experiments are always about everybody with a known outcome.";

/// The filters as parameters; `gone` says whether those are listed who are gone.
fn filters(business: &Business<'_>, gone: bool) -> impl Iterator<Item = RefOr<Parameter>> {
    let parameters = business
        .filters
        .iter()
        .flat_map(|filter| parameters_of(business, filter));
    parameters.map(move |(name, mut schema, mut description, _)| {
        if gone && name == MOVED {
            let values = schema.pointer_mut("/items/enum").and_then(Value::as_array_mut);
            values.into_iter().for_each(|values| values.push(GONE.into()));
            description += OF_GONE;
        }
        let parameter = json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema});
        serde_json::from_value(parameter).expect("a parameter is described as OpenAPI has it")
    })
}

const OF_GONE: &str = " `gone` lists customers of the previous workspace who are gone, by id, former probability and former status; it \
    combines with `q`, `status`, `limit`, `cursor`, and sorting by `probability` and `customer_id`.";

/// What changed about a customer's risk.
fn risk_change() -> Value {
    let moved = json!({"type": ["string", "null"], "enum": MOVEMENTS.iter().map(|(name, ..)| json!(name)).chain([Value::Null]).collect::<Vec<_>>(),
        "description": "Whether the risk level is higher or lower than before, or the customer new; null where the level is the same."});
    json!({"type": "object", "description": "What changed since the previous workspace; absent for a posted profile.", "properties": {
        "change": {"type": ["number", "null"], "minimum": -1, "maximum": 1,
            "description": "Probability minus the former probability; null for a new customer."},
        "moved": moved,
        "model_changed": {"type": "boolean", "description": "Whether another model gave the former probability. Then `change` is not \
            the customer's alone."},
    }})
}

/// The filters as members of a JSON object, where one value needs no array.
fn filters_object(business: &Business<'_>) -> Value {
    let parameters = business
        .filters
        .iter()
        .flat_map(|filter| parameters_of(business, filter));
    let members = parameters.map(|(name, mut schema, description, _)| {
        schema["description"] = description.into();
        (name, schema)
    });
    json!({"type": "object", "description": "Filters by name; all must hold. An array allows any of its values.",
        "properties": members.collect::<Map<String, Value>>()})
}

/// A row of the directory.
fn row(business: &Business<'_>) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let probability = json!({"type": "number", "minimum": 0, "maximum": 1, "description": "Calibrated churn probability."});
    let percentile = json!({"type": "number", "minimum": 0, "maximum": 100,
        "description": "Share of the customers with a lower probability, times 100."});
    let mut members = vec![
        (
            CUSTOMER_ID,
            json!({"type": "string", "description": "The id."}),
        ),
        ("probability", probability),
        ("risk_level", reference("RiskLevel")),
        ("percentile", percentile),
    ];
    if business.previous.is_some() {
        let change = risk_change();
        let of = |name: &'static str| (name, change["properties"][name].clone());
        members.extend(["change", MOVED, "model_changed"].map(of));
    }
    if !business.personas.is_empty() {
        members.push(("persona", reference("Persona")));
    }
    if !business.stages.is_empty() {
        members.push(("stage", reference("Stage")));
    }
    members.push((
        "at_risk",
        json!({"type": "boolean", "description": "Whether the customer is at risk."}),
    ));
    for name in &business.list {
        let field = business.fields.iter().find(|field| field.name == *name);
        members.extend(field.map(|field| (*name, of_field(field, !field.required))));
    }
    let outcome = json!({"type": ["boolean", "null"], "description": "Whether the customer left; null while it is not known."});
    members.extend(business.roles.outcome.map(|name| (name, outcome)));
    members.push(("status", reference("Status")));
    let customer = object("A customer in the directory.", members);
    if business.previous.is_none() {
        return customer;
    }
    let gone = vec![
        (
            CUSTOMER_ID,
            json!({"type": "string", "description": "The id."}),
        ),
        (
            "former_probability",
            json!({"type": "number", "minimum": 0, "maximum": 1, "description": "The former churn probability."}),
        ),
        ("former_risk_level", reference("RiskLevel")),
        (MOVED, json!({"type": "string", "enum": [GONE]})),
        ("former_status", reference("Status")),
    ];
    let gone = object("A customer of the previous workspace who is gone.", gone);
    json!({"description": "A customer in the directory.", "oneOf": [customer, gone]})
}

/// An object that has all of these members.
fn object(description: &str, members: Vec<(&str, Value)>) -> Value {
    let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let members: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "description": description, "required": required, "properties": members})
}
