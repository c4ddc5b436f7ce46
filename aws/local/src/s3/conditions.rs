//! Conditional requests: `If-Match`, `If-None-Match`, `If-Modified-Since` and
//! `If-Unmodified-Since`, as RFC 9110 orders them and S3 answers them.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, s3_error};

use crate::store::rows::ObjectRow;

/// The conditions of a request that reads.
#[derive(Default)]
pub struct ReadIf<'a> {
    /// `If-Match`.
    pub matches: Option<&'a ETagCondition>,
    /// `If-None-Match`.
    pub none_match: Option<&'a ETagCondition>,
    /// `If-Modified-Since`.
    pub modified: Option<&'a Timestamp>,
    /// `If-Unmodified-Since`.
    pub unmodified: Option<&'a Timestamp>,
}

fn meets(condition: &ETagCondition, row: &ObjectRow) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == row.etag,
    }
}

/// Seconds since 1970: HTTP's dates have no fractions.
fn seconds(time: &Timestamp) -> i64 {
    let mut text = Vec::new();
    if time.format(s3s::dto::TimestampFormat::EpochSeconds, &mut text).is_err() {
        return 0;
    }
    let text = String::from_utf8_lossy(&text);
    text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}

/// S3's answer where a condition does not hold.
pub fn failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

/// Checks the conditions of a reading request. `copying` turns "not modified" into a failed
/// condition, as the source of a copy has it.
pub fn check_read(row: &ObjectRow, conditions: &ReadIf<'_>, copying: bool) -> Result<(), S3Error> {
    let modified = row.modified.div_euclid(1000);
    match (conditions.matches, conditions.unmodified) {
        (Some(condition), _) if !meets(condition, row) => return Err(failed()),
        (None, Some(since)) if modified > seconds(since) => return Err(failed()),
        _ => {}
    }
    let unchanged = match (conditions.none_match, conditions.modified) {
        (Some(condition), _) => meets(condition, row),
        (None, Some(since)) => modified <= seconds(since),
        (None, None) => false,
    };
    if !unchanged {
        return Ok(());
    }
    if copying {
        return Err(failed());
    }
    let mut error = s3_error!(NotModified, "Not Modified");
    if let Ok(etag) = ETag::Strong(row.etag.clone()).to_http_header() {
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::ETAG, etag);
        error.set_headers(headers);
    }
    Err(error)
}

/// Checks the conditions of a writing request against what is there now. To be called inside
/// the transaction that writes.
pub fn check_write(
    now: Option<&ObjectRow>,
    matches: Option<&ETagCondition>,
    none_match: Option<&ETagCondition>,
) -> Result<(), S3Error> {
    if let Some(condition) = matches {
        match now {
            None => return Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            Some(now) if !meets(condition, now) => return Err(failed()),
            Some(_) => {}
        }
    }
    if let (Some(condition), Some(now)) = (none_match, now)
        && meets(condition, now)
    {
        return Err(failed());
    }
    Ok(())
}
