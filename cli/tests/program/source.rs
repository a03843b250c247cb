//! Folders to compile.

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The repository's own workspace.
pub const TELCO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A copy of the repository's own workspace, to be changed.
pub struct Folder(TempDir);

impl Folder {
    pub fn of_telco() -> Self {
        let folder = TempDir::new().unwrap();
        for file in workspace::compile::Sources::PATHS {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(Path::new(TELCO).join(file), path).unwrap();
        }
        Self(folder)
    }

    /// Replaces a text that is in one of the files.
    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.file(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} lacks {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Removes the last customer.
    pub fn without_the_last_customer(self) -> Self {
        let path = self.file("data/customers.csv");
        let text = fs::read_to_string(&path).unwrap();
        let (rest, _) = text.trim_end().rsplit_once('\n').unwrap();
        fs::write(path, format!("{rest}\n")).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }
}
