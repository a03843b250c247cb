//! Lays out sections.

use crate::{ALIGNMENT, Format, Hash, Prelude, Span, hash, header_length};
use bytemuck::NoUninit;

/// Lays out the sections of a format, written in any order. Sections that are never written are empty.
#[derive(Debug)]
pub struct Writer {
    format: &'static Format,
    sections: Vec<Option<Vec<u8>>>,
}

impl Writer {
    /// A writer without any section yet.
    pub fn new(format: &'static Format) -> Writer {
        Writer {
            format,
            sections: vec![None; format.sections],
        }
    }

    /// Writes a section.
    ///
    /// # Panics
    /// If the format has no such section, or it has been written before.
    pub fn write<T: NoUninit>(&mut self, section: usize, entries: &[T]) {
        let before = self.sections[section].replace(bytemuck::cast_slice(entries).to_vec());
        assert!(before.is_none(), "section {section} is written twice");
    }

    /// The bytes for [`Sections::open`](crate::Sections::open): the same for the same sections.
    pub fn finish(self) -> Vec<u8> {
        let lengths = self.sections.iter().flatten();
        let padded: usize = lengths
            .map(|content| content.len().next_multiple_of(ALIGNMENT))
            .sum();
        let header_length = header_length(self.format.sections);
        let mut bytes = Vec::with_capacity(header_length + padded);
        bytes.resize(header_length, 0);

        let mut spans = Vec::with_capacity(self.format.sections);
        for section in self.sections {
            let content = section.unwrap_or_default();
            let start = bytes.len();
            bytes.extend_from_slice(&content);
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
            spans.push(Span {
                start: start as u64,
                length: content.len() as u64,
                hash: hash(&bytes[start..]),
            });
        }

        let prelude = Prelude {
            magic: self.format.magic,
            version: self.format.version,
            sections: self.format.sections as u32,
        };
        bytes[..size_of::<Prelude>()].copy_from_slice(bytemuck::bytes_of(&prelude));
        let spans: &[u8] = bytemuck::cast_slice(&spans);
        bytes[size_of::<Prelude>()..][..spans.len()].copy_from_slice(spans);
        let (content, hash_of_header) =
            bytes[..header_length].split_at_mut(header_length - size_of::<Hash>());
        hash_of_header.copy_from_slice(&hash(content));
        bytes
    }
}
