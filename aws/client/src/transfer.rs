//! What a caller sees of a running call, and how it stops one.

/// Told how far a transfer is, and asked whether to stop. Called on the caller's own
/// thread only, at most every 50 ms, so it needs no locks.
pub trait Transfer {
    /// `done` of `total` bytes have moved.
    fn moved(&self, done: u64, total: u64) {
        let _ = (done, total);
    }

    /// Whether to give up: the call then returns [`crate::ClientError::Interrupted`].
    fn stop(&self) -> bool {
        false
    }
}

/// Nobody watches: runs to its end.
impl Transfer for () {}

/// What a call that makes something found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It wasn't there and now is.
    Created,
    /// It was there already, just like this; nothing was changed or sent.
    AlreadyThere,
}

impl Made {
    /// Whether something was made.
    pub fn is_created(self) -> bool {
        self == Made::Created
    }
}
