//! Crates of the prelude, for what `:dep` adds.
//!
//! A crate that is compiled twice has two of every type and static: a future from a second tokio finds no reactor on the
//! prelude's, and a second ndarray's array is another type. So beside the prelude lies, for each crate in it, a source of
//! one line that re-exports it. Cargo resolves and calls rustc as always; `rustc.sh` puts this source in the place of
//! the crate's own. That needs no `[patch]`, keeps features and build scripts as cargo sees them, and takes a second for
//! the tree below tokio. The versions are made to agree by a lock file ([`lock`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::Command;

use crate::prelude::LOCK;

/// The folder below a prelude's.
pub(crate) const FOLDER: &str = "facades";

/// Crates whose generic code calls C. It would be compiled into the cell, and the prelude hands on no C.
const OF_C: [&str; 5] = ["zstd-sys", "zstd-safe", "zstd", "lz4-sys", "lz4"];
/// Crates whose build scripts compile C for a minute, or ask what that has given, for nothing but the crate itself.
const FOR_C: [&str; 2] = ["aws-lc-sys", "aws-lc-rs"];

/// A crate that was compiled for the prelude.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) package: String,
    pub(crate) version: String,
    /// Its metadata in the prelude's folder of dependencies, `libtokio-0123456789abcdef.rmeta`.
    pub(crate) file: String,
    pub(crate) features: Vec<String>,
}

/// The crates that a dylib contains, as `name-hash`: what rustc itself has written into it.
pub(crate) fn contained(rustc: &Path, dylib: &Path) -> io::Result<BTreeSet<String>> {
    let output = Command::new(rustc)
        .arg("-Zls=root")
        .arg(dylib)
        // To read a list; nothing is compiled.
        .env("RUSTC_BOOTSTRAP", "1")
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("rustc cannot read it: {}", said.trim())));
    }
    Ok(listed(&String::from_utf8_lossy(&output.stdout)))
}

/// `29 crossbeam_utils-dd48… hash 3038… … linkage Some(RequireStatic)` for each crate that was linked in.
fn listed(text: &str) -> BTreeSet<String> {
    let linked = text.lines().filter(|line| line.ends_with("Some(RequireStatic)"));
    linked
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(str::to_owned)
        .collect()
}

/// Writes the sources for those of the compiled crates that the dylib contains.
pub(crate) fn write(folder: &Path, compiled: &[Compiled], contained: &BTreeSet<String>) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for known in compiled {
        let bare = known
            .file
            .strip_prefix("lib")
            .and_then(|file| file.strip_suffix(".rmeta"));
        let package = known.package.as_str();
        if OF_C.contains(&package) || !bare.is_some_and(|bare| contained.contains(bare)) {
            continue;
        }
        let name = format!("{package}-{}", known.version);
        // `extern crate` for crates of the edition of 2015.
        let source = format!(
            "// {}\n// {}\nextern crate ironsage_real;\npub use ironsage_real::*;\n",
            known.file,
            known.features.join(" ")
        );
        std::fs::write(folder.join(format!("{name}.rs")), source)?;
        if FOR_C.contains(&package) {
            std::fs::write(folder.join(format!("{name}.build.rs")), "fn main() {}\n")?;
        }
    }
    Ok(())
}

/// A lock file by which cargo chooses the prelude's own versions for what `:dep` adds, and leaves what it has `chosen` before.
pub(crate) fn lock(chosen: &str) -> io::Result<String> {
    merged(&String::from_utf8_lossy(LOCK), chosen).map_err(io::Error::other)
}

/// The packages of two lock files that come from a registry, each once.
fn merged(ours: &str, theirs: &str) -> Result<String, toml::de::Error> {
    let mut packages = BTreeMap::new();
    for text in [theirs, ours] {
        let table: toml::Table = text.parse()?;
        let known = table.get("package").and_then(toml::Value::as_array).cloned();
        for package in known.unwrap_or_default() {
            let word = |key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
            if let (Some(name), Some(version), Some(source)) = (word("name"), word("version"), word("source")) {
                packages.insert((name, version, source), package);
            }
        }
    }
    let mut lock = toml::Table::new();
    lock.insert("version".to_owned(), toml::Value::Integer(4));
    lock.insert("package".to_owned(), packages.into_values().collect::<Vec<_>>().into());
    Ok(lock.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_linked_in_is_listed() {
        let text = "=External Dependencies=\n1 std-d123 hash 34 host_hash None kind Unconditional public linkage Some(RequireDynamic)\n2 core-120c hash 41 host_hash None kind Unconditional public linkage None\n20 ndarray-95a2 hash 48 host_hash None kind Unconditional public linkage Some(RequireStatic)\n62 serde_derive-4293 hash 0a host_hash None kind MacrosOnly public linkage None\n";
        assert_eq!(listed(text), BTreeSet::from(["ndarray-95a2".to_owned()]));
    }

    #[test]
    fn a_facade_names_its_crate_and_its_features() {
        let folder = tempfile::tempdir().unwrap();
        let compiled = |package: &str, file: &str| Compiled {
            package: package.to_owned(),
            version: "1.2.3".to_owned(),
            file: file.to_owned(),
            features: vec!["default".to_owned(), "rt".to_owned()],
        };
        let all = [
            compiled("tokio", "libtokio-ab.rmeta"),
            compiled("aws-lc-sys", "libaws_lc_sys-cd.rmeta"),
            compiled("zstd", "libzstd-01.rmeta"),
            compiled("syn", "libsyn-ef.rmeta"),
        ];
        let contained = ["tokio-ab", "aws_lc_sys-cd", "zstd-01"].map(str::to_owned).into();
        write(folder.path(), &all, &contained).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name));
        assert_eq!(
            read("tokio-1.2.3.rs").unwrap(),
            "// libtokio-ab.rmeta\n// default rt\nextern crate ironsage_real;\npub use ironsage_real::*;\n"
        );
        assert_eq!(read("aws-lc-sys-1.2.3.build.rs").unwrap(), "fn main() {}\n");
        for none in ["tokio-1.2.3.build.rs", "syn-1.2.3.rs", "zstd-1.2.3.rs"] {
            assert!(read(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_lock_file_has_both_choices_and_no_crate_of_the_workspace() {
        let ours = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"r\"\n[[package]]\nname = \"ironsage\"\nversion = \"0.1.0\"\n";
        let theirs = "version = 4\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nsource = \"r\"\n[[package]]\nname = \"ctx\"\nversion = \"1.0.0\"\n";
        let merged: toml::Table = merged(ours, theirs).unwrap().parse().unwrap();
        let names: Vec<&str> = merged["package"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["a", "b"]);
    }
}
