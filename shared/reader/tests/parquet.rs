//! Parquet files read as CSV files of the same table do, whatever the types of their columns.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::printer::print_schema;
use proptest::prelude::*;
use reader::{Codes, Confirmed, Needed, Parquet, Reading, Table, TableError};
use schema::intake::Columns;
use schema::testing::{Draws, schemas};
use schema::{Field, FieldErrors, Kind, Profile, Schema};
use sections::AlignedBytes;
use std::sync::Arc;

/// A value as it is stored.
#[derive(Clone, Debug)]
enum Stored {
    Flag(bool),
    Int(i32),
    Long(i64),
    Instant(u64, u32),
    Single(f32),
    Double(f64),
    Bytes(Vec<u8>),
    Fixed(Vec<u8>),
}

use Stored::{Double, Fixed, Flag, Instant, Int, Long, Single};

fn text(text: &str) -> Option<Stored> {
    Some(Stored::Bytes(text.into()))
}

/// A column in the language of Parquet, its `optional` left out, and its values.
type Stock = (String, Vec<Option<Stored>>);

fn column(description: &str, values: impl IntoIterator<Item = Option<Stored>>) -> Stock {
    (description.to_owned(), values.into_iter().collect())
}

/// A file of these columns, all optional, with this many rows in a group.
fn file(columns: &[Stock], rows_of_group: usize, properties: WriterProperties) -> Vec<u8> {
    let described: Vec<String> = columns
        .iter()
        .map(|(description, _)| format!("optional {description};"))
        .collect();
    let message = format!("message m {{ {} }}", described.join(" "));
    let schema =
        Arc::new(parse_message_type(&message).unwrap_or_else(|error| panic!("{error}: {message}")));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    for start in (0..rows).step_by(rows_of_group.max(1)) {
        let mut group = writer.next_row_group().unwrap();
        for (_, values) in columns {
            let values = &values[start..rows.min(start + rows_of_group)];
            let levels: Vec<i16> = values
                .iter()
                .map(|value| i16::from(value.is_some()))
                .collect();
            let stored = || values.iter().flatten().cloned();
            let mut column = group.next_column().unwrap().unwrap();
            macro_rules! write_as {
                ($writer:expr, $pattern:pat => $value:expr) => {{
                    let values: Vec<_> = stored()
                        .map(|value| match value {
                            $pattern => $value,
                            other => panic!("{other:?}"),
                        })
                        .collect();
                    $writer.write_batch(&values, Some(&levels), None).unwrap();
                }};
            }
            match column.untyped() {
                ColumnWriter::BoolColumnWriter(writer) => write_as!(writer, Flag(value) => value),
                ColumnWriter::Int32ColumnWriter(writer) => write_as!(writer, Int(value) => value),
                ColumnWriter::Int64ColumnWriter(writer) => write_as!(writer, Long(value) => value),
                ColumnWriter::Int96ColumnWriter(writer) => {
                    write_as!(writer, Instant(nanos, day) => Int96::from(vec![nanos as u32, (nanos >> 32) as u32, day]));
                }
                ColumnWriter::FloatColumnWriter(writer) => {
                    write_as!(writer, Single(value) => value)
                }
                ColumnWriter::DoubleColumnWriter(writer) => {
                    write_as!(writer, Double(value) => value)
                }
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    write_as!(writer, Stored::Bytes(value) => ByteArray::from(value));
                }
                ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
                    write_as!(writer, Fixed(value) => FixedLenByteArray::from(value));
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn plain(columns: &[Stock]) -> Vec<u8> {
    file(columns, 3, WriterProperties::default())
}

fn table(bytes: &[u8]) -> Result<Table<'_>, TableError> {
    Table::read(bytes, &Confirmed::default(), &|_| false)
}

/// The cells of the only column.
fn cells(description: &str, values: impl IntoIterator<Item = Option<Stored>>) -> Vec<String> {
    let bytes = plain(&[column(description, values)]);
    let table = table(&bytes).unwrap();
    let mut rows = table.rows();
    let mut cells = Vec::new();
    while let Some(row) = rows.next_row() {
        cells.push(row.cell(0).unwrap_or("<missing>").to_owned());
    }
    cells
}

/// A column, its values, and the cells that they are.
type Case<'c> = (&'c str, Vec<Option<Stored>>, &'c [&'c str]);

#[test]
fn values_are_read_as_csv_would_have_them() {
    let day = 86_400;
    let noon = 19_783 * day + day / 2;
    let longs = |values: &[i64]| values.iter().map(|value| Some(Long(*value))).collect();
    let bytes = |values: &[&[u8]]| {
        values
            .iter()
            .map(|value| Some(Stored::Bytes(value.to_vec())))
            .collect()
    };
    let fixed = |value: &[u8]| vec![Some(Fixed(value.to_vec()))];
    let cases: Vec<Case<'_>> = vec![
        (
            "boolean c",
            vec![Some(Flag(true)), None, Some(Flag(false))],
            &["true", "<missing>", "false"],
        ),
        (
            "int32 c",
            vec![Some(Int(-5)), None, Some(Int(12)), Some(Int(0))],
            &["-5", "<missing>", "12", "0"],
        ),
        (
            "int32 c (INTEGER(32,false))",
            vec![Some(Int(-1))],
            &["4294967295"],
        ),
        ("int32 c (INTEGER(8,true))", vec![Some(Int(-1))], &["-1"]),
        (
            "int64 c (INTEGER(64,false))",
            longs(&[-1, 7]),
            &["18446744073709551615", "7"],
        ),
        ("int64 c", longs(&[i64::MIN]), &["-9223372036854775808"]),
        (
            "float c",
            vec![
                Some(Single(29.9)),
                Some(Single(f32::NAN)),
                Some(Single(12.0)),
            ],
            &["29.9", "<missing>", "12"],
        ),
        (
            "double c",
            vec![
                Some(Double(29.85)),
                Some(Double(f64::NAN)),
                Some(Double(1e-7)),
            ],
            &["29.85", "<missing>", "0.0000001"],
        ),
        (
            "fixed_len_byte_array(2) c (FLOAT16)",
            fixed(&[0x00, 0x3e]),
            &["1.5"],
        ),
        (
            "binary c (STRING)",
            vec![text("é, \"x\""), text(""), None],
            &["é, \"x\"", "", "<missing>"],
        ),
        ("binary c (ENUM)", bytes(&[b"red"]), &["red"]),
        ("binary c (JSON)", bytes(&[b"{}"]), &["{}"]),
        (
            "binary c",
            bytes(&[b"text", b"\xff\x00"]),
            &["text", "ff00"],
        ),
        ("fixed_len_byte_array(4) c", fixed(b"text"), &["text"]),
        (
            "fixed_len_byte_array(16) c (UUID)",
            fixed(&[0xab; 16]),
            &["abababab-abab-abab-abab-abababababab"],
        ),
        (
            "int32 c (DATE)",
            vec![Some(Int(19_783)), Some(Int(-1)), Some(Int(i32::MAX))],
            &["2024-03-01", "1969-12-31", "2147483647"],
        ),
        (
            "int64 c (TIMESTAMP(NANOS,false))",
            longs(&[
                19_783 * day * 1_000_000_000,
                noon * 1_000_000_000 + 500_000_000,
            ]),
            &["2024-03-01", "2024-03-01 12:00:00.500"],
        ),
        (
            "int64 c (TIMESTAMP(MICROS,false))",
            longs(&[noon * 1_000_000, -1, i64::MAX]),
            &[
                "2024-03-01 12:00:00",
                "1969-12-31 23:59:59.999999",
                "9223372036854775807",
            ],
        ),
        (
            "int64 c (TIMESTAMP(MILLIS,true))",
            longs(&[19_783 * day * 1_000]),
            &["2024-03-01 00:00:00+00:00"],
        ),
        (
            "int64 c (TIMESTAMP_MILLIS)",
            longs(&[noon * 1_000]),
            &["2024-03-01 12:00:00+00:00"],
        ),
        (
            "int96 c",
            vec![Some(Instant(43_200_000_000_000, 2_440_588 + 19_783))],
            &["2024-03-01 12:00:00"],
        ),
        (
            "int32 c (TIME(MILLIS,false))",
            vec![Some(Int(45_296_007))],
            &["12:34:56.007"],
        ),
        (
            "int64 c (TIME(MICROS,false))",
            longs(&[45_296_000_000, -1]),
            &["12:34:56", "23:59:59.999999"],
        ),
        (
            "int32 c (DECIMAL(9,2))",
            vec![Some(Int(1_250)), Some(Int(-5)), Some(Int(0))],
            &["12.50", "-0.05", "0.00"],
        ),
        ("int64 c (DECIMAL(18,0))", longs(&[-12]), &["-12"]),
        (
            "binary c (DECIMAL(38,3))",
            bytes(&[&[0x04, 0xe2], &[0xff], &[0; 20], &[]]),
            &["1.250", "-0.001", "0.000", "0.000"],
        ),
        (
            "fixed_len_byte_array(17) c (DECIMAL(38,38))",
            fixed(&[&[0xff][..], &[0x80; 16]].concat()),
            &["-1.69473963133173273960190490760135540608"],
        ),
    ];
    for (description, values, expected) in cases {
        assert_eq!(cells(description, values), expected, "{description}");
    }
}

#[test]
fn values_are_kept_in_their_type_or_as_text() {
    let kept = |description: &str, value: Stored| {
        let bytes = plain(&[column(description, [Some(value), None])]);
        let file = Parquet::open(Bytes::from(bytes)).unwrap();
        let mut chunks = file.rows_of(0).unwrap();
        let chunk = chunks.next_chunk().unwrap().unwrap();
        let mut buffer = String::new();
        assert_eq!(chunk.columns()[0].stored(1, &mut buffer), None);
        let cell = chunk.columns()[0]
            .stored(0, &mut buffer)
            .unwrap()
            .to_owned();
        let mut printed = Vec::new();
        print_schema(&mut printed, &file.type_kept(0, "kept").unwrap());
        (String::from_utf8(printed).unwrap().trim().to_owned(), cell)
    };
    for (description, value, expected, cell) in [
        ("boolean c", Flag(true), "OPTIONAL BOOLEAN kept;", "true"),
        ("int32 c", Int(-5), "OPTIONAL INT32 kept;", "-5"),
        (
            "int32 c (DATE)",
            Int(19_783),
            "OPTIONAL INT32 kept (DATE);",
            "19783",
        ),
        (
            "int32 c (INTEGER(16,false))",
            Int(7),
            "OPTIONAL INT32 kept (INTEGER(16,false));",
            "7",
        ),
        (
            "int64 c (DECIMAL(9,2))",
            Long(1_250),
            "OPTIONAL INT64 kept (DECIMAL(9,2));",
            "1250",
        ),
        (
            "int64 c (TIMESTAMP(NANOS,true))",
            Long(1),
            "OPTIONAL INT64 kept (TIMESTAMP(NANOS,true));",
            "1",
        ),
        (
            "int96 c",
            Instant(1, 2_440_588),
            "OPTIONAL INT64 kept (TIMESTAMP(NANOS,false));",
            "1",
        ),
        ("float c", Single(29.9), "OPTIONAL FLOAT kept;", "29.9"),
        ("double c", Double(29.9), "OPTIONAL DOUBLE kept;", "29.9"),
        (
            "binary c (STRING)",
            Stored::Bytes(b"a".into()),
            "OPTIONAL BYTE_ARRAY kept (STRING);",
            "a",
        ),
        (
            "binary c (DECIMAL(9,2))",
            Stored::Bytes(vec![1]),
            "OPTIONAL BYTE_ARRAY kept (STRING);",
            "0.01",
        ),
        (
            "fixed_len_byte_array(1) c",
            Fixed(vec![0xff]),
            "OPTIONAL BYTE_ARRAY kept (STRING);",
            "ff",
        ),
    ] {
        assert_eq!(
            kept(description, value),
            (expected.to_owned(), cell.to_owned())
        );
    }
}

#[test]
fn values_that_are_no_cells_are_refused_by_their_column() {
    for (columns, refusal) in [
        (
            "repeated int32 visits;",
            "has a column visits that holds lists; each cell must be one value",
        ),
        (
            "optional group tags (LIST) { repeated group list { optional binary element (STRING); } }",
            "has a column tags that holds lists; each cell must be one value",
        ),
        (
            "optional group notes (MAP) { repeated group key_value { required binary key (STRING); optional int32 value; } }",
            "has a column notes that holds lists; each cell must be one value",
        ),
        (
            "optional group plan { optional fixed_len_byte_array(12) term (INTERVAL); }",
            "has a column plan.term that holds spans of months, days and milliseconds; each cell must be one value",
        ),
        (
            "optional binary amount (DECIMAL(40,2));",
            "has a column amount that holds decimals of more than 38 digits",
        ),
    ] {
        let schema = parse_message_type(&format!("message m {{ {columns} }}")).unwrap();
        let writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Default::default()).unwrap();
        let bytes = writer.into_inner().unwrap();
        assert_eq!(table(&bytes).unwrap_err().to_string(), refusal);
    }
    let many: String = (0..1_001)
        .map(|column| format!("optional int32 c{column}; "))
        .collect();
    let schema = parse_message_type(&format!("message m {{ {many} }}")).unwrap();
    let writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(schema), Default::default()).unwrap();
    let refusal = table(&writer.into_inner().unwrap())
        .unwrap_err()
        .to_string();
    assert_eq!(refusal, "has more than 1000 columns");
}

const SHOP: &str = r#"
format = 1
name = "shop"
currency = "USD"
as_of = 2026-01-31
[roles]
id = { name = "customer_id" }
[[field]]
name = "plan"
kind = "choice"
values = ["Monthly", "Yearly"]
about = "plan"
required = true
[[field]]
name = "charges"
kind = "money"
most = 1_000_000
about = "money"
[[field]]
name = "paid"
kind = "money"
most = 1_000_000
about = "money"
"#;

fn compiled(text: &str) -> AlignedBytes {
    schema::source::compile(text).unwrap_or_else(|faults| panic!("{}\n{text}", faults.join("\n")))
}

fn listed(errors: &FieldErrors) -> String {
    let listed = errors.listed().iter();
    let sentences: Vec<String> = listed
        .map(|error| format!("{} {}", error.pointer, error.detail))
        .collect();
    sentences.join("\n")
}

/// Profiles, or what is wrong with their file or row.
type Rows = Vec<Result<Profile, String>>;

/// What is read of a table row by row, by the text of its cells.
fn by_text(schema: &Schema<'_>, table: &Table<'_>, reading: &Reading) -> Rows {
    let mut rows = table.rows();
    let mut read = Vec::new();
    while let Some(row) = rows.next_row() {
        let mut errors = FieldErrors::default();
        let profile =
            reading
                .columns
                .profile_in(schema, |column| row.cell(column).map(Ok), &mut errors);
        read.push(profile.ok_or_else(|| listed(&errors)));
    }
    read
}

/// What is read of a file, by the types of its columns; of a row that can't be read like this, that there is something.
fn by_type(schema: &Schema<'_>, bytes: &[u8], columns: Columns) -> Vec<Option<Profile>> {
    let file = Parquet::open(Bytes::copy_from_slice(bytes)).unwrap();
    let mut codes = Codes::new(*schema, &columns);
    let mut read = Vec::new();
    let mut first = 0;
    for group in 0..file.row_groups().len() {
        assert_eq!(file.row_groups()[group].first, first);
        let mut chunks = file.rows_of(group).unwrap();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            assert_eq!(chunk.first(), first);
            first += chunk.rows() as u64;
            codes.read(chunk);
            read.extend((0..chunk.rows()).map(|row| codes.profile(chunk, row)));
        }
    }
    read
}

fn shop(columns: &[Stock], read: &str) -> (Rows, Reading) {
    let compiled = compiled(SHOP);
    let schema = Schema::open(&compiled).unwrap();
    let bytes = plain(columns);
    let table = table(&bytes).unwrap();
    let reading = Reading::of(
        &schema,
        &table,
        &Confirmed::parse(read).unwrap(),
        Needed::ByModel,
    );
    let rows = by_text(&schema, &table, &reading);
    let typed = by_type(&schema, &bytes, reading.columns.clone().at(table.places()));
    assert_eq!(
        rows.iter().map(|row| row.clone().ok()).collect::<Vec<_>>(),
        typed
    );
    (rows, reading)
}

#[test]
fn numbers_are_not_read_by_the_signs_of_texts_beside_them() {
    let columns = [
        column("binary plan (STRING)", [text("Monthly"), text("Yearly")]),
        column("double charges", [Some(Double(29.125)), Some(Double(1.5))]),
        column("binary paid (STRING)", [text("1.234,5"), text("12,5")]),
    ];
    let (rows, reading) = shop(&columns, "");
    assert!(reading.faults.is_empty(), "{}", listed(&reading.faults));
    let codes: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_ref().unwrap().codes().to_vec())
        .collect();
    assert_eq!(codes, [0.0, 29.125, 1234.5, 1.0, 1.5, 12.5]);
    let evidence: Vec<String> = reading.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(evidence, ["paid: decimal comma: 2"]);
}

#[test]
fn what_is_wrong_with_a_row_is_told_by_its_text() {
    let mut plans = vec![text("Monthly"); 8];
    plans[1] = text("weekly");
    let mut charges = vec![Some(Double(1.0)); 8];
    charges[2] = Some(Double(2e6));
    charges[3] = Some(Double(f64::INFINITY));
    charges[4] = Some(Double(f64::NAN));
    let mut ids = vec![text("a"); 8];
    ids[5] = text("a\u{202e}b");
    ids[6] = text("");
    let columns = [
        column("binary customer_id (STRING)", ids),
        column("binary plan (STRING)", plans),
        column("double charges", charges),
    ];
    let (rows, _) = shop(&columns, "");
    let wrong: Vec<Option<String>> = rows.into_iter().map(Result::err).collect();
    assert_eq!(
        wrong[1].as_deref(),
        Some("/plan must be one of \"Monthly\", \"Yearly\"; got \"weekly\"")
    );
    assert_eq!(
        wrong[2].as_deref(),
        Some("/charges must be between 0 and 1000000, got \"2000000\"")
    );
    assert_eq!(
        wrong[3].as_deref(),
        Some("/charges must be a number, got \"inf\"")
    );
    assert!(
        wrong[5]
            .as_ref()
            .unwrap()
            .starts_with("/customer_id must be text")
    );
    for row in [0, 4, 6, 7] {
        assert_eq!(wrong[row], None);
    }
}

#[test]
fn numbers_that_are_confirmed_to_be_others_are() {
    let columns = [
        column("binary plan (STRING)", [text("Monthly"), text("Monthly")]),
        column("int64 charges", [Some(Long(-1)), Some(Long(5))]),
    ];
    let (rows, _) = shop(&columns, "charges:-1=0");
    let charges: Vec<f64> = rows
        .iter()
        .map(|row| row.as_ref().unwrap().codes()[1])
        .collect();
    assert_eq!(charges, [0.0, 5.0]);
}

#[test]
fn a_column_that_is_lacking_is_a_fault_of_the_file_and_others_are_kept() {
    let (_, reading) = shop(&[column("binary note (STRING)", [text("x")])], "");
    assert_eq!(
        listed(&reading.faults),
        "/plan is a column that the header lacks"
    );
    let named: Vec<_> = reading
        .warnings
        .iter()
        .filter_map(|warning| warning.column.as_deref())
        .collect();
    assert_eq!(named, ["charges", "paid"]);
}

#[test]
fn the_sample_of_a_file_is_its_beginning_and_some_rows_of_later_row_groups() {
    let numbers = column("int32 n", (0..5_000).map(|number| Some(Int(number))));
    let bytes = file(&[numbers], 4_000, WriterProperties::default());
    let file = Parquet::open(Bytes::from(bytes)).unwrap();
    for (bytes, expected) in [
        (0, 2_024),
        (1, 2_024),
        (10_000, 3_048),
        (27_000, 5_000),
        (usize::MAX, 5_000),
    ] {
        assert_eq!(file.sample(bytes).unwrap().len(), expected);
        let table = Table::sample_of(&file, bytes).unwrap();
        assert_eq!(table.is_sample(), expected < 5_000);
    }
    let sizes: Vec<(u64, u64)> = file
        .row_groups()
        .iter()
        .map(|group| (group.first, group.rows))
        .collect();
    assert_eq!(sizes, [(0, 4_000), (4_000, 1_000)]);
}

/// A field's codes in a column of some type that can hold them all, and the texts that CSV has of them.
fn stored(field: Field<'_>, codes: &[f64], choice: u32) -> (Stock, Vec<String>) {
    let texts: Vec<String> = codes
        .iter()
        .map(|code| match field.kind() {
            _ if code.is_nan() => String::new(),
            Kind::Flag if field.without().is_none_or(|_| *code != field.absent_code()) => {
                ["No", "Yes"][*code as usize].to_owned()
            }
            Kind::Flag | Kind::Choice => field.value(*code).unwrap().name().to_owned(),
            _ => code.to_string(),
        })
        .collect();
    let there: Vec<f64> = codes
        .iter()
        .copied()
        .filter(|code| !code.is_nan())
        .collect();
    let all = |fits: &dyn Fn(f64) -> bool| there.iter().all(|code| fits(*code));
    let values = |store: &dyn Fn(f64) -> Stored| -> Vec<Option<Stored>> {
        codes
            .iter()
            .map(|code| (!code.is_nan()).then(|| store(*code)))
            .collect()
    };
    let is_plain_flag = field.kind() == Kind::Flag && field.without().is_none();
    let is_number = !field.kind().is_named();
    let is_short = all(&|code| code.abs() < 1e6 && code.fract() == 0.0);
    let cents = |code: f64| (code * 100.0).round();
    let mut types: Vec<(&str, Vec<Option<Stored>>)> = Vec::new();
    if is_plain_flag {
        types.push(("boolean", values(&|code| Flag(code == 1.0))));
    }
    if is_number || is_plain_flag {
        types.push(("double", values(&Double)));
        if all(&|code| (code as f32).to_string().parse() == Ok(code)) {
            types.push(("float", values(&|code| Single(code as f32))));
        }
        if is_short {
            types.push(("int32", values(&|code| Int(code as i32))));
            types.push(("int64", values(&|code| Long(code as i64))));
        }
    }
    if is_number && all(&|code| code.abs() < 1e9 && cents(code) / 100.0 == code) {
        types.push((
            "int64 DECIMAL(18,2)",
            values(&|code| Long(cents(code) as i64)),
        ));
        types.push((
            "binary DECIMAL(30,2)",
            values(&|code| Stored::Bytes((cents(code) as i128).to_be_bytes().into())),
        ));
    }
    let written: Vec<Option<Stored>> = texts
        .iter()
        .map(|cell| (!cell.is_empty()).then(|| Stored::Bytes(cell.as_bytes().into())))
        .collect();
    types.push(("binary STRING", written));
    let (kind, values) = types.swap_remove(choice as usize % types.len());
    let (physical, logical) = kind.split_once(' ').unwrap_or((kind, ""));
    let logical = if logical.is_empty() {
        String::new()
    } else {
        format!(" ({logical})")
    };
    // A name may hold what the language of Parquet has no word for.
    (
        column(&format!("{physical} f{}{logical}", field.index()), values),
        texts,
    )
}

proptest! {
    #[test]
    fn tables_of_any_types_read_back_to_the_codes_of_their_csv(
        text in schemas(),
        numbers in prop::collection::vec(any::<u32>(), 300),
        choices in prop::collection::vec(any::<u32>(), 40),
        count in 1..12_usize,
        rows_of_group in 1..8_usize,
        with_dictionary in any::<bool>(),
        compression in prop::sample::select(vec![Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(Default::default()), Compression::LZ4, Compression::LZ4_RAW, Compression::ZSTD(Default::default())]),
    ) {
        let compiled = compiled(&text);
        let schema = Schema::open(&compiled).unwrap();
        let mut draws = Draws::new(numbers);
        let profiles: Vec<Profile> = (0..count).map(|_| draws.profile(&schema)).collect();
        let (columns, texts): (Vec<Stock>, Vec<Vec<String>>) = schema
            .fields()
            .map(|field| {
                let codes: Vec<f64> = profiles.iter().map(|profile| profile.code(field.index())).collect();
                stored(field, &codes, choices[field.index() % choices.len()])
            })
            .unzip();
        let properties = WriterProperties::builder().set_compression(compression).set_dictionary_enabled(with_dictionary);
        let bytes = file(&columns, rows_of_group, properties.build());
        // The first line says which column of the file is which field.
        let read: Vec<String> = schema.fields().map(|field| format!("f{}:{}", field.index(), field.name())).collect();
        let confirmed = Confirmed::parse(&read.join(",")).unwrap();

        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record((0..schema.len()).map(|field| format!("f{field}"))).unwrap();
        for row in 0..count {
            csv.write_record(texts.iter().map(|column| &column[row])).unwrap();
        }
        let csv = csv.into_inner().unwrap();

        let from_parquet = table(&bytes).unwrap();
        let reading = Reading::of(&schema, &from_parquet, &confirmed, Needed::ByModel);
        let rows = by_text(&schema, &from_parquet, &reading);
        let from_csv = table(&csv).unwrap();
        let reading_of_csv = Reading::of(&schema, &from_csv, &confirmed, Needed::ByModel);
        if reading.faults.is_empty() {
            let read: Vec<Profile> = rows.iter().map(|row| row.clone().unwrap()).collect();
            prop_assert_eq!(&read, &profiles, "{:?}", columns);
            // CSV has no row without a value.
            if reading_of_csv.faults.is_empty() && reading_of_csv.rows == count as u64 {
                prop_assert_eq!(&by_text(&schema, &from_csv, &reading_of_csv), &rows);
            }
        } else {
            let refusal = listed(&reading.faults);
            prop_assert!(refusal.lines().all(|line| line.contains("confirm with read=")), "{refusal}\n{columns:?}");
        }
        let typed = by_type(&schema, &bytes, reading.columns.at(from_parquet.places()));
        prop_assert_eq!(typed, rows.into_iter().map(Result::ok).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        numbers in prop::collection::vec(prop::option::of(any::<i64>()), 1..40),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        at_end in any::<bool>(),
    ) {
        let texts = numbers.iter().map(|number| number.map(|number| Stored::Bytes(format!("{}", number % 7).into_bytes())));
        let columns = [
            column("int64 n (DECIMAL(18,2))", numbers.iter().map(|number| number.map(Long))),
            column("binary t (STRING)", texts),
            column("int64 i (TIMESTAMP(MICROS,true))", numbers.iter().map(|number| number.map(Long))),
            column("double d", numbers.iter().map(|number| number.map(|number| Double(number as f64)))),
        ];
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut bytes = file(&columns, 16, properties);
        // Most of a file is its description, at the end.
        let half = bytes.len() / 2;
        for (place, damage) in damages {
            let place = if at_end { half + place.index(bytes.len() - half) } else { place.index(bytes.len()) };
            bytes[place] ^= damage;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(table) = table(&bytes) {
            let mut rows = table.rows();
            while rows.next_row().is_some() {}
        }
    }
}
