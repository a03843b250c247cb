//! What is wrong with the nudges is told in words, all of it at once.

#![allow(clippy::unwrap_used)]

mod shop;

use shop::{CATEGORIES, SUPPORT, THANKS, nudge_faults};

/// A sound catalogue of which one part is replaced.
fn catalogue(from: &str, to: &str) -> String {
    assert!(SUPPORT.contains(from), "{from}");
    format!("{CATEGORIES}{}{THANKS}", SUPPORT.replace(from, to))
}

#[test]
fn a_sound_catalogue_has_no_fault() {
    assert_eq!(nudge_faults(&catalogue("", "")), [""; 0]);
}

#[test]
fn faults_of_an_entry_are_told_with_its_id_and_alone() {
    let cases = [
        (
            "title =",
            "colour = 1\ntitle =",
            "nudge \"support\": unknown field `colour`",
        ),
        (
            "category = \"support\"",
            "category = \"sales\"",
            "nudge \"support\": `category` must be one of [\"support\", \"contract\", \"engagement\"], got \"sales\"",
        ),
        (
            "title = \"Enable tech support\"",
            "",
            "nudge \"support\": missing field `title`",
        ),
        (
            "title = \"Enable tech support\"",
            "title = \" \"",
            "nudge \"support\": `title` is empty",
        ),
        (
            "title = \"Enable tech support\"",
            "title = 3",
            "nudge \"support\": `title`: invalid type: integer `3`, expected a string",
        ),
        (
            "id = \"support\"",
            "id = \"Support\"",
            "nudge \"Support\": `id` must be of lower-case letters, digits and dashes",
        ),
        ("id = \"support\"", "", "nudge number 1: missing field `id`"),
        (
            "id = \"support\"",
            "id = \"thanks\"",
            "nudge \"thanks\": the id is used twice",
        ),
        (
            "tech_support = false,",
            "tech_support = false, gender = \"Male\",",
            "nudge \"support\": `when`: `gender` says who a customer is; that decides nothing that is done",
        ),
        (
            "support_calls = {",
            "probability = 1, support_calls = {",
            "nudge \"support\": `when`: unknown field `probability`; the fields are gender, tenure_months, internet_service, \
            tech_support, streaming_tv, contract, support_calls, payment_delay, variant, monthly_charges",
        ),
        (
            "tech_support = false",
            "tech_support = 3",
            "nudge \"support\": `when`: `tech_support` must be true or false, got 3",
        ),
        (
            "tech_support = false",
            "tech_support = false, contract = []",
            "nudge \"support\": `when`: `contract` can never hold: the list is empty",
        ),
        (
            "tech_support = false",
            "tech_support = false, contract = \"Weekly\"",
            "nudge \"support\": `when`: `contract` must be one of [\"Month-to-month\", \"One year\", \"Two year\"], got \"Weekly\"",
        ),
        (
            "above = 3",
            "over = 3",
            "nudge \"support\": `when`: `support_calls` must be like { above = 3 }, with above, at_least, below or at_most, got `over`",
        ),
        (
            "{ above = 3 }",
            "3",
            "nudge \"support\": `when`: `support_calls` must be like { above = 3 }, with above, at_least, below or at_most, got 3",
        ),
        (
            "{ above = 3 }",
            "{}",
            "nudge \"support\": `when`: `support_calls` must be like { above = 3 }, with above, at_least, below or at_most, got nothing",
        ),
        (
            "above = 3",
            "above = \"3\"",
            "nudge \"support\": `when`: `support_calls` above must be a number, got \"3\"",
        ),
        (
            "above = 3",
            "above = 3, below = 2",
            "nudge \"support\": `when`: `support_calls` can never hold: its bounds leave nothing",
        ),
        (
            "above = 3",
            "above = 5000",
            "nudge \"support\": `when`: `support_calls` above must be between 0 and 1000, got 5000",
        ),
        (
            "tech_support = false",
            "tech_support = false, internet_service = \"No\"",
            "nudge \"support\": `when`: `tech_support` can never hold without what it needs of internet_service",
        ),
        (
            "when = { tech_support = false, support_calls = { above = 3 } }",
            "when = 3",
            "nudge \"support\": `when`: invalid type: integer `3`, expected a map",
        ),
        (
            "change = { tech_support = true }",
            "change = { tech_support = false }",
            "nudge \"support\": `change`: `tech_support` may be false already; say in `when` what it has to be",
        ),
        (
            "change = { tech_support = true }",
            "change = { tech_support = true, streaming_tv = true }",
            "nudge \"support\": `change`: `streaming_tv` may be true already; say in `when` what it has to be",
        ),
        (
            "change = { tech_support = true }",
            "change = { tech_support = true, tenure_months = 70 }",
            "nudge \"support\": `change`: `tenure_months` is impossible: no customer can change it",
        ),
        (
            "change = { tech_support = true }",
            "change = { internet_service = \"DSL\" }",
            "nudge \"support\": `change`: `internet_service` is impossible: no customer can change it",
        ),
        (
            "change = { tech_support = true }",
            "change = { gender = \"Male\" }",
            "nudge \"support\": `change`: `gender` says who a customer is; that decides nothing that is done",
        ),
        (
            "change = { tech_support = true }",
            "change = { contract = \"Weekly\" }",
            "nudge \"support\": `change`: `contract` must be one of [\"Month-to-month\", \"One year\", \"Two year\"], got \"Weekly\"",
        ),
        (
            "change = { tech_support = true }",
            "change = { nothing = true }",
            "nudge \"support\": `change`: unknown field `nothing`; the fields are gender, tenure_months, internet_service, \
            tech_support, streaming_tv, contract, support_calls, payment_delay, variant, monthly_charges",
        ),
        (
            "change = { tech_support = true }",
            "",
            "nudge \"support\": placeholder \"price\": `price_difference` needs a `change` that has a price",
        ),
        (
            "calls = \"support_calls\"",
            "calls = \"new_monthly_charge\"",
            "nudge \"support\": placeholder \"calls\": unknown field `new_monthly_charge`; the fields are gender, tenure_months, \
            internet_service, tech_support, streaming_tv, contract, support_calls, payment_delay, variant, monthly_charges",
        ),
        (
            "calls = \"support_calls\"",
            "calls = \"gender\"",
            "nudge \"support\": placeholder \"calls\": `gender` says who a customer is; that decides nothing that is done",
        ),
        (
            "\"support_calls\"",
            "\"payment_delay\"",
            "nudge \"support\": placeholder \"calls\": `payment_delay` is not known of every customer; `when` must ask for it",
        ),
        (
            "\"{calls} calls.\"",
            "\"Many calls.\"",
            "nudge \"support\": placeholder \"calls\" is not used in any text",
        ),
        (
            "\"We help.\"",
            "\"{name}, we help.\"",
            "nudge \"support\": `messages`: {name} is not among the `placeholders`",
        ),
        (
            "\"We help.\"",
            "\"We } help.\"",
            "nudge \"support\": `messages`: a brace is not closed or not opened in \"We } help.\"",
        ),
        (
            "\"We help.\"",
            "\"\"",
            "nudge \"support\": `messages`: a text is empty",
        ),
        (
            ", \"We help.\"",
            "",
            "nudge \"support\": `messages` must hold 2 wordings or more",
        ),
        (
            "reasons = [\"{calls} calls.\"]",
            "",
            "nudge \"support\": missing field `reasons`",
        ),
        (
            "[\"We are sorry.\"]",
            "[\"{calls\"]",
            "nudge \"support\": `persona`: a brace is not closed or not opened in \"{calls\"",
        ),
        (
            "strained",
            "angry",
            "nudge \"support\": `persona`: \"angry\" is no persona; they are strained, steady",
        ),
        (
            "title =",
            "excludes = [\"nobody\"]\ntitle =",
            "nudge \"support\": excludes \"nobody\", which is no nudge",
        ),
        (
            "title =",
            "excludes = [\"support\"]\ntitle =",
            "nudge \"support\": excludes itself",
        ),
        (
            "title =",
            "experiment = { arm = \"B\", offer = \"help\" }\ntitle =",
            "nudge \"support\": `experiment`: `when` must say variant = \"B\", the arm that gets the offer",
        ),
        (
            "title =",
            "experiment = { arm = \"C\", offer = \"help\" }\ntitle =",
            "nudge \"support\": `experiment`: `arm` must be one of [\"A\", \"B\"], got \"C\"",
        ),
        (
            "title =",
            "experiment = { name = \"other\", arm = \"B\", offer = \"help\" }\ntitle =",
            "nudge \"support\": `experiment`: the schema has no such experiment",
        ),
        (
            "title =",
            "variant = { C = [\"Hello.\"] }\ntitle =",
            "nudge \"support\": `variant`: \"C\" is no arm",
        ),
        (
            "title =",
            "variant = { B = 3 }\ntitle =",
            "nudge \"support\": `variant`: invalid type: integer `3`, expected a sequence, in `B`",
        ),
    ];
    for (from, to, wanted) in cases {
        let found = nudge_faults(&catalogue(from, to));
        assert_eq!(found, [wanted], "{to}");
    }
}

#[test]
fn an_entry_for_all_others_has_no_condition_and_an_offer_is_not_blank() {
    let found = nudge_faults(&catalogue("title =", "otherwise = true\ntitle ="));
    assert_eq!(
        found,
        [
            "nudge \"support\": `otherwise` means where no other nudge applies, so `when`, `change` and `excludes` can't go with it",
            "`otherwise = true` must be in exactly one nudge; it is in [\"support\", \"thanks\"]",
        ]
    );
    let when = "when = { tech_support = false,";
    let offered = format!(
        "experiment = {{ arm = \"B\", offer = \" \" }}\n{}",
        when.replace("{ ", "{ variant = \"B\", ")
    );
    assert_eq!(
        nudge_faults(&catalogue(when, &offered)),
        ["nudge \"support\": `experiment`: `offer` is empty"]
    );
    let bare = catalogue(
        "when = { tech_support = false, support_calls = { above = 3 } }",
        "",
    );
    let found = nudge_faults(&bare);
    assert!(
        found.contains(&"nudge \"support\": `when` is missing".to_owned()),
        "{found:?}"
    );
}

#[test]
fn an_arm_of_an_experiment_has_one_offer() {
    let offer = |id: &str| {
        format!(
            "[[nudge]]\nid = \"{id}\"\ncategory = \"support\"\ntitle = \"Help\"\nwhen = {{ variant = \"B\" }}\n\
            experiment = {{ arm = \"B\", offer = \"help\" }}\nreasons = [\"a\"]\nmessages = [\"a\", \"b\"]\n"
        )
    };
    assert_eq!(nudge_faults(&format!("{}{THANKS}", offer("one"))), [""; 0]);
    assert_eq!(
        nudge_faults(&format!("{}{}{THANKS}", offer("one"), offer("other"))),
        ["`experiment` names arm B in more than one nudge; an arm has one offer"]
    );
}

#[test]
fn a_value_only_moves_down_its_list_where_the_schema_says_so() {
    let change = |when: &str, to: &str| {
        nudge_faults(&format!(
            "[[nudge]]\nid = \"longer\"\ncategory = \"contract\"\ntitle = \"Longer\"\nwhen = {{ contract = {when} }}\n\
            change = {{ contract = \"{to}\" }}\nreasons = [\"a\"]\nmessages = [\"a\", \"b\"]\n{THANKS}"
        ))
    };
    assert_eq!(
        change("[\"Month-to-month\", \"One year\"]", "Two year"),
        [""; 0]
    );
    assert_eq!(
        change("\"Two year\"", "One year"),
        [
            "nudge \"longer\": `change`: `contract` is impossible: it only moves down the list of its values, and `when` admits \"Two year\""
        ]
    );
}

#[test]
fn a_change_has_what_it_needs() {
    let change = |when: &str| {
        nudge_faults(&catalogue(
            "when = { tech_support = false, support_calls = { above = 3 } }\nchange = { tech_support = true }",
            &format!(
                "when = {{ {when}, support_calls = {{ above = 3 }} }}\nchange = {{ tech_support = true }}"
            ),
        ))
    };
    assert_eq!(change("tech_support = false"), [""; 0]);
    let mut files = shop::files();
    // Where a flag is only false without what it needs, a condition on it makes sure of nothing.
    files[0] = files[0].replace("without = { spelled = \"No internet service\" }\n", "");
    files[1] = files[1].replace("No internet service", "No");
    assert_eq!(
        shop::faults(&files),
        [
            "data/nudges.toml: nudge \"support\": `change`: `tech_support` needs something of internet_service, which `when` must make sure"
        ]
    );
}

#[test]
fn files_that_are_no_catalogue_are_refused() {
    for (text, wanted) in [
        ("", "there is no [[nudge]]"),
        ("nudge = []", "there is no [[nudge]]"),
        ("nudge = 3", "`nudge` must be a list of [[nudge]]"),
    ] {
        assert_eq!(nudge_faults(text), [wanted]);
    }
    assert_eq!(
        nudge_faults(&THANKS.replace("otherwise = true", "when = { contract = \"One year\" }")),
        ["`otherwise = true` must be in exactly one nudge; it is in []"]
    );
    assert_eq!(
        nudge_faults(&format!("colours = 3\n{THANKS}")),
        ["`colours`: unknown; the file is `categories` and a list of [[nudge]]"]
    );
    assert_eq!(
        nudge_faults(&format!("categories = 3\n{THANKS}")),
        ["`categories`: invalid type: integer `3`, expected a sequence"]
    );
    let found = nudge_faults(&catalogue("title =", "title"));
    assert!(
        found[0].starts_with("TOML parse error at line "),
        "{found:?}"
    );
}

#[test]
fn limits_hold_to_the_last_nudge() {
    let nudges = |count: usize| -> String {
        let more: String = (1..count)
            .map(|index| {
                SUPPORT.replace("\"support\"\ncategory", &format!("\"n{index}\"\ncategory"))
            })
            .collect();
        more + THANKS
    };
    assert_eq!(nudge_faults(&nudges(64)), [""; 0]);
    assert_eq!(
        nudge_faults(&nudges(65)),
        ["there are 65 nudges; there may be 64"]
    );
}

#[test]
fn costs_and_measured_effects_are_checked() {
    let measured = |inner: &str| format!("measured = {{ {inner} }}\ntitle =");
    let sound = "effect = -0.05, interval = [-0.08, -0.02], customers = 900, campaign = \"spring\"";
    for with in ["", ", log_odds = -0.4", ", log_odds = 0"] {
        let text = catalogue("title =", &measured(&format!("{sound}{with}")));
        assert_eq!(nudge_faults(&text), [""; 0], "{with}");
    }
    let text = catalogue(
        "title =",
        "cost = 4\nmeasured = { effect = 0, interval = [-1, 1], customers = 1, campaign = \"a\" }\ntitle =",
    );
    assert_eq!(nudge_faults(&text), [""; 0]);
    let cases = [
        (
            "cost = -1",
            "`cost` must be between 0 and 1000000000, got -1",
        ),
        (
            "cost = nan",
            "`cost` must be between 0 and 1000000000, got NaN",
        ),
        (
            "cost = inf",
            "`cost` must be between 0 and 1000000000, got inf",
        ),
        (
            "cost = \"4\"",
            "`cost`: invalid type: string \"4\", expected f64",
        ),
        (
            "measured = { effect = 2, interval = [2, 2], customers = 9, campaign = \"a\" }",
            "`measured`: `effect` is a difference of churn rates, between -1 and 1, got 2",
        ),
        (
            "measured = { effect = -0.1, interval = [-0.05, 0], customers = 9, campaign = \"a\" }",
            "`measured`: `interval` must hold `effect` (-0.1) and lie between -1 and 1, got [-0.05, 0]",
        ),
        (
            "measured = { effect = nan, interval = [-0.05, 0], customers = 9, campaign = \"a\" }",
            "`measured`: `effect` is a difference of churn rates, between -1 and 1, got NaN",
        ),
        (
            "measured = { effect = -0.1, interval = [-0.2, 0], customers = 0, campaign = \"a\" }",
            "`measured`: `customers` must be 1 or more, got 0",
        ),
        (
            "measured = { effect = -0.1, interval = [-0.2, 0], customers = 9, campaign = \" \" }",
            "`measured`: `campaign` is empty",
        ),
        (
            "measured = { effect = -0.1, interval = [-0.2, 0], customers = 9, campaign = \"a\", log_odds = 0.3 }",
            "`measured`: `log_odds` must be between -20 and 20 with the sign of `effect`, got 0.3",
        ),
    ];
    for (line, fault) in cases {
        let faults = nudge_faults(&catalogue("title =", &format!("{line}\ntitle =")));
        assert_eq!(faults[0], format!("nudge \"support\": {fault}"), "{line}");
    }
    let missing = nudge_faults(&catalogue("title =", &measured("effect = -0.1")));
    assert!(
        missing[0].contains("`measured`: missing field"),
        "{missing:?}"
    );
    let unknown = nudge_faults(&catalogue(
        "title =",
        &measured(&format!("{sound}, colour = 1")),
    ));
    assert!(unknown[0].contains("unknown field `colour`"), "{unknown:?}");
}
