//! Opens and verifies sections.

use crate::header::Header;
use crate::{ALIGNMENT, Format, SectionsError};
use bytemuck::{AnyBitPattern, PodCastError};

/// Sections in bytes whose beginning and length have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    header: Header<'a>,
    bytes: &'a [u8],
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
        let header = Header::open(bytes, format)?;
        match header.end() == Some(bytes.len() as u64) {
            true => Ok(Sections { header, bytes }),
            false => Err(SectionsError::Header { name: format.name }),
        }
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
        (0..self.header.sections()).try_for_each(|section| self.verify_section(section))
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
        let padded = self.header.place(section).and_then(|(start, length)| {
            let end = start.checked_add(length.checked_next_multiple_of(ALIGNMENT)?)?;
            self.bytes.get(start..end)
        });
        self.header
            .verify_section(section, padded.unwrap_or_default())
    }

    /// Compares the header with its hash.
    ///
    /// # Errors
    /// [`SectionsError`] if the header is damaged.
    pub fn verify_header(&self) -> Result<(), SectionsError> {
        self.header.verify(self.bytes)
    }

    #[inline]
    fn content(&self, section: usize) -> Result<&'a [u8], SectionsError> {
        self.header
            .place(section)
            .and_then(|(start, length)| self.bytes.get(start..start.checked_add(length)?))
            .ok_or_else(|| self.damaged(section))
    }

    #[cold]
    fn not_cast(&self, section: usize, error: PodCastError, alignment: usize) -> SectionsError {
        let name = self.header.name();
        match error {
            PodCastError::TargetAlignmentGreaterAndInputNotAligned => {
                SectionsError::Misaligned { name, alignment }
            }
            _ => self.damaged(section),
        }
    }

    #[cold]
    fn damaged(&self, section: usize) -> SectionsError {
        let name = self.header.name();
        SectionsError::Section { name, section }
    }
}
