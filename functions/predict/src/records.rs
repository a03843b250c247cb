//! The records of a CSV body, one at a time, in memory that does not grow with their number.

use csv_core::{ReadRecordResult, Reader};
use schema::intake::MOST_COLUMNS;
use web::Problem;

/// Reads a body record by record. Lines may end in LF, CRLF or CR; blank lines are none.
pub struct Records<'b> {
    rest: &'b str,
    reader: Reader,
    /// The cells of the record that was read last, without their quotes.
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The cells of one record.
pub struct Record<'r> {
    text: &'r str,
    ends: &'r [usize],
}

impl<'b> Records<'b> {
    /// The records of a body.
    ///
    /// # Errors
    /// 400 where it is not UTF-8.
    pub fn new(body: &'b [u8]) -> Result<Self, Problem> {
        let rest = std::str::from_utf8(body).map_err(|error| {
            Problem::malformed(format!(
                "The body is not UTF-8 from byte {} on.",
                error.valid_up_to()
            ))
        })?;
        Ok(Self {
            rest,
            reader: Reader::new(),
            text: vec![0; 1 << 10],
            ends: vec![0; MOST_COLUMNS],
        })
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// 400 where it has more cells than a file may have columns.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, Problem> {
        let (mut length, mut count) = (0, 0);
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                self.rest.as_bytes(),
                &mut self.text[length..],
                &mut self.ends[count..],
            );
            self.rest = &self.rest[read..];
            length += written;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => {
                    return Err(Problem::malformed(format!(
                        "The body is not the CSV wanted here: a record may have at most {MOST_COLUMNS} cells."
                    )));
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        let text = std::str::from_utf8(&self.text[..length]).map_err(|_| Problem::internal())?;
        let ends = &self.ends[..count];
        Ok(Some(Record { text, ends }))
    }
}

impl<'r> Record<'r> {
    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.ends.len()
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
    pub fn cells(&self) -> impl Iterator<Item = &'r str> + '_ {
        (0..self.len()).filter_map(|column| self.cell(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<Vec<String>> {
        let mut records = Records::new(body.as_bytes()).unwrap();
        let mut all = Vec::new();
        while let Some(record) = records.next().unwrap() {
            all.push(record.cells().map(str::to_owned).collect());
        }
        all
    }

    #[test]
    fn records_end_with_any_line_end() {
        let expected = [vec!["a", "é\r\n\"b\""], vec!["", "d"]];
        for end in ["\n", "\r\n", "\r"] {
            let body = format!("a,\"é\r\n\"\"b\"\"\"{end}{end},d");
            assert_eq!(read(&body), expected, "{end:?}");
            assert_eq!(read(&(body + end)), expected, "{end:?}");
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
        let mut records = Records::new(wider.as_bytes()).unwrap();
        assert_eq!(records.next().err().unwrap().status(), 400);
        assert_eq!(Records::new(b"a,\xff").err().unwrap().status(), 400);
    }
}
