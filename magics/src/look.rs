//! Frames and plans as those magics want them that only look: columns chosen before anything is read, plans streamed,
//! and of very many rows an even sample, so that a look at ten gigabytes takes neither ten gigabytes nor a guess.

use ironsage_display::{Front, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::session::Session;
use crate::text;

/// A frame, a plan or a saved query that was named, with the columns that were asked for.
pub(crate) struct Look {
    pub plan: LazyFrame,
    pub schema: SchemaRef,
    /// Whether files are read, which may be larger than memory.
    pub reads_files: bool,
}

impl Look {
    /// All rows.
    pub fn collect(&self) -> PolarsResult<DataFrame> {
        frames::collected(self.plan.clone(), self.reads_files)
    }

    /// With these columns only; none named are all.
    pub fn select(self, name: &str, columns: &[String]) -> Result<Look, MagicError> {
        if columns.is_empty() {
            return Ok(self);
        }
        let mut chosen = Schema::default();
        for column in columns {
            let dtype = self.schema.get(column).ok_or_else(|| self.no_column(name, column))?;
            if chosen.insert(column.as_str().into(), dtype.clone()).is_some() {
                return Err(MagicError::usage(format!("the column `{column}` is named twice")));
            }
        }
        Ok(Look {
            plan: self.plan.select([cols(columns.iter().map(String::as_str)).as_expr()]),
            schema: SchemaRef::new(chosen),
            ..self
        })
    }

    /// The error that what is called `name` has no such column.
    pub fn no_column(&self, name: &str, column: &str) -> MagicError {
        let known: Vec<String> = self.schema.iter_names().map(ToString::to_string).collect();
        text::no_column(name, column, &known)
    }
}

/// Opens a frame, a plan or a saved query by name, with `columns` only; none named are all. A store that does not answer
/// can be left.
pub(crate) fn open(name: &str, columns: &[String], session: &Session, front: &dyn Front) -> Result<Look, MagicError> {
    let (rows, session) = (session.rows(name)?, session.clone());
    let reads_files = rows.read_files();
    let look = guard::on_worker(front, &format!("opening {name}"), move || {
        let mut plan = rows.plan(&session)?;
        Ok(Look {
            schema: plan.collect_schema()?,
            plan,
            reads_files,
        })
    })?;
    look.select(name, columns)
}

/// How many rows a plan has; for the formats that write it down, only that is read.
pub(crate) fn height(plan: &LazyFrame) -> PolarsResult<usize> {
    let counted = frames::run(plan.clone().select([len().cast(DataType::UInt64)]))?;
    let count = counted.columns().first().map(|count| count.u64()).transpose()?;
    Ok(count.and_then(|count| count.get(0)).unwrap_or(0) as usize)
}

/// All rows, or an even sample of them.
pub(crate) struct Sample {
    pub frame: DataFrame,
    /// How many rows there are.
    pub of: usize,
}

impl Sample {
    pub fn is_whole(&self) -> bool {
        self.frame.height() == self.of
    }

    /// ` · from a sample of 1,000,000 of 336,776,000 rows`, or nothing.
    pub fn told(&self) -> String {
        match self.is_whole() {
            true => String::new(),
            false => format!(
                " · from a sample of {} of {} rows",
                words::count(self.frame.height() as u64),
                words::count(self.of as u64)
            ),
        }
    }
}

/// The rows of a plan: all of them up to `most`, about `most` of them above.
pub(crate) fn sample(look: &Look, most: usize) -> PolarsResult<Sample> {
    let of = height(&look.plan)?;
    if of <= most {
        let frame = look.collect()?;
        let of = frame.height();
        return Ok(Sample { frame, of });
    }
    let mut row = PlSmallStr::from_static("row");
    while look.schema.contains(&row) {
        row = format!("{row}_").into();
    }
    // Multiples of the golden ratio fill an interval evenly, and keep step with no period in the data (Knuth, The Art of
    // Computer Programming, volume 3, section 6.4).
    const RANGE: u64 = 1 << 32;
    let place = (col(row.clone()).cast(DataType::UInt64) * lit(2_654_435_769_u64)) % lit(RANGE);
    let share = (most as f64 / of as f64 * RANGE as f64) as u64;
    let sampled = look
        .plan
        .clone()
        .with_row_index(row, None)
        .filter(place.lt(lit(share)))
        .select([cols(look.schema.iter_names().cloned()).as_expr()]);
    Ok(Sample {
        frame: frames::run(sampled)?,
        of,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sample_is_even_and_keeps_step_with_no_period() {
        let rows: Vec<i64> = (0..100_000).collect();
        let days: Vec<i64> = rows.iter().map(|row| row % 10).collect();
        let frame = df!("row" => rows, "day" => days).unwrap();
        let look = Look {
            schema: frame.schema().clone(),
            plan: frame.clone().lazy(),
            reads_files: false,
        };
        let sampled = sample(&look, 10_000).unwrap();
        assert_eq!(sampled.of, 100_000);
        assert_eq!(sampled.frame.schema(), frame.schema());
        let height = sampled.frame.height();
        assert!((9_900..10_100).contains(&height), "{height}");
        let mean = |name: &str| {
            sampled
                .frame
                .column(name)
                .unwrap()
                .as_materialized_series()
                .mean()
                .unwrap()
        };
        assert!((mean("row") - 50_000.0).abs() < 100.0 && (mean("day") - 4.5).abs() < 0.1);
        assert!(sample(&look, 100_000).unwrap().is_whole());
    }
}
