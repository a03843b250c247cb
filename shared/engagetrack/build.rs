//! Compiles the repository's own workspace into the program. What does not fit stops the build and is named.

use std::path::Path;
use std::{env, fs, io, process};
use workspace::compile::{Sources, compile};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for name in Sources::PATHS {
        let path = root.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        files.push(
            fs::read(&path)
                .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?,
        );
    }
    let files: [Vec<u8>; 6] = files.try_into().expect("each path was read");
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| {
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
