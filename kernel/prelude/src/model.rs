//! The session's models, in a Rust cell: loaded into this process, and asked for predictions.

use std::fs;
use std::path::Path;

use ironsage_exchange::wire::{Reply, Request};
use ironsage_learners::{Card, LearnError, Prediction, Rows, read_card};
use ironsage_prep::{FittedRecipe, PrepError, answer_columns, model_rows};
use polars::prelude::{DataFrame, PolarsError};

use crate::link;

/// A model did not come, or could not predict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The kernel has no such model, or could not save it.
    #[error("{reason}")]
    Refused {
        /// Why, and what to type instead.
        reason: String,
    },
    /// The kernel could not be asked.
    #[error("the kernel does not answer: {0}")]
    Kernel(#[from] std::io::Error),
    /// What was saved cannot be read.
    #[error("the model `{name}` cannot be read: {problem}")]
    Unreadable {
        /// The model.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The frame has no columns that the model can take.
    #[error("{source}{}", hint(source))]
    Frame {
        /// Which, where, and why.
        source: PrepError,
    },
    /// A column of predictions would take the place of one that is there.
    #[error("the frame already has a column `{column}`: rename or drop it first")]
    Taken {
        /// The column.
        column: String,
    },
    /// The model does not take these rows.
    #[error(transparent)]
    Learner(#[from] LearnError),
    /// Polars could not add the columns.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

fn hint(error: &PrepError) -> String {
    error.hint().map_or_else(String::new, |hint| format!("; {hint}"))
}

/// A trained model with its recipe.
pub struct Model {
    name: String,
    card: Card,
    recipe: Option<FittedRecipe>,
    learned: Box<dyn ironsage_learners::Model>,
}

/// A model of the session by its name, as `%train` or `%model open` has bound it.
///
/// ```no_run
/// use ironsage_prelude::cell::{frame, model};
/// let age = model("age")?;
/// let guess = age.predict(&frame("test")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The session has no model of this name, or it cannot be read.
pub fn model(name: &str) -> Result<Model, ModelError> {
    let request = Request::Model { name: name.to_owned() };
    match link::ask(&request, &[])?.0 {
        Reply::Model { folder } => {
            let loaded = Model::load(name, Path::new(&folder));
            // The copy was made for this call.
            let _ = fs::remove_dir_all(&folder);
            loaded
        }
        Reply::Refused { reason } => Err(ModelError::Refused { reason }),
        _ => Err(std::io::Error::from(std::io::ErrorKind::InvalidData).into()),
    }
}

impl Model {
    fn load(name: &str, folder: &Path) -> Result<Model, ModelError> {
        let unreadable = |problem: String| ModelError::Unreadable {
            name: name.to_owned(),
            problem,
        };
        let learned = ironsage_learners::load(folder).map_err(|error| unreadable(error.to_string()))?;
        let card = read_card(folder).map_err(|error| unreadable(error.to_string()))?;
        let card = card.ok_or_else(|| unreadable("it has no card, which `%train` writes".to_owned()))?;
        let (named, width) = (card.features.len(), learned.describe().width);
        if named != width {
            let problem = format!("its card does not fit: it names {named} features, the model has {width}");
            return Err(unreadable(problem));
        }
        let recipe = card.recipe.as_ref().map(FittedRecipe::from_json).transpose();
        Ok(Model {
            name: name.to_owned(),
            recipe: recipe.map_err(|error| unreadable(error.to_string()))?,
            card,
            learned,
        })
    }

    /// The name in the session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The raw columns that [`Model::predict`] needs.
    pub fn inputs(&self) -> Vec<&str> {
        self.card.inputs.iter().map(|input| input.name.as_str()).collect()
    }

    /// The frame with a column `score` and, for a classifier, `predicted_label` beside its own, as `%predict` gives it.
    ///
    /// The frame is a raw one: the model's recipe is applied here, and only here. What is no input is left as it is, so
    /// the label may be there or not.
    ///
    /// # Errors
    /// A column that the model needs is missing or has values that cannot be used; a column `score` is there already.
    pub fn predict(&self, frame: &DataFrame) -> Result<DataFrame, ModelError> {
        let answers = self.answers(frame)?;
        let mut answered = frame.clone();
        for column in answer_columns(answers.iter().map(|one| (one.score, one.predicted_label)), "") {
            if frame.schema().contains(column.name()) {
                let column = column.name().to_string();
                return Err(ModelError::Taken { column });
            }
            answered.with_column(column)?;
        }
        Ok(answered)
    }

    fn answers(&self, frame: &DataFrame) -> Result<Vec<Prediction>, ModelError> {
        let features = &self.card.features;
        let rows = model_rows(frame, self.recipe.as_ref(), features).map_err(|source| ModelError::Frame { source })?;
        Ok(self.learned.predict(&Rows::dense(features.len(), &rows))?)
    }
}

/// What it is, in a line.
impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Model { name, card, .. } = self;
        let summary = self.learned.describe().summary;
        write!(formatter, "{name}: predicts {} ({summary})", card.label)
    }
}
