//! Frames by name as magics want them: collected where they are plans, on a thread that can be left, and with no more of
//! the files in memory than the answer needs.

use ironsage_display::Front;
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::magics::sql::query::Ready;
use crate::plan::Plan;
pub(crate) use crate::reading::run;
use crate::session::{Session, Value};

/// What a name stands for where rows are wanted. No file has been opened: what does so belongs on a worker, since a store
/// may take its time to answer.
pub(crate) enum Rows {
    Frame(DataFrame),
    Plan(Box<Plan>),
    Query(Ready),
}

impl Rows {
    /// Whether files are read, which may be larger than memory.
    pub fn read_files(&self) -> bool {
        match self {
            Rows::Frame(_) => false,
            Rows::Plan(_) => true,
            Rows::Query(query) => query.reads_files(),
        }
    }

    /// The plan; files are opened for their columns.
    pub fn plan(self, session: &Session) -> Result<LazyFrame, MagicError> {
        match self {
            Rows::Frame(frame) => Ok(frame.lazy()),
            Rows::Plan(plan) => Ok(plan.frame()?),
            Rows::Query(query) => query.plan(session),
        }
    }

    /// The rows.
    pub fn collect(self, session: &Session) -> Result<DataFrame, MagicError> {
        match self {
            Rows::Frame(frame) => Ok(frame),
            Rows::Query(query) => query.collect(None, session),
            Rows::Plan(plan) => Ok(run(plan.frame()?)?),
        }
    }
}

/// A frame by name. A plan or a saved query is run on a worker, and abandoned when the person says stop.
pub(crate) fn collect(name: &str, session: &Session, front: &dyn Front) -> Result<DataFrame, MagicError> {
    let what = match session.value(name) {
        Some(value @ (Value::Plan(_) | Value::Query(_))) => format!("running the {} {name}", value.kind()),
        _ => return session.frame(name),
    };
    let (rows, session) = (session.rows(name)?, session.clone());
    guard::on_worker(front, &what, move || rows.collect(&session))
}

/// The rows of a plan: streamed where files are read, and where rows are grouped exactly, which the other engine copies into
/// one piece first. Else they are in memory already, and keep their order in joins.
pub(crate) fn collected(plan: LazyFrame, reads_files: bool) -> PolarsResult<DataFrame> {
    match reads_files || groups_exactly(&plan.logical_plan) {
        true => run(plan),
        false => plan.collect(),
    }
}

/// Whether a plan groups rows of a frame by what gives the same to the last digit in whatever order the rows come: sums of
/// floats do not.
fn groups_exactly(plan: &DslPlan) -> bool {
    match plan {
        DslPlan::GroupBy { input, aggs, .. } => {
            schema_of(input).is_some_and(|schema| aggs.iter().all(|value| is_exact(value, schema)))
        }
        DslPlan::Select { input, .. }
        | DslPlan::HStack { input, .. }
        | DslPlan::Filter { input, .. }
        | DslPlan::Sort { input, .. }
        | DslPlan::Slice { input, .. } => groups_exactly(input),
        // A plan whose columns have been asked for is kept with the answer.
        DslPlan::IR { dsl, .. } => groups_exactly(dsl),
        _ => false,
    }
}

/// The columns of the frame whose rows a plan gives, or some of them.
fn schema_of(plan: &DslPlan) -> Option<&Schema> {
    match plan {
        DslPlan::Filter { input, .. } => schema_of(input),
        DslPlan::IR { dsl, .. } => schema_of(dsl),
        DslPlan::DataFrameScan { schema, .. } => Some(schema),
        _ => None,
    }
}

/// Counts and extremes of any column, sums and means of whole numbers, and what is computed of these.
fn is_exact(value: &Expr, schema: &Schema) -> bool {
    let is_whole = |column: &Expr| match column {
        Expr::Column(name) => schema.get(name).is_some_and(DataType::is_integer),
        _ => false,
    };
    match value {
        Expr::Alias(value, _) | Expr::Cast { expr: value, .. } => is_exact(value, schema),
        Expr::Agg(AggExpr::Sum(column) | AggExpr::Mean(column)) => is_whole(column),
        Expr::Agg(AggExpr::Min { input, .. } | AggExpr::Max { input, .. } | AggExpr::Count { input, .. }) => {
            matches!(&**input, Expr::Column(_))
        }
        // SUM of SQL is null where all values are.
        Expr::Function { function, input, .. } => {
            matches!(function, FunctionExpr::NullCount) && matches!(input[..], [Expr::Column(_)])
        }
        Expr::BinaryExpr { left, right, .. } => is_exact(left, schema) && is_exact(right, schema),
        Expr::Ternary {
            predicate,
            truthy,
            falsy,
        } => [predicate, truthy, falsy]
            .into_iter()
            .all(|part| is_exact(part, schema)),
        value => matches!(value, Expr::Len | Expr::Literal(_)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::sql::SQLContext;

    use super::*;

    #[test]
    fn only_what_is_exact_is_grouped_in_any_order() {
        let frame = df!("name" => ["a", "b"], "whole" => [1, 2], "half" => [0.5f32, 1.5]).unwrap();
        let exact = |query: &str| {
            let mut context = SQLContext::new();
            context.register("t", frame.clone().lazy());
            groups_exactly(&context.execute(query).unwrap().logical_plan)
        };
        for query in [
            "SELECT name, count(*) AS n, avg(whole) AS mean, max(half) AS most FROM t WHERE half > 0 GROUP BY name",
            "SELECT name, sum(whole) AS total FROM t GROUP BY name ORDER BY total LIMIT 3",
        ] {
            assert!(exact(query), "{query}");
        }
        for query in [
            "SELECT name, sum(half) AS total FROM t GROUP BY name",
            "SELECT name, avg(whole / 3.0) AS mean FROM t GROUP BY name",
            "SELECT name, first(whole) AS first FROM t GROUP BY name",
            "SELECT name, sum(whole) AS total FROM (SELECT * FROM t ORDER BY half LIMIT 1) AS u GROUP BY name",
            "SELECT l.name, count(*) AS n FROM t AS l JOIN t AS r ON l.name = r.name GROUP BY l.name",
            "SELECT * FROM t ORDER BY half",
        ] {
            assert!(!exact(query), "{query}");
        }
    }
}
