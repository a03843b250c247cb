//! What holds of any business: recourse is the best of all plans, filters and sorts are those of a pass over all customers.

#![allow(clippy::unwrap_used)]

mod random;

use engagetrack::directory::{self, Request};
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{View, recourse};
use proptest::prelude::*;
use random::{Random, workspace, workspaces};
use schema::intake::CUSTOMER_ID;
use schema::{Change, ChangePolicy, Field, FilterParameters, Kind, Profile};
use std::cmp::Ordering;

/// Where a step may take a field of a customer.
fn destinations(field: Field<'_>, profile: &Profile) -> Vec<usize> {
    let code = profile.code(field.index());
    let needs = || {
        field
            .needs()
            .iter()
            .map(|need| (need, profile.code(need.field())))
    };
    let unmet = needs().any(|(need, code)| !code.is_nan() && !need.allows(code));
    let unknown = needs().any(|(_, code)| code.is_nan());
    let all = 0..field.choices();
    match field.change() {
        ChangePolicy::Never | ChangePolicy::Cohort => Vec::new(),
        _ if code.is_nan() => Vec::new(),
        // It comes with what it needs, or not at all; `apply` says which.
        _ if unmet => all.filter(|to| *to > 0).collect(),
        _ if unknown => Vec::new(),
        ChangePolicy::Any => all.filter(|to| *to as f64 != code).collect(),
        ChangePolicy::Up => all.filter(|to| *to as f64 > code).collect(),
    }
}

/// A plan that a customer can have.
#[derive(Clone, Debug)]
struct Plan {
    steps: usize,
    recurring: f64,
    risk: f64,
    after: Profile,
}

/// Every plan of at most so many steps that a customer can have, found by trying each combination of destinations.
fn every_plan(view: &View<'_>, from: &Profile, most: usize) -> Vec<Plan> {
    let mut changes: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for field in view.schema.fields() {
        let mut further = Vec::new();
        for to in destinations(field, from) {
            let shorter = changes.iter().filter(|change| change.len() < most);
            further.extend(shorter.map(|change| {
                let mut longer = change.clone();
                longer.push((field.index(), to as f64));
                longer
            }));
        }
        changes.append(&mut further);
    }
    let plan = |change: Vec<(usize, f64)>| {
        let steps = change.len();
        let after = match steps {
            0 => from.clone(),
            _ => view.schema.apply(from, &Change::of(change))?,
        };
        let recurring = view.schema.roles().recurring.map(|field| after.code(field));
        Some(Plan {
            steps,
            recurring: recurring.filter(|paid| !paid.is_nan()).unwrap_or(0.0),
            risk: view.model.probability(after.codes()),
            after,
        })
    };
    changes.into_iter().filter_map(plan).collect()
}

fn by(one: [f64; 3], other: [f64; 3]) -> Ordering {
    one.partial_cmp(&other).unwrap()
}

fn assert_recourse_is_the_best(view: &View<'_>, profile: &Profile, plans: &[Plan], target: f64) {
    let today = view.model.probability(profile.codes());
    let found = recourse::find(view, profile, today, target);
    let key = |plan: &Plan| [plan.steps as f64, plan.recurring, plan.risk];
    let reached = plans.iter().filter(|plan| plan.risk < target);
    let best = reached.min_by(|a, b| by(key(a), key(b)));
    let of_risk = |plan: &Plan| [plan.risk, plan.steps as f64, plan.recurring];
    let lowest = plans
        .iter()
        .min_by(|a, b| by(of_risk(a), of_risk(b)))
        .unwrap();
    let wanted = best.unwrap_or(lowest);
    let paid = |profile: &Profile| {
        let field = view.schema.roles().recurring;
        field.map_or(0.0, |field| profile.code(field))
    };
    let change = paid(&wanted.after) - paid(profile);
    assert_eq!(
        (
            found.reachable,
            found.steps as usize,
            found.projected_probability,
            *found.recurring_change.value(),
        ),
        (
            best.is_some(),
            wanted.steps,
            wanted.risk,
            if change.is_nan() { 0.0 } else { change },
        ),
        "{found:?} at {target}, wanted {wanted:?} from {profile:?}"
    );
    // What is said to be changed leads there, and is one of the plans that are as good.
    let made = view.schema.edit(profile, &found.changes.change).unwrap();
    let as_good = plans
        .iter()
        .filter(|plan| by(key(plan), key(wanted)) == Ordering::Equal);
    assert!(
        as_good.into_iter().any(|plan| plan.after == made),
        "{found:?} makes {made:?}"
    );
}

/// Parameters of a query, as a URL has them.
fn encoded(parameters: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

type Holds<'v> = Box<dyn Fn(usize, &Profile) -> bool + 'v>;

/// One filter of a field by random numbers, and what it asks of a customer.
fn filter_of<'v>(field: Field<'v>, draw: &mut impl FnMut() -> usize) -> Option<Asked<'v>> {
    let index = field.index();
    let (least, most) = field.range().into_inner();
    let bounds = |draw: &mut dyn FnMut() -> usize| {
        let mut bounds = [0, 0].map(|_| field.clamped((draw() % 130) as f64 - 50.0));
        bounds.sort_by(f64::total_cmp);
        bounds
    };
    Some(match field.filter()? {
        FilterParameters::Values(name) => {
            let is_flag = field.kind() == Kind::Flag;
            let count = if is_flag { 2 } else { field.choices() };
            let wanted: Vec<usize> = (0..2).map(|_| draw() % count).collect();
            let text = |code: &usize| match is_flag {
                true => (*code == 1).to_string(),
                false => field.value(*code as f64).unwrap().name().to_owned(),
            };
            let parameters = wanted.iter().map(|code| (name.to_owned(), text(code)));
            Asked {
                parameters: parameters.collect(),
                holds: Box::new(move |_, profile| {
                    let code = profile.code(index);
                    // A flag that can't be set is not set.
                    let absent = field.without().is_some() && code == field.absent_code();
                    let code = if absent { 0.0 } else { code };
                    wanted.iter().any(|wanted| *wanted as f64 == code)
                }),
            }
        }
        FilterParameters::Whole { min, max } => {
            let [low, high] = bounds(draw);
            Asked {
                parameters: vec![
                    (min.into(), low.to_string()),
                    (max.into(), high.to_string()),
                ],
                holds: Box::new(move |_, profile| (low..=high).contains(&profile.code(index))),
            }
        }
        FilterParameters::Number { min, below } => {
            let [low, high] = bounds(draw);
            let high = if low == high { most } else { high };
            let low = if low == high { least } else { low };
            Asked {
                parameters: vec![
                    (min.into(), low.to_string()),
                    (below.into(), high.to_string()),
                ],
                holds: Box::new(move |_, profile| (low..high).contains(&profile.code(index))),
            }
        }
    })
}

/// Filters as parameters, and as a question to each customer.
struct Asked<'v> {
    parameters: Vec<(String, String)>,
    holds: Holds<'v>,
}

/// Filters that are no fields': persona, stage, risk level, what is missing, and the status, which is always given or left out.
fn other_filters<'v>(random: &'v Random, draw: &mut impl FnMut() -> usize) -> Vec<Asked<'v>> {
    let view = random.view();
    let schema = &view.schema;
    let mut asked = Vec::new();
    let mut one = |name: &str, values: Vec<String>, holds: Holds<'v>| {
        let parameters = values.into_iter().map(|value| (name.to_owned(), value));
        asked.push(Asked {
            parameters: parameters.collect(),
            holds,
        });
    };
    if schema.personas().len() > 0 {
        let wanted = draw() % schema.personas().len();
        let name = schema.personas().nth(wanted).unwrap().name.to_owned();
        let holds = move |_, profile: &Profile| schema.persona_of(profile.codes()) == Some(wanted);
        one("persona", vec![name], Box::new(holds));
    }
    if schema.stages().len() > 0 {
        let wanted = draw() % schema.stages().len();
        let name = schema.stages().nth(wanted).unwrap().name.to_owned();
        let holds = move |_, profile: &Profile| schema.stage_of(profile.codes()) == Some(wanted);
        one("stage", vec![name], Box::new(holds));
    }
    let count = schema.levels().len();
    let wanted = [0, 0].map(|_| draw() % count);
    let names = wanted.map(|level| schema.levels().nth(level).unwrap().name.to_owned());
    let holds = move |_, profile: &Profile| {
        let risk = view.model.probability(profile.codes());
        wanted.contains(&schema.level(risk).index)
    };
    one("risk_level", names.to_vec(), Box::new(holds));
    let optional: Vec<Field<'_>> = schema.fields().filter(|field| !field.required()).collect();
    if !optional.is_empty() {
        let wanted = [0, 0].map(|_| optional[draw() % optional.len()]);
        let names = wanted.map(|field| field.name().to_owned());
        let holds = move |_, profile: &Profile| {
            wanted
                .iter()
                .any(|field| profile.code(field.index()).is_nan())
        };
        one("missing", names.to_vec(), Box::new(holds));
    }
    asked
}

/// The customers' positions by a sort, from a pass over all.
fn sorted(random: &Random, sort: &str) -> Vec<usize> {
    let view = random.view();
    let (name, descending) = match sort.strip_prefix('-') {
        Some(name) => (name, true),
        None => (sort, false),
    };
    let value = |customer: &usize| {
        let (_, profile, left) = &random.customers[*customer];
        match name {
            "probability" => view.model.probability(profile.codes()),
            CUSTOMER_ID => *customer as f64,
            name if view.schema.outcome_name() == Some(name) => left.map_or(f64::NAN, f64::from),
            name => profile.code(view.schema.find(name).unwrap().index()),
        }
    };
    let mut all: Vec<usize> = (0..random.customers.len()).collect();
    // Stable, so equal ones stay by rising id.
    all.sort_by(|a, b| {
        let (a, b) = (value(a), value(b));
        match (a.is_nan(), b.is_nan()) {
            (false, false) if descending => b.partial_cmp(&a).unwrap(),
            (false, false) => a.partial_cmp(&b).unwrap(),
            (one, other) => one.cmp(&other),
        }
    });
    all
}

proptest! {
    #[test]
    fn recourse_is_the_best_of_all_plans((text, numbers, mut draws) in workspaces(4), target in 0.02..0.98f64) {
        let random = workspace(&text, &numbers, &mut draws);
        let view = random.view();
        for (_, profile, _) in random.customers.iter().take(4) {
            let plans = every_plan(view, profile, usize::MAX);
            let median = plans[plans.len() / 2].risk;
            for target in [target, 0.5, median, 0.0, 1.0] {
                assert_recourse_is_the_best(view, profile, &plans, target);
            }
        }
    }

    #[test]
    fn filters_select_the_customers_of_whom_they_hold(
        (text, numbers, mut draws) in workspaces(usize::MAX), picks in prop::collection::vec(any::<u32>(), 100),
    ) {
        let random = workspace(&text, &numbers, &mut draws);
        let view = random.view();
        for (position, (id, profile, left)) in random.customers.iter().enumerate() {
            prop_assert_eq!(view.customers.find(id), Some(position));
            prop_assert_eq!(&view.profile(position), profile);
            prop_assert_eq!(view.customers.outcome(position).left(), *left);
        }
        let mut picks = picks.iter().cycle();
        let mut draw = || *picks.next().unwrap() as usize;
        let mut filters: Vec<Asked<'_>> = view.schema.fields().filter_map(|field| filter_of(field, &mut draw)).collect();
        filters.extend(other_filters(&random, &mut draw));
        for statuses in [&[][..], &["active"], &["left"], &["active", "left"]] {
            let selects = |left: Option<bool>| match left {
                Some(true) => statuses.contains(&"left"),
                _ => statuses.is_empty() || statuses.contains(&"active"),
            };
            let status = statuses.iter().map(|status| ("status".to_owned(), (*status).to_owned()));
            // Each alone, and some together.
            let together: Vec<usize> = (0..filters.len()).filter(|_| draw() % 3 == 0).collect();
            for chosen in (0..filters.len()).map(|filter| vec![filter]).chain([vec![], together]) {
                let parameters = chosen.iter().flat_map(|filter| filters[*filter].parameters.clone());
                let text = encoded(&parameters.chain(status.clone()).collect::<Vec<_>>());
                let read = Query::parse(&text).unwrap().read(|query| Selection::from_query(view, query));
                let customers = random.customers.iter().enumerate();
                let expected = customers.filter(|(position, (_, profile, left))| {
                    selects(*left) && chosen.iter().all(|filter| (filters[*filter].holds)(*position, profile))
                });
                let expected: Vec<usize> = expected.map(|(position, _)| position).collect();
                prop_assert_eq!(read.map(|selection| selection.positions(view)), Ok(expected), "{}", text);
            }
        }
    }

    #[test]
    fn pages_join_to_the_customers_in_the_order_of_every_sort(
        (text, numbers, mut draws) in workspaces(usize::MAX), limit in 1..14usize,
    ) {
        let random = workspace(&text, &numbers, &mut draws);
        let view = random.view();
        let prefix = &random.customers[7].0[..2];
        for sort in directory::sorts(view) {
            for prefix in ["", prefix] {
                let expected = sorted(&random, &sort).into_iter().map(|customer| random.customers[customer].0.as_str());
                let expected: Vec<&str> = expected.filter(|id| id.starts_with(prefix)).collect();
                let mut found = Vec::new();
                let mut cursor = Some(String::new());
                while let Some(from) = cursor {
                    let text = format!("status=active&status=left&q={prefix}&sort={sort}&limit={limit}{from}");
                    let request = Query::parse(&text).unwrap().read(|query| Request::from_query(view, query)).unwrap();
                    let page = request.page(view);
                    prop_assert_eq!(page.total, expected.len());
                    prop_assert!(page.items.len() <= limit);
                    found.extend(page.items.iter().map(|row| row.id()));
                    cursor = page.next_cursor.map(|cursor| format!("&cursor={cursor}"));
                }
                prop_assert_eq!(&found, &expected, "{}", sort);
            }
        }
    }
}

#[test]
fn plans_of_more_steps_than_are_searched_are_not_found() {
    let field = |index: usize| {
        format!(
            "[[field]]\nname = \"field_{index}\"\nkind = \"choice\"\nabout = \"plan\"\nchange = \"any\"\nrequired = true\n\
            values = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\n"
        )
    };
    let fields: String = (0..7).map(field).collect();
    let text = format!(
        "format = 1\nname = \"wide\"\nas_of = 2026-01-31\n[roles]\nid = {{ name = \"id\" }}\n{fields}"
    );
    let numbers: Vec<u32> = (0..120u32)
        .map(|number| number.wrapping_mul(2_654_435_761) >> 7)
        .collect();
    let mut draws = schema::testing::Draws::new(numbers.iter().rev().copied().collect());
    let random = workspace(&text, &numbers, &mut draws);
    let view = random.view();
    // All plans of five steps and fewer are 92,436, and with six they would be too many.
    assert_eq!(view.nudges.searched_steps(), Some(5));
    let profile = &random.customers[0].1;
    let plans = every_plan(view, profile, 5);
    assert_eq!(plans.len(), 92_436);
    for target in [0.0, 0.2] {
        assert_recourse_is_the_best(view, profile, &plans, target);
    }
}
