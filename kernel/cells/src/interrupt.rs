//! Stop: takes no lock, so that it works whatever the evaluator is doing.
//!
//! While a cell compiles, the compiler is told to stop and all variables are kept. While it runs,
//! the first press asks (the process gets SIGINT, which only sets a flag that long loops look at);
//! the second ends the process, and with it the variables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// What the evaluator is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Idle = 0,
    Waiting = 1,
    Compiling = 2,
    Running = 3,
}

/// What a press of stop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Nothing was running.
    Nothing,
    /// The cell was compiling, or waiting to: it ends now, and all variables are kept.
    Compile,
    /// The cell's code was asked to stop; it may not listen.
    Asked,
    /// The process that runs the cell was ended.
    Killed,
}

/// A handle for stopping the cell that runs. Cheap to clone; holds no lock.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: AtomicU8,
    /// The evaluator's thread: the parent of cargo in the eyes of the system.
    thread: AtomicU32,
    /// The process that runs cells.
    child: AtomicU32,
    /// The compiler of the type pass.
    compiler: AtomicU32,
    /// Counts cells, so that a late helper thread stops nothing but its own.
    cell: AtomicU32,
    /// How many helper threads are at work.
    helpers: AtomicU32,
    pressed: AtomicBool,
    killed: AtomicBool,
}

/// How often, and how long, a compile is looked for after a press of stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: usize = 250;

impl Interrupt {
    /// Stops what runs, as far as one press does.
    pub fn interrupt(&self) -> Stopped {
        let state = &self.state;
        match state.phase() {
            Phase::Idle => Stopped::Nothing,
            Phase::Waiting => {
                state.pressed.store(true, Ordering::SeqCst);
                Stopped::Compile
            }
            Phase::Compiling => {
                state.pressed.store(true, Ordering::SeqCst);
                self.stop_compilers();
                Stopped::Compile
            }
            Phase::Running => {
                let child = state.child.load(Ordering::SeqCst);
                if state.pressed.swap(true, Ordering::SeqCst) {
                    state.killed.store(true, Ordering::SeqCst);
                    signal(child, Signal::KILL);
                    Stopped::Killed
                } else {
                    signal(child, Signal::INT);
                    Stopped::Asked
                }
            }
        }
    }

    /// evcxr may be between two runs of cargo just now, so it is looked for until the cell ends.
    fn stop_compilers(&self) {
        let state = Arc::clone(&self.state);
        let cell = state.cell.load(Ordering::SeqCst);
        state.helpers.fetch_add(1, Ordering::SeqCst);
        let work = move || {
            let mut told = Vec::new();
            for _ in 0..LOOKS {
                let same_cell = state.cell.load(Ordering::SeqCst) == cell;
                let compiling = same_cell && state.phase() == Phase::Compiling;
                if compiling {
                    told.extend(state.stop_compilers_now(is_compiler));
                }
                told.retain(|process| is_running(*process));
                if !compiling && told.is_empty() {
                    break;
                }
                std::thread::sleep(LOOK_EVERY);
            }
            state.helpers.fetch_sub(1, Ordering::SeqCst);
        };
        let helper = std::thread::Builder::new().name("ironsage-interrupt".to_owned());
        if helper.spawn(work).is_err() {
            self.state.helpers.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Waits for what was told to stop: a compiler that still writes would spoil the next cell's files.
    pub(crate) fn settle(&self) {
        while self.state.helpers.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(LOOK_EVERY / 4);
        }
    }

    pub(crate) fn begin_cell(&self) {
        self.state.cell.fetch_add(1, Ordering::SeqCst);
        self.state.killed.store(false, Ordering::SeqCst);
        self.state.pressed.store(false, Ordering::SeqCst);
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.state.phase.store(phase as u8, Ordering::SeqCst);
    }

    /// The cell's code begins. The evaluator's own code, run while it starts, does not count.
    pub(crate) fn begin_run(&self) {
        self.step(Phase::Compiling, Phase::Running);
    }

    /// The cell's code has ended; evcxr may still have work with it.
    pub(crate) fn end_run(&self) {
        self.step(Phase::Running, Phase::Compiling);
    }

    fn step(&self, from: Phase, to: Phase) {
        let _ = self
            .state
            .phase
            .compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether a cell waits for the evaluator.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state.phase() == Phase::Waiting
    }

    /// Whether a cell is being compiled.
    pub(crate) fn is_compiling(&self) -> bool {
        self.state.phase() == Phase::Compiling
    }

    /// Whether the cell's code runs on after it was asked to stop.
    pub(crate) fn has_asked(&self) -> bool {
        self.pressed() && self.state.phase() == Phase::Running
    }

    /// Whether the process was ended by a second press of stop.
    pub(crate) fn killed(&self) -> bool {
        self.state.killed.load(Ordering::SeqCst)
    }

    pub(crate) fn set_child(&self, process: u32) {
        self.state.child.store(process, Ordering::SeqCst);
    }

    pub(crate) fn set_compiler(&self, process: u32) {
        self.state.compiler.store(process, Ordering::SeqCst);
    }

    /// The calling thread is the evaluator's.
    pub(crate) fn set_thread(&self) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        self.state.thread.store(thread.unsigned_abs(), Ordering::SeqCst);
    }

    /// Whether stop was pressed since the cell began.
    pub(crate) fn pressed(&self) -> bool {
        self.state.pressed.load(Ordering::SeqCst)
    }

    /// Ends the process that runs cells and every compiler: nobody wants them any more. The evaluator may start others
    /// until it sees that.
    pub(crate) fn end(&self) {
        let state = &self.state;
        state.pressed.store(true, Ordering::SeqCst);
        let child = state.child.load(Ordering::SeqCst);
        signal(child, Signal::KILL);
        state.stop_compilers_now(|process| process != child);
    }
}

impl State {
    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            1 => Phase::Waiting,
            2 => Phase::Compiling,
            3 => Phase::Running,
            _ => Phase::Idle,
        }
    }

    /// Tells cargo, rustc and the linker to end; they do not pass it on to each other. Which of the thread's own
    /// processes are meant, `wanted` says.
    fn stop_compilers_now(&self, wanted: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut processes = children(&format!("/proc/self/task/{}", self.thread.load(Ordering::SeqCst)));
        processes.retain(|process| wanted(*process));
        processes.push(self.compiler.load(Ordering::SeqCst));
        let mut next = 0;
        while let Some(process) = processes.get(next) {
            let threads = std::fs::read_dir(format!("/proc/{process}/task"))
                .into_iter()
                .flatten()
                .flatten();
            let descendants: Vec<u32> = threads
                .flat_map(|thread| children(&thread.path().to_string_lossy()))
                .collect();
            processes.extend(descendants);
            next += 1;
        }
        processes.iter().for_each(|process| signal(*process, Signal::TERM));
        processes
    }
}

/// The processes that a thread has started; nothing where it has gone.
fn children(thread: &str) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("{thread}/children")).unwrap_or_default();
    children
        .split_whitespace()
        .filter_map(|process| process.parse().ok())
        .collect()
}

/// evcxr runs one cargo at a time, or mold to ask for its version; the other child runs the cells.
fn is_compiler(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| matches!(name.trim(), "cargo" | "mold"))
}

/// Whether a process is there and has not ended: one that nobody has asked for its status is as good as gone.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn signal(process: u32, signal: Signal) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let Some(process) = process {
        // It may have ended by itself meanwhile.
        let _ = kill_process(process, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_while_nothing_runs_does_nothing() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.interrupt(), Stopped::Nothing);
        assert!(!interrupt.pressed());
    }

    #[test]
    fn the_second_press_kills_and_a_new_cell_begins_afresh() {
        let interrupt = Interrupt::default();
        interrupt.begin_cell();
        interrupt.set_phase(Phase::Running);
        assert_eq!(interrupt.interrupt(), Stopped::Asked);
        assert_eq!(interrupt.interrupt(), Stopped::Killed);
        interrupt.begin_cell();
        assert!(!interrupt.pressed());
        assert_eq!(interrupt.interrupt(), Stopped::Asked);
    }

    #[test]
    fn a_press_during_a_compile_keeps_asking_for_cargo_only_while_it_compiles() {
        let interrupt = Interrupt::default();
        interrupt.begin_cell();
        interrupt.set_phase(Phase::Compiling);
        assert_eq!(interrupt.interrupt(), Stopped::Compile);
        assert_eq!(interrupt.interrupt(), Stopped::Compile);
        interrupt.set_phase(Phase::Idle);
        assert_eq!(interrupt.interrupt(), Stopped::Nothing);
    }
}
