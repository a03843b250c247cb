//! What CloudWatch may count: lines on stdout in its embedded metric format, one per request, and one per feature whenever
//! the drift of posted profiles could be told.
//!
//! The platform reads the metrics from the line; nothing is sent, and no permission is needed. A line stands beside the usage
//! line of the same request, so it tells no more about a customer than that: no probability, and no profile.

use super::invocation::Invocation;
use crate::Usage;
use crate::usage_log::UsageLog;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NAMESPACE: &str = "EngageTrack";

/// The measurements of one process.
#[derive(Clone)]
pub struct Metrics(Arc<Measured>);

struct Measured {
    /// The stack that the function belongs to, `$STACK_NAME`.
    stack: String,
    /// The function, `$AWS_LAMBDA_FUNCTION_NAME`.
    function: String,
    usage_log: UsageLog,
    /// Failures of the usage log that were reported.
    reported_failures: AtomicU64,
}

/// A request that was answered.
struct Answered<'r> {
    status: StatusCode,
    latency: Duration,
    /// Whether it was the first of the process.
    cold_start: bool,
    usage: Option<&'r Usage>,
}

impl Metrics {
    /// Metrics for the function that the environment names.
    pub fn from_env(usage_log: UsageLog) -> Self {
        let variable = |name| std::env::var(name).unwrap_or_else(|_| "local".to_owned());
        Self::new(
            variable("STACK_NAME"),
            variable("AWS_LAMBDA_FUNCTION_NAME"),
            usage_log,
        )
    }

    fn new(stack: String, function: String, usage_log: UsageLog) -> Self {
        Self(Arc::new(Measured {
            stack,
            function,
            usage_log,
            reported_failures: AtomicU64::new(0),
        }))
    }

    /// The lines for a request that was answered at a time.
    fn lines(&self, at: SystemTime, request: Answered<'_>) -> Vec<Value> {
        let mut line = self.of_request(at, &request);
        let Some(posted) = request.usage.and_then(Usage::posted_profiles) else {
            return vec![line];
        };
        let expected = posted.expected.iter();
        let expected = expected.map(|(name, figure)| (*name, "None", json!(figure)));
        let expected = self.metrics(at, ("function", &self.0.function), expected.collect());
        // No metric: there are a hundred bins. Counts add up over processes.
        line["PostedProfiles"] = json!(posted.bins);
        match &posted.psi {
            Ok(indices) => {
                let drift = indices.iter().map(|(feature, index)| {
                    self.metrics(
                        at,
                        ("feature", feature),
                        vec![("Psi", "None", json!(index))],
                    )
                });
                [line, expected].into_iter().chain(drift).collect()
            }
            Err(why) => {
                line["Psi"] = json!(why);
                vec![line, expected]
            }
        }
    }

    fn of_request(&self, at: SystemTime, request: &Answered<'_>) -> Value {
        let lost = self.failures_since_the_last_line(self.0.usage_log.status().failures);
        let mut metrics = vec![
            (
                "Latency",
                "Microseconds",
                json!(request.latency.as_micros() as u64),
            ),
            ("ColdStart", "Count", json!(u8::from(request.cold_start))),
            (
                "Failures",
                "Count",
                json!(u8::from(request.status.is_server_error())),
            ),
            ("LogFailures", "Count", json!(lost)),
        ];
        if let Some(usage) = request.usage {
            metrics.push(("Predictions", "Count", json!(usage.scored_customers())));
        }
        let level = request.usage.and_then(Usage::risk_level);
        let level = level.map(|level| risk_metric(level));
        metrics.extend(level.as_deref().map(|level| (level, "Count", json!(1))));
        self.metrics(at, ("function", &self.0.function), metrics)
    }

    /// How many attempts to write the usage log failed since the last call, of so many since the start.
    fn failures_since_the_last_line(&self, failures: u64) -> u64 {
        let reported = self.0.reported_failures.swap(failures, Ordering::Relaxed);
        failures.saturating_sub(reported)
    }

    /// A line with metrics: name, unit and value. They count for the stack, and for what the dimension names in it.
    fn metrics(
        &self,
        at: SystemTime,
        (dimension, of): (&str, &str),
        metrics: Vec<(&str, &str, Value)>,
    ) -> Value {
        let directives: Vec<Value> = metrics
            .iter()
            .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
            .collect();
        let milliseconds = at
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as u64;
        let mut line = json!({
            "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["stack"], ["stack", dimension]],
                "Metrics": directives,
            }]},
            "stack": self.0.stack,
            dimension: of,
        });
        for (name, _, value) in metrics {
            line[name] = value;
        }
        line
    }
}

/// The metric that counts the predictions at a risk level.
fn risk_metric(level: &str) -> String {
    let words = level.split(['-', '_']).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.chain(["Risk".to_owned()]).collect()
}

/// Measures a request and prints its lines.
pub async fn measured(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let arrival = Instant::now();
    let response = next.run(request).await;
    let answered = Answered {
        status: response.status(),
        latency: arrival.elapsed(),
        cold_start: Invocation::current(|invocation| invocation.cold_start).unwrap_or(false),
        usage: response.extensions().get::<Usage>(),
    };
    let lines = metrics.lines(SystemTime::now(), answered);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Whole lines only: the usage log prints there, too. Metrics that can't be printed are not worth an error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn answered(status: StatusCode, usage: Option<&Usage>) -> Answered<'_> {
        Answered {
            status,
            latency: Duration::ZERO,
            cold_start: false,
            usage,
        }
    }

    #[test]
    fn a_request_that_was_refused_is_no_failure_and_one_that_failed_is() {
        let metrics = Metrics::new("stack".into(), "stack-summary".into(), UsageLog::off());
        let failures =
            |status| metrics.lines(UNIX_EPOCH, answered(status, None))[0]["Failures"].clone();
        assert_eq!(failures(StatusCode::NOT_FOUND), 0);
        assert_eq!(failures(StatusCode::INTERNAL_SERVER_ERROR), 1);
    }

    #[test]
    fn each_metric_is_declared_and_given() {
        let metrics = Metrics::new("stack".into(), "stack-predict".into(), UsageLog::off());
        let usage = Usage::of_customer(None).scored("high".into(), "model-1".into());
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let answered = Answered {
            latency: Duration::from_micros(42),
            cold_start: true,
            ..answered(StatusCode::OK, Some(&usage))
        };
        let lines = metrics.lines(at, answered);
        assert_eq!(
            lines,
            [json!({
                "_aws": {"Timestamp": 1_700_000_000_123_u64, "CloudWatchMetrics": [{
                    "Namespace": "EngageTrack",
                    "Dimensions": [["stack"], ["stack", "function"]],
                    "Metrics": [{"Name": "Latency", "Unit": "Microseconds"}, {"Name": "ColdStart", "Unit": "Count"},
                        {"Name": "Failures", "Unit": "Count"}, {"Name": "LogFailures", "Unit": "Count"}, {"Name": "Predictions", "Unit": "Count"},
                        {"Name": "HighRisk", "Unit": "Count"}],
                }]},
                "stack": "stack", "function": "stack-predict", "Latency": 42, "ColdStart": 1, "Failures": 0, "LogFailures": 0,
                "Predictions": 1, "HighRisk": 1,
            })]
        );
    }

    #[test]
    fn drift_is_a_metric_of_each_feature_once_it_can_be_told() {
        let metrics = Metrics::new("stack".into(), "stack-predict".into(), UsageLog::off());
        let lines = |psi| {
            let bins = BTreeMap::from([("partner".to_owned(), vec![600, 400, 0])]);
            let usage = Usage::of_many(1_000).scored_by("model-1".into()).posted(
                bins,
                psi,
                vec![("ExpectedRocAuc", 0.84)],
            );
            metrics.lines(UNIX_EPOCH, answered(StatusCode::OK, Some(&usage)))
        };
        let few = lines(Err("too few"));
        let expected = json!({
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": [{
                "Namespace": "EngageTrack",
                "Dimensions": [["stack"], ["stack", "function"]],
                "Metrics": [{"Name": "ExpectedRocAuc", "Unit": "None"}],
            }]},
            "stack": "stack", "function": "stack-predict", "ExpectedRocAuc": 0.84,
        });
        assert_eq!(few[1..], *std::slice::from_ref(&expected));
        assert_eq!(few[0]["PostedProfiles"], json!({"partner": [600, 400, 0]}));
        assert_eq!(few[0]["Psi"], "too few");

        let told = lines(Ok(BTreeMap::from([("partner".to_owned(), 0.25)])));
        assert_eq!(told[0]["PostedProfiles"], json!({"partner": [600, 400, 0]}));
        assert_eq!(told[1], expected);
        assert_eq!(
            told[2..],
            [json!({
                "_aws": {"Timestamp": 0, "CloudWatchMetrics": [{
                    "Namespace": "EngageTrack",
                    "Dimensions": [["stack"], ["stack", "feature"]],
                    "Metrics": [{"Name": "Psi", "Unit": "None"}],
                }]},
                "stack": "stack", "feature": "partner", "Psi": 0.25,
            })]
        );
    }

    #[test]
    fn a_lost_usage_line_is_counted_once() {
        let metrics = Metrics::new("stack".into(), "stack-predict".into(), UsageLog::off());
        let line = |failures| metrics.failures_since_the_last_line(failures);
        assert_eq!([line(0), line(2), line(2), line(3)], [0, 2, 0, 1]);
    }

    #[test]
    fn what_scored_nobody_counts_no_prediction() {
        let metrics = Metrics::new("stack".into(), "stack-summary".into(), UsageLog::off());
        let line = &metrics.lines(UNIX_EPOCH, answered(StatusCode::OK, None))[0];
        assert_eq!(line.get("Predictions"), None);
        assert_eq!(line["Failures"], 0);
        assert_eq!(line["ColdStart"], 0);
    }
}
