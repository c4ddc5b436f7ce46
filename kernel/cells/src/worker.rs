//! The thread that owns evcxr: it builds it, runs cells and completions one at a time, and tells of what there is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::Mutex;

use crate::cell::{Broken, Ended, Parts, Session};
use crate::error::CellError;
use crate::evaluator::{Completion, Completions, Config};
use crate::folder::SessionFolder;
use crate::frames::Exports;
use crate::interrupt::Interrupt;
use crate::prelude::Prelude;
use crate::relay::{Event, Relay};
use crate::toolchain::Toolchain;
use crate::{Variable, warm};

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
    pub(crate) items: Vec<String>,
}

pub(crate) enum Job {
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
    pub(crate) folder: Option<SessionFolder>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) config: Config,
    pub(crate) events: Sender<Event>,
    pub(crate) shared: Arc<Shared>,
}

impl Worker {
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
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
