//! The process that `%%python` cells run in. Requests go and records come over a [`Link`]. It ends when it is dropped,
//! and with the kernel.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironsage_display::{Bundle, Front, note, text};
use ironsage_exchange::GroupGuard;
use parking_lot::Mutex;
use rustix::event::Timespec;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Map, Value as Json};

use super::link::{Failure, Link, NOW, Record, Why};
use crate::error::{ErrorKind, MagicError};
use crate::session::Session;

/// Python's half.
const HELPER: &str = include_str!("helper.py");
/// How often a running cell is looked after.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// How long what subprocesses wrote is read after the end of a cell (one in the background may go on writing).
const DRAIN: Duration = Duration::from_millis(300);
/// How long a process that closed its socket may take to end.
const END: Duration = Duration::from_millis(300);
/// How long a stopped cell is waited for before it is left behind.
const GRACE: Duration = Duration::from_millis(400);

/// A Python that runs.
pub(crate) struct Python {
    child: Child,
    _guard: Option<GroupGuard>,
    link: Arc<Mutex<Link>>,
    /// Between cells a thread has the link, until this is dropped.
    gathers: Option<UnixStream>,
    program: String,
    told: String,
    /// The cells that were sent.
    cells: u64,
    /// The last of them was left behind and may still run.
    busy: bool,
    /// What the cell that was left behind was given.
    held: Option<Box<dyn Any + Send>>,
    /// The process was ended and waited for.
    ended: bool,
}

/// How waiting for Python ended.
enum Waited {
    /// The record that was waited for.
    For(Record),
    /// The person said stop.
    Stopped,
    /// Python was told to stop, and goes on.
    TimeOut,
}

impl Python {
    /// Starts `program` in the session's folder and environment, and waits until it is ready.
    pub(crate) fn start(program: &str, session: &Session, front: &dyn Front) -> Result<Python, MagicError> {
        let failed = |error: std::io::Error| failed_start(program, session, &error);
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let mut child = Process::new(program)
            .args(["-c", HELPER])
            .current_dir(session.folder())
            // Pictures are drawn without a screen; a backend of the surroundings would look for another kernel.
            .env("MPLBACKEND", "Agg")
            .envs(session.environment())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let guard = GroupGuard::over(&child).inspect_err(|error| tracing::warn!(%error, "no guard over Python"));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let group = Pid::from_child(&child);
        let link = Link::new(ours, stdout.map(OwnedFd::from), stderr.map(OwnedFd::from), group);
        let mut python = Python {
            child,
            _guard: guard.ok(),
            link: Arc::new(Mutex::new(link)),
            gathers: None,
            program: program.to_owned(),
            told: String::new(),
            cells: 0,
            busy: false,
            held: None,
            ended: false,
        };
        match python.wait(front, None, |record| matches!(record, Record::Ready { .. }))? {
            Waited::For(Record::Ready { version, executable }) => {
                python.told = format!("Python {version} · {executable}");
                python.gather();
                Ok(python)
            }
            _ => Err(MagicError::interrupted(format!("the start of {program} was stopped"))),
        }
    }

    /// The program as it was named.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Its version and its place.
    pub(crate) fn told(&self) -> &str {
        &self.told
    }

    /// Whether the process is there.
    pub(crate) fn lives(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !self.ended && matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(None))
    }

    /// Whether a cell was left behind, and has not ended as far as is known.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Keeps what a cell that was left behind may still open: its files are named by their descriptors.
    pub(crate) fn hold(&mut self, files: Box<dyn Any + Send>) {
        self.held = Some(files);
    }

    /// Runs a cell to its end. A stop raises `KeyboardInterrupt` in it, and after [`GRACE`] leaves it behind.
    pub(crate) fn run(&mut self, request: Map<String, Json>, front: &dyn Front) -> Result<(), MagicError> {
        self.gathers = None;
        let outcome = self.run_cell(request, front);
        self.gather();
        outcome
    }

    /// Reads on until the next cell.
    fn gather(&mut self) {
        let link = Arc::clone(&self.link);
        let thread = std::thread::Builder::new().name("ironsage-python".to_owned());
        let started = UnixStream::pair().and_then(|(ours, theirs)| {
            // Where the next cell has begun before this thread, it finds its end closed and reads nothing.
            thread.spawn(move || link.lock().gather(&theirs))?;
            Ok(ours)
        });
        self.gathers = started
            .inspect_err(|error| tracing::warn!(%error, "Python is not heard between cells"))
            .ok();
    }

    fn run_cell(&mut self, mut request: Map<String, Json>, front: &dyn Front) -> Result<(), MagicError> {
        self.end_of_last(front)?;
        if front.interrupted() {
            return Err(MagicError::interrupted("stopped before the cell ran"));
        }
        self.cells += 1;
        let cell = self.cells;
        request.insert("cell".to_owned(), cell.into());
        let sent = self.link.lock().send(&request.into());
        if let Err(error) = sent {
            return Err(self.lost(&error.to_string()));
        }
        let done = |record: &Record| matches!(record, Record::Done { cell: ended, .. } if *ended == cell);
        self.busy = true;
        let (waited, stopped) = match self.wait(front, None, done)? {
            Waited::For(record) => (Waited::For(record), false),
            Waited::Stopped | Waited::TimeOut => {
                self.link.lock().interrupt(cell);
                (self.wait(front, Some(Instant::now() + GRACE), done)?, true)
            }
        };
        match waited {
            Waited::For(Record::Done { failure, .. }) => {
                self.busy = false;
                outcome(failure, stopped)
            }
            _ => Err(MagicError::interrupted(
                "Python was told to stop, and is in a call that can't be stopped half way; nothing was bound",
            )
            .with_hint(
                "the next %%python cell waits for it; stop that one too, or `%%python --reset`, and it is ended",
            )),
        }
    }

    /// Waits for a cell that was left behind; a stop here ends the process.
    fn end_of_last(&mut self, front: &dyn Front) -> Result<(), MagicError> {
        if !self.busy {
            return Ok(());
        }
        let cell = self.cells;
        let done = |record: &Record| matches!(record, Record::Done { cell: ended, .. } if *ended == cell);
        match self.wait(front, None, done)? {
            Waited::For(_) => {
                self.busy = false;
                self.held = None;
                Ok(())
            }
            Waited::Stopped | Waited::TimeOut => {
                self.end();
                Err(MagicError::interrupted(
                    "Python was ended: it was still in the call that the last stop had not reached; its variables are gone",
                )
                .with_hint("the next %%python cell starts it anew"))
            }
        }
    }

    /// Shows what comes until `is_it` knows a record, or the person says stop, or after that the deadline.
    fn wait(
        &mut self,
        front: &dyn Front,
        deadline: Option<Instant>,
        is_it: impl Fn(&Record) -> bool,
    ) -> Result<Waited, MagicError> {
        let link = Arc::clone(&self.link);
        let mut link = link.lock();
        let left_out = link.left_out();
        if left_out > 0 {
            front.display(&note(format!(
                "of what Python wrote between the cells, the first {} are left out",
                text::bytes(left_out as u64)
            )));
        }
        loop {
            while let Some(record) = link.next() {
                if is_it(&record) {
                    // What the cell's subprocesses wrote is there already.
                    let ended = Instant::now();
                    while ended.elapsed() < DRAIN && link.read(&NOW)?.is_some_and(|count| count > 0) {
                        show_all(&mut link, front);
                    }
                    link.flush();
                    show_all(&mut link, front);
                    return Ok(Waited::For(record));
                }
                show(record, front);
            }
            match deadline {
                None if front.interrupted() => return Ok(Waited::Stopped),
                Some(deadline) if Instant::now() > deadline => return Ok(Waited::TimeOut),
                _ => {}
            }
            let ended = match link.read(&LOOK)? {
                None => true,
                Some(0) => !self.lives(),
                Some(_) => false,
            };
            if ended && link.is_empty() {
                return Err(self.lost("its end of the socket is closed"));
            }
        }
    }

    /// Ends it with all that it has started.
    fn end(&mut self) -> Option<ExitStatus> {
        if !self.ended {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            self.ended = true;
        }
        self.child.wait().ok()
    }

    /// The error of a process that has gone by itself.
    fn lost(&mut self, why: &str) -> MagicError {
        let since = Instant::now();
        while self.lives() && since.elapsed() < END {
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = !self.lives();
        let status = self.end().filter(|_| ended);
        // A shell between us and Python (pyenv's) tells of a signal as an exit status above 128.
        let signal = |status: ExitStatus| {
            status
                .signal()
                .or(status.code().map(|code| code - 128).filter(|&above| above > 0))
        };
        let how = match status.map(|status| (status.code(), signal(status))) {
            Some((_, Some(9))) => "was killed (signal 9), as the system does where memory runs out".to_owned(),
            Some((_, Some(11))) => "crashed (signal 11) in a library that it had loaded".to_owned(),
            Some((_, Some(signal))) => format!("was ended by signal {signal}"),
            Some((Some(code), _)) => format!("ended with exit status {code}"),
            _ => format!("is lost: {why}"),
        };
        let error = MagicError::new(ErrorKind::PythonError, format!("{} {how}", self.program));
        match self.told.is_empty() {
            true => error.with_hint(
                "`%%python --python PATH` or `%env IRONSAGE_PYTHON=PATH` names another Python (3.8 or newer)",
            ),
            false => error.with_hint("its variables are gone; the next %%python cell starts it anew"),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.end();
    }
}

fn show_all(link: &mut Link, front: &dyn Front) {
    while let Some(record) = link.next() {
        show(record, front);
    }
}

/// Shows what a cell prints and displays.
fn show(record: Record, front: &dyn Front) {
    match record {
        Record::Text { stream, text } => front.stream(stream, &text),
        Record::Display { data } => front.display(&Bundle {
            data,
            metadata: Map::new(),
        }),
        Record::Ready { .. } | Record::Begun { .. } | Record::Done { .. } => {}
    }
}

fn outcome(failure: Option<Failure>, stopped: bool) -> Result<(), MagicError> {
    let at = |line: Option<u64>| line.map_or_else(String::new, |line| format!(" in line {line}"));
    match failure {
        Some(Failure {
            why: Why::Stopped,
            line,
            ..
        }) => Err(MagicError::interrupted(format!(
            "Python was stopped{}; its variables stay, nothing was bound",
            at(line)
        ))),
        // The cell caught it, or had come to its end.
        _ if stopped => Err(MagicError::interrupted(
            "Python was stopped; its variables stay, nothing was bound",
        )),
        Some(failure) => {
            let kind = match failure.why {
                Why::Raised | Why::Stopped => ErrorKind::PythonError,
                Why::Refused => ErrorKind::DataError,
            };
            Err(MagicError::new(kind, failure.message).with_hint_from(failure.hint))
        }
        None => Ok(()),
    }
}

fn failed_start(program: &str, session: &Session, error: &std::io::Error) -> MagicError {
    let folder = session.folder();
    if !folder.is_dir() {
        return MagicError::file(&folder, "run Python in", error).with_hint("`%cd` goes to another folder");
    }
    let message = match error.kind() {
        std::io::ErrorKind::NotFound if program.contains('/') => format!("there is no {program}"),
        std::io::ErrorKind::NotFound => format!("{program} is not on the PATH"),
        _ => format!("{program} could not be started: {error}"),
    };
    MagicError::new(ErrorKind::PythonError, message)
        .with_hint("`%%python --python PATH` or `%env IRONSAGE_PYTHON=PATH` names a Python (3.8 or newer)")
}
