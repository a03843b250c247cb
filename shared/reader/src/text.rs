//! Bytes become text: compression, encodings, and kinds of files that are no text.

use crate::evidence::{Evidence, Uncertain};
use crate::{Confirmed, TableError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What begins a file that gzip has compressed.
pub const GZIP: &[u8] = &[0x1f, 0x8b];
/// What begins a zip archive, which a workbook may be.
pub const ZIP: &[u8] = b"PK\x03\x04";
pub(crate) const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// What Parquet files begin with.
pub const PARQUET: &[u8] = b"PAR1";

/// What a file of another kind is, and what to do with it.
pub fn unread(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(PARQUET) {
        return Some("is a Parquet file, which is not read here; export it as CSV");
    }
    if bytes.starts_with(OLE) {
        return Some(
            "is an Excel workbook (.xls), which is not read here; save its sheet as CSV UTF-8",
        );
    }
    if bytes.starts_with(ZIP) {
        return match is_workbook(bytes) {
            true => Some(
                "is an Excel workbook (.xlsx), which is not read here; save its sheet as CSV UTF-8",
            ),
            false => Some("is a zip archive, which is not read here; send the file in it"),
        };
    }
    if bytes.starts_with(b"%PDF") {
        return Some("is a PDF document; export its table as CSV");
    }
    let beginning = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let beginning = beginning[..beginning.len().min(200)].trim_ascii_start();
    let begins = |tag: &str| {
        beginning
            .get(..tag.len())
            .is_some_and(|first| first.eq_ignore_ascii_case(tag.as_bytes()))
    };
    if ["<!doctype html", "<html", "<head", "<table", "<meta"]
        .into_iter()
        .any(begins)
    {
        return Some(
            "is an HTML page, which some programs save under the name of a workbook; save its table as CSV UTF-8",
        );
    }
    if begins("<?xml") {
        return Some("is XML; export its table as CSV");
    }
    bytes
        .starts_with(GZIP)
        .then_some("is compressed with gzip, which is not read here; send what is in it")
}

/// Whether bytes begin as an Excel workbook does.
pub fn is_workbook(bytes: &[u8]) -> bool {
    // The first entry of a workbook that is an archive has one of these names.
    let names: [&[u8]; 4] = [b"[Content_Types].xml", b"_rels/", b"xl/", b"docProps/"];
    let name = bytes.get(30..).unwrap_or_default();
    bytes.starts_with(OLE)
        || bytes.starts_with(ZIP) && names.iter().any(|first| name.starts_with(first))
}

/// What comes out of bytes that are compressed.
#[cfg(feature = "compressed")]
pub(crate) fn decompressed(
    bytes: &[u8],
    evidence: &mut Vec<Evidence>,
) -> Result<Option<Vec<u8>>, TableError> {
    use std::io::{self, Read};
    let mut out = Vec::new();
    let kind = if bytes.starts_with(GZIP) {
        flate2::read::MultiGzDecoder::new(bytes)
            .read_to_end(&mut out)
            .map_err(|error| TableError::Malformed(format!("is not gzip to its end: {error}")))?;
        "gzip"
    } else if bytes.starts_with(ZIP) && !is_workbook(bytes) {
        let entry = crate::ZipEntry::find(io::Cursor::new(bytes))?;
        let stored = entry.stored.start as usize..entry.stored.end as usize;
        let stored = bytes.get(stored).unwrap_or_default();
        let read = entry.decompressed(stored).read_to_end(&mut out);
        read.map_err(|error| match error.downcast() {
            Ok(error) => error,
            Err(error) => {
                TableError::Malformed(format!("is a zip archive that can't be read: {error}"))
            }
        })?;
        "zip"
    } else {
        return Ok(None);
    };
    evidence.push(Evidence::of_input(format!("compression: {kind}"), 1));
    Ok(Some(out))
}

/// The order of bytes in UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Utf16 {
    /// The less significant first.
    LittleEndian,
    /// The more significant first.
    BigEndian,
}

/// What UTF-16 is called in evidence.
pub const UTF_16: &str = "UTF-16";

impl Utf16 {
    /// The order of the bytes of a text that begins like this, if it is in UTF-16.
    pub fn of(beginning: &[u8]) -> Option<Self> {
        if beginning.starts_with(b"\xff\xfe") {
            return Some(Self::LittleEndian);
        }
        if beginning.starts_with(b"\xfe\xff") {
            return Some(Self::BigEndian);
        }
        let beginning = &beginning[..beginning.len().min(200) & !1];
        if beginning.len() < 4 {
            return None;
        }
        let zeros = |at: usize| {
            beginning
                .chunks_exact(2)
                .filter(|unit| unit[at] == 0)
                .count()
        };
        // Of ASCII, which a header and its delimiters mostly are, every second byte is zero.
        let mostly = beginning.len() / 2 * 3 / 4;
        if zeros(1) > mostly && zeros(0) == 0 {
            return Some(Self::LittleEndian);
        }
        (zeros(0) > mostly && zeros(1) == 0).then_some(Self::BigEndian)
    }

    /// How long the byte-order mark is with which a text in this order begins.
    fn mark(self, beginning: &[u8]) -> usize {
        let mark = match self {
            Self::LittleEndian => b"\xff\xfe",
            Self::BigEndian => b"\xfe\xff",
        };
        2 * usize::from(beginning.starts_with(mark))
    }

    /// The unit in two bytes.
    pub fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::LittleEndian => u16::from_le_bytes(bytes),
            Self::BigEndian => u16::from_be_bytes(bytes),
        }
    }
}

/// The text in bytes, without its byte-order mark.
pub(crate) fn decoded<'b>(
    bytes: &'b [u8],
    confirmed: &Confirmed,
    evidence: &mut Vec<Evidence>,
) -> Result<Cow<'b, str>, TableError> {
    let mut read_as = |encoding: &str| {
        evidence.push(Evidence::of_input(format!("encoding: {encoding}"), 1));
    };
    if let Some(order) = Utf16::of(bytes) {
        read_as(UTF_16);
        return utf16(&bytes[order.mark(bytes)..], |unit| order.unit(unit));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(error) => error,
    };
    match confirmed.get("encoding") {
        Some("windows-1252") => {}
        // A letter of another alphabet is UTF-8 by design and hardly ever by chance: the text is UTF-8 and damaged.
        _ if has_utf8_letter(bytes) => {
            return Err(TableError::Uncertain(Uncertain {
                column: None,
                detail: format!(
                    "has letters in UTF-8, and is not UTF-8 from byte {} on",
                    error.valid_up_to()
                ),
                key: "encoding".to_owned(),
                values: vec!["windows-1252".to_owned()],
            }));
        }
        _ if bytes.iter().any(|byte| windows_1252(*byte).is_none()) => {
            return Err(TableError::Malformed(format!(
                "is neither UTF-8 (from byte {} on), nor UTF-16 or Windows-1252",
                error.valid_up_to()
            )));
        }
        _ => {}
    }
    read_as("Windows-1252");
    let letter = |byte: &u8| windows_1252(*byte).unwrap_or(char::REPLACEMENT_CHARACTER);
    Ok(Cow::Owned(bytes.iter().map(letter).collect()))
}

/// What is wrong with UTF-16 that is damaged.
pub const HALF_A_CHARACTER: &str = "is UTF-16 with half a character in it";

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, TableError> {
    let (units, rest) = bytes.as_chunks::<2>();
    let decoded = char::decode_utf16(units.iter().map(|bytes| unit(*bytes)));
    // A text of letters that take three bytes each is the longest.
    let mut text = String::with_capacity(units.len() + units.len() / 8);
    for character in decoded {
        let damaged = |_| TableError::Malformed(HALF_A_CHARACTER.to_owned());
        text.push(character.map_err(damaged)?);
    }
    match rest {
        [] => Ok(Cow::Owned(text)),
        _ => Err(TableError::Malformed(HALF_A_CHARACTER.to_owned())),
    }
}

/// Whether there is a character of several bytes in UTF-8.
pub fn has_utf8_letter(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// The character that Windows-1252 has for a byte. A library for encodings would bring the tables of all others along.
pub fn windows_1252(byte: u8) -> Option<char> {
    const FROM_0X80: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0',
        '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => Some(FROM_0X80[usize::from(byte - 0x80)]).filter(|letter| *letter != '\0'),
        _ => Some(char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(String, Vec<String>), TableError> {
        let mut evidence = Vec::new();
        let text = decoded(bytes, &Confirmed::default(), &mut evidence)?.into_owned();
        Ok((
            text,
            evidence.iter().map(|one| one.reading.clone()).collect(),
        ))
    }

    #[test]
    fn encodings_are_detected() {
        let text = "id,nom\n1,Zoé – 5 €\n";
        let plain = |evidence: &[&str]| {
            let evidence = evidence.iter().map(|one| (*one).to_owned()).collect();
            Ok((text.to_owned(), evidence))
        };
        assert_eq!(read(text.as_bytes()), plain(&[]));
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()), plain(&[]));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let swapped: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (mark, bytes) in [
            (&b"\xff\xfe"[..], &wide),
            (b"\xfe\xff", &swapped),
            (b"", &wide),
            (b"", &swapped),
        ] {
            assert_eq!(read(&[mark, bytes].concat()), plain(&["encoding: UTF-16"]));
        }
        let narrow = b"id,nom\n1,Zo\xe9 \x96 5 \x80\n";
        assert_eq!(read(narrow), plain(&["encoding: Windows-1252"]));
    }

    #[test]
    fn damaged_encodings_are_refused() {
        assert!(matches!(
            read(
                "é,\n"
                    .as_bytes()
                    .iter()
                    .chain(b"\xff")
                    .copied()
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            Err(TableError::Uncertain(_))
        ));
        assert!(matches!(read(b"a,\x81\n"), Err(TableError::Malformed(_))));
        assert!(matches!(read(b"\xff\xfea"), Err(TableError::Malformed(_))));
        assert!(matches!(
            read(b"\xff\xfe\x00\xd8a\x00"),
            Err(TableError::Malformed(_))
        ));
    }
}
