//! The lists of models, endpoint configs and endpoints: filters, order, pages.

use serde_json::Value;

use super::json::{ApiError, Members};

/// What every list needs to know of its items.
#[derive(Clone, Debug)]
pub struct Item {
    /// The name.
    pub name: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// The status, where there is one.
    pub status: Option<String>,
    /// What the list shows.
    pub shown: Value,
}

const FILTERS: &[&str] = &[
    "NextToken",
    "MaxResults",
    "NameContains",
    "SortBy",
    "SortOrder",
    "CreationTimeBefore",
    "CreationTimeAfter",
    "LastModifiedTimeBefore",
    "LastModifiedTimeAfter",
    "StatusEquals",
];

/// One page as the request wants it, and the token for the next.
pub fn page(
    request: &Members<'_>,
    sort_words: &[&str],
    statuses: &[&str],
    mut items: Vec<Item>,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    request.only(FILTERS)?;
    let limit = usize::try_from(request.integer("MaxResults", 1, 100)?.unwrap_or(10)).unwrap_or(10);
    let contains = request.text("NameContains")?.unwrap_or_default();
    if contains.len() > 63 || !contains.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(request.broken(
            "NameContains",
            "Member must satisfy regular expression pattern: [a-zA-Z0-9\\-]+",
        ));
    }
    let status = if statuses.is_empty() {
        None
    } else {
        request.choice("StatusEquals", statuses)?
    };
    let ms = |time: Option<f64>| time.map(|seconds| (seconds * 1000.0) as i64);
    let (created_before, created_after) = (
        ms(request.time("CreationTimeBefore")?),
        ms(request.time("CreationTimeAfter")?),
    );
    let (modified_before, modified_after) = (
        ms(request.time("LastModifiedTimeBefore")?),
        ms(request.time("LastModifiedTimeAfter")?),
    );
    items.retain(|item| {
        item.name.to_ascii_lowercase().contains(&contains.to_ascii_lowercase())
            && status.is_none_or(|status| item.status.as_deref() == Some(status))
            && created_before.is_none_or(|time| item.created < time)
            && created_after.is_none_or(|time| item.created > time)
            && modified_before.is_none_or(|time| item.modified < time)
            && modified_after.is_none_or(|time| item.modified > time)
    });
    let by = request.choice("SortBy", sort_words)?.unwrap_or("CreationTime");
    let descending = request.choice("SortOrder", &["Ascending", "Descending"])? != Some("Ascending");
    items.sort_by(|a, b| {
        let first = match by {
            "Name" => a.name.cmp(&b.name),
            "Status" => a.status.cmp(&b.status),
            _ => a.created.cmp(&b.created),
        };
        let order = first.then_with(|| a.name.cmp(&b.name));
        if descending { order.reverse() } else { order }
    });
    // A token names the last item shown, so that what is deleted meanwhile shifts nothing.
    if let Some(token) = request.text("NextToken")? {
        let last = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let at = last.and_then(|last| items.iter().position(|item| item.name == last));
        let Some(at) = at else {
            return Err(ApiError::validation(
                "Invalid NextToken: it belongs to another list, or its place is gone.",
            ));
        };
        items.drain(..=at);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let token = items.last().filter(|_| more).map(|item| hex::encode(&item.name));
    Ok((items.into_iter().map(|item| item.shown).collect(), token))
}
