//! What cells need, in its place; and what nobody needs any more, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::cargo::{Closure, Workspace};
use super::error::{WarmError, at};
use super::{PACKAGE, Progress, cache_folder};
use crate::prelude::{MANIFEST, Manifest, Prelude, key};
use crate::{facades, index};

/// Crates that cells name directly.
const FOR_CELLS: [&str; 5] = ["polars", "ndarray", "plotters", "serde_json", "tokio"];
/// The beginnings of the names of folders that are being made and removed.
const MAKING: &str = ".new-";
const REMOVING: &str = ".old-";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Copies what cells are compiled against below `to`, unless it is there from the same build.
pub(super) fn put(
    closure: &Closure,
    workspace: &Workspace<'_>,
    to: &Path,
    sources: &[u8],
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<Prelude, WarmError> {
    let toolchain = workspace.toolchain;
    let missing = |missing: &str| WarmError::Incomplete {
        missing: missing.to_owned(),
    };
    let dylib = closure.dylib.as_deref().ok_or_else(|| missing("its dylib"))?;
    let built = stamp(dylib)?;
    if let Some(there) = Prelude::find(to, toolchain, sources)
        && there.is_built_from(&built)
    {
        return Ok(there);
    }
    let externs = externs(&workspace.folder, closure)?;
    std::fs::create_dir_all(to).map_err(at(to))?;
    let staged = tempfile::Builder::new().prefix(MAKING).tempdir_in(to).map_err(at(to))?;
    let copying = "copying what cells are compiled against";
    progress(Progress::Line(copying));
    progress(Progress::State(copying));
    let deps = staged.path().join("deps");
    std::fs::create_dir(&deps).map_err(at(&deps))?;
    for file in &closure.files {
        if stop() {
            return Err(WarmError::Stopped);
        }
        copy_into(file, &deps)?;
    }
    strip(&deps);
    copy_into(dylib, staged.path())?;
    write_index(closure, workspace, staged.path(), progress, stop)?;
    let contained = facades::contained(&toolchain.rustc, dylib).unwrap_or_else(|error| {
        tracing::warn!(%error, "`:dep` will compile everything anew");
        BTreeSet::new()
    });
    let folder = staged.path().join(facades::FOLDER);
    facades::write(&folder, &closure.compiled, &contained).map_err(at(&folder))?;
    let manifest = Manifest {
        key: key(toolchain, sources),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: toolchain.version.clone(),
        dylib: file_name(dylib),
        externs,
        built,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from);
    let place = staged.path().join(MANIFEST);
    std::fs::write(&place, text.map_err(at(&place))?).map_err(at(&place))?;
    replace(staged, &to.join(&manifest.key))?;
    Prelude::find(to, toolchain, sources).ok_or_else(|| missing("its manifest"))
}

/// Makes the index, for completion and inspection. Cells run without it as well.
fn write_index(
    closure: &Closure,
    workspace: &Workspace<'_>,
    staged: &Path,
    progress: &dyn Fn(Progress<'_>),
    stop: &dyn Fn() -> bool,
) -> Result<(), WarmError> {
    let deps = staged.join("deps");
    let mut crates = closure.documented.clone();
    for (_, file) in crates.iter_mut().flat_map(|krate| &mut krate.dependencies) {
        *file = deps.join(file_name(file));
    }
    let reading = index::Reading {
        crates: &crates,
        dependencies: &deps,
        toolchain: workspace.toolchain,
        cache: &cache_folder()?,
    };
    let tell = |line: &str| {
        progress(Progress::Line(line));
        progress(Progress::State(line));
    };
    let place = staged.join(index::FILE);
    match index::build(&reading, &tell, stop) {
        Ok(Some(bytes)) => std::fs::write(&place, bytes).map_err(at(&place)),
        Ok(None) => Err(WarmError::Stopped),
        Err(error) => {
            tracing::warn!(%error, "no index was made");
            Ok(())
        }
    }
}

/// Puts the finished folder in its place. A kernel that uses the old one has its dylib mapped.
fn replace(staged: tempfile::TempDir, folder: &Path) -> Result<(), WarmError> {
    if folder.exists() {
        let parent = folder.parent().unwrap_or(folder);
        let old = tempfile::Builder::new()
            .prefix(REMOVING)
            .tempdir_in(parent)
            .map_err(at(parent))?;
        std::fs::rename(folder, old.path().join("prelude")).map_err(at(folder))?;
    }
    std::fs::rename(staged.path(), folder).map_err(at(folder))?;
    // Renamed, so there is nothing left to remove.
    let _ = staged.keep();
    Ok(())
}

/// Removes what takes 600 MB each and has lost its use: what a killed process left; preludes of the same
/// toolchain that Ironsage has outgrown, after a day, since an older executable may still be there; those of other
/// toolchains after a month, since several may be in use by turns. What a kernel holds stays.
pub(super) fn sweep(to: &Path, kept: &Prelude) {
    for entry in std::fs::read_dir(to).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let left_over = name.starts_with(MAKING) || name.starts_with(REMOVING);
        if left_over && is_older(&entry.path(), HOUR) {
            remove(&entry.path());
        }
    }
    for (folder, manifest) in Manifest::all(to) {
        let patience = if kept.is_of(&manifest.rustc) { DAY } else { 30 * DAY };
        let file = folder.join(MANIFEST);
        if folder != kept.folder() && is_older(&file, patience) && !is_held(&file) {
            remove(&folder);
        }
    }
}

fn is_older(path: &Path, than: Duration) -> bool {
    let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > than))
}

/// Whether a kernel works with it: see [`Prelude::hold`].
fn is_held(manifest: &Path) -> bool {
    File::open(manifest).is_ok_and(|file| file.try_lock().is_err())
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "cannot remove");
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
    use std::time::SystemTime;

    use super::*;
    use crate::toolchain::Toolchain;

    #[test]
    fn the_prelude_names_its_dependencies_in_the_lock_file() {
        let lock: toml::Table = std::str::from_utf8(crate::prelude::LOCK).unwrap().parse().unwrap();
        let direct = direct_dependencies(&lock);
        for name in FOR_CELLS {
            assert!(direct.contains_key(name), "{name}");
        }
    }

    #[test]
    fn what_nobody_has_used_for_long_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path();
        let toolchain = Toolchain::find().unwrap();
        let prelude = |key: &str, rustc: &str, days: u32| {
            let folder = to.join(key);
            std::fs::create_dir(&folder).unwrap();
            let manifest = Manifest {
                key: key.to_owned(),
                version: String::new(),
                rustc: rustc.to_owned(),
                dylib: "lib.so".to_owned(),
                externs: BTreeMap::new(),
                built: String::new(),
            };
            std::fs::write(folder.join(MANIFEST), serde_json::to_string(&manifest).unwrap()).unwrap();
            age(&folder.join(MANIFEST), days);
        };
        let ours = key(&toolchain, b"");
        prelude(&ours, &toolchain.version, 99);
        prelude("outgrown", &toolchain.version, 2);
        prelude("outgrown-today", &toolchain.version, 0);
        prelude("other", "rustc 1.0.0", 29);
        prelude("other-unused", "rustc 1.0.0", 31);
        prelude("other-held", "rustc 1.0.0", 31);
        for name in [".new-left", ".old-left", ".new-now", "something"] {
            std::fs::create_dir(to.join(name)).unwrap();
            age(&to.join(name), if name.ends_with("now") { 0 } else { 1 });
        }
        let held = File::open(to.join("other-held").join(MANIFEST)).unwrap();
        held.lock_shared().unwrap();

        sweep(to, &Prelude::find(to, &toolchain, b"").unwrap());

        let entries = std::fs::read_dir(to).unwrap().map(Result::unwrap);
        let mut left: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        left.sort();
        let mut expected = vec![
            ours.as_str(),
            ".new-now",
            "other",
            "other-held",
            "outgrown-today",
            "something",
        ];
        expected.sort();
        assert_eq!(left, expected);
    }

    fn age(path: &Path, days: u32) {
        let then = SystemTime::now() - days * DAY;
        File::open(path).unwrap().set_modified(then).unwrap();
    }
}
