//! Components of the API's description whose content the workspace decides, and members of answers whose keys it names.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! component {
    ($($(#[$doc:meta])* $name:ident: $type:ident;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new().schema_type(Type::$type).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

component! {
    /// The name of a risk level.
    RiskLevel: String;
    /// The name of a persona.
    Persona: String;
    /// The name of a stage.
    Stage: String;
    /// What a nudge is about.
    Category: String;
    /// The arm of an experiment.
    Arm: String;
    /// The name of an experiment.
    ExperimentName: String;
    /// An arm of an experiment other than control.
    Treatment: String;
    /// What the directory is sorted by.
    Sort: String;
    /// A profile.
    Profile: Object;
    /// What is altered: fields and their new values.
    Change: Object;
    /// A change of plan for a cohort.
    CohortChange: Object;
    /// The filters as an object.
    Filters: Object;
    /// A row of the directory.
    DirectoryRow: Object;
    /// The recurring amount, under a key that the schema names.
    RecurringAmount: Object;
    /// The change of the recurring amount, under a key that the schema names.
    RecurringChange: Object;
    /// The outcome, under a key that the schema names.
    OutcomeMember: Object;
    /// What changed about a risk, where there is a previous workspace.
    RiskChange: Object;
}

/// The filters as parameters of a query: one that the description of the API replaces by those of the schema.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct FilterParameters {
    /// The filters of the schema.
    #[param(required = false)]
    filters: String,
}

/// A member whose key the schema names; none where it names none.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed<'w, T> {
    key: Option<&'w str>,
    value: T,
}

impl<'w, T> Keyed<'w, T> {
    /// The member.
    pub fn new(key: Option<&'w str>, value: T) -> Self {
        Self { key, value }
    }

    /// Its value.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(usize::from(self.key.is_some())))?;
        if let Some(key) = self.key {
            members.serialize_entry(key, &self.value)?;
        }
        members.end()
    }
}
