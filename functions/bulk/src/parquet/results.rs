//! Results as a Parquet file.

use crate::part::{Noting, Part};
use crate::results::{REASONS, Results, Scored};
use crate::table::ADDED;
use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Stored};
use ::parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{ColumnPath, Type};
use indexmap::IndexSet;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

/// How many customers a row group has at most.
const GROUP: usize = 1 << 16;

/// A row group also ends when this many bytes of kept texts wait in memory.
const GROUP_TEXT: usize = 16 << 20;

/// How many texts are handed on at a time.
const BATCH: usize = 1 << 10;

/// Results, of which a row group at a time is in memory.
pub(crate) struct ParquetResults<W: Write + Send> {
    writer: SerializedFileWriter<Noting<W>>,
    kept: Vec<Kept>,
    scores: Scores,
}

impl<W: Write + Send> ParquetResults<W> {
    /// Results with columns of these types kept, of which the first is the id.
    ///
    /// # Errors
    /// When the beginning can't be written.
    pub(crate) fn begin(out: W, kept: Vec<Type>) -> io::Result<Self> {
        let buffers = kept.iter().map(Kept::of).collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk);
        // Hardly any value of these comes twice.
        let id = kept.first().map(Type::name);
        for name in id
            .into_iter()
            .chain(["churn_probability", "projected_probability"])
        {
            let path = ColumnPath::new(vec![name.to_owned()]);
            properties = properties.set_column_dictionary_enabled(path, false);
        }
        let mut fields = kept;
        for name in ADDED {
            fields.push(added_type(name).map_err(unwritable)?);
        }
        let schema = Type::group_type_builder("customers")
            .with_fields(fields.into_iter().map(Arc::new).collect())
            .build()
            .map_err(unwritable)?;
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(Noting::new(out), Arc::new(schema), properties);
        Ok(Self {
            writer: writer.map_err(unwritable)?,
            kept: buffers,
            scores: Scores::default(),
        })
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.scores.len() == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(unwritable)?;
        for kept in &mut self.kept {
            kept.write(&mut group).map_err(unwritable)?;
        }
        self.scores.write(&mut group).map_err(unwritable)?;
        group.close().map_err(unwritable)?;
        Ok(())
    }
}

impl<W: Write + Send> Results for ParquetResults<W> {
    fn write(&mut self, scored: &Scored<'_>) -> io::Result<()> {
        let mut cells = scored.kept.cells();
        for _ in scored.probabilities {
            for (kept, cell) in self.kept.iter_mut().zip(cells.by_ref()) {
                kept.push(cell)?;
            }
        }
        self.scores.push(scored);
        let waiting: usize = self.kept.iter().map(Kept::bytes).sum();
        if self.scores.len() >= GROUP || waiting >= GROUP_TEXT {
            self.write_group()?;
        }
        Ok(())
    }

    fn finish(mut self, name: String) -> io::Result<Part> {
        self.write_group()?;
        let out = self.writer.into_inner().map_err(unwritable)?;
        Ok(out.noted(name))
    }
}

fn unwritable(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => io::Error::other(source),
        other => io::Error::other(other),
    }
}

/// The type of a column of texts.
pub(crate) fn text_type(name: &str) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, Stored::BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::String))
        .build()
}

/// The type of a column that results have beyond those that are kept.
fn added_type(name: &str) -> Result<Type, ParquetError> {
    let stored = match name {
        "churn_probability" | "projected_probability" => Stored::DOUBLE,
        contribution if contribution.starts_with("contribution_") => Stored::FLOAT,
        _ => return text_type(name),
    };
    Type::primitive_type_builder(name, stored)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

type Group<'g, W> = SerializedRowGroupWriter<'g, W>;

/// Values of a column that wait for their row group.
struct Values<T: DataType> {
    /// 1 for each value that is there, and 0 for one that is missing.
    levels: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Default for Values<T> {
    fn default() -> Self {
        Self {
            levels: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<T: DataType> Values<T> {
    #[inline]
    fn push(&mut self, value: Option<T::T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    /// Adds a value that is written as text; none where that is blank.
    fn push_text(&mut self, text: &str) -> io::Result<()>
    where
        T::T: FromStr,
    {
        let value = match text {
            "" => None,
            _ => Some(text.parse().map_err(|_| {
                io::Error::other(format!("{text:?} is no value of its column's type"))
            })?),
        };
        self.push(value);
        Ok(())
    }

    fn write<W: Write + Send>(&mut self, group: &mut Group<'_, W>) -> Result<(), ParquetError> {
        if let Some(mut column) = group.next_column()? {
            let typed = column.typed::<T>();
            typed.write_batch(&self.values, Some(&self.levels), None)?;
            column.close()?;
        }
        self.levels.clear();
        self.values.clear();
        Ok(())
    }
}

/// Texts that wait for their row group.
#[derive(Default)]
struct Texts {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len());
    }

    fn write<W: Write + Send>(&mut self, group: &mut Group<'_, W>) -> Result<(), ParquetError> {
        let text = bytes::Bytes::from(std::mem::take(&mut self.text));
        let mut start = 0;
        let texts = self.ends.drain(..).map(|end| {
            let text = text.slice(start..end);
            start = end;
            (!text.is_empty()).then(|| ByteArray::from(text))
        });
        write_texts(texts, group)
    }
}

/// Writes a column of texts, of which few at a time are known one by one.
fn write_texts<W: Write + Send>(
    mut texts: impl Iterator<Item = Option<ByteArray>>,
    group: &mut Group<'_, W>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Ok(());
    };
    let mut batch = Values::<ByteArrayType>::default();
    loop {
        texts.by_ref().take(BATCH).for_each(|text| batch.push(text));
        if batch.levels.is_empty() {
            break;
        }
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&batch.values, Some(&batch.levels), None)?;
        batch.levels.clear();
        batch.values.clear();
    }
    column.close()
}

/// A column of words that come again and again, each by its place among those that are known; none where it is missing.
#[derive(Default)]
struct Words {
    known: IndexSet<Box<str>>,
    places: Vec<Option<usize>>,
}

impl Words {
    #[inline]
    fn push(&mut self, word: Option<&str>) {
        let place = word.map(|word| {
            let known = self.known.get_index_of(word);
            known.unwrap_or_else(|| self.known.insert_full(word.into()).0)
        });
        self.places.push(place);
    }

    fn write<W: Write + Send>(&mut self, group: &mut Group<'_, W>) -> Result<(), ParquetError> {
        let known: Vec<ByteArray> = self.known.iter().map(|word| (**word).into()).collect();
        let words = self.places.drain(..);
        write_texts(words.map(|place| Some(known[place?].clone())), group)
    }
}

/// A column that is kept, in the type that it had.
enum Kept {
    Texts(Texts),
    Flags(Values<BoolType>),
    Ints(Values<Int32Type>),
    Longs(Values<Int64Type>),
    Singles(Values<FloatType>),
    Doubles(Values<DoubleType>),
}

impl Kept {
    fn of(kept: &Type) -> Self {
        match kept.get_physical_type() {
            Stored::BOOLEAN => Self::Flags(Values::default()),
            Stored::INT32 => Self::Ints(Values::default()),
            Stored::INT64 => Self::Longs(Values::default()),
            Stored::FLOAT => Self::Singles(Values::default()),
            Stored::DOUBLE => Self::Doubles(Values::default()),
            _ => Self::Texts(Texts::default()),
        }
    }

    fn push(&mut self, cell: &str) -> io::Result<()> {
        match self {
            Self::Texts(texts) => texts.push(cell),
            Self::Flags(values) => values.push_text(cell)?,
            Self::Ints(values) => values.push_text(cell)?,
            Self::Longs(values) => values.push_text(cell)?,
            Self::Singles(values) => values.push_text(cell)?,
            Self::Doubles(values) => values.push_text(cell)?,
        }
        Ok(())
    }

    /// How many bytes of texts wait.
    fn bytes(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.text.len(),
            _ => 0,
        }
    }

    fn write<W: Write + Send>(&mut self, group: &mut Group<'_, W>) -> Result<(), ParquetError> {
        match self {
            Self::Texts(texts) => texts.write(group),
            Self::Flags(values) => values.write(group),
            Self::Ints(values) => values.write(group),
            Self::Longs(values) => values.write(group),
            Self::Singles(values) => values.write(group),
            Self::Doubles(values) => values.write(group),
        }
    }
}

/// The columns that results have beyond those that are kept.
#[derive(Default)]
struct Scores {
    probabilities: Values<DoubleType>,
    levels: Words,
    reasons: [(Words, Values<FloatType>); REASONS],
    nudges: Words,
    categories: Words,
    projected: Values<DoubleType>,
}

impl Scores {
    fn len(&self) -> usize {
        self.probabilities.levels.len()
    }

    fn push(&mut self, scored: &Scored<'_>) {
        for probability in scored.probabilities {
            self.probabilities.push(Some(*probability));
        }
        for level in scored.levels {
            self.levels.push(Some(level.name));
        }
        for reasons in scored.reasons {
            for ((features, contributions), reason) in self.reasons.iter_mut().zip(reasons) {
                features.push(reason.map(|(feature, _)| feature));
                contributions.push(reason.map(|(_, contribution)| contribution));
            }
        }
        for nudge in scored.nudges {
            self.nudges.push(Some(nudge.id));
            self.categories.push(Some(nudge.category));
            self.projected.push(Some(nudge.projected_probability));
        }
    }

    /// Writes them in the order of [`ADDED`].
    fn write<W: Write + Send>(&mut self, group: &mut Group<'_, W>) -> Result<(), ParquetError> {
        self.probabilities.write(group)?;
        self.levels.write(group)?;
        for (features, contributions) in &mut self.reasons {
            features.write(group)?;
            contributions.write(group)?;
        }
        self.nudges.write(group)?;
        self.categories.write(group)?;
        self.projected.write(group)
    }
}
