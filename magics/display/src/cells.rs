//! What a table shows, before it is HTML or text: which rows and columns, and each cell's text.
//!
//! Numbers of one column are written to the same decimals, so that a column reads downwards;
//! nulls are told from NaN; long strings are cut and keep their whole text for the reader who
//! asks.

use polars::prelude::{AnyValue, Column, DataFrame, DataType, TimeUnit};

use crate::text;

/// Longest string that is shown whole.
const LONGEST: usize = 50;
/// Longest text that is kept for a cut string.
const KEPT: usize = 400;
/// Most decimals that a column shows.
const DECIMALS: usize = 6;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// The whole text, where the cell's is cut.
    pub(crate) whole: Option<String>,
    pub(crate) null: bool,
}

/// Longest name and longest type of a column that are shown whole.
const LONGEST_NAME: usize = 60;
const LONGEST_DTYPE: usize = 40;

/// One column of the cells that are shown.
pub(crate) struct Shown {
    pub(crate) name: Cell,
    pub(crate) dtype: Cell,
    /// Numbers stand on the right.
    pub(crate) numeric: bool,
    pub(crate) cells: Vec<Cell>,
}

/// The part of a frame that is shown.
pub(crate) struct Excerpt {
    pub(crate) columns: Vec<Shown>,
    /// Before which shown column the left-out ones are, and how many.
    pub(crate) columns_left_out: Option<(usize, usize)>,
    /// Before which shown row the left-out ones are, and how many.
    pub(crate) rows_left_out: Option<(usize, usize)>,
}

/// Takes the first and the last of at most this many rows and columns.
pub(crate) fn excerpt(frame: &DataFrame, rows: usize, columns: usize) -> Excerpt {
    let (row_indices, rows_left_out) = ends(frame.height(), rows);
    let (column_indices, columns_left_out) = ends(frame.width(), columns);
    let columns = column_indices
        .into_iter()
        .map(|i| shown(&frame.columns()[i], &row_indices))
        .collect();
    Excerpt {
        columns,
        columns_left_out,
        rows_left_out,
    }
}

/// The first half and the last half of `most` out of `all`, and where and how many are left out.
pub(crate) fn ends(all: usize, most: usize) -> (Vec<usize>, Option<(usize, usize)>) {
    if all <= most {
        return ((0..all).collect(), None);
    }
    let first = most.div_ceil(2);
    let last = most - first;
    let kept = (0..first).chain(all - last..all).collect();
    (kept, Some((first, all - most)))
}

fn shown(column: &Column, rows: &[usize]) -> Shown {
    let dtype = column.dtype();
    let values: Vec<AnyValue> = rows
        .iter()
        .map(|row| column.get(*row).unwrap_or(AnyValue::Null))
        .collect();
    let cells = if dtype.is_float() {
        floats(&values)
    } else {
        values.iter().map(cell).collect()
    };
    Shown {
        name: short(column.name(), LONGEST_NAME),
        dtype: short(&dtype.to_string(), LONGEST_DTYPE),
        numeric: dtype.is_primitive_numeric() || matches!(dtype, DataType::Decimal(..)),
        cells,
    }
}

/// A value as a table shows it: cut where it is long, and without what a terminal would act on.
///
/// ```
/// # use polars::prelude::AnyValue;
/// assert_eq!(ironsage_display::value_text(&AnyValue::String("a\nb")), "a⏎b");
/// ```
pub fn value_text(value: &AnyValue) -> String {
    cell(value).text
}

fn cell(value: &AnyValue) -> Cell {
    if value.is_null() {
        return null();
    }
    match value.get_str() {
        Some(text) => short(text, LONGEST),
        None => match value {
            AnyValue::Binary(bytes) => short(&blob(bytes), LONGEST),
            AnyValue::BinaryOwned(bytes) => short(&blob(bytes), LONGEST),
            other => {
                let number = plain_integer(other).or_else(|| out_of_time(other));
                short(&number.unwrap_or_else(|| other.to_string()), LONGEST)
            }
        },
    }
}

/// A text of at most `longest` characters; the cut-off ones are kept as far as anybody reads. What a terminal or a table
/// would act on (line breaks, escape sequences, marks that turn the direction of reading) is shown as a picture instead.
fn short(text: &str, longest: usize) -> Cell {
    // A text of a gigabyte is not walked through.
    let head: String = text.chars().take(KEPT + 1).map(visible).collect();
    let short = text::cut(&head, longest);
    let cut = short != head;
    Cell {
        text: short,
        whole: cut.then(|| text::cut(&head, KEPT)),
        null: false,
    }
}

fn visible(character: char) -> char {
    match character {
        '\n' => '⏎',
        '\r' | '\t' => ' ',
        // Unicode has a picture of each control character of ASCII.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('␦'),
        '\x7f' => '␡',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '␦',
        '\u{2028}' | '\u{2029}' => '⏎',
        other => other,
    }
}

/// Integers without separators: years and identifiers are read as they are typed.
fn plain_integer(value: &AnyValue) -> Option<String> {
    match value {
        AnyValue::UInt64(v) => Some(v.to_string()),
        v if v.dtype().is_integer() => v.try_extract::<i64>().ok().map(|v| v.to_string()),
        _ => None,
    }
}

/// Dates and times that no calendar has, as the number that they are: Polars panics where it writes them.
fn out_of_time(value: &AnyValue) -> Option<String> {
    const MOST_YEARS: i64 = 260_000;
    const MILLISECONDS: i64 = 365 * 86_400_000;
    let (number, known) = match value {
        AnyValue::Date(days) => (i64::from(*days), i64::from(days.unsigned_abs()) <= MOST_YEARS * 365),
        AnyValue::Datetime(number, unit, _) | AnyValue::DatetimeOwned(number, unit, _) => {
            let milliseconds = match unit {
                TimeUnit::Nanoseconds => number / 1_000_000,
                TimeUnit::Microseconds => number / 1_000,
                TimeUnit::Milliseconds => *number,
            };
            (
                *number,
                milliseconds.unsigned_abs() <= (MOST_YEARS * MILLISECONDS) as u64,
            )
        }
        AnyValue::Time(nanoseconds) => (*nanoseconds, (0..86_400_000_000_000).contains(nanoseconds)),
        _ => return None,
    };
    (!known).then(|| number.to_string())
}

fn blob(bytes: &[u8]) -> String {
    let head: String = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let more = if bytes.len() > 8 { "…" } else { "" };
    format!("{} bytes {head}{more}", text::count(bytes.len() as u64))
}

fn null() -> Cell {
    Cell {
        text: "null".to_owned(),
        whole: None,
        null: true,
    }
}

/// Floats of one column, to the decimals that the most exact of them needs.
fn floats(values: &[AnyValue]) -> Vec<Cell> {
    let numbers: Vec<Option<f64>> = values
        .iter()
        .map(|v| match v {
            AnyValue::Null => None,
            // Through its own shortest text, so that 0.1 in f32 stays 0.1.
            AnyValue::Float32(v) => v.to_string().parse().ok(),
            other => other.try_extract::<f64>().ok(),
        })
        .collect();
    let plain = || numbers.iter().flatten().filter(|v| is_plain(**v));
    let needed = plain().map(|v| decimals(*v)).max().unwrap_or(0).max(1);
    // Seven digits for the largest number; where the small ones need more (a count above a mean),
    // each is written to its own decimals.
    let largest = plain().fold(1.0_f64, |most, v| most.max(v.abs()));
    let alike = needed + whole_digits(largest) <= 7;
    numbers
        .into_iter()
        .map(|number| match number {
            None => null(),
            Some(v) => Cell {
                text: float(v, if alike { needed } else { decimals(v).max(1) }),
                whole: None,
                null: false,
            },
        })
        .collect()
}

fn float(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else if is_plain(value) {
        format!("{value:.decimals$}")
    } else {
        let text = format!("{value:.5e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) => {
                let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
                format!("{mantissa}e{exponent}")
            }
            None => text,
        }
    }
}

/// Whether a number is read without an exponent.
fn is_plain(value: f64) -> bool {
    let size = value.abs();
    value.is_finite() && (size == 0.0 || (1e-4..1e12).contains(&size))
}

/// How many digits stand before the point.
fn whole_digits(value: f64) -> usize {
    value.abs().max(1.0).log10().floor() as usize + 1
}

/// The decimals of a number at seven significant digits, without trailing zeros.
fn decimals(value: f64) -> usize {
    let most = DECIMALS.min(7_usize.saturating_sub(whole_digits(value)));
    let text = format!("{value:.most$}");
    match text.split_once('.') {
        Some((_, fraction)) => fraction.trim_end_matches('0').len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;

    fn texts(column: Column) -> Vec<String> {
        let frame = column.into_frame();
        let excerpt = excerpt(&frame, 20, 20);
        let cells = excerpt.columns.into_iter().flat_map(|c| c.cells);
        cells.map(|c| c.text).collect()
    }

    #[test]
    fn a_column_of_floats_has_the_same_decimals() {
        let column = Column::new("x".into(), [0.455, 0.35, 2.0]);
        assert_eq!(texts(column), ["0.455", "0.350", "2.000"]);
        let column = Column::new("x".into(), [1.0, 2.0]);
        assert_eq!(texts(column), ["1.0", "2.0"]);
        let column = Column::new("x".into(), [0.1_f32, 0.25]);
        assert_eq!(texts(column), ["0.10", "0.25"]);
    }

    #[test]
    fn a_count_above_a_mean_costs_no_digits() {
        let column = Column::new("x".into(), [4_177.0, 0.238_831, 0.001_5]);
        assert_eq!(texts(column), ["4177.0", "0.238831", "0.0015"]);
    }

    #[test]
    fn nan_null_and_infinity_are_told_apart() {
        let values = [Some(f64::NAN), None, Some(f64::INFINITY), Some(1e-9)];
        let column = Column::new("x".into(), values);
        assert_eq!(texts(column), ["NaN", "null", "inf", "1e-9"]);
    }

    #[test]
    fn strings_are_cut_and_keep_their_text() {
        let long = "y".repeat(80);
        let frame = df!("s" => [long.as_str(), "a\nb"]).unwrap();
        let cells = excerpt(&frame, 20, 20).columns.remove(0).cells;
        assert_eq!(cells[0].text.chars().count(), 50);
        assert_eq!(cells[0].whole.as_deref(), Some(long.as_str()));
        assert_eq!(cells[1].text, "a⏎b");
    }

    #[test]
    fn times_that_no_calendar_has_are_numbers() {
        for unit in [TimeUnit::Milliseconds, TimeUnit::Microseconds] {
            let column = Column::new("t".into(), [0, i64::MAX, i64::MIN]);
            let column = column.cast(&DataType::Datetime(unit, None)).unwrap();
            assert_eq!(
                texts(column),
                ["1970-01-01 00:00:00", "9223372036854775807", "-9223372036854775808"]
            );
        }
        let days = Column::new("d".into(), [i32::MAX]).cast(&DataType::Date).unwrap();
        assert_eq!(texts(days), ["2147483647"]);
    }

    #[test]
    fn what_a_terminal_would_act_on_is_a_picture() {
        let column = Column::new("a\nb".into(), ["\x1b[31mred", "\0\x7f\u{9b}", "\u{202e}txt.exe"]);
        assert_eq!(texts(column.clone()), ["␛[31mred", "␀␡␦", "␦txt.exe"]);
        assert_eq!(excerpt(&column.into_frame(), 1, 1).columns[0].name.text, "a⏎b");
    }

    #[test]
    fn the_ends_are_kept() {
        assert_eq!(ends(3, 20), (vec![0, 1, 2], None));
        assert_eq!(ends(10, 4), (vec![0, 1, 8, 9], Some((2, 6))));
        assert_eq!(ends(10, 1), (vec![0], Some((1, 9))));
        assert_eq!(ends(10, 0), (vec![], Some((0, 10))));
    }
}
