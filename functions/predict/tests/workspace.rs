//! The function as a program, with a workspace that it can't use.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_damaged_workspace_is_named_on_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saas.workspace");
    std::fs::write(&file, b"customer_id,churned\n").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_predict"))
        .env("WORKSPACE", &file)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(ended.stderr).unwrap(),
        format!(
            "Error: {}: these bytes are not a compiled workspace; compile the workspace again with this program\n",
            file.display()
        )
    );
}
