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

    /// What else rustc is told for every cell.
    pub(crate) fn flags(&self) -> Vec<String> {
        vec![
            // One standard library for the cell, the prelude and the dependencies.
            "-Cprefer-dynamic".to_owned(),
            // evcxr asks for them; they make generic code of Polars check its own invariants.
            "-Cdebug-assertions=off".to_owned(),
            format!("-Ldependency={}", self.folder.join("deps").display()),
        ]
    }

    /// A script that cargo calls in the place of rustc, for the cell alone and not for what `:dep`
    /// adds: it knows nothing of the prelude and must not be compiled against it unasked. A crate
    /// that `:dep` names itself goes before ours of the same name.
    pub(crate) fn compiler_script(&self) -> String {
        let mut script = String::from("#!/bin/sh\ngiven=\" $* \"\n");
        for (name, file) in self.externs() {
            let value = quoted(&format!("{name}={}", file.display()));
            script.push_str(&format!(
                "case \"$given\" in *\" --extern {name}=\"*) ;; *) set -- \"$@\" --extern {value} ;; esac\n"
            ));
        }
        let flags: Vec<String> = self.flags().iter().map(|flag| quoted(flag)).collect();
        script.push_str(&format!("exec \"$@\" {}\n", flags.join(" ")));
        script
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

/// A word for the shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
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
        assert_eq!(prelude.externs().count(), 2);
        assert!(prelude.crates().contains("polars"));
    }

    #[test]
    fn the_compiler_script_adds_crates_that_are_not_given() {
        let manifest = Manifest {
            key: String::new(),
            version: String::new(),
            rustc: String::new(),
            dylib: "lib.so".to_owned(),
            externs: [("polars", "deps/p.rmeta"), ("tokio", "deps/t.rmeta")]
                .map(|(name, file)| (name.to_owned(), file.to_owned()))
                .into(),
            built: String::new(),
        };
        let folder = PathBuf::from("/a 'quoted' folder");
        let prelude = Prelude { folder, manifest };
        let place = tempfile::tempdir().unwrap();
        let script = place.path().join("rustc");
        std::fs::write(&script, prelude.compiler_script()).unwrap();
        let output = std::process::Command::new("sh")
            .arg(&script)
            .args(["echo", "--extern", "tokio=mine", "src/lib.rs"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "--extern tokio=mine src/lib.rs --extern ironsage_prelude=/a 'quoted' folder/lib.so --extern polars=/a 'quoted' folder/deps/p.rmeta -Cprefer-dynamic -Cdebug-assertions=off -Ldependency=/a 'quoted' folder/deps\n"
        );
    }
}
