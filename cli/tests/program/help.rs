//! What the program says of itself.

use crate::engagetrack;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const VERBS: [(&str, &[&str]); 9] = [
    ("engagetrack", &[]),
    ("serve", &["serve"]),
    ("compile", &["compile"]),
    ("check", &["check"]),
    ("inspect", &["inspect"]),
    ("bulk", &["bulk"]),
    ("read", &["read"]),
    ("log", &["log"]),
    ("log-verify", &["log", "verify"]),
];

fn program(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engagetrack"));
    command.args(arguments).output().unwrap()
}

#[test]
fn help_is_what_was_reviewed() {
    for (name, verb) in VERBS {
        let output = program(&[verb, &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(output.stderr.is_empty(), "{name}");
        // The settings have their own table, which docs/server.md repeats.
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.replace(&server::environment(), "  …\n");
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/program/help")
            .join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(
            text == expected,
            "{name} --help has changed; UPDATE_GOLDEN=1 writes {}:\n{text}",
            golden.display()
        );
    }
}

#[test]
fn help_of_every_line_fits_a_terminal() {
    for (name, verb) in VERBS {
        let output = program(&[verb, &["--help"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.replace(&server::environment(), "");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let output = program(&["--version"]);
    let version = concat!("engagetrack ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_code_2() {
    for (arguments, reason) in [
        (&[][..], "Usage: engagetrack <VERB>"),
        (&["complie", "."], "similar subcommand exists: 'compile'"),
        (&["compile"], "--output <FILE>"),
        (&["compile", ".", "--ouput", "x"], "'--output'"),
        (&["check"], "<DIR>"),
        (&["inspect", "a", "b"], "unexpected argument 'b'"),
        (&["bulk", "a", "b", "--shard-bytes", "0"], "--shard-bytes"),
        (
            &["bulk", "a", "b", "--unsharded", "--shard-bytes", "1"],
            "cannot be used with",
        ),
        (
            &["bulk", "a", "b", "--tolerated-reject-percentage", "101"],
            "a percentage is a number from 0 to 100",
        ),
        (&["serve", "8080"], "unexpected argument '8080'"),
    ] {
        let output = program(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// Nobody reads on after `| head`.
#[test]
fn a_closed_output_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("telco.workspace");
    for (verb, arguments) in [
        ("compile", &[crate::source::TELCO, "--output"][..]),
        ("check", &[crate::source::TELCO]),
        ("inspect", &[]),
        ("serve", &["--help"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = engagetrack(verb);
        command.args(arguments).stdout(writer);
        if verb == "compile" || verb == "inspect" {
            command.arg(&file);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{verb}: {output:?}");
        assert!(output.stderr.is_empty(), "{verb}: {output:?}");
    }
}

#[test]
fn a_result_that_can_not_be_printed_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = engagetrack("check");
    let output = command.arg(crate::source::TELCO).stdout(full).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("standard output can't be written: "),
        "{stderr}"
    );
}
