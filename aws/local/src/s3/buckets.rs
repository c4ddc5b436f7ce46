//! Buckets.

use ironsage_contract::BucketName;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::errors::{Refusal, check_owner, no_such_bucket, refuse, store_error, unsupported};
use super::{Service, owner, timestamp};
use crate::store::rows::{BucketRow, UploadRow, decode, encode, now_ms};

/// The region that has no location constraint.
const FIRST_REGION: &str = "us-east-1";

impl Service {
    /// Fails where there is no such bucket.
    pub(super) fn need_bucket(&self, bucket: &str, expected_owner: Option<&str>) -> S3Result<()> {
        let found = self.store.index.read(|rx| rx.bucket(bucket)).map_err(store_error)?;
        if found.is_none() {
            return Err(no_such_bucket(bucket));
        }
        check_owner(expected_owner, &self.account)
    }

    pub(super) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let input = request.input;
        if let Err(error) = BucketName::new(&input.bucket) {
            return Err(s3_error!(
                InvalidBucketName,
                "The specified bucket is not valid: {}",
                error
            ));
        }
        refuse(&[
            (input.object_lock_enabled_for_bucket == Some(true), "object lock"),
            (
                input.acl.as_ref().is_some_and(|acl| acl.as_str() != "private"),
                "bucket ACLs other than private",
            ),
            (
                input.grant_full_control.is_some() || input.grant_read.is_some(),
                "grants",
            ),
            (
                input.grant_read_acp.is_some() || input.grant_write.is_some() || input.grant_write_acp.is_some(),
                "grants",
            ),
        ])?;
        let asked = input
            .create_bucket_configuration
            .as_ref()
            .and_then(|c| c.location_constraint.as_ref());
        match asked.map(BucketLocationConstraint::as_str) {
            None | Some("") => {}
            Some(region) if region == self.region && region != FIRST_REGION => {}
            Some(region) => {
                return Err(s3_error!(
                    IllegalLocationConstraintException,
                    "The {} location constraint is incompatible for the region specific endpoint this request was sent to ({}).",
                    region,
                    self.region
                ));
            }
        }
        let bucket = input.bucket.clone();
        let row = encode(&BucketRow { created: now_ms() }).map_err(store_error)?;
        let made = self
            .store
            .index
            .write(move |tx| -> Result<bool, Refusal> {
                if tx.has_bucket(&bucket)? {
                    return Ok(false);
                }
                tx.put_bucket(&bucket, &row)?;
                Ok(true)
            })
            .await
            .map_err(|Refusal(error)| error)?;
        if !made {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        Ok(S3Response::new(CreateBucketOutput {
            location: Some(format!("/{}", input.bucket)),
        }))
    }

    pub(super) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.need_bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(self.region.clone()),
            ..Default::default()
        }))
    }

    pub(super) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.need_bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        let location_constraint =
            (self.region != FIRST_REGION).then(|| BucketLocationConstraint::from(self.region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
    }

    pub(super) async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let input = request.input;
        if input
            .bucket_region
            .as_ref()
            .is_some_and(|region| *region != self.region)
        {
            return Err(unsupported("listing the buckets of another region"));
        }
        let all = self.store.index.read(|rx| rx.buckets()).map_err(store_error)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.clone().unwrap_or_default();
        let limit = usize::try_from(input.max_buckets.unwrap_or(10_000))
            .unwrap_or(0)
            .clamp(1, 10_000);
        let mut buckets = Vec::new();
        let mut more = false;
        for (name, row) in all
            .into_iter()
            .filter(|(name, _)| name.starts_with(&prefix) && *name > after)
        {
            if buckets.len() == limit {
                more = true;
                break;
            }
            let row: BucketRow = decode(&name, &row).map_err(store_error)?;
            buckets.push(Bucket {
                name: Some(name),
                creation_date: Some(timestamp(row.created)),
                bucket_region: None,
            });
        }
        let continuation_token = if more {
            buckets.last().and_then(|last| last.name.clone())
        } else {
            None
        };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            continuation_token,
            owner: Some(owner(&self.account)),
            prefix: input.prefix,
        }))
    }

    pub(super) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        check_owner(request.input.expected_bucket_owner.as_deref(), &self.account)?;
        let bucket = request.input.bucket;
        self.store
            .index
            .write(move |tx| -> Result<(), Refusal> {
                if !tx.has_bucket(&bucket)? {
                    return Err(no_such_bucket(&bucket).into());
                }
                if !tx.is_empty(&bucket)? {
                    return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty").into());
                }
                let mut uploads = Vec::new();
                for (id, row) in tx.uploads()? {
                    if decode::<UploadRow>(&id, &row)?.bucket == bucket {
                        uploads.push(id);
                    }
                }
                for id in uploads {
                    tx.remove_upload(&id)?;
                }
                tx.remove_bucket(&bucket)?;
                Ok(())
            })
            .await
            .map_err(|Refusal(error)| error)?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }
}
