//! Which format a request has and which one its answer shall have.
//!
//! An answer is JSON unless the caller accepts something else, whatever the request was: a CSV
//! request is answered with JSON, as SageMaker's own server does. There is no CSV answer.

use crate::ContainerError;

/// The formats of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Csv,
    Json,
    JsonLines,
    RecordIo,
}

/// The formats of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accept {
    Json,
    JsonLines,
    RecordIo,
}

const TAKEN: &str = "text/csv, application/json, application/jsonlines or application/x-recordio-protobuf";
const GIVEN: &str = "application/json, application/jsonlines or application/x-recordio-protobuf";

impl ContentType {
    /// From the header; `None` when there is no such header.
    pub(crate) fn parse(header: Option<&str>) -> Result<ContentType, ContainerError> {
        let Some(header) = header.filter(|header| !header.trim().is_empty()) else {
            return Err(ContainerError::ContentType {
                found: "none".to_owned(),
                taken: TAKEN,
            });
        };
        let kind = essence(header);
        match kind.as_str() {
            "text/csv" => Ok(ContentType::Csv),
            "application/json" => Ok(ContentType::Json),
            "application/jsonlines" | "application/x-jsonlines" => Ok(ContentType::JsonLines),
            "application/x-recordio-protobuf" => Ok(ContentType::RecordIo),
            _ => Err(ContainerError::ContentType {
                found: header.to_owned(),
                taken: TAKEN,
            }),
        }
    }
}

impl Accept {
    pub(crate) fn header(self) -> &'static str {
        match self {
            Accept::Json => "application/json",
            Accept::JsonLines => "application/jsonlines",
            Accept::RecordIo => "application/x-recordio-protobuf",
        }
    }

    /// From the header: the format with the highest weight that there is, the first of equals.
    pub(crate) fn parse(header: Option<&str>) -> Result<Accept, ContainerError> {
        let Some(header) = header.filter(|header| !header.trim().is_empty()) else {
            return Ok(Accept::Json);
        };
        let mut best: Option<(f32, Accept)> = None;
        for range in header.split(',') {
            let Some(format) = Accept::of(&essence(range)) else {
                continue;
            };
            let weight = weight(range);
            if weight > 0.0 && best.is_none_or(|(top, _)| weight > top) {
                best = Some((weight, format));
            }
        }
        match best {
            Some((_, format)) => Ok(format),
            None => Err(ContainerError::Accept {
                asked: header.to_owned(),
                given: GIVEN,
            }),
        }
    }

    fn of(kind: &str) -> Option<Accept> {
        match kind {
            "*/*" | "application/*" | "application/json" => Some(Accept::Json),
            "application/jsonlines" | "application/x-jsonlines" => Some(Accept::JsonLines),
            "application/x-recordio-protobuf" => Some(Accept::RecordIo),
            _ => None,
        }
    }
}

/// `Text/CSV; label_size=0` is `text/csv`.
fn essence(header: &str) -> String {
    header.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn weight(range: &str) -> f32 {
    range
        .split(';')
        .skip(1)
        .find_map(|parameter| parameter.trim().strip_prefix("q=")?.trim().parse().ok())
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parameters_and_case_are_no_matter() {
        assert_eq!(
            ContentType::parse(Some("Text/CSV; label_size=0")).unwrap(),
            ContentType::Csv
        );
        assert_eq!(
            ContentType::parse(Some("application/json;charset=utf-8")).unwrap(),
            ContentType::Json
        );
        assert!(ContentType::parse(Some("csv")).is_err());
        assert!(ContentType::parse(None).is_err());
    }

    #[test]
    fn json_unless_something_else_is_wanted() {
        for header in [None, Some(""), Some("*/*"), Some("text/csv, */*;q=0.1")] {
            assert_eq!(Accept::parse(header).unwrap(), Accept::Json, "{header:?}");
        }
        assert_eq!(
            Accept::parse(Some("application/json;q=0.5, application/jsonlines")).unwrap(),
            Accept::JsonLines
        );
        assert!(Accept::parse(Some("text/csv")).is_err());
        assert!(Accept::parse(Some("application/json;q=0")).is_err());
    }
}
