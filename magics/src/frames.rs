//! Frames by name as magics want them: collected where they are plans, on a thread that can be left.

use ironsage_display::Front;
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::session::{Session, Value};

/// A frame by name. A plan or a saved query is run on a worker, and abandoned when the person says stop.
pub(crate) fn collect(name: &str, session: &Session, front: &dyn Front) -> Result<DataFrame, MagicError> {
    match session.value(name) {
        Some(Value::Plan(plan)) => guard::on_worker(front, &format!("running the plan {name}"), move || {
            Ok(plan.frame()?.collect()?)
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
