//! What a training or serving process can meet, in words for a caller, a log and a failure file.
//!
//! Each error knows its HTTP status: what the caller sent wrong is 4xx, what is broken here 500.

use std::path::PathBuf;

use ironsage_formats::FormatError;
use ironsage_learners::LearnError;
use ironsage_prep::PrepError;

/// An error of the container.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// A request in a format that is not read.
    #[error("content type {found} is not read here")]
    ContentType {
        /// What the request said.
        found: String,
        /// What would be read.
        taken: &'static str,
    },
    /// A caller who accepts no format that is written.
    #[error("no answer can be given as {asked}")]
    Accept {
        /// What the request said.
        asked: String,
        /// What would be given.
        given: &'static str,
    },
    /// A body larger than is read.
    #[error("the request's body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// A body without any row.
    #[error("the request's body has no rows")]
    EmptyBody,
    /// The body didn't arrive.
    #[error("the request's body broke off: {reason}")]
    Body {
        /// What the connection said.
        reason: String,
    },
    /// A body that isn't what its content type says.
    #[error("the request's body is no {expected}: {problem}")]
    Syntax {
        /// Such as `JSON`.
        expected: &'static str,
        /// Where and what.
        problem: String,
    },
    /// An instance that cannot be read.
    #[error("instance {instance}: {problem}")]
    Instance {
        /// Its number, from 0.
        instance: usize,
        /// What is wrong.
        problem: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A row with more or fewer numbers than the model takes.
    #[error("row {row} has {found} features, the model takes {expected}")]
    Width {
        /// The row, from 1.
        row: usize,
        /// The row's features.
        found: usize,
        /// The model's.
        expected: usize,
        /// The model's feature names, if it has such.
        names: Vec<String>,
        /// Whether raw rows by name would do.
        by_name: bool,
    },
    /// A field that is no number, in rows of prepared numbers.
    #[error("row {row}, field {field}: {text:?} is not a number")]
    Number {
        /// The row, from 1.
        row: u64,
        /// The field, from 1.
        field: usize,
        /// What stands there.
        text: String,
        /// The names of the raw columns, if raw rows by name would do.
        inputs: Vec<String>,
    },
    /// Raw columns for a model that knows none.
    #[error("this model's artifact has no column names: it takes rows of {width} numbers only")]
    NoNames {
        /// How many.
        width: usize,
    },
    /// Raw columns that cannot be prepared.
    #[error(transparent)]
    Prep(#[from] PrepError),
    /// What a reader met.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// What the learner met.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// A model whose card doesn't fit.
    #[error("the model's card does not fit: {problem}")]
    Card {
        /// What is wrong.
        problem: String,
    },
    /// Nothing tells which algorithm to train.
    #[error("no algorithm is named")]
    NoAlgorithm {
        /// The ones there are.
        known: &'static [&'static str],
    },
    /// An algorithm that is not there.
    #[error("there is no algorithm {name:?} here")]
    UnknownAlgorithm {
        /// What was asked for.
        name: String,
        /// The ones there are.
        known: &'static [&'static str],
    },
    /// A configuration file that is missing or not what it should be.
    #[error("{}: {problem}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A channel that cannot be used.
    #[error("channel {channel}: {problem}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong.
        problem: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The port cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server's threads.
    #[error("the server's threads can't be made: {0}")]
    Runtime(#[source] std::io::Error),
    /// A panic or the like: nothing a caller can mend.
    #[error("the server failed on this request: {reason}")]
    Internal {
        /// In words.
        reason: String,
    },
}

impl ContainerError {
    /// The status of an answer with this error.
    pub fn status(&self) -> u16 {
        match self {
            ContainerError::ContentType { .. } => 415,
            ContainerError::Accept { .. } => 406,
            ContainerError::TooLarge { .. } => 413,
            ContainerError::EmptyBody
            | ContainerError::Body { .. }
            | ContainerError::Syntax { .. }
            | ContainerError::Instance { .. }
            | ContainerError::Width { .. }
            | ContainerError::Number { .. }
            | ContainerError::NoNames { .. }
            | ContainerError::Prep(_)
            | ContainerError::Format(_)
            | ContainerError::Learn(_)
            | ContainerError::Channel { .. } => 400,
            _ => 500,
        }
    }

    /// What to send or do instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            ContainerError::ContentType { taken, .. } => Some(format!("send {taken}")),
            ContainerError::Accept { given, .. } => Some(format!("accept {given}")),
            ContainerError::TooLarge { .. } => Some("send fewer rows at a time".to_owned()),
            ContainerError::EmptyBody => Some("send at least one row".to_owned()),
            ContainerError::Syntax { expected: "JSON", .. } => {
                Some(r#"send {"instances": [{"features": [1.5, 2]}]}"#.to_owned())
            }
            ContainerError::Instance { hint, .. } | ContainerError::Channel { hint, .. } => hint.clone(),
            ContainerError::Width { names, by_name, .. } => {
                let mut hint = match names.as_slice() {
                    [] => return None,
                    names => format!("the features are {}", listed(names)),
                };
                if *by_name {
                    hint.push_str("; or send raw columns by name, as JSON objects or as CSV with a header");
                }
                Some(hint)
            }
            ContainerError::Number { inputs, .. } => Some(match inputs.as_slice() {
                [] => "send rows of numbers, without a header".to_owned(),
                inputs => format!(
                    "text/csv without a header takes prepared numbers; with the header {} it takes raw values",
                    listed(inputs)
                ),
            }),
            ContainerError::NoNames { .. } => Some("send text/csv without a header".to_owned()),
            ContainerError::Prep(error) => error.hint(),
            ContainerError::Format(error) => error.hint(),
            ContainerError::Learn(error) => error.hint(),
            ContainerError::NoAlgorithm { known } | ContainerError::UnknownAlgorithm { known, .. } => {
                Some(format!("set IRONSAGE_ALGORITHM to {}", known.join(" or ")))
            }
            ContainerError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Some("another process has this port: set SAGEMAKER_BIND_TO_PORT to a free one".to_owned())
            }
            ContainerError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("the disk is full: make room there".to_owned())
            }
            _ => None,
        }
    }
}

/// Names with commas, shortened where there are many.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",");
    if names.len() > SHOWN {
        text.push_str(&format!(",… ({} in all)", names.len()));
    }
    text
}
