//! The file: whole lines appended, rotated by size, put in order again after a crash.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::line::{LONGEST_LINE, OPENING};
use super::sink::{Place, Sink};

/// A file that is renamed to `<name>.000001`, `<name>.000002` … when it has reached its size.
pub(super) struct RotatingFile {
    path: PathBuf,
    /// Bytes from which on the file is rotated before the next write.
    max_bytes: u64,
    open: Option<Open>,
}

struct Open {
    file: File,
    length: u64,
    /// Device and inode.
    identity: (u64, u64),
}

impl RotatingFile {
    pub fn new(path: PathBuf, max_bytes: u64) -> Self {
        Self {
            path,
            max_bytes,
            open: None,
        }
    }

    /// Whether the path still leads to the open file, and nobody else has changed its length.
    fn is_in_place(&self, open: &Open) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|now| identity(&now) == open.identity && now.len() == open.length)
    }

    fn open(&mut self) -> io::Result<Place> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o640)
            .open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // Where the file system knows no locks, the log is as safe as before there were any.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                "another process is writing it",
            ));
        }
        let (length, place) = mend_end(&mut file, metadata.len())?;
        self.open = Some(Open {
            file,
            length,
            identity: identity(&metadata),
        });
        Ok(place)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        fs::rename(&self.path, next_rotated(&self.path)?)
    }
}

impl Sink for RotatingFile {
    fn prepare(&mut self) -> io::Result<Place> {
        let mut place = Place::Continued;
        if !self
            .open
            .as_ref()
            .is_some_and(|open| self.is_in_place(open))
        {
            // The lock goes with the old handle; it must, before the same file is opened again.
            self.open = None;
            place = self.open()?;
        }
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.length >= self.max_bytes)
        {
            self.rotate()?;
            place = self.open()?;
        }
        Ok(place)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| io::Error::other("it is not open"))?;
        let written = open.file.write_all(lines);
        if written.is_ok() {
            open.length += lines.len() as u64;
        } else {
            // A part may have been written; the lines will come again, whole. If this fails too, the next
            // opening drops at least the incomplete line.
            let _ = open.file.set_len(open.length);
            self.open = None;
        }
        written
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Drops an incomplete last line, as a crash leaves it; nobody was told that it had been written.
/// Gives the file's length then and the place at its end.
fn mend_end(file: &mut File, length: u64) -> io::Result<(u64, Place)> {
    /// Bytes read from the end of the file: room for an incomplete line and the one before it.
    const END: u64 = 2 * LONGEST_LINE as u64;

    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    file.take(END).read_to_end(&mut end)?;

    let complete = end
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |feed| feed + 1);
    let incomplete = &end[complete..];
    if !incomplete.is_empty() {
        let compared = incomplete.len().min(OPENING.len());
        if incomplete.len() > LONGEST_LINE
            || incomplete[..compared] != OPENING.as_bytes()[..compared]
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it does not end in a usage line",
            ));
        }
        let kept = length - incomplete.len() as u64;
        file.set_len(kept)?;
        tracing::warn!(
            bytes = incomplete.len(),
            "the usage log ended in an incomplete line, which was dropped"
        );
    }
    let length = length - incomplete.len() as u64;
    let lines = end[..complete].strip_suffix(b"\n");
    let place = lines.map_or(Place::Head, |lines| {
        Place::Behind(
            lines
                .rsplit(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default()
                .to_vec(),
        )
    });
    Ok((length, place))
}

/// The name that the file gets when it is rotated: the number after the highest one there is.
fn next_rotated(path: &Path) -> io::Result<PathBuf> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut highest = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?.file_name();
        let number = entry
            .to_str()
            .and_then(|entry| entry.strip_prefix(&*name)?.strip_prefix('.')?.parse().ok());
        highest = highest.max(number.unwrap_or(0u32));
    }
    Ok(directory.join(format!("{name}.{:06}", highest + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"{\"kind\":\"usage\",\"n\":1}\n";

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.log");
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn appends_behind_the_line_that_stands_there() {
        let (_folder, path) = folder();
        let mut file = RotatingFile::new(path.clone(), 1000);
        assert_eq!(file.prepare().unwrap(), Place::Head);
        file.append(LINE).unwrap();
        assert_eq!(file.prepare().unwrap(), Place::Continued);
        drop(file);
        let place = RotatingFile::new(path, 1000).prepare().unwrap();
        assert_eq!(
            place,
            Place::Behind(LINE.strip_suffix(b"\n").unwrap().to_vec())
        );
    }

    #[test]
    fn drops_an_incomplete_last_line_at_every_length() {
        let (_folder, path) = folder();
        for cut in 1..LINE.len() {
            fs::write(&path, [LINE, &LINE[..cut]].concat()).unwrap();
            let place = RotatingFile::new(path.clone(), 1000).prepare().unwrap();
            assert_eq!(
                place,
                Place::Behind(LINE.strip_suffix(b"\n").unwrap().to_vec()),
                "cut at {cut}"
            );
            assert_eq!(fs::read(&path).unwrap(), LINE, "cut at {cut}");
        }
        fs::write(&path, &LINE[..5]).unwrap();
        assert_eq!(
            RotatingFile::new(path, 1000).prepare().unwrap(),
            Place::Head
        );
    }

    #[test]
    fn leaves_a_file_alone_that_is_no_usage_log() {
        let (_folder, path) = folder();
        fs::write(&path, "somebody's notes, without a line feed").unwrap();
        let error = RotatingFile::new(path.clone(), 1000).prepare().unwrap_err();
        assert_eq!(error.to_string(), "it does not end in a usage line");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "somebody's notes, without a line feed"
        );
    }

    #[test]
    fn a_file_without_line_feeds_is_refused_however_large_it_is() {
        let (_folder, path) = folder();
        fs::write(&path, LINE).unwrap();
        // Holes, which take no room on the disk.
        let file = File::options().append(true).open(&path).unwrap();
        file.set_len(3 << 30).unwrap();
        let error = RotatingFile::new(path.clone(), 1000).prepare().unwrap_err();
        assert_eq!(error.to_string(), "it does not end in a usage line");
        assert_eq!(fs::metadata(&path).unwrap().len(), 3 << 30);
    }

    #[test]
    fn refuses_what_is_not_a_regular_file() {
        let error = RotatingFile::new("/dev/null".into(), 1000)
            .prepare()
            .unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
    }

    #[test]
    fn refuses_a_file_that_another_writer_holds() {
        let (_folder, path) = folder();
        let mut holder = RotatingFile::new(path.clone(), 1000);
        holder.prepare().unwrap();
        let mut second = RotatingFile::new(path, 1000);
        assert_eq!(
            second.prepare().unwrap_err().to_string(),
            "another process is writing it"
        );
        drop(holder);
        assert_eq!(second.prepare().unwrap(), Place::Head);
    }

    #[test]
    fn rotates_by_size_and_never_over_an_older_file() {
        let (folder, path) = folder();
        fs::write(folder.path().join("usage.log.000007"), "older").unwrap();
        let mut file = RotatingFile::new(path.clone(), LINE.len() as u64 * 2);
        let places: Vec<_> = (0..5)
            .map(|_| {
                let place = file.prepare().unwrap();
                file.append(LINE).unwrap();
                place
            })
            .collect();
        use Place::{Continued, Head};
        assert_eq!(places, [Head, Continued, Head, Continued, Head]);
        assert_eq!(
            names(folder.path()),
            [
                "usage.log",
                "usage.log.000007",
                "usage.log.000008",
                "usage.log.000009"
            ]
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("usage.log.000007")).unwrap(),
            "older"
        );
    }

    #[test]
    fn a_file_that_was_full_when_it_was_opened_is_rotated_too() {
        let (folder, path) = folder();
        fs::write(&path, LINE).unwrap();
        assert_eq!(
            RotatingFile::new(path, LINE.len() as u64)
                .prepare()
                .unwrap(),
            Place::Head
        );
        assert_eq!(names(folder.path()), ["usage.log", "usage.log.000001"]);
    }

    #[test]
    fn notices_that_the_file_or_its_folder_is_gone() {
        let (folder, path) = folder();
        let mut file = RotatingFile::new(path.clone(), 1000);
        file.prepare().unwrap();
        file.append(LINE).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        assert_eq!(file.prepare().unwrap(), Place::Head);
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(file.prepare().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(folder.path()).unwrap();
        assert_eq!(file.prepare().unwrap(), Place::Head);
    }
}
