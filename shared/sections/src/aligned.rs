//! Places bytes at multiples of 64.

use crate::ALIGNMENT;
use bytemuck::{Pod, Zeroable};

/// Aligns its content to a cache line, as sections expect of bytes that are compiled into a program:
/// `static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("model.forest"));`
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Aligned<T: ?Sized>(
    /// The bytes.
    pub T,
);

/// Bytes on the heap that start at a multiple of 64, as sections expect of bytes that are read at run time.
#[derive(Clone, Debug)]
pub struct AlignedBytes {
    lines: Vec<Line>,
    length: usize,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

impl AlignedBytes {
    /// Zeros.
    pub fn zeroed(length: usize) -> AlignedBytes {
        AlignedBytes {
            lines: bytemuck::zeroed_vec(length.div_ceil(ALIGNMENT)),
            length,
        }
    }

    /// Forgets the bytes behind the first `length`, if there are more.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
        self.lines.truncate(self.length.div_ceil(ALIGNMENT));
    }
}

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> AlignedBytes {
        let mut aligned = AlignedBytes::zeroed(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }
}

impl std::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}
