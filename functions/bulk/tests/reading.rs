//! Files as people keep them: the results are those of the same customers in plain CSV, and whatever only a later row tells never
//! makes another number.

#![allow(clippy::unwrap_used)]

use bulk::{Input, Job, Layout, LayoutError, Manifest, score};
use engagetrack::{Live, embedded};
use flate2::{Compression, write::GzEncoder};
use reader::Confirmed;
use std::io::Write;
use std::sync::LazyLock;

static LIVE: LazyLock<Live> =
    LazyLock::new(|| embedded::live(embedded::explanations(embedded::core())));

const CUSTOMERS: &str = include_str!("../../../data/customers.csv");

/// Rows that fill the part of an input that is looked at.
const MANY: usize = 7_500;

/// Ids with probabilities, and the details of rejects.
type Scored = (Vec<(String, f64)>, Vec<String>, Manifest);

fn scored(input: &[u8], shard_bytes: Option<u64>, read: &str) -> Result<Scored, LayoutError> {
    let view = LIVE.view();
    let layout = Layout::read(view, input, &Confirmed::parse(read).unwrap())?;
    let described = Input {
        name: "customers".to_owned(),
        bytes: input.len() as u64,
        version: "1".to_owned(),
    };
    let job = Job::new(view, described, layout, shard_bytes);
    // Shards read the job from JSON.
    let written = serde_json::to_vec(&job).unwrap();
    let job: Job = serde_json::from_slice(&written).unwrap();
    assert_eq!(serde_json::to_vec(&job).unwrap(), written);
    let (mut results, mut rejects, mut reports) = (Vec::new(), Vec::new(), Vec::new());
    for shard in job.shards() {
        let parts = (&mut results, &mut rejects);
        let report = score(view, &job, &shard, input, parts.0, parts.1, |_| {});
        reports.push(report.unwrap());
    }
    let manifest = Manifest::of(view, &job, reports).unwrap();
    let rows = |text: &[u8], column: &str| -> Vec<String> {
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().unwrap().clone();
        let column = header.iter().position(|name| name == column).unwrap();
        let records = reader.records().map(Result::unwrap);
        records.map(|record| record[column].to_owned()).collect()
    };
    let probabilities = rows(&results, "churn_probability").into_iter();
    let probabilities = probabilities.map(|text| text.parse().unwrap());
    let ids = rows(&results, "customerID").into_iter();
    Ok((
        ids.zip(probabilities).collect(),
        rows(&rejects, "detail"),
        manifest,
    ))
}

/// Header and first rows of the customers, as cells.
fn table(rows: usize) -> Vec<Vec<String>> {
    let lines = CUSTOMERS.lines().take(1 + rows);
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    lines.map(cells).collect()
}

fn written(table: &[Vec<String>], delimiter: &str) -> String {
    let lines: Vec<String> = table.iter().map(|cells| cells.join(delimiter)).collect();
    lines.join("\n") + "\n"
}

fn column(table: &[Vec<String>], name: &str) -> usize {
    table[0].iter().position(|other| other == name).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    archive.start_file("customers.csv", options).unwrap();
    archive.write_all(bytes).unwrap();
    archive.finish().unwrap().into_inner()
}

fn json(table: &[Vec<String>]) -> Vec<serde_json::Value> {
    let row = |cells: &Vec<String>| {
        let members = table[0].iter().zip(cells);
        members
            .map(|(name, cell)| (name.clone(), cell.as_str().into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    table[1..].iter().map(row).collect()
}

#[test]
fn files_of_any_kind_are_scored_as_plain_csv() {
    let plain = table(300);
    let (expected, _, manifest) = scored(written(&plain, ",").as_bytes(), None, "").unwrap();
    assert_eq!(expected.len(), 300);
    assert!(manifest.read_as.read_as.is_empty() && manifest.read_as.warnings.is_empty());

    let mut foreign = plain.clone();
    let charges = ["MonthlyCharges", "TotalCharges"].map(|name| column(&plain, name));
    for row in &mut foreign[1..] {
        for charge in charges {
            row[charge] = row[charge].replace('.', ",");
        }
        row.push("Zoé".to_owned());
    }
    foreign[0].push("prénom".to_owned());
    let foreign = format!("Kunden im Oktober\n\n{}", written(&foreign, ";"));
    let latin: Vec<u8> = foreign
        .chars()
        .map(|letter| u32::from(letter) as u8)
        .collect();
    let wide: Vec<u8> = foreign.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let objects = json(&plain);
    let lines: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let lines = lines.join("\n");
    let array = serde_json::to_vec(&objects).unwrap();
    for (name, first, input) in [
        (
            "semicolons",
            "delimiter: semicolon",
            foreign.clone().into_bytes(),
        ),
        ("Windows-1252", "encoding: Windows-1252", latin),
        ("UTF-16", "encoding: UTF-16", wide.clone()),
        ("UTF-16 in gzip", "compression: gzip", gzip(&wide)),
        (
            "semicolons in zip",
            "compression: zip",
            zip(foreign.as_bytes()),
        ),
        ("lines of JSON", "orient: lines", lines.clone().into_bytes()),
        (
            "lines of JSON in zip",
            "compression: zip",
            zip(lines.as_bytes()),
        ),
        ("a JSON array", "", array.clone()),
        ("a JSON array in gzip", "compression: gzip", gzip(&array)),
    ] {
        for shard_bytes in [None, Some(5_000)] {
            let (found, rejects, manifest) = scored(&input, shard_bytes, "").unwrap();
            assert!(found == expected, "{name} {shard_bytes:?}: {rejects:?}");
            let evidence = manifest.read_as.read_as.first();
            assert_eq!(evidence.map_or("", |one| &one.reading), first, "{name}");
        }
    }
    let mut damaged = zip(foreign.as_bytes());
    damaged[60] ^= 1;
    assert!(scored(&damaged, None, "").is_err());
}

/// The customers so often that the last row is none of those that are looked at.
fn many(last: impl FnOnce(&mut Vec<Vec<String>>)) -> Vec<Vec<String>> {
    let mut table = table(1_000);
    let rows = table[1..].to_vec();
    while table.len() < MANY {
        table.extend_from_slice(&rows);
    }
    table.push(rows[0].clone());
    last(&mut table);
    table
}

#[test]
fn numbers_that_only_later_rows_could_explain_are_rejected() {
    let table = many(|table| {
        let charges = column(table, "MonthlyCharges");
        let total = column(table, "TotalCharges");
        for row in &mut table[1..] {
            row[charges] = "50".to_owned();
            row[total] = "500".to_owned();
        }
        table.last_mut().unwrap()[total] = "1.234".to_owned();
    });
    let input = written(&table, ";");
    assert!(input.len() > 1 << 20);
    // Where the last rows can be looked at, they ask for what decides.
    let refusal = scored(input.as_bytes(), Some(400_000), "")
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("confirm with read=decimal:comma or read=decimal:point"),
        "{refusal}"
    );
    let (found, rejects, manifest) = scored(&gzip(input.as_bytes()), None, "").unwrap();
    assert_eq!(found.len(), table.len() - 2);
    assert!(manifest.read_as.rows_looked_at < found.len() as u64);
    assert_eq!(
        rejects,
        [
            "TotalCharges is a number of which the last three digits may be decimals or thousands; confirm with read=decimal:comma or read=decimal:point; got \"1.234\""
        ]
    );
    let last = |read: &str| {
        let (found, rejects, _) = scored(input.as_bytes(), Some(400_000), read).unwrap();
        assert!(rejects.is_empty(), "{rejects:?}");
        found.last().unwrap().1
    };
    assert_ne!(last("decimal:comma"), last("decimal:point"));
}

#[test]
fn columns_that_say_nothing_in_a_later_row_reject_it() {
    let table = many(|table| {
        let contract = column(table, "Contract");
        let (mut header, body) = (table[0].clone(), table.len());
        header[contract] = "Contract_One year".to_owned();
        header.push("Contract_Two year".to_owned());
        table[0] = header;
        for (index, row) in table[1..].iter_mut().enumerate() {
            let is_last = index + 2 == body;
            row[contract] = if is_last { "0" } else { "1" }.to_owned();
            row.push("0".to_owned());
        }
    });
    // Of three values two have a column, so that none of them means the third.
    let (found, rejects, _) = scored(written(&table, ",").as_bytes(), None, "").unwrap();
    assert_eq!((found.len(), rejects.len()), (table.len() - 1, 0));
    assert_ne!(found[0].1, found[found.len() - 1].1);
    let one: Vec<Vec<String>> = table
        .iter()
        .map(|row| row[..row.len() - 1].to_vec())
        .collect();
    let one = written(&one, ",");
    let refusal = scored(one.as_bytes(), None, "").unwrap_err().to_string();
    assert!(
        refusal.contains("of which none says yes in 1 rows"),
        "{refusal}"
    );
    let (found, rejects, _) = scored(&gzip(one.as_bytes()), None, "").unwrap();
    assert_eq!(found.len(), table.len() - 2);
    assert!(
        rejects[0].starts_with("Contract has no column that says yes"),
        "{rejects:?}"
    );
}

#[test]
fn members_and_letters_of_later_rows_alone_reject_them() {
    let mut objects = json(&many(|_| {}));
    let members = objects.last_mut().unwrap().as_object_mut().unwrap();
    members.insert("monthly_charges ".to_owned(), 1.into());
    let mut harmless = objects[0].clone();
    harmless["colour"] = "blue".into();
    objects.push(harmless);
    let lines: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let (found, rejects, _) = scored(&gzip(lines.join("\n").as_bytes()), None, "").unwrap();
    assert_eq!(found.len(), objects.len() - 1);
    assert_eq!(
        rejects,
        ["has \"monthly_charges\", which none of the rows looked at has"]
    );

    let mut input = written(&many(|_| {}), ",").into_bytes();
    let row = input.iter().rposition(|byte| *byte == b'-').unwrap();
    input[row - 1] = 0xe9;
    let (_, rejects, _) = scored(&input, Some(400_000), "").unwrap();
    assert_eq!(rejects, ["is not UTF-8"]);
    let (_, rejects, _) = scored(&input, Some(400_000), "encoding:windows-1252").unwrap();
    assert!(
        rejects.is_empty() || rejects[0] != "is not UTF-8",
        "{rejects:?}"
    );
}

#[test]
fn sorted_files_are_read_by_what_any_part_of_them_holds() {
    // First whoever has a partner, so that the beginning has 1 alone: the code for it, unless 2 is one, too.
    let table = many(|table| {
        let partner = column(table, "Partner");
        table[1..].sort_by_key(|row| row[partner] == "No");
        for row in &mut table[1..] {
            row[partner] = if row[partner] == "No" { "1" } else { "2" }.to_owned();
        }
    });
    let partner = column(&table, "Partner");
    let mut twice = table.clone();
    // So often that the first mebibyte ends before the codes change.
    let (twos, ones): (Vec<_>, Vec<_>) = table[1..]
        .iter()
        .cloned()
        .partition(|row| row[partner] == "2");
    twice.truncate(1);
    for rows in [&ones, &ones, &ones, &twos] {
        twice.extend_from_slice(rows);
    }
    for (input, shard_bytes) in [
        (written(&twice, ",").into_bytes(), Some(400_000)),
        (
            (json(&twice).iter().map(|object| format!("{object}\n")))
                .collect::<String>()
                .into_bytes(),
            None,
        ),
    ] {
        let refusal = scored(&input, shard_bytes, "").unwrap_err().to_string();
        assert!(
            refusal.starts_with("Partner has positions in place of values, 1 to 2")
                || refusal.starts_with("partner has positions in place of values, 1 to 2"),
            "{refusal}"
        );
        let (_, read) = refusal.split_once("confirm with read=").unwrap();
        let (found, rejects, _) = scored(&input, shard_bytes, read).unwrap();
        assert!(rejects.is_empty(), "{:?}", &rejects[..1]);
        let plain = |row: &Vec<String>| {
            let mut row = row.clone();
            row[partner] = if row[partner] == "1" { "No" } else { "Yes" }.to_owned();
            row
        };
        let mut expected: Vec<Vec<String>> = twice[1..].iter().map(plain).collect();
        expected.insert(0, twice[0].clone());
        let (expected, _, _) = scored(written(&expected, ",").as_bytes(), None, "").unwrap();
        assert!(found == expected);
    }
}

#[test]
fn readings_that_are_not_certain_are_refused_until_they_are_confirmed() {
    let mut table = table(50);
    let contract = column(&table, "Contract");
    for row in &mut table[1..] {
        let position = ["Month-to-month", "One year", "Two year"]
            .iter()
            .position(|value| *value == row[contract]);
        row[contract] = position.unwrap().to_string();
    }
    let input = written(&table, ",");
    let refusal = scored(input.as_bytes(), None, "").unwrap_err().to_string();
    let (_, read) = refusal.split_once("confirm with read=").unwrap();
    assert!(
        refusal.starts_with("Contract has positions in place of values"),
        "{refusal}"
    );
    let (found, _, _) = scored(input.as_bytes(), None, read).unwrap();
    let (expected, _, _) = scored(
        CUSTOMERS
            .lines()
            .take(51)
            .collect::<Vec<_>>()
            .join("\n")
            .as_bytes(),
        None,
        "",
    )
    .unwrap();
    assert_eq!(found, expected);
}
