//! What a reader or writer met: where in the data, and what to do about it.

use thiserror::Error;

/// An error of a format.
#[derive(Debug, Error)]
pub enum FormatError {
    /// The stream below failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] std::io::Error),
    /// The data end in the middle of something.
    #[error("{what} {at}: the data end in the middle of it")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Its number, from 0, or its name.
        at: String,
    },
    /// Bytes that cannot be what they should be.
    #[error("{what} {at}: {problem}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Its number, from 0, or its name.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something larger than a reader takes.
    #[error("{what} {at}: {size} bytes are more than the {limit} that are read")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// Its number, from 0, or its name.
        at: String,
        /// Its size.
        size: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// A tensor of a type that is not float32.
    #[error("record {record}: {entry} are {found}, only float32 is read")]
    Tensor {
        /// The record, from 0.
        record: u64,
        /// `features` or `label`.
        entry: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A CSV field that is no number.
    #[error("line {line}, field {field}: {text:?} is not a number")]
    Number {
        /// The line, from 1.
        line: u64,
        /// The field, from 1.
        field: usize,
        /// What stands there.
        text: String,
    },
    /// A CSV line with more or fewer fields than the first.
    #[error("line {line}: {found} fields where the first line has {expected}")]
    Ragged {
        /// The line, from 1.
        line: u64,
        /// Fields of the first line.
        expected: usize,
        /// Fields of this line.
        found: usize,
    },
    /// An archive member that would land outside the folder, or is no plain file.
    #[error("archive member {path:?}: {problem}")]
    Unsafe {
        /// The member's path.
        path: String,
        /// Why it is refused.
        problem: &'static str,
    },
}

impl FormatError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tensor { .. } => Some("cast the values to float32 before writing the records".to_owned()),
            Self::Number { line: 1, .. } => {
                Some("text/csv has no header row: take the first line away, or make the field a number".to_owned())
            }
            Self::Number { .. } => Some("make the field a number: encode text, fill what is missing".to_owned()),
            Self::Ragged { .. } => Some("every line needs the same number of fields, the label first".to_owned()),
            Self::Unsafe { .. } => Some("unpack the archive by hand and look at what it holds".to_owned()),
            Self::Truncated { .. } => Some("the file or the transfer is incomplete: fetch it again".to_owned()),
            Self::Io(_) | Self::Malformed { .. } | Self::TooLarge { .. } => None,
        }
    }

    pub(crate) fn malformed(what: &'static str, at: impl ToString, problem: impl Into<String>) -> Self {
        Self::Malformed {
            what,
            at: at.to_string(),
            problem: problem.into(),
        }
    }

    pub(crate) fn truncated(what: &'static str, at: impl ToString) -> Self {
        Self::Truncated {
            what,
            at: at.to_string(),
        }
    }
}
