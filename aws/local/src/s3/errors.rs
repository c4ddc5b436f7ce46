//! The store's errors in S3's words, and refusals of what this store does not do: a clear
//! `NotImplemented` instead of a wrong success.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

use crate::store::StoreError;

/// An [`S3Error`] that the index can answer with, so that a condition checked inside a
/// transaction reaches the client in S3's words.
#[derive(Debug)]
pub struct Refusal(pub S3Error);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal(store_error(error))
    }
}

impl From<S3Error> for Refusal {
    fn from(error: S3Error) -> Refusal {
        Refusal(error)
    }
}

/// The store's error in S3's words. A full disk is a 507 under a name of its own: S3 has none,
/// and clients would retry a plain `InternalError` for seconds before they show it.
pub fn store_error(error: StoreError) -> S3Error {
    tracing::error!("{error}");
    match &error {
        StoreError::Full { .. } => custom(
            "InsufficientStorage",
            StatusCode::INSUFFICIENT_STORAGE,
            format!("{error}; free some space"),
        ),
        _ => S3Error::with_message(S3ErrorCode::InternalError, error.to_string()),
    }
}

/// An error code that s3s has no name for.
pub fn custom(code: &'static str, status: StatusCode, message: impl Into<String>) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}

/// There is no such bucket.
pub fn no_such_bucket(bucket: &str) -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist: {}", bucket)
}

/// There is no such object.
pub fn no_such_key(key: &str) -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist: {}", key)
}

/// There is no such upload.
pub fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

/// The store does not do this.
pub fn unsupported(what: &str) -> S3Error {
    s3_error!(NotImplemented, "The local store does not support {}", what)
}

/// Refuses what was asked for and is not supported.
pub fn refuse(asked: &[(bool, &str)]) -> Result<(), S3Error> {
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(unsupported(what)),
        None => Ok(()),
    }
}

/// Refuses a canned ACL that would open the object to others; the store has one user.
pub fn refuse_acl(acl: Option<&str>) -> Result<(), S3Error> {
    match acl {
        None | Some("private" | "bucket-owner-full-control" | "bucket-owner-read") => Ok(()),
        Some(other) => Err(unsupported(&format!("the ACL {other}"))),
    }
}

/// Refuses storage classes other than the ordinary one.
pub fn refuse_class(class: Option<&str>) -> Result<(), S3Error> {
    match class {
        None | Some("STANDARD") => Ok(()),
        Some(other) => Err(unsupported(&format!("the storage class {other}"))),
    }
}

/// Refuses versions: there is only the current one, which S3 calls `null` in a bucket without
/// versioning.
pub fn refuse_version(version: Option<&str>) -> Result<(), S3Error> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(unsupported("object versions")),
    }
}

/// Answers as S3 does when the caller expects another account to own the bucket.
pub fn check_owner(expected: Option<&str>, account: &str) -> Result<(), S3Error> {
    match expected {
        Some(other) if other != account => Err(s3_error!(AccessDenied, "The bucket is owned by account {}", account)),
        _ => Ok(()),
    }
}
