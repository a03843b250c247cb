//! The usage log: one sealed JSON line for each call that reads or scores a customer.
//!
//! `docs/usage-log.md` describes the format, the chain and what the operator sets. In short: a line names no customer
//! but an HMAC of the id, it is written before the response leaves, and a log that can't be written never fails a call.

mod file;
mod key;
mod line;
mod sink;
mod verify;
mod writer;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use key::Key;
pub use line::LONGEST_LINE;
pub use sink::Memory;
pub use verify::{Check, Fault, FaultKind, Head, Order, Report, Source, Verifier};

use file::RotatingFile;
use line::Record;
use sink::{Sink, Stream};
use writer::{Patience, Writer};

/// What a handler knows about one call that read or scored a customer.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was done, such as `predict` or `report`.
    pub action: Arc<str>,
    /// The function that did it.
    pub function: Arc<str>,
    /// Whom it was about; the line holds an HMAC of this. `None` for an anonymous profile or a batch.
    pub customer_id: Option<String>,
    /// How many customers were read or scored: 1, or the size of a batch.
    pub count: usize,
    /// The response's HTTP status.
    pub outcome: u16,
    /// The level of the probability that a model gave for one customer, such as `high`. The probability itself is nearly as good as
    /// the customer's id, because the API tells it of everybody.
    pub risk_level: Option<Arc<str>>,
    /// The model that gave it.
    pub model_version: Option<Arc<str>>,
    /// The workspace that was asked.
    pub workspace_version: Option<Arc<str>>,
    /// From the request's arrival to its response.
    pub latency: Duration,
    /// Who called: a claim of the authorizer, else `anonymous`.
    pub caller: Cow<'static, str>,
    /// The request's id.
    pub request_id: String,
    /// What a person did, for calls that report it.
    pub interaction: Option<Interaction>,
}

/// Something that a person did with a customer's nudges or report.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its kind, such as `applied`.
    pub kind: &'static str,
    /// The nudge it was about.
    pub nudge_id: Option<String>,
}

/// Where the lines of a log go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file, rotated by size. Its folder must exist.
    File(PathBuf),
    /// Standard output, which a platform collects.
    Stdout,
    /// Nowhere.
    Off,
}

impl Destination {
    /// What `USAGE_LOG` says: a path, `stdout` or `off`.
    fn parse(text: &str) -> Self {
        match text {
            "stdout" => Self::Stdout,
            "off" => Self::Off,
            path => Self::File(Path::new(path).to_owned()),
        }
    }
}

/// How a log fares, for readiness and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the last attempt to write succeeded.
    pub writable: bool,
    /// Why it failed, in the system's words; for the operator, not for a client.
    pub error: Option<String>,
    /// Events that are kept and not yet written.
    pub pending: usize,
    /// Whether no more can be kept.
    pub full: bool,
    /// Lines written since the start.
    pub written: u64,
    /// Attempts that failed since the start.
    pub failures: u64,
    /// Events that went to standard error since the start, because too many were kept.
    pub overflowed: u64,
}

type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

/// The usage log of a process. Clones share one writer.
#[derive(Clone)]
pub struct UsageLog(Option<Arc<Log>>);

struct Log {
    key: Key,
    clock: Clock,
    writer: Writer,
}

impl UsageLog {
    /// The size, in bytes, from which on a file is rotated.
    pub const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// The log that the environment describes: `USAGE_LOG` or else `default`, `USAGE_LOG_KEY`, `USAGE_LOG_KEY_ID`,
    /// `USAGE_LOG_MAX_BYTES`. What it does not like it warns of through `tracing`, which should be set up before.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give.
    pub fn from_env(default: Destination) -> Self {
        let key = Key::from_variables(|name| std::env::var(name).ok());
        Self::with_key(default, key)
    }

    /// The same with a key from elsewhere, or a random one.
    pub(crate) fn with_key(default: Destination, key: Option<Key>) -> Self {
        Self::from_variables(default, key, |name| std::env::var(name).ok())
    }

    fn from_variables(
        default: Destination,
        key: Option<Key>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        let destination = filled("USAGE_LOG").map_or(default, |text| Destination::parse(&text));
        let sink: Box<dyn Sink> = match destination {
            Destination::Off => return Self::off(),
            Destination::Stdout => Box::new(Stream(std::io::stdout())),
            Destination::File(path) => Box::new(RotatingFile::new(
                path,
                max_bytes(filled("USAGE_LOG_MAX_BYTES")),
            )),
        };
        let key = key.unwrap_or_else(|| {
            tracing::warn!(
                "USAGE_LOG_KEY is not set: the usage log's key is random, so its subjects can't be matched with those \
                 of another run, nor its hashes be checked afterwards"
            );
            Key::for_this_process()
        });
        Self::new(sink, key, Box::new(SystemTime::now), Patience::default())
    }

    /// A log that writes nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// A log in memory, for tests, and its lines.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give.
    pub fn in_memory(
        key: Key,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> (Self, Memory) {
        let memory = Memory::default();
        (
            Self::new(
                Box::new(memory.clone()),
                key,
                Box::new(clock),
                Patience::default(),
            ),
            memory,
        )
    }

    fn new(sink: Box<dyn Sink>, key: Key, clock: Clock, patience: Patience) -> Self {
        let writer = Writer::new(
            sink,
            Box::new(Stream(std::io::stderr())),
            key.clone(),
            patience,
        );
        writer.open();
        Self(Some(Arc::new(Log { key, clock, writer })))
    }

    /// Writes one line. Resolves when it is written; while it can't be, as soon as the event is kept for a retry.
    /// Needs a Tokio runtime with time enabled.
    pub async fn record(&self, event: Event) {
        if let Some(log) = &self.0 {
            log.writer.write(log.record(event)).await;
        }
    }

    /// How the log fares. A log that is off is always writable.
    pub fn status(&self) -> Status {
        let off = Status {
            writable: true,
            error: None,
            pending: 0,
            full: false,
            written: 0,
            failures: 0,
            overflowed: 0,
        };
        self.0.as_ref().map_or(off, |log| log.writer.status())
    }

    /// Makes a last attempt at what could not be written, and sends the rest to standard error. For the end of the
    /// process, after the last response; dropping the last clone does the same.
    pub fn close(&self) {
        if let Some(log) = &self.0 {
            log.writer.close();
        }
    }
}

impl fmt::Debug for UsageLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("UsageLog")
            .field(&self.status())
            .finish()
    }
}

impl Log {
    fn record(&self, event: Event) -> Record {
        let time = line::format_time((self.clock)());
        let customer_id = event.customer_id.as_deref();
        let subject = customer_id.and_then(|id| subject(&self.key, id));
        let (kind, nudge_id) = event
            .interaction
            .map_or((None, None), |it| (Some(it.kind), it.nudge_id));
        let nudge = subject.as_deref().zip(nudge_id.as_deref());
        Record {
            request_id: clipped(without(event.request_id, customer_id)),
            action: event.action,
            function: event.function,
            count: event.count,
            outcome: event.outcome,
            risk_level: event.risk_level,
            model_version: event.model_version,
            workspace_version: event.workspace_version,
            latency_us: coarse(event.latency),
            caller: match event.caller {
                Cow::Owned(caller) => Cow::Owned(clipped(caller)),
                fixed => fixed,
            },
            event: kind,
            nudge: nudge.map(|(subject, id)| sealed_nudge(&self.key, &time, subject, id)),
            subject,
            time,
        }
    }
}

/// The HMAC that stands for a customer. An id of more than 64 bytes is nobody's, and could be a whole canonical line,
/// of which a caller must not get the HMAC: with it he could forge the line. A canonical line is longer than that.
fn subject(key: &Key, customer_id: &str) -> Option<String> {
    (customer_id.len() <= 64).then(|| key.sign(customer_id.as_bytes()))
}

/// The HMAC that stands for a nudge in one line, another in each: which nudges a subject was offered would tell a third of
/// all customers apart. The message begins with a digit, so that it is no canonical line, and is longer than any customer id.
fn sealed_nudge(key: &Key, time: &str, subject: &str, nudge_id: &str) -> String {
    key.sign([time, subject, nudge_id].concat().as_bytes())
}

/// A caller's request id, in which `*` stands for each byte of the customer's id.
fn without(mut request_id: String, customer_id: Option<&str>) -> String {
    let Some(customer_id) = customer_id.filter(|id| !id.is_empty()) else {
        return request_id;
    };
    let (folded, sought) = (
        request_id.to_ascii_lowercase(),
        customer_id.to_ascii_lowercase(),
    );
    for (start, found) in folded.match_indices(&sought) {
        request_id.replace_range(start..start + found.len(), &"*".repeat(found.len()));
    }
    request_id
}

/// A duration in microseconds, rounded up to 1, 2 or 5 times a power of ten. An exact one could be compared with how long
/// the same call takes for each customer.
fn coarse(latency: Duration) -> u64 {
    let exact = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    powers
        .flat_map(|power| [1, 2, 5].map(|step| power.saturating_mul(step)))
        .find(|&step| step >= exact)
        .unwrap_or(u64::MAX)
}

/// Text from outside, cut to 128 bytes, so that no caller decides how long a line is.
fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(128));
    text
}

fn max_bytes(variable: Option<String>) -> u64 {
    let Some(text) = variable else {
        return UsageLog::DEFAULT_MAX_BYTES;
    };
    text.parse().ok().filter(|&bytes| bytes > 0).unwrap_or_else(|| {
        tracing::warn!("USAGE_LOG_MAX_BYTES must be a positive number of bytes, got {text:?}; the default holds");
        UsageLog::DEFAULT_MAX_BYTES
    })
}

#[cfg(test)]
mod tests;
