//! A file is scored into a folder: what it gives, what is left when it is stopped, and how it goes on.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use bulk::Manifest;
use engagetrack::embedded;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{Answer, engagetrack};

const CUSTOMERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/customers.csv");
/// IBM's file, which stays outside of the project.
const TELCO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/telco/Telco-Customer-Churn.csv"
);
const SHARD_BYTES: &str = "50000";

fn program(input: &Path, out: &Path, options: &[&str]) -> Command {
    let mut command = engagetrack("bulk");
    command.arg(input).arg(out).args(options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(input: &Path, out: &Path, options: &[&str]) -> Output {
    program(input, out, options).output().unwrap()
}

fn run_well(input: &Path, out: &Path, options: &[&str]) -> Manifest {
    let output = run(input, out, options);
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
    serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap()
}

/// The rows of a file so many times over, under its header.
fn times_over(file: &str, times: usize, folder: &TempDir) -> PathBuf {
    let text = fs::read_to_string(file).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let path = folder.path().join("input.csv");
    fs::write(&path, format!("{header}\n{}", rows.repeat(times))).unwrap();
    path
}

/// What a folder holds, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn results(folder: &Path) -> String {
    let parts = contents(folder)
        .into_iter()
        .filter(|(name, _)| name.starts_with("results-"));
    String::from_utf8(parts.flat_map(|(_, bytes)| bytes).collect()).unwrap()
}

/// Waits until a shard is complete, of many that are not.
fn until_one_shard_is_complete(child: &mut Child, out: &Path) {
    let is_report = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        name.starts_with("report-") && name.ends_with(".json")
    };
    loop {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "it ended before it could be stopped"
        );
        if fs::read_dir(out).is_ok_and(|mut entries| entries.any(|entry| is_report(entry.unwrap())))
        {
            return;
        }
        std::thread::yield_now();
    }
}

async fn predicted(csv: Vec<u8>) -> Vec<String> {
    let request = Request::post("/v1/predict").header("content-type", "text/csv");
    let request = request.body(Body::from(csv)).unwrap();
    let response =
        axum::Router::from(predict::router().with_state(embedded::live(embedded::core())))
            .oneshot(request)
            .await
            .unwrap();
    assert_eq!(response.status(), 200);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let probability_and_level = |line: &str| {
        let cells: Vec<&str> = line.rsplitn(3, ',').collect();
        format!("{},{}", cells[1], cells[0])
    };
    text.lines().skip(1).map(probability_and_level).collect()
}

#[tokio::test]
async fn ten_times_the_real_customers_get_what_the_api_says() {
    let file = match Path::new(TELCO).exists() {
        true => TELCO,
        false => {
            println!(
                "IBM's file is not beside the project: the simulated customers stand in for it"
            );
            CUSTOMERS
        }
    };
    let folder = TempDir::new().unwrap();
    let input = times_over(file, 10, &folder);
    let out = folder.path().join("out");
    let manifest = run_well(&input, &out, &["--shard-bytes", "1000000"]);
    assert_eq!((manifest.rows_in, manifest.rows_rejected), (70_430, 0));
    let expected = predicted(fs::read(file).unwrap()).await;
    let text = results(&out);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap();
    let column = headers
        .iter()
        .position(|name| name == "churn_probability")
        .unwrap();
    let mut rows = 0;
    for (record, expected) in reader.records().zip(expected.iter().cycle()) {
        let record = record.unwrap();
        let (probability, level) = expected.split_once(',').unwrap();
        assert_eq!(record[column].parse::<f64>(), probability.parse());
        assert_eq!(&record[column + 1], level);
        rows += 1;
    }
    assert_eq!(rows, 70_430);
}

#[test]
fn killed_it_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let input = times_over(CUSTOMERS, 10, &folder);
    let (out, undisturbed) = (folder.path().join("out"), folder.path().join("undisturbed"));
    let options = ["--shard-bytes", SHARD_BYTES];
    let expected = run_well(&input, &undisturbed, &options);
    assert_eq!(run_well(&input, &undisturbed, &options), expected);

    let mut child = program(&input, &out, &options).spawn().unwrap();
    until_one_shard_is_complete(&mut child, &out);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("manifest.json").exists());
    let written = |name: &str| fs::metadata(out.join(name)).unwrap().ino();
    let complete: Vec<String> = contents(&out)
        .into_keys()
        .filter(|name| name.starts_with("report-") && name.ends_with(".json"))
        .map(|name| name.replace("report", "results").replace("json", "csv"))
        .collect();
    let before: Vec<u64> = complete.iter().map(|name| written(name)).collect();
    // A part that is not what its report says is written again.
    fs::write(out.join(&complete[0]), "damaged").unwrap();

    assert_eq!(run_well(&input, &out, &options), expected);
    assert!(contents(&out) == contents(&undisturbed));
    let after: Vec<u64> = complete.iter().map(|name| written(name)).collect();
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
}

#[test]
fn interrupted_it_leaves_whole_parts_only() {
    let folder = TempDir::new().unwrap();
    let input = times_over(CUSTOMERS, 10, &folder);
    let out = folder.path().join("out");
    let options = ["--shard-bytes", SHARD_BYTES];
    let mut child = program(&input, &out, &options).spawn().unwrap();
    until_one_shard_is_complete(&mut child, &out);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("goes on where it was")
    );
    let names: Vec<String> = contents(&out).into_keys().collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("unfinished") && name != "manifest.json")
    );
    assert_eq!(run_well(&input, &out, &options).rows_out, 70_430);
}

#[test]
fn wrong_records_change_no_exit_code_and_are_told_by_line() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("input.csv");
    let text = fs::read_to_string(CUSTOMERS).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[5_000] = "wrong";
    lines[7_000] = "wrong,too";
    fs::write(&input, lines.join("\r\n")).unwrap();
    let out = folder.path().join("out");
    let manifest = run_well(
        &input,
        &out,
        &["--shard-bytes", SHARD_BYTES, "--threads", "3"],
    );
    assert_eq!((manifest.rows_in, manifest.rows_rejected), (7_043, 2));
    let rejects: Vec<u8> = contents(&out)
        .into_iter()
        .filter(|(name, _)| name.starts_with("rejects-"))
        .flat_map(|(_, bytes)| bytes)
        .collect();
    let mut reader = csv::Reader::from_reader(&rejects[..]);
    let lines: Vec<String> = reader
        .records()
        .map(|record| record.unwrap()[0].to_owned())
        .collect();
    assert_eq!(lines, ["5001", "7001"]);
}

#[test]
fn a_quoted_line_break_asks_for_an_unsharded_run() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("input.csv");
    let text = fs::read_to_string(CUSTOMERS).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line},fine")).collect();
    lines[4_000] = lines[4_000].replace(",fine", ",\"not\nfine\"");
    fs::write(&input, lines.join("\n")).unwrap();
    let out = folder.path().join("out");
    let output = run(&input, &out, &["--shard-bytes", SHARD_BYTES]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("line break in quotes") && message.contains("unsharded"),
        "{message}"
    );
    assert!(!out.join("manifest.json").exists());

    let message = run(&input, &out, &["--unsharded"]);
    assert!(
        String::from_utf8(message.stderr)
            .unwrap()
            .contains("another job")
    );
    let manifest = run_well(&input, &folder.path().join("whole"), &["--unsharded"]);
    assert_eq!((manifest.rows_out, manifest.shards), (7_043, 1));
}

#[test]
fn a_file_with_cr_only_is_scored_like_any_other() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("input.csv");
    let text = fs::read_to_string(CUSTOMERS).unwrap();
    fs::write(&input, text.replace('\n', "\r")).unwrap();
    let (out, expected) = (folder.path().join("out"), folder.path().join("expected"));
    let options = ["--shard-bytes", SHARD_BYTES];
    let manifest = run_well(&input, &out, &options);
    assert_eq!((manifest.rows_out, manifest.rows_rejected), (7_043, 0));
    run_well(Path::new(CUSTOMERS), &expected, &options);
    assert_eq!(results(&out), results(&expected));
}

#[test]
fn too_many_rejects_end_with_code_3_and_the_reasons() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("input.csv");
    let text = fs::read_to_string(CUSTOMERS).unwrap();
    // All customers of one kind are lost: those who pay by the month.
    fs::write(&input, text.replace("Month-to-month", "monthly")).unwrap();
    let out = folder.path().join("out");
    let judged = |options: &[&str]| {
        let output = run(&input, &out, options);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, message) = judged(&[]);
    assert_eq!(code, Some(3));
    assert!(
        message.contains(
            "of 7043 records were rejected, and 10 % are tolerated: Contract: 3951 of 7043 values are 'monthly'; must be one of"
        ),
        "{message}"
    );
    let manifest: Manifest =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert!(manifest.rows_out > 0);
    assert_eq!(manifest.reject_reasons[0].records, manifest.rows_rejected);
    // Nothing is scored again, and the judgement is made anew.
    assert_eq!(judged(&[]), (code, message));
    assert_eq!(
        judged(&["--tolerated-reject-percentage", "60"]),
        (Some(0), String::new())
    );
    assert_eq!(judged(&["--tolerated-reject-percentage", "101"]).0, Some(2));
}

#[test]
fn a_file_without_customers_ends_with_code_3() {
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(CUSTOMERS).unwrap();
    let header = text.lines().next().unwrap();
    for (name, content, message) in [
        ("none", header.to_owned(), "the input holds no customers"),
        (
            "wrong",
            format!("{header}\nx\n"),
            "1 of 1 records were rejected",
        ),
    ] {
        let input = folder.path().join(name);
        fs::write(&input, content).unwrap();
        let out = folder.path().join(format!("{name}-out"));
        let output = run(&input, &out, &["--tolerated-reject-percentage", "100"]);
        assert_eq!(output.status.code(), Some(3));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(message), "{stderr}");
    }
}

#[test]
fn what_it_can_not_use_it_says() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let output = run(&folder.path().join("none.csv"), &out, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("none.csv: No such file")
    );
    let output = run(Path::new(CUSTOMERS), &out, &["--shard-bytes", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--shard-bytes")
    );
}

const SAAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/saas");

#[test]
fn a_workspace_is_named_by_option_or_environment_as_file_or_folder() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("saas.workspace");
    let compiled = engagetrack("compile")
        .args([SAAS, "--output"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    let accounts = Path::new(SAAS).join("data/customers.csv");
    let scored = |name: &str, option: Option<&Path>, variable: Option<&Path>| {
        let out = folder.path().join(name);
        let mut command = program(&accounts, &out, &[]);
        if let Some(path) = option {
            command.arg("--workspace").arg(path);
        }
        if let Some(path) = variable {
            command.env("WORKSPACE", path);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        contents(&out)
    };
    let by_option = scored("option", Some(&file), None);
    let manifest: serde_json::Value = serde_json::from_slice(&by_option["manifest.json"]).unwrap();
    assert_eq!(
        (&manifest["rows_out"], &manifest["rows_rejected"]),
        (&4_000.into(), &0.into())
    );
    let nowhere = Path::new("/nowhere");
    assert!(by_option == scored("folder", Some(Path::new(SAAS)), None));
    assert!(by_option == scored("variable", None, Some(&file)));
    assert!(by_option == scored("both", Some(&file), Some(nowhere)));

    // The program's own workspace has no such columns, which an empty variable asks for, too.
    let out = folder.path().join("own");
    let output = program(&accounts, &out, &[]).env("WORKSPACE", "").output();
    Answer::from(output.unwrap()).refuses(1, " is a column that the header lacks");
}

#[test]
fn a_workspace_that_can_not_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    for (workspace, reason) in [
        (Path::new("/nowhere"), "/nowhere: No such file"),
        (Path::new(CUSTOMERS), "not a compiled workspace"),
        (folder.path(), "data/schema.toml: the file can't be read"),
        (
            Path::new("s3://bucket/file"),
            "is in a bucket; copy it to this machine first",
        ),
    ] {
        let mut command = program(Path::new(CUSTOMERS), &out, &["--workspace"]);
        let output = command.arg(workspace).output().unwrap();
        Answer::from(output).refuses(1, reason);
    }
    assert!(!out.exists());
}

#[cfg(not(any(feature = "excel", feature = "parquet")))]
#[test]
fn a_file_of_a_kind_that_was_left_out_names_the_build_that_reads_it() {
    const OTHER_BUILD: &str =
        "build the program with `cargo build --release --package cli --features excel,parquet`\n";
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    for (beginning, sentence) in [
        (
            &b"PAR1\x15\x04\x15\x10"[..],
            "input.csv: the input is a Parquet file, which is not read here; export it as CSV, or ",
        ),
        (
            b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\0\0_rels/.rels",
            "input.csv: the input is an Excel workbook (.xlsx), which is not read here; save its sheet as CSV UTF-8, or ",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
            "input.csv: the input is an Excel workbook (.xls), which is not read here; save its sheet as CSV UTF-8, or ",
        ),
    ] {
        let input = folder.path().join("input.csv");
        fs::write(&input, beginning).unwrap();
        Answer::from(run(&input, &out, &[])).refuses(1, &format!("{sentence}{OTHER_BUILD}"));
    }
    Answer::from(run(Path::new(CUSTOMERS), &out, &["--parquet"])).refuses(
        2,
        &format!("--parquet: is not written by this program; {OTHER_BUILD}"),
    );
}

#[test]
fn a_file_in_a_bucket_is_refused() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    Answer::from(run(Path::new("s3://bucket/customers.csv"), &out, &[])).refuses(
        1,
        "s3://bucket/customers.csv: is in a bucket; copy it to this machine first\n",
    );
}
