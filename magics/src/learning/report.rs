//! What a person sees when a training is over: the line that sums it up, what to know about the data, the
//! curve, and the coefficients by column in the features' own units.

use std::cmp::Ordering;
use std::fmt;

use ironsage_display::text;
use ironsage_learners::linear_learner::{LinearModel, Report};
use polars::prelude::*;

use super::live::{Measure, number};
use super::{Label, Task};
use crate::error::MagicError;

/// Fewer updates than this rarely come to rest.
const FEW_UPDATES: usize = 300;

/// `regressor (28 integer values) · kept epoch 19 of model 4 (lr 0.1, wd 1e-4) · valid rmse 2.14`.
pub(crate) fn summary(label: &Label, task: &Task, model: &LinearModel, has_validation: bool) -> String {
    let report = &model.report;
    let mut parts = vec![what(task, report)];
    if label.is_condition() {
        let columns = label.columns.join(", ");
        let verb = if label.columns.len() == 1 {
            "is in the label, so no feature"
        } else {
            "are in the label, so no features"
        };
        parts.push(format!("{columns} {verb}"));
    }
    parts.push(format!(
        "kept epoch {} of model {}{}",
        report.epoch_kept + 1,
        report.model_kept,
        winner(report)
    ));
    if let Some(kept) = report.history.get(report.epoch_kept) {
        let measure = Measure::watched(&report.watched, has_validation, report.label_unit);
        let shown = measure.show(kept.value);
        parts.push(format!("{} {} {shown}", measure.channel, measure.name));
    }
    if let Some((channel, rows)) = &report.threshold_from {
        let channel = if channel == "validation" { "valid" } else { channel };
        parts.push(format!(
            "threshold {}, set on {channel} ({} rows)",
            number(f64::from(model.threshold)),
            text::count(*rows as u64)
        ));
    }
    if report.stopped_early {
        parts.push(format!("stopped early after epoch {}", report.history.len()));
    }
    parts.join(" · ")
}

fn what(task: &Task, report: &Report) -> String {
    match (task, report.positives) {
        (
            Task::Regressor {
                whole_values: Some(values),
            },
            _,
        ) => format!("regressor ({values} integer values)"),
        (Task::Binary { positive, .. }, Some(count)) if report.rows > 0 => {
            let share = 100.0 * count as f64 / report.rows as f64;
            let named = if positive == "true" {
                "positive".to_owned()
            } else {
                format!("`{positive}`")
            };
            format!("binary_classifier ({share:.0} % {named})")
        }
        _ => task.predictor_type().to_owned(),
    }
}

fn winner(report: &Report) -> String {
    let value = |name: &str| {
        report
            .winner
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    };
    let facts: Vec<String> = [("lr", "learning_rate"), ("wd", "wd"), ("l1", "l1")]
        .iter()
        .filter_map(|(short, name)| Some((short, value(name)?.parse::<f64>().ok()?)))
        .filter(|(short, value)| **short != "l1" || *value != 0.0)
        .map(|(short, value)| format!("{short} {}", plain(value)))
        .collect();
    if facts.is_empty() {
        String::new()
    } else {
        format!(" ({})", facts.join(", "))
    }
}

/// `0.1` and `1e-4`, as a person would type them.
fn plain(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-2 {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// What a person should know about how the data were used, with the line to paste where there is one.
pub(crate) fn remarks(report: &Report, asked_batch: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if report.rows_dropped() > 0 {
        remarks.push(format!(
            "{} of {} rows an epoch: the last partial batch is left out, as SageMaker does",
            text::count(report.rows_per_epoch as u64),
            text::count(report.rows as u64)
        ));
    }
    if report.updates() < FEW_UPDATES {
        let advice = if asked_batch {
            "more `epochs` give more"
        } else {
            "`mini_batch_size = 32` and `epochs = 50` give more"
        };
        remarks.push(format!("only {} updates of each model: {advice}", report.updates()));
    }
    if report.labels_sorted {
        remarks.push(
            "the training rows are in order of the label, and batches are read in that order: shuffle them with %split"
                .to_owned(),
        );
    }
    if let Some((channel, rows)) = &report.threshold_from
        && *rows < 200
    {
        remarks.push(format!(
            "the threshold rests on only {rows} rows of {channel}: it will move with other rows"
        ));
    }
    if report.target_met == Some(false) {
        remarks.push("no threshold reaches the target: lower `target_recall` or `target_precision`".to_owned());
    }
    remarks
}

/// Coefficients by column, in the features' own units, largest effect first; the intercept comes last.
pub(crate) fn coefficients(model: &LinearModel, features: &[String], matrix: &[f32]) -> Result<DataFrame, MagicError> {
    let width = features.len();
    let spread = spreads(matrix, width);
    let mut order: Vec<usize> = (0..width).collect();
    let effect = |at: usize| f64::from(model.weights[at]) * spread[at];
    order.sort_by(|&one, &other| effect(other).abs().total_cmp(&effect(one).abs()));
    let mut names: Vec<&str> = order.iter().map(|&at| features[at].as_str()).collect();
    let mut weights: Vec<f64> = order.iter().map(|&at| f64::from(model.weights[at])).collect();
    let mut effects: Vec<Option<f64>> = order.iter().map(|&at| Some(effect(at))).collect();
    names.push("(intercept)");
    weights.push(f64::from(model.bias));
    effects.push(None);
    Ok(df!("column" => names, "coefficient" => weights, "per standard deviation" => effects)?)
}

/// The standard deviation of each column of a row-major matrix.
fn spreads(matrix: &[f32], width: usize) -> Vec<f64> {
    let rows = (matrix.len() / width.max(1)).max(1) as f64;
    let mut sums = vec![(0.0, 0.0); width];
    for row in matrix.chunks_exact(width.max(1)) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            let value = f64::from(value);
            sum.0 += value;
            sum.1 += value * value;
        }
    }
    sums.into_iter()
        .map(|(sum, square)| (square / rows - (sum / rows).powi(2)).max(0.0).sqrt())
        .collect()
}

/// The losses of the kept model epoch by epoch, on the scale that a person reads.
pub(crate) struct Curve {
    /// What the curve measures.
    pub measure: String,
    /// Training loss an epoch, where it is on the same scale.
    pub train: Vec<f64>,
    /// Validation loss an epoch; empty without that channel.
    pub validation: Vec<f64>,
    /// The epoch that is kept, from 0.
    pub kept: usize,
}

/// The learning curve of the model that was kept.
///
/// A regressor's validation loss is in raw label units; its training loss is brought there.
pub(crate) fn curve(report: &Report) -> Curve {
    let training = Measure::training(&report.objective, report.label_unit);
    let validation = Measure::validation(&report.objective);
    let of = |losses: &[f64], measure: &Measure<'_>| losses.get(report.model_kept).map(|loss| measure.value(*loss));
    let epochs = report.history.iter();
    Curve {
        measure: training.name.to_owned(),
        train: epochs.clone().filter_map(|epoch| of(&epoch.train, &training)).collect(),
        validation: epochs.filter_map(|epoch| of(&epoch.validation, &validation)).collect(),
        kept: report.epoch_kept,
    }
}

/// The metric that tells most of a task, for a leaderboard: validation's before training's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Headline {
    channel: &'static str,
    metric: &'static str,
    /// Whether more of it is better.
    maximize: bool,
    value: f64,
}

impl Headline {
    /// Of a model's final metrics.
    pub fn of(metrics: &[(String, f64)]) -> Option<Headline> {
        const METRICS: [(&str, &str, bool); 4] = [
            ("rmse", "rmse", false),
            ("roc_auc_score", "auc", true),
            ("binary_classification_accuracy", "accuracy", true),
            ("mse", "mse", false),
        ];
        [("validation", "valid"), ("train", "train")]
            .into_iter()
            .find_map(|(prefix, channel)| {
                METRICS.into_iter().find_map(|(name, metric, maximize)| {
                    let name = format!("{prefix}:{name}");
                    let (_, value) = metrics
                        .iter()
                        .find(|(known, value)| *known == name && !value.is_nan())?;
                    Some(Headline {
                        channel,
                        metric,
                        maximize,
                        value: *value,
                    })
                })
            })
    }

    /// Best first; what was measured otherwise comes in a block of its own, validation's first.
    pub fn compare(&self, other: &Headline) -> Ordering {
        let blocks = (other.channel, self.metric).cmp(&(self.channel, other.metric));
        blocks.then_with(|| match self.maximize {
            true => other.value.total_cmp(&self.value),
            false => self.value.total_cmp(&other.value),
        })
    }
}

impl fmt::Display for Headline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.channel, self.metric, number(self.value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ironsage_learners::linear_learner::LinearLearner;
    use ironsage_learners::{Algorithm, Channels, DenseMatrix, FitOptions, Hyperparameters, metrics};

    use super::*;

    fn report() -> Report {
        Report {
            winner: vec![
                ("learning_rate".into(), "0.1".into()),
                ("wd".into(), "0.0001".into()),
                ("l1".into(), "0.0".into()),
            ],
            model_kept: 4,
            rows: 2921,
            rows_per_epoch: 2912,
            batches_per_epoch: 91,
            ..Report::default()
        }
    }

    #[test]
    fn the_winner_is_told_as_one_would_type_it() {
        assert_eq!(winner(&report()), " (lr 0.1, wd 1e-4)");
    }

    #[test]
    fn dropped_rows_and_few_updates_are_told() {
        let remarks = remarks(&report(), false);
        assert_eq!(
            remarks[0],
            "2,912 of 2,921 rows an epoch: the last partial batch is left out, as SageMaker does"
        );
        assert!(remarks[1].contains("`mini_batch_size = 32`"), "{}", remarks[1]);
    }

    #[test]
    fn a_headline_prefers_validation() {
        let metrics = vec![("train:rmse".to_owned(), 1.0), ("validation:rmse".to_owned(), 2.136)];
        assert_eq!(Headline::of(&metrics).unwrap().to_string(), "valid rmse 2.14");
    }

    #[test]
    fn a_leaderboard_begins_with_the_best() {
        let of = |name: &str, value| Headline::of(&[(name.to_owned(), value)]).unwrap();
        let mut board = [
            of("train:rmse", 1.0),
            of("validation:rmse", 3.0),
            of("validation:rmse", 2.0),
            of("validation:roc_auc_score", 0.8),
            of("validation:roc_auc_score", 0.9),
        ];
        board.sort_by(Headline::compare);
        let shown = board.map(|headline| headline.to_string());
        assert_eq!(
            shown,
            [
                "valid auc 0.9",
                "valid auc 0.8",
                "valid rmse 2",
                "valid rmse 3",
                "train rmse 1"
            ]
        );
    }

    /// The learner divides labels by the deviation of the first rows alone, and here the spread grows after them.
    #[test]
    fn a_training_loss_is_told_in_the_labels_units() {
        const ROWS: usize = 14_000;
        const FIRST: usize = 11_000;
        let label = |row: usize| {
            let spread = if row < FIRST { 1.0 } else { 10.0 };
            spread * ((row * 7919 % 1009) as f32 / 1009.0 - 0.5)
        };
        let labels: Vec<f32> = (0..ROWS).map(label).collect();
        let features: Vec<f32> = (0..ROWS).map(|row| (row * 31 % 17) as f32).collect();
        let matrix = DenseMatrix::new(1, features, labels.clone()).unwrap();
        let asked = Hyperparameters::new()
            .with("predictor_type", "regressor")
            .with("mini_batch_size", 1000)
            .with("num_models", 1)
            .with("epochs", 20);
        let fitted = LinearLearner.fit(&asked, &mut Channels::new(matrix.clone()), &FitOptions::default(), &());
        let model = fitted.unwrap();
        let deviation = {
            let first = labels[..FIRST].iter().map(|&label| f64::from(label));
            let mean = first.clone().sum::<f64>() / FIRST as f64;
            (first.map(|label| (label - mean).powi(2)).sum::<f64>() / FIRST as f64).sqrt()
        };
        assert_eq!(model.report.scaler_rows, FIRST);
        assert!((model.report.label_unit / deviation - 1.0).abs() < 1e-6);

        let kept = &model.report.history[model.report.epoch_kept];
        let told = kept.value.sqrt() * deviation;
        let frame = df!("y" => [0.5, 1.5]).unwrap();
        let label = Label::parse("y", &frame, "train").unwrap();
        let task = Task::Regressor { whole_values: None };
        let summary = summary(&label, &task, &model, false);
        let expected = format!("train rmse {}", number(told));
        assert!(summary.split(" · ").any(|part| part == expected), "{summary}");
        let curve = curve(&model.report);
        assert!((curve.train[curve.kept] / told - 1.0).abs() < 1e-6);

        let predicted = metrics::rmse(&model.scores(&matrix.rows()).unwrap(), &labels);
        assert!((told / predicted - 1.0).abs() < 0.02, "{told} and {predicted}");
    }

    #[test]
    fn the_threshold_is_told_with_its_value() {
        let model = LinearModel {
            weights: vec![1.0],
            bias: 0.0,
            threshold: 0.4321,
            loss: "logistic".into(),
            predictor_type: "binary_classifier".into(),
            metrics_params: Default::default(),
            bias_lr_mult: 10.0,
            report: Report {
                threshold_from: Some(("validation".into(), 626)),
                ..report()
            },
        };
        let frame = df!("old" => [true, false]).unwrap();
        let label = Label::parse("old", &frame, "train").unwrap();
        let task = Task::Binary {
            positive: "true".into(),
            negative: "false".into(),
        };
        let told = summary(&label, &task, &model, true);
        assert!(told.ends_with("threshold 0.432, set on valid (626 rows)"), "{told}");
    }
}
