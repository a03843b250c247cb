//! Whether segments differ: simulated experiments with effects that are equal, or are not.

use experiment::{
    Assignment, DimensionEffect, Homogeneity, Observation, ReadoutSettings, Segmentation,
    SelectionReadout, read_selection,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Binomial, Distribution};

const EXPERIMENTS: u64 = 1_500;
const ALPHA: f64 = 0.05;
/// What Cochran's Q, which takes estimated variances for known ones, may find where there is nothing.
const MOST_FALSE_ALARMS: f64 = 0.064;

/// Rate of control and users of each arm, by segment.
const SEGMENTS: [(f64, u64); 5] = [
    (0.06, 900),
    (0.12, 400),
    (0.25, 300),
    (0.40, 250),
    (0.45, 60),
];

/// One experiment of which each segment's treatment has the rate that `treated` makes of control's.
fn experiment(random: &mut impl Rng, treated: impl Fn(usize, f64) -> f64) -> SelectionReadout {
    let mut observations = Vec::new();
    for (segment, (rate, users)) in SEGMENTS.into_iter().enumerate() {
        for (assignment, rate) in [
            (Assignment::Control, rate),
            (Assignment::Treatment, treated(segment, rate)),
        ] {
            let conversions = Binomial::new(users, rate).unwrap().sample(random);
            observations.extend((0..users).map(|user| Observation {
                assignment,
                converted: user < conversions,
                covariate: 0.0,
                segments: [segment],
            }));
        }
    }
    let segmentation = Segmentation {
        name: "plan",
        values: vec!["a", "b", "c", "d", "e"],
    };
    read_selection(observations, &[segmentation], &ReadoutSettings::default())
}

/// How often each scale's test, and the verdict, find a difference.
fn found(treated: impl Fn(usize, f64) -> f64) -> [f64; 3] {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut found = [0_u32; 3];
    for _ in 0..EXPERIMENTS {
        let readout = experiment(&mut random, &treated);
        let [dimension]: [DimensionEffect; 1] = readout.dimensions.try_into().unwrap();
        let below = |test: Option<Homogeneity>| test.is_some_and(|test| test.p_value < ALPHA);
        let verdicts = [
            below(dimension.points),
            below(dimension.log_odds),
            dimension.differs,
        ];
        for (found, verdict) in found.iter_mut().zip(verdicts) {
            *found += u32::from(verdict);
        }
    }
    found.map(|found| f64::from(found) / EXPERIMENTS as f64)
}

fn logit(rate: f64) -> f64 {
    (rate / (1.0 - rate)).ln()
}

fn shifted(rate: f64, log_odds: f64) -> f64 {
    1.0 / (1.0 + (-logit(rate) - log_odds).exp())
}

#[test]
fn equal_segments_are_seldom_found_to_differ() {
    for rate in found(|_, rate| rate) {
        assert!(rate <= MOST_FALSE_ALARMS, "{rate}");
    }
}

/// The same factor on everybody's odds is fewer points where the rate is low: a difference on one scale, and none to act on.
#[test]
fn one_shift_of_the_log_odds_is_no_difference() {
    let [points, log_odds, differs] = found(|_, rate| shifted(rate, -0.8));
    assert!(points > 0.3, "{points}");
    assert!(
        log_odds <= MOST_FALSE_ALARMS && differs <= log_odds,
        "{log_odds} {differs}"
    );
}

#[test]
fn effects_of_opposite_sign_are_found() {
    let effects = [-0.6, -0.6, 0.6, 0.6, 0.0];
    let [_, _, differs] = found(|segment, rate| shifted(rate, effects[segment]));
    assert!(differs > 0.9, "{differs}");
}

/// Where the true effects are equal, the shrunken estimates err less than the raw ones.
#[test]
fn shrunken_estimates_are_nearer_the_truth() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let [mut raw, mut shrunken] = [0.0; 2];
    for _ in 0..200 {
        for segment in experiment(&mut random, |_, rate| rate - 0.03).segments {
            if let Some(estimate) = segment.shrunken_difference {
                raw += (segment.absolute_difference.estimate.unwrap() + 0.03).powi(2);
                shrunken += (estimate.estimate.unwrap() + 0.03).powi(2);
            }
        }
    }
    assert!(shrunken < 0.5 * raw, "{shrunken} {raw}");
}

/// Segments without enough customers to compare are left out of the test, and have no shrunken estimate.
#[test]
fn small_segments_are_not_compared() {
    let users = |segment, assignment, conversions| {
        (0..50_u64).map(move |user| Observation {
            assignment,
            converted: user < conversions,
            covariate: 0.0,
            segments: [segment],
        })
    };
    let observations = [[20, 15], [9, 12], [4, 30], [46, 20]]
        .into_iter()
        .enumerate();
    let observations = observations.flat_map(|(segment, [control, treatment])| {
        let control = users(segment, Assignment::Control, control);
        control.chain(users(segment, Assignment::Treatment, treatment))
    });
    let segmentation = Segmentation {
        name: "plan",
        values: vec!["a", "b", "few who left", "few who stayed"],
    };
    let readout = read_selection(observations, &[segmentation], &ReadoutSettings::default());
    assert_eq!(readout.dimensions[0].segments, 2);
    assert_eq!(readout.dimensions[0].points.unwrap().degrees_of_freedom, 1);
    let compared = readout
        .segments
        .iter()
        .map(|segment| segment.shrunken_difference.is_some());
    assert!(compared.eq([true, true, false, false]));
}
