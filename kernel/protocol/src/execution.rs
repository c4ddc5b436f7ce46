//! Cells, one at a time and in order, on one plain thread.
//!
//! The thread belongs to the engine: it may block as long as a cell runs. The
//! socket loops only put requests into its queue. When a cell fails, the
//! requests that were waiting behind it are answered `aborted`: "Run All" sends
//! every cell at once, and leaves stopping at the first error to the kernel.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::engine::{CellFailure, ExecuteRequest, MimeBundle};
use crate::iopub::State;
use crate::kernel::Kernel;
use crate::messages::{self, Execute};
use crate::outputs::Outputs;
use crate::wire::{self, Request};

/// How long a reply waits for the outputs before it to be on their way: nbclient
/// gives outputs four seconds once it has the reply.
const OUTPUTS_FIRST: Duration = Duration::from_millis(500);
/// How long no request must have come before a failure decides what was waiting.
const QUIET: Duration = Duration::from_millis(5);
/// And how long it waits for such quiet.
const QUIET_LIMIT: Duration = Duration::from_millis(100);
/// Evaluators recurse over syntax trees; what isn't used costs nothing.
const STACK: usize = 64 * 1024 * 1024;

/// A cell that waits.
pub(crate) struct Job {
    number: u64,
    request: Arc<Request>,
    content: Execute,
}

/// The cells that wait, and the one that runs.
pub(crate) struct Queue {
    state: Mutex<Waiting>,
}

struct Waiting {
    jobs: Option<Sender<Job>>,
    received: u64,
    /// Requests with smaller numbers are not run.
    abort_before: u64,
    running: Option<Running>,
}

struct Running {
    request: Arc<Request>,
    interrupted: Arc<AtomicBool>,
}

impl Queue {
    pub(crate) fn new() -> (Self, Receiver<Job>) {
        let (jobs, waiting) = channel();
        let state = Waiting {
            jobs: Some(jobs),
            received: 0,
            abort_before: 0,
            running: None,
        };
        let queue = Self {
            state: Mutex::new(state),
        };
        (queue, waiting)
    }

    /// Takes a cell; gives it back when the kernel is ending.
    pub(crate) fn submit(&self, request: Arc<Request>, content: Execute) -> Result<(), Arc<Request>> {
        let mut state = self.state.lock();
        let number = state.received;
        state.received += 1;
        let Some(jobs) = &state.jobs else {
            return Err(request);
        };
        let job = Job {
            number,
            request,
            content,
        };
        jobs.send(job).map_err(|error| error.0.request)
    }

    /// Everything that waits now is not to be run.
    pub(crate) fn abort_waiting(&self) {
        let mut state = self.state.lock();
        state.abort_before = state.received.max(state.abort_before);
    }

    /// No more cells: the engine's thread ends after the running one.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.abort_before = u64::MAX;
        state.jobs = None;
    }

    /// Stops the running cell by `stop`, which must not block. Who presses stop
    /// during "Run All" means all of it: what waits now is not run, either.
    ///
    /// The lock is held meanwhile, so that neither an interrupt is lost to a cell
    /// that is just beginning, nor hits one that came after it.
    pub(crate) fn interrupt(&self, stop: impl FnOnce()) {
        let mut state = self.state.lock();
        state.abort_before = state.received.max(state.abort_before);
        if let Some(running) = &state.running {
            running.interrupted.store(true, Ordering::SeqCst);
            stop();
        }
    }

    /// Says `idle` for a request that was answered beside a running cell. Front
    /// ends and the server show and cull by the last status they saw: where a
    /// cell goes on running, its `busy` is said again.
    pub(crate) fn idle_beside(&self, kernel: &Kernel, request: &Request) {
        let state = self.state.lock();
        kernel.iopub.status(State::Idle, request);
        if let Some(running) = &state.running {
            kernel.iopub.status(State::Busy, &running.request);
        }
    }

    /// From here on it is the running cell; gives what tells it to stop. Nothing
    /// where it is not to be run.
    fn begin(&self, kernel: &Kernel, job: &Job) -> Option<Arc<AtomicBool>> {
        let mut state = self.state.lock();
        kernel.iopub.status(State::Busy, &job.request);
        if job.number < state.abort_before {
            return None;
        }
        let interrupted = Arc::new(AtomicBool::new(false));
        state.running = Some(Running {
            request: Arc::clone(&job.request),
            interrupted: Arc::clone(&interrupted),
        });
        Some(interrupted)
    }

    fn end(&self, kernel: &Kernel, request: &Request) {
        let mut state = self.state.lock();
        state.running = None;
        kernel.iopub.status(State::Idle, request);
    }

    fn received(&self) -> u64 {
        self.state.lock().received
    }
}

/// Starts the engine's thread.
pub(crate) fn start(kernel: Arc<Kernel>, jobs: Receiver<Job>) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let mut count = 0;
            for job in jobs {
                match kernel.queue.begin(&kernel, &job) {
                    Some(interrupted) => run(&kernel, &job, interrupted, &mut count),
                    None => kernel.reply(&job.request, &json!({"status": "aborted"})),
                }
                kernel.queue.end(&kernel, &job.request);
            }
        })
}

/// From `execute_input` to the reply.
fn run(kernel: &Kernel, job: &Job, interrupted: Arc<AtomicBool>, count: &mut u64) {
    let started = wire::now();
    let request = &job.request;
    let mut cell = job.content.cell(request);
    cell.execution_count = *count + 1;
    if cell.store_history {
        *count += 1;
        kernel
            .history
            .push(*count, &cell.code, kernel.engine.is_secret(&cell.code));
    }
    if !cell.silent {
        let content = json!({"code": cell.code, "execution_count": cell.execution_count});
        kernel.iopub.publish("execute_input", request, &content);
    }
    let outputs = Outputs::new(
        kernel.iopub.clone(),
        Arc::clone(&kernel.stdin),
        Some(kernel.runtime.clone()),
        Arc::clone(request),
        interrupted,
        &cell,
    );
    let ended = caught(|| kernel.engine.execute(&cell, &outputs));
    let finished = outputs.finish();
    if let Some(result) = finished.result.filter(|_| cell.store_history) {
        kernel.history.set_output(cell.execution_count, result);
    }
    let mut content = match &ended {
        Ok(()) => json!({
            "status": "ok",
            "user_expressions": user_expressions(kernel, &job.content),
            "payload": finished.payload,
        }),
        Err(failure) => {
            let content = messages::error(failure);
            kernel.iopub.publish("error", request, &content);
            messages::error_reply(failure)
        }
    };
    content["execution_count"] = cell.execution_count.into();
    let mut metadata = Map::new();
    metadata.insert("started".to_owned(), started.into());
    metadata.insert("status".to_owned(), content["status"].clone());

    kernel.iopub.settle(OUTPUTS_FIRST);
    if ended.is_err() && cell.stop_on_error {
        stop_those_waiting(kernel, &cell);
    }
    kernel.reply_with(request, &metadata, &content);
}

/// The requests that came before the reply to a failed cell are not run. Some
/// of a "Run All" may still be on their way when its first cell fails at once:
/// this waits until no more come, which for a single cell is [`QUIET`].
fn stop_those_waiting(kernel: &Kernel, cell: &ExecuteRequest) {
    let limit = Instant::now() + QUIET_LIMIT;
    let mut received = kernel.queue.received();
    loop {
        thread::sleep(QUIET);
        let now = kernel.queue.received();
        if now == received || Instant::now() >= limit {
            break;
        }
        received = now;
    }
    tracing::debug!(cell = cell.execution_count, "failed; waiting cells aborted");
    kernel.queue.abort_waiting();
}

fn user_expressions(kernel: &Kernel, content: &Execute) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, expression) in content.user_expressions.iter().flatten() {
        let evaluated = match expression.as_str() {
            Some(expression) => caught(|| kernel.engine.evaluate(expression)),
            None => Err(CellFailure::new("TypeError", "a user expression must be text")),
        };
        let value = match evaluated {
            Ok(MimeBundle { data, metadata }) => {
                json!({"status": "ok", "data": data, "metadata": metadata})
            }
            Err(failure) => messages::error_reply(&failure),
        };
        values.insert(name.clone(), value);
    }
    values
}

/// A panic of the engine is an error of the cell; the kernel lives.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T, CellFailure>) -> Result<T, CellFailure> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(internal_error(panic.as_ref())))
}

fn internal_error(panic: &(dyn Any + Send)) -> CellFailure {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    tracing::error!(panic = said, "the engine panicked");
    let mut failure = CellFailure::new("InternalError", said);
    failure.traceback.push(
        "hint: this is a mistake in the kernel, not in the cell; the kernel goes on, and what was bound before is kept"
            .to_owned(),
    );
    failure
}
