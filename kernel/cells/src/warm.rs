//! The ready-made prelude: Polars and the rest, compiled once, for every cell of every session.
//!
//! The workspace's build has compiled all of it already, as libraries that the kernel itself is
//! linked from. [`install`] asks cargo for one more artifact, the prelude as a dylib (linking only:
//! seconds), and copies what rustc needs to compile against it into the user's data folder: the
//! metadata of every crate below it, the libraries of procedural macros, the stripped dylib. The
//! folder's name is a key made of the toolchain, our version and the lock file, so a changed
//! toolchain is simply one whose prelude is missing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::toolchain::{Toolchain, ToolchainError, which};

/// The versions that this executable was built with.
const LOCK: &[u8] = include_bytes!("../../../Cargo.lock");
const PACKAGE: &str = "ironsage-prelude";
const CRATE: &str = "ironsage_prelude";
const MANIFEST: &str = "manifest.json";
/// Crates that cells name directly.
const FOR_CELLS: [&str; 5] = ["polars", "ndarray", "plotters", "serde_json", "tokio"];

/// The prelude could not be put in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarmError {
    /// There is no usable toolchain.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// Cargo is missing.
    #[error("there is no `cargo` on the PATH, nor through rustup")]
    NoCargo,
    /// The folder is not the workspace that has the prelude.
    #[error("{} is not the Ironsage workspace: {reason}", folder.display())]
    NotTheWorkspace {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Cargo did not build it.
    #[error("cargo could not build the prelude ({status})\n{output}")]
    Build {
        /// How cargo ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// Cargo's answer lacks a part.
    #[error("cargo built the prelude without {missing}")]
    Incomplete {
        /// What is missing.
        missing: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl WarmError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            WarmError::Toolchain(error) => error.hint(),
            WarmError::NoCargo => {
                Some("install Rust by rustup (https://rustup.rs), or put cargo on the PATH".to_owned())
            }
            WarmError::NotTheWorkspace { .. } => Some("run it in a checkout of Ironsage".to_owned()),
            WarmError::Build { .. } => {
                Some("`cargo build --release --locked --workspace` in the same folder shows the cause".to_owned())
            }
            WarmError::Incomplete { .. } | WarmError::File { .. } => None,
        }
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> WarmError + '_ {
    move |source| WarmError::File {
        path: path.to_owned(),
        source,
    }
}

/// Where preludes lie unless told otherwise: the user's data folder.
pub fn default_folder() -> Option<PathBuf> {
    let data = match std::env::var_os("XDG_DATA_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir()?.join(".local/share"),
    };
    Some(data.join("ironsage/prelude"))
}

/// The ready-made prelude for the current toolchain below `to`, when it is there.
pub fn ready(to: &Path) -> Option<PathBuf> {
    let toolchain = Toolchain::find().ok()?;
    Prelude::find(to, &toolchain).map(|prelude| prelude.folder)
}

/// What one folder holds.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct Manifest {
    key: String,
    version: String,
    rustc: String,
    dylib: String,
    /// Crate name → its metadata, for crates that a path may begin with.
    externs: BTreeMap<String, String>,
    /// Size and time of the dylib that was copied: tells whether a rebuild changed it.
    built: String,
}

/// A prelude in its place.
#[derive(Debug, Clone)]
pub(crate) struct Prelude {
    folder: PathBuf,
    manifest: Manifest,
}

impl Prelude {
    pub(crate) fn find(to: &Path, toolchain: &Toolchain) -> Option<Prelude> {
        let key = key(toolchain);
        let folder = to.join(&key);
        let text = std::fs::read_to_string(folder.join(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_str(&text).ok()?;
        (manifest.key == key).then_some(Prelude { folder, manifest })
    }

    pub(crate) fn dylib(&self) -> PathBuf {
        self.folder.join(&self.manifest.dylib)
    }

    /// What rustc is told for every cell.
    pub(crate) fn flags(&self) -> Vec<String> {
        let extern_at = |name: &str, file: &str| format!("--extern={name}={}", self.folder.join(file).display());
        // evcxr's own flag is replaced by these, and needed: one standard library for all.
        let mut flags = vec![
            "-Cprefer-dynamic".to_owned(),
            // evcxr asks for them; they make generic code of Polars check its own invariants.
            "-Cdebug-assertions=off".to_owned(),
            extern_at(CRATE, &self.manifest.dylib),
        ];
        let externs = &self.manifest.externs;
        flags.extend(externs.iter().map(|(name, file)| extern_at(name, file)));
        flags.push(format!("-Ldependency={}", self.folder.join("deps").display()));
        flags
    }

    /// Crates that a path in a cell may begin with.
    pub(crate) fn crates(&self) -> HashSet<String> {
        let own = ["std", "core", CRATE].map(str::to_owned);
        self.manifest.externs.keys().cloned().chain(own).collect()
    }
}

fn key(toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    for part in [toolchain.version.as_bytes(), env!("CARGO_PKG_VERSION").as_bytes(), LOCK] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One line of cargo's answer.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize, Default)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The files that a cell's compile needs.
#[derive(Debug, Default)]
struct Closure {
    dylib: Option<PathBuf>,
    files: BTreeSet<PathBuf>,
    /// Package name → (version, crate name, file).
    libraries: BTreeMap<String, Vec<(String, String, PathBuf)>>,
}

impl Closure {
    fn take(&mut self, message: Message) {
        let (package, version) = package_of(&message.package_id);
        let with = |ending: &str| {
            let mut files = message.filenames.iter();
            files
                .find(|file| file.extension().is_some_and(|e| e == ending))
                .cloned()
        };
        if package == PACKAGE {
            self.dylib = with("so").or(self.dylib.take());
            return;
        }
        let kinds = &message.target.kind;
        if kinds.iter().any(|kind| kind == "proc-macro") {
            self.files.extend(with("so"));
        } else if kinds.iter().any(|kind| kind.ends_with("lib")) {
            // Metadata suffices to compile against; a crate without it needs its library.
            let Some(file) = with("rmeta").or_else(|| with("rlib")) else {
                return;
            };
            self.files.insert(file.clone());
            let name = message.target.name.replace('-', "_");
            let known = self.libraries.entry(package).or_default();
            known.push((version, name, file));
        }
    }
}

/// Package and version from `registry+https://…#polars@0.55.2` or `path+file:///…/prep#0.1.0`.
fn package_of(id: &str) -> (String, String) {
    let (source, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, version)) => (name.to_owned(), version.to_owned()),
        None => {
            let folder = source.rsplit('/').next().unwrap_or_default();
            (folder.to_owned(), fragment.to_owned())
        }
    }
}

/// Builds the prelude's dylib from the workspace `from` and puts it below `to`; returns its folder.
///
/// Nothing is compiled that the workspace's own release build has compiled. `CARGO_TARGET_DIR` is
/// respected. A second call copies nothing when nothing has changed. `progress` is told what cargo
/// says, line by line.
pub fn install(from: &Path, to: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, WarmError> {
    let toolchain = Toolchain::find()?;
    let closure = build(from, &toolchain, progress)?;
    let dylib = closure.dylib.clone().ok_or_else(|| WarmError::Incomplete {
        missing: "its dylib".to_owned(),
    })?;
    let built = stamp(&dylib)?;
    if let Some(there) = Prelude::find(to, &toolchain)
        && there.manifest.built == built
    {
        return Ok(there.folder);
    }
    let externs = externs(from, &closure)?;
    std::fs::create_dir_all(to).map_err(at(to))?;
    let staged = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(to)
        .map_err(at(to))?;
    progress("copying what cells are compiled against");
    let deps = staged.path().join("deps");
    std::fs::create_dir(&deps).map_err(at(&deps))?;
    for file in &closure.files {
        copy_into(file, &deps)?;
    }
    copy_into(&dylib, staged.path())?;
    let manifest = Manifest {
        key: key(&toolchain),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: toolchain.version.clone(),
        dylib: file_name(&dylib),
        externs,
        built,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from);
    let place = staged.path().join(MANIFEST);
    std::fs::write(&place, text.map_err(at(&place))?).map_err(at(&place))?;
    let folder = to.join(&manifest.key);
    replace(staged, &folder)?;
    Ok(folder)
}

/// Puts the finished folder in its place. A kernel that uses the old one has its dylib mapped.
fn replace(staged: tempfile::TempDir, folder: &Path) -> Result<(), WarmError> {
    if folder.exists() {
        let parent = folder.parent().unwrap_or(folder);
        let old = tempfile::Builder::new()
            .prefix(".old-")
            .tempdir_in(parent)
            .map_err(at(parent))?;
        std::fs::rename(folder, old.path().join("prelude")).map_err(at(folder))?;
    }
    std::fs::rename(staged.path(), folder).map_err(at(folder))?;
    // Renamed, so there is nothing left to remove.
    let _ = staged.keep();
    Ok(())
}

fn build(from: &Path, toolchain: &Toolchain, progress: &dyn Fn(&str)) -> Result<Closure, WarmError> {
    let cargo = which("cargo").ok_or(WarmError::NoCargo)?;
    let libraries = toolchain.libstd.parent().unwrap_or(Path::new("/"));
    let mut child = Command::new(cargo)
        .current_dir(from)
        .args(["rustc", "--release", "--locked", "--package", PACKAGE])
        .args(["--lib", "--crate-type=dylib"])
        .args(["--message-format=json-render-diagnostics", "--"])
        // One standard library, shared with the cells; found where the toolchain has it.
        .args(["-Cprefer-dynamic", "-Cstrip=symbols"])
        .arg(format!("-Clink-arg=-Wl,-rpath,{}", libraries.display()))
        .env("RUSTC", &toolchain.rustc)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(at(from))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || {
        let mut closure = Closure::default();
        for line in stdout.into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let message = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            let message: Option<Message> = message;
            if let Some(message) = message.filter(|m| m.reason == "compiler-artifact") {
                closure.take(message);
            }
        }
        closure
    });
    let mut said = Vec::new();
    for line in stderr.into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let Ok(line) = line else { break };
        progress(line.trim());
        said.push(line);
    }
    let status = child.wait().map_err(at(from))?;
    let closure = reader.join().unwrap_or_default();
    if !status.success() {
        let last = said.len().saturating_sub(40);
        return Err(WarmError::Build {
            status: status.to_string(),
            output: said[last..].join("\n"),
        });
    }
    Ok(closure)
}

/// The metadata of the crates that cells name, in the versions that the prelude itself uses.
fn externs(from: &Path, closure: &Closure) -> Result<BTreeMap<String, String>, WarmError> {
    let lock_path = from.join("Cargo.lock");
    let text = std::fs::read_to_string(&lock_path).map_err(at(&lock_path))?;
    let lock: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| WarmError::NotTheWorkspace {
            folder: from.to_owned(),
            reason: error.to_string(),
        })?;
    let direct = direct_dependencies(&lock);
    let mut externs = BTreeMap::new();
    for name in FOR_CELLS {
        let missing = || WarmError::Incomplete {
            missing: format!("the crate `{name}`"),
        };
        let wanted = direct.get(name).ok_or_else(missing)?;
        let known = closure.libraries.get(name).ok_or_else(missing)?;
        let (_, crate_name, file) = known
            .iter()
            .find(|(version, _, _)| wanted.as_ref().is_none_or(|wanted| wanted == version))
            .ok_or_else(missing)?;
        externs.insert(crate_name.clone(), deps_path(file));
    }
    // So that a type which Polars does not re-export still has a path.
    for (package, known) in &closure.libraries {
        if let (true, [(_, crate_name, file)]) = (package.starts_with("polars-"), known.as_slice()) {
            externs.insert(crate_name.clone(), deps_path(file));
        }
    }
    Ok(externs)
}

/// The prelude's own dependencies; with a version where the lock file must tell several apart.
fn direct_dependencies(lock: &toml::Table) -> BTreeMap<String, Option<String>> {
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let prelude = packages
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(PACKAGE));
    let dependencies = prelude
        .and_then(|package| package.get("dependencies"))
        .and_then(toml::Value::as_array);
    dependencies
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .filter_map(|entry| {
            let mut words = entry.split(' ');
            Some((words.next()?.to_owned(), words.next().map(str::to_owned)))
        })
        .collect()
}

fn deps_path(file: &Path) -> String {
    format!("deps/{}", file_name(file))
}

fn file_name(file: &Path) -> String {
    file.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn copy_into(file: &Path, folder: &Path) -> Result<(), WarmError> {
    std::fs::copy(file, folder.join(file_name(file))).map_err(at(file))?;
    Ok(())
}

fn stamp(file: &Path) -> Result<String, WarmError> {
    let metadata = std::fs::metadata(file).map_err(at(file))?;
    let changed = metadata.modified().map_err(at(file))?;
    let since = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} bytes, {} ns", metadata.len(), since.as_nanos()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn packages_are_read_from_their_ids() {
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(
            package_of("registry+https://example.org/index#polars@0.55.2"),
            pair("polars", "0.55.2")
        );
        assert_eq!(
            package_of("path+file:///w/kernel/prelude#ironsage-prelude@0.1.0"),
            pair("ironsage-prelude", "0.1.0")
        );
        assert_eq!(package_of("path+file:///w/prep#0.1.0"), pair("prep", "0.1.0"));
    }

    #[test]
    fn the_prelude_names_its_dependencies_in_the_lock_file() {
        let lock: toml::Table = std::str::from_utf8(LOCK).unwrap().parse().unwrap();
        let direct = direct_dependencies(&lock);
        for name in FOR_CELLS {
            assert!(direct.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_folder_with_another_key_or_without_manifest_is_not_ready() {
        let to = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::find().unwrap();
        assert!(Prelude::find(to.path(), &toolchain).is_none());
        let folder = to.path().join(key(&toolchain));
        std::fs::create_dir(&folder).unwrap();
        let mut manifest = Manifest {
            key: "another".to_owned(),
            version: String::new(),
            rustc: String::new(),
            dylib: "lib.so".to_owned(),
            externs: [("polars".to_owned(), "deps/p.rmeta".to_owned())].into(),
            built: String::new(),
        };
        let write = |manifest: &Manifest| {
            std::fs::write(folder.join(MANIFEST), serde_json::to_string(manifest).unwrap()).unwrap();
        };
        write(&manifest);
        assert!(Prelude::find(to.path(), &toolchain).is_none());
        manifest.key = key(&toolchain);
        write(&manifest);
        let prelude = Prelude::find(to.path(), &toolchain).unwrap();
        assert!(prelude.flags().iter().any(|flag| flag.starts_with("--extern=polars=")));
        assert!(prelude.crates().contains("polars"));
    }
}
