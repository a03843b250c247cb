//! One business in compiled form: its schema, model, customers and nudges, used where they lie.
//!
//! [`Workspace::open`] casts the parts and allocates nothing; with the feature `compile`, [`compile`](mod@compile) makes them from
//! the source files.

#![forbid(unsafe_code)]

#[cfg(feature = "compile")]
pub mod compile;
pub mod customers;
mod error;
pub mod file;
#[cfg(feature = "generate")]
pub mod generate;
mod ids;
pub mod model;
pub mod nudges;
pub mod orders;
mod parts;
pub mod previous;
pub mod quality;
#[cfg(feature = "testing")]
pub mod testing;

pub use customers::{Customers, Outcome};
pub use error::WorkspaceError;
pub use file::FileError;
pub use model::Model;
pub use nudges::Catalogue;
pub use orders::{Key, Orders};
pub use parts::{Part, Parts};
pub use previous::{Movement, Previous};

use forest::Forest;
use schema::{Profile, Schema};
use std::fmt;

/// A compiled workspace.
#[derive(Clone, Copy)]
pub struct Workspace<'w> {
    /// What is known about a customer.
    pub schema: Schema<'w>,
    /// From a profile to a probability.
    pub model: Model<'w>,
    /// The customers.
    pub customers: Customers<'w>,
    /// What can be done about them.
    pub nudges: Catalogue<'w>,
    /// What the previous workspace knew of the customers, where this one was compiled with it and opened with [`Part::Previous`].
    pub previous: Option<Previous<'w>>,
    explanations: Option<Forest<'w>>,
    orders: Option<Orders<'w>>,
    quality: Option<&'w [u8]>,
    parts: &'w Parts,
}

impl fmt::Debug for Workspace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workspace({} {})", self.schema.name(), self.version())
    }
}

impl<'w> Workspace<'w> {
    /// The workspace that these parts make up.
    ///
    /// # Errors
    /// A part that is damaged, of another version, or does not fit the others.
    pub fn open(parts: &'w Parts) -> Result<Self, WorkspaceError> {
        let schema = Schema::open(parts.get(Part::Schema))?;
        let explanations = parts.find(Part::Explanations);
        let customers = Customers::open(parts.get(Part::Customers), &schema)?;
        let model = Model::open(parts.get(Part::Model), parts.get(Part::Margins), &schema)?;
        let explanations = explanations.map(Forest::from_bytes).transpose()?;
        if explanations
            .as_ref()
            .is_some_and(|forest| forest.n_features() != model.features().len())
        {
            return Err(WorkspaceError::Unsound(
                "the explanations are of another model",
            ));
        }
        Ok(Self {
            schema,
            model,
            nudges: Catalogue::open(parts.get(Part::Nudges), &schema)?,
            explanations,
            orders: parts
                .find(Part::Orders)
                .map(|bytes| Orders::open(bytes, customers.len()))
                .transpose()?,
            quality: parts.find(Part::Quality),
            // Files have all parts; one without bytes says that there is no previous workspace.
            previous: parts
                .find(Part::Previous)
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| Previous::open(bytes, customers.len()))
                .transpose()?,
            customers,
            parts,
        })
    }

    /// Compares the parts that there are with their hashes, and checks every index and value in them once. No request can
    /// stumble over a workspace that passes, whatever its bytes. Takes milliseconds for thousands of customers.
    ///
    /// # Errors
    /// The first part with anything that can't be, and what that is.
    pub fn verify(&self) -> Result<(), WorkspaceError> {
        let in_part = |part: Part| move |what: String| WorkspaceError::in_part(part, what);
        let bytes = |part: Part| self.parts.get(part);
        // All others are checked against the schema.
        Schema::verify(bytes(Part::Schema))
            .map_err(|error| WorkspaceError::in_part(Part::Schema, error))?;
        self.model
            .verify(bytes(Part::Model))
            .map_err(in_part(Part::Model))?;
        Forest::verify(bytes(Part::Margins))
            .map_err(|error| WorkspaceError::in_part(Part::Margins, error))?;
        if let Some(forest) = &self.explanations {
            Forest::verify(bytes(Part::Explanations))
                .map_err(|error| WorkspaceError::in_part(Part::Explanations, error))?;
            if !forest.explains() {
                let what = "the model was compiled for margins alone";
                return Err(WorkspaceError::in_part(Part::Explanations, what));
            }
        }
        self.customers
            .verify(bytes(Part::Customers), &self.schema)
            .map_err(in_part(Part::Customers))?;
        if let Some(orders) = &self.orders {
            orders
                .verify(bytes(Part::Orders), &self.schema, &self.customers)
                .map_err(in_part(Part::Orders))?;
        }
        self.nudges
            .verify(bytes(Part::Nudges), &self.schema)
            .map_err(in_part(Part::Nudges))?;
        if let Some(previous) = &self.previous {
            previous
                .verify(bytes(Part::Previous), &self.schema, &self.customers)
                .map_err(in_part(Part::Previous))?;
        }
        match self.quality {
            Some(quality) => {
                quality::verify(quality, self.model.version()).map_err(in_part(Part::Quality))
            }
            None => Ok(()),
        }
    }

    /// The tables of contributions.
    ///
    /// # Panics
    /// When the workspace was opened without [`Part::Explanations`]; a function names the parts that it uses where it is wired.
    pub fn explanations(&self) -> &Forest<'w> {
        self.explanations
            .as_ref()
            .expect("the function's parts include the explanations")
    }

    /// The customers by every sortable key.
    ///
    /// # Panics
    /// When the workspace was opened without [`Part::Orders`].
    pub fn orders(&self) -> Orders<'w> {
        self.orders
            .expect("the function's parts include the orders")
    }

    /// Card and evaluation of the model, as JSON.
    ///
    /// # Panics
    /// When the workspace was opened without [`Part::Quality`].
    pub fn quality(&self) -> &'w [u8] {
        self.quality
            .expect("the function's parts include the quality")
    }

    /// Whether the former probabilities are those of another model.
    pub fn model_changed(&self) -> bool {
        let former = self.previous.map(|previous| previous.model_version());
        former.is_some_and(|former| former != self.model.version())
    }

    /// Which workspace this is: the first eight digits of a hash of its source files.
    pub fn version(&self) -> &'w str {
        self.model.workspace_version()
    }

    /// The profile of the customer at a position.
    pub fn profile(&self, customer: usize) -> Profile {
        self.customers.profile(customer)
    }
}
