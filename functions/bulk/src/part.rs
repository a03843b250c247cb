//! What a part holds, noted while it is written.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// How large a part is, and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the folder or under the prefix of the job.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Part {
    /// Notes what a reader gives, to its end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of(name: String, mut input: impl Read) -> io::Result<Self> {
        let mut noting = Noting::new(io::sink());
        io::copy(&mut input, &mut noting)?;
        Ok(noting.noted(name))
    }
}

/// A writer that notes what goes through it.
pub(crate) struct Noting<W> {
    out: W,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Noting<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    pub(crate) fn noted(self, name: String) -> Part {
        Part {
            name,
            bytes: self.bytes,
            sha256: hex::encode(self.hash.finalize()),
        }
    }
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
