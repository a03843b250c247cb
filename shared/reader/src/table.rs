//! A table of text cells, whatever it was read from.

#[cfg(feature = "parquet")]
use crate::Parquet;
use crate::csv::{Dialect, Record, Records};
use crate::evidence::{Evidence, Uncertain};
use crate::fold::folded;
use crate::{Confirmed, json, text};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Names that some programs give to a column of row numbers.
const INDEX_NAMES: [&str; 3] = ["Unnamed: 0", "Unnamed: 0.1", "__index_level_0__"];

/// What spreadsheets call a row that sums up the others.
const TOTALS: [&str; 10] = [
    "total",
    "totals",
    "grandtotal",
    "subtotal",
    "sum",
    "summe",
    "gesamt",
    "average",
    "mean",
    "totalgeneral",
];

/// Columns with names, and rows of text cells.
///
/// Rows are read again each time that they are asked for, so that a table takes no more memory than what it was read from.
#[derive(Debug)]
pub struct Table<'b> {
    /// The names of the columns that are kept.
    columns: Vec<String>,
    /// Where in a record each of them is.
    places: Vec<usize>,
    source: Source<'b>,
    evidence: Vec<Evidence>,
    is_json: bool,
    is_single: bool,
    /// Whether there are further rows that are none of this table.
    is_sample: bool,
    /// The places at which some value is an array.
    nested: Vec<usize>,
    /// Whether the values at each place are numbers and no texts; empty where texts may be anywhere.
    numbers: Vec<bool>,
}

#[derive(Debug)]
enum Source<'b> {
    Csv {
        text: Cow<'b, str>,
        dialect: Dialect,
    },
    Cells(Cells),
}

/// Rows of cells in memory, as JSON has them. A cell takes six bytes beside its text.
#[derive(Debug, Default)]
pub struct Cells {
    text: String,
    /// The column of each cell, and where its text ends; it begins where the one before it ends.
    columns: Vec<u16>,
    ends: Vec<u32>,
    /// How many cells there are up to the end of each row.
    rows: Vec<u32>,
}

/// Why bytes are no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// A file of another kind; what it is, and what to do.
    Unread(&'static str),
    /// It makes no sense from somewhere on; where and why.
    Malformed(String),
    /// There are two plausible readings.
    Uncertain(Uncertain),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(what) => f.write_str(what),
            Self::Malformed(why) => f.write_str(why),
            Self::Uncertain(uncertain) => uncertain.fmt(f),
        }
    }
}

impl std::error::Error for TableError {}

impl<'b> Table<'b> {
    /// The table in a file of any supported kind. `is_known` says of a name whether a column with it is expected; it decides
    /// where two readings are plausible.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn read(
        bytes: &'b [u8],
        confirmed: &Confirmed,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<Self, TableError> {
        let mut evidence = Vec::new();
        #[cfg(feature = "parquet")]
        if bytes.starts_with(text::PARQUET) {
            let file = Parquet::open(bytes::Bytes::copy_from_slice(bytes))?;
            return Self::sample_of(&file, usize::MAX);
        }
        #[cfg(feature = "excel")]
        if text::is_workbook(bytes) {
            let text = crate::excel::as_csv(bytes, confirmed, is_known, &mut evidence)?;
            let confirmed = confirmed.with("delimiter", "comma");
            return Self::of_text(Cow::Owned(text), &confirmed, is_known, evidence);
        }
        #[cfg(feature = "compressed")]
        if let Some(decompressed) = text::decompressed(bytes, &mut evidence)? {
            if let Some(what) = text::unread(&decompressed) {
                return Err(TableError::Unread(what));
            }
            let text = text::decoded(&decompressed, confirmed, &mut evidence)?.into_owned();
            return Self::of_text(Cow::Owned(text), confirmed, is_known, evidence);
        }
        if let Some(what) = text::unread(bytes) {
            return Err(TableError::Unread(what));
        }
        let text = text::decoded(bytes, confirmed, &mut evidence)?;
        Self::of_text(text, confirmed, is_known, evidence)
    }

    /// The table in lines of which each is a JSON object, and be it a single one.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn of_json_lines(text: &str, confirmed: &Confirmed) -> Result<Self, TableError> {
        Self::of_json(text, confirmed, &|_| false, Vec::new(), true)
    }

    fn of_json(
        text: &str,
        confirmed: &Confirmed,
        is_known: &dyn Fn(&str) -> bool,
        mut evidence: Vec<Evidence>,
        is_lines: bool,
    ) -> Result<Self, TableError> {
        let json = json::read(text, confirmed, is_known, &mut evidence, is_lines)?;
        let mut table = Self::of_cells(json.columns, json.cells, evidence);
        table.is_json = true;
        table.is_single = json.is_single;
        table.nested = json.nested;
        Ok(table)
    }

    fn of_text(
        text: Cow<'b, str>,
        confirmed: &Confirmed,
        is_known: &dyn Fn(&str) -> bool,
        mut evidence: Vec<Evidence>,
    ) -> Result<Self, TableError> {
        if json::is_json(&text) {
            return Self::of_json(&text, confirmed, is_known, evidence, false);
        }
        let dialect = Dialect::of(&text, confirmed, is_known, &mut evidence)?;
        let offset = usize::from(dialect.has_row_names);
        let mut table = Self {
            columns: Vec::new(),
            places: Vec::new(),
            source: Source::Cells(Cells::default()),
            evidence,
            is_json: false,
            is_single: false,
            is_sample: false,
            nested: Vec::new(),
            numbers: Vec::new(),
        };
        if dialect.has_row_names {
            table.skip(0, "has no name");
        }
        for (column, name) in dialect.header.iter().enumerate() {
            table.add(name, column + offset);
        }
        table.source = Source::Csv { text, dialect };
        Ok(table)
    }

    /// A table of cells in memory: for whatever reads them from elsewhere, such as a workbook.
    pub fn of_cells(columns: Vec<String>, cells: Cells, evidence: Vec<Evidence>) -> Self {
        let mut table = Self {
            columns: Vec::new(),
            places: Vec::new(),
            source: Source::Cells(cells),
            evidence,
            is_json: false,
            is_single: false,
            is_sample: false,
            nested: Vec::new(),
            numbers: Vec::new(),
        };
        for (column, name) in columns.iter().enumerate() {
            table.add(name, column);
        }
        table
    }

    /// The table of some rows of a Parquet file: see [`Parquet::sample`].
    ///
    /// # Errors
    /// A damaged file.
    #[cfg(feature = "parquet")]
    pub fn sample_of(file: &Parquet, bytes: usize) -> Result<Self, TableError> {
        let cells = file.sample(bytes)?;
        let is_sample = (cells.len() as u64) < file.rows();
        let mut table = Self::of_cells(file.names().to_vec(), cells, Vec::new());
        table.is_sample = is_sample;
        table.numbers = file.numbers().to_vec();
        Ok(table)
    }

    /// Adds a column, unless it has no name or the name of an index.
    fn add(&mut self, name: &str, place: usize) {
        let name = name.trim_start_matches('\u{feff}').trim();
        if name.is_empty() {
            self.skip(place, "has no name");
        } else if INDEX_NAMES.contains(&name) {
            self.skip(place, "is an index");
        } else {
            self.columns.push(name.to_owned());
            self.places.push(place);
        }
    }

    fn skip(&mut self, place: usize, why: &str) {
        let reading = format!("column {} {why} and is skipped", place + 1);
        self.evidence.push(Evidence::of_input(reading, 1));
    }

    /// The names of the columns, without blanks at their ends.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where in a record each of the columns is: for whatever reads the records by itself, such as shards of a file of which
    /// this is the beginning.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// How its text is delimited; none where its cells are in memory.
    pub fn dialect(&self) -> Option<&Dialect> {
        match &self.source {
            Source::Csv { dialect, .. } => Some(dialect),
            Source::Cells(_) => None,
        }
    }

    /// The same table as a sample of one whose other rows are read elsewhere. Its reading says what to make of those, too.
    pub fn as_sample(mut self) -> Self {
        self.is_sample = true;
        self
    }

    /// Whether there are further rows that are none of this table.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// What was detected.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Whether it was JSON.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether the cells of this column are numbers and no texts.
    pub(crate) fn is_number(&self, column: usize) -> bool {
        let place = self.places.get(column);
        place.is_some_and(|place| self.numbers.get(*place) == Some(&true))
    }

    /// Whether some value in this column is an array.
    pub fn is_nested(&self, column: usize) -> bool {
        self.places
            .get(column)
            .is_some_and(|place| self.nested.contains(place))
    }

    /// Whether it is a single JSON object that describes one row.
    pub fn is_single(&self) -> bool {
        self.is_single
    }

    /// The rows, from the first.
    pub fn rows(&self) -> Rows<'_> {
        let source = match &self.source {
            Source::Csv { text, dialect } => {
                let mut records = Box::new(Records::new(text, dialect.delimiter));
                // A header that could be read once can be read again.
                for _ in 0..dialect.skipped {
                    let _ = records.next_record();
                }
                RowSource::Csv {
                    records,
                    width: dialect.header.len() + usize::from(dialect.has_row_names),
                }
            }
            Source::Cells(cells) => RowSource::Cells {
                cells,
                next: 0,
                row: Vec::new(),
            },
        };
        Rows {
            table: self,
            source,
        }
    }
}

/// The rows of a table, one at a time.
pub struct Rows<'t> {
    table: &'t Table<'t>,
    source: RowSource<'t>,
}

enum RowSource<'t> {
    Csv {
        // Boxed, for it is much larger than the other.
        records: Box<Records<'t>>,
        /// How many cells the header has.
        width: usize,
    },
    Cells {
        cells: &'t Cells,
        next: usize,
        row: Vec<Option<&'t str>>,
    },
}

/// One row.
pub struct Row<'r> {
    places: &'r [usize],
    cells: RowCells<'r>,
    /// Where it begins: in CSV the line, in JSON the position, both from 1.
    pub line: u64,
    /// Why it is no row like the others, if it is not.
    pub fault: Option<String>,
    aside: Option<Aside>,
}

/// A row that is there beside the customers, and of which none is missed when it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aside {
    /// It sums up the others.
    Total,
    /// It repeats the header, as where files were put together.
    Header,
    /// It is a line of dashes, as below the header of a table in plain text.
    Line,
}

impl Aside {
    /// What such a row is.
    pub fn fault(self) -> &'static str {
        match self {
            Self::Total => "is a total of the others",
            Self::Header => "repeats the header",
            Self::Line => "is a line of dashes",
        }
    }
}

enum RowCells<'r> {
    Record(Record<'r>),
    Cells(&'r [Option<&'r str>]),
}

impl<'r> Row<'r> {
    /// The cell in this column; none where the row has none.
    pub fn cell(&self, column: usize) -> Option<&'r str> {
        let place = *self.places.get(column)?;
        match self.cells {
            RowCells::Record(record) => record.cell(place),
            RowCells::Cells(cells) => *cells.get(place)?,
        }
    }

    /// The cells of all columns.
    pub fn cells(&self) -> impl Iterator<Item = Option<&'r str>> + '_ {
        (0..self.places.len()).map(|column| self.cell(column))
    }

    /// What a row is that is there beside the customers; none where it is one like the others.
    pub fn aside(&self) -> Option<Aside> {
        self.aside
    }

    fn find_aside(&self, names: &[String]) -> Option<Aside> {
        let first = match self.cells {
            RowCells::Record(record) => record.cells().find(|cell| is_filled(cell)),
            RowCells::Cells(cells) => cells.iter().copied().flatten().find(|cell| is_filled(cell)),
        };
        aside(|column| self.cell(column), names, first)
    }
}

/// What a row is beside the customers that has these cells by the columns of these names, and this first cell that is not blank.
fn aside<'r>(
    cell: impl Fn(usize) -> Option<&'r str>,
    names: &[String],
    first: Option<&str>,
) -> Option<Aside> {
    let repeats =
        |(column, name): (usize, &String)| cell(column).is_some_and(|cell| cell.trim() == name);
    let is_line = |column: usize| {
        let cell = cell(column).unwrap_or_default().trim();
        cell.len() >= 3 && cell.bytes().all(|byte| b"-=:+".contains(&byte))
    };
    // In a single column, its name or a dash may be a value.
    let several = names.len() > 1;
    if several && names.iter().enumerate().all(repeats) {
        return Some(Aside::Header);
    }
    if several && (0..names.len()).all(is_line) {
        return Some(Aside::Line);
    }
    // The row that sums up the others says so in its first cell, and leaves most others blank.
    let is_total =
        first.is_some_and(sums_up) && is_mostly_blank((0..names.len()).map(cell), names.len());
    is_total.then_some(Aside::Total)
}

fn is_filled(cell: &str) -> bool {
    !cell.trim().is_empty()
}

fn is_mostly_blank<'r>(cells: impl Iterator<Item = Option<&'r str>>, columns: usize) -> bool {
    2 * cells.flatten().filter(|cell| is_filled(cell)).count() <= columns
}

/// Whether a row with this first cell sums up the others.
fn sums_up(first: &str) -> bool {
    // Most ids are seen to be none of these without folding them.
    let letter = first.chars().find(|letter| letter.is_alphanumeric());
    letter.is_some_and(|letter| "tgsam".contains(letter.to_ascii_lowercase()))
        && TOTALS.contains(&folded(first).as_str())
}

/// Why a record is no row, which is among others with columns of these names at these places, under a header of so many cells:
/// the fault that a [`Row`] would have. For whatever reads records by itself. None where it is a row; an empty text where it is
/// blank.
pub fn record_fault<'r>(
    cell: impl Fn(usize) -> Option<&'r str>,
    cells: usize,
    names: &[String],
    places: &[usize],
    width: usize,
) -> Option<String> {
    let all = || (0..cells).map_while(&cell);
    if !cell(0).is_some_and(is_filled) && !all().any(is_filled) {
        return Some(String::new());
    }
    let least = places.iter().max().map_or(0, |last| last + 1);
    let beyond_is_blank = || !(width..cells).any(|place| cell(place).is_none_or(is_filled));
    let fits = (least..=width).contains(&cells) || cells > width && beyond_is_blank();
    if !fits {
        return Some(format!("has {cells} cells, and the header has {width}"));
    }
    let first = all().find(|cell| is_filled(cell));
    let aside = aside(|column| cell(*places.get(column)?), names, first);
    aside.map(|aside| aside.fault().to_owned())
}

impl Rows<'_> {
    /// The next row, if there is one. Lines of CSV without a value are passed over.
    pub fn next_row(&mut self) -> Option<Row<'_>> {
        let places = self.table.places.as_slice();
        let least = places.iter().max().map_or(0, |last| last + 1);
        let mut row = match &mut self.source {
            RowSource::Csv { records, width } => {
                let width = *width;
                let fault = loop {
                    match records.advance() {
                        Ok(false) => return None,
                        Err(crate::csv::TooWide) => break Some("has too many cells".to_owned()),
                        Ok(true) => {}
                    }
                    let record = records.record();
                    let filled = record.filled();
                    if filled > 0 {
                        let fits = (least..=width).contains(&record.len())
                            || record.len() > width && filled <= width;
                        break (!fits).then(|| {
                            format!("has {} cells, and the header has {width}", record.len())
                        });
                    }
                };
                let line = records.line();
                Row {
                    places,
                    cells: RowCells::Record(records.record()),
                    line,
                    fault,
                    aside: None,
                }
            }
            RowSource::Cells { cells, next, row } => {
                let bounds = cells.row(*next)?;
                *next += 1;
                row.clear();
                row.resize(least, None);
                let mut fault = None;
                for cell in bounds {
                    if let Some(place) = row.get_mut(usize::from(cells.columns[cell]))
                        && place.replace(cells.cell(cell)).is_some()
                    {
                        fault = Some("has two members of the same name".to_owned());
                    }
                }
                Row {
                    places,
                    cells: RowCells::Cells(row),
                    line: *next as u64,
                    fault,
                    aside: None,
                }
            }
        };
        if row.fault.is_none() {
            row.aside = row.find_aside(&self.table.columns);
            row.fault = row.aside.map(|aside| aside.fault().to_owned());
        }
        Some(row)
    }
}

impl Cells {
    /// No cells yet, and room for this many.
    pub(crate) fn with_room(cells: usize) -> Self {
        Self {
            columns: Vec::with_capacity(cells),
            ends: Vec::with_capacity(cells),
            ..Self::default()
        }
    }

    /// Adds a cell to the row that is being written.
    pub fn push(&mut self, column: usize, text: &str) {
        self.text.push_str(text);
        self.columns.push(column as u16);
        self.ends.push(self.text.len() as u32);
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.rows.push(self.ends.len() as u32);
    }

    /// How many cells there are.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes it would be as CSV without quotes.
    #[cfg(feature = "parquet")]
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() + self.rows.len()
    }

    /// Whether there is more text than its bounds can tell of.
    #[cfg(feature = "parquet")]
    pub(crate) fn is_full(&self) -> bool {
        u32::try_from(self.text.len().max(self.ends.len())).is_err()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn row(&self, position: usize) -> Option<Range<usize>> {
        let end = *self.rows.get(position)? as usize;
        let before = position.checked_sub(1);
        Some(before.map_or(0, |before| self.rows[before] as usize)..end)
    }

    fn cell(&self, position: usize) -> &str {
        let before = position.checked_sub(1);
        let start = before.map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[position] as usize]
    }
}
