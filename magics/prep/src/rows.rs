//! Prepared columns as the rows of numbers that a model takes.

use polars::prelude::{AnyValue, Column, DataFrame, DataType};

use crate::error::{PrepError, word};

/// Rows that are turned at once: few enough to stay in the cache.
const BLOCK: usize = 4_096;

/// Rows of 32-bit floats, one after another, from numeric and boolean columns. Each value must be
/// there and finite: what is not is named with its column, its row, how many there are, and the
/// step that mends it.
///
/// ```
/// # use polars::prelude::*;
/// let frame = df!("a" => [1, 2], "b" => [0.5, 1.5])?;
/// let rows = ironsage_prep::matrix(&frame, &["b".into(), "a".into()])?;
/// assert_eq!(rows, [0.5, 1.0, 1.5, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn matrix(frame: &DataFrame, columns: &[String]) -> Result<Vec<f32>, PrepError> {
    let (height, width) = (frame.height(), columns.len());
    let mut picked = Vec::with_capacity(width);
    let mut missing = Vec::new();
    for name in columns {
        match frame.column(name) {
            Ok(column) => picked.push(numeric(column)?),
            Err(_) => missing.push(name.clone()),
        }
    }
    if !missing.is_empty() {
        let there = frame.get_column_names().into_iter();
        return Err(PrepError::MissingColumns {
            missing,
            there: there.map(ToString::to_string).collect(),
        });
    }
    let mut out = vec![0.0_f32; height * width];
    for start in (0..height).step_by(BLOCK) {
        let rows = BLOCK.min(height - start);
        let block = &mut out[start * width..(start + rows) * width];
        for (at, column) in picked.iter().enumerate() {
            let values = column.slice(start as i64, rows).cast(&DataType::Float64)?;
            let cells = block[at..].iter_mut().step_by(width);
            for (cell, value) in cells.zip(values.f64()?.iter()) {
                // Missing and overflowing values become NaN and infinities, and are found below.
                *cell = value.map_or(f32::NAN, |v| v as f32);
            }
        }
    }
    if out.iter().all(|v| v.is_finite()) {
        return Ok(out);
    }
    Err(not_finite(&picked, &out, height))
}

/// A column that can be numbers.
fn numeric(column: &Column) -> Result<&Column, PrepError> {
    let dtype = column.dtype();
    if dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_bool() || dtype.is_null() {
        return Ok(column);
    }
    let name = word(column.name());
    let text = dtype.is_string() || dtype.is_categorical() || dtype.is_enum();
    let first = column.first_non_null().and_then(|row| {
        let value = column.get(row).ok()?;
        Some(format!(": row {} holds {value}", row + 1))
    });
    Err(PrepError::NotNumeric {
        column: column.name().to_string(),
        dtype: dtype.to_string(),
        example: first.unwrap_or_default(),
        hint: if text {
            format!("add `one_hot {name}` to the recipe, or `drop {name}`")
        } else {
            format!("make numbers of it in `%%sql`, or add `drop {name}` to the recipe")
        },
    })
}

/// The column with the most values that are no numbers, and the first of them.
fn not_finite(columns: &[&Column], out: &[f32], height: usize) -> PrepError {
    let width = columns.len();
    let count = |at: usize| out[at..].iter().step_by(width).filter(|v| !v.is_finite()).count();
    let (at, count) = (0..width)
        .map(|at| (at, count(at)))
        // Of equally many, the first column.
        .rev()
        .max_by_key(|(_, count)| *count)
        .unwrap_or((0, 0));
    let row = out[at..].iter().step_by(width).position(|v| !v.is_finite());
    let row = row.unwrap_or(0);
    let value = match columns[at].get(row) {
        Ok(AnyValue::Float64(v)) => v.to_string(),
        Ok(value) => value.to_string(),
        Err(_) => "null".to_owned(),
    };
    PrepError::NotFinite {
        column: columns[at].name().to_string(),
        count,
        rows: height,
        row,
        value,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn rows_are_row_major_over_many_blocks() {
        let n = 3 * BLOCK + 17;
        let a: Vec<i64> = (0..n as i64).collect();
        let b: Vec<f64> = a.iter().map(|v| *v as f64 / 2.0).collect();
        let c: Vec<bool> = a.iter().map(|v| v % 3 == 0).collect();
        let mut frame = df!("a" => &a[..100], "b" => &b[..100], "c" => &c[..100]).unwrap();
        let rest = df!("a" => &a[100..], "b" => &b[100..], "c" => &c[100..]).unwrap();
        frame.vstack_mut(&rest).unwrap();
        let rows = matrix(&frame, &names(&["c", "b", "a"])).unwrap();
        for (i, row) in rows.chunks_exact(3).enumerate() {
            assert_eq!(row, [f32::from(u8::from(i % 3 == 0)), i as f32 / 2.0, i as f32]);
        }
        assert_eq!(rows.len(), 3 * n);
    }

    #[test]
    fn missing_values_are_named_with_the_cure() {
        let frame = df!("a" => [1, 2, 3], "shell weight" => [Some(1.0), None, Some(f64::NAN)]).unwrap();
        let error = matrix(&frame, &names(&["a", "shell weight"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `shell weight` has 2 of 3 values missing or not finite, the first (null) in row 2"
        );
        assert_eq!(
            error.hint().unwrap(),
            "add `fill \"shell weight\" median` to the recipe"
        );
        let frame = df!("a" => [1.0, 1e300]).unwrap();
        let error = matrix(&frame, &names(&["a"])).unwrap_err();
        assert!(error.hint().unwrap().contains("clip a 1% 99%"));
    }

    #[test]
    fn text_and_missing_columns_are_named() {
        let frame = df!("sex" => [None, Some("M")], "a" => [1, 2]).unwrap();
        let error = matrix(&frame, &names(&["a", "sex"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `sex` is str, and a model needs numbers: row 2 holds \"M\""
        );
        assert_eq!(error.hint().unwrap(), "add `one_hot sex` to the recipe, or `drop sex`");
        let error = matrix(&frame, &names(&["sexx"])).unwrap_err();
        assert_eq!(error.to_string(), "no column `sexx`: there are `sex`, `a`");
        assert_eq!(error.hint().unwrap(), "did you mean `sex`?");
    }

    #[test]
    fn nothing_is_no_rows() {
        let frame = df!("a" => Vec::<f64>::new()).unwrap();
        assert!(matrix(&frame, &names(&["a"])).unwrap().is_empty());
        assert!(matrix(&frame, &[]).unwrap().is_empty());
    }
}
