//! `engagetrack inspect`: what a compiled file holds.

use crate::business;
use crate::output::{self, FAILED};
use clap::Args;
use engagetrack::Live;
use engagetrack::movement::Snapshot;
use indicatif::HumanCount;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use workspace::Part;
use workspace::file::{self, Section};

/// Check a compiled file and show what it holds
///
/// Reads the whole file and checks it as `serve` does. A file that can't be used is named with
/// the reason, and the exit code is 1.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Inspect {
    /// Compiled workspace
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> ExitCode {
        match self.inspect() {
            Ok(text) => output::print(&text, 0),
            Err(message) => output::fail(message, FAILED),
        }
    }

    fn inspect(&self) -> Result<String, String> {
        business::refuse_a_bucket(&self.file)?;
        if self.file.is_dir() {
            let name = self.file.display();
            return Err(format!(
                "{name}: is a folder; `engagetrack check {name}` looks for faults in it"
            ));
        }
        let sections = file::sections(&self.file).map_err(|error| error.to_string())?;
        let live = Live::from_file(&self.file, &Part::ALL).map_err(|error| error.to_string())?;
        Ok(match self.json {
            true => format!("{:#}\n", as_json(&live, &sections)),
            false => as_text(&self.file, &live, &sections),
        })
    }
}

fn as_json(live: &Live, sections: &[Section]) -> Value {
    let view = live.view();
    let sections: Vec<Value> = sections
        .iter()
        .map(|section| json!({"name": section.part.file(), "bytes": section.bytes, "hash": section.hash}))
        .collect();
    json!({
        "name": view.schema.name(),
        "title": view.schema.title(),
        "note": view.schema.note(),
        "currency": view.schema.currency(),
        "as_of": view.schema.as_of(),
        "versions": {
            "workspace": live.version(),
            "model": view.model.version(),
            "nudges": view.nudges.version(),
        },
        "previous": Snapshot::of_previous(view),
        "customers": view.customers.len(),
        "fields": view.schema.len(),
        "features": view.model.features().len(),
        "nudges": view.nudges.len(),
        "experiments": view.schema.experiments().len(),
        "format": file::VERSION,
        "sections": sections,
    })
}

fn as_text(path: &Path, live: &Live, sections: &[Section]) -> String {
    let view = live.view();
    let mut rows = vec![
        ("name", view.schema.name().to_owned()),
        ("note", view.schema.note().to_owned()),
        ("version", live.version().to_owned()),
        (
            "model",
            format!(
                "{}, {} features",
                view.model.version(),
                view.model.features().len()
            ),
        ),
        (
            "nudges",
            format!("{}, version {}", view.nudges.len(), view.nudges.version()),
        ),
        (
            "customers",
            HumanCount(view.customers.len() as u64).to_string(),
        ),
        ("fields", view.schema.len().to_string()),
        ("experiments", view.schema.experiments().len().to_string()),
        ("currency", view.schema.currency().to_owned()),
        ("as of", view.schema.as_of().to_owned()),
        ("format", file::VERSION.to_string()),
    ];
    rows.extend(business::before(view).map(|before| ("previous", before)));
    let title = format!("{}: {}", path.display(), view.schema.title());
    let sections = sections.iter().map(|section| {
        let bytes = HumanCount(section.bytes).to_string();
        format!(
            "  {:<18}{bytes:>15}  {}\n",
            section.part.file(),
            section.hash
        )
    });
    let heading = format!("  {:<18}{:>15}  hash (XXH3-128)\n", "section", "bytes");
    output::table(&title, &rows) + "\n" + &heading + &sections.collect::<String>()
}
