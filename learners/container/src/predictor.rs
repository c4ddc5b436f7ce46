//! A loaded model with its card and recipe: rows of numbers or raw frames in, predictions out.
//!
//! The recipe is applied exactly once, here: callers hand over raw columns, by name.

use std::path::Path;

use ironsage_formats::artifact::{self, Card};
use ironsage_learners::{Model, Prediction, Rows};
use ironsage_prep::{FittedRecipe, Input, model_rows};
use polars::prelude::DataFrame;

use crate::ContainerError;

/// A model that is ready to predict.
pub struct Predictor {
    model: Box<dyn Model>,
    width: usize,
    names: Option<Names>,
}

/// What a card says about columns.
pub(crate) struct Names {
    /// The raw columns that a caller sends.
    pub(crate) inputs: Vec<Input>,
    /// The model's inputs in order.
    features: Vec<String>,
    recipe: Option<FittedRecipe>,
}

impl Predictor {
    /// Loads the model in a folder with its card, if there is one (SageMaker's own artifacts have none).
    ///
    /// # Errors
    /// What reading the artifact meets; [`ContainerError::Card`] for a card of another model.
    pub fn load(folder: &Path) -> Result<Predictor, ContainerError> {
        let model = ironsage_learners::load(folder)?;
        let card = artifact::read_card(folder)?;
        Predictor::new(model, card.as_ref())
    }

    /// A model in memory with its card.
    ///
    /// # Errors
    /// [`ContainerError::Card`] for a card of another model.
    pub fn new(model: Box<dyn Model>, card: Option<&Card>) -> Result<Predictor, ContainerError> {
        let width = model.describe().width;
        let names = card.map(Names::of).transpose()?;
        if let Some(names) = &names
            && names.features.len() != width
        {
            return Err(ContainerError::Card {
                problem: format!("it names {} features, the model has {width}", names.features.len()),
            });
        }
        Ok(Predictor { model, width, names })
    }

    /// How many numbers a prepared row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The model.
    pub fn model(&self) -> &dyn Model {
        &*self.model
    }

    pub(crate) fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    /// The model's inputs by name, where its card names them.
    pub fn features(&self) -> &[String] {
        self.names.as_ref().map_or(&[], |names| &names.features)
    }

    /// The names of the raw columns that a caller sends.
    pub fn inputs(&self) -> Vec<String> {
        self.names.as_ref().map_or_else(Vec::new, Names::input_names)
    }

    /// Predicts prepared rows.
    ///
    /// # Errors
    /// What the model meets.
    pub fn predict_rows(&self, rows: &Rows<'_>) -> Result<Vec<Prediction>, ContainerError> {
        Ok(self.model.predict(rows)?)
    }

    /// Predicts raw rows: the recipe is applied first.
    ///
    /// # Errors
    /// A missing column, a value that cannot be prepared, [`ContainerError::NoNames`] without a card.
    pub fn predict_frame(&self, frame: &DataFrame) -> Result<Vec<Prediction>, ContainerError> {
        match &self.names {
            Some(names) => names.predict(&*self.model, frame),
            None => Err(ContainerError::NoNames { width: self.width }),
        }
    }
}

impl Names {
    fn of(card: &Card) -> Result<Names, ContainerError> {
        let recipe = card.recipe.as_ref().map(FittedRecipe::from_json).transpose()?;
        // Where no recipe takes whole numbers by their names, any number is as good.
        let dtype = |said: &str| match recipe {
            None if said.starts_with(['i', 'u']) => "f64".to_owned(),
            _ => said.to_owned(),
        };
        let inputs = card.inputs.iter().map(|input| Input {
            name: input.name.clone(),
            dtype: dtype(&input.dtype),
        });
        let inputs = inputs.collect();
        Ok(Names {
            inputs,
            features: card.features.clone(),
            recipe,
        })
    }

    pub(crate) fn input_names(&self) -> Vec<String> {
        self.inputs.iter().map(|input| input.name.clone()).collect()
    }

    fn predict(&self, model: &dyn Model, frame: &DataFrame) -> Result<Vec<Prediction>, ContainerError> {
        let values = model_rows(frame, self.recipe.as_ref(), &self.features)?;
        Ok(model.predict(&Rows::dense(self.features.len(), &values))?)
    }
}

/// Predicts a raw frame: the card's recipe is applied, its features become the model's rows.
///
/// # Errors
/// A missing column, a value that cannot be prepared, a card whose recipe cannot be read.
pub fn predict_frame(model: &dyn Model, card: &Card, frame: &DataFrame) -> Result<Vec<Prediction>, ContainerError> {
    Names::of(card)?.predict(model, frame)
}
