//! What can go wrong in a call, in words a person can act on.
//!
//! A text says what failed and where; [`ClientError::hint`] says what to type instead. No
//! variant carries a secret, and none prints a Debug dump of the SDK.

use std::path::PathBuf;

use ironsage_contract::S3Uri;
use ironsage_contract::env::{ENV_AWS_ACCESS_KEY_ID, ENV_AWS_PROFILE, ENV_AWS_REGION, ENV_AWS_SECRET_ACCESS_KEY};

/// A kind of SageMaker resource, as an error calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An endpoint.
    Endpoint,
    /// An endpoint configuration.
    EndpointConfig,
    /// A model.
    Model,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Resource::Endpoint => "endpoint",
            Resource::EndpointConfig => "endpoint configuration",
            Resource::Model => "model",
        })
    }
}

/// What is wrong with the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsProblem {
    /// There are none.
    Missing,
    /// They were good once.
    Expired,
    /// The service doesn't know them, or the signature doesn't fit.
    Refused,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The bucket isn't there.
    #[error("there is no bucket '{bucket}' in {place}")]
    NoSuchBucket {
        /// The bucket asked for.
        bucket: String,
        /// Where.
        place: String,
        /// Buckets with a name like it.
        near: Vec<String>,
    },
    /// The bucket is there, the object isn't.
    #[error("there is no object {uri} in {place}")]
    NoSuchKey {
        /// The object asked for.
        uri: String,
        /// Where.
        place: String,
        /// Objects with a key like it, as full addresses.
        near: Vec<String>,
    },
    /// The address names a bucket or a folder where one object is needed.
    #[error("{uri} is a {what}, not an object")]
    NotAnObject {
        /// The address.
        uri: String,
        /// "bucket" or "folder".
        what: &'static str,
    },
    /// Somebody else has a bucket of this name.
    #[error("the bucket name '{bucket}' is taken by another account")]
    BucketTaken {
        /// The bucket asked for.
        bucket: String,
    },
    /// Only empty buckets can be deleted.
    #[error("bucket '{bucket}' still holds objects")]
    BucketNotEmpty {
        /// The bucket.
        bucket: String,
    },
    /// The bucket lives in another region.
    #[error(
        "bucket '{bucket}' is in region {}, this client speaks to {here}",
        region.as_deref().unwrap_or("another one")
    )]
    WrongRegion {
        /// The bucket.
        bucket: String,
        /// Its region, where the service said so.
        region: Option<String>,
        /// The client's region.
        here: String,
    },
    /// The object changed between the parts of one read.
    #[error("{uri} was changed by someone while it was being read")]
    Changed {
        /// The object.
        uri: String,
    },
    /// A body ended early or didn't match its checksum, again and again.
    #[error("{action} {uri} broke off after {attempts} attempts: {reason}")]
    Broken {
        /// "reading" or "writing".
        action: &'static str,
        /// The object.
        uri: String,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// The object doesn't fit into this machine's free memory, or a limit of S3.
    #[error("{uri} has {size}, but {limit}")]
    TooLarge {
        /// The object.
        uri: String,
        /// Its size, readable.
        size: String,
        /// What it is larger than.
        limit: String,
    },
    /// A SageMaker resource isn't there.
    #[error("there is no {kind} '{name}' in {place}")]
    NotFound {
        /// What kind of resource.
        kind: Resource,
        /// Its name.
        name: String,
        /// Where.
        place: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// A SageMaker resource of this name is there already.
    #[error("{kind} '{name}' exists already in {place}")]
    AlreadyExists {
        /// What kind of resource.
        kind: Resource,
        /// Its name.
        name: String,
        /// Where.
        place: String,
    },
    /// The endpoint went to `Failed`, or isn't in a state to come into service.
    #[error("endpoint '{endpoint}' is {status}: {reason}")]
    EndpointFailed {
        /// The endpoint.
        endpoint: String,
        /// Its status, as AWS writes it.
        status: String,
        /// The service's reason.
        reason: String,
    },
    /// The model behind an endpoint refused the request or failed.
    #[error("the model behind endpoint '{endpoint}' answered {status}: {message}")]
    Model {
        /// The endpoint.
        endpoint: String,
        /// The container's HTTP status.
        status: u16,
        /// The container's message.
        message: String,
        /// The container's own hint, if its answer has one.
        hint: Option<String>,
    },
    /// The credentials are good but don't allow this.
    #[error("{place} denies {action} {what}: {reason}")]
    AccessDenied {
        /// What was tried.
        action: &'static str,
        /// On what.
        what: String,
        /// Where.
        place: String,
        /// The service's words.
        reason: String,
    },
    /// No usable credentials.
    #[error("{place} can't be used: {reason}")]
    Credentials {
        /// Where.
        place: String,
        /// What is wrong with them.
        problem: CredentialsProblem,
        /// In words.
        reason: String,
    },
    /// No region is set.
    #[error("no AWS region is set, neither in the call nor in the environment or the profile")]
    NoRegion,
    /// No role is known for jobs and models.
    #[error("{place} needs a role for models, and none is set")]
    NoRole {
        /// Where.
        place: String,
    },
    /// The service doesn't answer at all.
    #[error("{place} can't be reached{}: {reason}", at(endpoint.as_deref()))]
    Unreachable {
        /// Where.
        place: String,
        /// Its URL, if it has one of its own.
        endpoint: Option<String>,
        /// The connection's own words.
        reason: String,
    },
    /// It answered too late, or stopped in the middle.
    #[error("{place} took too long {action} {what}")]
    TimedOut {
        /// Where.
        place: String,
        /// What was tried.
        action: &'static str,
        /// On what.
        what: String,
    },
    /// The service says the request itself is wrong.
    #[error("{place} refuses {action} {what}: {reason}")]
    Refused {
        /// Where.
        place: String,
        /// What was tried.
        action: &'static str,
        /// On what.
        what: String,
        /// The service's words.
        reason: String,
    },
    /// Anything else that a service answers.
    #[error("{action} {what} failed in {place}: {message} ({code})")]
    Service {
        /// Where.
        place: String,
        /// What was tried.
        action: &'static str,
        /// On what.
        what: String,
        /// AWS's error code.
        code: String,
        /// The service's words.
        message: String,
    },
    /// A file on this machine can't be read or written.
    #[error("{action} {} failed: {source}", path.display())]
    File {
        /// "reading" or "writing".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The local service didn't start. Made by the kernel's launcher.
    #[error("{message}")]
    Launch {
        /// What happened.
        message: String,
        /// What to type.
        hint: Option<String>,
    },
    /// The caller said stop.
    #[error("interrupted")]
    Interrupted,
    /// The runtime's threads can't be made.
    #[error("this process can't start its network threads: {0}")]
    Runtime(#[source] std::io::Error),
}

fn at(endpoint: Option<&str>) -> String {
    endpoint.map(|url| format!(" at {url}")).unwrap_or_default()
}

impl ClientError {
    pub(crate) fn no_credentials(place: &str, reason: &str) -> ClientError {
        ClientError::Credentials {
            place: place.to_owned(),
            problem: CredentialsProblem::Missing,
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn not_an_object(uri: &S3Uri) -> ClientError {
        ClientError::NotAnObject {
            uri: uri.to_string(),
            what: if uri.key().is_empty() { "bucket" } else { "folder" },
        }
    }

    /// Whether the thing that was named isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            ClientError::NoSuchBucket { .. } | ClientError::NoSuchKey { .. } | ClientError::NotFound { .. }
        )
    }

    /// What to type instead, or how to mend it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ClientError::NoSuchBucket { bucket, near, .. } => match near.as_slice() {
                [] => format!("`%s3 ls` shows the buckets, `%s3 mb {bucket}` makes this one"),
                near => format!("did you mean {}? `%s3 mb {bucket}` makes this one", or(near)),
            },
            ClientError::NoSuchKey { uri, near, .. } => match near.as_slice() {
                [] => format!("`%s3 ls {}` shows what is there", folder_of(uri)),
                near => format!("did you mean {}?", or(near)),
            },
            ClientError::NotAnObject { uri, .. } => format!("`%s3 ls {uri}` shows what is in it"),
            ClientError::BucketTaken { bucket } => {
                format!("bucket names are shared by all of AWS: try `%s3 mb {bucket}-` and something of your own")
            }
            ClientError::BucketNotEmpty { bucket } => {
                format!("`%s3 ls s3://{bucket}` shows them, `%s3 rm -f s3://{bucket}/` deletes them")
            }
            ClientError::WrongRegion {
                region: Some(region), ..
            } => {
                format!("set {ENV_AWS_REGION}={region} before the kernel starts")
            }
            ClientError::WrongRegion { region: None, .. } => {
                format!("set {ENV_AWS_REGION} to the bucket's region before the kernel starts")
            }
            ClientError::Changed { .. } => "run the cell again".to_owned(),
            ClientError::Broken { .. } => "run the cell again; what is there is unharmed".to_owned(),
            ClientError::TooLarge { .. } => "work on a part of it".to_owned(),
            ClientError::NotFound { near, .. } if !near.is_empty() => {
                format!("did you mean {}?", or(near))
            }
            ClientError::NotFound {
                kind: Resource::Endpoint,
                ..
            } => "`%endpoint ls` shows the endpoints, `%deploy MODEL --name …` makes one".to_owned(),
            ClientError::NotFound { .. } => return None,
            ClientError::AlreadyExists {
                kind: Resource::Endpoint,
                name,
                ..
            } => {
                format!("`%undeploy {name}` removes it, or choose another --name")
            }
            ClientError::AlreadyExists { .. } => "choose another name".to_owned(),
            ClientError::EndpointFailed { endpoint, .. } => {
                format!("`%undeploy {endpoint}` removes it; deploy again then")
            }
            ClientError::Model { hint, .. } | ClientError::Launch { hint, .. } => {
                return hint.clone();
            }
            ClientError::AccessDenied { .. } => {
                format!("use credentials that may do this, such as another profile ({ENV_AWS_PROFILE}=…)")
            }
            ClientError::Credentials { place, problem, .. } => credentials_hint(place, *problem),
            ClientError::NoRegion => format!("set {ENV_AWS_REGION}, to eu-west-1 for example"),
            ClientError::NoRole { .. } => "deploy on this machine, which needs none: `--on local`".to_owned(),
            ClientError::Unreachable { endpoint: Some(_), .. } => {
                "`!ironsage local status` shows whether it runs, `!ironsage local start` starts it".to_owned()
            }
            ClientError::Unreachable { endpoint: None, .. } => {
                "check the network; local:// and what runs on this machine need none".to_owned()
            }
            ClientError::TimedOut { .. } => "run the cell again".to_owned(),
            ClientError::File { source, path, .. } => return file_hint(source, path),
            ClientError::Refused { .. }
            | ClientError::Service { .. }
            | ClientError::Interrupted
            | ClientError::Runtime(_) => return None,
        })
    }
}

fn credentials_hint(place: &str, problem: CredentialsProblem) -> String {
    if place.starts_with("the local") {
        return "the service runs with another key: `!ironsage local stop`, then run the cell again".to_owned();
    }
    match problem {
        CredentialsProblem::Missing => format!(
            "`aws configure` or `aws sso login` in a terminal, or set {ENV_AWS_ACCESS_KEY_ID} and \
             {ENV_AWS_SECRET_ACCESS_KEY}"
        ),
        CredentialsProblem::Expired => "`aws sso login` in a terminal renews them".to_owned(),
        CredentialsProblem::Refused => {
            format!("check the key and this machine's clock, or use another profile ({ENV_AWS_PROFILE}=…)")
        }
    }
}

fn file_hint(source: &std::io::Error, path: &std::path::Path) -> Option<String> {
    match source.kind() {
        std::io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(std::path::Path::new("."));
            Some(format!("`!ls {}` shows what is there", folder.display()))
        }
        std::io::ErrorKind::StorageFull => Some("the disk is full: make room there".to_owned()),
        _ => None,
    }
}

/// "a", "a or b", "a, b or c".
fn or(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn folder_of(uri: &str) -> &str {
    match uri.rfind('/') {
        Some(slash) => &uri[..=slash],
        None => uri,
    }
}

#[cfg(test)]
mod tests;
