//! Places bytes at multiples of 64.

use crate::ALIGNMENT;

/// Aligns its content to a cache line, as sections expect of bytes that are compiled into a program:
/// `static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("model.forest"));`
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Aligned<T: ?Sized>(
    /// The bytes.
    pub T,
);

/// Bytes on the heap that start at a multiple of 64, as sections expect of bytes that are read at run time.
///
/// The allocator is asked for more bytes and for no alignment. Zeros that are to be aligned it writes itself, once more than
/// needed; for others it takes fresh pages from the system, which are zero.
#[derive(Debug)]
pub struct AlignedBytes {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBytes {
    /// Zeros.
    pub fn zeroed(length: usize) -> AlignedBytes {
        let bytes = vec![0; length + ALIGNMENT - 1];
        let start = bytes.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        AlignedBytes {
            bytes,
            start,
            length,
        }
    }

    /// Forgets the bytes behind the first `length`, if there are more.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Clone for AlignedBytes {
    /// Copies the bytes to an aligned place of their own.
    fn clone(&self) -> AlignedBytes {
        AlignedBytes::from(&**self)
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
        &mut self.bytes[self.start..][..self.length]
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_and_their_copies_start_at_a_multiple_of_64(bytes in proptest::collection::vec(any::<u8>(), 0..300), kept in 0..300usize) {
            let mut aligned = AlignedBytes::from(&bytes[..]);
            aligned.truncate(kept);
            // At another place than the original, whatever the allocator does.
            let copies: Vec<AlignedBytes> = (0..8).map(|_| aligned.clone()).collect();
            for bytes_of in copies.iter().chain([&aligned, &AlignedBytes::zeroed(kept)]) {
                prop_assert_eq!(bytes_of.as_ptr().addr() % ALIGNMENT, 0);
            }
            for copy in &copies {
                prop_assert_eq!(&copy[..], &bytes[..kept.min(bytes.len())]);
            }
        }
    }

    #[test]
    fn zeros_are_zeros_and_may_be_written() {
        let mut zeros = AlignedBytes::zeroed(100);
        assert_eq!(*zeros, [0; 100]);
        zeros[99] = 1;
        assert_eq!(zeros.clone()[99], 1);
    }
}
