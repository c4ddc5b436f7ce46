//! Standard output of a cell: partial lines while it runs, everything of it before it ends, and in
//! order with standard error.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ironsage_exchange::wire::{Reply, Request};

use crate::{link, surroundings};

/// How long a `print!` without a line end may stay in the buffer of the standard library.
const FLUSH_EVERY: Duration = Duration::from_millis(40);

static RUNNING: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();
static CELL_THREAD: AtomicU32 = AtomicU32::new(0);

fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// Whether the calling thread is the one that runs cells.
pub(crate) fn on_cell_thread() -> bool {
    CELL_THREAD.load(Ordering::Relaxed) == thread_id()
}

fn set_running(running: bool) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = running;
    CHANGED.notify_all();
}

/// Starts the thread that lets partial lines out while a cell runs, and sleeps otherwise.
pub(crate) fn start_flusher() {
    let flusher = std::thread::Builder::new().name("ironsage-flush".to_owned());
    // Without the thread a partial line waits for its line end or for the cell's end: no more.
    let _ = flusher.spawn(|| {
        loop {
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            let running = CHANGED
                .wait_while(running, |running| !*running)
                .unwrap_or_else(PoisonError::into_inner);
            drop(running);
            std::thread::sleep(FLUSH_EVERY);
            let _ = std::io::stdout().flush();
        }
    });
}

/// A cell begins. False when the kernel says that it was interrupted already.
pub(crate) fn enter() -> bool {
    CELL_THREAD.store(thread_id(), Ordering::Relaxed);
    link::forget_interrupt();
    match link::ask(&Request::Enter, &[]) {
        Ok((Reply::Stop, _)) => return false,
        Ok((Reply::Go(told), _)) => surroundings::follow(told),
        _ => {}
    }
    set_running(true);
    true
}

/// A cell has ended: what it printed goes into the pipe before the kernel is told.
pub(crate) fn leave(ran: bool) {
    let _ = std::io::stdout().flush();
    set_running(false);
    let _ = link::ask(&Request::Leave { ran }, &[]);
}

/// Called before a cell writes to standard error: what it printed before must not be overtaken.
///
/// The kernel reads standard error first, so a line that is printed afterwards cannot overtake
/// either; see the kernel's side, `relay.rs`.
pub fn before_stderr() {
    let mut stdout = std::io::stdout();
    let _ = stdout.flush();
    let unread = rustix::io::ioctl_fionread(&stdout).unwrap_or(0);
    if unread > 0 && link::is_open() {
        let _ = link::ask(&Request::Sync, &[]);
    }
}
