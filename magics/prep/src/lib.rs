//! Recipes: what happens to raw columns before a model sees them, learned once and applied the
//! same everywhere.
//!
//! A [`Recipe`] is what a person writes, one step a line. Fitted on training rows it becomes a
//! [`FittedRecipe`], which has learned its medians, categories and scales and travels in the
//! model's artifact. The notebook, the job and the endpoint all apply it by this one code, so that
//! training and serving can't drift apart. A recipe works on columns only: as many rows come out
//! as went in, in the same order. The label never enters. [`grammar`] tells the steps.
//!
//! What training did not have is defined at prediction, alike for a frame, for JSON and for CSV:
//!
//! | at prediction | what happens |
//! | --- | --- |
//! | a category never seen | `one_hot`: 0 in each of its columns; `ordinal`: -1; `hash`: its bucket, as any other |
//! | a null or NaN, where training had none | `fill` before it fills it; `one_hot` and `hash`: 0 in each column; what is still missing in the end is an error that names the column, the row and the step that mends it |
//! | a missing column | an error that names it: it is never guessed. In JSON, `null` is how a value is left out |
//! | a column too many | is not looked at |
//! | another type | converted where no value changes (text that holds numbers, whole numbers for floats, 3.0 for a whole number, numbers as names, `2026-01-31` as a date); else an error that names the row and the value |
//! | a number out of the training rows' range | `clip` and `bin` bring it to their ends; scales go on beyond theirs; `log` refuses what is below 0 |
//! | a time with a zone | the clock on the wall counts; the zone goes |
//!
//! ```
//! use polars::prelude::*;
//! use ironsage_prep::{FittedRecipe, Recipe, matrix};
//!
//! let train = df!("sex" => ["M", "F", "F"], "length" => [Some(0.4), None, Some(0.6)], "rings" => [9, 7, 11])?;
//! let recipe = Recipe::parse("shells", "fill @numeric median\none_hot sex")?;
//! let fitted = recipe.fit(&train, &["rings"])?;
//! assert_eq!(fitted.outputs(), ["sex_F", "sex_M", "length"]);
//!
//! let again = FittedRecipe::from_json(&fitted.to_json())?;
//! let rows = matrix(&again.apply(&train)?, again.outputs())?;
//! assert_eq!(rows, [0.0, 1.0, 0.4, 1.0, 0.0, 0.5, 1.0, 0.0, 0.6]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod column;
mod error;
mod expression;
mod fit;
mod fitted;
mod grammar;
mod learn;
mod learned;
mod line;
mod model;
mod raw;
mod recipe;
mod rows;
mod selector;
mod statistics;
mod times;
mod words;

pub use error::PrepError;
pub use fitted::{FittedRecipe, Input};
pub use grammar::{STEPS, StepHelp, grammar};
pub use model::{answer_columns, model_rows};
pub use raw::{frame_from_csv, frame_from_json};
pub use recipe::{Bins, Bound, CastTo, DatePart, Fill, Recipe, Step, StepKind};
pub use rows::matrix;
pub use selector::{Group, Pick, Selector};
