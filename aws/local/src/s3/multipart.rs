//! Multipart uploads. Parts are content like any other; completion checks what the client
//! says about them and writes one row that lists them, so nothing is copied, and a crash
//! leaves either the upload or the object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::conditions::check_write;
use super::errors::{Refusal, check_owner, no_such_upload, refuse, refuse_acl, refuse_class, store_error};
use super::objects::{Kept, sum_type};
use super::receive::{Received, receive};
use super::sums::{Promise, composite, full_object};
use super::{Service, owner, timestamp};
use crate::store::rows::{ObjectRow, PartRow, Sums, UploadRow, decode, encode, now_ms};

/// The smallest part but the last.
const MIN_PART: u64 = 5 * 1024 * 1024;
/// The highest part number.
const MAX_PARTS: i32 = 10_000;
/// The largest object.
const MAX_OBJECT: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// What completion takes, in the words of the row it makes.
struct Completion {
    bucket: String,
    key: String,
    id: String,
    listed: Vec<CompletedPart>,
    promised: Sums,
    size: Option<i64>,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl Service {
    /// An upload's row, if it is one of this bucket and key.
    pub(super) fn upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<UploadRow> {
        let row = self
            .store
            .index
            .read(|rx| rx.upload(id))
            .map_err(store_error)?
            .ok_or_else(no_such_upload)?;
        let row: UploadRow = decode(id, &row).map_err(store_error)?;
        if row.bucket != bucket || row.key != key {
            return Err(no_such_upload());
        }
        Ok(row)
    }

    pub(super) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        refuse(&[
            (input.sse_customer_key.is_some(), "encryption with customer keys"),
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
        self.need_bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let algorithm = input
            .checksum_algorithm
            .as_ref()
            .map(|name| name.as_str().to_ascii_uppercase());
        // CRC64NVME is always over the whole object; hashes never are.
        let full_object = match (
            algorithm.as_deref(),
            input.checksum_type.as_ref().map(ChecksumType::as_str),
        ) {
            (Some("CRC64NVME"), Some("COMPOSITE")) | (Some("SHA1" | "SHA256"), Some("FULL_OBJECT")) => {
                return Err(s3_error!(
                    InvalidRequest,
                    "The checksum type does not go with the checksum algorithm"
                ));
            }
            (Some("CRC64NVME"), _) => true,
            (_, kind) => kind == Some(ChecksumType::FULL_OBJECT),
        };
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
        let id = uuid::Uuid::new_v4().simple().to_string();
        let row = UploadRow {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            initiated: now_ms(),
            headers,
            algorithm: algorithm.clone(),
            full_object,
        };
        let (bytes, upload, bucket) = (encode(&row).map_err(store_error)?, id.clone(), input.bucket.clone());
        self.store
            .index
            .write(move |tx| -> Result<(), Refusal> {
                if !tx.has_bucket(&bucket)? {
                    return Err(super::errors::no_such_bucket(&bucket).into());
                }
                Ok(tx.put_upload(&upload, &bytes)?)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        let kind = if full_object {
            ChecksumType::FULL_OBJECT
        } else {
            ChecksumType::COMPOSITE
        };
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_type: algorithm.as_ref().map(|_| ChecksumType::from_static(kind)),
            checksum_algorithm: input.checksum_algorithm,
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        refuse(&[(input.sse_customer_key.is_some(), "encryption with customer keys")])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        check_number(input.part_number)?;
        let upload = self.upload(&input.upload_id, &input.bucket, &input.key)?;
        let sums = Sums {
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
        };
        let algorithm = input
            .checksum_algorithm
            .as_ref()
            .map(ChecksumAlgorithm::as_str)
            .or(upload.algorithm.as_deref());
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
        let part = self.put_part(input.upload_id, input.part_number, received).await?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(part.etag)),
            checksum_crc32: part.sums.crc32,
            checksum_crc32c: part.sums.crc32c,
            checksum_crc64nvme: part.sums.crc64nvme,
            checksum_sha1: part.sums.sha1,
            checksum_sha256: part.sums.sha256,
            ..Default::default()
        }))
    }

    /// Makes what arrived a part, in place of an older one of the same number.
    pub(super) async fn put_part(&self, upload: String, number: i32, received: Received) -> S3Result<PartRow> {
        let number = check_number(number)?;
        self.store
            .index
            .write(move |tx| -> Result<PartRow, Refusal> {
                if tx.upload(&upload)?.is_none() {
                    return Err(no_such_upload().into());
                }
                let (etag, sums) = (received.etag.clone(), received.sums.clone());
                let row = PartRow {
                    piece: received.store(tx)?,
                    etag,
                    modified: now_ms(),
                    sums,
                };
                tx.put_part(&upload, number, &row)?;
                Ok(row)
            })
            .await
            .map_err(|Refusal(error)| error)
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        refuse(&[(input.sse_customer_key.is_some(), "encryption with customer keys")])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let completion = Completion {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            id: input.upload_id,
            listed: input.multipart_upload.and_then(|list| list.parts).unwrap_or_default(),
            promised: Sums {
                crc32: input.checksum_crc32,
                crc32c: input.checksum_crc32c,
                crc64nvme: input.checksum_crc64nvme,
                sha1: input.checksum_sha1,
                sha256: input.checksum_sha256,
            },
            size: input.mpu_object_size,
            if_match: input.if_match,
            if_none_match: input.if_none_match,
        };
        let row = self
            .store
            .index
            .write(move |tx| -> Result<ObjectRow, Refusal> {
                let now = tx.object(&completion.bucket, &completion.key)?;
                let Some(upload) = tx.upload(&completion.id)? else {
                    // A client that did not hear the first answer asks again.
                    return match now {
                        Some(now) if now.upload.as_deref() == Some(&completion.id) => Ok(now),
                        _ => Err(no_such_upload().into()),
                    };
                };
                let upload: UploadRow = decode(&completion.id, &upload)?;
                if upload.bucket != completion.bucket || upload.key != completion.key {
                    return Err(no_such_upload().into());
                }
                check_write(
                    now.as_ref(),
                    completion.if_match.as_ref(),
                    completion.if_none_match.as_ref(),
                )?;
                let row = completed(&completion, &upload, &tx.parts(&completion.id)?)?;
                tx.put_object(&completion.bucket, &completion.key, &row)?;
                tx.remove_upload(&completion.id)?;
                Ok(row)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
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

    pub(super) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        refuse(&[(input.if_match_initiated_time.is_some(), "aborting by time")])?;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        self.upload(&input.upload_id, &input.bucket, &input.key)?;
        let id = input.upload_id;
        self.store
            .index
            .write(move |tx| -> Result<(), Refusal> {
                if tx.upload(&id)?.is_none() {
                    return Err(no_such_upload().into());
                }
                Ok(tx.remove_upload(&id)?)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        check_owner(input.expected_bucket_owner.as_deref(), &self.account)?;
        let upload = self.upload(&input.upload_id, &input.bucket, &input.key)?;
        let after = input.part_number_marker.unwrap_or(0);
        let limit = usize::try_from(input.max_parts.unwrap_or(1000))
            .unwrap_or(1000)
            .min(1000);
        let mut parts = self
            .store
            .index
            .read(|rx| rx.parts(&input.upload_id, u32::try_from(after).unwrap_or(0)))
            .map_err(store_error)?;
        let more = parts.len() > limit;
        parts.truncate(limit);
        let last = parts.last().and_then(|(number, _)| i32::try_from(*number).ok());
        let parts = parts
            .into_iter()
            .map(|(number, part)| Part {
                part_number: i32::try_from(number).ok(),
                size: i64::try_from(part.piece.size).ok(),
                last_modified: Some(timestamp(part.modified)),
                e_tag: Some(ETag::Strong(part.etag)),
                checksum_crc32: part.sums.crc32,
                checksum_crc32c: part.sums.crc32c,
                checksum_crc64nvme: part.sums.crc64nvme,
                checksum_sha1: part.sums.sha1,
                checksum_sha256: part.sums.sha256,
            })
            .collect();
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(after),
            next_part_number_marker: last.filter(|_| more),
            is_truncated: Some(more),
            max_parts: i32::try_from(limit).ok(),
            parts: Some(parts),
            owner: Some(owner(&self.account)),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
            ..Default::default()
        }))
    }
}

fn check_number(number: i32) -> S3Result<u32> {
    u32::try_from(number)
        .ok()
        .filter(|_| (1..=MAX_PARTS).contains(&number))
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and {}, inclusive",
                MAX_PARTS
            )
        })
}

/// The row that completion makes, or what is wrong with the list of parts.
fn completed(completion: &Completion, upload: &UploadRow, there: &[(u32, PartRow)]) -> Result<ObjectRow, S3Error> {
    let invalid = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
        )
    };
    if completion.listed.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut parts: Vec<&PartRow> = Vec::with_capacity(completion.listed.len());
    let mut previous = 0;
    for listed in &completion.listed {
        let number = check_number(listed.part_number.unwrap_or(0))?;
        if number <= previous {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        previous = number;
        let at = there
            .binary_search_by_key(&number, |(number, _)| *number)
            .map_err(|_| invalid())?;
        let part = &there[at].1;
        if listed.e_tag.as_ref().map(ETag::value) != Some(part.etag.as_str()) {
            return Err(invalid());
        }
        let promised = Sums {
            crc32: listed.checksum_crc32.clone(),
            crc32c: listed.checksum_crc32c.clone(),
            crc64nvme: listed.checksum_crc64nvme.clone(),
            sha1: listed.checksum_sha1.clone(),
            sha256: listed.checksum_sha256.clone(),
        };
        if promised
            .algorithms()
            .iter()
            .any(|name| part.sums.of(name) != promised.of(name))
        {
            return Err(invalid());
        }
        parts.push(part);
    }
    if parts.iter().rev().skip(1).any(|part| part.piece.size < MIN_PART) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    let size: u64 = parts.iter().map(|part| part.piece.size).sum();
    if size > MAX_OBJECT {
        return Err(s3_error!(
            EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed object size."
        ));
    }
    if completion
        .size
        .is_some_and(|promised| u64::try_from(promised) != Ok(size))
    {
        return Err(s3_error!(
            InvalidRequest,
            "The provided object size does not match the size of the parts"
        ));
    }
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    let etag = format!("{}-{}", hex::encode(md5.finalize()), parts.len());
    let mut sums = Sums::default();
    if let Some(algorithm) = &upload.algorithm {
        let of_parts: Option<Vec<(&str, u64)>> = parts
            .iter()
            .map(|part| part.sums.of(algorithm).map(|sum| (sum, part.piece.size)))
            .collect();
        let of_parts = of_parts.ok_or_else(|| {
            s3_error!(
                InvalidRequest,
                "The upload was created using a {} checksum; a part has none",
                algorithm
            )
        })?;
        let sum = if upload.full_object {
            full_object(algorithm, &of_parts)
        } else {
            composite(algorithm, &of_parts.iter().map(|(sum, _)| *sum).collect::<Vec<_>>())
        };
        if let Some(sum) = sum {
            sums.set(algorithm, sum);
        }
    }
    for name in completion.promised.algorithms() {
        let promised = completion.promised.of(name).unwrap_or_default();
        let found = sums.of(name).unwrap_or_default();
        // A composite checksum may come with or without the number of parts.
        if promised != found && Some(promised) != found.split_once('-').map(|(sum, _)| sum) {
            return Err(s3_error!(
                BadDigest,
                "The {} you specified did not match what we received.",
                name
            ));
        }
        debug_assert!(BASE64.decode(found.split('-').next().unwrap_or_default()).is_ok());
    }
    Ok(ObjectRow {
        size,
        etag,
        modified: now_ms(),
        pieces: parts.iter().map(|part| part.piece.clone()).collect(),
        composite: !upload.full_object && !sums.is_empty(),
        sums,
        headers: upload.headers.clone(),
        upload: Some(completion.id.clone()),
    })
}
