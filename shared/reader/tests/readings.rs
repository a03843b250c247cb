//! How tables are read with a schema: by example, and whatever the schema and the dialect.

#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use reader::{Confirmed, Needed, Reading, table};
use schema::testing::{Draws, schemas};
use schema::{FieldErrors, Kind, Profile, Schema};
use sections::AlignedBytes;

const SHOP: &str = r#"
format = 1
name = "shop"
currency = "USD"
as_of = 2026-01-31
[roles]
id = { name = "customer_id", columns = ["Customer"] }
outcome = { name = "churned", left = ["Left"], stayed = ["Stayed"] }
[[field]]
name = "plan"
columns = ["Plan"]
kind = "choice"
values = ["Monthly plan", "One year", "Two year"]
about = "plan"
required = true
[[field]]
name = "member"
kind = "flag"
about = "plan"
required = true
[[field]]
name = "months_with_us"
kind = "whole"
most = 600
about = "plan"
[[field]]
name = "charges"
columns = ["Monthly Charges"]
kind = "money"
most = 1_000_000
about = "money"
[[field]]
name = "visits"
kind = "whole"
about = "behaviour"
model = false
"#;

fn compiled(text: &str) -> AlignedBytes {
    schema::source::compile(text).unwrap_or_else(|faults| panic!("{}\n{text}", faults.join("\n")))
}

/// The profiles in a table, and how it is read; or what is wrong.
fn read_with(
    schema: &Schema<'_>,
    bytes: &[u8],
    read: &str,
) -> Result<(Vec<Profile>, Reading), String> {
    let confirmed = Confirmed::parse(read).unwrap();
    let table = table(schema, bytes, &confirmed).map_err(|error| error.to_string())?;
    let reading = Reading::of(schema, &table, &confirmed, Needed::ByModel);
    let listed = |errors: &FieldErrors| {
        let listed = errors.listed().iter();
        listed
            .map(|error| format!("{} {}", error.pointer, error.detail))
            .collect::<Vec<_>>()
            .join("\n")
    };
    if !reading.faults.is_empty() {
        return Err(listed(&reading.faults));
    }
    let mut errors = FieldErrors::default();
    let mut profiles = Vec::new();
    let mut rows = table.rows();
    while let Some(row) = rows.next_row() {
        if let Some(fault) = &row.fault {
            return Err(format!("/{} {fault}", row.line));
        }
        let cell = |column| row.cell(column).map(Ok);
        profiles.extend(reading.columns.profile_in(schema, cell, &mut errors));
    }
    match errors.is_empty() {
        true => Ok((profiles, reading)),
        false => Err(listed(&errors)),
    }
}

/// The codes of the rows, with the evidence and warnings in words.
type InWords = (Vec<Vec<f64>>, Vec<String>, Vec<String>);

fn shop(text: &str, read: &str) -> Result<InWords, String> {
    let bytes = compiled(SHOP);
    let schema = Schema::open(&bytes).unwrap();
    let (profiles, reading) = read_with(&schema, text.as_bytes(), read)?;
    let codes = profiles
        .iter()
        .map(|profile| profile.codes().to_vec())
        .collect();
    let words = |evidence: &[reader::Evidence]| evidence.iter().map(ToString::to_string).collect();
    Ok((codes, words(&reading.evidence), words(&reading.warnings)))
}

#[test]
fn exact_names_and_values_leave_no_evidence() {
    let (codes, evidence, warnings) = shop(
        "Customer,plan,member,months_with_us,charges\na,One year,Yes,3,29.85\n",
        "",
    )
    .unwrap();
    assert_eq!(codes[0][..4], [1.0, 1.0, 3.0, 29.85]);
    assert!(
        evidence.is_empty() && warnings.is_empty(),
        "{evidence:?} {warnings:?}"
    );
}

#[test]
fn a_value_for_all_others_takes_any_number_of_texts() {
    let schema = r#"
format = 1
name = "shop"
as_of = 2026-01-31
[roles]
id = { name = "customer_id" }
[[field]]
name = "zip"
kind = "choice"
values = ["90210", "10001", { name = "elsewhere", other = true }]
about = "person"
"#;
    let bytes = compiled(schema);
    let schema = Schema::open(&bytes).unwrap();
    let mut text = "customer_id,zip\n".to_owned();
    let zips = (0..1000).map(|row| format!("{}", 20_000 + row));
    for (row, zip) in zips.chain(["NA", "90210"].map(str::to_owned)).enumerate() {
        text += &format!("c{row},{zip}\n");
    }
    let (profiles, reading) = read_with(&schema, text.as_bytes(), "").unwrap();
    let codes: Vec<f64> = profiles.iter().map(|profile| profile.codes()[0]).collect();
    assert_eq!(codes[..1000], vec![2.0; 1000]);
    assert!(codes[1000].is_nan());
    assert_eq!(codes[1001], 0.0);
    let evidence: Vec<String> = reading.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(evidence, ["zip: 'NA' is missing: 1"]);
}

#[test]
fn other_spellings_are_read_with_evidence() {
    let text = "CUSTOMER|PLAN|Member|months with us|monthly_charges|churned|visits\n\
                a|one_year|VRAI|12.0|$1,029.85|left|1\n\
                b|TWO YEAR|faux|NA|$20|stayed|2\n";
    let (codes, evidence, warnings) = shop(text, "").unwrap();
    assert_eq!(codes[0][..4], [1.0, 1.0, 12.0, 1029.85]);
    assert_eq!(codes[1][..2], [2.0, 0.0]);
    assert!(codes[1][2].is_nan());
    let expected = [
        "delimiter: pipe: 1",
        "CUSTOMER: is customer_id: 2",
        "PLAN: is plan: 2",
        "Member: is member: 2",
        "months with us: is months_with_us: 2",
        "monthly_charges: is charges: 2",
        "churned: 'left' is left: 1",
        "churned: 'stayed' is stayed: 1",
        "PLAN: 'TWO YEAR' is 'Two year': 1",
        "PLAN: 'one_year' is 'One year': 1",
        "Member: 'VRAI' is 'Yes': 1",
        "Member: 'faux' is 'No': 1",
        "months with us: 'NA' is missing: 1",
        "monthly_charges: '$' is left out: 2",
    ];
    assert_eq!(evidence, expected);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn uncertain_readings_are_refused_until_they_are_confirmed() {
    let header = "plan;member;months_with_us;charges\n";
    for (rows, refusal, read, expected) in [
        // Positions in place of values.
        (
            "0;Yes;1;1\n2;No;2;2\n",
            "/plan has positions in place of values, 0 to 2, perhaps in the order of the alphabet; confirm with read=plan:0=Monthly plan|2=Two year",
            "plan:0=Monthly plan|2=Two year",
            [0.0, 1.0, 1.0, 1.0],
        ),
        (
            "One year;1;1;1\nOne year;2;2;2\n",
            "/member has positions in place of values, 1 to 2, perhaps in the order of the alphabet; confirm with read=member:1=No|2=Yes",
            "member:1=No|2=Yes",
            [1.0, 0.0, 1.0, 1.0],
        ),
        // Beginnings of values.
        (
            "Monthly;Yes;1;1\nMonthly;No;2;2\n",
            "/plan 2 of 2 values are 'Monthly', which are not quite values of plan; confirm with read=plan:Monthly=Monthly plan",
            "plan:Monthly=Monthly plan",
            [0.0, 1.0, 1.0, 1.0],
        ),
        // Decimals or thousands.
        (
            "One year;Yes;1;1.234\nOne year;No;2;2.345\n",
            "/charges has 2 numbers of which the last three digits may be decimals or thousands; confirm with read=decimal:comma or read=decimal:point",
            "decimal:comma",
            [1.0, 1.0, 1.0, 1234.0],
        ),
        (
            "One year;Yes;1;1,5\nOne year;No;2;2.5\n",
            "/charges has 1 numbers with a decimal point and 1 with a decimal comma; confirm with read=decimal:comma or read=decimal:point",
            "",
            [0.0; 4],
        ),
        // Missing, or no.
        (
            "One year;None;1;1\nOne year;Yes;2;2\n",
            "/member 1 of 2 values are 'None', which are not quite values of member; confirm with read=member:None=No or read=member:None=missing",
            "member:None=No",
            [1.0, 0.0, 1.0, 1.0],
        ),
    ] {
        let text = format!("{header}{rows}");
        assert_eq!(shop(&text, "").err().as_deref(), Some(refusal));
        if !read.is_empty() {
            let (codes, _, _) = shop(&text, read).unwrap();
            assert_eq!(codes[0][..4], expected, "{read}");
        }
    }
}

#[test]
fn numbers_are_decided_by_all_columns_of_a_table() {
    // The total could be decimals by itself; the charges beside it say that it is not.
    let text = "plan;member;months_with_us;charges\nOne year;Yes;1.234;1,5\n";
    assert!(
        shop(text, "")
            .unwrap_err()
            .contains("months_with_us must be")
    );
    let (codes, evidence, _) = shop(
        "plan;member;months_with_us;charges\nOne year;Yes;1;1.234\nOne year;No;2;5,5\n",
        "",
    )
    .unwrap();
    assert_eq!(codes[0][3], 1234.0);
    assert!(
        evidence.contains(&"charges: decimal comma: 2".to_owned()),
        "{evidence:?}"
    );
}

#[test]
fn columns_with_slips_in_their_names_are_refused_until_they_are_confirmed() {
    let text = "plan,member,months_wiht_us,charges\nOne year,Yes,1,2\n";
    let refusal = "/months_wiht_us may be months_with_us; confirm with read=months_wiht_us:months_with_us or read=months_wiht_us:other";
    assert_eq!(shop(text, "").err().as_deref(), Some(refusal));
    let (codes, _, _) = shop(text, "months_wiht_us:months_with_us").unwrap();
    assert_eq!(codes[0][2], 1.0);
    let (codes, _, warnings) = shop(text, "months_wiht_us:other").unwrap();
    assert!(codes[0][2].is_nan());
    assert_eq!(
        warnings,
        ["months_with_us: is missing; the model takes its branch for missing values: 1"]
    );
    let twice = "Plan,PLAN.,plan_,member\nOne year,x,y,Yes\n";
    // The exact name goes before those that are alike.
    assert_eq!(shop(twice, "").unwrap().0[0][0], 1.0);
    let refusal = shop("PLAN.,plan_,member\nOne year,x,Yes\n", "").unwrap_err();
    assert!(
        refusal.contains("/PLAN. may be plan, and so may plan_"),
        "{refusal}"
    );
    assert!(
        shop(text, "nothing:comma")
            .unwrap_err()
            .contains("neither a column nor one of")
    );
}

#[test]
fn faults_of_a_column_are_said_once() {
    let text =
        "plan,member,months_with_us,charges\n".to_owned() + &"One year,whatever,1,2\n".repeat(7);
    let refusal = "/member 7 of 7 values are 'whatever'; must be true or false";
    assert_eq!(shop(&text, "").err().as_deref(), Some(refusal));
    let one = text + &"One year,Yes,1,2\n".repeat(20);
    assert!(
        shop(&one, "")
            .unwrap_err()
            .starts_with("/member must be true or false, got \"whatever\"")
    );
}

#[test]
fn columns_that_are_not_needed_refuse_nothing() {
    let text =
        "plan,member,months_with_us,charges,visits\nOne year,Yes,1,2,often\nOne year,Yes,1,2,3\n";
    let (codes, _, warnings) = shop(text, "").unwrap();
    assert!(codes[0][4].is_nan());
    assert_eq!(codes[1][4], 3.0);
    assert_eq!(
        warnings,
        ["visits: 1 of 2 values are 'often'; must be a number; they are taken for missing: 1"]
    );
}

#[test]
fn columns_of_single_values_are_one_field() {
    let rows = "True,False,0,1,9\nFalse,True,1,1,9\n";
    let full = format!("plan_One year,plan_Two year,member_No,months_with_us,charges\n{rows}");
    let (codes, evidence, _) = shop(&full, "").unwrap();
    assert_eq!((codes[0][0], codes[0][1]), (1.0, 1.0));
    assert_eq!((codes[1][0], codes[1][1]), (2.0, 0.0));
    assert_eq!(
        evidence[0],
        "Plan: is spread over plan_One year, plan_Two year: 2"
    );
    let first_dropped = full + "False,False,1,1,9\n";
    let (codes, evidence, _) = shop(&first_dropped, "").unwrap();
    assert_eq!(codes[2][0], 0.0);
    assert!(
        evidence[0].contains("none is 'Monthly plan'"),
        "{evidence:?}"
    );
    let ambiguous = "plan_One year,member\n1,Yes\n0,No\n";
    let refusal = shop(ambiguous, "").unwrap_err();
    assert!(
        refusal.contains("read=Plan:none=Monthly plan or read=Plan:none=Two year"),
        "{refusal}"
    );
    assert_eq!(shop(ambiguous, "Plan:none=Two year").unwrap().0[1][0], 2.0);
    let both = "plan_One year,plan_Two year,member\n1,1,Yes\n";
    assert!(
        shop(both, "")
            .unwrap_err()
            .contains("several columns that say yes")
    );
}

/// As a file of this dialect spells a code.
fn cell(schema: &Schema<'_>, field: usize, code: f64, dialect: &Dialect) -> String {
    let field = schema.field(field);
    match field.kind() {
        _ if code.is_nan() => dialect.missing.to_owned(),
        Kind::Flag if field.without().is_none_or(|_| code != field.absent_code()) => {
            dialect.flags[code as usize].to_owned()
        }
        Kind::Flag | Kind::Choice => field.value(code).unwrap().name().to_owned(),
        _ if dialect.decimal_comma => code.to_string().replace('.', ","),
        _ => code.to_string(),
    }
}

#[derive(Clone, Debug)]
struct Dialect {
    delimiter: u8,
    decimal_comma: bool,
    flags: [&'static str; 2],
    missing: &'static str,
    title: &'static str,
    line_end: &'static str,
    encoding: u8,
    index: bool,
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let flags = [
        ["No", "Yes"],
        ["false", "true"],
        ["False", "True"],
        ["FAUX", "VRAI"],
        ["0", "1"],
        ["0.0", "1.0"],
        ["n", "y"],
        ["non", "oui"],
    ];
    (
        prop::sample::select(vec![b',', b';', b'\t', b'|']),
        any::<bool>(),
        prop::sample::select(flags.to_vec()),
        prop::sample::select(vec!["", "NA", "NaN", "NULL", "n/a", "?", "-"]),
        prop::sample::select(vec!["", "Customers of October\n\n"]),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        0..4_u8,
        any::<bool>(),
    )
        .prop_map(
            |(delimiter, decimal_comma, flags, missing, title, line_end, encoding, index)| {
                Dialect {
                    delimiter,
                    decimal_comma,
                    flags,
                    missing,
                    title,
                    line_end,
                    encoding,
                    index,
                }
            },
        )
}

/// A table of profiles in this dialect.
fn written(schema: &Schema<'_>, profiles: &[Profile], dialect: &Dialect) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(dialect.delimiter)
        .from_writer(Vec::new());
    let index = |text: String| dialect.index.then_some(text);
    let header = schema.fields().map(|field| field.column().to_owned());
    writer
        .write_record(index(String::new()).into_iter().chain(header))
        .unwrap();
    for (row, profile) in profiles.iter().enumerate() {
        let cells =
            (0..schema.len()).map(|field| cell(schema, field, profile.code(field), dialect));
        writer
            .write_record(index(row.to_string()).into_iter().chain(cells))
            .unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let text = format!("{}{text}", dialect.title).replace('\n', dialect.line_end);
    match dialect.encoding {
        0 => text.into_bytes(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        _ => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
    }
}

proptest! {
    #[test]
    fn tables_of_any_dialect_read_back_to_the_same_codes_or_ask(
        text in schemas(),
        numbers in prop::collection::vec(any::<u32>(), 300),
        dialect in dialects(),
        count in 1..6_usize,
    ) {
        let bytes = compiled(&text);
        let schema = Schema::open(&bytes).unwrap();
        let mut draws = Draws::new(numbers);
        let profiles: Vec<Profile> = (0..count).map(|_| draws.profile(&schema)).collect();
        let file = written(&schema, &profiles, &dialect);
        match read_with(&schema, &file, "") {
            // A row without any value is none.
            Ok((read, _)) if read.len() == profiles.len() => prop_assert_eq!(read, profiles, "{:?}", dialect),
            Ok((read, _)) => prop_assert!(profiles.iter().filter(|profile| profile.codes().iter().any(|code| !code.is_nan())).count() <= read.len()),
            Err(refusal) => {
                prop_assert!(refusal.lines().all(|line| line.contains("confirm with read=")), "{}\n{:?}\n{}", refusal, dialect, String::from_utf8_lossy(&file));
            }
        }
    }

    #[test]
    fn two_delimiters_that_fit_equally_are_never_certain(
        commas in 1..5_usize, others in 1..5_usize, other in prop::sample::select(vec![';', '\t', '|']), rows in 1..20_usize,
    ) {
        let line = |name: &str| {
            let left: Vec<String> = (0..=commas).map(|column| format!("{name}{column}")).collect();
            let right: Vec<String> = (0..others).map(|column| format!("{name}o{column}")).collect();
            format!("{}{other}{}", left.join(","), right.join(&other.to_string()))
        };
        let text = [line("h"), "\n".to_owned(), (line("x") + "\n").repeat(rows)].concat();
        let bytes = compiled(SHOP);
        let schema = Schema::open(&bytes).unwrap();
        let refusal = read_with(&schema, text.as_bytes(), "").err().unwrap_or_default();
        prop_assert!(refusal.contains("confirm with read=delimiter:"), "{}", refusal);
    }

    #[test]
    fn decimals_that_may_be_thousands_are_never_certain(
        numbers in prop::collection::vec((1..999_u32, 0..1000_u32), 1..9), mark in prop::sample::select(vec!['.', ',']),
    ) {
        let rows: String = numbers.iter().map(|(whole, rest)| format!("One year;Yes;1;{whole}{mark}{rest:03}\n")).collect();
        let text = format!("plan;member;months_with_us;charges\n{rows}");
        let refusal = shop(&text, "").err().unwrap_or_default();
        prop_assert!(refusal.contains("confirm with read=decimal:"), "{}", refusal);
        let whole = shop(&text, if mark == '.' { "decimal:comma" } else { "decimal:point" }).unwrap();
        let part = shop(&text, if mark == '.' { "decimal:point" } else { "decimal:comma" }).unwrap();
        for (row, (thousands, rest)) in numbers.iter().enumerate() {
            prop_assert_eq!(whole.0[row][3], f64::from(thousands * 1000 + rest));
            prop_assert!((part.0[row][3] - f64::from(thousands * 1000 + rest) / 1000.0).abs() < 1e-9);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), read in "[a-z:,=|\\\\]{0,12}") {
        let shop = compiled(SHOP);
        let schema = Schema::open(&shop).unwrap();
        let Ok(confirmed) = Confirmed::parse(&read) else { return Ok(()) };
        if let Ok(table) = table(&schema, &bytes, &confirmed) {
            let _ = Reading::of(&schema, &table, &confirmed, Needed::All);
        }
    }

    #[test]
    fn any_text_like_a_table_is_read_or_refused(text in "[\\[\\]{}\":,;\\t|\n\r a-c0-2.NaN€é$-]{0,200}") {
        let shop = compiled(SHOP);
        let schema = Schema::open(&shop).unwrap();
        let _ = read_with(&schema, text.as_bytes(), "");
        let _ = read_with(&schema, format!("plan,member,charges\n{text}").as_bytes(), "");
        let _ = read_with(&schema, format!("[{text}]").as_bytes(), "");
    }
}
