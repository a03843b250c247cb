//! Parts of a job, cut anyhow, in their order: the bytes of one part over all of the input, for every workspace of the repository.

#![allow(clippy::unwrap_used)]

use bulk::{
    Input, Job, LONGEST_LINE, Layout, LayoutError, Manifest, Report, ScoreError, Unusable, score,
};
use engagetrack::{Live, embedded, nudges};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reader::Confirmed;
use schema::Named;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;
use workspace::compile::compile_folder;

/// A business and its file of customers.
struct Business {
    live: Live,
    customers: String,
}

static BUSINESSES: LazyLock<Vec<Business>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let customers = |folder: &Path| fs::read_to_string(folder.join("data/customers.csv")).unwrap();
    let mut businesses = vec![Business {
        live: embedded::live(embedded::explanations(embedded::core())),
        customers: customers(&root),
    }];
    for example in root.join("examples").read_dir().into_iter().flatten() {
        let folder = example.unwrap().path();
        if folder.join("data/schema.toml").is_file() {
            let compiled = compile_folder(&folder).unwrap_or_else(|faults| panic!("{faults:?}"));
            businesses.push(Business {
                live: Live::open(compiled.into_parts()).unwrap(),
                customers: customers(&folder),
            });
        }
    }
    businesses
});

fn everywhere(test: impl Fn(&Business)) {
    BUSINESSES.iter().for_each(test);
}

/// The shipped business, of which some sentences are known.
fn telco() -> &'static Business {
    &BUSINESSES[0]
}

/// What became of an input.
#[derive(Debug)]
struct Done {
    results: String,
    rejects: String,
    manifest: Manifest,
}

impl Done {
    /// The rows of the results by column, without the header.
    fn column(&self, name: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_reader(self.results.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let column = headers.iter().position(|header| header == name).unwrap();
        reader
            .records()
            .map(|record| record.unwrap()[column].to_owned())
            .collect()
    }

    fn has_column(&self, name: &str) -> bool {
        let mut reader = csv::Reader::from_reader(self.results.as_bytes());
        reader
            .headers()
            .unwrap()
            .iter()
            .any(|header| header == name)
    }

    /// Line and detail of each reject.
    fn rejected(&self) -> Vec<(u64, String)> {
        let mut reader = csv::Reader::from_reader(self.rejects.as_bytes());
        let records = reader.records().map(|record| record.unwrap());
        records
            .map(|record| (record[0].parse().unwrap(), record[2].to_owned()))
            .collect()
    }
}

impl Business {
    fn job(&self, input: &[u8], shard_bytes: Option<u64>) -> Result<Job, LayoutError> {
        self.confirmed_job(input, shard_bytes, "")
    }

    fn confirmed_job(
        &self,
        input: &[u8],
        shard_bytes: Option<u64>,
        read: &str,
    ) -> Result<Job, LayoutError> {
        let described = Input {
            name: "customers.csv".to_owned(),
            bytes: input.len() as u64,
            version: "1".to_owned(),
        };
        let view = self.live.view();
        let layout = Layout::read(view, input, &Confirmed::parse(read).unwrap())?;
        Ok(Job::new(view, described, layout, shard_bytes))
    }

    fn run(&self, input: &[u8], shard_bytes: Option<u64>) -> Result<Done, ScoreError> {
        self.run_confirmed(input, shard_bytes, "")
    }

    fn run_confirmed(
        &self,
        input: &[u8],
        shard_bytes: Option<u64>,
        read: &str,
    ) -> Result<Done, ScoreError> {
        let job = self.confirmed_job(input, shard_bytes, read)?;
        let (mut results, mut rejects) = (Vec::new(), Vec::new());
        let mut reports: Vec<Report> = Vec::new();
        for mut shard in job.shards() {
            if shard.index > 0 {
                let before = &input[..shard.start as usize - 1];
                shard.first_line = Some(job.layout.line_break.count(before) + 2);
            }
            let mut rows = 0;
            let report = score(
                self.live.view(),
                &job,
                &shard,
                input,
                &mut results,
                &mut rejects,
                |more| rows += more,
            )?;
            assert_eq!(rows, report.rows_in);
            // Reports go through JSON on their way.
            let json = serde_json::to_vec(&report).unwrap();
            assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), report);
            reports.push(report);
        }
        let manifest = Manifest::of(self.live.view(), &job, reports).unwrap();
        assert!(manifest.missing.is_empty());
        let results = String::from_utf8(results).unwrap();
        let rejects = String::from_utf8(rejects).unwrap();
        assert_eq!(manifest.rows_out + manifest.rows_rejected, manifest.rows_in);
        let rows = |text: &str| csv::Reader::from_reader(text.as_bytes()).records().count() as u64;
        assert_eq!(rows(&results), manifest.rows_out);
        assert_eq!(rows(&rejects), manifest.rows_rejected);
        Ok(Done {
            results,
            rejects,
            manifest,
        })
    }

    fn header(&self) -> &str {
        self.customers.lines().next().unwrap()
    }

    fn customer(&self, index: usize) -> &str {
        self.customers.lines().nth(1 + index).unwrap()
    }

    /// The column of a field that the model needs and of which no value stands for every text.
    fn needed_field(&self) -> &str {
        let schema = &self.live.view().schema;
        let is_needed = |name: &&str| match schema.named(name) {
            Some(Named::Field(field)) => {
                let field = schema.field(field);
                field.for_model() && field.other().is_none()
            }
            _ => false,
        };
        self.header().split(',').find(is_needed).unwrap()
    }

    /// A customer with another cell in a column.
    fn with_cell(&self, index: usize, name: &str, cell: &str) -> String {
        let column = self.header().split(',').position(|other| other == name);
        let mut cells: Vec<&str> = self.customer(index).split(',').collect();
        cells[column.unwrap()] = cell;
        cells.join(",")
    }

    /// A customer's id, which the files have first.
    fn id_of(&self, index: usize) -> &str {
        self.customer(index).split(',').next().unwrap()
    }

    /// The column of the id in results.
    fn id(&self) -> &str {
        self.live.view().schema.id_column()
    }
}

/// Stands for a byte that is not UTF-8.
const NOT_UTF8: char = '\u{1}';

/// A line of a file that has one more column than the customers.
fn any_line(business: &'static Business) -> impl Strategy<Value = String> {
    let lines: Vec<&str> = business.customers.lines().skip(1).take(200).collect();
    let good = || select(lines.clone());
    let note = select(vec![
        "",
        "plain",
        "\"a, b\"",
        "\"said \"\"no\"\"\"",
        "in \"midst\"",
        "naïve",
    ]);
    prop_oneof![
        8 => (good(), note).prop_map(|(line, note)| format!("{line},{note}")),
        1 => Just(String::new()),
        1 => Just("  ".to_owned()),
        1 => good().prop_map(str::to_owned),
        1 => good().prop_map(|line| format!("{line},\"never closed, and so wrong")),
        1 => good().prop_map(|line| format!("{},note", line.replace("Yes", "Perhaps"))),
        1 => good().prop_map(|line| format!("{line},{NOT_UTF8}")),
    ]
}

/// A business, and lines of a file with whether each ends with a carriage return.
fn any_lines() -> impl Strategy<Value = (&'static Business, Vec<(String, bool)>)> {
    let line = |business| (any_line(business), any::<bool>());
    let business = select(BUSINESSES.iter().collect::<Vec<_>>());
    business.prop_flat_map(move |business| {
        (Just(business), prop::collection::vec(line(business), 0..60))
    })
}

impl std::fmt::Debug for Business {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.live.view().schema.name())
    }
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 8))]

    #[test]
    fn any_cut_gives_the_bytes_of_one_shard(
        (business, lines) in any_lines(),
        mark in any::<bool>(),
        last_break in any::<bool>(),
        cr_only in any::<bool>(),
        cut in any::<Index>(),
    ) {
        let file = |cr_only: bool| {
            let mut input = if mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
            let mut push = |line: &str, carriage_return: bool| {
                input.extend(line.bytes().map(|byte| if byte == NOT_UTF8 as u8 { 0xff } else { byte }));
                input.extend_from_slice(match (cr_only, carriage_return) {
                    (true, _) => b"\r",
                    (false, true) => b"\r\n",
                    (false, false) => b"\n",
                });
            };
            push(&format!("{},note", business.header()), true);
            for (line, carriage_return) in &lines {
                push(line, *carriage_return);
            }
            if !last_break {
                input.pop();
            }
            input
        };
        let input = file(cr_only);
        // Letters in UTF-8 beside others are refused until they are confirmed to be none.
        let read = match std::str::from_utf8(&input) {
            Ok(_) => "",
            Err(_) => "encoding:windows-1252",
        };
        let run = |input: &[u8], shard_bytes| business.run_confirmed(input, shard_bytes, read).unwrap();
        let whole = run(&input, None);
        let otherwise = run(&file(!cr_only), None);
        prop_assert_eq!(&otherwise.results, &whole.results);
        prop_assert_eq!(otherwise.rejected(), whole.rejected());
        let shard_bytes = 1 + cut.index(input.len()) as u64;
        let cut = run(&input, Some(shard_bytes));
        prop_assert_eq!(&cut.results, &whole.results);
        prop_assert_eq!(&cut.rejects, &whole.rejects);
        prop_assert_eq!(cut.manifest.drift, whole.manifest.drift);
        prop_assert_eq!(cut.manifest.risk_levels, whole.manifest.risk_levels);
    }
}

#[test]
fn everybody_gets_what_the_api_says() {
    everywhere(|business| {
        let done = business
            .run(business.customers.as_bytes(), Some(100_000))
            .unwrap();
        assert_eq!(done.rejects, "line,byte_offset,detail\n");
        let ids = done.column(business.id());
        let probabilities = done.column("churn_probability");
        let projected = done.column("projected_probability");
        let view = business.live.view();
        assert_eq!(ids.len(), view.customers.len());
        for ((id, probability), projected) in ids.iter().zip(&probabilities).zip(&projected) {
            let profile = view.profile(view.customers.find(id).unwrap());
            let advice = nudges::Request::default().advice(view, &profile);
            assert_eq!(
                probability.parse(),
                Ok(view.model.probability(profile.codes()))
            );
            assert_eq!(
                projected.parse(),
                Ok(advice.nudges[0].projected_probability)
            );
        }
    });
}

#[test]
fn columns_stand_in_any_order_and_others_are_kept() {
    everywhere(|business| {
        let mut names: Vec<&str> = business.header().split(',').collect();
        let mut cells: Vec<&str> = business.customer(0).split(',').collect();
        names.reverse();
        cells.reverse();
        let input = format!(
            "first,{},\"last, quoted\"\n=1+1,{},\"so \"\"it\"\" is, too\"\n",
            names.join(","),
            cells.join(",")
        );
        let done = business.run(input.as_bytes(), None).unwrap();
        assert_eq!(done.column(business.id()), [business.id_of(0)]);
        assert_eq!(done.column("first"), ["'=1+1"]);
        let schema = &business.live.view().schema;
        for (name, cell) in names.iter().zip(&cells) {
            match schema.named(name) {
                Some(Named::Outcome) => assert_eq!(done.column(name), [*cell]),
                Some(Named::Field(_)) => assert!(!done.has_column(name), "{name}"),
                _ => {}
            }
        }
        assert_eq!(done.column("last, quoted"), ["so \"it\" is, too"]);
        let straight = business
            .run(
                format!("{}\n{}", business.header(), business.customer(0)).as_bytes(),
                None,
            )
            .unwrap();
        for column in [
            "churn_probability",
            "risk_level",
            "reason_3",
            "contribution_1",
            "nudge_id",
        ] {
            assert_eq!(done.column(column), straight.column(column));
        }
    });
}

#[test]
fn rejects_name_the_column_of_every_field_that_is_wrong() {
    everywhere(|business| {
        let schema = &business.live.view().schema;
        let mut input = format!("{}\n", business.header());
        let (mut expected, mut not_needed) = (Vec::new(), Vec::new());
        for (column, name) in business.header().split(',').enumerate() {
            let Some(Named::Field(field)) = schema.named(name) else {
                continue;
            };
            let field = schema.field(field);
            // A choice may have a value that stands for every text.
            if field.other().is_some() {
                continue;
            }
            if !(field.required() || field.for_model()) {
                not_needed.push(name.to_owned());
                input.push_str(&format!(
                    "{}\n",
                    business.with_cell(0, name, "no such value")
                ));
                continue;
            }
            let mut cells: Vec<&str> = business.customer(expected.len()).split(',').collect();
            cells[column] = "no such value";
            input.push_str(&format!("{}\n", cells.join(",")));
            let line = (expected.len() + not_needed.len()) as u64 + 2;
            expected.push((line, format!("{name} must be ")));
        }
        let done = business.run(input.as_bytes(), None).unwrap();
        let rejected = done.rejected();
        assert_eq!(rejected.len(), expected.len());
        for ((line, detail), (expected_line, beginning)) in rejected.iter().zip(&expected) {
            assert_eq!(line, expected_line);
            assert!(detail.starts_with(beginning), "{detail}: {beginning}");
        }
        assert_eq!(done.manifest.rows_out, not_needed.len() as u64);
        let warnings = done.manifest.read_as.warnings.iter();
        let forgiven = warnings.filter(|warning| warning.reading.ends_with("taken for missing"));
        let forgiven: Vec<String> = forgiven.filter_map(|one| one.column.clone()).collect();
        assert_eq!(forgiven, not_needed);
    });
}

#[test]
fn rejects_say_where_and_what() {
    let business = telco();
    let wrong = business.customer(1).replace("One year", "One \"decade\"");
    let input = format!(
        "{}\r\n{}\r\n\r\n{wrong}\r\n{}\r\na,b\r\n",
        business.header(),
        business.customer(0),
        business.customer(2)
    );
    let done = business.run(input.as_bytes(), None).unwrap();
    let contract = "Contract must be one of \"Month-to-month\", \"One year\", \"Two year\"; got \"One \\\"decade\\\"\"";
    assert_eq!(
        done.rejected(),
        [
            (4, contract.to_owned()),
            (6, "has 2 cells, and the header has 25".to_owned())
        ]
    );
    let offset = input.find(&wrong).unwrap();
    assert!(done.rejects.contains(&format!("\n4,{offset},")));
    assert_eq!(done.column(business.id()).len(), 2);
}

#[test]
fn a_quoted_line_break_is_a_cell_of_one_shard_and_stops_several() {
    everywhere(|business| {
        let noted = format!("{},\"one\r\ntwo, \"\"three\"\"\n\"", business.customer(0));
        let input = format!(
            "{},\"no\nte\"\n{noted}\n{},plain\nwrong\n",
            business.header(),
            business.customer(1)
        );
        let whole = business.run(input.as_bytes(), None).unwrap();
        assert_eq!(whole.column("no\nte"), ["one\r\ntwo, \"three\"\n", "plain"]);
        assert_eq!(whole.rejected()[0].0, 7);
        let at = input.find(&noted).unwrap() as u64;
        for shard_bytes in [1, 50, 150] {
            match business.run(input.as_bytes(), Some(shard_bytes)) {
                Err(ScoreError::QuotedLineBreak(offset)) => assert_eq!(offset, at),
                other => panic!("{:?}", other.map(|done| done.results)),
            }
        }
    });
}

#[test]
fn a_monstrous_line_is_one_reject() {
    everywhere(|business| {
        let longest = LONGEST_LINE - business.customer(0).len() - ",\n".len();
        let mut input = format!("{},note\n", business.header());
        for length in [longest, longest + 1, 3 * longest, 1] {
            input.push_str(&format!(
                "{},{}\n",
                business.customer(0),
                "x".repeat(length)
            ));
        }
        let whole = business.run(input.as_bytes(), None).unwrap();
        let detail = "the line is longer than 1,048,576 bytes".to_owned();
        assert_eq!(whole.rejected(), [(3, detail.clone()), (4, detail)]);
        assert_eq!(
            whole
                .column("note")
                .iter()
                .map(String::len)
                .collect::<Vec<_>>(),
            [longest, 1]
        );
        for shard_bytes in [
            300_000,
            LONGEST_LINE as u64,
            LONGEST_LINE as u64 + 1,
            4_000_000,
        ] {
            let cut = business.run(input.as_bytes(), Some(shard_bytes)).unwrap();
            assert_eq!(cut.results, whole.results);
            assert_eq!(cut.rejects, whole.rejects);
        }
    });
}

#[test]
fn gzip_is_one_shard_with_the_same_parts() {
    everywhere(|business| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"\xef\xbb\xbf").unwrap();
        encoder.write_all(business.customers.as_bytes()).unwrap();
        let compressed = encoder.finish().unwrap();
        assert_eq!(
            business
                .job(&compressed, Some(1_000))
                .unwrap()
                .shard_count(),
            1
        );
        let done = business.run(&compressed, Some(1_000)).unwrap();
        let plain = business.run(business.customers.as_bytes(), None).unwrap();
        assert_eq!(done.results, plain.results);
        assert_eq!(done.manifest.drift, plain.manifest.drift);
    });
}

#[test]
fn json_lines_are_profiles_as_the_api_takes_them() {
    everywhere(|business| {
        let columns: Vec<&str> = business.header().split(',').collect();
        let mut input = String::new();
        for line in business.customers.lines().skip(1).take(50) {
            let cells: serde_json::Map<String, serde_json::Value> = columns
                .iter()
                .zip(line.split(','))
                .map(|(name, cell)| ((*name).to_owned(), cell.into()))
                .collect();
            input.push_str(&format!("{}\n", serde_json::Value::Object(cells)));
        }
        input.push_str("\n{}\nnonsense\n");
        let csv: Vec<&str> = business.customers.lines().take(51).collect();
        let expected = business.run(csv.join("\n").as_bytes(), None).unwrap();
        let whole = business.run(input.as_bytes(), None).unwrap();
        for column in [
            business.id(),
            "churn_probability",
            "nudge_id",
            "contribution_2",
        ] {
            assert_eq!(whole.column(column), expected.column(column));
        }
        let rejected = whole.rejected();
        assert_eq!([rejected[0].0, rejected[1].0], [52, 53]);
        assert!(rejected[0].1.contains(" is required"), "{rejected:?}");
        assert!(rejected[1].1.starts_with("is not JSON"), "{rejected:?}");
        for shard_bytes in [1_000, 1_234, 10_000] {
            let cut = business.run(input.as_bytes(), Some(shard_bytes)).unwrap();
            assert_eq!(
                (cut.results, cut.rejects),
                (whole.results.clone(), whole.rejects.clone())
            );
        }
    });
}

#[test]
fn an_input_without_a_fitting_header_is_refused() {
    everywhere(|business| {
        let refused = |input: &str| {
            business
                .job(input.as_bytes(), None)
                .unwrap_err()
                .to_string()
        };
        assert!(refused("").contains("is empty"));
        assert!(refused("a,b\n1,2\n").contains(" is a column that the header lacks"));
        let taken = refused(&format!("{},risk_level\n", business.header()));
        assert!(
            taken.contains("risk_level is a column that the results add"),
            "{taken}"
        );
        assert!(refused(&"x".repeat(2 << 20)).contains("longer than 1,048,576 bytes"));
    });
}

#[test]
fn a_file_that_ends_with_its_header_has_no_rows() {
    everywhere(|business| {
        for input in [
            business.header().to_owned(),
            format!("{}\n", business.header()),
        ] {
            let done = business.run(input.as_bytes(), Some(1_000)).unwrap();
            assert_eq!(done.manifest.rows_in, 0);
            assert_eq!(done.rejects, "line,byte_offset,detail\n");
        }
    });
}

#[test]
fn a_quoted_break_of_another_kind_is_a_cell_in_any_shard() {
    everywhere(|business| {
        let input = format!(
            "{},note\r{},\"one\ntwo\"\r",
            business.header(),
            business.customer(0)
        );
        for shard_bytes in [None, Some(1), Some(50)] {
            let done = business.run(input.as_bytes(), shard_bytes).unwrap();
            assert_eq!(done.column("note"), ["one\ntwo"]);
        }
    });
}

#[test]
fn json_lines_may_end_in_cr() {
    everywhere(|business| {
        let line = format!("{{\"{}\":\"\\\"\"}}", business.needed_field());
        let done = business
            .run(format!("{line}\r{line}\r\r{line}").as_bytes(), Some(5))
            .unwrap();
        let lines: Vec<u64> = done.rejected().iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 4]);
    });
}

#[test]
fn formulas_are_defused_in_results_and_rejects() {
    everywhere(|business| {
        let id = business.id_of(0);
        let formula = "=10+20+cmd|' /C calc'!A0";
        let row = business.customer(0).replace(id, formula);
        let input = format!(
            "{},@note\n{row},\"+1-2, x\"\n{row},-12.5\n",
            business.header()
        );
        let done = business.run(input.as_bytes(), None).unwrap();
        assert_eq!(
            done.column(business.id()),
            [format!("'{formula}"), format!("'{formula}")]
        );
        assert_eq!(done.column("'@note"), ["'+1-2, x", "-12.5"]);
        let again = format!(
            "{},'@note\n'{row},\"'+1-2, x\"\n'{row},-12.5\n",
            business.header()
        );
        assert_eq!(
            business.run(again.as_bytes(), None).unwrap().results,
            done.results
        );

        let name = business.needed_field();
        let header = business.header().replace(name, &format!("={name}"));
        let row = business.with_cell(0, name, "no such value");
        let input = format!("{header}\n{row}\n");
        let done = business.run(input.as_bytes(), None).unwrap();
        let beginning = format!("'={name} must be ");
        assert!(done.rejected()[0].1.starts_with(&beginning), "{done:?}");
    });
}

#[test]
fn an_id_with_a_deceptive_character_is_rejected() {
    everywhere(|business| {
        let id = business.id_of(0);
        let row = business.customer(0).replace(id, "a\u{202e}b");
        let done = business
            .run(format!("{}\n{row}\n", business.header()).as_bytes(), None)
            .unwrap();
        let beginning = format!("{} must be text", business.id());
        assert!(done.rejects.contains(&beginning) && !done.rejects.contains('\u{202e}'));
    });
}

#[test]
fn the_most_common_reasons_are_told() {
    let business = telco();
    let good = business.customer(0);
    let mut lines = vec![good.to_owned(); 5];
    for wrong in ["Weekly", "Daily", "Hourly"] {
        let contract = good
            .split(',')
            .find(|cell| cell.contains("year") || cell.contains("onth-to"));
        lines.push(good.replace(contract.unwrap(), wrong));
    }
    lines.extend([
        "a,b".to_owned(),
        "a,b,c".to_owned(),
        "a\u{7}".to_owned() + &good[1..],
    ]);
    let input = format!("{}\n{}\n", business.header(), lines.join("\n"));
    for shard_bytes in [None, Some(200)] {
        let manifest = business
            .run(input.as_bytes(), shard_bytes)
            .unwrap()
            .manifest;
        let reasons: Vec<String> = manifest
            .reject_reasons
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            reasons,
            [
                "Contract must be one of \"Month-to-month\", \"One year\", \"Two year\" (3)",
                "has more or fewer cells than the header (2)",
                "customerID must be text of at most 64 characters without control or bidirectional characters (1)",
            ]
        );
        let unusable = manifest.judge(50.0).unwrap_err().to_string();
        assert!(
            unusable.starts_with(
                "6 of 11 records were rejected, and 50 % are tolerated: Contract must"
            ),
            "{unusable}"
        );
        assert_eq!(manifest.judge(54.6), Ok(()));
    }
}

#[test]
fn a_file_without_a_scored_customer_is_unusable() {
    everywhere(|business| {
        let empty = business
            .run(business.header().as_bytes(), None)
            .unwrap()
            .manifest;
        assert_eq!(empty.judge(100.0), Err(Unusable::NoCustomers));
        let wrong = business
            .run(format!("{}\na,b\n", business.header()).as_bytes(), None)
            .unwrap()
            .manifest;
        assert!(matches!(
            wrong.judge(100.0),
            Err(Unusable::Rejected {
                rejected: 1,
                records: 1,
                ..
            })
        ));
    });
}

#[test]
fn an_input_has_a_thousand_columns_at_most() {
    everywhere(|business| {
        let wide = |count: usize| {
            format!(
                "{}{}\n",
                business.header(),
                ",x".repeat(count - business.header().split(',').count())
            )
        };
        assert!(business.job(wide(1_000).as_bytes(), None).is_ok());
        let refused = business
            .job(wide(1_001).as_bytes(), None)
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "the input has too many columns: a record may have at most 1000 cells"
        );
        let input = format!("{}\nx{}\n", business.header(), ",".repeat(9_999));
        let detail = format!(
            "has 10000 cells, and the header has {}",
            business.header().split(',').count()
        );
        assert_eq!(
            business.run(input.as_bytes(), None).unwrap().rejected(),
            [(2, detail.clone())]
        );
        let quoted = format!("{}\n\"x\"{}\n", business.header(), ",".repeat(9_999));
        assert_eq!(
            business.run(quoted.as_bytes(), None).unwrap().rejected(),
            [(2, detail)]
        );
    });
}
