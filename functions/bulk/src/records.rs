//! The records of a CSV file, line by line, so that each can be found from the middle of the file.

use crate::job::Shard;
use crate::lines::{LineBreak, LineEnd, Lines};
use crate::rows::{self, Reject, Rows};
use crate::score::ScoreError;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use schema::intake::MOST_COLUMNS;
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

    /// All of them as text, if they are UTF-8.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        let text =
            |bounds: &Range<usize>| String::from_utf8(self.bytes[bounds.clone()].to_vec()).ok();
        self.bounds.iter().map(text).collect()
    }

    /// All of them, one after another, if they are UTF-8.
    pub(crate) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// Where in the text each of them is, as far as it is known.
    pub(crate) fn bounds(&self) -> &'a [Range<usize>] {
        self.bounds
    }
}

/// Cells of which a record has the bounds: one more than a file may have columns, so that no file fits a cut record.
const MOST_BOUNDS: usize = MOST_COLUMNS + 1;

pub(crate) const TOO_LONG: &str = "the line is longer than 1,048,576 bytes";
const UNCLOSED: &str = "opens a quote that is not closed";

/// Splits lines into cells.
pub(crate) struct Records {
    /// How many cells a record has, where that is known.
    width: Option<usize>,
    line_break: LineBreak,
    /// Knows what quotes mean.
    reader: Reader,
    /// The cells of a line with quotes, without them: so many bytes, and where each of so many cells ends.
    unquoted: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    cells: usize,
    bounds: Vec<Range<usize>>,
}

impl Records {
    pub(crate) fn new(width: Option<usize>, line_break: LineBreak) -> Self {
        Self {
            width,
            line_break,
            reader: ReaderBuilder::new()
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
        let mut commas = memchr::memchr_iter(b',', line);
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
                let fits = self.width.is_none_or(|width| width == self.cells);
                break count == 1 || fits && is_well_quoted(lines.peek(length));
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
fn is_well_quoted(record: &[u8]) -> bool {
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
            (_, b',') => At::CellStart,
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
    width: usize,
    shard: Shard,
    /// Lines that were taken before the shard's first.
    before: u64,
}

impl<R: Read> CsvRows<R> {
    /// The rows in these lines of a shard, of so many cells each.
    pub(crate) fn new(shard: &Shard, lines: Lines<R>, width: usize) -> Self {
        Self {
            records: Records::new(Some(width), lines.line_break()),
            before: lines.taken(),
            lines,
            width,
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
        Ok(rows::Next::Row(place, cells_of(cells, self.width)))
    }
}

/// The cells of a record of a file of so many columns.
fn cells_of(cells: Cells<'_>, width: usize) -> Result<rows::Cells<'_>, Reject> {
    if cells.len() != width {
        return Err(Reject::new(
            format!("has {} cells, and the header has {width}", cells.len()),
            "has more or fewer cells than the header",
        ));
    }
    Ok(rows::Cells {
        text: cells.text().ok_or_else(|| Reject::of_row("is not UTF-8"))?,
        bounds: cells.bounds(),
    })
}
