//! Cargo while it runs: what it says as it says it, how far it is, and its end when told to stop.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use ironsage_exchange::GroupGuard;
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::{WarmError, at};
use super::{LOOK_EVERY, Progress, lasted};

/// How often a changing display is renewed at most.
const SHOW_EVERY: Duration = Duration::from_millis(500);

/// What comes of cargo.
pub(super) enum Heard {
    Out(String),
    Err(String),
    /// For a while.
    Nothing,
}

/// Runs cargo to its end, or ends it with all that it has started when told to stop.
pub(super) fn watch(
    mut command: Command,
    folder: &Path,
    stop: &dyn Fn() -> bool,
    mut hear: impl FnMut(Heard),
) -> Result<ExitStatus, WarmError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = command.spawn().map_err(at(folder))?;
    let _guard = GroupGuard::over(&child).inspect_err(|error| tracing::warn!(%error, "no guard over cargo"));
    let (said, heard) = unbounded();
    if let Some(stdout) = child.stdout.take() {
        read(stdout, said.clone(), Heard::Out);
    }
    if let Some(stderr) = child.stderr.take() {
        read(stderr, said.clone(), Heard::Err);
    }
    drop(said);
    loop {
        match heard.recv_timeout(LOOK_EVERY) {
            Ok(line) => hear(line),
            Err(RecvTimeoutError::Timeout) => hear(Heard::Nothing),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop() {
            end(&mut child);
            return Err(WarmError::Stopped);
        }
    }
    child.wait().map_err(at(folder))
}

fn read(from: impl Read + Send + 'static, to: Sender<Heard>, wrap: fn(String) -> Heard) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            if to.send(wrap(String::from_utf8_lossy(&line).into_owned())).is_err() {
                break;
            }
        }
    });
}

/// Ends cargo with the compilers and the linkers: they are its group.
fn end(child: &mut Child) {
    // Where it fails, they have ended by themselves.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

/// How far a build is.
pub(super) struct Count<'a> {
    progress: &'a dyn Fn(Progress<'_>),
    began: Instant,
    doing: String,
    done: HashSet<String>,
    /// How many packages there are to build.
    pub(super) of: usize,
    shown: Option<(String, Instant)>,
}

impl<'a> Count<'a> {
    pub(super) fn new(progress: &'a dyn Fn(Progress<'_>)) -> Count<'a> {
        Count {
            progress,
            began: Instant::now(),
            doing: "looking what there is to compile".to_owned(),
            done: HashSet::new(),
            of: 0,
            shown: None,
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        (self.progress)(Progress::Line(line));
        if let Some(doing) = doing(line) {
            self.doing = doing;
        }
        self.show();
    }

    pub(super) fn built(&mut self, package: &str) {
        self.done.insert(package.to_owned());
        self.show();
    }

    pub(super) fn show(&mut self) {
        if self.shown.as_ref().is_some_and(|(_, at)| at.elapsed() < SHOW_EVERY) {
            return;
        }
        let crates = match self.of {
            0 => String::new(),
            of => format!(" · {} of about {} crates", self.done.len(), of.max(self.done.len())),
        };
        let state = format!("{}{crates} · {}", self.doing, lasted(self.began.elapsed()));
        if self.shown.as_ref().is_none_or(|(shown, _)| *shown != state) {
            (self.progress)(Progress::State(&state));
            self.shown = Some((state, Instant::now()));
        }
    }
}

/// What one of cargo's lines tells, for those who do not know cargo.
fn doing(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "Compiling" => {
            let (name, version) = (words.next()?, words.next()?);
            Some(format!("compiling {name} {}", version.trim_start_matches('v')))
        }
        "Updating" | "Downloading" | "Downloaded" => Some("downloading crates".to_owned()),
        "Blocking" => Some("waiting for another cargo".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn what_cargo_does_is_told_with_a_count_and_a_time() {
        let told = RefCell::new(Vec::new());
        let hear = |progress: Progress<'_>| {
            if let Progress::State(state) = progress {
                told.borrow_mut().push(state.to_owned());
            }
        };
        let mut count = Count::new(&hear);
        count.line("Blocking waiting for file lock on build directory");
        count.of = 3;
        count.built("registry+x#a@1.0.0");
        count.line("Compiling polars-core v0.55.2");
        count.shown = None;
        count.line("warning: unused");
        assert_eq!(
            *told.borrow(),
            [
                "waiting for another cargo · 0 s",
                "compiling polars-core 0.55.2 · 1 of about 3 crates · 0 s"
            ]
        );
    }

    #[test]
    fn stop_ends_what_was_started_at_once() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; wait"]);
        let began = Instant::now();
        let sleeper = Cell::new(None::<u32>);
        let stop = || sleeper.get().is_some() || began.elapsed() > Duration::from_secs(2);
        let watched = watch(command, Path::new("."), &stop, |heard| {
            if let Heard::Out(line) = heard {
                sleeper.set(line.parse().ok());
            }
        });
        assert!(matches!(watched, Err(WarmError::Stopped)));
        assert!(began.elapsed() < Duration::from_secs(3));
        let sleeper = sleeper.get().unwrap();
        let stopped = Instant::now();
        while lives(sleeper) {
            assert!(
                stopped.elapsed() < Duration::from_secs(2),
                "what sh had started lives on"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether a process runs; one that has ended may wait for its parent to take note.
    fn lives(process: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
    }

    #[test]
    fn all_that_is_said_is_heard() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = watch(command, Path::new("."), &|| false, |heard| match heard {
            Heard::Out(line) => out.push(line),
            Heard::Err(line) => err.push(line),
            Heard::Nothing => {}
        });
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!((out, err), (vec!["one".to_owned()], vec!["two".to_owned()]));
    }
}
