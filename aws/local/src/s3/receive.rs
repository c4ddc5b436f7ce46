//! A body on its way in: hashed as it comes, small ones into memory, larger ones into an
//! unfinished file, compared with what the client promised, and only then made content.
//!
//! Never a whole object in memory: chunks pass through a short queue to a thread that may
//! block on the disk.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, TrailingHeaders, s3_error};

use super::errors::{custom, store_error};
use super::sums::Promise;
use crate::store::content::{Contents, Fresh, Hasher, Unfinished};
use crate::store::index::Tx;
use crate::store::rows::{ContentId, Piece, Sums};
use crate::store::{INLINE_LIMIT, StoreError};

/// The largest body that S3 takes in one request.
pub const MAX_BODY: u64 = 5 * 1024 * 1024 * 1024;
/// How long a client may stay silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the rest of a refused body is read, so that its sender hears why.
const DRAIN: Duration = Duration::from_secs(10);
/// Chunks that wait for the disk.
const QUEUE: usize = 16;

/// A body that has arrived whole and as promised.
pub struct Received {
    /// Its size.
    pub size: u64,
    /// Its MD5, in hexadecimal.
    pub etag: String,
    /// Its checksums, as asked for.
    pub sums: Sums,
    content: Content,
}

enum Content {
    Small(ContentId, Vec<u8>),
    File(Fresh),
}

impl Received {
    /// Writes what the index must hold of it, and gives the piece to be named by a row. To be
    /// called in the transaction that sets this row, after all conditions were checked.
    pub fn store(mut self, tx: &Tx<'_>) -> Result<Piece, StoreError> {
        match &mut self.content {
            Content::Small(id, bytes) => {
                tx.put_inline(*id, bytes)?;
                Ok(Piece {
                    id: *id,
                    size: self.size,
                    inline: true,
                })
            }
            Content::File(fresh) => {
                tx.keep(fresh);
                Ok(Piece {
                    id: fresh.id(),
                    size: self.size,
                    inline: false,
                })
            }
        }
    }
}

/// Takes a body in. Nothing of it is visible yet, and nothing remains if it fails or the
/// client goes away.
pub async fn receive(
    contents: &Arc<Contents>,
    body: Option<StreamingBlob>,
    promise: &Promise,
    trailer: Option<&TrailingHeaders>,
) -> Result<Received, S3Error> {
    if promise.length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let mut body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let taken = take(contents, &mut body, promise, trailer).await;
    if taken.is_err() {
        // A client that is still sending would see a broken connection instead of the answer.
        let drain = async { while let Some(Ok(_)) = body.next().await {} };
        let _ = tokio::time::timeout(DRAIN, drain).await;
    }
    taken
}

async fn take(
    contents: &Arc<Contents>,
    body: &mut StreamingBlob,
    promise: &Promise,
    trailer: Option<&TrailingHeaders>,
) -> Result<Received, S3Error> {
    let mut small: Vec<u8> = Vec::new();
    let mut large: Option<Writer> = None;
    let mut size = 0_u64;
    loop {
        let chunk = tokio::time::timeout(SILENCE, body.next()).await.map_err(|_| {
            s3_error!(
                RequestTimeout,
                "Your socket connection to the server was not read from or written to within the timeout period."
            )
        })?;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(broken_body)?;
        size += chunk.len() as u64;
        if size > MAX_BODY {
            return Err(too_large());
        }
        match &mut large {
            Some(writer) => writer.push(chunk).await?,
            None if small.len() + chunk.len() <= INLINE_LIMIT => small.extend_from_slice(&chunk),
            None => {
                let mut writer = Writer::start(contents, Hasher::new(promise.algorithms));
                writer.push(Bytes::from(std::mem::take(&mut small))).await?;
                writer.push(chunk).await?;
                large = Some(writer);
            }
        }
    }
    let (md5, sums, unfinished) = match large {
        Some(writer) => {
            let (unfinished, hasher) = writer.end().await?;
            let (md5, sums) = hasher.finish();
            (md5, sums, Some(unfinished))
        }
        None => {
            let mut hasher = Hasher::new(promise.algorithms);
            hasher.update(&small);
            let (md5, sums) = hasher.finish();
            (md5, sums, None)
        }
    };
    promise.check(size, &md5, &sums, trailer)?;
    let content = match unfinished {
        Some(unfinished) => Content::File(blocking(move || unfinished.finish()).await?),
        None => Content::Small(ContentId::random(), small),
    };
    Ok(Received {
        size,
        etag: hex::encode(md5),
        sums,
        content,
    })
}

fn too_large() -> S3Error {
    s3_error!(
        EntityTooLarge,
        "Your proposed upload exceeds the maximum allowed size of 5 GiB"
    )
}

/// s3s verifies the body's hash and the chunks' signatures while the body is read; what it
/// finds comes as a stream error.
fn broken_body(error: s3s::StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        custom(
            "XAmzContentSHA256Mismatch",
            http::StatusCode::BAD_REQUEST,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "A chunk's signature does not match")
    } else {
        s3_error!(IncompleteBody, "The request body terminated unexpectedly: {}", text)
    }
}

/// Runs what may block on a thread made for it.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, S3Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| s3_error!(InternalError, "a worker thread failed: {}", error))?
        .map_err(store_error)
}

/// Writes and hashes on a thread of its own.
struct Writer {
    chunks: Option<tokio::sync::mpsc::Sender<Bytes>>,
    task: tokio::task::JoinHandle<Result<(Unfinished, Hasher), StoreError>>,
}

impl Writer {
    fn start(contents: &Arc<Contents>, mut hasher: Hasher) -> Writer {
        let (chunks, mut waiting) = tokio::sync::mpsc::channel::<Bytes>(QUEUE);
        let contents = contents.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut file = contents.begin()?;
            while let Some(chunk) = waiting.blocking_recv() {
                hasher.update(&chunk);
                file.write(&chunk)?;
            }
            Ok((file, hasher))
        });
        Writer {
            chunks: Some(chunks),
            task,
        }
    }

    async fn push(&mut self, chunk: Bytes) -> Result<(), S3Error> {
        if let Some(chunks) = &self.chunks
            && chunks.send(chunk).await.is_ok()
        {
            return Ok(());
        }
        // The thread has ended before the body did: it failed.
        self.chunks = None;
        match (&mut self.task).await {
            Ok(Err(error)) => Err(store_error(error)),
            _ => Err(s3_error!(InternalError, "the writing thread ended early")),
        }
    }

    async fn end(mut self) -> Result<(Unfinished, Hasher), S3Error> {
        self.chunks = None;
        self.task
            .await
            .map_err(|error| s3_error!(InternalError, "the writing thread failed: {}", error))?
            .map_err(store_error)
    }
}
