//! Numbers of statsmodels 0.15.0, causalml 0.18.0 and numpy, made by `testdata/make_policy_golden.py`.

use serde_json::Value;

use super::curve::{Targeting, Valued};
use super::estimate::NormalEstimate;
use super::ladder::{Climb, Expectations, Models};
use super::ranking::{Qini, Rank, Slope};
use super::*;

/// Agreement of coefficients, which is relative, with statsmodels.
const COEFFICIENTS: f64 = 1e-8;
/// Relative agreement of what is computed from them; the file has twelve digits.
const RELATIVE: f64 = 1e-8;

/// A comparison of the file, and what is expected of it.
struct Case {
    subjects: Subjects,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/policy.json")).unwrap();
    assert!(cases.len() >= 4);
    cases.into_iter().map(Case::read).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

impl Case {
    fn read(expected: Value) -> Self {
        let digits = |value: &Value| -> Vec<u8> {
            let digits = value.as_str().unwrap().bytes();
            digits.map(|digit| digit - b'0').collect()
        };
        let [treated, left, fold] = ["treated", "left", "fold"].map(|name| digits(&expected[name]));
        let segments: Vec<Vec<u8>> = expected["segments"]
            .as_array()
            .unwrap()
            .iter()
            .map(digits)
            .collect();
        let [probability, worth] = ["probability", "worth"].map(|name| numbers(&expected[name]));
        let share = expected["treatment_share"].as_f64().unwrap();
        let mut subjects = Subjects::new(share, segments.len());
        for user in 0..treated.len() {
            let subject = Subject {
                assignment: match treated[user] {
                    1 => Assignment::Treatment,
                    _ => Assignment::Control,
                },
                left: left[user] == 1,
                probability: probability[user],
                score: probability[user],
                fold: fold[user],
                worth: worth[user],
            };
            let segments = segments.iter().map(|segments| u16::from(segments[user]));
            subjects.push(subject, segments);
        }
        Self { subjects, expected }
    }

    fn models(&self) -> Models {
        Models::fit(&self.subjects)
    }

    fn scores(&self, expected: &Expectations) -> Vec<f64> {
        self.subjects.scores(expected)
    }

    fn scores_of_shift(&self) -> Vec<f64> {
        self.scores(&self.models().log_odds_shift(&self.subjects).unwrap())
    }

    fn by_score(&self) -> Vec<Rank> {
        Rank::within(&self.subjects.score, 1, |_| 0)
    }
}

fn assert_close(actual: f64, expected: f64, relative: f64) {
    let distance = (actual - expected).abs();
    assert!(
        distance <= relative * expected.abs().max(1e-3),
        "{actual} is not {expected}"
    );
}

fn assert_all_close(actual: &[f64], expected: &Value, relative: f64) {
    let expected = numbers(expected);
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert_close(*actual, expected, relative);
    }
}

fn assert_estimate(actual: NormalEstimate, expected: &Value) {
    assert_close(
        actual.estimate,
        expected["estimate"].as_f64().unwrap(),
        RELATIVE,
    );
    let error = expected["standard_error"].as_f64().unwrap();
    assert_close(actual.standard_error, error, RELATIVE);
}

fn assert_slope(actual: Slope, expected: &Value) {
    for (actual, name) in [
        (actual.slope, "slope"),
        (actual.standard_error, "standard_error"),
        (actual.p_value, "p_value"),
    ] {
        assert_close(actual, expected[name].as_f64().unwrap(), 1e-7);
    }
}

#[test]
fn coefficients_are_those_of_statsmodels() {
    for case in cases() {
        let everybody = Models::fit_to(&case.subjects, None, [0.0; 3]).unwrap();
        let folds = case.models().folds.unwrap();
        let expected = case.expected["models"].as_array().unwrap();
        let expected = expected.iter().chain([&case.expected["everybody"]]);
        for (model, expected) in folds.iter().chain([&everybody]).zip(expected) {
            let coefficients = [model.intercept, model.shift, model.slope];
            assert_all_close(&coefficients, expected, COEFFICIENTS);
        }
    }
}

#[test]
fn doubly_robust_scores_agree_on_every_rung() {
    let mut shifted = 0;
    for case in cases() {
        let (models, subjects) = (case.models(), &case.subjects);
        let [one, shift, segments] = [
            models.one_difference(subjects),
            models.log_odds_shift(subjects).unwrap(),
            models.segment_shifts(subjects).unwrap(),
        ]
        .map(|expected| case.scores(&expected));
        let expected = &case.expected["scores"];
        assert_all_close(&one, &expected["one_difference"], RELATIVE);
        assert_all_close(&shift, &expected["log_odds_shift"], RELATIVE);
        assert_all_close(&segments, &expected["segment_shifts"], RELATIVE);
        shifted += usize::from(segments != shift);
    }
    assert!(shifted >= 2, "{shifted}");
}

#[test]
fn qini_and_gain_agree_with_numpy() {
    for case in cases() {
        let qini = Qini::of(&case.scores_of_shift(), &case.by_score()).unwrap();
        assert_estimate(qini.coefficient, &case.expected["qini"]);
        let climb = Climb::new(&case.subjects);
        assert_eq!(climb.rungs[1].rung, Rung::LogOddsShift);
        assert_estimate(climb.rungs[1].gain.unwrap(), &case.expected["gain"]);
    }
}

#[test]
fn tests_of_effect_by_score_agree_with_statsmodels() {
    for case in cases() {
        let points = Slope::of(&case.scores_of_shift(), &case.by_score()).unwrap();
        assert_slope(points, &case.expected["points"]);
        let log_odds = case.models().interaction(&case.subjects).unwrap();
        assert_slope(log_odds, &case.expected["log_odds"]);
    }
}

/// With a worth of 1 and no cost, the values of a curve are the cumulative gains of its scores, of which causalml's are made too.
#[test]
fn cumulative_gain_is_that_of_causalml() {
    for case in cases() {
        let scores = case.scores_of_shift();
        let valued = Valued {
            scores: &scores,
            worth: &vec![1.0; scores.len()],
            cost: 0.0,
        };
        let ranks = case.by_score();
        let targeting = Targeting::new(valued, &ranks, u64::MAX);
        let gains: Vec<(u64, f64)> =
            serde_json::from_value(case.expected["cumulative_gain"].clone()).unwrap();
        let mut met = 0;
        for (customers, gain) in gains {
            let mut points = targeting.curve.points.iter();
            if let Some(point) = points.find(|point| point.customers == customers) {
                assert_close(point.value, gain, RELATIVE);
                met += 1;
            }
        }
        assert!(met >= 10, "{met}");
    }
}

/// Radcliffe's curve from outcomes alone, of customers by falling score: those kept in treatment, less those kept in control scaled
/// to the treatment's number.
fn raw_qini(subjects: &Subjects) -> Vec<f64> {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by(|a, b| subjects.score[*b].total_cmp(&subjects.score[*a]));
    let (mut users, mut kept) = ([0.0; 2], [0.0; 2]);
    let mut curve = vec![0.0];
    for user in order {
        let arm = usize::from(subjects.treated[user]);
        users[arm] += 1.0;
        kept[arm] += f64::from(u8::from(!subjects.left[user]));
        curve.push(kept[1] - kept[0] * users[1] / users[0]);
    }
    curve
}

#[test]
fn raw_outcomes_give_the_qini_of_causalml() {
    let mut compared = 0;
    for case in cases() {
        let curve = raw_qini(&case.subjects);
        for pair in case.expected["raw_qini"].as_array().into_iter().flatten() {
            let end = pair[0].as_u64().unwrap() as usize;
            assert_close(curve[end], pair[1].as_f64().unwrap(), RELATIVE);
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}
