//! Packs what the prelude is built from, for the executable to carry: `ironsage warm` then works from any way of
//! installing, and a changed toolchain is no reason to look for the sources.
//!
//! One compressed file: the workspace's manifests and its lock file, and the sources of the prelude and of the crates of
//! ours below it. Cargo wants to see the targets of every member; those that are not compiled are empty files here. So the
//! bytes say what a prelude is made of, and change with nothing else: they are part of its key (`cells/src/prelude.rs`).
//!
//! The format: for each file, in the order of their paths, a line with its path, one with its length, and its content;
//! `cells/src/warm/sources.rs` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

/// The member that all this is for.
const PRELUDE: &str = "kernel/prelude";
/// Folders of a member that are no part of its library.
const APART: [&str; 3] = ["benches", "examples", "tests"];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut pack = Pack {
        root: PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join(".."),
        files: BTreeMap::new(),
    };
    pack.take("Cargo.lock")?;
    let workspace = pack.take("Cargo.toml")?;
    let members = quoted(between(&workspace, "members = [", "]"));
    let mut manifests = BTreeMap::new();
    for member in &members {
        manifests.insert(member.as_str(), pack.take(&format!("{member}/Cargo.toml"))?);
    }
    let below = below_the_prelude(&workspace, &manifests)?;
    for member in &members {
        if below.contains(member) {
            for entry in entries(&pack.root.join(member))? {
                let path = format!("{member}/{entry}");
                if !APART.contains(&entry.as_str()) && !manifests.contains_key(path.as_str()) {
                    look_again(&path);
                    pack.take_all(&path)?;
                }
            }
        }
        pack.stand_in(member, &manifests[member.as_str()])?;
    }
    pack.write(&PathBuf::from(std::env::var("OUT_DIR")?).join("prelude.sources"))
}

/// The members that the prelude is compiled from: itself, and what the manifests say it depends on.
fn below_the_prelude(workspace: &str, manifests: &BTreeMap<&str, String>) -> Outcome<BTreeSet<String>> {
    let mut folders = BTreeMap::new();
    for line in workspace.lines().filter(|line| line.contains("{ path = \"")) {
        if let (Some(name), Some(folder)) = (line.split_whitespace().next(), quoted(line).pop()) {
            folders.insert(name, folder);
        }
    }
    let mut below = BTreeSet::new();
    let mut open = vec![PRELUDE.to_owned()];
    while let Some(member) = open.pop() {
        let manifest = manifests.get(member.as_str());
        let manifest = manifest.ok_or_else(|| format!("`{member}` is no member of the workspace"))?;
        for line in between(manifest, "\n[dependencies]\n", "\n[").lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            open.extend(folders.get(name).filter(|folder| !below.contains(*folder)).cloned());
        }
        below.insert(member);
    }
    Ok(below)
}

/// What is collected.
struct Pack {
    root: PathBuf,
    /// Path in the workspace → content.
    files: BTreeMap<String, Vec<u8>>,
}

impl Pack {
    /// Takes a file of text and gives it.
    fn take(&mut self, path: &str) -> Outcome<String> {
        look_again(path);
        let text = std::fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        self.files.insert(path.to_owned(), text.clone().into_bytes());
        Ok(text)
    }

    /// Takes a file, or a folder with all that is in it.
    fn take_all(&mut self, path: &str) -> Outcome<()> {
        let place = self.root.join(path);
        if place.is_dir() {
            for entry in entries(&place)? {
                self.take_all(&format!("{path}/{entry}"))?;
            }
        } else {
            let content = std::fs::read(&place).map_err(|error| format!("{path}: {error}"))?;
            self.files.insert(path.to_owned(), content);
        }
        Ok(())
    }

    /// Puts empty files in the places of a member's targets that are not there: those that its manifest names, and those
    /// that cargo finds by itself.
    fn stand_in(&mut self, member: &str, manifest: &str) -> Outcome<()> {
        let mut targets = vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()];
        for line in manifest.lines().filter(|line| line.starts_with("path = ")) {
            targets.extend(quoted(line));
        }
        for apart in APART {
            let folder = self.root.join(member).join(apart);
            if folder.is_dir() {
                let files = entries(&folder)?.into_iter().filter(|file| file.ends_with(".rs"));
                targets.extend(files.map(|file| format!("{apart}/{file}")));
            }
        }
        for target in targets {
            let path = format!("{member}/{target}");
            if self.root.join(&path).is_file() {
                self.files.entry(path).or_default();
            }
        }
        Ok(())
    }

    fn write(&self, to: &Path) -> Outcome<()> {
        // Without a time, so that the same sources give the same bytes.
        let mut packed = GzBuilder::new().write(Vec::new(), Compression::default());
        for (path, content) in &self.files {
            write!(packed, "{path}\n{}\n", content.len())?;
            packed.write_all(content)?;
        }
        Ok(std::fs::write(to, packed.finish()?)?)
    }
}

/// Tells cargo to run this again when a file changes, or a folder. The path is relative to this package's: clones may
/// share a target folder.
fn look_again(path: &str) {
    println!("cargo::rerun-if-changed=../{path}");
}

/// The names in a folder, without hidden ones.
fn entries(folder: &Path) -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let name = entry?.file_name();
        let name = name.into_string().map_err(|name| format!("{name:?} is no UTF-8"))?;
        if !name.starts_with('.') {
            names.insert(name);
        }
    }
    Ok(names)
}

/// The part of a text after a beginning and before an end.
fn between<'a>(text: &'a str, beginning: &str, end: &str) -> &'a str {
    let rest = text.split_once(beginning).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// What stands in quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
