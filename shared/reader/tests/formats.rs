//! Workbooks and Parquet files are read by the rules of every other table.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use reader::{Confirmed, Table, TableError};
use std::io::{Cursor, Write};
use std::sync::Arc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What a table holds: its columns, its rows with their lines and faults, and what was detected.
type Content = (
    Vec<String>,
    Vec<(u64, Vec<String>, Option<String>)>,
    Vec<String>,
);

fn content(bytes: &[u8]) -> Result<Content, TableError> {
    let table = Table::read(bytes, &Confirmed::default(), &|_| false)?;
    let mut found = Vec::new();
    let mut rows = table.rows();
    while let Some(row) = rows.next_row() {
        let cells = row.cells().map(|cell| cell.unwrap_or_default().to_owned());
        found.push((row.line, cells.collect(), row.fault.clone()));
    }
    let evidence = table.evidence().iter().map(|one| one.reading.clone());
    Ok((table.columns().to_vec(), found, evidence.collect()))
}

/// A workbook of sheets with these names, states and rows of cells in XML.
fn workbook(sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, text: &str| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    add(
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#,
    );
    add(
        "_rels/.rels",
        &format!(
            r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
        ),
    );
    let mut entries = String::new();
    let mut targets = String::new();
    for (index, (name, state, rows)) in sheets.iter().enumerate() {
        let id = index + 1;
        entries += &format!(r#"<sheet name="{name}" sheetId="{id}" {state} r:id="rId{id}"/>"#);
        targets += &format!(
            r#"<Relationship Id="rId{id}" Type="{relations}/worksheet" Target="worksheets/sheet{id}.xml"/>"#
        );
        let sheet =
            format!(r#"<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>"#);
        add(&format!("xl/worksheets/sheet{id}.xml"), &sheet);
    }
    add(
        "xl/workbook.xml",
        &format!(
            r#"<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{entries}</sheets></workbook>"#
        ),
    );
    // The second format is a date.
    add(
        "xl/styles.xml",
        &format!(
            r#"<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#
        ),
    );
    let styles =
        format!(r#"<Relationship Id="rId99" Type="{relations}/styles" Target="styles.xml"/>"#);
    add(
        "xl/_rels/workbook.xml.rels",
        &format!(r#"<Relationships xmlns="{package}">{targets}{styles}</Relationships>"#),
    );
    zip.finish().unwrap().into_inner()
}

fn text(place: &str, text: &str) -> String {
    format!(r#"<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

#[test]
fn a_workbook_is_read_from_its_first_visible_table() {
    let cover = format!(r#"<row r="1">{}</row>"#, text("A1", "Customers of March"));
    let header = ["id", "joined on", "tenure&#10;months", "fee", "active"];
    let header: String = header
        .iter()
        .zip('A'..)
        .map(|(name, column)| text(&format!("{column}3"), name))
        .collect();
    let table = format!(
        r#"<row r="3">{header}</row>
           <row r="4">{}<c r="B4" s="1"><v>45352</v></c><c r="C4"><v>12</v></c><c r="D4"><v>29.9</v></c><c r="E4" t="b"><v>1</v></c></row>
           <row r="6">{}<c r="C6"><v>3</v></c><c r="D6" t="e"><v>#N/A</v></c><c r="E6" t="b"><v>0</v></c></row>
           <row r="7">{}<c r="D7"><v>29.9</v></c></row>"#,
        text("A4", "say &quot;a, b&quot;"),
        text("A6", "c"),
        text("A7", "Total"),
    );
    let bytes = workbook(&[
        ("Cover", "", &cover),
        ("Old", r#"state="hidden""#, &table.replace("29.9", "1")),
        ("Members", "", &table),
    ]);
    let (columns, rows, evidence) = content(&bytes).unwrap();
    assert_eq!(
        columns,
        ["id", "joined on", "tenure months", "fee", "active"]
    );
    let cells = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
    let expected = [
        (
            4,
            cells(["say \"a, b\"", "2024-03-01", "12", "29.9", "true"]),
            None,
        ),
        (6, cells(["c", "", "3", "", "false"]), None),
        (
            7,
            cells(["Total", "", "", "29.9", ""]),
            Some("is a total of the others".to_owned()),
        ),
    ];
    assert_eq!(rows, expected);
    assert_eq!(
        evidence,
        [
            "sheet: Members",
            "errors of formulas, such as #N/A, are missing",
        ]
    );
}

#[test]
fn a_workbook_of_several_tables_is_read_from_the_one_that_is_meant_or_asked_about() {
    let rows = |count: usize, header: &str| -> String {
        let row = |row: usize, first: &str, second: &str| {
            let cells = [
                text(&format!("A{row}"), first),
                text(&format!("B{row}"), second),
            ];
            format!(r#"<row r="{row}">{}</row>"#, cells.concat())
        };
        let head = row(1, header, "fee");
        let rows = (2..=count).map(|number| row(number, &format!("c{number}"), "3"));
        head + &rows.collect::<String>()
    };
    let sheet = |bytes: &[u8], read: &str, known: &dyn Fn(&str) -> bool| {
        let table = Table::read(bytes, &Confirmed::parse(read).unwrap(), known)?;
        Ok::<_, TableError>(table.evidence()[0].reading.clone())
    };
    let nothing = |_: &str| false;
    let (dictionary, data) = (rows(4, "variable"), rows(60, "id"));
    let bytes = workbook(&[("Data Dict", "", &dictionary), ("Data", "", &data)]);
    assert_eq!(sheet(&bytes, "", &nothing).unwrap(), "sheet: Data");

    let (january, february) = (rows(20, "id"), rows(30, "id"));
    let bytes = workbook(&[("Jan", "", &january), ("Feb", "", &february)]);
    let refused = sheet(&bytes, "", &nothing).unwrap_err().to_string();
    let expected = "has 2 sheets that hold a table; confirm with read=sheet:Feb or read=sheet:Jan";
    assert_eq!(refused, expected);
    assert_eq!(sheet(&bytes, "sheet:Jan", &nothing).unwrap(), "sheet: Jan");
    let refused = sheet(&bytes, "sheet:Mar", &nothing)
        .unwrap_err()
        .to_string();
    assert!(refused.ends_with("its sheets are Jan, Feb"), "{refused}");

    let bytes = workbook(&[("Fees", "", &rows(30, "plan")), ("Ids", "", &january)]);
    let is_id = |name: &str| name == "id";
    assert_eq!(sheet(&bytes, "", &is_id).unwrap(), "sheet: Ids");
}

#[test]
fn a_workbook_without_a_table_is_refused() {
    let cover = format!(r#"<row r="1">{}</row>"#, text("A1", "Customers of March"));
    let refused = content(&workbook(&[("Cover", "", &cover)])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "is an Excel workbook without a sheet that has a header and rows"
    );
    let whole = workbook(&[("Cover", "", &cover)]);
    for bytes in [
        &whole[..whole.len() / 2],
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no workbook",
    ] {
        let refused = content(bytes).unwrap_err().to_string();
        assert!(
            refused.starts_with("is an Excel workbook that can't be read: "),
            "{refused}"
        );
    }
}

fn parquet_file(compression: Compression) -> Vec<u8> {
    let schema = "message customers {
        required binary id (UTF8);
        optional int32 joined (DATE);
        optional group plan { optional double fee; optional boolean active; }
        optional int64 balance (DECIMAL(9,2));
        optional int64 __index_level_0__;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression);
    let properties = Arc::new(properties.build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    // Two groups of rows, the second of which lacks what may be missing.
    for (ids, level) in [(["a, \"b\"", "é"], 1), (["c", "d"], 0)] {
        let mut group = writer.next_row_group().unwrap();
        let there = [level; 2];
        let deeper = [2 * level; 2];
        let values = 2 * usize::from(level == 1);
        let mut column = group.next_column().unwrap().unwrap();
        let ids = ids.map(ByteArray::from);
        column
            .typed::<ByteArrayType>()
            .write_batch(&ids, None, None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int32Type>()
            .write_batch(&[19_783, 0][..values], Some(&there), None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<DoubleType>()
            .write_batch(&[29.9, f64::NAN][..values], Some(&deeper), None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<BoolType>()
            .write_batch(&[true, false][..values], Some(&deeper), None)
            .unwrap();
        column.close().unwrap();
        for values in [&[1_250, -5][..values], &[0, 1][..values]] {
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<Int64Type>()
                .write_batch(values, Some(&there), None)
                .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn a_parquet_file_is_read_whatever_compresses_it() {
    let kinds = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    for kind in kinds {
        let (columns, rows, evidence) = content(&parquet_file(kind)).unwrap();
        assert_eq!(
            columns,
            ["id", "joined", "plan.fee", "plan.active", "balance"]
        );
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, cells, _)| cells).collect();
        assert_eq!(
            rows,
            [
                ["a, \"b\"", "2024-03-01", "29.9", "true", "12.50"],
                ["é", "1970-01-01", "", "false", "-0.05"],
                ["c", "", "", "", ""],
                ["d", "", "", "", ""],
            ],
            "{kind}"
        );
        assert_eq!(evidence, ["column 6 is an index and is skipped"]);
    }
}

#[test]
fn a_parquet_file_that_is_damaged_or_holds_lists_is_refused() {
    let whole = parquet_file(Compression::SNAPPY);
    let refused = content(&whole[..whole.len() - 9]).unwrap_err().to_string();
    assert!(
        refused.starts_with("is a Parquet file that can't be read: "),
        "{refused}"
    );
    let schema = "message m { required binary id (UTF8); repeated int32 visits; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let lists = writer.into_inner().unwrap();
    assert_eq!(
        content(&lists).unwrap_err().to_string(),
        "has a column visits that holds lists; each cell must be one value"
    );
}
