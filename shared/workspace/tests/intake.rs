//! Files of customers that are not as the schema has them: what must be confirmed, and rows that can't be read.

#![allow(clippy::unwrap_used)]

mod shop;

use reader::Confirmed;
use shop::{CUSTOMERS, faults, files};
use std::fmt::Write;
use workspace::compile::{Compiled, Fault, Intake, Sources, compile};
use workspace::{Parts, Workspace};

/// Compiles the shop with these customers, more in its schema, and what a command says.
fn compiled(customers: &str, schema: &str, intake: &Intake) -> Result<Compiled, Vec<String>> {
    let mut files = files();
    files[0].push_str(schema);
    files[1] = customers.to_owned();
    let files = files.map(String::into_bytes);
    let sources = Sources {
        intake: Some(intake),
        ..Sources::of(&files)
    };
    compile(&sources).map_err(|faults| faults.iter().map(Fault::to_string).collect())
}

/// What is told of the customers.
fn warnings(compiled: &Compiled) -> Vec<String> {
    let told = compiled.warnings.iter().map(Fault::to_string);
    told.filter(|warning| warning.starts_with("data/customers.csv: "))
        .collect()
}

/// The ids of the customers, and the monthly charges of the first.
fn customers(compiled: Compiled) -> (Vec<String>, f64) {
    let parts: Parts = compiled.into_parts();
    let workspace = Workspace::open(&parts).unwrap();
    let customers = &workspace.customers;
    let ids = (0..customers.len()).map(|one| customers.id(one).to_owned());
    let charges = workspace.schema.find("monthly_charges").unwrap().index();
    (ids.collect(), customers.code(0, charges))
}

fn confirming(text: &str) -> Intake {
    Intake {
        confirmed: Confirmed::parse(text).unwrap(),
        ..Intake::default()
    }
}

fn tolerating(percentage: f64) -> Intake {
    Intake {
        tolerated_reject_percentage: Some(percentage),
        ..Intake::default()
    }
}

/// The shop's customers whose contracts are positions in the order of the alphabet.
fn encoded() -> String {
    CUSTOMERS
        .replace("One year", "1")
        .replace("Month-to-month", "0")
        .replace("Two year", "2")
}

const PROPOSED: &str = "contract:0=Month-to-month|1=One year|2=Two year";

#[test]
fn a_reading_that_is_not_certain_is_asked_for_and_taken_from_command_or_schema() {
    let asked = compiled(&encoded(), "", &Intake::default()).unwrap_err();
    assert_eq!(
        asked,
        [format!(
            "data/customers.csv: contract has positions in place of values, 0 to 2, perhaps in the order of the alphabet; confirm with read={PROPOSED}, by --read or under [customers] in data/schema.toml"
        )]
    );
    let in_schema = format!("\n[customers]\nread = '{PROPOSED}'\n");
    let by_command = compiled(&encoded(), "", &confirming(PROPOSED)).unwrap();
    let by_schema = compiled(&encoded(), &in_schema, &Intake::default()).unwrap();
    for compiled in [&by_command, &by_schema] {
        let told = "data/customers.csv: contract: '0' is 'Month-to-month': 1".to_owned();
        assert!(
            warnings(compiled).contains(&told),
            "{:?}",
            warnings(compiled)
        );
    }
    let plain = compiled(CUSTOMERS, "", &Intake::default()).unwrap();
    let expected = customers(plain);
    assert_eq!(customers(by_command), expected);
    assert_eq!(customers(by_schema), expected);
}

#[test]
fn the_command_goes_before_the_schema() {
    // Either digits are decimals or they are thousands.
    let ambiguous = CUSTOMERS
        .replace(",A,25", ",A,1.250")
        .replace(",B,10", ",B,1.010")
        .replace("40.5", "1.405")
        .replace(',', ";");
    let wide = "most = 1000\nabout = \"money\"";
    let read = |schema: &str, intake: &Intake| {
        let mut files = files();
        files[0] = files[0].replace(wide, "most = 9000\nabout = \"money\"") + schema;
        files[1].clone_from(&ambiguous);
        let files = files.map(String::into_bytes);
        let sources = Sources {
            intake: Some(intake),
            ..Sources::of(&files)
        };
        compile(&sources).map(|compiled| customers(compiled).1)
    };
    let asked = read("", &Intake::default()).unwrap_err();
    assert!(
        asked[0]
            .detail
            .contains("confirm with read=decimal:comma or read=decimal:point")
    );
    let schema = "\n[customers]\nread = \"decimal:comma\"\n";
    assert_eq!(read(schema, &Intake::default()).unwrap(), 1250.0);
    assert_eq!(read(schema, &confirming("decimal:point")).unwrap(), 1.25);
}

#[test]
fn what_the_schema_says_of_the_customers_is_checked() {
    let faults_of = |text: &str| {
        let mut files = files();
        files[0].push_str(text);
        faults(&files)
    };
    for (text, wanted) in [
        (
            "\n[customers]\nread = \"decimal\"\n",
            "data/schema.toml: customers: `read` must be key:value pairs, separated by commas; \"decimal\" is none",
        ),
        (
            "\n[customers]\nread = \"contracts:other\"\n",
            "data/customers.csv: is confirmed to be read with \"contracts\", which is neither a column nor one of encoding, delimiter, decimal, orient, sheet",
        ),
        (
            "\n[customers]\ntolerated_reject_percentage = 101.0\n",
            "data/schema.toml: customers: `tolerated_reject_percentage` must be between 0 and 100",
        ),
        (
            "\n[customers]\nrejects = 1\n",
            "data/schema.toml: customers: unknown field `rejects`, expected one of `read`, `tolerated_reject_percentage`",
        ),
    ] {
        assert_eq!(faults_of(text), [wanted]);
    }
}

/// The shop's header, many sound customers, and these lines.
fn with_many(lines: &str) -> String {
    let header = CUSTOMERS.lines().next().unwrap();
    let mut text = format!("{header}\n");
    for number in 0..100 {
        writeln!(
            text,
            "s-{number:03},no,Male,12,DSL,No,Yes,One year,1,0,A,25"
        )
        .unwrap();
    }
    text + lines
}

/// Rows in which one cell can't be read, the first of them in line 102.
fn faulty(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(
            text,
            "f-{number:02},no,Male,many,DSL,No,Yes,One year,1,0,A,25"
        )
        .unwrap();
        text
    })
}

#[test]
fn rows_at_fault_are_listed_by_column_with_their_lines_and_counted() {
    let lines = faulty(13) + "g-1,no,Mail,12,DSL,No,Yes,One year,1,0,A,25\nshort,no\n";
    let found = compiled(&with_many(&lines), "", &Intake::default()).unwrap_err();
    assert_eq!(
        found,
        [
            "data/customers.csv: tenure_months: 13 of 115 rows: must be a number, got \"many\"; lines 102, 103, 104, 105, 106, 107, 108, 109, 110, 111 and 3 more",
            "data/customers.csv: line 115: gender must be one of \"Female\", \"Male\"; got \"Mail\"",
            "data/customers.csv: line 116: has 2 cells, and the header has 12",
            "data/customers.csv: 15 of 115 rows can't be read; tolerated_reject_percentage leaves out as many of a hundred",
        ]
    );
}

#[test]
fn rows_at_fault_are_left_out_as_far_as_that_is_tolerated_and_told() {
    let text = with_many(&faulty(2));
    let schema = "\n[customers]\ntolerated_reject_percentage = 5\n";
    let by_schema = compiled(&text, schema, &Intake::default()).unwrap();
    let by_command = compiled(&text, "", &tolerating(5.0)).unwrap();
    for compiled in [&by_schema, &by_command] {
        assert_eq!(
            warnings(compiled),
            [
                "data/customers.csv: 2 of 102 rows can't be read and are left out",
                "data/customers.csv: tenure_months: 2 of 102 rows: must be a number, got \"many\"; lines 102 and 103",
            ]
        );
    }
    assert_eq!(customers(by_schema).0.len(), 100);
    for intake in [tolerating(0.0), tolerating(1.9)] {
        let refused = compiled(&text, schema, &intake).unwrap_err();
        assert!(
            refused
                .last()
                .unwrap()
                .contains("2 of 102 rows can't be read")
        );
    }
    let all = format!("{}\n{}", CUSTOMERS.lines().next().unwrap(), faulty(1));
    let refused = compiled(&all, "", &tolerating(100.0)).unwrap_err();
    assert_eq!(
        refused.last().unwrap(),
        "data/customers.csv: no row can be read"
    );
    // A column at fault is none of some rows'.
    let column = text.replace(",25\n", ",much\n");
    let refused = compiled(&column, "", &tolerating(100.0)).unwrap_err();
    assert!(
        refused[0].contains("monthly_charges 102 of 102 values are 'much'"),
        "{refused:?}"
    );
}

#[test]
fn of_rows_that_share_an_id_none_is_taken() {
    let again = "s-001,no,Male,13,DSL,No,Yes,One year,1,0,A,25\n";
    let text = with_many(&[again, again].concat());
    let refused = compiled(&text, "", &Intake::default()).unwrap_err();
    assert_eq!(
        refused[0],
        "data/customers.csv: the id \"s-001\" is used 3 times, in lines 3, 102 and 103"
    );
    let left = compiled(&text, "", &tolerating(5.0)).unwrap();
    assert_eq!(
        warnings(&left)[0],
        "data/customers.csv: 3 of 102 rows can't be read and are left out"
    );
    let (ids, _) = customers(left);
    assert_eq!(ids.len(), 99);
    assert!(!ids.contains(&"s-001".to_owned()));
}

#[test]
fn a_total_is_left_out_and_told() {
    let text = CUSTOMERS.to_owned() + "Total,,,,,,,,,,,75.5\n";
    let compiled = compiled(&text, "", &Intake::default()).unwrap();
    assert_eq!(
        warnings(&compiled),
        ["data/customers.csv: a row that is a total of the others and is no customer: 1"]
    );
    assert_eq!(customers(compiled).0, ["m-1", "m-2", "m-3"]);
}
