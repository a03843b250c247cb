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

#[tokio::test]
async fn a_sound_file_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines_of_a_writer(5).await;
    let path = file(folder.path(), &(lines.join("\n") + "\n"));
    let answer = verify(&path).await;
    assert_eq!(
        answer.stdout,
        format!("{}: sound; lines: 5, chains: 1\n", path.display())
    );
    assert_eq!(answer.code, 0);

    let answer = command(&["verify", path.to_str().unwrap()], &[]).await;
    assert!(
        answer
            .stdout
            .contains("integrity only: without USAGE_LOG_KEY"),
        "{}",
        answer.stdout
    );
    assert_eq!(answer.code, 0);

    let other_key = [("USAGE_LOG_KEY", SECRET), ("USAGE_LOG_KEY_ID", "k2")];
    let answer = command(&["verify", path.to_str().unwrap()], &other_key).await;
    assert!(
        answer
            .stdout
            .contains("integrity only for lines under another key than k2: 5"),
        "{}",
        answer.stdout
    );
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
        &["verify", "a", "b"],
    ] {
        let answer = command(arguments, &[]).await;
        assert_eq!(
            answer.stderr,
            "usage: engagetrack-log verify PATH|s3://BUCKET/PREFIX\n"
        );
        assert_eq!(answer.code, 2);
    }
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
    assert_eq!(
        answer.stdout, "s3://usage-logs/usage/: sound; lines: 90, chains: 1\n",
        "{}",
        answer.stderr
    );
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
        answer.stderr,
        "s3://usage-logs/elsewhere/ holds no objects\n"
    );
    assert_eq!(answer.code, 2);
}
