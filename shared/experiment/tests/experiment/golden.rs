//! Numbers of gbstats 0.8.0, statsmodels 0.15.0 and scipy 1.17.1, made by `testdata/make_golden.py`, and the
//! figures those packages publish.

use experiment::{
    Assignment, Correction, Counts, CovariateSums, ExperimentRequest, Observation, PlanRequest,
    ReadoutSettings, Segmentation, cuped, read_selection,
};
use serde_json::{Value, json};

/// Relative agreement with the other packages, which is theirs with each other.
const RELATIVE: f64 = 1e-6;

/// Absolute agreement for numbers that are differences of larger ones, in both implementations: an interval's end close
/// to 0, or a chance to win computed as 1 minus a tail.
const ABSOLUTE: f64 = 1e-13;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../testdata/golden.json")).unwrap()
}

fn cases<'a>(golden: &'a Value, section: &str, least: usize) -> &'a [Value] {
    let cases = golden[section].as_array().unwrap();
    assert!(cases.len() >= least, "{section} has {} cases", cases.len());
    cases
}

/// Asserts that `actual` holds every leaf of `expected`, numbers within the tolerance.
fn assert_holds(actual: &Value, expected: &Value, path: &str) {
    match expected {
        Value::Object(fields) => {
            for (name, expected) in fields {
                assert_holds(&actual[name], expected, &format!("{path}/{name}"));
            }
        }
        Value::Array(elements) => {
            for (index, expected) in elements.iter().enumerate() {
                assert_holds(&actual[index], expected, &format!("{path}/{index}"));
            }
        }
        Value::Number(number) => {
            let expected = number.as_f64().unwrap();
            let actual = actual
                .as_f64()
                .unwrap_or_else(|| panic!("{path}: {actual} is no number"));
            assert!(
                (actual - expected).abs() <= RELATIVE * expected.abs() + ABSOLUTE,
                "{path}: {actual} is not {expected}"
            );
        }
        other => assert_eq!(actual, other, "{path}"),
    }
}

fn experiment(request: &Value) -> Value {
    let request: ExperimentRequest = serde_json::from_value(request.clone()).unwrap();
    serde_json::to_value(request.validate().unwrap().readout()).unwrap()
}

#[test]
fn random_experiments_agree_with_gbstats_statsmodels_and_scipy() {
    for (index, case) in cases(&golden(), "experiments", 200).iter().enumerate() {
        assert_holds(
            &experiment(&case["request"]),
            &case["expected"],
            &format!("{index}"),
        );
    }
}

#[test]
fn experiments_of_up_to_a_million_million_users_agree() {
    for (index, case) in cases(&golden(), "big_experiments", 20).iter().enumerate() {
        assert_holds(
            &experiment(&case["request"]),
            &case["expected"],
            &format!("{index}"),
        );
    }
}

#[test]
fn adjustment_by_a_covariate_agrees_with_gbstats() {
    for (index, case) in cases(&golden(), "cuped", 80).iter().enumerate() {
        let sums = |arm: &Value| CovariateSums {
            counts: Counts {
                users: arm["users"].as_u64().unwrap(),
                conversions: arm["conversions"].as_u64().unwrap(),
            },
            covariate: arm["covariate"].as_f64().unwrap(),
            covariate_squared: arm["covariate_squared"].as_f64().unwrap(),
            cross: arm["cross"].as_f64().unwrap(),
        };
        let given = &case["settings"];
        let settings = ReadoutSettings {
            metric: serde_json::from_value(given["metric"].clone()).unwrap(),
            alpha: given["alpha"].as_f64().unwrap(),
            prior: serde_json::from_value(given["prior"].clone()).unwrap(),
            ..ReadoutSettings::default()
        };
        let cuped = cuped(sums(&case["control"]), sums(&case["treatment"]), &settings).unwrap();
        let actual = serde_json::to_value(cuped).unwrap();
        assert_holds(&actual, &case["expected"], &format!("{index}"));
    }
}

#[test]
fn plans_agree_with_statsmodels() {
    for (index, case) in cases(&golden(), "plans", 80).iter().enumerate() {
        let request: PlanRequest = serde_json::from_value(case["request"].clone()).unwrap();
        let actual = serde_json::to_value(request.validate().unwrap().plan()).unwrap();
        assert_holds(&actual, &case["expected"], &format!("{index}"));
    }
}

#[test]
fn adjusted_p_values_agree_with_statsmodels() {
    for (index, case) in cases(&golden(), "families", 40).iter().enumerate() {
        let p_values: Vec<f64> = serde_json::from_value(case["p_values"].clone()).unwrap();
        for (name, correction) in [
            ("benjamini_hochberg", Correction::BenjaminiHochberg),
            ("holm", Correction::Holm),
        ] {
            let actual = json!(correction.adjust(&p_values));
            assert_holds(&actual, &case[name], &format!("{index}/{name}"));
        }
    }
}

/// Every user of an arm of a segment.
fn users(
    segment: usize,
    assignment: Assignment,
    [users, conversions]: [u64; 2],
) -> impl Iterator<Item = Observation<[usize; 1]>> {
    (0..users).map(move |user| Observation {
        assignment,
        converted: user < conversions,
        covariate: 0.0,
        segments: [segment],
    })
}

#[test]
fn differences_between_segments_agree_with_statsmodels() {
    for (index, case) in cases(&golden(), "dimensions", 60).iter().enumerate() {
        let segments: Vec<[[u64; 2]; 2]> =
            serde_json::from_value(case["segments"].clone()).unwrap();
        let arms = segments.iter().enumerate().flat_map(|(segment, arms)| {
            let [control, treatment] = *arms;
            let control = users(segment, Assignment::Control, control);
            control.chain(users(segment, Assignment::Treatment, treatment))
        });
        let segmentation = Segmentation {
            name: "plan",
            values: vec!["a", "b", "c", "d", "e", "f"],
        };
        let readout = read_selection(arms, &[segmentation], &ReadoutSettings::default());
        let actual = serde_json::to_value(readout).unwrap();
        let path = format!("{index}");
        assert_holds(&actual["dimensions"][0], &case["expected"], &path);
        for (segment, expected) in case["shrunken"].as_array().unwrap().iter().enumerate() {
            assert_holds(
                &actual["segments"][segment]["shrunken_difference"],
                expected,
                &path,
            );
        }
    }
}

/// Asserts that a number shows the published digits.
fn assert_shows(actual: &Value, published: f64, decimals: i32) {
    let actual = actual.as_f64().unwrap();
    assert!(
        (actual - published).abs() <= 0.5 * 10_f64.powi(-decimals) + 1e-12,
        "{actual} does not round to {published}"
    );
}

#[test]
fn a_flat_prior_gives_gbstats_published_posterior() {
    for (metric, chance_to_win, control_risk, treatment_risk) in [
        ("higher_is_better", 0.60918, 0.0814, 0.04058),
        ("lower_is_better", 0.39082, 0.04058, 0.0814),
    ] {
        let readout = experiment(&json!({
            "metric": metric,
            "control": {"users": 100, "conversions": 49},
            "treatment": {"users": 100, "conversions": 51},
        }));
        let bayesian = &readout["bayesian"];
        assert_shows(&bayesian["mean"], 0.04082, 5);
        assert_shows(&bayesian["standard_deviation"], 0.14725, 5);
        assert_shows(&bayesian["interval"][0], -0.24779, 5);
        assert_shows(&bayesian["interval"][1], 0.32943, 5);
        assert_shows(&bayesian["chance_to_win"], chance_to_win, 5);
        assert_shows(&bayesian["risk"]["control"], control_risk, 5);
        assert_shows(&bayesian["risk"]["treatment"], treatment_risk, 5);
        assert_shows(&readout["pooled_z"]["statistic"], -0.28284, 5);
        assert_shows(&readout["pooled_z"]["p_value"], 0.77730, 5);
    }
}

#[test]
fn small_arms_give_gbstats_published_welch_test() {
    let readout = experiment(&json!({
        "control": {"users": 28, "conversions": 14},
        "treatment": {"users": 30, "conversions": 16},
    }));
    let frequentist = &readout["frequentist"];
    assert_shows(&frequentist["p_value"], 0.80707, 5);
    assert_shows(&frequentist["interval"][0], -0.47767, 5);
    assert_shows(&frequentist["interval"][1], 0.61101, 5);
}

#[test]
fn the_sequential_interval_is_gbstats_published_one() {
    let readout = experiment(&json!({
        "control": {"users": 3000, "conversions": 1396},
        "treatment": {"users": 3461, "conversions": 2422},
    }));
    let sequential = &readout["sequential"];
    assert_shows(&sequential["interval"][0], 0.40098, 5);
    assert_shows(&sequential["interval"][1], 0.60675, 5);
}

#[test]
fn the_sample_ratio_check_is_scipys_chi_squared() {
    let readout = experiment(&json!({
        "control": {"users": 5000, "conversions": 100},
        "treatment": {"users": 5300, "conversions": 100},
    }));
    let check = &readout["sample_ratio_mismatch"];
    assert_shows(&check["p_value"], 0.003117, 6);
    assert_eq!(check["healthy"], json!(true));
}

#[test]
fn the_sample_size_is_statsmodels_published_one() {
    let request: PlanRequest =
        serde_json::from_value(json!({"baseline_rate": 0.265, "detectable_effect": -0.04}))
            .unwrap();
    let plan = request.validate().unwrap().plan();
    let plan = serde_json::to_value(plan).unwrap();
    assert_shows(&plan["cohens_h"], -0.09307, 5);
    assert_shows(&plan["users_per_arm"]["control"], 1812.1, 1);
    assert_shows(&plan["users_per_arm"]["treatment"], 1812.1, 1);
    assert_eq!(plan["days"], Value::Null);
}
