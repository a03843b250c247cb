//! How the product grows with the customers of a business.
//!
//! `scale bench FOLDER COUNT…` prints what each number of customers costs, beside what the number before costs;
//! `scale generate FOLDER COUNT OUT` only draws the customers, into a workspace folder.

#![allow(clippy::unwrap_used)]

use engagetrack::campaign::CampaignRequest;
use engagetrack::directory::{self, Request};
use engagetrack::query::Query;
use engagetrack::selection::{Selection, filter_values};
use engagetrack::{Live, View, analytics, explanation};
use rustix::time::{ClockId, clock_gettime};
use schema::FilterParameters;
use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, process};
use workspace::compile::compile_folder;
use workspace::{Part, file, generate};

/// The customers are the same in every run.
const SEED: u64 = 1;
/// Points per feature of an explanation, as the API gives them.
const POINTS: usize = 300;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bench", folder, counts @ ..] => bench(Path::new(folder), counts),
        ["generate", folder, count, out] => draw(Path::new(folder), count, Path::new(out)),
        ["compile", folder, out] => compile(Path::new(folder), Path::new(out)),
        ["measure", file] => measure(Path::new(file)),
        _ => {
            eprintln!("scale bench FOLDER COUNT… | scale generate FOLDER COUNT OUT");
            process::exit(2);
        }
    }
}

fn draw(folder: &Path, count: &str, out: &Path) {
    let count = count.parse().expect("a number of customers");
    if let Err(error) = generate::folder(folder, count, SEED, out) {
        eprintln!("{error}");
        process::exit(1);
    }
}

/// A figure, printed for the process that compares.
fn print(name: &str, number: f64) {
    println!("{name}\t{number}");
}

/// Compiles in a process of its own, so that the memory is that of nothing else.
fn compile(folder: &Path, out: &Path) {
    let compiled = compile_folder(folder).unwrap();
    let bytes = file::to_bytes(&compiled.parts);
    drop(compiled);
    print("compile, ms", milliseconds(now()));
    print("compile, most memory, MB", memory("VmHWM"));
    print("file, MB", bytes.len() as f64 / 1e6);
    fs::write(out, bytes).unwrap();
}

fn measure(path: &Path) {
    let open = || Live::from_file(path, &Part::ALL).unwrap();
    print("open, ms", median(5, open));
    let live = open();
    let view = live.view();
    let file = fs::metadata(path).unwrap().len() as f64 / 1e6;
    print("resident after opening, MB", memory("VmRSS"));
    for sort in directory::sorts(view) {
        let request = read(&format!("sort={sort}"), |query| {
            Request::from_query(view, query)
        });
        let page = || serde_json::to_vec(&request.page(view)).unwrap();
        print(&format!("page by {sort}, ms"), median(51, page));
    }
    let filters = three_filters(view);
    let request = read(&filters, |query| Request::from_query(view, query));
    print(
        "page with three filters, ms",
        median(51, || serde_json::to_vec(&request.page(view)).unwrap()),
    );
    let beginning = &view.customers.id(0)[..4];
    let request = read(&format!("q={beginning}"), |query| {
        Request::from_query(view, query)
    });
    print(
        "page of a search, ms",
        median(51, || serde_json::to_vec(&request.page(view)).unwrap()),
    );
    let selection = read(&filters, |query| Selection::from_query(view, query));
    let begun = now();
    black_box(analytics::read(view, &selection));
    print("first analytics, ms", milliseconds(now() - begun));
    print(
        "analytics with three filters, ms",
        median(11, || analytics::read(view, &selection)),
    );
    let selected = selection.positions(view).len();
    print("customers whom they select", selected as f64);
    let policy = read("", |query| {
        analytics::PolicyRequest::from_query(view, query)
    });
    print("policy, ms", median(3, || policy.read(view)));
    let campaign = |text: &str| {
        let request = read(text, |query| CampaignRequest::from_query(view, query));
        move || request.list(view, &[]).unwrap()
    };
    let (some, all) = (campaign("campaign=a&contacts=500"), campaign("campaign=a"));
    let begun = now();
    black_box(some());
    print("first campaign, ms", milliseconds(now() - begun));
    print(
        "page of a campaign of 500, ms",
        median(11, || serde_json::to_vec(&some().page()).unwrap()),
    );
    let everyone: Vec<usize> = (0..view.customers.len()).collect();
    print(
        "global explanation, ms",
        median(3, || explanation::explain_all(view, &everyone, POINTS)),
    );
    drop(everyone);
    let resident = memory("VmRSS");
    print("resident after all of it, MB", resident);
    print("resident beside the file", resident / file);
    // Its memory would hide that of the workspace.
    print("campaign of all as a file, ms", median(3, || all().csv()));
}

/// The first half of the values of three fields that have some.
fn three_filters(view: &View<'_>) -> String {
    let fields = view
        .schema
        .fields()
        .filter_map(|field| match field.filter()? {
            FilterParameters::Values(name) => Some((name, field)),
            _ => None,
        });
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, field) in fields.take(3) {
        let values = filter_values(field);
        let half = values.clone().count().div_ceil(2);
        query.extend_pairs(values.take(half).map(|value| (name, value)));
    }
    query.finish()
}

fn bench(folder: &Path, counts: &[&str]) {
    let room = tempfile::tempdir().unwrap();
    let program = env::current_exe().unwrap();
    let run = |arguments: &[&str]| -> String {
        let output = Command::new(&program).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let mut before: Option<HashMap<String, f64>> = None;
    for count in counts {
        let (drawn, file) = (room.path().join("drawn"), room.path().join("compiled"));
        let [drawn, file] = [&drawn, &file].map(|path| path.to_str().unwrap());
        run(&["generate", folder.to_str().unwrap(), count, drawn]);
        let figures = run(&["compile", drawn, file]) + &run(&["measure", file]);
        println!("\n{count} customers");
        let mut these = HashMap::new();
        for (name, number) in figures.lines().filter_map(|line| line.split_once('\t')) {
            let number: f64 = number.parse().unwrap();
            let growth = before
                .as_ref()
                .and_then(|before| Some(number / before.get(name)?));
            let growth = growth.map_or(String::new(), |growth| format!("{growth:>8.1} times"));
            println!("  {name:<36}{number:>12.3}{growth}");
            these.insert(name.to_owned(), number);
        }
        before = Some(these);
    }
}

fn read<T>(text: &str, read: impl FnOnce(&mut Query) -> T) -> T {
    Query::parse(text).unwrap().read(read).unwrap()
}

/// The median processor time of what is done so many times, in milliseconds.
fn median<T>(rounds: usize, action: impl Fn() -> T) -> f64 {
    let time = || {
        let begun = now();
        black_box(action());
        now() - begun
    };
    time();
    let mut times: Vec<Duration> = (0..rounds).map(|_| time()).collect();
    times.sort_unstable();
    milliseconds(times[rounds / 2])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The processor time of this thread.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// Memory of this process as Linux counts it, in MB.
fn memory(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kibibytes * 1024.0 / 1e6
}
