//! The thread that owns evcxr: it builds it, runs cells and completions one at a time, and tells of what there is.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::Mutex;

use crate::Variable;
use crate::assist::{Docs, Scope};
use crate::cell::{Broken, Parts, Session};
use crate::error::CellError;
use crate::evaluator::{Completion, Completions, Config};
use crate::event::{Ended, Event};
use crate::folder::SessionFolder;
use crate::frames::Exports;
use crate::interrupt::Interrupt;
use crate::prelude::Prelude;
use crate::relay::Relay;
use crate::toolchain::Toolchain;
use crate::warm::{self, Progress, WarmError};

/// How long nobody must have wanted anything before the evaluator warms itself up: in a run of all
/// cells the next one comes sooner.
const WARM_AFTER: Duration = Duration::from_millis(300);

/// What both sides of the channel know. Its lock is held for no longer than a copy takes.
pub(crate) struct Shared {
    pub(crate) interrupt: Interrupt,
    pub(crate) snapshot: Mutex<Snapshot>,
    /// Whether evcxr is built and free, or soon will be.
    pub(crate) ready: AtomicBool,
}

#[derive(Default, Clone)]
pub(crate) struct Snapshot {
    pub(crate) variables: Vec<Variable>,
    /// What completion and inspection need of the session; `None` while there is none.
    pub(crate) scope: Option<Arc<Scope>>,
}

/// Who has written a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The user, or the kernel in the user's words.
    Typed,
    /// The evaluator: it is run as it is.
    Generated,
}

pub(crate) enum Job {
    Cell {
        code: String,
        origin: Origin,
        ticket: Ticket,
    },
    Complete {
        code: String,
        offset: usize,
        until: Instant,
        answer: Sender<Completions>,
    },
    /// What stands at the end of the code.
    Hover {
        code: String,
        until: Instant,
        answer: Sender<Docs>,
    },
    Quit,
}

/// Whether a queued cell is still wanted; whoever changes it first decides.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<AtomicU8>);

impl Ticket {
    const QUEUED: u8 = 0;
    pub(crate) const TAKEN: u8 = 1;
    pub(crate) const CANCELLED: u8 = 2;

    pub(crate) fn become_now(&self, state: u8) -> bool {
        self.0
            .compare_exchange(Self::QUEUED, state, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

/// The evaluator's thread.
pub(crate) struct Worker {
    pub(crate) session: Option<Session>,
    /// Whether the session has been warmed up.
    pub(crate) warmed: bool,
    pub(crate) folder: Option<SessionFolder>,
    /// As long as it is open, nobody removes the prelude.
    pub(crate) prelude_in_use: Option<File>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) config: Config,
    pub(crate) events: Sender<Event>,
    pub(crate) shared: Arc<Shared>,
}

impl Worker {
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        self.shared.interrupt.set_thread();
        if let Err(error) = self.start_if_ready() {
            tracing::info!(%error, "Rust cells are not ready");
        }
        self.shared.ready.store(true, Ordering::SeqCst);
        loop {
            let idle = self.warmed || self.session.is_none();
            let patience = if idle { Duration::MAX } else { WARM_AFTER };
            let job = match jobs.recv_timeout(patience) {
                Ok(job) => job,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(session) = &mut self.session {
                        session.warm_up();
                        self.warmed = true;
                    }
                    continue;
                }
            };
            match job {
                Job::Quit => break,
                Job::Cell { code, origin, ticket } => {
                    if ticket.become_now(Ticket::TAKEN) {
                        let _ = self.events.send(Event::Begin);
                        let ended = self.cell(&code, origin);
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
                Job::Hover { code, until, answer } => {
                    let asked = Instant::now() < until;
                    let session = self.session.as_mut().filter(|_| asked);
                    if let Some(docs) = session.and_then(|session| session.hover(&code)) {
                        let _ = answer.send(docs);
                    }
                }
            }
        }
        // evcxr, then the folder that it works in.
        self.session = None;
        self.folder = None;
    }

    /// Builds evcxr at the kernel's start, where all that it needs is there. Nothing is compiled for a notebook that may
    /// have no Rust cell.
    fn start_if_ready(&mut self) -> Result<(), CellError> {
        let toolchain = find_toolchain()?;
        let prelude = self.preludes()?;
        let prelude = Prelude::find(&prelude, &toolchain, self.sources()).ok_or_else(missing)?;
        self.start(toolchain, prelude)
    }

    /// Builds evcxr for a cell where there is none: the prelude was missing at the start, or evcxr broke.
    fn ensure_session(&mut self) -> Result<(), CellError> {
        if self.session.is_some() {
            return Ok(());
        }
        let toolchain = find_toolchain()?;
        let folder = self.preludes()?;
        let prelude = match Prelude::find(&folder, &toolchain, self.sources()) {
            Some(prelude) => prelude,
            None => self.make_prelude(&folder, &toolchain)?,
        };
        self.start(toolchain, prelude)
    }

    fn start(&mut self, toolchain: Toolchain, prelude: Prelude) -> Result<(), CellError> {
        self.prelude_in_use = prelude.hold();
        let session = self.build(toolchain, prelude)?;
        self.publish(&session);
        self.session = Some(session);
        self.warmed = false;
        Ok(())
    }

    fn preludes(&self) -> Result<PathBuf, CellError> {
        let folder = self.config.prelude.clone().or_else(warm::default_folder);
        folder.ok_or_else(|| CellError::Unavailable {
            why: "the user has no data folder".to_owned(),
            hint: "set HOME, and start the kernel again".to_owned(),
        })
    }

    fn sources(&self) -> &'static [u8] {
        self.config.sources.unwrap_or_default()
    }

    /// Builds the prelude from the carried sources and shows in the cell how far it is.
    fn make_prelude(&self, folder: &Path, toolchain: &Toolchain) -> Result<Prelude, CellError> {
        let sources = self.config.sources.ok_or_else(missing)?;
        let why = warm::occasion(folder, toolchain);
        let tell = |now: &str| {
            let _ = self.events.send(Event::Progress(format!("{why}\n{now}")));
        };
        tell("beginning");
        let began = Instant::now();
        let quiet = self.config.host.quiet();
        let progress = |told: Progress<'_>| match told {
            Progress::State(state) if !quiet => tell(state),
            _ => {}
        };
        let stop = || self.shared.interrupt.pressed();
        match warm::carried(sources, folder, toolchain, &progress, &stop) {
            Ok(prelude) => {
                tell(&format!("ready after {}", warm::lasted(began.elapsed())));
                // What follows has its own progress.
                let _ = self.events.send(Event::Begin);
                Ok(prelude)
            }
            Err(WarmError::Stopped) => {
                tell("stopped; the next Rust cell goes on from here");
                Err(CellError::Interrupted { lost: Vec::new() })
            }
            Err(error) => {
                tell("this failed; the next Rust cell tries again");
                Err(CellError::Unavailable {
                    why: error.to_string(),
                    hint: error.hint().unwrap_or_default(),
                })
            }
        }
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
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
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
            events: self.events.clone(),
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

    fn cell(&mut self, code: &str, origin: Origin) -> Ended {
        // There is nothing to forget, and no reason to build anything.
        if self.session.is_none() && [":clear", ":restart"].contains(&code.trim()) {
            return Ended::nothing(code);
        }
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
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| match origin {
            Origin::Generated => session.run_plain(code),
            Origin::Typed => session.run_cell(code),
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
        let scope = Some(Arc::new(session.scope()));
        *self.shared.snapshot.lock() = Snapshot { variables, scope };
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
                text: without_places(&completion.code).to_owned(),
                kind: completion.kind,
                signature: None,
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

fn find_toolchain() -> Result<Toolchain, CellError> {
    Toolchain::find().map_err(|error| CellError::Unavailable {
        why: error.to_string(),
        hint: error.hint().unwrap_or_default(),
    })
}

fn missing() -> CellError {
    CellError::Unavailable {
        why: "the ready-made prelude for this toolchain is missing".to_owned(),
        hint: "type `ironsage warm` in a terminal; magics work meanwhile".to_owned(),
    }
}

/// A snippet of rust-analyzer's up to the first place where the person goes on typing: `match $1 {…}` is `match `.
fn without_places(snippet: &str) -> &str {
    let place = snippet.match_indices('$').find(|(at, _)| {
        let next = snippet[at + 1..].chars().next();
        next.is_some_and(|next| next.is_ascii_digit() || next == '{')
    });
    place.map_or(snippet, |(at, _)| &snippet[..at])
}
