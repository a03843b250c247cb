//! Finds the smallest recourse of every embedded customer, and says how many need how many changes and how long it took.
//!
//! ```text
//! cargo run --release -p engagetrack --example recourse_audit -- [--target P] [--repeat N] [--json]
//! ```
//!
//! `--target P` is the probability to get below, the schema's `will_churn` where it is not given; `--repeat N` does the work N times and reports
//! the median; `--json` prints one object with the seconds and, customer by customer in the order of the ids, the number
//! of changes, null where the target is out of reach.

use engagetrack::embedded;
use engagetrack::recourse::{self, Recourse};
use schema::{ChangePolicy, Field, Profile};
use std::error::Error;
use std::time::Instant;

/// A target that nobody reaches, so that every plan of a customer is tried.
const OUT_OF_REACH: f64 = f64::MIN_POSITIVE;

fn main() -> Result<(), Box<dyn Error>> {
    let live = embedded::live(embedded::core());
    let view = live.view();
    let (mut target, mut repeat, mut json) = (view.schema.will_churn(), 1, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--target" => target = value()?.parse()?,
            "--repeat" => repeat = value()?.parse::<usize>()?.max(1),
            "--json" => json = true,
            _ => return Err(format!("unknown option {argument:?}").into()),
        }
    }
    let profiles: Vec<Profile> = (0..view.customers.len())
        .map(|customer| view.profile(customer))
        .collect();
    let mut found = Vec::new();
    let seconds = median(repeat, || {
        found = profiles
            .iter()
            .zip(view.customers.probabilities())
            .map(|(profile, probability)| recourse::find(view, profile, *probability, target))
            .collect();
    });
    if json {
        let steps: Vec<String> = found.iter().map(steps).collect();
        println!("{{\"seconds\":{seconds},\"steps\":[{}]}}", steps.join(","));
        return Ok(());
    }
    let count =
        |wanted: &dyn Fn(&Recourse<'_>) -> bool| found.iter().filter(|one| wanted(one)).count();
    println!(
        "{} customers, to get below {target}: {:.3} s",
        found.len(),
        seconds
    );
    for (name, steps) in [("nothing", 0), ("one step", 1), ("two", 2), ("three", 3)] {
        let customers = count(&|one| one.reachable && one.steps == steps);
        println!("{name:>12} {customers:>6}");
    }
    let more = count(&|one| one.reachable && one.steps > 3);
    println!("{:>12} {more:>6}", "more");
    println!("{:>12} {:>6}", "unreachable", count(&|one| !one.reachable));

    let plans: usize = view.nudges.levels().map(|level| level.len()).sum();
    let can_have_all = |profile: &&Profile| {
        view.schema
            .fields()
            .all(|field| can_have_all(field, profile.codes()))
    };
    if let Some(profile) = profiles.iter().find(can_have_all) {
        let seconds = median(repeat.max(101), || {
            let probability = view.model.probability(profile.codes());
            recourse::find(view, profile, probability, OUT_OF_REACH);
        });
        let milliseconds = seconds * 1e3;
        println!(
            "all {} plans of one customer: {milliseconds:.3} ms",
            grouped(plans)
        );
    }
    Ok(())
}

/// Whether a customer with these codes can have every value of a field that recourse may change.
fn can_have_all(field: Field<'_>, codes: &[f64]) -> bool {
    let code = codes[field.index()];
    let known = (code as usize) < field.choices() && !code.is_nan();
    let mut needs = field.needs().iter();
    match field.change() {
        ChangePolicy::Never | ChangePolicy::Cohort => true,
        ChangePolicy::Up if code != 0.0 => false,
        ChangePolicy::Up | ChangePolicy::Any => {
            known && needs.all(|need| need.allows(codes[need.field()]))
        }
    }
}

/// A count with commas between thousands.
fn grouped(count: usize) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", grouped(count / 1_000), count % 1_000),
    }
}

fn steps(found: &Recourse<'_>) -> String {
    match found.reachable {
        true => found.steps.to_string(),
        false => "null".to_owned(),
    }
}

/// Does the work as often as asked; the median time in seconds.
fn median(repeat: usize, mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..repeat)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
