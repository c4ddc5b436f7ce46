//! `%profile`: a line per column with what one looks for first: missing values, distinct values, quartiles, the commonest
//! values, a small histogram; and under it what stands out (rare zeros, far outliers, a column that never changes, one
//! that tells the label).
//!
//! All rows are looked at up to a million of a plan and five millions of a frame. Above, counts, ends, means and
//! deviations come from one streamed pass over all rows, the rest from an even sample; the last line says so.

mod column;
mod leak;
mod written;

use std::sync::atomic::{AtomicUsize, Ordering};

use ironsage_display::{Drawn, Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use self::column::Facts;
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::look::{self, Look, Sample};
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;
use crate::text;

/// A line per column: types, nulls, distinct values, quartiles, a small histogram; and what stands out
#[derive(clap::Args)]
pub(crate) struct Profile {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The column to be predicted: a column that tells it nearly alone is said
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    #[command(flatten)]
    out: Out,
}

/// Rows of a plan above which a sample is looked at.
const MOST_OF_PLAN: usize = 1_000_000;
/// Rows of a frame, which is in memory already, above which a sample is looked at.
const MOST_OF_FRAME: usize = 5_000_000;
/// Rows that tell whether a column tells the label.
const MOST_FOR_LABEL: usize = 100_000;
/// Columns whose warnings are shown.
const MOST_REMARKS: usize = 40;

impl Magic for Profile {
    const NAME: &'static str = "profile";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%profile abalone", "all columns"),
        ("%profile abalone --columns height,rings", "two of them"),
        (
            "%profile abalone --label rings",
            "also which columns tell `rings` nearly alone, and would not be known in time",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let mut columns = self.columns.clone();
        if let Some(label) = &self.label
            && !columns.is_empty()
            && !columns.contains(label)
        {
            columns.push(label.clone());
        }
        let look = look::open(&self.frame, &columns, session, front)?;
        if let Some(label) = &self.label
            && !look.schema.contains(label)
        {
            return Err(look.no_column(&self.frame, label));
        }
        let most = match look.reads_files {
            true => MOST_OF_PLAN,
            false => MOST_OF_FRAME,
        };
        let label = self.label.clone();
        let profiled = guard::on_worker(front, "%profile", move || profiled(&look, label.as_deref(), most))?;
        let shown = profiled.facts.drop("warnings")?;
        let options = TableOptions {
            rows: shown.height().max(1),
            drawn: Drawn::Bars("histogram".to_owned()),
            ..TableOptions::default()
        };
        front.display(&table(&shown, &options));
        let shape = text::shape_of(profiled.rows.of, profiled.facts.height());
        let mut told = vec![format!("{}: {shape}", self.frame)];
        if !profiled.rows.is_whole() {
            told[0] += &format!("{} (distinct values are estimated)", profiled.rows.told());
        }
        told.extend(profiled.remarks.iter().take(MOST_REMARKS).cloned());
        if profiled.remarks.len() > MOST_REMARKS {
            let more = profiled.remarks.len() - MOST_REMARKS;
            told.push(format!(
                "… and {}: `%profile {} -o facts` has them in `warnings`",
                words::counted(more as u64, "more column"),
                self.frame
            ));
        }
        front.display(&note(told.join("\n")));
        session.keep(name.as_ref(), profiled.facts);
        Ok(())
    }
}

struct Profiled {
    facts: DataFrame,
    remarks: Vec<String>,
    rows: Sample,
}

fn profiled(look: &Look, label: Option<&str>, most: usize) -> Result<Profiled, MagicError> {
    let rows = look::sample(look, most)?;
    let told = match label {
        Some(label) => {
            let step = rows.frame.height().div_ceil(MOST_FOR_LABEL).max(1);
            let few = match step {
                1 => rows.frame.clone(),
                _ => {
                    let each = (0..rows.frame.height()).step_by(step).map(|row| Some(row as IdxSize));
                    rows.frame.take(&each.collect::<IdxCa>())?
                }
            };
            let label = leak::Label::of(few.column(label)?)?;
            each(few.columns(), |column| label.told_by(column))?
        }
        None => Vec::new(),
    };
    let mut facts = each(rows.frame.columns(), column::of_column)?;
    if !rows.is_whole() {
        of_all_rows(look, rows.of as u64, &mut facts)?;
    }
    for (facts, told) in facts.iter_mut().zip(told) {
        facts.remarks.extend(told);
    }
    let warnings: Vec<String> = facts.iter().map(|facts| facts.warnings().join(", ")).collect();
    let warned = facts.iter().zip(&warnings).filter(|(_, warnings)| !warnings.is_empty());
    Ok(Profiled {
        remarks: warned
            .map(|(facts, warnings)| format!("{}: {warnings}", facts.name))
            .collect(),
        facts: frame_of(&facts, warnings)?,
        rows,
    })
}

/// Does `work` for each column, on as many threads as there are cores.
fn each<T: Send>(
    columns: &[Column],
    work: impl Fn(&Column) -> Result<T, MagicError> + Sync,
) -> Result<Vec<T>, MagicError> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((at, column)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, columns.get(at)?)))
        {
            done.push((at, work(column)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..cores.min(columns.len())).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for thread in threads {
            // A panic goes on in the thread that waits, which makes an error of it.
            done.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Replaces what one pass over all rows can tell, where `facts` are of a sample: by the same rules.
fn of_all_rows(look: &Look, rows: u64, facts: &mut [Facts]) -> Result<(), MagicError> {
    let is_number = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal();
    let mut wanted = Vec::new();
    for (at, (name, dtype)) in look.schema.iter().enumerate() {
        let mut want = |what: &str, expression: Expr| wanted.push(expression.alias(format!("{at} {what}")));
        let column = || match dtype.is_decimal() {
            true => col(name.clone()).cast(DataType::Float64),
            false => col(name.clone()),
        };
        let count = |expression: Expr| expression.cast(DataType::UInt64);
        want("nulls", count(column().null_count()));
        if is_number(dtype) || dtype.is_string() || dtype.is_bool() || dtype.is_temporal() {
            want("distinct", count(column().approx_n_unique()));
        }
        if dtype.is_float() {
            want("nan", count(column().is_nan().sum()));
            want("infinite", count(column().is_infinite().sum()));
        }
        if is_number(dtype) {
            let number = || column().cast(DataType::Float64);
            let finite = || when(number().is_finite()).then(number()).otherwise(lit(NULL));
            want("min", finite().min());
            want("max", finite().max());
            want("mean", finite().mean());
            want("std", finite().std(1));
        } else if dtype.is_temporal() {
            want("min", column().min());
            want("max", column().max());
        }
    }
    let all = frames::run(look.plan.clone().select(wanted))?;
    for (at, (facts, dtype)) in facts.iter_mut().zip(look.schema.iter_values()).enumerate() {
        let value = |what: &str| {
            let column = all.column(&format!("{at} {what}"));
            column.and_then(|column| column.get(0)).ok()
        };
        let count = |what: &str| value(what).and_then(|value| value.extract::<u64>());
        let number = |what: &str| value(what).and_then(|value| value.extract::<f64>());
        facts.rows = rows;
        facts.nulls = count("nulls").unwrap_or(facts.nulls);
        facts.nan = count("nan").unwrap_or(facts.nan);
        facts.infinite = count("infinite").unwrap_or(facts.infinite);
        facts.distinct = count("distinct")
            .map(|count| count.saturating_sub(u64::from(facts.nulls > 0)))
            .or(facts.distinct);
        if let Some(numbers) = &mut facts.numbers {
            numbers[0] = number("min").unwrap_or(numbers[0]);
            numbers[4] = number("max").unwrap_or(numbers[4]);
            facts.mean = number("mean").or(facts.mean);
            facts.std = number("std").or(facts.std);
        }
        if let (true, Some(first), Some(last)) = (dtype.is_temporal() && facts.nulls < rows, value("min"), value("max"))
        {
            facts.values = column::from_to(&first, &last);
        }
    }
    Ok(())
}

fn frame_of(facts: &[Facts], warnings: Vec<String>) -> Result<DataFrame, MagicError> {
    let texts = |pick: fn(&Facts) -> &str| -> Vec<&str> { facts.iter().map(pick).collect() };
    let numbers = |at: usize| -> Vec<Option<f64>> {
        facts
            .iter()
            .map(|facts| facts.numbers.map(|numbers| numbers[at]))
            .collect()
    };
    Ok(df!(
        "column" => texts(|facts| &facts.name),
        "type" => texts(|facts| &facts.dtype),
        "nulls" => facts.iter().map(|facts| facts.nulls as i64).collect::<Vec<_>>(),
        "distinct" => facts.iter().map(|facts| facts.distinct.map(|count| count as i64)).collect::<Vec<_>>(),
        "histogram" => texts(|facts| &facts.histogram),
        "min" => numbers(0),
        "25 %" => numbers(1),
        "median" => numbers(2),
        "75 %" => numbers(3),
        "max" => numbers(4),
        "mean" => facts.iter().map(|facts| facts.mean).collect::<Vec<_>>(),
        "std" => facts.iter().map(|facts| facts.std).collect::<Vec<_>>(),
        "values" => texts(|facts| &facts.values),
        "warnings" => warnings,
    )?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(frame: &DataFrame, most: usize) -> Profiled {
        let look = Look {
            plan: frame.clone().lazy(),
            schema: frame.schema().clone(),
            reads_files: false,
        };
        profiled(&look, None, most).unwrap()
    }

    #[test]
    fn what_stands_out_is_said() {
        let mut heights: Vec<f64> = (0..400).map(|row| 0.1 + f64::from(row % 20) / 200.0).collect();
        heights.extend([0.0, 0.0, 2.5]);
        let frame = df!("height" => &heights, "same" => vec![1i64; 403]).unwrap();
        let profiled = of(&frame, 1_000);
        assert_eq!(
            profiled.remarks,
            [
                "height: 2 zeros, 1 far outlier (2.5), skewed (18)",
                "same: always the same value"
            ]
        );
        let facts = profiled.facts;
        assert_eq!(facts.column("max").unwrap().f64().unwrap().get(0), Some(2.5));
        assert_eq!(facts.column("distinct").unwrap().i64().unwrap().get(1), Some(1));
    }

    #[test]
    fn odd_columns_do_no_harm() {
        let list = Series::new("".into(), [1, 2]);
        let frame = df!(
            "n" => [None::<i64>, None], "t" => [Some("a"), None], "f" => [f64::NAN, f64::INFINITY],
            "l" => [list.clone(), list],
        )
        .unwrap();
        let profiled = of(&frame, 10);
        assert_eq!(profiled.facts.height(), 4);
        assert_eq!(
            profiled.remarks,
            ["n: only nulls", "f: 1 NaN, 1 infinite", "l: always the same value"]
        );
        assert_eq!(of(&DataFrame::empty(), 10).facts.height(), 0);
    }

    #[test]
    fn a_sample_tells_the_same_numbers_as_all_rows() {
        let rows = 0..50_000_i32;
        let numbers: Vec<Option<f64>> = rows
            .clone()
            .map(|row| match row {
                777 => Some(f64::INFINITY),
                778 => Some(f64::NEG_INFINITY),
                779 | 780 => Some(f64::NAN),
                row => (row % 5 > 0).then_some(f64::from(row)),
            })
            .collect();
        let cents = Column::new("cents".into(), rows.clone().collect::<Vec<_>>());
        let days = Column::new("day".into(), rows.clone().map(|row| row / 10).collect::<Vec<_>>());
        let frame = df!(
            "x" => numbers,
            "s" => rows.map(|row| ["a", "b", "c"][row as usize % 3]).collect::<Vec<_>>(),
            "cents" => cents.cast(&DataType::Decimal(10, 2)).unwrap().take_materialized_series(),
            "day" => days.cast(&DataType::Date).unwrap().take_materialized_series(),
        )
        .unwrap();
        let (whole, sampled) = (of(&frame, 50_000), of(&frame, 5_000));
        assert!(whole.rows.is_whole() && !sampled.rows.is_whole());
        for exact in ["nulls", "min", "max", "mean", "std"] {
            let (whole, sampled) = (whole.facts.column(exact).unwrap(), sampled.facts.column(exact).unwrap());
            for row in [0, 2] {
                let (a, b): (f64, f64) = (
                    whole.get(row).unwrap().extract().unwrap(),
                    sampled.get(row).unwrap().extract().unwrap(),
                );
                assert!((a - b).abs() <= 1e-9 * a.abs(), "{exact}: {a} and {b}");
            }
        }
        let told = |profiled: &Profiled, column: &str, row: usize| {
            let value = profiled.facts.column(column).unwrap().get(row).unwrap();
            value.get_str().unwrap().to_owned()
        };
        assert_eq!(told(&whole, "warnings", 0), "2 NaN, 2 infinite");
        assert_eq!(told(&sampled, "warnings", 0), "2 NaN, 2 infinite");
        assert_eq!(told(&whole, "values", 3), "1970-01-01 … 1983-09-09");
        assert_eq!(told(&sampled, "values", 3), "1970-01-01 … 1983-09-09");
        let distinct = sampled.facts.column("distinct").unwrap();
        let count = |row: usize| distinct.get(row).unwrap().extract::<i64>().unwrap();
        assert!((38_000..42_000).contains(&count(0)), "{}", count(0));
        assert_eq!(count(1), 3);
        assert!((48_000..52_000).contains(&count(2)), "{}", count(2));
    }
}
