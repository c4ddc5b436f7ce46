//! Reading objects: one request for a small one, several ranges at once for a large one.
//!
//! The first request asks for the first 16 MiB and so learns size and ETag for free; what is
//! beyond comes in parts of 8 MiB, eight in flight, each with `If-Match`: an object that
//! changes meanwhile is an error that says so, never a mixture. Into memory, the parts are
//! disjoint views of one allocation of the object's size (no copy, no second buffer); into a
//! file, only the parts in flight are held. A part that breaks off goes on where it stopped.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use ironsage_contract::S3Uri;
use tokio::task::JoinSet;

use crate::failure::{Doing, reason};
use crate::runtime::STOP_EVERY;
use crate::s3::{readable, unquoted};
use crate::{Client, ClientError, Transfer};

/// What the first request asks for; a smaller object is one request.
pub(crate) const WHOLE: u64 = 16 << 20;
/// The parts of what is beyond.
pub(crate) const PART: u64 = 8 << 20;
/// How many parts are under way at once.
pub(crate) const IN_FLIGHT: usize = 8;
/// How often a part's body may break off.
const ATTEMPTS: u32 = 4;
/// Objects above this are checked against the machine's free memory first.
const CHECK_MEMORY: u64 = 256 << 20;

/// An object being read: what every part's request needs.
struct Reading {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    uri: String,
    etag: Option<String>,
    doing: Doing,
    done: AtomicU64,
}

/// The answer to the first request.
struct Opened {
    reading: Arc<Reading>,
    total: u64,
    body: Option<ByteStream>,
}

impl Client {
    /// The whole object in memory.
    pub fn get(&self, uri: &S3Uri, watch: &dyn Transfer) -> Result<Bytes, ClientError> {
        self.run(watch, async {
            let Opened {
                reading,
                total,
                mut body,
            } = self.open(uri).await?;
            check_memory(uri, total)?;
            let mut rest = BytesMut::zeroed(total as usize);
            let mut done: Vec<Option<BytesMut>> = Vec::new();
            let mut parts = JoinSet::new();
            watch.moved(0, total);
            let mut offset = 0;
            loop {
                while !rest.is_empty() && parts.len() < IN_FLIGHT {
                    let length = if offset == 0 { WHOLE } else { PART }.min(rest.len() as u64);
                    let mut part = rest.split_to(length as usize);
                    let (index, opened, reading) = (done.len(), body.take(), Arc::clone(&reading));
                    parts.spawn(async move {
                        reading.fill(&mut part, offset, opened).await?;
                        Ok((index, part))
                    });
                    done.push(None);
                    offset += length;
                }
                match next(&mut parts, &reading.done, total, watch).await? {
                    Some((index, part)) => done[index] = Some(part),
                    None => break,
                }
            }
            let mut whole = BytesMut::new();
            for part in done.into_iter().flatten() {
                whole.unsplit(part);
            }
            watch.moved(total, total);
            Ok(whole.freeze())
        })
    }

    /// The object into a file, which appears only when it is whole. Gives its size.
    pub fn get_file(&self, uri: &S3Uri, path: &Path, watch: &dyn Transfer) -> Result<u64, ClientError> {
        let failed = |source| ClientError::File {
            action: "writing",
            path: path.to_owned(),
            source,
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.run(watch, async {
            let Opened {
                reading,
                total,
                mut body,
            } = self.open(uri).await?;
            // Beside its end, so that the last step is a rename; the umask decides as for any file.
            let file = tempfile::Builder::new()
                .prefix(".ironsage-")
                .permissions(std::fs::Permissions::from_mode(0o666))
                .tempfile_in(folder.unwrap_or(Path::new(".")))
                .map_err(failed)?;
            let out = Arc::new(file.as_file().try_clone().map_err(failed)?);
            let mut waiting: VecDeque<(u64, u64)> = VecDeque::new();
            let mut offset = 0;
            while offset < total {
                let length = if offset == 0 { WHOLE } else { PART }.min(total - offset);
                waiting.push_back((offset, length));
                offset += length;
            }
            let mut parts = JoinSet::new();
            watch.moved(0, total);
            loop {
                while parts.len() < IN_FLIGHT
                    && let Some((offset, length)) = waiting.pop_front()
                {
                    let (opened, reading, out) = (body.take(), Arc::clone(&reading), Arc::clone(&out));
                    let path = path.to_owned();
                    parts.spawn(async move {
                        let mut part = BytesMut::zeroed(length as usize);
                        reading.fill(&mut part, offset, opened).await?;
                        let written = tokio::task::spawn_blocking(move || out.write_all_at(&part, offset));
                        written
                            .await
                            .map_err(std::io::Error::other)
                            .flatten()
                            .map_err(|source| ClientError::File {
                                action: "writing",
                                path,
                                source,
                            })
                    });
                }
                if next(&mut parts, &reading.done, total, watch).await?.is_none() {
                    break;
                }
            }
            (&*out).flush().map_err(failed)?;
            file.persist(path).map_err(|error| failed(error.error))?;
            watch.moved(total, total);
            Ok(total)
        })
    }

    /// The first request: its answer tells size and ETag.
    async fn open(&self, uri: &S3Uri) -> Result<Opened, ClientError> {
        if uri.key().is_empty() {
            return Err(ClientError::not_an_object(uri));
        }
        let doing = self.doing("reading", uri);
        let reading = |etag| {
            Arc::new(Reading {
                s3: self.s3().clone(),
                bucket: uri.bucket().to_owned(),
                key: uri.key().to_owned(),
                uri: uri.to_string(),
                etag,
                doing: doing.clone(),
                done: AtomicU64::new(0),
            })
        };
        let first = self
            .s3()
            .get_object()
            .bucket(uri.bucket())
            .key(uri.key())
            .range(format!("bytes=0-{}", WHOLE - 1))
            .send()
            .await;
        match first {
            Ok(answer) => {
                let length = answer.content_length().unwrap_or(0).unsigned_abs();
                let total = answer.content_range().and_then(total_of).unwrap_or(length);
                Ok(Opened {
                    reading: reading(answer.e_tag().map(str::to_owned)),
                    total,
                    body: Some(answer.body),
                })
            }
            // An empty object has no first byte.
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 416) => {
                match self.look_at(uri).await? {
                    Some(object) if object.size == 0 => Ok(Opened {
                        reading: reading(object.etag),
                        total: 0,
                        body: None,
                    }),
                    _ => Err(ClientError::Changed { uri: uri.to_string() }),
                }
            }
            Err(error) if uri.is_prefix() => match doing.failed(error) {
                ClientError::NoSuchKey { .. } => Err(ClientError::not_an_object(uri)),
                other => Err(other),
            },
            Err(error) => Err(self.enrich(doing.failed(error), uri).await),
        }
    }
}

impl Reading {
    /// Fills `part` with the object's bytes from `offset` on, from an answer that is there
    /// already or from requests of its own.
    async fn fill(&self, part: &mut [u8], offset: u64, mut opened: Option<ByteStream>) -> Result<(), ClientError> {
        let mut at = 0;
        let mut last = "the body ended early".to_owned();
        for _ in 0..ATTEMPTS {
            let mut body = match opened.take() {
                Some(body) => body,
                None => self.request(offset + at as u64, offset + part.len() as u64).await?,
            };
            loop {
                match body.next().await {
                    Some(Ok(bytes)) if at + bytes.len() <= part.len() => {
                        part[at..at + bytes.len()].copy_from_slice(&bytes);
                        at += bytes.len();
                        self.done.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    }
                    Some(Ok(_)) => return Err(ClientError::Changed { uri: self.uri.clone() }),
                    None if at == part.len() => return Ok(()),
                    None => break,
                    Some(Err(error)) => {
                        last = reason(&error);
                        // All there and yet an error: the checksum is wrong, nothing of it counts.
                        if at == part.len() {
                            self.done.fetch_sub(at as u64, Ordering::Relaxed);
                            at = 0;
                        }
                        break;
                    }
                }
            }
        }
        Err(ClientError::Broken {
            action: "reading",
            uri: self.uri.clone(),
            attempts: ATTEMPTS,
            reason: last,
        })
    }

    async fn request(&self, from: u64, to: u64) -> Result<ByteStream, ClientError> {
        let answer = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .range(format!("bytes={from}-{}", to - 1))
            .set_if_match(self.etag.clone())
            .send()
            .await;
        match answer {
            // A server that doesn't know If-Match still tells which object it sent from.
            Ok(answer) if !same_etag(self.etag.as_deref(), answer.e_tag()) => {
                Err(ClientError::Changed { uri: self.uri.clone() })
            }
            Ok(answer) => Ok(answer.body),
            // Gone, or shorter than it was.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| matches!(raw.status().as_u16(), 404 | 416)) =>
            {
                Err(ClientError::Changed { uri: self.uri.clone() })
            }
            Err(error) => Err(self.doing.failed(error)),
        }
    }
}

fn same_etag(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => unquoted(a) == unquoted(b),
        _ => true,
    }
}

/// The next finished part; tells `watch` of the progress while waiting. `None` when all are.
pub(crate) async fn next<T: 'static>(
    parts: &mut JoinSet<Result<T, ClientError>>,
    done: &AtomicU64,
    total: u64,
    watch: &dyn Transfer,
) -> Result<Option<T>, ClientError> {
    loop {
        match tokio::time::timeout(STOP_EVERY, parts.join_next()).await {
            Err(_) => watch.moved(done.load(Ordering::Relaxed), total),
            Ok(None) => return Ok(None),
            Ok(Some(Ok(part))) => return part.map(Some),
            Ok(Some(Err(lost))) => return Err(ClientError::Runtime(std::io::Error::other(lost))),
        }
    }
}

/// The 12 of "bytes 0-3/12".
fn total_of(content_range: &str) -> Option<u64> {
    content_range.rsplit('/').next()?.parse().ok()
}

/// A large object must fit into what the machine has free, or the kernel would be killed.
fn check_memory(uri: &S3Uri, total: u64) -> Result<(), ClientError> {
    if total <= CHECK_MEMORY {
        return Ok(());
    }
    match free_memory() {
        Some(free) if total > free => Err(ClientError::TooLarge {
            uri: uri.to_string(),
            size: readable(total),
            limit: format!("this machine has {} of memory free", readable(free)),
        }),
        _ => Ok(()),
    }
}

fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{free_memory, total_of};

    #[test]
    fn the_whole_size_stands_in_the_range() {
        assert_eq!(total_of("bytes 0-3/12"), Some(12));
        assert_eq!(total_of("bytes 0-3/*"), None);
    }

    #[test]
    fn free_memory_is_known_here() {
        assert!(free_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
