//! Why training, loading or predicting stopped: what, where, and how to mend it.

use crate::HyperparameterError;
use ironsage_formats::FormatError;
use std::path::PathBuf;
use thiserror::Error;

/// An error of a learner.
#[derive(Debug, Error)]
pub enum LearnError {
    /// The hyperparameters cannot be trained with.
    #[error(transparent)]
    Hyperparameter(#[from] HyperparameterError),
    /// Something this version does not do.
    #[error("{what} is not built yet")]
    NotBuilt {
        /// What was asked for.
        what: String,
        /// What can be done instead.
        instead: String,
    },
    /// A channel without a single row.
    #[error("channel {channel} has no rows ({origin})")]
    Empty {
        /// The channel.
        channel: &'static str,
        /// Where its data come from.
        origin: String,
    },
    /// A row of another width than those before it, in a file or stream.
    #[error("{origin}: row {row}: {found} features where the rows before have {expected}")]
    Ragged {
        /// The file or stream.
        origin: String,
        /// The row in it, from 0.
        row: usize,
        /// The width of the rows before, those of other files among them.
        expected: usize,
        /// This row's width.
        found: usize,
    },
    /// Fewer rows than one batch.
    #[error("mini_batch_size {batch} is more than the {rows} rows of channel train: not one batch would be trained on")]
    BatchTooLarge {
        /// The batch asked for.
        batch: usize,
        /// The rows there are.
        rows: usize,
    },
    /// A row of another width.
    #[error("channel {channel}, row {row}: {found} features where {expected} are expected")]
    Width {
        /// The channel.
        channel: &'static str,
        /// The row, from 0.
        row: usize,
        /// The model's or the first row's width.
        expected: usize,
        /// This row's width.
        found: usize,
        /// What the expectation rests on.
        why: &'static str,
    },
    /// NaN or infinity among the features.
    #[error("channel {channel}, row {row}, feature {column}: {value} is not a finite number")]
    Feature {
        /// The channel.
        channel: &'static str,
        /// The row, from 0.
        row: usize,
        /// The feature's name, or its number from 0.
        column: String,
        /// What stands there.
        value: f32,
    },
    /// A label that the predictor type does not allow.
    #[error("channel {channel}, row {row}: label {value} {problem}")]
    Label {
        /// The channel.
        channel: &'static str,
        /// The row, from 0.
        row: usize,
        /// The label.
        value: f32,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A row without a label where one is needed.
    #[error("channel {channel}, row {row}: no label")]
    NoLabel {
        /// The channel.
        channel: &'static str,
        /// The row, from 0.
        row: usize,
    },
    /// All labels of a classifier's training data are the same.
    #[error("every label of channel train is {value}: there is nothing to tell apart")]
    OneClass {
        /// The only label.
        value: f32,
    },
    /// More weights than there is memory for.
    #[error("{models} models of {width} features do not fit into memory")]
    TooWide {
        /// Features a row.
        width: usize,
        /// Models side by side.
        models: usize,
    },
    /// No model ended an epoch with a finite loss.
    #[error("training diverged: after epoch {epoch} no model has a finite loss")]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
    },
    /// Stopped before the first epoch was complete.
    #[error("training was stopped before its first epoch was over: there is no model to keep")]
    Interrupted,
    /// A model does not take this kind of record.
    #[error("{model} takes {takes}, not rows of features")]
    Records {
        /// The algorithm.
        model: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// A folder without an artifact that is known.
    #[error("{} holds no model that Ironsage knows", .folder.display())]
    NoModel {
        /// The folder.
        folder: PathBuf,
    },
    /// An artifact whose parts do not fit each other.
    #[error("{}: {problem}", .path.display())]
    Artifact {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Data or an artifact that cannot be read.
    #[error("{origin}: {source}")]
    Format {
        /// The file or stream.
        origin: String,
        /// What the reader met.
        source: FormatError,
    },
    /// The file system.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A source of the caller's own failed.
    #[error("{origin}: {source}")]
    Source {
        /// Where the data come from.
        origin: String,
        /// Its own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LearnError {
    /// What to type instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Hyperparameter(error) => error.hint(),
            Self::NotBuilt { instead, .. } => Some(instead.clone()),
            Self::Empty { channel, .. } => Some(format!("give channel {channel} at least one row, or leave it out")),
            Self::BatchTooLarge { rows, .. } => Some(format!("mini_batch_size = {}", suggested_batch(*rows))),
            Self::Width {
                expected, found, why, ..
            } => Some(format!("{why}{}", label_still_in(*expected, *found))),
            Self::Ragged { expected, found, .. } => Some(format!(
                "all rows of a channel have the first row's width{}",
                label_still_in(*expected, *found)
            )),
            Self::Feature { .. } => {
                Some("fill or drop such values first: `fill @numeric median` in a recipe".to_owned())
            }
            Self::Label { hint, .. } => Some((*hint).to_owned()),
            Self::NoLabel { .. } => {
                Some("write the label into the record's `label`, or into the first CSV column".to_owned())
            }
            Self::OneClass { .. } => {
                Some("check the condition that makes the label, and the filter before it".to_owned())
            }
            Self::TooWide { .. } => Some("set num_models = 1, or hash the features into fewer columns".to_owned()),
            Self::Diverged { .. } => {
                Some("give a smaller learning_rate, or leave learning_rate and wd at auto".to_owned())
            }
            Self::NoModel { .. } => Some("a model's folder has a file model_algo-1 in it".to_owned()),
            Self::Format { source, .. } => source.hint(),
            Self::Interrupted
            | Self::Records { .. }
            | Self::Artifact { .. }
            | Self::Io { .. }
            | Self::Source { .. } => None,
        }
    }

    /// Whether it may be what freed a source that waited for data: the system's error, not one of the data.
    pub(crate) fn may_end_a_wait(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::Format {
                    source: FormatError::Io(_),
                    ..
                }
        )
    }
}

/// What a row is asked that is one column too wide.
fn label_still_in(expected: usize, found: usize) -> &'static str {
    if found == expected + 1 {
        " (is the label still in?)"
    } else {
        ""
    }
}

/// A batch size that gives a table of this many rows a fair number of updates.
pub fn suggested_batch(rows: usize) -> usize {
    // About 90 updates an epoch where the rows allow it: the size at which small tables meet scikit-learn's quality.
    (rows / 90).next_power_of_two().clamp(1, 1000).min(rows.max(1))
}
