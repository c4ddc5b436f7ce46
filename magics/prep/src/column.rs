//! Raw columns brought to a few types, so that a recipe gives the same bits whatever the frame's
//! source chose: whole numbers, floats, text, true and false, and times as they are.

use polars::prelude::{AnyValue, Column, DataType};

use crate::error::PrepError;
use crate::times;

/// What a recipe expects of a raw column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Number,
    Whole,
    Text,
    Truth,
    Date,
    /// A date and a time, as the clock on the wall shows it.
    Time,
    /// Anything else: taken as it comes.
    Any,
}

impl Expected {
    /// By the name of a type, as [`Input`](crate::Input) and model cards write it.
    pub(crate) fn of(dtype: &str) -> Expected {
        match dtype {
            "f64" | "f32" | "f16" => Expected::Number,
            "i64" | "i32" | "i16" | "i8" | "u64" | "u32" | "u16" | "u8" => Expected::Whole,
            "str" | "cat" | "enum" => Expected::Text,
            "bool" => Expected::Truth,
            "date" => Expected::Date,
            other if other.starts_with("datetime") => Expected::Time,
            other if other.starts_with("decimal") => Expected::Number,
            _ => Expected::Any,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Expected::Number => "number",
            Expected::Whole => "number",
            Expected::Text => "text",
            Expected::Truth => "true or false",
            Expected::Date => "date",
            Expected::Time => "date and time",
            Expected::Any => "value",
        }
    }

    fn dtype(self) -> DataType {
        match self {
            Expected::Number | Expected::Any => DataType::Float64,
            Expected::Whole => DataType::Int64,
            Expected::Text => DataType::String,
            Expected::Truth => DataType::Boolean,
            Expected::Date => DataType::Date,
            Expected::Time => times::DATETIME,
        }
    }
}

/// Brings a column to its plain type: i64, f64, text, bool, a date or a time without its zone.
pub(crate) fn plain(column: &Column) -> Result<Column, PrepError> {
    let to = match column.dtype() {
        DataType::UInt64 | DataType::Int128 | DataType::UInt128 => DataType::Float64,
        d if d.is_integer() => DataType::Int64,
        d if d.is_float() || d.is_decimal() => DataType::Float64,
        d if d.is_categorical() || d.is_enum() => DataType::String,
        DataType::Datetime(..) => return times::wall_clock(column),
        _ => return Ok(column.clone()),
    };
    if column.dtype() == &to {
        return Ok(column.clone());
    }
    Ok(column.cast(&to)?)
}

/// Brings a column to what a recipe was fitted on, or says which value cannot be.
pub(crate) fn expected(column: &Column, wanted: Expected) -> Result<Column, PrepError> {
    let column = plain(column)?;
    let dtype = column.dtype().clone();
    if dtype.is_null() {
        return Ok(column.cast(&wanted.dtype())?);
    }
    match wanted {
        Expected::Any => Ok(column),
        // A float in a column of whole numbers stays what it is: no rounding behind one's back.
        Expected::Whole if dtype.is_float() => Ok(column),
        Expected::Number | Expected::Whole if dtype.is_string() => parsed(&column, wanted),
        Expected::Number | Expected::Whole if dtype.is_integer() || dtype.is_bool() => {
            Ok(column.cast(&wanted.dtype())?)
        }
        Expected::Number if dtype.is_float() => Ok(column),
        Expected::Truth if dtype.is_bool() => Ok(column),
        Expected::Truth if dtype.is_integer() || dtype.is_float() => truth(&column),
        Expected::Truth if dtype.is_string() => parsed(&column, wanted),
        Expected::Text if dtype.is_string() => Ok(column),
        Expected::Text if dtype.is_integer() || dtype.is_bool() => Ok(column.cast(&DataType::String)?),
        Expected::Text if dtype.is_float() => names(&column),
        Expected::Date | Expected::Time if dtype.is_string() => {
            let read = times::parsed(&column, &wanted.dtype())?;
            read.map_err(|row| value_error(&column, row, wanted.name()))
        }
        Expected::Date | Expected::Time if dtype == DataType::Date || dtype == times::DATETIME => {
            Ok(column.cast(&wanted.dtype())?)
        }
        _ => Err(PrepError::Dtype {
            column: column.name().to_string(),
            dtype: dtype.to_string(),
            wanted: wanted.name(),
        }),
    }
}

/// Text that holds numbers, or the words for true and false.
fn parsed(column: &Column, wanted: Expected) -> Result<Column, PrepError> {
    let texts = column.str()?;
    let mut numbers: Vec<Option<f64>> = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            numbers.push(None);
            continue;
        };
        let value = match (wanted, text.trim()) {
            (Expected::Truth, "true" | "True" | "TRUE" | "1") => Some(1.0),
            (Expected::Truth, "false" | "False" | "FALSE" | "0") => Some(0.0),
            (Expected::Truth, _) => None,
            (_, text) => text.parse().ok(),
        };
        if value.is_none() {
            return Err(PrepError::Value {
                column: column.name().to_string(),
                row,
                value: format!("{text:?}"),
                wanted: wanted.name(),
            });
        }
        numbers.push(value);
    }
    let whole = |v: &f64| v.fract() == 0.0 && v.abs() < 9e15;
    let all_whole = numbers.iter().flatten().all(whole);
    let column = Column::new(column.name().clone(), numbers);
    match wanted {
        Expected::Whole if !all_whole => Ok(column),
        _ => Ok(column.cast(&wanted.dtype())?),
    }
}

/// Numbers that stand for true and false.
fn truth(column: &Column) -> Result<Column, PrepError> {
    let numbers = column.cast(&DataType::Float64)?;
    let odd = |v: &Option<f64>| v.is_some_and(|v| v != 0.0 && v != 1.0);
    if let Some(row) = numbers.f64()?.iter().position(|v| odd(&v)) {
        return Err(value_error(&numbers, row, Expected::Truth.name()));
    }
    Ok(column.cast(&DataType::Boolean)?)
}

/// Floats as whole numbers, or which of them has a fraction.
pub(crate) fn whole(column: &Column) -> Result<Column, PrepError> {
    let odd = |v: &Option<f64>| v.is_some_and(|v| v.fract() != 0.0 || v.abs() >= 9e15);
    match column.f64()?.iter().position(|v| odd(&v)) {
        Some(row) => Err(value_error(column, row, "whole number")),
        None => Ok(column.cast(&DataType::Int64)?),
    }
}

/// Numbers as the names of categories: 3.0 is "3".
pub(crate) fn names(column: &Column) -> Result<Column, PrepError> {
    if !column.dtype().is_float() {
        return Ok(column.cast(&DataType::String)?);
    }
    let numbers = column.cast(&DataType::Float64)?;
    let texts: Vec<Option<String>> = numbers.f64()?.iter().map(|v| v.map(|v| v.to_string())).collect();
    Ok(Column::new(column.name().clone(), texts))
}

fn value_error(column: &Column, row: usize, wanted: &'static str) -> PrepError {
    PrepError::Value {
        column: column.name().to_string(),
        row,
        value: match column.get(row) {
            Ok(AnyValue::Float64(v)) => v.to_string(),
            Ok(value) => value.to_string(),
            Err(_) => "?".to_owned(),
        },
        wanted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_where_a_number_is_needed_is_named() {
        let column = Column::new("length".into(), [Some("0.5"), None, Some("long")]);
        let error = expected(&column, Expected::Number).unwrap_err();
        assert_eq!(error.to_string(), "column `length`, row 3: \"long\" is no number");
        let column = Column::new("length".into(), [Some("0.5"), None]);
        let read = expected(&column, Expected::Number).unwrap();
        assert_eq!(read.get(0).unwrap(), AnyValue::Float64(0.5));
    }

    #[test]
    fn a_float_among_whole_numbers_is_not_rounded() {
        let column = Column::new("n".into(), [1.5, 2.0]);
        let read = expected(&column, Expected::Whole).unwrap();
        assert_eq!(read.get(0).unwrap(), AnyValue::Float64(1.5));
    }

    #[test]
    fn numbers_are_names_and_truths_where_they_can_be() {
        let column = Column::new("n".into(), [1.0, 2.5]);
        let read = expected(&column, Expected::Text).unwrap();
        assert_eq!(read.str().unwrap().iter().flatten().collect::<Vec<_>>(), ["1", "2.5"]);
        let error = expected(&column, Expected::Truth).unwrap_err();
        assert_eq!(error.to_string(), "column `n`, row 2: 2.5 is no true or false");
        let date = Column::new("d".into(), [1_i32]).cast(&DataType::Date).unwrap();
        let error = expected(&date, Expected::Number).unwrap_err();
        assert_eq!(error.to_string(), "column `d` is date, and number is needed");
    }

    #[test]
    fn an_empty_column_becomes_what_is_expected() {
        let column = Column::full_null("n".into(), 2, &DataType::Null);
        assert_eq!(*expected(&column, Expected::Text).unwrap().dtype(), DataType::String);
    }
}
