//! Compiles the workspace in a folder into one file, as the functions read it: `compile FOLDER FILE`.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};
use workspace::compile::compile_folder;
use workspace::file::to_bytes;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, file] = arguments.as_slice() else {
        eprintln!("usage: compile FOLDER FILE");
        return ExitCode::from(2);
    };
    let compiled = match compile_folder(Path::new(folder)) {
        Ok(compiled) => compiled,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            return ExitCode::FAILURE;
        }
    };
    match fs::write(file, to_bytes(&compiled.parts)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}
