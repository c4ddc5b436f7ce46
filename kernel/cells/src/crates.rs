//! Crates that a cell can name: those of the prelude, those that `:dep` has added, and what lies beneath them.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::folder::evcxr_folder;
use crate::prelude::Prelude;
use crate::toolchain::Toolchain;

/// What rustc is told of them, and their names. `more` are crates that cells have come to name beside those that they
/// are given.
pub(crate) fn arguments(
    prelude: &Prelude,
    toolchain: &Toolchain,
    more: &BTreeMap<String, PathBuf>,
) -> (Vec<String>, HashSet<String>) {
    let mut flags = prelude.flags();
    let mut names = prelude.crates();
    let (built, macros) = built(toolchain);
    let added = dependencies(&built);
    if !added.is_empty() {
        for folder in [&built, &macros] {
            flags.push(format!("-Ldependency={}", folder.display()));
        }
    }
    let mut externs = more.clone();
    externs.extend(prelude.externs().map(|(name, file)| (name.to_owned(), file)));
    externs.extend(added);
    for (name, file) in externs {
        flags.push(format!("--extern={name}={}", file.display()));
        names.insert(name);
    }
    (flags, names)
}

/// The file of a crate that lies beneath those that cells name, where there is one only of this name.
pub(crate) fn beneath(name: &str, prelude: &Prelude, toolchain: &Toolchain) -> Option<PathBuf> {
    let only = |folder: &Path, ending: &str| {
        let begins = format!("lib{name}-");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found = files.map(|file| file.path()).filter(|path| {
            let file = path.file_name().and_then(|file| file.to_str());
            file.is_some_and(|file| file.starts_with(&begins) && file.ends_with(ending))
        });
        found.next().filter(|_| found.next().is_none())
    };
    only(&built(toolchain).0, ".rlib").or_else(|| only(&prelude.folder().join("deps"), ".rmeta"))
}

/// Where cargo puts what `:dep` adds: libraries, and what runs in the compiler.
fn built(toolchain: &Toolchain) -> (PathBuf, PathBuf) {
    let target = evcxr_folder().join("target");
    let host = toolchain.host().unwrap_or_default();
    (target.join(host).join("debug/deps"), target.join("debug/deps"))
}

/// Crates that `:dep` has added, as evcxr's manifest lists them, with the newest file that was
/// built for each. One that is named but not built yet is left out.
fn dependencies(built: &Path) -> BTreeMap<String, PathBuf> {
    let manifest = std::fs::read_to_string(evcxr_folder().join("Cargo.toml"));
    let manifest = manifest.ok().and_then(|text| text.parse::<toml::Table>().ok());
    let named = manifest.as_ref().and_then(|table| table.get("dependencies"));
    let names: Vec<String> = named
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|table| table.keys().map(|name| name.replace('-', "_")))
        .collect();
    if names.is_empty() {
        return BTreeMap::new();
    }
    let mut newest: BTreeMap<String, (SystemTime, PathBuf)> = BTreeMap::new();
    let entries = std::fs::read_dir(built).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let file = entry.file_name();
        let Some((name, _)) = file
            .to_str()
            .and_then(|file| file.strip_prefix("lib")?.strip_suffix(".rmeta"))
            .and_then(|bare| bare.rsplit_once('-'))
        else {
            continue;
        };
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        if let (true, Ok(changed)) = (names.iter().any(|known| known == name), changed)
            && newest.get(name).is_none_or(|(known, _)| *known < changed)
        {
            newest.insert(name.to_owned(), (changed, entry.path()));
        }
    }
    newest.into_iter().map(|(name, (_, file))| (name, file)).collect()
}
