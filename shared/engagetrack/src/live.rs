//! A workspace in use, with what is computed from it once.

use crate::analytics::Table;
use crate::campaign::Prospects;
use crate::drift::Window;
use crate::measured::Effect;
use crate::nudges::Offer;
use self_cell::self_cell;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use workspace::{FileError, Part, Parts, Workspace, WorkspaceError};

/// A workspace in use. Clones share it; a request that holds one sees the same workspace from start to end.
#[derive(Clone)]
pub struct Live(Arc<Cell>);

self_cell!(
    struct Cell {
        owner: Parts,

        #[covariant]
        dependent: View,
    }
);

/// The workspace itself, and what is computed from it when it is first asked for.
pub struct View<'w> {
    workspace: Workspace<'w>,
    pub(crate) table: OnceLock<Table>,
    pub(crate) effects: OnceLock<Vec<Option<Effect>>>,
    pub(crate) offers: OnceLock<Vec<Offer>>,
    pub(crate) prospects: OnceLock<Prospects>,
    /// The folds of all customers, for estimates that are made out of fold.
    pub(crate) folds: OnceLock<Vec<u8>>,
    recurring_change: Option<String>,
    version: Arc<str>,
    levels: Vec<Arc<str>>,
    /// The profiles that came by request.
    pub posted: Window,
}

impl Live {
    /// Puts a compiled workspace to use.
    ///
    /// # Errors
    /// When the parts are no workspace.
    pub fn open(parts: Parts) -> Result<Self, WorkspaceError> {
        let cell = Cell::try_new(parts, |parts| Workspace::open(parts).map(View::new))?;
        Ok(Self(Arc::new(cell)))
    }

    /// Puts parts of a workspace to use that are read from a file and checked.
    ///
    /// # Errors
    /// A file that is no workspace that this program can use.
    pub fn from_file(path: &Path, wanted: &[Part]) -> Result<Self, FileError> {
        let parts = workspace::file::read(path, wanted)?;
        Self::checked(parts).map_err(|error| {
            let path = path.to_owned();
            FileError::Unsound { path, error }
        })
    }

    /// Puts parts to use that come from outside of the program.
    ///
    /// # Errors
    /// When the parts are no workspace, or hold anything that a request would stumble over.
    pub fn checked(parts: Parts) -> Result<Self, WorkspaceError> {
        let live = Self::open(parts)?;
        live.view().verify()?;
        Ok(live)
    }

    /// Which workspace this is.
    pub fn version(&self) -> &str {
        self.view().workspace.version()
    }

    /// Which model it has.
    pub fn model_version(&self) -> &str {
        self.view().workspace.model.version()
    }

    /// The workspace.
    pub fn view(&self) -> &View<'_> {
        self.0.borrow_dependent()
    }
}

impl<'w> View<'w> {
    fn new(workspace: Workspace<'w>) -> Self {
        let recurring = workspace.schema.roles().recurring;
        let recurring = recurring.map(|field| workspace.schema.field(field).name());
        Self {
            table: OnceLock::new(),
            effects: OnceLock::new(),
            offers: OnceLock::new(),
            folds: OnceLock::new(),
            prospects: OnceLock::new(),
            recurring_change: recurring.map(|name| format!("{name}_change")),
            version: workspace.model.version().into(),
            levels: workspace
                .schema
                .levels()
                .map(|level| level.name.into())
                .collect(),
            posted: Window::new(workspace.model.features().len()),
            workspace,
        }
    }

    /// The model's version, for those who keep it.
    pub fn model_version(&self) -> Arc<str> {
        Arc::clone(&self.version)
    }

    /// The name of a probability's risk level, for those who keep it.
    pub fn level_name(&self, probability: f64) -> Arc<str> {
        Arc::clone(&self.levels[self.workspace.schema.level(probability).index])
    }

    /// The key of the change of the recurring amount, where the schema has one.
    pub fn recurring_change_key(&self) -> Option<&str> {
        self.recurring_change.as_deref()
    }
}

impl<'w> Deref for View<'w> {
    type Target = Workspace<'w>;

    fn deref(&self) -> &Workspace<'w> {
        &self.workspace
    }
}
