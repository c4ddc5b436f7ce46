//! The one socket to the kernel: a question at a time, from whichever thread asks.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use ironsage_exchange::wire::{Reply, Request, receive, send};

struct Link {
    socket: Mutex<UnixStream>,
    interrupted: &'static AtomicBool,
}

static LINK: OnceLock<Link> = OnceLock::new();

/// Remembers the socket and the flag; a second call is ignored.
pub(crate) fn open(socket: UnixStream, interrupted: &'static AtomicBool) {
    let link = Link {
        socket: Mutex::new(socket),
        interrupted,
    };
    let _ = LINK.set(link);
}

/// Whether this process belongs to a kernel (in the crate's own tests it does not).
pub(crate) fn is_open() -> bool {
    LINK.get().is_some()
}

/// Asks the kernel and waits for its answer.
pub(crate) fn ask(request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<(Reply, Vec<OwnedFd>)> {
    let link = LINK.get().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotConnected,
            "this program was not started by the Ironsage kernel",
        )
    })?;
    let socket = link.socket.lock().unwrap_or_else(PoisonError::into_inner);
    send(&socket, request, descriptors)?;
    receive(&socket)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

/// Whether someone pressed stop since this cell began. Long loops should ask now and then, and
/// return early: variables are kept then, while a second press ends the process that holds them.
pub fn interrupted() -> bool {
    LINK.get().is_some_and(|link| link.interrupted.load(Ordering::Relaxed))
}

/// Leaves the cell because stop was pressed: as a panic does, but without a word, since the kernel knows why.
pub(crate) fn leave_cell() -> ! {
    std::panic::resume_unwind(Box::new("interrupted"))
}

/// Forgets an old interrupt: a new cell begins.
pub(crate) fn forget_interrupt() {
    if let Some(link) = LINK.get() {
        link.interrupted.store(false, Ordering::Relaxed);
    }
}
