//! Columns as numbers: a column becomes numbers once, here. Nulls become NaN and are left out later, dates and
//! times become seconds.

use polars::prelude::{Column, DataFrame, DataType, TimeUnit};

use super::PlotError;
use super::axis::Kind;
use super::theme;

pub(super) fn column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column, PlotError> {
    frame.column(name).map_err(|_| PlotError::NoColumn {
        name: name.to_owned(),
        there: frame.get_column_names().into_iter().map(ToString::to_string).collect(),
    })
}

/// A column as numbers, NaN where there is none, and what they are.
pub(super) fn numbers(frame: &DataFrame, name: &str) -> Result<(Vec<f64>, Kind), PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    let (kind, unit) = match dtype {
        DataType::Boolean => (Kind::Whole, 1.0),
        DataType::Date => (Kind::Time, 86_400.0),
        DataType::Datetime(unit, _) => (Kind::Time, seconds(*unit)),
        DataType::Duration(unit) => (Kind::Number, seconds(*unit)),
        d if d.is_integer() => (Kind::Whole, 1.0),
        d if d.is_float() || d.is_decimal() => (Kind::Number, 1.0),
        DataType::Null => (Kind::Number, 1.0),
        other => {
            let instead = match other {
                DataType::Time => format!("take a part of it in `%%sql`, such as `EXTRACT(HOUR FROM {name})`"),
                d if d.is_nested() || d.is_binary() => "take another column".to_owned(),
                _ => format!(
                    "`%plot bar` counts its values; text of digits becomes numbers in `%%sql`, \
                     with `CAST({name} AS DOUBLE)`"
                ),
            };
            return Err(PlotError::NotUsable {
                name: name.to_owned(),
                dtype: other.to_string(),
                needs: "this picture needs numbers".to_owned(),
                instead,
            });
        }
    };
    let physical = if dtype.is_temporal() {
        column.to_physical_repr().cast(&DataType::Float64)?
    } else {
        column.cast(&DataType::Float64)?
    };
    let values = physical
        .f64()?
        .iter()
        .map(|v| v.map_or(f64::NAN, |v| v * unit))
        .collect();
    Ok((values, kind))
}

fn seconds(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Nanoseconds => 1e-9,
        TimeUnit::Microseconds => 1e-6,
        TimeUnit::Milliseconds => 1e-3,
    }
}

/// The kind of an axis of such values.
pub(super) fn scaled(kind: Kind, log: bool) -> Kind {
    if log { Kind::Log } else { kind }
}

/// Where only numbers make sense.
pub(super) fn refuse_times(frame: &DataFrame, name: &str, kind: Kind) -> Result<(), PlotError> {
    if kind != Kind::Time {
        return Ok(());
    }
    Err(PlotError::NotUsable {
        name: name.to_owned(),
        dtype: column(frame, name)?.dtype().to_string(),
        needs: "this picture needs numbers, not times (`line` and `scatter` take them)".to_owned(),
        instead: format!("take a part of it in `%%sql`, such as `EXTRACT(YEAR FROM {name})`"),
    })
}

/// Whether a colour column is a scale: numbers or times with more values than there are colours.
pub(super) fn is_scale(frame: &DataFrame, name: &str) -> Result<bool, PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    if !(dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_temporal()) {
        return Ok(false);
    }
    Ok(column.unique()?.len() > theme::PALETTE.len())
}

/// The columns that are named, or all that hold numbers.
pub(super) fn numeric(frame: &DataFrame, columns: &[String]) -> Vec<String> {
    if !columns.is_empty() {
        return columns.to_vec();
    }
    let numeric = |c: &&Column| c.dtype().is_primitive_numeric() || c.dtype().is_bool();
    let all = frame.columns().iter().filter(numeric);
    all.map(|c| c.name().to_string()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::df;

    use super::super::{
        BarOptions, BoxOptions, HistOptions, LineOptions, ScatterOptions, bar, boxes, hist, line, scatter,
    };
    use super::*;

    fn shells() -> DataFrame {
        df!(
            "sex" => ["M", "F", "I", "M", "F"],
            "rings" => [Some(15), Some(9), None, Some(10), Some(7)],
            "weight" => [0.15, f64::NAN, 0.05, 0.2, f64::INFINITY],
            "old" => [true, false, false, true, false],
            "none" => [None::<f64>; 5],
        )
        .unwrap()
    }

    #[test]
    fn missing_columns_name_what_there_is() {
        let error = hist(&shells(), "ringz", &HistOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "no column `ringz`");
        assert_eq!(
            error.hint().unwrap(),
            "`ringz` is none of: sex, rings, weight, old, none"
        );
    }

    #[test]
    fn text_is_no_number() {
        let error = hist(&shells(), "sex", &HistOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "column `sex` is str, and this picture needs numbers");
        assert!(error.hint().unwrap().starts_with("`%plot bar` counts its values"));
    }

    #[test]
    fn nulls_nan_and_infinities_are_left_out_and_counted() {
        let plot = scatter(&shells(), "weight", "rings", &ScatterOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "rings by weight, 2 points, 3 rows without a value left out"
        );
        let error = hist(&shells(), "none", &HistOptions::default()).unwrap_err();
        assert!(matches!(error, PlotError::NoValues { .. }));
        let empty = shells().head(Some(0));
        for x in ["rings", "weight", "none"] {
            assert!(hist(&empty, x, &HistOptions::default()).is_err());
        }
        assert!(bar(&empty, "sex", &BarOptions::default()).is_err());
        assert!(boxes(&empty, "rings", &BoxOptions::default()).is_err());
        assert!(line(&empty, "rings", "weight", &LineOptions::default()).is_err());
    }

    #[test]
    fn dates_are_seconds() {
        let days = Column::new("day".into(), [0_i32, 1, 2]).cast(&DataType::Date).unwrap();
        let (values, kind) = numbers(&days.into_frame(), "day").unwrap();
        assert_eq!((values, kind), (vec![0.0, 86_400.0, 172_800.0], Kind::Time));
    }
}
