//! `describe`: each column in nine numbers, in Polars' own order and with its own rules; where there is text, in twelve.
//!
//! Polars has this in Python only. As there: quantiles are the nearest value, the standard
//! deviation divides by n − 1, booleans count as 0 and 1, times have a mean and quantiles, text
//! has its first and last value, and what has no meaning is null. As in pandas' `describe(include='all')`, text also has
//! `unique` (how many different values), `top` (the commonest; of equally frequent ones the first by its letters) and
//! `freq` (how often that is there).

use polars::prelude::{
    AnyValue, Column, DataFrame, DataType, IntoColumn, NamedFrom, PolarsResult, Series, SeriesMethods, TimeUnit,
};

use crate::value_text;

/// What every column has.
const COUNTS: [&str; 2] = ["count", "null_count"];
/// What text has, where a frame has any.
const OF_TEXT: [&str; 3] = ["unique", "top", "freq"];
/// What has an order or a mean, the rest.
const MEASURES: [&str; 7] = ["mean", "std", "min", "25%", "50%", "75%", "max"];

/// One row for each statistic, one column for each column of the frame.
///
/// ```
/// # use polars::prelude::*;
/// let frame = df!("x" => [1, 2, 3, 4])?;
/// let described = ironsage_display::describe(&frame)?;
/// assert_eq!(described.column("x")?.get(2)?, AnyValue::Float64(2.5));
/// # Ok::<(), PolarsError>(())
/// ```
pub fn describe(frame: &DataFrame) -> PolarsResult<DataFrame> {
    // A column of the frame's own may have the name of ours.
    let mut first = "statistic".to_owned();
    while frame.column(&first).is_ok() {
        first.push('_');
    }
    let with_text = frame.columns().iter().any(|column| is_text(column.dtype()));
    let of_text: &[&str] = if with_text { &OF_TEXT } else { &[] };
    let statistics = [COUNTS.as_slice(), of_text, &MEASURES].concat();
    let height = statistics.len();
    let mut columns = vec![Column::new(first.into(), statistics)];
    for column in frame.columns() {
        columns.push(describe_column(column, of_text.len())?);
    }
    DataFrame::new(height, columns)
}

fn is_text(dtype: &DataType) -> bool {
    dtype.is_string() || dtype.is_categorical() || dtype.is_enum()
}

/// The statistics of a column, `of_text` of them only text has.
fn describe_column(column: &Column, of_text: usize) -> PolarsResult<Column> {
    let dtype = column.dtype();
    let nulls = column.null_count();
    let count = column.len() - nulls;
    if dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_bool() || dtype.is_null() {
        let values = column.cast(&DataType::Float64)?;
        let values: Vec<f64> = values.f64()?.iter().flatten().collect();
        let mut statistics = vec![Some(count as f64), Some(nulls as f64)];
        statistics.extend(std::iter::repeat_n(None, of_text));
        statistics.extend(numbers(values, dtype.is_bool()));
        return Ok(Series::new(column.name().clone(), statistics).into_column());
    }
    let mut statistics = vec![Some(count.to_string()), Some(nulls.to_string())];
    if is_text(dtype) {
        statistics.extend(texts(column)?);
    } else {
        statistics.extend(std::iter::repeat_n(None, of_text));
        match dtype.is_temporal() {
            true => statistics.extend(times(column)?),
            false => statistics.extend(MEASURES.map(|_| None)),
        }
    }
    Ok(Series::new(column.name().clone(), statistics).into_column())
}

/// How many different ones, the commonest, how often it is there; then the least and the greatest among what has no
/// meaning.
fn texts(column: &Column) -> PolarsResult<[Option<String>; 10]> {
    let texts = column.as_materialized_series().cast(&DataType::String)?.drop_nulls();
    let counts = texts
        .with_name("value".into())
        .value_counts(false, true, "count".into(), false)?;
    let values = counts.column("value")?.str()?;
    let times = counts.column("count")?.cast(&DataType::UInt64)?;
    let found = values.iter().flatten().zip(times.u64()?.iter().flatten());
    let top = found.max_by(|(a, times), (b, others)| times.cmp(others).then(b.cmp(a)));
    let (low, high) = (values.iter().flatten().min(), values.iter().flatten().max());
    let own = str::to_owned;
    Ok([
        Some(counts.height().to_string()),
        top.map(|(value, _)| own(value)),
        top.map(|(_, times)| times.to_string()),
        None,
        None,
        low.map(own),
        None,
        None,
        None,
        high.map(own),
    ])
}

/// Mean, standard deviation, smallest, quartiles, largest.
fn numbers(mut values: Vec<f64>, boolean: bool) -> [Option<f64>; 7] {
    if values.is_empty() {
        return [None; 7];
    }
    // Welford's method: no overflow, no cancellation.
    let (mut mean, mut squares) = (0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let off = value - mean;
        mean += off / (i + 1) as f64;
        squares += off * (value - mean);
    }
    let n = values.len();
    let spread = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
    let present = || values.iter().copied().filter(|v| !v.is_nan());
    let low = present().reduce(f64::min).unwrap_or(f64::NAN);
    let high = present().reduce(f64::max).unwrap_or(f64::NAN);
    // Polars sorts NaN above everything.
    let ends = (Some(low), Some(high));
    if boolean {
        return [Some(mean), None, ends.0, None, None, None, ends.1];
    }
    let quartiles = [0.25, 0.5, 0.75].map(|part| {
        let nearest = ((n - 1) as f64 * part).round() as usize;
        *values.select_nth_unstable_by(nearest, |a, b| polars_order(*a, *b)).1
    });
    let [q1, median, q3] = quartiles.map(Some);
    [Some(mean), spread, ends.0, q1, median, q3, ends.1]
}

fn polars_order(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn times(column: &Column) -> PolarsResult<[Option<String>; 7]> {
    let physical = column.to_physical_repr().cast(&DataType::Int64)?;
    let mut values: Vec<i64> = physical.i64()?.iter().flatten().collect();
    if values.is_empty() {
        return Ok([const { None }; 7]);
    }
    values.sort_unstable();
    let n = values.len();
    let show = |value: i64| -> PolarsResult<Option<String>> { time(value, column.dtype()) };
    let nearest = |part: f64| values[((n - 1) as f64 * part).round() as usize];
    let sum: i128 = values.iter().map(|v| i128::from(*v)).sum();
    let mean = match column.dtype() {
        // The mean of dates is a moment.
        DataType::Date => {
            let micros = sum * 86_400_000_000 / n as i128;
            let dtype = DataType::Datetime(TimeUnit::Microseconds, None);
            time(i64::try_from(micros).unwrap_or_default(), &dtype)?
        }
        _ => show(i64::try_from(sum / n as i128).unwrap_or_default())?,
    };
    Ok([
        mean,
        None,
        show(values[0])?,
        show(nearest(0.25))?,
        show(nearest(0.5))?,
        show(nearest(0.75))?,
        show(values[n - 1])?,
    ])
}

/// A physical value as its type writes it.
fn time(value: i64, dtype: &DataType) -> PolarsResult<Option<String>> {
    let series = Series::new("".into(), [value]);
    let series = match dtype {
        DataType::Date => series.cast(&DataType::Int32)?,
        _ => series,
    };
    let series = series.cast(dtype)?;
    match series.get(0)? {
        AnyValue::Null => Ok(None),
        value => Ok(Some(value_text(&value))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;

    fn texts(frame: &DataFrame, name: &str) -> Vec<String> {
        let described = describe(frame).unwrap();
        let column = described.column(name).unwrap().clone();
        (0..described.height())
            .map(|i| column.get(i).unwrap().to_string())
            .collect()
    }

    /// Golden values: `polars.DataFrame.describe` of Polars 2.1 in Python.
    #[test]
    fn numbers_as_python_polars_gives_them() {
        let frame = df!("x" => [Some(1.0), Some(2.0), None, Some(4.0), Some(10.0)]).unwrap();
        assert_eq!(
            texts(&frame, "x"),
            ["4.0", "1.0", "4.25", "4.031129", "1.0", "2.0", "4.0", "4.0", "10.0"]
        );
    }

    #[test]
    fn booleans_text_and_dates() {
        let frame = df!(
            "b" => [Some(true), Some(false), None, Some(true)],
            "s" => [Some("M"), Some("F"), Some("I"), None],
        )
        .unwrap();
        assert_eq!(
            texts(&frame, "b"),
            [
                "3.0", "1.0", "null", "null", "null", "0.666667", "null", "0.0", "null", "null", "null", "1.0"
            ]
        );
        assert_eq!(
            texts(&frame, "s"),
            [
                "\"3\"", "\"1\"", "\"3\"", "\"F\"", "\"1\"", "null", "null", "\"F\"", "null", "null", "null", "\"M\""
            ]
        );
        let days = Column::new("day".into(), [0_i32, 1, 4]).cast(&DataType::Date).unwrap();
        assert_eq!(
            texts(&days.into_frame(), "day")[2..],
            [
                "\"1970-01-02 16:00:00\"",
                "null",
                "\"1970-01-01\"",
                "\"1970-01-02\"",
                "\"1970-01-02\"",
                "\"1970-01-05\"",
                "\"1970-01-05\""
            ]
        );
    }

    /// Golden values: `describe(include="all")` of pandas on `["b", None, "a", "b", "c"]`.
    #[test]
    fn text_has_its_commonest_value() {
        let frame = df!("s" => [Some("b"), None, Some("a"), Some("b"), Some("c")]).unwrap();
        let wanted = ["\"4\"", "\"1\"", "\"3\"", "\"b\"", "\"2\"", "null", "null", "\"a\""];
        assert_eq!(texts(&frame, "s")[..8], wanted);
        let nothing = df!("s" => [None::<&str>]).unwrap();
        assert_eq!(texts(&nothing, "s")[1..5], ["\"1\"", "\"0\"", "null", "null"]);
    }

    #[test]
    fn a_time_that_no_calendar_has_is_described() {
        let times = Column::new("t".into(), [0, i64::MAX]);
        let times = times.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
        assert_eq!(texts(&times.into_frame(), "t")[8], "\"9223372036854775807\"");
    }

    #[test]
    fn odd_columns_are_described() {
        let frame = df!(
            "statistic" => [None::<f64>, None],
            "nan" => [f64::NAN, 1.0],
            "one" => [Some(3), None],
            "list" => [Series::new("".into(), [1, 2]), Series::new("".into(), [3])],
        )
        .unwrap();
        let described = describe(&frame).unwrap();
        assert_eq!(described.shape(), (9, 5));
        assert_eq!(described.get_column_names()[0], "statistic_");
        assert_eq!(texts(&frame, "one")[3], "null", "no spread of one value");
        assert_eq!(texts(&frame, "nan")[4], "1.0", "the smallest ignores NaN");
        assert_eq!(describe(&DataFrame::empty()).unwrap().shape(), (9, 1));
    }
}
