//! The function that is subscribed to the log groups.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    web::logging::init();
    let bucket = &archive::bucket::from_env().await?;
    run(service_fn(async |delivery: LambdaEvent<_>| {
        Ok::<_, Error>(archive::archive(bucket, delivery.payload).await?)
    }))
    .await
}
