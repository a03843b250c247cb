//! An object as something to read from, on a thread that may wait.

use std::io::{self, Read};
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bulk::Open;
use tokio::runtime::Handle;

use crate::bucket::{Bucket, BucketError, Object, causes};

/// How often in a row a stream may break before a byte has come.
const BREAKS: u32 = 4;

/// How long to wait after the first break; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// An object of which ranges are read on threads that may wait.
pub(crate) struct ObjectBytes {
    bucket: Bucket,
    object: Object,
    runtime: Handle,
}

impl ObjectBytes {
    /// The bytes of an object. Nothing is sent yet.
    pub fn new(bucket: Bucket, object: Object, runtime: Handle) -> Self {
        Self {
            bucket,
            object,
            runtime,
        }
    }
}

impl Open for ObjectBytes {
    fn size(&self) -> u64 {
        self.object.bytes
    }

    fn open(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        let (bucket, object) = (self.bucket.clone(), self.object.clone());
        let reader = ObjectReader::new(bucket, object, range, self.runtime.clone());
        Ok(Box::new(reader))
    }
}

/// Reads a range of an object as one stream. Where the stream breaks, it goes on from there by another request.
///
/// No more than a chunk of the stream, some kilobytes, is kept. It must not be read from a thread of the runtime.
pub(crate) struct ObjectReader {
    bucket: Bucket,
    object: Object,
    runtime: Handle,
    /// What was not asked for or has not come.
    rest: Range<u64>,
    stream: Option<ByteStream>,
    /// What came and was not read.
    chunk: io::Cursor<Vec<u8>>,
}

impl ObjectReader {
    /// A reader of these bytes. Nothing is sent yet.
    pub fn new(bucket: Bucket, object: Object, range: Range<u64>, runtime: Handle) -> Self {
        Self {
            bucket,
            object,
            runtime,
            rest: range,
            stream: None,
            chunk: io::Cursor::default(),
        }
    }

    /// The next bytes, which are some.
    async fn next_chunk(&mut self) -> Result<Vec<u8>, BucketError> {
        let mut breaks = 0;
        loop {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                none => none.insert(self.bucket.open(&self.object, self.rest.clone()).await?),
            };
            let reason = match stream.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => {
                    self.rest.start += chunk.len() as u64;
                    return Ok(chunk.to_vec());
                }
                Some(Err(error)) => causes(&error),
                None => "the stream ended early".to_owned(),
            };
            self.stream = None;
            breaks += 1;
            tracing::warn!(
                key = self.object.key,
                offset = self.rest.start,
                reason,
                "a stream broke"
            );
            if breaks > BREAKS {
                return Err(BucketError::Failed {
                    operation: "reading",
                    path: self.object.key.clone(),
                    reason,
                });
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(breaks - 1)).await;
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.chunk.read(into)?;
        if read > 0 || into.is_empty() || self.rest.is_empty() {
            return Ok(read);
        }
        let runtime = self.runtime.clone();
        let chunk = runtime
            .block_on(self.next_chunk())
            .map_err(io::Error::other)?;
        self.chunk = io::Cursor::new(chunk);
        self.chunk.read(into)
    }
}
