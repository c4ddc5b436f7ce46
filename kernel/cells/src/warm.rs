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

use crate::prelude::{MANIFEST, Manifest, Prelude, key};
use crate::toolchain::{Toolchain, ToolchainError, on_path, which};
use serde::Deserialize;

const PACKAGE: &str = "ironsage-prelude";
/// Pins the features of the workspace's dependencies; depends on all of them, links none.
const FEATURES: &str = "ironsage-features";
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
    Prelude::find(to, &toolchain).map(|prelude| prelude.folder().to_owned())
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
    /// Packages below the prelude; cargo reports more, built only to pin features.
    wanted: HashSet<String>,
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
        if !self.wanted.contains(&message.package_id) {
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
        && there.is_built_from(&built)
    {
        return Ok(there.folder().to_owned());
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
    strip(&deps);
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
    // The one that the workspace's own build is likely to use, so that nothing differs.
    let cargo = on_path("cargo").or_else(|| which("cargo")).ok_or(WarmError::NoCargo)?;
    let libraries = toolchain.libstd.parent().unwrap_or(Path::new("/"));
    let wanted = packages_below(from, &cargo)?;
    let mut command = Command::new(&cargo);
    forget_cargo(&mut command);
    let mut child = command
        .current_dir(from)
        .args(["rustc", "--release", "--locked", "--package", PACKAGE])
        .args(["--lib", "--crate-type=dylib"])
        .args(["--message-format=json-render-diagnostics", "--"])
        // One standard library, shared with the cells; found where the toolchain has it.
        .args(["-Cprefer-dynamic", "-Cstrip=symbols"])
        .arg(format!("-Clink-arg=-Wl,-rpath,{}", libraries.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(at(from))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || {
        let mut closure = Closure {
            wanted,
            ..Closure::default()
        };
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

/// Where this program was itself started by cargo (`cargo run`, `cargo test`), cargo has left
/// variables that build scripts look at: with them, half of the workspace would be built again.
fn forget_cargo(command: &mut Command) {
    const OF_A_RUN: [&str; 9] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_BIN_NAME",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
        "RUST_RECURSION_COUNT",
        "MAKEFLAGS",
    ];
    let of_a_run = |name: &str| {
        let families = [
            "CARGO_MANIFEST_",
            "CARGO_PKG_",
            "CARGO_BIN_EXE_",
            "CARGO_CFG_",
            "CARGO_FEATURE_",
        ];
        OF_A_RUN.contains(&name) || families.iter().any(|family| name.starts_with(family))
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_a_run) {
            command.env_remove(name);
        }
    }
}

/// The ids of all packages that the prelude is made of. The crate that pins features for the whole
/// workspace is not one of them: nothing of it is linked.
fn packages_below(from: &Path, cargo: &Path) -> Result<HashSet<String>, WarmError> {
    let not_one = |reason: String| WarmError::NotTheWorkspace {
        folder: from.to_owned(),
        reason,
    };
    let output = Command::new(cargo)
        .current_dir(from)
        .args(["metadata", "--format-version=1", "--locked"])
        .stdin(Stdio::null())
        .output()
        .map_err(at(from))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(not_one(said.trim().to_owned()));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| not_one(error.to_string()))?;
    let below: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let first = below.keys().find(|id| package_of(id).0 == PACKAGE);
    let first = first.ok_or_else(|| not_one(format!("it has no package `{PACKAGE}`")))?;
    let mut wanted = HashSet::new();
    let mut open = vec![*first];
    while let Some(id) = open.pop() {
        if package_of(id).0 == FEATURES || !wanted.insert(id.to_owned()) {
            continue;
        }
        let dependencies = below.get(id).into_iter().flat_map(|node| &node.deps);
        open.extend(dependencies.filter(|dep| dep.is_linked()).map(|dep| dep.pkg.as_str()));
    }
    Ok(wanted)
}

/// The part of `cargo metadata` that says what depends on what.
#[derive(Deserialize)]
struct Metadata {
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for an ordinary dependency, else `build` or `dev`.
    kind: Option<String>,
}

impl Dependency {
    fn is_linked(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
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

/// Takes the symbol tables out of the libraries of procedural macros, three quarters of their size.
/// Without the tool they work as well.
fn strip(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let libraries = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "so"));
    let stripped = Command::new("strip").arg("--strip-unneeded").args(libraries).output();
    match stripped {
        Ok(output) if output.status.success() => {}
        Ok(output) => tracing::warn!(said = %String::from_utf8_lossy(&output.stderr), "`strip` failed"),
        Err(error) => tracing::warn!(%error, "there is no `strip`"),
    }
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
        let lock: toml::Table = std::str::from_utf8(crate::prelude::LOCK).unwrap().parse().unwrap();
        let direct = direct_dependencies(&lock);
        for name in FOR_CELLS {
            assert!(direct.contains_key(name), "{name}");
        }
    }
}
