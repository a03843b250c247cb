use crate::{selection, view};
use engagetrack::analytics::{self, Group, Outcome};
use serde_json::Value;

/// What pandas and statsmodels say, written by `testdata/analytics/golden.py`.
const GOLDEN: &str = include_str!("../../testdata/analytics/golden.json");
/// Sums are taken in another order there; contributions are 32-bit numbers.
const TOLERANCE: f64 = 1e-10;
const CONTRIBUTION_TOLERANCE: f64 = 1e-6;

#[track_caller]
fn assert_close(ours: Option<f64>, theirs: &Value, tolerance: f64) {
    match (ours, theirs.as_f64()) {
        (None, None) if theirs.is_null() => {}
        (Some(ours), Some(theirs)) => assert!(
            (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0),
            "{ours} instead of {theirs}"
        ),
        (ours, _) => panic!("{ours:?} instead of {theirs}"),
    }
}

/// A group as an outcome: the same where every status is selected.
fn outcome(group: &Group) -> Outcome {
    assert_eq!(group.count, group.known_outcomes);
    Outcome {
        count: group.count,
        churned: group.churned,
        churn_rate: group.churn_rate,
        churn_rate_interval: group.churn_rate_interval,
        mean_probability: group.mean_probability,
    }
}

/// Theirs: count, churned, churn rate, interval, mean probability.
#[track_caller]
fn assert_outcome(ours: &Outcome, theirs: &Value) {
    assert_eq!(
        (&theirs[0], &theirs[1]),
        (&ours.count.into(), &ours.churned.into())
    );
    assert_close(ours.churn_rate, &theirs[2], TOLERANCE);
    for end in 0..2 {
        assert_close(
            ours.churn_rate_interval.map(|interval| interval.0[end]),
            &theirs[3][end],
            TOLERANCE,
        );
    }
    assert_close(ours.mean_probability, &theirs[4], TOLERANCE);
}

#[test]
fn the_analytics_are_those_of_pandas() {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    assert!(golden.len() >= 9);
    for theirs in golden {
        let query = theirs["query"].as_str().unwrap();
        println!("{query}");
        // Theirs are about customers of every status.
        let selection = selection(&format!("{query}&status=active&status=left"));
        let ours = analytics::read(view(), &selection);
        assert_outcome(&outcome(&ours.group), &theirs["outcome"]);
        assert_close(
            Some(ours.expected_churners),
            &theirs["expected_churners"],
            TOLERANCE,
        );
        assert_close(ours.monthly_revenue, &theirs["monthly_revenue"], TOLERANCE);
        assert_close(ours.revenue_at_risk, &theirs["revenue_at_risk"], TOLERANCE);

        assert_eq!(
            ours.distributions.len(),
            theirs["distributions"].as_object().unwrap().len()
        );
        for distribution in &ours.distributions {
            let theirs = theirs["distributions"][distribution.field]
                .as_array()
                .unwrap();
            assert_eq!(
                distribution.bins.len(),
                theirs.len(),
                "{}",
                distribution.field
            );
            for (bin, theirs) in distribution.bins.iter().zip(theirs) {
                assert_outcome(&outcome(&bin.group), theirs);
            }
        }

        let calibration = theirs["calibration"].as_array().unwrap();
        assert_eq!(ours.calibration.bins.len(), calibration.len());
        for (bin, theirs) in ours.calibration.bins.iter().zip(calibration) {
            assert_outcome(bin, theirs);
        }
        let error = ours.calibration.expected_calibration_error;
        assert_close(error, &theirs["expected_calibration_error"], TOLERANCE);

        assert_eq!(
            ours.drivers.len(),
            theirs["drivers"].as_object().unwrap().len()
        );
        for driver in &ours.drivers {
            let theirs = &theirs["drivers"][driver.feature];
            assert_close(Some(driver.selection), &theirs[0], CONTRIBUTION_TOLERANCE);
            assert_close(
                Some(driver.everyone_else),
                &theirs[1],
                CONTRIBUTION_TOLERANCE,
            );
        }
        assert!(
            ours.drivers
                .is_sorted_by(|a, b| a.difference.abs() >= b.difference.abs())
        );
    }
}
