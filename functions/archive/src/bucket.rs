//! The bucket, as far as the archive needs it.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;

/// A bucket and the client that reaches it.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
}

/// The bucket could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// `USAGE_BUCKET` is missing.
    #[error("USAGE_BUCKET must name the bucket that usage lines go to")]
    Unnamed,
    /// An operation failed, after its retries.
    #[error("{operation} s3://{path} failed: {reason}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// Bucket and key, or bucket and prefix.
        path: String,
        /// What the client says.
        reason: String,
    },
}

/// The bucket that `USAGE_BUCKET` names, with the credentials and the region of the environment.
///
/// # Errors
/// When `USAGE_BUCKET` is missing.
pub async fn from_env() -> Result<Bucket, BucketError> {
    let name = std::env::var("USAGE_BUCKET")
        .ok()
        .filter(|name| !name.is_empty());
    Ok(Bucket::connect(name.ok_or(BucketError::Unnamed)?).await)
}

impl Bucket {
    /// A bucket of this name, with the credentials and the region of the environment. Nothing is sent yet.
    pub async fn connect(name: String) -> Self {
        // Together well under the function's own time limit: a bucket that stalls must end as an error of ours, which
        // the platform retries, and which the log explains.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(8))
            .operation_timeout(Duration::from_secs(25))
            .build();
        Self::new(s3::client(timeouts, 3).await, name)
    }

    /// A bucket of this name, reached through a client.
    pub fn new(client: aws_sdk_s3::Client, name: String) -> Self {
        Self { client, name }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes an object of lines, over one of the same key.
    #[cfg(feature = "lambda")]
    pub(crate) async fn write(&self, key: String, lines: String) -> Result<(), BucketError> {
        let failed = self.failed("writing", &key);
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type("application/x-ndjson");
        request
            .body(ByteStream::from(lines.into_bytes()))
            .send()
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// The keys under a prefix, sorted.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let mut keys = Vec::new();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(self.failed("listing", prefix))?;
            keys.extend(
                page.contents
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|object| object.key),
            );
        }
        Ok(keys)
    }

    /// Opens an object.
    pub(crate) async fn open(&self, key: &str) -> Result<Content, BucketError> {
        let object = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await;
        Ok(Content {
            body: object.map_err(self.failed("reading", key))?.body,
            path: self.path(key),
        })
    }

    fn failed<E: std::error::Error>(
        &self,
        operation: &'static str,
        key: &str,
    ) -> impl FnOnce(E) -> BucketError + use<E> {
        let path = self.path(key);
        move |error| BucketError::Failed {
            operation,
            path,
            reason: DisplayErrorContext(error).to_string(),
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }
}

/// The content of an object, read piece by piece.
pub(crate) struct Content {
    body: ByteStream,
    path: String,
}

impl Content {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, BucketError> {
        let piece = self.body.next().await.transpose();
        piece.map_err(|error| BucketError::Failed {
            operation: "reading",
            path: self.path.clone(),
            reason: DisplayErrorContext(error).to_string(),
        })
    }
}
