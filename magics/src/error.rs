//! What a person reads when a magic cannot do what was asked: the kind (Jupyter's `ename`), what
//! failed and where, and what to type instead. Every other error of the house becomes one of these
//! at the edge of a magic, so that texts are written in one place and no Debug dump reaches a cell.

use std::fmt;
use std::path::Path;

use ironsage_client::ClientError;
use ironsage_formats::FormatError;
use ironsage_learners::LearnError;
use ironsage_prep::PrepError;
use polars::error::PolarsError;

/// The kind of a failure, shown as the `ename` of a Jupyter error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The line cannot be understood: an unknown magic, flag, name or value.
    UsageError,
    /// What the line names does not exist: a frame, a column, a file, a bucket, a key.
    NotFound,
    /// The data does not allow it: ragged rows, text where numbers are wanted.
    DataError,
    /// It would take more memory than there is.
    MemoryError,
    /// The local service or AWS refused, or does not answer.
    ServiceError,
    /// A training, or a model, cannot do it.
    ModelError,
    /// A shell command ended with a failure.
    ShellError,
    /// A `%%python` cell raised an exception, or there is no Python.
    PythonError,
    /// Stopped by the person.
    Interrupted,
    /// Ironsage itself is at fault.
    InternalError,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A failed magic: what kind, what and where, and what to type instead.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct MagicError {
    /// The kind, shown as the `ename`.
    pub kind: ErrorKind,
    /// What failed, and where.
    pub message: String,
    /// What to type instead.
    pub hint: Option<String>,
}

impl MagicError {
    /// An error of this kind, with no hint yet.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> MagicError {
        MagicError {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// The line cannot be understood.
    pub fn usage(message: impl Into<String>) -> MagicError {
        MagicError::new(ErrorKind::UsageError, message)
    }

    /// What the line names does not exist.
    pub fn not_found(message: impl Into<String>) -> MagicError {
        MagicError::new(ErrorKind::NotFound, message)
    }

    /// The data does not allow it.
    pub fn data(message: impl Into<String>) -> MagicError {
        MagicError::new(ErrorKind::DataError, message)
    }

    /// Ironsage itself is at fault.
    pub fn internal(message: impl Into<String>) -> MagicError {
        MagicError::new(ErrorKind::InternalError, message)
    }

    /// Stopped by the person; `what` says what was stopped and what became of it.
    pub fn interrupted(what: impl Into<String>) -> MagicError {
        MagicError::new(ErrorKind::Interrupted, what)
    }

    /// The same error with what to type instead.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> MagicError {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with a hint where there is one.
    #[must_use]
    pub fn with_hint_from(mut self, hint: Option<String>) -> MagicError {
        if hint.is_some() {
            self.hint = hint;
        }
        self
    }

    /// The same error with the frame that it is about.
    #[must_use]
    pub fn in_frame(self, frame: &str) -> MagicError {
        MagicError {
            message: format!("frame `{frame}`: {}", self.message),
            ..self
        }
    }

    /// The same error; where the person stopped it, `what` says what became of it.
    #[must_use]
    pub fn when_stopped(self, what: impl Into<String>) -> MagicError {
        match self.kind {
            ErrorKind::Interrupted => MagicError::interrupted(what),
            _ => self,
        }
    }

    /// A failure of the file system, with the path that it is about.
    pub fn file(path: &Path, doing: &str, error: &std::io::Error) -> MagicError {
        let shown = path.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                MagicError::not_found(format!("cannot {doing} {shown}: no such file or folder"))
            }
            std::io::ErrorKind::StorageFull => MagicError::new(
                ErrorKind::ServiceError,
                format!("cannot {doing} {shown}: the disk is full"),
            )
            .with_hint("free some space (`!df -h .` shows it) and run the cell again"),
            _ => MagicError::new(ErrorKind::ServiceError, format!("cannot {doing} {shown}: {error}")),
        }
    }

    /// Message and hint as plain text, the way they stand in a traceback.
    pub fn text(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}: {}\nhint: {hint}", self.kind, self.message),
            None => format!("{}: {}", self.kind, self.message),
        }
    }
}

impl From<ClientError> for MagicError {
    fn from(error: ClientError) -> MagicError {
        let kind = match &error {
            ClientError::Interrupted => return MagicError::interrupted("stopped before the end; nothing was bound"),
            ClientError::File { path, action, source } => {
                return MagicError::file(path, if *action == "writing" { "write" } else { "read" }, source);
            }
            ClientError::NotAnObject { .. } => ErrorKind::UsageError,
            ClientError::TooLarge { .. } => ErrorKind::MemoryError,
            ClientError::Model { .. } => ErrorKind::ModelError,
            _ if error.is_not_found() => ErrorKind::NotFound,
            _ => ErrorKind::ServiceError,
        };
        MagicError::new(kind, error.to_string()).with_hint_from(error.hint())
    }
}

impl From<PrepError> for MagicError {
    fn from(error: PrepError) -> MagicError {
        MagicError::data(error.to_string()).with_hint_from(error.hint())
    }
}

impl From<LearnError> for MagicError {
    fn from(error: LearnError) -> MagicError {
        let kind = match &error {
            LearnError::Hyperparameter(_) => ErrorKind::UsageError,
            LearnError::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::ModelError,
        };
        MagicError::new(kind, error.to_string()).with_hint_from(error.hint())
    }
}

impl From<FormatError> for MagicError {
    fn from(error: FormatError) -> MagicError {
        MagicError::new(ErrorKind::ModelError, error.to_string()).with_hint_from(error.hint())
    }
}

impl From<PolarsError> for MagicError {
    fn from(error: PolarsError) -> MagicError {
        let kind = match &error {
            PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_) => ErrorKind::NotFound,
            PolarsError::SQLInterface(_) | PolarsError::SQLSyntax(_) => ErrorKind::UsageError,
            _ => ErrorKind::DataError,
        };
        MagicError::new(kind, first_paragraph(&error.to_string()))
    }
}

/// Polars appends the resolved plan to some messages; what a person needs is before it.
fn first_paragraph(text: &str) -> String {
    let text = text.split("\n\nResolved plan until failure").next().unwrap_or(text);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_and_how_to_look_at_it() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = MagicError::file(Path::new("out.csv"), "write", &full);
        assert_eq!(
            error.text(),
            "ServiceError: cannot write out.csv: the disk is full\nhint: free some space (`!df -h .` shows it) and run the cell again"
        );
    }

    #[test]
    fn polars_plan_is_cut_off() {
        let error = PolarsError::ComputeError("bad\n\nResolved plan until failure:\n\nDF [a]".into());
        assert_eq!(MagicError::from(error).message, "bad");
    }
}
