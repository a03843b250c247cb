//! Deliveries of the log subscription, and what they leave in the bucket.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use archive::verify::read_bucket;
use aws_lambda_events::event::cloudwatch_logs::LogsEvent;
use base64::Engine;
use flate2::write::GzEncoder;
use web::usage_log::{Check, Event, Key, Order, Report, UsageLog, Verifier};

use crate::store::{Behaviour, Store};

pub const SECRET: &str = "a secret of a decent length";

pub fn key() -> Key {
    Key::new(SECRET.as_bytes(), Some("k1"))
}

/// What a verification of all that lies in a bucket finds.
async fn verified(store: &Store) -> Report {
    let mut verifier = Verifier::new(Order::Any, Check::Authenticity(vec![key()]));
    read_bucket(&mut verifier, &store.bucket(), "usage/")
        .await
        .unwrap();
    verifier.finish()
}

/// What one instance of a function logs for some calls, one second apart, from a minute before midnight.
pub async fn lines_of_a_writer(calls: u64) -> Vec<String> {
    // 2026-11-22T23:59:00Z
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_391_940);
    let seconds = AtomicU64::new(0);
    let clock = move || start + Duration::from_secs(seconds.fetch_add(1, Ordering::Relaxed));
    let (log, memory) = UsageLog::in_memory(key(), clock);
    for call in 0..calls {
        log.record(Event {
            action: "predict".into(),
            function: "predict".into(),
            customer_id: Some(format!("{call:04}-ABCDE")),
            count: 1,
            outcome: 200,
            risk_level: None,
            model_version: Some("m1".into()),
            workspace_version: Some("w1".into()),
            latency: Duration::from_micros(81),
            caller: "anonymous".into(),
            request_id: format!("r-{call}"),
            interaction: None,
        })
        .await;
    }
    memory.lines()
}

/// A delivery as AWS documents it: JSON, gzipped, in base64.
fn payload(message_type: &str, messages: &[String]) -> String {
    let events: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(index, message)| {
            serde_json::json!({
                "id": format!("{index:056}"),
                "timestamp": 1_795_391_940_000u64 + index as u64,
                "message": format!("{message}\n"),
            })
        })
        .collect();
    let data = serde_json::json!({
        "messageType": message_type,
        "owner": "123456789012",
        "logGroup": "/aws/lambda/predict",
        "logStream": "2026/11/22/[$LATEST]94fa867e5374431291a7fc14e2f56ae7",
        "subscriptionFilters": ["usage"],
        "logEvents": events,
    });
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(data.to_string().as_bytes()).unwrap();
    let base64 = base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap());
    serde_json::json!({"awslogs": {"data": base64}}).to_string()
}

pub fn delivery(messages: &[String]) -> LogsEvent {
    serde_json::from_str(&payload("DATA_MESSAGE", messages)).unwrap()
}

#[tokio::test]
async fn a_delivery_is_filed_by_day_and_unchanged() {
    let store = Store::start().await;
    let lines = lines_of_a_writer(90).await;
    archive::archive(&store.bucket(), delivery(&lines))
        .await
        .unwrap();

    let objects = store.objects();
    assert_eq!(objects.len(), 2);
    assert!(
        objects[0]
            .0
            .starts_with("usage/dt=2026-11-22/23-59-00.000Z-"),
        "{}",
        objects[0].0
    );
    assert!(
        objects[1]
            .0
            .starts_with("usage/dt=2026-11-23/00-00-00.000Z-"),
        "{}",
        objects[1].0
    );
    let content = objects
        .iter()
        .map(|(_, content)| &**content)
        .collect::<String>();
    assert_eq!(content.lines().collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn a_repeated_delivery_overwrites_itself() {
    let store = Store::start().await;
    let lines = lines_of_a_writer(10).await;
    archive::archive(&store.bucket(), delivery(&lines))
        .await
        .unwrap();
    let before = store.objects();
    archive::archive(&store.bucket(), delivery(&lines))
        .await
        .unwrap();
    assert_eq!(store.objects(), before);
}

#[tokio::test]
async fn deliveries_of_several_writers_in_any_order_make_whole_chains() {
    let store = Store::start().await;
    let (first, second) = (lines_of_a_writer(30).await, lines_of_a_writer(20).await);
    // The later part comes first; one part comes again, cut differently.
    for part in [&first[20..], &second[..], &first[..20], &first[15..25]] {
        archive::archive(&store.bucket(), delivery(part))
            .await
            .unwrap();
    }
    let report = verified(&store).await;
    assert_eq!(report.fault, None);
    assert_eq!(
        (report.lines, report.repeated, report.heads.len()),
        (60, 10, 2)
    );
}

#[tokio::test]
async fn a_control_message_writes_nothing() {
    let store = Store::start().await;
    let message = "CWL CONTROL MESSAGE: Checking health of destination Lambda.".to_owned();
    let delivery: LogsEvent =
        serde_json::from_str(&payload("CONTROL_MESSAGE", &[message])).unwrap();
    archive::archive(&store.bucket(), delivery).await.unwrap();
    assert_eq!(store.objects(), []);
}

#[test]
fn a_payload_that_can_not_be_read_is_an_error() {
    for data in ["not base64!", "bm90IGd6aXA="] {
        let payload = serde_json::json!({"awslogs": {"data": data}}).to_string();
        assert!(serde_json::from_str::<LogsEvent>(&payload).is_err());
    }
}

#[tokio::test]
async fn a_bucket_that_fails_or_stalls_fails_the_batch_until_it_comes_back() {
    let store = Store::start().await;
    let lines = lines_of_a_writer(10).await;
    for behaviour in [Behaviour::Fails, Behaviour::Stalls, Behaviour::Denies] {
        store.behave(behaviour);
        let error = archive::archive(&store.bucket(), delivery(&lines))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("writing s3://usage-logs/usage/dt=2026-11-22/"),
            "{error}"
        );
        assert_eq!(
            error.contains("AccessDenied"),
            behaviour == Behaviour::Denies,
            "{error}"
        );
        assert_eq!(store.objects(), []);
    }
    store.behave(Behaviour::Works);
    archive::archive(&store.bucket(), delivery(&lines))
        .await
        .unwrap();
    let report = verified(&store).await;
    assert_eq!((report.lines, report.fault), (10, None));
}
