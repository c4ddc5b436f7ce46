//! Frames by name as magics want them: collected where they are plans, on a thread that can be left, and with no more of
//! the files in memory than the answer needs.

use ironsage_display::Front;
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::session::{Session, Value};

/// A frame by name. A plan or a saved query is run on a worker, and abandoned when the person says stop.
pub(crate) fn collect(name: &str, session: &Session, front: &dyn Front) -> Result<DataFrame, MagicError> {
    match session.value(name) {
        Some(Value::Plan(plan)) => guard::on_worker(front, &format!("running the plan {name}"), move || {
            Ok(run(plan.frame()?)?)
        }),
        Some(Value::Query(_)) => {
            let (session, query) = (session.clone(), name.to_owned());
            guard::on_worker(front, &format!("running the query {name}"), move || {
                session.frame(&query)
            })
        }
        _ => session.frame(name),
    }
}

/// Runs a plan by Polars' streaming engine: rows go through it in morsels, so that files larger than memory are read and
/// let go, where the engine for frames in memory would hold every row that a scan reads at once. The rows that a join or a
/// window gives come in any order.
pub(crate) fn run(plan: LazyFrame) -> PolarsResult<DataFrame> {
    plan.collect_with_engine(Engine::Streaming)
        .map(|result| result.unwrap_single())
}
