//! What holds for all counts.

use engagetrack::customer::Variant;
use engagetrack::experiment::{
    Correction, Counts, CovariateSums, Decision, Dimension, Experiment, Interval, Metric,
    Observation, Settings, cuped, read_selection,
};
use proptest::prelude::*;

const DIMENSIONS: [Dimension<'static>; 2] = [
    Dimension {
        name: "contract",
        values: &["Month-to-month", "One year", "Two year"],
    },
    Dimension {
        name: "stage",
        values: &["new", "established"],
    },
];

/// Arms in which some, but not all, users converted, so that every engine answers.
fn determined_arm() -> impl Strategy<Value = Counts> {
    (2_u64..1_000_000).prop_flat_map(|users| {
        (1..users).prop_map(move |conversions| Counts { users, conversions })
    })
}

fn experiment(control: Counts, treatment: Counts, settings: Settings) -> Experiment {
    Experiment {
        control,
        treatment,
        settings,
    }
}

fn observations() -> impl Strategy<Value = Vec<Observation<'static, 2>>> {
    let contract = prop::sample::select(DIMENSIONS[0].values);
    let stage = prop::sample::select(DIMENSIONS[1].values);
    let observation = (any::<bool>(), any::<bool>(), 0.0..1.0, contract, stage).prop_map(
        |(treated, churned, churn_score, contract, stage)| Observation {
            variant: if treated { Variant::B } else { Variant::A },
            churned,
            churn_score,
            segments: [contract, stage],
        },
    );
    prop::collection::vec(observation, 0..200)
}

fn covariate_sums(
    observations: &[Observation<'_, 2>],
    variant: Variant,
    shift: f64,
) -> CovariateSums {
    let mut sums = CovariateSums::default();
    for observation in observations
        .iter()
        .filter(|observation| observation.variant == variant)
    {
        sums.add(observation.churned, observation.churn_score + shift);
    }
    sums
}

proptest! {
    #[test]
    fn swapping_the_arms_swaps_the_signs(
        control in determined_arm(),
        treatment in determined_arm(),
        control_share in 0.05..0.95,
    ) {
        let split = [control_share, 1.0 - control_share];
        let given = experiment(control, treatment, Settings { expected_split: split, ..Settings::default() }).readout();
        let swapped = experiment(
            treatment,
            control,
            Settings { expected_split: [split[1], split[0]], ..Settings::default() },
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
    fn the_other_direction_wins_when_this_one_does_not(control in determined_arm(), treatment in determined_arm()) {
        let read = |metric| experiment(control, treatment, Settings { metric, ..Settings::default() }).readout();
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
        let readout = experiment(control, treatment, Settings::default()).readout();
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
    fn a_smaller_alpha_widens_every_interval(control in determined_arm(), treatment in determined_arm()) {
        let read = |alpha| experiment(control, treatment, Settings { alpha, ..Settings::default() }).readout().effect;
        let (wide, narrow) = (read(0.01), read(0.05));
        let widths = |effect: &engagetrack::experiment::Effect| {
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
    fn a_wide_prior_is_a_flat_one_and_a_narrow_one_decides(control in determined_arm(), treatment in determined_arm()) {
        let read = |sd, proper| {
            let mut settings = Settings::default();
            (settings.prior.sd, settings.prior.proper) = (sd, proper);
            experiment(control, treatment, settings).readout().effect.bayesian.unwrap()
        };
        let (flat, wide, narrow) = (read(0.3, false), read(1e6, true), read(1e-6, true));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * (a.abs() + flat.standard_deviation);
        prop_assert!(close(flat.mean, wide.mean) && close(flat.standard_deviation, wide.standard_deviation));
        prop_assert!(narrow.mean.abs() <= flat.mean.abs());
    }

    #[test]
    fn every_dimension_divides_the_arms(observations in observations()) {
        let selection = read_selection(observations.iter().copied(), DIMENSIONS, &Settings::default());
        for dimension in DIMENSIONS {
            let segments = || selection.segments.iter().filter(|segment| segment.dimension == dimension.name);
            let (control, treatment) = (&selection.readout.control, &selection.readout.treatment);
            prop_assert_eq!(segments().map(|segment| segment.control.users).sum::<u64>(), control.users);
            prop_assert_eq!(segments().map(|segment| segment.treatment.conversions).sum::<u64>(), treatment.conversions);
        }
        let shown: Vec<&str> = selection.segments.iter().map(|segment| segment.value.as_str()).collect();
        let in_order = DIMENSIONS.iter().flat_map(|dimension| dimension.values).filter(|value| shown.contains(value));
        prop_assert!(shown.iter().eq(in_order));
        for segment in &selection.segments {
            prop_assert_eq!(segment.p_value.is_some(), segment.adjusted_p_value.is_some());
            prop_assert!(segment.adjusted_p_value >= segment.p_value);
        }
    }

    #[test]
    fn the_order_of_users_does_not_matter(observations in observations()) {
        let read = |observations: Vec<Observation<'static, 2>>| {
            read_selection(observations, DIMENSIONS, &Settings::default())
        };
        let forwards = read(observations.clone());
        let backwards = read(observations.into_iter().rev().collect());
        prop_assert_eq!(forwards.readout, backwards.readout);
        prop_assert_eq!(forwards.segments, backwards.segments);
        let theta = |cuped: Option<engagetrack::experiment::Cuped>| cuped.map_or(0.0, |cuped| cuped.theta);
        prop_assert!((theta(forwards.cuped) - theta(backwards.cuped)).abs() < 1e-9);
    }

    #[test]
    fn a_shift_of_the_covariate_changes_nothing(observations in observations(), shift in -10.0..10.0) {
        let read = |shift| {
            let [control, treatment] =
                [Variant::A, Variant::B].map(|variant| covariate_sums(&observations, variant, shift));
            cuped(control, treatment, &Settings::default())
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
    fn adjusting_only_raises_p_values_and_keeps_their_order(p_values in prop::collection::vec(0.0..=1.0, 0..40)) {
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
