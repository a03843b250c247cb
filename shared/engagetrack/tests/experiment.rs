//! The embedded experiment, whose true effect is known.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use engagetrack::embedded;
use engagetrack::measured::assignment;
use experiment::{
    Estimate, Interval, Observation, ReadoutSettings, SelectionReadout, read_selection,
};
use serde_json::Value;

fn whole_population() -> SelectionReadout {
    let live = embedded::live(embedded::core());
    let view = live.view();
    let described = view.schema.experiments().next().unwrap();
    let arms: Vec<usize> = described.arms().map(|(code, _)| code).collect();
    let observations = (0..view.customers.len()).filter_map(|customer| {
        let arm = view.customers.code(customer, described.field());
        Some(Observation {
            assignment: assignment(arm, arms[0], arms[1])?,
            converted: view.customers.outcome(customer).left()?,
            covariate: view.customers.probability(customer),
            segments: [],
        })
    });
    read_selection(observations, &[], &ReadoutSettings::default())
}

fn assert_covers(difference: Estimate, effect: f64) {
    let Interval([lower, upper]) = difference.interval.unwrap();
    assert!(
        lower <= effect && effect <= upper,
        "{lower} to {upper} misses {effect}"
    );
}

/// `data/README.md` says what was put in, `data/truth.json` holds it for programs.
#[test]
fn the_intervals_cover_the_effect_that_was_put_in() {
    let truth: Value = serde_json::from_str(include_str!("../../../data/truth.json")).unwrap();
    let effect = truth["variant_effect"].as_f64().unwrap();
    let selection = whole_population();
    assert_covers(selection.readout.effect.absolute_difference, effect);
    assert_covers(selection.cuped.unwrap().effect.absolute_difference, effect);
    assert!(selection.readout.sample_ratio_mismatch.healthy);
}

/// The score foretells who leaves, so adjusting by it must remove a good part of the noise.
#[test]
fn the_churn_score_takes_variance_out() {
    let cuped = whole_population().cuped.unwrap();
    assert!(cuped.theta > 0.0);
    assert!(
        cuped.variance_reduction.unwrap() > 0.15,
        "{:?}",
        cuped.variance_reduction
    );
}
