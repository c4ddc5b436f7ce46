//! From the SDK's errors to [`ClientError`]: the one place that knows AWS's error codes.
//!
//! S3 and SageMaker disagree on how to say the same thing (a missing endpoint is a
//! `ValidationException` whose text says so, a missing bucket has a code of its own, a HEAD
//! has no body at all), and the SDK wraps connection troubles several layers deep.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use ironsage_contract::S3Uri;

use crate::{Client, ClientError, CredentialsProblem, Place, Resource};

/// What a call was about, for its errors.
#[derive(Clone, Debug)]
pub(crate) struct Doing {
    place: String,
    endpoint: Option<String>,
    region: String,
    /// A verb in -ing form: "reading".
    action: &'static str,
    target: Target,
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// No single thing.
    All(&'static str),
    Bucket(String),
    Object {
        uri: String,
        bucket: String,
    },
    Resource(Resource, String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::All(what) => out.write_str(what),
            Target::Bucket(name) => write!(out, "bucket '{name}'"),
            Target::Object { uri, .. } => out.write_str(uri),
            Target::Resource(kind, name) => write!(out, "{kind} '{name}'"),
        }
    }
}

impl From<&S3Uri> for Target {
    fn from(uri: &S3Uri) -> Target {
        Target::Object {
            uri: uri.to_string(),
            bucket: uri.bucket().to_owned(),
        }
    }
}

impl Client {
    pub(crate) fn doing(&self, action: &'static str, target: impl Into<Target>) -> Doing {
        Doing::new(self.place(), action, target.into())
    }
}

impl Doing {
    pub(crate) fn new(place: &Place, action: &'static str, target: Target) -> Doing {
        Doing {
            place: place.title(),
            endpoint: place.endpoint.clone(),
            region: place.region.clone(),
            action,
            target,
        }
    }

    /// What the SDK's error means for this call.
    pub(crate) fn failed<E>(&self, error: SdkError<E>) -> ClientError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let Some(problem) = find::<CredentialsError>(&error) {
            return credentials(&self.place, problem);
        }
        match &error {
            SdkError::TimeoutError(_) => self.timed_out(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() && !never_connected(&error) => self.timed_out(),
            SdkError::DispatchFailure(_) => ClientError::Unreachable {
                place: self.place.clone(),
                endpoint: self.endpoint.clone(),
                reason: reason(&error),
            },
            SdkError::ServiceError(answer) => {
                let raw = answer.raw();
                self.answered(&Answer {
                    code: answer.err().code().unwrap_or(""),
                    message: answer.err().message().unwrap_or(""),
                    status: raw.status().as_u16(),
                    bucket_region: raw.headers().get("x-amz-bucket-region"),
                })
            }
            _ => self.unclear("unreadable answer", &reason(&error)),
        }
    }

    /// A request that can't even be built (an empty name, say).
    pub(crate) fn failed_to_build(&self, error: &(dyn Error + 'static)) -> ClientError {
        ClientError::Refused {
            place: self.place.clone(),
            action: self.action,
            what: self.target.to_string(),
            reason: reason(error),
        }
    }

    /// What an error inside a successful answer means (DeleteObjects lists them so).
    pub(crate) fn refused_with(&self, code: &str, message: &str) -> ClientError {
        self.answered(&Answer {
            code,
            message,
            status: 400,
            bucket_region: None,
        })
    }

    fn timed_out(&self) -> ClientError {
        ClientError::TimedOut {
            place: self.place.clone(),
            action: self.action,
            what: self.target.to_string(),
        }
    }

    fn unclear(&self, code: &str, message: &str) -> ClientError {
        ClientError::Service {
            place: self.place.clone(),
            action: self.action,
            what: self.target.to_string(),
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// What an error answer of the service means.
    fn answered(&self, answer: &Answer<'_>) -> ClientError {
        let place = || self.place.clone();
        let said = || match answer.message {
            "" => format!("HTTP status {}", answer.status),
            message => message.to_owned(),
        };
        match answer.code {
            "NoSuchBucket" => ClientError::NoSuchBucket {
                bucket: self.bucket(),
                place: place(),
                near: Vec::new(),
            },
            "NoSuchKey" => ClientError::NoSuchKey {
                uri: self.target.to_string(),
                place: place(),
                near: Vec::new(),
            },
            "BucketAlreadyExists" => ClientError::BucketTaken { bucket: self.bucket() },
            "BucketNotEmpty" => ClientError::BucketNotEmpty { bucket: self.bucket() },
            "PreconditionFailed" => ClientError::Changed {
                uri: self.target.to_string(),
            },
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "TemporaryRedirect" => self.elsewhere(answer),
            "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "Forbidden" => self.denied(said()),
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
                self.bad_credentials(CredentialsProblem::Expired, said())
            }
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidToken"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "AuthFailure"
            | "NotSignedUp"
            | "RequestTimeTooSkewed" => self.bad_credentials(CredentialsProblem::Refused, said()),
            _ => self.by_text_or_status(answer, said()),
        }
    }

    /// What has no code of its own, or, as an answer to HEAD, no body to carry one.
    fn by_text_or_status(&self, answer: &Answer<'_>, said: String) -> ClientError {
        if let Target::Resource(kind, name) = &self.target {
            if is_missing(answer.code, answer.message) {
                return ClientError::NotFound {
                    kind: missing_kind(answer.message).unwrap_or(*kind),
                    name: missing_name(answer.message).unwrap_or(name).to_owned(),
                    place: self.place.clone(),
                    near: Vec::new(),
                };
            }
            if answer.message.contains("already existing") || answer.code == "ResourceInUse" {
                return ClientError::AlreadyExists {
                    kind: *kind,
                    name: name.clone(),
                    place: self.place.clone(),
                };
            }
        }
        match (answer.status, answer.code) {
            (301 | 307, _) => self.elsewhere(answer),
            (400, "") if answer.bucket_region.is_some_and(|region| region != self.region) => self.elsewhere(answer),
            (403, _) => self.denied(said),
            (
                400,
                "ValidationException"
                | "ValidationError"
                | "InvalidBucketName"
                | "InvalidRequest"
                | "InvalidArgument"
                | "MalformedXML"
                | "KeyTooLongError"
                | "EntityTooLarge",
            ) => ClientError::Refused {
                place: self.place.clone(),
                action: self.action,
                what: self.target.to_string(),
                reason: said,
            },
            (status, "") => self.unclear(&format!("HTTP {status}"), &said),
            (_, code) => self.unclear(code, &said),
        }
    }

    fn bucket(&self) -> String {
        match &self.target {
            Target::Bucket(bucket) | Target::Object { bucket, .. } => bucket.clone(),
            other => other.to_string(),
        }
    }

    fn elsewhere(&self, answer: &Answer<'_>) -> ClientError {
        ClientError::WrongRegion {
            bucket: self.bucket(),
            region: answer
                .bucket_region
                .or_else(|| quoted_after(answer.message, "expecting "))
                .map(str::to_owned),
            here: self.region.clone(),
        }
    }

    fn denied(&self, reason: String) -> ClientError {
        ClientError::AccessDenied {
            action: self.action,
            what: self.target.to_string(),
            place: self.place.clone(),
            reason,
        }
    }

    fn bad_credentials(&self, problem: CredentialsProblem, reason: String) -> ClientError {
        ClientError::Credentials {
            place: self.place.clone(),
            problem,
            reason,
        }
    }
}

/// The parts of an error answer that decide.
struct Answer<'a> {
    code: &'a str,
    message: &'a str,
    status: u16,
    bucket_region: Option<&'a str>,
}

/// Whether the same request may well succeed a little later: throttling, a server in trouble, a connection that broke.
pub(crate) fn may_pass<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if find::<CredentialsError>(error).is_some() {
        return false;
    }
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("");
            matches!(answer.raw().status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
                || matches!(code, "SlowDown" | "RequestTimeout" | "InternalError")
                || code.starts_with("Throttl")
        }
        _ => false,
    }
}

/// What a failure to find credentials means.
pub(crate) fn credentials(place: &str, error: &CredentialsError) -> ClientError {
    let chain = reason(error);
    if chain.contains("expired") || chain.contains("Expired") {
        return ClientError::Credentials {
            place: place.to_owned(),
            problem: CredentialsProblem::Expired,
            reason: format!("the credentials have expired ({chain})"),
        };
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => ClientError::no_credentials(place, "no credentials were found"),
        _ => ClientError::Credentials {
            place: place.to_owned(),
            problem: CredentialsProblem::Missing,
            reason: format!("the credentials can't be fetched: {chain}"),
        },
    }
}

/// How SageMaker says that something isn't there.
fn is_missing(code: &str, message: &str) -> bool {
    match code {
        // "Could not find model data at …" is about a request's content, not about a resource.
        "ValidationException" => missing_kind(message).is_some() || message.contains("not found"),
        // The runtime API's own spelling: "Endpoint X of account N not found."
        "ValidationError" => message.contains("not found"),
        "ResourceNotFound" | "ResourceNotFoundException" => true,
        _ => false,
    }
}

/// A create names its parent when that is what's missing: "Could not find model "arn:…/name"".
fn missing_kind(message: &str) -> Option<Resource> {
    let after = message.split("Could not find ").nth(1)?;
    if after.starts_with("endpoint configuration") {
        Some(Resource::EndpointConfig)
    } else if after.starts_with("endpoint") {
        Some(Resource::Endpoint)
    } else if after.starts_with("model \"") {
        Some(Resource::Model)
    } else {
        None
    }
}

fn missing_name(message: &str) -> Option<&str> {
    let quoted = message.split("Could not find ").nth(1)?.split('"').nth(1)?;
    quoted.rsplit('/').next().filter(|name| !name.is_empty())
}

fn quoted_after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message
        .split(words)
        .nth(1)?
        .split('\'')
        .nth(1)
        .filter(|text| !text.is_empty())
}

/// The innermost cause in its own words: what a person can use of a chain of wrappers.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    if let Some(io) = find::<std::io::Error>(error) {
        return match io.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            std::io::ErrorKind::ConnectionReset => "the connection was cut".to_owned(),
            _ => io.to_string(),
        };
    }
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string().contains("connect timeout"))
        || chain(error).any(|cause| cause.to_string().contains("HTTP connect"))
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn doing(target: Target) -> Doing {
        let place = Place::with_keys("aws", None, "us-east-1", "id", "secret");
        Doing::new(&place, "reading", target)
    }

    fn answer<'a>(code: &'a str, message: &'a str, status: u16) -> Answer<'a> {
        Answer {
            code,
            message,
            status,
            bucket_region: None,
        }
    }

    #[test]
    fn a_missing_parent_is_named_by_kind_and_name() {
        let doing = doing(Target::Resource(Resource::Endpoint, "shell-age".to_owned()));
        let message =
            r#"Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/cfg"."#;
        let error = doing.answered(&answer("ValidationException", message, 400));
        assert_eq!(
            error.to_string(),
            "there is no endpoint configuration 'cfg' in AWS us-east-1"
        );
    }

    #[test]
    fn a_validation_that_is_no_absence_keeps_the_services_words() {
        let doing = doing(Target::Resource(Resource::Endpoint, "shell-age".to_owned()));
        let message = "Cannot update in-progress endpoint \"arn:aws:x\".";
        let error = doing.answered(&answer("ValidationException", message, 400));
        assert_eq!(
            error.to_string(),
            format!("AWS us-east-1 refuses reading endpoint 'shell-age': {message}")
        );
    }

    #[test]
    fn an_answer_without_body_goes_by_its_status() {
        let doing = doing(Target::Bucket("shells".to_owned()));
        assert!(matches!(
            doing.answered(&answer("", "", 403)),
            ClientError::AccessDenied { .. }
        ));
        let mut moved = answer("", "", 301);
        moved.bucket_region = Some("eu-west-1");
        match doing.answered(&moved) {
            ClientError::WrongRegion { region, .. } => assert_eq!(region.unwrap(), "eu-west-1"),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_region_is_read_from_the_text_too() {
        let doing = doing(Target::Bucket("shells".to_owned()));
        let message = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-3'";
        match doing.answered(&answer("AuthorizationHeaderMalformed", message, 400)) {
            ClientError::WrongRegion { region, .. } => assert_eq!(region.unwrap(), "eu-west-3"),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn old_and_foreign_keys_are_told_apart() {
        let doing = doing(Target::All("the list of buckets"));
        let problem = |code| match doing.answered(&answer(code, "m", 403)) {
            ClientError::Credentials { problem, .. } => problem,
            other => panic!("{other}"),
        };
        assert_eq!(problem("ExpiredToken"), CredentialsProblem::Expired);
        assert_eq!(problem("InvalidAccessKeyId"), CredentialsProblem::Refused);
    }
}
