//! How a training went: what is shown, plotted and kept beside the model.

use crate::LearnError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The report's file beside `model_algo-1`. It holds no clock time, so that the same seed gives the same bytes.
pub const FILE_NAME: &str = "ironsage-report.json";

/// How a training went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The hyperparameters that were merged: the defaults, then what was asked.
    pub hyperparameters: Vec<(String, String)>,
    /// What the winning model was trained with (`optimizer`, `learning_rate`, `wd`, `l1`, …), as the log prints it.
    pub winner: Vec<(String, String)>,
    /// How many models were trained side by side.
    pub models: usize,
    /// The winning model's number in the pack.
    pub model_kept: usize,
    /// The epoch whose weights are kept, from 0.
    pub epoch_kept: usize,
    /// One entry an epoch that was run.
    pub history: Vec<Epoch>,
    /// What was watched to choose, such as `mse_objective` or `sampled_accuracy`.
    pub watched: String,
    /// Whether more of it is better.
    pub maximize: bool,
    /// What `objective` stands for, such as `mse_objective`.
    pub objective: String,
    /// Final metrics in the log's order, named `validation:rmse`, `test:binary_classification_accuracy`, ….
    #[serde(deserialize_with = "crate::json::metrics")]
    pub metrics: Vec<(String, f64)>,
    /// Rows of the training channel.
    pub rows: usize,
    /// Rows trained on in each epoch: whole batches only.
    pub rows_per_epoch: usize,
    /// Batches, so updates, of each epoch.
    pub batches_per_epoch: usize,
    /// Features a row.
    pub width: usize,
    /// Rows that the scaler was computed from.
    pub scaler_rows: usize,
    /// What 1 in normalised label units is in the label's own: the deviation of those rows' labels, or 1 where labels
    /// stay as they are.
    pub label_unit: f64,
    /// Whether the labels of the training channel are in order: a sign of data that want shuffling.
    pub labels_sorted: bool,
    /// Positives among the training rows, for a binary classifier.
    pub positives: Option<usize>,
    /// The channel and the number of rows that set the threshold, for a binary classifier.
    pub threshold_from: Option<(String, usize)>,
    /// Whether the target recall or precision was reached, where the criterion has one.
    pub target_met: Option<bool>,
    /// Whether early stopping ended it.
    pub stopped_early: bool,
    /// Whether it was told to stop.
    pub interrupted: bool,
    /// Seconds from start to end.
    #[serde(skip)]
    pub seconds: f64,
}

/// One epoch of all models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean training objective a model, while it was trained (normalised label units for a regressor).
    #[serde(deserialize_with = "crate::json::numbers")]
    pub train: Vec<f64>,
    /// Mean validation objective a model (raw label units); empty without that channel.
    #[serde(deserialize_with = "crate::json::numbers")]
    pub validation: Vec<f64>,
    /// The watched value a model, where it is another than these (`sampled_accuracy`, …); else empty.
    #[serde(deserialize_with = "crate::json::numbers")]
    pub criterion: Vec<f64>,
    /// The best watched value of the pack, of a model whose losses are finite.
    pub value: f64,
    /// The model that has it.
    pub model: usize,
    /// Whether it counted as an improvement, so that its weights were kept.
    pub improved: bool,
}

impl Default for Report {
    /// Nothing was trained; the training losses of reports from before `label_unit` are shown as they are.
    fn default() -> Report {
        Report {
            hyperparameters: Vec::new(),
            winner: Vec::new(),
            models: 0,
            model_kept: 0,
            epoch_kept: 0,
            history: Vec::new(),
            watched: String::new(),
            maximize: false,
            objective: String::new(),
            metrics: Vec::new(),
            rows: 0,
            rows_per_epoch: 0,
            batches_per_epoch: 0,
            width: 0,
            scaler_rows: 0,
            label_unit: 1.0,
            labels_sorted: false,
            positives: None,
            threshold_from: None,
            target_met: None,
            stopped_early: false,
            interrupted: false,
            seconds: 0.0,
        }
    }
}

impl Report {
    /// A final metric by its name, such as `validation:rmse`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// Rows of the training channel that no epoch used: the last partial batch.
    pub fn rows_dropped(&self) -> usize {
        self.rows.saturating_sub(self.rows_per_epoch)
    }

    /// Updates that each model got in all.
    pub fn updates(&self) -> usize {
        self.batches_per_epoch * self.history.len()
    }

    /// Writes [`FILE_NAME`] into a folder.
    ///
    /// # Errors
    /// [`LearnError::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), LearnError> {
        let path = folder.join(FILE_NAME);
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        written
            .and_then(|text| std::fs::write(&path, text))
            .map_err(|source| LearnError::Io { path, source })
    }

    /// Reads [`FILE_NAME`] from a folder, where it is.
    ///
    /// # Errors
    /// [`LearnError::Io`] where it is there but cannot be read, [`LearnError::Artifact`] where it is no report.
    pub fn load(folder: &Path) -> Result<Option<Report>, LearnError> {
        let path = folder.join(FILE_NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LearnError::Io { path, source }),
        };
        let read = serde_json::from_slice(&text);
        read.map(Some).map_err(|error| LearnError::Artifact {
            path,
            problem: format!("no report: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_report_from_before_label_units_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = serde_json::to_value(Report {
            models: 32,
            metrics: vec![("test:roc_auc_score".to_owned(), f64::INFINITY)],
            ..Report::default()
        })
        .unwrap();
        old.as_object_mut().unwrap().remove("label_unit").unwrap();
        std::fs::write(folder.path().join(FILE_NAME), old.to_string()).unwrap();
        let read = Report::load(folder.path()).unwrap().unwrap();
        assert_eq!((read.models, read.label_unit), (32, 1.0));
        assert!(read.metrics[0].1.is_nan());
    }
}
