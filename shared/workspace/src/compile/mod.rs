//! Compiles the source files of a workspace: bytes in, and either the parts or all faults out.

mod customers;
mod model;
mod moves;
mod nudges;
mod previous;

use crate::{Part, Parts, Workspace, WorkspaceError};
use reader::Confirmed;
use schema::Schema;
use schema::source::CustomersFile;
use sections::AlignedBytes;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

/// What the tables of contributions may take up, in bytes.
const MEMORY_BUDGET: usize = 4 << 20;

/// The source files, as their bytes, and the workspace that this one follows.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'s> {
    /// `data/schema.toml`
    pub schema: &'s [u8],
    /// `data/customers.csv`
    pub customers: &'s [u8],
    /// `data/nudges.toml`
    pub nudges: &'s [u8],
    /// `models/churn.json`
    pub model: &'s [u8],
    /// `models/card.json`
    pub card: &'s [u8],
    /// `models/evaluation.json`
    pub evaluation: &'s [u8],
    /// The workspace whose probabilities are kept, so that answers say what changed since.
    pub previous: Option<&'s Workspace<'s>>,
    /// How the customers are read, beyond what the schema says.
    pub intake: Option<&'s Intake>,
}

/// How the file of customers is read. What is here goes before what the schema says under `[customers]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intake {
    /// Readings that are plausible and not certain.
    pub confirmed: Confirmed,
    /// At most this many of a hundred rows may be left out because they can't be read.
    pub tolerated_reject_percentage: Option<f64>,
}

impl<'s> Sources<'s> {
    /// The files' paths in a workspace, in the order of the members.
    pub const PATHS: [&'static str; 6] = [
        "data/schema.toml",
        "data/customers.csv",
        "data/nudges.toml",
        "models/churn.json",
        "models/card.json",
        "models/evaluation.json",
    ];

    /// The customers' path.
    pub const CUSTOMERS: &'static str = Self::PATHS[1];

    /// Which workspace they make: the first eight digits of a hash of their hashes, and of what answers depend on, too: the version
    /// of the previous one and how the customers are read.
    fn version(&self) -> String {
        let files = [
            self.schema,
            self.customers,
            self.nudges,
            self.model,
            self.card,
            self.evaluation,
        ];
        let mut hashes: Vec<u8> = files.iter().flat_map(Sha256::digest).collect();
        hashes.extend(self.previous.iter().flat_map(|one| one.version().bytes()));
        if let Some(intake) = self.intake.filter(|intake| **intake != Intake::default()) {
            let Intake {
                confirmed,
                tolerated_reject_percentage,
            } = intake;
            hashes.extend(format!("{confirmed}\n{tolerated_reject_percentage:?}").bytes());
        }
        short_hash(&hashes)
    }

    /// The sources from the bytes of [`Self::PATHS`], in their order.
    pub fn of(files: &'s [Vec<u8>; 6]) -> Self {
        let [schema, customers, nudges, model, card, evaluation] = files;
        Self {
            schema,
            customers,
            nudges,
            model,
            card,
            evaluation,
            previous: None,
            intake: None,
        }
    }
}

impl Intake {
    /// The same, and what the schema says of the rest.
    ///
    /// # Errors
    /// Readings of the schema that are no pairs.
    fn or_of_the_schema(self, file: &CustomersFile) -> Result<Self, String> {
        let read =
            Confirmed::parse(&file.read).map_err(|error| format!("customers: `read` {error}"))?;
        Ok(Self {
            confirmed: self.confirmed.or(&read),
            tolerated_reject_percentage: self
                .tolerated_reject_percentage
                .or(Some(file.tolerated_reject_percentage)),
        })
    }
}

/// Reads and compiles the workspace in a folder.
///
/// # Errors
/// Everything that is wrong with its files, or each file that can't be read.
pub fn compile_folder(folder: &Path) -> Result<Compiled, Vec<Fault>> {
    compile_folder_as(folder, &Intake::default(), None)
}

/// Reads and compiles the workspace in a folder: its customers as `intake` says, and so that answers say what changed since the
/// previous workspace, if there is one.
///
/// # Errors
/// As [`compile_folder`], and a previous workspace of another business.
pub fn compile_folder_as(
    folder: &Path,
    intake: &Intake,
    previous: Option<&Workspace<'_>>,
) -> Result<Compiled, Vec<Fault>> {
    compile(&Sources {
        previous,
        intake: Some(intake),
        ..Sources::of(&read(folder)?)
    })
}

fn read(folder: &Path) -> Result<[Vec<u8>; 6], Vec<Fault>> {
    let mut unread = Vec::new();
    let files = Sources::PATHS.map(|file| {
        fs::read(folder.join(file)).unwrap_or_else(|error| {
            let detail = format!("the file can't be read: {error}");
            unread.push(Fault { file, detail });
            Vec::new()
        })
    });
    match unread.is_empty() {
        true => Ok(files),
        false => Err(unread),
    }
}

/// Something that is wrong with a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which file.
    pub file: &'static str,
    /// Which entry, and what is wrong with it.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.detail)
    }
}

/// A compiled workspace, and what its owner should know although it is no fault.
#[derive(Debug)]
pub struct Compiled {
    /// The parts.
    pub parts: Vec<(Part, AlignedBytes)>,
    /// Warnings.
    pub warnings: Vec<Fault>,
}

impl Compiled {
    /// The parts, to be opened.
    pub fn into_parts(self) -> Parts {
        self.parts
            .into_iter()
            .fold(Parts::default(), |parts, (part, bytes)| {
                parts.with_read(part, bytes)
            })
    }
}

impl Compiled {
    /// The same, if a program would take it from a file.
    ///
    /// # Errors
    /// What it would refuse.
    fn verified(self) -> Result<Self, Vec<Fault>> {
        let Self { parts, warnings } = self;
        let parts = Self {
            parts,
            warnings: Vec::new(),
        }
        .into_parts();
        match Workspace::open(&parts).and_then(|workspace| workspace.verify()) {
            Ok(()) => Ok(Self {
                parts: parts.into_read(),
                warnings,
            }),
            Err(error) => {
                let [schema, customers, nudges, model, card, _] = Sources::PATHS;
                let file = match &error {
                    WorkspaceError::Damaged { part, .. } => match part {
                        Part::Schema => schema,
                        Part::Model | Part::Quality => card,
                        Part::Margins | Part::Explanations => model,
                        Part::Customers | Part::Orders => customers,
                        Part::Nudges => nudges,
                        Part::Previous => previous::NAME,
                    },
                    _ => schema,
                };
                Err(faults(file, vec![error.to_string()]))
            }
        }
    }
}

/// Faults of one file that are reported; further ones are counted.
const MOST_FAULTS: usize = 100;

fn faults(file: &'static str, details: Vec<String>) -> Vec<Fault> {
    let count = details.len();
    let mut faults: Vec<Fault> = details
        .into_iter()
        .take(MOST_FAULTS)
        .map(|detail| Fault { file, detail })
        .collect();
    if count > MOST_FAULTS {
        let detail = format!("and {} more faults", count - MOST_FAULTS);
        faults.push(Fault { file, detail });
    }
    faults
}

/// Compiles a workspace.
///
/// # Errors
/// Everything that is wrong with the files. What of the schema is at fault itself refuses nothing in another file.
pub fn compile(sources: &Sources<'_>) -> Result<Compiled, Vec<Fault>> {
    let [schema_file, customers_file, nudges_file, ..] = Sources::PATHS;
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|error| vec![error.to_string()]);
    let mut all = Vec::new();
    let not_utf8 = |details: Vec<String>| schema::source::Draft {
        faults: details,
        ..schema::source::draft("")
    };
    let draft = utf8(sources.schema).map_or_else(not_utf8, schema::source::draft);
    let (schema_bytes, doubts) = (draft.bytes, draft.doubts);
    all.extend(faults(schema_file, draft.faults));
    let intake = sources
        .intake
        .cloned()
        .unwrap_or_default()
        .or_of_the_schema(&draft.customers)
        .unwrap_or_else(|fault| {
            all.extend(faults(schema_file, vec![fault]));
            Intake::default()
        });
    let schema = Schema::open(&schema_bytes)
        .map_err(|error| faults(schema_file, vec![error.to_string()]))?;
    let nudges = utf8(sources.nudges)
        .and_then(|text| nudges::compile(&schema, &doubts, text, &short_hash(sources.nudges)))
        .map_err(|details| faults(nudges_file, details));
    let model = model::compile(&schema, &doubts, sources);
    let read = customers::read(&schema, &doubts, &intake, sources.customers)
        .map_err(|details| faults(customers_file, details));
    let previous = match sources.previous {
        // A schema with faults may have another name than its own.
        Some(previous) if all.is_empty() => previous::check(&schema, previous),
        _ => Ok(()),
    };
    let (nudges, model, read) = match (nudges, model, read, previous) {
        (Ok(nudges), Ok(model), Ok(read), Ok(())) if all.is_empty() => (nudges, model, read),
        (nudges, model, read, previous) => {
            all.extend(nudges.err().into_iter().flatten());
            all.extend(model.err().into_iter().flatten());
            all.extend(read.err().into_iter().flatten());
            all.extend(previous.err().into_iter().flatten());
            return Err(all);
        }
    };
    let customers = customers::compile(&schema, &model, &read.customers, sources.previous);
    let model::CompiledModel {
        card,
        margins,
        explanations,
        quality,
        mut warnings,
        ..
    } = model;
    let doubt = sources
        .previous
        .and_then(|previous| previous::warning(&schema, previous));
    warnings.extend(doubt);
    warnings.extend(faults(customers_file, read.notes));
    let mut parts = vec![
        (Part::Schema, schema_bytes.clone()),
        (Part::Model, card),
        (Part::Margins, margins),
        (Part::Explanations, explanations),
        (Part::Customers, customers.columns),
        (Part::Orders, customers.orders),
        (Part::Nudges, nudges),
        (Part::Quality, AlignedBytes::from(quality.as_slice())),
    ];
    parts.extend(customers.previous.map(|bytes| (Part::Previous, bytes)));
    Compiled { parts, warnings }.verified()
}

/// The first eight digits of a file's SHA-256.
fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..4]
        .iter()
        .fold(String::new(), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        })
}
