//! The way from a raw frame to the learner's matrix: which columns are features, and the recipe between.

use ironsage_formats::artifact;
use ironsage_prep::{FittedRecipe, Recipe};
use polars::prelude::*;

use super::label::no_column;
use crate::error::MagicError;
use crate::guard;
use crate::text;

/// A fitted way from raw columns to features, kept in the model's card.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// The raw columns that a caller sends.
    pub raw: Vec<artifact::Input>,
    /// The recipe between, fitted on the training rows.
    pub recipe: Option<FittedRecipe>,
    /// The model's features, in order.
    pub features: Vec<String>,
}

/// What a person said about features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    /// `--features`: these and no others.
    pub only: &'a [String],
    /// `--drop`: all but these.
    pub drop: &'a [String],
    /// Columns that can't be features: the label's and the weights.
    pub leave: &'a [String],
}

impl Inputs {
    /// Chooses the features and fits the recipe on the training rows.
    pub fn fit(frame: &DataFrame, choice: Choice<'_>, recipe: Option<&Recipe>) -> Result<Inputs, MagicError> {
        let columns = choose(frame, choice)?;
        let raw_frame = frame.select(columns.iter().map(String::as_str))?;
        let raw = columns
            .iter()
            .map(|name| {
                Ok(artifact::Input {
                    name: name.clone(),
                    dtype: raw_frame.column(name)?.dtype().to_string(),
                })
            })
            .collect::<PolarsResult<Vec<_>>>()?;
        let Some(recipe) = recipe else {
            refuse_text(&raw_frame)?;
            return Ok(Inputs {
                raw,
                recipe: None,
                features: columns,
            });
        };
        // Steps may name what is left out (`fill @numeric -rings`): that is no slip.
        let left: Vec<&str> = choice.leave.iter().chain(choice.drop).map(String::as_str).collect();
        let fitted = recipe.fit(&raw_frame, &left)?;
        let features = fitted.outputs().to_vec();
        if features.is_empty() {
            return Err(MagicError::data(format!(
                "the recipe `{}` leaves no column to learn from",
                recipe.name()
            )));
        }
        refuse_text(&fitted.apply(&raw_frame)?.select(features.iter().map(String::as_str))?)?;
        let needed = fitted.inputs();
        let raw = raw
            .into_iter()
            .filter(|input| needed.iter().any(|need| need.name == input.name))
            .collect();
        Ok(Inputs {
            raw,
            recipe: Some(fitted),
            features,
        })
    }

    /// What a model's card says.
    pub fn of_card(card: &artifact::Card) -> Result<Inputs, MagicError> {
        let recipe = card.recipe.as_ref().map(FittedRecipe::from_json).transpose()?;
        Ok(Inputs {
            raw: card.inputs.clone(),
            recipe,
            features: card.features.clone(),
        })
    }

    /// One row of float32 features after the other.
    pub fn matrix(&self, frame: &DataFrame) -> Result<Vec<f32>, MagicError> {
        // The matrix itself, and as much again for the prepared columns that it is made of.
        let cells = (frame.height() as u64).saturating_mul(self.features.len() as u64);
        let what = format!("a matrix of {}", text::shape_of(frame.height(), self.features.len()));
        guard::check_memory(cells.saturating_mul(8), &what, false)
            .map_err(|error| error.with_hint("take fewer rows with `%%sql`, or free frames with `%rm name`"))?;
        if let Some(missing) = self.raw.iter().find(|input| !frame.schema().contains(&input.name)) {
            return Err(no_column(&missing.name, frame));
        }
        let raw = frame.select(self.raw.iter().map(|input| input.name.as_str()))?;
        Ok(ironsage_prep::model_rows(&raw, self.recipe.as_ref(), &self.features)?)
    }
}

fn choose(frame: &DataFrame, choice: Choice<'_>) -> Result<Vec<String>, MagicError> {
    for name in choice.only.iter().chain(choice.drop) {
        if !frame.schema().contains(name) {
            return Err(no_column(name, frame));
        }
    }
    if let Some(label) = choice.only.iter().find(|name| choice.leave.contains(name)) {
        return Err(MagicError::usage(format!(
            "`{label}` is what is predicted (or the weight), so it can't be a feature"
        ))
        .with_hint("take it out of `--features`"));
    }
    let columns: Vec<String> = text::columns_of(frame)
        .into_iter()
        .filter(|name| choice.only.is_empty() || choice.only.contains(name))
        .filter(|name| !choice.leave.contains(name) && !choice.drop.contains(name))
        .collect();
    if columns.is_empty() {
        return Err(MagicError::usage("no column is left to learn from").with_hint("name fewer in `--drop`"));
    }
    Ok(columns)
}

/// A learner takes numbers; text wants a recipe, and the error is where a person learns of recipes.
fn refuse_text(frame: &DataFrame) -> Result<(), MagicError> {
    let texts: Vec<&str> = frame
        .columns()
        .iter()
        .filter(|column| !column.dtype().is_primitive_numeric() && column.dtype() != &DataType::Boolean)
        .map(|column| column.name().as_str())
        .collect();
    let Some(first) = texts.first() else { return Ok(()) };
    let (verb, noun) = if texts.len() == 1 {
        ("is", "a number")
    } else {
        ("are", "numbers")
    };
    Err(MagicError::data(format!("`{}` {verb} not {noun} to learn from", texts.join("`, `"))).with_hint(format!(
        "a recipe makes numbers of it: `%%prep NAME` with the line `one_hot {first}`, then `--prep NAME`; or `--drop {}`",
        texts.join(",")
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shells() -> DataFrame {
        df!("sex" => ["M", "F"], "length" => [0.5, 0.25], "rings" => [7i64, 9]).unwrap()
    }

    fn leave() -> Vec<String> {
        vec!["rings".to_owned()]
    }

    #[test]
    fn the_label_is_no_feature_and_text_wants_a_recipe() {
        let leave = leave();
        let all = Choice {
            only: &[],
            drop: &[],
            leave: &leave,
        };
        let error = Inputs::fit(&shells(), all, None).unwrap_err();
        assert_eq!(error.message, "`sex` is not a number to learn from");

        let recipe = Recipe::parse("shells", "one_hot sex").unwrap();
        let inputs = Inputs::fit(&shells(), all, Some(&recipe)).unwrap();
        assert!(!inputs.features.contains(&"rings".to_owned()));
        assert_eq!(inputs.matrix(&shells()).unwrap().len(), 2 * inputs.features.len());
    }

    #[test]
    fn a_recipe_may_name_what_is_left_out() {
        let leave = leave();
        let drop = vec!["length".to_owned()];
        for body in [
            "drop rings length\none_hot sex",
            "fill @numeric -rings -length median\none_hot sex",
        ] {
            let recipe = Recipe::parse("shells", body).unwrap();
            let choice = Choice {
                only: &[],
                drop: &drop,
                leave: &leave,
            };
            let inputs = Inputs::fit(&shells(), choice, Some(&recipe)).unwrap();
            assert_eq!(inputs.features, ["sex_F", "sex_M"], "{body}");
        }
    }

    #[test]
    fn a_matrix_that_does_not_fit_is_refused_before_it_is_made() {
        let rows = 1 << 30;
        let column = Column::full_null("length".into(), rows, &DataType::Float64);
        let inputs = Inputs {
            raw: Vec::new(),
            recipe: None,
            features: vec!["length".to_owned(); 100_000],
        };
        let error = inputs.matrix(&DataFrame::new(rows, vec![column]).unwrap()).unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::MemoryError);
    }

    #[test]
    fn features_and_drop_choose() {
        let (leave, length) = (leave(), vec!["length".to_owned()]);
        let only = Inputs::fit(
            &shells(),
            Choice {
                only: &length,
                drop: &[],
                leave: &leave,
            },
            None,
        )
        .unwrap();
        assert_eq!(only.matrix(&shells()).unwrap(), [0.5, 0.25]);
        let wrong = vec!["lenght".to_owned()];
        let error = Inputs::fit(
            &shells(),
            Choice {
                only: &[],
                drop: &wrong,
                leave: &leave,
            },
            None,
        )
        .unwrap_err();
        assert_eq!(error.hint.unwrap(), "did you mean `length`?");
    }
}
