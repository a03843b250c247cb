//! `engagetrack read`, as a person runs it.

use crate::answer;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_table_of_another_dialect_becomes_csv() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.txt"), folder.path().join("out.csv"));
    let text = "Report\n;id;note\n0;a;x, y\n1;b;é\nTotal;;\n";
    let narrow: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    fs::write(&input, narrow).unwrap();
    let answer = answer("read", &[&input, &"-o", &output]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    assert_eq!(
        fs::read_to_string(&output).unwrap(),
        "id,note\na,\"x, y\"\nb,é\n"
    );
    let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
    let text = |name: &str| json!({ "name": name, "numbers": false, "yes": [], "no": [] });
    assert_eq!(summary["columns"], json!([text("id"), text("note")]));
    assert_eq!(summary["rows"], 2);
    let readings: Vec<&str> = summary["read_as"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reading"].as_str().unwrap())
        .collect();
    let expected = [
        "encoding: Windows-1252",
        "delimiter: semicolon",
        "lines above the header, skipped",
        "column 1 has no name and is skipped",
    ];
    assert_eq!(readings, expected);
}

#[test]
fn cells_are_written_in_one_way_and_said_how() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    let text = "id;fee;active\n1;1.234,50 €;VRAI\n2;NA;FAUX\n3;7,25 €;VRAI\n";
    fs::write(&input, text).unwrap();
    let answer = answer("read", &[&input, &"-o", &output]);
    assert_eq!(
        fs::read_to_string(&output).unwrap(),
        "id,fee,active\n1,1234.5,VRAI\n2,,FAUX\n3,7.25,VRAI\n"
    );
    let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
    let said = |column: &str, reading: &str, count: u64| json!({ "column": column, "reading": reading, "count": count });
    assert_eq!(
        summary["read_as"].as_array().unwrap()[1..],
        [
            said("fee", "'NA' is missing", 1),
            said("fee", "decimal comma", 2),
            said("fee", "'€' is left out", 2),
        ]
    );
    let active = json!({ "name": "active", "numbers": false, "yes": ["VRAI"], "no": ["FAUX"] });
    assert_eq!(summary["columns"][2], active);

    fs::write(&input, "id;fee\na;1.234\nb;5.678\n").unwrap();
    let refusal = crate::answer("read", &[&input, &"-o", &output]);
    refusal.refuses(1, "in.csv: fee has 2 numbers of which the last three digits may be decimals or thousands; confirm with read=decimal:comma or read=decimal:point");
}

#[test]
fn a_total_is_left_out_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    fs::write(&input, "id,a,b,c\nx,1,2,3\n,,,\nTotal,,,3\ny,1\n").unwrap();
    let answer = answer("read", &[&input, &"-o", &output]);
    assert_eq!(fs::read_to_string(&output).unwrap(), "id,a,b,c\nx,1,2,3\n");
    let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
    let rejected = json!([
        { "line": 4, "detail": "is a total of the others" },
        { "line": 5, "detail": "has 2 cells, and the header has 4" },
    ]);
    assert_eq!(summary["rejected"], rejected);
    assert_eq!(summary["warnings"][0]["count"], 2);
}

#[test]
fn an_uncertain_reading_is_refused_until_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    fs::write(&input, "a,b;c\n1,2;3\n").unwrap();
    let refusal = answer("read", &[&input, &"-o", &output]);
    refusal.refuses(
        1,
        "confirm with read=delimiter:comma or read=delimiter:semicolon",
    );
    assert!(!output.exists());
    let confirmed = answer(
        "read",
        &[&input, &"--read", &"delimiter:semicolon", &"-o", &output],
    );
    assert_eq!(confirmed.code, 0, "{confirmed:?}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "\"a,b\",c\n1.2,3\n");
    answer("read", &[&input, &"--read", &"semicolon", &"-o", &output])
        .refuses(2, "must be key:value pairs");
    answer("read", &[&input, &"-o", &input]).refuses(1, "name another file");
}

#[cfg(not(any(feature = "excel", feature = "parquet")))]
#[test]
fn a_file_of_a_kind_that_was_left_out_names_the_build_that_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out.csv"));
    for (beginning, kind) in [
        (&b"PAR1\x15\x04"[..], "a Parquet file"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
            "an Excel workbook (.xls)",
        ),
    ] {
        fs::write(&input, beginning).unwrap();
        let refusal = answer("read", &[&input, &"-o", &output]);
        refusal.refuses(1, &format!("in: is {kind}, which is not read here; "));
        refusal.refuses(
            1,
            ", or build the program with `cargo build --release --package cli --features excel,parquet`\n",
        );
    }
}
