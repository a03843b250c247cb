//! The records of a CSV file, line by line, so that each can be found from the middle of the file.

use crate::job::Shard;
use crate::layout::{Encoding, letter};
use crate::lines::{LineBreak, LineEnd, Lines};
use crate::rows::{self, Reject, Rows};
use crate::score::ScoreError;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use reader::{has_utf8_letter, record_fault, windows_1252};
use schema::intake::{Columns, MOST_COLUMNS};
use std::io::{self, Read};
use std::ops::Range;

/// What stands next in a CSV file.
pub(crate) enum Next<'a> {
    /// The input has ended.
    End,
    /// A line with nothing in it.
    Blank,
    /// A record.
    Record(Cells<'a>),
    /// A record of several lines, for a line break stands in quotes.
    Joined(Cells<'a>),
    /// Something else: what is wrong with it.
    Wrong(&'static str),
}

/// The cells of one record.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    bytes: &'a [u8],
    bounds: &'a [Range<usize>],
    /// How many there are, which may be more than have bounds.
    count: usize,
}

impl<'a> Cells<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// All of them, one after another, if they are UTF-8.
    pub(crate) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }
}

/// Cells of which a record has the bounds: one more than a file may have columns, so that no file fits a cut record.
const MOST_BOUNDS: usize = MOST_COLUMNS + 1;

pub(crate) const TOO_LONG: &str = "the line is longer than 1,048,576 bytes";
const UNCLOSED: &str = "opens a quote that is not closed";

/// Splits lines into cells.
pub(crate) struct Records {
    /// How many cells a record has.
    width: usize,
    delimiter: u8,
    line_break: LineBreak,
    /// Knows what quotes mean.
    reader: Reader,
    /// The unquoted cells of a line with quotes: `written` bytes, and the ends of `cells` cells.
    unquoted: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    cells: usize,
    bounds: Vec<Range<usize>>,
}

impl Records {
    pub(crate) fn new(width: usize, delimiter: u8, line_break: LineBreak) -> Self {
        Self {
            width,
            delimiter,
            line_break,
            reader: ReaderBuilder::new()
                .delimiter(delimiter)
                .terminator(Terminator::Any(line_break.byte()))
                .build(),
            unquoted: Vec::new(),
            written: 0,
            ends: Vec::new(),
            cells: 0,
            bounds: Vec::new(),
        }
    }

    /// Takes the next line, and those with which it is one record.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn next<'a, R: Read>(
        &'a mut self,
        lines: &'a mut Lines<R>,
        until: Option<u64>,
    ) -> io::Result<Next<'a>> {
        let length = match lines.find_end(0)? {
            LineEnd::Input(0) => return Ok(Next::End),
            LineEnd::At(length) | LineEnd::Input(length) => length,
            LineEnd::TooFar => {
                lines.skip_line(until)?;
                return Ok(Next::Wrong(TOO_LONG));
            }
        };
        if memchr::memchr(b'"', lines.peek(length)).is_some() {
            return self.quoted(lines, length);
        }
        let line = self.line_break.strip(lines.take(length, 1));
        if line.trim_ascii().is_empty() {
            return Ok(Next::Blank);
        }
        self.bounds.clear();
        let mut start = 0;
        let mut commas = memchr::memchr_iter(self.delimiter, line);
        for comma in commas.by_ref().take(MOST_BOUNDS) {
            self.bounds.push(start..comma);
            start = comma + 1;
        }
        let beyond = commas.count();
        self.bounds.push(start..line.len());
        Ok(Next::Record(Cells {
            bytes: line,
            bounds: &self.bounds,
            count: self.bounds.len() + beyond,
        }))
    }

    /// Takes a record whose first line, of this length, holds a quote.
    ///
    /// Where a quote is open at the end of the line, either a line break is quoted or somebody forgot to close the quote. It
    /// is the former if the record, read on, is well quoted and comes out with as many cells as it should have; else the
    /// line is wrong, and the next one begins a record of its own.
    fn quoted<'a, R: Read>(
        &'a mut self,
        lines: &'a mut Lines<R>,
        first: usize,
    ) -> io::Result<Next<'a>> {
        self.reader.reset();
        (self.written, self.cells) = (0, 0);
        let (mut length, mut fed, mut count) = (first, 0, 1);
        let is_record = loop {
            if self.feed(&lines.peek(length)[fed..]) {
                let record = lines.peek(length);
                let is_joined = self.width == self.cells && is_well_quoted(record, self.delimiter);
                break count == 1 || is_joined;
            }
            fed = length;
            length = match lines.find_end(length)? {
                LineEnd::At(further) => further,
                LineEnd::Input(further) if further > length => further,
                LineEnd::Input(_) | LineEnd::TooFar => break false,
            };
            count += 1;
        };
        if !is_record {
            lines.take(first, 1);
            return Ok(Next::Wrong(UNCLOSED));
        }
        lines.take(length, count);
        self.bounds.clear();
        let mut start = 0;
        for &end in self.ends[..self.cells].iter().take(MOST_BOUNDS) {
            self.bounds.push(start..end);
            start = end;
        }
        if let (LineBreak::Lf, Some(last)) = (self.line_break, self.bounds.last_mut())
            && self.unquoted[last.clone()].ends_with(b"\r")
        {
            last.end -= 1;
        }
        let record = Cells {
            bytes: &self.unquoted[..self.written],
            bounds: &self.bounds,
            count: self.cells,
        };
        Ok(match count {
            1 => Next::Record(record),
            _ => Next::Joined(record),
        })
    }

    /// Reads on in a record, and says whether it is complete.
    fn feed(&mut self, line: &[u8]) -> bool {
        let room = self.written + line.len() + 1;
        if self.unquoted.len() < room {
            self.unquoted.resize(room, 0);
            self.ends.resize(room + 1, 0);
        }
        // The last line of the input has no break; with one behind it, the record ends there if it can.
        let line_break = [self.line_break.byte()];
        let missing: &[u8] = match line.ends_with(&line_break) {
            true => b"",
            false => &line_break,
        };
        let mut complete = false;
        for piece in [line, missing]
            .into_iter()
            .filter(|piece| !piece.is_empty())
        {
            let (unquoted, ends) = (
                &mut self.unquoted[self.written..],
                &mut self.ends[self.cells..],
            );
            let (result, _, bytes, cells) = self.reader.read_record(piece, unquoted, ends);
            self.written += bytes;
            self.cells += cells;
            complete = result == ReadRecordResult::Record;
        }
        complete
    }
}

/// Whether each quoted cell of a record ends with its closing quote, as RFC 4180 has it.
fn is_well_quoted(record: &[u8], delimiter: u8) -> bool {
    enum At {
        CellStart,
        Plain,
        Quoted,
        ClosingQuote,
    }
    let mut at = At::CellStart;
    for byte in record {
        at = match (at, byte) {
            (At::CellStart, b'"') | (At::ClosingQuote, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::ClosingQuote,
            (At::Quoted, _) => At::Quoted,
            (_, byte) if *byte == delimiter => At::CellStart,
            (At::ClosingQuote, b'\r' | b'\n') => At::ClosingQuote,
            (At::ClosingQuote, _) => return false,
            (At::CellStart | At::Plain, _) => At::Plain,
        };
    }
    true
}

/// The rows of a shard of a CSV file.
pub(crate) struct CsvRows<R> {
    lines: Lines<R>,
    records: Records,
    shape: Shape,
    shard: Shard,
    /// Lines that were taken before the shard's first.
    before: u64,
}

/// What the records of a file have in common.
struct Shape {
    width: usize,
    places: Vec<usize>,
    /// What the columns at these places are called.
    names: Vec<String>,
    encoding: Encoding,
    /// The text of the record that was read last, and its cells, where it was no UTF-8.
    text: String,
    bounds: Vec<Range<usize>>,
}

impl<R: Read> CsvRows<R> {
    /// The rows in these lines of a shard: `width` cells each, with a column at each of these places.
    pub(crate) fn new(
        shard: &Shard,
        lines: Lines<R>,
        encoding: Encoding,
        delimiter: u8,
        width: usize,
        places: &[usize],
        columns: &Columns,
    ) -> Self {
        let names = places.iter().map(|place| columns.column_name(*place));
        Self {
            records: Records::new(width, delimiter, lines.line_break()),
            before: lines.taken(),
            lines,
            shape: Shape {
                width,
                places: places.to_vec(),
                names: names.map(str::to_owned).collect(),
                encoding,
                text: String::new(),
                bounds: Vec::new(),
            },
            shard: shard.clone(),
        }
    }
}

impl<R: Read> Rows for CsvRows<R> {
    fn next(&mut self) -> Result<rows::Next<'_>, ScoreError> {
        let place = self.lines.place(&self.shard, self.before);
        if self.shard.end.is_some_and(|end| self.lines.offset() >= end) {
            return Ok(rows::Next::End);
        }
        let next = self.records.next(&mut self.lines, self.shard.end);
        let cells = match next.map_err(ScoreError::Read)? {
            Next::End => return Ok(rows::Next::End),
            Next::Blank => return Ok(rows::Next::Blank),
            Next::Joined(_) if !self.shard.is_whole() => {
                return Err(ScoreError::QuotedLineBreak(
                    place.offset.unwrap_or_default(),
                ));
            }
            Next::Record(cells) | Next::Joined(cells) => cells,
            Next::Wrong(detail) => {
                return Ok(rows::Next::Row(place, Err(Reject::of_row(detail))));
            }
        };
        Ok(match self.shape.row(cells).transpose() {
            Some(cells) => rows::Next::Row(place, cells),
            None => rows::Next::Blank,
        })
    }
}

impl Shape {
    /// The row in a record, or why it is none; none where it is blank.
    fn row<'r>(&'r mut self, cells: Cells<'r>) -> Result<Option<rows::Cells<'r>>, Reject> {
        let count = cells.len();
        let row = match (self.encoding, cells.text()) {
            (Encoding::Windows1252 { .. }, text) if !text.is_some_and(str::is_ascii) => {
                self.transcode(cells)?;
                rows::Cells {
                    text: &self.text,
                    bounds: &self.bounds,
                }
            }
            (_, text) => rows::Cells {
                text: text.ok_or_else(|| Reject::of_row("is not UTF-8"))?,
                bounds: cells.bounds,
            },
        };
        let (names, places) = (&self.names, &self.places);
        match record_fault(|place| row.cell(place), count, names, places, self.width) {
            None => Ok(Some(row)),
            Some(fault) if fault.is_empty() => Ok(None),
            Some(fault) if fault.starts_with("has ") => Err(Reject::new(
                fault,
                "has more or fewer cells than the header",
            )),
            Some(fault) => Err(Reject::new(fault.clone(), &fault)),
        }
    }

    /// Makes text of a record in Windows-1252.
    fn transcode(&mut self, cells: Cells<'_>) -> Result<(), Reject> {
        let is_confirmed = matches!(self.encoding, Encoding::Windows1252 { is_confirmed: true });
        if !is_confirmed && has_utf8_letter(cells.bytes) {
            return Err(Reject::of_row(
                "has letters in UTF-8, and the first rows have others; confirm with read=encoding:windows-1252",
            ));
        }
        let is_unknown = |byte: &u8| windows_1252(*byte).is_none();
        if !is_confirmed && cells.bytes.iter().any(is_unknown) {
            return Err(Reject::of_row("is neither UTF-8 nor Windows-1252"));
        }
        self.text.clear();
        self.bounds.clear();
        for bounds in cells.bounds {
            let start = self.text.len();
            let bytes = cells.bytes[bounds.clone()].iter();
            self.text.extend(bytes.map(|byte| letter(*byte)));
            self.bounds.push(start..self.text.len());
        }
        Ok(())
    }
}
