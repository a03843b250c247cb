//! Takes sections apart and puts altered ones together again, with the hashes of what they are now.
//!
//! A reader refuses whatever does not have its hash. What it makes of other values, it shows only where the hashes fit them.

use crate::{ALIGNMENT, Hash, Prelude, Span, hash, header_length};

/// The contents of all sections of a format with this many; none where the bytes are no such sections.
pub fn contents(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let prelude: Prelude = bytemuck::pod_read_unaligned(bytes.get(..size_of::<Prelude>())?);
    (0..prelude.sections as usize)
        .map(|section| {
            let start = size_of::<Prelude>() + section * size_of::<Span>();
            let span: Span =
                bytemuck::pod_read_unaligned(bytes.get(start..start + size_of::<Span>())?);
            let (start, length) = (span.start as usize, span.length as usize);
            Some(bytes.get(start..start.checked_add(length)?)?.to_vec())
        })
        .collect()
}

/// Sections of the same format as those of `bytes` with other contents, and the hashes of these.
///
/// # Panics
/// When `bytes` are too few for a prelude.
pub fn with_contents(bytes: &[u8], contents: &[Vec<u8>]) -> Vec<u8> {
    let mut prelude: Prelude = bytemuck::pod_read_unaligned(&bytes[..size_of::<Prelude>()]);
    prelude.sections = contents.len() as u32;
    let header_length = header_length(contents.len());
    let mut altered = vec![0; header_length];
    altered[..size_of::<Prelude>()].copy_from_slice(bytemuck::bytes_of(&prelude));
    for (section, content) in contents.iter().enumerate() {
        let start = altered.len();
        altered.extend_from_slice(content);
        altered.resize(altered.len().next_multiple_of(ALIGNMENT), 0);
        let span = Span {
            start: start as u64,
            length: content.len() as u64,
            hash: hash(&altered[start..]),
        };
        let place = size_of::<Prelude>() + section * size_of::<Span>();
        altered[place..place + size_of::<Span>()].copy_from_slice(bytemuck::bytes_of(&span));
    }
    let content = header_length - size_of::<Hash>();
    let of_header = hash(&altered[..content]);
    altered[content..header_length].copy_from_slice(&of_header);
    altered
}
