//! `%nulls`: where values are missing, by column and by which are missing together. A plan is counted in pieces.

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::look::{self, Look};
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;

/// How many values are missing, by column and together in a row
#[derive(clap::Args)]
pub(crate) struct Nulls {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    out: Out,
}

/// Columns whose missing values are looked at together, those with most of them.
const MOST_TOGETHER: usize = 64;

impl Magic for Nulls {
    const NAME: &'static str = "nulls";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%nulls flights",
            "how many values each column lacks, and which are missing in the same rows",
        ),
        (
            "%nulls flights --columns dep_time,arr_time -o missing",
            "two columns, as the frame `missing`",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let look = look::open(&self.frame, &self.columns, session, front)?;
        let Missing { counts, patterns, rows } = guard::on_worker(front, "%nulls", move || missing(&look))?;
        let options = TableOptions {
            rows: counts.height().max(1),
            ..TableOptions::default()
        };
        front.display(&table(&counts, &options));
        let lacking = counts
            .column("nulls")?
            .i64()?
            .iter()
            .flatten()
            .filter(|nulls| *nulls > 0)
            .count();
        let whole = match &patterns {
            None => rows,
            Some(patterns) => {
                front.display(&table(patterns, &TableOptions::default()));
                complete(patterns)?
            }
        };
        let share = 100.0 * whole as f64 / rows.max(1) as f64;
        front.display(&note(format!(
            "{}: {lacking} of {} with nulls · {} of {} without any ({})",
            self.frame,
            words::counted(counts.height() as u64, "column"),
            words::count(whole),
            words::counted(rows, "row"),
            format_args!("{} %", words::significant(share, 3)),
        )));
        session.keep(name.as_ref(), counts);
        Ok(())
    }
}

struct Missing {
    /// `column`, `type`, `nulls` and `share`.
    counts: DataFrame,
    /// `missing` (columns that are null in the same rows), `rows` and `share`; None where nothing is missing.
    patterns: Option<DataFrame>,
    rows: u64,
}

fn missing(look: &Look) -> Result<Missing, MagicError> {
    let names: Vec<PlSmallStr> = look.schema.iter_names().cloned().collect();
    let number = |at: usize| PlSmallStr::from_string(at.to_string());
    let counted = |expression: Expr, at: usize| expression.cast(DataType::Int64).alias(number(at));
    let mut wanted = vec![counted(len(), names.len())];
    wanted.extend(
        names
            .iter()
            .enumerate()
            .map(|(at, name)| counted(col(name.clone()).null_count(), at)),
    );
    let counts = frames::run(look.plan.clone().select(wanted))?;
    let count = |at: usize| -> Result<i64, MagicError> { Ok(counts.column(&number(at))?.i64()?.get(0).unwrap_or(0)) };
    let rows = count(names.len())?;
    let nulls: Vec<i64> = (0..names.len()).map(count).collect::<Result<_, _>>()?;
    let share = |nulls: i64| nulls as f64 / rows.max(1) as f64;
    let mut lacking: Vec<usize> = (0..names.len()).filter(|at| nulls[*at] > 0).collect();
    lacking.sort_by_key(|at| std::cmp::Reverse(nulls[*at]));
    lacking.truncate(MOST_TOGETHER);
    let patterns = match lacking.is_empty() {
        true => None,
        false => Some(patterns(look, &names, &lacking, share)?),
    };
    let counts = df!(
        "column" => names.iter().map(PlSmallStr::as_str).collect::<Vec<_>>(),
        "type" => look.schema.iter_values().map(ToString::to_string).collect::<Vec<_>>(),
        "nulls" => &nulls,
        "share" => nulls.iter().map(|nulls| share(*nulls)).collect::<Vec<_>>(),
    )?;
    Ok(Missing {
        counts,
        patterns,
        rows: rows as u64,
    })
}

/// Which columns are null in the same rows, the most frequent first; no columns are a row of an empty text.
fn patterns(
    look: &Look,
    names: &[PlSmallStr],
    lacking: &[usize],
    share: impl Fn(i64) -> f64,
) -> Result<DataFrame, MagicError> {
    // One bit a column makes one integer a row.
    let mask = lacking.iter().enumerate().fold(lit(0_u64), |mask, (bit, at)| {
        mask + col(names[*at].clone()).is_null().cast(DataType::UInt64) * lit(1_u64 << bit)
    });
    let grouped = look
        .plan
        .clone()
        .select([mask.alias("mask")])
        .group_by([col("mask")])
        .agg([len().cast(DataType::Int64).alias("rows")]);
    let options = SortMultipleOptions::default().with_order_descending_multi([true, false]);
    let grouped = frames::run(grouped)?.sort(["rows", "mask"], options)?;
    let written = |mask: u64| -> String {
        let columns = lacking.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
        columns
            .map(|(_, at)| names[*at].as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let masks = grouped.column("mask")?.u64()?;
    let rows: Vec<i64> = grouped.column("rows")?.i64()?.iter().flatten().collect();
    Ok(df!(
        "missing" => masks.iter().flatten().map(written).collect::<Vec<_>>(),
        "rows" => &rows,
        "share" => rows.iter().map(|rows| share(*rows)).collect::<Vec<_>>(),
    )?)
}

/// How many rows lack nothing.
fn complete(patterns: &DataFrame) -> Result<u64, MagicError> {
    let missing = patterns.column("missing")?.str()?;
    let at = missing.iter().position(|columns| columns == Some(""));
    let rows = patterns.column("rows")?.i64()?;
    Ok(at.and_then(|at| rows.get(at)).unwrap_or(0) as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(frame: DataFrame) -> Missing {
        let schema = frame.schema().clone();
        missing(&Look {
            plan: frame.lazy(),
            schema,
            reads_files: false,
        })
        .unwrap()
    }

    #[test]
    fn nulls_are_counted_by_column_and_together() {
        let frame = df!(
            "rows" => [Some(1), None, None, Some(4)], "mask" => [Some("a"), None, None, None], "z" => [0.0, f64::NAN, 0.0, 0.0],
        );
        let missing = of(frame.unwrap());
        assert_eq!(missing.rows, 4);
        let nulls = missing.counts.column("nulls").unwrap().i64().unwrap().to_vec();
        assert_eq!(nulls, [Some(2), Some(3), Some(0)]);
        let patterns = missing.patterns.unwrap();
        let wanted =
            df!("missing" => ["mask, rows", "", "mask"], "rows" => [2_i64, 1, 1], "share" => [0.5, 0.25, 0.25]);
        assert!(patterns.equals(&wanted.unwrap()), "{patterns}");
        assert_eq!(complete(&patterns).unwrap(), 1);
    }

    #[test]
    fn nothing_missing_and_very_many_columns() {
        assert!(of(df!("x" => [1]).unwrap()).patterns.is_none());
        let columns = (0..70).map(|at| Column::full_null(format!("c{at}").into(), 2, &DataType::Int8));
        let missing = of(DataFrame::new(2, columns.collect()).unwrap());
        assert_eq!(missing.patterns.unwrap().height(), 1);
        assert_eq!(missing.counts.height(), 70);
    }
}
