//! The bytes of a compiled model: a header, then sections of plain little-endian values, each at a multiple of 64 bytes,
//! so that they are used where they lie.

use bytemuck::{Pod, Zeroable};

#[cfg(not(target_endian = "little"))]
compile_error!("a compiled model holds little-endian numbers that are used where they lie");

/// Sections start at multiples of this, the size of a cache line.
const ALIGNMENT: usize = 64;
const MAGIC: [u8; 8] = *b"\x89FOREST\n";
const VERSION: u32 = 1;

/// Aligns what it holds to a cache line, as the bytes of a compiled model want to lie:
/// `static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("model.forest"));`
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Aligned<T: ?Sized>(
    /// The bytes.
    pub T,
);

/// Bytes on the heap that start at a multiple of 64: where a model that was not compiled into the program lies best.
#[derive(Clone, Debug)]
pub struct AlignedBytes {
    lines: Vec<Line>,
    length: usize,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> AlignedBytes {
        let mut lines = vec![Line::zeroed(); bytes.len().div_ceil(ALIGNMENT)];
        bytemuck::cast_slice_mut(&mut lines)[..bytes.len()].copy_from_slice(bytes);
        AlignedBytes {
            lines,
            length: bytes.len(),
        }
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

/// Why bytes are not a compiled model that this version can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The bytes do not start as a compiled model does.
    #[error("these bytes are not a compiled model")]
    NotABlob,
    /// Another version of this crate compiled the model.
    #[error("the model was compiled for format {found}, and this is format {VERSION}")]
    Version {
        /// The format that the bytes name.
        found: u32,
    },
    /// The bytes start at an address that is no multiple of eight.
    #[error("the compiled model must lie at a multiple of 8 bytes (see `Aligned`)")]
    Misaligned,
    /// A section reaches past the end or is no whole number of entries.
    #[error("the compiled model is cut short or damaged in section {section}")]
    Section {
        /// The section's index.
        section: usize,
    },
}

/// What can be said of a compiled model in a few numbers.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Facts {
    pub(crate) base_margin: f64,
    /// E[f(X)].
    pub(crate) base_value: f64,
    pub(crate) n_features: u32,
    /// 1 where contributions and interactions are in it.
    pub(crate) explains: u32,
    /// Levels of the deepest tree that is walked.
    pub(crate) walk_depth: u32,
    pub(crate) unused: u32,
}

/// The sections, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    Cuts,
    CutStarts,
    MarginTables,
    MarginInputs,
    MarginOffsets,
    MarginValues,
    MaskGroups,
    MaskInputs,
    MaskLines,
    MaskLeaves,
    ExplanationTables,
    ExplanationInputs,
    ExplanationOffsets,
    ExplanationValues,
    PairColumns,
    Pairs,
    WalkNodes,
    WalkCategories,
    WalkMargins,
    WalkExplanations,
    Quadrature,
}

const SECTIONS: usize = Section::Quadrature as usize + 1;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    sections: u32,
    facts: Facts,
    spans: [Span; SECTIONS],
}

/// Where a section lies, in bytes from the start.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Span {
    start: u64,
    length: u64,
}

/// Puts a compiled model together. Sections that are never written stay empty.
pub(crate) struct Writer {
    header: Header,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(facts: Facts) -> Writer {
        let spans = [Span {
            start: 0,
            length: 0,
        }; SECTIONS];
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            sections: SECTIONS as u32,
            facts,
            spans,
        };
        Writer {
            header,
            bytes: vec![0; size_of::<Header>()],
        }
    }

    pub(crate) fn write<T: Pod>(&mut self, section: Section, entries: &[T]) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        let content: &[u8] = bytemuck::cast_slice(entries);
        self.header.spans[section as usize] = Span {
            start: self.bytes.len() as u64,
            length: content.len() as u64,
        };
        self.bytes.extend_from_slice(content);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&self.header));
        self.bytes
    }
}

/// A compiled model whose header has been checked.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    header: &'a Header,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Reader<'a>, BlobError> {
        if !(bytes.as_ptr() as usize).is_multiple_of(align_of::<Header>()) {
            return Err(BlobError::Misaligned);
        }
        let head = bytes
            .get(..size_of::<Header>())
            .ok_or(BlobError::NotABlob)?;
        let header: &Header = bytemuck::from_bytes(head);
        if header.magic != MAGIC {
            return Err(BlobError::NotABlob);
        }
        if header.version != VERSION || header.sections != SECTIONS as u32 {
            return Err(BlobError::Version {
                found: header.version,
            });
        }
        Ok(Reader { header, bytes })
    }

    pub(crate) fn facts(&self) -> &'a Facts {
        &self.header.facts
    }

    pub(crate) fn section<T: Pod>(&self, section: Section) -> Result<&'a [T], BlobError> {
        let damaged = BlobError::Section {
            section: section as usize,
        };
        let Span { start, length } = self.header.spans[section as usize];
        let (start, length) = (usize::try_from(start).ok(), usize::try_from(length).ok());
        let content = start
            .zip(length)
            .and_then(|(start, length)| self.bytes.get(start..start.checked_add(length)?))
            .ok_or(damaged)?;
        bytemuck::try_cast_slice(content).map_err(|_| damaged)
    }
}
