//! A CSV file of profiles, answered by the same file with two columns more.

use csv::ByteRecord;
use engagetrack::encoding;
use engagetrack::error::FieldError;
use engagetrack::intake::Columns;
use engagetrack::model::{self, RiskLevel};
use web::Problem;

const APPENDED: [&str; 2] = ["churn_probability", "risk_level"];

/// The file with `churn_probability` and `risk_level` in each row, and the encoded profiles, row after row. Columns may
/// stand in any order; those that are not of a profile are kept.
///
/// # Errors
/// 400 where the bytes are not CSV in UTF-8, 422 with pointers such as `/17/tenure` (data rows count from 0) where a
/// profile is wrong.
pub fn scored(bytes: &[u8]) -> Result<(Vec<u8>, Vec<f32>), Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(Problem::malformed(format!(
            "The body is not UTF-8 from byte {} on.",
            error.valid_up_to()
        )));
    }
    let malformed = |error: csv::Error| {
        Problem::malformed(format!("The body is not the CSV wanted here: {error}."))
    };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.byte_headers().map_err(malformed)?.clone();
    let columns = Columns::from_header(&header).map_err(Problem::invalid)?;
    if let Some(taken) = APPENDED
        .iter()
        .find(|name| header.iter().any(|cell| cell == name.as_bytes()))
    {
        return Err(Problem::invalid(vec![FieldError::new(
            taken,
            "is a column that the answer adds; leave it out",
        )]));
    }

    let mut records: Vec<ByteRecord> = Vec::new();
    let mut rows: Vec<f32> = Vec::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for (index, record) in reader.byte_records().enumerate() {
        let record = record.map_err(malformed)?;
        match columns.profile(&record) {
            Ok(profile) => rows.extend(encoding::encode(&profile)),
            Err(found) => errors.extend(found.into_iter().map(|error| error.within(index))),
        }
        records.push(record);
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }

    let mut writer = csv::Writer::from_writer(Vec::with_capacity(2 * bytes.len()));
    let mut write = |record: &ByteRecord, appended: [&str; 2]| {
        let cells = record
            .iter()
            .chain(appended.iter().map(|cell| cell.as_bytes()));
        writer.write_record(cells).map_err(|_| Problem::internal())
    };
    write(&header, APPENDED)?;
    for (record, probability) in records.iter().zip(model::probabilities(&rows)) {
        write(
            record,
            [&probability.to_string(), RiskLevel::of(probability).name()],
        )?;
    }
    let answer = writer.into_inner().map_err(|_| Problem::internal())?;
    Ok((answer, rows))
}
