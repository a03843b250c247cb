//! Cells of CSV files that leave the system: quoted as RFC 4180 has it, and none that a spreadsheet would run.

use std::borrow::Cow;

/// Writes a cell, defused, and in quotes where it needs them.
pub fn push(out: &mut Vec<u8>, cell: &str) {
    let cell = defused(cell);
    if !cell.bytes().any(|byte| b",\"\r\n".contains(&byte)) {
        out.extend_from_slice(cell.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in cell.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A cell that no spreadsheet runs as a formula: an apostrophe goes before one that would be, as
/// [OWASP](https://owasp.org/www-community/attacks/CSV_Injection) has it.
///
/// Numbers stay numbers. Defusing twice changes nothing more, for a cell that begins with an apostrophe is text; so a file that
/// is scored, and scored again, keeps its ids.
pub fn defused(cell: &str) -> Cow<'_, str> {
    match is_formula(cell) {
        true => format!("'{cell}").into(),
        false => cell.into(),
    }
}

/// Whether a spreadsheet may run a cell: it begins like a formula, perhaps after blanks and quotes that an import drops.
fn is_formula(cell: &str) -> bool {
    // As most cells begin, and no formula.
    if cell
        .bytes()
        .next()
        .is_none_or(|first| first.is_ascii_alphanumeric())
    {
        return false;
    }
    let is_dropped = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '\u{200b}' | '\u{feff}')
    };
    if cell.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let bare = cell.trim_start_matches(is_dropped);
    // The wide forms are what a Japanese keyboard writes, and spreadsheets take them for the others.
    bare.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_signed_number(bare)
}

/// Whether this is a number with a sign, such as `-12.5`, `+1,000` or `-1e-3`.
fn is_signed_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(unsigned) = text.trim_end().strip_prefix(['+', '-']) else {
        return false;
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    is_digits(&mantissa.replace(['.', ','], ""))
        && is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(cells: &[&str]) -> String {
        let mut out = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push(&mut out, cell);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_defused() {
        for cell in [
            "=1+1",
            "=10+20+cmd|' /C calc'!A0",
            "+1-800-555",
            "-2+3",
            "-1e",
            "-",
            "@SUM(A1)",
            "\tx",
            "\r=1",
            "\n",
            " =1",
            "\u{a0}\u{feff}=1",
            "\"=1",
            " \" @x",
            "＝1",
        ] {
            assert_eq!(defused(cell), format!("'{cell}"));
            assert_eq!(defused(&defused(cell)), format!("'{cell}"));
        }
    }

    #[test]
    fn numbers_and_other_text_stay_as_they_are() {
        for cell in [
            "",
            " ",
            "0",
            "-12.5",
            "+1",
            "-1,234.50",
            "-12,5",
            "-1e-3",
            "-.5",
            " -3 ",
            "a=b",
            "'=1",
            "1-2",
            "x@example.org",
            "0001-FIELD",
        ] {
            assert_eq!(defused(cell), cell);
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(
            written(&["a", "b, c", "said \"no\"", "two\nlines", "=A1,B1", " "]),
            "a,\"b, c\",\"said \"\"no\"\"\",\"two\nlines\",\"'=A1,B1\", "
        );
    }

    proptest! {
        #[test]
        fn cells_are_read_back_as_they_were_but_for_the_apostrophe(cells in prop::collection::vec("\\PC*|[=+@\"', \t\r\n-]{1,4}", 2..5)) {
            let text = written(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let expected: Vec<_> = cells.iter().map(|cell| defused(cell)).collect();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), expected);
        }
    }
}
