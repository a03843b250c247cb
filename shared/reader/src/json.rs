//! JSON: which shape a document has, and its records as rows of cells.

use crate::evidence::{Evidence, Uncertain};
use crate::header::{Names, may_be_known};
use crate::table::Cells;
use crate::{Confirmed, TableError};
use schema::Schema;
use schema::intake::{MOST_COLUMNS, Quoted};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

/// A document as a table.
pub(crate) struct JsonTable {
    pub columns: Vec<String>,
    pub cells: Cells,
    /// The columns in which some value is an array.
    pub nested: Vec<usize>,
    /// Whether it is an object that describes one row.
    pub is_single: bool,
}

/// Whether a text is JSON and no CSV.
pub fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let mut bytes = text.bytes();
    let first = bytes.next();
    let second = bytes.find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => matches!(second, Some(b'"' | b'}')),
        Some(b'[') => matches!(
            second,
            Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9' | b'n' | b't' | b'f' | b'N')
        ),
        _ => false,
    }
}

/// Bytes of JSON at most: a tape has room for the places of no more.
const LONGEST: usize = 1 << 29;

/// The values of a document, each before what it holds. One takes eight bytes, however it is written.
#[derive(Debug, Default)]
struct Tape {
    nodes: Vec<Packed>,
    text: String,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Null,
    /// A text, number or truth value as text.
    Scalar {
        start: usize,
        length: usize,
    },
    /// A member's name, before its value.
    Name {
        start: usize,
        length: usize,
    },
    /// An array or object, with the position after what it holds.
    Array {
        after: usize,
    },
    Object {
        after: usize,
    },
}

/// A node in three bits for its kind, 29 for a length and 32 for a place.
#[derive(Clone, Copy, Debug)]
struct Packed(u64);

impl Packed {
    fn new(node: Node) -> Self {
        let (kind, length, place) = match node {
            Node::Null => (0, 0, 0),
            Node::Scalar { start, length } => (1, length, start),
            Node::Name { start, length } => (2, length, start),
            Node::Array { after } => (3, 0, after),
            Node::Object { after } => (4, 0, after),
        };
        Self((kind << 61) | ((length as u64) << 32) | place as u64)
    }

    fn node(self) -> Node {
        let (length, place) = ((self.0 << 3 >> 35) as usize, self.0 as u32 as usize);
        match self.0 >> 61 {
            0 => Node::Null,
            1 => Node::Scalar {
                start: place,
                length,
            },
            2 => Node::Name {
                start: place,
                length,
            },
            3 => Node::Array { after: place },
            _ => Node::Object { after: place },
        }
    }
}

impl Tape {
    /// An empty tape with room for all of a text, so that it need not grow.
    fn with_room_for(text: &str) -> Self {
        let values = |byte: &u8| match byte {
            b',' | b'[' | b'{' | b':' => 1,
            _ => 0,
        };
        let most = 1 + text.as_bytes().iter().map(values).sum::<usize>();
        Self {
            // No value and its separator take less than two bytes.
            nodes: Vec::with_capacity(most.min(text.len() / 2 + 1)),
            text: String::new(),
        }
    }

    fn node(&self, position: usize) -> Node {
        self.nodes[position].node()
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(Packed::new(node));
    }

    fn add_text(&mut self, text: impl fmt::Display) -> (usize, usize) {
        use fmt::Write;
        let start = self.text.len();
        // A String takes whatever is written.
        let _ = write!(self.text, "{text}");
        (start, self.text.len() - start)
    }

    fn scalar(&mut self, text: impl fmt::Display) {
        let (start, length) = self.add_text(text);
        self.push(Node::Scalar { start, length });
    }

    fn after(&self, node: usize) -> usize {
        match self.node(node) {
            Node::Null | Node::Scalar { .. } => node + 1,
            Node::Name { .. } => self.after(node + 1),
            Node::Array { after } | Node::Object { after } => after,
        }
    }

    /// The elements of an array.
    fn elements(&self, node: usize) -> Walk<'_> {
        let end = self.after(node);
        Walk {
            tape: self,
            next: node + 1,
            end,
        }
    }

    /// Names and values of an object's members.
    fn members(&self, node: usize) -> impl Iterator<Item = (&str, usize)> {
        self.elements(node).map(|name| match self.node(name) {
            Node::Name { start, length } => (&self.text[start..start + length], name + 1),
            _ => ("", name),
        })
    }

    fn text(&self, node: usize) -> Option<&str> {
        match self.node(node) {
            Node::Scalar { start, length } => Some(&self.text[start..start + length]),
            _ => None,
        }
    }

    fn is_object(&self, node: usize) -> bool {
        matches!(self.node(node), Node::Object { .. })
    }

    fn is_array(&self, node: usize) -> bool {
        matches!(self.node(node), Node::Array { .. })
    }

    fn is_scalar(&self, node: usize) -> bool {
        matches!(self.node(node), Node::Null | Node::Scalar { .. })
    }

    /// Calls for each member of an object and of those in it, named by its path, that is no object.
    fn each_member<E>(
        &self,
        object: usize,
        path: &mut String,
        call: &mut impl FnMut(&str, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let length = path.len();
        for (name, value) in self.members(object) {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            match self.is_object(value) {
                true => self.each_member(value, path, call)?,
                false => call(path, value)?,
            }
            path.truncate(length);
        }
        Ok(())
    }

    fn member(&self, node: usize, wanted: &str) -> Option<usize> {
        let mut members = self.members(node);
        members
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    /// A value of several values as text, for a column that is not needed.
    fn written(&self, node: usize, out: &mut String) {
        match self.node(node) {
            Node::Null => out.push_str("null"),
            Node::Scalar { .. } => out.push_str(self.text(node).unwrap_or_default()),
            Node::Name { .. } => {}
            Node::Array { .. } => {
                out.push('[');
                for (index, element) in self.elements(node).enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    self.written(element, out);
                }
                out.push(']');
            }
            Node::Object { .. } => out.push_str("{…}"),
        }
    }
}

struct Walk<'t> {
    tape: &'t Tape,
    next: usize,
    end: usize,
}

impl Iterator for Walk<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let node = self.next;
        (node < self.end).then(|| {
            self.next = self.tape.after(node);
            node
        })
    }
}

/// Writes a value onto the tape.
struct OntoTape<'t>(&'t mut Tape);

impl<'de> DeserializeSeed<'de> for OntoTape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OntoTape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(Node::Null);
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.scalar(value);
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.scalar(value);
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.scalar(value);
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        match value.abs() {
            // Written out, it would have hundreds of digits.
            far if far >= 1e16 || far < 1e-5 && far > 0.0 => {
                self.0.scalar(format_args!("{value:e}"))
            }
            _ => self.0.scalar(value),
        }
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.scalar(value);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let node = self.0.nodes.len();
        self.0.push(Node::Array { after: 0 });
        while elements.next_element_seed(OntoTape(self.0))?.is_some() {}
        let after = self.0.nodes.len();
        self.0.nodes[node] = Packed::new(Node::Array { after });
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let node = self.0.nodes.len();
        self.0.push(Node::Object { after: 0 });
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let (start, length) = self.0.add_text(name);
            self.0.push(Node::Name { start, length });
            members.next_value_seed(OntoTape(self.0))?;
        }
        let after = self.0.nodes.len();
        self.0.nodes[node] = Packed::new(Node::Object { after });
        Ok(())
    }
}

/// JSON in which Python's `NaN` and `Infinity` are JSON, and what was read so.
pub fn without_literals_of_python(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<Evidence>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (Cow::Borrowed(bytes), None);
    };
    let (text, count) = without_python_literals(text);
    let bytes = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    (bytes, literals(count))
}

fn literals(count: u64) -> Option<Evidence> {
    (count > 0).then(|| Evidence::of_input("NaN is missing", count))
}

/// A text in which Python's `NaN` and `Infinity` are JSON, and how many there were.
fn without_python_literals(text: &str) -> (Cow<'_, str>, u64) {
    let bytes = text.as_bytes();
    if memchr::memmem::find(bytes, b"NaN").is_none()
        && memchr::memmem::find(bytes, b"Infinity").is_none()
    {
        return (Cow::Borrowed(text), 0);
    }
    let (mut out, mut copied, mut count) = (String::with_capacity(text.len() + 64), 0, 0);
    let (mut position, mut quoted) = (0, false);
    while position < bytes.len() {
        let literal = [
            ("NaN", "null"),
            ("-Infinity", "\"-Infinity\""),
            ("Infinity", "\"Infinity\""),
        ];
        let found = match bytes[position] {
            b'\\' if quoted => {
                position += 2;
                continue;
            }
            b'"' => {
                quoted = !quoted;
                None
            }
            b'N' | b'-' | b'I' if !quoted => {
                let literal = literal.into_iter();
                literal
                    .into_iter()
                    .find(|(python, _)| bytes[position..].starts_with(python.as_bytes()))
            }
            _ => None,
        };
        match found {
            Some((python, json)) => {
                out.push_str(&text[copied..position]);
                out.push_str(json);
                position += python.len();
                copied = position;
                count += 1;
            }
            None => position += 1,
        }
    }
    out.push_str(&text[copied..]);
    (Cow::Owned(out), count)
}

/// The table in a document, or in lines that are known to hold an object each.
///
/// # Errors
/// Text that is no JSON, a document of another shape, and one with two plausible shapes.
pub(crate) fn read(
    text: &str,
    confirmed: &Confirmed,
    is_known: &dyn Fn(&str) -> bool,
    evidence: &mut Vec<Evidence>,
    is_lines: bool,
) -> Result<JsonTable, TableError> {
    let (text, count) = without_python_literals(text);
    evidence.extend(literals(count));
    if text.len() >= LONGEST {
        return malformed("is JSON of more than 512 MiB; write it as CSV");
    }
    let mut tape = Tape::with_room_for(&text);
    let mut roots = vec![0];
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let not_json = |error| TableError::Malformed(format!("is not JSON: {error}"));
    if !is_lines {
        OntoTape(&mut tape)
            .deserialize(&mut deserializer)
            .map_err(not_json)?;
    }
    if is_lines || deserializer.end().is_err() {
        tape.nodes.clear();
        tape.text.clear();
        roots = lines(&text, &mut tape)?;
    }
    let mut found = Found {
        tape: &tape,
        confirmed,
        is_known,
        table: Building::for_document(&text, tape.nodes.len()),
    };
    let (orient, is_single) = match roots.as_slice() {
        [root] if !is_lines && tape.is_array(*root) => (found.array(*root)?, false),
        [root] if !is_lines && tape.is_object(*root) => found.object(*root)?,
        roots if roots.iter().all(|root| tape.is_object(*root)) => {
            found.records(roots.iter().copied())?;
            (Some("lines"), false)
        }
        _ => {
            return Err(TableError::Malformed(
                "is JSON, but no object, array of objects or lines of objects".to_owned(),
            ));
        }
    };
    let Building {
        columns,
        cells,
        nested,
        ..
    } = found.table;
    if let Some(orient) = orient {
        evidence.push(Evidence::of_input(
            format!("orient: {orient}"),
            cells.len() as u64,
        ));
    }
    Ok(JsonTable {
        columns,
        cells,
        nested,
        is_single,
    })
}

/// Where on the tape each line of a text begins, blank ones left out.
fn lines(text: &str, tape: &mut Tape) -> Result<Vec<usize>, TableError> {
    let mut roots = Vec::new();
    for (index, line) in text.split(['\n', '\r']).enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        roots.push(tape.nodes.len());
        if roots.len() > (text.len() / SHORTEST_ROW).max(FEW_CELLS) {
            return malformed(TOO_MANY);
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let read = OntoTape(tape)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        read.map_err(|error| {
            TableError::Malformed(format!("is not JSON in line {}: {error}", index + 1))
        })?;
    }
    Ok(roots)
}

/// A table while its records are found.
struct Found<'t> {
    tape: &'t Tape,
    confirmed: &'t Confirmed,
    is_known: &'t dyn Fn(&str) -> bool,
    table: Building,
}

#[derive(Default)]
struct Building {
    columns: Vec<String>,
    by_name: HashMap<String, usize>,
    cells: Cells,
    /// Cells that there may be, so that they take no more memory than the document.
    most_cells: usize,
    most_rows: usize,
    nested: Vec<usize>,
}

/// Bytes of JSON for each of its cells, at least: `"Yes",` in an array is six.
const SHORTEST_CELL: usize = 6;

/// Bytes of JSON for each of its rows, at least.
const SHORTEST_ROW: usize = 24;

/// Bytes of a name at most, its path included.
const LONGEST_NAME: usize = 1_000;

/// Cells and rows that there may be, however short they are.
const FEW_CELLS: usize = 1_000;

const TOO_MANY: &str = "is JSON of more values than a table of its size has; send CSV";

impl Building {
    fn for_document(text: &str, values: usize) -> Self {
        let most_cells = (text.len() / SHORTEST_CELL).max(FEW_CELLS);
        Self {
            cells: Cells::with_room(most_cells.min(values)),
            most_cells,
            most_rows: (text.len() / SHORTEST_ROW).max(FEW_CELLS),
            ..Self::default()
        }
    }

    fn column(&mut self, name: &str) -> Result<usize, TableError> {
        if let Some(column) = self.by_name.get(name) {
            return Ok(*column);
        }
        if name.len() > LONGEST_NAME {
            return malformed("has a member whose name is too long");
        }
        if self.columns.len() == MOST_COLUMNS {
            return Err(TableError::Malformed(format!(
                "has members of more than {MOST_COLUMNS} names"
            )));
        }
        self.columns.push(name.to_owned());
        self.by_name.insert(name.to_owned(), self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }

    fn end_row(&mut self) -> Result<(), TableError> {
        self.cells.end_row();
        match self.cells.len() <= self.most_rows {
            true => Ok(()),
            false => malformed(TOO_MANY),
        }
    }

    fn push(&mut self, column: usize, tape: &Tape, node: usize) -> Result<(), TableError> {
        match tape.text(node) {
            Some(text) => self.cells.push(column, text),
            None if tape.is_scalar(node) => self.cells.push(column, ""),
            None => {
                if !self.nested.contains(&column) {
                    self.nested.push(column);
                }
                let mut text = String::new();
                tape.written(node, &mut text);
                self.cells.push(column, &text);
            }
        }
        match self.cells.count() <= self.most_cells {
            true => Ok(()),
            false => malformed(TOO_MANY),
        }
    }
}

/// Reads objects one at a time as rows of a table of which the first are known.
pub struct Objects<'w> {
    names: Names<'w>,
    /// The columns, and whether each is one of which a value may be needed.
    columns: HashMap<String, (usize, bool)>,
    /// Members that are no column and can't be needed.
    ignored: HashSet<String>,
    tape: Tape,
    /// Where in the tape's text each column's cell is.
    bounds: Vec<Range<usize>>,
}

/// Where a cell is that is nowhere.
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// Members that no row of the beginning has, and that are kept in mind.
const MOST_IGNORED: usize = 10_000;

impl<'w> Objects<'w> {
    /// A reader of objects with these columns, of which some are needed.
    pub fn new<'n>(
        schema: &Schema<'w>,
        columns: impl Iterator<Item = &'n str>,
        is_needed: impl Fn(usize) -> bool,
    ) -> Self {
        let columns = columns.enumerate();
        Self {
            names: Names::of(*schema),
            columns: columns
                .map(|(column, name)| (name.to_owned(), (column, is_needed(column))))
                .collect(),
            ignored: HashSet::new(),
            tape: Tape::default(),
            bounds: Vec::new(),
        }
    }

    /// Reads the object in a text. Its cells follow from [`Self::text`] and [`Self::bounds`].
    ///
    /// # Errors
    /// What is wrong with it, and the same without what was found.
    pub fn read(&mut self, text: &str) -> Result<(), (String, &'static str)> {
        const NOT_JSON: &str = "is not JSON";
        const TWICE: &str = "has two members of the same name";
        const NO_VALUE: &str = "has an array where a value is wanted";
        const LATE: &str = "has a member that none of the rows looked at has";
        let (text, _) = without_python_literals(text);
        self.tape.nodes.clear();
        self.tape.text.clear();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let read = OntoTape(&mut self.tape)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        read.map_err(|error| (format!("{NOT_JSON}: {error}"), NOT_JSON))?;
        if !self.tape.is_object(0) {
            let detail = "must be a profile, a JSON object";
            return Err((detail.to_owned(), detail));
        }
        self.bounds.clear();
        self.bounds.resize(self.columns.len(), NOWHERE);
        let Self {
            names,
            columns,
            ignored,
            tape,
            bounds,
        } = self;
        tape.each_member(0, &mut String::new(), &mut |path, value| {
            let path = path.trim_start_matches('\u{feff}').trim();
            let Some((column, is_needed)) = columns.get(path) else {
                if ignored.contains(path) {
                    return Ok(());
                }
                if may_be_known(names, path) {
                    return Err((
                        format!("has {}, which none of the rows looked at has", Quoted(path)),
                        LATE,
                    ));
                }
                if ignored.len() < MOST_IGNORED {
                    ignored.insert(path.to_owned());
                }
                return Ok(());
            };
            let place = match tape.node(value) {
                Node::Scalar { start, length } => start..start + length,
                Node::Null => 0..0,
                _ if *is_needed => {
                    return Err((format!("{path} must be a value, got an array"), NO_VALUE));
                }
                _ => 0..0,
            };
            match std::mem::replace(&mut bounds[*column], place) {
                NOWHERE => Ok(()),
                _ => Err((TWICE.to_owned(), TWICE)),
            }
        })
    }

    /// The text in which the cells are of the object that was read last.
    pub fn text(&self) -> &str {
        &self.tape.text
    }

    /// Where in the text each column's cell is; beyond its end where there is none.
    pub fn bounds(&self) -> &[Range<usize>] {
        &self.bounds
    }
}

/// Whether a text is a JSON object.
pub fn is_object(text: &str) -> bool {
    let (text, _) = without_python_literals(text.trim());
    text.starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok()
}

fn malformed<T>(why: &str) -> Result<T, TableError> {
    Err(TableError::Malformed(why.to_owned()))
}

impl Found<'_> {
    /// The records of an array, and what its shape is called where it is not the plain one.
    fn array(&mut self, root: usize) -> Result<Option<&'static str>, TableError> {
        let tape = self.tape;
        if tape.elements(root).all(|element| tape.is_object(element)) {
            self.records(tape.elements(root))?;
            return Ok(None);
        }
        if !tape.elements(root).all(|element| tape.is_array(element)) {
            return malformed("is a JSON array in which not every element is an object");
        }
        let mut rows = tape.elements(root);
        let header = rows.next().unwrap_or(root);
        let names = |node: usize| tape.text(node).filter(|name| name.parse::<f64>().is_err());
        if !tape.elements(header).all(|cell| names(cell).is_some()) {
            return malformed(
                "is a JSON array of arrays without a header; add one, or send objects",
            );
        }
        self.lists(header, rows)?;
        Ok(Some("values"))
    }

    /// Rows as arrays, under a header that is one.
    fn lists(&mut self, header: usize, rows: Walk<'_>) -> Result<(), TableError> {
        let tape = self.tape;
        let mut columns = Vec::new();
        for name in tape.elements(header) {
            columns.push(self.table.column(tape.text(name).unwrap_or_default())?);
        }
        if columns.len() != self.table.columns.len() {
            return malformed("names a column twice");
        }
        for (index, row) in rows.enumerate() {
            if !tape.is_array(row) || tape.elements(row).count() != columns.len() {
                return Err(TableError::Malformed(format!(
                    "is JSON in which row {index} has not the {} cells of the header",
                    columns.len()
                )));
            }
            for (column, cell) in columns.iter().zip(tape.elements(row)) {
                self.table.push(*column, tape, cell)?;
            }
            self.table.end_row()?;
        }
        Ok(())
    }

    /// One row per object.
    fn records(&mut self, objects: impl Iterator<Item = usize>) -> Result<(), TableError> {
        for object in objects {
            self.flatten(object, "")?;
            self.table.end_row()?;
        }
        Ok(())
    }

    /// The members of an object and of those in it, named by their paths.
    fn flatten(&mut self, object: usize, path: &str) -> Result<(), TableError> {
        let tape = self.tape;
        for (name, value) in tape.members(object) {
            if path.len() + name.len() > LONGEST_NAME {
                return malformed("has a member whose name is too long");
            }
            let path: Cow<'_, str> = match path {
                "" => Cow::Borrowed(name),
                _ => Cow::Owned(format!("{path}.{name}")),
            };
            if tape.is_object(value) {
                self.flatten(value, &path)?;
            } else {
                let column = self.table.column(&path)?;
                self.table.push(column, tape, value)?;
            }
        }
        Ok(())
    }

    /// The rows of an object, what its shape is called, and whether it is a single record.
    fn object(&mut self, root: usize) -> Result<(Option<&'static str>, bool), TableError> {
        let tape = self.tape;
        let member = |name| tape.member(root, name);
        if let (Some(header), Some(rows)) = (member("columns"), member("data"))
            && tape.is_array(header)
            && tape.is_array(rows)
        {
            self.lists(header, tape.elements(rows))?;
            return Ok((Some("split"), false));
        }
        if let (Some(described), Some(rows)) = (member("schema"), member("data"))
            && tape.is_object(described)
            && tape.is_array(rows)
        {
            return self.wrapped(rows, "table");
        }
        if let Some(rows) = self.enveloped(root) {
            return self.wrapped(rows, "records");
        }
        let values: Vec<usize> = tape.members(root).map(|(_, value)| value).collect();
        if !values.is_empty() && values.iter().all(|value| tape.is_array(*value)) {
            return self.columns_of_lists(root);
        }
        match self.is_of_columns(root, &values)? {
            Some(true) => self.columns_of_objects(root)?,
            Some(false) => {
                for (name, row) in tape.members(root) {
                    // A number is where the row was, a text is what it is called.
                    if name.parse::<f64>().is_err() {
                        let index = self.table.column("index")?;
                        self.table.cells.push(index, name);
                    }
                    self.flatten(row, "")?;
                    self.table.end_row()?;
                }
                return Ok((Some("index"), false));
            }
            None => {
                self.records([root].into_iter())?;
                return Ok((None, true));
            }
        }
        Ok((Some("columns"), false))
    }

    /// The only array of objects in an object that says nothing of a customer itself, as the answers of many services: beside
    /// counts and pages, or in another object.
    fn enveloped(&self, root: usize) -> Option<usize> {
        let tape = self.tape;
        let of_objects = |node: usize| {
            let first = tape.elements(node).next();
            tape.is_array(node) && first.is_some_and(|first| tape.is_object(first))
        };
        let (mut arrays, mut objects) = (Vec::new(), Vec::new());
        for (name, value) in tape.members(root) {
            match () {
                () if (self.is_known)(name) => return None,
                () if of_objects(value) => arrays.push(value),
                () if tape.is_object(value) => objects.push(value),
                () => {}
            }
        }
        match (arrays.as_slice(), objects.as_slice()) {
            ([rows], _) => Some(*rows),
            ([], [object]) => self.enveloped(*object),
            _ => None,
        }
    }

    fn wrapped(
        &mut self,
        rows: usize,
        orient: &'static str,
    ) -> Result<(Option<&'static str>, bool), TableError> {
        let tape = self.tape;
        if !tape.elements(rows).all(|row| tape.is_object(row)) {
            return malformed("is a JSON table in which not every row is an object");
        }
        self.records(tape.elements(rows))?;
        Ok((Some(orient), false))
    }

    /// Whether an object of objects holds columns (true) or rows (false); none where it is a record of its own.
    fn is_of_columns(&self, root: usize, values: &[usize]) -> Result<Option<bool>, TableError> {
        let tape = self.tape;
        let Some(first) = values.first() else {
            return Ok(None);
        };
        if !values.iter().all(|value| tape.is_object(*value)) {
            return Ok(None);
        }
        let inner = || tape.members(*first).map(|(name, _)| name);
        let same = |value: &usize| {
            let mut names = inner();
            let mut members = tape.members(*value);
            let all = names.by_ref().all(|name| {
                let member = members.next();
                member.is_some_and(|(other, value)| other == name && tape.is_scalar(value))
            });
            all && members.next().is_none()
        };
        if inner().next().is_none() || !values.iter().all(same) {
            return Ok(None);
        }
        let is_number = |name: &str| name.parse::<u64>().is_ok();
        let outer = || tape.members(root).map(|(name, _)| name);
        let (numbers_outside, numbers_inside) = (outer().all(is_number), inner().all(is_number));
        let known = |names: &mut dyn Iterator<Item = &str>| {
            names.filter(|name| (self.is_known)(name)).count()
        };
        let (known_outside, known_inside) = (known(&mut outer()), known(&mut inner()));
        Ok(
            match (
                numbers_outside,
                numbers_inside,
                self.confirmed.get("orient"),
            ) {
                (_, _, Some("columns")) => Some(true),
                (_, _, Some("index")) => Some(false),
                (false, true, _) => Some(true),
                (true, false, _) => Some(false),
                // One object in another is a record.
                _ if values.len() == 1 => None,
                _ if known_outside > known_inside => Some(true),
                _ if known_inside > known_outside => Some(false),
                _ => {
                    return Err(TableError::Uncertain(Uncertain {
                        column: None,
                        detail: "is a JSON object of objects, whose members may be columns or rows"
                            .to_owned(),
                        key: "orient".to_owned(),
                        values: ["columns", "index"].map(str::to_owned).to_vec(),
                    }));
                }
            },
        )
    }

    /// Columns as objects, of which each has the rows' names.
    fn columns_of_objects(&mut self, root: usize) -> Result<(), TableError> {
        let tape = self.tape;
        let mut members = Vec::new();
        for (name, column) in tape.members(root) {
            members.push((self.table.column(name)?, tape.elements(column)));
        }
        loop {
            let mut is_row = false;
            for (column, cells) in &mut members {
                if let Some(name) = cells.next() {
                    is_row = true;
                    self.table.push(*column, tape, name + 1)?;
                }
            }
            if !is_row {
                return Ok(());
            }
            self.table.end_row()?;
        }
    }

    /// Columns as arrays.
    fn columns_of_lists(
        &mut self,
        root: usize,
    ) -> Result<(Option<&'static str>, bool), TableError> {
        let tape = self.tape;
        let mut members = Vec::new();
        for (name, column) in tape.members(root) {
            members.push((self.table.column(name)?, tape.elements(column)));
        }
        loop {
            let cells: Vec<Option<usize>> =
                members.iter_mut().map(|(_, cells)| cells.next()).collect();
            if cells.iter().all(Option::is_none) {
                return Ok((Some("list"), false));
            }
            for ((column, _), cell) in members.iter().zip(cells) {
                let Some(cell) = cell else {
                    return malformed("is JSON whose columns are not all as long as each other");
                };
                self.table.push(*column, tape, cell)?;
            }
            self.table.end_row()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Confirmed, Table, TableError};

    fn read(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>), TableError> {
        let table = Table::read(text.as_bytes(), &Confirmed::default(), &|_| false)?;
        let mut all = Vec::new();
        let mut rows = table.rows();
        while let Some(row) = rows.next_row() {
            all.push(
                row.cells()
                    .map(|cell| cell.unwrap_or_default().to_owned())
                    .collect(),
            );
        }
        Ok((table.columns().to_vec(), all))
    }

    #[test]
    fn shapes_of_one_table_are_read_alike() {
        let expected = read("id,a,b\nx,1,yes\ny,2.5,\n").unwrap();
        for text in [
            r#"[{"id":"x","a":1,"b":"yes"},{"id":"y","a":2.5,"b":null}]"#,
            "{\"id\":\"x\",\"a\":1,\"b\":\"yes\"}\n{\"id\":\"y\",\"a\":2.5,\"b\":NaN}\n",
            r#"{"id":{"0":"x","1":"y"},"a":{"0":1,"1":2.5},"b":{"0":"yes","1":null}}"#,
            r#"{"0":{"id":"x","a":1,"b":"yes"},"1":{"id":"y","a":2.5,"b":null}}"#,
            r#"{"columns":["id","a","b"],"index":[0,1],"data":[["x",1,"yes"],["y",2.5,null]]}"#,
            r#"[["id","a","b"],["x",1,"yes"],["y",2.5,null]]"#,
            r#"{"schema":{"fields":[]},"data":[{"id":"x","a":1,"b":"yes"},{"id":"y","a":2.5,"b":null}]}"#,
            r#"{"data":[{"id":"x","a":1,"b":"yes"},{"id":"y","a":2.5,"b":null}]}"#,
            r#"{"id":["x","y"],"a":[1,2.5],"b":["yes",null]}"#,
        ] {
            assert_eq!(read(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn objects_within_a_record_are_flattened() {
        let (columns, rows) = read(r#"[{"a":{"b":{"c":1}},"d":[1,"x"]}]"#).unwrap();
        assert_eq!(columns, ["a.b.c", "d"]);
        assert_eq!(rows, [["1", "[1,x]"]]);
    }

    #[test]
    fn literals_of_python_are_read_outside_of_texts_only() {
        let (_, rows) = read(r#"[{"a":NaN,"b":"NaN \" NaN","c":-Infinity}]"#).unwrap();
        assert_eq!(rows, [["", "NaN \" NaN", "-Infinity"]]);
    }

    #[test]
    fn an_object_of_objects_that_may_be_either_is_refused() {
        let text = r#"{"x":{"a":1,"b":2},"y":{"a":3,"b":4}}"#;
        let Err(TableError::Uncertain(uncertain)) = read(text) else {
            panic!("{:?}", read(text));
        };
        assert!(
            uncertain
                .to_string()
                .ends_with("confirm with read=orient:columns or read=orient:index")
        );
        let confirmed = Confirmed::parse("orient:index").unwrap();
        let table = Table::read(text.as_bytes(), &confirmed, &|_| false).unwrap();
        assert_eq!(table.columns(), ["index", "a", "b"]);
    }

    #[test]
    fn long_numbers_take_little_memory() {
        let (_, rows) =
            read(r#"[{"a":1e300,"b":1e-300,"c":0.1,"d":18446744073709551616}]"#).unwrap();
        assert!(rows[0].iter().all(|cell| cell.len() < 30), "{rows:?}");
    }
}
