//! Simulated A/A experiments: both arms get the same, so every effect that is found is a false positive.

use experiment::{
    CovariateSums, Decision, Effect, Experiment, ReadoutSettings, SAMPLE_RATIO_ALPHA, cuped,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Binomial, Distribution};

/// Length of an experiment, with one look a day.
pub const DAYS: usize = 28;

/// Users a day with the same score; with the scores and days this makes 3,500 users in each arm.
const USERS_PER_DAY_AND_SCORE: u64 = 25;

/// The users' scores, which are also their true conversion rates: 26.6% on average.
const SCORES: [f64; 10] = [0.02, 0.05, 0.08, 0.12, 0.18, 0.25, 0.33, 0.42, 0.55, 0.66];

/// An engine whose verdict may be a false positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Welch's t test, p < α.
    Frequentist,
    /// The flat prior's credible interval excludes 0.
    Bayesian,
    /// The always-valid interval excludes 0.
    Sequential,
    /// The evidence decides, for either side.
    Decision,
    /// Welch's t test of the effect adjusted by the score.
    FrequentistCuped,
    /// The always-valid interval of the effect adjusted by the score.
    SequentialCuped,
    /// The sample-ratio check, p < 0.001.
    SampleRatio,
}

/// All engines, in the order of [`Engine`].
pub const ENGINES: [Engine; 7] = [
    Engine::Frequentist,
    Engine::Bayesian,
    Engine::Sequential,
    Engine::Decision,
    Engine::FrequentistCuped,
    Engine::SequentialCuped,
    Engine::SampleRatio,
];

impl Engine {
    /// The false positive rate that the engine promises at a single look.
    pub fn alpha(self) -> f64 {
        match self {
            Self::SampleRatio => SAMPLE_RATIO_ALPHA,
            // α for each side.
            Self::Decision => 2.0 * ReadoutSettings::default().alpha,
            _ => ReadoutSettings::default().alpha,
        }
    }
}

/// How many of the simulated experiments an engine found an effect in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FalsePositives {
    /// With one look, on the last day.
    pub at_single_look: u32,
    /// With a look every day, stopping at the first effect.
    pub under_daily_peeking: u32,
}

/// Runs `experiments` A/A experiments and counts each engine's false positives.
pub fn false_positives(experiments: u32, seed: u64) -> [FalsePositives; ENGINES.len()] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut found = [FalsePositives::default(); ENGINES.len()];
    for _ in 0..experiments {
        let mut arms = [CovariateSums::default(); 2];
        let mut ever = [false; ENGINES.len()];
        let mut last = [false; ENGINES.len()];
        for _ in 0..DAYS {
            add_a_day(&mut arms, &mut rng);
            last = verdicts(arms[0], arms[1]);
            for (ever, today) in ever.iter_mut().zip(last) {
                *ever |= today;
            }
        }
        for (found, (ever, last)) in found.iter_mut().zip(ever.into_iter().zip(last)) {
            found.under_daily_peeking += u32::from(ever);
            found.at_single_look += u32::from(last);
        }
    }
    found
}

/// A day's users: a coin decides on the arm, the score on whether they convert.
fn add_a_day(arms: &mut [CovariateSums; 2], rng: &mut ChaCha8Rng) {
    for score in SCORES {
        let in_treatment = draw(USERS_PER_DAY_AND_SCORE, 0.5, rng);
        for (sums, users) in arms
            .iter_mut()
            .zip([USERS_PER_DAY_AND_SCORE - in_treatment, in_treatment])
        {
            let converted = draw(users, score, rng);
            sums.counts.users += users;
            sums.counts.conversions += converted;
            sums.covariate += users as f64 * score;
            sums.covariate_squared += users as f64 * score * score;
            sums.cross += converted as f64 * score;
        }
    }
}

fn draw(trials: u64, probability: f64, rng: &mut ChaCha8Rng) -> u64 {
    Binomial::new(trials, probability)
        .expect("the probability lies within 0 and 1")
        .sample(rng)
}

/// Whether each engine finds an effect.
fn verdicts(control: CovariateSums, treatment: CovariateSums) -> [bool; ENGINES.len()] {
    let settings = ReadoutSettings::default();
    let readout = Experiment {
        control: control.counts,
        treatment: treatment.counts,
        settings,
    }
    .readout();
    let adjusted =
        cuped(control, treatment, &settings).map_or_else(Effect::default, |cuped| cuped.effect);
    ENGINES.map(|engine| match engine {
        Engine::Frequentist => readout.effect.frequentist.is_some_and(|it| it.significant),
        Engine::Bayesian => readout
            .effect
            .bayesian
            .is_some_and(|it| it.interval.excludes_zero()),
        Engine::Sequential => readout.effect.sequential.is_some_and(|it| it.significant),
        Engine::Decision => matches!(readout.decision, Decision::Ship | Decision::RollBack),
        Engine::FrequentistCuped => adjusted.frequentist.is_some_and(|it| it.significant),
        Engine::SequentialCuped => adjusted.sequential.is_some_and(|it| it.significant),
        Engine::SampleRatio => !readout.sample_ratio_mismatch.healthy,
    })
}
