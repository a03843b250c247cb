//! What a business knows about a customer: fields, their values, words and prices, and which profiles and changes are possible.
//!
//! A [`Schema`] is a view of compiled bytes; with the feature `compile`, [`source`] makes them from `schema.toml`. A [`Profile`] is
//! made only by [`Schema::admit`], [`Schema::apply`] and a workspace's own columns, so illegal ones can't exist.

#![forbid(unsafe_code)]

pub mod change;
pub mod condition;
pub mod error;
pub mod field;
pub mod intake;
pub mod layout;
pub mod number;
pub mod profile;
mod schema;
#[cfg(feature = "compile")]
pub mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
pub mod words;

pub use change::{Amount, Amounts, Change};
pub use condition::{Condition, Rule};
pub use error::{FieldError, FieldErrors};
pub use field::{About, Alarm, ChangePolicy, Field, FilterParameters, Kind, Need, Value};
pub use profile::Profile;
pub use schema::{Experiment, Named, Persona, RiskLevel, Roles, Schema, SchemaError, Stage};
pub use text::{Pool, Text};

/// Fields that a schema may have.
pub const MOST_FIELDS: usize = 512;

/// Values that a field may have, the one that says what it lacks included.
pub const MOST_VALUES: usize = 256;
