//! The write interface and the implementations that are not a file.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines go.
pub(super) trait Sink: Send {
    /// Makes ready for writing and tells where the next line will stand.
    fn prepare(&mut self) -> io::Result<Place>;

    /// Appends whole lines, in one write. After an error none of them counts as written.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// Where a sink's next line will stand.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// Behind what this process appended last.
    Continued,
    /// At the head of an empty file.
    Head,
    /// Behind this line, which stood there before.
    Behind(Vec<u8>),
}

/// Standard output or standard error.
pub(super) struct Stream<W>(pub W);

impl<W: io::Write + Send> Sink for Stream<W> {
    fn prepare(&mut self) -> io::Result<Place> {
        Ok(Place::Continued)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)?;
        self.0.flush()
    }
}

/// The lines of a log that is kept in memory, for tests.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// The lines written so far, without their line feeds.
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Sink for Memory {
    fn prepare(&mut self) -> io::Result<Place> {
        Ok(Place::Continued)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(lines);
        Ok(())
    }
}
