//! The command `engagetrack-log`, as a person runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use crate::delivery::{SECRET, delivery, lines_of_a_writer};
use crate::store::{self, Store};

struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

async fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_engagetrack-log"))
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

const WITH_KEY: [(&str, &str); 2] = [("USAGE_LOG_KEY", SECRET), ("USAGE_LOG_KEY_ID", "k1")];

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
        ("k1", "--also-key must be ID=FILE"),
        ("=key", "--also-key must be ID=FILE"),
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
    let program = env!("CARGO_BIN_EXE_engagetrack-log");
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -v 200000; exec "$0" verify "$1""#, program])
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
        &["verify", "a", "s3://b/c"],
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
        assert!(
            answer
                .stderr
                .contains("usage: engagetrack-log verify PATH..."),
            "{}",
            answer.stderr
        );
        assert_eq!(answer.code, 2);
    }
    let answer = command(&["--help"], &[]).await;
    assert!(answer.stdout.starts_with("usage: engagetrack-log verify"));
    assert_eq!(answer.code, 0);
}

#[tokio::test]
async fn a_bucket_is_checked_with_the_credentials_of_the_environment() {
    let store = Store::start().await;
    let lines = lines_of_a_writer(90).await;
    for part in [&lines[45..], &lines[..45]] {
        archive::archive(&store.bucket(), delivery(part))
            .await
            .unwrap();
    }
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", &*store.endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", store::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", store::SECRET_KEY),
    ];
    variables.extend(WITH_KEY);
    let answer = command(&["verify", "s3://usage-logs/usage/"], &variables).await;
    let sound = "s3://usage-logs/usage/: sound; lines: 90, chains: 1\nhead ";
    assert!(answer.stdout.starts_with(sound), "{}", answer.stderr);
    assert_eq!(answer.code, 0);

    let (key, _) = store.objects().remove(0);
    store.remove(&key);
    let answer = command(&["verify", "s3://usage-logs/usage/"], &variables).await;
    assert!(
        answer.stdout.contains(": lines 0 to 44 of chain "),
        "{}",
        answer.stdout
    );
    assert_eq!(answer.code, 1);

    let answer = command(&["verify", "s3://usage-logs/elsewhere/"], &variables).await;
    assert_eq!(
        answer.stdout,
        "s3://usage-logs/elsewhere/: there is no complete line\n"
    );
    assert_eq!(answer.code, 1);
}
