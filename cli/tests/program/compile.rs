//! A folder becomes one file, or all of its faults are told.

use crate::source::{Folder, TELCO};
use crate::{Answer, answer, engagetrack};
use engagetrack::Live;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use workspace::Part;
use workspace::compile::compile_folder;

fn compile(folder: &Path, output: &Path) -> Answer {
    answer("compile", &[&folder, &"-o", &output])
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_compiled_file_holds_what_a_build_embeds() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("telco.workspace");
    let done = compile(Path::new(TELCO), &output);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    let live = Live::from_file(&output, &Part::ALL).unwrap();
    let embedded = server::embedded();
    assert_eq!(live.version(), embedded.version());
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines[0], "Compiled: IBM Telco (simulated customers)");
    let bytes = fs::metadata(&output).unwrap().len();
    for wanted in [
        format!("  version    {}, data as of 2026-11-22", live.version()),
        "  customers  7,043".to_owned(),
        format!("  model      {}, 19 features", live.model_version()),
        format!(
            "  file       {}, {} bytes",
            output.display(),
            with_commas(bytes)
        ),
    ] {
        assert!(lines.contains(&wanted.as_str()), "{wanted}: {done:?}");
    }
    assert_eq!(fs::metadata(&output).unwrap().mode() & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["telco.workspace"]);
    let compiled = compile_folder(Path::new(TELCO)).unwrap();
    assert!(fs::read(&output).unwrap() == workspace::file::to_bytes(&compiled.parts));
}

/// A number with its thousands apart.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect();
    groups.join(",")
}

#[test]
fn check_says_what_compile_says_and_writes_nothing() {
    let folder = Folder::of_telco();
    let before = names(folder.path());
    let checked = answer("check", &[&folder.path()]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    assert!(
        checked
            .stdout
            .starts_with("Sound: IBM Telco (simulated customers)\n"),
        "{checked:?}"
    );
    assert_eq!(names(folder.path()), before);
}

#[test]
fn every_fault_of_every_file_is_told_and_the_former_file_stays() {
    let folder = Folder::of_telco();
    let output = folder.path().join("telco.workspace");
    assert_eq!(compile(folder.path(), &output).code, 0);
    let former = fs::read(&output).unwrap();
    folder.replace("data/customers.csv", ",Female,", ",Femail,");
    folder.replace("data/nudges.toml", "category = ", "categorie = ");
    folder.replace("models/card.json", "\"base_rate\"", "\"rate\"");
    let done = compile(folder.path(), &output);
    done.refuses(1, "data/customers.csv: line 2: gender must be one of");
    done.refuses(1, "data/nudges.toml: ");
    done.refuses(1, "models/card.json: /base_rate must be a number\n");
    let end = format!(
        "{}: not compiled; these faults have to be put right first\n{}: left as it was\n",
        folder.path().display(),
        output.display()
    );
    assert!(done.stderr.ends_with(&end), "{done:?}");
    assert!(fs::read(&output).unwrap() == former);
    let checked = answer("check", &[&folder.path()]);
    assert_eq!(checked.code, 1);
    assert_eq!(
        checked.stderr,
        done.stderr
            .replace(&format!("{}: left as it was\n", output.display()), "")
    );
}

#[test]
fn a_warning_is_told_and_stops_nothing() {
    let folder = Folder::of_telco();
    // Another model than the card describes.
    folder.replace("models/churn.json", "{", "{ ");
    let done = compile(folder.path(), &folder.file("out"));
    assert_eq!(done.code, 0);
    assert!(
        done.stderr
            .starts_with("warning: models/card.json: describes another model than"),
        "{done:?}"
    );
    assert!(done.stdout.contains("uncalibrated-"), "{done:?}");
}

#[test]
fn a_folder_that_is_none_is_named() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let missing = folder.path().join("nowhere");
    compile(&missing, &output).refuses(1, "nowhere: there is no such folder; name the one that");
    compile(Path::new("/dev/null"), &output).refuses(1, "/dev/null: is not a folder;");
    compile(folder.path(), &output).refuses(1, "data/schema.toml: the file can't be read: No such");
    compile(Path::new("s3://bucket/telco"), &output).refuses(
        1,
        "s3://bucket/telco: is in a bucket; copy it to this machine first",
    );
    answer("check", &[&missing]).refuses(1, "nowhere: there is no such folder");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn customers_of_a_kind_that_is_not_read_are_named_by_it() {
    let folder = Folder::of_telco();
    for (beginning, kind) in [
        (&b"PAR1\x15\x04"[..], "Parquet files"),
        (b"PK\x03\x04\x14\x00", "Excel (.xlsx) and zip files"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
            "Excel (.xls) files",
        ),
    ] {
        fs::write(folder.file("data/customers.csv"), beginning).unwrap();
        let sentence =
            format!("data/customers.csv: {kind} are not read yet; export the customers as CSV\n");
        answer("check", &[&folder.path()]).refuses(1, &sentence);
    }
}

#[test]
fn only_a_compiled_workspace_is_replaced() {
    let folder = Folder::of_telco();
    let customers = folder.file("data/customers.csv");
    let before = fs::read(&customers).unwrap();
    compile(folder.path(), &customers).refuses(
        1,
        "customers.csv: is there and is no compiled workspace; name another file",
    );
    assert!(fs::read(&customers).unwrap() == before);
    compile(folder.path(), folder.path()).refuses(1, "is a folder; name a file in it");
    compile(folder.path(), Path::new("/dev/null")).refuses(1, "/dev/null: not a file");
    compile(folder.path(), Path::new("s3://bucket/out")).refuses(1, "is in a bucket");
    compile(folder.path(), &customers.join("out")).refuses(1, "customers.csv; make it first");

    // One of a newer format is one, too, and so is a file that was only just made.
    let newer = folder.file("newer");
    let mut bytes = b"\x89WORKSP\n".to_vec();
    bytes.extend([9; 100]);
    fs::write(&newer, bytes).unwrap();
    let (empty, link) = (folder.file("empty"), folder.file("link"));
    fs::write(&empty, "").unwrap();
    symlink("empty", &link).unwrap();
    for output in [&newer, &link] {
        assert_eq!(compile(folder.path(), output).code, 0);
        Live::from_file(output, &Part::ALL).unwrap();
    }
    assert!(link.is_symlink());
    Live::from_file(&empty, &Part::ALL).unwrap();
}

/// Root may write anywhere, so that this takes another user's rights then.
#[test]
fn a_folder_that_can_not_be_written_leaves_all_as_it_was() {
    const NOBODY: u32 = 65_534;
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = engagetrack("compile");
    command
        .args([TELCO, "--output"])
        .arg(folder.path().join("out"));
    if is_root {
        command.uid(NOBODY);
    }
    match command.output() {
        Ok(output) => Answer::from(output).refuses(1, "/out: can't be written: Permission denied"),
        // Where the program lies, or the workspace, another user may have no business.
        Err(error) if is_root && error.kind() == io::ErrorKind::PermissionDenied => {
            println!("the program can't be run by another user here");
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

/// When a compilation is killed.
#[derive(Debug)]
enum Moment {
    /// After this share of the time that one takes.
    Passed(f64),
    /// When the unfinished file has this share of its bytes.
    Written(f64),
}

#[test]
fn a_killed_compile_leaves_the_former_file_or_the_new_one() {
    let next_folder = Folder::of_telco().without_the_last_customer();
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("telco.workspace");
    assert_eq!(compile(Path::new(TELCO), &output).code, 0);
    let former = fs::read(&output).unwrap();
    let started = Instant::now();
    assert_eq!(compile(next_folder.path(), &output).code, 0);
    let whole_time = started.elapsed();
    let next = fs::read(&output).unwrap();
    assert!(former != next);

    let passed = (0..8).map(|eighth| Moment::Passed(f64::from(eighth) / 8.0));
    let written = [0.0, 0.0, 0.01, 0.5, 1.0, 1.0].map(Moment::Written);
    let mut left = 0;
    for moment in passed.chain(written) {
        fs::write(&output, &former).unwrap();
        let mut child = engagetrack("compile")
            .arg(next_folder.path())
            .arg("--output")
            .arg(&output)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (started, inode) = (Instant::now(), fs::metadata(&output).unwrap().ino());
        let has_come = || match moment {
            Moment::Passed(share) => started.elapsed() >= whole_time.mul_f64(share),
            Moment::Written(share) => {
                let least = (share * next.len() as f64) as u64;
                let unfinished = fs::read_dir(folder.path()).unwrap().flatten();
                unfinished
                    .filter(|entry| entry.path() != output)
                    .any(|entry| {
                        entry
                            .metadata()
                            .is_ok_and(|metadata| metadata.len() >= least)
                    })
                    || fs::metadata(&output).unwrap().ino() != inode
            }
        };
        while child.try_wait().unwrap().is_none() && !has_come() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let found = fs::read(&output).unwrap();
        assert!(found == former || found == next, "{moment:?}");
        let live = Live::from_file(&output, &Part::ALL).unwrap();
        assert!([7_043, 7_042].contains(&live.view().customers.len()));
        left += names(folder.path()).len() - 1;
    }
    println!("{left} times an unfinished file lay there afterwards");
    assert_eq!(compile(next_folder.path(), &output).code, 0);
    assert_eq!(names(folder.path()), ["telco.workspace"]);
}

fn compile_after(previous: &Path, folder: &Path, output: &Path) -> Answer {
    answer(
        "compile",
        &[&folder, &"-o", &output, &"--previous", &previous],
    )
}

#[test]
fn a_workspace_keeps_what_the_previous_one_said() {
    let folder = TempDir::new().unwrap();
    let live = folder.path().join("live.workspace");
    assert_eq!(compile(Path::new(TELCO), &live).code, 0);
    let former = Live::from_file(&live, &Part::ALL).unwrap();
    let next = Folder::of_telco().without_the_last_customer();
    next.replace(
        "data/schema.toml",
        "as_of = 2026-11-22",
        "as_of = 2026-11-23",
    );

    // The file that is replaced may be the previous one.
    let done = compile_after(&live, next.path(), &live);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    let line = format!(
        "{}, data as of 2026-11-22, 7,043 customers\n",
        former.version()
    );
    assert!(
        done.stdout.contains(&format!("  previous   {line}")),
        "{done:?}"
    );
    let inspected = answer("inspect", &[&live]);
    assert!(
        inspected.stdout.contains(&format!("  previous     {line}")),
        "{inspected:?}"
    );
    let json = answer("inspect", &[&live, &"--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        json["previous"],
        serde_json::json!({
            "workspace": former.version(),
            "model": former.model_version(),
            "as_of": "2026-11-22",
            "population": 7_043,
        })
    );
    let next = Live::from_file(&live, &Part::ALL).unwrap();
    let previous = next.view().previous.unwrap();
    assert_eq!(previous.gone().len(), 1);
    for customer in [0, 7_041] {
        let (now, then) = (next.view(), former.view());
        let then = then.customers.find(now.customers.id(customer)).unwrap();
        let probability = former.view().customers.probability(then);
        assert_eq!(previous.probability(customer), Some(probability));
    }
}

#[test]
fn a_previous_workspace_of_the_same_date_is_doubted() {
    let folder = TempDir::new().unwrap();
    let live = folder.path().join("live.workspace");
    assert_eq!(compile(Path::new(TELCO), &live).code, 0);
    let done = compile_after(&live, Path::new(TELCO), &live);
    assert_eq!(done.code, 0);
    assert_eq!(
        done.stderr,
        "warning: the previous workspace: has data of 2026-11-22, which is not before 2026-11-22: see as_of\n"
    );
}

#[test]
fn a_previous_workspace_that_is_none_is_refused_and_the_former_file_stays() {
    let folder = TempDir::new().unwrap();
    let live = folder.path().join("live.workspace");
    assert_eq!(compile(Path::new(TELCO), &live).code, 0);
    let former = fs::read(&live).unwrap();
    let saas = folder.path().join("saas.workspace");
    assert_eq!(
        compile(&Path::new(TELCO).join("examples/saas"), &saas).code,
        0
    );
    let other = folder.path().join("other");
    fs::write(&other, "id,name\n").unwrap();
    for (previous, sentence) in [
        (
            saas,
            "the previous workspace: is of the business \"saas\", and this one is \"telco\"\n",
        ),
        (
            folder.path().to_owned(),
            "is a folder; --previous takes the file that was compiled of it before it changed\n",
        ),
        (
            folder.path().join("nowhere"),
            "; the first time, compile without --previous\n",
        ),
        (other, "; the first time, compile without --previous\n"),
        (
            PathBuf::from("s3://bucket/live"),
            "s3://bucket/live: is in a bucket; copy it to this machine first\n",
        ),
    ] {
        let done = compile_after(&previous, Path::new(TELCO), &live);
        done.refuses(1, sentence);
        done.refuses(1, "live.workspace: left as it was\n");
        assert!(fs::read(&live).unwrap() == former);
    }
}

/// The customers of a folder, changed.
fn change_customers(folder: &Folder, change: impl Fn(&str) -> String) {
    let path = folder.file("data/customers.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(&text)).unwrap();
}

#[test]
fn a_reading_is_confirmed_by_the_command_or_in_the_folder() {
    let folder = Folder::of_telco();
    change_customers(&folder, |text| {
        text.replace(",Month-to-month,", ",0,")
            .replace(",One year,", ",1,")
            .replace(",Two year,", ",2,")
    });
    let output = folder.file("out");
    let reading = "Contract:0=Month-to-month|1=One year|2=Two year";
    let asked = format!(
        "data/customers.csv: Contract has positions in place of values, 0 to 2, perhaps in the order of the alphabet; confirm with read={reading}, by --read or under [customers] in data/schema.toml\n"
    );
    compile(folder.path(), &output).refuses(1, &asked);
    answer("check", &[&folder.path()]).refuses(1, &asked);
    for verb in [
        answer("check", &[&folder.path(), &"--read", &reading]),
        answer(
            "compile",
            &[&folder.path(), &"-o", &output, &"--read", &reading],
        ),
    ] {
        assert_eq!(verb.code, 0, "{verb:?}");
        let told = "warning: data/customers.csv: Contract: '0' is 'Month-to-month': ";
        assert!(verb.stderr.contains(told), "{verb:?}");
    }
    answer("check", &[&folder.path(), &"--read", &"Contract"])
        .refuses(2, "--read Contract: must be");
    let kept = format!("[customers]\nread = '{reading}'\n\n[roles]\n");
    folder.replace("data/schema.toml", "[roles]\n", &kept);
    assert_eq!(compile(folder.path(), &output).code, 0);
    let live = Live::from_file(&output, &Part::ALL).unwrap();
    assert_eq!(live.view().customers.len(), 7043);
    let plain = server::embedded();
    for customer in 0..7043 {
        let probability = |live: &Live| live.view().customers.probability(customer);
        assert_eq!(probability(&live), probability(&plain));
    }
}

#[test]
fn customers_that_can_not_be_read_are_left_out_when_that_is_tolerated() {
    let folder = Folder::of_telco();
    folder.replace("data/customers.csv", ",Female,", ",Femail,");
    let output = folder.file("out");
    compile(folder.path(), &output).refuses(
        1,
        "1 of 7043 rows can't be read; tolerated_reject_percentage leaves out as many of a hundred",
    );
    let done = answer(
        "compile",
        &[
            &folder.path(),
            &"-o",
            &output,
            &"--tolerated-reject-percentage",
            &"0.1",
        ],
    );
    assert_eq!(done.code, 0, "{done:?}");
    for told in [
        "warning: data/customers.csv: 1 of 7043 rows can't be read and are left out\n",
        "warning: data/customers.csv: line 2: gender must be one of",
    ] {
        assert!(done.stderr.contains(told), "{done:?}");
    }
    assert!(done.stdout.contains("  customers  7,042\n"), "{done:?}");
}

#[test]
fn units_that_the_training_never_saw_are_told() {
    let folder = Folder::of_telco();
    change_customers(&folder, |text| {
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let charges = header
            .split(',')
            .position(|name| name == "MonthlyCharges")
            .unwrap();
        let in_cents = lines.map(|line| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            let dollars: f64 = cells[charges].parse().unwrap();
            cells[charges] = format!("{:.0}", 100.0 * dollars);
            cells.join(",") + "\n"
        });
        format!("{header}\n{}", in_cents.collect::<String>())
    });
    let done = answer("check", &[&folder.path()]);
    assert_eq!(done.code, 0, "{done:?}");
    let told = "warning: data/customers.csv: monthly_charges: the median is ";
    assert!(done.stderr.contains(told), "{done:?}");
}
