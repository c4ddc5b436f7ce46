//! Buckets and objects: make, list, look at, copy, delete. Reading and writing bodies is in
//! [`crate::download`] and [`crate::upload`].

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier};
use ironsage_contract::S3Uri;

use crate::failure::Target;
use crate::nearest::nearest;
use crate::{Client, ClientError, Made, Transfer};

/// DeleteObjects takes no more at once.
const DELETE_BATCH: usize = 1000;
/// CopyObject takes no more at once.
const COPY_LIMIT: u64 = 5 << 30;
/// How long an error may wait for a better hint.
const HINT_PATIENCE: Duration = Duration::from_secs(2);

/// An object as a listing or a HEAD shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// Its ETag without quotes: the MD5 of the body, or of the parts' MD5s and `-` and their number.
    pub etag: Option<String>,
}

/// One folder of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders below, as whole prefixes that end in `/`.
    pub folders: Vec<String>,
    /// The objects right here.
    pub objects: Vec<Object>,
}

impl Client {
    /// Makes a bucket in the place's region; one that is already ours is no error.
    pub fn create_bucket(&self, name: &str) -> Result<Made, ClientError> {
        self.create_bucket_watched(name, &())
    }

    /// [`Client::create_bucket`], stoppable.
    pub fn create_bucket_watched(&self, name: &str, watch: &dyn Transfer) -> Result<Made, ClientError> {
        self.run(watch, async {
            // In us-east-1 making one's own bucket again answers 200, so the list must tell.
            // Who may not list may still make: the create decides then.
            if let Ok(buckets) = self.bucket_names().await
                && buckets.iter().any(|bucket| bucket == name)
            {
                return Ok(Made::AlreadyThere);
            }
            let region = self.place().region.as_str();
            let configuration = (region != "us-east-1").then(|| {
                CreateBucketConfiguration::builder()
                    .location_constraint(BucketLocationConstraint::from(region))
                    .build()
            });
            let made = self
                .s3()
                .create_bucket()
                .bucket(name)
                .set_create_bucket_configuration(configuration)
                .send()
                .await;
            match made {
                Ok(_) => Ok(Made::Created),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_bucket_already_owned_by_you()) =>
                {
                    Ok(Made::AlreadyThere)
                }
                Err(error) => Err(self.doing("making", bucket(name)).failed(error)),
            }
        })
    }

    /// Deletes an empty bucket. `false` when there was none.
    pub fn delete_bucket(&self, name: &str, watch: &dyn Transfer) -> Result<bool, ClientError> {
        self.run(watch, async {
            let deleted = self.s3().delete_bucket().bucket(name).send().await;
            match deleted.map_err(|error| self.doing("deleting", bucket(name)).failed(error)) {
                Ok(_) => Ok(true),
                Err(ClientError::NoSuchBucket { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// All bucket names, sorted.
    pub fn buckets(&self) -> Result<Vec<String>, ClientError> {
        self.buckets_watched(&())
    }

    /// [`Client::buckets`], stoppable.
    pub fn buckets_watched(&self, watch: &dyn Transfer) -> Result<Vec<String>, ClientError> {
        self.run(watch, self.bucket_names())
    }

    /// All objects whose key starts with the address's key, all pages, in key order.
    pub fn list(&self, uri: &S3Uri) -> Result<Vec<Object>, ClientError> {
        self.list_watched(uri, &())
    }

    /// [`Client::list`], stoppable. `moved` is told the number of objects so far, of 0.
    pub fn list_watched(&self, uri: &S3Uri, watch: &dyn Transfer) -> Result<Vec<Object>, ClientError> {
        self.run(watch, async { Ok(self.pages(uri, None, watch).await?.objects) })
    }

    /// One folder: what lies right below the address's key, as a file manager shows it.
    pub fn list_folder(&self, uri: &S3Uri, watch: &dyn Transfer) -> Result<Listing, ClientError> {
        self.run(watch, self.pages(uri, Some("/"), watch))
    }

    /// An object without its body. `None` when the object or its bucket isn't there.
    pub fn head(&self, uri: &S3Uri) -> Result<Option<Object>, ClientError> {
        self.head_watched(uri, &())
    }

    /// [`Client::head`], stoppable.
    pub fn head_watched(&self, uri: &S3Uri, watch: &dyn Transfer) -> Result<Option<Object>, ClientError> {
        self.run(watch, self.look_at(uri))
    }

    /// Deletes objects, up to a thousand a request. Gives the number of those that the
    /// service says are gone; those that weren't there count as gone. `moved` is told the number
    /// of objects. Stopped, it leaves those that no request named yet.
    pub fn delete(&self, uris: &[S3Uri], watch: &dyn Transfer) -> Result<usize, ClientError> {
        let total = uris.len() as u64;
        let mut by_bucket: BTreeMap<&str, Vec<&S3Uri>> = BTreeMap::new();
        for uri in uris {
            if uri.is_prefix() && uri.key().is_empty() {
                return Err(ClientError::not_an_object(uri));
            }
            by_bucket.entry(uri.bucket()).or_default().push(uri);
        }
        self.run(watch, async {
            let mut gone = 0;
            watch.moved(0, total);
            for uris in by_bucket.values() {
                for batch in uris.chunks(DELETE_BATCH) {
                    gone += self.delete_batch(batch).await?;
                    watch.moved(gone as u64, total);
                }
            }
            Ok(gone)
        })
    }

    /// Copies an object within this place; the body doesn't pass through this machine.
    pub fn copy(&self, from: &S3Uri, to: &S3Uri, watch: &dyn Transfer) -> Result<(), ClientError> {
        self.run(watch, async {
            let Some(object) = self.look_at(from).await? else {
                return Err(self.missing_object(from).await);
            };
            if object.size > COPY_LIMIT {
                return Err(ClientError::TooLarge {
                    uri: from.to_string(),
                    size: readable(object.size),
                    limit: format!("S3 copies up to {} in place", readable(COPY_LIMIT)),
                });
            }
            watch.moved(0, object.size);
            let source = format!("{}/{}", from.bucket(), escape(from.key()));
            let copied = self
                .s3()
                .copy_object()
                .copy_source(source)
                .bucket(to.bucket())
                .key(to.key())
                .send()
                .await;
            match copied {
                Ok(_) => {
                    watch.moved(object.size, object.size);
                    Ok(())
                }
                Err(error) => Err(self.enrich(self.doing("writing", to).failed(error), to).await),
            }
        })
    }

    pub(crate) async fn look_at(&self, uri: &S3Uri) -> Result<Option<Object>, ClientError> {
        if uri.key().is_empty() {
            return Err(ClientError::not_an_object(uri));
        }
        let head = self.s3().head_object().bucket(uri.bucket()).key(uri.key()).send().await;
        match head {
            Ok(head) => Ok(Some(Object {
                key: uri.key().to_owned(),
                size: head.content_length().unwrap_or(0).unsigned_abs(),
                modified: head.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
                etag: head.e_tag().map(unquoted),
            })),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => Err(self.doing("reading", uri).failed(error)),
        }
    }

    async fn bucket_names(&self) -> Result<Vec<String>, ClientError> {
        let mut names = Vec::new();
        let mut pages = self.s3().list_buckets().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.doing("reading", Target::All("the list of buckets")).failed(error))?;
            names.extend(
                page.buckets()
                    .iter()
                    .filter_map(|bucket| bucket.name().map(str::to_owned)),
            );
        }
        names.sort();
        Ok(names)
    }

    async fn pages(&self, uri: &S3Uri, delimiter: Option<&str>, watch: &dyn Transfer) -> Result<Listing, ClientError> {
        let mut listing = Listing::default();
        let mut pages = self
            .s3()
            .list_objects_v2()
            .bucket(uri.bucket())
            .prefix(uri.key())
            .set_delimiter(delimiter.map(str::to_owned))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    return Err(self.enrich(self.doing("listing", uri).failed(error), uri).await);
                }
            };
            listing.folders.extend(
                page.common_prefixes()
                    .iter()
                    .filter_map(|folder| folder.prefix().map(str::to_owned)),
            );
            listing.objects.extend(page.contents().iter().filter_map(|object| {
                Some(Object {
                    key: object.key()?.to_owned(),
                    size: object.size().unwrap_or(0).unsigned_abs(),
                    modified: object.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
                    etag: object.e_tag().map(unquoted),
                })
            }));
            watch.moved(listing.objects.len() as u64, 0);
        }
        Ok(listing)
    }

    async fn delete_batch(&self, batch: &[&S3Uri]) -> Result<usize, ClientError> {
        let Some(first) = batch.first() else { return Ok(0) };
        let doing = || self.doing("deleting", *first);
        let mut delete = Delete::builder().quiet(false);
        for uri in batch {
            let identifier = ObjectIdentifier::builder().key(uri.key()).build();
            delete = delete.objects(identifier.map_err(|error| doing().failed_to_build(&error))?);
        }
        let answer = self
            .s3()
            .delete_objects()
            .bucket(first.bucket())
            .delete(delete.build().map_err(|error| doing().failed_to_build(&error))?)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.enrich(doing().failed(error), first).await),
        };
        if let Some(refused) = answer.errors().first() {
            let uri = first.with_key(refused.key().unwrap_or(first.key()));
            return Err(self
                .doing("deleting", &uri)
                .refused_with(refused.code().unwrap_or(""), refused.message().unwrap_or("")));
        }
        Ok(answer.deleted().len())
    }

    /// The error for an object that a HEAD didn't find: which of bucket and key is missing,
    /// and what is there instead.
    pub(crate) async fn missing_object(&self, uri: &S3Uri) -> ClientError {
        let bucket_there = self.s3().head_bucket().bucket(uri.bucket()).send().await;
        let place = self.place().title();
        let error = match bucket_there {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {
                ClientError::NoSuchBucket {
                    bucket: uri.bucket().to_owned(),
                    place,
                    near: Vec::new(),
                }
            }
            _ => ClientError::NoSuchKey {
                uri: uri.to_string(),
                place,
                near: Vec::new(),
            },
        };
        self.enrich(error, uri).await
    }

    /// Adds the names near to a missing one, if they can be had quickly.
    pub(crate) async fn enrich(&self, error: ClientError, uri: &S3Uri) -> ClientError {
        let looked_up = tokio::time::timeout(HINT_PATIENCE, async {
            match &error {
                ClientError::NoSuchBucket { .. } => self.near_buckets(uri).await,
                ClientError::NoSuchKey { .. } => self.near_keys(uri).await,
                _ => Vec::new(),
            }
        });
        let found = looked_up.await.unwrap_or_default();
        match error {
            ClientError::NoSuchBucket { bucket, place, .. } => ClientError::NoSuchBucket {
                bucket,
                place,
                near: found,
            },
            ClientError::NoSuchKey { uri, place, .. } => ClientError::NoSuchKey {
                uri,
                place,
                near: found,
            },
            other => other,
        }
    }

    async fn near_buckets(&self, uri: &S3Uri) -> Vec<String> {
        let buckets = self.bucket_names().await.unwrap_or_default();
        nearest(uri.bucket(), buckets.iter().map(String::as_str))
    }

    /// Objects with a similar name: in the same folder first, else of the same name anywhere.
    async fn near_keys(&self, uri: &S3Uri) -> Vec<String> {
        let folder = &uri.key()[..uri.key().rfind('/').map_or(0, |slash| slash + 1)];
        let mut near = self.near_below(uri, folder, Some("/")).await;
        if near.is_empty() {
            near = self.near_below(uri, "", None).await;
        }
        near.iter().map(|key| uri.with_key(key).to_string()).collect()
    }

    async fn near_below(&self, uri: &S3Uri, prefix: &str, delimiter: Option<&str>) -> Vec<String> {
        let page = self
            .s3()
            .list_objects_v2()
            .bucket(uri.bucket())
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .send()
            .await;
        let Ok(page) = page else { return Vec::new() };
        let keys: Vec<&str> = page.contents().iter().filter_map(|object| object.key()).collect();
        if delimiter.is_some() {
            let name = uri.file_name();
            let near = nearest(name, keys.iter().map(|key| &key[prefix.len()..]));
            return near.iter().map(|name| format!("{prefix}{name}")).collect();
        }
        let same_name = keys
            .iter()
            .filter(|key| key.rsplit('/').next() == Some(uri.file_name()));
        let mut found: Vec<String> = same_name.take(3).map(|key| (*key).to_owned()).collect();
        if found.is_empty() {
            found = nearest(uri.key(), keys.iter().copied());
        }
        found
    }
}

fn bucket(name: &str) -> Target {
    Target::Bucket(name.to_owned())
}

/// An ETag without its quotes.
pub(crate) fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// Percent-encodes a key for the copy-source header; slashes stay.
fn escape(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// 1536 is "1.5 KiB".
pub(crate) fn readable(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{size:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, readable};

    #[test]
    fn keys_are_escaped_for_the_header() {
        assert_eq!(escape("raw/a b+ü.csv"), "raw/a%20b%2B%C3%BC.csv");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(readable(12), "12 B");
        assert_eq!(readable(1536), "1.5 KiB");
        assert_eq!(readable(5 << 30), "5.0 GiB");
    }
}
