//! From the lines of one delivery to the objects that hold them.

use std::collections::BTreeMap;

use aws_lambda_events::event::cloudwatch_logs::LogData;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use web::usage_log::LONGEST_LINE;

/// What one delivery leaves in the bucket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// One object per day, by date.
    pub objects: Vec<Object>,
    /// Lines that are no usage lines.
    pub left_out: usize,
}

/// Some lines of one day.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// `usage/dt=<date>/<time of the earliest line>-<hash of the body>.jsonl`: sorts by time, the same for the same lines.
    pub key: String,
    /// The lines as they were logged, each with its line feed, in the order of delivery.
    pub body: String,
}

/// The fields by which a usage line is known and filed.
#[derive(Deserialize)]
struct Filed {
    kind: String,
    time: String,
}

#[derive(Default)]
struct Day {
    earliest: Option<String>,
    body: String,
}

impl Batch {
    /// Files the lines of a delivery. A control message, by which the platform tests the subscription, has none.
    pub fn of(data: &LogData) -> Self {
        let mut days: BTreeMap<String, Day> = BTreeMap::new();
        let mut left_out = 0;
        let messages = data
            .log_events
            .iter()
            .filter(|_| data.message_type == "DATA_MESSAGE");
        for message in messages.map(|event| &*event.message) {
            let line = message.strip_suffix('\n').unwrap_or(message);
            let Some(time) = time_of_usage(line) else {
                left_out += 1;
                continue;
            };
            let day = days
                .entry(time[.."YYYY-MM-DD".len()].to_owned())
                .or_default();
            day.body.push_str(line);
            day.body.push('\n');
            if day
                .earliest
                .as_ref()
                .is_none_or(|earliest| time < *earliest)
            {
                day.earliest = Some(time);
            }
        }
        Self {
            objects: days
                .into_iter()
                .map(|(date, day)| day.into_object(&date))
                .collect(),
            left_out,
        }
    }
}

impl Day {
    fn into_object(self, date: &str) -> Object {
        let clock = self
            .earliest
            .as_deref()
            .map_or("", |time| &time[date.len() + 1..])
            .replace(':', "-");
        let hash = hex::encode(&Sha256::digest(&self.body)[..16]);
        Object {
            key: format!("usage/dt={date}/{clock}-{hash}.jsonl"),
            body: self.body,
        }
    }
}

/// The time of a usage line, RFC 3339 in UTC; `None` for any other text.
fn time_of_usage(line: &str) -> Option<String> {
    if line.len() > LONGEST_LINE || line.contains('\n') {
        return None;
    }
    let filed: Filed = serde_json::from_str(line).ok()?;
    let is_time = filed.time.len() == "YYYY-MM-DDThh:mm:ss.mmmZ".len()
        && humantime::parse_rfc3339(&filed.time).is_ok();
    (filed.kind == "usage" && is_time).then_some(filed.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(message_type: &str, messages: &[&str]) -> LogData {
        let events: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| serde_json::json!({"id": index.to_string(), "timestamp": 1, "message": message}))
            .collect();
        serde_json::from_value(serde_json::json!({
            "owner": "123456789012",
            "logGroup": "/aws/lambda/predict",
            "logStream": "2026/11/22/[$LATEST]0123456789abcdef",
            "subscriptionFilters": ["usage"],
            "messageType": message_type,
            "logEvents": events,
        }))
        .unwrap()
    }

    const LATE: &str = r#"{"kind":"usage","time":"2026-11-22T23:59:59.999Z","n":1}"#;
    const LATER: &str = r#"{"kind":"usage","time":"2026-11-23T00:00:00.002Z","n":2}"#;
    const EARLY: &str = r#"{"kind":"usage","time":"2026-11-23T00:00:00.001Z","n":3}"#;

    #[test]
    fn lines_are_filed_unchanged_by_their_own_day() {
        let batch = Batch::of(&data("DATA_MESSAGE", &[&format!("{LATE}\n"), LATER, EARLY]));
        let bodies: Vec<_> = batch.objects.iter().map(|object| &*object.body).collect();
        assert_eq!(bodies, [format!("{LATE}\n"), format!("{LATER}\n{EARLY}\n")]);
        assert!(
            batch.objects[0]
                .key
                .starts_with("usage/dt=2026-11-22/23-59-59.999Z-")
        );
        assert!(
            batch.objects[1]
                .key
                .starts_with("usage/dt=2026-11-23/00-00-00.001Z-")
        );
        assert_eq!(batch.left_out, 0);
    }

    #[test]
    fn the_same_lines_have_the_same_key_and_others_another() {
        let key = |messages: &[&str]| {
            Batch::of(&data("DATA_MESSAGE", messages))
                .objects
                .remove(0)
                .key
        };
        assert_eq!(key(&[LATER, EARLY]), key(&[LATER, EARLY]));
        assert_ne!(key(&[LATER, EARLY]), key(&[EARLY]));
    }

    #[test]
    fn a_control_message_leaves_nothing() {
        let message = "CWL CONTROL MESSAGE: Checking health of destination Lambda.";
        let nothing = Batch {
            objects: Vec::new(),
            left_out: 0,
        };
        assert_eq!(Batch::of(&data("CONTROL_MESSAGE", &[message])), nothing);
    }

    #[test]
    fn what_is_no_usage_line_is_left_out_and_counted() {
        let too_long = LATE.replace("\"n\"", &format!("\"{}\"", "n".repeat(LONGEST_LINE)));
        let batch = Batch::of(&data(
            "DATA_MESSAGE",
            &[
                "START RequestId: 8f507cfc",
                r#"{"kind":"other","time":"2026-11-22T23:59:59.999Z"}"#,
                r#"{"kind":"usage"}"#,
                r#"{"kind":"usage","time":"../../elsewhere/of-the-length"}"#,
                r#"{"kind":"usage","time":"2026-13-22T23:59:59.999Z"}"#,
                "{\"kind\":\"usage\",\n\"time\":\"2026-11-22T23:59:59.999Z\"}",
                &too_long,
            ],
        ));
        assert_eq!(
            batch,
            Batch {
                objects: Vec::new(),
                left_out: 7
            }
        );
    }
}
