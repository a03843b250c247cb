//! How often each engine of the experiment readout finds an effect where there is none: 2,000 simulated A/A experiments
//! of 28 days, looked at once at the end, and looked at every day.

#[path = "../tests/experiment/simulation.rs"]
mod simulation;

use simulation::{DAYS, ENGINES, false_positives};

const EXPERIMENTS: u32 = 2_000;
const SEED: u64 = 1;

fn main() {
    println!("False positives in {EXPERIMENTS} A/A experiments of {DAYS} days");
    println!(
        "{:<18}{:>10}{:>14}{:>15}",
        "engine", "promised", "single look", "daily peeking"
    );
    for (engine, found) in ENGINES.into_iter().zip(false_positives(EXPERIMENTS, SEED)) {
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(EXPERIMENTS);
        println!(
            "{:<18}{:>9.2}%{:>13.2}%{:>14.2}%",
            format!("{engine:?}"),
            100.0 * engine.alpha(),
            percent(found.at_single_look),
            percent(found.under_daily_peeking),
        );
    }
}
