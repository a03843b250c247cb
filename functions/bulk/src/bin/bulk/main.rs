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
    let steps = &Steps::from_env(embedded::live(embedded::explanations(embedded::core()))).await?;
    run(service_fn(async |event: LambdaEvent<Event>| {
        steps.take(event.payload).await
    }))
    .await
}
