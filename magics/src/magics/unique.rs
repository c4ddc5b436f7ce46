//! `%unique`: the values of a column, or of several together, with how often each is there. A plan is counted in pieces.

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::look;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;

/// The different values of columns, with counts and shares
#[derive(clap::Args)]
pub(crate) struct Unique {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// A column; of several, the combinations that there are
    #[arg(value_name = "COLUMN", required = true)]
    columns: Vec<String>,
    /// In the order of the values, instead of the most frequent first
    #[arg(long)]
    sort: bool,
    #[command(flatten)]
    out: Out,
}

impl Magic for Unique {
    const NAME: &'static str = "unique";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%unique abalone sex", "each value of `sex`, the most frequent first"),
        ("%unique abalone rings --sort", "in the order of the values"),
        (
            "%unique flights origin dest -o routes",
            "each pair that there is, as the frame `routes`",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let look = look::open(&self.frame, &self.columns, session, front)?;
        let sort = self.sort;
        let columns = self.columns.clone();
        let (counts, rows) = guard::on_worker(front, "%unique", move || counted(look.plan, &columns, sort))?;
        front.display(&table(&counts, &TableOptions::default()));
        let noun = if self.columns.len() == 1 {
            "value"
        } else {
            "combination"
        };
        front.display(&note(format!(
            "{}: {} of {} in {}",
            self.frame,
            words::counted(counts.height() as u64, &format!("different {noun}")),
            self.columns.join(", "),
            words::counted(rows, "row"),
        )));
        session.keep(name.as_ref(), counts);
        Ok(())
    }
}

/// The values with `count` and `share`, and how many rows there are.
fn counted(plan: LazyFrame, columns: &[String], sort: bool) -> Result<(DataFrame, u64), MagicError> {
    let free = |name: &str| -> PlSmallStr {
        let mut name = name.to_owned();
        while columns.contains(&name) {
            name.push('_');
        }
        name.into()
    };
    let (count, share) = (free("count"), free("share"));
    let keys: Vec<Expr> = columns.iter().map(|column| col(column.as_str())).collect();
    let counts = plan
        .group_by(&keys)
        .agg([len().cast(DataType::Int64).alias(count.clone())]);
    let counts = frames::run(counts)?;
    let rows = counts.column(&count)?.i64()?.sum().unwrap_or(0);
    let (by, descending) = match sort {
        true => (columns.to_vec(), vec![false; columns.len()]),
        // Equally frequent ones in the order of the values, so that the table is the same each time.
        false => (
            std::iter::once(count.to_string())
                .chain(columns.iter().cloned())
                .collect(),
            (0..=columns.len()).map(|at| at == 0).collect(),
        ),
    };
    // What has no order, such as a struct, stays as it comes.
    let orderable = columns
        .iter()
        .all(|column| counts.column(column).is_ok_and(|column| !column.dtype().is_nested()));
    let options = SortMultipleOptions::default()
        .with_order_descending_multi(if orderable { descending } else { vec![true] })
        .with_nulls_last(true);
    let by = if orderable { by } else { vec![count.to_string()] };
    let sorted = counts.sort(by, options)?;
    let shares = sorted.column(&count)?.cast(&DataType::Float64)? / (rows.max(1) as f64);
    let shares = shares.with_name(share);
    Ok((sorted.hstack(&[shares])?, rows as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_counted_nulls_too() {
        let frame = df!("count" => [Some("b"), Some("a"), None, Some("b")], "n" => [1, 1, 1, 1]).unwrap();
        let (counts, rows) = counted(frame.clone().lazy(), &["count".to_owned()], false).unwrap();
        let wanted = df!(
            "count" => [Some("b"), Some("a"), None], "count_" => [2_i64, 1, 1], "share" => [0.5, 0.25, 0.25]
        );
        assert!(counts.equals_missing(&wanted.unwrap()), "{counts}");
        assert_eq!(rows, 4);
        let (counts, _) = counted(frame.lazy(), &["count".to_owned(), "n".to_owned()], true).unwrap();
        assert_eq!(counts.shape(), (3, 4));
        assert_eq!(counts.column("count").unwrap().get(0).unwrap(), AnyValue::String("a"));
    }

    #[test]
    fn lists_are_counted_without_an_order() {
        let list = |number: i64| Series::new("".into(), [number]);
        let frame = df!("l" => [list(1), list(2), list(1)]).unwrap();
        let (counts, _) = counted(frame.lazy(), &["l".to_owned()], false).unwrap();
        assert_eq!(counts.column("count").unwrap().get(0).unwrap(), AnyValue::Int64(2));
        let none = df!("x" => Vec::<i64>::new()).unwrap();
        assert_eq!(counted(none.lazy(), &["x".to_owned()], false).unwrap().0.height(), 0);
    }
}
