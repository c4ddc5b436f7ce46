//! Final scores of the model that is kept: computed with the very weights and arithmetic that are saved and served.

use super::LinearModel;
use super::check::{Checker, named};
use super::loss::Loss;
use super::settings::{Criterion, Predictor, Settings};
use super::threshold::{self, Chosen};
use crate::metrics::{self, Confusion, sort_key};
use crate::{LearnError, Row, Source};
use ironsage_formats::model_algo::python_float;

/// Rows read at a time.
const ROWS: usize = 4096;

/// A channel's rows, scored.
#[derive(Default)]
pub(super) struct Scored {
    /// Filled for classifiers only: a regressor's sums need no rows.
    scores: Vec<f32>,
    labels: Vec<f32>,
    rows: usize,
    losses: f64,
    squares: f64,
    absolutes: f64,
    /// Of the labels, taken from the first one so that no digits cancel.
    origin: f64,
    label_sum: f64,
    label_squares: f64,
}

/// Scores a channel.
pub(super) fn channel(
    model: &LinearModel,
    settings: &Settings,
    loss: Loss,
    source: &mut dyn Source<Row>,
    name: &'static str,
    epoch: usize,
) -> Result<Scored, LearnError> {
    let width = Some((model.weights.len(), "the model was trained on that many"));
    let mut checker = Checker::new(name, settings.predictor, width);
    let read = read(model, settings, loss, source, epoch, &mut checker);
    let scored = read.map_err(|error| named(error, source))?;
    if scored.rows == 0 {
        return Err(LearnError::Empty {
            channel: name,
            origin: source.origin(),
        });
    }
    Ok(scored)
}

fn read(
    model: &LinearModel,
    settings: &Settings,
    loss: Loss,
    source: &mut dyn Source<Row>,
    epoch: usize,
    checker: &mut Checker,
) -> Result<Scored, LearnError> {
    let mut all = Scored::default();
    let mut stream = source.open(epoch)?;
    while let Some(batch) = stream.next(ROWS)? {
        checker.check(&batch)?;
        let margins = model.margins(&batch)?;
        for (row, (&margin, &label)) in margins.iter().zip(batch.labels).enumerate() {
            let weight = batch.weights.get(row).map_or(1.0, |&weight| f64::from(weight));
            let (margin, truth) = (f64::from(margin), f64::from(label));
            all.losses += weight * loss.value(margin, truth);
            let error = margin - truth;
            if all.rows == 0 {
                all.origin = truth;
            }
            all.squares += error * error;
            all.absolutes += error.abs();
            all.label_sum += truth - all.origin;
            all.label_squares += (truth - all.origin) * (truth - all.origin);
            all.rows += 1;
        }
        if settings.predictor == Predictor::Binary {
            all.scores.extend(margins.iter().map(|&margin| model.score(margin)));
            all.labels.extend_from_slice(batch.labels);
        }
    }
    Ok(all)
}

impl Scored {
    /// How many rows a threshold is set on.
    pub(super) fn calibration(&self, settings: &Settings) -> usize {
        self.rows.min(settings.calibration)
    }

    /// The best threshold on these rows.
    pub(super) fn threshold(&self, settings: &Settings, criterion: Criterion) -> Chosen {
        let rows = self.scores.iter().zip(&self.labels).take(settings.calibration);
        let mut keys: Vec<u64> = rows.map(|(&score, &label)| sort_key(score, label > 0.5)).collect();
        threshold::best(criterion, &mut keys)
    }

    /// Name, value, and whether the log calls it a loss; in the log's order.
    pub(super) fn metrics(&self, model: &LinearModel, settings: &Settings, loss: Loss) -> Vec<(String, f64, bool)> {
        let count = self.rows as f64;
        let mut all = vec![(loss.objective().to_owned(), self.losses / count, true)];
        let mut add = |name: &str, value: f64, loss: bool| all.push((name.to_owned(), value, loss));
        match settings.predictor {
            Predictor::Regressor => {
                let mse = self.squares / count;
                let mae = self.absolutes / count;
                let spread = self.label_squares - self.label_sum * self.label_sum / count;
                add("mse", mse, true);
                add("absolute_loss", mae, true);
                add("rmse", mse.sqrt(), true);
                add(
                    "r2",
                    if spread > 0.0 {
                        1.0 - self.squares / spread
                    } else {
                        f64::NAN
                    },
                    true,
                );
                add("mae", mae, true);
            }
            Predictor::Binary => {
                let counts = Confusion::at(model.threshold, &self.scores, &self.labels);
                let zero = |value: f64| if value.is_nan() { 0.0 } else { value };
                add("binary_classification_accuracy", counts.accuracy(), false);
                add(
                    &format!("binary_f_{:.3}", settings.f_beta),
                    zero(counts.f_beta(settings.f_beta)),
                    false,
                );
                add("precision", zero(counts.precision()), false);
                add("recall", zero(counts.recall()), false);
                add("roc_auc_score", metrics::roc_auc(&self.scores, &self.labels), false);
                add("binary_balanced_accuracy", counts.balanced_accuracy(), false);
                if matches!(loss, Loss::Logistic { .. }) {
                    add("binary_log_loss", metrics::log_loss(&self.scores, &self.labels), true);
                }
            }
        }
        // One class only, or one label only: some of these are not defined.
        all.retain(|(_, value, _)| !value.is_nan());
        all
    }
}

/// A threshold for people: at most four digits.
pub(super) fn printed(threshold: f32) -> String {
    if threshold.is_finite() {
        format!("{threshold:.4}")
    } else {
        python_float(f64::from(threshold))
    }
}
