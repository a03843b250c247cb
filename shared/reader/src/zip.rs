//! The only file in a zip archive.

use std::io::{Cursor, Read};

/// The bytes of the only file; folders and the notes that macOS adds are none.
///
/// # Errors
/// An archive that is damaged, or of several files.
pub(crate) fn only_file(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let damaged =
        |error: zip::result::ZipError| format!("is a zip archive that can't be read: {error}");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        if entry.is_file() && !entry.name_raw().starts_with(b"__MACOSX/") {
            files.push(index);
        }
    }
    let [index] = files.as_slice() else {
        return Err(format!(
            "is a zip archive of {} files, and one is wanted",
            files.len()
        ));
    };
    let mut out = Vec::new();
    let mut file = archive.by_index(*index).map_err(damaged)?;
    let read = file.read_to_end(&mut out);
    read.map_err(|error| format!("is a zip archive that can't be read: {error}"))?;
    Ok(out)
}
