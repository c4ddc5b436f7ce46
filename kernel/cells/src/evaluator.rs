//! The evaluator that runs Rust: a handle that any thread may hold, to the thread that owns evcxr (`worker.rs`).
//!
//! The thread lives as long as the evaluator because the process for cells is bound to it: the
//! system ends that process when the thread that started it ends. Everything that is slow (three
//! to five seconds for evcxr itself) happens there; [`EvcxrEvaluator::start`] returns at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;
use polars::prelude::DataFrame;

use crate::collect::Collected;
use crate::error::CellError;
use crate::frames::Exports;
use crate::host::Host;
use crate::interrupt::{Interrupt, Phase};
use crate::relay::Event;
use crate::worker::{Job, Shared, Ticket, Worker};
use crate::{Evaluated, Evaluator, MimeBundle, Outputs, Variable};

/// How often a waiting cell looks whether stop was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A completion that takes longer is of no use to the person typing.
const COMPLETION_LIMIT: Duration = Duration::from_millis(400);
/// Output that waits for a cell to show it. When there is more, who prints has to wait.
const MOST_EVENTS: usize = 256;
/// As much as the engine's own thread has: parsers recurse over syntax trees.
const STACK: usize = 64 << 20;

/// What an evaluator needs.
#[derive(Clone)]
pub struct Config {
    /// The kernel that the cells belong to.
    pub host: Arc<dyn Host>,
    /// The folder in which `ironsage warm` puts ready-made preludes; the user's data folder
    /// (`warm::default_folder`) when `None`.
    pub prelude: Option<PathBuf>,
    /// The executable that becomes the process for cells; its `main` must begin with
    /// [`crate::runtime_hook`]. This executable when `None`.
    pub executable: Option<PathBuf>,
}

impl Config {
    /// The usual: this executable, and the prelude from the user's data folder.
    pub fn new(host: Arc<dyn Host>) -> Config {
        Config {
            host,
            prelude: None,
            executable: None,
        }
    }
}

/// One thing that could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// What to insert.
    pub text: String,
    /// Jupyter's word for what it is.
    pub kind: &'static str,
}

/// What could stand at the cursor. Offsets are bytes of the cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completions {
    /// The candidates.
    pub items: Vec<Completion>,
    /// Where the text that they replace begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Rust cells by evcxr. Cheap to clone; all clones are the same evaluator.
#[derive(Clone)]
pub struct EvcxrEvaluator {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Sender<Job>,
    events: Receiver<Event>,
    shared: Arc<Shared>,
    /// One cell at a time.
    turn: Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl EvcxrEvaluator {
    /// Starts the evaluator on its own thread and returns at once; cells wait for it.
    pub fn start(config: Config) -> EvcxrEvaluator {
        let (jobs, queue) = unbounded();
        let (events, received) = bounded(MOST_EVENTS);
        let shared = Arc::new(Shared {
            interrupt: Interrupt::default(),
            snapshot: Mutex::default(),
            ready: AtomicBool::new(false),
        });
        let worker = Worker {
            session: None,
            folder: None,
            exports: Arc::new(Exports::new(Arc::clone(&config.host))),
            config,
            events,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("ironsage-cells".to_owned())
            .stack_size(STACK)
            .spawn(move || worker.run(&queue));
        let thread = thread
            .inspect_err(|error| tracing::error!(%error, "cannot start the thread for Rust cells"))
            .ok();
        EvcxrEvaluator {
            inner: Arc::new(Inner {
                jobs,
                events: received,
                shared,
                turn: Mutex::new(()),
                thread: Mutex::new(thread),
            }),
        }
    }

    /// The handle by which a running cell is stopped.
    pub fn interrupt(&self) -> Interrupt {
        self.inner.shared.interrupt.clone()
    }

    /// What could stand at a byte offset of a cell. Never waits behind a running cell: then, the
    /// answer comes from the names that are known.
    pub fn completions(&self, code: &str, offset: usize) -> Completions {
        let offset = code.floor_char_boundary(offset.min(code.len()));
        let ready = self.inner.shared.ready.load(Ordering::SeqCst);
        if let (true, Some(_turn)) = (ready, self.inner.turn.try_lock()) {
            let (answer, answered) = bounded(1);
            let job = Job::Complete {
                code: code.to_owned(),
                offset,
                until: Instant::now() + COMPLETION_LIMIT,
                answer,
            };
            if self.inner.jobs.send(job).is_ok()
                && let Ok(found) = answered.recv_timeout(COMPLETION_LIMIT)
            {
                return found;
            }
        }
        self.known_names(code, offset)
    }

    fn known_names(&self, code: &str, offset: usize) -> Completions {
        let before = &code[..offset];
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = &before[start..];
        let snapshot = self.inner.shared.snapshot.lock().clone();
        let after_dot = before[..start].ends_with(['.', ':']);
        let candidates = snapshot
            .variables
            .into_iter()
            .map(|variable| (variable.name, "instance"))
            .chain(snapshot.items.into_iter().map(|item| (item, "class")));
        let mut items: Vec<Completion> = candidates
            .filter(|(name, _)| !after_dot && name.starts_with(word))
            .map(|(text, kind)| Completion { text, kind })
            .collect();
        items.sort_by(|a, b| a.text.cmp(&b.text));
        Completions {
            items,
            start,
            end: offset,
        }
    }

    fn submit(
        &self,
        code: &str,
        plain: bool,
        outputs: &dyn Outputs,
    ) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        let _turn = self.inner.turn.lock();
        let interrupt = &self.inner.shared.interrupt;
        interrupt.begin_cell();
        interrupt.set_phase(Phase::Waiting);
        let result = self.run_to_end(code, plain, outputs);
        interrupt.set_phase(Phase::Idle);
        interrupt.settle();
        result
    }

    fn run_to_end(
        &self,
        code: &str,
        plain: bool,
        outputs: &dyn Outputs,
    ) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        let interrupt = &self.inner.shared.interrupt;
        let ended = || CellError::Unavailable {
            why: "their thread has ended".to_owned(),
            hint: "restart the kernel".to_owned(),
        };
        let mut collected = Collected::new(outputs);
        let mut asked = false;
        // What background threads printed since the last cell.
        for event in self.inner.events.try_iter().take(MOST_EVENTS) {
            if matches!(event, Event::Stdout(_) | Event::Stderr(_)) {
                collected.take(event);
            }
        }
        let ticket = Ticket::default();
        let job = Job::Cell {
            code: code.to_owned(),
            plain,
            ticket: ticket.clone(),
        };
        self.inner.jobs.send(job).map_err(|_| ended())?;
        loop {
            match self.inner.events.recv_timeout(LOOK_EVERY) {
                Ok(Event::Done(done)) => return collected.finish(*done),
                Ok(event) => collected.take(event),
                Err(RecvTimeoutError::Timeout) => {
                    if interrupt.has_asked() && !asked {
                        asked = true;
                        outputs.stderr(
                            "asked the cell to stop; a second stop ends its process, and the variables with it\n",
                        );
                    }
                    let stop = interrupt.pressed() && interrupt.is_waiting();
                    if stop && ticket.become_now(Ticket::CANCELLED) {
                        return Err(CellError::Interrupted { lost: Vec::new() });
                    }
                    if self.inner.thread.lock().as_ref().is_none_or(JoinHandle::is_finished) {
                        return Err(ended());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
    }
}

impl Evaluator for EvcxrEvaluator {
    fn eval(&mut self, code: &str, outputs: &dyn Outputs) -> Result<Evaluated, CellError> {
        self.submit(code, false, outputs).map(|(evaluated, _)| evaluated)
    }

    fn variables(&self) -> Vec<Variable> {
        self.inner.shared.snapshot.lock().variables.clone()
    }

    fn fetch(&mut self, name: &str) -> Result<DataFrame, CellError> {
        let not_a_frame = || CellError::NotAFrame { name: name.to_owned() };
        let variable = self.variables().into_iter().find(|known| known.name == name);
        if !variable.is_some_and(|variable| variable.is_frame() || variable.is_value()) {
            return Err(not_a_frame());
        }
        let code = format!("ironsage_prelude::hand(\"{name}\", &{name})?;");
        let (_, handed) = self.submit(&code, true, &Nowhere)?;
        handed.ok_or_else(not_a_frame)
    }
}

/// For generated cells, which show nothing.
struct Nowhere;

impl Outputs for Nowhere {
    fn stdout(&self, _: &str) {}
    fn stderr(&self, _: &str) {}
    fn display(&self, _: MimeBundle) {}
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A cell that runs without end would keep evcxr waiting for its process.
        self.shared.interrupt.kill_child();
        let _ = self.jobs.send(Job::Quit);
        // Nobody reads any more: who waits to send must not wait for ever.
        self.events = crossbeam_channel::never();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}
