//! What a training tells while it runs, and how it is asked to stop.

/// Told of progress, metrics and log lines; asked whether to stop.
pub trait Watch: Sync {
    /// Something happened. Called from the training thread: return soon.
    fn event(&self, event: &Event<'_>);

    /// Whether to end at the next batch and keep the best model so far.
    fn stop(&self) -> bool {
        false
    }
}

/// Watches nothing and never stops.
impl Watch for () {
    fn event(&self, _event: &Event<'_>) {}
}

/// Something that happened in a training.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The data were looked at, training begins.
    Started {
        /// The algorithm.
        algorithm: &'static str,
        /// How many models are trained side by side.
        models: usize,
        /// How many epochs there can be.
        epochs: usize,
        /// How many features a row has.
        width: usize,
        /// How many rows the training channel has, where that is known.
        rows: Option<usize>,
    },
    /// An epoch is over.
    EpochEnd(EpochEnd<'a>),
    /// The epoch that just ended gave the best model so far.
    BestModel {
        /// The epoch, from 0.
        epoch: usize,
        /// The model's number in the pack.
        model: usize,
        /// The watched value.
        value: f64,
    },
    /// A line of the log that SageMaker's container would write; only with [`crate::FitOptions::log`].
    Log(&'a str),
}

/// How an epoch went.
#[derive(Debug, Clone)]
pub struct EpochEnd<'a> {
    /// The epoch, from 0.
    pub epoch: usize,
    /// How many epochs there can be.
    pub epochs: usize,
    /// How many models are trained side by side.
    pub models: usize,
    /// The lowest training objective of the pack (normalised label units for a regressor).
    pub train_objective: f64,
    /// What 1 in normalised label units is in the label's own; 1 where labels stay as they are.
    pub label_unit: f64,
    /// The lowest validation objective of the pack (raw label units), where there is such a channel.
    pub validation_objective: Option<f64>,
    /// What model selection watches, such as `mse_objective` or `sampled_accuracy`.
    pub watched: &'a str,
    /// Whether more of it is better.
    pub maximize: bool,
    /// Its best value over the pack in this epoch.
    pub value: f64,
    /// Its value in the epoch that is kept.
    pub best_value: f64,
    /// The epoch that is kept, from 0.
    pub best_epoch: usize,
    /// The model that is kept.
    pub best_model: usize,
    /// Rows trained on in this epoch.
    pub rows: usize,
    /// Seconds the epoch took, validation included.
    pub seconds: f64,
}
