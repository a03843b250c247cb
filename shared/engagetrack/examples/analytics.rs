//! Directory, analytics and explanations for scripts: `analytics table` writes the customers as CSV, `analytics time` the median
//! processor time of each answer, in microseconds.

#![allow(clippy::unwrap_used)]

use engagetrack::directory::{self, Request};
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{View, analytics, embedded, explanation};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;
use std::{env, io};

const ROUNDS: usize = 101;
/// A measurement takes at least this long, so that reading the clock does not count.
const SHORTEST: Duration = Duration::from_micros(500);
/// Points per feature of an explanation, as the API gives them.
const POINTS: usize = 300;
/// Selections, with the names under which the script knows them.
const SELECTIONS: [(&str, &str); 2] = [
    ("everyone", ""),
    (
        "three filters",
        "contract=Month-to-month&internet_service=Fiber+optic&internet_service=DSL&tenure_max=48",
    ),
];
const FOUR_FILTERS: &str =
    "contract=Month-to-month&internet_service=Fiber+optic&tenure_max=48&monthly_charges_min=60";

fn main() {
    let live = embedded::live(embedded::whole());
    match env::args().nth(1).as_deref() {
        Some("table") => table(live.view()),
        Some("time") => times(live.view()),
        _ => eprintln!("analytics table | analytics time"),
    }
}

/// Every customer: the id, all fields of the profile, persona, stage, risk level, probability, outcome, and the
/// contributions as columns `shap_<feature>`.
fn table(view: &View<'_>) {
    let (schema, customers) = (&view.schema, &view.customers);
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    let mut header = vec![schema.id_name().to_owned()];
    header.extend(schema.fields().map(|field| field.name().to_owned()));
    header.extend(["persona", "stage", "risk_level", "probability", "churned"].map(str::to_owned));
    header.extend(
        view.model
            .fields()
            .map(|field| format!("shap_{}", field.name())),
    );
    writer.write_record(&header).unwrap();
    for customer in 0..customers.len() {
        let profile = view.profile(customer);
        let codes = profile.codes();
        let mut record = vec![customers.id(customer).to_owned()];
        record.extend(schema.fields().map(|field| match codes[field.index()] {
            code if code.is_nan() => String::new(),
            code => field.display(code).into_owned(),
        }));
        let probability = customers.probability(customer);
        let persona = schema
            .persona_of(codes)
            .and_then(|persona| schema.personas().nth(persona));
        let stage = schema
            .stage_of(codes)
            .and_then(|stage| schema.stages().nth(stage));
        let left = customers.outcome(customer).left();
        record.extend([
            persona.map_or("", |persona| persona.name).to_owned(),
            stage.map_or("", |stage| stage.name).to_owned(),
            schema.level(probability).name.to_owned(),
            probability.to_string(),
            left.map_or(String::new(), |left| u8::from(left).to_string()),
        ]);
        let shap = explanation::contributions(view, &view.model.row(codes));
        record.extend(
            shap[..view.model.features().len()]
                .iter()
                .map(f32::to_string),
        );
        writer.write_record(&record).unwrap();
    }
}

/// Prints what each answer takes: its name, a tab, microseconds.
fn times(view: &View<'_>) {
    let print = |name: &str, time: Duration| println!("{name}\t{:.3}", time.as_secs_f64() * 1e6);
    for sort in directory::sorts(view) {
        let request = read(&format!("sort={sort}"), |query| {
            Request::from_query(view, query)
        });
        let page = || serde_json::to_vec(&request.page(view)).unwrap();
        print(&format!("page by {sort}"), median(page));
    }
    let four = read(FOUR_FILTERS, |query| Selection::from_query(view, query));
    print("four filters", median(|| four.mask(view)));
    for (name, text) in SELECTIONS {
        let selection = read(text, |query| Selection::from_query(view, query));
        print(name, median(|| analytics::read(view, &selection)));
    }
    let policy = read("cost=20", |query| {
        analytics::PolicyRequest::from_query(view, query)
    });
    print("policy", median(|| policy.read(view)));
    let everyone: Vec<usize> = (0..view.customers.len()).collect();
    print(
        "explanation",
        median(|| explanation::explain_all(view, &everyone, POINTS)),
    );
}

fn read<T>(text: &str, read: impl FnOnce(&mut Query) -> T) -> T {
    Query::parse(text).unwrap().read(read).unwrap()
}

/// The median processor time of what is done once.
fn median<T>(action: impl Fn() -> T) -> Duration {
    let time = |repeats: u32| {
        let begun = now();
        for _ in 0..repeats {
            black_box(action());
        }
        now() - begun
    };
    time(1);
    let mut repeats = 1;
    while time(repeats) < SHORTEST {
        repeats *= 2;
    }
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| time(repeats) / repeats).collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

/// The processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}
