//! Simulated experiments that are looked at every day: how often the decision and gbstats' sequential interval find an effect, and
//! how often the intervals that hold at any look miss the truth.

use experiment::{
    Anytime, Counts, Decision, Experiment, Interval, RatioInterval, Readout, ReadoutSettings,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Binomial, Distribution};

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// True rates of control and treatment.
    pub rates: [f64; 2],
    /// The treatment's share of the users, on which a coin decides.
    pub treatment_share: f64,
    /// Users of both arms together.
    pub users_per_day: u64,
    /// One look a day.
    pub days: u32,
}

/// In how many of the experiments something happened at any look. An effect counts as found for the side that was found first,
/// on days when the sample-ratio check holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookTally {
    /// `ship` and `roll_back`.
    pub decided: [u32; 2],
    /// gbstats' sequential interval lay below 0, and above.
    pub gbstats: [u32; 2],
    /// The interval of the difference missed the truth.
    pub difference_missed: u32,
    /// The interval of the rate ratio missed the truth.
    pub ratio_missed: u32,
}

/// Runs `experiments` experiments.
pub fn tally(course: Course, experiments: u32, seed: u64) -> LookTally {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tally = LookTally::default();
    for _ in 0..experiments {
        let mut arms = [Counts::default(); 2];
        let (mut decided, mut gbstats) = (None, None);
        let (mut difference_missed, mut ratio_missed) = (false, false);
        for _ in 0..course.days {
            add_a_day(&mut arms, course, &mut rng);
            let readout = Experiment {
                control: arms[0],
                treatment: arms[1],
                settings: ReadoutSettings {
                    expected_split: [1.0 - course.treatment_share, course.treatment_share],
                    ..ReadoutSettings::default()
                },
            }
            .readout();
            decided = decided.or(match readout.decision {
                Decision::Ship => Some(0),
                Decision::RollBack => Some(1),
                Decision::KeepRunning | Decision::Invalid => None,
            });
            gbstats = gbstats.or(found_by_gbstats(&readout));
            let [difference, ratio] = misses(readout.anytime, course.rates);
            difference_missed |= difference;
            ratio_missed |= ratio;
        }
        for (found, counts) in [(decided, &mut tally.decided), (gbstats, &mut tally.gbstats)] {
            if let Some(side) = found {
                counts[side] += 1;
            }
        }
        tally.difference_missed += u32::from(difference_missed);
        tally.ratio_missed += u32::from(ratio_missed);
    }
    tally
}

fn add_a_day(arms: &mut [Counts; 2], course: Course, rng: &mut ChaCha8Rng) {
    let mut draw = |trials: u64, probability: f64| {
        Binomial::new(trials, probability)
            .expect("the probability lies within 0 and 1")
            .sample(rng)
    };
    let in_treatment = draw(course.users_per_day, course.treatment_share);
    let users = [course.users_per_day - in_treatment, in_treatment];
    for ((arm, users), rate) in arms.iter_mut().zip(users).zip(course.rates) {
        arm.users += users;
        arm.conversions += draw(users, rate);
    }
}

/// What the decision would be if it rested on gbstats' sequential interval.
fn found_by_gbstats(readout: &Readout) -> Option<usize> {
    let Interval([lower, upper]) = readout.effect.sequential?.interval;
    if !readout.sample_ratio_mismatch.healthy {
        None
    } else if upper < 0.0 {
        Some(0)
    } else {
        (lower > 0.0).then_some(1)
    }
}

/// Whether the intervals of the difference and of the ratio miss the truth.
fn misses(anytime: Anytime, [control, treatment]: [f64; 2]) -> [bool; 2] {
    let Interval([lower, upper]) = anytime.absolute_difference;
    let difference = treatment - control;
    let RatioInterval((least, most)) = anytime.rate_ratio;
    let ratio = treatment / control;
    [
        difference < lower || upper < difference,
        ratio < least || most.is_some_and(|most| most < ratio),
    ]
}
