//! The engines keep their promises where there is no effect.

use crate::simulation::{ENGINES, Engine, FalsePositives, false_positives};

const EXPERIMENTS: u32 = 2_000;
const SEED: u64 = 1;

/// Four standard deviations of the share of false positives that an engine with exactly this rate shows.
fn tolerance(rate: f64) -> f64 {
    4.0 * (rate * (1.0 - rate) / f64::from(EXPERIMENTS)).sqrt()
}

#[test]
fn false_positives_are_as_rare_as_promised() {
    let counted = false_positives(EXPERIMENTS, SEED);
    let rates_of = |engine: Engine| {
        let index = ENGINES.iter().position(|&other| other == engine).unwrap();
        let FalsePositives {
            at_single_look,
            under_daily_peeking,
        } = counted[index];
        [at_single_look, under_daily_peeking].map(|count| f64::from(count) / f64::from(EXPERIMENTS))
    };

    for engine in [
        Engine::Frequentist,
        Engine::Bayesian,
        Engine::FrequentistCuped,
    ] {
        let [single_look, peeking] = rates_of(engine);
        let alpha = engine.alpha();
        assert!(
            (single_look - alpha).abs() <= tolerance(alpha),
            "{engine:?}: {single_look}"
        );
        // Why the decision does not rest on them: peeking makes their promise void.
        assert!(peeking > 3.0 * alpha, "{engine:?}: {peeking}");
    }
    for engine in [
        Engine::Sequential,
        Engine::Decision,
        Engine::SequentialCuped,
    ] {
        let [single_look, peeking] = rates_of(engine);
        assert!(
            single_look <= peeking && peeking <= engine.alpha(),
            "{engine:?}: {peeking}"
        );
    }
    let [single_look, _] = rates_of(Engine::SampleRatio);
    let alpha = Engine::SampleRatio.alpha();
    assert!(
        single_look <= alpha + tolerance(alpha),
        "sample ratio: {single_look}"
    );
}
