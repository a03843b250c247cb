//! What Prometheus may know: how many requests, how fast, how many customers scored, how the usage log fares.

use crate::workspaces::Watch;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use web::budget::Budget;
use web::problem::Kind;
use web::usage_log::UsageLog;
use web::{Problem, Usage};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The route of what no route matches: the dashboard's files, and paths at which nothing is served.
const NO_ROUTE: &str = "other";
/// The status of a request whose client went away before it was answered, as nginx has it.
const ABANDONED: u16 = 499;

/// The measurements of one server.
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RouteAndStatus, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    predictions: Counter,
    refusals: Refusals,
}

/// Counts problems by their kind.
#[derive(Clone, Debug)]
pub struct Refusals(Family<ProblemType, Counter>);

impl Refusals {
    /// None of any kind.
    fn new() -> Self {
        let refusals = Self(Family::default());
        // A counter that begins with its first event hides that event from a rate.
        for &kind in Kind::ALL {
            refusals.of(kind);
        }
        refusals
    }

    fn of(&self, kind: Kind) -> Counter {
        let r#type = kind.explanation().slug;
        self.0.get_or_create_owned(&ProblemType { r#type })
    }

    /// A request was answered with a problem.
    pub fn count(&self, kind: Kind) {
        self.of(kind).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemType {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteAndStatus {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

impl Metrics {
    /// Nothing measured yet; the usage log is asked at each scrape.
    pub fn new(usage_log: UsageLog, budget: Budget, watch: Watch) -> Self {
        let requests = Family::default();
        let durations: Family<_, _, fn() -> _> = Family::new_with_constructor(|| {
            // 50 µs to 1.6 s, in factors of two.
            Histogram::new(exponential_buckets(5e-5, 2.0, 16))
        });
        let predictions = Counter::default();
        let refusals = Refusals::new();
        let mut registry = Registry::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From the end of a request's headers to the beginning of its answer",
            durations.clone(),
        );
        registry.register("predictions", "Customers scored", predictions.clone());
        registry.register(
            "problems",
            "Requests answered with a problem",
            refusals.0.clone(),
        );
        registry.register_collector(Box::new(LogCollector(usage_log)));
        registry.register_collector(Box::new(BodyCollector(budget)));
        registry.register_collector(Box::new(WorkspaceCollector(watch)));
        Self {
            registry: Arc::new(registry),
            requests,
            durations,
            predictions,
            refusals,
        }
    }

    /// What counts the requests that are answered with a problem.
    pub fn refusals(&self) -> Refusals {
        self.refusals.clone()
    }

    /// `/metrics`.
    pub fn router(&self) -> Router {
        let registry = Arc::clone(&self.registry);
        let scrape = async move || {
            let mut text = String::new();
            encode(&mut text, &registry).map_err(|fmt::Error| Problem::internal())?;
            Ok::<_, Problem>(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
        };
        Router::new().route("/metrics", get(scrape))
    }

    /// Begins to measure what happens to a request.
    pub fn begin(&self, request: &Request) -> Measurement<'_> {
        Measurement {
            metrics: self,
            route: request.extensions().get::<MatchedPath>().cloned(),
            arrival: Instant::now(),
            status: ABANDONED,
        }
    }
}

/// Counts when it is dropped, so that abandoned and panicking requests count too.
pub struct Measurement<'m> {
    metrics: &'m Metrics,
    route: Option<MatchedPath>,
    arrival: Instant,
    status: u16,
}

impl Measurement<'_> {
    /// The request was answered.
    pub fn end(mut self, response: &Response) {
        self.status = response.status().as_u16();
        if let Some(usage) = response.extensions().get::<Usage>() {
            let scored = usage.scored_customers() as u64;
            self.metrics.predictions.inc_by(scored);
        }
    }
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
        }
        let labels = RouteAndStatus {
            route: self
                .route
                .as_ref()
                .map_or(NO_ROUTE, MatchedPath::as_str)
                .to_owned(),
            status: self.status,
        };
        self.metrics.requests.get_or_create(&labels).inc();
        let route = Route {
            route: labels.route,
        };
        let duration = self.arrival.elapsed().as_secs_f64();
        self.metrics
            .durations
            .get_or_create(&route)
            .observe(duration);
    }
}

#[derive(Debug)]
struct BodyCollector(Budget);

impl Collector for BodyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let gauge = ConstGauge::new(i64::try_from(self.0.held()).unwrap_or(i64::MAX));
        let kind = gauge.metric_type();
        let help = "Bytes of memory held for bodies and answers";
        gauge.encode(encoder.encode_descriptor("body_bytes", help, None, kind)?)
    }
}

struct WorkspaceCollector(Watch);

impl fmt::Debug for WorkspaceCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkspaceCollector")
    }
}

impl Collector for WorkspaceCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let served = self.0.status();
        let versions = Info::new([
            ("source", served.source.to_owned()),
            ("version", served.version.clone()),
            ("model_version", served.model_version.clone()),
        ]);
        let kind = versions.metric_type();
        let help = "The workspace that is served";
        versions.encode(encoder.encode_descriptor("workspace", help, None, kind)?)?;
        let counters = [
            (
                "workspace_swaps",
                "Workspaces taken over while running",
                served.taken,
            ),
            (
                "workspace_refusals",
                "Workspaces that were found damaged or faulty",
                served.refused,
            ),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct LogCollector(UsageLog);

impl Collector for LogCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let status = self.0.status();
        let counters = [
            ("usage_log_lines", "Lines written", status.written),
            ("usage_log_failures", "Writes that failed", status.failures),
            (
                "usage_log_overflowed",
                "Events sent to standard error",
                status.overflowed,
            ),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        let gauges = [
            (
                "usage_log_pending",
                "Events kept for a retry",
                status.pending as i64,
            ),
            (
                "usage_log_writable",
                "1 if the last write succeeded",
                i64::from(status.writable),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let kind = gauge.metric_type();
            gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }
}
