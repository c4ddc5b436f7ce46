//! SageMaker's built-in algorithms in process: streams in, models out.
//!
//! ```text
//! Algorithm   its name, its hyperparameters, its Record, how it is fitted
//! Source      opens epoch n of a channel as a stream of batches of its records
//! Watch       told of progress, metrics and log lines; asked whether to stop
//! Model       predicts a batch, is saved to a folder, says what it is
//! ```
//!
//! The same code is called by `%train` in a notebook's kernel, by `ironsage train` in a job and by
//! `ironsage serve` behind an endpoint. Nothing here knows a network, a notebook or a data frame.
//!
//! ```
//! use ironsage_learners::{linear_learner::LinearLearner, *};
//! // 2 x − 1, 64 rows
//! let x: Vec<f32> = (0..64).map(|row| row as f32 / 8.0).collect();
//! let y: Vec<f32> = x.iter().map(|x| 2.0 * x - 1.0).collect();
//! let asked = Hyperparameters::new().with("predictor_type", "regressor").with("mini_batch_size", 8).with("epochs", 60);
//! let mut channels = Channels::new(DenseMatrix::new(1, x, y)?);
//! let model = LinearLearner.fit(&asked, &mut channels, &FitOptions::default(), &())?;
//! let answers = model.predict(&Rows::dense(1, &[3.0, 5.0]))?;
//! assert!((answers[0].score - 5.0).abs() < 0.1 && (answers[1].score - 9.0).abs() < 0.1);
//! # Ok::<(), LearnError>(())
//! ```

mod algorithm;
mod error;
mod files;
mod hyperparameters;
pub mod json;
pub mod linear_learner;
pub mod metrics;
mod model;
mod schema;
mod source;
mod watch;

pub use algorithm::{Algorithm, FitOptions};
pub use error::{LearnError, suggested_batch};
pub use files::{ByteStream, ContentType, Files};
pub use hyperparameters::Hyperparameters;
pub use model::{Description, Model, Prediction};
pub use schema::{HyperparameterError, Kind, Parameter, Scale, Schema, Tune, parse_bool};
pub use source::{Channels, DenseMatrix, Features, Record, Row, Rows, Source, Stream};
pub use watch::{EpochEnd, Event, Watch};

pub use ironsage_formats::artifact::{Card, read_card};

use std::path::Path;

/// The algorithms that can be trained, by the names that image URIs and cells use.
pub fn algorithms() -> &'static [&'static str] {
    &[linear_learner::NAME]
}

/// The hyperparameters of an algorithm.
pub fn schema(algorithm: &str) -> Option<&'static Schema> {
    (algorithm == linear_learner::NAME).then_some(&linear_learner::SCHEMA)
}

/// Loads whatever model a folder holds; which algorithm made it, the artifact says.
///
/// # Errors
/// [`LearnError::NoModel`] where nothing is known about the folder's files, and what reading them meets.
pub fn load(folder: &Path) -> Result<Box<dyn Model>, LearnError> {
    if folder.join(ironsage_formats::model_algo::FILE_NAME).is_file() {
        return Ok(Box::new(linear_learner::load(folder)?));
    }
    Err(LearnError::NoModel {
        folder: folder.to_owned(),
    })
}
