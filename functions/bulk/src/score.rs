//! One shard, from the bytes of the input to the bytes of two parts.

use crate::input::Open;
use crate::job::{Job, ResultsFormat, Shard};
use crate::json_lines::JsonLines;
use crate::layout::{Format, Layout, LayoutError, held};
use crate::lines::Lines;
#[cfg(feature = "parquet")]
use crate::parquet::{ParquetResults, ParquetRows, text_type};
use crate::part::{Noting, Part};
use crate::reasons::Reasons;
use crate::records::CsvRows;
use crate::results::{CsvResults, Kept, REASONS, Results, Scored};
use crate::rows::{Cells, Next, Place, Reject, Rows};
use crate::table::REJECTS_HEADER;
use crate::table_rows::TableRows;
use engagetrack::csv_cell;
use engagetrack::drift::{BinCounts, ByName};
use engagetrack::expected::Scores;
use engagetrack::{View, explanation, nudges};
use indexmap::IndexMap;
#[cfg(feature = "parquet")]
use parquet::schema::types::Type;
use reader::Table;
use schema::{FieldErrors, Profile, RiskLevel, Schema};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// How many customers are scored at a time.
const BATCH: usize = 512;

/// How many customers are at each level of risk, by the level's name, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskLevels(IndexMap<String, u64>);

impl RiskLevels {
    /// Nobody at any level.
    pub(crate) fn none(schema: &Schema<'_>) -> Self {
        let levels = schema.levels();
        Self(levels.map(|level| (level.name.to_owned(), 0)).collect())
    }

    fn count(&mut self, level: RiskLevel<'_>) {
        if let Some((_, count)) = self.0.get_index_mut(level.index) {
            *count += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (level, count) in &other.0 {
            *self.0.entry(level.clone()).or_default() += count;
        }
    }

    /// How many customers were counted.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// What became of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of which job it is a shard: [`Job::fingerprint`].
    pub job: String,
    /// The shard's position.
    pub shard: u64,
    /// Records that begin in the shard; blank lines are none.
    pub rows_in: u64,
    /// Those that were scored.
    pub rows_out: u64,
    /// Those that were not.
    pub rows_rejected: u64,
    /// Why those were not.
    pub reasons: Reasons,
    /// Those that were scored, by risk.
    pub risk_levels: RiskLevels,
    /// Those that were scored, by each feature's bins.
    pub bins: ByName<Vec<u64>>,
    /// Those that were scored, by their probabilities.
    pub scores: Scores,
    /// What was written of them.
    pub results: Part,
    /// What was written of the others.
    pub rejects: Part,
}

/// Why a shard could not be scored. A wrong record is no reason.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The input could not be read.
    #[error("the input can't be read: {0}")]
    Read(#[source] io::Error),
    /// A part could not be written.
    #[error("a part can't be written: {0}")]
    Write(#[source] io::Error),
    /// The job's header is not that of a file of customers.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A record goes on over several lines, so that a range of bytes may begin in its midst.
    #[error(
        "the record at byte {0} has a line break in quotes, so the input can't be cut into shards; run it unsharded"
    )]
    QuotedLineBreak(u64),
}

/// Scores one shard of an input. `progress` is told from time to time how many more records are done.
///
/// The first shard's parts begin with a header, so that all parts of a kind in their order are one CSV file.
///
/// # Errors
/// When the input can't be read, a part can't be written or the input can't be cut. What was written is then useless.
pub fn score(
    view: &View<'_>,
    job: &Job,
    shard: &Shard,
    input: &(impl Open + ?Sized),
    results: impl Write + Send,
    rejects: impl Write,
    progress: impl FnMut(u64),
) -> Result<Report, ScoreError> {
    let layout = &job.layout;
    let is_first = shard.index == 0;
    let rejects = Rejects::begin(rejects, is_first).map_err(ScoreError::Write)?;
    let source = Source { job, shard, input };
    match job.results {
        ResultsFormat::Csv => {
            let results = CsvResults::begin(results, &view.schema, &layout.kept, is_first);
            let results = results.map_err(ScoreError::Write)?;
            source.score(Outcome::new(view, layout, results, rejects), progress)
        }
        #[cfg(feature = "parquet")]
        ResultsFormat::Parquet => {
            let results = ParquetResults::begin(results, source.types_kept(&view.schema)?);
            let results = results.map_err(ScoreError::Write)?;
            source.score(Outcome::new(view, layout, results, rejects), progress)
        }
    }
}

/// A shard and what it is read from.
struct Source<'s, I: ?Sized> {
    job: &'s Job,
    shard: &'s Shard,
    input: &'s I,
}

impl<I: Open + ?Sized> Source<'_, I> {
    /// Scores all of its rows.
    fn score<R: Results, W: Write>(
        &self,
        outcome: Outcome<'_, R, W>,
        progress: impl FnMut(u64),
    ) -> Result<Report, ScoreError> {
        let Self { job, shard, input } = *self;
        let (layout, schema) = (&job.layout, &outcome.view.schema);
        let lines = || lines_of(job, shard, input).map_err(ScoreError::Read);
        let outcome = match &layout.format {
            Format::Csv {
                delimiter,
                width,
                places,
            } => {
                let encoding = layout.encoding;
                let columns = &layout.columns;
                let rows = CsvRows::new(
                    shard,
                    lines()?,
                    encoding,
                    *delimiter,
                    *width,
                    places,
                    columns,
                );
                outcome.of(rows, progress)?
            }
            Format::JsonLines => {
                let rows = JsonLines::new(shard, lines()?, schema, &layout.columns);
                outcome.of(rows, progress)?
            }
            #[cfg(feature = "parquet")]
            Format::Parquet { groups, places } => {
                let rows = ParquetRows::new(job, shard, input, groups, places, schema)?;
                outcome.of(rows, progress)?
            }
            Format::Document => {
                let held = held(input, layout.decoder())?.unwrap_or_default();
                let table = Table::read(&held, &layout.confirmed, &reader::is_known(schema));
                let table = table.map_err(LayoutError::Table)?;
                outcome.of(TableRows::new(&table), progress)?
            }
        };
        outcome.report(job, shard).map_err(ScoreError::Write)
    }

    /// The types of the columns that are kept, the id's first.
    #[cfg(feature = "parquet")]
    fn types_kept(&self, schema: &Schema<'_>) -> Result<Vec<Type>, ScoreError> {
        let kept = self.job.layout.kept.iter();
        let names = [schema.id_column()].into_iter();
        let names: Vec<&str> = names.chain(kept.map(|kept| kept.name.as_str())).collect();
        let mut errors = FieldErrors::default();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                errors.add(
                    name,
                    "is there twice, and columns of a Parquet file have different names; rename one",
                );
            }
        }
        errors.unless_any(()).map_err(LayoutError::Columns)?;
        let layout = &self.job.layout;
        let types: Result<_, _> = match &layout.format {
            Format::Parquet { .. } => {
                let file = crate::parquet::open(self.input)?;
                let columns = [layout.columns.id_column()].into_iter();
                columns
                    .chain(layout.kept.iter().map(|kept| Some(kept.column)))
                    .zip(names)
                    .map(|(column, name)| match column {
                        Some(column) => file.type_kept(column, name),
                        None => text_type(name),
                    })
                    .collect()
            }
            _ => names.into_iter().map(text_type).collect(),
        };
        types.map_err(|error| ScoreError::Write(io::Error::other(error)))
    }
}

/// The lines of a shard, its first one next.
fn lines_of<'i>(
    job: &Job,
    shard: &Shard,
    input: &'i (impl Open + ?Sized),
) -> io::Result<Lines<Box<dyn Read + 'i>>> {
    let range = job.range(shard);
    let start = range.start;
    let input = match job.layout.can_be_cut() {
        true => input.open(range)?,
        false => job.layout.decoder().open(input)?,
    };
    let mut lines = Lines::new(input, job.layout.line_break, start);
    if shard.index == 0 {
        lines.skip_to(shard.start)?;
    } else {
        lines.skip_line(shard.end)?;
    }
    Ok(lines)
}

/// Customers that wait for being scored together.
#[derive(Default)]
struct Batch {
    profiles: Vec<Profile>,
    rows: Vec<f32>,
    kept: Kept,
}

impl Batch {
    fn len(&self) -> usize {
        self.profiles.len()
    }

    fn push(&mut self, view: &View<'_>, layout: &Layout, cells: Cells<'_>) -> Result<(), Reject> {
        let cell = |column| cells.cell(column).map(Ok);
        let mut errors = FieldErrors::default();
        let profile = layout.columns.profile_in(&view.schema, cell, &mut errors);
        self.keep(view, layout, profile.ok_or(errors)?, cells);
        Ok(())
    }

    fn keep(&mut self, view: &View<'_>, layout: &Layout, profile: Profile, cells: Cells<'_>) {
        let id = layout.columns.id_column();
        let id = id.and_then(|column| cells.cell(column));
        self.kept.push(id.unwrap_or_default());
        for kept in &layout.kept {
            self.kept.push(cells.cell(kept.column).unwrap_or_default());
        }
        view.model.push_row(profile.codes(), &mut self.rows);
        self.profiles.push(profile);
    }

    fn clear(&mut self) {
        self.profiles.clear();
        self.rows.clear();
        self.kept.clear();
    }
}

/// The rejects of a shard.
struct Rejects<W> {
    out: Noting<W>,
    rows: u64,
    reasons: Reasons,
    /// What is to be written next.
    text: Vec<u8>,
}

impl<W: Write> Rejects<W> {
    fn begin(out: W, is_first: bool) -> io::Result<Self> {
        let mut out = Noting::new(out);
        if is_first {
            out.write_all(REJECTS_HEADER)?;
        }
        Ok(Self {
            out,
            rows: 0,
            reasons: Reasons::default(),
            text: Vec::new(),
        })
    }

    fn write(&mut self, place: Place, reject: Reject) -> io::Result<()> {
        self.rows += 1;
        self.reasons.count(reject.reasons);
        self.text.clear();
        for number in [place.line, place.offset] {
            if let Some(number) = number {
                self.text.extend_from_slice(number.to_string().as_bytes());
            }
            self.text.push(b',');
        }
        csv_cell::push(&mut self.text, &reject.detail);
        self.text.push(b'\n');
        self.out.write_all(&self.text)
    }
}

/// The two parts of a shard and what is counted while they are written.
struct Outcome<'v, R, W> {
    view: &'v View<'v>,
    layout: &'v Layout,
    /// The names of the model's features.
    features: Vec<&'v str>,
    batch: Batch,
    results: R,
    rejects: Rejects<W>,
    rows_in: u64,
    risk_levels: RiskLevels,
    bins: BinCounts,
    scores: Scores,
}

impl<'v, R: Results, W: Write> Outcome<'v, R, W> {
    fn new(view: &'v View<'v>, layout: &'v Layout, results: R, rejects: Rejects<W>) -> Self {
        let features: Vec<&str> = view.model.fields().map(|field| field.name()).collect();
        Self {
            view,
            layout,
            batch: Batch::default(),
            results,
            rejects,
            rows_in: 0,
            risk_levels: RiskLevels::none(&view.schema),
            bins: BinCounts::new(features.len()),
            scores: Scores::default(),
            features,
        }
    }

    /// What comes of these rows.
    fn of(
        mut self,
        mut rows: impl Rows,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, ScoreError> {
        let mut told = 0;
        loop {
            let (place, read) = match rows.next()? {
                Next::End => break,
                Next::Blank => continue,
                #[cfg(feature = "parquet")]
                Next::Known(profile, cells) => {
                    let (view, layout) = (self.view, self.layout);
                    self.batch.keep(view, layout, profile.clone(), cells);
                    (Place::default(), Ok(()))
                }
                Next::Row(place, cells) => {
                    let (view, layout) = (self.view, self.layout);
                    let read = cells.and_then(|cells| self.batch.push(view, layout, cells));
                    (place, read)
                }
            };
            self.rows_in += 1;
            if let Err(reject) = read {
                let written = self.rejects.write(place, reject);
                written.map_err(ScoreError::Write)?;
            }
            if self.batch.len() == BATCH {
                self.write_batch().map_err(ScoreError::Write)?;
            }
            if self.rows_in - told == BATCH as u64 {
                progress(self.rows_in - told);
                told = self.rows_in;
            }
        }
        self.write_batch().map_err(ScoreError::Write)?;
        progress(self.rows_in - told);
        Ok(self)
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let batch = &self.batch;
        let (view, features) = (self.view, &self.features);
        let probabilities = view.model.probabilities(&batch.rows);
        let contributions = explanation::contributions(view, &batch.rows);
        let nudges = nudges::best(view, &batch.profiles, &probabilities);
        let levels: Vec<RiskLevel<'_>> = (probabilities.iter())
            .map(|probability| view.schema.level(*probability))
            .collect();
        for level in &levels {
            self.risk_levels.count(*level);
        }
        let reasons: Vec<_> = contributions
            .chunks_exact(features.len() + 1)
            .map(|shap| {
                let strongest = strongest(&shap[..features.len()]);
                strongest.map(|feature| feature.map(|feature| (features[feature], shap[feature])))
            })
            .collect();
        self.results.write(&Scored {
            kept: &batch.kept,
            probabilities: &probabilities,
            levels: &levels,
            reasons: &reasons,
            nudges: &nudges,
        })?;
        self.bins.count(view, &batch.rows);
        for probability in &probabilities {
            self.scores.count(*probability);
        }
        self.batch.clear();
        Ok(())
    }

    fn report(self, job: &Job, shard: &Shard) -> io::Result<Report> {
        Ok(Report {
            job: job.fingerprint(),
            shard: shard.index,
            rows_in: self.rows_in,
            rows_out: self.risk_levels.total(),
            rows_rejected: self.rejects.rows,
            reasons: self.rejects.reasons,
            risk_levels: self.risk_levels,
            bins: self.bins.by_name(self.view),
            scores: self.scores,
            results: self.results.finish(job.results_name(shard))?,
            rejects: self.rejects.out.noted(shard.rejects_name()),
        })
    }
}

/// The features whose contributions are largest in magnitude, the largest first; of equals the one that comes first. None where
/// the model has no more.
fn strongest(contributions: &[f32]) -> [Option<usize>; REASONS] {
    let mut strongest = [(None, -1.0); REASONS];
    for (feature, contribution) in contributions.iter().enumerate() {
        let mut next = (Some(feature), contribution.abs());
        for place in &mut strongest {
            if next.1 > place.1 {
                std::mem::swap(place, &mut next);
            }
        }
    }
    strongest.map(|(feature, _)| feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_of_equals_the_earlier() {
        let mut contributions = [0.0; 9];
        contributions[3] = -0.5;
        contributions[7] = 0.5;
        contributions[5] = 0.75;
        assert_eq!(strongest(&contributions), [Some(5), Some(3), Some(7)]);
        assert_eq!(strongest(&[0.0; 9]), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn the_strongest_of_a_small_model_are_all_it_has() {
        assert_eq!(strongest(&[0.25, -0.5]), [Some(1), Some(0), None]);
    }
}
