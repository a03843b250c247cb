//! Compiles `schema.toml`: every entry is checked, and all faults are reported at once, each with its entry.
//!
//! What is at fault hides nothing else: it is put in [`Doubts`], a record that can be relied on takes its place, and whatever refers
//! to it is left alone.

mod conditions;
mod customers;
mod doubts;
mod entry;
mod experiments;
mod field;
mod head;
mod lists;
mod names;
mod needs;
mod risk;
mod roles;
mod rules;
mod values;

pub use conditions::{code, condition, impersonal};
pub use customers::CustomersFile;
pub use doubts::Doubts;
pub use entry::{Entry, Unread, document};

use crate::condition::Condition;
use crate::layout::{
    ArmRecord, ExperimentRecord, FORMAT, FieldRecord, GroupRecord, Head, LevelRecord, NameRecord,
    NeedRecord, PersonaRecord, Section, Span, ValueRecord,
};
use crate::schema::Schema;
use crate::text::{Pool, Text};
use crate::words::sentence_case;
use experiments::WrittenExperiment;
use field::WrittenField;
use head::WrittenHead;
use risk::WrittenRisk;
use roles::WrittenRoles;
use rules::WrittenPersona;
use sections::{AlignedBytes, Writer};
use toml::{Table, Value};

/// Personas, stages or bins that there may be: a byte tells them apart, and one value is for none.
const MOST_RULES: usize = 255;

/// A compiled schema, and what is wrong with it. Where something is, other files can still be checked against what is not in doubt.
#[derive(Debug)]
pub struct Draft {
    /// A compiled schema that can be opened.
    pub bytes: AlignedBytes,
    /// Everything that is wrong, each with its entry.
    pub faults: Vec<String>,
    /// Which entries are at fault.
    pub doubts: Doubts,
    /// How the file of customers is read.
    pub customers: CustomersFile,
}

/// Compiles a schema.
///
/// # Errors
/// Everything that is wrong with it, each with its entry.
pub fn compile(text: &str) -> Result<AlignedBytes, Vec<String>> {
    let draft = draft(text);
    match draft.faults.is_empty() {
        true => Ok(draft.bytes),
        false => Err(draft.faults),
    }
}

/// Compiles what can be compiled of a schema.
pub fn draft(text: &str) -> Draft {
    let drafted = document(text).and_then(|mut document| {
        let mut compiler = Compiler::default();
        let customers = CustomersFile::read(document.remove("customers"), &mut compiler.faults);
        let written = Written::read(document, &mut compiler);
        let bytes = compiler.compile(written);
        match opened(&bytes) {
            Ok(_) => Ok(Draft {
                bytes,
                faults: compiler.faults,
                doubts: compiler.doubts,
                customers,
            }),
            Err(fault) => {
                compiler.faults.push(fault);
                Err(compiler.faults)
            }
        }
    });
    drafted.unwrap_or_else(|faults| Draft {
        bytes: nothing(),
        faults,
        doubts: Doubts::everything(),
        customers: CustomersFile::default(),
    })
}

/// A schema without a field.
fn nothing() -> AlignedBytes {
    let mut compiler = Compiler::default();
    compiler.compile(Written::read(Table::new(), &mut Compiler::default()))
}

/// Everything that is written, as far as it can be read.
struct Written {
    head: WrittenHead,
    roles: WrittenRoles,
    risk: WrittenRisk,
    fields: Vec<WrittenField>,
    personas: Vec<WrittenPersona>,
    stages: Vec<WrittenPersona>,
    experiments: Vec<WrittenExperiment>,
}

impl Written {
    fn read(mut document: Table, compiler: &mut Compiler) -> Self {
        let Compiler { faults, doubts, .. } = compiler;
        let mut entries = |list: &str, doubts: &mut doubts::Entries, faults: &mut Vec<String>| {
            Entry::list(list, "name", document.remove(list)).unwrap_or_else(|fault| {
                faults.push(fault);
                doubts.add(None);
                Vec::new()
            })
        };
        let before = faults.len();
        let fields = entries("field", &mut doubts.fields, faults);
        if fields.is_empty() && faults.len() == before {
            faults.push("there is no [[field]]".to_owned());
        }
        let personas = entries("persona", &mut doubts.personas, faults);
        let stages = entries("stage", &mut doubts.stages, faults);
        let experiments = entries("experiment", &mut doubts.experiments, faults);
        let (roles, risk) = (document.remove("roles"), document.remove("risk"));
        let head = Entry::new("schema", Value::Table(document));
        let head = WrittenHead::read(head, faults);
        let before = faults.len();
        let roles = WrittenRoles::read(roles, faults);
        doubts.roles |= faults.len() > before;
        Self {
            head,
            roles,
            risk: WrittenRisk::read(risk, faults),
            fields: read_each(fields, faults, WrittenField::read),
            personas: read_each(personas, faults, WrittenPersona::read),
            stages: read_each(stages, faults, WrittenPersona::read),
            experiments: read_each(experiments, faults, WrittenExperiment::read),
        }
    }
}

fn read_each<T>(
    entries: Vec<Entry>,
    faults: &mut Vec<String>,
    read: fn(Entry, &mut Vec<String>) -> T,
) -> Vec<T> {
    entries
        .into_iter()
        .map(|entry| read(entry, faults))
        .collect()
}

fn opened(bytes: &[u8]) -> Result<Schema<'_>, String> {
    Schema::open(bytes).map_err(|error| error.to_string())
}

/// A name for people, made of one for machines.
fn label_of(name: &str) -> String {
    sentence_case(&name.replace(['_', '-'], " "))
}

fn is_name(name: &str) -> bool {
    let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(shaped)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 64
}

fn is_id(name: &str) -> bool {
    let shaped = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    !name.is_empty() && name.bytes().all(shaped) && name.len() <= 64
}

/// What is compiled so far.
#[derive(Default)]
struct Compiler {
    faults: Vec<String>,
    doubts: Doubts,
    pool: Pool,
    fields: Vec<FieldRecord>,
    values: Vec<ValueRecord>,
    needs: Vec<NeedRecord>,
    names: Vec<NameRecord>,
    bins: Vec<f64>,
    dependents: Vec<u32>,
    conditions: Vec<Condition>,
    conjunctions: Vec<Span>,
    groups: Vec<GroupRecord>,
    personas: Vec<PersonaRecord>,
    levels: Vec<LevelRecord>,
    lists: Vec<Text>,
    experiments: Vec<ExperimentRecord>,
    arms: Vec<ArmRecord>,
}

/// The entries from one position to another.
fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        length: (end - start) as u32,
    }
}

impl Compiler {
    /// Compiles what is written; what is wrong with it becomes a fault.
    fn compile(&mut self, written: Written) -> AlignedBytes {
        let Written {
            head,
            roles,
            risk,
            mut fields,
            personas,
            stages,
            experiments,
        } = written;
        self.fields(&mut fields);
        self.names(&roles, &fields);
        self.head(&head);
        let before = self.faults.len();
        let positions = self.roles(&roles, &fields);
        self.doubts.roles |= self.faults.len() > before;
        self.risk(&risk);
        let mut record = self.head_record(&head, &roles, &positions, risk.will_churn, risk.alarms);
        // Conditions are read against the fields, so these are compiled first.
        let bytes = self.written(&record);
        match opened(&bytes) {
            Ok(schema) => {
                self.needs(&schema, &fields);
                self.rules(&schema, &personas, &stages);
                self.experiments(&schema, &experiments);
                record.personas = personas.len() as u32;
                self.lists(&schema, &head, &fields, &mut record);
            }
            Err(fault) => self.faults.push(fault),
        }
        self.written(&record)
    }

    fn fault(&mut self, entry: &str, detail: impl std::fmt::Display) {
        self.faults.push(format!("{entry}: {detail}"));
    }

    /// Refuses texts that are given and say nothing: they would leave gaps in sentences.
    fn no_blank<'t>(
        &mut self,
        entry: &str,
        texts: impl IntoIterator<Item = (&'static str, Option<&'t str>)>,
    ) {
        for (key, text) in texts {
            if text.is_some_and(|text| text.trim().is_empty()) {
                self.fault(entry, format_args!("`{key}` is empty; leave it out"));
            }
        }
    }

    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Span {
        let start = self.lists.len();
        for text in texts {
            let text = self.pool.add(text);
            self.lists.push(text);
        }
        span(start, self.lists.len())
    }

    fn written(&self, head: &Head) -> AlignedBytes {
        let mut writer = Writer::new(&FORMAT);
        writer.write(Section::Text as usize, self.pool.as_str().as_bytes());
        writer.write(Section::Head as usize, std::slice::from_ref(head));
        writer.write(Section::Fields as usize, &self.fields);
        writer.write(Section::Values as usize, &self.values);
        writer.write(Section::Needs as usize, &self.needs);
        writer.write(Section::Names as usize, &self.names);
        writer.write(Section::Bins as usize, &self.bins);
        writer.write(Section::Dependents as usize, &self.dependents);
        writer.write(Section::Conditions as usize, &self.conditions);
        writer.write(Section::Conjunctions as usize, &self.conjunctions);
        writer.write(Section::Groups as usize, &self.groups);
        writer.write(Section::Personas as usize, &self.personas);
        writer.write(Section::Levels as usize, &self.levels);
        writer.write(Section::Lists as usize, &self.lists);
        writer.write(Section::Experiments as usize, &self.experiments);
        writer.write(Section::Shares as usize, &self.arms);
        AlignedBytes::from(writer.finish().as_slice())
    }
}
