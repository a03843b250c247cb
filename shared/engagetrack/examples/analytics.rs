//! The analytics for scripts: `analytics table` writes the population as CSV, `analytics time QUERY` the median time of an
//! answer to a query of filters, in microseconds.

#![allow(clippy::unwrap_used)]

use engagetrack::analytics;
use engagetrack::encoding::{self, FEATURES, FIELDS};
use engagetrack::explanation;
use engagetrack::lifecycle::{Persona, Stage};
use engagetrack::population;
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, io};

const ROUNDS: usize = 501;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["table"] => table(),
        ["time", query] => println!("{:.3}", time(query).as_secs_f64() * 1e6),
        _ => eprintln!("analytics table | analytics time QUERY"),
    }
}

/// Every customer: the id, all fields of the profile, persona, stage, risk level, probability, outcome, and the
/// contributions as columns `shap_<feature>`.
fn table() {
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    let mut header = vec!["customer_id".to_owned()];
    header.extend(FIELDS.iter().map(|field| field.name.to_owned()));
    header.extend(["persona", "stage", "risk_level", "probability", "churned"].map(str::to_owned));
    header.extend(
        FIELDS[..FEATURES]
            .iter()
            .map(|field| format!("shap_{}", field.name)),
    );
    writer.write_record(&header).unwrap();
    for customer in population::all() {
        let (profile, codes) = (customer.profile(), customer.codes());
        let mut record = vec![customer.id().to_string()];
        record.extend(
            codes
                .iter()
                .enumerate()
                .map(|(position, code)| match code.is_nan() {
                    true => String::new(),
                    false => encoding::display(position, *code).into_owned(),
                }),
        );
        record.extend([
            Persona::of(&profile).to_string(),
            Stage::of(&profile).to_string(),
            customer.risk_level().to_string(),
            customer.probability().to_string(),
            u8::from(customer.churned()).to_string(),
        ]);
        let shap = explanation::contributions(&encoding::row(&codes));
        record.extend(shap[..FEATURES].iter().map(f32::to_string));
        writer.write_record(&record).unwrap();
    }
}

/// The median time of one answer.
fn time(query: &str) -> Duration {
    let mut query = Query::parse(query).unwrap();
    let selection = Selection::from_query(&mut query);
    query.finish().unwrap();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            black_box(analytics::read(black_box(&selection)));
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}
