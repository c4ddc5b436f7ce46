//! What training gives: something that predicts, is saved, and can say what it is.

use crate::{LearnError, Rows};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::path::Path;

/// A fitted model.
pub trait Model: Send + Sync {
    /// Predicts a batch of rows, in their order.
    ///
    /// # Errors
    /// [`LearnError::Width`] where the rows are not as wide as the model, [`LearnError::Records`] where the
    /// model takes no rows at all (its own type then has its own prediction; see [`Model::as_any`]).
    fn predict(&self, rows: &Rows<'_>) -> Result<Vec<Prediction>, LearnError>;

    /// Writes the artifact's files into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`LearnError::Io`].
    fn save(&self, folder: &Path) -> Result<(), LearnError>;

    /// What it is, for people and tables.
    fn describe(&self) -> Description;

    /// The concrete model, for what only its algorithm has.
    fn as_any(&self) -> &dyn Any;
}

/// One row's prediction, as SageMaker's endpoints answer it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The value for a regressor, the probability of the positive class for a logistic classifier.
    pub score: f32,
    /// The class, for classifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_label: Option<f32>,
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Such as `linear-learner`.
    pub algorithm: String,
    /// `regressor`, `binary_classifier`, `multiclass_classifier`.
    pub task: String,
    /// How many features a row has.
    pub width: usize,
    /// One line: `regressor, squared_loss, 10 features`.
    pub summary: String,
    /// Names and values worth a table (loss, threshold, epoch kept, …).
    pub facts: Vec<(String, String)>,
    /// One coefficient a feature, in raw units, where the model has such.
    pub coefficients: Vec<f32>,
    /// The constant beside them.
    pub intercept: Option<f32>,
}
