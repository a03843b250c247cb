//! What to do about a customer.

use crate::home::{Home, encoded, everywhere, parameter};
use crate::json::{assert_close, items, members, number, sorted, text, texts};
use serde_json::{Value, json};

fn nudges(answer: &Value) -> &[Value] {
    items(&answer["nudges"])
}

fn advice(home: &Home, id: &str, query: &str) -> Value {
    home.read(&format!("/v1/nudges/{}?{query}", encoded(id)))
}

/// A profile with a change taken over.
fn changed(profile: &Value, change: &Value) -> Value {
    let mut changed = profile.clone();
    for (field, value) in change.as_object().unwrap() {
        changed[field] = value.clone();
    }
    changed
}

/// What `/v1/predict` says of a profile.
fn predicted(home: &Home, profile: &Value) -> Value {
    home.post("/v1/predict", profile).ok()["probability"].clone()
}

#[test]
fn advice_has_the_agreed_shape() {
    everywhere(|home| {
        let price_change = home.role("recurring_change");
        for id in home.some_customers() {
            let answer = advice(home, &id, "");
            let expected = [
                "customer_id",
                "note",
                "nudges",
                "probability",
                "recourse",
                "status",
            ];
            assert_eq!(members(&answer), expected);
            assert_eq!(answer["customer_id"], id);
            assert!(text(&answer["note"]).contains("expects"));
            assert!(!nudges(&answer).is_empty());
            for nudge in nudges(&answer) {
                let expected = [
                    "category",
                    "change",
                    "id",
                    "measured",
                    "message",
                    "projected_probability",
                    "reasons",
                    "risk_reduction",
                    "title",
                ];
                assert_eq!(
                    members(nudge),
                    sorted(expected.into_iter().chain(price_change))
                );
                assert!(texts(&home.schema()["categories"]).contains(&text(&nudge["category"])));
                let reduction =
                    number(&answer["probability"]) - number(&nudge["projected_probability"]);
                assert_close(number(&nudge["risk_reduction"]), reduction);
                if nudge["change"].is_null() {
                    assert_eq!(nudge["projected_probability"], answer["probability"]);
                    if let Some(change) = price_change {
                        assert_eq!(nudge[change], 0.0);
                    }
                }
            }
            let recourse = &answer["recourse"];
            let expected = [
                "changes",
                "projected_probability",
                "reachable",
                "steps",
                "target_probability",
            ];
            let mut found = members(recourse);
            // Only there where the search was given up.
            found.retain(|member| *member != "searched_steps");
            assert_eq!(found, sorted(expected.into_iter().chain(price_change)));
            let target = &home.schema()["risk"]["will_churn"];
            assert_eq!(recourse["target_probability"], *target);
        }
    });
}

#[test]
fn changed_profiles_are_predicted_as_projected() {
    everywhere(|home| {
        for id in home.some_customers() {
            let profile = home.profile(&id);
            let answer = advice(home, &id, "target=0.2");
            assert_eq!(answer["probability"], predicted(home, &profile));
            let changing = nudges(&answer)
                .iter()
                .filter(|nudge| !nudge["change"].is_null());
            let changing = changing.map(|nudge| (&nudge["change"], nudge));
            let recourse = &answer["recourse"];
            for (change, projected) in changing.chain([(&recourse["changes"], recourse)]) {
                let after = changed(&profile, change);
                assert_eq!(predicted(home, &after), projected["projected_probability"]);
                if let Some(recurring) = home.role("recurring")
                    && let Some(before) = profile[recurring].as_f64()
                {
                    let by = number(&after[recurring]) - before;
                    assert_close(
                        number(&projected[home.role("recurring_change").unwrap()]),
                        by,
                    );
                }
                // Nothing about a person is anybody's to change.
                for name in members(change) {
                    assert_ne!(home.field(name)["about"], "person", "{name}");
                }
            }
        }
    });
}

#[test]
fn changes_of_recourse_are_those_that_the_schema_allows() {
    everywhere(|home| {
        let follow: Vec<Option<&str>> =
            ["recurring", "lifetime"].map(|role| home.role(role)).into();
        for id in home.some_customers() {
            let changes = &advice(home, &id, "target=0.01")["recourse"]["changes"];
            for name in members(changes) {
                let field = home.field(name);
                let allowed = ["any", "up"].contains(&text(&field["change"]));
                let depends = !items(&field["needs"]).is_empty();
                assert!(
                    allowed || depends || follow.contains(&Some(name)),
                    "{name}: {changes}"
                );
            }
        }
    });
}

#[test]
fn profiles_are_advised_as_their_customers() {
    everywhere(|home| {
        let id = home.some_customer();
        let mut profile = home.profile(&id);
        let anonymous = home.post("/v1/nudges?rotate=1", &profile).ok();
        assert_eq!(anonymous["customer_id"], Value::Null);
        profile["customer_id"] = json!(id);
        let theirs = advice(home, &id, "rotate=1");
        assert_eq!(home.post("/v1/nudges?rotate=1", &profile).ok(), theirs);
        assert_eq!(anonymous["nudges"], theirs["nudges"]);
    });
}

#[test]
fn limit_and_category_choose_among_the_ranked() {
    everywhere(|home| {
        for id in home.some_customers() {
            let all = advice(home, &id, "");
            let few = nudges(&all).len().min(2);
            assert_eq!(nudges(&advice(home, &id, "limit=2")), &nudges(&all)[..few]);
            let categories = texts(&home.schema()["categories"]);
            for chosen in [&categories[..1], &categories[..2], &categories[1..]] {
                let query: Vec<String> = chosen
                    .iter()
                    .map(|category| parameter(&json!("category"), &json!(category)))
                    .collect();
                let some = advice(home, &id, &query.join("&"));
                let expected: Vec<&Value> = nudges(&all)
                    .iter()
                    .filter(|nudge| chosen.contains(&text(&nudge["category"])))
                    .collect();
                assert_eq!(nudges(&some).iter().collect::<Vec<_>>(), expected);
            }
        }
    });
}

#[test]
fn rotation_changes_the_wording_and_nothing_else() {
    everywhere(|home| {
        let profile = home.some_profile();
        let stripped = |path: &str| {
            let mut answer = home.post(path, &profile).ok();
            let nudges = answer["nudges"].as_array_mut().unwrap().iter_mut();
            let messages: Vec<Value> = nudges.map(|nudge| nudge["message"].take()).collect();
            (answer, messages)
        };
        let (first, first_messages) = stripped("/v1/nudges");
        let (next, next_messages) = stripped("/v1/nudges?rotate=1");
        assert_eq!(first, next);
        let mut pairs = first_messages.iter().zip(&next_messages);
        assert!(pairs.all(|(one, other)| one != other));
        assert_eq!(stripped("/v1/nudges?rotate=0").1, first_messages);
    });
}

#[test]
fn recourse_gets_below_the_target_or_says_that_it_can_not() {
    everywhere(|home| {
        let will_churn = number(&home.schema()["risk"]["will_churn"]);
        let mut reached = 0;
        for id in home.some_customers() {
            let profile = home.profile(&id);
            let recourse = advice(home, &id, "")["recourse"].clone();
            let projected = number(&recourse["projected_probability"]);
            if recourse["reachable"] == true {
                reached += 1;
                assert!(projected < will_churn, "{recourse}");
                let moved = changed(&profile, &recourse["changes"]);
                let again = home.post("/v1/nudges", &moved).ok()["recourse"].clone();
                assert_eq!(
                    (&again["changes"], &again["steps"]),
                    (&json!({}), &json!(0))
                );
                let is_below = number(&advice(home, &id, "")["probability"]) < will_churn;
                assert_eq!(recourse["steps"] == 0, is_below, "{recourse}");
            } else {
                assert!(projected >= will_churn, "{recourse}");
            }
            let beyond = advice(home, &id, "target=0.000001")["recourse"].clone();
            assert_eq!(beyond["reachable"], false);
            assert!(
                number(&beyond["projected_probability"]) <= projected,
                "{beyond}"
            );
        }
        assert!(reached > 0);
    });
}

/// The ids of customers in an arm of an experiment; none where that can't be asked.
fn in_arm(home: &Home, experiment: &Value, arm: &Value) -> Vec<String> {
    let mut filters = home.filters("values");
    let Some(filter) = filters.find(|filter| filter["field"] == experiment["arm"]) else {
        return Vec::new();
    };
    let arm = parameter(&filter["parameter"], arm);
    let page = home.read(&format!(
        "/v1/summary?limit=50&status=active&status=left&{arm}"
    ));
    let rows = items(&page["items"]).iter();
    rows.map(|row| text(&row["customer_id"]).to_owned())
        .collect()
}

#[test]
fn measured_effects_are_those_of_the_readout() {
    everywhere(|home| {
        let Some(experiment) = items(&home.schema()["experiments"]).first() else {
            return;
        };
        let readout = home.read("/v1/analytics/experiment");
        let adjusted = &readout["cuped"]["absolute_difference"];
        let users = readout["control"]["users"].as_u64().unwrap()
            + readout["treatment"]["users"].as_u64().unwrap();
        let mut measured = 0;
        for id in in_arm(home, experiment, &experiment["treatments"][0]["arm"]) {
            for nudge in nudges(&advice(home, &id, "")) {
                let effect = &nudge["measured"];
                if effect["experiment"] != experiment["name"] {
                    continue;
                }
                measured += 1;
                let expected = ["control", "customers", "effect", "experiment", "interval"];
                assert_eq!(members(effect), expected);
                for (found, expected) in [
                    (&effect["effect"], &adjusted["estimate"]),
                    (&effect["interval"][0], &adjusted["interval"][0]),
                    (&effect["interval"][1], &adjusted["interval"][1]),
                ] {
                    assert_close(number(found), number(expected));
                }
                assert_eq!(effect["customers"], users);
                assert_eq!(effect["control"], experiment["control"]["offer"]);
            }
        }
        assert!(
            measured > 0,
            "no nudge shows the effect of {}",
            experiment["name"]
        );
        for id in in_arm(home, experiment, &experiment["control"]["arm"]) {
            let advice = advice(home, &id, "");
            let mut measured = nudges(&advice)
                .iter()
                .map(|nudge| &nudge["measured"]["experiment"]);
            assert!(measured.all(|name| *name != experiment["name"]), "{advice}");
        }
    });
}

#[test]
fn wrong_questions_are_refused() {
    everywhere(|home| {
        let id = encoded(&home.some_customer());
        let query = "target=1&limit=0&category=no-such-category&rotate=x&no_such_option=red";
        let answer = home.get(&format!("/v1/nudges/{id}?{query}"));
        assert_eq!(
            answer.pointers(),
            [
                "/category",
                "/limit",
                "/target",
                "/rotate",
                "/no_such_option"
            ]
        );
        assert_eq!(
            home.post("/v1/nudges", &json!([home.some_profile()]))
                .status,
            422
        );
        assert_eq!(home.get("/v1/nudges/no%20such%20customer").status, 404);
    });
}
