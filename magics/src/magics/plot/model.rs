//! The pictures of models: residuals, ROC curves, learning curves, coefficients.

use clap::Args;
use ironsage_display::Front;
use ironsage_display::plot::{self, Plot};
use polars::prelude::DataFrame;

use super::{Common, of_plot};
use crate::error::{ErrorKind, MagicError};
use crate::learning::{Task, report, score};
use crate::model_store::SavedModel;
use crate::session::Session;

/// A picture of a model on a frame that has the label.
#[derive(Args)]
pub(super) struct OnFrame {
    /// The model
    model: String,
    /// A raw frame with the label: the recipe is applied here
    frame: String,
    #[command(flatten)]
    common: Common,
}

/// A picture of a model alone.
#[derive(Args)]
pub(super) struct Alone {
    /// The model
    model: String,
    #[command(flatten)]
    common: Common,
}

impl OnFrame {
    pub(super) fn residuals(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let picture = residuals(
            &*session.model(&self.model)?,
            &session.frame(&self.frame)?,
            &self.frame,
            &self.common,
        )?;
        self.common.show(&picture, session, front)
    }

    pub(super) fn roc(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let picture = roc(
            &*session.model(&self.model)?,
            &session.frame(&self.frame)?,
            &self.frame,
            &self.common,
        )?;
        self.common.show(&picture, session, front)
    }
}

impl Alone {
    pub(super) fn learning(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let picture = learning(&*session.model(&self.model)?, &self.common)?;
        self.common.show(&picture, session, front)
    }

    pub(super) fn coefficients(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let picture = coefficients(&*session.model(&self.model)?, &self.common)?;
        self.common.show(&picture, session, front)
    }
}

/// How far a regressor is off on a raw frame.
fn residuals(model: &SavedModel, frame: &DataFrame, frame_name: &str, common: &Common) -> Result<Plot, MagicError> {
    if !matches!(score::task_of(model), Task::Regressor { .. }) {
        return Err(wrong_task("residuals", model, "a regressor", "%plot roc"));
    }
    let scored = score::score(model, frame, frame_name)?;
    let options = plot::ResidualsOptions {
        label: model.card.label.clone(),
        title: common
            .title()
            .or_else(|| Some(format!("{} on {frame_name}: residuals", model.name))),
        size: common.size(),
        ..Default::default()
    };
    plot::residuals(&wide(&scored.scores), &wide(&scored.labels), &options).map_err(|error| of_plot(&error))
}

/// How well a binary classifier tells the classes of a raw frame apart.
fn roc(model: &SavedModel, frame: &DataFrame, frame_name: &str, common: &Common) -> Result<Plot, MagicError> {
    if !matches!(score::task_of(model), Task::Binary { .. }) {
        return Err(wrong_task("roc", model, "a binary classifier", "%plot residuals"));
    }
    let scored = score::score(model, frame, frame_name)?;
    let positive: Vec<bool> = scored.labels.iter().map(|label| *label > 0.5).collect();
    let options = plot::RocOptions {
        threshold: Some(f64::from(model.threshold())),
        label: model.card.label.clone(),
        title: common
            .title()
            .or_else(|| Some(format!("{} on {frame_name}: ROC curve", model.name))),
        size: common.size(),
    };
    plot::roc(&wide(&scored.scores), &positive, &options).map_err(|error| of_plot(&error))
}

/// The losses of a model's training, epoch by epoch.
pub(crate) fn learning(model: &SavedModel, common: &Common) -> Result<Plot, MagicError> {
    let linear = model.linear().ok_or_else(|| without("a learning curve", model))?;
    let curve = report::curve(&linear.report);
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
        title: common
            .title()
            .or_else(|| Some(format!("{}: learning curve", model.name))),
        size: common.size(),
    };
    plot::learning(&epochs, &options).map_err(|error| of_plot(&error))
}

/// A linear model's weights, in raw units.
fn coefficients(model: &SavedModel, common: &Common) -> Result<Plot, MagicError> {
    let linear = model.linear().ok_or_else(|| without("coefficients", model))?;
    let options = plot::CoefficientsOptions {
        bias: Some(f64::from(linear.bias)),
        unit: format!("{} per unit", model.card.label),
        title: common.title().or_else(|| Some(format!("{}: coefficients", model.name))),
        size: common.size(),
    };
    plot::coefficients(&model.card.features, &wide(&linear.weights), &options).map_err(|error| of_plot(&error))
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
