//! SageMaker's Linear Learner: many linear models trained side by side, the best one kept.
//!
//! Follows the facts gathered from AWS's documentation, public job logs and public artifacts (grid of 32
//! models, file order, whole batches only, Adam with coupled L2, schedule, calibration, early stopping,
//! `model_algo-1`). [`LinearLearner`] trains, [`LinearModel`] predicts, [`Report`] says how it went.

mod buffer;
mod check;
mod grid;
mod kernels;
mod lanes;
mod log;
mod loss;
mod model;
mod optimizer;
mod pack;
mod parameters;
mod report;
mod scaler;
mod schedule;
mod score;
mod settings;
mod stopping;
mod threshold;
mod train;

pub use model::{LinearModel, load};
pub use parameters::SCHEMA;
pub use report::{Epoch, Report};

use crate::{Algorithm, Channels, FitOptions, Hyperparameters, LearnError, Row, Schema, Watch};

/// The algorithm's name in image URIs and cells.
pub const NAME: &str = "linear-learner";

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinearLearner;

impl Algorithm for LinearLearner {
    type Record = Row;
    type Fitted = LinearModel;

    fn name(&self) -> &'static str {
        NAME
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn fit(
        &self,
        asked: &Hyperparameters,
        channels: &mut Channels<Row>,
        options: &FitOptions,
        watch: &dyn Watch,
    ) -> Result<LinearModel, LearnError> {
        train::fit(asked, channels, options, watch)
    }
}
