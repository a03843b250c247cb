//! What a compiled file holds, and which files are refused.

use crate::answer;
use crate::source::TELCO;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use workspace::Part;

fn compiled() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("telco.workspace");
    assert_eq!(answer("compile", &[&TELCO, &"-o", &file]).code, 0);
    (folder, file)
}

#[test]
fn a_file_is_described_in_text_and_in_json() {
    let (_folder, file) = compiled();
    let text = answer("inspect", &[&file]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    let json = answer("inspect", &[&file, &"--json"]);
    assert_eq!((json.code, json.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let embedded = server::embedded();
    assert_eq!(json["versions"]["workspace"], embedded.version());
    assert_eq!(json["versions"]["model"], embedded.model_version());
    assert_eq!(
        [&json["name"], &json["currency"], &json["as_of"]],
        ["telco", "USD", "2026-11-22"]
    );
    let count = |name: &str| json[name].as_u64().unwrap();
    assert_eq!((count("customers"), count("features")), (7_043, 19));
    for wanted in [
        format!("{}: IBM Telco (simulated customers)\n", file.display()),
        format!("  version      {}\n", embedded.version()),
        "  customers    7,043\n".to_owned(),
        format!("  fields       {}\n", count("fields")),
        format!("  experiments  {}\n", count("experiments")),
        format!("  nudges       {}, version ", count("nudges")),
        format!("  note         {}\n", json["note"].as_str().unwrap()),
    ] {
        assert!(text.stdout.contains(&wanted), "{wanted}: {text:?}");
    }
    let parts = workspace::file::read(&file, &Part::ALL).unwrap();
    for (part, section) in Part::ALL.iter().zip(json["sections"].as_array().unwrap()) {
        assert_eq!(section["name"], part.file());
        assert_eq!(section["bytes"], parts.get(*part).len());
        let hash = section["hash"].as_str().unwrap();
        assert_eq!(hash.len(), 32);
        assert!(text.stdout.contains(hash), "{text:?}");
    }
}

#[test]
fn a_hash_changes_with_its_section_alone() {
    let hashes = |file: &PathBuf| -> Vec<String> {
        let sections = workspace::file::sections(file).unwrap();
        sections.into_iter().map(|section| section.hash).collect()
    };
    let (_folder, file) = compiled();
    let folder = crate::source::Folder::of_telco();
    folder.replace("data/nudges.toml", "title = \"", "title = \"X");
    let other = folder.file("other.workspace");
    assert_eq!(answer("compile", &[&folder.path(), &"-o", &other]).code, 0);
    let changed: Vec<&str> = hashes(&file)
        .iter()
        .zip(hashes(&other))
        .zip(Part::ALL)
        .filter(|((one, other), _)| *one != other)
        .map(|(_, part)| part.file())
        .collect();
    // The card has the workspace's version.
    assert_eq!(changed, ["model.bin", "nudges.bin"]);
}

#[test]
fn a_file_that_can_not_be_used_is_refused_with_the_reason() {
    let (folder, file) = compiled();
    let whole = fs::read(&file).unwrap();
    let other = folder.path().join("other");
    let refused = |bytes: &[u8], reason: &str| {
        fs::write(&other, bytes).unwrap();
        for arguments in [&[&other as &dyn AsRef<_>][..], &[&other, &"--json"]] {
            answer("inspect", arguments).refuses(1, reason);
        }
    };
    refused(
        &whole[..whole.len() / 2],
        "is cut short, or its header is damaged",
    );
    refused(b"customerID,gender\n", "not a compiled workspace");
    refused(b"", "not a compiled workspace");
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    refused(
        &damaged,
        "quality.json is damaged; compile the workspace again",
    );
    let mut newer = whole;
    newer[8] = 9;
    refused(&newer, "has format 9, and this program reads format 1");
    answer("inspect", &[&folder.path().join("nowhere")]).refuses(1, "No such file");
    answer("inspect", &[&TELCO]).refuses(1, "is a folder; `engagetrack check");
    answer("inspect", &[&"s3://bucket/file"]).refuses(1, "is in a bucket; copy it");
}
