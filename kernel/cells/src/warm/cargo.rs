//! Cargo on the way to the prelude: what it is asked, and what it answers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde::Deserialize;

use super::documents::{Library, Parts, Planned, Script};
use super::error::{WarmError, at};
use super::watch::{Count, Heard, watch};
use super::{PACKAGE, Progress};
use crate::facades::Compiled;
use crate::index::Documented;
use crate::toolchain::{Toolchain, on_path, which};

/// Pins the features of the workspace's dependencies; depends on all of them, links none.
const FEATURES: &str = "ironsage-features";
/// As much of cargo's words as an error repeats.
const LAST_LINES: usize = 30;
/// Below this, two crates of Polars at once may exhaust the machine.
const ENOUGH_MEMORY: u64 = 6 << 30;

/// A workspace that the prelude is built from.
pub(super) struct Workspace<'a> {
    pub(super) folder: PathBuf,
    pub(super) toolchain: &'a Toolchain,
    /// Where carried sources are built; a checkout is built where cargo builds it.
    pub(super) target: Option<PathBuf>,
}

impl Workspace<'_> {
    fn cargo(&self) -> Result<Command, WarmError> {
        // The one that the workspace's own build is likely to use, so that nothing differs.
        let cargo = on_path("cargo").or_else(|| which("cargo")).ok_or(WarmError::NoCargo)?;
        let mut command = Command::new(cargo);
        forget_cargo(&mut command);
        command.current_dir(&self.folder).env("CARGO_TERM_COLOR", "never");
        // The notebook's folder may have a toolchain of its own, and it is the one that the prelude is for.
        if let Some(toolchain) = of_rustup(&self.toolchain.rustc) {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        if let Some(target) = &self.target {
            command.env("CARGO_TARGET_DIR", target);
        }
        if std::env::var_os("CARGO_BUILD_JOBS").is_none() && free_memory().is_some_and(|free| free < ENOUGH_MEMORY) {
            command.env("CARGO_BUILD_JOBS", "1");
        }
        Ok(command)
    }
}

/// The name of rustup's toolchain that a compiler belongs to.
fn of_rustup(rustc: &Path) -> Option<&str> {
    let toolchain = rustc.parent()?.parent()?;
    let all = toolchain.parent()?.file_name()?;
    if all == "toolchains" {
        toolchain.file_name()?.to_str()
    } else {
        None
    }
}

/// Bytes, as the system guesses.
fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

/// The files that a cell's compile needs.
#[derive(Debug, Default)]
pub(super) struct Closure {
    /// Packages below the prelude; cargo reports more, built only to pin features.
    wanted: HashSet<String>,
    pub(super) dylib: Option<PathBuf>,
    /// Whether cargo found the dylib as it should be.
    fresh: bool,
    pub(super) files: BTreeSet<PathBuf>,
    /// Package name → (version, crate name, file).
    pub(super) libraries: BTreeMap<String, Vec<(String, String, PathBuf)>>,
    pub(super) compiled: Vec<Compiled>,
    parts: Parts,
    /// What the index is made of.
    pub(super) documented: Vec<Documented>,
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
    #[serde(default)]
    fresh: bool,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    cfgs: Vec<String>,
    #[serde(default)]
    env: Vec<(String, String)>,
    #[serde(default)]
    out_dir: String,
}

#[derive(Deserialize, Default)]
struct Target {
    name: String,
    kind: Vec<String>,
    #[serde(default)]
    src_path: PathBuf,
    #[serde(default)]
    edition: String,
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
            self.fresh = message.fresh;
            self.note(&message, PathBuf::new());
            return;
        }
        if !self.wanted.contains(&message.package_id) {
            return;
        }
        let kinds = &message.target.kind;
        if kinds.iter().any(|kind| kind == "proc-macro") {
            if let Some(file) = with("so") {
                self.note(&message, file.clone());
                self.files.insert(file);
            }
        } else if kinds.iter().any(|kind| kind.ends_with("lib")) {
            // Metadata suffices to compile against; a crate without it needs its library.
            let Some(file) = with("rmeta").or_else(|| with("rlib")) else {
                return;
            };
            self.note(&message, file.clone());
            self.files.insert(file.clone());
            let name = message.target.name.replace('-', "_");
            self.compiled.push(Compiled {
                package: package.clone(),
                version: version.clone(),
                file: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                features: message.features,
            });
            let known = self.libraries.entry(package).or_default();
            known.push((version, name, file));
        }
    }

    fn note(&mut self, message: &Message, file: PathBuf) {
        let library = Library {
            name: message.target.name.clone(),
            edition: message.target.edition.clone(),
            source: message.target.src_path.clone(),
            features: message.features.clone(),
            file,
        };
        self.parts.add(&message.package_id, library);
    }

    fn take_script(&mut self, message: Message) {
        let script = Script {
            cfgs: message.cfgs,
            env: message.env,
            out_dir: message.out_dir,
        };
        self.parts.add_script(&message.package_id, script);
    }
}

/// Package and version from `registry+https://…#polars@0.55.2` or `path+file:///…/prep#0.1.0`.
pub(super) fn package_of(id: &str) -> (String, String) {
    let (source, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, version)) => (name.to_owned(), version.to_owned()),
        None => {
            let folder = source.rsplit('/').next().unwrap_or_default();
            (folder.to_owned(), fragment.to_owned())
        }
    }
}

/// Has the prelude built.
///
/// The dylib's name has no hash, so all clones and the carried sources write the same file where they share a target
/// folder, and cargo looks at nothing but its time. Beside it stands whose it is.
pub(super) fn build(
    workspace: &Workspace<'_>,
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<Closure, WarmError> {
    let mut count = Count::new(progress);
    let plan = plan(workspace, &mut count, stop)?;
    count.of = plan.built;
    let closure = build_once(workspace, &plan, &mut count, stop)?;
    let Some(dylib) = closure.dylib.clone() else {
        return Ok(closure);
    };
    let owner = dylib.with_extension("from");
    let name = workspace.folder.display().to_string();
    let ours = std::fs::read_to_string(&owner).is_ok_and(|other| other == name);
    let closure = match closure.fresh && !ours {
        true => {
            remove(&dylib);
            build_once(workspace, &plan, &mut count, stop)?
        }
        false => closure,
    };
    std::fs::write(&owner, name).map_err(at(&owner))?;
    Ok(closure)
}

/// The file has two names, the one that cargo tells and the one that it looks at.
fn remove(dylib: &Path) {
    let folder = dylib.parent().unwrap_or(dylib).join("deps");
    let other = dylib.file_name().map(|name| folder.join(name));
    for name in [Some(dylib), other.as_deref()].into_iter().flatten() {
        // Without it, cargo makes it again; where it stays, it is as it was.
        let _ = std::fs::remove_file(name);
    }
}

fn build_once(
    workspace: &Workspace<'_>,
    plan: &Plan,
    count: &mut Count<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Closure, WarmError> {
    let libraries = workspace.toolchain.libstd.parent().unwrap_or(Path::new("/"));
    let mut command = workspace.cargo()?;
    command
        .args(["rustc", "--release", "--locked", "--package", PACKAGE])
        .args(["--lib", "--crate-type=dylib"])
        .arg("--message-format=json-render-diagnostics");
    if workspace.target.is_some() {
        // Cargo takes two copies of a workspace for one where they share a target folder, and again looks at times alone:
        // an older executable's sources would pass for those of a checkout. A profile of their own keeps them apart.
        for member in &plan.members {
            let profile = format!("profile.release.package.{member}.codegen-units=15");
            command.arg("--config").arg(profile);
        }
    }
    command
        .arg("--")
        // One standard library, shared with the cells; found where the toolchain has it.
        .args(["-Cprefer-dynamic", "-Cstrip=symbols"])
        .arg(format!("-Clink-arg=-Wl,-rpath,{}", libraries.display()));
    let mut closure = Closure {
        wanted: plan.wanted.clone(),
        ..Closure::default()
    };
    let mut said = Vec::new();
    let status = watch(command, &workspace.folder, stop, |heard| match heard {
        Heard::Out(line) => {
            let message: Option<Message> = serde_json::from_str(&line).ok();
            let Some(message) = message else { return };
            match message.reason.as_str() {
                "compiler-artifact" => {
                    count.built(&message.package_id);
                    closure.take(message);
                }
                "build-script-executed" => closure.take_script(message),
                _ => {}
            }
        }
        Heard::Err(line) => {
            count.line(line.trim());
            said.push(line);
        }
        Heard::Nothing => count.show(),
    })?;
    if !status.success() {
        return Err(failed(status, &said));
    }
    closure.documented = closure.parts.documented(&plan.packages);
    Ok(closure)
}

fn failed(status: ExitStatus, said: &[String]) -> WarmError {
    WarmError::Build {
        status: status.to_string(),
        output: said[said.len().saturating_sub(LAST_LINES)..].join("\n"),
    }
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

/// What there is to build.
struct Plan {
    /// The ids of all packages that the prelude is made of. The crate that pins features for the whole
    /// workspace is not one of them: nothing of it is linked.
    wanted: HashSet<String>,
    /// The names of the workspace's own packages among those that are compiled.
    members: Vec<String>,
    /// How many packages are compiled on the way.
    built: usize,
    /// Packages by their ids.
    packages: HashMap<String, Planned>,
}

fn plan(workspace: &Workspace<'_>, count: &mut Count<'_>, stop: &dyn Fn() -> bool) -> Result<Plan, WarmError> {
    let not_one = |reason: String| WarmError::NotTheWorkspace {
        folder: workspace.folder.clone(),
        reason,
    };
    let mut command = workspace.cargo()?;
    command.args(["metadata", "--format-version=1", "--locked"]);
    if let Some(host) = workspace.toolchain.host() {
        // Else cargo wants to see the crates of all systems.
        command.args(["--filter-platform", host]);
    }
    let (mut answer, mut said) = (String::new(), Vec::new());
    let status = watch(command, &workspace.folder, stop, |heard| match heard {
        Heard::Out(line) => answer.push_str(&line),
        Heard::Err(line) => {
            count.line(line.trim());
            said.push(line);
        }
        Heard::Nothing => count.show(),
    })?;
    if !status.success() {
        return Err(match workspace.target {
            Some(_) => failed(status, &said),
            None => not_one(said.join("\n").trim().to_owned()),
        });
    }
    let metadata: Metadata = serde_json::from_str(&answer).map_err(|error| not_one(error.to_string()))?;
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let first = nodes.keys().find(|id| package_of(id).0 == PACKAGE);
    let first = *first.ok_or_else(|| not_one(format!("it has no package `{PACKAGE}`")))?;
    let is_part = |dependency: &Dependency| dependency.is_linked() && package_of(&dependency.pkg).0 != FEATURES;
    let built = below(first, &nodes, Dependency::is_built);
    let members = metadata.workspace_members.iter().filter(|id| built.contains(*id));
    let packages = metadata.packages.iter().map(|package| {
        let node = nodes.get(package.id.as_str()).into_iter();
        let linked = node
            .flat_map(|node| &node.deps)
            .filter(|dependency| dependency.is_linked());
        let planned = Planned {
            folder: package.manifest_path.parent().map(Path::to_owned).unwrap_or_default(),
            dependencies: linked
                .map(|dependency| (dependency.name.clone(), dependency.pkg.clone()))
                .collect(),
        };
        (package.id.clone(), planned)
    });
    Ok(Plan {
        packages: packages.collect(),
        wanted: below(first, &nodes, is_part),
        members: members.map(|id| package_of(id).0).collect(),
        built: built.len(),
    })
}

/// The ids of a package and of all below it that are reached through dependencies of a kind.
fn below(first: &str, nodes: &BTreeMap<&str, &Node>, follow: impl Fn(&Dependency) -> bool) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut open = vec![first];
    while let Some(id) = open.pop() {
        if !found.insert(id.to_owned()) {
            continue;
        }
        let dependencies = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        let followed = dependencies.filter(|dependency| follow(dependency));
        open.extend(followed.map(|dependency| dependency.pkg.as_str()));
    }
    found
}

/// The part of `cargo metadata` that says what depends on what.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
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
    /// As paths begin with it.
    name: String,
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

    fn is_built(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
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
    fn a_compiler_of_rustup_names_its_toolchain() {
        let of = |rustc: &str| of_rustup(Path::new(rustc)).map(str::to_owned);
        let stable = "stable-x86_64-unknown-linux-gnu";
        assert_eq!(
            of(&format!("/home/ada/.rustup/toolchains/{stable}/bin/rustc")).unwrap(),
            stable
        );
        assert_eq!(of("/usr/bin/rustc"), None);
    }
}
