//! An algorithm: its name, its hyperparameters, its record, how it is fitted.

use crate::{Channels, Hyperparameters, LearnError, Model, Record, Schema, Watch};

/// One of SageMaker's built-in algorithms.
pub trait Algorithm {
    /// What it learns from.
    type Record: Record;
    /// What it gives.
    type Fitted: Model;

    /// Its name in image URIs and cells, such as `linear-learner`.
    fn name(&self) -> &'static str;

    /// Its hyperparameters.
    fn schema(&self) -> &'static Schema;

    /// Learns a model.
    ///
    /// # Errors
    /// Hyperparameters that cannot be used, data that cannot be learned from; see [`LearnError`].
    fn fit(
        &self,
        asked: &Hyperparameters,
        channels: &mut Channels<Self::Record>,
        options: &FitOptions,
        watch: &dyn Watch,
    ) -> Result<Self::Fitted, LearnError>;
}

/// What is not a hyperparameter: SageMaker's container has no name for it.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// Where random numbers start: the same seed gives the same model on any number of threads.
    pub seed: u64,
    /// Whether to give the container's log lines as [`crate::Event::Log`].
    pub log: bool,
    /// The host that log lines name.
    pub host: String,
}

impl FitOptions {
    /// The seed of all trainings that name none.
    pub const DEFAULT_SEED: u64 = 20_261_123;

    /// The default options with another seed.
    pub fn seeded(seed: u64) -> Self {
        FitOptions {
            seed,
            ..Self::default()
        }
    }
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            seed: Self::DEFAULT_SEED,
            log: false,
            host: "algo-1".to_owned(),
        }
    }
}
