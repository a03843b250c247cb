//! What kind of file an input is and how it is read, found out from its beginning and a few places after it.

use crate::decode::{Compression, Decoder};
use crate::input::Open;
use crate::lines::{BYTE_ORDER_MARK, LONGEST_LINE, LineBreak, Lines};
use crate::table::{self, KeptColumn};
use engagetrack::{View, units};
#[cfg(feature = "parquet")]
use reader::RowGroup;
use reader::{
    Confirmed, Dialect, Evidence, Needed, Reading, Records, Table, TableError, Utf16, is_json,
    is_object, is_workbook, unread, windows_1252,
};
use schema::intake::Columns;
use schema::{FieldError, FieldErrors, Named, Schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Read};

/// First bytes from which it is decided how an input is read: all of it where it has no more.
const LOOKED_AT: usize = LONGEST_LINE;

/// Places after the first bytes at which an input is looked at, too, and bytes at each: in a file that is sorted, the beginning
/// has but some of the values of a column.
const PLACES: u64 = 16;
const LOOKED_AT_EACH: u64 = 16 << 10;

/// First bytes that tell how the later ones are delimited.
const HEAD: usize = 64 << 10;

/// Bytes of an input that must be held as a whole.
const MOST_HELD: u64 = 64 << 20;

/// Rows that are looked at for units that the training never saw.
const ROWS_OF_UNITS: usize = 1_000;

/// How customers are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CSV.
    Csv {
        /// What is between two cells.
        delimiter: u8,
        /// How many cells the header has.
        width: usize,
        /// Where in a record each column is that has a name.
        places: Vec<usize>,
    },
    /// A JSON object in each line.
    JsonLines,
    /// A Parquet file.
    #[cfg(feature = "parquet")]
    Parquet {
        /// Its row groups.
        groups: Vec<RowGroup>,
        /// The columns that have a name.
        places: Vec<usize>,
    },
    /// A table that can only be held as a whole: JSON of another shape, or a workbook.
    Document,
}

/// How text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16 in this order of bytes.
    Utf16(Utf16),
    /// Windows-1252.
    Windows1252 {
        /// Whether it was confirmed.
        is_confirmed: bool,
    },
}

/// How an input was read, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAs {
    /// How many rows it was decided from; the counts are of these.
    pub rows_looked_at: u64,
    /// What was read in another way than it was written.
    pub read_as: Vec<Evidence>,
    /// What was read and is perhaps not what was meant.
    pub warnings: Vec<Evidence>,
    /// What is wrong with most values of a column, a sentence each.
    pub faults: Vec<String>,
}

/// How an input is laid out and read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layout {
    /// How customers are written.
    pub format: Format,
    /// How all of it is compressed. All offsets are those of what comes out.
    pub compression: Option<Compression>,
    /// How its text is encoded. All offsets are those of UTF-8 where it is UTF-16.
    pub encoding: Encoding,
    /// What ends its lines, all of them.
    pub line_break: LineBreak,
    /// Where the first customer may be: after byte-order mark and header, in bytes.
    pub body: u64,
    /// The number of the line that is there; the first line is 1.
    pub body_line: u64,
    /// The readings that were confirmed.
    pub confirmed: Confirmed,
    /// Where the fields are in a row, and how their cells are read.
    pub columns: Columns,
    /// The columns that the results have too.
    pub kept: Vec<KeptColumn>,
    /// How it was read, in words.
    pub read_as: ReadAs,
}

/// Why an input can't be scored.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It could not be read.
    #[error("the input can't be read: {0}")]
    Read(io::Error),
    /// It is no table.
    #[error("the input {0}")]
    Table(#[from] TableError),
    /// Its first line has no end.
    #[error("the header is not CSV: {0}")]
    NotCsv(&'static str),
    /// It can't be held.
    #[error(
        "the input is more than 64 MiB of {0}, which must be held as a whole; write it as CSV or as lines of JSON"
    )]
    TooLarge(&'static str),
    /// Its columns are not those of customers.
    #[error("{}", listed(.0))]
    Columns(FieldErrors),
}

impl From<io::Error> for LayoutError {
    fn from(error: io::Error) -> Self {
        match error.downcast() {
            Ok(error) => Self::Table(error),
            Err(error) => Self::Read(error),
        }
    }
}

/// What is wrong, one thing after another.
pub(crate) fn listed(errors: &FieldErrors) -> String {
    let listed = errors.listed().iter();
    let mut sentences: Vec<String> = listed.map(|error| sentence(error, &error.detail)).collect();
    if errors.count() > sentences.len() {
        sentences.push(format!("and {} more", errors.count() - sentences.len()));
    }
    sentences.join("; ")
}

/// The name of the column that an error is of.
fn name_of(error: &FieldError) -> String {
    let name = error.pointer.trim_start_matches('/');
    name.replace("~1", "/").replace("~0", "~")
}

/// A sentence about the field of an error.
pub(crate) fn sentence(error: &FieldError, detail: &str) -> String {
    format!("{} {detail}", name_of(error))
        .trim_start()
        .to_owned()
}

/// The beginning of an input.
struct Beginning {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Layout {
    /// Finds out how an input is laid out and read. No more of it is read than its first mebibyte and, unless it is compressed
    /// or UTF-16, 16 places after it, unless it must be held as a whole.
    ///
    /// # Errors
    /// When it can't be scored: see [`LayoutError`].
    pub fn read(
        view: &View<'_>,
        input: &(impl Open + ?Sized),
        confirmed: &Confirmed,
    ) -> Result<Self, LayoutError> {
        let mut start = Vec::new();
        let first = input.open(0..input.size().min(512))?;
        first.take(512).read_to_end(&mut start)?;
        if is_workbook(&start) && cfg!(feature = "excel") {
            return Self::of_document(view, input, confirmed, None, "an Excel workbook");
        }
        #[cfg(feature = "parquet")]
        if start.starts_with(reader::PARQUET) {
            return Self::of_parquet(view, input, confirmed);
        }
        let compression = Compression::of(&start);
        if let (None, Some(what)) = (compression, unread(&start)) {
            return Err(TableError::Unread(what).into());
        }
        let mut decoder = Decoder::new(compression, None);
        let mut beginning = Beginning::of(decoder.open(input)?)?;
        if let Some(what) = unread(&beginning.bytes) {
            return Err(TableError::Unread(what).into());
        }
        decoder.utf16 = Utf16::of(&beginning.bytes);
        if decoder.utf16.is_some() {
            beginning = Beginning::of(decoder.open(input)?)?;
        }
        let can_be_cut = compression.is_none() && decoder.utf16.is_none();
        let later = || match can_be_cut && !beginning.is_whole {
            true => later(input),
            false => Ok(Vec::new()),
        };
        let text = String::from_utf8_lossy(beginning.without_mark());
        if is_json(&text) {
            if !is_lines(&text, beginning.is_whole) {
                return Self::of_document(view, input, confirmed, compression, "JSON");
            }
            return Self::of_json_lines(view, &beginning, &later()?, confirmed, decoder);
        }
        let later = later()?;
        Self::of_csv(view, beginning, &later, confirmed, decoder)
    }

    fn of_csv(
        view: &View<'_>,
        mut beginning: Beginning,
        later: &[Vec<u8>],
        confirmed: &Confirmed,
        decoder: Decoder,
    ) -> Result<Self, LayoutError> {
        let line_break = beginning.line_break()?;
        if !beginning.is_whole {
            let end = memchr::memrchr(line_break.byte(), &beginning.bytes);
            let end = end.ok_or(LayoutError::NotCsv(crate::records::TOO_LONG))?;
            beginning.bytes.truncate(end + 1);
        }
        let bytes = beginning.bytes.as_slice();
        let mark = bytes.len() - beginning.without_mark().len();
        let is_utf8 = std::str::from_utf8(bytes);
        let is_confirmed = confirmed.get("encoding") == Some("windows-1252");
        let encoding = match (decoder.utf16, is_utf8) {
            (Some(order), _) => Encoding::Utf16(order),
            // Letters that are not UTF-8 may follow.
            (None, Ok(text)) if !(is_confirmed && text.is_ascii()) => Encoding::Utf8,
            _ => Encoding::Windows1252 { is_confirmed },
        };
        let is_known = reader::is_known(&view.schema);
        let mut sample = bytes.to_vec();
        if !later.is_empty() {
            // Enough to tell which of the later lines are records.
            let head = memchr::memrchr(line_break.byte(), &bytes[..bytes.len().min(HEAD)]);
            let head = Table::read(
                &bytes[..head.map_or(0, |end| end + 1)],
                confirmed,
                &is_known,
            );
            if let Some(dialect) = head.as_ref().ok().and_then(Table::dialect) {
                let lines = later
                    .iter()
                    .flat_map(|bytes| whole_lines(bytes, line_break));
                let lines = lines.filter(|line| {
                    let quotes = memchr::memchr_iter(b'"', line).count();
                    quotes.is_multiple_of(2)
                        && (is_utf8.is_err() || std::str::from_utf8(line).is_ok())
                });
                let mut text = Vec::new();
                lines.for_each(|line| text.extend_from_slice(line));
                records_of(&text, dialect, &mut sample);
            }
        }
        let mut table = Table::read(&sample, confirmed, &is_known)?;
        if !beginning.is_whole {
            table = table.as_sample();
        }
        let Some(dialect) = table.dialect() else {
            return Err(TableError::Malformed("is no CSV".to_owned()).into());
        };
        let text: Cow<'_, str> = match is_utf8 {
            Ok(text) => Cow::Borrowed(&text[mark..]),
            Err(_) => Cow::Owned(letters(&bytes[mark..])),
        };
        let mut records = Records::new(&text, dialect.delimiter);
        for _ in 0..dialect.skipped {
            // One that is too wide is skipped like any other.
            let _ = records.next_record();
        }
        let above = &text[..records.offset()];
        let above = match is_utf8 {
            Ok(_) => above.len(),
            Err(_) => above.chars().count(),
        };
        let body = mark + above;
        let format = Format::Csv {
            delimiter: dialect.delimiter,
            width: dialect.header.len() + usize::from(dialect.has_row_names),
            places: table.places().to_vec(),
        };
        let found = Found::of(view, &table, confirmed, decoder)?;
        Ok(Self {
            format,
            compression: decoder.compression,
            encoding,
            line_break,
            body: body as u64,
            body_line: 1 + line_break.count(&bytes[..body]),
            confirmed: confirmed.clone(),
            columns: found.columns.at(table.places()),
            kept: (found.kept.into_iter())
                .map(|kept| kept.at(table.places()))
                .collect(),
            read_as: found.read_as,
        })
    }

    fn of_json_lines(
        view: &View<'_>,
        beginning: &Beginning,
        later: &[Vec<u8>],
        confirmed: &Confirmed,
        decoder: Decoder,
    ) -> Result<Self, LayoutError> {
        let line_break = beginning.line_break()?;
        let bytes = beginning.without_mark();
        let mut lines = bytes.split(|byte| *byte == line_break.byte());
        if !beginning.is_whole {
            // The last one perhaps goes on.
            lines.next_back();
        }
        let later = later
            .iter()
            .flat_map(|bytes| whole_lines(bytes, line_break));
        let mut objects = String::new();
        for line in lines.chain(later) {
            // A line that is none is rejected, and tells nothing of the others.
            if let Ok(line) = std::str::from_utf8(line)
                && is_object(line)
            {
                objects.push_str(line);
                objects.push('\n');
            }
        }
        let mut table = Table::of_json_lines(&objects, confirmed)?;
        if !beginning.is_whole {
            table = table.as_sample();
        }
        let found = Found::of(view, &table, confirmed, decoder)?;
        Ok(Self {
            format: Format::JsonLines,
            compression: decoder.compression,
            encoding: decoder.utf16.map_or(Encoding::Utf8, Encoding::Utf16),
            line_break,
            body: (beginning.bytes.len() - bytes.len()) as u64,
            body_line: 1,
            confirmed: confirmed.clone(),
            columns: found.columns,
            kept: found.kept,
            read_as: found.read_as,
        })
    }

    #[cfg(feature = "parquet")]
    fn of_parquet(
        view: &View<'_>,
        input: &(impl Open + ?Sized),
        confirmed: &Confirmed,
    ) -> Result<Self, LayoutError> {
        let file = crate::parquet::open(input)?;
        let table = Table::sample_of(&file, LOOKED_AT)?;
        let found = Found::of(view, &table, confirmed, Decoder::new(None, None))?;
        let places = table.places();
        Ok(Self {
            format: Format::Parquet {
                groups: file.row_groups().to_vec(),
                places: places.to_vec(),
            },
            compression: None,
            encoding: Encoding::Utf8,
            line_break: LineBreak::default(),
            body: 0,
            body_line: 1,
            confirmed: confirmed.clone(),
            columns: found.columns.at(places),
            kept: (found.kept.into_iter())
                .map(|kept| kept.at(places))
                .collect(),
            read_as: found.read_as,
        })
    }

    fn of_document(
        view: &View<'_>,
        input: &(impl Open + ?Sized),
        confirmed: &Confirmed,
        compression: Option<Compression>,
        what: &'static str,
    ) -> Result<Self, LayoutError> {
        let decoder = Decoder::new(compression, None);
        let bytes = held(input, decoder)?.ok_or(LayoutError::TooLarge(what))?;
        let table = Table::read(&bytes, confirmed, &reader::is_known(&view.schema))?;
        let found = Found::of(view, &table, confirmed, decoder)?;
        Ok(Self {
            format: Format::Document,
            compression,
            encoding: Encoding::Utf8,
            line_break: LineBreak::default(),
            body: 0,
            body_line: 1,
            confirmed: confirmed.clone(),
            columns: found.columns,
            kept: found.kept,
            read_as: found.read_as,
        })
    }

    /// Whether it can be cut by ranges of its bytes.
    pub fn can_be_cut(&self) -> bool {
        self.compression.is_none()
            && !matches!(self.encoding, Encoding::Utf16(_))
            && !matches!(self.format, Format::Document)
    }

    /// What makes text of it.
    pub(crate) fn decoder(&self) -> Decoder {
        let utf16 = match self.encoding {
            Encoding::Utf16(order) => Some(order),
            _ => None,
        };
        Decoder::new(self.compression, utf16)
    }
}

/// All bytes of an input that must be held as a whole; none where there are too many.
///
/// # Errors
/// Those of the reader.
pub(crate) fn held(
    input: &(impl Open + ?Sized),
    decoder: Decoder,
) -> Result<Option<Vec<u8>>, LayoutError> {
    if input.size() > MOST_HELD {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let reader = decoder.open(input)?;
    reader.take(MOST_HELD + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MOST_HELD))
}

/// What an input has at the places after its first bytes; the last is its end.
fn later(input: &(impl Open + ?Sized)) -> io::Result<Vec<Vec<u8>>> {
    let first = LOOKED_AT as u64;
    let rest = input.size().saturating_sub(first);
    let places = (1..=PLACES).map(|place| {
        let (before, end) = (rest * (place - 1) / PLACES, rest * place / PLACES);
        let start = before.max(end.saturating_sub(LOOKED_AT_EACH));
        let mut bytes = Vec::new();
        let reader = input.open(first + start..first + end)?;
        reader.take(LOOKED_AT_EACH).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    places.collect()
}

/// The lines of some bytes from the middle of an input, but the first and the last, which are perhaps parts of lines; with their
/// line breaks.
fn whole_lines(bytes: &[u8], line_break: LineBreak) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(line_break.byte(), bytes).map(|end| end + 1);
    let starts = ends.clone();
    (starts.zip(ends.skip(1))).map(|(start, end)| &bytes[start..end])
}

/// Adds those of some lines that are records of a file like this. A line from within quotes is none: it has another width.
fn records_of(lines: &[u8], dialect: &Dialect, sample: &mut Vec<u8>) {
    // Only delimiters and quotes matter, which are the same in any encoding.
    let plain = |byte: &u8| {
        if byte.is_ascii() {
            char::from(*byte)
        } else {
            '?'
        }
    };
    let text: String = lines.iter().map(plain).collect();
    let width = dialect.header.len() + usize::from(dialect.has_row_names);
    let mut records = Records::new(&text, dialect.delimiter);
    loop {
        let start = records.offset();
        let is_record = match records.next_record() {
            Ok(None) => break,
            Ok(Some(record)) => record.len() == width,
            Err(_) => false,
        };
        if is_record {
            sample.extend_from_slice(&lines[start..records.offset()]);
        }
    }
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| letter(*byte)).collect()
}

/// The character of a byte in Windows-1252.
pub(crate) fn letter(byte: u8) -> char {
    windows_1252(byte).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether JSON that begins like this is an object in each line: its first line is one, and more follows.
fn is_lines(text: &str, is_whole: bool) -> bool {
    let text = text.trim_start();
    match text.split_once(['\n', '\r']) {
        Some((first, rest)) => is_object(first) && (!is_whole || !rest.trim().is_empty()),
        None => false,
    }
}

impl Beginning {
    fn of(input: impl Read) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(64 << 10);
        input.take(LOOKED_AT as u64 + 1).read_to_end(&mut bytes)?;
        let is_whole = bytes.len() <= LOOKED_AT;
        Ok(Self { bytes, is_whole })
    }

    fn without_mark(&self) -> &[u8] {
        let bytes = self.bytes.as_slice();
        bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
    }

    fn line_break(&self) -> io::Result<LineBreak> {
        Lines::new(self.bytes.as_slice(), LineBreak::default(), 0).find_line_break()
    }
}

/// What is found out about a table.
struct Found {
    columns: Columns,
    kept: Vec<KeptColumn>,
    read_as: ReadAs,
}

impl Found {
    fn of(
        view: &View<'_>,
        table: &Table<'_>,
        confirmed: &Confirmed,
        decoder: Decoder,
    ) -> Result<Self, LayoutError> {
        let schema = &view.schema;
        let reading = Reading::of(schema, table, confirmed, Needed::ByModel);
        // Where most values of a column are wrong, the others can still be read.
        if reading.faults.count() > reading.of_values.count() {
            return Err(LayoutError::Columns(reading.faults));
        }
        refuse_what_is_no_value(schema, table, &reading.columns)?;
        let kept = match table.is_json() {
            true => Vec::new(),
            false => table::kept(&reading.columns).map_err(LayoutError::Columns)?,
        };
        let faults = reading.of_values.listed().iter();
        let mut read_as = ReadAs {
            rows_looked_at: reading.rows,
            read_as: decoder.evidence(),
            warnings: reading.warnings,
            faults: faults
                .map(|fault| format!("{}: {}", name_of(fault), fault.detail))
                .collect(),
        };
        read_as.read_as.extend(reading.evidence);
        let mut rows = Vec::new();
        let mut records = table.rows();
        for _ in 0..ROWS_OF_UNITS {
            let Some(row) = records.next_row() else {
                break;
            };
            let cell = |column| row.cell(column).map(Ok);
            let profile = (row.fault.is_none())
                .then(|| {
                    let mut errors = FieldErrors::default();
                    reading.columns.profile_in(schema, cell, &mut errors)
                })
                .flatten();
            if let Some(profile) = profile {
                view.model.push_row(profile.codes(), &mut rows);
            }
        }
        read_as.warnings.extend(units::warnings(view, &rows));
        Ok(Self {
            columns: reading.columns,
            kept,
            read_as,
        })
    }
}

/// Refuses JSON without a member that is a field, and arrays where a field's value should be.
fn refuse_what_is_no_value(
    schema: &Schema<'_>,
    table: &Table<'_>,
    columns: &Columns,
) -> Result<(), LayoutError> {
    if !table.is_json() {
        return Ok(());
    }
    let column = |field: usize| columns.column(Named::Field(field));
    let is_there = |field: usize| column(field).is_some() || columns.spread_over(field).is_some();
    // Where something is required, each row lacks it.
    let is_required = schema.fields().any(|field| field.required());
    if !is_required && !(0..schema.len()).any(is_there) {
        let named: Vec<&str> = schema.fields().take(3).map(|field| field.name()).collect();
        return Err(TableError::Malformed(format!(
            "has no member that is a field, such as {}",
            named.join(", ")
        ))
        .into());
    }
    let mut nested = (0..schema.len()).filter_map(column);
    match nested.find(|column| table.is_nested(*column)) {
        Some(column) => Err(LayoutError::Columns(FieldErrors::one(FieldError::new(
            columns.column_name(column),
            "has arrays where values are wanted",
        )))),
        None => Ok(()),
    }
}
