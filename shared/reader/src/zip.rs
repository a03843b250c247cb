//! The only file in a zip archive.

use crate::TableError;
use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use std::fmt::Display;
use std::io::{self, Read, Seek};
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// The only file in an archive; folders and the notes that macOS adds are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipEntry {
    /// Where in the archive its compressed bytes are.
    pub stored: Range<u64>,
    is_deflated: bool,
    crc: u32,
}

impl ZipEntry {
    /// Finds the file in an archive.
    ///
    /// # Errors
    /// An archive that is damaged, of several files, or compressed in an unusual way.
    pub fn find(archive: impl Read + Seek) -> Result<Self, TableError> {
        let mut archive = ZipArchive::new(archive).map_err(damaged)?;
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(damaged)?;
            if entry.is_file() && !entry.name_raw().starts_with(b"__MACOSX/") {
                files.push(index);
            }
        }
        let [index] = files.as_slice() else {
            return Err(TableError::Malformed(format!(
                "is a zip archive of {} files, and one is wanted",
                files.len()
            )));
        };
        let file = archive.by_index_raw(*index).map_err(damaged)?;
        let is_deflated = match file.compression() {
            CompressionMethod::Deflated => true,
            CompressionMethod::Stored => false,
            other => return Err(damaged(format_args!("it is compressed with {other}"))),
        };
        if file.encrypted() {
            return Err(damaged("it is encrypted"));
        }
        let start = (file.data_start()).ok_or_else(|| damaged("the file in it is nowhere"))?;
        Ok(Self {
            stored: start..start.saturating_add(file.compressed_size()),
            is_deflated,
            crc: file.crc32(),
        })
    }

    /// What comes out of its compressed bytes. At the end it is checked that these are whole.
    pub fn decompressed<'r>(&self, stored: impl Read + 'r) -> Box<dyn Read + 'r> {
        match self.is_deflated {
            true => Box::new(Checked::new(DeflateDecoder::new(stored), self.crc)),
            false => Box::new(Checked::new(stored, self.crc)),
        }
    }
}

fn damaged(why: impl Display) -> TableError {
    TableError::Malformed(format!("is a zip archive that can't be read: {why}"))
}

/// A reader whose bytes have a known checksum.
struct Checked<R> {
    input: CrcReader<R>,
    crc: u32,
}

impl<R: Read> Checked<R> {
    fn new(input: R, crc: u32) -> Self {
        Self {
            input: CrcReader::new(input),
            crc,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.input.crc().sum() != self.crc {
            let error = damaged("its checksum is another");
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(read)
    }
}
