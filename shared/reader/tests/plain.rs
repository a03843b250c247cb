//! Tables without a schema: cells in one spelling.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use proptest::prelude::*;
use reader::{Confirmed, PlainCells, Table};

/// The plain cells of the column `a` in a file of two columns, and what was done with them; or what is asked.
fn plain(
    cells: &[String],
    delimiter: char,
    read: &str,
) -> Result<(Vec<String>, Vec<String>), String> {
    let mut text = format!("row{delimiter}a\n");
    for (row, cell) in cells.iter().enumerate() {
        text += &format!("{row}{delimiter}\"{cell}\"\n");
    }
    let confirmed = Confirmed::parse(read).unwrap();
    let table = Table::read(text.as_bytes(), &confirmed, &|_| false).unwrap();
    let plain = PlainCells::of(&table, &confirmed).map_err(|uncertain| uncertain[0].to_string())?;
    let mut found = Vec::new();
    let mut rows = table.rows();
    while let Some(row) = rows.next_row() {
        found.push(plain.columns[1].cell(row.cell(1).unwrap()).into_owned());
    }
    let evidence = plain.evidence.iter().map(ToString::to_string).collect();
    Ok((found, evidence))
}

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn numbers_and_missing_values_are_written_in_one_way() {
    for (cells, expected, evidence) in [
        (
            &["1.234,50", "7,5"][..],
            &["1234.5", "7.5"][..],
            "a: decimal comma: 2",
        ),
        (
            &["1,234.50", "7.5"],
            &["1234.5", "7.5"],
            "a: separated thousands: 1",
        ),
        (
            &["$1,234", "$-5.25"],
            &["1234", "-5.25"],
            "a: '$' is left out: 2",
        ),
        (&["12%", "7.5"], &["12", "7.5"], "a: '%' is left out: 1"),
        (&["007", "010"], &["007", "010"], ""),
        (&["3", "None"], &["3", ""], "a: 'None' is missing: 1"),
        (&["x", "None"], &["x", "None"], ""),
        (&["x", "n/a"], &["x", ""], "a: 'n/a' is missing: 1"),
        (
            &["12.03.2024", "13.04.2024"],
            &["12.03.2024", "13.04.2024"],
            "",
        ),
    ] {
        let (found, seen) = plain(&owned(cells), ',', "").unwrap();
        assert_eq!(found, expected, "{cells:?}");
        assert_eq!(seen.join("; "), evidence, "{cells:?}");
    }
}

#[test]
fn numbers_that_may_be_two_are_asked_about() {
    let cells = owned(&["1.234", "5.678"]);
    assert_eq!(plain(&cells, ',', "").unwrap().0, cells);
    let asked = plain(&cells, ';', "").unwrap_err();
    assert_eq!(
        asked,
        "has 2 numbers of which the last three digits may be decimals or thousands; \
         confirm with read=decimal:comma or read=decimal:point"
    );
    let (found, _) = plain(&cells, ';', "decimal:comma").unwrap();
    assert_eq!(found, ["1234", "5678"]);
}

#[test]
fn a_column_says_which_of_its_cells_are_yes_and_no() {
    let text = "a,b\nVRAI,1\nFAUX,2\nFaux,2\n";
    let confirmed = Confirmed::default();
    let table = Table::read(text.as_bytes(), &confirmed, &|_| false).unwrap();
    let plain = PlainCells::of(&table, &confirmed).unwrap();
    let column = serde_json::to_value(&plain.columns[0]).unwrap();
    let expected = serde_json::json!({ "name": "a", "numbers": false, "yes": ["VRAI"], "no": ["FAUX", "Faux"] });
    assert_eq!(column, expected);
    assert!(plain.columns[1].numbers);
}

proptest! {
    #[test]
    fn numbers_of_any_style_are_the_same_numbers(
        cents in prop::collection::vec(-99_999_999_i64..=99_999_999, 1..40), comma: bool, separated: bool, sign in prop::sample::select(vec!["", "$", "€ "]),
    ) {
        let (decimal, thousands) = if comma { (',', ".") } else { ('.', ",") };
        let written = |cents: &i64| {
            let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
            let digits = whole.to_string();
            let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
            let whole = groups.join(if separated { thousands } else { "" });
            format!("{}{sign}{whole}{decimal}{rest:02}", if *cents < 0 { "-" } else { "" })
        };
        let cells: Vec<String> = cents.iter().map(written).collect();
        let (found, _) = plain(&cells, ';', "").unwrap();
        for (found, cents) in found.iter().zip(cents) {
            prop_assert_eq!(found.parse::<f64>().unwrap(), cents as f64 / 100.0);
        }
    }

    #[test]
    fn plain_cells_stay_as_they_are(cells in prop::collection::vec("[a-zA-Z0-9.,$%() -]{0,8}", 1..12)) {
        if let Ok((once, _)) = plain(&cells, ',', "decimal:point") {
            let (twice, evidence) = plain(&once, ',', "decimal:point").unwrap();
            prop_assert_eq!(&once, &twice, "{:?}", evidence);
        }
    }
}
