//! Whom to treat: what holds for every comparison, and how often simulated ones mislead.

use experiment::{
    Assignment, PolicyDecision, PolicyReadout, PolicyTerms, PolicyValue, Ranking, Rung, Subject,
    Subjects,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::policy_simulation::{Coverage, FalseAlarms, Population, Score, shifted};

/// One shift of everybody's log-odds, as an experiment with a good treatment has.
const SHIFT: f64 = -0.35;

/// Asserts a rate of so many trials: within four of its standard deviations, or of what is promised.
fn assert_rate(rate: f64, promised: f64, most_off: f64, trials: u32, what: &str) {
    let deviation = (promised * (1.0 - promised) / f64::from(trials)).sqrt();
    let most = most_off.max(4.0 * deviation);
    assert!(
        (rate - promised).abs() <= most,
        "{what}: {rate} is not {promised} ± {most}"
    );
}

fn assert_at_most(rate: f64, most: f64, trials: u32, what: &str) {
    let deviation = (most * (1.0 - most) / f64::from(trials)).sqrt();
    let allowed = match trials >= 1_000 {
        true => most,
        false => most + 3.0 * deviation,
    };
    assert!(rate <= allowed, "{what}: {rate} is above {allowed}");
}

/// Where the treatment does nothing, tests of one look find something in 5 % of the cases, and each side of a decision is taken
/// in at most 5 %.
fn no_effect_is_seldom_found(users: usize, arms: u32) {
    let alarms = FalseAlarms::of(users, Score::Foretells, 0.0, arms, 1);
    for (count, what) in [
        (alarms.qini, "qini"),
        (alarms.points, "points"),
        (alarms.log_odds, "log-odds"),
    ] {
        assert_rate(alarms.rate(count), 0.05, 0.014, arms, what);
    }
    for (count, what) in [
        (alarms.treat, "treat"),
        (alarms.treat_nobody, "treat nobody"),
        (alarms.shipped, "ship"),
        (alarms.rolled_back, "roll back"),
    ] {
        assert_at_most(alarms.rate(count), 0.05, arms, what);
    }
}

/// A score and segments that say nothing are seldom found to be worth targeting, whether the treatment helps everybody or nobody.
fn noise_is_seldom_targetable(users: usize, arms: u32) {
    for effect in [0.0, SHIFT] {
        let alarms = FalseAlarms::of(users, Score::Noise, effect, arms, 2);
        assert_at_most(alarms.rate(alarms.targetable), 0.064, arms, "targetable");
        assert_rate(alarms.rate(alarms.qini), 0.05, 0.014, arms, "qini");
    }
}

/// The treatment helps the middle and harms the ends, so that a share pays and everybody may not.
fn opposed(chance: f64) -> f64 {
    match chance {
        chance if chance > 0.5 => 0.2,
        chance if chance > 0.15 => -0.5,
        _ => 0.1,
    }
}

fn true_values_are_covered(users: usize, redraws: u32) {
    for (seed, cost, effect) in [
        (3, 0.0, (|_| SHIFT) as fn(f64) -> f64),
        (4, 0.02, |_| SHIFT),
        (5, 0.01, opposed),
    ] {
        let coverage = Coverage::of(users, cost, effect, redraws, seed);
        for covered in coverage.fixed {
            assert_rate(coverage.rate(covered), 0.95, 0.02, redraws, "fixed sets");
        }
        let shortfall = |count: u32| 1.0 - coverage.rate(count);
        assert_at_most(shortfall(coverage.picked), 0.07, redraws, "picked share");
        assert_at_most(shortfall(coverage.everywhere), 0.07, redraws, "all shares");
    }
}

#[test]
fn false_alarms_without_an_effect_are_as_rare_as_promised() {
    no_effect_is_seldom_found(800, 100);
}

#[test]
fn noise_is_no_target() {
    noise_is_seldom_targetable(800, 50);
}

#[test]
fn values_of_sets_are_covered_by_their_intervals() {
    true_values_are_covered(800, 50);
}

#[test]
#[ignore = "1,000 re-randomisations; in the long lane"]
fn false_alarms_in_the_long_run() {
    no_effect_is_seldom_found(4_000, 1_000);
}

#[test]
#[ignore = "1,000 comparisons; in the long lane"]
fn noise_is_no_target_in_the_long_run() {
    noise_is_seldom_targetable(4_000, 1_000);
}

#[test]
#[ignore = "1,500 comparisons; in the long lane"]
fn coverage_in_the_long_run() {
    true_values_are_covered(4_000, 500);
}

/// Customers whose log-odds the treatment shifts by what `effect` says of their chance.
fn comparison(users: usize, effect: impl Fn(f64) -> f64) -> Subjects {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let population = Population::draw(users, Score::Foretells, 0.5, &mut random);
    let chances = population.chances.iter();
    let treated: Vec<f64> = chances
        .map(|chance| shifted(*chance, effect(*chance)))
        .collect();
    let outcomes = population.outcomes(&treated, &mut random);
    population.assign(&outcomes, &mut random)
}

fn read(subjects: &Subjects, cost: f64, budget: Option<f64>) -> PolicyReadout {
    subjects.read_policy(PolicyTerms { cost, budget })
}

#[test]
fn a_treatment_that_helps_everybody_is_for_everybody() {
    let subjects = comparison(4_000, |_| -0.6);
    let readout = read(&subjects, 0.0, None);
    assert_eq!(readout.decision, PolicyDecision::TreatEverybody);
    let treated = readout.treated.unwrap();
    assert_eq!(treated.ranking, Ranking::Random);
    assert_eq!(
        (treated.policy.customers, treated.policy.share),
        (4_000, 1.0)
    );
    assert_eq!(treated.policy.cost_per_kept, Some(0.0));
}

#[test]
fn a_treatment_that_costs_more_than_it_keeps_is_for_nobody() {
    let subjects = comparison(4_000, |_| -0.1);
    let readout = read(&subjects, 2.0, None);
    assert_eq!(readout.decision, PolicyDecision::TreatNobody);
    assert_eq!(readout.treated, None);
}

#[test]
fn a_treatment_that_does_nothing_leaves_it_open() {
    let readout = read(&comparison(4_000, |_| 0.0), 0.0, None);
    assert_eq!(readout.decision, PolicyDecision::CannotTell);
    let evaluation = readout.evaluation.unwrap();
    assert_eq!(evaluation.rung, Rung::OneDifference);
    assert_eq!(evaluation.curves.estimated_effect, None);
    assert!(!evaluation.targeting.targetable);
}

#[test]
fn a_treatment_that_helps_some_and_harms_others_is_for_the_first() {
    let subjects = comparison(6_000, |chance| if chance > 0.35 { -1.2 } else { 0.6 });
    let readout = read(&subjects, 0.0, None);
    assert_eq!(readout.decision, PolicyDecision::TreatFirst);
    let treated = readout.treated.unwrap();
    assert_ne!(treated.ranking, Ranking::Random);
    assert!((0.2..0.7).contains(&treated.policy.share), "{treated:?}");
    let evaluation = readout.evaluation.unwrap();
    assert!(evaluation.targeting.targetable);
    assert!(evaluation.rung > Rung::OneDifference);
    let slopes = evaluation.targeting.effect_by_score;
    assert!(slopes.points.unwrap().slope < 0.0 && slopes.log_odds.unwrap().slope < 0.0);
}

/// A dimension with effects of opposite sign, which the score says nothing of.
#[test]
fn segments_are_targeted_where_they_differ() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let population = Population::draw(6_000, Score::Foretells, 0.5, &mut random);
    let mut subjects = Subjects::new(0.5, 1);
    for (user, chance) in population.chances.iter().enumerate() {
        let segment = (user % 3) as u16;
        let is_treated = user % 2 == 0;
        let shift = [-1.0, 0.0, 1.0][usize::from(segment)];
        let chance_in_arm = if is_treated {
            shifted(*chance, shift)
        } else {
            *chance
        };
        // A low-discrepancy draw.
        let draw = (user as f64 * 0.618_033_988_749_895).fract();
        let subject = Subject {
            assignment: match is_treated {
                true => Assignment::Treatment,
                false => Assignment::Control,
            },
            left: draw < chance_in_arm,
            probability: *chance,
            score: *chance,
            fold: (user / 7 % 5) as u8,
            worth: 1.0,
        };
        subjects.push(subject, [segment]);
    }
    let readout = read(&subjects, 0.0, None);
    assert_eq!(readout.decision, PolicyDecision::TreatFirst);
    let treated = readout.treated.unwrap();
    assert_eq!(treated.ranking, Ranking::EstimatedEffect);
    assert_eq!(readout.evaluation.unwrap().rung, Rung::SegmentShifts);
    assert!((0.25..0.7).contains(&treated.policy.share), "{treated:?}");
}

#[test]
fn budgets_limit_how_many_are_treated() {
    let subjects = comparison(4_000, |_| -0.6);
    let readout = read(&subjects, 0.01, Some(4.0));
    let treated = readout.treated.unwrap();
    assert!(treated.policy.customers <= 400, "{treated:?}");
    assert!(treated.policy.cost <= 4.0 + 1e-9);
    let three = read(&subjects, 0.1, Some(0.3));
    assert_eq!(three.evaluation.unwrap().curves.random.best_share, 0.0);
    let curves = readout.evaluation.unwrap().curves;
    assert!(curves.churn_score.best_share <= 0.1 && curves.random.best_share <= 0.1);
    let enough = read(&subjects, 0.01, Some(40.0));
    assert_eq!(enough.decision, read(&subjects, 0.01, None).decision);
}

/// Where the score says nothing of the effect, a budget is for any customers.
#[test]
fn budgets_are_for_anybody_where_nothing_ranks() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let population = Population::draw(4_000, Score::Noise, 0.5, &mut random);
    let treated: Vec<f64> = population
        .chances
        .iter()
        .map(|chance| shifted(*chance, -0.6))
        .collect();
    let outcomes = population.outcomes(&treated, &mut random);
    let subjects = population.assign(&outcomes, &mut random);
    let readout = read(&subjects, 0.01, Some(10.0));
    assert_eq!(readout.decision, PolicyDecision::TreatAny);
    let PolicyValue {
        customers, cost, ..
    } = readout.treated.unwrap().policy;
    assert_eq!(customers, 1_000);
    assert!((cost - 10.0).abs() < 1e-9);
}

#[test]
fn a_sample_ratio_mismatch_decides_nothing() {
    let mut subjects = Subjects::new(0.1, 0);
    for user in 0..1_000 {
        subjects.push(subject(user % 2 == 0, user % 3 == 0, 0.3, user), []);
    }
    let readout = read(&subjects, 0.0, None);
    assert_eq!(
        (readout.decision, readout.treated),
        (PolicyDecision::Invalid, None)
    );
}

fn subject(is_treated: bool, left: bool, probability: f64, user: usize) -> Subject {
    Subject {
        assignment: match is_treated {
            true => Assignment::Treatment,
            false => Assignment::Control,
        },
        left,
        probability,
        score: probability,
        fold: (user % 5) as u8,
        worth: 1.0,
    }
}

/// A comparison of any customers: few or none, with ties, scores of 0 and 1, and segments or none.
fn any_subjects() -> impl Strategy<Value = (f64, Vec<(Subject, [u16; 1])>)> {
    let probability = prop_oneof![Just(0.0), Just(1.0), Just(0.25), (0.0..1.0),];
    let one = (
        any::<bool>(),
        any::<bool>(),
        probability,
        0_u8..5,
        0.0..200.0,
        prop_oneof![0_u16..3, Just(Subjects::NO_SEGMENT)],
    );
    let one = one.prop_map(|(is_treated, left, probability, fold, worth, segment)| {
        let subject = Subject {
            fold,
            worth,
            ..subject(is_treated, left, probability, 0)
        };
        (subject, [segment])
    });
    (0.1..0.9, prop::collection::vec(one, 0..120))
}

fn collect(share: f64, users: &[(Subject, [u16; 1])]) -> Subjects {
    let mut subjects = Subjects::new(share, 1);
    for (subject, segments) in users {
        subjects.push(*subject, *segments);
    }
    subjects
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn every_comparison_has_finite_numbers(
        (share, users) in any_subjects(), cost in 0.0..50.0, budget in prop::option::of(0.0..1_000.0)
    ) {
        let subjects = collect(share, &users);
        let readout = read(&subjects, cost, budget);
        let json = serde_json::to_value(&readout).unwrap();
        let arms = [true, false].map(|treated| {
            users.iter().any(|(user, _)| (user.assignment == Assignment::Treatment) == treated)
        });
        prop_assert_eq!(readout.evaluation.is_some(), arms == [true, true]);
        let Some(evaluation) = &readout.evaluation else {
            prop_assert!(readout.treated.is_none());
            return Ok(());
        };
        // serde_json writes what is not finite as null.
        prop_assert!(!json["evaluation"]["curves"]["churn_score"].to_string().contains("null"));
        prop_assert!(!json["evaluation"]["curves"]["random"].to_string().contains("null"));
        prop_assert!(evaluation.effect.estimate.is_finite() && evaluation.effect.standard_error.is_finite());
        let points = &evaluation.curves.churn_score.points;
        prop_assert_eq!(points.len(), 100);
        prop_assert!(points.is_sorted_by_key(|point| point.customers));
        let all = users.len() as f64;
        let last = points[99];
        prop_assert_eq!(last.customers, users.len() as u64);
        // Treating everybody is worth n·ATE·worth − cost; with one worth for all it is the same sum.
        let everybody = evaluation.everybody;
        prop_assert!((last.value - everybody.value.estimate).abs() < 1e-6 * (1.0 + last.value.abs()));
        prop_assert!((everybody.customers_kept.estimate - all * evaluation.effect.estimate).abs() < 1e-7 * all);
        prop_assert!((everybody.cost - all * cost).abs() < 1e-6 * (1.0 + all * cost));
        if let (Some(budget), Some(treated)) = (budget, readout.treated) {
            prop_assert!(treated.policy.cost <= budget + 1e-6 || cost == 0.0);
        }
    }

    #[test]
    fn everybody_of_one_worth_is_the_mean_effect_less_the_cost((share, users) in any_subjects(), cost in 0.0..5.0) {
        let users: Vec<_> = users.into_iter().map(|(user, segments)| (Subject { worth: 30.0, ..user }, segments)).collect();
        let readout = read(&collect(share, &users), cost, None);
        if let Some(evaluation) = readout.evaluation {
            let all = users.len() as f64;
            let expected = all * (30.0 * evaluation.effect.estimate - cost);
            let value = evaluation.everybody.value;
            prop_assert!((value.estimate - expected).abs() < 1e-7 * all * 100.0);
            let error = 30.0 * all * evaluation.effect.standard_error;
            prop_assert!((value.standard_error - error).abs() < 1e-7 * (1.0 + error));
        }
    }

    /// Customers are ranked by the score, and nothing else is made of it.
    #[test]
    fn nothing_moves_with_a_monotone_change_of_the_score((share, users) in any_subjects(), power in 0.2..5.0) {
        let changed: Vec<_> = users
            .iter()
            .map(|(user, segments)| {
                let score = (user.score + 1e-3).powf(power).ln() * 10.0 - 3.0;
                (Subject { score, ..*user }, *segments)
            })
            .collect();
        let [before, after] = [&users, &changed].map(|users| read(&collect(share, users), 1.0, None));
        prop_assert_eq!(before, after);
    }

    /// The order in which customers come does not matter but for the last digits.
    #[test]
    fn the_order_of_customers_does_not_matter((share, users) in any_subjects()) {
        let reversed: Vec<_> = users.iter().rev().copied().collect();
        let [one, other] = [&users, &reversed].map(|users| read(&collect(share, users), 0.1, None));
        if let (Some(one), Some(other)) = (one.evaluation, other.evaluation) {
            let distance = (one.effect.estimate - other.effect.estimate).abs();
            prop_assert!(distance < 1e-6 * (1.0 + one.effect.estimate.abs()), "{distance}");
        }
    }
}

#[test]
fn nobody_is_an_answer_too() {
    let readout = read(&Subjects::new(0.5, 2), 1.0, Some(10.0));
    assert_eq!(readout.evaluation, None);
    assert_eq!(readout.decision, PolicyDecision::CannotTell);
}
