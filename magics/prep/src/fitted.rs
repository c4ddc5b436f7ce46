//! A recipe that has learned: what it needs, what it gives, and how it is applied and saved.

use polars::prelude::{
    BooleanChunked, ChunkApply, Column, DataFrame, DataType, Float64Chunked, IntoColumn, NewChunkedArray, UInt8Chunked,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::column::{self, Expected};
use crate::error::PrepError;

/// The layout of a saved recipe; a newer one is refused, not guessed at.
const VERSION: u32 = 1;

/// A raw column that a recipe needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type when the recipe was fitted: `f64`, `i64`, `str`, `bool`, or a time's.
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

/// A step with what it learned. Column-wise: each entry works on one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Learned {
    Fill {
        column: String,
        value: Filling,
    },
    OneHot {
        column: String,
        categories: Vec<Category>,
    },
    Standardize {
        column: String,
        mean: Exact,
        scale: Exact,
    },
    Clip {
        column: String,
        low: Option<Exact>,
        high: Option<Exact>,
    },
    Log {
        column: String,
    },
}

/// What a missing value becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filling {
    Number(Exact),
    Text(String),
    Truth(bool),
}

/// A value that has a column of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Category {
    pub(crate) value: String,
    pub(crate) output: String,
}

/// A float that is saved as text, since not every reader of JSON gives back the same bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact(pub(crate) f64);

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Exact).map_err(serde::de::Error::custom)
    }
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
        let changes = |step: &Learned| matches!(step, Learned::Standardize { .. } | Learned::Log { .. });
        self.steps.iter().any(changes)
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
        for step in &self.steps {
            step.run(&mut columns)?;
        }
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
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                let known = format!("its layout is {version}, and this version reads {VERSION}");
                return Err(PrepError::Saved(known));
            }
            None => return Err(PrepError::Saved("it has no version".to_owned())),
        }
        FittedRecipe::deserialize(saved).map_err(|error| PrepError::Saved(error.to_string()))
    }
}

impl Learned {
    /// The column it works on.
    pub(crate) fn column(&self) -> &str {
        match self {
            Learned::Fill { column, .. }
            | Learned::OneHot { column, .. }
            | Learned::Standardize { column, .. }
            | Learned::Clip { column, .. }
            | Learned::Log { column } => column,
        }
    }

    /// Puts the column's successors in its place.
    pub(crate) fn run(&self, columns: &mut Vec<Column>) -> Result<(), PrepError> {
        let name = self.column();
        let Some(at) = columns.iter().position(|c| c.name().as_str() == name) else {
            return Err(PrepError::Saved(format!(
                "a step works on `{name}`, which no step makes"
            )));
        };
        let made = self.make(&columns[at])?;
        columns.splice(at..=at, made);
        Ok(())
    }

    fn make(&self, column: &Column) -> Result<Vec<Column>, PrepError> {
        let made = match self {
            Learned::Fill { value, .. } => fill(column, value)?,
            Learned::OneHot { categories, .. } => return one_hot(column, categories),
            Learned::Standardize { mean, scale, .. } => {
                let (mean, scale) = (mean.0, scale.0);
                floats(column)?.apply_values(|v| (v - mean) / scale).into_column()
            }
            Learned::Clip { low, high, .. } => {
                let low = low.map_or(f64::NEG_INFINITY, |v| v.0);
                let high = high.map_or(f64::INFINITY, |v| v.0);
                // Comparisons, not `clamp`: NaN stays NaN, and saved ends can't make it panic.
                let clip = |v: f64| {
                    if v < low {
                        low
                    } else if v > high {
                        high
                    } else {
                        v
                    }
                };
                floats(column)?.apply_values(clip).into_column()
            }
            Learned::Log { .. } => {
                let values = floats(column)?;
                for (row, value) in values.iter().enumerate() {
                    if let Some(value) = value.filter(|v| *v < 0.0) {
                        return Err(PrepError::Negative {
                            column: column.name().to_string(),
                            row,
                            value,
                        });
                    }
                }
                values.apply_values(f64::ln_1p).into_column()
            }
        };
        Ok(vec![made])
    }
}

/// A numeric column as floats.
pub(crate) fn floats(column: &Column) -> Result<Float64Chunked, PrepError> {
    Ok(column.cast(&DataType::Float64)?.f64()?.clone())
}

fn fill(column: &Column, value: &Filling) -> Result<Column, PrepError> {
    let name = column.name().clone();
    Ok(match value {
        Filling::Number(Exact(value)) => {
            let present = |v: &f64| !v.is_nan();
            let values = floats(column)?;
            let filled = values.iter().map(|v| v.filter(present).unwrap_or(*value));
            Column::new(name, filled.collect::<Vec<f64>>())
        }
        Filling::Text(value) => {
            let texts = column.str()?;
            let filled: Vec<&str> = texts.iter().map(|v| v.unwrap_or(value)).collect();
            Column::new(name, filled)
        }
        Filling::Truth(value) => {
            let truths = column.bool()?;
            let filled = truths.iter().map(|v| v.unwrap_or(*value));
            BooleanChunked::from_iter_values(name, filled).into_column()
        }
    })
}

fn one_hot(column: &Column, categories: &[Category]) -> Result<Vec<Column>, PrepError> {
    let names = column::names(column)?;
    let names = names.str()?;
    let is = |value: &str, output: &str| {
        let ones = names.iter().map(|name| u8::from(name == Some(value)));
        UInt8Chunked::from_iter_values(output.into(), ones).into_column()
    };
    Ok(categories.iter().map(|c| is(&c.value, &c.output)).collect())
}
