//! Diagnostic logs in Lambda: JSON lines on stderr under the keys that AWS Powertools uses, filtered by `$LOG_LEVEL`.

use super::invocation::Invocation;
use serde_json::{Map, Value};
use std::fmt;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the process; a second call changes nothing.
pub fn init() {
    let variable = |name, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Powertools {
            service: variable("POWERTOOLS_SERVICE_NAME", "engagetrack"),
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME", ""),
        })
        .with_writer(std::io::stderr)
        .with_filter(crate::logging::filter());
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

struct Powertools {
    service: String,
    function_name: String,
}

impl<S, N> FormatEvent<S, N> for Powertools
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line(Map::new());
        event.record(&mut line);
        line.put("level", event.metadata().level().as_str());
        line.put("location", event.metadata().target());
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        line.put("timestamp", now.to_string());
        line.put("service", self.service.as_str());
        line.put("function_name", self.function_name.as_str());
        Invocation::current(|invocation| {
            line.put("cold_start", invocation.cold_start);
            line.put(
                "function_request_id",
                invocation.function_request_id.as_str(),
            );
            line.put("correlation_id", invocation.correlation_id.as_str());
            line.put("xray_trace_id", invocation.xray_trace_id.as_deref());
        });
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// A line in the making: an event's fields, `message` among them, become its keys.
struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::extract::Request;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_has_powertools_keys_and_the_events_own() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Powertools {
                service: "engagetrack".into(),
                function_name: "stack-predict".into(),
            })
            .with_writer(move || sink.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);

        tracing::info!("starting");
        let request = Request::get("/v1/predict").header("x-request-id", "caller-1");
        let invocation = Invocation::begin(&mut request.body(Body::empty()).unwrap());
        invocation
            .around(async {
                tracing::error!(
                    status = 500,
                    path = "a \"quoted\"\npath",
                    "a request failed"
                )
            })
            .await;

        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let [start, failure]: [Value; 2] = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(start["message"], "starting");
        assert_eq!(start["level"], "INFO");
        assert_eq!(start.get("cold_start"), None);
        assert_eq!(failure["message"], "a request failed");
        assert_eq!(failure["service"], "engagetrack");
        assert_eq!(failure["function_name"], "stack-predict");
        assert_eq!(failure["correlation_id"], "caller-1");
        assert_eq!(failure["status"], 500);
        assert_eq!(failure["path"], "a \"quoted\"\npath");
        assert_eq!(failure["xray_trace_id"], Value::Null);
        assert!(failure["cold_start"].is_boolean());
        let timestamp = failure["timestamp"].as_str().unwrap();
        humantime::parse_rfc3339(timestamp).unwrap();
    }
}
