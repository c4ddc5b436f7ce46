//! Columns of a frame as one array, for code that counts in rows of numbers.

use ironsage_prep::PrepError;
use ndarray::{Array2, ShapeError};
use polars::prelude::DataFrame;

/// Columns that could not become numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A column is missing, holds no numbers, or lacks some of them.
    #[error("{source}{}", cure(source))]
    Column {
        /// Which, where, and how many.
        source: PrepError,
    },
    /// More numbers than an array holds.
    #[error("the columns make no array: {0}")]
    Shape(#[from] ShapeError),
}

/// What to do in Rust; the error's own hints are for recipes.
fn cure(error: &PrepError) -> String {
    match error {
        PrepError::NotFinite { value, .. } if value == "null" => {
            "; put numbers there first by `fill_null`, or leave such rows out by `drop_nulls`".to_owned()
        }
        PrepError::NotFinite { .. } => "; put a number there first by `fill_nan` or `clip`".to_owned(),
        PrepError::NotNumeric { .. } => "; `cast` it, or `to_dummies` makes a column of each value".to_owned(),
        other => other.hint().map_or_else(String::new, |hint| format!("; {hint}")),
    }
}

/// Numeric and boolean columns of a frame as an array with a row for each row and a column for each name, in their
/// order; rows lie one after another in memory.
///
/// As scikit-learn does, this refuses what is no number: a null, a NaN or an infinity is an error that names its column,
/// its row and how many there are. 64-bit values are rounded to 32 bits.
///
/// ```
/// use ironsage_prelude::cell::matrix;
/// use ironsage_prelude::ndarray::array;
/// use ironsage_prelude::polars::prelude::*;
/// let shells = df!("length" => [0.5, 0.25], "rings" => [15, 7], "adult" => [true, false])?;
/// let x = matrix(&shells, &["rings", "length", "adult"])?;
/// assert_eq!(x, array![[15.0, 0.5, 1.0], [7.0, 0.25, 0.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A column that is missing, is no number, or has a value that is none.
pub fn matrix<S: AsRef<str>>(frame: &DataFrame, columns: &[S]) -> Result<Array2<f32>, MatrixError> {
    of_columns(frame, columns.iter().map(|name| name.as_ref().to_owned()).collect())
}

fn of_columns(frame: &DataFrame, columns: Vec<String>) -> Result<Array2<f32>, MatrixError> {
    let values = ironsage_prep::matrix(frame, &columns).map_err(|source| MatrixError::Column { source })?;
    Ok(Array2::from_shape_vec((frame.height(), columns.len()), values)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::*;

    use super::*;

    #[test]
    fn rows_are_rows_whatever_the_chunks_and_types() {
        let mut frame = df!("a" => [1i64, 2], "b" => [0.5f64, 1.5]).unwrap();
        frame.vstack_mut(&df!("a" => [3i64], "b" => [2.5f64]).unwrap()).unwrap();
        let x = matrix(&frame, &["b", "a"]).unwrap();
        assert_eq!(x.shape(), [3, 2]);
        assert_eq!(x.row(2).to_vec(), [2.5, 3.0]);
        assert!(x.is_standard_layout());
        assert_eq!(matrix(&frame, &[] as &[&str]).unwrap().shape(), [3, 0]);
        let names = vec!["a".to_owned()];
        assert_eq!(matrix(&frame.head(Some(0)), &names).unwrap().shape(), [0, 1]);
    }

    #[test]
    fn what_is_no_number_is_named_with_a_cure() {
        let frame = df!("sex" => ["M", "F", "I"], "rings" => [Some(7), None, None]).unwrap();
        assert_eq!(
            matrix(&frame, &["rings"]).unwrap_err().to_string(),
            "column `rings` has 2 of 3 values missing or not finite, the first (null) in row 2; \
             put numbers there first by `fill_null`, or leave such rows out by `drop_nulls`"
        );
        let error = matrix(&frame, &["sex"]).unwrap_err().to_string();
        assert!(
            error.contains("column `sex` is str") && error.contains("to_dummies"),
            "{error}"
        );
        assert_eq!(
            matrix(&frame, &["ring"]).unwrap_err().to_string(),
            "no column `ring`: there are `sex`, `rings`; did you mean `rings`?"
        );
    }
}
