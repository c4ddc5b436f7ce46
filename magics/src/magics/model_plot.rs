//! The pictures of models: `%plot residuals|roc|learning|coefficients`.

use ironsage_display::plot::{self, Plot};
use polars::prelude::DataFrame;

use crate::error::{ErrorKind, MagicError};
use crate::learning::{Task, report, score};
use crate::model_store::SavedModel;

/// How far a regressor is off on a raw frame.
pub(crate) fn residuals(model: &SavedModel, frame: &DataFrame, frame_name: &str) -> Result<Plot, MagicError> {
    if !matches!(score::task_of(model), Task::Regressor { .. }) {
        return Err(wrong_task("residuals", model, "a regressor", "%plot roc"));
    }
    let scored = score::score(model, frame, frame_name)?;
    let options = plot::ResidualsOptions {
        label: model.card.label.clone(),
        title: Some(format!("{} on {frame_name}: residuals", model.name)),
        ..Default::default()
    };
    Ok(plot::residuals(&wide(&scored.scores), &wide(&scored.labels), &options)?)
}

/// How well a binary classifier tells the classes of a raw frame apart.
pub(crate) fn roc(model: &SavedModel, frame: &DataFrame, frame_name: &str) -> Result<Plot, MagicError> {
    if !matches!(score::task_of(model), Task::Binary { .. }) {
        return Err(wrong_task("roc", model, "a binary classifier", "%plot residuals"));
    }
    let scored = score::score(model, frame, frame_name)?;
    let positive: Vec<bool> = scored.labels.iter().map(|label| *label > 0.5).collect();
    let options = plot::RocOptions {
        threshold: Some(f64::from(model.threshold())),
        label: model.card.label.clone(),
        title: Some(format!("{} on {frame_name}: ROC curve", model.name)),
        ..Default::default()
    };
    Ok(plot::roc(&wide(&scored.scores), &positive, &options)?)
}

/// The losses of a model's training, epoch by epoch.
pub(crate) fn learning(model: &SavedModel) -> Result<Plot, MagicError> {
    let linear = model.linear().ok_or_else(|| without("a learning curve", model))?;
    let curve = report::curve(&linear.report, model.record.label_spread);
    let count = curve.train.len().max(curve.validation.len());
    let epochs: Vec<plot::Epoch> = (0..count)
        .map(|at| plot::Epoch {
            epoch: at as u32 + 1,
            train: curve.train.get(at).copied(),
            validation: curve.validation.get(at).copied(),
        })
        .collect();
    let options = plot::LearningOptions {
        metric: curve.measure,
        kept: Some(curve.kept as u32 + 1),
        title: Some(format!("{}: learning curve", model.name)),
        ..Default::default()
    };
    Ok(plot::learning(&epochs, &options)?)
}

/// A linear model's weights, in raw units.
pub(crate) fn coefficients(model: &SavedModel) -> Result<Plot, MagicError> {
    let linear = model.linear().ok_or_else(|| without("coefficients", model))?;
    let options = plot::CoefficientsOptions {
        bias: Some(f64::from(linear.bias)),
        unit: format!("{} per unit", model.card.label),
        title: Some(format!("{}: coefficients", model.name)),
        ..Default::default()
    };
    Ok(plot::coefficients(
        &model.card.features,
        &wide(&linear.weights),
        &options,
    )?)
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn wrong_task(kind: &str, model: &SavedModel, wants: &str, instead: &str) -> MagicError {
    let message = format!(
        "%plot {kind} is for {wants}, and `{}` is a {}",
        model.name, model.card.task
    );
    MagicError::new(ErrorKind::UsageError, message).with_hint(format!("`{instead} {} FRAME`", model.name))
}

fn without(what: &str, model: &SavedModel) -> MagicError {
    MagicError::new(ErrorKind::ModelError, format!("`{}` has no {what}", model.name))
}
