//! The bulk bucket, as far as the steps need it.

use std::error::Error;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often an operation is tried before it has failed.
const ATTEMPTS: u32 = 4;

/// A bucket and the client that reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

/// The bucket could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BucketError {
    /// There is no such object.
    #[error("s3://{0} is not there")]
    Missing(String),
    /// The object has been overwritten since the job was planned.
    #[error("s3://{0} was changed after the job was planned; start it again")]
    Changed(String),
    /// An object of ours is not what was written.
    #[error("s3://{path} is damaged: {source}")]
    Damaged {
        /// Bucket and key.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An operation failed, after its retries.
    #[error("{operation} s3://{path} failed: {reason}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// Bucket and key.
        path: String,
        /// What the client says.
        reason: String,
    },
}

/// One version of an object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Its ETag, another for every other content.
    pub version: String,
}

impl Bucket {
    /// A bucket of this name, with the credentials and the region of the environment. Nothing is sent yet.
    pub async fn connect(name: String) -> Self {
        // A body may take longer than an attempt: it is read after the attempt has ended. What stalls ends by the client's own
        // stalled-stream protection.
        let limits = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(30))
            .build();
        let client = s3::client(limits, ATTEMPTS).await;
        Self { client, name }
    }

    /// What an object is now.
    pub async fn look_up(&self, key: &str) -> Result<Object, BucketError> {
        let request = self.client.head_object().bucket(&self.name).key(key);
        let head = request
            .send()
            .await
            .map_err(self.failed("looking up", key))?;
        Ok(Object {
            key: key.to_owned(),
            bytes: head
                .content_length
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or(0),
            version: head.e_tag.unwrap_or_default(),
        })
    }

    /// Opens a range of an object, which must not be empty, as long as it is this very version.
    pub async fn open(
        &self,
        object: &Object,
        range: Range<u64>,
    ) -> Result<ByteStream, BucketError> {
        let request = self.client.get_object().bucket(&self.name).key(&object.key);
        let answer = request
            .if_match(&object.version)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .send()
            .await;
        Ok(answer.map_err(self.failed("reading", &object.key))?.body)
    }

    /// What is written in an object, as JSON; `None` where there is no such object.
    pub async fn read_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, BucketError> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let object = match request.send().await.map_err(self.failed("reading", key)) {
            Err(BucketError::Missing(_)) => return Ok(None),
            answer => answer?,
        };
        let content = object
            .body
            .collect()
            .await
            .map_err(|error| BucketError::Failed {
                operation: "reading",
                path: self.path(key),
                reason: causes(&error),
            })?;
        let read = serde_json::from_slice(&content.into_bytes());
        let damaged = |source| BucketError::Damaged {
            path: self.path(key),
            source,
        };
        read.map(Some).map_err(damaged)
    }

    /// Writes JSON, over an object of the same key.
    pub async fn write_json(&self, key: &str, value: &impl Serialize) -> Result<(), BucketError> {
        let mut json = serde_json::to_vec(value).expect("what the steps write is JSON");
        json.push(b'\n');
        self.write(key, "application/json", json).await
    }

    /// Writes an object, over one of the same key.
    pub async fn write(
        &self,
        key: &str,
        content_type: &str,
        content: Vec<u8>,
    ) -> Result<(), BucketError> {
        let request = self.client.put_object().bucket(&self.name).key(key);
        let sent = request
            .content_type(content_type)
            .body(content.into())
            .send()
            .await;
        sent.map_err(self.failed("writing", key))?;
        Ok(())
    }

    /// Begins to write an object in parts, and gives the upload's id.
    pub async fn begin_upload(&self, key: &str, content_type: &str) -> Result<String, BucketError> {
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key);
        let upload = request.content_type(content_type).send().await;
        let upload = upload.map_err(self.failed("writing", key))?;
        Ok(upload.upload_id.unwrap_or_default())
    }

    /// Writes a part of an object; the first one's number is 1.
    pub async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        content: Vec<u8>,
    ) -> Result<CompletedPart, BucketError> {
        let request = self.client.upload_part().bucket(&self.name).key(key);
        let request = request
            .upload_id(upload)
            .part_number(number)
            .body(content.into());
        let part = request.send().await.map_err(self.failed("writing", key))?;
        let completed = CompletedPart::builder().part_number(number);
        Ok(completed
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build())
    }

    /// Makes an object of its parts, over one of the same key.
    pub async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), BucketError> {
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(key);
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let sent = request
            .upload_id(upload)
            .multipart_upload(parts)
            .send()
            .await;
        sent.map_err(self.failed("writing", key))?;
        Ok(())
    }

    /// Gives an upload up.
    pub async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), BucketError> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(key);
        let sent = request.upload_id(upload).send().await;
        sent.map_err(self.failed("giving up", key))?;
        Ok(())
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    fn failed<E: Error + ProvideErrorMetadata + 'static>(
        &self,
        operation: &'static str,
        key: &str,
    ) -> impl FnOnce(SdkError<E>) -> BucketError + use<E> {
        let path = self.path(key);
        move |error| match error
            .raw_response()
            .map(|response| response.status().as_u16())
        {
            Some(404) => BucketError::Missing(path),
            Some(412) => BucketError::Changed(path),
            _ => BucketError::Failed {
                operation,
                path,
                reason: reason(&error),
            },
        }
    }
}

/// What S3 answered, or else why it could not be asked.
fn reason<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E>) -> String {
    match (error.raw_response(), error.code()) {
        (Some(response), Some(code)) => {
            let message = error.message().unwrap_or_default();
            format!("{code} (HTTP {}) {message}", response.status().as_u16())
        }
        _ => causes(error),
    }
}

/// An error and what caused it, in one line.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
