//! How cargo compiles cells and what `:dep` adds: a script in the place of rustc, and the files it reads.
//!
//! | file in the session's folder | says |
//! | --- | --- |
//! | `rustc` | what to do with each crate (`rustc.sh`, with the paths of this session) |
//! | `externs` | the crates of the prelude that a cell can name |
//! | `flags` | what else rustc is told for every cell ([`Prelude::flags`]) |
//! | `level` | how much the next cell is optimised ([`crate::speed`]) |
//! | `lock` | while crates are added: the versions that cargo is to choose |
//! | `compiled` | what `:dep` has made rustc compile, written by the script: progress, and what it had to compile apart |

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::event::Event;
use crate::facades;
use crate::folder::evcxr_folder;
use crate::interrupt::Interrupt;
use crate::prelude::Prelude;
use crate::speed::Level;

/// How often the person is told what is compiled.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where cargo remembers what rustc is, below evcxr's folder.
const MEMORY: &str = "target/.rustc_info.json";

const SCRIPT: &str = include_str!("rustc.sh");

/// The files by which a session's cells are compiled.
#[derive(Debug)]
pub(crate) struct CellCompiler {
    folder: PathBuf,
    /// How much of `compiled` has been read.
    seen: usize,
}

/// A crate that was compiled for `:dep`.
#[derive(Debug)]
struct Built {
    package: String,
    version: String,
    /// Features that the prelude's own copy lacks: then its types are not the prelude's.
    missing: Vec<String>,
}

impl CellCompiler {
    /// Writes the files.
    pub(crate) fn create(folder: &Path, rustc: &Path, prelude: &Prelude) -> io::Result<CellCompiler> {
        let compiler = CellCompiler {
            folder: folder.to_owned(),
            seen: 0,
        };
        let head = format!(
            "#!/bin/sh\nrustc={}\nprelude={}\nsession={}\n",
            quoted(rustc),
            quoted(prelude.folder()),
            quoted(folder)
        );
        std::fs::write(compiler.script(), head + SCRIPT)?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(compiler.script(), permissions)?;
        let externs: String = prelude
            .externs()
            .map(|(name, file)| format!("{name}={}\n", file.display()))
            .collect();
        std::fs::write(folder.join("externs"), externs)?;
        std::fs::write(folder.join("flags"), prelude.flags().join("\n"))?;
        std::fs::write(folder.join("compiled"), "")?;
        compiler.optimise(Level::Glue)?;
        Ok(compiler)
    }

    /// What cargo is told to use as rustc.
    pub(crate) fn script(&self) -> PathBuf {
        self.folder.join("rustc")
    }

    /// Lets cells name another crate.
    pub(crate) fn offer(&self, name: &str, file: &Path) -> io::Result<()> {
        let mut externs = OpenOptions::new().append(true).open(self.folder.join("externs"))?;
        writeln!(externs, "{name}={}", file.display())
    }

    /// How the next cell is compiled.
    pub(crate) fn optimise(&self, level: Level) -> io::Result<()> {
        std::fs::write(self.folder.join("level"), level.argument())
    }

    /// Has cargo choose the prelude's own versions for the crates that the next cell adds.
    ///
    /// Cargo forgets the versions of crates that nothing needs, and evcxr asks it about each `:dep` alone, so one lock file
    /// would not outlive the first. But cargo asks rustc for its version each time before it reads the lock file, unless it
    /// can remember the answer; where it would write that down is a folder meanwhile, and `rustc.sh` puts the lock file in
    /// its place.
    pub(crate) fn pin_versions(&self, evcxr: &Path) -> io::Result<()> {
        let chosen = match std::fs::read_to_string(evcxr.join("Cargo.lock")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            chosen => chosen?,
        };
        let memory = evcxr.join(MEMORY);
        if memory.is_file() {
            std::fs::remove_file(&memory)?;
        }
        std::fs::create_dir_all(&memory)?;
        std::fs::write(self.lock(), facades::lock(&chosen)?)
    }

    /// The next cell adds no crates.
    pub(crate) fn unpin_versions(&self, evcxr: &Path) -> io::Result<()> {
        match std::fs::remove_file(self.lock()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| std::fs::remove_dir(evcxr.join(MEMORY))),
        }
    }

    fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Compiles and runs a cell, and tells what is compiled for `:dep` meanwhile.
    pub(crate) fn watched<T>(
        &mut self,
        events: &Sender<Event>,
        interrupt: &Interrupt,
        execute: impl FnOnce() -> T,
    ) -> T {
        let began = Instant::now();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watch = || {
                let mut built: Vec<Built> = Vec::new();
                loop {
                    let last = done.load(Ordering::SeqCst) || !interrupt.is_compiling();
                    let news = self.built();
                    if let Some(newest) = news.last() {
                        let text = format!(
                            "compiling {} {} · {} · {}",
                            newest.package,
                            newest.version,
                            counted(built.len() + news.len()),
                            seconds(began)
                        );
                        let _ = events.send(Event::Progress(text));
                    }
                    built.extend(news);
                    if last {
                        break;
                    }
                    std::thread::park_timeout(LOOK_EVERY);
                }
                if !built.is_empty() {
                    let text = format!("compiled {} · {}", counted(built.len()), seconds(began));
                    let _ = events.send(Event::Progress(text));
                }
                let apart = built.iter().filter(|built| !built.missing.is_empty());
                let nameable = self.nameable();
                for apart in apart.filter(|apart| nameable.contains(&apart.package.replace('-', "_"))) {
                    let _ = events.send(Event::Stderr(apart.warning()));
                }
            };
            let watcher = scope.spawn(watch);
            let result = execute();
            done.store(true, Ordering::SeqCst);
            watcher.thread().unpark();
            result
        })
    }

    /// The crates that a cell can name: in the prelude, or added by `:dep`.
    fn nameable(&self) -> HashSet<String> {
        let externs = std::fs::read_to_string(self.folder.join("externs")).unwrap_or_default();
        let given = externs
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()));
        let manifest = std::fs::read_to_string(evcxr_folder().join("Cargo.toml")).unwrap_or_default();
        let manifest: toml::Table = manifest.parse().unwrap_or_default();
        let added = manifest.get("dependencies").and_then(toml::Value::as_table);
        let added = added.into_iter().flatten().map(|(name, wanted)| {
            let package = wanted.get("package").and_then(toml::Value::as_str);
            package.unwrap_or(name).replace('-', "_")
        });
        given.chain(added).collect()
    }

    /// What has been compiled for `:dep` since this was last asked.
    fn built(&mut self) -> Vec<Built> {
        let text = std::fs::read_to_string(self.folder.join("compiled")).unwrap_or_default();
        let news = text.get(self.seen..).unwrap_or_default();
        let whole = news.rfind('\n').map_or(0, |end| end + 1);
        self.seen += whole;
        news[..whole].lines().filter_map(Built::read).collect()
    }
}

impl Built {
    fn read(line: &str) -> Option<Built> {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Built {
            package: words.next()?,
            version: words.next()?,
            missing: words.collect(),
        })
    }

    fn warning(&self) -> String {
        let (package, version) = (&self.package, &self.version);
        let features: Vec<String> = self.missing.iter().map(|feature| format!("`{feature}`")).collect();
        format!(
            "note: {package} {version} with {} was compiled apart from the one that is ready here: their types are not the same. \
             Without these features it need not be compiled.\n",
            features.join(", ")
        )
    }
}

fn counted(crates: usize) -> String {
    match crates {
        1 => "1 crate".to_owned(),
        many => format!("{many} crates"),
    }
}

fn seconds(began: Instant) -> String {
    format!("{:.1} s", began.elapsed().as_secs_f64())
}

/// A word for the shell, whatever is in it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
