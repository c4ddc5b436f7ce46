//! Predicting raw frames, and measuring predictions against the truth beside a trivial baseline.

use ironsage_learners::{Prediction, Rows, metrics};
use polars::prelude::*;

use super::live::number;
use super::{Inputs, Label, Task};
use crate::error::MagicError;
use crate::model_store::SavedModel;

/// Scores a raw frame: the recipe, then the model.
pub(crate) fn predict(model: &SavedModel, frame: &DataFrame) -> Result<Vec<Prediction>, MagicError> {
    let inputs = Inputs::of_card(&model.card)?;
    let matrix = inputs.matrix(frame)?;
    Ok(model.model.predict(&Rows::dense(inputs.features.len(), &matrix))?)
}

/// The columns that a model's predictions add to a frame.
pub(crate) fn added(model: &SavedModel) -> &'static [&'static str] {
    match task_of(model) {
        Task::Regressor { .. } => &["score"],
        Task::Binary { .. } | Task::Multiclass { .. } => &["score", "predicted_label"],
    }
}

/// A column of predictions must not take the place of one that is there.
pub(crate) fn refuse_clash(frame: &DataFrame, column: &str) -> Result<(), MagicError> {
    if !frame.schema().contains(column) {
        return Ok(());
    }
    Err(MagicError::usage(format!("the frame already has a column `{column}`"))
        .with_hint("`--prefix predicted_` gives the new columns names of their own"))
}

/// The frame with `score` and, for a classifier, `predicted_label` beside its own columns.
pub(crate) fn with_predictions(
    frame: &DataFrame,
    predictions: &[Prediction],
    prefix: &str,
) -> Result<DataFrame, MagicError> {
    let answers = predictions.iter().map(|p| (p.score, p.predicted_label));
    let columns = ironsage_prep::answer_columns(answers, prefix);
    for column in &columns {
        refuse_clash(frame, column.name())?;
    }
    let mut result = frame.clone();
    for column in columns {
        result.with_column(column)?;
    }
    Ok(result)
}

/// Scores and true labels of the same rows, as plots and measures want them.
pub(crate) struct Scored {
    /// One score a row.
    pub scores: Vec<f32>,
    /// The truth: a number for a regressor, 0 or 1 for a classifier.
    pub labels: Vec<f32>,
}

/// Predicts a frame that has the label, too.
pub(crate) fn score(model: &SavedModel, frame: &DataFrame, frame_name: &str) -> Result<Scored, MagicError> {
    let label = Label::parse(&model.card.label, frame, frame_name)?;
    let labels = label.encode(&label.values(frame, frame_name)?, &task_of(model), frame_name)?;
    let scores = predict(model, frame)?
        .into_iter()
        .map(|prediction| prediction.score)
        .collect();
    Ok(Scored { scores, labels })
}

/// The task that a model was trained for, from its card.
pub(crate) fn task_of(model: &SavedModel) -> Task {
    let card = &model.card;
    match (card.task.as_str(), &card.positive) {
        ("binary_classifier", Some(positive)) => Task::Binary {
            positive: positive.clone(),
            negative: card
                .classes
                .iter()
                .find(|class| *class != positive)
                .cloned()
                .unwrap_or_default(),
        },
        ("multiclass_classifier", _) => Task::Multiclass {
            classes: card.classes.clone(),
        },
        _ => Task::Regressor { whole_values: None },
    }
}

/// A measure of a model on a frame, and what guessing would have got.
pub(crate) struct Score {
    /// What is measured.
    pub measure: &'static str,
    /// The model's value.
    pub value: f64,
    /// What a trivial prediction gets, where that means something.
    pub baseline: Option<f64>,
}

/// All measures of a model's scores; `prior` is the mean label (or share of positives) of the training rows.
pub(crate) fn measures(task: &Task, scored: &Scored, threshold: f32, prior: f64) -> Vec<Score> {
    let Scored { scores, labels } = scored;
    let guess = vec![prior as f32; labels.len()];
    let with = |measure, value, baseline| Score {
        measure,
        value,
        baseline: Some(baseline),
    };
    let alone = |measure, value| Score {
        measure,
        value,
        baseline: None,
    };
    match task {
        Task::Regressor { .. } => vec![
            with("rmse", metrics::rmse(scores, labels), metrics::rmse(&guess, labels)),
            with("mae", metrics::mae(scores, labels), metrics::mae(&guess, labels)),
            with("r²", metrics::r2(scores, labels), metrics::r2(&guess, labels)),
        ],
        Task::Binary { .. } | Task::Multiclass { .. } => {
            let counts = metrics::confusion(threshold, scores, labels);
            // Guessing the commoner class: a threshold that every guess reaches, or none.
            let majority = if prior >= 0.5 { 0.0 } else { 2.0 };
            vec![
                with("auc", metrics::roc_auc(scores, labels), 0.5),
                with(
                    "log-loss",
                    metrics::log_loss(scores, labels),
                    metrics::log_loss(&guess, labels),
                ),
                with(
                    "accuracy",
                    counts.accuracy(),
                    metrics::accuracy(majority, &guess, labels),
                ),
                alone("precision", counts.precision()),
                alone("recall", counts.recall()),
                alone("f1", counts.f_beta(1.0)),
            ]
        }
    }
}

/// `rmse 2.14 (guessing the mean: 3.21) · r² 0.56`.
pub(crate) fn sentence(task: &Task, scores: &[Score]) -> String {
    let find = |name: &str| scores.iter().find(|score| score.measure == name);
    let mut parts = Vec::new();
    match task {
        Task::Regressor { .. } => {
            if let Some(Score {
                value,
                baseline: Some(baseline),
                ..
            }) = find("rmse")
            {
                parts.push(format!(
                    "rmse {} (guessing the mean: {})",
                    number(*value),
                    number(*baseline)
                ));
            }
            parts.extend(find("r²").map(|score| format!("r² {}", number(score.value))));
        }
        Task::Binary { .. } | Task::Multiclass { .. } => {
            parts.extend(find("auc").map(|score| format!("auc {}", number(score.value))));
            if let Some(Score {
                value,
                baseline: Some(baseline),
                ..
            }) = find("log-loss")
            {
                parts.push(format!(
                    "log-loss {} (guessing the share: {})",
                    number(*value),
                    number(*baseline)
                ));
            }
            if let Some(Score {
                value,
                baseline: Some(baseline),
                ..
            }) = find("accuracy")
            {
                parts.push(format!(
                    "accuracy {} (the commoner class: {})",
                    number(*value),
                    number(*baseline)
                ));
            }
        }
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn measures_stand_beside_their_baselines() {
        let scored = Scored {
            scores: vec![0.9, 0.2, 0.6, 0.1],
            labels: vec![1.0, 0.0, 1.0, 0.0],
        };
        let task = Task::Binary {
            positive: "1".into(),
            negative: "0".into(),
        };
        let scores = measures(&task, &scored, 0.5, 0.4);
        let accuracy = scores.iter().find(|score| score.measure == "accuracy").unwrap();
        assert_eq!((accuracy.value, accuracy.baseline), (1.0, Some(0.5)));

        let scored = Scored {
            scores: vec![1.0, 3.0],
            labels: vec![1.0, 4.0],
        };
        let task = Task::Regressor { whole_values: None };
        let text = sentence(&task, &measures(&task, &scored, 0.5, 2.5));
        assert_eq!(text, "rmse 0.707 (guessing the mean: 1.5) · r² 0.778");
    }

    #[test]
    fn a_clash_of_columns_is_refused() {
        let frame = df!("score" => [1.0]).unwrap();
        let predictions = [Prediction {
            score: 0.5,
            predicted_label: Some(1.0),
        }];
        assert!(with_predictions(&frame, &predictions, "").is_err());
        let named = with_predictions(&frame, &predictions, "p_").unwrap();
        assert_eq!(
            crate::text::columns_of(&named),
            ["score", "p_score", "p_predicted_label"]
        );
    }
}
