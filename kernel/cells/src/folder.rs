//! The session's temporary folder: evcxr's crate, the socket, the type pass.
//!
//! It is removed when the session ends. A kernel that was killed cannot do that, so the next one
//! to start removes folders whose owner is gone; a lock, which ends with its holder, tells.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "ironsage-cells-";
const LOCK: &str = "owner.lock";

/// A folder that goes away with its owner.
#[derive(Debug)]
pub(crate) struct SessionFolder {
    path: PathBuf,
    _lock: File,
}

/// Where this process's evcxr is to work; see [`crate::runtime_hook`] for how it learns of it.
pub(crate) fn evcxr_folder() -> PathBuf {
    session_path().join("evcxr")
}

/// A standard library without anything in it: see [`crate::runtime_hook`].
pub(crate) fn library_folder() -> PathBuf {
    session_path().join("library")
}

fn session_path() -> PathBuf {
    std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()))
}

/// Removes this process's folder though its owner is still at work: the process is about to end.
pub(crate) fn remove_own() {
    if let Err(error) = std::fs::remove_dir_all(session_path()) {
        tracing::warn!(%error, "cannot remove the folder of Rust cells");
    }
}

impl SessionFolder {
    /// Makes the folder of this process, and removes those of processes that are gone.
    pub(crate) fn create() -> io::Result<SessionFolder> {
        remove_orphans(&std::env::temp_dir());
        SessionFolder::at(session_path())
    }

    fn at(path: PathBuf) -> io::Result<SessionFolder> {
        if path.exists() {
            // Left by a process that had the same id, unless its lock is held: by another evaluator
            // of this process, then, and evcxr can work in one folder per process only.
            let held = File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
            if held {
                return Err(io::Error::other("this process has an evaluator for Rust cells already"));
            }
            std::fs::remove_dir_all(&path)?;
        }
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        let lock = File::create(path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::from(io::ErrorKind::WouldBlock),
        })?;
        for name in ["core", "alloc", "std", "proc_macro", "test"] {
            let source = path.join("library").join(name).join("src");
            std::fs::create_dir_all(&source)?;
            File::create(source.join("lib.rs"))?;
        }
        Ok(SessionFolder { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "cannot remove the session's folder");
        }
    }
}

fn remove_orphans(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_of_the_dead_are_removed_and_those_of_the_living_kept() {
        let parent = tempfile::tempdir().unwrap();
        let living = SessionFolder::at(parent.path().join("ironsage-cells-1")).unwrap();
        let dead = parent.path().join("ironsage-cells-2");
        std::fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        let foreign = parent.path().join("other");
        std::fs::create_dir(&foreign).unwrap();
        remove_orphans(parent.path());
        assert!(living.path().exists() && foreign.exists() && !dead.exists());
        let path = living.path().to_owned();
        assert!(SessionFolder::at(path.clone()).is_err(), "it has its owner");
        drop(living);
        assert!(!path.exists());
    }
}
