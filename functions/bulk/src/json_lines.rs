//! Lines of JSON, of which each is a profile.

use crate::job::Shard;
use crate::lines::{LineEnd, Lines};
use crate::records::TOO_LONG;
use crate::rows::{Cells, Next, Reject, Rows};
use crate::score::ScoreError;
use std::io::Read;

/// The rows of a shard of JSON lines.
pub(crate) struct JsonLines<R> {
    lines: Lines<R>,
    shard: Shard,
    /// Lines that were taken before the shard's first.
    before: u64,
}

impl<R: Read> JsonLines<R> {
    /// The rows in these lines of a shard.
    pub(crate) fn new(shard: &Shard, lines: Lines<R>) -> Self {
        Self {
            before: lines.taken(),
            lines,
            shard: shard.clone(),
        }
    }
}

impl<R: Read> Rows for JsonLines<R> {
    fn next(&mut self) -> Result<Next<'_>, ScoreError> {
        if self.shard.end.is_some_and(|end| self.lines.offset() >= end) {
            return Ok(Next::End);
        }
        let place = self.lines.place(&self.shard, self.before);
        let length = match self.lines.find_end(0).map_err(ScoreError::Read)? {
            LineEnd::Input(0) => return Ok(Next::End),
            LineEnd::At(length) | LineEnd::Input(length) => length,
            LineEnd::TooFar => {
                let skipped = self.lines.skip_line(self.shard.end);
                skipped.map_err(ScoreError::Read)?;
                return Ok(Next::Row(place, Err(Reject::of_row(TOO_LONG))));
            }
        };
        let line_break = self.lines.line_break();
        let line = line_break.strip(self.lines.take(length, 1));
        if line.trim_ascii().is_empty() {
            return Ok(Next::Blank);
        }
        let cells = match std::str::from_utf8(line) {
            Ok(text) => Ok(Cells { text, bounds: &[] }),
            Err(_) => Err(Reject::of_row("is not UTF-8")),
        };
        Ok(Next::Row(place, cells))
    }
}
