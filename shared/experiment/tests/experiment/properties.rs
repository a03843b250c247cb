//! What holds for all counts.

use experiment::{
    Assignment, Correction, Counts, CovariateSums, Decision, Experiment, Interval, Metric,
    Observation, ReadoutSettings, Segmentation, cuped, read_selection,
};
use proptest::prelude::*;

fn segmentations() -> [Segmentation<'static>; 2] {
    [
        Segmentation {
            name: "contract",
            values: vec!["Month-to-month", "One year", "Two year"],
        },
        Segmentation {
            name: "stage",
            values: vec!["new", "established"],
        },
    ]
}

/// Arms in which some, but not all, users converted, so that every engine answers.
fn determined_arm() -> impl Strategy<Value = Counts> {
    (2_u64..1_000_000).prop_flat_map(|users| {
        (1..users).prop_map(move |conversions| Counts { users, conversions })
    })
}

fn experiment(control: Counts, treatment: Counts, settings: ReadoutSettings) -> Experiment {
    Experiment {
        control,
        treatment,
        settings,
    }
}

fn observations() -> impl Strategy<Value = Vec<Observation<[usize; 2]>>> {
    let observation = (
        any::<bool>(),
        any::<bool>(),
        0.0..1.0,
        0_usize..3,
        0_usize..2,
    )
        .prop_map(
            |(treated, converted, covariate, contract, stage)| Observation {
                assignment: if treated {
                    Assignment::Treatment
                } else {
                    Assignment::Control
                },
                converted,
                covariate,
                segments: [contract, stage],
            },
        );
    prop::collection::vec(observation, 0..200)
}

fn covariate_sums(
    observations: &[Observation<[usize; 2]>],
    assignment: Assignment,
    shift: f64,
) -> CovariateSums {
    let mut sums = CovariateSums::default();
    for observation in observations
        .iter()
        .filter(|observation| observation.assignment == assignment)
    {
        sums.add(observation.converted, observation.covariate + shift);
    }
    sums
}

proptest! {
    #[test]
    fn signs_are_swapped_with_the_arms(
        control in determined_arm(),
        treatment in determined_arm(),
        control_share in 0.05..0.95,
    ) {
        let split = [control_share, 1.0 - control_share];
        let given = experiment(control, treatment, ReadoutSettings { expected_split: split, ..ReadoutSettings::default() }).readout();
        let swapped = experiment(
            treatment,
            control,
            ReadoutSettings { expected_split: [split[1], split[0]], ..ReadoutSettings::default() },
        )
        .readout();

        let (difference, reverse) = (given.effect.absolute_difference, swapped.effect.absolute_difference);
        prop_assert_eq!(difference.estimate.unwrap(), -reverse.estimate.unwrap());
        prop_assert_eq!(difference.standard_error, reverse.standard_error);
        let Interval([lower, upper]) = reverse.interval.unwrap();
        prop_assert_eq!(difference.interval, Some(Interval([-upper, -lower])));

        let (z, reverse_z) = (given.pooled_z.unwrap(), swapped.pooled_z.unwrap());
        prop_assert_eq!(z.statistic, -reverse_z.statistic);
        prop_assert_eq!(z.p_value, reverse_z.p_value);
        prop_assert_eq!(given.sample_ratio_mismatch, swapped.sample_ratio_mismatch);
    }

    #[test]
    fn decisions_are_reversed_with_the_metric(control in determined_arm(), treatment in determined_arm()) {
        let read = |metric| experiment(control, treatment, ReadoutSettings { metric, ..ReadoutSettings::default() }).readout();
        let (lower, higher) = (read(Metric::LowerIsBetter), read(Metric::HigherIsBetter));
        let (down, up) = (lower.effect.bayesian.unwrap(), higher.effect.bayesian.unwrap());
        prop_assert!((down.chance_to_win + up.chance_to_win - 1.0).abs() < 1e-9);
        prop_assert_eq!((down.risk.control, down.risk.treatment), (up.risk.treatment, up.risk.control));
        let opposite = match lower.decision {
            Decision::Ship => Decision::RollBack,
            Decision::RollBack => Decision::Ship,
            unchanged => unchanged,
        };
        prop_assert_eq!(higher.decision, opposite);
    }

    #[test]
    fn numbers_stay_in_their_ranges(control in determined_arm(), treatment in determined_arm()) {
        let readout = experiment(control, treatment, ReadoutSettings::default()).readout();
        for arm in [&readout.control, &readout.treatment] {
            let Interval([lower, upper]) = arm.interval.unwrap();
            prop_assert!(0.0 <= lower && lower < arm.rate.unwrap() && arm.rate.unwrap() < upper && upper <= 1.0);
        }
        let effect = readout.effect;
        let probabilities = [
            effect.frequentist.unwrap().p_value,
            effect.bayesian.unwrap().chance_to_win,
            effect.sequential.unwrap().p_value,
            readout.sample_ratio_mismatch.p_value,
            readout.power.achieved.unwrap(),
        ];
        prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{probabilities:?}");
        let risk = effect.bayesian.unwrap().risk;
        prop_assert!(risk.control >= 0.0 && risk.treatment >= 0.0);
    }

    #[test]
    fn intervals_widen_as_alpha_falls(control in determined_arm(), treatment in determined_arm()) {
        let read = |alpha| experiment(control, treatment, ReadoutSettings { alpha, ..ReadoutSettings::default() }).readout().effect;
        let (wide, narrow) = (read(0.01), read(0.05));
        let widths = |effect: &experiment::Effect| {
            [
                effect.frequentist.unwrap().interval,
                effect.bayesian.unwrap().interval,
                effect.sequential.unwrap().interval,
            ]
            .map(|Interval([lower, upper])| upper - lower)
        };
        for (wide, narrow) in widths(&wide).into_iter().zip(widths(&narrow)) {
            prop_assert!(wide > narrow);
        }
    }

    #[test]
    fn priors_are_flat_where_wide_and_decide_where_narrow(control in determined_arm(), treatment in determined_arm()) {
        let read = |sd, proper| {
            let mut settings = ReadoutSettings::default();
            (settings.prior.sd, settings.prior.proper) = (sd, proper);
            experiment(control, treatment, settings).readout().effect.bayesian.unwrap()
        };
        let (flat, wide, narrow) = (read(0.3, false), read(1e6, true), read(1e-6, true));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * (a.abs() + flat.standard_deviation);
        prop_assert!(close(flat.mean, wide.mean) && close(flat.standard_deviation, wide.standard_deviation));
        prop_assert!(narrow.mean.abs() <= flat.mean.abs());
    }

    #[test]
    fn segments_divide_the_arms_in_every_segmentation(observations in observations()) {
        let selection = read_selection(observations.iter().copied(), &segmentations(), &ReadoutSettings::default());
        for segmentation in segmentations() {
            let segments = || selection.segments.iter().filter(|segment| segment.dimension == segmentation.name);
            let (control, treatment) = (&selection.readout.control, &selection.readout.treatment);
            prop_assert_eq!(segments().map(|segment| segment.control.users).sum::<u64>(), control.users);
            prop_assert_eq!(segments().map(|segment| segment.treatment.conversions).sum::<u64>(), treatment.conversions);
        }
        let shown: Vec<&str> = selection.segments.iter().map(|segment| segment.value.as_str()).collect();
        let in_order = segmentations().into_iter().flat_map(|segmentation| segmentation.values);
        prop_assert!(shown.iter().copied().eq(in_order.filter(|value| shown.contains(value))));
        for segment in &selection.segments {
            prop_assert_eq!(segment.p_value.is_some(), segment.adjusted_p_value.is_some());
            prop_assert!(segment.adjusted_p_value >= segment.p_value);
        }
        for (dimension, segmentation) in selection.dimensions.iter().zip(segmentations()) {
            prop_assert_eq!(dimension.dimension.as_str(), segmentation.name);
            let segments = selection.segments.iter().filter(|segment| segment.dimension == segmentation.name);
            let Some(points) = dimension.points else {
                prop_assert!(dimension.segments < 2 && segments.clone().all(|segment| segment.shrunken_difference.is_none()));
                continue;
            };
            for segment in segments.filter(|segment| segment.shrunken_difference.is_some()) {
                let shrunken = segment.shrunken_difference.and_then(|shrunken| shrunken.estimate).unwrap_or(f64::NAN);
                let raw = segment.absolute_difference.estimate.unwrap_or(f64::NAN);
                let (low, high) = (raw.min(points.mean), raw.max(points.mean));
                prop_assert!((low - 1e-12..=high + 1e-12).contains(&shrunken), "{} is not between {} and {}", shrunken, low, high);
            }
        }
    }

    /// A value that is unknown, say.
    #[test]
    fn users_without_a_segment_count_in_the_arms_alone(observations in observations()) {
        let unknown = |observation: &Observation<[usize; 2]>| Observation { segments: [3, usize::MAX], ..*observation };
        let given = read_selection(observations.iter().copied(), &segmentations(), &ReadoutSettings::default());
        let selection = read_selection(observations.iter().map(unknown), &segmentations(), &ReadoutSettings::default());
        prop_assert!(selection.segments.is_empty());
        prop_assert_eq!((selection.readout, selection.cuped), (given.readout, given.cuped));
    }

    #[test]
    fn selections_do_not_depend_on_the_order_of_users(observations in observations()) {
        let read = |observations: Vec<Observation<[usize; 2]>>| {
            read_selection(observations, &segmentations(), &ReadoutSettings::default())
        };
        let forwards = read(observations.clone());
        let backwards = read(observations.into_iter().rev().collect());
        prop_assert_eq!(forwards.readout, backwards.readout);
        prop_assert_eq!(forwards.segments, backwards.segments);
        let theta = |cuped: Option<experiment::Cuped>| cuped.map_or(0.0, |cuped| cuped.theta);
        prop_assert!((theta(forwards.cuped) - theta(backwards.cuped)).abs() < 1e-9);
    }

    #[test]
    fn covariates_may_be_shifted(observations in observations(), shift in -10.0..10.0) {
        let read = |shift| {
            let [control, treatment] =
                [Assignment::Control, Assignment::Treatment]
                    .map(|assignment| covariate_sums(&observations, assignment, shift));
            cuped(control, treatment, &ReadoutSettings::default())
        };
        match (read(0.0), read(shift)) {
            (Some(given), Some(shifted)) => {
                prop_assert!((given.theta - shifted.theta).abs() < 1e-6);
                prop_assert!((given.control_rate - shifted.control_rate).abs() < 1e-6);
                prop_assert!((given.treatment_rate - shifted.treatment_rate).abs() < 1e-6);
            }
            (given, shifted) => prop_assert_eq!(given, shifted),
        }
    }

    #[test]
    fn adjusted_p_values_only_rise_and_keep_their_order(p_values in prop::collection::vec(0.0..=1.0, 0..40)) {
        let discovery = Correction::BenjaminiHochberg.adjust(&p_values);
        let family = Correction::Holm.adjust(&p_values);
        for (index, &p) in p_values.iter().enumerate() {
            prop_assert!(p <= discovery[index] && discovery[index] <= family[index] + 1e-15 && family[index] <= 1.0);
            for (other, &q) in p_values.iter().enumerate() {
                prop_assert!(p > q || (discovery[index] <= discovery[other] && family[index] <= family[other]));
            }
        }
    }
}
