//! One shard, from the bytes of the input to the bytes of two parts.

use crate::job::{Job, Shard};
use crate::layout::{LayoutError, listed, sentence};
use crate::lines::{LineEnd, Lines};
use crate::part::{Noting, Part};
use crate::reasons::Reasons;
use crate::records::{Cells, Next, Records, TOO_LONG};
use crate::table::{REJECTS_HEADER, Table, results_header};
use engagetrack::csv_cell;
use engagetrack::drift::{BinCounts, ByName};
use engagetrack::{View, explanation, nudges};
use indexmap::IndexMap;
use schema::intake::Json;
use schema::{FieldErrors, Profile, RiskLevel, Schema};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// How many customers are scored at a time.
const BATCH: usize = 512;

/// How many reasons are given for each.
const REASONS: usize = 3;

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

/// Scores one shard. `input` yields the bytes of [`Job::range`]; the scorer may stop before the end. `progress` is told
/// from time to time how many more records are done.
///
/// The first shard's parts begin with a header, so that all parts of a kind in their order are one CSV file.
///
/// # Errors
/// When the input can't be read, a part can't be written or the input can't be cut. What was written is then useless.
pub fn score(
    view: &View<'_>,
    job: &Job,
    shard: &Shard,
    input: impl Read,
    results: impl Write,
    rejects: impl Write,
    mut progress: impl FnMut(u64),
) -> Result<Report, ScoreError> {
    let table = Table::of(&view.schema, job.format()).map_err(LayoutError::Header)?;
    let mut outcome = Outcome::new(view, results, rejects);
    if shard.index == 0 {
        outcome.write_headers(table.as_ref())?;
    }
    let mut lines = lines_of(job, shard, job.layout.decoded(input)).map_err(ScoreError::Read)?;
    let before = lines.taken();
    let mut records = Records::new(
        table.as_ref().map(|table| table.width),
        job.layout.line_break,
    );
    let mut rows_in = 0;
    let mut told = 0;
    while shard.end.is_none_or(|end| lines.offset() < end) {
        let place = Place {
            line: shard.first_line.map(|first| first + lines.taken() - before),
            offset: lines.offset(),
        };
        let read = match &table {
            Some(table) => match records
                .next(&mut lines, shard.end)
                .map_err(ScoreError::Read)?
            {
                Next::End => break,
                Next::Blank => continue,
                Next::Joined(_) if !shard.is_whole() => {
                    return Err(ScoreError::QuotedLineBreak(place.offset));
                }
                Next::Record(cells) | Next::Joined(cells) => outcome.push_cells(table, cells),
                Next::Wrong(detail) => Err(Reject::of_line(detail)),
            },
            None => match json_line(&mut lines, shard.end).map_err(ScoreError::Read)? {
                JsonLine::End => break,
                JsonLine::Blank => continue,
                JsonLine::Wrong(detail) => Err(Reject::of_line(detail)),
                JsonLine::Text(text) => outcome.push_json(text),
            },
        };
        rows_in += 1;
        if let Err(reject) = read {
            outcome.reject(place, reject)?;
        }
        if outcome.batch.len() == BATCH {
            outcome.write_batch()?;
        }
        if rows_in - told == BATCH as u64 {
            progress(rows_in - told);
            told = rows_in;
        }
    }
    outcome.write_batch()?;
    progress(rows_in - told);
    Ok(outcome.report(job, shard, rows_in))
}

/// The lines of a shard, its first one next.
fn lines_of<'r>(
    job: &Job,
    shard: &Shard,
    input: Box<dyn Read + 'r>,
) -> io::Result<Lines<Box<dyn Read + 'r>>> {
    let start = job.range(shard).start;
    let mut lines = Lines::new(input, job.layout.line_break, start);
    if shard.index == 0 {
        lines.skip_to(shard.start)?;
    } else {
        lines.skip_line(shard.end)?;
    }
    Ok(lines)
}

/// Where a record begins.
#[derive(Clone, Copy)]
struct Place {
    line: Option<u64>,
    offset: u64,
}

/// What stands next in a file of JSON lines.
enum JsonLine<'a> {
    End,
    Blank,
    Text(&'a [u8]),
    Wrong(&'static str),
}

fn json_line<R: Read>(lines: &mut Lines<R>, until: Option<u64>) -> io::Result<JsonLine<'_>> {
    let length = match lines.find_end(0)? {
        LineEnd::Input(0) => return Ok(JsonLine::End),
        LineEnd::At(length) | LineEnd::Input(length) => length,
        LineEnd::TooFar => {
            lines.skip_line(until)?;
            return Ok(JsonLine::Wrong(TOO_LONG));
        }
    };
    let line_break = lines.line_break();
    let line = line_break.strip(lines.take(length, 1));
    Ok(match line.trim_ascii().is_empty() {
        true => JsonLine::Blank,
        false => JsonLine::Text(line),
    })
}

/// Why a record can't be scored.
struct Reject {
    /// Everything that is wrong with it, with what was found.
    detail: String,
    /// What is wrong, one by one, without what was found.
    reasons: Vec<String>,
}

impl Reject {
    fn of_line(detail: &'static str) -> Self {
        Self::new(detail.to_owned(), detail)
    }

    fn new(detail: String, reason: &str) -> Self {
        Self {
            detail,
            reasons: vec![reason.to_owned()],
        }
    }
}

impl From<FieldErrors> for Reject {
    fn from(errors: FieldErrors) -> Self {
        let each = errors.listed().iter();
        Self {
            reasons: each.map(|error| sentence(error, error.rule())).collect(),
            detail: listed(&errors),
        }
    }
}

/// Customers that wait for being scored together.
#[derive(Default)]
struct Batch {
    profiles: Vec<Profile>,
    rows: Vec<f32>,
    /// The id and the extra columns of each, as they go into the results.
    kept: Vec<u8>,
    kept_ends: Vec<usize>,
}

impl Batch {
    fn len(&self) -> usize {
        self.profiles.len()
    }

    fn push_cells(
        &mut self,
        view: &View<'_>,
        table: &Table,
        cells: Cells<'_>,
    ) -> Result<(), Reject> {
        if cells.len() != table.width {
            return Err(Reject::new(
                format!(
                    "has {} cells, and the header has {}",
                    cells.len(),
                    table.width
                ),
                "has more or fewer cells than the header",
            ));
        }
        let text = cells
            .text()
            .ok_or_else(|| Reject::of_line("is not UTF-8"))?;
        let cell = |column| Some(&text[cells.bounds(column)?]);
        let mut errors = FieldErrors::default();
        let profile = table
            .columns
            .profile_in(&view.schema, |column| cell(column).map(Ok), &mut errors)
            .ok_or(errors)?;
        let id = table.columns.id_column().and_then(cell);
        csv_cell::push(&mut self.kept, id.unwrap_or_default());
        for column in &table.kept {
            self.kept.push(b',');
            csv_cell::push(&mut self.kept, cell(*column).unwrap_or_default());
        }
        self.push(view, profile);
        Ok(())
    }

    fn push_json(&mut self, view: &View<'_>, text: &[u8]) -> Result<(), Reject> {
        let json: Json = serde_json::from_slice(text)
            .map_err(|error| Reject::new(format!("is not JSON: {error}"), "is not JSON"))?;
        let submission = view.schema.submission(&json)?;
        csv_cell::push(&mut self.kept, &submission.customer_id.unwrap_or_default());
        self.push(view, submission.profile);
        Ok(())
    }

    fn push(&mut self, view: &View<'_>, profile: Profile) {
        view.model.push_row(profile.codes(), &mut self.rows);
        self.profiles.push(profile);
        self.kept_ends.push(self.kept.len());
    }

    fn clear(&mut self) {
        self.profiles.clear();
        self.rows.clear();
        self.kept.clear();
        self.kept_ends.clear();
    }
}

/// The two parts of a shard and what is counted while they are written.
struct Outcome<'v, A, B> {
    view: &'v View<'v>,
    /// The names of the model's features.
    features: Vec<&'v str>,
    batch: Batch,
    results: Noting<A>,
    rejects: Noting<B>,
    risk_levels: RiskLevels,
    bins: BinCounts,
    rows_rejected: u64,
    reasons: Reasons,
    /// What is to be written next.
    text: Vec<u8>,
}

impl<'v, A: Write, B: Write> Outcome<'v, A, B> {
    fn new(view: &'v View<'v>, results: A, rejects: B) -> Self {
        let features: Vec<&str> = view.model.fields().map(|field| field.name()).collect();
        Self {
            view,
            batch: Batch::default(),
            results: Noting::new(results),
            rejects: Noting::new(rejects),
            risk_levels: RiskLevels::none(&view.schema),
            bins: BinCounts::new(features.len()),
            features,
            rows_rejected: 0,
            reasons: Reasons::default(),
            text: Vec::new(),
        }
    }

    fn push_cells(&mut self, table: &Table, cells: Cells<'_>) -> Result<(), Reject> {
        self.batch.push_cells(self.view, table, cells)
    }

    fn push_json(&mut self, text: &[u8]) -> Result<(), Reject> {
        self.batch.push_json(self.view, text)
    }

    fn write_headers(&mut self, table: Option<&Table>) -> Result<(), ScoreError> {
        self.results
            .write_all(&results_header(&self.view.schema, table))
            .and_then(|()| self.rejects.write_all(REJECTS_HEADER))
            .map_err(ScoreError::Write)
    }

    fn reject(&mut self, place: Place, reject: Reject) -> Result<(), ScoreError> {
        self.rows_rejected += 1;
        self.reasons.count(reject.reasons);
        self.text.clear();
        if let Some(line) = place.line {
            self.text.extend_from_slice(line.to_string().as_bytes());
        }
        self.text.push(b',');
        self.text
            .extend_from_slice(place.offset.to_string().as_bytes());
        self.text.push(b',');
        csv_cell::push(&mut self.text, &reject.detail);
        self.text.push(b'\n');
        self.rejects
            .write_all(&self.text)
            .map_err(ScoreError::Write)
    }

    fn write_batch(&mut self) -> Result<(), ScoreError> {
        let batch = &self.batch;
        let (view, features) = (self.view, self.features.len());
        let probabilities = view.model.probabilities(&batch.rows);
        let contributions = explanation::contributions(view, &batch.rows);
        let nudges = nudges::best(view, &batch.profiles, &probabilities);
        let scored = probabilities
            .iter()
            .zip(contributions.chunks_exact(features + 1))
            .zip(&nudges);
        self.text.clear();
        let mut numbers = zmij::Buffer::new();
        let mut start = 0;
        for (((&probability, shap), nudge), &end) in scored.zip(&batch.kept_ends) {
            let level = view.schema.level(probability);
            self.risk_levels.count(level);
            let text = &mut self.text;
            text.extend_from_slice(&batch.kept[start..end]);
            start = end;
            let mut cell = |cell: &str| {
                text.push(b',');
                text.extend_from_slice(cell.as_bytes());
            };
            cell(numbers.format_finite(probability));
            cell(level.name);
            for feature in strongest(&shap[..features]) {
                cell(feature.map_or("", |feature| self.features[feature]));
                cell(feature.map_or("", |feature| numbers.format_finite(shap[feature])));
            }
            cell(nudge.id);
            cell(nudge.category);
            cell(numbers.format_finite(nudge.projected_probability));
            text.push(b'\n');
        }
        self.bins.count(view, &batch.rows);
        self.batch.clear();
        self.results
            .write_all(&self.text)
            .map_err(ScoreError::Write)
    }

    fn report(self, job: &Job, shard: &Shard, rows_in: u64) -> Report {
        Report {
            job: job.fingerprint(),
            shard: shard.index,
            rows_in,
            rows_out: self.risk_levels.total(),
            rows_rejected: self.rows_rejected,
            reasons: self.reasons,
            risk_levels: self.risk_levels,
            bins: self.bins.by_name(self.view),
            results: self.results.noted(shard.results_name()),
            rejects: self.rejects.noted(shard.rejects_name()),
        }
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
