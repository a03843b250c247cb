//! Files about customers who are known already.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use reader::{Confirmed, Member, Members, MembersError};
use schema::Schema;

const CLUB: &str = r#"
format = 1
name = "club"
currency = "EUR"
as_of = 2026-01-31
[roles]
id = { name = "member", columns = ["Member no."] }
outcome = { name = "gone", columns = ["State"], left = ["cancelled"], stayed = ["kept"] }
[[field]]
name = "visits"
kind = "whole"
about = "behaviour"
"#;

type Faults = Vec<(String, String)>;

fn with_schema<T>(read: impl Fn(&Schema<'_>) -> T) -> T {
    let bytes = schema::source::compile(CLUB).unwrap_or_else(|faults| panic!("{faults:?}"));
    read(&Schema::open(&bytes).unwrap())
}

fn faults(error: MembersError) -> Faults {
    match error {
        MembersError::Table(error) => vec![(String::new(), error.to_string())],
        MembersError::Invalid(errors) => errors
            .listed()
            .iter()
            .map(|error| (error.pointer.clone(), error.detail.clone()))
            .collect(),
    }
}

fn outcomes_with(text: &str, read: &str) -> Result<Members, Faults> {
    let confirmed = Confirmed::parse(read).unwrap();
    with_schema(|schema| Members::outcomes(schema, text.as_bytes(), &confirmed).map_err(faults))
}

fn outcomes(text: &str) -> Result<Members, Faults> {
    outcomes_with(text, "")
}

fn ids(text: &str) -> Result<(Vec<String>, Vec<String>), Faults> {
    let confirmed = Confirmed::default();
    let is_customer = |id: &str| id.starts_with("M-");
    let read = with_schema(|schema| {
        Members::ids(schema, text.as_bytes(), &confirmed, &is_customer).map_err(faults)
    })?;
    let ids = read.members.into_iter().map(|member| member.id).collect();
    let evidence = read.evidence.iter().map(ToString::to_string).collect();
    Ok((ids, evidence))
}

fn lefts(text: &str) -> Vec<Option<bool>> {
    let members = outcomes(text).unwrap().members.into_iter();
    members.map(|member| member.left).collect()
}

#[test]
fn outcomes_are_read_in_every_spelling() {
    for (cells, left) in [
        (
            &["yes", "TRUE", "1", "ja", "cancelled", "Cancelled"][..],
            Some(true),
        ),
        (&["no", "False", "0", "nein", "kept", " KEPT "], Some(false)),
        (&["", "NA", "n/a", "unknown"], None),
    ] {
        for cell in cells {
            assert_eq!(
                lefts(&format!("member,left\nM-1,{cell}\n")),
                [left],
                "{cell}"
            );
        }
    }
    let wrong = outcomes("member,left\nM-1,yes\nM-2,perhaps\n").unwrap_err();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].0, "/1/left");
    assert!(wrong[0].1.contains("perhaps"), "{wrong:?}");
}

#[test]
fn columns_are_found_by_the_names_that_people_give_them() {
    for header in [
        "member,left",
        "Member no.,Left",
        "customer_id,LEFT",
        "MEMBER,gone",
        "Member No,State",
    ] {
        assert_eq!(
            lefts(&format!("{header}\nM-1,yes\n")),
            [Some(true)],
            "{header}"
        );
    }
    // A column of this very name is meant before the outcome of the business.
    assert_eq!(lefts("member,gone,left\nM-1,kept,yes\n"), [Some(true)]);
    assert_eq!(lefts("member;left\nM-1;no\n"), [Some(false)]);
    let lacking = outcomes("name,when\nM-1,2026\n").unwrap_err();
    let pointers: Vec<&str> = lacking
        .iter()
        .map(|(pointer, _)| pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/member", "/left"]);
    let confirmed = outcomes_with("name,end\nM-1,yes\n", "name:member,end:left").unwrap();
    assert_eq!(
        (confirmed.members[0].id.as_str(), confirmed.members[0].left),
        ("M-1", Some(true))
    );
}

#[test]
fn what_a_list_of_nudges_says_is_read_with_the_outcomes() {
    let read = outcomes(
        "member,arm,probability,nudge,left,contacted,cost\nM-1,treat,0.25,call,no,x,2.5\nM-2,hold-out,,,yes,,\nM-3,treat,0.5,call,,No,\n",
    );
    let read = read.unwrap();
    assert!(read.says_contacted);
    let member = |id: &str, left, contacted, nudge: Option<&str>, probability| Member {
        id: id.to_owned(),
        left,
        contacted,
        arm: Some(if nudge.is_some() { "treat" } else { "hold-out" }.to_owned()),
        nudge: nudge.map(str::to_owned),
        probability,
        cost: Some(2.5).filter(|_| left == Some(false)),
    };
    assert_eq!(
        read.members,
        [
            member("M-1", Some(false), true, Some("call"), Some(0.25)),
            member("M-2", Some(true), false, None, None),
            member("M-3", None, false, Some("call"), Some(0.5)),
        ]
    );
    assert!(!outcomes("member,left\nM-1,no\n").unwrap().says_contacted);
}

#[test]
fn every_fault_is_told_with_its_row() {
    let wrong = "member,probability,left,contacted,cost\n,0.5,no,,\nM-2,1.5,gone?,often,-1\nM-3,0.5,no,yes,0\nM-4,0.5,no,yes,5,6\n";
    let faults = outcomes(wrong).unwrap_err();
    let pointers: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/0/member",
            "/1/left",
            "/1/contacted",
            "/1/probability",
            "/1/cost",
            "/3"
        ]
    );
    // What sums up the others is no customer.
    let read = outcomes("member,left,contacted\nM-1,no,yes\nTotal,,\n").unwrap();
    assert_eq!(read.members.len(), 1);
    assert_eq!(
        read.evidence.last().unwrap().to_string(),
        "a row that is a total of the others and is no customer: 1"
    );
}

#[test]
fn spellings_that_are_not_the_schemas_are_evidence() {
    let read = outcomes("member,left\nM-1,Cancelled\nM-2,Cancelled\nM-3,kept\n").unwrap();
    let evidence: Vec<String> = read.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(evidence, ["left: 'Cancelled' is left: 2"]);
}

#[test]
fn ids_are_read_from_their_column_or_from_the_only_one() {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let two = owned(&["M-1", "M-2"]);
    assert_eq!(ids("member\nM-1\nM-2\n"), Ok((two.clone(), vec![])));
    assert_eq!(
        ids("plan,Member no.\na,M-1\nb,M-2\n"),
        Ok((two.clone(), vec![]))
    );
    let evidence = owned(&["Who: is member: 1"]);
    assert_eq!(ids("Who\nM-1\nM-2\n"), Ok((two.clone(), evidence)));
    let evidence = owned(&["M-1: the first line is an id and no header: 1"]);
    assert_eq!(ids("M-1\nM-2\n"), Ok((two, evidence)));
    assert_eq!(
        ids("plan,when\na,b\n"),
        Err(vec![(
            "/member".to_owned(),
            "is a column that the header lacks".to_owned()
        )])
    );
}
