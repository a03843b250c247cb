//! What a caller may ask, what the defaults are, and what is refused.

use experiment::{Decision, ExperimentRequest, Metric, PlanRequest, ReadoutSettings, RequestFault};
use serde_json::{Value, json};

fn experiment(request: Value) -> ExperimentRequest {
    serde_json::from_value(request).unwrap()
}

fn plan(request: Value) -> PlanRequest {
    serde_json::from_value(request).unwrap()
}

/// Pointers and details of a refusal.
fn faults<T>(refused: Result<T, Vec<RequestFault>>) -> Vec<(String, String)> {
    let faults = refused.err().unwrap().into_iter();
    faults.map(|fault| (fault.pointer, fault.detail)).collect()
}

fn listed(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(pointer, detail)| ((*pointer).to_owned(), (*detail).to_owned()))
        .collect()
}

#[test]
fn counts_alone_are_required() {
    let request = experiment(json!({
        "control": {"users": 3439, "conversions": 922},
        "treatment": {"users": 3604, "conversions": 947},
    }));
    let experiment = request.validate().unwrap();
    assert_eq!(experiment.settings, ReadoutSettings::default());
    assert_eq!(experiment.settings.metric, Metric::LowerIsBetter);
    assert_eq!(
        (
            experiment.settings.prior.sd,
            experiment.settings.prior.proper
        ),
        (0.3, false)
    );
    assert_eq!(
        (experiment.control.users, experiment.treatment.conversions),
        (3439, 947)
    );
}

#[test]
fn counts_may_be_written_as_any_json_number() {
    let request = experiment(json!({
        "control": {"users": 1e12, "conversions": 5e11},
        "treatment": {"users": 1_000_000_000_000_u64, "conversions": 500_000_000_001.0},
    }));
    let experiment = request.validate().unwrap();
    assert_eq!(experiment.control.users, experiment.treatment.users);
    assert_eq!(experiment.treatment.conversions, 500_000_000_001);
}

#[test]
fn faults_are_reported_all_at_once() {
    let request = experiment(json!({
        "control": {"users": 0, "conversions": -1},
        "treatment": {"users": 10, "conversions": 11},
        "expected_split": [0.5, 0.6],
        "alpha": 1,
        "prior": {"mean": 1e7, "sd": 0, "proper": true},
    }));
    assert_eq!(
        faults(request.validate()),
        listed(&[
            (
                "/control/users",
                "must be a whole number between 1 and 1000000000000000, got 0"
            ),
            (
                "/control/conversions",
                "must be a whole number from 0 to users, got -1"
            ),
            (
                "/treatment/conversions",
                "must not exceed users (10), got 11"
            ),
            (
                "/expected_split",
                "must be two shares of at least 0.000001 that add up to 1, got [0.5, 0.6]"
            ),
            ("/alpha", "must be between 0.000001 and 0.5, got 1"),
            (
                "/prior/mean",
                "must be between -1000000 and 1000000, got 10000000"
            ),
            ("/prior/sd", "must be between 0.000001 and 1000000, got 0"),
        ])
    );
}

#[test]
fn fractions_of_users_are_refused() {
    let request = experiment(json!({
        "control": {"users": 10.5, "conversions": 0.5},
        "treatment": {"users": 10, "conversions": 1},
    }));
    let pointers: Vec<String> = faults(request.validate())
        .into_iter()
        .map(|fault| fault.0)
        .collect();
    assert_eq!(pointers, ["/control/users", "/control/conversions"]);
}

#[test]
fn unknown_fields_are_refused() {
    for request in [
        json!({"control": {"users": 1, "conversions": 1}, "treatment": {"users": 1, "conversions": 1}, "alhpa": 0.1}),
        json!({"control": {"users": 1, "conversions": 1, "visits": 3}, "treatment": {"users": 1, "conversions": 1}}),
    ] {
        assert!(serde_json::from_value::<ExperimentRequest>(request).is_err());
    }
}

#[test]
fn rounded_shares_are_made_to_add_up() {
    let request = experiment(json!({
        "control": {"users": 1000, "conversions": 10},
        "treatment": {"users": 2000, "conversions": 20},
        "expected_split": [0.333, 0.667],
    }));
    let rounded_down = experiment(json!({
        "control": {"users": 1000, "conversions": 10},
        "treatment": {"users": 2000, "conversions": 20},
        "expected_split": [0.333, 0.666],
    }));
    assert_eq!(
        request.validate().unwrap().settings.expected_split,
        [0.333, 0.667]
    );
    let [control, treatment] = rounded_down.validate().unwrap().settings.expected_split;
    assert!((control + treatment - 1.0).abs() < 1e-15);
}

#[test]
fn plans_count_the_days() {
    let request = plan(json!({
        "baseline_rate": 0.265, "detectable_effect": -0.04, "split": [0.2, 0.8], "users_per_day": 100,
    }));
    let plan = request.validate().unwrap().plan();
    let users = plan.users_per_arm;
    assert!((users.treatment / users.control - 4.0).abs() < 1e-12);
    assert!((plan.days.unwrap() - users.total() / 100.0).abs() < 1e-9);
}

#[test]
fn impossible_plans_are_refused_with_every_reason() {
    let request = plan(json!({
        "baseline_rate": 0.03, "detectable_effect": -0.04, "alpha": 0.9, "power": 0.8, "split": [1, 0],
        "users_per_day": -5,
    }));
    let faults = faults(request.validate());
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/detectable_effect",
            "/alpha",
            "/power",
            "/split",
            "/users_per_day"
        ]
    );
}

#[test]
fn plans_for_no_effect_are_refused() {
    let request = plan(json!({"baseline_rate": 0.3, "detectable_effect": 0}));
    assert_eq!(
        faults(request.validate()),
        listed(&[(
            "/detectable_effect",
            "must differ from 0 by at least 0.000001, got 0"
        )])
    );
}

/// A share like 1e-300 would make the sample-ratio check's χ² and a plan's users infinite.
#[test]
fn vanishing_shares_are_refused() {
    let detail = "must be two shares of at least 0.000001 that add up to 1, got [0.0000009, 1]";
    let experiment = experiment(json!({
        "control": {"users": 1, "conversions": 0},
        "treatment": {"users": 1, "conversions": 0},
        "expected_split": [9e-7, 1],
    }));
    assert_eq!(
        faults(experiment.validate()),
        listed(&[("/expected_split", detail)])
    );
    let plan = plan(json!({"baseline_rate": 0.3, "detectable_effect": 0.1, "split": [9e-7, 1]}));
    assert_eq!(faults(plan.validate()), listed(&[("/split", detail)]));
}

#[test]
fn reasons_say_what_the_decision_rests_on() {
    let decided = |metric: &str, treatment: u64| {
        let readout = experiment(json!({
            "metric": metric,
            "control": {"users": 10_000, "conversions": 2_500},
            "treatment": {"users": 10_000, "conversions": treatment},
        }))
        .validate()
        .unwrap()
        .readout();
        (readout.decision, readout.reason)
    };
    // The evidence is the definition's by scipy 1.17.1.
    for (metric, treatment, decision, reason) in [
        (
            "lower_is_better",
            2_000,
            Decision::Ship,
            "The treatment\u{2019}s rate is lower, 20% against 25%: the evidence for it is over a million, and 20 decides.",
        ),
        (
            "lower_is_better",
            2_750,
            Decision::RollBack,
            "The treatment\u{2019}s rate is higher, 27.5% against 25%: the evidence for it is 601, and 20 decides.",
        ),
        (
            "higher_is_better",
            2_750,
            Decision::Ship,
            "The treatment\u{2019}s rate is higher, 27.5% against 25%: the evidence for it is 601, and 20 decides.",
        ),
        (
            "higher_is_better",
            2_450,
            Decision::KeepRunning,
            "Neither a lower nor a higher rate is shown yet: the evidence for a higher one is 0.07, for a lower one \
             0.25, and 20 decides.",
        ),
    ] {
        assert_eq!(decided(metric, treatment), (decision, reason.to_owned()));
    }
}
