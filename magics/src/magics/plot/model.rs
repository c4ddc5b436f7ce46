//! The pictures of models: on rows with the label (residuals, confusion, ROC, precision and recall, calibration,
//! thresholds), and alone (learning curves, coefficients).

use clap::Args;
use ironsage_display::Front;
use ironsage_display::plot::{self, Plot};
use polars::prelude::DataFrame;

use super::{Common, of_plot};
use crate::error::{ErrorKind, MagicError};
use crate::frames;
use crate::guard;
use crate::learning::{Label, Task, report, score};
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

/// What a model is drawn on: a raw frame and its name.
pub(super) type Rows<'a> = (&'a DataFrame, &'a str);

/// How a model on a frame becomes a picture.
type DrawOnFrame = fn(&SavedModel, Rows<'_>, &Common) -> Result<Plot, MagicError>;

impl OnFrame {
    /// Scores and draws on a worker, so that a large frame does not hold an interrupt up.
    pub(super) fn run(
        self,
        kind: &str,
        draw: DrawOnFrame,
        session: &Session,
        front: &dyn Front,
    ) -> Result<(), MagicError> {
        self.common.refuse_interactive(kind)?;
        let model = session.model(&self.model)?;
        let frame = frames::collect(&self.frame, session, front)?;
        let (name, common) = (self.frame, self.common.clone());
        let picture = guard::on_worker(front, "drawing", move || draw(&model, (&frame, &name), &common))?;
        self.common.show(&picture, session, front)
    }
}

impl Alone {
    pub(super) fn run(
        self,
        kind: &str,
        draw: fn(&SavedModel, &Common) -> Result<Plot, MagicError>,
        session: &Session,
        front: &dyn Front,
    ) -> Result<(), MagicError> {
        self.common.refuse_interactive(kind)?;
        let picture = draw(&*session.model(&self.model)?, &self.common)?;
        self.common.show(&picture, session, front)
    }
}

/// How far a regressor is off on a raw frame.
pub(super) fn residuals(
    model: &SavedModel,
    (frame, frame_name): Rows<'_>,
    common: &Common,
) -> Result<Plot, MagicError> {
    if !matches!(score::task_of(model), Task::Regressor { .. }) {
        return Err(wrong_task("residuals", model, "a regressor", "%plot roc"));
    }
    let scored = score::score(model, frame, frame_name)?;
    let options = plot::ResidualsOptions {
        label: model.card.label.clone(),
        title: titled(common, model, frame_name, "residuals"),
        size: common.size,
        ..Default::default()
    };
    plot::residuals(&wide(&scored.scores), &wide(&scored.labels), &options).map_err(|error| of_plot(&error))
}

/// The scores of a binary classifier on a raw frame, and which rows are positive.
fn binary(kind: &str, model: &SavedModel, (frame, name): Rows<'_>) -> Result<(Vec<f64>, Vec<bool>), MagicError> {
    match score::task_of(model) {
        Task::Binary { .. } => {}
        Task::Multiclass { .. } => {
            return Err(wrong_task(kind, model, "a binary classifier", "%plot confusion"));
        }
        Task::Regressor { .. } => return Err(wrong_task(kind, model, "a binary classifier", "%plot residuals")),
    }
    let scored = score::score(model, frame, name)?;
    let positive = scored.labels.iter().map(|label| *label > 0.5).collect();
    Ok((wide(&scored.scores), positive))
}

/// The title asked for, or what the picture is of.
fn titled(common: &Common, model: &SavedModel, frame: &str, what: &str) -> Option<String> {
    let usual = || format!("{} on {frame}: {what}", model.name);
    Some(common.title.clone().unwrap_or_else(usual))
}

/// How well a binary classifier tells the classes of a raw frame apart.
pub(super) fn roc(model: &SavedModel, rows: Rows<'_>, common: &Common) -> Result<Plot, MagicError> {
    let (scores, positive) = binary("roc", model, rows)?;
    let options = plot::RocOptions {
        threshold: Some(f64::from(model.threshold())),
        label: model.card.label.clone(),
        title: titled(common, model, rows.1, "ROC curve"),
        size: common.size,
    };
    plot::roc(&scores, &positive, &options).map_err(|error| of_plot(&error))
}

/// Precision against recall of a binary classifier.
pub(super) fn pr(model: &SavedModel, rows: Rows<'_>, common: &Common) -> Result<Plot, MagicError> {
    let (scores, positive) = binary("pr", model, rows)?;
    let options = plot::PrOptions {
        threshold: Some(f64::from(model.threshold())),
        title: titled(common, model, rows.1, "precision and recall"),
        size: common.size,
    };
    plot::pr(&scores, &positive, &options).map_err(|error| of_plot(&error))
}

/// Whether a binary classifier's scores are probabilities.
pub(super) fn calibration(model: &SavedModel, rows: Rows<'_>, common: &Common) -> Result<Plot, MagicError> {
    let (scores, positive) = binary("calibration", model, rows)?;
    let options = plot::CalibrationOptions {
        title: titled(common, model, rows.1, "calibration"),
        size: common.size,
    };
    plot::calibration(&scores, &positive, &options).map_err(|error| of_plot(&error))
}

/// What other thresholds of a binary classifier would find and cost.
pub(super) fn threshold(model: &SavedModel, rows: Rows<'_>, common: &Common) -> Result<Plot, MagicError> {
    let (scores, positive) = binary("threshold", model, rows)?;
    let options = plot::ThresholdOptions {
        threshold: Some(f64::from(model.threshold())),
        title: titled(common, model, rows.1, "thresholds"),
        size: common.size,
    };
    plot::threshold(&scores, &positive, &options).map_err(|error| of_plot(&error))
}

/// Which class of a raw frame a classifier took for which.
pub(super) fn confusion(model: &SavedModel, rows: Rows<'_>, common: &Common) -> Result<Plot, MagicError> {
    let task = score::task_of(model);
    let classes = match &task {
        Task::Binary { positive, negative } => vec![negative.clone(), positive.clone()],
        Task::Multiclass { classes } => classes.clone(),
        Task::Regressor { .. } => return Err(wrong_task("confusion", model, "a classifier", "%plot residuals")),
    };
    common.refuse_size("confusion")?;
    let (frame, name) = rows;
    let label = Label::parse(&model.card.label, frame, name)?;
    let truth = label.encode(&label.values(frame, name)?, &task, name)?;
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    for (truth, prediction) in truth.iter().zip(score::predict(model, frame)?) {
        let called = prediction.predicted_label.map(|label| label as usize);
        let cell = called.and_then(|called| counts.get_mut(*truth as usize)?.get_mut(called));
        *cell.ok_or_else(|| MagicError::internal("a class that the model does not have"))? += 1;
    }
    let options = plot::ConfusionOptions {
        title: titled(common, model, name, "confusion matrix"),
    };
    plot::confusion(&classes, &counts, &options).map_err(|error| of_plot(&error))
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
            .title
            .clone()
            .or_else(|| Some(format!("{}: learning curve", model.name))),
        size: common.size,
    };
    plot::learning(&epochs, &options).map_err(|error| of_plot(&error))
}

/// A linear model's weights, in raw units.
pub(super) fn coefficients(model: &SavedModel, common: &Common) -> Result<Plot, MagicError> {
    let linear = model.linear().ok_or_else(|| without("coefficients", model))?;
    let options = plot::CoefficientsOptions {
        bias: Some(f64::from(linear.bias)),
        unit: format!("{} per unit", model.card.label),
        title: common
            .title
            .clone()
            .or_else(|| Some(format!("{}: coefficients", model.name))),
        size: common.size,
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
