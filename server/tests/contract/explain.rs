//! Why the model expects what it does, of one customer and of many.

use crate::home::{Home, encoded, everywhere, parameter};
use crate::json::{items, number, sorted, text};
use serde_json::{Value, json};

fn sum(contributions: &Value) -> f64 {
    let contributions = items(contributions).iter();
    contributions.map(|one| number(&one["contribution"])).sum()
}

/// The fields that the model sees, by name.
fn features(home: &Home) -> Vec<&str> {
    let seen = home.fields().iter().filter(|field| field["model"] == true);
    sorted(seen.map(|field| text(&field["name"])))
}

fn names(explained: &[Value]) -> Vec<&str> {
    sorted(explained.iter().map(|one| text(&one["feature"])))
}

#[test]
fn explanations_add_up_to_their_predictions() {
    everywhere(|home| {
        for id in home.some_customers() {
            let explanation = home.read(&format!("/v1/explain/{}", encoded(&id)));
            assert_eq!(explanation["customer_id"], id);
            assert_eq!(explanation["link"], "logit");
            let prediction = home.read(&format!("/v1/predict/{}", encoded(&id)));
            assert_eq!(explanation["probability"], prediction["probability"]);
            let contributions = &explanation["contributions"];
            assert_eq!(names(items(contributions)), features(home));
            let margin = number(&explanation["prediction_value"]);
            let added = number(&explanation["base_value"]) + sum(contributions);
            assert!((added - margin).abs() < 1e-5, "{added} {margin}");
            let probability = 1.0 / (1.0 + (-margin).exp());
            assert!((probability - number(&explanation["probability"])).abs() < 1e-12);
            let strength = |one: &Value| number(&one["contribution"]).abs();
            assert!(items(contributions).is_sorted_by(|a, b| strength(a) >= strength(b)));
            assert!(explanation.get("interactions").is_none());
        }
    });
}

#[test]
fn values_are_worded_as_the_schema_says() {
    everywhere(|home| {
        for id in home.some_customers() {
            let profile = home.profile(&id);
            let explanation = home.post("/v1/explain", &profile).ok();
            assert_eq!(explanation["customer_id"], Value::Null);
            for one in items(&explanation["contributions"]) {
                let field = home.field(text(&one["feature"]));
                let value = &profile[text(&field["name"])];
                assert_eq!(one["label"], field["label"]);
                let words = text(&one["words"]);
                let named = items(&field["values"]).iter();
                let named = named.clone().find(|named| named["value"] == *value);
                match (named, value) {
                    // A flag whose needs do not hold is false, too.
                    (Some(named), _) => {
                        if field["kind"] == "choice" {
                            assert_eq!(one["value"], named["label"]);
                        }
                        let without = &field["without"]["words"];
                        assert!(
                            named["words"] == words || *without == words,
                            "{words}: {field}"
                        );
                    }
                    (None, Value::Null) => {
                        assert!(words.ends_with(text(&field["unknown"])), "{words}");
                        assert_eq!(one["value"], field["unknown"]);
                    }
                    (None, _) => {
                        let template = text(&field["words"]);
                        let mut fixed = template.split(['{', '}']).step_by(2);
                        assert!(
                            fixed.all(|part| words.contains(part)),
                            "{words}: {template}"
                        );
                    }
                }
            }
            let sentence = text(&explanation["sentence"]);
            let mut beginnings = ["Mostly because: ", "Mostly kept by: ", "Nothing about "].iter();
            assert!(beginnings.any(|beginning| sentence.starts_with(beginning)));
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    });
}

#[test]
fn everybody_is_explained_unless_a_status_is_given() {
    everywhere(|home| {
        let explained = |query: &str| {
            let answer = home.read(&format!("/v1/explain?max_points=0{query}"));
            answer["population"].clone()
        };
        assert_eq!(explained(""), home.schema()["population"]);
        for status in ["active", "left"] {
            let total = home.total(&format!("status={status}"));
            assert_eq!(explained(&format!("&status={status}")), total);
        }
    });
}

#[test]
fn interactions_add_up_to_the_contributions() {
    everywhere(|home| {
        let answer = home.post("/v1/explain?interactions=true", &home.some_profile());
        let explanation = answer.ok();
        let values = items(&explanation["interactions"]["values"]);
        let features = items(&explanation["interactions"]["features"]);
        assert_eq!(features.len(), values.len());
        for (row, (name, others)) in features.iter().zip(values).enumerate() {
            let mut contributions = items(&explanation["contributions"]).iter();
            let own = contributions
                .find(|other| other["feature"] == *name)
                .unwrap();
            let total: f64 = items(others).iter().map(number).sum();
            let expected = number(&own["contribution"]);
            assert!(
                (total - expected).abs() < 1e-5,
                "{name}: {total} {expected}"
            );
            for (column, other) in values.iter().enumerate() {
                assert_eq!(others[column], other[row], "{row} {column}");
            }
        }
    });
}

#[test]
fn everyone_is_explained_at_once() {
    everywhere(|home| {
        let all = home.read("/v1/explain");
        let population = all["population"].as_u64().unwrap();
        assert_eq!(home.schema()["population"], population);
        let explained = items(&all["features"]);
        assert_eq!(names(explained), features(home));
        let strength = |one: &Value| number(&one["mean_abs_contribution"]);
        assert!(explained.is_sorted_by(|a, b| strength(a) >= strength(b)));
        let pairs = explained.len() * (explained.len() - 1) / 2;
        assert_eq!(items(&all["interactions"]).len(), pairs);
        for feature in explained {
            assert_eq!(items(&feature["points"]).len() as u64, population.min(300));
            let counts = items(&feature["distribution"]).iter();
            let counted: u64 = counts.map(|one| one["customers"].as_u64().unwrap()).sum();
            assert_eq!(counted, population, "{}", feature["feature"]);
        }
        let few = home.read("/v1/explain?max_points=7");
        assert_eq!(items(&few["features"][0]["points"]).len(), 7);
        assert_eq!(strength(&few["features"][0]), strength(&explained[0]));
    });
}

#[test]
fn filters_narrow_whom_is_explained() {
    everywhere(|home| {
        for filter in home.filters("values") {
            let Some(field) = filter["field"].as_str() else {
                continue;
            };
            let choice = &items(&filter["values"])[0];
            let query = parameter(&filter["parameter"], &choice["value"]);
            let some = home.read(&format!("/v1/explain?max_points=50&{query}"));
            let everybody = home.total(&format!("{query}&status=active&status=left"));
            assert_eq!(some["population"], everybody, "{query}");
            let mut explained = items(&some["features"]).iter();
            let Some(own) = explained.find(|one| one["feature"] == field) else {
                continue;
            };
            if home.field(field)["kind"] == "choice" {
                let points = items(&own["points"]);
                assert!(
                    points.iter().all(|point| point["value"] == choice["label"]),
                    "{own}"
                );
            }
        }
    });
}

#[test]
fn model_shows_its_card_and_its_evaluation() {
    everywhere(|home| {
        let quality = home.read("/v1/explain/model");
        assert_eq!(quality["model_version"], home.schema()["versions"]["model"]);
        // A card or an evaluation of another model is none of this one's.
        let (card, evaluation) = (&quality["card"], &quality["evaluation"]);
        if card.is_null() {
            assert!(text(&quality["model_version"]).starts_with("uncalibrated-"));
        } else {
            assert_eq!(card["version"], quality["model_version"]);
            assert_eq!(card["base_rate"], home.schema()["risk"]["base_rate"]);
        }
        if !evaluation.is_null() {
            assert_eq!(evaluation["version"], quality["model_version"]);
            assert_eq!(items(&evaluation["by_cutoff"]).len(), 101);
        }
    });
}

#[test]
fn wrong_questions_are_refused() {
    everywhere(|home| {
        assert_eq!(home.get("/v1/explain/no%20such%20customer").status, 404);
        assert_eq!(home.get("/v1/explain?max_points=2001").status, 422);
        let id = encoded(&home.some_customer());
        let answer = home.get(&format!("/v1/explain/{id}?interactions=maybe"));
        assert_eq!(answer.pointers(), ["/interactions"]);
        let required = home.fields().iter().any(|field| field["required"] == true);
        let status = if required { 422 } else { 200 };
        assert_eq!(home.post("/v1/explain", &json!({})).status, status);
        assert_eq!(home.post("/v1/explain", &json!([])).status, 422);
    });
}
