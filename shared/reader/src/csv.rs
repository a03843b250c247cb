//! CSV: how it is delimited, where its header is, and its records one at a time.

use crate::evidence::{Evidence, Uncertain};
use crate::{Confirmed, TableError};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use schema::intake::MOST_COLUMNS;

/// Records that are looked at to find out how a text is delimited, and bytes of it at most.
const SAMPLE_RECORDS: usize = 200;
const SAMPLE_BYTES: usize = 256 << 10;

/// Lines that may be above the header.
const MOST_TITLES: usize = 20;

const DELIMITERS: [(u8, &str); 4] = [
    (b',', "comma"),
    (b';', "semicolon"),
    (b'\t', "tab"),
    (b'|', "pipe"),
];

/// The records of a text, one at a time, in memory that does not grow with their number. Lines may end in LF, CRLF or CR;
/// blank lines are none.
pub struct Records<'t> {
    text: &'t str,
    /// How much of the text has been read, and where the record begins that was read last.
    read: usize,
    start: usize,
    /// The line of an offset.
    line: (usize, u64),
    reader: Reader,
    /// The cells of the record that was read last, without their quotes.
    cells: Vec<u8>,
    length: usize,
    ends: Vec<usize>,
    count: usize,
}

/// The cells of one record.
#[derive(Clone, Copy)]
pub struct Record<'r> {
    text: &'r str,
    ends: &'r [usize],
}

/// A record with more cells than a file may have columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooWide;

impl<'t> Records<'t> {
    /// The records of a text that is delimited like this.
    pub fn new(text: &'t str, delimiter: u8) -> Self {
        Self {
            text,
            read: 0,
            start: 0,
            line: (0, 1),
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            cells: vec![0; 1 << 10],
            length: 0,
            ends: vec![0; MOST_COLUMNS],
            count: 0,
        }
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// One that is too wide; the next call reads the one after it.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, TooWide> {
        Ok(self.advance()?.then(|| self.record()))
    }

    /// Reads the next record, and says whether there is one.
    ///
    /// # Errors
    /// As [`Self::next_record`].
    pub(crate) fn advance(&mut self) -> Result<bool, TooWide> {
        let rest = &self.text.as_bytes()[self.read..];
        let breaks = rest.iter().take_while(|byte| b"\r\n".contains(byte));
        self.start = self.read + breaks.count();
        (self.length, self.count) = (0, 0);
        let mut is_wide = false;
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                &self.text.as_bytes()[self.read..],
                &mut self.cells[self.length..],
                &mut self.ends[self.count..],
            );
            self.read += read;
            self.length += written;
            self.count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.cells.resize(2 * self.cells.len(), 0),
                ReadRecordResult::OutputEndsFull => {
                    is_wide = true;
                    (self.length, self.count) = (0, 0);
                }
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::Record if is_wide => return Err(TooWide),
                ReadRecordResult::Record => return Ok(true),
            }
        }
    }

    /// The record that was read last.
    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            // A delimiter is ASCII, so that no cell ends within a character.
            text: std::str::from_utf8(&self.cells[..self.length]).unwrap_or_default(),
            ends: &self.ends[..self.count],
        }
    }

    /// How much of the text has been read: where the line begins that follows the record.
    pub fn offset(&self) -> usize {
        let bytes = self.text.as_bytes();
        let is_within_crlf =
            self.read > 0 && bytes[self.read - 1] == b'\r' && bytes.get(self.read) == Some(&b'\n');
        self.read + usize::from(is_within_crlf)
    }

    /// The line at which the record begins that was read last; the first is 1.
    pub fn line(&mut self) -> u64 {
        let (offset, line) = self.line;
        let passed = &self.text.as_bytes()[offset..self.start.max(offset)];
        self.line = (offset + passed.len(), line + line_breaks(passed));
        self.line.1
    }
}

/// How many lines end in a text that does not end within a CRLF.
fn line_breaks(text: &[u8]) -> u64 {
    let lone = |position: &usize| text.get(position + 1) != Some(&b'\n');
    let carriages = memchr::memchr_iter(b'\r', text).filter(lone).count();
    (memchr::memchr_iter(b'\n', text).count() + carriages) as u64
}

impl<'r> Record<'r> {
    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell in this column.
    pub fn cell(&self, column: usize) -> Option<&'r str> {
        let start = match column {
            0 => 0,
            _ => *self.ends.get(column - 1)?,
        };
        self.text.get(start..*self.ends.get(column)?)
    }

    /// All cells, in the order of the columns.
    pub fn cells(&self) -> impl DoubleEndedIterator<Item = &'r str> + '_ {
        (0..self.len()).filter_map(|column| self.cell(column))
    }

    /// How many cells there are when blank ones at the end count for nothing.
    pub(crate) fn filled(&self) -> usize {
        let blank = self.cells().rev().take_while(|cell| cell.trim().is_empty());
        self.len() - blank.count()
    }
}

/// How a text is delimited, and where its first row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What is between two cells.
    pub delimiter: u8,
    /// The cells of the header, without blanks at their ends.
    pub header: Vec<String>,
    /// How many records are above the first row, the header included.
    pub skipped: usize,
    /// Whether each row begins with a cell that the header has no name for.
    pub has_row_names: bool,
}

/// A delimiter as it would be read.
struct Candidate {
    delimiter: u8,
    name: &'static str,
    header: Vec<String>,
    titles: usize,
    has_row_names: bool,
    /// Which share of the records is as wide as the header.
    fits: f64,
    /// How many of the columns have a known name.
    known: usize,
}

impl Dialect {
    /// Finds out how a text is delimited. Where two ways are equally plausible, that decides which has more names that are
    /// known.
    ///
    /// # Errors
    /// A text without a header, one that is too wide, and two plausible delimiters.
    pub fn of(
        text: &str,
        confirmed: &Confirmed,
        is_known: &dyn Fn(&str) -> bool,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Self, TableError> {
        let wanted = match confirmed.get("delimiter") {
            None => None,
            Some(name) => Some(DELIMITERS.into_iter().find(|(_, known)| *known == name).ok_or_else(
                || {
                    TableError::Malformed(format!(
                        "can't be read with delimiter:{name}; a delimiter is comma, semicolon, tab or pipe"
                    ))
                },
            )?),
        };
        let mut candidates = Vec::new();
        let mut is_wide = false;
        for (delimiter, name) in DELIMITERS {
            if wanted.is_some_and(|(wanted, _)| wanted != delimiter) {
                continue;
            }
            match Candidate::of(text, delimiter, name, is_known) {
                Ok(candidate) => candidates.extend(candidate),
                Err(TooWide) => is_wide = true,
            }
        }
        let several = |candidate: &Candidate| candidate.header.len() > 1;
        if is_wide && !candidates.iter().any(several) {
            return Err(TableError::Malformed(format!(
                "has too many columns: a record may have at most {MOST_COLUMNS} cells"
            )));
        }
        let chosen = chosen(candidates, wanted.is_some())?;
        if chosen.delimiter != b',' && chosen.header.len() > 1 {
            evidence.push(Evidence::of_input(format!("delimiter: {}", chosen.name), 1));
        }
        if chosen.titles > 0 {
            let reading = "lines above the header, skipped";
            evidence.push(Evidence::of_input(reading, chosen.titles as u64));
        }
        Ok(Self {
            delimiter: chosen.delimiter,
            header: chosen.header,
            skipped: chosen.titles + 1,
            has_row_names: chosen.has_row_names,
        })
    }
}

/// The only plausible candidate, or the one that is plausible beyond doubt.
fn chosen(candidates: Vec<Candidate>, is_confirmed: bool) -> Result<Candidate, TableError> {
    let nothing = || TableError::Malformed("is empty; it should begin with a header".to_owned());
    let mut candidates = candidates;
    let several = |candidate: &Candidate| candidate.header.len() > 1;
    if !is_confirmed && candidates.iter().any(several) {
        candidates.retain(several);
    }
    let most = |candidates: &[Candidate], score: fn(&Candidate) -> f64| {
        candidates.iter().map(score).fold(0.0, f64::max)
    };
    // A single column has no delimiter, so that one which its cells hold is none.
    let fits = most(&candidates, |candidate| candidate.fits);
    if !candidates.iter().any(several) {
        candidates.retain(|candidate| candidate.fits == fits);
    }
    // A text in which some cells hold another delimiter is not delimited by it.
    if most(&candidates, |candidate| candidate.fits) > 0.6 {
        candidates.retain(|candidate| candidate.fits > 0.6);
    }
    let known = most(&candidates, |candidate| candidate.known as f64);
    candidates.retain(|candidate| candidate.known as f64 == known);
    let fewest = candidates.iter().map(|candidate| candidate.titles).min();
    candidates.retain(|candidate| Some(candidate.titles) == fewest);
    if candidates.len() > 1
        && candidates
            .iter()
            .all(|candidate| candidate.header.len() > 1)
    {
        let [one, other] = [&candidates[0], &candidates[1]];
        return Err(TableError::Uncertain(Uncertain {
            column: None,
            detail: format!(
                "has {} columns when read with {}, and {} with {}",
                one.header.len(),
                one.name,
                other.header.len(),
                other.name
            ),
            key: "delimiter".to_owned(),
            values: candidates
                .iter()
                .map(|candidate| candidate.name.to_owned())
                .collect(),
        }));
    }
    candidates.into_iter().next().ok_or_else(nothing)
}

impl Candidate {
    /// What a text is when read like this; none where it holds no record.
    fn of(
        text: &str,
        delimiter: u8,
        name: &'static str,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Self>, TooWide> {
        let end = text.floor_char_boundary(SAMPLE_BYTES);
        let is_whole = end == text.len();
        let mut records = Records::new(&text[..end], delimiter);
        // The width, the cells up to the last that is not blank, and how many are not.
        let mut shapes: Vec<(usize, usize, usize)> = Vec::new();
        let mut beginning: Vec<Vec<String>> = Vec::new();
        while shapes.len() < SAMPLE_RECORDS {
            let record = match records.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                // Among rows, it is one that can't be read.
                Err(TooWide) => {
                    shapes.push((MOST_COLUMNS + 1, MOST_COLUMNS + 1, MOST_COLUMNS + 1));
                    beginning.push(Vec::new());
                    continue;
                }
            };
            let cells = record.cells().filter(|cell| !cell.trim().is_empty());
            shapes.push((record.len(), record.filled(), cells.count()));
            if beginning.len() <= MOST_TITLES {
                beginning.push(record.cells().map(|cell| cell.trim().to_owned()).collect());
            }
        }
        // The sample may end within a record.
        if !is_whole && shapes.len() > 1 && shapes.len() < SAMPLE_RECORDS {
            shapes.pop();
        }
        if shapes.is_empty() {
            return Ok(None);
        }
        let usual = usual_width(&shapes);
        let titles = titles(&shapes, &beginning, usual, is_known);
        let Some(header) = beginning.get(titles).cloned() else {
            return Ok(None);
        };
        if header.is_empty() {
            return Err(TooWide);
        }
        let width = header.len();
        let rows = &shapes[titles + 1..];
        let rows = rows.iter().filter(|(_, _, cells)| *cells > 0);
        let count = rows.clone().count();
        let as_wide = |width: usize| {
            let fits = |(cells, filled, _): &&(usize, usize, usize)| {
                *cells == width || *cells > width && *filled <= width
            };
            rows.clone().filter(fits).count()
        };
        let has_row_names = titles == 0 && has_row_names(width, &shapes, &beginning);
        let fits = match count {
            0 => 1.0,
            _ if has_row_names => 1.0,
            _ => as_wide(width) as f64 / count as f64,
        };
        Ok(Some(Self {
            delimiter,
            name,
            known: header.iter().filter(|name| is_known(name)).count(),
            header,
            titles,
            has_row_names,
            fits,
        }))
    }
}

/// The most common width, the greater of two that are equally common.
fn usual_width(shapes: &[(usize, usize, usize)]) -> usize {
    let mut widths: Vec<usize> = shapes.iter().map(|(width, _, _)| *width).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|one, other| one == other);
    let longest = runs.max_by_key(|run| run.len());
    longest.and_then(|run| run.first()).copied().unwrap_or(0)
}

/// Whether each row is one cell wider than a header of this width, and begins with its number, as R writes it.
fn has_row_names(
    width: usize,
    shapes: &[(usize, usize, usize)],
    beginning: &[Vec<String>],
) -> bool {
    let mut rows = beginning.iter().skip(1).enumerate();
    shapes.len() > 1
        && shapes[1..].iter().all(|(cells, _, _)| *cells == width + 1)
        && rows.all(|(index, row)| {
            row.first()
                .is_some_and(|name| *name == (index + 1).to_string())
        })
}

/// How many records are above the header: those with too few cells for one, where a record follows that has enough.
fn titles(
    shapes: &[(usize, usize, usize)],
    beginning: &[Vec<String>],
    usual: usize,
    is_known: &dyn Fn(&str) -> bool,
) -> usize {
    let has_known = |position: usize| beginning[position].iter().any(|name| is_known(name));
    let is_title = |position: usize| {
        let (_, _, cells) = shapes[position];
        // Of two columns, the first may be an index without a name.
        let is_left = beginning[position]
            .first()
            .is_some_and(|name| !name.is_empty());
        2 * cells <= usual && (usual > 2 || is_left || cells == 0) && !has_known(position)
    };
    let is_header = |position: usize| {
        let (width, _, cells) = shapes[position];
        let names = beginning[position].iter().map(String::as_str);
        let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        width >= usual && 2 * cells > usual && names.len() >= 2 || has_known(position)
    };
    let most = beginning.len().min(shapes.len()).min(MOST_TITLES + 1);
    // In a single column nothing but its name tells a header from a title.
    if usual < 2 {
        return (0..most).find(|position| has_known(*position)).unwrap_or(0);
    }
    let found = (0..most).find(|position| !is_title(*position));
    match found {
        Some(first) if is_header(first) => first,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        let mut records = Records::new(text, b',');
        let mut all = Vec::new();
        while let Some(record) = records.next_record().unwrap() {
            all.push(record.cells().map(str::to_owned).collect());
        }
        all
    }

    #[test]
    fn records_end_with_any_line_end() {
        let expected = [vec!["a", "é\r\n\"b\""], vec!["", "d"]];
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a,\"é\r\n\"\"b\"\"\"{end}{end},d");
            assert_eq!(read(&text), expected, "{end:?}");
            assert_eq!(read(&(text + end)), expected, "{end:?}");
        }
        assert!(read("").is_empty() && read("\r\n\n\r").is_empty());
    }

    #[test]
    fn records_may_be_long_but_not_wide() {
        let long = "x".repeat(100_000);
        assert_eq!(read(&long), [[long.as_str()]]);
        let wide = ",".repeat(MOST_COLUMNS - 1);
        assert_eq!(read(&wide)[0].len(), MOST_COLUMNS);
        let wider = wide + ",";
        assert!(Records::new(&wider, b',').next_record().is_err());
    }

    #[test]
    fn records_know_their_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "1,\"x", "y\"", "2,3"].join(end);
            let mut records = Records::new(&text, b',');
            let mut lines = Vec::new();
            while records.next_record().unwrap().is_some() {
                lines.push(records.line());
            }
            assert_eq!(lines, [1, 3, 5], "{end:?}");
        }
    }

    fn dialect(text: &str) -> Result<(char, Vec<String>, usize), TableError> {
        let dialect = Dialect::of(text, &Confirmed::default(), &|_| false, &mut Vec::new())?;
        Ok((
            char::from(dialect.delimiter),
            dialect.header,
            dialect.skipped,
        ))
    }

    #[test]
    fn delimiters_are_detected() {
        for delimiter in [',', ';', '\t', '|'] {
            let text = "id,a,b\n1,x y,2\n2,z,\n".replace(',', &delimiter.to_string());
            let header = ["id", "a", "b"].map(str::to_owned).to_vec();
            assert_eq!(dialect(&text).unwrap(), (delimiter, header, 1));
        }
        assert_eq!(dialect("a;b\n1,5;2,5\n3,5;4,5\n").unwrap().0, ';');
        assert_eq!(dialect("a,note\n1,x; y\n2,z; w\n").unwrap().0, ',');
        assert_eq!(dialect("only\n1\n2\n").unwrap().1, ["only"]);
        assert_ne!(dialect("only\n1,5\n2\n").unwrap().0, ',');
        assert!(matches!(
            dialect("a,b;c\n1,2;3\n"),
            Err(TableError::Uncertain(_))
        ));
        assert!(matches!(dialect("\n\n"), Err(TableError::Malformed(_))));
    }

    #[test]
    fn row_names_of_r_are_skipped() {
        let text = "\"id\" \"a\"\n\"1\" \"x\" 2\n\"2\" \"y\" 3\n".replace(' ', ",");
        let dialect =
            Dialect::of(&text, &Confirmed::default(), &|_| false, &mut Vec::new()).unwrap();
        assert!(dialect.has_row_names);
        assert_eq!(dialect.header, ["id", "a"]);
    }

    #[test]
    fn known_names_decide_between_delimiters() {
        let names = |name: &str| ["b;c"].contains(&name);
        let mut evidence = Vec::new();
        let dialect = Dialect::of(
            "a,b;c\n1,2;3\n",
            &Confirmed::default(),
            &names,
            &mut evidence,
        );
        assert_eq!(dialect.unwrap().delimiter, b',');
    }

    #[test]
    fn titles_above_the_header_are_skipped() {
        for title in [
            "Report",
            "Report\n\n",
            "Report,,",
            "Report\nof October, 2026",
            "\"Report, 2026\"\n,,",
        ] {
            let text = format!("{title}\nid,a,b,c\n1,2,3,4\n4,5,6,7\n");
            let (_, header, _) = dialect(&text).unwrap();
            assert_eq!(header, ["id", "a", "b", "c"], "{title:?}");
        }
    }

    #[test]
    fn a_header_that_is_too_narrow_is_no_title() {
        let (_, header, _) = dialect("id,a,b\n1,2,3,4\n4,5,6,7\n").unwrap();
        assert_eq!(header, ["id", "a", "b"]);
    }
}
