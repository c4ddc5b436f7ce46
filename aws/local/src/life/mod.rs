//! The service's life: who starts it, how it is found, how it ends.
//!
//! - [`credentials`]: the user's own key, made once.
//! - [`probe`]: asks the port who is there. A process id or a file alone prove nothing: the
//!   process may have gone and its id, or its port, may belong to somebody else by now.
//! - [`start`]: finds a living service or starts one; `stop` and `status` beside it.
//! - [`log`]: the log file, private and bounded.
//! - [`owner`]: ends the service with the kernel that started it, where that is wanted.
//! - [`idle`]: ends it when nobody has needed it for an hour.
//! - [`proof`]: how it shows that it knows the user's key.

pub mod credentials;
pub mod idle;
pub mod log;
pub mod owner;
pub mod probe;
pub mod proof;
pub mod start;

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::error::LocalError;

/// An exclusive lock on a file, held until it is dropped or the process ends, however it ends.
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock if it is free.
    pub fn try_take(path: &Path) -> Result<Option<Lock>, LocalError> {
        Lock::with(path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Writes who holds it, for [`holder`].
    pub fn sign(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(std::process::id().to_string().as_bytes())
    }

    /// Waits for the lock.
    pub fn take(path: &Path) -> Result<Lock, LocalError> {
        loop {
            if let Some(lock) = Lock::with(path, FlockOperation::LockExclusive)? {
                return Ok(lock);
            }
        }
    }

    fn with(path: &Path, operation: FlockOperation) -> Result<Option<Lock>, LocalError> {
        use std::os::unix::fs::OpenOptionsExt;
        let failed = |cause: std::io::Error| LocalError::File {
            path: path.to_owned(),
            cause,
        };
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match rustix::fs::flock(&file, operation) {
            Ok(()) => Ok(Some(Lock { file })),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// The process that signed a lock; who asks has to know that the lock is held.
pub fn holder(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_signs_a_lock_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(holder(&path), None);
        std::fs::write(&path, "4194304 and more, of one who is gone").unwrap();
        let mut lock = Lock::try_take(&path).unwrap().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        for _ in 0..2 {
            lock.sign().unwrap();
            assert_eq!(holder(&path), Some(std::process::id()));
        }
        drop(lock);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
