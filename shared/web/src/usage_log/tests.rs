use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

const SECRET: &[u8] = b"a secret of a decent length";
const FORMER_SECRET: &str = "another secret of some length";

fn key() -> Key {
    Key::new(SECRET, Some("k1"))
}

/// 2026-11-22T17:28:00.123Z
fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_368_480_123)
}

fn event() -> Event {
    Event {
        action: "predict".into(),
        function: "predict".into(),
        customer_id: Some("7590-VHVEG".to_owned()),
        count: 1,
        outcome: 200,
        risk_level: Some("low".into()),
        model_version: Some("m1".into()),
        workspace_version: Some("w1".into()),
        latency: Duration::from_micros(81),
        caller: "anonymous".into(),
        request_id: "r-1".to_owned(),
        interaction: None,
    }
}

/// A log at a path, as the environment would make it.
fn at(path: &Path, more: &[(&str, &str)]) -> UsageLog {
    let mut variables = BTreeMap::from([
        ("USAGE_LOG", path.to_str().unwrap()),
        ("USAGE_LOG_KEY", "a secret of a decent length"),
        ("USAGE_LOG_KEY_ID", "k1"),
    ]);
    variables.extend(more.iter().copied());
    let variable = |name: &str| variables.get(name).map(|&value| value.to_owned());
    UsageLog::from_variables(Destination::Off, Key::from_variables(variable), variable)
}

fn verified(path: &Path) -> Report {
    let keys = vec![key(), Key::new(FORMER_SECRET.as_bytes(), Some("k0"))];
    let mut verifier = Verifier::new(Order::AsWritten, Check::Authenticity(keys));
    verifier.read("log", fs::File::open(path).unwrap()).unwrap();
    verifier.finish()
}

/// Asserts that a log is sound and how many lines and chains it has.
#[track_caller]
fn assert_sound(report: &Report, lines: usize, chains: usize) {
    assert_eq!(report.fault, None);
    let found = (report.lines, report.heads.len(), report.repeated);
    assert_eq!(found, (lines, chains, 0));
    assert!(report.incomplete.is_empty());
}

#[tokio::test]
async fn a_clock_that_is_far_off_loses_no_line() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let clocks = [
        (
            SystemTime::UNIX_EPOCH - minutes(1),
            "1970-01-01T00:00:00.000Z",
        ),
        (
            SystemTime::UNIX_EPOCH + minutes(1 << 40),
            "9999-12-31T23:59:59.000Z",
        ),
    ];
    for (now, expected) in clocks {
        let (log, memory) = UsageLog::in_memory(key(), move || now);
        log.record(event()).await;
        let line: serde_json::Value = serde_json::from_str(&memory.lines()[0]).unwrap();
        assert_eq!(line["time"], expected);
    }
}

#[tokio::test]
async fn a_line_says_what_happened_and_not_to_whom() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    log.record(event()).await;
    let line = memory.lines().remove(0);
    assert!(!line.contains("7590"));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["kind"], "usage");
    assert_eq!(line["time"], "2026-11-22T17:28:00.123Z");
    // From Python: hmac.new(b"a secret of a decent length", b"7590-VHVEG", "sha256").
    assert_eq!(
        line["subject"],
        "36a6cbc3ec880cbc1f1dddce28e9e2af5df6c9815339e2febb9a271b3805bcfe"
    );
    assert_eq!(line["key_id"], "k1");
    assert_eq!(line["latency_us"], 100);
    assert_eq!(line.get("event"), None);
}

#[tokio::test]
async fn a_batch_is_one_event_with_a_count() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    log.record(Event {
        customer_id: None,
        count: 700,
        risk_level: None,
        ..event()
    })
    .await;
    let lines = memory.lines();
    assert_eq!(lines.len(), 1);
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["count"], 700);
    assert_eq!((line.get("subject"), line.get("risk_level")), (None, None));
}

#[tokio::test]
async fn a_score_is_a_risk_level_with_and_without_a_subject() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    for customer_id in [Some("7590-VHVEG".to_owned()), None, Some("x".repeat(65))] {
        log.record(Event {
            customer_id,
            ..event()
        })
        .await;
    }
    let lines = memory.lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let subjects: Vec<bool> = lines
        .iter()
        .map(|line| line["subject"].is_string())
        .collect();
    assert_eq!(subjects, [true, false, false]);
    for line in lines {
        assert_eq!(line["risk_level"], "low");
        assert_eq!(line.get("probability"), None);
    }
}

#[tokio::test]
async fn a_request_id_that_holds_the_customers_id_does_not_bring_it_into_the_log() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    for (request_id, expected) in [
        ("ui:7590-VHVEG/7590-vhveg", "ui:**********/**********"),
        ("ui:7590-VHVE", "ui:7590-VHVE"),
    ] {
        log.record(Event {
            request_id: request_id.to_owned(),
            ..event()
        })
        .await;
        let line: serde_json::Value = serde_json::from_str(memory.lines().last().unwrap()).unwrap();
        assert_eq!(line["request_id"], expected);
    }
    assert_eq!(without("r-1".to_owned(), Some("")), "r-1");
    assert_eq!(without("r-é-é".to_owned(), Some("é")), "r-**-**");
}

#[test]
fn a_latency_is_rounded_up_to_1_2_or_5_times_a_power_of_ten() {
    for (exact, rounded) in [(0, 1), (1, 1), (3, 5), (81, 100), (100, 100), (101, 200)] {
        assert_eq!(coarse(Duration::from_micros(exact)), rounded);
    }
    assert_eq!(coarse(Duration::MAX), u64::MAX);
}

#[tokio::test]
async fn what_a_person_did_is_told_and_with_which_nudge_to_who_has_the_key() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    let interaction = Interaction {
        kind: "applied",
        nudge_id: Some("annual-contract".to_owned()),
    };
    log.record(Event {
        interaction: Some(interaction),
        ..event()
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&memory.lines()[0]).unwrap();
    assert_eq!(line["event"], "applied");
    // From Python: hmac.new(secret, (line["time"] + line["subject"] + "annual-contract").encode(), "sha256").
    assert_eq!(
        line["nudge"],
        "ad37d398ad1ebb42bb4aa293c1db7bc56a7f0e9de396398a34a2411ea90ee8bf"
    );
}

#[tokio::test]
async fn text_from_outside_neither_splits_nor_forges_nor_bloats_a_line() {
    let (log, memory) = UsageLog::in_memory(key(), clock);
    log.record(event()).await;
    let genuine = memory.lines().remove(0);
    let canonical = format!("{}}}", genuine.split(",\"digest\":").next().unwrap());
    for hostile in [
        "a\n{\"kind\":\"usage\"}\r\n",
        "\",\"outcome\":500,\"caller\":\"root",
        "\u{2028}\u{85}\u{b}\u{c}\u{1b}[2J",
        &"é".repeat(100_000),
        // The very text whose HMAC under the log's key would seal a forged line.
        &canonical,
    ] {
        let before = memory.lines().len();
        log.record(Event {
            customer_id: Some(hostile.to_owned()),
            caller: hostile.to_owned().into(),
            request_id: hostile.to_owned(),
            interaction: Some(Interaction {
                kind: "applied",
                nudge_id: Some(hostile.to_owned()),
            }),
            ..event()
        })
        .await;
        let lines = memory.lines();
        assert_eq!(lines.len(), before + 1);
        let line = &lines[before];
        assert!(line.len() < 4096 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(parsed["outcome"], 200);
        let genuine_hash: serde_json::Value = serde_json::from_str(&genuine).unwrap();
        assert_ne!(parsed.get("subject"), genuine_hash.get("hash"));
    }
}

#[tokio::test]
async fn a_file_is_continued_after_a_crash_in_the_midst_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.log");
    let log = at(&path, &[]);
    for _ in 0..3 {
        log.record(event()).await;
    }
    drop(log);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 100]).unwrap();

    let log = at(&path, &[]);
    log.record(event()).await;
    assert_sound(&verified(&path), 3, 1);
}

#[tokio::test]
async fn a_file_of_another_key_gets_a_new_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.log");
    at(
        &path,
        &[("USAGE_LOG_KEY", FORMER_SECRET), ("USAGE_LOG_KEY_ID", "k0")],
    )
    .record(event())
    .await;
    at(&path, &[]).record(event()).await;
    assert_sound(&verified(&path), 2, 2);
}

#[tokio::test]
async fn each_rotated_file_is_a_chain_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.log");
    let log = at(&path, &[("USAGE_LOG_MAX_BYTES", "1000")]);
    for _ in 0..5 {
        log.record(event()).await;
    }
    for (name, lines) in [
        ("usage.log.000001", 2),
        ("usage.log.000002", 2),
        ("usage.log", 1),
    ] {
        assert_sound(&verified(&folder.path().join(name)), lines, 1);
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_fails_no_call_and_loses_nothing_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, path) = (
        folder.path().join("logs"),
        folder.path().join("logs/usage.log"),
    );
    let log = at(&path, &[]);
    assert!(!log.status().writable, "known before the first call");
    log.record(event()).await;
    log.record(event()).await;
    assert_eq!((log.status().pending, log.status().written), (2, 0));
    assert!(
        log.status()
            .error
            .unwrap()
            .contains("No such file or directory")
    );

    fs::create_dir(&inner).unwrap();
    log.close();
    assert_sound(&verified(&path), 2, 1);
    let status = log.status();
    assert_eq!(
        (
            status.writable,
            status.pending,
            status.written,
            status.overflowed
        ),
        (true, 0, 2, 0)
    );
}

/// The size limit of a process makes a write fail after a part of it, as a full disk does.
#[tokio::test]
async fn a_disk_that_fills_up_in_the_midst_of_a_line_leaves_whole_lines() {
    const CHILD: &str = "USAGE_LOG_TEST_FULL_DISK";
    if let Ok(path) = std::env::var(CHILD) {
        let log = at(Path::new(&path), &[]);
        for _ in 0..5 {
            log.record(event()).await;
        }
        let status = log.status();
        assert_eq!(
            (status.writable, status.written, status.pending),
            (false, 1, 4)
        );
        log.close();
        assert_eq!(log.status().overflowed, 4);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.log");
    let child = Command::new("sh")
        .args([
            "-c",
            r#"trap '' XFSZ; ulimit -f 2; exec "$0" --exact "$1" --nocapture"#,
        ])
        .arg(std::env::current_exe().unwrap())
        .arg("usage_log::tests::a_disk_that_fills_up_in_the_midst_of_a_line_leaves_whole_lines")
        .env(CHILD, &path)
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    assert!(
        child.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{stderr}"
    );
    assert_sound(&verified(&path), 1, 1);
    assert_eq!(
        stderr
            .lines()
            .filter(|line| line.starts_with("{\"kind\":\"usage\""))
            .count(),
        4
    );
}

#[test]
fn the_environment_says_where_lines_go() {
    for (text, destination) in [
        ("stdout", Destination::Stdout),
        ("off", Destination::Off),
        ("logs/usage.log", Destination::File("logs/usage.log".into())),
    ] {
        assert_eq!(Destination::parse(text), destination);
    }
    assert_eq!(max_bytes(None), 64 << 20);
    assert_eq!(max_bytes(Some("1000".to_owned())), 1000);
    assert_eq!(max_bytes(Some("64MiB".to_owned())), 64 << 20);
}

#[tokio::test]
async fn a_log_that_is_off_takes_everything_and_is_ready() {
    let log = UsageLog::from_variables(Destination::Off, None, |_| None);
    log.record(event()).await;
    assert_eq!((log.status().writable, log.status().written), (true, 0));
}
