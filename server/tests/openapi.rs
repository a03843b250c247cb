//! The committed description of the API is the one that the code derives.

#![allow(clippy::unwrap_used)]

#[test]
fn the_committed_description_is_the_codes() {
    let derived = server::openapi().to_pretty_json().unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &derived).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == derived,
        "server/openapi.json is stale; `make openapi` writes it anew"
    );
}
