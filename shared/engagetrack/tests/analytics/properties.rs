use crate::{selection, view};
use engagetrack::analytics::{self, Analytics, FilterValue, ReadoutRequest};
use engagetrack::query::Query;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::Value;
use std::collections::BTreeSet;

/// Some parameters of a query, each of which may be there or not, in any order.
fn any_filters() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec![
        "contract=Month-to-month",
        "contract=One+year",
        "internet_service=Fiber+optic",
        "internet_service=No",
        "payment_method=Mailed+check",
        "payment_method=Electronic+check",
        "variant=A",
        "persona=strained",
        "persona=committed",
        "stage=growth",
        "stage=mature",
        "risk_level=low",
        "risk_level=medium",
        "senior_citizen=false",
        "tenure_min=2",
        "tenure_max=60",
        "usage_frequency_min=6",
        "support_calls_max=4",
        "payment_delay_max=20",
        "monthly_charges_min=40",
        "monthly_charges_below=99.5",
        "total_charges_min=25",
        "status=active",
        "status=left",
    ];
    let most = all.len();
    subsequence(all, 0..=most).prop_shuffle()
}

fn read(parameters: &[&str]) -> Analytics<'static> {
    analytics::read(view(), &selection(&parameters.join("&")))
}

fn count(query: &str) -> usize {
    selection(query).positions(view()).len()
}

/// Whether a customer passes some parameters of a query, by its profile as a client sees it.
fn passes(customer: usize, filters: &[&str]) -> bool {
    let schema = &view().schema;
    let profile = view().profile(customer);
    let codes = profile.codes();
    let json = serde_json::to_value(schema.json(&profile)).unwrap();
    let of_rule = |position: Option<usize>, mut names: Vec<&str>| {
        names.swap_remove(position.unwrap()).to_owned()
    };
    let value = |name: &str| match name {
        "status" => match view().customers.outcome(customer).left() {
            Some(true) => "left".to_owned(),
            _ => "active".to_owned(),
        },
        "persona" => of_rule(
            schema.persona_of(codes),
            schema.personas().map(|persona| persona.name).collect(),
        ),
        "stage" => of_rule(
            schema.stage_of(codes),
            schema.stages().map(|stage| stage.name).collect(),
        ),
        "risk_level" => schema
            .level(view().customers.probability(customer))
            .name
            .to_owned(),
        name => match &json[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    };
    let names: BTreeSet<&str> = filters
        .iter()
        .map(|filter| filter.split('=').next().unwrap())
        .collect();
    let given = |name: &str| {
        let mut values = filters.iter().filter_map(|filter| filter.split_once('='));
        values.any(|(other, wanted)| other == name && wanted.replace('+', " ") == value(name))
    };
    let number = |name: &str| {
        let field = field_of(name);
        let field = if field == "tenure" {
            "tenure_months"
        } else {
            field
        };
        json[field].as_f64()
    };
    let bound = |name: &str| -> f64 {
        let (_, bound) = filters
            .iter()
            .filter_map(|filter| filter.split_once('='))
            .find(|(other, _)| *other == name)
            .unwrap();
        bound.parse().unwrap()
    };
    let holds = |name: &str| match name.rsplit_once('_') {
        Some((_, "min")) => number(name).is_some_and(|number| number >= bound(name)),
        Some((_, "max")) => number(name).is_some_and(|number| number <= bound(name)),
        Some((_, "below")) => number(name).is_some_and(|number| number < bound(name)),
        _ => given(name),
    };
    let active = names.contains("status") || value("status") == "active";
    active && names.iter().all(|name| holds(name))
}

/// The field that a parameter of a query is about: both ends of a range are about one.
fn field_of(parameter: &str) -> &str {
    let name = parameter.split('=').next().unwrap();
    ["_min", "_max", "_below"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

/// The filters of a bin as parameters of a query.
fn parameters(bin: &analytics::BinOutcome<'_>) -> String {
    let parameters = bin.filter.iter().map(|(name, value)| match value {
        FilterValue::Name(value) => format!("&{name}={}", value.replace(' ', "+")),
        FilterValue::Flag(value) => format!("&{name}={value}"),
        FilterValue::Number(value) => format!("&{name}={value}"),
    });
    parameters.collect()
}

/// The sums over the customers of the selected statuses.
const FIGURES: [fn(&Analytics<'_>) -> f64; 3] = [
    |analytics| analytics.expected_churners,
    |analytics| analytics.monthly_revenue.unwrap(),
    |analytics| analytics.revenue_at_risk.unwrap(),
];

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 10))]

    #[test]
    fn the_bins_of_every_distribution_add_up_to_the_selection(filters in any_filters()) {
        let analytics = read(&filters);
        prop_assert_eq!(analytics.group.count, count(&filters.join("&")));
        for distribution in &analytics.distributions {
            let groups = || distribution.bins.iter().map(|bin| &bin.group);
            prop_assert_eq!(groups().map(|group| group.count).sum::<usize>(), analytics.group.count);
            prop_assert_eq!(groups().map(|group| group.churned).sum::<usize>(), analytics.group.churned);
            let known: usize = groups().map(|group| group.known_outcomes).sum();
            prop_assert_eq!(known, analytics.group.known_outcomes);
            let expected: f64 = groups()
                .map(|group| group.mean_probability.unwrap_or(0.0) * group.count as f64)
                .sum();
            prop_assert!((expected - analytics.expected_churners).abs() < 1e-8);
            let shares: f64 = distribution.bins.iter().filter_map(|bin| bin.share).sum();
            prop_assert!(analytics.group.count == 0 || (shares - 1.0).abs() < 1e-12);
        }
        let calibrated: usize = analytics.calibration.bins.iter().map(|bin| bin.count).sum();
        prop_assert_eq!(calibrated, analytics.group.known_outcomes);
    }

    #[test]
    fn status_narrows_counts_and_money_and_never_rates(filters in any_filters()) {
        let with_status = |status: &'static str| {
            let filters: Vec<&str> = filters.iter().copied().filter(|filter| !filter.starts_with("status")).collect();
            read(&[filters.as_slice(), &[status]].concat())
        };
        let parts = [with_status("status=active"), with_status("status=left")];
        let whole = with_status("status=left&status=active");
        prop_assert_eq!(parts.each_ref().map(|part| part.group.count).iter().sum::<usize>(), whole.group.count);
        prop_assert_eq!(whole.group.count, whole.group.known_outcomes);
        prop_assert_eq!(parts[1].group.count, whole.group.churned);
        for figure in FIGURES {
            let sum: f64 = parts.iter().map(figure).sum();
            prop_assert!((sum - figure(&whole)).abs() <= 1e-9 * sum.max(1.0));
        }
        for part in &parts {
            prop_assert_eq!(part.group.churn_rate, whole.group.churn_rate);
            prop_assert_eq!(part.group.churn_rate_interval, whole.group.churn_rate_interval);
            prop_assert_eq!(&part.calibration, &whole.calibration);
            prop_assert_eq!(&part.drivers, &whole.drivers);
            let bins = |one: &Analytics<'_>| -> Vec<_> {
                let bins = one.distributions.iter().flat_map(|distribution| &distribution.bins);
                bins.map(|bin| (bin.group.known_outcomes, bin.group.churned, bin.group.churn_rate)).collect()
            };
            prop_assert_eq!(bins(part), bins(&whole));
        }
    }

    #[test]
    fn filters_select_whom_a_search_row_by_row_finds(filters in any_filters()) {
        let selected: Vec<bool> = (0..view().customers.len()).map(|customer| passes(customer, &filters)).collect();
        prop_assert_eq!(selection(&filters.join("&")).mask(view()), selected);
    }

    #[test]
    fn filters_commute(filters in any_filters()) {
        let mut sorted = filters.clone();
        sorted.sort_unstable();
        prop_assert_eq!(read(&filters), read(&sorted));
    }

    #[test]
    fn filters_of_different_fields_intersect(filters in any_filters(), pivot in b'a'..=b'z') {
        // By first letter, so that the values of one field, which widen it, stay together.
        let (some, others): (Vec<&str>, Vec<&str>) = filters.iter().partition(|filter| filter.as_bytes()[0] < pivot);
        // Absent, the status selects active customers; a part without it would leave out whom the whole asks for.
        let [all, some, others] = [filters, some, others].map(|filters| {
            selection(&[filters.as_slice(), &["status=active", "status=left"]].concat().join("&"))
        });
        let [all, some, others] = [all, some, others].map(|selection| selection.mask(view()));
        let both: Vec<bool> = some.iter().zip(others).map(|(some, others)| *some && others).collect();
        prop_assert_eq!(all, both);
    }

    #[test]
    fn a_click_on_a_bar_selects_exactly_what_it_counts(filters in any_filters(), field in 0usize..13) {
        let analytics = read(&filters);
        for bin in &analytics.distributions[field].bins {
            // A click takes the place of what was said of the same field before.
            let clicked: Vec<&str> = bin.filter.keys().map(|name| field_of(name)).collect();
            let others: Vec<&str> = filters
                .iter()
                .copied()
                .filter(|filter| !clicked.contains(&field_of(filter)))
                .collect();
            let without = read(&others);
            let label = bin.label;
            let whole = without.distributions[field].bins.iter().find(|bin| bin.label == label).unwrap();
            prop_assert_eq!(count(&(others.join("&") + &parameters(bin))), whole.group.count, "{}", label);
        }
    }
}

#[test]
fn nobody_is_an_answer_without_a_number_that_is_none() {
    let analytics = read(&["contract=Two+year", "risk_level=high", "tenure_max=1"]);
    assert_eq!(analytics.group.count, 0);
    assert_eq!(analytics.group.churn_rate, None);
    assert_eq!(
        (analytics.expected_churners, analytics.revenue_at_risk),
        (0.0, Some(0.0))
    );
    assert!(analytics.drivers.is_empty() && analytics.calibration.bins.is_empty());
    assert!(
        analytics
            .distributions
            .iter()
            .flat_map(|distribution| &distribution.bins)
            .all(|bin| bin.share.is_none())
    );
}

#[test]
fn everyone_has_no_one_to_differ_from() {
    let analytics = read(&[]);
    assert_eq!(analytics.group.known_outcomes, analytics.population);
    assert!(analytics.group.count < analytics.population);
    assert!(analytics.drivers.is_empty());
}

#[test]
fn the_experiment_of_a_selection_is_about_its_customers() {
    let readout = analytics::readout(view(), 0, &selection("contract=One+year"));
    let readout = readout.unwrap().readout;
    let arm = |variant: &str| {
        count(&format!(
            "contract=One+year&variant={variant}&status=active&status=left"
        )) as u64
    };
    assert_eq!(readout.control.users, arm("A"));
    assert_eq!(readout.treatment.users, arm("B"));
}

#[test]
fn the_experiment_is_about_every_status() {
    let whole = analytics::readout(view(), 0, &selection(""));
    assert!(whole.is_some());
    for query in ["status=active", "status=left", "status=left&status=active"] {
        assert_eq!(
            analytics::readout(view(), 0, &selection(query)),
            whole,
            "{query}"
        );
    }
}

#[test]
fn a_readout_is_of_the_named_experiment_or_the_first() {
    let request = |text: &str| {
        let query = Query::parse(text).unwrap();
        query.read(|query| ReadoutRequest::from_query(view(), query))
    };
    let first = request("stage=growth").unwrap();
    assert_eq!(request("experiment=variant&stage=growth").unwrap(), first);
    let readout = first.readout(view()).unwrap();
    assert_eq!(
        Some(readout.readout),
        analytics::readout(view(), 0, &selection("stage=growth"))
    );
    let errors = request("experiment=other").unwrap_err();
    assert_eq!(
        errors.listed()[0].detail,
        "must be one of \"variant\"; got \"other\""
    );
}
