//! The rows of a Parquet file.

use super::open;
use crate::input::Open;
use crate::job::{Job, ResultsFormat, Shard};
use crate::layout::LayoutError;
use crate::rows::{Cells, Next, Place, Reject, Rows};
use crate::score::ScoreError;
use reader::{Chunks, Codes, Parquet, RowGroup, TableError, record_fault};
use schema::{Profile, Schema};
use std::ops::Range;

/// The rows of a shard, which is some row groups.
pub(crate) struct ParquetRows<'s, I: ?Sized> {
    input: &'s I,
    file: Parquet,
    /// The row groups that are to come.
    groups: Range<usize>,
    /// The one that is read.
    chunks: Option<Chunks>,
    group: RowGroup,
    /// The next row of the chunk.
    row: usize,
    codes: Codes<'s>,
    /// The columns that have a name, and their names.
    places: &'s [usize],
    names: Vec<String>,
    kept: Kept,
    /// The profile of the row, where it could be read by type.
    known: Option<Profile>,
    text: String,
    bounds: Vec<Range<usize>>,
    cell: String,
}

/// The columns that the results have too.
struct Kept {
    columns: Vec<usize>,
    /// Whether they are written as they are stored.
    as_stored: bool,
}

impl<'s, I: Open + ?Sized> ParquetRows<'s, I> {
    /// The rows of the shard's row groups, of these in the file.
    pub(crate) fn new(
        job: &'s Job,
        shard: &Shard,
        input: &'s I,
        groups: &[RowGroup],
        places: &'s [usize],
        schema: &Schema<'s>,
    ) -> Result<Self, ScoreError> {
        let file = open(input)?;
        if file.row_groups() != groups {
            let changed = TableError::Malformed("is another than when the job began".to_owned());
            return Err(LayoutError::from(changed).into());
        }
        let layout = &job.layout;
        let id = layout.columns.id_column();
        let kept = id
            .into_iter()
            .chain(layout.kept.iter().map(|kept| kept.column));
        Ok(Self {
            groups: job.row_groups(shard),
            input,
            chunks: None,
            group: RowGroup {
                first: 0,
                rows: 0,
                bytes: 0,
            },
            row: 0,
            codes: Codes::new(*schema, &layout.columns),
            places,
            names: (places.iter())
                .map(|place| layout.columns.column_name(*place).to_owned())
                .collect(),
            kept: Kept {
                columns: kept.collect(),
                as_stored: job.results == ResultsFormat::Parquet,
            },
            known: None,
            text: String::new(),
            bounds: vec![0..0; file.names().len()],
            cell: String::new(),
            file,
        })
    }

    /// Makes sure that there is a next row, if there is one.
    fn advance(&mut self) -> Result<bool, ScoreError> {
        let damaged = |error: TableError| ScoreError::Layout(error.into());
        loop {
            if let Some(chunks) = &mut self.chunks {
                if self.row < chunks.chunk().rows() {
                    return Ok(true);
                }
                if let Some(chunk) = chunks.next_chunk().map_err(damaged)? {
                    self.row = 0;
                    self.codes.read(chunk);
                    let done = chunk.first() - self.group.first;
                    let bytes = |rows: u64| {
                        let share = u128::from(self.group.bytes) * u128::from(rows);
                        (share / u128::from(self.group.rows)) as u64
                    };
                    let read = bytes(done + chunk.rows() as u64) - bytes(done);
                    self.input.told(read).map_err(ScoreError::Read)?;
                    continue;
                }
            }
            let Some(group) = self.groups.next() else {
                return Ok(false);
            };
            self.group = self.file.row_groups()[group];
            self.row = 0;
            self.chunks = Some(self.file.rows_of(group).map_err(damaged)?);
        }
    }
}

impl<I: Open + ?Sized> Rows for ParquetRows<'_, I> {
    fn next(&mut self) -> Result<Next<'_>, ScoreError> {
        if !self.advance()? {
            return Ok(Next::End);
        }
        let Some(chunks) = &self.chunks else {
            return Ok(Next::End);
        };
        let (chunk, row) = (chunks.chunk(), self.row);
        self.row += 1;
        let place = Place {
            line: Some(chunk.first() + row as u64 + 1),
            offset: None,
        };
        let columns = chunk.columns();
        let sketch = |column: usize| Some(columns[column].sketch(row).unwrap_or_default());
        let width = columns.len();
        if let Some(fault) = record_fault(sketch, width, &self.names, self.places, width) {
            return Ok(match fault.is_empty() {
                true => Next::Blank,
                false => Next::Row(place, Err(Reject::new(fault.clone(), &fault))),
            });
        }
        self.known = self.codes.profile(chunk, row);
        let mut texts = Texts {
            text: &mut self.text,
            bounds: &mut self.bounds,
            cell: &mut self.cell,
        };
        texts.text.clear();
        if self.known.is_none() {
            for column in self.places {
                texts.push(*column, |cell| columns[*column].text(row, cell));
            }
        }
        for column in &self.kept.columns {
            texts.push(*column, |cell| match self.kept.as_stored {
                true => columns[*column].stored(row, cell),
                false => columns[*column].text(row, cell),
            });
        }
        let cells = Cells {
            text: &self.text,
            bounds: &self.bounds,
        };
        Ok(match &self.known {
            Some(profile) => Next::Known(profile, cells),
            None => Next::Row(place, Ok(cells)),
        })
    }
}

/// The cells of a row, of which those that are not needed are anything.
struct Texts<'t> {
    text: &'t mut String,
    bounds: &'t mut [Range<usize>],
    cell: &'t mut String,
}

impl Texts<'_> {
    fn push<'c>(&'c mut self, column: usize, read: impl FnOnce(&'c mut String) -> Option<&'c str>) {
        let start = self.text.len();
        if let Some(cell) = read(self.cell) {
            self.text.push_str(cell);
        }
        self.bounds[column] = start..self.text.len();
    }
}
