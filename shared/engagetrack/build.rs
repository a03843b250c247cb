//! Compiles the repository's own workspace into the program. What does not fit stops the build and is named.

use std::path::Path;
use std::{env, fs, io, process};
use workspace::compile::{Sources, compile_folder};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in Sources::PATHS {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let compiled = compile_folder(&root).unwrap_or_else(|faults| {
        faults
            .iter()
            .for_each(|fault| println!("cargo::error={fault}"));
        process::exit(1);
    });
    compiled
        .warnings
        .iter()
        .for_each(|warning| println!("cargo::warning={warning}"));
    let out = env::var_os("OUT_DIR").expect("Cargo sets it for build scripts");
    for (part, bytes) in &compiled.parts {
        fs::write(Path::new(&out).join(part.file()), &**bytes)?;
    }
    Ok(())
}
