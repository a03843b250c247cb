//! Where an input's bytes come from.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// Bytes of which any range can be read, any number of times: a file, an object in a bucket.
pub trait Open: Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// A reader of a range of them.
    ///
    /// # Errors
    /// When they can't be read.
    fn open(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>>;

    /// The file that they are in, for what reads several of its places at a time; none where there is none.
    ///
    /// # Errors
    /// When it can't be opened.
    fn file(&self) -> io::Result<Option<File>> {
        Ok(None)
    }

    /// Is told how many further bytes of the file were read.
    ///
    /// # Errors
    /// When nothing more should be read.
    fn told(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Open for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        let range = range.start as usize..range.end as usize;
        self.get(range)
            .map(|bytes| Box::new(bytes) as Box<dyn Read>)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
