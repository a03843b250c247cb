//! The values of one column in some rows, as CSV would have them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;
use std::fmt::Write;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Yes and no, numbers with their sign, and texts: what they are stored as.
    Stored,
    Unsigned,
    /// A number with this many decimals.
    Decimal(u32),
    Half,
    Date,
    /// Since midnight, in parts of a second.
    Time(i64),
    /// Since 1970, in parts of a second; in UTC or wherever the clock was.
    Instant {
        per_second: i64,
        is_utc: bool,
    },
    Uuid,
    /// Bytes without a meaning.
    Opaque,
}

impl Kind {
    /// What a column holds.
    ///
    /// # Errors
    /// What it holds that is no cell.
    pub(crate) fn of(column: &ColumnDescriptor) -> std::result::Result<Self, &'static str> {
        if column.max_rep_level() > 0 {
            return Err("lists; each cell must be one value");
        }
        let per_second = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        };
        let is_bytes = matches!(
            column.physical_type(),
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY
        );
        let kind = match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Self::Unsigned,
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => {
                if column.type_precision() > 38 || !(0..=38).contains(&column.type_scale()) {
                    return Err("decimals of more than 38 digits");
                }
                Self::Decimal(column.type_scale() as u32)
            }
            (Some(LogicalType::Float16), _) => Self::Half,
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Self::Date,
            (Some(LogicalType::Time(time)), _) => Self::Time(per_second(&time.unit)),
            (Some(LogicalType::Timestamp(time)), _) => Self::Instant {
                per_second: per_second(&time.unit),
                is_utc: time.is_adjusted_to_u_t_c,
            },
            (Some(LogicalType::Uuid), _) => Self::Uuid,
            (Some(LogicalType::Variant(_)), _) => {
                return Err("variants; each cell must be one value");
            }
            (Some(LogicalType::Geometry(_) | LogicalType::Geography(_)), _) => {
                return Err("shapes on a map; each cell must be a text, number or date");
            }
            (
                None,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64,
            ) => Self::Unsigned,
            (None, ConvertedType::TIME_MILLIS) => Self::Time(1_000),
            (None, ConvertedType::TIME_MICROS) => Self::Time(1_000_000),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Self::Instant {
                per_second: 1_000,
                is_utc: true,
            },
            (None, ConvertedType::TIMESTAMP_MICROS) => Self::Instant {
                per_second: 1_000_000,
                is_utc: true,
            },
            (None, ConvertedType::INTERVAL) => {
                return Err("spans of months, days and milliseconds; each cell must be one value");
            }
            (None, ConvertedType::NONE) if is_bytes => Self::Opaque,
            (None, ConvertedType::NONE) if column.physical_type() == Type::INT96 => Self::Instant {
                per_second: 1_000_000_000,
                is_utc: false,
            },
            _ => Self::Stored,
        };
        // What a damaged file claims of values that are stored otherwise is not believed.
        let fits = match kind {
            Self::Stored => true,
            Self::Unsigned => matches!(column.physical_type(), Type::INT32 | Type::INT64),
            Self::Decimal(_) => {
                is_bytes || matches!(column.physical_type(), Type::INT32 | Type::INT64)
            }
            Self::Half | Self::Uuid | Self::Opaque => is_bytes,
            Self::Date => column.physical_type() == Type::INT32,
            Self::Time(_) => matches!(column.physical_type(), Type::INT32 | Type::INT64),
            Self::Instant { .. } => matches!(column.physical_type(), Type::INT64 | Type::INT96),
        };
        match fits {
            true => Ok(kind),
            false => Err("values of another type than it says"),
        }
    }
}

/// The values of one column in some rows.
pub struct Column {
    kind: Kind,
    /// How deep a value is that is there.
    depth: i16,
    levels: Vec<i16>,
    /// The rows that have a value, by its position; empty where all have one.
    places: Vec<Option<u32>>,
    values: Values,
}

/// Values as they are stored, without those that are missing.
enum Values {
    Flags(Vec<bool>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Instants(Vec<Int96>),
    Singles(Vec<f32>),
    Doubles(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Column {
    pub(crate) fn new(kind: Kind, description: &ColumnDescriptor) -> Self {
        Self {
            kind,
            depth: description.max_def_level(),
            levels: Vec::new(),
            places: Vec::new(),
            values: match description.physical_type() {
                Type::BOOLEAN => Values::Flags(Vec::new()),
                Type::INT32 => Values::Ints(Vec::new()),
                Type::INT64 => Values::Longs(Vec::new()),
                Type::INT96 => Values::Instants(Vec::new()),
                Type::FLOAT => Values::Singles(Vec::new()),
                Type::DOUBLE => Values::Doubles(Vec::new()),
                Type::BYTE_ARRAY => Values::Bytes(Vec::new()),
                Type::FIXED_LEN_BYTE_ARRAY => Values::Fixed(Vec::new()),
            },
        }
    }

    /// Reads the next rows in place of those that are here, and says how many there were.
    pub(crate) fn fill(&mut self, reader: &mut ColumnReader, rows: usize) -> Result<usize> {
        let levels = &mut self.levels;
        let (read, values) = match (&mut self.values, reader) {
            (Values::Flags(values), ColumnReader::BoolColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Ints(values), ColumnReader::Int32ColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Longs(values), ColumnReader::Int64ColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Instants(values), ColumnReader::Int96ColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Singles(values), ColumnReader::FloatColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Doubles(values), ColumnReader::DoubleColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Bytes(values), ColumnReader::ByteArrayColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            (Values::Fixed(values), ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                fill(reader, rows, levels, values)
            }
            // Both were made of the same description.
            _ => Ok((0, 0)),
        }?;
        self.places.clear();
        if values < read {
            let mut next = 0;
            self.places.extend(self.levels.iter().map(|level| {
                let is_there = *level == self.depth;
                let place = is_there.then_some(next);
                next += u32::from(is_there);
                place
            }));
        }
        Ok(read)
    }

    /// Where among the values that of a row is.
    #[inline]
    pub(super) fn place(&self, row: usize) -> Option<usize> {
        match self.places.is_empty() {
            true => Some(row),
            false => self.places[row].map(|place| place as usize),
        }
    }

    /// The cell of a row as CSV would have it, in the buffer unless it is stored as text; none where it is missing.
    #[inline]
    pub fn text<'t>(&'t self, row: usize, buffer: &'t mut String) -> Option<&'t str> {
        self.text_at(self.place(row)?, buffer)
    }

    /// The cell of a row as a column of the [type in which it is kept](super::Parquet::type_kept) has it; none where it is missing.
    pub fn stored<'t>(&'t self, row: usize, buffer: &'t mut String) -> Option<&'t str> {
        let place = self.place(row)?;
        buffer.clear();
        match &self.values {
            Values::Ints(values) => put(buffer, format_args!("{}", values[place])),
            Values::Longs(values) => put(buffer, format_args!("{}", values[place])),
            Values::Instants(values) => put(buffer, format_args!("{}", values[place].to_nanos())),
            _ => return self.text_at(place, buffer),
        }
        Some(buffer)
    }

    /// The cell of a row where it is stored as text, and a digit in its place where it is not; none where it is missing.
    #[inline]
    pub fn sketch(&self, row: usize) -> Option<&str> {
        let place = self.place(row)?;
        let text = match (self.kind, &self.values) {
            (Kind::Stored, Values::Bytes(values)) => str::from_utf8(values[place].data()).ok(),
            (Kind::Stored, Values::Doubles(values)) if values[place].is_nan() => return None,
            _ => None,
        };
        Some(text.unwrap_or("0"))
    }

    pub(super) fn text_at<'t>(&'t self, place: usize, buffer: &'t mut String) -> Option<&'t str> {
        if let Some(bytes) = self.bytes_at(place)
            && matches!(self.kind, Kind::Stored | Kind::Opaque)
        {
            return Some(match str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => {
                    buffer.clear();
                    push_hexadecimal(buffer, bytes);
                    buffer
                }
            });
        }
        buffer.clear();
        self.push_at(place, buffer).then_some(buffer)
    }

    fn bytes_at(&self, place: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Bytes(values) => Some(values[place].data()),
            Values::Fixed(values) => Some(values[place].data()),
            _ => None,
        }
    }

    /// Adds a value to a text, unless it is missing.
    fn push_at(&self, place: usize, text: &mut String) -> bool {
        match (self.kind, &self.values) {
            (Kind::Stored, Values::Flags(values)) => {
                text.push_str(if values[place] { "true" } else { "false" });
            }
            (Kind::Stored, Values::Singles(values)) => {
                if values[place].is_nan() {
                    return false;
                }
                put(text, format_args!("{}", values[place]));
            }
            (Kind::Stored, Values::Doubles(values)) => {
                if values[place].is_nan() {
                    return false;
                }
                put(text, format_args!("{}", values[place]));
            }
            (Kind::Half, _) => {
                let Some(number) = self.half_at(place).filter(|number| !number.is_nan()) else {
                    return false;
                };
                put(text, format_args!("{number}"));
            }
            (Kind::Unsigned, Values::Ints(values)) => {
                put(text, format_args!("{}", values[place] as u32));
            }
            (Kind::Unsigned, Values::Longs(values)) => {
                put(text, format_args!("{}", values[place] as u64));
            }
            (Kind::Decimal(scale), _) => match self.unscaled_at(place) {
                Some(unscaled) => push_decimal(text, unscaled, scale),
                None => return false,
            },
            (Kind::Date, Values::Ints(values)) => {
                let date = NaiveDate::from_num_days_from_ce_opt(
                    values[place].saturating_add(DAYS_BEFORE_1970),
                );
                match date {
                    Some(date) => put(text, format_args!("{date}")),
                    None => put(text, format_args!("{}", values[place])),
                }
            }
            (Kind::Time(per_second), _) => {
                let whole = self.whole_at(place);
                let time = NaiveTime::MIN
                    .overflowing_add_signed(since(whole, per_second))
                    .0;
                put(text, format_args!("{time}"));
            }
            (Kind::Instant { per_second, is_utc }, _) => {
                let whole = self.whole_at(place);
                let span = since(whole, per_second);
                match DateTime::UNIX_EPOCH.naive_utc().checked_add_signed(span) {
                    Some(instant) if is_utc => put(text, format_args!("{instant}+00:00")),
                    Some(instant) if instant.time() == NaiveTime::MIN => {
                        put(text, format_args!("{}", instant.date()));
                    }
                    Some(instant) => put(text, format_args!("{instant}")),
                    None => put(text, format_args!("{whole}")),
                }
            }
            (Kind::Uuid, _) => {
                let bytes = self.bytes_at(place).unwrap_or_default();
                let mut parts = [4, 6, 8, 10].iter().peekable();
                for (index, byte) in bytes.iter().enumerate() {
                    if parts.next_if_eq(&&index).is_some() {
                        text.push('-');
                    }
                    push_hexadecimal(text, &[*byte]);
                }
            }
            _ => put(text, format_args!("{}", self.whole_at(place))),
        }
        true
    }

    /// A value that is stored as a whole number.
    fn whole_at(&self, place: usize) -> i64 {
        match &self.values {
            Values::Ints(values) => i64::from(values[place]),
            Values::Longs(values) => values[place],
            Values::Instants(values) => values[place].to_nanos(),
            _ => 0,
        }
    }

    fn half_at(&self, place: usize) -> Option<f32> {
        let bytes = self.bytes_at(place)?.try_into().ok()?;
        Some(half::f16::from_le_bytes(bytes).to_f32())
    }

    /// A decimal number without its point.
    fn unscaled_at(&self, place: usize) -> Option<i128> {
        let Some(bytes) = self.bytes_at(place) else {
            return Some(i128::from(self.whole_at(place)));
        };
        // The largest come first, and those that only repeat the sign may be there or not.
        let sign = bytes
            .first()
            .map_or(0, |first| if *first < 128 { 0 } else { u8::MAX });
        let mut full = [sign; 16];
        let (beyond, kept) = bytes.split_at(bytes.len().saturating_sub(16));
        full[16 - kept.len()..].copy_from_slice(kept);
        beyond
            .iter()
            .all(|byte| *byte == sign)
            .then(|| i128::from_be_bytes(full))
    }

    /// The number at a place where it is the same as that of its text: NaN where it is missing. None where the text must tell.
    #[inline]
    pub(super) fn number_at(&self, place: usize) -> Option<f64> {
        /// Numbers up to here are what they are in 64 bits.
        const EXACT: i128 = 1 << 53;
        match (self.kind, &self.values) {
            (Kind::Stored, Values::Doubles(values)) => Some(values[place]),
            (Kind::Stored, Values::Ints(values)) => Some(f64::from(values[place])),
            (Kind::Stored, Values::Longs(values)) => Some(values[place] as f64),
            (Kind::Unsigned, Values::Ints(values)) => Some(f64::from(values[place] as u32)),
            (Kind::Unsigned, Values::Longs(values)) => Some(values[place] as u64 as f64),
            // A quotient of two exact numbers is rounded once, as a decimal text is.
            (Kind::Decimal(scale @ 0..=22), _) => self
                .unscaled_at(place)
                .filter(|unscaled| unscaled.abs() <= EXACT)
                .map(|unscaled| unscaled as f64 / 10_f64.powi(scale as i32)),
            _ => None,
        }
    }

    /// What tells a value from the others in these rows, at less cost than its text: bits or an address, and a length. Two that
    /// are the same may have two.
    #[inline]
    pub(super) fn identity_at(&self, place: usize) -> (u64, usize) {
        let address = |bytes: &[u8]| (bytes.as_ptr().addr() as u64, bytes.len());
        match &self.values {
            Values::Flags(values) => (u64::from(values[place]), 0),
            Values::Ints(values) => (values[place] as u64, 0),
            Values::Longs(values) => (values[place] as u64, 0),
            Values::Instants(_) => (place as u64, 0),
            Values::Singles(values) => (u64::from(values[place].to_bits()), 0),
            Values::Doubles(values) => (values[place].to_bits(), 0),
            Values::Bytes(values) => address(values[place].data()),
            Values::Fixed(values) => address(values[place].data()),
        }
    }
}

impl Kind {
    /// Whether it is stored as a number.
    pub(crate) fn is_number(self, stored: Type) -> bool {
        match self {
            Self::Stored => matches!(
                stored,
                Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE
            ),
            Self::Unsigned | Self::Decimal(_) | Self::Half => true,
            _ => false,
        }
    }
}

const DAYS_BEFORE_1970: i32 = 719_163;

/// A span in parts of a second.
fn since(parts: i64, per_second: i64) -> TimeDelta {
    let (seconds, rest) = (parts.div_euclid(per_second), parts.rem_euclid(per_second));
    // Any 64 bits of these parts are within the longest span.
    TimeDelta::new(seconds, (rest * (1_000_000_000 / per_second)) as u32).unwrap_or(TimeDelta::MAX)
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A string takes all.
    let _ = text.write_fmt(what);
}

fn push_hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        put(text, format_args!("{byte:02x}"));
    }
}

fn push_decimal(text: &mut String, unscaled: i128, scale: u32) {
    let unit = 10_u128.pow(scale);
    let digits = unscaled.unsigned_abs();
    if unscaled < 0 {
        text.push('-');
    }
    put(text, format_args!("{}", digits / unit));
    if scale > 0 {
        put(
            text,
            format_args!(".{:0width$}", digits % unit, width = scale as usize),
        );
    }
}

/// Reads into a buffer, and says how many rows and how many values there were.
fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    levels: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> Result<(usize, usize)> {
    levels.clear();
    values.clear();
    let (rows, values, _) = reader.read_records(rows, Some(levels), None, values)?;
    Ok((rows, values))
}
