//! Lines of bytes, with where they stand, from anything that can be read.

use crate::job::Shard;
use crate::rows::Place;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// A line, or a quoted record of several lines, has at most so many bytes, its line break included. What is longer is
/// rejected: memory must not depend on what a file holds.
pub const LONGEST_LINE: usize = 1 << 20;

/// What some programs put before UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How many bytes are asked of the reader at a time.
const CHUNK: usize = 128 << 10;

/// What ends the lines of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineBreak {
    /// LF, perhaps after a CR.
    #[default]
    Lf,
    /// CR alone, as on the first Macintoshes.
    Cr,
}

impl LineBreak {
    /// What ends the lines of an input that begins like this, if that can be told already: the first break outside of quotes
    /// decides. A line of JSON can't hold a break, so there quotes don't matter.
    fn of(beginning: &[u8]) -> Option<Self> {
        let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning);
        let is_json = text.iter().find(|byte| !b" \t".contains(byte)) == Some(&b'{');
        let mut quoted = false;
        for (position, byte) in text.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted && !is_json,
                b'\n' if !quoted => return Some(Self::Lf),
                b'\r' if !quoted => {
                    return match text.get(position + 1)? {
                        b'\n' => Some(Self::Lf),
                        _ => Some(Self::Cr),
                    };
                }
                _ => {}
            }
        }
        None
    }

    /// The last byte of a line.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Lf => b'\n',
            Self::Cr => b'\r',
        }
    }

    /// How many lines end in these bytes.
    pub fn count(self, bytes: &[u8]) -> u64 {
        memchr::memchr_iter(self.byte(), bytes).count() as u64
    }

    /// A line without the break at its end.
    pub(crate) fn strip(self, line: &[u8]) -> &[u8] {
        let line = line.strip_suffix(&[self.byte()]).unwrap_or(line);
        match self {
            Self::Lf => line.strip_suffix(b"\r").unwrap_or(line),
            Self::Cr => line,
        }
    }
}

/// Where the next line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// After so many bytes, the line break included.
    At(usize),
    /// After so many bytes, where the input ends without a line break.
    Input(usize),
    /// Not within [`LONGEST_LINE`] bytes.
    TooFar,
}

/// A window over an input, in which lines are found before they are taken.
pub(crate) struct Lines<R> {
    input: R,
    line_break: LineBreak,
    window: Vec<u8>,
    /// The bytes of `window` that are read and not yet taken.
    start: usize,
    end: usize,
    /// Whether the input has ended.
    ended: bool,
    /// How far the next line is from the beginning of the whole input, in bytes.
    offset: u64,
    /// How many lines were taken.
    taken: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of an input whose first byte stands so far from the beginning of the whole.
    pub(crate) fn new(input: R, line_break: LineBreak, offset: u64) -> Self {
        Self {
            input,
            line_break,
            window: vec![0; 2 * CHUNK],
            start: 0,
            end: 0,
            ended: false,
            offset,
            taken: 0,
        }
    }

    /// How far the next line is from the beginning of the whole input, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What ends the lines.
    pub(crate) fn line_break(&self) -> LineBreak {
        self.line_break
    }

    /// Finds out what ends the lines, and has them end with it.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn find_line_break(&mut self) -> io::Result<LineBreak> {
        self.line_break = loop {
            let unread = &self.window[self.start..self.end];
            if let Some(found) = LineBreak::of(unread) {
                break found;
            }
            if self.ended {
                // A single line, which may end in a CR.
                break match unread.ends_with(b"\r") {
                    true => LineBreak::Cr,
                    false => LineBreak::Lf,
                };
            }
            if unread.len() >= LONGEST_LINE {
                break LineBreak::Lf;
            }
            self.fill()?;
        };
        Ok(self.line_break)
    }

    /// How many lines were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Where the next line of a shard is, and how many lines before it belong to another shard.
    pub(crate) fn place(&self, shard: &Shard, before: u64) -> Place {
        Place {
            line: shard.first_line.map(|first| first + self.taken - before),
            offset: Some(self.offset),
        }
    }

    /// The next bytes, of which [`find_end`](Self::find_end) made sure.
    pub(crate) fn peek(&self, length: usize) -> &[u8] {
        &self.window[self.start..][..length]
    }

    /// Finds the first line break that is so many bytes or more away.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn find_end(&mut self, mut from: usize) -> io::Result<LineEnd> {
        loop {
            let unread = &self.window[self.start..self.end];
            let searched = &unread[..unread.len().min(LONGEST_LINE)];
            if let Some(found) = memchr::memchr(self.line_break.byte(), &searched[from..]) {
                return Ok(LineEnd::At(from + found + 1));
            }
            if searched.len() == LONGEST_LINE {
                return Ok(LineEnd::TooFar);
            }
            if self.ended {
                return Ok(LineEnd::Input(unread.len()));
            }
            from = searched.len();
            self.fill()?;
        }
    }

    /// Takes the next bytes, of which [`find_end`](Self::find_end) made sure and in which so many lines end.
    pub(crate) fn take(&mut self, length: usize, lines: u64) -> &[u8] {
        self.start += length;
        self.offset += length as u64;
        self.taken += lines;
        &self.window[self.start - length..self.start]
    }

    /// Takes what stands before this offset.
    ///
    /// # Errors
    /// Those of the reader, and the end of the input.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        while self.offset < offset {
            if self.start == self.end {
                self.fill()?;
            }
            let unread = (self.end - self.start) as u64;
            if unread == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.take(unread.min(offset - self.offset) as usize, 0);
        }
        Ok(())
    }

    /// Takes what is left of a line, however long it is, but stops at a line break at the latest beyond this offset: what comes
    /// then is another shard's.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn skip_line(&mut self, until: Option<u64>) -> io::Result<()> {
        while until.is_none_or(|until| self.offset < until) {
            match self.find_end(0)? {
                LineEnd::At(length) | LineEnd::Input(length) => {
                    self.take(length, 1);
                    return Ok(());
                }
                LineEnd::TooFar => {
                    self.take(LONGEST_LINE, 0);
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.window.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end + CHUNK > self.window.len() {
            self.window.resize(self.end + CHUNK, 0);
        }
        loop {
            match self.input.read(&mut self.window[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.ended = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(input: &str) -> LineBreak {
        let mut lines = Lines::new(input.as_bytes(), LineBreak::default(), 0);
        lines.find_line_break().unwrap()
    }

    #[test]
    fn the_first_break_outside_of_quotes_decides() {
        for input in [
            "a,b\nc",
            "a,b\r\nc",
            "a,\"b\r\"\nc",
            "a,b",
            "",
            "\u{feff}{\"a\":\"\\\"\"}\n{}",
        ] {
            assert_eq!(found(input), LineBreak::Lf, "{input:?}");
        }
        for input in ["a,b\rc", "a,\"b\n\"\rc\n", "a\r", " {\"a\":\"\\\"\"}\r{}"] {
            assert_eq!(found(input), LineBreak::Cr, "{input:?}");
        }
        let far = format!("{},\"x\r\"\rc", "x".repeat(3 * CHUNK));
        assert_eq!(found(&far), LineBreak::Cr);
        assert_eq!(found(&"x".repeat(2 * LONGEST_LINE)), LineBreak::Lf);
    }
}
