//! An object as something to write to, on a thread that may wait.

use std::io::{self, Write};
use std::mem;
use std::panic::resume_unwind;

use aws_sdk_s3::types::CompletedPart;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::bucket::{Bucket, BucketError};

/// The size of each part but the last. S3 takes 10,000 parts of 5 MiB or more, so that an object may have 80 GB.
const PART_BYTES: usize = 8 << 20;

const CONTENT_TYPE: &str = "text/csv; charset=utf-8";

/// Writes an object, which is whole or not there: what fits into one part by one request, what does not by a multipart upload.
///
/// One part is kept while the one before it is sent. It must not be written to from a thread of the runtime.
pub(crate) struct ObjectWriter {
    bucket: Bucket,
    key: String,
    runtime: Handle,
    buffer: Vec<u8>,
    upload: Option<Upload>,
}

/// A multipart upload, of whose parts one may be under way.
struct Upload {
    id: String,
    sent: Vec<CompletedPart>,
    under_way: Option<JoinHandle<Result<CompletedPart, BucketError>>>,
}

impl ObjectWriter {
    /// A writer of this object. Nothing is sent yet.
    pub fn new(bucket: Bucket, key: String, runtime: Handle) -> Self {
        Self {
            bucket,
            key,
            runtime,
            buffer: Vec::new(),
            upload: None,
        }
    }

    /// Sends what is left and makes the object.
    pub async fn finish(mut self) -> Result<(), BucketError> {
        if self.upload.is_some() && !self.buffer.is_empty() {
            self.send_part().await?;
        }
        let Some(mut upload) = self.upload else {
            return self
                .bucket
                .write(&self.key, CONTENT_TYPE, self.buffer)
                .await;
        };
        upload.settle().await?;
        self.bucket
            .complete_upload(&self.key, &upload.id, upload.sent)
            .await
    }

    /// Leaves nothing behind. Where that fails, the bucket drops the parts after a day.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            if let Some(part) = upload.under_way {
                part.abort();
            }
            if let Err(error) = self.bucket.abort_upload(&self.key, &upload.id).await {
                tracing::warn!(%error, "the parts of an upload were left behind");
            }
        }
    }

    /// Has the buffer sent, once the part before it has arrived.
    async fn send_part(&mut self) -> Result<(), BucketError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(Upload {
                id: self.bucket.begin_upload(&self.key, CONTENT_TYPE).await?,
                sent: Vec::new(),
                under_way: None,
            }),
        };
        upload.settle().await?;
        let content = mem::take(&mut self.buffer);
        let (bucket, key, id) = (self.bucket.clone(), self.key.clone(), upload.id.clone());
        let number = upload.sent.len() as i32 + 1;
        let part = async move { bucket.upload_part(&key, &id, number, content).await };
        upload.under_way = Some(self.runtime.spawn(part));
        Ok(())
    }
}

impl Upload {
    /// Waits for the part that is under way.
    async fn settle(&mut self) -> Result<(), BucketError> {
        if let Some(part) = self.under_way.take() {
            let sent = part
                .await
                .unwrap_or_else(|ended| resume_unwind(ended.into_panic()));
            self.sent.push(sent?);
        }
        Ok(())
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PART_BYTES {
            let runtime = self.runtime.clone();
            runtime
                .block_on(self.send_part())
                .map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    /// Does nothing: an object has no half.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
