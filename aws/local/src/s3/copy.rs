//! Copies: of an object within the store, where both share the content, and of a range into
//! a part, where the bytes are taken in again.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::conditions::{ReadIf, check_read};
use super::errors::{
    Refusal, check_owner, no_such_bucket, no_such_key, refuse, refuse_acl, refuse_class, refuse_version, unsupported,
};
use super::objects::{Kept, sum_type};
use super::read::hold;
use super::receive::receive;
use super::sums::Promise;
use super::{Service, timestamp};
use crate::store::rows::{ObjectRow, Sums, now_ms};

/// The largest object that one copy takes.
const MAX_COPY: u64 = 5 * 1024 * 1024 * 1024;

fn source(from: &CopySource) -> S3Result<(String, String)> {
    match from {
        CopySource::Bucket {
            bucket,
            key,
            version_id,
        } => {
            refuse_version(version_id.as_deref())?;
            Ok((bucket.to_string(), key.to_string()))
        }
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(unsupported("access points")),
    }
}

impl Service {
    pub(super) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        refuse(&[
            (
                input.sse_customer_key.is_some() || input.copy_source_sse_customer_key.is_some(),
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
            (
                input.tagging.as_deref().is_some_and(|tags| !tags.is_empty()),
                "object tags",
            ),
            (input.website_redirect_location.is_some(), "website redirects"),
            (input.checksum_algorithm.is_some(), "a new checksum on a copy"),
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
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        check_owner(input.expected_source_bucket_owner.as_deref(), &self.account)?;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let replace = input
            .metadata_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let (bucket, key) = (input.bucket, input.key);
        if !replace && from_bucket == bucket && from_key == key {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata."
            ));
        }
        let headers = if replace {
            let kept = Kept {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
                expires: input.expires,
                metadata: input.metadata,
            };
            Some(kept.headers()?)
        } else {
            None
        };
        let conditions = (
            input.copy_source_if_match,
            input.copy_source_if_none_match,
            input.copy_source_if_modified_since,
            input.copy_source_if_unmodified_since,
        );
        let row = self
            .store
            .index
            .write(move |tx| -> Result<ObjectRow, Refusal> {
                for bucket in [&bucket, &from_bucket] {
                    if !tx.has_bucket(bucket)? {
                        return Err(no_such_bucket(bucket).into());
                    }
                }
                let Some(from) = tx.object(&from_bucket, &from_key)? else {
                    return Err(no_such_key(&from_key).into());
                };
                let conditions = ReadIf {
                    matches: conditions.0.as_ref(),
                    none_match: conditions.1.as_ref(),
                    modified: conditions.2.as_ref(),
                    unmodified: conditions.3.as_ref(),
                };
                check_read(&from, &conditions, true)?;
                if from.size > MAX_COPY {
                    return Err(s3_error!(
                        InvalidRequest,
                        "The specified copy source is larger than the maximum allowable size for a copy source: {}",
                        MAX_COPY
                    )
                    .into());
                }
                let headers = headers.unwrap_or_else(|| from.headers.clone());
                let row = ObjectRow {
                    modified: now_ms(),
                    headers,
                    ..from
                };
                tx.put_object(&bucket, &key, &row)?;
                Ok(row)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        let result = CopyObjectResult {
            checksum_type: sum_type(&row),
            e_tag: Some(ETag::Strong(row.etag)),
            last_modified: Some(timestamp(row.modified)),
            checksum_crc32: row.sums.crc32,
            checksum_crc32c: row.sums.crc32c,
            checksum_crc64nvme: row.sums.crc64nvme,
            checksum_sha1: row.sums.sha1,
            checksum_sha256: row.sums.sha256,
        };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        refuse(&[(
            input.sse_customer_key.is_some() || input.copy_source_sse_customer_key.is_some(),
            "encryption with customer keys",
        )])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        check_owner(input.expected_source_bucket_owner.as_deref(), &self.account)?;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let upload = self.upload(&input.upload_id, &input.bucket, &input.key)?;
        let held = hold(&self.store, &from_bucket, &from_key)?;
        let conditions = ReadIf {
            matches: input.copy_source_if_match.as_ref(),
            none_match: input.copy_source_if_none_match.as_ref(),
            modified: input.copy_source_if_modified_since.as_ref(),
            unmodified: input.copy_source_if_unmodified_since.as_ref(),
        };
        check_read(&held.row, &conditions, true)?;
        let range = match input.copy_source_range.as_deref() {
            None => 0..held.row.size,
            Some(text) => {
                let parsed = Range::parse(text)
                    .ok()
                    .and_then(|range| range.check(held.row.size).ok());
                parsed.ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The x-amz-copy-source-range value {} does not fit the source",
                        text
                    )
                })?
            }
        };
        let length = i64::try_from(range.end - range.start).ok();
        let promise = Promise::new(
            length,
            None,
            Sums::default(),
            upload.algorithm.as_deref(),
            &http::HeaderMap::new(),
        )?;
        let body = held.stream(&self.store.contents, range);
        let received = receive(&self.store.contents, Some(body), &promise, None).await?;
        let part = self.put_part(input.upload_id, input.part_number, received).await?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(timestamp(part.modified)),
            checksum_crc32: part.sums.crc32,
            checksum_crc32c: part.sums.crc32c,
            checksum_crc64nvme: part.sums.crc64nvme,
            checksum_sha1: part.sums.sha1,
            checksum_sha256: part.sums.sha256,
        };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..Default::default()
        }))
    }
}
