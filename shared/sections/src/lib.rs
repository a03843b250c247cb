//! Stores arrays of plain values in one piece of bytes, versioned and hashed, and uses them where they lie.
//!
//! A [`Writer`] lays out the sections of a [`Format`], and [`Sections`] casts them back without copying or allocating:
//!
//! ```
//! use sections::{AlignedBytes, Format, Sections, Writer};
//!
//! const PRICES: usize = 0;
//! const NAMES: usize = 1;
//! static PRICE_LIST: Format = Format {
//!     magic: *b"\x89PRICES\n",
//!     version: 1,
//!     sections: 2,
//!     name: "price list",
//! };
//!
//! let mut writer = Writer::new(&PRICE_LIST);
//! writer.write(PRICES, &[5.0, 25.0]);
//! writer.write(NAMES, b"basic\0plus");
//! let bytes = AlignedBytes::from(&writer.finish()[..]);
//!
//! let sections = Sections::open(&bytes, &PRICE_LIST)?;
//! sections.verify()?; // where the bytes come from outside the program
//! assert_eq!(sections.get::<f64>(PRICES)?, [5.0, 25.0]);
//! # Ok::<(), sections::SectionsError>(())
//! ```
//!
//! # Layout
//!
//! Every number is little-endian, and everything starts at a multiple of 64 bytes, the size of a cache line, with zeros
//! in between:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`Format::magic`] |
//! | 4 | [`Format::version`] |
//! | 4 | [`Format::sections`] |
//! | 32 per section | its start in bytes from the beginning, its length in bytes (8 each), its hash (16) |
//! | zeros, then the last 16 of the header | the header's hash |
//! | the sections, in their order | their values |
//!
//! A hash is XXH3-128 and includes the zeros that follow, so that every byte is covered by one. It finds damage, not
//! forgery. [`Sections::open`] computes no hash; [`Sections::verify`] does.
#![forbid(unsafe_code)]

mod aligned;
mod error;
mod header;
mod read;
#[cfg(feature = "testing")]
pub mod testing;
mod write;

pub use aligned::{Aligned, AlignedBytes};
pub use error::SectionsError;
pub use header::Header;
pub use read::Sections;
pub use write::Writer;

use bytemuck::{Pod, Zeroable};
use twox_hash::XxHash3_128;

#[cfg(not(target_endian = "little"))]
compile_error!("sections hold little-endian values that are used where they lie");

/// Sections start at multiples of this, the size of a cache line.
pub const ALIGNMENT: usize = 64;

/// What a kind of file looks like from the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The first eight bytes, by which the format is recognised.
    pub magic: [u8; 8],
    /// Changes with the meaning of any section. Other versions are refused.
    pub version: u32,
    /// The number of sections.
    pub sections: usize,
    /// The format's name in error messages: "compiled model".
    pub name: &'static str,
}

/// The beginning of the header.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Prelude {
    magic: [u8; 8],
    version: u32,
    sections: u32,
}

/// Where a section lies, in bytes from the beginning, and its hash.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Span {
    start: u64,
    length: u64,
    hash: Hash,
}

type Hash = [u8; 16];

fn hash(bytes: &[u8]) -> Hash {
    XxHash3_128::oneshot(bytes).to_le_bytes()
}

/// The length of a header, with the hash at its end.
const fn header_length(sections: usize) -> usize {
    let content = size_of::<Prelude>() + sections * size_of::<Span>();
    (content + size_of::<Hash>()).next_multiple_of(ALIGNMENT)
}
