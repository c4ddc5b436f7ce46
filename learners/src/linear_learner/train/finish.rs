//! The end of a training: the kept model folded to raw units, its threshold, its final scores.

use super::{ROWS, Samples, Training};
use crate::LearnError;
use crate::linear_learner::LinearModel;
use crate::linear_learner::buffer::Buffer;
use crate::linear_learner::check::Checker;
use crate::linear_learner::loss::Loss;
use crate::linear_learner::report::Report;
use crate::linear_learner::score;
use crate::linear_learner::settings::{Criterion, Predictor};
use ironsage_formats::model_algo::MetricsParams;

impl Training<'_> {
    /// The kept model in raw units, with its threshold and final scores; without those whose pass a stop ended.
    pub(super) fn finish(&mut self) -> Result<LinearModel, LearnError> {
        let Some(kept) = self.kept.take() else {
            return Err(LearnError::Interrupted);
        };
        let mut model = self.folded(&kept, self.report.model_kept);
        let binary = self.settings.predictor == Predictor::Binary;
        let mut finals = Vec::new();
        if let Some(mut source) = self.channels.validation.take() {
            let scored = score::channel(
                &model,
                &self.settings,
                self.loss,
                &mut *source,
                "validation",
                self.validated,
            );
            self.channels.validation = Some(source);
            if let Some(scored) = self.unless_stopped(scored)? {
                if binary {
                    self.calibrate(&mut model, &scored, "validation");
                }
                finals.push(("validation", scored.metrics(&model, &self.settings, self.loss)));
            }
        } else {
            if binary && self.settings.criterion != Criterion::Loss && self.report.models > 1 {
                let best = self.best_on_train(&kept);
                if let Some(best) = self.unless_stopped(best)? {
                    self.report.model_kept = best;
                    model = self.folded(&kept, best);
                }
            }
            let source = &mut *self.channels.train;
            let scored = score::channel(&model, &self.settings, self.loss, source, "train", self.opened);
            if let Some(scored) = self.unless_stopped(scored)? {
                if binary {
                    self.calibrate(&mut model, &scored, "train");
                }
                finals.push(("train", scored.metrics(&model, &self.settings, self.loss)));
            }
        }
        self.report.winner = self.settings.printed(&self.settings.candidates[self.report.model_kept]);
        self.log.winner(&self.report);
        for (channel, scores) in &finals {
            self.log.scores(channel, scores);
        }
        match self.channels.test.as_deref_mut() {
            Some(source) => {
                let scored = score::channel(&model, &self.settings, self.loss, source, "test", 0);
                if let Some(scored) = self.unless_stopped(scored)? {
                    let scores = scored.metrics(&model, &self.settings, self.loss);
                    self.log.scores("test", &scores);
                    finals.push(("test", scores));
                }
            }
            None => self.log.no_test(),
        }
        for (channel, scores) in finals {
            let named = scores
                .into_iter()
                .map(|(name, value, _)| (format!("{channel}:{name}"), value));
            self.report.metrics.extend(named);
        }
        model.report = std::mem::take(&mut self.report);
        Ok(model)
    }

    fn folded(&self, kept: &Buffer, number: usize) -> LinearModel {
        let (weights, bias) = self.pack.model(kept, number);
        let (weights, bias) = self.scaler.fold(&weights, bias);
        let binary = self.settings.predictor == Predictor::Binary;
        let mut metrics_params = MetricsParams {
            accuracy_top_k: Some(self.settings.accuracy_top_k),
            f_beta: binary.then_some(self.settings.f_beta),
            positive_example_weight_mult: Some(1.0),
            ..MetricsParams::default()
        };
        match self.loss {
            Loss::Quantile { quantile } => metrics_params.quantile = Some(widened(quantile)),
            Loss::Huber { delta } => metrics_params.huber_delta = Some(widened(delta)),
            Loss::EpsInsensitiveSquared { insensitivity } | Loss::EpsInsensitiveAbsolute { insensitivity } => {
                metrics_params.loss_insensitivity = Some(widened(insensitivity));
                metrics_params.eps_insensitive_loss_type = Some(self.loss.name().to_owned());
            }
            Loss::Logistic { positive } => metrics_params.positive_example_weight_mult = Some(widened(positive)),
            Loss::Hinge { margin, positive } => {
                metrics_params.margin = Some(widened(margin));
                metrics_params.positive_example_weight_mult = Some(widened(positive));
            }
            Loss::Squared | Loss::Absolute => {}
        }
        LinearModel {
            weights,
            bias,
            threshold: 0.5,
            loss: self.loss.name().to_owned(),
            predictor_type: self.settings.predictor.name().to_owned(),
            metrics_params,
            bias_lr_mult: self.settings.bias_lr_mult,
            report: Report::default(),
        }
    }

    fn calibrate(&mut self, model: &mut LinearModel, scored: &score::Scored, channel: &str) {
        let chosen = scored.threshold(&self.settings, self.settings.criterion);
        model.threshold = chosen.threshold;
        self.report.threshold_from = Some((channel.to_owned(), scored.calibration(&self.settings)));
        let target = matches!(
            self.settings.criterion,
            Criterion::PrecisionAtRecall { .. } | Criterion::RecallAtPrecision { .. }
        );
        self.report.target_met = target.then_some(chosen.met);
    }

    /// Without a validation channel the criterion chooses among the kept models on the training rows.
    fn best_on_train(&mut self, kept: &Buffer) -> Result<usize, LearnError> {
        self.pack.restore(kept);
        let mut samples = Samples::default();
        let mut losses = vec![0.0; self.report.models];
        let width = Some((self.scaler.width(), "the first rows have that many"));
        let mut checker = Checker::new("train", self.settings.predictor, width);
        let mut stream = self.channels.train.open(self.opened)?;
        while let Some(batch) = stream.next(ROWS)? {
            if samples.labels.len() >= self.settings.calibration {
                break;
            }
            checker.check_shape(&batch)?;
            samples.labels.extend_from_slice(batch.labels);
            self.pack
                .evaluate(&self.scaler, self.loss, batch, Some(&mut samples.margins), &mut losses);
        }
        drop(stream);
        self.opened += 1;
        samples.labels.truncate(self.settings.calibration);
        let criteria = samples.best(self.settings.criterion, losses.len());
        let mut best = self.report.model_kept;
        for (model, &value) in criteria
            .iter()
            .enumerate()
            .filter(|(model, _)| losses[*model].is_finite())
        {
            if value > criteria[best] {
                best = model;
            }
        }
        Ok(best)
    }
}

/// A hyperparameter as it was written: 0.1, not float32's 0.10000000149.
fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
