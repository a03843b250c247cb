//! Opens and verifies sections.

use crate::{ALIGNMENT, Format, Prelude, SectionsError, Span, hash, header_length};
use bytemuck::{AnyBitPattern, PodCastError};
use std::ops::Range;

/// Sections in bytes whose beginning and length have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    name: &'static str,
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Sections<'a> {
    /// Checks that the bytes are sections of this format and complete. Allocates nothing and computes no hash; that a
    /// section lies within the bytes is checked where it is used.
    ///
    /// # Errors
    /// [`SectionsError`] if the bytes have another format or version, do not start at a multiple of eight, or are not as
    /// many as their header says.
    #[inline]
    pub fn open(bytes: &'a [u8], format: &Format) -> Result<Sections<'a>, SectionsError> {
        let name = format.name;
        if !(bytes.as_ptr() as usize).is_multiple_of(align_of::<Span>()) {
            let alignment = align_of::<Span>();
            return Err(SectionsError::Misaligned { name, alignment });
        }
        let (prelude, rest) = bytes
            .split_at_checked(size_of::<Prelude>())
            .ok_or(SectionsError::Unrecognized { name })?;
        let prelude: &Prelude = bytemuck::from_bytes(prelude);
        if prelude.magic != format.magic {
            return Err(SectionsError::Unrecognized { name });
        }
        if prelude.version != format.version {
            return Err(SectionsError::Version {
                name,
                found: prelude.version,
                expected: format.version,
            });
        }
        let spans: &[Span] = rest
            .get(..format.sections * size_of::<Span>())
            .filter(|_| prelude.sections as usize == format.sections)
            .map(bytemuck::cast_slice)
            .ok_or(SectionsError::Header { name })?;
        let end = spans.last().map_or(Some(header_length(0)), |last| {
            last.range()?.end.checked_next_multiple_of(ALIGNMENT)
        });
        if end != Some(bytes.len()) {
            return Err(SectionsError::Header { name });
        }
        Ok(Sections { name, bytes, spans })
    }

    /// The values of a section.
    ///
    /// # Errors
    /// [`SectionsError`] if the section does not hold a whole number of such values, or the bytes lie at a wrong address
    /// for them.
    ///
    /// # Panics
    /// If the format has no such section.
    #[inline]
    pub fn get<T: AnyBitPattern>(&self, section: usize) -> Result<&'a [T], SectionsError> {
        let content = self.content(section)?;
        bytemuck::try_cast_slice(content)
            .map_err(|error| self.not_cast(section, error, align_of::<T>()))
    }

    /// The only value of a section.
    ///
    /// # Errors
    /// As [`get`](Self::get), and if the section does not hold exactly one value.
    ///
    /// # Panics
    /// If the format has no such section.
    #[inline]
    pub fn get_one<T: AnyBitPattern>(&self, section: usize) -> Result<&'a T, SectionsError> {
        match self.get(section)? {
            [value] => Ok(value),
            _ => Err(self.damaged(section)),
        }
    }

    /// Compares the header and every section with its hash.
    ///
    /// # Errors
    /// [`SectionsError`] that names the first part that is damaged.
    pub fn verify(&self) -> Result<(), SectionsError> {
        self.verify_header()?;
        (0..self.spans.len()).try_for_each(|section| self.verify_section(section))
    }

    /// Compares one section with its hash, for a caller that uses only some of them. Its place and hash are the header's:
    /// see [`verify_header`](Self::verify_header).
    ///
    /// # Errors
    /// [`SectionsError`] if the section is damaged.
    ///
    /// # Panics
    /// If the format has no such section.
    pub fn verify_section(&self, section: usize) -> Result<(), SectionsError> {
        let padded = self.spans[section]
            .range()
            .and_then(|Range { start, end }| {
                self.bytes
                    .get(start..end.checked_next_multiple_of(ALIGNMENT)?)
            });
        match padded.map(hash) == Some(self.spans[section].hash) {
            true => Ok(()),
            false => Err(self.damaged(section)),
        }
    }

    /// Compares the header with its hash.
    ///
    /// # Errors
    /// [`SectionsError`] if the header is damaged.
    pub fn verify_header(&self) -> Result<(), SectionsError> {
        let length = header_length(self.spans.len());
        let header = self.bytes.get(..length);
        let intact = header
            .and_then(|header| header.split_last_chunk())
            .is_some_and(|(content, expected)| hash(content) == *expected);
        match intact {
            true => Ok(()),
            false => Err(SectionsError::Header { name: self.name }),
        }
    }

    #[inline]
    fn content(&self, section: usize) -> Result<&'a [u8], SectionsError> {
        self.spans[section]
            .range()
            .and_then(|range| self.bytes.get(range))
            .ok_or_else(|| self.damaged(section))
    }

    #[cold]
    fn not_cast(&self, section: usize, error: PodCastError, alignment: usize) -> SectionsError {
        let name = self.name;
        match error {
            PodCastError::TargetAlignmentGreaterAndInputNotAligned => {
                SectionsError::Misaligned { name, alignment }
            }
            _ => self.damaged(section),
        }
    }

    #[cold]
    fn damaged(&self, section: usize) -> SectionsError {
        let name = self.name;
        SectionsError::Section { name, section }
    }
}
