//! The function that the state machine calls.

#![forbid(unsafe_code)]

mod bucket;
mod event;
mod reader;
mod steps;
mod writer;

use engagetrack::embedded;
use event::Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use steps::Steps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    web::logging::init();
    let parts = embedded::explanations(embedded::core());
    let live = embedded::or_file(parts, std::env::var_os("WORKSPACE"))?;
    let steps = &Steps::from_env(live).await?;
    run(service_fn(async |event: LambdaEvent<Event>| {
        steps.take(event.payload).await
    }))
    .await
}
