//! How many bytes the plans of a worker have read: Polars counts them, and who waits for the worker shows them.

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::Mutex;
use polars::prelude::*;
use polars_async::executor::track_task_metrics;
use polars_stream::{GraphMetrics, StreamingQuery};

thread_local! {
    /// What the plans of this worker read.
    static READING: RefCell<Arc<Reading>> = RefCell::default();
}

/// Gives the bytes that a plan has read by now.
type Meter = Box<dyn Fn() -> u64 + Send>;

/// What the plans of one worker read.
#[derive(Default)]
pub(crate) struct Reading {
    meters: Mutex<Vec<Meter>>,
}

impl Reading {
    /// From here on, the plans that run on this thread are counted here.
    pub fn enter(self: Arc<Reading>) {
        READING.set(self);
    }

    /// The bytes that have been read by now. Those of files of this machine are not counted: they are mapped.
    pub fn bytes(&self) -> u64 {
        self.meters.lock().iter().map(|meter| meter()).sum()
    }
}

/// Runs a plan by Polars' streaming engine, as `LazyFrame::collect_with_engine` does, and counts what it reads: rows go
/// through it in morsels, so that files larger than memory are read and let go, where the engine for frames in memory would
/// hold every row that a scan reads at once. The rows that a join gives come in any order.
pub(crate) fn run(plan: LazyFrame) -> PolarsResult<DataFrame> {
    let mut plan = plan.with_streaming(true).to_alp_optimized()?;
    plan.ensure_root_node_is_sink();
    let mut query = StreamingQuery::build(plan.lp_top, &mut plan.lp_arena, &mut plan.expr_arena)?;
    // It takes the counts of a query's tasks for granted where it counts at all.
    track_task_metrics(true);
    let metrics = Arc::new(Mutex::new(GraphMetrics::default()));
    query.metrics = Some(Arc::clone(&metrics));
    let pipes = query.graph.pipes.clone();
    let meter = move || {
        let mut metrics = metrics.lock();
        metrics.flush(&pipes);
        metrics.iter().map(|(_, node)| node.io_total_bytes_received).sum()
    };
    READING.with_borrow(|reading| reading.meters.lock().push(Box::new(meter)));
    Ok(query.execute()?.unwrap_single())
}
