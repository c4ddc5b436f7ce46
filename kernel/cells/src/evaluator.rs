//! The evaluator that runs Rust: a handle that any thread may hold, to the thread that owns evcxr (`worker.rs`).
//!
//! The thread lives as long as the evaluator because the process for cells is bound to it: the
//! system ends that process when the thread that started it ends. Everything that is slow (about a
//! second for evcxr itself) happens there; [`EvcxrEvaluator::start`] returns at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::{Mutex, MutexGuard};
use polars::prelude::DataFrame;

use crate::assist::{Assistant, Docs};
use crate::collect::Collected;
use crate::commands::documented;
use crate::error::CellError;
use crate::event::Event;
use crate::frames::Exports;
use crate::host::Host;
use crate::interrupt::{Interrupt, Phase};
use crate::question::Question;
use crate::worker::{Job, Origin, Shared, Ticket, Worker};
use crate::{Evaluated, Evaluator, Outputs, Variable};

/// How often a waiting cell looks whether stop was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the end of an evaluator waits for its thread. Jupyter kills a kernel 2.5 s after it said shutdown.
const END_LIMIT: Duration = Duration::from_secs(1);
/// A completion that takes longer is of no use to the person typing.
const COMPLETION_LIMIT: Duration = Duration::from_millis(450);
/// Who asks for an explanation waits a little longer.
const INSPECTION_LIMIT: Duration = Duration::from_millis(500);
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
    /// The prelude's sources, as `kernel/build.rs` packs them. With them, a Rust cell that finds no prelude has it built.
    pub sources: Option<&'static [u8]>,
}

impl Config {
    /// The usual: this executable, and the prelude from the user's data folder.
    pub fn new(host: Arc<dyn Host>) -> Config {
        Config {
            host,
            prelude: None,
            executable: None,
            sources: None,
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
    /// Its signature or its type, in one line.
    pub signature: Option<String>,
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
    assistant: Assistant,
    /// What was printed and shown while a generated cell ran: the next cell shows it.
    late: Mutex<Vec<Event>>,
}

/// A question to the evaluator's thread. No cell begins as long as somebody waits for the answer.
struct Asked<'a, T> {
    answered: Receiver<T>,
    _turn: MutexGuard<'a, ()>,
}

impl<T> Asked<'_, T> {
    fn answer(self, until: Instant) -> Option<T> {
        self.answered.recv_deadline(until).ok()
    }
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
        let assistant = Assistant::new(Arc::clone(&config.host));
        let worker = Worker {
            session: None,
            warmed: false,
            folder: None,
            prelude_in_use: None,
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
                assistant,
                late: Mutex::default(),
            }),
        }
    }

    /// The handle by which a running cell is stopped.
    pub fn interrupt(&self) -> Interrupt {
        self.inner.shared.interrupt.clone()
    }

    /// What could stand at a byte offset of a cell, within half a second. Never waits behind a running cell.
    pub fn completions(&self, code: &str, offset: usize) -> Completions {
        let until = Instant::now() + COMPLETION_LIMIT;
        let offset = code.floor_char_boundary(offset.min(code.len()));
        let scope = self.inner.shared.snapshot.lock().scope.clone();
        let Some(scope) = scope else {
            return Completions {
                items: Vec::new(),
                start: offset,
                end: offset,
            };
        };
        let request = self.inner.assistant.to_complete(&scope, code, offset);
        if let Some(found) = request.completed_at_once() {
            return found;
        }
        let asked = self.ask(|answer| Job::Complete {
            code: request.to_analyzer(code, offset).to_owned(),
            offset,
            until,
            answer,
        });
        if let Some(found) = request.completed_by_rustc(until) {
            return found;
        }
        request.completed_with(asked.and_then(|asked| asked.answer(until)))
    }

    /// What stands at a byte offset of a cell, within half a second or so. Never waits behind a running cell.
    pub fn inspect(&self, code: &str, offset: usize) -> Option<Docs> {
        let until = Instant::now() + INSPECTION_LIMIT;
        let offset = code.floor_char_boundary(offset.min(code.len()));
        let scope = self.inner.shared.snapshot.lock().scope.clone()?;
        let request = self.inner.assistant.to_explain(&scope, code, offset)?;
        if let Some(found) = request.explained_at_once() {
            return Some(found);
        }
        let asked = self.ask(|answer| Job::Hover {
            code: request.for_hover(),
            until,
            answer,
        });
        request
            .explained_by_rustc(until)
            .or_else(|| asked.and_then(|asked| asked.answer(until)))
    }

    /// Gives the evaluator's thread a question, unless a cell runs.
    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Job) -> Option<Asked<'_, T>> {
        if !self.inner.shared.ready.load(Ordering::SeqCst) {
            return None;
        }
        let turn = self.inner.turn.try_lock()?;
        let (answer, answered) = bounded(1);
        self.inner.jobs.send(question(answer)).ok()?;
        Some(Asked { answered, _turn: turn })
    }

    /// Runs one of evcxr's commands, such as `:clear`; it shows nothing.
    pub fn command(&self, command: &str) -> Result<(), CellError> {
        self.submit(command, Origin::Typed, None).map(|_| ())
    }

    /// Runs a cell. Without `outputs` it shows nothing: what threads of earlier cells print and show meanwhile is kept
    /// for the next cell that has some.
    fn submit(
        &self,
        code: &str,
        origin: Origin,
        outputs: Option<&dyn Outputs>,
    ) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        let _turn = self.inner.turn.lock();
        let interrupt = &self.inner.shared.interrupt;
        interrupt.begin_cell();
        interrupt.set_phase(Phase::Waiting);
        let result = std::thread::scope(|scope| {
            // Where nobody can be asked, the question is dropped, which tells the cell so.
            let ask = |question: Question| {
                if let Some(outputs) = outputs {
                    scope.spawn(move || question.put(outputs));
                }
            };
            self.run_to_end(code, origin, outputs, &ask)
        });
        interrupt.set_phase(Phase::Idle);
        interrupt.settle();
        result
    }

    fn run_to_end(
        &self,
        code: &str,
        origin: Origin,
        outputs: Option<&dyn Outputs>,
        ask: &dyn Fn(Question),
    ) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        let interrupt = &self.inner.shared.interrupt;
        let ended = || CellError::Unavailable {
            why: "their thread has ended".to_owned(),
            hint: "restart the kernel".to_owned(),
        };
        let mut collected = Collected::new(outputs, &self.inner.late);
        let mut asked = false;
        // What background threads printed and showed since the last cell.
        let late = std::mem::take(&mut *self.inner.late.lock());
        for event in late.into_iter().chain(self.inner.events.try_iter().take(MOST_EVENTS)) {
            if event.is_output() {
                collected.take(event);
            }
        }
        let ticket = Ticket::default();
        let job = Job::Cell {
            code: code.to_owned(),
            origin,
            ticket: ticket.clone(),
        };
        self.inner.jobs.send(job).map_err(|_| ended())?;
        loop {
            match self.inner.events.recv_timeout(LOOK_EVERY) {
                Ok(Event::Done(done)) => return collected.finish(*done),
                Ok(Event::Input(question)) => ask(question),
                Ok(event) => collected.take(event),
                Err(RecvTimeoutError::Timeout) => {
                    if interrupt.has_asked() && !asked {
                        asked = true;
                        collected
                            .say("asked the cell to stop; a second stop ends its process, and the variables with it\n");
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

impl From<Docs> for Evaluated {
    fn from(docs: Docs) -> Evaluated {
        let forms = [
            ("text/plain", Some(docs.plain)),
            ("text/markdown", docs.markdown),
            ("text/html", docs.html),
        ];
        let forms = forms
            .into_iter()
            .filter_map(|(mime, form)| Some((mime.to_owned(), form?)));
        Evaluated {
            result: Some(forms.collect()),
            ..Evaluated::default()
        }
    }
}

impl Evaluator for EvcxrEvaluator {
    fn eval(&mut self, code: &str, outputs: &dyn Outputs) -> Result<Evaluated, CellError> {
        if let Some(docs) = documented(code).and_then(|name| self.inspect(name, name.len())) {
            return Ok(docs.into());
        }
        self.submit(code, Origin::Typed, Some(outputs))
            .map(|(evaluated, _)| evaluated)
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
        let (_, handed) = self.submit(&code, Origin::Generated, None)?;
        handed.ok_or_else(not_a_frame)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::Quit);
        // Nobody reads any more: who waits to send must not wait for ever.
        self.events = crossbeam_channel::never();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        // A cell may run without end, or evcxr compile for itself while it starts: what the thread waits for is ended,
        // until it looks for its next job.
        let until = Instant::now() + END_LIMIT;
        while !thread.is_finished() && Instant::now() < until {
            self.shared.interrupt.end();
            std::thread::sleep(LOOK_EVERY / 5);
        }
        match thread.is_finished() {
            true => drop(thread.join()),
            // It is within evcxr or rust-analyzer, which cannot be told to stop.
            false => crate::folder::remove_own(),
        }
    }
}
