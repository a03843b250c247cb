//! One profile before and after a change: re-priced, predicted, explained and advised in one answer.

use crate::View;
use crate::explanation::{self, Explanation};
use crate::nudges::{self, Nudge};
use crate::prediction::{self, Prediction, Status};
use crate::recourse::{Altered, Recourse};
use crate::summary::ProfileMember;
use crate::vocabulary;
use schema::intake::{self, Json, Submission};
use schema::{Change, FieldError, FieldErrors};
use serde::Serialize;
use utoipa::ToSchema;

/// A profile, and what is to change about it.
#[derive(ToSchema)]
#[allow(dead_code)]
#[schema(as = ProfileWhatIfRequest)]
pub struct RequestDocument {
    /// The profile as it is.
    profile: vocabulary::Profile,
    /// The fields that change, with their new values; null makes one unknown. Charges follow from the price list unless they are
    /// named.
    change: vocabulary::Change,
}

/// A profile, and what is to change about it.
#[derive(Clone, Debug)]
pub struct Request {
    submission: Submission,
    change: Change,
}

/// A profile after a change, and what is to be said of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProfileWhatIf)]
pub struct WhatIf<'w> {
    /// The sender's id for the customer.
    #[schema(required)]
    pub customer_id: Option<String>,
    /// `left` where the posted outcome says so, otherwise `active`.
    pub status: Status,
    /// The profile after the change, re-priced.
    #[schema(value_type = vocabulary::Profile)]
    pub profile: ProfileMember<'w>,
    /// Every field that differs from the posted profile.
    #[schema(value_type = vocabulary::Change)]
    pub change: Altered<'w>,
    /// What the model expects.
    pub prediction: Prediction<'w>,
    /// Why.
    pub explanation: Explanation<'w>,
    /// What to do, best first.
    pub nudges: Vec<Nudge<'w>>,
    /// The smallest change of plan that brings the risk under the threshold.
    pub recourse: Recourse<'w>,
    /// What a projected probability is, and what it is not.
    pub note: &'static str,
}

impl Request {
    /// Reads `profile`, by exact names and values, and `change` from a JSON object.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(view: &View<'_>, json: &Json) -> Result<Self, FieldErrors> {
        Self::with_profile(view, json, |profile| view.schema.submission(profile))
    }

    /// Reads `profile`, as `read` does, and `change` from a JSON object.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn with_profile(
        view: &View<'_>,
        json: &Json,
        read: impl FnOnce(&Json) -> Result<Submission, FieldErrors>,
    ) -> Result<Self, FieldErrors> {
        let mut read = Some(read);
        let Json::Object(members) = json else {
            return Err(FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: "must be an object with profile and change".to_owned(),
            }));
        };
        let mut errors = FieldErrors::default();
        let (mut submission, mut change) = (None, None);
        for (index, (name, value)) in members.iter().enumerate() {
            match name.as_str() {
                _ if members[..index].iter().any(|(before, _)| before == name) => {
                    errors.push(intake::given_twice(name, name));
                }
                "profile" => match read.take().map(|read| read(value)) {
                    Some(Ok(read)) => submission = Some(read),
                    Some(Err(found)) => errors.within(name, |errors| errors.append(found)),
                    None => {}
                },
                "change" => match view.schema.profile_change(value) {
                    Ok(read) => change = Some(read),
                    Err(found) => errors.within(name, |errors| errors.append(found)),
                },
                _ => errors.add(name, "is unknown; the members are profile, change"),
            }
        }
        for required in ["profile", "change"] {
            if members.iter().all(|(name, _)| name != required) {
                errors.add(required, "is required");
            }
        }
        match (submission, change) {
            (Some(submission), Some(change)) if errors.is_empty() => {
                Ok(Self { submission, change })
            }
            _ => Err(errors),
        }
    }

    /// The profile after the change, and what is to be said of it.
    ///
    /// # Errors
    /// A change that the profile can't have.
    pub fn answer<'w>(self, view: &'w View<'w>) -> Result<WhatIf<'w>, FieldErrors> {
        let before = self.submission.profile;
        let after = view.schema.edit(&before, &self.change);
        let after = after.map_err(|found| {
            let mut errors = FieldErrors::default();
            errors.within("change", |errors| errors.append(found));
            errors
        })?;
        let advice = nudges::Request::default().advice(view, &after);
        Ok(WhatIf {
            customer_id: self.submission.customer_id,
            status: Status::of_outcome(self.submission.left),
            change: Altered::between(view, &before, &after),
            prediction: prediction::predict(view, after.codes()),
            explanation: explanation::explain(view, after.codes()),
            nudges: advice.nudges,
            recourse: advice.recourse,
            note: advice.note,
            profile: ProfileMember::new(view, after),
        })
    }

    /// The probability of the profile as it was posted.
    pub fn probability(&self, view: &View<'_>) -> f64 {
        view.model.probability(self.submission.profile.codes())
    }

    /// The row of the profile as it was posted.
    pub fn row(&self, view: &View<'_>) -> workspace::model::Row {
        view.model.row(self.submission.profile.codes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::{edited, profiles, read, view, written};
    use schema::Profile;
    use serde_json::{Value, json};

    /// A month-to-month customer with a fibre line and no add-on.
    fn plain() -> Profile {
        edited(
            &profiles().next().unwrap(),
            &json!({"tenure_months": 10, "phone_service": true, "multiple_lines": false,
                "internet_service": "Fiber optic", "online_security": false, "online_backup": false,
                "device_protection": false, "tech_support": false, "streaming_tv": false,
                "streaming_movies": false, "contract": "Month-to-month", "monthly_charges": 70.0,
                "total_charges": 700.0}),
        )
    }

    fn request(json: &Value) -> Result<Request, FieldErrors> {
        Request::from_json(view(), &serde_json::from_str(&json.to_string()).unwrap())
    }

    fn project(profile: &Profile, change: &Value) -> Value {
        let request = request(&json!({"profile": written(profile), "change": change})).unwrap();
        serde_json::to_value(request.answer(view()).unwrap()).unwrap()
    }

    /// Pointer and detail of everything that is wrong with a request.
    fn wrong(json: &Value) -> Vec<(String, String)> {
        let errors = match request(json) {
            Ok(request) => request.answer(view()).unwrap_err(),
            Err(errors) => errors,
        };
        let (_, listed): (usize, Vec<(String, String)>) = errors.into();
        listed
    }

    fn price(field: &str, code: f64) -> f64 {
        view().schema.find(field).unwrap().price(code)
    }

    fn assert_close(found: &Value, expected: f64) {
        let found = found.as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn a_change_of_plan_is_repriced() {
        let answer = project(
            &plain(),
            &json!({"tech_support": true, "contract": "One year"}),
        );
        let support = price("tech_support", 1.0);
        assert!(support > 0.0);
        assert_close(&answer["profile"]["monthly_charges"], 70.0 + support);
        assert_close(&answer["profile"]["total_charges"], 700.0 + 10.0 * support);
        let change = answer["change"].as_object().unwrap();
        let names: Vec<&str> = change.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "contract",
                "monthly_charges",
                "tech_support",
                "total_charges"
            ]
        );
        for (name, value) in change {
            assert_eq!(answer["profile"][name], *value, "{name}");
        }
    }

    #[test]
    fn a_charge_that_is_named_is_kept() {
        let change = json!({"tech_support": true, "monthly_charges": 61.5});
        let answer = project(&plain(), &change);
        assert_eq!(answer["profile"]["monthly_charges"], 61.5);
        let moved = 700.0 + 10.0 * price("tech_support", 1.0);
        assert_close(&answer["profile"]["total_charges"], moved);
        let change = json!({"tech_support": true, "total_charges": 650.0});
        let answer = project(&plain(), &change);
        assert_eq!(answer["profile"]["total_charges"], 650.0);
        assert_close(
            &answer["profile"]["monthly_charges"],
            70.0 + price("tech_support", 1.0),
        );
    }

    #[test]
    fn a_change_of_nothing_leaves_the_profile_as_it_is() {
        let offline = edited(&plain(), &json!({"internet_service": "No"}));
        let cases = [
            (plain(), json!({})),
            (plain(), json!({"contract": "Month-to-month"})),
            (offline.clone(), json!({"internet_service": "No"})),
            // It is so already, for want of internet.
            (offline, json!({"streaming_tv": false})),
        ];
        for (profile, change) in cases {
            let answer = project(&profile, &change);
            assert_eq!(answer["profile"], written(&profile));
            assert_eq!(answer["change"], json!({}));
        }
    }

    #[test]
    fn what_loses_its_needs_goes_and_what_gets_them_back_begins_at_its_first_value() {
        let streaming = edited(&plain(), &json!({"streaming_tv": true}));
        let gone = project(&streaming, &json!({"internet_service": "No"}));
        assert_eq!(gone["profile"]["streaming_tv"], false);
        let without = price("internet_service", 1.0) + price("streaming_tv", 1.0);
        assert_close(&gone["profile"]["monthly_charges"], 70.0 - without);
        let words = |answer: &Value| {
            let contributions = answer["explanation"]["contributions"].as_array().unwrap();
            let mut of_streaming = contributions.iter();
            let one = of_streaming.find(|one| one["feature"] == "streaming_tv");
            one.unwrap()["words"].clone()
        };
        assert_eq!(words(&gone), "no internet, so no streaming TV");
        let gone = read(&gone["profile"]);
        let back = project(&gone, &json!({"internet_service": "DSL"}));
        assert_eq!(words(&back), "without streaming TV");
        let back = project(
            &gone,
            &json!({"internet_service": "DSL", "streaming_tv": true}),
        );
        assert_eq!(words(&back), "with streaming TV");
    }

    #[test]
    fn a_null_makes_a_field_unknown_where_it_may_be() {
        let known = edited(&plain(), &json!({"support_calls": 5}));
        let answer = project(
            &known,
            &json!({"support_calls": null, "total_charges": null}),
        );
        assert_eq!(answer["profile"]["support_calls"], Value::Null);
        assert_eq!(answer["profile"]["total_charges"], Value::Null);
        assert_eq!(
            answer["change"],
            json!({"support_calls": null, "total_charges": null})
        );
        let json = json!({"profile": written(&known), "change": {"contract": null}});
        let expected = ("/change/contract".to_owned(), "is required".to_owned());
        assert_eq!(wrong(&json), [expected]);
    }

    #[test]
    fn the_answer_is_what_the_other_functions_say_of_the_profile() {
        for (position, profile) in profiles().step_by(701).enumerate() {
            let change = [
                json!({"contract": "Two year", "tenure_months": 30}),
                json!({"payment_method": "Mailed check"}),
                json!({"support_calls": 7}),
                json!({}),
            ];
            let mut submitted = written(&profile);
            submitted["customer_id"] = "C-1".into();
            submitted["churned"] = true.into();
            let json = json!({"profile": submitted, "change": change[position % 4]});
            let answer = request(&json).unwrap().answer(view()).unwrap();
            let answer = serde_json::to_value(answer).unwrap();
            let after = read(&answer["profile"]);
            let advice = nudges::Request::default().advice(view(), &after);
            let expected = json!({
                "customer_id": "C-1",
                "status": "left",
                "profile": written(&after),
                "change": Altered::between(view(), &profile, &after),
                "prediction": prediction::predict(view(), after.codes()),
                "explanation": explanation::explain(view(), after.codes()),
                "nudges": advice.nudges,
                "recourse": advice.recourse,
                "note": nudges::NOTE,
            });
            assert_eq!(answer, expected);
        }
    }

    #[test]
    fn faults_point_into_profile_and_change() {
        let plain = written(&plain());
        let mut faulty = plain.clone();
        faulty["tenure_months"] = (-1).into();
        faulty["height"] = 3.into();
        let change = json!({"contract": "Forever", "colour": "red"});
        let listed = wrong(&json!({"profile": faulty, "change": change}));
        let pointers: Vec<&str> = listed.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let mut sorted = pointers.clone();
        sorted.sort_unstable();
        assert_eq!(
            sorted,
            [
                "/change/colour",
                "/change/contract",
                "/profile/height",
                "/profile/tenure_months"
            ]
        );
        let missing = [("/change", "is required"), ("/profile", "is required")];
        let listed = wrong(&json!({}));
        assert!(
            missing
                .iter()
                .all(|(pointer, detail)| listed
                    .contains(&((*pointer).to_owned(), (*detail).to_owned()))),
            "{listed:?}"
        );
        assert_eq!(wrong(&json!([]))[0].0, "");
        assert_eq!(
            wrong(&json!({"profile": plain, "change": []}))[0].0,
            "/change"
        );
        let listed = wrong(&json!({"profile": plain, "change": {}, "target": 0.5}));
        assert_eq!(listed[0].0, "/target");
        let json = format!(r#"{{"profile": {plain}, "change": {{}}, "change": {{}}}}"#);
        let twice = Request::from_json(view(), &serde_json::from_str(&json).unwrap()).unwrap_err();
        assert_eq!(twice.listed()[0].pointer, "/change");
    }

    #[test]
    fn a_change_that_lacks_what_it_needs_is_refused() {
        let offline = edited(&plain(), &json!({"internet_service": "No"}));
        let json = json!({"profile": written(&offline), "change": {"streaming_tv": true}});
        let listed = wrong(&json);
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].0, "/change/streaming_tv");
        let change = json!({"internet_service": "No", "streaming_tv": true});
        let listed = wrong(&json!({"profile": written(&plain()), "change": change}));
        assert_eq!(listed[0].0, "/change/streaming_tv");
    }

    #[test]
    fn only_the_field_that_lacks_something_is_refused() {
        let offline = edited(&plain(), &json!({"internet_service": "No"}));
        let change = json!({"streaming_tv": true, "multiple_lines": true});
        let listed = wrong(&json!({"profile": written(&offline), "change": change}));
        let pointers: Vec<&str> = listed.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/change/streaming_tv"]);
        assert!(listed[0].1.contains("internet_service"), "{listed:?}");
    }

    #[test]
    fn the_row_is_that_of_the_posted_profile() {
        let json = json!({"profile": written(&plain()), "change": {"contract": "Two year"}});
        let row = request(&json).unwrap().row(view());
        assert_eq!(row, view().model.row(plain().codes()));
    }
}
