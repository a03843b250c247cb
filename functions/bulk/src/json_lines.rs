//! Lines of JSON, of which each is a profile.

use crate::job::Shard;
use crate::lines::{LineEnd, Lines};
use crate::records::TOO_LONG;
use crate::rows::{Cells, Next, Reject, Rows};
use crate::score::ScoreError;
use reader::Objects;
use schema::intake::Columns;
use schema::{Named, Schema};
use std::io::Read;

/// The rows of a shard of JSON lines.
pub(crate) struct JsonLines<'w, R> {
    lines: Lines<R>,
    objects: Objects<'w>,
    shard: Shard,
    /// Lines that were taken before the shard's first.
    before: u64,
}

impl<'w, R: Read> JsonLines<'w, R> {
    /// The rows in these lines of a shard.
    pub(crate) fn new(
        shard: &Shard,
        lines: Lines<R>,
        schema: &Schema<'w>,
        columns: &Columns,
    ) -> Self {
        let fields = (0..schema.len()).map(Named::Field);
        let needed: Vec<usize> = fields.filter_map(|named| columns.column(named)).collect();
        Self {
            objects: Objects::new(schema, columns.names(), |column| needed.contains(&column)),
            before: lines.taken(),
            lines,
            shard: shard.clone(),
        }
    }
}

impl<R: Read> Rows for JsonLines<'_, R> {
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
        let Ok(line) = std::str::from_utf8(line) else {
            return Ok(Next::Row(place, Err(Reject::of_row("is not UTF-8"))));
        };
        let read = self.objects.read(line);
        let cells = read.map_err(|(detail, reason)| Reject::new(detail, reason));
        let cells = cells.map(|()| Cells {
            text: self.objects.text(),
            bounds: self.objects.bounds(),
        });
        Ok(Next::Row(place, cells))
    }
}
