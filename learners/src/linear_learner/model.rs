//! A fitted linear model: float32 weights in raw units, as `model_algo-1` holds them.

use super::{NAME, Report};
use crate::{Description, Features, LearnError, Model, Prediction, Rows};
use ironsage_formats::model_algo::{self, AdditionalParams, Coefficients, ModelAlgo};
use std::any::Any;
use std::path::Path;

/// A fitted linear model.
#[derive(Debug, Clone)]
pub struct LinearModel {
    /// One weight a feature, in raw units.
    pub weights: Vec<f32>,
    /// The constant, in raw units.
    pub bias: f32,
    /// `score >= threshold` predicts class 1; 0.5 and unused for a regressor.
    pub threshold: f32,
    /// The loss it was trained with, such as `squared_loss` or `logistic`.
    pub loss: String,
    /// `regressor` or `binary_classifier`.
    pub predictor_type: String,
    /// What else the artifact says about its metrics.
    pub metrics_params: model_algo::MetricsParams,
    /// The bias's learning rate in multiples of the weights', which the artifact's graph notes.
    pub bias_lr_mult: f64,
    /// How the training went; empty for an artifact that came without it.
    pub report: Report,
}

impl LinearModel {
    /// `w·x + b` for one dense row, float32 in feature order, as the endpoint computes it.
    pub fn margin(&self, row: &[f32]) -> f32 {
        let mut sum = 0.0_f32;
        for (weight, value) in self.weights.iter().zip(row) {
            sum += weight * value;
        }
        sum + self.bias
    }

    /// The score of a margin: the sigmoid for a logistic classifier, else the margin itself.
    pub fn score(&self, margin: f32) -> f32 {
        if self.loss == "logistic" {
            1.0 / (1.0 + (-margin).exp())
        } else {
            margin
        }
    }

    /// The label of a score, for a classifier.
    pub fn label(&self, score: f32) -> Option<f32> {
        (self.predictor_type == "binary_classifier").then(|| f32::from(score >= self.threshold))
    }

    /// Scores of a batch of rows, in their order.
    ///
    /// # Errors
    /// [`LearnError::Width`].
    pub fn scores(&self, rows: &Rows<'_>) -> Result<Vec<f32>, LearnError> {
        let mut scores = self.margins(rows)?;
        scores.iter_mut().for_each(|margin| *margin = self.score(*margin));
        Ok(scores)
    }

    /// Margins of a batch of rows, in their order.
    ///
    /// # Errors
    /// [`LearnError::Width`].
    pub fn margins(&self, rows: &Rows<'_>) -> Result<Vec<f32>, LearnError> {
        if rows.width != self.weights.len() {
            return Err(LearnError::Width {
                channel: "to predict",
                row: 0,
                expected: self.weights.len(),
                found: rows.width,
                why: "the model was trained on that many features",
            });
        }
        Ok(match rows.features {
            Features::Dense(values) => self.dense_margins(values),
            Features::Sparse { starts, keys, values } => {
                let row = |ends: &[usize]| {
                    let entries = keys[ends[0]..ends[1]].iter().zip(&values[ends[0]..ends[1]]);
                    entries.fold(0.0, |sum, (&key, value)| sum + self.weights[key as usize] * value) + self.bias
                };
                starts.windows(2).map(row).collect()
            }
        })
    }

    /// Eight rows at a time: each sum stays in feature order, and the processor does not wait for one of them.
    fn dense_margins(&self, values: &[f32]) -> Vec<f32> {
        const ROWS: usize = 8;
        let width = self.weights.len();
        if width == 0 {
            return Vec::new();
        }
        let mut margins = Vec::with_capacity(values.len() / width);
        let blocks = values.chunks_exact(ROWS * width);
        let rest = blocks.remainder();
        for block in blocks {
            let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &block[row * width..(row + 1) * width]);
            let mut sums = [0.0_f32; ROWS];
            for (feature, weight) in self.weights.iter().enumerate() {
                for row in 0..ROWS {
                    sums[row] += weight * rows[row][feature];
                }
            }
            margins.extend(sums.map(|sum| sum + self.bias));
        }
        margins.extend(rest.chunks_exact(width).map(|row| self.margin(row)));
        margins
    }
}

impl Model for LinearModel {
    fn predict(&self, rows: &Rows<'_>) -> Result<Vec<Prediction>, LearnError> {
        let scores = self.scores(rows)?;
        Ok(scores
            .into_iter()
            .map(|score| Prediction {
                score,
                predicted_label: self.label(score),
            })
            .collect())
    }

    fn save(&self, folder: &Path) -> Result<(), LearnError> {
        std::fs::create_dir_all(folder).map_err(|source| LearnError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let parts = ModelAlgo {
            coefficients: Coefficients {
                features: self.weights.len(),
                outputs: 1,
                weight: self.weights.clone(),
                bias: vec![self.bias],
            },
            params: AdditionalParams {
                threshold: f64::from(self.threshold),
                loss_type: self.loss.clone(),
                predictor_type: self.predictor_type.clone(),
                metrics_params: self.metrics_params.clone(),
            },
            counter: self.report.models + self.report.history.iter().filter(|epoch| epoch.improved).count(),
            bias_lr_mult: self.bias_lr_mult,
        };
        let path = folder.join(model_algo::FILE_NAME);
        std::fs::write(&path, parts.to_bytes()).map_err(|source| LearnError::Io { path, source })?;
        if self.report == Report::default() {
            Ok(())
        } else {
            self.report.save(folder)
        }
    }

    fn describe(&self) -> Description {
        let mut facts = vec![("loss".to_owned(), self.loss.clone())];
        if self.predictor_type == "binary_classifier" {
            facts.push(("threshold".to_owned(), super::score::printed(self.threshold)));
        }
        if self.report.models > 0 {
            facts.push((
                "model kept".to_owned(),
                format!("{} of {}", self.report.model_kept, self.report.models),
            ));
            facts.push(("epoch kept".to_owned(), self.report.epoch_kept.to_string()));
        }
        facts.extend(self.report.winner.iter().cloned());
        Description {
            algorithm: NAME.to_owned(),
            task: self.predictor_type.clone(),
            width: self.weights.len(),
            summary: format!(
                "{}, {}, {} features",
                self.predictor_type,
                self.loss,
                self.weights.len()
            ),
            facts,
            coefficients: self.weights.clone(),
            intercept: Some(self.bias),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Loads a linear model from a folder with `model_algo-1` in it.
///
/// # Errors
/// [`LearnError::Io`], [`LearnError::Format`] for a file that is none, [`LearnError::NotBuilt`] for more than one output.
pub fn load(folder: &Path) -> Result<LinearModel, LearnError> {
    let path = folder.join(model_algo::FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|source| LearnError::Io {
        path: path.clone(),
        source,
    })?;
    let origin = path.display().to_string();
    let parts = ModelAlgo::from_bytes(&bytes).map_err(|source| LearnError::Format { origin, source })?;
    if parts.coefficients.outputs != 1 {
        return Err(LearnError::NotBuilt {
            what: format!(
                "a {} with {} classes",
                parts.params.predictor_type, parts.coefficients.outputs
            ),
            instead: "models of type regressor and binary_classifier load".to_owned(),
        });
    }
    Ok(LinearModel {
        bias: parts.coefficients.bias.first().copied().unwrap_or(0.0),
        weights: parts.coefficients.weight,
        threshold: parts.params.threshold as f32,
        loss: parts.params.loss_type,
        predictor_type: parts.params.predictor_type,
        metrics_params: parts.params.metrics_params,
        bias_lr_mult: parts.bias_lr_mult,
        report: Report::load(folder)?.unwrap_or_default(),
    })
}
