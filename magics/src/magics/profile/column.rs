//! One column of a profile: its numbers, its commonest values, a histogram and what stands out.
//!
//! Values that have an order are sorted once; quantiles, distinct values, the commonest and the histogram are read off.

use ironsage_display::{sparkline, text as words, value_text};
use polars::prelude::*;

use crate::error::MagicError;

/// What is known of one column.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub name: String,
    pub dtype: String,
    pub rows: u64,
    pub nulls: u64,
    pub nan: u64,
    pub infinite: u64,
    /// None where values have no cheap identity, such as structs.
    pub distinct: Option<u64>,
    /// Minimum, first quartile, median, third quartile, maximum.
    pub numbers: Option<[f64; 5]>,
    pub mean: Option<f64>,
    pub std: Option<f64>,
    pub histogram: String,
    /// The commonest values with their shares, or the first and the last time.
    pub values: String,
    /// What stands out beside what is missing.
    pub remarks: Vec<String>,
}

impl Facts {
    /// All that stands out.
    pub fn warnings(&self) -> Vec<String> {
        let nan = (self.nan > 0).then(|| format!("{} NaN", words::count(self.nan)));
        let infinite = (self.infinite > 0).then(|| format!("{} infinite", words::count(self.infinite)));
        let lacking = self.missing_or_constant().into_iter().chain(nan).chain(infinite);
        lacking.chain(self.remarks.iter().cloned()).collect()
    }

    fn missing_or_constant(&self) -> Option<String> {
        match self.rows {
            0 => None,
            rows if self.nulls == rows => Some("only nulls".to_owned()),
            rows if self.nulls * 2 > rows => Some(format!("mostly null ({})", share(self.nulls, rows))),
            rows if self.distinct == Some(1) && rows - self.nulls > 1 => Some("always the same value".to_owned()),
            _ => None,
        }
    }
}

/// Fewer values than this say nothing of what is usual in their column.
const FEW: usize = 20;

/// What is known of a column from its rows.
pub(super) fn of_column(column: &Column) -> Result<Facts, MagicError> {
    let dtype = column.dtype();
    let mut facts = Facts {
        name: column.name().to_string(),
        dtype: dtype.to_string(),
        rows: column.len() as u64,
        nulls: column.null_count() as u64,
        ..Facts::default()
    };
    let present = column.as_materialized_series().drop_nulls();
    if dtype.is_integer() || dtype.is_temporal() {
        integers(&present, &mut facts)?;
    } else if dtype.is_primitive_numeric() || dtype.is_decimal() {
        floats(&present, &mut facts)?;
    } else if dtype.is_bool() || dtype.is_string() || dtype.is_categorical() || dtype.is_enum() {
        texts(&present, &mut facts)?;
    } else {
        facts.distinct = present.n_unique().ok().map(|count| count as u64);
    }
    Ok(facts)
}

/// Integers and times; a time is the integer that Polars keeps.
fn integers(present: &Series, facts: &mut Facts) -> Result<(), MagicError> {
    let whole = present.to_physical_repr().cast(&DataType::Int64)?;
    if whole.null_count() > 0 {
        // Beyond 64 bits with a sign.
        return floats(present, facts);
    }
    let mut values: Vec<i64> = Vec::with_capacity(whole.len());
    values.extend(whole.i64()?.into_no_null_iter());
    sort(&mut values);
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        facts.distinct = Some(0);
        return Ok(());
    };
    let runs = Runs::of(&values);
    facts.distinct = Some(runs.distinct);
    let numbers: Vec<f64> = values.iter().map(|value| *value as f64).collect();
    facts.histogram = histogram(&numbers);
    if present.dtype().is_temporal() {
        let ends = Series::new("".into(), [*first, *last]).cast(&present.dtype().to_physical())?;
        let ends = ends.cast(present.dtype())?.into_column();
        facts.values = from_to(&ends.get(0)?, &ends.get(1)?);
        return Ok(());
    }
    facts.values = runs.commonest(values.len(), |value| value.to_string());
    of_sorted(&numbers, facts);
    if runs.distinct == values.len() as u64 && values.len() > FEW {
        // How numbers lie says nothing where they are names.
        facts.remarks = vec!["id-like: every value differs".to_owned()];
    }
    Ok(())
}

/// `1970-01-01 … 1970-12-31`.
pub(super) fn from_to(first: &AnyValue<'_>, last: &AnyValue<'_>) -> String {
    format!("{} … {}", value_text(first), value_text(last))
}

fn floats(present: &Series, facts: &mut Facts) -> Result<(), MagicError> {
    let cast = present.cast(&DataType::Float64)?;
    let mut values: Vec<f64> = Vec::with_capacity(cast.len());
    let (mut nan, mut above, mut below) = (0, 0, 0);
    for value in cast.f64()?.iter().flatten() {
        match value {
            value if value.is_finite() => values.push(value),
            value if value.is_nan() => nan += 1,
            value if value > 0.0 => above += 1,
            _ => below += 1,
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    let runs = Runs::of(&values);
    let beyond = [nan, above, below].map(|count: u64| u64::from(count > 0));
    facts.distinct = Some(runs.distinct + beyond.iter().sum::<u64>());
    facts.values = runs.commonest(values.len(), |value| words::significant(value, 6));
    facts.histogram = histogram(&values);
    (facts.nan, facts.infinite) = (nan, above + below);
    of_sorted(&values, facts);
    Ok(())
}

/// Quantiles, moments and what stands out of numbers in order.
fn of_sorted(sorted: &[f64], facts: &mut Facts) {
    if sorted.is_empty() {
        return;
    }
    let numbers = [0.0, 0.25, 0.5, 0.75, 1.0].map(|quantile| at_quantile(sorted, quantile));
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let (squares, cubes) = sorted.iter().fold((0.0, 0.0), |(squares, cubes), value| {
        let off = value - mean;
        (squares + off * off, cubes + off * off * off)
    });
    facts.numbers = Some(numbers);
    facts.mean = Some(mean);
    facts.std = (sorted.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    facts.remarks.extend(rare_zeros(sorted));
    facts.remarks.extend(far_outliers(sorted, numbers[1], numbers[3]));
    // Fisher and Pearson's coefficient, as pandas' and SciPy's `skew`.
    let skewness = (cubes / count) / (squares / count).powf(1.5);
    let many = facts.distinct.is_some_and(|distinct| distinct > 10);
    if many && sorted.len() >= FEW && skewness.abs() > 2.0 {
        facts
            .remarks
            .push(format!("skewed ({})", words::significant(skewness, 2)));
    }
}

/// Truth values, texts and categories.
fn texts(present: &Series, facts: &mut Facts) -> Result<(), MagicError> {
    let present = present.clone().with_name("value".into());
    let counts = present.value_counts(true, true, "count".into(), false)?;
    let distinct = counts.height() as u64;
    facts.distinct = Some(distinct);
    let numbers = counts.column("count")?.cast(&DataType::UInt64)?;
    let numbers = numbers.u64()?;
    let values = counts.column("value")?;
    let total = present.len();
    let mut commonest = Vec::new();
    for row in 0..counts.height().min(COMMONEST) {
        commonest.push((values.get(row)?, numbers.get(row).unwrap_or(0)));
    }
    facts.values = shares(&commonest, total, |value| words::cut(&value_text(value), 16));
    if !present.dtype().is_string() || total <= FEW {
        return Ok(());
    }
    facts.remarks.extend(super::written::as_text(present.str()?));
    if distinct == total as u64 {
        facts.remarks.push("id-like: every value differs".to_owned());
    } else if distinct > 100 {
        facts
            .remarks
            .push(format!("high cardinality ({} values)", words::count(distinct)));
    }
    Ok(())
}

/// How many of the commonest values are named.
const COMMONEST: usize = 3;

/// `M 37 % · I 32 %`; nothing where no value is common.
fn shares<T>(commonest: &[(T, u64)], total: usize, write: impl Fn(&T) -> String) -> String {
    let common = commonest.iter().filter(|(_, count)| *count > 1 || total <= COMMONEST);
    let told: Vec<String> = common
        .map(|(value, count)| format!("{} {}", write(value), share(*count, total as u64)))
        .collect();
    told.join(" · ")
}

fn share(count: u64, total: u64) -> String {
    let percent = 100.0 * count as f64 / total.max(1) as f64;
    match percent {
        0.0..1.0 => "<1 %".to_owned(),
        _ => format!("{percent:.0} %"),
    }
}

/// Equal values in a row of sorted ones.
struct Runs<T> {
    distinct: u64,
    /// The commonest, the most frequent first; of equal ones the least value.
    commonest: Vec<(T, u64)>,
}

impl<T: Copy + PartialEq> Runs<T> {
    fn of(sorted: &[T]) -> Runs<T> {
        let mut runs = Runs {
            distinct: 0,
            commonest: Vec::with_capacity(COMMONEST + 1),
        };
        for run in sorted.chunk_by(T::eq) {
            runs.distinct += 1;
            let count = run.len() as u64;
            let place = runs.commonest.partition_point(|(_, known)| *known >= count);
            if place < COMMONEST {
                runs.commonest.insert(place, (run[0], count));
                runs.commonest.truncate(COMMONEST);
            }
        }
        runs
    }

    fn commonest(&self, total: usize, write: impl Fn(T) -> String) -> String {
        shares(&self.commonest, total, |value| write(*value))
    }
}

/// Integers close together are counted instead of compared.
fn sort(values: &mut [i64]) {
    const CLOSE: i64 = 1 << 16;
    let (Some(least), Some(greatest)) = (values.iter().min().copied(), values.iter().max().copied()) else {
        return;
    };
    match greatest.checked_sub(least) {
        Some(width) if width < CLOSE => {
            let mut counts = vec![0_usize; width as usize + 1];
            for value in values.iter() {
                counts[(value - least) as usize] += 1;
            }
            let mut at = 0;
            for (offset, count) in counts.into_iter().enumerate() {
                values[at..at + count].fill(least + offset as i64);
                at += count;
            }
        }
        _ => values.sort_unstable(),
    }
}

/// Linear between the two nearest values, as Polars' and NumPy's default.
fn at_quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Ten bars from the least to the greatest value.
fn histogram(sorted: &[f64]) -> String {
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else {
        return String::new();
    };
    let width = greatest - least;
    if width <= 0.0 || !width.is_finite() {
        return sparkline(&[1]);
    }
    let mut counts = [0_u64; 10];
    for value in sorted {
        counts[(((value - least) / width * 10.0) as usize).min(9)] += 1;
    }
    sparkline(&counts)
}

/// Zeros are worth a word where they are rare and everything else is above them.
fn rare_zeros(sorted: &[f64]) -> Option<String> {
    let zeros = sorted.iter().filter(|value| **value == 0.0).count();
    let rare = zeros > 0 && zeros * 100 <= sorted.len();
    (rare && sorted[0] >= 0.0).then(|| words::counted(zeros as u64, "zero"))
}

/// Values further than five times the middle half's width away from it.
fn far_outliers(sorted: &[f64], low: f64, high: f64) -> Option<String> {
    let far = 5.0 * (high - low);
    if far <= 0.0 {
        return None;
    }
    let outliers: Vec<f64> = sorted
        .iter()
        .copied()
        .filter(|value| *value < low - far || *value > high + far)
        .collect();
    if outliers.is_empty() || outliers.len() * 100 > sorted.len() {
        return None;
    }
    let shown: Vec<String> = outliers.iter().take(4).map(|value| words::number(*value)).collect();
    let more = if outliers.len() > shown.len() { ", …" } else { "" };
    Some(format!(
        "{} ({}{more})",
        words::counted(outliers.len() as u64, "far outlier"),
        shown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn facts(column: Column) -> Facts {
        of_column(&column).unwrap()
    }

    #[test]
    fn quartiles_and_bars() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(at_quantile(&values, 0.25), 2.0);
        assert_eq!(at_quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(histogram(&values).chars().count(), 10);
        assert_eq!(histogram(&[2.0, 2.0]), "█");
    }

    /// Golden values: `pandas.Series([1, 2, 2, 3, 50]).describe()`.
    #[test]
    fn numbers_of_each_kind_are_the_same() {
        for dtype in [DataType::Int64, DataType::UInt8, DataType::Float32] {
            let column = Column::new("n".into(), [2, 50, 1, 2, 3]).cast(&dtype).unwrap();
            let facts = facts(column);
            assert_eq!(facts.numbers, Some([1.0, 2.0, 2.0, 3.0, 50.0]));
            assert_eq!((facts.mean, facts.distinct), (Some(11.6), Some(4)));
            assert!((facts.std.unwrap() - 21.477_895).abs() < 1e-6);
            assert_eq!(facts.values, "2 40 %");
        }
    }

    #[test]
    fn integers_far_apart_are_sorted_too() {
        let mut values = vec![i64::MAX, 3, i64::MIN, 3];
        sort(&mut values);
        assert_eq!(values, [i64::MIN, 3, 3, i64::MAX]);
        let mut values = vec![5, -2, 5, 0];
        sort(&mut values);
        assert_eq!(values, [-2, 0, 5, 5]);
        let large = facts(Column::new("n".into(), [u64::MAX, 1]));
        assert_eq!(large.numbers.unwrap()[4], u64::MAX as f64);
    }

    #[test]
    fn dates_have_ends_and_truth_has_shares() {
        let days = Column::new("day".into(), [0, 2, 364]).cast(&DataType::Date).unwrap();
        assert_eq!(facts(days).values, "1970-01-01 … 1970-12-31");
        let truth = facts(Column::new("b".into(), [Some(true), Some(true), Some(false), None]));
        assert_eq!(truth.values, "true 67 % · false 33 %");
        assert_eq!((truth.distinct, truth.nulls), (Some(2), 1));
    }

    #[test]
    fn what_stands_out_is_said() {
        let warned = |column: Column| facts(column).warnings().join(", ");
        let rows = 0..200_i64;
        let each = Column::new("id".into(), rows.clone().collect::<Vec<_>>());
        assert_eq!(warned(each.clone()), "id-like: every value differs");
        assert_eq!(
            warned(each.cast(&DataType::String).unwrap().head(Some(150))),
            "numbers as text, id-like: every value differs"
        );
        let names: Vec<String> = rows.clone().map(|row| format!("name {}", row % 150)).collect();
        assert_eq!(warned(Column::new("s".into(), names)), "high cardinality (150 values)");
        let skewed: Vec<f64> = rows.clone().map(|row| (row as f64 / 20.0).exp()).collect();
        assert!(warned(Column::new("x".into(), skewed)).starts_with("skewed (2."));
        let missing: Vec<Option<i64>> = rows.map(|row| (row % 4 == 0).then_some(row % 3)).collect();
        assert_eq!(warned(Column::new("m".into(), missing)), "mostly null (75 %)");
        assert_eq!(warned(Column::new("c".into(), [1, 1])), "always the same value");
        assert_eq!(
            warned(Column::new("f".into(), [f64::NAN, 1.0, f64::INFINITY])),
            "1 NaN, 1 infinite"
        );
    }
}
