//! The evidence that decides and the intervals that hold at any look.

use experiment::{
    Counts, Decision, Experiment, ExperimentRequest, Interval, LARGEST_EVIDENCE, Metric,
    RatioInterval, Readout, ReadoutSettings,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::looks::{Course, tally};

fn counts((users, conversions): (u64, u64)) -> Counts {
    Counts { users, conversions }
}

fn readout(control: (u64, u64), treatment: (u64, u64)) -> Readout {
    readout_by(control, treatment, ReadoutSettings::default())
}

fn readout_by(control: (u64, u64), treatment: (u64, u64), settings: ReadoutSettings) -> Readout {
    Experiment {
        control: counts(control),
        treatment: counts(treatment),
        settings,
    }
    .readout()
}

fn assert_close(actual: f64, expected: f64, relative: f64, what: &str) {
    assert!(
        (actual - expected).abs() <= relative * expected.abs(),
        "{what}: {actual} is not {expected}"
    );
}

/// Expected values: `testdata/make_anytime_golden.py`, the definitions with scipy 1.17.1. The ends of the
/// difference's interval are rounded to the outside, hence the wider tolerance.
#[test]
fn evidence_and_intervals_agree_with_scipy() {
    let golden: Value = serde_json::from_str(include_str!("../../testdata/anytime.json")).unwrap();
    let cases = golden.as_array().unwrap();
    assert!(cases.len() >= 60);
    for (index, case) in cases.iter().enumerate() {
        let request: ExperimentRequest = serde_json::from_value(case["request"].clone()).unwrap();
        let actual = serde_json::to_value(request.validate().unwrap().readout().anytime).unwrap();
        let expected = &case["expected"];
        let assert_agrees = |path: &str, tolerance: f64| {
            let (actual, expected) = (
                actual.pointer(path).unwrap(),
                expected.pointer(path).unwrap(),
            );
            match expected.as_f64() {
                Some(number) => {
                    let difference = (actual.as_f64().unwrap() - number).abs();
                    assert!(
                        difference <= tolerance,
                        "{index}{path}: {actual} is not {expected}"
                    );
                }
                None => assert_eq!(actual, expected, "{index}{path}"),
            }
        };
        let number = |path: &str| expected.pointer(path).unwrap().as_f64().unwrap_or(1.0);
        for path in [
            "/better",
            "/worse",
            "/threshold",
            "/rate_ratio/0",
            "/rate_ratio/1",
        ] {
            assert_agrees(path, 1e-7 * number(path));
        }
        let width = number("/absolute_difference/1") - number("/absolute_difference/0");
        for path in ["/absolute_difference/0", "/absolute_difference/1"] {
            assert_agrees(path, 2e-3 * width);
        }
    }
}

/// 6 against 1 of 2,000 is p 0.059 by the pooled z test; 10 against 100 of 20,000 is p 7e-20 by Fisher's. Expected values: the
/// definition by `scipy.integrate.quad`, scipy 1.17.1.
#[test]
fn decisions_at_low_rates_follow_the_evidence() {
    let few = readout((2_000, 6), (2_000, 1));
    assert_eq!(few.decision, Decision::KeepRunning);
    assert_close(
        few.anytime.better,
        2.269_845_707_6,
        1e-9,
        "6 against 1, better",
    );
    assert_close(
        few.anytime.worse,
        0.529_886_519_7,
        1e-9,
        "6 against 1, worse",
    );

    let many = readout((20_000, 10), (20_000, 100));
    assert_eq!(many.decision, Decision::RollBack);
    assert_close(
        many.anytime.worse,
        2.969_928_744_06e16,
        1e-9,
        "10 against 100, worse",
    );

    let from_none = readout((5_000, 0), (5_000, 100));
    assert_eq!(from_none.decision, Decision::RollBack);
    assert_close(
        from_none.anytime.worse,
        2.405_186_791e24,
        1e-9,
        "0 against 100, worse",
    );
    let RatioInterval((least, most)) = from_none.anytime.rate_ratio;
    assert!(least > 5.0 && most.is_none(), "{least}, {most:?}");
    let Interval([lower, upper]) = from_none.anytime.absolute_difference;
    assert!(
        0.0 < lower && lower < 0.02 && 0.02 < upper,
        "{lower} to {upper}"
    );
    assert_eq!(
        from_none.reason,
        "The treatment\u{2019}s rate is higher, 2% against 0%: the evidence for it is over a million, and 20 decides."
    );

    let to_none = readout((5_000, 100), (5_000, 0));
    assert_eq!(to_none.decision, Decision::Ship);
    let RatioInterval((least, most)) = to_none.anytime.rate_ratio;
    assert!(least == 0.0 && most.unwrap() < 0.2, "{least}, {most:?}");
}

#[test]
fn sample_ratio_checks_come_before_the_evidence() {
    let lopsided = readout((20_000, 10), (21_000, 100));
    assert!(lopsided.anytime.worse > lopsided.anytime.threshold);
    assert_eq!(lopsided.decision, Decision::Invalid);
    let as_intended = readout_by(
        (20_000, 20),
        (80_000, 20),
        ReadoutSettings {
            expected_split: [0.2, 0.8],
            ..ReadoutSettings::default()
        },
    );
    assert_eq!(as_intended.decision, Decision::Ship);
}

#[test]
fn evidence_past_all_bounds_is_a_number_in_json() {
    let most = 1_000_000_000_000_000;
    let readout = readout((most, 0), (most, most));
    assert_eq!(readout.anytime.worse, LARGEST_EVIDENCE);
    assert_eq!(readout.decision, Decision::RollBack);
    let json = serde_json::to_value(readout.anytime).unwrap();
    assert_eq!(json["worse"], 1e300);
    assert_eq!(json["rate_ratio"][1], Value::Null);
}

/// Any possible counts, up to the most that a request may hold.
fn any_arm() -> impl Strategy<Value = (u64, u64)> {
    let arm = |most: u64| (0..=most).prop_flat_map(|users| (Just(users), 0..=users));
    let edge = |most: u64| {
        (0..=most).prop_flat_map(|users| (Just(users), prop_oneof![Just(0), Just(users)]))
    };
    const MOST: u64 = 1_000_000_000_000_000;
    prop_oneof![
        arm(4),
        arm(200),
        arm(100_000),
        arm(MOST),
        edge(MOST),
        edge(1_000)
    ]
}

fn any_share() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.5), 0.05..0.95, 1e-6..1e-3]
}

fn any_alpha() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.05), 1e-6..0.5]
}

fn settings(share: f64, alpha: f64) -> ReadoutSettings {
    ReadoutSettings {
        expected_split: [1.0 - share, share],
        alpha,
        ..ReadoutSettings::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn evidence_is_swapped_with_the_arms(control in any_arm(), treatment in any_arm(), share in any_share(), alpha in any_alpha()) {
        let given = readout_by(control, treatment, settings(share, alpha));
        let mut swapped_settings = settings(share, alpha);
        swapped_settings.expected_split.reverse();
        let swapped = readout_by(treatment, control, swapped_settings);
        prop_assert_eq!((given.anytime.better, given.anytime.worse), (swapped.anytime.worse, swapped.anytime.better));
        let Interval([lower, upper]) = swapped.anytime.absolute_difference;
        prop_assert_eq!(given.anytime.absolute_difference, Interval([-upper, -lower]));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
        let RatioInterval((least, most)) = given.anytime.rate_ratio;
        let RatioInterval((swapped_least, swapped_most)) = swapped.anytime.rate_ratio;
        prop_assert!(close(least, swapped_most.map_or(0.0, f64::recip)), "{least} {swapped_most:?}");
        prop_assert!(close(swapped_least, most.map_or(0.0, f64::recip)), "{swapped_least} {most:?}");
        let opposite = match given.decision {
            Decision::Ship => Decision::RollBack,
            Decision::RollBack => Decision::Ship,
            unchanged => unchanged,
        };
        prop_assert_eq!(swapped.decision, opposite);
    }

    #[test]
    fn the_metric_says_which_evidence_is_better(control in any_arm(), treatment in any_arm(), share in any_share()) {
        let read = |metric| readout_by(control, treatment, ReadoutSettings { metric, ..settings(share, 0.05) });
        let (lower, higher) = (read(Metric::LowerIsBetter), read(Metric::HigherIsBetter));
        prop_assert_eq!((lower.anytime.better, lower.anytime.worse), (higher.anytime.worse, higher.anytime.better));
        prop_assert_eq!(lower.anytime.absolute_difference, higher.anytime.absolute_difference);
        prop_assert_eq!(lower.anytime.rate_ratio, higher.anytime.rate_ratio);
    }

    #[test]
    fn evidence_and_intervals_are_possible_numbers(control in any_arm(), treatment in any_arm(), share in any_share(), alpha in any_alpha()) {
        let readout = readout_by(control, treatment, settings(share, alpha));
        let anytime = readout.anytime;
        for evidence in [anytime.better, anytime.worse] {
            prop_assert!((0.0..=LARGEST_EVIDENCE).contains(&evidence), "{evidence}");
        }
        let Interval([lower, upper]) = anytime.absolute_difference;
        prop_assert!(-1.0 <= lower && lower < upper && upper <= 1.0, "{lower} to {upper}");
        let RatioInterval((least, most)) = anytime.rate_ratio;
        prop_assert!(least >= 0.0 && least.is_finite() && most.is_none_or(|most| least < most && most.is_finite()));
        prop_assert_eq!(least == 0.0, treatment.1 == 0, "{}", least);
        prop_assert_eq!(most.is_none(), control.1 == 0, "{:?}", most);
        if readout.sample_ratio_mismatch.healthy {
            let decided = [anytime.better, anytime.worse].map(|evidence| evidence >= anytime.threshold);
            prop_assert_ne!(decided, [true, true]);
        }
    }

    #[test]
    fn the_difference_is_within_its_interval(control in any_arm(), treatment in any_arm()) {
        let readout = readout(control, treatment);
        if let (true, Some(difference)) = (readout.sample_ratio_mismatch.healthy, readout.effect.absolute_difference.estimate) {
            let Interval([lower, upper]) = readout.anytime.absolute_difference;
            prop_assert!(lower <= difference && difference <= upper, "{difference} in {lower} to {upper}");
        }
    }

    #[test]
    fn intervals_hold_more_as_alpha_falls(control in any_arm(), treatment in any_arm(), share in any_share()) {
        let read = |alpha| readout_by(control, treatment, settings(share, alpha)).anytime;
        let (wide, narrow) = (read(0.01), read(0.05));
        let (Interval([wide_lower, wide_upper]), Interval([lower, upper])) = (wide.absolute_difference, narrow.absolute_difference);
        let precision = 2e-3 * (upper - lower);
        prop_assert!(wide_lower <= lower + precision && upper - precision <= wide_upper);
        let (RatioInterval((wide_least, wide_most)), RatioInterval((least, most))) = (wide.rate_ratio, narrow.rate_ratio);
        prop_assert!(wide_least <= least && most <= wide_most);
    }
}

/// What the long simulation of `examples/aa.rs` shows for 2,000 experiments at many rates, in short: at the lowest rate gbstats'
/// sequential interval favours the treatment in one of ten.
#[test]
fn decision_and_intervals_keep_their_promise_at_any_rate() {
    const EXPERIMENTS: u32 = 150;
    // α and three standard deviations of the count.
    let most = (0.05 * f64::from(EXPERIMENTS) + 3.0 * (0.05 * 0.95 * f64::from(EXPERIMENTS)).sqrt())
        as u32;
    for (rate, users_per_day) in [(0.0025, 240), (0.02, 240), (0.265, 240)] {
        for treatment_share in [0.5, 0.2] {
            let course = Course {
                rates: [rate, rate],
                treatment_share,
                users_per_day,
                days: 30,
            };
            let tally = tally(course, EXPERIMENTS, 1);
            for count in [
                tally.decided[0],
                tally.decided[1],
                tally.difference_missed,
                tally.ratio_missed,
            ] {
                assert!(count <= most, "{course:?}: {tally:?}");
            }
        }
    }
}

#[test]
fn effects_are_found_on_either_side_and_covered() {
    const EXPERIMENTS: u32 = 60;
    for (side, rates) in [(0, [0.02, 0.005]), (1, [0.005, 0.02])] {
        let course = Course {
            rates,
            treatment_share: 0.5,
            users_per_day: 240,
            days: 30,
        };
        let tally = tally(course, EXPERIMENTS, 1);
        assert!(tally.decided[side] >= EXPERIMENTS * 9 / 10, "{tally:?}");
        assert_eq!(tally.decided[1 - side], 0, "{tally:?}");
        assert!(
            tally.difference_missed <= 8 && tally.ratio_missed <= 8,
            "{tally:?}"
        );
    }
}
