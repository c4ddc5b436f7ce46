//! Frames by name as magics want them: collected where they are plans, on a thread that can be left, and with no more of
//! the files in memory than the answer needs.

use ironsage_display::Front;
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::magics::sql::query::Ready;
use crate::plan::Plan;
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

/// Runs a plan by Polars' streaming engine: rows go through it in morsels, so that files larger than memory are read and
/// let go, where the engine for frames in memory would hold every row that a scan reads at once. The rows that a join or a
/// window gives come in any order.
pub(crate) fn run(plan: LazyFrame) -> PolarsResult<DataFrame> {
    plan.collect_with_engine(Engine::Streaming)
        .map(|result| result.unwrap_single())
}

/// The rows of a plan: streamed where files are read; else they are in memory anyway, and keep their order in joins and
/// windows.
pub(crate) fn collected(plan: LazyFrame, reads_files: bool) -> PolarsResult<DataFrame> {
    match reads_files {
        true => run(plan),
        false => plan.collect(),
    }
}
