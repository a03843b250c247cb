//! What is to be scored, and how it is cut.

#[cfg(feature = "parquet")]
use crate::layout::Format;
use crate::layout::Layout;
use crate::lines::LONGEST_LINE;
use crate::part::Noting;
use engagetrack::View;
#[cfg(feature = "parquet")]
use reader::RowGroup;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::ops::Range;

/// Which input this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name for people.
    pub name: String,
    /// Its size in bytes, as it is stored.
    pub bytes: u64,
    /// What is another whenever the content is another: a time of modification, an ETag.
    pub version: String,
}

/// One input and how it is cut into shards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The input.
    pub input: Input,
    /// How it is laid out.
    pub layout: Layout,
    /// How many bytes each shard covers, the last one perhaps fewer; null for one shard over all.
    pub shard_bytes: Option<u64>,
    /// What the results are written as.
    #[serde(default, skip_serializing_if = "ResultsFormat::is_csv")]
    pub results: ResultsFormat,
    /// The version of the model that scores.
    pub model_version: String,
    /// The version of the catalogue of nudges.
    pub nudges_version: String,
    /// The version of the workspace, by which records are read, levels named and nudges ordered. Empty in jobs of versions of the
    /// program that had but one.
    #[serde(default)]
    pub workspace_version: String,
    /// The version of this program.
    pub program_version: String,
}

/// What results are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultsFormat {
    /// Parts that in their order are one CSV file.
    #[default]
    Csv,
    /// Parts of which each is a Parquet file.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl ResultsFormat {
    fn is_csv(&self) -> bool {
        *self == Self::Csv
    }
}

/// A range of an input whose records are scored together: those that begin in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its position among the job's shards, from 0.
    pub index: u64,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Where the next one begins; null for the only shard, which ends with the input.
    pub end: Option<u64>,
    /// The number of the first line that begins in it, where that is known; the rejects then name lines.
    pub first_line: Option<u64>,
}

impl Job {
    /// Cuts an input into shards of `shard_bytes`, or not at all. See [`Layout::can_be_cut`].
    ///
    /// # Panics
    /// When `shard_bytes` is 0.
    pub fn new(view: &View<'_>, input: Input, layout: Layout, shard_bytes: Option<u64>) -> Self {
        assert_ne!(shard_bytes, Some(0), "a shard covers at least one byte");
        let body = input.bytes.saturating_sub(layout.body);
        Self {
            shard_bytes: shard_bytes.filter(|bytes| layout.can_be_cut() && *bytes < body),
            input,
            layout,
            results: ResultsFormat::default(),
            model_version: view.model.version().to_owned(),
            nudges_version: view.nudges.version().to_owned(),
            workspace_version: view.version().to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The same job with results in this format.
    pub fn with_results(self, results: ResultsFormat) -> Self {
        Self { results, ..self }
    }

    /// The name of a shard's results.
    pub fn results_name(&self, shard: &Shard) -> String {
        let ending = match self.results {
            ResultsFormat::Csv => "csv",
            #[cfg(feature = "parquet")]
            ResultsFormat::Parquet => "parquet",
        };
        format!("results-{:05}.{ending}", shard.index)
    }

    /// How many shards there are, at least one.
    pub fn shard_count(&self) -> u64 {
        #[cfg(feature = "parquet")]
        if let Format::Parquet { groups, .. } = &self.layout.format {
            return self.cut_of(groups).len() as u64;
        }
        self.shard_bytes.map_or(1, |bytes| {
            (self.input.bytes - self.layout.body).div_ceil(bytes)
        })
    }

    /// The shards in their order. Only the first one's line is known without reading what comes before, unless there are no lines.
    pub fn shards(&self) -> Box<dyn Iterator<Item = Shard> + Send + '_> {
        #[cfg(feature = "parquet")]
        if let Format::Parquet { groups, .. } = &self.layout.format {
            return Box::new(self.shards_of(groups).into_iter());
        }
        Box::new((0..self.shard_count()).map(|index| {
            let start = self.layout.body + index * self.shard_bytes.unwrap_or(0);
            let end = |bytes| self.input.bytes.min(start + bytes);
            Shard {
                index,
                start,
                end: self.shard_bytes.map(end),
                first_line: (index == 0).then_some(self.layout.body_line),
            }
        }))
    }

    /// Cuts a Parquet file into shards of whole row groups, of which all but the last have at least the bytes asked for.
    #[cfg(feature = "parquet")]
    fn cut_of(&self, groups: &[RowGroup]) -> Vec<Range<usize>> {
        let least = self.shard_bytes.unwrap_or(u64::MAX);
        let mut cut = Vec::new();
        let (mut start, mut bytes) = (0, 0_u64);
        for (index, group) in groups.iter().enumerate() {
            bytes = bytes.saturating_add(group.bytes);
            if bytes >= least || index + 1 == groups.len() {
                cut.push(start..index + 1);
                (start, bytes) = (index + 1, 0);
            }
        }
        if cut.is_empty() {
            cut.push(0..0);
        }
        cut
    }

    /// Where shards of these row groups begin and end is told in bytes of row groups.
    #[cfg(feature = "parquet")]
    fn shards_of(&self, groups: &[RowGroup]) -> Vec<Shard> {
        let cut = self.cut_of(groups);
        let is_only = cut.len() == 1;
        let mut start = 0;
        cut.into_iter()
            .enumerate()
            .map(|(index, range)| {
                let first = groups.get(range.start).map_or(0, |group| group.first);
                let bytes: u64 = groups[range].iter().map(|group| group.bytes).sum();
                let shard = Shard {
                    index: index as u64,
                    start,
                    end: (!is_only).then_some(start + bytes),
                    first_line: Some(first + 1),
                };
                start += bytes;
                shard
            })
            .collect()
    }

    /// The row groups of a shard of a Parquet file.
    #[cfg(feature = "parquet")]
    pub(crate) fn row_groups(&self, shard: &Shard) -> Range<usize> {
        let Format::Parquet { groups, .. } = &self.layout.format else {
            return 0..0;
        };
        let cut = self.cut_of(groups);
        cut.get(shard.index as usize).cloned().unwrap_or(0..0)
    }

    /// The bytes of the input, as it is stored, that [`score`](crate::score) reads for a shard.
    ///
    /// They begin one byte early, for only what stands before a shard shows whether its first byte begins a line, and end
    /// late, for a record that begins in the shard may end beyond it.
    pub fn range(&self, shard: &Shard) -> Range<u64> {
        match shard.end {
            None => 0..self.input.bytes,
            Some(end) => {
                let end = end.saturating_add(LONGEST_LINE as u64);
                shard.start.saturating_sub(1)..end.min(self.input.bytes)
            }
        }
    }

    /// What is another for every other job: SHA-256 in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let mut noting = Noting::new(std::io::sink());
        serde_json::to_writer(&mut noting, self)
            .and_then(|()| noting.flush().map_err(serde_json::Error::io))
            .expect("a job is JSON, and a sink takes all");
        noting.noted(String::new()).sha256
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Shard {
    /// Whether it is the only one, in which records may go on over several lines.
    pub fn is_whole(&self) -> bool {
        self.end.is_none()
    }

    /// The name of the rejects.
    pub fn rejects_name(&self) -> String {
        format!("rejects-{:05}.csv", self.index)
    }

    /// The name of the report, which is written when both parts are complete.
    pub fn report_name(&self) -> String {
        format!("report-{:05}.json", self.index)
    }
}
