//! A compiled workspace as one file. Each part is a section with a hash of its own, so that a program reads and checks those
//! that it uses.

use crate::error::WorkspaceError;
use crate::parts::{Part, Parts};
use sections::{ALIGNMENT, AlignedBytes, Format, Header, SectionsError};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The format that this program reads and writes.
pub const VERSION: u32 = 1;

static FORMAT: Format = Format {
    name: "compiled workspace",
    magic: *b"\x89WORKSP\n",
    version: VERSION,
    sections: Part::ALL.len(),
};

/// Bytes that a file may have.
pub const LARGEST: u64 = 2 << 30;

/// What is wrong with a file of more bytes than [`LARGEST`].
pub fn too_large(bytes: u64) -> String {
    format!("{bytes} bytes are more than the {LARGEST} that a compiled workspace may have")
}

/// Why a file is no workspace that this program can use.
#[derive(thiserror::Error)]
pub enum FileError {
    /// The file can't be opened or read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        error: io::Error,
    },
    /// A folder or a device.
    #[error("{}: not a file", path.display())]
    NotAFile {
        #[allow(missing_docs)]
        path: PathBuf,
    },
    /// More bytes than a workspace may have.
    #[error("{}: {}", path.display(), too_large(*bytes))]
    TooLarge {
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        bytes: u64,
    },
    /// The file lost bytes while it was read.
    #[error("{}: the file became shorter while it was read; write a new one beside it and rename that over it", path.display())]
    Shrunk {
        #[allow(missing_docs)]
        path: PathBuf,
    },
    /// The file has another format, or its beginning is damaged.
    #[error("{}: {error}; compile the workspace again with this program", path.display())]
    Header {
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        error: SectionsError,
    },
    /// A part does not have its hash.
    #[error("{}: {} is damaged; compile the workspace again", path.display(), part.file())]
    Damaged {
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        part: Part,
    },
    /// The parts are whole, but no workspace.
    #[error("{}: {error}; compile the workspace again with this program", path.display())]
    Unsound {
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        error: WorkspaceError,
    },
}

impl fmt::Debug for FileError {
    /// The sentence itself, because a program whose `main` returns the error ends with this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a file that begins with these bytes, at least eight, is a compiled workspace of any version.
pub fn is_workspace(beginning: &[u8]) -> bool {
    beginning.starts_with(&FORMAT.magic)
}

/// A part of a file, as the header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which part.
    pub part: Part,
    /// Its length.
    pub bytes: u64,
    /// The XXH3-128 of its bytes and of the zeros up to the next multiple of 64, in hexadecimal digits.
    pub hash: String,
}

/// The parts of a file by its header, which is checked; the parts are not.
///
/// # Errors
/// A file that can't be read, or is no compiled workspace.
pub fn sections(path: &Path) -> Result<Vec<Section>, FileError> {
    let (file, bytes) = open(path)?;
    let head = read_head(path, bytes, |buffer, start| {
        file.read_exact_at(buffer, start)
    })?;
    let header = Header::open(&head, &FORMAT).map_err(of_header(path))?;
    let section = |part: Part| {
        let damaged = FileError::Damaged {
            path: path.to_owned(),
            part,
        };
        let (_, length) = header.place(part as usize).ok_or(damaged)?;
        Ok(Section {
            part,
            bytes: length as u64,
            hash: format!("{:032x}", header.hash(part as usize)),
        })
    };
    Part::ALL.into_iter().map(section).collect()
}

/// Reads parts of a workspace from a file, each into memory of its own, and compares them with their hashes. What is in them is
/// not looked at.
///
/// # Errors
/// A file that can't be read, or is no compiled workspace, or whose parts are damaged.
pub fn read(path: &Path, wanted: &[Part]) -> Result<Parts, FileError> {
    let (file, bytes) = open(path)?;
    read_parts(
        path,
        bytes,
        |buffer, start| file.read_exact_at(buffer, start),
        wanted,
    )
}

/// Opens a file, and says how many bytes it has.
fn open(path: &Path) -> Result<(File, u64), FileError> {
    let unreadable = unreadable(path);
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path).map_err(&unreadable)?.is_file() {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    let file = File::open(path).map_err(&unreadable)?;
    let bytes = file.metadata().map_err(&unreadable)?.len();
    Ok((file, bytes))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> FileError {
    let path = path.to_owned();
    move |error| {
        let path = path.clone();
        match error.kind() {
            io::ErrorKind::UnexpectedEof => FileError::Shrunk { path },
            _ => FileError::Unreadable { path, error },
        }
    }
}

fn of_header(path: &Path) -> impl Fn(SectionsError) -> FileError {
    let path = path.to_owned();
    move |error| FileError::Header {
        path: path.clone(),
        error,
    }
}

/// Reads the header of a file that has `bytes` bytes, and checks it.
fn read_head(
    path: &Path,
    bytes: u64,
    read: impl Fn(&mut [u8], u64) -> io::Result<()>,
) -> Result<AlignedBytes, FileError> {
    if bytes > LARGEST {
        let path = path.to_owned();
        return Err(FileError::TooLarge { path, bytes });
    }
    let name = FORMAT.name;
    let mut head = AlignedBytes::zeroed(Header::length(&FORMAT));
    // What is too short for a header may still be of another version.
    let known = head.len().min(bytes as usize);
    read(&mut head[..known], 0).map_err(unreadable(path))?;
    let header = Header::open(&head, &FORMAT).map_err(of_header(path))?;
    header.verify(&head).map_err(of_header(path))?;
    match header.end() == Some(bytes) {
        true => Ok(head),
        false => Err(of_header(path)(SectionsError::Header { name })),
    }
}

/// Reads parts of a file that has `bytes` bytes, of which `read` gives those from a place on.
fn read_parts(
    path: &Path,
    bytes: u64,
    read: impl Fn(&mut [u8], u64) -> io::Result<()>,
    wanted: &[Part],
) -> Result<Parts, FileError> {
    let head = read_head(path, bytes, &read)?;
    let header = Header::open(&head, &FORMAT).map_err(of_header(path))?;
    let mut parts = Parts::default();
    for &part in wanted {
        let damaged = || FileError::Damaged {
            path: path.to_owned(),
            part,
        };
        let section = part as usize;
        let (start, length) = header.place(section).ok_or_else(damaged)?;
        let padded = length.next_multiple_of(ALIGNMENT);
        if start
            .checked_add(padded)
            .is_none_or(|end| end as u64 > bytes)
        {
            return Err(damaged());
        }
        let mut content = AlignedBytes::zeroed(padded);
        read(&mut content, start as u64).map_err(unreadable(path))?;
        header
            .verify_section(section, &content)
            .map_err(|_| damaged())?;
        content.truncate(length);
        parts = parts.with_read(part, content);
    }
    Ok(parts)
}

/// The bytes of a file with these parts.
#[cfg(feature = "compile")]
pub fn to_bytes(parts: &[(Part, AlignedBytes)]) -> Vec<u8> {
    let mut writer = sections::Writer::new(&FORMAT);
    for (part, bytes) in parts {
        writer.write::<u8>(*part as usize, bytes);
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A file whose parts hold their own names.
    fn sample() -> Vec<u8> {
        let mut writer = sections::Writer::new(&FORMAT);
        for part in Part::ALL {
            writer.write(part as usize, part.file().as_bytes());
        }
        writer.finish()
    }

    fn parts(bytes: &[u8], wanted: &[Part]) -> Result<Parts, FileError> {
        let read = |buffer: &mut [u8], start: u64| {
            let start = start as usize;
            buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
            Ok(())
        };
        read_parts(
            Path::new("some.workspace"),
            bytes.len() as u64,
            read,
            wanted,
        )
    }

    #[test]
    fn parts_are_read_as_they_were_written_and_others_are_not() {
        let wanted = [Part::Schema, Part::Quality];
        let parts = parts(&sample(), &wanted).unwrap();
        assert_eq!(parts.present(), wanted);
        for part in wanted {
            assert_eq!(parts.get(part), part.file().as_bytes());
        }
    }

    #[test]
    fn every_damaged_byte_is_found_where_it_is_used() {
        let whole = sample();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            let error = parts(&damaged, &Part::ALL).unwrap_err();
            let in_header = place < Header::length(&FORMAT);
            match error {
                FileError::Header { .. } => assert!(in_header, "{place}: {error}"),
                FileError::Damaged { .. } => assert!(!in_header, "{place}: {error}"),
                _ => panic!("{place}: {error}"),
            }
            // Only the first part is read, which lies behind the header.
            let found = parts(&damaged, &Part::ALL[..1]).is_err();
            assert_eq!(
                found,
                place < Header::length(&FORMAT) + ALIGNMENT,
                "{place}"
            );
        }
    }

    #[test]
    fn files_of_any_other_length_are_refused() {
        let whole = sample();
        for length in 0..whole.len() {
            assert!(parts(&whole[..length], &[]).is_err(), "{length}");
        }
        let error = parts(&[whole.as_slice(), &[0]].concat(), &[]).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }

    #[test]
    fn files_that_are_too_large_are_refused_before_they_are_read() {
        let with_bytes = |bytes: u64| {
            let read = |_: &mut [u8], _: u64| Err(io::ErrorKind::UnexpectedEof.into());
            let error = read_parts(Path::new("some.workspace"), bytes, read, &Part::ALL);
            error.unwrap_err().to_string()
        };
        assert_eq!(
            with_bytes(LARGEST + 1),
            "some.workspace: 2147483649 bytes are more than the 2147483648 that a compiled workspace may have"
        );
        assert!(with_bytes(LARGEST).contains("became shorter while it was read"));
        // A file with a hole instead of its bytes takes no room.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.workspace");
        let file = File::create(&path).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        assert!(matches!(read(&path, &[]), Err(FileError::TooLarge { .. })));
        assert!(matches!(sections(&path), Err(FileError::TooLarge { .. })));
        file.set_len(LARGEST).unwrap();
        assert!(matches!(read(&path, &[]), Err(FileError::Header { .. })));
    }

    #[test]
    fn another_version_and_another_kind_of_file_are_named() {
        let mut newer = sample();
        newer[8] = 9;
        let error = parts(&newer, &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "some.workspace: the compiled workspace has format 9, and this program reads format 1; compile the workspace again with \
            this program"
        );
        for other in [&b""[..], b"customer", b"customer_id,gender\n"] {
            let error = parts(other, &[]).unwrap_err().to_string();
            assert!(error.contains("not a compiled workspace"), "{error}");
        }
    }

    #[test]
    fn a_file_that_loses_bytes_while_it_is_read_is_told() {
        let whole = sample();
        let reads = Cell::new(0);
        let read = |buffer: &mut [u8], start: u64| {
            reads.set(reads.get() + 1);
            match reads.get() {
                ..3 => {
                    let start = start as usize;
                    buffer.copy_from_slice(&whole[start..start + buffer.len()]);
                    Ok(())
                }
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        let path = Path::new("some.workspace");
        let error = read_parts(path, whole.len() as u64, read, &Part::ALL).unwrap_err();
        assert!(matches!(error, FileError::Shrunk { .. }), "{error}");
    }

    #[test]
    fn what_is_no_file_is_told_without_waiting() {
        let error = read(Path::new("/dev/null"), &[]).unwrap_err().to_string();
        assert_eq!(error, "/dev/null: not a file");
        assert!(read(Path::new("/"), &[]).is_err());
        assert!(read(Path::new("/nowhere"), &[]).is_err());
    }
}
