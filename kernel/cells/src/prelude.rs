//! A ready-made prelude in its place: how it is found, and what rustc is told of it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::toolchain::Toolchain;

/// The versions that this executable was built with.
pub(crate) const LOCK: &[u8] = include_bytes!("../../../Cargo.lock");
const CRATE: &str = "ironsage_prelude";
pub(crate) const MANIFEST: &str = "manifest.json";

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

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it was copied from a build that left this stamp.
    pub(crate) fn is_built_from(&self, stamp: &str) -> bool {
        self.manifest.built == stamp
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

pub(crate) fn key(toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    for part in [toolchain.version.as_bytes(), env!("CARGO_PKG_VERSION").as_bytes(), LOCK] {
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
