//! The sources know no business: no name, column, label or value of a schema in the repository is in them, nor a longer word of one.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Letters of the shortest word that is looked for by itself.
const SHORTEST_WORD: usize = 6;

/// Plain English words that the sources use for other things, and for what.
type Exempt = &'static [(&'static str, &'static str)];

/// The workspaces of the repository, and the words of each that are exempt.
const BUSINESSES: [(&str, Exempt); 2] = [("", OF_TELCO), ("examples/saas", OF_ACCOUNTS)];

const OF_TELCO: Exempt = &[
    ("no", "the English word"),
    ("a", "the English word"),
    ("b", "the name of a value in comparisons"),
    ("active", "the status of a customer who has not left"),
    ("charges", "amounts of money, whatever a schema calls them"),
    ("credit", "in the title of a book that a formula is from"),
    ("dependents", "fields that depend on others"),
    ("device", "a terminal or disk of the operating system"),
    ("method", "an HTTP method"),
    (
        "months",
        "a reserved name of parameters, and the unit in an example",
    ),
    ("multiple", "of a number"),
    ("online", "whether the browser has a network"),
    ("partner", "the other feature of a pair"),
    (
        "protection",
        "against stalled streams, as a library calls it",
    ),
    ("security", "headers and schemes of HTTP"),
    ("service", "tower's `Service`, and the product as a service"),
    ("tenure", "a role of the schema"),
    (
        "variant",
        "of an enum, and the API's name for the arm of an experiment",
    ),
];

const OF_ACCOUNTS: Exempt = &[
    ("active", "the status of a customer who has not left"),
    ("business", "what a workspace is of"),
    ("card", "the model's, and a box on a page"),
    ("contact", "whom to write to about the API"),
    ("direct", "a rate limiter without keys"),
    ("elsewhere", "the English word"),
    ("manager", "of who has signed in"),
    ("plan", "what a customer has, and of an experiment"),
    ("region", "a part of a page, and of AWS"),
    ("single", "the English word"),
    ("success", "of a call"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every name, column, label and value of a workspace's schema, and their longer words, in small letters.
fn vocabulary(workspace: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(workspace).join("data/schema.toml")).unwrap();
    let schema: Table = text.parse().unwrap();
    let mut terms = BTreeSet::new();
    for field in schema["field"].as_array().unwrap() {
        let texts = |key: &str| -> Vec<String> {
            let texts = match field.get(key) {
                Some(Value::Array(values)) => values.clone(),
                Some(value) => vec![value.clone()],
                None => Vec::new(),
            };
            let named = |value: &Value| match value {
                Value::Table(described) => ["name", "label"]
                    .iter()
                    .filter_map(|key| described.get(*key).cloned())
                    .collect(),
                other => vec![other.clone()],
            };
            texts
                .iter()
                .flat_map(named)
                .map(|value| value.as_str().unwrap().to_owned())
                .collect()
        };
        for text in ["name", "columns", "label", "values"]
            .into_iter()
            .flat_map(texts)
        {
            terms.extend(
                words(&text)
                    .into_iter()
                    .filter(|word| word.len() >= SHORTEST_WORD),
            );
            terms.insert(text.to_lowercase());
        }
    }
    terms
}

/// The words of a text in small letters; a capital letter after a small one begins another.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(if letter.is_alphanumeric() {
            letter
        } else {
            ' '
        });
        before = letter;
    }
    spaced
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// The sources: what is compiled, without tests and what is generated.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut folders = vec![root().join("server/src"), root().join("dashboard/src")];
    let mut files = Vec::new();
    for group in ["shared", "functions"] {
        for package in fs::read_dir(root().join(group)).unwrap() {
            let package = package.unwrap().path();
            folders.push(package.join("src"));
            files.push(package.join("build.rs"));
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    let is_source = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.exists() && name != "schema.d.ts" && name != "tests.rs" && !name.contains(".test.")
    };
    let files = files.into_iter().filter(is_source);
    let texts: BTreeMap<PathBuf, String> = files
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect();
    let of_tests: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| modules_of_tests(path, text))
        .collect();
    let compiled = texts
        .into_iter()
        .filter(|(path, _)| !of_tests.contains(path));
    // The tests of a module are at its end.
    compiled
        .map(|(path, text)| {
            (
                path,
                text.split("#[cfg(test)]\nmod tests")
                    .next()
                    .unwrap()
                    .to_lowercase(),
            )
        })
        .collect()
}

/// The files of modules that are compiled for tests alone.
fn modules_of_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let modules = text.split("#[cfg(test)]\n").skip(1).filter_map(|after| {
        let declaration = after.lines().next()?.strip_suffix(';')?;
        declaration.rsplit(' ').next()
    });
    modules
        .map(|name| path.with_file_name(format!("{name}.rs")))
        .collect()
}

/// Whether a text has a term, not as a part of a longer word.
fn has(text: &str, term: &str) -> bool {
    let is_part = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    text.match_indices(term).any(|(start, _)| {
        !is_part(text[..start].chars().next_back())
            && !is_part(text[start + term.len()..].chars().next())
    })
}

#[test]
fn sources_name_nothing_of_a_business() {
    let sources = sources();
    let mut found = Vec::new();
    for (workspace, exempt) in BUSINESSES {
        let vocabulary = vocabulary(workspace);
        assert!(
            vocabulary.len() > 60 && sources.len() > 150,
            "the test looks at nothing"
        );
        for term in vocabulary
            .iter()
            .filter(|term| exempt.iter().all(|(word, _)| word != term))
        {
            let files = sources.iter().filter(|(_, text)| has(text, term));
            found.extend(files.map(|(path, _)| format!("{term:?} is in {}", path.display())));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn exemptions_are_few_and_used() {
    let sources = sources();
    for (workspace, exempt) in BUSINESSES {
        assert!(exempt.len() <= 20);
        let vocabulary = vocabulary(workspace);
        for (word, reason) in exempt {
            assert!(vocabulary.contains(*word) && !reason.is_empty(), "{word}");
            assert!(
                sources.values().any(|text| has(text, word)),
                "{word} is not used"
            );
        }
    }
}
