//! What a step asks of numbers: all of its columns and questions in one query, which Polars runs on
//! all cores.

use polars::prelude::{Column, DataFrame, DataType, Expr, IntoLazy, NULL, QuantileMethod, col, lit};

use crate::error::PrepError;

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
    let Some(first) = columns.first() else {
        return Ok(Vec::new());
    };
    let mut questions: Vec<Expr> = Vec::with_capacity(columns.len() * asked.len());
    for (at, column) in columns.iter().enumerate() {
        let values = col(column.name().as_str()).cast(DataType::Float64);
        let values = values.fill_nan(lit(NULL));
        for (question, statistic) in asked.iter().enumerate() {
            let values = values.clone();
            let answer = match statistic {
                Statistic::Mean => values.mean(),
                Statistic::Deviation => values.std(0),
                Statistic::Min => values.min(),
                Statistic::Max => values.max(),
                Statistic::Quantile(part) => values.quantile(lit(*part), QuantileMethod::Linear),
            };
            questions.push(answer.alias(format!("{at} {question}")));
        }
    }
    let frame = DataFrame::new(first.len(), columns.iter().map(|c| (*c).clone()).collect())?;
    let answers = frame.lazy().select(questions).collect()?;
    let mut values = Vec::with_capacity(answers.width());
    for answer in answers.columns() {
        values.push(answer.cast(&DataType::Float64)?.f64()?.get(0));
    }
    Ok(values.chunks(asked.len().max(1)).map(<[Option<f64>]>::to_vec).collect())
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
