//! `%corr`: how columns go together, as a table of coefficients on coloured ground and the strongest pairs in words. Rows
//! count for a pair where both columns have a finite number, as in pandas.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_display::plot::correlation;
use ironsage_display::{Drawn, Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::look::{self, Look};
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;

/// The correlation of each numeric column with each other
#[derive(clap::Args)]
pub(crate) struct Corr {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    /// These columns only; without them, all numeric ones
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// pearson for straight lines, spearman for any that rises or falls
    #[arg(long, value_enum, default_value = "pearson")]
    method: Method,
    /// Only with this column, the strongest first
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    #[command(flatten)]
    out: Out,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Pearson,
    Spearman,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Pearson => "pearson",
            Method::Spearman => "spearman",
        }
    }
}

/// Rows above which an even sample is looked at: the error of a coefficient is then below a thousandth.
const MOST_ROWS: usize = 1_000_000;
/// Columns above which the table would be of no use, and the work quadratic.
const MOST_COLUMNS: usize = 200;
/// Columns that the table shows.
const SHOWN: usize = 30;
/// Pairs that are told in words.
const STRONGEST: usize = 5;

impl Magic for Corr {
    const NAME: &'static str = "corr";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%corr abalone", "all numeric columns, and the strongest pairs"),
        (
            "%corr abalone --label rings --method spearman",
            "each column with `rings` by rank, the strongest first",
        ),
        (
            "%corr abalone --columns length,height,rings -o r",
            "three columns, as the frame `r`",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let look = look::open(&self.frame, &[], session, front)?;
        let look = self.chosen(look)?;
        let names: Vec<String> = look.schema.iter_names().map(ToString::to_string).collect();
        let (method, label) = (self.method, self.label.clone());
        let label_at = label
            .as_ref()
            .and_then(|label| names.iter().position(|name| name == label));
        let guarded = Stop::default();
        let stop = guarded.0.clone();
        let columns = names.clone();
        let (coefficients, sampled) = guard::on_worker(front, "%corr", move || {
            let sample = look::sample(&look, MOST_ROWS)?;
            let numbers = numbers(&sample.frame, method)?;
            Ok((coefficients(&numbers, method, label_at, &stop), sample.told()))
        })?;
        let facts = match label_at {
            Some(at) => with_label(&columns, &coefficients, at, self.method)?,
            None => square(&columns, &coefficients)?,
        };
        let options = TableOptions {
            rows: SHOWN,
            columns: SHOWN,
            drawn: Drawn::Heat,
            ..TableOptions::default()
        };
        front.display(&table(&facts, &options));
        let told = strongest(&columns, &coefficients);
        let told = match told.is_empty() {
            true => "no pair has a correlation: columns are constant or too short".to_owned(),
            false => told.join(" · "),
        };
        front.display(&note(format!(
            "{}: {} · {told}{sampled}",
            self.frame,
            self.method.name()
        )));
        session.keep(name.as_ref(), facts);
        Ok(())
    }
}

impl Corr {
    /// The columns that are looked at: the ones named, with the label, or all numeric ones.
    fn chosen(&self, look: Look) -> Result<Look, MagicError> {
        let schema = &look.schema;
        let is_number = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_bool();
        let mut chosen = self.columns.clone();
        if chosen.is_empty() {
            let numeric = schema.iter().filter(|(_, dtype)| is_number(dtype));
            chosen = numeric.map(|(name, _)| name.to_string()).collect();
        }
        if let Some(label) = self.label.as_ref().filter(|label| !chosen.contains(label)) {
            chosen.push(label.clone());
        }
        for name in &chosen {
            let dtype = schema.get(name).ok_or_else(|| look.no_column(&self.frame, name))?;
            if !is_number(dtype) {
                return Err(
                    MagicError::data(format!("`{name}` is {dtype}, and only numbers correlate"))
                        .with_hint(format!("`%unique {} {name}` counts its values", self.frame)),
                );
            }
        }
        match chosen.len() {
            0 | 1 => Err(
                MagicError::data(format!("{} has fewer than two numeric columns", self.frame))
                    .with_hint(format!("`%schema {}` shows its types", self.frame)),
            ),
            many if many > MOST_COLUMNS && self.label.is_none() => Err(MagicError::usage(format!(
                "{} has {many} numeric columns, and a table of more than {MOST_COLUMNS} is of no use",
                self.frame
            ))
            .with_hint("name some (`--columns a,b,c`), or the one that matters (`--label NAME`)")),
            _ => look.select(&self.frame, &chosen),
        }
    }
}

/// Ends the work that nobody waits for any more.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each column as numbers, NaN where there is none; for Spearman's method, columns without gaps as ranks already.
fn numbers(frame: &DataFrame, method: Method) -> Result<Vec<Vec<f64>>, MagicError> {
    frame
        .columns()
        .iter()
        .map(|column| {
            let column = column.cast(&DataType::Float64)?;
            let values = column.f64()?.iter().map(|value| match value {
                Some(value) if value.is_finite() => value,
                _ => f64::NAN,
            });
            let values: Vec<f64> = values.collect();
            let whole = method == Method::Spearman && values.iter().all(|value| value.is_finite());
            Ok(if whole { ranks(&values) } else { values })
        })
        .collect()
}

/// The coefficients of all pairs, None where there is none; or those with one column, in its row alone.
fn coefficients(columns: &[Vec<f64>], method: Method, with: Option<usize>, stop: &AtomicBool) -> Vec<Vec<Option<f64>>> {
    let whole: Vec<bool> = columns
        .iter()
        .map(|column| column.iter().all(|value| value.is_finite()))
        .collect();
    let row = |at: usize| {
        vec![
            None;
            if with.is_none_or(|with| with == at) {
                columns.len()
            } else {
                0
            }
        ]
    };
    let mut all: Vec<Vec<Option<f64>>> = (0..columns.len()).map(row).collect();
    for a in 0..columns.len() {
        for b in 0..=a {
            if with.is_some_and(|with| a != with && b != with) || stop.load(Ordering::Relaxed) {
                continue;
            }
            let (x, y) = (&columns[a], &columns[b]);
            let r = match method {
                Method::Spearman if !(whole[a] && whole[b]) => {
                    let pairs = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
                    let (x, y): (Vec<f64>, Vec<f64>) = pairs.unzip();
                    correlation(&ranks(&x), &ranks(&y))
                }
                _ => correlation(x, y),
            };
            // With itself it is 1, to the last digit.
            let r = if a == b { r.map(|_| 1.0) } else { r };
            for (row, column) in [(a, b), (b, a)] {
                if let Some(cell) = all[row].get_mut(column) {
                    *cell = r;
                }
            }
        }
    }
    all
}

/// Ranks from 1; equal values share the mean of theirs, as in Spearman's coefficient with ties.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        for at in ties {
            ranks[*at as usize] = rank;
        }
        before += ties.len();
    }
    ranks
}

fn square(names: &[String], coefficients: &[Vec<Option<f64>>]) -> Result<DataFrame, MagicError> {
    let mut first = "column".to_owned();
    while names.contains(&first) {
        first.push('_');
    }
    let mut columns = vec![Column::new(first.into(), names)];
    columns.extend(
        names
            .iter()
            .zip(coefficients)
            .map(|(name, row)| Column::new(name.as_str().into(), row)),
    );
    Ok(DataFrame::new(names.len(), columns)?)
}

/// Each column's coefficient with the label, the strongest first.
fn with_label(
    names: &[String],
    coefficients: &[Vec<Option<f64>>],
    label: usize,
    method: Method,
) -> Result<DataFrame, MagicError> {
    let mut others: Vec<usize> = (0..names.len()).filter(|at| *at != label).collect();
    let strength = |at: &usize| coefficients[label][*at].map_or(-1.0, f64::abs);
    others.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    Ok(df!(
        "column" => others.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>(),
        method.name() => others.iter().map(|at| coefficients[label][*at]).collect::<Vec<_>>(),
    )?)
}

/// `rings and shell_weight 0.63`, the strongest first.
fn strongest(names: &[String], coefficients: &[Vec<Option<f64>>]) -> Vec<String> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (a, row) in coefficients.iter().enumerate() {
        // Each pair once: it stands in both rows, or in that of the label alone.
        let once = row
            .iter()
            .enumerate()
            .filter(|(b, _)| *b < a || coefficients[*b].is_empty());
        pairs.extend(once.filter_map(|(b, r)| Some(((*r)?, a.min(b), a.max(b)))));
    }
    pairs.sort_by(|x, y| y.0.abs().total_cmp(&x.0.abs()));
    let told = pairs.iter().take(STRONGEST);
    told.map(|(r, a, b)| format!("{} and {} {r:.2}", names[*a], names[*b]))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(frame: &DataFrame, method: Method) -> Vec<Vec<Option<f64>>> {
        coefficients(&numbers(frame, method).unwrap(), method, None, &AtomicBool::new(false))
    }

    /// Golden values: `pandas.DataFrame.corr` of pandas, which leaves out a pair's rows with a null likewise:
    /// `numpy.corrcoef([1, 2, 3, 4], [1, 3, 2, 5])` and ranks with ties by their means.
    #[test]
    fn coefficients_as_pandas_gives_them() {
        let frame = df!(
            "x" => [Some(1.0), Some(2.0), Some(3.0), Some(4.0), None],
            "y" => [1.0, 3.0, 2.0, 5.0, 99.0],
            "same" => [7, 7, 7, 7, 7],
        )
        .unwrap();
        let r = of(&frame, Method::Pearson);
        assert!((r[0][1].unwrap() - 0.831_521_8).abs() < 1e-6, "{r:?}");
        assert_eq!((r[0][0], r[2][0], r[2][2]), (Some(1.0), None, None));
        let r = of(&frame, Method::Spearman);
        assert!((r[1][0].unwrap() - 0.8).abs() < 1e-12, "{r:?}");
        assert_eq!(ranks(&[10.0, 5.0, 10.0, 1.0]), [3.5, 2.0, 3.5, 1.0]);
    }

    #[test]
    fn the_strongest_pairs_come_first() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let r = vec![
            vec![Some(1.0), Some(0.5), Some(-0.9)],
            vec![Some(0.5), Some(1.0), None],
            vec![Some(-0.9), None, Some(1.0)],
        ];
        assert_eq!(strongest(&names, &r), ["a and c -0.90", "a and b 0.50"]);
        let told = with_label(&names, &r, 0, Method::Pearson).unwrap();
        assert_eq!(told.column("column").unwrap().get(0).unwrap(), AnyValue::String("c"));
        assert_eq!(square(&names, &r).unwrap().shape(), (3, 4));
    }
}
