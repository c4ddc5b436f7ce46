//! Words that many magics share: shapes, lists of columns, and a frame's column or the nearest to it.

use ironsage_display::text;
use polars::prelude::*;

use crate::error::MagicError;
use crate::language::suggest;

/// `4,177 rows × 9 columns`.
pub(crate) fn shape(frame: &DataFrame) -> String {
    shape_of(frame.height(), frame.width())
}

/// The same from numbers.
pub(crate) fn shape_of(height: usize, width: usize) -> String {
    format!(
        "{} × {}",
        text::counted(height as u64, "row"),
        text::counted(width as u64, "column")
    )
}

/// The names of a frame's columns.
pub(crate) fn columns_of(frame: &DataFrame) -> Vec<String> {
    frame.columns().iter().map(|column| column.name().to_string()).collect()
}

/// "`abalone` has no column `ring`", with the nearest or the list.
pub(crate) fn no_column(frame_name: &str, column: &str, columns: &[String]) -> MagicError {
    MagicError::not_found(format!("{frame_name} has no column `{column}`")).with_hint_from(suggest::nearest_or_list(
        column,
        "its columns",
        columns,
    ))
}

/// A column by name.
pub(crate) fn column<'a>(frame: &'a DataFrame, frame_name: &str, column: &str) -> Result<&'a Column, MagicError> {
    frame
        .column(column)
        .map_err(|_| no_column(frame_name, column, &columns_of(frame)))
}

/// The frame with these columns only, in this order.
pub(crate) fn select(frame: &DataFrame, frame_name: &str, columns: &[String]) -> Result<DataFrame, MagicError> {
    for name in columns {
        column(frame, frame_name, name)?;
    }
    Ok(frame.select(columns.iter().map(String::as_str))?)
}
