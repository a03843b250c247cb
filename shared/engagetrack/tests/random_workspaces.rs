//! What holds of any business: recourse is the best of all plans, filters and sorts are those of a pass over all customers.

#![allow(clippy::unwrap_used)]

mod random;

use engagetrack::analytics::{FilterValue, Group};
use engagetrack::directory::{self, Request};
use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{View, analytics, explanation, recourse};
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

fn close(one: Option<f64>, other: Option<f64>, tolerance: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= tolerance,
        (one, other) => one == other,
    }
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Whether a group is what these customers, of whom some have a status that is selected, add up to.
fn assert_group(
    random: &Random,
    group: &Group,
    cases: &[usize],
    selects: &dyn Fn(Option<bool>) -> bool,
) {
    let view = random.view();
    let left = |customer: &usize| random.customers[*customer].2;
    let selected = cases.iter().filter(|customer| selects(left(customer)));
    let probabilities: Vec<f64> = selected
        .map(|customer| view.customers.probability(*customer))
        .collect();
    assert_eq!(group.count, probabilities.len());
    assert!(close(group.mean_probability, mean(&probabilities), 1e-12));
    let known: Vec<f64> = cases.iter().filter_map(left).map(f64::from).collect();
    assert_eq!(group.known_outcomes, known.len());
    assert_eq!(group.churned as f64, known.iter().sum::<f64>());
    assert!(close(group.churn_rate, mean(&known), 1e-12));
}

/// Whether the analytics are what a pass over the customers who hold adds up to.
fn assert_analytics(
    random: &Random,
    filters: &str,
    cases: &[usize],
    selects: &dyn Fn(Option<bool>) -> bool,
) {
    let view = random.view();
    let query = Query::parse(filters).unwrap();
    let selection = query
        .read(|query| Selection::from_query(view, query))
        .unwrap();
    let found = analytics::read(view, &selection);
    assert_eq!(found.population, random.customers.len());
    assert_group(random, &found.group, cases, selects);
    let probability = |customer: usize| view.customers.probability(customer);

    let (mut expected, mut revenue, mut at_risk) = (0.0, 0.0, 0.0);
    let recurring = view.schema.roles().recurring;
    for &customer in cases
        .iter()
        .filter(|customer| selects(random.customers[**customer].2))
    {
        expected += probability(customer);
        let amount = recurring.map_or(f64::NAN, |field| random.customers[customer].1.code(field));
        if !amount.is_nan() {
            revenue += amount;
            at_risk += amount * probability(customer);
        }
    }
    assert!((found.expected_churners - expected).abs() < 1e-12);
    let known = recurring.map(|_| ());
    assert!(close(
        found.monthly_revenue,
        known.map(|()| revenue),
        1e-9 * revenue.abs().max(1.0)
    ));
    assert!(close(
        found.revenue_at_risk,
        known.map(|()| at_risk),
        1e-9 * revenue.abs().max(1.0)
    ));

    for distribution in &found.distributions {
        let mut counted = 0;
        for bin in &distribution.bins {
            let parameters = bin.filter.iter().map(|(name, value)| {
                let value = match value {
                    FilterValue::Name(value) => value.clone(),
                    FilterValue::Flag(value) => value.to_string(),
                    FilterValue::Number(value) => value.to_string(),
                };
                (name.clone(), value)
            });
            let query = Query::parse(&encoded(&parameters.collect::<Vec<_>>())).unwrap();
            let bin_alone = query
                .read(|query| Selection::of_everybody(view, query))
                .unwrap();
            let inside = bin_alone.mask(view);
            let cases: Vec<usize> = cases
                .iter()
                .copied()
                .filter(|customer| inside[*customer])
                .collect();
            assert_group(random, &bin.group, &cases, selects);
            counted += cases.len();
        }
        assert_eq!(counted, cases.len(), "{}", distribution.field);
    }

    let mut known: Vec<usize> = cases.to_vec();
    known.retain(|customer| random.customers[*customer].2.is_some());
    known.sort_by(|a, b| probability(*a).total_cmp(&probability(*b)));
    let bins = (0..10).map(|bin| &known[bin * known.len() / 10..(bin + 1) * known.len() / 10]);
    let bins: Vec<&[usize]> = bins.filter(|bin| !bin.is_empty()).collect();
    assert_eq!(found.calibration.bins.len(), bins.len());
    for (found, bin) in found.calibration.bins.iter().zip(bins) {
        let churned = bin
            .iter()
            .filter(|customer| random.customers[**customer].2 == Some(true));
        assert_eq!((found.count, found.churned), (bin.len(), churned.count()));
        let probabilities: Vec<f64> = bin.iter().map(|customer| probability(*customer)).collect();
        assert!(close(found.mean_probability, mean(&probabilities), 1e-12));
    }

    let contributions: Vec<Vec<f32>> = random
        .customers
        .iter()
        .map(|(_, profile, _)| explanation::contributions(view, &view.model.row(profile.codes())))
        .collect();
    let others: Vec<usize> = (0..random.customers.len())
        .filter(|customer| !cases.contains(customer))
        .collect();
    let features: Vec<&str> = view.model.fields().map(|field| field.name()).collect();
    let expected = if cases.is_empty() || others.is_empty() {
        0
    } else {
        features.len()
    };
    assert_eq!(found.drivers.len(), expected);
    for driver in &found.drivers {
        let feature = features
            .iter()
            .position(|name| *name == driver.feature)
            .unwrap();
        for (found, customers) in [(driver.selection, cases), (driver.everyone_else, &others)] {
            let of_each: Vec<f64> = customers
                .iter()
                .map(|customer| f64::from(contributions[*customer][feature]))
                .collect();
            assert!(
                close(Some(found), mean(&of_each), 1e-5),
                "{}",
                driver.feature
            );
        }
    }
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
    fn analytics_are_what_a_pass_over_the_customers_adds_up_to(
        (text, numbers, mut draws) in workspaces(usize::MAX), picks in prop::collection::vec(any::<u32>(), 100),
    ) {
        let random = workspace(&text, &numbers, &mut draws);
        let view = random.view();
        let mut picks = picks.iter().cycle();
        let mut draw = || *picks.next().unwrap() as usize;
        let mut filters: Vec<Asked<'_>> = view.schema.fields().filter_map(|field| filter_of(field, &mut draw)).collect();
        filters.extend(other_filters(&random, &mut draw));
        for statuses in [&[][..], &["left"], &["active", "left"]] {
            let selects = |left: Option<bool>| match left {
                Some(true) => statuses.contains(&"left"),
                _ => statuses.is_empty() || statuses.contains(&"active"),
            };
            let first = draw() % filters.len();
            let second = (first + 1) % filters.len();
            for chosen in [&[][..], &[first], &[first.min(second), first.max(second)]] {
                let parameters = chosen.iter().flat_map(|filter| filters[*filter].parameters.clone());
                let mut parameters: Vec<(String, String)> = parameters.collect();
                parameters.extend(statuses.iter().map(|status| ("status".to_owned(), (*status).to_owned())));
                let customers = random.customers.iter().enumerate();
                let cases = customers.filter(|(position, (_, profile, _))| {
                    chosen.iter().all(|filter| (filters[*filter].holds)(*position, profile))
                });
                let cases: Vec<usize> = cases.map(|(position, _)| position).collect();
                assert_analytics(&random, &encoded(&parameters), &cases, &selects);
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
