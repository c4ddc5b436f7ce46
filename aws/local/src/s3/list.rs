//! Lists, read from the ordered index: a page costs what it shows, however large the bucket.
//! A common prefix is seen once and then jumped over.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::errors::{check_owner, no_such_bucket, store_error};
use super::{Service, owner, timestamp};
use crate::store::index::Walk;
use crate::store::rows::{ObjectRow, decode};
use crate::store::{Store, StoreError};

/// What one page shows at most.
const PAGE: usize = 1000;

/// What a page is asked for.
#[derive(Clone, Debug, Default)]
struct Query {
    bucket: String,
    prefix: String,
    delimiter: String,
    /// Only what comes after this.
    after: String,
    limit: usize,
}

/// A page.
#[derive(Default)]
struct Page {
    objects: Vec<(String, ObjectRow)>,
    prefixes: Vec<String>,
    /// The last object or prefix of a page that others follow.
    last: Option<String>,
}

/// The first key after all keys that start with this one.
fn after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    // No UTF-8 text has the byte 0xFF, so the last byte can always be raised.
    let last = bytes.last_mut()?;
    *last = last.checked_add(1)?;
    Some(bytes)
}

fn page(store: &Store, query: &Query) -> Result<Option<Page>, StoreError> {
    store.index.read(|rx| {
        if rx.bucket(&query.bucket)?.is_none() {
            return Ok(None);
        }
        let mut page = Page::default();
        if query.limit == 0 {
            return Ok(Some(page));
        }
        let mut from = query.prefix.as_bytes().to_vec();
        if query.after.as_bytes() >= from.as_slice() {
            // The smallest key after `after` is `after` with a NUL behind it; a common prefix
            // that was shown already is jumped over as a whole.
            from = [query.after.as_bytes(), &[0]].concat();
            if !query.delimiter.is_empty()
                && let Some(rest) = query.after.strip_prefix(&query.prefix)
                && let Some(at) = rest.find(&query.delimiter)
            {
                let shown = &query.after[..query.prefix.len() + at + query.delimiter.len()];
                if let Some(next) = after_prefix(shown) {
                    from = next;
                }
            }
        }
        let mut shown: Option<String> = None;
        let mut more = false;
        rx.walk(&query.bucket, &from, |key, row| {
            let Ok(key) = std::str::from_utf8(key) else {
                return Ok(Walk::Next);
            };
            let Some(rest) = key.strip_prefix(query.prefix.as_str()) else {
                return Ok(Walk::Stop);
            };
            if page.objects.len() + page.prefixes.len() == query.limit {
                more = true;
                return Ok(Walk::Stop);
            }
            if !query.delimiter.is_empty()
                && let Some(at) = rest.find(&query.delimiter)
            {
                let prefix = &key[..query.prefix.len() + at + query.delimiter.len()];
                page.prefixes.push(prefix.to_owned());
                shown = Some(prefix.to_owned());
                return Ok(after_prefix(prefix).map_or(Walk::Stop, Walk::Seek));
            }
            page.objects.push((key.to_owned(), decode(key, row)?));
            shown = Some(key.to_owned());
            Ok(Walk::Next)
        })?;
        page.last = if more { shown } else { None };
        Ok(Some(page))
    })
}

/// Percent-encodes as S3 does for `encoding-type=url`: all but letters, digits, `-_.~*/`.
fn url(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~*/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Writes names as the client asked for.
struct Names {
    url: bool,
}

impl Names {
    fn new(encoding: Option<&EncodingType>) -> S3Result<Names> {
        match encoding.map(EncodingType::as_str) {
            None | Some("") => Ok(Names { url: false }),
            Some("url") => Ok(Names { url: true }),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    fn write(&self, name: &str) -> String {
        if self.url { url(name) } else { name.to_owned() }
    }

    fn encoding(&self) -> Option<EncodingType> {
        self.url.then(|| EncodingType::from_static(EncodingType::URL))
    }
}

fn limit(asked: Option<i32>) -> S3Result<usize> {
    match usize::try_from(asked.unwrap_or(PAGE as i32)) {
        Ok(limit) => Ok(limit.min(PAGE)),
        Err(_) => Err(s3_error!(
            InvalidArgument,
            "Argument maxKeys must be an integer between 0 and 2147483647"
        )),
    }
}

impl Service {
    async fn page(&self, query: Query) -> S3Result<Page> {
        let (store, bucket) = (self.store.clone(), query.bucket.clone());
        super::receive::blocking(move || page(&store, &query))
            .await?
            .ok_or_else(|| no_such_bucket(&bucket))
    }

    fn show(&self, names: &Names, objects: Vec<(String, ObjectRow)>, with_owner: bool) -> Vec<Object> {
        objects
            .into_iter()
            .map(|(key, row)| {
                let algorithms: Vec<ChecksumAlgorithm> = row
                    .sums
                    .algorithms()
                    .into_iter()
                    .map(ChecksumAlgorithm::from_static)
                    .collect();
                Object {
                    key: Some(names.write(&key)),
                    size: i64::try_from(row.size).ok(),
                    last_modified: Some(timestamp(row.modified)),
                    checksum_type: super::objects::sum_type(&row),
                    checksum_algorithm: (!algorithms.is_empty()).then_some(algorithms),
                    e_tag: Some(ETag::Strong(row.etag)),
                    owner: with_owner.then(|| owner(&self.account)),
                    restore_status: None,
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                }
            })
            .collect()
    }

    pub(super) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let names = Names::new(input.encoding_type.as_ref())?;
        let limit = limit(input.max_keys)?;
        let query = Query {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: input.marker.clone().unwrap_or_default(),
            limit,
        };
        let page = self.page(query).await?;
        // S3 gives the marker only with a delimiter; without one the last key is it.
        let has_delimiter = input.delimiter.as_ref().is_some_and(|delimiter| !delimiter.is_empty());
        let next_marker = page.last.as_deref().filter(|_| has_delimiter);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(names.write(input.prefix.as_deref().unwrap_or_default())),
            marker: Some(names.write(input.marker.as_deref().unwrap_or_default())),
            max_keys: i32::try_from(limit).ok(),
            is_truncated: Some(page.last.is_some()),
            next_marker: next_marker.map(|marker| names.write(marker)),
            delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
            encoding_type: names.encoding(),
            common_prefixes: common_prefixes(&names, page.prefixes),
            contents: Some(self.show(&names, page.objects, true)),
            request_charged: None,
        }))
    }

    pub(super) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let names = Names::new(input.encoding_type.as_ref())?;
        let limit = limit(input.max_keys)?;
        let after = match &input.continuation_token {
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let query = Query {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after,
            limit,
        };
        let page = self.page(query).await?;
        let count = page.objects.len() + page.prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(names.write(input.prefix.as_deref().unwrap_or_default())),
            max_keys: i32::try_from(limit).ok(),
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.last.is_some()),
            next_continuation_token: page.last.map(|last| URL_SAFE_NO_PAD.encode(last)),
            delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
            encoding_type: names.encoding(),
            start_after: input.start_after.map(|after| names.write(&after)),
            common_prefixes: common_prefixes(&names, page.prefixes),
            contents: Some(self.show(&names, page.objects, input.fetch_owner == Some(true))),
            request_charged: None,
        }))
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        self.need_bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let names = Names::new(input.encoding_type.as_ref())?;
        let limit = usize::try_from(input.max_uploads.unwrap_or(PAGE as i32))
            .unwrap_or(PAGE)
            .min(PAGE);
        if input
            .delimiter
            .as_deref()
            .is_some_and(|delimiter| !delimiter.is_empty())
        {
            return Err(super::errors::unsupported("a delimiter in the list of uploads"));
        }
        let prefix = input.prefix.clone().unwrap_or_default();
        let (key_marker, id_marker) = (
            input.key_marker.clone().unwrap_or_default(),
            input.upload_id_marker.clone().unwrap_or_default(),
        );
        let mut uploads = Vec::new();
        for (id, row) in self.store.index.read(|rx| rx.uploads()).map_err(store_error)? {
            let row: crate::store::rows::UploadRow = decode(&id, &row).map_err(store_error)?;
            let after = match row.key.as_str().cmp(key_marker.as_str()) {
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => !id_marker.is_empty() && id > id_marker,
                std::cmp::Ordering::Less => false,
            };
            if row.bucket == input.bucket && row.key.starts_with(&prefix) && after {
                uploads.push((row.key, id, row.initiated));
            }
        }
        uploads.sort();
        let more = uploads.len() > limit;
        uploads.truncate(limit);
        let last = uploads.last().filter(|_| more).cloned();
        let uploads = uploads
            .into_iter()
            .map(|(key, id, initiated)| MultipartUpload {
                key: Some(names.write(&key)),
                upload_id: Some(id),
                initiated: Some(timestamp(initiated)),
                owner: Some(owner(&self.account)),
                storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                ..Default::default()
            })
            .collect();
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.map(|prefix| names.write(&prefix)),
            key_marker: input.key_marker.map(|marker| names.write(&marker)),
            upload_id_marker: input.upload_id_marker,
            is_truncated: Some(more),
            max_uploads: i32::try_from(limit).ok(),
            next_key_marker: last.as_ref().map(|(key, ..)| names.write(key)),
            next_upload_id_marker: last.map(|(_, id, _)| id),
            encoding_type: names.encoding(),
            uploads: Some(uploads),
            ..Default::default()
        }))
    }
}

fn common_prefixes(names: &Names, prefixes: Vec<String>) -> Option<Vec<CommonPrefix>> {
    let prefixes: Vec<CommonPrefix> = prefixes
        .iter()
        .map(|prefix| CommonPrefix {
            prefix: Some(names.write(prefix)),
        })
        .collect();
    (!prefixes.is_empty()).then_some(prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_clients_decode_them() {
        assert_eq!(url("a/b c+d%é\n*"), "a/b%20c%2Bd%25%C3%A9%0A*");
    }

    #[test]
    fn the_key_after_a_prefix() {
        assert_eq!(after_prefix("a/").as_deref(), Some(b"a0".as_slice()));
        assert_eq!(after_prefix(""), None);
        assert!(after_prefix("é").is_some_and(|next| next > "é\u{10FFFF}".as_bytes().to_vec()));
    }
}
