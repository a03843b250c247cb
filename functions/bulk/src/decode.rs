//! Bytes as they are stored become text: decompressed, and in UTF-8 where they are UTF-16.

use crate::input::Open;
use flate2::bufread::MultiGzDecoder;
use reader::{
    Evidence, GZIP, HALF_A_CHARACTER, TableError, UTF_16, Utf16, ZIP, ZipEntry, is_workbook,
};
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// How an input is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// With gzip.
    Gzip,
    /// As the only file in a zip archive.
    Zip,
}

impl Compression {
    /// How an input is compressed that begins like this.
    pub(crate) fn of(beginning: &[u8]) -> Option<Self> {
        if beginning.starts_with(GZIP) {
            return Some(Self::Gzip);
        }
        let is_zip = beginning.starts_with(ZIP) && !is_workbook(beginning);
        is_zip.then_some(Self::Zip)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
        }
    }
}

/// What makes text of an input as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoder {
    pub(crate) compression: Option<Compression>,
    pub(crate) utf16: Option<Utf16>,
}

impl Decoder {
    pub(crate) fn new(compression: Option<Compression>, utf16: Option<Utf16>) -> Self {
        Self { compression, utf16 }
    }

    /// What it does, in words.
    pub(crate) fn evidence(self) -> Vec<Evidence> {
        let compression = self.compression.map(|compression| {
            Evidence::of_input(format!("compression: {}", compression.name()), 1)
        });
        let encoding = self
            .utf16
            .map(|_| Evidence::of_input(format!("encoding: {UTF_16}"), 1));
        compression.into_iter().chain(encoding).collect()
    }

    /// All of an input, from its beginning.
    ///
    /// # Errors
    /// When it can't be read, or is no archive.
    pub(crate) fn open<'i>(
        self,
        input: &'i (impl Open + ?Sized),
    ) -> io::Result<Box<dyn Read + 'i>> {
        let decompressed: Box<dyn Read + 'i> = match self.compression {
            None => input.open(0..input.size())?,
            Some(Compression::Gzip) => {
                let stored = input.open(0..input.size())?;
                Box::new(MultiGzDecoder::new(BufReader::new(stored)))
            }
            Some(Compression::Zip) => {
                let archive = Seekable {
                    input,
                    position: 0,
                    reader: None,
                };
                let entry = ZipEntry::find(BufReader::new(archive)).map_err(invalid)?;
                let end = entry.stored.end.min(input.size());
                let stored = input.open(entry.stored.start.min(end)..end)?;
                entry.decompressed(stored)
            }
        };
        Ok(match self.utf16 {
            None => decompressed,
            Some(order) => Box::new(FromUtf16 {
                input: decompressed,
                order,
                bytes: Vec::new(),
                text: Vec::new(),
                read: 0,
            }),
        })
    }
}

/// An error that is the input's own.
fn invalid(error: TableError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// An input in which a reader goes to and fro.
struct Seekable<'i, I: ?Sized> {
    input: &'i I,
    position: u64,
    /// A reader of what follows, if it has been asked for.
    reader: Option<Box<dyn Read + 'i>>,
}

impl<I: Open + ?Sized> Read for Seekable<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.input.size();
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.input.open(self.position.min(size)..size)?),
        };
        let read = reader.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<I: Open + ?Sized> Seek for Seekable<'_, I> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.input.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if position != self.position {
            self.reader = None;
        }
        self.position = position;
        Ok(position)
    }
}

/// UTF-8 from UTF-16.
struct FromUtf16<R> {
    input: R,
    order: Utf16,
    /// What was read and is not decoded.
    bytes: Vec<u8>,
    /// What is decoded, and how much of it was taken.
    text: Vec<u8>,
    read: usize,
}

/// How many bytes are decoded at a time.
const CHUNK: u64 = 64 << 10;

impl<R: Read> FromUtf16<R> {
    /// Decodes more, and says whether there was more.
    fn fill(&mut self) -> io::Result<bool> {
        let half = || invalid(TableError::Malformed(HALF_A_CHARACTER.to_owned()));
        let more = (&mut self.input).take(CHUNK).read_to_end(&mut self.bytes)?;
        let (units, rest) = self.bytes.as_chunks::<2>();
        let mut units = units.len();
        let unit = |index: usize| {
            let at = 2 * index;
            self.order.unit([self.bytes[at], self.bytes[at + 1]])
        };
        // The first half of a character waits for the second.
        if more > 0 && units > 0 && (0xd800..0xdc00).contains(&unit(units - 1)) {
            units -= 1;
        } else if more == 0 && !rest.is_empty() {
            return Err(half());
        }
        self.text.clear();
        self.read = 0;
        for character in char::decode_utf16((0..units).map(unit)) {
            let character = character.map_err(|_| half())?;
            let mut encoded = [0; 4];
            let encoded = character.encode_utf8(&mut encoded);
            self.text.extend_from_slice(encoded.as_bytes());
        }
        self.bytes.drain(..2 * units);
        Ok(more > 0 || units > 0)
    }
}

impl<R: Read> Read for FromUtf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            if buffer.is_empty() || !self.fill()? {
                return Ok(0);
            }
        }
        let read = buffer.len().min(self.text.len() - self.read);
        buffer[..read].copy_from_slice(&self.text[self.read..][..read]);
        self.read += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'b>(&'b [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.1);
            self.0.read(&mut buffer[..length])
        }
    }

    fn decoded(bytes: &[u8], at_a_time: usize) -> io::Result<String> {
        let mut text = String::new();
        let mut decoder = FromUtf16 {
            input: Slow(bytes, at_a_time),
            order: Utf16::BigEndian,
            bytes: Vec::new(),
            text: Vec::new(),
            read: 0,
        };
        decoder.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn utf16_is_decoded_whatever_its_reader_gives_at_a_time() {
        let text = "Zoé, 5 €, 😀\n".repeat(9_000);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for at_a_time in [1, 3, 1 << 20] {
            assert!(decoded(&bytes, at_a_time).unwrap() == text);
        }
        assert_eq!(decoded(b"", 1).unwrap(), "");
        for damaged in [&b"\0a\0"[..], b"\xd8\x3d\0a", b"\xd8\x3d"] {
            let error = decoded(damaged, 1).unwrap_err();
            assert_eq!(error.to_string(), HALF_A_CHARACTER);
        }
    }
}
