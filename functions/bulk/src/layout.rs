//! What kind of file an input is, found out from its beginning.

use crate::input::Open;
use crate::lines::{BYTE_ORDER_MARK, LineBreak, LineEnd, Lines};
use crate::records::{Next, Records};
use crate::table::Table;
use flate2::bufread::MultiGzDecoder;
use schema::intake::{MOST_COLUMNS, unread_kind};
use schema::{FieldError, FieldErrors, Schema};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];

/// How customers are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CSV, with the names of its columns.
    Csv {
        /// The header's cells.
        header: Vec<String>,
    },
    /// One profile per line, each a JSON object as the API takes it.
    JsonLines,
}

/// How an input is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How customers are written.
    pub format: Format,
    /// Whether all of it is compressed. All offsets are those of what comes out.
    pub gzip: bool,
    /// What ends its lines, all of them.
    #[serde(default)]
    pub line_break: LineBreak,
    /// Where the first customer may stand: behind byte-order mark and header, in bytes.
    pub body: u64,
    /// The number of the line that stands there; the first line is 1.
    pub body_line: u64,
}

/// Why an input can't be scored.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It could not be read.
    #[error("the input can't be read: {0}")]
    Read(#[from] io::Error),
    /// It is a file of a kind that is not read.
    #[error("{0} files are not read yet; export the customers as CSV")]
    Unread(&'static str),
    /// There is nothing in it.
    #[error("the input is empty; it should begin with a header")]
    Empty,
    /// Its first line is no header.
    #[error("the header is not CSV: {0}")]
    NotCsv(&'static str),
    /// Its header is not UTF-8.
    #[error("the header is not UTF-8")]
    NotUtf8,
    /// Its header is not that of a file of customers.
    #[error("the header does not fit: {}", listed(.0))]
    Header(FieldErrors),
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

/// A sentence about the field of an error.
pub(crate) fn sentence(error: &FieldError, detail: &str) -> String {
    let name = error.pointer.trim_start_matches('/');
    let name = name.replace("~1", "/").replace("~0", "~");
    format!("{name} {detail}").trim_start().to_owned()
}

impl Layout {
    /// Finds out how an input is laid out. No more of it is read than the header and some kilobytes.
    ///
    /// # Errors
    /// When it can't be scored: see [`LayoutError`].
    pub fn read(schema: &Schema<'_>, input: &(impl Open + ?Sized)) -> Result<Self, LayoutError> {
        let mut input = BufReader::new(input.open(0..input.size())?);
        let beginning = input.fill_buf()?;
        if let Some(kind) = unread_kind(beginning) {
            return Err(LayoutError::Unread(kind));
        }
        match beginning.starts_with(GZIP) {
            true => Self::read_plain(schema, MultiGzDecoder::new(input), true),
            false => Self::read_plain(schema, input, false),
        }
    }

    fn read_plain(schema: &Schema<'_>, input: impl Read, gzip: bool) -> Result<Self, LayoutError> {
        let mut lines = Lines::new(input, LineBreak::default(), 0);
        let line_break = lines.find_line_break()?;
        let first = match lines.find_end(0)? {
            LineEnd::Input(0) => return Err(LayoutError::Empty),
            LineEnd::At(length) | LineEnd::Input(length) => length,
            LineEnd::TooFar => return Err(LayoutError::NotCsv(crate::records::TOO_LONG)),
        };
        if lines.peek(first).starts_with(BYTE_ORDER_MARK) {
            lines.take(BYTE_ORDER_MARK.len(), 0);
        }
        let mark = lines.offset();
        let json = lines.peek(first - mark as usize).trim_ascii_start();
        if json.starts_with(b"{") {
            return Ok(Self {
                format: Format::JsonLines,
                gzip,
                line_break,
                body: mark,
                body_line: 1,
            });
        }
        let header = match Records::new(None, line_break).next(&mut lines, None)? {
            Next::Record(cells) | Next::Joined(cells) if cells.len() > MOST_COLUMNS => {
                return Err(LayoutError::NotCsv("it has more than 1,000 columns"));
            }
            Next::Record(cells) | Next::Joined(cells) => {
                cells.texts().ok_or(LayoutError::NotUtf8)?
            }
            Next::Blank => vec![String::new()],
            Next::End => return Err(LayoutError::Empty),
            Next::Wrong(detail) => return Err(LayoutError::NotCsv(detail)),
        };
        let layout = Self {
            format: Format::Csv { header },
            gzip,
            line_break,
            body: lines.offset(),
            body_line: lines.taken() + 1,
        };
        Table::of(schema, &layout.format).map_err(LayoutError::Header)?;
        Ok(layout)
    }

    /// What of the input comes out when it is read from its beginning.
    pub(crate) fn decoded<'r>(&self, input: impl Read + 'r) -> Box<dyn Read + 'r> {
        match self.gzip {
            true => Box::new(MultiGzDecoder::new(BufReader::new(input))),
            false => Box::new(input),
        }
    }
}
