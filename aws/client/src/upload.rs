//! Writing objects: one request up to 16 MiB, beyond that a multipart upload with eight
//! parts in flight.
//!
//! An object is there whole or not at all. A multipart upload that fails or is interrupted
//! is taken back, so that no parts are left behind to be paid for.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use ironsage_contract::S3Uri;
use md5::{Digest as _, Md5};
use tokio::task::JoinSet;

use crate::download::{IN_FLIGHT, PART, WHOLE, next};
use crate::failure::Doing;
use crate::runtime::{Runtime, StopOnDrop};
use crate::s3::readable;
use crate::{Client, ClientError, Made, Transfer};

/// S3 takes no more parts than this.
const MAX_PARTS: u64 = 10_000;
/// S3 takes no larger object.
const MAX_OBJECT: u64 = 5 << 40;

/// What is written.
#[derive(Clone)]
enum Content {
    Memory(Bytes),
    File {
        file: Arc<std::fs::File>,
        path: PathBuf,
        size: u64,
    },
}

impl Client {
    /// Writes an object from memory.
    pub fn put(&self, uri: &S3Uri, body: Bytes, content_type: &str, watch: &dyn Transfer) -> Result<(), ClientError> {
        if uri.key().is_empty() {
            return Err(ClientError::not_an_object(uri));
        }
        self.run(watch, self.write(uri, Content::Memory(body), content_type, watch))
    }

    /// Writes a file, unless the object is there with the same size and MD5.
    pub fn put_file(&self, path: &Path, uri: &S3Uri, watch: &dyn Transfer) -> Result<Made, ClientError> {
        if uri.key().is_empty() {
            return Err(ClientError::not_an_object(uri));
        }
        let failed = |source| ClientError::File {
            action: "reading",
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            let kind = std::io::ErrorKind::IsADirectory;
            return Err(failed(std::io::Error::new(kind, "it is not a file")));
        }
        let content = Content::File {
            file: Arc::new(file),
            path: path.to_owned(),
            size: about.len(),
        };
        self.run(watch, async {
            if let Some(object) = self.look_at(uri).await?
                && object.size == about.len()
                && let Some(etag) = &object.etag
                && content.clone().has_etag(etag).await?
            {
                watch.moved(about.len(), about.len());
                return Ok(Made::AlreadyThere);
            }
            self.write(uri, content, content_type_of(path), watch).await?;
            Ok(Made::Created)
        })
    }

    async fn write(
        &self,
        uri: &S3Uri,
        content: Content,
        content_type: &str,
        watch: &dyn Transfer,
    ) -> Result<(), ClientError> {
        let total = content.size();
        watch.moved(0, total);
        let written = if total <= WHOLE {
            self.write_whole(uri, content, content_type).await
        } else if total <= MAX_OBJECT {
            self.write_parts(uri, content, content_type, watch).await
        } else {
            Err(ClientError::TooLarge {
                uri: uri.to_string(),
                size: readable(total),
                limit: format!("S3 takes objects up to {}", readable(MAX_OBJECT)),
            })
        };
        match written {
            Ok(()) => {
                watch.moved(total, total);
                Ok(())
            }
            Err(error) => Err(self.enrich(error, uri).await),
        }
    }

    async fn write_whole(&self, uri: &S3Uri, content: Content, content_type: &str) -> Result<(), ClientError> {
        let size = content.size();
        let body = content.read(0, size).await?;
        let put = self
            .s3()
            .put_object()
            .bucket(uri.bucket())
            .key(uri.key())
            .content_type(content_type)
            .body(ByteStream::from(body));
        put.send()
            .await
            .map_err(|error| self.doing("writing", uri).failed(error))?;
        Ok(())
    }

    async fn write_parts(
        &self,
        uri: &S3Uri,
        content: Content,
        content_type: &str,
        watch: &dyn Transfer,
    ) -> Result<(), ClientError> {
        let doing = self.doing("writing", uri);
        let begun = self
            .s3()
            .create_multipart_upload()
            .bucket(uri.bucket())
            .key(uri.key())
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| doing.failed(error))?;
        let mut upload = Upload {
            s3: self.s3().clone(),
            bucket: uri.bucket().to_owned(),
            key: uri.key().to_owned(),
            id: begun.upload_id().unwrap_or("").to_owned(),
            doing,
            runtime: Arc::clone(&self.inner.runtime),
            under_way: true,
        };
        // When the whole call is dropped here, the parts' tasks end before `upload` takes it back.
        let sent = upload.send_parts(content, watch).await;
        match sent {
            Ok(parts) => upload.complete(parts).await,
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }
}

/// A multipart upload under way; taken back in the background when dropped so.
struct Upload {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    id: String,
    doing: Doing,
    runtime: Arc<Runtime>,
    under_way: bool,
}

impl Upload {
    async fn send_parts(&self, content: Content, watch: &dyn Transfer) -> Result<Vec<CompletedPart>, ClientError> {
        let total = content.size();
        let size = part_size(total);
        let count = total.div_ceil(size);
        let done = Arc::new(AtomicU64::new(0));
        let mut sent: Vec<CompletedPart> = Vec::with_capacity(count as usize);
        let mut parts = JoinSet::new();
        let mut index = 0;
        loop {
            while parts.len() < IN_FLIGHT && index < count {
                let (content, done) = (content.clone(), Arc::clone(&done));
                let (s3, doing) = (self.s3.clone(), self.doing.clone());
                let request = s3
                    .upload_part()
                    .bucket(&self.bucket)
                    .key(&self.key)
                    .upload_id(&self.id)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .part_number(index as i32 + 1);
                parts.spawn(async move {
                    let offset = index * size;
                    let length = size.min(total - offset);
                    let body = content.read(offset, length).await?;
                    let answer = request.body(ByteStream::from(body)).send().await;
                    let answer = answer.map_err(|error| doing.failed(error))?;
                    done.fetch_add(length, Ordering::Relaxed);
                    Ok(CompletedPart::builder()
                        .part_number(index as i32 + 1)
                        .set_e_tag(answer.e_tag().map(str::to_owned))
                        .set_checksum_crc32(answer.checksum_crc32().map(str::to_owned))
                        .build())
                });
                index += 1;
            }
            match next(&mut parts, &done, total, watch).await? {
                Some(part) => {
                    sent.push(part);
                    watch.moved(done.load(Ordering::Relaxed), total);
                }
                None => break,
            }
        }
        sent.sort_by_key(|part| part.part_number());
        Ok(sent)
    }

    async fn complete(mut self, parts: Vec<CompletedPart>) -> Result<(), ClientError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let completed = self
            .s3
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .multipart_upload(parts)
            .send()
            .await;
        match completed {
            Ok(_) => {
                self.under_way = false;
                Ok(())
            }
            Err(error) => {
                let error = self.doing.failed(error);
                self.abort().await;
                Err(error)
            }
        }
    }

    async fn abort(&mut self) {
        self.under_way = false;
        self.abort_request().await;
    }

    fn abort_request(&self) -> impl Future<Output = ()> + Send + 'static {
        let request = self
            .s3
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id);
        async move {
            if let Err(error) = request.send().await {
                tracing::warn!(
                    reason = crate::failure::reason(&error),
                    "a half-sent upload could not be taken back"
                );
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.under_way {
            self.runtime.clean_up(self.abort_request());
        }
    }
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::File { size, .. } => *size,
        }
    }

    async fn read(self, offset: u64, length: u64) -> Result<Bytes, ClientError> {
        match self {
            Content::Memory(bytes) => Ok(bytes.slice(offset as usize..(offset + length) as usize)),
            Content::File { file, path, .. } => {
                let read = tokio::task::spawn_blocking(move || {
                    let mut buffer = vec![0; length as usize];
                    file.read_exact_at(&mut buffer, offset)?;
                    Ok(Bytes::from(buffer))
                });
                let read = read.await.map_err(std::io::Error::other).flatten();
                read.map_err(|source| ClientError::File {
                    action: "reading",
                    path,
                    source,
                })
            }
        }
    }

    /// Whether the content would get this ETag: an MD5, or a multipart one of our part size.
    async fn has_etag(self, etag: &str) -> Result<bool, ClientError> {
        let part = match etag.split_once('-') {
            None => u64::MAX,
            Some((_, count)) => {
                let size = part_size(self.size());
                if self.size() <= WHOLE || count.parse() != Ok(self.size().div_ceil(size)) {
                    return Ok(false);
                }
                size
            }
        };
        let Content::File { file, path, size } = self else {
            return Ok(false);
        };
        let stop = StopOnDrop::default();
        let stopped = stop.flag();
        let hashed = tokio::task::spawn_blocking(move || etag_of(&file, size, part, &stopped)).await;
        let hashed = hashed.map_err(std::io::Error::other).flatten();
        match hashed {
            Ok(ours) => Ok(ours == etag),
            Err(source) => Err(ClientError::File {
                action: "reading",
                path,
                source,
            }),
        }
    }
}

/// The ETag of a file: the MD5 of the whole, or of its parts' MD5s and `-` and their number.
fn etag_of(file: &std::fs::File, size: u64, part: u64, stopped: &AtomicBool) -> std::io::Result<String> {
    let mut buffer = vec![0; (1 << 20).min(size as usize)];
    let mut digests = Vec::new();
    let mut hasher = Md5::new();
    let (mut offset, mut in_part) = (0, 0);
    while offset < size {
        if stopped.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("stopped"));
        }
        let length = (buffer.len() as u64).min(size - offset).min(part - in_part) as usize;
        file.read_exact_at(&mut buffer[..length], offset)?;
        hasher.update(&buffer[..length]);
        offset += length as u64;
        in_part += length as u64;
        if in_part == part {
            digests.push(std::mem::take(&mut hasher).finalize());
            in_part = 0;
        }
    }
    if part == u64::MAX {
        return Ok(hex::encode(hasher.finalize()));
    }
    if in_part > 0 {
        digests.push(hasher.finalize());
    }
    let mut all = Md5::new();
    for digest in &digests {
        all.update(digest);
    }
    Ok(format!("{}-{}", hex::encode(all.finalize()), digests.len()))
}

/// 8 MiB, or as many whole MiB as keep the number of parts within S3's limit.
fn part_size(total: u64) -> u64 {
    let needed = total.div_ceil(MAX_PARTS).div_ceil(1 << 20) << 20;
    needed.max(PART)
}

/// What kind of file this is, by its name.
fn content_type_of(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    match extension.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "txt" | "md" => "text/plain",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/jsonlines",
        "parquet" => "application/vnd.apache.parquet",
        "arrow" | "ipc" | "feather" => "application/vnd.apache.arrow.file",
        "pbr" => "application/x-recordio-protobuf",
        "gz" | "tgz" => "application/gzip",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "html" | "htm" => "text/html",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::*;

    #[test]
    fn parts_stay_within_the_limit_of_s3() {
        for total in [WHOLE + 1, 80 << 30, 100 << 30, MAX_OBJECT] {
            let size = part_size(total);
            assert!(size >= PART && size.is_multiple_of(1 << 20));
            assert!(total.div_ceil(size) <= MAX_PARTS, "{total}");
        }
        assert_eq!(part_size(100 << 20), PART);
    }

    /// Golden values from Python: `hashlib.md5(b"abcdefgh").hexdigest()`, and the MD5 of the
    /// concatenated MD5s of "abc", "def", "gh".
    #[test]
    fn etags_are_those_of_s3() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdefgh").unwrap();
        let stopped = AtomicBool::new(false);
        assert_eq!(
            etag_of(&file, 8, u64::MAX, &stopped).unwrap(),
            "e8dc4081b13434b45189a720b77b6818"
        );
        assert_eq!(
            etag_of(&file, 8, 3, &stopped).unwrap(),
            "aeeee0d2676cb87233c9a93915c7631a-3"
        );
    }

    #[test]
    fn hashing_stops_when_told() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert!(etag_of(&file, 1 << 20, u64::MAX, &AtomicBool::new(true)).is_err());
    }

    #[test]
    fn types_by_name() {
        assert_eq!(content_type_of(Path::new("a/b.CSV")), "text/csv");
        assert_eq!(content_type_of(Path::new("model.tar.gz")), "application/gzip");
        assert_eq!(content_type_of(Path::new("README")), "application/octet-stream");
    }
}
