//! Writes a file so that whoever opens it finds the former one or the new one, each whole.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Only the owner may read or write it: customers are in it.
const MODE: u32 = 0o600;

/// Puts a file with these bytes in the place of the one at a path, or of none. It is on the disk when this returns.
///
/// The bytes are written beside it under another name. A process that is killed leaves that file behind; the next one to replace
/// the same file removes it, since nobody holds its lock any more.
///
/// # Errors
/// When the folder or the disk does not take it. The former file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link, to a new file.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let prefix = prefix(&path);
    remove_leftovers(folder, &prefix);
    let mut file = begin(folder, &prefix)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// How the names of unfinished files begin.
fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".unfinished-");
    prefix
}

/// An unfinished file whose lock this process holds.
fn begin(folder: &Path, prefix: &OsString) -> io::Result<NamedTempFile> {
    loop {
        let file = Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder)?;
        // File systems without locks keep what is left behind.
        let locked = file.as_file().lock().is_ok();
        // Before it was locked another process could take it for one that was left behind.
        if !locked || file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes the unfinished files of processes that have ended. What can't be removed stays.
fn remove_leftovers(folder: &Path, prefix: &OsString) {
    let is_unfinished = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(is_unfinished) {
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_belongs_to_its_owner_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "former").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let opened = File::open(&path).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        assert_eq!(io::read_to_string(opened).unwrap(), "former");
        assert_eq!(names(&folder), ["file"]);
    }

    #[test]
    fn a_link_stays_one() {
        let folder = TempDir::new().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "former").unwrap();
        symlink("file", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(link.is_symlink());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_another_writes_is_not() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let prefix = prefix(&path);
        let written = begin(folder.path(), &prefix).unwrap();
        let left = folder.path().join(".file.unfinished-left");
        let others = folder.path().join(".files.unfinished-other");
        fs::write(&left, "half").unwrap();
        fs::write(&others, "half").unwrap();
        replace(&path, b"new").unwrap();
        let name = written.path().file_name().unwrap().to_str().unwrap();
        let mut expected = [name, ".files.unfinished-other", "file"];
        expected.sort();
        assert_eq!(names(&folder), expected);
    }
}
