//! Dates and times: read from text as callers send it, and taken apart by `date_parts`.
//!
//! A recipe sees what the clock on the wall shows: an offset or a time zone behind a time is left
//! away, so that a row as CSV or JSON is the row of the frame that it was written from.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use polars::prelude::{
    Column, DataFrame, DataType, Expr, Int64Chunked, IntoColumn, IntoLazy, NewChunkedArray, TimeUnit, col, lit,
};

use crate::error::PrepError;
use crate::recipe::DatePart;

/// The type of all times in a recipe.
pub(crate) const DATETIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

const DAY: i64 = 86_400_000_000;

/// A time as the clock on the wall showed it, in microseconds.
pub(crate) fn wall_clock(column: &Column) -> Result<Column, PrepError> {
    if column.dtype() == &DATETIME {
        return Ok(column.clone());
    }
    let zoned = matches!(column.dtype(), DataType::Datetime(_, Some(_)));
    if !zoned {
        return Ok(column.cast(&DATETIME)?);
    }
    let name = column.name().as_str();
    let frame = DataFrame::new(column.len(), vec![column.clone()])?;
    let naive = col(name)
        .dt()
        .replace_time_zone(None, lit("raise"), polars::prelude::NonExistent::Raise);
    let naive = frame.lazy().select([naive.cast(DATETIME)]).collect()?;
    Ok(naive.column(name)?.clone())
}

/// Text such as `2026-01-31` or `2026-01-31T12:30:00` as times or days, or the row of one that is none.
pub(crate) fn parsed(column: &Column, to: &DataType) -> Result<Result<Column, usize>, PrepError> {
    let mut times = Vec::with_capacity(column.len());
    for (row, text) in column.str()?.iter().enumerate() {
        let time = text.map(microseconds);
        if time == Some(None) {
            return Ok(Err(row));
        }
        times.push(time.flatten());
    }
    let times = Int64Chunked::from_iter_options(column.name().clone(), times.into_iter());
    let times = times.into_column().cast(&DATETIME)?;
    Ok(Ok(times.cast(to)?))
}

fn microseconds(text: &str) -> Option<i64> {
    // Z is an offset too, and jiff takes it for none by itself.
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let time: DateTime = text.parse().ok()?;
    let zoned = time.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

/// The parts of a column of dates or times, each as a column of whole numbers.
pub(crate) fn parts(column: &Column, parts: &[(DatePart, String)]) -> Result<Vec<Column>, PrepError> {
    let name = column.name().as_str();
    let frame = DataFrame::new(column.len(), vec![column.clone()])?;
    let of = |part: DatePart| -> Expr {
        let time = col(name).dt();
        match part {
            DatePart::Year => time.year(),
            DatePart::Quarter => time.quarter(),
            DatePart::Month => time.month(),
            DatePart::Week => time.week(),
            DatePart::Day => time.day(),
            DatePart::Weekday => time.weekday(),
            DatePart::DayOfYear => time.ordinal_day(),
            DatePart::Hour => time.hour(),
            DatePart::Minute => time.minute(),
            DatePart::Second => time.second(),
            DatePart::Days => col(name).cast(DATETIME).cast(DataType::Int64).floor_div(lit(DAY)),
        }
    };
    let columns: Vec<Expr> = parts
        .iter()
        .map(|(part, output)| of(*part).cast(DataType::Int64).alias(output.as_str()))
        .collect();
    Ok(frame.lazy().select(columns).collect()?.columns().to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_read_as_callers_write_them() {
        let noon = Some(43_200_000_000);
        for text in [
            "1970-01-01T12:00:00",
            "1970-01-01 12:00",
            "1970-01-01T12:00:00Z",
            "1970-01-01T12:00:00.000000+0100",
            " 1970-01-01T12:00:00+01:00",
        ] {
            assert_eq!(microseconds(text), noon, "{text}");
        }
        assert_eq!(microseconds("1970-01-02"), Some(DAY));
        assert_eq!(microseconds("yesterday"), None);
        let texts = Column::new("t".into(), [Some("1969-12-31T23:00"), None, Some("x")]);
        assert_eq!(parsed(&texts, &DATETIME).unwrap(), Err(2));
        let days = parsed(&texts.head(Some(2)), &DataType::Date).unwrap().unwrap();
        let days = parts(&days, &[(DatePart::Days, "t_days".to_owned())]).unwrap();
        assert_eq!(days[0].i64().unwrap().to_vec(), [Some(-1), None]);
    }
}
