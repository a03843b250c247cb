//! What CloudWatch may count: one line on stdout per request, in its embedded metric format.
//!
//! The platform reads the metrics from the line; nothing is sent, and no permission is needed.

use super::invocation::Invocation;
use crate::Usage;
use crate::usage_log::UsageLog;
use axum::extract::{Request, State};
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

    /// The line for a request that was answered.
    fn line(
        &self,
        at: SystemTime,
        latency: Duration,
        cold_start: bool,
        usage: Option<&Usage>,
    ) -> Value {
        let failures = self.0.usage_log.status().failures;
        let reported = self.0.reported_failures.swap(failures, Ordering::Relaxed);
        let mut metrics = vec![
            ("Latency", "Microseconds", json!(latency.as_micros() as u64)),
            ("ColdStart", "Count", json!(u8::from(cold_start))),
            (
                "LogFailures",
                "Count",
                json!(failures.saturating_sub(reported)),
            ),
        ];
        if let Some(usage) = usage {
            metrics.push(("Predictions", "Count", json!(usage.scored_customers())));
            if let Some(probability) = usage.probability() {
                metrics.push(("Probability", "None", json!(probability)));
            }
        }
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
                "Dimensions": [["stack"], ["stack", "function"]],
                "Metrics": directives,
            }]},
            "stack": self.0.stack,
            "function": self.0.function,
        });
        for (name, _, value) in metrics {
            line[name] = value;
        }
        line
    }
}

/// Measures a request and prints its line.
pub async fn measured(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let arrival = Instant::now();
    let response = next.run(request).await;
    let cold_start = Invocation::current(|invocation| invocation.cold_start).unwrap_or(false);
    let usage = response.extensions().get::<Usage>();
    let line = metrics.line(SystemTime::now(), arrival.elapsed(), cold_start, usage);
    // Whole lines only: the usage log prints there, too. Metrics that can't be printed are not worth an error.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_declared_and_given() {
        let metrics = Metrics::new("stack".into(), "stack-predict".into(), UsageLog::off());
        let usage = Usage::of_customer("predict", None).scored(0.75, "model-1");
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let line = metrics.line(at, Duration::from_micros(42), true, Some(&usage));
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 1_700_000_000_123_u64, "CloudWatchMetrics": [{
                    "Namespace": "EngageTrack",
                    "Dimensions": [["stack"], ["stack", "function"]],
                    "Metrics": [{"Name": "Latency", "Unit": "Microseconds"}, {"Name": "ColdStart", "Unit": "Count"},
                        {"Name": "LogFailures", "Unit": "Count"}, {"Name": "Predictions", "Unit": "Count"},
                        {"Name": "Probability", "Unit": "None"}],
                }]},
                "stack": "stack", "function": "stack-predict", "Latency": 42, "ColdStart": 1, "LogFailures": 0,
                "Predictions": 1, "Probability": 0.75,
            })
        );
    }

    #[test]
    fn what_scored_nobody_counts_no_prediction() {
        let metrics = Metrics::new("stack".into(), "stack-summary".into(), UsageLog::off());
        let line = metrics.line(UNIX_EPOCH, Duration::ZERO, false, None);
        assert_eq!(line.get("Predictions"), None);
        assert_eq!(line["ColdStart"], 0);
    }
}
