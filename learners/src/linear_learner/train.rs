//! The training loop: epochs of whole batches, validation, choice of the model, early stopping.
//!
//! In the order of a real job: look at the data for the scaler, then in each epoch train all models on the same
//! batches, score them all on validation, watch the best of them, keep its weights when that counts as an improvement.
//! At the end the kept model is folded to raw units and scored as it will be served.

mod finish;

use super::buffer::Buffer;
use super::check::{Checker, Labels, named};
use super::log::{Counters, Log, now};
use super::loss::Loss;
use super::pack::Pack;
use super::report::{Epoch, Report};
use super::scaler::Scaler;
use super::settings::{Criterion, Predictor, Settings};
use super::stopping::Stopping;
use super::threshold;
use super::{LinearModel, NAME};
use crate::metrics::sort_key;
use crate::{Channels, EpochEnd, Event, FitOptions, Hyperparameters, LearnError, Row, Source, Watch};
use rayon::prelude::*;
use std::time::Instant;

/// Validation rows read at a time.
const ROWS: usize = 4096;

/// Fits a Linear Learner.
pub(super) fn fit(
    asked: &Hyperparameters,
    channels: &mut Channels<Row>,
    options: &FitOptions,
    watch: &dyn Watch,
) -> Result<LinearModel, LearnError> {
    let began = Instant::now();
    let settings = Settings::new(asked)?;
    let log = Log::new(options, watch);
    log.configuration(&settings, asked);
    let training = Training::prepare(settings, channels, options, watch, log);
    let mut training = training.map_err(|error| if watch.stop() { LearnError::Interrupted } else { error })?;
    let prepared = began.elapsed().as_secs_f64();
    training.run()?;
    let trained = began.elapsed().as_secs_f64();
    let mut model = training.finish()?;
    let total = began.elapsed().as_secs_f64();
    model.report.seconds = total;
    training.log.times(
        prepared,
        model.report.history.len(),
        trained - prepared,
        total - trained,
    );
    Ok(model)
}

struct Training<'a> {
    settings: Settings,
    loss: Loss,
    channels: &'a mut Channels<Row>,
    watch: &'a dyn Watch,
    log: Log<'a>,
    scaler: Scaler,
    pack: Pack,
    stopping: Stopping,
    report: Report,
    kept: Option<Buffer>,
    best: f64,
    /// How often the training channel was opened: the next epoch's number for its source.
    opened: usize,
    validated: usize,
    counters: Counters,
}

/// What an epoch over the training channel gave.
struct Pass {
    losses: Vec<f64>,
    rows: usize,
    stopped: bool,
}

/// What an epoch gave on the validation channel, a value a model.
#[derive(Default)]
struct Validated {
    losses: Vec<f64>,
    /// Empty where no threshold decides.
    criteria: Vec<f64>,
}

impl<'a> Training<'a> {
    fn prepare(
        settings: Settings,
        channels: &'a mut Channels<Row>,
        options: &FitOptions,
        watch: &'a dyn Watch,
        log: Log<'a>,
    ) -> Result<Self, LearnError> {
        let start = now();
        let source = &mut *channels.train;
        let known = source.records();
        if let Some(rows) = known.filter(|&rows| rows > 0 && rows < settings.batch) {
            return Err(LearnError::BatchTooLarge {
                batch: settings.batch,
                rows,
            });
        }
        let origin = source.origin();
        let scaler = Scaler::fit(&settings, source, &origin).map_err(|error| named(error, &*channels.train))?;
        let mut opened = 1;
        let loss = if settings.balanced {
            opened += 1;
            settings
                .loss
                .weighing_positives(balance(&settings, &mut *channels.train)?)
        } else {
            settings.loss
        };
        log.scaler(&settings, &scaler);
        let seen = Counters {
            records: scaler.rows + settings.batch,
            batches: scaler.rows / settings.batch + 1,
            resets: opened,
            records_since: scaler.rows,
            batches_since: scaler.rows / settings.batch,
        };
        log.counters("init_train_data_iter", start, seen);
        let pack = Pack::new(&settings, scaler.width(), options.seed)?;
        let validation = channels.validation.is_some();
        let sampled = settings.predictor == Predictor::Binary && validation;
        let maximize = sampled && settings.criterion != Criterion::Loss;
        let report = Report {
            hyperparameters: settings
                .merged
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            models: settings.candidates.len(),
            watched: if sampled {
                format!("sampled_{}", settings.criterion_name)
            } else {
                loss.objective().to_owned()
            },
            objective: loss.objective().to_owned(),
            maximize,
            width: scaler.width(),
            scaler_rows: scaler.rows,
            label_unit: scaler.label_deviation,
            ..Report::default()
        };
        watch.event(&Event::Started {
            algorithm: NAME,
            models: settings.candidates.len(),
            epochs: settings.epochs,
            width: scaler.width(),
            rows: known,
        });
        Ok(Training {
            stopping: Stopping::new(settings.patience, settings.tolerance, maximize),
            settings,
            loss,
            channels,
            watch,
            log,
            scaler,
            pack,
            report,
            kept: None,
            best: f64::NAN,
            opened,
            validated: 0,
            counters: Counters::default(),
        })
    }

    fn run(&mut self) -> Result<(), LearnError> {
        for epoch in 0..self.settings.epochs {
            let began = Instant::now();
            let start = now();
            let pass = self.train(epoch);
            let Some(pass) = self.unless_stopped(pass)? else {
                break;
            };
            let trained = began.elapsed().as_secs_f64();
            if pass.stopped {
                self.report.interrupted = true;
                // A first epoch that was cut short still gave models: better one of them than none.
                if epoch > 0 || pass.rows == 0 {
                    break;
                }
            }
            self.log
                .losses("train", epoch, start, self.loss.objective(), &pass.losses);
            let validated = self.validate(epoch, start);
            let Some(validated) = self.unless_stopped(validated)? else {
                break;
            };
            self.choose(epoch, &pass, validated)?;
            self.log.progress(epoch, self.settings.epochs);
            self.log.counters("training_data_iter", start, self.counters);
            self.log.throughput(pass.rows, trained);
            self.tell(epoch, &pass, began.elapsed().as_secs_f64());
            if pass.stopped {
                break;
            }
            if self.stopping.stops(epoch) {
                self.report.stopped_early = epoch + 1 < self.settings.epochs;
                self.log.stopped_early();
                break;
            }
        }
        if self.kept.is_some() {
            Ok(())
        } else {
            Err(LearnError::Interrupted)
        }
    }

    /// What a pass over a channel gave; `None` where a stop has ended its wait for data: what was kept before is still
    /// good. Data that cannot be trained with are an error, stop or not.
    fn unless_stopped<T>(&mut self, passed: Result<T, LearnError>) -> Result<Option<T>, LearnError> {
        match passed {
            Ok(given) => Ok(Some(given)),
            Err(error) if error.may_end_a_wait() && (self.report.interrupted || self.watch.stop()) => {
                self.report.interrupted = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// One epoch over the training channel.
    fn train(&mut self, epoch: usize) -> Result<Pass, LearnError> {
        let width = Some((self.scaler.width(), "the first rows have that many"));
        let mut checker = Checker::new("train", self.settings.predictor, width);
        let trained = self.train_on(epoch, &mut checker);
        let pass = trained.map_err(|error| named(error, &*self.channels.train))?;
        self.opened += 1;
        if epoch == 0 && !pass.stopped {
            self.report.rows = checker.rows();
            self.labels(checker.labels)?;
        }
        Ok(pass)
    }

    fn train_on(&mut self, epoch: usize, checker: &mut Checker) -> Result<Pass, LearnError> {
        let mut losses = vec![0.0; self.settings.candidates.len()];
        let mut floored = Vec::new();
        let (mut rows, mut batches, mut stopped) = (0, 0, false);
        let mut stream = self.channels.train.open(self.opened)?;
        loop {
            let batch = match stream.next(self.settings.batch) {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                // The models are as good as the batches before have made them.
                Err(error) if batches > 0 && error.may_end_a_wait() && self.watch.stop() => {
                    stopped = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            if self.watch.stop() {
                stopped = true;
                break;
            }
            // Later epochs read values that were checked before.
            if epoch == 0 {
                checker.check(&batch)?;
            } else {
                checker.check_shape(&batch)?;
            }
            // The last, smaller batch is neither trained on nor counted.
            if batch.len() < self.settings.batch {
                break;
            }
            self.pack.train(
                &self.settings,
                &self.scaler,
                self.loss,
                batch,
                &mut losses,
                &mut floored,
            );
            rows += batch.len();
            batches += 1;
            for (_, rate) in floored.drain(..) {
                self.log.floor(self.counters.batches + batches, rate);
            }
        }
        self.report.rows_per_epoch = self.report.rows_per_epoch.max(rows);
        self.report.batches_per_epoch = self.report.batches_per_epoch.max(batches);
        self.counters = Counters {
            records: self.counters.records + rows,
            batches: self.counters.batches + batches,
            resets: self.counters.resets + 1,
            records_since: rows,
            batches_since: batches,
        };
        losses.iter_mut().for_each(|loss| *loss /= rows as f64);
        Ok(Pass { losses, rows, stopped })
    }

    fn labels(&mut self, labels: Labels) -> Result<(), LearnError> {
        self.report.labels_sorted = labels.sorted();
        if self.settings.predictor == Predictor::Binary {
            self.report.positives = Some(labels.positives);
            if labels.positives == 0 || labels.positives == self.report.rows {
                return Err(LearnError::OneClass {
                    value: f32::from(labels.positives > 0),
                });
            }
        }
        Ok(())
    }

    /// Each model's validation objective, and each model's criterion where a threshold decides.
    fn validate(&mut self, epoch: usize, start: f64) -> Result<Option<Validated>, LearnError> {
        let Some(mut source) = self.channels.validation.take() else {
            return Ok(None);
        };
        let sampled = self.settings.predictor == Predictor::Binary && self.settings.criterion != Criterion::Loss;
        let mut samples = sampled.then(Samples::default);
        let scored = self.validate_on(&mut *source, epoch, &mut samples);
        let losses = scored.map_err(|error| named(error, &*source));
        self.channels.validation = Some(source);
        let losses = losses?;
        self.log
            .losses("validation", epoch, start, self.loss.objective(), &losses);
        let criteria = samples
            .map(|samples| samples.best(self.settings.criterion, losses.len()))
            .unwrap_or_default();
        Ok(Some(Validated { losses, criteria }))
    }

    fn validate_on(
        &mut self,
        source: &mut dyn Source<Row>,
        epoch: usize,
        samples: &mut Option<Samples>,
    ) -> Result<Vec<f64>, LearnError> {
        let width = Some((self.scaler.width(), "the training rows have that many"));
        let mut checker = Checker::new("validation", self.settings.predictor, width);
        let mut losses = vec![0.0; self.settings.candidates.len()];
        let mut rows = 0;
        let mut stream = source.open(self.validated)?;
        while let Some(batch) = stream.next(ROWS)? {
            if epoch == 0 {
                checker.check(&batch)?;
            } else {
                checker.check_shape(&batch)?;
            }
            let wanted = samples
                .as_mut()
                .filter(|samples| samples.labels.len() < self.settings.calibration);
            let margins = wanted.map(|samples| {
                samples.labels.extend_from_slice(batch.labels);
                &mut samples.margins
            });
            self.pack.evaluate(&self.scaler, self.loss, batch, margins, &mut losses);
            rows += batch.len();
        }
        drop(stream);
        if rows == 0 {
            return Err(LearnError::Empty {
                channel: "validation",
                origin: source.origin(),
            });
        }
        if let Some(samples) = samples {
            samples.labels.truncate(self.settings.calibration);
        }
        self.validated += 1;
        losses.iter_mut().for_each(|loss| *loss /= rows as f64);
        Ok(losses)
    }

    /// Watches the epoch's best value; keeps the weights where it counts as an improvement.
    fn choose(&mut self, epoch: usize, pass: &Pass, validated: Option<Validated>) -> Result<(), LearnError> {
        let Validated {
            losses: validation,
            criteria: criterion,
        } = validated.unwrap_or_default();
        let values = [&criterion, &validation, &pass.losses]
            .into_iter()
            .find(|values| !values.is_empty());
        let better = |one: f64, other: f64| if self.report.maximize { one > other } else { one < other };
        // A model whose loss is no number must not win by its criterion.
        let finite =
            |model: usize| pass.losses[model].is_finite() && validation.get(model).is_none_or(|l| l.is_finite());
        let mut best: Option<(usize, f64)> = None;
        for (model, &value) in values
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(model, _)| finite(*model))
        {
            if best.is_none_or(|(_, other)| better(value, other)) {
                best = Some((model, value));
            }
        }
        let Some((model, value)) = best else {
            // What was kept before the models diverged is still good.
            return if self.kept.is_some() {
                Ok(())
            } else {
                Err(LearnError::Diverged { epoch })
            };
        };
        self.log.watched(epoch, &self.report.watched, value);
        let improved = self.stopping.improves(epoch, value);
        if improved {
            self.log.improved(epoch);
            self.kept = Some(self.pack.weights());
            self.best = value;
            (self.report.epoch_kept, self.report.model_kept) = (epoch, model);
            self.watch.event(&Event::BestModel { epoch, model, value });
        }
        let train = pass.losses.clone();
        self.report.history.push(Epoch {
            train,
            validation,
            criterion,
            value,
            model,
            improved,
        });
        Ok(())
    }

    fn tell(&self, epoch: usize, pass: &Pass, seconds: f64) {
        let Some(last) = self.report.history.last() else { return };
        let lowest = |values: &[f64]| {
            values
                .iter()
                .copied()
                .filter(|value| value.is_finite())
                .reduce(f64::min)
        };
        self.watch.event(&Event::EpochEnd(EpochEnd {
            epoch,
            epochs: self.settings.epochs,
            models: self.settings.candidates.len(),
            train_objective: lowest(&pass.losses).unwrap_or(f64::NAN),
            label_unit: self.report.label_unit,
            validation_objective: lowest(&last.validation),
            watched: &self.report.watched,
            maximize: self.report.maximize,
            value: last.value,
            best_value: self.best,
            best_epoch: self.report.epoch_kept,
            best_model: self.report.model_kept,
            rows: pass.rows,
            seconds,
        }));
    }
}

/// Rows that rank the models by a criterion: their labels and, row by row, all models' margins.
#[derive(Default)]
struct Samples {
    labels: Vec<f32>,
    margins: Vec<f32>,
}

impl Samples {
    /// The criterion's best value of each model. Margins serve: scores rise with them.
    fn best(&self, criterion: Criterion, models: usize) -> Vec<f64> {
        let of = |model: usize| {
            let margins = self.margins.iter().skip(model).step_by(models);
            let mut keys: Vec<u64> = margins
                .zip(&self.labels)
                .map(|(&margin, &label)| sort_key(margin, label > 0.5))
                .collect();
            threshold::best(criterion, &mut keys).value
        };
        if self.margins.len() < 1 << 14 {
            (0..models).map(of).collect()
        } else {
            (0..models).into_par_iter().map(of).collect()
        }
    }
}

/// Negatives ÷ positives over the whole training channel.
fn balance(settings: &Settings, source: &mut dyn Source<Row>) -> Result<f32, LearnError> {
    let mut checker = Checker::new("train", settings.predictor, None);
    let mut stream = source.open(1)?;
    while let Some(batch) = stream.next(ROWS)? {
        checker.check(&batch)?;
    }
    let (rows, positives) = (checker.rows(), checker.labels.positives);
    if positives == 0 || positives == rows {
        return Err(LearnError::OneClass {
            value: f32::from(positives > 0),
        });
    }
    Ok((rows - positives) as f32 / positives as f32)
}
