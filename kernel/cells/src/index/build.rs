//! rustdoc, run for each crate against what the prelude's build has left, and the index made of what it says.
//!
//! Nothing is compiled: rustdoc reads a crate's sources and the metadata of those below it, one to eight seconds for
//! each. A crate that it cannot read is left out, since a prelude without an index is better than none. What it says of
//! crates that never change is kept for the next prelude, which as a rule differs in our own crates only.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, unbounded};
use ironsage_exchange::GroupGuard;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::FORM;
use super::assemble::{assemble, merge};
use super::draft::{Draft, Drafts, Key, draft};
use super::rustdoc::Crate;
use super::standard;
use crate::toolchain::Toolchain;

/// Packages of which a cell can meet something. What else the prelude is made of stays within them.
const WORTH_READING: [&str; 21] = [
    "ironsage-prelude",
    "ndarray",
    "plotters",
    "plotters-backend",
    "plotters-bitmap",
    "plotters-svg",
    "polars",
    "polars-arrow",
    "polars-core",
    "polars-dtype",
    "polars-error",
    "polars-io",
    "polars-lazy",
    "polars-ops",
    "polars-plan",
    "polars-schema",
    "polars-sql",
    "polars-time",
    "polars-utils",
    "serde_json",
    "tokio",
];

/// Whether the index reads a package.
pub(crate) fn is_worth_reading(package: &str) -> bool {
    WORTH_READING.contains(&package)
}

/// As many at a time as cores, but no more than this: each takes about a gigabyte.
const AT_ONCE: usize = 4;
/// How often it is looked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The beginning of the name of the file that keeps what rustdoc has said.
const KEPT: &str = "documentation-";

/// A crate to read, as cargo has built it.
#[derive(Debug, Clone)]
pub(crate) struct Documented {
    /// The package's name.
    pub(crate) name: String,
    /// The library's name, as paths have it.
    pub(crate) crate_name: String,
    pub(crate) version: String,
    pub(crate) edition: String,
    /// The library's first source file.
    pub(crate) source: PathBuf,
    /// Where the package's manifest is.
    pub(crate) folder: PathBuf,
    /// Features that it was built with.
    pub(crate) features: Vec<String>,
    /// What its build script told rustc: `name`, or `name="value"`.
    pub(crate) cfgs: Vec<String>,
    /// Variables that its build script set, `OUT_DIR` among them.
    pub(crate) env: Vec<(String, String)>,
    /// Crates that it names, each with the file of its metadata (a library, where it is one of procedural macros).
    pub(crate) dependencies: Vec<(String, PathBuf)>,
    pub(crate) kind: Sources,
}

/// What kind of sources a crate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// The toolchain's own, which change with it.
    Standard,
    /// Those of a registry, which never change.
    Registry,
    /// Those of a workspace.
    Workspace,
}

/// What the index is made of.
pub(crate) struct Reading<'a> {
    pub(crate) crates: &'a [Documented],
    /// The folder with the metadata of everything that the crates stand on.
    pub(crate) dependencies: &'a Path,
    pub(crate) toolchain: &'a Toolchain,
    /// The folder that keeps what rustdoc has said of crates that never change.
    pub(crate) cache: &'a Path,
}

/// Reads the crates and makes the bytes of the index, as far as rustdoc can read; `None` when told to stop.
pub(crate) fn build(
    reading: &Reading<'_>,
    progress: &dyn Fn(&str),
    stop: &dyn Fn() -> bool,
) -> std::io::Result<Option<Vec<u8>>> {
    let begun = Instant::now();
    let output = tempfile::tempdir()?;
    let rustdoc = Rustdoc {
        program: reading.toolchain.rustc.with_file_name("rustdoc"),
        dependencies: reading.dependencies.to_owned(),
        output: output.path().to_owned(),
        stop: AtomicBool::new(false),
    };
    let (own, mut others): (Vec<Documented>, Vec<Documented>) = reading
        .crates
        .iter()
        .cloned()
        .partition(|krate| krate.kind == Sources::Workspace);
    others.extend(standard::crates(reading.toolchain));
    // The longest first, so that none is left to work alone at the end.
    others.sort_by_key(|krate| !["core", "polars-plan"].contains(&krate.name.as_str()));
    let kept = reading
        .cache
        .join(format!("{KEPT}{}.json", key(&others, reading.toolchain)));
    let mut drafts = match load(&kept) {
        Some(drafts) => drafts,
        None => {
            let read = read_all(&others, &rustdoc, progress, stop);
            if read.complete {
                keep(&read.drafts, &kept);
            }
            read.drafts
        }
    };
    merge(&mut drafts, read_all(&own, &rustdoc, progress, stop).drafts);
    if rustdoc.stop.into_inner() {
        return Ok(None);
    }
    let index = assemble(drafts);
    let bytes = index.encode();
    progress(&format!(
        "index of {} names, {:.1} MB, after {:.0} s",
        index.things.len(),
        bytes.len() as f64 / 1e6,
        begun.elapsed().as_secs_f64()
    ));
    Ok(Some(bytes))
}

/// What the sayings of rustdoc on these crates depend on.
fn key(crates: &[Documented], toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FORM} {} {}", env!("CARGO_PKG_VERSION"), toolchain.version));
    for krate in crates {
        let part = (&krate.name, &krate.version, &krate.features, &krate.cfgs);
        hash.update(format!("{part:?}"));
    }
    let digest = hash.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn load(file: &Path) -> Option<Drafts> {
    let bytes = std::fs::read(file).ok()?;
    let drafts: Vec<(Key, Draft)> = serde_json::from_slice(&bytes).ok()?;
    Some(drafts.into_iter().collect())
}

/// Keeps what rustdoc has said, in the place of what it said of other versions.
fn keep(drafts: &Drafts, file: &Path) {
    let written = || -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(file);
        std::fs::create_dir_all(folder)?;
        for old in std::fs::read_dir(folder)?.filter_map(Result::ok) {
            if old.file_name().to_string_lossy().starts_with(KEPT) {
                std::fs::remove_file(old.path())?;
            }
        }
        let new = tempfile::NamedTempFile::new_in(folder)?;
        let pairs: Vec<(&Key, &Draft)> = drafts.iter().collect();
        serde_json::to_writer(std::io::BufWriter::new(&new), &pairs)?;
        new.persist(file)?;
        Ok(())
    };
    if let Err(error) = written() {
        tracing::warn!(file = %file.display(), %error, "what rustdoc said is not kept");
    }
}

/// What rustdoc said of several crates.
pub(super) struct Read {
    pub(super) drafts: Drafts,
    /// Whether none was left out.
    complete: bool,
}

pub(super) fn read_all(
    crates: &[Documented],
    rustdoc: &Rustdoc,
    progress: &dyn Fn(&str),
    stop: &dyn Fn() -> bool,
) -> Read {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    let next = AtomicUsize::new(0);
    let drafts = Mutex::new(Drafts::new());
    let complete = AtomicBool::new(true);
    let (say, said) = unbounded();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (next, drafts, complete, say) = (&next, &drafts, &complete, say.clone());
            scope.spawn(move || {
                while let Some(krate) = crates.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if rustdoc.stop.load(Ordering::Relaxed) {
                        complete.store(false, Ordering::Relaxed);
                        break;
                    }
                    let _ = say.send(format!("reading the documentation of {}", krate.name));
                    // What rustdoc writes is no stable form: a surprise in it costs one crate of the index.
                    let read = std::panic::catch_unwind(AssertUnwindSafe(|| rustdoc.read(krate)));
                    match read.unwrap_or_else(|_| Err(std::io::Error::other("its documentation reads oddly"))) {
                        Ok(read) => merge(&mut drafts.lock(), read),
                        Err(error) => {
                            complete.store(false, Ordering::Relaxed);
                            tracing::warn!(krate = krate.name, %error, "left out of the index");
                        }
                    }
                }
            });
        }
        // The workers have the other ends: this one must not keep the channel open.
        drop(say);
        loop {
            match said.recv_timeout(LOOK_EVERY) {
                Ok(line) => progress(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if stop() {
                rustdoc.stop.store(true, Ordering::Relaxed);
            }
        }
    });
    Read {
        drafts: drafts.into_inner(),
        complete: complete.into_inner(),
    }
}

/// How rustdoc is called.
pub(super) struct Rustdoc {
    pub(super) program: PathBuf,
    pub(super) dependencies: PathBuf,
    pub(super) output: PathBuf,
    pub(super) stop: AtomicBool,
}

impl Rustdoc {
    fn read(&self, krate: &Documented) -> std::io::Result<Drafts> {
        let said = self.output.join(&krate.crate_name).with_extension("said");
        let mut child = self
            .command(krate)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .process_group(0)
            .spawn()?;
        let _guard = GroupGuard::over(&child).ok();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if self.stop.load(Ordering::Relaxed) {
                let _ = child.kill();
            }
            std::thread::sleep(LOOK_EVERY);
        };
        if !status.success() {
            let said = std::fs::read(&said).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let first = said.lines().find(|line| line.starts_with("error")).unwrap_or("no word");
            return Err(std::io::Error::other(format!("rustdoc: {first}")));
        }
        let file = self.output.join(&krate.crate_name).with_extension("json");
        let read = Crate::read(&file)?;
        let _ = std::fs::remove_file(&file);
        Ok(draft(&read))
    }

    fn command(&self, krate: &Documented) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&krate.folder)
            // JSON is not a stable form yet; nothing is compiled here.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_MANIFEST_DIR", &krate.folder)
            .env("CARGO_PKG_NAME", &krate.name)
            .env("CARGO_CRATE_NAME", &krate.crate_name)
            .env("CARGO_PKG_VERSION", &krate.version)
            .envs(parts_of_version(&krate.version))
            .envs(krate.env.iter().map(|(name, value)| (name, value)))
            .args(["--edition", &krate.edition, "--crate-type", "lib"])
            .args(["--crate-name", &krate.crate_name])
            .arg(&krate.source)
            .args(["-Zunstable-options", "--output-format", "json", "-o"])
            .arg(&self.output)
            .args(["--cap-lints", "allow"]);
        for feature in &krate.features {
            command.args(["--cfg", &format!("feature=\"{feature}\"")]);
        }
        for cfg in &krate.cfgs {
            command.args(["--cfg", cfg]);
        }
        if krate.kind == Sources::Standard {
            command.arg("-Zforce-unstable-if-unmarked");
        } else {
            command.arg(with_path("-Ldependency=", &self.dependencies));
        }
        for (name, file) in &krate.dependencies {
            command.arg("--extern").arg(with_path(&format!("{name}="), file));
        }
        command
    }
}

fn with_path(before: &str, path: &Path) -> OsString {
    let mut text = OsString::from(before);
    text.push(path);
    text
}

/// What cargo tells of a version, part by part.
fn parts_of_version(version: &str) -> impl Iterator<Item = (&'static str, String)> {
    let mut numbers = version.split(['-', '+']).next().unwrap_or_default().split('.');
    let names = [
        "CARGO_PKG_VERSION_MAJOR",
        "CARGO_PKG_VERSION_MINOR",
        "CARGO_PKG_VERSION_PATCH",
    ];
    let parts = names.map(|name| (name, numbers.next().unwrap_or("0").to_owned()));
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::index::Kind;

    #[test]
    fn what_was_said_once_is_kept_in_the_place_of_what_is_outdated() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("documentation-1.json");
        std::fs::write(&old, "").unwrap();
        let draft = Draft {
            kind: Some(Kind::Struct),
            signature: "struct T".to_owned(),
            ..Draft::default()
        };
        let drafts: Drafts = [(Key::of_type("a::T"), draft)].into();
        let file = folder.path().join("documentation-2.json");
        assert!(load(&file).is_none());
        keep(&drafts, &file);
        assert!(!old.exists());
        assert_eq!(load(&file).unwrap()[&Key::of_type("a::T")].signature, "struct T");
    }

    #[test]
    fn rustdoc_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("rustdoc");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 30\n").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let rustdoc = Rustdoc {
            program,
            dependencies: folder.path().to_owned(),
            output: folder.path().to_owned(),
            stop: AtomicBool::new(false),
        };
        let krate = Documented {
            name: "a".to_owned(),
            crate_name: "a".to_owned(),
            version: "1.2.3-beta.4".to_owned(),
            edition: "2024".to_owned(),
            source: folder.path().join("a.rs"),
            folder: folder.path().to_owned(),
            features: Vec::new(),
            cfgs: Vec::new(),
            env: Vec::new(),
            dependencies: Vec::new(),
            kind: Sources::Registry,
        };
        let begun = Instant::now();
        let soon = || begun.elapsed() > Duration::from_millis(200);
        let read = read_all(&vec![krate; 9], &rustdoc, &|_| {}, &soon);
        assert!(!read.complete && read.drafts.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(10));
        let parts: Vec<String> = parts_of_version("1.2.3-beta.4").map(|(_, part)| part).collect();
        assert_eq!(parts, ["1", "2", "3"]);
    }
}
