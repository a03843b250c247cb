//! What is wrong with a schema is told in words, all of it at once.

#![allow(clippy::unwrap_used, missing_docs)]

use schema::Schema;
use std::fmt::Write;

const HEAD: &str =
    "format = 1\nname = \"shop\"\nas_of = 2026-01-31\n[roles]\nid = { name = \"customer_id\" }\n";

fn field(name: &str, rest: &str) -> String {
    format!("[[field]]\nname = {name:?}\nabout = \"plan\"\n{rest}\n")
}

fn faults(text: &str) -> Vec<String> {
    schema::source::compile(text).err().unwrap_or_default()
}

/// The only fault of a schema with these fields.
fn only_fault(fields: &str) -> String {
    let mut faults = faults(&format!("{HEAD}{fields}"));
    assert_eq!(faults.len(), 1, "{faults:?} of {fields}");
    faults.remove(0)
}

#[test]
fn faults_of_one_field_are_told_with_its_name() {
    for (rest, wanted) in [
        ("kind = \"choice\"", "a choice needs `values`"),
        (
            "kind = \"flag\"\nvalues = [\"a\"]",
            "`values` do not go with kind \"flag\"",
        ),
        (
            "kind = \"flag\"\nunit = \"day\"",
            "`unit` does not go with kind \"flag\"",
        ),
        (
            "kind = \"whole\"\nprice = 1.0",
            "`price` does not go with kind \"whole\"",
        ),
        (
            "kind = \"flag\"\nwithout = { spelled = \"None\" }",
            "`without` says what the field is where its `needs` do not hold, and there are none",
        ),
        (
            "kind = \"whole\"\nbins = [3, 3]",
            "`bins` must rise and lie between 0 and 1000000000",
        ),
        (
            "kind = \"whole\"\nmost = 9\nbins = [10]",
            "`bins` must rise and lie between 0 and 9",
        ),
        (
            "kind = \"whole\"\nmost = 1.5",
            "`least` = 0 and `most` = 1.5 are no range of this kind",
        ),
        (
            "kind = \"whole\"\nleast = 5\nmost = 4",
            "`least` = 5 and `most` = 4 are no range of this kind",
        ),
        (
            "kind = \"number\"\nleast = nan",
            "`least` = NaN and `most` = 1000000000000000 are no range of this kind",
        ),
        (
            "kind = \"flag\"\nmost = 4",
            "`least` and `most` go with numbers only",
        ),
        (
            "kind = \"whole\"\nchange = \"any\"",
            "`change` goes with flags and choices only",
        ),
        (
            "kind = \"whole\"\nalarm = { above = 1, below = 3 }",
            "`alarm` must be { above = … } or { below = … }",
        ),
        (
            "kind = \"whole\"\nmost = 9\nalarm = { above = 10 }",
            "`alarm` must lie between 0 and 9, got 10",
        ),
        (
            "kind = \"whole\"\nmost = 9\nalarm = { above = nan }",
            "`alarm` must lie between 0 and 9, got NaN",
        ),
        (
            "kind = \"whole\"\nwords = \"many\"",
            "`words` must contain {value}",
        ),
        (
            "kind = \"flag\"\nwords = \"{value}\"",
            "`words` do not fit kind \"flag\"",
        ),
        (
            "kind = \"flag\"\nlabel = \" \"",
            "`label` is empty; leave it out",
        ),
        (
            "kind = \"whole\"\nunit = \"\"",
            "`unit` is empty; leave it out",
        ),
        (
            "kind = \"choice\"\nvalues = [{ name = \"a\", words = \"\" }]",
            "`words` is empty; leave it out",
        ),
        (
            "kind = \"choice\"\nvalues = [\"a\", \"a\"]",
            "the value \"a\" is given twice",
        ),
        (
            "kind = \"choice\"\nvalues = [\"a\", { name = \"b\", spelled = [\"a\"] }]",
            "the value \"a\" is given twice",
        ),
        (
            "kind = \"choice\"\nvalues = [\"a \"]",
            "the value \"a \" is empty or has blanks at an end",
        ),
        (
            "kind = \"choice\"\nvalues = [{ name = \"a\", other = true }, { name = \"b\", other = true }]",
            "only one value can stand for all others",
        ),
        (
            "kind = \"choice\"\nvalues = [{ name = \"a\", price = inf }]\n",
            "a `price` must be a number",
        ),
        (
            "kind = \"flag\"\ncolumns = [\"a \"]",
            "the name \"a \" is empty or has blanks at an end",
        ),
        (
            "kind = \"flag\"\nneeds = { nothing = true }",
            "`needs`: unknown field `nothing`; the fields are kept",
        ),
        (
            "kind = \"flag\"\nneeds = { kept = 1 }",
            "`needs`: `kept` must be true or false, got 1",
        ),
    ] {
        // A price wants a recurring amount, which is beside the point here.
        let mut found = faults(&format!("{HEAD}{}", field("kept", rest)));
        found.retain(|fault| !fault.starts_with("roles: kept have prices"));
        assert_eq!(found, [format!("field \"kept\": {wanted}")]);
    }
}

#[test]
fn names_that_mean_something_else_are_refused() {
    let flag = "kind = \"flag\"";
    for (name, wanted) in [
        (
            "Kept",
            "`name` must be of lower-case letters, digits and underscores, and begin with a letter",
        ),
        (
            "1st",
            "`name` must be of lower-case letters, digits and underscores, and begin with a letter",
        ),
        ("", "the name \"\" is empty or has blanks at an end"),
        (
            "status",
            "the name is reserved; call it status_field and keep the column under `columns`",
        ),
        (
            "max_points",
            "the name is reserved; call it max_points_field and keep the column under `columns`",
        ),
    ] {
        let found = faults(&format!("{HEAD}{}", field(name, flag)));
        assert!(
            found.contains(&format!("field {name:?}: {wanted}")),
            "{found:?}"
        );
    }
    let twice = field("kept", flag) + &field("kept", flag);
    assert_eq!(
        only_fault(&twice),
        "field \"kept\": the name \"kept\" is used twice"
    );
    let column = field("kept", flag) + &field("lost", "kind = \"flag\"\ncolumns = [\"kept\"]");
    assert_eq!(
        only_fault(&column),
        "field \"lost\": the name \"kept\" is used twice"
    );
}

#[test]
fn a_field_named_like_a_parameter_of_another_is_refused() {
    for (age, name) in [
        ("kind = \"whole\"", "age_min"),
        ("kind = \"whole\"", "age_max"),
        ("kind = \"money\"", "age_below"),
        ("kind = \"whole\"\nfilter = \"years\"", "years_min"),
        ("kind = \"flag\"\nfilter = \"years\"", "years"),
    ] {
        let parameter = field(name, "kind = \"flag\"");
        let wanted = format!(
            "field {name:?}: the name is that of a parameter of \"age\"; call it {name}_field and keep the column under `columns`"
        );
        assert_eq!(only_fault(&(field("age", age) + &parameter)), wanted);
        assert_eq!(
            only_fault(&(parameter.clone() + &field("age", age))),
            wanted
        );
    }
    // Alone it is a name like any other.
    assert_eq!(
        faults(&format!(
            "{HEAD}{}",
            field("age_min", "kind = \"whole\"\nfilter = true")
        )),
        [""; 0]
    );
}

#[test]
fn needs_in_a_circle_are_refused() {
    let one = field("one", "kind = \"flag\"\nneeds = { two = true }");
    let two = field("two", "kind = \"flag\"\nneeds = { one = true }");
    assert_eq!(
        only_fault(&(one + &two)),
        "schema: `needs` go round in a circle: one, two"
    );
    let itself = field("one", "kind = \"flag\"\nneeds = { one = true }");
    assert_eq!(
        only_fault(&itself),
        "schema: `needs` go round in a circle: one"
    );
}

#[test]
fn faults_of_several_entries_are_all_told() {
    let text = HEAD.replace("id =", "tenure = \"lost\"\nid =")
        + "[risk]\nwill_churn = 2.0\nlevels = [{ name = \"low\", from = 0.1 }]\n"
        + &field("kept", "kind = \"choice\"")
        + &field("status", "kind = \"flag\"\nmost = 3");
    assert_eq!(
        faults(&text),
        [
            "field \"kept\": a choice needs `values`",
            "field \"status\": the name is reserved; call it status_field and keep the column under `columns`",
            "field \"status\": `least` and `most` go with numbers only",
            "roles: `tenure` must name a field of kind whole or number; \"lost\" is no field",
            "risk: `will_churn` must lie between 0 and 1",
            "risk: `levels` must begin at 0 (where no `from` is needed) and rise, below 1",
        ]
    );
}

#[test]
fn personas_stages_and_experiments_are_checked() {
    let fields = field("kept", "kind = \"choice\"\nvalues = [\"a\", \"b\"]")
        + "[[field]]\nname = \"old\"\nkind = \"flag\"\nabout = \"person\"\n";
    for (entries, wanted) in [
        (
            "[[persona]]\nname = \"p\"\nwhen = { kept = \"a\" }",
            "persona \"p\": the last one takes everybody who is left, so it must have no condition",
        ),
        (
            "[[stage]]\nname = \"s\"\n[[stage]]\nname = \"t\"",
            "stage \"s\": has no condition, so those after it are never reached",
        ),
        (
            "[[persona]]\nname = \"p\"\nwhen = { old = true }\n[[persona]]\nname = \"q\"",
            "persona \"p\": `when`: `old` says who a customer is; that decides nothing that is done",
        ),
        (
            "[[persona]]\nname = \"p\"\nat_least = { count = 2, of = [{ kept = \"a\" }] }\n[[persona]]\nname = \"q\"",
            "persona \"p\": `at_least` asks for 2 of 1 conditions",
        ),
        (
            "[[experiment]]\nname = \"e\"\narm = \"old\"",
            "experiment \"e\": `arm` must name a choice, got \"old\"",
        ),
        (
            "[[experiment]]\nname = \"e\"\narm = \"kept\"\narms = [\"a\", \"a\"]",
            "experiment \"e\": the arm \"a\" is given twice",
        ),
        (
            "[[experiment]]\nname = \"e\"\narm = \"kept\"\nshares = [0.4, 0.4]",
            "experiment \"e\": `shares` must lie between 0 and 1 and add up to 1",
        ),
        (
            "[[experiment]]\nname = \"e\"\narm = \"kept\"\narms = [\"a\", \"c\"]",
            "experiment \"e\": the arm \"c\" is no value of kept",
        ),
    ] {
        assert_eq!(only_fault(&format!("{fields}{entries}\n")), wanted);
    }
}

#[test]
fn limits_hold_to_the_last_field_value_and_persona() {
    let fields = |count: usize| -> String {
        (0..count)
            .map(|index| field(&format!("f{index}"), "kind = \"flag\""))
            .collect()
    };
    assert_eq!(faults(&format!("{HEAD}{}", fields(512))), [""; 0]);
    assert_eq!(
        only_fault(&fields(513)),
        "schema: there are 513 fields; there may be 512"
    );
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|index| format!("v{index}")).collect();
        field("kept", &format!("kind = \"choice\"\nvalues = {values:?}"))
    };
    let text = format!("{HEAD}{}", values(256));
    let bytes = schema::source::compile(&text).unwrap();
    let kept = Schema::open(&bytes).unwrap().field(0);
    assert_eq!(
        (kept.codes(), kept.value(255.0).map(|value| value.name())),
        (256, Some("v255"))
    );
    assert_eq!(
        only_fault(&values(257)),
        "field \"kept\": there are 257 values; there may be 256"
    );
    let personas = |count: usize| {
        let mut text = field("kept", "kind = \"flag\"");
        for index in 1..count {
            let _ = writeln!(
                text,
                "[[persona]]\nname = \"p{index}\"\nwhen = {{ kept = true }}"
            );
        }
        text + "[[persona]]\nname = \"rest\"\n"
    };
    assert_eq!(faults(&format!("{HEAD}{}", personas(255))), [""; 0]);
    assert_eq!(
        only_fault(&personas(256)),
        "schema: there are 256 entries [[persona]]; there may be 255"
    );
}

#[test]
fn ids_have_1_to_64_characters() {
    let bytes =
        schema::source::compile(&format!("{HEAD}{}", field("kept", "kind = \"flag\""))).unwrap();
    let schema = Schema::open(&bytes).unwrap();
    let sent = |id: &str| {
        let json = serde_json::json!({ "customer_id": id, "kept": true }).to_string();
        schema.submission(&serde_json::from_str(&json).unwrap())
    };
    for id in ["7", "Ä b/ç", &"é".repeat(64)] {
        assert_eq!(sent(id).unwrap().customer_id.as_deref(), Some(id));
    }
    for id in [&*"é".repeat(65), "a\u{202e}b", "a\nb"] {
        let errors = sent(id).unwrap_err();
        assert_eq!(
            (errors.count(), &*errors.listed()[0].pointer),
            (1, "/customer_id")
        );
    }
    assert!(schema::intake::is_id("x") && !schema::intake::is_id(""));
}

#[test]
fn an_id_is_customer_id_in_json_whatever_the_business_calls_it() {
    let head = HEAD.replace(
        "name = \"customer_id\"",
        "name = \"account\", columns = [\"Account no.\"]",
    );
    let text = format!("{head}{}", field("kept", "kind = \"flag\""));
    let bytes = schema::source::compile(&text).unwrap();
    let schema = Schema::open(&bytes).unwrap();
    let sent = |members: &str| {
        let json = format!("{{{members},\"kept\":true}}");
        schema.submission(&serde_json::from_str(&json).unwrap())
    };
    for name in ["customer_id", "account", "Account no."] {
        let read = sent(&format!("{name:?}:\"a-7\"")).unwrap();
        assert_eq!(read.customer_id.as_deref(), Some("a-7"), "{name}");
    }
    let twice = sent("\"account\":\"a-7\",\"customer_id\":\"a-7\"").unwrap_err();
    assert_eq!(
        twice.listed()[0].detail,
        "is given twice, as account and as customer_id"
    );
    let unknown = sent("\"colour\":1").unwrap_err();
    assert_eq!(
        unknown.listed()[0].detail,
        "is unknown; the fields are customer_id, kept"
    );
    // A file may have another column of that name, which is none of a profile's.
    let header = ["account", "customer_id", "kept"].map(str::as_bytes);
    let columns = schema::intake::Columns::from_header(&schema, header).unwrap();
    assert_eq!(columns.id_column(), Some(0));
    assert_eq!(columns.others().collect::<Vec<_>>(), [1]);
}

#[test]
fn nothing_but_the_id_is_called_customer_id() {
    let wanted = "the name \"customer_id\" is that of the customer's id in JSON; choose another";
    let flag = "kind = \"flag\"";
    assert_eq!(
        only_fault(&field("customer_id", flag)),
        format!("field \"customer_id\": {wanted}")
    );
    let column = format!("{flag}\ncolumns = [\"customer_id\"]");
    assert_eq!(
        only_fault(&field("parent", &column)),
        format!("field \"parent\": {wanted}")
    );
}

#[test]
fn faults_of_the_whole_are_told_with_their_table() {
    let flag = field("kept", "kind = \"flag\"");
    for (from, to, wanted) in [
        (
            "format = 1",
            "format = 2",
            "schema: `format` must be 1, got 2",
        ),
        ("format = 1\n", "", "schema: missing field `format`"),
        (
            "format = 1",
            "format = \"1\"",
            "schema: `format`: invalid type: string \"1\", expected i64",
        ),
        (
            "name = \"shop\"",
            "name = \"My shop\"",
            "schema: `name` must be of lower-case letters, digits and dashes",
        ),
        (
            "name = \"shop\"",
            "name = \"shop\"\ncurrency = \"usd\"",
            "schema: `currency` must be a code of ISO 4217, such as USD",
        ),
        (
            "name = \"shop\"",
            "name = \"shop\"\ncurrency = \"EURO\"",
            "schema: `currency` must be a code of ISO 4217, such as USD",
        ),
        (
            "2026-01-31",
            "2026-01-31T12:00:00",
            "schema: `as_of` must be a date, such as 2026-11-22",
        ),
        (
            "2026-01-31",
            "12:00:00",
            "schema: `as_of` must be a date, such as 2026-11-22",
        ),
        ("as_of = 2026-01-31\n", "", "schema: missing field `as_of`"),
        (
            "name = \"shop\"",
            "name = \"shop\"\nlist = [\"kept\", \"lost\"]",
            "schema: `list`: \"lost\" is no field",
        ),
        (
            "name = \"shop\"",
            "name = \"shop\"\ndistributions = [\"risk_level\", \"kept\"]",
            "schema: `distributions`: \"kept\" is no field with a filter and values or bins, nor persona, stage or risk_level",
        ),
        (
            "name = \"shop\"",
            "name = \"shop\"\ndistributions = [\"persona\"]",
            "schema: `distributions`: \"persona\" is no field with a filter and values or bins, nor persona, stage or risk_level",
        ),
        (
            "[roles]\nid = { name = \"customer_id\" }\n",
            "",
            "[roles] is missing",
        ),
        (
            "id = { name = \"customer_id\" }",
            "",
            "roles: missing field `id`",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = 3",
            "roles.id: must be a table, got 3",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = { name = \"a \" }",
            "roles.id: the name \"a \" is empty or has blanks at an end",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\noutcome = { columns = [\"Left\"] }",
            "roles.outcome: missing field `name`",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\noutcome = { name = \"kept\" }",
            "roles.outcome: the name \"kept\" is used twice",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\ntenure = \"kept\"",
            "roles: `tenure` must name a field of kind whole or number; \"kept\" is of another kind",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\n[risk]\nlevels = []",
            "risk: there must be 1 to 16 `levels`",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\n[risk]\nlevels = [{ name = \"Low\" }]",
            "risk: the level \"Low\" must be of lower-case letters, digits and dashes",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\n[risk]\nlevels = [{ name = \"low\" }, { from = 0.5 }]",
            "risk: `levels[1]`: missing field `name`",
        ),
        (
            "id = { name = \"customer_id\" }",
            "id = {}\n[risk]\nlevels = [{ name = \"low\" }, { name = \"high\", from = 0.0 }]",
            "risk: `levels` must begin at 0 (where no `from` is needed) and rise, below 1",
        ),
    ] {
        assert!(HEAD.contains(from));
        let found = faults(&format!("{}{flag}", HEAD.replace(from, to)));
        assert_eq!(found, [wanted], "{to}");
    }
    assert_eq!(faults(HEAD), ["there is no [[field]]"]);
    let other = HEAD.replace("[roles]", "persona = 3\n[roles]");
    assert_eq!(
        faults(&format!("{other}{flag}")),
        ["`persona` must be a list of [[persona]]"]
    );
}

#[test]
fn a_lifetime_amount_moves_with_two_roles() {
    let fields = field("paid", "kind = \"money\"")
        + &field("total", "kind = \"money\"")
        + &field("months", "kind = \"whole\"").replace("\"months\"", "\"age\"");
    let with = |roles: &str| faults(&format!("{HEAD}{roles}\n{fields}"));
    let wanted = "roles: `lifetime` moves with `recurring` times `tenure`, so it needs both";
    assert_eq!(with("lifetime = \"total\""), [wanted]);
    assert_eq!(with("lifetime = \"total\"\nrecurring = \"paid\""), [wanted]);
    assert_eq!(with("lifetime = \"total\"\ntenure = \"age\""), [wanted]);
    assert_eq!(
        with("lifetime = \"total\"\nrecurring = \"paid\"\ntenure = \"age\""),
        [""; 0]
    );
    // A price moves the recurring amount.
    let priced = field("kept", "kind = \"flag\"\nprice = 3");
    assert_eq!(
        faults(&format!("{HEAD}{priced}")),
        ["roles: kept have prices, and `recurring` names no field that they move"]
    );
}

#[test]
fn bins_and_segments_have_their_limits() {
    let bins = |count: usize| {
        let bins: Vec<usize> = (0..count).collect();
        field("kept", &format!("kind = \"whole\"\nbins = {bins:?}"))
    };
    assert_eq!(faults(&format!("{HEAD}{}", bins(254))), [""; 0]);
    assert_eq!(
        only_fault(&bins(255)),
        "field \"kept\": there are 255 bins; there may be 254"
    );
    let segments = |segments: &str| {
        faults(&format!(
            "{HEAD}{}{}[[experiment]]\nname = \"e\"\narm = \"kept\"\nsegments = [{segments}]\n",
            field(
                "kept",
                "kind = \"choice\"\nvalues = [\"a\", \"b\"]\nfilter = true"
            ),
            field("count", "kind = \"whole\"\nfilter = true"),
        ))
    };
    assert_eq!(
        segments("\"kept\", \"persona\", \"stage\", \"risk_level\""),
        [""; 0]
    );
    for name in ["count", "lost"] {
        assert_eq!(
            segments(&format!("{name:?}")),
            [format!(
                "experiment \"e\": the segment {name:?} is no flag or choice with a filter"
            )]
        );
    }
}

#[test]
fn entries_that_refer_to_a_faulty_one_are_not_refused_for_it() {
    let broken = field("kept", "kind = \"choice\"\nneeds = { other = true }");
    let others = field("other", "kind = \"flag\"")
        + &field(
            "third",
            "kind = \"flag\"\nneeds = { kept = \"a\", other = 1 }",
        );
    let rules = "[[persona]]\nname = \"p\"\nany = [{ kept = \"a\" }, { other = 3 }]\n[[persona]]\nname = \"q\"\n\
        [[experiment]]\nname = \"e\"\narm = \"kept\"\narms = [\"a\", \"b\"]\n";
    assert_eq!(
        faults(&format!("{HEAD}{broken}{others}{rules}")),
        [
            "field \"kept\": a choice needs `values`",
            "field \"third\": `needs`: `other` must be true or false, got 1",
            "persona \"p\": `any`: `other` must be true or false, got 3",
        ]
    );
}

#[test]
fn each_line_that_is_no_toml_is_told() {
    let found = faults("format = = 1\nname = \"shop\"\nas_of =\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("TOML parse error at line 1,"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("TOML parse error at line 3,"),
        "{found:?}"
    );
}
