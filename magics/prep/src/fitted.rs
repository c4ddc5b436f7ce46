//! A recipe that has learned: what it needs, what it gives, and how it is applied and saved.

use polars::prelude::{DataFrame, df};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::column::{self, Expected};
use crate::error::PrepError;
use crate::learned::{self, Learned};

/// The layout of a saved recipe; a newer one is refused, not guessed at. The second brought more
/// steps and changed none, so that the first is still read.
const VERSION: u32 = 2;

/// A raw column that a recipe needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type when the recipe was fitted: `f64`, `i64`, `str`, `bool`, `date`, or a time's.
    pub dtype: String,
}

/// A recipe with what it learned from the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedRecipe {
    version: u32,
    name: String,
    source: String,
    inputs: Vec<Input>,
    outputs: Vec<String>,
    left: Vec<String>,
    steps: Vec<Learned>,
}

impl FittedRecipe {
    pub(crate) fn new(
        (name, source): (&str, &str),
        inputs: Vec<Input>,
        outputs: Vec<String>,
        left: Vec<String>,
        steps: Vec<Learned>,
    ) -> Self {
        FittedRecipe {
            version: VERSION,
            name: name.to_owned(),
            source: source.to_owned(),
            inputs,
            outputs,
            left,
            steps,
        }
    }

    /// The recipe's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The recipe as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The raw columns it needs, in the training frame's order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The feature columns it gives, in order.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Whether a feature is in another unit than its raw column: standardized, or a logarithm.
    pub fn changes_units(&self) -> bool {
        self.steps.iter().any(Learned::changes_units)
    }

    /// What it learned, a row for each step and column: `step`, `column`, `learned`.
    ///
    /// ```
    /// # use polars::prelude::*;
    /// # use ironsage_prep::Recipe;
    /// let train = df!("length" => [Some(0.5), None, Some(0.25)])?;
    /// let fitted = Recipe::parse("shells", "fill length max")?.fit(&train, &[])?;
    /// let learned = fitted.learned()?;
    /// assert_eq!(learned.column("learned")?.get(0)?, AnyValue::String("a missing value becomes 0.5"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn learned(&self) -> Result<DataFrame, PrepError> {
        let steps: Vec<&str> = self.steps.iter().map(Learned::name).collect();
        let columns: Vec<&str> = self.steps.iter().map(Learned::column).collect();
        let learned: Vec<String> = self.steps.iter().map(Learned::told).collect();
        Ok(df!("step" => steps, "column" => columns, "learned" => learned)?)
    }

    /// Applies it to raw rows. Gives the feature columns, then those left-alone columns (the
    /// label, weights) that the frame has, untouched. Other columns are not looked at. As many
    /// rows come out as went in, in the same order.
    pub fn apply(&self, frame: &DataFrame) -> Result<DataFrame, PrepError> {
        let missing: Vec<String> = self
            .inputs
            .iter()
            .filter(|input| frame.column(&input.name).is_err())
            .map(|input| input.name.clone())
            .collect();
        if !missing.is_empty() {
            let there = frame.get_column_names().into_iter();
            return Err(PrepError::MissingColumns {
                missing,
                there: there.map(ToString::to_string).collect(),
            });
        }
        let mut columns = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let raw = frame.column(&input.name)?;
            columns.push(column::expected(raw, Expected::of(&input.dtype))?);
        }
        learned::run(&self.steps, &mut columns, frame.height())?;
        let by_name = DataFrame::new(frame.height(), columns)?;
        let mut out = Vec::with_capacity(self.outputs.len() + self.left.len());
        for output in &self.outputs {
            out.push(by_name.column(output)?.clone());
        }
        for left in &self.left {
            out.extend(frame.column(left).ok().cloned());
        }
        Ok(DataFrame::new(frame.height(), out)?)
    }

    /// As JSON, the same for the same recipe; [`from_json`](FittedRecipe::from_json) gives back
    /// every bit.
    pub fn to_json(&self) -> Value {
        // Strings, lists and whole numbers alone: nothing that JSON could refuse.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Reads what [`to_json`](FittedRecipe::to_json) gave.
    pub fn from_json(saved: &Value) -> Result<FittedRecipe, PrepError> {
        let version = saved.get("version").and_then(Value::as_u64);
        match version {
            Some(version) if (1..=u64::from(VERSION)).contains(&version) => {}
            Some(version) => {
                let known = format!("its layout is {version}, and this version reads up to {VERSION}");
                return Err(PrepError::Saved(known));
            }
            None => return Err(PrepError::Saved("it has no version".to_owned())),
        }
        FittedRecipe::deserialize(saved).map_err(|error| PrepError::Saved(error.to_string()))
    }
}
