//! `%profile`: a line per column with what one looks for first: missing values, distinct values, range, quartiles, a small
//! histogram; and under it what stands out (rare zeros, far outliers, a column that never changes).

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};
use crate::text;

/// A line per column: types, nulls, distinct values, range, quartiles, a small histogram
#[derive(clap::Args)]
pub(crate) struct Profile {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    out: Out,
}

impl Magic for Profile {
    const NAME: &'static str = "profile";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%profile abalone", "all columns"),
        ("%profile abalone --columns height,rings", "two of them"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let mut frame = frames::collect(&self.frame, session, front)?;
        if !self.columns.is_empty() {
            frame = text::select(&frame, &self.frame, &self.columns)?;
        }
        let shape = text::shape(&frame);
        let (facts, remarks) = guard::on_worker(front, "%profile", move || profiled(&frame))?;
        front.display(&table(
            &facts,
            &TableOptions {
                rows: facts.height().max(1),
                ..TableOptions::default()
            },
        ));
        let mut told = vec![format!("{}: {shape}", self.frame)];
        told.extend(remarks);
        front.display(&note(told.join("\n")));
        match name {
            Some(name) => session.bind_frame(name.as_str(), facts),
            None => session.set_last(Value::Frame(facts)),
        }
        Ok(())
    }
}

/// What is known of one column.
struct Facts {
    name: String,
    dtype: String,
    nulls: u64,
    distinct: Option<u64>,
    /// Minimum, first quartile, median, third quartile, maximum.
    numbers: Option<[f64; 5]>,
    mean: Option<f64>,
    picture: String,
}

fn profiled(frame: &DataFrame) -> Result<(DataFrame, Vec<String>), MagicError> {
    let mut facts = Vec::new();
    let mut remarks = Vec::new();
    for column in frame.columns() {
        let (of_column, remark) = of_column(column)?;
        facts.push(of_column);
        remarks.extend(remark);
    }
    let number = |pick: fn(&[f64; 5]) -> f64| -> Vec<Option<f64>> {
        facts.iter().map(|facts| facts.numbers.as_ref().map(pick)).collect()
    };
    let table = df!(
        "column" => facts.iter().map(|facts| facts.name.as_str()).collect::<Vec<_>>(),
        "type" => facts.iter().map(|facts| facts.dtype.as_str()).collect::<Vec<_>>(),
        "nulls" => facts.iter().map(|facts| facts.nulls as i64).collect::<Vec<_>>(),
        "distinct" => facts.iter().map(|facts| facts.distinct.map(|count| count as i64)).collect::<Vec<_>>(),
        "min" => number(|numbers| numbers[0]),
        "25 %" => number(|numbers| numbers[1]),
        "median" => number(|numbers| numbers[2]),
        "75 %" => number(|numbers| numbers[3]),
        "max" => number(|numbers| numbers[4]),
        "mean" => facts.iter().map(|facts| facts.mean).collect::<Vec<_>>(),
        "histogram" => facts.iter().map(|facts| facts.picture.as_str()).collect::<Vec<_>>(),
    )?;
    Ok((table, remarks))
}

fn of_column(column: &Column) -> Result<(Facts, Option<String>), MagicError> {
    let name = column.name().to_string();
    let height = column.len();
    let nulls = column.null_count();
    // Lists and structs have no order and no cheap identity.
    let distinct = column
        .n_unique()
        .ok()
        .map(|count| (count - usize::from(nulls > 0 && count > 0)) as u64);
    let mut facts = Facts {
        name: name.clone(),
        dtype: column.dtype().to_string(),
        nulls: nulls as u64,
        distinct,
        numbers: None,
        mean: None,
        picture: String::new(),
    };
    let mut remarks = Vec::new();
    if nulls > 0 && nulls == height {
        remarks.push("only nulls".to_owned());
    } else if distinct == Some(1) && height > 1 {
        remarks.push("always the same value".to_owned());
    }
    if column.dtype().is_primitive_numeric() {
        let values = column.as_materialized_series().drop_nulls().cast(&DataType::Float64)?;
        let mut values: Vec<f64> = values
            .f64()?
            .into_no_null_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        if !values.is_empty() {
            let numbers = [0.0, 0.25, 0.5, 0.75, 1.0].map(|quantile| at_quantile(&values, quantile));
            facts.numbers = Some(numbers);
            facts.mean = Some(values.iter().sum::<f64>() / values.len() as f64);
            facts.picture = histogram(&values);
            remarks.extend(rare_zeros(&values));
            remarks.extend(far_outliers(&values, numbers[1], numbers[3]));
        }
    } else if column.dtype() == &DataType::String {
        facts.picture = commonest(column)?;
    }
    let remark = (!remarks.is_empty()).then(|| format!("{name}: {}", remarks.join(", ")));
    Ok((facts, remark))
}

/// Linear between the two nearest values, as Polars' and NumPy's default.
fn at_quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Ten bars from the least to the greatest value.
fn histogram(sorted: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
    let width = greatest - least;
    if width <= 0.0 || !width.is_finite() {
        return BARS[7].to_string();
    }
    let mut counts = [0usize; 10];
    for value in sorted {
        counts[(((value - least) / width * 10.0) as usize).min(9)] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(1).max(1);
    let bar = |count: usize| match count {
        0 => ' ',
        _ => BARS[(count * 8).div_ceil(most).clamp(1, 8) - 1],
    };
    counts.map(bar).iter().collect()
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

/// The three commonest texts with their shares.
fn commonest(column: &Column) -> Result<String, MagicError> {
    let counts = column
        .as_materialized_series()
        .drop_nulls()
        .value_counts(true, false, "count".into(), false)?;
    let total = (column.len() - column.null_count()).max(1) as f64;
    let texts = counts.columns()[0].str()?;
    let numbers = counts.columns()[1].cast(&DataType::Float64)?;
    let numbers = numbers.f64()?;
    let shares = (0..counts.height().min(3)).filter_map(|row| {
        let (value, count) = (texts.get(row)?, numbers.get(row)?);
        Some(format!("{} {:.0} %", words::cut(value, 16), 100.0 * count / total))
    });
    Ok(shares.collect::<Vec<_>>().join(" · "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_stands_out_is_said() {
        let mut heights: Vec<f64> = (0..400).map(|row| 0.1 + f64::from(row % 20) / 200.0).collect();
        heights.extend([0.0, 0.0, 2.5]);
        let frame = df!("height" => &heights, "same" => vec![1i64; 403]).unwrap();
        let (facts, remarks) = profiled(&frame).unwrap();
        assert_eq!(
            remarks,
            ["height: 2 zeros, 1 far outlier (2.5)", "same: always the same value"]
        );
        assert_eq!(facts.column("max").unwrap().f64().unwrap().get(0), Some(2.5));
        assert_eq!(facts.column("distinct").unwrap().i64().unwrap().get(1), Some(1));
    }

    #[test]
    fn quartiles_and_bars() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(at_quantile(&values, 0.25), 2.0);
        assert_eq!(at_quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(histogram(&values).chars().count(), 10);
        assert_eq!(histogram(&[2.0, 2.0]), "█");
    }

    #[test]
    fn odd_columns_do_no_harm() {
        let frame =
            df!("n" => [None::<i64>, None], "t" => [Some("a"), None], "f" => [f64::NAN, f64::INFINITY]).unwrap();
        let (facts, remarks) = profiled(&frame).unwrap();
        assert_eq!(facts.height(), 3);
        assert!(remarks.contains(&"n: only nulls".to_owned()));
        assert_eq!(profiled(&DataFrame::empty()).unwrap().0.height(), 0);
    }
}
