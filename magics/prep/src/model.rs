//! Both ends of a model on a raw frame: the rows of numbers that it takes, and the columns that its answers become.
//!
//! `%predict`, an endpoint and a Rust cell all make their rows by [`model_rows`], so that they cannot differ. `%predict`
//! and a Rust cell name their answers by [`answer_columns`]; an endpoint writes its own in the formats of its contract.

use polars::prelude::{Column, DataFrame};

use crate::error::PrepError;
use crate::fitted::FittedRecipe;
use crate::rows::matrix;

/// The rows that a model takes, from a raw frame: the recipe, where there is one, is applied here and nowhere else.
///
/// ```
/// # use polars::prelude::*;
/// # use ironsage_prep::Recipe;
/// let raw = df!("sex" => ["M", "F"], "length" => [0.5, 0.25])?;
/// let recipe = Recipe::parse("shells", "one_hot sex")?.fit(&raw, &[])?;
/// let rows = ironsage_prep::model_rows(&raw, Some(&recipe), recipe.outputs())?;
/// assert_eq!(rows, [0.0, 1.0, 0.5, 1.0, 0.0, 0.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn model_rows(
    frame: &DataFrame,
    recipe: Option<&FittedRecipe>,
    features: &[String],
) -> Result<Vec<f32>, PrepError> {
    match recipe {
        Some(recipe) => {
            // What the recipe only lets pass (the label) could bear the name of a feature.
            let raw = frame.select(recipe.inputs().iter().map(|input| input.name.as_str()));
            // Where a column is missing, the recipe says which.
            matrix(&recipe.apply(raw.as_ref().unwrap_or(frame))?, features)
        }
        None => matrix(frame, features),
    }
}

/// A model's answers as columns: `score` and, for a classifier, `predicted_label`, each name after `prefix`. An answer
/// is the score with the class that goes with it.
///
/// ```
/// let columns = ironsage_prep::answer_columns([(0.75, Some(1.0)), (0.25, Some(0.0))], "");
/// assert_eq!(columns[0].name(), "score");
/// assert_eq!(columns[1].i32()?.to_vec(), [Some(1), Some(0)]);
/// # Ok::<(), polars::prelude::PolarsError>(())
/// ```
pub fn answer_columns(answers: impl IntoIterator<Item = (f32, Option<f32>)>, prefix: &str) -> Vec<Column> {
    let (scores, labels): (Vec<f32>, Vec<Option<f32>>) = answers.into_iter().unzip();
    let mut columns = vec![Column::new(format!("{prefix}score").into(), scores)];
    if labels.first().is_some_and(Option::is_some) {
        let labels: Vec<Option<i32>> = labels
            .into_iter()
            .map(|label| label.map(|label| label as i32))
            .collect();
        columns.push(Column::new(format!("{prefix}predicted_label").into(), labels));
    }
    columns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::df;

    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn only_what_the_recipe_takes_reaches_it() {
        let train = df!("sex" => ["M", "F"], "length" => [0.5, 0.25], "rings" => [7, 9]).unwrap();
        let recipe = Recipe::parse("shells", "one_hot sex").unwrap();
        let recipe = recipe.fit(&train, &["rings"]).unwrap();
        let rows = model_rows(&train, Some(&recipe), recipe.outputs()).unwrap();
        assert_eq!(rows, [0.0, 1.0, 0.5, 1.0, 0.0, 0.25]);
        let label = model_rows(&train, Some(&recipe), &["rings".to_owned()]);
        assert!(
            matches!(label, Err(PrepError::MissingColumns { .. })),
            "the label is no feature"
        );
        let error = model_rows(&train.drop("length").unwrap(), Some(&recipe), recipe.outputs()).unwrap_err();
        assert_eq!(error.to_string(), "no column `length`: there are `sex`, `rings`");
    }
}
