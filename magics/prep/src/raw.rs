//! Raw rows as a caller sends them: JSON objects by name, and CSV with a header.
//!
//! Each becomes a frame with the columns that a recipe needs, in its types. A key that is missing
//! is null, a key that is not needed is ignored; a value of the wrong type is named with its
//! place.

use std::io::Cursor;

use polars::prelude::{Column, CsvParseOptions, CsvReadOptions, DataFrame, NamedFrom, SerReader, Series};
use serde_json::Value;

use crate::column::{self, Expected};
use crate::error::PrepError;
use crate::fitted::Input;

/// A frame from a list of JSON objects.
///
/// ```
/// # use ironsage_prep::{Input, frame_from_json};
/// # use serde_json::json;
/// let inputs = [Input { name: "length".into(), dtype: "f64".into() }];
/// let frame = frame_from_json(&json!([{"length": 0.5, "note": "x"}, {}]), &inputs)?;
/// assert_eq!(frame.shape(), (2, 1));
/// assert_eq!(frame.column("length")?.null_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn frame_from_json(instances: &Value, inputs: &[Input]) -> Result<DataFrame, PrepError> {
    let Some(instances) = instances.as_array() else {
        let what = format!("a list of objects is needed, not {}", kind(instances));
        return Err(PrepError::Rows(what));
    };
    let mut objects = Vec::with_capacity(instances.len());
    for (row, instance) in instances.iter().enumerate() {
        let Some(object) = instance.as_object() else {
            let what = format!(
                "row {}: an object by column names is needed, not {}",
                row + 1,
                kind(instance)
            );
            return Err(PrepError::Rows(what));
        };
        objects.push(object);
    }
    let mut columns = Vec::with_capacity(inputs.len());
    for input in inputs {
        let values = objects.iter().map(|object| object.get(&input.name));
        columns.push(from_values(input, values)?);
    }
    Ok(DataFrame::new(objects.len(), columns)?)
}

/// A column from the values of one key.
fn from_values<'a>(input: &Input, values: impl Iterator<Item = Option<&'a Value>>) -> Result<Column, PrepError> {
    let wanted = Expected::of(&input.dtype);
    match wanted {
        Expected::Number => each(input, values, Value::as_f64),
        Expected::Whole => each(input, values, |value| {
            let float = || column::whole(value.as_f64()?)?;
            value.as_i64().or_else(float)
        }),
        Expected::Truth => each(input, values, |value| match value.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => value.as_bool(),
        }),
        Expected::Date | Expected::Time => column::expected(&each(input, values, Value::as_str)?, wanted),
        Expected::Text | Expected::Any => each(input, values, |value| match value {
            Value::String(text) => Some(text.clone()),
            // As in a frame, 3.0 is called 3.
            Value::Number(number) if number.is_f64() => number.as_f64().map(|number| number.to_string()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        }),
    }
}

/// What `read` makes of each value, or which value it cannot read.
fn each<'a, T>(
    input: &Input,
    values: impl Iterator<Item = Option<&'a Value>>,
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<Column, PrepError>
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    let mut made: Vec<Option<T>> = Vec::new();
    for (row, value) in values.enumerate() {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            made.push(None);
            continue;
        };
        let read = read(value).ok_or_else(|| PrepError::Value {
            column: input.name.clone(),
            row,
            value: crop(&value.to_string()),
            wanted: Expected::of(&input.dtype).name(),
        });
        made.push(Some(read?));
    }
    Ok(Column::new(input.name.as_str().into(), made))
}

/// A frame from CSV whose first line names the columns. An empty field is null.
pub fn frame_from_csv(text: &[u8], inputs: &[Input]) -> Result<DataFrame, PrepError> {
    // Every column is read as text: what it should be is known, and must not be guessed from a
    // handful of rows.
    let options = CsvReadOptions::default()
        .with_has_header(true)
        .with_infer_schema_length(Some(0))
        .with_parse_options(CsvParseOptions::default().with_try_parse_dates(false));
    let read = options
        .into_reader_with_file_handle(Cursor::new(text))
        .finish()
        .map_err(|error| PrepError::Rows(format!("CSV that can't be read: {error}")))?;
    let mut missing = Vec::new();
    let mut columns = Vec::with_capacity(inputs.len());
    for input in inputs {
        match read.column(&input.name) {
            Ok(column) => columns.push(column::expected(column, Expected::of(&input.dtype))?),
            Err(_) => missing.push(input.name.clone()),
        }
    }
    if !missing.is_empty() {
        let there = read.get_column_names().into_iter();
        return Err(PrepError::MissingColumns {
            missing,
            there: there.map(ToString::to_string).collect(),
        });
    }
    Ok(DataFrame::new(read.height(), columns)?)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Keeps what a caller sent from filling the log.
fn crop(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;
    use serde_json::json;

    fn inputs() -> Vec<Input> {
        [("sex", "str"), ("length", "f64"), ("rings", "i64"), ("old", "bool")]
            .map(|(name, dtype)| Input {
                name: name.to_owned(),
                dtype: dtype.to_owned(),
            })
            .to_vec()
    }

    #[test]
    fn objects_by_name() {
        let rows = json!([
            {"sex": "M", "length": 1, "rings": 7, "old": true, "extra": [1, 2]},
            {"length": null, "rings": 8.0, "old": 0, "sex": 3},
        ]);
        let frame = frame_from_json(&rows, &inputs()).unwrap();
        assert_eq!(
            frame.dtypes(),
            [DataType::String, DataType::Float64, DataType::Int64, DataType::Boolean]
        );
        assert_eq!(frame.column("sex").unwrap().get(1).unwrap(), AnyValue::String("3"));
        assert!(frame.column("length").unwrap().get(1).unwrap().is_null());
        assert_eq!(frame_from_json(&json!([]), &inputs()).unwrap().shape(), (0, 4));
        let frame = frame_from_json(&json!([{"sex": 3.0}, {"sex": 2.5}]), &inputs()).unwrap();
        let names = frame.column("sex").unwrap().str().unwrap();
        assert_eq!(names.iter().flatten().collect::<Vec<_>>(), ["3", "2.5"]);
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        for (rows, text) in [
            (json!({"length": 1}), "a list of objects is needed, not an object"),
            (json!([1]), "row 1: an object by column names is needed, not a number"),
            (
                json!([{}, {"length": "long"}]),
                "column `length`, row 2: \"long\" is no number",
            ),
            (
                json!([{}, {"rings": 7.5}]),
                "column `rings`, row 2: 7.5 is no whole number",
            ),
            (json!([{"old": 2}]), "column `old`, row 1: 2 is no true or false"),
            (json!([{"sex": ["M"]}]), "column `sex`, row 1: [\"M\"] is no text"),
        ] {
            assert_eq!(frame_from_json(&rows, &inputs()).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn csv_with_a_header() {
        let csv = b"rings,sex,length,old,extra\n7,M,0.5,true,x\n,\"F, or I\",,false,y\n";
        let frame = frame_from_csv(csv, &inputs()).unwrap();
        assert_eq!(frame.shape(), (2, 4));
        assert_eq!(frame.column("rings").unwrap().get(0).unwrap(), AnyValue::Int64(7));
        assert_eq!(
            frame.column("sex").unwrap().get(1).unwrap(),
            AnyValue::String("F, or I")
        );
        assert_eq!(frame.column("length").unwrap().null_count(), 1);
        let error = frame_from_csv(b"sex,length,rings\nM,1,2\n", &inputs()).unwrap_err();
        assert_eq!(error.to_string(), "no column `old`: there are `sex`, `length`, `rings`");
        let error = frame_from_csv(b"rings,sex,length,old\n1,M,tall,true\n", &inputs()).unwrap_err();
        assert_eq!(error.to_string(), "column `length`, row 1: \"tall\" is no number");
        assert!(frame_from_csv(b"", &inputs()).is_err());
    }
}
