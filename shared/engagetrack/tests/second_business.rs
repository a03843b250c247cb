//! The accounts in `examples/saas`, worded as their schema words them.

#![allow(clippy::unwrap_used)]

use engagetrack::analytics::{self, EmbeddedReadout};
use engagetrack::nudges::Request;
use engagetrack::selection::Selection;
use engagetrack::summary::{Summary, report};
use engagetrack::{Live, View, explanation};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use workspace::compile::{Sources, compile, compile_folder};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/saas")
}

static LIVE: LazyLock<Live> =
    LazyLock::new(|| Live::open(compile_folder(&folder()).unwrap().into_parts()).unwrap());

fn view() -> &'static View<'static> {
    LIVE.view()
}

/// The first customer with this value of a field.
fn with(field: &str, value: &str) -> usize {
    let field = view().schema.find(field).unwrap();
    let code = field
        .values()
        .find(|known| known.name() == value)
        .unwrap()
        .code() as f64;
    let customers = 0..view().customers.len();
    customers
        .clone()
        .find(|customer| view().profile(*customer).code(field.index()) == code)
        .unwrap()
}

/// The first customer of whom a field is not known.
fn without(field: &str) -> usize {
    let field = view().schema.find(field).unwrap().index();
    let customers = 0..view().customers.len();
    customers
        .clone()
        .find(|customer| view().profile(*customer).code(field).is_nan())
        .unwrap()
}

/// What the report has after a label.
fn entry(customer: usize, label: &str) -> String {
    let report = report(view(), customer);
    let line = report
        .lines()
        .find_map(|line| line.trim().strip_prefix(label))
        .map(str::trim);
    line.unwrap_or_else(|| panic!("no {label} in {report}"))
        .to_owned()
}

#[test]
fn reports_have_labels_and_not_the_names_for_machines() {
    assert_eq!(
        entry(with("payment", "sepa"), "Payment"),
        "SEPA direct debit"
    );
    assert_eq!(entry(with("region", "DACH"), "Region"), "German-speaking");
    assert_eq!(
        entry(
            with("onboarding", "coach"),
            "Experiment onboarding programme"
        ),
        "Coach"
    );
    assert_eq!(
        entry(without("onboarding"), "Experiment onboarding programme"),
        "not in the trial"
    );
    let first_year = (0..view().customers.len())
        .find(|customer| Summary::of(view(), *customer).stage == Some("first-year"));
    assert_eq!(entry(first_year.unwrap(), "Lifecycle stage"), "first year");
    let very_high = (0..view().customers.len())
        .find(|customer| Summary::of(view(), *customer).prediction.risk_level.name == "very-high");
    assert_eq!(entry(very_high.unwrap(), "Risk level"), "very high");
}

#[test]
fn missing_values_are_called_as_the_schema_calls_them() {
    let customer = without("nps");
    assert_eq!(entry(customer, "NPS"), "nobody answered");
    let explained = explanation::explain(view(), view().profile(customer).codes());
    let nps = explained
        .contributions
        .iter()
        .find(|one| one.feature == "nps")
        .unwrap();
    assert_eq!(
        (&*nps.words, &*nps.value),
        ("NPS: nobody answered", "nobody answered")
    );
    assert_eq!(bins("nps").last().unwrap(), "Nobody answered");
}

/// The labels of the bins of a distribution.
fn bins(field: &str) -> Vec<String> {
    let analytics = analytics::read(view(), &Selection::default());
    let distribution = analytics
        .distributions
        .iter()
        .find(|one| one.field == field)
        .unwrap();
    distribution
        .bins
        .iter()
        .map(|bin| bin.label.to_owned())
        .collect()
}

#[test]
fn ranges_of_negative_numbers_have_one_minus_each() {
    assert_eq!(bins("nps")[..3], ["-21 or less", "-20 to 0", "1–30"]);
    assert_eq!(
        bins("invoice_delay")[..4],
        ["-7 or less", "-6 to -1", "0", "1–7"]
    );
    assert_eq!(bins("open_balance")[..2], ["under €0", "€0 to under €1"]);
}

#[test]
fn personas_can_be_segments_of_a_readout() {
    let mut files = Sources::PATHS.map(|path| fs::read(folder().join(path)).unwrap());
    let schema = String::from_utf8(files[0].clone()).unwrap();
    let segments = "segments = [\"plan\",";
    assert!(schema.contains(segments));
    files[0] = schema
        .replace(segments, "segments = [\"persona\", \"plan\",")
        .into_bytes();
    let live = Live::open(compile(&Sources::of(&files)).unwrap().into_parts()).unwrap();
    let readout = EmbeddedReadout::of(live.view(), 0, &Selection::default())
        .unwrap()
        .readout;
    let of_personas = || {
        readout
            .segments
            .iter()
            .filter(|segment| segment.dimension == "persona")
    };
    assert_eq!(of_personas().count(), live.view().schema.personas().count());
    let users = of_personas().map(|segment| segment.control.users + segment.treatment.users);
    assert_eq!(
        users.sum::<u64>(),
        readout.readout.control.users + readout.readout.treatment.users
    );
}

#[test]
fn a_trial_with_other_shares_than_halves_is_measured() {
    let readout = EmbeddedReadout::of(view(), 0, &Selection::default()).unwrap();
    assert!(readout.readout.readout.sample_ratio_mismatch.healthy);
    let coached = Request::default().advice(view(), &view().profile(with("onboarding", "coach")));
    let measured = coached
        .nudges
        .iter()
        .find_map(|nudge| nudge.measured.as_ref())
        .unwrap();
    let truth: Value =
        serde_json::from_slice(&fs::read(folder().join("data/truth.json")).unwrap()).unwrap();
    let effect = truth["effect"].as_f64().unwrap();
    assert!(
        measured.interval.0[0] < effect && effect < measured.interval.0[1],
        "{measured:?}"
    );
    assert_eq!(
        readout.comparison,
        "Treatment Coach is offered sessions with a coach; control Self-paced is offered the self-paced course. The effect is against \
        the self-paced course, not against no offer."
    );
}
