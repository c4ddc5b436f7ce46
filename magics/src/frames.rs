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

/// The rows of a plan: streamed where files are read, and where rows are grouped, whose groups have no order anyway and
/// which the other engine copies into one piece first. Else they are in memory already, and keep their order in joins and
/// windows.
pub(crate) fn collected(plan: LazyFrame, reads_files: bool) -> PolarsResult<DataFrame> {
    match reads_files || groups_rows(&plan.logical_plan) {
        true => run(plan),
        false => plan.collect(),
    }
}

/// Whether a plan groups the rows of a frame, and joins none before.
fn groups_rows(plan: &DslPlan) -> bool {
    let mut grouped = false;
    let mut plan = plan;
    loop {
        plan = match plan {
            DslPlan::GroupBy { input, .. } => {
                grouped = true;
                input
            }
            DslPlan::Select { input, .. }
            | DslPlan::HStack { input, .. }
            | DslPlan::Filter { input, .. }
            | DslPlan::Sort { input, .. }
            | DslPlan::Slice { input, .. } => input,
            // A plan whose columns have been asked for is kept with the answer.
            DslPlan::IR { dsl, .. } => dsl,
            DslPlan::DataFrameScan { .. } => return grouped,
            _ => return false,
        };
    }
}
