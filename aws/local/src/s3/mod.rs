//! S3: the protocol by `s3s`, the storage by [`crate::store`].
//!
//! Here is the table of operations; what each does stands in the files beside. An operation
//! that is not in the table answers `NotImplemented` (s3s does that), and so does an option
//! that would not be honoured.

mod buckets;
mod conditions;
mod copy;
mod errors;
mod list;
mod multipart;
mod objects;
mod read;
mod receive;
mod sums;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::store::Store;
pub use read::hold;

/// S3 over one store.
#[derive(Clone)]
pub struct Service {
    store: Arc<Store>,
    region: String,
    account: String,
}

impl Service {
    /// S3 over this store, as this account in this region.
    pub fn new(store: Arc<Store>, region: &str, account: &str) -> Service {
        Service {
            store,
            region: region.to_owned(),
            account: account.to_owned(),
        }
    }
}

/// A row's time as s3s has it.
fn timestamp(ms: i64) -> Timestamp {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Timestamp::from(SystemTime::UNIX_EPOCH + since)
}

/// The id that S3 shows as the owner.
fn owner(account: &str) -> Owner {
    Owner {
        id: Some(account.to_owned()),
        display_name: Some("local".to_owned()),
    }
}

macro_rules! table {
    ($($operation:ident: $input:ty => $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(
                async fn $operation(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    Service::$operation(self, request).await
                }
            )*
        }
    };
}

table! {
    create_bucket: CreateBucketInput => CreateBucketOutput;
    head_bucket: HeadBucketInput => HeadBucketOutput;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
    list_buckets: ListBucketsInput => ListBucketsOutput;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput;

    put_object: PutObjectInput => PutObjectOutput;
    get_object: GetObjectInput => GetObjectOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    delete_object: DeleteObjectInput => DeleteObjectOutput;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput;
    copy_object: CopyObjectInput => CopyObjectOutput;

    list_objects: ListObjectsInput => ListObjectsOutput;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;

    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    upload_part: UploadPartInput => UploadPartOutput;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
    list_parts: ListPartsInput => ListPartsOutput;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput;
}
