//! Content on its way out: a range of an object's pieces as a stream of known length.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Error, StdError, s3_error};

use super::errors::{no_such_bucket, no_such_key, store_error};
use crate::store::content::{Contents, Pin};
use crate::store::rows::{ContentId, ObjectRow, Piece};
use crate::store::{Store, StoreError};

/// What is read at once.
const CHUNK: usize = 512 * 1024;
/// Chunks that wait for the network.
const QUEUE: usize = 4;

/// An object held for reading: it stays readable even if it is overwritten or removed.
pub struct Held {
    /// Its row.
    pub row: ObjectRow,
    small: Vec<(ContentId, Vec<u8>)>,
    pin: Option<Pin>,
}

/// Looks up an object and holds its content.
pub fn hold(store: &Store, bucket: &str, key: &str) -> Result<Held, S3Error> {
    let mut held: Option<(ObjectRow, Pin)> = None;
    loop {
        let (row, small) = store
            .index
            .read(|rx| {
                let Some(row) = rx.object(bucket, key)? else {
                    return Ok(Err(if rx.bucket(bucket)?.is_some() {
                        no_such_key(key)
                    } else {
                        no_such_bucket(bucket)
                    }));
                };
                let mut small = Vec::new();
                for piece in row.pieces.iter().filter(|piece| piece.inline) {
                    small.push((piece.id, rx.inline(piece.id)?.unwrap_or_default()));
                }
                Ok(Ok((row, small)))
            })
            .map_err(store_error)??;
        let files: Vec<ContentId> = row
            .pieces
            .iter()
            .filter(|piece| !piece.inline)
            .map(|piece| piece.id)
            .collect();
        if files.is_empty() {
            return Ok(Held { row, small, pin: None });
        }
        // A removal between the look-up and the pin would show as another row now.
        if let Some((pinned, pin)) = held.take()
            && pinned.pieces == row.pieces
        {
            return Ok(Held {
                row,
                small,
                pin: Some(pin),
            });
        }
        let pin = store.contents.pin(files);
        held = Some((row, pin));
    }
}

impl Held {
    /// The bytes of a range, as a stream.
    pub fn stream(self, contents: &Arc<Contents>, range: Range<u64>) -> StreamingBlob {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if let [Piece { inline: true, .. }] = self.row.pieces.as_slice()
            && let [(_, bytes)] = self.small.as_slice()
        {
            let (start, end) = (range.start as usize, range.end as usize);
            let bytes = Bytes::copy_from_slice(bytes.get(start..end).unwrap_or_default());
            return StreamingBlob::from(s3s::Body::from(bytes));
        }
        let (chunks, waiting) = tokio::sync::mpsc::channel(QUEUE);
        let contents = contents.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = self.send(&contents, range, &chunks) {
                tracing::error!("an object could not be read: {error}");
                // An error in the stream breaks the connection, so the client sees a short body.
                let _ = chunks.blocking_send(Err(Box::new(error) as StdError));
            }
        });
        StreamingBlob::new(Chunks { waiting, left: length })
    }

    /// The whole, to be read on this thread.
    pub fn reader(self, contents: &Arc<Contents>) -> Reader {
        Reader {
            held: self,
            contents: contents.clone(),
            next: 0,
            current: None,
        }
    }

    fn send(
        &self,
        contents: &Contents,
        range: Range<u64>,
        chunks: &tokio::sync::mpsc::Sender<Result<Bytes, StdError>>,
    ) -> Result<(), StoreError> {
        self.each_chunk(contents, range, |chunk| Ok(chunks.blocking_send(Ok(chunk)).is_ok()))
    }

    fn each_chunk(
        &self,
        contents: &Contents,
        range: Range<u64>,
        mut take: impl FnMut(Bytes) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        debug_assert!(self.pin.is_some() || self.row.pieces.iter().all(|piece| piece.inline));
        let mut begins = 0;
        for piece in &self.row.pieces {
            let ends = begins + piece.size;
            let (from, to) = (range.start.max(begins), range.end.min(ends));
            if from < to {
                let (mut at, to) = (from - begins, to - begins);
                if piece.inline {
                    let bytes = self
                        .small
                        .iter()
                        .find(|(id, _)| *id == piece.id)
                        .map(|(_, bytes)| bytes.as_slice());
                    let bytes = bytes
                        .and_then(|bytes| bytes.get(at as usize..to as usize))
                        .unwrap_or_default();
                    if !take(Bytes::copy_from_slice(bytes))? {
                        return Ok(());
                    }
                } else {
                    let path = contents.path(piece.id);
                    let failed = |source: std::io::Error| StoreError::io(&path, &source);
                    let file = File::open(&path).map_err(failed)?;
                    while at < to {
                        let mut chunk = vec![0; CHUNK.min(usize::try_from(to - at).unwrap_or(CHUNK))];
                        file.read_exact_at(&mut chunk, at).map_err(failed)?;
                        at += chunk.len() as u64;
                        if !take(Bytes::from(chunk))? {
                            return Ok(());
                        }
                    }
                }
            }
            begins = ends;
        }
        Ok(())
    }
}

/// Reads a held object from its first byte to its last.
pub struct Reader {
    held: Held,
    contents: Arc<Contents>,
    next: usize,
    current: Option<Box<dyn Read + Send>>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(current) = &mut self.current {
                let read = current.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(piece) = self.held.row.pieces.get(self.next) else {
                return Ok(0);
            };
            self.next += 1;
            self.current = Some(if piece.inline {
                let bytes = self
                    .held
                    .small
                    .iter()
                    .find(|(id, _)| *id == piece.id)
                    .map(|(_, bytes)| bytes.clone());
                Box::new(std::io::Cursor::new(bytes.unwrap_or_default()))
            } else {
                Box::new(File::open(self.contents.path(piece.id))?)
            });
        }
    }
}

struct Chunks {
    waiting: tokio::sync::mpsc::Receiver<Result<Bytes, StdError>>,
    left: usize,
}

impl Stream for Chunks {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pinned<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.waiting.poll_recv(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            self.left = self.left.saturating_sub(chunk.len());
        }
        next
    }
}

impl ByteStream for Chunks {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left)
    }
}

/// The bytes that a `Range` asks for, or S3's error for one outside the object.
pub fn range_of(range: Option<s3s::dto::Range>, size: u64) -> Result<Option<Range<u64>>, S3Error> {
    let Some(range) = range else { return Ok(None) };
    match range.check(size) {
        Ok(range) => Ok(Some(range)),
        Err(_) => {
            let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
            if let Ok(value) = http::HeaderValue::from_str(&format!("bytes */{size}")) {
                let mut headers = http::HeaderMap::new();
                headers.insert(http::header::CONTENT_RANGE, value);
                error.set_headers(headers);
            }
            Err(error)
        }
    }
}
