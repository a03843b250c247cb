//! Checks usage logs: `engagetrack-log verify PATH... | s3://BUCKET/PREFIX`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    archive::command::run(std::env::args_os().skip(1), &mut std::io::stdout()).await
}
