//! Reading objects: one request for a small one, several ranges at once for a large one.
//!
//! The first request asks for the first 16 MiB and so learns size and ETag for free; what is
//! beyond comes in parts of 8 MiB, eight in flight, each with `If-Match`: an object that
//! changes meanwhile is an error that says so, never a mixture. Into memory, the parts are
//! disjoint views of one allocation of the object's size (no copy, no second buffer); into a
//! file, only the parts in flight are held. A part that breaks off, is throttled or meets a
//! server in trouble goes on where it stopped, after a pause that doubles each time.
//!
//! What [`Client::get`] read from afar is kept in the [`Cache`](crate::Cache), if there is one:
//! the first request then carries `If-None-Match`, so that an unchanged object costs one
//! round trip and a changed one no more than without the cache.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use ironsage_contract::S3Uri;
use tokio::task::JoinSet;

use crate::cache::{Kept, Slot};
use crate::failure::{Doing, may_pass, reason};
use crate::memory::available_memory;
use crate::runtime::{STOP_EVERY, StopOnDrop};
use crate::s3::{readable, unquoted};
use crate::{Client, ClientError, Transfer};

/// What the first request asks for; a smaller object is one request.
pub(crate) const WHOLE: u64 = 16 << 20;
/// The parts of what is beyond.
pub(crate) const PART: u64 = 8 << 20;
/// How many parts are under way at once.
pub(crate) const IN_FLIGHT: usize = 8;
/// How often in a row a part may fail without a byte of progress: with the pauses between, some 3 seconds of a
/// service in trouble.
const ATTEMPTS: u32 = 6;
/// The pause after the first failure; each one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
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
    /// Where the answer's body begins in the object.
    from: u64,
    /// The size of the object.
    total: u64,
    body: Option<ByteStream>,
}

/// One end of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes from its beginning.
    First(u64),
    /// So many bytes up to its end.
    Last(u64),
}

impl Extent {
    fn range(self) -> String {
        match self {
            Extent::First(length) => format!("bytes=0-{}", length.max(1) - 1),
            Extent::Last(length) => format!("bytes=-{}", length.max(1)),
        }
    }
}

impl Client {
    /// The whole object in memory; from the cache where it is there and unchanged.
    pub fn get(&self, uri: &S3Uri, watch: &dyn Transfer) -> Result<Bytes, ClientError> {
        let slot = self.cache().map(|cache| cache.slot(self.place(), uri));
        self.run(watch, async {
            let kept = slot.as_ref().and_then(Slot::find);
            let known = kept.as_ref().map(Kept::etag);
            let opened = match (self.open(uri, Extent::First(WHOLE), known).await?, kept) {
                (Some(opened), _) => opened,
                (None, kept) => match self.read_kept(uri, kept, watch).await? {
                    Some(whole) => return Ok(whole),
                    None => self.open_now(uri, Extent::First(WHOLE)).await?,
                },
            };
            let Opened {
                reading,
                total,
                mut body,
                ..
            } = opened;
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
            let whole = whole.freeze();
            if let (Some(slot), Some(etag)) = (slot, &reading.etag) {
                slot.keep(etag, whole.clone());
            }
            Ok(whole)
        })
    }

    /// The first or the last bytes of an object (all of it where it is shorter), and its size.
    pub fn get_extent(&self, uri: &S3Uri, extent: Extent, watch: &dyn Transfer) -> Result<(Bytes, u64), ClientError> {
        self.run(watch, async {
            let Opened {
                reading,
                from,
                total,
                body,
            } = self.open_now(uri, extent).await?;
            let length = match extent {
                Extent::First(length) => length.min(total),
                Extent::Last(_) => total - from,
            };
            let mut bytes = BytesMut::zeroed(length as usize);
            if !bytes.is_empty() {
                reading.fill(&mut bytes, from, body).await?;
            }
            Ok((bytes.freeze(), total))
        })
    }

    /// What the cache holds of this object; none when that can't be read any more.
    async fn read_kept(
        &self,
        uri: &S3Uri,
        kept: Option<Kept>,
        watch: &dyn Transfer,
    ) -> Result<Option<Bytes>, ClientError> {
        let Some(kept) = kept else { return Ok(None) };
        let total = kept.size();
        check_memory(uri, total)?;
        let done = Arc::new(AtomicU64::new(0));
        let mut reading = JoinSet::new();
        let (counter, stop) = (Arc::clone(&done), StopOnDrop::default());
        let stopped = stop.flag();
        reading.spawn_blocking(move || Ok(kept.read(&counter, &stopped)));
        watch.moved(0, total);
        let whole = next(&mut reading, &done, total, watch).await?.flatten();
        if whole.is_some() {
            watch.moved(total, total);
        }
        Ok(whole)
    }

    /// The object into a file, which appears only when it is whole. Gives its size. Behind a link, what it leads to is
    /// replaced; what is no regular file is left alone.
    pub fn get_file(&self, uri: &S3Uri, path: &Path, watch: &dyn Transfer) -> Result<u64, ClientError> {
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let failed = |source| ClientError::File {
            action: "writing",
            path: path.to_owned(),
            source,
        };
        if path.metadata().is_ok_and(|about| !about.is_file()) {
            return Err(failed(std::io::Error::other("there is something that is no file")));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.run(watch, async {
            let Opened {
                reading,
                total,
                mut body,
                ..
            } = self.open_now(uri, Extent::First(WHOLE)).await?;
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

    async fn open_now(&self, uri: &S3Uri, extent: Extent) -> Result<Opened, ClientError> {
        let opened = self.open(uri, extent, None).await?;
        opened.ok_or_else(|| ClientError::Changed { uri: uri.to_string() })
    }

    /// The first request: its answer tells size and ETag. `None` when the object still has the ETag `known`.
    async fn open(&self, uri: &S3Uri, extent: Extent, known: Option<&str>) -> Result<Option<Opened>, ClientError> {
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
            .range(extent.range())
            .set_if_none_match(known.map(|etag| format!("\"{etag}\"")))
            .send()
            .await;
        let status = first
            .as_ref()
            .err()
            .and_then(|error| error.raw_response())
            .map(|raw| raw.status().as_u16());
        match first {
            Ok(answer) => {
                let length = answer.content_length().unwrap_or(0).unsigned_abs();
                let (from, total) = answer.content_range().and_then(from_and_total).unwrap_or((0, length));
                Ok(Some(Opened {
                    reading: reading(answer.e_tag().map(str::to_owned)),
                    from,
                    total,
                    body: Some(answer.body),
                }))
            }
            Err(_) if status == Some(304) && known.is_some() => Ok(None),
            // An empty object has no first byte.
            Err(_) if status == Some(416) => match self.look_at(uri).await? {
                Some(object) if object.size == 0 => Ok(Some(Opened {
                    reading: reading(object.etag),
                    from: 0,
                    total: 0,
                    body: None,
                })),
                _ => Err(ClientError::Changed { uri: uri.to_string() }),
            },
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
        let mut failed = 0;
        loop {
            let before = at;
            let trouble = match opened.take() {
                Some(body) => self.receive(body, part, &mut at).await?,
                None => match self.request(offset + at as u64, offset + part.len() as u64).await? {
                    Ok(body) => self.receive(body, part, &mut at).await?,
                    Err(trouble) => Some(trouble),
                },
            };
            let Some(trouble) = trouble else { return Ok(()) };
            failed = if at > before { 1 } else { failed + 1 };
            if failed == ATTEMPTS {
                return Err(ClientError::Broken {
                    action: "reading",
                    uri: self.uri.clone(),
                    attempts: ATTEMPTS,
                    reason: trouble,
                });
            }
            tokio::time::sleep(pause(failed)).await;
        }
    }

    /// Takes a body in, from `at` on. Gives the reason when it ended too soon.
    async fn receive(
        &self,
        mut body: ByteStream,
        part: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<String>, ClientError> {
        loop {
            match body.next().await {
                Some(Ok(bytes)) if *at + bytes.len() <= part.len() => {
                    part[*at..*at + bytes.len()].copy_from_slice(&bytes);
                    *at += bytes.len();
                    self.done.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                }
                Some(Ok(_)) => return Err(ClientError::Changed { uri: self.uri.clone() }),
                None if *at == part.len() => return Ok(None),
                None => return Ok(Some("the body ended early".to_owned())),
                Some(Err(error)) => {
                    // All there and yet an error: the checksum is wrong, nothing of it counts.
                    if *at == part.len() {
                        self.done.fetch_sub(*at as u64, Ordering::Relaxed);
                        *at = 0;
                    }
                    return Ok(Some(reason(&error)));
                }
            }
        }
    }

    /// Asks for bytes of the object that was opened. The inner error is one that may pass.
    async fn request(&self, from: u64, to: u64) -> Result<Result<ByteStream, String>, ClientError> {
        // Tried once: `fill` tries again, and knows what is there already.
        let once = aws_sdk_s3::Config::builder().retry_config(RetryConfig::disabled());
        let answer = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .range(format!("bytes={from}-{}", to - 1))
            .set_if_match(self.etag.clone())
            .customize()
            .config_override(once)
            .send()
            .await;
        match answer {
            // A server that doesn't know If-Match still tells which object it sent from.
            Ok(answer) if !same_etag(self.etag.as_deref(), answer.e_tag()) => {
                Err(ClientError::Changed { uri: self.uri.clone() })
            }
            Ok(answer) => Ok(Ok(answer.body)),
            // Gone, replaced, or shorter than it was.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| matches!(raw.status().as_u16(), 404 | 412 | 416)) =>
            {
                Err(ClientError::Changed { uri: self.uri.clone() })
            }
            Err(error) if may_pass(&error) => Ok(Err(self.doing.failed(error).to_string())),
            Err(error) => Err(self.doing.failed(error)),
        }
    }
}

/// How long to wait after so many failures in a row: twice as long each time, and a little different for each part,
/// so that a service that was overrun isn't overrun again.
fn pause(failed: u32) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(failed.saturating_sub(1));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let share = f64::from(now.map_or(0, |now| now.subsec_micros()) % 1000) / 1000.0;
    longest.mul_f64(0.5 + 0.5 * share)
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

/// The 4 and the 12 of "bytes 4-7/12".
fn from_and_total(content_range: &str) -> Option<(u64, u64)> {
    let (range, total) = content_range.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()?))
}

/// A large object must fit into what the machine has free, or the kernel would be killed.
fn check_memory(uri: &S3Uri, total: u64) -> Result<(), ClientError> {
    if total <= CHECK_MEMORY {
        return Ok(());
    }
    match available_memory() {
        Some(free) if total > free => Err(ClientError::TooLarge {
            uri: uri.to_string(),
            size: readable(total),
            limit: format!("this machine has {} of memory free", readable(free)),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS, FIRST_PAUSE, from_and_total, pause};

    #[test]
    fn place_and_size_stand_in_the_range() {
        assert_eq!(from_and_total("bytes 4-7/12"), Some((4, 12)));
        assert_eq!(from_and_total("bytes 0-3/*"), None);
    }

    #[test]
    fn pauses_double() {
        for failed in 1..ATTEMPTS {
            let longest = FIRST_PAUSE * (1 << (failed - 1));
            let pause = pause(failed);
            assert!(longest / 2 <= pause && pause <= longest, "{failed}: {pause:?}");
        }
    }
}
