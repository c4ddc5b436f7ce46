//! What a step asks of numbers: its columns at the same time, each laid out without its gaps, since Polars sorts a
//! column that has gaps to find one quantile.

use polars::prelude::{ChunkAgg, ChunkQuantile, ChunkVar, Column, Float64Chunked, PlSmallStr, QuantileMethod};
use rayon::prelude::*;

use crate::error::PrepError;
use crate::learned::floats;

/// A question about the values that are there: neither null nor NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Statistic {
    Mean,
    /// The standard deviation, dividing by n, as scikit-learn's scaler.
    Deviation,
    Min,
    Max,
    /// With linear interpolation, as NumPy's default.
    Quantile(f64),
}

/// The answers for each column in turn; none where there is no value.
pub(crate) fn of(columns: &[&Column], asked: &[Statistic]) -> Result<Vec<Vec<Option<f64>>>, PrepError> {
    columns.par_iter().map(|column| answers(column, asked)).collect()
}

fn answers(column: &Column, asked: &[Statistic]) -> Result<Vec<Option<f64>>, PrepError> {
    let values = floats(column)?;
    let mut present: Vec<f64> = Vec::with_capacity(values.len() - values.null_count());
    for chunk in values.downcast_iter() {
        present.extend(chunk.non_null_values_iter().filter(|value| !value.is_nan()));
    }
    let present = Float64Chunked::from_vec(PlSmallStr::EMPTY, present);
    let answer = |statistic: &Statistic| match statistic {
        Statistic::Mean => Ok(present.mean()),
        Statistic::Deviation => Ok(present.std(0)),
        Statistic::Min => Ok(present.min()),
        Statistic::Max => Ok(present.max()),
        Statistic::Quantile(part) => Ok(present.quantile(*part, QuantileMethod::Linear)?),
    };
    asked.par_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn missing_values_do_not_count() {
        let some = Column::new("a".into(), [Some(1.0), None, Some(f64::NAN), Some(4.0)]);
        let whole = Column::new("b".into(), [Some(3_i64), None, None, None]);
        let none = Column::new("c".into(), [None::<f64>; 4]);
        let asked = [
            Statistic::Mean,
            Statistic::Deviation,
            Statistic::Min,
            Statistic::Max,
            Statistic::Quantile(0.25),
        ];
        let answers = of(&[&some, &whole, &none], &asked).unwrap();
        assert_eq!(answers[0], [2.5, 1.5, 1.0, 4.0, 1.75].map(Some));
        assert_eq!(answers[1], [3.0, 0.0, 3.0, 3.0, 3.0].map(Some));
        assert_eq!(answers[2], [None; 5]);
        let ends = Column::new("d".into(), [f64::NEG_INFINITY, 1.0, f64::INFINITY]);
        assert_eq!(of(&[&ends], &[Statistic::Quantile(0.5)]).unwrap(), [[Some(1.0)]]);
    }
}
