//! The ready-made prelude: Polars and the rest, compiled once, for every cell of every session.
//!
//! Where the workspace was built already, all of it has been compiled, as libraries that the kernel itself is linked from;
//! elsewhere cargo compiles it now, once per toolchain. Either way cargo is asked for one more artifact, the prelude as a
//! dylib (linking only: seconds), and what rustc needs to compile against it is copied into the user's data folder: the
//! metadata of every crate below it, the libraries of procedural macros, the stripped dylib. The folder's name is a key
//! made of the toolchain, our version, the lock file and the sources, so a changed toolchain is simply one whose prelude
//! is missing.
//!
//! | file | subject |
//! | --- | --- |
//! | `sources.rs` | the sources that an executable carries, unpacked where cargo can build them |
//! | `cargo.rs` | what is asked of cargo, and what it answers |
//! | `watch.rs` | cargo while it runs: how far it is, how it is stopped |
//! | `documents.rs` | what of all that was built the index is made of |
//! | `place.rs` | what cells need, in its place; what nobody needs any more, removed |
//! | `error.rs` | why there is no prelude |

mod cargo;
mod documents;
mod error;
mod place;
mod sources;
mod watch;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::prelude::{Manifest, Prelude};
use crate::toolchain::Toolchain;
use cargo::Workspace;
pub use error::WarmError;
use error::at;
pub use sources::unpack;

/// What to expect of a prelude that is compiled from nothing.
const HOW_LONG: &str = "about 20 minutes on two cores";

const PACKAGE: &str = "ironsage-prelude";
/// How often a waiting process looks whether the other is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is told while a prelude is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Something new, for a terminal: a line of cargo's, or what happens now.
    Line(&'a str),
    /// How far it is, for a display that is renewed: always one line, and now and then another.
    State(&'a str),
}

/// Where preludes lie unless told otherwise: the user's data folder.
pub fn default_folder() -> Option<PathBuf> {
    Some(of_the_user("XDG_DATA_HOME", ".local/share")?.join("prelude"))
}

fn cache_folder() -> Result<PathBuf, WarmError> {
    of_the_user("XDG_CACHE_HOME", ".cache").ok_or(WarmError::NoHome)
}

fn of_the_user(variable: &str, below_home: &str) -> Option<PathBuf> {
    // XDG wants relative values to be ignored.
    let named = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    let folder = match named {
        Some(folder) => folder,
        None => std::env::home_dir()?.join(below_home),
    };
    Some(folder.join("ironsage"))
}

/// The ready-made prelude below `to` for the current toolchain and these sources, when it is there.
pub fn ready(to: &Path, sources: &[u8]) -> Option<PathBuf> {
    let toolchain = Toolchain::find().ok()?;
    Prelude::find(to, &toolchain, sources).map(|prelude| prelude.folder().to_owned())
}

/// Builds the prelude's dylib from the workspace `from` and puts it below `to`; returns its folder.
///
/// Nothing is compiled that the workspace's own release build has compiled. `CARGO_TARGET_DIR` is
/// respected. A second call copies nothing when nothing has changed. `sources` are those that this
/// executable carries, made from the same workspace: they are part of the prelude's key.
pub fn install(from: &Path, to: &Path, sources: &[u8], progress: &dyn Fn(Progress<'_>)) -> Result<PathBuf, WarmError> {
    let toolchain = Toolchain::find()?;
    let workspace = Workspace {
        folder: std::path::absolute(from).map_err(at(from))?,
        toolchain: &toolchain,
        target: None,
    };
    let never = || false;
    let _turn = turn(&cache_folder()?, progress, &never)?;
    let prelude = make(&workspace, to, sources, progress, &never)?;
    Ok(prelude.folder().to_owned())
}

/// Builds the prelude from the sources that an executable carries and puts it below `to`, unless it is there; returns its
/// folder.
///
/// Cargo works in `CARGO_TARGET_DIR`, else in the user's cache folder, where a build that was stopped goes on later. Only
/// one process builds at a time; others wait for it. `stop` is asked several times a second.
pub fn install_carried(
    sources: &[u8],
    to: &Path,
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<PathBuf, WarmError> {
    let toolchain = Toolchain::find()?;
    let prelude = carried(sources, to, &toolchain, progress, stop)?;
    Ok(prelude.folder().to_owned())
}

pub(crate) fn carried(
    sources: &[u8],
    to: &Path,
    toolchain: &Toolchain,
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<Prelude, WarmError> {
    let cache = cache_folder()?;
    let _turn = turn(&cache, progress, stop)?;
    // Whoever had the turn before may have made it.
    if let Some(prelude) = Prelude::find(to, toolchain, sources) {
        return Ok(prelude);
    }
    let folder = cache.join("sources");
    unpack(sources, &folder)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    let target = target.map_or_else(|| cache.join("target"), PathBuf::from);
    let workspace = Workspace {
        folder,
        toolchain,
        target: Some(std::path::absolute(&target).map_err(at(&target))?),
    };
    make(&workspace, to, sources, progress, stop)
}

fn make(
    workspace: &Workspace<'_>,
    to: &Path,
    sources: &[u8],
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<Prelude, WarmError> {
    let closure = cargo::build(workspace, progress, stop)?;
    let prelude = place::put(&closure, workspace, to, sources, progress, stop)?;
    place::sweep(to, &prelude);
    Ok(prelude)
}

/// Waits until no other process makes a prelude. The turn lasts as long as the file is open; the system ends it with its
/// holder.
fn turn(cache: &Path, progress: &dyn Fn(Progress<'_>), stop: &dyn Fn() -> bool) -> Result<File, WarmError> {
    std::fs::create_dir_all(cache).map_err(at(cache))?;
    let path = cache.join("warm.lock");
    let file = File::options()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(at(&path))?;
    let began = Instant::now();
    let mut told = String::new();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                // A file system without locks; two builds at once then cost time, and cargo keeps them apart.
                tracing::warn!(%error, path = %path.display(), "cannot lock");
                return Ok(file);
            }
        }
        if stop() {
            return Err(WarmError::Stopped);
        }
        if told.is_empty() {
            progress(Progress::Line("another process makes it already: waiting"));
        }
        let state = format!("another process makes it already · {}", lasted(began.elapsed()));
        if state != told {
            progress(Progress::State(&state));
            told = state;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Why a prelude has to be made, and what that means, for the person who waits.
pub(crate) fn occasion(to: &Path, toolchain: &Toolchain) -> String {
    let others: Vec<Manifest> = Manifest::all(to).map(|(_, manifest)| manifest).collect();
    let name = toolchain.name();
    let (why, how_long) = if others.iter().any(|other| other.rustc == toolchain.version) {
        ("Ironsage has changed".to_owned(), "less than two minutes as a rule")
    } else if others.is_empty() {
        (format!("this is the first Rust cell with {name}"), HOW_LONG)
    } else {
        (format!("the Rust toolchain has changed: it is {name} now"), HOW_LONG)
    };
    format!("{why}. Polars and what else cells use is compiled for it, once: {how_long}. Stop keeps what is done.")
}

/// A time as people say it.
pub(crate) fn lasted(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::prelude::MANIFEST;

    #[test]
    fn one_process_at_a_time_and_who_waits_can_be_stopped() {
        let cache = tempfile::tempdir().unwrap();
        let lines = RefCell::new(Vec::new());
        let hear = |told: Progress<'_>| {
            if let Progress::Line(line) = told {
                lines.borrow_mut().push(line.to_owned());
            }
        };
        let first = turn(cache.path(), &hear, &|| false).unwrap();
        let asked = Cell::new(0);
        let soon = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        let second = turn(cache.path(), &hear, &soon);
        assert!(matches!(second, Err(WarmError::Stopped)));
        assert_eq!(lines.borrow().len(), 1);
        drop(first);
        turn(cache.path(), &hear, &|| true).unwrap();
    }

    #[test]
    fn the_occasion_is_told_by_what_is_there() {
        let to = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::find().unwrap();
        assert!(occasion(to.path(), &toolchain).contains("first Rust cell with rustc 1."));
        let other = |key: &str, rustc: &str| {
            std::fs::create_dir(to.path().join(key)).unwrap();
            let manifest = serde_json::json!({
                "key": key, "version": "0.0.1", "rustc": rustc, "dylib": "lib.so", "externs": {}, "built": ""
            });
            std::fs::write(to.path().join(key).join(MANIFEST), manifest.to_string()).unwrap();
        };
        other("one", "rustc 1.2.3\nhost: here");
        assert!(occasion(to.path(), &toolchain).contains("toolchain has changed"));
        other("two", &toolchain.version);
        assert!(occasion(to.path(), &toolchain).contains("Ironsage has changed"));
    }

    #[test]
    fn a_time_is_told_roughly() {
        assert_eq!(lasted(Duration::from_millis(59_900)), "59 s");
        assert_eq!(lasted(Duration::from_secs(200)), "3 min");
    }
}
