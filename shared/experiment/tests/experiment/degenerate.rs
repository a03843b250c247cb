//! Counts that determine no answer: what is null then, and what is still said.

use std::collections::BTreeSet;

use experiment::{
    Assignment, Counts, CovariateSums, Decision, Experiment, Observation, Readout, ReadoutSettings,
    cuped, read_selection,
};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

fn readout(control: (u64, u64), treatment: (u64, u64)) -> Readout {
    let counts = |(users, conversions)| Counts { users, conversions };
    Experiment {
        control: counts(control),
        treatment: counts(treatment),
        settings: ReadoutSettings::default(),
    }
    .readout()
}

/// JSON pointers to every null. serde_json writes NaN and infinity as null too, so one of them shows up here as a null
/// too many.
fn nulls(response: &impl Serialize) -> BTreeSet<String> {
    fn collect(value: &Value, path: &str, nulls: &mut BTreeSet<String>) {
        match value {
            Value::Null => {
                nulls.insert(path.to_owned());
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    collect(value, &format!("{path}/{name}"), nulls);
                }
            }
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    collect(value, &format!("{path}/{index}"), nulls);
                }
            }
            _ => {}
        }
    }
    let mut nulls = BTreeSet::new();
    collect(&serde_json::to_value(response).unwrap(), "", &mut nulls);
    nulls
}

/// The nulls that the documentation announces for these counts, `detectable_effect` aside.
fn announced_nulls(control: (u64, u64), treatment: (u64, u64)) -> BTreeSet<String> {
    let empty = |(users, _): (u64, u64)| users == 0;
    let constant = |(users, conversions): (u64, u64)| conversions == 0 || conversions == users;
    let mut nulls = Vec::new();
    for (name, arm) in [("control", control), ("treatment", treatment)] {
        if empty(arm) {
            nulls.extend([format!("/{name}/rate"), format!("/{name}/interval")]);
        }
    }
    if control.1 == 0 {
        nulls.push("/anytime/rate_ratio/1".to_owned());
    }
    let any_empty = empty(control) || empty(treatment);
    if any_empty {
        nulls.extend(
            ["cohens_h", "achieved", "users_per_arm_needed"].map(|field| format!("/power/{field}")),
        );
        nulls.push("/absolute_difference/estimate".to_owned());
    }
    if any_empty || control.1 == 0 {
        nulls.push("/relative_lift/estimate".to_owned());
    }
    if any_empty || constant(control) || constant(treatment) {
        for effect in ["absolute_difference", "relative_lift"] {
            nulls.extend(["standard_error", "interval"].map(|field| format!("/{effect}/{field}")));
        }
        nulls.extend(["frequentist", "bayesian", "sequential"].map(|engine| format!("/{engine}")));
    }
    let same_rate = u128::from(control.0) * u128::from(treatment.1)
        == u128::from(treatment.0) * u128::from(control.1);
    if same_rate {
        nulls.push("/power/users_per_arm_needed".to_owned());
    }
    let all = (control.0 + treatment.0, control.1 + treatment.1);
    if any_empty || constant(all) {
        nulls.push("/pooled_z".to_owned());
    }
    nulls.into_iter().collect()
}

fn arm(most_users: u64) -> impl Strategy<Value = (u64, u64)> {
    (0..=most_users).prop_flat_map(|users| (Just(users), 0..=users))
}

/// Tiny arms hit every edge; big ones every rounding error.
fn any_arm() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![arm(4), arm(200), arm(1_000_000_000_000_000)]
}

proptest! {
    #[test]
    fn nulls_are_where_the_documentation_announces_them(control in any_arm(), treatment in any_arm()) {
        let mut nulls = nulls(&readout(control, treatment));
        nulls.remove("/power/detectable_effect");
        prop_assert_eq!(nulls, announced_nulls(control, treatment));
    }
}

#[test]
fn empty_selections_are_valid() {
    let selection = read_selection::<[usize; 0]>([], &[], &ReadoutSettings::default());
    assert_eq!(selection.cuped, None);
    assert!(selection.segments.is_empty());
    assert_eq!(selection.readout, readout((0, 0), (0, 0)));
    let check = selection.readout.sample_ratio_mismatch;
    assert_eq!(
        (check.chi_squared, check.p_value, check.healthy),
        (0.0, 1.0, true)
    );
    assert_eq!(selection.readout.decision, Decision::KeepRunning);
    assert_eq!(
        selection.readout.reason,
        "There are no users in the control arm, so there is nothing to compare."
    );
}

#[test]
fn selections_of_a_single_arm_are_invalid() {
    let readout = readout((3_000, 800), (0, 0));
    assert_eq!(readout.decision, Decision::Invalid);
    assert!(
        readout.reason.contains("3000 and 0 users"),
        "{}",
        readout.reason
    );
    assert!(readout.control.interval.is_some());
}

#[test]
fn no_conversions_leave_rates_intervals_and_difference() {
    let readout = readout((100, 0), (100, 9));
    let [lower, upper] = readout.control.interval.unwrap().0;
    assert!(lower == 0.0 && upper > 0.0);
    assert_eq!(readout.effect.absolute_difference.estimate, Some(0.09));
    assert!(readout.pooled_z.unwrap().p_value < 0.01);
    assert_eq!(readout.decision, Decision::KeepRunning);
    assert_eq!(
        readout.reason,
        "Neither a lower nor a higher rate is shown yet: the evidence for a lower one is 0.4, for a higher one 10.7, and \
         20 decides."
    );
}

#[test]
fn all_conversions_leave_rates_intervals_and_lift() {
    let readout = readout((100, 50), (100, 100));
    let [lower, upper] = readout.treatment.interval.unwrap().0;
    assert!(lower < 1.0 && upper == 1.0);
    assert_eq!(readout.effect.relative_lift.estimate, Some(1.0));
    assert_eq!(readout.decision, Decision::RollBack);
}

#[test]
fn equal_arms_show_no_effect() {
    let readout = readout((500, 100), (500, 100));
    let frequentist = readout.effect.frequentist.unwrap();
    assert_eq!((frequentist.statistic, frequentist.p_value), (0.0, 1.0));
    assert_eq!(readout.effect.bayesian.unwrap().chance_to_win, 0.5);
    assert_eq!(readout.effect.sequential.unwrap().p_value, 1.0);
    let power = readout.power;
    assert_eq!(
        (power.cohens_h, power.users_per_arm_needed),
        (Some(0.0), None)
    );
    assert!((power.achieved.unwrap() - 0.05).abs() < 1e-9);
}

#[test]
fn arms_of_two_users_have_one_to_two_degrees_of_freedom() {
    let frequentist = readout((2, 1), (2, 1)).effect.frequentist.unwrap();
    assert!((frequentist.degrees_of_freedom - 2.0).abs() < 1e-12);
}

#[test]
fn constant_covariates_adjust_nothing() {
    let observations = (0..40).map(|index| Observation {
        assignment: if index % 2 == 0 {
            Assignment::Control
        } else {
            Assignment::Treatment
        },
        converted: index % 3 == 0,
        covariate: 0.1,
        segments: [],
    });
    let selection = read_selection(observations, &[], &ReadoutSettings::default());
    let cuped = selection.cuped.unwrap();
    assert_eq!((cuped.theta, cuped.variance_reduction), (0.0, Some(0.0)));
    assert_eq!(cuped.effect, selection.readout.effect);
}

#[test]
fn constant_outcomes_are_not_adjusted() {
    let mut sums = CovariateSums::default();
    for score in [0.1, 0.5, 0.7] {
        sums.add(false, score);
    }
    let cuped = cuped(sums, sums, &ReadoutSettings::default()).unwrap();
    assert_eq!((cuped.theta, cuped.variance_reduction), (0.0, None));
    assert_eq!(cuped.effect.frequentist, None);
}
