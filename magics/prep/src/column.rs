//! Raw columns brought to a few types, so that a recipe gives the same bits whatever the frame's
//! source chose: whole numbers, floats, text, true and false, and times as they are.

use polars::prelude::{AnyValue, Column, DataType, NamedFrom, Series};

use crate::error::PrepError;
use crate::times;

/// Below 2⁵³, up to which a float holds every whole number.
const LARGEST: f64 = 9e15;

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
            Expected::Whole => "whole number",
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
        Expected::Number if dtype.is_string() => each(&column, wanted, column.str()?.iter(), |text| {
            text.trim().parse::<f64>().ok().map(Some)
        }),
        Expected::Whole if dtype.is_string() => each(&column, wanted, column.str()?.iter(), whole_text),
        // No rounding behind one's back.
        Expected::Whole if dtype.is_float() => each(&column, wanted, column.f64()?.iter(), whole),
        Expected::Number | Expected::Whole if dtype.is_integer() || dtype.is_bool() => {
            Ok(column.cast(&wanted.dtype())?)
        }
        Expected::Number if dtype.is_float() => Ok(column),
        Expected::Truth if dtype.is_bool() => Ok(column),
        Expected::Truth if dtype.is_integer() || dtype.is_float() => {
            let numbers = column.cast(&DataType::Float64)?;
            each(&numbers, wanted, numbers.f64()?.iter(), |number| match number {
                1.0 => Some(Some(true)),
                0.0 => Some(Some(false)),
                _ => None,
            })
        }
        Expected::Truth if dtype.is_string() => each(&column, wanted, column.str()?.iter(), |text| match text.trim() {
            "true" | "True" | "TRUE" | "1" => Some(Some(true)),
            "false" | "False" | "FALSE" | "0" => Some(Some(false)),
            _ => None,
        }),
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

/// What `read` makes of each value (a missing one, where that is what it finds), or which value it cannot read.
fn each<V, T>(
    column: &Column,
    wanted: Expected,
    values: impl Iterator<Item = Option<V>>,
    read: impl Fn(V) -> Option<Option<T>>,
) -> Result<Column, PrepError>
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    let mut made: Vec<Option<T>> = Vec::with_capacity(column.len());
    for (row, value) in values.enumerate() {
        let value = value.map_or(Some(None), &read);
        made.push(value.ok_or_else(|| value_error(column, row, wanted.name()))?);
    }
    Ok(Column::new(column.name().clone(), made))
}

/// Digits are read as they stand: as a float, a long id would lose its last ones.
fn whole_text(text: &str) -> Option<Option<i64>> {
    match text.trim().parse() {
        Ok(number) => Some(Some(number)),
        Err(_) => whole(text.trim().parse().ok()?),
    }
}

/// A float as a whole number, NaN as a missing one; nothing where the value would change.
pub(crate) fn whole(number: f64) -> Option<Option<i64>> {
    if number.is_nan() {
        return Some(None);
    }
    let is_whole = number.fract() == 0.0 && number.abs() < LARGEST;
    is_whole.then_some(Some(number as i64))
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
            Ok(AnyValue::String(text)) => format!("{text:?}"),
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
    fn a_column_of_whole_numbers_stays_one() {
        let whole = |column: &Column| expected(column, Expected::Whole).map_err(|error| error.to_string());
        let floats = Column::new("n".into(), [Some(3.0), None, Some(f64::NAN), Some(-2.0)]);
        let numbers = [Some(3), None, None, Some(-2)];
        assert_eq!(whole(&floats).unwrap().i64().unwrap().to_vec(), numbers);
        // As a float, this would be 9007199254740992.
        let texts = Column::new("n".into(), ["9007199254740993", " 3.0", "NaN"]);
        let numbers = [Some(9_007_199_254_740_993), Some(3), None];
        assert_eq!(whole(&texts).unwrap().i64().unwrap().to_vec(), numbers);
        for (column, told) in [
            (Column::new("n".into(), [2.0, 1.5]), "row 2: 1.5"),
            (Column::new("n".into(), [f64::INFINITY]), "row 1: inf"),
            (Column::new("n".into(), [1e16]), "row 1: 10000000000000000"),
            (Column::new("n".into(), ["1", "1.5"]), "row 2: \"1.5\""),
            (Column::new("n".into(), ["one"]), "row 1: \"one\""),
        ] {
            let told = format!("column `n`, {told} is no whole number");
            assert_eq!(whole(&column).unwrap_err(), told);
        }
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
