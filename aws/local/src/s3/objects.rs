//! Objects: put, get, head, delete.

use std::collections::{BTreeMap, HashMap};

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::conditions::{ReadIf, check_read, check_write};
use super::errors::{
    Refusal, check_owner, custom, no_such_bucket, refuse, refuse_acl, refuse_class, refuse_version, store_error,
};
use super::read::{hold, range_of};
use super::receive::receive;
use super::sums::Promise;
use super::{Service, timestamp};
use crate::store::rows::{Headers, ObjectRow, Sums, now_ms};

/// What S3 allows for all `x-amz-meta-…` names and values together.
const MAX_METADATA: usize = 2048;
/// What S3 says where the client said nothing.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// The headers that are kept with an object.
pub(super) struct Kept {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_disposition: Option<String>,
    pub content_language: Option<String>,
    pub cache_control: Option<String>,
    pub expires: Option<Timestamp>,
    pub metadata: Option<HashMap<String, String>>,
}

impl Kept {
    /// Checked, as a row keeps them.
    pub(super) fn headers(self) -> S3Result<Headers> {
        let metadata: BTreeMap<String, String> = self.metadata.unwrap_or_default().into_iter().collect();
        if metadata
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            > MAX_METADATA
        {
            return Err(s3_error!(
                MetadataTooLarge,
                "Your metadata headers exceed the maximum allowed metadata size"
            ));
        }
        // `aws-chunked` is S3's framing of this one request and no property of the object.
        let content_encoding = self.content_encoding.map(|value| {
            let kept: Vec<&str> = value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.eq_ignore_ascii_case("aws-chunked"))
                .collect();
            kept.join(",")
        });
        let expires = self.expires.and_then(|time| {
            let mut text = Vec::new();
            time.format(TimestampFormat::EpochSeconds, &mut text).ok()?;
            String::from_utf8(text)
                .ok()?
                .split('.')
                .next()?
                .parse::<i64>()
                .ok()?
                .checked_mul(1000)
        });
        Ok(Headers {
            content_type: self.content_type.filter(|value| !value.is_empty()),
            content_encoding: content_encoding.filter(|value| !value.is_empty()),
            content_disposition: self.content_disposition,
            content_language: self.content_language,
            cache_control: self.cache_control,
            expires,
            metadata,
        })
    }
}

/// The answer's checksum type, where there is a checksum.
pub(super) fn sum_type(row: &ObjectRow) -> Option<ChecksumType> {
    let kind = if row.composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    };
    (!row.sums.is_empty()).then(|| ChecksumType::from_static(kind))
}

impl Service {
    pub(super) async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        refuse(&[
            (
                input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some(),
                "encryption with customer keys",
            ),
            (
                input.server_side_encryption.is_some() || input.ssekms_key_id.is_some(),
                "server-side encryption",
            ),
            (
                input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some(),
                "object lock",
            ),
            (input.object_lock_retain_until_date.is_some(), "object lock"),
            (
                input.tagging.as_deref().is_some_and(|tags| !tags.is_empty()),
                "object tags",
            ),
            (input.website_redirect_location.is_some(), "website redirects"),
            (input.write_offset_bytes.is_some(), "appending to objects"),
            (
                input.grant_full_control.is_some() || input.grant_read.is_some(),
                "grants",
            ),
            (
                input.grant_read_acp.is_some() || input.grant_write_acp.is_some(),
                "grants",
            ),
        ])?;
        refuse_acl(input.acl.as_ref().map(ObjectCannedACL::as_str))?;
        refuse_class(input.storage_class.as_ref().map(StorageClass::as_str))?;
        // Before the body, so that nobody sends gigabytes to a bucket that is not there.
        self.need_bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let headers = Kept {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: input.expires,
            metadata: input.metadata,
        }
        .headers()?;
        let sums = Sums {
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
        };
        let algorithm = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let promise = Promise::new(
            input.content_length,
            input.content_md5,
            sums,
            algorithm,
            &request.headers,
        )?;
        let received = receive(
            &self.store.contents,
            input.body,
            &promise,
            request.trailing_headers.as_ref(),
        )
        .await?;
        let (bucket, key) = (input.bucket, input.key);
        let (matches, none_match) = (input.if_match, input.if_none_match);
        let row = self
            .store
            .index
            .write(move |tx| -> Result<ObjectRow, Refusal> {
                if !tx.has_bucket(&bucket)? {
                    return Err(no_such_bucket(&bucket).into());
                }
                check_write(
                    tx.object(&bucket, &key)?.as_ref(),
                    matches.as_ref(),
                    none_match.as_ref(),
                )?;
                let (size, etag, sums) = (received.size, received.etag.clone(), received.sums.clone());
                let pieces = vec![received.store(tx)?];
                let row = ObjectRow {
                    size,
                    etag,
                    modified: now_ms(),
                    pieces,
                    sums,
                    composite: false,
                    headers,
                    upload: None,
                };
                tx.put_object(&bucket, &key, &row)?;
                Ok(row)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(PutObjectOutput {
            checksum_type: sum_type(&row),
            e_tag: Some(ETag::Strong(row.etag)),
            checksum_crc32: row.sums.crc32,
            checksum_crc32c: row.sums.crc32c,
            checksum_crc64nvme: row.sums.crc64nvme,
            checksum_sha1: row.sums.sha1,
            checksum_sha256: row.sums.sha256,
            ..Default::default()
        }))
    }

    pub(super) async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        refuse(&[(input.sse_customer_key.is_some(), "encryption with customer keys")])?;
        refuse_version(input.version_id.as_deref())?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let held = hold(&self.store, &input.bucket, &input.key)?;
        let conditions = ReadIf {
            matches: input.if_match.as_ref(),
            none_match: input.if_none_match.as_ref(),
            modified: input.if_modified_since.as_ref(),
            unmodified: input.if_unmodified_since.as_ref(),
        };
        check_read(&held.row, &conditions, false)?;
        let (range, parts_count) = part_or_range(&held.row, input.part_number, input.range)?;
        let row = held.row.clone();
        let whole = 0..row.size;
        let content_range = range
            .as_ref()
            .map(|range| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), row.size));
        let served = range.clone().unwrap_or(whole);
        let sums = answered_sums(&row, input.checksum_mode.as_ref(), range.is_none());
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(served.end - served.start).ok(),
            content_range: content_range.clone(),
            e_tag: Some(ETag::Strong(row.etag.clone())),
            last_modified: Some(timestamp(row.modified)),
            content_type: Some(
                row.headers
                    .content_type
                    .clone()
                    .unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
            ),
            content_encoding: row.headers.content_encoding.clone(),
            content_disposition: row.headers.content_disposition.clone(),
            content_language: row.headers.content_language.clone(),
            cache_control: row.headers.cache_control.clone(),
            expires: row.headers.expires.map(timestamp),
            metadata: metadata(&row),
            parts_count,
            checksum_type: sums.as_ref().and_then(|_| sum_type(&row)),
            ..Default::default()
        };
        if let Some(sums) = sums {
            output.checksum_crc32 = sums.crc32;
            output.checksum_crc32c = sums.crc32c;
            output.checksum_crc64nvme = sums.crc64nvme;
            output.checksum_sha1 = sums.sha1;
            output.checksum_sha256 = sums.sha256;
        }
        output.body = Some(held.stream(&self.store.contents, served));
        Ok(match content_range {
            Some(_) => S3Response::with_status(output, http::StatusCode::PARTIAL_CONTENT),
            None => S3Response::new(output),
        })
    }

    pub(super) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        refuse(&[(input.sse_customer_key.is_some(), "encryption with customer keys")])?;
        refuse_version(input.version_id.as_deref())?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let row = &self.object_row(&input.bucket, &input.key)?;
        let conditions = ReadIf {
            matches: input.if_match.as_ref(),
            none_match: input.if_none_match.as_ref(),
            modified: input.if_modified_since.as_ref(),
            unmodified: input.if_unmodified_since.as_ref(),
        };
        check_read(row, &conditions, false)?;
        let (range, parts_count) = part_or_range(row, input.part_number, input.range)?;
        let served = range.clone().unwrap_or(0..row.size);
        let sums = answered_sums(row, input.checksum_mode.as_ref(), range.is_none());
        let mut output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(served.end - served.start).ok(),
            content_range: range
                .as_ref()
                .map(|range| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), row.size)),
            e_tag: Some(ETag::Strong(row.etag.clone())),
            last_modified: Some(timestamp(row.modified)),
            content_type: Some(
                row.headers
                    .content_type
                    .clone()
                    .unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
            ),
            content_encoding: row.headers.content_encoding.clone(),
            content_disposition: row.headers.content_disposition.clone(),
            content_language: row.headers.content_language.clone(),
            cache_control: row.headers.cache_control.clone(),
            expires: row.headers.expires.map(timestamp),
            metadata: metadata(row),
            parts_count,
            checksum_type: sums.as_ref().and_then(|_| sum_type(row)),
            ..Default::default()
        };
        if let Some(sums) = sums {
            output.checksum_crc32 = sums.crc32;
            output.checksum_crc32c = sums.crc32c;
            output.checksum_crc64nvme = sums.crc64nvme;
            output.checksum_sha1 = sums.sha1;
            output.checksum_sha256 = sums.sha256;
        }
        Ok(match range {
            Some(_) => S3Response::with_status(output, http::StatusCode::PARTIAL_CONTENT),
            None => S3Response::new(output),
        })
    }

    pub(super) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        refuse(&[
            (
                input.if_match_last_modified_time.is_some() || input.if_match_size.is_some(),
                "deletes by time or size",
            ),
            (input.mfa.is_some(), "MFA delete"),
        ])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let (bucket, key, matches) = (input.bucket, input.key, input.if_match);
        self.store
            .index
            .write(move |tx| -> Result<(), Refusal> {
                if !tx.has_bucket(&bucket)? {
                    return Err(no_such_bucket(&bucket).into());
                }
                if matches.is_some() {
                    check_write(tx.object(&bucket, &key)?.as_ref(), matches.as_ref(), None)?;
                }
                tx.remove_object(&bucket, &key)?;
                Ok(())
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        refuse(&[(input.mfa.is_some(), "MFA delete")])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let quiet = input.delete.quiet == Some(true);
        let objects = input.delete.objects;
        if objects.len() > 1000 || objects.is_empty() {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema: 1 to 1000 objects"
            ));
        }
        for object in &objects {
            refuse_version(object.version_id.as_deref())?;
            refuse(&[(
                object.last_modified_time.is_some() || object.size.is_some(),
                "deletes by time or size",
            )])?;
        }
        let bucket = input.bucket;
        let (deleted, errors) = self
            .store
            .index
            .write(move |tx| -> Result<(Vec<DeletedObject>, Vec<Error>), Refusal> {
                if !tx.has_bucket(&bucket)? {
                    return Err(no_such_bucket(&bucket).into());
                }
                let (mut deleted, mut errors) = (Vec::new(), Vec::new());
                for object in objects {
                    let now = tx.object(&bucket, &object.key)?;
                    let fits = match (&object.e_tag, &now) {
                        (Some(etag), Some(now)) => etag.value() == now.etag || etag.value() == "*",
                        _ => true,
                    };
                    if fits {
                        tx.remove_object(&bucket, &object.key)?;
                        deleted.push(DeletedObject {
                            key: Some(object.key),
                            ..Default::default()
                        });
                    } else {
                        errors.push(Error {
                            key: Some(object.key),
                            code: Some("PreconditionFailed".to_owned()),
                            message: Some("At least one of the pre-conditions you specified did not hold".to_owned()),
                            version_id: None,
                        });
                    }
                }
                Ok((deleted, errors))
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        }))
    }

    /// An object's row, or S3's error.
    pub(super) fn object_row(&self, bucket: &str, key: &str) -> S3Result<ObjectRow> {
        let (found, has_bucket) = self
            .store
            .index
            .read(|rx| Ok((rx.object(bucket, key)?, rx.bucket(bucket)?.is_some())))
            .map_err(store_error)?;
        match found {
            Some(row) => Ok(row),
            None if has_bucket => Err(super::errors::no_such_key(key)),
            None => Err(no_such_bucket(bucket)),
        }
    }
}

fn metadata(row: &ObjectRow) -> Option<HashMap<String, String>> {
    let metadata = &row.headers.metadata;
    (!metadata.is_empty()).then(|| {
        metadata
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    })
}

/// Checksums are given for the whole object, and where the client asks for them.
fn answered_sums(row: &ObjectRow, mode: Option<&ChecksumMode>, whole: bool) -> Option<Sums> {
    let asked = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    (asked && whole && !row.sums.is_empty()).then(|| row.sums.clone())
}

type Served = (Option<std::ops::Range<u64>>, Option<i32>);

/// The bytes that a part number or a range asks for, and the number of parts.
fn part_or_range(row: &ObjectRow, part: Option<i32>, range: Option<Range>) -> S3Result<Served> {
    let Some(part) = part else {
        return Ok((range_of(range, row.size)?, None));
    };
    if range.is_some() {
        return Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter"
        ));
    }
    let number = usize::try_from(part).unwrap_or(0);
    let begins: u64 = row
        .pieces
        .iter()
        .take(number.saturating_sub(1))
        .map(|piece| piece.size)
        .sum();
    let Some(piece) = number.checked_sub(1).and_then(|index| row.pieces.get(index)) else {
        return Err(custom(
            "InvalidPartNumber",
            http::StatusCode::RANGE_NOT_SATISFIABLE,
            "The requested partnumber is not satisfiable",
        ));
    };
    let count = row.upload.as_ref().and_then(|_| i32::try_from(row.pieces.len()).ok());
    if piece.size == row.size && count.is_none() {
        return Ok((None, None));
    }
    Ok((Some(begins..begins + piece.size), count))
}
