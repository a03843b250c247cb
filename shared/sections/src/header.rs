//! The header: what the sections are, where each lies, and its hash.

use crate::{ALIGNMENT, Format, Prelude, SectionsError, Span, hash, header_length};

/// The header of sections, for a caller that reads only some of them from a file.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    name: &'static str,
    spans: &'a [Span],
}

impl<'a> Header<'a> {
    /// Bytes that the header of a format takes.
    pub const fn length(format: &Format) -> usize {
        header_length(format.sections)
    }

    /// Checks that the bytes begin with a header of this format. Computes no hash: see [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`SectionsError`] if the bytes have another format or version, do not start at a multiple of eight, or are fewer than
    /// the places of the sections take.
    #[inline]
    pub fn open(bytes: &'a [u8], format: &Format) -> Result<Header<'a>, SectionsError> {
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
        let spans = rest
            .get(..format.sections * size_of::<Span>())
            .filter(|_| prelude.sections as usize == format.sections)
            .map(bytemuck::cast_slice)
            .ok_or(SectionsError::Header { name })?;
        Ok(Header { name, spans })
    }

    /// Compares the header, with which `bytes` begin, with its hash.
    ///
    /// # Errors
    /// [`SectionsError`] if the header is damaged.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), SectionsError> {
        let header = bytes.get(..header_length(self.spans.len()));
        let intact = header
            .and_then(|header| header.split_last_chunk())
            .is_some_and(|(content, expected)| hash(content) == *expected);
        match intact {
            true => Ok(()),
            false => Err(SectionsError::Header { name: self.name }),
        }
    }

    /// Bytes that header and sections take together; none where no address reaches that far.
    #[inline]
    pub fn end(&self) -> Option<u64> {
        self.spans
            .last()
            .map_or(Some(header_length(0) as u64), |last| {
                let end = last.start.checked_add(last.length)?;
                end.checked_next_multiple_of(ALIGNMENT as u64)
            })
    }

    /// Where a section begins, counted from the beginning of the header, and how long it is, in bytes; none where no address
    /// reaches that far.
    ///
    /// # Panics
    /// If the format has no such section.
    #[inline]
    pub fn place(&self, section: usize) -> Option<(usize, usize)> {
        let Span { start, length, .. } = self.spans[section];
        Some((usize::try_from(start).ok()?, usize::try_from(length).ok()?))
    }

    /// The XXH3-128 of a section and of the zeros up to the next multiple of 64, as the header has it.
    ///
    /// # Panics
    /// If the format has no such section.
    pub fn hash(&self, section: usize) -> u128 {
        u128::from_le_bytes(self.spans[section].hash)
    }

    /// Compares a section with its hash: all its bytes, with the zeros up to the next multiple of 64.
    ///
    /// # Errors
    /// [`SectionsError`] if the section is damaged.
    ///
    /// # Panics
    /// If the format has no such section.
    pub fn verify_section(&self, section: usize, padded: &[u8]) -> Result<(), SectionsError> {
        let Span {
            length,
            hash: expected,
            ..
        } = self.spans[section];
        let whole = length.checked_next_multiple_of(ALIGNMENT as u64) == Some(padded.len() as u64);
        match whole && hash(padded) == expected {
            true => Ok(()),
            false => {
                let name = self.name;
                Err(SectionsError::Section { name, section })
            }
        }
    }

    /// How many sections there are.
    pub(crate) fn sections(&self) -> usize {
        self.spans.len()
    }

    /// The format's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}
