//! Logs in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::process::Command;
use web::usage_log::{Event, Key, UsageLog};

const SECRET: &str = "a secret of a decent length";

pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub async fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_engagetrack"))
        .arg("log")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    Answer {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

pub const WITH_KEY: [(&str, &str); 2] = [("USAGE_LOG_KEY", SECRET), ("USAGE_LOG_KEY_ID", "k1")];

/// What one process logs for some calls, one second apart.
pub async fn lines_of_a_writer(calls: u64) -> Vec<String> {
    let seconds = AtomicU64::new(0);
    // From 2026-11-22T23:59:00Z on.
    let clock = move || {
        let seconds = seconds.fetch_add(1, Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_391_940 + seconds)
    };
    let (log, memory) = UsageLog::in_memory(Key::new(SECRET.as_bytes(), Some("k1")), clock);
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

async fn verify(path: &Path) -> Answer {
    command(&["verify", path.to_str().unwrap()], &WITH_KEY).await
}

fn file(folder: &Path, content: &str) -> PathBuf {
    let path = folder.join("usage.log");
    fs::write(&path, content).unwrap();
    path
}

/// The lines of an answer that begin with `head `.
fn heads(answer: &Answer) -> Vec<&str> {
    let heads = answer.stdout.lines();
    heads
        .filter_map(|line| line.strip_prefix("head "))
        .collect()
}

#[tokio::test]
async fn a_sound_file_exits_with_0_and_prints_its_head() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let answer = verify(&path).await;
    let last: serde_json::Value = serde_json::from_str(&lines[4]).unwrap();
    let text = |field: &str| last[field].as_str().unwrap().to_owned();
    assert_eq!(
        answer.stdout,
        format!(
            "{}: sound; lines: 5, chains: 1\nhead {}:4:{}\n",
            path.display(),
            text("chain_id"),
            text("hash")
        )
    );
    assert_eq!(answer.code, 0);
}

#[tokio::test]
async fn a_log_that_no_given_key_authenticates_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let target = path.to_str().unwrap();
    let other_id = [("USAGE_LOG_KEY", SECRET), ("USAGE_LOG_KEY_ID", "k2")];
    let other_key = [
        ("USAGE_LOG_KEY", "a key of somebody else"),
        ("USAGE_LOG_KEY_ID", "k1"),
    ];
    for (variables, expected) in [
        (
            &other_id[..],
            "the line names the key \"k1\", which was not given",
        ),
        (
            &other_id[..1],
            "the line names the key \"k1\", which was not given",
        ),
        (
            &other_key[..],
            "its hash was not made with the key that it names",
        ),
    ] {
        let answer = command(&["verify", target], variables).await;
        assert!(answer.stdout.contains(expected), "{}", answer.stdout);
        assert!(!answer.stdout.contains("sound"), "{}", answer.stdout);
        assert_eq!(answer.code, 1);
    }
}

#[tokio::test]
async fn a_former_key_is_read_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let target = path.to_str().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, format!("{SECRET}\n")).unwrap();
    let also = format!("k1={}", key.display());
    let today = [("USAGE_LOG_KEY", "the key of today, which is another")];
    for variables in [&today[..], &[]] {
        let answer = command(&["verify", target, "--also-key", &also], variables).await;
        assert!(answer.stdout.contains(": sound; "), "{}", answer.stdout);
        assert_eq!(answer.code, 0);
    }
    for (wrong, reason) in [
        ("k1", "'--also-key <ID=FILE>': it must be ID=FILE"),
        ("=key", "'--also-key <ID=FILE>': it must be ID=FILE"),
        ("k1=/nowhere/key", "/nowhere/key could not be read"),
        (
            "k1=/dev/null",
            "/dev/null could not be read: it holds no key",
        ),
    ] {
        let answer = command(&["verify", target, "--also-key", wrong], &today).await;
        assert!(answer.stderr.contains(reason), "{}", answer.stderr);
        assert_eq!(answer.code, 2);
    }
}

#[tokio::test]
async fn integrity_only_says_what_it_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let target = path.to_str().unwrap();
    let answer = command(&["verify", target], &[]).await;
    assert!(
        answer.stderr.starts_with("USAGE_LOG_KEY is not set"),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.code, 2);

    let answer = command(&["verify", target, "--integrity-only"], &[]).await;
    let expected = "integrity only; lines: 5, chains: 1\nThe lines fit together.";
    assert!(answer.stdout.contains(expected), "{}", answer.stdout);
    assert!(answer.stdout.contains("it does not show who wrote them"));
    assert_eq!((answer.code, heads(&answer).len()), (0, 1));

    let damaged = file(folder.path(), &(lines[1..].join("\n") + "\n"));
    let damaged = ["verify", damaged.to_str().unwrap(), "--integrity-only"];
    assert_eq!(command(&damaged, &[]).await.code, 1);
}

#[tokio::test]
async fn a_log_without_a_line_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    for content in ["", "{\"kind\":\"usage\",\"time\""] {
        let path = file(folder.path(), content);
        let target = path.to_str().unwrap();
        for arguments in [
            &["verify", target][..],
            &["verify", target, "--integrity-only"],
        ] {
            let answer = command(arguments, &WITH_KEY).await;
            let expected = format!("{target}: there is no complete line\n");
            assert!(answer.stdout.starts_with(&expected), "{}", answer.stdout);
            assert_eq!(answer.code, 1);
        }
    }
}

#[tokio::test]
async fn a_head_that_was_noted_shows_a_cut_tail_over_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let rotated = folder.path().join("usage.log.000001");
    fs::write(&rotated, lines_of_a_writer(3).await.join("\n") + "\n").unwrap();
    let both = [rotated.to_str().unwrap(), path.to_str().unwrap()];
    let first = command(&["verify", both[0], both[1]], &WITH_KEY).await;
    assert!(
        first.stdout.contains("lines: 8, chains: 2"),
        "{}",
        first.stdout
    );

    let expected: Vec<_> = heads(&first)
        .into_iter()
        .flat_map(|head| ["--expect", head])
        .collect();
    let again = async |files: &[&str]| {
        let arguments = [&["verify"], files, &expected].concat();
        command(&arguments, &WITH_KEY).await
    };
    assert_eq!(again(&both).await.code, 0);
    let answer = again(&both[..1]).await;
    assert!(answer.stdout.contains(" is missing\n"), "{}", answer.stdout);
    assert_eq!(answer.code, 1);
    file(folder.path(), &(lines[..3].join("\n") + "\n"));
    let answer = again(&both).await;
    let cut = " was cut: it ends at line 2, before the expected line 4\n";
    assert!(answer.stdout.contains(cut), "{}", answer.stdout);
    assert_eq!(answer.code, 1);

    let answer = command(&["verify", both[0], "--expect", "5"], &WITH_KEY).await;
    assert!(
        answer.stderr.contains("\"5\" is not a head"),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.code, 2);
}

#[tokio::test]
async fn a_file_without_line_feeds_is_faulty_however_large_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(1).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    // Holes, which take no room on the disk.
    let holes = fs::File::options().append(true).open(&path).unwrap();
    holes.set_len(300 << 20).unwrap();
    // No more memory than the program takes for a small file: the limit, in KiB, is a fraction of the file's size.
    let program = env!("CARGO_BIN_EXE_engagetrack");
    let output = Command::new("sh")
        .args([
            "-c",
            r#"ulimit -v 200000; exec "$0" log verify "$1""#,
            program,
        ])
        .arg(&path)
        .envs(WITH_KEY)
        .output()
        .await
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "{}:2: the line is broken: it does not end in a line feed\n",
        path.display()
    );
    assert_eq!((stdout, output.status.code()), (expected, Some(1)));
}

#[tokio::test]
async fn an_incomplete_last_line_is_reported_and_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let content = lines_of_a_writer(5).await.join("\n");
    let path = file(folder.path(), &content[..content.len() - 40]);
    let answer = verify(&path).await;
    assert!(
        answer.stdout.contains(&format!(
            "{}:5: the last line is incomplete",
            path.display()
        )),
        "{}",
        answer.stdout
    );
    assert_eq!(answer.code, 0);
}

#[tokio::test]
async fn the_first_fault_is_named_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(6).await;
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        lines.join("\n") + "\n"
    };
    for (content, expected) in [
        (
            changed(&|lines| lines[3] = lines[3].replace("\"outcome\":200", "\"outcome\":404")),
            ":4: the line is broken",
        ),
        (
            changed(&|lines| drop(lines.remove(2))),
            ":3: line 2 of chain ",
        ),
        (changed(&|lines| lines.swap(1, 4)), ":2: line 4 of chain "),
        (
            changed(&|lines| lines.insert(2, "forged".to_owned())),
            ":3: the line is broken",
        ),
    ] {
        let path = file(folder.path(), &content);
        let answer = verify(&path).await;
        let expected = format!("{}{expected}", path.display());
        assert!(answer.stdout.starts_with(&expected), "{}", answer.stdout);
        assert_eq!(answer.code, 1);
    }
}

#[tokio::test]
async fn what_can_not_be_checked_exits_with_2() {
    let answer = verify(Path::new("/nowhere/usage.log")).await;
    assert_eq!(
        answer.stderr,
        "/nowhere/usage.log could not be read: No such file or directory (os error 2)\n"
    );
    assert_eq!(answer.code, 2);
    for arguments in [
        &[][..],
        &["verify"],
        &["check", "usage.log"],
        &["verify", "a", "--key", "b"],
        &[
            "verify",
            "a",
            "--integrity-only",
            "--also-key",
            "k=/dev/stdin",
        ],
    ] {
        let answer = command(arguments, &WITH_KEY).await;
        let usage = "Usage: engagetrack log";
        assert!(answer.stderr.contains(usage), "{}", answer.stderr);
        assert_eq!(answer.code, 2);
    }
    let answer = command(&["verify", "a", "s3://b/c"], &WITH_KEY).await;
    assert_eq!(answer.stderr, "expected files or one place in a bucket\n");
    assert_eq!(answer.code, 2);
}

#[cfg(not(feature = "s3"))]
#[tokio::test]
async fn a_bucket_needs_another_build() {
    let answer = command(&["verify", "s3://usage-logs/usage/"], &WITH_KEY).await;
    assert_eq!(
        answer.stderr,
        "s3://usage-logs/usage/: is in a bucket, which this program can't read; build one that can with \
        `cargo build --release --package cli --features s3`, or copy the files to this machine\n"
    );
    assert_eq!(answer.code, 2);
}
