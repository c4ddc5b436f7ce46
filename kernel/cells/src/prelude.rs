//! A ready-made prelude in its place: how it is found, and what rustc is told of it.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::toolchain::Toolchain;

/// The versions that this executable was built with.
pub(crate) const LOCK: &[u8] = include_bytes!("../../../Cargo.lock");
const CRATE: &str = "ironsage_prelude";
pub(crate) const MANIFEST: &str = "manifest.json";
/// Counts what folders of preludes have held; one more when they hold something else.
const LAYOUT: u32 = 5;

/// What one folder holds.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) key: String,
    pub(crate) version: String,
    pub(crate) rustc: String,
    pub(crate) dylib: String,
    /// Crate name → its metadata, for crates that a path may begin with.
    pub(crate) externs: BTreeMap<String, String>,
    /// Size and time of the dylib that was copied: tells whether a rebuild changed it.
    pub(crate) built: String,
}

impl Manifest {
    fn read(folder: &Path) -> Option<Manifest> {
        let text = std::fs::read_to_string(folder.join(MANIFEST)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Those of all preludes below a folder, each with its own.
    pub(crate) fn all(to: &Path) -> impl Iterator<Item = (PathBuf, Manifest)> {
        let entries = std::fs::read_dir(to).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let folder = entry.path();
            let manifest = Manifest::read(&folder)?;
            Some((folder, manifest))
        })
    }
}

/// A prelude in its place.
#[derive(Debug, Clone)]
pub(crate) struct Prelude {
    folder: PathBuf,
    manifest: Manifest,
}

impl Prelude {
    /// The one for a toolchain, made from the sources that this executable carries.
    pub(crate) fn find(to: &Path, toolchain: &Toolchain, sources: &[u8]) -> Option<Prelude> {
        let key = key(toolchain, sources);
        let folder = to.join(&key);
        let manifest = Manifest::read(&folder)?;
        (manifest.key == key).then_some(Prelude { folder, manifest })
    }

    /// Says that it is in use, now, and for as long as the file is open: then `warm` does not remove it.
    pub(crate) fn hold(&self) -> Option<File> {
        let file = File::open(self.folder.join(MANIFEST)).ok()?;
        // Both help only to tidy up.
        let _ = file.set_modified(SystemTime::now());
        let _ = file.try_lock_shared();
        Some(file)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it was copied from a build that left this stamp.
    pub(crate) fn is_built_from(&self, stamp: &str) -> bool {
        self.manifest.built == stamp
    }

    /// Whether it belongs to the compiler that says this of itself.
    pub(crate) fn is_of(&self, rustc: &str) -> bool {
        self.manifest.rustc == rustc
    }

    pub(crate) fn dylib(&self) -> PathBuf {
        self.folder.join(&self.manifest.dylib)
    }

    /// The crates that cells can name, each with the file that rustc reads for it.
    pub(crate) fn externs(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        let own = (CRATE, self.dylib());
        let others = &self.manifest.externs;
        std::iter::once(own).chain(
            others
                .iter()
                .map(|(name, file)| (name.as_str(), self.folder.join(file))),
        )
    }

    /// What else rustc is told for every cell: by the script that compiles it, which reads this from a file of the
    /// session, and by whoever asks for a type.
    pub(crate) fn flags(&self) -> Vec<String> {
        vec![
            // One standard library for the cell, the prelude and the dependencies.
            "-Cprefer-dynamic".to_owned(),
            // evcxr asks for them; they make generic code of Polars check its own invariants.
            "-Cdebug-assertions=off".to_owned(),
            format!("-Ldependency={}", self.folder.join("deps").display()),
        ]
    }

    /// Whether a type is one of the crates that the prelude holds.
    pub(crate) fn holds(&self, rust_type: &str) -> bool {
        let words = rust_type.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.into_iter().any(|word| self.manifest.externs.contains_key(word))
    }

    /// Crates that a path in a cell may begin with.
    pub(crate) fn crates(&self) -> HashSet<String> {
        let own = ["std", "core", CRATE].map(str::to_owned);
        self.manifest.externs.keys().cloned().chain(own).collect()
    }
}

/// The name of a prelude's folder: all that it depends on. The sources are those that the executable carries, with the
/// manifests, so that one built from others does not find it.
pub(crate) fn key(toolchain: &Toolchain, sources: &[u8]) -> String {
    let mut hash = Sha256::new();
    let (layout, version) = (LAYOUT.to_le_bytes(), env!("CARGO_PKG_VERSION"));
    let own = [layout.as_slice(), version.as_bytes(), LOCK, sources];
    for part in own.into_iter().chain([toolchain.version.as_bytes()]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_with_another_key_or_without_manifest_is_not_ready() {
        let to = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::find().unwrap();
        let find = || Prelude::find(to.path(), &toolchain, b"sources");
        assert!(find().is_none());
        let folder = to.path().join(key(&toolchain, b"sources"));
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
        assert!(find().is_none());
        manifest.key = key(&toolchain, b"sources");
        write(&manifest);
        let prelude = find().unwrap();
        assert_eq!(prelude.externs().count(), 2);
        assert!(prelude.crates().contains("polars"));
        assert!(Prelude::find(to.path(), &toolchain, b"other sources").is_none());
    }

    #[test]
    fn another_compiler_or_other_sources_make_another_key() {
        let toolchain = Toolchain::find().unwrap();
        let mut newer = toolchain.clone();
        newer.version = toolchain.version.replace("rustc 1.", "rustc 2.");
        let keys = [
            key(&toolchain, b""),
            key(&toolchain, b"a"),
            key(&newer, b""),
            key(&newer, b"a"),
        ];
        let different: HashSet<&String> = keys.iter().collect();
        assert_eq!(different.len(), 4);
        assert_eq!(keys[0], key(&toolchain, b""));
    }

    #[test]
    fn who_holds_a_prelude_marks_it_as_used() {
        let to = tempfile::tempdir().unwrap();
        let toolchain = Toolchain::find().unwrap();
        let folder = to.path().join(key(&toolchain, b""));
        std::fs::create_dir(&folder).unwrap();
        let manifest = serde_json::json!({
            "key": key(&toolchain, b""), "version": "", "rustc": "", "dylib": "lib.so", "externs": {}, "built": ""
        });
        let place = folder.join(MANIFEST);
        std::fs::write(&place, manifest.to_string()).unwrap();
        let other = File::open(&place).unwrap();
        other.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let held = Prelude::find(to.path(), &toolchain, b"").unwrap().hold();
        assert!(other.metadata().unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH);
        assert!(other.try_lock().is_err());
        drop(held);
        other.try_lock().unwrap();
    }
}
