//! Selections of customers in numbers, what a change of plan would do, and experiments.

use crate::business::{as_number, price};
use crate::home::{Home, everywhere, parameter};
use crate::json::{assert_close, items, members, number, sorted, text, texts};
use serde_json::{Value, json};

/// The figures of money, which a business without a recurring amount does not have.
const MONEY: [&str; 2] = ["monthly_revenue", "revenue_at_risk"];

/// The figures that add up over customers.
fn sums(home: &Home) -> Vec<&'static str> {
    let money = home.role("recurring").map(|_| MONEY);
    let sums = ["count", "expected_churners"].into_iter();
    sums.chain(money.into_iter().flatten()).collect()
}

/// A query that selects some customers, by the first value of the first filter that has any.
fn some_filter(home: &Home) -> String {
    let filters = home.filters("values");
    let queries = filters
        .filter(|filter| filter["field"].is_string())
        .flat_map(|filter| {
            let values = items(&filter["values"]).iter();
            values.map(|value| parameter(&filter["parameter"], &value["value"]))
        });
    let all = home.total("");
    let mut some = queries.filter(|query| (1..all).contains(&home.total(query)));
    some.next().unwrap()
}

/// The filter of a bin as a query.
fn query_of(filter: &Value) -> String {
    let parameters = filter.as_object().unwrap().iter();
    let parameters = parameters.flat_map(|(name, value)| match value {
        Value::Array(values) => values
            .iter()
            .map(|value| parameter(&json!(name), value))
            .collect(),
        value => vec![parameter(&json!(name), value)],
    });
    parameters.collect::<Vec<_>>().join("&")
}

#[test]
fn whole_population_is_shown() {
    everywhere(|home| {
        let answer = home.read("/v1/analytics");
        let expected = [
            "calibration",
            "churn_rate",
            "churn_rate_interval",
            "churned",
            "count",
            "distributions",
            "drivers",
            "expected_churners",
            "expected_performance",
            "known_outcomes",
            "mean_probability",
            "population",
            "statuses",
        ];
        let money = home.role("recurring").map(|_| MONEY);
        let expected = expected.into_iter().chain(money.into_iter().flatten());
        assert_eq!(members(&answer), sorted(expected));
        assert_eq!(answer["count"], home.total(""));
        assert_eq!(answer["population"], home.schema()["population"]);
        assert_eq!(answer["churned"], home.total("status=left"));
        let known = answer["known_outcomes"].as_u64().unwrap();
        assert_eq!(known > 0, home.role("outcome").is_some());
        assert_eq!(answer["churn_rate"].is_number(), known > 0);
        let groups = items(&answer["calibration"]["bins"]).len() as u64;
        assert_eq!(groups, known.min(10));
        let fields = items(&answer["distributions"]).iter();
        let fields: Vec<&str> = fields.map(|one| text(&one["field"])).collect();
        assert_eq!(fields, texts(&home.schema()["distributions"]));
        assert_eq!(answer["drivers"], json!([]));
    });
}

#[test]
fn performance_is_expected_of_the_selected_customers() {
    everywhere(|home| {
        for query in ["", &format!("?{}", some_filter(home))] {
            let answer = home.read(&format!("/v1/analytics{query}"));
            let expected = &answer["expected_performance"];
            assert_eq!(expected["customers"], answer["count"], "{query}");
            let churners = number(&expected["churners"]["estimate"]);
            assert!((churners - number(&answer["expected_churners"])).abs() < 1e-3);
            for figure in ["churners", "roc_auc", "log_loss"] {
                let figure = &expected[figure];
                let (low, high) = (
                    number(&figure["interval"][0]),
                    number(&figure["interval"][1]),
                );
                assert!(low < number(&figure["estimate"]) && number(&figure["estimate"]) < high);
            }
            assert!(number(&expected["roc_auc"]["estimate"]) > 0.5);
        }
    });
}

#[test]
fn bins_count_those_whom_their_filters_select() {
    everywhere(|home| {
        let answer = home.read("/v1/analytics");
        let count = answer["count"].as_u64().unwrap();
        for distribution in items(&answer["distributions"]) {
            let mut counted = 0;
            for bin in items(&distribution["bins"]) {
                let own = bin["count"].as_u64().unwrap();
                counted += own;
                assert_close(number(&bin["share"]), own as f64 / count as f64);
                let query = query_of(&bin["filter"]);
                assert_eq!(home.total(&query), own, "{query}");
                if bin["known_outcomes"] != 0 {
                    assert!(bin["churn_rate"].is_number() && bin["mean_probability"].is_number());
                }
            }
            assert_eq!(counted, count, "{}", distribution["field"]);
        }
    });
}

#[test]
fn status_narrows_counts_and_money_and_never_rates() {
    everywhere(|home| {
        let filter = some_filter(home);
        let read = |query: &str| home.read(&format!("/v1/analytics?{filter}{query}"));
        let [usual, active, left, both] = [
            "",
            "&status=active",
            "&status=left",
            "&status=left&status=active",
        ]
        .map(read);
        assert_eq!(usual, active);
        assert_eq!(active["statuses"], json!(["active"]));
        assert_eq!(both["statuses"], json!(["active", "left"]));
        for sum in sums(home) {
            let [active, left, both] = [&active, &left, &both].map(|answer| number(&answer[sum]));
            assert!(
                (active + left - both).abs() <= 1e-6 * both.abs().max(1.0),
                "{sum}"
            );
            assert!(active <= both, "{sum}");
        }
        for rate in [
            "churn_rate",
            "churn_rate_interval",
            "churned",
            "known_outcomes",
            "calibration",
            "drivers",
        ] {
            assert_eq!(active[rate], both[rate], "{rate}");
            assert_eq!(left[rate], both[rate], "{rate}");
        }
        assert_eq!(left["count"], both["churned"]);
    });
}

#[test]
fn directory_and_analytics_agree_on_every_filter() {
    everywhere(|home| {
        let features = home
            .fields()
            .iter()
            .filter(|field| field["model"] == true)
            .count();
        let everybody = "status=left&status=active";
        let mut queries = vec![some_filter(home), "status=left".to_owned()];
        for filter in home.filters("values") {
            let values = items(&filter["values"]).iter();
            let any: Vec<String> = values
                .take(2)
                .map(|value| parameter(&filter["parameter"], &value["value"]))
                .collect();
            queries.extend([format!("{everybody}&{}", any[0]), any.join("&")]);
        }
        for filter in home.filters("range") {
            let field = home.field(text(&filter["field"]));
            for bin in items(&field["bins"]) {
                let bin = as_number(field, number(bin));
                queries.push(parameter(&filter["min"], &bin));
            }
        }
        for query in queries {
            let answer = home.read(&format!("/v1/analytics?{query}"));
            assert_eq!(answer["count"], home.total(&query), "{query}");
            let drivers = items(&answer["drivers"]).len();
            let statuses_aside: Vec<&str> = query
                .split('&')
                .filter(|one| !one.starts_with("status="))
                .collect();
            let selected = home.total(&format!("{everybody}&{}", statuses_aside.join("&")));
            let is_part = selected > 0 && home.schema()["population"] != selected;
            assert_eq!(drivers, if is_part { features } else { 0 }, "{query}");
        }
    });
}

#[test]
fn nobody_is_a_valid_selection() {
    everywhere(|home| {
        // The two ends of one number's range, where nobody is.
        let empty = home.filters("range").find_map(|filter| {
            let field = home.field(text(&filter["field"]));
            let query = parameter(&filter["min"], &as_number(field, number(&field["most"])));
            (home.total(&format!("{query}&status=active&status=left")) == 0).then_some(query)
        });
        let query = empty.expect("some number is nowhere as large as it may be");
        let answer = home.read(&format!("/v1/analytics?{query}"));
        assert_eq!(
            (&answer["count"], &answer["churn_rate"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(answer["drivers"], json!([]));
        let explained = home.read(&format!("/v1/explain?{query}"));
        assert_eq!(explained["population"], 0);
        if !items(&home.schema()["experiments"]).is_empty() {
            let readout = home.read(&format!("/v1/analytics/experiment?{query}"));
            assert_eq!(readout["control"]["users"], 0);
        }
    });
}

#[test]
fn wrong_filters_are_refused_everywhere() {
    everywhere(|home| {
        let mut query = "no_such_filter=red&risk_level=none".to_owned();
        let mut expected = vec!["/no_such_filter".to_owned(), "/risk_level".to_owned()];
        for filter in home.filters("range") {
            let field = home.field(text(&filter["field"]));
            let (least, most) = (number(&field["least"]), number(&field["most"]));
            match filter["max"].is_string() {
                // A range that ends before it begins.
                true => {
                    let [from, to] = [most, least].map(|bound| as_number(field, bound));
                    query += &format!(
                        "&{}&{}",
                        parameter(&filter["min"], &from),
                        parameter(&filter["max"], &to)
                    );
                    expected.push(format!("/{}", text(&filter["max"])));
                }
                false => {
                    query += &format!("&{}=nan", text(&filter["min"]));
                    expected.push(format!("/{}", text(&filter["min"])));
                }
            }
        }
        for path in [
            "/v1/analytics",
            "/v1/analytics/experiment",
            "/v1/analytics/policy",
            "/v1/explain",
            "/v1/summary",
        ] {
            let found = home.get(&format!("{path}?{query}")).pointers();
            assert_eq!(
                found.len(),
                expected.len(),
                "{path}: {found:?} {expected:?}"
            );
            assert_eq!(home.get(&format!("{path}?risk_level=%zz")).status, 400);
        }
    });
}

/// The fields whose change a cohort can take.
fn changeable(home: &Home) -> impl Iterator<Item = &Value> {
    let fields = home.fields().iter();
    fields.filter(|field| field["change"] != "never" && !items(&field["values"]).is_empty())
}

fn project(home: &Home, filters: &Value, change: &Value) -> Value {
    let body = json!({"filters": filters, "change": change});
    home.post("/v1/analytics/what-if", &body).ok()
}

#[test]
fn what_if_is_about_the_selection_that_the_analytics_show() {
    everywhere(|home| {
        let field = changeable(home).next().unwrap();
        let value = items(&field["values"]).last().unwrap()["value"].clone();
        let change = json!({ text(&field["name"]): value });
        let level = items(&home.schema()["risk"]["levels"])[0]["name"].clone();
        for (filters, query) in [
            (json!({}), ""),
            (
                json!({"risk_level": level}),
                &*format!("risk_level={}", text(&level)),
            ),
            (
                json!({"status": ["active", "left"]}),
                "status=active&status=left",
            ),
        ] {
            let answer = project(home, &filters, &change);
            let expected = [
                "after",
                "before",
                "caveat",
                "changed",
                "changed_after",
                "changed_before",
                "customers",
                "statuses",
            ];
            assert_eq!(members(&answer), expected);
            assert!(text(&answer["caveat"]).contains("projection"));
            let analytics = home.read(&format!("/v1/analytics?{query}"));
            assert_eq!(answer["customers"], analytics["count"]);
            assert_eq!(answer["statuses"], analytics["statuses"]);
            assert!(number(&answer["changed"]) <= number(&answer["customers"]));
            for figure in sums(home).into_iter().filter(|figure| *figure != "count") {
                let [before, after, changed_before, changed_after, shown] = [
                    &answer["before"],
                    &answer["after"],
                    &answer["changed_before"],
                    &answer["changed_after"],
                    &analytics,
                ]
                .map(|part| number(&part[figure]));
                assert!((before - shown).abs() < 1e-6, "{figure} {query}");
                let gap = (after - before) - (changed_after - changed_before);
                assert!(gap.abs() < 1e-6, "{figure} {query}");
                assert!(changed_before <= before, "{figure} {query}");
            }
        }
        let answer = home
            .post("/v1/analytics/what-if", &json!({ "change": change }))
            .ok();
        assert_eq!(answer["customers"], home.total(""));
    });
}

/// Whether what depends on a field keeps its needs when the field changes from one value to another.
fn leaves_dependents(home: &Home, field: &str, from: &Value, to: &Value) -> bool {
    let needs = home
        .fields()
        .iter()
        .flat_map(|other| items(&other["needs"]));
    let mut needs = needs.filter(|need| need["field"] == field);
    needs.all(|need| {
        let values = items(&need["values"]);
        values.contains(from) == values.contains(to)
    })
}

#[test]
fn what_if_moves_revenue_by_the_prices_of_the_schema() {
    everywhere(|home| {
        let Some(recurring) = home.role("recurring") else {
            return;
        };
        let mut priced = 0;
        for field in changeable(home).filter(|field| field["filter"]["kind"] == "values") {
            let name = text(&field["name"]);
            for from in items(&field["values"]) {
                for to in items(&field["values"]).iter().filter(|to| *to != from) {
                    let (from, to) = (&from["value"], &to["value"]);
                    if !leaves_dependents(home, name, from, to) {
                        continue;
                    }
                    let filters = json!({text(&field["filter"]["parameter"]): from});
                    let body = json!({"filters": filters, "change": {name: to}});
                    let answer = home.post("/v1/analytics/what-if", &body).ok();
                    // Where an amount is not known, or at an end of its range, less is moved.
                    let optional = home.field(recurring)["required"] == false;
                    let by = price(field, to) - price(field, from);
                    let revenue = |part: &str| number(&answer[part]["monthly_revenue"]);
                    let moved = revenue("changed_after") - revenue("changed_before");
                    let expected = number(&answer["changed"]) * by;
                    match optional || by < 0.0 {
                        true => assert!(moved.abs() <= expected.abs() + 1e-6, "{body}"),
                        false => assert!(
                            (moved - expected).abs() <= 1e-6 * expected.abs().max(1.0),
                            "{body}: {moved} {expected}"
                        ),
                    }
                    priced += u32::from(expected != 0.0);
                }
            }
        }
        assert!(priced > 0, "no change that a filter selects has a price");
    });
}

#[test]
fn wrong_what_ifs_are_refused_with_where() {
    everywhere(|home| {
        let mut change = json!({"no_such_field": 1});
        let mut expected = vec![
            "/change/no_such_field".to_owned(),
            "/filters/no_such_filter".to_owned(),
            "/filters/risk_level".to_owned(),
        ];
        for field in home.fields() {
            let name = text(&field["name"]);
            change[name] = json!([]);
            expected.push(format!("/change/{name}"));
        }
        let filters = json!({"risk_level": ["none"], "no_such_filter": 1});
        let body = json!({"filters": filters, "change": change});
        let mut found = home.post("/v1/analytics/what-if", &body).pointers();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        for body in [
            json!({}),
            json!([]),
            json!({"change": {}}),
            json!({"change": 5, "filters": 5}),
        ] {
            let answer = home.post("/v1/analytics/what-if", &body);
            assert_eq!(answer.status, 422, "{body}");
        }
        let answer = home.post_text("/v1/analytics/what-if", "application/json", "{");
        assert_eq!(answer.status, 400);
    });
}

#[test]
fn fields_that_can_not_change_are_named() {
    everywhere(|home| {
        for field in home.fields() {
            let name = text(&field["name"]);
            let value = match field["least"].as_f64() {
                Some(least) => as_number(field, least),
                None => items(&field["values"])[0]["value"].clone(),
            };
            let body = json!({"change": {name: value}});
            let answer = home.post("/v1/analytics/what-if", &body);
            match field["change"] == "never" {
                true => assert_eq!(answer.pointers(), [format!("/change/{name}")]),
                false => assert_eq!(answer.status, 200, "{}", answer.text),
            }
        }
    });
}

#[test]
fn experiments_are_read_out_by_the_segments_of_the_schema() {
    everywhere(|home| {
        let Some(experiment) = items(&home.schema()["experiments"]).first() else {
            return;
        };
        let answer = home.read("/v1/analytics/experiment");
        for member in [
            "control",
            "treatment",
            "absolute_difference",
            "relative_lift",
            "frequentist",
            "bayesian",
            "sequential",
            "sample_ratio_mismatch",
            "anytime",
            "power",
            "decision",
            "reason",
            "cuped",
            "segments",
        ] {
            assert!(!answer[member].is_null(), "{member}: {answer}");
        }
        let users = |readout: &Value| {
            number(&readout["control"]["users"]) + number(&readout["treatment"]["users"])
        };
        let known = number(&home.read("/v1/analytics")["known_outcomes"]);
        assert!((1.0..=known).contains(&users(&answer)));
        let dimensions = texts(&experiment["segments"]);
        let segments = items(&answer["segments"]);
        assert!(!segments.is_empty());
        for segment in segments {
            let dimension = text(&segment["dimension"]);
            assert!(dimensions.contains(&dimension), "{dimension}");
            let mut filters = home.filters("values");
            let filter = filters
                .find(|filter| filter["field"] == dimension || filter["parameter"] == dimension);
            let query = parameter(&filter.unwrap()["parameter"], &segment["value"]);
            let some = home.read(&format!("/v1/analytics/experiment?{query}"));
            for arm in ["control", "treatment"] {
                for count in ["users", "conversions"] {
                    assert_eq!(some[arm][count], segment[arm][count], "{query}");
                }
            }
        }
        // Each dimension is tested, on both scales, by the segments that have a shrunken difference.
        let tested = items(&answer["dimensions"]);
        let names: Vec<&str> = tested.iter().map(|test| text(&test["dimension"])).collect();
        assert_eq!(names, dimensions);
        for test in tested {
            let shrunken = segments.iter().filter(|segment| {
                segment["dimension"] == test["dimension"]
                    && !segment["shrunken_difference"].is_null()
            });
            let compared = shrunken.count();
            for scale in ["points", "log_odds"] {
                match compared {
                    0 => assert!(test[scale].is_null(), "{test}"),
                    _ => {
                        assert_eq!(number(&test["segments"]), compared as f64, "{test}");
                        let freedom = number(&test[scale]["degrees_of_freedom"]);
                        assert_eq!(freedom, compared as f64 - 1.0, "{test}");
                    }
                }
            }
        }
    });
}

#[test]
fn readout_says_what_control_is_and_takes_every_status() {
    everywhere(|home| {
        let Some(experiment) = items(&home.schema()["experiments"]).first() else {
            return;
        };
        let answer = home.read("/v1/analytics/experiment");
        for (arm, described) in [
            ("control", &experiment["control"]),
            ("treatment", &experiment["treatments"][0]),
        ] {
            assert_eq!(answer["arms"][arm]["offer"], described["offer"]);
            let comparison = text(&answer["comparison"]);
            assert!(
                comparison.contains(text(&described["offer"])),
                "{comparison}"
            );
        }
        for query in ["status=active", "status=left", "status=left&status=active"] {
            let readout = home.read(&format!("/v1/analytics/experiment?{query}"));
            assert_eq!(readout, answer, "{query}");
        }
    });
}

#[test]
fn counts_of_the_callers_own_are_read_out() {
    everywhere(|home| {
        let body = json!({"metric": "higher_is_better", "control": {"users": 100, "conversions": 49}, "treatment": {"users": 100, "conversions": 51}});
        let answer = home.post("/v1/analytics/experiment", &body).ok();
        let chance = number(&answer["bayesian"]["chance_to_win"]);
        assert!((chance - 0.60918).abs() < 5e-6, "{chance}");
        assert_eq!(answer["decision"], "keep_running");
    });
}

#[test]
fn low_rates_favour_neither_arm() {
    everywhere(|home| {
        let read = |control: [u64; 2], treatment: [u64; 2]| {
            let arm = |[users, conversions]: [u64; 2]| json!({"users": users, "conversions": conversions});
            let body = json!({"control": arm(control), "treatment": arm(treatment)});
            home.post("/v1/analytics/experiment", &body).json()
        };
        let few = read([2_000, 6], [2_000, 1]);
        assert_eq!(few["decision"], "keep_running", "{few}");
        assert!(number(&few["anytime"]["better"]) < 3.0, "{few}");
        assert_eq!(few["anytime"]["threshold"], 20.0, "{few}");
        for (control, treatment, decision) in [(0, 100, "roll_back"), (100, 0, "ship")] {
            let answer = read([5_000, control], [5_000, treatment]);
            assert_eq!(answer["decision"], decision, "{answer}");
            let ratio = &answer["anytime"]["rate_ratio"];
            assert_eq!(ratio[0] == 0.0, treatment == 0, "{answer}");
            assert_eq!(ratio[1].is_null(), control == 0, "{answer}");
            assert!(answer["sequential"].is_null(), "{answer}");
        }
    });
}

#[test]
fn impossible_counts_are_refused_at_once() {
    everywhere(|home| {
        let body = json!({"control": {"users": 10, "conversions": 11}, "treatment": {"users": 0, "conversions": 0}, "alpha": 2});
        let answer = home.post("/v1/analytics/experiment", &body);
        assert_eq!(answer.pointers().len(), 3, "{}", answer.text);
        for (body, pointer) in [
            (
                json!({"control": {"users": 10, "conversions": "many"}}),
                "/control/conversions",
            ),
            (json!({"colour": 1}), "/colour"),
        ] {
            let answer = home.post("/v1/analytics/experiment", &body);
            assert_eq!(answer.pointers()[0], pointer, "{}", answer.text);
        }
        let answer = home.post_text("/v1/analytics/experiment", "application/json", "{");
        assert_eq!(answer.status, 400);
    });
}

#[test]
fn experiments_are_planned() {
    everywhere(|home| {
        let body =
            json!({"baseline_rate": 0.265, "detectable_effect": -0.04, "users_per_day": 100});
        let answer = home.post("/v1/analytics/experiment/plan", &body).ok();
        assert!(number(&answer["days"]) > 30.0, "{answer}");
        let body = json!({"baseline_rate": 0.265, "detectable_effect": 0, "power": 2});
        let answer = home.post("/v1/analytics/experiment/plan", &body);
        assert_eq!(answer.pointers().len(), 2, "{}", answer.text);
    });
}

/// A business that has an experiment; none where it has none, and then there is no policy.
fn with_experiment(home: &Home) -> Option<&Value> {
    let experiment = items(&home.schema()["experiments"]).first();
    if experiment.is_none() {
        assert_eq!(home.get("/v1/analytics/policy").status, 404);
    }
    experiment
}

#[test]
fn policies_say_what_each_share_of_the_customers_is_worth() {
    everywhere(|home| {
        let Some(experiment) = with_experiment(home) else {
            return;
        };
        let cost = "cost=1&months=6";
        let answer = home.read(&format!("/v1/analytics/policy?{cost}"));
        assert_eq!(answer["experiment"], experiment["name"]);
        let readout = home.read("/v1/analytics/experiment");
        for arm in ["control", "treatment"] {
            assert_eq!(answer[arm], readout[arm], "{arm}");
            assert_eq!(answer["arms"][arm], readout["arms"][arm], "{arm}");
        }
        assert_eq!(answer["comparison"], readout["comparison"]);
        assert_eq!(
            answer["terms"]["recurring"],
            home.schema()["roles"]["recurring"]
        );
        assert_eq!(answer["terms"]["currency"], home.schema()["currency"]);
        let customers = number(&answer["customers"]);
        let evaluation = &answer["evaluation"];
        let everybody = &evaluation["everybody"];
        assert_eq!(number(&everybody["customers"]), customers);
        assert_close(number(&everybody["cost"]), customers);
        let kept = number(&everybody["customers_kept"]["estimate"]);
        assert_close(kept, customers * number(&evaluation["effect"]["estimate"]));
        let per_kept = &everybody["cost_per_kept"];
        assert_eq!(per_kept.is_number(), kept > 0.0, "{everybody}");
        if kept > 0.0 {
            assert_close(number(per_kept), customers / kept);
        }
        let curves = &evaluation["curves"];
        let targetable = evaluation["targeting"]["targetable"] == true;
        assert!(!targetable || curves["estimated_effect"].is_object());
        for ranking in ["churn_score", "estimated_effect", "random"] {
            let curve = &curves[ranking];
            if curve.is_null() {
                assert_eq!(ranking, "estimated_effect");
                assert_eq!(evaluation["rung"], "one_difference");
                continue;
            }
            let points = items(&curve["points"]);
            assert_eq!(points.len(), 100, "{ranking}");
            for point in points {
                let [value, low, high] = [
                    &point["value"],
                    &point["interval"][0],
                    &point["interval"][1],
                ]
                .map(number);
                let [least, most] = [0, 1].map(|end| number(&point["simultaneous"][end]));
                assert!(
                    least <= low && low <= value && value <= high && high <= most,
                    "{point}"
                );
            }
            // However they are ranked, everybody is everybody.
            let last = &points[99];
            assert_eq!(number(&last["customers"]), customers);
            let worth = number(&everybody["value"]["estimate"]);
            assert!(
                (number(&last["value"]) - worth).abs() <= 1e-6 * worth.abs(),
                "{ranking}"
            );
        }
        let rungs: Vec<&str> = items(&evaluation["ladder"])
            .iter()
            .map(|rung| text(&rung["rung"]))
            .collect();
        assert_eq!(
            rungs,
            ["one_difference", "log_odds_shift", "segment_shifts"]
        );
        assert!(!text(&answer["reason"]).is_empty() && !text(&answer["caveat"]).is_empty());
    });
}

#[test]
fn policies_depend_on_what_treating_costs() {
    everywhere(|home| {
        if with_experiment(home).is_none() {
            return;
        }
        let read = |query: &str| home.read(&format!("/v1/analytics/policy?{query}"));
        // Nothing is worth a thousand times as much as any customer pays.
        let dear = read("cost=1000000");
        assert_eq!(dear["decision"], "treat_nobody", "{}", dear["reason"]);
        assert_eq!(dear["treated"], Value::Null);
        assert!(text(&dear["reason"]).starts_with("Treat nobody: "));
        let [free, again, active] = ["", "months=12", "status=active"].map(read);
        assert_eq!(free, again);
        assert_eq!(free, active);
        assert_ne!(free["decision"], "treat_nobody");
        let limited = read("cost=0.01&budget=1");
        if !limited["treated"].is_null() {
            assert!(number(&limited["treated"]["customers"]) <= 100.0);
        }
        let best = number(&limited["evaluation"]["curves"]["churn_score"]["best_share"]);
        assert!(best * number(&limited["customers"]) <= 101.0);
    });
}

#[test]
fn wrong_terms_of_policies_are_refused_at_once() {
    everywhere(|home| {
        let Some(experiment) = with_experiment(home) else {
            return;
        };
        let path = |query: &str| home.get(&format!("/v1/analytics/policy?{query}"));
        let found = path("cost=-1&budget=much&months=-3&experiment=none&treatment=none&colour=red")
            .pointers();
        let expected = [
            "/experiment",
            "/treatment",
            "/cost",
            "/months",
            "/budget",
            "/colour",
        ];
        assert_eq!(found, expected);
        for (query, pointer) in [
            ("value=5&months=5", "/months".to_owned()),
            ("cost=5&budget=4", "/budget".to_owned()),
            (
                &*parameter(&json!("treatment"), &experiment["control"]["arm"]),
                "/treatment".to_owned(),
            ),
        ] {
            assert_eq!(path(query).pointers(), [pointer], "{query}");
        }
        assert_eq!(path("cost=%zz").status, 400);
        assert_eq!(home.post("/v1/analytics/policy", &json!({})).status, 405);
    });
}
