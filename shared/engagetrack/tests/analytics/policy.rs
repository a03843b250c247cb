//! Whom to treat, by the experiment of the shipped customers, whose effect is known.

use crate::view;
use engagetrack::analytics::{Policy, PolicyRequest};
use engagetrack::query::Query;
use experiment::{PolicyDecision, Rung};
use schema::FieldErrors;
use serde_json::Value;

fn request(text: &str) -> Result<PolicyRequest, FieldErrors> {
    let query = Query::parse(text).unwrap();
    query.read(|query| PolicyRequest::from_query(view(), query))
}

fn read(text: &str) -> Policy<'static> {
    request(text).unwrap().read(view()).unwrap()
}

/// The figures were computed in Python, with statsmodels' logistic regression of the outcome on the arm and the log-odds of the
/// churn score in each of the five folds.
#[test]
fn effect_and_qini_are_those_of_the_same_computation_in_python() {
    let policy = read("");
    assert_eq!(policy.customers, view().customers.len());
    let evaluation = policy.readout.evaluation.unwrap();
    let close = |actual: f64, expected: f64, digit: f64| {
        assert!(
            (actual - expected).abs() <= digit / 2.0,
            "{actual} {expected}"
        );
    };
    // In points.
    close(100.0 * evaluation.effect.estimate, 3.39, 0.01);
    close(100.0 * evaluation.effect.standard_error, 0.90, 0.01);
    // In basis points; the truth is 48.
    let qini = evaluation.targeting.churn_score.unwrap().coefficient;
    close(1e4 * qini.estimate, 61.0, 6.0);
    close(1e4 * qini.standard_error, 24.0, 1.0);
}

/// The true effect of everybody's treatment is among what the policy says, and it is one shift of the log-odds.
#[test]
fn the_truth_is_within_the_intervals() {
    let truth: Value = serde_json::from_str(include_str!("../../../../data/truth.json")).unwrap();
    let evaluation = read("").readout.evaluation.unwrap();
    let [low, high] = evaluation.effect.interval.0;
    let effect = -truth["variant_effect"].as_f64().unwrap();
    assert!(low <= effect && effect <= high, "{low} {high}");
    assert!(
        evaluation.rung <= Rung::LogOddsShift,
        "{:?}",
        evaluation.rung
    );
    assert!(
        evaluation
            .targeting
            .effect_by_score
            .log_odds
            .unwrap()
            .p_value
            > 0.05
    );
}

/// One effect for everybody: with whatever it costs, the answer is everybody, nobody, those likeliest to leave, or that the data
/// can't tell, and without a cost it is everybody.
#[test]
fn an_effect_that_is_the_same_for_all_is_for_all() {
    let free = read("");
    assert_eq!(free.readout.decision, PolicyDecision::TreatEverybody);
    let all = free.customers as u64;
    let treated = free.readout.treated.unwrap();
    assert_eq!((treated.policy.customers, treated.policy.cost), (all, 0.0));
    assert!(
        free.reason
            .starts_with("Treat everybody, 7,043 customers: 239 more stay ("),
        "{}",
        free.reason
    );
    let dear = read("cost=100");
    assert_eq!(dear.readout.decision, PolicyDecision::TreatNobody);
    assert_eq!(dear.readout.treated, None);
    let between = read("cost=27");
    assert_eq!(
        between.readout.decision,
        PolicyDecision::CannotTell,
        "{}",
        between.reason
    );
    assert!(
        between.reason.starts_with("The data can't tell: "),
        "{}",
        between.reason
    );
}

#[test]
fn treating_everybody_is_the_mean_effect_less_the_cost() {
    let policy = read("value=500&cost=3");
    let evaluation = policy.readout.evaluation.unwrap();
    let users = policy.customers as f64;
    let expected = users * (500.0 * evaluation.effect.estimate - 3.0);
    let everybody = evaluation.everybody;
    assert!((everybody.value.estimate - expected).abs() < 1e-6 * expected.abs());
    assert!((everybody.cost - 3.0 * users).abs() < 1e-6);
    let last = evaluation.curves.churn_score.points[99];
    assert!((last.value - expected).abs() < 1e-6 * expected.abs());
    let random = evaluation.curves.random.points[99];
    assert!((random.value - expected).abs() < 1e-6 * expected.abs());
}

#[test]
fn months_are_of_the_recurring_amount() {
    let [one, six] = ["months=1", "months=6"].map(|text| {
        let policy = read(text);
        assert_eq!(policy.terms.recurring, Some("monthly_charges"));
        assert_eq!(policy.terms.currency, Some("USD"));
        policy.readout.evaluation.unwrap().everybody.value.estimate
    });
    assert!((six - 6.0 * one).abs() < 1e-6 * six.abs());
    assert_eq!(read(""), read("months=12"));
    let fixed = read("value=10").terms;
    assert_eq!(
        (fixed.months, fixed.recurring, fixed.value),
        (None, None, Some(10.0))
    );
}

#[test]
fn budgets_are_kept() {
    let policy = read("cost=1&budget=700");
    let treated = policy.readout.treated.unwrap();
    assert!(treated.policy.customers <= 700, "{treated:?}");
    assert!(policy.reason.contains("budget"), "{}", policy.reason);
}

#[test]
fn a_policy_is_about_the_selected_customers_of_every_status() {
    let whole = read("");
    for text in [
        "status=active",
        "status=left&experiment=variant&treatment=B",
    ] {
        assert_eq!(read(text), whole, "{text}");
    }
    let some = read("contract=Month-to-month");
    let both = some.readout.control.users + some.readout.treatment.users;
    assert_eq!(some.customers as u64, both);
    assert!(some.customers < whole.customers);
    let nobody = read("contract=Two+year&risk_level=high&tenure_max=1");
    assert_eq!(nobody.customers, 0);
    assert_eq!(nobody.readout.evaluation, None);
    assert!(
        nobody.reason.contains("nobody of the control arm"),
        "{}",
        nobody.reason
    );
    let one_arm = read("variant=B");
    assert!(one_arm.reason.contains("control"), "{}", one_arm.reason);
}

#[test]
fn what_is_wrong_is_told_at_once() {
    for (text, pointers) in [
        ("experiment=other", &["/experiment"][..]),
        ("treatment=A", &["/treatment"]),
        (
            "cost=-1&months=nan&budget=x",
            &["/cost", "/months", "/budget"],
        ),
        ("months=3&value=2", &["/months"]),
        ("cost=20&budget=10", &["/budget"]),
        ("cost=1&cost=2&colour=red", &["/cost", "/colour"]),
    ] {
        let errors = request(text).unwrap_err();
        let found: Vec<&str> = errors
            .listed()
            .iter()
            .map(|error| error.pointer.as_str())
            .collect();
        assert_eq!(found, pointers, "{text}");
    }
    let errors = request("treatment=A").unwrap_err();
    assert_eq!(errors.listed()[0].detail, "must be one of \"B\"; got \"A\"");
    let errors = request("cost=20&budget=10").unwrap_err();
    assert_eq!(
        errors.listed()[0].detail,
        "pays for nobody: treating one customer costs 20, got 10"
    );
}
