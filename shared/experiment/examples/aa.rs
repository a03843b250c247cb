//! How often the experiment readout errs.
//!
//! First, how often each of its engines finds an effect where there is none, in 28 days of a typical experiment, looked at
//! once at the end and looked at every day. Then, at rates from 0.1% to 50% and with 60 daily looks: how often the decision and
//! gbstats' sequential interval find an effect that is not there, how often they find one that is, and how often the
//! intervals that hold at any look miss the truth. Exits with 1 where the decision or an interval breaks its promise.

#[path = "../tests/experiment/looks.rs"]
mod looks;
#[path = "../tests/experiment/simulation.rs"]
mod simulation;

use std::process::ExitCode;
use std::thread;

use looks::{Course, LookTally, tally};
use simulation::{DAYS, ENGINES, false_positives};

const EXPERIMENTS: u32 = 2_000;
const SEED: u64 = 1;

const RATES: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.1, 0.265, 0.5];

/// Users of both arms together; 3,600 and 100,000 an arm after the last day.
const USERS_PER_DAY: [u64; 2] = [120, 3_333];

const LOOKS: u32 = 60;

/// The promise of each side of the decision, and of each interval.
const ALPHA: f64 = 0.05;

/// Of gbstats' power, what the decision keeps at least wherever gbstats keeps its own promise.
const LEAST_KEPT: f64 = 0.9;

/// The effect at 3,600 users an arm as a distance of arcsine-transformed rates: 26.5% falling to 22.5%, 15% less.
const EFFECT: f64 = 0.0462;

fn main() -> ExitCode {
    println!("False positives in {EXPERIMENTS} A/A experiments of {DAYS} days");
    println!(
        "{:<18}{:>10}{:>14}{:>15}",
        "engine", "promised", "single look", "daily peeking"
    );
    for (engine, found) in ENGINES.into_iter().zip(false_positives(EXPERIMENTS, SEED)) {
        println!(
            "{:<18}{:>9.2}%{:>13.2}%{:>14.2}%",
            format!("{engine:?}"),
            100.0 * engine.alpha(),
            percent(found.at_single_look),
            percent(found.under_daily_peeking),
        );
    }
    let broken: usize = USERS_PER_DAY.into_iter().map(table).sum();
    if broken > 0 {
        println!("\n{broken} promises are broken");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Prints the table for this many users and returns how many promises it shows broken.
fn table(users_per_day: u64) -> usize {
    let mut broken = 0;
    let mut promise = |kept: bool| broken += usize::from(!kept);
    println!(
        "\n{LOOKS} daily looks, {} users an arm on the last day, {EXPERIMENTS} experiments a line, in %. Misses are of any look;\n\
         \"kept\" is the power over gbstats', where gbstats' own false positives are at most 5% a side.",
        users_per_day * u64::from(LOOKS) / 2
    );
    println!(
        "{:>6}{:>9} |{:>7}{:>7} |{:>7}{:>7} |{:>7} |{:>6}{:>6}",
        "A", "B", "ship", "back", "ship", "back", "kept", "diff.", "ratio"
    );
    println!(
        "{:>15} |{:>14} |{:>14} |{:>7} |{:>12}",
        "rates", "decision", "gbstats", "", "missed"
    );
    let lines: Vec<[Option<(f64, LookTally)>; 3]> = thread::scope(|scope| {
        let runs = RATES.map(|rate| scope.spawn(move || lines(rate, users_per_day)));
        runs.into_iter()
            .map(|run| run.join().expect("a simulation never panics"))
            .collect()
    });
    for (rate, [none, fewer, more]) in RATES.into_iter().zip(lines) {
        let fair = none.is_some_and(|(_, none)| {
            none.gbstats
                .map(percent)
                .iter()
                .all(|&p| p <= 100.0 * ALPHA)
        });
        for (line, side) in [(none, None), (fewer, Some(0)), (more, Some(1))] {
            let Some((treatment_rate, tally)) = line else {
                continue;
            };
            let kept = side
                .filter(|_| fair)
                .map(|side: usize| percent(tally.decided[side]) / percent(tally.gbstats[side]));
            promise(kept.is_none_or(|kept| kept >= LEAST_KEPT));
            if side.is_none() {
                promise(
                    tally
                        .decided
                        .iter()
                        .all(|&count| percent(count) <= 100.0 * ALPHA),
                );
            }
            for missed in [tally.difference_missed, tally.ratio_missed] {
                promise(percent(missed) <= 100.0 * ALPHA);
            }
            let kept = kept.map_or(String::new(), |kept| format!("{kept:.2}"));
            let [ship, back] = tally.decided.map(percent);
            let [gbstats_ship, gbstats_back] = tally.gbstats.map(percent);
            println!(
                "{:>6}{:>9.3} |{ship:>7.2}{back:>7.2} |{gbstats_ship:>7.2}{gbstats_back:>7.2} |{kept:>7} |{:>6.2}{:>6.2}",
                100.0 * rate,
                100.0 * treatment_rate,
                percent(tally.difference_missed),
                percent(tally.ratio_missed),
            );
        }
    }
    broken
}

/// No effect, fewer conversions and more of them, as far as there are such rates.
fn lines(rate: f64, users_per_day: u64) -> [Option<(f64, LookTally)>; 3] {
    let effect = EFFECT * (USERS_PER_DAY[0] as f64 / users_per_day as f64).sqrt();
    [0.0, -effect, effect].map(|shift| {
        let angle = rate.sqrt().asin() + shift;
        let treatment_rate = if shift == 0.0 {
            rate
        } else {
            angle.sin().powi(2)
        };
        (angle > 0.0).then(|| {
            let course = Course {
                rates: [rate, treatment_rate],
                treatment_share: 0.5,
                users_per_day,
                days: LOOKS,
            };
            (treatment_rate, tally(course, EXPERIMENTS, SEED))
        })
    })
}

fn percent(count: u32) -> f64 {
    100.0 * f64::from(count) / f64::from(EXPERIMENTS)
}
