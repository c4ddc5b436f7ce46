//! The evaluator that runs Rust: a thread that owns evcxr, and a handle that any thread may hold.
//!
//! The thread lives as long as the evaluator because the process for cells is bound to it: the
//! system ends that process when the thread that started it ends. Everything that is slow (three
//! to five seconds for evcxr itself) happens there; [`EvcxrEvaluator::start`] returns at once.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;
use polars::prelude::DataFrame;

use crate::cell::{Broken, Ended, Parts, Session};
use crate::collect::Collected;
use crate::error::CellError;
use crate::folder::SessionFolder;
use crate::frames::Exports;
use crate::host::Host;
use crate::interrupt::{Interrupt, Phase};
use crate::prelude::Prelude;
use crate::relay::{Event, Relay};
use crate::toolchain::Toolchain;
use crate::{Evaluated, Evaluator, MimeBundle, Outputs, Variable, warm};

/// How often a waiting cell looks whether stop was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A completion that takes longer is of no use to the person typing.
const COMPLETION_LIMIT: Duration = Duration::from_millis(400);
/// How long nobody must have wanted anything before the evaluator warms itself up: in a run of all
/// cells the next one comes sooner.
const WARM_AFTER: Duration = Duration::from_millis(300);
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

/// What both sides of the channel know. Its lock is held for no longer than a copy takes.
struct Shared {
    interrupt: Interrupt,
    snapshot: Mutex<Snapshot>,
    /// Whether evcxr is built and free, or soon will be.
    ready: AtomicBool,
}

#[derive(Default, Clone)]
struct Snapshot {
    variables: Vec<Variable>,
    items: Vec<String>,
}

enum Job {
    Cell {
        code: String,
        plain: bool,
        ticket: Ticket,
    },
    Complete {
        code: String,
        offset: usize,
        until: Instant,
        answer: Sender<Completions>,
    },
    Quit,
}

/// Whether a queued cell is still wanted; whoever changes it first decides.
#[derive(Clone, Default)]
struct Ticket(Arc<AtomicU8>);

impl Ticket {
    const QUEUED: u8 = 0;
    const TAKEN: u8 = 1;
    const CANCELLED: u8 = 2;

    fn become_now(&self, state: u8) -> bool {
        self.0
            .compare_exchange(Self::QUEUED, state, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
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

/// The evaluator's thread.
struct Worker {
    session: Option<Session>,
    folder: Option<SessionFolder>,
    exports: Arc<Exports>,
    config: Config,
    events: Sender<Event>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        self.shared.interrupt.set_thread();
        if let Err(error) = self.ensure_session() {
            tracing::warn!(%error, "Rust cells are not ready");
        }
        self.shared.ready.store(true, Ordering::SeqCst);
        let mut warmed = false;
        loop {
            let patience = if warmed { Duration::MAX } else { WARM_AFTER };
            let job = match jobs.recv_timeout(patience) {
                Ok(job) => job,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(session) = &mut self.session {
                        session.warm_up();
                        warmed = true;
                    }
                    continue;
                }
            };
            match job {
                Job::Quit => break,
                Job::Cell { code, plain, ticket } => {
                    if ticket.become_now(Ticket::TAKEN) {
                        let _ = self.events.send(Event::Begin);
                        let ended = self.cell(&code, plain);
                        let _ = self.events.send(Event::Done(Box::new(ended)));
                    }
                }
                Job::Complete {
                    code,
                    offset,
                    until,
                    answer,
                } => {
                    // Nobody waits for an answer that comes too late.
                    if Instant::now() < until {
                        self.complete(&code, offset, &answer);
                    }
                }
            }
        }
        // evcxr, then the folder that it works in.
        self.session = None;
        self.folder = None;
    }

    /// Builds evcxr where there is none: at the start, after it broke, or when what was missing has
    /// been installed meanwhile.
    fn ensure_session(&mut self) -> Result<(), CellError> {
        if self.session.is_some() {
            return Ok(());
        }
        let toolchain = Toolchain::find().map_err(|error| CellError::Unavailable {
            why: error.to_string(),
            hint: error.hint().unwrap_or_default(),
        })?;
        let preludes = self.config.prelude.clone().or_else(warm::default_folder);
        let prelude = preludes.and_then(|folder| Prelude::find(&folder, &toolchain));
        let prelude = prelude.ok_or_else(|| CellError::Unavailable {
            why: "the ready-made prelude for this toolchain is missing".to_owned(),
            hint: "type `ironsage warm` in a terminal; magics work meanwhile".to_owned(),
        })?;
        let session = self.build(toolchain, prelude)?;
        self.publish(&session);
        self.session = Some(session);
        Ok(())
    }

    fn build(&mut self, toolchain: Toolchain, prelude: Prelude) -> Result<Session, CellError> {
        let failed = |what: &str, error: std::io::Error| CellError::Unavailable {
            why: format!("{what}: {error}"),
            hint: "free some space in the folder for temporary files, or set TMPDIR to another".to_owned(),
        };
        let executable = match &self.config.executable {
            Some(executable) => executable.clone(),
            None => std::env::current_exe().map_err(|error| failed("this program cannot find itself", error))?,
        };
        if self.folder.is_none() {
            let folder = SessionFolder::create().map_err(|error| failed("cannot make a temporary folder", error))?;
            self.folder = Some(folder);
        }
        let folder = self.folder.as_ref().map(SessionFolder::path);
        let folder = folder.unwrap_or(std::path::Path::new(".")).to_owned();
        let socket = folder.join("cells.sock");
        // From a session that broke.
        let _ = std::fs::remove_file(&socket);
        let relay = Relay::start(
            &socket,
            self.events.clone(),
            Arc::clone(&self.exports),
            self.shared.interrupt.clone(),
        )
        .map_err(|error| failed("cannot listen for the process that runs cells", error))?;
        let parts = Parts {
            relay,
            toolchain,
            prelude,
            executable,
            socket,
            folder,
            exports: Arc::clone(&self.exports),
            interrupt: self.shared.interrupt.clone(),
        };
        let built = std::panic::catch_unwind(AssertUnwindSafe(|| Session::start(parts)));
        built.unwrap_or_else(|_| {
            Err(CellError::Unavailable {
                why: "evcxr panicked while it started".to_owned(),
                hint: "the kernel's log has the details".to_owned(),
            })
        })
    }

    fn cell(&mut self, code: &str, plain: bool) -> Ended {
        if let Err(error) = self.ensure_session() {
            return Ended::failed(code, error);
        }
        if self.shared.interrupt.pressed() {
            let lost = Vec::new();
            return Ended::failed(code, CellError::Interrupted { lost });
        }
        let Some(session) = &mut self.session else {
            let why = "they were not built".to_owned();
            let hint = "run the cell again".to_owned();
            return Ended::failed(code, CellError::Unavailable { why, hint });
        };
        let before: Vec<String> = session.variables().map(|(name, _)| name.to_owned()).collect();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| match plain {
            true => session.run_plain(code),
            false => session.run_cell(code),
        }));
        let ran = ran.unwrap_or(Err(Broken { lost: before }));
        match ran {
            Ok(ended) => {
                if let Some(session) = &self.session {
                    self.publish(session);
                }
                ended
            }
            Err(broken) => {
                self.session = None;
                *self.shared.snapshot.lock() = Snapshot::default();
                let reason = "evcxr itself panicked on this cell; it will be started anew".to_owned();
                let lost = broken.lost;
                Ended::failed(code, CellError::ChildDied { reason, lost })
            }
        }
    }

    fn publish(&self, session: &Session) {
        let mut variables: Vec<Variable> = session
            .variables()
            .map(|(name, rust_type)| Variable {
                name: name.to_owned(),
                rust_type: rust_type.to_owned(),
                from_session: session.is_from_session(name),
            })
            .collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        let items = session.item_names().map(str::to_owned).collect();
        *self.shared.snapshot.lock() = Snapshot { variables, items };
    }

    fn complete(&mut self, code: &str, offset: usize, answer: &Sender<Completions>) {
        let Some(session) = &mut self.session else {
            return;
        };
        let Some(found) = session.completions(code, offset) else {
            return;
        };
        let mut items: Vec<Completion> = found
            .completions
            .into_iter()
            .map(|completion| Completion {
                text: completion.code,
                kind: completion.kind,
            })
            .collect();
        items.dedup();
        let _ = answer.send(Completions {
            items,
            start: found.start_offset,
            end: found.end_offset,
        });
    }
}
