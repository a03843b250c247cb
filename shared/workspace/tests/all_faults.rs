//! Files that are broken in several places: every fault of every file is in one answer, and nothing else is.

#![allow(clippy::unwrap_used)]

mod shop;

use proptest::prelude::*;
use proptest::sample::subsequence;
use shop::{card, faults, files};

// The files, by their positions in [`workspace::compile::Sources::PATHS`].
const SCHEMA: usize = 0;
const CUSTOMERS: usize = 1;
const NUDGES: usize = 2;
const MODEL: usize = 3;
const CARD: usize = 4;
const EVALUATION: usize = 5;

/// A break: the file, what is replaced by what, and the fault that it makes.
type Break = (usize, &'static str, &'static str, &'static str);

/// Each is independent of all others.
const BREAKS: [Break; 26] = [
    (
        SCHEMA,
        "format = 1",
        "format = 2",
        "data/schema.toml: schema: `format` must be 1, got 2",
    ),
    (
        SCHEMA,
        "values = [\"DSL\", \"Fiber optic\", \"No\"]",
        "values = [\"DSL\", \"Fiber optic\", \"No\", \"DSL\"]",
        "data/schema.toml: field \"internet_service\": the value \"DSL\" is given twice",
    ),
    (
        SCHEMA,
        "name = \"payment_delay\"\nkind = \"whole\"",
        "name = \"payment_delay\"\nkind = \"days\"",
        "data/schema.toml: field \"payment_delay\": `kind`: unknown variant `days`, expected one of `flag`, `choice`, `whole`, `number`, `money`",
    ),
    (
        SCHEMA,
        "name = \"streaming_tv\"",
        "name = \"streaming_tv\"\nlabel = 3",
        "data/schema.toml: field \"streaming_tv\": `label`: invalid type: integer `3`, expected a string",
    ),
    (
        SCHEMA,
        "recurring = \"monthly_charges\"",
        "recurring = \"monthly_charge\"",
        "data/schema.toml: roles: `recurring` must name a field of kind money or number; \"monthly_charge\" is no field",
    ),
    (
        SCHEMA,
        "name = \"strained\"\n",
        "name = \"strained\"\ncolour = 1\n",
        "data/schema.toml: persona \"strained\": unknown field `colour`, expected one of `name`, `label`, `description`, `when`, `any`, `all`, `at_least`",
    ),
    (
        SCHEMA,
        "arm = \"variant\"",
        "arm = \"variants\"",
        "data/schema.toml: experiment \"assistant\": `arm` must name a choice, got \"variants\"",
    ),
    (
        CUSTOMERS,
        "Female,1,No",
        "Female,many,No",
        "data/customers.csv: line 3: tenure_months must be a number, got \"many\"",
    ),
    (
        CUSTOMERS,
        "m-1,no",
        "m-2,no",
        "data/customers.csv: the id \"m-2\" is used twice, in lines 2 and 3",
    ),
    (
        CUSTOMERS,
        "1,0,A,25",
        "1,0,C,25",
        "data/customers.csv: line 2: variant must be one of \"A\", \"B\"; got \"C\"",
    ),
    (
        CUSTOMERS,
        "5,20,,40.5",
        "5,20,",
        "data/customers.csv: line 4: has 11 cells, and the header has 12",
    ),
    (
        CUSTOMERS,
        ",contract,",
        ",contracts,",
        "data/customers.csv: contracts may be contract; confirm with read=contracts:contract or read=contracts:other, by --read or under [customers] in data/schema.toml",
    ),
    (
        NUDGES,
        "title = \"Thank you\"",
        "",
        "data/nudges.toml: nudge \"thanks\": missing field `title`",
    ),
    (
        NUDGES,
        "otherwise = true",
        "otherwise = 1",
        "data/nudges.toml: nudge \"thanks\": `otherwise`: invalid type: integer `1`, expected a boolean",
    ),
    (
        NUDGES,
        "tech_support = false,",
        "tech_support = 3,",
        "data/nudges.toml: nudge \"support\": `when`: `tech_support` must be true or false, got 3",
    ),
    (
        NUDGES,
        "category = \"support\"",
        "category = \"sales\"",
        "data/nudges.toml: nudge \"support\": `category` must be one of [\"support\", \"contract\", \"engagement\"], got \"sales\"",
    ),
    (
        NUDGES,
        "\"We help.\"",
        "\"{name}\"",
        "data/nudges.toml: nudge \"support\": `messages`: {name} is not among the `placeholders`",
    ),
    (
        NUDGES,
        "strained = [",
        "angry = [",
        "data/nudges.toml: nudge \"support\": `persona`: \"angry\" is no persona; they are strained, steady",
    ),
    (
        NUDGES,
        "[[nudge]]\nid = \"support\"",
        "[[nudge]]\nid = \"support\"\nexcludes = [\"nobody\"]",
        "data/nudges.toml: nudge \"support\": excludes \"nobody\", which is no nudge",
    ),
    (
        MODEL,
        "\"tenure_months\"",
        "\"tenure\"",
        "models/churn.json: the feature \"tenure\" is no field of the schema",
    ),
    (
        MODEL,
        "\"contract\"",
        "\"support_calls\"",
        "models/churn.json: the feature \"support_calls\" is a field that the schema keeps from the model",
    ),
    (
        CARD,
        "\"base_rate\":0.25",
        "\"base_rate\":25",
        "models/card.json: /base_rate must lie between 0 and 1, got 25",
    ),
    (
        CARD,
        "\"slope\":1.0",
        "\"slope\":\"1\"",
        "models/card.json: /calibration/slope must be a number",
    ),
    (
        CARD,
        "\"intercept\":0.0",
        "\"bias\":0.0",
        "models/card.json: /calibration/intercept must be a number",
    ),
    (
        CARD,
        "\"shop-none\"",
        "7",
        "models/card.json: /version must be 1 to 128 letters, digits, dashes, dots, underscores and plus signs",
    ),
    (
        EVALUATION,
        "{}",
        "{",
        "models/evaluation.json: EOF while parsing an object at line 1 column 1",
    ),
];

fn broken(breaks: &[Break]) -> [String; 6] {
    let mut files = files();
    for (file, from, to, _) in breaks {
        assert!(files[*file].contains(from), "{from} in {}", files[*file]);
        files[*file] = files[*file].replacen(from, to, 1);
    }
    files
}

#[test]
fn sound_files_have_no_fault() {
    assert_eq!(faults(&files()), [""; 0]);
}

proptest! {
    #[test]
    fn every_fault_of_every_file_is_reported_once(breaks in subsequence(BREAKS.to_vec(), 1..=BREAKS.len())) {
        let mut found = faults(&broken(&breaks));
        // Where a record begins depends on the breaks before it.
        for fault in &mut found {
            if let (Some(start), Some(end)) = (fault.find(", byte: "), fault.find("): found record")) {
                fault.replace_range(start..end, ", byte: 307");
            }
        }
        // The sum is of those before it.
        found.retain(|fault| !fault.contains(" of 3 rows can't be read; ") && !fault.ends_with(": no row can be read"));
        let mut wanted: Vec<String> = breaks.iter().map(|(.., fault)| (*fault).to_owned()).collect();
        found.sort();
        wanted.sort();
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn a_schema_that_is_no_toml_hides_nothing_of_other_files() {
    let mut files = broken(&[]);
    files[SCHEMA] = "format = = 1".to_owned();
    files[CUSTOMERS].push_str("m-4,no\n");
    files[NUDGES] = files[NUDGES].replace("title = \"Thank you\"", "");
    files[MODEL] = "{".to_owned();
    files[CARD] = card().to_string().replace("0.25", "2.5");
    let found = faults(&files);
    let begin: Vec<&str> = found
        .iter()
        .map(|fault| fault.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        begin,
        [
            "data/schema.toml:",
            "data/nudges.toml:",
            "models/churn.json:",
            "models/card.json:",
            "data/customers.csv:"
        ],
        "{found:#?}"
    );
}
