//! Takes the usage lines of the functions from their log groups to a bucket, and checks the lines that lie there.
//!
//! The platform hands over batches of log lines, each at least once. Each batch becomes one object per day, under a key that
//! is derived from the lines, so that a batch that comes again overwrites itself. A batch that can't be written is an
//! error, upon which the platform delivers it again.

#![forbid(unsafe_code)]

#[cfg(feature = "lambda")]
mod batch;
#[cfg(feature = "s3")]
pub mod bucket;
pub mod verify;

#[cfg(feature = "lambda")]
use aws_lambda_events::event::cloudwatch_logs::LogsEvent;
#[cfg(feature = "lambda")]
use bucket::{Bucket, BucketError};

/// Writes the usage lines of one delivery to the bucket.
///
/// # Errors
/// When an object could not be written. Delivering the batch again is then safe, whatever part of it was written.
#[cfg(feature = "lambda")]
pub async fn archive(bucket: &Bucket, delivery: LogsEvent) -> Result<(), BucketError> {
    let data = delivery.aws_logs.data;
    let batch = batch::Batch::of(&data);
    if batch.left_out > 0 {
        tracing::warn!(
            count = batch.left_out,
            log_group = data.log_group,
            "lines that are no usage lines were left out; the subscription should not send them"
        );
    }
    for object in batch.objects {
        let (key, bytes) = (object.key.clone(), object.body.len());
        bucket.write(object.key, object.body).await?;
        tracing::info!(key, bytes, "archived");
    }
    Ok(())
}
